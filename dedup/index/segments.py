"""Sorted runs of postings, in memory while they are recent and in files afterwards.

A *posting* says that an article (its number) has a key of a family, with a weight. A :class:`Run` holds recent ones; a
:class:`Segment` is a file, written once and never changed. Kernels find keys in both alike; what an entry is
stands in :mod:`dedup.kernels.seeking`.
"""

from __future__ import annotations

import errno
import itertools
import mmap
import os
import resource
import weakref
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import xxhash

from dedup.errors import IndexStateError
from dedup.index.damage import damage
from dedup.kernels import seeking

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from io import BufferedWriter
    from pathlib import Path

    from numpy.typing import NDArray

    Words = NDArray[np.uint64]
    Bytes = NDArray[np.uint8]

MAGIC = b"dedup keys 1".ljust(16, b"\0")
_BUCKET = 4  # entries that a directory value leads to: so many to twice as many
_CHUNK = 1 << 17  # words that are merged and written at a time
_ROOM = 1 << 12  # postings of a section for which there is room at first
_NUMBER = np.uint64(0xFFFFFFFF)


class Found(NamedTuple):
    """Postings that were found: of each query in turn, the highest weight first, among equals the lowest number."""

    query: NDArray[np.int64]
    """Index of the key among those that were asked for."""
    number: NDArray[np.int64]
    weight: NDArray[np.int64]


class Section(NamedTuple):
    """The entries of one family, as the kernels take them."""

    arrays: tuple[NDArray[Any], ...]
    place: tuple[int, ...]
    path: Path | None = None
    """The file, None in memory."""
    file: int = -1
    """The file as it is open for reading."""

    @property
    def words(self) -> Words:
        """The entries, two words each."""
        base, count = self.place[:2]
        part: Words = self.arrays[1][base : base + 2 * count]
        return part

    def __len__(self) -> int:
        """Count the entries."""
        return self.place[1]


# In memory -----------------------------------------------------------------------------------------------------------


def entries(numbers: NDArray[np.int64], keys: Words, places: NDArray[np.int64], weights: NDArray[np.uint32]) -> Words:
    """Return the postings of articles, in order; those of article ``i`` have ``keys[places[i]:places[i + 1]]``."""
    low, high = int(places[0]), int(places[-1])
    keys = np.ascontiguousarray(keys[low:high], np.uint64)
    weights = np.ascontiguousarray(weights[low:high], np.uint32)
    out = np.empty(2 * len(keys), np.uint64)
    seeking.fill(keys, np.asarray(places, np.int64) - low, numbers, weights, np.argsort(keys), out)
    return out


def section(words: Words) -> Section:
    """Make entries in memory findable."""
    bits = _bits(len(words) // 2)
    directory, marks = np.zeros((1 << bits) + 1, np.uint32), np.zeros(len(words) // 2 + seeking.ROOM, np.uint8)
    seeking.note(words, bits, directory[1:], marks)
    np.cumsum(directory, out=directory)
    arrays = (marks, words, directory, np.zeros(0, np.uint64), np.zeros(0, np.uint8))
    return Section(arrays, (0, len(words) // 2, 0, bits, 0))


def _bits(count: int) -> int:
    return max(0, (count // _BUCKET).bit_length() - 1)


class Run:
    """Recent postings in memory, with the partition that each of their articles belongs to."""

    def __init__(self, numbers: NDArray[np.int64], parts: NDArray[np.uint16], families: Mapping[int, Words]) -> None:
        """Keep articles and, by family, their entries in order."""
        self.numbers, self.parts = numbers, parts
        self.sections = {family: section(words) for family, words in families.items() if len(words)}

    def __len__(self) -> int:
        """Count the entries."""
        return sum(map(len, self.sections.values()))

    @classmethod
    def of(cls, runs: Sequence[Run]) -> Run:
        """Return several as one."""
        if len(runs) == 1:
            return runs[0]
        families = {
            family: _joined([run.sections[family].words for run in runs if family in run.sections])
            for family in sorted({family for run in runs for family in run.sections})
        }
        numbers = np.concatenate([np.empty(0, np.int64), *(run.numbers for run in runs)])
        return cls(numbers, np.concatenate([np.empty(0, np.uint16), *(run.parts for run in runs)]), families)

    def by_part(self) -> dict[int, dict[int, Words]]:
        """Return, by partition and family, the entries in order."""
        chosen, index = np.unique(self.parts, return_inverse=True)
        made: dict[int, dict[int, Words]] = {part: {} for part in chosen.tolist()}
        first = int(self.numbers.min(initial=1 << 32))
        part_of = np.zeros(int(self.numbers.max(initial=first)) - first + 1, np.uint16)
        part_of[self.numbers - first] = index
        for family, each in self.sections.items():
            bounds, out = np.zeros(len(chosen) + 1, np.int64), np.empty_like(each.words)
            seeking.split(each.words, first, part_of, bounds, out)
            for part, (start, end) in zip(made, itertools.pairwise(bounds.tolist()), strict=True):
                if start < end:
                    made[part][family] = out[2 * start : 2 * end]
        return made

    def pack(self) -> bytes:
        """Return the run as bytes."""
        shape = [len(self.numbers), len(self.sections)]
        shape += [value for family, each in self.sections.items() for value in (family, len(each))]
        columns = [np.array(shape, "<u4"), self.numbers.astype("<u4"), self.parts.astype("<u2")]
        columns += [each.words for each in self.sections.values()]
        return b"".join(column.tobytes() for column in columns)

    @classmethod
    def unpack(cls, data: bytes) -> Run:
        """Return the run that :meth:`pack` made bytes of."""
        count, kinds = np.frombuffer(data, "<u4", 2).tolist()
        shape = np.frombuffer(data, "<u4", 2 * kinds, 8).reshape(-1, 2).tolist()
        place = 8 + 8 * kinds
        numbers = np.frombuffer(data, "<u4", count, place).astype(np.int64)
        parts = np.frombuffer(data, "<u2", count, place + 4 * count).astype(np.uint16)
        place += 6 * count
        families = {}
        for family, size in shape:
            families[family] = np.frombuffer(data, "<u8", 2 * size, place).copy()
            place += 16 * size
        return cls(numbers, parts, families)


def stacked(runs: tuple[Run, ...], new: Sequence[Run]) -> tuple[Run, ...]:
    """Put new runs behind others, as one, and join those of like size, so that they stay few."""
    if not new:
        return runs
    last, kept = list(new), list(runs)
    size = sum(map(len, new))
    while kept and len(kept[-1]) < 2 * size:
        size += len(kept[-1])
        last.append(kept.pop())
    return (*kept, Run.of(last))


def _joined(several: Sequence[Words]) -> Words:
    if len(several) <= 2:  # noqa: PLR2004  (two are merged, more are sorted)
        return np.concatenate(list(_merged(*map(_once, several)))) if len(several) > 1 else several[0]
    words = np.concatenate(several)
    out = np.empty_like(words)
    seeking.arrange(words, np.argsort(words[::2]), out)
    return out


def _once(words: Words) -> Iterator[Words]:
    yield words


# Finding -------------------------------------------------------------------------------------------------------------


def find(
    sections: Iterable[tuple[int | None, Section]],
    keys: Words,
    most: int,
    gone: Bytes,
    parts: NDArray[np.uint16] | None = None,
) -> Found:
    """Find of every key the ``most`` postings (0: all) of the highest weight, without the numbers that are ``gone``.

    ``gone`` is a bitmap. ``parts`` says of each key which partition alone it can be in; a section stands with its
    partition, one of all partitions with None. Raises IndexStateError where a file is damaged.
    """
    order = np.argsort(keys)
    ordered = np.ascontiguousarray(keys, np.uint64)[order]
    chosen: dict[int | None, tuple[Words, NDArray[np.int64]]] = {None: (ordered, order)}
    room, orders = np.empty((len(keys), 2), np.int64), np.empty(_ROOM, np.uint64)
    totals = np.zeros(len(keys), np.int64)
    hits = []
    for part, each in sections:
        key = None if parts is None else part
        if key not in chosen:
            of_part = parts[order] == key if parts is not None else slice(None)
            chosen[key] = (ordered[of_part], order[of_part])
        wanted, origin = chosen[key]
        status, count = seeking.locate(each.arrays, each.place, each.file, wanted, most, gone, room, orders)
        while status == seeking.FULL:
            orders = np.empty(4 * len(orders), np.uint64)
            status, count = seeking.locate(each.arrays, each.place, each.file, wanted, most, gone, room, orders)
        if status != seeking.DONE:
            raise damaged(each.path, f"block {status}")
        if count:
            found = room[:count].copy()
            hits.append((found, orders[: found[:, 1].sum()].copy(), origin))
            seeking.count_hits(found, origin, totals)
    return _ranked(hits, totals, most)


def _ranked(
    hits: list[tuple[NDArray[np.int64], Words, NDArray[np.int64]]], totals: NDArray[np.int64], most: int
) -> Found:
    bounds = np.concatenate([np.zeros(1, np.int64), np.cumsum(totals)])
    orders, cursors = np.empty(bounds[-1], np.uint64), bounds[:-1].copy()
    for rows, found, origin in hits:
        seeking.collect(rows, found, origin, cursors, orders)
    size = int(np.minimum(totals, most).sum() if most else bounds[-1])
    query, number, weight = (np.empty(size, np.int64) for _ in range(3))
    seeking.rank(orders, bounds, most, query, number, weight)
    return Found(query, number, weight)


# Merging -------------------------------------------------------------------------------------------------------------


def merged(streams: Sequence[Iterator[Words]]) -> Iterator[Words]:
    """Merge streams of entries, each in order; the largest first."""
    made = streams[-1]
    for stream in reversed(streams[:-1]):
        made = _merged(stream, made)
    return made


def _merged(one: Iterator[Words], two: Iterator[Words]) -> Iterator[Words]:
    left, right = next(one, None), next(two, None)
    at_left = at_right = 0
    while left is not None and right is not None:
        out = np.empty(min(_CHUNK, len(left) - at_left + len(right) - at_right), np.uint64)
        at_left, at_right, written = seeking.merge(left, at_left, right, at_right, out)
        yield out[:written]
        if at_left == len(left):
            left, at_left = next(one, None), 0
        if at_right == len(right):
            right, at_right = next(two, None), 0
    if left is not None:
        yield left[at_left:]
    if right is not None:
        yield right[at_right:]
    yield from one
    yield from two


def without(stream: Iterator[Words], gone: Bytes) -> Iterator[Words]:
    """Leave the numbers that are gone out of a stream."""
    for words in stream:
        out = np.empty_like(words)
        yield out[: seeking.keep(words, gone, out)]


# Files ---------------------------------------------------------------------------------------------------------------


class Segment:
    """A file of postings, open for reading and mapped."""

    def __init__(self, path: Path, described: Mapping[str, Any]) -> None:
        """Open the file; raises IndexStateError where it is missing, cut short, or its checksums are damaged."""
        self.path = path
        size, end = described["bytes"], described["end"]
        try:
            file, self._map = _opened(path, size)
        except OSError as error:
            if error.errno != errno.EMFILE or not _more_files():
                raise _refused(path, error) from error
            file, self._map = _opened(path, size)
        weakref.finalize(self._map, os.close, file)  # which all arrays hold
        self._map.madvise(mmap.MADV_RANDOM)
        sums = np.frombuffer(self._map, np.uint64, (size - end) // 8, end).copy()
        if xxhash.xxh3_64_hexdigest(sums.tobytes()) != described["sums"]:
            raise damaged(path, "its checksums")
        data = np.frombuffer(self._map, np.uint8, end)
        known = np.zeros(len(sums), np.uint8)
        arrays = (data, data.view(np.uint64), data.view(np.uint32), sums, known)
        self.sections = {
            int(family): Section(arrays, tuple(place), path, file) for family, place in described["families"].items()
        }

    def give_back(self) -> None:
        """Give the pages that were touched back to the system."""
        self._map.madvise(mmap.MADV_DONTNEED)

    def damages(self) -> list[str]:
        """Read everything and return what is wrong, in words."""
        data, _, _, sums, _ = next(iter(self.sections.values())).arrays
        there = np.empty_like(sums)
        seeking.block_sums(data, there)
        found = [
            f"{self.path}: damaged from byte {block * seeking.BLOCK:,} on"
            for block in np.flatnonzero(there != sums).tolist()
        ]
        if not found and not all(seeking.ascending(each.words) for each in self.sections.values()):
            found = [f"{self.path}: postings out of order"]
        self.give_back()
        return found


def _opened(path: Path, size: int) -> tuple[int, mmap.mmap]:
    """Open a file for reading, and map it; both keep it open."""
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        _see_size(path, os.fstat(file).st_size, size)
        return file, mmap.mmap(file, size, access=mmap.ACCESS_READ)
    except BaseException:
        os.close(file)
        raise


def _see_size(path: Path, there: int, expected: int) -> None:
    if there != expected:
        raise damaged(path, f"{there:,} bytes where {expected:,} are expected")


def _more_files() -> bool:
    """Let this process open as many files as the system lets it; return whether these are more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return soft != hard


def _refused(path: Path, error: OSError) -> IndexStateError:
    if error.errno == errno.EMFILE:
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        return IndexStateError(f"{path}: this process may not open more than {limit:,} files; raise that (ulimit -n)")
    return damage(f"{path}: cannot be read ({error.strerror or error})")


def stream(each: Section) -> Iterator[Words]:
    """Return the entries of a section in order, read from its file and not through the map; damage raises."""
    if each.path is None:
        yield each.words
        return
    _, _, _, sums, _ = each.arrays
    start, end = 8 * each.place[0], 8 * each.place[0] + 16 * each.place[1]
    step = 8 * _CHUNK
    with each.path.open("rb") as file:
        for low in range(start // step * step, end, step):
            file.seek(low)
            data = np.frombuffer(file.read(min(step, len(each.arrays[0]) - low)), np.uint8)
            there = np.empty(-(-len(data) // seeking.BLOCK), np.uint64)
            seeking.block_sums(data, there)
            wrong = np.flatnonzero(there != sums[low // seeking.BLOCK :][: len(there)])
            if len(wrong):
                raise damaged(each.path, f"block {low // seeking.BLOCK + wrong[0]}")
            yield data[max(start - low, 0) : end - low].view(np.uint64)


def write(path: Path, families: Mapping[int, Sequence[Section]], gone: Bytes) -> dict[str, Any]:
    """Write a segment of what sections hold, without the numbers that are gone; return its description.

    Every part of the file fills multiples of 16 bytes, so that no chunk cuts an entry in two. It is durable only after
    :func:`os.fsync`.
    """
    places = {}
    with path.open("wb") as file:
        blocks = _Blocks(file)
        blocks.add(np.frombuffer(MAGIC, np.uint8))
        for family, sections in families.items():
            bits = _bits(sum(map(len, sections)))
            base, counts = blocks.size // 8, np.zeros(((1 << bits) + 4) // 4 * 4, np.uint32)
            marks = []
            for words in without(merged([stream(each) for each in sections]), gone):
                marks.append(np.empty(len(words) // 2, np.uint8))
                seeking.note(words, bits, counts[1:], marks[-1])
                blocks.add(words.view(np.uint8))
            count = sum(map(len, marks))
            if count:
                directory = blocks.size
                blocks.add(np.cumsum(counts, dtype=np.uint32).view(np.uint8))
                places[family] = (base, count, directory // 4, bits, blocks.size)
                blocks.add(np.concatenate([*marks, np.zeros(seeking.ROOM + -count % 16, np.uint8)]))
        sums = blocks.finish()
        file.write(sums.tobytes())
    digest = xxhash.xxh3_64_hexdigest(sums.tobytes())
    return {"families": places, "end": blocks.size, "bytes": blocks.size + sums.nbytes, "sums": digest}


class _Blocks:
    """A file that is being written and whose blocks are hashed on the way."""

    def __init__(self, file: BufferedWriter) -> None:
        self.size = 0
        self._file, self._left, self._sums = file, np.zeros(0, np.uint8), list[Any]()

    def add(self, data: Bytes) -> None:
        self.size += len(data)
        data = np.concatenate([self._left, data])
        end = len(data) // seeking.BLOCK * seeking.BLOCK
        self._write(data[:end])
        self._left = data[end:]

    def _write(self, data: Bytes) -> None:
        sums = np.empty(-(-len(data) // seeking.BLOCK), np.uint64)
        seeking.block_sums(data, sums)
        self._sums.append(sums)
        self._file.write(data.data)

    def finish(self) -> Words:
        self._write(self._left)
        made: Words = np.concatenate(self._sums)
        return made


def damaged(path: Path | None, what: str) -> IndexStateError:
    """Return the error of a file that is not as it was written."""
    return damage(f"{path}: damaged ({what})")
