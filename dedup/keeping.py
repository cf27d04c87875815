"""A corpus without its copies: one article of each copy group, or of each story, is kept, all others are dropped.

Which one is kept, by ``prefer``; what comes further down decides where the line above leaves several:

========== ==========================================================================================
prefer     kept is
========== ==========================================================================================
first      the earliest published; an undated article only where all are undated
longest    the one of most words that are not boilerplate, then as `first`
origin     the one that the story most likely came from, where it is a member; else as `first`
source     an article of the first outlet of the list that has one, then as `first`
========== ==========================================================================================

Of the same time, the one whose id sorts first is kept. So `first` keeps the articles whose copy_id, or story_id, is
their own id.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from dedup.article import RELATIONS
from dedup.errors import CorpusError, OutputError
from dedup.formats.rowgroups import RowGroups
from dedup.workers import Progress, silent

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from dedup.corpus import Corpus
    from dedup.result import Result

FIRST, LONGEST, ORIGIN, SOURCE = PREFERENCES = ("first", "longest", "origin", "source")
COPY, STORY = GROUPS = ("copy", "story")
_IDENTICAL = "identical"
_NAMED = 8  # outlets, or ids, in a message

# One row a dropped article. `relation` is that of the verified match between the two, null where others lie between
# them; `reason` is what the kept one was preferred for.
DROPPED = pa.schema(
    [
        pa.field("id", pa.large_string(), nullable=False),
        pa.field("kept_id", pa.large_string(), nullable=False),
        pa.field("relation", pa.dictionary(pa.int8(), pa.string())),
        pa.field("reason", pa.dictionary(pa.int8(), pa.string()), nullable=False),
    ]
)


@dataclass(frozen=True)
class Choice:
    """Which articles of a result are kept: ``keeps`` a row an article, ``dropped`` a table (:data:`DROPPED`).

    ``groups`` are those of two and more that were thinned out.
    """

    ids: pa.LargeStringArray
    keeps: NDArray[np.bool_]
    dropped: pa.Table
    groups: int

    @property
    def kept(self) -> int:
        """Return how many articles are kept."""
        return int(self.keeps.sum())


class _Criterion(NamedTuple):
    """What decides between the members of a group: the lowest value wins; ``reason`` is said of the others."""

    reason: str
    values: NDArray[np.int64]


def choose(result: Result, *, per: str = COPY, prefer: str = FIRST, sources: Sequence[str] = ()) -> Choice:
    """Choose one article of each group, a copy group or a story.

    ``sources`` are the outlets for ``prefer="source"``, the most wanted first. Raises OutputError where the result has
    no stories, CorpusError where it has no article of any of ``sources``.
    """
    if per == STORY and not result.settings.get("stories", True):
        raise OutputError("the result has no stories; make it without --no-stories, or keep one of each copy group")
    articles = result.articles
    ids = articles["id"].combine_chunks().cast(pa.large_string())
    group = np.asarray(_row_of(articles[f"{per}_id"], ids))
    criteria = [*_preferred(result, ids, prefer, sources), *_first(articles, ids)]
    order = np.lexsort([*(one.values for one in reversed(criteria)), group])
    winner = np.empty(len(ids), np.int64)
    starts = np.flatnonzero(np.diff(group[order], prepend=-1))
    winner[group[order[starts]]] = order[starts]
    kept_of = winner[group]  # the row that is kept in the group of each row
    keeps = kept_of == np.arange(len(ids))
    rows = np.flatnonzero(~keeps)
    dropped = _dropped(result, ids, rows, kept_of[rows], criteria)
    return Choice(ids, keeps, dropped, len(np.unique(kept_of[rows])))


def _row_of(names: pa.ChunkedArray, ids: pa.LargeStringArray) -> pa.Array:
    return pc.index_in(names.combine_chunks(), value_set=ids).cast(pa.int64())


def _first(articles: pa.Table, ids: pa.LargeStringArray) -> list[_Criterion]:
    published = articles["published"].combine_chunks()
    times = np.asarray(pc.fill_null(published.cast(pa.int64()), 0))
    rank = np.empty(len(ids), np.int64)
    rank[np.asarray(pc.sort_indices(ids))] = np.arange(len(ids))
    undated = np.asarray(published.is_null()).astype(np.int64)
    return [
        _Criterion("no time of publication", undated),
        _Criterion("published later", times),
        _Criterion("same time, its id sorts later", rank),
    ]


def _preferred(result: Result, ids: pa.LargeStringArray, prefer: str, sources: Sequence[str]) -> list[_Criterion]:
    articles = result.articles
    if prefer == LONGEST:
        words = np.asarray(articles["words"], np.int64)
        own = words - np.rint(words * np.asarray(articles["boilerplate"])).astype(np.int64)
        return [_Criterion("shorter", -own)]
    if prefer == ORIGIN:
        is_origin = pc.fill_null(pc.equal(ids, articles["origin_id"].combine_chunks()), fill_value=False)
        return [_Criterion("not the origin", ~np.asarray(is_origin) * np.int64(1))]
    if prefer == SOURCE:
        return [_Criterion("outlet less wanted", _places(articles["source"], sources))]
    return []


def _places(outlets: pa.ChunkedArray, wanted: Sequence[str]) -> NDArray[np.int64]:
    """Return the place of each outlet in the list of those that are wanted, the rest behind them."""
    places = pc.index_in(outlets.combine_chunks(), value_set=pa.array(wanted, outlets.type))
    if len(outlets) and places.null_count == len(places):
        there = sorted(outlets.drop_null().unique().to_pylist())
        more = f" and {len(there) - _NAMED} more" if len(there) > _NAMED else ""
        listed = ", ".join(map(repr, there[:_NAMED])) + more if there else "none"
        asked = " or ".join(map(repr, wanted))
        raise CorpusError(f"no article is of the outlet {asked}; the outlets of the result are: {listed}")
    return np.asarray(pc.fill_null(places, len(wanted)), np.int64)


def _dropped(
    result: Result,
    ids: pa.LargeStringArray,
    rows: NDArray[np.int64],
    kept: NDArray[np.int64],
    criteria: Sequence[_Criterion],
) -> pa.Table:
    reason = np.full(len(rows), len(criteria) - 1, np.int8)
    for number, criterion in reversed(list(enumerate(criteria))):
        reason[criterion.values[rows] != criterion.values[kept]] = number
    named = pa.DictionaryArray.from_arrays(pa.array(reason), pa.array([one.reason for one in criteria]))
    relation = _relations(result, ids, rows, kept)
    return pa.table([ids.take(pa.array(rows)), ids.take(pa.array(kept)), relation, named], schema=DROPPED)


def _relations(
    result: Result, ids: pa.LargeStringArray, rows: NDArray[np.int64], kept: NDArray[np.int64]
) -> pa.DictionaryArray:
    """Return the relation of each pair, null without a match. What is true of a text is true of its identical twins."""
    matches = result.matches
    left, right = (np.asarray(_row_of(matches[side], ids)) for side in ("left", "right"))
    relation = np.asarray(pc.index_in(matches["relation"].cast(pa.string()), value_set=pa.array(RELATIONS)))
    text = np.arange(len(ids))
    twins = relation == RELATIONS.index(_IDENTICAL)
    text[right[twins]] = left[twins]
    known = _pair(text[left], text[right], len(ids))
    order = np.lexsort([relation, known])
    asked = _pair(text[rows], text[kept], len(ids))
    at = order[np.minimum(np.searchsorted(known, asked, sorter=order), len(known) - 1)] if len(known) else asked * 0
    found = known[at] == asked if len(known) else np.zeros(len(rows), np.bool_)
    same = text[rows] == text[kept]
    codes = np.where(same, RELATIONS.index(_IDENTICAL), relation[at] if len(known) else 0).astype(np.int8)
    return pa.DictionaryArray.from_arrays(pa.array(codes, mask=~(found | same)), pa.array(RELATIONS))


def _pair(one: NDArray[np.int64], other: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    return np.minimum(one, other) * count + np.maximum(one, other)


# The corpus without what is dropped -------------------------------------------------------------------------------


def write_kept(corpus: Corpus, choice: Choice, target: Path, *, work: Path, progress: Progress = silent) -> None:
    """Write the rows of ``corpus`` that ``choice`` keeps to ``work``, for ``target``, with all columns as they are.

    The ids of the result and of the corpus must be the same; their order need not. What was written is read again:
    its ids, and those dropped, are all that there are. Raises CorpusError or OutputError where that is not so.
    """
    keeps = _rows_kept(corpus, choice)
    schema = _schema(corpus)
    with RowGroups(work, schema, target) as writer:
        row = 0
        for piece in corpus.pieces:
            for batch in piece.batches(None):
                mask = keeps[row : row + batch.num_rows]
                writer.add(_as(pa.Table.from_batches([batch.filter(pa.array(mask))]), schema))
                row += batch.num_rows
            progress("keep", row, len(corpus))
    _verify(work, corpus.names["id"], choice, target)


def _rows_kept(corpus: Corpus, choice: Choice) -> NDArray[np.bool_]:
    parts = [batch["id"] for piece in range(len(corpus.pieces)) for _, batch in corpus.read(piece, ("id",))]
    ids = pa.chunked_array(parts, pa.large_string())
    if len(ids) == len(choice.ids) and ids.combine_chunks().equals(choice.ids):
        return choice.keeps
    at = pc.index_in(ids, value_set=choice.ids)
    new = ids.filter(at.is_null())
    lost = choice.ids.filter(pc.invert(pc.is_in(choice.ids, value_set=ids.combine_chunks())))
    if len(new) or len(lost) or len(ids) != len(choice.ids):
        raise CorpusError(f"{corpus.source}: changed since the result was made: {_change(new, lost, ids)}")
    return np.asarray(choice.keeps[np.asarray(at)], np.bool_)


def _change(new: pa.ChunkedArray, lost: pa.Array, ids: pa.ChunkedArray) -> str:
    parts = [f"{_ids(len(one))} {what} ({_named(one)})" for one, what in ((new, "more"), (lost, "less")) if len(one)]
    parts = parts or [f"{_ids(len(ids) - len(ids.unique()))} twice"]
    return f"{' and '.join(parts)}; run `dedup find` again"


def _ids(count: int) -> str:
    return f"{count:,} id{'' if count == 1 else 's'}"


def _named(ids: pa.ChunkedArray | pa.Array) -> str:
    return f"{ids[0].as_py()!r}{', ...' if len(ids) > 1 else ''}"


def _schema(corpus: Corpus) -> pa.Schema:
    """Return one schema for all files of a corpus: all columns of any, of a type that holds both where they differ."""
    schemas = {piece.place(): piece.schema() for piece in corpus.pieces}
    united = next(iter(schemas.values()))
    for place, schema in schemas.items():
        try:
            united = pa.unify_schemas([united, schema], promote_options="permissive")
        except pa.ArrowException as error:
            reason = str(error).splitlines()[0]
            raise CorpusError(f"{place}: its columns are not those of the files before it ({reason})") from error
    return united


def _as(table: pa.Table, schema: pa.Schema) -> pa.Table:
    if table.schema.equals(schema):
        return table
    if table.column_names == schema.names:
        return table.cast(schema)
    there = set(table.column_names)
    columns = [
        table[field.name].cast(field.type) if field.name in there else pa.nulls(table.num_rows, field.type)
        for field in schema
    ]
    return pa.table(columns, schema=schema)


def _verify(file: Path, name: str, choice: Choice, target: Path) -> None:
    """Raise OutputError where the file and what was dropped are not all articles, each once."""
    with pq.ParquetFile(file) as kept:
        written = kept.read(columns=[name])[name].cast(pa.large_string()).combine_chunks()
    expected = choice.ids.filter(pa.array(choice.keeps))
    same = len(written) == len(expected) and pc.all(pc.is_in(expected, value_set=written), min_count=0).as_py()
    if not same or choice.kept + len(choice.dropped) != len(choice.ids):
        raise OutputError(f"{target}: what was written is not what was kept; nothing was changed there")


def write_dropped(choice: Choice, file: Path, target: Path) -> None:
    """Write what was dropped, and for which article, to ``file``, for ``target``."""
    with RowGroups(file, DROPPED, target) as writer:
        writer.add(choice.dropped)


__all__ = ["DROPPED", "GROUPS", "PREFERENCES", "Choice", "choose", "write_dropped", "write_kept"]
