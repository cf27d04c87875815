"""``dedup keep``: the corpus without its copies."""

from __future__ import annotations

import csv
import sys
from contextlib import ExitStack
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dedup.cli import output
from dedup.cli.files import check_file, read_result, whole
from dedup.cli.options import as_json, examples, quietly
from dedup.errors import OutputError

if TYPE_CHECKING:
    from dedup.corpus import Corpus
    from dedup.keeping import Choice

_NONE = "joined through others"
_RULES = ("first", "longest", "origin")


def _preference(_ctx: click.Context, _option: click.Parameter, value: str) -> tuple[str, list[str]]:
    """Read a rule, and the outlets where it is ``source``; quotes keep a comma in a name."""
    rule, equals, rest = value.partition("=")
    if rule in _RULES and not equals:
        return rule, []
    outlets = [name.strip() for name in next(csv.reader([rest], skipinitialspace=True), []) if name.strip()]
    if rule == "source" and outlets:
        return rule, outlets
    raise click.BadParameter(f"{value!r} is not first, longest, origin or source=NAME[,NAME...]")


@click.command(
    short_help="Write the corpus with one article of each copy group or story.",
    epilog=examples(
        "dedup find corpus/ -o out/",
        "dedup keep out/ -o kept.parquet",
        "dedup keep out/ -o kept.parquet --prefer source=Nordwire,Ostrel --dropped dropped.parquet",
        "dedup keep out/ -o stories.parquet --per story --prefer longest --json",
    ),
)
@click.argument("out", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    "file",
    type=click.Path(path_type=Path),
    metavar="CORPUS",
    required=True,
    help="File to write, as Parquet.",
)
@click.option(
    "--per",
    type=click.Choice(("copy", "story")),
    default="copy",
    show_default=True,
    help="Keep one article of each copy group, or of each story.",
)
@click.option(
    "--prefer",
    default="first",
    show_default=True,
    metavar="RULE",
    callback=_preference,
    help="Which one: first, longest, origin, or source=NAME[,NAME...].",
)
@click.option(
    "--dropped",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write what was dropped, as Parquet: id, kept_id, relation, reason.",
)
@click.option("--corpus", "place", metavar="CORPUS", help="Where the corpus is, if no longer where OUT was made from.")
@as_json
@quietly
def keep(
    *,
    out: Path,
    file: Path,
    per: str,
    prefer: tuple[str, list[str]],
    dropped: Path | None,
    place: str | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Write the corpus of OUT, a folder that `dedup find` wrote, with one article of each copy group or story.

    All columns stay as they were, under their own names. Articles that are in no group are kept.

    \b
    first    the earliest published; an undated one only where all are undated
    longest  the one of most words that are not boilerplate
    origin   the origin of the story, where it is a member of the group
    source   an article of the first of these outlets that has one, named as in the column source

    Where a rule leaves several, or none, the earliest published of them is kept; of the same time, the one whose id
    sorts first. What was written is read again: what is kept and what was dropped are all articles, each once.
    """  # noqa: D301  (click keeps the lines after it)
    from dedup import keeping  # noqa: PLC0415
    from dedup.lookup import corpus_of  # noqa: PLC0415
    from dedup.report.terminal import printable  # noqa: PLC0415

    result = read_result(out)
    corpus = corpus_of(result, place)
    targets = [target for target in (file, dropped) if target is not None]
    _check_targets(out, corpus, targets)
    rule, outlets = prefer
    choice = keeping.choose(result, per=per, prefer=rule, sources=outlets)
    with ExitStack() as stack:
        works = [stack.enter_context(whole(target)) for target in targets]
        with output.progress(quiet=quiet) as progress:
            keeping.write_kept(corpus, choice, file, work=works[0], progress=progress)
        if dropped is not None:
            keeping.write_dropped(choice, works[1], dropped)
    told = _told(choice, per)
    if as_json:
        output.print_json(told)
    else:
        _print(told, per)
    sys.stdout.flush()
    click.echo(printable(f"Written to {' and '.join(map(str, targets))}"), err=True)


def _check_targets(out: Path, corpus: Corpus, targets: list[Path]) -> None:
    for target in targets:
        check_file(corpus.source, target, parquet=True)
        if target.resolve().is_relative_to(out.resolve()):
            raise OutputError(f"{target}: lies in {out}, which holds the result and nothing else; name another file")
        if fnmatch(str(target.absolute()), corpus.source):
            raise OutputError(
                f"{target}: is of the corpus {corpus.source}, which would then hold it; name another file"
            )
    if len({target.resolve() for target in targets}) < len(targets):
        raise click.UsageError("--dropped: is the file of the corpus; name another")


def _told(choice: Choice, per: str) -> dict[str, Any]:
    return {
        "per": per,
        "articles": len(choice.ids),
        "kept": choice.kept,
        "dropped": len(choice.dropped),
        "groups": choice.groups,
        "relations": _counts(choice, "relation"),
        "reasons": _counts(choice, "reason"),
    }


def _counts(choice: Choice, name: str) -> dict[str, int]:
    import pyarrow as pa  # noqa: PLC0415

    counted = choice.dropped[name].cast(pa.string()).value_counts().to_pylist()
    rows = sorted(((one["counts"], one["values"] or _NONE) for one in counted), key=lambda row: (-row[0], row[1]))
    return {value: count for count, value in rows}


def _print(told: dict[str, Any], per: str) -> None:
    from dedup.report import terminal  # noqa: PLC0415

    to = terminal.console()
    names = ("copy group", "copy groups") if per == "copy" else ("story", "stories")
    groups = terminal.counted(told["groups"], *names)
    articles = terminal.counted(told["articles"], "article")
    line = f"{articles}: {told['kept']:,} kept, {told['dropped']:,} dropped, from {groups}"
    terminal.show(terminal.wrapped(line, to.width, ""), to)
    for name, heading in (("relations", "match with the kept one"), ("reasons", "why the other was kept")):
        if told[name]:
            counts = ", ".join(f"{count:,} {value}" for value, count in told[name].items())
            terminal.show(terminal.wrapped(f"{heading}: {counts}", to.width, "  "), to)
