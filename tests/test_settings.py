"""Settings are checked once, at the edge."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from dedup.errors import SettingsError
from dedup.settings import Settings

KNOBS = {knob.name: knob for knob in dataclasses.fields(Settings)}
SWITCHES = ("boilerplate", "stories")
NUMBERS = [name for name in KNOBS if name not in (*SWITCHES, "background")]


def test_the_defaults_are_pinned() -> None:
    """A result depends on them: a change belongs into the changelog."""
    assert Settings().recorded() == {
        "shingle": 5,
        "near": 0.8,
        "excerpt": 0.6,
        "excerpt_shingles": 40,
        "permutations": 128,
        "seed": 1,
        "bands": 21,
        "rows": 6,
        "sample": 8,
        "cap": 8,
        "compared": 8,
        "boilerplate": True,
        "stories": True,
        "window": 48.0,
        "partners": 100,
        "story_threshold": 0.275,
        "background": "",
    }


def test_workers_are_not_recorded() -> None:
    assert Settings(workers=3).recorded() == Settings(workers=1).recorded()
    assert Settings().workers >= 1


def test_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Settings().near = 0.5  # type: ignore[misc]


@pytest.mark.parametrize("name", KNOBS)
def test_every_knob_has_a_meaning(name: str) -> None:
    assert len(KNOBS[name].metadata["meaning"]) > 10


@pytest.mark.parametrize("name", NUMBERS)
def test_every_number_has_bounds(name: str) -> None:
    bounds = KNOBS[name].metadata
    assert bounds["low"] <= getattr(Settings(), name) <= bounds["high"]
    assert bounds["low"] < bounds["high"]


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("side", ["low", "high"])
def test_out_of_range(name: str, side: str) -> None:
    bound = KNOBS[name].metadata[side]
    step = 1 if isinstance(bound, int) else 0.001
    value = bound - step if side == "low" else bound + step
    with pytest.raises(SettingsError) as caught:
        Settings.of(**{name: value})
    message = str(caught.value)
    assert message.startswith(f"setting {name} = {value!r}: expected a ")
    assert f"from {KNOBS[name].metadata['low']} to {KNOBS[name].metadata['high']}" in message
    assert "\n" not in message


@pytest.mark.parametrize(
    "name",
    ["near", "excerpt", "shingle", "cap", "workers", "seed", "window", "partners", "story_threshold"],
)
def test_the_bounds_are_allowed(name: str) -> None:
    for side in ("low", "high"):
        value = KNOBS[name].metadata[side]
        assert getattr(Settings.of(**{name: value}), name) == value


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("near", "0.8"),
        ("near", None),
        ("near", True),
        ("near", float("nan")),
        ("near", float("inf")),
        ("excerpt", 1.5),
        ("excerpt", -0.1),
        ("shingle", 5.0),
        ("shingle", "5"),
        ("shingle", False),
        ("bands", 2.5),
        ("cap", None),
        ("workers", 0),
        ("window", "48h"),
        ("window", True),
        ("partners", 10.0),
        ("story_threshold", None),
    ],
)
def test_a_value_of_another_kind(name: str, value: Any) -> None:
    with pytest.raises(SettingsError, match=f"^setting {name} = "):
        Settings.of(**{name: value})


@pytest.mark.parametrize("name", SWITCHES)
@pytest.mark.parametrize("value", [0, 1, None, "yes", "false", 1.0])
def test_a_switch_is_on_or_off(name: str, value: Any) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.of(**{name: value})
    assert str(caught.value) == f"setting {name} = {value!r}: expected true or false"
    assert [getattr(Settings.of(**{name: on}), name) for on in (True, False)] == [True, False]


@pytest.mark.parametrize("value", [None, 5, True, b"words.parquet"])
def test_a_text_is_text(value: Any) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.of(background=value)
    assert str(caught.value) == f"setting background = {value!r}: expected text"
    assert Settings(background="words.parquet").background == "words.parquet"


def test_an_unknown_setting_names_the_known_ones() -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.of(treshold=0.5, near=0.5)
    assert str(caught.value) == f"unknown setting 'treshold'; the settings are: {', '.join(KNOBS)}"


def test_more_bands_than_permutations() -> None:
    with pytest.raises(SettingsError, match=r"^bands x rows = 129 needs as many permutations, and there are 128$"):
        Settings(bands=43, rows=3)
    assert Settings(bands=32, rows=4).bands == 32


def test_a_whole_number_is_a_number() -> None:
    assert Settings(near=1).near == 1
