"""Newcomers beside the articles of the index: one way to ask for either, by number."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from dedup.index import catalog
from dedup.index.catalog import Note
from dedup.index.keys import Keys, shingle_keys
from dedup.index.ragged import Column
from dedup.survey import Runs
from dedup.text import token_hashes, views

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from dedup.index.kept import Kept
    from dedup.index.shelf import View
    from dedup.survey import Survey
    from dedup.text import Tokens


@dataclass(frozen=True)
class Newcomers:
    """A batch of articles that are not in the index yet; they get the numbers from ``first`` on.

    ``records`` have one row an article and are filled in as decisions fall.
    """

    first: int
    table: pa.Table
    surveyed: Survey
    records: NDArray[Any]

    def __len__(self) -> int:
        """Count them."""
        return len(self.records)

    @property
    def numbers(self) -> NDArray[np.int64]:
        """Return their numbers."""
        return np.arange(self.first, self.first + len(self))

    @cached_property
    def shingle_keys(self) -> Keys:
        """Return the keys of their sampled shingles."""
        return shingle_keys(self.surveyed.sketches)

    @cached_property
    def notes(self) -> list[Note]:
        """Return what they are called."""
        return list(map(Note, *(self.table[name].to_pylist() for name in Note._fields)))


class Desk:
    """A view of the index with the newcomers laid beside it."""

    def __init__(self, view: View, newcomers: Newcomers, kept: Kept) -> None:
        """Lay them out."""
        self.view = view
        self.newcomers = newcomers
        self._kept = kept
        self._looked_at, self._rows = Column(catalog.RECORD), dict[int, int]()
        self._changed: set[int] = set()

    def records(self, numbers: NDArray[np.int64]) -> NDArray[Any]:
        """Return the records of these articles, as they are now."""
        out = np.empty(len(numbers), catalog.RECORD)
        new = numbers >= self.newcomers.first
        out[new] = self.newcomers.records[numbers[new] - self.newcomers.first]
        if not new.all():
            rows = self._rows_of(numbers[~new].tolist())
            out[~new] = self._looked_at.values[rows]
        return out

    def _rows_of(self, numbers: list[int]) -> list[int]:
        """Return where the records of articles of the index lie; each is read once."""
        missing = [number for number in dict.fromkeys(numbers) if number not in self._rows]
        if missing:
            self._rows |= dict(
                zip(missing, range(len(self._looked_at), len(self._looked_at) + len(missing)), strict=True)
            )
            self._looked_at.add(self._kept.records(self.view, np.array(missing, np.int64)))
        return [self._rows[number] for number in numbers]

    def change(self, number: int, **fields: Any) -> None:
        """Change a record."""
        new = number - self.newcomers.first
        if new >= 0:
            record = self.newcomers.records[new]
        else:
            row = self._rows_of([number])[0]
            record = self._looked_at.values[row]
            self._changed.add(number)
        for name, value in fields.items():
            record[name] = value

    def changed(self) -> list[tuple[int, Any]]:
        """Return the records of the index that are different now, by number."""
        return [(number, self._looked_at.values[self._rows[number]]) for number in sorted(self._changed)]

    def notes(self, numbers: Sequence[int]) -> list[Note]:
        """Return what these articles are called."""
        wanted = np.asarray(numbers, np.int64)
        old = wanted[wanted < self.newcomers.first]
        found = dict(zip(old.tolist(), self._kept.notes(self.view, old.tolist()), strict=True))
        first, own = self.newcomers.first, self.newcomers.notes
        return [own[number - first] if number >= first else found[number] for number in wanted.tolist()]

    def texts(self, numbers: NDArray[np.int64]) -> pa.LargeStringArray:
        """Return the texts of these articles."""
        new = numbers >= self.newcomers.first
        old = numbers[~new]
        parts = []
        if len(old):
            parts.append(pa.array(self._kept.texts(self.view, old.tolist()), pa.large_string()))
        if new.any():
            rows = pa.array(numbers[new] - self.newcomers.first)
            parts.append(self.newcomers.table["text"].take(rows).combine_chunks())
        order = np.empty(len(numbers), np.int64)
        order[np.concatenate([np.flatnonzero(~new), np.flatnonzero(new)])] = np.arange(len(numbers))
        return pa.concat_arrays([*parts, pa.array([], pa.large_string())]).take(pa.array(order))

    def boilerplate(self, numbers: NDArray[np.int64]) -> Runs:
        """Return the runs of boilerplate of these articles."""
        old = np.flatnonzero(numbers < self.newcomers.first)
        kept = dict(zip(old.tolist(), self._kept.runs(self.view, numbers[old].tolist()), strict=True))
        own = self.newcomers.surveyed.boilerplate
        starts, ends = [], []
        for place, number in enumerate(numbers.tolist()):
            if place in kept:
                starts.append(kept[place]["start"])
                ends.append(kept[place]["end"])
            else:
                row = number - self.newcomers.first
                runs = slice(own.places[row], own.places[row + 1])
                starts.append(own.starts[runs])
                ends.append(own.ends[runs])
        sizes = np.array([len(runs) for runs in starts], np.int64)
        places = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])
        none = np.empty(0, np.int32)
        return Runs(places, np.concatenate([none, *starts]), np.concatenate([none, *ends]))

    def own_tokens(self, numbers: NDArray[np.int64]) -> Tokens:
        """Return the tokens of these articles that are not boilerplate."""
        tokens = token_hashes([views(self.texts(numbers))])
        runs = self.boilerplate(numbers)
        return tokens.without(runs.mask(np.arange(len(numbers)), tokens.places))
