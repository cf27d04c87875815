"""The rule that decided, and its number."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dedup.article import IDENTICAL, NEAR, RELATIONS, REWRITE
from dedup.explanation.reason import (
    APART,
    CHAIN,
    COPIES_ONLY,
    ELSEWHERE,
    LINK,
    LINKED,
    NO_TEXT,
    ONE_GROUP,
    ONE_STORY,
    PARTNERS,
    TERMS,
    WINDOW,
    Copies,
    Telling,
    Verdict,
)

if TYPE_CHECKING:
    from dedup.explanation.case import Case
    from dedup.explanation.facts import Facts


def verdict_of(case: Case, copies: Copies, telling: Telling | None) -> Verdict:
    """Return the outcome, the rule that decided and its number beside the threshold."""
    facts = case.facts
    if telling is None:
        return _of_group(facts, copies)
    if facts.one("story_id"):
        if telling.stored is not None:
            return Verdict(ONE_STORY, RELATIONS[REWRITE], telling.stored, telling.cut)
        return Verdict(ONE_STORY, LINKED, telling.together_up_to, telling.cut)
    return _apart(case, copies, telling)


def _of_group(facts: Facts, copies: Copies) -> Verdict:
    left, right = facts.texts()
    if left == right:
        return Verdict(ONE_GROUP, RELATIONS[IDENTICAL], 1.0, None)
    match = facts.match(left, right, rewrite=False)
    if match is None:
        return Verdict(ONE_GROUP, CHAIN, None, None)
    if match["relation"] == RELATIONS[NEAR]:
        return Verdict(ONE_GROUP, match["relation"], match["resemblance"], copies.near)
    return Verdict(ONE_GROUP, match["relation"], match["containment_right_in_left"], copies.excerpt)


def _apart(case: Case, copies: Copies, telling: Telling) -> Verdict:
    if copies.instead is not None:
        near = copies.relation == RELATIONS[NEAR]
        reached = (copies.resemblance, copies.near) if near else (copies.contained, copies.excerpt)
        return Verdict(APART, ELSEWHERE, *reached)
    if not case.settings.stories:
        return Verdict(APART, COPIES_ONLY, copies.resemblance, copies.near)
    if not (case.rehearsal.surveyed.sketches.tokens[list(case.places)] > 0).all():
        return Verdict(APART, NO_TEXT, 0, 1)
    if telling.probability is not None:
        return Verdict(APART, LINK, telling.parts, telling.cut)
    return _unaligned(case, telling)


def _unaligned(case: Case, telling: Telling) -> Verdict:
    """Say why two were never aligned."""
    if telling.hours is not None and telling.hours > telling.window:
        return Verdict(APART, WINDOW, telling.hours, telling.window)
    if len(telling.terms) < telling.needed:
        return Verdict(APART, TERMS, len(telling.terms), telling.needed)
    return Verdict(APART, PARTNERS, None, case.settings.partners)
