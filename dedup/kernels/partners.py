"""Postings → articles that share enough keys with one that asks; of many partners, those that share most."""

from __future__ import annotations

from typing import Any

import numpy as np

from dedup.kernels.jit import inline, kernel

i64 = np.int64


@inline
def lowest(tally: Any, enough: Any, least: Any, most: Any) -> Any:
    """Return (the lowest value that stays where the ``most`` highest do, how many with that value stay).

    ``tally[value]`` counts the ``enough`` values, which are ``least`` and more.
    """
    value, room = least, enough
    if enough > most:
        value, room = len(tally) - 1, most
        while room > tally[value]:
            room -= tally[value]
            value -= 1
    return value, room


@inline
def likeliest(shared: Any, touched: Any, count: Any, least: Any, most: Any, tally: Any) -> Any:
    """Return what :func:`lowest` does of the keys ``shared`` with each of ``touched[:count]``, and if there are more.

    Counts from the last of ``tally`` on are one.
    """
    enough = 0
    tally[:] = 0
    for index in range(count):
        if shared[touched[index]] >= least:
            enough += 1
            tally[min(shared[touched[index]], len(tally) - 1)] += 1
    bar, room = lowest(tally, enough, least, most)
    return bar, room, enough > most


@kernel
def sharing(asker: Any, number: Any, below: Any, least: Any, out_asker: Any, out_number: Any, out_shared: Any) -> int:
    """Write for each asker the numbers that come ``least`` times and more, and how often; return how many in all.

    ``asker`` is ascending; numbers from ``below[asker]`` on do not count.
    """
    if len(number) == 0:
        return 0
    first = number.min()
    counts = np.zeros(number.max() - first + 1, np.uint16)
    written, start = 0, 0
    while start < len(number):
        end, begun, limit = start, written, below[asker[start]]
        while end < len(number) and asker[end] == asker[start]:
            if number[end] < limit:
                counts[number[end] - first] += 1
                if counts[number[end] - first] == least:
                    out_asker[written], out_number[written] = asker[start], number[end]
                    written += 1
            end += 1
        for place in range(begun, written):
            out_shared[place] = counts[out_number[place] - first]
        for place in range(start, end):
            counts[number[place] - first] = 0
        start = end
    return written
