"""Folded bytes → token hashes (and their places)."""

from __future__ import annotations

from typing import Any

import numpy as np

from dedup.kernels.hashing import PRIME_5, STRIPE, absorb, avalanche, first_zero_byte, hash_one_word, hash_words
from dedup.kernels.jit import inline, kernel, load64, trailing_zeros, u64

_WORD = 8  # bytes
_ALL = u64(0xFFFFFFFFFFFFFFFF)


@inline
def _first_bytes(word: Any, count: Any) -> Any:
    """Keep the lowest ``count`` (1 to 8) bytes of a word."""
    return word & (_ALL >> u64(8 * (_WORD - count)))


@inline
def _token_end(folded: Any, place: Any) -> Any:
    zero = first_zero_byte(load64(folded, place))
    while zero == _WORD:
        place += _WORD
        zero = first_zero_byte(load64(folded, place))
    return place + zero


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


@kernel
def hash_tokens(folded: Any, length: Any, hashes: Any, starts: Any, ends: Any) -> Any:
    """Write each token's hash, and its folded places where ``starts`` is not empty; return how many there are.

    The token hash is XXH64 of the token's bytes padded with zero bytes to a multiple of eight, so that a token of
    up to eight bytes is one masked word.
    """
    place, count = 0, 0
    keep = len(starts) > 0
    while place < length:
        word = load64(folded, place)
        if word & u64(255) == u64(0):
            place += _WORD if word == u64(0) else trailing_zeros(word) >> 3
            continue
        zero = first_zero_byte(word)
        if zero < _WORD:
            end = place + zero
            hashes[count] = hash_one_word(_first_bytes(word, zero))
        else:
            end = _token_end(folded, place + _WORD)
            hashes[count] = hash_one_word(word) if end == place + _WORD else _hash_long(folded, place, end)
        if keep:
            starts[count] = place
            ends[count] = end
        count += 1
        place = end + 1
    return count
