"""Candidates for stories between two stretches of time, each too large a corpus' part to hold it whole."""

from __future__ import annotations

from typing import Any

import numpy as np

from dedup.kernels.jit import kernel
from dedup.kernels.partners import likeliest


@kernel
def between(
    keys: Any,
    places: Any,
    times: Any,
    later_keys: Any,
    later_places: Any,
    later_times: Any,
    same: Any,
    undated: Any,
    window: Any,
    least: Any,
    most: Any,
    out: Any,
) -> Any:
    """Pair the later articles with the earlier ones as :func:`dedup.kernels.profiling.within_window` does.

    Both stand in order of time, and all of the earlier before all of the later, unless they are the ``same``. Of an
    article's earlier partners here the ``most`` that share most keys stay, among equals the nearest in time. Writes
    (earlier, later, keys shared) into ``out`` (room for ``most`` a later article); returns how many.
    """
    articles = len(places) - 1
    lists = 0
    for index in range(places[articles]):
        lists = max(lists, keys[index] + 1)
    last = np.full(lists, -1, np.int64)  # the latest entry of each key
    previous = np.empty(places[articles], np.int64)  # the entry before, of the same key
    owner = np.empty(places[articles], np.int32)
    entered = 0  # articles whose keys are in the lists
    shared = np.zeros(articles, np.int32)
    touched = np.empty(articles, np.int32)
    tally = np.zeros(1 << 10, np.int64)
    written = 0
    for article in range(len(later_places) - 1):
        ends = article if same else articles
        while entered < ends:
            for entry in range(places[entered], places[entered + 1]):
                previous[entry] = last[keys[entry]]
                owner[entry] = entered
                last[keys[entry]] = entry
            entered += 1
        count = 0
        time = later_times[article]
        for entry in range(later_places[article], later_places[article + 1]):
            key = later_keys[entry]
            before = last[key] if key < lists else -1
            while before >= 0:
                other = owner[before]
                if time != undated and times[other] != undated and time - times[other] > window:
                    break
                if shared[other] == 0:
                    touched[count] = other
                    count += 1
                shared[other] += 1
                before = previous[before]
        bar, room, _ = likeliest(shared, touched, count, least, most, tally)
        chosen = np.sort(touched[:count])
        for back in range(count):
            other = chosen[count - 1 - back]
            value = min(shared[other], len(tally) - 1)
            if value > bar or (value == bar and room > 0):
                room -= value == bar
                out[written, 0], out[written, 1], out[written, 2] = other, article, value
                written += 1
        for index in range(count):
            shared[touched[index]] = 0
    return written
