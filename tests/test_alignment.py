"""Alignment against its formulas, written out with dense matrices."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dedup.alignment import (
    EVIDENCE,
    FEATURES,
    NO_DATE,
    Profiles,
    blocks,
    contrast,
    features,
    holders,
    local_weights,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

HOUR = 3_600_000_000
seeds = st.integers(0, 1 << 32)


# ----------------------------------------------------------------------------------------------------- random profiles


@dataclass
class Story:
    """An article as a person would write it down; terms are numbers."""

    sentences: list[list[int]]
    numbers: list[int]
    published: int
    outlet: int
    group: int

    @property
    def terms(self) -> list[int]:
        """Return the distinct terms, ascending."""
        return sorted({term for sentence in self.sentences for term in sentence})

    @property
    def lead(self) -> set[int]:
        """Return the terms of the title and three more sentences."""
        return {term for sentence in self.sentences[:4] for term in sentence}

    def frequency(self, term: int) -> float:
        """Return 1 + log of the occurrences, the title counted twice."""
        count = sum(term in sentence for sentence in self.sentences) + (term in self.sentences[0])
        return 1 + float(np.log(count))


def stories(random: np.random.Generator, count: int, sentences: int = 7, vocabulary: int = 40) -> list[Story]:
    """Draw articles, a few of them empty, undated, without outlet or copies of others."""
    return [
        Story(
            sentences=[
                sorted(random.choice(vocabulary, size=int(random.integers(6)), replace=False).tolist())
                for _ in range(int(random.integers(sentences)))
            ],
            numbers=sorted(random.choice(20, size=int(random.integers(5)), replace=False).tolist()),
            published=NO_DATE if random.random() < 0.2 else int(random.integers(72)) * HOUR,
            outlet=int(random.integers(-1, 3)),
            group=int(random.integers(count)) if random.random() < 0.3 else number,
        )
        for number in range(count)
    ]


def places(lengths: list[int]) -> NDArray[np.int64]:
    return np.cumsum([0, *lengths]).astype(np.int64)


def flat(lists: list[Any], kind: Any) -> NDArray[Any]:
    return np.array([value for values in lists for value in values], kind)


def profiles(articles: list[Story], random: np.random.Generator, vocabulary: int = 40, dimensions: int = 9) -> Profiles:
    vectors = random.normal(size=(vocabulary // 2, dimensions)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    row = np.full(vocabulary, -1, np.int32)
    row[random.permutation(vocabulary)[: len(vectors)]] = np.arange(len(vectors))
    sentences = [
        [article.terms.index(term) for term in sentence] for article in articles for sentence in article.sentences
    ]
    terms = [article.terms for article in articles]
    return Profiles(
        sentence_places=places([len(article.sentences) for article in articles]),
        has_title=np.ones(len(articles), np.bool_),
        term_places=places([len(sentence) for sentence in sentences]),
        sentence_terms=flat(sentences, np.int32),
        article_places=places([len(entry) for entry in terms]),
        article_terms=flat(terms, np.int32),
        frequency=flat([[article.frequency(term) for term in article.terms] for article in articles], np.float32),
        lead=flat([[term in article.lead for term in article.terms] for article in articles], np.bool_),
        number_places=places([len(article.numbers) for article in articles]),
        numbers=flat([article.numbers for article in articles], np.int32),
        weight=random.uniform(0.1, 6, vocabulary).astype(np.float32),
        vector_row=row,
        vectors=vectors,
        published=np.array([article.published for article in articles], np.int64),
        outlet=np.array([article.outlet for article in articles], np.int32),
        group=np.array([article.group for article in articles], np.int64),
    )


def every_pair(count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    left, right = np.triu_indices(count, 1)
    return left.astype(np.int64), right.astype(np.int64)


def drawn(seed: int, count: int = 8, **shape: int) -> tuple[list[Story], Profiles]:
    random = np.random.default_rng(seed)
    articles = stories(random, count)
    return articles, profiles(articles, random, **shape)


# -------------------------------------------------------------------------------------------------- formulas, literally


def expected_local(articles: list[Story], table: Profiles, pairs: list[tuple[int, int]]) -> list[dict[int, float]]:
    local = []
    for number, article in enumerate(articles):
        others = {b if a == number else a for a, b in pairs if number in (a, b)}
        groups: dict[int, int] = {}
        for other in sorted(others):
            if articles[other].group != article.group:
                groups.setdefault(articles[other].group, other)
        near = [article, *(articles[other] for other in groups.values())]
        local.append(
            {
                term: max(
                    0.05,
                    np.log(
                        (len(near) + 30)
                        / (sum(term in other.terms for other in near) + 30 * np.exp(-float(table.weight[term])))
                    ),
                )
                for term in article.terms
            }
        )
    return local


@dataclass
class View:
    """An article under one weighting: rows of unit length."""

    weights: NDArray[np.float64]  # by term of the vocabulary, 0 where the article has it not
    lexical: NDArray[np.float64]
    vectors: NDArray[np.float64]
    whole: NDArray[np.float64]


def unit(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    scaled: NDArray[np.float64] = rows / (np.linalg.norm(rows, axis=-1, keepdims=True) + 1e-6)
    return scaled


def view(article: Story, weights: dict[int, float], table: Profiles) -> View:
    size = len(table.weight)
    dense = np.zeros(size)
    frequency = np.zeros(size)
    for term, value in weights.items():
        dense[term], frequency[term] = value, article.frequency(term)
    present = np.zeros((max(1, len(article.sentences)), size))
    for number, sentence in enumerate(article.sentences):
        present[number, sentence] = 1
    vectors = np.where(table.vector_row[:, None] >= 0, table.vectors[table.vector_row], 0)
    return View(dense, unit(present * dense), unit((present * dense) @ vectors), unit(frequency * dense))


def cover(similarity: NDArray[np.float64]) -> float:
    total = 0.0
    for matrix in (similarity, similarity.T):
        attention = 1 / np.log2(2 + np.arange(len(matrix)))
        total += float(matrix.max(axis=1) @ attention / attention.sum()) / 2
    return total


def expected_evidence(
    one: Story, two: Story, local: tuple[dict[int, float], dict[int, float]], table: Profiles, match: float
) -> list[float]:
    views = {
        "global": [view(article, {t: float(table.weight[t]) for t in article.terms}, table) for article in (one, two)],
        "local": [view(article, weights, table) for article, weights in zip((one, two), local, strict=True)],
    }
    lexical = {name: a.lexical @ b.lexical.T for name, (a, b) in views.items()}
    both = {name: 0.7 * lexical[name] + 0.3 * np.maximum(a.vectors @ b.vectors.T, 0) for name, (a, b) in views.items()}
    a, b = views["local"]
    common = set(one.terms) & set(two.terms)

    def found(article: Story, weights: NDArray[np.float64]) -> float:
        lead = article.lead
        return float(sum(weights[t] for t in lead & common) / (sum(weights[t] for t in lead) + 1e-6))

    parts = [
        (cover(lexical["local"]), 0.03),
        (cover(lexical["global"]), 0.03),
        ((found(one, a.weights) + found(two, b.weights)) / 2, 0.1),
        (float(a.whole @ b.whole), 0.03),
        (float(both["local"].max(axis=1).mean() + both["local"].max(axis=0).mean()) / 2, 0.05),
    ]
    shared_numbers = len(set(one.numbers) & set(two.numbers))
    heavy = sum(float(table.weight[t]) for t in one.lead & two.lead)
    either = sum(float(table.weight[t]) for lead in (one.lead, two.lead) for t in lead) - heavy
    dated = NO_DATE not in (one.published, two.published)
    return [
        float(np.mean([np.log(value + little) for value, little in parts])),
        shared_numbers / (min(len(one.numbers), len(two.numbers)) + 1),
        float(np.log(heavy / (either + 1e-6) + 0.1)),
        float(min((both["global"].max(axis=1) > match).mean(), (both["global"].max(axis=0) > match).mean())),
        float(one.outlet == two.outlet >= 0),
        float(np.log1p(abs(one.published - two.published) / HOUR / 6)) if dated else 0.0,
        float(not dated),
    ]


# ---------------------------------------------------------------------------------------------------------------- tests


@given(seeds, st.floats(0.1, 1))
def test_local_weights_are_the_rarity_among_neighbours(seed: int, share: float) -> None:
    articles, table = drawn(seed)
    left, right = every_pair(len(articles))
    kept = np.random.default_rng(seed).random(len(left)) < share
    left, right = left[kept], right[kept]
    expected = expected_local(articles, table, list(zip(left.tolist(), right.tolist(), strict=True)))
    found = local_weights(table, holders(table, left, right))
    assert found == pytest.approx(flat([list(weights.values()) for weights in expected], np.float64), abs=1e-5)


@given(seeds, st.sampled_from([1, 9, 128, 200]))
def test_evidence_is_what_the_formulas_say(seed: int, dimensions: int) -> None:
    articles, table = drawn(seed, count=5, dimensions=dimensions)
    left, right = every_pair(len(articles))
    pairs = list(zip(left.tolist(), right.tolist(), strict=True))
    local = expected_local(articles, table, pairs)
    found = features(table, local_weights(table, holders(table, left, right)), left, right)
    for (a, b), row in zip(pairs, found.astype(np.float64), strict=True):
        # Whether a similarity of exactly the threshold matches hangs on the last bit.
        low = expected_evidence(articles[a], articles[b], (local[a], local[b]), table, match=0.4 + 1e-4)
        high = expected_evidence(articles[a], articles[b], (local[a], local[b]), table, match=0.4 - 1e-4)
        assert low[3] - 1e-6 <= row[3] <= high[3] + 1e-6
        assert np.delete(row, 3) == pytest.approx(np.delete(high, 3), abs=2e-4)


@given(seeds)
def test_evidence_is_symmetric_and_within_its_ranges(seed: int) -> None:
    articles, table = drawn(seed)
    left, right = every_pair(len(articles))
    local = local_weights(table, holders(table, left, right))
    found = dict(zip(EVIDENCE, features(table, local, left, right).T, strict=True))
    mirrored = dict(zip(EVIDENCE, features(table, local, right, left).T, strict=True))
    for name, values in found.items():
        assert values == pytest.approx(mirrored[name], abs=1e-5), name
    ranges = {"closeness": (-3.17, 0.05), "lead": (-2.31, 0.1), "gap": (0, 10)}
    for name, values in found.items():
        lowest, highest = ranges.get(name, (0, 1))
        assert (values >= lowest).all(), name
        assert (values <= highest).all(), name


@given(seeds, st.integers(1, 50), st.integers(1, 20_000))
def test_blocks_hold_every_pair_once_and_change_nothing(seed: int, most: int, room: int) -> None:
    articles, table = drawn(seed)
    left, right = every_pair(len(articles))
    local = local_weights(table, holders(table, left, right))
    pieces = blocks(table, left, right, room=room, most=most)
    assert sorted(np.concatenate(pieces).tolist()) == list(range(len(left)))
    assert max(len(piece) for piece in pieces) <= most
    whole = features(table, local, left, right)
    for piece in pieces:
        assert np.array_equal(features(table, local, left[piece], right[piece]), whole[piece])


def of_one(articles: list[Story]) -> dict[str, float]:
    """Return the evidence of two articles; every term has a vector."""
    table = profiles(articles, np.random.default_rng(1))
    table = replace(table, vector_row=np.arange(len(table.weight), dtype=np.int32) % len(table.vectors))
    left, right = every_pair(2)
    row = features(table, local_weights(table, holders(table, left, right)), left, right)[0]
    return dict(zip(EVIDENCE, row.tolist(), strict=True))


ARTICLE = Story(sentences=[[1, 2, 3], [2, 4, 5, 6], [7, 8]], numbers=[3, 5], published=0, outlet=1, group=0)


def test_the_same_words_in_another_outlet_are_as_close_as_can_be() -> None:
    found = of_one([ARTICLE, replace(ARTICLE, group=1, outlet=2, published=6 * HOUR)])
    expected = np.mean(np.log([1.03, 1.03, 1.1, 1.03, 1.05]))
    assert found == pytest.approx(
        {
            "closeness": expected,
            "numbers": 2 / 3,
            "lead": np.log(1.1),
            "counterparts": 1,
            "same_outlet": 0,
            "gap": np.log(2),
            "no_date": 0,
        },
        abs=1e-4,
    )


@pytest.mark.parametrize("sentences", [[], [[]], [[9, 10]]])
def test_an_empty_or_foreign_article_has_nothing_in_common(sentences: list[list[int]]) -> None:
    found = of_one([replace(ARTICLE, sentences=[[1, 2, 3]]), Story(sentences, [], 0, 2, 1)])
    assert found["counterparts"] == found["numbers"] == 0
    assert found["lead"] == pytest.approx(np.log(0.1))
    assert found["closeness"] < -2.5


def test_two_empty_articles() -> None:
    empty = Story([], [], NO_DATE, -1, 0)
    found = of_one([empty, replace(empty, group=1)])
    assert np.isfinite(list(found.values())).all()
    assert (found["same_outlet"], found["gap"], found["no_date"]) == (0, 0, 1)


def test_one_sentence_against_many() -> None:
    many = replace(ARTICLE, sentences=[[1, 2, 3], [4, 5], [7, 8]], group=1)
    found = of_one([replace(ARTICLE, sentences=[[1, 2, 3]]), many])
    assert found["counterparts"] == pytest.approx(1 / 3)  # of the smaller direction


def test_one_outlet_and_an_unknown_one() -> None:
    assert of_one([ARTICLE, replace(ARTICLE, group=1)])["same_outlet"] == 1
    assert of_one([replace(ARTICLE, outlet=-1), replace(ARTICLE, outlet=-1, group=1)])["same_outlet"] == 0


def test_dates_of_any_age() -> None:
    far = np.iinfo(np.int64).max
    assert of_one([replace(ARTICLE, published=1 - far), replace(ARTICLE, published=far, group=1)])["gap"] > 10
    assert of_one([replace(ARTICLE, published=NO_DATE), replace(ARTICLE, group=1)])["gap"] == 0


@given(seeds)
def test_contrast_is_the_distance_to_the_best_of_either(seed: int) -> None:
    articles, table = drawn(seed)
    left, right = every_pair(len(articles))
    columns = features(table, local_weights(table, holders(table, left, right)), left, right)
    found = contrast(columns, left, right, table.group)
    assert np.array_equal(found[:, : len(EVIDENCE)], columns)
    value = columns[:, 0] + 0.5 * columns[:, 1]
    group = table.group
    best = [
        max((v for v, a, b in zip(value, left, right, strict=True) if n in (a, b) and group[a] != group[b]), default=-9)
        for n in range(len(articles))
    ]
    behind = [
        sorted(min(0.0, float(v - best[side])) for side in (a, b)) for v, a, b in zip(value, left, right, strict=True)
    ]
    assert found[:, FEATURES.index("beside_best_max")] == pytest.approx([high for _, high in behind], abs=1e-6)
    assert found[:, FEATURES.index("beside_best_min")] == pytest.approx([low for low, _ in behind], abs=1e-6)


def test_no_pairs_and_no_articles() -> None:
    for count in (0, 3):
        articles, table = drawn(1, count)
        assert len(table) == len(articles) == count
        none = np.empty(0, np.int64)
        local = local_weights(table, holders(table, none, none))
        assert len(local) == len(table.article_terms)
        assert blocks(table, none, none) == []
        columns = features(table, local, none, none)
        assert columns.shape == (0, len(EVIDENCE))
        assert contrast(columns, none, none, table.group).shape == (0, len(FEATURES))
