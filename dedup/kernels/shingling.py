"""Token hashes → shingle hashes, distinct shingles, fingerprints."""

from __future__ import annotations

from typing import Any

import numpy as np

from dedup.kernels.hashing import PRIME_1, PRIME_2, PRIME_3, avalanche
from dedup.kernels.jit import inline, kernel, u64, wide_vectors

_FIVE = 5
_CHUNK = 512  # tokens whose fingerprint is one sum


def _powers(base: np.uint64) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
    """Return ``base ** _CHUNK`` down to ``base ** 0``, modulo 2**64."""
    powers = np.ones(_CHUNK + 1, np.uint64)
    with np.errstate(over="ignore"):
        powers[:-1] = np.cumprod(np.full(_CHUNK, base))[::-1]
    return powers


_POWERS_1, _POWERS_3 = _powers(PRIME_1), _powers(PRIME_3)


@kernel
def roll(tokens: Any, count: Any, size: Any, shingles: Any) -> Any:
    """Write the hash of every ``size`` consecutive tokens; return how many (one, of all, where there are fewer).

    The hash is ``avalanche(sum(token[i] * P**(size-1-i)))`` modulo 2**64 with P = XXH_PRIME64_1, updated from one
    place to the next (Karp and Rabin 1987). For the usual five tokens a loop that waits for nothing is twice as fast.
    """
    wide_vectors()
    if count == 0:
        return 0
    taken = min(size, count)
    many = count - taken + 1
    if taken == _FIVE:
        _roll_five(tokens, many, shingles)
        return many
    power, state = u64(1), u64(0)
    for place in range(taken):
        state = state * PRIME_1 + tokens[place]
        power *= PRIME_1
    shingles[0] = avalanche(state)
    for place in range(taken, count):
        state = state * PRIME_1 + tokens[place] - tokens[place - size] * power
        shingles[place - size + 1] = avalanche(state)
    return many


@inline
def _roll_five(tokens: Any, many: Any, shingles: Any) -> None:
    one, two, three, four, five = tokens[:many], tokens[1:], tokens[2:], tokens[3:], tokens[4:]
    out = shingles[:many]
    for place in range(len(out)):
        state = (one[place] * PRIME_1 + two[place]) * PRIME_1 + three[place]
        out[place] = avalanche((state * PRIME_1 + four[place]) * PRIME_1 + five[place])


@kernel
def fingerprint(tokens: Any, count: Any, out: Any) -> None:
    """Write 128 bits that two texts share exactly when they have the same tokens in the same order.

    They are ``count * P**count + sum(token[i] * P**(count-1-i))`` for two P, mixed; in sums of many tokens at a time.
    """
    wide_vectors()
    one, two = u64(count), u64(count)
    start = 0
    part = count % _CHUNK
    while start < count:
        if part > 0:
            powers_1, powers_3 = _POWERS_1[_CHUNK - part :], _POWERS_3[_CHUNK - part :]
            sum_1, sum_3 = _sums(tokens[start : start + part], powers_1[1:], powers_3[1:])
            one = one * powers_1[0] + sum_1
            two = two * powers_3[0] + sum_3
        start += part
        part = _CHUNK
    out[0] = avalanche(one)
    out[1] = avalanche(two)


@inline
def _sums(tokens: Any, powers_1: Any, powers_3: Any) -> Any:
    one, two = u64(0), u64(0)
    for place in range(len(tokens)):
        one += tokens[place] * powers_1[place]
        two += (tokens[place] ^ PRIME_2) * powers_3[place]
    return one, two
