"""The overview of a result: one bar, sizes, time, outlets, and who copies whom."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dedup.article import COPIED, KINDS, REWORDED, UNIQUE
from dedup.report.listing import UNDATED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from dedup.report.listing import Listing

MATRIX = 12  # rows and columns of the matrix, at most
_BINS = 60  # of the timeline, at most
_LANES = 12  # stories in the timeline
_SIZES = (2, 3, 4, 5, 6, 10, 20, 50, 100, 1000)  # where the bars of the histogram begin
_STEPS = (
    *(timedelta(hours=hours) for hours in (1, 3, 6, 12)),
    *(timedelta(days=days) for days in (1, 7, 14, 28, 91, 182, 364, 1820, 3640)),
)


class Bar(NamedTuple):
    """A bar of a histogram: what it counts, how many, and its length, 0..1 of the longest."""

    label: str
    number: int
    length: float


class Lane(NamedTuple):
    """A story on the timeline: its number, and where its first and last article stand, 0..1."""

    story: int
    size: int
    start: float
    end: float


@dataclass(frozen=True)
class Timeline:
    """Stories by when they began, and the largest; ``undated`` stories have no place on it."""

    first: datetime
    last: datetime
    step: timedelta
    bins: tuple[Bar, ...]
    lanes: tuple[Lane, ...]
    undated: int


class Outlet(NamedTuple):
    """An outlet: its articles, those in stories, and what it copies.

    ``own`` to ``own_at_most`` is the share of its words, boilerplate apart, that it took from no other outlet, 0..1;
    None where it has no words. ``copies`` counts its articles that took half or more from other outlets, ``copied_by``
    the articles of others that did so and took most from it.
    """

    number: int
    articles: int
    in_stories: int
    own: float | None
    own_at_most: float | None
    copies: int
    copied_by: int


@dataclass(frozen=True)
class Matrix:
    """Who copies whom: how many articles of a copier (row) took half or more from others, and most from a source.

    The sources are those that most was taken from, of ``all_sources``; the copiers those that took most often from
    them, of ``all_copiers``.
    """

    copiers: tuple[int, ...]
    sources: tuple[int, ...]
    counts: tuple[tuple[int, ...], ...]
    all_copiers: int
    all_sources: int


@dataclass(frozen=True)
class Overview:
    """What stands above the stories. Shares are of words, by kind; ``told`` are those of the articles in stories."""

    shares: Mapping[str, float]
    told: Mapping[str, float]
    sizes: tuple[Bar, ...]
    timeline: Timeline | None
    outlets: tuple[Outlet, ...]
    matrix: Matrix


def overview(audited: pa.Table, listed: Listing) -> Overview:
    """Draw the overview from the audited articles of a result and their listing."""
    copying = _copying(audited, listed)
    return Overview(
        shares=_shares(listed.counts),
        told=_shares(listed.counts[listed.rows]),
        sizes=_sizes(listed.sizes),
        timeline=_timeline(listed),
        outlets=_outlets(audited, listed, copying),
        matrix=_matrix(copying, len(listed.outlets)),
    )


def _shares(counts: NDArray[np.float64]) -> dict[str, float]:
    whole = counts.sum(0)
    shares = whole / max(1.0, float(whole.sum()))
    return dict(zip(KINDS, shares.tolist(), strict=True))


def _sizes(sizes: NDArray[np.int64]) -> tuple[Bar, ...]:
    counts = np.bincount(np.searchsorted(_SIZES, sizes, side="right") - 1, minlength=len(_SIZES)).tolist()
    used = [number for number, count in enumerate(counts) if count]
    kept = range(max(used) + 1) if used else ()
    return tuple(Bar(_bounds(number), counts[number], counts[number] / max(counts)) for number in kept)


def _bounds(number: int) -> str:
    low = _SIZES[number]
    if number == len(_SIZES) - 1:
        return f"{low:,} and more"
    return f"{low:,}" if _SIZES[number + 1] == low + 1 else f"{low:,}–{_SIZES[number + 1] - 1:,}"  # noqa: RUF001


# Time -------------------------------------------------------------------------------------------------------------


def _timeline(listed: Listing) -> Timeline | None:
    first, last = listed.periods()
    dated = np.flatnonzero(first != UNDATED)
    if not len(dated):
        return None
    step = _step(int(last[dated].max() - first[dated].min()))
    width = step // timedelta(microseconds=1)
    low = int(first[dated].min()) // width * width
    bins = (first[dated] - low) // width
    count = int((last[dated].max() - low) // width) + 1
    counts = np.bincount(bins, minlength=count).tolist()
    whole = count * width
    return Timeline(
        first=_moment(low),
        last=_moment(low + whole),
        step=step,
        bins=tuple(
            Bar(f"{_moment(low + number * width):%-d %b %Y %H:%M}", found, found / max(counts))
            for number, found in enumerate(counts)
        ),
        lanes=tuple(
            Lane(story, int(listed.sizes[story]), (int(first[story]) - low) / whole, (int(last[story]) - low) / whole)
            for story in dated[:_LANES].tolist()
        ),
        undated=len(listed) - len(dated),
    )


def _step(length: int) -> timedelta:
    wanted = timedelta(microseconds=length) / _BINS
    return next((step for step in _STEPS if step >= wanted), timedelta(days=7280) * (1 + wanted // timedelta(7280)))


def _moment(microseconds: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)


# Outlets ----------------------------------------------------------------------------------------------------------


class _Copying(NamedTuple):
    """Outlets, by number, of the articles that took the least share from others, and of those they took most from."""

    copier: NDArray[np.int64]
    source: NDArray[np.int64]


def _copying(audited: pa.Table, listed: Listing) -> _Copying:
    took = np.asarray(pc.is_in(audited["verdict"].cast(pa.string()), pa.array(["credited", "uncredited"])))
    source = pc.index_in(audited["source_id"], value_set=audited["id"].combine_chunks()).fill_null(-1).to_numpy()
    rows = np.flatnonzero(took & (source >= 0))
    return _Copying(listed.outlet[rows], listed.outlet[source[rows]])


def _outlets(audited: pa.Table, listed: Listing, copying: _Copying) -> tuple[Outlet, ...]:
    count = len(listed.outlets)
    articles = np.bincount(listed.outlet, minlength=count)
    told = np.bincount(listed.outlet[listed.rows], minlength=count)
    words = listed.counts[:, [COPIED, REWORDED, UNIQUE]].sum(1)
    whole = np.bincount(listed.outlet, words, count)
    taken, undecided = (
        np.bincount(listed.outlet, words * pc.fill_null(audited[share], 0.0).to_numpy(), count)
        for share in ("from_others", "undecided")
    )
    copiers = np.bincount(copying.copier, minlength=count)
    sources = np.bincount(copying.source, minlength=count)
    return tuple(
        Outlet(
            number=number,
            articles=int(articles[number]),
            in_stories=int(told[number]),
            own=_part(whole[number] - taken[number] - undecided[number], whole[number]),
            own_at_most=_part(whole[number] - taken[number], whole[number]),
            copies=int(copiers[number]),
            copied_by=int(sources[number]),
        )
        for number in np.flatnonzero(articles).tolist()
    )


def _part(words: float, whole: float) -> float | None:
    return max(0.0, float(words / whole)) if whole else None


def _matrix(copying: _Copying, count: int) -> Matrix:
    sources = _top(copying.source, count)
    inside = np.isin(copying.source, sources)
    copiers = _top(copying.copier[inside], count)
    inside &= np.isin(copying.copier, copiers)
    sources = sources[np.isin(sources, copying.source[inside])]
    table = np.zeros((len(copiers), len(sources)), np.int64)
    places = np.zeros(count, np.int64)
    places[sources] = np.arange(len(sources))
    columns = places[copying.source[inside]]
    places[copiers] = np.arange(len(copiers))
    np.add.at(table, (places[copying.copier[inside]], columns), 1)
    return Matrix(
        tuple(copiers.tolist()),
        tuple(sources.tolist()),
        tuple(map(tuple, table.tolist())),
        len(np.unique(copying.copier)),
        len(np.unique(copying.source)),
    )


def _top(outlets: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Return the outlets that occur most, of equal ones the first by name."""
    counts = np.bincount(outlets, minlength=count)
    there = np.flatnonzero(counts)
    return np.asarray(there[np.argsort(-counts[there], kind="stable")][:MATRIX])
