"""Recent texts and postings → files.

Every partition gets the new texts at the end of its file, and a segment with the new postings. Segments of like size
become one, so that a partition of n batches has about log(n) of them; one that gets no more articles is left with one,
or two.
"""

from __future__ import annotations

import contextlib
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dedup.index import segments, textlog
from dedup.index.manifest import Part

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from dedup.index.segments import Run, Section, Segment

_GROWTH = 2  # a segment that is not as many times as large as all after it is merged with them
_SETTLED = 16  # the same for a partition that got nothing this time
_SYNCS = 8  # files that are made durable at a time: the file system puts them into one commit of its own


class Filing:
    """Writes files, and takes them back when what lists them is not committed."""

    def __init__(self, folder: Path, parts: Mapping[int, Part], opened: Mapping[int, Segment], number: int) -> None:
        """Start from the partitions and open segments of the last commit; ``number`` is that of the next file."""
        self.parts, self.number = dict(parts), number
        self.doomed: list[str] = []
        """Names of files that are needless after the commit."""
        self._folder, self._opened = folder, opened
        self._made: dict[Path, int] = {}  # bytes that counted before

    def add_texts(self, frames: Mapping[int, Sequence[bytes]]) -> None:
        """Append texts, by partition, to their files."""
        for number, texts in frames.items():
            part = self.parts.get(number) or Part(number)
            if not part.texts:
                part = replace(part, texts=self._next())
            path = self._folder / part.text_file
            self._made[path] = part.end
            self.parts[number] = replace(part, end=textlog.append(path, part.end, texts))

    def add_postings(self, runs: Sequence[Run], gone: NDArray[np.uint8]) -> None:
        """Write the postings of runs into segments, and merge segments that they outgrow."""
        fresh = segments.Run.of(runs).by_part() if runs else {}
        for number, families in fresh.items():
            part = self.parts.get(number) or Part(number)
            holder = {family: segments.section(words) for family, words in families.items()}
            kept = _kept(part.segments, sum(map(len, holder.values())), _GROWTH)
            self.parts[number] = self._merged(part, kept, [holder], gone)
        for number in sorted(self.parts.keys() - fresh.keys()):
            part = self.parts[number]
            older = part.segments[:-1]
            kept = _kept(older, _size(part.segments[-1]), _SETTLED) if older else 0
            if kept < len(older):
                self.parts[number] = self._merged(part, kept, [], gone)
                break  # one at a time: no batch is to wait for all of them

    def _merged(self, part: Part, kept: int, holders: list[dict[int, Section]], gone: NDArray[np.uint8]) -> Part:
        """Write one segment instead of those after the first ``kept``, with what ``holders`` hold."""
        for each in part.segments[kept:]:
            holders = [self._opened[each["file"]].sections, *holders]
            self.doomed.append(part.key_file(each["file"]))
        families = {
            family: [holder[family] for holder in holders if family in holder]
            for family in sorted({family for holder in holders for family in holder})
        }
        number = self._next()
        path = self._folder / part.key_file(number)
        self._made[path] = 0
        described = segments.write(path, families, gone)
        if not described["families"]:
            path.unlink()
            del self._made[path]
            return replace(part, segments=part.segments[:kept])
        return replace(part, segments=(*part.segments[:kept], {"file": number, **described}))

    def _next(self) -> int:
        self.number += 1
        return self.number - 1

    def sync(self) -> None:
        """Make all files durable, and their names."""
        if self._made:
            with ThreadPoolExecutor(_SYNCS) as pool:
                list(pool.map(durable, self._made))
            durable(self._folder)

    def undo(self) -> None:
        """Take the files back: what lists them was not committed. What cannot be is left to the next opening."""
        for path, end in self._made.items():
            with contextlib.suppress(OSError):
                if end <= textlog.START:
                    path.unlink()
                else:
                    os.truncate(path, end)


def _kept(described: Sequence[Mapping[str, Any]], size: int, growth: int) -> int:
    """Return how many of the segments stay when entries come behind them."""
    kept = len(described)
    while kept and (last := _size(described[kept - 1])) < growth * size:
        size, kept = size + last, kept - 1
    return kept


def _size(described: Mapping[str, Any]) -> int:
    return sum(place[1] for place in described["families"].values())


def durable(path: Path) -> None:
    """Make a file, or the names in a folder, durable."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def unlisted(folder: Path, listed: Iterable[str]) -> list[Path]:
    """Return what is in a folder beside the files that are listed."""
    names = set(listed)
    return sorted(path for path in folder.iterdir() if path.name not in names)
