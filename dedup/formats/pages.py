"""Web pages → articles: the text, title, outlet, date and address of an HTML page, through trafilatura (an extra)."""

from __future__ import annotations

import codecs
import re
from datetime import UTC, datetime
from typing import Any, NamedTuple

from dedup.errors import CorpusError, MissingExtraError

_HEAD = 1024  # bytes in which a page says its encoding (HTML standard, 13.2.3.2)
_LOOKED_AT = 1 << 16  # bytes in which tags are looked for
_TAGS = 3  # closing tags from which a text without an HTML beginning is a page
# How pages begin (MIME Sniffing standard, 7.1), past comments and an XML declaration.
_BEGINNING = re.compile(
    rb"(?:\s|<!--(?>.*?-->)|<\?xml[^>]*>)*+(?:<!doctype\s+html|<(?:html|head|body|meta|title|link|script|style|article"
    rb"|main|section|header|div|table|iframe|h[1-6]|p|br|a|b|font)(?:[\s/][^<>]*)?>)",
    re.IGNORECASE | re.DOTALL,
)
_CLOSING = re.compile(rb"</(?:html|body|article|section|div|p|ul|table|h[1-6]|span|a)\s*>", re.IGNORECASE)
_CHARSET = re.compile(rb"<(?:meta|\?xml)[^>]*?(?:charset|encoding)\s*=\s*[\"']?\s*([\w-]+)", re.IGNORECASE)
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_STRAY = "dedup.stray"  # an error handler
_SEVEN_BIT = "iso2022_jp"  # is valid UTF-8, too, and means something else
# The encodings of the Encoding standard by Python's names; those that it reads as a larger one are mapped to that.
_ENCODINGS = {
    name: name
    for name in (
        *("cp866", "cp874", "cp1250", "cp1251", "cp1252", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp1258"),
        *(f"iso8859-{part}" for part in (2, 3, 4, 5, 6, 7, 8, 10, 13, 14, 15, 16)),
        *("koi8-r", "koi8-u", "mac-roman", "mac-cyrillic", "gb18030", "big5hkscs", "euc_jp", "cp932", "cp949"),
        _SEVEN_BIT,
    )
} | {
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "big5": "big5hkscs",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
}
_PUBLISHED = (
    "//meta[@property='article:published_time' or @property='og:published_time']/@content",
    "//*[@itemprop='datePublished']/@datetime | //*[@itemprop='datePublished']/@content",
    "//meta[@name='pubdate' or @name='publishdate' or @name='date' or @name='DC.date.issued']/@content",
    "//time[@pubdate]/@datetime",
)
_JSON = "//script[@type='application/ld+json']/text()"
_JSON_PUBLISHED = re.compile(r'"datePublished"\s*:\s*"([^"]{4,40})"')


class Page(NamedTuple):
    """The article of a page; what the page does not say is empty, and the date None."""

    text: str
    title: str
    source: str
    published: datetime | None
    url: str


def looks_like_html(data: bytes) -> bool:
    """Say whether a file is a web page: it begins like one, or has several closing tags of blocks near its start."""
    head = _plain(data[:_LOOKED_AT])
    return bool(_BEGINNING.match(head)) or len(_CLOSING.findall(head)) >= _TAGS


def read_page(data: bytes, place: str) -> Page:
    """Read the article of an HTML page; ``place`` names it in messages.

    The encoding is that of its byte order mark, else UTF-8 where all of it is, else the one that the page declares;
    stray bytes of Windows-1252 among UTF-8 are read as such. ``published`` is what the page declares, in UTC: a time
    without a zone is taken as UTC, a day as its midnight. Raises CorpusError where no article is found,
    MissingExtraError where trafilatura is not installed.
    """
    trafilatura = _trafilatura(place)
    tree = trafilatura.load_html(_whole(_decoded(data)))
    moment = None if tree is None else _declared_moment(tree)
    dates = {"extensive_search": False, "original_date": True}  # what the page declares; the text is not searched
    found = tree is not None and trafilatura.bare_extraction(
        tree, include_comments=False, with_metadata=True, date_extraction_params=dates
    )
    if not found or not found.text.strip():
        raise CorpusError(f"{place}: no article text is found in the HTML; save the whole page, or give its text")
    published = moment or _moment(found.date or "")
    return Page(found.text, found.title or "", found.sitename or found.hostname or "", published, found.url or "")


def _trafilatura(place: str) -> Any:
    try:
        import trafilatura  # noqa: PLC0415  (optional)
    except ModuleNotFoundError as error:
        message = f"{place}: is HTML; to read it, install trafilatura: pip install trafilatura"
        raise MissingExtraError(message) from error
    return trafilatura


def _whole(page: str) -> str:
    """Return a whole page: a bare fragment is not taken as HTML."""
    return page if "<html" in page[:_LOOKED_AT].lower() else f"<html><body><div>{page}</div></body></html>"


# Encodings --------------------------------------------------------------------------------------------------------


def _plain(data: bytes) -> bytes:
    """Return bytes in which ASCII stands for itself, without a byte order mark."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, "replace").encode()
    return data


def _decoded(data: bytes) -> str:
    data = _plain(data)
    declared = _declared_encoding(data)
    if declared != _SEVEN_BIT:
        try:
            return data.decode()
        except UnicodeDecodeError:
            pass
    return data.decode(declared, "replace") if declared else data.decode(errors=_STRAY)


def _declared_encoding(data: bytes) -> str:
    """Return what the page declares, where it is an encoding of the web and not UTF-8."""
    named = _CHARSET.search(data[:_HEAD])
    if named is None:
        return ""
    try:
        return _ENCODINGS.get(codecs.lookup(named[1].decode()).name, "")
    except LookupError:
        return ""


def _stray(error: UnicodeError) -> tuple[str, int]:
    """Read what is not UTF-8 as Windows-1252: templates of one encoding around texts of the other make such pages."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return error.object[error.start : error.end].decode("cp1252", "replace"), error.end


codecs.register_error(_STRAY, _stray)


# Dates ------------------------------------------------------------------------------------------------------------


def _declared_moment(tree: Any) -> datetime | None:
    """Return the moment of publication that the page declares first; trafilatura returns its day only."""
    named = [value for path in _PUBLISHED for value in tree.xpath(path)]
    listed = [value for script in tree.xpath(_JSON) for value in _JSON_PUBLISHED.findall(script)]
    return next((moment for moment in map(_moment, (*named, *listed)) if moment), None)


def _moment(value: str) -> datetime | None:
    try:
        made = datetime.fromisoformat(value.strip())
    except ValueError:
        return None
    return made.astimezone(UTC) if made.tzinfo else made.replace(tzinfo=UTC)


__all__ = ["Page", "looks_like_html", "read_page"]
