"""The public definition of a shingle hash, and its reproduction by the kernels."""

from __future__ import annotations

import oracle
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import any_text, sentences, sketches

from dedup.shingles import shingle_hashes
from dedup.sketch import Recipe

tokens = st.lists(st.one_of(st.sampled_from(["a", "b", "storm"]), any_text), max_size=20)


@given(tokens, st.integers(1, 9))
def test_equals_the_oracle(sequence: list[str], size: int) -> None:
    assert shingle_hashes(sequence, size) == oracle.shingle_hashes(sequence, size)


@pytest.mark.parametrize(
    ("count", "size", "hashes"), [(0, 5, 0), (1, 5, 1), (4, 5, 1), (5, 5, 1), (6, 5, 2), (9, 1, 9)]
)
def test_how_many(count: int, size: int, hashes: int) -> None:
    assert len(shingle_hashes(["word"] * count, size)) == hashes


def test_pinned() -> None:
    """Signatures and postings on disk depend on these values: they never change."""
    assert shingle_hashes(["a", "storm", "hit", "the", "coast"]) == [0xEDF72E6D91983530]
    assert shingle_hashes(["don't"]) == shingle_hashes(["don't"], 1) == [0x159FCB2C64F7073]


def test_order_counts() -> None:
    assert shingle_hashes(["a", "b"], 2) != shingle_hashes(["b", "a"], 2)


@pytest.mark.parametrize("count", [0, 1, 2, 511, 512, 513, 1500])
def test_a_fingerprint_is_two_polynomials(count: int) -> None:
    """It breaks ties between texts of one length: a result depends on it."""
    words = [f"w{number}" for number in range(count)]
    one = two = count
    for word in words:
        one = (one * 0x9E3779B185EBCA87 + oracle.token_hash(word)) % 2**64
        two = (two * 0x165667B19E3779F9 + (oracle.token_hash(word) ^ 0xC2B2AE3D27D4EB4F)) % 2**64
    found = sketches([" ".join(words)]).fingerprints[0].tolist()
    assert found == [oracle.avalanche(one), oracle.avalanche(two)]


@given(sentences, st.integers(1, 9))
def test_the_kernels_make_the_same(text: str, size: int) -> None:
    """With a sample of one in one every shingle is a posting key, but for immediate repeats."""
    recipe = Recipe(size=size, permutations=4, seed=1, bands=1, rows=1, sample=1)
    low_halves = [value & 0xFFFFFFFF for value in oracle.shingle_hashes(oracle.words(text), size)]
    wanted = [value for i, value in enumerate(low_halves) if i == 0 or value != low_halves[i - 1]]
    assert sketches([text], recipe).sampled.tolist() == wanted
