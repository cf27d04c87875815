"""``dedup compare``: two articles beside each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dedup.cli import output
from dedup.cli.options import as_json, check_columns, examples, with_columns, with_text_settings

if TYPE_CHECKING:
    from dedup.settings import Settings


@click.command(
    short_help="Show two articles side by side: what each shares with the other.",
    epilog=examples(
        "dedup compare corpus/news.parquet#harbour-bridge-wire corpus/news.parquet#harbour-bridge-heavy",
        "dedup compare corpus/#ferry-fire-wire corpus/#ferry-fire-light --no-text",
        "dedup compare corpus/#ferry-fire-wire corpus/#ferry-fire-copy --keep-boilerplate --json",
    ),
)
@click.argument("left", metavar="A")
@click.argument("right", metavar="B")
@with_columns
@with_text_settings
@click.option("--no-text", is_flag=True, help="Print the shares only.")
@as_json
def compare(
    *, left: str, right: str, columns: dict[str, str], settings: Settings, no_text: bool, as_json: bool
) -> None:
    """Show the articles A and B side by side: how much of each is copied from the other, reworded, and its own.

    A and B are each a text file in UTF-8, an HTML page (with trafilatura: pip install trafilatura), - for standard
    input, or CORPUS#ID: an article of a Parquet file, a folder of them, a glob in quotes, or a URI. An id may hold #
    and /: the longest part before a # that exists is the corpus.

    Every word is one of four kinds. = copied: in a run of five or more words (setting `shingle`), or in a whole
    sentence, that the other has word for word. ~ reworded: in a sentence that the other tells in its own words.
    # boilerplate: credits, captions, sign-up lines. + unique: the rest. Sentences that belong together stand level; of
    one that has moved, → B7 says where its counterpart is.

    Two texts do not say what an outlet repeats: such lines, which `find` learns from a whole corpus and sets aside,
    count here as any others, and the shares may differ from those of a result. `dedup explain OUT A B` knows them.

    The JSON object has the keys version, settings, left, right (the two articles) and comparison: both ledgers with
    their spans, and the aligned passages, in characters of the texts.
    """
    check_columns(columns)
    if left == right == "-":
        raise click.UsageError("A and B are both standard input; name a file for one of them")
    from dedup import api  # noqa: PLC0415
    from dedup.references import read_article  # noqa: PLC0415
    from dedup.report import beside, terminal  # noqa: PLC0415
    from dedup.version import VERSION  # noqa: PLC0415

    one, two = read_article(left, columns), read_article(right, columns)
    told = api.compare(one.text, two.text, settings, titles=(one.title, two.title), sources=(one.source, two.source))
    if as_json:
        output.print_json(
            {"version": VERSION, **beside.document(told, one, two, settings.recorded(), texts=not no_text)}
        )
        return
    to = terminal.console()
    terminal.show(beside.beside(told, one, two, to.width, texts=not no_text), to)
