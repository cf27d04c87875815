"""Datasketch 2 as documented: `MinHash.generator`, then `MinHashLSH`, then the usual loop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from peers.protocol import (
    BANDS,
    PERMUTATIONS,
    ROWS,
    THRESHOLD,
    Base,
    cluster,
    encoded_shingles,
    grouped,
    read_articles,
    texts_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    import pyarrow as pa


class Datasketch(Base):
    """128 permutations; what is not given is datasketch's own choice: SHA-1, affine32, 9 bands of 13 rows for 0.8."""

    def __init__(
        self,
        hash_function: Callable[[bytes], int] | None = None,
        scheme: str | None = None,
        bands: tuple[int, int] | None = None,
    ) -> None:
        import datasketch  # noqa: PLC0415 - measured, and optional

        self._library = datasketch
        self._options = {"num_perm": PERMUTATIONS, "hashfunc": hash_function, "scheme": scheme}
        self._bands = bands

    def sketches(self, texts: Iterable[str]) -> Iterator[Any]:
        """Make one MinHash a text; permutations are shared between them."""
        yield from self._library.MinHash.generator(map(encoded_shingles, texts), **self._options)

    def signatures(self, texts: pa.ChunkedArray) -> list[Any]:
        """Make all MinHashes."""
        return list(self.sketches(texts_of(texts)))

    def matrix(self, signatures: list[Any]) -> list[Any]:
        """Take the hash values."""
        return [sketch.hashvalues for sketch in signatures]

    def clusters(self, corpus: Path) -> pa.Table:
        """Insert, query, join."""
        ids, texts = read_articles(corpus)
        lsh = self._library.MinHashLSH(threshold=THRESHOLD, num_perm=PERMUTATIONS, params=self._bands)
        return grouped(ids, cluster(lsh, self.sketches(texts_of(texts)), len(ids)))


def xxhash(bands: tuple[int, int] | None = None) -> Datasketch:
    """Give datasketch the fastest 32-bit hash function that Python has."""
    import xxhash as fast  # noqa: PLC0415 - optional

    return Datasketch(fast.xxh32_intdigest, bands=bands)


def affine64() -> Datasketch:
    """Use datasketch's wide scheme, with its SHA-1 of 64 bits."""
    return Datasketch(scheme="affine64")


def recall() -> Datasketch:
    """Give datasketch bands that find what the product finds."""
    return Datasketch(bands=(BANDS, ROWS))


def xxhash_recall() -> Datasketch:
    """Give it both: the best of datasketch at this recall."""
    return xxhash((BANDS, ROWS))
