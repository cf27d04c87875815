"""Measure what the product costs beside its peers, in one run on the same Parquet: `python benchmarks/cost.py`.

Every piece of work runs in a process of its own. CPU seconds are user and system time of all threads, without imports
and with kernels loaded; the process's whole CPU time and its peak memory stand beside them. Slow peers run on the
first rows of the corpus and are scaled up in proportion, which the table says. That flatters them where their cost
grows faster than the corpus, as it does with the size of the largest cluster.

Speed without the answer counts for nothing: a row whose copy groups miss more than 2 % of the planted pairs with a
resemblance of 0.8 or more is marked as failing.
"""

from __future__ import annotations

import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import NamedTuple

import click
import machine
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from generate import generate, plan_of
from measure import UNAVAILABLE
from peers import PEERS, THRESHOLD
from record import add

HERE = Path(__file__).resolve().parent
RECORD = HERE / "record" / "cost.csv"
DATA = HERE / "data"
RECALL_FLOOR = 0.98
WARM_ROWS = 64
PACKAGES = ("dedup", "datasketch", "rensa", "xxhash", "numpy", "numba", "pyarrow")
FLOORS = {
    ("signatures", "datasketch"): 60.0,
    ("signatures", "rensa"): 25.0,
    ("groups", "datasketch-21x6"): 30.0,
}
"""How many times the product's CPU a peer is to take at least."""
READ_REPEATS = 3
"""Reading is short and its CPU time noisy: it is measured so many times as often."""
READ_CEILING = 5.0
"""How many times the CPU of reading the Parquet the product may take."""


class Job(NamedTuple):
    """One piece of work to be measured."""

    work: str
    """read, signatures or groups."""
    peer: str
    rows: int
    """First rows of the corpus that it runs on."""


class Corpus(NamedTuple):
    """What is measured on."""

    path: Path
    truth: pa.Table
    rows: int
    seed: int | None


class Quality(NamedTuple):
    """How good the copy groups are; all fields are None where no groups were made."""

    pairs: int | None = None
    """Planted pairs of resemblance >= 0.8 with both articles in the corpus."""
    recall: float | None = None
    """Share of those pairs that are in one group."""
    mixed: int | None = None
    """Groups with articles of more than one planted story. Weather and market reports of one place may rightly be
    excerpts of each other by containment, and are counted here all the same."""


class Row(NamedTuple):
    """One measurement, as recorded."""

    date: str
    machine: str
    cores: int
    load: float
    """Load average of the machine over the last minute, before the measurement."""
    versions: str
    commit: str
    command: str
    corpus: str
    articles: int
    """Rows of the whole corpus."""
    work: str
    peer: str
    rows: int
    """Rows that it ran on."""
    cpu_s: float
    wall_s: float
    process_cpu_s: float
    """With the start of Python, imports, loading of kernels and the warm-up."""
    peak_mb: float
    pairs: int | None
    recall: float | None
    mixed: int | None

    @property
    def per_article(self) -> float:
        """CPU microseconds an article."""
        return 1e6 * self.cpu_s / self.rows

    @property
    def failing(self) -> bool:
        """Whether the answer is too bad for the cost to count."""
        return self.recall is not None and self.recall < RECALL_FLOOR


# Corpora.


def generated(articles: int, seed: int) -> Corpus:
    """Give the generated corpus of that size and seed, writing it when it is not there."""
    DATA.mkdir(exist_ok=True)
    path, truth = DATA / f"news-{articles}-{seed}.parquet", DATA / f"news-{articles}-{seed}.truth.parquet"
    if not truth.exists():
        click.echo(f"generating {path}", err=True)
        generate(plan_of(articles, seed), path, truth)
    return Corpus(path, pq.read_table(truth), articles, seed)


def given(path: Path, truth: Path) -> Corpus:
    """Take a corpus and truth that are there."""
    return Corpus(path, pq.read_table(truth), pq.read_metadata(path).num_rows, None)


def first_rows(corpus: Path, rows: int, target: Path) -> Path:
    """Copy the first rows of a corpus, with the same compression."""
    file = pq.ParquetFile(corpus)
    compression = file.metadata.row_group(0).column(0).compression
    left = rows
    with pq.ParquetWriter(target, file.schema_arrow, compression=compression, use_dictionary=["source"]) as writer:
        for batch in file.iter_batches():
            writer.write_batch(batch.slice(0, left))
            left -= min(left, len(batch))
            if left == 0:
                break
    return target


# Measuring.


def run(job: Job, corpus: Path, warm: Path, groups: Path) -> tuple[dict[str, float], float] | str:
    """Run one job in a process of its own: its cost and the process's CPU seconds, or why it cannot run."""
    command = [sys.executable, str(HERE / "measure.py"), job.peer, job.work, str(corpus), str(warm), str(groups)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(HERE.parent), os.environ.get("PYTHONPATH", "")])}
    before = children_cpu()
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode == UNAVAILABLE:
        return done.stderr.strip()
    if done.returncode != 0:
        message = f"{' '.join(command)} ended with status {done.returncode}:\n{done.stderr}"
        raise click.ClickException(message)
    return json.loads(done.stdout), children_cpu() - before


def children_cpu() -> float:
    """Sum the user and system seconds of all processes that this one has waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def quality(found: pa.Table, truth: pa.Table) -> Quality:
    """Compare copy groups with the planted truth."""
    planted = truth.filter(pc.greater_equal(truth["resemblance"], THRESHOLD))
    place = pc.index_in(planted["id"], found["id"].combine_chunks())
    base_place = pc.index_in(planted["copy_of"], found["id"].combine_chunks())
    present = pc.and_(pc.is_valid(place), pc.is_valid(base_place))
    together = pc.equal(found["copy_id"].take(place.filter(present)), found["copy_id"].take(base_place.filter(present)))
    pairs = len(together)
    recall = pc.sum(together).as_py() / pairs if pairs else None
    return Quality(pairs, recall, mixed_groups(found, truth))


def mixed_groups(found: pa.Table, truth: pa.Table) -> int:
    """Count the copy groups with more than one story. An article without truth is a story of its own."""
    story = truth["story"].combine_chunks().take(pc.index_in(found["id"], truth["id"].combine_chunks()))
    own = pa.array(range(-len(found), 0), pa.int64())
    table = pa.table({"copy_id": found["copy_id"], "story": pc.coalesce(story, pa.chunked_array([own]))})
    stories = table.group_by("copy_id").aggregate([("story", "count_distinct")])
    grouped = pc.and_(pc.is_valid(stories["copy_id"]), pc.greater(stories["story_count_distinct"], 1))
    return pc.sum(grouped).as_py() or 0


def jobs(rows: int, peers: list[str], peer_sample: int, group_sample: int) -> list[Job]:
    """List the work: the product and reading on everything, the peers on their samples (0: everything)."""
    listed = [Job("read", "pyarrow", rows), Job("signatures", "dedup", rows), Job("groups", "dedup", rows)]
    listed += [Job("groups", name, rows) for name in peers if name.startswith("dedup")]
    others = [name for name in peers if not name.startswith("dedup")]
    for work, sample in (("signatures", peer_sample), ("groups", group_sample)):
        listed += [Job(work, name, min(sample or rows, rows)) for name in others]
    return listed


def rows_of(job: Job, corpus: Corpus, folder: Path) -> list[Row]:
    """Measure one job in one round; no rows where its peer cannot run."""
    path = corpus.path
    if job.rows < corpus.rows:
        path = folder / f"first-{job.rows}.parquet"
        if not path.exists():
            first_rows(corpus.path, job.rows, path)
    groups = folder / "groups.parquet"
    rows: list[Row] = []
    for _ in range(READ_REPEATS if job.work == "read" else 1):
        load = os.getloadavg()[0]
        outcome = run(job, path, folder / "warm.parquet", groups)
        if isinstance(outcome, str):
            click.echo(f"{job.work} {job.peer}: skipped: {outcome}", err=True)
            return []
        good = quality(pq.read_table(groups), corpus.truth) if job.work == "groups" else Quality()
        rows.append(row_of(job, corpus, load, outcome, good))
        click.echo(f"{job.work} {job.peer} on {job.rows} rows: {rows[-1].cpu_s:.2f} s CPU", err=True)
    return rows


def row_of(job: Job, corpus: Corpus, load: float, outcome: tuple[dict[str, float], float], good: Quality) -> Row:
    """Put together what is recorded of one measurement."""
    cost, process_cpu = outcome
    return Row(
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        machine=f"{machine.processor()}, {platform.system()} {platform.release()}",
        cores=machine.cores(),
        load=round(load, 2),
        versions=machine.versions(Path(sys.executable), PACKAGES),
        commit=machine.commit(),
        command=" ".join(["python", sys.argv[0], *(Path(word).name for word in sys.argv[1:])]),
        corpus=corpus.path.name,
        articles=corpus.rows,
        work=job.work,
        peer=job.peer,
        rows=job.rows,
        cpu_s=round(cost["cpu"], 4),
        wall_s=round(cost["wall"], 4),
        process_cpu_s=round(process_cpu, 4),
        peak_mb=round(cost["peak"], 1),
        **good._asdict(),
    )


# Showing.


class Line(NamedTuple):
    """The repetitions of one job in short."""

    job: Job
    rows: list[Row]

    @property
    def middle(self) -> Row:
        """The repetition with the median CPU time."""
        ranked = sorted(self.rows, key=lambda row: row.cpu_s)
        return ranked[(len(ranked) - 1) // 2]

    @property
    def per_article(self) -> float:
        """Median CPU microseconds an article."""
        return median(row.per_article for row in self.rows)

    @property
    def spread(self) -> float:
        """Largest less smallest CPU time as a share of the median."""
        times = [row.per_article for row in self.rows]
        return (max(times) - min(times)) / self.per_article


HEADER = (
    f"{'work':<11}{'peer':<19}{'rows':>9}{'us/article':>11}{'spread':>7}{'CPU s':>9}{'wall s':>9}"
    f"{'process s':>10}{'peak MB':>9}{'recall':>8}{'mixed':>7}  {'against dedup'}"
)


def show(lines: list[Line], articles: int) -> None:
    """Print the table. CPU and wall seconds are for the whole corpus, scaled where a peer ran on fewer rows."""
    own = {line.job.work: line for line in lines if line.job.peer == "dedup"}
    click.echo(HEADER)
    for line in lines:
        click.echo(shown(line, articles) + "  " + verdict(line, own))
    click.echo(f"\nCPU s and wall s are for {articles} articles; ~ marks those scaled from fewer rows in proportion.")


def shown(line: Line, articles: int) -> str:
    """Spell one line of the table."""
    job, row = line.job, line.middle
    scale = articles / job.rows
    mark = "~" if scale > 1 else ""
    cpu, wall = (f"{mark}{seconds * scale:.2f}" for seconds in (row.cpu_s, row.wall_s))
    recall = "" if row.recall is None else f"{row.recall:.4f}"
    mixed = "" if row.mixed is None else str(row.mixed)
    return (
        f"{job.work:<11}{job.peer:<19}{job.rows:>9}{line.per_article:>11.2f}{line.spread:>7.0%}{cpu:>9}{wall:>9}"
        f"{row.process_cpu_s:>10.2f}{row.peak_mb:>9.0f}{recall:>8}{mixed:>7}"
    )


def verdict(line: Line, own: dict[str, Line]) -> str:
    """Give the ratio to the product, whether it keeps its goal, and whether the answer counts."""
    remarks = [f"FAILING: recall below {RECALL_FLOOR}"] if line.middle.failing else []
    job = line.job
    if job.work == "read" and "groups" in own:
        ratio = own["groups"].per_article / line.per_article
        remarks.insert(0, f"dedup groups take {ratio:.2f} x; {kept(ratio <= READ_CEILING, f'<= {READ_CEILING:g}')}")
    elif job.peer != "dedup" and job.work in own:
        ratio = line.per_article / own[job.work].per_article
        floor = FLOORS.get((job.work, job.peer))
        remarks.insert(0, f"{ratio:.1f} x" + (f"; {kept(ratio >= floor, f'>= {floor:g}')}" if floor else ""))
    return ", ".join(remarks)


def kept(is_kept: bool, goal: str) -> str:  # noqa: FBT001 - a fact, not a switch
    """Say whether a goal is kept."""
    return f"goal {goal} {'kept' if is_kept else 'MISSED'}"


@click.command()
@click.option("--articles", default=100_000, show_default=True, help="Articles of the generated corpus.")
@click.option("--seed", default=1, show_default=True, help="Seed of the generated corpus.")
@click.option("--corpus", type=click.Path(path_type=Path, exists=True), help="Measure on this Parquet instead.")
@click.option("--truth", type=click.Path(path_type=Path, exists=True), help="Truth of --corpus.")
@click.option("--peer-sample", default=2_000, show_default=True, help="Rows for the peers' signatures; 0: all.")
@click.option("--group-sample", default=0, show_default=True, help="Rows for the peers' clustering; 0: all.")
@click.option("--repeat", default=3, show_default=True, type=click.IntRange(min=1), help="Times to measure each.")
@click.option(
    "--peer",
    "peers",
    multiple=True,
    type=click.Choice([name for name in PEERS if name != "dedup"]),
    help="Only this peer; may be given again.",
)
@click.option("--record", "target", type=click.Path(path_type=Path), default=RECORD, help="CSV to append to.")
def main(
    articles: int,
    seed: int,
    corpus: Path | None,
    truth: Path | None,
    peer_sample: int,
    group_sample: int,
    repeat: int,
    peers: tuple[str, ...],
    target: Path,
) -> None:
    """Measure CPU, wall time and memory of dedup and its peers on the same Parquet."""
    if (corpus is None) != (truth is None):
        message = "--corpus and --truth go together"
        raise click.UsageError(message)
    chosen = given(corpus, truth) if corpus and truth else generated(articles, seed)
    names = list(peers) or [name for name in PEERS if name != "dedup"]
    with tempfile.TemporaryDirectory() as folder:
        first_rows(chosen.path, WARM_ROWS, Path(folder) / "warm.parquet")
        lines = [Line(job, []) for job in jobs(chosen.rows, names, peer_sample, group_sample)]
        for line in lines * repeat:  # all in turn, so that a noisy minute falls on all of them
            rows = rows_of(line.job, chosen, Path(folder))
            add([row._asdict() for row in rows], Row._fields, target)
            line.rows.extend(rows)
    lines = [line for line in lines if line.rows]
    show(lines, chosen.rows)
    if any(row.failing for line in lines if line.job.peer == "dedup" for row in line.rows):
        message = f"dedup found less than {RECALL_FLOOR} of the planted pairs"
        raise click.ClickException(message)


if __name__ == "__main__":
    main()
