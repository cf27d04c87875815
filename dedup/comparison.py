"""Two texts beside each other: :func:`compare`."""

from __future__ import annotations

import itertools
import unicodedata
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from dedup import ledger as ledgers_
from dedup import notebook
from dedup.article import BOILERPLATE, COPIED, KINDS, REWORDED, UNIQUE
from dedup.background import Background
from dedup.boilerplate import apply_rules
from dedup.errors import CorpusError
from dedup.kernels.runs import UNDATED
from dedup.overlap import overlaps
from dedup.rewording import Teller, sentences
from dedup.settings import Settings
from dedup.text import Texts, read, to_characters, views

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dedup.text import Reading, Tokens


@dataclass(frozen=True)
class Span:
    """Characters ``start`` to ``end`` of a text, and what they are (article.KINDS).

    ``other_start`` and ``other_end`` are the characters of the other text that a copied span stands at or that a
    reworded one retells, None for other kinds; ``score`` is 1 for copied, the containment for reworded. ``other_id`` is
    the other text where there may be several, as in an index.
    """

    start: int
    end: int
    kind: str
    other_start: int | None = None
    other_end: int | None = None
    score: float | None = None
    other_id: str | None = None


@dataclass(frozen=True)
class Ledger:
    """How much of a text is what, as shares of its ``words`` (0..1) that sum to 1; a text without words is unique.

    ``boilerplate``: credits, captions, sign-up lines and the like. ``copied``: words in a run of
    :attr:`Settings.shingle` and more, or in a whole shorter sentence, that the other text has word for word.
    ``reworded``: other words of a sentence that the other text tells in its own words. ``unique``: the rest.

    ``spans`` cover every word, and no character twice. ``sentences`` are the characters (start, end) of every sentence
    with the marks around it, and together hold all of the text but the space between them; an index leaves them out.
    """

    words: int
    boilerplate: float
    copied: float
    reworded: float
    unique: float
    spans: tuple[Span, ...]
    sentences: tuple[tuple[int, int], ...] = ()

    @property
    def shared(self) -> float:
        """What is copied or reworded."""
        return self.copied + self.reworded


@dataclass(frozen=True)
class Aligned:
    """A passage of the left text with its counterpart in the right one, in characters, end exclusive.

    ``kind`` is copied (``score`` 1: word for word) or reworded (the share of the sentence, weighted by rarity, that
    the counterpart holds); ``of`` is the side, left or right, whose ledger says so.
    """

    left_start: int
    left_end: int
    right_start: int
    right_end: int
    kind: str
    score: float
    of: str


@dataclass(frozen=True)
class Comparison:
    """Two texts beside each other: both ledgers, overlap of their shingles, and aligned passages in left order.

    ``resemblance`` is what part of the distinct shingles of both they share, ``containment_left_in_right`` what part
    of the left one's the right one has (0..1; boilerplate is left out; 0 where a text has no other words). The first
    is the same both ways; the ledgers need not be: a sentence that retells two is reworded, each of the two in part.
    """

    left: Ledger
    right: Ledger
    resemblance: float
    containment_left_in_right: float
    containment_right_in_left: float
    aligned: tuple[Aligned, ...]

    def _repr_html_(self) -> str:
        """Show both ledgers and the longest passages, in a notebook."""
        return notebook.comparison(asdict(self))


def compare(
    left: str,
    right: str,
    settings: Settings | None = None,
    *,
    titles: tuple[str, str] = ("", ""),
    sources: tuple[str, str] = ("", ""),
) -> Comparison:
    """Compare two texts: what each shares with the other, word for word and in other words.

    ``titles`` and ``sources`` (outlets) help to recognise names, credits and the outlet's own voice. Nobody has
    decided that the two tell one story: where nothing specific ties them, a sentence needs more to count as reworded
    than in the ledgers of :func:`dedup.find`. Raises CorpusError where a text holds half a surrogate pair.
    """
    settings = settings or Settings()
    background = Background.load(Path(settings.background) if settings.background else None)
    batch = _views(left, right)
    reading = read(batch)
    boilerplate = np.zeros(len(reading.flags), np.bool_)
    if settings.boilerplate:
        boilerplate = apply_rules(batch, reading, sources).mask
    teller = Teller(_views(*titles), sources, background)
    context = ledgers_.Context(reading, np.arange(2), np.full(2, UNDATED), teller, guarded=True)
    groups = np.array([0, 2], np.int64)
    made = ledgers_.ledgers(batch, reading.tokens, boilerplate, groups, settings.shingle, context)
    own = reading.tokens.without(boilerplate)
    resemblance, left_in_right, right_in_left = _overlap(own, settings.shingle)
    words = np.diff(reading.tokens.places)
    house = words - np.diff(own.places)
    cut = tuple(
        tuple(_sentences(text, *places)) for text, places in zip((left, right), _cores(batch, reading), strict=True)
    )
    one, two = (_ledger(made, text, int(words[text]), int(house[text]), cut[text]) for text in (0, 1))
    return Comparison(one, two, resemblance, left_in_right, right_in_left, _aligned(one, two))


def _views(*texts: str) -> Texts:
    try:
        return views(pa.array(texts, pa.large_string()))
    except UnicodeEncodeError as error:
        raise CorpusError(
            f"a text has half a surrogate pair (U+{ord(error.object[error.start]):04X}, character {error.start:,});"
            ' decode it anew, with errors="replace"'
        ) from error


def _overlap(own: Tokens, size: int) -> tuple[float, float, float]:
    if not np.diff(own.places).all():
        return 0.0, 0.0, 0.0
    found = overlaps(own, np.array([0]), np.array([1]), size)
    return float(found.resemblance[0]), float(found.longer_in_shorter[0]), float(found.shorter_in_longer[0])


def _cores(batch: Texts, reading: Reading) -> Iterator[tuple[list[int], list[int]]]:
    """Yield for each text the characters at which its sentences' first words start and last words end."""
    cut, tokens = sentences(reading), reading.tokens
    starts, ends = tokens.starts[cut.bounds[:-1]], tokens.ends[cut.bounds[1:] - 1]
    for column in (starts, ends):
        to_characters(batch, cut.owner.astype(np.int32), column)
    for low, high in zip(cut.places[:-1].tolist(), cut.places[1:].tolist(), strict=True):
        yield starts[low:high].tolist(), ends[low:high].tolist()


def _sentences(text: str, starts: list[int], ends: list[int]) -> Iterator[tuple[int, int]]:
    """Yield the sentences of a text with the marks around them."""
    if not starts:
        return
    cuts = [0, *(part(text, end, start) for end, start in zip(ends[:-1], starts[1:], strict=True)), len(text)]
    for low, high in itertools.pairwise(cuts):
        held = text[low:high]
        yield low + len(held) - len(held.lstrip()), low + len(held.rstrip())


_OPENING = {"Ps", "Pi"}  # categories of brackets and quotation marks that belong to what follows


def part(text: str, end: int, start: int) -> int:
    """Return where to part the marks between two words: at the first space, else before what opens the second."""
    for place in range(end, start):
        if text[place].isspace():
            return place
    return next((place for place in range(end, start) if unicodedata.category(text[place]) in _OPENING), start)


def _ledger(made: ledgers_.Ledgers, text: int, words: int, house: int, cut: tuple[tuple[int, int], ...]) -> Ledger:
    spans = made.spans
    rows = np.flatnonzero(spans.text == text)
    kinds = np.where(spans.other >= 0, np.where(made.retold, REWORDED, COPIED), UNIQUE)
    kinds[spans.other == ledgers_.BOILERPLATE] = BOILERPLATE
    listed = []
    for row in rows.tolist():
        there = (int(spans.other_start[row]), int(spans.other_end[row]), float(made.scores[row]))
        sourced = there if spans.other[row] >= 0 else ()
        listed.append(Span(int(spans.start[row]), int(spans.end[row]), KINDS[kinds[row]], *sourced))
    copied, reworded, whole = int(made.copied[text]), int(made.reworded[text]), max(1, words)
    own = (words - house - copied - reworded) / whole if words else 1.0
    return Ledger(words, house / whole, copied / whole, reworded / whole, own, tuple(listed), cut)


def _aligned(left: Ledger, right: Ledger) -> tuple[Aligned, ...]:
    """Return the passages of both ledgers; a passage that both copy is listed once, as the left one says."""
    found = [(span, "left") for span in left.spans if span.score is not None]
    held = {(span.other_start, span.other_end) for span, _ in found if span.kind == KINDS[COPIED]}
    found += [
        (span, "right")
        for span in right.spans
        if span.score is not None and not (span.kind == KINDS[COPIED] and (span.start, span.end) in held)
    ]
    passages = []
    for span, of in found:
        here, there = (span.start, span.end), (span.other_start or 0, span.other_end or 0)
        places = (*here, *there) if of == "left" else (*there, *here)
        passages.append(Aligned(*places, span.kind, span.score or 0.0, of))
    return tuple(sorted(passages, key=lambda row: (row.left_start, row.left_end, row.right_start, row.of)))
