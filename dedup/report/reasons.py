"""An explanation on a terminal: the verdict in a line, then the evidence, then what would change it."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.text import Text

from dedup.alignment import CONTRAST
from dedup.explanation import reason
from dedup.report.terminal import HEADING, QUIET, TELLING, counted, cut, headline, packed, printable, share, wrapped

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from dedup.explanation.reason import Change, Copies, Explanation, Feature, Passage, Side, Step, Telling, Verdict

_INDENT = "  "
_INNER = "     "  # below the letter of an article
_LINES = 2  # of a passage
_TERMS = 8  # salient terms that are named
_FLAGS = {"near": "--near", "excerpt": "--excerpt", "window": "--window", "story_threshold": "--story-threshold"}
_HOUR_UNIT = 6  # hours, the unit of the feature `gap` (kernels/alignment.py)
_EXACT = 17  # digits that tell any two numbers apart
_SHOWN = 0.005  # points below which a feature said nothing


def reasons(told: Explanation, width: int) -> Iterator[Text]:
    """Lay out an explanation; the two articles are A and B, as on the command line."""
    yield from wrapped(verdict(told), width, "", HEADING)
    for letter, side in (("A", told.left), ("B", told.right)):
        yield Text()
        yield from _side(letter, side, width)
    if told.chain:
        yield from _section("Joined through", _steps(told.chain, width))
    yield from _section("As copies", _copies(told.copies, width))
    if told.telling is not None:
        yield from _section("As one story", _telling(told, told.telling, width))
    if told.passages:
        yield from _section("Most alike", (line for one in told.passages for line in _passage(one, width)))
    yield from _section("What would change it", _changes(told, width))
    yield Text()
    for line in basis(told):
        yield from wrapped(line, width, "", QUIET)


def document(told: Explanation) -> dict[str, Any]:
    """Return an explanation as one JSON object."""
    return {
        **asdict(told),
        "verdict": {"text": verdict(told), **asdict(told.verdict)},
        "changes": [asdict(change) | {"holds": change.holds} for change in told.changes],
        "basis": asdict(told.basis) | {"exact": told.basis.exact},
    }


# The verdict ------------------------------------------------------------------------------------------------------


def verdict(told: Explanation) -> str:
    """Return in a sentence where the two are, and the rule and the number that decided."""
    outcome = {reason.ONE_GROUP: _of_group, reason.ONE_STORY: _of_story, reason.APART: _apart}
    return outcome[told.verdict.outcome](told, told.verdict)


def _of_group(told: Explanation, made: Verdict) -> str:
    short, long = ("A", "B") if told.copies.shorter == "left" else ("B", "A")
    if made.rule == reason.CHAIN:
        return f"One copy group, through others: they are linked by {counted(len(told.chain), 'match', 'matches')}"
    if made.value is None or made.threshold is None:
        return "One copy group: they have the same words"
    if made.rule == "near":
        return f"One copy group: near copies, with a resemblance of {_figure(made.value, made.threshold)}"
    contained = f"with a containment of {_figure(made.value, made.threshold)}"
    return f"One copy group: {short} is an excerpt of {long}, {contained}"


def _figure(value: float, threshold: float) -> str:
    """Return a number that reached a threshold."""
    return f"{_beside(value, threshold)} (from {_plain(threshold)} on)"


def _beside(value: float, threshold: float, digits: int = 2) -> str:
    """Return a number with as many digits, ``digits`` at least, as show on which side of a threshold it is."""
    rounded = (f"{value:.{places}f}" for places in range(digits, _EXACT))
    return next(
        (text for text in rounded if _side_of(float(text), threshold) == _side_of(value, threshold)), f"{value!r}"
    )


def _side_of(value: float, threshold: float) -> int:
    return (value > threshold) - (value < threshold)


def _plain(threshold: float) -> str:
    """Return a threshold as somebody would write it."""
    short = f"{threshold:g}"
    return short if float(short) == threshold else repr(threshold)


def _of_story(told: Explanation, made: Verdict) -> str:
    telling = told.telling
    if telling is None or made.value is None or made.threshold is None:
        return "One story"
    upto = f"parts join from {_plain(made.threshold)} on, and these stay together up to {telling.together_up_to:g}"
    value = _beside(made.value, made.threshold)
    if made.rule == reason.LINKED:
        return f"One story, through others: the two were not aligned with each other; {upto}"
    if made.value < made.threshold:
        return f"One story, through others: the two alone have a probability of {value} only; {upto}"
    return f"One story: they tell it in other words, with a probability of {value}; {upto}"


def _apart(told: Explanation, made: Verdict) -> str:
    single = told.telling is not None and told.telling.left_groups == told.telling.right_groups == 1
    value, threshold = made.value or 0.0, made.threshold or 0.0
    empty = " and ".join(letter for letter, side in _sides(told) if not side.own_words)
    shorter = "A" if told.copies.shorter == "left" else "B"
    overlap = "resemblance" if told.copies.relation == "near" else "containment"
    instead = f"{shorter} joined {printable(told.copies.instead or '')}, its best match"
    probability = "the probability that they tell one story" if single else "the mean probability between their stories"
    words = {
        reason.NO_TEXT: f"{empty} {'has' if len(empty) == 1 else 'have'} no words of {_own(empty)} own",
        reason.ELSEWHERE: f"they match, with a {overlap} of {_figure(value, threshold)}, but {instead}",
        reason.WINDOW: f"{_hours(value, threshold)} lie between them, and rewrites are looked for within"
        f" {_hours(threshold)}",
        reason.TERMS: f"they share {counted(int(value), 'salient term')}, and {threshold:g} are needed to be compared",
        reason.PARTNERS: f"each is aligned with its {threshold:g} likeliest partners, and the other is not one of them",
        reason.COPIES_ONLY: f"{_not_copies(told.copies)}, and rewrites were not looked for (--no-stories)",
        reason.LINK: f"{probability} is {_beside(value, threshold)}, and parts join from {_plain(threshold)} on",
    }
    return f"Apart: {words[made.rule]}"


def _own(letters: str) -> str:
    return "its" if len(letters) == 1 else "their"


def _sides(told: Explanation) -> tuple[tuple[str, Side], tuple[str, Side]]:
    return ("A", told.left), ("B", told.right)


def _not_copies(copies: Copies) -> str:
    if copies.short:
        return "one has too few words to be anybody's copy"
    if copies.relation is not None:
        return "they match and are not in one copy group"
    resemblance, contained = (
        _beside(value, threshold)
        for value, threshold in ((copies.resemblance, copies.near), (copies.contained, copies.excerpt))
    )
    return f"resemblance {resemblance} and containment {contained} reach no threshold"


def _hours(hours: float, window: float | None = None) -> str:
    """Return hours in words, with as many digits as show on which side of a window they are."""
    told = f"{hours:,.3g}" if hours < 1000 else f"{hours:,.0f}"  # noqa: PLR2004
    if window is not None and _side_of(float(told.replace(",", "")), window) != _side_of(hours, window):
        told = _beside(hours, window)
    return f"{told} hour{'' if hours == 1 else 's'}"


# The articles -----------------------------------------------------------------------------------------------------


def _side(letter: str, side: Side, width: int) -> Iterator[Text]:
    parts = [printable(side.source or ""), _date(side.published), printable(side.id)]
    for number, line in enumerate(packed([part for part in parts if part], width - len(_INNER))):
        lead = f"  {letter}  " if number == 0 else _INNER
        yield from wrapped(line, width, lead, TELLING if number == 0 else "")
    yield from headline(side.title, width, _INNER)
    house = side.words - side.own_words
    words = f"{counted(side.words, 'word')}{f', {house:,} of them boilerplate' if house else ''}"
    groups = [f"copy group of {side.copies:,}"] if side.copies > 1 else []
    groups += [f"story of {side.members:,}"] if side.members > 1 else []
    for line in packed([words, *(groups or ["on its own"])], width - len(_INNER)):
        yield from wrapped(line, width, _INNER, QUIET)


def _date(moment: datetime | None) -> str:
    return f"{moment.day} {moment:%b} {moment.year} {moment:%H:%M} UTC" if moment else "undated"


def _section(heading: str, lines: Iterator[Text]) -> Iterator[Text]:
    yield Text()
    yield Text(heading, HEADING)
    yield from lines


def _steps(chain: tuple[Step, ...], width: int) -> Iterator[Text]:
    for step in chain:
        score = "" if step.relation == "identical" else f" {step.score:.2f}"
        line = f"{printable(step.id)} — {printable(step.relation)}{score} — {printable(step.other_id)}"
        yield from wrapped(line, width, _INDENT)


# Copies -----------------------------------------------------------------------------------------------------------


def _copies(told: Copies, width: int) -> Iterator[Text]:
    for line in _copy_lines(told):
        yield from wrapped(line, width, _INDENT)


def _copy_lines(told: Copies) -> Iterator[str]:
    if told.short:
        yield "one has fewer own words than a shingle, too few to be anybody's copy"
        return
    if told.identical:
        yield "the same words in the same order: they count as one text"
        return
    if not told.shared:
        bands = f"{len(told.bands)} of {told.of_bands} bands hit"
        keys = f"{told.keys_shared} of {told.keys_needed} sampled shingles that are needed"
        yield f"no shingle in common: resemblance and containment are 0; {bands}, {keys}"
        return
    yield f"resemblance {_beside(told.resemblance, told.near, 3)}; near copies from {_plain(told.near)}"
    excerpt = f"excerpt from {_plain(told.excerpt)}"
    in_right, in_left = (_beside(value, told.excerpt, 3) for value in (told.left_in_right, told.right_in_left))
    smallest = min(told.left_shingles, told.right_shingles)
    few = f" and {counted(told.excerpt_shingles, 'shingle')}" if smallest < told.excerpt_shingles else ""
    yield f"containment of A in B {in_right}, of B in A {in_left}; {excerpt}{few}"
    shared = counted(told.shared, "shingle")
    yield f"{shared} shared, of {told.left_shingles:,} in A and {told.right_shingles:,} in B"
    estimated = f"resemblance by signatures {told.estimate:.3f}, standard error {told.error:.3f}"
    yield f"{len(told.bands)} of {told.of_bands} bands hit{_numbers(told.bands)}; {estimated}"
    keys = f"{counted(told.keys_shared, 'sampled shingle')} shared, {told.keys_needed:,} needed"
    yield f"{keys}: {'compared' if told.compared else 'not compared'}"
    if told.instead is not None:
        yield f"they match, but an article joins its best match only, here {printable(told.instead)}"


def _numbers(bands: tuple[int, ...]) -> str:
    return f" ({', '.join(map(str, bands))})" if bands else ""


# Stories ----------------------------------------------------------------------------------------------------------


def _telling(told: Explanation, telling: Telling, width: int) -> Iterator[Text]:
    for line in _story_lines(told, telling):
        yield from wrapped(line, width, _INDENT)
    if telling.features:
        yield Text()
        yield from _points(telling, width)


def _story_lines(told: Explanation, telling: Telling) -> Iterator[str]:
    named = ", ".join(map(printable, telling.terms[:_TERMS]))
    more = f" and {len(telling.terms) - _TERMS} more" if len(telling.terms) > _TERMS else ""
    stand = [
        f"{printable(name)} stands for {letter}"
        for (letter, side), name in zip(_sides(told), (telling.left_id, telling.right_id), strict=True)
        if name != side.id
    ]
    if stand:
        yield "; ".join(stand)
    terms = f"{counted(len(telling.terms), 'salient term')} shared, {telling.needed} needed"
    yield f"{terms}{f': {named}{more}' if named else ''}"
    if telling.hours is None:
        yield "one has no date: no window keeps them apart"
    else:
        yield f"{_hours(telling.hours, telling.window)} between them; the window is {_hours(telling.window)}"
    yield _probability(telling)
    if telling.parts is not None:
        groups = f"{_groups(telling.left_groups)} by {_groups(telling.right_groups)}"
        mean = _beside(telling.parts, telling.cut)
        yield f"mean probability between the two stories {mean} ({groups}); they join from {_plain(telling.cut)}"
    else:
        mean = _beside(telling.between, telling.cut)
        yield f"mean probability between their copy groups {mean}; parts join from {_plain(telling.cut)}"


def _groups(count: int) -> str:
    return counted(count, "copy group")


def _probability(telling: Telling) -> str:
    if telling.stored is not None:
        return f"probability of one story {_beside(telling.stored, telling.cut)}, as in matches.parquet"
    if telling.probability is None:
        return "not aligned: the probability of one story counts as 0"
    return f"probability of one story {_beside(telling.probability, telling.cut)}, computed again"


def _points(telling: Telling, width: int) -> Iterator[Text]:
    total = telling.points + sum(feature.points for feature in telling.features)
    rows = [(telling.points, "to start with"), *_worded(telling.features)]
    for points, words in rows:
        yield cut(Text.assemble(f"{_INDENT}{points:>+6.2f}  ", (words, QUIET)), width)
    again = "" if telling.stored in (None, telling.probability) else ", computed again"
    odds = f"points: the probability is {1 / (1 + math.exp(-total)):.2f}{again}, and 0 points are 0.50"
    yield from wrapped(f"{total:>+6.2f}  {odds}", width, _INDENT)


def _worded(features: tuple[Feature, ...]) -> Iterator[tuple[float, str]]:
    """Yield the features that say something in words; the two that look at other pairs are told as one."""
    known = {feature.name: feature for feature in features}
    for name, words in _WORDS.items():
        feature = known.get(name)
        if feature is not None and abs(feature.points) >= _SHOWN:
            yield feature.points, words.format(value=feature.value, **_natural(feature.value))
    beside = sum(known[name].points for name in CONTRAST if name in known)
    behind = [known[name].value < 0 for name in CONTRAST if name in known]
    if any(behind):
        yield beside, f"{'both have' if all(behind) else 'one of them has'} a better match elsewhere"


_WORDS = {
    "closeness": "closeness of the wording, {exp:.2f} of 1",
    "numbers": "figures in common, {value:.2f} of 1",
    "lead": "words of title and lead in common",
    "counterparts": "{percent} of the sentences have a counterpart",
    "same_outlet": "the same outlet, which rarely tells a story twice",
    "gap": "{hours} between them",
    "no_date": "one has no date",
}


def _natural(value: float) -> Mapping[str, Any]:
    return {
        "exp": math.exp(min(value, 0.0)),
        "percent": share(min(max(value, 0.0), 1.0)),
        "hours": _hours(_HOUR_UNIT * math.expm1(max(value, 0.0))),
    }


def _passage(passage: Passage, width: int) -> Iterator[Text]:
    of = "A is in B" if passage.of == "left" else "B is in A"
    how = "copied" if passage.kind == "copied" else f"reworded: {share(passage.score)} of {of}"
    yield Text(f"{_INDENT}{how}", QUIET)
    sides = [("A", passage.left)] if passage.kind == "copied" else [("A", passage.left), ("B", passage.right)]
    for letter, text in sides:
        room = _LINES * (width - len(_INNER) - 2) - 2
        yield from wrapped(f"{letter}  {cut(Text(printable(text)), room).plain}", width, "  ")


# What would have to change ----------------------------------------------------------------------------------------


def _changes(told: Explanation, width: int) -> Iterator[Text]:
    for change in told.changes:
        yield from wrapped(f"{_options(change)}: {_effect(change, told)}", width, _INDENT)
    if not told.changes:
        yield from wrapped(_unchanged(told), width, _INDENT)


def _options(change: Change) -> str:
    named = [
        "without --no-stories"
        if name == "stories"
        else f"{_FLAGS[name]} {value:g}"
        if name in _FLAGS
        else f"--set {name}={value:g}"
        for name, value in change.settings.items()
    ]
    return " ".join(named)


def _effect(change: Change, told: Explanation) -> str:
    if change.wanted == reason.APART:
        parted = "they would not be in one copy group" if told.telling is None else "they would be apart"
        return parted if change.holds else "not enough to part them"
    if not change.holds:
        return "not enough to join them"
    return f"they would be in one {change.outcome}, of {counted(change.size, 'article')}"


def _unchanged(told: Explanation) -> str:
    if not told.basis.agrees:
        return "Nothing was tried: computed again, the two are not where the result has them."
    if told.verdict.outcome == reason.APART:
        return "No lower threshold joins them."
    if told.copies.identical:
        return "Nothing: articles with the same words are always in one copy group."
    return "No higher threshold parts them."


def basis(told: Explanation) -> Iterator[str]:
    """Say what the figures were computed from."""
    made = told.basis
    if made.articles == made.corpus:
        yield f"Computed again from all {counted(made.corpus, 'article')}; every change named was tried on them."
    else:
        yield (
            f"Computed again from the {made.articles:,} articles nearest in time, of {made.corpus:,}: what outlets"
            " repeat and how rare words are is of these, and figures that are not from the result are close to its"
            " own, not the same. Changes were tried on these. --articles reads more."
        )
    if made.changed:
        many = counted(made.changed, "other article has", "other articles have")
        yield f"{many} changed in the corpus since the result was made."
    if not made.agrees:
        yield "Computed again, the two are not where the result has them: the verdict is the result's."
