"""``dedup find`` and ``dedup show``: the report on a corpus."""

from __future__ import annotations

import functools
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from dedup.cli import output
from dedup.cli.files import TABLES_NAMED, check_output, read_result
from dedup.cli.options import as_json, check_columns, examples, listed, quietly, with_columns, with_settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from dedup.result import Result
    from dedup.settings import Settings

_MEMBERS = 8  # of a group, and groups of a story, that the report lists


class _Engine(NamedTuple):
    """What computes, and within what."""

    name: str
    master: str | None
    memory: str | None
    work: Path | None

    def check(self) -> None:
        """Refuse what the other engine is told by."""
        if self.name != "spark" and self.master is not None:
            raise click.UsageError("--master is for --engine spark")
        if self.name == "spark" and (self.memory is not None or self.work is not None):
            raise click.UsageError("--memory and --work are for --engine local: Spark has settings of its own for them")

    def find(self, corpus: str, settings: Settings, columns: dict[str, str], *, quiet: bool) -> Result:
        """Find the copies and the stories."""
        if self.name == "spark":
            from dedup import spark  # noqa: PLC0415

            shown = not quiet and sys.stderr.isatty()
            return spark.find_files(corpus, settings, columns, self.master or "local[*]", shown=shown)
        from dedup import api  # noqa: PLC0415

        with output.progress(quiet=quiet) as progress:
            return api.find(corpus, settings, columns=columns, memory=self.memory, work=self.work, progress=progress)


def _with_engine(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of what computes; it gets them as ``engine``."""

    @click.option(
        "--memory",
        metavar="SIZE",
        help="The most memory to take, as 4GB or 512MiB.  [default: what is needed; all that can goes to disk beyond"
        " three quarters of the machine's]",
    )
    @click.option(
        "--work",
        type=click.Path(path_type=Path),
        metavar="DIR",
        help="Folder for what does not fit; nothing stays there.  [default: the one for temporary files]",
    )
    @click.option(
        "--engine",
        type=click.Choice(["local", "spark"]),
        default="local",
        show_default=True,
        help="What computes: this process, or Apache Spark (docs/spark.md). The result is the same.",
    )
    @click.option(
        "--master",
        metavar="URL",
        help="With --engine spark: where, as spark://host:7077.  [default: local[*], all cores]",
    )
    @functools.wraps(command)
    def engined(*, engine: str, master: str | None, memory: str | None, work: Path | None, **options: Any) -> None:
        command(engine=_Engine(engine, master, memory, work), **options)

    return engined


@click.command(
    epilog=examples(
        "dedup find corpus/ -o out/",
        "dedup find corpus/news.parquet --near 0.7 --top 3",
        "dedup find corpus/ --window 24 --story-threshold 0.5",
        "dedup find 'corpus/*.parquet' --no-stories --set shingle=4 --json",
    )
)
@click.argument("corpus")
@click.option(
    "-o", "--output", "out", type=click.Path(path_type=Path), metavar="OUT", help=f"Folder to write {TABLES_NAMED} to."
)
@_with_engine
@with_columns
@with_settings
@listed
@as_json
@quietly
def find(
    *,
    corpus: str,
    out: Path | None,
    columns: dict[str, str],
    settings: Settings,
    engine: _Engine,
    top: int,
    as_json: bool,
    quiet: bool,
) -> None:
    """Group the copies and the stories in CORPUS and print the report.

    CORPUS is a Parquet file, a folder of them, a glob in quotes, or a URI such as s3://bucket/news/. Each article needs
    an id and a text; title, source (the outlet), published and url are used where they are there.

    A copy group holds articles with the same text, or parts of it; a story holds copy groups, and single articles, that
    tell the same event in words of their own.

    What does not fit into --memory goes to files without a name (docs/scale.md): an interrupted run leaves nothing, and
    cannot be resumed. The result is the same, whatever the budget.

    The JSON object has the keys version, settings, counters, totals, and stories: the N largest, with their copy groups
    and all members of these. With --no-stories it has groups instead.
    """
    check_columns(columns)
    check_output(corpus, out)
    engine.check()
    result = engine.find(corpus, settings, columns, quiet=quiet)
    if out is not None:
        result.write(out)
    _print_report(result, top, None if out is None else str(out), as_json=as_json)
    if out is not None:
        sys.stdout.flush()
        click.echo(f"Written to {out}: {TABLES_NAMED}", err=True)


@click.command(
    short_help="Print the report on an earlier result, or one story.",
    epilog=examples(
        "dedup find corpus/ -o out/",
        "dedup show out/ --top 3",
        "dedup show out/ harbour-bridge-wire",
        "dedup show out/ ferry-fire --json",
    ),
)
@click.argument("out", type=click.Path(path_type=Path))
@click.argument("story", required=False)
@listed
@as_json
def show(*, out: Path, story: str | None, top: int, as_json: bool) -> None:
    """Print the report on OUT, the folder that `dedup find CORPUS -o OUT` wrote, or one STORY in detail.

    STORY is a story_id, a copy_id, the id of any member, or the beginning of one that no other story shares.

    With STORY, the JSON object has that one story, and each of its members a list `shared`: with whom, how much.
    """
    result = read_result(out)
    if story is None:
        _print_report(result, top, str(out), as_json=as_json)
    else:
        _print_detail(result, story, as_json=as_json)


def _print_report(result: Result, top: int, folder: str | None, *, as_json: bool) -> None:
    from dedup.report import summary, terminal  # noqa: PLC0415

    if as_json:
        output.print_json(summary.summary_document(result, summary.summarise(result, top)))
        return
    to = terminal.console()
    told = summary.summarise(result, top, _MEMBERS)
    terminal.show(terminal.report(told, result.settings, result.counters, to.width, folder), to)


def _print_detail(result: Result, story: str, *, as_json: bool) -> None:
    from dedup.report import summary, terminal  # noqa: PLC0415

    told = summary.detail(result, story)
    if as_json:
        output.print_json(summary.detail_document(result, told))
        return
    to = terminal.console()
    terminal.show(terminal.detail(told, to.width), to)
