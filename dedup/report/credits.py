"""The credit audit of a result: who copied whom, with a credit or without one, by outlet and story by story."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from rich.text import Text

from dedup.audit import VERDICTS, Origins, audit, by_outlet, origins
from dedup.errors import OutputError
from dedup.report.columns import Column, table
from dedup.report.summary import BY_TIME, dated, first_title, has_stories, utc
from dedup.report.terminal import (
    ACCUSED,
    HEADING,
    NARROWEST,
    QUIET,
    TELLING,
    beginnings,
    counted,
    credit,
    cut,
    date_column,
    headline,
    known,
    packed,
    printable,
    share,
    whose,
    wrapped,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from dedup.result import Result

_NAMED = 3  # outlets in a message
_LISTED = 20  # articles of a story on a terminal
_INDENT = 4
_AGENCY = 8  # columns of a credit, at least
_MEANINGS = (
    "credited    {least} or more of the article comes from other outlets, and it credits an agency or outlet",
    "uncredited  the same, and it credits nobody",
    "mostly own  it credits somebody, and less of it comes from other outlets",
    "own outlet  {least} or more of it comes from earlier articles of its own outlet",
    "own         none of these",
    "unknown     times and credits do not say who took it from whom",
    "taken       the part of the article, boilerplate apart, that comes from other outlets; copied: word for word",
)


@dataclass(frozen=True)
class Outlet:
    """The articles of one outlet in stories, by verdict; ``lent``: articles of others that took most from it."""

    outlet: str
    articles: int
    verdicts: Mapping[str, int]
    lent: int
    lent_uncredited: int


@dataclass(frozen=True)
class Article:
    """One audited article (`audit.AUDIT`); shares are of its words without boilerplate."""

    id: str
    title: str | None
    outlet: str | None
    published: datetime | None
    words: int
    role: str | None
    credit: str | None
    from_others: float
    copied_from_others: float
    from_own_outlet: float
    undecided: float
    source_id: str | None
    source_outlet: str | None
    credits_source: bool
    verdict: str
    independent: bool | None


@dataclass(frozen=True)
class Audited:
    """A story: ``size`` counts all its articles, ``articles`` are those that are asked for, by time."""

    story_id: str
    title: str | None
    size: int
    origins: Origins
    articles: tuple[Article, ...]


@dataclass(frozen=True)
class Credits:
    """The audit: all articles in stories by verdict, all outlets, and the stories with the most uncredited words.

    ``outlet`` is the one that was asked for: counts, outlets and articles are its own then. ``there`` counts the
    stories; ``only_copies`` says that they are copy groups.
    """

    least: float
    outlet: str | None
    articles: int
    there: int
    verdicts: Mapping[str, int]
    outlets: tuple[Outlet, ...]
    stories: tuple[Audited, ...]
    only_copies: bool


# From the result --------------------------------------------------------------------------------------------------


def credits_of(result: Result, least: float, top: int, outlet: str | None = None) -> Credits:
    """Audit a result and take the ``top`` stories; with ``outlet``, those with an article of that outlet.

    Raises OutputError where no article in a story is of that outlet.
    """
    audited = audit(dated(result.articles), result.spans, least)
    audited = audited.filter(pc.is_valid(audited["verdict"])).sort_by([("story_id", "ascending"), *BY_TIME])
    asked = audited if outlet is None else audited.filter(pc.fill_null(pc.equal(audited["outlet"], outlet), False))  # noqa: FBT003
    outlets = tuple(_outlets(audited))
    if outlet is not None and not len(asked):
        raise OutputError(_no_such(outlet, outlets))
    counts = pc.value_counts(asked["verdict"].cast(pa.string())).to_pylist()
    by_verdict = {row["values"]: row["counts"] for row in counts}
    return Credits(
        least=least,
        outlet=outlet,
        articles=len(asked),
        there=int(pc.count_distinct(asked["story_id"]).as_py()),
        verdicts={name: by_verdict.get(name, 0) for name in VERDICTS},
        outlets=tuple(one for one in outlets if outlet is None or one.outlet == outlet),
        stories=tuple(_stories(audited, asked, top)),
        only_copies=not has_stories(result.settings),
    )


def _no_such(outlet: str, outlets: tuple[Outlet, ...]) -> str:
    names = [repr(one.outlet) for one in sorted(outlets, key=lambda one: -one.articles) if one.outlet]
    if not names:
        return f"no article in a story is of the outlet {outlet!r}; none has an outlet"
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"no article in a story is of the outlet {outlet!r}; the outlets are: {', '.join(names[:_NAMED])}{more}"


def _outlets(audited: pa.Table) -> Iterator[Outlet]:
    for row in by_outlet(audited).to_pylist():
        verdicts = {name: row[name] for name in VERDICTS}
        yield Outlet(row["outlet"], row["articles"], verdicts, row["lent"], row["lent_uncredited"])


def _stories(audited: pa.Table, asked: pa.Table, top: int) -> Iterator[Audited]:
    """Take the stories with the most uncredited words, then the most articles that are asked for."""
    taken = np.rint(asked["from_others"].to_numpy() * asked["words"].to_numpy())
    taken[~np.asarray(pc.equal(asked["verdict"].cast(pa.string()), "uncredited"))] = 0
    sums = (
        pa.table({"id": asked["story_id"], "taken": taken})
        .group_by("id")
        .aggregate([("taken", "sum"), ([], "count_all")])
    )
    order = [("taken_sum", "descending"), ("count_all", "descending"), ("id", "ascending")]
    chosen = sums.take(pc.select_k_unstable(sums, min(top, len(sums)), order))["id"]
    members = audited.filter(pc.is_in(audited["story_id"], chosen.combine_chunks()))
    names = set(asked.filter(pc.is_in(asked["story_id"], chosen.combine_chunks()))["id"].to_pylist())
    for story_id in chosen.to_pylist():
        story = members.filter(pc.equal(members["story_id"], story_id))
        articles = tuple(article for article in _articles(story) if article.id in names)
        yield Audited(story_id, first_title(story["title"]), len(story), origins(story), articles)


def _articles(story: pa.Table) -> Iterator[Article]:
    for row in story.select([field.name for field in fields(Article)]).to_pylist():
        yield Article(**{**row, "published": utc(row["published"])})


def document(result: Result, told: Credits) -> dict[str, Any]:
    """Return the audit as one JSON object; the stories are ``groups`` where only copies were looked for."""
    made = asdict(told)
    stories, only_copies = made.pop("stories"), made.pop("only_copies")
    return {
        "version": result.version,
        "settings": dict(result.settings),
        **made,
        "groups" if only_copies else "stories": stories,
    }


# On a terminal ----------------------------------------------------------------------------------------------------


def page(told: Credits, width: int, top: int) -> Iterator[Text]:
    """Lay out the audit: the totals, the outlets, and story by story the articles."""
    noun = ("copy group", "copy groups") if told.only_copies else ("story", "stories")
    of = "" if told.outlet is None else f" of {printable(told.outlet)}"
    yield cut(Text(f"{counted(told.articles, 'article')}{of} in {counted(told.there, *noun)}", HEADING), width)
    if not told.articles:
        return
    digits = max(len(f"{count:,}") for count in told.verdicts.values())
    for name, count in told.verdicts.items():
        number = (f"{count:>{digits},}", HEADING)
        yield cut(Text.assemble(f"  {name:<12}", number, f"  {share(count / told.articles):>5}"), width)
    yield Text()
    for line in _MEANINGS:
        yield from wrapped(line.format(least=share(told.least)), width, " " * _INDENT, QUIET)
    yield from _by_outlet(told.outlets[:top], len(told.outlets), width)
    for story in told.stories:
        yield Text()
        yield from _story(story, width)
    if len(told.stories) < told.there:
        rest = counted(told.there - len(told.stories), *(f"more {name}" for name in noun))
        yield Text()
        yield cut(Text(f"{rest}; --top {told.there} lists all", QUIET), width)


def _by_outlet(outlets: tuple[Outlet, ...], there: int, width: int) -> Iterator[Text]:
    if not outlets:
        return
    yield Text()
    yield cut(Text("By outlet", HEADING), width)
    ranks = {"credited": 0, "uncredited": 0, "mostly own": 2, "own outlet": 4, "own": 5, "unknown": 3}
    verdicts = [
        Column(name, [_count(outlet.verdicts[name]) for outlet in outlets], rank, right=True)
        for name, rank in ranks.items()
    ]
    columns = (
        Column("Outlet", [known(outlet.outlet) for outlet in outlets], least=2 * NARROWEST),
        Column("articles", [f"{outlet.articles:,}" for outlet in outlets], 1, right=True),
        *verdicts,
        Column("copied by others", [_count(outlet.lent) for outlet in outlets], 6, right=True),
        Column("without credit", [_count(outlet.lent_uncredited) for outlet in outlets], 7, right=True),
    )
    yield from table(columns, width, "  ", QUIET)
    if len(outlets) < there:
        rest = counted(there - len(outlets), "more outlet")
        yield cut(Text(f"  {rest}; --top {there} lists all", QUIET), width)


def _count(count: int) -> str:
    return f"{count:,}" if count else "-"


def _story(story: Audited, width: int) -> Iterator[Text]:
    yield from headline(printable(story.title or "") or known(story.story_id), width, "", HEADING)
    about = [counted(story.size, "article"), *beginnings(story.origins), printable(story.story_id)]
    for line in packed(about, width - 2):
        yield from wrapped(line, width, "  ", QUIET)
    listed = story.articles[:_LISTED]
    columns = (
        date_column([article.published for article in listed], width),
        Column("Outlet", [whose(article.id, article.outlet) for article in listed], least=NARROWEST),
        Column("Verdict", [article.verdict for article in listed], telling=ACCUSED, style=TELLING),
        Column("Taken", [_taken(article, article.from_others) for article in listed], right=True),
        Column("Copied", [_taken(article, article.copied_from_others) for article in listed], 3, right=True),
        Column("Credit", [credit(article.credit) for article in listed], 1, least=_AGENCY),
        Column(
            "Most of it from",
            ["" if one.source_id is None else whose(one.source_id, one.source_outlet) for one in listed],
            2,
            least=NARROWEST,
        ),
        Column("Id", [printable(article.id) for article in listed], 4, least=NARROWEST),
    )
    yield from table(columns, width, "  ", QUIET)
    if len(listed) < len(story.articles):
        rest = f"… and {len(story.articles) - len(listed):,} more; --json lists all"
        yield cut(Text(f"  {rest}", QUIET), width)


def _taken(article: Article, part: float) -> str:
    """Return what was taken; at least that, where it is not known of all."""
    return f"≥ {share(part)}" if article.verdict == "unknown" else share(part)
