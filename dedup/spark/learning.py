"""What outlets repeat, and the terms of the corpus: counted in shuffles, sent to every executor."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from pyspark import SparkFiles
from pyspark.sql import functions as F  # noqa: N812  (its usual name)

from dedup import boilerplate, text
from dedup.background import Background
from dedup.boilerplate import Furniture, Observed, Rarity, observe, outlet_of
from dedup.errors import CorpusError
from dedup.kernels import profiling
from dedup.spark.frames import begin, block, keep, made, mapped, numbers, packed, signed, together, unpacked
from dedup.vocabulary import Tally, Vocabulary, short_terms, vocabulary

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pyspark.sql import DataFrame

    from dedup.settings import Settings
    from dedup.spark.articles import Articles
    from dedup.text import Reading, Texts

_TERMS = pa.schema([("term", pa.int64()), ("articles", pa.int64()), ("short", pa.bool_())])
_OBSERVED = pa.schema(
    [
        ("number", pa.int64()),
        ("outlet", pa.string()),
        ("print", pa.int64()),
        ("about", pa.binary()),  # a record of boilerplate's articles
        ("entries", pa.binary()),  # records of its entries
    ]
)
_UNITS = pa.schema(
    [
        ("unit", pa.int64()),
        ("print", pa.int64()),
        ("block", pa.int32()),
        ("number", pa.int64()),
        ("entry", pa.binary()),
    ]
)
_KEYS = pa.schema([("key", pa.int64())])


# What executors are told ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Learned:
    """What the corpus taught, small enough to be sent to every executor.

    ``keys`` (uint64) are the units that outlets repeat. ``terms`` (uint64, ascending) stand in two articles and more,
    in ``counts`` (int32) of the ``articles``; ``short`` says of a term whether it is no key. A term that is not there
    stands in one article.
    """

    keys: NDArray[np.uint64]
    terms: NDArray[np.uint64]
    counts: NDArray[np.int32]
    short: NDArray[np.bool_]
    articles: int

    @property
    def bytes(self) -> int:
        """Return how much is sent."""
        return sum(array.nbytes for array in (self.keys, self.terms, self.counts, self.short))

    @property
    def furniture(self) -> Furniture:
        """Return what outlets repeat, as far as marking needs it."""
        none, long = np.zeros(len(self.keys), np.int32), np.zeros(len(self.keys), np.int64)
        return boilerplate.restored(self.keys, none, none, none.astype(np.bool_), long, none, none, names=())

    def weigh(
        self, terms: NDArray[np.uint64], background: Background, short: NDArray[np.uint64] | None = None
    ) -> Vocabulary:
        """Return the vocabulary of the corpus, these distinct terms of it alone, ascending.

        ``short`` are terms that are no keys by what was just read; those that are none elsewhere are known.
        """
        place = np.minimum(np.searchsorted(self.terms, terms), max(0, len(self.terms) - 1))
        known = self.terms[place] == terms if len(self.terms) else np.zeros(len(terms), np.bool_)
        counts = np.ones(len(terms), np.int64)
        counts[known] = self.counts[place[known]]
        brief = terms[known][self.short[place[known]]]
        if short is not None:
            brief = np.union1d(brief, np.intersect1d(terms[~known], short))
        return vocabulary(_Counted(terms, counts, self.articles), background, brief)


class _Counted(Tally):
    """A tally whose counting is done."""

    def __init__(self, terms: NDArray[np.uint64], counts: NDArray[np.int64], articles: int) -> None:
        super().__init__()
        self.articles = articles
        self._done = terms, counts

    def counted(self) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
        return self._done


class Weighed:
    """The terms of whatever is read, weighed by the corpus; keeps the ``latest`` vocabulary."""

    def __init__(self, learned: Learned, background: Background) -> None:
        """Know what was learned."""
        self._learned, self._background = learned, background
        self.latest: Vocabulary | None = None

    def of(self, *readings: Reading) -> Vocabulary:
        """Return the vocabulary of these readings."""
        terms = np.unique(np.concatenate([reading.terms for reading in readings]))
        self.latest = self._learned.weigh(terms[terms != 0], self._background, short_terms(*readings))
        return self.latest


def load_background(settings: Settings) -> Background:
    """Return the background on an executor, to which :func:`ship` sent it."""
    return Background.load(Path(SparkFiles.get(Path(settings.background).name)) if settings.background else None)


def ship(frame: DataFrame, settings: Settings) -> Background:
    """Send the background to every executor where it is not that of the package; return it."""
    found = Background.load(Path(settings.background) if settings.background else None)
    if settings.background:
        frame.sparkSession.sparkContext.addFile(settings.background)
    return found


# Learning ---------------------------------------------------------------------------------------------------------


def learn(articles: Articles, settings: Settings) -> Learned:
    """Read every article for the boilerplate of its outlet and the rarity of its terms, as far as settings ask."""
    nothing, session = np.empty(0, np.uint64), articles.frame.sparkSession
    begin(session, "learn: boilerplate")
    keys = _furniture(articles, settings) if settings.boilerplate else nothing
    if not settings.stories:
        return Learned(keys, nothing, np.empty(0, np.int32), np.empty(0, np.bool_), articles.count)
    begin(session, "learn: terms")
    terms = mapped(articles.frame.select("id", "text", "title"), _terms, _TERMS)
    summed = terms.groupBy("term").agg(F.sum("articles").alias("articles"), F.max("short").alias("short"))
    found = summed.filter("articles > 1").toArrow().combine_chunks()
    hashes = numbers(found, "term").view(np.uint64)
    order = np.argsort(hashes)
    return Learned(
        keys,
        hashes[order],
        numbers(found, "articles")[order].astype(np.int32),
        numbers(found, "short")[order],
        articles.count,
    )


def readings(batch: pa.RecordBatch) -> tuple[Texts, Reading, Reading]:
    """Return the texts of a batch, and texts and titles as they are read."""
    texts = text.views(batch["text"])
    try:
        return texts, text.read(texts), text.read(text.views(batch["title"]))
    except CorpusError as error:
        raise located(batch, error) from error


def located(batch: pa.RecordBatch, error: CorpusError) -> CorpusError:
    """Say of an error in a batch in which article it is."""
    identity = batch["id"][error.row or 0].as_py()
    return CorpusError(f"the DataFrame: the text of the article {identity!r} is not valid UTF-8; decode it first")


def _terms(batch: pa.RecordBatch) -> pa.RecordBatch:
    _, reading, titles = readings(batch)
    terms = np.empty(len(reading.terms) + len(titles.terms), np.uint64)
    count = profiling.distinct_terms(reading.terms, reading.tokens.places, titles.terms, titles.tokens.places, terms)
    distinct, articles = np.unique(terms[:count], return_counts=True)
    return made(_TERMS, distinct.view(np.int64), articles, np.isin(distinct, short_terms(reading, titles)))


def outlets(batch: pa.RecordBatch) -> list[str]:
    """Return whose articles these are."""
    return list(map(outlet_of, batch["source"].to_pylist(), batch["url"].to_pylist()))


# Boilerplate: of the sentences and runs of all articles those are kept that recur, then each outlet is looked at.


def _furniture(articles: Articles, settings: Settings) -> NDArray[np.uint64]:
    fields = articles.frame.select("number", "id", "text", "title", "source", "url")
    seen = mapped(fields, partial(_observed, settings=settings), _OBSERVED).filter("outlet <> ''")
    seen = keep(seen.withColumn("block", block("outlet", articles.chunks)))
    units = mapped(seen.select("block", "number", "print", "entries"), _units, _UNITS)
    prints = units.groupBy("unit").agg(F.min("print").alias("least"), F.max("print").alias("most"))
    recurring = units.join(prints.filter("least < most").select("unit"), "unit", "left_semi")
    about = seen.select("block", "number", "outlet", "about")
    keys = together(about, recurring.select("block", "number", "entry"), "block", _learned, _KEYS).toArrow()
    return np.sort(numbers(keys, "key").view(np.uint64))


def _observed(batch: pa.RecordBatch, settings: Settings) -> pa.RecordBatch:
    texts, reading, _ = readings(batch)
    named = outlets(batch)
    rows = numbers(batch, "number")
    found = observe(texts, reading, named, rows, _rarity(settings))
    places = np.searchsorted(found.entries["article"], np.arange(len(rows) + 1))
    about = packed(found.articles, np.arange(len(rows) + 1))
    return made(_OBSERVED, rows, named, signed(found.articles["print"]), about, packed(found.entries, places))


@lru_cache(maxsize=1)
def _rarity(settings: Settings) -> Rarity:
    background = load_background(settings)
    known = np.log((background.articles + 1) / (background.counts + 0.5)).astype(np.float32)
    return Rarity.of(background.terms, known, float(np.log((background.articles + 1) / 1.5)))


def _units(batch: pa.RecordBatch) -> pa.RecordBatch:
    places, entries = unpacked(batch["entries"], boilerplate._ENTRY)  # noqa: SLF001  (its record, as it is)
    sizes = np.diff(places)
    repeated = [np.repeat(numbers(batch, name), sizes) for name in ("print", "block", "number")]
    whole = packed(entries, np.arange(len(entries) + 1))
    return made(_UNITS, entries["key"].copy().view(np.int64), *repeated, whole)


def _learned(articles: pa.Table, recurring: pa.Table) -> pa.RecordBatch:
    """Learn from whole outlets."""
    rows = articles.sort_by("number")
    _, entries = unpacked(recurring["entry"], boilerplate._ENTRY)  # noqa: SLF001
    entries["article"] = np.searchsorted(numbers(rows, "number"), numbers(recurring, "number"))
    _, about = unpacked(rows["about"], boilerplate._ARTICLE)  # noqa: SLF001
    names = dict(zip(about["outlet"].tolist(), rows["outlet"].to_pylist(), strict=True))
    furniture = boilerplate.learn([Observed(entries, about, names)])
    return made(_KEYS, furniture.keys.view(np.int64))
