"""The longest passages that two articles have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from dedup.comparison import compare
from dedup.explanation.reason import (
    Passage,
)
from dedup.text import read, views

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dedup.comparison import Aligned
    from dedup.explanation.case import Case


_PASSAGES = 3


def passages_of(case: Case) -> tuple[Passage, ...]:
    """Return the longest passages that the two have in common, those counted less that are not word for word."""
    texts = case.field("text")
    beside = compare(*texts, case.settings, titles=case.field("title"), sources=case.field("source"))
    house = [_house(case, side) for side in (0, 1)]
    found: list[Passage] = []
    for row in sorted(beside.aligned, key=_alikeness):
        places = ((row.left_start, row.left_end), (row.right_start, row.right_end))
        own = all(not held[start:end].any() for held, (start, end) in zip(house, places, strict=True))
        left, right = (text[start:end] for text, (start, end) in zip(texts, places, strict=True))
        if own and not any(left in one.left or one.left in left or right == one.right for one in found):
            found.append(Passage(left, right, row.kind, row.score, row.of))
    return tuple(found[:_PASSAGES])


def _alikeness(row: Aligned) -> float:
    """Order passages by how much of them the other side holds, the most first."""
    length = row.left_end - row.left_start if row.of == "left" else row.right_end - row.right_start
    return -row.score * length


def _house(case: Case, side: int) -> NDArray[np.bool_]:
    """Say of every character of a text whether a word of boilerplate starts there."""
    text = case.field("text")[side]
    tokens = read(views(pa.array([text], pa.large_string()))).tokens
    marked = case.rehearsal.surveyed.boilerplate.mask(np.array([case.places[side]]), tokens.places)
    out = np.zeros(len(text) + 1, np.bool_)
    before = np.cumsum((np.frombuffer(text.encode() + b" ", np.uint8) & 0xC0) != 0x80) - 1  # noqa: PLR2004  (UTF-8)
    out[before[tokens.starts[marked]]] = True
    return out
