"""Candidates → verified matches → copy groups, next to the texts."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa
from pyspark.sql import functions as F  # noqa: N812  (its usual name)

from dedup import overlap
from dedup.spark.frames import begin, block, keep, made, numbers, together
from dedup.spark.lists import candidates
from dedup.spark.surveying import house_of
from dedup.text import token_hashes, views

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from dedup.settings import Settings
    from dedup.spark.articles import Articles

_MATCHES = pa.schema(
    [
        ("longer", pa.int64()),
        ("shorter", pa.int64()),
        ("relation", pa.int8()),
        ("score", pa.float64()),
        ("shared", pa.int64()),  # shingles, and those of either side
        ("of_longer", pa.int64()),
        ("of_shorter", pa.int64()),
        ("resemblance", pa.float64()),
        ("longer_in_shorter", pa.float64()),
        ("shorter_in_longer", pa.float64()),
        ("witness", pa.bool_()),  # it is the match that admits the shorter text
    ]
)


class Copies(NamedTuple):
    """What there is in copies.

    ``texts``: the distinct texts, ``rank`` (longest first), ``first`` (the number of its first article), ``copies``
    (how many articles have it), ``copy`` (the number of the first article of its copy group) and ``size`` (articles in
    that). ``matches``: pairs of ranks. ``counters`` are those of a Result.
    """

    texts: DataFrame
    matches: DataFrame
    counters: dict[str, int]


def find(articles: Articles, surveyed: DataFrame, settings: Settings) -> Copies:
    """Find the copies among articles as surveyed."""
    session = surveyed.sparkSession
    begin(session, "copies: candidates")
    texts = keep(_ranked(surveyed, articles.chunks, settings))
    sketched = surveyed.select(F.col("number").alias("first"), "keys", "sampled")
    pairs = candidates(texts.join(sketched, "first").select("rank", "keys", "sampled"), 4 * articles.chunks, settings)
    begin(session, "copies: verification")
    matches = keep(_verified(articles, surveyed, texts, pairs.frame, pairs.count, settings))
    counters = {
        "candidates": pairs.count,
        "capped_lists": pairs.capped_lists,
        "capped_articles": pairs.capped_articles,
    }
    begin(session, "copies: groups")
    return Copies(keep(_grouped(texts, matches)), matches, counters)


def _ranked(surveyed: DataFrame, partitions: int, settings: Settings) -> DataFrame:
    """Collapse identical texts and rank the distinct ones as :func:`dedup.survey.rank` does."""
    long = surveyed.filter(F.col("tokens") >= settings.shingle)
    texts = long.groupBy("high", "low").agg(
        F.first("tokens").alias("tokens"), F.min("number").alias("first"), F.count("*").alias("copies")
    )
    order = (F.desc("tokens"), F.asc("high"), F.asc("low"))
    ordered = texts.repartitionByRange(partitions, *order).sortWithinPartitions(*order)
    return ordered.withColumn("rank", F.monotonically_increasing_id())


def _verified(
    articles: Articles, surveyed: DataFrame, texts: DataFrame, pairs: DataFrame, count: int, settings: Settings
) -> DataFrame:
    """Compare the pairs exactly: the pairs of a block of shorter texts meet with the texts that they need."""
    average = articles.bytes / max(1, articles.count)
    spread = pairs.withColumn("block", block("shorter", max(1, int(2 * count * average / BLOCK_BYTES))))
    sides = [spread.select("block", F.col(side).alias("rank")) for side in ("shorter", "longer")]
    needed = sides[0].union(sides[1]).distinct().join(texts.select("rank", F.col("first").alias("number")), "rank")
    held = needed.join(articles.frame.select("number", "text"), "number").join(
        surveyed.select("number", "house"), "number"
    )
    work = partial(_compared, settings=settings)
    return together(spread, held.select("block", "rank", "text", "house"), "block", work, _MATCHES)


BLOCK_BYTES = 32 << 20  # of text that a task holds at a time


def _compared(pairs: pa.Table, texts: pa.Table, settings: Settings) -> pa.RecordBatch:
    pairs, texts = pairs.sort_by([("shorter", "ascending"), ("longer", "ascending")]), texts.sort_by("rank")
    ranks = numbers(texts, "rank")
    longer, shorter = numbers(pairs, "longer"), numbers(pairs, "shorter")
    tokens = token_hashes([views(texts["text"].combine_chunks())])
    own = tokens.without(house_of(texts).mask(np.arange(len(ranks)), tokens.places))
    sides = np.searchsorted(ranks, longer), np.searchsorted(ranks, shorter)
    rule = overlap.Rule(settings.near, settings.excerpt, settings.excerpt_shingles)
    found = overlap.matches(longer, shorter, overlap.overlaps(own, *sides, settings.shingle), rule)
    exact = found.overlap
    order = np.lexsort((found.longer, -found.score, found.relation, found.shorter))
    witness = np.zeros(len(found), np.bool_)
    witness[order[np.flatnonzero(np.diff(found.shorter[order], prepend=-1))]] = True
    return made(
        _MATCHES,
        found.longer,
        found.shorter,
        found.relation,
        found.score,
        exact.shared,
        exact.longer,
        exact.shorter,
        exact.resemblance,
        exact.longer_in_shorter,
        exact.shorter_in_longer,
        witness,
    )


def _grouped(texts: DataFrame, matches: DataFrame) -> DataFrame:
    """Add to every text its copy group: the tree of its witnesses."""
    parents = matches.filter("witness").select(F.col("shorter").alias("rank"), F.col("longer").alias("root"))
    rooted = texts.join(roots(parents), "rank", "left").withColumn("root", F.coalesce("root", "rank"))
    groups = rooted.groupBy("root").agg(F.min("first").alias("copy"), F.sum("copies").alias("size"))
    return rooted.join(groups, "root")


def roots(parents: DataFrame) -> DataFrame:
    """Follow every ``rank`` to the ``root`` of its tree: the way doubles with each join."""
    hops = keep(parents.withColumn("moved", F.expr("true")))
    while hops.filter("moved").limit(1).count():
        above = hops.select(F.col("rank").alias("root"), F.col("root").alias("above"))
        joined = hops.select("rank", "root").join(above, "root", "left")
        moved = F.col("above").isNotNull().alias("moved")
        hops = keep(joined.select("rank", F.coalesce("above", "root").alias("root"), moved))
    return hops.select("rank", "root")
