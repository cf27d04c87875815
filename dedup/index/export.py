"""The index as a result of `find`: the same tables, from what was decided."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dedup import tables
from dedup.article import ARTICLES, REWRITE, TIMESTAMP
from dedup.cluster import copy_groups
from dedup.index import catalog
from dedup.index.catalog import NONE
from dedup.index.kept import places_of
from dedup.kernels.runs import UNDATED
from dedup.overlap import Matches, Overlap, merge
from dedup.result import Result
from dedup.rewrites import Rewrites
from dedup.sketch import empty
from dedup.store import TextStore
from dedup.stories import Stories
from dedup.survey import Ranking, Runs, Survey, rank

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dedup.background import Background
    from dedup.index.shelf import View
    from dedup.settings import Settings
    from dedup.sketch import Recipe
    from dedup.workers import Workers

_CHUNK = 8192  # texts that are read at a time


def export(view: View, settings: Settings, recipe: Recipe, background: Background, workers: Workers) -> Result:
    """Return the articles of the index, in order of arrival, as :func:`dedup.find` would tell of them."""
    numbers = np.sort([int.from_bytes(raw, "little") for _, raw in view.scan("ids")]).astype(np.int64)
    records = catalog.records(view, numbers)
    surveyed, about = _survey(view, numbers, records, recipe)
    ranking = rank(surveyed.sketches, settings.shingle)
    links = catalog.links_of(view, numbers)
    matches = _matches(numbers, links, ranking)
    groups = tables.members(surveyed, ranking, copy_groups(matches, len(ranking)))
    told = _told(surveyed, numbers, records, links, groups) if settings.stories else None
    found = tables.stories(surveyed, groups.first_rows(len(numbers)) if told is None else told.first)
    with TextStore(len(numbers)) as store:
        wanted = np.sort(found.rows)
        for start in range(0, len(wanted), _CHUNK):
            rows = wanted[start : start + _CHUNK]
            store.add(rows, view.texts(places_of(records[rows])))
        rarity = background if settings.stories else None
        accounts = tables.account(surveyed, about, found, store, rarity, settings.shingle, workers)
    return Result(
        tables.article_table(surveyed, about, groups, matches, told, accounts),
        tables.match_table(surveyed.ids, groups, matches, told),
        accounts.spans,
        settings.recorded(),
        _counters(surveyed, about, settings, accounts.capped),
    )


def _survey(
    view: View, numbers: NDArray[np.int64], records: NDArray[np.void], recipe: Recipe
) -> tuple[Survey, pa.Table]:
    notes = catalog.notes(view, numbers.tolist())
    published = pa.array(records["published"], mask=records["published"] == UNDATED)
    sketches = empty(len(numbers), recipe)
    sketches.tokens[:], sketches.fingerprints[:] = records["tokens"], records["fingerprint"]
    runs = catalog.runs_of(view, numbers)
    none = np.empty(0, np.int32)
    places = np.concatenate([[0], np.cumsum([len(of_one) for of_one in runs])]).astype(np.int64)
    boilerplate = Runs(
        places,
        np.concatenate([none, *(of_one["start"] for of_one in runs)]),
        np.concatenate([none, *(of_one["end"] for of_one in runs)]),
    )
    ids = pa.array([note.id for note in notes], pa.large_string())
    nowhere = np.full(len(numbers), -1, np.int32)
    words = records["words"].astype(np.int32)
    surveyed = Survey(ids, published.cast(TIMESTAMP), words, boilerplate, sketches, nowhere, None)
    fields = [ARTICLES.field(name) for name in ("title", "source", "url")]
    columns = [pa.array([getattr(note, field.name) for note in notes], field.type) for field in fields]
    return surveyed, pa.table(columns, schema=pa.schema(fields))


def _matches(numbers: NDArray[np.int64], links: list[NDArray[np.void]], ranking: Ranking) -> Matches:
    """Return the copies between distinct texts that are still there, by rank."""
    of_row = np.full(len(numbers), NONE)
    of_row[ranking.rows] = ranking.ranks
    sizes = [len(of_one) for of_one in links]
    own = np.repeat(np.arange(len(numbers)), sizes)
    every = np.concatenate([np.empty(0, catalog.LINK), *links])
    row = np.minimum(np.searchsorted(numbers, every["other"]), max(0, len(numbers) - 1))
    there = (every["relation"] != REWRITE) & (numbers[row] == every["other"] if len(numbers) else False)
    one, two, kept = of_row[own[there]], of_row[row[there]], every[there]
    valid = (one != NONE) & (two != NONE) & (one != two)
    one, two, kept = one[valid], two[valid], kept[valid]
    longer_own = one < two
    exact = Overlap(
        kept["shared"].astype(np.int64),
        np.where(longer_own, kept["own"], kept["others"]).astype(np.int64),
        np.where(longer_own, kept["others"], kept["own"]).astype(np.int64),
    )
    return merge([Matches(np.minimum(one, two), np.maximum(one, two), kept["relation"].copy(), exact)])


def _told(
    surveyed: Survey,
    numbers: NDArray[np.int64],
    records: NDArray[np.void],
    links: list[NDArray[np.void]],
    groups: tables.Members,
) -> tables.Told:
    """Return the stories as they were decided."""
    rows = np.flatnonzero(records["teller"])
    rows = rows[tables.by_time(surveyed, rows, np.zeros(len(rows), np.int64))]
    place = dict(zip(numbers[rows].tolist(), range(len(rows)), strict=True))
    pairs = [
        (min(here, place[other]), max(here, place[other]), probability)
        for row, here in zip(rows.tolist(), range(len(rows)), strict=True)
        for other, relation, probability in links[row][["other", "relation", "probability"]].tolist()
        if relation == REWRITE and other in place
    ]
    pairs.sort()
    left, right = (np.array([pair[side] for pair in pairs], np.int64) for side in (0, 1))
    probability = np.array([pair[2] for pair in pairs], np.float64)
    _, first, story = np.unique(records["story"][rows], return_index=True, return_inverse=True)
    nothing = np.full(len(rows), np.nan)
    made = Stories(first[story].astype(np.int64), np.full(len(rows), -1), nothing, nothing)
    return tables.told(surveyed, rows, groups.first_rows(len(numbers)), Rewrites(left, right, probability, made, 0))


def _counters(surveyed: Survey, about: pa.Table, settings: Settings, capped: int) -> dict[str, int]:
    tokens = surveyed.sketches.tokens
    return {
        "candidates": 0,
        "capped_lists": 0,
        "capped_articles": 0,
        "capped_partners": 0,
        "capped_sources": capped,
        "empty": int((surveyed.words == 0).sum()),
        "short": int(((surveyed.words > 0) & (tokens < settings.shingle)).sum()),
        "skipped_files": 0,
        **{f"no_{name}": about[name].null_count for name in ("title", "source")},
        "no_published": pc.sum(surveyed.published.is_null()).as_py() or 0,
    }
