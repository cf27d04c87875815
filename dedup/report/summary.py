"""What a report tells, drawn from a result: totals, the largest copy groups, their members.

Vectorised over the articles. Python objects are made for the groups and members that are shown, and for no others.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dedup.errors import OutputError
from dedup.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from dedup.result import Result

_NAMED = 3  # examples in a message
_TIMESTAMP = pa.timestamp("us")
_EARLIEST, _LATEST = (pa.scalar(bound, _TIMESTAMP) for bound in (datetime.min, datetime.max))  # noqa: DTZ901


@dataclass(frozen=True)
class Totals:
    """Counts over the whole corpus. ``copied`` is the share of all words, 0..1; ``first`` and ``last`` are in UTC."""

    articles: int
    outlets: int
    distinct_texts: int
    copy_groups: int
    grouped_articles: int
    words: int
    copied_words: int
    copied: float
    first: datetime | None
    last: datetime | None


@dataclass(frozen=True)
class Member:
    """An article of a copy group: one row of ``articles.parquet``."""

    id: str
    title: str | None
    source: str | None
    published: datetime | None
    url: str | None
    relation: str | None
    witness_id: str | None
    score: float | None
    words: int
    copied: float
    unique: float


@dataclass(frozen=True)
class Group:
    """A copy group. ``size`` counts all its articles; ``members`` are the first published of them, undated ones last.

    ``copied`` is the share of the words of all its articles, 0..1.
    """

    copy_id: str
    size: int
    outlets: int
    words: int
    copied: float
    first: datetime | None
    last: datetime | None
    members: tuple[Member, ...]

    @property
    def title(self) -> str | None:
        """Return the title of the member that was published first and has one."""
        return next((member.title for member in self.members if member.title), None)


@dataclass(frozen=True)
class Summary:
    """The totals and the largest copy groups; of equal ones, those with more copied words come first."""

    totals: Totals
    groups: tuple[Group, ...]


@dataclass(frozen=True)
class Shared:
    """What the spans say an article shares with one other member.

    Spans hold characters: ``words`` is the article's copied words divided in proportion to them.
    """

    other_id: str
    words: int
    characters: int
    passages: int
    longest: int


@dataclass(frozen=True)
class Detail:
    """One copy group with all its members, and for each, by id, what it shares with whom, the most first."""

    group: Group
    shared: Mapping[str, tuple[Shared, ...]]


@dataclass(frozen=True)
class Knob:
    """A setting: its value, default and range, and what it means."""

    name: str
    value: float
    default: float
    low: float
    high: float
    meaning: str


def knobs(settings: Settings) -> tuple[Knob, ...]:
    """Tell what every setting is and means."""
    plain = Settings()
    return tuple(
        Knob(knob.name, getattr(settings, knob.name), getattr(plain, knob.name), **knob.metadata)
        for knob in fields(Settings)
    )


def summarise(result: Result, groups: int, members: int | None = None) -> Summary:
    """Sum up a result: its totals and the ``groups`` largest copy groups, each with at most ``members`` members."""
    articles = _dated(result.articles)
    copies = _copies(articles)
    return Summary(_totals(articles, copies), _groups(articles, copies, _largest(copies, groups), members))


def detail(result: Result, name: str) -> Detail:
    """Tell all about one copy group, named by its copy_id, by the id of a member, or by how these begin.

    Raises OutputError where nothing or more than one group has that name.
    """
    articles = _dated(result.articles)
    chosen = articles.filter(pc.equal(articles["copy_id"], _copy_id(articles, name)))
    group = _group(chosen.sort_by([("published", "ascending"), ("id", "ascending")]), None)
    return Detail(group, _shared(result.spans, group))


def summary_document(result: Result, summary: Summary) -> dict[str, Any]:
    """Return a report as one JSON object: version, settings, counters, totals, groups."""
    return _document(result, summary.totals, [asdict(group) for group in summary.groups])


def detail_document(result: Result, told: Detail) -> dict[str, Any]:
    """Return the same object for one group; its members also have ``shared``, a list."""
    group = asdict(told.group)
    for member in group["members"]:
        member["shared"] = [asdict(shared) for shared in told.shared.get(member["id"], ())]
    articles = _dated(result.articles)
    return _document(result, _totals(articles, _copies(articles)), [group])


def _document(result: Result, totals: Totals, groups: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "version": result.version,
        "settings": dict(result.settings),
        "counters": dict(result.counters),
        "totals": asdict(totals),
        "groups": groups,
    }


# Articles by copy group -------------------------------------------------------------------------------------------


class _Copies(NamedTuple):
    """``codes`` number the copy group of every article; the rest has one value a group."""

    codes: NDArray[np.int64]
    copy_ids: pa.LargeStringArray
    sizes: NDArray[np.int64]
    copied_words: NDArray[np.int64]


def _copies(articles: pa.Table) -> _Copies:
    encoded = articles["copy_id"].combine_chunks().dictionary_encode()
    codes, count = encoded.indices.to_numpy().astype(np.int64), len(encoded.dictionary)
    copied = np.rint(articles["copied"].to_numpy() * articles["words"].to_numpy())
    sums = np.bincount(codes, copied, count).astype(np.int64)
    return _Copies(codes, encoded.dictionary, np.bincount(codes, minlength=count), sums)


def _dated(articles: pa.Table) -> pa.Table:
    """Take ``published`` as UTC without a zone, and years that Python's calendar does not have as no date."""
    published = articles["published"].cast(_TIMESTAMP)
    known = pc.and_(pc.greater_equal(published, _EARLIEST), pc.less_equal(published, _LATEST))
    dated = pc.if_else(known, published, pa.scalar(None, _TIMESTAMP))
    return articles.set_column(articles.column_names.index("published"), "published", dated)


def _totals(articles: pa.Table, copies: _Copies) -> Totals:
    grouped = copies.sizes > 1
    identical = pc.sum(pc.equal(articles["relation"].cast(pa.string()), "identical")).as_py() or 0
    words, copied_words = _words(articles), int(copies.copied_words.sum())
    return Totals(
        articles=len(articles),
        outlets=_outlets(articles),
        distinct_texts=len(articles) - identical,
        copy_groups=int(grouped.sum()),
        grouped_articles=int(copies.sizes[grouped].sum()),
        words=words,
        copied_words=copied_words,
        copied=copied_words / max(1, words),
        **_span_of_time(articles),
    )


def _words(articles: pa.Table) -> int:
    return int(articles["words"].to_numpy().sum(dtype=np.int64))


def _outlets(articles: pa.Table) -> int:
    return int(pc.count_distinct(articles["source"], mode="only_valid").as_py())


def _span_of_time(articles: pa.Table) -> dict[str, datetime | None]:
    bounds = pc.min_max(articles["published"]).as_py()
    return {"first": _utc(bounds["min"]), "last": _utc(bounds["max"])}


def _utc(moment: datetime | None) -> datetime | None:
    return moment.replace(tzinfo=UTC) if moment else None


# The largest groups -----------------------------------------------------------------------------------------------


def _largest(copies: _Copies, limit: int) -> NDArray[np.int64]:
    """Return the codes of the largest copy groups, in an order that the order of the input does not change."""
    codes = np.flatnonzero(copies.sizes > 1)
    table = pa.table(
        {
            "size": copies.sizes[codes],
            "copied": copies.copied_words[codes],
            "copy_id": copies.copy_ids.take(pa.array(codes)),
        }
    )
    order = [("size", "descending"), ("copied", "descending"), ("copy_id", "ascending")]
    chosen: NDArray[np.int64] = codes[pc.select_k_unstable(table, min(limit, len(codes)), order).to_numpy()]
    return chosen


def _groups(articles: pa.Table, copies: _Copies, chosen: NDArray[np.int64], members: int | None) -> tuple[Group, ...]:
    position = np.full(len(copies.copy_ids), -1)
    position[chosen] = np.arange(len(chosen))
    position = position[copies.codes]
    rows = np.flatnonzero(position >= 0)
    table = articles.take(pa.array(rows)).append_column("position", pa.array(position[rows]))
    table = table.sort_by([("position", "ascending"), ("published", "ascending"), ("id", "ascending")])
    places = np.concatenate([np.zeros(1, np.int64), np.cumsum(copies.sizes[chosen])]).tolist()
    return tuple(_group(table.slice(low, high - low), members) for low, high in pairwise(places))


def _group(articles: pa.Table, members: int | None) -> Group:
    words, copied = articles["words"].to_numpy(), articles["copied"].to_numpy()
    return Group(
        copy_id=articles["copy_id"][0].as_py(),
        size=len(articles),
        outlets=_outlets(articles),
        words=_words(articles),
        copied=float(words @ copied) / max(1, _words(articles)),
        members=_members(articles.slice(0, members)),
        **_span_of_time(articles),
    )


def _members(articles: pa.Table) -> tuple[Member, ...]:
    rows = articles.select([column.name for column in fields(Member)]).to_pylist()
    return tuple(Member(**{**row, "published": _utc(row["published"])}) for row in rows)


# One group --------------------------------------------------------------------------------------------------------


def _copy_id(articles: pa.Table, name: str) -> str:
    row = pc.index(articles["id"], pa.scalar(name, pa.large_string())).as_py()
    if row >= 0:
        return str(articles["copy_id"][row].as_py())
    found = pc.unique(articles["copy_id"].filter(pc.starts_with(articles["id"], name))).sort().to_pylist()
    if not found:
        raise OutputError(f"no article's id is {name!r} or begins with it")
    if len(found) > 1:
        found = _with_copies(articles, found) or found
    if len(found) > 1:
        more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
        named = ", ".join(map(repr, found[:_NAMED]))
        raise OutputError(f"{name!r} is the beginning of articles in several groups: {named}{more}; name one of these")
    return str(found[0])


def _with_copies(articles: pa.Table, copy_ids: list[str]) -> list[str]:
    """Leave out the articles on their own."""
    chosen = pc.is_in(articles["copy_id"], pa.array(copy_ids, pa.large_string()))
    counts = pc.value_counts(articles["copy_id"].filter(chosen))
    grouped = counts.filter(pc.greater(counts.field("counts"), 1))
    return sorted(grouped.field("values").to_pylist())


def _shared(spans: pa.Table, group: Group) -> dict[str, tuple[Shared, ...]]:
    copied_words = {member.id: round(member.copied * member.words) for member in group.members}
    chosen = pc.is_in(spans["id"], pa.array(copied_words, pa.large_string()))
    spans = spans.filter(pc.and_(chosen, pc.is_valid(spans["other_id"])))
    spans = spans.append_column("size", pc.subtract(spans["end"], spans["start"]))
    table = spans.group_by(["id", "other_id"]).aggregate([("size", "sum"), ("size", "count"), ("size", "max")])
    table = table.sort_by([("size_sum", "descending"), ("other_id", "ascending")])
    return {name: _of_one(table.filter(pc.equal(table["id"], name)), words) for name, words in copied_words.items()}


def _of_one(table: pa.Table, copied_words: int) -> tuple[Shared, ...]:
    rows = table.to_pylist()
    characters = sum(row["size_sum"] for row in rows)
    return tuple(
        Shared(
            row["other_id"],
            round(copied_words * row["size_sum"] / max(1, characters)),
            row["size_sum"],
            row["size_count"],
            row["size_max"],
        )
        for row in rows
    )
