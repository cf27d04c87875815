"""Articles as JSON lines, one object a line, as another program hands them over; verdicts as JSON lines back.

An article has an id of its own: none is made up, because the next line 1 would be another version of this one.
"""

from __future__ import annotations

import json
import re
import select
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple, cast

from dedup.article import FIELDS, Article
from dedup.errors import CorpusError
from dedup.formats.records import LONGEST, BadRowError, Fault, Record, date_in, read, text_in
from dedup.formats.sources import JSON, STDIN, Source, opened

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from dedup.index import Verdict

_BLOCK = 1 << 16
_NOT_BLANK = re.compile(rb"[^\s][^\n]*\n")
_NAMED = 12  # fields in a message
_LONGEST_SHOWN = 80  # characters of a value in a message


class Line(NamedTuple):
    """A line that is not blank: its number, from 1, and the article on it, or what is wrong."""

    number: int
    article: Article | Fault


class Lines(NamedTuple):
    """The lines of a file or of standard input. ``ready`` says whether the next one is there without waiting."""

    place: str
    found: Iterator[Line]
    ready: Callable[[], bool]

    def batches(self, most: int) -> Iterator[list[Line]]:
        """Yield the lines that are there, ``most`` at a time: nobody who waits for an answer waits for more lines."""
        batch: list[Line] = []
        for line in self.found:
            batch.append(line)
            if len(batch) >= most or not self.ready():
                yield batch
                batch = []
        if batch:
            yield batch


@contextmanager
def lines_of(place: str, columns: Mapping[str, str], stdin: int = 0) -> Iterator[Lines]:
    """Open a file of JSON lines, packed or not, or ``-``: the file descriptor ``stdin``.

    ``columns`` maps fields to the lines' own names, and an optional one to ``""`` to go without it. Raises CorpusError
    where there is no such file.
    """
    reader = _Reader(columns)
    if place == STDIN:
        with open(stdin, "rb", buffering=0, closefd=False) as raw:
            stream = _Arriving(raw)
            yield Lines("standard input", reader.lines(cast("BinaryIO", stream)), stream.ready)
        return
    if not Path(place).exists():
        raise CorpusError(f"{place}: no such file")
    if Path(place).is_dir():
        raise CorpusError(f"{place}: is a folder; --jsonl reads one file, or - for standard input")
    with ExitStack() as stack:
        try:
            file = stack.enter_context(opened(Source(place, Path(place).name, JSON, said=False)))
        except OSError as error:
            raise CorpusError(f"{place}: cannot be read ({(error.strerror or str(error)).lower()})") from error
        yield Lines(place, reader.lines(file.stream), lambda: True)


class _Arriving:
    """Lines of a pipe as they come."""

    def __init__(self, raw: BinaryIO) -> None:
        self._raw, self._held, self._ended = raw, bytearray(), False
        self._looked = 0  # bytes held that have no end of a line

    def readline(self, limit: int) -> bytes:
        """Return a line, or ``limit`` bytes of one; nothing at the end."""
        while not self._whole() and len(self._held) < limit and not self._ended:
            self._fill()
        size = min(self._end(), limit)
        line = bytes(self._held[:size])
        del self._held[:size]
        self._looked = 0
        return line

    def ready(self) -> bool:
        """Say whether a whole line that is not blank, or the end, is there."""
        while not self._waiting() and len(self._held) < LONGEST and self._more():
            self._fill()
        return self._waiting() or self._ended

    def _waiting(self) -> bool:
        return self._whole() and _NOT_BLANK.search(self._held) is not None

    def _more(self) -> bool:
        return not self._ended and bool(select.select([self._raw], [], [], 0)[0])

    def _whole(self) -> bool:
        at = self._held.find(b"\n", self._looked)
        self._looked = len(self._held) if at < 0 else at
        return at >= 0

    def _end(self) -> int:
        at = self._held.find(b"\n", self._looked)
        return len(self._held) if at < 0 else at + 1

    def _fill(self) -> None:
        block = self._raw.read(_BLOCK)
        while block is None:  # the one who started this reads without waiting
            select.select([self._raw], [], [])
            block = self._raw.read(_BLOCK)
        self._held += block
        self._ended = not block


# A line → an article ----------------------------------------------------------------------------------------------


class _Reader:
    """Says where on a line the fields of an article are, and reads them."""

    def __init__(self, columns: Mapping[str, str]) -> None:
        self._names = {name: columns.get(name, name) for name in FIELDS.names}
        nameless = next((name for name in ("id", "text") if not self._names[name]), None)
        if nameless:
            raise CorpusError(f"column mapping: {nameless!r} cannot be gone without")

    def lines(self, stream: BinaryIO) -> Iterator[Line]:
        """Read every line."""
        for entry in read(Source(STDIN, "lines.jsonl", JSON, said=False), stream):
            if isinstance(entry, Fault):
                detail = entry.detail.partition(";")[0] if entry.reason == "not UTF-8" else entry.detail
                yield Line(entry.line, entry._replace(detail=detail))
            elif isinstance(entry, Record):
                yield Line(entry.line, self._article(entry))

    def _article(self, record: Record) -> Article | Fault:
        values = record.values
        try:
            return Article(
                self._id(values),
                self._known_text(values),
                self._text(values, "title"),
                self._text(values, "source"),
                published=date_in(self._text(values, "published"), self._names["published"]),
                url=self._text(values, "url"),
            )
        except BadRowError as error:
            return Fault(record.line, error.reason, error.detail, json.dumps(values)[:_LONGEST_SHOWN])

    def _id(self, values: Mapping[str, Any]) -> str:
        value = values.get(self._names["id"])
        text = str(value) if type(value) is int else self._text(values, "id")
        if not text:
            raise BadRowError("no id", f"field {self._names['id']!r}: every article needs an id")
        return text

    def _known_text(self, values: Mapping[str, Any]) -> str | None:
        own = self._names["text"]
        if own not in values:
            fields = ", ".join(list(values)[:_NAMED]) or "none"
            what = f"there is no field {own!r}; --column text=NAME names another. The fields are: {fields}"
            raise BadRowError("no text", what)
        return self._text(values, "text")

    def _text(self, values: Mapping[str, Any], name: str) -> str | None:
        own = self._names[name]
        text = text_in(values.get(own) if own else None, own)
        try:
            (text or "").encode()
        except UnicodeEncodeError as error:
            what = (
                f"field {own!r}: holds half a character (\\u{ord(error.object[error.start]):04x} at {error.start + 1})"
            )
            raise BadRowError("not UTF-8", what) from error
        return text


# A verdict → a line -----------------------------------------------------------------------------------------------


def document(verdict: Verdict) -> dict[str, Any]:
    """Return a verdict as JSON says it: its fields, and in the ledger also what is ``shared``."""
    told = asdict(verdict)
    if verdict.ledger is None:
        return told
    ledger = told.pop("ledger")
    ledger.pop("sentences")
    spans = ledger.pop("spans")
    return told | {"ledger": {**ledger, "shared": verdict.ledger.shared, "spans": spans}}
