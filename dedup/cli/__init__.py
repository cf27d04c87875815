"""The command line: parse → one library call → print. One module a verb, or a few that belong together.

Only click and the settings are imported at the top of these modules, so that every ``--help`` is quick.
"""

from __future__ import annotations

import click

from dedup.cli.background import background
from dedup.cli.boilerplate import boilerplate
from dedup.cli.ending import Commands
from dedup.cli.evaluate import evaluate
from dedup.cli.find import find, show
from dedup.cli.options import examples
from dedup.cli.settings import show_settings
from dedup.version import VERSION


@click.group(
    name="dedup",
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=examples("dedup find corpus/ -o out/", "dedup show out/ harbour-bridge-wire"),
)
@click.version_option(VERSION, prog_name="dedup")
def main() -> None:
    """Find who copied and who retold what in a corpus of news, and how much of each article is its own."""


for _verb in (find, show, boilerplate, background, evaluate, show_settings):
    main.add_command(_verb)
