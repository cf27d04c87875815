"""Band keys → candidates: articles that agree in one band of their signatures (Leskovec, Rajaraman, Ullman, ch. 3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dedup.candidates import BAND, Evidence, gather
from dedup.kernels import linking

if TYPE_CHECKING:
    from numpy.typing import NDArray


def candidates(keys: NDArray[np.uint64], cap: int) -> Evidence:
    """Pair the texts that share a band key; ``keys`` is (texts, bands), texts in order of rank."""
    texts = len(keys)
    first, previous, following, position = (np.empty(texts, np.int32) for _ in range(4))
    slots = np.empty(1 << max(4, (2 * texts - 1).bit_length()), np.int32)
    found, capped = [], 0
    for band in range(keys.shape[1]):
        slots.fill(-1)
        count, long = linking.chain(
            np.ascontiguousarray(keys[:, band]), slots, first, previous, following, position, cap
        )
        pairs = np.empty(count, np.uint64)
        linking.chained_pairs(first, previous, following, position, cap, BAND, pairs)
        found.append(pairs)
        capped += long
    return Evidence(gather(found), capped)


def probability(resemblance: NDArray[np.float64], bands: int, rows: int) -> NDArray[np.float64]:
    """Return the chance that articles of this resemblance (0..1) agree in a band: ``1 - (1 - s**rows)**bands``."""
    return 1.0 - (1.0 - resemblance**rows) ** bands
