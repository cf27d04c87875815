"""``dedup add``, ``dedup check`` and ``dedup index``: an index that grows with the news."""

from __future__ import annotations

import functools
import itertools
import json
import math
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TextIO

import click

from dedup.cli import output
from dedup.cli.files import TABLES_NAMED, check_new_file, check_output
from dedup.cli.options import as_json, check_columns, examples, quietly, with_chosen, with_columns
from dedup.errors import CorpusError, OutputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from dedup.article import Article
    from dedup.cli.options import Chosen
    from dedup.corpus import Corpus
    from dedup.index import Index, Verdict
    from dedup.lines import Lines

_COPIES = {"identical", "near", "excerpt"}
_EVENTS = 1000  # that are read at a time
_POLL = 0.5  # seconds between two looks at the events, with --follow

_place = click.argument("place", metavar="INDEX", type=click.Path(path_type=Path))


def _seconds(_ctx: click.Context, _option: click.Parameter, value: float) -> float:
    if math.isnan(value):
        raise click.BadParameter("nan is no number of seconds; give one, such as 30")
    return value


_waiting = click.option(
    "--wait",
    type=click.FloatRange(min=0),
    callback=_seconds,
    default=0.0,
    metavar="SECONDS",
    help="Wait so long for another process that writes; by default not at all.",
)


class _Reading(NamedTuple):
    """How articles are read: the names of their columns or fields; whether as JSON lines; where bad ones are listed."""

    columns: dict[str, str]
    jsonl: bool
    rejects: Path | None

    @contextmanager
    def lines(self, place: str) -> Iterator[tuple[Lines, TextIO | None]]:
        """Open JSON lines, and the list of bad ones, which is written as they come."""
        from dedup.lines import lines_of  # noqa: PLC0415

        with lines_of(place, self.columns) as lines:
            if self.rejects is None:
                yield lines, None
                return
            check_new_file(self.rejects)
            if self.rejects.resolve() == Path(place).resolve():
                raise OutputError(f"{self.rejects}: is what is read; name another file")
            with self.rejects.open("w", encoding="ascii") as listed:
                yield lines, listed


def _with_reading(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command --column, --jsonl and --rejects; it gets them as ``reading``."""

    @functools.wraps(command)
    def read(*, columns: dict[str, str], jsonl: bool, rejects: Path | None, **options: Any) -> None:
        if jsonl and options["as_json"]:
            raise click.UsageError("--json and --jsonl exclude each other; leave one out")
        if rejects is not None and not jsonl:
            raise click.UsageError("--rejects: lists bad lines, and goes with --jsonl")
        check_columns(columns)
        command(reading=_Reading(columns, jsonl, rejects), **options)

    made = click.option("--rejects", type=click.Path(path_type=Path), metavar="FILE", help=_REJECTS)(read)
    made = click.option("--jsonl", is_flag=True, help="Read articles as JSON lines, and print a verdict a line.")(made)
    return with_columns(made)


_REJECTS = (
    "With --jsonl, go on where a line is bad: it is listed here as JSON (place, line, reason, detail, value), and an"
    " object with `line` and `error` takes the place of its verdict. Without it the first one ends the work."
)


# Adding -----------------------------------------------------------------------------------------------------------


@click.command(
    short_help="Add articles to an index, and say what each is.",
    epilog=examples(
        "dedup add news.index corpus/",
        "dedup add news.index corpus/news.parquet --no-learn --json",
        "dedup add news.index articles.jsonl --jsonl --rejects bad.jsonl",
    ),
)
@_place
@click.argument("corpus")
@_with_reading
@click.option("--no-learn", is_flag=True, help="Do not learn from CORPUS before it goes into a new index.")
@click.option(
    "--batch",
    type=click.IntRange(min=1),
    default=1000,
    show_default=True,
    metavar="N",
    help="Articles that become durable together, at most.",
)
@_waiting
@with_chosen
@as_json
@quietly
def add(
    *,
    place: Path,
    corpus: str,
    reading: _Reading,
    no_learn: bool,
    batch: int,
    wait: float,
    chosen: Chosen,
    as_json: bool,
    quiet: bool,
) -> None:
    """Add the articles in CORPUS to INDEX, a folder, which is made where there is none.

    CORPUS is as for `dedup find`. A new index first learns from it what outlets repeat and how rare words are; without
    that, boilerplate is found by general rules only. What is added is safe at once: the work can be stopped at any time
    and started again, and skips what is in. The same id with another text is an update.

    With --jsonl, CORPUS is a file of JSON lines, or - for standard input: objects with id and text, and title, source,
    published and url where they are known. For each line one verdict is printed as a line of JSON, as soon as it is
    durable. Lines from standard input wait for no others: those that are there are added together, up to --batch.
    Nothing is learned from lines; `dedup index learn INDEX CORPUS` learns from an archive.

    Settings are chosen when an index is made; others are refused later.

    The JSON object has the counts: articles (read), added, known, updated; of those added and updated: copies,
    rewrites, news; and in the index now: in_index, stories. A story may be of one article.
    """
    if reading.jsonl:
        with reading.lines(corpus) as (lines, listed), _open(place, chosen, wait) as index:
            _answer(lines, batch, listed, lambda articles: index.add(articles, batch=batch))
        return
    from dedup.corpus import open_corpus  # noqa: PLC0415

    opened = open_corpus(corpus, reading.columns)
    with _open(place, chosen, wait) as index:
        with output.progress(quiet=quiet) as progress:
            if not no_learn and index.info().learned == 0 and len(index) == 0 and len(opened):
                index.learn(corpus, columns=reading.columns, progress=progress)
            told = _added(index, opened, batch, lambda done: progress("add", done, len(opened)))
        told |= {"in_index": len(index), "stories": index.info().stories}
    if as_json:
        output.print_json(told)
    else:
        _print_added(told, place)


def _open(place: Path, chosen: Chosen, wait: float) -> Index:
    from dedup.index import Index  # noqa: PLC0415

    return Index.open(place, {name: getattr(chosen.settings, name) for name in chosen.origins}, wait=wait)


def _added(index: Index, corpus: Corpus, batch: int, note: Callable[[int], None]) -> dict[str, int]:
    statuses: Counter[str] = Counter()
    kinds: Counter[str] = Counter()
    from dedup.index.intake import of_corpus  # noqa: PLC0415

    for table in of_corpus(corpus, batch):
        for verdict in index.stream(table, batch=batch, ledgers=False):
            statuses[verdict.status] += 1
            kinds[_kind(verdict)] += verdict.status != "known"
        note(statuses.total())
    return {
        "articles": statuses.total(),
        **{name: statuses[name] for name in ("added", "known", "updated")},
        **{name: kinds[name] for name in ("copies", "rewrites", "news")},
    }


def _kind(verdict: Verdict) -> str:
    if verdict.relation is None:
        return "news"
    return "copies" if verdict.relation in _COPIES else "rewrites"


def _print_added(told: Mapping[str, int], place: Path) -> None:
    from dedup.report import terminal  # noqa: PLC0415

    to = terminal.console()
    line = f"{terminal.counted(told['articles'], 'article')}: {_counted(told, 'added', 'known', 'updated')}"
    terminal.show(terminal.wrapped(line, to.width, ""), to)
    if told["added"] or told["updated"]:
        line = f"new here: {_counted(told, 'copies', 'rewrites', 'news')}"
        terminal.show(terminal.wrapped(line, to.width, "  "), to)
    holds = f"{terminal.counted(told['in_index'], 'article')}, {terminal.counted(told['stories'], 'story', 'stories')}"
    terminal.show(terminal.wrapped(f"now in {terminal.printable(str(place))}: {holds}", to.width, "  "), to)


def _counted(told: Mapping[str, int], *names: str) -> str:
    return ", ".join(f"{told[name]:,} {name}" for name in names)


# JSON lines -------------------------------------------------------------------------------------------------------


def _answer(lines: Lines, most: int, listed: TextIO | None, ask: Callable[[list[Article]], list[Verdict]]) -> None:
    """Print a line for every line, as soon as it is known; without a list, a bad line ends the work."""
    from dedup.formats.records import Fault  # noqa: PLC0415
    from dedup.lines import document  # noqa: PLC0415

    for batch in lines.batches(most):
        bad = {line.number: line.article for line in batch if isinstance(line.article, Fault)}
        end = min(bad) if bad and listed is None else batch[-1].number + 1
        asked = [line.article for line in batch if line.number < end and not isinstance(line.article, Fault)]
        verdicts = iter(ask(asked))
        told = [
            {"line": line.number, "error": bad[line.number].detail} if line.number in bad else document(next(verdicts))
            for line in batch
            if line.number < end
        ]
        _print_lines(told)
        if end in bad:
            where = f"{lines.place}, line {end}"
            raise CorpusError(f"{where}: {bad[end].detail}; --rejects FILE lists such lines and goes on")
        if listed is not None:
            listed.writelines(json.dumps({"place": lines.place, **fault._asdict()}) + "\n" for fault in bad.values())
            listed.flush()


def _print_lines(told: Iterable[Mapping[str, Any]]) -> None:
    lines = [json.dumps(one, allow_nan=False, default=datetime.isoformat) for one in told]
    if lines:
        click.echo("\n".join(lines))


# Asking -----------------------------------------------------------------------------------------------------------


def _moment(_ctx: click.Context, _option: click.Parameter, value: str | None) -> datetime | None:
    if value is None:
        return None
    from dedup.formats.dates import moment  # noqa: PLC0415

    try:
        return moment(value).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise click.BadParameter(f"{value!r} is no date, such as 2026-11-22 or 2026-11-22T15:21:00Z") from error


@click.command(
    short_help="Say what an article is beside an index, without adding it.",
    epilog=examples(
        "dedup check news.index corpus/#harbour-bridge-light",
        "dedup check news.index page.txt --published 2026-03-03T11:00 --json",
        "dedup check news.index articles.jsonl --jsonl",
    ),
)
@_place
@click.argument("file")
@click.option(
    "--published",
    metavar="DATE",
    callback=_moment,
    help="When FILE was published, where it does not say so; otherwise it is taken as new as the newest of the index.",
)
@_with_reading
@as_json
def check(
    *,
    place: Path,
    file: str,
    published: datetime | None,
    reading: _Reading,
    as_json: bool,
) -> None:
    """Say whether FILE is a copy, a rewrite or news beside the articles of INDEX, of what, and how much of it is new.

    FILE is a text file in UTF-8, an HTML page (with trafilatura: pip install trafilatura), - for standard input, or
    CORPUS#ID: an article of a Parquet file, a folder of them, a glob in quotes, or a URI. Nothing is stored.

    With --jsonl, FILE holds JSON lines as for `dedup add`, and every line is answered before the next is read.
    """
    if reading.jsonl:
        if published is not None:
            raise click.UsageError("--published: is for one article; JSON lines have a field published")
        with reading.lines(file) as (lines, listed), _read(place) as index:
            _answer(lines, 1, listed, lambda articles: [index.check(article) for article in articles])
        return
    with _read(place) as index:
        told, name = _checked(index, file, reading.columns, published)
        if as_json:
            from dedup.lines import document  # noqa: PLC0415

            output.print_json(document(told))
            return
        from dedup.report import terminal, verdicts  # noqa: PLC0415

        entries = {match.id: index.get(match.id) for match in told.matches}
    to = terminal.console()
    terminal.show(verdicts.verdict(told, name, entries, to.width), to)


def _checked(index: Index, file: str, columns: dict[str, str], published: datetime | None) -> tuple[Verdict, str]:
    """Return the verdict on a file, and what its article is called."""
    from dedup.article import Article  # noqa: PLC0415
    from dedup.references import read_article  # noqa: PLC0415

    read = read_article(file, columns)
    article = Article(
        read.place, read.text, read.title or None, read.source or None, published or read.published, read.url or None
    )
    return index.check(article), read.title or read.place


def _read(place: Path) -> Index:
    from dedup.index import Index  # noqa: PLC0415

    return Index.open(place, readonly=True)


# Looking after ----------------------------------------------------------------------------------------------------


@click.group("index", short_help="Look into an index, verify, prune and export it, follow what changes.")
def group() -> None:
    """Look after an index that `dedup add` made: what it holds, whether it is whole, what changed, what goes."""


@group.command(short_help="Say what an index holds.", epilog=examples("dedup index info news.index --json"))
@_place
@as_json
def info(*, place: Path, as_json: bool) -> None:
    """Print what INDEX holds: articles, stories, events, oldest and newest, size on disk, settings.

    A story may be of one article.
    """
    with _read(place) as index:
        told = index.info()
    if as_json:
        output.print_json(asdict(told))
        return
    from dedup.report import terminal, verdicts  # noqa: PLC0415

    to = terminal.console()
    terminal.show(verdicts.info(told, to.width), to)


@group.command(short_help="Read every byte and list every damage.", epilog=examples("dedup index verify news.index"))
@_place
@as_json
@click.pass_context
def verify(ctx: click.Context, *, place: Path, as_json: bool) -> None:
    """Read every byte of INDEX and list what is damaged; exit with 1 where anything is.

    The JSON object has the list damages.
    """
    with _read(place) as index:
        damages, articles = index.verify(), None
        if not damages:
            articles = len(index)
    if as_json:
        output.print_json({"damages": damages})
    else:
        from dedup.report import terminal  # noqa: PLC0415

        to = terminal.console()
        told = damages if articles is None else [f"{terminal.counted(articles, 'article')}, no damage"]
        for line in told:
            terminal.show(terminal.wrapped(terminal.printable(line), to.width, ""), to)
    if damages:
        ctx.exit(1)


@group.command(
    short_help="Remove what was published before a date.",
    epilog=examples("dedup index prune news.index --before 2026-03-05"),
)
@_place
@click.option(
    "--before",
    metavar="DATE",
    required=True,
    callback=_moment,
    help="As in 2026-03-05, or with a time; without a zone it is UTC.",
)
@_waiting
@as_json
def prune(*, place: Path, before: datetime, wait: float, as_json: bool) -> None:
    """Remove the articles published before a date from INDEX. Articles without a date stay.

    Months that lie before the date as a whole are deleted as files; nothing is written again for them.

    The JSON object has the counts removed and in_index.
    """
    with _written(place, wait) as index:
        _print_removed(index.prune(before), len(index), as_json=as_json)


@group.command(
    short_help="Remove articles by id.", epilog=examples("dedup index remove news.index harbour-bridge-light")
)
@_place
@click.argument("ids", metavar="ID...", nargs=-1, required=True)
@_waiting
@as_json
def remove(*, place: Path, ids: tuple[str, ...], wait: float, as_json: bool) -> None:
    """Remove articles from INDEX by their ids, and all that is kept of them. Ids that are not there are passed over.

    A story keeps its id also when the article that founded it goes. The JSON object has the counts removed and
    in_index.
    """
    with _written(place, wait) as index:
        _print_removed(index.remove(ids), len(index), as_json=as_json)


def _print_removed(removed: int, left: int, *, as_json: bool) -> None:
    if as_json:
        output.print_json({"removed": removed, "in_index": left})
        return
    from dedup.report.terminal import counted  # noqa: PLC0415

    click.echo(f"{counted(removed, 'article')} removed, {left:,} left")


@group.command(
    short_help="Write an index as the result of a `find`.", epilog=examples("dedup index export news.index -o out/")
)
@_place
@click.option(
    "-o",
    "--output",
    "out",
    type=click.Path(path_type=Path),
    metavar="OUT",
    required=True,
    help=f"Folder to write {TABLES_NAMED} to.",
)
@as_json
def export(*, place: Path, out: Path, as_json: bool) -> None:
    """Write what INDEX holds as the three Parquet files of `dedup find`, with its ledgers made anew.

    The JSON object has the counts articles, matches and spans.
    """
    check_output(str(place), out)
    with _read(place) as index:
        result = index.result()
    result.write(out)
    told = {name: len(getattr(result, name)) for name in ("articles", "matches", "spans")}
    if as_json:
        output.print_json(told)
        return
    from dedup.report.terminal import printable  # noqa: PLC0415

    click.echo(f"{', '.join(f'{count:,} {name}' for name, count in told.items())} written to {printable(str(out))}")


@group.command(
    short_help="Print what changed as JSON lines.",
    epilog=examples("dedup index events news.index", "dedup index events news.index --since 140"),
)
@_place
@click.option(
    "--since",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    metavar="CURSOR",
    help="Print what came after the event with this cursor.",
)
@click.option("--follow", is_flag=True, help="Wait for more, until the process is ended.")
def events(*, place: Path, since: int, follow: bool) -> None:
    """Print what changed in INDEX, in order, a line of JSON an event: cursor, kind, id, story_id, other.

    \b
    added    the article begins a story of its own
    joined   the article belongs to the story story_id
    moved    the article went to the story story_id from the story other
    merged   the story other is part of the story story_id now
    updated  the article has another text; its story is story_id
    removed  the article is gone
    """  # noqa: D301  (click keeps the lines after it)
    with _read(place) as index:
        while True:
            found = list(itertools.islice(index.events(since), _EVENTS))
            _print_lines(map(asdict, found))
            if found:
                since = found[-1].cursor
            elif follow:
                time.sleep(_POLL)
            else:
                return


@group.command(
    short_help="Learn from an archive, for the articles that come later.",
    epilog=examples("dedup index learn news.index corpus/"),
)
@_place
@click.argument("corpus")
@with_columns
@_waiting
@as_json
@quietly
def learn(*, place: Path, corpus: str, columns: dict[str, str], wait: float, as_json: bool, quiet: bool) -> None:
    """Learn from CORPUS what outlets repeat and how rare words are, in the place of what INDEX had learned before.

    It counts for articles that are added later; those that are in stay as they were read. The JSON object has the count
    learned.
    """
    check_columns(columns)
    with _written(place, wait) as index:
        with output.progress(quiet=quiet) as progress:
            index.learn(corpus, columns=columns, progress=progress)
        learned = index.info().learned
    if as_json:
        output.print_json({"learned": learned})
        return
    from dedup.report.terminal import counted  # noqa: PLC0415

    click.echo(f"Learned from {counted(learned, 'article')}")


def _written(place: Path, wait: float) -> Index:
    """Open an index that is there for writing."""
    from dedup.index import Index  # noqa: PLC0415

    with _read(place):
        pass
    return Index.open(place, wait=wait)
