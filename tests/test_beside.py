"""Two articles beside each other: rows, marks and widths, and the verb that prints them."""

from __future__ import annotations

import io
import itertools
import json
import re
import time
import unicodedata
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console
from support import any_text, sentences

from dedup import cli
from dedup.comparison import compare
from dedup.references import Article, read_article
from dedup.report import beside, terminal
from dedup.settings import Settings
from dedup.version import VERSION

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result
    from rich.text import Text

FIRE = "The ferry Northern Swallow caught fire off the harbour of Ellersund on Tuesday with forty passengers aboard."
LIFTED = "Rescuers lifted every passenger from the burning deck within two hours."
ENGINE = "The fire began in the engine room, the coastguard commander Ingrid Halvorsen said."
HOUSE = "© 2026 Example Press."
OWN = "Bakers in Lowen Reach have meanwhile run out of rye."
QUOTED = "Ingrid Halvorsen of the coastguard told reporters the fire began in the engine room, she believes."


def article(text: str, title: str = "", place: str = "a.txt") -> Article:
    return Article(text, title, "", None, "", place)


def lines(left: str, right: str, width: int, *, texts: bool = True) -> list[Text]:
    told = compare(left, right)
    return list(beside.beside(told, article(left), article(right), width, texts=texts))


def plain(left: str, right: str, width: int) -> str:
    return "".join(f"{line.plain}\n" for line in lines(left, right, width))


def numbers(left: str, right: str) -> list[tuple[int, int]]:
    listed = beside.rows(compare(left, right), left, right)
    return [(row.left.number if row.left else 0, row.right.number if row.right else 0) for row in listed]


# Rows


def test_sentences_that_belong_together_stand_level() -> None:
    assert numbers(f"{FIRE} {LIFTED} {ENGINE}", f"{OWN} {FIRE} {OWN} {ENGINE}") == [
        (0, 1),
        (1, 2),
        (2, 0),
        (0, 3),
        (3, 4),
    ]


def test_a_sentence_that_moved_says_where_its_counterpart_is() -> None:
    left, right = f"{LIFTED} {FIRE} {ENGINE}", f"{FIRE} {ENGINE} {LIFTED}"
    assert numbers(left, right) == [(1, 0), (2, 1), (3, 2), (0, 3)]
    page = plain(left, right, 60)
    assert re.search(r"A 1 = Rescuers lifted .*\n.* → B3\n", page)
    assert re.search(r"B 3 = Rescuers lifted .*\n.* → A1\n", page)
    assert page.count("→") == 3


@given(st.one_of(any_text, sentences), st.one_of(any_text, sentences))
def test_every_sentence_stands_in_one_row_in_order(left: str, right: str) -> None:
    told = compare(left, right)
    listed = beside.rows(told, left, right)
    for side, ledger, text in ((0, told.left, left), (1, told.right, right)):
        held = [row[side] for row in listed if row[side] is not None]
        assert [sentence.number for sentence in held if sentence] == list(range(1, len(ledger.sentences) + 1))
        for sentence, (start, end) in zip(held, ledger.sentences, strict=True):
            assert sentence is not None
            assert "".join(piece.text for piece in sentence.pieces) == text[start:end]
            assert all(one.kind != two.kind for one, two in itertools.pairwise(sentence.pieces))
            assert sentence.kind in {piece.kind for piece in sentence.pieces}
    assert all(row.left or row.right for row in listed)


def test_identical_texts_stand_level_throughout() -> None:
    text = f"{FIRE} {LIFTED}\n\n{ENGINE} {OWN} {HOUSE}"
    assert numbers(text, text) == [(1, 1), (2, 2), (3, 3), (4, 4), (5, 0), (0, 5)]  # boilerplate is not aligned
    assert plain(text, text, 120).count("→") == 1  # in the legend


# Marks and colours


def test_every_kind_has_a_mark_and_a_style() -> None:
    left = f"{ENGINE} {HOUSE} {OWN} {FIRE}"
    page = plain(left, f"{QUOTED} {FIRE}", 120)
    assert re.search(r"^2 # © 2026 Example Press\. +│$", page, re.MULTILINE)
    assert re.search(r"^3 \+ Bakers in Lowen Reach", page, re.MULTILINE)
    assert re.search(r"│ 2 = The ferry Northern Swallow", page)
    assert "[= the fire began in the engine" in page
    assert "= copied   ~ reworded   # boilerplate   + unique\n" in page
    styles = {str(span.style) for line in lines(left, f"{QUOTED} {FIRE}", 120) for span in line.spans}
    assert {"green", "yellow", "dim"} <= styles


def test_marks_between_words_stay_with_their_words() -> None:
    page = plain(f"“{ENGINE[:-1]},” (so she said) to those on the quay that evening.", ENGINE, 200)
    assert "said,” [+ (so she said) to those" in page


def test_colour_on_a_terminal_and_none_when_piped() -> None:
    for colour in (True, False):
        to = io.StringIO()
        console = Console(file=to, width=100, force_terminal=colour, color_system="standard" if colour else None)
        terminal.show(lines(f"{FIRE} {OWN}", FIRE, 100), console)
        assert ("\x1b[32m" in to.getvalue()) == colour
        assert ("\x1b" in to.getvalue()) == colour


# Widths


@pytest.mark.parametrize("width", [20, 60, 89, 90, 100, 140, 300])
def test_lines_fit_the_width(width: int) -> None:
    left = f"{FIRE} {ENGINE} 港で橋が壊れた。朝の港に多くの人が集まり、船の火事を見ていた。 {'x' * 400} {'橋' * 200}"
    for line in lines(left, f"{QUOTED} {OWN} {left}", width):
        assert cell_len(line.plain) <= width


def test_two_columns_from_90_columns_on() -> None:
    assert "│" not in plain(FIRE, ENGINE, beside.SIDE_BY_SIDE - 1)
    wide = plain(f"{FIRE} {LIFTED}", f"{LIFTED} {OWN}", beside.SIDE_BY_SIDE).splitlines()
    bars = {line.index("│") for line in wide if "│" in line}
    assert bars == {44}
    assert not any(line.endswith(" ") for line in wide)


@given(st.one_of(any_text, sentences), st.sampled_from([12, 60, 100]))
def test_nothing_of_a_text_can_control_the_terminal(text: str, width: int) -> None:
    for line in lines(text, f"{text} \x1b[2J \u202eturned [bold]markup[/bold] \x9b", width):
        assert all(unicodedata.category(one) not in {"Cc", "Cs", "Zl", "Zp"} for one in line.plain)
        assert "\u202e" not in line.plain


def test_a_title_and_a_place_are_harmless() -> None:
    told = compare(FIRE, OWN)
    hostile = article(FIRE, "\x1b[31mRed [bold]\u202e", "a\x1b\n.txt")
    page = "\n".join(line.plain for line in beside.beside(told, hostile, article(OWN), 100, texts=False))
    assert "[bold]" in page
    assert "\x1b" not in page
    assert "\u202e" not in page


def test_a_text_without_words_has_no_shares() -> None:
    page = plain("...", FIRE, 100)
    assert re.search(r"^A +0 +- +- +- +-$", page, re.MULTILINE)
    assert "= copied" not in plain("...", "--", 100)


@pytest.mark.no_cover
def test_a_paragraph_of_200000_words_is_laid_out_in_seconds() -> None:
    text = " ".join(itertools.islice(itertools.cycle(f"{FIRE} {ENGINE}".replace(".", "").split()), 200_000))
    other = " ".join(itertools.islice(itertools.cycle(f"{QUOTED} {FIRE}".replace(".", "").split()), 200_000))
    started = time.process_time()
    assert len(lines(text, other, 120)) > 20_000
    assert time.process_time() - started < 30  # 3 s on one core of 2026


# The verb


def run(*arguments: str | Path, stdin: bytes | None = None) -> Result:
    return CliRunner().invoke(cli.main, ["compare", *map(str, arguments)], input=stdin)


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    one, two = tmp_path / "one.txt", tmp_path / "two.txt"
    one.write_text(f"{FIRE} {ENGINE} {HOUSE}")
    two.write_text(f"{OWN} {FIRE}")
    return one, two


def test_articles_of_the_sample_corpus(sample: Path) -> None:
    done = run(f"{sample}/#harbour-bridge-wire", f"{sample}/news.parquet#harbour-bridge-local")
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.startswith("A  Grain carrier hits Keldmouth lift bridge, road link to terminal cut\n")
    assert "   Nordwire · 3 Mar 2026 07:15 UTC · " in done.stdout
    assert re.search(r"^ 1 = KELDMOUTH.* │  3 = KELDMOUTH", done.stdout, re.MULTILINE)
    assert "\x1b" not in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 120


def test_shares_only(files: tuple[Path, Path]) -> None:
    done = run(*files, "--no-text")
    assert re.search(r"^A +\d+ +\d+ % +\d+ % +\d+ % +\d+ %$", done.stdout, re.MULTILINE)
    assert "resemblance 0." in done.stdout
    assert FIRE[:20] not in done.stdout


def test_json_is_one_object(files: tuple[Path, Path]) -> None:
    told = json.loads(run(*files, "--json").stdout)
    assert list(told) == ["version", "settings", "left", "right", "comparison"]
    assert (told["version"], told["settings"]) == (VERSION, Settings().recorded())
    left = read_article(str(files[0]))
    assert told["left"] == {
        "text": left.text,
        "title": "",
        "source": "",
        "published": None,
        "url": "",
        "place": str(files[0]),
    }
    ledger = told["comparison"]["left"]
    copied = next(span for span in ledger["spans"] if span["kind"] == "copied")
    assert left.text[copied["start"] : copied["end"]] == FIRE[:-1]
    assert told["right"]["text"][copied["other_start"] : copied["other_end"]] == FIRE[:-1]
    assert told["comparison"]["aligned"][0]["kind"] == "copied"
    short = json.loads(run(*files, "--json", "--no-text").stdout)
    assert list(short["comparison"]["left"]) == ["words", "boilerplate", "copied", "reworded", "unique"]
    assert "text" not in short["left"]
    assert "aligned" not in short["comparison"]


def test_dates_in_json(sample: Path) -> None:
    told = json.loads(run(f"{sample}/#harbour-bridge-wire", f"{sample}/#harbour-bridge-copy", "--json").stdout)
    assert told["left"]["published"] == "2026-03-03T07:15:00+00:00"


def test_settings_reach_the_library(files: tuple[Path, Path]) -> None:
    kept = json.loads(run(*files, "--json", "--keep-boilerplate", "--set", "shingle=64").stdout)
    assert (kept["settings"]["boilerplate"], kept["settings"]["shingle"]) == (False, 64)
    assert kept["comparison"]["left"]["boilerplate"] == 0
    assert json.loads(run(*files, "--json").stdout)["comparison"]["left"]["boilerplate"] > 0


def test_both_sides_may_be_the_same_file(files: tuple[Path, Path]) -> None:
    told = json.loads(run(files[0], files[0], "--json", "--keep-boilerplate").stdout)["comparison"]
    assert told["left"]["copied"] == told["right"]["copied"] == told["resemblance"] == 1


def test_standard_input_on_one_side(files: tuple[Path, Path]) -> None:
    done = run("-", files[1], "--json", stdin=FIRE.encode())
    told = json.loads(done.stdout)
    assert (told["left"]["place"], told["comparison"]["left"]["copied"]) == ("standard input", 1)


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["no/such.txt", "one.txt"], 1, "no/such.txt: no such file; "),
        (["one.txt", "{sample}/#harbour-bridge-wirr"], 1, "did you mean 'harbour-bridge-wire'"),
        (["-", "-"], 2, "both standard input"),
        (["one.txt"], 2, "Missing argument 'B'"),
        (["one.txt", "two.txt", "--set", "shingle=0"], 2, "setting shingle = 0: expected a whole number"),
        (["one.txt", "two.txt", "--column", "body=text"], 2, "'body' is not a field"),
        (["one.txt", "two.txt", "--near", "0.5"], 2, "No such option"),
        (["one.txt", "two.txt", "--background", "no.parquet"], 2, "no.parquet: background cannot be read"),
    ],
)
def test_wrong_input(
    arguments: list[str],
    status: int,
    message: str,
    sample: Path,
    files: tuple[Path, Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(files[0].parent)
    done = run(*(argument.replace("{sample}", str(sample)) for argument in arguments))
    assert (done.exit_code, done.stdout) == (status, "")
    assert message in done.stderr
