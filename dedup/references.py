"""An article by reference: a text file, an HTML page, standard input, or a row of a corpus.

A reference is

- ``-``: standard input;
- the path of a text file in UTF-8, or of an HTML page (by its suffix or its content);
- ``CORPUS#ID``: the article with that id in a Parquet file, a folder of them, a glob or a URI. Both may hold ``#``: of
  the prefixes that end before one, the longest that exists is the corpus, and what exists as a whole is a file. A URI
  ends at its first ``#``, as URIs do (``%23`` is one that belongs to it).
"""

from __future__ import annotations

import difflib
import glob
import heapq
import os
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from dedup.corpus import Corpus, open_corpus
from dedup.errors import CorpusError
from dedup.formats.pages import looks_like_html, read_page
from dedup.lookup import find_articles

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

STDIN = "-"
_STDIN_NAME = "standard input"
_PARQUET, _PAGE = (".parquet", ".pq"), (".html", ".htm", ".xhtml")
_PARQUET_MARK = b"PAR1"
_UTF8_MARK = b"\xef\xbb\xbf"
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_WILDCARDS = frozenset("*?[")
_ALIKE = 1_000  # ids that difflib looks at for like ones: a tenth of a second


@dataclass(frozen=True)
class Article:
    """An article and where it is from; ``title``, ``source`` (outlet) and ``url`` are empty where nobody says them.

    Offsets count the characters of ``text``: that of a file as it is but for a byte order mark, of an HTML page what
    stands in its article.
    """

    text: str
    title: str
    source: str
    published: datetime | None
    url: str
    place: str


def read_article(reference: str, columns: Mapping[str, str] | None = None) -> Article:
    """Read the article that a reference names; ``columns`` as in :func:`dedup.corpus.open_corpus`, for ``CORPUS#ID``.

    Raises CorpusError where there is none, it is not UTF-8 or has no text, MissingExtraError for HTML without
    trafilatura.
    """
    if reference == STDIN:
        return _of_bytes(sys.stdin.buffer.read(), _STDIN_NAME)
    if os.path.exists(reference):  # noqa: PTH110  (Path.exists raises for a name that is too long)
        return _of_bytes(_file(reference), reference)
    return _of_corpus(reference, columns)


# Files ------------------------------------------------------------------------------------------------------------


def _file(place: str) -> bytes:
    path = Path(place)
    if path.is_dir():
        raise CorpusError(f"{place}: is a folder; name one article of its Parquet files: {place}#ID")
    if path.suffix.lower() in _PARQUET:
        raise CorpusError(f"{place}: is a corpus; name one of its articles: {place}#ID")
    try:
        return path.read_bytes()
    except OSError as error:
        raise CorpusError(f"{place}: cannot be read ({(error.strerror or 'error').lower()})") from error


def _of_bytes(data: bytes, place: str) -> Article:
    if data.startswith(_PARQUET_MARK):
        raise CorpusError(f"{place}: is Parquet; name one article of a corpus: CORPUS#ID")
    if data and (Path(place).suffix.lower() in _PAGE or looks_like_html(data)):
        return Article(*read_page(data, place), place)
    return _with_text(Article(_decoded(data, place), "", "", None, "", place))


def _decoded(data: bytes, place: str) -> str:
    data = data.removeprefix(_UTF8_MARK)
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        encoding = "UTF-16" if data.startswith(_UTF16_MARKS) else "WINDOWS-1252"
        name = "" if place == _STDIN_NAME else f" {shlex.quote(place)}"
        where = f"byte {error.start:,} (0x{data[error.start]:02X}, line {data.count(10, 0, error.start) + 1:,})"
        raise CorpusError(
            f"{place}: {where} is not valid UTF-8; convert it first, for example: iconv -f {encoding} -t UTF-8{name}"
        ) from error


def _with_text(article: Article) -> Article:
    if not article.text.strip():
        raise CorpusError(f"{article.place}: has no text; there is nothing to compare")
    return article


# Rows of a corpus -------------------------------------------------------------------------------------------------


def _of_corpus(reference: str, columns: Mapping[str, str] | None) -> Article:
    if reference.startswith(("http://", "https://")):
        raise CorpusError(f"{reference}: nothing is fetched; save the page and name its file")
    if any(map(_is_surrogate, reference)):
        raise CorpusError(f"{reference!a}: is not valid UTF-8, as names and ids of a corpus are")
    corpus, name = _corpus_and_id(reference, columns)
    _check_id(corpus, name, reference)
    row = find_articles(corpus, [name]).to_pylist()[0]
    said = {field: row[field] or "" for field in ("text", "title", "source", "url")}
    return _with_text(Article(**said, published=row["published"], place=reference))


def _corpus_and_id(reference: str, columns: Mapping[str, str] | None) -> tuple[Corpus, str]:
    parts = [(reference[:at], reference[at + 1 :]) for at in _hashes(reference)]
    if not parts:
        raise CorpusError(f"{reference}: no such file; an article of a corpus is named by CORPUS#ID")
    shortest = parts[-1][0]
    if "://" in shortest:
        return open_corpus(shortest, columns), parts[-1][1]
    place, name = next((part for part in parts if _is_there(part[0])), parts[-1])
    return open_corpus(place, columns), name


def _is_surrogate(character: str) -> bool:
    """Say whether a character stands for a byte of the command line that is not UTF-8."""
    return "\ud800" <= character <= "\udfff"


def _hashes(reference: str) -> Iterator[int]:
    """Yield where a ``#`` stands that has something before it, the last first."""
    return (at for at in range(len(reference) - 1, 0, -1) if reference[at] == "#")


def _is_there(place: str) -> bool:
    if os.path.exists(place):  # noqa: PTH110  (as above)
        return True
    return bool(_WILDCARDS & set(place)) and bool(glob.glob(place, recursive=True))  # noqa: PTH207  (may be absolute)


def _check_id(corpus: Corpus, name: str, reference: str) -> None:
    place = reference[: -len(name) - 1]
    if not name:
        raise CorpusError(f"{place}: no id stands behind the #; name one article: {place}#ID")
    times = sum(pc.sum(pc.equal(ids, name)).as_py() or 0 for ids in _ids(corpus))
    if times > 1:
        raise CorpusError(f"{place}: {times:,} articles have the id {name!r}; which is meant cannot be told")
    if times == 0:
        count = f"{len(corpus):,} {'id' if len(corpus) == 1 else 'ids'}"
        raise CorpusError(f"{place}: no article has the id {name!r} (of {count}){_alike(corpus, name)}")


def _ids(corpus: Corpus) -> Iterator[pa.Array]:
    return (batch["id"] for piece in range(len(corpus.pieces)) for _, batch in corpus.read(piece, ("id",)))


def _alike(corpus: Corpus, name: str) -> str:
    """Name one or two ids that look like this one; of a large corpus those are looked at that begin most like it."""

    def begins_alike(value: str) -> int:
        return len(os.path.commonprefix([value, name]))  # noqa: RUF071  (of characters)

    known = heapq.nlargest(_ALIKE, (value for ids in _ids(corpus) for value in ids.to_pylist()), key=begins_alike)
    found = difflib.get_close_matches(name, known, n=2)
    return f"; did you mean {' or '.join(map(repr, found))}?" if found else ""


__all__ = ["STDIN", "Article", "read_article"]
