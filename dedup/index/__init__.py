"""A lasting index of articles: one library call inside an ingestion pipeline.

>>> from dedup import Article, Index
>>> with Index.open("news.index") as index:
...     for verdict in index.add([Article("a1", "Text of the article ...", source="Nordwire")]):
...         print(verdict.id, verdict.relation, verdict.story_id, verdict.ledger.shared)

Room by room: :mod:`~dedup.index.index` is the door; :mod:`~dedup.index.decision` says what newcomers are, with
:mod:`~dedup.index.copies` and :mod:`~dedup.index.joining`; :mod:`~dedup.index.catalog` is what is kept of an article,
and :mod:`~dedup.index.shelf` how it is kept, with :mod:`~dedup.index.segments` for keys and
:mod:`~dedup.index.textlog` for texts.
"""

from __future__ import annotations

from dedup.index.index import Index
from dedup.index.verdict import Entry, Event, Info, Match, Verdict

__all__ = ["Entry", "Event", "Index", "Info", "Match", "Verdict"]
