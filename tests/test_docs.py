"""The documentation: every command and option stands in it, its reference is up to date, its links lead on."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest
from support import ROOT

from dedup.cli import main

sys.path.insert(0, str(ROOT / "docs"))
import build_cli

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
COMMANDS = list(build_cli.verbs(main, "dedup"))


def written() -> str:
    return "\n".join(page.read_text(encoding="utf-8") for page in PAGES)


@pytest.mark.parametrize(("name", "command"), COMMANDS, ids=[name for name, _ in COMMANDS])
def test_every_command_and_option_is_documented(name: str, command: click.Command) -> None:
    text = written()
    assert f"`{name}" in text
    options = [flag for one in command.params if isinstance(one, click.Option) for flag in one.opts]
    missing = [flag for flag in options if not re.search(rf"(?<![\w-]){re.escape(flag)}(?![\w-])", text)]
    assert missing == [], f"{name}: run `make docs`"


def test_the_reference_is_up_to_date() -> None:
    assert build_cli.FILE.read_text(encoding="utf-8") == build_cli.page(), "run `make docs`"


@pytest.mark.parametrize(("name", "command"), COMMANDS, ids=[name for name, _ in COMMANDS])
def test_every_option_says_what_it_means_and_takes(name: str, command: click.Command) -> None:
    for option in command.params:
        if isinstance(option, click.Option):
            assert option.help, f"{name} {option.opts}"
            assert option.is_flag or option.metavar or isinstance(option.type, click.Choice), f"{name} {option.opts}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files_and_headings(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\((?!https?://)([^)\s]+)\)", text):
        file, _, anchor = target.partition("#")
        linked = page.parent / file if file else page
        assert linked.exists(), f"{page.name}: {target}"
        if anchor:
            headings = re.findall(r"^#+ (.+)$", linked.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in [re.sub(r"[^\w -]", "", one.lower()).replace(" ", "-") for one in headings], target


# Completion -----------------------------------------------------------------------------------------------------------

DEDUP = Path(sys.executable).with_name("dedup")
installed = pytest.mark.skipif(not DEDUP.exists(), reason="the command is not installed beside this Python")
BASH = shutil.which("bash") or ""
FIRST = """
eval "$(_DEDUP_COMPLETE=bash_source {dedup})"
COMP_WORDS=({words}); COMP_CWORD={word}
_dedup_completion {dedup}
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


def completed(*words: str) -> list[str]:
    """Return what bash offers for the last of some words, through the lines of docs/completion.md."""
    quoted = " ".join(f"'{word}'" for word in words)
    code = FIRST.format(dedup=DEDUP, words=quoted, word=len(words) - 1)
    done = subprocess.run([BASH, "-c", code], capture_output=True, text=True, check=True, timeout=60)  # noqa: S603
    assert done.stderr == ""
    return done.stdout.split()


@installed
@pytest.mark.skipif(not BASH, reason="no bash here")
def test_bash_completes_commands_and_options() -> None:
    assert set(main.commands) <= set(completed("dedup", ""))
    assert completed("dedup", "fin") == ["find"]
    assert completed("dedup", "find", "--story") == ["--story-threshold"]
    assert completed("dedup", "background", "") == ["build"]


@installed
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_documented_lines_print_a_script(shell: str) -> None:
    assert f"_DEDUP_COMPLETE={shell}_source dedup" in (ROOT / "docs" / "completion.md").read_text(encoding="utf-8")
    environment = os.environ | {"_DEDUP_COMPLETE": f"{shell}_source"}
    done = subprocess.run([DEDUP], capture_output=True, text=True, check=True, env=environment, timeout=60)  # noqa: S603
    assert f"_DEDUP_COMPLETE={shell}_complete" in done.stdout
