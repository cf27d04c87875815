"""Measure one piece of work in a process of its own; `bench.py` and `cost.py` run this and read the JSON it prints.

`python benchmarks/measure.py PEER WORK CORPUS WARM ANSWER`: WORK is read, signatures or groups. The work is done once
on the small corpus WARM, so that imports and compiled kernels are loaded, and then measured on CORPUS. The groups, or
the signatures of the first articles, are written to ANSWER. Exit status 3: the peer is not available, the reason is on
stderr. It runs in the peer's environment, where nothing of the product is installed.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq
from peers import UnavailableError, peer

if TYPE_CHECKING:
    from collections.abc import Callable

Answer = TypeVar("Answer")

UNAVAILABLE = 3
BATCH = 16_384
SIGNED = 4_000
"""Articles whose signatures are kept to be looked at."""
TICKS = os.sysconf("SC_CLK_TCK")


class Cost(NamedTuple):
    """What a piece of work took."""

    cpu: float
    """Seconds of user and system time of all threads and child processes, without imports and warm-up."""
    wall: float
    """Seconds."""
    peak: float
    """Largest resident set of this process so far, MB; `bench.py` watches child processes too."""


def read(corpus: Path) -> int:
    """Read the text column and do nothing with it; return its bytes."""
    return sum(batch.nbytes for batch in pq.ParquetFile(corpus).iter_batches(BATCH, columns=["text"]))


def peak_memory() -> float:
    """Read the largest resident set of this process, MB.

    Linux only. getrusage would do, but there a child starts with the peak of its parent.
    """
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def cpu_seconds() -> float:
    """Sum the time of this process, of the children it has waited for, and of those that run (Spark's Java)."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + used.ru_utime + used.ru_stime + sum(map(_ticks, descendants(os.getpid()))) / TICKS


def descendants(process: int) -> list[int]:
    """List the processes that run below one."""
    parents = {int(file.name): _parent(file) for file in Path("/proc").iterdir() if file.name.isdigit()}
    found = [process]
    for known in found:
        found += [child for child, parent in parents.items() if parent == known]
    return found[1:]


def _parent(process: Path) -> int:
    fields = _fields(process)
    return int(fields[1]) if fields else 0


def _ticks(process: int) -> int:
    """User and system time of a process and of the children it has waited for; 0 where it has ended meanwhile."""
    return sum(map(int, _fields(Path(f"/proc/{process}"))[11:15]))


def _fields(process: Path) -> list[str]:
    try:
        return (process / "stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []  # it ended


def timed(work: Callable[[], Answer]) -> tuple[Answer, Cost]:
    """Do the work and take its cost."""
    cpu, wall = cpu_seconds(), time.perf_counter()
    answer = work()
    return answer, Cost(cpu_seconds() - cpu, time.perf_counter() - wall, peak_memory())


def measure(name: str, work: str, corpus: Path, warm: Path, answer: Path) -> Cost:
    """Warm up, then measure."""
    if work == "read":
        read(warm)
        return timed(lambda: read(corpus))[1]
    subject = peer(name)
    with tempfile.TemporaryDirectory() as folder:
        subject.prepare(Path(folder))
        if work == "signatures":
            subject.signatures(text_of(warm))
            text = text_of(corpus)
            made, cost = timed(lambda: subject.signatures(text))
            pq.write_table(signed(subject.matrix(made)), answer)
        else:
            subject.clusters(warm)
            groups, cost = timed(lambda: subject.clusters(corpus))
            pq.write_table(groups, answer)
    return cost


def text_of(corpus: Path) -> pa.ChunkedArray:
    """Read the text column whole."""
    return pq.read_table(corpus, columns=["text"])["text"]


def signed(matrix: Any) -> pa.Table:
    """Make the table of the first signatures."""
    rows = [[int(value) for value in row] for row in matrix[:SIGNED]]
    return pa.table({"signature": pa.array(rows, pa.list_(pa.uint64()))})


def main(name: str, work: str, corpus: str, warm: str, answer: str) -> int:
    """Print the cost as one JSON object, the last line of what is printed."""
    try:
        cost = measure(name, work, Path(corpus), Path(warm), Path(answer))
    except UnavailableError as error:
        sys.stderr.write(f"{error}\n")
        return UNAVAILABLE
    sys.stdout.write("\n" + json.dumps(cost._asdict()) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
