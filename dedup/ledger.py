"""The ledger: what of each article is boilerplate, copied, reworded and its own, word by word, and from where.

A word is

1. ``boilerplate`` where its token is marked so;
2. else ``copied`` where it lies in a run of five or more words (:attr:`Settings.shingle`) that another member has too,
   or in a shorter sentence that is word for word one of another member's;
3. else ``reworded`` where its sentence has a counterpart in another member (:mod:`dedup.rewording`);
4. else ``unique``.

A quote that both articles carry word for word inside a reworded sentence is copied, and the rest of that sentence is
reworded. A run goes on through a line of boilerplate, and ends at the first word that differs: nothing is bridged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from dedup import rewording
from dedup.kernels import runs
from dedup.text import Texts, Tokens, to_characters

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dedup.text import Reading

UNIQUE, BOILERPLATE = -1, -2  # in the place of a source
COPIED, REWORDED = runs.COPIED, runs.REWORDED
_NEITHER = 2


class Spans(NamedTuple):
    """Spans of texts by number: places in characters, end exclusive.

    ``other`` is the text that a span is copied or reworded from, with the run or the sentence there; UNIQUE or
    BOILERPLATE (places -1).
    """

    text: NDArray[np.int32]
    start: NDArray[np.int32]
    end: NDArray[np.int32]
    other: NDArray[np.int32]
    other_start: NDArray[np.int32]
    other_end: NDArray[np.int32]


class Ledgers(NamedTuple):
    """The ledgers of texts, one value a text, and the spans of all.

    Words ``copied`` and ``reworded``; of these, words ``borrowed``: found in members published before, too. Words
    ``by_copy`` and ``by_rewording`` stand in the first member of the order, and ``held`` counts the words of that
    member that the text has in verbatim runs. ``late`` words are copied from an earlier member, and not in that first
    one. ``retold`` says of a span whether it is reworded, ``scores`` how much of its sentence the counterpart holds.
    """

    copied: NDArray[np.int64]
    reworded: NDArray[np.int64]
    borrowed: NDArray[np.int64]
    by_copy: NDArray[np.int64]
    by_rewording: NDArray[np.int64]
    held: NDArray[np.int64]
    late: NDArray[np.int64]
    spans: Spans
    retold: NDArray[np.bool_]
    scores: NDArray[np.float64]
    capped: int


class Context(NamedTuple):
    """What is known of texts that tell a story, beside their tokens.

    ``order`` lists the texts, group by group, in the order in which a source is preferred. ``published`` are times,
    or ``runs.UNDATED``. Without a ``teller`` nothing but runs is looked for. ``guarded`` asks for more evidence where
    nobody has decided that the texts tell one story. In texts that are not ``asked`` for, nothing reworded is looked
    for.
    """

    reading: Reading
    order: NDArray[np.int64]
    published: NDArray[np.int64]
    teller: rewording.Teller | None
    guarded: bool = False
    asked: NDArray[np.bool_] | None = None


def ledgers(
    batch: Texts,
    tokens: Tokens,
    boilerplate: NDArray[np.bool_],
    groups: NDArray[np.int64],
    size: int,
    context: Context | None = None,
) -> Ledgers:
    """Account for every word of the members of groups: group ``g`` is the texts ``groups[g]`` to ``groups[g + 1]``.

    Without a ``context`` the members stand in the order in which a source is preferred, and only runs of ``size``
    words are looked for.
    """
    found = _runs(tokens, boilerplate, groups, size, context)
    kinds = np.where(found.other >= 0, COPIED, _NEITHER).astype(np.int8)
    last, scores, capped = found.other_token, np.ones(0), 0
    retold = np.zeros((3, 0), np.bool_)
    if context is not None and context.teller is not None:
        cut = rewording.sentences(context.reading)
        of = cut.of_tokens()
        made = _counterparts(batch, boilerplate, groups, context, context.teller, cut, found)
        floors = _floors(context, boilerplate, kinds == COPIED, groups, made.ties)[cut.owner]
        retold = (floors <= made.scores.T)[:, of] & ~boilerplate
        reworded = np.flatnonzero(retold[0] & (kinds != COPIED))
        there = made.best[of[reworded]]
        kinds[reworded] = REWORDED
        found.other[reworded] = cut.owner[there]
        base = tokens.places[cut.owner[there]]
        found.other_token[reworded] = cut.bounds[there] - base
        last = found.other_token.copy()
        last[reworded] = cut.bounds[there + 1] - 1 - base
        scores = np.ones(len(kinds))
        scores[reworded] = made.containment[of[reworded]]
        capped = made.capped
    columns = tuple(np.empty(len(kinds), np.int32) for _ in range(8))
    count = runs.spans(tokens.places, kinds, found.other, found.other_token, last, tokens.starts, tokens.ends, columns)
    text, start, end, kind, other, other_start, other_end, token = (column[:count].copy() for column in columns)
    spans = Spans(text, start, end, other, other_start, other_end)
    _in_characters(batch, spans)
    counts = np.zeros((len(tokens), 6), np.int64)
    runs.tally(tokens.places, kinds, found.marks, retold, counts)
    copied, reworded_, borrowed, by_copy, by_rewording, late = (column.copy() for column in counts.T)
    return Ledgers(
        copied=copied,
        reworded=reworded_,
        borrowed=borrowed,
        by_copy=by_copy,
        by_rewording=by_rewording,
        held=found.held,
        late=late,
        spans=spans,
        retold=kind == REWORDED,
        scores=scores[token] if len(scores) else np.ones(count),
        capped=capped,
    )


class _Runs(NamedTuple):
    """Per token: the text that it is copied from (or what it is), the token there, marks; ``kept`` was looked at."""

    other: NDArray[np.int32]
    other_token: NDArray[np.int32]
    marks: NDArray[np.uint8]
    fresh: NDArray[np.float64]
    held: NDArray[np.int64]


def _runs(
    tokens: Tokens, boilerplate: NDArray[np.bool_], groups: NDArray[np.int64], size: int, context: Context | None
) -> _Runs:
    kept = tokens.without(boilerplate)
    count = len(kept.hashes)
    order = np.arange(len(tokens)) if context is None else context.order
    published = np.full(len(tokens), runs.UNDATED) if context is None else context.published
    found = _Runs(
        np.full(count, UNIQUE, np.int32),
        np.empty(count, np.int32),
        np.zeros(count, np.uint8),
        np.zeros(len(tokens)),
        np.zeros(len(tokens), np.int64),
    )
    runs.copied_in_groups(kept.hashes, kept.places, groups, order, published, size, *found)
    if context is not None and context.teller is not None:
        cut = rewording.sentences(context.reading, ~boilerplate)
        columns = (found.other, found.other_token, found.marks, kept.places)
        runs.same_sentences(
            kept.hashes, cut.bounds, cut.owner, groups, cut.places, order, published, size - 1, *columns
        )
    if not boilerplate.any():
        return found
    other = np.full(len(tokens.hashes), BOILERPLATE, np.int32)
    other_token = np.full(len(tokens.hashes), -1, np.int32)
    marks = np.zeros(len(tokens.hashes), np.uint8)
    own = np.flatnonzero(~boilerplate)
    other[own] = found.other
    marks[own] = found.marks
    copied = np.flatnonzero(found.other >= 0)
    there = found.other[copied]
    other_token[own[copied]] = own[kept.places[there] + found.other_token[copied]] - tokens.places[there]
    return found._replace(other=other, other_token=other_token, marks=marks)


def _counterparts(
    batch: Texts,
    boilerplate: NDArray[np.bool_],
    groups: NDArray[np.int64],
    context: Context,
    teller: rewording.Teller,
    cut: rewording.Sentences,
    found: _Runs,
) -> rewording.Counterparts:
    """Look for counterparts of the sentences that are not wholly copied from the origin and from earlier members."""
    settled = boilerplate | ((found.marks & (runs.EARLIER | runs.ORIGIN)) == (runs.EARLIER | runs.ORIGIN))
    before = np.concatenate([np.zeros(1, np.int64), np.cumsum(~settled)])
    wanted = np.diff(before[cut.bounds]) > 0
    if context.asked is not None:
        wanted &= context.asked[cut.owner]
    search = rewording.Search(groups, context.order, context.published, found.fresh, found.other)
    return rewording.counterparts(batch, context.reading, cut, boilerplate, wanted, search, teller)


def _floors(
    context: Context,
    boilerplate: NDArray[np.bool_],
    copied: NDArray[np.bool_],
    groups: NDArray[np.int64],
    ties: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return for each text the score from which its sentences are reworded."""
    floors = rewording.floors(ties)
    if context.guarded:
        for low, high in zip(groups[:-1].tolist(), groups[1:].tolist(), strict=True):
            for text in range(low, high):
                others = [other for other in range(low, high) if other != text]
                if not any(rewording.bound(context.reading, boilerplate, copied, text, other) for other in others):
                    floors[text] = rewording.STRICT
    return floors


def _in_characters(batch: Texts, spans: Spans) -> None:
    to_characters(batch, spans.text, spans.start)
    to_characters(batch, spans.text, spans.end)
    copied = np.flatnonzero(spans.other >= 0)
    for column in (spans.other_start, spans.other_end):
        order = copied[np.lexsort((column[copied], spans.other[copied]))]
        places = column[order]
        to_characters(batch, spans.other[order], places)
        column[order] = places
