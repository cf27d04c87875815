"""Articles by reference: files, pages, standard input and rows of a corpus, and what each wrong one is told."""

from __future__ import annotations

import io
import re
import sys
from dataclasses import FrozenInstanceError
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dedup.errors import CorpusError, MissingExtraError
from dedup.references import Article, read_article

if TYPE_CHECKING:
    from pathlib import Path

LINE = "The harbour board has not decided what will become of the building, which stands empty from Monday."
PAGE = (
    "<!DOCTYPE html><html><head><title>Empty from Monday</title>"
    '<meta property="og:site_name" content="Harbour News"></head>'
    f"<body><article><h1>Empty from Monday</h1><p>{LINE}</p><p>{LINE[::-1]}</p></article></body></html>"
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def corpus(path: Path, **columns: list[Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    made = {"id": ["a", "b"], "text": ["first text", "second text"], **columns}
    pq.write_table(pa.table(made), path)


def refusal(reference: str, columns: dict[str, str] | None = None) -> str:
    with pytest.raises(CorpusError) as caught:
        read_article(reference, columns)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# Files


def test_a_text_file_is_its_text(folder: Path) -> None:
    (folder / "a.txt").write_bytes(b"\xef\xbb\xbfone\r\ntwo \xf0\x9f\x91\x8d")
    assert read_article("a.txt") == Article("one\r\ntwo 👍", "", "", None, "", "a.txt")
    with pytest.raises(FrozenInstanceError):
        read_article("a.txt").text = ""  # type: ignore[misc]


@pytest.mark.parametrize("name", ["page.html", "PAGE.HTM", "page.txt", "page", "page#1.html"])
def test_a_page_is_known_by_its_name_or_its_content(folder: Path, name: str) -> None:
    (folder / name).write_text(PAGE)
    made = read_article(name)
    assert LINE in made.text
    assert "<p>" not in made.text
    assert (made.title, made.source, made.place) == ("Empty from Monday", "Harbour News", name)


def test_a_page_without_markup_is_read_by_its_name(folder: Path) -> None:
    (folder / "page.html").write_text(f"{LINE} &amp; more")
    assert f"{LINE} & more" in read_article("page.html").text


@pytest.mark.parametrize(("data", "title"), [(LINE.encode(), ""), (PAGE.encode(), "Empty from Monday")])
def test_standard_input(monkeypatch: pytest.MonkeyPatch, data: bytes, title: str) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
    made = read_article("-")
    assert LINE in made.text
    assert (made.title, made.place) == (title, "standard input")


def test_html_needs_its_extra(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "page.txt").write_text(PAGE)
    monkeypatch.setitem(sys.modules, "trafilatura", None)
    with pytest.raises(MissingExtraError, match=r"^page\.txt: is HTML; to read it, .*pip install trafilatura$"):
        read_article("page.txt")


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("a.txt", b"", r"a\.txt: has no text; there is nothing to compare"),
        ("a.txt", b" \r\n\t", r"a\.txt: has no text; .*"),
        ("a.html", b"", r"a\.html: has no text; .*"),
        ("a.html", b"<html><body></body></html>", r"a\.html: no article text is found in the HTML; .*"),
        (
            "my a.txt",
            "one\n“two”".encode("cp1252"),
            r"my a\.txt: byte 4 \(0x93, line 2\) is not valid UTF-8; .*: iconv -f WINDOWS-1252 -t UTF-8 'my a\.txt'",
        ),
        (
            "a.txt",
            "one".encode("utf-16"),
            r"a\.txt: byte 0 \(0x.., line 1\) is not .*: iconv -f UTF-16 -t UTF-8 a\.txt",
        ),
        ("a.txt", b"PAR1 and so on", r"a\.txt: is Parquet; name one article of a corpus: CORPUS#ID"),
        ("a.parquet", b"", r"a\.parquet: is a corpus; name one of its articles: a\.parquet#ID"),
    ],
)
def test_wrong_files(folder: Path, name: str, data: bytes, message: str) -> None:
    (folder / name).write_bytes(data)
    assert re.fullmatch(message, refusal(name))


def test_folders_and_what_is_not_there(folder: Path) -> None:
    (folder / "news").mkdir()
    assert refusal("news") == "news: is a folder; name one article of its Parquet files: news#ID"
    assert refusal("no.txt") == "no.txt: no such file; an article of a corpus is named by CORPUS#ID"
    assert refusal("x" * 5000).endswith("CORPUS#ID")
    assert refusal("https://news.example/a#b").endswith("nothing is fetched; save the page and name its file")
    assert refusal("") == ": no such file; an article of a corpus is named by CORPUS#ID"


# Rows


def test_a_row_of_a_corpus(folder: Path) -> None:
    moment = datetime(2026, 3, 2, 7, 15, tzinfo=UTC)
    corpus(
        folder / "news" / "a.parquet",
        title=["One", None],
        source=["Courier", None],
        published=[moment, None],
        url=["https://courier.example/1", None],
    )
    made = read_article("news/a.parquet#a")
    assert made == Article("first text", "One", "Courier", moment, "https://courier.example/1", "news/a.parquet#a")
    assert read_article("news#b") == Article("second text", "", "", None, "", "news#b")
    for place in ("news/", "news/*.parquet", "**/a.parquet", str(folder / "news"), f"file://{folder}/news"):
        assert read_article(f"{place}#a").text == "first text"


@pytest.mark.parametrize(
    "name", ["a#b", "#", "a/b", "https://x.example/p#top", "news/a.parquet#a", "*", " ", "é\u0301🙂"]
)
def test_an_id_may_hold_anything(folder: Path, name: str) -> None:
    corpus(folder / "news.parquet", id=["a", name])
    for place in ("news.parquet", "*.parquet", f"file://{folder}/news.parquet"):
        assert read_article(f"{place}#{name}").text == "second text"


def test_the_longest_prefix_that_exists_is_the_corpus(folder: Path) -> None:
    corpus(folder / "news", id=["a#b", "b"], text=["of news", "not this"])
    assert read_article("news#a#b").text == "of news"
    corpus(folder / "news#a", id=["b", "c"], text=["of news#a", "not this"])
    assert read_article("news#a#b").text == "of news#a"
    assert read_article(f"file://{folder}/news#a#b").text == "of news"
    assert read_article(f"file://{folder}/news%23a#b").text == "of news#a"
    (folder / "news#a#b").write_text("a file")
    assert read_article("news#a#b").text == "a file"


def test_columns_are_mapped(folder: Path) -> None:
    pq.write_table(pa.table({"key": ["a"], "body": ["the text"], "paper": ["Courier"]}), folder / "news.parquet")
    made = read_article("news.parquet#a", {"id": "key", "text": "body", "source": "paper"})
    assert (made.text, made.source) == ("the text", "Courier")
    assert "'text'" in refusal("news.parquet#a", {"id": "key"})


def test_an_id_that_is_not_there_is_told_the_like(folder: Path) -> None:
    corpus(folder / "news.parquet", id=["ferry-fire-wire", "museum-theft"])
    place = "news.parquet: no article has the id"
    assert refusal("news.parquet#ferry-fir-wire") == (
        f"{place} 'ferry-fir-wire' (of 2 ids); did you mean 'ferry-fire-wire'?"
    )
    assert refusal("news.parquet#zzz") == f"{place} 'zzz' (of 2 ids)"
    corpus(folder / "large.parquet", id=[f"article-{n:05}" for n in range(20_000)], text=["text"] * 20_000)
    assert refusal("large.parquet#article-12345x").startswith(
        "large.parquet: no article has the id 'article-12345x' (of 20,000 ids); did you mean 'article-12345' or "
    )


def test_wrong_corpora(folder: Path) -> None:
    (folder / "empty").mkdir()
    (folder / "notes.txt").write_text("no corpus")
    corpus(folder / "news.parquet", id=["a", "a"])
    corpus(folder / "blank.parquet", text=["", None])
    assert refusal("empty#a") == "empty: the folder holds no .parquet file"
    assert refusal("no/such#a") == "no/such: no such file or folder"
    assert refusal("no#such#a") == "no: no such file or folder"
    assert refusal("x*#a") == "x*: no file matches"
    assert refusal("notes.txt#a").startswith("notes.txt: not a readable Parquet file")
    assert refusal("news.parquet#") == ("news.parquet: no id stands behind the #; name one article: news.parquet#ID")
    assert refusal("news.parquet#a") == "news.parquet: 2 articles have the id 'a'; which is meant cannot be told"
    for name in "ab":
        assert refusal(f"blank.parquet#{name}") == f"blank.parquet#{name}: has no text; there is nothing to compare"
    assert "is not valid UTF-8" in refusal("news.parquet#a\udcff")
    assert "cannot be opened" in refusal("nowhere://bucket/news#a")
