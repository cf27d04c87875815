"""Verbatim runs: which tokens of a group's members also stand in another member, and where.

Members of a group stand in an order in which a source is preferred. Every shingle is remembered where it first stands
in that order, and where it first stands in a second member: time and room are linear in the tokens.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from dedup.kernels.hashing import PRIME_1, avalanche
from dedup.kernels.jit import inline, kernel, u8, u64
from dedup.kernels.shingling import roll

EARLIER, ORIGIN = 1, 2  # marks: the run stands in a member published before; in the first member of the order
UNDATED = -(1 << 63)
_LAST = (1 << 63) - 1
COPIED, REWORDED = 0, 1  # kinds of tokens; others are spans without a source


@inline
def _entry(slots: Any, keys: Any, place: Any) -> Any:
    """Return the slot of the key at ``place``: the one that holds a place with the same key, or a free one."""
    mask = len(slots) - 1
    entry = int(keys[place] >> u64(20)) & mask
    while slots[entry] >= 0 and keys[slots[entry]] != keys[place]:
        entry = (entry + 1) & mask
    return entry


@inline
def _room(count: Any) -> Any:
    size = 16
    while size < 2 * count:
        size *= 2
    return size


@kernel
def _file(
    slots: Any, keys: Any, first: Any, second: Any, earliest: Any, owner: Any, start: Any, count: Any, when: Any
) -> Any:
    """File the keys of a member, ``count`` from ``start`` on; return how many of them no member before had.

    ``first`` of a place becomes the first place with its key.
    """
    fresh = 0
    for place in range(start, start + count):
        entry = _entry(slots, keys, place)
        if slots[entry] < 0:
            slots[entry] = place
            fresh += 1
        held = slots[entry]
        first[place] = held
        if second[held] < 0 and owner[held] != owner[place]:
            second[held] = place
        if when != UNDATED and when < earliest[held]:
            earliest[held] = when
    return fresh


@kernel
def _copied_tokens(
    tokens: Any,
    places: Any,
    order: Any,
    published: Any,
    size: Any,
    other: Any,
    other_token: Any,
    marks: Any,
    fresh: Any,
    held: Any,
) -> None:
    """Do for one group what :func:`copied_in_groups` does for all; places and members count from its start."""
    members = len(places) - 1
    total = places[members]
    shingles = np.empty(total + members, np.uint64)
    slots = np.full(_room(total), -1, np.int64)  # of a shingle: its first place
    first = np.empty(total, np.int64)  # at every place: the first one of its shingle
    second = np.full(total, -1, np.int64)  # at that place: the first place in another member
    earliest = np.full(total, _LAST, np.int64)  # at that place: when the shingle was first published
    owner = np.empty(total, np.int32)
    for member in order:
        start, end = places[member], places[member + 1]
        owner[start:end] = member
        count = roll(tokens[start:end], end - start, size, shingles[start:])
        new = _file(slots, shingles, first, second, earliest, owner, start, count, published[member])
        fresh[member] = new / max(1, count)
    other[:] = -1
    other_token[:] = -1
    origin = order[0]
    covered = np.full(places[origin + 1] - places[origin], -1, np.int32)  # by which member, of the origin's tokens
    for member in range(members):
        start, end = places[member], places[member + 1]
        if start < end:
            _follow(tokens, places, size, member, first, second, owner, other, other_token)
            held[member] = _mark(
                places, size, member, origin, first, owner, earliest, published[member], marks, covered
            )


@kernel
def _follow(
    tokens: Any,
    places: Any,
    size: Any,
    member: Any,
    first: Any,
    second: Any,
    owner: Any,
    other: Any,
    other_token: Any,
) -> None:
    """Write where the runs of a member stand: a run follows one source as long as it can."""
    start, end = places[member], places[member + 1]
    width = min(size, end - start)
    covered = start
    for place in range(start, end - width + 1):
        source = first[place]
        if owner[source] == member:
            source = second[source]
        if source < 0 or (place + width <= covered):
            continue
        stop = places[owner[source] + 1]
        step = max(covered - place, 0)
        while place + step < end and source + step < stop and tokens[place + step] == tokens[source + step]:
            other[place + step] = owner[source]
            other_token[place + step] = source + step - places[owner[source]]
            step += 1
        covered = max(covered, place + step)


@kernel
def _mark(
    places: Any,
    size: Any,
    member: Any,
    origin: Any,
    first: Any,
    owner: Any,
    earliest: Any,
    when: Any,
    marks: Any,
    covered: Any,
) -> Any:
    """Mark the tokens of a member's runs; return how many tokens of the origin lie in a run that the member has."""
    start, end = places[member], places[member + 1]
    width = min(size, end - start)
    early_end, origin_end, held = start, start, 0
    for place in range(start, end - width + 1):
        known = first[place]
        if when != UNDATED and earliest[known] < when:
            for token in range(max(place, early_end), place + width):
                marks[token] |= u8(EARLIER)
            early_end = place + width
        if owner[known] != origin:
            continue
        for token in range(max(place, origin_end), place + width):
            marks[token] |= u8(ORIGIN)
        origin_end = place + width
        for token in range(known - places[origin], min(known - places[origin] + width, len(covered))):
            if covered[token] != member:
                covered[token] = member
                held += 1
    return held


@kernel
def copied_in_groups(
    tokens: Any,
    places: Any,
    groups: Any,
    order: Any,
    published: Any,
    size: Any,
    other: Any,
    other_token: Any,
    marks: Any,
    fresh: Any,
    held: Any,
) -> None:
    """Write for each token the text that it is copied from and the token there; -1 where it is not copied.

    Group ``g`` is the texts ``groups[g]`` to ``groups[g + 1]``; ``order`` lists them, group by group, in the order in
    which a source is preferred. A token is copied when it lies in ``size`` consecutive tokens (all, of a shorter
    text) that also stand in another member. ``marks`` (zeros) says in which: EARLIER, ORIGIN. For each text, ``fresh``
    is the share of its shingles that no member before it in the order has, and ``held`` counts the tokens of the first
    one of the order that lie in a run that the text has too.
    """
    for group in range(len(groups) - 1):
        first, last = groups[group], groups[group + 1]
        if first == last:
            continue
        start, end = places[first], places[last]
        _copied_tokens(
            tokens[start:end],
            places[first : last + 1] - start,
            order[first:last] - first,
            published[first:last],
            size,
            other[start:end],
            other_token[start:end],
            marks[start:end],
            fresh[first:last],
            held[first:last],
        )
        for token in range(start, end):
            if other[token] >= 0:
                other[token] += first


@kernel
def coverage(tokens: Any, places: Any, groups: Any, size: Any, out: Any) -> None:
    """Write for each text the mean share, over the other members of its group, of their shingles that it has.

    Each shingle is counted once over all members, and then once for each member that has it: linear.
    """
    for group in range(len(groups) - 1):
        first, last = groups[group], groups[group + 1]
        start, total = places[first], places[last] - places[first]
        shingles = np.empty(total + last - first, np.uint64)
        slots = np.full(_room(total), -1, np.int64)
        held = np.empty(total, np.int64)  # at every place: the first one of its shingle
        weight = np.zeros(total, np.float64)
        seen = np.full(total, -1, np.int64)
        counts = np.zeros(last - first, np.int64)
        for text in range(first, last):
            low, high = places[text] - start, places[text + 1] - start
            counts[text - first] = roll(tokens[start + low : start + high], high - low, size, shingles[low:])
            for place in range(low, low + counts[text - first]):
                entry = _entry(slots, shingles, place)
                if slots[entry] < 0:
                    slots[entry] = place
                held[place] = slots[entry]
                weight[held[place]] += 1 / counts[text - first]
        for text in range(first, last):
            out[text] = 0.0
            low = places[text] - start
            for place in range(low, low + counts[text - first]):
                if seen[held[place]] != text:
                    seen[held[place]] = text
                    out[text] += weight[held[place]]
            if counts[text - first] > 0 and last - first > 1:
                out[text] = max(0.0, out[text] - 1) / (last - first - 1)
            else:
                out[text] = 0.0


@kernel
def same_sentences(
    tokens: Any,
    bounds: Any,
    owner: Any,
    groups: Any,
    sentence_places: Any,
    order: Any,
    published: Any,
    longest: Any,
    other: Any,
    other_token: Any,
    marks: Any,
    places: Any,
) -> None:
    """Call sentences of 2 to ``longest`` tokens copied that are, word for word, a sentence of another member.

    Sentence ``s`` is the tokens ``bounds[s]`` to ``bounds[s + 1]`` of text ``owner[s]``. What is copied stays so.
    """
    for group in range(len(groups) - 1):
        first, last = groups[group], groups[group + 1]
        base = sentence_places[first]
        total = sentence_places[last] - base
        keys = np.empty(total, np.uint64)
        slots = np.full(_room(total), -1, np.int64)
        same = np.empty(total, np.int64)
        second = np.full(total, -1, np.int64)
        earliest = np.full(total, _LAST, np.int64)
        for text in order[first:last]:
            for sentence in range(sentence_places[text] - base, sentence_places[text + 1] - base):
                start, end = bounds[base + sentence], bounds[base + sentence + 1]
                if not 2 <= end - start <= longest:
                    continue
                state = u64(end - start)
                for token in range(start, end):
                    state = state * PRIME_1 + tokens[token]
                keys[sentence] = avalanche(state)
                _file(slots, keys, same, second, earliest, owner[base : base + total], sentence, 1, published[text])
        for sentence in range(total):
            start, end = bounds[base + sentence], bounds[base + sentence + 1]
            if not 2 <= end - start <= longest:
                continue
            text = owner[base + sentence]
            found = same[sentence]
            in_origin = owner[base + found] == order[first]
            early = published[text] != UNDATED and earliest[found] < published[text]
            if owner[base + found] == text:
                found = second[found]
            if found < 0:
                continue
            for token in range(start, end):
                marks[token] |= u8(EARLIER * early + ORIGIN * in_origin)
                if other[token] < 0:
                    source = owner[base + found]
                    other[token] = source
                    other_token[token] = bounds[base + found] + token - start - places[source]


@kernel
def tally(places: Any, kinds: Any, marks: Any, retold: Any, counts: Any) -> None:
    """Count the words of every text by what the ledger says of them: a row of ``counts`` (zeros) a text.

    A row is (copied, reworded, borrowed, by copy, by rewording, late), as :class:`dedup.ledger.Ledgers` has them.
    ``retold`` (3, tokens) says whether a sentence reaches its threshold against all, earlier members and the origin;
    it has no tokens where nothing is reworded.
    """
    told = retold.shape[1] > 0
    for text in range(len(places) - 1):
        copied, reworded, borrowed, by_copy, by_rewording, late = 0, 0, 0, 0, 0, 0
        for token in range(places[text], places[text + 1]):
            early, origin = (marks[token] & EARLIER) > 0, (marks[token] & ORIGIN) > 0
            copied += kinds[token] == COPIED
            reworded += kinds[token] == REWORDED
            by_copy += origin
            late += early and not origin
            if told:
                early = early or retold[1, token]
                by_rewording += retold[2, token] and not origin
            borrowed += early
        row = counts[text]
        row[0], row[1], row[2], row[3], row[4], row[5] = copied, reworded, borrowed, by_copy, by_rewording, late


@kernel
def spans(
    places: Any,
    kinds: Any,
    other: Any,
    first: Any,
    last: Any,
    token_starts: Any,
    token_ends: Any,
    columns: Any,
) -> Any:
    """Cut every text's tokens into spans; return how many.

    A token stands for the tokens ``first`` to ``last`` of text ``other`` (-1: of none). A span ends where the kind
    or the other text changes; where a copied token does not follow the one before; and where a reworded one stands
    for another sentence. ``columns`` are (text, start, end, kind, other, other_start, other_end, a token of it), room
    for a span a token; ``token_starts`` and ``token_ends`` say in which unit the spans are.
    """
    text_of, start_of, end_of, kind_of, other_of, other_start_of, other_end_of, token_of = columns
    count = -1
    for text in range(len(places) - 1):
        for token in range(places[text], places[text + 1]):
            follows = token > places[text] and kinds[token] == kinds[token - 1] and other[token] == other[token - 1]
            if follows and kinds[token] == COPIED:
                follows = first[token] == last[token - 1] + 1
            elif follows and other[token] >= 0:
                follows = first[token] == first[token - 1]
            # Characters such as U+00BD hold two tokens; a span never ends inside one.
            goes_on = follows or (token > places[text] and token_starts[token] < token_ends[token - 1])
            if not goes_on:
                count += 1
                text_of[count], start_of[count], other_of[count] = text, token_starts[token], other[token]
                kind_of[count], token_of[count] = kinds[token], token
                other_start_of[count] = -1
                other_end_of[count] = -1
                if other[token] >= 0:
                    other_start_of[count] = token_starts[places[other[token]] + first[token]]
            end_of[count] = token_ends[token]
            if other[token] >= 0 and other[token] == other_of[count] and kinds[token] == kind_of[count]:
                other_end_of[count] = token_ends[places[other[token]] + last[token]]
    return count + 1
