"""xxHash64 of short padded words, and the mixing steps that the other kernels share.

Source: the xxHash specification, XXH64 (https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md).
"""

from __future__ import annotations

from typing import Any

from dedup.kernels.jit import inline, load64, u64

PRIME_1 = u64(0x9E3779B185EBCA87)
PRIME_2 = u64(0xC2B2AE3D27D4EB4F)
PRIME_3 = u64(0x165667B19E3779F9)
PRIME_4 = u64(0x85EBCA77C2B2AE63)
PRIME_5 = u64(0x27D4EB2F165667C5)
STRIPE = 4  # words; XXH64 takes another path from 32 bytes on


@inline
def rotate(word: Any, bits: Any) -> Any:
    """Rotate a uint64 left."""
    return (word << u64(bits)) | (word >> u64(64 - bits))


@inline
def avalanche(word: Any) -> Any:
    """Apply XXH64's final mix: every input bit reaches every output bit."""
    word ^= word >> u64(33)
    word *= PRIME_2
    word ^= word >> u64(29)
    word *= PRIME_3
    return word ^ (word >> u64(32))


@inline
def _round(lane: Any, word: Any) -> Any:
    return rotate(lane + word * PRIME_2, 31) * PRIME_1


@inline
def absorb(state: Any, word: Any) -> Any:
    """Take eight more bytes into the state of a hash of fewer than 32."""
    return rotate(state ^ _round(u64(0), word), 27) * PRIME_1 + PRIME_4


@inline
def hash_one_word(word: Any) -> Any:
    """Hash eight bytes, given as one word: XXH64 with seed 0."""
    return avalanche(absorb(PRIME_5 + u64(8), word))


@inline
def hash_two_words(one: Any, two: Any) -> Any:
    """Hash 16 bytes, given as two words: XXH64 with seed 0."""
    return avalanche(absorb(absorb(PRIME_5 + u64(16), one), two))


@inline
def _merge(state: Any, lane: Any) -> Any:
    return (state ^ _round(u64(0), lane)) * PRIME_1 + PRIME_4


@inline
def hash_words(data: Any, start: Any, words: Any) -> Any:
    """Hash ``words`` times eight bytes of ``data`` from ``start``: XXH64 with seed 0."""
    taken = 0
    if words >= STRIPE:
        one, two, three, four = PRIME_1 + PRIME_2, PRIME_2, u64(0), u64(0) - PRIME_1
        while taken + STRIPE <= words:
            place = start + 8 * taken
            one = _round(one, load64(data, place))
            two = _round(two, load64(data, place + 8))
            three = _round(three, load64(data, place + 16))
            four = _round(four, load64(data, place + 24))
            taken += STRIPE
        state = rotate(one, 1) + rotate(two, 7) + rotate(three, 12) + rotate(four, 18)
        state = _merge(_merge(_merge(_merge(state, one), two), three), four)
    else:
        state = PRIME_5
    state += u64(8 * words)
    while taken < words:
        state = absorb(state, load64(data, start + 8 * taken))
        taken += 1
    return avalanche(state)
