"""An evaluation on a terminal: the measures, the worst errors by title, and the measures at other thresholds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.text import Text

from dedup.report.terminal import HEADING, QUIET, TELLING, counted, cut, printable, wrapped

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dedup.evaluation import Cluster, Cut, Evaluation, Scores, Side, Wrong

_NAMED = 5  # stories of the largest false cluster
_LEAD, _TITLE = 14, 24  # columns before a title, and that a title has at least
_MEANINGS = (
    "pairs    precision: the part of the pairs found that are right; recall: the part of the right ones found",
    "B-cubed  the same of the story that each article is in, averaged over the articles",
)


def measures(told: Evaluation, width: int) -> Iterator[Text]:
    """Lay out an evaluation."""
    yield from _about(told, width)
    yield Text()
    yield from _table(told.scores, width)
    yield Text()
    yield from _largest(told.largest_false_cluster, width)
    yield from _errors("Joined, and should not be", told.joined, width)
    yield from _errors("Apart, and should be together", told.split, width)


def _about(told: Evaluation, width: int) -> Iterator[Text]:
    labelled = counted(told.scores.articles, "labelled article")
    stories = f" in {counted(told.stories, 'story', 'stories')}; found: {told.clusters:,}"
    yield cut(Text.assemble((labelled, HEADING), stories), width)
    if told.unlabelled:
        yield from wrapped(f"{counted(told.unlabelled, 'article')} without a label left out", width, "  ")
    if told.unsure:
        yield from wrapped(f"{counted(told.unsure, 'unsure pair')} left out", width, "  ")
    if told.missing:
        many = counted(told.missing, "labelled article is", "labelled articles are")
        yield from wrapped(f"{many} not in the result: each counts as a story of its own", width, "  ")


def _table(told: Scores, width: int) -> Iterator[Text]:
    yield cut(Text(f"{'':<10}{'Precision':>10}{'Recall':>10}{'F1':>10}", QUIET), width)
    for name, values in (
        ("pairs", (told.pair_precision, told.pair_recall, told.pair_f1)),
        ("B-cubed", (told.b3_precision, told.b3_recall, told.b3_f1)),
    ):
        numbers = "".join(f"{value:>10.3f}" for value in values)
        yield cut(Text.assemble(f"  {name:<8}", (numbers, HEADING)), width)
    yield cut(Text.assemble("  adjusted Rand index", (f"{told.ari:>19.3f}", HEADING)), width)
    yield Text()
    for line in _MEANINGS:
        yield from wrapped(line, width, "  ", QUIET)


def _largest(cluster: Cluster | None, width: int) -> Iterator[Text]:
    if cluster is None:
        yield Text("No story that was found holds articles of two true ones.")
        return
    more = f" and {len(cluster.stories) - _NAMED} more" if len(cluster.stories) > _NAMED else ""
    names = f"{', '.join(map(printable, cluster.stories[:_NAMED]))}{more}"
    size = f"{counted(cluster.articles, 'labelled article')} of {len(cluster.stories):,} stories"
    yield from wrapped(f"Largest false cluster: {printable(cluster.story_id)}, {size}: {names}", width, "")


def _errors(heading: str, wrong: Sequence[Wrong], width: int) -> Iterator[Text]:
    if wrong:
        yield Text()
        yield Text(heading, HEADING)
    for error in wrong:
        pairs = f"{error.pairs:>7,} {'pair' if error.pairs == 1 else 'pairs'}"
        score = "" if error.relation is None or error.score is None else f"{error.relation} {error.score:.2f}"
        yield _side(Text().append(f"{pairs:<{_LEAD}}  ", QUIET), error.left, width)
        yield _side(Text().append(f"{score:>{_LEAD}}  ", TELLING), error.right, width)


def _side(line: Text, side: Side, width: int) -> Text:
    """Lay out one article of a pair; the title gives way to the names of its story and its own."""
    names = f"  {printable(side.story)} · {printable(side.id)}"
    title = Text(printable(side.title or "") or "-")
    room = max(_TITLE, width - cell_len(line.plain) - cell_len(names))
    return cut(line.append_text(cut(title, room)).append(names, QUIET), width)


def sweep(cuts: Sequence[Cut], width: int) -> Iterator[Text]:
    """Lay out the measures at several thresholds; the first is that of the result."""
    best = max(cuts, key=lambda cut: cut.scores.pair_f1)
    yield Text()
    yield Text("Other story thresholds", HEADING)
    heads = "".join(f"{head:>8}" for head in ("pair P", "R", "F1", "B3 P", "R", "F1", "ARI", "stories"))
    yield cut(Text(f"  {'threshold':>9}{heads}", QUIET), width)
    for one in cuts:
        told = one.scores
        values = (told.pair_precision, told.pair_recall, told.pair_f1, told.b3_precision, told.b3_recall, told.b3_f1)
        numbers = "".join(f"{value:>8.3f}" for value in (*values, told.ari))
        mark = "  of the result" if one is cuts[0] else ""
        mark = f"{mark}  best pair F1" if one is best else mark
        yield cut(Text(f"  {one.threshold:>9.3g}{numbers}{one.clusters:>8,}").append(mark, TELLING), width)
