"""Measure one piece of work in a process of its own; `cost.py` runs this and reads the JSON that it prints.

`python benchmarks/measure.py PEER WORK CORPUS WARM GROUPS`: WORK is read, signatures or groups. The work is done once
on the small corpus WARM, so that imports and compiled kernels are loaded, and then measured on CORPUS. The groups
found are written to GROUPS. Exit status 3: the peer is not available, the reason is on stderr.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq
from peers import UnavailableError, peer

if TYPE_CHECKING:
    from collections.abc import Callable

Answer = TypeVar("Answer")

UNAVAILABLE = 3
BATCH = 16_384


class Cost(NamedTuple):
    """What a piece of work took."""

    cpu: float
    """Seconds of user and system time of all threads, without imports and warm-up."""
    wall: float
    """Seconds."""
    peak: float
    """Largest resident set of the process so far, MB."""


def read(corpus: Path) -> int:
    """Read the text column and do nothing with it; return its bytes."""
    return sum(batch.nbytes for batch in pq.ParquetFile(corpus).iter_batches(BATCH, columns=["text"]))


def peak_memory() -> float:
    """Read the largest resident set of this process, MB.

    Linux only. getrusage would do, but there a child starts with the peak of its parent.
    """
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def timed(work: Callable[[], Answer]) -> tuple[Answer, Cost]:
    """Do the work and take its cost."""
    cpu, wall = time.process_time(), time.perf_counter()
    answer = work()
    return answer, Cost(time.process_time() - cpu, time.perf_counter() - wall, peak_memory())


def measure(name: str, work: str, corpus: Path, warm: Path, groups: Path) -> Cost:
    """Warm up, then measure."""
    if work == "read":
        read(warm)
        return timed(lambda: read(corpus))[1]
    subject = peer(name)
    if work == "signatures":
        subject.signatures(text_of(warm))
        text = text_of(corpus)
        return timed(lambda: subject.signatures(text))[1]
    subject.groups(warm)
    found, cost = timed(lambda: subject.groups(corpus))
    pq.write_table(found, groups)
    return cost


def text_of(corpus: Path) -> pa.ChunkedArray:
    """Read the text column whole."""
    return pq.read_table(corpus, columns=["text"])["text"]


def main(name: str, work: str, corpus: str, warm: str, groups: str) -> int:
    """Print the cost as one JSON object."""
    try:
        cost = measure(name, work, Path(corpus), Path(warm), Path(groups))
    except UnavailableError as error:
        sys.stderr.write(f"{error}\n")
        return UNAVAILABLE
    sys.stdout.write(json.dumps(cost._asdict()) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
