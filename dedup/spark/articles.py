"""A DataFrame of articles → the same in order of time, numbered."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import pyarrow as pa
from pyspark.sql import functions as F  # noqa: N812  (its usual name)
from pyspark.sql import types as T  # noqa: N812

from dedup.article import FIELDS, REQUIRED
from dedup.corpus import open_corpus
from dedup.errors import CorpusError
from dedup.spark.frames import keep, mapped

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyspark.sql import Column, DataFrame

CHUNK_BITS = 33  # of a number: below them an article's place in its chunk, above them the chunk
_NAMED = 5  # examples in a message
_PLACE = re.compile(r"the table: column '(\w+)':( row \d+)?")  # in a message; a DataFrame's rows have no numbers
_READ = pa.schema(
    [
        pa.field("id", pa.string()),
        pa.field("text", pa.string()),
        pa.field("title", pa.string()),
        pa.field("source", pa.string()),
        pa.field("published", pa.int64()),
        pa.field("url", pa.string()),
    ]
)


@dataclass(frozen=True)
class Articles:
    """The articles, by ``number`` in order of (published, id), undated last; how many, in how many chunks, text bytes.

    ``names`` maps each field that is there to the column that holds it.
    """

    frame: DataFrame
    count: int
    chunks: int
    bytes: int
    names: dict[str, str]


def read(frame: DataFrame, columns: Mapping[str, str] | None, chunk: int) -> Articles:
    """Give the articles of a frame numbers by time, in chunks of about ``chunk`` articles.

    A number grows with (published, id) and is no more than that: it is the chunk and the place there. The text is
    shuffled here, once. Raises CorpusError for what is no corpus.
    """
    names = _names(frame, dict(columns or {}))
    count = frame.count()
    picked = [_column(frame, name).alias(field) for field, name in names.items()]
    normal = mapped(frame.select(*picked), partial(_normalised, names=names), _READ)
    at_least = min(2 * frame.sparkSession.sparkContext.defaultParallelism, max(1, count // 64))
    order = (F.asc_nulls_last("published"), F.asc("id"))
    chunks = max(at_least, -(-count // chunk))
    ordered = normal.repartitionByRange(chunks, *order).sortWithinPartitions(*order)
    numbered = keep(ordered.withColumn("number", F.monotonically_increasing_id()))
    size = numbered.agg(F.sum(F.octet_length("text"))).first()
    _refuse_duplicates(numbered)
    return Articles(numbered, count, chunks, int((size and size[0]) or 0), names)


def _names(frame: DataFrame, columns: dict[str, str]) -> dict[str, str]:
    """Return the column of every field that is there, as :mod:`dedup.corpus` does for Parquet."""
    unknown = [field for field in columns if field not in FIELDS.names]
    if unknown:
        raise CorpusError(f"column mapping names the field {unknown[0]!r}; the fields are {', '.join(FIELDS.names)}")
    for field in (*REQUIRED, *(field for field, name in columns.items() if name)):
        name = columns.get(field, field)
        if frame.columns.count(name) != 1:
            there = f"The columns are: {', '.join(frame.columns)}"
            hint = "map another to it (columns=)" if field == name else f"it is mapped to {field!r}"
            raise CorpusError(f"the DataFrame: not one column {name!r}; {hint}. {there}")
    named = {field: columns.get(field, field) for field in FIELDS.names if columns.get(field, field)}
    return {field: name for field, name in named.items() if name in frame.columns}


def _column(frame: DataFrame, name: str) -> Column:
    """Return a column; unsigned integers, which Parquet has and Spark reads as decimals, as text."""
    column = F.col(f"`{name}`")
    kind = frame.schema[name].dataType
    return column.cast("string") if isinstance(kind, T.DecimalType) and kind.scale == 0 else column


def _normalised(batch: pa.RecordBatch, names: dict[str, str]) -> pa.RecordBatch:
    """Bring a batch into the types of the fields; ``names`` are the columns' own, for messages."""
    try:
        ((_, fields),) = open_corpus(pa.Table.from_batches([batch])).read(0, FIELDS.names)
    except CorpusError as error:
        raise CorpusError(_PLACE.sub(lambda found: _placed(found, names), str(error))) from error
    published = fields["published"].cast(pa.int64())
    columns = [published if name == "published" else fields[name].cast(pa.string()) for name in _READ.names]
    return pa.record_batch(columns, schema=_READ)


def _placed(found: re.Match[str], names: dict[str, str]) -> str:
    return f"the DataFrame: column {names[found[1]]!r}:" + (" an article" if found[2] else "")


def _refuse_duplicates(numbered: DataFrame) -> None:
    repeated = numbered.groupBy("id").count().filter("count > 1").orderBy("id")
    first = repeated.limit(_NAMED).collect()
    if not first:
        return
    named = ", ".join(f"{row['id']!r} ({row['count']} times)" for row in first)
    rest = repeated.count() - len(first)
    more = f" and {rest} more" if rest else ""
    raise CorpusError(f"duplicate ids: {named}{more}; every article needs an id of its own")
