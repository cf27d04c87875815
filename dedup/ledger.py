"""Shares and spans: what each article of a group copied, word by word, and from where."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from dedup.kernels import runs
from dedup.text import Texts, Tokens, to_characters

if TYPE_CHECKING:
    from numpy.typing import NDArray

UNIQUE, BOILERPLATE = -1, -2  # in the place of a source


class Spans(NamedTuple):
    """Spans of texts by number: places in characters, end exclusive.

    ``other`` is the text that a span is copied from, with its places there; UNIQUE or BOILERPLATE (places -1).
    """

    text: NDArray[np.int32]
    start: NDArray[np.int32]
    end: NDArray[np.int32]
    other: NDArray[np.int32]
    other_start: NDArray[np.int32]
    other_end: NDArray[np.int32]


class Ledgers(NamedTuple):
    """The ledgers of texts: how many words of each are copied, and the spans of all."""

    copied: NDArray[np.int64]
    spans: Spans


def ledgers(
    batch: Texts, tokens: Tokens, boilerplate: NDArray[np.bool_], groups: NDArray[np.int64], size: int
) -> Ledgers:
    """Account for every word of the members of groups: group ``g`` is the texts ``groups[g]`` to ``groups[g + 1]``.

    The members stand in the order in which a source is preferred, the first published first. A word is boilerplate
    where its token is marked so; copied when it lies in a run of ``size`` other words that also stands in another
    member, wherever it stands there; else unique.
    """
    other, other_token = _sources(tokens, boilerplate, groups, size)
    columns = tuple(np.empty(len(other), np.int32) for _ in Spans._fields)
    count = runs.spans(tokens.places, other, other_token, tokens.starts, tokens.ends, columns)
    before = np.concatenate([np.zeros(1, np.int64), np.cumsum(other >= 0)])
    copied = before[tokens.places[1:]] - before[tokens.places[:-1]]
    spans = Spans(*(column[:count].copy() for column in columns))
    _in_characters(batch, spans)
    return Ledgers(copied, spans)


def _sources(
    tokens: Tokens, boilerplate: NDArray[np.bool_], groups: NDArray[np.int64], size: int
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return for each token the text that it is copied from (or what it is) and the token there."""
    kept = tokens.without(boilerplate)
    source, source_token = np.empty(len(kept.hashes), np.int32), np.empty(len(kept.hashes), np.int32)
    runs.copied_in_groups(kept.hashes, kept.places, groups, size, source, source_token)
    other = np.full(len(tokens.hashes), BOILERPLATE, np.int32)
    other_token = np.full(len(tokens.hashes), -1, np.int32)
    own = np.flatnonzero(~boilerplate)
    other[own] = source
    copied = np.flatnonzero(source >= 0)
    there = source[copied]
    other_token[own[copied]] = own[kept.places[there] + source_token[copied]] - tokens.places[there]
    return other, other_token


def _in_characters(batch: Texts, spans: Spans) -> None:
    to_characters(batch, spans.text, spans.start)
    to_characters(batch, spans.text, spans.end)
    copied = np.flatnonzero(spans.other >= 0)
    copied = copied[np.lexsort((spans.other_start[copied], spans.other[copied]))]
    for column in (spans.other_start, spans.other_end):
        places = column[copied]
        to_characters(batch, spans.other[copied], places)
        column[copied] = places
