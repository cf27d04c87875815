"""What an article did with the origin of its story, in an editor's words.

============= ======================================================================================
role          of its own words (boilerplate apart), toward the origin
============= ======================================================================================
original      the article is the origin
identical     0.98 are copied, and it holds 0.98 of the origin
own update    the origin's outlet, or another of its house, tells it again, later
independent   more than 0.8 are its own, and it is not merged
light edit    0.8 are copied, and it holds 0.72 of the origin
trimmed       0.8 are copied, and it holds less
merged        0.2 are copied from the origin, and 0.2 from other members, published before
extended      0.25 are copied, and 0.12 its own
rewrite       the rest: what is said is the origin's, how it is said is not
============= ======================================================================================

Rows are tried from the top. Without an origin there are no roles.
"""

from __future__ import annotations

from typing import NamedTuple

ORIGINAL, UPDATE, INDEPENDENT, IDENTICAL, LIGHT, TRIMMED, MERGED, EXTENDED, REWRITE = range(9)
ROLES = (
    "original",
    "own update",
    "independent",
    "identical",
    "light edit",
    "trimmed",
    "merged",
    "extended",
    "rewrite",
)
_INDEPENDENT = 0.8
_IDENTICAL = 0.98
_COPIED, _WHOLE = 0.8, 0.72
_MERGED = 0.2
_EXTENDED, _ADDED = 0.25, 0.12


class Shares(NamedTuple):
    """Shares of an article's own words: copied and reworded from the origin; from earlier members and not from there.

    ``whole`` is the share of the origin's words that it holds in verbatim runs.
    """

    copied: float
    reworded: float
    elsewhere: float
    whole: float


def role(shares: Shares, *, same_outlet: bool, later: bool) -> int:
    """Return the role of a member that is not the origin; ``same_outlet`` says that both are of one house."""
    copied, _, elsewhere, whole = shares
    unique = 1 - copied - shares.reworded
    merged = min(copied, elsewhere) >= _MERGED
    if copied >= _IDENTICAL and whole >= _IDENTICAL:
        return IDENTICAL
    if same_outlet and later:
        return UPDATE
    if unique > _INDEPENDENT and not merged:
        return INDEPENDENT
    if copied >= _COPIED:
        return LIGHT if whole >= _WHOLE else TRIMMED
    if merged:
        return MERGED
    return EXTENDED if copied >= _EXTENDED and unique >= _ADDED else REWRITE
