"""Build the background of the package: `python benchmarks/background.py ../shared/data`, about a minute.

It is learned from three sets of English news, none of which is labelled or measured on: US politics of 2012 to 2020
(haystack), the Reuters wire of 1987 (reuters21578) and the BBC of 2004 and 2005 (bbc2005). The file holds counts and
vectors of words, no text. The same data gives the same bytes.
"""

from __future__ import annotations

import hashlib
import sys
import time
from pathlib import Path

import click
import pyarrow as pa
import pyarrow.parquet as pq

from dedup.background import Background, build, write
from dedup.corpus import open_corpus

SOURCES = ("haystack", "reuters21578", "bbc2005")
OUTPUT = Path(__file__).resolve().parent.parent / "dedup" / "data" / "background.parquet"
LIMIT = 4_000_000
"""Bytes that the package may carry."""


@click.command()
@click.argument("data", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), default=OUTPUT, show_default="the package's")
def main(data: Path, output: Path) -> None:
    """Learn the background from the news corpora in the folder DATA."""
    begin = time.perf_counter()
    corpora = [pq.read_table(data / f"{name}.parquet", columns=["id", "title", "text"]) for name in SOURCES]
    write(build(open_corpus(pa.concat_tables(corpora)), SOURCES), output)
    seconds = time.perf_counter() - begin
    background = Background.load(output)
    size, digest = output.stat().st_size, hashlib.sha256(output.read_bytes()).hexdigest()
    print(f"{background.articles} articles: {len(background.terms)} terms, {len(background.vectors)} with a vector")
    print(f"{output}: {size / 1e6:.2f} MB, sha256 {digest[:16]}, {seconds:.0f} s")
    if size > LIMIT:
        sys.exit(f"{output}: larger than {LIMIT / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
