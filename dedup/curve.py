"""What a banding and a threshold mean: the S-curve, the estimator's error, and how surely excerpts are seen.

The S-curve is that of Leskovec, Rajaraman and Ullman, *Mining of Massive Datasets*, ch. 3.4; the error is that of a
mean of coin throws (Broder 1997). Excerpts share sampled shingles: how many is a binomial count.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dedup.candidates import BAND, SEEN
from dedup.lsh import probability
from dedup.minhash import standard_error

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dedup.settings import Settings

_PANELS, _NODES = 256, 16  # of the quadrature: exact to 1e-9 for every banding of at most 4,096 minima
_TAIL = 12  # standard deviations of a binomial count outside which nothing is counted
_STEPS = 20  # of the table, from 0 to 1
_PERMUTATIONS = (32, 64, 128, 256, 512, 1024)
_LENGTHS = (1, 2, 4, 8)  # excerpts in the table: the shortest, and so many times as long


@dataclass(frozen=True)
class Point:
    """A resemblance (0..1), the chance that such a pair becomes a candidate, and the standard error of its estimate."""

    resemblance: float
    probability: float
    standard_error: float


@dataclass(frozen=True)
class Error:
    """A number of permutations, and the standard error of an estimate of the threshold ``near`` from so many."""

    permutations: int
    standard_error: float


@dataclass(frozen=True)
class Excerpt:
    """Distinct shingles of an excerpt, the share of them in the longer text, and the chance to become a candidate."""

    shingles: int
    containment: float
    probability: float


@dataclass(frozen=True)
class Curve:
    """The banding in force beside the thresholds in force; all chances are 0..1.

    ``halfway`` is the resemblance whose pairs are candidates half of the time; ``at_near`` the chance at the threshold
    ``near``; ``from_near`` and ``below_near`` the mean chance above and below it, where every resemblance is as
    frequent as every other: expected recall, and the part of the other pairs that is compared in vain.
    ``standard_error`` is that of an estimate of ``near``.
    """

    bands: int
    rows: int
    permutations: int
    near: float
    excerpt: float
    sample: int
    halfway: float
    at_near: float
    from_near: float
    below_near: float
    standard_error: float
    points: tuple[Point, ...]
    errors: tuple[Error, ...]
    excerpts: tuple[Excerpt, ...]


def curve(settings: Settings) -> Curve:
    """Tell what the banding, the sample and the thresholds of these settings mean."""
    bands, rows, near = settings.bands, settings.rows, settings.near
    lengths = [settings.excerpt_shingles * times for times in _LENGTHS]
    shares = sorted({settings.excerpt, *(share for share in (0.7, 0.8, 0.9, 1.0) if share > settings.excerpt)})
    return Curve(
        bands=bands,
        rows=rows,
        permutations=settings.permutations,
        near=near,
        excerpt=settings.excerpt,
        sample=settings.sample,
        halfway=resemblance_at(0.5, bands, rows),
        at_near=chance(near, bands, rows),
        from_near=mean_chance(near, 1.0, bands, rows),
        below_near=mean_chance(0.0, near, bands, rows),
        standard_error=standard_error(near, settings.permutations),
        points=tuple(
            Point(share, chance(share, bands, rows), standard_error(share, settings.permutations))
            for share in (step / _STEPS for step in range(_STEPS + 1))
        ),
        errors=tuple(
            Error(count, standard_error(near, count)) for count in sorted({*_PERMUTATIONS, settings.permutations})
        ),
        excerpts=tuple(
            Excerpt(length, share, excerpt_chance(length, share, settings.excerpt, settings.sample))
            for length in lengths
            for share in shares
        ),
    )


def chance(resemblance: float, bands: int, rows: int) -> float:
    """Return the chance, 0..1, that a pair of this resemblance (0..1) agrees in a band and becomes a candidate."""
    return float(probability(np.array([resemblance]), bands, rows)[0])


def resemblance_at(chance: float, bands: int, rows: int) -> float:
    """Return the resemblance whose pairs become candidates with this chance, the S-curve read the other way."""
    return float((1.0 - (1.0 - chance) ** (1.0 / bands)) ** (1.0 / rows))


def mean_chance(low: float, high: float, bands: int, rows: int) -> float:
    """Return the mean chance of pairs whose resemblance is uniform from ``low`` to ``high``.

    From a threshold to 1 it is the recall to expect of a banding where no resemblance is likelier than another. Real
    pairs are not uniform: copies crowd near 1, where the chance is higher.
    """
    if low == high:
        return chance(low, bands, rows)
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    edges = np.linspace(low, high, _PANELS + 1)
    places = edges[:-1, None] + (edges[1:] - edges[:-1])[:, None] * (nodes + 1) / 2
    return float((probability(places, bands, rows) @ weights).mean() / 2)


def excerpt_chance(shingles: int, containment: float, excerpt: float, sample: int) -> float:
    """Return the chance that an excerpt becomes a candidate by the sampled shingles that it shares.

    It has ``shingles`` distinct ones, of which the share ``containment`` stands in the longer text; one in ``sample``
    is seen. It needs at least one in common, and of its sampled ones ``excerpt`` times SEEN. Its bands, which may
    find it too, and long lists, of which not every pair is looked at, are left out.
    """
    common = round(shingles * containment)
    shared, mass = _binomial(common, 1 / sample)
    others, rest = _binomial(shingles - common, 1 / sample)
    allowed = _most_keys(shared, excerpt * SEEN) - shared
    below = np.concatenate([np.zeros(1), np.cumsum(rest)])
    fits = below[np.clip(allowed - others[0] + 1, 0, len(rest))]
    seen = np.where(shared >= BAND, 1.0, fits) * (shared > 0)
    return float(min(1.0, mass @ seen))


def _most_keys(shared: NDArray[np.int64], part: float) -> NDArray[np.int64]:
    """Return how many sampled shingles a text may have at most for so many shared ones to be ``part`` of them."""
    most = np.floor(shared / part).astype(np.int64)
    most += (most + 1) * part <= shared  # as the search rounds
    most -= most * part > shared
    return np.asarray(most, np.int64)


def _binomial(trials: int, share: float) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the counts that can happen in practice, and their chances."""
    mean, spread = trials * share, math.sqrt(trials * share * (1 - share))
    low = max(0, math.floor(mean - _TAIL * spread) - _TAIL)
    high = min(trials, math.ceil(mean + _TAIL * spread) + _TAIL)
    counts = np.arange(low, high + 1)
    if share == 1.0:
        return counts, (counts == trials).astype(np.float64)
    peak = min(high, int((trials + 1) * share))
    steps = np.log((trials - counts[:-1]) / (counts[:-1] + 1)) + math.log(share / (1 - share))
    logs = np.concatenate([np.zeros(1), np.cumsum(steps)])
    mass = np.exp(logs - logs[peak - low])
    return counts, mass / mass.sum()
