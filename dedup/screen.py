"""Regular expressions over a million articles: find, without Python, the few sentences that can meet one.

A :class:`Pattern` states beside its expression what a text needs to meet it: a word that it opens with, words that it
holds, and a number of words at most. A kernel checks that for every sentence and paragraph of a batch.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dedup.kernels import screening
from dedup.text import PARAGRAPH, SENTENCE, Reading, Texts, token_hash

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

LONGEST = 45  # words: furniture is shorter, and what is longer is not looked at
_ROOM = 2  # (unit, pattern) pairs a unit that are expected at most; more cost a second run
# Punctuation that a pattern can ask for like a word.
_MARKS = {
    "@": screening.AT,
    "/": screening.SLASH,
    ":": screening.COLON,
    "?": screening.QUESTION,
    "|": screening.BAR,  # or a bullet, a middle dot
    "»": screening.ARROW,  # or >, an arrow
    "©": screening.COPYRIGHT,
    "(…)": screening.BRACKETED,  # a bracket closes the text
    "[…": screening.OPENED,  # punctuation opens the text
    ")-": screening.DASHED,  # a dash follows a bracket
}
_OPENS, _HOLDS, _ALSO = range(3)  # the roles of a word
ANYWHERE, LINE = 0, 1  # scopes: any sentence or paragraph; a whole paragraph only


@dataclass(frozen=True)
class Pattern:
    """A regular expression with what a text needs to meet it (words are given with blanks between them).

    The text's first word is one of ``opens``; one of ``holds`` and one of ``also`` is in it (no words: any text). It
    has ``least`` to ``most`` words; ``line`` asks for a whole paragraph.
    """

    name: str
    expression: re.Pattern[str]
    opens: str = ""
    holds: str = ""
    also: str = ""
    least: int = 1
    most: int = LONGEST
    line: bool = False


def pattern(
    name: str, expression: str, *, flags: int = re.IGNORECASE | re.VERBOSE, **needs: str | int | bool
) -> Pattern:
    """Compile a pattern; white space and case in its expression mean nothing."""
    return Pattern(name, re.compile(expression, flags), **needs)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Units:
    """Stretches of text: ``numbers`` of their texts, tokens ``first`` to ``last``, bytes ``starts`` to ``ends``."""

    numbers: NDArray[np.int64]
    first: NDArray[np.int64]
    last: NDArray[np.int64]
    starts: NDArray[np.int32]
    ends: NDArray[np.int32]

    def __len__(self) -> int:
        """Count them."""
        return len(self.numbers)

    @property
    def words(self) -> NDArray[np.int64]:
        """Count the tokens of each."""
        return self.last - self.first

    def text(self, batch: Texts, unit: int) -> str:
        """Return a unit as a string."""
        return next(self.strings(batch, np.array([unit])))

    def strings(self, batch: Texts, units: NDArray[np.integer[Any]]) -> Iterator[str]:
        """Yield units as strings."""
        base, data = batch.starts[self.numbers[units]], batch.data.data
        for start, end in zip((base + self.starts[units]).tolist(), (base + self.ends[units]).tolist(), strict=True):
            yield str(data[start:end], "utf-8")


@dataclass(frozen=True)
class Layout:
    """The sentences and paragraphs of a batch; paragraph ``p`` holds the sentences ``bounds[p]`` to ``bounds[p+1]``.

    ``paragraphs_of`` bounds the paragraphs of each text.
    """

    sentences: Units
    paragraphs: Units
    bounds: NDArray[np.int64]
    paragraphs_of: NDArray[np.int64]


def layout(batch: Texts, reading: Reading) -> Layout:
    """Cut a batch into sentences and paragraphs, punctuation included."""
    tokens = reading.tokens
    first = np.flatnonzero(reading.flags & SENTENCE)
    opens = (reading.flags[first] & PARAGRAPH) != 0
    bounds = np.append(first, len(reading.flags)).astype(np.int64)
    starts, ends = np.zeros(len(first), np.int32), np.zeros(len(first), np.int32)
    screening.spans(*batch, tokens.places, tokens.starts, tokens.ends, bounds, opens, starts, ends)
    numbers = np.searchsorted(tokens.places, first, side="right") - 1
    sentences = Units(numbers, bounds[:-1], bounds[1:], starts, ends)
    leads = np.append(np.flatnonzero(opens), len(first)).astype(np.int64)
    lead, final = leads[:-1], leads[1:] - 1
    paragraphs = Units(numbers[lead], bounds[lead], bounds[leads[1:]], starts[lead], ends[final])
    return Layout(sentences, paragraphs, leads, np.searchsorted(numbers[lead], np.arange(len(batch.starts) + 1)))


class Screen:
    """The needs of many patterns, compiled for the kernel. At most 128 patterns."""

    def __init__(self, patterns: Sequence[Pattern]) -> None:
        """Take the patterns; one that stands earlier is met first."""
        self.patterns = tuple(patterns)
        self._free = np.zeros((3, 2), np.uint64)
        self._sizes = np.zeros((max(made.most for made in self.patterns) + 1, 2), np.uint64)
        self._scopes = np.zeros((2, 2), np.uint64)
        self._marks = np.zeros((screening.MARKS, 3, 2), np.uint64)
        words: dict[str, NDArray[np.uint64]] = {}
        for number, made in enumerate(self.patterns):
            self._add(number, made, words)
        size = 1 << (4 * len(words)).bit_length()
        self._words, self._found = np.zeros(size, np.uint64), np.zeros((size, 3, 2), np.uint64)
        hashes = np.array([token_hash(word) for word in words], np.uint64)
        screening.table(hashes, np.array(list(words.values())), self._words, self._found)

    def _add(self, number: int, made: Pattern, words: dict[str, NDArray[np.uint64]]) -> None:
        word, bit = divmod(number, 64)
        one = np.uint64(1 << bit)
        for role, needed in ((_OPENS, made.opens), (_HOLDS, made.holds), (_ALSO, made.also)):
            if not needed:
                self._free[role, word] |= one
            for name in needed.split():
                masks = (
                    self._marks[_MARKS[name]] if name in _MARKS else words.setdefault(name, np.zeros((3, 2), np.uint64))
                )
                masks[role, word] |= one
        self._sizes[made.least : made.most + 1, word] |= one
        self._scopes[LINE, word] |= one
        if not made.line:
            self._scopes[ANYWHERE, word] |= one

    def candidates(
        self, batch: Texts, reading: Reading, units: Units, scopes: NDArray[np.int8]
    ) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
        """Return (unit, pattern) rows, ascending, that may meet, and the form of each unit.

        ``scopes`` are ANYWHERE or LINE, -1 for a unit that is not looked at.
        """
        tokens = reading.tokens
        forms = np.zeros(len(units), np.uint8)
        taken = (units.numbers, units.first, units.last, units.starts, units.ends, scopes)
        tables = (self._words, self._found, self._marks, self._free, self._sizes, self._scopes)
        out = np.empty((_ROOM * len(units), 2), np.int32)
        while True:
            count = screening.candidates(
                batch.data, batch.starts, tokens.hashes, tokens.starts, tokens.ends, taken, *tables, out, forms
            )
            if count <= len(out):
                return out[:count], forms
            out = np.empty((count, 2), np.int32)
