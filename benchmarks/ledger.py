"""Measure the ledgers on annotated and real news: `python benchmarks/ledger.py ../shared/data`, about a minute.

On wire_dev and wire_dev2 (every sentence annotated) it prints what `tools/ledger_score.py` says of the spans, with the
true stories given and with the stories as found, whether the named sources and the origins are right, and the roles by
kind of article; on clough_abc the share that each answer shares with its source; on haystack the time.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import click
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from measure import timed

from dedup import find, pipeline, tables
from dedup.background import Background
from dedup.comparison import compare
from dedup.corpus import open_corpus
from dedup.roles import ROLES
from dedup.settings import Settings
from dedup.store import TextStore
from dedup.survey import learn, survey
from dedup.text import normalise
from dedup.workers import Workers, silent

SETS = ("wire_dev", "wire_dev2")
_CUT = 0.5  # containment of a cut in its source, below which much of it was cut elsewhere
GRADES = ("cut", "light", "heavy", "non")
Rows = list[dict[str, Any]]


def with_true_stories(path: Path) -> tuple[pa.Table, tables.Accounts, pa.LargeStringArray]:
    """Make the ledgers of a labelled corpus, its stories given."""
    corpus, settings, workers = open_corpus(str(path)), Settings(), Workers(2)
    background = Background.load()
    learned = learn(corpus, background, workers)
    surveyed = survey(corpus, pipeline.recipe(settings), workers, learned, settings)
    labels = pq.read_table(path, columns=["story"])["story"].combine_chunks().dictionary_encode().indices.to_numpy()
    _, first, number = np.unique(labels, return_index=True, return_inverse=True)
    found = tables.stories(surveyed, first[number])
    with TextStore(len(corpus)) as store:
        pipeline.fetch(corpus, np.sort(found.rows), store, workers)
        about = tables.about(corpus, workers)
        accounts = tables.account(surveyed, about, found, store, background, settings.shingle, workers)
    return accounts.spans, accounts, surveyed.ids


def scored(spans: pa.Table, prefix: Path) -> str:
    """Return what the scorer prints."""
    plain = spans.set_column(spans.column_names.index("kind"), "kind", spans["kind"].cast(pa.string()))
    with tempfile.NamedTemporaryFile(suffix=".parquet") as file:
        pq.write_table(plain, file.name)
        scorer = prefix.parent.parent / "tools" / "ledger_score.py"
        done = subprocess.run([sys.executable, scorer, file.name, prefix], capture_output=True, text=True, check=False)
    return done.stdout.strip() + done.stderr[-300:]


def sources_right(spans: pa.Table, prefix: Path, articles: dict[str, dict[str, Any]]) -> str:
    """Say how often the source named for most of a sentence is one of its annotated ones, or holds its words."""
    own: defaultdict[str, Rows] = defaultdict(list)
    for row in spans.to_pylist():
        own[row["id"]].append(row)
    said = {id_: f" {' '.join(normalise(row['text']).split())} " for id_, row in articles.items()}
    counts: Counter[tuple[str, str]] = Counter()
    for row in pq.read_table(f"{prefix}_segments.parquet").to_pylist():
        if row["how"] not in ("verbatim", "reworded") or not row["from_ids"] or articles[row["id"]]["kind"] == "wire":
            continue
        named: Counter[str] = Counter()
        for span in own[row["id"]]:
            common = min(span["end"], row["end"]) - max(span["start"], row["start"])
            if common > 0 and span["other_id"]:
                named[span["other_id"]] += common
        if not named:
            counts[row["how"], "unnamed"] += 1
            continue
        source = named.most_common(1)[0][0]
        words = " ".join(normalise(articles[row["id"]]["text"][row["start"] : row["end"]]).split())
        known = source in row["from_ids"] or words in said[source]
        counts[row["how"], "right" if known else "wrong"] += 1
    told = []
    for how in ("verbatim", "reworded"):
        right, wrong, unnamed = (counts[how, word] for word in ("right", "wrong", "unnamed"))
        told.append(f"{how} {right / max(1, right + wrong):.3f} of {right + wrong} named, {unnamed} unnamed")
    return "source named: " + "; ".join(told)


def earlier_only(spans: pa.Table, articles: dict[str, dict[str, Any]]) -> str:
    """Say how often the source named was published before."""
    known = [row for row in spans.to_pylist() if row["other_id"]]
    early = sum(articles[row["other_id"]]["published"] < articles[row["id"]]["published"] for row in known)
    return f"{early / max(1, len(known)):.3f} of {len(known)} named sources were published before"


def origins(found: dict[str, str | None], articles: dict[str, dict[str, Any]]) -> str:
    """Say of how many true stories the origin is the wire article."""
    by_story: defaultdict[str, Counter[str | None]] = defaultdict(Counter)
    for id_, row in articles.items():
        by_story[row["story"]][found[id_]] += 1
    right = 0
    for counts in by_story.values():
        best = counts.most_common(1)[0][0]
        right += best is not None and articles[best]["kind"] == "wire"
    return f"origin is the wire article in {right} of {len(by_story)} stories"


def roles(found: dict[str, str | None], articles: dict[str, dict[str, Any]]) -> list[str]:
    """Tabulate roles by kind of article."""
    table: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for id_, row in articles.items():
        table[row["kind"]][found[id_] or "none"] += 1
    lines = [f"  {kind:6} {dict(counts.most_common())}" for kind, counts in sorted(table.items())]
    good = {"copy": ("identical", "light edit"), "trim": ("trimmed",)}
    asked = sum(sum(table[kind].values()) for kind in good)
    right = sum(table[kind][name] for kind, names in good.items() for name in names)
    return [*lines, f"  copy and trim right: {right} of {asked}"]


def labelled(data: Path, name: str) -> None:
    """Print what is measured on one annotated set."""
    path, prefix = data / f"{name}.parquet", data / name
    articles = {row["id"]: row for row in pq.read_table(path).to_pylist()}
    spans, accounts, ids = with_true_stories(path)
    names = ids.to_pylist()

    def named(rows: Any) -> dict[str, str | None]:
        return {id_: names[row] if row >= 0 else None for id_, row in zip(names, rows.tolist(), strict=True)}

    words = {id_: ROLES[code] if code >= 0 else None for id_, code in zip(names, accounts.role, strict=True)}
    print(f"{name}, true stories: {scored(spans, prefix)}")
    print(f"  {sources_right(spans, prefix, articles)}; {earlier_only(spans, articles)}")
    print(f"  {origins(named(accounts.origin), articles)}")
    print("\n".join(roles(words, articles)))
    result = find(str(path))
    columns = result.articles.to_pydict()
    print(f"{name}, stories as found: {scored(result.spans, prefix)}")
    print(f"  {sources_right(result.spans, prefix, articles)}")
    print(f"  {origins(dict(zip(columns['id'], columns['origin_id'], strict=True)), articles)}")
    print("\n".join(roles(dict(zip(columns["id"], columns["role"], strict=True)), articles)))


def clough(data: Path) -> None:
    """Print what answers of each grade share with their source.

    Some cuts are from parts of the page that the source does not hold, and repeat each other there: they are told apart
    where less than half of a cut's shingles stand in its source. This does not look at what is reworded.
    """
    rows = {row["id"]: row for row in pq.read_table(data / "clough_abc.parquet").to_pylist()}
    found: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)
    within: list[float] = []
    for row in rows.values():
        if row["label"] in GRADES:
            both = compare(row["text"], rows[row["source_id"]]["text"])
            told, held = both.left, both.containment_left_in_right
            found[row["label"]].append((told.shared, told.copied))
            if row["label"] == "cut" and held < _CUT:
                print(f"clough_abc {row['id']} (cut): containment in its source {held:.2f}, unique {told.unique:.2f}")
            elif row["label"] == "cut":
                within.append(told.shared)
    for place, what in enumerate(("shared", "copied")):
        means = {grade: round(float(np.mean([shares[place] for shares in found[grade]])), 3) for grade in GRADES}
        print(f"clough_abc {what} {means} AUC non against the rest {_auc(found, place):.3f}")
    print(f"clough_abc shared, the {len(within)} cuts that lie within their source: {float(np.mean(within)):.3f}")


def _auc(found: dict[str, list[tuple[float, float]]], place: int) -> float:
    non = np.array([shares[place] for shares in found["non"]])
    rest = np.array([shares[place] for grade in GRADES[:-1] for shares in found[grade]])
    return float(((rest[:, None] > non) + 0.5 * (rest[:, None] == non)).mean())


def seeds(data: Path) -> None:
    """Print the shares of the five articles of one wire story as a table for the README; no text of theirs."""
    heads = ("article", "words", "boilerplate", "copied", "reworded", "unique", "role", "origin")
    print(f"| {' | '.join(heads)} |\n{'|---' * len(heads)}|")
    for row in find(str(data / "seeds.parquet")).articles.to_pylist():
        shares = " | ".join(f"{row[name]:.2f}" for name in ("boilerplate", "copied", "reworded", "unique"))
        name, known = row["source"] or row["id"], (row["role"] or "unknown", row["origin_id"] or "unknown")
        print(f"| {name} | {row['words']} | {shares} | {known[0]} | {known[1]} |")


def speed(data: Path) -> None:
    """Print the time of the ledgers of haystack."""
    settings, marks = Settings(workers=1), dict[str, float]()

    def note(stage: str, done: int, total: int) -> None:
        del done, total
        marks.setdefault(stage, time.process_time())

    find(str(data / "haystack.parquet"), settings, progress=silent)
    result, cost = timed(lambda: find(str(data / "haystack.parquet"), settings, progress=note))
    spent = time.process_time() - marks["ledger"]
    told = len(result.spans["id"].unique())
    print(f"haystack: {cost.cpu:.1f} s CPU in all; ledgers {1000 * spent / 10_000:.3f} ms an article", end="")
    print(f", {1000 * spent / max(1, told):.3f} ms an article of a story ({told})")


@click.command()
@click.argument("data", type=click.Path(exists=True, file_okay=False, path_type=Path))
def main(data: Path) -> None:
    """Measure the ledgers on the development data in the folder DATA."""
    for name in SETS:
        labelled(data, name)
    clough(data)
    seeds(data)
    speed(data)


if __name__ == "__main__":
    main()
