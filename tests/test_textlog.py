"""Texts come back as they went in, from any place; a damaged one is told with its file and place."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import ROOT, any_text

from dedup.errors import IndexStateError
from dedup.index import textlog
from dedup.index.textlog import START

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def appended(path: Path, texts: Sequence[bytes], end: int = START) -> list[tuple[int, int]]:
    """Append texts and return (offset, size) of each."""
    places, frames, start = [], [], end
    for text in texts:
        frames.append(textlog.frame(text, end))
        places.append((end, len(frames[-1])))
        end += len(frames[-1])
    assert textlog.append(path, start, frames) == end
    return places


def read(path: Path, offset: int, size: int) -> bytes:
    with textlog.Reader() as reader:
        return textlog.unframe(reader.read(path, offset, size), path, offset)


@given(st.lists(any_text.map(str.encode) | st.binary(max_size=3000), max_size=20))
def test_texts_come_back(tmp_path_factory: pytest.TempPathFactory, texts: list[bytes]) -> None:
    path = tmp_path_factory.mktemp("log") / "one.texts"
    places = appended(path, texts)
    assert [read(path, *place) for place in places] == texts
    assert list(textlog.damages(path, path.stat().st_size)) == []


def test_what_does_not_count_is_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "one.texts"
    (first,) = appended(path, [b"first"])
    end = sum(first)
    appended(path, [b"left by a stopped writer" * 50], end)
    (second,) = appended(path, [b"second"], end)
    assert read(path, *first) == b"first"
    assert read(path, *second) == b"second"
    assert path.stat().st_size == sum(second)
    appended(path, [b"anew"])
    assert list(textlog.damages(path, path.stat().st_size)) == []


def test_a_shorter_file_is_not_continued(tmp_path: Path) -> None:
    path = tmp_path / "one.texts"
    ((offset, size),) = appended(path, [b"first"])
    with pytest.raises(IndexStateError, match=rf"one\.texts: cut short before byte {offset + size + 1}"):
        textlog.append(path, offset + size + 1, [textlog.frame(b"second", 0)])


def test_every_flipped_bit_is_told(tmp_path: Path) -> None:
    path = tmp_path / "one.texts"
    texts = [b"storm over the harbour bridge " * 8, b"", b"x"]
    places = appended(path, texts)
    whole = path.read_bytes()
    for byte in range(len(whole)):
        for bit in range(8):
            data = bytearray(whole)
            data[byte] ^= 1 << bit
            path.write_bytes(data)
            assert list(textlog.damages(path, len(whole)))
            for (offset, size), text in zip(places, texts, strict=True):
                try:
                    assert read(path, offset, size) == text
                except IndexStateError as error:
                    assert f"{path}: damaged text at byte {offset:,}" in str(error)  # noqa: PT017  (either is right)
                    assert offset <= byte < offset + size


@pytest.mark.parametrize("kept", [0, 7, 16, 18, 30])
def test_a_cut_file_is_told(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "one.texts"
    ((offset, size),) = appended(path, [b"first" * 20])
    whole = path.read_bytes()
    path.write_bytes(whole[:kept])
    assert list(textlog.damages(path, len(whole)))
    with pytest.raises(IndexStateError, match=r"one\.texts: damaged text at byte 16"):
        read(path, offset, size)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    path = tmp_path / "one.texts"
    assert list(textlog.damages(path, 100)) == [f"{path}: cannot be read (No such file or directory)"]
    with pytest.raises(IndexStateError, match=r"one\.texts: cannot be read \(No such file or directory\)"):
        read(path, 16, 20)


def test_a_text_of_another_place_is_told(tmp_path: Path) -> None:
    frame = textlog.frame(b"first", 16)
    assert textlog.unframe(frame, tmp_path / "one.texts", 16) == b"first"
    with pytest.raises(IndexStateError, match=r"one\.texts: damaged text at byte 99"):
        textlog.unframe(frame, tmp_path / "one.texts", 99)


@pytest.mark.parametrize("package", ["lmdb", "zstandard"])
def test_a_missing_package_says_how_to_install_it(package: str, tmp_path: Path) -> None:
    program = (
        f"import sys, pathlib, dedup; sys.modules[{package!r}] = None\n"
        "from dedup.index.shelf import Shelf\n"
        f"try: Shelf.open(pathlib.Path({str(tmp_path / 'index')!r}))\n"
        "except dedup.MissingExtraError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603
    assert done.stdout == f"{package} is not installed; install it with: pip install 'dedup[index]'\n"
    assert not (tmp_path / "index").exists()
