"""Text → tokens with their terms (stems), names, numbers, sentences and paragraphs.

The rules look at the bytes between two tokens, and at ASCII words only: other languages keep their tokens as terms,
and end sentences at their own full stops and at newlines.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from dedup.kernels.folding import PADDING, fold
from dedup.kernels.hashing import PRIME_5, absorb, avalanche
from dedup.kernels.jit import inline, kernel, u8, u64
from dedup.kernels.texts import EXPANSION, longest_of, trace
from dedup.kernels.tokens import edge_room, find_tokens, hash_room, hash_tokens

NAME, NUMBER, SENTENCE, PARAGRAPH, FIGURE = 1, 2, 4, 8, 16
_STEM = 24  # bytes: longer tokens are terms as they are
_LIKELY, _LIKELY_SHIFT = 4096, u64(52)
_KNOWN = 1 << 13  # tokens whose terms are remembered
_SPACES = 3  # in a row end a sentence: crawled pages join their blocks so
_WRAPPED_LINES, _WRAPPED_SHARE = 4, 0.3  # newlines before small letters, from which a text is hard-wrapped
_SPACE, _NEWLINE, _TAB, _RETURN = u8(0x20), u8(0x0A), u8(0x09), u8(0x0D)
_COMMA, _STOP, _APOSTROPHE = u8(0x2C), u8(0x2E), u8(0x27)


@inline
def _is_digit(byte: Any) -> Any:
    return u8(byte - u8(48)) < u8(10)


@inline
def _is_upper(byte: Any) -> Any:
    return u8(byte - u8(65)) < u8(26)


@inline
def _is_lower(byte: Any) -> Any:
    return u8(byte - u8(97)) < u8(26)


@inline
def _is(word: Any, length: Any, one: Any, two: Any) -> Any:
    """Say whether a word ends with the two bytes."""
    return length >= 2 and word[length - 2] == u8(one) and word[length - 1] == u8(two)


@inline
def _hash_bytes(word: Any, length: Any) -> Any:
    """Hash as a token of these bytes, 1 to 24 of them, is hashed."""
    words = (length + 7) // 8
    state = PRIME_5 + u64(8 * words)
    for index in range(words):
        value = u64(0)
        for byte in range(min(8, length - 8 * index)):
            value |= u64(word[8 * index + byte]) << u64(8 * byte)
        state = absorb(state, value)
    return avalanche(state)


@inline
def _strip_unit(word: Any, length: Any) -> Any:
    """Return the length of a number without its unit: 40m, 3bn, 5th, 7pm."""
    digits = 0
    while digits < length and (_is_digit(word[digits]) or word[digits] == _STOP):
        digits += 1
    for index in range(digits, length):
        if not _is_lower(word[index]):
            return length
    return digits if length - digits <= 2 else length


@inline
def _without_contraction(word: Any, length: Any) -> Any:
    """Return the length without a final 's, 'd, 're, 'll or 've."""
    if length >= 3 and word[length - 2] == _APOSTROPHE:
        return length - 2 if word[length - 1] == u8(0x73) or word[length - 1] == u8(0x64) else length
    if length >= 4 and word[length - 3] == _APOSTROPHE:
        if _is(word, length, 0x72, 0x65) or _is(word, length, 0x6C, 0x6C) or _is(word, length, 0x76, 0x65):
            return length - 3
    return length


@inline
def _stem(word: Any, length: Any) -> Any:
    """Shorten an ASCII word in place by the rules of :func:`dedup.text.stem`; return its length."""
    length = _without_contraction(word, length)
    kept = 0
    for index in range(length):
        if word[index] != _APOSTROPHE:
            word[kept] = word[index]
            kept += 1
    length = kept
    whole = length
    if whole <= 3:
        return length
    last, before = word[length - 1], word[length - 2]
    if length >= 3 and word[length - 3] == u8(0x69) and before == u8(0x65) and (last == u8(0x73) or last == u8(0x64)):
        if whole > 4:  # countries, tried
            word[length - 3] = u8(0x79)
            length -= 2
        else:
            length -= 1
    elif (
        length >= 4
        and last == u8(0x73)
        and before == u8(0x65)
        and word[length - 3] == u8(0x73)
        and word[length - 4] == u8(0x73)
    ):
        length -= 2  # losses
    elif last == u8(0x73) and before != u8(0x73) and before != u8(0x75) and before != u8(0x69):
        length -= 1
    if length > 5 and word[length - 1] == u8(0x67) and _is(word, length - 1, 0x69, 0x6E):
        length -= 3  # -ing
    elif length > 4 and _is(word, length, 0x65, 0x64) and word[length - 3] != u8(0x65):
        length -= 2  # -ed
    elif length > 6 and _is(word, length, 0x6C, 0x79):
        length -= 2  # -ly
    if length > 4 and word[length - 1] == word[length - 2] and word[length - 1] != u8(0x73):
        length -= 1  # stopp
    if length > 4 and word[length - 1] == u8(0x65):
        length -= 1
    if length > 4 and word[length - 1] == u8(0x72) and _is(word, length - 1, 0x6F, 0x75):
        word[length - 2] = u8(0x72)  # labour
        length -= 1
    if length > 4 and _is(word, length, 0x69, 0x73):
        word[length - 1] = u8(0x7A)  # organis
    if length > 4 and word[length - 1] == u8(0x79):
        word[length - 1] = u8(0x69)
    return length


@inline
def _term(folded: Any, start: Any, end: Any, token: Any, word: Any) -> Any:
    """Return the hash of a token's stem; tokens that are long or not ASCII are their own."""
    length = end - start
    if length > _STEM:
        return token
    for index in range(length):
        if folded[start + index] >= u8(128):
            return token
        word[index] = folded[start + index]
    length = _strip_unit(word, _without_contraction(word, length)) if _is_digit(word[0]) else _stem(word, length)
    return _hash_bytes(word, length) if length else token


@inline
def _joins_number(data: Any, end: Any, start: Any) -> Any:
    """Say whether nothing but a decimal point or a thousands comma lies between two digits."""
    joint = start - end == 1 and (data[end] == _COMMA or data[end] == _STOP)
    return joint and _is_digit(data[end - 1]) and _is_digit(data[start])


@inline
def _number(data: Any, folded: Any, base: Any, edges: Any, token_ends: Any, first: Any, last: Any, word: Any) -> Any:
    """Hash the number made of the tokens ``first`` to ``last``: its digits, decimal points kept, commas dropped."""
    length = 0
    for token in range(first, last + 1):
        if token > first and data[base + token_ends[token - 1]] == _STOP:
            word[length] = _STOP
            length += 1
        for place in range(edges[2 * token], edges[2 * token + 1]):
            if length < _STEM - 1:
                word[length] = folded[place]
                length += 1
    length = _strip_unit(word, _without_contraction(word, length))
    return _hash_bytes(word, length)


@inline
def _is_wrapped(data: Any, start: Any, starts: Any, ends: Any, count: Any) -> Any:
    """Say whether a text is hard-wrapped: many of its single newlines stand before a small letter."""
    lone, small = 0, 0
    for token in range(1, count):
        newlines = 0
        for place in range(start + ends[token - 1], start + starts[token]):
            newlines += data[place] == _NEWLINE
        if newlines == 1:
            lone += 1
            small += _is_lower(data[start + starts[token]])
    return lone >= _WRAPPED_LINES and small >= _WRAPPED_SHARE * lone


@inline
def _line_break(data: Any, start: Any, end: Any, wrapped: Any) -> Any:
    """Say whether the bytes between two tokens end a paragraph."""
    newlines, spaces = 0, 0
    for place in range(start, end):
        if data[place] == _NEWLINE:
            newlines += 1
            spaces = 0
        elif data[place] == _SPACE or data[place] == _TAB:
            spaces += 1
            if newlines and spaces >= 2:
                return True
        elif data[place] != _RETURN:
            spaces = 0
    return newlines > 1 or (newlines == 1 and not wrapped)


@inline
def _opens(data: Any, place: Any) -> Any:
    """Say whether an opening quote, or one that may open, stands at ``place``."""
    byte = data[place]
    if byte == u8(0x22) or byte == _APOSTROPHE:
        return True
    # U+2018, U+201C, U+00AB
    if byte == u8(0xE2) and data[place + 1] == u8(0x80):
        return data[place + 2] == u8(0x98) or data[place + 2] == u8(0x9C)
    return byte == u8(0xC2) and data[place + 1] == u8(0xAB)


@inline
def _stop_at(data: Any, start: Any, end: Any) -> Any:
    """Return (the place behind the first full stop between two tokens, its kind): 0 none, 1 ".", 2 other, 3 CJK."""
    place = start
    while place < end:
        byte = data[place]
        if byte == _STOP:
            if place + 1 < end and data[place + 1] == _STOP:
                return place + 2, 2
            return place + 1, 1
        if byte == u8(0x21) or byte == u8(0x3F):
            return place + 1, 2
        if byte == u8(0xE2) and place + 2 < end and data[place + 1] == u8(0x80) and data[place + 2] == u8(0xA6):
            return place + 3, 2
        if byte == u8(0xE3) and place + 2 < end and data[place + 1] == u8(0x80) and data[place + 2] == u8(0x82):
            return place + 3, 3
        if byte == u8(0xEF) and place + 2 < end and data[place + 1] == u8(0xBC):
            if data[place + 2] == u8(0x81) or data[place + 2] == u8(0x9F):
                return place + 3, 3
        place += 1
    return place, 0


@inline
def _is_dash(data: Any, place: Any) -> Any:
    """Say whether a hyphen or a dash (U+2010 to U+2015) stands at ``place``."""
    if data[place] == u8(0x2D):
        return True
    return data[place] == u8(0xE2) and data[place + 1] == u8(0x80) and u8(0x90) <= data[place + 2] <= u8(0x95)


@inline
def _gap(data: Any, start: Any, end: Any) -> Any:
    """Return (spaces, longest run of them, whether the last bytes open a quote) between two tokens."""
    spaces, run, longest, opened = 0, 0, 0, False
    for place in range(start, end):
        if data[place] == _SPACE or data[place] == _TAB or data[place] == _NEWLINE or data[place] == _RETURN:
            spaces += 1
            run += 1
            longest = max(longest, run)
            opened = False
        elif data[place] == u8(0xC2) and place + 1 < end and data[place + 1] == u8(0xA0):
            spaces += 1
            opened = False
        else:
            run = 0
            if spaces > 0 and place + 2 < end + 2 and _opens(data, place):
                opened = True
    return spaces, longest, opened


@inline
def _find(words: Any, value: Any) -> Any:
    """Return the place of a value in ascending words, -1 where it is not."""
    low, high = 0, len(words)
    while low < high:
        middle = (low + high) >> 1
        if words[middle] < value:
            low = middle + 1
        else:
            high = middle
    return low if low < len(words) and words[low] == value else -1


@inline
def _ends_sentence(
    data: Any,
    base: Any,
    token_starts: Any,
    token_ends: Any,
    hashes: Any,
    token: Any,
    capital: Any,
    abbreviations: Any,
    starters: Any,
) -> Any:
    """Say whether a sentence ends between ``token - 1`` and ``token``."""
    start, end = base + token_ends[token - 1], base + token_starts[token]
    spaces, longest, opened = _gap(data, start, end)
    if longest >= _SPACES:
        return True
    behind, kind = _stop_at(data, start, end)
    if kind == 3:
        return True
    if kind == 0 or not (capital or opened or _is_digit(data[end])):
        return False
    if spaces == 0:  # He said "No."Then; but not the U.S.-China talks
        return kind != 0 and capital and end - start >= 2 and not _is_dash(data, behind)
    if kind == 1 and behind == start + 1:  # the stop touches the word: an abbreviation or an initial?
        before = token - 1
        size = token_ends[before] - token_starts[before]
        upper = _is_upper(data[base + token_starts[before]])
        if size == 1 and upper:
            inside = token >= 2 and token_starts[before] - token_ends[token - 2] == 1
            acronym = inside and data[base + token_ends[token - 2]] == _STOP
            return acronym and _find(starters, hashes[token]) >= 0
        if _find(abbreviations, hashes[before]) >= 0 and data[behind] == _SPACE and upper:
            return False
    return True


@kernel
def read(
    data: Any,
    starts: Any,
    ends: Any,
    strict: Any,
    tables: Any,
    words: Any,
    places: Any,
    hashes: Any,
    token_starts: Any,
    token_ends: Any,
    terms: Any,
    flags: Any,
) -> Any:
    """Write the tokens of every text as :func:`dedup.kernels.texts.tokenise` does, with their terms and flags.

    ``words`` are (ascending hashes of abbreviations, of words that start sentences, of number words, and for these
    the hashes of their digits and whether they have two and more). With empty ``terms`` there are none, and of the
    flags only SENTENCE and PARAGRAPH: most of the time goes into terms.
    """
    abbreviations, starters, number_words, number_digits, number_figures = words
    likely = np.zeros(_LIKELY, np.bool_)  # by its first bits, whether a hash may be a number word's
    for word_hash in number_words:
        likely[word_hash >> _LIKELY_SHIFT] = True
    longest = longest_of(starts, ends)
    size = longest * EXPANSION + PADDING
    folded = np.empty(size, np.uint8)
    origin = np.empty(size, np.int32)
    room = 2 * longest + 1
    edges = np.empty(edge_room(longest), np.int32)
    scratch = hash_room(room)
    word = np.empty(_STEM, np.uint8)
    known = np.zeros((_KNOWN if len(terms) > 0 else 1, 2), np.uint64)  # tokens, by their last bits, with their terms
    written = 0
    places[0] = 0
    for index in range(len(starts)):
        start, end = starts[index], ends[index]
        length = fold(data, start, end, strict, tables, folded, origin)
        if length < 0:
            return index, length
        count = find_tokens(folded, length, edges)
        hash_tokens(folded, edges, count, hashes[written:], scratch)
        first, last = token_starts[written : written + count], token_ends[written : written + count]
        trace(data, start, origin, edges, first, last)
        own = hashes[written : written + count]
        flag = flags[written : written + count]
        wrapped = _is_wrapped(data, start, first, last, count)
        for token in range(count):
            if token > 0 and first[token] - last[token - 1] == 1 and data[start + last[token - 1]] != _NEWLINE:
                flag[token] = 0  # one space, as between most words
            elif token == 0 or _line_break(data, start + last[token - 1], start + first[token], wrapped):
                flag[token] = SENTENCE | PARAGRAPH
            else:
                capital = _capital(data, start + first[token], folded, edges[2 * token])
                ends_one = _ends_sentence(data, start, first, last, own, token, capital, abbreviations, starters)
                flag[token] = SENTENCE if ends_one else 0
        if len(terms) > 0:
            term = terms[written : written + count]
            token = 0
            while token < count:
                folded_start, folded_end = edges[2 * token], edges[2 * token + 1]
                if flag[token] == 0 and _capital(data, start + first[token], folded, folded_start):
                    if not _quoted(data, start + last[token - 1], start + first[token]):
                        flag[token] = NAME
                digit = _is_digit(folded[folded_start])
                end_token = token
                if digit:
                    while end_token + 1 < count and _joins_number(
                        data, start + last[end_token], start + first[end_token + 1]
                    ):
                        end_token += 1
                figure = end_token > token
                if end_token > token:
                    term[token] = _number(data, folded, start, edges, last, token, end_token, word)
                else:
                    slot = own[token] & u64(_KNOWN - 1)
                    if known[slot, 0] != own[token]:
                        known[slot, 0] = own[token]
                        known[slot, 1] = _term(folded, folded_start, folded_end, own[token], word)
                    term[token] = known[slot, 1]
                    found = _find(number_words, own[token]) if likely[own[token] >> _LIKELY_SHIFT] else -1
                    if found >= 0:
                        term[token] = number_digits[found]
                        digit, figure = True, number_figures[found]
                    elif digit:
                        figure = _is_figure(folded, folded_start, folded_end)
                flag[token] |= (NUMBER if digit else 0) | (FIGURE if figure else 0)
                for part in range(token + 1, end_token + 1):
                    term[part] = u64(0)
                    flag[part] = 0
                token = end_token + 1
        written += count
        places[index + 1] = written
    return -1, 0


@inline
def _is_figure(folded: Any, start: Any, end: Any) -> Any:
    """Say whether a number has two digits or more and is not a year from 1900 to 2099."""
    digits = 0
    while start + digits < end and _is_digit(folded[start + digits]):
        digits += 1
    if digits == 4 and end - start == 4:
        century = int(folded[start] - u8(48)) * 10 + int(folded[start + 1] - u8(48))
        return not 19 <= century <= 20
    return digits >= 2


@inline
def _capital(data: Any, place: Any, folded: Any, folded_place: Any) -> Any:
    """Say whether a token starts with a letter that case folding changed."""
    if data[place] < u8(128):
        return _is_upper(data[place])
    first, second = data[place], folded[folded_place]
    return first != second or data[place + 1] != folded[folded_place + 1]


@inline
def _quoted(data: Any, start: Any, end: Any) -> Any:
    """Say whether the byte before a token opens a quote."""
    if end - start >= 1 and (data[end - 1] == u8(0x22) or data[end - 1] == _APOSTROPHE):
        return True
    return end - start >= 3 and _opens(data, end - 3)
