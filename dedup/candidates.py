"""Unverified pairs of texts, with the evidence for each; never shown to a user."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from dedup.errors import CorpusError
from dedup.kernels import linking

if TYPE_CHECKING:
    from numpy.typing import NDArray

# The evidence of one band hit: as much as any number of shared posting keys, so that such a pair is always compared.
BAND = 200
KEY = 1
# Of the keys that two articles must share by the threshold, the part that must be seen: the rest is the error of the
# sample, and pairs that capped postings left out.
SEEN = 1 / 3


class Candidates(NamedTuple):
    """Pairs of texts by rank, those of a shorter text together, and how many texts had more than are compared."""

    longer: NDArray[np.int64]
    shorter: NDArray[np.int64]
    capped: int

    @staticmethod
    def of(pairs: NDArray[np.uint64], capped: int) -> Candidates:
        """Take packed pairs."""
        ranks = pairs >> np.uint64(8)
        longer = (ranks & np.uint64(linking.RANKS - 1)).astype(np.int64)
        return Candidates(longer, (ranks >> np.uint64(28)).astype(np.int64), capped)

    def __len__(self) -> int:
        """Count them."""
        return len(self.longer)


def check_size(texts: int) -> None:
    """Raise CorpusError for more texts than a pair can name."""
    if texts > linking.RANKS:
        raise CorpusError(
            f"{texts} distinct texts are more than one machine's run can hold ({linking.RANKS}); split the corpus"
        )


def gather(parts: list[NDArray[np.uint64]]) -> NDArray[np.uint64]:
    """Add up the evidence of the same pairs in several lists; return them ascending and distinct.

    Pairs are packed as in :mod:`dedup.kernels.linking` (uint64).
    """
    pairs = np.concatenate([np.empty(0, np.uint64), *parts])
    pairs.sort()
    return pairs[: linking.gather(pairs)].copy()


def least(needed: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Return the least evidence of candidates: what is needed, and never more than a band hit."""
    return np.clip(np.ceil(needed), 1, BAND).astype(np.uint8)


def choose(pairs: NDArray[np.uint64], least: NDArray[np.uint8], most: int) -> tuple[NDArray[np.uint64], int]:
    """Keep the pairs with at least ``least[shorter]`` evidence, and the likeliest ``most`` of each shorter text.

    Works in ``pairs``. Returns also how many texts had more.
    """
    kept, capped = linking.likely(pairs, least, most)
    return pairs[:kept], int(capped)
