"""Rare keys → candidates: articles that share enough keys.

One mechanism for several feeds. Sampled shingles find excerpts, which MinHash misses: an article that stands whole in
one of ten times its length resembles it by 0.1.

Two sweeps, each in ranges that bound its memory and run side by side: over the keys, to list the texts of each; over
the texts, to add up what each shares with longer ones.
"""

from __future__ import annotations

import itertools
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from dedup.kernels import linking

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from dedup.work import Column
    from dedup.workers import Workers

_PAIRS = 1 << 18  # written at a time
_PARTS = 1 << 12  # of the keys, between which ranges are cut
_KEYS = 1 << 32


class Room(NamedTuple):
    """How much is worked on at a time, by each thread: entries that are sorted, mentions that are added up."""

    entries: int = 1 << 22
    mentions: int = 1 << 22


class Keys(NamedTuple):
    """The keys (uint32) of texts: those of text ``i`` are ``values[places[i]:places[i + 1]]``.

    ``ranks[i]`` is its rank, -1 to leave it out. They are read in blocks of texts, which ``blocks`` bounds.
    """

    values: Column
    places: NDArray[np.int64]
    ranks: NDArray[np.int32]
    blocks: NDArray[np.int64]

    def read(self) -> Iterator[tuple[NDArray[np.uint32], NDArray[np.int64], NDArray[np.int32]]]:
        """Yield (values, places, ranks) of each block."""
        for first, last in itertools.pairwise(self.blocks.tolist()):
            places = self.places[first : last + 1]
            yield self.values.read(places[0], places[-1]), places - places[0], self.ranks[first:last]


class Postings(NamedTuple):
    """Which texts share keys: ``members``, one list of ranks a key of two texts and more, ascending.

    The first of a list has a mark (:data:`dedup.kernels.linking.STARTS`). Of each text by rank, ``mentions`` counts the
    lists in which longer ones stand before it, and ``counts`` its distinct keys. ``capped`` counts the lists that were
    too long for all their pairs.
    """

    members: NDArray[np.uint32]
    mentions: NDArray[np.int32]
    counts: NDArray[np.int32]
    cap: int
    capped: int

    def ranges(self, room: Room) -> list[tuple[int, int]]:
        """Cut the ranks into ranges of ``room`` mentions at most, or one text's."""
        return list(itertools.pairwise(_cuts(self.mentions, room.mentions)))

    def pairs(self, first: int, last: int, known: NDArray[np.uint64], least: NDArray[np.uint8]) -> NDArray[np.uint64]:
        """Return the pairs of the texts from rank ``first`` to below ``last``, ascending, with ``least[shorter]`` keys.

        Each shared key is evidence; that of ``known`` pairs (ascending, distinct, of these texts) is added. ``least``
        has a value, 1 or more, for every text.
        """
        places = np.concatenate([np.zeros(1, np.int64), np.cumsum(self.mentions[first:last], dtype=np.int64)])
        mentioned = np.empty(places[-1], np.uint64)
        linking.mentions(self.members, first, places, mentioned)
        seen = np.zeros(len(least), np.uint8)
        out = np.empty(max(_PAIRS, len(seen)), np.uint64)
        found, text, at = [np.empty(0, np.uint64)], 0, 0
        while text < last - first:
            count, text, at = linking.shared_keys(
                self.members, mentioned, places, self.cap, known, least, first, text, at, seen, out
            )
            found.append(out[:count].copy())
        return np.concatenate(found)


def postings(keys: Keys, cap: int, members: Column, room: Room, workers: Workers) -> Postings:
    """List the texts that share a key, in the empty column ``members``."""
    texts = int(keys.ranks.max(initial=-1)) + 1
    counts, counting = np.zeros(texts, np.int32), Lock()
    sizes = np.zeros(_PARTS, np.int64)
    for values, places, ranks in keys.read():
        linking.count_keys(values, places, ranks, sizes)
    cuts = _cuts(sizes, room.entries)

    def listed(low: int, high: int) -> NDArray[np.uint32]:
        entries = _entries(keys, low * (_KEYS // _PARTS), high * (_KEYS // _PARTS), int(sizes[low:high].sum()))
        with counting:
            linking.count_ranks(entries, counts)
        made = np.empty(len(entries), np.uint32)
        return made[: linking.lists(entries, made)].copy()

    ranges = list(itertools.pairwise(cuts))
    entries = [int(sizes[low:high].sum()) for low, high in ranges]
    for made in workers.map("lists", lambda part: listed(*part), ranges, entries):
        members.append(made)
    mentions, whole = np.zeros(texts, np.int32), members.read()
    capped = linking.count_mentions(whole, cap, mentions)
    return Postings(whole, mentions, counts, cap, capped)


def _cuts(sizes: NDArray[np.int32] | NDArray[np.int64], most: int) -> list[int]:
    """Cut a row of sizes into ranges of ``most`` in all at most (or one), about even; return their bounds."""
    total = np.cumsum(sizes, dtype=np.int64)
    parts = max(1, -(-int(total[-1]) // most)) if len(total) else 1
    wanted = np.arange(1, parts) * (int(total[-1]) if len(total) else 0) // parts
    inner = np.searchsorted(total, wanted, side="left") + 1
    return [0, *np.unique(inner[inner < len(sizes)]).tolist(), len(sizes)]


def _entries(keys: Keys, low: int, high: int, size: int) -> NDArray[np.uint64]:
    """Return ``key << 32 | rank``, ascending and distinct, of the ``size`` keys from ``low`` to below ``high``."""
    entries, written = np.empty(size + 1, np.uint64), 0
    for values, places, ranks in keys.read():
        written += linking.entries_between(values, places, ranks, np.uint64(low), np.uint64(high), entries[written:])
    entries = entries[:written]
    entries.sort()
    return entries[: linking.drop_repeats(entries)]
