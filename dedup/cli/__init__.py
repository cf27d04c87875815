"""The command line: parse → one library call → print. One module a verb, or a few that belong together.

Only click and the settings are imported at the top of these modules, so that every ``--help`` is quick.
"""

from __future__ import annotations

import click

from dedup.cli.audit import audit
from dedup.cli.background import background
from dedup.cli.boilerplate import boilerplate
from dedup.cli.compare import compare
from dedup.cli.convert import convert
from dedup.cli.copies import copies
from dedup.cli.curve import curve
from dedup.cli.ending import Commands
from dedup.cli.evaluate import evaluate
from dedup.cli.explain import explain
from dedup.cli.find import find, show
from dedup.cli.index import add, check
from dedup.cli.index import group as index_group
from dedup.cli.keep import keep
from dedup.cli.options import examples
from dedup.cli.report import report
from dedup.cli.settings import show_settings
from dedup.cli.tune import tune
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


for _verb in (
    convert,
    find,
    copies,
    show,
    add,
    check,
    index_group,
    report,
    compare,
    keep,
    explain,
    audit,
    boilerplate,
    background,
    evaluate,
    curve,
    tune,
    show_settings,
):
    main.add_command(_verb)
