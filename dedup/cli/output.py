"""What commands print: JSON to stdout, progress to stderr."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dedup.workers import Progress


@contextmanager
def progress(*, quiet: bool) -> Iterator[Progress]:
    """Show progress on stderr where that is a terminal."""
    if quiet or not sys.stderr.isatty():
        from dedup.workers import silent  # noqa: PLC0415

        yield silent
        return
    from dedup.report.progress import shown  # noqa: PLC0415

    with shown() as shown_:
        yield shown_


def print_json(document: Mapping[str, Any]) -> None:
    """Print ASCII only: no text of a corpus can then do anything to a terminal."""
    click.echo(json.dumps(document, indent=2, allow_nan=False, default=datetime.isoformat))
