"""Outlines → stories: candidates within the window, aligned sentence by sentence, scored and linked.

What is known of the articles lies in columns, in order of time, and is read a stretch of it at a time::

    candidates     salient terms of a stretch, and of the window before it
    local weights  terms of a stretch, and of the stretches in which its neighbours are
    alignment      outlines of a stretch, and of its partners
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from dedup import alignment, stories
from dedup.alignment import EVIDENCE, NO_DATE, Profiles
from dedup.kernels import alignment as kernels
from dedup.kernels import profiling, ragged
from dedup.profiles import Listed, Lists, Outlined

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from dedup.alignment import Neighbours
    from dedup.background import Background
    from dedup.profiles import Outlines
    from dedup.stories import Model, Stories
    from dedup.vocabulary import Vocabulary
    from dedup.work import Column, Work
    from dedup.workers import Workers

TELLERS = 5  # distinct texts of a copy group, the first published, that stand for it
SHARED = 3  # of their 48 salient terms, from which two articles are candidates
_HOUR = 3_600_000_000  # microseconds

# What is worked on at a time.
_GATHERED = 1 << 12  # articles that are put in order of time
_ASKED = 1 << 16  # articles whose partners are looked for
_WEIGHED = 1 << 14  # articles whose terms are weighed, and neighbours that they are compared with
_PAIRS = 1 << 15  # pairs that a thread takes to align them, more where these are less than one in _PARTS of all
_PARTS = 64
_SCORED = 1 << 18  # pairs that are scored

# Columns: of a chronicle, and of pairs.
_TOLD = ("tellers-outlines", "tellers-terms", "tellers-salient")
_ALIGNED = ("left", "right", "evidence")


@dataclass(frozen=True)
class Tellers:
    """Some articles that may retell each other, in order of time, undated ones last.

    ``published`` (int64, microseconds; NO_DATE), ``outlet`` (int32, -1 unknown), ``group`` (int64, copy groups 0 to
    m - 1) have one value an article.
    """

    outlines: Outlines
    published: NDArray[np.int64]
    outlet: NDArray[np.int32]
    group: NDArray[np.int64]


@dataclass(frozen=True)
class Chronicle:
    """All articles that may retell each other, as :class:`Tellers` has them, their outlines in columns.

    ``terms`` and ``salient`` are those of the outlines, once more for those who read nothing else; ``sentences`` is how
    many an article has. ``outlet`` is -1 where it says nothing, too.
    """

    outlined: Outlined
    terms: Listed
    salient: Listed
    sentences: NDArray[np.int64]
    published: NDArray[np.int64]
    outlet: NDArray[np.int32]
    group: NDArray[np.int64]

    @staticmethod
    def of(
        outlined: Outlined,
        rows: NDArray[np.int64],
        published: NDArray[np.int64],
        outlet: NDArray[np.int32],
        group: NDArray[np.int64],
        work: Work,
    ) -> Chronicle:
        """Put the outlines of these rows in order; the other arrays have one value a row."""
        records, *lists = (work.column(name, np.int32) for name in _TOLD)
        terms, salient = map(Listed, lists)
        ordered, sentences = Outlined(records), np.empty(len(rows), np.int64)
        for start in range(0, len(rows), _GATHERED):
            part = outlined.take(rows[start : start + _GATHERED])
            ordered.append(part)
            terms.append(part.terms)
            salient.append(part.salient)
            sentences[start : start + _GATHERED] = np.diff(part.sentences)
        return Chronicle(ordered, terms, salient, sentences, published, telling(outlet), group)

    def __len__(self) -> int:
        """Count the articles."""
        return len(self.published)

    @staticmethod
    def drop(work: Work) -> None:
        """Let go of the columns."""
        work.drop(*_TOLD)

    def tellers(self, articles: NDArray[np.int64]) -> Tellers:
        """Return some of them."""
        outlines = self.outlined.take(articles)
        return Tellers(outlines, self.published[articles], self.outlet[articles], self.group[articles])


class Evidence(NamedTuple):
    """Pairs of articles, ``left`` the earlier, with their features; ``capped`` articles had too many partners."""

    left: NDArray[np.int64]
    right: NDArray[np.int64]
    columns: NDArray[np.float32]  # (pairs, alignment.FEATURES)
    capped: int


class Rewrites(NamedTuple):
    """The stories and, scored, the pairs of articles within them, ``left`` the earlier; articles with too many."""

    left: NDArray[np.int64]
    right: NDArray[np.int64]
    probability: NDArray[np.float64]
    stories: Stories
    capped: int


@dataclass(frozen=True)
class Means:
    """What articles are aligned with: how many hours apart they may be, and with how ``many`` earlier ones each.

    ``work`` holds what is found.
    """

    vocabulary: Vocabulary
    background: Background
    hours: float
    many: int
    workers: Workers
    work: Work


def rewrites(chronicle: Chronicle, model: Model, means: Means) -> Rewrites:
    """Find the pairs that tell one story, and the stories."""
    found = _align(chronicle, means)
    group, probability = chronicle.group, means.work.column("probability", np.float64)
    for *_, columns in found.contrasted(group):
        probability.append(stories.score(columns, model))
    several = np.bincount(group, minlength=len(group))[group] > 1

    def counts(left: NDArray[np.int64], right: NDArray[np.int64], told: NDArray[np.float64]) -> NDArray[np.bool_]:
        return (told > stories.FLOOR) | several[left] | several[right]

    linked = stories.link(*_chosen(found, probability, counts), group, model.cut)
    left, right, told = _chosen(found, probability, lambda one, two, _: linked.story[one] == linked.story[two])
    order = np.lexsort((right, left))
    means.work.drop(*_ALIGNED, "probability")
    return Rewrites(left[order], right[order], told[order], linked, found.capped)


def _chosen(
    found: _Aligned, probability: Column, wanted: Callable[..., NDArray[np.bool_]]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Return (left, right, probability) of the pairs of which ``wanted`` says so, by the same three."""
    parts = []
    for first, end in found.parts():
        pairs = (*found.pairs(first, end), probability.read(first, end))
        chosen = wanted(*pairs)
        parts.append([column[chosen] for column in pairs])
    none = np.empty(0, np.int64)
    left, right, told = (np.concatenate([none, *(part[side] for part in parts)]) for side in range(3))
    return left, right, told.astype(np.float64, copy=False)


def evidence(chronicle: Chronicle, means: Means) -> Evidence:
    """Pair the articles that may retell each other, and align each pair; pairs ascend."""
    found = _align(chronicle, means)
    parts = list(found.contrasted(chronicle.group))
    none = np.empty(0, np.int64)
    left, right = (np.concatenate([none, *(part[side] for part in parts)]) for side in (0, 1))
    order = np.lexsort((right, left))
    columns = np.concatenate([np.empty((0, len(alignment.FEATURES)), np.float32), *(part[2] for part in parts)])
    means.work.drop(*_ALIGNED)
    return Evidence(left[order], right[order], columns[order], found.capped)


# Candidates ---------------------------------------------------------------------------------------------------------


def candidates(
    chronicle: Chronicle, hours: float, most: int, workers: Workers
) -> tuple[NDArray[np.int32], NDArray[np.int32], int]:
    """Pair the articles that share enough salient terms within the window: (earlier, later, articles capped).

    Pairs ascend by the later article, then by the earlier one.
    """
    published, window = chronicle.published, int(hours * _HOUR)
    dated = int(np.searchsorted(published == NO_DATE, 1))

    def pair(first: int) -> tuple[NDArray[np.int32], int]:
        end = min(first + _ASKED, len(chronicle))
        low = int(np.searchsorted(published[:dated], published[first] - window)) if end <= dated else 0
        salient, out = chronicle.salient.read(low, end), np.empty(((end - first) * most, 2), np.int32)
        count, capped = profiling.within_window(
            salient.values, salient.places, published[low:end], NO_DATE, window, SHARED, most, first - low, out
        )
        return out[:count] + np.int32(low), capped

    starts = range(0, len(chronicle), _ASKED)
    found = list(workers.map("partners", pair, starts, [min(_ASKED, len(chronicle) - first) for first in starts]))
    pairs = [part for part, _ in found]
    left, right = (np.concatenate([np.empty(0, np.int32), *(part[:, side] for part in pairs)]) for side in (0, 1))
    return left, right, sum(capped for _, capped in found)


# Local weights ------------------------------------------------------------------------------------------------------


def _weigh(chronicle: Chronicle, near: Neighbours, means: Means) -> Listed:
    """Weigh each (article, term) by its rarity among the article's neighbours."""
    local, weight = Listed(means.work.column("local-weights", np.float32)), means.vocabulary.weight

    def weigh(first: int) -> Lists:
        end = min(first + _WEIGHED, len(chronicle))
        own, held = chronicle.terms.read(first, end), _held(chronicle, near, first, end, len(weight))
        out = np.empty(len(own.values), np.float32)
        kernels.local_weights(own.places, own.values, weight, near.counts[first:end], held, out)
        return Lists(own.places, out)

    starts = range(0, len(chronicle), _WEIGHED)
    for part in means.workers.map("weigh", weigh, starts, [min(_WEIGHED, len(chronicle) - at) for at in starts]):
        local.append(part)
    return local


def _held(chronicle: Chronicle, near: Neighbours, first: int, end: int, terms: int) -> NDArray[np.int32]:
    """Count of each (article, term) of a stretch how many neighbours hold it, those of one stretch after another."""
    own, counts = chronicle.terms.read(first, end), near.counts[first:end]
    article = np.repeat(np.arange(end - first), counts)
    before = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])[:-1]
    member = near.members[np.arange(len(article)) + np.repeat(near.places[first:end] - before, counts)]
    stretch, held = member // _WEIGHED, np.zeros(len(own.values), np.int32)
    for number in np.unique(stretch).tolist():
        inside, low = np.flatnonzero(stretch == number), number * _WEIGHED
        theirs = chronicle.terms.read(low, min(low + _WEIGHED, len(chronicle)))
        found = np.bincount(article[inside], minlength=end - first)
        kernels.count_holders(
            np.concatenate([own.places, own.places[-1] + theirs.places[1:]]),
            np.concatenate([own.values, theirs.values]),
            terms,
            np.concatenate([np.zeros(1, np.int64), np.cumsum(found)]),
            member[inside] - np.int32(low - (end - first)),
            found,
            held,
        )
    return held


# Alignment ----------------------------------------------------------------------------------------------------------


class _Aligned(NamedTuple):
    """Pairs with their evidence, some pairs after the others; of each article the ``best`` that its pairs have."""

    left: Column
    right: Column
    columns: Column
    best: NDArray[np.float64]
    capped: int

    def pairs(self, first: int, end: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return some pairs."""
        return self.left.read(first, end).astype(np.int64), self.right.read(first, end).astype(np.int64)

    def parts(self) -> Iterator[tuple[int, int]]:
        """Yield the bounds of as many pairs as are looked at together."""
        for first in range(0, len(self.left), _SCORED):
            yield first, min(first + _SCORED, len(self.left))

    def contrasted(
        self, group: NDArray[np.int64]
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]]:
        """Yield (left, right, features) of all pairs."""
        width = len(EVIDENCE)
        for first, end in self.parts():
            columns = self.columns.read(first * width, end * width).reshape(-1, width)
            left, right = self.pairs(first, end)
            yield left, right, alignment.contrast(columns, left, right, group, self.best)


def _align(chronicle: Chronicle, means: Means) -> _Aligned:
    """Pair the articles that may retell each other, and align each pair."""
    left, right, capped = candidates(chronicle, means.hours, means.many, means.workers)
    local = _weigh(chronicle, alignment.neighbours(left, right, chronicle.group), means)
    one, two = (means.work.column(name, np.int32) for name in _ALIGNED[:2])
    columns = means.work.column(_ALIGNED[2], np.float32)
    found = _Aligned(one, two, columns, alignment.no_best(len(chronicle)), capped)

    def align(part: slice) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
        one, two = left[part].astype(np.int64), right[part].astype(np.int64)
        made = np.empty((len(one), len(EVIDENCE)), np.float32)
        sizes = alignment.bytes_of(chronicle.sentences, means.background.vectors)
        for block in alignment.divide(sizes, one, two, alignment.ROOM, len(one)):
            made[block] = _features(chronicle, local, one[block], two[block], means)
        return one, two, made

    parts = _tiles(chronicle, right, means)
    for earlier, later, made in means.workers.map("align", align, parts, [part.stop - part.start for part in parts]):
        alignment.raise_best(made, earlier, later, chronicle.group, found.best)
        found.left.append(earlier)
        found.right.append(later)
        found.columns.append(made.ravel())
    means.work.drop("local-weights")
    return found


def _tiles(chronicle: Chronicle, right: NDArray[np.int32], means: Means) -> list[slice]:
    """Cut pairs, ascending by the later article, where those take half of the room, and where they are enough."""
    if not len(right):
        return []
    tile = alignment.tile_of(alignment.bytes_of(chronicle.sentences, means.background.vectors), alignment.ROOM)
    cuts = np.searchsorted(right, np.arange(0, len(chronicle), tile, dtype=np.int32))
    many = np.arange(0, len(right), max(_PAIRS, len(right) // _PARTS))
    edges = [*np.union1d(cuts[cuts < len(right)], many).tolist(), len(right)]
    return [slice(first, end) for first, end in pairwise(edges)]


def _features(
    chronicle: Chronicle, local: Listed, left: NDArray[np.int64], right: NDArray[np.int64], means: Means
) -> NDArray[np.float32]:
    """Return the evidence of a block of pairs."""
    articles, number = np.unique(np.concatenate([left, right]), return_inverse=True)
    profiles = _profiles(chronicle.tellers(articles), means.vocabulary, means.background)
    values, starts = local.gather(articles)
    weights = np.empty(len(profiles.article_terms), np.float32)
    ragged.take(starts, values, np.arange(len(articles)), profiles.article_places, weights)
    return alignment.features(profiles, weights, number[: len(left)], number[len(left) :])


def profiles_of(tellers: Tellers, vocabulary: Vocabulary, background: Background) -> Profiles:
    """Return what alignment reads of all tellers."""
    return _profiles(replace(tellers, outlet=telling(tellers.outlet)), vocabulary, background)


def _profiles(tellers: Tellers, vocabulary: Vocabulary, background: Background) -> Profiles:
    made = tellers.outlines
    logs = (1 + np.log(np.maximum(np.arange(made.counts.max(initial=0) + 1), 1))).astype(np.float32)
    return Profiles(
        sentence_places=made.sentences,
        has_title=made.titled,
        term_places=made.columns.places,
        sentence_terms=made.columns.values,
        article_places=made.terms.places,
        article_terms=made.terms.values,
        frequency=logs[made.counts],
        lead=made.lead,
        number_places=made.figures.places,
        numbers=made.figures.values,
        weight=vocabulary.weight,
        vector_row=vocabulary.row,
        vectors=background.vectors,
        published=tellers.published,
        outlet=tellers.outlet,
        group=tellers.group,
    )


def telling(outlet: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return the outlets, -1 for one that has half of the articles and more: it says nothing of any two of them."""
    counts = np.bincount(outlet[outlet >= 0], minlength=1)
    large = np.flatnonzero(counts * 2 >= len(outlet))
    return np.where(np.isin(outlet, large), np.int32(-1), outlet)
