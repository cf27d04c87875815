"""Articles of any kind as tables: what is given to the index, cut into batches with the fields of article.FIELDS."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dedup.article import FIELDS, REQUIRED, Article
from dedup.corpus import Corpus, TableSlice, open_corpus
from dedup.errors import CorpusError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

BYTES = 64 << 20  # of the texts of a batch


def tables(articles: object, size: int) -> Iterator[pa.Table]:
    """Cut articles into tables of ``size`` rows, the last of fewer, however they come; a stream is not held whole.

    A table also ends before its texts are more than BYTES; one text may be.
    """
    if isinstance(articles, str | Path):
        return of_corpus(open_corpus(articles), size)
    if hasattr(articles, "__arrow_c_stream__"):
        return _cut(_of_stream(pa.RecordBatchReader.from_stream(articles)), size)
    if not isinstance(articles, Iterable) or isinstance(articles, Mapping | bytes):
        kind = type(articles).__name__
        raise CorpusError(f"articles are an iterable, such as a list, an Arrow table or a path, not {kind}")
    return _cut(_of_rows(articles, size), size)


def of_corpus(corpus: Corpus, size: int) -> Iterator[pa.Table]:
    """Cut a corpus into tables of ``size`` rows, however its files are cut."""
    return _cut(_batches(corpus), size)


def _cut(batches: Iterable[pa.RecordBatch], size: int) -> Iterator[pa.Table]:
    held: list[pa.RecordBatch] = []
    count = filled = 0
    for batch in batches:
        start, ends = 0, _ends(batch["text"])
        while start < batch.num_rows:
            base = ends[start - 1] if start else 0
            fitting = int(np.searchsorted(ends, base + BYTES - filled, side="right")) - start
            rows = min(size - count, max(fitting, 0 if held else 1), batch.num_rows - start)
            if rows:
                held.append(batch.slice(start, rows))
                start, count, filled = start + rows, count + rows, filled + int(ends[start + rows - 1] - base)
            if count == size or start < batch.num_rows:
                yield _table(held)
                held, count, filled = [], 0, 0
    if held:
        yield _table(held)


def _ends(texts: pa.LargeStringArray) -> NDArray[np.int64]:
    """Return the bytes of all texts up to each, that included."""
    sizes = pc.fill_null(pc.binary_length(texts), 0).cast(pa.int64())
    return np.cumsum(sizes.to_numpy(zero_copy_only=False))


def _table(batches: list[pa.RecordBatch]) -> pa.Table:
    """Join batches; an article without a text is one without words."""
    table = pa.Table.from_batches(batches).combine_chunks()
    place = table.schema.get_field_index("text")
    return table.set_column(place, FIELDS.field("text"), pc.fill_null(table["text"], ""))


def _batches(corpus: Corpus) -> Iterator[pa.RecordBatch]:
    for piece in range(len(corpus.pieces)):
        for _, batch in corpus.read(piece, FIELDS.names):
            yield batch


def _of_stream(reader: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
    first = 0
    open_corpus(pa.Table.from_batches([], reader.schema))  # which refuses wrong columns where no batch follows
    for batch in reader:
        yield from _batches(_from_row(open_corpus(pa.Table.from_batches([batch])), first))
        first += batch.num_rows


def _of_rows(articles: Iterable[Any], size: int) -> Iterator[pa.RecordBatch]:
    source, first = iter(articles), 0
    while rows := list(_some(source, size)):
        yield from _batches(_from_row(open_corpus(_columns(rows)), first))
        first += len(rows)


def _some(source: Iterator[Any], size: int) -> Iterator[Any]:
    """Take ``size`` articles, or fewer where their texts have BYTES and more."""
    held = 0
    for row in itertools.islice(source, size):
        yield row
        text = row.get("text") if isinstance(row, Mapping) else getattr(row, "text", None)
        held += len(text) if isinstance(text, str) else 0
        if held >= BYTES:
            return


def _from_row(corpus: Corpus, first: int) -> Corpus:
    """Let messages count rows from ``first``."""
    pieces = [piece for piece in corpus.pieces if isinstance(piece, TableSlice)]
    return replace(corpus, pieces=tuple(replace(piece, first=piece.first + first) for piece in pieces))


def _columns(rows: Sequence[Any]) -> pa.Table:
    fields = [_fields(row) for row in rows]
    columns = {}
    for field in FIELDS:
        values = [row.get(field.name) for row in fields]
        if field.name == "published":
            columns[field.name] = _times(values)
            continue
        wrong = next((value for value in values if value is not None and not isinstance(value, str)), None)
        if wrong is not None:
            raise CorpusError(f"{field.name} of an article is {wrong!r}, expected text")
        try:
            columns[field.name] = pa.array(values, pa.large_string())
        except UnicodeEncodeError as error:
            what = f"{error.object[error.start]!a} at {error.start + 1:,}"
            raise CorpusError(f"{field.name} of an article holds half a character ({what}); decode it first") from error
    return pa.table(columns)


def _fields(row: Any) -> Mapping[str, Any]:
    if isinstance(row, Article):
        return asdict(row)
    if not isinstance(row, Mapping):
        raise CorpusError(f"an article is dedup.Article or a mapping with id and text, not {type(row).__name__}")
    missing = next((name for name in REQUIRED if name not in row), None)
    if missing is not None:
        raise CorpusError(f"an article has no {missing!r}; its fields are: {', '.join(map(str, row)) or 'none'}")
    return row


def _times(values: Sequence[Any]) -> pa.Array:
    """Return times as text where any is text, which the corpus reads then."""
    times = [_time(value) for value in values]
    if any(isinstance(value, str) for value in times):
        return pa.array([value.isoformat() if isinstance(value, datetime) else value for value in times])
    return pa.array(times, FIELDS.field("published").type)


def _time(value: Any) -> datetime | str | None:
    if value is None or isinstance(value, str):
        return value
    if not isinstance(value, date):
        raise CorpusError(f"published of an article is {value!r}, expected a time or an ISO date")
    made = value if isinstance(value, datetime) else datetime(value.year, value.month, value.day, tzinfo=UTC)
    return made if made.tzinfo else made.replace(tzinfo=UTC)


def distinct(table: pa.Table) -> Iterator[pa.Table]:
    """Cut a table where an id comes again: one batch has every id once."""
    start = 0
    seen: set[str] = set()
    for row, id_ in enumerate(table["id"].to_pylist()):
        if id_ in seen:
            yield table.slice(start, row - start)
            start, seen = row, set()
        seen.add(id_)
    yield table.slice(start)
