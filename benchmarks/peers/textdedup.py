"""Text-dedup 0.4: its MinHash command on the Parquet file, two processes."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from peers.protocol import BANDS, PERMUTATIONS, ROWS, SHINGLE, THRESHOLD, Base, grouped, read_articles

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

PROCESSES = 2


class TextDedup(Base):
    """What `python -m text_dedup.minhash` runs, called in this process so that its groups can be read."""

    def __init__(self, hash_function: str = "sha1", hash_bits: int = 64, bands: tuple[int, int] | None = None) -> None:
        from text_dedup import minhash  # noqa: PLC0415 - measured, and optional

        self._program = minhash
        rows = {} if bands is None else {"b": bands[0], "r": bands[1]}
        self._options = minhash.MinHashArgs(
            ngram=SHINGLE,
            num_perm=PERMUTATIONS,
            threshold=THRESHOLD,
            hash_func=hash_function,
            hash_bits=hash_bits,
            **rows,
        )

    def clusters(self, corpus: Path) -> pa.Table:
        """Load, fingerprint, cluster, filter, save: the command does not stop before."""
        places = self._program.IOArgs(
            path="parquet",
            data_files=str(corpus.resolve()),
            split="train",
            cache_dir=str(self.folder / "cache"),
            output=str(self.folder / "output"),
            num_proc=PROCESSES,
            clean_cache=False,
        )
        about = self._program.MetaArgs(column="text")
        self._program.main.callback(io_args=places, meta_args=about, minhash_args=self._options)
        ids, _ = read_articles(corpus)
        found = grouped(ids, [self._program.uf.find(item) for item in range(len(ids))])
        shutil.rmtree(self.folder / "cache")
        return found


def recall() -> TextDedup:
    """Give it bands that find what the product finds, and its faster hash."""
    return TextDedup("xxh3", 32, (BANDS, ROWS))
