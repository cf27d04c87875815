"""Shingles → signatures (Broder 1997), bit-equal to datasketch's ``affine32`` scheme; the estimator's error."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from dedup.errors import MissingExtraError

if TYPE_CHECKING:
    from numpy.typing import NDArray

SEED = 1


class Hashing(NamedTuple):
    """The permutations ``h → a * h + b mod 2**32``: ``a`` odd, one of each a permutation, uint32."""

    multipliers: NDArray[np.uint32]
    offsets: NDArray[np.uint32]


@lru_cache(maxsize=8)
def hashing(permutations: int, seed: int = SEED) -> Hashing:
    """Draw the permutations as ``datasketch.MinHash(permutations, seed, scheme="affine32")`` draws them."""
    draw = np.random.RandomState(seed)
    multipliers = draw.randint(0, 1 << 31, permutations, dtype=np.uint32) * np.uint32(2) + np.uint32(1)
    return Hashing(multipliers, draw.randint(0, 1 << 32, permutations, dtype=np.uint32))


def estimate(left: NDArray[np.uint32], right: NDArray[np.uint32]) -> float:
    """Estimate the resemblance of two articles, 0..1, as the share of equal minima in their signatures."""
    return float(np.mean(left == right))


def standard_error(resemblance: float, permutations: int) -> float:
    """Return the standard deviation of :func:`estimate`: that of a mean of ``permutations`` coin throws."""
    return math.sqrt(resemblance * (1 - resemblance) / permutations)


def to_datasketch(signature: NDArray[np.uint32], seed: int = SEED) -> Any:
    """Return a ``datasketch.MinHash`` with these minima; it can be compared, merged and put into datasketch's LSH.

    Raises MissingExtraError where datasketch is not installed.
    """
    return _datasketch().MinHash(num_perm=len(signature), seed=seed, hashvalues=signature, scheme="affine32")


def from_datasketch(minhash: Any) -> NDArray[np.uint32]:
    """Return the signature of a ``datasketch.MinHash`` of the ``affine32`` scheme.

    Raises ValueError for another scheme, whose minima mean something else.
    """
    if minhash.scheme != "affine32":
        message = f"datasketch scheme {minhash.scheme!r} is not 'affine32'; its minima cannot be compared with dedup's"
        raise ValueError(message)
    return np.asarray(minhash.hashvalues, np.uint32)


def _datasketch() -> Any:
    try:
        import datasketch  # noqa: PLC0415  (optional)
    except ModuleNotFoundError as error:
        message = "datasketch is not installed; install it with: pip install datasketch"
        raise MissingExtraError(message) from error
    return datasketch
