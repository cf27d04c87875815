"""Stories against dense average linkage; the model file."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dedup.alignment import FEATURES
from dedup.errors import SettingsError
from dedup.stories import FLOOR, Model, Stories, link, score

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

hierarchy = pytest.importorskip("scipy.cluster.hierarchy")
seeds = st.integers(0, 1 << 32)
cuts = st.floats(0.05, 0.6)


class Graph(NamedTuple):
    """Pairs of articles with their probabilities, and the articles' copy groups."""

    left: NDArray[np.int64]
    right: NDArray[np.int64]
    probability: NDArray[np.float64]
    group: NDArray[np.int64]

    def link(self, cut: float = 0.275) -> Stories:
        """Link with the usual cut."""
        return link(self.left, self.right, self.probability, self.group, cut)


def graph(seed: int, most: int = 24, *, copies: bool = True) -> Graph:
    random = np.random.default_rng(seed)
    count = int(random.integers(1, most))
    present = np.triu(random.random((count, count)) < random.random(), 1)
    left, right = np.nonzero(present)
    topic = random.integers(4, size=count)  # makes dense parts
    probability = np.where(topic[left] == topic[right], random.uniform(0.2, 1, len(left)), random.random(len(left)) / 3)
    group = np.where(random.random(count) < 0.3, random.integers(count, size=count), np.arange(count))
    return Graph(left, right, probability, group if copies else np.arange(count))


def between_groups(pairs: Graph) -> NDArray[np.float64]:
    """Return the dense matrix of mean probabilities between copy groups."""
    count = len(pairs.group)
    total = np.zeros((count, count))
    for a, b, p in zip(pairs.left, pairs.right, pairs.probability, strict=True):
        if pairs.group[a] != pairs.group[b]:
            total[pairs.group[a], pairs.group[b]] += p
            total[pairs.group[b], pairs.group[a]] += p
    size = np.maximum(1, np.bincount(pairs.group, minlength=count))
    mean: NDArray[np.float64] = total / np.outer(size, size)
    return np.where(mean > FLOOR, mean, 0)


def parts(labels: NDArray[np.int64]) -> set[frozenset[int]]:
    return {frozenset(np.flatnonzero(labels == label).tolist()) for label in np.unique(labels)}


# ----------------------------------------------------------------------------------------------------------- clustering


@given(seeds, cuts)
def test_stories_are_those_of_dense_average_linkage(seed: int, cut: float) -> None:
    pairs = graph(seed)
    groups = np.unique(pairs.group)
    distance = 1 - between_groups(pairs)[np.ix_(groups, groups)]
    labels = np.zeros(len(pairs.group), np.int64)
    joins = np.empty((0, 4))
    if len(groups) > 1:
        joins = hierarchy.linkage(distance[np.triu_indices(len(groups), 1)], "average")
        labels[groups] = hierarchy.fcluster(joins, 1 - cut, "distance")
    found = pairs.link(cut)
    assert parts(found.story) == parts(labels[pairs.group])
    joined = {1 - d for _, _, d, _ in joins if d <= 1 - cut}
    assert all(any(abs(value - w) < 1e-6 for w in joined) for value in found.weakest[np.isfinite(found.weakest)])


@given(seeds, cuts)
def test_figures_of_a_story(seed: int, cut: float) -> None:
    pairs = graph(seed)
    mean = between_groups(pairs)
    found = pairs.link(cut)
    for members in parts(found.story):
        article = min(members)
        assert all(found.story[member] == article for member in members)
        groups = sorted({int(pairs.group[member]) for member in members})
        if len(groups) == 1:
            assert np.isnan(found.cohesion[article])
            assert np.isnan(found.weakest[article])
            continue
        inside = mean[np.ix_(groups, groups)][np.triu_indices(len(groups), 1)]
        assert found.cohesion[list(members)] == pytest.approx(inside.mean(), abs=1e-6)
        assert cut - 1e-6 <= found.weakest[article] <= found.cohesion[article] + 1e-6


@given(seeds, cuts)
def test_a_witness_is_the_most_probable_partner_in_the_story(seed: int, cut: float) -> None:
    pairs = graph(seed)
    found = pairs.link(cut)
    for article in range(len(pairs.group)):
        partners = [
            (-p, b if a == article else a)
            for a, b, p in zip(pairs.left.tolist(), pairs.right.tolist(), pairs.probability, strict=True)
            if article in (a, b) and found.story[a] == found.story[b] and pairs.group[a] != pairs.group[b]
        ]
        expected = min(partners)[1] if partners and found.story[article] != article else -1
        assert found.witness[article] == expected


@given(seeds, cuts)
def test_numbers_and_order_of_articles_do_not_matter(seed: int, cut: float) -> None:
    pairs = graph(seed)
    random = np.random.default_rng(seed)
    moved, order = random.permutation(len(pairs.group)), random.permutation(len(pairs.left))
    group = np.empty_like(pairs.group)
    group[moved] = random.permutation(len(pairs.group))[pairs.group]
    other = Graph(moved[pairs.right[order]], moved[pairs.left[order]], pairs.probability[order], group)
    one, two = pairs.link(cut), other.link(cut)
    assert parts(one.story) == parts(two.story[moved])
    assert np.array_equal(one.cohesion, two.cohesion[moved], equal_nan=True)
    assert np.array_equal(one.weakest, two.weakest[moved], equal_nan=True)


@pytest.mark.parametrize(("bridge", "story"), [(0.8, [0] * 5 + [5] * 5), (0.99, [0] * 6 + [6] * 4)])
def test_one_bridge_does_not_join_two_stories(bridge: float, story: list[int]) -> None:
    left, right = np.triu_indices(10, 1)
    inside, across = left // 5 == right // 5, (left == 4) & (right == 5)
    kept = inside | across
    pairs = Graph(left[kept], right[kept], np.where(across, bridge, 0.9)[kept], np.arange(10))
    assert pairs.link().story.tolist() == story  # a bridge above all else takes its end along, nothing more


def test_copies_share_a_story_and_weigh_with_all_their_pairs() -> None:
    group = np.array([0, 0, 0, 3])
    one_of_three = Graph(np.array([0]), np.array([3]), np.array([0.6]), group)  # a mean of 0.2
    assert one_of_three.link().story.tolist() == [0, 0, 0, 3]
    two_of_three = Graph(np.array([0, 1]), np.array([3, 3]), np.array([0.6, 0.6]), group)  # a mean of 0.4
    found = two_of_three.link()
    assert found.story.tolist() == [0, 0, 0, 0]
    assert found.witness.tolist() == [-1, 3, -1, 0]
    assert found.cohesion == pytest.approx([0.4] * 4)


def test_equal_similarities_go_to_the_smallest_articles() -> None:
    chain = Graph(np.array([0, 1, 2]), np.array([1, 2, 3]), np.full(3, 0.5), np.arange(4))
    assert chain.link(0.3).story.tolist() == [0, 0, 2, 2]


@pytest.mark.parametrize("count", [0, 1, 3])
def test_without_pairs_every_article_is_its_own_story(count: int) -> None:
    none = np.empty(0, np.int64)
    found = link(none, none, np.empty(0), np.arange(count), 0.275)
    assert found.story.tolist() == list(range(count))
    assert found.witness.tolist() == [-1] * count
    assert np.isnan(found.cohesion).all()


def test_a_component_of_20_000_articles_is_quick() -> None:
    count, story = 20_000, 10
    random = np.random.default_rng(1)
    one, two = np.triu_indices(story, 1)
    starts = np.arange(0, count, story)[:, None]
    links = random.integers(count, size=(2, 10 * count))
    links = links[:, links[0] // story < links[1] // story]
    _, kept = np.unique(links[0] * count + links[1], return_index=True)
    left = np.concatenate([(starts + one).ravel(), links[0, kept]])
    right = np.concatenate([(starts + two).ravel(), links[1, kept]])
    inside = left // story == right // story
    pairs = Graph(left, right, np.where(inside, 0.9, random.uniform(0.1, 0.4, len(left))), np.arange(count))
    graph(1).link()  # compiles
    start = time.perf_counter()
    found = pairs.link()
    assert time.perf_counter() - start < 2
    assert found.story.tolist() == (np.arange(count) // story * story).tolist()


# ---------------------------------------------------------------------------------------------------------------- model


def test_the_packaged_model_uses_every_feature() -> None:
    model = Model.load()
    assert sorted(model.names) == sorted(FEATURES)
    assert 0 < model.cut < 1


@given(seeds)
def test_a_score_is_the_logistic_function_of_the_features(seed: int) -> None:
    model = Model.load()
    columns = np.random.default_rng(seed).normal(size=(4, len(FEATURES))).astype(np.float32)
    found = score(columns, model)
    for row, value in zip(columns.tolist(), found, strict=True):
        named = dict(zip(FEATURES, row, strict=True))
        total = model.bias + sum(c * named[name] for name, c in zip(model.names, model.coefficients, strict=True))
        assert value == pytest.approx(1 / (1 + np.exp(-total)))
        assert 0 <= value <= 1


def test_a_model_may_use_some_features() -> None:
    model = Model(("gap",), (-1.0,), 0.0, 0.5)
    columns = np.zeros((2, len(FEATURES)), np.float32)
    columns[1, FEATURES.index("gap")] = 2
    assert score(columns, model) == pytest.approx([0.5, 1 / (1 + np.exp(2))])


def test_a_model_is_written_and_read(tmp_path: Path) -> None:
    model = Model(("gap", "lead"), (-1.25, 2.5), 0.125, 0.3)
    model.write(tmp_path / "model.json")
    assert Model.load(tmp_path / "model.json") == model


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{}",
        '{"coefficients": [1], "bias": 0, "cut": 0.3}',
        '{"coefficients": {"gap": "?"}, "bias": 0, "cut": 0.3}',
    ],
)
def test_a_file_that_is_no_model_is_refused(tmp_path: Path, content: str) -> None:
    file = tmp_path / "model.json"
    file.write_text(content)
    with pytest.raises(SettingsError, match=r"model\.json is not a story model"):
        Model.load(file)


def test_a_missing_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="is not a story model"):
        Model.load(tmp_path / "none.json")


def test_a_model_that_cannot_be_computed_is_refused() -> None:
    with pytest.raises(SettingsError, match="unknown feature 'charm'"):
        Model(("charm",), (1.0,), 0.0, 0.5)
    with pytest.raises(SettingsError, match="cut 0"):
        Model(("gap",), (1.0,), 0.0, 0.0)
