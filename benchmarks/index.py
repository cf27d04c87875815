"""Fill an index with generated articles and measure it at 10k, 100k and 1M: `python benchmarks/index.py --folder F`.

Articles come in order of time, 2,800 a day (`arrivals.py`); those that are measured are the next of the same stream. At
each size one process adds nine batches of 1,000, the first of them untimed, checks 500 articles that are not there, and
adds 500 one by one; then its memory is read. So single calls are those of a process that has been at work for three
days of the stream: it remembers the articles of the window. Where memory allows, the system has the files in its cache.
`stories` is the whole index; `copies` is one with `stories=False`, to which articles are added without ledgers.

Beside them, on the first articles, datasketch's MinHashLSH in memory and on a Redis server that this program starts and
stops: one query and one insertion an article, 21 bands of 6 rows, which find what the index finds. Redis does not write
to the disk meanwhile, and the peers verify nothing: that flatters them.

The folder keeps the corpus, the filled indexes and what was measured. A run that was stopped goes on where it was.
"""

from __future__ import annotations

import json
import math
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import arrivals
import click
import machine
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from generate import generate, plan_of
from record import add

from dedup.index import Index
from dedup.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HERE = Path(__file__).resolve().parent
RECORD = HERE / "record" / "index.csv"
PACKAGES = ("dedup", "lmdb", "zstandard", "numpy", "numba", "pyarrow", "datasketch", "redis")
BATCH, BATCHES = 1000, 8
SINGLES = 500
REST = (BATCHES + 2) * BATCH  # articles that are added at a size, and some that are not
PLANTED = 0.8  # resemblance of the pairs by which recall is measured
SUBJECTS = ("copies", "stories")
PEERS = ("datasketch", "datasketch-redis")
Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Row:
    """One measurement of a subject with so many articles in it; what does not apply is empty."""

    run: str
    command: str
    processor: str
    cores: int
    memory_gb: float
    load: float
    """Load average of the machine in the last minute, before it."""
    commit: str
    versions: str
    subject: str
    """stories, copies, datasketch or datasketch-redis."""
    articles: int
    batch_ms: float | None = None
    """Milliseconds an article, in batches of 1,000."""
    batch_cpu_ms: float | None = None
    """The same in CPU time of the process, or of it and the server."""
    single_p50_ms: float | None = None
    single_p99_ms: float | None = None
    single_cpu_ms: float | None = None
    check_p50_ms: float | None = None
    check_p99_ms: float | None = None
    check_cpu_ms: float | None = None
    memory_mb: float | None = None
    """The most resident memory that the process had, files that it has mapped included; of the server too."""
    private_mb: float | None = None
    """That without files."""
    bytes_an_article: float | None = None
    open_ms: float | None = None
    pairs: int | None = None
    """Planted pairs of resemblance 0.8 and more."""
    recall: float | None = None


FLOORS: dict[tuple[str, str], tuple[str, float]] = {
    ("stories", "batch_ms"): ("<=", 1000 / 400),
    ("copies", "batch_ms"): ("<=", 1000 / 4000),
    ("stories", "single_p99_ms"): ("<=", 25.0),
    ("stories", "check_p99_ms"): ("<=", 15.0),
    ("stories", "memory_mb"): ("<=", 1000.0),
    ("stories", "bytes_an_article"): ("<=", 12_288.0),
}


class Timed(NamedTuple):
    """Seconds of the wall clock and of the processor, one value a call."""

    wall: list[float]
    cpu: list[float]

    def p(self, percent: float) -> float:
        """Return a percentile, in milliseconds."""
        return float(np.percentile(self.wall, percent)) * 1000

    def cpu_ms(self) -> float:
        """Return the mean of the CPU time in milliseconds."""
        return float(np.mean(self.cpu)) * 1000


def timed(calls: list[Callable[[], object]]) -> Timed:
    """Make the calls, and time each."""
    out = Timed([], [])
    for call in calls:
        cpu, wall = time.process_time(), time.perf_counter()
        call()
        out.wall.append(time.perf_counter() - wall)
        out.cpu.append(time.process_time() - cpu)
    return out


def memory(process: int | str = "self") -> tuple[float, float]:
    """Read the most memory that a process had resident, and what it has now without files, in MB."""
    status = Path(f"/proc/{process}/status").read_text()
    whole, private = (int(re.findall(rf"{name}:\s+(\d+)", status)[0]) / 1024 for name in ("VmHWM", "RssAnon"))
    return whole, private


# The index -----------------------------------------------------------------------------------------------------------


def settings_of(subject: str) -> Settings:
    """Return the settings of a subject."""
    return Settings(stories=subject == "stories")


def fill(index: Index, corpus: Path, articles: int, *, ledgers: bool) -> None:
    """Add what is missing up to so many articles."""
    for table in arrivals.read(corpus, len(index), articles):
        index.add(table, ledgers=ledgers)


def measured_index(folder: Path, subject: str, articles: int) -> dict[str, float]:
    """Fill an index to a size and measure it there."""
    corpus, place, ledgers = folder / "arrivals.parquet", folder / f"{subject}.index", subject == "stories"
    with Index.open(place, settings_of(subject)) as index:
        fill(index, corpus, articles, ledgers=ledgers)
        held = len(index)
        table = pa.concat_tables(arrivals.read(corpus, held, held + REST)).combine_chunks()
        parts = [table.slice(start, BATCH) for start in range(0, BATCHES * BATCH + BATCH, BATCH)]
        index.add(parts[0], ledgers=ledgers)
        batches = timed([lambda part=part: index.add(part, ledgers=ledgers) for part in parts[1:]])  # type: ignore[misc]
        rows = table.slice(len(parts) * BATCH).to_pylist()
        checks = timed([lambda row=row: index.check(row) for row in rows[-SINGLES:]])  # type: ignore[misc]
        singles = timed([lambda row=row: index.add([row], ledgers=ledgers) for row in rows[:SINGLES]])  # type: ignore[misc]
        whole, private = memory()
        size = index.info().bytes / len(index)
    opened = timed([lambda: Index.open(place, readonly=True).close()] * 5)
    return {
        "articles": held,
        "batch_ms": sum(batches.wall) / BATCHES / BATCH * 1000,
        "batch_cpu_ms": batches.cpu_ms() / BATCH,
        "single_p50_ms": singles.p(50),
        "single_p99_ms": singles.p(99),
        "single_cpu_ms": singles.cpu_ms(),
        "check_p50_ms": checks.p(50),
        "check_p99_ms": checks.p(99),
        "check_cpu_ms": checks.cpu_ms(),
        "memory_mb": whole,
        "private_mb": private,
        "bytes_an_article": size,
        "open_ms": opened.p(50),
    }


# Recall --------------------------------------------------------------------------------------------------------------


def planted(corpus: Path, truth: Path, articles: int) -> list[tuple[str, str]]:
    """Return the pairs that are near copies by construction, among the first articles."""
    ids = pa.concat_tables(arrivals.read(corpus, 0, articles))["id"].combine_chunks()
    table = pq.read_table(truth, columns=["id", "copy_of", "resemblance"])
    near = table.filter(pc.greater_equal(table["resemblance"], PLANTED))
    there = pc.and_(pc.is_in(near["id"], value_set=ids), pc.is_in(near["copy_of"], value_set=ids))
    return list(zip(*(near.filter(there)[name].to_pylist() for name in ("id", "copy_of")), strict=True))


def measured_recall(folder: Path, articles: int) -> dict[str, float]:
    """Add the first articles to an index of copies, as the peers do, and count the planted pairs in one group."""
    corpus = folder / "arrivals.parquet"
    with tempfile.TemporaryDirectory(dir=folder) as work:
        tables = list(arrivals.read(corpus, 0, articles))
        with Index.open(Path(work) / "copies.index", settings_of("copies")) as index:
            index.add(tables[0].slice(0, BATCH), ledgers=False)
            taken = timed([lambda: [index.add(table, ledgers=False) for table in tables]])
            found = index.result().articles
            whole, private = memory()
    group = dict(zip(found["id"].to_pylist(), found["copy_id"].to_pylist(), strict=True))
    pairs = planted(corpus, folder / "truth.parquet", articles)
    hits = sum(group[one] is not None and group[one] == group[two] for one, two in pairs)
    return {
        "articles": articles,
        "batch_ms": taken.wall[0] / (articles - BATCH) * 1000,
        "batch_cpu_ms": taken.cpu[0] / (articles - BATCH) * 1000,
        "memory_mb": whole,
        "private_mb": private,
        "pairs": len(pairs),
        "recall": hits / len(pairs),
    }


# Peers ---------------------------------------------------------------------------------------------------------------


@contextmanager
def redis_server() -> Iterator[tuple[int, int]]:
    """Run a Redis server that nobody else uses; yield its port and its process."""
    program = shutil.which("redis-server")
    if program is None:
        raise click.ClickException("redis-server is not installed; on Debian: apt-get install redis-server")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ["--bind", "127.0.0.1", "--port", str(port), "--save", "", "--appendonly", "no"]
    with tempfile.TemporaryDirectory() as folder:
        server = subprocess.Popen([program, *options, "--dir", folder], stdout=subprocess.DEVNULL)
        try:
            wait_for(port)
            yield port, server.pid
        finally:
            server.terminate()
            server.wait()


def wait_for(port: int) -> None:
    """Wait until somebody listens."""
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise click.ClickException("the Redis server does not answer")


def cpu_of(process: int) -> float:
    """Read the CPU seconds of another process."""
    spent = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(spent[11]) + int(spent[12])) / 100


def measured_peer(folder: Path, subject: str, articles: int) -> dict[str, float]:
    """Run datasketch, in memory or on a server."""
    if subject == "datasketch":
        return measured_datasketch(folder, articles, None)
    with redis_server() as (port, process):
        before = cpu_of(process)
        storage = {"type": "redis", "basename": b"news", "redis": {"host": "127.0.0.1", "port": port}}
        out = measured_datasketch(folder, articles, storage)
        out["batch_cpu_ms"] += (cpu_of(process) - before) / articles * 1000
        for name, more in zip(("memory_mb", "private_mb"), memory(process), strict=True):
            out[name] += more
    return out


def measured_datasketch(folder: Path, articles: int, storage: dict[str, Any] | None) -> dict[str, float]:
    """Query and insert every article, as the documentation shows; a pair is found where the query returns it."""
    from datasketch import MinHash, MinHashLSH  # noqa: PLC0415 - measured, and optional

    token = re.compile(r"[^\W_]+(?:['\N{RIGHT SINGLE QUOTATION MARK}][^\W_]+)*")

    def shingles(text: str) -> list[bytes]:
        words = token.findall(text.lower())
        return [" ".join(words[place : place + 5]).encode() for place in range(max(1, len(words) - 4))]

    lsh = MinHashLSH(threshold=PLANTED, num_perm=128, params=(21, 6), storage_config=storage)
    corpus, found = folder / "arrivals.parquet", {}
    cpu, wall = time.process_time(), time.perf_counter()
    for table in arrivals.read(corpus, 0, articles):
        sketches = MinHash.generator(map(shingles, table["text"].to_pylist()), num_perm=128)
        for id_, sketch in zip(table["id"].to_pylist(), sketches, strict=True):
            found[id_] = set(lsh.query(sketch))
            lsh.insert(id_, sketch)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    pairs = planted(corpus, folder / "truth.parquet", articles)
    hits = sum(one in found[two] or two in found[one] for one, two in pairs)
    whole, private = memory()
    return {
        "articles": articles,
        "batch_ms": wall / articles * 1000,
        "batch_cpu_ms": cpu / articles * 1000,
        "memory_mb": whole,
        "private_mb": private,
        "pairs": len(pairs),
        "recall": hits / len(pairs),
    }


# The run -------------------------------------------------------------------------------------------------------------


def prepare(folder: Path, corpus: Path | None, truth: Path | None, articles: int) -> None:
    """Write the corpus in order of arrival, if it is not there."""
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / "arrivals.parquet").exists():
        return
    if corpus is None:
        corpus, truth = folder / "generated.parquet", folder / "generated.truth.parquet"
        generate(plan_of(articles, 1), corpus, truth)
    truth = truth or corpus.with_suffix(".truth.parquet")
    click.echo("arranging the corpus", err=True)
    shutil.copyfile(truth, folder / "truth.parquet")
    arrivals.arrange(corpus, truth, folder / "arrivals.parquet")


def alone(work: str, folder: Path, subject: str, articles: int) -> dict[str, float]:
    """Do a piece of work in a process of its own."""
    command = [sys.executable, str(Path(__file__)), "--folder", str(folder), "--work", f"{work} {subject} {articles}"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise click.ClickException(f"{work} of {subject} at {articles:,} ended with status {done.returncode}")
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


WORKS: dict[str, Callable[[Path, str, int], dict[str, float]]] = {
    "index": measured_index,
    "recall": lambda folder, _, articles: measured_recall(folder, articles),
    "peer": measured_peer,
}


def planned(sizes: list[int], subjects: list[str], peer_articles: int) -> Iterator[tuple[str, str, int]]:
    """List what is measured: (work, subject, articles)."""
    for size in sizes:
        for subject in subjects:
            yield "index", subject, size
    if peer_articles:
        yield "recall", "copies", peer_articles
        for peer in PEERS:
            yield "peer", peer, peer_articles


def row_of(figures: dict[str, float], subject: str, load: float) -> Row:
    """Say beside the figures what they were measured on."""
    return Row(
        run=datetime.now(UTC).isoformat(timespec="seconds"),
        command="benchmarks/index.py",
        processor=machine.processor(),
        cores=machine.cores(),
        memory_gb=machine.memory(),
        load=load,
        commit=machine.commit(),
        versions=machine.versions(Path(sys.executable), PACKAGES),
        subject=subject,
        **{name: round(value, 4) if isinstance(value, float) else value for name, value in figures.items()},  # type: ignore[arg-type]
    )


def table_of(rows: list[dict[str, Any]]) -> str:
    """Set the figures in columns; a floor that is missed at the largest size is marked."""
    names = [
        "batch_ms",
        "batch_cpu_ms",
        "single_p50_ms",
        "single_p99_ms",
        "single_cpu_ms",
        "check_p50_ms",
        "check_p99_ms",
        "check_cpu_ms",
        "memory_mb",
        "bytes_an_article",
        "open_ms",
        "recall",
    ]
    heads = [name.removesuffix("_ms").removesuffix("_mb").replace("_", " ") for name in names]
    lines = ["  ".join(["subject".ljust(17), " articles", *(head.rjust(10) for head in heads)])]
    for row in rows:
        cells = [_cell(row, name) for name in names]
        lines.append("  ".join([row["subject"].ljust(17), f"{int(row['articles']):9,}", *cells]))
    return "\n".join([*lines, *_growth(rows), *_floors(rows)])


def _cell(row: dict[str, Any], name: str) -> str:
    value = row.get(name)
    return " " * 10 if value in (None, "") else f"{float(value):10,.3f}"


def _growth(rows: list[dict[str, Any]]) -> Iterator[str]:
    """Say with what power of the articles in the index the CPU time of each call grows."""
    for subject in SUBJECTS:
        own = sorted((row for row in rows if row["subject"] == subject and row.get("open_ms")), key=_size)
        if len(own) > 1:
            calls = ("batch_cpu_ms", "single_cpu_ms", "check_cpu_ms")
            told = [f"{name.removesuffix('_cpu_ms')} {_power(own[0], own[-1], name):+.2f}" for name in calls]
            yield f"{subject}, exponents of growth from {_size(own[0]):,} to {_size(own[-1]):,}: {', '.join(told)}"


def _power(small: dict[str, Any], large: dict[str, Any], name: str) -> float:
    return math.log(float(large[name]) / float(small[name])) / math.log(_size(large) / _size(small))


def _size(row: dict[str, Any]) -> int:
    return int(row["articles"])


def _floors(rows: list[dict[str, Any]]) -> Iterator[str]:
    """Say of each floor whether the largest index keeps it."""
    for (subject, name), (_, limit) in FLOORS.items():
        own = [row for row in rows if row["subject"] == subject and row.get("single_p99_ms")]
        if own:
            largest = max(own, key=_size)
            kept = float(largest[name]) <= limit
            said = f"{float(largest[name]):.3f}, {'kept' if kept else 'MISSED'}"
            yield f"{subject}, {name} <= {limit:g} at {_size(largest):,}: {said}"
    rate = {row["subject"]: 1 / float(row["batch_ms"]) for row in rows if row.get("recall")}
    for peer in PEERS:
        if peer in rate and "copies" in rate:
            yield f"copies / {peer}, both on the first articles: {rate['copies'] / rate[peer]:.1f} times its rate"


@click.command()
@click.option("--folder", type=click.Path(path_type=Path), required=True, help="Where all that is made is kept.")
@click.option("--corpus", type=click.Path(exists=True, path_type=Path), help="Of generate.py; generated if not given.")
@click.option("--truth", type=click.Path(exists=True, path_type=Path), help="[default: CORPUS with .truth.parquet]")
@click.option("--sizes", default="10000,100000,1000000", show_default=True, help="Articles at which it is measured.")
@click.option("--subjects", default="copies,stories", show_default=True, help="Of copies and stories.")
@click.option("--peer-articles", default=20_000, show_default=True, help="On which the peers run; 0 for none.")
@click.option("--record", type=click.Path(path_type=Path), default=RECORD, help="File to which figures are added.")
@click.option("--work", hidden=True, help="A piece of work; its figures are printed.")
def main(
    folder: Path,
    corpus: Path | None,
    truth: Path | None,
    sizes: str,
    subjects: str,
    peer_articles: int,
    record: Path,
    work: str | None,
) -> None:
    """Measure the index at several sizes, and datasketch beside it."""
    if work:
        kind, subject, articles = work.split()
        print(json.dumps(WORKS[kind](folder, subject, int(articles))))
        return
    wanted = sorted(map(int, sizes.split(",")))
    prepare(folder, corpus, truth, wanted[-1] + REST)
    kept = folder / "measured.jsonl"
    done = (
        {tuple(line["work"]): line for line in map(json.loads, kept.read_text().splitlines())} if kept.exists() else {}
    )
    for piece in planned(wanted, subjects.split(","), peer_articles):
        if piece in done:
            continue
        click.echo(" ".join(map(str, piece)), err=True)
        load = float(Path("/proc/loadavg").read_text().split()[0])
        row = row_of(alone(piece[0], folder, piece[1], piece[2]), piece[1], load)
        add([asdict(row)], [field.name for field in fields(Row)], record)
        done[piece] = asdict(row) | {"work": piece}
        with kept.open("a", encoding="utf-8") as file:
            file.write(json.dumps(done[piece]) + "\n")
    print(table_of(list(done.values())))


if __name__ == "__main__":
    main()
