"""Exact overlap equals the oracle; the match rule is applied to the letter."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import oracle
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import any_text, column, corpus, sentences

from dedup import overlap, text
from dedup.article import EXCERPT, NEAR, RELATIONS
from dedup.overlap import Overlap, Rule

texts = st.lists(st.one_of(sentences, any_text), min_size=2, max_size=6)


def overlaps(originals: list[str], pairs: list[tuple[int, int]], size: int = 5) -> Overlap:
    """Overlap of (longer, shorter) pairs, which must come with the equal shorter ones together."""
    tokens = text.tokenise(text.views(column(originals)))
    longer, shorter = np.array(pairs, np.int64).reshape(-1, 2).T
    return overlap.overlaps(tokens, longer, shorter, size)


@given(texts, st.integers(1, 7))
def test_equals_the_oracle(originals: list[str], size: int) -> None:
    pairs = sorted(((i, j) for i in range(len(originals)) for j in range(len(originals))), key=lambda p: p[::-1])
    found = overlaps(originals, pairs, size)
    sets = [oracle.shingle_set(oracle.words(original), size) for original in originals]
    for number, (i, j) in enumerate(pairs):
        assert found.shared[number] == len(sets[i] & sets[j])
        assert (found.longer[number], found.shorter[number]) == (len(sets[i]), len(sets[j]))
        if sets[i] or sets[j]:
            assert found.resemblance[number] == oracle.set_resemblance(sets[i], sets[j])
        if sets[i] and sets[j]:
            assert found.longer_in_shorter[number] == oracle.set_containment(sets[i], sets[j])
            assert found.shorter_in_longer[number] == oracle.set_containment(sets[j], sets[i])


@given(texts)
def test_laws(originals: list[str]) -> None:
    pairs = sorted(combinations(range(len(originals)), 2), key=lambda p: p[::-1])
    found = overlaps(originals, pairs)
    back = overlaps(originals, sorted([(j, i) for i, j in pairs], key=lambda p: p[::-1]))
    order = {pair: n for n, pair in enumerate(sorted([(j, i) for i, j in pairs], key=lambda p: p[::-1]))}
    mirror = [order[j, i] for i, j in pairs]
    np.testing.assert_array_equal(found.resemblance, back.resemblance[mirror])
    np.testing.assert_array_equal(found.longer_in_shorter, back.shorter_in_longer[mirror])
    assert ((found.resemblance >= 0) & (found.resemblance <= 1)).all()
    assert (found.resemblance <= found.longer_in_shorter).all()
    assert (found.resemblance <= found.shorter_in_longer).all()
    assert (found.longer_in_shorter <= 1).all()
    assert (found.shorter_in_longer <= 1).all()
    sets = [oracle.shingle_set(oracle.words(original)) for original in originals]
    equal = [sets[i] == sets[j] and len(sets[i]) > 0 for i, j in pairs]
    assert (found.resemblance == 1).tolist() == equal


@pytest.mark.parametrize("seed", range(4))
def test_a_corpus_equals_the_oracle(seed: int) -> None:
    """Hundreds of pairs in one call: the table of shingles is shared among them."""
    originals = [original or "" for original in corpus(seed)["text"].to_pylist()]
    pairs = sorted(combinations(range(len(originals)), 2), key=lambda p: p[::-1])
    found = overlaps(originals, pairs)
    sets = [oracle.shingle_set(oracle.words(original)) for original in originals]
    assert found.shared.tolist() == [len(sets[i] & sets[j]) for i, j in pairs]
    assert found.shared.max() > 50


def test_a_bucket_that_spills() -> None:
    """Shingles of which 30 belong into one bucket of eight, and some of which the other text has not."""
    random = np.random.default_rng(3)
    drawn = random.integers(1, 2**63, 20_000, dtype=np.uint64)
    crowded = [int(token) for token in drawn if (oracle.avalanche(int(token)) >> 20) % 16 == 15][:30]
    assert len(crowded) == 30
    hashes = np.array([0, *crowded, 0, *crowded[:10], *crowded[:5], 77, *range(900, 905)], np.uint64)
    places = np.array([0, 31, len(hashes)], np.int64)
    tokens = text.Tokens(hashes, np.empty(0, np.int32), np.empty(0, np.int32), places)
    for longer, shorter in ((0, 1), (1, 0)):
        found = overlap.overlaps(tokens, np.array([longer]), np.array([shorter]), 1)
        sizes = {0: 31, 1: 17}
        assert (found.shared[0], found.longer[0], found.shorter[0]) == (11, sizes[longer], sizes[shorter])


RULE = Rule(near=0.8, excerpt=0.6, shingles=40)


# The rule -------------------------------------------------------------------------------------------------------------


def decide(shared: int, longer: int, shorter: int) -> str | None:
    made = Overlap(*(np.array([value]) for value in (shared, longer, shorter)))
    found = overlap.matches(np.array([0]), np.array([1]), made, RULE)
    assert len(found) in (0, 1)
    return RELATIONS[found.relation[0]] if len(found) else None


@pytest.mark.parametrize(
    ("shared", "longer", "shorter", "relation"),
    [
        (80, 100, 80, "near"),  # exactly at the threshold
        (79, 100, 79, "excerpt"),
        (80, 100, 81, "excerpt"),
        (24, 1000, 40, "excerpt"),  # exactly at both
        (23, 1000, 40, None),
        (39, 1000, 39, None),  # too short for an excerpt
        (3, 3, 3, "near"),  # but not for a near copy
        (40, 41, 100, None),  # the longer, by words, in the shorter is no excerpt
        (0, 0, 0, None),
    ],
)
def test_the_rule(shared: int, longer: int, shorter: int, relation: str | None) -> None:
    assert decide(shared, longer, shorter) == relation


def test_the_score_is_what_the_relation_rests_on() -> None:
    made = Overlap(np.array([90, 50]), np.array([100, 500]), np.array([95, 60]))
    found = overlap.matches(np.array([0, 0]), np.array([1, 2]), made, RULE)
    assert found.relation.tolist() == [NEAR, EXCERPT]
    assert found.score.tolist() == [90 / 105, 50 / 60]


def test_merge_orders_the_pairs() -> None:
    def part(longer: int, shorter: int, shared: int) -> overlap.Matches:
        made = Overlap(np.array([shared]), np.array([100]), np.array([100]))
        return overlap.Matches(np.array([longer]), np.array([shorter]), np.array([NEAR], np.int8), made)

    found = overlap.merge([part(1, 2, 91), part(0, 3, 92), part(0, 1, 93)])
    assert list(zip(found.longer.tolist(), found.shorter.tolist(), found.overlap.shared.tolist(), strict=True)) == [
        (0, 1, 93),
        (0, 3, 92),
        (1, 2, 91),
    ]
    assert len(overlap.merge([])) == 0
