"""find(): equal to the brute-force oracle, the same in whatever form the corpus comes, golden on the sample."""

from __future__ import annotations

import csv
import time
from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

import duckdb
import numpy as np
import oracle
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import settings as example_settings
from hypothesis import strategies as st
from support import (
    any_text,
    check_laws,
    copies_only,
    corpus,
    expected,
    groups_of,
    prose,
    sentences,
    stories_of,
    tables_of,
    thorough,
    token_bounds,
)

from dedup import find, pipeline
from dedup.grouping import copies
from dedup.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

    from dedup.result import Result

SEEDS = range(12)


# The oracle -----------------------------------------------------------------------------------------------------------


def copied_by_spans(table: pa.Table, result: Result) -> dict[str, list[bool]]:
    """Say of each token of the articles with spans whether a copied span covers it."""
    spans: dict[str, list[dict[str, Any]]] = {}
    for row in result.spans.to_pylist():
        spans.setdefault(row["id"], []).append(row)
    texts = dict(zip(table["id"].to_pylist(), table["text"].to_pylist(), strict=True))
    return {
        id_: [
            any(row["start"] <= start and end <= row["end"] and row["kind"] == "copied" for row in rows)
            for start, end in token_bounds(texts[id_]).tolist()
        ]
        for id_, rows in spans.items()
    }


def check_against_the_oracle(table: pa.Table, settings: Settings) -> Result:
    result = find(table, settings)
    wanted = expected(table, settings)
    assert result.articles["id"].to_pylist() == table["id"].to_pylist()
    for row in result.articles.to_pylist():
        verdict = wanted.verdicts[row["id"]]
        assert (row["copy_id"], row["relation"], row["witness_id"], row["score"], row["words"]) == verdict[:5]
        assert round(row["copied"] * row["words"]) == sum(verdict.copied)
        assert row["boilerplate"] == 0
        assert row["story_id"] == row["copy_id"]
    check_laws(table, result)
    found = {
        (row["left"], row["right"]): (
            row["relation"],
            row["resemblance"],
            row["containment_left_in_right"],
            row["containment_right_in_left"],
        )
        for row in result.matches.to_pylist()
    }
    assert len(found) == result.matches.num_rows
    assert found == wanted.matches
    flags = copied_by_spans(table, result)
    grouped = set().union(*groups_of(result))
    assert set(flags) == grouped
    assert flags == {id_: wanted.verdicts[id_].copied for id_ in grouped}
    return result


@pytest.mark.parametrize("seed", SEEDS)
def test_equals_the_oracle(seed: int) -> None:
    result = check_against_the_oracle(corpus(seed), thorough())
    assert len(groups_of(result)) >= 3


@pytest.mark.parametrize(
    "values",
    [
        {"shingle": 1},
        {"shingle": 3, "near": 0.5, "excerpt": 0.3},
        {"shingle": 9},
        {"near": 1.0, "excerpt": 1.0},
        {"near": 0.01, "excerpt": 0.01, "excerpt_shingles": 1},
        {"excerpt_shingles": 60},
        {"seed": 9, "workers": 1},
    ],
    ids=str,
)
def test_equals_the_oracle_with_other_settings(values: dict[str, Any]) -> None:
    check_against_the_oracle(corpus(99), thorough(**values))


texts = st.lists(st.one_of(st.none(), sentences, sentences, any_text), min_size=1, max_size=8)


@given(texts)
@example_settings(max_examples=40)
def test_equals_the_oracle_on_any_text(originals: list[str | None]) -> None:
    table = pa.table(
        {
            "id": [f"{i}" for i in range(len(originals))],
            "text": pa.array(originals, pa.string()),
            "published": pa.nulls(len(originals), pa.timestamp("us", tz="UTC")),
        }
    )
    settings = thorough(shingle=2, excerpt_shingles=3, excerpt=0.5, near=0.7)
    result = find(table, settings)
    wanted = expected(table, settings)
    assert {row["id"]: row["copy_id"] for row in result.articles.to_pylist()} == {
        id_: verdict.copy_id for id_, verdict in wanted.verdicts.items()
    }
    assert {(row["left"], row["right"]): row["relation"] for row in result.matches.to_pylist()} == {
        pair: match[0] for pair, match in wanted.matches.items()
    }
    for row in result.articles.to_pylist():
        assert round(row["copied"] * row["words"]) == sum(wanted.verdicts[row["id"]].copied)


# Laws -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("switches", [{}, {"stories": False}, {"boilerplate": False}], ids=str)
def test_laws_of_the_tables(seed: int, switches: dict[str, bool]) -> None:
    table = corpus(seed)
    check_laws(table, find(table, Settings.of(excerpt_shingles=12, workers=2, **switches)))


def test_too_short_is_on_its_own() -> None:
    texts = ["No text.", "No text.", "one two three four", "one two three four", "", "", None, None]
    result = find(pa.table({"id": [f"{i}" for i in range(8)], "text": texts}))
    assert result.articles["copy_id"].to_pylist() == [f"{i}" for i in range(8)]
    assert (result.matches.num_rows, result.spans.num_rows) == (0, 0)
    assert result.articles["unique"].to_pylist() == [1.0] * 8
    assert (result.counters["short"], result.counters["empty"]) == (4, 4)


def test_five_words_are_enough() -> None:
    result = find(pa.table({"id": ["b", "a"], "text": ["One two three four five!", "one TWO three four five"]}))
    assert result.articles["copy_id"].to_pylist() == ["a", "a"]
    assert result.articles["relation"].to_pylist() == ["identical", None]
    assert result.matches.to_pylist() == [
        {
            "left": "a",
            "right": "b",
            "relation": "identical",
            "resemblance": 1.0,
            "containment_left_in_right": 1.0,
            "containment_right_in_left": 1.0,
            "story_score": None,
        }
    ]


def test_the_first_published_names_the_group() -> None:
    text = "one two three four five six"
    table = pa.table(
        {"id": ["a", "b", "c", "d"], "text": [text] * 4, "published": [None, "2026-03-02", "2026-03-01", "2026-03-01"]}
    )
    assert find(table).articles["copy_id"].to_pylist() == ["c"] * 4


# The form of the corpus does not show ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def table() -> pa.Table:
    return corpus(2026, stories=20)


@pytest.fixture(scope="module")
def wanted(table: pa.Table) -> dict[str, Any]:
    return tables_of(find(table))


@pytest.mark.parametrize("seed", range(5))
def test_input_order(table: pa.Table, wanted: dict[str, Any], seed: int) -> None:
    order = np.random.default_rng(seed).permutation(table.num_rows)
    shuffled = table.take(pa.array(order))
    result = find(shuffled)
    assert result.articles["id"].to_pylist() == shuffled["id"].to_pylist()
    assert tables_of(result) == wanted


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_workers(table: pa.Table, wanted: dict[str, Any], workers: int) -> None:
    assert tables_of(find(table, Settings(workers=workers))) == wanted


@pytest.mark.parametrize("group", [1, 7, 1000])
def test_row_groups(table: pa.Table, wanted: dict[str, Any], group: int, tmp_path: Path) -> None:
    pq.write_table(table, tmp_path / "c.parquet", row_group_size=group)
    assert tables_of(find(tmp_path / "c.parquet")) == wanted


def test_chunks(table: pa.Table, wanted: dict[str, Any]) -> None:
    assert tables_of(find(pa.concat_tables([table[:3], table[3:4], table[4:]]))) == wanted


def test_blocks_of_any_size(table: pa.Table, wanted: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Verification and ledgers in many small blocks give the same."""
    for module in ("dedup.pipeline", "dedup.tables"):
        monkeypatch.setattr(f"{module}._BLOCK_BYTES", 500)
    assert tables_of(find(table)) == wanted


FORMS = [
    "file",
    "folder",
    "glob",
    "uri",
    "polars",
    "pandas",
    "duckdb",
    "string",
    "large_string",
    "string_view",
    "dictionary",
    "sliced",
]


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same(table: pa.Table, wanted: dict[str, Any], form: str, tmp_path: Path) -> None:
    assert tables_of(find(_in_form(table, form, tmp_path))) == wanted


def _in_form(table: pa.Table, form: str, folder: Path) -> Any:
    if form in ("file", "folder", "glob", "uri"):
        pq.write_table(table[:20], folder / "part-1.parquet")
        pq.write_table(table[20:], folder / "part-2.parquet")
        pq.write_table(table, folder.with_suffix(".parquet"))
        return {
            "file": str(folder.with_suffix(".parquet")),
            "folder": folder,
            "glob": f"{folder}/part-*.parquet",
            "uri": f"file://{folder}",
        }[form]
    if form == "duckdb":
        return duckdb.connect().from_arrow(table)
    if form == "sliced":
        return pa.concat_tables([table[:5], table, table[:5]]).combine_chunks()[5:-5]
    text = table["text"]
    casts: dict[str, Any] = {
        "polars": lambda: pl.from_arrow(table),
        "pandas": table.to_pandas,
        "string": lambda: text.cast(pa.string()),
        "large_string": lambda: text.cast(pa.large_string()),
        "string_view": lambda: text.cast(pa.string_view()),
        "dictionary": text.dictionary_encode,
    }
    made = casts[form]()
    return table.set_column(1, "text", made) if isinstance(made, pa.ChunkedArray) else made


def test_the_same_corpus_gives_the_same_bytes(table: pa.Table, tmp_path: Path) -> None:
    for name, workers in (("one", 1), ("two", 4)):
        find(table, Settings(workers=workers)).write(tmp_path / name)
    for file in ("articles", "matches", "spans"):
        one, two = ((tmp_path / name / f"{file}.parquet").read_bytes() for name in ("one", "two"))
        assert one == two


def test_progress_is_told_of_every_stage_with_work(table: pa.Table) -> None:
    """What is held from the first pass is not fetched."""
    told: dict[str, list[tuple[int, int]]] = {}
    find(table, progress=lambda stage, done, total: told.setdefault(stage, []).append((done, total)))
    stages = ["learn", "sketch", "bands", "lists", "pairs", "verify", "partners", "weigh", "align", "report", "ledger"]
    assert list(told) == stages
    for steps in told.values():
        assert steps[0][0] == 0
        assert steps[-1][0] == steps[-1][1] > 0
        assert steps == sorted(steps)


# Copies alone ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("boilerplate", [True, False])
def test_copies_alone_are_those_of_find(table: pa.Table, boilerplate: bool) -> None:  # noqa: FBT001
    settings = Settings(boilerplate=boilerplate, stories=False)
    wanted = find(table, settings).articles
    found = copies(table, Settings(boilerplate=boilerplate))
    assert found.column_names == ["id", "copy_id", "relation", "witness_id", "score"]
    assert found.equals(wanted.select(found.column_names))
    assert found["witness_id"].null_count < len(found)


@pytest.mark.parametrize("room", [0, 1 << 30])
def test_what_is_held_changes_nothing(table: pa.Table, room: int, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = find(table)
    monkeypatch.setattr(pipeline, "HELD_BYTES", room)
    found = find(table)
    assert found.articles.equals(wanted.articles)
    assert found.spans.equals(wanted.spans)


# Linear cost ----------------------------------------------------------------------------------------------------------


def timed(table: pa.Table) -> tuple[Result, float]:
    began = time.process_time()
    result = find(table)
    return result, time.process_time() - began


@pytest.mark.no_cover
def test_ten_thousand_copies_cost_one() -> None:
    text = " ".join(prose(np.random.default_rng(1), 300))
    result, seconds = timed(pa.table({"id": [f"{i:05}" for i in range(10_000)], "text": [text] * 10_000}))
    assert result.counters["candidates"] == 0
    assert set(result.articles["copy_id"].to_pylist()) == {"00000"}
    assert result.matches.num_rows == 9_999
    assert seconds < 15


def _template(count: int) -> pa.Table:
    random = np.random.default_rng(2)
    frame = prose(random, 60)
    texts = [" ".join([*prose(random, 6), *frame[:30], *prose(random, 4), *frame[30:]]) for _ in range(count)]
    return pa.table({"id": [f"{i:05}" for i in range(count)], "text": texts})


def test_thousands_of_one_template_are_linear() -> None:
    settings = Settings()
    result, seconds = timed(_template(5_000))
    assert 4_999 <= result.counters["candidates"] <= settings.compared * 5_000
    assert result.counters["capped_lists"] > 0
    assert [len(group) for group in groups_of(result)] == [5_000]
    assert seconds < 30


# Golden: the sample corpus --------------------------------------------------------------------------------------------


class Pinned(NamedTuple):
    """What the sample corpus gives: a change must be explained in the changelog."""

    groups: int
    stories: int
    spans: int
    relations: dict[str | None, int]
    matches: dict[str, int]


COPIES = Pinned(14, 14, 235, {None: 102, "near": 14, "excerpt": 32}, {"near": 14, "excerpt": 89})
STORIES = Pinned(
    14,
    16,
    815,
    {None: 75, "identical": 14, "near": 4, "excerpt": 36, "rewrite": 19},
    {"identical": 14, "near": 4, "excerpt": 71, "rewrite": 72},
)
LIGHT = {
    "bank-leak-light",
    "ferry-fire-light",
    "mine-rescue-light",
    "power-cut-light",
}  # edits light enough for the rule


@pytest.fixture(scope="module")
def golden(sample: Path) -> Result:
    return find(sample, copies_only())


@pytest.fixture(scope="module")
def told(sample: Path) -> Result:
    return find(sample)


@pytest.fixture(scope="module")
def labels(sample: Path) -> list[dict[str, str]]:
    with (sample / "labels.csv").open() as file:
        return list(csv.DictReader(file))


def pinned(result: Result) -> Pinned:
    return Pinned(
        len(groups_of(result)),
        len(stories_of(result)),
        result.spans.num_rows,
        dict(Counter(result.articles["relation"].to_pylist())),
        dict(Counter(result.matches["relation"].to_pylist())),
    )


def test_the_copies_of_the_sample_corpus_are_pinned(golden: Result) -> None:
    assert golden.articles.num_rows == 148
    assert pinned(golden) == COPIES


def test_the_stories_of_the_sample_corpus_are_pinned(told: Result, sample: Path) -> None:
    assert pinned(told) == STORIES
    check_laws(pq.read_table(sample / "news.parquet"), told)


@pytest.mark.no_cover
def test_the_sample_corpus_equals_the_oracle(sample: Path) -> None:
    """With the caps as they ship: on this corpus none loses a match."""
    check_against_the_oracle(pq.read_table(sample / "news.parquet"), copies_only())


@pytest.mark.parametrize("kind", ["copy", "trim", "local", "light"])
def test_copies_are_with_their_wire(golden: Result, labels: list[dict[str, str]], sample: Path, kind: str) -> None:
    copy_id = dict(zip(golden.articles["id"].to_pylist(), golden.articles["copy_id"].to_pylist(), strict=True))
    table = pq.read_table(sample / "news.parquet")
    texts = dict(zip(table["id"].to_pylist(), table["text"].to_pylist(), strict=True))
    asked = [row for row in labels if row["kind"] == kind]
    assert len(asked) == 14
    for row in asked:
        together = copy_id[row["id"]] == copy_id[row["copy_of"]]
        assert together or not by_the_rule(texts[row["id"]], texts[row["copy_of"]]), row["id"]
        assert together == (kind != "light" or row["id"] in LIGHT), row["id"]


def by_the_rule(one: str, two: str) -> bool:
    """Say whether the rule calls two texts a match."""
    longer, shorter = sorted((oracle.words(one), oracle.words(two)), key=len, reverse=True)
    return bool(oracle.matches([longer, shorter], oracle.Rule()))


def test_no_group_joins_two_stories(golden: Result, told: Result, labels: list[dict[str, str]]) -> None:
    story = {row["id"]: row["story"] for row in labels}
    for group in groups_of(golden) | groups_of(told):
        assert len({story[id_] for id_ in group}) == 1, sorted(group)


def test_retold_stories_are_no_copies(golden: Result, told: Result, labels: list[dict[str, str]]) -> None:
    alone = {row["id"] for row in labels if row["kind"] in ("heavy", "brief", "other")}
    assert not alone & set().union(*groups_of(golden), *groups_of(told))


def test_copies_count_without_their_house_lines(told: Result, labels: list[dict[str, str]]) -> None:
    """With boilerplate set aside a word-for-word copy is the wire's text exactly."""
    relation = dict(zip(told.articles["id"].to_pylist(), told.articles["relation"].to_pylist(), strict=True))
    assert {relation[row["id"]] for row in labels if row["kind"] == "copy"} == {"identical"}
