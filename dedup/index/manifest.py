"""What a commit says of the files beside it: which ones there are, and how much of them counts.

A *partition* is a month of publication, ``year * 12 + month - 1``, or 0 for articles without a date.
"""

from __future__ import annotations

import json
import re
import struct
from dataclasses import dataclass
from typing import Any, NamedTuple

from dedup.index.textlog import START

FILES = re.compile(r"(\d{4,}-\d{2}|undated)\.\d{5,}\.(texts|keys)")
"""The names of files that are the index's own."""

_HEAD = struct.Struct("<8Q")


class Head(NamedTuple):
    """What every commit changes."""

    commit: int = 0
    layout: int = 0
    """The commit that last changed the files."""
    gone: int = 0
    """The commit that last changed which numbers are not found."""
    file: int = 1
    """The number of the next file."""
    articles: int = 0
    """Articles whose postings are pending."""
    entries: int = 0
    """Their postings."""
    texts: int = 0
    """Texts that are in no file yet."""
    pieces: int = 0
    """The next key of `pending`."""

    def pack(self) -> bytes:
        """Return it as bytes."""
        return _HEAD.pack(*self)

    @classmethod
    def unpack(cls, data: bytes) -> Head:
        """Return what :meth:`pack` made bytes of."""
        return cls(*_HEAD.unpack(data))


@dataclass(frozen=True)
class Part:
    """The files of one partition."""

    part: int
    texts: int = 0
    """The number of its file of texts, 0 where there is none."""
    end: int = START
    """How many bytes of that count."""
    segments: tuple[dict[str, Any], ...] = ()
    """Its segments, the oldest first, as :func:`dedup.index.segments.write` describes them, with their ``file``."""

    def pack(self) -> bytes:
        """Return it as bytes."""
        return json.dumps([self.texts, self.end, self.segments]).encode()

    @classmethod
    def unpack(cls, part: int, data: bytes) -> Part:
        """Return what :meth:`pack` made bytes of."""
        texts, end, segments = json.loads(data)
        return cls(part, texts, end, tuple(segments))

    @property
    def month(self) -> str:
        """The partition in words."""
        return f"{self.part // 12:04d}-{self.part % 12 + 1:02d}" if self.part else "undated"

    @property
    def text_file(self) -> str:
        """The name of its file of texts."""
        return f"{self.month}.{self.texts:05d}.texts"

    def key_file(self, number: int) -> str:
        """Return the name of a segment's file."""
        return f"{self.month}.{number:05d}.keys"

    def files(self) -> list[str]:
        """Return the names of all its files."""
        return [self.text_file] * bool(self.texts) + [self.key_file(each["file"]) for each in self.segments]
