"""The whole dataflow on Spark, top to bottom: :func:`find`.

The stages are those of :mod:`dedup.pipeline`, and so is what they compute: every kernel is the same. What differs is
who holds what. An article is known by its number in order of time, a text by its rank; a stage shuffles numbers, ranks
and keys, and texts only where they are read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F  # noqa: N812  (its usual name)

from dedup.errors import SettingsError
from dedup.rewrites import TELLERS
from dedup.settings import Settings
from dedup.spark import copies
from dedup.spark.accounts import account, matches
from dedup.spark.articles import read
from dedup.spark.frames import begin, keep, stages, told
from dedup.spark.learning import learn, ship
from dedup.spark.result import SparkResult
from dedup.spark.retelling import retell
from dedup.spark.surveying import surveyed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dedup.spark.articles import Articles
    from dedup.spark.copies import Copies

CHUNK = 1 << 17  # articles of a partition of the corpus, about


def find(
    frame: DataFrame,
    settings: Settings | None = None,
    *,
    columns: Mapping[str, str] | None = None,
    chunk: int = CHUNK,
    source: str = "",
) -> SparkResult:
    """Find the copies and the stories among the articles of a DataFrame, and account for every word of them.

    The result is that of :func:`dedup.find`, row for row. ``columns`` maps the fields id, text, title, source,
    published and url to the frame's own column names. ``chunk`` says how many articles a partition takes, about; it
    changes no result. ``source`` is what the result remembers as the place of the texts. Raises CorpusError where the
    input is wrong, SettingsError for a session of Spark Connect, which cannot send what was learned.
    """
    settings = settings or Settings()
    if not hasattr(frame, "_jdf"):
        raise SettingsError("dedup.spark.find needs a classic session, not Spark Connect; run it with spark-submit")
    session = frame.sparkSession
    with told(), stages(session):
        begin(session, "articles by time")
        articles = read(frame, columns, chunk)
        ship(frame, settings)
        learned = learn(articles, settings) if settings.boilerplate or settings.stories else None
        sent = None if learned is None else session.sparkContext.broadcast(learned)
        begin(session, "survey")
        known = keep(surveyed(articles.frame, sent, settings))
        found = copies.find(articles, known, settings)
        stories = None
        if sent is not None and settings.stories:
            stories = retell(_tellers(known, found, settings), sent, settings)
        begin(session, "ledgers")
        accounts = account(articles, known, found, stories, settings)
        begin(session, "matches and counters")
        rows = {
            "articles": accounts.articles,
            "matches": keep(matches(articles, known, found, stories, settings)),
            "spans": accounts.spans,
        }
        counters = found.counters | _short(known, settings) | {"skipped_files": 0}
        if stories is not None:
            counters["capped_partners"] = stories.capped
        counters["capped_sources"] = accounts.capped
        counters |= _missing(articles)
    corpus = {"source": source, "columns": articles.names}
    size = {"learned": 0 if learned is None else learned.bytes}
    return SparkResult(settings.recorded(), counters, corpus, size, rows)


def _tellers(known: DataFrame, found: Copies, settings: Settings) -> DataFrame:
    """Return the articles that are aligned: single ones, and of a copy group its first distinct texts."""
    in_group = Window.partitionBy("copy").orderBy("first")
    first = found.texts.withColumn("nth", F.row_number().over(in_group)).filter(F.col("nth") <= TELLERS)
    long = known.filter(F.col("tokens") >= settings.shingle)
    telling = long.join(first.select(F.col("first").alias("number"), "copy"), "number")
    return telling.unionByName(known.filter(F.col("tokens") < settings.shingle).withColumn("copy", F.col("number")))


def _short(known: DataFrame, settings: Settings) -> dict[str, int]:
    """Count the articles that say too little to be a copy."""
    some = F.col("words") > 0
    counts = (
        F.count_if(~some).alias("empty"),
        F.count_if(some & (F.col("tokens") < settings.shingle)).alias("short"),
    )
    return dict(known.agg(*counts).collect()[0].asDict())


def _missing(articles: Articles) -> dict[str, int]:
    """Count the articles of which something is not known."""
    names = ("title", "source", "published")
    counts = (F.count_if(F.col(name).isNull()).alias(f"no_{name}") for name in names)
    return dict(articles.frame.agg(*counts).collect()[0].asDict())
