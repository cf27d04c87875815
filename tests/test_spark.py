"""The same result on Spark, row for row; slow ones (minutes) run with DEDUP_SLOW=1.

`DEDUP_SPARK_MASTER=local-cluster[2,1,1024]` runs all of it on a cluster of two workers.
"""

from __future__ import annotations

import os
import shutil
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support import Rows, corpus

import dedup
from dedup import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytest.importorskip("pyspark", reason="pyspark is not installed: pip install 'dedup[spark]'")
if not shutil.which("java") and not os.environ.get("JAVA_HOME"):
    pytest.skip("Spark needs Java 17 or newer: apt-get install openjdk-17-jre-headless", allow_module_level=True)

from pyspark.sql import DataFrame, SparkSession

from dedup import spark
from dedup.spark import lists
from dedup.spark.copies import roots
from dedup.spark.retelling import components

pytestmark = [
    pytest.mark.proof,
    pytest.mark.filterwarnings("ignore:PySpark does not yet fully support pandas:FutureWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # PySpark leaves sockets to the garbage collector
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
slow = pytest.mark.skipif(not os.environ.get("DEDUP_SLOW"), reason="takes minutes; DEDUP_SLOW=1 runs it")

# ------------------------------------------------------------------------------------------------------------ sessions

_CONF = {
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",  # half of the CPU, in a short life
    "spark.driver.memory": "1g",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.log.level": "OFF",
    "spark.sql.shuffle.partitions": "4",
}


@pytest.fixture(scope="module")
def session() -> Iterator[SparkSession]:
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    builder = SparkSession.builder.master(os.environ.get("DEDUP_SPARK_MASTER", "local[2]"))
    for name, value in _CONF.items():
        builder = builder.config(name, value)
    made = builder.getOrCreate()
    yield made
    made.stop()


# ------------------------------------------------------------------------------------------------------------- results

_KEYS = {"articles": ("id",), "matches": ("left", "right", "relation"), "spans": ("id", "start")}


def rows_of(result: dedup.Result) -> dict[str, Rows]:
    return {
        name: sorted(getattr(result, name).to_pylist(), key=lambda row: [row[key] for key in keys])
        for name, keys in _KEYS.items()
    }


def check_equal(local: dedup.Result, there: dedup.Result) -> None:
    for name, rows in rows_of(local).items():
        found = rows_of(there)[name]
        assert getattr(there, name).schema == getattr(local, name).schema
        assert [row for row in found if row not in rows][:3] == []
        assert found == rows
    assert there.counters == local.counters
    assert there.settings == local.settings


def check_same(session: SparkSession, file: Path, chunk: int, **settings: Any) -> spark.SparkResult:
    wanted = Settings.of(**settings)
    result = spark.find(session.read.parquet(str(file)), wanted, chunk=chunk)
    check_equal(dedup.find(file, wanted), result.collect())
    return result


def test_sample_corpus_gives_the_same_rows_and_files(session: SparkSession, sample: Path, tmp_path: Path) -> None:
    result = check_same(session, sample / "news.parquet", 40)
    collected = result.collect()
    assert collected.counters["candidates"] > 0
    assert result.articles.columns == collected.articles.column_names
    result.write(tmp_path / "out")
    check_equal(collected, dedup.Result.read(tmp_path / "out"))
    with pytest.raises(dedup.OutputError, match="holds other files"):
        result.write(tmp_path / "out")


@slow
def test_columns_of_any_size(session: SparkSession, sample: Path) -> None:
    session.conf.set("spark.sql.execution.arrow.useLargeVarTypes", "true")
    try:
        check_same(session, sample / "news.parquet", 40)
    finally:
        session.conf.unset("spark.sql.execution.arrow.useLargeVarTypes")


@slow
@pytest.mark.parametrize("seed", range(3))
def test_planted_copies_with_missing_dates_and_texts(session: SparkSession, tmp_path: Path, seed: int) -> None:
    pq.write_table(corpus(seed), tmp_path / "news.parquet")
    for settings in ({}, {"stories": False}, {"boilerplate": False}, {"stories": False, "boilerplate": False}):
        check_same(session, tmp_path / "news.parquet", 10, cap=2, compared=2, partners=3, **settings)


@slow
@pytest.mark.parametrize(("name", "chunk"), [("wire_dev", 20), ("haystack", 3000), ("reuters21578", 6000)])
def test_real_news_gives_the_same_rows(session: SparkSession, shared_data: Path, name: str, chunk: int) -> None:
    check_same(session, shared_data / f"{name}.parquet", chunk)


# --------------------------------------------------------------------------------------------------------- wrong input


def frame_of(session: SparkSession, **columns: list[Any]) -> DataFrame:
    frame: DataFrame = session.createDataFrame(pa.table(columns))
    return frame


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"id": ["a", "b", "a"], "text": ["x", "y", "z"]}, "duplicate ids: 'a' (2 times)"),
        ({"id": ["a", None], "text": ["x", "y"]}, "the DataFrame: column 'id': an article is null"),
        ({"id": ["a"], "text": [3]}, "the DataFrame: column 'text': holds int64, expected text"),
        ({"id": ["a"], "body": ["x"]}, "the DataFrame: not one column 'text'"),
        ({"id": ["a"], "text": [b"\xff\xfe"]}, "the DataFrame: column 'text': an article is not valid UTF-8"),
    ],
)
def test_wrong_input_is_one_line(session: SparkSession, columns: dict[str, list[Any]], message: str) -> None:
    with pytest.raises(dedup.CorpusError) as caught:
        spark.find(frame_of(session, **columns))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@slow
def test_no_article_gives_empty_tables(session: SparkSession) -> None:
    frame = session.createDataFrame([], "id string, text string")
    result = spark.find(frame, Settings(stories=False, boilerplate=False)).collect()
    assert [len(table) for table in (result.articles, result.matches, result.spans)] == [0, 0, 0]


# ------------------------------------------------------------------------------------------------------ lists and trees


class _Sent:
    """What a broadcast looks like to a task."""

    def __init__(self, value: Any) -> None:
        self.value = value


@pytest.mark.parametrize("seed", range(30))
def test_lists_that_are_cut_pair_like_whole_ones(seed: int) -> None:
    random = np.random.default_rng(seed)
    cap = int(random.integers(1, 5))
    entries = sorted({(int(random.integers(2)), int(k), int(r)) for k, r in random.integers((4, 40), size=(120, 2))})
    batches = [
        pa.record_batch(
            [pa.array(column, kind) for column, kind in zip(zip(*part, strict=True), _KINDS, strict=True)],
            names=["feed", "key", "rank"],
        )
        for part in _parts(random, entries)
    ]
    parts = np.sort(random.integers(0, 6, len(batches))).tolist()
    tagged = [
        batch.append_column("part", pa.array([part] * len(batch), pa.int32())).append_column(
            "least", pa.array([1] * len(batch), pa.int32())
        )
        for part, batch in zip(parts, batches, strict=True)
    ]
    by_part = {part: [batch for batch, its in zip(tagged, parts, strict=True) if its == part] for part in set(parts)}
    ends = [row for some in by_part.values() for batch in lists.closings(iter(some), cap) for row in batch.to_pylist()]
    before, capped = lists.continued(ends, cap)
    found = [
        (row["shorter"], row["longer"])
        for some in by_part.values()
        for batch in lists.pairs(iter(some), _Sent(before), cap)  # type: ignore[arg-type]
        for row in batch.to_pylist()
    ]
    members: dict[tuple[int, int], list[int]] = {}
    for feed, key, rank in entries:
        members.setdefault((feed, key), []).append(rank)
    expected = [
        (rank, other)
        for ranks in members.values()
        for place, rank in enumerate(ranks)
        for other in ranks[: min(place, cap)] + (ranks[place - 1 : place] if place > cap else [])
    ]
    assert sorted(found) == sorted(expected)
    assert capped == sum(len(ranks) > cap + 1 for ranks in members.values())


_KINDS = (pa.int32(), pa.int64(), pa.int64())


def _parts(random: np.random.Generator, entries: list[tuple[int, int, int]]) -> list[list[tuple[int, int, int]]]:
    cuts = np.unique(random.integers(1, len(entries), 12)).tolist()
    return [entries[low:high] for low, high in zip([0, *cuts], [*cuts, len(entries)], strict=True)]


def test_trees_and_components(session: SparkSession) -> None:
    random = np.random.default_rng(7)
    parent = {node: int(random.integers(max(0, node - 3), node)) for node in range(1, 60) if node % 17}
    found = roots(session.createDataFrame(list(parent.items()), "rank long, root long")).collect()

    def root(node: int) -> int:
        return root(parent[node]) if node in parent else node

    assert {row["rank"]: row["root"] for row in found} == {node: root(node) for node in parent}
    edges = [(low, high) for high, low in parent.items()] + [(2, 40), (41, 55)]
    label = {node: node for edge in edges for node in edge}
    for _ in label:
        for low, high in edges:
            label[low] = label[high] = min(label[low], label[high])
    got = components(session.createDataFrame(edges, "low long, high long")).collect()
    assert {row["copy"]: row["component"] for row in got} == label
