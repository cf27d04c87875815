"""Copy groups equal the oracle's, and the connected components of the witness edges."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import networkx as nx
import numpy as np
import oracle
from hypothesis import given
from hypothesis import strategies as st

from dedup.article import RELATIONS
from dedup.cluster import copy_groups
from dedup.overlap import Matches, Overlap

if TYPE_CHECKING:
    from random import Random

TEXTS = 12


@st.composite
def some_matches(draw: st.DrawFn) -> list[oracle.Match]:
    """Draw matches with ties in relation and score, in any order."""
    pairs = draw(st.lists(st.sampled_from(list(combinations(range(TEXTS), 2))), unique=True, max_size=30))
    return [
        oracle.Match(i, j, draw(st.sampled_from(["near", "excerpt"])), n / 20, n / 20, n / 20)
        for i, j in pairs
        for n in [draw(st.integers(12, 20))]
    ]


def product(matches: list[oracle.Match]) -> Matches:
    """Return the same matches as the product holds them: 20 shingles on the shorter side."""
    shared = np.array([round(match.resemblance * 20) for match in matches], np.int64)
    full = np.full(len(matches), 20)
    near = np.array([match.relation == "near" for match in matches], bool)
    return Matches(
        np.array([match.longer for match in matches], np.int64),
        np.array([match.shorter for match in matches], np.int64),
        np.array([RELATIONS.index(match.relation) for match in matches], np.int8),
        Overlap(shared, np.where(near, shared, full), full),  # so that resemblance is shared / 20, too
    )


@given(some_matches())
def test_the_scores_are_as_drawn(matches: list[oracle.Match]) -> None:
    assert product(matches).score.tolist() == [match.score for match in matches]


@given(some_matches())
def test_equal_the_oracle(matches: list[oracle.Match]) -> None:
    groups = copy_groups(product(matches), TEXTS)
    assert groups.root.tolist() == oracle.roots(matches, TEXTS)
    admitted = [None if w < 0 else matches[w] for w in groups.witness.tolist()]
    assert admitted == oracle.witnesses(matches, TEXTS)


@given(some_matches())
def test_equal_networkx_on_the_witness_edges(matches: list[oracle.Match]) -> None:
    groups = copy_groups(product(matches), TEXTS)
    graph = nx.Graph()
    graph.add_nodes_from(range(TEXTS))
    graph.add_edges_from((text, matches[w].longer) for text, w in enumerate(groups.witness.tolist()) if w >= 0)
    found = {frozenset(np.flatnonzero(groups.root == root).tolist()) for root in groups.root.tolist()}
    assert found == {frozenset(component) for component in nx.connected_components(graph)}


@given(some_matches(), st.randoms(use_true_random=False))
def test_the_order_of_the_matches_does_not_show(matches: list[oracle.Match], random: Random) -> None:
    shuffled = list(matches)
    random.shuffle(shuffled)
    one, two = copy_groups(product(matches), TEXTS), copy_groups(product(shuffled), TEXTS)
    assert one.root.tolist() == two.root.tolist()
    assert [matches[w] for w in one.witness if w >= 0] == [shuffled[w] for w in two.witness if w >= 0]


@given(some_matches())
def test_each_member_has_a_match_with_one_that_is_not_shorter(matches: list[oracle.Match]) -> None:
    groups = copy_groups(product(matches), TEXTS)
    for text, (root, witness) in enumerate(zip(groups.root.tolist(), groups.witness.tolist(), strict=True)):
        assert (root == text) == (witness < 0)
        if witness >= 0:
            assert matches[witness].shorter == text
            assert matches[witness].longer < text
            assert groups.root[matches[witness].longer] == root


def test_a_shared_excerpt_does_not_chain_two_texts() -> None:
    """Text 2 stands in both 0 and 1, which share no more than that: it goes with the better one alone."""
    bridge = [oracle.Match(0, 2, "excerpt", 0.65, 0.65, 0.65), oracle.Match(1, 2, "excerpt", 0.9, 0.9, 0.9)]
    assert copy_groups(product(bridge), 3).root.tolist() == [0, 1, 1]


def test_near_beats_a_higher_excerpt() -> None:
    two = [oracle.Match(0, 2, "excerpt", 1.0, 1.0, 1.0), oracle.Match(1, 2, "near", 0.8, 0.8, 0.8)]
    assert copy_groups(product(two), 3).root.tolist() == [0, 1, 1]
