"""The generated corpus as it would arrive: in order of time, over a year.

`generate.py` writes all stories of a corpus into one month. Here each story keeps its hours and is set into one of
twelve months, so that a million articles come at 2,800 a day; copies of a story stay together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MONTHS = 12
MONTH = 30 * 86_400_000_000  # microseconds
ROWS = 10_000
"""Articles a row group."""
_MIX = np.uint64(0x9E3779B97F4A7C15)


def arrange(corpus: Path, truth: Path, target: Path) -> None:
    """Write the corpus in order of arrival. Memory is that of one month."""
    parts = [target.with_suffix(f".{month}.part") for month in range(MONTHS)]
    schema = _split(corpus, pq.read_table(truth, columns=["id", "story"]), parts)
    unfinished = target.with_suffix(".unfinished")
    with pq.ParquetWriter(unfinished, schema, compression="zstd") as writer:
        for part in parts:
            table = pq.read_table(part)
            order = pc.sort_indices(
                table.select(["published", "id"]), [("published", "ascending"), ("id", "ascending")]
            )
            for start in range(0, len(table), ROWS):
                writer.write_table(table.take(order.slice(start, ROWS)))
            part.unlink()
    unfinished.rename(target)


def _split(corpus: Path, truth: pa.Table, parts: list[Path]) -> pa.Schema:
    """Write each month to a file of its own."""
    source = pq.ParquetFile(corpus)
    schema = source.schema_arrow
    schema = schema.set(schema.get_field_index("text"), pa.field("text", pa.large_string()))
    writers = [pq.ParquetWriter(part, schema, compression="lz4") for part in parts]
    try:
        first = 0
        for batch in source.iter_batches(16_384):
            table = pa.Table.from_batches([batch]).cast(schema)
            months = _months(table, truth, first)
            times = table["published"].cast(pa.int64()).to_numpy() + months * MONTH
            place = schema.get_field_index("published")
            table = table.set_column(place, schema.field(place), pa.array(times).cast(schema.field(place).type))
            for month, writer in enumerate(writers):
                writer.write_table(table.filter(pa.array(months == month)))
            first += len(table)
    finally:
        for writer in writers:
            writer.close()
    return schema


def _months(table: pa.Table, truth: pa.Table, first: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Give every story a month; an article without truth is a story of its own."""
    own = pa.array(np.arange(first, first + len(table)) + (1 << 40))
    story = pc.coalesce(truth["story"].take(pc.index_in(table["id"], truth["id"].combine_chunks())), own)
    mixed = (story.combine_chunks().to_numpy().astype(np.uint64) * _MIX) >> np.uint64(40)
    return np.asarray((mixed % np.uint64(MONTHS)).astype(np.int64), np.int64)


def read(arrivals: Path, start: int, end: int) -> Iterator[pa.Table]:
    """Give the articles `start` to `end`, a row group or a part of one at a time."""
    source = pq.ParquetFile(arrivals)
    first = 0
    for group in range(source.num_row_groups):
        rows = source.metadata.row_group(group).num_rows
        low, high = max(start, first), min(end, first + rows)
        if low < high:
            yield source.read_row_group(group).slice(low - first, high - low)
        first += rows
