"""Pages → articles: what is read from HTML, in any encoding, and what is refused."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime

import pytest

from dedup.errors import CorpusError, MissingExtraError
from dedup.formats.pages import looks_like_html, read_page

BODY = (
    "The café on Pier Street closed its doors on Friday after forty years of trade, its owner said.",
    "“We have had enough of the winters here,” said Odile Brandt, who took it over from her father – a baker.",
    "The harbour board has not decided what will become of the building, which stands empty from Monday.",
)
ADDRESS = "https://www.harbournews.example/2026/03/cafe-closes"
NAVIGATION = "".join(f'<li><a href="/{name}">{name}</a></li>' for name in ("Home", "Sport", "Weather", "Contact us"))


def page(head: str = "", body: tuple[str, ...] = BODY) -> str:
    paragraphs = "".join(f"<p>{line}</p>\n" for line in body)
    return f"""<!DOCTYPE html>
<html lang="en"><head>{head}<title>Pier café closes - Harbour News</title>
<link rel="canonical" href="{ADDRESS}">
<meta property="og:title" content="Pier café closes after forty years">
<meta property="og:site_name" content="Harbour News"></head>
<body><nav><ul>{NAVIGATION}</ul></nav><article><h1>Pier café closes after forty years</h1>
{paragraphs}</article><footer>All rights reserved</footer></body></html>"""


def test_the_article_of_a_page_is_read_without_the_page_around_it() -> None:
    made = read_page(page('<meta property="article:published_time" content="2026-03-06T18:30:00+01:00">').encode(), "p")
    assert all(line in made.text for line in BODY)
    assert "Weather" not in made.text
    assert "All rights reserved" not in made.text
    assert made.title == "Pier café closes after forty years"
    assert made.source == "Harbour News"
    assert made.published == datetime(2026, 3, 6, 17, 30, tzinfo=UTC)
    assert made.url == ADDRESS


@pytest.mark.parametrize(
    ("head", "published"),
    [
        ('<meta itemprop="datePublished" content="2026-03-06T08:00">', datetime(2026, 3, 6, 8, tzinfo=UTC)),
        ('<meta name="date" content="2026-03-06">', datetime(2026, 3, 6, tzinfo=UTC)),
        (
            '<script type="application/ld+json">{"datePublished": "2026-03-06T08:15:00Z"}</script>',
            datetime(2026, 3, 6, 8, 15, tzinfo=UTC),
        ),
        ('<meta name="date" content="some day">', None),
        ("", None),
    ],
)
def test_the_date_is_what_the_page_declares_and_never_guessed(head: str, published: datetime | None) -> None:
    lines = (*BODY, "The first guests came on 4 May 1986, and the last on 5 March 2026.")
    assert read_page(page(head, lines).encode(), "p").published == published


@pytest.mark.parametrize(
    ("declared", "encoding"),
    [
        ("utf-8", "utf-8"),
        ("", "utf-8"),
        ("iso-8859-1", "utf-8"),  # declared wrongly: what is valid UTF-8 is UTF-8
        ("iso-8859-1", "cp1252"),  # browsers read both as Windows-1252
        ("windows-1252", "cp1252"),
        ("", "cp1252"),
        ("utf-8", "cp1252"),  # declared wrongly
        ("no-such-encoding", "cp1252"),
        ("hex", "cp1252"),  # Python's, and no encoding of text
        ("", "utf-8-sig"),
        ("utf-8", "utf-16"),
        ("utf-16", "utf-8"),
    ],
)
def test_encodings(declared: str, encoding: str) -> None:
    head = f'<meta charset="{declared}">' if declared else ""
    made = read_page(page(head).encode(encoding), "p")
    assert all(line in made.text for line in BODY)
    assert made.title == "Pier café closes after forty years"


@pytest.mark.parametrize(
    ("declared", "encoding", "line"),
    [
        ("windows-1251", "cp1251", "Совет порта ещё не решил, что станет со зданием, которое пустует с понедельника."),
        ("gb2312", "gbk", "港务局尚未决定这座从星期一起空置的建筑将作何用途，业主在星期五这样说。"),
        ("shift_jis", "cp932", "港湾局は、月曜日から空き家となる建物をどうするかまだ決めていない。"),
        ("iso-2022-jp", "iso2022_jp", "港湾局は、月曜日から空き家となる建物をどうするかまだ決めていない。"),
        ("euc-kr", "cp949", "항만청은 월요일부터 비게 될 건물을 어떻게 할지 아직 결정하지 않았다."),
    ],
)
def test_declared_encodings_of_other_scripts(declared: str, encoding: str, line: str) -> None:
    head = f'<meta http-equiv="Content-Type" content="text/html; charset={declared}">'
    plain = page(head, (line, line[::-1], line)).replace("é", "e")
    assert line in read_page(plain.encode(encoding), "p").text


def test_encodings_mixed_in_one_page() -> None:
    data = page('<meta charset="utf-8">').encode().replace("“We".encode(), "“We".encode("cp1252"))
    assert all(line in read_page(data, "p").text for line in BODY)


@pytest.mark.parametrize("data", [b"<!-- --> " * 7_000, b"<!--" * 16_000, b"<?xml " * 10_000, b"</p " * 16_000])
def test_odd_beginnings_are_looked_at_in_linear_time(data: bytes) -> None:
    assert not looks_like_html(data)


def test_a_page_of_one_wrong_byte_after_another_is_read_in_linear_time() -> None:
    data = page().encode().replace(b"</article>", b"<p>" + b"\x93x " * 300_000 + b"</p></article>")
    assert BODY[0] in read_page(data, "p").text


def test_a_fragment_is_a_page() -> None:
    assert BODY[1] in read_page("".join(f"<p>{line}</p>" for line in BODY).encode(), "p").text
    assert BODY[1] in read_page(f"<p>{' '.join(BODY)}</p>".encode(), "p").text


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b" \n",
        b"<html></html>",
        b"<!DOCTYPE html><html><head><title>Only a title</title></head><body><script>1</script></body></html>",
        b"<html><body><img src='x.png'></body></html>",
        b"\x00\x01\x02",
    ],
)
def test_a_page_without_an_article_is_refused(data: bytes) -> None:
    with pytest.raises(CorpusError, match=r"^front\.html: no article text is found in the HTML; "):
        read_page(data, "front.html")


def test_deep_and_broken_markup_is_read_or_refused() -> None:
    line = BODY[0].encode()
    for data in (b"<div>" * 5_000 + line, b"<p>" * 5_000 + line, b"<html><body><p>" + line + b"<b><i></p><table><tr>"):
        try:
            made = read_page(data, "p")
        except CorpusError:
            continue
        assert BODY[0] in made.text


def test_the_extra_is_named_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "trafilatura", None)
    with pytest.raises(MissingExtraError, match=r"^p: is HTML; to read it, .*: pip install trafilatura$"):
        read_page(page().encode(), "p")


def test_nothing_but_the_result_is_said() -> None:
    code = (
        "from dedup.formats import pages\ntry: pages.read_page(b'<html><body><b></body></html>', 'p')\n"
        "except pages.CorpusError: print('refused')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603
    assert (done.stdout, done.stderr) == ("refused\n", "")


@pytest.mark.parametrize(
    "data",
    [
        b"<!DOCTYPE html><p>x",
        b"<html>",
        b"\xef\xbb\xbf <HTML lang='en'>",
        b"<!-- saved --> <!doctype HTML>",
        b'<?xml version="1.0"?>\n<!DOCTYPE html PUBLIC "x">',
        "<html><p>x</p></html>".encode("utf-16"),
        b"<p>One.</p><p>Two.</p>",
        b"<article>x</article>",
        b"One line.<p>Two</p>\n<p>Three</p>\n<p>Four</p>",
    ],
)
def test_html_is_recognised(data: bytes) -> None:
    assert looks_like_html(data)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"The board met on Friday.",
        b"<Pier Street> is closed.",
        b"<p is the tag of a paragraph and </p> ends it, the lesson said.",
        b"2 < 3 and 4 > 3; <b or </p>",
        b"PAR1\x00\x00",
        b"\xff\xfe",
        "“Quoted” – and dashed".encode("cp1252"),
    ],
)
def test_text_is_not_taken_for_html(data: bytes) -> None:
    assert not looks_like_html(data)
