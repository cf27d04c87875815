"""What a report tells, drawn from a result: totals, the largest stories, their copy groups, the members of these.

A result without rewrites is told in the same way: each of its copy groups is then a story of its own.

Vectorised over the articles. Python objects are made for the stories, groups and members that are shown, and for no
others.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dedup.audit import Origins, audit, origins
from dedup.errors import OutputError
from dedup.evaluation import tellers
from dedup.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from dedup.result import Result

_NAMED = 3  # examples in a message
_NEVER = datetime.max.replace(tzinfo=UTC)
_TIMESTAMP = pa.timestamp("us")
_EARLIEST, _LATEST = (pa.scalar(bound, _TIMESTAMP) for bound in (datetime.min, datetime.max))  # noqa: DTZ901


@dataclass(frozen=True)
class Totals:
    """Counts over the whole corpus; groups and stories are those of two articles and more.

    ``copied`` and ``boilerplate`` are shares of all words, 0..1; ``first`` and ``last`` are in UTC. ``stories`` and
    ``story_articles`` are null where only copies were looked for.
    """

    articles: int
    outlets: int
    distinct_texts: int
    copy_groups: int
    grouped_articles: int
    stories: int | None
    story_articles: int | None
    words: int
    boilerplate_words: int
    boilerplate: float
    copied_words: int
    copied: float
    first: datetime | None
    last: datetime | None


@dataclass(frozen=True)
class Member:
    """An article of a copy group: one row of ``articles.parquet``, and of its audit (`audit.AUDIT`)."""

    id: str
    title: str | None
    source: str | None
    published: datetime | None
    url: str | None
    relation: str | None
    witness_id: str | None
    score: float | None
    words: int
    boilerplate: float
    copied: float
    reworded: float
    unique: float
    borrowed: float | None
    role: str | None
    credit: str | None
    outlet: str | None
    from_others: float | None
    source_id: str | None
    source_outlet: str | None
    credits_source: bool | None
    verdict: str | None
    independent: bool | None


@dataclass(frozen=True)
class Group:
    """A copy group. ``size`` counts all its articles; ``members`` are the first published of them, undated ones last.

    ``copied`` is the share of the words of all its articles, 0..1. An article without a copy is a group of one.
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
class Story:
    """A story. ``size`` counts all its articles; ``title`` is that of the first published one that has a title.

    ``groups`` are its copy groups, the largest first, then the first published; ``single_articles`` of its
    ``copy_groups`` are of one article. ``cohesion`` is the mean probability over the pairs of copy groups,
    ``weakest`` the lowest probability by which one of them was admitted; both are null for a story of one group.
    ``origins`` says who was first and where it comes from.
    """

    story_id: str
    title: str | None
    size: int
    outlets: int
    copy_groups: int
    single_articles: int
    words: int
    copied: float
    first: datetime | None
    last: datetime | None
    cohesion: float | None
    weakest: float | None
    origins: Origins
    groups: tuple[Group, ...]


@dataclass(frozen=True)
class Summary:
    """The totals and the largest stories; of equal ones, those with more copied words come first."""

    totals: Totals
    stories: tuple[Story, ...]

    @property
    def there(self) -> int:
        """Count the stories of two articles and more; copy groups, where only copies were looked for."""
        return self.totals.copy_groups if self.totals.stories is None else self.totals.stories


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
    """One story with all its members, and for each, by id, what it shares with whom, the most first."""

    story: Story
    shared: Mapping[str, tuple[Shared, ...]]

    @property
    def spread(self) -> tuple[Member, ...]:
        """Return all members by time, undated ones last."""
        members = [member for group in self.story.groups for member in group.members]
        return tuple(sorted(members, key=lambda one: (one.published or _NEVER, one.id)))


@dataclass(frozen=True)
class Knob:
    """A setting: its value, default and range (of a number), and what it means."""

    name: str
    value: float | str
    default: float | str
    meaning: str
    low: float | None = None
    high: float | None = None


def knobs(settings: Settings) -> tuple[Knob, ...]:
    """Tell what every setting is and means."""
    plain = Settings()
    return tuple(
        Knob(knob.name, getattr(settings, knob.name), getattr(plain, knob.name), **knob.metadata)
        for knob in fields(Settings)
    )


def has_stories(settings: Mapping[str, object]) -> bool:
    """Say whether rewrites were looked for, and not copies only."""
    return bool(settings.get("stories", True))


def summarise(result: Result, stories: int, members: int | None = None) -> Summary:
    """Sum up a result: its totals and the ``stories`` largest stories.

    Of each at most ``members`` copy groups are taken, and of each of these at most ``members`` articles.
    """
    articles = dated(result.articles)
    grain = _grain(articles, "story_id")
    return Summary(_totals(articles, result.settings), _stories(result, articles, grain, stories, members))


def detail(result: Result, name: str) -> Detail:
    """Tell all about one story, named by its id, by the id of a member, or by how one of these begins.

    Raises OutputError where nothing or more than one story has that name.
    """
    articles = dated(result.articles)
    noun = "stories" if has_stories(result.settings) else "groups"
    chosen = articles.filter(pc.equal(articles["story_id"], _story_id(articles, name, noun)))
    story = _told(result, chosen.sort_by(BY_TIME), (len(chosen),), None)[0]
    members = [member for group in story.groups for member in group.members]
    return Detail(story, _shared(result.spans, members))


def summary_document(result: Result, summary: Summary) -> dict[str, Any]:
    """Return a report as one JSON object: version, settings, counters, totals, and stories (or groups)."""
    return _document(result, summary.totals, [asdict(story) for story in summary.stories])


def detail_document(result: Result, told: Detail) -> dict[str, Any]:
    """Return the same object for one story; its members also have ``shared``, a list."""
    story = asdict(told.story)
    for group in story["groups"]:
        for member in group["members"]:
            member["shared"] = [asdict(shared) for shared in told.shared.get(member["id"], ())]
    return _document(result, _totals(dated(result.articles), result.settings), [story])


def _document(result: Result, totals: Totals, stories: list[dict[str, Any]]) -> dict[str, Any]:
    """Where only copies were looked for, the stories are copy groups and told as such."""
    groups = {"groups": [group for story in stories for group in story["groups"]]}
    return {
        "version": result.version,
        "settings": dict(result.settings),
        "counters": dict(result.counters),
        "totals": asdict(totals),
        **({"stories": stories} if has_stories(result.settings) else groups),
    }


# Articles by copy group or story ----------------------------------------------------------------------------------


class _Grain(NamedTuple):
    """``codes`` number the copy group or story of every article; the rest has one value a group or story."""

    codes: NDArray[np.int64]
    ids: pa.LargeStringArray
    sizes: NDArray[np.int64]


def _grain(articles: pa.Table, column: str) -> _Grain:
    encoded = articles[column].combine_chunks().dictionary_encode()
    codes, count = encoded.indices.to_numpy().astype(np.int64), len(encoded.dictionary)
    return _Grain(codes, encoded.dictionary, np.bincount(codes, minlength=count))


def _words_of(articles: pa.Table, share: str) -> NDArray[np.float64]:
    """Return the words of every article that a share stands for."""
    return np.asarray(np.rint(articles[share].to_numpy() * articles["words"].to_numpy()), np.float64)


def dated(articles: pa.Table) -> pa.Table:
    """Take ``published`` as UTC without a zone, and years that Python's calendar does not have as no date."""
    published = articles["published"].cast(_TIMESTAMP)
    known = pc.and_(pc.greater_equal(published, _EARLIEST), pc.less_equal(published, _LATEST))
    dated = pc.if_else(known, published, pa.scalar(None, _TIMESTAMP))
    return articles.set_column(articles.column_names.index("published"), "published", dated)


def _totals(articles: pa.Table, settings: Mapping[str, object]) -> Totals:
    copies, stories = (_grouped(_grain(articles, column)) for column in ("copy_id", "story_id"))
    identical = pc.sum(pc.equal(articles["relation"].cast(pa.string()), "identical")).as_py() or 0
    words = _words(articles)
    copied, boilerplate = (int(_words_of(articles, share).sum()) for share in ("copied", "boilerplate"))
    told = has_stories(settings)
    return Totals(
        articles=len(articles),
        outlets=_outlets(articles),
        distinct_texts=len(articles) - identical,
        copy_groups=copies[0],
        grouped_articles=copies[1],
        stories=stories[0] if told else None,
        story_articles=stories[1] if told else None,
        words=words,
        boilerplate_words=boilerplate,
        boilerplate=boilerplate / max(1, words),
        copied_words=copied,
        copied=copied / max(1, words),
        **_span_of_time(articles),
    )


def _grouped(grain: _Grain) -> tuple[int, int]:
    """Count the groups of two and more, and their articles."""
    sizes = grain.sizes[grain.sizes > 1]
    return len(sizes), int(sizes.sum())


def _words(articles: pa.Table) -> int:
    return int(articles["words"].to_numpy().sum(dtype=np.int64))


def _outlets(articles: pa.Table) -> int:
    return int(pc.count_distinct(articles["source"], mode="only_valid").as_py())


def _span_of_time(articles: pa.Table) -> dict[str, datetime | None]:
    bounds = pc.min_max(articles["published"]).as_py()
    return {"first": utc(bounds["min"]), "last": utc(bounds["max"])}


def utc(moment: datetime | None) -> datetime | None:
    """Say that a moment of :func:`dated` articles is in UTC."""
    return moment.replace(tzinfo=UTC) if moment else None


# The largest stories ----------------------------------------------------------------------------------------------

BY_TIME = [("published", "ascending"), ("id", "ascending")]


def _largest(articles: pa.Table, grain: _Grain, limit: int) -> NDArray[np.int64]:
    """Return the codes of the largest stories, in an order that the order of the input does not change."""
    codes = np.flatnonzero(grain.sizes > 1)
    copied = np.bincount(grain.codes, _words_of(articles, "copied"), len(grain.sizes))
    table = pa.table({"size": grain.sizes[codes], "copied": copied[codes], "id": grain.ids.take(pa.array(codes))})
    order = [("size", "descending"), ("copied", "descending"), ("id", "ascending")]
    chosen: NDArray[np.int64] = codes[pc.select_k_unstable(table, min(limit, len(codes)), order).to_numpy()]
    return chosen


def _stories(result: Result, articles: pa.Table, grain: _Grain, limit: int, members: int | None) -> tuple[Story, ...]:
    chosen = _largest(articles, grain, limit)
    position = np.full(len(grain.sizes), -1)
    position[chosen] = np.arange(len(chosen))
    position = position[grain.codes]
    rows = np.flatnonzero(position >= 0)
    table = articles.take(pa.array(rows)).append_column("position", pa.array(position[rows]))
    table = table.sort_by([("position", "ascending"), *BY_TIME]).drop_columns(["position"])
    return _told(result, table, grain.sizes[chosen].tolist(), members)


def _told(result: Result, articles: pa.Table, sizes: Sequence[int], members: int | None) -> tuple[Story, ...]:
    """Tell the stories that the articles are, one after the other, each by time and of so many articles."""
    places = [0, *accumulate(sizes)]
    articles = audit(articles, result.spans)
    cohesions = _cohesions(result.matches, articles, np.repeat(np.arange(len(sizes)), np.asarray(sizes, np.int64)))
    return tuple(
        _story(articles.slice(low, high - low), cohesion, members)
        for (low, high), cohesion in zip(pairwise(places), cohesions, strict=True)
    )


def _story(articles: pa.Table, cohesion: float | None, members: int | None) -> Story:
    grain = _grain(articles, "copy_id")
    rows = np.split(np.argsort(grain.codes, kind="stable"), np.cumsum(grain.sizes)[:-1])
    order = np.argsort(-grain.sizes, kind="stable")[:members].tolist()
    weakest = pc.min(articles["score"].filter(pc.equal(articles["relation"].cast(pa.string()), "rewrite"))).as_py()
    return Story(
        story_id=articles["story_id"][0].as_py(),
        title=first_title(articles["title"]),
        size=len(articles),
        outlets=_outlets(articles),
        copy_groups=len(grain.sizes),
        single_articles=int((grain.sizes == 1).sum()),
        words=_words(articles),
        copied=_share(articles, "copied"),
        **_span_of_time(articles),
        cohesion=cohesion,
        weakest=weakest,
        origins=origins(articles),
        groups=tuple(_group(articles.take(pa.array(rows[code])), members) for code in order),
    )


def first_title(titles: pa.ChunkedArray) -> str | None:
    """Return the first title that is there."""
    known = titles.filter(pc.not_equal(titles, ""))
    return str(known[0].as_py()) if len(known) else None


def _group(articles: pa.Table, members: int | None) -> Group:
    return Group(
        copy_id=articles["copy_id"][0].as_py(),
        size=len(articles),
        outlets=_outlets(articles),
        words=_words(articles),
        copied=_share(articles, "copied"),
        members=_members(articles.slice(0, members)),
        **_span_of_time(articles),
    )


def _share(articles: pa.Table, share: str) -> float:
    return float(_words_of(articles, share).sum()) / max(1, _words(articles))


def _cohesions(matches: pa.Table, articles: pa.Table, story: NDArray[np.int64]) -> list[float | None]:
    """Return for each story the mean probability over its pairs of copy groups; a pair that was not scored counts 0.

    Of two groups it is the mean over the pairs of articles that stand for them (`evaluation.tellers`).
    """
    if not len(articles):
        return []
    grain = _grain(articles, "copy_id")
    counts = np.bincount(grain.codes[tellers(articles, grain.codes)], minlength=len(grain.sizes))
    rewrites = matches.filter(pc.is_valid(matches["story_score"]))
    ids = articles["id"].combine_chunks()
    sides = [pc.index_in(rewrites[side].combine_chunks(), value_set=ids).fill_null(-1) for side in ("left", "right")]
    left, right = (side.to_numpy().astype(np.int64) for side in sides)
    one, two = grain.codes[left], grain.codes[right]
    inside = (left >= 0) & (right >= 0) & (one != two) & (story[left] == story[right])
    weight = rewrites["story_score"].to_numpy() / (counts[one] * counts[two])
    told = np.bincount(story[left[inside]], weight[inside], int(story[-1]) + 1)
    groups = np.bincount(story[np.unique(grain.codes, return_index=True)[1]]).tolist()
    return [total / (many * (many - 1) / 2) if many > 1 else None for total, many in zip(told, groups, strict=True)]


def _members(articles: pa.Table) -> tuple[Member, ...]:
    rows = articles.select([column.name for column in fields(Member)]).to_pylist()
    return tuple(Member(**{**row, "published": utc(row["published"])}) for row in rows)


# One story --------------------------------------------------------------------------------------------------------


def _story_id(articles: pa.Table, name: str, noun: str) -> str:
    row = pc.index(articles["id"], pa.scalar(name, pa.large_string())).as_py()
    if row >= 0:
        return str(articles["story_id"][row].as_py())
    found = pc.unique(articles["story_id"].filter(pc.starts_with(articles["id"], name))).sort().to_pylist()
    if not found:
        raise OutputError(f"no article's id is {name!r} or begins with it")
    if len(found) > 1:
        found = _of_several(articles, found) or found
    if len(found) > 1:
        more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
        named = ", ".join(map(repr, found[:_NAMED]))
        raise OutputError(f"{name!r} is the beginning of articles in several {noun}: {named}{more}; name one of these")
    return str(found[0])


def _of_several(articles: pa.Table, story_ids: list[str]) -> list[str]:
    """Leave out the articles on their own."""
    chosen = pc.is_in(articles["story_id"], pa.array(story_ids, pa.large_string()))
    counts = pc.value_counts(articles["story_id"].filter(chosen))
    grouped = counts.filter(pc.greater(counts.field("counts"), 1))
    return sorted(grouped.field("values").to_pylist())


def _shared(spans: pa.Table, members: Iterable[Member]) -> dict[str, tuple[Shared, ...]]:
    copied_words = {member.id: round(member.copied * member.words) for member in members}
    chosen = pc.is_in(spans["id"], pa.array(copied_words, pa.large_string()))
    spans = spans.filter(pc.and_(chosen, pc.equal(pc.cast(spans["kind"], pa.string()), "copied")))
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
