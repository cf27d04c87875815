"""The ledger: every word accounted for once, and each copied run found where it is said to stand."""

from __future__ import annotations

import numpy as np
import oracle
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import any_text, column, corpus, sentences, token_bounds

from dedup.ledger import Ledgers, ledgers
from dedup.text import views

groups_of_texts = st.lists(st.lists(st.one_of(sentences, any_text), min_size=1, max_size=4), min_size=1, max_size=3)
Groups = list[list[str]]


def run(groups: Groups, size: int = 5) -> Ledgers:
    texts = [text for group in groups for text in group]
    bounds = np.cumsum([0, *map(len, groups)], dtype=np.int64)
    return ledgers(views(column(texts)), bounds, size)


def copied(groups: Groups, size: int) -> list[list[bool]]:
    """Return the oracle's answer for each text."""
    tokens = [[oracle.words(text) for text in group] for group in groups]
    return [
        oracle.copied_words(member, [other for j, other in enumerate(group) if j != i], size)
        for group in tokens
        for i, member in enumerate(group)
    ]


def long_enough(groups: Groups, size: int) -> Groups:
    """Leave out what never gets into a group: texts shorter than a shingle."""
    kept = [[text for text in group if len(oracle.words(text)) >= size] for group in groups]
    return [group for group in kept if group]


def overlay(texts: list[str], made: Ledgers, number: int) -> list[bool | None]:
    """Say of each token of a text whether a span calls it copied; None where none covers it."""
    states: list[bool | None] = []
    spans = made.spans
    mine = np.flatnonzero(spans.text == number)
    for start, end in token_bounds(texts[number]).tolist():
        over = [s for s in mine if spans.start[s] <= start and end <= spans.end[s]]
        states.append(bool(spans.other[over[0]] >= 0) if over else None)
    return states


@given(groups_of_texts, st.integers(1, 6))
def test_copied_words_equal_the_oracle(groups: Groups, size: int) -> None:
    groups = long_enough(groups, size)
    made = run(groups, size)
    wanted = copied(groups, size)
    assert made.words.tolist() == [len(flags) for flags in wanted]
    assert made.copied.tolist() == [sum(flags) for flags in wanted]


@given(st.lists(st.lists(sentences, min_size=1, max_size=4), min_size=1, max_size=3), st.integers(1, 6))
def test_spans_cover_every_word_with_its_kind(groups: Groups, size: int) -> None:
    groups = long_enough(groups, size)
    texts = [text for group in groups for text in group]
    made = run(groups, size)
    assert [overlay(texts, made, number) for number in range(len(texts))] == copied(groups, size)


def check_spans(texts: list[str], made: Ledgers) -> None:
    spans = made.spans
    for number, text in enumerate(texts):
        mine = np.flatnonzero(spans.text == number)
        start, end = spans.start[mine].tolist(), spans.end[mine].tolist()
        assert all(0 <= s < e <= len(text) for s, e in zip(start, end, strict=True))
        assert all(e <= s for e, s in zip(end, start[1:], strict=False))  # in order, and never overlapping
        covered = {place for s, e in zip(start, end, strict=True) for place in range(s, e)}
        assert all(set(range(s, e)) <= covered for s, e in token_bounds(text).tolist())


@given(st.lists(st.lists(sentences, min_size=1, max_size=4), min_size=1, max_size=3))
def test_spans_lie_inside_the_text_and_never_overlap(groups: Groups) -> None:
    groups = long_enough(groups, 5)
    check_spans([text for group in groups for text in group], run(groups))


@pytest.mark.parametrize("group", [["a b c d 1 x", "a b c d ½"], ["x 2 a b c d", "½ a b c d"]])
def test_spans_never_overlap_inside_one_character(group: list[str]) -> None:
    """U+00BD is the words 1 and 2: a copied run may end between them."""
    check_spans(group, run([group]))


def check_others(groups: Groups, made: Ledgers) -> int:
    texts = [text for group in groups for text in group]
    group_of = [number for number, group in enumerate(groups) for _ in group]
    spans, seen = made.spans, 0
    for text, start, end, other, other_start, other_end in zip(*(c.tolist() for c in spans), strict=True):
        if other < 0:
            assert (other_start, other_end) == (-1, -1)
            continue
        seen += 1
        assert group_of[other] == group_of[text]
        assert other != text
        here, there = oracle.words(texts[text][start:end]), oracle.words(texts[other][other_start:other_end])
        assert here == there
        assert len(here) >= 1
    return seen


@given(st.lists(st.lists(sentences, min_size=1, max_size=4), min_size=1, max_size=3), st.integers(1, 6))
def test_the_other_place_holds_the_same_words(groups: Groups, size: int) -> None:
    groups = long_enough(groups, size)
    seen = check_others(groups, run(groups, size))
    assert (seen > 0) == any(any(flags) for flags in copied(groups, size))


@pytest.mark.parametrize("seed", range(4))
def test_a_planted_corpus(seed: int) -> None:
    texts = [text for text in corpus(seed)["text"].to_pylist() if len(oracle.words(text or "")) >= 5]
    groups = [texts[:10], texts[10:25], texts[25:]]
    made = run(groups)
    check_spans(texts, made)
    assert check_others(groups, made) > 5
    assert made.copied.tolist() == [sum(flags) for flags in copied(groups, 5)]
    assert [overlay(texts, made, number) for number in range(len(texts))] == copied(groups, 5)


def test_the_first_member_is_the_preferred_source() -> None:
    run_ = "one two three four five six"
    made = run([[f"first {run_}", f"second {run_}", f"third {run_}"]])
    sources = {int(t): int(o) for t, o in zip(made.spans.text, made.spans.other, strict=True) if o >= 0}
    assert sources == {0: 1, 1: 0, 2: 0}


def test_places_are_characters() -> None:
    made = run([["É — 橋 one two three four five!", "😀 «one two three four five» fin"]])
    rows = list(zip(*(column.tolist() for column in made.spans), strict=True))
    assert rows == [
        (0, 0, 5, -1, -1, -1),
        (0, 6, 29, 1, 3, 26),
        (1, 3, 26, 0, 6, 29),
        (1, 28, 31, -1, -1, -1),
    ]


def test_a_run_across_two_sources_is_cut_where_the_source_changes() -> None:
    made = run([["a b c d e f g h i j", "a b c d e", "f g h i j"]])
    rows = [row for row in zip(*(column.tolist() for column in made.spans), strict=True) if row[0] == 0]
    assert rows == [(0, 0, 9, 1, 0, 9), (0, 10, 19, 2, 0, 9)]
    assert made.copied.tolist() == [10, 5, 5]


def test_a_run_follows_its_source_as_long_as_it_can() -> None:
    """Both sources hold c to f: the run goes on in the first, and what it has not covered comes from the second."""
    made = run([["a b c d e f g h i", "a b c d e f", "c d e f g h i"]])
    rows = [row for row in zip(*(column.tolist() for column in made.spans), strict=True) if row[0] == 0]
    assert rows == [(0, 0, 11, 1, 0, 11), (0, 12, 17, 2, 8, 13)]


def test_what_a_member_repeats_of_itself_is_not_copied() -> None:
    made = run([["a b c d e a b c d e", "v w x y z"]])
    assert made.copied.tolist() == [0, 0]


def test_no_group() -> None:
    made = run([])
    assert len(made.words) == len(made.spans.text) == 0


def test_many_copies_cost_linear_time() -> None:
    """Five thousand members of one group: all pairs would take minutes."""
    body = " ".join(f"word{i}" for i in range(60))
    made = run([[f"lead{i} {body} tail{i}" for i in range(5000)]])
    assert made.copied.tolist() == [60] * 5000
    assert len(made.spans.text) == 15000
