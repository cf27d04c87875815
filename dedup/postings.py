"""Rare keys → candidates: articles that share enough keys.

One mechanism for several feeds. Sampled shingles find excerpts, which MinHash misses: an article that stands whole in
one of ten times its length resembles it by 0.1.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np

from dedup.candidates import KEY, Evidence, gather
from dedup.kernels import linking

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ENTRIES = 1 << 23  # sorted at a time
_KEYS = 1 << 32


def candidates(
    keys: NDArray[np.uint32], places: NDArray[np.int64], ranks: NDArray[np.int32], cap: int
) -> tuple[Evidence, NDArray[np.int32]]:
    """Pair the texts that share a key; return the pairs and how many distinct keys each text has, by rank.

    The keys of text ``i`` are ``keys[places[i]:places[i + 1]]``; ``ranks[i]`` is its rank, -1 to leave it out.
    """
    counts = np.zeros(int(ranks.max(initial=-1)) + 1, np.int32)
    parts = max(1, -(-len(keys) // _ENTRIES))
    edges = [_KEYS * part // parts for part in range(parts + 1)]
    found, capped = [], 0
    for low, high in itertools.pairwise(edges):
        entries = _entries(keys, places, ranks, low, high)
        linking.count_ranks(entries, counts)
        count, long = linking.posting_pairs(entries, cap, KEY, np.empty(0, np.uint64))
        pairs = np.empty(count, np.uint64)
        if count:
            linking.posting_pairs(entries, cap, KEY, pairs)
        found.append(gather([pairs]))
        capped += long
    return Evidence(gather(found), capped), counts


def _entries(
    keys: NDArray[np.uint32], places: NDArray[np.int64], ranks: NDArray[np.int32], low: int, high: int
) -> NDArray[np.uint64]:
    """Return ``key << 32 | rank``, ascending and distinct, of the keys from ``low`` to below ``high``."""
    room = int(np.count_nonzero((keys >= low) & (keys < high))) if high - low < _KEYS else len(keys)
    entries = np.empty(room, np.uint64)
    count = linking.entries_between(keys, places, ranks, np.uint64(low), np.uint64(high), entries)
    entries = entries[:count]
    entries.sort()
    return entries[: linking.drop_repeats(entries)]
