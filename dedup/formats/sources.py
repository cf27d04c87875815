"""The files that articles are converted from: found in folders, unpacked, and decoded.

========== =================================== ==========================================================
kind       suffixes                            what one article is
========== =================================== ==========================================================
text       .txt                                a file
html       .html .htm .xhtml                   a page
json       .json .jsonl .ndjson                a line; in .json also an item of one array, or the one object
csv        .csv .tsv .tab                      a row under a header
warc       .warc .wet                          a response, or a text extracted from one
========== =================================== ==========================================================

A suffix .gz or .zst may follow; what a file is packed with is seen from its first bytes.
"""

from __future__ import annotations

import codecs
import glob
import io
import os
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

import pyarrow as pa

from dedup.errors import CorpusError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from _typeshed import WriteableBuffer

TEXT, HTML, JSON, CSV, WARC = KINDS = ("text", "html", "json", "csv", "warc")
STDIN = "-"
_SUFFIXES = {
    ".txt": TEXT,
    ".html": HTML,
    ".htm": HTML,
    ".xhtml": HTML,
    ".json": JSON,
    ".jsonl": JSON,
    ".ndjson": JSON,
    ".csv": CSV,
    ".tsv": CSV,
    ".tab": CSV,
    ".warc": WARC,
    ".wet": WARC,
}
_PACKED = (".gz", ".zst", ".zstd")
_MAGIC = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}
_MARKS = {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_BLOCK = 1 << 20  # bytes that are decoded at a time
_UNPACKED = 1 << 14  # bytes that are unpacked at a time: where a file breaks off, no more than these are lost before it


@dataclass(frozen=True)
class Source:
    """One file: its path (``-`` is standard input), its kind, and whether that was said or goes by the suffix.

    ``name`` is what ids are made from: the path below the folder that was named, else the name of the file.
    """

    path: str
    name: str
    kind: str
    said: bool

    @property
    def stem(self) -> str:
        """Return the name without the suffixes that say kind and packing."""
        name = _unpacked(self.name)
        stem, suffix = os.path.splitext(name)  # noqa: PTH122  (a name may have folders, and is no path)
        return stem if suffix.lower() in _SUFFIXES else name

    @property
    def size(self) -> int:
        """Return the bytes of a file, 0 where they are not known before they are read."""
        path = Path(self.path)
        return path.stat().st_size if self.path != STDIN and path.is_file() else 0


def find_sources(named: Sequence[str], kind: str | None = None) -> tuple[list[Source], list[str]]:
    """Return the files among ``named``, files, folders and globs, and those in folders that are of no known kind.

    ``kind`` goes above the suffixes. Raises CorpusError where something is not there or of no known kind.
    """
    found: list[Source] = []
    skipped: list[str] = []
    for place in [one for name in named for one in _expanded(name)]:
        if place == STDIN:
            if kind is None:
                raise CorpusError(f"-: say what standard input holds with --kind ({', '.join(KINDS)})")
            found.append(Source(STDIN, "stdin", kind, said=True))
        elif Path(place).is_dir():
            for path in _below(place):
                name = path.relative_to(place).as_posix()
                _sort(Source(str(path), name, kind or kind_of(name) or "", kind is not None), found, skipped)
        else:
            name = Path(place).name
            said = kind or kind_of(name)
            if said is None:
                raise CorpusError(f"{place}: of what kind it is does not show; say it with --kind ({', '.join(KINDS)})")
            found.append(Source(place, name, said, kind is not None))
    return found, skipped


def kind_of(name: str) -> str | None:
    """Return the kind that the suffix of a file says, None where it says none."""
    return _SUFFIXES.get(Path(_unpacked(name)).suffix.lower())


def _unpacked(name: str) -> str:
    stem, suffix = os.path.splitext(name)  # noqa: PTH122  (a name may have folders, and is no path)
    return stem if suffix.lower() in _PACKED else name


def _sort(source: Source, found: list[Source], skipped: list[str]) -> None:
    if source.kind and not source.name.startswith("."):
        found.append(source)
    else:
        skipped.append(source.path)


def _expanded(name: str) -> Iterable[str]:
    if name == STDIN or os.path.lexists(name):
        return [name]
    matched = sorted(glob.glob(name, recursive=True))  # noqa: PTH207  (patterns may be absolute)
    if not matched:
        raise CorpusError(f"{name}: no such file or folder")
    return matched


def _below(folder: str) -> list[Path]:
    paths = [Path(at) / name for at, _, names in os.walk(folder, onerror=_refuse) for name in names]
    return sorted(path for path in paths if path.is_file())


def _refuse(error: OSError) -> None:
    raise CorpusError(f"{error.filename}: cannot be read ({error.strerror})") from error


# Bytes ------------------------------------------------------------------------------------------------------------


def check_encoding(encoding: str) -> None:
    """Raise SettingsError where Python knows no text encoding of this name."""
    try:
        b"a".decode(encoding, "replace")
        codecs.getincrementaldecoder(encoding)
    except (LookupError, TypeError, ValueError) as error:
        raise SettingsError(f"--encoding {encoding!r}: not an encoding of text; latin-1 or cp1252 is one") from error


class Opened:
    """A file that is being read: ``stream`` holds its unpacked bytes; ``done`` of its own bytes were read."""

    def __init__(self, file: io.BufferedReader, stream: BinaryIO) -> None:
        """Keep both."""
        self._file, self.stream = file, stream

    @property
    def done(self) -> int:
        """Return how many bytes of the file were read."""
        return self._file.tell() if self._file.seekable() else 0


@contextmanager
def opened(source: Source, encoding: str = "utf-8") -> Iterator[Opened]:
    """Open a file and unpack it; of text, JSON and CSV the stream is UTF-8, decoded from ``encoding``.

    A byte order mark goes above ``encoding`` and is left out. Bytes that ``encoding`` does not have stay as they are,
    which is then no UTF-8.
    """
    with _file(source.path) as file:
        stream = _unpack(file)
        yield Opened(file, stream if source.kind in {HTML, WARC} else _decode(stream, encoding))


@contextmanager
def _file(path: str) -> Iterator[io.BufferedReader]:
    if path == STDIN:
        yield cast("io.BufferedReader", sys.stdin.buffer)
        return
    with Path(path).open("rb") as file:
        yield file


def _unpack(file: io.BufferedReader) -> BinaryIO:
    head = file.peek(4)
    codec = next((codec for magic, codec in _MAGIC.items() if head.startswith(magic)), None)
    return file if codec is None else io.BufferedReader(_Unpacked(pa.CompressedInputStream(file, codec)), _UNPACKED)


def _decode(stream: BinaryIO, encoding: str) -> BinaryIO:
    head = cast("io.BufferedReader", stream).peek(4)
    if head.startswith(codecs.BOM_UTF8):
        stream.read(len(codecs.BOM_UTF8))
        return stream
    encoding = next((name for mark, name in _MARKS.items() if head.startswith(mark)), encoding)
    if codecs.lookup(encoding).name == "utf-8":
        return stream
    return io.BufferedReader(_Decoded(stream, encoding), _BLOCK)


class _Unpacked(io.RawIOBase):
    """Arrow's unpacking as a file of Python."""

    def __init__(self, stream: pa.NativeFile) -> None:
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        room = memoryview(buffer)[:_UNPACKED]
        block = self._stream.read(len(room))
        room[: len(block)] = block
        return len(block)


class _Decoded(io.RawIOBase):
    """Bytes of another encoding as UTF-8."""

    def __init__(self, stream: BinaryIO, encoding: str) -> None:
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder(encoding)("surrogateescape")
        self._waiting = b""
        self._ended = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        room = memoryview(buffer)
        while not self._waiting and not self._ended:
            block = self._stream.read(_BLOCK)
            self._ended = not block
            try:
                text = self._decoder.decode(block, final=self._ended)
            except UnicodeDecodeError as error:  # what cannot be kept for the row to be refused
                raise OSError(f"not {error.encoding}: {error.reason}") from error
            self._waiting = text.encode("utf-8", "surrogateescape")
        part, self._waiting = self._waiting[: len(room)], self._waiting[len(room) :]
        room[: len(part)] = part
        return len(part)
