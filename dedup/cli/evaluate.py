"""``dedup eval``: stories beside labelled ones."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dedup.cli import output
from dedup.cli.files import read_result
from dedup.cli.options import as_json, examples

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dedup.evaluation import Cut, Evaluation


@click.command(
    "eval",
    short_help="Measure the stories of a result beside labelled ones.",
    epilog=examples(
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

    result = read_result(out)
    pairs = None if unsure is None else evaluation.read_pairs(unsure)
    labelled = evaluation.Labelled(result, evaluation.read_truth(truth, truth_column), pairs)
    _print_evaluation(labelled.evaluate(worst), labelled.sweep() if sweep else (), as_json=as_json)


def _print_evaluation(told: Evaluation, cuts: Sequence[Cut], *, as_json: bool) -> None:
    from dedup.report import measures, terminal  # noqa: PLC0415

    if as_json:
        output.print_json(asdict(told) | ({"sweep": [asdict(cut) for cut in cuts]} if cuts else {}))
        return
    to = terminal.console()
    terminal.show(measures.measures(told, to.width), to)
    if cuts:
        terminal.show(measures.sweep(cuts, to.width), to)
