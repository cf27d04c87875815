"""Exact overlap: distinct shingles of texts, and how many of them pairs of texts share."""

from __future__ import annotations

from typing import Any

import numpy as np

from dedup.kernels.jit import inline, kernel, u64
from dedup.kernels.shingling import distinct, roll


@inline
def _table_size(longest: Any) -> Any:
    size = 16
    while size < 2 * longest:
        size *= 2
    return size


@kernel
def shared_shingles(tokens: Any, places: Any, size: Any, left: Any, right: Any, shared: Any, sizes: Any) -> None:
    """Write for each pair of texts how many distinct shingles they share, and for each text how many it has.

    Pairs with the same ``left`` stand together; its shingles then enter the table once.
    """
    texts = len(places) - 1
    longest = 1
    for text in range(texts):
        longest = max(longest, places[text + 1] - places[text])
    slots = np.empty(_table_size(longest), np.uint64)
    stamps = np.full(len(slots), -1, np.int64)
    shingles = np.empty(places[texts] + texts, np.uint64)
    stamp, room = 0, 0
    for text in range(texts):
        start, end = places[text], places[text + 1]
        count = roll(tokens[start:end], end - start, size, shingles[start + text :])
        sizes[text] = distinct(shingles[start + text :], count, slots, stamps, stamp)
        stamp += 1
    for pair in range(len(left)):
        if pair == 0 or left[pair] != left[pair - 1]:
            start = places[left[pair]] + left[pair]
            room = _table_size(sizes[left[pair]])  # no larger than needed: it should stay in the cache
            distinct(shingles[start:], sizes[left[pair]], slots[:room], stamps[:room], stamp)
            stamp += 1
        start = places[right[pair]] + right[pair]
        shared[pair] = _known(shingles[start : start + sizes[right[pair]]], slots[:room], stamps[:room], stamp - 1)


@inline
def _known(shingles: Any, slots: Any, stamps: Any, stamp: Any) -> Any:
    mask = len(slots) - 1
    found = 0
    for index in range(len(shingles)):
        place = int(shingles[index] >> u64(20)) & mask
        while stamps[place] == stamp and slots[place] != shingles[index]:
            place = (place + 1) & mask
        found += stamps[place] == stamp
    return found
