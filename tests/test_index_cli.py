"""The commands of an index as a user, a shell and a program of another language meet them."""

from __future__ import annotations

import doctest
import gzip
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from typing import IO, TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from support import ROOT

from dedup import cli
from dedup.report import terminal
from dedup.result import Result

pytest.importorskip("lmdb", reason="needs the extra 'index'")
from dedup.index import Index

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from click.testing import Result as Done

RUN = "from dedup.cli import main; main(prog_name='dedup')"
COMMAND = [sys.executable, "-c", RUN]
TEXT = "The ferry of pier one left at dawn with forty people on board, the harbour master of Ostermund said on Tuesday."


def run(*arguments: str | Path) -> Done:
    return CliRunner().invoke(cli.main, [str(argument) for argument in arguments])


def told(*arguments: str | Path) -> dict[str, Any]:
    done = run(*arguments, "--json")
    assert done.exit_code == 0, done.stderr
    made: dict[str, Any] = json.loads(done.stdout)
    return made


def process(*arguments: str | Path, given: str | bytes = b"", **environment: str) -> subprocess.CompletedProcess[bytes]:
    data = given.encode() if isinstance(given, str) else given
    command = [*COMMAND, *map(str, arguments)]
    return subprocess.run(command, input=data, capture_output=True, check=False, env=os.environ | environment)


def line(id_: str, text: str = TEXT, **fields: object) -> str:
    return json.dumps({"id": id_, "text": text, **fields}) + "\n"


def answers(output: bytes | str) -> list[dict[str, Any]]:
    return [json.loads(one) for one in output.splitlines()]


@pytest.fixture(scope="module")
def filled(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("filled") / "news.index"
    assert run("add", folder, sample).exit_code == 0
    return folder


@pytest.fixture
def copied(filled: Path, tmp_path: Path) -> Path:
    shutil.copytree(filled, tmp_path / "news.index")
    return tmp_path / "news.index"


# add


def test_add_learns_adds_and_skips_what_is_in(sample: Path, tmp_path: Path) -> None:
    place = tmp_path / "news.index"
    first = told("add", place, sample)
    assert (first["articles"], first["added"], first["known"], first["updated"]) == (148, 148, 0, 0)
    assert first["copies"] + first["rewrites"] + first["news"] == 148
    assert min(first["copies"], first["rewrites"], first["news"]) > 10
    assert told("index", "info", place)["learned"] == 148
    second = told("add", place, sample)
    assert (second["added"], second["known"], second["copies"]) == (0, 148, 0)
    assert (second["in_index"], second["stories"]) == (first["in_index"], first["stories"]) == (148, 75)


def test_add_prints_a_summary(sample: Path, tmp_path: Path) -> None:
    done = run("add", tmp_path / "i", sample, "--no-learn", "--batch", "40")
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.startswith("148 articles: 148 added, 0 known, 0 updated\n  new here: ")
    assert f"now in {tmp_path / 'i'}: 148 articles, " in " ".join(done.stdout.split())
    assert told("index", "info", tmp_path / "i")["learned"] == 0
    assert "new here" not in run("add", tmp_path / "i", sample).stdout


def test_add_goes_on_where_it_was_stopped(sample: Path, tmp_path: Path) -> None:
    """A run that is killed between two batches has added whole batches; the next one adds the rest."""
    code = (
        "import os, signal\nfrom dedup.cli import output\nimport contextlib\n"
        "@contextlib.contextmanager\ndef killing(*, quiet):\n"
        "    def note(stage, done, total):\n"
        "        if stage == 'add' and done: os.kill(os.getpid(), signal.SIGKILL)\n"
        "    yield note\n"
        f"output.progress = killing\n{RUN}"
    )
    command = [sys.executable, "-c", code, "add", str(tmp_path / "i"), str(sample), "--batch", "50"]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    assert told("index", "info", tmp_path / "i")["articles"] == 50
    rest = told("add", tmp_path / "i", sample)
    assert (rest["known"], rest["added"]) == (50, 98)
    assert told("index", "verify", tmp_path / "i") == {"damages": []}


def test_add_maps_columns_and_takes_integers_as_ids(tmp_path: Path) -> None:
    pq.write_table(pa.table({"key": [1, 2], "body": [TEXT, TEXT]}), tmp_path / "x.parquet", row_group_size=1)
    options = ("--column", "id=key", "--column", "text=body", "--batch", "3")
    assert told("add", tmp_path / "i", tmp_path / "x.parquet", *options)["copies"] == 1
    with Index.open(tmp_path / "i", readonly=True) as index:
        assert index.get("2").witness_id == "1"


def test_settings_are_chosen_once(sample: Path, tmp_path: Path) -> None:
    place = tmp_path / "i"
    assert run("add", place, sample, "--near", "0.7", "--no-stories").exit_code == 0
    assert run("add", place, sample, "--near", "0.7", "--threads", "1").exit_code == 0
    refused = run("add", place, sample, "--near", "0.8", "--window", "48")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert refused.stderr == (
        f"dedup: error: {place}: made with other settings: near is 0.7 there and 0.8 here; "
        "leave them out, or name another folder\n"
    )
    assert run("add", place, sample, "--near", "7").exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["add", "i", "x.jsonl", "--json", "--jsonl"], "--json and --jsonl exclude each other"),
        (["add", "i", "corpus/", "--rejects", "bad"], "--rejects: lists bad lines, and goes with --jsonl"),
        (["add", "i", "corpus/", "--batch", "0"], "0 is not in the range x>=1"),
        (["add", "i", "corpus/", "--wait", "-1"], "-1.0 is not in the range x>=0"),
        (["add", "i", "corpus/", "--wait", "nan"], "nan is no number of seconds"),
        (["add", "i", "corpus/", "--column", "body=text"], "'body' is not a field"),
        (["check", "i", "-", "--jsonl", "--published", "2026-01-01"], "--published: is for one article"),
        (["check", "i", "x", "--published", "monday"], "'monday' is no date, such as 2026-11-22"),
        (["index", "prune", "i"], "Missing option '--before'"),
        (["index", "prune", "i", "--before", "2026-02-30"], "'2026-02-30' is no date"),
        (["index", "remove", "i"], "Missing argument 'ID...'"),
        (["index", "events", "i", "--since", "-1"], "-1 is not in the range x>=0"),
    ],
)
def test_wrong_usage_is_status_2(arguments: list[str], message: str) -> None:
    done = run(*arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert message in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["check", "PLACE", "README.md"],
        *(["index", verb, "PLACE"] for verb in ("info", "verify", "events")),
        ["index", "prune", "PLACE", "--before", "2026-01-01"],
        ["index", "remove", "PLACE", "a"],
        ["index", "learn", "PLACE", "corpus/"],
        ["index", "export", "PLACE", "-o", "OUT"],
    ],
)
def test_nothing_is_made_where_no_index_is(arguments: list[str], tmp_path: Path) -> None:
    named = {"PLACE": str(tmp_path / "no\x1b[2J.index"), "OUT": str(tmp_path / "out")}
    done = run(*[named.get(word, word) for word in arguments])
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith("dedup: error: ")
    assert done.stderr.endswith(".index: there is no index here\n")
    assert "\x1b" not in done.stderr
    assert list(tmp_path.iterdir()) == []


# check


def test_check_says_what_an_article_is(filled: Path, sample: Path) -> None:
    done = run("check", filled, f"{sample}#harbour-bridge-heavy")
    assert (done.exit_code, done.stderr) == (0, "")
    assert "\nA copy: the same words as harbour-bridge-heavy\n" in done.stdout
    assert "\nstory harbour-bridge-wire\n" in done.stdout
    assert "identical 1.00  Keldmouth Evening Post" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 120


def test_check_json_is_a_verdict(filled: Path, sample: Path) -> None:
    verdict = told("check", filled, f"{sample}#harbour-bridge-heavy")
    assert (verdict["status"], verdict["relation"], verdict["copy_of"]) == (
        "checked",
        "identical",
        "harbour-bridge-heavy",
    )
    ledger = verdict["ledger"]
    assert sum(ledger[name] for name in ("boilerplate", "copied", "reworded", "unique")) == pytest.approx(1)
    assert ledger["shared"] == ledger["copied"] + ledger["reworded"]
    assert {span["kind"] for span in ledger["spans"]} <= {"copied", "reworded", "boilerplate", "unique"}
    assert told("index", "info", filled)["articles"] == 148


def test_check_takes_files_pages_and_standard_input(filled: Path, sample: Path, tmp_path: Path) -> None:
    with Index.open(filled, readonly=True) as index:
        text = index.get("ferry-fire-wire").text
    (tmp_path / "a.txt").write_text(text)
    (tmp_path / "a.html").write_text(f"<html><body><article><p>{text}</p></article></body></html>")
    for name in ("a.txt", "a.html"):
        assert told("check", filled, tmp_path / name)["copy_of"] == "ferry-fire-wire"
    done = process("check", filled, "-", "--json", given=text)
    assert json.loads(done.stdout)["copy_of"] == "ferry-fire-wire"
    missing = run("check", filled, f"{sample}#nobody")
    assert (missing.exit_code, missing.stdout) == (1, "")
    assert "no article has the id 'nobody'" in missing.stderr


def test_news_is_told_as_news(filled: Path, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Nothing in the news of that month is like this line at all.")
    done = run("check", filled, tmp_path / "a.txt", "--published", "2026-03-09")
    assert "\nNews: no article of the index has this text or tells this story\n" in done.stdout
    assert "story" not in done.stdout.splitlines()[-1]
    assert told("check", filled, tmp_path / "a.txt")["story_id"] is None


def test_the_date_of_a_rewrite_counts(filled: Path, tmp_path: Path) -> None:
    with Index.open(filled, readonly=True) as index:
        text = index.get("harbour-bridge-heavy").text
    (tmp_path / "a.txt").write_text(" ".join(text.split()[60:]))
    stories = [
        told("check", filled, tmp_path / "a.txt", "--published", day)["matches"] for day in ("2026-03-03", "2031-03-03")
    ]
    assert len(stories[0]) > len(stories[1])


@pytest.mark.parametrize("width", [40, 60, 100, 140])
def test_views_fit_the_terminal(width: int, copied: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hostile = "evil\x1b[2J\u202e [red]\nid"
    with Index.open(copied) as index:
        text = index.get("ferry-fire-wire").text
        index.add([{"id": hostile, "text": text + " All safe.", "title": hostile, "source": hostile}])
    (tmp_path / "a.txt").write_text(text)
    monkeypatch.setattr(terminal, "PIPED_WIDTH", width)
    views: list[list[str | Path]] = [["check", copied, tmp_path / "a.txt"], ["index", "info", copied]]
    for arguments in views:
        done = run(*arguments)
        assert done.exit_code == 0
        assert max(map(len, done.stdout.splitlines())) <= width
        assert not {"\x1b", "\u202e"} & set(done.stdout)


# JSON lines


@pytest.fixture
def talking(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    command = [*COMMAND, "add", str(tmp_path / "i"), "-", "--jsonl"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as started:
        yield started
        started.kill()


def ask(started: subprocess.Popen[bytes], *lines: str) -> list[dict[str, Any]]:
    assert started.stdin is not None
    assert started.stdout is not None
    started.stdin.write("".join(lines).encode())
    started.stdin.flush()
    return [json.loads(started.stdout.readline()) for _ in lines]


def test_every_line_is_answered_before_the_next_is_written(talking: subprocess.Popen[bytes], tmp_path: Path) -> None:
    """By default, with a batch of up to a thousand: what is there is answered."""
    relations = [ask(talking, line(f"a{number}"))[0]["relation"] for number in range(4)]
    assert relations == [None, "identical", "identical", "identical"]
    with Index.open(tmp_path / "i", readonly=True) as index:
        assert len(index) == 4
    assert [one["id"] for one in ask(talking, *(line(f"b{number}") for number in range(5)))] == [
        f"b{number}" for number in range(5)
    ]
    ended(talking)


def ended(started: subprocess.Popen[bytes]) -> None:
    assert started.stdin is not None
    assert started.stdout is not None
    started.stdin.close()
    assert started.wait(60) == 0
    assert started.stdout.read() == b""


def test_a_batch_of_one_does_not_wait(tmp_path: Path) -> None:
    command = [*COMMAND, "add", str(tmp_path / "i"), "-", "--jsonl", "--batch", "1"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as started:
        for number in range(3):
            assert ask(started, line(f"a{number}"))[0]["status"] == "added"
        ended(started)


def test_blank_lines_and_halves_of_lines_do_not_hold_an_answer_back(talking: subprocess.Popen[bytes]) -> None:
    assert talking.stdin is not None
    assert ask(talking, line("a") + "\n \n")[0]["id"] == "a"
    half = line("b")
    assert ask(talking, line("c") + half[:20])[0]["id"] == "c"
    assert ask(talking, half[20:])[0]["id"] == "b"
    ended(talking)


def test_a_thousand_lines(tmp_path: Path) -> None:
    lines = [line(f"a{number}", f"{TEXT} Number {number % 500} of them all.") for number in range(1000)]
    done = process("add", tmp_path / "i", "-", "--jsonl", given="".join(lines))
    assert (done.returncode, done.stderr) == (0, b"")
    found = answers(done.stdout)
    assert [one["id"] for one in found] == [f"a{number}" for number in range(1000)]
    assert {one["copy_of"] is not None for one in found[500:]} == {True}
    again = process("add", tmp_path / "i", "-", "--jsonl", given="".join(lines))
    assert {one["status"] for one in answers(again.stdout)} == {"known"}


def test_lines_of_a_file_may_be_packed_and_have_names_of_their_own(tmp_path: Path) -> None:
    rows = [{"key": number, "body": TEXT, "when": "2026-03-03", "published": 5} for number in (7, 8)]
    (tmp_path / "x.jsonl.gz").write_bytes(gzip.compress("\n".join(map(json.dumps, rows)).encode()))
    names = {"id": "key", "text": "body", "published": "when"}
    options = [word for own, name in names.items() for word in ("--column", f"{own}={name}")]
    done = run("add", tmp_path / "i", tmp_path / "x.jsonl.gz", "--jsonl", *options)
    assert [one["id"] for one in answers(done.stdout)] == ["7", "8"]
    assert told("index", "info", tmp_path / "i")["newest"] == "2026-03-03T00:00:00+00:00"


BAD = [
    ("not JSON", "is not JSON (Expecting value at character 1)"),
    (b"\xff\n", "is not UTF-8 (byte 0xff at 1)"),
    ("[1]", "is a list, expected an object with fields"),
    ('{"text": "x"}', "field 'id': every article needs an id"),
    ('{"id": "", "text": "x"}', "field 'id': every article needs an id"),
    ('{"id": true, "text": "x"}', "field 'id': is true or false, expected text"),
    ('{"id": "b"}', "there is no field 'text'; --column text=NAME names another. The fields are: id"),
    ('{"id": "b", "text": 5}', "field 'text': is a number, expected text"),
    ('{"id": "b", "text": "x", "url": {}}', "field 'url': is an object, expected text"),
    ('{"id": "b", "text": "x \\ud800"}', "field 'text': holds half a character (\\ud800 at 3)"),
    ('{"id": "b", "text": "x", "published": "monday"}', "field 'published': is 'monday', expected a date such as"),
    ('{"id": "b", "text": "x", "published": 5}', "field 'published': is a number, expected text"),
]


@pytest.mark.parametrize(("wrong", "message"), BAD)
def test_a_bad_line_ends_the_work_after_what_was_answered(wrong: str | bytes, message: str, tmp_path: Path) -> None:
    data = line("a").encode() + (wrong if isinstance(wrong, bytes) else f"{wrong}\n".encode()) + line("c").encode()
    (tmp_path / "x.jsonl").write_bytes(data)
    done = run("add", tmp_path / "i", tmp_path / "x.jsonl", "--jsonl")
    assert done.exit_code == 1
    assert [one["id"] for one in answers(done.stdout)] == ["a"]
    assert done.stderr.startswith(f"dedup: error: {tmp_path}/x.jsonl, line 2: {message}")
    assert done.stderr.endswith("; --rejects FILE lists such lines and goes on\n")
    with Index.open(tmp_path / "i", readonly=True) as index:
        assert [event.id for event in index.events()] == ["a"]


def test_a_bad_line_of_standard_input_is_named(tmp_path: Path) -> None:
    done = process("add", tmp_path / "i", "-", "--jsonl", given=line("a") + "\n{}\n")
    assert (done.returncode, [one["id"] for one in answers(done.stdout)]) == (1, ["a"])
    assert done.stderr.startswith(b"dedup: error: standard input, line 3: field 'id': every article needs an id; ")


def test_bad_lines_are_listed_and_answered_in_their_place(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_bytes(
        line("a").encode()
        + b"".join(wrong if isinstance(wrong, bytes) else f"{wrong}\n".encode() for wrong, _ in BAD)
        + line("z").encode()
    )
    done = run("add", tmp_path / "i", tmp_path / "x.jsonl", "--jsonl", "--rejects", tmp_path / "bad.jsonl")
    assert (done.exit_code, done.stderr) == (0, "")
    found = answers(done.stdout)
    assert [one.get("line", one.get("id")) for one in found] == ["a", *range(2, len(BAD) + 2), "z"]
    listed = answers((tmp_path / "bad.jsonl").read_text())
    assert [row["line"] for row in listed] == list(range(2, len(BAD) + 2))
    for row, one, (_, message) in zip(listed, found[1:], BAD, strict=False):
        assert row["detail"] == one["error"]
        assert message in row["detail"]
        assert set(row) == {"place", "line", "reason", "detail", "value"}


def test_check_answers_line_by_line(filled: Path) -> None:
    with Index.open(filled, readonly=True) as index:
        text = index.get("ferry-fire-wire").text
    done = process("check", filled, "-", "--jsonl", given=line("a", text) + line("b"))
    assert [(one["status"], one["copy_of"]) for one in answers(done.stdout)] == [
        ("checked", "ferry-fire-wire"),
        ("checked", None),
    ]


@pytest.mark.parametrize(
    ("place", "message"),
    [("nothing.jsonl", "nothing.jsonl: no such file"), (".", ".: is a folder; --jsonl reads one file")],
)
def test_lines_that_are_not_there(place: str, message: str, tmp_path: Path) -> None:
    done = run("add", tmp_path / "i", place, "--jsonl")
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith(f"dedup: error: {message}")
    assert not (tmp_path / "i").exists()


def test_the_list_of_bad_lines_is_not_what_is_read(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text(line("a"))
    for rejects in (tmp_path / "x.jsonl", tmp_path, tmp_path / "no" / "x"):
        done = run("add", tmp_path / "i", tmp_path / "x.jsonl", "--jsonl", "--rejects", rejects)
        assert (done.exit_code, done.stdout) == (1, "")
        assert done.stderr.startswith(f"dedup: error: {rejects}: ")
    assert (tmp_path / "x.jsonl").read_text() == line("a")


# index


def test_info_verify_and_export(filled: Path, tmp_path: Path) -> None:
    done = run("index", "info", filled)
    assert [one.split() for one in done.stdout.splitlines()[:2]] == [["articles", "148"], ["stories", "75"]]
    made = told("index", "info", filled)
    assert (made["articles"], made["stories"], made["oldest"]) == (148, 75, "2026-03-02T09:00:00+00:00")
    assert run("index", "verify", filled).stdout == "148 articles, no damage\n"
    counts = told("index", "export", filled, "-o", tmp_path / "out")
    assert counts["articles"] == len(Result.read(tmp_path / "out").articles) == 148
    assert run("show", tmp_path / "out", "ferry-fire").exit_code == 0
    done = run("index", "export", filled, "-o", filled / "out")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "lies in" in done.stderr


def test_verify_lists_damage_and_exits_with_1(copied: Path) -> None:
    file = copied / "data.mdb"
    data = bytearray(file.read_bytes())
    place = data.index(b"Keldmouth Evening Post")
    data[place] ^= 1
    file.write_bytes(data)
    done = run("index", "verify", copied)
    assert done.exit_code == 1
    assert "data.mdb" in done.stdout + done.stderr
    listed = run("index", "verify", copied, "--json")
    assert listed.exit_code == 1
    assert listed.stderr or json.loads(listed.stdout)["damages"]


def test_prune_and_remove(copied: Path) -> None:
    assert run("index", "remove", copied, "harbour-bridge-light", "nobody").stdout == "1 article removed, 147 left\n"
    left = told("index", "prune", copied, "--before", "2026-03-10")
    assert left["removed"] + left["in_index"] == 147
    assert told("index", "info", copied)["articles"] == left["in_index"] > 0
    assert told("index", "prune", copied, "--before", "2026-03-10")["removed"] == 0
    assert told("index", "prune", copied, "--before", "2026-04-10T12:00+02:00")["in_index"] == 0
    assert told("index", "verify", copied) == {"damages": []}


def test_learn(copied: Path, sample: Path, tmp_path: Path) -> None:
    pq.write_table(pq.read_table(sample / "news.parquet").slice(0, 100), tmp_path / "x.parquet")
    assert run("index", "learn", copied, tmp_path / "x.parquet").stdout == "Learned from 100 articles\n"
    assert told("index", "learn", copied, sample) == {"learned": 148}


def test_events_are_lines_with_a_cursor(filled: Path) -> None:
    every = answers(run("index", "events", filled).stdout)
    assert [event["cursor"] for event in every] == list(range(1, 149))
    assert {event["kind"] for event in every} <= {"added", "joined", "moved", "merged", "updated"}
    assert answers(run("index", "events", filled, "--since", "146").stdout) == every[146:]
    assert run("index", "events", filled, "--since", "148").stdout == ""


def test_events_are_followed(copied: Path) -> None:
    command = [*COMMAND, "index", "events", str(copied), "--since", "147", "--follow"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as started:
        assert started.stdout is not None
        assert started.stderr is not None
        assert json.loads(started.stdout.readline())["cursor"] == 148
        with Index.open(copied) as index:
            index.add([{"id": "new", "text": TEXT}])
        assert json.loads(started.stdout.readline()) == {
            "cursor": 149,
            "kind": "added",
            "id": "new",
            "story_id": "new",
            "other": None,
        }
        started.send_signal(signal.SIGINT)
        assert started.wait(60) == 130
        assert b"Traceback" not in started.stderr.read()


def test_a_second_writer_is_refused_or_waits(sample: Path, copied: Path) -> None:
    command = [*COMMAND, "add", str(copied), "-", "--jsonl"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as started:
        ask(started, line("a"))
        for done in (process("add", copied, sample), process("index", "remove", copied, "a")):
            assert (done.returncode, done.stdout) == (1, b"")
            assert done.stderr.count(b"\n") == 1
            assert b"writes to it" in done.stderr or b"is writing to it" in done.stderr
        assert told("index", "info", copied)["articles"] == 149
        waiting: IO[bytes] | None
        second = [*COMMAND, "index", "remove", str(copied), "a", "--wait", "60"]
        with subprocess.Popen(second, stdout=subprocess.PIPE) as other:
            time.sleep(0.5)
            assert other.poll() is None
            ended(started)
            waiting = other.stdout
            assert waiting is not None
            assert waiting.read() == b"1 article removed, 148 left\n"
            assert other.wait(60) == 0


def test_a_reader_who_leaves_is_no_error(filled: Path) -> None:
    command = [*COMMAND, "index", "events", str(filled)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as started:
        assert started.stdout is not None
        assert started.stderr is not None
        started.stdout.close()
        assert started.stderr.read() == b""
        assert started.wait(60) == 0


@pytest.mark.parametrize("package", ["lmdb", "zstandard"])
def test_without_the_extra_one_line_says_how_to_install_it(package: str, sample: Path, tmp_path: Path) -> None:
    code = f"import sys; sys.modules[{package!r}] = None\n{RUN}"
    command = [sys.executable, "-c", code, "add", str(tmp_path / "i"), str(sample)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"dedup: error: {package} is not installed; install it with: pip install 'dedup[index]'\n"
    assert list(tmp_path.iterdir()) == []


# docs


def test_the_examples_of_the_docs_hold(sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "corpus").symlink_to(sample)
    monkeypatch.chdir(tmp_path)
    failed, tried = doctest.testfile(str(ROOT / "docs" / "index.md"), module_relative=False, encoding="utf-8")
    assert (failed, tried > 20) == (0, True)
