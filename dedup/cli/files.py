"""The files and folders that commands read and write, looked at before any work."""

from __future__ import annotations

import os
import shlex
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from dedup.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dedup.result import Result

_TABLES = ("articles.parquet", "matches.parquet", "spans.parquet")
_MAGIC = b"PAR1"  # how a Parquet file begins
TABLES_NAMED = f"{', '.join(_TABLES[:-1])} and {_TABLES[-1]}"


def check_output(corpus: str, out: Path | None) -> None:
    """Refuse, before any work, a folder that cannot be written to, or that the next run would read as corpus."""
    from dedup.result import check_target  # noqa: PLC0415

    if out is None:
        return
    check_target(out)
    folder = Path(corpus)
    if folder.is_dir() and out.resolve().is_relative_to(folder.resolve()):
        raise OutputError(
            f"{out}: lies in the corpus {corpus}, which would then hold its own result; name another folder"
        )


def read_result(folder: Path) -> Result:
    """Read a result back; where there is none, say what stands in its place."""
    from dedup.result import Result  # noqa: PLC0415

    if not folder.exists():
        raise OutputError(f"{folder}: no such folder; `dedup find CORPUS -o {shlex.quote(str(folder))}` writes one")
    if not folder.is_dir():
        raise OutputError(f"{folder}: is a file; name the folder that `dedup find CORPUS -o OUT` wrote")
    missing = [name for name in _TABLES if not (folder / name).exists()]
    if missing:
        lacks = "holds no result" if len(missing) == len(_TABLES) else f"its result lacks {' and '.join(missing)}"
        raise OutputError(f"{folder}: {lacks}; name the folder that `dedup find CORPUS -o OUT` wrote")
    return Result.read(folder)


def check_new_file(file: Path, *, parquet: bool = False) -> None:
    """Refuse, before any work, a file that cannot be written, or that would cost what is not ours to replace.

    Of files that are there a Parquet file gives way to another one only, and one of a result to none.
    """
    from dedup.result import is_of_result  # noqa: PLC0415

    if file.is_dir():
        raise OutputError(f"{file}: is a folder; name a file")
    if file.exists() and not file.is_file():
        raise OutputError(f"{file}: is not a file but a device or a pipe; name a file")
    if _is_parquet(file):
        if not parquet:
            raise OutputError(f"{file}: is a Parquet file, and something else would take its place; name another file")
        if is_of_result(file):
            raise OutputError(f"{file}: is part of a result of `dedup find`; name another file")
    if not file.parent.is_dir() or not os.access(file.parent, os.W_OK):
        raise OutputError(f"{file}: cannot be written ({file.parent} takes no new file); name another")


def _is_parquet(file: Path) -> bool:
    if not file.is_file() or not os.access(file, os.R_OK):
        return False
    with file.open("rb") as there:
        return there.read(len(_MAGIC)) == _MAGIC


def check_file(corpus: str, file: Path, *, parquet: bool = False) -> None:
    """Refuse, before any work, a file that :func:`check_new_file` does, or that the next run would read as corpus."""
    check_new_file(file, parquet=parquet)
    source = Path(corpus)
    if corpus and source.exists() and file.resolve().is_relative_to(source.resolve()):
        raise OutputError(f"{file}: lies in the corpus {corpus}, which would then hold it; name another file")


@contextmanager
def whole(file: Path) -> Iterator[Path]:
    """Yield a path to write to, which takes the place of ``file`` when all is written.

    Raises OutputError for an OSError in between that is of no other file.
    """
    folder = ""
    try:
        with tempfile.TemporaryDirectory(prefix=f".{file.name}.", dir=file.parent) as folder:
            work = Path(folder) / file.name
            yield work
            work.replace(file)
    except OSError as error:
        if error.filename is not None and not str(error.filename).startswith(folder):
            raise
        reason = error.strerror or str(error).splitlines()[0]
        raise OutputError(f"{file}: cannot be written ({reason}); nothing was changed there") from error
