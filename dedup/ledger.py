"""Shares and spans: what each article of a group copied, word by word, and from where."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from dedup.kernels import runs
from dedup.text import Texts, to_characters, tokenise

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Spans(NamedTuple):
    """Spans of texts by number: places in characters, end exclusive; ``other`` and its places are -1 for unique."""

    text: NDArray[np.int32]
    start: NDArray[np.int32]
    end: NDArray[np.int32]
    other: NDArray[np.int32]
    other_start: NDArray[np.int32]
    other_end: NDArray[np.int32]


class Ledgers(NamedTuple):
    """The ledgers of texts: the words of each, how many of them are copied, and the spans of all."""

    words: NDArray[np.int64]
    copied: NDArray[np.int64]
    spans: Spans


def ledgers(batch: Texts, groups: NDArray[np.int64], size: int) -> Ledgers:
    """Account for every word of the members of groups: group ``g`` is the texts ``groups[g]`` to ``groups[g + 1]``.

    The members stand in the order in which a source is preferred, the first published first. A word is copied when
    it lies in a run of ``size`` words that also stands in another member, wherever it stands there; else unique.
    """
    tokens = tokenise(batch)
    other = np.empty(len(tokens.hashes), np.int32)
    other_token = np.empty(len(tokens.hashes), np.int32)
    runs.copied_in_groups(tokens.hashes, tokens.places, groups, size, other, other_token)
    columns = tuple(np.empty(len(other), np.int32) for _ in Spans._fields)
    count = runs.spans(tokens.places, other, other_token, tokens.starts, tokens.ends, columns)
    before = np.concatenate([np.zeros(1, np.int64), np.cumsum(other >= 0)])
    copied = before[tokens.places[1:]] - before[tokens.places[:-1]]
    spans = Spans(*(column[:count].copy() for column in columns))
    _in_characters(batch, spans)
    return Ledgers(np.diff(tokens.places), copied, spans)


def _in_characters(batch: Texts, spans: Spans) -> None:
    to_characters(batch, spans.text, spans.start)
    to_characters(batch, spans.text, spans.end)
    copied = np.flatnonzero(spans.other >= 0)
    copied = copied[np.lexsort((spans.other_start[copied], spans.other[copied]))]
    for column in (spans.other_start, spans.other_end):
        places = column[copied]
        to_characters(batch, spans.other[copied], places)
        column[copied] = places
