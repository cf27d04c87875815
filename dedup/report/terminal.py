"""The report on a terminal, as lines of text that fit its width.

Titles, outlets and ids come from strangers: they are never markup, and no control character of theirs is printed.
"""

from __future__ import annotations

import re
import shlex
import sys
import unicodedata
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from rich.cells import cell_len, chop_cells
from rich.console import Console
from rich.text import Text

from dedup.report.columns import Column, table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from dedup.audit import Origins
    from dedup.report.summary import Detail, Group, Knob, Member, Shared, Story, Summary, Totals

PIPED_WIDTH = 120
_ONE_LINE = 112  # columns from which a member's title stands on the line of its shares
_YEAR = 84  # columns from which a member's date has its year
_HOUSE = 78  # columns from which a member's share of boilerplate has a column
_LONGEST = 1000  # characters of a title that are looked at
_SHARE, _BOILERPLATE, _REWORDED = len("Copied"), len("Boilerplate"), len("Reworded")
_RELATION = len("excerpt 0.99")
_KNOB = 32
_TITLE_LINES = 3  # of a title, where it is told whole
_ALL = 100  # percent
_ROUNDING = 1e-9  # of a share that is a difference of others
_INDENT = 4
_UNKNOWN = "-"

_RELATIONS = {
    "longest": "the longest text of its copy group",
    "identical": "the same words as another article",
    "near": "its resemblance to a longer article: the share of the phrases of either that stands in both",
    "excerpt": "its containment in a longer article: the share of its phrases that stands there",
    "first": "the first published article of the story, to which the others were joined",
    "start": "the article that the others were joined to; it is not known to be the first",
    "rewrite": "the probability that it tells the same story as another article of it, in words of its own",
}
_COPIES = {
    "copied": "the share of its words in runs that stand in other members too, whoever had them first",
}
_REWRITES = {
    "reworded": "the share of its words in sentences that other members tell in words of their own",
    "copying": "articles of which at least half comes from other outlets; `dedup audit OUT` lists them",
    "bracket": "a copy group: articles with the same text, or parts of it",
    "cohesion": "the mean probability over all pairs of its copy groups, also those least alike",
    "weakest": "the lowest probability that admitted one; each is of its best match, and so may exceed the cohesion",
}
_TERM = len("identical ")
_SPREAD = (
    "borrowed    the part of its words that members published earlier have, copied or reworded",
    "credited    at least half of it comes from other outlets, and it credits an agency or outlet",
    "uncredited  the same, and it credits nobody",
    "unknown     times and credits do not say who took it from whom",
)
UNKNOWN = "unknown"
_COPYING = ("credited", "uncredited", "unknown")
ACCUSED = frozenset({"uncredited"})
NARROWEST = 10  # columns of a name, at least
HEADING, QUIET, TELLING = "bold", "dim", "cyan"

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


def known(text: str | None) -> str:
    """Return printable text, and a sign where there is none."""
    return printable(text or "") or _UNKNOWN


# Numbers and dates in words ---------------------------------------------------------------------------------------


def share(part: float) -> str:
    """Return a share of 0..1 in percent; only nothing is 0 % and only everything is 100 %."""
    whole = percent(part)
    return "<1 %" if whole < 0 else ">99 %" if whole > _ALL else f"{whole} %"


def percent(part: float) -> int:
    """Return a share of 0..1 in whole percent; -1 for more than nothing that rounds to it, 101 for less than all."""
    rounded = round(abs(part) * _ALL)
    if rounded == 0 and part > _ROUNDING:
        return -1
    return _ALL + 1 if rounded == _ALL and part < 1 - _ROUNDING else rounded


def counted(count: int, singular: str, plural: str | None = None) -> str:
    """Return a count and its noun."""
    return f"{count:,} {singular if count == 1 else plural or singular + 's'}"


def _day(moment: datetime) -> str:
    return f"{moment.day} {moment:%b} {moment.year}"


def _days(first: datetime, last: datetime) -> str:
    return _day(first) if first.date() == last.date() else f"{_day(first)} to {_day(last)}"


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


def moment_of(moment: datetime | None, *, year: bool) -> str:
    """Return a date and time, in UTC, for a column."""
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
    return _Console(file=sys.stdout, width=width, highlight=False, markup=False, emoji=False)


class _Console(Console):
    def on_broken_pipe(self) -> NoReturn:
        """Leave it to the command line how it ends; Rich would exit with 1."""
        raise BrokenPipeError


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
    yield from stories(summary, width, folder)
    yield from notes(counters, settings, width, summary.totals.articles)


def totals(told: Totals) -> Iterator[Text]:
    """Lay out the totals."""
    about = [f"from {counted(told.outlets, 'outlet')}"] if told.outlets else []
    about += [_days(told.first, told.last)] if told.first and told.last else []
    yield Text.assemble((counted(told.articles, "article"), HEADING), f" {', '.join(about)}" if about else "")
    rows: list[tuple[str, int, float | None]] = [
        ("distinct texts", told.distinct_texts, None),
        ("copy groups", told.copy_groups, None),
        ("articles in copy groups", told.grouped_articles, told.grouped_articles / max(1, told.articles)),
    ]
    if told.stories is not None and told.story_articles is not None:
        rows.append(("stories", told.stories, None))
        rows.append(("articles in stories", told.story_articles, told.story_articles / max(1, told.articles)))
    rows += [
        ("words", told.words, None),
        ("words boilerplate", told.boilerplate_words, told.boilerplate),
        ("words copied", told.copied_words, told.copied),
    ]
    digits = max(len(f"{count:,}") for _, count, _ in rows)
    for name, count, part in rows:
        end = "" if part is None else f"   {share(part):>5}"
        yield Text.assemble(f"  {name:<24}", (f"{count:>{digits},}", HEADING), end)


def stories(summary: Summary, width: int, folder: str | None) -> Iterator[Text]:
    """Lay out the largest stories; copy groups, where only copies were looked for."""
    shown, there, only_copies = len(summary.stories), summary.there, summary.totals.stories is None
    one, many = ("copy group", "copy groups") if only_copies else ("story", "stories")
    if there == 0:
        yield Text("No copies were found." if only_copies else "No copies and no rewrites were found.")
    if shown:
        largest = f"The {f'{shown:,} ' if shown > 1 else ''}largest of {there:,} {many}"
        heading = many.capitalize() if shown == there else largest
        yield Text(heading, HEADING)
        columns = _columns(summary, width)
        yield _heads(columns)
        for number, story in enumerate(summary.stories, 1):
            yield Text()
            yield from _story(number, story, columns, folder)
        yield Text()
        for term, meaning in _legend(summary, only_copies=only_copies):
            yield from wrapped(f"{term:<{_TERM}}{meaning}", width, " " * _INDENT, QUIET)
    if shown < there:
        if shown:
            yield Text()
        rest = counted(there - shown, f"more {one}", f"more {many}")
        yield cut(Text(f"{rest}; --top {there} lists all", QUIET), width)


def _legend(summary: Summary, *, only_copies: bool) -> Iterator[tuple[str, str]]:
    """Yield what the words mean: of the relations those that are there."""
    shown = ((member, group, story) for story in summary.stories for group in story.groups for member in group.members)
    there = {_role(*one).partition(" ")[0] for one in shown}
    yield from ((term, meaning) for term, meaning in _RELATIONS.items() if term in there)
    yield from _COPIES.items()
    if not only_copies:
        yield from _REWRITES.items()


def _story(number: int, story: Story, columns: _Columns, folder: str | None) -> Iterator[Text]:
    yield cut(Text.assemble((f"{number:>{_INDENT - 2}}  ", QUIET), (heading_of(story), HEADING)), columns.width)
    for line in (*_about(story, columns.width - _INDENT), *packed(beginnings(story.origins), columns.width - _INDENT)):
        yield from wrapped(line, columns.width, " " * _INDENT, QUIET)
    for group in story.groups:
        yield from _group(group, story, columns, folder)
    hidden = story.copy_groups - len(story.groups)
    if hidden:
        articles = story.size - sum(group.size for group in story.groups)
        rest = counted(articles, "article") if hidden == articles else f"{counted(articles, 'article')} in copy groups"
        yield from _more("    ", f"… and {rest} more", story.story_id, columns, folder)


def _group(group: Group, story: Story, columns: _Columns, folder: str | None) -> Iterator[Text]:
    """Lay out the members; a bracket holds them together where the story has other groups."""
    bracket = story.copy_groups > 1 and group.size > 1
    hidden = group.size - len(group.members)
    for place, member in enumerate(group.members):
        last = place == len(group.members) - 1 and not hidden
        gutter = ("┌" if place == 0 else "└" if last else "│") if bracket else " "
        below = "│" if bracket and not last else " "
        yield from _member(member, columns, heading_of(story), _role(member, group, story), (gutter, below))
    if hidden:
        gutter = "└" if bracket else " "
        yield from _more("  ", f"{gutter} … and {hidden:,} more", group.copy_id, columns, folder)


def _more(indent: str, text: str, name: str, columns: _Columns, folder: str | None) -> Iterator[Text]:
    where = f": dedup show {shlex.quote(folder)} {shlex.quote(printable(name))}" if folder else ""
    yield from wrapped(f"{text}{where}", columns.width, indent, QUIET)


def heading_of(story: Story) -> str:
    """Return what a story is called."""
    return printable(story.title or "") or printable(story.story_id) or _UNKNOWN


def _about(story: Story, width: int) -> list[str]:
    """Describe a story in as many lines as that takes."""
    parts = [counted(story.size, "article")]
    parts += [counted(story.outlets, "outlet")] if story.outlets else []
    parts += [_make_up(story)] if story.copy_groups > 1 else []
    parts += [f"{share(story.copied)} copied", _period(story.first, story.last)]
    parts += [f"cohesion {story.cohesion:.2f}"] if story.cohesion is not None else []
    parts += [f"weakest link {story.weakest:.2f}"] if story.weakest is not None else []
    return packed([*parts, printable(story.story_id)], width)


def beginnings(told: Origins) -> Iterator[str]:
    """Say who was first, where a story comes from, from how many, and who gives credit."""
    if told.first_id == told.origin_id and told.origin_id is not None:
        yield f"first and origin {whose(told.origin_id, told.origin_outlet)}{_evidence(told)}"
    else:
        yield f"first {whose(told.first_id, told.first_outlet)}"
        yield f"origin {whose(told.origin_id, told.origin_outlet)}{_evidence(told)}"
    many = told.independent_at_most
    yield (
        counted(many, "independent origin")
        if many == told.independent
        else (f"{told.independent:,} to {many:,} independent origins")
    )
    copying = [f"{told.verdicts[name]:,} {name}" for name in _COPYING if told.verdicts[name]]
    yield from [f"copying: {', '.join(copying)}"] if copying else []
    yield from [f"{told.verdicts['mostly own']:,} credited, mostly own"] if told.verdicts["mostly own"] else []


def whose(name: str | None, outlet: str | None) -> str:
    """Return the outlet of an article, its id where that has no name, and ``unknown`` where there is no article."""
    return UNKNOWN if name is None else printable(outlet or "") or printable(name)


def _evidence(told: Origins) -> str:
    if told.origin_confidence is None or told.origin_evidence is None:
        return ""
    return f" ({told.origin_confidence:.2f}, {printable(told.origin_evidence)})"


def _make_up(story: Story) -> str:
    """Say how many copy groups and single articles make a story."""
    groups, single = story.copy_groups - story.single_articles, story.single_articles
    alone = f"{single:,} without copies" if groups else "no copies"
    if not groups or not single:
        return counted(groups, "copy group") if groups else alone
    return f"{counted(groups, 'copy group')}, {alone}"


def packed(parts: Iterable[str], width: int) -> list[str]:
    """Join parts to lines that fit a width; a part that does not has a line of its own."""
    lines: list[str] = []
    for part in parts:
        together = f"{lines[-1]} · {part}" if lines else part
        if lines and cell_len(together) <= width:
            lines[-1] = together
        else:
            lines.append(part)
    return lines


# A member in columns ----------------------------------------------------------------------------------------------


class _Columns(NamedTuple):
    """How wide the columns of the members are; on a narrow terminal the title has a line of its own."""

    width: int
    outlet: int
    year: bool
    boilerplate: bool
    reworded: bool
    stacked: bool

    @property
    def date(self) -> int:
        return len("30 Sep 2026 12:30" if self.year else "30 Sep 12:30")


def members(summary: Summary) -> Iterator[Member]:
    """Yield the members that the report lists."""
    return (member for story in summary.stories for group in story.groups for member in group.members)


def _columns(summary: Summary, width: int) -> _Columns:
    widest = max((cell_len(known(member.source)) for member in members(summary)), default=0)
    outlet = max(len("Outlet"), min(widest, width // 5))
    boilerplate = width >= _HOUSE and summary.totals.boilerplate_words > 0
    reworded = width >= _HOUSE and any(member.reworded for member in members(summary))
    return _Columns(width, outlet, width >= _YEAR, boilerplate, reworded, stacked=width < _ONE_LINE)


def _heads(columns: _Columns) -> Text:
    published = "Published (UTC)" if columns.year else "Published"
    shares = ("Boilerplate", "Copied", "Reworded", "Unique")
    return _row(columns, " ", ("Outlet", published, "Relation"), shares, Text("Title"), QUIET)


def _member(member: Member, columns: _Columns, heading: str, relation: str, gutters: tuple[str, str]) -> Iterator[Text]:
    title = Text(printable(member.title or "") or printable(member.id))
    about = (known(member.source), moment_of(member.published, year=columns.year), relation)
    shares = (share(member.boilerplate), share(member.copied), share(member.reworded), share(member.unique))
    yield _row(columns, gutters[0], about, shares, title)
    if columns.stacked and title.plain != heading:
        line = Text(f"  {gutters[1]}   ", QUIET)
        yield cut(line.append_text(title), columns.width)


def _row(
    columns: _Columns,
    gutter: str,
    about: tuple[str, str, str],
    shares: tuple[str, str, str, str],
    title: Text,
    style: str = "",
) -> Text:
    outlet, date, relation = about
    cells = [
        _cell(Text(outlet), columns.outlet),
        _cell(Text(date), columns.date),
        _cell(Text(relation, "" if relation in _UNMATCHED else TELLING), _RELATION),
        Text(f"{shares[1]:>{_SHARE}}"),
        Text(f"{shares[3]:>{_SHARE}}"),
    ]
    if columns.reworded:
        cells.insert(4, Text(f"{shares[2]:>{_REWORDED}}"))
    if columns.boilerplate:
        cells.insert(3, Text(f"{shares[0]:>{_BOILERPLATE}}"))
    line = Text(style=style).append(f"  {gutter} ", QUIET)
    return cut(line.append_text(Text("  ").join(cells if columns.stacked else [*cells, title])), columns.width)


_UNMATCHED = ("Relation", "longest", "first", "start")


def _role(member: Member, group: Group, story: Story) -> str:
    """Return the relation of a member; of one that no match admitted, what it is to the others."""
    if member.relation is None and group.size == 1 and story.size > 1:
        return "first" if member.id == story.origins.first_id else "start"
    if member.relation is None:
        return "longest"
    if member.score is None or member.relation == "identical":
        return printable(member.relation)
    return f"{printable(member.relation)} {member.score:.2f}"


def _cell(text: Text, width: int) -> Text:
    text.truncate(width, overflow="ellipsis", pad=True)
    return text


def cut(line: Text, width: int) -> Text:
    """Cut a line to the width."""
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
        "long list of look-alikes was compared with its {cap} longest only (setting `cap`); results rarely change",
        "long lists of look-alikes were compared with their {cap} longest only (setting `cap`); results rarely change",
    ),
    "capped_articles": (
        "article had over {compared} candidates; it was compared with the {compared} likeliest",
        "articles had over {compared} candidates; each was compared with the {compared} likeliest",
    ),
    "capped_partners": (
        "article had over {partners} likely partners in the window; it was aligned with the {partners} likeliest",
        "articles had over {partners} likely partners in the window; each was aligned with the {partners} likeliest",
    ),
    "skipped_files": (
        "other file in the folder was left alone",
        "other files in the folder were left alone",
    ),
    "capped_sources": (
        "story had more reworded text than is searched for its source; some of it may be told as its own",
        "stories had more reworded text than is searched for its source; some of it may be told as their own",
    ),
}
_LOST = {
    "no_title": "no article has a title: reports show ids instead (`--column title=NAME` names the column)",
    "no_source": "no article has an outlet: what outlets repeat cannot be learned (`--column source=NAME` names the"
    " column)",
    "no_published": "no article has a date: rewrites are judged more strictly, and nobody can be first (`--column"
    " published=NAME` names the column)",
}


def notes(counters: Mapping[str, int], settings: Mapping[str, object], width: int, articles: int = 0) -> Iterator[Text]:
    """Say what was capped, skipped, empty or short, and what no article has; nothing where nothing was."""
    told = [(counters[name], words) for name, words in _NOTES.items() if counters.get(name)]
    lost = [words for name, words in _LOST.items() if 0 < articles <= counters.get(name, 0)]
    if told or lost:
        yield Text()
        yield Text("Please note", style=HEADING)
    for count, (one, many) in told:
        message = (one if count == 1 else many).format_map(_Settings(settings))
        yield from wrapped(f"{count:,} {message}", width, "  ")
    for message in lost:
        yield from wrapped(message, width, "  ")


class _Settings(dict[str, object]):
    """Settings by name; those of a result that does not record one are left open."""

    def __init__(self, settings: Mapping[str, object]) -> None:
        super().__init__({name: printable(str(value)) for name, value in settings.items()})

    def __missing__(self, name: str) -> str:
        return f"the {name}"


def wrapped(text: str, width: int, indent: str, style: str = "") -> Iterator[Text]:
    """Lay out a text in lines that fit; the second and more stand further in."""
    for line in _folded(text, width, indent):
        yield Text(line, style)


def headline(title: str | None, width: int, indent: str, style: str = "") -> Iterator[Text]:
    """Lay out a title in lines that fit, a few at most."""
    lines = list(wrapped(printable(title or ""), width, indent, style))
    yield from lines[: _TITLE_LINES - 1]
    if len(lines) > _TITLE_LINES:
        rest = f"{lines[_TITLE_LINES - 1].plain} {lines[_TITLE_LINES].plain.lstrip()}…"
        yield cut(Text(rest, style), width)
    else:
        yield from lines[_TITLE_LINES - 1 :]


def _folded(text: str, width: int, indent: str) -> Iterator[str]:
    """Break a text between words, and a word only where it is longer than a line: an id can be copied."""
    line, begun = indent, False
    for piece in re.findall(" *[^ ]+", text):
        if begun and cell_len(line + piece) <= width:
            line += piece
            continue
        if begun:
            yield line
            line = f"{indent}  "
        *full, rest = chop_cells(piece.lstrip(), max(2, width - len(indent) - 2))
        for part in full:
            yield line + part
            line = f"{indent}  "
        line, begun = line + rest, True
    if begun:
        yield line


# One story in detail ----------------------------------------------------------------------------------------------


def detail(told: Detail, width: int) -> Iterator[Text]:
    """Lay out one story: every member of every copy group, its witness, and what it shares with whom."""
    story = told.story
    outlets = {member.id: known(member.source) for group in story.groups for member in group.members}
    yield from headline(heading_of(story), width, "", HEADING)
    for line in (*_about(story, width), *(packed(beginnings(story.origins), width) if story.size > 1 else ())):
        yield from wrapped(line, width, "", QUIET)
    if story.size > 1:
        yield Text()
        yield Text("How it spread", HEADING)
        yield from _spread(told.spread, width)
    number, heading = 0, ""
    for group in story.groups:
        if story.copy_groups > 1 and _of_group(group) != heading:
            heading = _of_group(group)
            yield Text()
            yield from wrapped(heading, width, "", HEADING)
        for member in group.members:
            number += 1
            yield Text()
            yield from _whole_member(number, member, _admission(member, group, story, outlets), width)
            for shared in told.shared.get(member.id, ()):
                yield from wrapped(_passages(shared, outlets), width, " " * (_INDENT + 2))


def _spread(members: Sequence[Member], width: int) -> Iterator[Text]:
    """Lay out the members by time: what each is to the origin, how much it borrowed, from whom, and its credit."""
    columns = (
        date_column([member.published for member in members], width),
        Column("Outlet", [whose(member.id, member.outlet) for member in members], least=NARROWEST),
        Column("Role", [member.role or UNKNOWN for member in members], rank=1),
        Column("Borrowed", [_borrowed(member) for member in members], right=True),
        Column("Copying", [copying(member.verdict) for member in members], 2, telling=ACCUSED, style=TELLING),
        Column("Credit", [credit(member.credit) for member in members], 3, least=NARROWEST),
        Column(
            "Most of it from",
            ["" if one.source_id is None else whose(one.source_id, one.source_outlet) for one in members],
            4,
            least=NARROWEST,
        ),
    )
    yield from table(columns, width, "  ", QUIET)
    for line in _SPREAD:
        yield from wrapped(line, width, " " * _INDENT, QUIET)


def date_column(moments: Sequence[datetime | None], width: int) -> Column:
    """Return the column of dates, without the year where the terminal is narrow."""
    year = width >= _YEAR
    return Column("Published (UTC)" if year else "Published", [moment_of(moment, year=year) for moment in moments])


def _borrowed(member: Member) -> str:
    """Return what a member borrowed; where equal or missing times leave half of it open, that is not known."""
    return UNKNOWN if member.borrowed is None or member.independent is None else share(member.borrowed)


def copying(verdict: str | None) -> str:
    """Return a verdict on copying; nothing for an article's own work."""
    return "" if verdict is None or verdict == "own" else verdict


def credit(agency: str | None) -> str:
    """Return whom an article credits: nobody, an agency, or agencies without a name."""
    return "" if agency is None else printable(agency) or "agencies"


def _of_group(group: Group) -> str:
    if group.size == 1:
        return "Without copies"
    return f"Copy group of {group.size:,} · {share(group.copied)} copied · {printable(group.copy_id)}"


def _whole_member(number: int, member: Member, admission: str, width: int) -> Iterator[Text]:
    date = moment_of(member.published, year=True).strip() + (" UTC" if member.published else "")
    indent, name = " " * _INDENT, printable(member.id)
    source = cut(Text(known(member.source), HEADING), width - len(date) - _INDENT - 2)
    lead = Text.assemble((f"{number:>{_INDENT - 2},}  ", QUIET), source, f"  {date}")
    beside = cell_len(f"{lead.plain}  {name}") <= width
    yield cut(lead.append(f"  {name}", QUIET) if beside else lead, width)
    if not beside:
        yield from wrapped(name, width, indent, QUIET)
    yield from headline(member.title, width, indent)
    yield from wrapped(admission, width, indent, TELLING if member.relation else "")
    house = f"{share(member.boilerplate)} boilerplate, " if member.boilerplate else ""
    words = f"{counted(member.words, 'word')}: {house}{_taken(member)}, {share(member.unique)} unique"
    yield from wrapped(words, width, indent)


def _taken(member: Member) -> str:
    """Say what others have too; of the original that is shared with them: it did not copy."""
    if member.role == "original":
        return f"{share(member.copied + member.reworded)} shared"
    told = f", {share(member.reworded)} reworded" if member.reworded else ""
    return f"{share(member.copied)} copied{told}"


_ADMISSIONS = {
    "identical": "identical to {witness}",
    "near": "near copy of {witness}, resemblance {score:.2f}",
    "excerpt": "excerpt of {witness}, containment {score:.2f}",
    "rewrite": "tells the story of {witness} in other words, probability {score:.2f}",
}


def _admission(member: Member, group: Group, story: Story, outlets: Mapping[str, str]) -> str:
    if member.relation is None or member.witness_id is None:
        if group.size > 1:
            return "the longest of the group"
        if story.size == 1:
            return "on its own: no copy of it was found"
        first = member.id == story.origins.first_id
        return "the first published of the story" if first else "the one that the others were joined to"
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
        bounds = f"default {_value(knob.default)}{_bounds(knob)}"
        value = Text.assemble((f"{knob.name} = {_value(knob.value)}", HEADING), " (changed)" if changed else "")
        beside = _cell(value.copy(), max(_KNOB, value.cell_len)).append(f"  {bounds}", QUIET)
        if beside.cell_len <= width:
            yield beside
        else:
            yield from _broken(value, width)
            yield from wrapped(bounds, width, " " * _INDENT, QUIET)
        yield from wrapped(knob.meaning, width, " " * _INDENT)


def _broken(value: Text, width: int) -> Iterator[Text]:
    """Lay out a value, of which a path may be longer than a line."""
    yield from [value] if value.cell_len <= width else wrapped(value.plain, width, "", HEADING)


def _value(value: float | str) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(printable(value)) if isinstance(value, str) else str(value)


def _bounds(knob: Knob) -> str:
    return "" if knob.low is None or knob.high is None else f", from {knob.low:,} to {knob.high:,}"
