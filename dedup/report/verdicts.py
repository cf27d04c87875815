"""What an index says of one article, and what it holds, as lines of text that fit a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from dedup.report.columns import Column, table
from dedup.report.terminal import (
    HEADING,
    NARROWEST,
    QUIET,
    TELLING,
    counted,
    known,
    moment_of,
    packed,
    printable,
    share,
    wrapped,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from dedup.comparison import Ledger
    from dedup.index import Entry, Info, Match, Verdict

_SAYS = {
    "identical": "A copy: the same words as",
    "near": "A copy, almost the same words as",
    "excerpt": "A copy, one is an excerpt of the other:",
    "rewrite": "A rewrite of",
}
_NEWS = "News: no article of the index has this text or tells this story"
_KNOWN = "Known: this text is in the index under this id"


def verdict(told: Verdict, name: str, entries: Mapping[str, Entry], width: int) -> Iterator[Text]:
    """Lay out the verdict on an article called ``name``; ``entries`` are its matches, by id."""
    yield from wrapped(printable(name), width, "", HEADING)
    yield from wrapped(_said(told), width, "", TELLING if told.matches else "")
    for line in packed(_shares(told.ledger), width):
        yield from wrapped(line, width, "")
    if told.story_id is not None:
        yield from wrapped(f"story {printable(told.story_id)}", width, "", QUIET)
    if told.merged:
        yield from wrapped(f"would join to it: {', '.join(map(printable, told.merged))}", width, "", QUIET)
    if told.matches:
        yield Text()
        yield Text(f"Matches, the strongest first: {len(told.matches):,}", HEADING)
        yield from _matches(told.matches, entries, width)


def _shares(ledger: Ledger | None) -> list[str]:
    if ledger is None:
        return []
    shares = {name: getattr(ledger, name) for name in ("boilerplate", "copied", "reworded", "unique")}
    parts = [counted(ledger.words, "word")]
    return parts + [f"{share(value)} {name}" for name, value in shares.items()] if ledger.words else parts


def _said(told: Verdict) -> str:
    if not told.matches:
        return _KNOWN if told.status == "known" else _NEWS
    best = told.matches[0]
    return f"{_SAYS[best.relation]} {printable(best.id)}"


def _matches(matches: Sequence[Match], entries: Mapping[str, Entry], width: int) -> Iterator[Text]:
    found = [entries.get(match.id) for match in matches]
    relations = [f"{match.relation} {match.score:.2f}" for match in matches]
    dates = [moment_of(entry.published, year=True) if entry else "" for entry in found]
    yield from table(
        [
            Column("Relation", relations),
            Column("Outlet", [known(entry.source if entry else None) for entry in found], rank=2, least=NARROWEST),
            Column("Published (UTC)", dates, rank=1),
            Column("Id", [printable(match.id) for match in matches], least=NARROWEST),
            Column("Title", [known(entry.title if entry else None) for entry in found], rank=3, least=2 * NARROWEST),
        ],
        width,
        "  ",
        QUIET,
    )


def info(told: Info, width: int) -> Iterator[Text]:
    """Lay out what an index holds."""
    rows = {
        "articles": f"{told.articles:,}",
        "stories": f"{told.stories:,}",
        "events": f"{told.events:,}",
        "oldest": moment_of(told.oldest, year=True).strip(),
        "newest": moment_of(told.newest, year=True).strip(),
        "size on disk": f"{told.bytes / 1e6:,.1f} MB",
        "an article": f"{told.bytes / told.articles / 1e3:,.1f} KB" if told.articles else "-",
        "learned from": counted(told.learned, "article"),
        "version": printable(told.version),
    }
    if told.capped:
        rows["capped"] = f"{counted(told.capped, 'pair')} in large stories not scored again beside newcomers"
    widest = max(map(len, rows))
    for name, value in rows.items():
        yield from wrapped(f"{name:<{widest}}  {value}", width, "  ")
    yield from wrapped(f"{'settings':<{widest}}  {_settings(told.settings)}", width, "  ")


def _settings(settings: Mapping[str, object]) -> str:
    return ", ".join(f"{name} = {printable(str(value))}" for name, value in settings.items())
