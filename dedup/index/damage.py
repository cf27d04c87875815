"""How a damage is told: in one line; in an error with what to do, in a list of damages without."""

from __future__ import annotations

from dedup.errors import IndexStateError

_HINT = "; `dedup index verify` lists every damage"


def damage(what: str) -> IndexStateError:
    """Return the error of something that is not as it was written."""
    return IndexStateError(what + _HINT)


def told(error: IndexStateError) -> str:
    """Return what an error says, for a list of every damage."""
    return str(error).removesuffix(_HINT)
