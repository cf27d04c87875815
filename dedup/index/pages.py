"""Whether the pages of an LMDB file are whole, seen without the engine; the kernel knows what that means."""

from __future__ import annotations

import mmap
import struct
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from dedup.kernels import paging

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

_MAGIC, _VERSION, _META = 0xBEEFC0DE, 1, 0x08
_NONE = (1 << 64) - 1  # the root of a tree without pages
# A page of the two at the start: its number, flags; magic, version, size of the map; then free pages and tables, each
# padding (of the first: the size of a page), flags, depth, four counts, root; the last page, the transaction.
_FORMAT = struct.Struct("<Q2xH4xII8xQ IHH24xQQ IHH24xQQ QQ")
_WRONG = {
    paging.RANGE: "out of place, or used twice",
    paging.HEAD: "not what it should be",
    paging.NODES: "with entries outside of it",
    paging.ORDER: "with entries out of order",
    paging.VALUE: "with an entry that is no entry",
    paging.COUNT: "the first of a table with fewer or more entries than it has",
}


class _Meta(NamedTuple):
    page: int
    flags: int
    magic: int
    version: int
    room: int
    page_size: int
    free_flags: int
    free_depth: int
    free_entries: int
    free_root: int
    padding: int
    main_flags: int
    depth: int
    entries: int
    root: int
    last: int
    commit: int


def damage(path: Path, commit: int) -> str | None:
    """Say in words what is wrong with the pages of a commit, None where nothing is.

    The file is read as a whole, its values aside.
    """
    with path.open("rb") as file:
        data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    try:
        return _damage(data, commit)
    finally:
        # Not closed: a kernel that compiles holds its arguments for a while, and a map in use cannot be.
        data.madvise(mmap.MADV_DONTNEED)


def _damage(data: mmap.mmap, commit: int) -> str | None:
    size = len(data) // 2 if len(data) < 2 * _FORMAT.size else _Meta(*_FORMAT.unpack_from(data)).page_size
    metas = [_Meta(*_FORMAT.unpack_from(data, start)) for start in (0, size) if start + _FORMAT.size <= len(data)]
    for number, meta in enumerate(metas):
        if (meta.page, meta.flags, meta.magic, meta.version) != (number, _META, _MAGIC, _VERSION):
            return f"page {number} is not what it should be"
    if len(metas) != 2 or metas[1].page_size != size or size not in {1 << bits for bits in range(9, 16)}:  # noqa: PLR2004
        return "its first pages do not agree"
    meta = metas[commit & 1]
    if meta.commit != commit or meta.free_flags & ~8 or meta.main_flags:
        return f"page {commit & 1} is not what it should be"
    return _walked(np.frombuffer(data, np.uint8), meta)


def _walked(data: NDArray[np.uint8], meta: _Meta) -> str | None:
    live = np.zeros(min(meta.last + 1, len(data) // meta.page_size), np.uint8)
    trees: NDArray[np.int64] = np.empty((1 << 10, 4), np.int64)
    spans: NDArray[np.int64] = np.empty((1 << 10, 2), np.int64)
    todo: list[Any] = []
    for kind, root, depth, entries in (
        (paging.MAIN, meta.root, meta.depth, meta.entries),
        (paging.FREE, meta.free_root, meta.free_depth, meta.free_entries),
    ):
        todo.append((kind, root if root != _NONE else -1, depth, entries))
    lists = []
    while todo:
        kind, root, depth, entries = todo.pop()
        if root == -1 and depth == entries == 0:
            continue
        if not 0 < depth <= paging.DEEPEST:
            return f"page {root} is {_WRONG[paging.COUNT]}"
        tree = (kind, root, depth, entries)
        before = live if kind in {paging.PLAIN, paging.MEMBERS} else live.copy()  # those lead to nothing
        wrong, page, known, listed = paging.walk(data, meta.page_size, tree, live, trees, 0, spans, 0)
        while known < 0:
            live[:] = before
            trees, spans = np.empty((4 * len(trees), 4), np.int64), np.empty((4 * len(spans), 2), np.int64)
            wrong, page, known, listed = paging.walk(data, meta.page_size, tree, live, trees, 0, spans, 0)
        if (kind, wrong) == (paging.MAIN, paging.VALUE):
            return f"page {page} does not list the tables of an index"
        if wrong != paging.WHOLE:
            return f"page {page} is {_WRONG[wrong]}"
        todo += trees[:known].tolist()
        lists.append(spans[:listed].copy())
    wrong, page = paging.free_pages(data, np.concatenate([np.empty((0, 2), np.int64), *lists]), live)
    return None if wrong == paging.WHOLE else f"page {page}, a free one, is {_WRONG[wrong]}"
