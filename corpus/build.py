"""Build the sample corpus: `news.parquet` and `labels.csv` from the readable files in `source/`.

An article is a separator line, a header of `key: value` lines, an empty line, and paragraphs:

    === harbour-bridge-trim ===
    title: Freighter rams Kingfisher Bridge
    source: Radio Brisling News
    published: 2026-03-03T08:00:00Z
    url: https://radio-brisling.example/2026-03-03/freighter-rams-kingfisher-bridge
    kind: trim

    {wire 1-6}

    {listen}

A paragraph in braces stands for other text: `{wire}` for the paragraphs of the story's wire report (`{wire 1-4 6}`
for some of them), any other name for the outlet's house line of that name in `source/outlets.md`. The story is the
name of the file; in files called `unrelated-*` every article is a story of its own.
"""

from __future__ import annotations

import csv
import datetime as dt
import re
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

HERE = Path(__file__).resolve().parent
SEPARATOR = re.compile(r"^=== (.+) ===$", re.MULTILINE)
BRACES = re.compile(r"\{(\w+)((?: \d+(?:-\d+)?)*)\}")
DERIVED = frozenset({"copy", "trim", "local", "light"})
SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("title", pa.string()),
        ("text", pa.string()),
        ("source", pa.string()),
        ("published", pa.timestamp("us", tz="UTC")),
        ("url", pa.string()),
    ],
)


@dataclass(frozen=True)
class Entry:
    """One article as written in the source: its header, and its paragraphs before expansion."""

    id: str
    story: str
    header: dict[str, str]
    paragraphs: list[str]

    @property
    def published(self) -> dt.datetime:
        """The publication time, in UTC."""
        return dt.datetime.fromisoformat(self.header["published"])


def split_header(block: str) -> tuple[dict[str, str], list[str]]:
    """Split one block into its `key: value` header and its paragraphs."""
    head, _, body = block.strip().partition("\n\n")
    header = dict(line.split(": ", 1) for line in head.splitlines())
    return header, [" ".join(paragraph.split("\n")) for paragraph in re.split(r"\n\n+", body) if paragraph]


def read_blocks(path: Path) -> list[tuple[str, str]]:
    """Read the named blocks of a source file."""
    parts = SEPARATOR.split(path.read_text(encoding="utf-8"))
    return list(zip(parts[1::2], parts[2::2], strict=True))


def read_entries(folder: Path) -> list[Entry]:
    """Read every article of the source folder."""
    entries = []
    for path in sorted(folder.glob("*.md")):
        if path.name == "outlets.md":
            continue
        for name, block in read_blocks(path):
            header, paragraphs = split_header(block)
            story = name if path.name.startswith("unrelated-") else path.stem
            entries.append(Entry(name, story, header, paragraphs))
    return entries


def select(paragraphs: list[str], ranges: str) -> list[str]:
    """Pick paragraphs by ranges counted from one, such as `1-4 6`; all of them if there are no ranges."""
    if not ranges.strip():
        return paragraphs
    chosen = []
    for item in ranges.split():
        first, _, last = item.partition("-")
        start, stop = int(first), int(last or first)
        if not 1 <= start <= stop <= len(paragraphs):
            message = f"no paragraphs {item} in a wire report of {len(paragraphs)}"
            raise ValueError(message)
        chosen += paragraphs[start - 1 : stop]
    return chosen


def expand(entry: Entry, wire: list[str], house: dict[str, str]) -> str:
    """Write out the text of an article, with the wire paragraphs and house lines it asks for."""
    text = []
    for paragraph in entry.paragraphs:
        match = BRACES.fullmatch(paragraph)
        if match is None:
            text.append(paragraph)
        elif match[1] == "wire":
            text += select(wire, match[2])
        else:
            text.append(house[match[1]])
    return "\n\n".join(text)


def build(folder: Path) -> tuple[pa.Table, list[list[str]]]:
    """Return the corpus, and its labels as rows of id, story, kind and copy_of, both by time and id."""
    outlets = {name: split_header(block)[0] for name, block in read_blocks(folder / "outlets.md")}
    entries = sorted(read_entries(folder), key=lambda entry: (entry.published, entry.id))
    wires = {entry.story: entry for entry in entries if entry.header["kind"] == "wire"}
    rows, labels = [], []
    for entry in entries:
        header = entry.header
        wire = wires.get(entry.story)
        report = [p for p in wire.paragraphs if BRACES.fullmatch(p) is None] if wire else []
        text = expand(entry, report, outlets[header["source"]])
        rows.append(
            {
                "id": entry.id,
                "title": header["title"],
                "text": text,
                "source": header["source"],
                "published": entry.published,
                "url": header["url"],
            },
        )
        copied = wire.id if wire and header["kind"] in DERIVED else ""
        labels.append([entry.id, entry.story, header["kind"], copied])
    if len({row["id"] for row in rows}) != len(rows):
        message = "two articles have the same id"
        raise ValueError(message)
    return pa.Table.from_pylist(rows, schema=SCHEMA), labels


def main() -> None:
    """Write `news.parquet` and `labels.csv` beside this script."""
    table, labels = build(HERE / "source")
    pq.write_table(table, HERE / "news.parquet", compression="zstd")
    with (HERE / "labels.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["id", "story", "kind", "copy_of"])
        writer.writerows(labels)


if __name__ == "__main__":
    main()
