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
