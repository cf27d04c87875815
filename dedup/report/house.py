"""What is set aside as boilerplate in a corpus: what each outlet repeats, and what the general rules mark.

Unlike the other reports this one looks at the corpus itself: a result holds no text.
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from rich.text import Text

from dedup import text
from dedup.background import Background
from dedup.boilerplate import listing, mark, outlet_of
from dedup.corpus import open_corpus
from dedup.report.terminal import HEADING, QUIET, counted, cut, printable, share, wrapped
from dedup.rules import RECURS, RULES
from dedup.survey import learn
from dedup.workers import Progress, Workers

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pyarrow as pa
    from numpy.typing import NDArray

    from dedup.boilerplate import Example, Furniture
    from dedup.corpus import Corpus
    from dedup.settings import Settings

_FIELDS = ("text", "source", "url")


@dataclass(frozen=True)
class Line:
    """What an outlet repeats: the text as it stands in one article, and in how many unrelated articles it was seen."""

    text: str
    articles: int
    kind: str  # sentence or run


@dataclass(frozen=True)
class Outlet:
    """What was learned of one outlet: ``count`` lines, of which ``lines`` are the most frequent."""

    outlet: str
    count: int
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class House:
    """The boilerplate of a corpus; ``rules`` are the words that each rule marked, ``learned`` those that recur."""

    articles: int
    words: int
    rules: Mapping[str, int]
    learned: int
    outlets: tuple[Outlet, ...]

    @property
    def boilerplate(self) -> int:
        """Count the words that are boilerplate."""
        return self.learned + sum(self.rules.values())


# From the corpus --------------------------------------------------------------------------------------------------


def house(source: str, columns: Mapping[str, str], settings: Settings, limit: int, progress: Progress) -> House:
    """Learn the boilerplate of a corpus as `find` does, and list the ``limit`` most frequent lines of each outlet.

    The corpus is read twice, and the examples once more. Raises CorpusError where it is wrong.
    """
    workers = Workers(settings.workers, progress)
    corpus = open_corpus(source, columns)
    background = Background.load(Path(settings.background) if settings.background else None)
    furniture = learn(corpus, background, workers).furniture
    words = _marked(corpus, furniture, workers)
    return House(
        articles=len(corpus),
        words=int(words.sum()),
        rules={rule: int(words[code]) for code, rule in enumerate(RULES) if code != RECURS},
        learned=int(words[RECURS]),
        outlets=tuple(_outlets(corpus, listing(furniture), limit)),
    )


def _marked(corpus: Corpus, furniture: Furniture, workers: Workers) -> NDArray[np.int64]:
    """Count the words that each rule marks; last, those that none does."""

    def count(piece: int) -> NDArray[np.int64]:
        counts = np.zeros(len(RULES) + 1, np.int64)
        for _, batch in corpus.read(piece, _FIELDS):
            texts = text.views(batch["text"])
            sources, urls = batch["source"].to_pylist(), batch["url"].to_pylist()
            outlets = [outlet_of(source, url) for source, url in zip(sources, urls, strict=True)]
            codes = mark(texts, text.read(texts), outlets, furniture).codes
            counts += np.bincount(np.where(codes < 0, len(RULES), codes), minlength=len(counts))
        return counts

    total = np.zeros(len(RULES) + 1, np.int64)
    for counts in workers.map("mark", count, range(len(corpus.pieces)), corpus.sizes()):
        total += counts
    return total


def _outlets(corpus: Corpus, examples: Sequence[Example], limit: int) -> Iterator[Outlet]:
    by_outlet = [(name, list(group)) for name, group in groupby(examples, key=lambda example: example.outlet)]
    shown = [example for _, group in by_outlet for example in group[:limit]]
    texts = dict(zip(shown, _texts(corpus, shown), strict=True))
    for name, group in by_outlet:
        lines = tuple(Line(texts[example], example.articles, example.kind) for example in group[:limit])
        yield Outlet(name, len(group), lines)


class _Place(NamedTuple):
    number: int  # of the example
    start: int
    end: int


def _texts(corpus: Corpus, examples: Sequence[Example]) -> list[str]:
    """Fetch the examples as they stand in their articles."""
    wanted: dict[int, list[_Place]] = {}
    for number, example in enumerate(examples):
        wanted.setdefault(example.row, []).append(_Place(number, example.start, example.end))
    found = [""] * len(examples)
    for part in corpus.split(np.array(sorted(wanted), np.int64)) if wanted else ():
        for rows, batch in corpus.select(part, ("text",)):
            for number, stretch in _stretches(batch["text"], [wanted[row] for row in rows.tolist()]):
                found[number] = stretch
    return found


def _stretches(column: pa.Array, wanted: Sequence[Sequence[_Place]]) -> Iterator[tuple[int, str]]:
    texts = text.views(column)
    tokens = text.tokenise(texts)
    for article, places in enumerate(wanted):
        own = tokens.of(article)
        starts, ends = tokens.starts[own], tokens.ends[own]
        for place in places:
            first, last = (int(texts.starts[article]) + int(at) for at in (starts[place.start], ends[place.end - 1]))
            yield place.number, texts.data[first:last].tobytes().decode(errors="replace")


# On a terminal ----------------------------------------------------------------------------------------------------

MEANINGS = {
    "credit": "who provided the text",
    "copyright": "whose it is, and what may not be done with it",
    "signup": "newsletters, accounts, apps, paywalls",
    "support": "donations and memberships",
    "follow": "social networks and sharing",
    "comments": "the comment form and its rules",
    "contact": "tips, corrections, addresses",
    "related": "other stories, labels of links",
    "disclaimer": "no advice, affiliate links, privacy",
    "advert": "advertisement, story continues below",
    "furniture": "dates of update, tags, headings of summaries",
    "about": "the outlet or the author about themselves",
    "caption": "pictures and their credits",
    "byline": "by whom",
    "subhead": "a heading between paragraphs",
}
_COUNT, _SEEN = 10, 7  # digits of words, and of articles
_NARROW, _LINES = 16, 3  # columns that a text has at least, and lines that it takes at most


def page(told: House, width: int) -> Iterator[Text]:
    """Lay out the boilerplate of a corpus."""
    part = share(told.boilerplate / max(1, told.words))
    yield cut(Text.assemble((counted(told.articles, "article"), HEADING), f", {counted(told.words, 'word')}"), width)
    yield cut(Text(f"  boilerplate  {told.boilerplate:>{_COUNT},}  {part:>5}"), width)
    yield Text()
    yield from _rules(told, width)
    yield Text()
    yield from _learned(told, width)


def _rules(told: House, width: int) -> Iterator[Text]:
    yield Text("Words that the general rules mark", HEADING)
    met = sorted(((count, rule) for rule, count in told.rules.items() if count), key=lambda pair: (-pair[0], pair[1]))
    for count, rule in met:
        yield cut(Text.assemble(f"  {rule:<11}  {count:>{_COUNT},}  ", (MEANINGS[rule], QUIET)), width)
    if not met:
        yield Text("  none")


def _learned(told: House, width: int) -> Iterator[Text]:
    lines, many = sum(outlet.count for outlet in told.outlets), counted(len(told.outlets), "outlet")
    if not lines:
        yield from wrapped("Nothing was learned: no outlet repeats itself in unrelated articles.", width, "")
        return
    heading = f"What {many} repeat{'s' if len(told.outlets) == 1 else ''}: {counted(lines, 'line')}"
    yield cut(Text.assemble((heading, HEADING), f", {counted(told.learned, 'word')}" if told.learned else ""), width)
    if not told.learned:
        yield from wrapped("The rules already count all words of these lines.", width, "  ", QUIET)
    for outlet in told.outlets:
        yield Text()
        yield cut(Text(f"  {printable(outlet.outlet)}", HEADING), width)
        for line in outlet.lines:
            head = f"{line.articles:>{_SEEN},} articles  {line.kind:<8}  "
            yield from _hung(head, printable(line.text), width)
        if outlet.count > len(outlet.lines):
            rest = f"… and {outlet.count - len(outlet.lines):,} more; --limit {outlet.count} lists all"
            yield cut(Text(f"{' ' * (_SEEN + 1)}{rest}", QUIET), width)


def _hung(head: str, body: str, width: int) -> Iterator[Text]:
    """Lay out a text beside its head, in a few lines."""
    lines = textwrap.wrap(body, max(_NARROW, width - len(head)), max_lines=_LINES, placeholder=" …")
    for place, line in enumerate(lines):
        yield cut(Text(head if place == 0 else " " * len(head), QUIET).append(line, ""), width)
