"""Datatrove 0.10: its three MinHash stages, with its own 14 buckets of 8 hashes, in one process."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

from peers.protocol import SHINGLE, Base, UnionFind, grouped, read_articles

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

BUCKETS = 14


class Datatrove(Base):
    """Signatures, buckets and clusters through files, the way its documentation shows."""

    def __init__(self, tokenizer: Any = "en") -> None:
        from datatrove.executor.local import LocalPipelineExecutor  # noqa: PLC0415 - measured, and optional
        from datatrove.pipeline.dedup import minhash  # noqa: PLC0415
        from datatrove.pipeline.readers import ParquetReader  # noqa: PLC0415
        from loguru import logger  # noqa: PLC0415

        logger.remove()
        self._stages, self._executor, self._reader = minhash, LocalPipelineExecutor, ParquetReader
        self._options = minhash.MinhashConfig(n_grams=SHINGLE, num_buckets=BUCKETS)
        self._tokenizer = tokenizer
        self._runs = 0

    def signatures(self, texts: pa.ChunkedArray) -> list[Any]:
        """Make one list of buckets of hashes a text, in memory."""
        stage = self._stages.MinhashDedupSignature(str(self.folder / "unused"), self._options, self._tokenizer)
        return [stage.get_signature(stage.get_shingles(text)) for text in texts.to_pylist()]

    def matrix(self, signatures: list[Any]) -> list[Any]:
        """Put the buckets of a text in one row."""
        return [[value for bucket in buckets for value in bucket] for buckets in signatures]

    def clusters(self, corpus: Path) -> pa.Table:
        """Run the stages, and read the clusters."""
        self._runs += 1
        places = [str(self.folder / f"{name}{self._runs}") for name in ("signatures", "buckets", "clusters")]
        stages, options = self._stages, self._options
        reader = self._reader(str(corpus.parent), glob_pattern=corpus.name)
        sign = stages.MinhashDedupSignature(places[0], options, self._tokenizer)
        match = stages.MinhashDedupBuckets(places[0], places[1], config=options)
        join = stages.MinhashDedupCluster(places[1], places[2], options, save_cluster_id=True)
        self._run([reader, sign], 1)
        self._run([match], BUCKETS)
        self._run([join], 1)
        ids, _ = read_articles(corpus)
        sets = UnionFind(len(ids))
        first: dict[int, int] = {}
        written = self.folder / places[2] / "000000.clusters"
        made = written.read_bytes() if written.exists() else b""  # where nothing is alike it writes no file
        for article, number in struct.iter_unpack("<2I", made):
            sets.join(article, first.setdefault(number, article))
        return grouped(ids, sets.labels())

    def _run(self, pipeline: list[Any], tasks: int) -> None:
        logs = str(self.folder / f"logs{self._runs}-{type(pipeline[-1]).__name__}")
        self._executor(pipeline=pipeline, tasks=tasks, workers=1, logging_dir=logs, skip_completed=False).run()


def whitespace() -> Datatrove:
    """Give it a tokenizer that splits at blanks, the cheapest; its own for English is spaCy's, without a model."""
    from datatrove.utils.word_tokenizers import WordTokenizer  # noqa: PLC0415 - optional

    class Blanks(WordTokenizer):  # type: ignore[misc]
        """`str.split`; datatrove has lower-cased the text and dropped punctuation before."""

        def word_tokenize(self, text: str) -> list[str]:
            return text.split()

        def sent_tokenize(self, text: str) -> list[str]:
            raise NotImplementedError

        def span_tokenize(self, text: str) -> list[tuple[int, int]]:
            raise NotImplementedError

    return Datatrove(Blanks())
