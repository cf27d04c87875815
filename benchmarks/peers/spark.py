"""Spark ML's MinHashLSH on two local threads: the join of a corpus with itself, verified by Spark."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from peers.protocol import SHINGLE, THRESHOLD, Base, UnionFind, grouped, read_articles

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

TABLES = 3
"""Spark's hash tables are bands of one row: three find 0.992 of the pairs at resemblance 0.8."""
FEATURES = 1 << 20
MEMORY = "4g"


class SparkML(Base):
    """RegexTokenizer, NGram, HashingTF, MinHashLSH; the pairs are joined into groups by the driver."""

    def __init__(self) -> None:
        from pyspark import sql  # noqa: PLC0415 - measured, and optional
        from pyspark.ml import feature  # noqa: PLC0415

        self._sql, self._feature = sql, feature

    def prepare(self, folder: Path) -> None:
        """Start the session; the Java process is counted from then on."""
        builder = self._sql.SparkSession.builder.master("local[2]")
        options = {
            "spark.driver.memory": MEMORY,
            "spark.driver.host": "127.0.0.1",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.local.dir": str(folder),
            "spark.sql.warehouse.dir": str(folder / "warehouse"),
            "spark.sql.shuffle.partitions": "8",
            "spark.ui.enabled": "false",
            "spark.ui.showConsoleProgress": "false",
        }
        for name, value in options.items():
            builder = builder.config(name, value)
        self._session = builder.getOrCreate()
        self._session.sparkContext.setLogLevel("ERROR")

    def clusters(self, corpus: Path) -> pa.Table:
        """Hash, join, collect the pairs."""
        ids, _ = read_articles(corpus)
        frame = self._hashed(corpus)
        made = self._feature.MinHashLSH(inputCol="features", outputCol="hashes", numHashTables=TABLES, seed=1)
        joined = made.fit(frame).approxSimilarityJoin(frame, frame, 1 - THRESHOLD, "distance")
        pairs = joined.where("datasetA.id < datasetB.id").selectExpr("datasetA.id AS one", "datasetB.id AS other")
        place = {name: number for number, name in enumerate(ids.to_pylist())}
        sets = UnionFind(len(place))
        for row in pairs.toLocalIterator():
            sets.join(place[row.one], place[row.other])
        return grouped(ids, sets.labels())

    def _hashed(self, corpus: Path) -> Any:
        feature = self._feature
        straight = """translate(text, '\u2019', "'") AS text"""
        frame = self._session.read.parquet(str(corpus)).selectExpr("id", straight).repartition(2)
        words = feature.RegexTokenizer(inputCol="text", outputCol="words", pattern=r"[^\p{L}\p{N}']+")
        runs = feature.NGram(n=SHINGLE, inputCol="words", outputCol="shingles")
        counts = feature.HashingTF(numFeatures=FEATURES, binary=True, inputCol="shingles", outputCol="features")
        for step in (words, runs, counts):
            frame = step.transform(frame)
        return frame.where("size(shingles) > 0").select("id", "features").cache()
