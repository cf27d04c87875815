"""Generate a news-like corpus with known copies: `python benchmarks/generate.py 100000 -o corpus.parquet`.

The corpus is written in batches, memory does not grow with it, and the same arguments give the same file. The truth
file holds one row an article that is not single: its story, what was done to it, and its exact overlap with its base.
"""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import click
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from language import Bytes, Ids, build
from prose import BLOCK, KINDS, SINGLE, Plan, Rows, empty_rows, write

ROWS_A_GROUP = 16_384
"""Articles a batch and a Parquet row group: about 40 MB of text."""
MASS_ARTICLES = 5_000
MASS_SHARE, TEMPLATE_SHARE, WIRE_SHARE = 0.1, 0.08, 0.25
"""The mass cluster has `MASS_ARTICLES` articles, in small corpora `MASS_SHARE` of all."""
TYPOGRAPHIC = 0.17
"""A quarter of the articles then has a character outside ASCII; in today's crawls it is six in seven."""
FIRST_DAY = datetime(2025, 4, 18, tzinfo=UTC)
ID_FACTOR, ID_BITS = 0x9E3779B97F4A7C15, 40
"""An odd factor permutes the numbers of 40 bits: ids are unique and say nothing about stories."""

CORPUS = pa.schema(
    {
        "id": pa.string(),
        "title": pa.string(),
        "text": pa.string(),
        "source": pa.string(),
        "published": pa.timestamp("us", "UTC"),
        "url": pa.string(),
    }
)
TRUTH = pa.schema(
    {
        "id": pa.string(),
        "story": pa.int64(),
        "kind": pa.string(),
        "copy_of": pa.string(),
        "resemblance": pa.float32(),
        "containment_in_base": pa.float32(),
        "containment_of_base": pa.float32(),
    }
)


class Outlets(NamedTuple):
    """Names and web addresses of the outlets."""

    names: pa.StringArray
    addresses: pa.StringArray


def plan_of(articles: int, seed: int, typographic: float = TYPOGRAPHIC) -> Plan:
    """Share out the article numbers."""
    mass_end = min(MASS_ARTICLES, int(articles * MASS_SHARE))
    template_end = mass_end + int(articles * TEMPLATE_SHARE)
    wire_end = template_end + int(articles * WIRE_SHARE) // BLOCK * BLOCK
    first_day = int(FIRST_DAY.timestamp()) * 1_000_000
    return Plan(seed, articles, mass_end, template_end, wire_end, typographic, first_day)


def outlets_of(names: list[str]) -> Outlets:
    """Give each outlet an address under the reserved domain `example`."""
    addresses = [f"https://www.{name.lower().replace(' ', '-')}.example/" for name in names]
    return Outlets(pa.array(names), pa.array(addresses))


def ids_of(numbers: npt.NDArray[np.int64]) -> pa.StringArray:
    """Spell the ids of article numbers, ten hexadecimal digits each."""
    values = ((numbers + 1).astype(np.uint64) * np.uint64(ID_FACTOR)) & np.uint64((1 << ID_BITS) - 1)
    shifts = np.arange(ID_BITS - 4, -1, -4, dtype=np.uint64)
    digits = np.frombuffer(b"0123456789abcdef", np.uint8)[(values[:, None] >> shifts) & np.uint64(15)]
    starts = np.arange(len(numbers) + 1, dtype=np.int32) * digits.shape[1]
    return strings(digits, starts)


def strings(data: Bytes, starts: Ids) -> pa.StringArray:
    """Wrap UTF-8 bytes and their offsets, without a copy."""
    return pa.StringArray.from_buffers(len(starts) - 1, pa.py_buffer(starts), pa.py_buffer(data))


def corpus_batch(rows: Rows, texts: Bytes, titles: Bytes, outlets: Outlets) -> pa.RecordBatch:
    """Make one batch of the corpus."""
    ids = ids_of(rows.number)
    published = pa.array(rows.published, pa.timestamp("us", "UTC"))
    days = pc.strftime(published, "%Y/%m/%d/")
    url = pc.binary_join_element_wise(outlets.addresses.take(pa.array(rows.outlet)), days, ids, "")
    title, text = strings(titles, rows.title_starts), strings(texts, rows.text_starts)
    source = outlets.names.take(pa.array(rows.outlet))
    return pa.RecordBatch.from_arrays([ids, title, text, source, published, url], schema=CORPUS)


def truth_batch(rows: Rows) -> pa.RecordBatch:
    """Make one batch of the truth: every article that is not single."""
    planted = np.flatnonzero(rows.kind != SINGLE)
    number, story, kind = rows.number[planted], rows.story[planted], rows.kind[planted]
    has_base = number != story
    copy_of = pc.if_else(pa.array(has_base), ids_of(story), pa.scalar(None, pa.string()))
    overlaps = [
        pa.array(scores[planted], from_pandas=True) for scores in (rows.resemblance, rows.in_base, rows.of_base)
    ]
    kinds = pa.array(KINDS).take(pa.array(kind))
    return pa.RecordBatch.from_arrays([ids_of(number), pa.array(story), kinds, copy_of, *overlaps], schema=TRUTH)


def generate(plan: Plan, output: Path, truth: Path) -> None:
    """Write the corpus and its truth."""
    language, names = build()
    outlets = outlets_of(names)
    with (
        pq.ParquetWriter(output, CORPUS, compression="zstd", use_dictionary=["source"]) as corpus_file,
        pq.ParquetWriter(truth, TRUTH, use_dictionary=["kind"]) as truth_file,
    ):
        for start in range(0, plan.articles, ROWS_A_GROUP):
            rows = empty_rows(min(ROWS_A_GROUP, plan.articles - start))
            texts, titles = write(rows, start, plan, language)
            corpus_file.write_batch(corpus_batch(rows, texts, titles, outlets))
            truth_file.write_batch(truth_batch(rows))


@click.command()
@click.argument("articles", type=click.IntRange(min=1))
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="Parquet file to write.")
@click.option("--seed", default=1, show_default=True, help="Another seed gives another corpus.")
@click.option("--truth", type=click.Path(path_type=Path), help="Truth file.  [default: OUTPUT with .truth.parquet]")
@click.option(
    "--typographic",
    type=click.FloatRange(0, 1),
    default=TYPOGRAPHIC,
    show_default=True,
    help="Share of the outlets that print typographic quotation marks.",
)
def main(articles: int, output: Path, seed: int, truth: Path | None, typographic: float) -> None:
    """Generate ARTICLES news-like articles with known near-duplicates."""
    begin = time.perf_counter()
    generate(plan_of(articles, seed, typographic), output, truth or output.with_suffix(".truth.parquet"))
    seconds = time.perf_counter() - begin
    sys.stderr.write(f"{articles} articles in {seconds:.1f} s, {articles / seconds:.0f} a second\n")


if __name__ == "__main__":
    main()
