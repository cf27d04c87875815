"""Whatever stops a writer, or damages a file: what was acknowledged is there, whole, and nothing wrong is said.

A writer is killed 40 times; `DEDUP_KILLS=200` gives another number, here and in `test_shelf.py`.

Run as a program, this module is the process whose children are killed. It imports and compiles once; every child that
is killed is a fork of it, so that a kill costs the work of the child and no start of Python.
"""

from __future__ import annotations

import gc
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support import ROOT

from dedup.article import Article
from dedup.errors import DedupError, OutputError
from dedup.settings import Settings

pytest.importorskip("lmdb", reason="needs the extra 'index'")
from test_shelf import KILLS, arm, mounted, planned_stops

from dedup.index import Index, shelf

if TYPE_CHECKING:
    from collections.abc import Iterator

SETTINGS = Settings(workers=1)
PENDING = 45
"""Articles that wait before they go to files: here so few that files are written and merged all the time."""
_DAY = datetime(2026, 1, 20, tzinfo=UTC)
_STORIES = 7


# Articles ------------------------------------------------------------------------------------------------------------


def text_of(story: int, words: int, extra: str = "") -> str:
    """Return sentences that no other story has."""
    said = [f"name{story}v{word // 3} did{story}v{word}" for word in range(words)]
    return ". ".join(" ".join(said[start : start + 6]) for start in range(0, words, 6)) + f". {extra}"


@cache
def batch_of(number: int) -> list[Article]:
    """Return the articles of a batch: news, copies of earlier ones, and another text for an earlier id."""
    chance, articles = random.Random(number), []
    when = _DAY + timedelta(hours=3 * number)
    for place in range(1 + number % 4):
        story = number * 4 + place if chance.random() < 0.4 else chance.randrange(max(0, number - _STORIES), number + 1)
        text = text_of(story, 36 + chance.randrange(3), f"Only here {number}x{place}." if chance.random() < 0.5 else "")
        articles.append(Article(f"b{number}-{place}", text, source=f"Paper {place}", published=when))
    if number % 5 == 4:
        articles.append(Article(f"b{number - 2}-0", text_of(number * 4, 40, "Corrected."), published=when))
    return articles


def state_of(batches: int) -> dict[str, str]:
    """Return the text of every id after so many batches."""
    return {article.id: article.text or "" for number in range(batches) for article in batch_of(number)}


# Looking -------------------------------------------------------------------------------------------------------------


def replayed(index: Index) -> dict[str, str | None]:
    """Follow the events as a database would: the story of every article."""
    stories: dict[str, str | None] = {}
    for place, event in enumerate(index.events(), 1):
        assert event.cursor == place
        if event.kind == "merged":
            stories = {id_: event.story_id if story == event.other else story for id_, story in stories.items()}
        else:
            stories[str(event.id)] = event.story_id
    return stories


def look_after_kill(folder: Path, acknowledged: int) -> int:
    """See that whole batches are there, all that were acknowledged among them; return how many."""
    with Index.open(folder, SETTINGS) as index:
        assert index.verify() == []
        batches = next(number for number in (acknowledged, acknowledged + 1) if len(state_of(number)) == len(index))
        state, stories = state_of(batches), replayed(index)
        assert stories.keys() == state.keys()
        assert index.info().stories == len(set(stories.values()))
        chosen = random.Random(batches).sample(list(state), min(12, len(state)))
        for id_ in [*chosen, *list(state)[-6:]]:
            entry = index.get(id_)
            assert entry.text == state[id_]
            assert entry.story_id == stories[id_]
            members = {member.id for member in index.story(entry.story_id)}
            assert members == {other for other, story in stories.items() if story == entry.story_id}
            again = index.check(Article(id_, state[id_]))
            assert (again.status, again.story_id) == ("known", entry.story_id)
        for article in batch_of(batches):
            if article.id not in state:
                with pytest.raises(KeyError):
                    index.get(article.id)
                verdict = index.check(article)
                assert verdict.status == "checked"
                assert {match.id for match in verdict.matches} <= state.keys()
    return batches


# Kills ---------------------------------------------------------------------------------------------------------------


@pytest.mark.proof
def test_a_killed_writer_loses_nothing_that_it_acknowledged(tmp_path: Path) -> None:
    kills, batches, unacknowledged = map(int, run_alone("kills", tmp_path, KILLS).split())
    assert kills == KILLS
    assert batches >= KILLS  # that were acknowledged meanwhile
    assert unacknowledged  # some were durable, and the process died before it could say so
    print(f"{kills} kills, {batches:,} batches acknowledged, {unacknowledged} durable and not acknowledged")


def run_alone(task: str, *arguments: object) -> str:
    """Run a task of this module in a process that may fork: it has no threads."""
    command = [sys.executable, __file__, task, *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip().splitlines()[-1]


def kill_often(folder: str, count: str) -> None:
    """Start a writer, kill it at some point, look at what is there; so many times."""
    chance = random.Random(5)
    shelf.PENDING = PENDING
    warm_up(Path(folder) / "warm")
    stops = planned_stops(int(count))
    batches = written = unsaid = 0
    for kill, planned in enumerate(stops):
        target = Path(folder) / f"{kill // 40}.index"  # a new one from time to time: all is looked at after each kill
        if kill % 40 == 0:
            batches = 0
        acknowledged = killed(target, batches, planned, chance)
        last = batches + acknowledged
        batches = look_after_kill(target, last)
        written, unsaid = written + acknowledged, unsaid + batches - last
        if kill % 40 == 39 or kill == len(stops) - 1:
            compare(target, Path(folder) / f"{kill // 40}.undisturbed", batches)
    print(len(stops), written, unsaid)


def compare(folder: Path, other: Path, batches: int) -> None:
    """See that an index says what one says whose writer nobody killed."""
    with Index.open(other, SETTINGS) as undisturbed:
        for number in range(batches):
            undisturbed.add(batch_of(number))
        with Index.open(folder, SETTINGS) as index:
            assert list(index.events()) == list(undisturbed.events())
            assert index.result().articles.equals(undisturbed.result().articles)
            for id_, text in state_of(batches).items():
                assert index.get(id_) == undisturbed.get(id_)
                asked = Article("as new", text, published=index.get(id_).published)
                assert index.check(asked) == undisturbed.check(asked)


def warm_up(folder: Path) -> None:
    """Load and compile all that the children use."""
    with Index.open(folder, SETTINGS) as index:
        for number in range(12):
            index.add(batch_of(number))
    look_after_kill(folder, 12)


def killed(folder: Path, first: int, planned: tuple[object, str] | None, chance: random.Random) -> int:
    """Let a child write until it is killed; return how many batches it acknowledged."""
    receive, send = os.pipe()
    child = os.fork()
    if not child:
        write_until_killed(folder, first, send, planned, chance.randrange(4))
    os.close(send)
    with os.fdopen(receive, "rb", buffering=0) as answer:
        said = answer.read(1)  # it is at work
        if planned is None:
            for _ in range(chance.randrange(4)):
                said += answer.read(1)
            time.sleep(chance.random() * 0.03)
            os.kill(child, signal.SIGKILL)
        while more := answer.read(1 << 16):
            said += more
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status == -signal.SIGKILL, status
    return said.count(b".")


def write_until_killed(folder: Path, first: int, send: int, stop: tuple[object, str] | None, spared: int) -> None:
    try:
        with Index.open(folder, SETTINGS) as index:
            os.write(send, b"!")
            if stop is not None:
                arm(*stop, spared)
            for number in range(first, 1 << 30):
                index.add(batch_of(number))
                os.write(send, b".")
    except BaseException as error:  # noqa: BLE001  (the parent sees that it was not killed)
        print(repr(error), file=sys.stderr)
    os._exit(1)


# A full disk ---------------------------------------------------------------------------------------------------------


def filled_up(index: Index, first: int) -> int:
    """Add until it fails; return how many batches were acknowledged."""
    batches = first

    def add_on() -> None:
        nonlocal batches
        while batches < 5_000:
            index.add(batch_of(batches))
            batches += 1

    with pytest.raises(OutputError, match=r"cannot") as failure:
        add_on()
    assert "\n" not in str(failure.value)
    return batches


def test_a_limit_on_files_is_told_and_adding_resumes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shelf, "PENDING", PENDING)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with Index.open(tmp_path / "index", SETTINGS) as index:
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (400 << 10, hard))
            batches = filled_up(index, 0)
            assert batches
            assert replayed(index).keys() == state_of(batches).keys()
            assert index.check(batch_of(0)[0]).status == "known"
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        index.add(batch_of(batches))
    assert look_after_kill(tmp_path / "index", batches + 1) == batches + 1


def test_a_full_disk_is_told_and_adding_resumes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shelf, "PENDING", PENDING)
    with mounted(tmp_path / "disk", "size=3m"):
        folder, ballast = tmp_path / "disk" / "index", tmp_path / "disk" / "ballast"
        ballast.write_bytes(bytes(2 << 20))
        with Index.open(folder, SETTINGS) as index:
            batches = filled_up(index, 0)
            assert batches
            assert replayed(index).keys() == state_of(batches).keys()
            assert index.get("b0-0").text == state_of(1)["b0-0"]
            ballast.unlink()
            for number in range(batches, batches + 5):
                index.add(batch_of(number))
        assert look_after_kill(folder, batches + 5) == batches + 5
        gc.collect()  # the frames of the failure hold files open


# Damaged files -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("task", ["flips", "cuts"])
def test_damaged_files_are_told(task: str, tmp_path: Path) -> None:
    assert run_alone(task, tmp_path) == "0"


def damage_files(task: str, folder: Path) -> None:
    """Damage one file at a time and look at the index; print how often that went wrong."""
    source, chance, wrong = folder / "source", random.Random(3), 0
    shelf.PENDING = PENDING
    with Index.open(source, SETTINGS) as index:
        index.learn(ROOT / "corpus")
        for number in range(40):
            index.add(batch_of(number))
    expected = list(answers(source))
    kinds = set()
    for path in files_of(source):
        kinds.add(path.suffix)
        for _ in range(24 if path.name == "data.mdb" else 3):
            target = folder / "index"
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(source, target)
            said = looked_at(target, damaged(task, target / path.relative_to(source), chance), expected)
            # A page of LMDB may lie idle, and what stands there says nothing.
            if said not in (("told", "right") if path.name == "data.mdb" else ("told",)):
                wrong += 1
                print(path.name, said)
    assert kinds == {".mdb", ".texts", ".keys", ".npz"}
    print(wrong)


def files_of(folder: Path) -> list[Path]:
    """Return the files that hold anything: locks do not."""
    found = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.stat().st_size]
    return [path for path in found if path.name not in {"lock.mdb", "writer.lock"}]


def damaged(task: str, path: Path, chance: random.Random) -> str:
    """Damage a file; say how."""
    size = path.stat().st_size
    place = chance.randrange(size)
    if task == "cuts":
        os.truncate(path, place)
    else:
        data = bytearray(path.read_bytes())
        data[place] ^= 1 << chance.randrange(8)
        path.write_bytes(data)
    return f"{task} at {place}"


def looked_at(folder: Path, how: str, expected: list[object]) -> str:
    """Look at an index in a process of its own, as the engine might end it."""
    receive, send = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.write(send, judged(folder, expected).encode())
        except BaseException as error:  # noqa: BLE001  (the parent judges it)
            os.write(send, f"{how}: {error!r}".encode())
        os._exit(0)
    os.close(send)
    with os.fdopen(receive, "rb") as answer:
        said = answer.read().decode()
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return said or f"{how}: ended with {status}"


def judged(folder: Path, expected: list[object]) -> str:
    """Say whether a damage is told, or all answers are right; else what is wrong."""
    lines = verified(folder)
    found: list[object] = []
    try:
        for answer, right in zip(answers(folder), expected, strict=True):
            found.append(answer)
            if answer != right:
                return f"wrong: {answer!r} for {right!r}"
    except DedupError:
        return "told" if lines else f"verify is silent after {len(found)} answers"
    return "told" if lines else "right"


def verified(folder: Path) -> list[str]:
    try:
        with Index.open(folder, readonly=True) as index:
            return index.verify()
    except DedupError as error:
        return [str(error)]


def answers(folder: Path) -> Iterator[object]:
    """Ask for everything."""
    with Index.open(folder, readonly=True) as index:
        stories = replayed(index)
        yield stories
        for id_ in stories:
            yield index.get(id_)
        for number in range(0, 40, 4):
            for article in batch_of(number):
                yield index.check(Article(f"new {article.id}", article.text, published=article.published))


def main(task: str, *arguments: str) -> None:
    """Do what a test wants done in another process."""
    if task == "kills":
        kill_often(*arguments)
    else:
        damage_files(task, Path(arguments[0]))


if __name__ == "__main__":
    main(*sys.argv[1:])
