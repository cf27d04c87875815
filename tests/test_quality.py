"""Floors on real news, pinned to the bytes they were measured on; a floor is never lowered silently."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

import oracle
import polars as pl
import pyarrow.parquet as pq
import pytest
from support import copies_only, groups_of

from dedup import find

if TYPE_CHECKING:
    from pathlib import Path

    from dedup.result import Result

pytestmark = pytest.mark.no_cover

DIGESTS = {
    "reuters21578.parquet": "982b48ab16085dd229ff33dfc2bc2b885d5016252ce15780391df818a5a53d29",
    "reuters21578_exact_pairs.parquet": "538d6f2751da4bb328af7be92957e6299a2f63f1d49705335a80825b6d1f71fc",
    "bbc2005.parquet": "55fee29187a2984a0cd1f01f64246f56322c6e54374c56a9376eb044628ea42a",
    "bbc2005_exact_pairs.parquet": "420d30791ea8b9659da6d560a3b43a9842e00ef580d10328d08ffe99e52931fc",
}


class Measured(NamedTuple):
    """A corpus, its pairs of exactly known overlap, and what was found."""

    folder: Path
    name: str
    pairs: pl.DataFrame
    result: Result


@pytest.fixture(scope="module", params=["reuters21578", "bbc2005"])
def measured(request: pytest.FixtureRequest, shared_data: Path) -> Measured:
    name = str(request.param)
    for file in (f"{name}.parquet", f"{name}_exact_pairs.parquet"):
        digest = hashlib.sha256((shared_data / file).read_bytes()).hexdigest()
        assert digest == DIGESTS[file], f"{file} is not what the floors were measured on"
    pairs = pl.read_parquet(shared_data / f"{name}_exact_pairs.parquet")
    return Measured(shared_data, name, pairs, find(shared_data / f"{name}.parquet", copies_only()))


def recall(measured: Measured, pairs: pl.DataFrame) -> float:
    articles = measured.result.articles
    copy_id = dict(zip(articles["id"].to_pylist(), articles["copy_id"].to_pylist(), strict=True))
    asked = [(str(a), str(b)) for a, b in zip(pairs["a"], pairs["b"], strict=True)]
    assert len(asked) > 20
    return float(sum(copy_id[a] == copy_id[b] for a, b in asked)) / len(asked)


def test_near_copies_are_found(measured: Measured) -> None:
    assert recall(measured, measured.pairs.filter(pl.col("jaccard") >= 0.8)) >= 0.99


def test_excerpts_are_found(measured: Measured) -> None:
    long_enough = pl.min_horizontal("n_a", "n_b") >= 40
    assert recall(measured, measured.pairs.filter((pl.col("containment_max") >= 0.6) & long_enough)) >= 0.97


@pytest.mark.proof
def test_every_match_is_exact(measured: Measured) -> None:
    table = pq.read_table(measured.folder / f"{measured.name}.parquet", columns=["id", "text"])
    texts = dict(zip(map(str, table["id"].to_pylist()), table["text"].to_pylist(), strict=True))
    matches = measured.result.matches.to_pylist()[:2000]
    ids = {row[side] for row in matches for side in ("left", "right")}
    sets = {id_: oracle.shingle_set(oracle.words(texts[id_])) for id_ in ids}
    assert len(matches) > 100
    for row in matches:
        left, right = sets[row["left"]], sets[row["right"]]
        assert row["resemblance"] == oracle.set_resemblance(left, right)
        assert row["containment_left_in_right"] == oracle.set_containment(left, right)
        assert row["containment_right_in_left"] == oracle.set_containment(right, left)


def test_no_chaining(measured: Measured) -> None:
    """Every member of a group but its longest has a verified match with a member that is not shorter."""
    rows = {row["id"]: row for row in measured.result.articles.to_pylist()}
    matched = {(row["left"], row["right"]) for row in measured.result.matches.to_pylist()}
    for group in groups_of(measured.result):
        admitted = [rows[id_] for id_ in group if rows[id_]["witness_id"] is not None]
        assert len(admitted) == len(group) - 1
        for row in admitted:
            assert (row["witness_id"], row["id"]) in matched
            assert row["witness_id"] in group
            assert rows[row["witness_id"]]["words"] >= row["words"]
