"""Bytes an article by stage, from Spark's own event log: `python docs/spark_bytes.py EVENTS ARTICLES`.

EVENTS is the log of one `dedup.spark.find` (spark.eventLog.enabled, spark.eventLog.logBlockUpdates.enabled, and
spark.eventLog.compress=false), ARTICLES how many it read.
"""

from __future__ import annotations

import json
import sys
from collections import Counter, defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


def events(log: Path) -> Iterator[dict[str, Any]]:
    """Yield the events of a log, a file or a folder of files."""
    files = sorted(log.rglob("events_*")) if log.is_dir() else [log]
    for file in files:
        with file.open(encoding="utf-8") as lines:
            yield from map(json.loads, lines)


def main(log: Path, articles: int) -> None:
    """Print the table."""
    named: dict[int, str] = {}
    written: dict[str, Counter[str]] = defaultdict(Counter)
    held: dict[str, int] = {}
    for event in events(log):
        kind = event["Event"]
        if kind == "SparkListenerJobStart":
            name = event["Properties"].get("spark.job.description", "other")
            named.update(dict.fromkeys(event["Stage IDs"], name.removeprefix("dedup: ")))
        elif kind == "SparkListenerTaskEnd" and "Task Metrics" in event:
            metrics, of = event["Task Metrics"], written[named.get(event["Stage ID"], "other")]
            of["shuffle"] += metrics["Shuffle Write Metrics"]["Shuffle Bytes Written"]
            of["spilled"] += metrics["Disk Bytes Spilled"]
            of["seconds"] += metrics["Executor Run Time"] / 1000
            of["tasks"] += 1
        elif kind == "SparkListenerBlockUpdated":
            block = event["Block Updated Info"]
            if block["Block ID"].startswith("rdd_"):
                held[block["Block ID"]] = max(held.get(block["Block ID"], 0), block["Memory Size"] + block["Disk Size"])
    print("| stage | shuffled, bytes an article | task seconds in 100,000 articles | tasks |\n|---|---:|---:|---:|")
    for name, of in written.items():
        seconds = of["seconds"] * 100_000 / articles
        print(f"| {name} | {of['shuffle'] / articles:,.0f} | {seconds:,.0f} | {of['tasks']:,.0f} |")
    print(f"\nshuffled in all: {sum(of['shuffle'] for of in written.values()) / articles:,.0f} bytes an article")
    print(f"held for later stages: {sum(held.values()) / articles:,.0f} bytes an article")
    print(f"spilled: {sum(of['spilled'] for of in written.values()) / articles:,.0f} bytes an article")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
