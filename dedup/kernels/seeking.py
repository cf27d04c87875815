"""Sorted runs of postings: find keys in them, rank what was found, merge them, hash their blocks.

A posting is an *entry* of two uint64 words, the key and its order, ``(2**32 - 1 - weight) << 32 | number``: ascending
words put the highest weight of a key first, and among equals the lowest number. Keys are hashes, so a *directory* of
their highest bits leads to a few entries: directory value ``b`` is the first entry whose key starts with ``b``. The
next eight bits of every entry's key, its *mark*, stand beside each other: nearly all keys that are not there are told
by these alone, a sixteenth of the memory.

Directories and marks of a file are mapped: every key that is looked for touches them. Its entries are read, a block at
a time: around a page that is touched the system maps sixteen, and of entries the others are seldom wanted.

What lies in a file is trusted only after its block was hashed: ``sums`` holds XXH64 of every block, ``known`` remembers
which blocks were found whole. In memory both are empty.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from dedup.kernels.hashing import hash_words
from dedup.kernels.jit import inline, kernel, load64, read_at, u64

i64 = np.int64

BLOCK = 4096  # bytes that are hashed together: a page
DONE, FULL = -1, -2
_BLOCK_BITS, _WORD_BITS = 12, 9
_LOW = u64(0xFFFFFFFF)
_ONES, _TOPS = u64(0x0101010101010101), u64(0x8080808080808080)
ROOM = 16  # bytes that may be read behind marks
_GROUP = 32  # keys whose places are looked up together: the waits for memory overlap


@inline
def _gone(gone: Any, number: Any) -> Any:
    """Look a number up in a bitmap that may end before it."""
    return (number >> 3) < len(gone) and (gone[number >> 3] >> (number & 7)) & 1 == 1


@inline
def _unsure(known: Any, byte: Any) -> Any:
    return len(known) > 0 and known[byte >> _BLOCK_BITS] == 0


@inline
def _mark(key: Any, bits: Any) -> Any:
    return (key >> u64(56 - bits)) & u64(0xFF)


@inline
def _marked(data: Any, low: Any, high: Any, mark: Any) -> Any:
    """Say whether one of at most 16 bytes is ``mark``: a byte of a word is zero where taking one from it borrows."""
    wanted = mark * _ONES
    first, second = load64(data, low) ^ wanted, load64(data, low + 8) ^ wanted
    first, second = (first - _ONES) & ~first & _TOPS, (second - _ONES) & ~second & _TOPS
    size = high - low
    if size < 8:
        first &= (u64(1) << u64(8 * size)) - u64(1)
    if size < 16:
        second &= (u64(1) << u64(8 * max(0, size - 8))) - u64(1)
    return (first | second) != u64(0)


@kernel
def whole(data: Any, sums: Any, known: Any, byte: Any) -> Any:
    """Hash the block that ``byte`` lies in, remember it where it is whole and say whether it is."""
    block = byte >> _BLOCK_BITS
    start = block << _BLOCK_BITS
    if hash_words(data, start, min(BLOCK, len(data) - start) >> 3) != sums[block]:
        return False
    known[block] = 1
    return True


@kernel
def _fetch(file: Any, block: Any, end: Any, sums: Any, known: Any, page: Any) -> Any:
    """Read a block of a file, which ends at byte ``end``, and say whether it is whole."""
    size = min(BLOCK, end - (block << _BLOCK_BITS))
    if read_at(file, block << _BLOCK_BITS, page, size) != size:
        return False
    if known[block] == 0 and hash_words(page, 0, size >> 3) == sums[block]:
        known[block] = 1
    return known[block] == 1


@inline
def _entry(words: Any, entries: Any, file: Any, word: Any) -> Any:
    """Return the key and the order that stand at a word, in memory or in the block that was read."""
    if file < 0:
        return words[word], words[word + 1]
    place = word & (BLOCK // 8 - 1)
    return entries[place], entries[place + 1]


@kernel
def locate(arrays: Any, section: Any, file: Any, keys: Any, most: Any, gone: Any, hits: Any, orders: Any) -> Any:
    """Find the entries of ascending ``keys`` in one section; return (status, hits).

    ``arrays`` is (bytes, words, halves, sums, known): a file as uint8, uint64 and uint32, or marks, entries and
    directory in memory. ``section`` is (word of the first entry, entries, half of the directory, its bits, byte of the
    marks). ``file`` is open for reading, -1 in memory. A hit, a row of ``hits``, is (place of the key, its entries that
    are not ``gone``, at most ``most``, unless that is 0); their orders stand in ``orders``, hit by hit. Status DONE,
    FULL where ``orders`` has no room for all, else the block that is damaged.
    """
    data, words, halves, sums, known = arrays
    base, count, directory, bits, marks = section
    lows, highs = np.zeros(_GROUP, np.int64), np.full(_GROUP, count, np.int64)
    likely = np.empty(_GROUP, np.bool_)
    page, held = np.empty(BLOCK, np.uint8), i64(-1)  # the block that was read last, and which that is
    entries = page.view(np.uint64)
    written, filled = 0, 0
    for start in range(0, len(keys), _GROUP):
        size = min(_GROUP, len(keys) - start)
        if bits > 0:
            for index in range(size):
                half = directory + i64(keys[start + index] >> u64(64 - bits))
                for byte in range(half << 2, (half << 2) + 5, 4):
                    if _unsure(known, byte) and not whole(data, sums, known, byte):
                        return byte >> _BLOCK_BITS, written
                lows[index], highs[index] = i64(halves[half]), i64(halves[half + 1])
        for index in range(size):
            low, high = marks + lows[index], marks + highs[index]
            for byte in (low, min(low + 15, max(low, high - 1))):
                if _unsure(known, byte) and not whole(data, sums, known, byte):
                    return byte >> _BLOCK_BITS, written
            likely[index] = high - low > 16 or _marked(data, low, high, _mark(keys[start + index], bits))
        for index in range(size):
            if not likely[index]:
                continue
            key, low, high = keys[start + index], lows[index], highs[index]
            last, found = high, 0
            while low < last and (most == 0 or found < most):
                place = (low + high) >> 1  # halves what is left until the first is found, and is ``low`` from then on
                word = base + 2 * place
                if file >= 0 and word >> _WORD_BITS != held:
                    held = word >> _WORD_BITS
                    if not _fetch(file, held, len(data), sums, known, page):
                        return held, written
                there, order = _entry(words, entries, file, word)
                if low < high:
                    if there < key:
                        low = place + 1
                    else:
                        high = place
                    continue
                if there != key:
                    break
                if not _gone(gone, i64(order & _LOW)):
                    if filled == len(orders):
                        return FULL, written
                    orders[filled] = order
                    filled += 1
                    found += 1
                low += 1
                high = low
            if found > 0:
                hits[written, 0], hits[written, 1] = start + index, found
                written += 1
    return DONE, written


@kernel
def count_hits(hits: Any, origin: Any, totals: Any) -> None:
    """Add up the entries of every query; ``origin`` is the query that a place among the keys belongs to."""
    for index in range(len(hits)):
        totals[origin[hits[index, 0]]] += hits[index, 1]


@kernel
def collect(hits: Any, found: Any, origin: Any, cursors: Any, orders: Any) -> None:
    """Copy the orders that were ``found`` behind those of their query that are there already."""
    place = 0
    for index in range(len(hits)):
        query = origin[hits[index, 0]]
        for _ in range(hits[index, 1]):
            orders[cursors[query]] = found[place]
            cursors[query] += 1
            place += 1


@kernel
def rank(orders: Any, bounds: Any, most: Any, queries: Any, numbers: Any, weights: Any) -> int:
    """Write the first ``most`` (0: all) of the orders of every query, ascending; return how many were written."""
    written = 0
    for query in range(len(bounds) - 1):
        start, end = bounds[query], bounds[query + 1]
        for place in range(start + 1, end):
            if orders[place - 1] > orders[place]:
                orders[start:end].sort()
                break
        if most > 0:
            end = min(end, start + most)
        for place in range(start, end):
            queries[written] = query
            numbers[written] = i64(orders[place] & _LOW)
            weights[written] = i64(_LOW - (orders[place] >> u64(32)))
            written += 1
    return written


@kernel
def fill(keys: Any, places: Any, numbers: Any, weights: Any, order: Any, out: Any) -> None:
    """Write the entries of articles; those of article ``i`` have the keys ``keys[places[i]:places[i + 1]]``.

    ``order`` sorts the keys.
    """
    owner = np.empty(len(keys), np.uint32)
    for article in range(len(numbers)):
        for place in range(places[article], places[article + 1]):
            owner[place] = numbers[article]
    for index in range(len(order)):
        place = order[index]
        out[2 * index] = keys[place]
        out[2 * index + 1] = ((_LOW - u64(weights[place])) << u64(32)) | u64(owner[place])
    _settle(out)


@kernel
def arrange(words: Any, order: Any, out: Any) -> None:
    """Write entries in order; ``order`` sorts their keys."""
    for index in range(len(order)):
        out[2 * index] = words[2 * order[index]]
        out[2 * index + 1] = words[2 * order[index] + 1]
    _settle(out)


@kernel
def _settle(words: Any) -> None:
    """Put entries whose keys are in order in order among those of one key."""
    start, last = 0, len(words)
    for index in range(2, last + 2, 2):
        if index == last or words[index] != words[start]:
            if index - start > 2:
                orders = words[start + 1 : index : 2].copy()
                orders.sort()
                words[start + 1 : index : 2] = orders
            start = index


@kernel
def note(words: Any, bits: Any, counts: Any, marks: Any) -> None:
    """Add up entries by the highest bits of their keys, and write the mark of each."""
    for index in range(len(words) >> 1):
        key = words[2 * index]
        marks[index] = _mark(key, bits)
        if bits > 0:
            counts[i64(key >> u64(64 - bits))] += 1


@kernel
def merge(one: Any, at_one: Any, two: Any, at_two: Any, out: Any) -> Any:
    """Merge entries until one of the three arrays ends; return where each stands, in words."""
    written = 0
    while at_one < len(one) and at_two < len(two) and written < len(out):
        if one[at_one] < two[at_two] or (one[at_one] == two[at_two] and one[at_one + 1] <= two[at_two + 1]):
            out[written], out[written + 1] = one[at_one], one[at_one + 1]
            at_one += 2
        else:
            out[written], out[written + 1] = two[at_two], two[at_two + 1]
            at_two += 2
        written += 2
    return at_one, at_two, written


@kernel
def keep(words: Any, gone: Any, out: Any) -> int:
    """Copy the entries whose number is not gone; return how many words that are."""
    written = 0
    for index in range(0, len(words), 2):
        if not _gone(gone, i64(words[index + 1] & _LOW)):
            out[written], out[written + 1] = words[index], words[index + 1]
            written += 2
    return written


@kernel
def split(words: Any, first: Any, parts: Any, counts: Any, out: Any) -> None:
    """Sort entries by partition, stably: number ``first + i`` belongs to partition ``parts[i]``.

    ``counts`` is all 0, one for each partition and one more; afterwards it bounds the entries of each.
    """
    for index in range(1, len(words), 2):
        counts[parts[i64(words[index] & _LOW) - first] + 1] += 1
    for part in range(1, len(counts)):
        counts[part] += counts[part - 1]
    ends = counts[:-1].copy()
    for index in range(0, len(words), 2):
        part = parts[i64(words[index + 1] & _LOW) - first]
        out[2 * ends[part]], out[2 * ends[part] + 1] = words[index], words[index + 1]
        ends[part] += 1


@kernel
def ascending(words: Any) -> bool:
    """Say whether entries are in order."""
    for index in range(2, len(words), 2):
        if words[index - 2] > words[index]:
            return False
        if words[index - 2] == words[index] and words[index - 1] > words[index + 1]:
            return False
    return True


@kernel
def block_sums(data: Any, sums: Any) -> None:
    """Hash every block."""
    for block in range(len(sums)):
        start = block << _BLOCK_BITS
        sums[block] = hash_words(data, start, min(BLOCK, len(data) - start) >> 3)
