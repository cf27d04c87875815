"""Rensa 0.5: the full-set R-MinHash, and the rho sketch of sampled positions that its own headline is about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from peers.protocol import (
    PERMUTATIONS,
    THRESHOLD,
    Base,
    UnavailableError,
    batches_of,
    cluster,
    grouped,
    read_articles,
    shingles,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BANDS = 16
"""Rensa wants a divisor of the permutations: of 16 bands of 8 rows half of the pairs at 0.67 become candidates."""
RHO_BANDS = 8
"""Those of rensa's own benchmark."""
SEED = 1


class Rensa(Base):
    """R-MinHash, fed by the Python tokeniser, one native call a batch of texts."""

    def __init__(self) -> None:
        import rensa  # noqa: PLC0415 - measured, and optional

        self._library = rensa

    def sketches(self, texts: pa.ChunkedArray) -> Iterator[Any]:
        """Make one RMinHash a text."""
        for batch in batches_of(texts):
            yield from self._library.RMinHash.from_token_sets(list(map(shingles, batch)), PERMUTATIONS, SEED)

    def signatures(self, texts: pa.ChunkedArray) -> list[Any]:
        """Make matrices of signatures, one a batch: rensa's fastest way."""
        make = self._library.RMinHash.digest_matrix_from_token_sets
        return [make(list(map(shingles, batch)), PERMUTATIONS, SEED) for batch in batches_of(texts)]

    def matrix(self, signatures: list[Any]) -> list[Any]:
        """Spread the matrices out."""
        return [row for matrix in signatures for row in matrix.to_rows()]

    def clusters(self, corpus: Path) -> pa.Table:
        """Insert, query, join."""
        ids, texts = read_articles(corpus)
        lsh = self._library.RMinHashLSH(THRESHOLD, PERMUTATIONS, BANDS)
        return grouped(ids, cluster(lsh, self.sketches(texts), len(ids)))


class Rho(Rensa):
    """The rho sketch: it has no groups to give, only a flag for each article that has a copy."""

    def signatures(self, texts: pa.ChunkedArray) -> list[Any]:
        """Not offered: only rensa's own index reads them."""
        del texts
        message = "its signatures are read by its own index alone"
        raise UnavailableError(message)

    def clusters(self, corpus: Path) -> pa.Table:
        """Sketch and flag in one call each, as rensa's benchmark does."""
        ids, texts = read_articles(corpus)
        sets = [words for batch in batches_of(texts) for words in map(shingles, batch)]
        matrix = self._library.RMinHash.digest_matrix_from_token_sets_rho(sets, PERMUTATIONS, SEED)
        lsh = self._library.RMinHashLSH(THRESHOLD, PERMUTATIONS, RHO_BANDS)
        return pa.table({"id": ids, "flagged": lsh.query_duplicate_flags_matrix_one_shot(matrix)})
