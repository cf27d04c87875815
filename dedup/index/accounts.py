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
from dedup.store import TextStore
from dedup.survey import Survey

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from dedup.background import Background
    from dedup.index.desk import Desk
    from dedup.workers import Workers

SOURCES = 16  # members of a story, the likeliest, that a newcomer's ledger is made against


class Account(NamedTuple):
    """What is known of a newcomer beside its story: ledger, origin and role, None where that is not known."""

    ledger: Ledger
    origin_id: str | None
    role: str | None


def alone(words: int, boilerplate: int) -> Account:
    """Account for an article that has no story: what is not boilerplate is its own."""
    whole = max(1, words)
    return Account(Ledger(words, boilerplate / whole, 0.0, 0.0, 1 - boilerplate / whole, ()), None, None)


def accounts(
    desk: Desk,
    stories: Sequence[NDArray[np.int64]],
    background: Background | None,
    size: int,
    recipe: Recipe,
    workers: Workers,
) -> dict[int, Account]:
    """Account for the newcomers in some stories, each given as the members that are looked at."""
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
        empty(len(numbers), recipe),
        np.full(len(numbers), -1, np.int32),
        None,
    )
    first = np.arange(len(numbers))
    for members in stories:
        within = np.array([rows[number] for number in members.tolist()])
        first[within] = within.min()
    found = tables.stories(surveyed, first)
    with TextStore(len(numbers)) as store:
        store.add(np.arange(len(numbers)), table["text"].combine_chunks())
        store.seal()
        made = tables.account(
            surveyed, table.select(["title", "source", "url"]), found, store, background, size, workers
        )
    return _told(desk, numbers, surveyed, made)


def _told(desk: Desk, numbers: NDArray[np.int64], surveyed: Survey, made: tables.Accounts) -> dict[int, Account]:
    new = np.flatnonzero(numbers >= desk.newcomers.first)
    chosen = pc.is_in(made.spans["id"], value_set=surveyed.ids.take(pa.array(new)))
    spans: dict[str, list[Span]] = {}
    for span in made.spans.filter(chosen).to_pylist():
        spans.setdefault(span.pop("id"), []).append(Span(**span))
    house = np.diff(
        np.concatenate([[0], np.cumsum(surveyed.boilerplate.ends - surveyed.boilerplate.starts)])[
            surveyed.boilerplate.places
        ]
    )
    out = {}
    for row in new.tolist():
        words, copied, reworded = int(surveyed.words[row]), int(made.copied[row]), int(made.reworded[row])
        whole = max(1, words)
        own = max(1, words) - int(house[row]) - copied - reworded
        listed = tuple(spans.get(surveyed.ids[row].as_py(), ()))
        ledger = Ledger(words, int(house[row]) / whole, copied / whole, reworded / whole, own / whole, listed)
        origin = int(made.origin[row])
        out[int(numbers[row])] = Account(
            ledger,
            surveyed.ids[origin].as_py() if origin >= 0 else None,
            ROLES[made.role[row]] if made.role[row] >= 0 else None,
        )
    return out
