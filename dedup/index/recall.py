"""What alignment needs of the articles in the window, kept in memory, and read again from the texts when it is not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from dedup import alignment, profiles
from dedup.article import FIELDS, REWRITE
from dedup.boilerplate import outlet_of
from dedup.index import catalog
from dedup.kernels.alignment import NO_DATE
from dedup.kernels.runs import UNDATED
from dedup.rewrites import Tellers, profiles_of
from dedup.stories import FLOOR

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    from dedup.alignment import Holders, Profiles
    from dedup.background import Background
    from dedup.index.desk import Desk
    from dedup.profiles import Outlines
    from dedup.survey import Survey
    from dedup.vocabulary import Vocabulary

MOST = 50_000  # tellers that are kept; about 3 KB each


@dataclass
class Recalled:
    """One teller: its outline, and what its pairs so far say.

    ``neighbours`` and ``holders`` are as in alignment.Holders; ``close`` is how close each other one is, ``likely`` the
    probability of one story where that counts.
    """

    outline: Outlines
    published: int
    outlet: int
    neighbours: int
    holders: NDArray[np.int32]
    close: dict[int, float]
    likely: dict[int, float]


class Recall:
    """Tellers by number. Not for several threads at once."""

    def __init__(self, survey: Callable[[pa.Table], Survey]) -> None:
        """Read articles with ``survey`` that are not here."""
        self._survey = survey
        self._tellers: dict[int, Recalled] = {}
        self._outlets: dict[str, int] = {}

    def add(self, numbers: NDArray[np.int64], table: pa.Table, surveyed: Survey, rows: NDArray[np.int64]) -> None:
        """Keep the tellers in these ``rows`` of a surveyed table, under their numbers."""
        outlines = surveyed.outlines
        assert outlines is not None  # noqa: S101  (surveys for stories make them)
        times = surveyed.published.cast(pa.int64()).fill_null(NO_DATE).to_numpy()
        sources, urls = table["source"].to_pylist(), table["url"].to_pylist()
        for number, row in zip(numbers.tolist(), rows.tolist(), strict=True):
            outline = profiles.select(outlines, np.array([row]))
            name = outlet_of(sources[row], urls[row])
            outlet = self._outlets.setdefault(name, len(self._outlets)) if name else -1
            held = np.zeros(len(outline.terms.values), np.int32)
            self._tellers[number] = Recalled(outline, int(times[row]), outlet, 0, held, {}, {})

    def need(self, desk: Desk, numbers: NDArray[np.int64]) -> None:
        """Read the tellers again that are not here."""
        missing = np.array([number for number in numbers.tolist() if number not in self._tellers], np.int64)
        if not len(missing):
            return
        table = table_of(desk, missing)
        self.add(missing, table, self._survey(table), np.arange(len(missing)))
        for number, links in zip(missing.tolist(), catalog.links_of(desk.view, missing), strict=True):
            retold = links[links["relation"] == REWRITE]
            self._tellers[number].likely |= zip(retold["other"].tolist(), retold["probability"].tolist(), strict=True)

    def forget(self, numbers: Iterable[int]) -> None:
        """Drop tellers."""
        for number in numbers:
            self._tellers.pop(number, None)

    def shrink(self) -> None:
        """Drop the tellers published first where there are too many."""
        if len(self._tellers) > MOST:
            ordered = sorted(self._tellers, key=lambda number: self._tellers[number].published)
            self.forget(ordered[: len(ordered) - MOST * 3 // 4])

    def profiles(
        self, numbers: NDArray[np.int64], group: NDArray[np.int64], vocabulary: Vocabulary, background: Background
    ) -> Profiles:
        """Return what alignment reads of these tellers; they stand in order of time."""
        told = [self._tellers[number] for number in numbers.tolist()]
        counts = np.bincount([each.outlet for each in self._tellers.values() if each.outlet >= 0], minlength=1)
        outlet = np.array([each.outlet for each in told], np.int32)
        outlet[(outlet >= 0) & (counts[outlet] * 2 >= len(self._tellers))] = -1
        published = np.array([each.published for each in told], np.int64)
        return profiles_of(
            Tellers(profiles.join([each.outline for each in told]), published, outlet, group), vocabulary, background
        )

    def weigh(self, numbers: NDArray[np.int64], table: Profiles, found: Holders, *, keep: bool) -> NDArray[np.float32]:
        """Add new neighbours to those of these tellers, and weigh each term by its rarity among all of them.

        With ``keep`` the new neighbours stay.
        """
        told = [self._tellers[number] for number in numbers.tolist()]
        held = np.concatenate([each.holders for each in told]) + found.terms
        neighbours = np.array([each.neighbours for each in told], np.int64) + found.neighbours
        for place, each in enumerate(told if keep else ()):
            each.holders = held[table.article_places[place] : table.article_places[place + 1]]
            each.neighbours = int(neighbours[place])
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
        best = alignment.no_best(len(numbers))
        close = [dict(self._tellers[number].close) for number in numbers.tolist()]
        apart = np.flatnonzero(group[left] != group[right])
        value = alignment.closeness(columns)
        for pair in apart.tolist():
            one, two = int(left[pair]), int(right[pair])
            close[one][int(numbers[two])] = close[two][int(numbers[one])] = float(value[pair])
        for place, known in enumerate(close):
            best[place] = max(known.values(), default=best[place])
            if keep:
                self._tellers[int(numbers[place])].close = known
        return alignment.contrast(columns, left, right, group, best)

    def remember(self, one: NDArray[np.int64], two: NDArray[np.int64], probability: NDArray[np.float64]) -> None:
        """Keep how likely pairs tell one story, where that counts."""
        for left, right, value in zip(one.tolist(), two.tolist(), probability.tolist(), strict=True):
            for here, there in ((left, right), (right, left)):
                self._tellers[here].likely.pop(there, None)
                if value > FLOOR:
                    self._tellers[here].likely[there] = value

    def likely(self, number: int) -> list[int]:
        """Return the articles that likely tell the story of this one."""
        return sorted(self._tellers[number].likely)


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
