"""find() within a budget: the same tables, nothing left behind, and a clear word where it is too small."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from dedup import OutputError, SettingsError, cli, find, memory
from dedup.postings import Room
from dedup.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path


def least(source: object, settings: Settings) -> str:
    """Return the smallest budget that is taken, as the message says it."""
    with pytest.raises(SettingsError, match=r"memory 0\.01 GB: .* need [\d.]+ GB at least") as caught:
        find(source, settings, memory=1)
    return str(caught.value).split(" need ")[1].split(" at")[0]


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let temporary files lie in a folder that can be looked into."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


@pytest.mark.parametrize("stories", [True, False])
def test_the_least_budget_gives_the_same_tables(sample: Path, temporary: Path, stories: bool) -> None:  # noqa: FBT001
    settings = Settings(stories=stories, workers=2)
    whole, found = find(sample, settings), find(sample, settings, memory=least(sample, settings))
    assert found.articles.equals(whole.articles)
    assert found.matches.equals(whole.matches)
    assert found.spans.equals(whole.spans)
    assert found.counters == whole.counters
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("at", ["learn", "sketch", "pairs", "fetch", "verify", "partners", "weigh", "align", "ledger"])
def test_an_interrupt_leaves_nothing(at: str, sample: Path, tmp_path: Path, temporary: Path) -> None:
    """Neither where temporary files lie nor in a folder for the work; one that was there stays, empty."""

    def interrupt(stage: str, done: int, total: int) -> None:
        if stage == at and done == total:
            raise KeyboardInterrupt

    budget, there = least(sample, Settings()), tmp_path / "there"
    there.mkdir()
    for folder in (None, there, tmp_path / "new"):
        with pytest.raises(KeyboardInterrupt):
            find(sample, memory=budget, work=folder, progress=interrupt)
    assert sorted(tmp_path.iterdir()) == [temporary, there]
    assert list(temporary.iterdir()) == list(there.iterdir()) == []


def test_a_folder_that_takes_no_work_is_refused(sample: Path, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(OutputError, match=r"file: cannot hold the work .*; name another folder"):
        find(sample, work=file)


def test_corpora_without_an_article_or_a_teller(temporary: Path) -> None:
    del temporary
    empty = pa.table({"id": pa.array([], pa.string()), "text": pa.array([], pa.string())})
    short = pa.table({"id": ["a", "b"], "text": ["No text.", None]})
    for table, stories in ((empty, []), (short, ["a", "b"])):
        found = find(table, memory=least(table, Settings()))
        assert found.articles["story_id"].to_pylist() == stories


loads = st.builds(
    memory.Load, st.integers(0, 10**8), st.integers(0, 10**10), st.integers(0, 10**6), st.integers(0, 10**11)
)


@given(loads, st.integers(1, 64), st.integers(0, 10**13), st.booleans())
def test_a_plan_grows_with_its_budget(load: memory.Load, threads: int, budget: int, stories: bool) -> None:  # noqa: FBT001
    assert memory.plan_find(None, load, threads, 1 << 20, stories=stories).room == Room()  # is never refused
    try:
        less = memory.plan_find(budget, load, threads, 1 << 20, stories=stories)
    except SettingsError:
        return
    more = memory.plan_find(2 * budget, load, threads, 1 << 20, stories=stories)
    assert more.on_disk <= less.on_disk
    assert more.held >= less.held


def test_a_million_articles_are_taken_within_four_gigabytes() -> None:
    load = memory.Load(10**6, 52 * 10**6, 16_384, 416 * 10**6)
    assert memory.plan_find(4 * 10**9, load, 2, 0, stories=True).on_disk


def test_the_command(sample: Path, tmp_path: Path) -> None:
    def run(*arguments: str | Path) -> tuple[int, str, str]:
        done = CliRunner().invoke(cli.main, ["find", str(sample), "-q", *map(str, arguments)])
        return done.exit_code, done.stdout, done.stderr

    for name, options in (("one", ()), ("two", ("--memory", least(sample, Settings()), "--work", tmp_path / "work"))):
        assert run("-o", tmp_path / name, *options)[0] == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one", "two"]
    for file in ("articles", "matches", "spans"):
        one, two = (pq.read_table(tmp_path / name / f"{file}.parquet") for name in ("one", "two"))
        assert one.equals(two)
    assert run("--memory", "many")[0] == 2
    code, out, said = run("--engine", "spark", "--memory", "4GB")
    assert (code, out) == (2, "")
    assert "--memory and --work are for --engine local" in said
