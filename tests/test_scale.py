"""Copies within a budget: the same rows whatever the budget or a kill on the way, and nothing left behind."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from support import ROOT, corpus

from dedup import cli, memory
from dedup.errors import CorpusError, SettingsError
from dedup.grouping import copies, grouped
from dedup.memory import Plan
from dedup.pipeline import find
from dedup.postings import Room
from dedup.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result

COLUMNS = ["id", "copy_id", "relation", "witness_id", "score"]
STAGES = ["learn", "sketch", "rank", "pair", "fetch", "compare", "write"]


def planned(monkeypatch: pytest.MonkeyPatch, room: Room, *, on_disk: bool = True, told: int = 1) -> None:
    """Let every run have so little room, whatever its budget."""
    monkeypatch.setattr(memory, "plan", lambda *_: Plan(on_disk, room, 0, told))


# The same rows --------------------------------------------------------------------------------------------------------


@given(
    seed=st.integers(0, 1000),
    entries=st.sampled_from([1, 7, 64, 1000]),
    mentions=st.sampled_from([1, 7, 64, 1000]),
    cap=st.sampled_from([1, 2, 8]),
    told=st.sampled_from([0, 1, 100, 10_000]),
)
def test_no_budget_changes_the_rows(seed: int, entries: int, mentions: int, cap: int, told: int) -> None:
    """Nor do the entries that boilerplate is learned from at a time; 0 of them: it is not learned."""
    boilerplate = told > 0
    table, settings = corpus(seed), Settings(boilerplate=boilerplate, cap=cap, sample=1, workers=2)
    wanted = find(table, Settings(**(settings.recorded() | {"stories": False}))).articles.select(COLUMNS)
    assert copies(table, settings).equals(wanted)
    with pytest.MonkeyPatch.context() as patch:
        planned(patch, Room(entries, mentions), told=told)
        found = copies(table, settings)
    assert found.equals(wanted)
    assert found.schema.equals(wanted.schema)


@pytest.mark.parametrize("room", [Room(1, 1), Room(100, 30)])
@pytest.mark.parametrize("on_disk", [False, True])
def test_the_sample_corpus_in_little_room(
    sample: Path,
    room: Room,
    on_disk: bool,  # noqa: FBT001
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wanted = copies(sample)
    planned(monkeypatch, room, on_disk=on_disk)
    assert copies(sample, Settings(workers=3)).equals(wanted)


def test_corpora_without_an_article_or_a_pair(monkeypatch: pytest.MonkeyPatch) -> None:
    planned(monkeypatch, Room(1, 1))
    empty = pa.table({"id": pa.array([], pa.string()), "text": pa.array([], pa.string())})
    assert len(copies(empty)) == 0
    short = pa.table({"id": ["a", "b"], "text": ["No text.", None]})
    assert copies(short)["copy_id"].to_pylist() == ["a", "b"]


def test_the_account_is_that_of_find(sample: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    planned(monkeypatch, Room(50, 50))
    result = find(sample, Settings(stories=False))
    with grouped(sample) as told:
        rows = pa.Table.from_batches(told.batches)
    account = told.account
    assert rows.equals(result.articles.select(COLUMNS))
    assert account.articles == len(rows)
    assert account.candidates == result.counters["candidates"]
    assert account.capped_lists == result.counters["capped_lists"]
    assert account.capped_articles == result.counters["capped_articles"]
    counts = rows["copy_id"].value_counts().to_pylist()
    sizes = [entry["counts"] for entry in counts if entry["counts"] > 1]
    assert (account.groups, account.grouped) == (len(sizes), sum(sizes))
    assert [stage.name for stage in account.stages] == STAGES
    assert account.disk > 0


# The budget -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "size"),
    [
        ("4GB", 4 * 10**9),
        ("512MB", 512 * 10**6),
        ("2GiB", 2 << 30),
        ("1.5 gb", 15 * 10**8),
        ("4G", 4 * 10**9),
        ("7", 7),
    ],
)
def test_sizes_are_read(written: str, size: int) -> None:
    assert memory.parse(written) == size


@pytest.mark.parametrize("written", ["", "GB", "-1GB", "4 apples", "nan", "1e9"])
def test_what_is_no_size_is_refused(written: str, sample: Path) -> None:
    with pytest.raises(SettingsError, match="expected a size such as 4GB"):
        copies(sample, memory=written)


def test_a_budget_that_is_too_small_is_refused_with_the_one_that_is_needed(sample: Path) -> None:
    with pytest.raises(
        SettingsError, match=r"memory 0.1 GB: 148 articles need 0\.\d+ GB at least; give more"
    ) as caught:
        copies(sample, memory="100MB")
    needed = str(caught.value).split(" need ")[1].split(" at")[0]
    assert len(copies(sample, memory=needed)) == 148


loads = st.builds(
    memory.Load, st.integers(0, 10**8), st.integers(0, 10**10), st.integers(0, 10**6), st.integers(0, 10**11)
)


@given(loads, st.integers(1, 64), st.integers(0, 10**12))
def test_a_plan_grows_with_its_budget(load: memory.Load, threads: int, budget: int) -> None:
    try:
        less = memory.plan(budget, load, threads, 1 << 20)
    except SettingsError:
        return
    more = memory.plan(2 * budget, load, threads, 1 << 20)
    assert more.on_disk <= less.on_disk
    assert min(*less.room, less.told) >= 1
    assert more.room.entries >= less.room.entries
    assert more.room.mentions >= less.room.mentions
    assert more.told >= less.told


def test_what_learning_needs_is_said() -> None:
    """Ten million articles fit into 4 GB; where they are short, learning needs more than all that follows."""
    load = memory.Load(10**7, 52 * 10**7, 16_384, 416 * 10**7)
    assert memory.plan(4 * 10**9, load, 2, 0).on_disk
    short = memory.Load(10**7, 10**7, 16_384, 8 * 10**7)
    with pytest.raises(
        SettingsError, match=r"10,000,000 articles need 3(\.\d+)? GB at least \(2\.\d+ GB with --keep-boilerplate"
    ):
        memory.plan(10**9, short, 2, 0)


def test_by_default_a_small_corpus_stays_in_memory(sample: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = []
    for on_disk in (False, True):
        if on_disk:
            planned(monkeypatch, Room(100, 100))
        with grouped(sample, Settings(boilerplate=False)) as told:
            assert sum(len(batch) for batch in told.batches) == 148
        disk.append(told.account.disk)
    assert 0 == disk[0] < disk[1]


# Killed and resumed ---------------------------------------------------------------------------------------------------

KILLED = """
import os, signal, sys
sys.path.insert(0, sys.argv[1])
from dedup.grouping import copies
stage, folder, corpus = sys.argv[2:]
def kill(name, done, total):
    if name == stage:
        os.kill(os.getpid(), signal.SIGKILL)
copies(corpus, work=folder, progress=kill)
"""
# What a run is told of when the stage begins, and which stages are finished then.
KILLS = [
    ("learn", 0),
    ("sketch", 1),
    ("bands", 3),
    ("pairs", 3),
    ("fetch", 4),
    ("verify", 5),
    ("write", 6),
]


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cli.main, [str(argument) for argument in arguments])


@pytest.mark.parametrize(("stage", "finished"), KILLS, ids=[stage for stage, _ in KILLS])
def test_a_killed_run_is_resumed(stage: str, finished: int, sample: Path, tmp_path: Path) -> None:
    folder, file, whole = tmp_path / "work", tmp_path / "copies.parquet", tmp_path / "whole.parquet"
    command = [sys.executable, "-c", KILLED, str(ROOT), stage, str(folder), str(sample)]
    assert subprocess.run(command, cwd=ROOT, check=False).returncode == -9  # noqa: S603
    done = run("copies", sample, "-o", file, "--work", folder, "--resume", "--json")
    assert (done.exit_code, done.exception) == (0, None)
    told = json.loads(done.stdout)
    assert told["reused"] == STAGES[:finished]
    assert [stage["name"] for stage in told["stages"]] == STAGES
    assert not folder.exists()
    assert run("copies", sample, "-o", whole, "-q").exit_code == 0
    assert file.read_bytes() == whole.read_bytes()


def test_what_is_reused_is_said(sample: Path, tmp_path: Path) -> None:
    interrupted(sample, tmp_path / "work", "fetch")
    done = run("copies", sample, "-o", tmp_path / "c.parquet", "--work", tmp_path / "work", "--resume")
    assert done.exit_code == 0
    lines = [line for line in done.stdout.splitlines() if line.endswith("reused from the earlier run")]
    assert [line.split("  ")[1] for line in lines] == [
        "learn what outlets repeat",
        "read the articles",
        "collapse identical texts",
        "find candidates",
    ]


def test_learning_that_is_killed_is_resumed(sample: Path, tmp_path: Path) -> None:
    """What was read to learn from has no name: only what is learned is taken up, and nothing else was left."""
    folder, file, whole = tmp_path / "work", tmp_path / "copies.parquet", tmp_path / "whole.parquet"
    interrupted(sample, folder, "sketch")
    assert {entry.name for entry in folder.iterdir()} >= {"manifest.json", "furniture-keys.column"}
    assert not [entry for entry in folder.iterdir() if entry.suffix not in {".json", ".column"}]
    with pytest.MonkeyPatch.context() as patch:
        planned(patch, Room(), told=7)
        assert run("copies", sample, "-o", file, "--work", folder, "--resume", "-q").exit_code == 0
    assert run("copies", sample, "-o", whole, "-q").exit_code == 0
    assert file.read_bytes() == whole.read_bytes()


# What is left ---------------------------------------------------------------------------------------------------------


def interrupted(source: object, folder: Path | None, at: str) -> None:
    def interrupt(stage: str, done: int, total: int) -> None:
        if stage == at and done == total:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        copies(source, work=folder, progress=interrupt)


@pytest.mark.parametrize("at", ["learn", "sketch", "bands", "lists", "pairs", "fetch", "verify", "write"])
def test_no_file_is_left_without_a_folder(
    at: str, sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    planned(monkeypatch, Room(100, 100))
    interrupted(sample, None, at)
    assert list(tmp_path.iterdir()) == []
    assert len(copies(sample)) == 148
    assert list(tmp_path.iterdir()) == []


def test_an_interrupt_keeps_the_folder_and_a_wrong_corpus_does_not(sample: Path, tmp_path: Path) -> None:
    folder = tmp_path / "work"
    interrupted(sample, folder, "verify")
    assert (folder / "manifest.json").exists()
    assert copies(sample, work=folder, resume=True).equals(copies(sample))
    pq.write_table(pa.table({"id": ["a", "a"], "text": ["x", "y"]}), tmp_path / "twice.parquet")
    with pytest.raises(CorpusError, match="duplicate ids: 'a'"):
        copies(tmp_path / "twice.parquet", Settings(boilerplate=False), work=folder)
    assert not folder.exists()


def test_the_work_of_other_settings_or_another_corpus_is_refused(sample: Path, tmp_path: Path) -> None:
    source, folder, file = tmp_path / "news.parquet", tmp_path / "work", tmp_path / "c.parquet"
    source.write_bytes((sample / "news.parquet").read_bytes())
    interrupted(source, folder, "verify")
    arguments: list[Any] = ["copies", source, "-o", file, "--work", folder]
    for options, message in (
        ([], "holds the work of an earlier run; go on with --resume, or name another folder"),
        (["--resume", "--near", "0.7"], "its work is of another run: settings near was 0.8 and is 0.7; name another"),
        (["--resume", "--keep-boilerplate"], "settings boilerplate was True and is False"),
        (["--resume", "--column", "title="], "columns title was 'title' and is None"),
    ):
        done = run(*arguments, *options)
        assert (done.exit_code, done.stdout, done.stderr.count("\n")) == (1, "", 1)
        assert message in done.stderr
    source.write_bytes(source.read_bytes())
    assert "the files of the corpus changed" in run(*arguments, "--resume").stderr
    assert not file.exists()


def test_a_folder_that_holds_something_else_is_refused(sample: Path, tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "thesis.tex").touch()
    done = run("copies", sample, "-o", tmp_path / "c.parquet", "--work", tmp_path / "work")
    assert (done.exit_code, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert "holds other files (thesis.tex); name a new or empty folder for the work" in done.stderr
    assert [file.name for file in tmp_path.iterdir()] == ["work"]


def test_a_table_cannot_be_resumed(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="a table in memory cannot be taken up by another run"):
        copies(corpus(1), work=tmp_path / "work")


def test_usage(sample: Path, tmp_path: Path) -> None:
    file = tmp_path / "c.parquet"
    for arguments, message in (
        ([sample], "Missing option '-o'"),
        ([sample, "-o", file, "--resume"], "--resume is for --work DIR"),
        ([sample, "-o", file, "--memory", "many"], "memory 'many': expected a size such as 4GB"),
        ([sample, "-o", file, "--memory", "1MB"], "148 articles need"),
    ):
        done = run("copies", *arguments)
        assert (done.exit_code, done.stdout) == (2, "")
        assert message in done.stderr
    assert "lies in the corpus" in run("copies", sample, "-o", sample / "c.parquet").stderr
    assert list(tmp_path.iterdir()) == []


FULL_DISK = """
import resource, sys
sys.path.insert(0, sys.argv[1])
import dedup, support
from dedup import memory
from dedup.postings import Room
memory.plan = lambda *_: memory.Plan(True, Room(1000, 1000), 0)
table = support.corpus(8, stories=100)
settings = dedup.Settings(boilerplate=False)
dedup.copies(table, settings)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
try:
    dedup.copies(table, settings)
except dedup.OutputError as error:
    print(error)
"""


@pytest.mark.parametrize("limit", [100, 4_000, 70_000])
def test_a_full_disk_is_one_line(limit: int, tmp_path: Path) -> None:
    """A limit on the size of a file stands for the full disk: the same error comes from the same calls."""
    command = [sys.executable, "-c", FULL_DISK, str(ROOT / "tests"), str(limit)]
    environment = {"TMPDIR": str(tmp_path), "PATH": ""}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    assert (done.returncode, done.stderr) == (0, "")
    wanted = "cannot take the work of this run (File too large); name another folder in TMPDIR"
    assert done.stdout == f"{tmp_path}: {wanted}\n"
    assert list(tmp_path.iterdir()) == []


def test_the_file_is_whole_or_not_there(sample: Path, tmp_path: Path) -> None:
    file = tmp_path / "c.parquet"
    assert run("copies", sample, "-o", file).exit_code == 0
    written = pq.read_table(file)
    assert written.cast(copies(sample).schema).equals(copies(sample))
    recorded = json.loads(written.schema.metadata[b"dedup.copies"])
    assert recorded["settings"] == Settings(stories=False).recorded()
    before = file.read_bytes()
    assert run("copies", tmp_path / "none", "-o", file).exit_code == 1
    assert file.read_bytes() == before
