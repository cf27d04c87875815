"""What `find` found, as Arrow tables, and its folder of Parquet files."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from dedup import notebook
from dedup.article import ARTICLES, MATCHES, SPANS
from dedup.errors import OutputError
from dedup.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Mapping

_METADATA = b"dedup"
_TABLES = {"articles": ARTICLES, "matches": MATCHES, "spans": SPANS}
_FILES = frozenset(f"{name}.parquet" for name in _TABLES)


@dataclass(frozen=True)
class Result:
    """Three Arrow tables (schemas in :mod:`dedup.article`), the settings they were made with, and counters.

    The counters: ``candidates`` pairs that were compared, ``capped_lists`` buckets and postings that were paired as a
    star because they were long, ``capped_articles`` that had more candidates than are compared, ``capped_partners``
    that had more in the window than are aligned, ``capped_sources`` that had more than are searched for reworded
    sentences, ``empty`` articles without a word, ``short`` ones of less than a shingle, ``no_title``, ``no_source`` and
    ``no_published`` ones without these, ``skipped_files`` in the folder that are not Parquet.

    ``corpus`` says where the texts are: ``source``, the absolute path, glob or URI, empty for a table in memory, and
    ``columns``, the corpus's own name of each field. The texts are not copied; :mod:`dedup.lookup` reads them again.
    """

    articles: pa.Table
    matches: pa.Table
    spans: pa.Table
    settings: Mapping[str, Any]
    counters: Mapping[str, int]
    corpus: Mapping[str, Any] = field(default_factory=dict)
    version: str = VERSION

    def __repr__(self) -> str:
        """Say in a line what is there."""
        groups, stories = (_shared(self.articles[name]) for name in ("copy_id", "story_id"))
        return f"<Result: articles {len(self.articles):,}, copy groups {groups:,}, stories {stories:,}>"

    def _repr_html_(self) -> str:
        """Show the largest stories, in a notebook."""
        return notebook.result(self.articles, "stories" if self.settings.get("stories", True) else "copy groups")

    def write(self, folder: str | Path) -> None:
        """Write ``articles.parquet``, ``matches.parquet`` and ``spans.parquet`` into a folder, all or nothing.

        An earlier result there is replaced. Raises OutputError where the folder holds other files or cannot be
        written; what was there then stays as it was.
        """
        target = Path(folder).resolve()  # a link stays a link
        check_target(target)
        metadata = {_METADATA: json.dumps(self._recorded(), sort_keys=True).encode()}
        work: str | None = None
        try:
            target.absolute().parent.mkdir(parents=True, exist_ok=True)
            work = tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.absolute().parent)
            for name in _TABLES:
                table: pa.Table = getattr(self, name).replace_schema_metadata(metadata)
                pq.write_table(table, Path(work) / f"{name}.parquet", compression="zstd")
            _swap(Path(work), target)
        except OSError as error:
            message = f"{target}: cannot be written ({error.strerror or error}); nothing was changed there"
            raise OutputError(message) from error
        finally:
            if work is not None:
                shutil.rmtree(work, ignore_errors=True)

    def _recorded(self) -> dict[str, Any]:
        return {
            "version": self.version,
            "settings": dict(self.settings),
            "counters": dict(self.counters),
            "corpus": dict(self.corpus),
        }

    @classmethod
    def read(cls, folder: str | Path) -> Result:
        """Read a result back from its folder. Raises OutputError where there is none."""
        tables: dict[str, pa.Table] = {}
        recorded: dict[str, Any] = {}
        records: list[dict[str, Any]] = []
        for name, schema in _TABLES.items():
            path = Path(folder) / f"{name}.parquet"
            try:
                tables[name] = pq.read_table(path)
                recorded = _checked(tables[name].schema, schema)
                records.append(recorded)
            except (OSError, pa.ArrowException, ValueError) as error:
                reason = (str(error) or type(error).__name__).splitlines()[0]
                message = (
                    f"{path}: not a result of dedup {VERSION} ({reason}); `dedup find CORPUS -o {folder}` writes one"
                )
                raise OutputError(message) from error
        if any(record != recorded for record in records):
            raise OutputError(
                f"{folder}: its files are of different runs; `dedup find CORPUS -o {folder}` writes them anew"
            )
        return cls(
            **tables,
            settings=recorded["settings"],
            counters=recorded["counters"],
            corpus=recorded.get("corpus", {}),
            version=recorded["version"],
        )


def _checked(found: pa.Schema, expected: pa.Schema) -> dict[str, Any]:
    """Return what a file's metadata records; raises ValueError where the file is not one of a result."""
    for column in expected:
        if column.name not in found.names:
            raise ValueError(f"column {column.name!r} is missing")
        if found.field(column.name).type != column.type:
            raise ValueError(f"column {column.name!r} holds {found.field(column.name).type}, expected {column.type}")
    recorded = json.loads((found.metadata or {}).get(_METADATA, b"null"))
    if not isinstance(recorded, dict) or not recorded.keys() >= {"version", "settings", "counters"}:
        raise ValueError("its metadata is missing")
    return recorded


def check_target(target: Path) -> None:
    """Raise OutputError where ``target`` is not a new or empty folder, or an earlier result."""
    if not target.exists():
        parent = next(folder for folder in target.absolute().parents if folder.exists())
        try:
            Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=parent)).rmdir()
        except OSError as error:
            message = f"{target}: cannot be written ({parent} takes no new folder: {error.strerror}); name another"
            raise OutputError(message) from error
        return
    if not target.is_dir():
        raise OutputError(f"{target}: is a file; name a folder")
    if not os.access(target, os.R_OK | os.W_OK | os.X_OK):
        raise OutputError(f"{target}: is not yours to write; name another folder")
    others = sorted(entry.name for entry in target.iterdir() if not _is_ours(entry))
    if others:
        raise OutputError(f"{target}: holds other files ({', '.join(others[:3])}); name a new or empty folder")


def _is_ours(path: Path) -> bool:
    """Say whether a file is one of an earlier result; a corpus may be called articles.parquet too."""
    return path.name in _FILES and is_of_result(path)


def _shared(names: pa.ChunkedArray) -> int:
    """Count the names that two articles and more have."""
    return int(pc.sum(pc.greater(pc.value_counts(names).field("counts"), 1)).as_py() or 0)


def is_of_result(path: Path) -> bool:
    """Say whether a file was written by :meth:`Result.write`."""
    try:
        return _METADATA in (pq.read_schema(path).metadata or {})
    except (OSError, pa.ArrowException):
        return False


def _swap(work: Path, target: Path) -> None:
    """Put the finished folder ``work`` where ``target`` is; an earlier result goes only when the new one is there."""
    work.chmod(0o777 & ~_umask())
    if not target.exists():
        work.rename(target)
        return
    aside = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.absolute().parent))
    try:
        target.rename(aside / "old")
        try:
            work.rename(target)
        except BaseException:
            (aside / "old").rename(target)
            raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
