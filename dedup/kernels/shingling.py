"""Token hashes → shingle hashes, distinct shingles, fingerprints."""

from __future__ import annotations

from typing import Any

from dedup.kernels.hashing import PRIME_1, PRIME_2, PRIME_3, avalanche
from dedup.kernels.jit import kernel, u64


@kernel
def roll(tokens: Any, count: Any, size: Any, shingles: Any) -> Any:
    """Write the hash of every ``size`` consecutive tokens; return how many (one, of all, where there are fewer).

    The hash is ``avalanche(sum(token[i] * P**(size-1-i)))`` modulo 2**64 with P = XXH_PRIME64_1, updated from one
    place to the next (Karp and Rabin 1987).
    """
    if count == 0:
        return 0
    taken = min(size, count)
    power, state = u64(1), u64(0)
    for place in range(taken):
        state = state * PRIME_1 + tokens[place]
        power *= PRIME_1
    shingles[0] = avalanche(state)
    for place in range(taken, count):
        state = state * PRIME_1 + tokens[place] - tokens[place - size] * power
        shingles[place - size + 1] = avalanche(state)
    return count - taken + 1


@kernel
def fingerprint(tokens: Any, count: Any, out: Any) -> None:
    """Write 128 bits that two texts share exactly when they have the same tokens in the same order."""
    one, two = u64(count), u64(count)
    for place in range(count):
        one = one * PRIME_1 + tokens[place]
        two = two * PRIME_3 + (tokens[place] ^ PRIME_2)
    out[0] = avalanche(one)
    out[1] = avalanche(two)


@kernel
def distinct(shingles: Any, count: Any, slots: Any, stamps: Any, stamp: Any) -> Any:
    """Move the distinct values among the first ``count`` to the front, in order of appearance; return how many.

    ``slots`` and ``stamps`` are an open-addressing table of a power of two places, more than ``count``; ``stamp``
    tells this call's entries from older ones, so that the table is never cleared.
    """
    mask = len(slots) - 1
    kept = 0
    for index in range(count):
        value = shingles[index]
        place = int(value >> u64(20)) & mask
        while stamps[place] == stamp and slots[place] != value:
            place = (place + 1) & mask
        if stamps[place] != stamp:
            stamps[place] = stamp
            slots[place] = value
            shingles[kept] = value
            kept += 1
    return kept
