"""Candidates within the window against all pairs; from outlines to stories."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dedup import rewrites as of_tellers
from dedup.alignment import NO_DATE
from dedup.background import Background
from dedup.profiles import Lists, Outlined, Outlines
from dedup.rewrites import SHARED, Chronicle, Means, candidates, rewrites
from dedup.stories import Model
from dedup.vocabulary import Tally, vocabulary
from dedup.work import Column, Work
from dedup.workers import Workers

HOUR = 3_600_000_000


class Teller(NamedTuple):
    """An article by its hour (None: undated) and its salient terms."""

    hour: float | None
    salient: frozenset[int]


def chronicle(articles: list[Teller], work: Work) -> Chronicle:
    """Return them as the product holds them; they must stand in order of time."""
    count = len(articles)
    salient = [sorted(article.salient) for article in articles]
    none = Lists(np.zeros(count + 1, np.int64), np.empty(0, np.int32))
    outlines = Outlines(
        np.zeros(count + 1, np.int64),
        np.zeros(count, np.bool_),
        Lists(np.zeros(1, np.int64), np.empty(0, np.int32)),
        none,
        np.empty(0, np.int32),
        np.empty(0, np.bool_),
        none,
        Lists(
            np.cumsum([0, *map(len, salient)], dtype=np.int64),
            np.array([term for terms in salient for term in terms], np.int32),
        ),
    )
    published = [NO_DATE if article.hour is None else round(article.hour * HOUR) for article in articles]
    outlined = Outlined(Column(np.int32))
    outlined.append(outlines)
    rows, nowhere = np.arange(count), np.full(count, -1, np.int32)
    return Chronicle.of(outlined, rows, np.array(published, np.int64), nowhere, rows, work)


def found(
    articles: list[Teller], hours: float = 48, most: int = 100, *, at_once: int | None = None
) -> tuple[list[tuple[int, int]], int]:
    """Look for partners, of so many articles at a time."""
    with Work(on_disk=False) as work, pytest.MonkeyPatch.context() as patch:
        if at_once is not None:
            patch.setattr(of_tellers, "_ASKED", at_once)
        left, right, capped = candidates(chronicle(articles, work), hours, most, Workers(1))
    pairs = list(zip(left.tolist(), right.tolist(), strict=True))
    assert [pair[::-1] for pair in pairs] == sorted(pair[::-1] for pair in pairs)  # neighbours are listed by it
    return sorted(pairs), capped


def expected(articles: list[Teller], hours: float, most: int) -> tuple[list[tuple[int, int]], int]:
    """Try all pairs."""
    pairs, capped = [], 0
    for later, article in enumerate(articles):
        partners = []
        for earlier, other in enumerate(articles[:later]):
            shared = len(article.salient & other.salient)
            undated = article.hour is None or other.hour is None
            if shared >= SHARED and (undated or article.hour - other.hour <= hours):  # type: ignore[operator]
                partners.append((-shared, -earlier))  # the likeliest first, of equals the nearest in time
        capped += len(partners) > most
        pairs += [(-earlier, later) for _, earlier in sorted(partners)[:most]]
    return sorted(pairs), capped


def by_time(articles: list[Teller]) -> list[Teller]:
    return sorted(articles, key=lambda article: (article.hour is None, article.hour or 0))


_hours = st.one_of(st.none(), st.sampled_from([-900_000.0, 0.0, 1.0, 47.9, 48.0, 48.1, 60.0, 96.0, 97.0, 1e6]))
_salient = st.one_of(
    st.frozensets(st.integers(0, 12), max_size=9),
    st.frozensets(st.integers(2**20 - 9, 2**20 - 1), max_size=8),  # lists are kept by number: a vocabulary is dense
    st.just(frozenset(range(48))),
)
_articles = st.lists(st.builds(Teller, _hours, _salient), max_size=14).map(by_time)


@given(_articles, st.sampled_from([0.1, 1.0, 48.0, 1e6]), st.sampled_from([1, 2, 3, 100]), st.sampled_from([1, 3, 99]))
@example([], 48.0, 100, 1)
@example([Teller(0.0, frozenset(range(5)))] * 8, 48.0, 3, 99)
@example([Teller(None, frozenset(range(5)))] * 8, 48.0, 3, 2)
def test_candidates_equal_all_pairs(articles: list[Teller], hours: float, most: int, at_once: int) -> None:
    assert found(articles, hours, most, at_once=at_once) == expected(articles, hours, most)


@pytest.mark.parametrize("seed", range(3))
def test_candidates_of_many(seed: int) -> None:
    random = np.random.default_rng(seed)
    articles = by_time(
        [
            Teller(
                None if random.random() < 0.05 else float(random.integers(24 * 14)),
                frozenset((random.zipf(1.3, size=48) % 4000).tolist()),
            )
            for _ in range(250)
        ]
    )
    for most in (5, 1000):
        pairs, capped = found(articles, 48, most)
        assert (pairs, capped) == expected(articles, 48, most)
        assert (capped > 0) == (most == 5)


def test_three_shared_terms_are_enough() -> None:
    story = [Teller(0.0, frozenset({1, 2, 3, 4})), Teller(1.0, frozenset({2, 3, 4, 9})), Teller(2.0, frozenset({3, 4}))]
    assert found(story) == ([(0, 1)], 0)
    assert SHARED == 3


def test_the_window_is_inclusive() -> None:
    terms = frozenset({1, 2, 3})
    assert found([Teller(0.0, terms), Teller(48.0, terms), Teller(96.001, terms)]) == ([(0, 1)], 0)


def test_an_undated_article_pairs_with_any() -> None:
    terms = frozenset({1, 2, 3})
    articles = [Teller(0.0, terms), Teller(1e5, terms), Teller(None, terms), Teller(None, terms)]
    assert found(articles) == ([(0, 2), (0, 3), (1, 2), (1, 3), (2, 3)], 0)


def test_of_too_many_the_likeliest_stay() -> None:
    same, less = frozenset({1, 2, 3, 4}), frozenset({1, 2, 3, 9})
    articles = [Teller(0.0, same), Teller(1.0, less), Teller(2.0, less), Teller(3.0, same)]
    pairs, capped = found(articles, most=2)
    assert [pair for pair in pairs if pair[1] == 3] == [(0, 3), (2, 3)]  # four terms first, of equals the nearest
    assert capped == 1


# Outlets --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("outlets", "telling"),
    [
        ([0, 1, 2, 2, 1], [0, 1, 2, 2, 1]),
        ([0, 0, 1, 2], [-1, -1, 1, 2]),
        ([0, 0, 0], [-1, -1, -1]),
        ([-1, -1, -1, 0], [-1, -1, -1, 0]),
        ([-1, -1], [-1, -1]),
        ([], []),
    ],
)
def test_an_outlet_of_half_the_articles_says_nothing(outlets: list[int], telling: list[int]) -> None:
    assert of_tellers.telling(np.array(outlets, np.int32)).tolist() == telling


# All of it ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [0, 1, 3])
def test_articles_that_share_nothing_are_their_own_stories(count: int) -> None:
    known = Background.load()
    words = vocabulary(Tally(), known, np.empty(0, np.uint64))
    with Work(on_disk=False) as work:
        told = chronicle([Teller(float(n), frozenset()) for n in range(count)], work)
        made = rewrites(told, Model.load(), Means(words, known, 48, 100, Workers(1), work))
    assert made.stories.story.tolist() == list(range(count))
    assert made.stories.witness.tolist() == [-1] * count
    assert len(made.left) == len(made.right) == len(made.probability) == made.capped == 0
