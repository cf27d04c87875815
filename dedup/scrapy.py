"""A Scrapy item pipeline: every item that is an article gets the verdict of an index.

::

    ITEM_PIPELINES = {"dedup.scrapy.DedupPipeline": 300}
    DEDUP_INDEX = "news.index"
    DEDUP_DROP = True                         # copies; or a list of: identical near excerpt rewrite known
    DEDUP_FIELDS = {"text": "body"}           # the item's own names of id, text, title, source, published, url
    DEDUP_VERDICT = "dedup"                   # the field that the verdict goes into
    DEDUP_BATCH = 100                         # items that become durable together, at most

An item is an article where it has a text, and an id or a url, which then is its id; others pass as they are. Without a
source its outlet is the host of its url. The items that wait while a batch becomes durable are the next batch: none
waits for more to come, and the crawl goes on meanwhile.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from dedup.article import FIELDS, RELATIONS, Article
from dedup.errors import CorpusError, MissingExtraError, SettingsError
from dedup.index import Index
from dedup.lines import document

try:
    from itemadapter import ItemAdapter
    from scrapy.exceptions import DropItem, NotConfigured
except ModuleNotFoundError as error:
    message = "scrapy is not installed; install it with: pip install 'dedup[scrapy]'"
    raise MissingExtraError(message) from error

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping
    from typing import Self

    from scrapy.crawler import Crawler
    from scrapy.settings import BaseSettings
    from scrapy.statscollectors import StatsCollector

    from dedup.index import Verdict

_COPIES = RELATIONS[:3]
_KNOWN = "known"
_BATCH = 100


class _Asked(NamedTuple):
    article: Article
    answer: Future[Verdict]


class DedupPipeline:
    """Adds items to an index, puts the verdict into each, and drops those that are not wanted.

    The verdict is a dict as JSON holds it: the fields of :class:`dedup.Verdict`. ``unwanted`` are the relations of
    items that are dropped.
    """

    def __init__(self, settings: BaseSettings, stats: StatsCollector | None = None) -> None:
        """Read the settings. Raises NotConfigured without DEDUP_INDEX, SettingsError where one makes no sense."""
        self._folder = settings.get("DEDUP_INDEX")
        if not self._folder:
            raise NotConfigured("DEDUP_INDEX names no index")
        self._names = _names(settings.getdict("DEDUP_FIELDS"))
        self.unwanted = _unwanted(settings.get("DEDUP_DROP", False))
        self._field = settings.get("DEDUP_VERDICT", "dedup")
        self._most = settings.getint("DEDUP_BATCH", _BATCH)
        if self._most < 1:
            raise SettingsError(f"DEDUP_BATCH = {self._most}: expected a whole number from 1")
        self._stats = stats
        self._asked: queue.SimpleQueue[_Asked | None] = queue.SimpleQueue()
        self._writer = threading.Thread(target=self._write, name="dedup", daemon=True)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Make it as Scrapy does."""
        return cls(crawler.settings, crawler.stats)

    def open_spider(self, spider: Any = None) -> None:  # noqa: ARG002  (Scrapy before 2.13 passes it)
        """Open the index, or make it. Raises IndexStateError as :meth:`dedup.Index.open`."""
        self._index = Index.open(self._folder)
        self._writer.start()

    def close_spider(self, spider: Any = None) -> None:  # noqa: ARG002
        """Add what is left and close the index."""
        self._asked.put(None)
        self._writer.join()
        self._index.close()

    async def process_item(self, item: Any, spider: Any = None) -> Any:  # noqa: ARG002
        """Return the item with its verdict. Raises DropItem for an unwanted one, CorpusError where a field is wrong."""
        fields = ItemAdapter(item)
        article = self._article(fields)
        if article is None:
            self._count("skipped")
            return item
        answer: Future[Verdict] = Future()
        self._asked.put(_Asked(article, answer))
        verdict = await _awaited(answer)
        said = _KNOWN if verdict.status == _KNOWN else verdict.relation or "news"
        self._count(said)
        if said in self.unwanted:
            raise DropItem(f"{said}: {_reason(verdict)}")
        try:
            fields[self._field] = document(verdict)
        except KeyError as error:
            kind = type(item).__name__
            raise SettingsError(f"{kind} has no field {self._field!r}: add it, or name one in DEDUP_VERDICT") from error
        return item

    def _article(self, fields: Mapping[str, Any]) -> Article | None:
        found = {name: fields.get(own) for name, own in self._names.items()}
        name, url = found["id"] or found["url"], found["url"]
        if not found["text"] or not name:
            return None
        source = found["source"] or (urlsplit(url).hostname if isinstance(url, str) else None)
        return Article(str(name), found["text"], found["title"], source, found["published"], url)

    def _count(self, what: str) -> None:
        if self._stats is not None:
            self._stats.inc_value(f"dedup/{what}")

    # In a thread of its own -------------------------------------------------------------------------------------------

    def _write(self) -> None:
        """Answer until there is nothing more to come."""
        while (first := self._asked.get()) is not None:
            batch, ended = [first], False
            while len(batch) < self._most and not ended and not self._asked.empty():
                more = self._asked.get()
                ended = more is None
                batch += [more] if more is not None else []
            self._answer([asked for asked in batch if asked.answer.set_running_or_notify_cancel()])
            if ended:
                return

    def _answer(self, batch: list[_Asked]) -> None:
        """Add a batch; where an article in it is wrong, one by one, so that the others are in."""
        try:
            verdicts = self._index.add([asked.article for asked in batch], batch=self._most)
        except BaseException as error:  # noqa: BLE001  (who waits for the answer raises it)
            if isinstance(error, CorpusError) and len(batch) > 1:
                for asked in batch:
                    self._answer([asked])
                return
            for asked in batch:
                asked.answer.set_exception(error)
        else:
            for asked, verdict in zip(batch, verdicts, strict=True):
                asked.answer.set_result(verdict)


def _names(chosen: Mapping[str, str]) -> dict[str, str]:
    unknown = [name for name in chosen if name not in FIELDS.names]
    if unknown:
        raise SettingsError(f"DEDUP_FIELDS: {unknown[0]!r} is not a field; the fields are {', '.join(FIELDS.names)}")
    return {name: chosen.get(name, name) for name in FIELDS.names}


def _unwanted(value: Any) -> frozenset[str]:
    """Return what is dropped: copies where it is true, or the relations that are listed."""
    if isinstance(value, str):
        value = {"true": True, "1": True, "false": False, "0": False, "": False}.get(value.lower(), value.split(","))
    if isinstance(value, bool | int):
        return frozenset(_COPIES if value else ())
    names = frozenset(str(name).strip() for name in value)
    unknown = sorted(names - {*RELATIONS, _KNOWN})
    if unknown:
        known = ", ".join((*RELATIONS, _KNOWN))
        raise SettingsError(f"DEDUP_DROP: {unknown[0]!r} is none of {known}; True drops copies")
    return names


def _reason(verdict: Verdict) -> str:
    if verdict.status == _KNOWN:
        return f"{verdict.id} is in the index with this text"
    return f"{verdict.id} is like {verdict.matches[0].id}"


def _awaited(answer: Future[Verdict]) -> Awaitable[Verdict]:
    """Return what a coroutine of Scrapy can wait for: a future of asyncio, or where that does not run a Deferred."""
    try:
        return asyncio.wrap_future(answer, loop=asyncio.get_running_loop())
    except RuntimeError:
        from twisted.internet import reactor  # noqa: PLC0415  (importing it installs one)
        from twisted.internet.defer import Deferred  # noqa: PLC0415

    deferred: Deferred[Verdict] = Deferred()

    def fire(done: Future[Verdict]) -> None:
        error = done.exception()
        reactor.callFromThread(*((deferred.callback, done.result()) if error is None else (deferred.errback, error)))

    answer.add_done_callback(fire)
    return deferred


__all__ = ["DedupPipeline"]
