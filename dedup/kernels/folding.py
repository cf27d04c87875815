"""Text bytes → folded bytes: normalised UTF-8 in which every separator is a zero byte.

Runs of ASCII are folded by a loop that vectorises; the other characters are decoded one by one and follow the tables
of :mod:`dedup.text`. What cannot be decided code point by code point (characters that compose with their neighbours)
is refused, and Python's ``unicodedata`` normalises that article instead.
"""

from __future__ import annotations

from typing import Any

from dedup.kernels.jit import BLOCK, fold64, high64, inline, load64, trailing_zeros, u8, u64

# What a code point is to the tokeniser (the tables of dedup.text hold these).
SEPARATOR, WORD, SOLID, MARK, LENGTHENER, APOSTROPHE = 0, 1, 2, 3, 4, 5
_COMPLEX = u8(128)  # added to the kind of a code point that may interact with its neighbours
# What the kernel answers instead of a length.
COMPLEX, INVALID = -1, -2
# Zero bytes that follow every folded text, so that it can be read in blocks of 64.
PADDING = 128
_QUOTE = u8(0x27)
_BACKTICK = u8(0x60)
_HIGHS = u64(0x8080808080808080)


@inline
def _ascii_run(data: Any, start: Any, end: Any) -> Any:
    """Return the place of the first byte from ``start`` on with its high bit set, ``end`` where there is none."""
    place = start
    while place + BLOCK <= end:
        highs = high64(data, place)
        if highs != u64(0):
            return place + trailing_zeros(highs)
        place += BLOCK
    while place + 8 <= end:
        highs = load64(data, place) & _HIGHS
        if highs != u64(0):
            return place + (trailing_zeros(highs) >> 3)
        place += 8
    while place < end and data[place] < u8(128):
        place += 1
    return place


@inline
def _is_word(byte: Any) -> Any:
    return (u8((byte | u8(32)) - u8(97)) < u8(26)) | (u8(byte - u8(48)) < u8(10))


@inline
def _fold_byte(byte: Any, before: Any, after: Any) -> Any:
    letter = u8((byte | u8(32)) - u8(97)) < u8(26)
    digit = u8(byte - u8(48)) < u8(10)
    inner = ((byte == _QUOTE) | (byte == _BACKTICK)) & _is_word(before) & _is_word(after)
    return (byte | u8(32)) if letter else (byte if digit else (_QUOTE if inner else u8(0)))


@inline
def _fold_inner(data: Any, start: Any, end: Any, folded: Any, out: Any) -> None:
    """Fold ASCII bytes that have an ASCII neighbour on both sides.

    They go in blocks of 64, of which the last may overlap the one before; apostrophes inside words are put in after.
    """
    if end - start < BLOCK:
        for place in range(start, end):
            folded[out + place - start] = _fold_byte(data[place], data[place - 1], data[place + 1])
        return
    shift = out - start
    place = start
    while place < end:
        place = min(place, end - BLOCK)
        quotes = fold64(data, place, folded, place + shift)
        while quotes != u64(0):
            quote = place + trailing_zeros(quotes)
            quotes &= quotes - u64(1)
            if _is_word(data[quote - 1]) and _is_word(data[quote + 1]):
                folded[quote + shift] = _QUOTE
        place += BLOCK


@inline
def _count_up(origin: Any, first: Any) -> None:
    for step in range(len(origin)):
        origin[step] = first + step


@inline
def _decode(data: Any, place: Any, end: Any) -> Any:
    """Return (code point, bytes) of the UTF-8 sequence at ``place``; (0, 0) where it is invalid."""
    first = int(data[place])
    if first < 0x80:
        return first, 1
    size = 2 if first < 0xE0 else (3 if first < 0xF0 else 4)
    if first < 0xC2 or first > 0xF4 or place + size > end:
        return 0, 0
    point = first & (0x7F >> size)
    for step in range(1, size):
        following = int(data[place + step])
        if following & 0xC0 != 0x80:
            return 0, 0
        point = (point << 6) | (following & 0x3F)
    overlong = (size == 3 and point < 0x800) or (size == 4 and point < 0x10000)
    if overlong or point > 0x10FFFF or (0xD800 <= point < 0xE000):
        return 0, 0
    return point, size


@inline
def _encode(point: Any, folded: Any, place: Any) -> Any:
    """Write one code point as UTF-8 at ``place``; return the place behind it."""
    if point < 0x80:
        folded[place] = point
        return place + 1
    if point < 0x800:
        folded[place] = 0xC0 | (point >> 6)
        folded[place + 1] = 0x80 | (point & 0x3F)
        return place + 2
    if point < 0x10000:
        folded[place] = 0xE0 | (point >> 12)
        folded[place + 1] = 0x80 | ((point >> 6) & 0x3F)
        folded[place + 2] = 0x80 | (point & 0x3F)
        return place + 3
    folded[place] = 0xF0 | (point >> 18)
    folded[place + 1] = 0x80 | ((point >> 12) & 0x3F)
    folded[place + 2] = 0x80 | ((point >> 6) & 0x3F)
    folded[place + 3] = 0x80 | (point & 0x3F)
    return place + 4


@inline
def fold(data: Any, start: Any, end: Any, strict: Any, tables: Any, folded: Any, origin: Any) -> Any:
    """Fold ``data[start:end]``, any UTF-8, into ``folded``; return the folded length, or COMPLEX, or INVALID.

    ``tables`` are ``(kinds, order, first, points)`` of :func:`dedup.text.fold_tables`. Where ``origin`` is not
    empty, ``origin[i]`` becomes the place in ``data``, relative to ``start``, of the character that folded byte
    ``i`` came from. ``strict`` refuses text whose code points interact; without it the text counts as normalised.
    """
    kinds, order, first, points = tables
    place, out, previous, last_order = start, 0, SEPARATOR, u8(0)
    pending = -1  # the place of an apostrophe that waits for the character behind it
    keep = len(origin) > 0
    while place < end:
        if pending < 0 and previous <= WORD and place > start and data[place - 1] < u8(128):
            inner = _ascii_run(data, place, end) - 1 - place
            if inner > 0:
                _fold_inner(data, place, place + inner, folded, out)
                if keep:
                    _count_up(origin[out : out + inner], place - start)
                place += inner
                out += inner
                previous = WORD if folded[out - 1] != 0 else SEPARATOR
                last_order = u8(0)
        point, size = _decode(data, place, end)
        if size == 0:
            return INVALID
        if strict and kinds[point] >= _COMPLEX:
            return COMPLEX
        for index in range(first[point], first[point + 1]):
            target = int(points[index])
            if strict and order[target] != 0 and last_order > order[target]:
                return COMPLEX
            last_order = order[target]
            kind = int(kinds[target] & u8(127))
            joins = False  # whether it goes on with the token before it
            if kind == APOSTROPHE:
                if previous == WORD and pending < 0:
                    pending = place
                    continue
                kind = SEPARATOR
            elif kind == MARK:  # extends a token, never starts one
                joins = previous != SEPARATOR and pending < 0
                kind = previous if joins else SEPARATOR
            elif kind == LENGTHENER:
                joins = previous == SOLID
                kind = SOLID
            elif kind == WORD:
                joins = previous == WORD
            if joins and pending >= 0:
                folded[out] = _QUOTE
                if keep:
                    origin[out] = pending - start
                out += 1
            elif not joins and previous != SEPARATOR:
                folded[out] = 0
                out += 1
            if kind != SEPARATOR:
                began = out
                out = _encode(target, folded, out)
                if keep:
                    origin[began:out] = place - start
            pending = -1
            previous = kind
        place += size
    folded[out : out + PADDING] = 0
    return out
