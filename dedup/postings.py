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


def postings(keys: Keys, cap: int, members: Column, spread: Column, room: Room, workers: Workers) -> Postings:
    """List the texts that share a key, in the column ``members``; ``spread`` (uint64) is for the work. Both are empty.

    The keys are spread over ranges once, so that no range has to look at those of others.
    """
    texts = int(keys.ranks.max(initial=-1)) + 1
    counts, counting = np.zeros(texts, np.int32), Lock()
    sizes = np.zeros(_PARTS, np.int64)
    for values, places, ranks in keys.read():
        linking.count_keys(values, places, ranks, sizes)
    cuts = _cuts(sizes, room.entries)
    bounds = _spread(keys, cuts, spread)

    def listed(part: int) -> NDArray[np.uint32]:
        entries = np.concatenate([spread.read(*places[part : part + 2]) for places in bounds])
        entries.sort()
        entries = entries[: linking.drop_repeats(entries)]
        with counting:
            linking.count_ranks(entries, counts)
        made = np.empty(len(entries), np.uint32)
        return made[: linking.lists(entries, made)].copy()

    in_range = np.add.reduceat(sizes, cuts[:-1]).tolist()
    for made in workers.map("lists", listed, range(len(cuts) - 1), in_range):
        members.append(made)
    mentions, whole = np.zeros(texts, np.int32), members.read()
    capped = linking.count_mentions(whole, cap, mentions)
    return Postings(whole, mentions, counts, cap, capped)


def _spread(keys: Keys, cuts: list[int], out: Column) -> list[NDArray[np.int64]]:
    """Write ``key << 32 | rank`` of every block by range of keys; return of each block where its ranges lie."""
    range_of = np.repeat(np.arange(len(cuts) - 1), np.diff(cuts)).astype(np.uint16)
    bounds = []
    for values, places, ranks in keys.read():
        made, places_of = np.empty(len(values), np.uint64), np.zeros(len(cuts), np.int64)
        linking.spread(values, places, ranks, range_of, places_of, made)
        bounds.append(len(out) + places_of)
        out.append(made[: places_of[-1]])
    return bounds


def _cuts(sizes: NDArray[np.int32] | NDArray[np.int64], most: int) -> list[int]:
    """Cut a row of sizes into ranges of ``most`` in all at most (or one), about even; return their bounds."""
    total = np.cumsum(sizes, dtype=np.int64)
    parts = max(1, -(-int(total[-1]) // most)) if len(total) else 1
    wanted = np.arange(1, parts) * (int(total[-1]) if len(total) else 0) // parts
    inner = np.searchsorted(total, wanted, side="left") + 1
    return [0, *np.unique(inner[inner < len(sizes)]).tolist(), len(sizes)]
