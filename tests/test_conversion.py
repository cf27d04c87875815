"""Files of other kinds → a corpus: every kind with real files, and what is wrong with them."""

from __future__ import annotations

import codecs
import csv
import gzip
import json
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import brotli
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from support import ROOT, any_text, prose

import dedup
from dedup import cli
from dedup.article import FIELDS
from dedup.formats.records import LONGEST, title_of

if TYPE_CHECKING:
    from click.testing import Result

    Rows = list[dict[str, Any]]

SIX = list(FIELDS.names)
RUN = "from dedup.cli import main; main(prog_name='dedup')"
TEXT = "The ferry left the harbour at dawn and came back at dusk."


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cli.main, ["convert", *map(str, arguments)])


def process(*arguments: str | Path, code: str = RUN, stdin: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-c", code, "convert", *map(str, arguments)]
    return subprocess.run(command, input=stdin, capture_output=True, cwd=ROOT, check=False, timeout=300)  # noqa: S603


def converted(folder: Path, *arguments: str | Path) -> Rows:
    """Convert without a complaint and return the corpus."""
    target = folder / "corpus.parquet"
    done = run(*arguments, "-o", target)
    assert (done.exit_code, done.stderr) == (0, "")
    return rows_of(target)


def rows_of(file: Path) -> Rows:
    rows: Rows = pq.read_table(file).to_pylist()
    return rows


def refused(folder: Path, *arguments: str | Path) -> str:
    """Convert what is refused in one line, with nothing written, and return the line."""
    target = folder / "new" / "corpus.parquet"
    target.parent.mkdir(exist_ok=True)
    done = run(*arguments, "-o", target)
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith("dedup: error: ")
    assert done.stderr.count("\n") == 1
    assert list(target.parent.iterdir()) == []
    return done.stderr.removeprefix("dedup: error: ").rstrip("\n")


def with_rejects(folder: Path, *arguments: str | Path) -> tuple[Rows, Rows]:
    """Convert what has bad rows; return the corpus and the list of them."""
    target, listed = folder / "corpus.parquet", folder / "bad.list"
    done = run(*arguments, "-o", target, "--rejects", listed)
    assert done.exit_code == 0, done.stderr
    bad = [json.loads(line) for line in listed.read_text().splitlines()]
    counted = f"{len(bad)} bad row{'s' if len(bad) != 1 else ''} ("
    assert counted in done.stderr
    assert all(list(row) == ["place", "line", "reason", "detail", "value"] for row in bad)
    return rows_of(target), bad


def jsonl(file: Path, *rows: Any) -> Path:
    file.write_text("".join(f"{row if isinstance(row, str) else json.dumps(row)}\n" for row in rows), "utf-8")
    return file


# Text ---------------------------------------------------------------------------------------------------------------


def test_text_files_become_articles_that_find_reads(sample: Path, tmp_path: Path) -> None:
    """The sample corpus as text files gives the stories that it gives as Parquet."""
    table = pq.read_table(sample / "news.parquet")
    table = table.filter(pc.starts_with(table["id"], "harbour-bridge-"))
    (tmp_path / "texts").mkdir()
    for row in table.to_pylist():
        (tmp_path / "texts" / f"{row['id']}.txt").write_text(f"{row['title']}\n\n{row['text']}", "utf-8")
    rows = converted(tmp_path, tmp_path / "texts")
    assert [row["id"] for row in rows] == sorted(table["id"].to_pylist())
    titles = dict(zip(table["id"].to_pylist(), table["title"].to_pylist(), strict=True))
    assert {row["id"]: row["title"] for row in rows} == titles
    assert len(dedup.find(tmp_path / "corpus.parquet").articles["story_id"].unique()) == 1


def test_the_seeds_are_one_story(shared_data: Path, tmp_path: Path) -> None:
    seeds = sorted((shared_data.parent / "seeds").glob("*.txt"))
    rows = converted(tmp_path, *seeds)
    assert [row["id"] for row in rows] == [file.stem for file in seeds]
    assert [row["text"].encode() for row in rows] == [file.read_bytes() for file in seeds]
    assert [row["title"] is not None for row in rows] == [False, False, False, True, False]
    assert len(dedup.find(tmp_path / "corpus.parquet").articles["story_id"].unique()) == 1


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("Ferry returns\n\nThe ferry came back.", "Ferry returns"),
        ("\n\nFerry returns  \n\t\nThe ferry came back.\n", "Ferry returns"),
        ("Ferry returns\r\n\r\nThe ferry came back.", "Ferry returns"),
        ("Ferry returns?\n\nThe ferry came back.", "Ferry returns?"),
        ("The ferry came back.\n\nIt was late.", None),
        ("Ferry returns\nThe ferry came back.", None),
        ("Ferry returns\n\n", None),
        ("Ferry returns", None),
        ("", None),
        (f"{'long ' * 60}\n\nText", None),
    ],
)
def test_a_first_line_is_a_title_where_a_blank_one_follows(text: str, title: str | None) -> None:
    assert title_of(text) == title


def test_ids_of_files_in_folders_hold_the_folders(tmp_path: Path) -> None:
    for name in ("a/1.txt", "b/1.txt", "b/c/1.v2.txt", "2.txt.gz"):
        file = tmp_path / "in" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(gzip.compress(TEXT.encode()) if name.endswith(".gz") else TEXT.encode())
    assert [row["id"] for row in converted(tmp_path, tmp_path / "in")] == ["2", "a/1", "b/1", "b/c/1.v2"]
    message = refused(tmp_path, tmp_path / "in" / "a", tmp_path / "in" / "b" / "1.txt")
    assert "id '1', made from the file's name: an earlier article has the same; name the folder of both" in message


def test_hostile_names(tmp_path: Path) -> None:
    names = ["a b.txt", "-o.txt", "[1].txt", "ü\u202e.txt", "x\x1b[31m.txt", "'q\".txt", "new\nline.txt", "..txt"]
    folder = tmp_path / "in"
    folder.mkdir()
    for name in names:
        (folder / name).write_text(f"{TEXT} {name}")
    done = run(folder, "-o", tmp_path / "c.parquet")
    assert done.exit_code == 0
    assert {row["id"] for row in rows_of(tmp_path / "c.parquet")} == {name.removesuffix(".txt") for name in names[:-1]}
    (folder / names[4]).write_bytes(b"\xff")
    message = refused(tmp_path, folder)
    assert "\x1b" not in message
    assert "is not UTF-8 (byte 0xff at 1)" in message


def test_a_name_that_is_no_unicode(tmp_path: Path) -> None:
    file = os.fsencode(tmp_path) + b"/caf\xe9.txt"
    Path(os.fsdecode(file)).write_text(TEXT)
    message = refused(tmp_path, f"{tmp_path}/*.txt")
    assert "the file's name, of which an id is made, is not UTF-8; rename the file" in message
    assert message.isprintable()


# Kinds --------------------------------------------------------------------------------------------------------------


def test_a_folder_of_other_files_names_what_it_skips(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "1.txt").write_text(TEXT)
    for name in ("a.png", "b.pdf", "c", "d.docx", ".hidden.txt"):
        (folder / name).write_bytes(b"\x89")
    os.mkfifo(folder / "pipe.txt")
    done = run(folder, "-o", tmp_path / "c.parquet")
    assert done.exit_code == 0
    skipped = "Left out: 5 files of no known kind"
    assert done.stderr == f"{skipped}: {folder}/.hidden.txt, {folder}/a.png, {folder}/b.pdf and 2 more\n"
    told = json.loads(run(folder, "-o", tmp_path / "c.parquet", "--json").stdout)
    assert (told["articles"], told["files"], len(told["skipped"])) == (1, 1, 5)


def test_an_empty_folder_and_empty_files(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    assert refused(tmp_path, folder) == "no article was found: no file is of a known kind"
    for name in ("a.jsonl", "b.csv", "c.json", "d.warc"):
        (folder / name).touch()
    assert refused(tmp_path, folder) == "no article was found: the files are empty"
    (folder / "e.txt").touch()
    assert refused(tmp_path, folder).startswith(f"{folder}/e.txt: field 'text': there is no text; --rejects FILE lists")


def test_a_kind_that_does_not_show(tmp_path: Path) -> None:
    (tmp_path / "news.dat").write_text(json.dumps({"text": TEXT}))
    assert "of what kind it is does not show; say it with --kind" in refused(tmp_path, tmp_path / "news.dat")
    assert converted(tmp_path, tmp_path / "news.dat", "--kind", "json")[0]["id"] == "news.dat:1"
    assert "say what standard input holds with --kind" in refused(tmp_path, "-")


def test_standard_input(tmp_path: Path) -> None:
    data = b'{"text": "One ferry."}\n{"text": "Two ferries."}\n'
    for stdin in (data, gzip.compress(data), pa.compress(data, "zstd", asbytes=True)):
        done = process("-", "--kind", "json", "-o", tmp_path / "c.parquet", stdin=stdin)
        assert (done.returncode, done.stderr) == (0, b"")
        assert [row["id"] for row in rows_of(tmp_path / "c.parquet")] == ["stdin:1", "stdin:2"]
    done = process("-", "--kind", "json", "-o", tmp_path / "none.parquet", stdin=b"")
    assert (done.returncode, done.stderr) == (1, b"dedup: error: no article was found: the file is empty\n")
    assert not (tmp_path / "none.parquet").exists()


def test_a_glob_in_quotes(tmp_path: Path) -> None:
    for name in ("1.txt", "2.txt", "3.html"):
        (tmp_path / name).write_text(f"{TEXT} {name}")
    assert [row["id"] for row in converted(tmp_path, f"{tmp_path}/*.txt")] == ["1", "2"]
    assert refused(tmp_path, f"{tmp_path}/*.csv") == f"{tmp_path}/*.csv: no such file or folder"


def test_a_pipe_by_name(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jsonl")
    writer = f"open({str(tmp_path / 'pipe.jsonl')!r}, 'w').write('{{\"text\": \"One ferry.\"}}\\n')"
    with subprocess.Popen([sys.executable, "-c", writer]) as started:  # noqa: S603
        assert converted(tmp_path, tmp_path / "pipe.jsonl")[0]["text"] == "One ferry."
        assert started.wait(60) == 0


# JSON ---------------------------------------------------------------------------------------------------------------


def test_json_lines_keep_fields_and_further_columns(tmp_path: Path) -> None:
    first = {
        "id": 7,
        "text": TEXT,
        "title": "Ferry",
        "source": "Nordwire",
        "published": "2026-03-03T08:15:00+01:00",
        "url": "https://nordwire.example/7",
        "section": "coast",
        "views": 12,
        "score": 0.5,
        "free": True,
        "nothing": None,
        "tags": ["a"],
        "body": {"plain": "x"},
    }
    file = jsonl(tmp_path / "news.jsonl", first, "", {"text": "Two \u2028 lines\nand \U0001f6a2.", "views": 3})
    done = run(file, "-o", tmp_path / "c.parquet")
    assert done.exit_code == 0
    assert done.stderr.splitlines() == [
        "Left out: column tags: it holds lists or objects",
        "Left out: column body: it holds lists or objects",
        "Left out: column nothing: it is empty everywhere",
    ]
    one, two = rows_of(tmp_path / "c.parquet")
    assert pq.read_schema(tmp_path / "c.parquet").names == [*SIX, "section", "views", "score", "free"]
    assert one["published"] == datetime(2026, 3, 3, 7, 15, tzinfo=UTC)
    assert (one["id"], one["views"], one["score"], one["free"]) == ("7", 12, 0.5, True)
    assert (two["id"], two["text"], two["views"]) == ("news.jsonl:3", "Two \u2028 lines\nand \U0001f6a2.", 3)
    assert two["title"] is two["published"] is two["section"] is None
    assert pq.read_schema(tmp_path / "c.parquet").field("text").type == pa.large_string()
    dedup.find(tmp_path / "c.parquet")


def test_fields_only(tmp_path: Path) -> None:
    file = jsonl(tmp_path / "news.jsonl", {"text": TEXT, "n": 1, "tags": []})
    assert list(converted(tmp_path, file, "--fields-only")[0]) == SIX


def test_columns_are_mapped_also_inside_objects(tmp_path: Path) -> None:
    row = {"key": "a", "body": {"plain": TEXT}, "meta": {"site": {"name": "Ostrel"}}, "published": 5, "text": "no"}
    file = jsonl(tmp_path / "news.jsonl", row)
    options = ["id=key", "text=body.plain", "source=meta.site.name", "published="]
    done = run(file, "-o", tmp_path / "c.parquet", *[word for option in options for word in ("--column", option)])
    assert done.exit_code == 0
    (made,) = rows_of(tmp_path / "c.parquet")
    assert (made["id"], made["text"], made["source"], made["published"]) == ("a", TEXT, "Ostrel", None)
    assert "Left out: column text: its field is taken from body.plain" in done.stderr
    assert "Left out: column published: its field is taken from nothing" in done.stderr


def test_a_dotted_name_may_be_a_name(tmp_path: Path) -> None:
    file = jsonl(tmp_path / "news.jsonl", {"body.text": TEXT, "body": {"text": "other"}})
    assert run(file, "-o", tmp_path / "c.parquet", "--column", "text=body.text").exit_code == 0
    assert rows_of(tmp_path / "c.parquet")[0]["text"] == TEXT


def test_a_mapped_name_that_is_not_there(tmp_path: Path) -> None:
    file = jsonl(tmp_path / "news.jsonl", {"body": TEXT, "headline": "x"})
    wanted = "no field 'headlin'; it is mapped to 'title'. The fields are: body, headline"
    assert refused(tmp_path, file, "--column", "title=headlin", "--column", "text=body") == wanted
    message = refused(tmp_path, file)
    assert "line 1: there is no field 'text'; --column text=NAME names another. The fields are: body, head" in message
    assert "field 'key': every article needs an id" in refused(
        tmp_path, file, "--column", "id=key", "--column", "text=body"
    )


@pytest.mark.parametrize(
    ("row", "reason", "detail"),
    [
        ('{"text": "a"', "not JSON", "is not JSON (Expecting ',' delimiter at character 14)"),
        ("nonsense", "not JSON", "is not JSON (Expecting value at character 1)"),
        ("[" * 100_000, "not JSON", "is nested too deep"),
        (f'{{"text": "a", "n": {"9" * 5000}}}', "not JSON", "a number of thousands of digits"),
        ('["text"]', "not an object", "is a list, expected an object with fields"),
        ('"text"', "not an object", "is text, expected an object with fields"),
        ("null", "not an object", "is null, expected an object with fields"),
        ('{"title": "a"}', "no text", "there is no field 'text'; --column text=NAME names another"),
        ('{"text": null}', "no text", "field 'text': there is no text"),
        ('{"text": " \\n"}', "no text", "field 'text': there is no text"),
        ('{"text": 5}', "wrong type", "field 'text': is a number, expected text"),
        ('{"text": {"a": 1}}', "wrong type", "expected text; --column text=text.NAME takes what is in it"),
        ('{"text": "a", "source": ["b"]}', "wrong type", "field 'source': is a list, expected text"),
        ('{"text": "a", "id": true}', "wrong type", "field 'id': is true or false, expected text"),
        ('{"text": "a", "id": 1.5}', "wrong type", "field 'id': is a number, expected text"),
        ('{"text": "a", "published": "soon"}', "bad date", "field 'published': is 'soon', expected a date such as"),
        ('{"text": "a", "published": 1772539200}', "wrong type", "field 'published': is a number, expected text"),
        ('{"text": "a", "published": "0001-01-01T00:00+05:00"}', "bad date", "expected a date"),
        ('{"text": "a \\ud800"}', "not UTF-8", "field 'text': is not UTF-8"),
        ('{"text": "a", "more": "\\udfff"}', "not UTF-8", "field 'more': is not UTF-8"),
        ('{"text": "a", "\\ud800": 1}', "not UTF-8", "the name of a field: is not UTF-8"),
        ('{"text": "a", "id": "x", "text": "b"}', "field twice", "field 'text' stands there twice"),
        ('{"text": "a", "more": {"of": {"it": 1, "it": 1}}}', "field twice", "field 'more.of.it' stands there twice"),
        ('{"text": "a", "id": "good"}', "duplicate id", "id 'good': an earlier article has the same"),
    ],
)
def test_a_bad_row_ends_the_work_or_is_listed(row: str, reason: str, detail: str, tmp_path: Path) -> None:
    file = jsonl(tmp_path / "news.jsonl", {"id": "good", "text": TEXT}, row, {"id": "too", "text": TEXT})
    message = refused(tmp_path, file)
    assert message.startswith(f"{file}, line 2: ")
    assert detail in message
    assert message.endswith("; --rejects FILE lists such rows and goes on")
    rows, (bad,) = with_rejects(tmp_path, file)
    assert [made["id"] for made in rows] == ["good", "too"]
    assert (bad["place"], bad["line"], bad["reason"]) == (str(file), 2, reason)
    assert detail in bad["detail"]
    assert 0 < len(bad["value"]) <= 300


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("2026-03-03", "2026-03-03T00:00:00"),
        ("2026-03-03T10:30:00Z", "2026-03-03T10:30:00"),
        ("2026-03-03 10:30:00.123456-05:00", "2026-03-03T15:30:00.123456"),
        ("Tue, 03 Mar 2026 10:30:00 +0100", "2026-03-03T09:30:00"),
        ("Tue, 03 Mar 2026 10:30:00 GMT", "2026-03-03T10:30:00"),
        (" ", None),
        (None, None),
    ],
)
def test_dates_are_utc(given: str | None, expected: str | None, tmp_path: Path) -> None:
    (row,) = converted(tmp_path, jsonl(tmp_path / "news.jsonl", {"text": TEXT, "published": given}))
    wanted = None if expected is None else datetime.fromisoformat(expected).replace(tzinfo=UTC)
    assert row["published"] == wanted


@pytest.mark.parametrize("indent", [None, 2])
def test_a_json_document(indent: int | None, tmp_path: Path) -> None:
    rows = [{"id": "a", "text": TEXT}, {"text": "Two ferries."}, 5]
    (tmp_path / "news.json").write_text(json.dumps(rows, indent=indent))
    made, (bad,) = with_rejects(tmp_path, tmp_path / "news.json")
    assert [row["id"] for row in made] == ["a", "news.json:2"]
    assert (bad["line"], bad["reason"], bad["value"]) == (3, "not an object", "5")
    (tmp_path / "news.json").write_text(json.dumps(rows[0], indent=indent))
    assert [row["id"] for row in converted(tmp_path, tmp_path / "news.json")] == ["a"]


def test_json_lines_in_a_file_json(tmp_path: Path) -> None:
    good = [{"text": TEXT}, {"text": "Two ferries."}]
    assert len(converted(tmp_path, jsonl(tmp_path / "news.json", *good))) == 2
    made, (bad,) = with_rejects(tmp_path, jsonl(tmp_path / "news.json", "nonsense", *good))
    assert [row["id"] for row in made] == ["news.json:2", "news.json:3"]
    assert bad["line"] == 1


# Further columns ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "kind", "expected"),
    [
        ([1, None, 2], pa.int64(), [1, None, 2]),
        ([1, 2.5], pa.float64(), [1.0, 2.5]),
        ([True, False], pa.bool_(), [True, False]),
        ([True, 1], pa.large_string(), ["true", "1"]),
        ([1, "a"], pa.large_string(), ["1", "a"]),
        ([2**60, 1], pa.int64(), [2**60, 1]),
        ([2**60 + 1, 0.5], pa.large_string(), [str(2**60 + 1), "0.5"]),
        ([2**70, 1], pa.large_string(), [str(2**70), "1"]),
    ],
)
def test_a_column_holds_every_value_as_it_is(
    values: list[Any], kind: pa.DataType, expected: list[Any], tmp_path: Path
) -> None:
    file = jsonl(tmp_path / "news.jsonl", *[{"text": TEXT, "x": value} for value in values])
    assert [row["x"] for row in converted(tmp_path, file)] == expected
    assert pq.read_schema(tmp_path / "corpus.parquet").field("x").type == kind


@pytest.mark.no_cover
def test_columns_that_show_late_and_change_their_kind(tmp_path: Path) -> None:
    """Three row groups and more: a column comes in the second, and becomes text in the last."""
    long = "word " * 400_000
    rows: Rows = [{"id": str(n), "text": f"{n} {long}", "x": n} for n in range(40)]
    for row in rows[20:]:
        row["late"] = row["x"] % 2 == 0
    rows[-1]["x"] = "many"
    table = converted(tmp_path, jsonl(tmp_path / "news.jsonl", *rows))
    assert [row["id"] for row in table] == [row["id"] for row in rows]
    assert [row["x"] for row in table] == [str(row["x"]) for row in rows]
    assert [row["late"] for row in table] == [row.get("late") for row in rows]
    assert pq.read_metadata(tmp_path / "corpus.parquet").num_row_groups > 2
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["corpus.parquet", "news.jsonl"]


def test_names_that_differ_from_row_to_row_are_refused(tmp_path: Path) -> None:
    file = jsonl(tmp_path / "news.jsonl", *[{"text": f"{TEXT} {n}", f"x{n}": n} for n in range(1002)])
    assert refused(tmp_path, file).startswith(
        "more than 1,000 different fields, the last 'x1000'; --fields-only leaves"
    )
    assert len(converted(tmp_path, file, "--fields-only")) == 1002


# CSV ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_csv_with_quotes_and_newlines_in_fields(delimiter: str, newline: str, tmp_path: Path) -> None:
    texts = ['He said "no", then; left\t| for home.\nA second line,\n\nand a third', TEXT]
    with (tmp_path / "news.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, delimiter=delimiter, lineterminator=newline)
        table.writerows([["id", "text", "published", "section"], ["a", texts[0], "2026-03-03", ""], []])
        table.writerow(["", texts[1], "", "coast, north"])
    one, two = converted(tmp_path, tmp_path / "news.csv")
    assert (one["id"], one["text"], one["section"]) == ("a", texts[0], None)
    assert (two["id"], two["text"], two["section"]) == ("news.csv:7", texts[1], "coast, north")
    assert one["published"] == datetime(2026, 3, 3, tzinfo=UTC)


def test_csv_with_bad_rows(tmp_path: Path) -> None:
    lines = ["id,text", "a,One ferry.", "b,Two,ferries", "c", 'd,"quoted" and not', "e,", "f,Six ferries.", 'g,"open']
    (tmp_path / "news.csv").write_text("\n".join(lines))
    rows, bad = with_rejects(tmp_path, tmp_path / "news.csv")
    assert [row["id"] for row in rows] == ["a", "f"]
    assert [(row["line"], row["reason"]) for row in bad] == [
        (3, "wrong number of fields"),
        (4, "wrong number of fields"),
        (5, "not CSV"),
        (6, "no text"),
        (8, "not CSV"),
    ]
    assert bad[0]["detail"] == "has 3 fields, the header has 2"
    (tmp_path / "short.csv").write_text(f"id,text\na,{TEXT}\nb\n")
    assert "line 3: has 1 field, the header has 2" in refused(tmp_path, tmp_path / "short.csv")
    assert refused(tmp_path, tmp_path / "news.csv").startswith(f"{tmp_path}/news.csv, line 3: has 3 fields, the header")


def test_csv_headers(tmp_path: Path) -> None:
    (tmp_path / "news.csv").write_text(f",text,text\n1,{TEXT},b\n")
    assert "line 1: two columns are named 'text'; what follows is not read" in refused(tmp_path, tmp_path / "news.csv")
    (tmp_path / "news.csv").write_text(f",text\n1,{TEXT}\n")
    assert converted(tmp_path, tmp_path / "news.csv")[0]["column_1"] == "1"
    (tmp_path / "news.tsv").write_text(f"text\n{TEXT}\n")
    assert converted(tmp_path, tmp_path / "news.tsv")[0]["text"] == TEXT


def test_a_csv_without_rows_says_so(tmp_path: Path) -> None:
    (tmp_path / "news.csv").write_text("id,text\n")
    message = f"no article was found: {tmp_path}/news.csv: no row stands below the header"
    assert refused(tmp_path, tmp_path / "news.csv") == message
    (tmp_path / "news.csv").write_bytes(b"")
    assert refused(tmp_path, tmp_path / "news.csv") == "no article was found: the file is empty"
    done = process("-", "--kind", "csv", "-o", tmp_path / "none.parquet", stdin=b"id,text\n")
    assert done.stderr == b"dedup: error: no article was found: -: no row stands below the header\n"


def test_a_field_that_stands_twice_in_an_array_is_named_with_its_item(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(f'[{{"text": "{TEXT}"}},\n{{"text": "a",\n"text": "b"}}]')
    message = refused(tmp_path, tmp_path / "a.json")
    assert message.startswith(f"{tmp_path}/a.json, line 2: field 'text' stands there twice; which is meant cannot be")
    (tmp_path / "a.json").write_text('{"text": "a",\n"text": "b"}')
    assert "line 1: field 'text' stands there twice" in refused(tmp_path, tmp_path / "a.json")
    (tmp_path / "a.json").write_text(f'{{"text": "{TEXT}", "tags": [{{"a": 1, "a": 2}}]}}')
    assert run(tmp_path / "a.json", "-o", tmp_path / "c.parquet").exit_code == 0  # lists become no columns


def test_a_long_field_is_read(tmp_path: Path) -> None:
    """Python's limit on a CSV field is 128 KB; it is as it was afterwards."""
    limit = csv.field_size_limit()
    (tmp_path / "news.csv").write_text(f'text\n"{"word " * 100_000}"\n')
    assert len(converted(tmp_path, tmp_path / "news.csv")[0]["text"]) == 500_000
    assert csv.field_size_limit() == limit


# Encodings and packing ----------------------------------------------------------------------------------------------

SAID = "Café au lait auf „Küste“"


@pytest.mark.parametrize(
    "data",
    [
        SAID.encode(),
        codecs.BOM_UTF8 + SAID.encode(),
        codecs.BOM_UTF16_LE + SAID.encode("utf-16-le"),
        codecs.BOM_UTF16_BE + SAID.encode("utf-16-be"),
    ],
)
@pytest.mark.parametrize("suffix", ["txt", "csv", "jsonl"])
def test_byte_order_marks(data: bytes, suffix: str, tmp_path: Path) -> None:
    mark = next(
        (one for one in (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) if data.startswith(one)), b""
    )
    name = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}.get(mark, "utf-8")
    said = {"txt": SAID, "csv": f"text\n{SAID}\n", "jsonl": json.dumps({"text": SAID}, ensure_ascii=False)}[suffix]
    (tmp_path / f"a.{suffix}").write_bytes(mark + said.encode(name))
    assert converted(tmp_path, tmp_path / f"a.{suffix}")[0]["text"] == SAID


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16", "gb18030", "utf-7"])
def test_other_encodings(encoding: str, tmp_path: Path) -> None:
    for name, said in (
        ("a.txt", SAID),
        ("b.csv", f"text\n{SAID}\n"),
        ("c.jsonl", json.dumps({"text": SAID}, ensure_ascii=False)),
    ):
        (tmp_path / name).write_bytes(said.encode(encoding))
        assert converted(tmp_path, tmp_path / name, "--encoding", encoding)[0]["text"] == SAID


def test_mixed_encodings_are_bad_rows(tmp_path: Path) -> None:
    bad_row = SAID.encode("cp1252")
    (tmp_path / "a.jsonl").write_bytes(b'{"text": "Good one."}\n{"text": "' + bad_row + b'"}\n{"text": "Good too."}\n')
    (tmp_path / "b.csv").write_bytes(b"text\nGood one.\n" + bad_row + b"\nGood too.\n")
    (tmp_path / "c.txt").write_bytes(bad_row)
    files = [tmp_path / name for name in ("a.jsonl", "b.csv", "c.txt")]
    rows, bad = with_rejects(tmp_path, *files)
    assert len(rows) == 4
    assert [(row["line"], row["reason"]) for row in bad] == [(2, "not UTF-8"), (3, "not UTF-8"), (0, "not UTF-8")]
    assert all("--encoding names another, such as cp1252" in row["detail"] for row in bad)


def test_what_an_encoding_does_not_have_is_a_bad_row(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"text\nGood one.\nBad \x81.\n")
    rows, (bad,) = with_rejects(tmp_path, tmp_path / "a.csv", "--encoding", "cp1252")
    assert (len(rows), bad["reason"]) == (1, "not UTF-8")
    (tmp_path / "b.csv").write_bytes("text\nGood one.\n".encode("utf-16-le") + b"\x00\xd8\x00\x00")
    message = refused(tmp_path, tmp_path / "b.csv", "--encoding", "utf-16-le")
    assert "what follows cannot be read (not utf-16-le: " in message


@pytest.mark.parametrize("name", ["nonsense", "rot13", "base64", ""])
def test_an_encoding_that_is_none(name: str, tmp_path: Path) -> None:
    done = run(tmp_path, "-o", tmp_path / "c.parquet", "--encoding", name)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == f"dedup: error: --encoding {name!r}: not an encoding of text; latin-1 or cp1252 is one\n"


def packed(data: bytes, suffix: str) -> bytes:
    return gzip.compress(data) if suffix == ".gz" else bytes(pa.compress(data, "zstd", asbytes=True))


@pytest.mark.parametrize("suffix", [".gz", ".zst"])
@pytest.mark.parametrize("name", ["a.txt", "a.csv", "a.jsonl", "a.json"])
def test_packed_files(name: str, suffix: str, tmp_path: Path) -> None:
    plain = {"a.txt": TEXT, "a.csv": f"id,text\na,{TEXT}\n"}.get(name, json.dumps({"id": "a", "text": TEXT}))
    file = tmp_path / f"{name}{suffix}"
    file.write_bytes(packed(plain.encode(), suffix))
    (row,) = converted(tmp_path, file)
    assert (row["id"], row["text"]) == ("a", TEXT)
    file.write_bytes(plain.encode())  # the suffix says it, and it is not so
    assert converted(tmp_path, file) == [row]


@pytest.mark.parametrize("suffix", [".gz", ".zst"])
def test_a_packed_file_of_parts(suffix: str, tmp_path: Path) -> None:
    parts = [json.dumps({"id": str(n), "text": TEXT}).encode() + b"\n" for n in range(3)]
    (tmp_path / f"a.jsonl{suffix}").write_bytes(b"".join(packed(part, suffix) for part in parts))
    assert len(converted(tmp_path, tmp_path / f"a.jsonl{suffix}")) == 3


@pytest.mark.parametrize("suffix", [".gz", ".zst"])
def test_a_file_that_breaks_off_keeps_what_came_before(suffix: str, tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    lines = [json.dumps({"id": str(n), "text": " ".join(prose(random, 300))}) for n in range(400)]
    data = packed("\n".join(lines).encode(), suffix)
    (tmp_path / f"a.jsonl{suffix}").write_bytes(data[: len(data) * 3 // 4])
    jsonl(tmp_path / "b.jsonl", {"id": "behind", "text": TEXT})
    assert "what follows cannot be read (Truncated compressed stream)" in refused(
        tmp_path, tmp_path / f"a.jsonl{suffix}"
    )
    rows, (bad,) = with_rejects(tmp_path, tmp_path / f"a.jsonl{suffix}", tmp_path / "b.jsonl")
    assert 200 < len(rows) <= 302
    assert [row["id"] for row in rows] == [*map(str, range(len(rows) - 1)), "behind"]
    assert (bad["reason"], bad["line"]) == ("broken file", len(rows) - 1)


@pytest.mark.no_cover
def test_a_line_that_never_ends_is_not_held(tmp_path: Path) -> None:
    line = b'{"text": "' + b"x" * LONGEST + b'"}\n'
    data = gzip.compress(line + b'{"text": "Good one."}\n', 1)
    (tmp_path / "a.jsonl.gz").write_bytes(data)
    rows, (bad,) = with_rejects(tmp_path, tmp_path / "a.jsonl.gz")
    assert [row["id"] for row in rows] == ["a.jsonl.gz:2"]
    assert (bad["line"], bad["detail"]) == (1, "is longer than 256 MB")


# Ids ----------------------------------------------------------------------------------------------------------------


@pytest.mark.no_cover
def test_duplicate_ids_over_files_and_row_groups(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        jsonl(tmp_path / f"{name}.jsonl", *[{"id": f"{name}{n}", "text": TEXT} for n in range(25_000)])
    jsonl(tmp_path / "d.jsonl", *[{"id": one, "text": TEXT} for one in ("a0", "b24999", "c7", "d", "d")])
    rows, bad = with_rejects(tmp_path, *[tmp_path / f"{name}.jsonl" for name in "abcd"])
    assert len(rows) == len({row["id"] for row in rows}) == 75_001
    assert [(Path(row["place"]).name, row["line"]) for row in bad] == [("d.jsonl", n) for n in (1, 2, 3, 5)]
    assert {row["reason"] for row in bad} == {"duplicate id"}


@given(st.lists(st.lists(st.integers(0, 30), max_size=12), max_size=8))
def test_ids_seen_are_those_of_a_set(blocks: list[list[int]]) -> None:
    from dedup.conversion import Ids  # noqa: PLC0415  (the one part that is looked at by itself)

    ids, known = Ids(), set()
    for block in blocks:
        expected = []
        for number in block:
            expected.append(number in known)
            known.add(number)
        assert ids.seen([str(number) for number in block]).tolist() == expected


@given(st.lists(any_text.filter(str.strip), min_size=1, max_size=6), st.sampled_from(["jsonl", "csv"]))
def test_any_text_comes_through(texts: list[str], suffix: str) -> None:
    import tempfile  # noqa: PLC0415

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if suffix == "jsonl":
            jsonl(folder / "a.jsonl", *[{"text": text} for text in texts])
        else:
            with (folder / "a.csv").open("w", encoding="utf-8", newline="") as file:
                csv.writer(file, quoting=csv.QUOTE_ALL).writerows([["text"], *([text] for text in texts)])
        assert [row["text"] for row in converted(folder, folder / f"a.{suffix}")] == texts


# Web pages and WARC -------------------------------------------------------------------------------------------------

STORY = (
    "The ferry Adelheid left Tamber harbour at dawn on Monday with forty passengers and a load of timber aboard. ",
    "Nobody on the quay expected that it would be back before noon, and least of all its captain, Ines Brakel. ",
    "A rope had caught the starboard propeller two miles out, she said, and the crew cut it loose by hand. ",
)


def page(title: str = "Ferry turns back", extra: str = "") -> bytes:
    body = "".join(f"<p>{line}</p>" for line in STORY)
    head = f'<title>{title}</title><meta property="article:published_time" content="2026-03-03T08:15:00+01:00">'
    head += f'<meta property="og:site_name" content="Tamber Post"><meta property="og:title" content="{title}">'
    article = f"<article><h1>{title}</h1>{body}{extra}</article>"
    return f"<!DOCTYPE html><html><head>{head}</head><body>{article}</body></html>".encode()


def test_web_pages(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.html").write_bytes(page())
    (folder / "b.htm.gz").write_bytes(gzip.compress(page("Second")))
    (folder / "c").write_bytes(page("Third"))
    rows = converted(tmp_path, folder / "a.html", folder / "b.htm.gz")
    assert [(row["id"], row["title"], row["source"]) for row in rows] == [
        ("a", "Ferry turns back", "Tamber Post"),
        ("b", "Second", "Tamber Post"),
    ]
    assert rows[0]["published"] == datetime(2026, 3, 3, 7, 15, tzinfo=UTC)
    assert "Ines Brakel" in rows[0]["text"]
    assert "<p>" not in rows[0]["text"]
    assert [row["id"] for row in converted(tmp_path, folder, "--kind", "html")] == ["a", "b", "c"]


def test_a_page_without_an_article_is_a_bad_row(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_bytes(page())
    (tmp_path / "b.html").write_text("<html><body></body></html>")
    rows, (bad,) = with_rejects(tmp_path, f"{tmp_path}/*.html")
    assert (len(rows), bad["reason"], bad["place"]) == (1, "no text", f"{tmp_path}/b.html")


def test_a_text_file_that_is_a_page_is_a_bad_row(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(page())
    assert refused(tmp_path, tmp_path / "a.txt").startswith(f"{tmp_path}/a.txt: is a web page; --kind html reads it as")
    assert converted(tmp_path, tmp_path / "a.txt", "--kind", "html")[0]["title"] == "Ferry turns back"
    assert converted(tmp_path, tmp_path / "a.txt", "--kind", "text")[0]["text"].encode() == page()


def record(name: str, data: bytes, headers: str = "", *, status: str = "200 OK", kind: str = "response") -> bytes:
    """Return one WARC record, of a page unless ``headers`` say otherwise."""
    media = "" if "Content-Type" in headers else "Content-Type: text/html; charset=utf-8\r\n"
    answer = f"HTTP/1.1 {status}\r\n{media}{headers}\r\n".encode() if kind == "response" else b""
    about = "Content-Type: application/http; msgtype=response\r\n" if answer else media + headers
    head = f"WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Record-ID: <urn:uuid:{name}>\r\n"
    head += f"WARC-Date: 2026-03-03T09:00:00Z\r\nWARC-Target-URI: https://tamber.example/{name}\r\n"
    head += f"{about}Content-Length: {len(answer) + len(data)}\r\n\r\n"
    return head.encode() + answer + data + b"\r\n\r\n"


def chunks(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n0\r\n\r\n" % (len(data), data)


@pytest.mark.parametrize("name", ["a.warc", "a.warc.gz"])
def test_warc_files(name: str, tmp_path: Path) -> None:
    records = [
        record("plain", page()),
        record("picture", b"\x89PNG", "Content-Type: image/png\r\n"),
        record("gone", page(), status="404 Not Found"),
        record("gzip", gzip.compress(page("Packed")), "Content-Encoding: gzip\r\n"),
        record("brotli", brotli.compress(page("Brotli")), "Content-Encoding: br\r\n"),
        record("both", chunks(brotli.compress(page("Both"))), "Content-Encoding: br\r\nTransfer-Encoding: chunked\r\n"),
        record("resource", page("Resource"), kind="resource"),
        record("extract", SAID.encode(), "Content-Type: text/plain\r\n", kind="conversion"),
    ]
    (tmp_path / name).write_bytes(b"".join(map(gzip.compress, records) if name.endswith(".gz") else records))
    rows = converted(tmp_path, tmp_path / name)
    assert [(row["id"], row["title"]) for row in rows] == [
        ("plain", "Ferry turns back"),
        ("gzip", "Packed"),
        ("brotli", "Brotli"),
        ("both", "Both"),
        ("resource", "Resource"),
        ("extract", None),
    ]
    assert rows[0]["url"] == "https://tamber.example/plain"
    assert (rows[-1]["text"], rows[-1]["source"]) == (SAID, "tamber.example")
    assert "records that are no pages: 2\n" in run(tmp_path / name, "-o", tmp_path / "corpus.parquet").stdout


def test_warc_files_with_bad_records(tmp_path: Path) -> None:
    records = [
        record("a", page()),
        record("b", b"no brotli", "Content-Encoding: br\r\n"),
        record("c", page(), "Content-Encoding: zstd\r\n"),
        record("d", b"\xff", "Content-Type: text/plain\r\n", kind="conversion"),
        record("e", b"<html></html>"),
        record("f", page("Last")),
    ]
    whole = b"".join(records)
    (tmp_path / "a.warc").write_bytes(whole)
    rows, bad = with_rejects(tmp_path, tmp_path / "a.warc")
    assert [row["id"] for row in rows] == ["a", "f"]
    expected = [(2, "unreadable content"), (3, "unreadable content"), (4, "not UTF-8"), (5, "no text")]
    assert [(row["line"], row["reason"]) for row in bad] == expected
    (tmp_path / "a.warc").write_bytes(whole[:-400])
    _, bad = with_rejects(tmp_path, tmp_path / "a.warc")
    assert (bad[-1]["line"], bad[-1]["reason"], bad[-1]["detail"]) == (6, "broken file", "the last record is cut short")
    (tmp_path / "a.warc").write_bytes(b"no archive\n")
    assert "line 1: what follows is no WARC record" in refused(tmp_path, tmp_path / "a.warc")


@pytest.mark.parametrize(
    ("module", "name", "needed"),
    [
        ("trafilatura", "a.html", "install trafilatura: pip install trafilatura"),
        (
            "warcio.archiveiterator",
            "a.warc",
            "reading WARC files needs warcio, which is not installed; install it with: pip install warcio",
        ),
        (
            "brotli",
            "b.warc",
            "this WARC file needs brotli, which is not installed; install it with: pip install brotli",
        ),
    ],
)
def test_a_missing_extra_is_named(module: str, name: str, needed: str, tmp_path: Path) -> None:
    archive = record("b", brotli.compress(page()), "Content-Encoding: br\r\n")
    (tmp_path / name).write_bytes(page() if name == "a.html" else archive)
    code = f"import sys; sys.modules[{module!r}] = None\n{RUN}"
    done = process(tmp_path / name, "-o", tmp_path / "c.parquet", code=code)
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.decode().startswith("dedup: error: ")
    assert needed in done.stderr.decode()
    assert [entry.name for entry in tmp_path.iterdir()] == [name]


# What is written, and what is not -----------------------------------------------------------------------------------


def test_the_summary_and_json(tmp_path: Path) -> None:
    file = jsonl(tmp_path / "news.jsonl", {"text": TEXT}, {"id": "a", "text": TEXT, "x\x1b[31m": 1}, "bad")
    options = ("-o", tmp_path / "c.parquet", "--rejects", tmp_path / "bad.jsonl")
    done = run(file, *options)
    assert done.stdout == (
        f"2 articles from 1 file written to {tmp_path}/c.parquet\n"
        "  columns: id, text, title, source, published, url, x\ufffd[31m\n"
        "  ids made from names of files: 1\n"
    )
    assert done.stderr == f"Left out: 1 bad row (1 not JSON), listed in {tmp_path}/bad.jsonl\n"
    done = run(file, *options, "--json")
    assert done.stdout.isascii()
    assert json.loads(done.stdout) == {
        "articles": 2,
        "files": 1,
        "made_ids": 1,
        "passed": 0,
        "columns": [*SIX, "x\x1b[31m"],
        "rejected": {"not JSON": 1},
        "left_out": {},
        "skipped": [],
    }


def test_where_all_rows_are_bad_they_are_listed_and_nothing_else(tmp_path: Path) -> None:
    file = jsonl(tmp_path / "news.jsonl", "bad", {"text": ""})
    done = run(file, "-o", tmp_path / "c.parquet", "--rejects", tmp_path / "bad.jsonl")
    assert done.exit_code == 1
    counted = "all rows are bad: 1 not JSON, 1 no text"
    assert (
        done.stderr
        == f"dedup: error: no article was found: {counted}; the bad rows are listed in {tmp_path}/bad.jsonl\n"
    )
    assert len((tmp_path / "bad.jsonl").read_text().splitlines()) == 2
    assert not (tmp_path / "c.parquet").exists()


def test_an_earlier_corpus_is_replaced_only_by_a_whole_one(tmp_path: Path) -> None:
    target = tmp_path / "c.parquet"
    assert run(jsonl(tmp_path / "a.jsonl", {"text": TEXT}), "-o", target).exit_code == 0
    before = target.read_bytes()
    assert run(jsonl(tmp_path / "a.jsonl", {"text": TEXT}, "bad"), "-o", target).exit_code == 1
    assert target.read_bytes() == before
    assert run(jsonl(tmp_path / "a.jsonl", {"text": TEXT}, {"text": TEXT}), "-o", target).exit_code == 0
    assert len(rows_of(target)) == 2


def test_the_same_files_give_the_same_bytes(tmp_path: Path) -> None:
    file = jsonl(tmp_path / "a.jsonl", *[{"text": f"{TEXT} {n}", f"x{n % 3}": n} for n in range(50)])
    for name in ("1.parquet", "2.parquet"):
        assert run(file, "-o", tmp_path / name).exit_code == 0
    assert (tmp_path / "1.parquet").read_bytes() == (tmp_path / "2.parquet").read_bytes()


def test_outputs_in_or_over_the_sources_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    file = jsonl(folder / "a.jsonl", {"text": TEXT})
    wrong: tuple[list[str | Path], ...] = (
        [folder, "-o", folder / "c.parquet"],
        [file, "-o", file],
        [folder, "-o", tmp_path / "c.parquet", "--rejects", folder / "bad.jsonl"],
        [tmp_path / "none.txt", "-o", tmp_path / "no" / "c.parquet"],
        [file, "-o", folder],
    )
    for arguments in wrong:
        done = run(*arguments)
        assert (done.exit_code, done.stdout) == (1, "")
        assert done.stderr.count("\n") == 1
    done = run(file, "-o", tmp_path / "c.parquet", "--rejects", tmp_path / "c.parquet")
    assert done.exit_code == 2
    assert [entry.name for entry in tmp_path.iterdir()] == ["in"]
    assert [entry.name for entry in folder.iterdir()] == ["a.jsonl"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Missing argument 'SRC...'"),
        (["corpus/"], "Missing option '-o'"),
        (["corpus/", "-o", "c.parquet", "--kind", "pdf"], "'pdf' is not one of"),
        (["corpus/", "-o", "c.parquet", "--column", "body=x"], "'body' is not a field"),
    ],
)
def test_wrong_usage(arguments: list[str], message: str) -> None:
    done = run(*arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert message in done.stderr


def test_a_needed_field_cannot_be_gone_without(tmp_path: Path) -> None:
    file = jsonl(tmp_path / "a.jsonl", {"text": TEXT})
    assert refused(tmp_path, file, "--column", "text=") == "column mapping: 'text' cannot be gone without"


def test_a_file_that_cannot_be_opened(tmp_path: Path) -> None:
    good = jsonl(tmp_path / "b.jsonl", {"text": TEXT})
    (tmp_path / "a.jsonl").symlink_to(tmp_path / "gone")
    message = refused(tmp_path, tmp_path / "a.jsonl")
    assert message.startswith(f"{tmp_path}/a.jsonl: cannot be opened (No such file or directory); --rejects FILE lists")
    rows, (bad,) = with_rejects(tmp_path, tmp_path / "a.jsonl", good)
    assert (len(rows), bad["reason"]) == (1, "broken file")


FULL_DISK = f"""
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))
{RUN}
"""


@pytest.mark.parametrize("late", [False, True])
def test_a_full_disk_is_one_line_and_leaves_nothing(late: bool, tmp_path: Path) -> None:  # noqa: FBT001
    """A limit on the size of a file stands for the full disk: the same error comes from the same calls."""
    random = np.random.default_rng(1)
    good = [{"text": " ".join(prose(random, 300))} for _ in range(200)]
    rows = ["bad " * 30] * 400 if late else good
    file = jsonl(tmp_path / "a.jsonl", *rows, *good[:1])
    (tmp_path / "out").mkdir()
    target, listed = tmp_path / "out" / "c.parquet", tmp_path / "out" / "bad.jsonl"
    done = process(file, "-o", target, "--rejects", listed, code=FULL_DISK)
    assert (done.returncode, done.stdout) == (1, b"")
    full = listed if late else target
    assert (
        done.stderr.decode() == f"dedup: error: {full}: cannot be written (File too large); nothing was changed there\n"
    )
    assert list((tmp_path / "out").iterdir()) == []


def test_an_interrupt_is_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    """The reader of a pipe waits; Ctrl-C comes when the first rows were read."""
    (tmp_path / "out").mkdir()
    target = tmp_path / "out" / "c.parquet"
    command = [sys.executable, "-c", RUN, "convert", "-", "--kind", "json", "-o", str(target)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, cwd=ROOT) as started:  # noqa: S603
        assert started.stdin is not None
        assert started.stdout is not None
        assert started.stderr is not None
        row = json.dumps({"text": TEXT}).encode() + b"\n"
        started.stdin.write(row * 30_000)  # one row group, and more than the pipe holds: some of it was read
        started.stdin.flush()
        deadline = time.monotonic() + 60
        while not any((tmp_path / "out").rglob("c.parquet.0")) and time.monotonic() < deadline:
            time.sleep(0.05)
        started.send_signal(signal.SIGINT)
        assert started.wait(60) == 130
        assert started.stdout.read() == b""
        assert started.stderr.read() == b"dedup: stopped; nothing is left half-written\n"
    assert list((tmp_path / "out").iterdir()) == []
