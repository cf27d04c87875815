"""Candidates from bands equal brute force where no cap bites, and stay linear where one does."""

from __future__ import annotations

from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from support import column, prose

from dedup.candidates import Candidates
from dedup.lsh import Buckets, buckets, probability
from dedup.pipeline import recipe
from dedup.settings import Settings
from dedup.sketch import sketch
from dedup.work import Column
from dedup.workers import Workers

WIDE = 1 << 20
Table = np.ndarray[tuple[int, int], np.dtype[np.uint64]]


def candidates(table: Table, cap: int) -> Buckets:
    return buckets(
        lambda band: np.ascontiguousarray(table[:, band]), table.shape[1], cap, Column(np.uint64), Workers(2)
    )


def pairs(found: Buckets, texts: int) -> list[tuple[int, int]]:
    chosen = Candidates.of(found.between(0, texts), 0)
    return list(zip(chosen.longer.tolist(), chosen.shorter.tolist(), strict=True))


keys = arrays.arrays(np.uint64, st.tuples(st.integers(0, 30), st.integers(1, 4)), elements=st.integers(0, 6))


@given(keys)
def test_equal_brute_force(table: Table) -> None:
    wanted = {(i, j) for i, j in combinations(range(len(table)), 2) if (table[i] == table[j]).any()}
    found = pairs(candidates(table, WIDE), len(table))
    assert len(found) == len(set(found))
    assert set(found) == wanted


@given(keys, st.integers(1, 5))
def test_a_cap_only_drops(table: Table, cap: int) -> None:
    capped, whole = candidates(table, cap), candidates(table, WIDE)
    some, every = set(pairs(capped, len(table))), set(pairs(whole, len(table)))
    assert some <= every
    assert whole.capped == 0
    assert (some == every) or capped.capped > 0
    # Nobody who has a candidate loses all: its neighbour and the longest of its bucket stay.
    assert {shorter for _, shorter in some} == {shorter for _, shorter in every}


@pytest.mark.parametrize("cap", [1, 8])
def test_one_bucket_of_many_is_linear(cap: int) -> None:
    found = candidates(np.zeros((5000, 3), np.uint64), cap)
    assert found.capped == 3
    assert 4999 <= len(found.between(0, 5000)) <= (cap + 1) * 5000


def test_no_text_and_one_text() -> None:
    for texts in (0, 1):
        assert len(candidates(np.zeros((texts, 4), np.uint64), 8).between(0, texts)) == 0


@given(keys, st.lists(st.integers(0, 30), max_size=3))
def test_a_range_of_shorter_texts_is_read_alone(table: Table, cuts: list[int]) -> None:
    found = candidates(table, 2)
    bounds = sorted([0, *[min(cut, len(table)) for cut in cuts], len(table)])
    parts = [found.between(first, last) for first, last in pairwise(bounds)]
    assert np.concatenate(parts).tolist() == found.between(0, len(table)).tolist()


@given(keys)
def test_keys_alike_in_their_low_bits_are_told_apart(table: Table) -> None:
    high = table << np.uint64(60)
    assert pairs(candidates(high, WIDE), len(table)) == pairs(candidates(table, WIDE), len(table))


def test_probability_is_the_s_curve() -> None:
    assert probability(np.array([0.0, 1.0]), 21, 6).tolist() == [0.0, 1.0]
    assert probability(np.array([0.5]), 1, 1).tolist() == [0.5]
    assert probability(np.array([0.5]), 2, 1).tolist() == [0.75]
    assert probability(np.array([0.8]), 21, 6)[0] > 0.99
    assert probability(np.array([0.8]), 9, 13)[0] == pytest.approx(0.40, abs=0.01)


def test_the_default_bands_find_what_the_curve_says() -> None:
    """500 pairs of resemblance about 0.8: the share that agree in a band is within four sigma of the curve."""
    random = np.random.default_rng(5)
    settings = Settings()
    texts = []
    for _ in range(500):
        body = prose(random, 204)
        texts += [" ".join(body), " ".join([*body[:180], *prose(random, 24)])]
    sketches = sketch(column(texts), recipe(settings))
    hit = (sketches.keys[0::2] == sketches.keys[1::2]).any(axis=1)
    resemblance = 176 / (200 + 24)
    expected = probability(np.array([resemblance]), settings.bands, settings.rows)[0]
    assert abs(hit.mean() - expected) <= 4 * np.sqrt(expected * (1 - expected) / 500)
