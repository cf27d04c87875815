"""``dedup settings``: every knob."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from dedup.cli import output
from dedup.cli.options import as_json, examples, with_settings

if TYPE_CHECKING:
    from dedup.settings import Settings


@click.command(
    "settings",
    short_help="Print the settings and what they mean.",
    epilog=examples("dedup settings", "dedup settings --near 0.7 --set shingle=4 --json"),
)
@with_settings
@as_json
def show_settings(*, settings: Settings, as_json: bool) -> None:
    """Print the settings in force, what each means, its range and its default."""
    from dedup.report import summary, terminal  # noqa: PLC0415

    knobs = summary.knobs(settings)
    if as_json:
        output.print_json({knob.name: asdict(knob) for knob in knobs})
    else:
        to = terminal.console()
        terminal.show(terminal.knobs(knobs, to.width), to)
