"""LMDB: opened once a process, its tables, its transactions, and its errors in the words of the index."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import mmap
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import xxhash

from dedup.errors import DedupError, IndexStateError, MissingExtraError, OutputError
from dedup.index import pages
from dedup.index.damage import damage
from dedup.index.manifest import Head

if TYPE_CHECKING:
    from collections.abc import Iterator

FORMAT = 1
TABLES = ("meta", "ids", "records", "notes", "house", "links", "members", "events", "pending")
# What the shelf keeps for itself: the head and the partitions, texts that are in no file yet, numbers that are gone.
INNER = ("shelf", "tails", "gone")
SETS = frozenset({"members"})
"""Tables whose keys have many numbers each."""
CHECK = 4
"""Bytes behind every value that check table, key and value."""

_SEEDS = {name: seed for seed, name in enumerate((*TABLES, *INNER))}
_ROOM = 1 << 36  # bytes of address space; they cost nothing until they are used
_LEAST_ROOM = 1 << 28
_READERS = 1022
_PATIENCE = 10.0  # seconds that the map waits for the readers of this process before it moves
_madvise = ctypes.CDLL(None).madvise  # Python has it for its own maps only
_madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
_FULL = {errno.ENOSPC, errno.EFBIG, errno.EDQUOT, errno.EIO, errno.EROFS}


def engine() -> Any:
    """Return the package. Raises MissingExtraError where it is not installed."""
    try:
        import lmdb  # noqa: PLC0415  (optional)
    except ModuleNotFoundError as error:
        message = "lmdb is not installed; install it with: pip install 'dedup[index]'"
        raise MissingExtraError(message) from error
    return lmdb


def seal(table: str, key: bytes, value: bytes) -> bytes:
    """Return a value as it is stored, with its check behind it."""
    return value + _check(table, key, value)


def unseal(table: str, key: bytes, stored: bytes) -> bytes | None:
    """Return a value without its check, None where that fails."""
    value = stored[:-CHECK]
    return value if _check(table, key, value) == stored[-CHECK:] else None


def _check(table: str, key: bytes, value: bytes) -> bytes:
    return xxhash.xxh3_64_digest(key + value, _SEEDS[table])[:CHECK]


class Environment:
    """An open LMDB file. It may be opened only once a process, so all shelves on one folder share it."""

    def __init__(self, folder: Path, *, write: bool) -> None:
        """Use :func:`acquire`."""
        self.folder, self.users, self._views = folder, 1, 0
        self._changed = threading.Condition()
        self._place: tuple[int, int] | None = None  # in memory, of the map
        self.fault: type[Exception] = engine().Error
        self._open(write=write)
        self.key = _identity(folder / "data.mdb")

    def _open(self, *, write: bool) -> None:
        self.lmdb, self.write = _opened(self.folder, readonly=not write), write
        self._place = None
        try:
            with self.lmdb.begin() as txn:  # what it looks at is not written over meanwhile
                self._see_pages(txn.id())
            if write:
                self.lengthen()
            self.handles = _handles(self.folder, self.lmdb, write=write)
        except BaseException:
            self.lmdb.close()
            raise

    def _see_pages(self, commit: int) -> None:
        """See that the engine can walk the pages of a commit: a damaged one may end the process, or hide what is there.

        It takes about a second for three gigabytes.
        """
        wrong = pages.damage(self.folder / "data.mdb", commit)
        if wrong:
            raise _unreadable(self.folder / "data.mdb", wrong)

    def _missing(self) -> int:
        """Return how many bytes of the pages that count lie behind the end of the file."""
        used = (self.lmdb.info()["last_pgno"] + 1) * self.lmdb.stat()["psize"]
        return max(0, int(used) - (self.folder / "data.mdb").stat().st_size)

    def lengthen(self) -> None:
        """Let the file have all its pages: LMDB does not write those that the commit that took them gave back."""
        missing = self._missing()
        if missing:
            path = self.folder / "data.mdb"
            os.truncate(path, path.stat().st_size + missing)

    @contextlib.contextmanager
    def reading(self) -> Iterator[Any]:
        """Look at the last commit."""
        if os.getpid() != self.key[0]:
            raise IndexStateError(f"{self.folder}: opened before this process was forked; open it again in this one")
        with self._changed:
            txn = self._begun()
            self._views += 1
        try:
            yield txn
        finally:
            with self._changed:
                txn.abort()
                self._views -= 1
                self._changed.notify_all()

    def _begun(self) -> Any:
        try:
            return self.lmdb.begin()
        except engine().MapResizedError:  # another process needed more room
            self._alone()
            self.lmdb.set_mapsize(0)
            self._place = None
            return self.lmdb.begin()
        except self.fault as error:
            raise self.told(error) from error

    @contextlib.contextmanager
    def writing(self) -> Iterator[Any]:
        """Start what the caller commits; otherwise it is as if it had not been."""
        try:
            self._grow()
            txn = self.lmdb.begin(write=True)
        except self.fault as error:
            raise self.told(error) from error
        try:
            yield txn
        finally:
            txn.abort()

    def _grow(self) -> None:
        """Keep as much room as is used, and so more than any batch takes."""
        info = self.lmdb.info()
        if 2 * info["last_pgno"] * self.lmdb.stat()["psize"] > info["map_size"]:
            with self._changed:
                self._alone()
                self.lmdb.set_mapsize(2 * info["map_size"])
                self._place = None

    def _alone(self) -> None:
        """Wait until nobody in this process looks at the index: the map is about to move."""
        if not self._changed.wait_for(lambda: not self._views, _PATIENCE):
            raise IndexStateError(f"{self.folder}: this process is still reading it; end what reads and try again")

    def reopen(self) -> None:
        """Open for writing what was open for reading only."""
        with self._changed:
            self._alone()
            self.lmdb.close()
            self._open(write=True)

    def give_back(self, number: int, slices: int) -> None:
        """Give the pages of one of so many slices of the file that were read back to the system (Linux)."""
        start, end = self._place = self._place or _place(self.folder / "data.mdb")
        used = min(end - start, (self.lmdb.info()["last_pgno"] + 1) * self.lmdb.stat()["psize"])
        size = -(-used // slices // mmap.PAGESIZE) * mmap.PAGESIZE
        first = min(number * size, end - start)
        length = min(size, end - start - first)
        _madvise(start + first, length, mmap.MADV_DONTNEED)

    def oldest(self) -> int:
        """Return the oldest transaction that a reader of any process looks at."""
        rows = [line.split() for line in self.lmdb.readers().splitlines()]
        return min((int(row[2]) for row in rows if len(row) == 3 and row[2].isdigit()), default=1 << 63)  # noqa: PLR2004

    def damages(self) -> list[str]:
        """Check the file without the engine; nobody may write meanwhile."""
        missing = self._missing()
        cut = [f"{self.folder}/data.mdb: cut short by {missing:,} bytes"] if missing else []
        from lmdb import verify  # noqa: PLC0415  (optional)

        path, check = self.folder / "data.mdb", cast("Any", verify.verify)
        try:
            return cut + [f"{path}: {line}" for line in check(str(path))]
        except verify.VerifyError as error:
            return [*cut, f"{path}: {error}"]

    def told(self, error: Exception) -> DedupError:
        """Say in the words of the index what LMDB reports."""
        return _told(self.folder, error)


def _told(folder: Path, error: Exception, *, opening: bool = False) -> DedupError:
    lmdb, path = engine(), folder / "data.mdb"
    if isinstance(error, lmdb.MapFullError):
        return OutputError(
            f"{path}: the batch is too large for the address space of this process; write less at a time"
        )
    if isinstance(error, lmdb.ReadersFullError):
        return IndexStateError(f"{path}: {_READERS:,} readers are at work already; end some and try again")
    if getattr(error, "code", 0) in {errno.EACCES, errno.EPERM}:
        return OutputError(f"{path}: no permission ({error}); readers too need to write lock.mdb beside it")
    if isinstance(error, lmdb.DiskError) or getattr(error, "code", 0) in _FULL:
        return OutputError(f"{path}: cannot be written ({error}); nothing of this batch was stored")
    if opening:
        return _unreadable(path, str(error).removeprefix(f"{folder}: ").rstrip("."))
    return damage(f"{path}: damaged ({error})")


def _unreadable(path: Path, what: str) -> IndexStateError:
    return IndexStateError(f"{path}: damaged, or of another program ({what}); restore a copy of the index")


# One a process -------------------------------------------------------------------------------------------------------

_OPEN: dict[tuple[int, int, int], Environment] = {}
_OPENING = threading.Lock()


def acquire(folder: Path, *, write: bool) -> Environment:
    """Open LMDB, or share what this process has open. Raises IndexStateError where it is not that of an index."""
    path = folder / "data.mdb"
    with _OPENING:
        try:
            known = _OPEN.get(_identity(path)) if path.exists() else None
            if known is None:
                known = Environment(folder, write=write)
                _OPEN[known.key] = known
                return known
            if write and not known.write:
                known.reopen()
        except engine().Error as error:
            raise _told(folder, error, opening=True) from error
        known.users += 1
        return known


def release(environment: Environment) -> None:
    """Give it back; the last user closes it."""
    with _OPENING:
        environment.users -= 1
        if not environment.users:
            del _OPEN[environment.key]
            environment.lmdb.close()


def _place(path: Path) -> tuple[int, int]:
    """Return where in memory a file is mapped: its first byte and its end; (0, 0) where that cannot be told."""
    name = str(path.resolve())
    lines = [line for line in Path("/proc/self/maps").read_text().splitlines() if line.endswith(name)]
    bounds = [int(place, 16) for line in lines for place in line.split()[0].split("-")]
    return min(bounds, default=0), max(bounds, default=0)


def _identity(path: Path) -> tuple[int, int, int]:
    known = path.stat()
    return os.getpid(), known.st_dev, known.st_ino


def _opened(folder: Path, *, readonly: bool) -> Any:
    """Open LMDB with as much address space as the system gives."""
    lmdb, room = engine(), _ROOM
    while True:
        try:
            return lmdb.open(
                str(folder),
                map_size=room,
                max_dbs=len(_SEEDS),
                max_readers=_READERS,
                readonly=readonly,
                mode=0o644,
            )
        except lmdb.MemoryError:
            room //= 2
            if room < _LEAST_ROOM:
                raise


def _handles(folder: Path, env: Any, *, write: bool) -> dict[str, Any]:
    """Open the tables; for writing, make them where there are none at all."""
    stored: bytes | None = None
    try:
        if write:
            with env.begin(write=True) as txn:
                fresh = not txn.stat()["entries"]
                made = {
                    name: env.open_db(name.encode(), txn=txn, create=fresh, integerdup=name in SETS) for name in _SEEDS
                }
                if fresh:
                    for key, first in ((b"format", b"%d" % FORMAT), (b"head", Head().pack())):
                        txn.put(key, seal("shelf", key, first), db=made["shelf"])
        else:
            made = {name: env.open_db(name.encode(), create=False, integerdup=name in SETS) for name in _SEEDS}
        with env.begin() as txn:
            stored = txn.get(b"format", db=made["shelf"])
    except (engine().NotFoundError, engine().IncompatibleError):
        pass
    value = unseal("shelf", b"format", stored or b"")
    if value is None:
        raise IndexStateError(f"{folder}: its data.mdb is not that of an index, or damaged; name another folder")
    if int(value) > FORMAT:
        raise IndexStateError(f"{folder}: of a newer version of dedup (format {int(value)}, this one knows {FORMAT})")
    return made
