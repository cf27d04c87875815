"""``dedup curve``: what the banding and the thresholds in force mean."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dedup.cli import output
from dedup.cli.files import check_new_file, whole
from dedup.cli.options import as_json, examples, with_settings

if TYPE_CHECKING:
    from dedup.settings import Settings


@click.command(
    short_help="Plot the S-curve of the banding in force.",
    epilog=examples(
        "dedup curve",
        "dedup curve --near 0.7 --set bands=32 --set rows=4",
        "dedup curve --svg curve.svg --json",
    ),
)
@with_settings
@click.option(
    "--svg",
    "file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write the plot to FILE, as SVG for light and dark pages.",
)
@click.option("--ascii", "plain", is_flag=True, help="Plot with ASCII only; by itself where stdout takes no more.")
@as_json
def curve(*, settings: Settings, file: Path | None, plain: bool, as_json: bool) -> None:
    """Tell how surely two articles become a candidate, by their resemblance, and what the thresholds mean.

    Articles that agree in one of the bands become a candidate (settings bands and rows); a candidate is compared
    exactly. Told are the S-curve, the recall to expect at and above --near, the standard error of a resemblance
    estimated from signatures, by permutations, and how surely excerpts are seen through their sampled shingles.

    The JSON object has the same numbers: `points` of the curve, `errors` by permutations, `excerpts` by length and
    containment.
    """
    from dedup import curve as curves  # noqa: PLC0415
    from dedup.report import plot, terminal  # noqa: PLC0415

    if file is not None:
        check_new_file(file)
    told = curves.curve(settings)
    if file is not None:
        with whole(file) as work:
            work.write_text(plot.svg(told), encoding="utf-8")
    if as_json:
        output.print_json(asdict(told))
    else:
        to = terminal.console()
        terminal.show(plot.curve(told, to.width, fine=not plain and plot.can_draw(to.encoding)), to)
    if file is not None:
        sys.stdout.flush()
        click.echo(f"Written to {file}", err=True)
