"""Options that several commands have."""

from __future__ import annotations

import functools
from dataclasses import fields
from typing import TYPE_CHECKING, Any, TypeVar

import click

from dedup.errors import SettingsError
from dedup.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

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


def with_settings(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of the settings; it gets them as ``settings``, its flags above ``--set``."""

    @functools.wraps(command)
    def assembled(assigned: dict[str, str], **options: Any) -> None:
        values: dict[str, Any] = {name: _value(name, text) for name, text in assigned.items()}
        flags = {name: options.pop(name) for name in _FLAGS}
        values |= {name: value for name, value in flags.items() if value is not None}
        values |= dict.fromkeys([name for name in _SWITCHES if options.pop(name)], False)
        command(settings=_settings(values, [name for name, value in flags.items() if value is not None]), **options)

    told = "Any setting by name; `dedup settings` lists them. Repeatable."
    made = click.option("--set", "assigned", multiple=True, metavar="KEY=VALUE", callback=pairs, help=told)(assembled)
    for name, (flag, meaning) in reversed(_SWITCHES.items()):
        made = click.option(flag, name, is_flag=True, help=meaning)(made)
    for name, (flag, kind, metavar) in reversed(_FLAGS.items()):
        made = _setting(flag, name, kind, metavar)(made)
    return made


def _settings(values: Mapping[str, Any], flagged: Iterable[str]) -> Settings:
    """Make settings; what is wrong with one that was ``flagged`` is said of its option, not of its name."""
    try:
        return Settings.of(**values)
    except SettingsError as error:
        message = str(error)
        for name in flagged:
            message = message.replace(f"setting {name} = ", f"{_FLAGS[name][0]} ")
        raise SettingsError(message) from error


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
