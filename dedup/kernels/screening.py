"""Sentences and paragraphs as byte spans, and which of them are worth a regular expression.

A pattern names the words that a text must open with, or hold, to meet it. The kernel ORs, over the tokens of a unit
(a sentence or a paragraph), one bit a pattern, so that only the few units that can meet a pattern are ever decoded.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from dedup.kernels.jit import inline, kernel, u8, u64

_WORDS = 2  # of 64 patterns each
_SPACE, _NEWLINE, _TAB, _RETURN = u8(0x20), u8(0x0A), u8(0x09), u8(0x0D)
# Places of the marks, which stand for punctuation, behind the words of a table.
AT, SLASH, COLON, QUESTION, BAR, ARROW, COPYRIGHT, BRACKETED, OPENED, DASHED = range(10)
MARKS = 10
# How a unit begins and ends.
ENDS_PROSE, ENDS_OPEN, ENDS_QUESTION, ENDS_QUOTE, BEGINS_QUOTE, BEGINS_APOSTROPHE, BEGINS_LIST = 1, 2, 4, 8, 16, 32, 64


@inline
def _is_space(data: Any, place: Any) -> Any:
    byte = data[place]
    return byte == _SPACE or (byte >= _TAB and byte <= _RETURN)


@inline
def _is_hard_space(data: Any, place: Any, end: Any) -> Any:
    return place + 1 < end and data[place] == u8(0xC2) and data[place + 1] == u8(0xA0)


@inline
def _tail(data: Any, start: Any, end: Any) -> Any:
    """Return the end of what belongs to the token before: up to the first white space."""
    place = start
    while place < end and not _is_space(data, place) and not _is_hard_space(data, place, end):
        place += 1
    return place


@inline
def _head(data: Any, start: Any, end: Any, line: Any) -> Any:
    """Return the start of what belongs to the token at ``end``; of a new line only what stands on it."""
    place = start
    if line:
        for step in range(start, end):
            if data[step] == _NEWLINE:
                place = step + 1
    while place < end:
        if _is_space(data, place):
            place += 1
        elif _is_hard_space(data, place, end):
            place += 2
        else:
            break
    return place


@inline
def _line_end(data: Any, start: Any, end: Any) -> Any:
    """Return the end of the line that the token before ``start`` stands on, without white space."""
    place = start
    while place < end and data[place] != _NEWLINE:
        place += 1
    while place > start and _is_space(data, place - 1):
        place -= 1
    return place


@kernel
def spans(
    data: Any,
    starts: Any,
    ends: Any,
    places: Any,
    token_starts: Any,
    token_ends: Any,
    sentences: Any,
    lines: Any,
    span_starts: Any,
    span_ends: Any,
) -> None:
    """Write where each sentence starts and ends (bytes into its text), punctuation included.

    ``sentences`` are their first tokens and the number of tokens; ``lines`` says which of them start a paragraph.
    """
    sentence = 0
    for text in range(len(places) - 1):
        base, stop = starts[text], ends[text]
        first = sentence
        while sentence < len(lines) and sentences[sentence] < places[text + 1]:
            token = sentences[sentence]
            before = base if sentence == first else base + span_ends[sentence - 1]
            head = _head(data, before, base + token_starts[token], lines[sentence])
            span_starts[sentence] = head - base
            last = sentences[sentence + 1] - 1
            behind = base + token_ends[last]
            if sentence + 1 < len(lines) and sentences[sentence + 1] < places[text + 1]:
                after = base + token_starts[last + 1]
                end = _line_end(data, behind, after) if lines[sentence + 1] else _tail(data, behind, after)
                if lines[sentence + 1] and end == after:  # no newline between them
                    end = _tail(data, behind, after)
            else:
                end = _line_end(data, behind, stop)
            span_ends[sentence] = end - base
            sentence += 1


@inline
def _form(data: Any, start: Any, end: Any) -> Any:
    """Say how the bytes ``start`` to ``end`` (at least one) begin and end."""
    last, first = data[end - 1], data[start]
    three = end - start >= 3 and data[end - 3] == u8(0xE2) and data[end - 2] == u8(0x80)
    ellipsis, closing, apostrophe = three and last == u8(0xA6), three and last == u8(0x9D), three and last == u8(0x99)
    guillemet = end - start >= 2 and data[end - 2] == u8(0xC2) and last == u8(0xBB)
    question = last == u8(0x3F)
    point = last == u8(0x2E) or last == u8(0x21)
    straight, tick = last == u8(0x22), last == u8(0x27)
    bracket = last == u8(0x29)
    answer = 0
    if point or question or ellipsis or straight or closing or tick or apostrophe or bracket or guillemet:
        answer |= ENDS_PROSE
    if not (
        point or last == u8(0x3A) or last == u8(0x3B) or last == u8(0x2C) or ellipsis or straight or closing or bracket
    ):
        answer |= ENDS_OPEN
    if question:
        answer |= ENDS_QUESTION
    if tick or apostrophe:
        answer |= ENDS_QUOTE
    mark = end - start >= 3 and first == u8(0xE2) and data[start + 1] == u8(0x80)
    if first == u8(0x22) or (mark and data[start + 2] == u8(0x9C)):
        answer |= BEGINS_QUOTE
    if first == u8(0x27) or (mark and data[start + 2] == u8(0x98)):
        answer |= BEGINS_APOSTROPHE
    bullet = mark and (data[start + 2] == u8(0xA2) or data[start + 2] == u8(0x93) or data[start + 2] == u8(0x94))
    if first == u8(0x2D) or first == u8(0x2A) or u8(first - u8(48)) < u8(10) or bullet:
        answer |= BEGINS_LIST
    return answer


@inline
def _mark(data: Any, start: Any, end: Any, marks: Any, held: Any) -> None:
    """Take note of the punctuation between two tokens."""
    for place in range(start, end):
        byte = data[place]
        if byte == _SPACE or byte == u8(0x2C) or byte == u8(0x2E):
            continue
        found = -1
        if byte == u8(0x40):
            found = AT
        elif byte == u8(0x2F):
            found = SLASH
        elif byte == u8(0x3A):
            found = COLON
        elif byte == u8(0x3F):
            found = QUESTION
        elif byte == u8(0x7C):
            found = BAR
        elif byte == u8(0x3E):
            found = ARROW
        elif byte == u8(0x29):
            step = place + 1
            while step < end and data[step] == _SPACE:
                step += 1
            if step < end and (data[step] == u8(0x2D) or data[step] == u8(0xE2)):
                found = DASHED
        elif byte == u8(0xC2) and place + 1 < end:
            following = data[place + 1]
            if following == u8(0xA9):
                found = COPYRIGHT
            elif following == u8(0xB7):
                found = BAR
            elif following == u8(0xBB):
                found = ARROW
        elif byte == u8(0xE2) and place + 2 < end:
            if data[place + 1] == u8(0x80) and data[place + 2] == u8(0xA2):
                found = BAR
            elif data[place + 1] == u8(0x86) and data[place + 2] == u8(0x92):
                found = ARROW
        if found >= 0:
            for word in range(_WORDS):
                held[0, word] |= marks[found, 1, word]
                held[1, word] |= marks[found, 2, word]


@inline
def _slot(words: Any, token: Any) -> Any:
    """Return the slot of a token in a table of open addressing, a free one where it has none."""
    mask = len(words) - 1
    slot = int(token >> u64(32)) & mask
    while words[slot] != u64(0) and words[slot] != token:
        slot = (slot + 1) & mask
    return slot


@kernel
def table(hashes: Any, masks: Any, words: Any, found: Any) -> None:
    """Put the masks of the words (by their token hashes) into an empty table of slots."""
    for index in range(len(hashes)):
        slot = _slot(words, hashes[index])
        words[slot] = hashes[index]
        for role in range(3):
            for word in range(_WORDS):
                found[slot, role, word] |= masks[index, role, word]


@kernel
def candidates(
    data: Any,
    text_starts: Any,
    hashes: Any,
    token_starts: Any,
    token_ends: Any,
    units: Any,
    words: Any,
    found: Any,
    marks: Any,
    free: Any,
    sizes: Any,
    scopes: Any,
    out: Any,
    forms: Any,
) -> Any:
    """Write (unit, pattern) for every pattern that a unit may meet, in this order; return how many there are.

    ``units`` are (text, first token, last token + 1, start, end, scope), the places in bytes; a negative scope leaves
    a unit out. ``free`` (3, words) are the patterns that ask no word of a role, ``sizes`` the patterns that a unit of
    so many tokens may meet, ``scopes`` those of a scope. Where ``out`` is too small the count says what is needed.
    ``forms`` becomes how each unit begins and ends.
    """
    text_of, first_of, last_of, start_of, end_of, scope_of = units
    held = np.zeros((2, _WORDS), np.uint64)
    count = 0
    for unit in range(len(text_of)):
        first, last, base = first_of[unit], last_of[unit], text_starts[text_of[unit]]
        start, end = base + start_of[unit], base + end_of[unit]
        forms[unit] = _form(data, start, end)
        if last - first >= len(sizes) or scope_of[unit] < 0:
            continue
        held[:] = free[1:]
        behind = start
        for token in range(first, last):
            if base + token_starts[token] > behind + 1 or data[behind] != _SPACE:
                _mark(data, behind, base + token_starts[token], marks, held)
            behind = base + token_ends[token]
            slot = _slot(words, hashes[token])
            if words[slot] != u64(0):
                for word in range(_WORDS):
                    held[0, word] |= found[slot, 1, word]
                    held[1, word] |= found[slot, 2, word]
        _mark(data, behind, end, marks, held)
        bracketed = False
        for place in range(behind, end):
            bracketed |= data[place] == u8(0x29)
        opened = base + token_starts[first] > start
        slot = _slot(words, hashes[first])
        for word in range(_WORDS):
            if bracketed:
                held[0, word] |= marks[BRACKETED, 1, word]
                held[1, word] |= marks[BRACKETED, 2, word]
            if opened:
                held[0, word] |= marks[OPENED, 1, word]
            opens = free[0, word]
            if words[slot] != u64(0):
                opens |= found[slot, 0, word]
            met = opens & held[0, word] & held[1, word] & sizes[last - first, word] & scopes[scope_of[unit], word]
            bit = 0
            while met != u64(0):
                if met & u64(1) != u64(0):
                    if count < len(out):
                        out[count, 0] = unit
                        out[count, 1] = 64 * word + bit
                    count += 1
                met >>= u64(1)
                bit += 1
    return count


@inline
def _prose(forms: Any, sizes: Any, paragraph: Any) -> Any:
    return forms[paragraph] & ENDS_PROSE != 0 and sizes[paragraph] >= 4


@inline
def _is_heading(form: Any, size: Any, sentences: Any) -> Any:
    """Say whether a paragraph has the form of a heading between paragraphs; a quote of few words may be one."""
    if size <= 8 and form & BEGINS_APOSTROPHE and form & ENDS_QUOTE:
        return True
    plain = form & ENDS_OPEN and not (form & (BEGINS_LIST | BEGINS_QUOTE))
    return plain and (sentences == 1 or not (form & ENDS_QUESTION))


@kernel
def settle(
    paragraphs_of: Any,
    bounds: Any,
    sizes: Any,
    forms: Any,
    sentence_sizes: Any,
    lines: Any,
    leads: Any,
    rules: Any,
    codes: Any,
) -> None:
    """Decide sentence by sentence which rule holds, from the rules that paragraphs and sentences meet.

    ``lines`` (paragraph) and ``codes`` (sentence) are the rules met, -1 for none; ``codes`` become the decision.
    ``leads`` are the texts whose second paragraph starts with a dateline; ``rules`` the codes of furniture, caption
    and subhead.
    """
    furniture, caption, subhead = rules
    for text in range(len(paragraphs_of) - 1):
        low, high = paragraphs_of[text], paragraphs_of[text + 1]
        lined = high - low >= 4  # the paragraphs were kept in this text
        body, ended = 0, 0
        for paragraph in range(low, high):
            if sizes[paragraph] >= 12:
                body += 1
                ended += forms[paragraph] & ENDS_PROSE != 0
        headed = lined and body >= 3 and ended >= 0.8 * body
        for paragraph in range(low, high):
            first, last = bounds[paragraph], bounds[paragraph + 1]
            size = sizes[paragraph]
            code = lines[paragraph]
            if (
                code < 0
                and headed
                and 1 <= size <= 10
                and low < paragraph < high - 1
                and _prose(forms, sizes, paragraph + 1)
            ):
                before = codes[first - 1]
                marked = before >= 0 and before not in (furniture, subhead)
                if marked or _prose(forms, sizes, paragraph - 1):
                    if _is_heading(forms[paragraph], size, last - first):
                        code = subhead
            if code < 0 and lined and paragraph == low and size <= 35 and leads[text]:
                code = caption  # what stands before the dateline
            if code >= 0:
                if code == caption and size > 30 and last - first > 2:  # a caption run into a paragraph
                    codes[first : last - 2] = -1
                    first = last - 2
                codes[first:last] = code
                continue
            met, hit = 0, -1
            for sentence in range(first, last):
                if sentence_sizes[sentence] > 40:
                    codes[sentence] = -1
                if codes[sentence] >= 0:
                    met += sentence_sizes[sentence]
                    hit = hit if hit >= 0 else codes[sentence]
            edge = paragraph < low + 2 or paragraph >= high - 3
            if hit >= 0 and lined and size <= 35 and (met >= 0.5 * size or (edge and met >= 0.25 * size)):
                codes[first:last] = hit  # a short paragraph is judged whole
