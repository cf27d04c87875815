"""The keys by which articles are found: of whole texts, bands, sampled shingles, and salient terms on their day."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dedup.sketch import Sketches

PRINT, BAND, SHINGLE, TERM = range(4)  # families of keys


def mixed(keys: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Spread keys evenly over 64 bits, one to one (the finaliser of splitmix64; Steele, Lea, Flood 2014)."""
    out = keys + np.uint64(0x9E3779B97F4A7C15)
    out = (out ^ (out >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    out = (out ^ (out >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(out ^ (out >> np.uint64(31)), np.uint64)


class Keys(NamedTuple):
    """Keys of texts: those of text ``i`` are ``values[places[i]:places[i + 1]]``."""

    values: NDArray[np.uint64]
    places: NDArray[np.int64]

    @property
    def owners(self) -> NDArray[np.int64]:
        """Return whose each key is."""
        return np.repeat(np.arange(len(self.places) - 1), np.diff(self.places))


def print_keys(sketches: Sketches) -> Keys:
    """Return the key of every text's fingerprint."""
    return Keys(mixed(sketches.fingerprints[:, 0]), np.arange(len(sketches) + 1))


def band_keys(sketches: Sketches) -> Keys:
    """Return the keys of every text's bands; a band agrees only with the same band."""
    bands = sketches.keys.shape[1]
    values = mixed(sketches.keys ^ mixed(np.arange(bands, dtype=np.uint64)))
    return Keys(values.ravel(), np.arange(len(sketches) + 1) * bands)


def shingle_keys(sketches: Sketches) -> Keys:
    """Return the keys of every text's distinct sampled shingles."""
    owners = np.repeat(np.arange(len(sketches)), np.diff(sketches.places)).astype(np.uint64)
    both = np.sort((owners << np.uint64(32)) | sketches.sampled)
    both = both[np.diff(both, prepend=~both[:1]) != 0]
    counts = np.bincount((both >> np.uint64(32)).astype(np.int64), minlength=len(sketches))
    places = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])
    return Keys(mixed(both & np.uint64(0xFFFFFFFF)), places)


def only(keys: Keys, texts: NDArray[np.int64]) -> Keys:
    """Return the keys of some texts."""
    sizes = np.diff(keys.places)[texts]
    places = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])
    at = np.arange(places[-1]) - np.repeat(places[:-1], sizes) + np.repeat(keys.places[texts], sizes)
    return Keys(keys.values[at], places)
