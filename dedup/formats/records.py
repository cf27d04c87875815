"""What the files of a corpus-to-be hold: one record an article, or what is wrong with it, in the order of the file."""

from __future__ import annotations

import csv
import io
import itertools
import json
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple
from urllib.parse import urlsplit

import pyarrow as pa

from dedup.errors import CorpusError, MissingExtraError
from dedup.formats.dates import moment
from dedup.formats.pages import looks_like_html, read_page
from dedup.formats.sources import CSV, HTML, JSON, TEXT, Source

if TYPE_CHECKING:
    from collections.abc import Iterator

    from _typeshed import WriteableBuffer

LONGEST = 256 << 20  # bytes of one article: a longer line, file or page is refused, and never held
_LONGEST_DATE = 80  # characters of what is no date in a message
_LONGEST_TITLE = 200  # characters of a first line that is taken as a title
_OK = "200"
_PLAIN = ("identity", "gzip", "x-gzip", "deflate", "br")  # what pages in WARC files are packed with


class Record(NamedTuple):
    """An article as its file gives it. ``line`` is where it begins, from 1; 0 where the file is the article.

    In a JSON array the line is the number of the item, in a WARC file that of the record.
    """

    line: int
    values: dict[str, Any]
    made_id: str


class Fault(NamedTuple):
    """What is no article: the kind of fault, what is wrong in detail, and the value as it stands there."""

    line: int
    reason: str
    detail: str
    value: str


class Passed(NamedTuple):
    """What is not meant to be an article, such as a picture in a WARC file."""

    line: int


Entry = Record | Fault | Passed


def read(source: Source, stream: BinaryIO) -> Iterator[Entry]:
    """Read a file that :func:`dedup.formats.sources.opened` gave; where it breaks off, the last entry says so."""
    line = 0
    try:
        for entry in _READERS.get(source.kind, _warc)(source, stream):
            line = entry.line
            yield entry
    except (OSError, pa.ArrowException) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        yield Fault(line, "broken file", f"what follows cannot be read ({reason.splitlines()[0]})", "")


# One article a file ---------------------------------------------------------------------------------------------------


def _text(source: Source, stream: BinaryIO) -> Iterator[Entry]:
    data = stream.read(LONGEST + 1)
    if len(data) > LONGEST:
        yield _too_long(0, data)
    elif not source.said and looks_like_html(data):
        yield Fault(0, "web page", "is a web page; --kind html reads it as one, --kind text as it is", _shown(data))
    else:
        try:
            text = data.decode()
        except UnicodeDecodeError as error:
            yield _not_utf8(0, data, error)
            return
        yield Record(0, {"text": text, "title": title_of(text)}, source.stem)


def title_of(text: str) -> str | None:
    """Return the first line where a blank one follows, more text after it, and it does not end like a sentence."""
    first, newline, rest = text.lstrip().partition("\n")
    second, _, more = rest.partition("\n")
    is_title = newline and not second.strip() and more.strip() and len(first) <= _LONGEST_TITLE
    return first.strip() if is_title and not first.rstrip().endswith((".", ",", ";", ":", "。", "…")) else None


def _html(source: Source, stream: BinaryIO) -> Iterator[Entry]:
    data = stream.read(LONGEST + 1)
    if len(data) > LONGEST:
        yield _too_long(0, data)
    else:
        yield _page(0, data, source)


def _page(line: int, data: bytes, source: Source, made_id: str = "", url: str = "") -> Entry:
    try:
        page = read_page(data, source.path)
    except CorpusError as error:
        return Fault(line, "no text", str(error).removeprefix(f"{source.path}: "), _shown(data))
    outlet = page.source or (urlsplit(url).hostname or "" if url else "")
    values = {
        "text": page.text,
        "title": page.title,
        "source": outlet,
        "published": page.published,
        "url": url or page.url,
    }
    return Record(line, values, made_id or source.stem)


# JSON -----------------------------------------------------------------------------------------------------------------


def _json(source: Source, stream: BinaryIO) -> Iterator[Entry]:
    """Read lines; a file .json, or of a kind that was said, may be one document instead."""
    if not source.said and not source.name.lower().removesuffix(".gz").removesuffix(".zst").endswith(".json"):
        yield from _json_lines(source, stream)
        return
    first = stream.readline(LONGEST)
    if isinstance(_parsed(first), dict):
        yield from _json_lines(source, _again(first, stream))
        return
    whole = first + stream.read(LONGEST - len(first))
    if len(whole) >= LONGEST and first.lstrip().startswith(b"["):
        what = f"is one array of more than {LONGEST >> 20} MB; write an object a line (jq -c '.[]')"
        yield Fault(1, "too long", what, _shown(first))
        return
    document = _parsed(whole)
    if document is None or stream.read(1):
        yield from _json_lines(source, _again(whole, stream))
        return
    items = document if isinstance(document, list) else [document]
    for number, item in enumerate(items, 1):
        yield _json_item(source, number, item, "")


def _parsed(data: bytes) -> Any:
    """Return what JSON says, None where it is not JSON."""
    try:
        return json.loads(data, object_pairs_hook=_object)
    except (ValueError, RecursionError):
        return None


def _json_lines(source: Source, stream: BinaryIO) -> Iterator[Entry]:
    for number in itertools.count(1):
        line = stream.readline(LONGEST + 1)
        if not line:
            return
        if len(line) > LONGEST:
            yield _too_long(number, line)
            while line and not line.endswith(b"\n"):
                line = stream.readline(LONGEST)
        elif not line.isspace():
            yield _json_line(source, number, line)


def _json_line(source: Source, number: int, line: bytes) -> Entry:
    try:
        text = line.decode()
    except UnicodeDecodeError as error:
        return _not_utf8(number, line, error)
    try:
        item = json.loads(text, object_pairs_hook=_object)
    except json.JSONDecodeError as error:
        return Fault(number, "not JSON", f"is not JSON ({error.msg} at character {error.pos + 1})", text)
    except (ValueError, RecursionError):
        return Fault(number, "not JSON", "is nested too deep, or holds a number of thousands of digits", text)
    return _json_item(source, number, item, text)


def _json_item(source: Source, number: int, item: Any, text: str) -> Entry:
    if not isinstance(item, dict):
        what = f"is {type_name(item)}, expected an object with fields"
        return Fault(number, "not an object", what, text or json.dumps(item))
    twice = _twice(item)
    if twice:
        what = f"field {twice!r} stands there twice; which is meant cannot be told"
        return Fault(number, "field twice", what, text or json.dumps(item))
    return Record(number, item, f"{source.name}:{number}")


class _Ambiguous(dict[str, Any]):
    """An object in which a field stands twice; ``twice`` is its name."""

    twice = ""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make an object; JSON leaves open what a name means that stands there twice, and Python takes the last."""
    made = dict(pairs)
    if len(made) == len(pairs):
        return made
    ambiguous = _Ambiguous(made)
    names = [name for name, _ in pairs]
    ambiguous.twice = next(name for name in made if names.count(name) > 1)
    return ambiguous


def _twice(item: dict[str, Any]) -> str:
    """Return the first field that stands twice in an object, or in one that it holds; lists become no columns."""
    if isinstance(item, _Ambiguous):
        return item.twice
    inner = ((name, _twice(value)) for name, value in item.items() if isinstance(value, dict))
    return next((f"{name}.{found}" for name, found in inner if found), "")


def type_name(value: Any) -> str:
    """Return what JSON calls a value."""
    if value is None:
        return "null"
    names = {bool: "true or false", int: "a number", float: "a number", str: "text", list: "a list", dict: "an object"}
    return names.get(type(value), type(value).__name__)


# The fields of a record -----------------------------------------------------------------------------------------------


class BadRowError(Exception):
    """A record is no article: the kind of fault, and what is wrong in detail."""

    def __init__(self, reason: str, detail: str) -> None:
        """Keep both."""
        super().__init__(detail)
        self.reason, self.detail = reason, detail


def text_in(value: Any, own: str, hint: str = "") -> str | None:
    """Return what the field called ``own`` holds, text or None. Raises BadRowError for all else, with ``hint``."""
    if value is None or isinstance(value, str):
        return value
    raise BadRowError("wrong type", f"field {own!r}: is {type_name(value)}, expected text{hint}")


def date_in(text: str | None, own: str, hint: str = "") -> datetime | None:
    """Return the date in UTC that the field called ``own`` says, None where it is blank; raises as :func:`text_in`."""
    if text is None or not text.strip():
        return None
    try:
        return moment(text).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        what = f"is {text[:_LONGEST_DATE]!r}, expected a date such as 2026-11-22T15:21:00Z"
        raise BadRowError("bad date", f"field {own!r}: {what}{hint}") from error


# CSV ------------------------------------------------------------------------------------------------------------------


def _csv(source: Source, stream: BinaryIO) -> Iterator[Entry]:
    text = io.TextIOWrapper(stream, "utf-8", errors="surrogateescape", newline="")
    limit = csv.field_size_limit(LONGEST)
    try:
        reader = csv.reader(text, delimiter=_delimiter(stream), strict=True)
        yield from _csv_rows(source, reader)
    finally:
        csv.field_size_limit(limit)
        text.detach()


def _delimiter(stream: Any) -> str:
    """Return the one of comma, semicolon, tab and bar that stands most often in the header, outside quotes."""
    head = stream.peek(1).partition(b"\n")[0].decode("utf-8", "replace")
    bare = re.sub(r'"[^"]*"', "", head)
    return max(",;\t|", key=bare.count)


def _csv_rows(source: Source, reader: Any) -> Iterator[Entry]:
    header: list[str] | None = None
    for line, row in _parsed_rows(reader):
        if isinstance(row, Fault):
            yield row
        elif header is None:
            header = [name.strip() or f"column_{number}" for number, name in enumerate(row, 1)]
            twice = [name for name in header if header.count(name) > 1]
            if twice:
                what = f"two columns are named {twice[0]!r}; what follows is not read"
                yield Fault(line, "wrong header", what, ",".join(row))
                return
        elif len(row) != len(header):
            what = f"has {len(row)} field{'' if len(row) == 1 else 's'}, the header has {len(header)}"
            yield Fault(line, "wrong number of fields", what, ",".join(row))
        else:
            yield Record(line, {n: v or None for n, v in zip(header, row, strict=True)}, f"{source.name}:{line}")


def _parsed_rows(reader: Any) -> Iterator[tuple[int, list[str] | Fault]]:
    """Yield each row with the line on which it begins; a blank line is none."""
    while True:
        line = reader.line_num + 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield line, Fault(line, "not CSV", f"is not CSV ({error}, line {reader.line_num})", "")
            continue
        if row:
            yield line, row


# WARC -----------------------------------------------------------------------------------------------------------------


def _warc(source: Source, stream: BinaryIO) -> Iterator[Entry]:
    """Read the pages among the responses and resources, and the texts that were extracted (WET)."""
    archive, broken = _warcio()
    number = 0
    try:
        for number, record in enumerate(archive(stream), 1):
            yield _warc_record(source, number, record)
            record.raw_stream.read()
            if getattr(record.raw_stream, "limit", 0):
                yield Fault(number, "broken file", "the last record is cut short", _uri(record))
    except broken as error:
        what = f"what follows is no WARC record ({str(error).splitlines()[0]})"
        yield Fault(number + 1, "broken file", what, "")


def _warcio() -> tuple[Any, type[Exception]]:
    try:
        from warcio.archiveiterator import ArchiveIterator  # noqa: PLC0415  (optional)
        from warcio.exceptions import ArchiveLoadFailed  # noqa: PLC0415
    except ModuleNotFoundError as error:
        message = "reading WARC files needs warcio, which is not installed; install it with: pip install warcio brotli"
        raise MissingExtraError(message) from error
    return ArchiveIterator, ArchiveLoadFailed


def _warc_record(source: Source, number: int, record: Any) -> Entry:
    kind = _media_type(record)
    extracted = record.rec_type == "conversion" and kind == "text/plain"
    if not extracted and not (record.rec_type in {"response", "resource"} and kind in {"text/html", _XHTML}):
        return Passed(number)
    if record.http_headers is not None and record.http_headers.get_statuscode() not in {_OK, None}:
        return Passed(number)
    try:
        data = _content(record)
    except _UnreadableError as error:
        return Fault(number, "unreadable content", str(error), _uri(record))
    made = record.rec_headers.get_header("WARC-Record-ID", "").strip("<>").removeprefix("urn:uuid:")
    made_id = made or f"{source.name}:{number}"
    if len(data) > LONGEST:
        return _too_long(number, data)
    if extracted:
        return _extract(number, data, made_id, _uri(record))
    return _page(number, data, source, made_id, _uri(record))


_XHTML = "application/xhtml+xml"


class _UnreadableError(Exception):
    pass


def _media_type(record: Any) -> str:
    headers = record.http_headers or record.rec_headers
    return str(headers.get_header("Content-Type", "")).partition(";")[0].strip().lower()


def _uri(record: Any) -> str:
    return str(record.rec_headers.get_header("WARC-Target-URI", "")).strip("<>")


def _content(record: Any) -> bytes:
    """Return the page as it was before it was packed for its way."""
    packed = "" if record.http_headers is None else record.http_headers.get_header("Content-Encoding", "")
    packed = (packed or "identity").strip().lower()
    if packed not in _PLAIN:
        raise _UnreadableError(f"is packed with {packed!r}, expected one of {', '.join(_PLAIN)}")
    if packed != "br":
        return bytes(record.content_stream().read(LONGEST + 1))
    record.http_headers.replace_header("Content-Encoding", "identity")  # warcio knows another package for it
    return _unbrotli(record.content_stream().read(LONGEST + 1))


def _unbrotli(data: bytes) -> bytes:
    try:
        import brotli  # noqa: PLC0415  (optional)
    except ModuleNotFoundError as error:
        message = "this WARC file needs brotli, which is not installed; install it with: pip install brotli"
        raise MissingExtraError(message) from error
    try:
        return bytes(brotli.decompress(data))
    except brotli.error as error:
        raise _UnreadableError("says that it is packed with brotli, and is not") from error


def _extract(number: int, data: bytes, made_id: str, url: str) -> Entry:
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        return _not_utf8(number, data, error)
    return Record(number, {"text": text, "source": urlsplit(url).hostname, "url": url}, made_id)


# What is wrong --------------------------------------------------------------------------------------------------------


def _shown(data: bytes) -> str:
    return data[:LONGEST_SHOWN].decode("utf-8", "backslashreplace")


LONGEST_SHOWN = 300  # characters of a value that the list of bad rows holds


def _too_long(line: int, data: bytes) -> Fault:
    return Fault(line, "too long", f"is longer than {LONGEST >> 20} MB", _shown(data))


def _not_utf8(line: int, data: bytes, error: UnicodeDecodeError) -> Fault:
    byte = data[error.start]
    what = f"is not UTF-8 (byte 0x{byte:02x} at {error.start + 1}); --encoding names another, such as cp1252"
    around = data[max(0, error.start - LONGEST_SHOWN // 2) :]
    return Fault(line, "not UTF-8", what, _shown(around))


class _Again(io.RawIOBase):
    """Bytes that were read, and then the rest of their stream."""

    def __init__(self, head: bytes, stream: BinaryIO) -> None:
        self._head, self._stream = io.BytesIO(head), stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        room = memoryview(buffer)
        block = self._head.read(len(room)) or self._stream.read(len(room))
        room[: len(block)] = block
        return len(block)


def _again(head: bytes, stream: BinaryIO) -> BinaryIO:
    return io.BufferedReader(_Again(head, stream), 1 << 20)


_READERS = {TEXT: _text, HTML: _html, JSON: _json, CSV: _csv}
