"""Two texts beside each other: :func:`compare`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from dedup import ledger as ledgers_
from dedup.article import BOILERPLATE, COPIED, KINDS, REWORDED, UNIQUE
from dedup.background import Background
from dedup.boilerplate import apply_rules
from dedup.kernels.runs import UNDATED
from dedup.overlap import overlaps
from dedup.rewording import Teller
from dedup.settings import Settings
from dedup.text import Texts, read, views

if TYPE_CHECKING:
    from dedup.text import Tokens


@dataclass(frozen=True)
class Span:
    """Characters ``start`` to ``end`` of a text, and what they are (article.KINDS).

    ``other_start`` and ``other_end`` are the characters of the other text that a copied span stands at or that a
    reworded one retells, None for other kinds; ``score`` is 1 for copied, the containment for reworded.
    """

    start: int
    end: int
    kind: str
    other_start: int | None = None
    other_end: int | None = None
    score: float | None = None


@dataclass(frozen=True)
class Ledger:
    """How much of a text is what, as shares of its words that sum to 1, and the spans that cover every word."""

    words: int
    boilerplate: float
    copied: float
    reworded: float
    unique: float
    spans: tuple[Span, ...]

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
    """Two texts beside each other: both ledgers, overlap of their shingles, and aligned passages in left order."""

    left: Ledger
    right: Ledger
    resemblance: float
    containment_left_in_right: float
    containment_right_in_left: float
    aligned: tuple[Aligned, ...]


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
    one, two = (_ledger(made, text, int(words[text]), int(house[text])) for text in (0, 1))
    return Comparison(one, two, resemblance, left_in_right, right_in_left, _aligned(one, two))


def _views(*texts: str) -> Texts:
    return views(pa.array(texts, pa.large_string()))


def _overlap(own: Tokens, size: int) -> tuple[float, float, float]:
    if not np.diff(own.places).all():
        return 0.0, 0.0, 0.0
    found = overlaps(own, np.array([0]), np.array([1]), size)
    return float(found.resemblance[0]), float(found.longer_in_shorter[0]), float(found.shorter_in_longer[0])


def _ledger(made: ledgers_.Ledgers, text: int, words: int, house: int) -> Ledger:
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
    return Ledger(words, house / whole, copied / whole, reworded / whole, own, tuple(listed))


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
