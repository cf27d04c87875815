"""The passes over a corpus: what it and its outlets repeat, then ids, sketches and outlines of every article."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dedup import profiles, text
from dedup.boilerplate import Furniture, Observer, Rarity, mark, observe, outlet_of
from dedup.errors import CorpusError
from dedup.kernels import profiling
from dedup.profiles import Outlined
from dedup.sketch import Recipe, Sketches, sketch, sketch_kept
from dedup.vocabulary import Tally, Vocabulary, short_terms, vocabulary
from dedup.work import Column

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from numpy.typing import DTypeLike, NDArray

    from dedup.background import Background
    from dedup.boilerplate import Observed
    from dedup.corpus import Corpus
    from dedup.profiles import Outlines
    from dedup.settings import Settings
    from dedup.store import Held
    from dedup.workers import Workers

_NAMED = 5  # examples in a message
_AT_ONCE = 4096  # articles that are read together to learn what their outlets repeat


# The first pass: what is said again and again ---------------------------------------------------------------------


class Learned(NamedTuple):
    """What outlets repeat, and the terms of the corpus."""

    furniture: Furniture
    vocabulary: Vocabulary


class Terms(Protocol):
    """A vocabulary, or one that grows with what is read."""

    def of(self, *readings: text.Reading) -> Vocabulary:
        """Return a vocabulary that knows the terms of these readings."""


class Known(Protocol):
    """What a survey needs of what was learned."""

    @property
    def furniture(self) -> Furniture:
        """Return what outlets repeat."""

    @property
    def vocabulary(self) -> Terms:
        """Return the terms."""


def learn(corpus: Corpus, background: Background, workers: Workers, observer: Observer | None = None) -> Learned:
    """Read every article once for the boilerplate of its outlet, with a new ``observer``, and the rarity of its terms.

    The observer is closed.
    """
    rarity, tally, short = _rarity(background), Tally(), np.empty(0, np.uint64)
    with observer or Observer() as told_to:
        look = partial(_told, corpus, rarity=rarity, observer=told_to)
        for part in workers.map("learn", look, range(len(corpus.pieces)), corpus.sizes()):
            for told in part:
                tally.add(told.terms, told.articles)
                short = np.union1d(short, told.short)
        return Learned(told_to.furniture(), vocabulary(tally, background, short))


def learn_furniture(
    corpus: Corpus,
    background: Background,
    workers: Workers,
    scratch: Callable[[DTypeLike], AbstractContextManager[Column]],
    room: int,
) -> Furniture:
    """Read every article once for the boilerplate of its outlet, and for nothing else.

    ``scratch`` gives the columns for it, in files; ``room`` entries of them are worked on at a time.
    """
    rarity = _rarity(background)

    def look(piece: int) -> None:
        for first, whole in corpus.read(piece, ("text", "source", "url")):
            for start in range(0, whole.num_rows, _AT_ONCE):
                row, batch = first + start, whole.slice(start, _AT_ONCE)
                observer.add(_observed(corpus, piece, row, batch, rarity)[0])

    with Observer(scratch, room) as observer:
        for _ in workers.map("learn", look, range(len(corpus.pieces)), corpus.sizes()):
            pass
        return observer.furniture()


def furnished(furniture: Furniture, background: Background) -> Learned:
    """Return what a survey needs where no outlines are wanted: furniture, and no term."""
    return Learned(furniture, vocabulary(Tally(), background, np.empty(0, np.uint64)))


def _rarity(background: Background) -> Rarity:
    known = np.log((background.articles + 1) / (background.counts + 0.5)).astype(np.float32)
    return Rarity.of(background.terms, known, float(np.log((background.articles + 1) / 1.5)))


class _Told(NamedTuple):
    terms: NDArray[np.uint64]
    short: NDArray[np.uint64]
    articles: int


def _told(corpus: Corpus, piece: int, rarity: Rarity, observer: Observer) -> list[_Told]:
    """Tell the observer of a piece, and return what its batches say."""
    told = []
    for row, batch in corpus.read(piece, ("text", "title", "source", "url")):
        observed, reading = _observed(corpus, piece, row, batch, rarity)
        observer.add(observed)
        titles = text.read(text.views(batch["title"]))
        terms = np.empty(len(reading.terms) + len(titles.terms), np.uint64)
        count = profiling.distinct_terms(
            reading.terms, reading.tokens.places, titles.terms, titles.tokens.places, terms
        )
        told.append(_Told(terms[:count], short_terms(reading, titles), batch.num_rows))
    return told


def _observed(
    corpus: Corpus, piece: int, row: int, batch: pa.RecordBatch, rarity: Rarity
) -> tuple[Observed, text.Reading]:
    """Return what a batch tells of its outlets, and its texts as they were read."""
    with _located(corpus, piece, row):
        texts = text.views(batch["text"])
        reading = text.read(texts)
    return observe(texts, reading, _outlets(batch), np.arange(row, row + batch.num_rows), rarity), reading


def _outlets(batch: pa.RecordBatch) -> list[str]:
    sources, urls = batch["source"].to_pylist(), batch["url"].to_pylist()
    return [outlet_of(source, url) for source, url in zip(sources, urls, strict=True)]


@contextmanager
def _located(corpus: Corpus, piece: int, row: int) -> Iterator[None]:
    """Say of an error in a batch where in the corpus it is."""
    try:
        yield
    except CorpusError as error:
        source = corpus.pieces[piece]
        wrong = source.first + row - int(corpus.starts[piece]) + (error.row or 0)
        place = f"{source.place()}: column {corpus.names['text']!r}"
        raise CorpusError(f"{place}: row {wrong} is not valid UTF-8; decode it first", row=wrong) from error


# The second pass: every article ------------------------------------------------------------------------------------


class Runs(NamedTuple):
    """Runs of tokens of every article: run ``j`` from ``places[i]`` on is its tokens ``starts[j]`` to ``ends[j]``."""

    places: NDArray[np.int64]
    starts: NDArray[np.int32]
    ends: NDArray[np.int32]

    def mask(self, rows: NDArray[np.int64], token_places: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return which tokens of these articles lie in a run; ``token_places`` bounds their tokens."""
        out = np.zeros(int(token_places[-1]), np.bool_)
        profiling.cover(self.places, self.starts, self.ends, rows, token_places, out)
        return out


@dataclass(frozen=True)
class Survey:
    """What is known of every article, rows in input order.

    ``words`` counts all tokens; the sketches are of those that are not ``boilerplate``. ``outlet`` is a number, -1
    where unknown. ``outlined`` are the outlines where stories are wanted.
    """

    ids: pa.LargeStringArray
    published: pa.TimestampArray
    words: NDArray[np.int32]
    boilerplate: Runs
    sketches: Sketches
    outlet: NDArray[np.int32]
    outlined: Outlined | None

    @property
    def outlines(self) -> Outlines | None:
        """Return all outlines at once."""
        return None if self.outlined is None else self.outlined.read()


class Part(NamedTuple):
    """What is known of the articles of one batch."""

    about: pa.RecordBatch  # id, published
    words: NDArray[np.int32]
    boilerplate: Runs
    sketches: Sketches
    outlets: list[str]
    outlines: Outlines | None


def survey(
    corpus: Corpus,
    recipe: Recipe,
    workers: Workers,
    learned: Known | None,
    settings: Settings,
    held: Held | None = None,
    records: Column | None = None,
) -> Survey:
    """Read every article, and offer its text to be ``held``. Raises CorpusError for invalid text and duplicate ids.

    With nothing ``learned`` all text counts as the articles' own, and the fast path sketches it. ``records`` is an
    empty column that takes the outlines, if it has to be another than one in memory.
    """
    read, outlets, numbers = [], [], dict[str, int]()
    outlined = Outlined(Column(np.int32) if records is None else records)
    for part in parts(corpus, recipe, workers, learned, settings, held):
        if part.outlines is not None:
            outlined.append(part.outlines)
        outlets.append(np.array([numbers.setdefault(name, len(numbers)) for name in part.outlets], np.int32))
        read.append(part._replace(outlines=None, outlets=[]))
    ids = pa.concat_arrays([part.about["id"] for part in read])
    refuse_duplicates(ids)
    return Survey(
        ids,
        pa.concat_arrays([part.about["published"] for part in read]),
        np.concatenate([part.words for part in read]),
        _joined_runs([part.boilerplate for part in read]),
        _joined([part.sketches for part in read], recipe),
        _numbered(np.concatenate(outlets), list(numbers)),
        outlined if learned is not None and settings.stories else None,
    )


def parts(
    corpus: Corpus, recipe: Recipe, workers: Workers, learned: Known | None, settings: Settings, held: Held | None
) -> Iterator[Part]:
    """Yield what a survey is made of, batch by batch, in order."""

    def look(piece: int) -> list[Part]:
        if learned is None:
            return list(_quickly(corpus, recipe, piece, held))
        return list(_thoroughly(corpus, recipe, piece, learned, settings, held))

    for piece in workers.map("sketch", look, range(len(corpus.pieces)), corpus.sizes()):
        yield from piece


def _quickly(corpus: Corpus, recipe: Recipe, piece: int, held: Held | None) -> Iterator[Part]:
    for row, batch in corpus.read(piece, ("id", "published", "text")):
        if held is not None:
            held.offer(row, batch["text"])
        with _located(corpus, piece, row):
            sketches = sketch(batch["text"], recipe)
        none = np.empty(0, np.int32)
        runs = Runs(np.zeros(batch.num_rows + 1, np.int64), none, none)
        yield Part(batch.select(["id", "published"]), sketches.tokens, runs, sketches, [], None)


def _thoroughly(
    corpus: Corpus, recipe: Recipe, piece: int, learned: Known, settings: Settings, held: Held | None
) -> Iterator[Part]:
    fields = ("id", "published", "text", "source", "url", *(("title",) if settings.stories else ()))
    for row, batch in corpus.read(piece, fields):
        if held is not None:
            held.offer(row, batch["text"])
        with _located(corpus, piece, row):
            texts = text.views(batch["text"])
            reading = text.read(texts, terms=settings.stories)
            titles = text.read(text.views(batch["title"])) if settings.stories else None
        outlets = _outlets(batch)
        boilerplate = mark(texts, reading, outlets, learned.furniture).mask
        if not settings.boilerplate:
            boilerplate[:] = False
        outlines = None
        if titles is not None:
            outlines = profiles.outline(reading, boilerplate, titles, learned.vocabulary.of(reading, titles))
        yield Part(
            batch.select(["id", "published"]),
            np.diff(reading.tokens.places).astype(np.int32),
            _runs(boilerplate, reading.tokens.places),
            sketch_kept(reading.tokens, boilerplate, recipe),
            outlets,
            outlines,
        )


def _runs(mask: NDArray[np.bool_], places: NDArray[np.int64]) -> Runs:
    edge = np.zeros(len(mask) + 1, np.bool_)
    edge[places] = True
    before = np.concatenate([[False], mask[:-1]])
    after = np.concatenate([mask[1:], [False]])
    starts = np.flatnonzero(mask & (~before | edge[:-1]))
    ends = np.flatnonzero(mask & (~after | edge[1:])) + 1
    text_of = np.searchsorted(places, starts, side="right") - 1
    counts = np.bincount(text_of, minlength=len(places) - 1)
    base = places[text_of]
    bounds = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return Runs(bounds, (starts - base).astype(np.int32), (ends - base).astype(np.int32))


def _joined_runs(parts: list[Runs]) -> Runs:
    lengths = np.concatenate([np.diff(part.places) for part in parts])
    return Runs(
        np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        np.concatenate([part.starts for part in parts]),
        np.concatenate([part.ends for part in parts]),
    )


def _numbered(outlets: NDArray[np.int32], names: list[str]) -> NDArray[np.int32]:
    """Return the outlets as numbers in the order of their names, -1 where there is none."""
    ordered = sorted(set(names) - {""})
    numbers = {name: number for number, name in enumerate(ordered)}
    return np.array([numbers.get(name, -1) for name in names], np.int32)[outlets]


def _joined(parts: list[Sketches], recipe: Recipe) -> Sketches:
    sampled = np.concatenate([part.sampled for part in parts])
    lengths = np.concatenate([np.diff(part.places) for part in parts])
    keys = np.concatenate([np.empty((0, recipe.bands), np.uint64), *(part.keys for part in parts)])
    return Sketches(
        np.concatenate([part.tokens for part in parts]),
        np.concatenate([part.fingerprints for part in parts]),
        keys,
        sampled,
        np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)]),
    )


def refuse_duplicates(ids: pa.LargeStringArray) -> None:
    """Raise CorpusError where an id is there twice."""
    if pc.count_distinct(ids).as_py() == len(ids):
        return
    counts = pc.value_counts(ids)
    repeated = counts.filter(pc.greater(counts.field("counts"), 1))
    named = ", ".join(f"{entry['values']!r} ({entry['counts']} times)" for entry in repeated[:_NAMED].to_pylist())
    more = f" and {len(repeated) - _NAMED} more" if len(repeated) > _NAMED else ""
    raise CorpusError(f"duplicate ids: {named}{more}; every article needs an id of its own")


# Ranks -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Ranking:
    """Distinct texts by rank, longest first; ties fall by fingerprint, so that no input order shows.

    The articles with the text of rank ``r`` are ``rows[places[r]:places[r + 1]]``. Articles shorter than one shingle
    say too little to be anybody's copy ("No text.") and are left out.
    """

    rows: NDArray[np.int64]
    places: NDArray[np.int64]

    def __len__(self) -> int:
        """Count the texts."""
        return len(self.places) - 1

    @property
    def first_rows(self) -> NDArray[np.int64]:
        """Return one row a text."""
        return self.rows[self.places[:-1]]

    @property
    def ranks(self) -> NDArray[np.int64]:
        """Return the rank of the text of each of ``rows``."""
        return np.repeat(np.arange(len(self)), np.diff(self.places))

    def of_rows(self, articles: int) -> NDArray[np.int32]:
        """Return for each article the rank of the text that its row stands for, -1 for the others."""
        ranks = np.full(articles, -1, np.int32)
        ranks[self.first_rows] = np.arange(len(self), dtype=np.int32)
        return ranks


def rank(sketches: Sketches, least: int) -> Ranking:
    """Collapse identical texts of ``least`` tokens and more, and rank the distinct ones."""
    return rank_texts(sketches.tokens, sketches.fingerprints, least)


def rank_texts(tokens: NDArray[np.int32], fingerprints: NDArray[np.uint64], least: int) -> Ranking:
    """Do what :func:`rank` does, from the counts of tokens and the fingerprints of texts."""
    high, low = fingerprints[:, 0], fingerprints[:, 1]
    order = np.lexsort((low, high, -tokens))
    order = order[tokens[order] >= least]
    new = np.ones(len(order), bool)
    new[1:] = (np.diff(high[order]) != 0) | (np.diff(low[order]) != 0)
    return Ranking(order, np.append(np.flatnonzero(new), len(order)))
