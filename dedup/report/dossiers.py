"""What a page needs to show stories one by one, as plain lists: rows of the list, members, and texts with their spans.

Everything here is written for a browser: times are seconds of UTC, shares are thousandths for drawing and whole percent
for reading (terminal.percent: rounded once, as on a terminal), offsets count UTF-16 units, and texts come without the
characters that turn a line around.
"""

from __future__ import annotations

import base64
import json
import re
import zlib
from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dedup.article import COPIED, KINDS, RELATIONS, REWORDED, UNIQUE
from dedup.audit import origins
from dedup.report.listing import UNDATED
from dedup.report.terminal import percent, printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from dedup.report.listing import Listing
    from dedup.result import Result

MEMBERS = 200  # of a story, that are listed
TEXTS = 40  # of a story, that are there to be compared
LONGEST = 40_000  # characters of a text
_TITLE = 200  # characters of a title in a story, and
_ROW_TITLE = 120  # in the list of stories
NAME = 80  # characters of an outlet or a credit
_URL = 500  # characters; a longer address is left out
_ROW_OUTLETS = 12  # that a row names, so that it can be searched for them
_SECOND = 1_000_000
_DIGITS = 2  # of a score, as on a terminal
_TURNING = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufeff]")
_ABOUT = ("id", "title", "url", "relation", "witness_id", "score", "words", "role", "credit", "verdict", "copy_id")


def line(text: str | None, longest: int = _TITLE) -> str:
    """Return text from strangers as one line of bounded length, harmless as text; "" for none."""
    told = printable(text or "")
    return told if len(told) <= longest else f"{told[: longest - 1].rstrip()}…"


def link(url: str | None) -> str:
    """Return an address that a browser may open, "" for one that is none: only http and https lead to a page."""
    if not url or len(url) > _URL or _TURNING.search(url) or any(character.isspace() for character in url):
        return ""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return url if parts.scheme in ("http", "https") and parts.hostname else ""


def rows(audited: pa.Table, listed: Listing, count: int) -> dict[str, list[Any]]:
    """Return the columns of the list of stories: the ``count`` largest."""
    places = listed.places[: count + 1]
    first, last = (_seconds(moments[:count]) for moments in listed.periods())
    chosen = listed.rows[: places[-1]]
    table = audited.select(["title", "story_id", "copy_id"]).take(pa.array(chosen))
    titles, names, groups = (table[column].to_pylist() for column in ("title", "story_id", "copy_id"))
    outlets = listed.outlet[chosen].tolist()
    unknown = len(listed.outlets) - 1
    out: dict[str, list[Any]] = {name: [] for name in ("id", "title", "outlets", "named", "groups", "single")}
    for low, high in zip(places[:-1].tolist(), places[1:].tolist(), strict=True):
        title = next(filter(None, map(line, titles[low : min(high, low + MEMBERS)])), "")
        known = [outlet for outlet in dict.fromkeys(outlets[low:high]) if outlet != unknown]
        out["id"].append(names[low])
        out["title"].append(line(title, _ROW_TITLE) or line(names[low]))
        out["outlets"].append(len(known))
        out["named"].append(known[:_ROW_OUTLETS])
        sizes = Counter(groups[low:high]).values()
        out["groups"].append(len(sizes))
        out["single"].append(sum(size == 1 for size in sizes))
    counts = listed.sums(listed.counts)[:count]
    told = {"shares": _thousandths(counts), "percents": _percents(counts)}
    return {**out, "size": listed.sizes[:count].tolist(), "first": first, "last": last, **told}


def _seconds(moments: NDArray[np.int64]) -> list[int | None]:
    return [None if moment == UNDATED else moment // _SECOND for moment in moments.tolist()]


def _thousandths(counts: NDArray[np.float64]) -> list[list[int]]:
    """Return each row's shares of its sum, rounded so that they still add up to 1000 (or 0)."""
    whole = counts.sum(1, keepdims=True)
    ends = np.rint(np.cumsum(counts, 1) / np.maximum(1, whole) * 1000).astype(np.int64)
    shares: list[list[int]] = np.diff(ends, axis=1, prepend=0).tolist()
    return shares


def _percents(counts: NDArray[np.float64]) -> list[list[int]]:
    """Return each row's shares of its sum in percent, and last the unique part of what is not boilerplate."""
    whole, words = counts.sum(1), counts[:, [COPIED, REWORDED, UNIQUE]].sum(1)
    shares = np.column_stack((counts / np.maximum(1, whole)[:, None], counts[:, UNIQUE] / np.maximum(1, words)))
    return [[percent(part) for part in row] for row in shares.tolist()]


# The members of a story -------------------------------------------------------------------------------------------


class Dossier(NamedTuple):
    """A story in detail: its number, its listed members' rows, by time, and the places among these of texts to show."""

    story: int
    rows: NDArray[np.int64]
    texts: NDArray[np.int64]


def dossier(audited: pa.Table, listed: Listing, story: int) -> Dossier:
    """Choose the members of a story that are listed, and those that can be compared.

    Of more than are listed, the origin and the first of every copy group go before the rest, and earlier before later.
    """
    own = listed.of(story)
    if len(own) <= TEXTS:
        return Dossier(story, own, np.arange(len(own)))
    table = audited.select(["id", "origin_id", "copy_id"]).take(pa.array(own))
    origin = np.asarray(pc.fill_null(pc.equal(table["id"], table["origin_id"]), False))  # noqa: FBT003  (a value)
    codes = table["copy_id"].combine_chunks().dictionary_encode().indices.to_numpy()
    heads = np.zeros(len(own), np.bool_)
    heads[np.unique(codes, return_index=True)[1]] = True
    order = np.lexsort((np.arange(len(own)), ~heads, ~origin))
    chosen = np.sort(order[:MEMBERS])
    return Dossier(story, own[chosen], np.flatnonzero(np.isin(chosen, order[:TEXTS])))


def members(audited: pa.Table, listed: Listing, chosen: Dossier) -> dict[str, Any]:
    """Return what is told of a story and its listed members; those name each other by place in the list.

    The percents of a member are its shares by kind (article.KINDS), and last what it shares: copied and reworded.
    """
    table = audited.take(pa.array(chosen.rows))
    found = table.select(_ABOUT).to_pylist()
    places = {member["id"]: place for place, member in enumerate(found)}
    groups = {name: number for number, name in enumerate(dict.fromkeys(member["copy_id"] for member in found))}
    counts = listed.counts[chosen.rows]
    shares = _thousandths(counts)
    shared = (counts[:, [COPIED, REWORDED]].sum(1) / np.maximum(1, counts.sum(1))).tolist()
    percents = [[*row[:-1], percent(part)] for row, part in zip(_percents(counts), shared, strict=True)]
    times = _seconds(listed.published[chosen.rows])
    outlets = listed.outlet[chosen.rows].tolist()
    told = origins(audited.take(pa.array(listed.of(chosen.story))))
    return {
        "first": places.get(told.first_id, -1) if told.first_id else -1,
        "origin": places.get(told.origin_id, -1) if told.origin_id else -1,
        "sure": told.origin_confidence and round(told.origin_confidence, _DIGITS),
        "evidence": told.origin_evidence,
        "independent": [told.independent, told.independent_at_most],
        "members": [
            [
                line(member["id"]),
                line(member["title"]),
                outlets[place],
                times[place],
                link(member["url"]),
                RELATIONS.index(member["relation"]) if member["relation"] else -1,
                member["score"] and round(member["score"], _DIGITS),
                places.get(member["witness_id"], -1),
                groups[member["copy_id"]],
                member["words"],
                shares[place],
                member["role"] or "",
                None if member["credit"] is None else line(member["credit"], NAME),
                member["verdict"] or "",
                percents[place],
            ]
            for place, member in enumerate(found)
        ],
    }


# Texts and spans --------------------------------------------------------------------------------------------------


class Marked(NamedTuple):
    """A text for a browser: how many characters were left out at its end, and its spans, seven numbers each.

    These are start, end, kind (of article.KINDS), the other member (-1 for none), its start and end, and the score in
    thousandths.
    """

    text: str
    more: int
    spans: list[int]


def packed(texts: Mapping[int, Marked], matches: Sequence[Sequence[Any]]) -> str:
    """Return the texts of a story, by place of the member, and its matches, as base64 of zlib of JSON.

    Copies of one text compress to little more than one of them.
    """
    document = {
        "of": list(texts),
        "texts": [marked.text for marked in texts.values()],
        "more": [marked.more for marked in texts.values()],
        "spans": [marked.spans for marked in texts.values()],
        "matches": matches,
    }
    plain = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    return base64.b64encode(zlib.compress(plain.encode(), 9)).decode()


def texts(
    result: Result, stories: Sequence[Dossier], originals: Mapping[str, str | None]
) -> Iterator[tuple[dict[int, Marked], list[list[Any]]]]:
    """Yield, story by story, the texts with their spans and the matches among the listed members.

    ``originals`` are the texts by id, as :func:`dedup.lookup.texts_of` reads them.
    """
    names = result.articles["id"].combine_chunks()
    spans, matches = _Spans.of(result.spans, names, stories), _Matches.of(result.matches, names, stories)
    for number, story in enumerate(stories):
        units = {int(story.rows[place]): _Units.of(_text(names, story.rows[place], originals)) for place in story.texts}
        marked = {int(place): spans.mark(int(story.rows[place]), units, story) for place in story.texts}
        yield marked, matches.among(number, story)


def _text(names: pa.Array, row: int, originals: Mapping[str, str | None]) -> str:
    return originals[names[int(row)].as_py()] or ""


class _Units(NamedTuple):
    """A text, and where its characters begin in UTF-16 (None where every character is one unit)."""

    text: str
    starts: NDArray[np.int64] | None

    @classmethod
    def of(cls, text: str) -> _Units:
        if text.isascii() or max(text) <= "\uffff":
            return cls(text, None)
        points = np.frombuffer(text.encode("utf-32-le"), np.uint32)
        return cls(text, np.concatenate([np.zeros(1, np.int64), np.cumsum(1 + (points > 0xFFFF))]))  # noqa: PLR2004

    def at(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
        return places if self.starts is None else self.starts[np.minimum(places, len(self.text))]


class _Spans(NamedTuple):
    """Spans of the articles that are shown: seven columns of numbers, those of an article together."""

    owners: NDArray[np.int64]
    columns: NDArray[np.int64]

    @classmethod
    def of(cls, table: pa.Table, names: pa.Array, stories: Sequence[Dossier]) -> _Spans:
        wanted = np.concatenate([np.zeros(0, np.int64), *(story.rows[story.texts] for story in stories)])
        table = table.filter(pc.is_in(table["id"], names.take(pa.array(wanted))))
        own = pc.index_in(table["id"], value_set=names).to_numpy().astype(np.int64)
        score = np.rint(pc.fill_null(table["score"], 0.0).to_numpy() * 1000).astype(np.int64)
        columns = [
            table["start"].to_numpy(),
            table["end"].to_numpy(),
            pc.index_in(table["kind"].cast(pa.string()), value_set=pa.array(KINDS)).to_numpy(),
            pc.index_in(table["other_id"], value_set=names).fill_null(-1).to_numpy(),
            pc.fill_null(table["other_start"], 0).to_numpy(),
            pc.fill_null(table["other_end"], 0).to_numpy(),
            score,
        ]
        order = np.lexsort((columns[0], own))
        return cls(own[order], np.stack(columns, 1).astype(np.int64)[order])

    def mark(self, row: int, units: Mapping[int, _Units], story: Dossier) -> Marked:
        """Return a text with its spans; an other member counts UTF-16 units where its text is there, else characters.

        What is cut off has no spans.
        """
        own = units[row]
        low, high = np.searchsorted(self.owners, [row, row + 1])
        found = self.columns[low:high].copy()
        found = found[found[:, 0] < LONGEST]
        found[:, :2] = own.at(np.minimum(found[:, :2], LONGEST))
        for other in set(found[:, 3].tolist()) & units.keys():
            mine = found[:, 3] == other
            found[mine, 4:6] = units[other].at(found[mine, 4:6])
        places = {int(number): place for place, number in enumerate(story.rows)}
        found[:, 3] = [places.get(other, -1) for other in found[:, 3].tolist()]
        return Marked(_shown(own.text[:LONGEST]), max(0, len(own.text) - LONGEST), found.ravel().tolist())


def _shown(text: str) -> str:
    """Return a text of the same length whose characters are all to be seen as they stand."""
    return _TURNING.sub("\ufffd", text.replace("\r\n", " \n").replace("\r", "\n"))


class _Matches(NamedTuple):
    """Matches by story: rows of the two articles, and what is known of them."""

    story: NDArray[np.int64]
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    table: pa.Table

    @classmethod
    def of(cls, table: pa.Table, names: pa.Array, stories: Sequence[Dossier]) -> _Matches:
        owner = np.full(len(names), -1, np.int64)
        for number, story in enumerate(stories):
            owner[story.rows] = number
        left, right = (pc.index_in(table[side], value_set=names).to_numpy().astype(np.int64) for side in _SIDES)
        inside = np.flatnonzero((owner[left] >= 0) & (owner[left] == owner[right]))
        inside = inside[np.argsort(owner[left[inside]], kind="stable")]
        return cls(owner[left[inside]], left[inside], right[inside], table.take(pa.array(inside)))

    def among(self, number: int, story: Dossier) -> list[list[Any]]:
        """Return the matches of a story: two places, the relation and up to four scores."""
        low, high = np.searchsorted(self.story, [number, number + 1])
        places = {int(row): place for place, row in enumerate(story.rows)}
        told = self.table.slice(low, high - low).select(_SCORES).to_pylist()
        return [
            [
                places[int(left)],
                places[int(right)],
                RELATIONS.index(match["relation"]),
                *(None if match[score] is None else round(match[score], _DIGITS) for score in _SCORES[1:]),
            ]
            for left, right, match in zip(self.left[low:high], self.right[low:high], told, strict=True)
        ]


_SIDES = ("left", "right")
_SCORES = ("relation", "resemblance", "containment_left_in_right", "containment_right_in_left", "story_score")
