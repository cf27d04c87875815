"""``dedup audit``: who copied whom, and gives credit or not."""

from __future__ import annotations

from pathlib import Path

import click

from dedup.cli import output
from dedup.cli.files import read_result
from dedup.cli.options import Share, as_json, examples

_HALF = 0.5  # audit.HALF, without loading what it needs


@click.command(
    short_help="List who copied whom, with a credit or without.",
    epilog=examples(
        "dedup find corpus/ -o out/",
        "dedup audit out/ --top 3",
        "dedup audit out/ --outlet 'Velmark Today'",
        "dedup audit out/ --least 0.2 --json",
    ),
)
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--outlet", metavar="NAME", help="Only the articles of this outlet.")
@click.option(
    "--least",
    type=Share(),
    default=_HALF,
    show_default=True,
    metavar="SHARE",
    help="The share of an article's words, boilerplate apart, from which it counts as copying.",
)
@click.option(
    "--top",
    type=click.IntRange(min=0),
    default=10,
    show_default=True,
    metavar="N",
    help="List the N stories with the most uncredited words, and in the table the first N outlets.",
)
@as_json
def audit(*, out: Path, outlet: str | None, least: float, top: int, as_json: bool) -> None:
    """List the articles in OUT, a folder that `dedup find` wrote, by who copied whom and gives credit or not.

    An article copies where SHARE or more of its words, copied or reworded, come from other outlets: from articles that
    were published before, or whose outlet it credits. It is credited where it names an agency or another outlet, in a
    dateline or a line of its own. Where neither times nor credits say who took from whom, the verdict is unknown.

    The JSON object has the counts, all outlets, and the N stories with all their articles.
    """
    from dedup.report import credits as credits_  # noqa: PLC0415
    from dedup.report import terminal  # noqa: PLC0415

    result = read_result(out)
    told = credits_.credits_of(result, least, top, outlet)
    if as_json:
        output.print_json(credits_.document(result, told))
        return
    to = terminal.console()
    terminal.show(credits_.page(told, to.width, top), to)
