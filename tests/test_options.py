"""Settings from options, --set and a file: which is above which, what is refused and how; colour only where wanted."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import shutil
import subprocess
import sys
import tomllib
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from support import ROOT

from dedup import cli
from dedup.cli import config
from dedup.settings import Settings
from dedup.version import VERSION

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cli.main, [str(argument) for argument in arguments])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "dedup.toml"


def told(*options: str | Path) -> dict[str, Any]:
    done = run("settings", "--json", *options)
    assert (done.exit_code, done.stderr) == (0, "")
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


# What is above what ---------------------------------------------------------------------------------------------------


def test_options_are_above_set_above_the_file_above_the_defaults(file: Path) -> None:
    file.write_text("near = 0.71\nexcerpt = 0.72\nshingle = 4\nstories = true\nwindow = 12\n")
    found = told("--config", file, "--set", "excerpt=0.62", "--set", "near=0.61", "--near", "0.51", "--no-stories")
    assert {name: (knob["value"], knob["origin"]) for name, knob in found.items() if knob["origin"] != "default"} == {
        "near": (0.51, "--near"),
        "excerpt": (0.62, "--set"),
        "shingle": (4, str(file)),
        "stories": (False, "--no-stories"),
        "window": (12, str(file)),
    }
    assert found["rows"]["value"] == Settings().rows


def test_the_settings_in_force_say_where_they_come_from(file: Path) -> None:
    file.write_text("near = 0.7\nworkers = 1\n")
    text = run("settings", "--config", file, "--set", "shingle=4").stdout
    assert re.search(rf"^near = 0\.7 \(changed\) .*\n( {{4}}.*\n)+ {{4}}from {file}$", text, re.MULTILINE)
    assert re.search(r"^shingle = 4 \(changed\) .*\n( {4}.*\n)+ {4}from --set$", text, re.MULTILINE)
    assert text.count("    from ") == 3


def commands_with_settings() -> list[str]:
    return [
        name for name, command in cli.main.commands.items() if any("--near" in option.opts for option in command.params)
    ]


def test_every_command_with_settings_takes_a_file() -> None:
    assert {"find", "curve", "tune", "settings"} <= set(commands_with_settings())
    for name in commands_with_settings():
        flags = {flag for option in cli.main.commands[name].params for flag in option.opts}
        assert {"--config", "--set"} <= flags


@pytest.mark.parametrize("name", commands_with_settings())
def test_a_wrong_file_is_refused_everywhere(name: str, file: Path) -> None:
    file.write_text("near = 7\n")
    required = [one for one in cli.main.commands[name].params if one.required]
    needed = [word for one in required for word in ([] if isinstance(one, click.Argument) else [one.opts[0]]) + ["x"]]
    done = run(name, *needed, "--config", file)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == f"dedup: error: {file}: near = 7: expected a number from 0.01 to 1.0\n"


def test_the_file_reaches_the_library(file: Path, sample: Path) -> None:
    file.write_text("near = 0.75\nstories = false\n")
    recorded = json.loads(run("find", sample, "--config", file, "--json").stdout)["settings"]
    assert (recorded["near"], recorded["stories"]) == (0.75, False)


def test_no_file_is_read_unasked(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text("near = 0.7\n")
    monkeypatch.chdir(file.parent)
    assert told()["near"]["value"] == Settings().near
    assert told("--config", "dedup.toml")["near"]["value"] == 0.7


def test_a_background_is_beside_its_file(file: Path) -> None:
    shutil.copy(ROOT / "dedup" / "data" / "background.parquet", file.with_name("words.parquet"))
    file.write_text('background = "words.parquet"\n')
    assert told("--config", file)["background"]["value"] == str(file.parent / "words.parquet")
    file.write_text('background = ""\n')
    assert told("--config", file)["background"]["value"] == ""


def test_a_byte_order_mark_is_no_part_of_a_file(file: Path) -> None:
    file.write_bytes(b"\xef\xbb\xbfnear = 0.7\n")
    assert told("--config", file)["near"]["value"] == 0.7


# What is refused ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        ("near = 3", [], "{file}: near = 3: expected a number from 0.01 to 1.0"),
        ('near = "0.8"', [], "{file}: near = '0.8': expected a number from 0.01 to 1.0"),
        ("near = nan", [], "{file}: near = nan: expected a number from 0.01 to 1.0"),
        ("window = 1979-05-27", [], "{file}: window = datetime.date(1979, 5, 27): expected a number"),
        ("shingle = [5]", [], "{file}: shingle = [5]: expected a whole number from 1 to 64"),
        ("stories = 1", [], "{file}: stories = 1: expected true or false"),
        ("background = 3", [], "{file}: background = 3: expected text"),
        ("colour = 3", [], "{file}: unknown setting 'colour'; the settings are: shingle, near"),
        ("[find]\nnear = 0.7", [], "{file}: 'find' is a table; settings stand on lines of their own, KEY = VALUE"),
        ("near: 3", [], "{file}: not TOML (Expected '=' after a key"),
        ("near = 0.7\nnear = 0.8", [], "{file}: not TOML (Cannot overwrite a value"),
        ("bands = 40", [], "{file}: bands x rows = 240 needs as many permutations, and there are 128"),
        ("bands = 40", ["--set", "rows=4"], "{file}: bands x rows = 160 needs"),
        ("bands = 40\nrows = 5", [], "{file}: bands x rows = 200 needs"),
        ("near = 0.7", ["--set", "bands=40"], "bands x rows = 240 needs"),
        ("near = 3", ["--set", "near=4"], "setting near = 4: expected a number"),
        ("near = 3", ["--near", "4"], "--near 4.0: expected a number"),
    ],
)
def test_a_wrong_value_is_told_with_its_place(content: str, options: list[str], message: str, file: Path) -> None:
    file.write_text(content)
    done = run("settings", "--config", file, *options)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith(f"dedup: error: {message.format(file=file)}")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("options", [[], ["--json"], ["--toml"]])
def test_a_background_that_find_refuses_is_refused_with_the_settings(options: list[str], file: Path) -> None:
    file.with_name("text.parquet").write_text("no Parquet")
    for name, message in (
        ("none.parquet", "background cannot be read (No such file"),
        ("text.parquet", "not a backgr"),
    ):
        other = file.with_name(name)
        file.write_text(f'background = "{name}"\n')
        for named in (["--background", str(other)], ["--config", str(file)]):
            done = run("settings", *named, *options)
            assert (done.exit_code, done.stdout) == (2, "")
            assert done.stderr.startswith(f"dedup: error: {other}: {message}")
            assert done.stderr == run("find", ROOT / "corpus", *named).stderr


def test_an_option_overrules_a_wrong_value(file: Path) -> None:
    file.write_text("near = 3\n")
    assert told("--config", file, "--near", "0.9")["near"]["value"] == 0.9


def test_what_is_no_file_is_refused(file: Path) -> None:
    os.mkfifo(file.with_name("pipe"))
    for path, reason in (
        (file, "cannot be read (No such file or directory)"),
        (file.parent, "is a folder, expected a TOML file"),
        (file.with_name("pipe"), "is a pipe or a device, expected a TOML file"),
        (file / "in" / "it", "cannot be read (No such file or directory)"),
    ):
        done = run("settings", "--config", path)
        assert (done.exit_code, done.stdout) == (2, "")
        hint = "`dedup settings --toml` prints a file to start from"
        assert done.stderr == f"dedup: error: {path}: {reason}; {hint}\n"
    file.write_bytes(b"near = 0.7 # \xff")
    assert "not TOML (byte 13 is not UTF-8)" in run("settings", "--config", file).stderr


def test_hostile_names_and_values_are_printed_safely(file: Path) -> None:
    file.write_text('"\\u001b[2J\\u202e" = 3\n')
    for options in (("--config", file), ("--config", "no\x1b[2J\u202efile")):
        done = run("settings", *options)
        assert done.exit_code == 2
        assert "\x1b" not in done.stderr
        assert "\u202e" not in done.stderr
    named = file.with_name("a\x1b[2J\u202e.toml")
    named.write_text("near = 0.7\n")
    for option in ("--near=0.7", "--json", "--toml"):
        shown = run("settings", "--config", named, option).stdout
        assert "\x1b" not in shown
        assert "\u202e" not in shown


# A file to start from -------------------------------------------------------------------------------------------------


def test_a_file_to_start_from_changes_nothing(file: Path) -> None:
    file.write_text(run("settings", "--toml").stdout)
    written = tomllib.loads(file.read_text())
    assert written == Settings().recorded()  # without the number of this machine's threads
    found = told("--config", file)
    assert {name: knob["value"] for name, knob in found.items()} == asdict(Settings())


def test_a_file_says_what_settings_mean() -> None:
    text = run("settings", "--toml", "--near", "0.7", "--threads", "3").stdout
    assert "\nnear = 0.7\n" in text
    assert "\nworkers = 3\n" in text
    for knob in told().values():
        assert f"\n# {knob['meaning']}\n" in text
    assert "\n# default 0.8; from 0.01 to 1.0\n" in text


def test_toml_and_json_exclude_each_other() -> None:
    done = run("settings", "--toml", "--json")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "--toml and --json exclude each other" in done.stderr


values = st.builds(
    Settings,
    near=st.floats(0.01, 1.0),
    window=st.floats(0.1, 1e6),
    seed=st.integers(0, (1 << 32) - 1),
    stories=st.booleans(),
    background=st.text(st.characters(exclude_categories=["Cs"])),
    workers=st.integers(1, 1024),
)


@given(values)
def test_settings_survive_their_file(settings: Settings) -> None:
    text = "\n".join(config.lines(settings))
    assert text.isascii()
    assert Settings.of(**({"workers": settings.workers} | tomllib.loads(text))) == settings


# Colour ---------------------------------------------------------------------------------------------------------------

COLOUR = re.compile(r"\x1b\[[0-9;]*m")
RUN = "from dedup.cli import main; main(prog_name='dedup')"


def on_a_terminal(environment: dict[str, str], *arguments: str | Path) -> str:
    """Run with a terminal as stdin, stdout and stderr, press q where it waits, and return what it showed."""
    ours, theirs = pty.openpty()
    whole = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR")}
    whole |= {"TERM": "xterm-256color", "COLUMNS": "100", "LINES": "40"} | environment
    command = [sys.executable, "-c", RUN, *map(str, arguments)]
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, cwd=ROOT, env=whole) as started:  # noqa: S603
        os.close(theirs)
        shown = b"".join(iter(lambda: _answered(ours), b""))
        os.close(ours)
        assert started.wait(120) == 0
    return shown.decode()


def _answered(terminal: int) -> bytes:
    """Read on; press q where nothing comes: a key that is pressed before it is asked for may be lost."""
    while not select.select([terminal], [], [], 1)[0]:
        os.write(terminal, b"q")
    return _read(terminal)


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 1 << 16)
    except OSError:  # the other end is closed
        return b""


def colours(shown: str) -> set[str]:
    """Return the codes of colour; bold, dim and underlined are none."""
    codes = {code for found in COLOUR.findall(shown) for code in found[2:-1].split(";") if code}
    return {code for code in codes if int(code) >= 30}


@pytest.fixture(scope="module")
def out(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("result") / "out"
    assert run("find", sample, "-o", folder).exit_code == 0
    return folder


COMMANDS = [
    ("find", "corpus/"),
    ("show", "OUT"),
    ("show", "OUT", "ferry-fire"),
    ("eval", "OUT", "corpus/labels.csv", "--sweep"),
    ("boilerplate", "corpus/"),
    ("curve",),
    ("settings", "--near", "0.7"),
    ("tune", "corpus/", "--labels", "LABELS"),
    ("--help",),
]


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_no_color_is_respected(arguments: tuple[str, ...], out: Path, tmp_path: Path) -> None:
    named = {"OUT": str(out), "LABELS": str(tmp_path / "tune.csv")}
    shown = on_a_terminal({"NO_COLOR": "1"}, *[named.get(word, word) for word in arguments])
    assert shown
    assert colours(shown) == set()


def test_colour_is_there_without_no_color(out: Path) -> None:
    for arguments in (("show", out), ("curve",)):
        assert colours(on_a_terminal({}, *arguments))


def test_a_pipe_gets_no_colour() -> None:
    command = [sys.executable, "-c", RUN, "settings", "--near", "0.7"]
    done = subprocess.run(command, capture_output=True, cwd=ROOT, check=True, timeout=60)  # noqa: S603
    assert b"\x1b" not in done.stdout


def test_version() -> None:
    assert run("--version").stdout == f"dedup, version {VERSION}\n"
