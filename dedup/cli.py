"""The command line: parse → one library call → print.

Only click and the settings are imported at the top, so that every ``--help`` is quick.
"""

from __future__ import annotations

import errno
import functools
import io
import json
import os
import shlex
import sys
import tempfile
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
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from dedup.evaluation import Cut, Evaluation
    from dedup.result import Result
    from dedup.workers import Progress

_Command = TypeVar("_Command", bound="Callable[..., Any]")
_TABLES = ("articles.parquet", "matches.parquet", "spans.parquet")
_FILES = f"{', '.join(_TABLES[:-1])} and {_TABLES[-1]}"
_MEMBERS = 8  # of a group, and groups of a story, that the report lists
_STOPPED = 130  # what a shell says of a command that Ctrl-C ended


# How a command ends -----------------------------------------------------------------------------------------------


class Commands(click.Group):
    """Commands that end with 0, with 1 and one line for what is wrong with the data, 2 for usage, 130 for Ctrl-C."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the options, of which --help and --version print."""
        with _ended_well(ctx):
            return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> None:
        """Run the command; what it raises becomes one line on stderr and an exit status."""
        _print_in_any_encoding()
        with _ended_well(ctx):
            super().invoke(ctx)
            sys.stdout.flush()


@contextmanager
def _ended_well(ctx: click.Context) -> Iterator[None]:
    try:
        yield
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
        _end(ctx, f"dedup: error: {_in_words(error)}", 1)


def _in_words(error: OSError) -> str:
    """Return a sentence; an error that names no file is one of printing."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EIO} and error.filename is None:
        return f"what it prints cannot be written: {os.strerror(error.errno).lower()}"
    return str(error)


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
        if not (name and equals):
            raise click.BadParameter(f"{value!r} is not {option.metavar}")
        if name in pairs:
            raise click.BadParameter(f"{name!r} is given twice")
        pairs[name] = rest
    return pairs


def _value(name: str, text: str) -> bool | float | str:
    """Read a setting's value; what is not of its kind is left for Settings to refuse."""
    kind = next((knob.type for knob in fields(Settings) if knob.name == name), "str")
    if kind == "bool":
        return {"true": True, "false": False}.get(text.lower(), text)
    for number in () if kind == "str" else (int, float):
        try:
            return number(text)
        except ValueError:
            continue
    return text


def _setting(flag: str, name: str, kind: type, metavar: str) -> Callable[[_Command], _Command]:
    meaning: str = next(knob.metadata["meaning"] for knob in fields(Settings) if knob.name == name)
    told = _MEANINGS.get(name, f"{meaning[0].upper()}{meaning[1:]}.")
    return click.option(flag, name, type=kind, metavar=metavar, help=told)


_FLAGS = {
    "near": ("--near", float, "SHARE"),
    "excerpt": ("--excerpt", float, "SHARE"),
    "window": ("--window", float, "HOURS"),
    "story_threshold": ("--story-threshold", float, "P"),
    "background": ("--background", str, "FILE"),
    "workers": ("--threads", int, "N"),
}
_MEANINGS = {
    "window": f"Hours that may lie between two articles which are rewrites of one report; {Settings.window:g} by"
    " default.",
    "story_threshold": "How sure two parts of a story must be to be joined: the mean, over all pairs of articles"
    f" between them, of the probability that a pair tells one story; {Settings.story_threshold:g} by default. Lower"
    " joins more rewrites and more look-alikes, higher leaves more apart; `dedup eval OUT TRUTH --sweep` measures it.",
    "background": "Word statistics that `dedup background build` learned from an archive of your own, or in your"
    " language; those of English news by default.",
}
_SWITCHES = {
    "stories": ("--no-stories", "Find copies only, not the rewrites that make stories of them."),
    "boilerplate": (
        "--keep-boilerplate",
        "Count as an article's own text also what its outlet repeats, credits, captions and sign-up lines.",
    ),
}


def with_settings(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of the settings; it gets them as ``settings``, its flags above ``--set``."""

    @functools.wraps(command)
    def assembled(assigned: dict[str, str], **options: Any) -> None:
        values: dict[str, Any] = {name: _value(name, text) for name, text in assigned.items()}
        flags = {name: options.pop(name) for name in _FLAGS}
        values |= {name: value for name, value in flags.items() if value is not None}
        values |= dict.fromkeys([name for name in _SWITCHES if options.pop(name)], False)
        command(settings=_settings(values, [name for name, value in flags.items() if value is not None]), **options)

    told = "Any setting by name; `dedup settings` lists them. Repeatable."
    made = click.option("--set", "assigned", multiple=True, metavar="KEY=VALUE", callback=_pairs, help=told)(assembled)
    for name, (flag, meaning) in reversed(_SWITCHES.items()):
        made = click.option(flag, name, is_flag=True, help=meaning)(made)
    for name, (flag, kind, metavar) in reversed(_FLAGS.items()):
        made = _setting(flag, name, kind, metavar)(made)
    return made


def _settings(values: Mapping[str, Any], flagged: Iterable[str]) -> Settings:
    """Make settings; what is wrong with one that was ``flagged`` is said of its option, not of its name."""
    try:
        return Settings.of(**values)
    except SettingsError as error:
        message = str(error)
        for name in flagged:
            message = message.replace(f"setting {name} = ", f"{_FLAGS[name][0]} ")
        raise SettingsError(message) from error


as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead.")
listed = click.option(
    "--top",
    type=click.IntRange(min=0),
    default=10,
    show_default=True,
    metavar="N",
    help="List the N largest stories, or copy groups with --no-stories.",
)
with_columns = click.option(
    "--column",
    "columns",
    multiple=True,
    metavar="FIELD=NAME",
    callback=_pairs,
    help="The corpus's own name for the field id, text, title, source, published or url, as in text=body; "
    "published= goes without it. Repeatable.",
)
quietly = click.option("-q", "--quiet", is_flag=True, help="Show no progress.")


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
    """Find who copied and who retold what in a corpus of news, and how much of each article is its own."""


@main.command(
    epilog=_examples(
        "dedup find corpus/ -o out/",
        "dedup find corpus/news.parquet --near 0.7 --top 3",
        "dedup find corpus/ --window 24 --story-threshold 0.5",
        "dedup find 'corpus/*.parquet' --no-stories --set shingle=4 --json",
    )
)
@click.argument("corpus")
@click.option(
    "-o", "--output", "out", type=click.Path(path_type=Path), metavar="OUT", help=f"Folder to write {_FILES} to."
)
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
    top: int,
    as_json: bool,
    quiet: bool,
) -> None:
    """Group the copies and the stories in CORPUS and print the report.

    CORPUS is a Parquet file, a folder of them, a glob in quotes, or a URI such as s3://bucket/news/. Each article needs
    an id and a text; title, source (the outlet), published and url are used where they are there.

    A copy group holds articles with the same text, or parts of it; a story holds copy groups, and single articles, that
    tell the same event in words of their own.

    The JSON object has the keys version, settings, counters, totals, and stories: the N largest, with their copy groups
    and all members of these. With --no-stories it has groups instead.
    """
    from dedup import api  # noqa: PLC0415

    _check_columns(columns)
    _check_output(corpus, out)
    with _progress(quiet=quiet) as progress:
        result = api.find(corpus, settings, columns=columns, progress=progress)
    if out is not None:
        result.write(out)
    _print_report(result, top, None if out is None else str(out), as_json=as_json)
    if out is not None:
        sys.stdout.flush()
        click.echo(f"Written to {out}: {_FILES}", err=True)


@main.command(
    short_help="Print the report on an earlier result, or one story.",
    epilog=_examples(
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
    result = _read(out)
    if story is None:
        _print_report(result, top, str(out), as_json=as_json)
    else:
        _print_detail(result, story, as_json=as_json)


@main.command(
    "eval",
    short_help="Measure the stories of a result beside labelled ones.",
    epilog=_examples(
        "dedup find corpus/ -o out/ --story-threshold 0.1",
        "dedup eval out/ corpus/labels.csv --sweep",
        "dedup eval out/ corpus/labels.csv --worst 20 --json",
    ),
)
@click.argument("out", type=click.Path(path_type=Path))
@click.argument("truth", type=click.Path(path_type=Path))
@click.option(
    "--unsure",
    type=click.Path(path_type=Path),
    metavar="PAIRS",
    help="Pairs that do not count: Parquet or CSV with the columns a and b. B-cubed does not know them.",
)
@click.option(
    "--truth-column",
    default="story",
    show_default=True,
    metavar="NAME",
    help="Column of TRUTH with the labels.",
)
@click.option(
    "--worst",
    type=click.IntRange(min=0),
    default=5,
    show_default=True,
    metavar="N",
    help="List the N worst errors of either kind.",
)
@click.option("--sweep", is_flag=True, help="Measure also at every higher story threshold, in steps of 0.05.")
@as_json
def evaluate(
    *, out: Path, truth: Path, unsure: Path | None, truth_column: str, worst: int, sweep: bool, as_json: bool
) -> None:
    """Measure the stories in OUT, a folder that `dedup find` wrote, beside the labelled ones in TRUTH.

    TRUTH is Parquet or CSV with an id and a label; articles of the same label are one story. Those without a label are
    left out, and a labelled one that OUT does not have counts as a story of its own. Printed are precision, recall and
    F1 over pairs and over articles (B-cubed), the adjusted Rand index, the found story that holds the most true ones,
    and the worst errors: the two parts with the most wrong pairs between them, by the titles of one such pair.

    With --sweep the scored pairs in OUT are linked again. Pairs between stories are not stored, so that this goes
    upward only; for lower thresholds make OUT with a low --story-threshold, as in the example.
    """
    from dedup import evaluation  # noqa: PLC0415

    result = _read(out)
    pairs = None if unsure is None else evaluation.read_pairs(unsure)
    labelled = evaluation.Labelled(result, evaluation.read_truth(truth, truth_column), pairs)
    _print_evaluation(labelled.evaluate(worst), labelled.sweep() if sweep else (), as_json=as_json)


@main.command(
    short_help="List what a corpus repeats and what is set aside.",
    epilog=_examples("dedup boilerplate corpus/", "dedup boilerplate corpus/news.parquet --limit 3 --json"),
)
@click.argument("corpus")
@with_columns
@click.option(
    "--limit",
    type=click.IntRange(min=0),
    default=10,
    show_default=True,
    metavar="N",
    help="List the N most frequent lines of each outlet.",
)
@as_json
@quietly
def boilerplate(*, corpus: str, columns: dict[str, str], limit: int, as_json: bool, quiet: bool) -> None:
    """List what is boilerplate in CORPUS: neither copies nor rewrites are looked for in it.

    General rules know credits, captions, sign-up lines and the like of any outlet; for each is told how many words it
    marks. The rest is learned: sentences, and runs of eight words, that recur in unrelated articles of one outlet. They
    are listed by outlet, each as it stands in one article, with the number of articles it was seen in.
    """
    from dedup.report import house, terminal  # noqa: PLC0415

    _check_columns(columns)
    with _progress(quiet=quiet) as progress:
        told = house.house(corpus, columns, Settings(), limit, progress)
    if as_json:
        _print_json(asdict(told))
    else:
        to = terminal.console()
        terminal.show(house.page(told, to.width), to)


@main.group(short_help="Learn word statistics from your own archive.")
def background() -> None:
    """Word statistics: how rare words are, and which keep company."""


@background.command(
    short_help="Learn word statistics from a corpus.",
    epilog=_examples(
        "dedup background build corpus/ -o background.parquet", "dedup find corpus/ --background background.parquet"
    ),
)
@click.argument("corpus")
@click.option(
    "-o",
    "--output",
    "file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    required=True,
    help="File to write, as Parquet.",
)
@with_columns
@quietly
def build(*, corpus: str, file: Path, columns: dict[str, str], quiet: bool) -> None:
    """Learn from CORPUS how rare words are and which keep company, for `dedup find --background FILE`.

    Worth it for an archive of ten thousand articles and more: in another language than English, or of another kind than
    general news. Needs scipy: pip install scipy. The corpus is read twice and never held.
    """
    from dedup import background as words  # noqa: PLC0415
    from dedup.corpus import open_corpus  # noqa: PLC0415

    _check_columns(columns)
    _check_file(corpus, file)
    with _progress(quiet=quiet) as progress:
        table = words.build(open_corpus(corpus, columns), (Path(corpus).name,), progress)
    with _whole(file) as work:
        words.write(table, work)
    learned = len(table) - table["vector"].null_count
    click.echo(f"{len(table):,} words, {learned:,} of them with the company they keep, written to {file}")


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


def _read(folder: Path) -> Result:
    """Read a result back; where there is none, say what stands in its place."""
    from dedup.result import Result  # noqa: PLC0415

    if not folder.exists():
        raise OutputError(f"{folder}: no such folder; `dedup find CORPUS -o {shlex.quote(str(folder))}` writes one")
    if not folder.is_dir():
        raise OutputError(f"{folder}: is a file; name the folder that `dedup find CORPUS -o OUT` wrote")
    missing = [name for name in _TABLES if not (folder / name).exists()]
    if missing:
        lacks = "holds no result" if len(missing) == len(_TABLES) else f"its result lacks {' and '.join(missing)}"
        raise OutputError(f"{folder}: {lacks}; name the folder that `dedup find CORPUS -o OUT` wrote")
    return Result.read(folder)


def _check_file(corpus: str, file: Path) -> None:
    """Refuse, before any work, a file that cannot be written, or that the next run would read as corpus."""
    if file.is_dir():
        raise OutputError(f"{file}: is a folder; name a file")
    if not file.parent.is_dir() or not os.access(file.parent, os.W_OK):
        raise OutputError(f"{file}: cannot be written ({file.parent} takes no new file); name another")
    source = Path(corpus)
    if source.exists() and file.resolve().is_relative_to(source.resolve()):
        raise OutputError(f"{file}: lies in the corpus {corpus}, which would then hold it; name another file")


@contextmanager
def _whole(file: Path) -> Iterator[Path]:
    """Yield a path to write to, which takes the place of ``file`` when all is written."""
    with tempfile.TemporaryDirectory(prefix=f".{file.name}.", dir=file.parent) as folder:
        work = Path(folder) / file.name
        yield work
        work.replace(file)


@contextmanager
def _progress(*, quiet: bool) -> Iterator[Progress]:
    if quiet or not sys.stderr.isatty():
        from dedup.workers import silent  # noqa: PLC0415

        yield silent
        return
    from dedup.report.progress import shown  # noqa: PLC0415

    with shown() as progress:
        yield progress


def _print_report(result: Result, top: int, folder: str | None, *, as_json: bool) -> None:
    from dedup.report import summary, terminal  # noqa: PLC0415

    if as_json:
        _print_json(summary.summary_document(result, summary.summarise(result, top)))
        return
    to = terminal.console()
    told = summary.summarise(result, top, _MEMBERS)
    terminal.show(terminal.report(told, result.settings, result.counters, to.width, folder), to)


def _print_detail(result: Result, story: str, *, as_json: bool) -> None:
    from dedup.report import summary, terminal  # noqa: PLC0415

    told = summary.detail(result, story)
    if as_json:
        _print_json(summary.detail_document(result, told))
        return
    to = terminal.console()
    terminal.show(terminal.detail(told, to.width), to)


def _print_evaluation(told: Evaluation, cuts: Sequence[Cut], *, as_json: bool) -> None:
    from dedup.report import measures, terminal  # noqa: PLC0415

    if as_json:
        _print_json(asdict(told) | ({"sweep": [asdict(cut) for cut in cuts]} if cuts else {}))
        return
    to = terminal.console()
    terminal.show(measures.measures(told, to.width), to)
    if cuts:
        terminal.show(measures.sweep(cuts, to.width), to)


def _print_json(document: Mapping[str, Any]) -> None:
    """Print ASCII only: no text of a corpus can then do anything to a terminal."""
    click.echo(json.dumps(document, indent=2, allow_nan=False, default=datetime.isoformat))
