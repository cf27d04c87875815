"""Run `find` with stories and ledgers within a budget and say what it took: `python finding.py CORPUS OUT MEMORY`.

Prints a JSON object as `dedup copies --json` does: articles, groups, candidates, stages with their seconds and CPU
seconds, the peak of the resident set. An empty MEMORY is the default. What is done between two stages that tell of
their progress counts for the first.
"""

from __future__ import annotations

import json
import sys
import time
from itertools import pairwise
from typing import NamedTuple

import pyarrow.compute as pc

import dedup
from dedup.memory import peak


class Stage(NamedTuple):
    """When a stage began, in seconds and in CPU seconds."""

    name: str
    wall: float
    cpu: float


def main(corpus: str, out: str, memory: str) -> None:
    """Find, write, tell."""
    begun: list[Stage] = []

    def note(name: str) -> None:
        begun.append(Stage(name, time.perf_counter(), time.process_time()))

    def progress(stage: str, done: int, total: int) -> None:
        del done, total
        if begun[-1].name != stage:
            note(stage)

    note("open")
    result = dedup.find(corpus, memory=memory or None, progress=progress)
    note("write")
    result.write(out)
    note("end")
    stages = [{"name": one.name, "wall": two.wall - one.wall, "cpu": two.cpu - one.cpu} for one, two in pairwise(begun)]
    sizes = pc.value_counts(result.articles["copy_id"]).field("counts")
    told = {
        "articles": len(result.articles),
        "groups": pc.sum(pc.greater(sizes, 1)).as_py(),
        "candidates": result.counters["candidates"],
        "peak_bytes": peak(),
        "stages": stages,
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main(*sys.argv[1:])
