"""``dedup settings``: every knob."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dedup.cli import output
from dedup.cli.options import as_json, examples, with_chosen

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.text import Text

    from dedup.cli.options import Chosen


@click.command(
    "settings",
    short_help="Print the settings, what they mean, and where each comes from.",
    epilog=examples(
        "dedup settings",
        "dedup settings --toml",
        "dedup settings --config dedup.toml --near 0.7",
        "dedup settings --near 0.7 --set shingle=4 --json",
    ),
)
@with_chosen
@click.option("--toml", is_flag=True, help="Print them as a TOML file for --config instead.")
@as_json
def show_settings(*, chosen: Chosen, toml: bool, as_json: bool) -> None:
    """Print the settings in force, what each means, its range and default, and where it comes from.

    An option of a setting's own (such as --near) is above --set, that above the file of --config, and that above the
    defaults. What other commands would refuse, such as a background that cannot be read, is refused here too. With
    --json each setting has its `origin`: the option, or the name of the file, or `default`.
    """
    if toml and as_json:
        raise click.UsageError("--toml and --json exclude each other; leave one out")
    _check_background(chosen.settings.background)
    if toml:
        from dedup.cli import config  # noqa: PLC0415

        click.echo("\n".join(config.lines(chosen.settings)))
    elif as_json:
        from dedup.report import summary  # noqa: PLC0415

        knobs = summary.knobs(chosen.settings)
        output.print_json({knob.name: {**asdict(knob), "origin": _origin(chosen, knob.name)} for knob in knobs})
    else:
        from dedup.report import terminal  # noqa: PLC0415

        to = terminal.console()
        terminal.show(_lines(chosen, to.width), to)


def _check_background(file: str) -> None:
    """Refuse a file that the commands that use it would refuse."""
    if file:
        from dedup.background import Background  # noqa: PLC0415

        Background.load(Path(file))


def _origin(chosen: Chosen, name: str) -> str:
    return chosen.origins.get(name, "default")


def _lines(chosen: Chosen, width: int) -> Iterator[Text]:
    from dedup.report import summary, terminal  # noqa: PLC0415

    for knob in summary.knobs(chosen.settings):
        yield from terminal.knobs([knob], width)
        if knob.name in chosen.origins:
            yield from terminal.wrapped(
                f"from {terminal.printable(chosen.origins[knob.name])}", width, "    ", terminal.TELLING
            )
