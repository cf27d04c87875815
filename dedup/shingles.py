"""Tokens → shingle hashes, in plain Python: the public definition that the kernels reproduce bit for bit."""

from __future__ import annotations

from dedup.text import token_hash

PRIME = 0x9E3779B185EBCA87  # XXH_PRIME64_1
_WORD = (1 << 64) - 1


def shingle_hashes(tokens: list[str], size: int = 5) -> list[int]:
    """Hash every ``size`` consecutive tokens (all of them where there are fewer) to 64 bits.

    The hash is the polynomial of the tokens' xxHash values in XXH_PRIME64_1, finished with XXH64's avalanche.

    >>> [hex(value) for value in shingle_hashes("a storm hit the coast".split())]
    ['0xedf72e6d91983530']
    """
    hashes = [token_hash(token) for token in tokens]
    windows = [hashes[start : start + size] for start in range(max(1, len(hashes) - size + 1))] if hashes else []
    return [_combine(window) for window in windows]


def _combine(window: list[int]) -> int:
    state = 0
    for value in window:
        state = (state * PRIME + value) & _WORD
    state = ((state ^ state >> 33) * 0xC2B2AE3D27D4EB4F) & _WORD
    state = ((state ^ state >> 29) * 0x165667B19E3779F9) & _WORD
    return state ^ state >> 32
