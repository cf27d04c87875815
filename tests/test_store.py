"""Texts by number, from a work file without a name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import any_text

from dedup.store import Held, TextStore
from dedup.text import token_hashes, views

if TYPE_CHECKING:
    from pathlib import Path
    from random import Random

    from dedup.text import Texts


def strings(texts: Texts) -> list[str]:
    return [texts.data[start:end].tobytes().decode() for start, end in zip(texts.starts, texts.ends, strict=True)]


@given(st.lists(st.lists(st.one_of(st.none(), any_text), max_size=4), max_size=4), st.randoms(use_true_random=False))
def test_what_is_added_comes_back(batches: list[list[str | None]], random: Random) -> None:
    count = sum(map(len, batches))
    with TextStore(count) as store:
        row = 0
        for batch in batches:
            store.add(np.arange(row, row + len(batch)), pa.array(batch, pa.string()))
            row += len(batch)
        wanted = [text or "" for batch in batches for text in batch]
        order = list(range(count))
        random.shuffle(order)
        assert strings(store.texts(np.array(order, np.int64))) == [wanted[i] for i in order]
        assert store.sizes().tolist() == [len(text.encode()) for text in wanted]
        assert strings(store.texts(np.arange(count))) == wanted


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.string_view()])
def test_numbers_with_gaps_and_slices(kind: pa.DataType) -> None:
    column = pa.array(["x", "é", None, "橋", "y"], kind)[1:4]
    with TextStore(9) as store:
        store.add(np.array([2, 5, 7]), column)
        assert strings(store.texts(np.array([7, 2, 5, 0]))) == ["橋", "é", "", ""]


def test_nothing_was_added() -> None:
    with TextStore(2) as store:
        assert strings(store.texts(np.array([0, 1]))) == ["", ""]


def test_the_file_is_gone_even_while_open(tmp_path: Path) -> None:
    with TextStore(1, tmp_path) as store:
        store.add(np.array([0]), pa.array(["text " * 10000]))
        assert list(tmp_path.iterdir()) == []
    assert list(tmp_path.iterdir()) == []


# Held -----------------------------------------------------------------------------------------------------------------


def test_what_is_held_comes_back() -> None:
    """Batches may come in any order, and in slices; nothing is written."""
    held = Held(1 << 20)
    for row in (3, 0, 7):
        held.offer(row, pa.array(["x", f"text {row}", None, f"tëxt {row + 2}", ""], pa.large_string())[1:])
    with TextStore(11, held=held) as store:
        wanted = np.array([0, 1, 5, 7])
        assert store.missing(wanted).tolist() == []
        assert store.sizes()[wanted].tolist() == [6, 0, 7, 6]
        assert strings(store.texts(np.array([7, 0, 5, 1]))) == ["text 7", "text 0", "tëxt 5", ""]
        parts = [strings(batch) for batch in store.batches(wanted)]
        assert parts == [["text 0", ""], ["tëxt 5"], ["text 7"]]


def test_too_much_is_not_held() -> None:
    held = Held(1000)
    held.offer(0, pa.array(["x" * 600], pa.large_string()))
    assert [row for row, _ in held.columns()] == [0]
    held.offer(1, pa.array(["x" * 600], pa.large_string()))
    assert held.columns() == []
    held.offer(2, pa.array(["x"], pa.large_string()))
    assert held.columns() == []
    with TextStore(3, held=held) as store:
        assert store.missing(np.arange(3)).tolist() == [0, 1, 2]
        store.add(np.array([1]), pa.array(["one"]))
        assert store.missing(np.array([2, 1])).tolist() == [2]
        assert [strings(batch) for batch in store.batches(np.array([0, 1]))] == [["", "one"]]


@given(st.lists(st.lists(any_text, max_size=3), max_size=4))
def test_tokens_of_batches_are_those_of_their_texts(batches: list[list[str]]) -> None:
    together = token_hashes([views(pa.array(batch, pa.large_string())) for batch in batches])
    alone = [token_hashes([views(pa.array([text], pa.large_string()))]) for batch in batches for text in batch]
    assert [together.hashes[together.of(text)].tolist() for text in range(len(alone))] == [
        tokens.hashes.tolist() for tokens in alone
    ]
