"""What a result says of two of its articles: their places, the matches stored for them, who admitted whom."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from dedup.article import IDENTICAL, RELATIONS, REWRITE
from dedup.errors import OutputError
from dedup.explanation.reason import (
    CHAIN,
    LINKED,
    Side,
    Step,
    Verdict,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dedup.result import Result


_LIKE = 3  # ids that are suggested for one that is not there
_COMPARED_IDS = 20_000  # ids that are compared letter by letter for such a suggestion
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def row_of(result: Result, name: str) -> int:
    """Return the row of an id. Raises OutputError, with the ids most like it, where there is none."""
    ids = result.articles["id"]
    row = int(pc.index(ids, pa.scalar(name, pa.large_string())).as_py())
    if row < 0:
        like = _alike(ids, name)
        hint = f"; there is {' and '.join(map(repr, like))}" if like else ""
        raise OutputError(f"no article's id is {name!r}{hint}")
    return row


def _alike(ids: pa.ChunkedArray, name: str) -> list[str]:
    """Return ids that hold the name, or that differ from it by few letters."""
    held = ids.filter(pc.match_substring(ids, name, ignore_case=True)).slice(0, _LIKE).to_pylist() if name else []
    return held or get_close_matches(name, ids.slice(0, _COMPARED_IDS).to_pylist(), _LIKE)


@dataclass(frozen=True)
class Facts:
    """A result and two of its rows."""

    result: Result
    rows: tuple[int, int]

    def value(self, column: str, row: int) -> Any:
        """Return a value of an article."""
        return self.result.articles[column][row].as_py()

    def pair(self, column: str) -> tuple[Any, Any]:
        """Return the values of the two."""
        return self.value(column, self.rows[0]), self.value(column, self.rows[1])

    def one(self, column: str) -> bool:
        """Say whether the two have the same value."""
        left, right = self.pair(column)
        return bool(left == right)

    def texts(self) -> tuple[str, str]:
        """Return the ids that stand for the texts of the two among the matches: the first article of each text."""
        first = [
            other if relation == RELATIONS[IDENTICAL] else own
            for own, other, relation in zip(*map(self.pair, ("id", "witness_id", "relation")), strict=True)
        ]
        return first[0], first[1]

    def sides(self) -> tuple[Side, Side]:
        """Describe the two."""
        return self._side(self.rows[0]), self._side(self.rows[1])

    def _side(self, row: int) -> Side:
        words, house = self.value("words", row), self.value("boilerplate", row)
        copies, members = (
            int(pc.sum(pc.equal(self.result.articles[name], self.result.articles[name][row])).as_py())
            for name in ("copy_id", "story_id")
        )
        return Side(
            self.value("id", row),
            self.value("title", row),
            self.value("source", row),
            _moment(self.time(row)),
            words,
            words - round(words * house),
            self.value("copy_id", row),
            self.value("story_id", row),
            copies,
            members,
        )

    def time(self, row: int) -> int | None:
        """Return when an article was published, in microseconds; its year may be one that Python does not have."""
        micros: int | None = self.result.articles["published"].slice(row, 1).cast(pa.int64())[0].as_py()
        return micros

    def match(self, left: str, right: str, *, rewrite: bool) -> Mapping[str, Any] | None:
        """Return the stored match of two articles, either way round."""
        matches = self.result.matches
        sides = [(left, right), (right, left)]
        between = [pc.and_(pc.equal(matches["left"], one), pc.equal(matches["right"], two)) for one, two in sides]
        found = matches.filter(pc.or_(*between)).to_pylist()
        kept = [row for row in found if (row["relation"] == RELATIONS[REWRITE]) == rewrite]
        return kept[0] if kept else None


def _moment(micros: int | None) -> datetime | None:
    try:
        return None if micros is None else _EPOCH + timedelta(microseconds=micros)
    except OverflowError:  # a year that Python's calendar does not have
        return None


def chain_of(facts: Facts, verdict: Verdict) -> tuple[Step, ...]:
    """Return the matches that lead from one to the other where no match of their own joins them."""
    if verdict.rule == CHAIN:
        return _witnesses(facts)
    weak = verdict.rule == RELATIONS[REWRITE] and (verdict.value or 0.0) < (verdict.threshold or 0.0)
    return _strongest_path(facts) if verdict.rule == LINKED or weak else ()


def _witnesses(facts: Facts) -> tuple[Step, ...]:
    """Return the witnesses from the left article up to the first that both have, and from there down to the right."""
    left, right = (_upwards(facts, row) for row in facts.rows)
    ends = facts.pair("id")
    ours, theirs = ([end, *(step.other_id for step in steps)] for end, steps in zip(ends, (left, right), strict=True))
    meeting = next(name for name in ours if name in theirs)
    return (*left[: ours.index(meeting)], *reversed(right[: theirs.index(meeting)]))


def _upwards(facts: Facts, row: int) -> list[Step]:
    """Follow the witnesses of an article up to the longest text of its copy group."""
    steps: list[Step] = []
    ids = facts.result.articles["id"]
    while facts.value("relation", row) not in (None, RELATIONS[REWRITE]):
        own, other = facts.value("id", row), facts.value("witness_id", row)
        steps.append(Step(own, other, facts.value("relation", row), facts.value("score", row)))
        row = int(pc.index(ids, pa.scalar(other, pa.large_string())).as_py())
    return steps


def _strongest_path(facts: Facts) -> tuple[Step, ...]:
    """Return the stored pairs that lead from one copy group to the other, the weakest of them as strong as can be."""
    articles, matches = facts.result.articles, facts.result.matches
    members = articles.filter(pc.equal(articles["story_id"], facts.value("story_id", facts.rows[0])))
    group = dict(zip(members["id"].to_pylist(), members["copy_id"].to_pylist(), strict=True))
    inside = pc.is_in(matches["left"], members["id"].combine_chunks())
    rewrites = matches.filter(pc.and_(inside, pc.is_valid(matches["story_score"])))
    links: dict[str, list[Step]] = {}
    for row in rewrites.select(["left", "right", "story_score"]).to_pylist():
        for one, two in ((row["left"], row["right"]), (row["right"], row["left"])):
            links.setdefault(group[one], []).append(Step(one, two, RELATIONS[REWRITE], row["story_score"]))
    start, goal = facts.pair("copy_id")
    waiting: list[tuple[float, str, tuple[Step, ...]]] = [(-1.0, start, ())]
    seen: set[str] = set()
    while waiting:
        weakest, here, steps = heapq.heappop(waiting)
        if here == goal:
            return steps
        if here in seen:
            continue
        seen.add(here)
        for step in links.get(here, ()):
            if group[step.other_id] not in seen:
                way = (*steps, step)
                heapq.heappush(waiting, (max(weakest, -step.score), group[step.other_id], way))
    return ()
