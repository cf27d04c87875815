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


def _switch(meaning: str, *, on: bool) -> Any:
    return field(default=on, metadata={"meaning": meaning})


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
    compared: int = _knob(8, 1, 1 << 20, "longer articles, the likeliest, that an article is compared with")
    boilerplate: bool = _switch("set aside what an outlet repeats, credits, captions and sign-up lines", on=True)
    stories: bool = _switch("find rewrites, and not copies only", on=True)
    window: float = _knob(48.0, 0.1, 1e6, "hours between two articles that may be rewrites of one report")
    partners: int = _knob(100, 1, 1 << 16, "earlier articles in the window, the likeliest, that one is aligned with")
    story_threshold: float = _knob(0.275, 0.01, 1.0, "mean probability of one story from which two parts of it join")
    background: str = field(
        default="",
        metadata={"meaning": "file with word statistics of `dedup background build`; empty for the packaged one"},
    )
    workers: int = field(
        default_factory=_cores,
        metadata={"low": 1, "high": 1024, "meaning": "threads; they change no result"},
    )

    def __post_init__(self) -> None:
        """Check every value."""
        for knob in fields(self):
            _CHECKS[str(knob.type)](knob.name, getattr(self, knob.name), knob.metadata)
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


def _check_number(name: str, value: Any, bounds: Any) -> None:
    _check_bounds(name, value, bounds, isinstance(value, int | float), "a number")


def _check_whole(name: str, value: Any, bounds: Any) -> None:
    _check_bounds(name, value, bounds, isinstance(value, int), "a whole number")


def _check_bounds(name: str, value: Any, bounds: Any, fits: bool, kind: str) -> None:  # noqa: FBT001  (private)
    if not fits or isinstance(value, bool) or not bounds["low"] <= value <= bounds["high"]:
        raise SettingsError(f"setting {name} = {value!r}: expected {kind} from {bounds['low']} to {bounds['high']}")


def _check_switch(name: str, value: Any, _: Any) -> None:
    if not isinstance(value, bool):
        raise SettingsError(f"setting {name} = {value!r}: expected true or false")


def _check_text(name: str, value: Any, _: Any) -> None:
    if not isinstance(value, str):
        raise SettingsError(f"setting {name} = {value!r}: expected text")


_CHECKS = {"int": _check_whole, "float": _check_number, "bool": _check_switch, "str": _check_text}
