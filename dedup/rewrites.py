"""Outlines → stories: candidates within the window, aligned sentence by sentence, scored and linked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from dedup import alignment, stories
from dedup.alignment import NO_DATE, Profiles
from dedup.kernels import profiling

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dedup.background import Background
    from dedup.profiles import Outlines
    from dedup.stories import Model, Stories
    from dedup.vocabulary import Vocabulary
    from dedup.workers import Workers

TELLERS = 5  # distinct texts of a copy group, the first published, that stand for it
SHARED = 3  # of their 48 salient terms, from which two articles are candidates
_HOUR = 3_600_000_000  # microseconds


@dataclass(frozen=True)
class Tellers:
    """The articles that may retell each other, in order of time, undated ones last.

    ``published`` (int64, microseconds; NO_DATE), ``outlet`` (int32, -1 unknown), ``group`` (int64, copy groups 0 to
    m - 1) have one value an article.
    """

    outlines: Outlines
    published: NDArray[np.int64]
    outlet: NDArray[np.int32]
    group: NDArray[np.int64]


class Evidence(NamedTuple):
    """Pairs of articles, ``left`` the earlier, with their features; ``capped`` articles had too many partners."""

    left: NDArray[np.int64]
    right: NDArray[np.int64]
    columns: NDArray[np.float32]  # (pairs, alignment.FEATURES)
    capped: int


class Rewrites(NamedTuple):
    """Scored pairs of articles, ``left`` the earlier, and the stories that they make; articles with too many."""

    left: NDArray[np.int64]
    right: NDArray[np.int64]
    probability: NDArray[np.float64]
    stories: Stories
    capped: int


def rewrites(
    tellers: Tellers,
    vocabulary: Vocabulary,
    background: Background,
    model: Model,
    hours: float,
    most: int,
    workers: Workers,
) -> Rewrites:
    """Find the pairs that tell one story, and the stories."""
    found = evidence(tellers, vocabulary, background, hours, most, workers)
    probability = stories.score(found.columns, model)
    linked = stories.link(found.left, found.right, probability, tellers.group, model.cut)
    return Rewrites(found.left, found.right, probability, linked, found.capped)


def evidence(
    tellers: Tellers,
    vocabulary: Vocabulary,
    background: Background,
    hours: float,
    most: int,
    workers: Workers,
) -> Evidence:
    """Pair the articles that may retell each other, and align each pair."""
    profiles = profiles_of(tellers, vocabulary, background)
    left, right, capped = candidates(tellers, hours, most)
    local = alignment.local_weights(profiles, alignment.holders(profiles, left, right))
    blocks = alignment.blocks(profiles, left, right)
    columns = np.empty((len(left), len(alignment.EVIDENCE)), np.float32)

    def align(block: NDArray[np.int64]) -> None:
        columns[block] = alignment.features(profiles, local, left[block], right[block])

    for _ in workers.map("align", align, blocks, [len(block) for block in blocks]):
        pass
    return Evidence(left, right, alignment.contrast(columns, left, right, tellers.group), capped)


def candidates(tellers: Tellers, hours: float, most: int) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
    """Pair the articles that share enough salient terms within the window: (earlier, later, articles capped)."""
    salient = tellers.outlines.salient
    out = np.empty((len(salient) * most, 2), np.int32)
    count, capped = profiling.within_window(
        salient.values, salient.places, tellers.published, NO_DATE, int(hours * _HOUR), SHARED, most, 0, out
    )
    pairs = out[:count].astype(np.int64)
    order = np.lexsort((pairs[:, 1], pairs[:, 0]))
    return pairs[order, 0], pairs[order, 1], capped


def profiles_of(tellers: Tellers, vocabulary: Vocabulary, background: Background) -> Profiles:
    """Return what alignment reads of the tellers."""
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
        outlet=telling(tellers.outlet),
        group=tellers.group,
    )


def telling(outlet: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return the outlets, -1 for one that has half of the articles and more: it says nothing of any two of them."""
    counts = np.bincount(outlet[outlet >= 0], minlength=1)
    large = np.flatnonzero(counts * 2 >= len(outlet))
    return np.where(np.isin(outlet, large), np.int32(-1), outlet)
