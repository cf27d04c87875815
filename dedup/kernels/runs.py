"""Verbatim runs: which tokens of a group's members also stand in another member, and where."""

from __future__ import annotations

from typing import Any

import numpy as np

from dedup.kernels.jit import inline, kernel, u64
from dedup.kernels.shingling import roll


@kernel
def copied_tokens(tokens: Any, places: Any, size: Any, other: Any, other_token: Any) -> None:
    """Write for each token the member it is copied from and the token there; -1 where it is not copied.

    ``tokens`` are those of one group's members, one after the other, in the order in which a source is preferred
    (first published first). A token is copied when it lies in ``size`` consecutive tokens (all, of a shorter text)
    that also stand in another member. Runs follow one source as long as they can. Time and room are linear in the
    tokens: each shingle is remembered where it first stands, and where it first stands in a second member.
    """
    members = len(places) - 1
    total = places[members]
    shingles = np.empty(total + members, np.uint64)
    table = 16
    while table < 2 * total:
        table *= 2
    slots = np.full(table, -1, np.int64)  # entry of a shingle: its first place
    second = np.full(total, -1, np.int64)  # at that place: the first place in another member
    owner = np.empty(total, np.int32)
    for member in range(members):
        start, end = places[member], places[member + 1]
        owner[start:end] = member
        count = roll(tokens[start:end], end - start, size, shingles[start:])
        for place in range(start, start + count):
            entry = _entry(slots, shingles, place)
            if slots[entry] < 0:
                slots[entry] = place
            elif owner[slots[entry]] != member and second[slots[entry]] < 0:
                second[slots[entry]] = place
    other[:] = -1
    other_token[:] = -1
    for member in range(members):
        start, end = places[member], places[member + 1]
        if start < end:
            _follow(tokens, places, size, member, shingles, slots, second, owner, other, other_token)


@inline
def _entry(slots: Any, shingles: Any, place: Any) -> Any:
    mask = len(slots) - 1
    entry = int(shingles[place] >> u64(20)) & mask
    while slots[entry] >= 0 and shingles[slots[entry]] != shingles[place]:
        entry = (entry + 1) & mask
    return entry


@inline
def _follow(
    tokens: Any,
    places: Any,
    size: Any,
    member: Any,
    shingles: Any,
    slots: Any,
    second: Any,
    owner: Any,
    other: Any,
    other_token: Any,
) -> None:
    start, end = places[member], places[member + 1]
    width = min(size, end - start)
    covered = start
    for place in range(start, end - width + 1):
        source = slots[_entry(slots, shingles, place)]
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
def copied_in_groups(tokens: Any, places: Any, groups: Any, size: Any, other: Any, other_token: Any) -> None:
    """Apply :func:`copied_tokens` to the groups ``groups[g] .. groups[g + 1]`` of texts; members by text number."""
    for group in range(len(groups) - 1):
        first, last = groups[group], groups[group + 1]
        start, end = places[first], places[last]
        copied_tokens(
            tokens[start:end], places[first : last + 1] - start, size, other[start:end], other_token[start:end]
        )
        for token in range(start, end):
            if other[token] >= 0:
                other[token] += first


@kernel
def spans(places: Any, other: Any, other_token: Any, token_starts: Any, token_ends: Any, columns: Any) -> Any:
    """Cut every text's tokens into spans; return how many.

    A span ends where the source changes or its tokens do not follow each other. ``columns`` are (text, start, end,
    other, other_start, other_end), int32, room for a span a token; ``token_starts`` and ``token_ends`` say in which
    unit the spans are.
    """
    text_of, start_of, end_of, other_of, other_start_of, other_end_of = columns
    count = -1
    for text in range(len(places) - 1):
        for token in range(places[text], places[text + 1]):
            same = token > places[text] and other[token] == other[token - 1]
            follows = same and (other[token] < 0 or other_token[token] == other_token[token - 1] + 1)
            # Characters such as U+00BD hold two tokens; a span never ends inside one.
            goes_on = follows or (token > places[text] and token_starts[token] < token_ends[token - 1])
            if not goes_on:
                count += 1
                text_of[count], start_of[count], other_of[count] = text, token_starts[token], other[token]
                other_start_of[count] = -1
                other_end_of[count] = -1
                if other[token] >= 0:
                    other_start_of[count] = token_starts[places[other[token]] + other_token[token]]
            end_of[count] = token_ends[token]
            if other[token] >= 0 and other[token] == other_of[count]:
                other_end_of[count] = token_ends[places[other[token]] + other_token[token]]
    return count + 1
