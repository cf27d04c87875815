"""The texts of the index: append-only files of zstd frames, one file a partition.

A text is a *frame*: the size of a zstd frame, a check of that and of the place in the file, the zstd frame itself.
"""

from __future__ import annotations

import os
import struct
import threading
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import xxhash

from dedup.errors import IndexStateError, MissingExtraError
from dedup.index.damage import damage

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

PLACE = np.dtype([("part", "<u2"), ("size", "<u4"), ("offset", "<u8")])
"""Where a text is: its partition, and in the file of that the bytes of its frame and where it starts."""

MAGIC = b"dedup texts 1".ljust(16, b"\0")
START = len(MAGIC)
_FRONT = struct.Struct("<I4s")
_LEVEL = 1  # level 3 takes half as long again to save one byte in a hundred


def zstandard() -> Any:
    """Return the package. Raises MissingExtraError where it is not installed."""
    try:
        import zstandard as package  # noqa: PLC0415  (optional)
    except ModuleNotFoundError as error:
        message = "zstandard is not installed; install it with: pip install 'dedup[index]'"
        raise MissingExtraError(message) from error
    return package


class _Codec(threading.local):
    """Its contexts are costly to make and belong to one thread."""

    def __init__(self) -> None:
        package = zstandard()
        self.compress = package.ZstdCompressor(level=_LEVEL, write_content_size=True).compress
        self.decompress = package.ZstdDecompressor().decompress


@lru_cache(maxsize=1)
def _codec() -> _Codec:
    return _Codec()


def frame(text: bytes, offset: int) -> bytes:
    """Return the frame of a text that is to stand at a place in its file."""
    packed: bytes = _codec().compress(text)
    return _FRONT.pack(len(packed), _check(packed, offset)) + packed


def unframe(data: bytes, path: Path, offset: int) -> bytes:
    """Return the text of a frame. Raises IndexStateError, naming file and offset, where it is damaged."""
    packed = data[_FRONT.size :]
    if len(data) < _FRONT.size or _FRONT.unpack_from(data) != (len(packed), _check(packed, offset)):
        raise damage(f"{path}: damaged text at byte {offset:,}")
    text: bytes = _codec().decompress(packed)
    return text


def _check(packed: bytes, offset: int) -> bytes:
    return xxhash.xxh3_64_digest(packed, offset)[:4]


def append(path: Path, end: int, frames: Iterable[bytes]) -> int:
    """Write frames at ``end``, where what counts of the file ends; return the new end.

    What a stopped writer left behind that is overwritten. It is durable only after :func:`os.fsync`. Raises
    IndexStateError where the file is shorter.
    """
    with path.open("wb" if end == START else "r+b") as file:
        if end == START:
            file.write(MAGIC)
        if file.seek(0, os.SEEK_END) < end:
            raise damage(f"{path}: cut short before byte {end:,}")
        file.seek(end)
        file.truncate()
        file.writelines(frames)
        return file.tell()


class Reader:
    """Frames of files that are opened once."""

    def __init__(self) -> None:
        """Open nothing yet."""
        self._handles: dict[Path, int] = {}

    def __enter__(self) -> Self:
        """Return it."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the files."""
        for handle in self._handles.values():
            os.close(handle)

    def read(self, path: Path, offset: int, size: int) -> bytes:
        """Return the bytes of a frame; fewer where the file ends. Raises IndexStateError where it cannot be read."""
        try:
            if path not in self._handles:
                self._handles[path] = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            return os.pread(self._handles[path], size, offset)
        except OSError as error:
            raise damage(f"{path}: cannot be read ({error.strerror})") from error


def damages(path: Path, end: int) -> Iterator[str]:
    """Read a file as far as it counts and say what is wrong."""
    try:
        with path.open("rb") as file:
            if file.read(START) != MAGIC:
                yield f"{path}: damaged from byte 0 on"
            place = START
            while place < end:
                front = file.read(_FRONT.size)
                size, _ = _FRONT.unpack(front.ljust(_FRONT.size, b"\0"))
                if size > end - place - _FRONT.size:
                    yield f"{path}: damaged text at byte {place:,}; what follows it cannot be told apart"
                    return
                try:
                    unframe(front + file.read(size), path, place)
                except IndexStateError:
                    yield f"{path}: damaged text at byte {place:,}"
                place += _FRONT.size + size
    except OSError as error:
        yield f"{path}: cannot be read ({error.strerror})"
