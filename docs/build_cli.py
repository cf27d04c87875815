"""Write docs/cli.md, the reference of the command line, from the commands themselves: python docs/build_cli.py."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dedup.cli import main

if TYPE_CHECKING:
    from collections.abc import Iterator

FILE = Path(__file__).with_name("cli.md")
_HEAD = """\
# The command line

Every command and option. This page is made from the commands themselves (`make docs`), and a test holds it to them;
`dedup COMMAND --help` prints the same. [completion.md](completion.md) says how a shell completes it.

Data goes to stdout, questions and progress to stderr. Exit status: 0 done, 1 something was wrong with the input (one
line says which file, column, row), 2 usage, 130 interrupted. `NO_COLOR=1` prints without colour. Where a command prints
tables, `--json` prints one JSON object instead.

An option of a setting's own (such as `--near`) is above `--set`, that above the file of `--config`, and that above the
defaults. A file of settings is read only where `--config` names it: a run never depends on the folder it was started
in. `dedup settings --toml` prints one to start from, and `dedup settings --config FILE` what is then in force and
where each setting comes from. A relative `background` in the file is beside the file.
"""


def verbs(command: click.Command, name: str) -> Iterator[tuple[str, click.Command]]:
    """Yield every command with its full name, groups before what is in them."""
    yield name, command
    if isinstance(command, click.Group):
        for one in command.commands.values():
            yield from verbs(one, f"{name} {one.name}")


def page() -> str:
    """Return the page."""
    found = list(verbs(main, "dedup"))
    listed = [(name, command) for name, command in found if command is not main]
    rows = [f"| [`{name}`](#{name.replace(' ', '-')}) | {_cell(_short(command))} |" for name, command in listed]
    overview = "\n".join(["| command | what it does |", "|---|---|", *rows])
    return "\n".join([_HEAD, overview, "", *(_section(name, command) for name, command in found)])


def _short(command: click.Command) -> str:
    return command.short_help or (command.help or "").split("\n\n", maxsplit=1)[0]


def _section(name: str, command: click.Command) -> str:
    arguments = [_argument(one) for one in command.params if isinstance(one, click.Argument)]
    options = [one for one in command.params if isinstance(one, click.Option)]
    words = [name, *(["[OPTIONS]"] if options else []), *arguments]
    usage = " ".join([*words, *(["COMMAND"] if isinstance(command, click.Group) else [])])
    parts = [f"## {name}", f"```\n{usage}\n```", _paragraphs(command.help or "")]
    if options:
        rows = [f"| {_names(option)} | {_cell(_meaning(option))} |" for option in options]
        parts.append("\n".join(["| option | meaning |", "|---|---|", *rows]))
    examples = _examples(command)
    if examples:
        parts.append("```sh\n" + "\n".join(examples) + "\n```")
    return "\n\n".join(parts) + "\n"


def _argument(argument: click.Argument) -> str:
    name = argument.metavar or (argument.name or "").upper()
    name += "..." if argument.nargs < 0 and not name.endswith("...") else ""
    return name if argument.required else f"[{name}]"


def _paragraphs(text: str) -> str:
    """Return a help text as Markdown; a paragraph that click is not to wrap is set as it stands."""
    return "\n\n".join(_paragraph(part.strip("\n")) for part in re.split(r"\n[ ]*\n", text.strip()) if part.strip())


def _paragraph(text: str) -> str:
    kept = text.lstrip()
    if kept.startswith("\b"):
        plain = textwrap.dedent(kept.removeprefix("\b").lstrip("\n"))
        return f"```\n{plain}\n```"
    return " ".join(text.split())


def _names(option: click.Option) -> str:
    choices = "|".join(option.type.choices) if isinstance(option.type, click.Choice) else ""
    metavar = f" {option.metavar or choices}".rstrip()
    return _cell(", ".join(f"`{name}{metavar}`" for name in (*option.opts, *option.secondary_opts)))


def _meaning(option: click.Option) -> str:
    needed = " Needed." if option.required else ""
    default = f" Default: {option.default}." if option.show_default and not option.required else ""
    return f"{option.help or ''}{needed}{default}"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _examples(command: click.Command) -> list[str]:
    return [line.strip() for line in (command.epilog or "").splitlines() if line.strip().startswith("dedup ")]


if __name__ == "__main__":
    FILE.write_text(page(), encoding="utf-8")
    print(f"{FILE.name}: {sum(1 for _ in verbs(main, 'dedup')):,} commands")
