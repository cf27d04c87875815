"""Whose copy is a newcomer? The stages of `find`, against the articles of the index.

Twins by fingerprint; candidates by band keys and sampled shingles; the exact comparison; and the witnesses, of the
newcomers and of those shorter articles that a newcomer now admits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from dedup import overlap
from dedup.candidates import BAND as BAND_HIT
from dedup.candidates import KEY as KEY_HIT
from dedup.candidates import Candidates, choose, gather, least
from dedup.cluster import grow
from dedup.index.catalog import NONE
from dedup.index.keys import BAND, PRINT, SHINGLE, band_keys, only, print_keys
from dedup.pipeline import keys_needed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dedup.index.desk import Desk
    from dedup.index.shelf import Writer
    from dedup.settings import Settings


class Admission(NamedTuple):
    """What admits an article to its copy group."""

    witness: int
    relation: int
    score: float


class Copies(NamedTuple):
    """Verified matches between newcomers and others, by number, and the articles that got another witness.

    ``longer`` and ``shorter`` stand beside the overlap; ``admissions`` has the new admission of each article, newcomer
    or not, that a newcomer changed.
    """

    longer: NDArray[np.int64]
    shorter: NDArray[np.int64]
    relation: NDArray[np.int8]
    overlap: overlap.Overlap
    admissions: dict[int, Admission]


def twins(desk: Desk, least: int) -> NDArray[np.int64]:
    """Return for each newcomer the first article with the same tokens, NONE where it is the first.

    Texts of fewer than ``least`` tokens say too little to be anybody's copy.
    """
    new = desk.newcomers
    fingerprints, numbers = new.records["fingerprint"], new.numbers
    out = np.full(len(new), NONE)
    _, first, same = np.unique(fingerprints, axis=0, return_index=True, return_inverse=True)
    earliest = first[same.ravel()]
    out[earliest != np.arange(len(new))] = numbers[earliest[earliest != np.arange(len(new))]]
    found = desk.view.postings(PRINT, print_keys(new.surveyed.sketches).values, 0)
    known = found.number < new.first
    query, number = found.query[known], found.number[known]
    equal = (desk.records(number)["fingerprint"] == fingerprints[query]).all(axis=1)
    out[query[equal]] = number[equal]
    out[new.records["tokens"] < least] = NONE
    return out


def post(writer: Writer, desk: Desk, fresh: NDArray[np.int64]) -> None:
    """Enter the keys of the newcomers ``fresh``, counted from 0, so that later articles find them."""
    new = desk.newcomers
    weights = np.maximum(new.records["tokens"][fresh], 0).astype(np.uint32)
    sketches = new.surveyed.sketches
    families = {}
    every = {PRINT: print_keys(sketches), BAND: band_keys(sketches), SHINGLE: new.shingle_keys}
    for family, keys in every.items():
        chosen = only(keys, fresh)
        families[family] = (chosen.values, chosen.places, weights[chosen.owners])
    writer.post(new.numbers[fresh], new.records["part"][fresh], families)


def copies(desk: Desk, fresh: NDArray[np.int64], settings: Settings) -> Copies:
    """Find the verified matches of the newcomers ``fresh``, counted from 0, and what they change."""
    one, two, evidence = _hits(desk, fresh, settings)
    nodes, ends = np.unique(np.concatenate([one, two]), return_inverse=True)
    records = desk.records(nodes)
    order, rank = ranked(records)
    ranks = rank[ends]
    longer, shorter = np.minimum(*np.split(ranks, 2)), np.maximum(*np.split(ranks, 2))
    packed = (shorter.astype(np.uint64) << np.uint64(36)) | (longer.astype(np.uint64) << np.uint64(8)) | evidence
    needed = keys_needed(records["sampled"][order], settings)
    chosen = Candidates.of(*choose(gather([packed]), least(needed), settings.compared))
    involved, where = np.unique(np.concatenate([chosen.longer, chosen.shorter]), return_inverse=True)
    tokens = desk.own_tokens(nodes[order][involved])
    half = len(chosen)
    exact = overlap.overlaps(tokens, where[:half], where[half:], settings.shingle)
    rule = overlap.Rule(settings.near, settings.excerpt, settings.excerpt_shingles)
    found = overlap.matches(chosen.longer, chosen.shorter, exact, rule)
    numbers = nodes[order]
    made = Copies(numbers[found.longer], numbers[found.shorter], found.relation, found.overlap, {})
    return made._replace(admissions=_admissions(desk, made, found.score))


def _hits(
    desk: Desk, fresh: NDArray[np.int64], settings: Settings
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint64]]:
    """Return (newcomer, another article, evidence), one for each key that they share.

    Longer articles that share too few of the newcomer's keys are left out, before anything is read of them.
    """
    new = desk.newcomers
    parts = []
    bands = band_keys(new.surveyed.sketches)
    for family, keys, worth in ((BAND, bands, BAND_HIT), (SHINGLE, new.shingle_keys, KEY_HIT)):
        chosen = only(keys, fresh)
        found = desk.view.postings(family, chosen.values, settings.cap)
        own = new.numbers[fresh][chosen.owners[found.query]]
        before = found.number < own  # a pair of newcomers is found by the later one
        worths = np.full(int(before.sum()), worth, np.uint64)
        parts.append((own[before], found.number[before], found.weight[before], worths))
    one, two, weight, evidence = (np.concatenate(column) for column in zip(*parts, strict=True))
    records = new.records[one - new.first]
    _, pair = np.unique((one << 32) | two, return_inverse=True)
    enough = np.bincount(pair, evidence)[pair] >= least(keys_needed(records["sampled"], settings))
    kept = enough | (weight <= records["tokens"])
    return one[kept], two[kept], evidence[kept]


def ranked(records: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the order of texts by rank, longest first as in survey.rank, and the rank of each."""
    order = np.lexsort((records["fingerprint"][:, 1], records["fingerprint"][:, 0], -records["tokens"]))
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    return order, rank


def _admissions(desk: Desk, made: Copies, score: NDArray[np.float64]) -> dict[int, Admission]:
    """Return the articles whose witness is another now: the matches beside the witnesses that they had."""
    shorter = np.unique(made.shorter)
    known = desk.records(shorter)
    held = known["witness"] != NONE
    longer = np.concatenate([made.longer, known["witness"][held]])
    below = np.concatenate([made.shorter, shorter[held]])
    relation = np.concatenate([made.relation, known["relation"][held]])
    scores = np.concatenate([score, known["score"][held]])
    nodes, ends = np.unique(np.concatenate([longer, below]), return_inverse=True)
    _, rank = ranked(desk.records(nodes))
    ranks = rank[ends]
    groups = grow(ranks[: len(longer)], ranks[len(longer) :], relation, scores, len(nodes))
    out = {}
    for match in groups.witness[groups.witness >= 0].tolist():
        if match < len(made.longer):
            out[int(below[match])] = Admission(int(longer[match]), int(relation[match]), float(scores[match]))
    return out


def roots(records: NDArray[Any], numbers: NDArray[np.int64]) -> dict[int, int]:
    """Return the longest text of the copy group of each article; ``numbers`` hold all witnesses and twins of it."""
    above = np.where(records["twin"] != NONE, records["twin"], records["witness"])
    step = dict(zip(numbers.tolist(), above.tolist(), strict=True))
    out: dict[int, int] = {}
    for number in step:
        top = number
        while step[top] != NONE:
            top = step[top]
        out[number] = top
    return out
