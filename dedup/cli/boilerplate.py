"""``dedup boilerplate``: what a corpus repeats."""

from __future__ import annotations

from dataclasses import asdict

import click

from dedup.cli import output
from dedup.cli.options import as_json, check_columns, examples, quietly, with_columns
from dedup.settings import Settings


@click.command(
    short_help="List what a corpus repeats and what is set aside.",
    epilog=examples("dedup boilerplate corpus/", "dedup boilerplate corpus/news.parquet --limit 3 --json"),
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

    check_columns(columns)
    with output.progress(quiet=quiet) as progress:
        told = house.house(corpus, columns, Settings(), limit, progress)
    if as_json:
        output.print_json(asdict(told))
    else:
        to = terminal.console()
        terminal.show(house.page(told, to.width), to)
