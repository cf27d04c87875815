"""A corpus from Parquet, of any shape, and from everything with the Arrow C stream interface."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dedup.article import FIELDS
from dedup.corpus import Corpus, open_corpus

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TABLE = pa.table(
    {
        "id": [f"a{i}" for i in range(23)],
        "text": [None if i == 7 else f"text {i} é" * (i % 5) for i in range(23)],
        "source": [f"outlet {i % 3}" for i in range(23)],
        "other": list(range(23)),
    }
)


def rows(corpus: Corpus, fields: tuple[str, ...] = ("id", "text", "source")) -> list[dict[str, Any]]:
    """Read everything, and check on the way that each batch knows its first row."""
    found: list[dict[str, Any]] = []
    for piece in range(len(corpus.pieces)):
        for row, batch in corpus.read(piece, fields):
            assert row == len(found)
            assert batch.schema == pa.schema([FIELDS.field(field) for field in fields])
            found += batch.to_pylist()
    assert len(found) == len(corpus) == sum(corpus.sizes())
    return found


WANTED = TABLE.select(["id", "text", "source"]).to_pylist()


# Parquet --------------------------------------------------------------------------------------------------------------


def write(path: Path, table: pa.Table = TABLE, **options: Any) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, **options)
    return str(path)


@pytest.mark.parametrize("group", [1, 4, 23, 1000])
def test_a_file_of_any_row_groups(tmp_path: Path, group: int) -> None:
    corpus = open_corpus(write(tmp_path / "c.parquet", row_group_size=group))
    assert len(corpus.pieces) == -(-23 // group)
    assert rows(corpus) == WANTED


def test_a_row_group_of_several_batches(tmp_path: Path) -> None:
    table = pa.table({"id": range(20_000), "text": ["x"] * 20_000})
    corpus = open_corpus(write(tmp_path / "c.parquet", table))
    assert len(corpus.pieces) == 1
    assert len(list(corpus.read(0, ("id",)))) > 1
    assert rows(corpus, ("id",)) == [{"id": str(i)} for i in range(20_000)]
    wanted = np.array([0, 8191, 8192, 19_999])
    found = [numbers.tolist() for numbers, _ in corpus.select(wanted, ("id",))]
    assert [number for numbers in found for number in numbers] == wanted.tolist()


def test_a_path_object(tmp_path: Path) -> None:
    write(tmp_path / "c.parquet")
    assert rows(open_corpus(tmp_path / "c.parquet")) == rows(open_corpus(tmp_path)) == WANTED


def test_a_folder_in_order_of_names_with_folders_below(tmp_path: Path) -> None:
    write(tmp_path / "b" / "2.parquet", TABLE[10:20])
    write(tmp_path / "a.parquet", TABLE[:10])
    write(tmp_path / "b" / "3.pq", TABLE[20:])
    (tmp_path / "notes.txt").write_text("not a corpus")
    for hidden in ("_temporary/x.parquet", ".old/y.parquet", ".z.parquet"):
        write(tmp_path / hidden)
    corpus = open_corpus(str(tmp_path))
    assert rows(corpus) == WANTED
    assert [os.path.basename(name) for name in corpus.skipped] == ["notes.txt"]  # noqa: PTH119  (they are strings)
    assert rows(open_corpus(f"{tmp_path}/")) == WANTED


@pytest.mark.parametrize("pattern", ["part-*.parquet", "part-?.parquet", "part-[12].parquet", "**/part-*"])
def test_a_glob(tmp_path: Path, pattern: str) -> None:
    write(tmp_path / "part-1.parquet", TABLE[:10])
    write(tmp_path / "part-2.parquet", TABLE[10:])
    (tmp_path / "part-folder").mkdir()
    write(tmp_path / "whole.parquet")
    assert rows(open_corpus(str(tmp_path / pattern))) == WANTED


def test_a_name_with_wildcards_is_a_name_first(tmp_path: Path) -> None:
    write(tmp_path / "odd[1].parquet")
    assert rows(open_corpus(str(tmp_path / "odd[1].parquet"))) == WANTED


def test_a_uri(tmp_path: Path) -> None:
    write(tmp_path / "in" / "1.parquet", TABLE[:10])
    write(tmp_path / "in" / "2.parquet", TABLE[10:])
    assert rows(open_corpus(f"file://{tmp_path}/in")) == WANTED
    assert rows(open_corpus(f"file://{tmp_path}/in/*.parquet")) == WANTED


def test_an_empty_file_and_an_empty_row_group(tmp_path: Path) -> None:
    write(tmp_path / "1.parquet", TABLE[:0])
    write(tmp_path / "2.parquet", TABLE)
    assert rows(open_corpus(str(tmp_path))) == WANTED


def test_a_file_without_a_row_group(tmp_path: Path) -> None:
    pq.ParquetWriter(tmp_path / "1.parquet", TABLE.schema).close()
    write(tmp_path / "2.parquet", TABLE)
    assert rows(open_corpus(str(tmp_path))) == WANTED


def test_files_of_different_types(tmp_path: Path) -> None:
    numbers = TABLE.set_column(0, "id", pa.array(range(23), pa.int16()))
    write(tmp_path / "1.parquet", TABLE[:10])
    write(tmp_path / "2.parquet", numbers[10:])
    ids = [row["id"] for row in rows(open_corpus(str(tmp_path)))]
    assert ids == [f"a{i}" for i in range(10)] + [str(i) for i in range(10, 23)]


def test_an_optional_column_that_one_file_lacks_is_left_out(tmp_path: Path) -> None:
    write(tmp_path / "1.parquet", TABLE[:10])
    write(tmp_path / "2.parquet", TABLE[10:].drop(["source"]))
    assert {row["source"] for row in rows(open_corpus(str(tmp_path)))} == {None}


# Objects --------------------------------------------------------------------------------------------------------------


def _duckdb(table: pa.Table) -> Any:
    return duckdb.connect().from_arrow(table)


OBJECTS: dict[str, Callable[[pa.Table], Any]] = {
    "table": lambda table: table,
    "chunks": lambda table: pa.concat_tables([table[:5], table[5:5], table[5:]]),
    "batch": lambda table: table.combine_chunks().to_batches()[0],
    "reader": lambda table: table.to_reader(),
    "polars": pl.from_arrow,
    "pandas": lambda table: table.to_pandas(),
    "pandas with Arrow types": lambda table: table.to_pandas(types_mapper=pd.ArrowDtype),
    "duckdb": _duckdb,
    "string views": lambda table: table.set_column(1, "text", table["text"].cast(pa.string_view())),
    "dictionaries": lambda table: table.set_column(1, "text", table["text"].dictionary_encode()),
    "binary": lambda table: table.set_column(1, "text", table["text"].cast(pa.binary())),
    "large binary": lambda table: table.set_column(0, "id", table["id"].cast(pa.large_binary())),
}


@pytest.mark.parametrize("kind", OBJECTS)
def test_everything_with_the_stream_interface(kind: str) -> None:
    assert rows(open_corpus(OBJECTS[kind](TABLE))) == WANTED


def test_a_table_without_rows() -> None:
    assert rows(open_corpus(TABLE[:0])) == []
    assert rows(open_corpus(TABLE.schema.empty_table())) == []


def test_a_big_table_is_cut_into_pieces() -> None:
    table = pa.table({"id": range(20_000), "text": ["x"] * 20_000})
    assert len(open_corpus(table).pieces) > 1
    assert rows(open_corpus(table), ("id",))[-1] == {"id": "19999"}


# Fields ---------------------------------------------------------------------------------------------------------------


def test_columns_can_be_mapped() -> None:
    table = TABLE.rename_columns(["key", "body", "outlet", "other"])
    corpus = open_corpus(table, {"id": "key", "text": "body", "source": "outlet"})
    assert rows(corpus) == WANTED
    assert corpus.names == {"id": "key", "text": "body", "source": "outlet"}


def test_a_mapping_wins_over_the_name() -> None:
    table = pa.table({"id": ["a"], "text": ["short"], "body": ["long"]})
    assert rows(open_corpus(table, {"text": "body"}), ("text",)) == [{"text": "long"}]


def test_fields_that_are_not_there_are_null() -> None:
    found = rows(open_corpus(TABLE), ("title", "url", "published"))
    assert found == [{"title": None, "url": None, "published": None}] * 23


@pytest.mark.parametrize("kind", [pa.int8(), pa.int64(), pa.uint64()])
def test_integers_are_ids(kind: pa.DataType) -> None:
    table = pa.table({"id": pa.array([3, 10], kind), "text": ["a", "b"]})
    assert rows(open_corpus(table), ("id",)) == [{"id": "3"}, {"id": "10"}]


# Dates ----------------------------------------------------------------------------------------------------------------

NOON = datetime(2026, 3, 3, 12, 0, tzinfo=UTC)
MIDNIGHT = datetime(2026, 3, 3, tzinfo=UTC)


def published(column: pa.Array | list[Any]) -> list[datetime | None]:
    table = pa.table({"id": [str(i) for i in range(len(column))], "text": ["x"] * len(column), "published": column})
    return [row["published"] for row in rows(open_corpus(table), ("published",))]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2026-03-03T12:00:00Z", NOON),
        ("2026-03-03T12:00Z", NOON),
        ("2026-03-03 12:00:00", NOON),
        ("2026-03-03 12:00", NOON),
        ("2026-03-03T12:00:00", NOON),
        ("2026-03-03T14:00:00+02:00", NOON),
        ("2026-03-03T14:00:00+0200", NOON),
        ("2026-03-03T07:00:00-05:00", NOON),
        ("2026-03-03T12:00:00.25Z", NOON.replace(microsecond=250_000)),
        ("2026-03-03T12:00:00.123456+00:00", NOON.replace(microsecond=123_456)),
        (" 2026-03-03 ", MIDNIGHT),
        ("2026-03-03", MIDNIGHT),
        ("", None),
        (None, None),
    ],
)
@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.string_view()])
def test_iso_dates(written: str | None, meant: datetime | None, kind: pa.DataType) -> None:
    assert published(pa.array(["2026-03-03", written], kind)) == [MIDNIGHT, meant]


@pytest.mark.parametrize("written", ["2026-03-03T14:00:00+02", "2026-03-03T12:00:00.000000000Z"])
def test_more_iso_dates(written: str) -> None:
    assert published([written]) == [NOON]


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "UTC", "Europe/Berlin"])
def test_timestamps(unit: str, zone: str | None) -> None:
    aware = pa.array([NOON, None], pa.timestamp("us", tz="UTC"))
    assert published(aware.cast(pa.timestamp(unit, tz=zone))) == [NOON, None]


def test_dates() -> None:
    assert published(pa.array([date(2026, 3, 3), None], pa.date32())) == [MIDNIGHT, None]
    assert published(pa.array([date(2026, 3, 3)], pa.date64())) == [MIDNIGHT]
    assert published(pa.nulls(2)) == [None, None]


# Rows again -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wanted", [[], [0], [22], [3, 4, 5], list(range(23)), [0, 5, 6, 11, 22]])
def test_rows_are_read_again_by_number(tmp_path: Path, wanted: list[int]) -> None:
    for corpus in (open_corpus(write(tmp_path / "c.parquet", row_group_size=6)), open_corpus(TABLE)):
        parts = corpus.split(np.array(wanted, np.int64))
        found = [
            (int(number), row)
            for part in parts
            for numbers, batch in corpus.select(part, ("id", "text"))
            for number, row in zip(numbers, batch.to_pylist(), strict=True)
        ]
        assert found == [(i, {"id": WANTED[i]["id"], "text": WANTED[i]["text"]}) for i in wanted]
