"""Folded bytes → tokens: where they are, and their hashes."""

from __future__ import annotations

from typing import Any

import numpy as np

from dedup.kernels.hashing import PRIME_5, STRIPE, absorb, avalanche, hash_one_word, hash_words
from dedup.kernels.jit import inline, kernel, load64, trailing_zeros, u64

_WORD = 8  # bytes
_BLOCK = 64  # bytes, a bit each of one mask
_ALL = u64(0xFFFFFFFFFFFFFFFF)
_LOWS = u64(0x7F7F7F7F7F7F7F7F)
_HIGHS = u64(0x8080808080808080)
_GATHER = u64(0x0102040810204080)  # times the low bits of eight bytes: these bits, side by side, in the top byte


@inline
def _filled(folded: Any, place: Any) -> Any:
    """Return a mask of the bytes of a block of 64 that are not zero, the first in the lowest bit."""
    mask = u64(0)
    for step in range(_BLOCK // _WORD):
        word = load64(folded, place + _WORD * step)
        filled = (((word & _LOWS) + _LOWS) | word) & _HIGHS
        mask |= (((filled >> u64(7)) * _GATHER) >> u64(56)) << u64(_WORD * step)
    return mask


@kernel
def find_tokens(folded: Any, length: Any, edges: Any) -> Any:
    """Write where each token starts and ends in ``folded``, in turn; return how many tokens there are.

    Blocks of 64 bytes become masks of a bit a byte, whose changes are the edges: no place waits for the one before.
    ``folded`` is followed by zero bytes, a block and more of them.
    """
    count = 0
    carried = u64(0)
    for place in range(0, length + 1, _BLOCK):
        mask = _filled(folded, place)
        changes = mask ^ ((mask << u64(1)) | carried)
        carried = mask >> u64(63)
        while changes != u64(0):
            edges[count] = place + trailing_zeros(changes)
            changes &= changes - u64(1)
            count += 1
    return count // 2


@kernel
def hash_tokens(folded: Any, edges: Any, count: Any, hashes: Any) -> None:
    """Write the hash of each token: XXH64 of its bytes padded with zero bytes to a multiple of eight.

    A token of up to eight bytes is one masked word.
    """
    for token in range(count):
        start, end = edges[2 * token], edges[2 * token + 1]
        if end - start <= _WORD:
            hashes[token] = hash_one_word(_first_bytes(load64(folded, start), end - start))
        else:
            hashes[token] = _hash_long(folded, start, end)


@inline
def _first_bytes(word: Any, count: Any) -> Any:
    """Keep the lowest ``count`` (1 to 8) bytes of a word."""
    return word & (_ALL >> u64(8 * (_WORD - count)))


@inline
def _hash_long(folded: Any, start: Any, end: Any) -> Any:
    """Hash a token of more than eight bytes; its last word is padded with zero bytes."""
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
