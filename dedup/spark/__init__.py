"""The same stages on Apache Spark, for corpora beyond one machine; ``docs/spark.md`` says how to run and plan them.

>>> from dedup import spark
>>> result = spark.find(session.read.parquet("s3a://bucket/news/"))
>>> result.articles, result.matches, result.spans             # DataFrames
>>> result.write("s3://bucket/result/")                       # read it with dedup.Result.read, or dedup show
>>> result.collect()                                          # a dedup.Result, where the tables fit the driver
"""

from __future__ import annotations

from dedup.errors import MissingExtraError

try:
    from dedup.spark.dataflow import find
    from dedup.spark.files import find_files
    from dedup.spark.result import SparkResult
except ModuleNotFoundError as error:
    if (error.name or "").partition(".")[0] != "pyspark":
        raise
    message = "pyspark is not installed; install it with: pip install 'dedup[spark]'"
    raise MissingExtraError(message) from error

__all__ = ["SparkResult", "find", "find_files"]
