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
from dataclasses import dataclass
from functools import lru_cache
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
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

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
_CHANCE_SHORT, _CHANCE_LONG = 200, 2000  # runs and sentences below _LONG words; longer sentences
_LONG = 8
_LOOKED_AT = 40  # articles of a unit that are compared
_RELATED = 0.12  # share of the rare terms from which two articles are related
_LEAST_OWN = 0.25  # share of an article's words that no other article of the outlet has; less is a copy
_HALF_OWN = 0.4  # below, all its terms speak for it, also those in what recurs
# A rare term in more than this share of an outlet's articles says what the outlet writes of, or in which language, and
# not that two of them are related; learned from so many articles, from outlets that have enough.
_USUAL, _SPEAK, _FEW = 0.4, 256, 6
_MOST_MARKED = 0.6  # share of a sentence from which all of it recurs
_PARTS = 64  # of the entries, by key, looked at one after the other

_ENTRY = np.dtype([("key", "<u8"), ("article", "<i4"), ("start", "<i4"), ("info", "<u2")])
_ARTICLE = np.dtype(
    [
        ("row", "<i8"),
        ("print", "<u8"),
        ("outlet", "<u8"),
        ("tokens", "<i4"),
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
        made.bounds[made.paragraphs_of],
        tuple(entries[name] for name in ("key", "article", "start", "info")),
    )
    articles = np.zeros(len(hashes), _ARTICLE)
    articles["row"], articles["outlet"], articles["tokens"] = rows, hashes, np.diff(tokens.places)
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


class Observer:
    """Collects what batches tell, in work files, and learns from it.

    Memory is bounded by a part of the entries, and by what the articles are about: some 400 bytes an article.
    """

    def __init__(self) -> None:
        """Open the work files; the system's folder for temporary files holds them without a name."""
        self._entries = Column.nameless(_ENTRY)
        self._articles = Column.nameless(_ARTICLE)
        self._cuts: list[NDArray[np.int64]] = []  # of each batch the entries where its parts start
        self._names: dict[int, str] = {}

    def __enter__(self) -> Self:
        """Return the observer."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the files, and so remove them."""
        self._entries.close()
        self._articles.close()

    def add(self, observed: Observed) -> None:
        """Take note of a batch. Raises OutputError where the disk is full."""
        entries = observed.entries
        part = (entries["key"] >> np.uint64(64 - _PARTS.bit_length() + 1)).astype(np.uint8)
        order = np.argsort(part, kind="stable")
        entries = entries[order]
        entries["article"] += len(self._articles)
        self._cuts.append(len(self._entries) + np.searchsorted(part[order], np.arange(_PARTS + 1)))
        self._names |= observed.names
        self._entries.append(entries)
        self._articles.append(observed.articles)

    @property
    def nbytes(self) -> int:
        """Return the bytes of the work files."""
        return self._entries.nbytes + self._articles.nbytes

    def furniture(self) -> Furniture:
        """Return what recurs in unrelated articles of an outlet; the order of the batches does not matter."""
        if not len(self._entries):
            return _furniture(np.zeros(0, _ENTRY), np.zeros(0, np.int32), np.zeros(0, _ARTICLE), self._names, 0)
        articles = self._articles.read()
        prints = articles["print"].copy()
        parts = [self._recurring(prints, part) for part in range(_PARTS)]
        return _learn(np.concatenate(parts), articles, prints, self._names)

    def _recurring(self, prints: NDArray[np.uint64], part: int) -> NDArray[np.void]:
        """Return the entries of a part whose unit is in two different articles, by key and fingerprint."""
        taken = np.concatenate([self._entries.read(cuts[part], cuts[part + 1]) for cuts in self._cuts])
        order = np.argsort(taken["key"])
        keep = np.zeros(len(taken), np.bool_)
        recurrence.recurring(taken["key"], taken["article"], order, prints, keep)
        kept = taken[keep]
        rank = np.lexsort((kept["start"], kept["article"], prints[kept["article"]], kept["key"]))
        return kept[rank]


def learn(observed: Iterable[Observed]) -> Furniture:
    """Return what recurs within outlets, from what their batches tell."""
    with Observer() as observer:
        for batch in observed:
            observer.add(batch)
        return observer.furniture()


def _learn(
    entries: NDArray[np.void], articles: NDArray[np.void], prints: NDArray[np.uint64], names: dict[int, str]
) -> Furniture:
    by_article = entries[np.lexsort((entries["start"], entries["article"]))]
    masks, own = np.zeros(len(articles), np.uint64), np.ones(len(articles), np.bool_)
    least = (_LEAST_OWN, _HALF_OWN)
    columns = (by_article["article"], by_article["start"], by_article["info"])
    rare = articles["rare"]
    by_outlet = np.lexsort((prints, articles["outlet"]))
    bounds = np.append(np.unique(articles["outlet"][by_outlet], return_index=True)[1], len(articles))
    recurrence.usual(rare, prints, by_outlet, bounds, _SPEAK, _FEW, _USUAL, masks)
    recurrence.own_words(*columns, articles["tokens"], rare, articles["where"], least, masks, own)
    first, count = np.empty(len(entries), np.int64), np.empty(len(entries), np.int32)
    units, capped = recurrence.judge(
        entries["key"],
        entries["article"],
        entries["info"],
        prints,
        rare,
        masks,
        own,
        _floors(entries, articles["outlet"]),
        (_UNRELATED, _AT_EDGE),
        _LOOKED_AT,
        _RELATED,
        first,
        count,
    )
    return _furniture(entries[first[:units]], count[:units], articles, names, int(capped))


def _floors(entries: NDArray[np.void], outlets: NDArray[np.uint64]) -> NDArray[np.int32]:
    """Return for each entry how many articles more than usual must hold its unit."""
    _, outlet, counts = np.unique(outlets, return_inverse=True, return_counts=True)
    long = (entries["info"] >> 2 >= _LONG) & (entries["info"] & recurrence.IS_RUN == 0)
    floors: NDArray[np.int32] = (
        counts[outlet[entries["article"]]] // np.where(long, _CHANCE_LONG, _CHANCE_SHORT)
    ).astype(np.int32)
    return floors


def _furniture(
    units: NDArray[np.void], counts: NDArray[np.int32], articles: NDArray[np.void], names: dict[int, str], capped: int
) -> Furniture:
    where = units["article"]
    ordered = sorted(names, key=lambda number: names[number])
    place = {number: index for index, number in enumerate(ordered)}
    keys = units["key"].copy()
    return Furniture(
        keys=keys,
        outlets=np.array([place[number] for number in articles["outlet"][where].tolist()], np.int32),
        articles=counts.copy(),
        runs=(units["info"] & recurrence.IS_RUN) != 0,
        rows=articles["row"][where].astype(np.int64),
        starts=units["start"].copy(),
        lengths=(units["info"] >> 2).astype(np.int32),
        names=tuple(names[number] for number in ordered),
        capped=capped,
        _table=_table_of(keys),
    )


def no_furniture() -> Furniture:
    """Return the furniture of outlets that nothing is known of."""
    return _furniture(np.zeros(0, _ENTRY), np.zeros(0, np.int32), np.zeros(0, _ARTICLE), {}, 0)


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
