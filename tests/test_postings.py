"""Candidates from shared keys equal brute force where no cap bites, and stay linear where one does."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dedup import candidates as choosing
from dedup import postings as listing
from dedup.candidates import Candidates
from dedup.errors import CorpusError
from dedup.postings import Keys as Listed
from dedup.postings import Postings, Room, postings
from dedup.work import Column
from dedup.workers import Workers

if TYPE_CHECKING:
    from numpy.typing import NDArray

WIDE = 1 << 20
ROOM = Room()
NONE = np.empty(0, np.uint64)
Keys = list[list[int]]


def run(keys: Keys, ranks: list[int] | None = None, cap: int = WIDE, room: Room = ROOM, blocks: int = 1) -> Postings:
    """List the texts that share a key; they are read in so many blocks."""
    values = Column(np.uint32)
    for text in keys:
        values.append(np.array(text, np.uint32))
    places = np.cumsum([0, *map(len, keys)], dtype=np.int64)
    bounds = np.linspace(0, len(keys), blocks + 1).astype(np.int64)
    listed = Listed(values, places, np.array(ranks or range(len(keys)), np.int32), bounds)
    return postings(listed, cap, Column(np.uint32), Column(np.uint64), room, Workers(2))


def pairs(found: Postings, known: NDArray[np.uint64] = NONE) -> NDArray[np.uint64]:
    """Return all pairs that share a key or are known."""
    return found.pairs(0, len(found.counts), known, np.ones(len(found.counts), np.uint8))


def chosen(found: Postings, needed: list[float], most: int = WIDE) -> set[tuple[int, int]]:
    least = choosing.least(np.array(needed))
    kept = Candidates.of(*choosing.choose(found.pairs(0, len(least), NONE, least), least, most))
    return set(zip(kept.longer.tolist(), kept.shorter.tolist(), strict=True))


def evidence(packed: NDArray[np.uint64]) -> dict[tuple[int, int], int]:
    """Return (longer, shorter) and the evidence of each pair."""
    return {(value >> 8 & 0xFFFFFFF, value >> 36): value & 0xFF for value in packed.tolist()}


some_keys = st.lists(st.lists(st.integers(0, 12) | st.just(2**32 - 1), max_size=8), min_size=1, max_size=12)


@given(some_keys, st.integers(1, 4))
def test_equal_brute_force(keys: Keys, needed: int) -> None:
    sets = [set(text) for text in keys]
    wanted = {(i, j) for i, j in combinations(range(len(keys)), 2) if len(sets[i] & sets[j]) >= needed}
    found = run(keys)
    assert chosen(found, [needed] * len(keys)) == wanted
    assert evidence(pairs(found)) == {
        (i, j): n for i, j in combinations(range(len(keys)), 2) if (n := len(sets[i] & sets[j]))
    }
    assert found.counts.tolist() == [len(keys) for keys in sets]
    assert found.capped == 0


@given(some_keys)
def test_ranks_name_the_texts(keys: Keys) -> None:
    ranks = list(reversed(range(len(keys))))
    found, straight = run(keys, ranks), run(list(reversed(keys)))
    assert pairs(found).tolist() == pairs(straight).tolist()
    assert found.counts.tolist() == straight.counts.tolist()


@given(some_keys)
def test_a_text_without_rank_is_left_out(keys: Keys) -> None:
    ranks = [-1, *range(len(keys) - 1)]
    assert pairs(run(keys, ranks)).tolist() == pairs(run(keys[1:])).tolist()


@pytest.mark.parametrize("cap", [1, 8])
def test_one_key_in_many_texts_is_linear(cap: int) -> None:
    found = run([[7, 8]] * 3000, cap=cap)
    assert found.capped == 2
    listed = evidence(pairs(found))
    assert set(listed.values()) == {2}
    assert set(listed) == {
        (longer, shorter)
        for shorter in range(3000)
        for longer in {*range(min(shorter, cap)), max(shorter - 1, 0)} - {shorter}
    }


def test_many_keys_are_sorted_in_parts() -> None:
    """A corpus of more keys than are sorted at a time gives the same."""
    random = np.random.default_rng(1)
    keys = [random.integers(0, 2**32, 20).tolist() for _ in range(40)]
    keys = [[*text, *keys[(i * 7) % 40][:5]] for i, text in enumerate(keys)]
    whole, parts = run(keys), run(keys, room=Room(64, 64), blocks=7)
    assert pairs(parts).tolist() == pairs(whole).tolist()
    assert parts.counts.tolist() == whole.counts.tolist()
    assert len(pairs(whole)) >= 30


@given(some_keys, st.integers(1, 40), st.integers(1, 40), st.integers(1, 3), st.integers(1, 5))
def test_ranges_change_nothing(keys: Keys, entries: int, mentions: int, cap: int, blocks: int) -> None:
    whole, room = run(keys, cap=cap), Room(entries, mentions)
    parts = run(keys, cap=cap, room=room, blocks=blocks)
    assert (parts.members.tolist(), parts.capped) == (whole.members.tolist(), whole.capped)
    ranges, least = parts.ranges(room), np.ones(len(keys), np.uint8)
    assert [first for first, _ in ranges] == [0, *[last for _, last in ranges[:-1]]]
    found = [parts.pairs(first, last, NONE, least) for first, last in ranges]
    assert np.concatenate(found).tolist() == pairs(whole).tolist()


def test_many_pairs_are_written_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(2)
    keys = [random.integers(0, 30, 8).tolist() for _ in range(60)]
    whole = pairs(run(keys))
    monkeypatch.setattr(listing, "_PAIRS", 1)
    assert pairs(run(keys)).tolist() == whole.tolist()
    assert len(whole) > 10 * 60


@given(some_keys, some_keys, st.integers(1, 4))
def test_what_is_known_is_added(keys: Keys, others: Keys, needed: int) -> None:
    """Evidence of two searches adds up as it does where both are gathered."""
    count = min(len(keys), len(others))
    one, two = run(keys[:count]), run(others[:count])
    both = choosing.gather([pairs(one), pairs(two)])
    kept = [value for value in both.tolist() if value & 0xFF >= needed]
    assert one.pairs(0, count, pairs(two), np.full(count, needed, np.uint8)).tolist() == kept


# The choice among candidates ------------------------------------------------------------------------------------------


def test_the_likeliest_are_compared() -> None:
    """Text 4 shares three keys with 2, two with 3, one with 0 and 1: of equals the longest is kept."""
    found = pairs(run([[1], [2], [1, 2, 3], [1, 2], [1, 2, 3]]))
    for most, wanted in [(1, {2}), (2, {2, 3}), (3, {0, 2, 3}), (4, {0, 1, 2, 3})]:
        kept = Candidates.of(*choosing.choose(found.copy(), np.ones(5, np.uint8), most))
        assert set(kept.longer[kept.shorter == 4].tolist()) == wanted
        assert (kept.capped > 0) == (most < 4)


def test_evidence_adds_up_and_stops_at_its_limit() -> None:
    found = run([list(range(400)), list(range(400))])
    assert found.counts.tolist() == [400, 400]
    assert chosen(found, [0.0, 1e9]) == {(0, 1)}
    assert evidence(pairs(found, pairs(found))) == {(0, 1): 255}


def test_a_band_hit_is_always_compared() -> None:
    found, needed = run([[1], [2]]), choosing.least(np.array([1e9, 1e9]))
    band = pairs(run([[1], [1]])) - np.uint64(choosing.KEY) + np.uint64(choosing.BAND)
    kept = Candidates.of(*choosing.choose(found.pairs(0, 2, band, needed), needed, 1))
    assert (kept.longer.tolist(), kept.shorter.tolist()) == ([0], [1])


def test_too_many_texts_are_refused() -> None:
    with pytest.raises(CorpusError, match=r"268435457 distinct texts .* \(268435456\); split the corpus"):
        choosing.check_size((1 << 28) + 1)
    choosing.check_size(1 << 28)
