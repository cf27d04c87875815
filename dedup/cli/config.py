"""Settings in a TOML file: read for ``--config``, written for ``dedup settings --toml``."""

from __future__ import annotations

import tomllib
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from dedup.errors import SettingsError
from dedup.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_HINT = "`dedup settings --toml` prints a file to start from"
_HEAD = "Settings of dedup; give the file to a command with --config FILE. A line left out means the default."


def read(path: Path) -> dict[str, Any]:
    """Return the settings that stand in a file, by name; a relative ``background`` is beside the file.

    Raises SettingsError where the file cannot be read, is not TOML, or names what is not a setting; whether the values
    are in range is left for Settings to say.
    """
    found = _document(path)
    names = [knob.name for knob in fields(Settings)]
    for name, value in found.items():
        if isinstance(value, dict):
            raise SettingsError(f"{path}: {name!r} is a table; settings stand on lines of their own, KEY = VALUE")
        if name not in names:
            raise SettingsError(f"{path}: unknown setting {name!r}; the settings are: {', '.join(names)}")
    words = found.get("background")
    if isinstance(words, str) and words:
        found["background"] = str(path.parent / words)
    return found


def _document(path: Path) -> dict[str, Any]:
    if path.is_dir() or (path.exists() and not path.is_file()):
        what = "a folder" if path.is_dir() else "a pipe or a device"
        raise SettingsError(f"{path}: is {what}, expected a TOML file; {_HINT}")
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read ({error.strerror or error}); {_HINT}") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path}: not TOML (byte {error.start} is not UTF-8); {_HINT}") from error
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path}: not TOML ({error}); {_HINT}") from error


def lines(settings: Settings) -> Iterator[str]:
    """Write settings as a TOML file with what each means; those of this machine alone are commented out."""
    plain = Settings()
    yield f"# {_HEAD}"
    for knob in fields(Settings):
        value, bounds = getattr(settings, knob.name), ""
        if "low" in knob.metadata:
            bounds = f"; from {knob.metadata['low']} to {knob.metadata['high']}"
        usual = "as many as there are" if knob.name == "workers" else _value(getattr(plain, knob.name))
        yield ""
        yield f"# {knob.metadata['meaning']}"
        yield f"# default {usual}{bounds}"
        local = knob.name == "workers" and value == plain.workers
        yield f"{'# ' if local else ''}{knob.name} = {_value(value)}"


def _value(value: bool | float | str) -> str:  # noqa: FBT001  (a setting's value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return _quoted(value) if isinstance(value, str) else repr(value)


def _quoted(text: str) -> str:
    """Return a basic string of ASCII only: nothing in it can do anything to a terminal."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isascii() and c.isprintable() else f"\\U{ord(c):08x}" for c in escaped) + '"'
