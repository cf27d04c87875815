"""The terms of a corpus: how many of its articles hold each, and what each is worth beside the background."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np

from dedup.background import plain, rarity
from dedup.kernels import profiling
from dedup.text import NUMBER, stem, token_hash

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dedup.background import Background
    from dedup.text import Reading

# Terms commoner than this say nothing of what an article tells; those that may be candidate keys are rarer still.
_CONTENT, _KEY = 1.2, 2.5  # inverse document frequency in background and corpus together
_FUNCTION_WORDS = """the a an of to in on at for by from with and or but that this these those it its is are was were be
been being as has have had will would could should may might can not no he she they him them his her their we our us
you your i my me who which what when where how said say says told new also after before more than over about into out
up down all one two first last year years day days week weeks month months time monday tuesday wednesday thursday friday
saturday sunday""".split()
_Kind = TypeVar("_Kind", bound=np.generic)
_KEY_LETTERS = 3  # shorter terms, and plain numbers, are no candidate keys
_MERGE = 1 << 22  # terms that wait before they are counted together


class Tally:
    """Counts terms over the batches of a corpus; memory is that of the distinct terms."""

    def __init__(self) -> None:
        """Start with nothing."""
        self.articles = 0
        self._terms = np.empty(0, np.uint64)
        self._counts = np.empty(0, np.int64)
        self._waiting: list[NDArray[np.uint64]] = []

    def add(self, terms: NDArray[np.uint64], articles: int) -> None:
        """Count the distinct terms of some articles, one article after the other."""
        self.articles += articles
        self._waiting.append(terms)
        if sum(map(len, self._waiting)) > _MERGE:
            self._merge()

    def counted(self) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
        """Return the terms, ascending, and in how many articles each is."""
        self._merge()
        return self._terms, self._counts

    def _merge(self) -> None:
        terms, counts = np.unique(np.concatenate([np.empty(0, np.uint64), *self._waiting]), return_counts=True)
        self._waiting.clear()
        both = np.concatenate([self._terms, terms])
        self._terms, where = np.unique(both, return_inverse=True)
        total = np.zeros(len(self._terms), np.int64)
        np.add.at(total, where, np.concatenate([self._counts, counts]))
        self._counts = total


@dataclass(frozen=True)
class Vocabulary:
    """The terms of a corpus by number.

    ``terms`` (uint64, ascending); ``content`` says whether a term tells anything; ``weight`` (float32) is its rarity
    in corpus and background; ``key`` (float64) its weight as a candidate key, 0 where it is none; ``row`` (int32) its
    row in the background's vectors, -1 for none.
    """

    terms: NDArray[np.uint64]
    content: NDArray[np.bool_]
    weight: NDArray[np.float32]
    key: NDArray[np.float64]
    row: NDArray[np.int32]
    slots: NDArray[np.int32]

    @staticmethod
    def restored(
        terms: NDArray[np.uint64],
        content: NDArray[np.bool_],
        weight: NDArray[np.float32],
        key: NDArray[np.float64],
        row: NDArray[np.int32],
    ) -> Vocabulary:
        """Return a vocabulary from its columns as they were kept."""
        return Vocabulary(terms, content, weight, key, row, _table_of(terms))

    def of(self, *readings: Reading) -> Vocabulary:
        """Return a vocabulary that knows the terms of these readings: this one does."""
        del readings
        return self

    def numbers(self, terms: NDArray[np.uint64]) -> NDArray[np.int32]:
        """Return the number of each term, -1 for one that is not in the vocabulary."""
        out = np.empty(len(terms), np.int32)
        profiling.look_up(self.terms, self.slots, terms, out)
        return out


def short_terms(*readings: Reading) -> NDArray[np.uint64]:
    """Return the terms that are no keys: plain numbers, words of one or two letters."""
    found = []
    for reading in readings:
        brief = reading.tokens.ends - reading.tokens.starts < _KEY_LETTERS
        found.append(reading.terms[brief | ((reading.flags & NUMBER) > 0)])
    return np.unique(np.concatenate(found))


def vocabulary(tally: Tally, background: Background, short: NDArray[np.uint64]) -> Vocabulary:
    """Weigh the terms of a corpus; ``short`` are terms that are no keys: plain numbers, words of one or two letters."""
    terms, counts = tally.counted()
    worth = _worth(terms, counts.astype(np.float64), tally.articles, background, short)
    return Vocabulary(terms, *worth, _table_of(terms))


class _Worth(NamedTuple):
    """What terms are worth; the columns of a vocabulary of the same names."""

    content: NDArray[np.bool_]
    weight: NDArray[np.float32]
    key: NDArray[np.float64]
    row: NDArray[np.int32]


@cache
def _function_terms() -> NDArray[np.uint64]:
    return np.array([token_hash(stem(word)) for word in _FUNCTION_WORDS], np.uint64)


def _worth(
    terms: NDArray[np.uint64],
    counts: NDArray[np.float64],
    articles: int,
    background: Background,
    short: NDArray[np.uint64],
) -> _Worth:
    df = background.df(terms)
    plainly = plain(df, background.articles, counts, articles)
    function = np.isin(terms, _function_terms())
    content = (plainly > _CONTENT) & ~function
    key = np.where(content & (plainly > _KEY) & ~np.isin(terms, short), plainly, 0.0)
    weight = rarity(df, background.articles, counts, articles).astype(np.float32)
    return _Worth(content, weight, key, background.rows(terms))


def _table_of(terms: NDArray[np.uint64], room: int = 0) -> NDArray[np.int32]:
    """Return the slots of an open-addressing table for these terms, with ``room`` for as many in all."""
    slots = np.full(1 << max(4, (2 * max(room, len(terms))).bit_length()), -1, np.int32)
    profiling.index_terms(terms, 0, slots)
    return slots


class Growing:
    """A vocabulary that takes in terms as they come; those that are there keep their number and their worth.

    A new term counts as one that a single article of the corpus holds.
    """

    def __init__(self, base: Vocabulary, articles: int, background: Background) -> None:
        """Start with the vocabulary of a corpus of so many articles."""
        self._articles, self._background = max(1, articles), background
        self._base = self._size = len(base.terms)
        self.vocabulary = base

    @property
    def taken(self) -> int:
        """Return how many terms were taken in."""
        return self._size - self._base

    def forget(self) -> None:
        """Forget the terms that were taken in: their numbers mean nothing any more."""
        held, learned = self.vocabulary, slice(self._base)
        self.vocabulary = Vocabulary.restored(
            held.terms[learned].copy(),
            held.content[learned].copy(),
            held.weight[learned].copy(),
            held.key[learned].copy(),
            held.row[learned].copy(),
        )
        self._size = self._base

    def of(self, *readings: Reading) -> Vocabulary:
        """Take in the terms of these readings that are not there yet, and return all."""
        terms = np.concatenate([reading.terms for reading in readings])
        fresh = np.unique(terms[(terms != 0) & (self.vocabulary.numbers(terms) < 0)])
        if len(fresh):
            self._add(fresh, short_terms(*readings))
        return self.vocabulary

    def _add(self, fresh: NDArray[np.uint64], short: NDArray[np.uint64]) -> None:
        size = self._size + len(fresh)
        if size > len(self.vocabulary.terms):
            self._grow(2 * size)
        into, worth = self.vocabulary, _worth(fresh, np.ones(len(fresh)), self._articles, self._background, short)
        at = slice(self._size, size)
        into.terms[at], into.content[at], into.weight[at] = fresh, worth.content, worth.weight
        into.key[at], into.row[at] = worth.key, worth.row
        profiling.index_terms(into.terms[:size], self._size, into.slots)
        self._size = size

    def _grow(self, room: int) -> None:
        """Make room; who still holds the smaller vocabulary can go on reading it."""
        old, size = self.vocabulary, self._size

        def larger(column: NDArray[_Kind]) -> NDArray[_Kind]:
            made = np.zeros(room, column.dtype)
            made[:size] = column[:size]
            return made

        terms = larger(old.terms)
        columns = (larger(old.content), larger(old.weight), larger(old.key), larger(old.row))
        self.vocabulary = Vocabulary(terms, *columns, _table_of(terms[:size], room))
