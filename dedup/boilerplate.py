"""What is not an article's own text: general rules of news pages, and what an outlet repeats.

The rules of :mod:`dedup.rules` know credits, captions and sign-up lines of any outlet. The rest is learned without
labels, in one pass over the corpus: a sentence, or a run of eight words, that recurs in three articles of an outlet
which are otherwise unrelated is its *furniture* (in two, where it stands at the edge of both). Unrelated articles share
hardly any of their rare terms, so that neither a follow-up nor a copy within the outlet makes its own text furniture.

::

    Observer(rarity) ── observe(batch ...) ──→ furniture()  ── mark(batch, ..., furniture) ──→ Marks

Where every article of an outlet is one template with other figures, the articles share what rare terms they have: they
count as related, and nothing is learned. The same holds for an outlet that published one text many times.
"""

from __future__ import annotations

import re
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from math import prod
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np
import xxhash

from dedup import rules
from dedup.credits import DATELINE
from dedup.kernels import recurrence, screening
from dedup.screen import ANYWHERE, LINE, Layout, Units, layout
from dedup.text import Reading, Texts, normalise, token_hash
from dedup.work import Column

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from numpy.typing import DTypeLike, NDArray

NONE = -1  # the code of a token that is the article's own

# Rules ---------------------------------------------------------------------------------------------------------------

_LINED = 4  # paragraphs from which a text was stored with its paragraphs
_LAST = 3  # paragraphs at the end of an article in which its outlet speaks of itself
_ABOUT = 25  # words of such a paragraph
_HEAD = 160  # bytes of a paragraph in which a dateline ends
_BEFORE_DATELINE = 35  # words of a caption that stands before the dateline
_CAPITALS = r"""(?:[A-Z][A-Z\ .'\u2019-]{2,30}(?:,\s[A-Z][\w.]+(?:\s[A-Z][\w.]+)?)?
    (?:,\s(?:Jan|Feb|Mar|Apr|May|June?|July?|Aug|Sept?|Oct|Nov|Dec)\w*\.?\s\d{1,2})?)\s*(?:--|[\u2013—]|\s-\s)"""
_DATELINES = tuple(re.compile(expression, re.VERBOSE) for expression in (DATELINE, "^" + _CAPITALS))
# CLICK HERE TO GET THE APP The story goes on ...
_SHOUT = re.compile(r"(?:[A-Z0-9'\u2019&]{2,}[\s,:]+){3,}(?=[\"“'\u2018]?[A-Z][a-z]|[\"“]?[AI]\s)")
_SPEAKS = re.compile(r"\b(?:said|told|reported|asked)\b")
_EXPRESSIONS = tuple((pattern.name, pattern.expression) for pattern in rules.SCREEN.patterns)
_CODES = {name: code for code, name in enumerate(rules.RULES)}


@dataclass(frozen=True)
class Marks:
    """The boilerplate of a batch: ``codes`` (int8, one a token) are places in ``rules.RULES``, NONE for own text."""

    codes: NDArray[np.int8]

    @property
    def mask(self) -> NDArray[np.bool_]:
        """Return which tokens are boilerplate."""
        return self.codes >= 0


def outlet_of(source: str | None, url: str | None = None) -> str:
    """Return whose article it is: its source, else the host of its address, else nothing."""
    if source:
        return source
    host = re.match(r"(?:[a-z][a-z0-9+.-]*:)?//(?:[^/@]*@)?([^/:?#]+)", (url or "").strip().lower())
    return host[1].removeprefix("www.") if host else ""


def apply_rules(batch: Texts, reading: Reading, outlets: Sequence[str], made: Layout | None = None) -> Marks:
    """Mark what meets the general rules; ``outlets`` are the names of the texts' outlets, empty where unknown."""
    made = made or layout(batch, reading)
    sentences, paragraphs = made.sentences, made.paragraphs
    lined = np.diff(made.paragraphs_of) >= _LINED
    lines = np.full(len(paragraphs), NONE, np.int8)
    scopes = np.where(lined, LINE, ANYWHERE).astype(np.int8)[paragraphs.numbers]
    forms = _meet(batch, reading, paragraphs, scopes, lines)
    codes = np.full(len(sentences), NONE, np.int8)
    several = np.repeat(np.where((np.diff(made.bounds) > 1) & (lines < 0), ANYWHERE, -1), np.diff(made.bounds))
    _meet(batch, reading, sentences, several.astype(np.int8), codes)
    for paragraph in _about(batch, reading, made, outlets, lined):
        if lines[paragraph] < 0:
            lines[paragraph] = _CODES["about"]
    kinds = (_CODES["furniture"], _CODES["caption"], _CODES["subhead"])
    screening.settle(
        made.paragraphs_of,
        made.bounds,
        paragraphs.words,
        forms,
        sentences.words,
        lines,
        _before_dateline(batch, made, lined, lines),
        kinds,
        codes,
    )
    return Marks(_to_tokens(batch, reading, sentences, codes))


def _meet(
    batch: Texts, reading: Reading, units: Units, scopes: NDArray[np.int8], codes: NDArray[np.int8]
) -> NDArray[np.uint8]:
    """Write the rule that each unit meets; return the forms of the units."""
    candidates, forms = rules.SCREEN.candidates(batch, reading, units, scopes)
    found, starts = np.unique(candidates[:, 0], return_index=True)
    bounds = np.append(starts, len(candidates)).tolist()
    numbers = candidates[:, 1].tolist()
    for place, text in enumerate(units.strings(batch, found)):
        for number in numbers[bounds[place] : bounds[place + 1]]:
            name, expression = _EXPRESSIONS[number]
            if expression.search(text) and not (name == "caption" and text[0] in '"“'):
                codes[found[place]] = _CODES[name]
                break
    return forms


def _about(
    batch: Texts, reading: Reading, made: Layout, outlets: Sequence[str], lined: NDArray[np.bool_]
) -> Iterator[int]:
    """Yield the paragraphs near the end that start with the name of the outlet."""
    paragraphs, hashes = made.paragraphs, reading.tokens.hashes
    ends = made.paragraphs_of[1:][lined]
    last = (ends[:, None] - np.arange(1, _LAST + 1)).ravel()
    last = last[paragraphs.words[last] <= _ABOUT]
    first = paragraphs.first[last]
    first = first + ((hashes[first] == _THE) & (first + 1 < paragraphs.last[last]))
    names = np.array([_name(outlet).opens for outlet in outlets], np.uint64).reshape(-1, 2)
    known = (hashes[first][:, None] == names[paragraphs.numbers[last]]).any(axis=1)
    for paragraph in last[known].tolist():
        line = paragraphs.text(batch, paragraph)
        if _name(outlets[paragraphs.numbers[paragraph]]).line.match(line) and not _SPEAKS.search(line):
            yield paragraph


class _Name(NamedTuple):
    opens: tuple[int, int]  # hashes of the first token of the name, and of its last word
    line: re.Pattern[str]


_THE = token_hash("the")


@lru_cache(maxsize=1 << 14)
def _name(outlet: str) -> _Name:
    name = outlet.removeprefix("The ")
    words = name.split()
    found = [re.findall(r"[^\W_]+(?:'[^\W_]+)*", normalise(word)) for word in (words[:1] + words[-1:])]
    if not all(found) or not found:
        return _Name((0, 0), re.compile(r"(?!)"))
    line = rf"^\W*(?:The\s+)?(?:{re.escape(name)}|{re.escape(words[-1])})\b(?!['\u2019]s\b)"
    return _Name((token_hash(found[0][0]), token_hash(found[1][0])), re.compile(line))


def _before_dateline(
    batch: Texts, made: Layout, lined: NDArray[np.bool_], lines: NDArray[np.int8]
) -> NDArray[np.bool_]:
    """Say of which texts the second paragraph starts with a dateline, where the first may be a caption."""
    answer = np.zeros(len(lined), np.bool_)
    paragraphs = made.paragraphs
    numbers = np.flatnonzero(lined)
    first = made.paragraphs_of[numbers]
    numbers = numbers[(paragraphs.words[first] <= _BEFORE_DATELINE) & (lines[first] < 0)]
    for text in numbers.tolist():
        second = int(made.paragraphs_of[text]) + 1
        start = int(batch.starts[text] + paragraphs.starts[second])
        end = int(batch.starts[text] + paragraphs.ends[second])
        head = batch.data[start : min(end, start + _HEAD)].tobytes()
        if b"(" in head or head[1:2].isupper():
            line = head.decode(errors="ignore")
            answer[text] = any(dateline.match(line) for dateline in _DATELINES)
    return answer


def _to_tokens(batch: Texts, reading: Reading, sentences: Units, codes: NDArray[np.int8]) -> NDArray[np.int8]:
    """Spread the sentences' codes to their tokens; of a sentence behind capitals only these."""
    marked = np.repeat(codes, sentences.words)
    found = np.flatnonzero(codes >= 0)
    second = batch.starts[sentences.numbers[found]] + sentences.starts[found] + 1
    upper = batch.data[np.minimum(second, len(batch.data) - 1)] - np.uint8(65) < 26  # noqa: PLR2004  (letters)
    for sentence in found[upper].tolist():
        text = sentences.text(batch, sentence)
        shout = _SHOUT.match(text)
        if shout and any(pattern.expression.search(shout[0].rstrip()) for pattern in rules.SCREEN.patterns):
            end = sentences.starts[sentence] + len(shout[0].encode())
            first, last = int(sentences.first[sentence]), int(sentences.last[sentence])
            marked[first + int(np.searchsorted(reading.tokens.starts[first:last], end)) : last] = NONE
    return marked


# What an outlet repeats ---------------------------------------------------------------------------------------------

_RARE = 3.5  # rarity from which a term says what an article is about
_TERMS = 48  # of them, the most salient
_UNRELATED, _AT_EDGE = 3, 2  # unrelated articles that make a unit furniture
# An outlet of many articles repeats stock phrases by chance: one article more is asked for each so many of the outlet.
_CHANCES = (200, 2000)  # runs and short sentences; long sentences
_LOOKED_AT = 40  # articles of a unit that are compared
_RELATED = 0.12  # share of the rare terms from which two articles are related
# Shares of an article's words that no other article of the outlet has: less is a copy; below the second all its terms
# speak for it, also those in what recurs.
_LEFT = (0.25, 0.4)
# A rare term in more than this share of an outlet's articles says what the outlet writes of, or in which language, and
# not that two of them are related; learned from so many articles, from outlets that have enough.
_USUAL, _SPEAK, _FEW = 0.4, 256, 6
_MOST_MARKED = 0.6  # share of a sentence from which all of it recurs
_PARTS = 1024  # of the entries, by key: a pass takes some of them, at least one
_BLOCK = 8192  # articles whose rare terms are read together
ROOM = 1 << 21  # entries of a pass, where nothing else is said

_ENTRY = np.dtype([("key", "<u8"), ("article", "<i4"), ("start", "<i4"), ("info", "<u2")])
_ARTICLE = np.dtype(
    [
        ("row", "<i8"),
        ("print", "<u8"),
        ("outlet", "<u8"),
        ("tokens", "<i4"),
        ("form", "<u4"),
        ("rare", "<u4", _TERMS),
        ("where", "<u2", (_TERMS, 2)),
    ]
)


@dataclass(frozen=True)
class Rarity:
    """Rarity by term, for the kernels: a table of open addressing; ``unknown`` is that of a term that is not in it."""

    words: NDArray[np.uint64]
    values: NDArray[np.float32]
    unknown: float

    @staticmethod
    def of(terms: NDArray[np.uint64], values: NDArray[np.float32], unknown: float) -> Rarity:
        """Take terms (none of them 0) with their rarities."""
        size = 1 << (2 * len(terms) + 8).bit_length()
        made = Rarity(np.zeros(size, np.uint64), np.zeros(size, np.float32), unknown)
        recurrence.tabulate(terms, values.astype(np.float32), made.words, made.values)
        return made


class Example(NamedTuple):
    """A unit of furniture as it stands in one article: tokens ``start`` to ``end`` of the article of ``row``."""

    outlet: str
    articles: int
    kind: str  # sentence or run
    row: int
    start: int
    end: int


@dataclass(frozen=True)
class Furniture:
    """What outlets repeat. One value a unit, ascending by ``keys`` (hash of outlet and unit).

    ``articles`` is in how many different articles of the outlet it was seen; ``rows``, ``starts``, ``lengths`` say
    where one of them has it (tokens). ``capped`` counts units that were given up after comparing 40 articles.
    """

    keys: NDArray[np.uint64]
    outlets: NDArray[np.int32]
    articles: NDArray[np.int32]
    runs: NDArray[np.bool_]
    rows: NDArray[np.int64]
    starts: NDArray[np.int32]
    lengths: NDArray[np.int32]
    names: tuple[str, ...]
    capped: int
    _table: NDArray[np.uint64]

    def __len__(self) -> int:
        """Count the units."""
        return len(self.keys)


def _table_of(keys: NDArray[np.uint64]) -> NDArray[np.uint64]:
    words = np.zeros(1 << (2 * len(keys) + 8).bit_length(), np.uint64)
    recurrence.tabulate(keys, np.zeros(len(keys), np.float32), words, np.zeros(len(words), np.float32))
    return words


class Observed(NamedTuple):
    """What one batch tells of its outlets; ``names`` are the outlets by hash."""

    entries: NDArray[np.void]
    articles: NDArray[np.void]
    names: dict[int, str]


def observe(
    batch: Texts,
    reading: Reading,
    outlets: Sequence[str],
    rows: NDArray[np.int64],
    rarity: Rarity,
    made: Layout | None = None,
) -> Observed:
    """Return the sentences and sampled runs of the texts that have an outlet, and what these articles are about."""
    made = made or layout(batch, reading)
    tokens, sentences = reading.tokens, made.sentences
    hashes, names = _hashed(outlets)
    alone, edge = _placement(made)
    articles = np.zeros(len(hashes), _ARTICLE)
    articles["row"], articles["outlet"], articles["tokens"] = rows, hashes, np.diff(tokens.places)
    sentences_of = made.bounds[made.paragraphs_of]
    recurrence.shape(reading.terms, tokens.places, sentences.first, alone, edge, sentences_of, articles["form"])
    room = len(sentences) + len(tokens.hashes)
    entries = np.empty(room, _ENTRY)
    count = recurrence.entries(
        tokens.hashes,
        tokens.places,
        hashes,
        sentences.first,
        sentences.last,
        alone,
        edge,
        sentences_of,
        _columns(entries),
    )
    recurrence.describe(
        tokens.hashes,
        reading.terms,
        tokens.places,
        rarity.words,
        rarity.values,
        rarity.unknown,
        _RARE,
        articles["print"],
        articles["rare"],
        articles["where"],
    )
    return Observed(entries[:count].copy(), articles, names)


def _hashed(outlets: Sequence[str]) -> tuple[NDArray[np.uint64], dict[int, str]]:
    known = {name: xxhash.xxh64_intdigest(name.encode()) | 1 if name else 0 for name in set(outlets)}
    return (
        np.array([known[name] for name in outlets], np.uint64),
        {number: name for name, number in known.items() if name},
    )


def _placement(made: Layout) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Say of each sentence whether it is a paragraph, and whether it stands at the edge of its text."""
    sizes = np.diff(made.bounds)
    paragraph = np.repeat(np.arange(len(sizes)), sizes)
    text = made.sentences.numbers
    low, high = made.paragraphs_of[text], made.paragraphs_of[text + 1]
    outer = (high - low >= _LINED) & ((paragraph == low) | (paragraph >= high - 2))
    final = np.arange(len(text)) >= made.bounds[high] - 2
    return sizes[paragraph] == 1, outer | final


@contextmanager
def _nameless(kind: DTypeLike) -> Iterator[Column]:
    column = Column.nameless(kind)
    yield column
    column.close()


class Observer:
    """Collects what batches tell, in work files, and learns from it; any number of threads may tell.

    Memory is bounded by ``room`` entries, 52 bytes each, and by the articles: a bit a token, and up to 240 bytes.
    ``scratch`` gives the work files, one a column.
    """

    def __init__(
        self, scratch: Callable[[DTypeLike], AbstractContextManager[Column]] = _nameless, room: int = ROOM
    ) -> None:
        """Open the work files; by default the system's folder for temporary files holds them without a name."""
        self._stack, self._lock, self._room = ExitStack(), Lock(), room
        self._entries = self._stack.enter_context(scratch(_ENTRY))
        self._found = self._stack.enter_context(scratch(_ENTRY))
        self._about = {name: self._stack.enter_context(scratch(_ARTICLE[name].base)) for name in _ARTICLE.names or ()}
        self._cuts: list[NDArray[np.int64]] = []  # of each batch the entries where its parts start
        self._names: dict[int, str] = {}

    def __enter__(self) -> Self:
        """Return the observer."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the files, and so remove them."""
        self._stack.close()

    def add(self, observed: Observed) -> None:
        """Take note of a batch. Raises OutputError where the disk is full."""
        entries, cuts = np.empty(len(observed.entries), _ENTRY), np.empty(_PARTS + 1, np.int64)
        recurrence.deal(_columns(observed.entries), 64 - _PARTS.bit_length() + 1, cuts, _columns(entries))
        with self._lock:
            entries["article"] += len(self._about["row"])
            self._cuts.append(len(self._entries) + cuts)
            self._names |= observed.names
            self._entries.append(entries)
            for name, column in self._about.items():
                column.append(observed.articles[name].reshape(-1))

    def furniture(self) -> Furniture:
        """Return what recurs in unrelated articles of an outlet; the order of the batches does not matter.

        Of articles with the same tokens the one speaks that is first by its shape, then by its row.
        """
        if not len(self._entries):
            return no_furniture()
        hashes, outlets, sizes = np.unique(self._about["outlet"].read(), return_inverse=True, return_counts=True)
        known = _Articles(outlets.astype(np.int32), sizes, _places_of(self._about["tokens"].read()))
        common = self._usual(known)
        passes, covered = self._recurring(known)
        rare = self._rare(known, common, covered)
        del covered
        units, counts, capped = self._judged(known, rare, passes)
        rows = self._about["row"].read()[units["article"]]
        names = [self._names.get(number, "") for number in hashes.tolist()]
        return _furniture(units, counts, rows, known.outlets[units["article"]], names, capped)

    def _usual(self, known: _Articles) -> _Terms:
        """Return by outlet the rare terms that say nothing of an article of it."""
        prints = self._about["print"].read()
        order = np.lexsort((self._about["form"].read(), prints, known.outlets))
        speaking, bounds = np.empty(len(order), np.int64), np.zeros(len(known.sizes) + 1, np.int64)
        recurrence.speakers(order, prints, _places_of(known.sizes), _SPEAK, _FEW, speaking, bounds)
        del prints, order
        rare, speaking = np.empty((int(bounds[-1]), _TERMS), np.uint32), speaking[: bounds[-1]]
        ascending = np.argsort(speaking)
        for start, block in self._blocks("rare"):
            low, high = np.searchsorted(speaking, (start, start + len(block)), sorter=ascending)
            places = ascending[low:high]
            rare[places] = block[speaking[places] - start]
        terms, terms_of = np.empty(rare.size, np.uint32), np.zeros(len(bounds), np.int64)
        recurrence.usual(rare, bounds, _USUAL, terms, terms_of)
        return _Terms(terms[: terms_of[-1]].copy(), terms_of)

    def _blocks(self, *names: str) -> Iterator[tuple[Any, ...]]:
        """Yield the first article of a block, and what is known of those in it."""
        shapes = [_ARTICLE[name].shape for name in names]
        for start in range(0, len(self._about["row"]), _BLOCK):
            stop = min(start + _BLOCK, len(self._about["row"]))
            read = [
                self._about[name].read(start * prod(shape), stop * prod(shape)).reshape(-1, *shape)
                for name, shape in zip(names, shapes, strict=True)
            ]
            yield (start, *read)

    def _recurring(self, known: _Articles) -> tuple[list[int], NDArray[np.uint64]]:
        """Find the units that are in two different articles, pass by pass: entries of whole keys that have room.

        Returns where the entries of each pass begin among those found, and the tokens in such units, a bit each.
        """
        covered = np.zeros(int(known.places[-1]) // 64 + 1, np.uint64)
        about = (*(self._about[name].read() for name in ("print", "form", "row")), known.outlets)
        passes = [0]
        for first, last in self._passes():
            taken = self._taken(first, last)
            out = np.empty(len(taken), _ENTRY)  # what lies behind the found ones was never touched: it is no memory
            count = recurrence.recurring(
                _columns(taken),
                np.argsort(taken["key"]),
                about,
                known.places,
                known.sizes,
                _CHANCES,
                min(_UNRELATED, _AT_EDGE),
                covered,
                _columns(out),
            )
            self._found.append(out[:count])
            passes.append(len(self._found))
        return passes, covered

    def _passes(self) -> Iterator[tuple[int, int]]:
        """Yield ranges of parts whose entries have room together; one part is taken in any case."""
        ends = np.cumsum(np.sum([np.diff(cuts) for cuts in self._cuts], axis=0))
        first = 0
        while first < _PARTS:
            done = int(ends[first - 1]) if first else 0
            last = max(first + 1, int(np.searchsorted(ends, done + self._room, side="right")))
            yield first, last
            first = last

    def _taken(self, first: int, last: int) -> NDArray[np.void]:
        out = np.empty(sum(int(cuts[last] - cuts[first]) for cuts in self._cuts), _ENTRY)
        place = 0
        for cuts in self._cuts:
            count = int(cuts[last] - cuts[first])
            self._entries.read_into(out[place : place + count], int(cuts[first]))
            place += count
        return out

    def _rare(self, known: _Articles, common: _Terms, covered: NDArray[np.uint64]) -> _Rare:
        """Return what articles are about: rare terms that are neither usual nor in what recurs."""
        articles = len(known.outlets)
        own = np.zeros(articles, np.bool_)
        terms = np.empty(articles * _TERMS, np.uint32)  # what lies behind was never touched
        terms_of = np.zeros(articles + 1, np.int64)
        for start, rare, where in self._blocks("rare", "where"):
            recurrence.own_words(
                start, rare, where, known.outlets, known.places, covered, *common, _LEFT, own, terms, terms_of
            )
        return _Rare(own, terms, terms_of)

    def _judged(
        self, known: _Articles, rare: _Rare, passes: list[int]
    ) -> tuple[NDArray[np.void], NDArray[np.int32], int]:
        """Return an entry of each unit that is furniture, in how many articles it is, and how many were given up."""
        units, counts, given_up = [np.empty(0, _ENTRY)], [np.empty(0, np.int32)], 0
        for start, stop in pairwise(passes):
            entries = self._found.read(start, stop)
            first, count = np.empty(len(entries), np.int64), np.empty(len(entries), np.int32)
            found, capped = recurrence.judge(
                entries["key"],
                entries["article"],
                entries["info"],
                known.outlets,
                known.sizes,
                _CHANCES,
                *rare,
                (_UNRELATED, _AT_EDGE),
                _LOOKED_AT,
                _RELATED,
                first,
                count,
            )
            units.append(entries[first[:found]])
            counts.append(count[:found].copy())
            given_up += int(capped)
        return np.concatenate(units), np.concatenate(counts), given_up


class _Articles(NamedTuple):
    """Of articles their outlets, by number, and where their tokens begin; of outlets how many articles they have."""

    outlets: NDArray[np.int32]
    sizes: NDArray[np.int64]
    places: NDArray[np.int64]


class _Terms(NamedTuple):
    """Terms of outlets: those of outlet ``i`` are ``values[places[i]:places[i + 1]]``, ascending."""

    values: NDArray[np.uint32]
    places: NDArray[np.int64]


class _Rare(NamedTuple):
    """What articles are about: terms, as in :class:`_Terms`; ``own`` says which are no copies within their outlet."""

    own: NDArray[np.bool_]
    values: NDArray[np.uint32]
    places: NDArray[np.int64]


def _columns(entries: NDArray[np.void]) -> tuple[NDArray[Any], ...]:
    return tuple(entries[name] for name in ("key", "article", "start", "info"))


def _places_of(counts: NDArray[Any]) -> NDArray[np.int64]:
    """Return where each begins, of so many one after the other, and the end."""
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(counts, dtype=np.int64)])


def learn(observed: Iterable[Observed]) -> Furniture:
    """Return what recurs within outlets, from what their batches tell."""
    with Observer() as observer:
        for batch in observed:
            observer.add(batch)
        return observer.furniture()


def _furniture(
    units: NDArray[np.void],
    counts: NDArray[np.int32],
    rows: NDArray[np.int64],
    outlets: NDArray[np.int32],
    names: Sequence[str],
    capped: int,
) -> Furniture:
    """Put together what was learned; ``outlets`` are places in ``names``, which become those in their order."""
    ordered = sorted(range(len(names)), key=lambda number: names[number])
    ordered = [number for number in ordered if names[number]]
    place = np.full(len(names), -1, np.int32)
    place[ordered] = np.arange(len(ordered), dtype=np.int32)
    keys = units["key"].copy()
    return Furniture(
        keys=keys,
        outlets=place[outlets],
        articles=counts,
        runs=(units["info"] & recurrence.IS_RUN) != 0,
        rows=rows,
        starts=units["start"].copy(),
        lengths=(units["info"] >> 2).astype(np.int32),
        names=tuple(names[number] for number in ordered),
        capped=capped,
        _table=_table_of(keys),
    )


def no_furniture() -> Furniture:
    """Return the furniture of outlets that nothing is known of."""
    none = np.empty(0, np.int32)
    return _furniture(np.empty(0, _ENTRY), none, np.empty(0, np.int64), none, (), 0)


def restored(*columns: NDArray[Any], names: tuple[str, ...]) -> Furniture:
    """Return furniture from its columns, keys to lengths, as they were kept."""
    keys, outlets, articles, runs, rows, starts, lengths = columns
    return Furniture(keys, outlets, articles, runs, rows, starts, lengths, names, 0, _table_of(keys))


def listing(furniture: Furniture) -> list[Example]:
    """Return what was learned, most frequent first within each outlet.

    Runs that overlap in their example are one, and runs that overlap a sentence go without saying.
    """
    order = np.lexsort((furniture.runs, furniture.starts, furniture.rows, furniture.outlets))
    examples: list[Example] = []
    for unit in order.tolist():
        start, row = int(furniture.starts[unit]), int(furniture.rows[unit])
        kind = "run" if furniture.runs[unit] else "sentence"
        name, count = furniture.names[furniture.outlets[unit]], int(furniture.articles[unit])
        made = Example(name, count, kind, row, start, start + int(furniture.lengths[unit]))
        while examples and _overlap(examples[-1], made) and "run" in (kind, examples[-1].kind):
            last = examples.pop()
            if last.kind == kind:
                made = made._replace(start=last.start, end=max(last.end, made.end), articles=max(last.articles, count))
            elif last.kind == "sentence":
                made = last
        examples.append(made)
    return sorted(examples, key=lambda example: (example.outlet, -example.articles, example.row, example.start))


def _overlap(one: Example, two: Example) -> bool:
    return (one.outlet, one.row) == (two.outlet, two.row) and one.end > two.start


# Both ----------------------------------------------------------------------------------------------------------------


def mark(
    batch: Texts, reading: Reading, outlets: Sequence[str], furniture: Furniture | None, made: Layout | None = None
) -> Marks:
    """Mark the boilerplate of a batch: general rules, then what is known to recur in the outlet."""
    made = made or layout(batch, reading)
    marks = apply_rules(batch, reading, outlets, made)
    if furniture is None or not len(furniture):
        return marks
    found = recurs(reading, outlets, furniture, made)
    return Marks(np.where((marks.codes < 0) & found, np.int8(rules.RECURS), marks.codes))


def recurs(reading: Reading, outlets: Sequence[str], furniture: Furniture, made: Layout) -> NDArray[np.bool_]:
    """Say of each token whether it is known to recur in its outlet."""
    tokens, sentences = reading.tokens, made.sentences
    marks = np.zeros(len(tokens.hashes), np.bool_)
    recurrence.mark(
        tokens.hashes,
        tokens.places,
        _hashed(outlets)[0],
        sentences.first,
        sentences.last,
        _placement(made)[0],
        made.bounds[made.paragraphs_of],
        furniture._table,  # noqa: SLF001  (its own module)
        _MOST_MARKED,
        marks,
    )
    return marks
