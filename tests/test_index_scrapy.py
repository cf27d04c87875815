"""The Scrapy pipeline, in real crawls of pages served on loopback."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("scrapy", reason="needs the extra 'scrapy'")
pytest.importorskip("lmdb", reason="needs the extra 'index'")
from scrapy.exceptions import NotConfigured
from scrapy.settings import BaseSettings

from dedup.article import Article
from dedup.errors import SettingsError
from dedup.index import Index
from dedup.scrapy import DedupPipeline

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WIRE = (
    "A grain carrier struck the lift bridge at Keldmouth on Tuesday and jammed its western span half open. "
    "Nobody was hurt, the harbour master said, and divers would look at the hull before nightfall."
)
PAGES = {
    "/wire": WIRE,
    "/copy": f"{WIRE} Our readers send us pictures.",
    "/other": "The council of Ostermund voted on Monday to close two of its five swimming pools until the autumn.",
}

SPIDER = """
import json, sys
import scrapy
from scrapy.crawler import CrawlerProcess

class Item(scrapy.Item):
    url = scrapy.Field()
    text = scrapy.Field()

class News(scrapy.Spider):
    name = "news"
    custom_settings = {"CONCURRENT_REQUESTS": 4}

    def __init__(self, root, kind):
        self.kind = kind
        self.start_urls = [root + path for path in ("/wire", "/copy", "/other")]

    def parse(self, response):
        text = response.css("p::text").get()
        if self.kind == "items":
            yield Item(url=response.url, text=text)
            return
        yield {"url": response.url, "body": text, "when": "2026-03-03"}
        yield {"picture": response.url}

settings, root, kind = json.loads(sys.argv[1]), sys.argv[2], sys.argv[3]
process = CrawlerProcess(settings)
crawler = process.create_crawler(News)
process.crawl(crawler, root=root, kind=kind)
process.start()
kept = {name: value for name, value in crawler.stats.get_stats().items() if isinstance(value, int | str)}
print("STATS", json.dumps(kept))
"""


class Page(BaseHTTPRequestHandler):
    """A page of a newspaper."""

    def do_GET(self) -> None:
        """Serve it."""
        found = self.path in PAGES
        self.send_response(200 if found else 404)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(f"<html><body><p>{PAGES.get(self.path, '')}</p></body></html>".encode())

    def log_message(self, format: str, *values: object) -> None:  # noqa: A002  (its name there)
        """Say nothing."""


@pytest.fixture(scope="module")
def root() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def crawl(
    folder: Path, root: str, kind: str = "dicts", **settings: object
) -> tuple[list[dict[str, Any]], dict[str, Any], str]:
    """Crawl the pages; return the items, the stats and the log."""
    chosen = {
        "ITEM_PIPELINES": {"dedup.scrapy.DedupPipeline": 300},
        "DEDUP_INDEX": str(folder / "news.index"),
        "DEDUP_FIELDS": {"text": "body", "published": "when"} if kind == "dicts" else {},
        "FEEDS": {str(folder / "out.jsonl"): {"format": "jsonlines", "overwrite": True}},
        "TELNETCONSOLE_ENABLED": False,
        "LOG_LEVEL": "WARNING",
        **settings,
    }
    command = [sys.executable, "-c", SPIDER, json.dumps(chosen), root, kind]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300, cwd=folder)
    stats = next(line for line in done.stdout.splitlines() if line.startswith("STATS "))
    out = folder / "out.jsonl"
    rows = [json.loads(line) for line in out.read_text().splitlines()] if out.exists() else []
    return rows, json.loads(stats.removeprefix("STATS ")), done.stderr


@pytest.mark.parametrize("reactor", ["asyncioreactor.AsyncioSelectorReactor", "selectreactor.SelectReactor"])
def test_items_get_their_verdict(reactor: str, root: str, tmp_path: Path) -> None:
    rows, stats, _ = crawl(tmp_path, root, TWISTED_REACTOR=f"twisted.internet.{reactor}")
    verdicts = {row["url"].removeprefix(root): row["dedup"] for row in rows if "url" in row}
    assert set(verdicts) == set(PAGES)
    assert verdicts["/other"]["relation"] is None
    copies = [path for path, verdict in verdicts.items() if verdict["copy_of"]]
    assert len(copies) == 1
    assert verdicts[copies[0]]["copy_of"] == root + {"/copy": "/wire", "/wire": "/copy"}[copies[0]]
    assert verdicts["/wire"]["story_id"] == verdicts["/copy"]["story_id"]
    assert sum("picture" in row for row in rows) == 3
    assert (stats["dedup/news"], stats["dedup/skipped"], stats["item_scraped_count"]) == (2, 3, 6)
    with Index.open(tmp_path / "news.index", readonly=True) as index:
        assert len(index) == 3
        entry = index.get(f"{root}/wire")
        assert (entry.source, entry.url, entry.published is not None) == ("127.0.0.1", f"{root}/wire", True)
        assert index.verify() == []


def test_copies_are_dropped(root: str, tmp_path: Path) -> None:
    rows, stats, _ = crawl(tmp_path, root, DEDUP_DROP=True, DEDUP_BATCH=1)
    assert sorted("picture" in row for row in rows) == [False, False, True, True, True]
    assert stats["item_dropped_count"] == 1
    rows, stats, log = crawl(tmp_path, root, DEDUP_DROP=["known"], DEDUP_VERDICT="verdict")
    assert (stats["dedup/known"], stats["item_dropped_count"]) == (3, 3)
    assert "is in the index with this text" in log


def test_an_item_class_needs_the_field(root: str, tmp_path: Path) -> None:
    rows, stats, log = crawl(tmp_path, root, "items")
    assert rows == []
    assert "Item has no field 'dedup': add it, or name one in DEDUP_VERDICT" in log
    assert stats["finish_reason"] == "finished"


def test_a_wrong_item_does_not_take_others_with_it(root: str, tmp_path: Path) -> None:
    """The date of every item but that of /other is none."""
    fields = {"text": "body", "published": "when", "title": "when"}
    rows, stats, log = crawl(tmp_path, root, DEDUP_FIELDS=fields | {"published": "body"})
    assert {"picture"} == {name for row in rows for name in row}
    assert "expected an ISO date" in log
    assert stats["item_scraped_count"] == 3


def test_an_index_in_use_ends_the_crawl_in_words(root: str, tmp_path: Path) -> None:
    with Index.open(tmp_path / "news.index") as index:
        index.add([Article("a", WIRE)])
        command = [sys.executable, "-c", SPIDER]
        settings = {
            "ITEM_PIPELINES": {"dedup.scrapy.DedupPipeline": 300},
            "DEDUP_INDEX": str(tmp_path / "news.index"),
            "TELNETCONSOLE_ENABLED": False,
        }
        done = subprocess.run(
            [*command, json.dumps(settings), root, "dicts"], capture_output=True, text=True, check=False, timeout=300
        )
    assert "IndexStateError: " in done.stderr
    assert "item_scraped_count" not in done.stdout


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"DEDUP_DROP": "copies"}, "DEDUP_DROP: 'copies' is none of identical, near, excerpt, rewrite, known"),
        ({"DEDUP_FIELDS": {"body": "text"}}, "DEDUP_FIELDS: 'body' is not a field; the fields are id, text"),
        ({"DEDUP_BATCH": 0}, "DEDUP_BATCH = 0: expected a whole number from 1"),
    ],
)
def test_wrong_settings_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        DedupPipeline(BaseSettings({"DEDUP_INDEX": "i", **settings}))


def test_without_an_index_it_is_not_configured() -> None:
    with pytest.raises(NotConfigured, match="DEDUP_INDEX names no index"):
        DedupPipeline(BaseSettings({}))


@pytest.mark.parametrize(
    ("value", "dropped"), [("true", 3), ("0", 0), ("near, rewrite", 2), (["known"], 1), (False, 0)]
)
def test_what_is_dropped_may_be_said_in_words(value: object, dropped: int) -> None:
    pipeline = DedupPipeline(BaseSettings({"DEDUP_INDEX": "i", "DEDUP_DROP": value}))
    assert len(pipeline.unwanted) == dropped


def test_without_scrapy_one_line_says_how_to_install_it() -> None:
    code = (
        "import sys; sys.modules['scrapy'] = None\n"
        "import dedup\n"
        "try: import dedup.scrapy\n"
        "except dedup.MissingExtraError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "scrapy is not installed; install it with: pip install 'dedup[scrapy]'\n"
