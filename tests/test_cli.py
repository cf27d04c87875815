"""The command line as a user meets it: output, messages, exit status, and what is left behind."""

from __future__ import annotations

import gzip
import json
import os
import pty
import re
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING

import click
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from support import ROOT

from dedup import cli
from dedup.article import FIELDS
from dedup.settings import Settings
from dedup.version import VERSION

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result

RUN = "from dedup.cli import main; main(prog_name='dedup')"
FILES = ["articles.parquet", "matches.parquet", "spans.parquet"]
VERBS = [
    "convert",
    "keep",
    "find",
    "copies",
    "show",
    "add",
    "check",
    "index",
    "report",
    "compare",
    "explain",
    "audit",
    "eval",
    "boilerplate",
    "background",
    "curve",
    "tune",
    "settings",
]


def run(*arguments: str | Path, answers: str = "") -> Result:
    return CliRunner().invoke(cli.main, [str(argument) for argument in arguments], input=answers)


def process(*arguments: str | Path, code: str = RUN) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False, timeout=300)  # noqa: S603


@pytest.fixture(scope="module")
def out(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("result") / "out"
    assert run("find", sample, "-o", folder).exit_code == 0
    return folder


# find


def test_find_prints_the_report_and_writes_the_result(sample: Path, tmp_path: Path) -> None:
    done = process("find", sample, "-o", tmp_path / "out")
    assert done.returncode == 0
    assert done.stdout.startswith("148 articles from 14 outlets, 2 Mar 2026 to 19 Mar 2026\n")
    assert "Boilerplate  Copied  Reworded  Unique  Title" in done.stdout
    assert re.search(r"^  stories +16$", done.stdout, re.MULTILINE)
    assert re.search(r"^  ┌ .*\n(  │ .*\n)*  └ ", done.stdout, re.MULTILINE)
    assert done.stderr == f"Written to {tmp_path / 'out'}: articles.parquet, matches.parquet and spans.parquet\n"
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == FILES
    assert "\x1b" not in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 120


def test_find_without_output_writes_nothing(sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = run("find", sample)
    assert (done.exit_code, done.stderr) == (0, "")
    assert list(tmp_path.iterdir()) == []


def test_find_json_is_one_object(sample: Path, tmp_path: Path) -> None:
    done = process("find", sample, "-o", tmp_path / "out", "--json", "--top", "2")
    told = json.loads(done.stdout)
    assert list(told) == ["version", "settings", "counters", "totals", "stories"]
    assert told["version"] == VERSION
    assert told["settings"] == Settings().recorded()
    for story in told["stories"]:
        assert sum(len(group["members"]) for group in story["groups"]) == story["size"] == 7
        assert 0 < story["weakest"] < 1
    assert told["stories"][0]["groups"][0]["members"][0]["published"].endswith("+00:00")
    assert done.stdout.isascii()


def test_settings_reach_the_library(sample: Path) -> None:
    options = ("--near", "0.7", "--excerpt", "0.9", "--set", "shingle=4", "--set", "near=0.1", "--threads", "1")
    told = json.loads(run("find", sample, "--json", *options).stdout)["settings"]
    assert (told["near"], told["excerpt"], told["shingle"]) == (0.7, 0.9, 4)


def test_options_of_stories_reach_the_library(sample: Path) -> None:
    told = json.loads(run("find", sample, "--json", "--window", "12", "--story-threshold", "0.9").stdout)
    assert (told["settings"]["window"], told["settings"]["story_threshold"]) == (12, 0.9)
    usual = json.loads(run("find", sample, "--json").stdout)
    assert told["totals"]["story_articles"] < usual["totals"]["story_articles"]


def test_without_stories_the_report_is_on_copy_groups(sample: Path) -> None:
    for option in (("--no-stories",), ("--set", "stories=false")):
        told = json.loads(run("find", sample, "--json", "--top", "2", *option).stdout)
        assert list(told) == ["version", "settings", "counters", "totals", "groups"]
        assert [len(group["members"]) for group in told["groups"]] == [5, 5]
        assert told["totals"]["stories"] is None
    assert "\nThe 2 largest of 14 copy groups\n" in run("find", sample, "--top", "2", "--no-stories").stdout


def test_boilerplate_is_kept_on_request(sample: Path) -> None:
    told = json.loads(run("find", sample, "--json", "--keep-boilerplate").stdout)
    assert told["settings"]["boilerplate"] is False
    assert told["totals"]["boilerplate_words"] == 0


def test_columns_are_mapped(tmp_path: Path) -> None:
    table = pa.table({"key": ["a", "b"], "body": ["one two three four five six seven"] * 2, "paper": ["X", "Y"]})
    pq.write_table(table, tmp_path / "news.parquet")
    columns = ("--column", "id=key", "--column", "text=body", "--column", "source=paper")
    done = run("find", tmp_path / "news.parquet", "--json", *columns)
    group = json.loads(done.stdout)["stories"][0]["groups"][0]
    assert [member["source"] for member in group["members"]] == ["X", "Y"]


def test_an_earlier_result_is_replaced(sample: Path, tmp_path: Path) -> None:
    for _ in range(2):
        assert run("find", sample, "-o", tmp_path / "out").exit_code == 0
    assert [entry.name for entry in tmp_path.iterdir()] == ["out"]


def test_quiet_and_piped_runs_show_no_progress(sample: Path) -> None:
    assert process("find", sample).stderr == ""
    assert terminal_output("find", sample, "--quiet") == ""


def test_progress_goes_to_a_terminal(sample: Path) -> None:
    shown = terminal_output("find", sample)
    assert "Reading articles" in shown
    assert "148 of 148" in shown


def terminal_output(*arguments: str | Path) -> str:
    """Run with a terminal as stderr and return what it showed."""
    ours, theirs = pty.openpty()
    environment = os.environ | {"TERM": "xterm-256color", "COLUMNS": "100"}
    command = [sys.executable, "-c", RUN, *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=theirs, cwd=ROOT, env=environment) as started:  # noqa: S603
        os.close(theirs)
        shown = b"".join(iter(lambda: _read(ours), b""))
        os.close(ours)
        assert started.wait(60) == 0
    return shown.decode()


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 1 << 16)
    except OSError:  # the other end is closed
        return b""


# What is refused


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["find", "no/such/folder"], "no/such/folder: no such file or folder"),
        (["show", "no/such/folder"], "no/such/folder: no such folder; `dedup find CORPUS -o no/such/folder` writes"),
        (["show", "corpus"], "corpus: holds no result; name the folder"),
        (["show", "README.md"], "README.md: is a file; name the folder"),
        (["audit", "no/such/folder"], "no/such/folder: no such folder; "),
        (["eval", "no/such/folder", "corpus/labels.csv"], "no/such/folder: no such folder; "),
        (["boilerplate", "no/such/folder"], "no/such/folder: no such file or folder"),
        (["background", "build", "no/such/folder", "-o", "b.parquet"], "no/such/folder: no such file or folder"),
        (["background", "build", "corpus/", "-o", "no/such/b.parquet"], "no/such/b.parquet: cannot be written"),
        (["background", "build", "corpus/", "-o", "corpus/b.parquet"], "corpus/b.parquet: lies in the corpus"),
        (["background", "build", "corpus/", "-o", "docs/../corpus"], "docs/../corpus: is a folder"),
    ],
)
def test_wrong_input_is_one_line_and_status_1(arguments: list[str], message: str) -> None:
    done = process(*arguments)
    assert (done.returncode, done.stdout) == (1, "")
    assert re.fullmatch(f"dedup: error: {message}.*\n", done.stderr)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--near", "3"], "--near 3.0: expected a number from 0.01 to 1.0"),
        (["--set", "shingle=0"], "setting shingle = 0: expected a whole number from 1 to 64"),
        (["--set", "shingle=some"], "setting shingle = 'some': expected a whole number from 1 to 64"),
        (["--set", "near=nan"], "setting near = nan: expected a number"),
        (["--threads", "0"], "--threads 0: expected a whole number"),
        (["--set", "stories=perhaps"], "setting stories = 'perhaps': expected true or false"),
        (["--window", "0"], "--window 0.0: expected a number from 0.1"),
        (["--story-threshold", "2"], "--story-threshold 2.0: expected a number from 0.01 to 1.0"),
        (["--set", "colour=3"], "unknown setting 'colour'; the settings are: shingle, near"),
    ],
)
def test_wrong_settings_are_status_2(options: list[str], message: str) -> None:
    for verb in (["find", "corpus/"], ["settings"]):
        done = run(*verb, *options)
        assert (done.exit_code, done.stdout) == (2, "")
        assert done.stderr.startswith(f"dedup: error: {message}")
        assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["find"], "Missing argument 'CORPUS'"),
        (["show"], "Missing argument 'OUT'"),
        (["lose"], "No such command 'lose'"),
        (["find", "corpus/", "--column", "text"], "'text' is not FIELD=NAME"),
        (["find", "corpus/", "--column", "text=a", "--column", "text=b"], "'text' is given twice"),
        (["find", "corpus/", "--column", "body=text"], "'body' is not a field; the fields are id, text"),
        (["find", "corpus/", "--set", "near"], "'near' is not KEY=VALUE"),
        (["find", "corpus/", "--top", "-1"], "-1 is not in the range x>=0"),
        (["audit", "out/", "--least", "0"], "0.0 is not in the range 0<x<=1"),
        (["audit", "out/", "--least", "most"], "'most' is not a valid share"),
        (["audit", "out/", "--least", "nan"], "nan is not in the range 0<x<=1"),
        (["audit", "out/", "--least", "inf"], "inf is not in the range 0<x<=1"),
        (["find", "corpus/", "--near", "nan"], "--near nan: expected a number from 0.01 to 1.0"),
        (["find", "corpus/", "--set", "window=inf"], "setting window = inf: expected a number from 0.1"),
        (["eval", "out/"], "Missing argument 'TRUTH'"),
        (["eval", "out/", "corpus/labels.csv", "--worst", "-1"], "-1 is not in the range x>=0"),
        (["boilerplate", "corpus/", "--column", "body=text"], "'body' is not a field; the fields are id, text"),
        (["background", "build", "corpus/"], "Missing option '-o'"),
    ],
)
def test_wrong_usage_is_status_2(arguments: list[str], message: str) -> None:
    done = run(*arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert message in done.stderr


def test_a_wrong_output_folder_is_refused_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").touch()
    done = run("find", "no/such/corpus", "-o", tmp_path)
    assert done.exit_code == 1
    assert "holds other files (mine.txt)" in done.stderr


def test_an_output_folder_in_the_corpus_is_refused(sample: Path) -> None:
    done = run("find", sample, "-o", sample / "out")
    assert done.exit_code == 1
    assert "lies in the corpus" in done.stderr
    assert not (sample / "out").exists()


def test_messages_hold_no_control_characters() -> None:
    done = run("find", "no\x1b[2J/such\nfolder")
    assert done.exit_code == 1
    assert done.stderr.count("\n") == 1
    assert "\x1b" not in done.stderr


# show


def test_show_prints_what_find_printed(sample: Path, out: Path) -> None:
    assert run("show", out).stdout == run("find", sample).stdout
    assert json.loads(run("show", out, "--json").stdout) == json.loads(run("find", sample, "--json").stdout)


def test_show_tells_one_group(out: Path) -> None:
    done = run("show", out, "ferry-fire")
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.startswith("Fire aboard ferry off Tamber Islands, 312 people taken off\n")
    told = json.loads(run("show", out, "ferry-fire-wire", "--json").stdout)
    assert [story["story_id"] for story in told["stories"]] == ["ferry-fire-wire"]
    largest = told["stories"][0]["groups"][0]
    assert all(member["shared"] for member in largest["members"])
    for name in (largest["copy_id"], *(member["id"] for member in largest["members"])):
        assert run("show", out, name).stdout == done.stdout


def test_show_refuses_what_is_not_there(out: Path) -> None:
    done = run("show", out, "nothing-like-it")
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == "dedup: error: no article's id is 'nothing-like-it' or begins with it\n"


# audit


def test_audit_prints_verdicts_outlets_and_stories(out: Path) -> None:
    done = run("audit", out, "--top", "2")
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.startswith("89 articles in 16 stories\n")
    assert done.stdout.endswith("\n14 more stories; --top 16 lists all\n")
    assert re.search(r"^  14 Mar 2026 20:35 +The Sarnholm Gazette +credited +100 % ", done.stdout, re.MULTILINE)
    assert max(map(len, done.stdout.splitlines())) <= 120


def test_audit_json_is_one_object_and_has_all_articles_of_its_stories(out: Path) -> None:
    told = json.loads(run("audit", out, "--top", "3", "--json").stdout)
    assert (told["articles"], told["there"], len(told["stories"])) == (89, 16, 3)
    assert sum(told["verdicts"].values()) == sum(outlet["articles"] for outlet in told["outlets"]) == 89
    for story in told["stories"]:
        assert len(story["articles"]) == story["size"]
        assert sum(story["origins"]["verdicts"].values()) == story["size"]


def test_audit_of_one_outlet_and_another_share(out: Path) -> None:
    told = json.loads(run("audit", out, "--outlet", "Velmark Today", "--least", "0.9", "--json").stdout)
    assert (told["outlet"], told["least"]) == ("Velmark Today", 0.9)
    assert {article["outlet"] for story in told["stories"] for article in story["articles"]} == {"Velmark Today"}
    done = run("audit", out, "--outlet", "Velmark\x1b[2J")
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith("dedup: error: no article in a story is of the outlet 'Velmark")
    assert "\x1b" not in done.stderr


# eval


def test_eval_prints_measures_and_the_worst_errors(sample: Path, out: Path) -> None:
    done = run("eval", out, sample / "labels.csv", "--worst", "1")
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.startswith("148 labelled articles: ")
    assert re.search(r"found: \d+ stories and \d+ single articles$", done.stdout.splitlines()[0])
    assert re.search(r"^  pairs +[01]\.\d{3} +[01]\.\d{3} +[01]\.\d{3}$", done.stdout, re.MULTILINE)
    assert re.search(r"^ +\d+ pairs? .*\n.* · ", done.stdout.split("Apart, and should be together\n")[1])
    assert max(map(len, done.stdout.splitlines())) <= 120


def test_eval_json_is_one_object(sample: Path, out: Path) -> None:
    told = json.loads(run("eval", out, sample / "labels.csv", "--sweep", "--json").stdout)
    assert told["scores"]["articles"] == 148
    assert told["scores"]["b3_f1"] > 0.9
    assert told["sweep"][0]["scores"] == told["scores"]
    assert told["sweep"][0]["threshold"] == Settings().story_threshold
    assert "sweep" not in json.loads(run("eval", out, sample / "labels.csv", "--json").stdout)


def test_eval_sweep_marks_the_threshold_of_the_result(sample: Path, out: Path) -> None:
    text = run("eval", out, sample / "labels.csv", "--sweep").stdout.split("Other story thresholds\n")[1]
    assert re.search(rf"^ +{Settings().story_threshold} .*  result", text, re.MULTILINE)
    assert len(re.findall(r"^ +0\.\d+ .*best$", text, re.MULTILINE)) == 1


def test_eval_leaves_out_unsure_pairs(sample: Path, out: Path, tmp_path: Path) -> None:
    (tmp_path / "pairs.csv").write_text("a,b\nferry-fire-wire,ferry-fire-copy\nelse,where\n")
    told = json.loads(run("eval", out, sample / "labels.csv", "--unsure", tmp_path / "pairs.csv", "--json").stdout)
    usual = json.loads(run("eval", out, sample / "labels.csv", "--json").stdout)
    assert (told["unsure"], told["scores"]["true_pairs"]) == (1, usual["scores"]["true_pairs"] - 1)


@pytest.mark.parametrize(
    ("truth", "options", "message"),
    [
        (None, [], "truth.csv: cannot be read as Parquet or CSV (No such file or directory)"),
        ("", [], "truth.csv: cannot be read as Parquet or CSV (Empty CSV file)"),
        (
            "name,story\na,b\n",
            [],
            "truth.csv: no column 'id'; --truth-column names the column of labels, here 'story'.",
        ),
        ("id,event\na,b\n", [], "The columns are: id, event"),
        ("id,event\na,b\n", ["--truth-column", "event"], "none of the labelled articles is in the result; "),
        ("id,story\na,\n", [], "column 'story': no article has a label"),
        ("id,story\na,b\na,c\n", [], "'a' labelled more than once"),
        ("id,story\nferry-fire-wire,b\n", ["--unsure", "corpus/labels.csv"], "labels.csv: no column 'a'; a pair is"),
    ],
)
def test_eval_refuses_what_is_no_truth(
    truth: str | None, options: list[str], message: str, out: Path, tmp_path: Path, sample: Path
) -> None:
    if truth is not None:
        (tmp_path / "truth.csv").write_text(truth)
    done = run(
        "eval", out, tmp_path / "truth.csv", *[word.replace("corpus", str(sample)) for word in options], "--sweep"
    )
    assert (done.exit_code, done.stdout) == (1, "")
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


def test_eval_cannot_sweep_without_stories(sample: Path, tmp_path: Path) -> None:
    assert run("find", sample, "--no-stories", "-o", tmp_path / "out").exit_code == 0
    done = run("eval", tmp_path / "out", sample / "labels.csv", "--sweep")
    assert done.exit_code == 1
    assert "make it without --no-stories" in done.stderr


# boilerplate


def test_boilerplate_lists_rules_and_what_outlets_repeat(sample: Path) -> None:
    done = run("boilerplate", sample, "--limit", "1")
    assert (done.exit_code, done.stderr) == (0, "")
    assert re.search(r"^  signup +\d+  newsletters", done.stdout, re.MULTILINE)
    lines = "Today's tide tables and ferry times are on page two"
    assert re.search(rf"^  Port Ansel Mercury\n +\d+ articles  sentence  {lines}$", done.stdout, re.MULTILINE)
    assert re.search(r"^ +… and \d more; --limit \d lists all$", done.stdout, re.MULTILINE)


def test_boilerplate_json_agrees_with_find(sample: Path, out: Path) -> None:
    told = json.loads(run("boilerplate", sample, "--json").stdout)
    totals = json.loads(run("show", out, "--json").stdout)["totals"]
    assert (told["articles"], told["words"]) == (totals["articles"], totals["words"])
    assert told["learned"] + sum(told["rules"].values()) == totals["boilerplate_words"]
    outlet = next(one for one in told["outlets"] if one["outlet"] == "Ostrel")
    assert outlet["lines"][0]["text"] == "For clients only; not for onward distribution"
    assert all(line["articles"] >= 2 for one in told["outlets"] for line in one["lines"])


def test_a_corpus_without_boilerplate_says_so(tmp_path: Path) -> None:
    table = pa.table({"id": ["a", "b"], "text": ["One storm in the harbour.", None]})
    pq.write_table(table, tmp_path / "news.parquet")
    done = run("boilerplate", tmp_path / "news.parquet")
    assert (done.exit_code, done.stderr) == (0, "")
    assert "Nothing was learned" in done.stdout


# background


def test_a_background_is_built_and_used(sample: Path, tmp_path: Path) -> None:
    file = tmp_path / "words.parquet"
    for _ in range(2):  # an earlier one is replaced
        done = run("background", "build", sample, "-o", file)
        assert (done.exit_code, done.stderr) == (0, "")
    assert re.fullmatch(rf"[\d,]+ words, [\d,]+ of them with the company they keep, written to {file}\n", done.stdout)
    assert [entry.name for entry in tmp_path.iterdir()] == ["words.parquet"]
    told = json.loads(run("find", sample, "--background", file, "--json").stdout)
    assert told["settings"]["background"] == str(file)
    assert told["totals"]["stories"] > 10


def test_a_background_of_nothing_is_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table({"id": pa.array([], pa.string()), "text": pa.array([], pa.string())}), tmp_path / "none.pq")
    done = run("background", "build", tmp_path / "none.pq", "-o", tmp_path / "words.parquet")
    assert (done.exit_code, done.stdout) == (1, "")
    assert re.fullmatch("dedup: error: nothing to learn: .*\n", done.stderr)
    assert [entry.name for entry in tmp_path.iterdir()] == ["none.pq"]


def test_a_background_needs_scipy(sample: Path, tmp_path: Path) -> None:
    missing = "import sys; sys.modules['scipy.sparse'] = None\n"
    done = process("background", "build", sample, "-o", tmp_path / "words.parquet", code=missing + RUN)
    assert (done.returncode, done.stdout) == (1, "")
    needed = "learning a background needs scipy; install it with: pip install scipy"
    assert done.stderr == f"dedup: error: {needed}\n"
    assert list(tmp_path.iterdir()) == []


def test_a_background_of_another_version_is_refused(sample: Path, tmp_path: Path) -> None:
    file = tmp_path / "words.parquet"
    pq.write_table(pa.table({"term": [1]}).replace_schema_metadata({"dedup.background": '{"version": 99}'}), file)
    for name, message in (("words", "a background of version 99, expected"), ("none", "background cannot be read")):
        done = run("find", sample, "--background", tmp_path / f"{name}.parquet")
        assert (done.exit_code, done.stdout) == (2, "")
        assert message in done.stderr
        assert "`dedup background build CORPUS -o FILE` writes one" in done.stderr


# settings, version, help


def test_settings_are_printed_with_meaning_range_and_default() -> None:
    text = run("settings", "--near", "0.7").stdout
    assert re.search(r"^near = 0\.7 \(changed\) +default 0\.8, from 0\.01 to 1\.0$", text, re.MULTILINE)
    told = json.loads(run("settings", "--near", "0.7", "--json").stdout)
    assert {name: knob["value"] for name, knob in told.items() if name != "workers"} == Settings(near=0.7).recorded()
    for knob in told.values():
        assert knob["low"] is None or knob["low"] <= knob["default"] <= knob["high"]
        assert knob["meaning"] in " ".join(text.split())


def test_version() -> None:
    assert run("--version").stdout == f"dedup, version {VERSION}\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        *([verb, "--help"] for verb in VERBS),
        *(["index", verb, "--help"] for verb in ("info", "verify", "prune", "remove", "export", "events", "learn")),
        ["background", "build", "--help"],
        ["--version"],
    ],
)
def test_help_loads_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import atexit, sys\n"
        "heavy = {'numpy', 'pyarrow', 'numba', 'rich', 'xxhash'}\n"
        "atexit.register(lambda: print('LOADED', sorted(heavy & set(sys.modules))))\n"
    )
    done = process(*arguments, code=code + RUN)
    assert done.returncode == 0
    assert done.stdout.endswith("LOADED []\n")


def test_every_command_is_tested_here() -> None:
    assert sorted(cli.main.commands) == sorted(VERBS)


def test_column_help_names_every_field() -> None:
    words = re.findall(r"\w+", run("find", "--help").stdout)
    assert set(FIELDS.names) <= set(words)


def all_commands(command: click.Command) -> list[click.Command]:
    inside = command.commands.values() if isinstance(command, click.Group) else ()
    return [command, *(one for below in inside for one in all_commands(below))]


def examples() -> list[str]:
    commands = all_commands(cli.main)
    return [line.strip() for command in commands for line in (command.epilog or "").splitlines() if " dedup " in line]


def test_every_verb_has_an_example() -> None:
    for verb in VERBS:
        assert any(line.startswith(f"dedup {verb}") for line in examples())


@pytest.mark.parametrize("example", examples())
def test_examples_of_the_help_work(example: str, sample: Path, out: Path, tmp_path: Path) -> None:
    words = [
        str(sample) + word.removeprefix("corpus") if word.startswith("corpus/") else word
        for word in shlex.split(example)
    ]
    file = tmp_path / "background.parquet"
    if "--background" in words:
        assert run("background", "build", sample, "-o", file).exit_code == 0
    named = {"out/": str(tmp_path / "out" if words[1] == "find" else out), "background.parquet": str(file)}
    named["report.html"] = str(tmp_path / "report.html")
    if words[1] in {"convert", "keep"}:
        named |= {word: f"{tmp_path}/{word}" for word in words if word.startswith("pages/") or "." in word}
        sources(tmp_path)
    named |= {name: str(tmp_path / name) for name in ("copies.parquet", "curve.svg", "dedup.toml", "tune.csv", "work/")}
    (tmp_path / "dedup.toml").write_text("near = 0.75\n")
    if words[1] in {"add", "check", "index"}:
        named |= indexed(sample, tmp_path, there=words[1] != "add")
    if "--report" in words:
        assert run("tune", sample, "--labels", named["tune.csv"], answers="y\n").exit_code == 0
    done = run(*[named.get(word, word) for word in words[1:]], answers="y\n")
    assert done.exit_code == 0, done.stderr
    assert done.stdout


def indexed(sample: Path, folder: Path, *, there: bool) -> dict[str, str]:
    """Write what the examples of an index read, where it is to be there also that."""
    (folder / "page.txt").write_text("The ferry left at dawn.")
    (folder / "articles.jsonl").write_text('{"id": "a", "text": "The ferry left at dawn."}\n')
    if there:
        assert run("add", folder / "news.index", sample).exit_code == 0
    names = ("news.index", "page.txt", "articles.jsonl", "bad.jsonl")
    return {name: str(folder / name) for name in names} | {"out/": str(folder / "exported")}


def sources(folder: Path) -> None:
    """Write what the examples of `dedup convert` read."""
    (folder / "pages").mkdir()
    for name in ("1", "2"):
        (folder / "pages" / f"{name}.txt").write_text(f"The ferry of pier {name} left at dawn.")
    rows = ['{"id": "a", "body": "The ferry left at dawn."}\n', "not JSON\n"]
    (folder / "news.jsonl.gz").write_bytes(gzip.compress("".join(rows).encode()))


# Ends before the end

INTERRUPTED = """
import contextlib, os, signal, sys
from dedup import cli
from dedup.cli import output
@contextlib.contextmanager
def interrupting(*, quiet):
    def note(stage, done, total):
        if stage == {stage!r}:
            os.kill(os.getpid(), signal.SIGINT)
    yield note
output.progress = interrupting
cli.main(prog_name='dedup')
"""
INTERRUPTED_WRITING = """
import os, signal
import pyarrow.parquet as pq
from dedup import cli
from dedup.cli import output
written = pq.write_table
def interrupting(*arguments, **options):
    written(*arguments, **options)
    os.kill(os.getpid(), signal.SIGINT)
pq.write_table = interrupting
cli.main(prog_name='dedup')
"""


@pytest.mark.parametrize(
    "code",
    [
        *(INTERRUPTED.format(stage=stage) for stage in ("learn", "sketch", "verify", "align", "ledger")),
        INTERRUPTED_WRITING,
    ],
)
def test_interrupt_is_one_line_and_leaves_nothing(code: str, sample: Path, tmp_path: Path) -> None:
    done = process("find", sample, "-o", tmp_path / "out", code=code)
    assert done.returncode == 130
    assert done.stdout == ""
    assert done.stderr == "dedup: stopped; nothing is left half-written\n"
    assert list(tmp_path.iterdir()) == []


def test_a_reader_who_leaves_early_is_no_error(out: Path) -> None:
    command = [sys.executable, "-c", RUN, "show", str(out), "--json", "--top", "1000"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT) as started:  # noqa: S603
        assert started.stdout is not None
        assert started.stderr is not None
        started.stdout.close()
        assert started.stderr.read() == b""
        assert started.wait(60) == 0


@pytest.mark.parametrize("verb", ["find", "show", "settings"])
def test_a_reader_who_leaves_after_a_line_is_no_error(verb: str, sample: Path, out: Path) -> None:
    """The pipe closes between two lines of many: Rich would exit with 1."""
    late = "import os, sys\nfrom dedup.report import terminal\nplain = terminal.show\n"
    late += "def show(lines, to):\n    for line in lines:\n        plain([line], to)\n        sys.stdin.read()\n"
    command = [sys.executable, "-c", f"{late}terminal.show = show\n{RUN}", verb]
    command += {"find": [str(sample)], "show": [str(out)], "settings": []}[verb]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, cwd=ROOT) as started:  # noqa: S603
        assert started.stdin is not None
        assert started.stdout is not None
        assert started.stderr is not None
        assert started.stdout.readline()
        started.stdout.close()
        started.stdin.close()
        assert started.stderr.read() == b""
        assert started.wait(60) == 0


def test_an_incomplete_result_is_told_once(out: Path, tmp_path: Path) -> None:
    (tmp_path / "articles.parquet").write_bytes((out / "articles.parquet").read_bytes())
    done = run("show", tmp_path)
    assert done.exit_code == 1
    assert "its result lacks matches.parquet and spans.parquet" in done.stderr
    assert done.stderr.count(str(tmp_path)) == 1


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")  # noqa: PTH110
def test_a_full_disk_is_one_line_and_status_1(out: Path) -> None:
    for arguments in (["show", str(out)], ["settings", "--json"], ["--help"]):
        command = [sys.executable, "-c", RUN, *arguments]
        with open("/dev/full", "w") as full:  # noqa: PTH123
            done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, cwd=ROOT, check=False)  # noqa: S603
        assert done.returncode == 1
        assert done.stderr == "dedup: error: what it prints cannot be written: no space left on device\n"


def test_output_of_any_encoding_is_printed(out: Path) -> None:
    environment = os.environ | {"PYTHONIOENCODING": "ascii"}
    command = [sys.executable, "-c", RUN, "show", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment, check=False)  # noqa: S603
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.isascii()
