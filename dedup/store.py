"""Texts once more: those of a small corpus held from the first pass, those that have candidates in a work file."""

from __future__ import annotations

import mmap
import tempfile
from threading import Lock
from typing import TYPE_CHECKING, Self

import numpy as np
import pyarrow as pa

from dedup.errors import OutputError
from dedup.text import Texts, views

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray


class Held:
    """Columns of texts as they were read, held as long as all of them fit into ``most`` bytes, and else none.

    To decompress Parquet costs more than all that is done with most texts: what fits is read once.
    """

    def __init__(self, most: int) -> None:
        """Hold nothing yet."""
        self._room = most
        self._columns: dict[int, pa.Array] | None = {}
        self._lock = Lock()

    @property
    def all(self) -> bool:
        """Say whether everything that was offered is here."""
        return self._columns is not None

    def offer(self, row: int, column: pa.Array) -> None:
        """Hold the texts of the articles from ``row`` on, if there is room."""
        with self._lock:
            self._room -= column.nbytes
            if self._columns is not None:
                self._columns[row] = column
            if self._room < 0:
                self._columns = None

    def select(self, rows: NDArray[np.int64]) -> Iterator[tuple[NDArray[np.int64], pa.Array]]:
        """Yield (rows, their texts) for these rows, ascending."""
        columns = self._columns or {}
        starts = np.array(sorted(columns), np.int64)
        for start, part in zip(starts.tolist(), np.split(rows, np.searchsorted(rows, starts[1:])), strict=True):
            if len(part):
                yield part, columns[start].take(pa.array(part - start))


class TextStore:
    """Texts by number, written once in order and then read in any order by any thread.

    The file has no name, so that not even a killed process leaves it behind. It is mapped: the kernels read it in
    place, and :meth:`release` gives the pages back.
    """

    def __init__(self, count: int, folder: Path | None = None) -> None:
        """Make room for the texts 0 to ``count`` - 1 in a file in ``folder``, the system's for temporary files."""
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115  (closed in __exit__)
        self._starts = np.zeros(count, np.int64)
        self._ends = np.zeros(count, np.int64)
        self._size = 0
        self._map: mmap.mmap | None = None

    def __enter__(self) -> Self:
        """Return the store."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file, and so remove it."""
        if self._map is not None:
            self._data = np.zeros(1, np.uint8)
            self._map.close()
        self._file.close()

    def add(self, numbers: NDArray[np.int64], column: pa.Array) -> None:
        """Write the texts of these numbers. Raises OutputError where the disk is full."""
        data, starts, ends = views(column)
        low = int(starts[0]) if len(starts) else 0
        high = int(ends.max(initial=low))
        try:
            self._file.write(data[low:high].data)
        except OSError as error:
            place = tempfile.gettempdir()
            message = (
                f"{place}: cannot take the texts of the candidates ({error.strerror}); name another folder in TMPDIR"
            )
            raise OutputError(message) from error
        self._starts[numbers] = starts - low + self._size
        self._ends[numbers] = ends - low + self._size
        self._size += high - low

    def missing(self, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return, ascending, which of these numbers have no text here."""
        return np.sort(numbers[self._ends[numbers] == self._starts[numbers]])

    def seal(self) -> None:
        """End the writing; more may be added and sealed later."""
        self._file.flush()
        if self._size:
            self._map = mmap.mmap(self._file.fileno(), self._size, access=mmap.ACCESS_READ)
            self._data = np.frombuffer(self._map, np.uint8)
        else:
            self._data = np.zeros(1, np.uint8)

    def texts(self, numbers: NDArray[np.int64]) -> Texts:
        """Return the texts of these numbers, without a copy."""
        return Texts(self._data, self._starts[numbers], self._ends[numbers])

    def sizes(self) -> NDArray[np.int64]:
        """Return the bytes of every text."""
        return self._ends - self._starts

    def release(self) -> None:
        """Give the pages that were read back to the system."""
        if self._map is not None:
            self._map.madvise(mmap.MADV_DONTNEED)
