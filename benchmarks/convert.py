"""How fast files become a corpus: `python benchmarks/convert.py 100000`.

Generated articles are written as JSON lines (one in two with all but ASCII escaped), the same packed with gzip and
zstd, and as CSV, and converted. Printed is MB of unpacked source a second of CPU time.
"""

from __future__ import annotations

import csv
import json
import tempfile
from pathlib import Path

import click
import pyarrow as pa
import pyarrow.parquet as pq
from generate import generate, plan_of
from measure import timed

from dedup.conversion import convert
from dedup.formats.sources import find_sources

_FIELDS = ("id", "title", "text", "source", "published", "url")


def write_sources(corpus: Path, folder: Path) -> list[Path]:
    """Write a corpus as JSON lines, plain and packed, and as CSV."""
    lines, rows = folder / "news.jsonl", folder / "news.csv"
    with lines.open("w", encoding="utf-8") as json_file, rows.open("w", encoding="utf-8", newline="") as csv_file:
        table = csv.DictWriter(csv_file, [*_FIELDS, "number"])
        table.writeheader()
        number = 0
        for batch in pq.ParquetFile(corpus).iter_batches(4096):
            for row in batch.to_pylist():
                number += 1
                record = row | {"published": row["published"].isoformat(), "number": number}
                json_file.write(json.dumps(record, ensure_ascii=number % 2 == 0) + "\n")
                table.writerow(record)
    packed = []
    for codec, suffix in (("gzip", ".gz"), ("zstd", ".zst")):
        file = lines.with_name(f"{lines.name}{suffix}")
        with pa.CompressedOutputStream(str(file), codec) as stream:
            stream.write(lines.read_bytes())
        packed.append(file)
    return [lines, *packed, rows]


@click.command()
@click.argument("articles", type=int, default=50_000)
@click.option("--seed", default=1, show_default=True)
@click.option("--repeat", default=3, show_default=True, help="Runs of each; the best counts.")
def main(articles: int, seed: int, repeat: int) -> None:
    """Measure the conversion of this many generated articles."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        generate(plan_of(articles, seed), folder / "corpus.parquet", folder / "truth.parquet")
        files = write_sources(folder / "corpus.parquet", folder)
        sizes = [files[0].stat().st_size] * (len(files) - 1) + [files[-1].stat().st_size]
        for file, size in zip(files, sizes, strict=True):
            found, _ = find_sources([str(file)])
            target = folder / "converted.parquet"
            costs = [timed(lambda: convert(found, target, work=target)) for _ in range(repeat)]  # noqa: B023
            told, cost = min(costs, key=lambda one: one[1].cpu)
            speed = size / 1e6 / cost.cpu
            print(f"{file.name:<14} {told.articles:>9,} articles {size / 1e6:>8,.0f} MB {speed:>7.1f} MB/s of CPU time")


if __name__ == "__main__":
    main()
