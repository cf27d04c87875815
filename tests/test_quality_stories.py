"""Floors of the story decision, with default settings; one is never lowered silently.

On real and written news they are pinned to the bytes they were measured on. `benchmarks/stories.py` says how far above
them the product stands, also on sets that its model was not fitted on.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

import polars as pl
import pytest

from dedup import find
from dedup.evaluation import Labelled, Scores, Truth, read_pairs, read_truth

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

    from dedup.result import Result

pytestmark = pytest.mark.no_cover

DIGESTS = {
    "seeds": "4a9448eca5ddb3f18ed5ad3243a8c1498e49e4db6d4d90f92d1db386b6581c55",
    "wire_dev": "3c228580eddcadef41eb85c7cf7c061932fb878e20883c496395ee6fd8bf5687",
    "wire_dev2": "252ace7a4d7abf8fc3bfbcb811005377e0ee5250e4b47adc025ab002910629ab",
    "news2025_dev": "5f62f41dbac366f6a021d986951183d1398783982a8d07ab94751954fbd66bd9",
    "news2025_dev_unsure": "fcee5d1c6743cfcbd639ebd0d2d9fd8ced684b4732063462fdcae9c19ca5fe8b",
    "allsides_dev": "54fb12949253229424cf7eadd4e490228af19300975842eabefcaee4caa74805",
    "ecbplus": "337de4beba2692c36c2320895caede32584744f7508aa129fb03e83c00b6d5ae",
    "fnc1": "cc4c4ccab9796c28a7fb2e0156db386dd785d09f50661878a6a589ad752dae14",
    "haystack": "d2716983de49c869d03654c20973cda8bd7cc77615d164c6abc892bbb96581b0",
}


class Floor(NamedTuple):
    """What a set is never to fall below."""

    pair_f1: float
    b3_f1: float


FLOORS = {
    "seeds": Floor(1.0, 1.0),
    "wire_dev": Floor(0.90, 0.92),
    "wire_dev2": Floor(0.90, 0.92),
    "news2025_dev": Floor(0.58, 0.89),
    "allsides_dev": Floor(0.80, 0.90),
    "ecbplus": Floor(0.85, 0.90),
    "fnc1": Floor(0.80, 0.85),
}


def data(folder: Path, name: str) -> Path:
    file = folder / f"{name}.parquet"
    if not file.is_file():
        pytest.skip(f"{file} is not there: the floors were measured on it")
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    assert digest == DIGESTS[name], f"{file} is not what the floors were measured on"
    return file


def articles(folder: Path, name: str) -> pl.DataFrame:
    table = pl.read_parquet(data(folder, name))
    return table.filter("strict") if name == "allsides_dev" else table


def truth(table: pl.DataFrame) -> Truth:
    known = table.filter(pl.col("story").is_not_null())
    names = known.select(pl.col("id", "story").cast(pl.String)).to_arrow()
    return Truth(*(names[name].combine_chunks() for name in ("id", "story")))


def check(found: Scores, floor: Floor) -> None:
    assert found.pair_f1 >= floor.pair_f1
    assert found.b3_f1 >= floor.b3_f1


@pytest.mark.parametrize("name", FLOORS)
def test_stories(name: str, shared_data: Path) -> None:
    table = articles(shared_data, name)
    unsure: pa.Table | None = None
    if name == "news2025_dev":
        unsure = read_pairs(data(shared_data, "news2025_dev_unsure"))
    result = find(table.to_arrow())
    check(Labelled(result, truth(table), unsure).evaluate(0).scores, FLOORS[name])


def mixed(folder: Path, *names: str) -> pl.DataFrame:
    """Return several corpora as one, each id and label behind the name of its own."""
    return pl.concat([_renamed(articles(folder, name), name) for name in names], how="diagonal")


def _renamed(table: pl.DataFrame, name: str) -> pl.DataFrame:
    columns = [column for column in ("id", "story") if column in table.columns]
    return table.select(
        *(pl.format("{} {}", pl.lit(name), pl.col(column)).alias(column) for column in columns),
        pl.col("title", "text", "source").cast(pl.String),
        pl.col("published").cast(pl.Datetime("us", "UTC")),
        pl.lit(name).alias("set"),
    )


def sets_by_story(result: Result, table: pl.DataFrame) -> dict[str, list[str]]:
    """Return for each story the sets that its articles are from."""
    of = dict(zip(table["id"], table["set"], strict=True))
    stories: dict[str, list[str]] = {}
    for row in result.articles.select(["id", "story_id"]).to_pylist():
        stories.setdefault(row["story_id"], []).append(of[row["id"]])
    return stories


@pytest.mark.proof
@pytest.mark.parametrize("dated", [True, False])
def test_the_seeds_in_a_haystack(shared_data: Path, *, dated: bool) -> None:
    table = mixed(shared_data, "seeds", "wire_dev", "wire_dev2", "haystack")
    if not dated:  # harder: the hay is years older
        table = table.with_columns(pl.lit(None, pl.Datetime("us", "UTC")).alias("published"))
    stories = sets_by_story(find(table.drop("story", "set").to_arrow()), table).values()
    assert [story for story in stories if "seeds" in story] == [["seeds"] * 5]
    assert [story for story in stories if "haystack" in story and set(story) != {"haystack"}] == []
    assert max(map(len, stories)) < 50


def test_all_sets_in_one_corpus(shared_data: Path) -> None:
    names = ("seeds", "wire_dev", "wire_dev2", "allsides_dev", "ecbplus")
    table = mixed(shared_data, *names)
    result = find(table.drop("story", "set").to_arrow())
    for name in names:
        check(Labelled(result, truth(table.filter(pl.col("set") == name))).evaluate(0).scores, FLOORS[name])


def test_the_sample_corpus(sample: Path) -> None:
    labels = read_truth(sample / "labels.csv", "story")
    result = find(sample)
    check(Labelled(result, labels).evaluate(0).scores, Floor(0.88, 0.93))


def test_siblings_of_the_sample_corpus_stay_apart(sample: Path) -> None:
    found = {row["id"]: row["story_id"] for row in find(sample).articles.select(["id", "story_id"]).to_pylist()}
    labels = read_truth(sample / "labels.csv", "story")
    of = dict(zip(labels.ids.to_pylist(), labels.labels.to_pylist(), strict=True))
    for one, two in (("harbour-bridge", "harbour-strike"), ("rate-cut", "bank-leak")):
        assert {found[id_] for id_ in of if of[id_] == one}.isdisjoint(found[id_] for id_ in of if of[id_] == two)
