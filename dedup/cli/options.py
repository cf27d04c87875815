"""Options that several commands have."""

from __future__ import annotations

import functools
import math
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import click

from dedup.errors import SettingsError
from dedup.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_Command = TypeVar("_Command", bound="Callable[..., Any]")


def pairs(_ctx: click.Context, option: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    """Read a repeatable option of NAME=VALUE."""
    found: dict[str, str] = {}
    for value in values:
        name, equals, rest = value.partition("=")
        if not (name and equals):
            raise click.BadParameter(f"{value!r} is not {option.metavar}")
        if name in found:
            raise click.BadParameter(f"{name!r} is given twice")
        found[name] = rest
    return found


def _value(name: str, text: str) -> bool | float | str:
    """Read a setting's value; what is not of its kind is left for Settings to refuse."""
    kind = next((knob.type for knob in fields(Settings) if knob.name == name), "str")
    if kind == "bool":
        return {"true": True, "false": False}.get(text.lower(), text)
    for number in () if kind == "str" else (int, float):
        try:
            return number(text)
        except ValueError:
            continue
    return text


def _setting(flag: str, name: str, kind: type, metavar: str) -> Callable[[_Command], _Command]:
    meaning: str = next(knob.metadata["meaning"] for knob in fields(Settings) if knob.name == name)
    told = _MEANINGS.get(name, f"{meaning[0].upper()}{meaning[1:]}.")
    return click.option(flag, name, type=kind, metavar=metavar, help=told)


_FLAGS = {
    "near": ("--near", float, "SHARE"),
    "excerpt": ("--excerpt", float, "SHARE"),
    "window": ("--window", float, "HOURS"),
    "story_threshold": ("--story-threshold", float, "P"),
    "background": ("--background", str, "FILE"),
    "workers": ("--threads", int, "N"),
}
_MEANINGS = {
    "window": f"Hours that may lie between two articles which are rewrites of one report; {Settings.window:g} by"
    " default.",
    "story_threshold": "How sure two parts of a story must be to be joined: the mean, over all pairs of articles"
    f" between them, of the probability that a pair tells one story; {Settings.story_threshold:g} by default. Lower"
    " joins more rewrites and more look-alikes, higher leaves more apart; `dedup eval OUT TRUTH --sweep` measures it.",
    "background": "Word statistics that `dedup background build` learned from an archive of your own, or in your"
    " language; those of English news by default.",
}
_SWITCHES = {
    "stories": ("--no-stories", "Find copies only, not the rewrites that make stories of them."),
    "boilerplate": (
        "--keep-boilerplate",
        "Count as an article's own text also what its outlet repeats, credits, captions and sign-up lines.",
    ),
}
_NOT_GIVEN: dict[str, bool | None] = dict.fromkeys(_FLAGS) | dict.fromkeys(_SWITCHES, False)
_OF_TEXTS = {"background", "boilerplate"}
_OF_COPIES = {"near", "excerpt", "background", "workers", "boilerplate"}


class Chosen(NamedTuple):
    """Settings, and for each that somebody chose where: an option, ``--set``, or the name of a file."""

    settings: Settings
    origins: Mapping[str, str]


def with_settings(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of the settings; it gets them as ``settings``.

    An option of a setting's own is above ``--set``, that above the file of ``--config``, and that above the defaults.
    """

    @functools.wraps(command)
    def settled(*, chosen: Chosen, **options: Any) -> None:
        command(settings=chosen.settings, **options)

    return with_chosen(settled)


def with_text_settings(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of those settings that say how one text is read; it gets all as ``settings``."""
    return _with_some(command, _OF_TEXTS)


def with_copy_settings(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of those settings that say what a copy is; it gets all as ``settings``."""
    return _with_some(command, _OF_COPIES)


def _with_some(command: Callable[..., None], names: set[str]) -> Callable[..., None]:
    given: Any = with_settings(command)
    left_out = {name: given_ for name, given_ in _NOT_GIVEN.items() if name not in names}

    @functools.wraps(given)
    def reduced(**options: Any) -> None:
        given(**left_out, **options)

    made: Any = reduced
    made.__click_params__ = [option for option in given.__click_params__ if option.name not in left_out]
    return reduced


def with_chosen(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of the settings; it gets them as ``chosen``, with where each comes from."""

    @functools.wraps(command)
    def assembled(config: Path | None, assigned: dict[str, str], **options: Any) -> None:
        flags = {name: value for name in _FLAGS if (value := options.pop(name)) is not None}
        switches = dict.fromkeys([name for name in _SWITCHES if options.pop(name)], False)
        chosen = _choose(config, {name: _value(name, text) for name, text in assigned.items()}, flags | switches)
        command(chosen=chosen, **options)

    made = click.option("--set", "assigned", multiple=True, metavar="KEY=VALUE", callback=pairs, help=_SET)(assembled)
    made = click.option("--config", type=click.Path(path_type=Path), metavar="FILE", help=_CONFIG)(made)
    for name, (flag, meaning) in reversed(_SWITCHES.items()):
        made = click.option(flag, name, is_flag=True, help=meaning)(made)
    for name, (flag, kind, metavar) in reversed(_FLAGS.items()):
        made = _setting(flag, name, kind, metavar)(made)
    return made


_SET = "Any setting by name; `dedup settings` lists them. Repeatable."
_CONFIG = (
    "Settings from a TOML file, which --set and the options of single settings overrule; `dedup settings --toml` prints"
    " one to start from. No file is read unasked."
)


def _choose(config: Path | None, assigned: Mapping[str, Any], options: Mapping[str, Any]) -> Chosen:
    """Make settings of what a file, ``--set`` and options of their own say; what is wrong is said of its place."""
    written = {} if config is None else _read(config)
    origins = dict.fromkeys(written, str(config)) | dict.fromkeys(assigned, "--set")
    flags = {name: one[0] for name, one in (_FLAGS | _SWITCHES).items() if name in options}
    try:
        return Chosen(Settings.of(**{**written, **assigned, **options}), origins | flags)
    except SettingsError as error:
        places = {name: f"{config}: {name} =" for name in written.keys() - assigned.keys()} | flags
        raise SettingsError(_placed(str(error), places, config)) from error


def _placed(message: str, places: Mapping[str, str], config: Path | None) -> str:
    """Say of a setting its option or its place in a file instead; of a banding the file that has a part in it."""
    for name, place in places.items():
        message = message.replace(f"setting {name} =", place)
    in_file = any(places.get(name, "").startswith(f"{config}: ") for name in _BANDING)
    return f"{config}: {message}" if in_file and message.startswith(_TOGETHER) else message


def _read(config: Path) -> dict[str, Any]:
    from dedup.cli import config as configuration  # noqa: PLC0415

    return configuration.read(config)


_BANDING = ("permutations", "bands", "rows")
_TOGETHER = "bands x rows"  # how the message begins that is about all three


class Share(click.FloatRange):
    """A share above 0, up to 1; what is no number in the usual sense (nan) is refused too."""

    name = "share"

    def __init__(self) -> None:
        """Take the bounds of a share."""
        super().__init__(0, 1, min_open=True)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read a number; bounds say nothing of one that is in no order."""
        number = super().convert(value, param, ctx)
        if math.isnan(number):
            self.fail(f"{value} is not in the range {self._describe_range()}.", param, ctx)
        return number


as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead.")
listed = click.option(
    "--top",
    type=click.IntRange(min=0),
    default=10,
    show_default=True,
    metavar="N",
    help="List the N largest stories, or copy groups with --no-stories.",
)
with_columns = click.option(
    "--column",
    "columns",
    multiple=True,
    metavar="FIELD=NAME",
    callback=pairs,
    help="The corpus's own name for the field id, text, title, source, published or url, as in text=body; "
    "published= goes without it. Repeatable.",
)
quietly = click.option("-q", "--quiet", is_flag=True, help="Show no progress.")


def examples(*lines: str) -> str:
    """Return the end of a help text, which click is not to wrap."""
    return "\n".join(["\b", "Examples:", *(f"  {line}" for line in lines)])


def check_columns(columns: Mapping[str, str]) -> None:
    """Refuse a mapping of what is not a field."""
    from dedup.article import FIELDS  # noqa: PLC0415

    unknown = [field for field in columns if field not in FIELDS.names]
    if unknown:
        raise click.UsageError(f"--column: {unknown[0]!r} is not a field; the fields are {', '.join(FIELDS.names)}")
