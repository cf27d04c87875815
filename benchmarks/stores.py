"""Measure where postings may lie: `python benchmarks/stores.py`, on the key pattern of the index.

An article has 120 keys: 21 of bands and 51 of sampled shingles, which an article in seven shares with an earlier one it
is a copy of, and 48 of terms on its day, which many share. Each store gets the same articles in batches of 1,000, every
batch durable, and then the same questions: of each key the 32 articles of the highest weight. The stores are

- segments: what the index does, sorted runs in files, with LMDB as the commit point and for what is recent;
- lmdb: everything in a B-tree of LMDB, an entry a duplicate of its key;
- sqlite: a table without row numbers, the entry its primary key; write-ahead log, every commit synchronised;
- rocksdb: an entry a key of 16 bytes; every batch synchronised.

Each runs in a process of its own. One that needs more than `--minutes` to take the articles is stopped there, and
measured with those that it has; the record says how many these are.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import click
import machine
import numpy as np
from record import add

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

HERE = Path(__file__).resolve().parent
RECORD = HERE / "record" / "stores.csv"
PACKAGES = ("dedup", "lmdb", "rocksdict", "numpy", "numba")
BATCH = 1000
MOST = 32
FAMILIES = (21, 51, 48)  # keys an article of bands, shingles, terms on a day
KEYS = sum(FAMILIES)
DAYS, MONTHS, FIRST_MONTH = 365, 12, 24300
TERMS = 20_000
COPIES, LATE = 0.15, 0.02
SINGLES = 300  # questions and batches of one article
_LOW = np.uint64(0xFFFFFFFF)


# Articles ------------------------------------------------------------------------------------------------------------


class Articles(NamedTuple):
    """A batch: the numbers of articles, the month and weight of each, and their keys, a row each, by family."""

    numbers: NDArray[np.int64]
    months: NDArray[np.uint16]
    weights: NDArray[np.uint32]
    keys: tuple[NDArray[np.uint64], ...]

    def entries(self) -> NDArray[np.uint64]:
        """Return key and order of every posting, as a store without families takes them."""
        keys = np.concatenate(self.keys, axis=1)
        order = ((_LOW - self.weights.astype(np.uint64)) << np.uint64(32)) | self.numbers.astype(np.uint64)
        return np.stack([keys.reshape(-1), np.repeat(order, keys.shape[1])], axis=1)


def hashed(values: NDArray[np.int64], salt: int) -> NDArray[np.uint64]:
    """Spread values over 64 bits."""
    mixed = (values + (salt << 56)).astype(np.uint64)
    for shift, prime in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(prime)
    return mixed ^ (mixed >> np.uint64(31))


def articles(first: int, count: int, total: int) -> Articles:
    """Make up articles ``first`` to ``first + count`` of ``total``, which arrive over a year."""
    chance = np.random.default_rng(first)
    numbers = np.arange(first, first + count)
    months = FIRST_MONTH + numbers * MONTHS // total - (chance.random(count) < LATE)
    source = np.where(chance.random(count) < COPIES, chance.integers(0, np.maximum(numbers, 1)), numbers)
    shares = np.cumsum(1 / np.arange(1, TERMS + 1))
    terms = np.sort(np.searchsorted(shares, chance.random((count, FAMILIES[2])) * shares[-1]), axis=1)
    repeated = np.diff(terms, axis=1, prepend=-1) == 0  # an article has a term once: another, of its own, instead
    terms = np.where(repeated, TERMS + numbers[:, None] * FAMILIES[2] + np.arange(FAMILIES[2]), terms)
    keys = (
        hashed(source[:, None] * 64 + np.arange(FAMILIES[0]), 1),
        hashed(source[:, None] * 64 + np.arange(FAMILIES[1]), 2),
        hashed(((numbers * DAYS // total)[:, None] << 40) + terms, 3),
    )
    return Articles(numbers, months.astype(np.uint16), chance.integers(50, 3000, count).astype(np.uint32), keys)


# Stores --------------------------------------------------------------------------------------------------------------


class Store(Protocol):
    """What is measured."""

    def __init__(self, folder: Path) -> None: ...

    def add(self, batch: Articles) -> None:
        """Take a batch; it is durable on return."""

    def find(self, batch: Articles) -> int:
        """Look the keys of articles up; return how many postings that are."""

    def close(self) -> None:
        """Give everything back."""


class Segments:
    """What the index does."""

    def __init__(self, folder: Path) -> None:
        from dedup.index.shelf import Shelf  # noqa: PLC0415  (only the process that measures it)

        self._shelf = Shelf.open(folder / "index")

    def add(self, batch: Articles) -> None:
        """Take a batch."""
        families = {}
        for family, keys in enumerate(batch.keys):
            places = np.arange(len(keys) + 1) * keys.shape[1]
            families[family] = (keys.reshape(-1), places, np.repeat(batch.weights, keys.shape[1]))
        with self._shelf.writing() as writer:
            writer.post(batch.numbers, batch.months, families)

    def find(self, batch: Articles) -> int:
        """Look keys up."""
        with self._shelf.reading() as view:
            return sum(
                len(view.postings(family, keys.reshape(-1), MOST).number) for family, keys in enumerate(batch.keys)
            )

    def close(self) -> None:
        """Close it."""
        self._shelf.close()


class Lmdb:
    """One B-tree of LMDB."""

    def __init__(self, folder: Path) -> None:
        import lmdb  # noqa: PLC0415  (as above)

        self._env: Any = lmdb.open(str(folder), map_size=1 << 38, max_dbs=1)
        self._table = self._env.open_db(b"postings", integerkey=True, integerdup=True)

    def add(self, batch: Articles) -> None:
        """Take a batch."""
        entries = batch.entries()
        data = entries[np.lexsort((entries[:, 1], entries[:, 0]))].tobytes()
        items = [(data[at : at + 8], data[at + 8 : at + 16]) for at in range(0, len(data), 16)]
        with self._env.begin(write=True) as txn, txn.cursor(self._table) as cursor:
            cursor.putmulti(items)

    def find(self, batch: Articles) -> int:
        """Look keys up."""
        data = np.sort(batch.entries()[:, 0]).tobytes()
        found = 0
        with self._env.begin() as txn, txn.cursor(self._table) as cursor:
            for at in range(0, len(data), 8):
                there = cursor.set_key(data[at : at + 8])
                taken = 0
                while there and taken < MOST:
                    cursor.value()
                    taken += 1
                    there = cursor.next_dup()
                found += taken
        return found

    def close(self) -> None:
        """Close it."""
        self._env.close()


class Sqlite:
    """A table of SQLite."""

    def __init__(self, folder: Path) -> None:
        self._base = sqlite3.connect(folder / "postings.sqlite", isolation_level=None)
        for line in (
            "PRAGMA journal_mode = WAL",
            "PRAGMA synchronous = FULL",
            "PRAGMA cache_size = -500000",
            "CREATE TABLE IF NOT EXISTS postings (key INTEGER, place INTEGER, PRIMARY KEY (key, place)) WITHOUT ROWID",
        ):
            self._base.execute(line).close()

    def add(self, batch: Articles) -> None:
        """Take a batch."""
        entries = batch.entries()
        rows = entries[np.lexsort((entries[:, 1], entries[:, 0].view(np.int64)))].view(np.int64).tolist()
        self._base.execute("BEGIN")
        self._base.executemany("INSERT OR IGNORE INTO postings VALUES (?, ?)", rows)
        self._base.execute("COMMIT")

    def find(self, batch: Articles) -> int:
        """Look keys up."""
        question = "SELECT place FROM postings WHERE key = ? LIMIT ?"
        keys = np.sort(batch.entries()[:, 0].view(np.int64)).tolist()
        return sum(len(self._base.execute(question, (key, MOST)).fetchall()) for key in keys)

    def close(self) -> None:
        """Close it."""
        self._base.close()


class Rocks:
    """RocksDB, by rocksdict."""

    def __init__(self, folder: Path) -> None:
        import rocksdict  # noqa: PLC0415  (as above)

        self._package: Any = rocksdict
        options = rocksdict.Options(raw_mode=True)
        table = rocksdict.BlockBasedOptions()
        table.set_bloom_filter(10, block_based=False)
        options.set_block_based_table_factory(table)
        options.set_prefix_extractor(rocksdict.SliceTransform.create_fixed_prefix(8))
        self._base: Any = rocksdict.Rdict(str(folder / "rocks"), options)
        self._durable = rocksdict.WriteOptions()
        self._durable.sync = True

    def add(self, batch: Articles) -> None:
        """Take a batch."""
        data = batch.entries().astype(">u8").tobytes()
        written = self._package.WriteBatch(raw_mode=True)
        for at in range(0, len(data), 16):
            written.put(data[at : at + 16], b"")
        self._base.write(written, self._durable)

    def find(self, batch: Articles) -> int:
        """Look keys up."""
        data = np.sort(batch.entries()[:, 0]).astype(">u8").tobytes()
        reading = self._package.ReadOptions()
        reading.set_prefix_same_as_start(True)
        places = self._base.iter(reading)
        found = 0
        for at in range(0, len(data), 8):
            key = data[at : at + 8]
            places.seek(key)
            taken = 0
            while taken < MOST and places.valid() and places.key()[:8] == key:
                taken += 1
                places.next()
            found += taken
        return found

    def close(self) -> None:
        """Close it."""
        self._base.close()


STORES: dict[str, Callable[[Path], Store]] = {"segments": Segments, "lmdb": Lmdb, "sqlite": Sqlite, "rocksdb": Rocks}


# Measuring -----------------------------------------------------------------------------------------------------------


class Row(NamedTuple):
    """One measurement, as recorded."""

    date: str
    processor: str
    cores: int
    memory_gb: float
    load: float
    """Load average of the machine over the last minute, before."""
    versions: str
    commit: str
    store: str
    wanted: int
    """Articles that it was to take."""
    articles: int
    """Articles that it took; fewer where its time ran out."""
    inserted_per_s: float
    """Articles a second, in durable batches of 1,000."""
    last_per_s: float
    """The same of the last tenth."""
    insert_cpu_us: float
    """CPU microseconds an article."""
    found: int
    """Postings of the questions in batches: all stores of one size must agree."""
    batch_us: float
    """Microseconds an article to look up 1,000 at a time."""
    batch_cpu_us: float
    """The same in CPU time of all threads."""
    single_ms: float
    """Milliseconds to look up one article: the median."""
    single_p99_ms: float
    commit_ms: float
    """Milliseconds to add one article durably: the median."""
    commit_p99_ms: float
    open_ms: float
    """Milliseconds to open it and look one article up."""
    bytes_per_article: float
    peak_mb: float
    """Largest resident set, files that are mapped included."""
    own_mb: float
    """Memory at the end without files."""


def measure(name: str, wanted: int, minutes: float, folder: Path) -> dict[str, float]:
    """Fill a store and ask it."""
    warm_up(name, wanted)
    start, cpu = time.perf_counter(), time.process_time()
    store = STORES[name](folder)
    took: list[float] = []
    while len(took) * BATCH < wanted and time.perf_counter() - start < 60 * minutes:
        batch = articles(len(took) * BATCH, BATCH, wanted)
        before = time.perf_counter()
        store.add(batch)
        took.append(time.perf_counter() - before)
        if len(took) % 100 == 0:
            print(name, len(took) * BATCH, f"{BATCH / took[-1]:.0f}/s", file=sys.stderr, flush=True)
    count = len(took) * BATCH
    spent = time.process_time() - cpu
    size = on_disk(folder)
    asked = [articles(first, BATCH, wanted) for first in range(0, count, max(BATCH, count // 10 // BATCH * BATCH))]
    found = sum(store.find(batch) for batch in asked)
    cpu = time.process_time()
    batches, _ = times(lambda index: store.find(asked[index]), len(asked))
    asking = (time.process_time() - cpu) / len(asked)
    single = [articles(int(first), 1, wanted) for first in np.linspace(0, count - 1, SINGLES)]
    singles, single_p99 = times(lambda index: store.find(single[index]), SINGLES)
    commits, commit_p99 = times(lambda index: store.add(articles(count + index, 1, wanted)), SINGLES)
    store.close()
    opened, _ = times(lambda _: opened_once(name, folder, single[0]), 1)
    tenth = took[-max(1, len(took) // 10) :]
    return {
        "articles": count,
        "inserted_per_s": round(count / sum(took), 1),
        "last_per_s": round(len(tenth) * BATCH / sum(tenth), 1),
        "insert_cpu_us": round(1e6 * spent / count, 1),
        "found": found,
        "batch_us": round(1e6 * batches / BATCH, 1),
        "batch_cpu_us": round(1e6 * asking / BATCH, 1),
        "single_ms": round(1e3 * singles, 3),
        "single_p99_ms": round(1e3 * single_p99, 3),
        "commit_ms": round(1e3 * commits, 3),
        "commit_p99_ms": round(1e3 * commit_p99, 3),
        "open_ms": round(1e3 * opened, 2),
        "bytes_per_article": round(size / count, 1),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
        "own_mb": own_memory(),
    }


def warm_up(name: str, wanted: int) -> None:
    """Load packages and compiled kernels with a small store."""
    with tempfile.TemporaryDirectory() as folder:
        store = STORES[name](Path(folder))
        store.add(articles(0, 10, wanted))
        store.find(articles(0, 10, wanted))
        store.close()


def times(work: Callable[[int], object], count: int) -> tuple[float, float]:
    """Do work so often; return the median and the 99th percentile of its seconds."""
    took = []
    for index in range(count):
        before = time.perf_counter()
        work(index)
        took.append(time.perf_counter() - before)
    return float(np.median(took)), float(np.percentile(took, 99))


def opened_once(name: str, folder: Path, one: Articles) -> None:
    """Open a store, ask it one thing and close it."""
    store = STORES[name](folder)
    store.find(one)
    store.close()


def on_disk(folder: Path) -> int:
    """Add up what the files take on disk."""
    return sum(512 * path.stat().st_blocks for path in folder.rglob("*") if path.is_file())


def own_memory() -> float:
    """Read the memory of this process that no file stands behind, MB (Linux)."""
    status = Path("/proc/self/status").read_text()
    return round(int(status.split("RssAnon:")[1].split()[0]) / 1024, 1)


def row_of(name: str, wanted: int, minutes: float, folder: Path) -> Row:
    """Measure one store in a process of its own."""
    load = os.getloadavg()[0]
    command = [sys.executable, str(HERE / "stores.py"), "--one", name, str(wanted), str(minutes), str(folder)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return Row(
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        processor=machine.processor(),
        cores=machine.cores(),
        memory_gb=machine.memory(),
        load=round(load, 2),
        versions=machine.versions(Path(sys.executable), PACKAGES) + f"; sqlite {sqlite3.sqlite_version}",
        commit=machine.commit(),
        store=name,
        wanted=wanted,
        **json.loads(done.stdout),
    )


SHOWN = ("store", *(name for name in Row._fields[Row._fields.index("articles") :]))


@click.command()
@click.option("--articles", "wanted", default=100_000, show_default=True, help="Articles to take.")
@click.option("--minutes", default=30.0, show_default=True, help="Stop a store that takes longer to fill.")
@click.option(
    "--store", "names", multiple=True, type=click.Choice(list(STORES)), help="Only this one; may be repeated."
)
@click.option("--folder", type=click.Path(path_type=Path, file_okay=False), help="Where the stores lie for a while.")
@click.option("--record", "target", type=click.Path(path_type=Path), default=RECORD, help="CSV to append to.")
def main(wanted: int, minutes: float, names: tuple[str, ...], folder: Path | None, target: Path) -> None:
    """Measure stores of postings beside each other."""
    print(*(f"{name:>17}" for name in SHOWN))
    for name in names or STORES:
        work = Path(tempfile.mkdtemp(dir=folder))
        try:
            row = row_of(name, wanted, minutes, work)
        finally:
            shutil.rmtree(work)
        add([row._asdict()], Row._fields, target)
        print(*(f"{value:>17}" for key, value in row._asdict().items() if key in SHOWN), flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        print(json.dumps(measure(sys.argv[2], int(sys.argv[3]), float(sys.argv[4]), Path(sys.argv[5]))))
    else:
        main()
