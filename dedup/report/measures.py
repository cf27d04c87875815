"""An evaluation on a terminal: the measures, the worst errors by title, and the measures at other thresholds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.text import Text

from dedup.report.terminal import HEADING, QUIET, TELLING, counted, cut, packed, printable, wrapped

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dedup.evaluation import Cluster, Cut, Evaluation, Scores, Side, Wrong

_NAMED = 5  # stories of the largest false cluster
_LEAD = 14  # columns before a title
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
    true = _make_up(told.stories - told.single_labels, told.single_labels)
    found = _make_up(told.found_stories, told.single_articles)
    for line in packed([f"{labelled}: {true}", f"found: {found}"], width):
        yield from wrapped(line, width, "", HEADING)
    if told.unlabelled:
        yield from wrapped(f"{counted(told.unlabelled, 'article')} without a label left out", width, "  ")
    if told.unsure:
        yield from wrapped(f"{counted(told.unsure, 'unsure pair')} left out", width, "  ")
    if told.missing:
        many = counted(told.missing, "labelled article is", "labelled articles are")
        yield from wrapped(f"{many} not in the result: each counts as a story of its own", width, "  ")


def _make_up(stories: int, single: int) -> str:
    return f"{counted(stories, 'story', 'stories')} and {counted(single, 'single article')}"


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
    size = f"{counted(cluster.articles, 'labelled article')} of {counted(len(cluster.stories), 'story', 'stories')}"
    yield from wrapped(f"Largest false cluster: {printable(cluster.story_id)}, {size}: {names}", width, "")


def _errors(heading: str, wrong: Sequence[Wrong], width: int) -> Iterator[Text]:
    if wrong:
        yield Text()
        yield Text(heading, HEADING)
    for error in wrong:
        pairs = f"{error.pairs:>7,} {'pair' if error.pairs == 1 else 'pairs'}"
        score = "" if error.relation is None or error.score is None else f"{error.relation} {error.score:.2f}"
        yield from _side(Text().append(f"{pairs:<{_LEAD}}  ", QUIET), error.left, width)
        yield from _side(Text().append(f"{score:>{_LEAD}}  ", TELLING), error.right, width)


def _side(line: Text, side: Side, width: int) -> Iterator[Text]:
    """Lay out one article of a pair; the names of its story and its own have a line of their own where need be."""
    names = f"{printable(side.story)} · {printable(side.id)}"
    title = f"{printable(side.title or '')}  ".lstrip()
    if cell_len(f"{line.plain}{title}{names}") <= width:
        yield line.append(title).append(names, QUIET)
        return
    yield cut(line.append(title.rstrip() or "no title"), width)
    yield from wrapped(names, width, " " * (_LEAD + 2), QUIET)


# Other thresholds -------------------------------------------------------------------------------------------------

_THRESHOLD, _COLUMN, _MARK = 11, 8, len("  result, best")
_HEADS = ("pair P", "pair R", "pair F1", "B3 P", "B3 R", "B3 F1", "ARI", "stories")
_BY_IMPORTANCE = ("pair F1", "pair P", "pair R", "B3 F1", "stories", "ARI", "B3 R", "B3 P")  # the last go first


def sweep(cuts: Sequence[Cut], width: int) -> Iterator[Text]:
    """Lay out the measures at several thresholds, the first that of the result, in the columns that have room."""
    best = max(cuts, key=lambda cut: cut.scores.pair_f1)
    room = max(1, (width - _THRESHOLD - _MARK) // _COLUMN)
    heads = [head for head in _HEADS if head in _BY_IMPORTANCE[:room]]
    yield Text()
    yield Text("Other story thresholds", HEADING)
    yield cut(Text(f"  {'threshold':>9}{''.join(f'{head:>{_COLUMN}}' for head in heads)}", QUIET), width)
    for one in cuts:
        values = _values(one)
        marks = ", ".join(name for name, is_so in (("result", one is cuts[0]), ("best", one is best)) if is_so)
        line = Text(f"  {one.threshold:>9.3g}{''.join(f'{values[head]:>{_COLUMN}}' for head in heads)}")
        yield cut(line.append(f"  {marks}" if marks else "", TELLING), width)
    yield Text()
    yield from wrapped("result: its own threshold; best: the highest pair F1", width, "  ", QUIET)
    if "stories" in heads:
        yield from wrapped("stories: found ones of two articles and more", width, "  ", QUIET)


def _values(one: Cut) -> dict[str, str]:
    told = one.scores
    pairs = (told.pair_precision, told.pair_recall, told.pair_f1)
    numbers = (*pairs, told.b3_precision, told.b3_recall, told.b3_f1, told.ari)
    return dict(zip(_HEADS, (*(f"{number:.3f}" for number in numbers), f"{one.found_stories:,}"), strict=True))
