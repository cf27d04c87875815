"""Exact overlap: distinct shingles of texts, and how many of them pairs of texts share."""

from __future__ import annotations

from typing import Any

import numpy as np

from dedup.kernels.jit import inline, kernel, u64
from dedup.kernels.shingling import roll

_EMPTY = u64(0)  # marks a free slot; the one shingle with this hash counts as the next


@inline
def _table_size(count: Any) -> Any:
    size = 16
    while size < 2 * count:
        size *= 2
    return size


@inline
def _slot(slots: Any, value: Any) -> Any:
    """Return the slot that holds a value, or the free one where it belongs."""
    mask = len(slots) - 1
    place = int(value >> u64(20)) & mask
    while slots[place] != value and slots[place] != _EMPTY:
        place = (place + 1) & mask
    return place


@inline
def _distinct(shingles: Any, count: Any, slots: Any) -> Any:
    """Move the distinct values among the first ``count`` to the front; return how many. Fills the table of slots."""
    slots[:] = _EMPTY
    kept = 0
    for index in range(count):
        value = max(shingles[index], u64(1))
        place = _slot(slots, value)
        if slots[place] == _EMPTY:
            slots[place] = value
            shingles[kept] = value
            kept += 1
    return kept


@inline
def _known(shingles: Any, slots: Any) -> Any:
    found = 0
    for index in range(len(shingles)):
        found += slots[_slot(slots, shingles[index])] != _EMPTY
    return found


@kernel
def shared_shingles(tokens: Any, places: Any, size: Any, left: Any, right: Any, shared: Any, sizes: Any) -> None:
    """Write for each pair of texts how many distinct shingles they share, and for each text how many it has.

    Pairs with the same ``left`` stand together; its shingles then enter the table once. The table is no larger than
    that text needs, so that it stays in the cache.
    """
    texts = len(places) - 1
    longest = 1
    for text in range(texts):
        longest = max(longest, places[text + 1] - places[text])
    slots = np.empty(_table_size(longest), np.uint64)
    shingles = np.empty(places[texts] + texts, np.uint64)
    for text in range(texts):
        start, end = places[text], places[text + 1]
        count = roll(tokens[start:end], end - start, size, shingles[start + text :])
        sizes[text] = _distinct(shingles[start + text :], count, slots[: _table_size(count)])
    room = 0
    for pair in range(len(left)):
        if pair == 0 or left[pair] != left[pair - 1]:
            start = places[left[pair]] + left[pair]
            room = _table_size(sizes[left[pair]])
            _distinct(shingles[start:], sizes[left[pair]], slots[:room])
        start = places[right[pair]] + right[pair]
        shared[pair] = _known(shingles[start : start + sizes[right[pair]]], slots[:room])
