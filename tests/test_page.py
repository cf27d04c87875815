"""The page without a browser: what its data says of a result, what it leaves out and says so, and how large it is."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
import sys
import zlib
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import newsstand
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from support import ROOT, prose

import dedup
from dedup import cli
from dedup.article import KINDS
from dedup.report import dossiers, summary, terminal
from dedup.report.page import BUDGET, page

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result as Done

    from dedup.result import Result

_SPAN = ("start", "end", "kind", "other", "other_start", "other_end", "score")


@pytest.fixture(scope="module")
def found(sample: Path) -> Result:
    return dedup.find(sample)


def island(html: str) -> dict[str, Any]:
    (data,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', html, re.DOTALL)
    read: dict[str, Any] = json.loads(data)
    return read


def unpacked(detail: dict[str, Any]) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(zlib.decompress(base64.b64decode(detail["texts"])))
    return read


def spans(numbers: list[int]) -> list[dict[str, int]]:
    return [dict(zip(_SPAN, numbers[at : at + 7], strict=True)) for at in range(0, len(numbers), 7)]


def utf16(text: str, start: int, end: int) -> str:
    return text.encode("utf-16-le")[2 * start : 2 * end].decode("utf-16-le")


def run(*arguments: str | Path) -> Done:
    return CliRunner().invoke(cli.main, [str(argument) for argument in arguments])


# What the page says


def test_rows_are_those_of_the_result(found: Result) -> None:
    data = island(page(found).html)
    stories = data["stories"]
    rows = found.articles.to_pylist()
    assert stories["size"] == sorted(stories["size"], reverse=True)
    for at, name in enumerate(stories["id"]):
        members = [row for row in rows if row["story_id"] == name]
        words = sum(row["words"] for row in members)
        assert stories["size"][at] == len(members)
        assert stories["outlets"][at] == len({row["source"] for row in members})
        assert stories["first"][at] == min(row["published"] for row in members).timestamp()
        assert stories["last"][at] == max(row["published"] for row in members).timestamp()
        assert sum(stories["shares"][at]) == 1000
        for kind, share in zip(KINDS, stories["shares"][at], strict=True):
            assert share / 1000 == pytest.approx(sum(row[kind] * row["words"] for row in members) / words, abs=0.001)


def test_members_and_texts_are_those_of_the_corpus(found: Result, sample: Path) -> None:
    data = island(page(found).html)
    originals: dict[str, str] = {}
    for file in sample.glob("*.parquet"):
        table = pq.read_table(file)
        originals |= dict(zip(table["id"].to_pylist(), table["text"].to_pylist(), strict=True))
    articles = {row["id"]: row for row in found.articles.to_pylist()}
    ledger: dict[str, list[dict[str, Any]]] = {}
    for row in found.spans.to_pylist():
        ledger.setdefault(row["id"], []).append(row)
    assert len(data["details"]) == 16
    for detail in data["details"]:
        names = [member[0] for member in detail["members"]]
        texts = unpacked(detail)
        assert texts["of"] == list(range(len(names)))
        for place, name in enumerate(names):
            assert texts["texts"][place] == originals[name]
            assert data["outlets"][detail["members"][place][2]] == articles[name]["source"]
            told = spans(texts["spans"][place])
            wanted = ledger[name]
            assert [(span["start"], span["end"]) for span in told] == [(row["start"], row["end"]) for row in wanted]
            assert [KINDS[span["kind"]] for span in told] == [row["kind"] for row in wanted]
            for span, row in zip(told, wanted, strict=True):
                assert (names[span["other"]] if span["other"] >= 0 else None) == row["other_id"]


def test_copied_spans_hold_the_same_words_in_any_script(tmp_path: Path) -> None:
    """A browser counts UTF-16 units: letters beyond the first plane are two of them."""
    random = np.random.default_rng(3)
    report = "👍🏽 \U00020000港 ".join(prose(random, 90))
    texts = [
        f"\U0001d509\U0001d52f\U0001d51e {' '.join(prose(random, 12))} {report}",
        f"{report}\r\n{' '.join(prose(random, 30))} 🎈",
        report,
    ]
    pq.write_table(pa.table({"id": ["a", "b", "c"], "text": texts}), tmp_path / "news.parquet")
    (detail,) = island(page(dedup.find(tmp_path / "news.parquet")).html)["details"]
    told = unpacked(detail)
    copied = [(place, span) for place in range(3) for span in spans(told["spans"][place]) if span["kind"] == 0]
    assert len(copied) >= 3
    for place, span in copied:
        here = utf16(told["texts"][place], span["start"], span["end"])
        assert here == utf16(told["texts"][span["other"]], span["other_start"], span["other_end"])
        assert len(here) > 100


def test_percents_are_those_of_the_terminal(found: Result) -> None:
    """A share of 12.45 % is 12 %, also on its way over 125 thousandths."""
    data = island(page(found).html)
    told = {story.story_id: story for story in summary.summarise(found, 100).stories}
    for name, percents in zip(data["stories"]["id"], data["stories"]["percents"], strict=True):
        assert len(percents) == 5
        assert percents[0] == terminal.percent(told[name].copied)
        own = [member for group in told[name].groups for member in group.members]
        words = sum(member.words * (1 - member.boilerplate) for member in own)
        assert percents[4] == terminal.percent(sum(member.words * member.unique for member in own) / words)
    for row, detail in enumerate(data["details"]):
        story = told[data["stories"]["id"][row]]
        members = {member.id: member for group in story.groups for member in group.members}
        for listed in detail["members"]:
            one = members[listed[0]]
            shares = [one.copied, one.reworded, one.boilerplate, one.unique, one.copied + one.reworded]
            assert listed[-1] == list(map(terminal.percent, shares))
            assert listed[6] is None or f"{listed[6]:.2f}" == f"{one.score:.2f}"


def test_a_share_between_two_percents_reads_the_same_everywhere(tmp_path: Path) -> None:
    """12.46 % is 12 %; rounded to thousandths first, it would be 12.5 %, and then 13."""
    words = prose(np.random.default_rng(8), 10_000)
    texts = [" ".join(words[:5000]), " ".join(words[:623] + words[5000:9377])]
    pq.write_table(pa.table({"id": ["a", "b"], "text": texts}), tmp_path / "news.parquet")
    result = dedup.find(tmp_path / "news.parquet", dedup.Settings(excerpt=0.1, near=0.05))
    assert result.articles["copied"].to_pylist() == pytest.approx([0.1246] * 2)
    data = island(page(result).html)
    assert data["stories"]["shares"][0][0] == 125
    assert data["stories"]["percents"][0][0] == 12
    assert [listed[-1][0] for listed in data["details"][0]["members"]] == [12, 12]
    assert terminal.share(result.articles["copied"][0].as_py()) == "12 %"


def test_who_copies_whom_goes_by_the_audit(found: Result) -> None:
    data = island(page(found).html)
    outlets = {data["outlets"][row[0]]: row[1:] for row in data["table"]}
    assert outlets["Nordwire"] == [8, 8, 1.0, 1.0, 0, 40, 100, 100]
    assert sum(row[4] for row in outlets.values()) == sum(row[5] for row in outlets.values())
    assert outlets["Velmark Today"][2] < 0.3


def test_a_result_of_copies_only_is_told_as_such(sample: Path) -> None:
    made = page(dedup.find(sample, dedup.Settings(stories=False)))
    assert made.noun == ("copy group", "copy groups")
    assert '<h1 id="overview-title">14 copy groups in 148 articles</h1>' in made.html


def test_a_result_without_stories_is_a_page(tmp_path: Path) -> None:
    pq.write_table(pa.table({"id": ["a"], "text": ["One storm in the harbour."]}), tmp_path / "news.parquet")
    made = page(dedup.find(tmp_path / "news.parquet"))
    assert (made.there, made.detailed, made.compared) == (0, 0, 0)
    assert "No copies and no rewrites were found." in made.html
    pq.write_table(
        pa.table({"id": pa.array([], pa.string()), "text": pa.array([], pa.string())}), tmp_path / "no.parquet"
    )
    assert "0 stories in 0 articles" in page(dedup.find(tmp_path / "no.parquet")).html


def test_nothing_depends_on_the_clock(found: Result) -> None:
    assert page(found).html == page(found).html


# What it leaves out


@pytest.mark.no_cover
def test_a_thousand_stories_fit_into_3_mb(tmp_path: Path) -> None:
    result = newsstand.invented(tmp_path, 1000)
    made = page(result)
    assert len(made.html.encode()) <= 3_000_000
    assert (made.there, made.listed, made.detailed) == (1000, 1000, 1000)
    assert made.compared >= 500


@pytest.mark.no_cover
def test_large_stories_fit_too(tmp_path: Path) -> None:
    made = page(newsstand.invented(tmp_path, 100, members=220))
    assert len(made.html.encode()) <= 3_000_000
    data = island(made.html)
    assert 0 < made.compared <= made.detailed < made.listed == 100
    assert len(data["details"][0]["members"]) == dossiers.MEMBERS
    assert len(unpacked(data["details"][0])["of"]) == dossiers.TEXTS
    assert data["details"][0]["members"][0][0].endswith("-0")  # the origin is always among them


@pytest.mark.no_cover
def test_stories_asked_for_are_there_whatever_the_size(tmp_path: Path) -> None:
    result = newsstand.invented(tmp_path, 40, members=60)
    for asked, told in ((0, 0), (7, 7), (40, 40), (99, 40)):
        made = page(result, stories=asked)
        assert (made.listed, made.detailed, made.compared) == (40, told, told)
    large = page(newsstand.invented(tmp_path, 1500, members=4), stories=1500)
    assert len(large.html.encode()) > BUDGET


def test_a_text_is_cut_and_says_so(tmp_path: Path) -> None:
    random = np.random.default_rng(5)
    text = " ".join(prose(random, 12_000))
    pq.write_table(pa.table({"id": ["a", "b"], "text": [text, text]}), tmp_path / "news.parquet")
    told = unpacked(island(page(dedup.find(tmp_path / "news.parquet")).html)["details"][0])
    assert [len(cut) for cut in told["texts"]] == [dossiers.LONGEST] * 2
    assert told["more"] == [len(text) - dossiers.LONGEST] * 2
    assert max(span["end"] for numbers in told["spans"] for span in spans(numbers)) <= dossiers.LONGEST


# Where the texts are


def test_without_its_corpus_a_page_has_no_texts(sample: Path, tmp_path: Path) -> None:
    shutil.copytree(sample, tmp_path / "corpus")
    assert run("find", tmp_path / "corpus", "-o", tmp_path / "out").exit_code == 0
    (tmp_path / "corpus").rename(tmp_path / "moved")
    file = tmp_path / "report.html"
    done = run("report", tmp_path / "out", "--html", file)
    assert done.exit_code == 0
    assert done.stdout == f"16 stories, 16 with articles, 0 with texts: 0.1 MB written to {file}\n"
    assert re.fullmatch(r"dedup: written without texts side by side: .*corpus: .*\(--corpus\)\n", done.stderr)
    assert "There are no texts to compare" in file.read_text()
    assert str(tmp_path) not in file.read_text()
    done = run("report", tmp_path / "out", "--html", file, "--corpus", tmp_path / "moved")
    assert (done.exit_code, done.stderr) == (0, "")
    assert ", 16 with texts: 0.2 MB" in done.stdout
    assert "There are no texts to compare" not in file.read_text()


def test_a_table_in_memory_leaves_no_texts(sample: Path) -> None:
    made = page(dedup.find(pq.read_table(next(sample.glob("*.parquet")))))
    assert made.compared == 0
    assert made.missing.startswith("the result was made from a table in memory")


def test_a_corpus_that_changed_is_noticed(tmp_path: Path) -> None:
    random = np.random.default_rng(5)
    corpus, text = tmp_path / "news.parquet", " ".join(prose(random, 200))

    def write(second: str) -> None:
        pq.write_table(pa.table({"id": ["a", "b"], "text": [text, second]}), corpus)

    write(text)
    result = dedup.find(corpus)
    advice = "; run `dedup find` again, or name the corpus that the result was made from (--corpus)"
    changed = f"{corpus}: the text of 'b' changed since the result was made: "
    write(f"{text} more")
    assert page(result).missing == f"{changed}it has 201 words, and had 200{advice}"
    write(" ".join(word[:2] for word in text.split()))
    assert page(result).missing == f"{changed}it ends at character 599, and had {len(text):,} at least{advice}"
    write("")
    with pytest.raises(dedup.CorpusError, match="'b' changed since the result was made: it has 0 words, and had 200;"):
        page(result, source=str(corpus))
    pq.write_table(pa.table({"id": ["a"], "text": [text]}), corpus)
    assert page(result).missing == f"{corpus}: no article with the id 'b'{advice}"
    with pytest.raises(dedup.CorpusError, match="no article with the id 'b'"):
        page(result, source=str(corpus))


def test_texts_that_changed_are_counted(tmp_path: Path) -> None:
    text = " ".join(prose(np.random.default_rng(6), 200))
    table = pa.table({"id": ["a", "b", "c"], "text": [text] * 3})
    pq.write_table(table, tmp_path / "news.parquet")
    assert run("find", tmp_path / "news.parquet", "-o", tmp_path / "out").exit_code == 0
    pq.write_table(table.set_column(1, "text", [[f"{text} more"] * 3]), tmp_path / "news.parquet")
    done = run("report", tmp_path / "out", "--html", tmp_path / "report.html")
    assert done.exit_code == 0
    assert "the text of 'a' (and 2 more) changed since the result was made" in done.stderr
    assert done.stderr.count("\n") == 1


# Hostile text


class Tags(HTMLParser):
    """What a browser takes for markup."""

    def __init__(self) -> None:
        """Start with none."""
        super().__init__()
        self.tags: list[str] = []
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag and its attributes."""
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}


def test_hostile_text_makes_no_markup(tmp_path: Path) -> None:
    html = page(newsstand.hostile(tmp_path)).html
    parser = Tags()
    parser.feed(html)
    assert parser.tags.count("script") == 2
    assert parser.tags.count("style") == 1
    assert "img" not in parser.tags
    assert not [name for name in parser.attributes if name.startswith("on") or name == "style"]
    assert not set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\x1b\0") & set(html)
    members = island(html)["details"][0]["members"]
    assert [member[4] for member in members if member[4]] == [newsstand.ADDRESSES[3], newsstand.ADDRESSES[6]]
    assert max(len(member[1]) for member in members) <= 200


def test_the_page_refers_to_nothing_outside(found: Result) -> None:
    html = page(found).html
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', html)
    assert policy is not None
    assert "default-src 'none'" in policy[1]
    assert "unsafe" not in policy[1]
    assert not re.search(r"""(src|href)=["']?(https?:|//)""", html.split('id="data"')[0])
    assert "innerHTML" not in html
    assert "eval(" not in html


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://a.example/b?c=d&e#f", True),
        ("http://a.example", True),
        ("javascript:alert(1)", False),
        ("java\nscript:alert(1)", False),
        (" https://a.example", False),
        ("https://", False),
        ("//a.example/b", False),
        ("https://[broken", False),
        ("ftp://a.example/", False),
        ("https://a.example/" + "b" * 600, False),
        ("https://a.example/\u202eb", False),
        (None, False),
    ],
)
def test_only_addresses_of_pages_are_links(url: str | None, kept: bool) -> None:  # noqa: FBT001  (a parameter)
    assert dossiers.link(url) == (url if kept else "")


# The command


def test_report_writes_the_file_whole_or_not_at_all(sample: Path, tmp_path: Path) -> None:
    assert run("find", sample, "-o", tmp_path / "out").exit_code == 0
    for file, message in (
        (tmp_path / "out" / "r.html", "which holds the result and nothing else; name a file elsewhere"),
        (tmp_path / "none" / "r.html", "takes no new file"),
        (tmp_path, "is a folder"),
    ):
        done = run("report", tmp_path / "out", "--html", file)
        assert (done.exit_code, done.stdout) == (1, "")
        assert message in done.stderr
        assert done.stderr.count("\n") == 1
    done = run("report", tmp_path / "out", "--html", tmp_path / "r.html", "--corpus", tmp_path / "nowhere")
    assert done.exit_code == 1
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["out"]


FULL_DISK = """
import resource, sys
from dedup import cli
resource.setrlimit(resource.RLIMIT_FSIZE, (8_000, resource.RLIM_INFINITY))
cli.main(sys.argv[1:])
"""


def test_a_full_disk_is_named_with_its_file(sample: Path, tmp_path: Path) -> None:
    assert run("find", sample, "-o", tmp_path / "out").exit_code == 0
    file = tmp_path / "report.html"
    assert run("report", tmp_path / "out", "--html", file).exit_code == 0  # compiles what is not yet
    file.unlink()
    command = [sys.executable, "-c", FULL_DISK, "report", str(tmp_path / "out"), "--html", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)  # noqa: S603
    message = f"dedup: error: {file}: cannot be written (File too large); nothing was changed there\n"
    assert (done.returncode, done.stdout, done.stderr) == (1, "", message)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_report_needs_jinja(sample: Path, tmp_path: Path) -> None:
    assert run("find", sample, "-o", tmp_path / "out").exit_code == 0
    code = "import sys; sys.modules['jinja2'] = None; from dedup.cli import main; main(prog_name='dedup')"
    command = [sys.executable, "-c", code, "report", str(tmp_path / "out"), "--html", str(tmp_path / "r.html")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)  # noqa: S603
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "dedup: error: the HTML report needs Jinja2; install it with: pip install 'dedup[report]'\n"
