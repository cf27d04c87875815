"""Do two articles tell the same story? The evidence of a pair, from the alignment of their sentences.

A story's articles have counterpart sentences, the same numbers and the same lead; articles that merely share people
and places do not. What an article's neighbours all share says what it is about, not what happened: such terms weigh
little (:func:`local_weights`). And a pair is judged beside the best that either article has (:func:`contrast`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from dedup.kernels import alignment as kernels
from dedup.kernels import linking

if TYPE_CHECKING:
    from numpy.typing import NDArray

NO_DATE = kernels.NO_DATE
EVIDENCE = ("closeness", "numbers", "lead", "counterparts", "same_outlet", "gap", "no_date")
CONTRAST = ("beside_best_max", "beside_best_min")
FEATURES = EVIDENCE + CONTRAST

# Contrast compares pairs by closeness and this much of the numbers that they share.
_NUMBERS = 0.5
_WORST = -9.0  # lies below every closeness

# Of one block: bytes of sentence vectors that it may hold, and pairs (a block is what a thread takes).
ROOM = 64 << 20
_PAIRS = 1 << 15


@dataclass(frozen=True)
class Profiles:
    """What alignment reads of n articles, numbered in order of time.

    ``*_places`` hold where the entries of each article (sentence) start in the arrays named after them, and the end.
    """

    sentence_places: NDArray[np.int64]  # articles + 1, into sentences: the title first, 40 in all
    has_title: NDArray[np.bool_]  # sentence 0 is the title
    term_places: NDArray[np.int64]  # sentences + 1, into sentence_terms
    sentence_terms: NDArray[np.int32]  # number among the article's terms, each once a sentence
    article_places: NDArray[np.int64]  # articles + 1, into the next three
    article_terms: NDArray[np.int32]  # content terms, ascending
    frequency: NDArray[np.float32]  # 1 + log of how often, the title counted twice
    lead: NDArray[np.bool_]  # in the title or the first three sentences
    number_places: NDArray[np.int64]  # articles + 1, into numbers
    numbers: NDArray[np.int32]  # terms that are numbers, ascending
    weight: NDArray[np.float32]  # rarity of each term
    vector_row: NDArray[np.int32]  # of each term, -1 without
    vectors: NDArray[np.float32]  # (rows, dimensions), length one
    published: NDArray[np.int64]  # microseconds, or NO_DATE
    outlet: NDArray[np.int32]  # -1 where unknown, or where it says nothing
    group: NDArray[np.int64]  # copy group, 0 to n - 1

    def __len__(self) -> int:
        """Count the articles."""
        return len(self.published)

    @property
    def sentences(self) -> NDArray[np.int64]:
        """Sentences of each article."""
        return np.diff(self.sentence_places)


class Holders(NamedTuple):
    """Of each article how many neighbours it has, and of each (article, term) how many of these hold the term."""

    neighbours: NDArray[np.int64]
    terms: NDArray[np.int32]


class Neighbours(NamedTuple):
    """Of each article its neighbours: ``counts[i]`` of ``members`` from ``places[i]`` on; a copy group counts once."""

    places: NDArray[np.int64]
    members: NDArray[np.int32]
    counts: NDArray[np.int64]


def neighbours(left: NDArray[np.integer], right: NDArray[np.integer], group: NDArray[np.int64]) -> Neighbours:
    """List the neighbours of every article. Pairs ascend, by the left or by the right one; ``left < right``."""
    places = np.zeros(len(group) + 1, np.int64)
    kernels.count_neighbours(left, right, group, places)
    members, counts = np.empty(places[-1], np.int32), np.empty(len(group), np.int64)
    kernels.neighbours(left, right, group, places, members, counts)
    return Neighbours(places, members, counts)


def holders(profiles: Profiles, left: NDArray[np.int64], right: NDArray[np.int64]) -> Holders:
    """Count the neighbours of every article that hold its terms; a copy group counts once.

    Pairs are ascending, ``left < right``. Work: one look-up for each term of either article of a pair.
    """
    near = neighbours(left, right, profiles.group)
    held = np.zeros(len(profiles.article_terms), np.int32)
    kernels.count_holders(profiles.article_places, profiles.article_terms, len(profiles.weight), *near, held)
    return Holders(near.counts, held)


def local_weights(profiles: Profiles, held: Holders) -> NDArray[np.float32]:
    """Weigh each (article, term) by its rarity among the article's neighbours."""
    local = np.empty(len(profiles.article_terms), np.float32)
    kernels.local_weights(
        profiles.article_places, profiles.article_terms, profiles.weight, held.neighbours, held.terms, local
    )
    return local


def blocks(
    profiles: Profiles, left: NDArray[np.int64], right: NDArray[np.int64], *, room: int = ROOM, most: int = _PAIRS
) -> list[NDArray[np.int64]]:
    """Divide pairs into blocks for :func:`features`: numbers of at most ``most`` pairs whose articles are few.

    The articles of a block need about ``room`` bytes. Pairs are taken by tiles of articles, so that an article's
    sentence vectors serve many pairs before they are dropped.
    """
    return divide(bytes_of(profiles.sentences, profiles.vectors), left, right, room, most)


def divide(
    sizes: NDArray[np.int64], left: NDArray[np.int64], right: NDArray[np.int64], room: int, most: int
) -> list[NDArray[np.int64]]:
    """Do what :func:`blocks` does for articles of these sizes (:func:`bytes_of`)."""
    if len(left) == 0:
        return []
    order = np.lexsort((right, left, right // tile_of(sizes, room)))
    starts = linking.block_starts(left[order], right[order], sizes, room)
    cuts = np.union1d(starts, np.arange(0, len(left), most))
    return np.split(order, cuts[1:])


def bytes_of(sentences: NDArray[np.int64], vectors: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return the bytes of the sentence vectors of articles that have so many sentences."""
    return (sentences + 1) * kernels.WEIGHTINGS * _parts(vectors) * kernels.WIDTH * np.dtype(np.int16).itemsize


def tile_of(sizes: NDArray[np.int64], room: int) -> int:
    """Return how many articles of these sizes take half of the room, about."""
    return max(1, int(room / 2 / sizes.mean()))


def features(
    profiles: Profiles, local: NDArray[np.float32], left: NDArray[np.int64], right: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Return the evidence (pairs, EVIDENCE) of a block of pairs; holds the sentence vectors of all its articles."""
    articles, number = np.unique(np.concatenate([left, right]), return_inverse=True)
    out = np.empty((len(left), len(EVIDENCE)), np.float32)
    sentence_starts = _starts(profiles.sentences[articles])
    term_starts = _starts(np.diff(profiles.article_places)[articles])
    inverse, units = _sentence_views(profiles, local, articles, int(sentence_starts[-1]))
    kernels.evidence(
        number[: len(left)],
        number[len(left) :],
        articles,
        profiles.article_places,
        profiles.article_terms,
        profiles.frequency,
        profiles.lead,
        profiles.weight,
        local,
        sentence_starts,
        inverse,
        units,
        term_starts,
        *_article_views(profiles, local, articles, int(term_starts[-1])),
        profiles.number_places,
        profiles.numbers,
        profiles.published,
        profiles.outlet,
        out,
    )
    return out


def contrast(
    columns: NDArray[np.float32],
    left: NDArray[np.int64],
    right: NDArray[np.int64],
    group: NDArray[np.int64],
    best: NDArray[np.float64] | None = None,
) -> NDArray[np.float32]:
    """Add to the evidence of all pairs how far each lies behind the best of either article (pairs, FEATURES).

    0 is the best, copies aside. This needs every pair of an article at once, or the ``best`` of its earlier ones (one
    an article, of :func:`no_best` at first), which is raised to that of these.
    """
    value = closeness(columns)
    if best is None:
        best = no_best(len(group))
    raise_best(columns, left, right, group, best)
    behind_left, behind_right = np.minimum(value - best[left], 0), np.minimum(value - best[right], 0)
    both = (np.maximum(behind_left, behind_right), np.minimum(behind_left, behind_right))
    return np.column_stack((columns, *both)).astype(np.float32)


def raise_best(
    columns: NDArray[np.float32],
    left: NDArray[np.int64],
    right: NDArray[np.int64],
    group: NDArray[np.int64],
    best: NDArray[np.float64],
) -> None:
    """Raise the ``best`` of articles to that of some pairs, copies aside."""
    value, other = closeness(columns), group[left] != group[right]
    for side in (left, right):
        np.maximum.at(best, side[other], value[other])


def closeness(columns: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return by what the pairs of an article are compared."""
    value = columns[:, EVIDENCE.index("closeness")] + _NUMBERS * columns[:, EVIDENCE.index("numbers")]
    return np.asarray(value, np.float64)


def no_best(articles: int) -> NDArray[np.float64]:
    """Return the best of articles that have no pair."""
    return np.full(articles, _WORST)


def _starts(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(counts)])


def _parts(vectors: NDArray[np.float32]) -> int:
    """Return into how many parts of ``kernels.WIDTH`` a vector falls."""
    return max(1, -(-int(vectors.shape[1]) // kernels.WIDTH))


def _sentence_views(
    profiles: Profiles, local: NDArray[np.float32], articles: NDArray[np.int64], sentences: int
) -> tuple[NDArray[np.float32], NDArray[np.int16]]:
    inverse = np.empty((sentences, kernels.WEIGHTINGS), np.float32)
    units = np.zeros((sentences, kernels.WEIGHTINGS, _parts(profiles.vectors), kernels.WIDTH), np.int16)
    kernels.sentence_views(
        articles,
        profiles.sentence_places,
        profiles.term_places,
        profiles.sentence_terms,
        profiles.article_places,
        profiles.article_terms,
        profiles.weight,
        local,
        profiles.vector_row,
        profiles.vectors,
        inverse,
        units,
    )
    return inverse, units


def _article_views(
    profiles: Profiles, local: NDArray[np.float32], articles: NDArray[np.int64], terms: int
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float64], NDArray[np.float64]]:
    ends = profiles.term_places[profiles.sentence_places]
    occurrence_places = np.zeros(terms + 1, np.int64)
    occurrences = np.empty(int(np.diff(ends)[articles].sum()), np.int32)
    lead_weight = np.empty((len(articles), kernels.WEIGHTINGS))
    inverse = np.empty(len(articles))
    kernels.article_views(
        articles,
        profiles.sentence_places,
        profiles.term_places,
        profiles.sentence_terms,
        profiles.article_places,
        profiles.article_terms,
        profiles.frequency,
        profiles.lead,
        profiles.weight,
        local,
        occurrence_places,
        occurrences,
        lead_weight,
        inverse,
    )
    return occurrence_places, occurrences, lead_weight, inverse
