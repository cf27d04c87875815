"""Copy groups and nothing else, within a budget of memory: :func:`copies`, and :func:`grouped` for a stream.

::

    learn ─→ sketch ─→ rank ─→ pair ─→ fetch ─→ compare ─→ groups, a batch at a time

What a stage leaves are columns (:mod:`dedup.work`): in memory where all fits, else on disk. A stage that is finished
there is not done again when the run is taken up.
"""

from __future__ import annotations

import itertools
import json
import time
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa

from dedup import boilerplate, tables
from dedup import memory as budgets
from dedup.article import COPIES, TIMESTAMP
from dedup.candidates import Candidates
from dedup.cluster import grow
from dedup.corpus import open_corpus, release
from dedup.errors import CorpusError
from dedup.formats.rowgroups import RowGroups
from dedup.pipeline import HELD_BYTES, Sketched, fetch, pair, recipe, verified, wanted, weighing
from dedup.postings import Keys
from dedup.settings import Settings
from dedup.store import Held, TextStore
from dedup.survey import Ranking, Runs, furnished, learn_furniture, parts, rank_texts, refuse_duplicates
from dedup.text import views
from dedup.version import VERSION
from dedup.work import Work, WorkFolder
from dedup.workers import Progress, Workers, silent

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from dedup.corpus import Corpus
    from dedup.memory import Plan
    from dedup.survey import Learned, Part

_METADATA = b"dedup.copies"
_UNDATED = np.iinfo(np.int64).min


class Stage(NamedTuple):
    """What a stage took: seconds, and CPU seconds of all threads; ``reused`` from an earlier run, it took none."""

    name: str
    wall: float
    cpu: float
    reused: bool


@dataclass
class Account:
    """What a run found, and what it took so far.

    ``articles`` there are, ``texts`` distinct ones of a shingle and more, ``groups`` of two articles and more with
    ``grouped`` in them; ``candidates`` pairs that were compared; ``capped_lists`` and ``capped_articles`` as in
    :class:`dedup.Result`. ``disk`` is the most bytes that lay on disk.
    """

    articles: int
    texts: int = 0
    groups: int = 0
    grouped: int = 0
    candidates: int = 0
    capped_lists: int = 0
    capped_articles: int = 0
    disk: int = 0
    stages: list[Stage] = field(default_factory=list)


class Grouped(NamedTuple):
    """The copy groups of a corpus, to be read once: batches of :data:`dedup.article.COPIES`, in input order."""

    batches: Iterator[pa.RecordBatch]
    account: Account


def copies(
    corpus: object,
    settings: Settings | None = None,
    *,
    columns: Mapping[str, str] | None = None,
    memory: int | str | None = None,
    work: str | Path | None = None,
    resume: bool = False,
    progress: Progress = silent,
) -> pa.Table:
    """Find the copy groups and nothing else, without ledgers and stories: for those who clean a corpus.

    Takes what ``find`` takes. Returns one row an article, in input order: ``id``, ``copy_id``, ``relation``,
    ``witness_id`` and ``score``, as ``find`` gives them with ``stories`` off.

    ``memory`` is a budget: bytes, or a size such as ``"4GB"``; three quarters of the machine's by default. What does
    not fit goes to nameless files where the system keeps temporary ones (TMPDIR), or to the folder ``work``, which
    stays there after an error or a kill: with ``resume`` the next run takes up what is finished. It changes no result.
    The table is the caller's own, and not of the budget. Raises SettingsError for a budget that is too small,
    OutputError where a folder or a disk does not take the work.
    """
    with grouped(
        corpus, settings, columns=columns, memory=memory, work=work, resume=resume, progress=progress
    ) as found:
        return pa.Table.from_batches(list(found.batches), COPIES)


@contextmanager
def grouped(
    corpus: object,
    settings: Settings | None = None,
    *,
    columns: Mapping[str, str] | None = None,
    memory: int | str | None = None,
    work: str | Path | None = None,
    resume: bool = False,
    progress: Progress = silent,
) -> Iterator[Grouped]:
    """Do what :func:`copies` does, and give the table batch by batch; the work is let go at the end."""
    settings = replace(settings or Settings(), stories=False)
    articles = open_corpus(corpus, columns)
    workers = Workers(settings.workers, progress)
    plan = _plan(articles, settings, memory)
    with _work(articles, settings, plan, work, resume=resume) as kept:
        held = Held(plan.held if work is None else 0)  # what is held in memory no later run could take up
        run = _Run(articles, settings, workers, kept, plan, held, Account(len(articles)))
        _sketch(run, _learn(run))
        ranking = _rank(run)
        _pair(run, ranking)
        _compare(run, ranking)
        yield Grouped(_tell(run, ranking), run.account)


def write(found: Grouped, settings: Settings, file: Path, shown: Path) -> None:
    """Write the table to a Parquet file, for ``shown``; its metadata holds version and settings.

    Raises OutputError where it cannot be written.
    """
    recorded = {"version": VERSION, "settings": settings.recorded() | {"stories": False}}
    schema = COPIES.with_metadata({_METADATA: json.dumps(recorded, sort_keys=True).encode()})
    with RowGroups(file, schema, shown) as groups:
        for batch in found.batches:
            groups.add(pa.Table.from_batches([batch]).replace_schema_metadata(schema.metadata))


def _plan(corpus: Corpus, settings: Settings, budget: int | str | None) -> Plan:
    """Plan the run by what the files say of their size."""
    given = budgets.usable() if budget is None else budgets.parse(str(budget))
    tokens = budgets.expected_tokens(sum(piece.nbytes for piece in corpus.pieces))
    largest, learned = max(corpus.sizes(), default=0), tokens if settings.boilerplate else 0
    load = budgets.Load(len(corpus), tokens // settings.sample, largest, learned)
    return budgets.plan(given, load, settings.workers, HELD_BYTES)


def _work(corpus: Corpus, settings: Settings, plan: Plan, folder: str | Path | None, *, resume: bool) -> Work:
    if folder is None:
        return Work(on_disk=plan.on_disk)
    if not corpus.source:
        raise CorpusError("a table in memory cannot be taken up by another run; leave out the work folder")
    run = {
        "settings": settings.recorded(),
        "corpus": corpus.source,
        "columns": corpus.names,
        "files of the corpus": corpus.stamps(),
    }
    return WorkFolder(Path(folder), run, resume=resume)


@dataclass(frozen=True)
class _Run:
    """What every stage needs."""

    corpus: Corpus
    settings: Settings
    workers: Workers
    work: Work
    plan: Plan
    held: Held
    account: Account

    def done(self, stage: str) -> dict[str, Any] | None:
        """Return what a stage noted that is finished already, and say so."""
        facts = self.work.facts(stage)
        if facts is not None:
            self.account.stages.append(Stage(stage, 0.0, 0.0, reused=True))
        return facts

    @contextmanager
    def stage(self, name: str) -> Iterator[dict[str, Any]]:
        """Do a stage, which may note facts, and take its time."""
        facts: dict[str, Any] = {}
        wall, cpu = time.perf_counter(), time.process_time()
        yield facts
        self.work.finish(name, facts)
        self.account.disk = self.work.most_bytes
        self.account.stages.append(Stage(name, time.perf_counter() - wall, time.process_time() - cpu, reused=False))


# Articles → columns ------------------------------------------------------------------------------------------------

_FURNITURE = {
    "keys": np.uint64,
    "outlets": np.int32,
    "articles": np.int32,
    "runs": np.bool_,
    "rows": np.int64,
    "starts": np.int32,
    "lengths": np.int32,
}


def _learn(run: _Run) -> Learned | None:
    """Learn what outlets repeat, where that is set aside."""
    background = weighing(run.settings)
    if background is None:
        return None
    facts = run.done("learn")
    if run.work.facts("sketch") is not None:
        return None
    columns = {name: run.work.column(f"furniture-{name}", kind) for name, kind in _FURNITURE.items()}
    if facts is not None:
        read = [column.read() for column in columns.values()]
        return furnished(boilerplate.restored(*read, names=tuple(facts["outlets"])), background)
    with run.stage("learn") as facts:
        scratch = partial(run.work.scratch, filed=True)
        furniture = learn_furniture(run.corpus, background, run.workers, scratch, run.plan.told)
        for name, column in columns.items():
            column.append(getattr(furniture, name))
        facts["outlets"] = furniture.names
    return furnished(furniture, background)


def _sketch(run: _Run, learned: Learned | None) -> None:
    """Read every article into columns. Raises CorpusError for invalid text and duplicate ids."""
    if run.done("sketch") is not None:
        return
    with run.stage("sketch"):
        for part in parts(run.corpus, recipe(run.settings), run.workers, learned, run.settings, run.held):
            _keep(run.work, part)
        release()
        refuse_duplicates(_ids(run.work))
    run.work.drop(*(f"furniture-{name}" for name in _FURNITURE))


def _keep(work: Work, part: Part) -> None:
    """Write what is known of a batch: band keys band after band, so that a band is read alone."""
    ids, sketches = views(part.about["id"]), part.sketches
    low, high = (int(ids.starts[0]), int(ids.ends[-1])) if len(ids.starts) else (0, 0)
    letters = work.column("id-bytes", np.uint8)
    work.column("id-ends", np.int64).append(ids.ends - low + len(letters))
    letters.append(ids.data[low:high])
    published = part.about["published"].cast(pa.int64()).fill_null(_UNDATED)
    work.column("published", np.int64).append(published.to_numpy())
    work.column("tokens", np.int32).append(sketches.tokens)
    work.column("prints", np.uint64).append(sketches.fingerprints.ravel())
    work.column("batches", np.int64).append(np.array([len(sketches)]))
    work.column("keys", np.uint64).append(sketches.keys.T.ravel())
    work.column("sampled", np.uint32).append(sketches.sampled)
    work.column("sampled-counts", np.int32).append(np.diff(sketches.places))
    runs = part.boilerplate
    work.column("run-counts", np.int32).append(np.diff(runs.places))
    work.column("run-starts", np.int32).append(runs.starts)
    work.column("run-ends", np.int32).append(runs.ends)


def _ids(work: Work) -> pa.LargeStringArray:
    ends = np.concatenate([np.zeros(1, np.int64), work.column("id-ends", np.int64).read()])
    letters = work.column("id-bytes", np.uint8).read()
    return pa.LargeStringArray.from_buffers(len(ends) - 1, pa.py_buffer(ends), pa.py_buffer(letters))


def _runs(work: Work) -> Runs:
    starts, ends = (work.column(name, np.int32).read() for name in ("run-starts", "run-ends"))
    return Runs(_places(work.column("run-counts", np.int32).read()), starts, ends)


def _places(counts: NDArray[np.int32]) -> NDArray[np.int64]:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(counts, dtype=np.int64)])


# Columns → candidates ----------------------------------------------------------------------------------------------


def _rank(run: _Run) -> Ranking:
    """Collapse identical texts and rank the distinct ones."""
    rows, places = run.work.column("rank-rows", np.int64), run.work.column("rank-places", np.int64)
    if run.done("rank") is None:
        with run.stage("rank"):
            tokens, prints = run.work.column("tokens", np.int32), run.work.column("prints", np.uint64)
            ranking = rank_texts(tokens.read(), prints.read().reshape(-1, 2), run.settings.shingle)
            rows.append(ranking.rows)
            places.append(ranking.places)
        run.work.drop("tokens", "prints")
    run.account.texts = len(places) - 1
    return Ranking(rows.read(), places.read())


def _pair(run: _Run, ranking: Ranking) -> None:
    """Pair the texts that share a band key, or enough sampled shingles."""
    facts = run.done("pair")
    if facts is None:
        with run.stage("pair") as facts:
            found = pair(_sketched(run, ranking), len(ranking), run.settings, run.work, run.plan.room, run.workers)
            facts |= {"lists": found.capped_lists, "texts": found.capped_texts}
        run.work.drop("keys", "batches", "sampled", "sampled-counts", "near", "members")
    run.account.capped_lists, run.account.capped_articles = facts["lists"], facts["texts"]
    run.account.candidates = len(run.work.column("pairs", np.uint64))


def _sketched(run: _Run, ranking: Ranking) -> Sketched:
    keys, bands, first = run.work.column("keys", np.uint64), run.settings.bands, ranking.first_rows
    blocks = _places(run.work.column("batches", np.int64).read())

    def band_keys(band: int) -> NDArray[np.uint64]:
        made = np.empty(blocks[-1], np.uint64)
        for start, end in itertools.pairwise(blocks.tolist()):
            at = start * bands + (end - start) * band
            made[start:end] = keys.read(at, at + end - start)
        return made[first]

    counts = run.work.column("sampled-counts", np.int32).read()
    sampled = Keys(run.work.column("sampled", np.uint32), _places(counts), ranking.of_rows(len(counts)), blocks)
    return Sketched(band_keys, bands, sampled)


# Candidates → matches ----------------------------------------------------------------------------------------------

_MATCH = {"longer": np.int32, "shorter": np.int32, "relation": np.int8, "score": np.float64}


def _compare(run: _Run, ranking: Ranking) -> None:
    """Read the texts of the candidates again and compare them exactly."""
    if run.work.facts("compare") is not None:
        run.done("fetch")
        run.done("compare")
        return
    pairs = Candidates.of(run.work.column("pairs", np.uint64).read(), run.account.capped_articles)
    with TextStore(len(run.corpus), data=run.work.filed("texts", np.uint8), held=run.held) as store:
        _fetch(run, wanted(ranking, pairs), store)
        with run.stage("compare"):
            columns = {name: run.work.column(name, kind) for name, kind in _MATCH.items()}
            for found in verified(store, _runs(run.work), ranking, pairs, run.settings, run.workers):
                for name, column in columns.items():
                    column.append(getattr(found, name))
    run.work.drop("texts", "text-starts", "text-ends", "run-counts", "run-starts", "run-ends")


def _fetch(run: _Run, rows: NDArray[np.int64], store: TextStore) -> None:
    """Read the texts of these rows into the store."""
    columns = [run.work.column(name, np.int64) for name in ("text-starts", "text-ends")]
    if run.done("fetch") is None:
        with run.stage("fetch"):
            fetch(run.corpus, rows, store, run.workers)
            for column, places in zip(columns, store.places(rows), strict=True):
                column.append(places)
    else:
        store.restore(rows, *(column.read() for column in columns))


# Matches → the table -----------------------------------------------------------------------------------------------


class _Named(NamedTuple):
    """Articles by row, of which it is known how they are called and when they were published."""

    ids: pa.LargeStringArray
    published: pa.TimestampArray


class _Matches(NamedTuple):
    """Matches by number, as far as groups and the table need them."""

    longer: NDArray[np.int64]
    shorter: NDArray[np.int64]
    relation: NDArray[np.int8]
    score: NDArray[np.float64]


def _tell(run: _Run, ranking: Ranking) -> Iterator[pa.RecordBatch]:
    """Group the texts by their matches and list every article, some at a time."""
    with run.stage("write"):
        longer, shorter, relation, score = (run.work.column(name, kind).read() for name, kind in _MATCH.items())
        matches = _Matches(longer.astype(np.int64), shorter.astype(np.int64), relation, score)
        published = run.work.column("published", np.int64).read()
        named = _Named(_ids(run.work), pa.array(published, mask=published == _UNDATED).cast(TIMESTAMP))
        found = tables.members(named, ranking, grow(*matches, len(ranking)))
        run.account.groups, run.account.grouped = len(found.places) - 1, len(found.rows)
        done, total = 0, len(named.ids)
        for batch in tables.copy_batches(named.ids, found, matches):
            yield batch
            done += len(batch)
            run.workers.tell("write", done, total)
