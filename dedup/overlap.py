"""Candidates → matches: exact overlap of shingle sets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from dedup.article import EXCERPT, NEAR
from dedup.kernels import overlap

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dedup.text import Tokens


@dataclass(frozen=True)
class Overlap:
    """Exact overlap of pairs of texts: distinct shingles shared, and of each side (int64, one a pair)."""

    shared: NDArray[np.int64]
    longer: NDArray[np.int64]
    shorter: NDArray[np.int64]

    @property
    def resemblance(self) -> NDArray[np.float64]:
        """Shared shingles over those of either, 0..1 (Broder 1997)."""
        return _share(self.shared, self.longer + self.shorter - self.shared)

    @property
    def longer_in_shorter(self) -> NDArray[np.float64]:
        """Containment of the longer text in the shorter, 0..1."""
        return _share(self.shared, self.longer)

    @property
    def shorter_in_longer(self) -> NDArray[np.float64]:
        """Containment of the shorter text in the longer, 0..1."""
        return _share(self.shared, self.shorter)


def _share(part: NDArray[np.int64], whole: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.asarray(part / np.maximum(1, whole), np.float64)


def overlaps(tokens: Tokens, longer: NDArray[np.int64], shorter: NDArray[np.int64], size: int) -> Overlap:
    """Count the distinct shingles that pairs of texts share; pairs by number, equal ``shorter`` together."""
    shared = np.empty(len(longer), np.int64)
    sizes = np.empty(len(tokens), np.int64)
    overlap.shared_shingles(tokens.hashes, tokens.places, size, shorter, longer, shared, sizes)
    return Overlap(shared, sizes[longer], sizes[shorter])


@dataclass(frozen=True)
class Matches:
    """Verified pairs of texts by rank: (longer, shorter), the relation (article.RELATIONS) and exact overlap."""

    longer: NDArray[np.int64]
    shorter: NDArray[np.int64]
    relation: NDArray[np.int8]
    overlap: Overlap

    def __len__(self) -> int:
        """Count them."""
        return len(self.longer)

    @property
    def score(self) -> NDArray[np.float64]:
        """What the relation rests on: resemblance, or containment of the shorter in the longer."""
        return np.where(self.relation == NEAR, self.overlap.resemblance, self.overlap.shorter_in_longer)


class Rule(NamedTuple):
    """When a pair matches: resemblance ``near``, or ``excerpt`` of the shorter, of ``shingles`` at least, contained."""

    near: float
    excerpt: float
    shingles: int


def matches(longer: NDArray[np.int64], shorter: NDArray[np.int64], found: Overlap, rule: Rule) -> Matches:
    """Keep the pairs that are near copies, or of which the shorter is an excerpt of the longer."""
    is_near = found.resemblance >= rule.near
    is_excerpt = (found.shorter_in_longer >= rule.excerpt) & (found.shorter >= rule.shingles)
    kept = np.flatnonzero(is_near | is_excerpt)
    relation = np.where(is_near, NEAR, EXCERPT).astype(np.int8)
    exact = Overlap(found.shared[kept], found.longer[kept], found.shorter[kept])
    return Matches(longer[kept], shorter[kept], relation[kept], exact)


def merge(parts: list[Matches]) -> Matches:
    """Join the matches of several blocks, in the order of their pairs."""
    longer = np.concatenate([part.longer for part in parts]) if parts else np.empty(0, np.int64)
    shorter = np.concatenate([part.shorter for part in parts]) if parts else np.empty(0, np.int64)
    order = np.lexsort((shorter, longer))

    def column(name: str) -> NDArray[np.int64]:
        arrays = [getattr(part.overlap, name) for part in parts]
        return np.concatenate(arrays)[order] if arrays else np.empty(0, np.int64)

    relation = np.concatenate([part.relation for part in parts])[order] if parts else np.empty(0, np.int8)
    exact = Overlap(column("shared"), column("longer"), column("shorter"))
    return Matches(longer[order], shorter[order], relation, exact)
