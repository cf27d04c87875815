"""What the index has said of an article before: told again from what is kept."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np

from dedup.article import IDENTICAL, RELATIONS, REWRITE
from dedup.index import accounts, catalog, copies
from dedup.index.catalog import NONE
from dedup.index.verdict import KNOWN, Match, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from dedup.index.accounts import Account
    from dedup.index.decision import Means
    from dedup.index.desk import Desk
    from dedup.index.shelf import View


def verdicts(desk: Desk, numbers: NDArray[np.int64], means: Means) -> list[Verdict]:
    """Say again what articles of the index are, each beside those that came before it and are still there."""
    matches = [_remembered(desk.view, number) for number in numbers.tolist()]
    told = _accounts(desk, numbers, matches, means)
    records = desk.records(numbers)
    names = catalog.ids(desk.view, [*numbers.tolist(), *records["story"].tolist()])
    out = []
    for row, number in enumerate(numbers.tolist()):
        listed = tuple(match for _, match in matches[row])
        best = listed[0] if listed else None
        out.append(
            Verdict(
                id=names[row],
                status=KNOWN,
                relation=best.relation if best else None,
                score=best.score if best else None,
                copy_of=best.id if best and best.relation != RELATIONS[REWRITE] else None,
                story_id=names[len(numbers) + row],
                merged=(),
                origin_id=told[number].origin_id,
                role=told[number].role,
                ledger=told[number].ledger,
                matches=listed,
            )
        )
    return out


def _accounts(
    desk: Desk, numbers: NDArray[np.int64], matches: Sequence[list[tuple[int, Match]]], means: Means
) -> dict[int, Account]:
    """Make the ledger of each beside the earlier members of its story: articles of one story by turns."""
    if not means.ledgers:
        return dict.fromkeys(numbers.tolist(), accounts.UNTOLD)
    records, runs = desk.records(numbers), catalog.runs_of(desk.view, numbers)
    told = {}
    turns: dict[int, list[tuple[int, NDArray[np.int64]]]] = {}
    for number, record, own, listed in zip(numbers.tolist(), records, runs, matches, strict=True):
        told[number] = accounts.alone(int(record["words"]), int((own["end"] - own["start"]).sum()))
        story = int(record["story"])
        members = [member for member in desk.view.listed(story).tolist() if member <= number]
        if len(members) > 1:
            looked_at = accounts.sources(story, [other for other, _ in listed], members, [number])
            turns.setdefault(story, []).append((number, looked_at))
    for turn in itertools.zip_longest(*turns.values()):
        chosen = [of_one for of_one in turn if of_one is not None]
        wanted = np.array([number for number, _ in chosen])
        told |= accounts.accounts(desk, wanted, [looked_at for _, looked_at in chosen], means.account())
    return told


def _remembered(view: View, number: int) -> list[tuple[int, Match]]:
    """Return an article's matches with earlier ones that are still there, the strongest first, and their numbers."""
    links = catalog.links_of(view, np.array([number]))[0]
    links = links[catalog.there(view, links["other"])]
    numbers = np.concatenate([[number], links["other"]])
    records = catalog.records(view, numbers)
    own = records[0]
    _, rank = copies.ranked(records)
    of_shorter = np.where(rank[1:] > rank[0], links["others"], links["own"])
    union = links["own"] + links["others"] - links["shared"]
    near = links["relation"] == RELATIONS.index("near")
    exact = links["shared"] / np.maximum(1, np.where(near, union, of_shorter))
    score = np.where(links["relation"] == REWRITE, links["probability"], exact)
    relation: dict[int, tuple[int, float]] = {}
    if own["twin"] != NONE:
        relation[int(own["twin"])] = IDENTICAL, 1.0
    for place in np.argsort(links["relation"], kind="stable").tolist():
        relation.setdefault(int(links["other"][place]), (int(links["relation"][place]), float(score[place])))
    others = list(relation)
    there = catalog.records(view, np.array(others, np.int64))
    found = [
        (*relation[other], other, name)
        for other, name, record in zip(others, catalog.ids(view, others), there, strict=True)
        if catalog.number_of(view, name) == other and (relation[other][0] != REWRITE or record["story"] == own["story"])
    ]
    found.sort(key=lambda match: (match[0], -match[1], match[2]))
    return [(other, Match(name, RELATIONS[kind], value)) for kind, value, other, name in found]
