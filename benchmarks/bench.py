"""Measure what definitions say, the product beside its peers: `python benchmarks/bench.py benchmarks/definitions/...`.

Every measurement runs in a process of its own, in the peer's virtual environment (`environments.py`), on the same
Parquet file. Its answer is looked at (`truth.py`), and both go into the record (`record.py`), from which `report.py`
makes the tables. What cannot be measured is recorded with its reason.
"""

from __future__ import annotations

import hashlib
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click
import machine
import pyarrow.parquet as pq
import record
import truth
from environments import python_of, why_missing
from generate import generate, plan_of
from measure import UNAVAILABLE, descendants
from peers import ALL
from record import FAILED, OK, STOPPED, Row

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).resolve().parent
DATA = HERE / "data"
WARM_ARTICLES = 64
MEASURE = "dedup"
"""The product is in every run, so that the peers of a run have something to be compared with."""
_WATCH = 0.25  # seconds from one look at the memory of child processes to the next


@dataclass(frozen=True)
class Corpus:
    """What is measured on."""

    name: str
    path: Path
    truth: truth.Truth
    articles: int
    digest: str


@dataclass(frozen=True)
class Benchmark:
    """One definition."""

    name: str
    title: str
    corpus: str
    work: str
    peers: tuple[str, ...]
    repeat: int
    rounds: dict[str, int] = field(default_factory=dict)
    recall: float | None = None
    precision: float | None = None
    error: float | None = None
    timeout: float = 600.0
    """Seconds after which a measurement is stopped."""

    def turns(self, peer: str) -> int:
        """Say how often a peer is measured."""
        return min(self.repeat, self.rounds.get(peer, self.repeat))


class Definitions(NamedTuple):
    """A file of definitions."""

    corpora: dict[str, dict[str, Any]]
    benchmarks: list[Benchmark]


class Outcome(NamedTuple):
    """What came of one process."""

    status: str
    reason: str = ""
    cost: dict[str, float] | None = None
    process_cpu: float | None = None


def read_definitions(path: Path) -> Definitions:
    """Read a file of definitions. Raises ClickException where it names what is not there."""
    told = tomllib.loads(path.read_text(encoding="utf-8"))
    benchmarks = [Benchmark(**{**entry, "peers": tuple(entry["peers"])}) for entry in told["benchmark"]]
    for benchmark in benchmarks:
        unknown = [name for name in benchmark.peers if name not in ALL and benchmark.work != "read"]
        unknown += [name for name in benchmark.rounds if name not in benchmark.peers]
        if unknown or benchmark.corpus not in told["corpora"]:
            message = f"{path.name}: {benchmark.name}: unknown {', '.join([*unknown, benchmark.corpus])}"
            raise click.ClickException(message)
    return Definitions(told["corpora"], benchmarks)


# Corpora -------------------------------------------------------------------------------------------------------------


def corpus_of(name: str, told: dict[str, Any], data: Path | None) -> Corpus | None:
    """Generate a corpus where it is not there, or take it from the folder of real news; None without that folder."""
    if "articles" in told:
        path, known = generated(told["articles"], told["seed"])
    elif data is None:
        return None
    else:
        path, known = data / told["file"], truth.exact(data / told["pairs"])
    return Corpus(name, path, known, pq.read_metadata(path).num_rows, digest_of(path))


def generated(articles: int, seed: int) -> tuple[Path, truth.Truth]:
    """Give a generated corpus and its truth, writing them when they are not there."""
    DATA.mkdir(exist_ok=True)
    path, planted = DATA / f"news-{articles}-{seed}.parquet", DATA / f"news-{articles}-{seed}.truth.parquet"
    if not planted.exists():
        click.echo(f"generating {articles} articles", err=True)
        unfinished = planted.with_suffix(".unfinished")
        generate(plan_of(articles, seed), path, unfinished)
        unfinished.rename(planted)
    return path, truth.planted(planted)


def digest_of(path: Path) -> str:
    """Give the first digits of the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


def warm_corpus(corpus: Corpus, folder: Path) -> Path:
    """Write the first articles of a corpus to a file of their own."""
    path = folder / f"warm-{corpus.name}.parquet"
    batch = next(pq.ParquetFile(corpus.path).iter_batches(WARM_ARTICLES))
    with pq.ParquetWriter(path, batch.schema) as writer:
        writer.write_batch(batch)
    return path


# One measurement -----------------------------------------------------------------------------------------------------


def run(command: list[str], timeout: float) -> Outcome:
    """Run a process to its end, and watch it. It is stopped after `timeout` seconds, with what it started."""
    before = _children_cpu()
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(
            command, stdout=out, stderr=errors, text=True, env=_environment(), start_new_session=True
        )
        try:
            peak = _watched(process, timeout)
        finally:
            _stop(process)
        if peak is None:
            return Outcome(STOPPED, f"stopped after {timeout:g} s")
        out.seek(0)
        errors.seek(0)
        return _outcome(process.returncode, out.read(), errors.read(), peak, _children_cpu() - before)


def _watched(process: subprocess.Popen[str], timeout: float) -> float | None:
    """Wait for a process; return the most memory that it and its children had, MB, or None when time is up."""
    begin, peak = time.monotonic(), 0.0
    while process.poll() is None:
        if time.monotonic() - begin > timeout:
            return None
        peak = max(peak, _memory_of_tree(process.pid))
        time.sleep(_WATCH)
    return peak


def _stop(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _environment() -> dict[str, str]:
    """Give a process the product's source, and keep libraries from asking the network."""
    offline = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_DISABLE_PROGRESS_BARS": "1", "TQDM_DISABLE": "1"}
    return os.environ | offline | {"PYTHONPATH": str(HERE.parent)}


def _outcome(status: int, out: str, errors: str, peak: float, process_cpu: float) -> Outcome:
    if status == 0:
        cost = json.loads(out.splitlines()[-1])
        return Outcome(OK, "", {**cost, "peak": max(cost["peak"], peak)}, process_cpu)
    if status == UNAVAILABLE:
        return Outcome(record.UNAVAILABLE, _last_line(errors))
    return Outcome(FAILED, f"ended with status {status}: {_last_line(errors)}")


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:200] if lines else "no message"


def _children_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _memory_of_tree(process: int) -> float:
    """Sum the memory of a process and its children, MB; 0 without children, where the process knows better itself."""
    children = descendants(process)
    return sum(map(_proportional, [process, *children])) if children else 0.0


def _proportional(process: int) -> float:
    """Read the proportional set of a process, in which a page shared by two counts half, MB."""
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return 0.0  # it ended
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("Pss:")), 0.0)


# A run ---------------------------------------------------------------------------------------------------------------


class Run:
    """All measurements of one call."""

    def __init__(self, folder: Path, target: Path) -> None:
        self._folder, self._target = folder, target
        self._began = datetime.now(UTC).isoformat(timespec="seconds")
        self._judged: dict[tuple[str, str, str], truth.Quality] = {}

    def measure(self, benchmark: Benchmark, corpus: Corpus) -> Iterator[Row]:
        """Make the rounds of a benchmark; a peer that fails has no further turn."""
        warm, gone = warm_corpus(corpus, self._folder), set[str]()
        for turn in range(1, benchmark.repeat + 1):
            for peer in benchmark.peers:
                if peer not in gone and turn <= benchmark.turns(peer):
                    row = self._row(benchmark, corpus, warm, peer, turn)
                    record.append(row, self._target)
                    gone |= set() if row.status == OK else {peer}
                    yield row

    def _row(self, benchmark: Benchmark, corpus: Corpus, warm: Path, peer: str, turn: int) -> Row:
        load, answer = os.getloadavg()[0], self._folder / "answer.parquet"
        outcome = self._outcome(benchmark, corpus, warm, peer, answer)
        quality, cost = truth.Quality(), {name: round(value, 4) for name, value in (outcome.cost or {}).items()}
        if outcome.status == OK and benchmark.work != "read":
            quality = self._quality(benchmark, corpus, answer)
        return Row(
            run=self._began,
            command=_command(),
            processor=machine.processor(),
            cores=machine.cores(),
            memory_gb=machine.memory(),
            load=round(load, 2),
            commit=machine.commit(),
            benchmark=benchmark.name,
            title=benchmark.title,
            corpus=corpus.name,
            digest=corpus.digest,
            articles=corpus.articles,
            work=benchmark.work,
            peer=peer,
            versions=_versions(peer),
            turn=turn,
            status=outcome.status,
            reason=outcome.reason,
            cpu_s=cost.get("cpu"),
            wall_s=cost.get("wall"),
            process_cpu_s=None if outcome.process_cpu is None else round(outcome.process_cpu, 4),
            peak_mb=cost.get("peak"),
            **quality._asdict(),
            least_recall=benchmark.recall,
            least_precision=benchmark.precision,
            most_error=benchmark.error,
        )

    def _outcome(self, benchmark: Benchmark, corpus: Corpus, warm: Path, peer: str, answer: Path) -> Outcome:
        reason = _missing(peer)
        if reason:
            return Outcome(record.UNAVAILABLE, reason)
        work = [peer, benchmark.work, str(corpus.path.resolve()), str(warm), str(answer)]
        return run([str(_python(peer)), str(HERE / "measure.py"), *work], benchmark.timeout)

    def _quality(self, benchmark: Benchmark, corpus: Corpus, answer: Path) -> truth.Quality:
        """Look at an answer, once where it is the same again."""
        key = benchmark.work, corpus.digest, digest_of(answer)
        if key not in self._judged:
            judge = truth.judge_signatures if benchmark.work == "signatures" else truth.judge_groups
            self._judged[key] = judge(pq.read_table(answer), corpus.truth, corpus.path)
        return self._judged[key]


def _command() -> str:
    return " ".join(["python", f"benchmarks/{Path(sys.argv[0]).name}", *map(_without_folders, sys.argv[1:])])


def _without_folders(argument: str) -> str:
    return "DATA" if Path(argument).is_dir() and argument not in ALL else Path(argument).name


def _environment_of(peer: str) -> str:
    return ALL[peer].environment if peer in ALL else ""


def _python(peer: str) -> Path:
    name = _environment_of(peer)
    return python_of(name) if name else Path(sys.executable)


def _missing(peer: str) -> str | None:
    name = _environment_of(peer)
    return why_missing(name) if name else None


@cache
def _versions(peer: str) -> str:
    if _missing(peer):
        return ""
    return machine.versions(_python(peer), ALL[peer].packages if peer in ALL else (peer,))


def told(row: Row) -> str:
    """Spell a measurement for whoever watches."""
    if row.status != OK:
        return f"{row.benchmark} {row.peer}: {row.status}: {row.reason}"
    measures = {"recall": row.recall, "precision": row.precision, "error": row.error}
    known = " ".join(f"{name} {value:.3f}" for name, value in measures.items() if value is not None)
    cost = f"{row.cpu_s:.2f} s CPU, {row.wall_s:.2f} s, {row.peak_mb:.0f} MB"
    return f"{row.benchmark} {row.peer} {row.turn}: {cost} {known}"


def chosen(benchmark: Benchmark, peers: tuple[str, ...], repeat: int | None) -> Benchmark:
    """Leave only some peers, and the product, in a benchmark, or change how often they are measured."""
    kept = tuple(name for name in benchmark.peers if not peers or name in peers or name in {MEASURE, "pyarrow"})
    rounds = {name: turns for name, turns in benchmark.rounds.items() if name in kept}
    return Benchmark(**{**vars(benchmark), "peers": kept, "rounds": rounds, "repeat": repeat or benchmark.repeat})


@click.command()
@click.argument("definitions", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--data", type=click.Path(path_type=Path, exists=True, file_okay=False), help="Folder of real news.")
@click.option("--benchmark", "names", multiple=True, help="Only this benchmark. Repeatable.")
@click.option("--peer", "peers", multiple=True, type=click.Choice(list(ALL)), help="Only this peer. Repeatable.")
@click.option("--repeat", type=click.IntRange(min=1), help="Rounds, instead of those of the definition.")
@click.option("--record", "target", type=click.Path(path_type=Path), default=record.RECORD, help="CSV to append to.")
def main(
    definitions: Path,
    data: Path | None,
    names: tuple[str, ...],
    peers: tuple[str, ...],
    repeat: int | None,
    target: Path,
) -> None:
    """Measure what DEFINITIONS says and append it to the record."""
    corpora, benchmarks = read_definitions(definitions)
    if set(names) - {benchmark.name for benchmark in benchmarks}:
        message = f"{definitions.name} has the benchmarks {', '.join(benchmark.name for benchmark in benchmarks)}"
        raise click.UsageError(message)
    with tempfile.TemporaryDirectory() as folder:
        measuring = Run(Path(folder), target)
        for benchmark in benchmarks:
            if names and benchmark.name not in names:
                continue
            corpus = corpus_of(benchmark.corpus, corpora[benchmark.corpus], data)
            if corpus is None:
                click.echo(f"{benchmark.name}: left out: its corpus is real news, --data names the folder", err=True)
                continue
            for row in measuring.measure(chosen(benchmark, peers, repeat), corpus):
                click.echo(told(row), err=True)


if __name__ == "__main__":
    main()
