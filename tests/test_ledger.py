"""The ledger: every word accounted for once, and each copied run found where it is said to stand."""

from __future__ import annotations

import numpy as np
import oracle
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import any_text, column, corpus, sentences, token_bounds

from dedup.ledger import BOILERPLATE, UNIQUE, Ledgers, ledgers
from dedup.text import tokenise, views

groups_of_texts = st.lists(st.lists(st.one_of(sentences, any_text), min_size=1, max_size=4), min_size=1, max_size=3)
Groups = list[list[str]]
Masks = list[list[bool]]  # of each text, which of its tokens are boilerplate


def run(groups: Groups, size: int = 5, masks: Masks | None = None) -> Ledgers:
    """Make the ledgers of groups of texts, without boilerplate where none is given."""
    batch = views(column([text for group in groups for text in group]))
    tokens = tokenise(batch)
    boilerplate = np.zeros(len(tokens.hashes), np.bool_)
    if masks is not None:
        boilerplate[:] = [flag for mask in masks for flag in mask]
    return ledgers(batch, tokens, boilerplate, np.cumsum([0, *map(len, groups)], dtype=np.int64), size)


def rows(made: Ledgers, text: int | None = None) -> list[tuple[int, ...]]:
    """Return the spans, of one text or of all: (text, start, end, other, other_start, other_end)."""
    every = list(zip(*(values.tolist() for values in made.spans), strict=True))
    return [row for row in every if text is None or row[0] == text]


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


KINDS = {UNIQUE: "unique", BOILERPLATE: "boilerplate"}


def overlay(texts: list[str], made: Ledgers, number: int) -> list[str | None]:
    """Say of each token of a text which kind of span covers it; None where none does."""
    mine = rows(made, number)
    over = [[row for row in mine if row[1] <= s and e <= row[2]] for s, e in token_bounds(texts[number]).tolist()]
    return [KINDS.get(found[0][3], "copied") if found else None for found in over]


def kinds(flags: list[bool]) -> list[str]:
    return ["copied" if flag else "unique" for flag in flags]


@given(groups_of_texts, st.integers(1, 6))
def test_copied_words_equal_the_oracle(groups: Groups, size: int) -> None:
    groups = long_enough(groups, size)
    made = run(groups, size)
    wanted = copied(groups, size)
    assert made.copied.tolist() == [sum(flags) for flags in wanted]


@given(st.lists(st.lists(sentences, min_size=1, max_size=4), min_size=1, max_size=3), st.integers(1, 6))
def test_spans_cover_every_word_with_its_kind(groups: Groups, size: int) -> None:
    groups = long_enough(groups, size)
    texts = [text for group in groups for text in group]
    made = run(groups, size)
    assert [overlay(texts, made, number) for number in range(len(texts))] == [
        kinds(flags) for flags in copied(groups, size)
    ]


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
    assert [overlay(texts, made, number) for number in range(len(texts))] == [
        kinds(flags) for flags in copied(groups, 5)
    ]


def test_the_first_member_is_the_preferred_source() -> None:
    run_ = "one two three four five six"
    made = run([[f"first {run_}", f"second {run_}", f"third {run_}"]])
    sources = {int(t): int(o) for t, o in zip(made.spans.text, made.spans.other, strict=True) if o >= 0}
    assert sources == {0: 1, 1: 0, 2: 0}


def test_places_are_characters() -> None:
    made = run([["É — 橋 one two three four five!", "😀 «one two three four five» fin"]])
    assert rows(made) == [
        (0, 0, 5, -1, -1, -1),
        (0, 6, 29, 1, 3, 26),
        (1, 3, 26, 0, 6, 29),
        (1, 28, 31, -1, -1, -1),
    ]


def test_a_run_across_two_sources_is_cut_where_the_source_changes() -> None:
    made = run([["a b c d e f g h i j", "a b c d e", "f g h i j"]])
    assert rows(made, 0) == [(0, 0, 9, 1, 0, 9), (0, 10, 19, 2, 0, 9)]
    assert made.copied.tolist() == [10, 5, 5]


def test_a_run_follows_its_source_as_long_as_it_can() -> None:
    """Both sources hold c to f: the run goes on in the first, and what it has not covered comes from the second."""
    made = run([["a b c d e f g h i", "a b c d e f", "c d e f g h i"]])
    assert rows(made, 0) == [(0, 0, 11, 1, 0, 11), (0, 12, 17, 2, 8, 13)]


def test_what_a_member_repeats_of_itself_is_not_copied() -> None:
    made = run([["a b c d e a b c d e", "v w x y z"]])
    assert made.copied.tolist() == [0, 0]


def test_no_group() -> None:
    made = run([])
    assert len(made.copied) == len(made.spans.text) == 0


def test_many_copies_cost_linear_time() -> None:
    """Five thousand members of one group: all pairs would take minutes."""
    body = " ".join(f"word{i}" for i in range(60))
    made = run([[f"lead{i} {body} tail{i}" for i in range(5000)]])
    assert made.copied.tolist() == [60] * 5000
    assert len(made.spans.text) == 15000


# Boilerplate ----------------------------------------------------------------------------------------------------------


@st.composite
def with_boilerplate(draw: st.DrawFn) -> tuple[Groups, Masks]:
    """Draw groups whose texts, boilerplate aside, are at least a shingle of 3 long."""
    groups = draw(st.lists(st.lists(sentences, min_size=1, max_size=4), min_size=1, max_size=3))
    chosen, masks = [], []
    for group in groups:
        kept = []
        for text in group:
            count = len(oracle.words(text))
            runs = draw(st.lists(st.tuples(st.integers(0, 60), st.integers(1, 9)), max_size=3))
            mask = [any(start <= token < start + size for start, size in runs) for token in range(count)]
            if count - sum(mask) >= 3:
                kept.append(text)
                masks.append(mask)
        chosen.append(kept)
    return [group for group in chosen if group], masks


def expected_kinds(groups: Groups, masks: Masks, size: int) -> list[list[str]]:
    """Return the oracle's answer on the texts without their boilerplate, and the boilerplate put back."""
    each = iter(masks)
    own = [
        [[w for w, left_out in zip(oracle.words(text), next(each), strict=True) if not left_out] for text in group]
        for group in groups
    ]
    flags = [
        iter(oracle.copied_words(member, [other for j, other in enumerate(group) if j != i], size))
        for group in own
        for i, member in enumerate(group)
    ]
    return [
        ["boilerplate" if left_out else kinds([next(rest)])[0] for left_out in mask]
        for mask, rest in zip(masks, flags, strict=True)
    ]


@given(with_boilerplate(), st.integers(1, 3))
def test_boilerplate_is_set_aside(drawn: tuple[Groups, Masks], size: int) -> None:
    """Boilerplate is never copied, nor a source; the rest is as if it were not there."""
    groups, masks = drawn
    texts = [text for group in groups for text in group]
    made = run(groups, size, masks)
    wanted = expected_kinds(groups, masks, size)
    assert [overlay(texts, made, number) for number in range(len(texts))] == wanted
    assert made.copied.tolist() == [flags.count("copied") for flags in wanted]
    check_spans(texts, made)
    check_others(groups, made)
    bounds = [token_bounds(text).tolist() for text in texts]
    for _, _, _, other, other_start, other_end in rows(made):
        if other >= 0:
            source = [n for n, (s, e) in enumerate(bounds[other]) if other_start <= s and e <= other_end]
            assert not any(masks[other][n] for n in source)


def test_boilerplate_that_both_have_is_not_copied() -> None:
    line, body = "sign up for our newsletter today", "one two three four five"
    mask = [True] * 6 + [False] * 5
    made = run([[f"{line} {body}"] * 2], 5, [mask, mask])
    assert made.copied.tolist() == [5, 5]
    assert rows(made, 0) == [(0, 0, 32, BOILERPLATE, -1, -1), (0, 33, 56, 1, 33, 56)]


def test_a_source_behind_boilerplate() -> None:
    """The places are those of the texts as they are, with their boilerplate."""
    made = run(
        [["Üb 橋 one two three four five", "one two three four five"]], 5, [[True] * 2 + [False] * 5, [False] * 5]
    )
    assert rows(made) == [(0, 0, 4, BOILERPLATE, -1, -1), (0, 5, 28, 1, 0, 23), (1, 0, 23, 0, 5, 28)]


def test_a_run_goes_on_behind_boilerplate() -> None:
    """An advertisement in the middle of a copied run cuts the span, here and in the other text, and not the run."""
    torn = "a b c AD AD d e f"
    made = run([[torn, "a b c d e f"]], 5, [[False] * 3 + [True] * 2 + [False] * 3, [False] * 6])
    assert made.copied.tolist() == [6, 6]
    assert rows(made) == [
        (0, 0, 5, 1, 0, 5),
        (0, 6, 11, BOILERPLATE, -1, -1),
        (0, 12, 17, 1, 6, 11),
        (1, 0, 5, 0, 0, 5),
        (1, 6, 11, 0, 12, 17),
    ]


def test_nothing_but_boilerplate() -> None:
    made = run([["a b c d e f", "a b c d e f"]], 5, [[True] * 6, [False] * 6])
    assert made.copied.tolist() == [0, 0]
    assert rows(made) == [(0, 0, 11, BOILERPLATE, -1, -1), (1, 0, 11, UNIQUE, -1, -1)]
