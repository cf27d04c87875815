"""Text files, web pages, JSON, CSV and WARC files → a corpus: :func:`convert`.

What comes in is read record by record and written in row groups; nothing but the hashes of the ids, 16 bytes an
article, is held.

The six fields of an article come first. Further fields of JSON and CSV become columns where they hold text, numbers or
true and false; a column that holds different kinds becomes text, as JSON writes it. Lists and objects are left out, and
named in what :func:`convert` returns; ``text=body.plain`` takes a field from inside an object.
"""

from __future__ import annotations

import json
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self, TextIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import xxhash

from dedup.article import FIELDS, OPTIONAL, REQUIRED
from dedup.errors import CorpusError
from dedup.formats.records import LONGEST_SHOWN, BadRowError, Fault, Record, date_in, read, text_in
from dedup.formats.rowgroups import GROUP_BYTES, GROUP_ROWS, RowGroups
from dedup.formats.sources import CSV, STDIN, Source, opened
from dedup.workers import Progress, silent

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

_MOST_COLUMNS = 1000  # further ones: names that differ from row to row are data, not columns
_EXACT = 1 << 53  # whole numbers up to here are exact among broken ones
_INT64 = 1 << 63
_TOLD = 512  # records between two words of progress
_NAMED = 12  # fields in a message
_NOT_UTF8 = "is not UTF-8; --encoding names another, such as cp1252"


@dataclass
class Conversion:
    """What was converted.

    ``rejected`` counts the bad rows by reason, ``passed`` what a WARC file holds besides articles. ``left_out`` are
    the fields that did not become columns, each with the reason; ``made_ids`` how many articles came without an id.
    """

    articles: int = 0
    files: int = 0
    made_ids: int = 0
    passed: int = 0
    columns: tuple[str, ...] = ()
    rejected: dict[str, int] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)

    def reasons(self) -> str:
        """Return the reasons of the bad rows in words, the most frequent first."""
        often = sorted(self.rejected.items(), key=lambda item: -item[1])
        return ", ".join(f"{count:,} {reason}" for reason, count in often)


def convert(
    sources: Sequence[Source],
    target: Path,
    *,
    work: Path,
    columns: Mapping[str, str] | None = None,
    encoding: str = "utf-8",
    fields_only: bool = False,
    rejects: TextIO | None = None,
    progress: Progress = silent,
) -> Conversion:
    """Write the articles in ``sources`` as a corpus to ``work``, a path in a folder of its own, for ``target``.

    ``columns`` maps fields to the sources' own names, ``a.b`` to what stands in an object, and an optional one to
    ``""`` to go without it. A bad row raises CorpusError, or, with ``rejects``, becomes a line of JSON there: place,
    line, reason, detail and the beginning of the value. Raises CorpusError where no article is found.
    """
    told = Conversion()
    shape = _Shape(columns or {}, told, fields_only=fields_only)
    bad = _Rejects(told.rejected, rejects)
    with _Sheets(work, target) as sheets:
        pending = _Pending(sheets, bad, told)
        for source, entry in _entries(sources, encoding, progress, bad):
            told.passed += not isinstance(entry, Record | Fault)
            if isinstance(entry, Fault):
                bad.add(source, entry)
            elif isinstance(entry, Record):
                try:
                    pending.add(source, entry, shape.row(entry))
                except BadRowError as error:
                    bad.add(source, Fault(entry.line, error.reason, error.detail, _shown(entry.values)))
        pending.flush()
        told.files = len(sources)
        shape.check_names()
        if not told.articles:
            raise CorpusError(f"no article was found: {_nothing(told, sources)}")
        told.columns = tuple(sheets.finish().names)
        for name in shape.further:
            if name not in told.columns:
                told.left_out.setdefault(name, "it is empty everywhere")
    return told


def _nothing(told: Conversion, sources: Sequence[Source]) -> str:
    """Say why there is no article."""
    if told.rejected:
        return f"all rows are bad: {told.reasons()}"
    if not sources:
        return "no file is of a known kind"
    headed = [source for source in sources if source.kind == CSV and (source.size or source.path == STDIN)]
    if headed:
        return f"{headed[0].path}: no row stands below the header"
    return "the file is empty" if len(sources) == 1 else "the files are empty"


def _entries(
    sources: Sequence[Source], encoding: str, progress: Progress, bad: _Rejects
) -> Iterator[tuple[Source, Any]]:
    total = sum(source.size for source in sources)
    before = 0
    for source in sources:
        with ExitStack() as stack:
            try:
                file = stack.enter_context(opened(source, encoding))
            except OSError as error:
                bad.add(source, Fault(0, "broken file", f"cannot be opened ({error.strerror or error})", ""))
                continue
            for number, entry in enumerate(read(source, file.stream)):
                yield source, entry
                if number % _TOLD == 0:
                    progress("convert", before + file.done, max(total, before + file.done))
        before += source.size
        progress("convert", before, total)


# Bad rows ---------------------------------------------------------------------------------------------------------


class _Rejects:
    """Counts bad rows, and lists them where there is a list; without one the first ends the work."""

    def __init__(self, counts: dict[str, int], listed: TextIO | None) -> None:
        self._counts, self._listed = counts, listed

    def add(self, source: Source, fault: Fault) -> None:
        if self._listed is None:
            where = f"{source.path}, line {fault.line}" if fault.line else source.path
            raise CorpusError(f"{where}: {fault.detail}; --rejects FILE lists such rows and goes on")
        self._counts[fault.reason] = self._counts.get(fault.reason, 0) + 1
        row = {
            "place": source.path,
            "line": fault.line,
            "reason": fault.reason,
            "detail": fault.detail,
            "value": fault.value[:LONGEST_SHOWN],
        }
        try:
            self._listed.write(json.dumps(row) + "\n")
        except OSError as error:
            error.filename = self._listed.name  # so that it is not taken for one of the corpus
            raise


def _shown(values: Mapping[str, Any]) -> str:
    return json.dumps(values, ensure_ascii=False, default=str)[:LONGEST_SHOWN]


# Records → fields -------------------------------------------------------------------------------------------------


class _Row:
    """The six fields of an article, and further ones."""

    __slots__ = ("extra", "fields", "made")

    def __init__(self, fields: list[Any], extra: dict[str, Any], *, made: bool) -> None:
        self.fields, self.extra, self.made = fields, extra, made


class _Shape:
    """Says where in a record the fields of an article are, and reads them."""

    def __init__(self, columns: Mapping[str, str], told: Conversion, *, fields_only: bool) -> None:
        names = {name: columns.get(name, name) for name in FIELDS.names}
        empty = [name for name in REQUIRED if not names[name]]
        if empty:
            raise CorpusError(f"column mapping: {empty[0]!r} cannot be gone without")
        self._names = names
        self._mapped = {name: own for name, own in columns.items() if own}
        self._unseen = dict(self._mapped)
        self._known: dict[str, None] = {}  # names of fields that were seen, in their order
        self.further: dict[str, None] = {}  # those that become columns
        self._taken = {own for own in names.values() if own}
        self._left_out = told.left_out
        self._fields_only = fields_only

    def row(self, record: Record) -> _Row:
        """Return the fields; raises BadRowError."""
        values = record.values
        given = self._id(values)
        if given is None and not _is_unicode(record.made_id):
            raise BadRowError("no id", "the file's name, of which an id is made, is not UTF-8; rename the file")
        text = self._text(values, "text")
        if text is None or not text.strip():
            raise BadRowError("no text", self._no_text(values))
        fields: list[Any] = [given or record.made_id, text]
        fields += [
            self._published(values) if name == "published" else self._text(values, name) or None for name in OPTIONAL
        ]
        return _Row(fields, self._further(values), made=given is None)

    def check_names(self) -> None:
        """Raise CorpusError where a name that a field was mapped to was never seen."""
        for name, own in self._unseen.items():
            raise CorpusError(f"no field {own!r}; it is mapped to {name!r}. The fields are: {_listed(self._known)}")

    def _look(self, values: dict[str, Any], name: str) -> Any:
        own = self._names[name]
        value = values.get(own)
        if value is None and "." in own and own not in values:
            value = _inside(values, own)
        if self._unseen and value is not None:
            self._unseen.pop(name, None)
        return value

    def _text(self, values: dict[str, Any], name: str) -> str | None:
        value = self._look(values, name)
        own = self._names[name]
        hint = f"; --column {name}={own}.NAME takes what is in it" if isinstance(value, dict) else ""
        text = text_in(value, own, hint)
        if text is None or text.isascii() or _is_unicode(text):
            return text
        raise BadRowError("not UTF-8", f"field {own!r}: {_NOT_UTF8}")

    def _id(self, values: dict[str, Any]) -> str | None:
        value = self._look(values, "id")
        if type(value) is int:
            return str(value)
        if not value and type(value) is not bool and "id" in self._mapped:
            raise BadRowError("no id", f"field {self._names['id']!r}: every article needs an id")
        return self._text(values, "id") or None

    def _published(self, values: dict[str, Any]) -> datetime | None:
        value = self._look(values, "published")
        if isinstance(value, datetime):
            return value
        hint = "; --column published= goes without"
        return date_in(self._text(values, "published"), self._names["published"], hint)

    def _no_text(self, values: dict[str, Any]) -> str:
        own = self._names["text"]
        if own in values or "." in own:
            return f"field {own!r}: there is no text"
        return f"there is no field {own!r}; --column text=NAME names another. The fields are: {_listed(values)}"

    def _further(self, values: dict[str, Any]) -> dict[str, Any]:
        found = {}
        for name, value in values.items():
            if name not in self._known:
                self._meet(name)
            if value is None or name not in self.further:
                continue
            if isinstance(value, dict | list):
                self._left_out.setdefault(name, "it holds lists or objects")
            elif type(value) is str and not value.isascii() and not _is_unicode(value):
                raise BadRowError("not UTF-8", f"field {name!r}: {_NOT_UTF8}")
            else:
                found[name] = value
        return found

    def _meet(self, name: str) -> None:
        """Decide once of a name whether it becomes a column."""
        if not _is_unicode(name):
            raise BadRowError("not UTF-8", f"the name of a field: {_NOT_UTF8}")
        if len(self._known) < _MOST_COLUMNS:
            self._known[name] = None
        if name in self._taken or self._fields_only:
            return
        if name in FIELDS.names or not name:
            own = self._names.get(name) or "nothing"
            self._left_out[name] = f"its field is taken from {own}" if name else "it has no name"
            return
        self.further[name] = None
        if len(self.further) > _MOST_COLUMNS:
            what = f"more than {_MOST_COLUMNS:,} different fields, the last {name!r}"
            raise CorpusError(f"{what}; --fields-only leaves all but {', '.join(FIELDS.names)} out")


def _inside(values: Any, path: str) -> Any:
    for name in path.split("."):
        if not isinstance(values, dict):
            return None
        values = values.get(name)
    return values


def _is_unicode(text: str) -> bool:
    """Say whether text can be written as UTF-8: bytes of another encoding, and halves of a pair, cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _listed(names: Mapping[str, Any]) -> str:
    shown = list(names)[:_NAMED]
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(shown) + more if shown else "none"


# Ids --------------------------------------------------------------------------------------------------------------


class Ids:
    """The ids that were seen, as 128-bit hashes in sorted runs of which each is less than half the one before."""

    def __init__(self) -> None:
        """Begin with none."""
        self._runs: list[NDArray[np.uint64]] = []

    def seen(self, ids: Sequence[str]) -> NDArray[np.bool_]:
        """Say of each id whether it came before, and keep it."""
        digests = np.frombuffer(b"".join(xxhash.xxh3_128_digest(one.encode()) for one in ids), np.uint64).reshape(-1, 2)
        again = np.ones(len(ids), np.bool_)
        again[np.unique(digests, axis=0, return_index=True)[1]] = False
        for run in self._runs:
            at = np.minimum(np.searchsorted(run[:, 0], digests[:, 0]), len(run) - 1)
            again |= (run[at] == digests).all(axis=1)
        self._keep(digests[~again])
        return again

    def _keep(self, new: NDArray[np.uint64]) -> None:
        while self._runs and len(self._runs[-1]) < 2 * len(new):
            new = np.concatenate([self._runs.pop(), new])
        if len(new):
            self._runs.append(new[np.argsort(new[:, 0], kind="stable")])


# Rows → Parquet ---------------------------------------------------------------------------------------------------


class _Pending:
    """Rows that wait for their row group."""

    def __init__(self, sheets: _Sheets, bad: _Rejects, told: Conversion) -> None:
        self._sheets, self._bad, self._told = sheets, bad, told
        self._ids = Ids()
        self._rows: list[tuple[Source, int, _Row]] = []
        self._size = 0

    def add(self, source: Source, record: Record, row: _Row) -> None:
        self._rows.append((source, record.line, row))
        self._size += len(row.fields[1])
        if self._size >= GROUP_BYTES or len(self._rows) >= GROUP_ROWS:
            self.flush()

    def flush(self) -> None:
        if not self._rows:
            return
        again = self._ids.seen([row.fields[0] for _, _, row in self._rows])
        for number in np.flatnonzero(again):
            source, line, row = self._rows[number]
            self._bad.add(source, Fault(line, "duplicate id", _duplicate(row), row.fields[1]))
        rows = [row for (_, _, row), is_again in zip(self._rows, again, strict=True) if not is_again]
        self._rows, self._size = [], 0
        self._told.articles += len(rows)
        self._told.made_ids += sum(row.made for row in rows)
        self._sheets.add(rows)


def _duplicate(row: _Row) -> str:
    if not row.made:
        return f"id {row.fields[0]!r}: an earlier article has the same; every article needs an id of its own"
    return f"id {row.fields[0]!r}, made from the file's name: an earlier article has the same; name the folder of both"


class _Sheets:
    """Writes a corpus whose further columns show only as it is read.

    A new column, or another kind of value in one, begins a new file; in the end all are put together. With columns that
    stay as they began there is one, and nothing to put together.
    """

    def __init__(self, work: Path, target: Path) -> None:
        self._work, self._target = work, target
        self._kinds: dict[str, set[str]] = {}
        self._files: list[Path] = []
        self._writer: RowGroups | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._writer is not None:
            writer, self._writer = self._writer, None
            writer.__exit__(kind, None, None)

    def add(self, rows: Sequence[_Row]) -> None:
        """Take rows."""
        if not rows:
            return
        for row in rows:
            for name, value in row.extra.items():
                self._kinds.setdefault(name, set()).add(_kind(value))
        schema = self._schema()
        writer = self._writer_for(schema)
        columns = list(zip(*(row.fields for row in rows), strict=True))
        arrays = [pa.array(column, FIELDS.types[number]) for number, column in enumerate(columns)]
        arrays += [_array([row.extra.get(name) for row in rows], schema.field(name).type) for name in self._kinds]
        writer.add(pa.table(arrays, schema=schema))

    def finish(self) -> pa.Schema:
        """End the corpus and return its schema."""
        schema = self._schema()
        self.__exit__(None)
        if len(self._files) == 1:
            self._files[0].replace(self._work)
            return schema
        with RowGroups(self._work, schema, self._target) as writer:
            for file in self._files:
                with pq.ParquetFile(file) as sheet:
                    for group in range(sheet.num_row_groups):
                        writer.add(_recast(sheet.read_row_group(group), schema))
                file.unlink()
        return schema

    def _writer_for(self, schema: pa.Schema) -> RowGroups:
        if self._writer is None or schema != self._writer.schema:
            self.__exit__(None)
            self._files.append(self._work.with_name(f"{self._work.name}.{len(self._files)}"))
            self._writer = RowGroups(self._files[-1], schema, self._target)
        return self._writer

    def _schema(self) -> pa.Schema:
        return pa.schema([*FIELDS, *(pa.field(name, _type(kinds)) for name, kinds in self._kinds.items())])


def _kind(value: object) -> str:
    if type(value) is int:
        return "whole" if abs(value) <= _EXACT else "large" if -_INT64 <= value < _INT64 else "huge"
    return type(value).__name__


def _type(kinds: set[str]) -> pa.DataType:
    """Return the type that holds all values of these kinds as they are."""
    if kinds == {"bool"}:
        return pa.bool_()
    if kinds <= {"whole", "large"}:
        return pa.int64()
    return pa.float64() if kinds <= {"whole", "float"} else pa.large_string()


def _array(values: list[Any], kind: pa.DataType) -> pa.Array:
    if kind == pa.large_string():
        values = [value if value is None or type(value) is str else json.dumps(value) for value in values]
    return pa.array(values, kind)


def _recast(table: pa.Table, schema: pa.Schema) -> pa.Table:
    arrays = []
    for column in schema:
        if column.name not in table.column_names:
            arrays.append(pa.nulls(table.num_rows, column.type))
        elif table.schema.field(column.name).type == column.type:
            arrays.append(table[column.name])
        else:
            arrays.append(_array(table[column.name].to_pylist(), column.type))
    return pa.table(arrays, schema=schema)
