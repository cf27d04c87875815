"""Band keys → candidates: articles that agree in one band of their signatures (Leskovec, Rajaraman, Ullman, ch. 3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from dedup.candidates import BAND, gather
from dedup.kernels import linking

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from dedup.work import Column
    from dedup.workers import Workers

_RANK = 36  # bits of a pair below its shorter text


class Buckets(NamedTuple):
    """Pairs of texts that share a band key: those of band ``b``, ascending, are ``places[b]`` to ``places[b + 1]``.

    ``capped`` counts the buckets that were too long for all their pairs.
    """

    pairs: Column
    places: list[int]
    capped: int

    def between(self, first: int, last: int) -> NDArray[np.uint64]:
        """Return, ascending and distinct, the pairs whose shorter text has a rank from ``first`` to below ``last``."""
        parts = []
        for start, stop in zip(self.places[:-1], self.places[1:], strict=True):
            low = self.pairs.search(first << _RANK, start, stop)
            parts.append(self.pairs.read(low, self.pairs.search(last << _RANK, low, stop)))
        return gather(parts)


def buckets(
    keys: Callable[[int], NDArray[np.uint64]], bands: int, cap: int, pairs: Column, workers: Workers
) -> Buckets:
    """Pair the texts that share a key of a band; ``keys(band)`` are those of all texts in order of rank.

    The pairs are written to the empty column ``pairs``.
    """
    places, capped = [0], 0
    for found, long in workers.map("bands", lambda band: _paired(keys(band), cap), range(bands), [1] * bands):
        pairs.append(found)
        places.append(len(pairs))
        capped += long
    return Buckets(pairs, places, capped)


def _paired(keys: NDArray[np.uint64], cap: int) -> tuple[NDArray[np.uint64], int]:
    """Return the pairs of one band, ascending, and how many buckets were too long for all of theirs."""
    texts = len(keys)
    first, previous, following, position = (np.empty(texts, np.int32) for _ in range(4))
    slots = np.full(1 << max(4, (2 * texts - 1).bit_length()), -1, np.int32)
    count, long = linking.chain(keys, slots, first, previous, following, position, cap)
    pairs = np.empty(count, np.uint64)
    linking.chained_pairs(first, previous, following, position, cap, BAND, pairs)
    return pairs, int(long)


def probability(resemblance: NDArray[np.float64], bands: int, rows: int) -> NDArray[np.float64]:
    """Return the chance that articles of this resemblance (0..1) agree in a band: ``1 - (1 - s**rows)**bands``."""
    return 1.0 - (1.0 - resemblance**rows) ** bands
