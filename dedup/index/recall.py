"""What alignment needs of the articles in the window, kept in memory, and read again from the texts when it is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from dedup import alignment
from dedup.article import FIELDS, REWRITE
from dedup.boilerplate import outlet_of
from dedup.index import catalog
from dedup.index.ragged import Column, ListColumn
from dedup.kernels import ragged as kernels
from dedup.kernels.alignment import NO_DATE
from dedup.kernels.runs import UNDATED
from dedup.profiles import Lists, Outlines
from dedup.rewrites import Tellers, profiles_of
from dedup.stories import FLOOR

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    from dedup.alignment import Holders, Profiles
    from dedup.background import Background
    from dedup.index.desk import Desk
    from dedup.survey import Survey
    from dedup.vocabulary import Vocabulary

MOST = 24_000  # tellers that are kept; about 5 KB each
_BEST = 32  # pairs of a teller, the closest, that are remembered
_NOBODY = -1


class _Tellers:
    """Tellers by row: their outlines, and what their pairs so far say.

    ``neighbours`` and ``holders`` are as in alignment.Holders; ``judged`` is how many neighbours there were when the
    pairs of a teller were scored; ``others`` are numbers, the closest of its pairs, and ``close`` says how close each
    is.
    """

    def __init__(self) -> None:
        self.numbers = Column(np.int64)
        self.published = Column(np.int64)
        self.outlet = Column(np.int32)
        self.titled = Column(np.bool_)
        self.neighbours = Column(np.int64)
        self.judged = Column(np.int64)
        self.others = Column(np.int64, (_BEST,))
        self.close = Column(np.float32, (_BEST,))
        self.spoken = ListColumn(np.int32)  # columns in each sentence
        self.columns = ListColumn(np.int32)
        self.terms = ListColumn(np.int32)
        self.counts = ListColumn(np.int32)
        self.lead = ListColumn(np.bool_)
        self.holders = ListColumn(np.int32)
        self.figures = ListColumn(np.int32)

    def add(
        self, numbers: NDArray[np.int64], published: NDArray[np.int64], outlet: NDArray[np.int32], made: Outlines
    ) -> None:
        count, terms = len(numbers), made.terms
        self.numbers.add(numbers)
        self.published.add(published)
        self.outlet.add(outlet)
        self.titled.add(made.titled)
        self.neighbours.add(np.zeros(count, np.int64))
        self.judged.add(np.zeros(count, np.int64))
        self.others.add(np.full((count, _BEST), _NOBODY))
        self.close.add(np.zeros((count, _BEST), np.float32))
        self.spoken.add(made.sentences, np.diff(made.columns.places))
        self.columns.add(made.columns.places[made.sentences], made.columns.values)
        self.terms.add(*terms)
        self.counts.add(terms.places, made.counts)
        self.lead.add(terms.places, made.lead)
        self.holders.add(terms.places, np.zeros(len(terms.values), np.int32))
        self.figures.add(*made.figures)

    def keep(self, rows: NDArray[np.int64]) -> None:
        for column in vars(self).values():
            column.keep(rows)

    def outlines(self, rows: NDArray[np.int64]) -> Outlines:
        """Return the outlines of these rows, without their salient terms."""
        sentences, spoken = self.spoken.take(rows)
        places = np.zeros(len(spoken) + 1, np.int64)
        np.cumsum(spoken, out=places[1:])
        return Outlines(
            sentences,
            self.titled.values[rows],
            Lists(places, self.columns.take(rows)[1]),
            Lists(*self.terms.take(rows)),
            self.counts.take(rows)[1],
            self.lead.take(rows)[1],
            Lists(*self.figures.take(rows)),
            Lists(np.zeros(len(rows) + 1, np.int64), np.empty(0, np.int32)),
        )


class Recall:
    """Tellers by number. Not for several threads at once."""

    def __init__(self, survey: Callable[[pa.Table], Survey]) -> None:
        """Read articles with ``survey`` that are not here."""
        self._survey = survey
        self._tellers = _Tellers()
        self._rows: dict[int, int] = {}
        self._likely: dict[int, set[int]] = {}  # who probably tells the story of a teller
        self._outlets: dict[str, int] = {}
        self._told: list[int] = []  # tellers of each outlet

    def add(self, numbers: NDArray[np.int64], table: pa.Table, surveyed: Survey, rows: NDArray[np.int64]) -> None:
        """Keep the tellers in these ``rows``, ascending, of a surveyed table, under their numbers."""
        outlines = surveyed.outlines
        assert outlines is not None  # noqa: S101  (surveys for stories make them)
        first = len(self._tellers.numbers)
        times = surveyed.published.cast(pa.int64()).fill_null(NO_DATE).to_numpy()
        sources, urls = table["source"].to_pylist(), table["url"].to_pylist()
        names = [outlet_of(source, url) for source, url in zip(sources, urls, strict=True)]
        outlet = np.array([self._outlet(name) for name in names], np.int32)
        every = np.full(len(table), _NOBODY)
        every[rows] = numbers
        self._tellers.add(every, times, outlet, outlines)
        for number, row in zip(numbers.tolist(), rows.tolist(), strict=True):
            self._rows[number] = first + row
            self._count(int(outlet[row]), 1)

    def _outlet(self, name: str) -> int:
        if not name:
            return -1
        if name not in self._outlets:
            self._outlets[name] = len(self._told)
            self._told.append(0)
        return self._outlets[name]

    def _count(self, outlet: int, more: int) -> None:
        if outlet >= 0:
            self._told[outlet] += more

    def need(self, desk: Desk, numbers: NDArray[np.int64]) -> None:
        """Read the tellers again that are not here."""
        missing = np.array([number for number in numbers.tolist() if number not in self._rows], np.int64)
        if not len(missing):
            return
        table = table_of(desk, missing)
        self.add(missing, table, self._survey(table), np.arange(len(missing)))
        for number, links in zip(missing.tolist(), catalog.links_of(desk.view, missing), strict=True):
            retold = links["other"][links["relation"] == REWRITE]
            if len(retold):
                self._likely[number] = set(retold.tolist())

    def published(self, desk: Desk, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the times of articles, whether they are here or not."""
        rows = np.array([self._rows.get(number, -1) for number in numbers.tolist()], np.int64)
        here = rows >= 0
        out = np.empty(len(rows), np.int64)
        out[here] = self._tellers.published.values[rows[here]]
        if not here.all():
            out[~here] = desk.records(numbers[~here])["published"]
        return out

    def forget(self, numbers: Iterable[int]) -> None:
        """Drop tellers."""
        for number in numbers:
            row = self._rows.pop(number, None)
            self._likely.pop(number, None)
            if row is not None:
                self._count(int(self._tellers.outlet.values[row]), -1)

    def shrink(self) -> None:
        """Drop the tellers published first where there are too many, and the room of those that are gone."""
        if len(self._rows) > MOST:
            rows = np.fromiter(self._rows.values(), np.int64, len(self._rows))
            order = np.lexsort((rows, self._tellers.published.values[rows]))
            self.forget(self._tellers.numbers.values[rows[order[: len(rows) - MOST * 3 // 4]]].tolist())
        if len(self._tellers.numbers) > len(self._rows) * 5 // 4 + _BEST:
            rows = np.sort(np.fromiter(self._rows.values(), np.int64, len(self._rows)))
            self._tellers.keep(rows)
            self._rows = dict(zip(self._tellers.numbers.values.tolist(), range(len(rows)), strict=True))

    def _rows_of(self, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.array([self._rows[number] for number in numbers.tolist()], np.int64)

    def profiles(
        self, numbers: NDArray[np.int64], group: NDArray[np.int64], vocabulary: Vocabulary, background: Background
    ) -> Profiles:
        """Return what alignment reads of these tellers; they stand in order of time."""
        rows = self._rows_of(numbers)
        outlet = self._tellers.outlet.values[rows]
        told = np.array([*self._told, 0])[outlet]  # the last is that of no outlet
        outlet[told * 2 >= len(self._rows)] = -1
        made = Tellers(self._tellers.outlines(rows), self._tellers.published.values[rows], outlet, group)
        return profiles_of(made, vocabulary, background)

    def weigh(self, numbers: NDArray[np.int64], table: Profiles, found: Holders, *, keep: bool) -> NDArray[np.float32]:
        """Add new neighbours to those of these tellers, and weigh each term by its rarity among all of them.

        With ``keep`` the new neighbours stay.
        """
        rows = self._rows_of(numbers)
        places, held = self._tellers.holders.take(rows)
        held += found.terms
        neighbours = self._tellers.neighbours.values[rows] + found.neighbours
        if keep:
            self._tellers.holders.put(rows, places, held)
            self._tellers.neighbours.values[rows] = neighbours
        return alignment.local_weights(table, alignment.Holders(neighbours, held))

    def contrast(
        self,
        columns: NDArray[np.float32],
        numbers: NDArray[np.int64],
        left: NDArray[np.int64],
        right: NDArray[np.int64],
        group: NDArray[np.int64],
        *,
        keep: bool,
    ) -> NDArray[np.float32]:
        """Add to the evidence of pairs of these tellers how far each lies behind the best of either one's pairs.

        With ``keep`` the pairs are remembered.
        """
        rows = self._rows_of(numbers)
        others, close = self._tellers.others.values[rows], self._tellers.close.values[rows]
        apart = group[left] != group[right]
        value = alignment.closeness(columns).astype(np.float32)
        kernels.note_best(others, close, left[apart], right[apart], numbers, value[apart])
        if keep:
            self._tellers.others.values[rows], self._tellers.close.values[rows] = others, close
        best = alignment.no_best(len(numbers))
        known = np.where(others == _NOBODY, -np.inf, close).max(axis=1)
        best[others[:, 0] != _NOBODY] = known[others[:, 0] != _NOBODY]
        return alignment.contrast(columns, left, right, group, best)

    def remember(self, one: NDArray[np.int64], two: NDArray[np.int64], probability: NDArray[np.float64]) -> None:
        """Keep which pairs probably tell one story."""
        for left, right, value in zip(one.tolist(), two.tolist(), (probability > FLOOR).tolist(), strict=True):
            for here, there in ((left, right), (right, left)):
                if value:
                    self._likely.setdefault(here, set()).add(there)
                elif here in self._likely:
                    self._likely[here].discard(there)

    def overdue(self, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """Order tellers by the share by which their neighbours are more than when their pairs were scored."""
        rows = self._rows_of(numbers)
        share = (self._tellers.neighbours.values[rows] + 1) / (self._tellers.judged.values[rows] + 1)
        return numbers[np.lexsort((numbers, -share))]

    def note_judged(self, numbers: NDArray[np.int64]) -> None:
        """Take note that the pairs of these tellers are scored with the neighbours that they have."""
        rows = self._rows_of(numbers)
        self._tellers.judged.values[rows] = self._tellers.neighbours.values[rows]

    def likely(self, number: int) -> NDArray[np.int64]:
        """Return the articles that likely tell the story of this one, in no order."""
        found = self._likely.get(number, set())
        return np.fromiter(found, np.int64, len(found))


def table_of(desk: Desk, numbers: NDArray[np.int64]) -> pa.Table:
    """Return these articles as a corpus."""
    notes, records = desk.notes(numbers.tolist()), desk.records(numbers)
    published = pa.array(records["published"], mask=records["published"] == UNDATED)
    columns = [
        pa.array([note.id for note in notes], pa.large_string()),
        desk.texts(numbers),
        pa.array([note.title for note in notes], pa.large_string()),
        pa.array([note.source for note in notes], pa.large_string()),
        published.cast(FIELDS.field("published").type),
        pa.array([note.url for note in notes], pa.large_string()),
    ]
    return pa.table(columns, schema=FIELDS)
