"""What `find` found, as Arrow tables, and its folder of Parquet files."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from dedup.article import ARTICLES, COPIED, IDENTICAL, KINDS, MATCHES, RELATIONS, SPANS, UNIQUE
from dedup.errors import OutputError
from dedup.ledger import Ledgers, ledgers
from dedup.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from dedup.cluster import Groups
    from dedup.compare import Matches
    from dedup.corpus import Corpus
    from dedup.settings import Settings
    from dedup.store import TextStore
    from dedup.survey import Ranking, Survey
    from dedup.workers import Workers

_METADATA = b"dedup"
_TABLES = {"articles": ARTICLES, "matches": MATCHES, "spans": SPANS}
_FILES = frozenset(f"{name}.parquet" for name in _TABLES)
_BLOCK_BYTES = 4 << 20  # of text whose ledgers are made at a time


@dataclass(frozen=True)
class Result:
    """Three Arrow tables (schemas in :mod:`dedup.article`), the settings they were made with, and counters.

    The counters: ``candidates`` pairs that were compared, ``capped_lists`` buckets and postings that were paired as a
    star because they were long, ``capped_articles`` that had more candidates than are compared, ``empty`` articles
    without a word, ``short`` ones of less than a shingle, ``skipped_files`` in the folder that are not Parquet.
    """

    articles: pa.Table
    matches: pa.Table
    spans: pa.Table
    settings: Mapping[str, Any]
    counters: Mapping[str, int]
    version: str = VERSION

    def write(self, folder: str | Path) -> None:
        """Write ``articles.parquet``, ``matches.parquet`` and ``spans.parquet`` into a folder, all or nothing.

        An earlier result there is replaced. Raises OutputError where the folder holds other files or cannot be
        written; what was there then stays as it was.
        """
        target = Path(folder)
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
        return {"version": self.version, "settings": dict(self.settings), "counters": dict(self.counters)}

    @classmethod
    def read(cls, folder: str | Path) -> Result:
        """Read a result back from its folder. Raises OutputError where there is none."""
        tables: dict[str, pa.Table] = {}
        recorded: dict[str, Any] = {}
        for name, schema in _TABLES.items():
            path = Path(folder) / f"{name}.parquet"
            try:
                tables[name] = pq.read_table(path)
                recorded = _checked(tables[name].schema, schema)
            except (OSError, pa.ArrowException, ValueError) as error:
                reason = (str(error) or type(error).__name__).splitlines()[0]
                message = (
                    f"{path}: not a result of dedup {VERSION} ({reason}); `dedup find CORPUS -o {folder}` writes one"
                )
                raise OutputError(message) from error
        return cls(**tables, settings=recorded["settings"], counters=recorded["counters"], version=recorded["version"])


def _checked(found: pa.Schema, expected: pa.Schema) -> dict[str, Any]:
    """Return what a file's metadata records; raises ValueError where the file is not one of a result."""
    for field in expected:
        if field.name not in found.names:
            raise ValueError(f"column {field.name!r} is missing")
        if found.field(field.name).type != field.type:
            raise ValueError(f"column {field.name!r} holds {found.field(field.name).type}, expected {field.type}")
    recorded = json.loads((found.metadata or {}).get(_METADATA, b"null"))
    if not isinstance(recorded, dict) or not recorded.keys() >= {"version", "settings", "counters"}:
        raise ValueError("its metadata is missing")
    return recorded


def check_target(target: Path) -> None:
    """Raise OutputError where ``target`` is not a new or empty folder, or an earlier result."""
    if not target.exists():
        parent = next(folder for folder in target.absolute().parents if folder.exists())
        if not (parent.is_dir() and os.access(parent, os.W_OK)):
            raise OutputError(f"{target}: cannot be written ({parent} takes no new folder); name another")
        return
    if not target.is_dir():
        raise OutputError(f"{target}: is a file; name a folder")
    if not os.access(target, os.R_OK | os.W_OK | os.X_OK):
        raise OutputError(f"{target}: is not yours to write; name another folder")
    others = sorted(entry.name for entry in target.iterdir() if entry.name not in _FILES)
    if others:
        raise OutputError(f"{target}: holds other files ({', '.join(others[:3])}); name a new or empty folder")


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


# From ranks and rows to tables -----------------------------------------------------------------------------------


class Members(NamedTuple):
    """The articles of the copy groups of two or more, group by group, each by (published, id), undated last.

    ``rows`` and ``ranks`` have one value a member; group ``g`` is the members ``places[g]`` to ``places[g + 1]``.
    ``texts[rank]`` is the row that stands for a text: its first article. ``witness[rank]`` is the match that admits it.
    """

    rows: NDArray[np.int64]
    ranks: NDArray[np.int64]
    places: NDArray[np.int64]
    texts: NDArray[np.int64]
    witness: NDArray[np.int64]


def grouped(surveyed: Survey, ranking: Ranking, groups: Groups) -> Members:
    """List the articles of every copy group of two or more."""
    root = groups.root[ranking.ranks]
    chosen = np.bincount(root, minlength=len(ranking))[root] > 1
    rows, ranks, root = ranking.rows[chosen], ranking.ranks[chosen], root[chosen]
    picked = pa.array(rows)
    table = pa.table({"root": root, "published": surveyed.published.take(picked), "id": surveyed.ids.take(picked)})
    order = pc.sort_indices(table, [("root", "ascending"), ("published", "ascending"), ("id", "ascending")]).to_numpy()
    rows, ranks, root = rows[order], ranks[order], root[order]
    texts = ranking.first_rows.copy()
    known, first = np.unique(ranks, return_index=True)
    texts[known] = rows[first]
    starts = np.flatnonzero(np.diff(root, prepend=-1))
    return Members(rows, ranks, np.append(starts, len(root)), texts, groups.witness)


def result(
    corpus: Corpus,
    surveyed: Survey,
    members: Members,
    matches: Matches,
    store: TextStore,
    settings: Settings,
    counters: Mapping[str, int],
    workers: Workers,
) -> Result:
    """Make the three tables."""
    copied, spans = _account(surveyed.ids, members, store, settings.shingle, workers)
    return Result(
        _articles(corpus, surveyed, members, matches, copied, workers),
        _matches(surveyed.ids, members, matches),
        spans,
        settings.recorded(),
        counters,
    )


def _account(
    ids: pa.LargeStringArray, members: Members, store: TextStore, size: int, workers: Workers
) -> tuple[NDArray[np.int64], pa.Table]:
    """Make the ledgers of all groups: copied words a row, and the spans, by row and place."""
    copied = np.zeros(len(ids), np.int64)
    blocks = _blocks(members, store)

    def account(block: slice) -> tuple[NDArray[np.int64], Ledgers]:
        first, last = members.places[block.start], members.places[block.stop]
        rows = members.rows[first:last]
        return rows, ledgers(store.texts(rows), members.places[block.start : block.stop + 1] - first, size)

    parts = []
    sizes = [int(members.places[block.stop] - members.places[block.start]) for block in blocks]
    for rows, made in workers.map("ledger", account, blocks, sizes):
        copied[rows] = made.copied
        spans = made.spans
        other = np.where(spans.other < 0, -1, rows[spans.other])
        parts.append((rows[spans.text], spans.start, spans.end, other, spans.other_start, spans.other_end))
    return copied, _spans(ids, parts)


def _blocks(members: Members, store: TextStore) -> list[slice]:
    """Cut the groups into blocks of about equal text."""
    groups = len(members.places) - 1
    if groups == 0:
        return []
    size = np.cumsum(np.add.reduceat(store.sizes()[members.rows], members.places[:-1]))
    edges = [0, *(np.flatnonzero(np.diff(size // _BLOCK_BYTES)) + 1).tolist(), groups]
    return [slice(low, high) for low, high in itertools.pairwise(edges)]


def _spans(ids: pa.LargeStringArray, parts: Sequence[tuple[NDArray[Any], ...]]) -> pa.Table:
    """Make the table of spans, by row and place, of (row, start, end, other row, its start, its end)."""
    if not parts:
        return SPANS.empty_table()
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
    order = np.lexsort((columns[1], columns[0]))
    row, start, end, other, other_start, other_end = (column[order] for column in columns)
    unique = other < 0
    arrays = [
        ids.take(pa.array(row)),
        pa.array(start),
        pa.array(end),
        _named(np.where(unique, UNIQUE, COPIED), KINDS),
        ids.take(pa.array(other, mask=unique)),
        pa.array(other_start, mask=unique),
        pa.array(other_end, mask=unique),
        pa.array(np.ones(len(unique)), mask=unique),
    ]
    return pa.table(arrays, schema=SPANS)


def _named(codes: NDArray[Any], names: tuple[str, ...], missing: NDArray[np.bool_] | None = None) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int8), mask=missing), pa.array(names))


def _matches(ids: pa.LargeStringArray, members: Members, matches: Matches) -> pa.Table:
    """List the verified matches, and each article with the first one of the same text."""
    twin = members.texts[members.ranks] != members.rows
    left = np.concatenate([members.texts[matches.longer], members.texts[members.ranks[twin]]])
    right = np.concatenate([members.texts[matches.shorter], members.rows[twin]])
    ones = np.ones(int(twin.sum()))
    exact = matches.overlap
    relation = np.concatenate([matches.relation, np.full(len(ones), IDENTICAL)])
    scores = [
        np.concatenate([score, ones]) for score in (exact.resemblance, exact.longer_in_shorter, exact.shorter_in_longer)
    ]
    order = np.lexsort((right, left))
    columns = [
        ids.take(pa.array(left[order])),
        ids.take(pa.array(right[order])),
        _named(relation[order], RELATIONS),
        *(pa.array(score[order]) for score in scores),
    ]
    return pa.table(columns, schema=MATCHES)


def _articles(
    corpus: Corpus, surveyed: Survey, members: Members, matches: Matches, copied: NDArray[np.int64], workers: Workers
) -> pa.Table:
    count = len(surveyed.ids)
    copy_row = np.arange(count)
    copy_row[members.rows] = np.repeat(members.rows[members.places[:-1]], np.diff(members.places))
    relation, witness, score = _admissions(members, matches, count)
    words = surveyed.sketches.tokens
    share = copied / np.maximum(1, words)
    fields = [ARTICLES.field(name) for name in ("title", "source", "url")]
    told = list(workers.map("report", lambda piece: _told(corpus, piece), range(len(corpus.pieces)), corpus.sizes()))
    about = pa.Table.from_batches([batch for part in told for batch in part], pa.schema(fields)).combine_chunks()
    return pa.table(
        [
            surveyed.ids,
            about["title"],
            about["source"],
            surveyed.published,
            about["url"],
            surveyed.ids.take(pa.array(copy_row)),
            _named(relation, RELATIONS, relation < 0),
            surveyed.ids.take(pa.array(np.maximum(witness, 0), mask=witness < 0)),
            pa.array(score, mask=witness < 0),
            pa.array(words),
            pa.array(share),
            pa.array(1.0 - share),
        ],
        schema=ARTICLES,
    )


def _told(corpus: Corpus, piece: int) -> list[pa.RecordBatch]:
    return [batch for _, batch in corpus.read(piece, ("title", "source", "url"))]


def _admissions(
    members: Members, matches: Matches, count: int
) -> tuple[NDArray[np.int8], NDArray[np.int64], NDArray[np.float64]]:
    """Return for every row the relation, the witness's row (-1 for none) and the score of what admitted it."""
    relation = np.full(count, -1, np.int8)
    witness = np.full(count, -1, np.int64)
    score = np.zeros(count)
    first = members.texts[members.ranks]
    twin = first != members.rows
    relation[members.rows[twin]] = IDENTICAL
    witness[members.rows[twin]] = first[twin]
    score[members.rows[twin]] = 1.0
    admitted = ~twin & (members.witness[members.ranks] >= 0)
    match = members.witness[members.ranks[admitted]]
    rows = members.rows[admitted]
    relation[rows] = matches.relation[match]
    witness[rows] = members.texts[matches.longer[match]]
    score[rows] = matches.score[match]
    return relation, witness, score
