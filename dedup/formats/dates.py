"""Dates as files write them."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


def moment(value: str) -> datetime:
    """Parse an ISO date, or one of mail and RSS (RFC 2822); without a zone it is UTC. Raises ValueError."""
    for parse in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            made = parse(value.strip())
        except ValueError:
            continue
        return made if made.tzinfo else made.replace(tzinfo=UTC)
    raise ValueError(value)
