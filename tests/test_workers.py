"""Work in order, with bounded memory, and an end at the first error."""

from __future__ import annotations

import threading
import time

import pytest

from dedup.workers import Workers


@pytest.mark.parametrize("threads", [1, 2, 7])
def test_answers_keep_their_order(threads: int) -> None:
    def slow_first(piece: int) -> int:
        time.sleep(0.02 if piece == 0 else 0)
        return piece * piece

    assert list(Workers(threads).map("x", slow_first, range(50), [1] * 50)) == [i * i for i in range(50)]


def test_no_piece() -> None:
    told: list[tuple[str, int, int]] = []
    assert list(Workers(2, lambda *word: told.append(word)).map("x", str, [], [])) == []
    assert told == []


def test_progress_counts_up_to_the_total() -> None:
    told: list[tuple[str, int, int]] = []
    list(Workers(3, lambda *word: told.append(word)).map("read", str, "abcd", [5, 1, 0, 4]))
    assert told == [("read", 0, 10), ("read", 5, 10), ("read", 6, 10), ("read", 6, 10), ("read", 10, 10)]


def test_the_first_error_ends_the_work() -> None:
    begun: list[int] = []

    def fail_early(piece: int) -> int:
        begun.append(piece)
        if piece == 3:
            message = "piece 3"
            raise ValueError(message)
        return piece

    with pytest.raises(ValueError, match="piece 3"):
        list(Workers(1).map("x", fail_early, range(1000), [1] * 1000))
    assert len(begun) < 20


def test_few_pieces_are_worked_ahead() -> None:
    begun: list[int] = []
    answers = Workers(2).map("x", begun.append, range(1000), [1] * 1000)
    next(answers)
    time.sleep(0.05)
    assert len(begun) < 20
    answers.close()  # type: ignore[attr-defined]
    assert threading.active_count() < 20
