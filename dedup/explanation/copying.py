"""Two articles as copies: the bands and sampled shingles that they share, and their exact overlap."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from dedup import lsh, overlap, pipeline, sketch
from dedup.article import IDENTICAL, RELATIONS
from dedup.candidates import BAND
from dedup.explanation.reason import (
    Copies,
)
from dedup.minhash import estimate, standard_error
from dedup.text import token_hashes, views

if TYPE_CHECKING:
    from dedup.explanation.case import Case


def copies_of(case: Case) -> Copies:
    """Say how alike two articles are as copies, and whether they were compared."""
    made, sketches = case.rehearsal, case.rehearsal.surveyed.sketches
    rows = np.array(case.places)
    ranks = made.ranks()[rows]
    one, two = rows.tolist()
    short = bool((ranks < 0).any())
    # Of two texts the longer has the lower rank; those that are too short for one go by their words.
    order = sketches.tokens[rows] * -1 if short else ranks
    shorter = int(order[1] >= order[0])
    tokens = token_hashes([views(case.table["text"].take(pa.array(rows)).combine_chunks())])
    left_out = made.surveyed.boilerplate.mask(rows, tokens.places)
    signatures = sketch.signatures_kept(tokens, left_out, pipeline.recipe(case.settings))
    exact = _overlap(tokens.without(left_out), shorter, case.settings.shingle)
    contained, containing = float(exact.shorter_in_longer[0]), float(exact.longer_in_shorter[0])
    sizes = int(exact.longer[0]), int(exact.shorter[0])
    resemblance = float(exact.resemblance[0])
    rule = overlap.Rule(case.settings.near, case.settings.excerpt, case.settings.excerpt_shingles)
    matched = overlap.matches(ranks[[1 - shorter]], ranks[[shorter]], exact, rule)
    identical = not short and bool(ranks[0] == ranks[1])
    met = RELATIONS[IDENTICAL] if identical else RELATIONS[matched.relation[0]] if len(matched) and not short else None
    ours, theirs = (np.unique(sketches.sampled[sketches.places[row] : sketches.places[row + 1]]) for row in (one, two))
    keys = len(theirs if shorter else ours)
    needed = math.ceil(pipeline.keys_needed(np.array([keys], np.int32), case.settings)[0])
    pairs = case.copied.pairs
    hit = np.flatnonzero(sketches.keys[one] == sketches.keys[two]) if not short else np.empty(0, np.int64)
    compared = bool(((pairs.longer == ranks[1 - shorter]) & (pairs.shorter == ranks[shorter])).any())
    elsewhere = met is not None and compared and not case.facts.one("copy_id")
    return Copies(
        identical=identical,
        short=short,
        bands=tuple((hit + 1).tolist()),
        of_bands=case.settings.bands,
        chance=float(lsh.probability(np.array([resemblance]), case.settings.bands, case.settings.rows)[0]),
        estimate=0.0 if short else estimate(signatures[0], signatures[1]),
        error=standard_error(resemblance, case.settings.permutations),
        resemblance=resemblance,
        left_in_right=containing if shorter else contained,
        right_in_left=contained if shorter else containing,
        shared=int(exact.shared[0]),
        left_shingles=sizes[0] if shorter else sizes[1],
        right_shingles=sizes[1] if shorter else sizes[0],
        shorter=("left", "right")[shorter],
        keys_shared=len(np.intersect1d(ours, theirs)),
        keys_needed=min(max(needed, 1), BAND),
        compared=compared,
        relation=met,
        instead=case.facts.pair("witness_id")[shorter] if elsewhere else None,
        near=case.settings.near,
        excerpt=case.settings.excerpt,
        excerpt_shingles=case.settings.excerpt_shingles,
    )


def _overlap(own: Any, shorter: int, size: int) -> overlap.Overlap:
    """Compare two texts exactly; one without a word shares nothing."""
    if not np.diff(own.places).all():
        nothing = np.zeros(1, np.int64)
        return overlap.Overlap(nothing, nothing, nothing)
    return overlap.overlaps(own, np.array([1 - shorter]), np.array([shorter]), size)
