"""Every knob, validated once and stored with every result."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from dedup.errors import SettingsError


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _knob(default: float, low: float, high: float, meaning: str) -> Any:
    return field(default=default, metadata={"low": low, "high": high, "meaning": meaning})


@dataclass(frozen=True)
class Settings:
    """What `find` can be told. Raises SettingsError where a value is out of range.

    The defaults were chosen on real corpora; ``benchmarks/`` holds the measurements.
    """

    shingle: int = _knob(
        5, 1, 64, "consecutive tokens in a shingle, and the shortest run of words that counts as copied"
    )
    near: float = _knob(0.8, 0.01, 1.0, "resemblance from which two articles are near copies")
    excerpt: float = _knob(0.6, 0.01, 1.0, "containment of the shorter in the longer from which it is an excerpt")
    excerpt_shingles: int = _knob(40, 1, 1 << 30, "distinct shingles that an excerpt has at least")
    permutations: int = _knob(128, 1, 4096, "minima in a signature")
    seed: int = _knob(1, 0, (1 << 32) - 1, "seed of the permutations")
    bands: int = _knob(21, 1, 4096, "bands of a signature; articles that agree in one band are candidates")
    rows: int = _knob(6, 1, 4096, "minima in a band")
    sample: int = _knob(8, 1, 1 << 20, "one shingle in so many is a posting key, by hash")
    cap: int = _knob(
        8,
        1,
        1 << 20,
        "members of a bucket or posting, the longest, that each other one is paired with, beside its neighbour",
    )
    compared: int = _knob(16, 1, 1 << 20, "longer articles, the likeliest, that an article is compared with")
    workers: int = field(
        default_factory=_cores,
        metadata={"low": 1, "high": 1024, "meaning": "threads; they change no result"},
    )

    def __post_init__(self) -> None:
        """Check every value."""
        for knob in fields(self):
            _check(knob.name, getattr(self, knob.name), knob.metadata, whole=knob.type == "int")
        if self.bands * self.rows > self.permutations:
            message = (
                f"bands x rows = {self.bands * self.rows} needs as many permutations, and there are {self.permutations}"
            )
            raise SettingsError(message)

    @classmethod
    def of(cls, **values: Any) -> Settings:
        """Return settings from a mapping, such as a file's or a command line's.

        Raises SettingsError for a name that is not a setting.
        """
        unknown = sorted(set(values) - {knob.name for knob in fields(cls)})
        if unknown:
            names = ", ".join(knob.name for knob in fields(cls))
            message = f"unknown setting {unknown[0]!r}; the settings are: {names}"
            raise SettingsError(message)
        return cls(**values)

    def recorded(self) -> dict[str, Any]:
        """Return what determines the result, for the metadata of the outputs."""
        return {name: value for name, value in asdict(self).items() if name != "workers"}


def _check(name: str, value: Any, bounds: Any, *, whole: bool) -> None:
    kind = "a whole number" if whole else "a number"
    fits = isinstance(value, int) if whole else isinstance(value, int | float)
    if not fits or isinstance(value, bool) or not bounds["low"] <= value <= bounds["high"]:
        message = f"setting {name} = {value!r}: expected {kind} from {bounds['low']} to {bounds['high']}"
        raise SettingsError(message)
