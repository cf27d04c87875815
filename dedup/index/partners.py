"""Which articles may a newcomer retell? Those within the window that share salient terms with it, the likeliest.

Tellers are found by their salient terms on their day.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from dedup.alignment import NO_DATE
from dedup.index import catalog
from dedup.index.keys import TERM, Keys, mixed, only
from dedup.kernels import partners as kernels
from dedup.rewrites import SHARED

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dedup.index.desk import Desk
    from dedup.index.recall import Recall
    from dedup.index.shelf import Writer
    from dedup.vocabulary import Vocabulary

_HOUR = 3_600_000_000  # microseconds
_DAY = 24 * _HOUR
_MINUTE = 60_000_000
_LATEST = 1_000  # of the articles of a day, or without a date, that share a term: those that are looked at
_TOGETHER = 64  # newcomers whose postings are looked up at a time
_UNDATED_DAY = -(1 << 40)  # articles without a date are found under a day of their own


class Times(NamedTuple):
    """When articles were published: the ``latest`` of all, and the ``present``, around which those without a date are.

    A date that lies years ahead is the latest; the present is the middle of the last dates that came.
    """

    latest: int
    present: int


class Window(NamedTuple):
    """How many ``partners`` are looked for, and when."""

    hours: float
    partners: int
    times: Times


def _salient(desk: Desk, vocabulary: Vocabulary, tellers: NDArray[np.int64]) -> Keys:
    """Return the salient terms of some newcomers, hashed."""
    outlines = desk.newcomers.surveyed.outlines
    assert outlines is not None  # noqa: S101  (surveys for stories make them)
    return only(Keys(vocabulary.terms[outlines.salient.values], outlines.salient.places), tellers)


def _dated(terms: NDArray[np.uint64], days: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Return keys of terms on days."""
    return mixed(terms ^ mixed(days.astype(np.uint64)))


def _days(published: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.where(published == NO_DATE, _UNDATED_DAY, published // _DAY)


def post(writer: Writer, desk: Desk, tellers: NDArray[np.int64], vocabulary: Vocabulary) -> None:
    """Enter the salient terms of the newcomers ``tellers``, counted from 0, under the day of each."""
    new = desk.newcomers
    keys = _salient(desk, vocabulary, tellers)
    published = new.records["published"][tellers]
    late = np.where(published == NO_DATE, new.numbers[tellers], published // _MINUTE)  # the latest are found first
    weights = np.clip(late, 0, (1 << 32) - 1).astype(np.uint32)
    values = _dated(keys.values, _days(published)[keys.owners])
    parts = new.records["part"][tellers]
    writer.post(new.numbers[tellers], parts, {TERM: (values, keys.places, weights[keys.owners])})


def partners(
    desk: Desk, tellers: NDArray[np.int64], vocabulary: Vocabulary, window: Window, recall: Recall
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pair the newcomers ``tellers``, counted from 0, with what each may retell: (newcomer, other), by number."""
    numbers, published = desk.newcomers.numbers[tellers], desk.newcomers.records["published"][tellers]
    keys = _salient(desk, vocabulary, tellers)
    days = _days_around(published, window)
    found = [
        _sharing(desk, only(keys, some), days[some], numbers[some], some)
        for some in np.split(np.arange(len(tellers)), range(_TOGETHER, len(tellers), _TOGETHER))
    ]
    teller, other, shared = (np.concatenate(column) for column in zip(*found, strict=True))
    times = recall.published(desk, other)
    apart = np.where((times == NO_DATE) | (published[teller] == NO_DATE), 0, np.abs(times - published[teller]))
    near = apart <= int(window.hours * _HOUR)
    teller, other, shared, apart = teller[near], other[near], shared[near], apart[near]
    order = np.lexsort((other, apart, -shared, teller))
    teller, other = teller[order], other[order]
    kept = np.arange(len(teller)) - np.searchsorted(teller, teller) < window.partners
    return numbers[teller[kept]], other[kept]


def _days_around(published: NDArray[np.int64], window: Window) -> NDArray[np.int64]:
    """Return the days on which each may find partners, a row each; in the place of one that has no article the last."""
    around = np.where(published == NO_DATE, window.times.present, published)
    reach = -(-int(window.hours * _HOUR) // _DAY)
    days = _days(around)[:, None] + np.arange(-reach, reach + 1)
    last = max(window.times.latest, int(published.max(initial=NO_DATE)))
    days = np.where((around == NO_DATE)[:, None] | (days > last // _DAY), _UNDATED_DAY, days)
    return np.column_stack([days, np.full(len(days), _UNDATED_DAY)])


def _sharing(
    desk: Desk, keys: Keys, days: NDArray[np.int64], numbers: NDArray[np.int64], tellers: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Find the earlier articles that share enough terms with some newcomers on the days of each."""
    wanted = days != _UNDATED_DAY
    wanted[:, -1] = True
    owner, day = np.nonzero(wanted[keys.owners])
    at = days[keys.owners[owner], day]
    months = catalog.part_of(np.where(at == _UNDATED_DAY, NO_DATE, at * _DAY))
    found = desk.view.postings(TERM, _dated(keys.values[owner], at), _LATEST, months)
    out = tuple(np.empty(len(found.number) // SHARED + 1, np.int64) for _ in range(3))
    asker = keys.owners[owner][found.query]
    count = kernels.sharing(asker, found.number, numbers, SHARED, *out)
    return tellers[out[0][:count]], out[1][:count], out[2][:count]
