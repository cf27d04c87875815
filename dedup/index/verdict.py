"""What the index says: verdicts, matches, stories, events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from dedup.comparison import Ledger

ADDED, KNOWN, UPDATED, CHECKED = "added", "known", "updated", "checked"


@dataclass(frozen=True)
class Match:
    """A verified match with another article: identical, near, excerpt or rewrite, and its score, 0..1."""

    id: str
    relation: str
    score: float


@dataclass(frozen=True)
class Verdict:
    """What the index says of an article: final for its moment, later articles may change what it would say.

    ``status`` is added, known (this text was there under this id), updated (another text was) or checked (nothing is
    stored). ``relation`` and ``score`` are the strongest match, None where there is none: the article is news.
    ``copy_of`` is the article that it is a copy of. ``story_id`` is the id of the first article of its story, its own
    where it starts one, and None where it was only checked and would start one; ``merged`` are stories that it made
    part of that one. ``origin_id`` and ``role`` are as in the tables of :func:`dedup.find`. The ``ledger`` is against
    the members of the story that are there then, the 16 likeliest where there are many; that of a known article is
    against those that came before it. It is None where none was asked for.
    """

    id: str
    status: str
    relation: str | None
    score: float | None
    copy_of: str | None
    story_id: str | None
    merged: tuple[str, ...]
    origin_id: str | None
    role: str | None
    ledger: Ledger | None
    matches: tuple[Match, ...]


@dataclass(frozen=True)
class Entry:
    """An article in the index. ``history`` are its earlier texts, the latest first."""

    id: str
    text: str
    title: str | None
    source: str | None
    published: datetime | None
    url: str | None
    story_id: str
    relation: str | None
    witness_id: str | None
    history: tuple[str, ...]


@dataclass(frozen=True)
class Event:
    """A change: ``kind`` is added (a story of its own), joined, updated, merged or removed.

    ``story_id`` is the story as it is after the change; ``other`` is the story that was merged into it.
    """

    cursor: int
    kind: str
    id: str | None
    story_id: str | None
    other: str | None


@dataclass(frozen=True)
class Info:
    """What an index holds.

    ``capped`` counts pairs in large stories that were not scored again beside a newcomer, as they were too many.
    """

    articles: int
    stories: int
    events: int
    capped: int
    bytes: int
    oldest: datetime | None
    newest: datetime | None
    learned: int
    settings: Mapping[str, object]
    version: str
