"""How a command ends: one line on stderr and an exit status for whatever is wrong."""

from __future__ import annotations

import errno
import io
import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from dedup.errors import DedupError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator

_STOPPED = 130  # what a shell says of a command that Ctrl-C ended


class Commands(click.Group):
    """Commands that end with 0, with 1 and one line for what is wrong with the data, 2 for usage, 130 for Ctrl-C."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the options, of which --help and --version print."""
        with _ended_well(ctx):
            return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> None:
        """Run the command; what it raises becomes one line on stderr and an exit status."""
        _print_in_any_encoding()
        with _ended_well(ctx):
            super().invoke(ctx)
            sys.stdout.flush()


@contextmanager
def _ended_well(ctx: click.Context) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        _end(ctx, "dedup: stopped; nothing is left half-written", _STOPPED)
    except BrokenPipeError:
        _discard_stdout()
        ctx.exit(0)
    except SettingsError as error:
        _end(ctx, f"dedup: error: {error}", 2)
    except DedupError as error:
        _end(ctx, f"dedup: error: {error}", 1)
    except OSError as error:
        _discard_stdout()
        _end(ctx, f"dedup: error: {_in_words(error)}", 1)


def _in_words(error: OSError) -> str:
    """Return a sentence; an error that names no file is one of printing."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EIO} and error.filename is None:
        return f"what it prints cannot be written: {os.strerror(error.errno).lower()}"
    return str(error)


def _end(ctx: click.Context, message: str, status: int) -> NoReturn:
    from dedup.report.terminal import printable  # noqa: PLC0415

    click.echo(printable(message), err=True)
    ctx.exit(status)


def _print_in_any_encoding() -> None:
    if sys.stdout is None:  # closed by who started us, as some daemons do
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115  (for as long as the process lives)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")


def _discard_stdout() -> None:
    """Let what is still in the buffer go nowhere: whoever read it has gone, or the disk is full."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError:  # not a file: a test's stdout
        return
