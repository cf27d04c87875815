"""The report on a terminal, as lines of text that fit its width.

Titles, outlets and ids come from strangers: they are never markup, and no control character of theirs is printed.
"""

from __future__ import annotations

import re
import shlex
import sys
import textwrap
import unicodedata
from typing import TYPE_CHECKING, NamedTuple

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    from dedup.report.summary import Detail, Group, Knob, Member, Shared, Summary, Totals

PIPED_WIDTH = 120
_ONE_LINE = 100  # columns from which a member's title stands on the line of its shares
_YEAR = 76  # columns from which a member's date has its year
_LONGEST = 1000  # characters of a title that are looked at
_SHARE = len("Copied")
_RELATION = len("excerpt 0.99")
_KNOB = 32
_INDENT = 4
_UNKNOWN = "-"

_LEGEND = (
    "near     its resemblance to a longer article: what part of the phrases of both they share",
    "excerpt  its containment in a longer article: what part of its phrases stands there",
    "copied   its words in runs that stand in other members too, in percent",
)
_HEADING, _QUIET, _TELLING = "bold", "dim", "cyan"

# What separates lines is a space; marks of direction and width say nothing on a terminal; the rest of the control and
# format characters, which move the cursor or turn the text around, are shown as the replacement character.
_SPACES = {"Zl", "Zp"}
_UNSEEN = set("\u00ad\u061c\u200b\u200e\u200f\u2060\ufeff")
_JOINERS = set("\u200c\u200d")  # emoji, and the scripts of Persia and India, need them
_TOWERS = re.compile("([\u0300-\u036f]{4})[\u0300-\u036f]+")  # no language stacks more than four accents
_UNSAFE = {"Cc", "Cf", "Cs", "Co", "Cn"}


# Text from strangers ----------------------------------------------------------------------------------------------


def printable(text: str) -> str:
    """Return text as one line without control characters, bidi overrides, towers of marks and the like."""
    return _TOWERS.sub(r"\1", " ".join("".join(map(_safe, text[:_LONGEST])).split()))


def _safe(character: str) -> str:
    category = unicodedata.category(character)
    if character.isspace() or category in _SPACES:
        return " "
    if character in _UNSEEN:
        return ""
    return "\ufffd" if category in _UNSAFE and character not in _JOINERS else character


def _known(text: str | None) -> str:
    return printable(text or "") or _UNKNOWN


# Numbers and dates in words ---------------------------------------------------------------------------------------


def share(part: float) -> str:
    """Return a share of 0..1 in percent; only nothing is 0 % and only everything is 100 %."""
    if 0 < part < 0.005:  # noqa: PLR2004  (what rounds to nothing)
        return "<1 %"
    if 0.995 <= part < 1:  # noqa: PLR2004  (what rounds to everything)
        return ">99 %"
    return f"{part * 100:.0f} %"


def counted(count: int, singular: str, plural: str | None = None) -> str:
    """Return a count and its noun."""
    return f"{count:,} {singular if count == 1 else plural or singular + 's'}"


def _day(moment: datetime) -> str:
    return f"{moment.day} {moment:%b} {moment.year}"


def _period(first: datetime | None, last: datetime | None) -> str:
    if first is None or last is None:
        return "undated"
    start, end = f"{_day(first)} {first:%H:%M}", f"{last:%H:%M} UTC"
    if first == last:
        return f"{start} UTC"
    if first.date() == last.date():
        return f"{start} to {end}"
    day = _day(last) if first.year != last.year else f"{last.day} {last:%b}"
    return f"{start} to {day} {end}"


def _moment(moment: datetime | None, *, year: bool) -> str:
    if moment is None:
        return "undated"
    return (
        f"{moment.day:2} {moment:%b} {moment.year} {moment:%H:%M}"
        if year
        else f"{moment.day:2} {moment:%b} {moment:%H:%M}"
    )


# The report -------------------------------------------------------------------------------------------------------


def console() -> Console:
    """Return stdout: as wide as the terminal, and of a fixed width where it is not one."""
    width = None if sys.stdout.isatty() else PIPED_WIDTH
    return Console(file=sys.stdout, width=width, highlight=False, markup=False, emoji=False)


def show(lines: Iterable[Text], to: Console) -> None:
    """Print lines that were cut to the width."""
    for line in lines:
        to.print(line, no_wrap=True, overflow="ignore", crop=False)


def report(
    summary: Summary, settings: Mapping[str, object], counters: Mapping[str, int], width: int, folder: str | None = None
) -> Iterator[Text]:
    """Lay out the whole report; ``folder`` is where its files are, for the advice to look there."""
    yield from totals(summary.totals)
    yield Text()
    yield from groups(summary, width, folder)
    yield from notes(counters, settings, width)


def totals(told: Totals) -> Iterator[Text]:
    """Lay out the totals."""
    about = [f"from {counted(told.outlets, 'outlet')}"] if told.outlets else []
    about += [f"{_day(told.first)} to {_day(told.last)}"] if told.first and told.last else []
    yield Text.assemble((counted(told.articles, "article"), _HEADING), " ", ", ".join(about))
    rows = [
        ("distinct texts", told.distinct_texts, None),
        ("copy groups", told.copy_groups, None),
        ("articles in copy groups", told.grouped_articles, told.grouped_articles / max(1, told.articles)),
        ("words", told.words, None),
        ("words copied", told.copied_words, told.copied),
    ]
    digits = max(len(f"{count:,}") for _, count, _ in rows)
    for name, count, part in rows:
        end = "" if part is None else f"   {share(part):>5}"
        yield Text.assemble(f"  {name:<24}", (f"{count:>{digits},}", _HEADING), end)


def groups(summary: Summary, width: int, folder: str | None) -> Iterator[Text]:
    """Lay out the largest copy groups."""
    shown, there = len(summary.groups), summary.totals.copy_groups
    if there == 0:
        yield Text("No copies were found.")
    if shown:
        yield Text("Copy groups" if shown == there else f"The {shown:,} largest of {there:,} copy groups", _HEADING)
        columns = _columns((member for group in summary.groups for member in group.members), width)
        yield _heads(columns)
        for number, group in enumerate(summary.groups, 1):
            yield Text()
            yield from _group(number, group, columns, folder)
        yield Text()
        for line in _LEGEND:
            yield from _wrapped(line, width, " " * _INDENT, _QUIET)
    if shown < there:
        yield Text()
        yield _cut(Text(f"{counted(there - shown, 'more copy group')}; --groups {there} lists all", _QUIET), width)


def _group(number: int, group: Group, columns: _Columns, folder: str | None) -> Iterator[Text]:
    yield _cut(Text.assemble((f"{number:>{_INDENT - 2}}  ", _QUIET), (_title(group), _HEADING)), columns.width)
    for line in _about(group, columns.width - _INDENT):
        yield _cut(Text(" " * _INDENT + line, _QUIET), columns.width)
    for member in group.members:
        yield from _member(member, columns, group.title)
    hidden = group.size - len(group.members)
    if hidden:
        where = f": dedup show {shlex.quote(folder)} {shlex.quote(printable(group.copy_id))}" if folder else ""
        yield _cut(Text(f"{' ' * _INDENT}… and {hidden:,} more{where}", _QUIET), columns.width)


def _title(group: Group) -> str:
    return _known(group.title)


def _about(group: Group, width: int) -> list[str]:
    """Describe a group in a line, or in two where its copy_id does not fit in."""
    outlets = [counted(group.outlets, "outlet")] if group.outlets else []
    copied, period, name = f"{share(group.copied)} copied", _period(group.first, group.last), printable(group.copy_id)
    about = " · ".join([counted(group.size, "article"), *outlets, copied, period])
    together = f"{about} · {name}"
    return [together] if cell_len(together) <= width else [about, name]


# A member in columns ----------------------------------------------------------------------------------------------


class _Columns(NamedTuple):
    """How wide the columns of the members are; on a narrow terminal the title has a line of its own."""

    width: int
    outlet: int
    year: bool
    stacked: bool

    @property
    def date(self) -> int:
        return len("30 Sep 2026 12:30" if self.year else "30 Sep 12:30")


def _columns(members: Iterable[Member], width: int) -> _Columns:
    widest = max((cell_len(_known(member.source)) for member in members), default=0)
    outlet = max(len("Outlet"), min(widest, width // 5))
    return _Columns(width, outlet, year=width >= _YEAR, stacked=width < _ONE_LINE)


def _heads(columns: _Columns) -> Text:
    published = "Published (UTC)" if columns.year else "Published"
    return _row(
        columns,
        Text("Outlet"),
        Text(published),
        Text("Relation"),
        "Copied",
        "Unique",
        Text("Title"),
        _QUIET,
    )


def _member(member: Member, columns: _Columns, heading: str | None) -> Iterator[Text]:
    title = Text(_known(member.title))
    date = Text(_moment(member.published, year=columns.year))
    relation = Text(_relation(member), _TELLING if member.relation else "")
    yield _row(columns, Text(_known(member.source)), date, relation, share(member.copied), share(member.unique), title)
    if columns.stacked and member.title != heading:
        yield _cut(Text(" " * (_INDENT + 2), _QUIET).append_text(title), columns.width)


def _row(
    columns: _Columns, outlet: Text, date: Text, relation: Text, copied: str, unique: str, title: Text, style: str = ""
) -> Text:
    shares = Text(f"{copied:>{_SHARE}}  {unique:>{_SHARE}}")
    cells = [_cell(outlet, columns.outlet), _cell(date, columns.date), _cell(relation, _RELATION), shares]
    line = (
        Text(style=style)
        .append(" " * _INDENT)
        .append_text(Text("  ").join(cells if columns.stacked else [*cells, title]))
    )
    return _cut(line, columns.width)


def _relation(member: Member) -> str:
    if member.relation is None:
        return "longest"
    if member.score is None or member.relation == "identical":
        return printable(member.relation)
    return f"{printable(member.relation)} {member.score:.2f}"


def _cell(text: Text, width: int) -> Text:
    text.truncate(width, overflow="ellipsis", pad=True)
    return text


def _cut(line: Text, width: int) -> Text:
    line.truncate(width, overflow="ellipsis")
    return line


# What was capped, skipped, empty or short -------------------------------------------------------------------------

_NOTES = {
    "empty": (
        "article has no words; it stands on its own",
        "articles have no words; each stands on its own",
    ),
    "short": (
        "article has fewer than {shingle} words, too few to be anybody's copy; it stands on its own",
        "articles have fewer than {shingle} words, too few to be anybody's copy; each stands on its own",
    ),
    "capped_lists": (
        "list of look-alikes had over {cap} articles: each was compared with the {cap} longest and a neighbour",
        "lists of look-alikes had over {cap} articles: each was compared with the {cap} longest and a neighbour",
    ),
    "capped_articles": (
        "article had over {compared} candidates; it was compared with the {compared} likeliest",
        "articles had over {compared} candidates; each was compared with the {compared} likeliest",
    ),
    "skipped_files": (
        "file in the folder is not Parquet and was not read",
        "files in the folder are not Parquet and were not read",
    ),
}


def notes(counters: Mapping[str, int], settings: Mapping[str, object], width: int) -> Iterator[Text]:
    """Say what was capped, skipped, empty or short; nothing where nothing was."""
    told = [(counters[name], words) for name, words in _NOTES.items() if counters.get(name)]
    if told:
        yield Text()
        yield Text("Please note", style=_HEADING)
    for count, (one, many) in told:
        message = (one if count == 1 else many).format_map(_Settings(settings))
        yield from _wrapped(f"{count:,} {message}", width, "  ")


class _Settings(dict[str, object]):
    """Settings by name; those of a result that does not record one are left open."""

    def __init__(self, settings: Mapping[str, object]) -> None:
        super().__init__({name: printable(str(value)) for name, value in settings.items()})

    def __missing__(self, name: str) -> str:
        return f"the {name}"


def _wrapped(text: str, width: int, indent: str, style: str = "") -> Iterator[Text]:
    for line in textwrap.wrap(text, width, initial_indent=indent, subsequent_indent=indent + "  "):
        yield Text(line, style)


# One group in detail ----------------------------------------------------------------------------------------------


def detail(told: Detail, width: int) -> Iterator[Text]:
    """Lay out one group: every member, its witness, and what it shares with whom."""
    group = told.group
    outlets = {member.id: _known(member.source) for member in group.members}
    yield _cut(Text(_title(group), _HEADING), width)
    for line in _about(group, width):
        yield _cut(Text(line, _QUIET), width)
    for number, member in enumerate(group.members, 1):
        yield Text()
        yield from _whole_member(number, member, group, width)
        for shared in told.shared.get(member.id, ()):
            yield _cut(Text(f"{' ' * _INDENT}  {_passages(shared, outlets)}"), width)


def _whole_member(number: int, member: Member, group: Group, width: int) -> Iterator[Text]:
    outlets = {other.id: _known(other.source) for other in group.members}
    date = _moment(member.published, year=True).strip() + (" UTC" if member.published else "")
    lead = Text.assemble((f"{number:>{_INDENT - 2},}  ", _QUIET), (_known(member.source), _HEADING), f"  {date}  ")
    yield _cut(lead.append(printable(member.id), _QUIET), width)
    yield _cut(Text(" " * _INDENT + _known(member.title)), width)
    yield _cut(
        Text(" " * _INDENT + _admission(member, group.size, outlets), _TELLING if member.relation else ""), width
    )
    words = f"{counted(member.words, 'word')}: {share(member.copied)} copied, {share(member.unique)} unique"
    yield _cut(Text(" " * _INDENT + words), width)


_ADMISSIONS = {
    "identical": "identical to {witness}",
    "near": "near copy of {witness}, resemblance {score:.2f}",
    "excerpt": "excerpt of {witness}, containment {score:.2f}",
}


def _admission(member: Member, size: int, outlets: Mapping[str, str]) -> str:
    if member.relation is None or member.witness_id is None:
        return "the longest of the group" if size > 1 else "on its own: no copy of it was found"
    words = _ADMISSIONS.get(member.relation, f"{printable(member.relation)} of {{witness}}, score {{score:.2f}}")
    return words.format(witness=_named(member.witness_id, outlets), score=member.score or 0.0)


def _passages(shared: Shared, outlets: Mapping[str, str]) -> str:
    amount = f"{counted(shared.characters, 'character')} in {counted(shared.passages, 'passage')}"
    return f"about {counted(shared.words, 'word')} ({amount}) shared with {_named(shared.other_id, outlets)}"


def _named(name: str, outlets: Mapping[str, str]) -> str:
    outlet = outlets.get(name, _UNKNOWN)
    return printable(name) if outlet == _UNKNOWN else f"{outlet} ({printable(name)})"


# Settings ---------------------------------------------------------------------------------------------------------


def knobs(told: Iterable[Knob], width: int) -> Iterator[Text]:
    """Lay out settings with their values, ranges and meaning."""
    for knob in told:
        changed = knob.value != knob.default
        bounds = f"default {knob.default}, from {knob.low:,} to {knob.high:,}"
        value = Text.assemble((f"{knob.name} = {knob.value}", _HEADING), " (changed)" if changed else "")
        yield _cut(_cell(value, _KNOB).append(f"  {bounds}", _QUIET), width)
        yield from _wrapped(knob.meaning, width, " " * _INDENT)
