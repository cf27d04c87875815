"""`dedup find --engine spark`: a corpus of Parquet files, a session for one run, a result on the driver."""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
import traceback
import warnings
from contextlib import contextmanager
from dataclasses import replace
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
from py4j.protocol import Py4JError, Py4JJavaError, Py4JNetworkError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812  (its usual name)

from dedup.article import FIELDS
from dedup.corpus import open_corpus
from dedup.errors import CorpusError, DedupError, MissingExtraError, SettingsError
from dedup.spark.dataflow import find

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dedup.corpus import Corpus
    from dedup.result import Result
    from dedup.settings import Settings

_MASTER = re.compile(r"local(\[.+\])?|local-cluster\[.+\]|yarn|(spark|k8s)://.+")
_LOCAL = {"spark.driver.bindAddress": "127.0.0.1", "spark.driver.host": "127.0.0.1"}
_ALWAYS = {"spark.ui.enabled": "false"}
_LOGGING = """rootLogger.level = warn
rootLogger.appenderRef.file.ref = file
appender.file.type = File
appender.file.name = file
appender.file.fileName = {log}
appender.file.layout.type = PatternLayout
appender.file.layout.pattern = %d %p %c{{1}}: %m%n%ex
"""  # without an appender Spark would take a configuration of its own; another level it would announce
_FAILED = (PySparkException, Py4JError, ConnectionError)  # the last where Java has ended
_PYTHON = re.compile(r"[\w.]+(?:Error|Exception): \S")  # the last line of a trace of Python
_JAVA = ("java.", "org.")  # where the names of its errors begin
_LOST = re.compile(r"Lost task .*?\): (\S.*)")
_LONGEST_CAUSE = 300  # characters


def find_files(
    corpus: str, settings: Settings, columns: Mapping[str, str] | None, master: str, *, shown: bool = False
) -> Result:
    """Run :func:`dedup.spark.find` on Parquet files that every executor sees, in a session of its own.

    ``master`` is Spark's, such as ``local[*]`` or ``spark://host:7077``; ``shown`` asks for Spark's progress on stderr.
    """
    articles = open_corpus(corpus, columns)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas", FutureWarning)
        with started(master, shown=shown) as session:
            result = find(read(session, articles), settings, columns=_same(articles), source=articles.source).collect()
    return replace(
        result,
        counters={**result.counters, "skipped_files": len(articles.skipped)},
        corpus={"source": articles.source, "columns": articles.names},
    )


@contextmanager
def started(master: str, *, shown: bool = False) -> Iterator[SparkSession]:
    """Start a session for one run, whose log goes to a file that is kept where Spark fails.

    Raises MissingExtraError without Java, SettingsError where the master is wrong, DedupError where Spark fails.
    """
    if not shutil.which("java") and not os.environ.get("JAVA_HOME"):
        raise MissingExtraError(
            "Java is not installed, and Spark needs 17 or newer: apt-get install openjdk-17-jre-headless"
        )
    if not _MASTER.fullmatch(master):
        raise SettingsError(f"--master {master!r}: expected local[*], local[2], spark://host:port, yarn or k8s://...")
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    local = master.startswith("local")
    if local:
        os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    with _logged() as logging:
        wanted = _ALWAYS | {
            "spark.ui.showConsoleProgress": str(shown).lower(),
            "spark.driver.extraJavaOptions": f"-Dlog4j2.configurationFile={logging.as_uri()}",
        }
        session = _session(master, wanted | (_LOCAL if local else {}))
        try:
            yield session
        finally:
            session.stop()


@contextmanager
def _logged() -> Iterator[Path]:
    """Yield a configuration under which Spark logs to a file; one line names that where Spark fails."""
    handle, name = tempfile.mkstemp(prefix="dedup-spark-", suffix=".log")
    os.close(handle)
    log, keep = Path(name), False
    try:
        with tempfile.TemporaryDirectory() as folder:
            logging = Path(folder) / "log4j2.properties"
            logging.write_text(_LOGGING.format(log=log.as_posix()), encoding="utf-8")
            yield logging
    except _FAILED as error:
        keep = True
        with log.open("a", encoding="utf-8") as file:
            traceback.print_exception(error, file=file)
        raise DedupError(f"Spark failed ({cause(error)}); its log is {log}") from error
    finally:
        if not keep:
            log.unlink()


def cause(error: BaseException) -> str:
    """Return in one line what an error of Spark, with the traces of Java and Python in it, says of the cause."""
    if isinstance(error, ConnectionError | Py4JNetworkError):
        return "its Java process has ended"
    message = str(error)
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    raised = [line for line in lines if _PYTHON.match(line) and not line.startswith(_JAVA)]
    lost = _LOST.search(message)
    of_java = [line.removeprefix(": ") for line in lines if line.startswith(": ")]
    told = [*raised[-1:], *([lost[1]] if lost else []), *of_java, *lines, type(error).__name__]
    return told[0][:_LONGEST_CAUSE]


def _session(master: str, wanted: Mapping[str, str]) -> SparkSession:
    builder = SparkSession.builder.appName("dedup find").master(master)
    for name, value in wanted.items():
        builder = builder.config(name, value)
    try:
        return builder.getOrCreate()
    except (PySparkException, Py4JError) as error:
        said = str(error.java_exception.getMessage() if isinstance(error, Py4JJavaError) else error)
        first = said.strip().partition("\n")[0]
        raise SettingsError(
            f"--master {master!r}: no session there ({first}); does it run, and is it reached?"
        ) from error


def read(session: SparkSession, articles: Corpus) -> DataFrame:
    """Return the columns of a corpus that are its fields; files may differ in the types of these."""
    schemas: dict[pa.Schema, list[str]] = {}
    for place, schema in {piece.place(): piece.schema() for piece in articles.pieces}.items():
        wanted = pa.schema([schema.field(name).remove_metadata() for name in articles.names.values()])
        schemas.setdefault(wanted, []).append(place)
    session.conf.set("spark.sql.legacy.parquet.nanosAsLong", "true")
    scheme = articles.source.partition("://")[0] + "://" if "://" in articles.source else ""
    frames = [_read(session, [_place(path, scheme) for path in paths], schema) for schema, paths in schemas.items()]
    if len(frames) > 1 and len({frame.schema.simpleString() for frame in frames}) > 1:
        raise CorpusError(
            f"{articles.source}: its files differ in the types of their columns, which Spark cannot read as one;"
            " write them again with `dedup convert`, or leave out --engine spark"
        )
    return reduce(DataFrame.union, frames)


def _place(path: str, scheme: str) -> str:
    """Return the address by which Spark knows a file."""
    if scheme in ("s3://", "gs://"):
        return ("s3a://" if scheme == "s3://" else scheme) + path
    return scheme + path if scheme else Path(path).absolute().as_uri()


def _read(session: SparkSession, paths: list[str], schema: pa.Schema) -> DataFrame:
    columns = []
    for field in schema:
        column = F.col(f"`{field.name}`")
        if pa.types.is_timestamp(field.type) and field.type.unit == "ns":  # of which Spark knows only the number
            column = F.timestamp_micros(F.expr(f"`{field.name}` div 1000"))
        columns.append(column.alias(field.name))
    return session.read.parquet(*paths).select(*columns)


def _same(articles: Corpus) -> dict[str, str]:
    """Return the mapping of all fields, those that are not there left out."""
    return {field: articles.names.get(field, "") for field in FIELDS.names}
