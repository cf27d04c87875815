"""Where an index lies on disk: tables, texts and postings behind one commit point.

::

    news.index/
      data.mdb, lock.mdb      LMDB: the tables, recent texts and postings, and the list of the files that count
      writer.lock             held by the one process that writes
      parts/                  a partition is a month of publication; pruning one deletes its files
        2025-05.00003.texts   zstd frames, append-only
        2025-05.00017.keys    sorted postings, written once

A batch is one LMDB transaction: once that is durable the batch is there as a whole, and before that nothing of it is.
Files are durable before the transaction that lists them. They are deleted after the one that does not list them any
more, as soon as no reader of any process looks at an older state. Nothing is believed before its checksum.
"""

from __future__ import annotations

import contextlib
import fcntl
import mmap
import os
import struct
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn, Self

import numpy as np
import pyarrow as pa

from dedup.errors import DedupError, IndexStateError, OutputError
from dedup.index import environment, segments, textlog
from dedup.index.damage import damage, told
from dedup.index.environment import FORMAT, TABLES
from dedup.index.filing import Filing, durable, unlisted
from dedup.index.manifest import FILES, Head, Part
from dedup.index.segments import Found, Run, Segment
from dedup.index.tables import Changes, Tables
from dedup.index.textlog import PLACE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from dedup.index.environment import Environment

__all__ = ["FAMILIES", "FORMAT", "PLACE", "TABLES", "Found", "Shelf", "View", "Writer", "verify"]

FAMILIES = range(8)
PENDING = 8192
"""Articles whose texts and postings wait in LMDB, and in memory, until they go to files."""

_ENTRIES = 1 << 21  # postings that wait, at most
_PIECE = 2000  # bytes of pending postings a value: two of them fill an LMDB page
_NUMBERS = 8192  # numbers a value of `gone`, a bit each
_RESIDENT = 288 << 20  # bytes of mapped files that a process holds before it gives them back
_SLACK = 24 << 20  # of them, that are given back at a time
_SLICES = 16  # of data.mdb, that are given back each by itself
_FEW, _MANY = 500, 2000  # keys: no more are those of one article; those of many touch much of every file
_HEAD, _PART = b"head", b"part"
_TAIL = struct.Struct(">HQ")
_OWNER = struct.Struct("<QQ")  # in writer.lock: the process that writes, and the last commit
_LOCK, _POLL = "writer.lock", 0.02
_OWN = {"data.mdb", "lock.mdb", "parts", _LOCK}


@dataclass(frozen=True)
class _State:
    """What postings and texts are found by, as of one commit."""

    head: Head = field(default_factory=Head)
    parts: dict[int, Part] = field(default_factory=dict)
    opened: dict[int, Segment] = field(default_factory=dict)
    """Segments by number."""
    runs: tuple[Run, ...] = ()
    gone: NDArray[np.uint8] = field(default_factory=lambda: np.zeros(0, np.uint8))
    """A bitmap of numbers that are not found."""


class Shelf:
    """An index folder that is open. Threads may share it."""

    def __init__(self, folder: Path, shared: Environment, lock: int | None) -> None:
        """Use :meth:`open`."""
        self.folder, self.environment = folder, shared
        self.files = folder / "parts"
        self._lock = lock
        self._writing, self._loading = threading.Lock(), threading.Lock()
        self._state = _State()
        self._doomed: list[tuple[int, Path]] = []
        self._closed = False
        self._others = _mapped()  # bytes of files that are not the index's, libraries above all
        self._turn = 0  # what was given back last

    # Opening ---------------------------------------------------------------------------------------------------------

    @classmethod
    def open(cls, folder: Path, *, write: bool = True, create: bool = True, wait: float = 0.0) -> Shelf:
        """Open an index folder; with ``write`` and ``create``, make it where there is none.

        One process at a time has it open for writing; others wait for that ``wait`` seconds. Raises IndexStateError
        where the folder is no index, one of a newer version, damaged, or in use; OutputError where it cannot be
        written; MissingExtraError where a package is missing.
        """
        environment.engine()
        textlog.zstandard()
        _look(folder, make=write and create)
        lock = _locked(folder, wait) if write else None
        try:
            if write:
                with _system(folder):
                    (folder / "parts").mkdir(exist_ok=True)
            shelf = cls(folder, environment.acquire(folder, write=write), lock)
        except BaseException:
            if lock is not None:
                os.close(lock)
            raise
        try:
            shelf._start()
        except BaseException:
            shelf.close()
            raise
        return shelf

    def __enter__(self) -> Self:
        """Return the shelf."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Let go of the files. What was committed is on disk already."""
        if self._closed:
            return
        self._closed = True
        if self._lock is not None:
            self._sweep()
        self._state = _State()
        environment.release(self.environment)
        if self._lock is not None:
            os.close(self._lock)

    def _start(self) -> None:
        """See that no commit is lost; for writing, remove the files that a stopped writer left."""
        last = _acknowledged(self.folder)
        with self.reading() as view:
            if view.head.commit < last:
                message = f"{self.folder}/data.mdb: damaged (commit {view.head.commit} where {last} is expected)"
                raise damage(message)
            if self._lock is not None and not view.head.commit:
                with _system(self.folder):
                    durable(self.folder)
                    durable(self.folder.absolute().parent)
            if self._lock is not None:
                listed = [name for part in view.parts().values() for name in part.files()]
                left = unlisted(self.files, listed)
                self._doomed = [(view.stand, path) for path in left if FILES.fullmatch(path.name)]
        if self._lock is not None:
            self._sweep()

    # Looking ---------------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def reading(self) -> Iterator[View]:
        """Look at the last commit; it stays as it is while others write. For one thread at a time."""
        self._see_open()
        with self.environment.reading() as txn:
            view = View(self, txn)
            yield view
        if view.used:
            self.give_back()

    def _see_open(self) -> None:
        if self._closed:
            raise IndexStateError(f"{self.folder}: closed; open it again")

    def state(self, tables: Tables, head: Head) -> _State:
        """Return what postings and texts are found by at a commit."""
        state = self._state
        if state.head == head:
            return state
        with self._loading:
            state = self._loaded(tables, head, self._state if self._state.head.commit <= head.commit else _State())
            if state.head.commit >= self._state.head.commit:
                self._state = state
        return state

    def _loaded(self, tables: Tables, head: Head, old: _State) -> _State:
        """Bring an older state up to date."""
        parts, opened, runs, first = old.parts, old.opened, old.runs, old.head.pieces
        if head.layout != old.head.layout:
            parts, runs, first = _parts(tables), (), 0
            opened = {
                each["file"]: old.opened.get(each["file"]) or Segment(self.files / part.key_file(each["file"]), each)
                for part in parts.values()
                for each in part.segments
            }
        runs = segments.stacked(runs, _pending(tables, first, head.pieces))
        gone = old.gone if head.gone == old.head.gone else _bitmap(tables)
        return _State(head, parts, opened, runs, gone)

    def give_back(self) -> None:
        """Give pages of mapped files back when they are many: the system keeps them as long as it has room.

        Those of data.mdb go a slice at a time, in turn, so that no look-up has to map all of them again. Directories
        and marks of postings, which every look-up touches, stay, unless they alone are many.
        """
        if self._holds() <= _RESIDENT:
            return
        for _ in range(_SLICES):
            self._turn = (self._turn + 1) % _SLICES
            self.environment.give_back(self._turn, _SLICES)
            if self._holds() <= _RESIDENT - _SLACK:
                return
        for segment in self._state.opened.values():
            segment.give_back()
        self._others = _mapped()

    def _holds(self) -> int:
        return _mapped() - self._others

    def parts(self) -> list[int]:
        """Return the partitions that hold anything, ascending."""
        with self.reading() as view:
            return sorted(view.parts().keys() | view.unfiled())

    # Writing ---------------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def writing(self) -> Iterator[Writer]:
        """Write a batch, one thread at a time: durable when the block has ended; where it raises, it leaves nothing.

        Raises OutputError where the disk is full. Postings are held in memory until it ends.
        """
        self._see_open()
        if self._lock is None:
            raise IndexStateError(f"{self.folder}: open for reading only; open it with write=True")
        with self._writing:
            with self.environment.writing() as txn, Writer(self, txn) as writer:
                yield writer
                doomed = writer.commit()
            with contextlib.suppress(OSError):  # the batch is there, whatever comes
                self.environment.lengthen()
                os.pwrite(self._lock, _OWNER.pack(os.getpid(), writer.head.commit), 0)
            self._doomed += [(writer.stand, path) for path in (*writer.doomed, *(self.files / name for name in doomed))]
            self._sweep()
        self.give_back()

    def _sweep(self) -> None:
        """Delete the files that no state lists that somebody still looks at; the next opening tries again."""
        if self._doomed:
            self.environment.lmdb.reader_check()  # readers that were killed look at nothing
            oldest = self.environment.oldest()
            for stand, path in self._doomed:
                if stand <= oldest:
                    with contextlib.suppress(OSError):
                        path.unlink()
            self._doomed = [(stand, path) for stand, path in self._doomed if stand > oldest]

    # Looking after ---------------------------------------------------------------------------------------------------

    def verify(self) -> list[str]:
        """Read everything and return every damage in words.

        The structure of data.mdb is checked only while nobody writes.
        """
        self._see_open()
        with contextlib.ExitStack() as stack:
            if self._lock is not None:
                stack.enter_context(self._writing)
            if self._lock is not None or stack.enter_context(_still(self.folder)):
                found = self.environment.damages()
                if found:
                    return found
            found = []
            view = stack.enter_context(self.reading())
            try:
                found.extend(view.damages())
            except IndexStateError as error:
                found.append(told(error))
            return found

    def bytes(self) -> int:
        """Return how many bytes the index takes on disk."""
        total = 0
        for path in self.folder.rglob("*"):
            with contextlib.suppress(FileNotFoundError):  # merged or dropped just now
                total += 512 * path.stat().st_blocks
        return total


class View(Tables):
    """What one commit holds: tables, texts and postings. It ends with its ``with`` block."""

    def __init__(self, shelf: Shelf, txn: Any) -> None:
        """Use :meth:`Shelf.reading`."""
        super().__init__(shelf.environment, txn)
        self._shelf, self._known = shelf, _State()
        self.stand: int = txn.id()
        packed = self.get("shelf", _HEAD)
        if packed is None:
            raise damage(f"{shelf.folder}/data.mdb: damaged (no head)")
        self.head = Head.unpack(packed)

    @property
    def used(self) -> bool:
        """Whether texts or postings were looked for."""
        return self._known.head.commit > 0

    def ease(self) -> None:
        """Give pages back, where they are many."""
        self._shelf.give_back()

    def texts(self, places: NDArray[Any]) -> pa.LargeStringArray:
        """Return the texts at these places, in this order.

        Raises IndexStateError, naming file and offset, where one is damaged.
        """
        parts = self._parts_now()
        made: list[bytes] = []
        with textlog.Reader() as reader:
            for number, size, offset in places.tolist():
                part = parts.get(number) or Part(number)
                if offset < part.end:
                    path = self._shelf.files / part.text_file
                    data = reader.read(path, offset, size)
                else:
                    path = self.path
                    data = self.get("tails", _TAIL.pack(number, offset)) or b""
                made.append(textlog.unframe(data, path, offset))
        return pa.array(made, pa.large_binary()).cast(pa.large_string())

    def postings(
        self, family: int, keys: NDArray[np.uint64], most: int, parts: NDArray[np.uint16] | None = None
    ) -> Found:
        """Return of every key the ``most`` postings (0: all) of the highest weight, the lowest numbers first.

        ``parts`` says of each key which partition alone it can be in: the others are not looked into. Raises
        IndexStateError, naming the file, where one is damaged.
        """
        sections = self._watched(family) if len(keys) > _MANY else self._sections(family)
        found = segments.find(sections, keys, most, self._gone(), parts)
        if len(keys) > _FEW:
            self._shelf.give_back()
        return found

    def _watched(self, family: int) -> Iterator[tuple[int | None, segments.Section]]:
        """Return sections; give pages back between them, as many keys touch much of every one."""
        for each in self._sections(family):
            yield each
            self._shelf.give_back()

    def _sections(self, family: int) -> Iterator[tuple[int | None, segments.Section]]:
        state = self._state()
        for part in self._parts_now().values():
            for each in part.segments:
                section = state.opened[each["file"]].sections.get(family)
                if section is not None:
                    yield part.part, section
        for run in state.runs:
            if family in run.sections:
                yield None, run.sections[family]

    def _state(self) -> _State:
        if self._known.head != self.head:
            self._known = self._shelf.state(self, self.head)
        return self._known

    def _parts_now(self) -> Mapping[int, Part]:
        return self._state().parts

    def _gone(self) -> NDArray[np.uint8]:
        return self._state().gone

    def parts(self) -> dict[int, Part]:
        """Return the partitions that have files."""
        return _parts(self)

    def unfiled(self) -> set[int]:
        """Return the partitions of texts that are in no file yet."""
        found, row = set(), next(self.scan("tails"), None)
        while row is not None:
            number, _ = _TAIL.unpack(row[0])  # type: ignore[arg-type]
            found.add(number)
            row = next(self.scan("tails", _TAIL.pack(number, (1 << 64) - 1)), None)
        return found

    def damages(self) -> Iterator[str]:
        """Read everything and say what is wrong."""
        found = list(super().damages())
        yield from found
        if found:
            return
        yield from self._recent_damages()
        files, parts = self._shelf.files, self.parts()
        for part in parts.values():
            if part.texts:
                yield from textlog.damages(files / part.text_file, part.end)
            for each in part.segments:
                try:
                    yield from Segment(files / part.key_file(each["file"]), each).damages()
                except IndexStateError as error:
                    yield told(error)
        for path in unlisted(files, [name for part in parts.values() for name in part.files()]):
            if not FILES.fullmatch(path.name):
                yield f"{path}: not a file of the index; move it elsewhere"

    def _recent_damages(self) -> Iterator[str]:
        """Read what is in no file yet; the values themselves are sound."""
        ends = {number: part.end for number, part in self.parts().items()}
        for key, data in self.scan("tails"):
            number, offset = _TAIL.unpack(key)  # type: ignore[arg-type]
            if ends.get(number, textlog.START) != offset:
                yield f"{self.path}: a text of {Part(number).month} before byte {offset:,} is missing"
            ends[number] = offset + len(data)
        try:
            _pending(self, 0, self.head.pieces)
        except IndexStateError as error:
            yield told(error)


class Writer(View, Changes):
    """A batch that is being written; it sees what it has written."""

    def __init__(self, shelf: Shelf, txn: Any) -> None:
        """Use :meth:`Shelf.writing`."""
        super().__init__(shelf, txn)
        self._runs: list[Run] = []
        self._stored = 0
        self._ends: dict[int, int] = {}  # where the next text of a partition goes
        self._dropped: dict[int, Part] = {}
        self._removed: NDArray[np.uint8] | None = None
        self._filing: Filing | None = None
        self._committing = False
        self.doomed: list[Path] = []
        """Other files that are needless after the commit."""

    def __enter__(self) -> Self:
        """Return the writer."""
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Take files back when the batch failed; when the commit itself did, only LMDB knows whether it is there."""
        if kind is not None and self._filing is not None and not self._committing:
            self._filing.undo()

    def store(self, parts: NDArray[np.uint16], texts: pa.LargeStringArray) -> NDArray[Any]:
        """Keep texts, each in its partition; return their places (:data:`PLACE`)."""
        places = np.empty(len(parts), PLACE)
        known = self._parts_now()
        for index, (number, text) in enumerate(
            zip(parts.tolist(), texts.cast(pa.large_binary()).to_pylist(), strict=True)
        ):
            if number not in self._ends:
                self._ends[number] = self._end(known.get(number) or Part(number))
            end = self._ends[number]
            data = textlog.frame(text, end)
            self.put("tails", _TAIL.pack(number, end), data)
            places[index] = (number, len(data), end)
            self._ends[number] = end + len(data)
        self._stored += len(parts)
        return places

    def _end(self, part: Part) -> int:
        """Return where the texts of a partition end, those in no file included."""
        last = self.before("tails", _TAIL.pack(part.part, (1 << 64) - 1))
        if last is None:
            return part.end
        number, offset = _TAIL.unpack(last[0])
        return offset + len(last[1]) if number == part.part else part.end

    def post(
        self,
        numbers: NDArray[np.int64],
        parts: NDArray[np.uint16],
        families: Mapping[int, tuple[NDArray[np.uint64], NDArray[np.int64], NDArray[np.uint32]]],
    ) -> None:
        """Add the postings of articles, by family (0 to 7): keys, places and weights.

        Article ``i`` has the keys ``keys[places[i]:places[i + 1]]``, with a weight each.
        """
        made = {family: segments.entries(numbers, *columns) for family, columns in families.items()}
        run = Run(np.asarray(numbers, np.int64), np.asarray(parts, np.uint16), made)
        self._runs = list(segments.stacked(tuple(self._runs), [run]))

    def unpost(self, numbers: NDArray[np.int64]) -> None:
        """Never find these numbers again: their postings go with the next merge, and they must not be posted anew."""
        if not len(numbers):
            return
        bits = self._gone()
        size = (int(numbers.max()) // _NUMBERS + 1) * _NUMBERS // 8
        bits = np.concatenate([bits, np.zeros(max(0, size - len(bits)), np.uint8)])
        np.bitwise_or.at(bits, numbers >> 3, np.left_shift(1, numbers & 7).astype(np.uint8))
        self._removed = bits
        for piece in np.unique(numbers // _NUMBERS).tolist():
            self.put("gone", piece, bits[piece * _NUMBERS // 8 : (piece + 1) * _NUMBERS // 8].tobytes())

    def doom(self, paths: Iterable[Path]) -> None:
        """Delete files after the commit, as soon as nobody looks at an older state."""
        self.doomed += paths

    def drop(self, part: int) -> None:
        """Remove a partition: its files go with the commit. Its numbers must be unposted too."""
        known = self._parts_now().get(part)
        if known is not None:
            self._dropped[part] = known
            self.delete("shelf", _part_key(part))
        for key, _ in list(self.scan("tails", _TAIL.pack(part, 0))):
            if _TAIL.unpack(key)[0] != part:  # type: ignore[arg-type]
                break
            self.delete("tails", key)
        self._ends[part] = textlog.START

    def _sections(self, family: int) -> Iterator[tuple[int | None, segments.Section]]:
        yield from super()._sections(family)
        for run in self._runs:
            if family in run.sections:
                yield None, run.sections[family]

    def _parts_now(self) -> Mapping[int, Part]:
        parts = self._state().parts
        return (
            {number: part for number, part in parts.items() if number not in self._dropped} if self._dropped else parts
        )

    def _gone(self) -> NDArray[np.uint8]:
        return self._state().gone if self._removed is None else self._removed

    # The end of the batch --------------------------------------------------------------------------------------------

    def commit(self) -> list[str]:
        """Make the batch durable; return the names of the files that are needless now."""
        doomed = [name for part in self._dropped.values() for name in part.files()]
        commit = self.head.commit + 1
        head = self.head._replace(
            commit=commit,
            layout=commit if self._dropped else self.head.layout,
            gone=self.head.gone if self._removed is None else commit,
            articles=self.head.articles + sum(len(run.numbers) for run in self._runs),
            entries=self.head.entries + sum(map(len, self._runs)),
            texts=self.head.texts + self._stored,
        )
        with _system(self._shelf.folder):
            if head.articles >= PENDING or head.texts >= PENDING or head.entries >= _ENTRIES:
                head, more = self._file(head)
                doomed += more
            else:
                head = self._suspend(head)
            self.put("shelf", _HEAD, head.pack())
            self._committing = True
            try:
                self._txn.commit()
            except self._fault as error:
                self._committing = self._survived(commit)
                raise self._environment.told(error) from error
        self.head = head
        return doomed

    def _survived(self, commit: int) -> bool:
        """Say whether a commit that failed is there all the same, or nobody knows."""
        try:
            with self._environment.reading() as txn:
                return View(self._shelf, txn).head.commit >= commit
        except DedupError:
            return True

    def _suspend(self, head: Head) -> Head:
        """Keep the postings of the batch in LMDB."""
        if not self._runs:
            return head
        data = Run.of(self._runs).pack()
        starts = range(0, len(data), _PIECE)
        for index, start in enumerate(starts):
            last = index == len(starts) - 1
            self.put("pending", head.pieces + index, bytes([last]) + data[start : start + _PIECE])
        return head._replace(pieces=head.pieces + len(starts))

    def _file(self, head: Head) -> tuple[Head, list[str]]:
        """Move all that is recent into files."""
        state = self._state()
        self._filing = filing = Filing(self._shelf.files, self._parts_now(), state.opened, head.file)
        frames: dict[int, list[bytes]] = {}
        for key, data in self.whole("tails"):
            frames.setdefault(_TAIL.unpack(key)[0], []).append(data)  # type: ignore[arg-type]
        filing.add_texts(frames)
        filing.add_postings((*state.runs, *self._runs), self._gone())
        filing.sync()
        for number, part in filing.parts.items():
            if part != state.parts.get(number):
                self.put("shelf", _part_key(number), part.pack())
        self.clear("pending")
        self.clear("tails")
        filed = head._replace(layout=head.commit, file=filing.number, articles=0, entries=0, texts=0, pieces=0)
        return filed, filing.doomed


def verify(folder: Path) -> list[str]:
    """Open an index folder for reading and return every damage in words, also where it cannot be opened."""
    try:
        with Shelf.open(folder, write=False) as shelf:
            return shelf.verify()
    except IndexStateError as error:
        return [told(error)]


# What a state is loaded from -----------------------------------------------------------------------------------------


def _part_key(part: int) -> bytes:
    return _PART + part.to_bytes(2, "big")


def _parts(tables: Tables) -> dict[int, Part]:
    made = {}
    for key, value in tables.whole("shelf"):
        assert isinstance(key, bytes)  # noqa: S101  (the keys of this table are)
        if key.startswith(_PART):
            number = int.from_bytes(key[len(_PART) :], "big")
            made[number] = Part.unpack(number, value)
    return made


def _pending(tables: Tables, first: int, end: int) -> list[Run]:
    """Return recent postings, a run a batch, from a piece on."""
    runs, pieces = [], list[bytes]()
    for key, value in tables.scan("pending", first):
        if key != first:
            break
        pieces.append(value[1:])
        if value[0]:
            runs.append(Run.unpack(b"".join(pieces)))
            pieces = []
        first += 1
    if first != end:
        raise damage(f"{tables.path}: damaged (recent postings)")
    return runs


def _bitmap(tables: Tables) -> NDArray[np.uint8]:
    pieces = dict(tables.whole("gone"))
    made = np.zeros((max(map(int, pieces), default=-1) + 1, _NUMBERS // 8), np.uint8)
    for key, value in pieces.items():
        made[int(key)] = np.frombuffer(value, np.uint8)
    return made.reshape(-1)


# The folder ----------------------------------------------------------------------------------------------------------


def _look(folder: Path, *, make: bool) -> None:
    """See that a folder is an index, or may become one."""
    with _system(folder, "looked at"):
        _see_folder(folder, make=make)


def _see_folder(folder: Path, *, make: bool) -> None:
    if (folder / "data.mdb").is_file() and (folder / "data.mdb").stat().st_size:
        return
    if folder.exists() and not folder.is_dir():
        raise IndexStateError(f"{folder}: not a folder; an index is one")
    if (folder / "parts").is_dir() and any((folder / "parts").iterdir()):
        raise IndexStateError(
            f"{folder}/data.mdb: missing or empty; the index cannot be read without it, restore a copy"
        )
    if not make:
        raise IndexStateError(f"{folder}: there is no index here")
    with _system(folder):
        folder.mkdir(parents=True, exist_ok=True)
    if {path.name for path in folder.iterdir()} - _OWN:
        raise IndexStateError(f"{folder}: not an index, and not empty; name another folder")


def _locked(folder: Path, wait: float) -> int:
    """Become the one writer; return the open lock."""
    until = time.monotonic() + wait
    with _system(folder):
        handle = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        while not (taken := _taken(handle)) and time.monotonic() < until:
            time.sleep(_POLL)
        if not taken:
            _refuse(folder, handle)
        with _system(folder):
            os.pwrite(handle, _OWNER.pack(os.getpid(), _owner(handle)[1]), 0)
    except BaseException:
        os.close(handle)
        raise
    return handle


def _taken(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _refuse(folder: Path, handle: int) -> NoReturn:
    message = f"{folder}: another process writes to it or verifies it (the last that wrote: {_owner(handle)[0]})"
    raise IndexStateError(f"{message}; wait for it to end")


def _owner(handle: int) -> tuple[int, int]:
    """Return the process that last took the lock, and the last commit that was acknowledged."""
    process, commit = _OWNER.unpack(os.pread(handle, _OWNER.size, 0).ljust(_OWNER.size, b"\0"))
    return process, commit


def _acknowledged(folder: Path) -> int:
    try:
        handle = os.open(folder / _LOCK, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:  # a copy without it
        return 0
    try:
        return _owner(handle)[1]
    finally:
        os.close(handle)


@contextlib.contextmanager
def _still(folder: Path) -> Iterator[bool]:
    """Keep writers away for a while; false where one is at work."""
    try:
        handle = os.open(folder / _LOCK, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        yield True
        return
    try:
        yield _taken(handle)
    finally:
        os.close(handle)


def _mapped() -> int:
    """Return the bytes of mapped files that this process holds in memory; 0 where the system does not tell."""
    try:
        with open("/proc/self/statm", "rb", buffering=0) as file:  # noqa: PTH123  (a path costs as much again)
            return int(file.read().split()[2]) * mmap.PAGESIZE
    except OSError:  # not Linux
        return 0


@contextlib.contextmanager
def _system(path: Path, done: str = "written") -> Iterator[None]:
    """Say in the words of the index what the system reports."""
    try:
        yield
    except OSError as error:
        raise OutputError(f"{path}: cannot be {done} ({error.strerror or error})") from error
