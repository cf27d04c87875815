"""Band keys and posting keys → candidate pairs, in shuffles that no key can stall.

All keys of all texts are sorted by (key, rank) across the cluster. The sort cuts a long list wherever a partition ends,
so that a key of ten million texts is the work of many tasks, like any other ten million entries. Each member of a list
is paired with its first ``cap`` members and, past these, with the one before it, as :mod:`dedup.kernels.linking` does.
What a partition must know of the list that it continues (these first members, the last one, how many there were) is
found in a first pass over the sorted keys; that is all that comes to the driver: a few hundred bytes a partition.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
from pyspark.sql import Window
from pyspark.sql import functions as F  # noqa: N812  (its usual name)

from dedup.candidates import BAND, KEY
from dedup.kernels.linking import EVIDENCE
from dedup.pipeline import keys_needed
from dedup.spark.frames import keep, made, mapped, numbers, streamed, unpacked

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from pyspark import Broadcast
    from pyspark.sql import DataFrame

    from dedup.settings import Settings

_POSTING = -1  # the feed of a sampled shingle; that of a band key is its band
_ENTRIES = pa.schema([("feed", pa.int32()), ("key", pa.int64()), ("rank", pa.int64()), ("least", pa.int32())])
_PAIRS = pa.schema([("shorter", pa.int64()), ("longer", pa.int64()), ("evidence", pa.int64()), ("least", pa.int32())])
_ENDS = pa.schema(
    [
        ("part", pa.int32()),
        ("opening", pa.list_(pa.int64())),  # feed, key and length of its first list, what of it stands here
        ("closing", pa.list_(pa.int64())),  # the same of its last list
        ("heads", pa.list_(pa.int64())),  # the first members of its last list
        ("last", pa.int64()),  # the last member of its last list
        ("long", pa.int64()),  # lists longer than the cap and one, the first one aside
    ]
)


@dataclass(frozen=True)
class Candidates:
    """Pairs of texts, ``longer`` and ``shorter``, by rank; lists and texts that met a cap, as a Result counts them."""

    frame: DataFrame
    count: int
    capped_lists: int
    capped_articles: int


def candidates(texts: DataFrame, partitions: int, settings: Settings) -> Candidates:
    """Pair the texts (``rank``, ``keys``, ``sampled``) that share a band key, or enough sampled shingles."""
    keys = mapped(texts, partial(_entries, settings=settings), _ENTRIES)
    order = ("feed", "key", "rank")
    entries = keys.repartitionByRange(partitions, *order).sortWithinPartitions(*order)
    entries = keep(entries.withColumn("part", F.spark_partition_id()))
    ends = streamed(entries, partial(closings, cap=settings.cap), _ENDS).toArrow().to_pylist()
    before, capped = continued(ends, settings.cap)
    sent = texts.sparkSession.sparkContext.broadcast(before)
    hits = streamed(entries, partial(pairs, before=sent, cap=settings.cap), _PAIRS)
    summed = hits.groupBy("shorter", "longer").agg(
        F.least(F.sum("evidence"), F.lit(EVIDENCE)).alias("evidence"), F.max("least").alias("least")
    )
    likeliest = Window.partitionBy("shorter").orderBy(F.desc("evidence"), F.asc("longer"))
    placed = summed.filter("evidence >= least").withColumn("place", F.row_number().over(likeliest))
    found = keep(placed.filter(F.col("place") <= settings.compared + 1).select("shorter", "longer", "place"))
    frame = found.filter(F.col("place") <= settings.compared).select("shorter", "longer")
    return Candidates(frame, frame.count(), capped, found.filter(F.col("place") > settings.compared).count())


def _entries(batch: pa.RecordBatch, settings: Settings) -> pa.RecordBatch:
    ranks, texts = numbers(batch, "rank"), batch.num_rows
    bands = unpacked(batch["keys"], np.uint64).values
    places, sampled = unpacked(batch["sampled"], np.uint32)
    owners = np.repeat(np.arange(texts), np.diff(places))
    entries = np.unique(owners.astype(np.uint64) << np.uint64(32) | sampled)
    owner = (entries >> np.uint64(32)).astype(np.int64)
    counts = np.bincount(owner, minlength=texts).astype(np.int32)
    least = np.clip(np.ceil(keys_needed(counts, settings)), 1, BAND).astype(np.int32)
    banded = np.repeat(np.arange(texts), settings.bands)
    text = np.concatenate([banded, owner])
    return made(
        _ENTRIES,
        np.concatenate([np.tile(np.arange(settings.bands), texts), np.full(len(owner), _POSTING)]).astype(np.int32),
        np.concatenate([bands.view(np.int64), (entries & np.uint64(0xFFFFFFFF)).astype(np.int64)]),
        ranks[text],
        least[text],
    )


# Lists that are cut -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _List:
    """A list up to here: its feed and key, its first members, the last one and how many there are."""

    feed: int
    key: int
    heads: NDArray[np.int64]
    last: int
    count: int


class _Stretch(NamedTuple):
    """Some sorted entries: where each list starts (the first may have started before), and each entry's rank."""

    starts: NDArray[np.int64]
    feeds: NDArray[np.int32]
    keys: NDArray[np.int64]
    ranks: NDArray[np.int64]

    @staticmethod
    def of(batch: pa.RecordBatch) -> _Stretch:
        feeds, keys, ranks = (numbers(batch, name) for name in ("feed", "key", "rank"))
        new = np.ones(len(keys), np.bool_)
        new[1:] = (np.diff(feeds) != 0) | (keys[1:] != keys[:-1])
        return _Stretch(np.flatnonzero(new), feeds, keys, ranks)

    def continues(self, open_: _List | None) -> bool:
        return open_ is not None and (open_.feed, open_.key) == (self.feeds[0], self.keys[0])

    def closing(self, open_: _List | None, cap: int) -> _List:
        """Return the last list as far as it is known."""
        start = int(self.starts[-1])
        heads, count = self.ranks[start : start + cap], len(self.ranks) - start
        if len(self.starts) == 1 and open_ is not None and self.continues(open_):
            heads, count = np.concatenate([open_.heads, heads])[:cap], open_.count + count
        return _List(int(self.feeds[-1]), int(self.keys[-1]), heads, int(self.ranks[-1]), count)


def closings(batches: Iterator[pa.RecordBatch], cap: int) -> Iterator[pa.RecordBatch]:
    """Say of a partition what its neighbours must know."""
    opening, open_, part, long = None, None, 0, 0
    for batch in batches:
        if not batch.num_rows:
            continue
        stretch = _Stretch.of(batch)
        part = batch["part"][0].as_py()
        lengths = np.diff(np.append(stretch.starts, batch.num_rows))
        if open_ is not None and stretch.continues(open_):
            lengths[0] += open_.count
        elif open_ is not None:
            opening, long = _ended(open_, opening, long, cap)
        if len(lengths) > 1 and opening is None:
            opening = [int(stretch.feeds[0]), int(stretch.keys[0]), int(lengths[0])]
            lengths = lengths[1:]
        long += int((lengths[:-1] > cap + 1).sum())
        open_ = stretch.closing(open_, cap)
    if open_ is None:
        return
    closing = [open_.feed, open_.key, open_.count]
    if opening is not None:
        long += open_.count > cap + 1
    yield made(_ENDS, [part], [opening or closing], [closing], [open_.heads.tolist()], [open_.last], [long])


def _ended(open_: _List, opening: list[int] | None, long: int, cap: int) -> tuple[list[int], int]:
    """Close a list that ended with its batch."""
    if opening is None:
        return [open_.feed, open_.key, open_.count], long
    return opening, long + (open_.count > cap + 1)


def continued(ends: list[dict[str, Any]], cap: int) -> tuple[dict[int, _List], int]:
    """Return for every partition the list that it continues, and how many lists are longer than the cap and one."""
    before: dict[int, _List] = {}
    open_: _List | None = None
    capped = 0
    for end in sorted(ends, key=lambda end: end["part"]):
        feed, key, length = end["opening"]
        feed_, key_, count = end["closing"]
        heads, past = np.array(end["heads"], np.int64), 0
        if open_ is not None and (open_.feed, open_.key) == (feed, key):
            before[end["part"]] = open_
            past = open_.count
            if (feed, key) == (feed_, key_):
                heads, count = np.concatenate([open_.heads, heads])[:cap], past + count
        capped += past <= cap + 1 < past + length
        capped += end["long"]
        open_ = _List(feed_, key_, heads, end["last"], count)
    return before, int(capped)


def pairs(batches: Iterator[pa.RecordBatch], before: Broadcast[dict[int, _List]], cap: int) -> Iterator[pa.RecordBatch]:
    """Pair the members of the lists of a partition."""
    open_: _List | None = None
    started = False
    for batch in batches:
        if not batch.num_rows:
            continue
        if not started:
            open_, started = before.value.get(batch["part"][0].as_py()), True
        stretch = _Stretch.of(batch)
        yield _paired(stretch, numbers(batch, "least"), open_, cap)
        open_ = stretch.closing(open_, cap)


def _paired(stretch: _Stretch, least: NDArray[np.int32], open_: _List | None, cap: int) -> pa.RecordBatch:
    """Pair each member with the first ``cap`` of its list, and past these with the one before it."""
    count = len(stretch.ranks)
    carried = open_ if stretch.continues(open_) else None
    heads = np.empty(0, np.int64) if carried is None else carried.heads
    members = np.concatenate([heads, stretch.ranks])
    lengths = np.diff(np.append(stretch.starts, count))
    start = np.repeat(stretch.starts, lengths)
    position = np.arange(count) - start
    start = start + len(heads)
    previous = np.empty(count, np.int64)
    previous[1:] = stretch.ranks[:-1]
    if carried is not None:
        start[: lengths[0]] = 0
        position[: lengths[0]] += carried.count
        previous[0] = carried.last
    many = np.minimum(position, cap)
    member = np.repeat(np.arange(count), many)
    nth = np.arange(len(member)) - np.repeat(np.cumsum(many) - many, many)
    far = np.flatnonzero(position > cap)
    shorter = np.concatenate([member, far])
    return made(
        _PAIRS,
        stretch.ranks[shorter],
        np.concatenate([members[start[member] + nth], previous[far]]),
        np.where(stretch.feeds[shorter] == _POSTING, KEY, BAND).astype(np.int64),
        least[shorter],
    )
