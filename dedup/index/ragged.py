"""Columns that grow at the end: of values, and of lists of values, a row each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dedup.kernels import ragged as kernels

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

_LEAST = 1024


class Column:
    """Values, or arrays of one shape, by row."""

    def __init__(self, kind: DTypeLike, shape: tuple[int, ...] = ()) -> None:
        """Start without any."""
        self._room = np.empty((0, *shape), kind)
        self._size = 0

    def __len__(self) -> int:
        """Count the rows."""
        return self._size

    @property
    def values(self) -> NDArray[Any]:
        """Return all values, to be read and changed in place."""
        return self._room[: self._size]

    def add(self, values: NDArray[Any]) -> None:
        """Put values behind the last."""
        end = self._size + len(values)
        if end > len(self._room):
            grown = np.empty((max(_LEAST, end, end * 5 // 4), *self._room.shape[1:]), self._room.dtype)
            grown[: self._size] = self.values
            self._room = grown
        self._room[self._size : end] = values
        self._size = end

    def keep(self, rows: NDArray[np.int64]) -> None:
        """Keep these rows, in this order; they get the numbers 0, 1, ..."""
        self._room = self.values[rows]
        self._size = len(rows)


class ListColumn:
    """Lists of values by row."""

    def __init__(self, kind: DTypeLike) -> None:
        """Start without any."""
        self._places, self._values = Column(np.int64), Column(kind)
        self._places.add(np.zeros(1, np.int64))

    def add(self, places: NDArray[np.int64], values: NDArray[Any]) -> None:
        """Put lists behind the last: list ``i`` is ``values[places[i]:places[i + 1]]``."""
        self._places.add(places[1:] - places[0] + len(self._values))
        self._values.add(values[places[0] : places[-1]])

    def places(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the bounds of the lists of these rows, one after the other."""
        places = self._places.values
        out = np.zeros(len(rows) + 1, np.int64)
        np.cumsum(places[rows + 1] - places[rows], out=out[1:])
        return out

    def take(self, rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[Any]]:
        """Return the lists of these rows: their bounds and their values."""
        bounds, values = self.places(rows), self._values.values
        out = np.empty(bounds[-1], values.dtype)
        kernels.take(self._places.values, values, rows, bounds, out)
        return bounds, out

    def put(self, rows: NDArray[np.int64], places: NDArray[np.int64], values: NDArray[Any]) -> None:
        """Write the lists of these rows over, each with one of its length."""
        kernels.put(self._places.values, self._values.values, rows, places, values)

    def keep(self, rows: NDArray[np.int64]) -> None:
        """Keep these rows, in this order; they get the numbers 0, 1, ..."""
        places, values = self.take(rows)
        self._places.keep(np.zeros(1, np.int64))
        self._values.keep(np.empty(0, np.int64))
        self.add(places, values)
