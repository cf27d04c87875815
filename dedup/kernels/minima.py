"""Shingle hashes → the minima of a signature, and signatures → band keys."""

from __future__ import annotations

from typing import Any

from dedup.kernels.hashing import PRIME_1, avalanche
from dedup.kernels.jit import inline, kernel, u32, u64, wide_vectors

_EMPTY = u32(0xFFFFFFFF)
_UNROLL = 8


@inline
def _mix(value: Any) -> Any:
    """MurmurHash3's 32-bit finaliser, datasketch's pre-mix of the ``affine32`` scheme.

    Every step is cut back to 32 bits: numba widens products of uint32.
    """
    value = u32(value ^ (value >> u32(16)))
    value = u32(value * u32(0x85EBCA6B))
    value = u32(value ^ (value >> u32(13)))
    value = u32(value * u32(0xC2B2AE35))
    return u32(value ^ (value >> u32(16)))


@kernel
def minima(shingles: Any, count: Any, mixed: Any, multipliers: Any, offsets: Any, signature: Any) -> None:
    """Write ``min(a * mix(h) + b mod 2**32)`` over the low 32 bits of all shingles, for each (a, b).

    Eight shingles are taken at a time so that each (a, b) is loaded once for eight. ``mixed`` is scratch of at
    least ``count`` uint32.
    """
    wide_vectors()
    for index in range(count):
        mixed[index] = _mix(u32(shingles[index]))
    signature[:] = _EMPTY
    whole = count - count % _UNROLL
    for start in range(0, whole, _UNROLL):
        h0, h1, h2, h3 = mixed[start], mixed[start + 1], mixed[start + 2], mixed[start + 3]
        h4, h5, h6, h7 = mixed[start + 4], mixed[start + 5], mixed[start + 6], mixed[start + 7]
        for index in range(len(multipliers)):
            a, b = multipliers[index], offsets[index]
            low = min(min(u32(a * h0 + b), u32(a * h1 + b)), min(u32(a * h2 + b), u32(a * h3 + b)))
            high = min(min(u32(a * h4 + b), u32(a * h5 + b)), min(u32(a * h6 + b), u32(a * h7 + b)))
            signature[index] = min(signature[index], min(low, high))
    for place in range(whole, count):
        value = mixed[place]
        for index in range(len(multipliers)):
            signature[index] = min(signature[index], u32(multipliers[index] * value + offsets[index]))


@kernel
def band_keys(signature: Any, rows: Any, keys: Any) -> None:
    """Hash each band of ``rows`` minima into one uint64; ``keys`` has one place a band."""
    for band in range(len(keys)):
        state = u64(band + 1)
        for row in range(rows):
            state = state * PRIME_1 + u64(signature[band * rows + row])
        keys[band] = avalanche(state)
