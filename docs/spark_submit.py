"""A job for a cluster: `spark-submit ... docs/spark_submit.py CORPUS OUT`; docs/spark.md has the whole command.

CORPUS is what Spark reads as Parquet, OUT a new or empty folder that every executor sees, or a URI. The tables stay on
the cluster; `dedup show OUT` reads them.
"""

from __future__ import annotations

import json
import sys

from pyspark.sql import SparkSession

from dedup import Settings, spark


def main(corpus: str, out: str) -> None:
    """Find, write, and print what was counted."""
    session = SparkSession.builder.appName(f"dedup {corpus}").getOrCreate()
    result = spark.find(session.read.parquet(corpus), Settings(), source=corpus)
    result.write(out)
    print(json.dumps({"counters": dict(result.counters), "sent": dict(result.sent)}))
    session.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
