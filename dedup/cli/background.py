"""``dedup background``: word statistics from an archive."""

from __future__ import annotations

from pathlib import Path

import click

from dedup.cli import output
from dedup.cli.files import check_file, whole
from dedup.cli.options import check_columns, examples, quietly, with_columns


@click.group(short_help="Learn word statistics from your own archive.")
def background() -> None:
    """Word statistics: how rare words are, and which keep company."""


@background.command(
    short_help="Learn word statistics from a corpus.",
    epilog=examples(
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

    check_columns(columns)
    check_file(corpus, file, parquet=True)
    with output.progress(quiet=quiet) as progress:
        table = words.build(open_corpus(corpus, columns), (Path(corpus).name,), progress)
    with whole(file) as work:
        words.write(table, work, file)
    learned = len(table) - table["vector"].null_count
    click.echo(f"{len(table):,} words, {learned:,} of them with the company they keep, written to {file}")
