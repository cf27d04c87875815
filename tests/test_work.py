"""Columns give back what was appended, wherever they lie; a work folder keeps what is finished and nothing else."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dedup.errors import OutputError
from dedup.work import Column, Work, WorkFolder

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

chunks = st.lists(st.lists(st.integers(0, 2**32 - 1), max_size=5), max_size=6)
RUN: dict[str, Any] = {"settings": {"near": 0.8}, "files": ["a", 1]}


def filled(parts: list[list[int]], *, on_disk: bool) -> Column:
    column = Column.nameless(np.uint32) if on_disk else Column(np.uint32)
    for part in parts:
        column.append(np.array(part, np.uint32))
    return column


@pytest.mark.parametrize("on_disk", [False, True])
@given(parts=chunks, bounds=st.tuples(st.integers(0, 30), st.integers(0, 30)))
def test_what_is_appended_is_read(parts: list[list[int]], bounds: tuple[int, int], on_disk: bool) -> None:  # noqa: FBT001
    column, whole = filled(parts, on_disk=on_disk), [value for part in parts for value in part]
    start, stop = sorted(min(bound, len(whole)) for bound in bounds)
    assert column.read(start, stop).tolist() == whole[start:stop]
    assert column.read().tolist() == whole
    assert (len(column), column.nbytes) == (len(whole), 4 * len(whole))
    column.close()


@pytest.mark.parametrize("on_disk", [False, True])
@given(parts=chunks, ranges=st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=5))
def test_ranges_are_gathered(parts: list[list[int]], ranges: list[tuple[int, int]], on_disk: bool) -> None:  # noqa: FBT001
    """Whatever their order, and whether what lies between two of them is read or not."""
    column, whole = filled(parts, on_disk=on_disk), [value for part in parts for value in part]
    bounds = np.array([sorted(min(bound, len(whole)) for bound in ends) for ends in ranges], np.int64).reshape(-1, 2)
    for between in (0, 8, 1 << 14):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("dedup.work._BETWEEN", between)
            values, starts = column.gather(bounds[:, 0], bounds[:, 1])
        found = [values[at : at + end - start].tolist() for at, (start, end) in zip(starts, bounds, strict=True)]
        assert found == [whole[start:end] for start, end in bounds]
    column.close()


@pytest.mark.parametrize("on_disk", [False, True])
@given(parts=chunks, value=st.integers(0, 2**32))
def test_a_value_is_searched(parts: list[list[int]], value: int, on_disk: bool) -> None:  # noqa: FBT001
    values = sorted(value for part in parts for value in part)
    column = filled([values[:3], values[3:]], on_disk=on_disk)
    assert column.search(value, 0, len(values)) == int(np.searchsorted(np.array(values, np.uint64), value))
    column.close()


def test_other_layouts_and_types_are_taken() -> None:
    for column in (Column(np.uint64), Column.nameless(np.uint64)):
        column.append(np.arange(6, dtype=np.uint64).reshape(2, 3).T.ravel()[::2])
        column.append(np.array([7], np.int32))
        assert column.read().tolist() == [0, 1, 2, 7]
        column.close()


def test_work_in_memory_lies_in_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with Work(on_disk=False) as work:
        work.column("one", np.int32).append(np.arange(3))
        work.finish("stage", {})
        assert work.most_bytes == 0
    assert list(tmp_path.iterdir()) == []


def test_the_most_bytes_on_disk_are_counted() -> None:
    with Work(on_disk=True) as work:
        work.column("one", np.int64).append(np.arange(10))
        work.finish("stage", {})
        work.drop("one")
        work.column("two", np.int64).append(np.arange(3))
    assert work.most_bytes == 80


def test_scratch_is_in_a_file_where_that_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with Work(on_disk=False) as work:
        with work.scratch(np.int64) as held, work.scratch(np.int64, filed=True) as filed:
            for column in (held, filed):
                column.append(np.arange(10))
            assert (held.on_disk, filed.on_disk) == (False, True)
        assert list(tmp_path.iterdir()) == []
    assert work.most_bytes == 80


def test_scratch_is_counted_and_goes(tmp_path: Path) -> None:
    with WorkFolder(tmp_path / "work", RUN, resume=False) as work:
        with work.scratch(np.int64) as column:
            column.append(np.arange(10))
            assert [file.name for file in (tmp_path / "work").iterdir()] == ["manifest.json"]
        work.column("one", np.int64).append(np.arange(3))
    assert work.most_bytes == 80


# The folder -----------------------------------------------------------------------------------------------------------


def begin(folder: Path, run: Mapping[str, Any] | None = None, *, resume: bool = False) -> WorkFolder:
    return WorkFolder(folder, RUN if run is None else run, resume=resume)


def stopped(folder: Path, *finished: str) -> None:
    """Begin, finish some stages, and be stopped in the next."""
    with begin(folder) as work:
        work.column("one", np.int32).append(np.arange(5))
        for stage in finished:
            work.finish(stage, {"told": 7})
        work.column("two", np.int32).append(np.arange(5))
        raise KeyboardInterrupt


def leave(folder: Path) -> None:
    """Leave the work of a run that stopped after its first stage."""
    with pytest.raises(KeyboardInterrupt):
        stopped(folder, "first")


def test_what_is_finished_is_taken_up(tmp_path: Path) -> None:
    folder = tmp_path / "work"
    leave(folder)
    with begin(folder, resume=True) as work:
        assert sorted(file.name for file in folder.iterdir()) == ["manifest.json", "one.column"]
        assert (work.facts("first"), work.facts("second")) == ({"told": 7}, None)
        assert work.column("one", np.int32).read().tolist() == [0, 1, 2, 3, 4]
        assert len(work.column("two", np.int32)) == 0
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_finished_nothing_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        stopped(tmp_path / "work")
    assert list(tmp_path.iterdir()) == []


def test_to_resume_nothing_is_to_begin(tmp_path: Path) -> None:
    with begin(tmp_path / "work", resume=True) as work:
        assert work.facts("first") is None
    assert list(tmp_path.iterdir()) == []


def refusal(folder: Path, run: Mapping[str, Any] | None = None, *, resume: bool = False) -> str:
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    with pytest.raises(OutputError) as caught:
        begin(folder, run, resume=resume)
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before
    return str(caught.value).removeprefix(str(folder))


def test_what_is_not_ours_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "mine.txt").touch()
    for resume in (False, True):
        assert refusal(folder, resume=resume).startswith(": holds other files (mine.txt); name a new or empty folder")
    (folder / "mine.txt").rename(folder / "mine.column")
    assert "holds other files (mine.column)" in refusal(folder, resume=True)
    (folder / "manifest.json").write_text("{}")
    assert "is no manifest of this program" in refusal(folder, resume=True)


def test_a_file_in_the_place_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "work").touch()
    with pytest.raises(OutputError, match="work: cannot hold the work"):
        begin(tmp_path / "work")


def test_the_work_of_another_run_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "work"
    leave(folder)
    assert "holds the work of an earlier run; go on with --resume" in refusal(folder)
    other = "its work is of another run: settings near was 0.8 and is 0.7; name another folder"
    assert other in refusal(folder, RUN | {"settings": {"near": 0.7}}, resume=True)
    assert "the files changed" in refusal(folder, RUN | {"files": ["a", 2]}, resume=True)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["run"]["version"] = "0"
    (folder / "manifest.json").write_text(json.dumps(manifest))
    assert "version was '0'" in refusal(folder, resume=True)


def test_a_damaged_column_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "work"
    leave(folder)
    (folder / "one.column").write_bytes(b"1234")
    assert "is damaged; remove the folder and begin anew" in refusal(folder, resume=True)


def test_two_runs_cannot_share_a_folder(tmp_path: Path) -> None:
    with begin(tmp_path / "work"):
        assert "another run is at work in it" in refusal(tmp_path / "work", resume=True)
