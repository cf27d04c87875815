"""The sentence encoder of the quality benchmark: what is cut, encoded and compared.

Tests that load it need its environment: `python benchmarks/environments.py minilm`.
"""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest
from support import ROOT

from dedup.alignment import FEATURES

sys.path.insert(0, str(ROOT / "benchmarks"))
import encoder
import environments
import stories
from peers import minilm

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

FERRY = "A fire broke out aboard a ferry off the coast. Sixty passengers were taken to safety."
RETOLD = "Rescuers brought all sixty travellers ashore. The blaze on the ship started near land."
MARKET = "Shares fell for a third day. Investors worry about the price of copper."


@pytest.fixture(scope="module")
def vectors(tmp_path_factory: pytest.TempPathFactory) -> Sequence[NDArray[np.float32]]:
    missing = environments.why_missing(encoder.ENVIRONMENT)
    if missing:
        pytest.skip(f"the sentence encoder is {missing}")
    told = [("Ferry on fire", FERRY), (None, RETOLD), ("Shares fall", MARKET), (None, "")]
    return encoder.encoded(told, tmp_path_factory.mktemp("encoder"))


@pytest.mark.parametrize(
    ("title", "text", "expected"),
    [
        (
            "Fire",
            "It burned. Nobody was hurt!\nPolice said so",
            ["Fire", "It burned.", "Nobody was hurt!", "Police said so"],
        ),
        (None, 'He said: "It is over." Then he left.', ['He said: "It is over.', "Then he left."]),
        ("", "Inflation was 3.5 percent", ["Inflation was 3.5 percent"]),
        (None, " \n ", [""]),
    ],
)
def test_an_article_is_cut_into_sentences(title: str | None, text: str, expected: list[str]) -> None:
    assert minilm.sentences(title, text) == expected


def test_only_the_first_sentences_of_a_text_are_looked_at() -> None:
    cut = minilm.sentences("Title", " ".join(f"Sentence {number}." for number in range(100)))
    assert len(cut) == 1 + minilm.SENTENCES
    assert cut[-1] == f"Sentence {minilm.SENTENCES - 1}."


def units(seed: int, counts: Sequence[int]) -> list[NDArray[np.float32]]:
    draw = np.random.default_rng(seed)
    made = [draw.normal(size=(count, 8)) for count in counts]
    return [(one / np.linalg.norm(one, axis=1, keepdims=True)).astype(np.float32) for one in made]


@pytest.mark.parametrize("seed", range(5))
def test_counterparts_are_the_best_sentences_of_the_other_article(seed: int) -> None:
    told = units(seed, (3, 1, 5, 2))
    found = encoder.counterparts(told)
    for i, one in enumerate(told):
        for j, other in enumerate(told):
            cosine = [[float(a @ b) for b in other] for a in one]
            there = np.mean([max(row) for row in cosine])
            back = np.mean([max(column) for column in zip(*cosine, strict=True)])
            assert found[i, j] == pytest.approx((there + back) / 2, abs=1e-6)


def test_a_mean_vector_has_length_one_and_the_direction_of_the_sentences() -> None:
    told = [np.array([[1, 0], [0, 1]], np.float32), np.array([[0, 1]], np.float32)]
    assert encoder.means(told) == pytest.approx(np.array([[0.5**0.5, 0.5**0.5], [0, 1]]))


def corpus(name: str, seed: int) -> tuple[stories.Pairs, list[NDArray[np.float32]]]:
    """Make 5 stories of 4 articles whose features say nothing, and whose sentences tell their story."""
    draw = np.random.default_rng(seed)
    story = draw.permutation(np.repeat(np.arange(5), 4))
    rows = draw.permutation(len(story))  # by time
    left, right = np.triu_indices(len(rows), 1)
    columns = draw.normal(size=(len(left), len(FEATURES))).astype(np.float32)
    same = story[rows[left]] == story[rows[right]]
    told = [{"id": str(row), "story": str(number)} for row, number in enumerate(story)]
    sample = stories.Sample(name, told, name)
    alone = np.arange(len(rows))
    pairs = stories.Pairs(
        sample, np.argsort(rows), rows, left, right, alone, columns, same, np.ones(len(same), np.bool_)
    )
    return pairs, [np.eye(5, dtype=np.float32)[[number, number]] for number in story]


def test_the_cosine_of_a_pair_is_a_feature_of_the_decision() -> None:
    pytest.importorskip("sklearn", reason="scikit-learn fits the models: install the extra `bench`")
    made = {name: corpus(name, seed) for seed, name in enumerate(("wire_dev", "wire_dev2"))}
    corpora = {name: pairs for name, (pairs, _) in made.items()}
    for name, pairs in corpora.items():
        blind = stories.judged(pairs, stories.fitted(corpora.values(), name))
        assert blind.pair_f1 < 0.6
    seeing = encoder.rescored(corpora, {name: units for name, (_, units) in made.items()})
    assert {name: found.pair_f1 for name, found in seeing.items()} == {"wire_dev": 1.0, "wire_dev2": 1.0}


def test_every_article_has_a_vector_for_each_sentence(vectors: Sequence[NDArray[np.float32]]) -> None:
    assert [len(made) for made in vectors] == [3, 2, 3, 1]
    for made in vectors:
        assert np.linalg.norm(made, axis=1) == pytest.approx(1, abs=1e-5)


def test_a_retelling_without_common_words_is_nearer_than_another_event(vectors: Sequence[NDArray[np.float32]]) -> None:
    mean = encoder.means(vectors)
    assert mean[0] @ mean[1] > mean[0] @ mean[2] + 0.2
    found = encoder.counterparts(vectors)
    assert found[0, 1] > found[0, 2] + 0.2


def test_every_version_of_the_environment_is_named() -> None:
    pins = (environments.PINS / f"{encoder.ENVIRONMENT}.txt").read_text().splitlines()
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", pin) for pin in pins)
    named = {pin.partition("==")[0] for pin in pins}
    assert named > {*encoder.PACKAGES, "pyarrow"}
