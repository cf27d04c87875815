"""Measure how the cost of a corpus grows: `python benchmarks/scale.py`, the record for docs/scale.md.

Each size is generated (benchmarks/generate.py, streamed) and grouped by `dedup copies` in a process of its own, within
a budget of memory; with --find by `dedup.find`, stories and ledgers included (benchmarks/finding.py). Recorded are what
the process says of itself (seconds and CPU seconds by stage, peak memory), the disk that it took, the recall on the
planted pairs of a resemblance of 0.8 or more, and the command. The exponents of CPU time, peak memory and disk from one
size to the next are printed at the end. A row whose recall is below 0.98 counts for nothing and is not recorded.
"""

from __future__ import annotations

import json
import math
import os
import shlex
import subprocess
import sys
import tempfile
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click
import machine
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from generate import generate, plan_of
from record import add

if TYPE_CHECKING:
    from collections.abc import Callable

HERE = Path(__file__).resolve().parent
RECORD = HERE / "record" / "scale.csv"
SIZES = (10_000, 100_000, 1_000_000, 10_000_000)
SEED = 1
RECALL_FLOOR = 0.98
NEAR = 0.8
PACKAGES = ("dedup", "numpy", "numba", "pyarrow")


@dataclass(frozen=True)
class Row:
    """One measurement, as recorded."""

    date: str
    processor: str
    cores: int
    load: float
    """Load average of the last minute before it."""
    versions: str
    commit: str
    command: str
    memory: str
    """The budget; empty for the default."""
    articles: int
    corpus_mb: float
    """Of the Parquet file."""
    cpu_s: float
    """User and system time of all stages, without the start of Python and imports."""
    wall_s: float
    peak_mb: float
    disk_mb: float
    """The most that lay in files of the work at a time."""
    groups: int
    candidates: int
    recall: float
    """Share of the planted pairs of resemblance >= 0.8 whose articles are in one group."""
    stages: str
    """JSON: of each stage its seconds and CPU seconds."""


class Run(NamedTuple):
    """A process to measure: its arguments, as it is recorded, and the file of its answer."""

    arguments: list[str]
    command: str
    answer: Path


def copies(corpus: Path, folder: Path, memory: str, *, learn: bool) -> Run:
    """Return the run of `dedup copies`."""
    answer, budget = folder / "copies.parquet", ["--memory", memory] if memory else []
    options = [*budget, *(() if learn else ("--keep-boilerplate",))]
    program = "from dedup.cli import main; main(prog_name='dedup')"
    arguments = ["-c", program, "copies", str(corpus), "-o", str(answer), *options, "--json", "--quiet"]
    return Run(arguments, shlex.join(["dedup", "copies", corpus.name, "-o", answer.name, *options]), answer)


def find(corpus: Path, folder: Path, memory: str) -> Run:
    """Return the run of `dedup.find`."""
    arguments = [str(HERE / "finding.py"), str(corpus), str(folder / "out"), memory]
    budget = f", memory={memory!r}" if memory else ""
    return Run(arguments, f"dedup.find({corpus.name!r}{budget}).write('out')", folder / "out" / "articles.parquet")


def disk_of(process: int) -> int:
    """Return the bytes of the files without a name that a process holds open."""
    size = 0
    for entry in Path(f"/proc/{process}/fd").iterdir():
        with suppress(OSError):  # it was closed meanwhile
            if str(entry.readlink()).endswith(" (deleted)"):
                size += entry.stat().st_size
    return size


def finished(arguments: list[str]) -> tuple[dict[str, Any], int]:
    """Run Python to the end; return what it said, and the most disk that it was seen to take, ten times a second."""
    most = 0
    with subprocess.Popen([sys.executable, *arguments], stdout=subprocess.PIPE, text=True) as process:
        while process.poll() is None:
            with suppress(OSError):  # it ended meanwhile
                most = max(most, disk_of(process.pid))
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.1)
        said = process.stdout.read() if process.stdout else ""
    if process.returncode:
        raise click.ClickException(f"the run ended with {process.returncode}: nothing is recorded")
    return json.loads(said), most


def measure(corpus: Path, truth: Path, memory: str, prepared: Callable[[Path], Run]) -> Row:
    """Run the command on a corpus and judge its answer."""
    load = round(os.getloadavg()[0], 1)
    with tempfile.TemporaryDirectory(dir=corpus.parent) as folder:
        run = prepared(Path(folder))
        told, disk = finished(run.arguments)
        recall = recall_of(run.answer, truth)
    stages = {stage["name"]: [round(stage["wall"], 2), round(stage["cpu"], 2)] for stage in told["stages"]}
    return Row(
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        processor=machine.processor(),
        cores=machine.cores(),
        load=load,
        versions=machine.versions(Path(sys.executable), PACKAGES),
        commit=machine.commit(),
        command=run.command,
        memory=memory,
        articles=told["articles"],
        corpus_mb=round(corpus.stat().st_size / 1e6, 1),
        cpu_s=round(sum(cpu for _, cpu in stages.values()), 2),
        wall_s=round(sum(wall for wall, _ in stages.values()), 2),
        peak_mb=round(told["peak_bytes"] / 1e6, 1),
        disk_mb=round(told.get("disk_bytes", disk) / 1e6, 1),
        groups=told["groups"],
        candidates=told["candidates"],
        recall=round(recall, 4),
        stages=json.dumps(stages),
    )


def recall_of(answer: Path, truth: Path) -> float:
    """Return the share of the planted near pairs that are in one group."""
    planted = pq.read_table(truth, columns=["id", "copy_of", "resemblance"])
    planted = planted.filter(pc.greater_equal(pc.fill_null(planted["resemblance"], 0.0), NEAR))
    found = pq.read_table(answer, columns=["id", "copy_id"])
    ids = found["id"].combine_chunks()
    group_of = [
        found["copy_id"].take(pc.index_in(planted[side].cast(pa.large_string()), value_set=ids))
        for side in ("id", "copy_of")
    ]
    return float(pc.mean(pc.equal(*group_of)).as_py())


def told(row: Row) -> str:
    """Say in a line what a measurement gave, and of each stage how many cores it kept busy."""
    busy = ", ".join(f"{name} {cpu / wall:.1f}" for name, (wall, cpu) in json.loads(row.stages).items() if wall >= 0.1)
    return (
        f"{row.articles:>11,} articles  CPU {row.cpu_s:8.2f} s  {1e6 * row.cpu_s / row.articles:5.1f} us each"
        f"  wall {row.wall_s:8.2f} s  peak {row.peak_mb:6.0f} MB  disk {row.disk_mb:7.0f} MB  recall {row.recall:.4f}"
        f"\n{'':13}cores: {busy}"
    )


def exponents(rows: list[Row]) -> str:
    """Say how CPU time, peak memory and disk grow from one size to the next."""
    lines = []
    for one, two in pairwise(rows):
        grown = math.log(two.articles / one.articles)
        parts = [
            f"{name} n^{math.log(after / before) / grown:.2f}"
            for name, before, after in (
                ("CPU", one.cpu_s, two.cpu_s),
                ("peak", one.peak_mb, two.peak_mb),
                ("disk", one.disk_mb, two.disk_mb),
            )
            if before and after
        ]
        lines.append(f"{one.articles:,} to {two.articles:,}: {', '.join(parts)}")
    return "\n".join(lines)


@click.command()
@click.option("--articles", "sizes", type=int, multiple=True, metavar="N", help="A size; repeatable.")
@click.option("--memory", default="4GB", show_default=True, metavar="SIZE", help="Budget; empty for the default one.")
@click.option(
    "--data", type=click.Path(path_type=Path), default=HERE / "data", metavar="DIR", help="Where corpora lie."
)
@click.option("--learn", is_flag=True, help="Set boilerplate aside, as by default; else --keep-boilerplate is given.")
@click.option("--find", "everything", is_flag=True, help="Run `dedup.find`, with stories and ledgers.")
@click.option("--drop", is_flag=True, help="Remove a corpus that was generated when it is measured.")
@click.option("--dry", is_flag=True, help="Record nothing.")
def main(
    *, sizes: tuple[int, ...], memory: str, data: Path, learn: bool, everything: bool, drop: bool, dry: bool
) -> None:
    """Generate, measure, record."""
    data.mkdir(parents=True, exist_ok=True)
    rows = []
    for articles in sorted(sizes) or SIZES:
        corpus = data / f"scale-{articles}.parquet"
        truth = corpus.with_suffix(".truth.parquet")
        made = not (corpus.exists() and truth.exists())
        if made:
            generate(plan_of(articles, SEED), corpus, truth)
        prepared = (
            partial(find, corpus, memory=memory) if everything else partial(copies, corpus, memory=memory, learn=learn)
        )
        row = measure(corpus, truth, memory, prepared)
        print(told(row), flush=True)
        if row.recall < RECALL_FLOOR:
            raise click.ClickException(f"recall {row.recall} is below {RECALL_FLOOR}: nothing is recorded")
        rows.append(row)
        if not dry:
            add([asdict(row)], [field.name for field in fields(Row)], RECORD)
        if made and drop:
            corpus.unlink()
            truth.unlink()
    print(exponents(rows))


if __name__ == "__main__":
    main()
