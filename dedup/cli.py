"""The command line: parse → one library call → print.

Only click and the settings are imported at the top, so that every ``--help`` is quick.
"""

from __future__ import annotations

import functools
import io
import json
import os
import sys
from contextlib import contextmanager
from dataclasses import asdict, fields
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from dedup.errors import DedupError, OutputError, SettingsError
from dedup.settings import Settings
from dedup.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from dedup.result import Result
    from dedup.workers import Progress

_Command = TypeVar("_Command", bound="Callable[..., Any]")
_FILES = "articles.parquet, matches.parquet and spans.parquet"
_MEMBERS = 8  # of a group that the report lists
_STOPPED = 130  # what a shell says of a command that Ctrl-C ended


# How a command ends -----------------------------------------------------------------------------------------------


class Commands(click.Group):
    """Commands that end with 0, with 1 and one line for what is wrong with the data, 2 for usage, 130 for Ctrl-C."""

    def invoke(self, ctx: click.Context) -> None:
        """Run the command; what it raises becomes one line on stderr and an exit status."""
        _print_in_any_encoding()
        try:
            super().invoke(ctx)
            sys.stdout.flush()
        except KeyboardInterrupt:
            _end(ctx, "dedup: stopped; nothing is left half-written", _STOPPED)
        except BrokenPipeError:
            _discard_stdout()
            ctx.exit(0)
        except SettingsError as error:
            _end(ctx, f"dedup: error: {error}", 2)
        except DedupError as error:
            _end(ctx, f"dedup: error: {error}", 1)
        except OSError as error:
            _discard_stdout()
            _end(ctx, f"dedup: error: {error}", 1)


def _end(ctx: click.Context, message: str, status: int) -> NoReturn:
    from dedup.report.terminal import printable  # noqa: PLC0415

    click.echo(printable(message), err=True)
    ctx.exit(status)


def _print_in_any_encoding() -> None:
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")


def _discard_stdout() -> None:
    """Let what is still in the buffer go nowhere: whoever read it has gone, or the disk is full."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError:  # not a file: a test's stdout
        return


# Options that several commands have -------------------------------------------------------------------------------


def _pairs(_ctx: click.Context, option: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for value in values:
        name, equals, rest = value.partition("=")
        if not (name and equals and rest):
            raise click.BadParameter(f"{value!r} is not {option.metavar}")
        if name in pairs:
            raise click.BadParameter(f"{name!r} is given twice")
        pairs[name] = rest
    return pairs


def _number(text: str) -> int | float | str:
    """Read a setting's value; what is no number is left for Settings to refuse."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _setting(flag: str, name: str, kind: type, metavar: str) -> Callable[[_Command], _Command]:
    meaning: str = next(knob.metadata["meaning"] for knob in fields(Settings) if knob.name == name)
    return click.option(flag, name, type=kind, metavar=metavar, help=f"{meaning[0].upper()}{meaning[1:]}.")


_FLAGS = {
    "near": ("--near", float, "SHARE"),
    "excerpt": ("--excerpt", float, "SHARE"),
    "workers": ("--threads", int, "N"),
}


def with_settings(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of the settings; it gets them as ``settings``, its flags above ``--set``."""

    @functools.wraps(command)
    def assembled(assigned: dict[str, str], **options: Any) -> None:
        values: dict[str, Any] = {name: _number(text) for name, text in assigned.items()}
        flags = {name: options.pop(name) for name in _FLAGS}
        values |= {name: value for name, value in flags.items() if value is not None}
        command(settings=Settings.of(**values), **options)

    told = "Any setting by name; `dedup settings` lists them. Repeatable."
    made = click.option("--set", "assigned", multiple=True, metavar="KEY=VALUE", callback=_pairs, help=told)(assembled)
    for name, (flag, kind, metavar) in reversed(_FLAGS.items()):
        made = _setting(flag, name, kind, metavar)(made)
    return made


as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead.")
listed = click.option(
    "--groups",
    type=click.IntRange(min=0),
    default=10,
    show_default=True,
    metavar="N",
    help="List the N largest copy groups.",
)


def _examples(*lines: str) -> str:
    """Return the end of a help text, which click is not to wrap."""
    return "\n".join(["\b", "Examples:", *(f"  {line}" for line in lines)])


# Commands ---------------------------------------------------------------------------------------------------------


@click.group(
    name="dedup",
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=_examples("dedup find corpus/ -o out/", "dedup show out/ harbour-bridge-wire"),
)
@click.version_option(VERSION, prog_name="dedup")
def main() -> None:
    """Find who copied what in a corpus of news, and how much of each article is its own."""


@main.command(
    epilog=_examples(
        "dedup find corpus/ -o out/",
        "dedup find corpus/news.parquet --near 0.7 --groups 3",
        "dedup find 'corpus/*.parquet' --set shingle=4 --json",
    )
)
@click.argument("corpus")
@click.option(
    "-o", "--output", "out", type=click.Path(path_type=Path), metavar="OUT", help=f"Folder to write {_FILES} to."
)
@click.option(
    "--column",
    "columns",
    multiple=True,
    metavar="FIELD=NAME",
    callback=_pairs,
    help="The corpus's own name for the field id, text, title, source, published or url, as in text=body. Repeatable.",
)
@with_settings
@listed
@as_json
@click.option("-q", "--quiet", is_flag=True, help="Show no progress.")
def find(
    *,
    corpus: str,
    out: Path | None,
    columns: dict[str, str],
    settings: Settings,
    groups: int,
    as_json: bool,
    quiet: bool,
) -> None:
    """Group the copies in CORPUS and print the report.

    CORPUS is a Parquet file, a folder of them, a glob in quotes, or a URI such as s3://bucket/news/. Each article needs
    an id and a text; title, source (the outlet), published and url are used where they are there.

    The JSON object has the keys version, settings, counters, totals, and groups: the N largest, with all their members.
    """
    from dedup import api  # noqa: PLC0415

    _check_columns(columns)
    _check_output(corpus, out)
    with _progress(quiet=quiet) as progress:
        result = api.find(corpus, settings, columns=columns, progress=progress)
    if out is not None:
        result.write(out)
    _print_report(result, groups, None if out is None else str(out), as_json=as_json)
    if out is not None:
        sys.stdout.flush()
        click.echo(f"Written to {out}: {_FILES}", err=True)


@main.command(
    short_help="Print the report on an earlier result, or one group.",
    epilog=_examples(
        "dedup find corpus/ -o out/",
        "dedup show out/ --groups 3",
        "dedup show out/ harbour-bridge-wire",
        "dedup show out/ ferry-fire --json",
    ),
)
@click.argument("out", type=click.Path(path_type=Path))
@click.argument("group", required=False)
@listed
@as_json
def show(*, out: Path, group: str | None, groups: int, as_json: bool) -> None:
    """Print the report on OUT, the folder that `dedup find CORPUS -o OUT` wrote, or one GROUP in detail.

    GROUP is a copy_id, the id of any member, or the beginning of one that no other group shares.

    With GROUP, the JSON object has that one group, and each of its members a list `shared`: with whom, how much.
    """
    from dedup.result import Result  # noqa: PLC0415

    result = Result.read(out)
    if group is None:
        _print_report(result, groups, str(out), as_json=as_json)
    else:
        _print_detail(result, group, as_json=as_json)


@main.command(
    "settings",
    short_help="Print the settings and what they mean.",
    epilog=_examples("dedup settings", "dedup settings --near 0.7 --set shingle=4 --json"),
)
@with_settings
@as_json
def show_settings(*, settings: Settings, as_json: bool) -> None:
    """Print the settings in force, what each means, its range and its default."""
    from dedup.report import summary, terminal  # noqa: PLC0415

    knobs = summary.knobs(settings)
    if as_json:
        _print_json({knob.name: asdict(knob) for knob in knobs})
    else:
        to = terminal.console()
        terminal.show(terminal.knobs(knobs, to.width), to)


# What the commands do ---------------------------------------------------------------------------------------------


def _check_columns(columns: Mapping[str, str]) -> None:
    from dedup.article import FIELDS  # noqa: PLC0415

    unknown = [field for field in columns if field not in FIELDS.names]
    if unknown:
        raise click.UsageError(f"--column: {unknown[0]!r} is not a field; the fields are {', '.join(FIELDS.names)}")


def _check_output(corpus: str, out: Path | None) -> None:
    """Refuse, before any work, a folder that cannot be written to, or that the next run would read as corpus."""
    from dedup.result import check_target  # noqa: PLC0415

    if out is None:
        return
    check_target(out)
    folder = Path(corpus)
    if folder.is_dir() and out.resolve().is_relative_to(folder.resolve()):
        raise OutputError(
            f"{out}: lies in the corpus {corpus}, which would then hold its own result; name another folder"
        )


@contextmanager
def _progress(*, quiet: bool) -> Iterator[Progress]:
    if quiet or not sys.stderr.isatty():
        from dedup.workers import silent  # noqa: PLC0415

        yield silent
        return
    from dedup.report.progress import shown  # noqa: PLC0415

    with shown() as progress:
        yield progress


def _print_report(result: Result, groups: int, folder: str | None, *, as_json: bool) -> None:
    from dedup.report import summary, terminal  # noqa: PLC0415

    if as_json:
        _print_json(summary.summary_document(result, summary.summarise(result, groups)))
        return
    to = terminal.console()
    told = summary.summarise(result, groups, _MEMBERS)
    terminal.show(terminal.report(told, result.settings, result.counters, to.width, folder), to)


def _print_detail(result: Result, group: str, *, as_json: bool) -> None:
    from dedup.report import summary, terminal  # noqa: PLC0415

    told = summary.detail(result, group)
    if as_json:
        _print_json(summary.detail_document(result, told))
        return
    to = terminal.console()
    terminal.show(terminal.detail(told, to.width), to)


def _print_json(document: Mapping[str, Any]) -> None:
    """Print ASCII only: no text of a corpus can then do anything to a terminal."""
    click.echo(json.dumps(document, indent=2, allow_nan=False, default=datetime.isoformat))
