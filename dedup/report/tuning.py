"""Pairs of articles to judge, side by side, and what the judgements say of the thresholds."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from dedup.report import beside
from dedup.report.columns import Column, table
from dedup.report.terminal import HEADING, PIPED_WIDTH, QUIET, TELLING, counted, cut, wrapped
from dedup.tuning import THRESHOLDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dedup.comparison import Comparison
    from dedup.references import Article
    from dedup.tuning import Cut, Estimate, Tuned

QUESTIONS = {
    "near": "Is this one article twice, apart from small edits?",
    "excerpt": "Is the shorter one taken from the longer, whole or in large part?",
    "story": "Do both tell the same story: the same event, of the same day?",
}
KEYS = "y yes   n no   ? unsure   b back   m more   q quit"


def console() -> Console:
    """Return stderr, which questions go to: stdout is for the report."""
    width = None if sys.stderr.isatty() else PIPED_WIDTH
    return Console(file=sys.stderr, width=width, highlight=False, markup=False, emoji=False)


def question(
    kind: str, count: tuple[int, int], told: Comparison, sides: tuple[Article, Article], width: int, lines: int | None
) -> Iterator[Text]:
    """Lay out a pair, the ``count`` of it and of all, and the question; at most so many ``lines`` of text, or all."""
    number, of = count
    yield Text()
    yield cut(Text.assemble((f"Pair {number:,} of {of:,}", HEADING), (f"   {kind}", QUIET)), width)
    yield Text()
    texts = list(beside.unmeasured(told, *sides, width))
    yield from texts[:lines]
    if lines is not None and len(texts) > lines:
        yield cut(Text(f"… {counted(len(texts) - lines, 'more line')}: m shows all", QUIET), width)
    yield Text()
    yield from wrapped(QUESTIONS[kind], width, "", HEADING)
    yield cut(Text(KEYS, QUIET), width)


# What the answers say ---------------------------------------------------------------------------------------------

_MEANINGS = (
    "precision  of the pairs with a score from the threshold up, the share that you call right",
    "recall     of the pairs that you call right, the share with a score from the threshold up",
    "wrong      the share of the pairs that the threshold decides against you",
    "suggested  the threshold with the fewest wrong pairs: one that is missed counts as much as one joined wrongly",
)
_SCOPE = """\
All are of the pairs that a search with lowered thresholds finds in the band, and say nothing of pairs outside it: \
copies without a common band or sampled shingles, rewrites outside the window or of other stories even at the lowered \
threshold. An answer counts for as many pairs as it was drawn from; in brackets 95 % intervals."""
_SINGLE = """\
The story threshold is one of the mean over all pairs between two parts of a story, and these are single pairs: \
`dedup eval OUT TRUTH --sweep` measures whole stories."""


def report(told: Sequence[Tuned], width: int) -> Iterator[Text]:
    """Lay out what the answers say, a threshold at a time."""
    for one in told:
        yield from _kind(one, width)
        yield Text()
    about = (*_MEANINGS, _SCOPE, *([_SINGLE] if any(one.kind == "story" for one in told) else ()))
    for line in about:
        yield from wrapped(line, width, "  ", QUIET)


def _kind(told: Tuned, width: int) -> Iterator[Text]:
    yield cut(Text.assemble((told.kind, HEADING), f"   {told.setting} = {told.threshold:g}"), width)
    answers = f"{told.yes} y, {told.no} n, {told.unsure} ?" + (f", {told.open} not asked yet" if told.open else "")
    found = f"{counted(told.there, 'pair')} from {told.low:.3g} to {told.high:.3g}"
    yield from wrapped(f"{found}; answers: {answers}", width, "  ")
    if told.unjudged:
        where = f"{counted(told.unjudged, 'pair')} of these lie where nobody has answered: no figure speaks for them"
        yield from wrapped(where, width, "  ")
    if told.cuts:
        yield from table(_columns(told), width, "  ", QUIET)
    yield from wrapped(_advice(told), width, "  ", TELLING)


def _columns(told: Tuned) -> list[Column]:
    marks = ["".join(_marks(told, one)) for one in told.cuts]
    return [
        Column("threshold", [f"{one.threshold:g}" for one in told.cuts], right=True),
        Column("precision", [_estimate(one.precision) for one in told.cuts]),
        Column("recall", [_estimate(one.recall) for one in told.cuts]),
        Column("wrong", [f"{one.wrong:.2f}" for one in told.cuts], right=True),
        Column("", marks, rank=1, telling=frozenset(marks), style=TELLING),
    ]


def _marks(told: Tuned, one: Cut) -> Iterator[str]:
    if one.threshold == told.threshold:
        yield "in force "
    if one.threshold == told.suggested:
        yield "suggested"


def _estimate(told: Estimate | None) -> str:
    return "-" if told is None else f"{told.share:.2f} ({told.low:.2f} to {told.high:.2f})"


def _advice(told: Tuned) -> str:
    option = f"--set {THRESHOLDS[told.kind]}"
    if told.suggested is None:
        return "no suggestion: it needs three answers of y and three of n"
    if told.suggested == told.threshold:
        return "the threshold in force is as good as any"
    beyond = ""
    if told.at_edge:
        beyond = "; it is the end of what was looked at, the best may lie beyond: go on from it with a new labels file"
    return f"suggested: {option}={told.suggested:g}{beyond}"
