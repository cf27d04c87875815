"""Numpy arrays in the rows of a DataFrame, and the work that is done on them."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
from pyspark.errors import PySparkException
from pyspark.sql import functions as F  # noqa: N812  (its usual name)
from pyspark.sql.pandas.types import from_arrow_schema

from dedup import errors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray
    from pyspark.sql import Column, DataFrame, GroupedData, SparkSession

BATCH = 4096  # articles that are read at a time


def packed(values: NDArray[Any], places: NDArray[np.int64]) -> pa.BinaryArray:
    """Return lists of values, ``values[places[i]:places[i + 1]]``, as one binary value each."""
    held = np.ascontiguousarray(values)
    offsets = (places * (held.nbytes // max(1, len(held)))).astype(np.int32)
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(held.reshape(-1).view(np.uint8))]
    return pa.Array.from_buffers(pa.binary(), len(places) - 1, buffers)


class Unpacked(NamedTuple):
    """Lists of values as they stood before :func:`packed`."""

    places: NDArray[np.int64]
    values: NDArray[Any]


def unpacked(column: pa.Array | pa.ChunkedArray, kind: Any) -> Unpacked:
    """Return the lists that a binary column holds; a null is an empty list."""
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    array = array.cast(pa.large_binary())
    size = np.dtype(kind).itemsize
    if len(array) == 0:
        return Unpacked(np.zeros(1, np.int64), np.empty(0, kind))
    _, offsets, data = array.buffers()
    bounds = np.frombuffer(offsets, np.int64)[array.offset : array.offset + len(array) + 1]
    held = np.frombuffer(data, np.uint8)[bounds[0] : bounds[-1]] if data is not None else np.empty(0, np.uint8)
    return Unpacked((bounds - bounds[0]) // size, held.copy().view(kind))


def signed(values: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Return the integers of Spark that stand in the same order as these."""
    return (values ^ np.uint64(1 << 63)).view(np.int64)


def numbers(table: pa.Table | pa.RecordBatch, name: str) -> NDArray[Any]:
    """Return a column without nulls."""
    column = table[name]
    return np.asarray(
        column.to_numpy() if isinstance(column, pa.ChunkedArray) else column.to_numpy(zero_copy_only=False)
    )


def made(schema: pa.Schema, *columns: Any) -> pa.RecordBatch:
    """Return a batch of these columns."""
    arrays = [
        column if isinstance(column, pa.Array) else pa.array(column, field.type)
        for field, column in zip(schema, columns, strict=True)
    ]
    return pa.record_batch(arrays, schema=schema)


def mapped(frame: DataFrame, work: Callable[[pa.RecordBatch], pa.RecordBatch], schema: pa.Schema) -> DataFrame:
    """Apply ``work`` to every batch of a frame, a few thousand rows at a time."""
    return frame.mapInArrow(partial(_each, work=work), from_arrow_schema(schema))


def _each(
    batches: Iterator[pa.RecordBatch], work: Callable[[pa.RecordBatch], pa.RecordBatch]
) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        for start in range(0, batch.num_rows, BATCH):
            yield work(batch.slice(start, BATCH))


def streamed(
    frame: DataFrame, work: Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]], schema: pa.Schema
) -> DataFrame:
    """Apply ``work`` to every partition of a frame, batch after batch."""
    return frame.mapInArrow(work, from_arrow_schema(schema))


def grouped(frame: GroupedData, work: Callable[[pa.Table], pa.RecordBatch], schema: pa.Schema) -> DataFrame:
    """Apply ``work`` to every group."""
    # PySpark reads the hints of what it is given, and cannot read those of a partial.
    large = _large(frame.session)
    return frame.applyInArrow(lambda table: _whole(table, work, large), from_arrow_schema(schema))


def _whole(table: pa.Table, work: Callable[[pa.Table], pa.RecordBatch], large: bool) -> pa.Table:  # noqa: FBT001
    return _sized(pa.Table.from_batches([work(table.combine_chunks())]), large)


def together(
    left: DataFrame,
    right: DataFrame,
    by: str | Sequence[str],
    work: Callable[[pa.Table, pa.Table], pa.RecordBatch],
    schema: pa.Schema,
) -> DataFrame:
    """Apply ``work`` to the rows of two frames that have the same key."""
    keys = [by] if isinstance(by, str) else list(by)
    # New names for the same columns: Spark cannot tell the sides apart where one was made from the other.
    one, two = (side.select(*(F.col(name).alias(name) for name in side.columns)) for side in (left, right))
    both = one.groupBy(*keys).cogroup(two.groupBy(*keys))
    return both.applyInArrow(partial(_both, work=work, large=_large(left.sparkSession)), from_arrow_schema(schema))


def _both(
    left: pa.Table,
    right: pa.Table,
    work: Callable[[pa.Table, pa.Table], pa.RecordBatch],
    large: bool,  # noqa: FBT001
) -> pa.Table:
    return _sized(pa.Table.from_batches([work(left.combine_chunks(), right.combine_chunks())]), large)


def _large(session: SparkSession) -> bool:
    """Return whether Spark was told to pass more than 2 GB in a column."""
    return session.conf.get("spark.sql.execution.arrow.useLargeVarTypes") == "true"


_LARGE = {pa.string(): pa.large_string(), pa.binary(): pa.large_binary()}


def _sized(table: pa.Table, large: bool) -> pa.Table:  # noqa: FBT001
    """Return a table in the types that Spark then asks for."""
    if not large:
        return table
    return table.cast(pa.schema([field.with_type(_LARGE.get(field.type, field.type)) for field in table.schema]))


def block(of: str, count: int) -> Column:
    """Return a number from 0 to ``count`` - 1 by which rows are spread."""
    return F.pmod(F.xxhash64(F.col(of)), F.lit(count)).cast("int").alias("block")


def keep(frame: DataFrame) -> DataFrame:
    """Compute a frame that is used more than once, and forget how it was computed.

    Spark holds the rows on its executors, or in the folder for checkpoints where the session has one: then they outlive
    an executor. Without this every plan would hold the plans of all the stages before it.
    """
    reliable = frame.sparkSession.sparkContext.getCheckpointDir() is not None
    return frame.checkpoint() if reliable else frame.localCheckpoint()


def begin(session: SparkSession, stage: str) -> None:
    """Say, in Spark's own interface and its log of events, of which stage the next jobs are, within :func:`stages`."""
    session.sparkContext.setJobDescription(f"dedup: {stage}")


@contextmanager
def stages(session: SparkSession) -> Iterator[None]:
    """Give the jobs that follow no description that is left of a stage."""
    context: Any = session.sparkContext  # whose hints know of no end
    try:
        yield
    finally:
        context.setJobDescription(None)


@contextmanager
def told() -> Iterator[None]:
    """Raise what dedup raised on an executor as the error that it is."""
    try:
        yield
    except PySparkException as error:
        raised = _raised(str(error))
        if raised is None:
            raise
        raise raised from None


def _raised(message: str) -> errors.DedupError | None:
    for line in message.splitlines():
        name, colon, rest = line.partition(": ")
        kind = getattr(errors, name.removeprefix("dedup.errors."), None) if name.startswith("dedup.errors.") else None
        if colon and isinstance(kind, type) and issubclass(kind, errors.DedupError):
            return kind(rest)
    return None
