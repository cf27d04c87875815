"""What is measured: the product and its peers behind one protocol.

A peer is given the same Arrow column or the same Parquet file as the product and does with it what its documentation
shows. Peers that want shingles made in Python share one tokeniser, written for speed: a regular expression.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

PERMUTATIONS = 128
THRESHOLD = 0.8
SHINGLE = 5
RENSA_BANDS = 16
"""Rensa wants a divisor of the permutations: 16 bands of 8 rows have their knee at resemblance 0.71."""

_TOKEN = re.compile(r"[^\W_]+(?:['\N{RIGHT SINGLE QUOTATION MARK}][^\W_]+)*")


class UnavailableError(Exception):
    """The peer is not installed, or lacks a function; the message says what to do."""


class Peer(Protocol):
    """One way to find copies."""

    package: str
    """Distribution whose version is recorded."""

    def signatures(self, texts: pa.ChunkedArray) -> object:
        """Make the MinHash signatures of all texts, 128 permutations of 5-word shingles."""

    def groups(self, corpus: Path) -> pa.Table:
        """Read a corpus and group its copies at resemblance 0.8; columns `id`, `copy_id` (equal in a group)."""


def shingles(text: str) -> list[str]:
    """Make the 5-word shingles of a text, joined by blanks, in order and with repetitions."""
    tokens = _TOKEN.findall(text.lower())
    return [" ".join(tokens[i : i + SHINGLE]) for i in range(max(1, len(tokens) - SHINGLE + 1))]


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


def cluster(lsh: Any, sketches: Iterable[Any], count: int) -> list[int]:
    """Group sketches by the usual loop: query the index, join with each hit, insert. Hits are not verified."""
    sets = UnionFind(count)
    for item, sketch in enumerate(sketches):
        for hit in lsh.query(sketch):
            sets.join(item, hit)
        lsh.insert(item, sketch)
    return [sets.find(item) for item in range(count)]


def texts_of(column: pa.ChunkedArray) -> Iterator[str]:
    """Give the texts of a column as Python strings, batch by batch."""
    for chunk in column.chunks:
        for start in range(0, len(chunk), 1024):
            yield from chunk.slice(start, 1024).to_pylist()


class Datasketch:
    """Datasketch 2 as documented: `MinHash.generator`, then `MinHashLSH(threshold=0.8, num_perm=128)`."""

    package = "datasketch"

    def __init__(
        self, hash_function: Callable[[bytes], int] | None = None, bands: tuple[int, int] | None = None
    ) -> None:
        """Use the hash function (SHA-1) and the bands and rows (9, 13) of datasketch's choice, or ours."""
        import datasketch  # noqa: PLC0415 - measured, and optional

        self._library = datasketch
        self._options = {"num_perm": PERMUTATIONS, "hashfunc": hash_function}
        self._bands = bands

    def sketches(self, texts: Iterable[str]) -> Iterator[Any]:
        """Make one MinHash a text; permutations are shared between them."""
        yield from self._library.MinHash.generator(map(encoded_shingles, texts), **self._options)

    def signatures(self, texts: pa.ChunkedArray) -> list[Any]:
        """Make all MinHashes."""
        return list(self.sketches(texts_of(texts)))

    def groups(self, corpus: Path) -> pa.Table:
        """Insert, query, join."""
        table = pq.read_table(corpus, columns=["id", "text"])
        lsh = self._library.MinHashLSH(threshold=THRESHOLD, num_perm=PERMUTATIONS, params=self._bands)
        labels = cluster(lsh, self.sketches(texts_of(table["text"])), len(table))
        return pa.table({"id": table["id"], "copy_id": labels})


def datasketch_xxhash() -> Datasketch:
    """Give datasketch the fastest 32-bit hash function that Python has."""
    import xxhash  # noqa: PLC0415 - optional

    return Datasketch(xxhash.xxh32_intdigest)


def datasketch_recall() -> Datasketch:
    """Give datasketch bands that find what the product finds: 21 of 6 rows."""
    return Datasketch(bands=(21, 6))


class Rensa:
    """Rensa's full-set R-MinHash, fed by the Python tokeniser; one native call a text."""

    package = "rensa"

    def __init__(self) -> None:
        import rensa  # noqa: PLC0415 - measured, and optional

        self._library = rensa

    def sketches(self, texts: Iterable[str]) -> Iterator[Any]:
        """Make one RMinHash a text."""
        for text in texts:
            sketch = self._library.RMinHash(PERMUTATIONS, 1)
            sketch.update(shingles(text))
            yield sketch

    def signatures(self, texts: pa.ChunkedArray) -> list[Any]:
        """Make all RMinHashes."""
        return list(self.sketches(texts_of(texts)))

    def groups(self, corpus: Path) -> pa.Table:
        """Insert, query, join."""
        table = pq.read_table(corpus, columns=["id", "text"])
        lsh = self._library.RMinHashLSH(THRESHOLD, PERMUTATIONS, RENSA_BANDS)
        labels = cluster(lsh, self.sketches(texts_of(table["text"])), len(table))
        return pa.table({"id": table["id"], "copy_id": labels})


class Dedup:
    """The product."""

    package = "dedup"

    def __init__(self) -> None:
        import dedup  # noqa: PLC0415 - measured

        missing = [name for name in ("find", "signatures", "Settings") if not hasattr(dedup, name)]
        if missing:
            message = f"dedup has no {', '.join(missing)} yet"
            raise UnavailableError(message)
        self._library = dedup

    def signatures(self, texts: pa.ChunkedArray) -> object:
        """Make the signatures, a uint32 array."""
        return self._library.signatures(texts, self._library.Settings())

    def groups(self, corpus: Path) -> pa.Table:
        """Read, find, verify, account."""
        result = self._library.find(corpus, self._library.Settings(stories=False, boilerplate=False))
        return result.articles.select(["id", "copy_id"])


PEERS: dict[str, Callable[[], Peer]] = {
    "dedup": Dedup,
    "datasketch": Datasketch,
    "datasketch-xxhash": datasketch_xxhash,
    "datasketch-21x6": datasketch_recall,
    "rensa": Rensa,
}


def peer(name: str) -> Peer:
    """Set up a peer. Raises UnavailableError when it cannot be imported."""
    try:
        return PEERS[name]()
    except ImportError as error:
        message = f"{error}; try: pip install -e '.[bench]'"
        raise UnavailableError(message) from error
