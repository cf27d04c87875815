"""Folded bytes → tokens: where they are, and their hashes."""

from __future__ import annotations

from typing import Any

import numpy as np

from dedup.kernels.hashing import PRIME_5, STRIPE, absorb, avalanche, hash_one_word, hash_two_words, hash_words
from dedup.kernels.jit import BLOCK, filled64, inline, kernel, load64, ones, trailing_zeros, u64, wide_vectors

_WORD = 8  # bytes
_STEP = 8  # edges written at a time
_ALL = u64(0xFFFFFFFFFFFFFFFF)


@inline
def edge_room(longest: Any) -> Any:
    """Return the places that the edges of a text of ``longest`` bytes need: two a token, two tokens a byte at most."""
    return 4 * longest + 2 + _STEP


@kernel
def find_tokens(folded: Any, length: Any, edges: Any) -> Any:
    """Write where each token starts and ends in ``folded``, in turn; return how many tokens there are.

    Blocks of 64 bytes become masks of a bit a byte, whose changes are the edges: no place waits for the one before.
    Edges are written eight at a time, so that few branches go wrong; what is too much is written over.
    ``folded`` is followed by zero bytes, a block and more of them.
    """
    wide_vectors()
    count = 0
    carried = u64(0)
    for place in range(0, length + 1, BLOCK):
        mask = filled64(folded, place)
        changes = mask ^ ((mask << u64(1)) | carried)
        carried = mask >> u64(63)
        found = ones(changes)
        for step in range(0, found, _STEP):
            target = edges[count + step : count + step + _STEP]
            for index in range(_STEP):
                target[index] = place + trailing_zeros(changes)
                changes &= changes - u64(1)
        count += found
    return count // 2


@inline
def hash_room(tokens: Any) -> Any:
    """Return the scratch of :func:`hash_tokens` for texts of that many tokens."""
    return np.empty(tokens + 1, np.int32), np.empty(tokens + 1, np.uint64), np.empty(tokens + 1, np.uint64)


@kernel
def hash_tokens(folded: Any, edges: Any, count: Any, hashes: Any, scratch: Any) -> None:
    """Write the hash of each token: XXH64 of its bytes padded with zero bytes to a multiple of eight.

    Tokens of up to eight bytes are one masked word, those of up to 16 are two: such words are gathered first and
    hashed by loops that vectorise.
    """
    wide_vectors()
    long, firsts, seconds = scratch
    longer = 0
    for token in range(count):
        start, end = edges[2 * token], edges[2 * token + 1]
        hashes[token] = _first_bytes(load64(folded, start), min(end - start, _WORD))
        long[longer] = token
        longer += end - start > _WORD
    words = hashes[:count]
    for token in range(len(words)):
        words[token] = hash_one_word(words[token])
    for index in range(longer):
        start, end = edges[2 * long[index]], edges[2 * long[index] + 1]
        firsts[index] = load64(folded, start)
        seconds[index] = _first_bytes(load64(folded, start + _WORD), min(end - start - _WORD, _WORD))
    one, two = firsts[:longer], seconds[:longer]
    for index in range(len(one)):
        one[index] = hash_two_words(one[index], two[index])
    for index in range(longer):
        start, end = edges[2 * long[index]], edges[2 * long[index] + 1]
        hashes[long[index]] = one[index] if end - start <= 2 * _WORD else _hash_long(folded, start, end)


@inline
def _first_bytes(word: Any, count: Any) -> Any:
    """Keep the lowest ``count`` (1 to 8) bytes of a word."""
    return word & (_ALL >> u64(8 * (_WORD - count)))


@inline
def _hash_long(folded: Any, start: Any, end: Any) -> Any:
    """Hash a token of more than two words; its last word is padded with zero bytes."""
    words = (end - start + _WORD - 1) // _WORD
    last = start + _WORD * (words - 1)
    if words < STRIPE:
        state = PRIME_5 + u64(_WORD * words)
        for place in range(start, last, _WORD):
            state = absorb(state, load64(folded, place))
        return avalanche(absorb(state, _first_bytes(load64(folded, last), end - last)))
    padded = np.zeros(_WORD * words, np.uint8)
    padded[: end - start] = folded[start:end]
    return hash_words(padded, 0, words)
