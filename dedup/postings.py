"""Rare keys → candidates: articles that share enough keys.

One mechanism for several feeds. Sampled shingles find excerpts, which MinHash misses: an article that stands whole in
one of ten times its length resembles it by 0.1.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from dedup.kernels import linking

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ENTRIES = 1 << 24  # sorted at a time
_PAIRS = 1 << 18  # written at a time
_KEYS = 1 << 32


class Postings(NamedTuple):
    """Which texts share keys: the lists of two texts and more, and of each text, by rank, where it stands in these.

    ``counts`` is how many distinct keys each text has; ``capped`` counts the lists that were too long for all their
    pairs. The rest is as in :func:`dedup.kernels.linking.mentions`.
    """

    members: NDArray[np.uint32]
    mentioned: NDArray[np.uint64]
    places: NDArray[np.int64]
    counts: NDArray[np.int32]
    cap: int
    capped: int

    def pairs(self, known: NDArray[np.uint64], least: NDArray[np.uint8]) -> NDArray[np.uint64]:
        """Return the pairs of texts, ascending, whose evidence reaches ``least[shorter]`` (1 or more).

        Each shared key is evidence; that of ``known`` pairs (ascending, distinct) is added.
        """
        seen = np.zeros(len(self.counts), np.uint8)
        out = np.empty(max(_PAIRS, len(seen)), np.uint64)
        found, text, at = [np.empty(0, np.uint64)], 0, 0
        while text < len(seen):
            count, text, at = linking.shared_keys(
                self.members, self.mentioned, self.places, self.cap, known, least, text, at, seen, out
            )
            found.append(out[:count].copy())
        return np.concatenate(found)


def postings(keys: NDArray[np.uint32], places: NDArray[np.int64], ranks: NDArray[np.int32], cap: int) -> Postings:
    """List the texts that share a key.

    The keys of text ``i`` are ``keys[places[i]:places[i + 1]]``; ``ranks[i]`` is its rank, -1 to leave it out.
    """
    texts = int(ranks.max(initial=-1)) + 1
    counts = np.zeros(texts, np.int32)
    parts = max(1, -(-len(keys) // _ENTRIES))
    edges = [_KEYS * part // parts for part in range(parts + 1)]
    lists = []
    shared = 0
    for low, high in itertools.pairwise(edges):
        entries = _entries(keys, places, ranks, low, high)
        linking.count_ranks(entries, counts)
        none = np.empty(0, np.uint32)
        size = linking.postings(entries, none, none, 0)
        members, heads = np.empty(size, np.uint32), np.empty(size, np.uint32)
        linking.postings(entries, members, heads, shared)
        lists.append((members, heads))
        shared += size
    members, heads = (np.concatenate(column) for column in zip(*lists, strict=True))
    del lists
    bounds = np.zeros(texts + 1, np.int64)
    mentioned = np.empty(shared, np.uint64)
    capped = linking.mentions(members, heads, cap, texts, bounds, mentioned)
    return Postings(members, mentioned[: bounds[-1]], bounds, counts, cap, capped)


def _entries(
    keys: NDArray[np.uint32], places: NDArray[np.int64], ranks: NDArray[np.int32], low: int, high: int
) -> NDArray[np.uint64]:
    """Return ``key << 32 | rank``, ascending and distinct, of the keys from ``low`` to below ``high``."""
    wanted = (keys, places, ranks, np.uint64(low), np.uint64(high))
    entries = np.empty(linking.entries_between(*wanted, np.empty(0, np.uint64)) + 1, np.uint64)
    entries = entries[: linking.entries_between(*wanted, entries)]
    entries.sort()
    return entries[: linking.drop_repeats(entries)]
