"""What the index keeps of every article beside its text and keys: facts, names, boilerplate, links.

Articles have numbers, in order of arrival. A *record* is of fixed size and holds what decisions need; the rest is read
only where it is shown.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import xxhash

from dedup.kernels.runs import UNDATED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from dedup.index.shelf import View, Writer

NONE = -1  # in the place of an article's number

# `fingerprint` is that of the article's own tokens, `checksum` that of the text as it came. `twin` is the first article
# with the same tokens, `witness` the one that admits it to its copy group, with `relation` and `score`. `story` is the
# number of the article that founded the story. A `teller` is aligned with others; `sampled` counts its sampled
# shingles. `previous` is the earlier version of the same id.
RECORD = np.dtype(
    [
        ("published", "<i8"),
        ("fingerprint", "<u8", (2,)),
        ("checksum", "<u8", (2,)),
        ("tokens", "<i4"),
        ("words", "<i4"),
        ("sampled", "<i4"),
        ("part", "<u2"),
        ("size", "<u4"),
        ("offset", "<u8"),
        ("twin", "<i8"),
        ("witness", "<i8"),
        ("relation", "i1"),
        ("teller", "?"),
        ("score", "<f8"),
        ("story", "<i8"),
        ("previous", "<i8"),
    ]
)

# A verified match with an earlier article: `relation` (article.RELATIONS); for copies the distinct shingles shared, of
# this article and of the other; for rewrites the probability that both tell one story.
LINK = np.dtype(
    [
        ("other", "<i8"),
        ("relation", "i1"),
        ("shared", "<i4"),
        ("own", "<i4"),
        ("others", "<i4"),
        ("probability", "<f4"),
    ]
)

_written = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_TIMES = tuple(RECORD.fields[name][1] for name in ("published", "previous"))  # type: ignore[index]
_RUN = np.dtype([("start", "<i4"), ("end", "<i4")])
_FOUNDER = b"founder "  # before the id of an article that is gone, while the story that it founded goes on
_LONGEST_KEY = 400  # bytes of an id that is a key as it is; LMDB takes 511


class Note(NamedTuple):
    """What an article is called, and where it stood."""

    id: str
    title: str | None
    source: str | None
    url: str | None


def key_of(id_: str) -> bytes:
    """Return the key of an id: itself, or its beginning and a hash of it where it is long."""
    raw = id_.encode()
    return raw if len(raw) <= _LONGEST_KEY else raw[:_LONGEST_KEY] + b"\0" + xxhash.xxh3_128_digest(raw)


def number_of(view: View, id_: str) -> int:
    """Return the number of the article with this id, NONE where there is none."""
    found = view.get("ids", key_of(id_))
    return NONE if found is None else int.from_bytes(found, "little")


def numbers_of(view: View, ids: Sequence[str]) -> NDArray[np.int64]:
    """Return the numbers of the articles with these ids, NONE where there is none."""
    return np.array([number_of(view, id_) for id_ in ids], np.int64)


def story_of(view: View, id_: str) -> int:
    """Return the story of the article with this id, or that such an article founded before it went; else NONE."""
    number = number_of(view, id_)
    if number != NONE:
        return int(records(view, np.array([number]))["story"][0])
    founder = view.get("meta", _FOUNDER + key_of(id_))
    return NONE if founder is None else int.from_bytes(founder, "little")


def founded(view: View, numbers: NDArray[np.int64], ids: Sequence[str]) -> dict[int, int]:
    """Return, of articles that come under these ids, the stories that others founded under them before they went."""
    first = next(view.scan("meta", _FOUNDER), None)
    if first is None or not bytes(first[0]).startswith(_FOUNDER):
        return {}
    found = zip(numbers.tolist(), (view.get("meta", _FOUNDER + key_of(id_)) for id_ in ids), strict=True)
    return {number: int.from_bytes(story, "little") for number, story in found if story is not None}


def leave_name(writer: Writer, number: int) -> None:
    """Delete the name of an article that goes; a story that it founded, and that goes on, keeps it."""
    if len(writer.listed(number)):
        writer.put("meta", _FOUNDER + key_of(ids(writer, [number])[0]), number.to_bytes(8, "little"))
    else:
        writer.delete("notes", number)


def end_story(writer: Writer, number: int) -> None:
    """Delete the name of a story that has no article left."""
    founder = ids(writer, [number])[0]
    if founder:  # it went before the last one
        writer.delete("meta", _FOUNDER + key_of(founder))
        writer.delete("notes", number)


def records(view: View, numbers: NDArray[np.int64]) -> NDArray[Any]:
    """Return the records of these articles, (n,) RECORD."""
    found = view.several("records", numbers)
    return np.frombuffer(b"".join(raw or b"" for raw in found), RECORD).copy()


def times(raw: bytes) -> tuple[int, int]:
    """Return when the article of a record as it is stored was published, and its earlier version."""
    return tuple(int.from_bytes(raw[place : place + 8], "little", signed=True) for place in _TIMES)  # type: ignore[return-value]


def there(view: View, numbers: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Say of each number whether its article was never removed."""
    return np.array([raw is not None for raw in view.several("records", numbers)], np.bool_)


def notes(view: View, numbers: Sequence[int]) -> list[Note]:
    """Return what these articles are called."""
    found = view.several("notes", np.asarray(numbers, np.int64))
    return [Note(*json.loads(raw or b"[null,null,null,null]")) for raw in found]


def ids(view: View, numbers: Sequence[int]) -> list[str]:
    """Return the ids of these articles."""
    return [note.id for note in notes(view, numbers)]


def write_record(writer: Writer, number: int, record: NDArray[Any]) -> None:
    """Keep a record, in the place of an earlier one."""
    writer.put("records", number, record.tobytes())


def write_note(writer: Writer, number: int, note: Note) -> None:
    """Keep the names of an article, and the number under its id."""
    writer.put("notes", number, _written(note).encode())
    writer.put("ids", key_of(note.id), number.to_bytes(8, "little"))


def runs_of(view: View, numbers: NDArray[np.int64]) -> list[NDArray[Any]]:
    """Return the runs of boilerplate tokens, ``start`` and ``end``, of each of these articles."""
    return [np.frombuffer(raw or b"", _RUN) for raw in view.several("house", numbers)]


def write_runs(writer: Writer, number: int, starts: NDArray[np.int32], ends: NDArray[np.int32]) -> None:
    """Keep the runs of boilerplate tokens of an article; none are not kept."""
    if len(starts):
        runs = np.empty(len(starts), _RUN)
        runs["start"], runs["end"] = starts, ends
        writer.put("house", number, runs.tobytes())


def links_of(view: View, numbers: NDArray[np.int64]) -> list[NDArray[Any]]:
    """Return the links of each of these articles to earlier ones, (n,) LINK."""
    return [np.frombuffer(raw or b"", LINK) for raw in view.several("links", numbers)]


def write_links(writer: Writer, number: int, links: NDArray[Any]) -> None:
    """Keep the links of an article; none are not kept."""
    if len(links):
        writer.put("links", number, links.tobytes())


def part_of(published: NDArray[np.int64]) -> NDArray[np.uint16]:
    """Return the partition of each time: its month since the year 0, 0 for an article without a date."""
    dated = published != UNDATED
    months = np.where(dated, published, 0).astype("datetime64[us]").astype("datetime64[M]").astype(np.int64)
    return np.where(dated, np.clip(months + 1970 * 12, 1, (1 << 16) - 1), 0).astype(np.uint16)
