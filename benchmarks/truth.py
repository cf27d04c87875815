"""Whether an answer is right: copy groups beside planted copies or exact pairs, signatures beside exact overlaps.

Recall is the share of the known pairs with a resemblance of 0.8 or more that stand in one group; of the copies of one
planted text `COPIES` count. Precision is that of the groups: for each article in a group, up to `DRAWN` of them,
another of the same group is drawn; the two belong together where they were made from one text, or where they share half
of all their shingles (resemblance) or 0.6 of the shorter one's (containment), which is counted here from the texts. It
is lenient: two articles that are both like a third may be less like each other. What is drawn hangs on the ids.

A peer that flags articles without grouping them is asked less: a pair is found where both are flagged, and a flag is
right where the article has a partner at all.
"""

from __future__ import annotations

import zlib
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from peers.protocol import SHINGLE, THRESHOLD, tokens

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

ALIKE = 0.5
WITHIN = 0.6
DRAWN = 5_000
COPIES = 20
"""Copies of one text that count: the one cluster of thousands would else outweigh all others."""


class Quality(NamedTuple):
    """How right an answer is; what does not apply is None."""

    pairs: int | None = None
    """Known pairs that count."""
    recall: float | None = None
    precision: float | None = None
    error: float | None = None
    """Mean difference between the resemblance that signatures tell and the exact one."""


@dataclass(frozen=True)
class Truth:
    """What is known of a corpus."""

    pairs: pa.Table
    """Columns `left`, `right` (ids) and `resemblance`, of known pairs of any resemblance."""
    story: dict[str, int]
    """Articles made from one text have one number; empty where nothing is planted."""


def planted(path: Path) -> Truth:
    """Read the truth that the generator wrote: copies with the text that they were made from."""
    table = pq.read_table(path)
    copies = table.filter(pc.is_valid(table["copy_of"]))
    names = ["left", "right", "resemblance"]
    pairs = copies.select(["id", "copy_of", "resemblance"]).rename_columns(names)
    story = dict(zip(table["id"].to_pylist(), table["story"].to_pylist(), strict=True))
    return Truth(pairs, story)


def _few_of_each(pairs: pa.Table) -> pa.Table:
    """Keep of each text the first `COPIES` by id."""
    ordered = pairs.sort_by([("right", "ascending"), ("left", "ascending")])
    rights = ordered["right"].combine_chunks()
    first = pc.index_in(rights, rights).to_numpy()
    return ordered.filter(pa.array(np.arange(len(ordered)) - first < COPIES))


def exact(path: Path) -> Truth:
    """Read a table of exact pairs: `a`, `b` and their `jaccard`."""
    table = pq.read_table(path, columns=["a", "b", "jaccard"])
    return Truth(table.rename_columns(["left", "right", "resemblance"]), {})


def judge_groups(found: pa.Table, truth: Truth, corpus: Path) -> Quality:
    """Measure copy groups, or flags."""
    known = _few_of_each(truth.pairs.filter(pc.greater_equal(truth.pairs["resemblance"], THRESHOLD)))
    if "flagged" in found.column_names:
        return _judge_flags(found, truth, known)
    group = dict(zip(found["id"].to_pylist(), found["copy_id"].to_pylist(), strict=True))
    sides = [known[side].to_pylist() for side in ("left", "right")]
    together = [
        group[left] is not None and group[left] == group[right]
        for left, right in zip(*sides, strict=True)
        if left in group and right in group
    ]
    return Quality(len(together), _share(together), _precision(group, truth, corpus))


def _judge_flags(found: pa.Table, truth: Truth, known: pa.Table) -> Quality:
    flagged = set(found.filter(found["flagged"])["id"].to_pylist())
    present = set(found["id"].to_pylist())
    pairs = zip(known["left"].to_pylist(), known["right"].to_pylist(), strict=True)
    both = [left in flagged and right in flagged for left, right in pairs if left in present and right in present]
    alike = truth.pairs.filter(pc.greater_equal(truth.pairs["resemblance"], ALIKE))
    with_partner = {id_ for side in ("left", "right") for id_ in alike[side].to_pylist() if id_ in present}
    return Quality(len(both), _share(both), _share([id_ in with_partner for id_ in flagged]))


def _share(right: list[bool]) -> float | None:
    return sum(right) / len(right) if right else None


def _precision(group: dict[str, Any], truth: Truth, corpus: Path) -> float | None:
    pairs = _drawn(group)
    unproven = [pair for pair in pairs if not _of_one_text(truth.story, *pair)]
    sets = _shingles({id_ for pair in unproven for id_ in pair}, corpus)
    wrong = sum(not _alike(sets[left], sets[right]) for left, right in unproven)
    return 1 - wrong / len(pairs) if pairs else None


def _drawn(group: dict[str, Any]) -> list[tuple[str, str]]:
    """Draw another member for each grouped article, and of these pairs at most `DRAWN`."""
    members: defaultdict[Any, list[str]] = defaultdict(list)
    for id_ in sorted(group):
        if group[id_] is not None:
            members[group[id_]].append(id_)
    pairs = []
    for ids in members.values():
        for place, id_ in enumerate(ids):
            if len(ids) > 1:
                other = (place + 1 + zlib.crc32(id_.encode()) % (len(ids) - 1)) % len(ids)
                pairs.append((id_, ids[other]))
    return sorted(pairs, key=lambda pair: zlib.crc32(pair[0][::-1].encode()))[:DRAWN]


def _of_one_text(story: dict[str, int], left: str, right: str) -> bool:
    return left in story and story[left] == story.get(right)


def _shingles(ids: set[str], corpus: Path) -> dict[str, set[tuple[str, ...]]]:
    """Read the texts of some articles, and return the set of each one's shingles."""
    wanted, sets = pa.array(sorted(ids), pa.large_string()), {}
    for batch in pq.ParquetFile(corpus).iter_batches(columns=["id", "text"]):
        kept = batch.filter(pc.is_in(batch["id"].cast(pa.large_string()), wanted))
        for id_, text in zip(kept["id"].to_pylist(), kept["text"].to_pylist(), strict=True):
            words = tokens(text)
            sets[str(id_)] = {tuple(words[i : i + SHINGLE]) for i in range(max(1, len(words) - SHINGLE + 1))}
    return sets


def _alike(one: Iterable[Any], other: Iterable[Any]) -> bool:
    left, right = set(one), set(other)
    both = len(left & right)
    return both >= ALIKE * len(left | right) or both >= WITHIN * min(len(left), len(right))


def judge_signatures(signed: pa.Table, truth: Truth, corpus: Path) -> Quality:
    """Measure the resemblance that the signatures of the first articles tell, beside the known one of their pairs."""
    ids = pq.read_table(corpus, columns=["id"])["id"].slice(0, len(signed)).to_pylist()
    place = {id_: row for row, id_ in enumerate(ids)}
    rows = np.array(signed["signature"].to_pylist(), np.uint64)
    columns = [truth.pairs[name].to_pylist() for name in ("left", "right", "resemblance")]
    errors = [
        abs(float((rows[place[left]] == rows[place[right]]).mean()) - resemblance)
        for left, right, resemblance in zip(*columns, strict=True)
        if left in place and right in place
    ]
    return Quality(len(errors), error=float(np.mean(errors)) if errors else None)
