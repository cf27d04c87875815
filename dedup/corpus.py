"""A corpus of articles: Parquet in batches, or an Arrow table; rows again by number.

A corpus is a list of *pieces* (row groups, or slices of a table). Pieces are read in any order and by any thread,
batch by batch; the text column is never held whole.
"""

from __future__ import annotations

import fnmatch
import glob
import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow import fs

from dedup.article import FIELDS, OPTIONAL, REQUIRED
from dedup.errors import CorpusError
from dedup.formats.dates import moment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime

    from numpy.typing import NDArray

BATCH_BYTES = 8 << 20  # of text in a batch, about
_BATCH_ROWS = 8192
_READ_BYTES = 1 << 20  # of a column of a local file, read at a time
_WILDCARDS = frozenset("*?[")


class Piece(Protocol):
    """A run of rows that is read as a whole."""

    @property
    def rows(self) -> int:
        """Return the number of rows."""

    @property
    def first(self) -> int:
        """Return the row of its file, or of the table, with which it starts."""

    @property
    def nbytes(self) -> int:
        """Return about how many bytes all its columns have, unpacked."""

    def names(self) -> list[str]:
        """Return the names of the columns that are there."""

    def schema(self) -> pa.Schema:
        """Return the columns that are there with their types."""

    def batches(self, columns: Sequence[str] | None) -> Iterator[pa.RecordBatch]:
        """Read these columns, or all."""

    def stamp(self) -> tuple[str, int, int]:
        """Say of the file, by which it is known again: its path, bytes, and time of its last change (nanoseconds)."""

    def place(self) -> str:
        """Name the piece for a message."""


@dataclass(frozen=True)
class RowGroup:
    """One row group of a Parquet file."""

    filesystem: fs.FileSystem
    path: str
    index: int
    first: int  # row of the file
    rows: int
    batch_rows: int
    nbytes: int

    def names(self) -> list[str]:
        """Return the names of the columns of the file."""
        return list(self.schema().names)

    def schema(self) -> pa.Schema:
        """Return the columns of the file with their types."""
        return pq.read_schema(self.path, filesystem=self.filesystem)

    def batches(self, columns: Sequence[str] | None) -> Iterator[pa.RecordBatch]:
        """Read these columns, or all; raises CorpusError where the file is damaged."""
        wanted = None if columns is None else list(columns)
        if self.rows == 0:
            schema = self.schema()
            yield pa.RecordBatch.from_pylist(
                [], pa.schema(map(schema.field, schema.names if wanted is None else wanted))
            )
            return
        try:
            with pq.ParquetFile(self.path, filesystem=self.filesystem, **_buffering(self.filesystem)) as file:
                yield from file.iter_batches(
                    self.batch_rows, row_groups=[self.index], columns=wanted, use_threads=False
                )
        except (pa.ArrowException, OSError) as error:
            raise CorpusError(f"{self.path}: row group {self.index} cannot be read ({_first_line(error)})") from error

    def stamp(self) -> tuple[str, int, int]:
        """Return path, bytes, and time of the last change (nanoseconds) of the file."""
        info = self.filesystem.get_file_info(self.path)
        return self.path, info.size or 0, info.mtime_ns or 0

    def place(self) -> str:
        """Name the file."""
        return self.path


def _buffering(filesystem: fs.FileSystem) -> dict[str, Any]:
    """Read a local file a little at a time: columns read whole are memory, and only what is far away pays for it."""
    local = isinstance(filesystem, fs.LocalFileSystem)
    return {"pre_buffer": False, "buffer_size": _READ_BYTES} if local else {"pre_buffer": True}


@dataclass(frozen=True)
class TableSlice:
    """A batch of an Arrow table in memory."""

    batch: pa.RecordBatch
    first: int

    @property
    def rows(self) -> int:
        """Return the number of rows."""
        return int(self.batch.num_rows)

    @property
    def nbytes(self) -> int:
        """Return the bytes of all columns."""
        return int(self.batch.nbytes)

    def names(self) -> list[str]:
        """Return the names of the columns of the table."""
        return list(self.batch.schema.names)

    def schema(self) -> pa.Schema:
        """Return the columns of the table with their types."""
        return self.batch.schema

    def batches(self, columns: Sequence[str] | None) -> Iterator[pa.RecordBatch]:
        """Return these columns, or all, without a copy."""
        yield self.batch if columns is None else self.batch.select(list(columns))

    def stamp(self) -> tuple[str, int, int]:
        """Return what tells nothing: a table is not there any more in another process."""
        return "", 0, 0

    def place(self) -> str:
        """Name the table."""
        return "the table"


@dataclass(frozen=True)
class Corpus:
    """Articles in a fixed order: ``pieces``, the first row of each in ``starts`` (pieces + 1), and its columns.

    ``names`` maps each field that is there (``id``, ``text``, ``title`` ...) to the column that holds it. ``source`` is
    the absolute path, glob or URI by which it is found again, empty for a table in memory.
    """

    pieces: tuple[Piece, ...]
    starts: NDArray[np.int64]
    names: dict[str, str]
    skipped: tuple[str, ...] = ()
    source: str = ""

    def __len__(self) -> int:
        """Return the number of articles."""
        return int(self.starts[-1])

    def sizes(self) -> list[int]:
        """Return the rows of each piece."""
        return [piece.rows for piece in self.pieces]

    def stamps(self) -> list[tuple[str, int, int]]:
        """Return path, bytes, and time of the last change (nanoseconds) of every file."""
        return [piece.stamp() for piece in {piece.place(): piece for piece in self.pieces}.values()]

    def read(self, piece: int, fields: Sequence[str]) -> Iterator[tuple[int, pa.RecordBatch]]:
        """Read fields of one piece: (first row, batch), fields that are not in the corpus as nulls."""
        source, row = self.pieces[piece], int(self.starts[piece])
        present = [field for field in fields if field in self.names]
        for batch in source.batches([self.names[field] for field in present]):
            columns = dict(zip(present, batch.columns, strict=True))
            where = _Where(source, row - int(self.starts[piece]) + source.first, self.names)
            arrays = [_column(columns.get(field), field, batch.num_rows, where) for field in fields]
            yield row, pa.record_batch(arrays, schema=pa.schema([FIELDS.field(field) for field in fields]))
            row += batch.num_rows

    def split(self, rows: NDArray[np.int64]) -> list[NDArray[np.int64]]:
        """Cut ascending rows at the bounds of the pieces; pieces without a row are left out."""
        parts = np.split(rows, np.searchsorted(rows, self.starts[1:-1]))
        return [part for part in parts if len(part)]

    def select(
        self, rows: NDArray[np.int64], fields: Sequence[str]
    ) -> Iterator[tuple[NDArray[np.int64], pa.RecordBatch]]:
        """Read fields of ascending rows of one piece: (the rows, batch)."""
        piece = int(np.searchsorted(self.starts, rows[0], side="right")) - 1
        for row, batch in self.read(piece, fields):
            first, last = np.searchsorted(rows, (row, row + batch.num_rows))
            if first < last:
                wanted = rows[first:last]
                whole = len(wanted) == batch.num_rows
                yield wanted, batch if whole else batch.take(pa.array(wanted - row))


def release() -> None:
    """Give back the memory that articles were read with; Arrow keeps it, and the stages behind a pass need it."""
    pa.default_memory_pool().release_unused()


def open_corpus(source: object, columns: Mapping[str, str] | None = None) -> Corpus:
    """Open a path, folder, glob or URI of Parquet files, or anything with the Arrow C stream interface.

    ``columns`` maps fields to the corpus's own column names, for example ``{"text": "body"}``, or an optional one to
    ``""`` to go without it. Raises CorpusError
    where nothing is found, a file is not Parquet, or a needed column is missing.
    """
    skipped: tuple[str, ...] = ()
    if isinstance(source, str | Path):
        pieces, skipped = _parquet_pieces(str(source))
    else:
        pieces = _table_pieces(source)
    starts = np.concatenate([np.zeros(1, np.int64), np.cumsum([piece.rows for piece in pieces], dtype=np.int64)])
    place = _absolute(str(source)) if isinstance(source, str | Path) else ""
    return Corpus(tuple(pieces), starts, _names(pieces, dict(columns or {})), skipped, place)


def _absolute(source: str) -> str:
    return source if "://" in source else str(Path(source).absolute())


def _parquet_pieces(source: str) -> tuple[list[Piece], tuple[str, ...]]:
    filesystem, paths, skipped = _files(source)
    pieces: list[Piece] = []
    for path in paths:
        try:
            metadata = pq.read_metadata(path, filesystem=filesystem)
        except (pa.ArrowException, OSError) as error:
            raise CorpusError(f"{path}: not a readable Parquet file ({_first_line(error)})") from error
        first = 0
        for index in range(metadata.num_row_groups):
            group = metadata.row_group(index)
            size = max(1, group.total_byte_size // max(1, group.num_rows))
            rows = max(1, min(_BATCH_ROWS, BATCH_BYTES // size))
            pieces.append(RowGroup(filesystem, path, index, first, group.num_rows, rows, group.total_byte_size))
            first += group.num_rows
        if metadata.num_row_groups == 0:
            pieces.append(RowGroup(filesystem, path, 0, 0, 0, 1, 0))
    return pieces, skipped


def _files(source: str) -> tuple[fs.FileSystem, list[str], tuple[str, ...]]:
    try:
        filesystem, path = fs.FileSystem.from_uri(source) if "://" in source else (fs.LocalFileSystem(), source)
        if _WILDCARDS & set(path) and filesystem.get_file_info(path).type == fs.FileType.NotFound:
            return filesystem, _glob(filesystem, path, source), ()
        info = filesystem.get_file_info(path)
        if info.type == fs.FileType.File:
            return filesystem, [path], ()
        if info.type == fs.FileType.NotFound:
            raise CorpusError(f"{source}: no such file or folder")
        found = _below(filesystem, path)
    except (pa.ArrowException, OSError) as error:
        raise CorpusError(f"{source}: cannot be opened ({_first_line(error)})") from error
    files = [name for name in found if name.endswith((".parquet", ".pq"))]
    if not files:
        raise CorpusError(f"{source}: the folder holds no .parquet file")
    return filesystem, files, tuple(name for name in found if name not in set(files))


def _below(filesystem: fs.FileSystem, folder: str) -> list[str]:
    found = filesystem.get_file_info(fs.FileSelector(folder, recursive=True))
    names = [info.path for info in found if info.type == fs.FileType.File]
    return sorted(name for name in names if not _hidden(name[len(folder) :]))


def _hidden(path: str) -> bool:
    """Say whether a file is a writer's own, such as ``_SUCCESS`` or one in ``.spark-staging/``."""
    return any(part.startswith(("_", ".")) for part in path.split("/"))


def _glob(filesystem: fs.FileSystem, pattern: str, source: str) -> list[str]:
    if isinstance(filesystem, fs.LocalFileSystem):
        found = glob.glob(pattern, recursive=True)  # noqa: PTH207  (patterns may be absolute)
        files = sorted(name for name in found if Path(name).is_file())
    else:
        folder = pattern[: min(pattern.index(sign) for sign in _WILDCARDS if sign in pattern)].rpartition("/")[0]
        files = [name for name in _below(filesystem, folder) if fnmatch.fnmatchcase(name, pattern)]
    if not files:
        raise CorpusError(f"{source}: no file matches")
    return files


def _table_pieces(source: object) -> list[Piece]:
    if not hasattr(source, "__arrow_c_stream__"):
        kind = type(source).__name__
        raise CorpusError(
            f"a corpus is a path or has __arrow_c_stream__ (pyarrow, Polars, pandas, DuckDB ...), not {kind}"
        )
    table = source if isinstance(source, pa.Table) else pa.table(source)
    batches = table.to_batches(max_chunksize=_BATCH_ROWS) or [pa.RecordBatch.from_pylist([], table.schema)]
    starts = itertools.accumulate((batch.num_rows for batch in batches), initial=0)
    return [TableSlice(batch, start) for batch, start in zip(batches, starts, strict=False)]


def _names(pieces: Sequence[Piece], columns: dict[str, str]) -> dict[str, str]:
    unknown = [field for field in columns if field not in FIELDS.names]
    if unknown:
        raise CorpusError(f"column mapping names the field {unknown[0]!r}; the fields are {', '.join(FIELDS.names)}")
    schemas = {piece.place(): piece.names() for piece in {piece.place(): piece for piece in pieces}.values()}
    for place, there in schemas.items():
        for field in (*REQUIRED, *(field for field, name in columns.items() if name)):
            name = columns.get(field, field)
            if there.count(name) > 1:
                raise CorpusError(f"{place}: {there.count(name)} columns are named {name!r}; rename all but one")
            if name not in there:
                hint = "map another to it (--column, columns=)" if field == name else f"it is mapped to {field!r}"
                raise CorpusError(f"{place}: no column {name!r}; {hint}. The columns are: {', '.join(there)}")
    named = {field: columns.get(field, field) for field in FIELDS.names if columns.get(field, field)}
    return {field: name for field, name in named.items() if all(name in there for there in schemas.values())}


# Columns as the rest of the program wants them -------------------------------------------------------------------


@dataclass(frozen=True)
class _Where:
    """Where a batch comes from, for messages."""

    piece: Piece
    row: int
    names: dict[str, str]

    def error(self, field: str, message: str) -> CorpusError:
        return CorpusError(f"{self.piece.place()}: column {self.names[field]!r}: {message}")


def _column(column: pa.Array | None, field: str, rows: int, where: _Where) -> pa.Array:
    if column is None or (pa.types.is_null(column.type) and field != "id"):
        return pa.nulls(rows, FIELDS.field(field).type)
    if pa.types.is_null(column.type):
        column = column.cast(pa.large_string())
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if field == "published":
        return _published(column, where)
    if field == "id" and (pa.types.is_integer(column.type)):
        column = column.cast(pa.large_string())
    if pa.types.is_binary(column.type) or pa.types.is_large_binary(column.type):
        column = _decoded(column, field, where)
    if not _is_text(column.type):
        raise where.error(field, f"holds {column.type}, expected text")
    column = column.cast(pa.large_string())
    if field == "id":
        _refuse_nameless(column, where)
    if field != "text":  # the kernels look at every byte of the texts
        _validate(column, field, where)
    return column


def _refuse_nameless(column: pa.Array, where: _Where) -> None:
    row = pc.equal(pc.fill_null(pc.binary_length(column), 0), 0).index(pa.scalar(value=True)).as_py()
    if row >= 0:
        value = "empty" if column[row].is_valid else "null"
        raise where.error("id", f"row {where.row + row} is {value}; every article needs an id")


def _validate(column: pa.Array, field: str, where: _Where) -> None:
    try:
        column.validate(full=True)
    except pa.ArrowInvalid as error:
        row = _first_bad(column, lambda value: value.validate(full=True))
        raise where.error(field, f"row {where.row + row} is not valid UTF-8; decode it first") from error


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _decoded(column: pa.Array, field: str, where: _Where) -> pa.Array:
    try:
        return column.cast(pa.large_string())
    except pa.ArrowInvalid as error:
        row = _first_bad(column, lambda value: value.cast(pa.large_string()))
        raise where.error(field, f"row {where.row + row} is not valid UTF-8; decode it first") from error


def _published(column: pa.Array, where: _Where) -> pa.Array:
    kind = FIELDS.field("published").type
    if pa.types.is_timestamp(column.type) or pa.types.is_date(column.type):
        return _timestamps(column).cast(kind, safe=False)
    if not _is_text(column.type):
        raise where.error("published", f"holds {column.type}, expected a timestamp or an ISO date")
    try:
        return _from_iso(column).cast(kind, safe=False)
    except pa.ArrowInvalid:
        return pa.array([_date(value, row, where) for row, value in enumerate(column.to_pylist())], kind)


def _date(value: str | None, row: int, where: _Where) -> datetime | None:
    if value is None or not value.strip():
        return None
    try:
        return moment(value)
    except ValueError as error:
        message = f"row {where.row + row} is {value!r}, expected an ISO date such as 2026-11-22T15:21:00Z"
        raise where.error("published", f"{message}; map the field to nothing to go without dates") from error


def _first_bad(column: pa.Array, parse: Callable[[pa.Array], object]) -> int:
    """Return the first row that cannot be parsed, in a column of which some row cannot."""
    for row in range(len(column)):
        try:
            parse(column.slice(row, 1))
        except pa.ArrowInvalid:
            return row
    return 0


def _timestamps(column: pa.Array) -> pa.Array:
    return column.cast(pa.timestamp("us", tz=getattr(column.type, "tz", None)), safe=False)


def _from_iso(column: pa.Array) -> pa.Array:
    """Parse ISO dates: with or without a time, fractions and zone; an empty string is no date."""
    text = pc.utf8_trim_whitespace(column.cast(pa.string()))
    text = pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text)
    text = pc.replace_substring_regex(text, r"(\.\d{6})\d+", r"\1")  # below microseconds
    text = pc.replace_substring_regex(text, r"(:.*[+-]\d\d)$", r"\1:00")  # an offset in hours
    zoned = pc.match_substring_regex(text, r":.*(Z|[+-]\d\d:?\d\d)$")
    plain = pc.cast(pc.if_else(zoned, pa.scalar(None, pa.string()), text), pa.timestamp("us"))
    exact = pc.cast(pc.if_else(zoned, text, pa.scalar(None, pa.string())), pa.timestamp("us", tz="UTC"))
    return pc.coalesce(exact, pc.assume_timezone(plain, "UTC"))


def _first_line(error: BaseException) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__


__all__ = ["OPTIONAL", "REQUIRED", "Corpus", "Piece", "open_corpus", "release"]
