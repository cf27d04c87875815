"""Candidates from shared keys equal brute force where no cap bites, and stay linear where one does."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dedup import candidates as choosing
from dedup import postings
from dedup.errors import CorpusError

WIDE = 1 << 20
Keys = list[list[int]]


def run(keys: Keys, ranks: list[int] | None = None, cap: int = WIDE) -> tuple[choosing.Evidence, list[int]]:
    flat = np.array([key for text in keys for key in text], np.uint32)
    places = np.cumsum([0, *map(len, keys)], dtype=np.int64)
    found, counts = postings.candidates(flat, places, np.array(ranks or range(len(keys)), np.int32), cap)
    return found, counts.tolist()


def chosen(found: choosing.Evidence, needed: list[float], most: int = WIDE) -> set[tuple[int, int]]:
    pairs = choosing.choose(found.pairs.copy(), np.array(needed), most)
    return set(zip(pairs.longer.tolist(), pairs.shorter.tolist(), strict=True))


some_keys = st.lists(st.lists(st.integers(0, 12) | st.just(2**32 - 1), max_size=8), min_size=1, max_size=12)


@given(some_keys, st.integers(1, 4))
def test_equal_brute_force(keys: Keys, needed: int) -> None:
    sets = [set(text) for text in keys]
    wanted = {(i, j) for i, j in combinations(range(len(keys)), 2) if len(sets[i] & sets[j]) >= needed}
    found, counts = run(keys)
    assert chosen(found, [needed] * len(keys)) == wanted
    assert counts == [len(keys) for keys in sets]
    assert found.capped == 0


@given(some_keys)
def test_ranks_name_the_texts(keys: Keys) -> None:
    ranks = list(reversed(range(len(keys))))
    found, counts = run(keys, ranks)
    straight, straight_counts = run(list(reversed(keys)))
    assert found.pairs.tolist() == straight.pairs.tolist()
    assert counts == straight_counts


@given(some_keys)
def test_a_text_without_rank_is_left_out(keys: Keys) -> None:
    ranks = [-1, *range(len(keys) - 1)]
    found, _ = run(keys, ranks)
    wanted, _ = run(keys[1:])
    assert found.pairs.tolist() == wanted.pairs.tolist()


@pytest.mark.parametrize("cap", [1, 8])
def test_one_key_in_many_texts_is_linear(cap: int) -> None:
    found, _ = run([[7, 8]] * 3000, cap=cap)
    assert found.capped == 2
    assert 2999 <= len(found.pairs) <= (cap + 1) * 3000


def test_many_keys_are_sorted_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A corpus of more keys than are sorted at a time gives the same."""
    random = np.random.default_rng(1)
    keys = [random.integers(0, 2**32, 20).tolist() for _ in range(40)]
    keys = [[*text, *keys[(i * 7) % 40][:5]] for i, text in enumerate(keys)]
    whole, counts = run(keys)
    monkeypatch.setattr(postings, "_ENTRIES", 64)
    parts, parts_counts = run(keys)
    assert parts.pairs.tolist() == whole.pairs.tolist()
    assert parts_counts == counts
    assert len(whole.pairs) >= 30


# The choice among candidates ------------------------------------------------------------------------------------------


def test_the_likeliest_are_compared() -> None:
    """Text 4 shares three keys with 2, two with 3, one with 0 and 1: of equals the longest is kept."""
    found, _ = run([[1], [2], [1, 2, 3], [1, 2], [1, 2, 3]])
    for most, wanted in [(1, {2}), (2, {2, 3}), (3, {0, 2, 3}), (4, {0, 1, 2, 3})]:
        pairs = choosing.choose(found.pairs.copy(), np.zeros(5), most)
        assert set(pairs.longer[pairs.shorter == 4].tolist()) == wanted
        assert (pairs.capped > 0) == (most < 4)


def test_evidence_adds_up_and_stops_at_its_limit() -> None:
    found, counts = run([list(range(400)), list(range(400))])
    assert counts == [400, 400]
    assert chosen(found, [0.0, 1e9]) == {(0, 1)}


def test_a_band_hit_is_always_compared() -> None:
    band = choosing.gather([run([[1], [1]])[0].pairs - np.uint64(choosing.KEY) + np.uint64(choosing.BAND)])
    assert chosen(choosing.Evidence(band, 0), [1e9, 1e9]) == {(0, 1)}


def test_too_many_texts_are_refused() -> None:
    with pytest.raises(CorpusError, match=r"268435457 distinct texts .* \(268435456\); split the corpus"):
        choosing.check_size((1 << 28) + 1)
    choosing.check_size(1 << 28)
