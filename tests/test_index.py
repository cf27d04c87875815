"""The index gives what `find` gives, however its articles come, and keeps its books straight."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
from support import ROOT

from dedup.article import FIELDS, Article
from dedup.corpus import open_corpus
from dedup.errors import CorpusError, IndexStateError
from dedup.pipeline import find
from dedup.result import Result
from dedup.settings import Settings

pytest.importorskip("lmdb", reason="needs the extra 'index'")
from dedup.index import Index, joining

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path


SETTINGS = Settings(workers=1)
COPIES = replace(SETTINGS, stories=False)


def table(source: str | Path) -> pa.Table:
    """Read a corpus as the index takes it, in order of time."""
    corpus = open_corpus(source)
    batches = [batch for piece in range(len(corpus.pieces)) for _, batch in corpus.read(piece, FIELDS.names)]
    return pa.Table.from_batches(batches).sort_by([("published", "ascending"), ("id", "ascending")])


@pytest.fixture(scope="module")
def news() -> pa.Table:
    return table(ROOT / "corpus")


@pytest.fixture(scope="module")
def found(news: pa.Table) -> Result:
    return find(news, SETTINGS)


@pytest.fixture(scope="module")
def filled(news: pa.Table, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("filled") / "news.index"
    with Index.open(folder, SETTINGS) as index:
        index.learn(news)
        index.add(news, batch=20)
    return folder


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    with Index.open(tmp_path / "news.index", SETTINGS) as opened:
        yield opened


def groups(result: Result, column: str) -> set[frozenset[str]]:
    """Return the groups of a column as sets of ids."""
    members = defaultdict(set)
    for id_, group in zip(result.articles["id"].to_pylist(), result.articles[column].to_pylist(), strict=True):
        members[group].add(id_)
    return {frozenset(group) for group in members.values()}


def agreement(one: Result, two: Result) -> float:
    """Return the B-cubed F1 of the stories of two results."""
    sides = [
        dict(zip(each.articles["id"].to_pylist(), each.articles["story_id"].to_pylist(), strict=True))
        for each in (one, two)
    ]
    clusters: list[defaultdict[str, set[str]]] = [defaultdict(set), defaultdict(set)]
    for side, members in zip(sides, clusters, strict=True):
        for id_, story in side.items():
            members[story].add(id_)
    shares = []
    for first, second in ((0, 1), (1, 0)):
        parts = []
        for id_ in sides[0]:
            here, there = clusters[first][sides[first][id_]], clusters[second][sides[second][id_]]
            parts.append(len(here & there) / len(here))
        shares.append(sum(parts) / len(parts))
    return 2 * shares[0] * shares[1] / sum(shares)


def article(id_: str, text: str, **fields: object) -> Article:
    """Return an article of today unless told otherwise."""
    return Article(id_, text, **{"published": datetime(2026, 3, 1, tzinfo=UTC), **fields})  # type: ignore[arg-type]


def words(start: int, count: int) -> str:
    """Return a text of words that no other start has."""
    return " ".join(f"word{start + number}x" for number in range(count)) + "."


# The same as find -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("batch", [1, 7, 1000])
def test_copy_groups_are_those_of_find(batch: int, news: pa.Table, tmp_path: Path) -> None:
    with Index.open(tmp_path / "i", COPIES) as index:
        index.learn(news)
        index.add(news, batch=batch)
        assert groups(index.result(), "copy_id") == groups(find(news, COPIES), "copy_id")


@pytest.mark.proof
def test_copy_groups_of_thirty_thousand_articles_are_those_of_find(tmp_path: Path) -> None:
    """Reuters-21578, filler and the wire stories, in order of time; no cap is hit."""
    parts = []
    for name in ("haystack", "reuters21578", "wire_dev"):
        source = ROOT.parent / "shared" / "data" / f"{name}.parquet"
        if not source.exists():
            pytest.skip(f"needs {name}.parquet in ../shared/data")
        part = table(source)
        ids = pa.array([f"{name} {id_}" for id_ in part["id"].to_pylist()], pa.large_string())
        parts.append(part.set_column(0, part.schema.field(0), ids))
    articles = pa.concat_tables(parts).sort_by([("published", "ascending"), ("id", "ascending")]).combine_chunks()
    settings = replace(COPIES, cap=1000, compared=255)
    with Index.open(tmp_path / "i", settings) as index:
        index.learn(articles)
        for _ in index.stream(articles, ledgers=False):
            pass
        assert groups(index.result(), "copy_id") == groups(find(articles, settings), "copy_id")


def test_copy_groups_do_not_depend_on_the_order(news: pa.Table, tmp_path: Path) -> None:
    backwards = news.take(pa.array(range(len(news) - 1, -1, -1)))
    with Index.open(tmp_path / "i", COPIES) as index:
        index.learn(news)
        index.add(backwards, batch=11)
        assert groups(index.result(), "copy_id") == groups(find(news, COPIES), "copy_id")


@pytest.mark.parametrize("batch", [1, 50, 1000])
def test_stories_are_those_of_find(batch: int, news: pa.Table, found: Result, tmp_path: Path) -> None:
    with Index.open(tmp_path / "i", SETTINGS) as index:
        index.learn(news)
        index.add(news, batch=batch)
        assert agreement(index.result(), found) >= 0.97  # 0.98 is asked for, and held, on the labelled sets


@pytest.mark.parametrize(
    ("name", "batch"), [("wire_dev", 1), ("wire_dev", 1000), ("news2025_dev", 20), ("news2025_dev", 1000)]
)
def test_stories_are_those_of_find_on_labelled_sets(name: str, batch: int, tmp_path: Path) -> None:
    source = ROOT.parent / "shared" / "data" / f"{name}.parquet"
    if not source.exists():
        pytest.skip(f"needs {name}.parquet in ../shared/data")
    articles = table(source)
    with Index.open(tmp_path / "i", SETTINGS) as index:
        index.learn(articles)
        index.add(articles, batch=batch)
        assert agreement(index.result(), find(articles, SETTINGS)) >= 0.98


def test_pairs_that_are_not_judged_again_are_counted(
    news: pa.Table, found: Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Index.open(tmp_path / "all", SETTINGS) as index:
        index.learn(news)
        index.add(news, batch=1)
        assert index.info().capped == 0
    monkeypatch.setattr(joining, "AGAIN", 3)
    with Index.open(tmp_path / "some", SETTINGS) as index:
        index.learn(news)
        index.add(news, batch=1)
        assert index.info().capped > 0
        assert agreement(index.result(), found) >= 0.97


def test_what_was_learned_before_goes(index: Index, news: pa.Table, tmp_path: Path) -> None:
    index.learn(news)
    with Index.open(tmp_path / "news.index", readonly=True) as reader:
        index.learn(news.slice(50))
        assert reader.verify() == []
    assert len(list(tmp_path.rglob("learned-*"))) == 1
    assert index.verify() == []


def test_export_is_a_result_of_find(filled: Path, news: pa.Table, found: Result, tmp_path: Path) -> None:
    with Index.open(filled, readonly=True) as index:
        index.export(tmp_path / "out")
    exported = Result.read(tmp_path / "out")
    assert exported.articles["id"].to_pylist() == news["id"].to_pylist()
    for name in ("words", "copy_id", "boilerplate", "witness_id", "relation"):
        assert exported.articles.schema.field(name).type == found.articles.schema.field(name).type
    assert groups(exported, "copy_id") == groups(found, "copy_id")
    same = set(zip(*(found.matches[name].to_pylist() for name in ("left", "right")), strict=True))
    ours = set(zip(*(exported.matches[name].to_pylist() for name in ("left", "right")), strict=True))
    assert len(same & ours) >= 0.95 * len(same)


# Verdicts ---------------------------------------------------------------------------------------------------------


def test_a_copy_a_rewrite_and_news_are_told_apart(filled: Path, news: pa.Table) -> None:
    rows = {row["id"]: row for row in news.to_pylist()}
    with Index.open(filled, readonly=True) as index:
        copy = index.check(replace(Article(**rows["harbour-bridge-wire"]), id="new-copy"))
        own = index.check(article("own", words(0, 200)))
    assert copy.ledger is not None
    assert own.ledger is not None
    assert (copy.relation, copy.score, copy.ledger.unique) == ("identical", 1.0, 0.0)
    assert copy.copy_of in rows
    assert copy.story_id == "harbour-bridge-wire"
    assert (own.relation, own.story_id, own.ledger.unique, own.matches) == (None, None, 1.0, ())


def test_shares_of_a_verdict_sum_to_one(filled: Path, news: pa.Table) -> None:
    with Index.open(filled, readonly=True) as index:
        for row in news.slice(0, 40).to_pylist():
            ledger = index.check(replace(Article(**row), id="as new")).ledger
            assert ledger is not None
            assert ledger.boilerplate + ledger.copied + ledger.reworded + ledger.unique == pytest.approx(1, abs=1e-9)


def test_check_stores_nothing(index: Index) -> None:
    index.add([article("a", words(0, 100))])
    before = index.info()
    assert index.check(article("b", words(0, 100))).copy_of == "a"
    assert index.info() == before
    with pytest.raises(KeyError):
        index.get("b")


def test_the_same_text_again_changes_nothing(index: Index) -> None:
    first = index.add([article("a", words(0, 100)), article("b", words(0, 100))])
    again = index.add([article("b", words(0, 100))])[0]
    assert (again.status, again.relation, again.copy_of) == ("known", "identical", "a")
    assert first[1].story_id == again.story_id
    assert len(index) == 2
    assert len(list(index.events())) == 2


def test_another_text_under_an_id_is_an_update(index: Index) -> None:
    index.add([article("a", words(0, 100)), article("b", words(0, 90))])
    verdict = index.add([article("a", words(0, 100) + " More.")])[0]
    assert verdict.status == "updated"
    assert verdict.story_id == "a"
    entry = index.get("a")
    assert entry.text.endswith("More.")
    assert entry.history == (words(0, 100),)
    assert len(index) == 2
    assert [event.kind for event in index.events()] == ["added", "joined", "updated"]
    assert index.check(article("c", words(0, 90))).story_id == "a"


def test_an_id_twice_in_one_call_is_an_update_too(index: Index) -> None:
    verdicts = index.add([article("a", words(0, 50)), article("a", words(0, 60)), article("a", words(0, 60))])
    assert [verdict.status for verdict in verdicts] == ["added", "updated", "known"]


# Books ------------------------------------------------------------------------------------------------------------


def replayed(index: Index) -> dict[str, str]:
    """Follow the events as a database would: the story of every article."""
    stories: dict[str, str] = {}
    for event in index.events():
        if event.kind == "merged":
            stories = {id_: str(event.story_id) if story == event.other else story for id_, story in stories.items()}
        elif event.kind == "removed":
            del stories[str(event.id)]
        else:
            stories[str(event.id)] = str(event.story_id)
    return stories


def told(index: Index, ids: Iterable[str]) -> dict[str, str]:
    return {id_: index.get(id_).story_id for id_ in ids}


@pytest.mark.parametrize("batch", [1, 25])
def test_events_lead_to_the_same_stories(batch: int, news: pa.Table, index: Index) -> None:
    index.learn(news)
    index.add(news, batch=batch)
    assert replayed(index) == told(index, news["id"].to_pylist())
    assert index.info().stories == len(set(replayed(index).values()))


def test_events_have_a_cursor(index: Index) -> None:
    index.add([article("a", words(0, 50))])
    seen = list(index.events())[-1].cursor
    index.add([article("b", words(0, 50))])
    assert [(event.kind, event.id, event.story_id) for event in index.events(seen)] == [("joined", "b", "a")]


def test_a_story_keeps_the_id_of_its_founder_when_that_goes(index: Index) -> None:
    index.add([article("a", words(0, 100)), article("b", words(0, 100)), article("c", words(0, 95))])
    assert index.remove(["a", "never"]) == 1
    assert told(index, ["b", "c"]) == {"b": "a", "c": "a"}
    verdict = index.add([article("d", words(0, 100))])[0]
    assert (verdict.copy_of, verdict.story_id) == ("b", "a")
    assert replayed(index) == told(index, ["b", "c", "d"])
    with pytest.raises(KeyError):
        index.get("a")


def test_who_leant_on_a_removed_article_finds_another_hold(index: Index) -> None:
    index.add([article("long", words(0, 120)), article("middle", words(0, 110)), article("short", words(0, 100))])
    assert index.get("short").witness_id in {"long", "middle"}
    index.remove([str(index.get("short").witness_id)])
    assert index.get("short").witness_id in {"long", "middle"} & set(replayed(index))


def test_no_two_stories_have_one_id(index: Index) -> None:
    index.add([article("a", words(0, 100)), article("b", words(0, 100))])
    index.add([article("a", words(5000, 100))])  # corrected out of recognition
    assert told(index, ["a", "b"]) == {"a": "a", "b": "b"} == replayed(index)
    index.add([article("c", words(0, 100))])
    index.remove(["b"])
    assert told(index, ["c"]) == {"c": "b"}
    index.add([article("b", words(9000, 100))])  # back under its id, and another text
    assert told(index, "abc") == {"a": "a", "b": "b", "c": "c"} == replayed(index)
    assert index.info().stories == 3
    assert [entry.id for entry in index.story("b")] == ["b"]


def test_a_removed_story_is_gone(index: Index) -> None:
    index.add([article("a", words(0, 60))])
    index.remove(["a"])
    assert len(index) == 0
    assert index.info().stories == 0
    verdict = index.add([article("a", words(0, 60))])[0]
    assert (verdict.status, verdict.relation, verdict.story_id) == ("added", None, "a")


def test_prune_takes_what_is_old(index: Index) -> None:
    day = datetime(2026, 1, 15, tzinfo=UTC)
    index.add(
        [
            article(f"a{month}", words(month * 1000, 60), published=day + timedelta(days=31 * month))
            for month in range(4)
        ]
    )
    index.add([article("undated", words(9000, 60), published=None)])
    assert index.prune(datetime(2026, 3, 1, tzinfo=UTC)) == 2
    assert len(index) == 3
    assert index.check(article("x", words(0, 60))).relation is None
    assert index.check(article("x", words(3000, 60))).copy_of == "a3"
    assert index.verify() == []


def test_what_was_acknowledged_stays_when_the_source_fails(index: Index) -> None:
    def source() -> Iterator[Article]:
        yield from (article(f"a{number}", words(number * 100, 50)) for number in range(5))
        raise RuntimeError("the feed broke")

    with pytest.raises(RuntimeError, match="the feed broke"):
        index.add(source(), batch=2)
    assert len(index) == 4


def test_a_reopened_index_goes_on(news: pa.Table, found: Result, tmp_path: Path) -> None:
    half = len(news) // 2
    with Index.open(tmp_path / "i", SETTINGS) as index:
        index.learn(news)
        index.add(news.slice(0, half), batch=13)
    with Index.open(tmp_path / "i") as index:
        assert index.settings.recorded() == SETTINGS.recorded()
        index.add(news.slice(half), batch=13)
        assert agreement(index.result(), found) >= 0.97
        assert index.verify() == []


def test_a_reader_sees_whole_batches(tmp_path: Path) -> None:
    with Index.open(tmp_path / "i", SETTINGS) as writer:
        writer.add([article("a", words(0, 60))])
        with Index.open(tmp_path / "i", readonly=True) as reader:
            assert reader.check(article("x", words(0, 60))).copy_of == "a"
            writer.add([article("b", words(500, 60))])
            assert reader.check(article("x", words(500, 60))).copy_of == "b"
            assert len(reader) == 2


# What is refused --------------------------------------------------------------------------------------------------


def test_what_is_remembered_is_of_the_last_commit(news: pa.Table, tmp_path: Path) -> None:
    rows = news.to_pylist()
    probes = [row | {"id": "probe"} for row in rows[::3]]
    changes: list[Callable[[Index], object]] = [
        lambda index: index.add(news.slice(0, 100)),
        lambda index: index.add([row | {"text": row["text"] + " More."} for row in rows[:60:4]]),
        lambda index: index.remove(news["id"].to_pylist()[1:80:5]),
        lambda index: index.add(news.slice(100)),
    ]
    with (
        Index.open(tmp_path / "news.index", COPIES) as writer,
        Index.open(tmp_path / "news.index", readonly=True) as reader,
    ):
        for change in changes:
            change(writer)
            with Index.open(tmp_path / "news.index", readonly=True) as fresh:
                expected = [fresh.check(probe) for probe in probes]
            assert [writer.check(probe) for probe in probes] == expected
            assert [reader.check(probe) for probe in probes] == expected


def test_other_settings_are_named(tmp_path: Path) -> None:
    Index.open(tmp_path / "i", SETTINGS).close()
    with pytest.raises(IndexStateError, match=r"near is 0\.8 there and 0\.7 here"):
        Index.open(tmp_path / "i", replace(SETTINGS, near=0.7))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ([3], "an article is dedup.Article or a mapping"),
        ([{"id": "a", "text": 3}], "text of an article is 3, expected text"),
        ([{"id": None, "text": "x"}], "row 0 is null; every article needs an id"),
        ([{"id": "a", "text": "x", "published": 3}], "published"),
        ([{"id": "a", "text": "x", "published": "soon"}], "'soon', expected an ISO date"),
        (3, "articles are an iterable"),
    ],
)
def test_wrong_articles_are_refused_whole(wrong: object, message: str, index: Index) -> None:
    with pytest.raises(CorpusError, match=message):
        index.add(wrong)
    assert len(index) == 0
