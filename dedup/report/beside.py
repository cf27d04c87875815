"""Two articles beside each other on a terminal: shares both ways, then the texts, sentence by sentence.

Both texts are shown whole and in their own order. Sentences that belong together stand in one row where the order
allows it; of the others it is said where their counterpart stands.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import asdict, dataclass
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from rich.cells import cell_len, chop_cells
from rich.text import Text

from dedup.article import BOILERPLATE, COPIED, KINDS, REWORDED, UNIQUE
from dedup.comparison import part
from dedup.report.terminal import HEADING, QUIET, TELLING, cut, headline, moment_of, packed, printable, share, wrapped

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from dedup.comparison import Comparison, Ledger, Span
    from dedup.references import Article

SIDE_BY_SIDE = 90  # columns from which the texts stand beside each other
_WIDEST = 84  # columns of a text: longer lines are hard to read
_BETWEEN = " │ "
_NONE = "-"  # share of a text without words
_WORD = 1000  # characters of a word that are looked at in one piece
MARKS = {KINDS[COPIED]: "=", KINDS[REWORDED]: "~", KINDS[BOILERPLATE]: "#", KINDS[UNIQUE]: "+"}
_STYLES = {KINDS[COPIED]: "green", KINDS[REWORDED]: "yellow", KINDS[BOILERPLATE]: QUIET, KINDS[UNIQUE]: ""}
_LETTERS, _INDENT = ("A", "B"), 3


class Piece(NamedTuple):
    """A part of a sentence that is all of one kind (article.KINDS)."""

    kind: str
    text: str


@dataclass(frozen=True)
class Sentence:
    """A sentence: its number from 1, the ``kind`` of the most of it, and what its words are.

    ``counterpart`` is the number of the sentence of the other text that most of it is copied or reworded from.
    """

    number: int
    kind: str
    pieces: tuple[Piece, ...]
    counterpart: int | None


class Row(NamedTuple):
    """What stands beside each other: two sentences that belong together, or one alone."""

    left: Sentence | None
    right: Sentence | None


# Sentences in rows ------------------------------------------------------------------------------------------------


def rows(told: Comparison, left: str, right: str) -> list[Row]:
    """Put every sentence of both texts in a row, in the order of both, so that most of what is shared stands level."""
    links = _links(told.left, told.right)
    back = [(mine, theirs, weight) for theirs, mine, weight in _links(told.right, told.left)]
    one = _told(told.left, left, links)
    two = _told(told.right, right, [(theirs, mine, weight) for mine, theirs, weight in back])
    listed: list[Row] = []
    i = j = 0
    for mine, theirs in (*_level([*links, *back]), (len(one), len(two))):
        listed += [Row(sentence, None) for sentence in one[i:mine]]
        listed += [Row(None, sentence) for sentence in two[j:theirs]]
        if mine < len(one):
            listed.append(Row(one[mine], two[theirs]))
        i, j = mine + 1, theirs + 1
    return listed


_Link = tuple[int, int, float]  # a sentence, one of the other text, and how many characters tie them


def _links(ledger: Ledger, other: Ledger) -> list[_Link]:
    """Link the sentences of a ledger with those of the other text that they are copied or reworded from."""
    return [link for span in ledger.spans if span.score is not None for link in _of_span(span, ledger, other)]


def _of_span(span: Span, ledger: Ledger, other: Ledger) -> Iterator[_Link]:
    """Link the sentences of one span; of a longer run the places in between are taken in proportion."""
    here, there = (span.start, span.end), (span.other_start or 0, span.other_end or 0)
    scale = (there[1] - there[0]) / (here[1] - here[0])
    whole = span.kind != KINDS[COPIED]
    for mine in _touched(ledger, *here):
        low, high = (max(here[0], ledger.sentences[mine][0]), min(here[1], ledger.sentences[mine][1]))
        first, last = there if whole else (there[0] + (place - here[0]) * scale for place in (low, high))
        for theirs in _touched(other, first, last):
            start, end = other.sentences[theirs]
            reach = (min(last, end) - max(first, start)) / (last - first)
            yield mine, theirs, (high - low) * reach * (span.score or 0.0)


def _touched(ledger: Ledger, start: float, end: float) -> range:
    """Return the numbers of the sentences that characters ``start`` to ``end`` lie in."""
    return range(
        bisect_right(ledger.sentences, start, key=lambda bounds: bounds[1]),
        bisect_left(ledger.sentences, end, key=lambda bounds: bounds[0]),
    )


def _level(links: Iterable[_Link]) -> list[tuple[int, int]]:
    """Choose the pairs of sentences that stand in one row: the heaviest chain that goes forward in both texts."""
    weights: dict[tuple[int, int], float] = {}
    for mine, theirs, weight in links:
        weights[mine, theirs] = weights.get((mine, theirs), 0.0) + weight
    heaviest = _Heaviest(1 + max((theirs for _, theirs in weights), default=0))
    before: dict[tuple[int, int], tuple[int, int] | None] = {}
    for pair in sorted(weights, key=lambda pair: (pair[0], -pair[1])):
        total, before[pair] = heaviest.below(pair[1])
        heaviest.put(pair[1], total + weights[pair], pair)
    chain = []
    pair_ = heaviest.below(heaviest.size)[1]
    while pair_ is not None:
        chain.append(pair_)
        pair_ = before[pair_]
    return chain[::-1]


class _Heaviest:
    """The heaviest of the chains that end below a place (a Fenwick tree of maxima)."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._best: list[tuple[float, tuple[int, int] | None]] = [(0.0, None)] * (size + 1)

    def below(self, place: int) -> tuple[float, tuple[int, int] | None]:
        found: tuple[float, tuple[int, int] | None] = (0.0, None)
        while place > 0:
            found = max(found, self._best[place], key=lambda entry: entry[0])
            place -= place & -place
        return found

    def put(self, place: int, weight: float, pair: tuple[int, int]) -> None:
        place += 1
        while place <= self.size:
            if weight > self._best[place][0]:
                self._best[place] = weight, pair
            place += place & -place


def _told(ledger: Ledger, text: str, links: Iterable[_Link]) -> list[Sentence]:
    """Return the sentences of a text, each with what its words are and where its counterpart is."""
    best: dict[int, tuple[float, int]] = {}
    for mine, theirs, weight in links:
        best[mine] = max(best.get(mine, (0.0, 0)), (weight, -theirs))
    told = []
    for number, (start, end) in enumerate(ledger.sentences):
        pieces = tuple(_pieces(ledger, text, start, end))
        sizes = {kind: sum(len(piece.text) for piece in pieces if piece.kind == kind) for kind in KINDS}
        counterpart = 1 - best[number][1] if number in best else None
        told.append(Sentence(number + 1, max(KINDS, key=lambda kind: sizes[kind]), pieces, counterpart))
    return told


def _pieces(ledger: Ledger, text: str, start: int, end: int) -> Iterator[Piece]:
    """Cut a sentence where its kind changes; marks between words go with the word that they belong to."""
    first = bisect_right(ledger.spans, start, key=lambda span: span.end)
    last = bisect_left(ledger.spans, end, key=lambda span: span.start)
    begun, held = start, ledger.spans[first:last]
    for index, span in enumerate(held):
        after = held[index + 1] if index + 1 < len(held) else None
        if after is not None and after.kind == span.kind:
            continue
        until = end if after is None else part(text, span.end, after.start)
        yield Piece(span.kind, text[begun:until])
        begun = until


# The page ---------------------------------------------------------------------------------------------------------


def beside(told: Comparison, left: Article, right: Article, width: int, *, texts: bool = True) -> Iterator[Text]:
    """Lay out a comparison of two articles; without their ``texts`` the shares only."""
    yield from _headings(left, right, width)
    yield Text()
    yield from _shares(told, width)
    if texts:
        yield from _texts(told, left, right, width)


def unmeasured(told: Comparison, left: Article, right: Article, width: int) -> Iterator[Text]:
    """Lay out the same without a figure, for somebody who is to judge the two."""
    yield from _headings(left, right, width)
    yield from _texts(told, left, right, width)


def _headings(left: Article, right: Article, width: int) -> Iterator[Text]:
    for letter, article in zip(_LETTERS, (left, right), strict=True):
        yield from _heading(letter, article, width)


def _texts(told: Comparison, left: Article, right: Article, width: int) -> Iterator[Text]:
    listed = rows(told, left.text, right.text)
    if listed:
        yield Text()
        yield from _legend(width)
        yield Text()
        yield from _columns(listed, width) if width >= SIDE_BY_SIDE else _stacked(listed, width)


def _heading(letter: str, article: Article, width: int) -> Iterator[Text]:
    room = max(width - _INDENT, 2)
    date = f"{moment_of(article.published, year=True).strip()} UTC" if article.published else ""
    place = printable(article.place)
    lines = [*headline(printable(article.title) or place, room, "", HEADING)]
    about = [words for words in (printable(article.source), date, place if article.title else "") if words]
    lines += [line for packed_ in packed(about, room) for line in wrapped(packed_, room, "", QUIET)]
    for index, line in enumerate(lines):
        yield Text.assemble((f"{'' if index else letter:<{_INDENT}}", TELLING), line)


def _shares(told: Comparison, width: int) -> Iterator[Text]:
    names = ("Words", "Boilerplate", "Copied", "Reworded", "Unique")
    yield cut(Text(f"   {names[0]:>8}" + "".join(f"  {name}" for name in names[1:]), QUIET), width)
    for letter, ledger in zip(_LETTERS, (told.left, told.right), strict=True):
        shares = (ledger.boilerplate, ledger.copied, ledger.reworded, ledger.unique)
        told_ = [share(value) if ledger.words else _NONE for value in shares]
        cells = "".join(f"{value:>{len(name) + 2}}" for name, value in zip(names[1:], told_, strict=True))
        yield cut(Text.assemble((f"{letter}  ", TELLING), f"{ledger.words:>8,}{cells}"), width)
    yield Text()
    parts = [
        f"resemblance {told.resemblance:.2f}",
        f"containment of A in B {told.containment_left_in_right:.2f}",
        f"of B in A {told.containment_right_in_left:.2f}",
    ]
    for line in packed(parts, width):
        yield from wrapped(line, width, "")


def _legend(width: int) -> Iterator[Text]:
    yield cut(Text("   ").join(Text(f"{MARKS[kind]} {kind}", _STYLES[kind]) for kind in MARKS), width)
    yield from wrapped(
        "[= …] words of another kind inside a sentence   → where its counterpart stands", width, "", QUIET
    )


class _Gutter(NamedTuple):
    """What stands before a sentence: its letter where the texts are stacked, its number and its mark."""

    letter: str
    digits: int

    def first(self, sentence: Sentence) -> Text:
        letter = f"{self.letter} " if self.letter else ""
        mark = (f"{MARKS[sentence.kind]} ", _STYLES[sentence.kind])
        return Text.assemble((f"{letter}{sentence.number:>{self.digits}} ", QUIET), mark)

    def width(self) -> int:
        return (len(self.letter) + 1 if self.letter else 0) + self.digits + 3


def _columns(listed: Sequence[Row], width: int) -> Iterator[Text]:
    column = min(_WIDEST, (width - len(_BETWEEN)) // 2)
    left, right = (_Gutter("", _digits(side)) for side in zip(*listed, strict=True))
    for row in listed:
        one = _laid_out(row.left, row.right, left, "B", column)
        two = _laid_out(row.right, row.left, right, "A", column)
        for index in range(max(len(one), len(two))):
            line = one[index] if index < len(one) else Text()
            line.pad_right(column - cell_len(line.plain))
            line.append(_BETWEEN if index < len(two) else _BETWEEN.rstrip(), QUIET)
            yield line.append_text(two[index]) if index < len(two) else line


def _stacked(listed: Sequence[Row], width: int) -> Iterator[Text]:
    digits = max(map(_digits, zip(*listed, strict=True)), default=1)
    for index, row in enumerate(listed):
        if index:
            yield Text()
        yield from _laid_out(row.left, row.right, _Gutter("A", digits), "B", width)
        yield from _laid_out(row.right, row.left, _Gutter("B", digits), "A", width)


def _digits(side: Iterable[Sentence | None]) -> int:
    return len(str(max((sentence.number for sentence in side if sentence), default=0)))


def _laid_out(sentence: Sentence | None, level: Sentence | None, gutter: _Gutter, other: str, width: int) -> list[Text]:
    """Return the lines of a sentence; ``level`` is the one beside it."""
    if sentence is None:
        return []
    words = list(_words(sentence))
    if sentence.counterpart is not None and (level is None or level.number != sentence.counterpart):
        words.append((f"→ {other}{sentence.counterpart}", QUIET))
    lines = list(_filled(words, max(width - gutter.width(), 2)))
    indent = " " * gutter.width()
    return [Text.assemble(indent if index else gutter.first(sentence), line) for index, line in enumerate(lines)]


def _words(sentence: Sentence) -> Iterator[tuple[str, str]]:
    """Yield the words of a sentence, safe to print, with their styles; pieces of another kind stand in brackets."""
    for kind, text in sentence.pieces:
        style = _STYLES[kind]
        safe = [word for word in map(_safe, text.split()) if word]
        if kind != sentence.kind and safe:
            safe[0] = f"[{MARKS[kind]} {safe[0]}"
            safe[-1] = f"{safe[-1]}]"
        yield from ((word, style) for word in safe)


def _safe(word: str) -> str:
    if word.isascii() and word.isprintable():
        return word
    return "".join(printable(word[place : place + _WORD]) for place in range(0, len(word), _WORD))


def _filled(words: Iterable[tuple[str, str]], width: int) -> Iterator[Text]:
    """Fill lines with words; one that is longer than a line is broken."""
    line: list[tuple[str, str]] = []
    room = width
    for word, style in words:
        for piece in chop_cells(word, width) if len(word) * 2 > width else (word,):
            size = cell_len(piece)
            if line and size >= room:
                yield _joined(line)
                line, room = [], width
            room -= size + (1 if line else 0)
            line.append((piece, style))
    yield _joined(line)


def _joined(words: Iterable[tuple[str, str]]) -> Text:
    """Join words with spaces, which have a style between two words of the same."""
    runs = [(" ".join(word for word, _ in run), style) for style, run in groupby(words, key=itemgetter(1))]
    return Text(" ").join(Text(words, style) for words, style in runs)


# JSON -------------------------------------------------------------------------------------------------------------


def document(
    told: Comparison, left: Article, right: Article, settings: Mapping[str, Any], *, texts: bool
) -> dict[str, Any]:
    """Return a comparison as one JSON object; without ``texts`` it has no text and nothing that points into one."""
    made = asdict(told)
    articles = [asdict(left), asdict(right)]
    if not texts:
        del made["aligned"]
        for ledger, article in zip((made["left"], made["right"]), articles, strict=True):
            del ledger["spans"], ledger["sentences"], article["text"]
    return {"settings": dict(settings), "left": articles[0], "right": articles[1], "comparison": made}
