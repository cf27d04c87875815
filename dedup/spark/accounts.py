"""Stories → ledgers → the rows of the result, a block of whole stories at a time."""

from __future__ import annotations

from functools import partial, reduce
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812  (its usual name)

from dedup import sketch, tables
from dedup.article import ARTICLES, IDENTICAL, MATCHES, RELATIONS, REWRITE, SPANS, TIMESTAMP
from dedup.overlap import Matches, Overlap
from dedup.pipeline import recipe
from dedup.spark.copies import BLOCK_BYTES
from dedup.spark.frames import block, grouped, keep, mapped, numbers
from dedup.spark.learning import load_background
from dedup.spark.surveying import house_of
from dedup.store import TextStore
from dedup.survey import Survey
from dedup.workers import Workers

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dedup.settings import Settings
    from dedup.spark.articles import Articles
    from dedup.spark.copies import Copies
    from dedup.spark.retelling import Told


def plain(schema: pa.Schema) -> pa.Schema:
    """Return a schema of the result in types that Spark has; times in microseconds."""
    return pa.schema([pa.field(field.name, _plain(field.type)) for field in schema])


def _plain(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_dictionary(kind) or pa.types.is_large_string(kind):
        return pa.string()
    return pa.int64() if pa.types.is_timestamp(kind) else kind


_NO_PAIR = {"left": "long", "right": "long", "probability": "double"}
_SPAN = "span_"  # before the names of the columns of a span
_ROWS = pa.schema(
    [
        ("number", pa.int64()),
        ("capped", pa.int64()),  # stories with more sources than are searched
        *plain(ARTICLES),
        *(field.with_name(_SPAN + field.name) for field in plain(SPANS)),
    ]
)


class Accounts(NamedTuple):
    """The rows of the articles and of the spans, in types of Spark, and the stories that met a cap."""

    articles: DataFrame
    spans: DataFrame
    capped: int


def account(articles: Articles, surveyed: DataFrame, copies: Copies, told: Told | None, settings: Settings) -> Accounts:
    """Make the ledgers of all stories of two and more, and the rows of every article."""
    known = keep(_known(surveyed, copies, told, settings))
    sizes = known.groupBy("story").agg(F.count("*").alias("members"))
    placed = known.join(sizes, "story")
    fields = articles.frame.select("number", "id", "title", "source", "url")
    alone = mapped(placed.filter("members = 1").join(fields, "number"), partial(_alone, settings=settings), _ROWS)
    texts = articles.frame.select("number", "id", "title", "source", "url", "text")
    many = placed.filter("members > 1").withColumn("block", block("story", 1 + articles.bytes // BLOCK_BYTES))
    work = partial(_accounted, settings=settings)
    rows = keep(grouped(many.join(texts, "number").groupBy("block"), work, _ROWS).union(alone))
    spans = rows.filter(f"{_SPAN}id is not null").select(
        "number", *(F.col(_SPAN + name).alias(name) for name in SPANS.names)
    )
    capped = rows.agg(F.sum("capped")).first()
    return Accounts(
        rows.filter("id is not null").select("number", *ARTICLES.names), spans, int((capped and capped[0]) or 0)
    )


def _known(surveyed: DataFrame, copies: Copies, told: Told | None, settings: Settings) -> DataFrame:
    """Return of every article its copy group, its story, and the match and the pair that may admit it."""
    texts = copies.texts.select("rank", "high", "low", "first", "copy", "size")
    longer = texts.select(F.col("rank").alias("longer"), F.col("first").alias("witness"))
    admitting = copies.matches.filter("witness").drop("witness").join(longer, "longer")
    admitting = admitting.select(
        F.col("shorter").alias("rank"), "witness", "relation", "shared", "of_longer", "of_shorter"
    )
    long = F.when(F.col("tokens") >= settings.shingle, F.col("high")).alias("high")  # shorter ones have no rank
    own = surveyed.select("number", "published", "words", "house", long, "low")
    known = own.join(texts.join(admitting, "rank", "left"), ["high", "low"], "left")
    known = known.withColumn("copy", F.coalesce("copy", "number")).withColumn("first", F.coalesce("first", "number"))
    known = known.withColumn("size", F.coalesce("size", F.lit(1))).drop("high", "low", "rank")
    if told is None:
        return known.withColumn("story", F.col("copy")).withColumns(
            {name: F.lit(None).cast(kind) for name, kind in _NO_PAIR.items()}
        )
    known = known.join(told.stories, "copy", "left").withColumn("story", F.coalesce("story", "copy"))
    return known.join(told.admitted, "copy", "left")


def _alone(batch: pa.RecordBatch, settings: Settings) -> pa.RecordBatch:
    return _accounted(pa.Table.from_batches([batch]), settings)


def _accounted(table: pa.Table, settings: Settings) -> pa.RecordBatch:
    """Make the rows of whole stories, or of articles that are one each."""
    rows = table.sort_by("number")
    members = _members(rows)
    surveyed = _survey(rows, settings)
    about = pa.table([rows[name] for name in ("title", "source", "url")], schema=_ABOUT)
    background = load_background(settings) if settings.stories else None
    stories = tables.stories(surveyed, _places(rows, "story"))
    with TextStore(len(rows)) as store:
        if len(stories.rows):
            store.add(np.arange(len(rows)), rows["text"].combine_chunks())
        accounts = tables.account(surveyed, about, stories, store, background, settings.shingle, Workers(1))
    told = _told(rows) if settings.stories else None
    made_ = tables.article_table(surveyed, about, members, _matches(rows, members), told, accounts)
    return _joined(numbers(rows, "number"), made_, accounts.spans, accounts.capped)


_ABOUT = pa.schema([ARTICLES.field(name) for name in ("title", "source", "url")])


def _places(rows: pa.Table, name: str) -> NDArray[np.int64]:
    """Return at which row the article stands that a column names by its number."""
    return np.searchsorted(numbers(rows, "number"), numbers(rows, name))


def _survey(rows: pa.Table, settings: Settings) -> Survey:
    return Survey(
        rows["id"].combine_chunks().cast(pa.large_string()),
        rows["published"].combine_chunks().cast(TIMESTAMP),
        numbers(rows, "words"),
        house_of(rows),
        sketch.empty(0, recipe(settings)),
        np.empty(0, np.int32),
        None,
    )


def _members(rows: pa.Table) -> tables.Members:
    many = np.flatnonzero(numbers(rows, "size") > 1)
    copy = _places(rows, "copy")
    members = many[np.lexsort((many, copy[many]))]
    texts, ranks = np.unique(_places(rows, "first")[members], return_inverse=True)
    admitted = rows["witness"].is_valid().to_numpy()[texts]
    starts = np.flatnonzero(np.diff(copy[members], prepend=-1))
    witness = np.where(admitted, np.cumsum(admitted) - 1, -1)
    return tables.Members(members, ranks, np.append(starts, len(members)), texts, witness)


def _matches(rows: pa.Table, members: tables.Members) -> Matches:
    """Return the matches that admit the texts of copy groups."""
    shorter = np.flatnonzero(members.witness >= 0)
    taken = rows.take(pa.array(members.texts[shorter]))
    first = np.searchsorted(numbers(rows, "number"), numbers(taken, "witness").astype(np.int64))
    exact = Overlap(*(numbers(taken, name).astype(np.int64) for name in ("shared", "of_longer", "of_shorter")))
    relation = numbers(taken, "relation").astype(np.int8)
    return Matches(np.searchsorted(members.texts, first), shorter, relation, exact)


def _told(rows: pa.Table) -> tables.Told:
    has = rows["left"].is_valid().to_numpy()
    pairs = rows.filter(pa.array(has))
    known = numbers(rows, "number")
    left, right = (np.searchsorted(known, numbers(pairs, side).astype(np.int64)) for side in ("left", "right"))
    witness = np.where(has, np.cumsum(has) - 1, -1)
    return tables.Told(_places(rows, "story"), witness, left, right, numbers(pairs, "probability"))


def _joined(known: NDArray[np.int64], articles: pa.Table, spans: pa.Table, capped: int) -> pa.RecordBatch:
    """Put the rows of articles and of spans into one table."""
    place = pc.index_in(spans["id"], articles["id"].combine_chunks()).to_numpy().astype(np.int64)
    counts = np.zeros(len(known), np.int64)
    counts[:1] = capped
    of_articles = pa.table([pa.array(known), pa.array(counts), *_simple(articles)], _ROWS.names[: 2 + len(ARTICLES)])
    of_spans = pa.table([pa.array(known[place]), *_simple(spans)], ["number", *(_SPAN + name for name in SPANS.names)])
    whole = pa.concat_tables([of_articles, of_spans], promote_options="default").select(_ROWS.names)
    return whole.cast(_ROWS).combine_chunks().to_batches()[0]


def _simple(table: pa.Table) -> list[pa.ChunkedArray]:
    return [column.cast(_plain(column.type)) for column in table.columns]


# Matches -----------------------------------------------------------------------------------------------------------


def matches(
    articles: Articles, surveyed: DataFrame, copies: Copies, told: Told | None, settings: Settings
) -> DataFrame:
    """Return the rows of the matches: the copies, the articles of the same text, the rewrites within stories."""
    firsts = copies.texts.select("rank", "first")
    exact = copies.matches.drop("score", "witness")
    for side, name in (("longer", "left"), ("shorter", "right")):
        exact = exact.join(firsts.select(F.col("rank").alias(side), F.col("first").alias(name)), side)
    scores = ("resemblance", "longer_in_shorter", "shorter_in_longer")
    found = [exact.select("left", "right", "relation", *scores, F.lit(None).cast("double"))]
    long = surveyed.filter(F.col("tokens") >= settings.shingle).select("number", "high", "low")
    twins = long.join(copies.texts.filter("copies > 1").select("high", "low", "first"), ["high", "low"])
    ones = [F.lit(1.0)] * len(scores)
    identical = F.lit(IDENTICAL).cast("tinyint")
    twins = twins.filter("number <> first")
    found.append(twins.select("first", "number", identical, *ones, F.lit(None).cast("double")))
    if told is not None:
        none = [F.lit(None).cast("double")] * len(scores)
        rewrite = F.lit(REWRITE).cast("tinyint")
        found.append(told.pairs.select("left", "right", rewrite, *none, "probability"))
    every = reduce(DataFrame.union, found).toDF("left_number", "right_number", "code", *MATCHES.names[3:])
    ids = articles.frame.select("number", "id")
    for side in ("left", "right"):
        every = every.join(
            ids.select(F.col("number").alias(f"{side}_number"), F.col("id").alias(side)), f"{side}_number"
        )
    relation = F.element_at(F.array(*map(F.lit, RELATIONS)), F.col("code") + 1).alias("relation")
    return every.select("left_number", "right_number", "code", "left", "right", relation, *MATCHES.names[3:])
