"""What newcomers are: copies, rewrites or news; decided stage by stage as in `find`, then written and told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from dedup.article import IDENTICAL, RELATIONS, REWRITE
from dedup.index import accounts, catalog, copies, joining, partners
from dedup.index.catalog import NONE
from dedup.index.joining import Stories
from dedup.index.verdict import Match, Verdict
from dedup.rewrites import TELLERS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dedup.background import Background
    from dedup.index.accounts import Account
    from dedup.index.copies import Copies
    from dedup.index.desk import Desk
    from dedup.index.learning import Learning
    from dedup.index.partners import Times
    from dedup.index.recall import Recall
    from dedup.index.shelf import Writer
    from dedup.settings import Settings
    from dedup.sketch import Recipe
    from dedup.stories import Model
    from dedup.workers import Workers


class Means(NamedTuple):
    """What decisions are made with."""

    settings: Settings
    recipe: Recipe
    background: Background
    model: Model
    learning: Learning
    recall: Recall
    workers: Workers
    ledgers: bool = True

    def account(self) -> accounts.Means:
        """Return what ledgers are made with."""
        background = self.background if self.settings.stories else None
        return accounts.Means(background, self.settings.shingle, self.recipe, self.workers)


@dataclass
class Decision:
    """What was found of the newcomers at a desk."""

    desk: Desk
    twins: NDArray[np.int64]
    copies: Copies
    stories: Stories
    previous: dict[int, int]  # of newcomers that are another version: the earlier one


def decide(desk: Desk, means: Means, times: Times, previous: dict[int, int], writer: Writer | None = None) -> Decision:
    """Decide; with a ``writer`` the newcomers' keys are entered, so that they find each other and are found.

    ``previous`` are the earlier versions of newcomers that have one.
    """
    new, settings = desk.newcomers, means.settings
    twins = copies.twins(desk, settings.shingle)
    new.records["twin"] = twins
    fresh = np.flatnonzero((twins == NONE) & (new.records["tokens"] >= settings.shingle))
    if writer is not None:
        copies.post(writer, desk, fresh)
    found = copies.copies(desk, fresh, settings)
    for number, admission in found.admissions.items():
        desk.change(number, witness=admission.witness, relation=admission.relation, score=admission.score)
    stories = Stories(desk, {} if writer is None else catalog.founded(writer, new.numbers, new.table["id"].to_pylist()))
    stories.touch([*new.numbers.tolist(), *twins[twins != NONE].tolist(), *previous.values()])
    stories.touch([*found.admissions, *(admission.witness for admission in found.admissions.values())])
    if settings.stories:
        _retell(desk, means, stories, _tellers(desk, stories), times, writer)
    stories.settle(means.model.cut)
    return Decision(desk, twins, found, stories, previous)


def _retell(
    desk: Desk, means: Means, stories: Stories, group: dict[int, int], times: Times, writer: Writer | None
) -> None:
    """Align the newcomers that are tellers with all that they may retell."""
    new, vocabulary = desk.newcomers, means.learning.vocabulary
    tellers = np.flatnonzero(new.records["teller"])
    numbers = new.numbers[tellers]
    means.recall.add(numbers, new.table, new.surveyed, tellers)
    if writer is not None:
        partners.post(writer, desk, tellers, vocabulary.vocabulary)
    with_what = joining.Means(
        means.recall,
        vocabulary,
        means.background,
        means.model,
        times,
        means.settings,
        means.workers,
        keep=writer is not None,
    )
    stories.link(joining.pairs(desk, tellers, group, with_what))
    if writer is None:
        means.recall.forget(numbers.tolist())


def _tellers(desk: Desk, stories: Stories) -> dict[int, int]:
    """Say which newcomers are tellers; return the copy group of each article that is looked at."""
    new = desk.newcomers
    group = stories.groups()
    numbers = np.array(sorted(group), np.int64)
    new.records["teller"] = new.records["twin"] == NONE
    count: dict[int, int] = {}
    for number, teller in zip(numbers.tolist(), desk.records(numbers)["teller"].tolist(), strict=True):
        if not teller:
            continue
        count[group[number]] = count.get(group[number], 0) + 1
        if number >= new.first and count[group[number]] > TELLERS:
            desk.change(number, teller=False)
    return group


# Writing -----------------------------------------------------------------------------------------------------------


def write(writer: Writer, made: Decision) -> list[dict[str, Any]]:
    """Write what was decided; return the events, in order."""
    desk, stories = made.desk, made.stories
    new = desk.newcomers
    events: list[dict[str, Any]] = [
        {"kind": "merged", "story": older, "other": younger} for older, younger in stories.merged
    ]
    gone = {event["other"] for event in events}
    for number, story in sorted(stories.after.items()):
        before = stories.before[number]
        if number >= new.first or before == story:
            continue
        writer.leave(before, np.array([number]))
        writer.join(story, np.array([number]))
        desk.change(number, story=story)
        if before not in gone:
            events.append({"kind": "moved", "article": number, "story": story, "other": before})
    for number in new.numbers.tolist():
        story = stories.of(number)
        desk.change(number, story=story)
        writer.join(story, np.array([number]))
        kind = "updated" if number in made.previous else "added" if story == number else "joined"
        events.append({"kind": kind, "article": number, "story": story})
    _write_newcomers(writer, made)
    for number, record in desk.changed():
        catalog.write_record(writer, number, record)
    return events


def _write_newcomers(writer: Writer, made: Decision) -> None:
    new, runs = made.desk.newcomers, made.desk.newcomers.surveyed.boilerplate
    notes = made.desk.notes(new.numbers.tolist())
    exact = _matched(made)
    for row, (number, note) in enumerate(zip(new.numbers.tolist(), notes, strict=True)):
        catalog.write_record(writer, number, new.records[row])
        catalog.write_note(writer, number, note)
        own = slice(runs.places[row], runs.places[row + 1])
        catalog.write_runs(writer, number, runs.starts[own], runs.ends[own])
    for number in made.stories.linked():
        retold = joining.told(made.stories.links(number))
        if number >= new.first:
            kept = exact[number]
        else:
            held = catalog.links_of(writer, np.array([number]))[0]
            kept = held[held["relation"] != REWRITE]
        catalog.write_links(writer, number, np.concatenate([kept, retold]) if len(retold) else kept)


def _matched(made: Decision) -> dict[int, NDArray[Any]]:
    """Return what is kept of each newcomer's exact matches with earlier articles."""
    found, exact = made.copies, made.copies.overlap
    later = np.maximum(found.longer, found.shorter)
    own_longer = found.longer == later
    both = np.zeros(len(later), catalog.LINK)
    both["other"] = np.minimum(found.longer, found.shorter)
    both["relation"], both["shared"] = found.relation, exact.shared
    both["own"] = np.where(own_longer, exact.longer, exact.shorter)
    both["others"] = np.where(own_longer, exact.shorter, exact.longer)
    order = np.argsort(later, kind="stable")
    numbers = made.desk.newcomers.numbers
    cuts = np.searchsorted(later[order], numbers[1:])
    return dict(zip(numbers.tolist(), np.split(both[order], cuts), strict=True))


# Telling -----------------------------------------------------------------------------------------------------------


def verdicts(made: Decision, means: Means, status: str) -> list[Verdict]:
    """Say what each newcomer is."""
    desk, new = made.desk, made.desk.newcomers
    matches = _matches(made)
    told = _accounts(made, means, matches)
    merged = made.stories.merged
    part_of: dict[int, list[int]] = {}
    for older, younger in merged:
        part_of.setdefault(older, []).append(younger)
    wanted = {other for of_one in matches.values() for other, _, _ in of_one} | {younger for _, younger in merged}
    numbers = sorted(wanted | {made.stories.of(number) for number in matches})
    names = dict(zip(numbers, (note.id for note in desk.notes(numbers)), strict=True))
    out = []
    for id_, (number, of_one) in zip(new.table["id"].to_pylist(), matches.items(), strict=True):
        listed = tuple(Match(names[other], RELATIONS[relation], score) for other, relation, score in of_one)
        best = listed[0] if listed else None
        story = made.stories.of(number)
        out.append(
            Verdict(
                id=id_,
                status="updated" if number in made.previous else status,
                relation=best.relation if best else None,
                score=best.score if best else None,
                copy_of=best.id if best and best.relation != RELATIONS[REWRITE] else None,
                story_id=names[story],
                merged=tuple(names[younger] for younger in part_of.get(story, ())),
                origin_id=told[number].origin_id,
                role=told[number].role,
                ledger=told[number].ledger,
                matches=listed,
            )
        )
    return out


def _matches(made: Decision) -> dict[int, list[tuple[int, int, float]]]:
    """Return the matches of every newcomer, the strongest first: (other, relation, score)."""
    new, found, stories = made.desk.newcomers, made.copies, made.stories
    out: dict[int, list[tuple[int, int, float]]] = {number: [] for number in new.numbers.tolist()}
    for number, twin in zip(new.numbers.tolist(), made.twins.tolist(), strict=True):
        if twin != NONE:
            out[number].append((twin, IDENTICAL, 1.0))
    near = found.relation == RELATIONS.index("near")
    score = np.where(near, found.overlap.resemblance, found.overlap.shorter_in_longer)
    later, earlier = np.maximum(found.longer, found.shorter), np.minimum(found.longer, found.shorter)
    for number, *match in zip(*(column.tolist() for column in (later, earlier, found.relation, score)), strict=True):
        out[number].append(tuple(match))
    for number, matches in out.items():
        links = stories.links(number)
        if links:
            copies_ = {other for other, _, _ in matches}
            story = stories.of(number)
            matches += [
                (other, REWRITE, probability)
                for other, probability in links.items()
                if stories.after.get(other) == story and other not in copies_
            ]
        matches.sort(key=lambda match: (match[1], -match[2], match[0]))
    return out


def _accounts(made: Decision, means: Means, matches: dict[int, list[tuple[int, int, float]]]) -> dict[int, Account]:
    """Make the ledgers of the newcomers."""
    new, desk = made.desk.newcomers, made.desk
    if not means.ledgers:
        return dict.fromkeys(new.numbers.tolist(), accounts.UNTOLD)
    groups = []
    runs = new.surveyed.boilerplate
    house = np.concatenate([[0], np.cumsum(runs.ends - runs.starts)])[runs.places]
    told = {
        number: accounts.alone(int(new.records["words"][row]), int(house[row + 1] - house[row]))
        for row, number in enumerate(new.numbers.tolist())
    }
    by_story: dict[int, list[int]] = {}
    for number in new.numbers.tolist():
        by_story.setdefault(made.stories.of(number), []).append(number)
    for story, newcomers in by_story.items():
        if len(made.stories.members(story)) > 1:
            matched = [other for number in newcomers for other, _, _ in matches[number]]
            groups.append(accounts.sources(story, matched, made.stories.members(story), newcomers))
    return told | accounts.accounts(desk, new.numbers, groups, means.account())
