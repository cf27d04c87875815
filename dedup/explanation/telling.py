"""Two articles, or those that stand for their copy groups, as rewrites: terms, features, probability, linkage."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dedup.alignment import FEATURES
from dedup.evaluation import relink
from dedup.explanation.reason import (
    Feature,
    Telling,
)
from dedup.rewrites import SHARED
from dedup.text import read, views

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from dedup.explanation.case import Case
    from dedup.explanation.facts import Facts
    from dedup.explanation.rehearsal import Retold
    from dedup.settings import Settings


_HOUR = 3_600_000_000  # microseconds
STEPS = 100  # thresholds are tried in hundredths


class _Pair(NamedTuple):
    """The tellers that stand for two articles, as places among the tellers; ``pair`` is None where not aligned."""

    left: int
    right: int
    pair: int | None


def _stand_ins(case: Case, retold: Retold) -> _Pair:
    """Choose who is aligned for the two: their own texts, or else the likeliest of their copy groups."""
    ours, theirs = (_tellers(case, retold, place) for place in case.places)
    ahead = np.isin(retold.left, ours) & np.isin(retold.right, theirs)
    behind = np.isin(retold.left, theirs) & np.isin(retold.right, ours)
    pairs = np.flatnonzero(ahead | behind)
    if not len(pairs):
        return _Pair(int(ours[0]), int(theirs[0]), None)
    best = int(pairs[np.argmax(retold.probability[pairs])])
    ends = int(retold.left[best]), int(retold.right[best])
    return _Pair(*(ends if ahead[best] else ends[::-1]), best)


def _tellers(case: Case, retold: Retold, place: int) -> NDArray[np.intp]:
    """Return the tellers of an article: its own text, or its copy group's where that is not one of them."""
    rank = case.rehearsal.ranks()[place]
    own = place if rank < 0 else case.copied.members.texts[rank]
    found = np.flatnonzero(retold.rows == own)
    return found if len(found) else np.flatnonzero(retold.first[retold.rows] == retold.first[place])


def telling_of(case: Case) -> Telling:
    """Say how alike two articles are as tellings of a story, and whether they were aligned."""
    retold, settings = case.retold, case.settings
    left, right, pair = _stand_ins(case, retold)
    rows = int(retold.rows[left]), int(retold.rows[right])
    ids = case.table["id"][rows[0]].as_py(), case.table["id"][rows[1]].as_py()
    stored = case.facts.match(*ids, rewrite=True)
    label = retold.stories(settings.story_threshold)
    apart = not case.together(label)
    parts = [retold.groups_of(label == label[place]) for place in case.places]
    groups = [retold.group[[place]] for place in (left, right)]
    return Telling(
        left_id=ids[0],
        right_id=ids[1],
        terms=_shared_terms(case, rows),
        needed=SHARED,
        hours=_hours(case, rows),
        window=settings.window,
        probability=None if pair is None else float(retold.probability[pair]),
        stored=None if stored is None else float(stored["story_score"]),
        points=case.rehearsal.model.bias,
        features=() if pair is None else _features(case, retold.columns[pair]),
        between=retold.mean_link(*groups),
        parts=retold.mean_link(*parts) if apart else None,
        left_groups=len(parts[0]),
        right_groups=len(parts[1]),
        cut=settings.story_threshold,
        together_up_to=_height(case.facts, settings) if case.facts.one("story_id") else None,
    )


def _features(case: Case, values: NDArray[np.float32]) -> tuple[Feature, ...]:
    model = case.rehearsal.model
    found = [(name, float(values[FEATURES.index(name)])) for name in model.names]
    return tuple(Feature(name, value, by * value) for (name, value), by in zip(found, model.coefficients, strict=True))


def _hours(case: Case, rows: tuple[int, int]) -> float | None:
    published = case.rehearsal.surveyed.published.cast(pa.int64())
    left, right = published[rows[0]].as_py(), published[rows[1]].as_py()
    return None if left is None or right is None else abs(left - right) / _HOUR


def _shared_terms(case: Case, rows: tuple[int, int]) -> tuple[str, ...]:
    """Return the salient terms of both, the weightiest first, as words of the first that has them."""
    outlines, vocabulary = case.rehearsal.surveyed.outlines, case.rehearsal.vocabulary
    assert outlines is not None  # noqa: S101  (a rehearsal makes them)
    places, values = outlines.salient
    left, right = (values[places[row] : places[row + 1]] for row in rows)
    shared = np.intersect1d(left, right)
    words = dict(_words(case.table.slice(rows[0], 1)))
    order = shared[np.argsort(-vocabulary.key[shared], kind="stable")]
    return tuple(words[term] for term in vocabulary.terms[order].tolist())


def _words(article: pa.Table) -> Iterator[tuple[int, str]]:
    """Yield the terms of a title and a text with the word that each is there; the first of a term comes last."""
    for name in ("text", "title"):
        column = pc.fill_null(article[name], "").combine_chunks()
        made, data = read(views(column)), column[0].as_py().encode()
        bounds = zip(made.terms.tolist(), made.tokens.starts.tolist(), made.tokens.ends.tolist(), strict=True)
        for term, start, end in reversed(list(bounds)):
            yield term, data[start:end].decode()


def _height(facts: Facts, settings: Settings) -> float:
    """Return the highest threshold, in hundredths, at which two of one story are together."""

    def together(step: int) -> bool:
        story = relink(facts.result, step / STEPS)
        return bool(story[facts.rows[0]] == story[facts.rows[1]])

    first = math.ceil(settings.story_threshold * STEPS)
    return max(last_step(first, STEPS, together) / STEPS, settings.story_threshold)


def last_step(low: int, high: int, holds: Any) -> int:
    """Return the last step from ``low`` to ``high`` for which something holds that ends for good; low - 1 for none."""
    low -= 1
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if holds(middle) else (low, middle - 1)
    return low
