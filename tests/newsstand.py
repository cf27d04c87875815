"""Results to look at, for the tests of the page: many invented stories, and one whose text is hostile."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from support import prose

import dedup
from dedup.article import ARTICLES, MATCHES, SPANS
from dedup.result import Result
from dedup.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

_BEGUN = datetime(2026, 1, 1, tzinfo=UTC)
_WORDS = 400  # of an article, of which it has
_OWN = 100
_OUTLETS = 200


def invented(folder: Path, stories: int, members: int = 3) -> Result:
    """Return a result with so many stories of so many articles of 2.4 KB: a report, and what copies most of it.

    The corpus is written into the folder; the ledgers are true of it.
    """
    random = np.random.default_rng(stories)
    articles: list[dict[str, Any]] = []
    spans: list[dict[str, Any]] = []
    matches: list[dict[str, Any]] = []
    texts: list[str] = []
    for story in range(stories):
        report = " ".join(prose(random, _WORDS - _OWN))
        names = [f"story-{story:05}-{member}" for member in range(members)]
        for member, name in enumerate(names):
            own = " ".join(prose(random, _OWN))
            texts.append(f"{report} {own}")
            articles.append(_article(random, names, member, story))
            other = names[0 if member else 1]
            place = {"other_id": other, "other_start": 0, "other_end": len(report), "score": 1.0}
            spans.append({"id": name, "start": 0, "end": len(report), "kind": "copied", **place})
            spans.append({"id": name, "start": len(report) + 1, "end": len(texts[-1]), "kind": "unique"})
        near = {"relation": "near", "resemblance": 0.8}
        scores = {"containment_left_in_right": 0.9, "containment_right_in_left": 0.9}
        matches += [{"left": names[0], "right": name, **near, **scores} for name in names[1:]]
    corpus = pa.table({"id": [article["id"] for article in articles], "text": texts})
    pq.write_table(corpus, folder / "corpus.parquet")
    counters = {"empty": 0, "no_title": 0, "no_source": 0, "no_published": 0}
    where = {"source": str(folder / "corpus.parquet"), "columns": {"id": "id", "text": "text"}}
    return Result(
        pa.Table.from_pylist(articles, ARTICLES),
        pa.Table.from_pylist(matches, MATCHES),
        pa.Table.from_pylist(spans, SPANS),
        Settings().recorded(),
        counters,
        where,
    )


def _article(random: np.random.Generator, names: list[str], member: int, story: int) -> dict[str, Any]:
    copied = 1 - _OWN / _WORDS
    begun = _BEGUN + timedelta(minutes=7 * story)
    return {
        "id": names[member],
        "title": " ".join(prose(random, 9)).capitalize(),
        "source": f"Outlet {(story * 7 + member) % _OUTLETS}",
        "published": begun + timedelta(minutes=int(random.integers(5, 90)) * member),
        "url": f"https://outlet-{member}.example/2026/{names[member]}",
        "copy_id": names[0],
        "story_id": names[0],
        "relation": "near" if member else None,
        "witness_id": names[0] if member else None,
        "score": 0.8 if member else None,
        "words": _WORDS,
        "boilerplate": 0.0,
        "copied": copied,
        "reworded": 0.0,
        "unique": 1 - copied,
        "shared": copied,
        "borrowed": copied if member else 0.0,
        "role": "extended" if member else "original",
        "first_id": names[0],
        "origin_id": names[0],
        "origin_confidence": 0.7,
        "origin_evidence": "coverage",
    }


ATTACKS = (
    "<script>window.owned = 1</script>",
    "</script><script>window.owned = 2</script><!--<script>",
    '"><img src=x onerror="window.owned = 3">',
    "' onmouseover='window.owned = 4' autofocus onfocus='window.owned = 5",
    "<svg onload=window.owned=6><style>*{display:none}</style>",
    "{{ 7 * 7 }} {% for x in () %} {# gone #} ${7*7}",
    "\u202egpj.exe\u202c \u2066turned\u2069 \x00\x1b[31mred\x07",
    "%3Cscript%3E &lt;b&gt; &amp;amp; \u2028 \u2029 \\u003cscript\\u003e",
)
ADDRESSES = (
    "javascript:window.owned=7//https://safe.example/",
    "JaVaScRiPt:window.owned=8",
    "data:text/html,<script>window.owned=9</script>",
    'https://safe.example/"onmouseover="window.owned=10',
    " javascript:window.owned=11",
    "https://safe.example/\u202egpj",
    "https://safe.example/page?a=1&b=<2>",
    "vbscript:window.owned=12",
)


def hostile(folder: Path) -> Result:
    """Return the result of a corpus whose ids, titles, texts, outlets and addresses all try to be more than text."""
    random = np.random.default_rng(7)
    report = " ".join(prose(random, 160))
    count = len(ATTACKS)
    table = pa.table(
        {
            "id": [f"{attack[:30]} {number}".replace("\0", "") for number, attack in enumerate(ATTACKS)],
            "text": [f"{attack}\n{report} {attack} {' '.join(prose(random, 20))}" for attack in ATTACKS],
            "title": [*ATTACKS[:-1], "long " * 2000],
            "source": [f"{attack} outlet {number}" for number, attack in enumerate(ATTACKS)],
            "published": [_BEGUN + timedelta(minutes=number) for number in range(count)],
            "url": ADDRESSES,
        }
    )
    pq.write_table(table, folder / "hostile.parquet")
    return dedup.find(folder / "hostile.parquet")
