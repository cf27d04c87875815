"""``dedup convert``: files of other kinds → a corpus."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from dedup.cli import output
from dedup.cli.files import check_file, whole
from dedup.cli.options import as_json, check_columns, examples, quietly, with_columns
from dedup.errors import CorpusError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dedup.conversion import Conversion

_KINDS = ("text", "html", "json", "csv", "warc")
_NAMED = 3  # files of no known kind, in a message


@click.command(
    short_help="Make a corpus of text files, web pages, JSON, CSV or WARC.",
    epilog=examples(
        "dedup convert pages/ -o pages.parquet",
        "dedup convert pages/*.txt -o texts.parquet",
        "dedup convert news.jsonl.gz -o news.parquet --column text=body --rejects bad.jsonl",
    ),
)
@click.argument("sources", nargs=-1, required=True, metavar="SRC...")
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
    "--kind",
    type=click.Choice(_KINDS),
    help="What the files are, whatever their suffix says; standard input has none.",
)
@with_columns
@click.option(
    "--encoding",
    default="utf-8",
    show_default=True,
    metavar="NAME",
    help="Of text, JSON and CSV, such as cp1252. A byte order mark goes above it; web pages say their own.",
)
@click.option("--fields-only", is_flag=True, help="Leave out all columns but the six fields.")
@click.option(
    "--rejects",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Go on where a row is bad, and list such rows here as JSON lines: place, line, reason, detail, value. "
    "Without it the first one ends the work, and nothing is written.",
)
@as_json
@quietly
def convert(
    *,
    sources: tuple[str, ...],
    file: Path,
    kind: str | None,
    columns: dict[str, str],
    encoding: str,
    fields_only: bool,
    rejects: Path | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Make a corpus of files: SRC is a file, a folder with all below it, a glob in quotes, or - for standard input.

    \b
    text   .txt                   an article a file; its first line is the title where a blank line follows
    html   .html .htm .xhtml      an article a page, without its navigation (needs trafilatura)
    json   .jsonl .ndjson .json   an object a line; or, in .json, one array of objects, or one object
    csv    .csv .tsv .tab         a row under a header; , ; tab or | is seen from the header
    warc   .warc .wet             the pages, or the texts, of a crawl (needs warcio)

    Each may be packed (.gz, .zst). --column maps the names of JSON and CSV, as in text=body; a.b is what stands in an
    object. Dates are ISO or RFC 2822; without a zone they are UTC. Other fields that hold text, numbers or true and
    false become columns of their own; lists and objects are left out, and named.

    Where a row has no id, one is made: of a text file or a page its name without the suffix, with the folders below
    SRC; of a row NAME:LINE; in a WARC file the id of its record. No two articles may have one id.
    """  # noqa: D301  (click keeps the lines after it)
    from dedup import conversion  # noqa: PLC0415
    from dedup.formats.sources import check_encoding, find_sources  # noqa: PLC0415

    check_columns(columns)
    check_encoding(encoding)
    _check_targets(sources, file, rejects)
    found, skipped = find_sources(sources, kind)
    with _listed(rejects) as listed, output.progress(quiet=quiet) as progress, whole(file) as work:
        told = conversion.convert(
            found,
            file,
            work=work,
            columns=columns,
            encoding=encoding,
            fields_only=fields_only,
            rejects=listed,
            progress=progress,
        )
    if as_json:
        output.print_json(asdict(told) | {"skipped": skipped})
    else:
        _print(told, file)
    _warn(told, skipped, rejects)


def _check_targets(sources: Sequence[str], file: Path, rejects: Path | None) -> None:
    for target in (file, rejects):
        for source in sources:
            if target is not None:
                check_file(source, target, parquet=target == file)
    if rejects is not None and rejects.resolve() == file.resolve():
        raise click.UsageError("--rejects: is the file of the corpus; name another")


@contextmanager
def _listed(file: Path | None) -> Iterator[TextIO | None]:
    """Yield the list of bad rows; it is kept also where there is no article among them."""
    if file is None:
        yield None
        return
    refused: CorpusError | None = None
    with whole(file) as work, work.open("w", encoding="ascii") as listed:
        try:
            yield listed
        except CorpusError as error:
            refused = error
    if refused is not None:
        raise CorpusError(f"{refused}; the bad rows are listed in {file}") from refused


def _print(told: Conversion, file: Path) -> None:
    from dedup.report import terminal  # noqa: PLC0415

    counted, to = terminal.counted, terminal.console()
    written = f"{counted(told.articles, 'article')} from {counted(told.files, 'file')} written to {file}"
    terminal.show(terminal.wrapped(terminal.printable(written), to.width, ""), to)
    lines = [f"columns: {', '.join(map(terminal.printable, told.columns))}"]
    if told.made_ids:
        lines.append(f"ids made from names of files: {told.made_ids:,}")
    if told.passed:
        lines.append(f"records that are no pages: {told.passed:,}")
    for line in lines:
        terminal.show(terminal.wrapped(line, to.width, "  "), to)
    sys.stdout.flush()


def _warn(told: Conversion, skipped: Sequence[str], rejects: Path | None) -> None:
    from dedup.report.terminal import counted, printable  # noqa: PLC0415

    lines = [f"Left out: column {name}: {reason}" for name, reason in told.left_out.items()]
    if skipped:
        more = f" and {len(skipped) - _NAMED:,} more" if len(skipped) > _NAMED else ""
        what = f"{counted(len(skipped), 'file')} of no known kind"
        lines.append(f"Left out: {what}: {', '.join(skipped[:_NAMED])}{more}")
    if told.rejected:
        lines.append(
            f"Left out: {counted(sum(told.rejected.values()), 'bad row')} ({told.reasons()}), listed in {rejects}"
        )
    for line in lines:
        click.echo(printable(line), err=True)
