"""What `dedup.spark.find` found, as DataFrames, and its folder of Parquet files."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow import fs
from pyspark import TaskContext
from pyspark.sql import functions as F  # noqa: N812  (its usual name)

from dedup.article import ARTICLES, KINDS, MATCHES, RELATIONS, SPANS
from dedup.errors import OutputError
from dedup.origin import EVIDENCE
from dedup.result import Result
from dedup.roles import ROLES
from dedup.spark.frames import streamed, told
from dedup.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pyspark.sql import DataFrame


_NAMES = {"relation": RELATIONS, "kind": KINDS, "role": ROLES, "origin_evidence": EVIDENCE}
_SCHEMAS = {"articles": ARTICLES, "matches": MATCHES, "spans": SPANS}
_ORDER = {
    "articles": ("number",),
    "matches": ("left_number", "right_number", "code"),
    "spans": ("number", "start"),
}
_WRITTEN = pa.schema([("rows", pa.int64())])


@dataclass(frozen=True)
class SparkResult:
    """Three DataFrames with the columns of :mod:`dedup.article`, the settings they were made with, and counters.

    Settings, counters and corpus mean what they mean in :class:`dedup.Result`. Spark holds the rows while this lives.
    """

    settings: Mapping[str, Any]
    counters: Mapping[str, int]
    corpus: Mapping[str, Any]
    sent: Mapping[str, int]  # bytes that went from the driver to every executor, by what they are
    _rows: Mapping[str, DataFrame] = field(repr=False)
    version: str = VERSION

    @property
    def articles(self) -> DataFrame:
        """One row an article."""
        rows = self._rows["articles"]
        return rows.withColumn("published", F.timestamp_micros("published")).select(*ARTICLES.names)

    @property
    def matches(self) -> DataFrame:
        """One row a verified match."""
        return self._rows["matches"].select(*MATCHES.names)

    @property
    def spans(self) -> DataFrame:
        """One row a span of an article's ledger."""
        return self._rows["spans"].select(*SPANS.names)

    def collect(self) -> Result:
        """Bring the three tables, about a kilobyte an article and no text, to the driver; articles by time."""
        with told():
            tables = {
                name: exact(self._rows[name].orderBy(*order).select(*_SCHEMAS[name].names).toArrow(), _SCHEMAS[name])
                for name, order in _ORDER.items()
            }
        return Result(**tables, settings=self.settings, counters=self.counters, corpus=self.corpus)

    def write(self, folder: str | Path) -> None:
        """Write ``articles.parquet``, ``matches.parquet`` and ``spans.parquet`` into a new or empty folder.

        ``folder`` is a path that every executor sees, or a URI. Each of the three is a folder of parts that the
        executors write; :meth:`dedup.Result.read` and every verb read them like single files. Raises OutputError where
        the folder holds something; what was written before a failure is removed.
        """
        place = str(folder) if "://" in str(folder) else str(Path(folder).absolute())
        filesystem, root = fs.FileSystem.from_uri(place) if "://" in place else (fs.LocalFileSystem(), place)
        _check(filesystem, root, place)
        recorded = {
            "version": self.version,
            "settings": dict(self.settings),
            "counters": dict(self.counters),
            "corpus": dict(self.corpus),
        }
        metadata = {b"dedup": json.dumps(recorded, sort_keys=True).encode()}
        try:
            for name, schema in _SCHEMAS.items():
                ordered = self._rows[name].sortWithinPartitions(*_ORDER[name]).select(*schema.names)
                target = f"{place}/{name}.parquet"
                filesystem.create_dir(f"{root}/{name}.parquet")
                _write_part([], target, "none", schema.with_metadata(metadata))
                work = partial(_written, target=target, run=uuid4().hex[:8], schema=schema.with_metadata(metadata))
                with told():
                    streamed(ordered, work, _WRITTEN).agg(F.sum("rows")).collect()
        except BaseException:
            filesystem.delete_dir_contents(root)
            raise


def exact(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """Return rows in types of Spark in those of the result."""
    return pa.table([_exact(table[name], schema.field(name)) for name in schema.names], schema=schema)


def _exact(column: pa.ChunkedArray, wanted: pa.Field) -> pa.ChunkedArray:
    if not pa.types.is_dictionary(wanted.type):
        return column.cast(wanted.type)
    names = pa.array(_NAMES[wanted.name])
    chunks = [
        pa.DictionaryArray.from_arrays(pc.index_in(chunk.cast(pa.string()), names).cast(pa.int8()), names)
        for chunk in column.chunks
    ]
    return pa.chunked_array(chunks, wanted.type)


def _check(filesystem: fs.FileSystem, root: str, place: str) -> None:
    try:
        filesystem.create_dir(root)
        others = filesystem.get_file_info(fs.FileSelector(root))
    except OSError as error:
        raise OutputError(f"{place}: cannot be written ({error}); name another folder") from error
    if others:
        names = ", ".join(sorted(info.base_name for info in others)[:3])
        raise OutputError(f"{place}: holds other files ({names}); name a new or empty folder")


def _written(batches: Iterator[pa.RecordBatch], target: str, run: str, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """Write a partition; a second attempt at it writes the same file again."""
    held = list(batches)
    if not held:
        return
    context = TaskContext.get()
    part = f"{run}-{context.partitionId() if context else 0:05}"
    yield pa.record_batch([pa.array([_write_part(held, target, part, schema)])], schema=_WRITTEN)


def _write_part(batches: list[pa.RecordBatch], target: str, part: str, schema: pa.Schema) -> int:
    table = exact(pa.Table.from_batches(batches), schema) if batches else schema.empty_table()
    filesystem, root = fs.FileSystem.from_uri(target) if "://" in target else (fs.LocalFileSystem(), target)
    unfinished = f"{root}/.{part}-{uuid4().hex}"
    pq.write_table(
        table.replace_schema_metadata(schema.metadata), unfinished, compression="zstd", filesystem=filesystem
    )
    filesystem.move(unfinished, f"{root}/part-{part}.parquet")
    return len(table)
