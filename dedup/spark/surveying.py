"""Every article's sketch and outline, by the survey of one machine on a few thousand articles at a time."""

from __future__ import annotations

from functools import lru_cache, partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa

from dedup.article import FIELDS
from dedup.corpus import open_corpus
from dedup.errors import CorpusError
from dedup.pipeline import recipe
from dedup.profiles import Lists, Outlines
from dedup.spark.frames import mapped, numbers, packed, signed, unpacked
from dedup.spark.learning import Learned, Weighed, load_background, located, outlets
from dedup.survey import Runs, survey
from dedup.workers import Workers

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pyspark import Broadcast
    from pyspark.sql import DataFrame

    from dedup.boilerplate import Furniture
    from dedup.settings import Settings

_SKETCH = [
    ("number", pa.int64()),
    ("published", pa.int64()),
    ("outlet", pa.string()),
    ("words", pa.int32()),
    ("house", pa.binary()),  # the runs of boilerplate: starts and ends, int32
    ("tokens", pa.int32()),
    ("high", pa.int64()),  # of the fingerprint
    ("low", pa.int64()),
    ("keys", pa.binary()),  # uint64, a band key each
    ("sampled", pa.binary()),  # uint32
]
_OUTLINE = [
    ("titled", pa.bool_()),
    ("spoken", pa.binary()),  # int32: columns of each sentence
    ("columns", pa.binary()),  # int32
    ("terms", pa.binary()),  # uint64, as all terms
    ("counts", pa.binary()),  # int32
    ("lead", pa.binary()),  # bool
    ("figures", pa.binary()),
    ("salient", pa.binary()),
]
OUTLINE = tuple(name for name, _ in _OUTLINE)


class _Known(NamedTuple):
    furniture: Furniture
    vocabulary: Weighed


def surveyed(articles: DataFrame, learned: Broadcast[Learned] | None, settings: Settings) -> DataFrame:
    """Sketch every article; outline it where stories are wanted."""
    schema = pa.schema(_SKETCH + (_OUTLINE if settings.stories else []))
    return mapped(articles, partial(_surveyed, learned=learned, settings=settings, schema=schema), schema)


@lru_cache(maxsize=1)
def _known(learned: Broadcast[Learned], settings: Settings) -> _Known:
    """Return what was learned, made ready once a process."""
    return _Known(learned.value.furniture, Weighed(learned.value, load_background(settings)))


def _surveyed(
    batch: pa.RecordBatch, learned: Broadcast[Learned] | None, settings: Settings, schema: pa.Schema
) -> pa.RecordBatch:
    known = None if learned is None else _known(learned, settings)
    fields = pa.schema([FIELDS.field(name) for name in FIELDS.names])
    table = pa.table([batch[name].cast(fields.field(name).type) for name in fields.names], schema=fields)
    try:
        found = survey(open_corpus(table), recipe(settings), Workers(1), known, settings)
    except CorpusError as error:
        raise (error if error.row is None else located(batch, error)) from error
    prints, sketches = found.sketches.fingerprints, found.sketches
    columns = {
        "number": batch["number"],
        "published": batch["published"],
        "outlet": pa.array(outlets(batch)),
        "words": pa.array(found.words),
        "house": packed(np.column_stack([found.boilerplate.starts, found.boilerplate.ends]), found.boilerplate.places),
        "tokens": pa.array(sketches.tokens),
        "high": pa.array(signed(prints[:, 0])),
        "low": pa.array(signed(prints[:, 1])),
        "keys": packed(sketches.keys.ravel(), np.arange(batch.num_rows + 1) * settings.bands),
        "sampled": packed(sketches.sampled, sketches.places),
    }
    outlines = found.outlines
    if known is not None and outlines is not None:
        assert known.vocabulary.latest is not None  # noqa: S101  (the survey has just asked for it)
        columns |= _outlined(outlines, known.vocabulary.latest.terms)
    return pa.record_batch([columns[name] for name in schema.names], schema=schema)


def _outlined(outlines: Outlines, terms: NDArray[np.uint64]) -> dict[str, pa.Array]:
    """Return the columns of outlines; terms by their hashes, which stand in the order of their numbers."""
    held = outlines.terms.places
    return {
        "titled": pa.array(outlines.titled),
        "spoken": packed(np.diff(outlines.columns.places).astype(np.int32), outlines.sentences),
        "columns": packed(outlines.columns.values, outlines.columns.places[outlines.sentences]),
        "terms": packed(terms[outlines.terms.values], held),
        "counts": packed(outlines.counts, held),
        "lead": packed(outlines.lead, held),
        "figures": packed(terms[outlines.figures.values], outlines.figures.places),
        "salient": packed(terms[outlines.salient.values], outlines.salient.places),
    }


class Numbered(NamedTuple):
    """Outlines whose terms are numbers in ``terms`` (uint64, ascending), which are all that they hold."""

    outlines: Outlines
    terms: NDArray[np.uint64]


def outlines_of(table: pa.Table) -> Numbered:
    """Return the outlines in the columns of a table; no salient terms."""
    sentences, spoken = unpacked(table["spoken"], np.int32)
    held, terms = unpacked(table["terms"], np.uint64)
    figures, said = unpacked(table["figures"], np.uint64)
    distinct = np.union1d(terms, said)
    none = Lists(np.zeros(len(table) + 1, np.int64), np.empty(0, np.int32))
    made = Outlines(
        sentences,
        numbers(table, "titled"),
        Lists(np.concatenate([[0], np.cumsum(spoken, dtype=np.int64)]), unpacked(table["columns"], np.int32).values),
        Lists(held, np.searchsorted(distinct, terms).astype(np.int32)),
        unpacked(table["counts"], np.int32).values,
        unpacked(table["lead"], np.bool_).values,
        Lists(figures, np.searchsorted(distinct, said).astype(np.int32)),
        none,
    )
    return Numbered(made, distinct)


def house_of(table: pa.Table) -> Runs:
    """Return the runs of boilerplate in the column ``house``."""
    places, bounds = unpacked(table["house"], np.int32)
    return Runs(places // 2, bounds[::2].copy(), bounds[1::2].copy())
