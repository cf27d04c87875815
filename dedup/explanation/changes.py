"""What would have to change: settings that part or join two articles, every one of them tried."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dedup.evaluation import relink
from dedup.explanation.reason import (
    APART,
    CHAIN,
    NO_TEXT,
    ONE_GROUP,
    ONE_STORY,
    PARTNERS,
    Change,
    Copies,
    Step,
    Telling,
    Verdict,
)
from dedup.explanation.telling import STEPS, last_step

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dedup.explanation.case import Case
    from dedup.explanation.rehearsal import Retold
    from dedup.settings import Settings


_SENSIBLE = 0.3  # resemblance or containment below which no threshold is suggested: it would join mere quotes
_WIDE = 1 << 10  # what a cap is tried with
_ROUNDING = 1e-6  # of a figure in hundredths


def changes_of(
    case: Case, copies: Copies, telling: Telling | None, verdict: Verdict, chain: tuple[Step, ...]
) -> tuple[Change, ...]:
    """Try what would change the verdict; nothing where the figures are not those of the result."""
    if not case.basis.agrees:
        return ()  # what is tried here would say nothing of the result
    if telling is None:
        return tuple(_to_part(case, copies, verdict, chain))
    found = _to_copy(case, copies)
    return (*found, *(_to_leave(case, telling) if verdict.outcome == ONE_STORY else _to_join(case, telling, verdict)))


def _to_leave(case: Case, telling: Telling) -> Iterator[Change]:
    """Raise the story threshold as little as parts the two; the result's own pairs are linked again."""
    up = _above(telling.together_up_to or 1.0)
    if up <= 1:
        story, (left, right) = relink(case.facts.result, up), case.facts.rows
        outcome = ONE_STORY if story[left] == story[right] else APART
        yield Change({"story_threshold": up}, APART, outcome, int((story == story[left]).sum()))


def _below(value: float) -> float:
    """Round down to hundredths, in which thresholds are told."""
    return math.floor(value * STEPS) / STEPS


def _above(value: float) -> float:
    return (math.floor(value * STEPS + _ROUNDING) + 1) / STEPS


def _with(settings: Settings, changed: Mapping[str, float]) -> Settings:
    values: dict[str, Any] = dict(changed)
    return replace(settings, **values)


def _copied(case: Case, changed: Mapping[str, float], wanted: str) -> Change:
    """Try settings of copies."""
    copied = case.rehearsal.copies(_with(case.settings, changed))
    first = copied.members.first_rows(len(case.table))
    group = ONE_GROUP if case.together(first) else APART
    return Change(changed, wanted, group, int((first == first[case.places[0]]).sum()))


def _to_part(case: Case, copies: Copies, verdict: Verdict, chain: tuple[Step, ...]) -> Iterator[Change]:
    """Try to raise the threshold that the two, or the weakest match of their chain, reach; and then both."""
    raised = {"near": _above(copies.resemblance), "excerpt": _above(copies.contained)}
    rule = verdict.rule
    if rule == CHAIN:
        weakest = min((step for step in chain if step.relation in raised), key=lambda step: step.score)
        rule, raised[weakest.relation] = weakest.relation, _above(weakest.score)
    if raised.get(rule, math.inf) > 1:
        return
    tried = _copied(case, {rule: raised[rule]}, APART)
    yield tried
    if not tried.holds and all(value <= 1 for value in raised.values()):
        yield _copied(case, {name: max(value, getattr(case.settings, name)) for name, value in raised.items()}, APART)


def _to_copy(case: Case, copies: Copies) -> Iterator[Change]:
    """Try to lower the thresholds of copies to what the two reach."""
    if copies.short:
        return
    if copies.relation is not None:
        if not copies.compared:
            yield _copied(case, {"cap": _WIDE, "compared": _WIDE}, ONE_GROUP)
        return
    if copies.resemblance >= _SENSIBLE:
        yield _copied(case, {"near": _below(copies.resemblance)}, ONE_GROUP)
    shingles = copies.left_shingles if copies.shorter == "left" else copies.right_shingles
    if copies.contained >= _SENSIBLE:
        lowered = {"excerpt": _below(copies.contained)} if copies.contained < copies.excerpt else {}
        fewer = {"excerpt_shingles": shingles} if shingles < copies.excerpt_shingles else {}
        yield _copied(case, {**lowered, **fewer}, ONE_GROUP)


def _retold(case: Case, changed: Mapping[str, float], retold: Retold, wanted: str) -> Change:
    """Try settings of stories; ``retold`` are the pairs under these."""
    story = retold.stories(changed.get("story_threshold", case.settings.story_threshold))
    outcome = ONE_STORY if case.together(story) else APART
    return Change(changed, wanted, outcome, int((story == story[case.places[0]]).sum()))


def _to_join(case: Case, telling: Telling, verdict: Verdict) -> Iterator[Change]:
    """Try a longer window or more partners where these keep the two apart, and a lower threshold."""
    if verdict.rule == NO_TEXT:
        return
    if not case.settings.stories:
        yield _retold(case, {"stories": True}, case.retold, ONE_STORY)
        return
    wider: dict[str, float] = {}
    if telling.hours is not None and telling.hours > telling.window:
        wider = {"window": float(math.ceil(telling.hours))}
    elif verdict.rule == PARTNERS:
        wider = {"partners": max(_WIDE, 2 * case.settings.partners)}
    if wider:
        retold = case.rehearsal.rewrites(case.copied, _with(case.settings, wider))
        tried = _retold(case, wider, retold, ONE_STORY)
        lowered = [] if tried.holds else list(_lowered(case, wider, retold))
        yield from lowered or [tried]
    yield from _lowered(case, {}, case.retold)


def _lowered(case: Case, changed: Mapping[str, float], retold: Retold) -> Iterator[Change]:
    """Lower the threshold as little as joins the two, if anything does."""
    cut = math.ceil(case.settings.story_threshold * STEPS) - 1
    step = last_step(1, cut, lambda tried: case.together(retold.stories(tried / STEPS)))
    if step > 0:
        yield _retold(case, {**changed, "story_threshold": step / STEPS}, retold, ONE_STORY)
