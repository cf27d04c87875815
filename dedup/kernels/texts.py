"""Loops over the texts of a batch: text → tokens, text → sketch. The only kernels that read Arrow's buffers."""

from __future__ import annotations

from typing import Any

import numpy as np

from dedup.kernels.folding import PADDING, fold
from dedup.kernels.jit import inline, kernel, load64, u8, u32, u64, wide_vectors
from dedup.kernels.minima import band_keys, minima
from dedup.kernels.shingling import fingerprint, roll
from dedup.kernels.tokens import edge_room, find_tokens, hash_room, hash_tokens

# Room for a folded text, bytes a byte; only what is used is ever touched. The worst is U+FDFA, of 3 bytes, which
# becomes 15 letters of 2 bytes and 3 separators.
EXPANSION = 12
_ALL = u64(0xFFFFFFFFFFFFFFFF)
_ONES = u64(0x0101010101010101)


@inline
def longest_of(starts: Any, ends: Any) -> Any:
    """Return the bytes of the longest text."""
    longest = 0
    for index in range(len(starts)):
        longest = max(longest, ends[index] - starts[index])
    return longest


@kernel
def sketch(
    data: Any,
    starts: Any,
    ends: Any,
    strict: Any,
    tables: Any,
    size: Any,
    hashing: Any,
    rows: Any,
    sample: Any,
    sketches: Any,
    sampled: Any,
) -> Any:
    """Sketch every text: token counts, fingerprints, signatures or band keys, sampled shingles.

    ``hashing`` is (multipliers, offsets); ``sketches`` is (counts, fingerprints, signatures, keys, places), the
    fingerprints, signatures or keys with no row where they are not wanted. ``places`` bounds each text's part of
    ``sampled``, the low halves of the lowest ``1 / sample`` of the shingle hashes (none where it is 0).
    Returns (index, status) of the first text that cannot be folded, (-1, 0) when all could.
    """
    wide_vectors()
    counts, places = sketches[0], sketches[4]
    longest = longest_of(starts, ends)
    folded = np.empty(longest * EXPANSION + PADDING, np.uint8)
    none = np.empty(0, np.int32)
    room = 2 * longest + 1
    edges = np.empty(edge_room(longest), np.int32)
    scratch = hash_room(room)
    tokens = np.empty(room, np.uint64)
    shingles = np.empty(room, np.uint64)
    mixed = np.empty(room, np.uint32)
    signature = np.empty(len(hashing[0]), np.uint32)
    places[0] = 0
    for index in range(len(starts)):
        length = fold(data, starts[index], ends[index], strict, tables, folded, none)
        if length < 0:
            return index, length
        counts[index] = find_tokens(folded, length, edges)
        hash_tokens(folded, edges, counts[index], tokens, scratch)
        _sketch(tokens, index, size, hashing, rows, sample, sketches, sampled, shingles, mixed, signature)
    return -1, 0


@kernel
def sketch_kept(
    hashes: Any,
    token_places: Any,
    left_out: Any,
    size: Any,
    hashing: Any,
    rows: Any,
    sample: Any,
    sketches: Any,
    sampled: Any,
) -> None:
    """Sketch texts given as tokens as :func:`sketch` does, without the tokens that are ``left_out``."""
    wide_vectors()
    longest = 1
    for index in range(len(token_places) - 1):
        longest = max(longest, token_places[index + 1] - token_places[index])
    tokens = np.empty(longest, np.uint64)
    shingles = np.empty(longest, np.uint64)
    mixed = np.empty(longest, np.uint32)
    signature = np.empty(len(hashing[0]), np.uint32)
    sketches[4][0] = 0
    for index in range(len(token_places) - 1):
        count = 0
        for token in range(token_places[index], token_places[index + 1]):
            if not left_out[token]:
                tokens[count] = hashes[token]
                count += 1
        sketches[0][index] = count
        _sketch(tokens, index, size, hashing, rows, sample, sketches, sampled, shingles, mixed, signature)


@inline
def _sketch(
    tokens: Any,
    index: Any,
    size: Any,
    hashing: Any,
    rows: Any,
    sample: Any,
    sketches: Any,
    sampled: Any,
    shingles: Any,
    mixed: Any,
    signature: Any,
) -> None:
    """Write the sketch of one text, of which the number of tokens is known."""
    counts, fingerprints, signatures, keys, places = sketches
    count = counts[index]
    if len(fingerprints):
        fingerprint(tokens, count, fingerprints[index])
    many = roll(tokens, count, size, shingles)
    minima(shingles, many, mixed, hashing[0], hashing[1], signature)
    if len(signatures):
        signatures[index] = signature
    if len(keys):
        band_keys(signature, rows, keys[index])
    places[index + 1] = places[index]
    if sample:
        places[index + 1] = _sample(shingles, many, _ALL // u64(sample), sampled, places[index])


@inline
def _sample(shingles: Any, count: Any, limit: Any, sampled: Any, written: Any) -> Any:
    """Write the sampled shingles; the place behind the last is written over, so that no branch goes wrong."""
    last = u32(0)
    for place in range(count):
        value = u32(shingles[place])
        low = shingles[place] <= limit
        sampled[written] = value
        written += low and value != last  # one word a million times is one shingle
        last = value if low else last
    return written


@kernel
def tokenise(
    data: Any,
    starts: Any,
    ends: Any,
    strict: Any,
    tables: Any,
    places: Any,
    hashes: Any,
    token_starts: Any,
    token_ends: Any,
) -> Any:
    """Write the token hashes of every text and their byte places, relative to the text.

    ``places`` (texts + 1) bounds each text's tokens. With empty ``token_starts`` there are hashes only. Returns
    (index, status) as :func:`sketch` does.
    """
    wide_vectors()
    longest = longest_of(starts, ends)
    size = longest * EXPANSION + PADDING
    folded = np.empty(size, np.uint8)
    placed = len(token_starts) > 0
    origin = np.empty(size if placed else 0, np.int32)
    edges = np.empty(edge_room(longest), np.int32)
    scratch = hash_room(2 * longest)
    written = 0
    places[0] = 0
    for index in range(len(starts)):
        start, end = starts[index], ends[index]
        length = fold(data, start, end, strict, tables, folded, origin)
        if length < 0:
            return index, length
        count = find_tokens(folded, length, edges)
        hash_tokens(folded, edges, count, hashes[written:], scratch)
        if placed:
            last = written + count
            trace(data, start, origin, edges, token_starts[written:last], token_ends[written:last])
        written += count
        places[index + 1] = written
    return -1, 0


@inline
def trace(data: Any, start: Any, origin: Any, edges: Any, token_starts: Any, token_ends: Any) -> None:
    """Write where each token starts and ends in the text, from its edges in the folded text."""
    for token in range(len(token_starts)):
        token_starts[token] = origin[edges[2 * token]]
        last = origin[edges[2 * token + 1] - 1]
        token_ends[token] = last + _bytes_of(data[start + last])


@inline
def _bytes_of(first: Any) -> Any:
    return 1 if first < u8(0x80) else (2 if first < u8(0xE0) else (3 if first < u8(0xF0) else 4))


@kernel
def to_characters(data: Any, starts: Any, texts: Any, places: Any) -> None:
    """Turn byte places in texts, in place, into character (code point) places.

    ``texts`` says of each place in which text it lies; within a text places that ascend cost one walk.
    """
    text, place, count = -1, 0, 0
    for index in range(len(places)):
        if texts[index] != text or places[index] < place:
            text, place, count = texts[index], 0, 0
        start, end = starts[text], places[index]
        while place + 8 <= end:
            word = load64(data, start + place)
            continuing = (word >> u64(7)) & ~(word >> u64(6)) & _ONES  # bytes 10xxxxxx do not start a character
            count += 8 - int((continuing * _ONES) >> u64(56))
            place += 8
        while place < end:
            count += (data[start + place] & u8(0xC0)) != u8(0x80)
            place += 1
        places[index] = count
