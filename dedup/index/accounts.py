"""The ledgers of newcomers, beside the likeliest sources in their stories."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dedup import tables
from dedup.comparison import Ledger, Span
from dedup.index.recall import table_of
from dedup.roles import ROLES
from dedup.sketch import Recipe, empty
from dedup.store import Held, TextStore
from dedup.survey import Survey
from dedup.work import Column

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from dedup.background import Background
    from dedup.index.desk import Desk
    from dedup.workers import Workers

SOURCES = 16  # members of a story, the likeliest, that a newcomer's ledger is made against


class Account(NamedTuple):
    """What is known of a newcomer beside its story: ledger, origin and role, None where that is not known."""

    ledger: Ledger | None
    origin_id: str | None
    role: str | None


UNTOLD = Account(None, None, None)


def alone(words: int, boilerplate: int) -> Account:
    """Account for an article that has no story: what is not boilerplate is its own."""
    whole = max(1, words)
    return Account(Ledger(words, boilerplate / whole, 0.0, 0.0, 1 - boilerplate / whole, ()), None, None)


def sources(story: int, matched: Iterable[int], members: Sequence[int], own: Sequence[int]) -> NDArray[np.int64]:
    """Return the articles ``own`` of a story and the members that they most likely come from, as many as are looked at.

    Members that came later than the first of ``own`` are among them.
    """
    if len(members) <= SOURCES + len(own):
        return np.array(sorted(members), np.int64)
    inside, first = set(members), min(own)
    wanted = dict.fromkeys([story, *matched, *members])
    chosen = [number for number in wanted if number in inside and number < first][:SOURCES]
    return np.array(sorted({*chosen, *own}), np.int64)


class Means(NamedTuple):
    """What ledgers are made with; without a ``background`` nothing counts as reworded."""

    background: Background | None
    shingle: int
    recipe: Recipe
    workers: Workers


def accounts(
    desk: Desk, wanted: NDArray[np.int64], stories: Sequence[NDArray[np.int64]], means: Means
) -> dict[int, Account]:
    """Account for the articles ``wanted`` in some stories, each given as the members that are looked at."""
    if not stories:
        return {}
    numbers = np.unique(np.concatenate(stories))
    rows = {number: row for row, number in enumerate(numbers.tolist())}
    table = table_of(desk, numbers)
    records = desk.records(numbers)
    ids, published = table["id"].combine_chunks(), table["published"].combine_chunks()
    surveyed = Survey(
        ids,
        published,
        records["words"].astype(np.int32),
        desk.boilerplate(numbers),
        empty(len(numbers), means.recipe),
        np.full(len(numbers), -1, np.int32),
        None,
    )
    first = np.arange(len(numbers))
    for members in stories:
        within = np.array([rows[number] for number in members.tolist()])
        first[within] = within.min()
    found = tables.stories(surveyed, first)
    asked, texts = np.isin(numbers, wanted), table["text"].combine_chunks()
    held = Held(texts.nbytes)
    held.offer(0, texts)
    with TextStore(len(numbers), data=Column(np.uint8), held=held) as store:
        names = table.select(["title", "source", "url"])
        made = tables.account(surveyed, names, found, store, means.background, means.shingle, means.workers, asked)
    return _told(numbers, asked, surveyed, made)


def _told(
    numbers: NDArray[np.int64], wanted: NDArray[np.bool_], surveyed: Survey, made: tables.Accounts
) -> dict[int, Account]:
    rows = np.flatnonzero(wanted)
    ids = surveyed.ids.to_pylist()
    spans: dict[str, list[Span]] = {}
    for span in made.spans.filter(pc.is_in(made.spans["id"], value_set=surveyed.ids.take(pa.array(rows)))).to_pylist():
        spans.setdefault(span.pop("id"), []).append(Span(**span))
    runs = surveyed.boilerplate
    house = np.diff(np.concatenate([[0], np.cumsum(runs.ends - runs.starts)])[runs.places])
    counts = (surveyed.words, house, made.copied, made.reworded, made.origin, made.role)
    out = {}
    for row, *counted in zip(rows.tolist(), *(column[rows].tolist() for column in counts), strict=True):
        words, boilerplate, copied, reworded, origin, role = counted
        whole = max(1, words)
        own = whole - boilerplate - copied - reworded
        listed = tuple(spans.get(ids[row], ()))
        ledger = Ledger(words, boilerplate / whole, copied / whole, reworded / whole, own / whole, listed)
        out[int(numbers[row])] = Account(
            ledger, ids[origin] if origin >= 0 else None, ROLES[role] if role >= 0 else None
        )
    return out
