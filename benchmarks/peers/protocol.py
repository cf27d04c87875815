"""What every peer is asked, and what the adapters share: one tokeniser, and sets that are joined."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

PERMUTATIONS = 128
THRESHOLD = 0.8
SHINGLE = 5
BANDS, ROWS = 21, 6
"""Bands that find what the product finds: 126 of the 128 permutations, half of the pairs at resemblance 0.6."""
BATCH = 1024
"""Texts that are Python strings at a time."""

_TOKEN = re.compile(r"[^\W_]+(?:'[^\W_]+)*")
_TYPOGRAPHIC = "\N{RIGHT SINGLE QUOTATION MARK}"


class UnavailableError(Exception):
    """The peer is not installed, or lacks a function; the message says why."""


class Peer(Protocol):
    """One way to find copies. The calls of `prepare` and `matrix` are not measured."""

    def prepare(self, folder: Path) -> None:
        """Start what a service would have running already; `folder` is empty and may be filled."""

    def signatures(self, texts: pa.ChunkedArray) -> Any:
        """Make the MinHash signatures of all texts, of 5-word shingles. Raises UnavailableError where it cannot."""

    def matrix(self, signatures: Any) -> Sequence[Any]:
        """Return signatures as rows of values that are compared place by place."""

    def clusters(self, corpus: Path) -> pa.Table:
        """Read a corpus and group its copies at resemblance 0.8.

        Columns `id` and `copy_id` (equal in a group; null or its own where an article is alone), or `id` and `flagged`
        from a peer that says which articles have a copy, and not of what.
        """


class Base:
    """What most adapters do not need to say."""

    def prepare(self, folder: Path) -> None:
        """Nothing to start."""
        self.folder = folder

    def signatures(self, texts: pa.ChunkedArray) -> Any:
        """Not offered."""
        del texts
        message = "has no call that returns signatures"
        raise UnavailableError(message)

    def matrix(self, signatures: Any) -> Sequence[Any]:
        """Take rows as they are."""
        return list(signatures)


class Articles(NamedTuple):
    """Ids and texts of a corpus."""

    ids: pa.ChunkedArray
    texts: pa.ChunkedArray


def read_articles(corpus: Path) -> Articles:
    """Read the two columns that a peer needs."""
    table = pq.read_table(corpus, columns=["id", "text"])
    return Articles(table["id"], table["text"])


def grouped(ids: pa.ChunkedArray, copy_ids: Sequence[int]) -> pa.Table:
    """Make the answer: the number of its group for every article."""
    return pa.table({"id": ids, "copy_id": pa.array(copy_ids, pa.int64())})


def texts_of(column: pa.ChunkedArray) -> Iterator[str]:
    """Give the texts of a column as Python strings, batch by batch."""
    for batch in batches_of(column):
        yield from batch


def batches_of(column: pa.ChunkedArray) -> Iterator[list[str]]:
    """Give the texts of a column as lists of Python strings."""
    for chunk in column.chunks:
        for start in range(0, len(chunk), BATCH):
            yield chunk.slice(start, BATCH).to_pylist()


def tokens(text: str) -> list[str]:
    """Split a text into words as the product does, but for most of its Unicode rules: one regular expression."""
    return _TOKEN.findall(text.lower().replace(_TYPOGRAPHIC, "'"))


def shingles(text: str) -> list[str]:
    """Make the 5-word shingles of a text, joined by blanks, in order and with repetitions."""
    words = tokens(text)
    return [" ".join(words[i : i + SHINGLE]) for i in range(max(1, len(words) - SHINGLE + 1))]


def encoded_shingles(text: str) -> list[bytes]:
    """Make the 5-word shingles of a text as UTF-8."""
    return [shingle.encode() for shingle in shingles(text)]


class UnionFind:
    """Disjoint sets of the integers 0 to `count` - 1, with path halving."""

    def __init__(self, count: int) -> None:
        self.parents = list(range(count))

    def find(self, item: int) -> int:
        """Give the representative of an item's set."""
        parents = self.parents
        while parents[item] != item:
            parents[item] = item = parents[parents[item]]
        return item

    def join(self, left: int, right: int) -> None:
        """Make one set of two."""
        self.parents[self.find(left)] = self.find(right)

    def labels(self) -> list[int]:
        """Give the representative of every item."""
        return [self.find(item) for item in range(len(self.parents))]


def cluster(lsh: Any, sketches: Iterable[Any], count: int) -> list[int]:
    """Group sketches by the usual loop: query the index, join with each hit, insert. Hits are not verified."""
    sets = UnionFind(count)
    for item, sketch in enumerate(sketches):
        for hit in lsh.query(sketch):
            sets.join(item, hit)
        lsh.insert(item, sketch)
    return sets.labels()
