"""Measure how the cost of `find`, stories and ledgers included, grows: `python benchmarks/growth.py CORPUS ...`.

Each argument is a generated corpus (benchmarks/generate.py), smallest first. Prints CPU and wall seconds, the peak
resident set so far (MB), and the exponent of CPU time from one corpus to the next.
"""

from __future__ import annotations

import math
import resource
import sys
import time

import dedup


def main(corpora: list[str]) -> None:
    """Warm up on the first corpus, then measure each."""
    dedup.find(corpora[0])
    before: tuple[int, float] | None = None
    for corpus in corpora:
        cpu, wall = time.process_time(), time.perf_counter()
        articles = len(dedup.find(corpus).articles)
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        exponent = math.log(cpu / before[1]) / math.log(articles / before[0]) if before else math.nan
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"{articles:9,} articles  cpu {cpu:8.2f} s  wall {wall:8.2f} s  peak {peak:6.0f} MB  n^{exponent:.2f}")
        before = (articles, cpu)


if __name__ == "__main__":
    main(sys.argv[1:])
