"""What is kept in memory of the articles looked at last: names, texts, boilerplate, which never change, and records.

Copies and rewrites follow each other within days, and each is laid beside the same articles of its story. Records are
those of one commit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np

from dedup.index import catalog
from dedup.index.ragged import Column
from dedup.index.textlog import PLACE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray

    from dedup.index.catalog import Note
    from dedup.index.desk import Newcomers
    from dedup.index.shelf import View

_TEXT = 32 << 20  # characters of texts that are kept
_NAMES = 1 << 14  # articles whose names and boilerplate are kept
_RECORDS = 1 << 17  # articles whose records are kept; about 230 bytes each

_Value = TypeVar("_Value")


class _Drawer(Generic[_Value]):
    """Values by number, the last that were put in, as long as their sizes add up to no more than ``most``."""

    def __init__(self, most: int, size: Callable[[_Value], int]) -> None:
        self._held: dict[int, _Value] = {}
        self._room, self._size, self._taken = most, size, 0

    def put(self, numbers: Iterable[int], values: Iterable[_Value]) -> None:
        for number, value in zip(numbers, values, strict=True):
            if number not in self._held:
                self._held[number] = value
                self._taken += self._size(value)

    def shrink(self) -> None:
        for number in list(self._held) if self._taken > self._room else ():
            self._taken -= self._size(self._held.pop(number))
            if self._taken <= self._room * 3 // 4:
                return

    def get(self, numbers: Sequence[int], fetch: Callable[[list[int]], Iterable[_Value]]) -> list[_Value]:
        missing = [number for number in dict.fromkeys(numbers) if number not in self._held]
        if missing:
            self.put(missing, fetch(missing))
        return [self._held[number] for number in numbers]


class Kept:
    """Not for several threads at once. Numbers are those of articles that are committed."""

    def __init__(self) -> None:
        """Start with nothing."""
        self._notes: _Drawer[Note] = _Drawer(_NAMES, lambda _: 1)
        self._runs: _Drawer[NDArray[Any]] = _Drawer(_NAMES, lambda _: 1)
        self._texts: _Drawer[str] = _Drawer(_TEXT, len)
        self._records, self._rows = Column(catalog.RECORD), dict[int, int]()
        self.commit = 0
        """That the records are of."""

    def notes(self, view: View, numbers: Sequence[int]) -> list[Note]:
        """Return what these articles are called."""
        return self._notes.get(numbers, lambda missing: catalog.notes(view, missing))

    def runs(self, view: View, numbers: Sequence[int]) -> list[NDArray[Any]]:
        """Return the runs of boilerplate of these articles."""
        return self._runs.get(numbers, lambda missing: catalog.runs_of(view, np.array(missing, np.int64)))

    def texts(self, view: View, numbers: Sequence[int]) -> list[str]:
        """Return the texts of these articles."""

        def fetch(missing: list[int]) -> list[str]:
            texts: list[str] = view.texts(places_of(catalog.records(view, np.array(missing, np.int64)))).to_pylist()
            return texts

        return self._texts.get(numbers, fetch)

    def records(self, view: View, numbers: NDArray[np.int64]) -> NDArray[Any]:
        """Return the records of these articles, (n,) RECORD."""
        asked = numbers.tolist()
        missing = [number for number in dict.fromkeys(asked) if number not in self._rows]
        if missing:
            self._keep(missing, catalog.records(view, np.array(missing, np.int64)))
        return np.asarray(self._records.values[[self._rows[number] for number in asked]])

    def _keep(self, numbers: Sequence[int], records: NDArray[Any]) -> None:
        first = len(self._records)
        self._rows |= dict(zip(numbers, range(first, first + len(records)), strict=True))
        self._records.add(records)

    def forget_records(self) -> None:
        """Let go of the records: some of them have changed."""
        self._records, self._rows = Column(catalog.RECORD), {}

    def see(self, commit: int) -> None:
        """Let go of the records of another commit than this."""
        if commit != self.commit:
            self.forget_records()
            self.commit = commit

    def add(self, new: Newcomers, changed: Iterable[tuple[int, Any]]) -> None:
        """Keep articles that are about to be committed, and the records of others that ``changed`` with them."""
        numbers = new.numbers.tolist()
        self._notes.put(numbers, new.notes)
        self._texts.put(numbers, new.table["text"].to_pylist())
        self._keep(numbers, new.records)
        for number, record in changed:
            self._records.values[self._rows[number]] = record

    def shrink(self) -> None:
        """Let go of what was put in first where there is too much."""
        for drawer in (self._notes, self._runs, self._texts):
            drawer.shrink()
        if len(self._rows) > _RECORDS:
            numbers = list(self._rows)[len(self._rows) // 4 :]
            self._records.keep(np.array([self._rows[number] for number in numbers]))
            self._rows = dict(zip(numbers, range(len(numbers)), strict=True))


def places_of(records: NDArray[Any]) -> NDArray[Any]:
    """Return where the texts of these records are, as :data:`dedup.index.shelf.PLACE`."""
    places = np.empty(len(records), PLACE)
    for name in ("part", "size", "offset"):
        places[name] = records[name]
    return places
