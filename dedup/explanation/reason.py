"""What there is to say of two articles of a result: the verdict, the evidence, and what would change it.

Typed and frozen; :mod:`dedup.explanation` makes them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

ONE_GROUP, ONE_STORY, APART = "copy group", "story", "apart"

# The rules that decide, beside the relations (article.RELATIONS).
CHAIN = "chain"  # in one copy group through others
LINKED = "linked"  # in one story, and never compared with each other
NO_TEXT = "no text"
COPIES_ONLY = "copies only"
ELSEWHERE = "elsewhere"  # they match, and one of them joined its best match instead
WINDOW, TERMS, PARTNERS, LINK = "window", "terms", "partners", "link"


@dataclass(frozen=True)
class Side:
    """One of the two articles, as OUT has it; ``own_words`` are those that are not boilerplate.

    ``copies`` counts the articles of its copy group, ``members`` those of its story, itself included.
    """

    id: str
    title: str | None
    source: str | None
    published: datetime | None
    words: int
    own_words: int
    copy_id: str
    story_id: str
    copies: int
    members: int


@dataclass(frozen=True)
class Basis:
    """What the evidence was computed from: ``articles`` of the ``corpus`` articles of OUT were read again.

    ``changed`` of them do not have the words that OUT counted. ``agrees``: computed again, the two are together, or
    apart, as they are in OUT. ``exact``: all were read, none has changed, and it agrees.
    """

    articles: int
    corpus: int
    changed: int
    agrees: bool

    @property
    def exact(self) -> bool:
        """Say whether every figure is the one that OUT was made with."""
        return self.articles == self.corpus and not self.changed and self.agrees


@dataclass(frozen=True)
class Copies:
    """Two texts as copies; all of their own words, without boilerplate.

    ``bands`` are the numbers of those hit of ``of_bands``, and ``chance`` that of a hit at this resemblance;
    ``estimate`` is the resemblance by the signatures, ``error`` the standard error of such an estimate. ``shared`` of
    ``left_shingles`` and ``right_shingles`` distinct shingles are the same. ``keys_shared`` sampled shingles are shared
    and ``keys_needed`` make a candidate. ``compared``: the pair was a candidate, caps included. ``relation`` is what
    the exact numbers make it by the thresholds ``near`` and ``excerpt``, the latter from ``excerpt_shingles`` on.
    ``shorter`` is left or right; ``short`` says that one has fewer words than a shingle and cannot be a copy.
    ``instead`` is whom the shorter joined where it matches the longer and is in another copy group: its best match.
    """

    identical: bool
    short: bool
    bands: tuple[int, ...]
    of_bands: int
    chance: float
    estimate: float
    error: float
    resemblance: float
    left_in_right: float
    right_in_left: float
    shared: int
    left_shingles: int
    right_shingles: int
    shorter: str
    keys_shared: int
    keys_needed: int
    compared: bool
    relation: str | None
    instead: str | None
    near: float
    excerpt: float
    excerpt_shingles: int

    @property
    def contained(self) -> float:
        """Containment of the shorter text in the longer, 0..1."""
        return self.left_in_right if self.shorter == "left" else self.right_in_left


@dataclass(frozen=True, order=True)
class Step:
    """A match between two articles that leads from one of the pair toward the other."""

    id: str
    other_id: str
    relation: str
    score: float


@dataclass(frozen=True)
class Feature:
    """One of alignment.FEATURES: its value, and what it adds to the log odds that two articles tell one story."""

    name: str
    value: float
    points: float


@dataclass(frozen=True)
class Telling:
    """Two articles as tellers of one story.

    ``left_id`` and ``right_id`` were aligned: the two themselves, or members of their copy groups that stand for them.
    ``terms`` are the salient terms that they share, of which ``needed`` make a candidate; ``hours`` lie between them,
    None where one has no date. ``probability`` is None for a pair that was not aligned, ``stored`` that of OUT's
    matches where it is there. ``points`` is where the log odds start, and ``features`` are added to it. ``between`` is
    the mean probability between the two copy groups, ``parts`` that between the two stories where they are apart;
    ``cut`` is the threshold. ``together_up_to`` is the highest threshold, in hundredths, at which the two are together.
    """

    left_id: str
    right_id: str
    terms: tuple[str, ...]
    needed: int
    hours: float | None
    window: float
    probability: float | None
    stored: float | None
    points: float
    features: tuple[Feature, ...]
    between: float
    parts: float | None
    left_groups: int
    right_groups: int
    cut: float
    together_up_to: float | None


@dataclass(frozen=True)
class Passage:
    """Text of the left article beside its counterpart in the right one; ``kind`` is copied or reworded.

    ``score`` is the share of the text of the side ``of``, left or right, that the other holds.
    """

    left: str
    right: str
    kind: str
    score: float
    of: str


@dataclass(frozen=True)
class Change:
    """Settings that were tried: with them the two are in one copy group or story of ``size`` articles, or ``apart``.

    ``wanted`` is what the change was to do; ``outcome`` is what it does.
    """

    settings: Mapping[str, float]
    wanted: str
    outcome: str
    size: int

    @property
    def holds(self) -> bool:
        """Say whether the change does what it was to do."""
        return self.outcome == self.wanted


@dataclass(frozen=True)
class Verdict:
    """Where the two are, the rule that decided, its number, and the threshold of that."""

    outcome: str
    rule: str
    value: float | None
    threshold: float | None


@dataclass(frozen=True)
class Explanation:
    """Why two articles are together or apart. ``telling`` is None for two of one copy group.

    ``chain`` are the matches by which they are in one copy group, or one story, where they do not match each other.
    """

    verdict: Verdict
    left: Side
    right: Side
    copies: Copies
    telling: Telling | None
    chain: tuple[Step, ...]
    passages: tuple[Passage, ...]
    changes: tuple[Change, ...]
    basis: Basis
