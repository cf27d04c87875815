"""The ledgers of stories in find() and compare(): every word once, in its place, whatever the text."""
# ruff: noqa: RUF001  (look-alikes are the point)

from __future__ import annotations

import itertools
from typing import Any

import oracle
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import any_text, sentences, token_bounds

from dedup import find
from dedup.comparison import Comparison, Ledger, compare
from dedup.settings import Settings

WIRE = (
    "The ferry Northern Swallow caught fire off the harbour of Ellersund on Tuesday with forty passengers aboard. "
    "Rescuers lifted every passenger from the burning deck within two hours.\n\n"
    "“The fire began in the engine room,” the coastguard commander Ingrid Halvorsen said."
)
RETOLD = (
    "All passengers were lifted to safety by rescuers from the deck of the Northern Swallow as it burned. "
    "Commander Ingrid Halvorsen of the coastguard said flames had broken out in the engine room."
)
DRESSES = {
    "emoji": "👍🏽 {} 👩‍🚀",
    "marks": "E\u0301cole. {} caf\u0065\u0301.",
    "crlf": "Heading\r\n\r\n{}\r\n\r\nEnd\r\n",
    "folded": "ﬁrst ½ ㎏ ＡＢＣ {} Ⅷ",
    "han": "港で橋が壊れた。{}朝の港。",
    "invisible": "so\u00adft \ufeff{}",
}


def check(text: str, told: Ledger) -> None:
    bounds = token_bounds(text).tolist()
    assert told.words == len(bounds) == len(oracle.words(text))
    shares = (told.boilerplate, told.copied, told.reworded, told.unique)
    assert abs(sum(shares) - 1) <= 1e-9
    assert all(0 <= share <= 1 for share in shares)
    assert all(0 <= span.start < span.end <= len(text) for span in told.spans)
    assert all(one.end <= two.start for one, two in itertools.pairwise(told.spans))
    for start, end in bounds:
        assert sum(span.start <= start and end <= span.end for span in told.spans) == 1


def checked(left: str, right: str) -> Comparison:
    told = compare(left, right)
    check(left, told.left)
    check(right, told.right)
    for text, other, side in ((left, right, told.left), (right, left, told.right)):
        for span in side.spans:
            if span.kind == "copied":
                there = other[span.other_start : span.other_end]
                assert oracle.words(text[span.start : span.end]) == oracle.words(there)
    return told


@given(st.one_of(any_text, sentences), st.one_of(any_text, sentences))
def test_every_word_once(left: str, right: str) -> None:
    checked(left, right)


@pytest.mark.parametrize("dress", DRESSES.values(), ids=DRESSES)
def test_places_are_characters_of_the_original(dress: str) -> None:
    told = checked(dress.format(WIRE), dress.format(RETOLD))
    assert told.right.reworded > 0.3
    same = checked(dress.format(WIRE), WIRE)
    assert same.right.shared == 1
    assert same.right.copied > 0.9


def test_quotes_and_dashes_in_another_encoding_are_the_same_words() -> None:
    told = checked("“It’s over — all of it,” the mayor said.", '"It\'s over - all of it", the mayor said.')
    assert told.left.copied == told.right.copied == told.resemblance == 1


@pytest.mark.parametrize(
    "text", ["", "...", "12", "ALL CAPS NO STOP\nANOTHER LINE\n- item\n- item", "a\tb\tc\n1\t2\t3"]
)
def test_texts_without_sentences(text: str) -> None:
    assert checked(text, WIRE).left.reworded == 0
    checked(text, text)


def test_nothing_but_boilerplate() -> None:
    told = checked("© 2026 Example Press. All rights reserved.", WIRE)
    assert (told.left.boilerplate, told.left.unique, told.resemblance) == (1, 0, 0)


def test_aligned_passages_stand_in_both_texts() -> None:
    told = checked(WIRE, RETOLD)
    assert {row.kind for row in told.aligned} <= {"copied", "reworded"}
    assert {row.of for row in told.aligned} == {"left", "right"}
    for row in told.aligned:
        assert 0 < row.score <= 1
        assert WIRE[row.left_start : row.left_end].strip()
        assert RETOLD[row.right_start : row.right_end].strip()


def test_a_run_inside_a_reworded_sentence_is_copied() -> None:
    retold = "Ingrid Halvorsen of the coastguard told reporters the fire began in the engine room, she believes."
    kinds = [(span.kind, retold[span.start : span.end]) for span in checked(WIRE, retold).right.spans]
    assert ("copied", "the fire began in the engine room") in kinds
    assert "reworded" in [kind for kind, _ in kinds]


def story(**columns: list[Any]) -> pa.Table:
    made = {"id": ["a", "b", "c"], "text": [WIRE * 3, WIRE * 3, RETOLD * 3]}
    return pa.table(made | columns)


@pytest.mark.parametrize("times", [[None] * 3, ["2026-03-01T10:00:00Z"] * 3])
def test_without_times_nobody_is_the_origin(times: list[str | None]) -> None:
    found = find(story(published=pa.array(times, pa.string()))).articles.to_pylist()
    for row in found[:2]:
        assert row["copied"] == row["shared"] == 1
        assert [row[name] for name in ("first_id", "origin_id", "origin_confidence", "role")] == [None] * 4
        assert row["borrowed"] is None


def test_what_is_borrowed_is_known_where_times_differ() -> None:
    times = ["2026-03-01T10:00:00Z", "2026-03-01T10:00:00Z", "2026-03-01T12:00:00Z"]
    found = {row["id"]: row["borrowed"] for row in find(story(published=pa.array(times))).articles.to_pylist()}
    assert found["a"] == found["b"] == 0 < found["c"]


def test_copies_only_knows_no_rewording() -> None:
    result = find(story(), Settings(stories=False))
    assert set(result.articles["reworded"].to_pylist()) == {0.0}
    assert "reworded" not in result.spans["kind"].to_pylist()
