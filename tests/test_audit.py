"""The credit audit: what was taken from whom, the verdict on it, and how many independent origins a story has."""

from __future__ import annotations

import doctest
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from support import ROOT, corpus

import dedup
from dedup.article import ARTICLES, SPANS
from dedup.audit import AUDIT, HALF, VERDICTS, audit, by_outlet, origins

if TYPE_CHECKING:
    from pathlib import Path

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
Rows = list[dict[str, Any]]


def article(name: str, outlet: str | None, hour: int | None, shared: float = 0.0, **fields: Any) -> dict[str, Any]:
    """Make a member of the story ``s`` with 100 words, of which a part is copied, all from earlier members if dated."""
    when = None if hour is None else NOON + timedelta(hours=hour)
    made = {"id": name, "source": outlet, "published": when, "copy_id": name, "story_id": "s", "words": 100}
    shares = {"boilerplate": 0.0, "copied": shared, "reworded": 0.0, "unique": 1 - shared, "shared": shared}
    return made | shares | {"borrowed": None if hour is None else shared} | fields


def span(name: str, other: str, words: int, kind: str = "copied") -> dict[str, Any]:
    return {"id": name, "start": 0, "end": words, "kind": kind, "other_id": other, "other_start": 0, "other_end": words}


def audited(articles: Rows, spans: Rows, least: float = HALF) -> dict[str, dict[str, Any]]:
    table = audit(pa.Table.from_pylist(articles, ARTICLES), pa.Table.from_pylist(spans, SPANS), least)
    return {row["id"]: row for row in table.to_pylist()}


def pair(second: dict[str, Any], first: dict[str, Any] | None = None) -> dict[str, Any]:
    """Audit an article that shares 80 words with another one, by Wire at noon."""
    first = first or article("wire", "Wire", 0)
    return audited([first, second], [span(second["id"], first["id"], 80)])[second["id"]]


# Verdicts ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("credit", "verdict", "named"),
    [
        (None, "uncredited", False),
        ("Wire", "credited", True),
        ("Reuters", "credited", False),
        ("", "credited", False),  # agencies without a name
        ("Gazette", "uncredited", False),  # its own name credits nobody
    ],
)
def test_copying_is_credited_or_not(credit: str | None, verdict: str, named: bool) -> None:  # noqa: FBT001
    told = pair(article("a", "Gazette", 1, 0.8, credit=credit))
    assert (told["verdict"], told["credits_source"]) == (verdict, named)
    assert (told["source_id"], told["source_outlet"]) == ("wire", "Wire")
    assert told["from_others"] == pytest.approx(0.8)


def test_less_than_the_share_is_mostly_own_with_a_credit_and_own_without() -> None:
    rows = [article("w", "Wire", 0), article("a", "A", 1, 0.4, credit="Wire"), article("b", "B", 2, 0.4)]
    spans = [span("a", "w", 40), span("b", "w", 40)]
    told = audited(rows, spans)
    assert [told[name]["verdict"] for name in "wab"] == ["own", "mostly own", "own"]
    lower = audited(rows, spans, 0.4)
    assert [lower[name]["verdict"] for name in "wab"] == ["own", "credited", "uncredited"]


@pytest.mark.parametrize(("outlet", "credit"), [("bbc-top", "BBC"), ("fox-world", "Fox News"), ("BBC News", "BBC")])
def test_a_feed_that_credits_its_own_outlet_credits_nobody(outlet: str, credit: str) -> None:
    told = pair(article("a", outlet, 1, 0.8, credit=credit))
    assert (told["verdict"], told["source_outlet"]) == ("uncredited", "Wire")
    another = pair(article("a", "fox-valley-times", 1, 0.8, credit=credit))
    assert another["verdict"] == "credited"


def test_feeds_of_one_outlet_do_not_copy_from_each_other() -> None:
    told = pair(article("a", "bbc-top", 5, 0.8, credit="BBC"), article("w", "bbc-world", 0))
    assert (told["verdict"], told["from_others"], told["outlet"]) == ("own outlet", 0, "bbc-top")


def test_what_comes_from_the_own_outlet_is_no_copying() -> None:
    told = pair(article("a", "Wire", 5, 0.8))
    assert (told["verdict"], told["from_others"], told["from_own_outlet"]) == ("own outlet", 0, pytest.approx(0.8))


def test_shares_are_of_own_words() -> None:
    told = pair(article("a", "A", 1, 0.3, boilerplate=0.5, unique=0.2))
    assert (told["verdict"], told["from_others"]) == ("uncredited", pytest.approx(0.6))


def test_the_copied_part_is_told_apart() -> None:
    rows = [article("w", "Wire", 0), article("a", "A", 1, 0.2, reworded=0.4, borrowed=0.6)]
    told = audited(rows, [span("a", "w", 200), span("a", "w", 900, "reworded")])["a"]
    assert told["from_others"] == pytest.approx(0.6)
    assert told["copied_from_others"] == pytest.approx(0.2)


def test_no_more_is_reworded_from_earlier_members_than_is_borrowed() -> None:
    """A sentence names the earlier member, and needs a later one to count as reworded."""
    rows = [article("w", "Wire", 0), article("a", "A", 1, 0.2, reworded=0.4, borrowed=0.3)]
    told = audited(rows, [span("a", "w", 200), span("a", "w", 900, "reworded")])["a"]
    assert told["from_others"] == pytest.approx(0.3)


def test_an_outlet_without_a_name_goes_by_its_address() -> None:
    other = article("a", None, 1, 0.8, url="https://www.gazette.example/a")
    assert pair(other)["outlet"] == "gazette.example"
    assert pair(other)["verdict"] == "uncredited"
    again = article("wire", "", 0, url="http://gazette.example/w")
    assert pair(other, again)["verdict"] == "own outlet"


# What is not known ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("mine", "theirs"), [(None, 0), (0, None), (None, None), (0, 0)])
def test_without_an_order_in_time_nothing_is_uncredited(mine: int | None, theirs: int | None) -> None:
    first = article("wire", "Wire", theirs)
    told = pair(article("a", "A", mine, 0.8, borrowed=None), first)
    assert (told["verdict"], told["from_others"], told["undecided"]) == ("unknown", 0, pytest.approx(0.8))
    assert told["independent"] is None
    assert told["source_id"] is None


@pytest.mark.parametrize("hour", [None, 0, -1])
def test_a_credit_says_the_direction_where_times_do_not(hour: int | None) -> None:
    told = pair(article("a", "A", hour, 0.8, borrowed=0.0, credit="Wire"))
    assert (told["verdict"], told["credits_source"]) == ("credited", True)


def test_whoever_is_credited_took_nothing_from_there() -> None:
    wire = article("wire", "Wire", 0, 0.8)
    early = article("a", "A", -1, credit="Wire")
    assert audited([wire, early], [span("wire", "a", 80)])["wire"]["verdict"] == "own"


@pytest.mark.parametrize(
    ("evidence", "verdict"), [("credited", "own"), ("own credit", "own"), ("coverage", "uncredited")]
)
def test_the_origin_by_credits_is_never_accused(evidence: str, verdict: str) -> None:
    wire = article("wire", "Wire", 0, 0.8, origin_id="wire", origin_confidence=0.9, origin_evidence=evidence)
    assert audited([wire, article("a", "A", -1)], [span("wire", "a", 80)])["wire"]["verdict"] == verdict


@pytest.mark.parametrize(("mine", "theirs"), [(None, "Wire"), ("A", None), (None, None)])
def test_without_outlets_nothing_is_uncredited(mine: str | None, theirs: str | None) -> None:
    assert pair(article("a", mine, 1, 0.8), article("wire", theirs, 0))["verdict"] == "unknown"


def test_little_that_is_undecided_leaves_the_verdict() -> None:
    rows = [article("w", "Wire", None), article("a", "A", None, 0.4)]
    assert audited(rows, [span("a", "w", 40)])["a"]["verdict"] == "own"


def test_articles_outside_stories_have_no_verdict() -> None:
    table = audit(pa.Table.from_pylist([article("a", "A", 0)], ARTICLES), SPANS.empty_table())
    assert [table[name][0].as_py() for name in AUDIT.names] == [None] * len(AUDIT)
    assert audit(ARTICLES.empty_table(), SPANS.empty_table()).num_rows == 0
    assert by_outlet(table).num_rows == 0


# Independent origins -------------------------------------------------------------------------------------------------


def counted(articles: Rows, spans: Rows) -> tuple[int, int]:
    told = origins(audit(pa.Table.from_pylist(articles, ARTICLES), pa.Table.from_pylist(spans, SPANS)))
    return told.independent, told.independent_at_most


def test_ten_addresses_are_not_ten_sources() -> None:
    copies = [article(f"c{hour}", f"Outlet {hour}", hour, 0.9) for hour in range(1, 10)]
    wire, other = article("w", "Wire", 0), article("o", "Other", 3, 0.3)
    spans = [span(row["id"], "w", 90) for row in copies]
    assert counted([wire, *copies], spans) == (1, 1)
    assert counted([wire, *copies, other], [*spans, span("o", "w", 30)]) == (2, 2)


def test_what_is_not_known_is_a_range_and_a_story_has_one_origin() -> None:
    rows = [article(name, name.upper(), None, 0.9) for name in "abc"]
    spans = [span("a", "b", 90), span("b", "a", 90), span("c", "a", 90)]
    assert counted(rows, spans) == (1, 3)
    assert counted([article("w", "Wire", 0, 0.9, borrowed=0.0), article("x", "X", 1, 0.9)], [span("x", "w", 9)]) == (
        1,
        1,
    )


def test_who_was_first_and_the_origin_are_named() -> None:
    lead: dict[str, Any] = {"first_id": "a", "origin_id": "w", "origin_confidence": 0.95, "origin_evidence": "credited"}
    rows = [article("a", "A", 0, **lead), article("w", "Wire", 1, **lead)]
    told = origins(audit(pa.Table.from_pylist(rows, ARTICLES), SPANS.empty_table()))
    assert (told.first_outlet, told.origin_outlet, told.origin_evidence) == ("A", "Wire", "credited")
    assert told.verdicts == dict.fromkeys(VERDICTS, 0) | {"own": 2}
    rows = [article("a", "A", None), article("w", "Wire", None)]
    told = origins(audit(pa.Table.from_pylist(rows, ARTICLES), SPANS.empty_table()))
    assert (told.first_id, told.first_outlet, told.origin_id, told.origin_outlet) == (None, None, None, None)


# Outlets, and whole results ------------------------------------------------------------------------------------------


def test_outlets_are_counted_as_takers_and_as_sources() -> None:
    rows = [article("w", "Wire", 0), article("a", "A", 1, 0.9), article("b", "B", 2, 0.9, credit="Wire")]
    table = audit(
        pa.Table.from_pylist(rows, ARTICLES), pa.Table.from_pylist([span("a", "w", 90), span("b", "w", 90)], SPANS)
    )
    told = {row["outlet"]: row for row in by_outlet(table).to_pylist()}
    assert list(told) == ["A", "B", "Wire"]
    assert (told["Wire"]["own"], told["Wire"]["lent"], told["Wire"]["lent_uncredited"]) == (1, 2, 1)
    assert (told["A"]["uncredited"], told["B"]["credited"], told["B"]["uncredited"]) == (1, 1, 0)


def test_the_sample_corpus(sample: Path) -> None:
    result = dedup.find(str(sample))
    told = {row["id"]: row for row in audit(result.articles, result.spans).to_pylist()}
    for story in ("harbour-bridge", "ferry-fire", "coach-sacked", "power-cut"):
        assert told[f"{story}-wire"]["verdict"] == "own"
        for kind in ("copy", "trim", "local"):
            row = told[f"{story}-{kind}"]
            assert (row["verdict"], row["credits_source"], row["independent"]) == ("credited", True, False)
    assert told["harbour-bridge-heavy"]["verdict"] == "uncredited"
    assert told["sea-weather-0306"]["verdict"] == "own outlet"
    inside = [row for row in told.values() if row["verdict"] is not None]
    assert len(inside) == 89
    assert all(row["source_outlet"] == told[row["source_id"]]["outlet"] for row in inside if row["source_id"])


def test_shares_are_shares_whatever_the_corpus_and_the_order_of_its_rows() -> None:
    for seed in (1, 2):
        result = dedup.find(corpus(seed))
        told = audit(result.articles, result.spans)
        for row in told.to_pylist():
            if row["verdict"] is not None:
                assert 0 <= row["copied_from_others"] <= row["from_others"] + 1e-9 <= 1 + 2e-9
                assert row["from_others"] + row["from_own_outlet"] + row["undecided"] <= 1 + 1e-9
                assert (row["verdict"] == "uncredited") <= (row["published"] is not None)
        backwards = result.articles.take(list(range(len(result.articles)))[::-1])
        again = {row["id"]: row for row in audit(backwards, result.spans).to_pylist()}
        for row in told.to_pylist():
            for name in AUDIT.names:
                other = again[row["id"]][name]
                assert other == (pytest.approx(row[name]) if isinstance(row[name], float) else row[name])


def test_the_examples_of_the_docs_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    failed, tried = doctest.testfile(str(ROOT / "docs" / "ledger.md"), module_relative=False, encoding="utf-8")
    assert (failed, tried > 20) == (0, True)
