"""Matches → copy groups.

An article's *witness* is its best match among articles that are not shorter; copy groups are the trees of these
witnesses. So no chain of weak matches can grow: each step needs a verified match to a longer text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from dedup.kernels import forest

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dedup.overlap import Matches


class Groups(NamedTuple):
    """For each text by rank: the longest text of its group, and the match that admits it (-1 for that one)."""

    root: NDArray[np.int64]
    witness: NDArray[np.int64]


def copy_groups(matches: Matches, texts: int) -> Groups:
    """Group ``texts`` texts, numbered by rank (longest first), by their witnesses."""
    return grow(matches.longer, matches.shorter, matches.relation, matches.score, texts)


def grow(
    longer: NDArray[np.int64],
    shorter: NDArray[np.int64],
    relation: NDArray[np.int8],
    score: NDArray[np.float64],
    texts: int,
) -> Groups:
    """Group ``texts`` texts, numbered by rank, by matches with their relations and scores."""
    witness = np.empty(texts, np.int64)
    forest.witnesses(longer, shorter, relation, score, witness)
    root = np.empty(texts, np.int64)
    forest.roots(longer, witness, root)
    return Groups(root, witness)
