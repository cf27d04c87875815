"""Texts once more: those of a small corpus held from the first pass, or those that have candidates in a work file."""

from __future__ import annotations

from operator import itemgetter
from threading import Lock
from typing import TYPE_CHECKING, Self

import numpy as np

from dedup.text import Texts, views
from dedup.work import Column

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa
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

    def offer(self, row: int, column: pa.Array) -> None:
        """Hold the texts of the articles from ``row`` on, if there is room."""
        with self._lock:
            self._room -= column.nbytes
            if self._columns is not None:
                self._columns[row] = column
            if self._room < 0:
                self._columns = None

    def columns(self) -> list[tuple[int, pa.Array]]:
        """Return (first row, texts) in order of the rows: all columns that were offered, or none."""
        return sorted((self._columns or {}).items(), key=itemgetter(0))


class TextStore:
    """Texts by number, read in any order by any thread: where they are held, or in a file, written once in order.

    The file is read, not mapped: around every page that is touched the system maps what it has of the file, many times
    the texts that are wanted, and all of it counts as memory of the process.
    """

    def __init__(
        self, count: int, folder: Path | None = None, data: Column | None = None, held: Held | None = None
    ) -> None:
        """Take the texts 0 to ``count`` - 1 as they are ``held``, if all are, or make room in ``data``.

        That is a column of bytes in a file; by default one without a name in ``folder``, or where the system keeps
        temporary files.
        """
        self._data = Column.nameless(np.uint8, folder) if data is None else data
        self._starts = np.zeros(count, np.int64)
        self._ends = np.zeros(count, np.int64)
        self._rows: list[int] = []
        self._held: list[NDArray[np.uint8]] = []
        for row, column in held.columns() if held is not None else ():
            self._hold(row, views(column))

    def _hold(self, row: int, texts: Texts) -> None:
        self._rows.append(row)
        self._held.append(texts.data)
        self._starts[row : row + len(texts.starts)] = texts.starts
        self._ends[row : row + len(texts.ends)] = texts.ends

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
        """Return, ascending, which of these numbers have no text here; those of empty texts too, where none is held."""
        return numbers[:0] if self._held else np.sort(numbers[self._ends[numbers] == self._starts[numbers]])

    def batches(self, numbers: NDArray[np.int64]) -> list[Texts]:
        """Return the texts of these numbers, which ascend, in as few batches as they can be had without a copy."""
        if not self._held:
            return [self.texts(numbers)]
        parts = np.split(numbers, np.searchsorted(numbers, self._rows[1:]))
        return [
            Texts(data, self._starts[part], self._ends[part])
            for data, part in zip(self._held, parts, strict=True)
            if len(part)
        ]

    def texts(self, numbers: NDArray[np.int64]) -> Texts:
        """Return the texts of these numbers, one behind the other."""
        starts, sizes = self._starts[numbers], self._ends[numbers] - self._starts[numbers]
        places = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])
        data, bounds = np.empty(int(places[-1]) + _BEHIND, np.uint8), places.tolist()
        columns = np.searchsorted(self._rows, numbers, side="right") - 1
        for index, (start, column) in enumerate(zip(starts.tolist(), columns.tolist(), strict=True)):
            out = data[bounds[index] : bounds[index + 1]]
            if self._held:
                out[:] = self._held[column][start : start + len(out)]
            else:
                self._data.read_into(out, start)
        return Texts(data, places[:-1], places[1:])

    def sizes(self) -> NDArray[np.int64]:
        """Return the bytes of every text."""
        return self._ends - self._starts
