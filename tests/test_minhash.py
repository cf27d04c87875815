"""Signatures: bit-equal to datasketch, a function of the set alone, and an estimator with a known error."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import datasketch
import numpy as np
import oracle
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import any_text, column, prose, sentences

from dedup import minhash, sketch
from dedup.minhash import estimate, from_datasketch, hashing, standard_error, to_datasketch
from dedup.pipeline import signatures
from dedup.settings import Settings
from dedup.sketch import Recipe

if TYPE_CHECKING:
    from numpy.typing import NDArray


def signature(text: str, **values: int) -> NDArray[np.uint32]:
    row: NDArray[np.uint32] = signatures(column([text]), Settings.of(**values))[0]
    return row


@given(st.one_of(sentences, any_text))
def test_bit_equal_to_datasketch(text: str) -> None:
    shingles = oracle.shingle_hashes(oracle.words(text))
    assert signature(text).tolist() == oracle.signature(shingles).tolist()
    assert signature(text).tolist() == oracle.signature_by_formula(shingles).tolist()


@given(sentences, st.sampled_from([1, 7, 8, 9, 64, 130]), st.integers(0, 2**32 - 1), st.integers(1, 8))
def test_bit_equal_for_any_settings(text: str, permutations: int, seed: int, size: int) -> None:
    shingles = oracle.shingle_hashes(oracle.words(text), size)
    found = signature(text, permutations=permutations, seed=seed, shingle=size, bands=1, rows=1)
    assert found.tolist() == oracle.signature(shingles, permutations, seed).tolist()


@given(st.lists(st.sampled_from("abc"), min_size=6, max_size=40))
def test_depends_on_the_set_only(words: list[str]) -> None:
    """Saying everything twice adds the shingles across the seam; where these are known, nothing changes."""
    text = " ".join(words)
    again = " ".join([*words, *words, *words])
    twice = " ".join([*words, *words])
    assert oracle.shingle_set(oracle.words(twice)) == oracle.shingle_set(oracle.words(again))
    assert signature(twice).tolist() == signature(again).tolist()
    if oracle.shingle_set(oracle.words(text)) != oracle.shingle_set(oracle.words(twice)):
        assert signature(text).tolist() != signature(twice).tolist()


def test_no_shingle_has_the_greatest_values() -> None:
    assert set(signature("").tolist()) == {2**32 - 1}


@pytest.mark.parametrize("shared", [0, 20, 100, 180, 200])
def test_estimates_within_four_sigma(shared: int) -> None:
    random = np.random.default_rng(shared)
    permutations = 1024
    body = prose(random, shared)
    one, two = (" ".join([*body, *prose(random, 204 - shared)]) for _ in range(2))
    exact = oracle.resemblance(one, two)
    found = estimate(*signatures(column([one, two]), Settings(permutations=permutations)))
    assert abs(found - exact) <= 4 * standard_error(exact, permutations)


@pytest.mark.no_cover
def test_estimates_are_unbiased() -> None:
    """Mean of many estimates: four sigma of a mean is a tight bound."""
    random = np.random.default_rng(1)
    pairs, errors, variance = 200, 0.0, 0.0
    for _ in range(pairs):
        shared = int(random.integers(20, 180))
        body = prose(random, shared)
        one, two = (" ".join([*body, *prose(random, 204 - shared)]) for _ in range(2))
        exact = oracle.resemblance(one, two)
        errors += estimate(*signatures(column([one, two]))) - exact
        variance += standard_error(exact, 128) ** 2
    assert abs(errors) <= 4 * math.sqrt(variance)


def test_standard_error() -> None:
    assert standard_error(0.5, 100) == 0.05
    assert standard_error(0.0, 128) == standard_error(1.0, 128) == 0.0


def test_hashing_multiplies_by_odd_numbers() -> None:
    drawn = hashing(256, 7)
    assert (drawn.multipliers % 2 == 1).all()
    assert len(set(drawn.multipliers.tolist())) > 250
    assert drawn.offsets.dtype == drawn.multipliers.dtype == np.uint32


# Forms of the input -------------------------------------------------------------------------------------------------

TEXTS = ["a storm hit the coast of the north", None, "", "e\u0301 橋 1 2 3 4 5", "plain"]


def test_chunks_and_forms_give_the_same() -> None:
    plain = pa.array(TEXTS, pa.string())
    wanted = signatures(plain)
    assert wanted.shape == (5, 128)
    assert wanted[1].tolist() == wanted[2].tolist()
    for form in (
        pa.chunked_array([plain[:2], plain[2:2], plain[2:]]),
        plain.cast(pa.large_string()),
        plain.cast(pa.string_view()),
        plain.dictionary_encode(),
        pa.array(["x", *TEXTS, "y"])[1:-1],
    ):
        np.testing.assert_array_equal(signatures(form), wanted)
    assert signatures(pa.chunked_array([], pa.string())).shape == (0, 128)


def test_signatures_equal_one_by_one() -> None:
    together = signatures(column(TEXTS))
    for text, row in zip(TEXTS, together, strict=True):
        assert row.tolist() == signature(text or "").tolist()


@given(st.lists(sentences, min_size=2, max_size=5))
def test_band_keys_are_equal_exactly_for_equal_bands(texts: list[str]) -> None:
    recipe = Recipe(size=2, permutations=12, seed=1, bands=6, rows=2, sample=8)
    keys = sketch.sketch(column(texts), recipe).keys
    bands = sketch.signatures(column(texts), recipe).reshape(len(texts), 6, 2)
    same = (bands[:, None] == bands[None]).all(axis=3)
    np.testing.assert_array_equal(keys[:, None] == keys[None], same)


@pytest.mark.parametrize("sample", [1, 2, 8, 100])
def test_the_sample_is_the_lowest_part_of_the_hashes(sample: int) -> None:
    text = " ".join(prose(np.random.default_rng(3), 2000))
    recipe = Recipe(size=5, permutations=8, seed=1, bands=1, rows=1, sample=sample)
    hashes = oracle.shingle_hashes(oracle.words(text))
    wanted = [value & 0xFFFFFFFF for value in hashes if value <= (2**64 - 1) // sample]
    assert sketch.sketch(column([text]), recipe).sampled.tolist() == wanted


# Interchange --------------------------------------------------------------------------------------------------------


def test_round_trip_through_datasketch() -> None:
    made = signature("a storm hit the coast of the north", seed=5)
    theirs = to_datasketch(made, seed=5)
    assert isinstance(theirs, datasketch.MinHash)
    assert (theirs.seed, theirs.scheme) == (5, "affine32")
    assert from_datasketch(theirs).tolist() == made.tolist()
    assert from_datasketch(theirs).dtype == np.uint32


def test_datasketch_can_compare_and_go_on() -> None:
    text = "a storm hit the coast of the north"
    ours = to_datasketch(signature(text))
    theirs = datasketch.MinHash(num_perm=128, seed=1, scheme="affine32", hashfunc=lambda h: h & 0xFFFFFFFF)
    shingles = oracle.shingle_hashes(oracle.words(text))
    for shingle in shingles[:1]:
        theirs.update(shingle)
    assert ours.jaccard(theirs) < 1
    for shingle in shingles[1:]:
        theirs.update(shingle)
    assert ours.jaccard(theirs) == 1
    ours.merge(theirs)
    assert from_datasketch(ours).tolist() == signature(text).tolist()


def test_another_scheme_is_refused() -> None:
    with pytest.raises(ValueError, match=r"'legacy'.*'affine32'"):
        from_datasketch(datasketch.MinHash(num_perm=8, scheme="legacy"))


def test_the_seed_is_datasketchs_own() -> None:
    assert datasketch.MinHash(num_perm=8).seed == minhash.SEED
