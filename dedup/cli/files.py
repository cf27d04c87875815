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


def check_new_file(file: Path) -> None:
    """Refuse, before any work, a file that cannot be written."""
    if file.is_dir():
        raise OutputError(f"{file}: is a folder; name a file")
    if not file.parent.is_dir() or not os.access(file.parent, os.W_OK):
        raise OutputError(f"{file}: cannot be written ({file.parent} takes no new file); name another")


def check_file(corpus: str, file: Path) -> None:
    """Refuse, before any work, a file that cannot be written, or that the next run would read as corpus."""
    check_new_file(file)
    source = Path(corpus)
    if source.exists() and file.resolve().is_relative_to(source.resolve()):
        raise OutputError(f"{file}: lies in the corpus {corpus}, which would then hold it; name another file")


@contextmanager
def whole(file: Path) -> Iterator[Path]:
    """Yield a path to write to, which takes the place of ``file`` when all is written."""
    with tempfile.TemporaryDirectory(prefix=f".{file.name}.", dir=file.parent) as folder:
        work = Path(folder) / file.name
        yield work
        work.replace(file)
