"""A Parquet file that is written in row groups of even size, whatever the size of what comes."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Self

import pyarrow as pa
import pyarrow.parquet as pq

from dedup.errors import OutputError

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

GROUP_BYTES = 32 << 20  # of a row group, about, before it is packed: enough of them for every thread
GROUP_ROWS = 20_000


class RowGroups:
    """Writes tables of one schema to a file; ``rows`` is how many it took. Raises OutputError where it cannot.

    ``shown`` is the file that the message names: the one whose place ``file`` is to take.
    """

    def __init__(self, file: Path, schema: pa.Schema, shown: Path) -> None:
        """Begin the file."""
        self.schema = schema
        self.rows = 0
        self._shown = shown
        self._waiting: list[pa.Table] = []
        self._bytes = self._rows = 0
        try:
            self._writer = pq.ParquetWriter(file, schema, compression="zstd")
        except OSError as error:
            raise self._error(error) from error

    def add(self, table: pa.Table) -> None:
        """Take rows; they are written when there are enough for a row group."""
        if table.num_rows:
            self._waiting.append(table)
            self._bytes += table.nbytes
            self._rows += table.num_rows
        if self._bytes >= GROUP_BYTES or self._rows >= GROUP_ROWS:
            self._flush()

    def _flush(self) -> None:
        if not self._waiting:
            return
        table = pa.concat_tables(self._waiting)
        self._waiting, self._bytes, self._rows = [], 0, 0
        try:
            self._writer.write_table(table, row_group_size=max(1, table.num_rows))
        except OSError as error:
            raise self._error(error) from error
        self.rows += table.num_rows

    def _error(self, error: OSError) -> OutputError:
        reason = os.strerror(error.errno) if error.errno else str(error).splitlines()[0]
        return OutputError(f"{self._shown}: cannot be written ({reason}); nothing was changed there")

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        """Write what waits and end the file; after an error, only let go of it."""
        if kind is None:
            self._flush()
        try:
            self._writer.close()
        except OSError as closing:
            if error is None:
                raise self._error(closing) from closing
