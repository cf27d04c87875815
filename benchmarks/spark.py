"""Hold Spark's result beside that of one machine, and measure it: `python benchmarks/spark.py CORPUS ...`.

Each CORPUS is a Parquet file; with --together they are one corpus. Prints for each table its rows and how many of them
only one engine has, then from Spark's own log of events what each stage shuffled and sent to the driver. --master says
where Spark runs, --chunk how many articles a partition takes, --conf NAME=VALUE what else Spark is told. Exit status 1
where a row differs. With --terms it needs no Spark, and prints how the largest object grows that comes to the driver:
the terms that stand in two articles and more.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import tempfile
import time
import warnings
from collections import Counter, defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

import dedup
from dedup.corpus import open_corpus
from dedup.kernels import profiling
from dedup.text import read, views
from dedup.vocabulary import Tally

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyspark.sql import SparkSession

FIELDS = ("id", "title", "text", "source", "published", "url")
STEP = 625  # articles; reached sizes are this times powers of two
TERM_BYTES = 13  # a hash, a count, a flag
TABLES = ("articles", "matches", "spans")
QUIET = {
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.log.level": "OFF",
}


def together(corpora: list[str], folder: Path) -> str:
    """Write several corpora into one file; ids carry the name of their corpus."""
    parts = []
    for corpus in corpora:
        table = pq.read_table(corpus)
        ids = pa.array([f"{Path(corpus).stem}-{name}" for name in table["id"].to_pylist()])
        kept = [name for name in FIELDS if name in table.column_names]
        parts.append(table.select(kept).set_column(kept.index("id"), "id", ids))
    file = folder / "together.parquet"
    pq.write_table(pa.concat_tables(parts, promote_options="permissive"), file)
    return str(file)


def session(master: str, log: Path, conf: list[str]) -> SparkSession:
    """Start Spark, which writes its events into a folder."""
    from pyspark.sql import SparkSession  # noqa: PLC0415 - an extra

    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    log.mkdir()
    events = {
        "spark.eventLog.enabled": "true",
        "spark.eventLog.compress": "false",
        "spark.eventLog.dir": log.as_uri(),
        "spark.eventLog.logBlockUpdates.enabled": "true",
    }
    builder = SparkSession.builder.master(master)
    for name, value in {**QUIET, **events, **dict(entry.split("=", 1) for entry in conf)}.items():
        builder = builder.config(name, value)
    made: SparkSession = builder.getOrCreate()
    return made


def rows(table: pa.Table) -> Counter[tuple[Any, ...]]:
    """Count the rows of a table, whatever their order."""
    return Counter(zip(*(column.to_pylist() for column in table.columns), strict=True))


def compare(here: dedup.Result, there: dedup.Result) -> int:
    """Print and return how many rows differ; counters and schemas count as rows."""
    differing = 0
    for name in TABLES:
        one, other = getattr(here, name), getattr(there, name)
        missing, extra = rows(one) - rows(other), rows(other) - rows(one)
        print(f"{name:9}{len(one):>9,} rows{missing.total():>7,} only on one machine{extra.total():>7,} only on Spark")
        differing += missing.total() + extra.total() + (one.schema != other.schema)
        for row in [*missing, *extra][:2]:
            print(f"    {row}")
    for name in sorted(here.counters.keys() | there.counters.keys()):
        if here.counters.get(name) != there.counters.get(name):
            print(f"counter {name}: {here.counters.get(name)} on one machine, {there.counters.get(name)} on Spark")
            differing += 1
    return differing


def run(corpus: str, master: str, chunk: int, conf: list[str]) -> int:
    """Run both engines on a corpus; return how many rows differ."""
    from dedup import spark  # noqa: PLC0415 - an extra

    begun = time.perf_counter()
    here = dedup.find(corpus)
    print(f"\n{Path(corpus).stem}: {len(here.articles):,} articles, one machine {time.perf_counter() - begun:.1f} s")
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "events"
        made = session(master, log, conf)
        try:
            begun = time.perf_counter()
            result = spark.find(made.read.parquet(corpus), chunk=chunk)
            found = time.perf_counter() - begun
            made.sparkContext.setJobDescription("dedup: collect()")
            there = result.collect()
            collected = time.perf_counter() - begun - found
            print(f"Spark on {master}, {chunk:,} a chunk: {found:.1f} s, collect() {collected:.1f} s")
            print(f"sent to every executor: {dict(result.sent)} bytes")
        finally:
            made.stop()
        differing = compare(here, there)
        stages(log, len(here.articles))
    return differing


def terms(corpus: str) -> None:
    """Print how many terms of the first articles, twice as many each time, stand in two of them and more."""
    fields, tally, before = open_corpus(corpus), Tally(), (0, 0)
    for piece in range(len(fields.pieces)):
        for _, batch in fields.read(piece, ("text", "title")):
            for start in range(0, batch.num_rows, STEP):
                part = batch.slice(start, STEP)
                count(part, tally)
                if tally.articles < min(2 * before[0], len(fields)):
                    continue
                known = int((tally.counted()[1] > 1).sum())
                grown = math.log(known / before[1]) / math.log(tally.articles / before[0]) if before[0] else math.nan
                print(f"{tally.articles:>9,} articles{known:>12,} terms{TERM_BYTES * known:>14,} bytes  n^{grown:.2f}")
                before = tally.articles, known


def count(batch: pa.RecordBatch, tally: Tally) -> None:
    """Count the distinct terms of each article."""
    reading, titles = (read(views(batch[name])) for name in ("text", "title"))
    distinct = np.empty(len(reading.terms) + len(titles.terms), np.uint64)
    found = profiling.distinct_terms(reading.terms, reading.tokens.places, titles.terms, titles.tokens.places, distinct)
    tally.add(distinct[:found], batch.num_rows)


# Spark's events ------------------------------------------------------------------------------------------------------


def events(log: Path) -> Iterator[dict[str, Any]]:
    """Yield the events of a log, a folder of files."""
    for file in sorted(
        path for path in log.rglob("*") if path.is_file() and not path.name.startswith((".", "appstatus"))
    ):
        with file.open(encoding="utf-8") as lines:
            yield from map(json.loads, lines)


def stages(log: Path, articles: int) -> None:
    """Print what each stage shuffled, spilled and sent to the driver, by article."""
    named: dict[int, str] = {}
    of_stage: dict[str, Counter[str]] = defaultdict(Counter)
    held: dict[str, int] = {}
    for event in events(log):
        kind = event["Event"]
        if kind == "SparkListenerJobStart":
            name = event["Properties"].get("spark.job.description", "other")
            named.update(dict.fromkeys(event["Stage IDs"], name.removeprefix("dedup: ")))
        elif kind == "SparkListenerTaskEnd" and "Task Metrics" in event:
            metrics, counted = event["Task Metrics"], of_stage[named.get(event["Stage ID"], "other")]
            counted["shuffled"] += metrics["Shuffle Write Metrics"]["Shuffle Bytes Written"]
            counted["spilled"] += metrics["Disk Bytes Spilled"]
            counted["collected"] += metrics["Result Size"]
            counted["milliseconds"] += metrics["Executor Run Time"]
            counted["tasks"] += 1
        elif kind == "SparkListenerBlockUpdated":
            block = event["Block Updated Info"]
            if block["Block ID"].startswith("rdd_"):
                held[block["Block ID"]] = max(held.get(block["Block ID"], 0), block["Memory Size"] + block["Disk Size"])
    print("\n| stage | shuffled, bytes an article | to the driver, bytes an article | task ms an article | tasks |")
    print("|---|---:|---:|---:|---:|")
    for name, counted in [*of_stage.items(), ("all", sum(of_stage.values(), Counter()))]:
        figures = (counted["shuffled"], counted["collected"])
        shares = " | ".join(f"{figure / articles:,.0f}" for figure in figures)
        print(f"| {name} | {shares} | {counted['milliseconds'] / articles:,.2f} | {counted['tasks']:,} |")
    spilled = sum(counted["spilled"] for counted in of_stage.values()) / articles
    print(f"held for later stages: {sum(held.values()) / articles:,.0f} bytes an article; spilled: {spilled:,.0f}")


def main() -> None:
    """Compare every corpus, or all of them as one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpora", nargs="+")
    parser.add_argument("--together", action="store_true")
    parser.add_argument("--terms", action="store_true")
    parser.add_argument("--master", default="local[2]")
    parser.add_argument("--chunk", type=int, default=1 << 17)
    parser.add_argument("--conf", action="append", default=[])
    asked = parser.parse_args()
    warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas", FutureWarning)
    with tempfile.TemporaryDirectory() as folder:
        corpora = [together(asked.corpora, Path(folder))] if asked.together else asked.corpora
        if asked.terms:
            for corpus in corpora:
                terms(corpus)
            return
        differing = sum(run(corpus, asked.master, asked.chunk, asked.conf) for corpus in corpora)
    sys.exit(1 if differing else 0)


if __name__ == "__main__":
    main()
