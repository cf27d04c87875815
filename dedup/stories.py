"""Evidence → probability → stories.

The probability that two articles tell one story is a logistic function of few features. Stories are then the clusters
of average linkage over copy groups: two clusters join only where the mean over *all* their pairs reaches the cut, so
that one strong bridge cannot join two stories. A pair that was never a candidate counts 0.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from dedup.alignment import FEATURES
from dedup.errors import SettingsError
from dedup.kernels import linkage, linking

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

FLOOR = 0.02  # a probability that counts as none: most candidates have less
_UNITS = 1 << 30  # probabilities are summed as integers: exact, in any order


@dataclass(frozen=True)
class Model:
    """How features become a probability, and the mean probability from which articles are one story."""

    names: tuple[str, ...]  # of alignment.FEATURES
    coefficients: tuple[float, ...]
    bias: float
    cut: float

    def __post_init__(self) -> None:
        """Refuse what cannot be computed."""
        unknown = sorted(set(self.names) - set(FEATURES))
        if unknown:
            raise SettingsError(f"story model: unknown feature {unknown[0]!r}; there are {', '.join(FEATURES)}")
        if not 0 < self.cut <= 1:
            raise SettingsError(f"story model: cut {self.cut} is not above 0 and at most 1")

    @staticmethod
    def load(path: Path | None = None) -> Model:
        """Read the model of the package, or one that :meth:`write` wrote."""
        file = path or files("dedup") / "data" / "stories.json"
        try:
            record = json.loads(file.read_text(encoding="utf-8"))
            coefficients = {str(name): float(value) for name, value in record["coefficients"].items()}
            return Model(tuple(coefficients), tuple(coefficients.values()), float(record["bias"]), float(record["cut"]))
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise SettingsError(
                f"{file} is not a story model ({type(error).__name__}: {error}); expected JSON with coefficients by"
                " feature, bias and cut: fit one again or leave it out"
            ) from error

    def write(self, path: Path) -> None:
        """Write the model as JSON."""
        record: dict[str, Any] = {
            "coefficients": dict(zip(self.names, self.coefficients, strict=True)),
            "bias": self.bias,
            "cut": self.cut,
        }
        path.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def score(columns: NDArray[np.float32], model: Model) -> NDArray[np.float64]:
    """Return the probability, 0..1, that each pair is of one story; ``columns`` is (pairs, FEATURES)."""
    value = np.full(len(columns), model.bias)
    for name, coefficient in zip(model.names, model.coefficients, strict=True):  # in this order on every machine
        value += coefficient * columns[:, FEATURES.index(name)].astype(np.float64)
    return np.asarray(1 / (1 + np.exp(-value)), np.float64)


class Stories(NamedTuple):
    """For each article its story (the smallest article of it), and how well that holds together."""

    story: NDArray[np.int64]
    witness: NDArray[np.int64]  # the most probable partner in the story, of another copy group; -1 for none
    cohesion: NDArray[np.float64]  # mean probability over the story's pairs of copy groups; NaN with one group
    weakest: NDArray[np.float64]  # the mean probability at which the last two parts joined; NaN with one group


class _Edges(NamedTuple):
    """Weighted pairs of distinct copy groups, ``low < high``."""

    low: NDArray[np.int64]
    high: NDArray[np.int64]
    weight: NDArray[np.int64]  # mean probability over all pairs of their articles, in _UNITS

    def where(self, kept: NDArray[np.bool_]) -> _Edges:
        return _Edges(self.low[kept], self.high[kept], self.weight[kept])


def link(
    left: NDArray[np.int64],
    right: NDArray[np.int64],
    probability: NDArray[np.float64],
    group: NDArray[np.int64],
    cut: float,
) -> Stories:
    """Join articles (copy groups 0 to n - 1) into stories by their pairs, each given once.

    Of two copy groups every pair of articles counts, and a missing one 0: where only representatives were compared,
    only these are articles here. With articles in order of time a story is named after its first, which needs no
    witness.
    """
    between = _between(left, right, probability, group)
    edges = _relevant(between.where(between.weight > FLOOR * _UNITS), cut, len(group))
    nodes, ends = np.unique(np.concatenate([edges.low, edges.high]), return_inverse=True)
    cluster, size = np.empty(len(nodes), np.int64), np.ones(len(nodes), np.int64)
    inside, weakest = np.zeros(len(nodes), np.int64), np.empty(len(nodes))
    low, high = ends[: len(edges.low)], ends[len(edges.low) :]
    linkage.average_linkage(low, high, edges.weight, cut * _UNITS, cluster, size, inside, weakest)

    of_group = np.arange(len(group))
    of_group[nodes] = nodes[cluster]
    label = of_group[group]
    figures = np.full((2, len(group)), np.nan)
    joined = nodes[size[cluster] > 1]
    at = cluster[size[cluster] > 1]
    figures[0, joined] = inside[at] / (size[at] * (size[at] - 1) / 2) / _UNITS
    figures[1, joined] = weakest[at] / _UNITS

    story = _smallest(label)[label]
    witness = _witnesses(left, right, probability, group, story)
    return Stories(story, witness, figures[0, group], figures[1, group])


def mean_link(
    left: NDArray[np.int64],
    right: NDArray[np.int64],
    probability: NDArray[np.float64],
    group: NDArray[np.int64],
    parts: tuple[NDArray[np.int64], NDArray[np.int64]],
) -> float:
    """Return the mean probability, 0..1, over all pairs of copy groups between two parts, as :func:`link` counts it.

    ``parts`` are the copy groups of either, none in both; the rest is what :func:`link` takes.
    """
    edges = _between(left, right, probability, group)
    one, two = parts
    ascending = np.isin(edges.low, one) & np.isin(edges.high, two)
    across = ascending | (np.isin(edges.low, two) & np.isin(edges.high, one))
    counted = edges.weight[across & (edges.weight > FLOOR * _UNITS)]
    return float(counted.sum() / (len(one) * len(two)) / _UNITS)


def _between(
    left: NDArray[np.int64], right: NDArray[np.int64], probability: NDArray[np.float64], group: NDArray[np.int64]
) -> _Edges:
    one, two = group[left], group[right]
    other = one != two
    low, high = np.minimum(one, two)[other], np.maximum(one, two)[other]
    order = np.lexsort((high, low))
    low, high = low[order], high[order]
    units = np.rint(probability[other][order] * _UNITS).astype(np.int64)
    first = np.flatnonzero(np.diff(low, prepend=-1) | np.diff(high, prepend=-1))
    low, high = low[first], high[first]
    total = np.add.reduceat(units, first) if len(first) else units
    size = np.bincount(group, minlength=len(group))
    return _Edges(low, high, np.rint(total / (size[low] * size[high])).astype(np.int64))


def _relevant(edges: _Edges, cut: float, groups: int) -> _Edges:
    """Keep the edges within components of edges that reach the cut: a mean reaches it only if one of them does."""
    strong = edges.weight >= cut * _UNITS
    parents = np.arange(groups)
    linking.components(edges.low[strong], edges.high[strong], parents)
    return edges.where(parents[edges.low] == parents[edges.high])


def _smallest(label: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return for each label the smallest article that has it."""
    smallest = np.full(len(label), len(label), np.int64)
    np.minimum.at(smallest, label, np.arange(len(label)))
    return smallest


def _witnesses(
    left: NDArray[np.int64],
    right: NDArray[np.int64],
    probability: NDArray[np.float64],
    group: NDArray[np.int64],
    story: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Return for each article the most probable partner in its story, of equals the smallest; -1 for the first."""
    inside = (story[left] == story[right]) & (group[left] != group[right])
    article = np.concatenate([left[inside], right[inside]])
    partner = np.concatenate([right[inside], left[inside]])
    order = np.lexsort((partner, -np.tile(probability[inside], 2), article))
    witness = np.full(len(story), -1, np.int64)
    best = order[np.flatnonzero(np.diff(article[order], prepend=-1))]
    witness[article[best]] = partner[best]
    witness[story] = -1
    return witness
