"""Eight processes read while one writes: none fails, and each sees whole batches only.

It takes two seconds; `DEDUP_READERS_SECONDS=60` gives another time. Run as a program, this module is the writer, and
the readers are forks of it.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
import traceback
from pathlib import Path

import pytest
from support import ROOT

from dedup.article import Article

pytest.importorskip("lmdb", reason="needs the extra 'index'")
from test_index_crash import PENDING, SETTINGS, batch_of, state_of, warm_up

from dedup.index import Index, shelf

READERS = 8
SECONDS = float(os.environ.get("DEDUP_READERS_SECONDS", "2"))


def test_readers_see_whole_batches_while_one_writes(tmp_path: Path) -> None:
    command = [sys.executable, __file__, str(tmp_path), str(SECONDS)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    written, looks, states = map(int, done.stdout.split())
    assert written >= 3
    assert looks >= 5 * READERS
    assert states >= 2 * READERS  # each saw it grow
    print(f"{written:,} batches written beside {READERS} readers that looked {looks:,} times in {SECONDS:g} s")


class Follower:
    """A reader that keeps a copy of which articles there are, as a database downstream would."""

    def __init__(self, index: Index) -> None:
        """Start before the first event."""
        self._index, self._chance = index, random.Random(os.getpid())
        self._cursor, self.batches, self.ids = 0, 0, set[str | None]()

    def look(self) -> bool:
        """Follow what happened and ask for what is there; return whether there was more."""
        before = self.batches
        for event in self._index.events(self._cursor):
            assert event.cursor == self._cursor + 1
            self._cursor = event.cursor
            if event.kind in {"added", "joined", "updated"}:
                self.ids.add(event.id)
        while len(state_of(self.batches)) < len(self.ids):
            self.batches += 1
        assert self.ids == state_of(self.batches).keys()
        if self.batches:
            self._ask()
        assert len(self._index) >= len(self.ids)
        return self.batches > before

    def _ask(self) -> None:
        state = state_of(self.batches)
        id_ = self._chance.choice(list(state))
        entry = self._index.get(id_)
        assert entry.text.startswith("name")
        if id_ not in {member.id for member in self._index.story(entry.story_id)}:  # a batch came between the two looks
            assert self._index.get(id_).story_id != entry.story_id
        verdict = self._index.check(Article("as new", state[id_]))
        assert verdict.status == "checked"
        again = self._index.check(Article(id_, entry.text))
        assert again.status in {"known", "checked"}  # it may have been corrected meanwhile


def read(folder: Path, until: float, send: int) -> None:
    """Look again and again; say how often, and how often there was more."""
    status = 1
    try:
        with Index.open(folder, readonly=True) as index:
            follower, looks, states = Follower(index), 0, 0
            while time.monotonic() < until or not looks:
                states += follower.look()
                looks += 1
        os.write(send, f"{looks} {states}\n".encode())
        status = 0
    except BaseException:  # noqa: BLE001  (the parent sees the status)
        traceback.print_exc()
    os._exit(status)


def main(folder: str, seconds: str) -> None:
    """Write beside readers."""
    shelf.PENDING = PENDING
    target = Path(folder) / "news.index"
    warm_up(Path(folder) / "warm")
    Index.open(target, SETTINGS).close()
    receive, send = os.pipe()
    until = time.monotonic() + float(seconds)
    children = []
    for _ in range(READERS):
        child = os.fork()
        if not child:
            read(target, until, send)
        children.append(child)
    os.close(send)
    written = 0
    with Index.open(target) as index:
        while time.monotonic() < until:
            index.add(batch_of(written))
            written += 1
    failed = sum(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 0 for child in children)
    with os.fdopen(receive) as answer:
        said = [tuple(map(int, line.split())) for line in answer]
    print(written, *map(sum, zip(*said, strict=True)))
    sys.exit(failed)


if __name__ == "__main__":
    main(*sys.argv[1:])
