"""The pages of an LMDB file, before the engine trusts them: a damaged one may end the process or hide what is there.

The format is that of LMDB 0.9 on 64-bit machines (data version 1; mdb.c, `MDB_page`, `MDB_node`, `MDB_db`). A tree of
pages is walked in the order of its keys: every page is its own, is reached once, its nodes lie inside it, and keys and
the separators above them ascend.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from dedup.kernels.jit import inline, kernel, load64, u64

FREE, MAIN, PLAIN, SETS, MEMBERS = range(5)
"""Kinds of trees: free pages, the list of tables, tables, tables whose keys have many numbers, the numbers of a key."""
WHOLE, RANGE, HEAD, NODES, ORDER, VALUE, COUNT = range(7)
"""What is wrong: nothing; a page out of range or reached twice; its head; its nodes; their order; a value; a count."""

HEADER = 16  # bytes of a page's head
_BRANCH, _LEAF, _OVERFLOW, _LEAF2, _SUBPAGE = 0x01, 0x02, 0x04, 0x20, 0x40
_BIG, _SUBTREE, _DUPLICATES = 0x01, 0x02, 0x04
_SET_FLAGS = 0x34  # a table of sets of numbers: DUPSORT, DUPFIXED, INTEGERDUP
_TREE = 48  # bytes of the description of a tree
_NODE = 8  # bytes of a node's head
DEEPEST = 32
_LONGEST = 512  # bytes of a key


@inline
def _short(data: Any, byte: Any) -> Any:
    return np.int64(data[byte]) | (np.int64(data[byte + 1]) << 8)


@inline
def _number(data: Any, byte: Any) -> Any:
    """Load eight bytes as a number below 2**63; what is not becomes -1."""
    word = load64(data, byte)
    return np.int64(word) if word < (u64(1) << u64(63)) else np.int64(-1)


@inline
def _compared(data: Any, place: Any, size: Any, last: Any, last_size: Any, numbers: Any) -> Any:
    """Compare a key with the one before it: negative, zero or positive."""
    if numbers:
        one, two = load64(data, place), load64(last, 0)
        return np.int64(one > two) - np.int64(one < two)
    for index in range(min(size, last_size)):
        if data[place + index] != last[index]:
            return np.int64(data[place + index]) - np.int64(last[index])
    return size - last_size


@kernel
def _overflow(data: Any, page_size: Any, pages: Any, live: Any, first: Any, size: Any) -> Any:
    """Take the pages of a large value; return what is wrong with them."""
    count = (HEADER - 1 + size) // page_size + 1
    if first < 2 or first + count > pages:
        return RANGE
    start = first * page_size
    counted = _short(data, start + 12) | (_short(data, start + 14) << 16)
    if _number(data, start) != first or _short(data, start + 10) != _OVERFLOW or counted != count:
        return HEAD
    for page in range(first, first + count):
        if live[page]:
            return RANGE
        live[page] = 1
    return WHOLE


@kernel
def walk(data: Any, page_size: Any, tree: Any, live: Any, trees: Any, known: Any, spans: Any, listed: Any) -> Any:
    """Walk a tree; return (what is wrong, page, trees, spans).

    ``tree`` is (kind, root, depth, entries); trees below it go to ``trees`` from ``known`` on, -1 where these are full.
    ``live`` has a byte a page: those that were reached. The lists of a tree of free pages go to ``spans``, from
    ``listed`` on, as (first byte, bytes).
    """
    kind, root, depth, entries = tree
    pages = len(live)
    numbers = kind in (FREE, MEMBERS)
    path, turn = np.zeros(DEEPEST, np.int64), np.zeros(DEEPEST, np.int64)
    last, last_size, separated = np.zeros(_LONGEST + 8, np.uint8), -1, False
    level, found = 0, 0
    path[0] = root
    while level >= 0:
        page = path[level]
        start = page * page_size
        if turn[level] == 0:
            if page < 2 or page >= pages or live[page]:
                return RANGE, page, known, listed
            live[page] = 1
            wanted = _BRANCH if level < depth - 1 else _LEAF | (_LEAF2 if kind == MEMBERS else 0)
            if _number(data, start) != page or _short(data, start + 10) != wanted:
                return HEAD, page, known, listed
        lower, upper = _short(data, start + 12), _short(data, start + 14)
        count = (lower - HEADER) >> 1
        if kind == MEMBERS and level == depth - 1:
            if _short(data, start + 8) != 8 or count < 1 or HEADER + 8 * count > page_size:
                return HEAD, page, known, listed
            for index in range(count):
                place = start + HEADER + 8 * index
                order = _compared(data, place, 8, last, last_size, numbers) if last_size >= 0 else 1
                if order < 0 or (order == 0 and not separated):
                    return ORDER, page, known, listed
                last[:8] = data[place : place + 8]
                last_size, separated = 8, False
            found += count
            level -= 1
            continue
        if lower < HEADER or lower > upper or upper > page_size or count < 1:
            return HEAD, page, known, listed
        leads = level < depth - 1
        for index in range(turn[level], count):
            bare = leads and index == 0  # the lowest child needs no separator
            offset = _short(data, start + HEADER + 2 * index)
            if offset < upper or offset + _NODE > page_size:
                return NODES, page, known, listed
            node = start + offset
            size = _short(data, node + 6)
            value = node + _NODE + size
            if offset + _NODE + size > page_size or size > _LONGEST:
                return NODES, page, known, listed
            if not bare:
                if size == 0 or (numbers and size != 8):
                    return NODES, page, known, listed
                order = _compared(data, node + _NODE, size, last, last_size, numbers) if last_size >= 0 else 1
                if order < 0 or (order == 0 and (leads or not separated)):
                    return ORDER, page, known, listed
                last[:size] = data[node + _NODE : value]
                last_size, separated = size, leads
            length, flags = _short(data, node) | (_short(data, node + 2) << 16), _short(data, node + 4)
            if leads:
                turn[level] = index + 1
                level += 1
                path[level], turn[level] = length | (flags << 32), 0
                break
            more = 1
            if flags == _BIG and kind in (FREE, PLAIN):
                if offset + _NODE + size + 8 > page_size:
                    return NODES, page, known, listed
                place = _number(data, value)
                wrong = _overflow(data, page_size, pages, live, place, length)
                if wrong != WHOLE:
                    return wrong, page, known, listed
                value = place * page_size + HEADER
            elif offset + _NODE + size + length > page_size:
                return NODES, page, known, listed
            elif flags & _SUBTREE:
                if length != _TREE or flags != (_SUBTREE if kind == MAIN else _SUBTREE | _DUPLICATES):
                    return VALUE, page, known, listed
                below = _short(data, value + 4)
                if kind == MAIN and below in (0, _SET_FLAGS):
                    below = SETS if below else PLAIN
                elif kind == SETS:
                    below, more = MEMBERS, _number(data, value + 32)
                else:
                    return VALUE, page, known, listed
                if known == len(trees):
                    return WHOLE, page, -1, listed
                trees[known, 0], trees[known, 1] = below, _number(data, value + 40)
                trees[known, 2], trees[known, 3] = _short(data, value + 6), _number(data, value + 32)
                known += 1
            elif kind == SETS and flags == _DUPLICATES:
                if length < HEADER:
                    return VALUE, page, known, listed
                more = (_short(data, value + 12) - HEADER) >> 1
                head = _short(data, value + 10) & ~0x10  # a page inside a page may keep its dirty mark
                if more < 1 or head != _LEAF | _LEAF2 | _SUBPAGE or _short(data, value + 8) != 8:
                    return VALUE, page, known, listed
                if HEADER + 8 * more > length:
                    return VALUE, page, known, listed
                for place in range(value + HEADER + 8, value + HEADER + 8 * more, 8):
                    if load64(data, place) <= load64(data, place - 8):
                        return ORDER, page, known, listed
            elif flags != 0 or kind == MAIN or (kind == SETS and length != 8):
                return VALUE, page, known, listed
            if kind == FREE:
                if listed == len(spans):
                    return WHOLE, page, -1, listed
                spans[listed, 0], spans[listed, 1] = value, length
                listed += 1
            found += more
            if index == count - 1:
                turn[level] = count
        if path[level] == page and turn[level] >= count:
            level -= 1
    return (WHOLE if found == entries else COUNT), root, known, listed


@kernel
def free_pages(data: Any, spans: Any, live: Any) -> Any:
    """See that the lists of free pages hold each page once, and none that was reached; return (what is wrong, page)."""
    for index in range(len(spans)):
        start, size = spans[index]
        count = _number(data, start) if size >= 8 else -1
        if size % 8 or count != size // 8 - 1:
            return VALUE, 0
        for place in range(start + 8, start + size, 8):
            page = _number(data, place)
            if page < 2 or page >= len(live) or live[page]:
                return RANGE, page
            live[page] = 1
    return WHOLE, 0
