"""``dedup report``: a page to look at."""

from __future__ import annotations

from pathlib import Path

import click

from dedup.cli.files import check_file, read_result, whole
from dedup.cli.options import examples
from dedup.errors import OutputError


@click.command(
    short_help="Write one HTML file to look at: overview, stories, texts side by side.",
    epilog=examples(
        "dedup find corpus/ -o out/",
        "dedup report out/ --html report.html",
        "dedup report out/ --html report.html --stories 50 --corpus corpus/",
    ),
)
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--html", "file", type=click.Path(path_type=Path), metavar="FILE", required=True, help="File to write.")
@click.option(
    "--stories",
    type=click.IntRange(min=0),
    metavar="N",
    help="Tell the N largest stories with their articles and texts, however large the file gets; by default as many as"
    " fit into 3 MB. The others are in its list, the 20,000 largest at least.",
)
@click.option(
    "--corpus",
    "source",
    metavar="CORPUS",
    help="Where the corpus is now, if it was moved since: the texts are read from there.",
)
def report(*, out: Path, file: Path, stories: int | None, source: str | None) -> None:
    """Write one HTML file on OUT, the folder that `dedup find CORPUS -o OUT` wrote, to open in a browser.

    It shows the totals, the outlets and who copies whom; the stories, to search and sort; of each story when which
    outlet published it and what every article took; and any two of its articles side by side, with what is copied and
    reworded marked. The file holds all it needs: it can be mailed, and nothing is loaded from elsewhere.

    The texts come from the corpus, which must be where it was, or where --corpus says. Without it, or where a text is
    not the one that OUT was made from, the file is written without texts side by side, and a line says why.

    Needs Jinja2: pip install 'dedup[report]'.
    """
    from dedup.report.page import page  # noqa: PLC0415
    from dedup.report.terminal import counted, printable  # noqa: PLC0415

    if file.resolve().is_relative_to(out.resolve()):
        raise OutputError(f"{file}: lies in {out}, which holds the result and nothing else; name a file elsewhere")
    result = read_result(out)
    check_file(source or result.corpus.get("source", ""), file)
    made = page(result, stories, source)
    with whole(file) as work:
        work.write_text(made.html, encoding="utf-8", newline="\n")
    if made.missing:
        click.echo(printable(f"dedup: written without texts side by side: {made.missing}"), err=True)
    told = f"{counted(made.there, *made.noun)}, {made.detailed:,} with articles, {made.compared:,} with texts"
    click.echo(f"{told}: {file.stat().st_size / 1e6:.1f} MB written to {file}")
