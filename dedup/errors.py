"""What can go wrong, as a tree.

::

    DedupError            anything that dedup raises on purpose
    ├── SettingsError     a setting is unknown or out of range          (the command line exits with 2)
    ├── CorpusError       the input is missing, unreadable or wrong     (exit 1)
    ├── OutputError       the output cannot be written or read          (exit 1)
    ├── IndexStateError   a folder is no index, in use or damaged       (exit 1)
    └── MissingExtraError an optional package is not installed          (exit 1)

Every message is one line: what is wrong and where, what was expected, what to do.
"""

from __future__ import annotations


class DedupError(Exception):
    """The root of the tree."""


class SettingsError(DedupError):
    """A setting is unknown or its value is out of range."""


class CorpusError(DedupError):
    """The corpus is missing, unreadable or does not have the columns that are needed."""

    def __init__(self, message: str, *, row: int | None = None) -> None:
        """Keep the message, and the row that it is about where it is about one."""
        super().__init__(message)
        self.row = row


class OutputError(DedupError):
    """A result cannot be written, or a folder does not hold one."""


class IndexStateError(DedupError):
    """A folder does not hold an index, or one that is damaged, in use, or of a newer version."""


class MissingExtraError(DedupError):
    """An optional package is needed; the message holds the line that installs it."""
