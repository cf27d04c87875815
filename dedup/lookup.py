"""Articles by id, read again from the corpus that a result was made from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dedup.article import FIELDS
from dedup.corpus import open_corpus
from dedup.errors import CorpusError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dedup.corpus import Corpus
    from dedup.result import Result

_NAMED = 3  # ids in a message


def corpus_of(result: Result, source: str | None = None) -> Corpus:
    """Open the corpus of a result again, or the same corpus where it is now (``source``).

    Raises CorpusError where the result was made from a table in memory and no ``source`` is given, or nothing is there.
    """
    known: Mapping[str, str] = result.corpus.get("columns", {})
    place = source or result.corpus.get("source", "")
    if not place:
        raise CorpusError("the result was made from a table in memory; say where its corpus is (--corpus)")
    missing = {field: "" for field in FIELDS.names if field not in known}
    try:
        return open_corpus(place, {**missing, **known} if known else None)
    except CorpusError as error:
        if source:
            raise
        raise CorpusError(f"{error}; say where the corpus of the result is now (--corpus)") from error


def find_articles(corpus: Corpus, ids: Sequence[str], fields: Sequence[str] = tuple(FIELDS.names)) -> pa.Table:
    """Return the articles with these ids, in this order, with ``fields`` of :data:`dedup.article.FIELDS`.

    The ids of the corpus are read once, and of the other fields only what is asked for. Raises CorpusError where an id
    is not there.
    """
    wanted = pa.array(ids, pa.large_string())
    rows = np.full(len(ids), -1, np.int64)
    for piece in range(len(corpus.pieces)):
        for row, batch in corpus.read(piece, ("id",)):
            at = pc.index_in(wanted, value_set=batch["id"])
            found = np.asarray(at.is_valid())
            rows[found] = row + np.asarray(at.drop_null(), np.int64)
    lost = [name for name, row in zip(ids, rows, strict=True) if row < 0]
    if lost:
        more = f" and {len(lost) - _NAMED} more" if len(lost) > _NAMED else ""
        named = ", ".join(map(repr, lost[:_NAMED])) + more
        raise CorpusError(f"{corpus.source or 'the corpus'}: no article with the id {named}")
    known, back = np.unique(rows, return_inverse=True)
    schema = pa.schema([FIELDS.field(name) for name in fields])
    parts = [batch for part in corpus.split(known) for _, batch in corpus.select(part, fields)]
    return pa.Table.from_batches(parts, schema).take(pa.array(back)).combine_chunks()
