"""Texts once more: those of a small corpus held from the first pass, those that have candidates in a work file."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Self

import numpy as np
import pyarrow as pa

from dedup.text import Texts, views
from dedup.work import Column

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray


_BEHIND = 64  # bytes that may be read behind the last text


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
        """Say whether everything that was offered is here, and anything was."""
        return bool(self._columns)

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

    They are read, not mapped: around every page that is touched the system maps what it has of the file, many times the
    texts that are wanted, and all of it counts as memory of the process.
    """

    def __init__(self, count: int, folder: Path | None = None, data: Column | None = None) -> None:
        """Make room for the texts 0 to ``count`` - 1 in ``data``, a column of bytes in a file.

        By default that is a file without a name in ``folder``, or where the system keeps temporary files.
        """
        self._data = Column.nameless(np.uint8, folder) if data is None else data
        self._starts = np.zeros(count, np.int64)
        self._ends = np.zeros(count, np.int64)

    def __enter__(self) -> Self:
        """Return the store."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file; one without a name is gone then."""
        self._data.close()

    def add(self, numbers: NDArray[np.int64], column: pa.Array) -> None:
        """Write the texts of these numbers. Raises OutputError where the disk is full."""
        data, starts, ends = views(column)
        low = int(starts[0]) if len(starts) else 0
        high = int(ends.max(initial=low))
        shift = len(self._data) - low
        self._data.append(data[low:high])
        self._starts[numbers] = starts + shift
        self._ends[numbers] = ends + shift

    def restore(self, numbers: NDArray[np.int64], starts: NDArray[np.int64], ends: NDArray[np.int64]) -> None:
        """Say where texts stand that are there already."""
        self._starts[numbers], self._ends[numbers] = starts, ends

    def places(self, numbers: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return where these texts start and end, as :meth:`restore` takes it."""
        return self._starts[numbers], self._ends[numbers]

    def missing(self, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return, ascending, which of these numbers have no text here."""
        return np.sort(numbers[self._ends[numbers] == self._starts[numbers]])

    def texts(self, numbers: NDArray[np.int64]) -> Texts:
        """Return the texts of these numbers."""
        starts, sizes = self._starts[numbers], self._ends[numbers] - self._starts[numbers]
        places = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])
        data, bounds = np.empty(int(places[-1]) + _BEHIND, np.uint8), places.tolist()
        for index, start in enumerate(starts.tolist()):
            self._data.read_into(data[bounds[index] : bounds[index + 1]], start)
        return Texts(data, places[:-1], places[1:])

    def sizes(self) -> NDArray[np.int64]:
        """Return the bytes of every text."""
        return self._ends - self._starts
