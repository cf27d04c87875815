"""Terms are counted as a Counter counts them, and weighed as the formulas say."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dedup import vocabulary as module
from dedup.background import DIMENSIONS, VERSION, Background
from dedup.text import term_hash
from dedup.vocabulary import Tally, Vocabulary, vocabulary

if TYPE_CHECKING:
    from numpy.typing import NDArray

# The first and last numbers, and some that fall into one slot of a small table.
terms = st.one_of(st.integers(1, 50), st.sampled_from([2**64 - 1, 2**63, 1 << 40, (1 << 40) + 1]))
articles = st.lists(st.sets(terms, max_size=12), max_size=12)


def hashes(values: list[int]) -> NDArray[np.uint64]:
    return np.array(values, np.uint64)


def background(counts: dict[str, int], size: int = 10_000) -> Background:
    """Make a background of these document frequencies, with vectors for the words of more than five letters."""
    known = sorted((term_hash(word), count, len(word) > 5) for word, count in counts.items())
    places = np.full(len(known), -1, np.int32)
    rows = np.flatnonzero([vector for _, _, vector in known])
    places[rows] = np.arange(len(rows))
    return Background(
        version=VERSION,
        articles=size,
        sources=("test",),
        terms=hashes([term for term, _, _ in known]),
        counts=np.array([count for _, count, _ in known], np.float64),
        places=places,
        vectors=np.eye(max(1, len(rows)), DIMENSIONS, dtype=np.float32),
    )


def weighed(counts: dict[str, int], known: Background, size: int, short: tuple[str, ...] = ()) -> Vocabulary:
    """Weigh a corpus of ``size`` articles in which each word is in so many."""
    tally = Tally()
    for word, count in counts.items():
        tally.add(hashes([term_hash(word)] * count), 0)
    tally.articles = size
    return vocabulary(tally, known, np.sort(hashes([term_hash(word) for word in short])))


# Counting -------------------------------------------------------------------------------------------------------------


@given(articles, st.integers(1, 20))
def test_terms_are_counted(sets: list[set[int]], most: int) -> None:
    """However often the counts are put together."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_MERGE", most)
        tally = Tally()
        for held in sets:
            tally.add(hashes(list(held)), 1)
        found, counts = tally.counted()
    wanted = Counter(term for held in sets for term in held)
    assert tally.articles == len(sets)
    assert found.tolist() == sorted(wanted)
    assert counts.tolist() == [wanted[term] for term in sorted(wanted)]


def test_nothing_is_counted() -> None:
    found, counts = Tally().counted()
    assert (len(found), len(counts)) == (0, 0)


def test_counting_goes_on_after_a_look() -> None:
    tally = Tally()
    tally.add(hashes([3, 5]), 1)
    assert tally.counted()[1].tolist() == [1, 1]
    tally.add(hashes([5, 9]), 1)
    assert [values.tolist() for values in tally.counted()] == [[3, 5, 9], [1, 2, 1]]


# Numbers --------------------------------------------------------------------------------------------------------------


@given(st.sets(terms, max_size=40), st.lists(terms, max_size=40))
def test_terms_have_numbers(held: set[int], wanted: list[int]) -> None:
    tally = Tally()
    tally.add(hashes(sorted(held)), 1)
    made = vocabulary(tally, background({"word": 1}), hashes([]))
    order = sorted(held)
    assert made.terms.tolist() == order
    assert made.numbers(hashes(wanted)).tolist() == [order.index(term) if term in held else -1 for term in wanted]
    assert made.numbers(hashes([0])).tolist() == [-1]  # part of a number


# Weights --------------------------------------------------------------------------------------------------------------

ENGLISH = background({"the": 9_900, "said": 8_000, "minister": 1_200, "strait": 40, "common": 5_000, "middling": 2_000})
CORPUS = {"the": 10, "said": 9, "minister": 4, "strait": 3, "zzyzx": 2, "common": 1, "middling": 3, "ab": 1, "40": 2}


@pytest.fixture(scope="module")
def made() -> Vocabulary:
    return weighed(CORPUS, ENGLISH, 10, ("ab", "40"))


def of(made: Vocabulary, word: str) -> int:
    return int(made.numbers(hashes([term_hash(word)]))[0])


def test_weights_are_rarity_in_corpus_and_background(made: Vocabulary) -> None:
    for word, count in CORPUS.items():
        known = float(ENGLISH.df(hashes([term_hash(word)]))[0])
        rarity = max(0.0, math.log((500 + 10 + 1) / (500 * known / 10_000 + count + 500 / 10_000)))
        assert made.weight[of(made, word)] == pytest.approx(rarity, rel=1e-6)


def test_common_words_and_function_words_say_nothing(made: Vocabulary) -> None:
    content = {word: bool(made.content[of(made, word)]) for word in CORPUS}
    assert content == {word: word not in ("the", "said", "common") for word in CORPUS}


def test_a_function_word_that_the_background_does_not_know() -> None:
    made = weighed({"zzyzx": 1, "their": 1}, background({"word": 1}), 1000)
    assert made.content[of(made, "zzyzx")]
    assert not made.content[of(made, "their")]


def test_keys_are_rare_and_not_short(made: Vocabulary) -> None:
    for word, count in CORPUS.items():
        known = float(ENGLISH.df(hashes([term_hash(word)]))[0])
        plainly = math.log((10_000 + 10 + 1) / (known + count + 1))
        key = 0.0 if word in ("the", "said", "common", "middling", "minister", "ab", "40") else plainly
        assert made.key[of(made, word)] == pytest.approx(key), word


def test_rows_are_those_of_the_vectors(made: Vocabulary) -> None:
    wanted = ENGLISH.rows(made.terms)
    assert made.row.tolist() == wanted.tolist()
    assert made.row[of(made, "minister")] >= 0
    assert made.row[of(made, "the")] == made.row[of(made, "zzyzx")] == -1


def test_an_empty_vocabulary() -> None:
    made = weighed({}, ENGLISH, 0)
    assert len(made.terms) == 0
    assert made.numbers(hashes([1, 2])).tolist() == [-1, -1]
