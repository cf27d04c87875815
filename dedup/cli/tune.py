"""``dedup tune``: thresholds beside your own judgement."""

from __future__ import annotations

import sys
from dataclasses import asdict, replace
from datetime import UTC, datetime
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dedup.cli import output
from dedup.cli.files import check_file
from dedup.cli.options import as_json, check_columns, examples, quietly, with_columns, with_settings
from dedup.errors import CorpusError, DedupError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from dedup.references import Article
    from dedup.settings import Settings
    from dedup.tuning import Pair

    _Show = Callable[[Pair, int, bool], None]
    _Save = Callable[[Sequence[Pair]], None]

_PAIRS = 40
_ANSWERS = {
    **dict.fromkeys(("y", "yes"), "y"),
    **dict.fromkeys(("n", "no"), "n"),
    "?": "?",
    **dict.fromkeys(("b", "back"), "back"),
    **dict.fromkeys(("m", "more"), "more"),
    **dict.fromkeys(("q", "quit"), "quit"),
}
_EXPECTED = "y, n, ?, back, more or quit"
_AROUND = 12  # lines of a question that are not text


@click.command(
    short_help="Judge pairs near the thresholds, and see which threshold fits.",
    epilog=examples(
        "dedup tune corpus/ --labels tune.csv",
        "dedup tune --labels tune.csv --report",
        "dedup tune --labels tune.csv --report --near 0.7 --json",
    ),
)
@click.argument("corpus", required=False)
@click.option(
    "--labels",
    type=click.Path(path_type=Path),
    default=Path("tune.csv"),
    show_default=True,
    metavar="FILE",
    help="File of the pairs and your answers, CSV or (by its name) Parquet. One that is there is gone on with.",
)
@click.option(
    "--pairs",
    type=click.IntRange(min=1),
    metavar="N",
    help=f"Ask about N pairs, or all that there are where these are fewer; {_PAIRS} by default.",
)
@click.option("--report", "only_report", is_flag=True, help="Ask nothing; report what the labels file says.")
@with_columns
@with_settings
@as_json
@quietly
def tune(
    *,
    corpus: str | None,
    labels: Path,
    pairs: int | None,
    only_report: bool,
    columns: dict[str, str],
    settings: Settings,
    as_json: bool,
    quiet: bool,
) -> None:
    """Show pairs of articles of CORPUS that are near the thresholds, take your judgement, and suggest thresholds.

    The corpus is searched with lowered thresholds. Of the pairs found within reach of --near, --excerpt and
    --story-threshold, N are drawn at random, evenly by score, and shown side by side in an order that does not tell
    their scores. Answer with a key: y or n, ? for unsure, b to go back, m for the whole texts, q to quit. Every answer
    is saved at once; the same command goes on where you stopped. Answers may also come through a pipe, one a line.

    The scores leave out what an outlet repeats, which the search learns from CORPUS; the texts are shown as `dedup
    compare` shows them, and such lines are not marked there.

    At the end, and with --report, precision and recall are told at several thresholds, with 95 % intervals. They are of
    the pairs that the search finds in the band around the threshold, and say nothing of pairs outside it.

    FILE has the columns left, right, kind (near, excerpt or story), score and answer; also low, high and there: the
    scores that the pair was drawn from and how many pairs were found there. Questions go to stderr, the report to
    stdout.
    """
    from dedup import tuning  # noqa: PLC0415

    check_columns(columns)
    if only_report:
        _print_report(tuning.read_labels(labels), settings, as_json=as_json)
        return
    if corpus is None:
        raise click.UsageError("Missing argument 'CORPUS'; only --report needs none.")
    found = _begun(labels, pairs)
    if found is None:
        check_file(corpus, labels)
    answers = iter(()) if found and all(pair.answer for pair in found) else _answers()
    if found is None:
        found = _planned(corpus, settings, pairs or _PAIRS, columns, quiet=quiet)
        tuning.write_labels(labels, found)
    show = _shown(corpus, columns, settings, found)
    answered = _ask(found, answers, show, partial(tuning.write_labels, labels))
    _print_report(answered, settings, as_json=as_json)
    sys.stdout.flush()
    open_ = sum(not pair.answer for pair in answered)
    left = "is left" if open_ == 1 else "are left"
    rest = f"{open_:,} of {len(answered):,} pairs {left}: the same command goes on" if open_ else "all are answered"
    click.echo(f"Saved in {labels}; {rest}", err=True)


def _begun(labels: Path, pairs: int | None) -> tuple[Pair, ...] | None:
    """Read a labels file that is there."""
    from dedup import tuning  # noqa: PLC0415
    from dedup.report.terminal import counted  # noqa: PLC0415

    if not labels.exists():
        return None
    found = tuning.read_labels(labels)
    if pairs not in (None, len(found)):
        there = f"{labels} is there, with {counted(len(found), 'pair')}"
        raise click.UsageError(f"{there}: leave --pairs out to go on with it, or name a new file")
    return found


def _planned(corpus: str, settings: Settings, pairs: int, columns: dict[str, str], *, quiet: bool) -> tuple[Pair, ...]:
    from dedup import tuning  # noqa: PLC0415

    with output.progress(quiet=quiet) as progress:
        found = tuning.plan(corpus, settings, pairs, columns=columns, progress=progress)
    if not found:
        raise CorpusError(f"{corpus}: no pair of articles is near a threshold: there is nothing to ask about")
    return found


# Answers ----------------------------------------------------------------------------------------------------------


def _answers() -> Iterator[str]:
    """Return the answers, from the keyboard or a pipe; refuse to begin without either."""
    if sys.stdin.isatty():
        return _keys()
    first = sys.stdin.readline()
    if not first:
        raise click.UsageError(
            "no answers: stdin is not a terminal, and it is empty. Run this in a terminal, pipe answers in one a line"
            f" ({_EXPECTED}), or ask for --report"
        )
    return _lines(first)


def _keys() -> Iterator[str]:
    while True:
        try:
            key = click.getchar()
        except EOFError:
            return
        if key.lower() in _ANSWERS:
            yield _ANSWERS[key.lower()]
        else:
            click.echo(f"that key is none of {_EXPECTED}", err=True)


def _lines(first: str) -> Iterator[str]:
    for number, line in enumerate(chain((first,), sys.stdin), 1):
        word = line.strip().lower()
        if word not in _ANSWERS:
            raise DedupError(f"stdin, line {number}: {word!r} is none of {_EXPECTED}; the answers before it are saved")
        yield _ANSWERS[word]


def _ask(pairs: Sequence[Pair], answers: Iterator[str], show: _Show, save: _Save) -> Sequence[Pair]:
    """Go through the pairs without an answer; save every answer at once."""
    asked = list(pairs)
    at, whole = _next(asked, 0), False
    while at < len(asked):
        show(asked[at], at + 1, whole)
        answer = next(answers, "quit")
        whole = answer == "more"
        if answer == "quit":
            break
        if answer == "back":
            at = max(0, at - 1)
        elif not whole:
            asked[at] = replace(asked[at], answer=answer)
            save(asked)
            at = _next(asked, at + 1)
    return asked


def _next(pairs: Sequence[Pair], at: int) -> int:
    """Return the first pair without an answer, from ``at`` on and then from the beginning; past the end for none."""
    return next((place for place in (*range(at, len(pairs)), *range(at)) if not pairs[place].answer), len(pairs))


def _shown(corpus: str, columns: dict[str, str], settings: Settings, pairs: Sequence[Pair]) -> _Show:
    """Read the articles of the pairs, and return what shows a pair."""
    from dedup.comparison import compare  # noqa: PLC0415
    from dedup.report import terminal, tuning  # noqa: PLC0415

    articles = _articles(corpus, columns, sorted({name for pair in pairs for name in (pair.left, pair.right)}))
    to = tuning.console()

    def show(pair: Pair, number: int, whole: bool) -> None:  # noqa: FBT001  (private)
        sides = left, right = articles[pair.left], articles[pair.right]
        titles, outlets = (left.title, right.title), (left.source, right.source)
        told = compare(left.text, right.text, settings, titles=titles, sources=outlets)
        lines = None if whole or not sys.stdin.isatty() else max(_AROUND, to.height - _AROUND)
        terminal.show(tuning.question(pair.kind, (number, len(pairs)), told, sides, to.width, lines), to)

    return show


def _articles(corpus: str, columns: dict[str, str], ids: list[str]) -> dict[str, Article]:
    from dedup.corpus import open_corpus  # noqa: PLC0415
    from dedup.lookup import find_articles  # noqa: PLC0415
    from dedup.references import Article  # noqa: PLC0415

    table = find_articles(open_corpus(corpus, columns), ids)
    table = table.set_column(table.column_names.index("published"), "published", table["published"].cast("string"))
    return {
        row["id"]: Article(
            row["text"] or "",
            row["title"] or "",
            row["source"] or "",
            _moment(row["published"]),
            row["url"] or "",
            row["id"],
        )
        for row in table.to_pylist()
    }


def _moment(text: str | None) -> datetime | None:
    """Read a time in UTC; a year that Python's calendar does not have is none."""
    try:
        return datetime.fromisoformat((text or "")[: len("2026-03-02T08:00:00")]).replace(tzinfo=UTC)
    except ValueError:
        return None


def _print_report(pairs: Sequence[Pair], settings: Settings, *, as_json: bool) -> None:
    from dedup import tuning as thresholds  # noqa: PLC0415
    from dedup.report import terminal, tuning  # noqa: PLC0415

    told = thresholds.evaluate(pairs, settings)
    if as_json:
        output.print_json({"thresholds": [asdict(one) for one in told]})
    else:
        to = terminal.console()
        terminal.show(tuning.report(told, to.width), to)
