"""Exact overlap: distinct shingles of texts, and how many of them pairs of texts share."""

from __future__ import annotations

from typing import Any

import numpy as np

from dedup.kernels.jit import LANES, equal8, inline, kernel, trailing_zeros, u64, wide_vectors
from dedup.kernels.shingling import roll

# A table is buckets of eight values, which one comparison searches; few buckets hold more than two or three. A full
# one spills into the next.
_EMPTY = u64(0)  # marks a free place; the one shingle with this hash counts as the next
_FILLED = 2  # values a bucket, at most, on average


@inline
def _table_size(count: Any) -> Any:
    size = 16
    while size * _FILLED < LANES * count:
        size *= 2
    return size


@inline
def _bucket(value: Any, mask: Any) -> Any:
    return (int(value >> u64(20)) & mask) * LANES


@inline
def _distinct(shingles: Any, count: Any, table: Any) -> Any:
    """Move the distinct values among the first ``count`` to the front, and fill the table with them.

    Returns (how many, whether a bucket spilled).
    """
    table[:] = _EMPTY
    mask = len(table) // LANES - 1
    kept, spilled = 0, False
    for index in range(count):
        value = max(shingles[index], u64(1))
        bucket = _bucket(value, mask)
        there = equal8(table, bucket, value)
        free = equal8(table, bucket, _EMPTY)
        while there == u64(0) and free == u64(0):
            spilled = True
            bucket = (bucket + LANES) & (len(table) - 1)
            there = equal8(table, bucket, value)
            free = equal8(table, bucket, _EMPTY)
        if there == u64(0):
            table[bucket + trailing_zeros(free)] = value
            shingles[kept] = value
            kept += 1
    return kept, spilled


@inline
def _file(tokens: Any, places: Any, size: Any, text: Any, shingles: Any, table: Any, sizes: Any) -> Any:
    """Fill the table with the shingles of a text, those at its place once they are distinct; ``sizes`` says so.

    Returns (the table's size, whether a bucket spilled).
    """
    start, end = places[text], places[text + 1]
    own = shingles[start + text :]
    count = sizes[text] if sizes[text] >= 0 else roll(tokens[start:end], end - start, size, own)
    room = _table_size(count)
    sizes[text], spilled = _distinct(own, count, table[:room])
    return room, spilled


@inline
def _known(shingles: Any, table: Any, spilled: Any) -> Any:
    """Count the values that are in the table."""
    found = 0
    mask = len(table) // LANES - 1
    for index in range(len(shingles)):
        bucket = _bucket(shingles[index], mask)
        there = equal8(table, bucket, shingles[index])
        if spilled:
            while there == u64(0) and equal8(table, bucket, _EMPTY) == u64(0):
                bucket = (bucket + LANES) & (len(table) - 1)
                there = equal8(table, bucket, shingles[index])
        found += there != u64(0)
    return found


@kernel
def shared_shingles(tokens: Any, places: Any, size: Any, left: Any, right: Any, shared: Any, sizes: Any) -> None:
    """Write for each pair of texts how many distinct shingles they share, and for each text how many it has.

    Pairs with the same ``left`` stand together; its shingles then enter the table once. The table is no larger than
    that text needs, so that it stays in the cache. What repeats in a text is dropped when the text is first needed: for
    most that is when the table is filled with it anyway.
    """
    wide_vectors()
    texts = len(places) - 1
    longest = 1
    for text in range(texts):
        longest = max(longest, places[text + 1] - places[text])
    table = np.empty(_table_size(longest), np.uint64)
    shingles = np.empty(places[texts] + texts, np.uint64)
    sizes[:] = -1
    first = 0
    while first < len(left):
        last = first
        while last < len(left) and left[last] == left[first]:
            if sizes[right[last]] < 0:
                _file(tokens, places, size, right[last], shingles, table, sizes)
            last += 1
        room, spilled = _file(tokens, places, size, left[first], shingles, table, sizes)
        for pair in range(first, last):
            start = places[right[pair]] + right[pair]
            shared[pair] = _known(shingles[start : start + sizes[right[pair]]], table[:room], spilled)
        first = last
    for text in range(texts):
        if sizes[text] < 0:
            _file(tokens, places, size, text, shingles, table, sizes)
