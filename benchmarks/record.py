"""The records: one CSV row a measurement, appended and never changed. The report is made from that of `bench.py`."""

from __future__ import annotations

import csv
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

RECORD = Path(__file__).resolve().parent / "record" / "bench.csv"

OK, UNAVAILABLE, FAILED, STOPPED = "ok", "unavailable", "failed", "stopped"


@dataclass(frozen=True)
class Row:
    """One measurement, or why there is none. What does not apply is None, in the file empty."""

    run: str
    """When the run began that it belongs to, UTC; figures of one run may be compared."""
    command: str
    processor: str
    cores: int
    memory_gb: float
    load: float
    """Load average of the last minute before it."""
    commit: str
    benchmark: str
    title: str
    corpus: str
    digest: str
    """First digits of the SHA-256 of the Parquet file."""
    articles: int
    work: str
    peer: str
    versions: str
    turn: int
    """Which repetition it is, from 1."""
    status: str
    """ok, unavailable, failed, or stopped at the time limit."""
    reason: str
    """Why it is not ok, in a line."""
    cpu_s: float | None = None
    """User and system time of the peer's processes and threads, without imports and warm-up."""
    wall_s: float | None = None
    process_cpu_s: float | None = None
    """The same with imports and warm-up."""
    peak_mb: float | None = None
    """Largest resident set of the process, or of it and its children, proportionally counted."""
    pairs: int | None = None
    recall: float | None = None
    precision: float | None = None
    error: float | None = None
    least_recall: float | None = None
    least_precision: float | None = None
    most_error: float | None = None


def append(row: Row, target: Path = RECORD) -> None:
    """Add a measurement of `bench.py` to the file."""
    add([asdict(row)], [field.name for field in fields(Row)], target)


def add(rows: Iterable[Mapping[str, Any]], columns: Sequence[str], target: Path) -> None:
    """Add rows with these columns to a CSV file, which begins with their names; what a row does not have is empty."""
    target.parent.mkdir(parents=True, exist_ok=True)
    is_new = not target.exists()
    with target.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        if is_new:
            writer.writeheader()
        writer.writerows(rows)


def load(source: Path = RECORD) -> list[Row]:
    """Read all measurements."""
    with source.open(newline="", encoding="utf-8") as file:
        return [_row(values) for values in csv.DictReader(file)]


def _row(values: dict[str, str]) -> Row:
    read: dict[str, Any] = {field.name: _value(values[field.name], str(field.type)) for field in fields(Row)}
    return Row(**read)


def _value(text: str, kind: str) -> str | int | float | None:
    if kind == "str":
        return text
    if text == "":
        return None
    return int(text) if kind.startswith("int") else float(text)


def latest(rows: Iterable[Row]) -> list[Row]:
    """Keep, of each benchmark and peer, the rows of the last run that measured it."""
    newest: dict[tuple[str, str], str] = {}
    kept = list(rows)
    for row in kept:
        key = row.benchmark, row.peer
        newest[key] = max(row.run, newest.get(key, ""))
    return [row for row in kept if row.run == newest[row.benchmark, row.peer]]
