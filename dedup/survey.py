"""The first pass: ids and sketches of the whole corpus, identical texts collapsed, texts ranked by length."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dedup.errors import CorpusError
from dedup.sketch import Recipe, Sketches, sketch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from dedup.corpus import Corpus
    from dedup.workers import Workers

_NAMED = 5  # examples in a message


@dataclass(frozen=True)
class Survey:
    """What one pass learns of every article: its id, publication time and sketch, rows in input order."""

    ids: pa.LargeStringArray
    published: pa.TimestampArray
    sketches: Sketches


def survey(corpus: Corpus, recipe: Recipe, workers: Workers) -> Survey:
    """Read every article once. Raises CorpusError for invalid text and duplicate ids."""
    pieces = range(len(corpus.pieces))
    parts = workers.map("sketch", lambda piece: list(_piece(corpus, recipe, piece)), pieces, corpus.sizes())
    read = [part for piece in parts for part in piece]
    ids = pa.concat_arrays([batch.column(0) for batch, _ in read])
    _refuse_duplicates(ids)
    sketches = _joined([sketches for _, sketches in read], recipe)
    return Survey(ids, pa.concat_arrays([batch.column(1) for batch, _ in read]), sketches)


def _piece(corpus: Corpus, recipe: Recipe, piece: int) -> Iterator[tuple[pa.RecordBatch, Sketches]]:
    for row, batch in corpus.read(piece, ("id", "published", "text")):
        try:
            sketches = sketch(batch.column(2), recipe)
        except CorpusError as error:
            place = corpus.pieces[piece].place()
            wrong = row + (error.row or 0)
            message = f"{place}: column {corpus.names['text']!r}: row {wrong} is not valid UTF-8; decode it first"
            raise CorpusError(message, row=wrong) from error
        yield batch.select(["id", "published"]), sketches


def _joined(parts: list[Sketches], recipe: Recipe) -> Sketches:
    sampled = np.concatenate([part.sampled for part in parts])
    lengths = np.concatenate([np.diff(part.places) for part in parts])
    keys = np.concatenate([np.empty((0, recipe.bands), np.uint64), *(part.keys for part in parts)])
    return Sketches(
        np.concatenate([part.tokens for part in parts]),
        np.concatenate([part.fingerprints for part in parts]),
        keys,
        sampled,
        np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)]),
    )


def _refuse_duplicates(ids: pa.LargeStringArray) -> None:
    if pc.count_distinct(ids).as_py() == len(ids):
        return
    counts = pc.value_counts(ids)
    repeated = counts.filter(pc.greater(counts.field("counts"), 1))
    named = ", ".join(f"{entry['values']!r} ({entry['counts']} times)" for entry in repeated[:_NAMED].to_pylist())
    more = f" and {len(repeated) - _NAMED} more" if len(repeated) > _NAMED else ""
    raise CorpusError(f"duplicate ids: {named}{more}; every article needs an id of its own")


@dataclass(frozen=True)
class Ranking:
    """Distinct texts by rank, longest first; ties fall by fingerprint, so that no input order shows.

    The articles with the text of rank ``r`` are ``rows[places[r]:places[r + 1]]``. Articles shorter than one shingle
    say too little to be anybody's copy ("No text.") and are left out.
    """

    rows: NDArray[np.int64]
    places: NDArray[np.int64]

    def __len__(self) -> int:
        """Count them."""
        return len(self.places) - 1

    @property
    def first_rows(self) -> NDArray[np.int64]:
        """Return one row a text."""
        return self.rows[self.places[:-1]]

    @property
    def ranks(self) -> NDArray[np.int64]:
        """Return the rank of the text of each of ``rows``."""
        return np.repeat(np.arange(len(self)), np.diff(self.places))


def rank(sketches: Sketches, least: int) -> Ranking:
    """Collapse identical texts of ``least`` tokens and more, and rank the distinct ones."""
    high, low = sketches.fingerprints[:, 0], sketches.fingerprints[:, 1]
    order = np.lexsort((low, high, -sketches.tokens))
    order = order[sketches.tokens[order] >= least]
    new = np.ones(len(order), bool)
    new[1:] = (high[order][1:] != high[order][:-1]) | (low[order][1:] != low[order][:-1])
    return Ranking(order, np.append(np.flatnonzero(new), len(order)))
