"""Results: written whole or not at all, and read back as they were."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support import ROOT, corpus

import dedup
from dedup import article
from dedup.errors import OutputError
from dedup.result import Result
from dedup.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

SENTENCE = "The ferry to the northern island was cancelled after a storm had damaged its only pier on Monday night."
FILES = ["articles.parquet", "matches.parquet", "spans.parquet"]


@pytest.fixture(scope="module")
def result() -> Result:
    return dedup.find(corpus(7), Settings(near=0.75, workers=2))


@pytest.fixture(scope="module")
def other() -> Result:
    return dedup.find(corpus(8))


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def same(one: Result, two: Result) -> bool:
    """Compare two results; metadata of the schemas aside, which only files have."""
    tables = all(
        getattr(one, name).replace_schema_metadata().equals(getattr(two, name).replace_schema_metadata())
        for name in ("articles", "matches", "spans")
    )
    return tables and (one.settings, one.counters, one.version) == (two.settings, two.counters, two.version)


# There and back -------------------------------------------------------------------------------------------------------


def test_it_says_in_a_line_what_it_holds() -> None:
    texts = [f"{SENTENCE} {SENTENCE.upper()} {ending}" for ending in ("yes", "yes", "no")] + ["Nothing of the kind."]
    table = pa.table({"id": list("abcd"), "text": texts})
    assert repr(dedup.find(table)) == "<Result: articles 4, copy groups 1, stories 1>"


def test_the_tables_have_the_documented_schemas(result: Result) -> None:
    assert result.articles.schema.equals(article.ARTICLES)
    assert result.matches.schema.equals(article.MATCHES)
    assert result.spans.schema.equals(article.SPANS)
    assert min(table.num_rows for table in (result.articles, result.matches, result.spans)) > 5


def test_round_trip(result: Result, tmp_path: Path) -> None:
    result.write(tmp_path / "out")
    assert sorted(contents(tmp_path / "out")) == FILES
    assert same(Result.read(tmp_path / "out"), result)
    assert same(Result.read(str(tmp_path / "out")), result)


def test_a_result_of_nothing(tmp_path: Path) -> None:
    nothing = dedup.find(pa.table({"id": pa.array([], pa.string()), "text": pa.array([], pa.string())}))
    nothing.write(tmp_path / "out")
    assert same(Result.read(tmp_path / "out"), nothing)
    assert nothing.articles.schema.equals(article.ARTICLES)


def test_every_file_carries_settings_counters_and_version(result: Result, tmp_path: Path) -> None:
    result.write(tmp_path / "out")
    for name in FILES:
        recorded = json.loads(pq.read_schema(tmp_path / "out" / name).metadata[b"dedup"])
        assert recorded == {
            "version": dedup.__version__,
            "settings": Settings(near=0.75).recorded(),
            "counters": dict(result.counters),
            "corpus": dict(result.corpus),
        }


def test_counters_are_pinned(result: Result) -> None:
    assert sorted(result.counters) == [
        "candidates",
        "capped_articles",
        "capped_lists",
        "capped_partners",
        "capped_sources",
        "empty",
        "no_published",
        "no_source",
        "no_title",
        "short",
        "skipped_files",
    ]
    assert result.counters["empty"] == 4
    assert (
        result.counters["short"]
        == result.articles.filter((pa.compute.field("words") > 0) & (pa.compute.field("words") < 5)).num_rows
    )


# Where it goes --------------------------------------------------------------------------------------------------------


def test_folders_on_the_way_are_made(result: Result, tmp_path: Path) -> None:
    result.write(tmp_path / "a" / "b" / "out")
    assert same(Result.read(tmp_path / "a" / "b" / "out"), result)
    assert [path.name for path in (tmp_path / "a" / "b").iterdir()] == ["out"]


def test_an_empty_folder_is_filled(result: Result, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    result.write(tmp_path / "out")
    assert same(Result.read(tmp_path / "out"), result)


def test_an_earlier_result_is_replaced(result: Result, other: Result, tmp_path: Path) -> None:
    result.write(tmp_path / "out")
    other.write(tmp_path / "out")
    assert same(Result.read(tmp_path / "out"), other)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_relative_folder(result: Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result.write("out")
    assert same(Result.read("out"), result)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_permissions_follow_the_umask(result: Result, tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        result.write(tmp_path / "out")
    finally:
        os.umask(before)
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o750


def test_a_link_stays_a_link(result: Result, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    result.write(tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert same(Result.read(tmp_path / "real"), result)


def test_other_files_are_never_touched(result: Result, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").write_text("years of work")
    (tmp_path / "out" / "articles.parquet").write_text("mine")
    with pytest.raises(OutputError) as caught:
        result.write(tmp_path / "out")
    assert (
        str(caught.value)
        == f"{tmp_path}/out: holds other files (articles.parquet, thesis.tex); name a new or empty folder"
    )
    assert contents(tmp_path / "out") == {"thesis.tex": b"years of work", "articles.parquet": b"mine"}


def test_a_file_is_no_folder(result: Result, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("precious")
    with pytest.raises(OutputError) as caught:
        result.write(tmp_path / "out")
    assert str(caught.value) == f"{tmp_path}/out: is a file; name a folder"
    assert (tmp_path / "out").read_text() == "precious"


def test_a_place_that_cannot_be_made(result: Result, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    for place in ("file/out", "file/deeper/out"):
        with pytest.raises(OutputError) as caught:
            result.write(tmp_path / place)
        assert str(caught.value).startswith(f"{tmp_path}/{place}: cannot be written (")
        assert "\n" not in str(caught.value)


# A write that fails ---------------------------------------------------------------------------------------------------


def test_a_failing_write_leaves_the_earlier_result(result: Result, other: Result, tmp_path: Path) -> None:
    """The settings cannot be written as JSON: the fault comes before the folder is touched."""
    result.write(tmp_path / "out")
    before = contents(tmp_path / "out")
    with pytest.raises(TypeError):
        dataclasses.replace(other, settings={"near": object()}).write(tmp_path / "out")
    assert contents(tmp_path / "out") == before
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


FULL_DISK = """
import resource, sys
sys.path.insert(0, sys.argv[2])
import dedup, support
folder = sys.argv[1]
result = dedup.find(support.corpus(8, stories=40))
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), resource.RLIM_INFINITY))
try:
    result.write(folder)
except dedup.OutputError as error:
    print(error)
"""


@pytest.mark.parametrize("limit", [0, 100, 4096])
def test_a_full_disk_leaves_the_earlier_result(result: Result, tmp_path: Path, limit: int) -> None:
    """A limit on the size of a file stands for the full disk: the same error comes from the same calls."""
    result.write(tmp_path / "out")
    before = contents(tmp_path / "out")
    command = [sys.executable, "-c", FULL_DISK, str(tmp_path / "out"), str(ROOT / "tests"), str(limit)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{tmp_path}/out: cannot be written (")
    assert done.stdout.endswith("); nothing was changed there\n")
    assert done.stdout.count("\n") == 1
    assert contents(tmp_path / "out") == before
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


# Reading what is not a result -----------------------------------------------------------------------------------------


def refused(folder: Path) -> str:
    with pytest.raises(OutputError) as caught:
        Result.read(folder)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    assert refused(tmp_path / "none").startswith(
        f"{tmp_path}/none/articles.parquet: not a result of dedup {dedup.__version__} ("
    )


def test_a_file_is_missing(result: Result, tmp_path: Path) -> None:
    result.write(tmp_path)
    (tmp_path / "spans.parquet").unlink()
    assert refused(tmp_path).startswith(f"{tmp_path}/spans.parquet: not a result of dedup {dedup.__version__} (")


def test_a_damaged_file(result: Result, tmp_path: Path) -> None:
    result.write(tmp_path)
    whole = (tmp_path / "matches.parquet").read_bytes()
    for damaged in (b"", b"PAR1", whole[: len(whole) // 2], b"x" * 100):
        (tmp_path / "matches.parquet").write_bytes(damaged)
        assert refused(tmp_path).startswith(f"{tmp_path}/matches.parquet: not a result of dedup {dedup.__version__} (")


def test_a_column_is_missing(result: Result, tmp_path: Path) -> None:
    result.write(tmp_path)
    table = pq.read_table(tmp_path / "articles.parquet")
    pq.write_table(table.drop(["copy_id"]), tmp_path / "articles.parquet")
    assert refused(tmp_path).startswith(f"{tmp_path}/articles.parquet: not a result of dedup {dedup.__version__}")
    assert "column 'copy_id' is missing" in refused(tmp_path)


def test_somebody_elses_parquet(result: Result, tmp_path: Path) -> None:
    result.write(tmp_path)
    table = pq.read_table(tmp_path / "articles.parquet")
    pq.write_table(table.replace_schema_metadata(), tmp_path / "articles.parquet")
    assert refused(tmp_path).startswith(f"{tmp_path}/articles.parquet: not a result of dedup {dedup.__version__}")
