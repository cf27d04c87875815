"""Articles by id, read again from the corpus that a result was made from."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dedup.article import FIELDS
from dedup.corpus import open_corpus
from dedup.errors import CorpusError
from dedup.text import token_hashes, views

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from dedup.corpus import Corpus
    from dedup.result import Result

_NAMED = 3  # ids in a message
_AGAIN = "run `dedup find` again, or name the corpus that the result was made from (--corpus)"


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


def texts_of(result: Result, corpus: Corpus, ids: Sequence[str]) -> dict[str, str | None]:
    """Return the texts of these articles of a result, by id, from its corpus.

    Raises CorpusError where an id is not there, or a text is not the one that the result was made from: its words are
    not as many, or a span ends behind it. An edit that keeps the number of words is not seen.
    """
    try:
        found = find_articles(corpus, ids, ("id", "text"))
    except CorpusError as error:
        raise CorpusError(f"{error}; {_AGAIN}") from error
    _check_words(result, corpus, found)
    _check_spans(result, corpus, found)
    return dict(zip(found["id"].to_pylist(), found["text"].to_pylist(), strict=True))


def _check_words(result: Result, corpus: Corpus, found: pa.Table) -> None:
    rows = pc.index_in(found["id"], value_set=result.articles["id"].combine_chunks())
    had = result.articles["words"].take(rows).to_numpy()
    has = np.diff(token_hashes([views(found["text"].combine_chunks())]).places)
    changed = np.flatnonzero(has != had)
    if len(changed):
        row = changed[0]
        _refuse(corpus, found["id"], changed, f"it has {words_of(has[row])}, and had {had[row]:,}")


def _check_spans(result: Result, corpus: Corpus, found: pa.Table) -> None:
    names = found["id"].combine_chunks()
    spans = result.spans.filter(pc.is_in(result.spans["id"], names))
    ends = np.zeros(len(found), np.int64)
    np.maximum.at(ends, pc.index_in(spans["id"], value_set=names).to_numpy(), spans["end"].to_numpy())
    sizes = pc.fill_null(pc.utf8_length(found["text"]), 0).to_numpy()
    changed = np.flatnonzero(ends > sizes)
    if len(changed):
        row = changed[0]
        _refuse(corpus, found["id"], changed, f"it ends at character {sizes[row]:,}, and had {ends[row]:,} at least")


def _refuse(corpus: Corpus, ids: pa.ChunkedArray, changed: NDArray[np.intp], how: str) -> NoReturn:
    more = f" (and {len(changed) - 1:,} more)" if len(changed) > 1 else ""
    what = f"the text of {ids[int(changed[0])].as_py()!r}{more} changed since the result was made: {how}"
    raise CorpusError(f"{corpus.source or 'the corpus'}: {what}; {_AGAIN}")


def words_of(count: int) -> str:
    """Return how many words a text has, in words."""
    return f"{count:,} word{'' if count == 1 else 's'}"
