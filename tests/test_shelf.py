"""The storage of the index equals dictionaries, through any stop, and never answers from a damaged file.

Run as a program, this module is the process that is killed, or that reads beside a writer.
"""

from __future__ import annotations

import contextlib
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import ROOT

from dedup.errors import DedupError, IndexStateError, OutputError
from dedup.index import environment, filing, pages, shelf
from dedup.index.shelf import PLACE, Shelf, View, Writer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

TOP = (1 << 64) - 1
NUMBERED = ("records", "notes", "house", "links", "events")
FAMILIES = (0, 3)
PARTS = (0, 24303, 24304, 24305)


# The oracle ----------------------------------------------------------------------------------------------------------


@dataclass
class Oracle:
    """What a shelf has to hold, in dictionaries."""

    tables: dict[str, dict[int | bytes, bytes]] = field(
        default_factory=lambda: {name: {} for name in (*NUMBERED, "meta", "ids")}
    )
    members: dict[int, set[int]] = field(default_factory=dict)
    texts: dict[int, tuple[int, str]] = field(default_factory=dict)
    """Partition and text by number."""
    places: dict[int, Any] = field(default_factory=dict)
    postings: list[tuple[int, int, int, int]] = field(default_factory=list)
    """Family, key, -weight, number."""
    gone: set[int] = field(default_factory=set)

    def found(self, family: int, keys: list[int], most: int) -> list[tuple[int, int, int]]:
        """Answer as :meth:`View.postings` has to."""
        rows = []
        for query, key in enumerate(keys):
            own = sorted(
                (weight, number)
                for kind, other, weight, number in self.postings
                if (kind, other) == (family, key) and number not in self.gone
            )
            rows += [(query, number, -weight) for weight, number in own[: most or None]]
        return rows


def check(view: View, oracle: Oracle, keys: list[int]) -> None:
    """Compare everything."""
    for table, rows in oracle.tables.items():
        assert dict(view.scan(table)) == rows
        assert [key for key, _ in view.scan(table)] == sorted(rows)
        assert view.count(table) == len(rows)
        for key in rows:
            assert view.get(table, key) == rows[key]
        if table in NUMBERED:
            asked = [*range(12), *(key for key in rows if isinstance(key, int)), 3, 1 << 40]
            assert view.several(table, np.array(asked, np.int64)) == [rows.get(key) for key in asked]
            assert [key for key, _ in view.scan(table, 4)] == [key for key in sorted(rows) if key >= 4]  # type: ignore[operator]
    for key in (*oracle.members, 999):
        assert view.listed(key).tolist() == sorted(oracle.members.get(key, ()))
    listed = {key: set(np.frombuffer(value, np.int64).tolist()) for key, value in view.scan("members")}
    assert listed == {key: numbers for key, numbers in oracle.members.items() if numbers}
    assert view.count("members") == sum(map(len, oracle.members.values()))
    order = sorted(oracle.texts, key=lambda number: number * 7919 % 101)
    places = np.array([oracle.places[number] for number in order], PLACE)
    assert view.texts(places).to_pylist() == [oracle.texts[number][1] for number in order]
    for family in FAMILIES:
        for most in (0, 1, 2):
            found = view.postings(family, np.array(keys, np.uint64), most)
            assert list(zip(*(column.tolist() for column in found), strict=True)) == oracle.found(family, keys, most)


@dataclass
class Batch:
    """One batch as hypothesis makes it up."""

    articles: list[tuple[int, str, list[tuple[int, int, int]]]]
    """Partition, text, and (family, key, weight) of each posting."""
    rows: list[tuple[str, int, bytes | None]]
    """Table, key, value or None to delete."""
    joined: list[tuple[int, int, bool]]
    """Key, number, whether it comes or goes."""
    unposted: list[int]
    dropped: list[int]
    fails: bool
    reopens: bool


some_key = st.integers(0, 9) | st.sampled_from([1 << 63, TOP - 1, TOP]) | st.integers(0, TOP)
some_article = st.tuples(
    st.sampled_from(PARTS),
    st.text(max_size=40),
    st.lists(st.tuples(st.sampled_from(FAMILIES), some_key, st.integers(0, 3)), max_size=6),
)
some_batch = st.builds(
    Batch,
    articles=st.lists(some_article, max_size=6),
    rows=st.lists(
        st.tuples(st.sampled_from([*NUMBERED, "meta", "ids"]), st.integers(0, 9), st.none() | st.binary(max_size=3000)),
        max_size=6,
    ),
    joined=st.lists(st.tuples(st.integers(0, 4), st.integers(0, 12), st.booleans()), max_size=6),
    unposted=st.lists(st.integers(0, 40), max_size=3),
    dropped=st.lists(st.sampled_from(PARTS), max_size=1),
    fails=st.booleans(),
    reopens=st.booleans(),
)


class FailureError(Exception):
    """What a batch that is to fail raises."""


def write(writer: Writer, oracle: Oracle, batch: Batch) -> None:
    """Do what a batch says, to a shelf and to the oracle."""
    for part in batch.dropped:
        numbers = [number for number, (own, _) in oracle.texts.items() if own == part]
        writer.unpost(np.array(numbers, np.int64))
        writer.drop(part)
        oracle.gone |= set(numbers)
        for number in numbers:
            del oracle.texts[number], oracle.places[number]
    store(writer, oracle, batch.articles)
    for table, key, value in batch.rows:
        own: int | bytes = key if table in NUMBERED else bytes([65 + key]) * (key * 50 + 1)
        if value is None:
            writer.delete(table, own)
            oracle.tables[table].pop(own, None)
        else:
            writer.put(table, own, value)
            oracle.tables[table][own] = value
    for key, number, comes in batch.joined:
        (writer.join if comes else writer.leave)(key, np.array([number]))
        (oracle.members.setdefault(key, set()).add if comes else oracle.members.setdefault(key, set()).discard)(number)
    known = [number for number in batch.unposted if number in oracle.texts]
    writer.unpost(np.array(known, np.int64))
    oracle.gone |= set(known)


def store(writer: Writer, oracle: Oracle, articles: list[tuple[int, str, list[tuple[int, int, int]]]]) -> None:
    first = len(oracle.places) + len(oracle.gone) + 100 * len(oracle.tables["events"])
    first = max([first, *(number + 1 for number in (*oracle.texts, *oracle.gone))])
    numbers = np.arange(first, first + len(articles))
    parts = np.array([part for part, _, _ in articles], np.uint16)
    places = writer.store(parts, pa.array([text for _, text, _ in articles], pa.large_string()))
    families = {}
    for family in FAMILIES:
        own = [[(key, weight) for kind, key, weight in postings if kind == family] for _, _, postings in articles]
        flat = [posting for postings in own for posting in postings]
        families[family] = (
            np.array([key for key, _ in flat], np.uint64),
            np.cumsum([0, *map(len, own)], dtype=np.int64),
            np.array([weight for _, weight in flat], np.uint32),
        )
    writer.post(numbers, parts, families)
    for number, place, (part, text, postings) in zip(numbers.tolist(), places, articles, strict=True):
        oracle.texts[number], oracle.places[number] = (part, text), place
        oracle.postings += [(family, key, -weight, number) for family, key, weight in postings]


@pytest.fixture
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let texts and postings go to files after a few articles already."""
    monkeypatch.setattr(shelf, "PENDING", 7)


@given(batches=st.lists(some_batch, max_size=8))
@pytest.mark.no_cover
def test_a_shelf_equals_dictionaries(tmp_path_factory: pytest.TempPathFactory, batches: list[Batch]) -> None:
    folder = tmp_path_factory.mktemp("shelf") / "index"
    oracle = Oracle()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shelf, "PENDING", 7)
        opened = Shelf.open(folder)
        for batch in batches:
            keys = [key for _, _, postings in batch.articles for _, key, _ in postings] + list(range(10)) + [TOP]
            after = deepcopy(oracle)
            with contextlib.suppress(FailureError), opened.writing() as writer:
                write(writer, after, batch)
                check(writer, after, keys)
                if batch.fails:
                    raise FailureError
            oracle = oracle if batch.fails else after
            if batch.reopens:
                opened.close()
                opened = Shelf.open(folder)
            with opened.reading() as view:
                check(view, oracle, keys)
            assert set(opened.parts()) >= {part for part, _ in oracle.texts.values()}
        assert opened.verify() == []
        opened.close()
        with Shelf.open(folder, write=False) as reader, reader.reading() as view:
            check(view, oracle, list(range(10)))
        assert shelf.verify(folder) == []


# Sizes and files -----------------------------------------------------------------------------------------------------


def fill(writer: Writer, first: int, count: int, *, part: int = 24304, keys: int = 10) -> NDArray[Any]:
    """Store articles that are known by their numbers."""
    numbers = np.arange(first, first + count)
    parts = np.full(count, part, np.uint16)
    values = hashes(np.repeat(numbers, keys) * 64 + np.tile(np.arange(keys), count))
    writer.post(numbers, parts, {0: (values, np.arange(count + 1) * keys, np.ones(len(values), np.uint32))})
    places = writer.store(parts, pa.array([text_of(number) for number in numbers.tolist()], pa.large_string()))
    for number, place in zip(numbers.tolist(), places, strict=True):
        writer.put("records", number, place.tobytes())
    return places


def hashes(values: NDArray[np.int64]) -> NDArray[np.uint64]:
    mixed = values.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    return (mixed ^ (mixed >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)


def text_of(number: int) -> str:
    return f"article {number} of the harbour wire " * (number % 7)


def names(folder: Path, suffix: str = "") -> list[str]:
    return sorted(path.name for path in (folder / "parts").iterdir() if path.name.endswith(suffix))


@pytest.mark.usefixtures("_often")
def test_segments_stay_few_and_a_closed_month_has_one(tmp_path: Path) -> None:
    with Shelf.open(tmp_path / "index") as opened:
        for batch in range(60):
            with opened.writing() as writer:
                fill(writer, 10 * batch, 10, part=24304 if batch < 40 else 24305)
        first = [name for name in names(opened.folder, "keys") if name.startswith("2025-05")]
        second = [name for name in names(opened.folder, "keys") if name.startswith("2025-06")]
        assert len(first) == 1
        assert len(second) <= 4
        assert len(names(opened.folder, "texts")) == 2
        with opened.reading() as view:
            assert len(view.postings(0, hashes(np.arange(600) * 64), 0).number) == 600


@pytest.mark.usefixtures("_often")
def test_pruning_deletes_files_and_touches_no_other(tmp_path: Path) -> None:
    with Shelf.open(tmp_path / "index") as opened:
        for part in (24304, 24305):
            with opened.writing() as writer:
                fill(writer, part, 50, part=part)
        before = {path: path.stat().st_mtime_ns for path in (opened.folder / "parts").iterdir()}
        with opened.writing() as writer:
            writer.unpost(np.arange(24304, 24354))
            writer.drop(24304)
        after = {path: path.stat().st_mtime_ns for path in (opened.folder / "parts").iterdir()}
        assert after == {path: at for path, at in before.items() if "2025-06" in path.name}
        assert len(after) == 2
        assert opened.parts() == [24305]


def test_many_partitions_need_many_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shelf, "PENDING", 200)
    with Shelf.open(tmp_path / "index") as opened:
        with opened.writing() as writer:
            for part in range(24000, 24200):
                fill(writer, part, 1, part=part)
        assert len(names(opened.folder, "keys")) == 200
    program = (
        "import resource, pathlib, sys, numpy\n"
        "from dedup.index.shelf import Shelf\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (60, int(sys.argv[2])))\n"
        "with Shelf.open(pathlib.Path(sys.argv[1]), write=False) as opened, opened.reading() as view:\n"
        "    try: print(len(view.postings(0, numpy.zeros(1, numpy.uint64), 0).number))\n"
        "    except Exception as error: print(error)\n"
    )
    said = []
    for hard in ("600", "70"):
        command = [sys.executable, "-c", program, str(tmp_path / "index"), hard]
        said.append(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout)
    assert said[0] == "0\n"
    assert said[1].endswith(".keys: this process may not open more than 70 files; raise that (ulimit -n)\n")


def test_undated_articles_have_a_partition(tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shelf, "PENDING", 1)
        with Shelf.open(tmp_path / "index") as opened:
            with opened.writing() as writer:
                places = fill(writer, 0, 3, part=0)
            assert names(opened.folder) == ["undated.00001.texts", "undated.00002.keys"]
            with opened.reading() as view:
                assert view.texts(places).to_pylist() == [text_of(number) for number in range(3)]


def test_the_address_space_grows_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "_ROOM", 1 << 20)
    with Shelf.open(tmp_path / "index") as opened:
        with Reader(opened.folder) as reader:
            for batch in range(20):
                with opened.writing() as writer:
                    for number in range(20):
                        writer.put("notes", 20 * batch + number, bytes(10_000))
                assert reader.ask("count notes") == str(20 * batch + 20)
        assert opened.environment.lmdb.info()["map_size"] >= 1 << 22
        assert opened.verify() == []


def test_a_batch_beyond_the_address_space_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "_ROOM", 1 << 20)
    with Shelf.open(tmp_path / "index") as opened:
        with pytest.raises(OutputError, match="the batch is too large for the address space"):
            put_many(opened)
        with opened.writing() as writer:
            writer.put("notes", 7, b"seven")
        with opened.reading() as view:
            assert list(view.scan("notes")) == [(7, b"seven")]


def put_many(opened: Shelf) -> None:
    with opened.writing() as writer:
        for number in range(200):
            writer.put("notes", number, bytes(10_000))


def test_little_address_space_is_enough(tmp_path: Path) -> None:
    program = (
        "import resource, pathlib, sys\n"
        "from dedup.index.shelf import Shelf\n"
        "resource.setrlimit(resource.RLIMIT_AS, (12 << 30, 12 << 30))\n"
        "with Shelf.open(pathlib.Path(sys.argv[1])) as opened:\n"
        "    with opened.writing() as writer: writer.put('notes', 1, b'one')\n"
        "    print(opened.environment.lmdb.info()['map_size'] >> 20)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "index")], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert 256 <= int(done.stdout) < 12 << 10


# Opening -------------------------------------------------------------------------------------------------------------


def test_what_is_no_index_is_refused(tmp_path: Path) -> None:
    with pytest.raises(IndexStateError, match="none: there is no index here"):
        Shelf.open(tmp_path / "none", write=False)
    with pytest.raises(IndexStateError, match="none: there is no index here"):
        Shelf.open(tmp_path / "none", create=False)
    assert not (tmp_path / "none").exists()
    (tmp_path / "file").write_text("x")
    with pytest.raises(IndexStateError, match="file: not a folder; an index is one"):
        Shelf.open(tmp_path / "file")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes.txt").write_text("mine")
    with pytest.raises(IndexStateError, match="other: not an index, and not empty; name another folder"):
        Shelf.open(tmp_path / "other")
    assert names_in(tmp_path / "other") == ["notes.txt"]


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_another_lmdb_file_is_refused(tmp_path: Path) -> None:
    lmdb = environment.engine()
    with lmdb.open(str(tmp_path / "other")) as env, env.begin(write=True) as txn:
        txn.put(b"mine", b"x")
    for write_ in (True, False):
        with pytest.raises(
            IndexStateError, match=r"or of another program \(page 2 does not list the tables of an index\)"
        ):
            Shelf.open(tmp_path / "other", write=write_)
    with lmdb.open(str(tmp_path / "other")) as env, env.begin() as txn:
        assert txn.get(b"mine") == b"x"
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "data.mdb").write_text("no database " * 1000)
    with pytest.raises(IndexStateError, match=r"data\.mdb: damaged"):
        Shelf.open(tmp_path / "text")


def test_an_index_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    with Shelf.open(tmp_path / "index") as opened, opened.writing() as writer:
        writer.put("shelf", b"format", b"2")
    for write_ in (True, False):
        with pytest.raises(IndexStateError, match=r"of a newer version of dedup \(format 2, this one knows 1\)"):
            Shelf.open(tmp_path / "index", write=write_)


def test_a_second_writer_is_told_at_once_or_waits(tmp_path: Path) -> None:
    first = Shelf.open(tmp_path / "index")
    with pytest.raises(IndexStateError, match=rf"another process writes to it .*{os.getpid()}\); wait for it to end"):
        Shelf.open(tmp_path / "index")
    timer = threading.Timer(0.3, first.close)
    timer.start()
    with Shelf.open(tmp_path / "index", wait=20.0) as second, second.writing() as writer:
        writer.put("notes", 1, b"second")
    timer.join()


def test_another_process_cannot_write(tmp_path: Path) -> None:
    with Shelf.open(tmp_path / "index"):
        program = "from pathlib import Path\nfrom dedup.index.shelf import Shelf\n"
        program += f"try: Shelf.open(Path({str(tmp_path / 'index')!r}))\n"
        program += "except Exception as error: print(type(error).__name__)"
        done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
        assert done.stdout == "IndexStateError\n"


def test_a_reader_does_not_write(tmp_path: Path) -> None:
    Shelf.open(tmp_path / "index").close()
    with Shelf.open(tmp_path / "index", write=False) as reader:
        with pytest.raises(IndexStateError, match="open for reading only"), reader.writing():
            pass
        with Shelf.open(tmp_path / "index") as writer_shelf:
            with writer_shelf.writing() as writer:
                writer.put("notes", 1, b"one")
            with reader.reading() as view:
                assert view.get("notes", 1) == b"one"
    with pytest.raises(IndexStateError, match="closed; open it again"), reader.reading():
        pass


def test_a_writer_waits_for_the_readers_of_its_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "_PATIENCE", 0.05)
    Shelf.open(tmp_path / "index").close()
    with Shelf.open(tmp_path / "index", write=False) as reader:
        with reader.reading(), pytest.raises(IndexStateError, match="this process is still reading it"):
            Shelf.open(tmp_path / "index")
        Shelf.open(tmp_path / "index").close()


def test_a_shelf_does_not_survive_a_fork(tmp_path: Path) -> None:
    program = (
        "import os, pathlib, sys\n"
        "from dedup.index.shelf import Shelf\n"
        "opened = Shelf.open(pathlib.Path(sys.argv[1]))\n"
        "child = os.fork()\n"
        "if not child:\n"
        "    try:\n"
        "        with opened.reading(): pass\n"
        "    except Exception as error: os._exit(7 if 'forked' in str(error) else 8)\n"
        "print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "index")], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "7\n"


@contextlib.contextmanager
def mounted(folder: Path, options: str) -> Iterator[None]:
    """Mount a file system in memory; only the administrator can."""
    folder.mkdir(exist_ok=True)
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)],
        capture_output=True,
        check=False,
    )
    if done.returncode:
        pytest.skip("mounting a file system takes an administrator")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)  # a failed test may hold files open


def test_a_read_only_file_system_can_be_read(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    with mounted(disk, "size=20m"):
        with Shelf.open(disk / "index") as opened, opened.writing() as writer:
            places = fill(writer, 0, 5)
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        with pytest.raises(OutputError, match=r"index: cannot be written \(Read-only file system\)"):
            Shelf.open(disk / "index")
        with pytest.raises(OutputError, match=r"cannot be written \(Read-only file system\)"):
            Shelf.open(disk / "new")
        with Shelf.open(disk / "index", write=False) as opened, opened.reading() as view:
            assert view.texts(places).to_pylist() == [text_of(number) for number in range(5)]
        assert shelf.verify(disk / "index") == []


# A full disk ---------------------------------------------------------------------------------------------------------


def articles_of(folder: Path) -> int:
    """Return how many articles there are, after reading all of each."""
    with Shelf.open(folder, write=False) as opened, opened.reading() as view:
        count = view.count("records")
        places = np.frombuffer(b"".join(value for _, value in view.scan("records")), PLACE)
        assert view.texts(places).to_pylist() == [text_of(number) for number in range(count)]
        found = view.postings(0, hashes(np.arange(count + 50) * 64), 0)
        assert found.number.tolist() == list(range(count))
        return count


def fill_up(opened: Shelf) -> int:
    """Write until it fails; return how many articles were acknowledged."""
    count = articles_of(opened.folder)
    while True:
        try:
            with opened.writing() as writer:
                fill(writer, count, 20)
        except OutputError as error:
            assert "cannot be written" in str(error)  # noqa: PT017  (it must fail)
            return count
        count += 20
        assert count < 100_000


def test_a_full_disk_is_told_and_writing_resumes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shelf, "PENDING", 300)
    with mounted(tmp_path / "disk", "size=3m"):
        folder = tmp_path / "disk" / "index"
        (tmp_path / "disk" / "ballast").write_bytes(bytes(1 << 20))
        with Shelf.open(folder) as opened:
            count = fill_up(opened)
            assert count
            assert articles_of(folder) == count
            assert opened.verify() == []
            (tmp_path / "disk" / "ballast").unlink()
            more = fill_up(opened)
            assert more > count
        assert articles_of(folder) == more
        assert shelf.verify(folder) == []


@pytest.mark.parametrize("pending", [60, 100_000])
def test_a_limit_on_files_is_told_and_writing_resumes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pending: int
) -> None:
    monkeypatch.setattr(shelf, "PENDING", pending)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    folder = tmp_path / "index"
    with Shelf.open(folder) as opened:
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, hard))
            count = fill_up(opened)
            assert count
            assert articles_of(folder) == count
            assert opened.verify() == []
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        with opened.writing() as writer:
            fill(writer, count, 20)
        assert articles_of(folder) == count + 20
    assert shelf.verify(folder) == []


# Damage --------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sample_index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an index that has something of everything."""
    folder = tmp_path_factory.mktemp("sample") / "index"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shelf, "PENDING", 100)
        with Shelf.open(folder) as opened:
            for batch in range(7):
                with opened.writing() as writer:
                    fill(writer, 50 * batch, 50, part=24300 + batch // 4)
                    writer.join(batch, np.arange(batch * 40))
                    for number in range(50 * batch, 50 * batch + 50):
                        writer.put("ids", f"id-{number * 7919 % 1000:04d}".encode(), b"%d" % number)
            with opened.writing() as writer:
                writer.unpost(np.array([3, 20_000]))
    return folder


def answers(folder: Path) -> list[object]:
    """Ask for everything, and for what is not there."""
    with Shelf.open(folder, write=False) as opened, opened.reading() as view:
        numbers = np.arange(400)
        records = view.several("records", numbers)
        places = np.frombuffer(b"".join(filter(None, records)), PLACE)
        found = view.postings(0, hashes(np.arange(4000)), 0)
        return [
            records,
            view.texts(places).to_pylist(),
            [column.tolist() for column in found],
            [view.get("ids", f"id-{number:04d}".encode()) for number in range(1000)],
            [view.listed(key).tolist() for key in range(9)],
            [list(view.scan(table)) for table in ("meta", "ids", "records", "members")],
            [view.count(table) for table in ("ids", "records", "members")],
        ]


def told_or_right(folder: Path, expected: list[object]) -> str:
    """Look at an index that may be damaged: the answers are right, or their lack is told, and then verify tells too."""
    lines = shelf.verify(folder)
    try:
        right = answers(folder) == expected
    except DedupError:
        return "told" if lines else "verify is silent"
    if not right:
        return "wrong"
    return "told" if lines else "right"


def looked_at(folder: Path, expected: list[object]) -> str:
    """Look at an index in a process of its own, as the engine might end it."""
    receive, send = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.write(send, told_or_right(folder, expected).encode())
        except BaseException as error:  # noqa: BLE001  (the parent judges it)
            os.write(send, repr(error).encode())
        os._exit(0)
    os.close(send)
    with os.fdopen(receive, "rb") as answer:
        said = answer.read().decode()
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return said or f"ended with {status}"


def test_flipped_bits_are_told(sample_index: Path, tmp_path: Path) -> None:
    assert run_alone("flips", sample_index, tmp_path, "12") == "0"


def test_cut_files_are_told(sample_index: Path, tmp_path: Path) -> None:
    assert run_alone("cuts", sample_index, tmp_path, "0") == "0"


def run_alone(task: str, *arguments: object) -> str:
    """Run a task of this module in a process that may fork: it has no threads."""
    done = subprocess.run(
        [sys.executable, __file__, task, *map(str, arguments)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip().splitlines()[-1]


def damage_files(task: str, source: Path, folder: Path, seed: str) -> None:
    """Damage one file at a time and look at the index; print how often that went wrong."""
    chance = random.Random(int(seed))
    expected = answers(source)
    wrong = 0
    for path in sorted(source.rglob("*")):
        size = path.stat().st_size
        if path.is_dir() or path.suffix == ".lock" or path.name == "lock.mdb" or not size:
            continue
        trials = 30 if path.name == "data.mdb" else 4
        for _ in range(trials):
            target = folder / "index"
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(source, target)
            own = target / path.relative_to(source)
            if task == "flips":
                data, byte = bytearray(path.read_bytes()), chance.randrange(size)
                if path.name == "data.mdb" and chance.random() < 0.5:
                    byte = byte // 4096 * 4096 + chance.randrange(32)  # where a page says what it is
                data[byte] ^= 1 << chance.randrange(8)
                own.write_bytes(data)
            else:
                byte = chance.choice([0, size - 1, chance.randrange(size)])
                os.truncate(own, byte)
            said = looked_at(target, expected)
            accepted = ("told", "right") if task == "flips" and path.name == "data.mdb" else ("told",)
            if said not in accepted:
                wrong += 1
                print(path.name, size, byte, said)
    print(wrong)


def test_damaged_values_are_told(sample_index: Path, tmp_path: Path) -> None:
    target = tmp_path / "index"
    shutil.copytree(sample_index, target)
    with Shelf.open(target) as opened:
        shared = opened.environment
        with shared.lmdb.begin(write=True) as txn:
            txn.put((5).to_bytes(8, "big"), b"no record", db=shared.handles["records"])
            txn.put(b"id-0000", b"no number", db=shared.handles["ids"])
            txn.put((3).to_bytes(8, "big"), bytes(8), db=shared.handles["members"])
        with opened.reading() as view:
            for question in (
                lambda: view.get("records", 5),
                lambda: view.several("records", np.array([4, 5])),
                lambda: list(view.scan("records")),
                lambda: view.get("ids", b"id-0000"),
                lambda: view.get("ids", b"id-0000 beside it"),
                lambda: view.get("ids", b"id"),
                lambda: view.listed(3),
                lambda: list(view.scan("members")),
            ):
                with pytest.raises(IndexStateError, match=r"data\.mdb: damaged value in (records|ids|members)"):
                    question()
            assert view.get("records", 4)
            assert view.listed(4).tolist() == list(range(160))
        assert [line.partition(": ")[2] for line in opened.verify()] == [
            "damaged value in ids (key 69642d30303030)",
            "damaged value in records (key 0000000000000005)",
            "damaged value in members (key 0000000000000003)",
        ]


def test_damaged_pages_are_told_without_the_engine(sample_index: Path, tmp_path: Path) -> None:
    with Shelf.open(sample_index, write=False) as opened, opened.reading() as view:
        commit = view.stand
    path = tmp_path / "data.mdb"
    whole = (sample_index / "data.mdb").read_bytes()
    told: dict[int, set[int]] = {0: set(), 3: set(), 10: set(), 11: set()}
    for page in range(len(whole) // 4096):
        for byte, pages_told in told.items():
            data = bytearray(whole)
            data[4096 * page + byte] ^= 64
            path.write_bytes(data)
            if pages.damage(path, commit) is not None:
                pages_told.add(page)
    assert told[0] == told[3] == told[10] == told[11]
    assert len(told[0]) > 20
    path.write_bytes(whole)
    assert pages.damage(path, commit) is None
    assert pages.damage(path, commit - 2) == f"page {commit & 1} is not what it should be"


def test_a_missing_file_is_told(sample_index: Path, tmp_path: Path) -> None:
    for name in names_in(sample_index / "parts"):
        target = tmp_path / name
        shutil.copytree(sample_index, target)
        (target / "parts" / name).unlink()
        assert any(name in line for line in shelf.verify(target))
        with pytest.raises(IndexStateError, match=name):
            answers(target)
    target = tmp_path / "headless"
    shutil.copytree(sample_index, target)
    (target / "data.mdb").unlink()
    for write_ in (True, False):
        with pytest.raises(IndexStateError, match=r"data\.mdb: missing or empty; .* restore a copy"):
            Shelf.open(target, write=write_)
    assert names_in(target / "parts") == names_in(sample_index / "parts")


def test_an_older_state_is_told(tmp_path: Path) -> None:
    with Shelf.open(tmp_path / "index") as opened:
        with opened.writing() as writer:
            writer.put("notes", 1, b"one")
        opened.environment.lmdb.copy(str(tmp_path))
        with opened.writing() as writer:
            writer.put("notes", 2, b"two")
    shutil.copy(tmp_path / "data.mdb", tmp_path / "index" / "data.mdb")
    with pytest.raises(IndexStateError, match=r"data\.mdb: damaged \(commit 1 where 2 is expected\)"):
        Shelf.open(tmp_path / "index")
    assert shelf.verify(tmp_path / "index")


def test_what_a_stopped_writer_left_is_removed_and_nothing_else(sample_index: Path, tmp_path: Path) -> None:
    target = tmp_path / "index"
    shutil.copytree(sample_index, target)
    before = names(target)
    for name in ("2025-05.99999.keys", "undated.99999.texts", "my notes.txt"):
        (target / "parts" / name).write_text("x")
    with Shelf.open(target) as opened:
        assert names(target) == sorted([*before, "my notes.txt"])
        assert opened.verify() == [f"{target / 'parts' / 'my notes.txt'}: not a file of the index; move it elsewhere"]


# Stops ---------------------------------------------------------------------------------------------------------------


STOPS: tuple[tuple[object, str], ...] = (
    (filing.Filing, "add_texts"),
    (filing.Filing, "add_postings"),
    (filing.Filing, "sync"),
    (shelf.Writer, "commit"),
    (shelf.Writer, "_suspend"),
    (shelf.Writer, "_file"),
    (shelf.Shelf, "_sweep"),
    (os, "pwrite"),
    (Path, "unlink"),
)


KILLS = int(os.environ.get("DEDUP_KILLS", "40"))


def planned_stops(kills: int) -> list[tuple[object, str] | None]:
    """Say where a writer is killed, each stop three times; None is a random moment."""
    planned: list[tuple[object, str] | None] = [None] * kills
    every = kills // len(STOPS * 3)
    for index, stop in enumerate(STOPS * 3):
        planned[index * every] = stop
    return planned


def test_a_killed_writer_leaves_whole_batches(tmp_path: Path) -> None:
    kills, batches = map(int, run_alone("kills", tmp_path / "index", str(KILLS)).split())
    assert kills == KILLS
    assert batches >= KILLS  # that are there


def kill_often(folder: str, count: str) -> None:
    """Start a writer, kill it at some point, look at what is there; so many times."""
    chance = random.Random(8)
    shelf.PENDING = 45
    target, batches, kills = Path(folder), 0, 0
    for planned in planned_stops(int(count)):
        receive, send = os.pipe()
        child = os.fork()
        if not child:
            write_until_killed(target, batches, send, planned, chance.randrange(4))
        os.close(send)
        with os.fdopen(receive, "rb") as answer:
            acknowledged = b""
            if planned is None:
                acknowledged = answer.read(1 if chance.random() < 0.8 else 0)
                time.sleep(chance.random() * 0.04)
                os.kill(child, signal.SIGKILL)
            acknowledged += answer.read()
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
        kills += 1
        last = int(acknowledged.split()[-1]) + 1 if acknowledged.split() else batches
        batches = look_after_kill(target, last)
    print(kills, batches)


def write_until_killed(folder: Path, first: int, send: int, stop: tuple[object, str] | None, spared: int) -> None:
    try:
        with Shelf.open(folder) as opened:
            if stop is not None:
                arm(*stop, spared)
            for batch in range(first, 1 << 30):
                with opened.writing() as writer:
                    write_batch(writer, batch)
                os.write(send, b"%d " % batch)
    except BaseException as error:  # noqa: BLE001  (the parent sees that it was not killed)
        print(repr(error), file=sys.stderr)
    os._exit(1)


def arm(owner: object, name: str, spared: int) -> None:
    """Let a function kill the process: before its work, or after it."""
    original: Callable[..., object] = getattr(owner, name)
    calls = [0]

    def deadly(*arguments: Any, **named: Any) -> object:
        calls[0] += 1
        if calls[0] > spared and spared % 2:
            os.kill(os.getpid(), signal.SIGKILL)
        result = original(*arguments, **named)
        if calls[0] > spared:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(owner, name, deadly)


def write_batch(writer: Writer, batch: int) -> None:
    """Write ten articles; every 13th batch takes the month before the last away."""
    fill(writer, 10 * batch, 10, part=24000 + batch // 13, keys=5)
    writer.join(batch % 5, np.arange(10 * batch, 10 * batch + 10))
    writer.put("meta", b"batches", b"%d" % (batch + 1))
    if batch % 13 == 0 and batch >= 26:
        old = np.arange(10 * (batch - 26), 10 * (batch - 13))
        writer.unpost(old)
        writer.drop(24000 + batch // 13 - 2)
        for number in old.tolist():
            writer.delete("records", number)


def look_after_kill(folder: Path, acknowledged: int) -> int:
    """See that whole batches are there, all that were acknowledged among them; return how many."""
    with Shelf.open(folder) as opened:
        assert opened.verify() == []
        with opened.reading() as view:
            batches = int(view.get("meta", b"batches") or 0)
            assert batches >= acknowledged
            assert batches <= acknowledged + 1
            first = 10 * max(0, (batches - 1) // 13 * 13 - 13) if batches else 0
            rows = list(view.scan("records"))
            assert [number for number, _ in rows] == list(range(first, 10 * batches))
            places = np.frombuffer(b"".join(value for _, value in rows), PLACE)
            assert view.texts(places).to_pylist() == [text_of(number) for number in range(first, 10 * batches)]
            keys = hashes(np.repeat(np.arange(10 * batches + 20), 5) * 64 + np.tile(np.arange(5), 10 * batches + 20))
            found = view.postings(0, keys, 0)
            assert found.number.tolist() == np.repeat(np.arange(first, 10 * batches), 5).tolist()
            assert view.count("members") == 10 * batches
    return batches


# Readers beside a writer ---------------------------------------------------------------------------------------------


class Reader:
    """A process that has an index open for reading and answers questions about it."""

    def __init__(self, folder: Path) -> None:
        """Start it."""
        command = [sys.executable, __file__, "read", str(folder)]
        self._process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self) -> Self:
        """Wait until it has opened the index."""
        assert self._line() == "open"
        return self

    def ask(self, question: str) -> str:
        """Ask a question and return the answer."""
        assert self._process.stdin is not None
        self._process.stdin.write(question + "\n")
        self._process.stdin.flush()
        return self._line()

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def __exit__(self, *_: object) -> None:
        """End it; it must not have failed."""
        self._process.communicate()
        assert self._process.returncode == 0


def read_on_demand(folder: str) -> None:
    """Answer questions about an index: `count TABLE`, `hold`, `held`."""
    with Shelf.open(Path(folder), write=False) as opened, contextlib.ExitStack() as stack:
        print("open", flush=True)
        held: View | None = None
        for line in sys.stdin:
            words = line.split()
            if words[0] == "hold":
                held = stack.enter_context(opened.reading())
                print("held", flush=True)
            elif words[0] == "held":
                assert held is not None
                print(whole_batches(held), flush=True)
            else:
                with opened.reading() as view:
                    print(view.count(words[1]), flush=True)


def whole_batches(view: View) -> int:
    """See that a view holds whole batches of :func:`write_batch` and no more; return how many."""
    batches = int(view.get("meta", b"batches") or 0)
    first = 10 * max(0, (batches - 1) // 13 * 13 - 13) if batches else 0
    assert view.count("records") == 10 * batches - first
    numbers = np.arange(first, 10 * batches)
    records = view.several("records", numbers)
    places = np.frombuffer(b"".join(filter(None, records)), PLACE)
    assert view.texts(places).to_pylist() == [text_of(number) for number in numbers.tolist()]
    found = view.postings(0, hashes(np.arange(10 * batches + 30) * 64), 0)
    assert found.number.tolist() == numbers.tolist()
    return batches


def read_often(folder: str, count: str) -> None:
    """Look so often, twice through each view, while another process writes; print the batches that were seen."""
    seen = [0]
    with Shelf.open(Path(folder), write=False) as opened:
        for _ in range(int(count)):
            with opened.reading() as view:
                seen.append(whole_batches(view))
                assert seen[-1] >= seen[-2]
                time.sleep(random.random() * 0.05)
                assert whole_batches(view) == seen[-1]
    print(len(set(seen)))


def test_readers_see_whole_batches_beside_a_writer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shelf, "PENDING", 45)
    with Shelf.open(tmp_path / "index") as opened:
        with opened.writing() as writer:
            write_batch(writer, 0)
        readers = [
            subprocess.Popen(
                [sys.executable, __file__, "beside", str(opened.folder), "25"],
                cwd=ROOT,
                stdout=subprocess.PIPE,
                text=True,
            )
            for _ in range(4)
        ]
        seen: list[int] = []
        ended = threading.Event()

        def look() -> None:
            while not ended.is_set():
                with opened.reading() as view:
                    seen.append(whole_batches(view))
                time.sleep(0.02)

        thread = threading.Thread(target=look)
        thread.start()
        batch = 1
        while any(reader.poll() is None for reader in readers):
            with opened.writing() as writer:
                write_batch(writer, batch)
            batch += 1
            time.sleep(0.005)
        ended.set()
        thread.join()
        for reader in readers:
            assert int(reader.communicate()[0]) > 10
            assert reader.returncode == 0
        assert seen == sorted(seen)
        assert len(set(seen)) > 5
        assert opened.verify() == []


def test_an_old_view_outlives_merges_and_drops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shelf, "PENDING", 45)
    with Shelf.open(tmp_path / "index") as opened:
        for batch in range(12):
            with opened.writing() as writer:
                write_batch(writer, batch)
        with Reader(opened.folder) as reader, opened.reading() as own:
            assert reader.ask("hold") == "held"
            for batch in range(12, 60):
                with opened.writing() as writer:
                    write_batch(writer, batch)
            kept = names(opened.folder)
            assert whole_batches(own) == 12
            assert reader.ask("held") == "12"
        with opened.writing() as writer:
            write_batch(writer, 60)
        assert len(names(opened.folder)) < len(kept)  # nobody looks at the old files any more
        with opened.reading() as view:
            assert whole_batches(view) == 61


def main(task: str, *arguments: str) -> None:
    """Do what a test wants done in another process."""
    if task in {"flips", "cuts"}:
        damage_files(task, Path(arguments[0]), Path(arguments[1]), arguments[2])
    elif task == "kills":
        kill_often(*arguments)
    elif task == "read":
        read_on_demand(*arguments)
    else:
        read_often(*arguments)


if __name__ == "__main__":
    main(*sys.argv[1:])
