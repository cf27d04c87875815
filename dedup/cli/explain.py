"""``dedup explain``: why two articles are together, or apart."""

from __future__ import annotations

from pathlib import Path

import click

from dedup.cli import output
from dedup.cli.files import read_result
from dedup.cli.options import as_json, examples, quietly

_ARTICLES = 10_000  # explanation.AROUND, which would load numpy for every --help


@click.command(
    short_help="Say why two articles are in one copy group or story, or why not.",
    epilog=examples(
        "dedup find corpus/ -o out/",
        "dedup explain out/ harbour-bridge-wire harbour-bridge-heavy",
        "dedup explain out/ ferry-fire-wire ferry-fire-heavy --corpus corpus/ --json",
    ),
)
@click.argument("out", type=click.Path(path_type=Path))
@click.argument("left", metavar="A")
@click.argument("right", metavar="B")
@click.option(
    "--corpus",
    metavar="CORPUS",
    help="Where the corpus is now, if it has moved since OUT was made; its columns are those that OUT remembers.",
)
@click.option(
    "--articles",
    type=click.IntRange(min=2),
    default=_ARTICLES,
    show_default=True,
    metavar="N",
    help="Read at most N articles again, the nearest in time. Figures are exact where that is the whole corpus.",
)
@as_json
@quietly
def explain(*, out: Path, left: str, right: str, corpus: str | None, articles: int, as_json: bool, quiet: bool) -> None:
    """Say why the articles A and B, two ids, are in one copy group or story in OUT, or why not.

    OUT is a folder that `dedup find CORPUS -o OUT` wrote; the texts are read again from CORPUS. First comes the
    verdict: the rule and the number that decided. Then the evidence for copies (bands, sampled shingles, estimate and
    exact overlap) and for one story (salient terms, hours, the probability and what makes it), and which settings
    would change the verdict: each that is named was tried.
    """
    if left == right:
        raise click.UsageError(f"A and B are both {left!r}: name two articles")
    from dedup import explanation, lookup  # noqa: PLC0415
    from dedup.report import reasons, terminal  # noqa: PLC0415

    result = read_result(out)
    with output.progress(quiet=quiet) as progress:
        told = explanation.explain(
            result, left, right, lookup.corpus_of(result, corpus), most=articles, progress=progress
        )
    if as_json:
        output.print_json(reasons.document(told))
        return
    to = terminal.console()
    terminal.show(reasons.reasons(told, to.width), to)
