"""Texts → sketches: the first pass over a corpus, all that candidates are found by.

One fused kernel takes each text from its bytes to token count, fingerprint, signature, band keys and sampled
shingles while it is in the processor's cache.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from dedup import text
from dedup.kernels import texts
from dedup.minhash import hashing

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Recipe:
    """What a sketch is made with: ``size`` tokens a shingle, ``bands`` of ``rows`` minima, one in ``sample`` kept."""

    size: int
    permutations: int
    seed: int
    bands: int
    rows: int
    sample: int


@dataclass(frozen=True)
class Sketches:
    """The sketches of ``n`` texts.

    ``tokens`` (n,) int32; ``fingerprints`` (n, 2) uint64, equal exactly for equal token sequences; ``keys``
    (n, bands) uint64, the band keys; the sampled shingles of text ``i`` (uint32, the hashes' low halves) are
    ``sampled[places[i]:places[i + 1]]``.
    """

    tokens: NDArray[np.int32]
    fingerprints: NDArray[np.uint64]
    keys: NDArray[np.uint64]
    sampled: NDArray[np.uint32]
    places: NDArray[np.int64]

    def __len__(self) -> int:
        """Count them."""
        return len(self.tokens)


def sketch(column: pa.Array, recipe: Recipe) -> Sketches:
    """Sketch every text of a string column; a null counts as an empty text.

    Raises CorpusError where a text is not valid UTF-8.
    """
    return _sketch(column, recipe, np.empty((0, recipe.permutations), np.uint32))


def signatures(column: pa.Array, recipe: Recipe) -> NDArray[np.uint32]:
    """Return the signatures of every text of a string column, (texts, permutations) uint32."""
    out = np.empty((len(column), recipe.permutations), np.uint32)
    _sketch(column, recipe, out)
    return out


def _sketch(column: pa.Array, recipe: Recipe, signatures: NDArray[np.uint32]) -> Sketches:
    batch = text.views(column)
    try:
        return _run(batch, recipe, signatures, strict=True)
    except text.ComplexError:
        return _run(text.simplify(batch), recipe, signatures, strict=False)


def sketch_kept(tokens: text.Tokens, left_out: NDArray[np.bool_], recipe: Recipe) -> Sketches:
    """Sketch texts without the tokens that are ``left_out``, one value a token."""
    made, room = _room(len(tokens), len(tokens.hashes), recipe)
    texts.sketch_kept(
        tokens.hashes,
        tokens.places,
        left_out,
        recipe.size,
        hashing(recipe.permutations, recipe.seed),
        recipe.rows,
        recipe.sample,
        (made.tokens, made.fingerprints, np.empty((0, recipe.permutations), np.uint32), made.keys, made.places),
        room,
    )
    return replace(made, sampled=room[: made.places[-1]].copy())


def signatures_kept(tokens: text.Tokens, left_out: NDArray[np.bool_], recipe: Recipe) -> NDArray[np.uint32]:
    """Return the signatures behind the band keys of :func:`sketch_kept`, (texts, permutations) uint32."""
    out = np.empty((len(tokens), recipe.permutations), np.uint32)
    made, room = _room(len(tokens), 0, recipe)
    texts.sketch_kept(
        tokens.hashes,
        tokens.places,
        left_out,
        recipe.size,
        hashing(recipe.permutations, recipe.seed),
        recipe.rows,
        0,
        (made.tokens, made.fingerprints[:0], out, made.keys[:0], made.places),
        room,
    )
    return out


def _run(batch: text.Texts, recipe: Recipe, signatures: NDArray[np.uint32], *, strict: bool) -> Sketches:
    wanted = not len(signatures)
    shown = len(batch.starts) if wanted else 0
    made, room = _room(len(batch.starts), int((batch.ends - batch.starts).sum()) if wanted else 0, recipe)
    answer = texts.sketch(
        *batch,
        strict,
        text.fold_tables(),
        recipe.size,
        hashing(recipe.permutations, recipe.seed),
        recipe.rows,
        recipe.sample if wanted else 0,
        (made.tokens, made.fingerprints[:shown], signatures, made.keys[:shown], made.places),
        room,
    )
    text.check(answer)
    return replace(made, sampled=room[: made.places[-1]].copy())


def _room(count: int, size: int, recipe: Recipe) -> tuple[Sketches, NDArray[np.uint32]]:
    """Return sketches to be written, and room for the sampled shingles of ``size`` bytes or tokens in all.

    One place more than there can be is written to.
    """
    return empty(count, recipe), np.empty(2 * size + count + 1, np.uint32)


def empty(count: int, recipe: Recipe) -> Sketches:
    """Return sketches of ``count`` texts whose values are not set, without sampled shingles."""
    return Sketches(
        np.empty(count, np.int32),
        np.empty((count, 2), np.uint64),
        np.empty((count, recipe.bands), np.uint64),
        np.empty(0, np.uint32),
        np.zeros(count + 1, np.int64),
    )
