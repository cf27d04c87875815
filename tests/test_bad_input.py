"""Whatever is wrong with the input: the kind of error, and one line that names the place and what to do."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support import ROOT, corpus, tables_of

from dedup import CorpusError, find
from dedup.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

TEXT = "a storm hit the coast of the north and took the roof of the old station"


def refusal(source: Any, columns: dict[str, str] | None = None) -> str:
    """Return the message of the CorpusError that a corpus is refused with."""
    with pytest.raises(CorpusError) as caught:
        find(source, columns=columns)
    assert type(caught.value) is CorpusError
    message = str(caught.value)
    assert "\n" not in message
    return message


def table(**columns: Any) -> pa.Table:
    return pa.table({"id": ["a", "b", "c"], "text": [TEXT] * 3} | columns)


def unchecked(values: list[bytes | None]) -> pa.StringArray:
    """Return a string column that nobody validated, as Parquet files give it."""
    raw = pa.array(values, pa.binary())
    return pa.StringArray.from_buffers(len(values), *raw.buffers()[1:], raw.buffers()[0])


# The place ------------------------------------------------------------------------------------------------------------


def test_a_missing_file(tmp_path: Path) -> None:
    assert refusal(tmp_path / "none.parquet") == f"{tmp_path}/none.parquet: no such file or folder"


def test_an_empty_folder(tmp_path: Path) -> None:
    assert refusal(tmp_path) == f"{tmp_path}: the folder holds no .parquet file"


def test_a_folder_of_other_files(tmp_path: Path) -> None:
    (tmp_path / "news.csv").write_text("id,text\n")
    assert refusal(tmp_path) == f"{tmp_path}: the folder holds no .parquet file"


def test_a_glob_that_matches_nothing(tmp_path: Path) -> None:
    assert refusal(f"{tmp_path}/*.parquet") == f"{tmp_path}/*.parquet: no file matches"


@pytest.mark.parametrize("uri", ["nonsense://bucket/x", "file://relative"])
def test_a_uri_that_cannot_be_opened(uri: str) -> None:
    assert refusal(uri).startswith(f"{uri}: cannot be opened (")


@pytest.mark.parametrize("content", [b"", b"PAR1", b"id,text\na,b\n", b"\x00" * 5000, b"PAR1" + b"x" * 100 + b"PAR1"])
def test_not_parquet(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.parquet").write_bytes(content)
    for source in (tmp_path / "x.parquet", tmp_path):
        assert refusal(source).startswith(f"{tmp_path}/x.parquet: not a readable Parquet file (")


@pytest.mark.parametrize("part", [0.1, 0.5, 0.99])
def test_truncated_parquet(tmp_path: Path, part: float) -> None:
    pq.write_table(corpus(1), tmp_path / "x.parquet")
    whole = (tmp_path / "x.parquet").read_bytes()
    (tmp_path / "x.parquet").write_bytes(whole[: int(len(whole) * part)])
    assert refusal(tmp_path / "x.parquet").startswith(f"{tmp_path}/x.parquet: not a readable Parquet file (")


def test_damaged_pages(tmp_path: Path) -> None:
    """The footer is good; the data under it is not."""
    pq.write_table(corpus(1), tmp_path / "x.parquet", compression="zstd")
    whole = bytearray((tmp_path / "x.parquet").read_bytes())
    whole[4:2000] = bytes(1996)
    (tmp_path / "x.parquet").write_bytes(whole)
    assert refusal(tmp_path / "x.parquet").startswith(f"{tmp_path}/x.parquet: row group 0 cannot be read (")


@pytest.mark.parametrize("source", [None, 5, b"corpus", {"id": ["a"]}, [{"id": "a", "text": "b"}]], ids=repr)
def test_not_a_corpus(source: Any) -> None:
    message = refusal(source)
    assert message.startswith("a corpus is a path or ")
    assert "__arrow_c_stream__" in message
    assert message.endswith(f"not {type(source).__name__}")


# Columns --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("missing", ["id", "text"])
def test_a_missing_column_names_those_that_are_there(tmp_path: Path, missing: str) -> None:
    broken = corpus(1).drop([missing])
    there = ", ".join(broken.column_names)
    wanted = f"no column {missing!r}; map another to it (--column, columns=). The columns are: {there}"
    assert refusal(broken) == f"the table: {wanted}"
    pq.write_table(broken, tmp_path / "x.parquet")
    assert refusal(tmp_path) == f"{tmp_path}/x.parquet: {wanted}"


def test_a_missing_column_in_the_second_file(tmp_path: Path) -> None:
    pq.write_table(corpus(1), tmp_path / "1.parquet")
    pq.write_table(corpus(1).drop(["text"]), tmp_path / "2.parquet")
    assert refusal(tmp_path).startswith(f"{tmp_path}/2.parquet: no column 'text'")


def test_a_mapping_to_a_column_that_is_not_there() -> None:
    assert refusal(table(), {"text": "body"}) == (
        "the table: no column 'body'; it is mapped to 'text'. The columns are: id, text"
    )
    assert "no column 'headline'" in refusal(table(), {"title": "headline"})


def test_a_mapping_of_a_field_that_is_not_there() -> None:
    assert refusal(table(), {"body": "text"}) == (
        "column mapping names the field 'body'; the fields are id, text, title, source, published, url"
    )


def test_two_columns_of_one_name() -> None:
    assert "text" in refusal(pa.table([["a"], [TEXT], [TEXT]], names=["id", "text", "text"]))


@pytest.mark.parametrize(
    ("field", "values", "kind"),
    [
        ("text", [1, 2, 3], "int64"),
        ("text", [[TEXT]] * 3, "list<.*>"),
        ("text", [True] * 3, "bool"),
        ("id", [1.5, 2.5, 3.5], "double"),
        ("id", [True, False, None], "bool"),
        ("title", [1, 2, 3], "int64"),
        ("source", [{"name": "x"}] * 3, "struct<.*>"),
        ("url", [1.0] * 3, "double"),
    ],
)
def test_a_column_that_is_not_text(field: str, values: list[Any], kind: str) -> None:
    with pytest.raises(CorpusError, match=f"^the table: column '{field}': holds {kind}, expected text$"):
        find(table(**{field: values}))


def test_a_mapped_column_is_named_as_the_user_knows_it() -> None:
    broken = pa.table({"key": ["a"], "body": [1]})
    assert refusal(broken, {"id": "key", "text": "body"}) == "the table: column 'body': holds int64, expected text"


# Ids ------------------------------------------------------------------------------------------------------------------


def test_duplicate_ids_are_named() -> None:
    assert refusal(table(id=["a", "b", "a"])) == "duplicate ids: 'a' (2 times); every article needs an id of its own"


def test_many_duplicate_ids_name_some() -> None:
    ids = [f"i{n % 8}" for n in range(20)]
    message = refusal(pa.table({"id": ids, "text": [TEXT] * 20}))
    assert message == (
        "duplicate ids: 'i0' (3 times), 'i1' (3 times), 'i2' (3 times), 'i3' (3 times), 'i4' (2 times) and 3 more; "
        "every article needs an id of its own"
    )


def test_duplicate_ids_in_two_files(tmp_path: Path) -> None:
    pq.write_table(corpus(1), tmp_path / "1.parquet")
    pq.write_table(corpus(1), tmp_path / "2.parquet")
    assert refusal(tmp_path).startswith("duplicate ids: ")


def test_integer_ids_are_accepted() -> None:
    assert find(table(id=[3, 1, 2])).articles["copy_id"].to_pylist() == ["1", "1", "1"]
    assert "'1' (2 times)" in refusal(table(id=[3, 1, 1]))


def test_a_null_id() -> None:
    assert refusal(table(id=["a", None, "c"])) == "the table: column 'id': row 1 is null; every article needs an id"
    assert (
        refusal(table(id=pa.array([1, 2, None]))) == "the table: column 'id': row 2 is null; every article needs an id"
    )


@pytest.mark.parametrize("rows", [1, 2])
def test_nothing_but_null_ids(rows: int) -> None:
    broken = pa.table({"id": pa.nulls(rows), "text": [TEXT] * rows})
    assert refusal(broken) == "the table: column 'id': row 0 is null; every article needs an id"


def test_rows_are_those_of_the_file(tmp_path: Path) -> None:
    pq.write_table(table(), tmp_path / "1.parquet")
    pq.write_table(table(id=["d", None, "f"]), tmp_path / "2.parquet")
    assert refusal(tmp_path) == f"{tmp_path}/2.parquet: column 'id': row 1 is null; every article needs an id"


# Text -----------------------------------------------------------------------------------------------------------------


def test_null_and_empty_text_are_articles_on_their_own() -> None:
    result = find(pa.table({"id": list("abcde"), "text": [None, "", " \n\t", "...", TEXT]}))
    assert result.articles["copy_id"].to_pylist() == list("abcde")
    assert result.articles["words"].to_pylist() == [0, 0, 0, 0, 16]
    assert result.articles["unique"].to_pylist() == [1.0] * 5
    assert result.counters["empty"] == 4


def test_nothing_but_null_text() -> None:
    result = find(pa.table({"id": ["a", "b"], "text": pa.nulls(2)}))
    assert result.counters["empty"] == 2


@pytest.mark.parametrize("kind", [pa.binary(), pa.large_binary()])
def test_binary_text_that_is_utf8_is_text(kind: pa.DataType) -> None:
    assert tables_of(find(table(text=pa.array([TEXT.encode()] * 3, kind)))) == tables_of(find(table()))


@pytest.mark.parametrize("field", ["text", "id", "title"])
def test_invalid_utf8_in_a_binary_column(field: str) -> None:
    message = refusal(table(**{field: pa.array([b"fine", None if field != "id" else b"good", b"bad \xff"])}))
    assert message.startswith(f"the table: column {field!r}: row 2 is not valid UTF-8")
    assert message.endswith("; decode it first")


def test_invalid_utf8_in_a_string_column(tmp_path: Path) -> None:
    broken = table(text=unchecked([b"fine", b"\xc3\xa9", b"bad \xff"]))
    assert refusal(broken) == "the table: column 'text': row 2 is not valid UTF-8; decode it first"
    pq.write_table(broken, tmp_path / "x.parquet", row_group_size=1)
    assert refusal(tmp_path) == f"{tmp_path}/x.parquet: column 'text': row 2 is not valid UTF-8; decode it first"


def test_invalid_utf8_behind_a_combining_accent() -> None:
    broken = table(text=unchecked(["e\u0301".encode(), b"fine", b"bad \xff"]))
    assert refusal(broken) == "the table: column 'text': row 2 is not valid UTF-8; decode it first"


@pytest.mark.parametrize("field", ["id", "title"])
def test_invalid_utf8_in_another_string_column(field: str) -> None:
    message = refusal(table(**{field: unchecked([b"fine", b"good", b"bad \xff"])}))
    assert message.startswith(f"the table: column {field!r}: row 2 is not valid UTF-8")


def seconds(source: pa.Table) -> tuple[Any, float]:
    began = time.process_time()
    return find(source), time.process_time() - began


@pytest.mark.no_cover
@pytest.mark.proof
def test_an_article_of_fifty_megabytes() -> None:
    part = " ".join(f"word{i}" for i in range(60_000))
    long = part * (50_000_000 // len(part) + 1)
    result, took = seconds(pa.table({"id": ["long", "part", "other"], "text": [long, part, TEXT]}))
    assert len(long) >= 50_000_000
    assert result.articles["words"].to_pylist()[1:] == [60_000, 16]
    assert result.articles["relation"].to_pylist() == [None, "near", None]
    assert result.articles["copied"].to_pylist()[1] == 1.0
    assert took < 20


def test_one_word_a_million_times() -> None:
    million, more = "word " * 1_000_000, "word " * 1_000_001
    result, took = seconds(pa.table({"id": ["a", "b", "c"], "text": [million, more, TEXT]}))
    assert result.articles["words"].to_pylist() == [1_000_000, 1_000_001, 16]
    assert result.articles["relation"].to_pylist() == ["near", None, None]
    assert result.articles["copied"].to_pylist() == [1.0, 1.0, 0.0]
    assert took < 20


def test_one_word_of_ten_megabytes() -> None:
    result, took = seconds(pa.table({"id": ["a", "b"], "text": ["x" * 10_000_000, "é" * 5_000_000]}))
    assert result.articles["words"].to_pylist() == [1, 1]
    assert took < 20


@pytest.mark.no_cover
@pytest.mark.proof
def test_a_long_article_that_unicodedata_must_normalise() -> None:
    result, took = seconds(
        pa.table({"id": ["a", "b"], "text": ["cafe\u0301 au lait " * 50_000, "café au lait " * 50_000]})
    )
    assert result.articles["relation"].to_pylist() in (["identical", None], [None, "identical"])
    assert took < 20


def test_shorter_than_a_shingle() -> None:
    result = find(pa.table({"id": ["a", "b"], "text": ["one two three four"] * 2}))
    assert result.articles["copy_id"].to_pylist() == ["a", "b"]
    assert result.counters["short"] == 2


# Dates ----------------------------------------------------------------------------------------------------------------


def test_a_date_that_is_none() -> None:
    message = refusal(table(published=["2026-03-03", "yesterday", None]))
    assert message.startswith("the table: column 'published': row 1 is 'yesterday', expected an ISO date")


@pytest.mark.parametrize("values", [[1, 2, 3], [1.5] * 3, [True] * 3])
def test_a_number_is_no_date(values: list[Any]) -> None:
    kind = pa.array(values).type
    assert refusal(table(published=values)) == (
        f"the table: column 'published': holds {kind}, expected a timestamp or an ISO date"
    )


@pytest.mark.parametrize("value", ["2026-13-01", "2026-02-30", "03/03/2026", "1772539200", "2026-03-03T25:00"])
def test_garbage_is_no_date(value: str) -> None:
    assert repr(value) in refusal(table(published=[value, None, None]))


# Half-done work -------------------------------------------------------------------------------------------------------


def test_an_interrupt_ends_the_work() -> None:
    def interrupt(stage: str, done: int, total: int) -> None:
        if stage == "verify" and done == total:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        find(corpus(1), progress=interrupt)


FULL_DISK = """
import resource, sys
sys.path.insert(0, sys.argv[1])
import dedup, support, pyarrow as pa
table = support.corpus(8, stories=int(sys.argv[3]))
dedup.find(table)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
try:
    dedup.find(table)
except dedup.OutputError as error:
    print(error)
"""


@pytest.mark.parametrize(
    ("limit", "stories"),
    [
        (50_000, 200),
        (100, 4),
    ],
)
def test_a_full_disk_under_the_work_file(tmp_path: Path, limit: int, stories: int) -> None:
    """A limit on the size of a file stands for the full disk: the same error comes from the same calls."""
    command = [sys.executable, "-c", FULL_DISK, str(ROOT / "tests"), str(limit), str(stories)]
    environment = {"TMPDIR": str(tmp_path), "PATH": ""}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    assert (done.returncode, done.stderr) == (0, "")
    assert f"{tmp_path}" in done.stdout
    assert "cannot take " in done.stdout
    assert "(File too large)" in done.stdout
    assert "TMPDIR" in done.stdout
    assert done.stdout.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_kept_between_calls() -> None:
    """A refused corpus changes nothing for the next one."""
    before = tables_of(find(corpus(3), Settings(workers=2)))
    refusal(table(id=["a", "a", "b"]))
    refusal(table(text=unchecked([b"\xff"] * 3)))
    assert tables_of(find(corpus(3), Settings(workers=2))) == before
