"""The work of a long run between its stages: columns of numbers that are written once in order, then read in ranges.

A column lies in memory, in a file without a name (so that not even a killed process leaves it behind), or in a folder
that outlives the process. There a manifest says which stages are finished and what they left; it takes the place of the
one before it whole, and what a stage wrote without finishing is dropped. This guards against a killed process, not
against a power cut: nothing is forced to the disk.
"""

from __future__ import annotations

import fcntl
import json
import os
import tempfile
from bisect import bisect_right
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Self

import numpy as np

from dedup.errors import OutputError
from dedup.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import DTypeLike, NDArray

_MANIFEST = "manifest.json"
_SUFFIX = ".column"
_NAMED = 3  # names in a message
_BETWEEN = 1 << 14  # bytes between two ranges that are rather read than left out
_NAMELESS_HINT = "name another folder in TMPDIR"
_KEPT_HINT = "make room there and go on with --resume"


class Column:
    """Values of one type, in memory where there is no ``file``; any thread may read while none appends.

    ``place`` and ``hint`` are for the message of a full disk.
    """

    def __init__(
        self, dtype: DTypeLike, file: BinaryIO | None = None, place: str = "", hint: str = _NAMELESS_HINT
    ) -> None:
        """Begin without values; those that the file holds already count."""
        self.dtype: np.dtype[Any] = np.dtype(dtype)
        self._file, self._place, self._hint = file, place, hint
        self._chunks: list[NDArray[Any]] = []
        self._starts = [0]
        if file is not None:
            self._starts = [os.fstat(file.fileno()).st_size // self.dtype.itemsize]

    @classmethod
    def nameless(cls, dtype: DTypeLike, folder: Path | None = None, hint: str = _NAMELESS_HINT) -> Self:
        """Return a column in a file without a name, in ``folder`` or where the system keeps temporary files."""
        file = tempfile.TemporaryFile(buffering=0, dir=folder)  # noqa: SIM115  (closed with the column)
        return cls(dtype, file, str(folder or tempfile.gettempdir()), hint)

    def __len__(self) -> int:
        """Count the values."""
        return self._starts[-1]

    @property
    def nbytes(self) -> int:
        """Return the bytes of all values."""
        return len(self) * self.dtype.itemsize

    @property
    def on_disk(self) -> bool:
        """Say whether the values are in a file that is there."""
        return self._file is not None and not self._file.closed

    def append(self, values: NDArray[Any]) -> None:
        """Add values behind the last. Raises OutputError where the disk is full."""
        values = np.ascontiguousarray(values, self.dtype)
        if not len(values):
            return
        if self._file is None:
            self._chunks.append(values)
            self._starts.append(self._starts[-1] + len(values))
            return
        rest = values.view(np.uint8).data
        try:
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            message = f"{self._place}: cannot take the work of this run ({error.strerror}); {self._hint}"
            raise OutputError(message) from error
        self._starts[-1] += len(values)

    def read(self, start: int = 0, stop: int | None = None) -> NDArray[Any]:
        """Return the values from ``start`` to before ``stop``; they may be those that the column holds."""
        stop = len(self) if stop is None else stop
        return self._loaded(start, stop) if self._file is not None else self._held(start, stop)

    def _held(self, start: int, stop: int) -> NDArray[Any]:
        first, last = bisect_right(self._starts, start) - 1, bisect_right(self._starts, max(start, stop - 1)) - 1
        parts = [
            chunk[max(0, start - begin) : stop - begin]
            for begin, chunk in zip(self._starts[first : last + 1], self._chunks[first : last + 1], strict=False)
        ]
        return parts[0] if len(parts) == 1 else np.concatenate([np.empty(0, self.dtype), *parts])

    def _loaded(self, start: int, stop: int) -> NDArray[Any]:
        out = np.empty(stop - start, self.dtype)
        self.read_into(out, start)
        return out

    def read_into(self, out: NDArray[Any], start: int) -> None:
        """Read values from ``start`` on until ``out`` is full."""
        if self._file is None:
            out[:] = self._held(start, start + len(out))
            return
        rest, at = out.view(np.uint8).data, start * self.dtype.itemsize
        while rest:
            count = os.preadv(self._file.fileno(), [rest], at)
            if count == 0:
                raise OutputError(f"{self._place}: is shorter than it was written; begin anew without --resume")
            rest, at = rest[count:], at + count

    def gather(self, starts: NDArray[np.int64], ends: NDArray[np.int64]) -> tuple[NDArray[Any], NDArray[np.int64]]:
        """Return the values of some ranges and, of each, where it starts there; what lies together is read together."""
        between = starts[1:] - ends[:-1]
        new = np.ones(len(starts), np.bool_)
        new[1:] = (between < 0) | (between * self.dtype.itemsize > _BETWEEN)
        first = np.flatnonzero(new)
        begins, stops = starts[first], ends[np.append(first[1:], len(starts))[: len(first)] - 1]
        places = np.concatenate([np.zeros(1, np.int64), np.cumsum(stops - begins)])
        out, bounds = np.empty(places[-1], self.dtype), places.tolist()
        for index, begin in enumerate(begins.tolist()):
            self.read_into(out[bounds[index] : bounds[index + 1]], begin)
        return out, starts + (places[:-1] - begins)[np.cumsum(new) - 1]

    def search(self, value: int, start: int, stop: int) -> int:
        """Return the first place from ``start`` to ``stop`` whose value is not less; the values there ascend."""
        while start < stop:
            middle = (start + stop) // 2
            if int(self.read(middle, middle + 1)[0]) < value:
                start = middle + 1
            else:
                stop = middle
        return start

    def close(self) -> None:
        """Let go of the values; a file without a name is gone."""
        if self._file is not None:
            self._file.close()
        else:
            self._chunks, self._starts = [], [0]


class Work:
    """Columns by name, and what is known of the stages that are finished. The columns are in memory, or nameless.

    Files lie in ``folder``, or where the system keeps temporary ones.
    """

    def __init__(self, *, on_disk: bool, folder: Path | None = None) -> None:
        """Begin without columns."""
        self._on_disk, self._nameless_in = on_disk, folder
        self._columns: dict[str, Column] = {}
        self._scratch: list[Column] = []
        self._facts: dict[str, dict[str, Any]] = {}
        self.most_bytes = 0

    def __enter__(self) -> Self:
        """Return the work."""
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Let go of everything."""
        self.note_bytes()
        for column in (*self._columns.values(), *self._scratch):
            column.close()

    @contextmanager
    def scratch(self, dtype: DTypeLike, *, filed: bool = False) -> Iterator[Column]:
        """Yield a column that no stage leaves to another; in a file, ``filed`` in any case, it has no name."""
        column = self._unnamed(dtype) if self._on_disk or not filed else self._in_file(dtype)
        self._scratch.append(column)
        yield column
        self.note_bytes()
        column.close()

    def _unnamed(self, dtype: DTypeLike) -> Column:
        return self._in_file(dtype) if self._on_disk else Column(dtype)

    def _in_file(self, dtype: DTypeLike) -> Column:
        if self._nameless_in is None:
            return Column.nameless(dtype)
        return Column.nameless(dtype, self._nameless_in, "name another folder")

    def column(self, name: str, dtype: DTypeLike) -> Column:
        """Return the column of this name, a new one where there is none."""
        if name not in self._columns:
            self._columns[name] = self._opened(name, dtype)
        return self._columns[name]

    def filed(self, name: str, dtype: DTypeLike) -> Column:
        """Return the column of this name, which is in a file in any case."""
        if name not in self._columns:
            self._columns[name] = self._opened(name, dtype) if self._on_disk else self._in_file(dtype)
        return self._columns[name]

    def _opened(self, name: str, dtype: DTypeLike) -> Column:
        del name
        return self._unnamed(dtype)

    def drop(self, *names: str) -> None:
        """Forget columns that no later stage needs."""
        self.note_bytes()
        for name in names:
            column = self._columns.pop(name, None)
            if column is not None:
                column.close()

    def facts(self, stage: str) -> dict[str, Any] | None:
        """Return what is known of a finished stage, None for one that is to be done."""
        return self._facts.get(stage)

    def finish(self, stage: str, facts: Mapping[str, Any]) -> None:
        """Note that a stage is finished: its columns are whole."""
        self.note_bytes()
        self._facts[stage] = dict(facts)

    def note_bytes(self, others: int = 0) -> None:
        """Take note of the bytes on disk, with those of ``others``' files, where they are the most so far."""
        columns = (*self._columns.values(), *self._scratch)
        own = sum(column.nbytes for column in columns if column.on_disk)
        self.most_bytes = max(self.most_bytes, own + others)


@contextmanager
def scratch_folder(folder: str | Path | None) -> Iterator[Path | None]:
    """Yield the folder for files without a name; one that was not there is there for so long only.

    Raises OutputError where it cannot be made.
    """
    if folder is None:
        yield None
        return
    there = Path(folder)
    made = not there.exists()
    try:
        there.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=there).close()
    except OSError as error:
        raise OutputError(f"{there}: cannot hold the work ({error.strerror}); name another folder") from error
    try:
        yield there
    finally:
        if made:
            there.rmdir()


class WorkFolder(Work):
    """Work in a folder: after an error or a kill it stays there with its finished stages, and goes when all is done.

    ``run`` says of what run it is: plain values, which must be equal for the work to be taken up again (``resume``).
    Raises OutputError where the folder holds anything else, is in use, or cannot be written.
    """

    def __init__(self, folder: Path, run: Mapping[str, Any], *, resume: bool) -> None:
        """Take the folder, and what is finished in it."""
        super().__init__(on_disk=True)
        self._folder, self._run = folder, {"version": VERSION, **run}
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._handle = os.open(folder, os.O_RDONLY)
        except OSError as error:
            raise OutputError(f"{folder}: cannot hold the work ({error.strerror}); name another folder") from error
        try:
            self._take_up(resume=resume)
        except BaseException:
            for column in self._columns.values():
                column.close()
            os.close(self._handle)
            raise

    def _take_up(self, *, resume: bool) -> None:
        self._lock()
        entries = sorted(entry.name for entry in self._folder.iterdir())
        others = [name for name in entries if name != _MANIFEST and not name.endswith(_SUFFIX)]
        if others or (entries and _MANIFEST not in entries):
            named = ", ".join((others or entries)[:_NAMED])
            raise OutputError(f"{self._folder}: holds other files ({named}); name a new or empty folder for the work")
        if entries and not resume:
            raise OutputError(
                f"{self._folder}: holds the work of an earlier run; go on with --resume, or name another folder"
            )
        recorded = self._read() if entries else {"columns": {}, "stages": {}}
        self._facts = recorded["stages"]
        for name, (dtype, count) in recorded["columns"].items():
            column = self._columns[name] = self._opened(name, dtype)
            if len(column) != count:
                raise OutputError(f"{self._path(name)}: is damaged; remove the folder and begin anew")
        for entry in entries:
            if entry != _MANIFEST and entry.removesuffix(_SUFFIX) not in self._columns:
                (self._folder / entry).unlink()
        self._write()

    def _lock(self) -> None:
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise OutputError(f"{self._folder}: another run is at work in it; name another folder") from error

    def _read(self) -> dict[str, Any]:
        try:
            recorded: dict[str, Any] = json.loads((self._folder / _MANIFEST).read_text(encoding="utf-8"))
            run = recorded["run"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            path = self._folder / _MANIFEST
            raise OutputError(f"{path}: is no manifest of this program; name another folder") from error
        for name, value in json.loads(json.dumps(self._run)).items():
            if run.get(name) != value:
                told = _difference(name, run.get(name), value)
                raise OutputError(f"{self._folder}: its work is of another run: {told}; name another folder")
        return recorded

    def _opened(self, name: str, dtype: DTypeLike) -> Column:
        path = self._path(name)
        try:
            file = path.open("r+b" if path.exists() else "w+b", buffering=0)
        except OSError as error:
            raise OutputError(f"{path}: cannot be opened ({error.strerror}); {_KEPT_HINT}") from error
        return Column(dtype, file, str(self._folder), _KEPT_HINT)

    def _unnamed(self, dtype: DTypeLike) -> Column:
        return Column.nameless(dtype, self._folder, _KEPT_HINT)

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}{_SUFFIX}"

    def drop(self, *names: str) -> None:
        """Forget columns that no later stage needs, and remove their files."""
        super().drop(*names)
        self._write()
        for name in names:
            self._path(name).unlink(missing_ok=True)

    def finish(self, stage: str, facts: Mapping[str, Any]) -> None:
        """Note that a stage is finished: its columns are whole."""
        super().finish(stage, facts)
        self._write()

    def _write(self) -> None:
        columns = {name: (column.dtype.str, len(column)) for name, column in self._columns.items()}
        document = {"run": self._run, "stages": self._facts, "columns": columns}
        new = self._folder / f"new{_SUFFIX}"
        try:
            new.write_text(json.dumps(document), encoding="utf-8")
            new.replace(self._folder / _MANIFEST)
        except OSError as error:
            message = f"{self._folder}: cannot take the work of this run ({error.strerror}); {_KEPT_HINT}"
            raise OutputError(message) from error

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Remove the folder where all is done or nothing is finished; else what is finished stays for another run."""
        names = list(self._columns)
        super().__exit__(kind)
        if kind is None or not self._facts:
            for name in (*names, "new"):
                self._path(name).unlink(missing_ok=True)
            (self._folder / _MANIFEST).unlink(missing_ok=True)
            self._folder.rmdir()
        os.close(self._handle)


def _difference(name: str, there: Any, here: Any) -> str:
    """Say in what two runs differ; of a mapping, or a list, only the first part that does."""
    if isinstance(there, dict) and isinstance(here, dict):
        key = next(key for key in (*here, *there) if there.get(key) != here.get(key))
        return _difference(f"{name} {key}", there.get(key), here.get(key))
    if isinstance(there, list) and isinstance(here, list):
        return f"the {name} changed"
    return f"{name} was {there!r} and is {here!r}"
