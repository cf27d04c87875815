"""Fit the story decision, and measure it: `python benchmarks/stories.py fit ../shared/data`.

Every pair of articles that production would align is described by production's own features. A logistic regression
learns from them when two articles tell one story; average linkage at the model's cut makes the stories. Each labelled
set counts the same, however many pairs it has, and counts with and without its dates. Sets of nothing but stories make
everything look alike that has a partner; corpora of singletons (the same people and topics, certainly other events)
say the opposite.

A model is only as good as on news that it has not seen: each set is also judged by a model that was fitted without it
and without every corpus derived from it. `fit` prints the figures and writes the model of the package; `report` writes
them into the record. The same data gives the same bytes.
"""

from __future__ import annotations

import bisect
import hashlib
import importlib.metadata
import platform
import random
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from dedup import pipeline, stories, tables
from dedup.alignment import FEATURES
from dedup.background import Background
from dedup.cluster import copy_groups
from dedup.corpus import open_corpus
from dedup.evaluation import Scores, scores
from dedup.rewrites import Means, evidence
from dedup.settings import Settings
from dedup.store import TextStore
from dedup.survey import learn, rank, survey
from dedup.version import VERSION
from dedup.work import Work
from dedup.workers import Workers

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    Row = dict[str, Any]

ROOT = Path(__file__).resolve().parent.parent
MODEL = ROOT / "dedup" / "data" / "stories.json"
RECORD = ROOT / "benchmarks" / "record" / "stories.md"
TRAINED = ("wire_dev", "wire_dev2", "news2025_dev", "allsides_dev", "ecbplus")
"""Labelled sets; of allsides_dev the articles marked strict."""
WATCHED = ("fnc1", "seeds")
"""Labelled sets that nothing is fitted on."""
USED = (*TRAINED, *WATCHED, "haystack", "news2025_dev_unsure")

CUT = 0.275
"""Mean probability from which two parts of a story join."""
RIDGE = 0.06
"""Inverse strength of the penalty, for features of variance 1 and a total weight of 2000."""
POSITIVE = 0.3
"""Share of a labelled set's weight that is on its positive pairs; half of that in a corpus of singletons."""
SINGLETONS = 0.5
"""Weight of a corpus of singletons beside a labelled set."""
DATED = 0.7
"""Share of a corpus that counts with its dates; the rest counts as if it had none."""
_TOTAL = 2000.0
_DAY = timedelta(days=1)
_BASE = datetime(2025, 1, 1, tzinfo=UTC)
_LONG = 600  # characters of a haystack article that is long enough to be a singleton


# Corpora -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Sample:
    """A corpus with labels: ``family`` is the set that it must not be judged with, ``weight`` what it counts."""

    name: str
    rows: list[Row]
    family: str
    weight: float = 1.0
    unsure: frozenset[tuple[str, str]] = frozenset()


def labelled(data: Path, name: str) -> Sample:
    """Read a labelled set."""
    rows = pq.read_table(data / f"{name}.parquet").to_pylist()
    if name == "allsides_dev":
        rows = [row for row in rows if row["strict"]]
    file = data / f"{name}_unsure.parquet"
    pairs = pq.read_table(file).to_pylist() if file.exists() else []
    unsure = frozenset(_pair(str(row["a"]), str(row["b"])) for row in pairs)
    return Sample(name, [_plain(row) for row in rows if row["story"] is not None], name, unsure=unsure)


def _plain(row: Row) -> Row:
    kept = {name: row.get(name) for name in ("title", "text", "source", "url", "published")}
    return {**kept, "id": str(row["id"]), "story": str(row["story"])}


def singletons(data: Path, sets: Mapping[str, Sample]) -> list[Sample]:
    """Make corpora in which hardly any article has a partner."""
    draw = random.Random(7)  # noqa: S311  (a sample, not a secret)
    hay = [{**row, "story": row["id"]} for row in pq.read_table(data / "haystack.parquet").to_pylist()]
    hay = [_plain(row) for row in sorted(hay, key=lambda row: str(row["id"])) if row["published"]]
    hay = [row for row in hay if len(row["text"]) > _LONG]
    made = [Sample(f"hay{part}", _squashed(_apart(hay, 3, draw)[:500], draw), "", SINGLETONS) for part in range(2)]
    made.append(_mixed(hay, sets["allsides_dev"].rows, draw))
    for name in ("wire_dev2", "ecbplus", "allsides_dev"):
        rows = list(sets[name].rows)
        draw.shuffle(rows)
        first = {row["story"]: row for row in reversed(rows)}
        made.append(Sample(f"one_{name}", [first[story] for story in sorted(first)], name, SINGLETONS))
    return made


def _apart(rows: Sequence[Row], days: int, draw: random.Random, taken: Iterable[datetime] = ()) -> list[Row]:
    """Draw articles that are published at least some days apart, so that no two report one event."""
    dates = sorted(taken)
    drawn = []
    for row in draw.sample(rows, len(rows)):
        date = row["published"]
        place = bisect.bisect(dates, date)
        if all(abs(date - other) >= days * _DAY for other in dates[max(0, place - 1) : place + 1]):
            dates.insert(place, date)
            drawn.append(row)
    return drawn


def _squashed(rows: Iterable[Row], draw: random.Random) -> list[Row]:
    """Date articles of many years within two days."""
    return [{**row, "story": f"hay {row['id']}", "published": _BASE + draw.choice((0, 1, 1, 2)) * _DAY} for row in rows]


def _mixed(hay: Sequence[Row], rows: Sequence[Row], draw: random.Random) -> Sample:
    """Mix some stories of one set into singletons about the same politics."""
    chosen = set(draw.sample(sorted({row["story"] for row in rows}), 60))
    told = [row for row in rows if row["story"] in chosen and row["published"]]
    day = {story: _BASE + draw.choice((0, 1)) * _DAY for story in sorted(chosen)}
    told_now = [{**row, "published": day[row["story"]]} for row in told]
    alone = _squashed(_apart(hay, 4, draw, (row["published"] for row in told))[:350], draw)
    return Sample("mix", told_now + alone, "allsides_dev", SINGLETONS)


# Features ------------------------------------------------------------------------------------------------------------


class Pairs(NamedTuple):
    """The pairs that production aligns in a corpus, with what is known of them."""

    sample: Sample
    teller: NDArray[np.int64]  # of each article the one that is aligned for its copy group
    rows: NDArray[np.int64]  # of the tellers, in the sample
    left: NDArray[np.int64]  # of the tellers
    right: NDArray[np.int64]
    group: NDArray[np.int64]
    columns: NDArray[np.float32]  # (pairs, FEATURES)
    same: NDArray[np.bool_]  # one story
    counts: NDArray[np.bool_]  # not within a copy group, and not unsure


def aligned(sample: Sample) -> Pairs:
    """Run production up to the features of its pairs."""
    settings, workers = Settings(), Workers(1)
    articles = open_corpus(pa.Table.from_pylist(sample.rows).cast(_schema()))
    background = Background.load()
    learned = learn(articles, background, workers)
    surveyed = survey(articles, pipeline.recipe(settings), workers, learned, settings)
    ranking = rank(surveyed.sketches, settings.shingle)
    candidates, _ = pipeline.candidates(surveyed, ranking, settings)
    with TextStore(len(articles)) as store:
        pipeline.fetch(articles, pipeline.wanted(ranking, candidates), store, workers)
        matches = pipeline.verify(store, surveyed, ranking, candidates, settings, workers)
    groups = tables.members(surveyed, ranking, copy_groups(matches, len(ranking)))
    with Work(on_disk=False) as work:
        first, rows, telling = pipeline.tellers(surveyed, groups, work)
        means = Means(learned.vocabulary, background, settings.window, settings.partners, workers, work)
        found = evidence(telling, means)
    teller = np.empty(len(first), np.int64)
    teller[first[rows[::-1]]] = np.arange(len(rows))[::-1]
    known = np.array([row["story"] for row in sample.rows])
    ids = [sample.rows[row]["id"] for row in rows]
    asked = [_pair(ids[left], ids[right]) for left, right in zip(found.left, found.right, strict=True)]
    counts = telling.group[found.left] != telling.group[found.right]
    counts &= np.array([pair not in sample.unsure for pair in asked], np.bool_)
    same = known[rows[found.left]] == known[rows[found.right]]
    return Pairs(sample, teller[first], rows, found.left, found.right, telling.group, found.columns, same, counts)


def _pair(one: str, two: str) -> tuple[str, str]:
    return min(one, two), max(one, two)


def _schema() -> pa.Schema:
    names = ("title", "text", "source", "url")
    kinds = [*((name, pa.large_string()) for name in names), ("published", pa.timestamp("us", "UTC"))]
    return pa.schema([*kinds, ("id", pa.large_string()), ("story", pa.large_string())])


def undated(columns: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the features as if no article had a date."""
    made = columns.copy()
    made[:, FEATURES.index("gap")] = 0
    made[:, FEATURES.index("no_date")] = 1
    return made


# Fit -----------------------------------------------------------------------------------------------------------------


def fitted(corpora: Iterable[Pairs], without: str = "") -> stories.Model:
    """Fit the model on the corpora that may be trained on, leaving out a set and what was made of it."""
    return stories.Model(FEATURES, *weighed(corpora, without), CUT)


def weighed(corpora: Iterable[Pairs], without: str = "") -> tuple[tuple[float, ...], float]:
    """Return what :func:`fitted` learns: a coefficient for each column of the pairs, and the bias."""
    # The extra `bench` has it; nothing but this script needs it.
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415

    parts = [
        _weighted(pairs)
        for pairs in corpora
        if pairs.sample.name not in WATCHED and (not without or pairs.sample.family != without)
    ]
    columns, same, weight = (np.concatenate(part) for part in zip(*parts, strict=True))
    weight = weight / weight.sum()
    mean = weight @ columns
    spread = np.sqrt(weight @ (columns - mean) ** 2)
    learned = LogisticRegression(C=RIDGE, max_iter=1000)
    learned.fit((columns - mean) / spread, same, sample_weight=weight * _TOTAL)
    coefficients = learned.coef_[0] / spread
    bias = float(learned.intercept_[0] - coefficients @ mean)
    rounded = tuple(round(float(value), 4) for value in coefficients)  # so that machines agree
    return rounded, round(bias, 4)


def _weighted(pairs: Pairs) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.float64]]:
    """Return the pairs of a corpus with and without dates, and what each counts."""
    columns, same, total = pairs.columns[pairs.counts], pairs.same[pairs.counts], pairs.sample.weight
    positive = POSITIVE * (1 if total == 1 else 0.5)
    if same.any():
        weight = np.where(same, positive / same.sum(), (1 - positive) / (~same).sum())
    else:
        weight = np.full(len(same), 1 / len(same))
    both = np.concatenate([columns, undated(columns)]).astype(np.float64)
    return both, np.tile(same, 2), total * np.concatenate([DATED * weight, (1 - DATED) * weight])


def judged(pairs: Pairs, model: stories.Model) -> Scores:
    """Make the stories of a corpus as production does, and score them."""
    return linked(pairs, stories.score(pairs.columns, model), model.cut)


def linked(pairs: Pairs, chance: NDArray[np.float64], cut: float) -> Scores:
    """Make the stories of a corpus from the probabilities of its pairs, and score them."""
    made = stories.link(pairs.left, pairs.right, chance, pairs.group, cut)
    place = {row["id"]: number for number, row in enumerate(pairs.sample.rows)}
    unsure = [(place[a], place[b]) for a, b in sorted(pairs.sample.unsure) if a in place and b in place]
    truth = np.unique([row["story"] for row in pairs.sample.rows], return_inverse=True)[1]
    found = np.unique(made.story[pairs.teller], return_inverse=True)[1]
    return scores(found, truth, np.array(unsure, np.int64).reshape(-1, 2))


def reliability(corpora: Mapping[str, Pairs], models: Mapping[str, stories.Model]) -> list[tuple[float, float, int]]:
    """Return by tenth of probability: mean prediction, share of one story, pairs; each labelled set counts the same."""
    parts = [(corpora[name], stories.score(corpora[name].columns, models[name])) for name in TRAINED]
    chance = np.concatenate([values[pairs.counts] for pairs, values in parts])
    same = np.concatenate([pairs.same[pairs.counts] for pairs, _ in parts])
    weight = np.concatenate([np.full(pairs.counts.sum(), 1 / pairs.counts.sum()) for pairs, _ in parts])
    tenth = np.minimum((chance * 10).astype(int), 9)
    within = [tenth == number for number in range(10)]
    return [
        (float(np.average(chance[at], weights=weight[at])), float(np.average(same[at], weights=weight[at])), at.sum())
        for at in within
        if at.any()
    ]


# Figures -------------------------------------------------------------------------------------------------------------


class Figures(NamedTuple):
    """What was measured: of each set the scores in sample, with the set left out, and without dates."""

    model: stories.Model
    rows: dict[str, tuple[Scores, Scores | None, Scores | None]]
    calibration: list[tuple[float, float, int]]
    false_pairs: tuple[int, int]  # put together among singletons, of so many articles
    corpora: dict[str, Pairs]


def measured(data: Path) -> Figures:
    """Fit the model, and once more without each set; score every labelled set."""
    sets = {name: labelled(data, name) for name in (*TRAINED, *WATCHED)}
    corpora = {sample.name: aligned(sample) for sample in (*sets.values(), *singletons(data, sets))}
    model = fitted(corpora.values())
    without = {name: fitted(corpora.values(), name) for name in TRAINED}
    rows = {}
    for name, sample in sets.items():
        left_out = judged(corpora[name], without[name]) if name in without else None
        rows[name] = judged(corpora[name], model), left_out, _undated_scores(sample, model)
    alone = [corpora["hay0"], corpora["hay1"]]
    false_pairs = sum(judged(pairs, model).predicted_pairs for pairs in alone)
    singles = sum(len(pairs.sample.rows) for pairs in alone)
    return Figures(model, rows, reliability(corpora, without), (false_pairs, singles), corpora)


def _undated_scores(sample: Sample, model: stories.Model) -> Scores | None:
    if all(row["published"] is None for row in sample.rows):
        return None
    rows = [{**row, "published": None} for row in sample.rows]
    return judged(aligned(Sample(sample.name, rows, sample.family, unsure=sample.unsure)), model)


def tabulated(figures: Figures) -> str:
    """Return the figures as Markdown."""

    def cells(found: Scores | None) -> str:
        return f"{found.pair_f1:.3f} / {found.b3_f1:.3f}" if found else "-"

    lines = [
        "| set | articles | pair P / R | pair F1 / B³ | left out | without dates |",
        "|---|---:|---|---|---|---|",
    ]
    for name, (found, left_out, without_dates) in figures.rows.items():
        both = f"{found.pair_precision:.3f} / {found.pair_recall:.3f}"
        row = (name, str(found.articles), both, cells(found), cells(left_out), cells(without_dates))
        lines.append(f"| {' | '.join(row)} |")
    pairs, articles = figures.false_pairs
    lines += ["", f"Among {articles} singletons of US politics within two days, {pairs} pairs are put together.", ""]
    lines += ["| predicted | one story | pairs |", "|---:|---:|---:|"]
    lines += [f"| {chance:.2f} | {share:.2f} | {count} |" for chance, share, count in figures.calibration]
    model = figures.model
    terms = [f"{name} {value:+.3f}" for name, value in zip(model.names, model.coefficients, strict=True)]
    return "\n".join([*lines, "", f"Cut {model.cut}; log-odds = {', '.join(terms)}, bias {model.bias:+.3f}", ""])


def digests(data: Path) -> str:
    """Return the digests of the files used, as Markdown."""
    files = [data / f"{name}.parquet" for name in USED]
    return "\n".join(f"- {file.name} {hashlib.sha256(file.read_bytes()).hexdigest()[:16]}" for file in files)


def versions() -> str:
    """Return the versions that the figures hang on."""
    packages = ("numpy", "numba", "pyarrow", "scikit-learn")
    return ", ".join(
        [
            f"dedup {VERSION}",
            f"Python {platform.python_version()}",
            *(f"{p} {importlib.metadata.version(p)}" for p in packages),
        ]
    )


HEAD = """# The story decision

`python benchmarks/stories.py report ../shared/data`; {versions}.

Pair F1 and B³ of the stories at one cut. "Left out": by a model that was fitted without the set and all that was made
of it. Constants and features were chosen while looking at these figures, so expect less of news of another kind;
fnc1 and seeds were never fitted on. "Without dates": the same articles with no date at all. The second table says how
often a pair of so high a probability is of one story: each set judged by the model without it, each set counting the
same, pairs within a copy group aside.

{table}
Data:

{digests}
"""


# Command line --------------------------------------------------------------------------------------------------------

_FOLDER = click.argument("data", type=click.Path(exists=True, file_okay=False, path_type=Path))


@click.group()
def main() -> None:
    """Fit and measure the story decision."""


@main.command()
@_FOLDER
@click.option("-o", "--output", type=click.Path(path_type=Path), default=MODEL, show_default="the package's")
def fit(data: Path, output: Path) -> None:
    """Fit the model on the sets in the folder DATA, print its figures, write it."""
    figures = measured(data)
    print(tabulated(figures))
    figures.model.write(output)
    if Settings().story_threshold != CUT:
        sys.exit(f"the default of the setting story_threshold is {Settings().story_threshold}, the model's cut {CUT}")


@main.command()
@_FOLDER
@click.option("-o", "--output", type=click.Path(path_type=Path), default=RECORD, show_default="the record")
def report(data: Path, output: Path) -> None:
    """Measure on the sets in the folder DATA and write the record; the model of the package must be the fitted one."""
    figures = measured(data)
    if figures.model != stories.Model.load():
        sys.exit("the model of the package is another than these data give: run `fit` first")
    output.parent.mkdir(exist_ok=True)
    text = HEAD.format(versions=versions(), table=tabulated(figures), digests=digests(data))
    output.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
