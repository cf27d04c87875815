"""The stories of a result, the largest first, as arrays: what the pages of a report draw on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dedup.article import KINDS

if TYPE_CHECKING:
    from numpy.typing import NDArray

UNDATED = np.iinfo(np.int64).min
# What Python and browsers have a calendar for, in microseconds.
_EARLIEST, _LATEST = (int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000 for year in (1, 9999))


@dataclass(frozen=True)
class Listing:
    """The stories of two articles and more, the largest first; of equal ones, those with more copied words.

    ``rows`` are rows of the articles, story by story: those of story ``s`` are ``rows[places[s]:places[s + 1]]``, by
    time, then id, undated ones last. The rest has one value an article of the result: ``published`` in microseconds of
    UTC or UNDATED, ``outlet`` the number of its name in ``outlets`` (the last of which, "", is that of articles
    without one), ``counts`` the words by kind (article.KINDS), (articles, 4).
    """

    rows: NDArray[np.int64]
    places: NDArray[np.int64]
    published: NDArray[np.int64]
    outlet: NDArray[np.int64]
    outlets: tuple[str, ...]
    counts: NDArray[np.float64]

    def __len__(self) -> int:
        """Count the stories."""
        return len(self.places) - 1

    @property
    def sizes(self) -> NDArray[np.int64]:
        """Count the articles of every story."""
        return np.diff(self.places)

    def of(self, story: int) -> NDArray[np.int64]:
        """Return the rows of a story's articles."""
        return self.rows[self.places[story] : self.places[story + 1]]

    def sums(self, values: NDArray[Any]) -> NDArray[Any]:
        """Add up, story by story, what has one value an article."""
        return _sums(values[self.rows], self.places)

    def periods(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return when the first and the last dated article of every story were published, UNDATED where none is."""
        if not len(self):
            return np.empty(0, np.int64), np.empty(0, np.int64)
        times, starts = self.published[self.rows], self.places[:-1]
        early = np.minimum.reduceat(np.where(times == UNDATED, np.iinfo(np.int64).max, times), starts)
        return np.where(early == np.iinfo(np.int64).max, UNDATED, early), np.maximum.reduceat(times, starts)


def listing(audited: pa.Table) -> Listing:
    """List the stories of a result's audited articles."""
    published = times(audited["published"])
    outlet, outlets = _numbered(pc.coalesce(audited["outlet"], audited["source"]))
    words = audited["words"].to_numpy().astype(np.float64)
    counts = np.rint(np.stack([audited[share].to_numpy() for share in KINDS], 1) * words[:, None])
    encoded = audited["story_id"].combine_chunks().dictionary_encode()
    codes = encoded.indices.to_numpy().astype(np.int64)
    sizes = np.bincount(codes, minlength=len(encoded.dictionary))
    copied = np.bincount(codes, counts[:, 0], len(sizes))
    chosen = np.flatnonzero(sizes > 1)
    chosen = chosen[np.lexsort((_ranks(encoded.dictionary)[chosen], -copied[chosen], -sizes[chosen]))]
    position = np.full(len(sizes), -1)
    position[chosen] = np.arange(len(chosen))
    rows = np.flatnonzero(position[codes] >= 0)
    late = np.where(published[rows] == UNDATED, np.iinfo(np.int64).max, published[rows])
    ids = _ranks(audited["id"].take(pa.array(rows)).combine_chunks())
    rows = rows[np.lexsort((ids, late, position[codes[rows]]))]
    places = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes[chosen])])
    return Listing(rows, places, published, outlet, outlets, counts)


def times(published: pa.ChunkedArray) -> NDArray[np.int64]:
    """Return times in microseconds of UTC; UNDATED for none, and for years that no calendar has."""
    found = published.cast(pa.int64()).fill_null(UNDATED).to_numpy()
    return np.where((found >= _EARLIEST) & (found < _LATEST), found, UNDATED)


def _numbered(sources: pa.ChunkedArray) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    encoded = sources.combine_chunks().fill_null("").dictionary_encode()
    names = encoded.dictionary.to_pylist()
    outlets = (*sorted(name for name in names if name), "")
    numbers = {name: number for number, name in enumerate(outlets)}
    renumber = np.array([numbers[name] for name in names], np.int64)
    return renumber[encoded.indices.to_numpy()], outlets


def _ranks(names: pa.Array) -> NDArray[np.int64]:
    ranks = np.empty(len(names), np.int64)
    ranks[pc.sort_indices(names).to_numpy()] = np.arange(len(names))
    return ranks


def _sums(values: NDArray[Any], places: NDArray[np.int64]) -> NDArray[Any]:
    before = np.concatenate([np.zeros((1, *values.shape[1:])), np.cumsum(values, 0)])
    return np.asarray(before[places[1:]] - before[places[:-1]])
