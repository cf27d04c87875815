"""An index and bad input: each is refused in one line, or does what is right; nothing is ever half there."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support import ROOT

from dedup.article import Article
from dedup.errors import CorpusError, DedupError, IndexStateError, OutputError
from dedup.settings import Settings

pytest.importorskip("lmdb", reason="needs the extra 'index'")
import lmdb

from dedup.index import Index, Verdict
from dedup.index.environment import seal
from dedup.index.intake import tables
from dedup.index.shelf import Shelf

if TYPE_CHECKING:
    from collections.abc import Iterator

TEXT = "The ferry of pier one left at dawn with forty people on board, the harbour master of Ostermund said on Tuesday."
NOON = datetime(2026, 3, 3, 12, tzinfo=UTC)
LAST = datetime(9999, 12, 31, tzinfo=UTC)


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    with Index.open(tmp_path / "news.index", Settings(workers=1)) as opened:
        yield opened


def whole(index: Index) -> None:
    """Assert that the books agree with each other."""
    assert index.verify() == []
    ids = index.result().articles["id"].to_pylist()
    assert len(ids) == len(set(ids)) == len(index) == index.info().articles
    told = {index.get(id_).story_id for id_ in ids}
    assert len(told) == index.info().stories
    assert sorted(entry.id for story in told for entry in index.story(story)) == sorted(ids)


def one_line(error: pytest.ExceptionInfo[DedupError]) -> str:
    assert "\n" not in str(error.value)
    return str(error.value)


# What is opened -------------------------------------------------------------------------------------------------------


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    for readonly in (False, True):
        with pytest.raises(IndexStateError) as error:
            Index.open(tmp_path, readonly=readonly)
        assert one_line(error).startswith(f"{tmp_path}: ")
    with pytest.raises(IndexStateError) as error:
        Index.open(tmp_path / "mine.txt")
    assert "not a folder" in one_line(error)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_another_lmdb_file_is_no_index(tmp_path: Path) -> None:
    with lmdb.open(str(tmp_path / "other"), max_dbs=2) as env, env.begin(write=True) as txn:
        txn.put(b"a", b"b")
    with pytest.raises(IndexStateError) as error:
        Index.open(tmp_path / "other")
    assert "of another program" in one_line(error)


@pytest.mark.parametrize("content", [b"", b"not LMDB at all", b"\0" * 100_000])
def test_a_data_file_of_something_else(content: bytes, tmp_path: Path) -> None:
    with Index.open(tmp_path / "i") as index:
        index.add([Article("a", TEXT)])
    (tmp_path / "i" / "data.mdb").write_bytes(content)
    with pytest.raises(IndexStateError) as error:
        Index.open(tmp_path / "i", readonly=True)
    assert one_line(error).startswith(f"{tmp_path / 'i'}")


@pytest.mark.parametrize(
    ("place", "message"),
    [
        (20, r"data\.mdb: damaged, or of another program \(LMDB data format v5 .*\); restore a copy of the index$"),
        (16, r"data\.mdb: damaged, or of another program \(MDB_INVALID: .*\); restore a copy of the index$"),
        (None, r"data\.mdb: damaged, or of another program \(.*\); restore a copy of the index$"),
    ],
)
def test_a_damaged_index_is_not_opened_and_says_what_to_do(place: int | None, message: str, tmp_path: Path) -> None:
    with Index.open(tmp_path / "i") as index:
        index.add([Article("a", TEXT)])
    data = bytearray((tmp_path / "i" / "data.mdb").read_bytes())
    if place is None:
        del data[len(data) // 2 :]
    else:
        data[place] ^= 4
    (tmp_path / "i" / "data.mdb").write_bytes(data)
    for readonly in (True, False):
        with pytest.raises(IndexStateError, match=message) as error:
            Index.open(tmp_path / "i", readonly=readonly)
        assert one_line(error).startswith(f"{tmp_path / 'i'}")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with Index.open(tmp_path / "i") as index:
        index.learn(str(ROOT / "corpus"))
        index.add([Article("a", TEXT)])
    (learned,) = (tmp_path / "i").glob("learned-*.npz")
    learned.unlink()
    with pytest.raises(IndexStateError) as error:
        Index.open(tmp_path / "i")
    assert one_line(error) == (
        f"{learned}: what the index has learned cannot be read (No such file or directory); restore a copy of it"
    )


def test_an_index_of_a_newer_version(tmp_path: Path) -> None:
    with Index.open(tmp_path / "i"):
        pass
    with lmdb.open(str(tmp_path / "i"), max_dbs=16) as env:
        table = env.open_db(b"shelf", create=False)
        with env.begin(write=True) as txn:
            txn.put(b"format", seal("shelf", b"format", b"99"), db=table)
    for readonly in (False, True):
        with pytest.raises(IndexStateError) as error:
            Index.open(tmp_path / "i", readonly=readonly)
        assert "of a newer version of dedup (format 99, " in one_line(error)


def test_other_settings_are_named_and_those_of_the_index_are_its_own(tmp_path: Path) -> None:
    with Index.open(tmp_path / "i", {"near": 0.7}) as index:
        assert index.settings.near == 0.7
    with Index.open(tmp_path / "i", {"near": 0.7, "workers": 1}) as index:
        assert (index.settings.near, index.settings.workers) == (0.7, 1)
    with pytest.raises(IndexStateError) as error:
        Index.open(tmp_path / "i", {"window": 24.0})
    assert "made with other settings: window is 48.0 there and 24.0 here; " in one_line(error)
    with pytest.raises(IndexStateError) as error:
        Index.open(tmp_path / "i", Settings())
    assert "near is 0.7 there and 0.8 here; " in one_line(error)


def test_an_index_in_use_by_another_writer(index: Index, tmp_path: Path) -> None:
    code = "import sys, dedup\ntry: dedup.Index.open(sys.argv[1])\nexcept dedup.IndexStateError as error: print(error)"
    command = [sys.executable, "-c", code, str(tmp_path / "news.index")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.startswith(f"{tmp_path / 'news.index'}: ")
    assert done.stdout.count("\n") == 1
    assert index.add([Article("a", TEXT)])[0].status == "added"


READ_ONLY = """
import os, sys, dedup

def ask(**options):
    with dedup.Index.open(sys.argv[1], **options) as index:
        return len(index), index.verify(), index.check(dedup.Article("x", index.get("a").text)).copy_of

ask(readonly=True)  # all that is needed is imported now, also where only root may read it
if os.getuid() == 0:
    os.setgid(65534), os.setuid(65534)
for options in ({"readonly": True}, {}):
    try:
        print(*ask(**options))
    except dedup.DedupError as error:
        print(type(error).__name__, error)
"""


@pytest.mark.parametrize("lockable", [True, False])
def test_an_index_that_cannot_be_written_is_read_where_its_lock_can_be(lockable: bool) -> None:  # noqa: FBT001
    with tempfile.TemporaryDirectory() as folder:  # not pytest's, into which only its user can look
        place = Path(folder) / "i"
        with Index.open(place) as index:
            index.add([Article("a", TEXT)])
        for path in (Path(folder), place, *place.rglob("*")):
            path.chmod(0o555 if path.is_dir() else 0o444)
        if lockable:
            (place / "lock.mdb").chmod(0o666)
        command = [sys.executable, "-c", READ_ONLY, str(place)]
        done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
        for path in (Path(folder), place, place / "parts"):
            path.chmod(0o755)
    first, second = done.stdout.splitlines()
    assert first == "1 [] a" if lockable else first.endswith("readers too need to write lock.mdb beside it")
    assert second.startswith(f"OutputError {place}: cannot be written (")


# What is added --------------------------------------------------------------------------------------------------------


def test_what_was_acknowledged_stays_when_the_source_fails(index: Index) -> None:
    def failing() -> Iterator[Article]:
        for number in range(25):
            yield Article(f"a{number}", f"{TEXT} Number {number}.")
        raise RuntimeError("the source")

    said: list[Verdict] = []
    with pytest.raises(RuntimeError, match="the source"):
        said.extend(index.stream(failing(), batch=10))
    assert [verdict.id for verdict in said] == [f"a{number}" for number in range(20)]
    assert len(index) == 20
    whole(index)
    assert len(index.add([Article("b", TEXT)])) == 1


@pytest.mark.parametrize(
    ("articles", "message"),
    [
        (None, "articles are an iterable"),
        (5, "articles are an iterable"),
        (b"abc", "articles are an iterable"),
        ({"id": "a", "text": TEXT}, "articles are an iterable, such as a list, an Arrow table or a path, not dict"),
        (Article("a", TEXT), "articles are an iterable"),
        ([1], "an article is dedup.Article or a mapping with id and text, not int"),
        ([{"id": "a", "body": TEXT}], "an article has no 'text'; its fields are: id, body"),
        ([{}], "an article has no 'id'; its fields are: none"),
        ([{"id": 5, "text": TEXT}], "id of an article is 5, expected text"),
        ([{"id": None, "text": TEXT}], "row 0 is null; every article needs an id"),
        ([Article("", TEXT)], "row 0 is empty; every article needs an id"),
        ([{"id": "a", "text": b"x"}], "text of an article is b'x', expected text"),
        ([{"id": "a", "text": "x \ud800"}], r"text of an article holds half a character \('\\ud800' at 3\)"),
        ([{"id": "a", "text": TEXT, "published": 5}], "published of an article is 5, expected a time or an ISO date"),
        ([Article("b", TEXT, published="2026-01-01"), {"id": "a", "text": "", "published": 5}], "published of an art"),
        ([Article("a", TEXT, published="monday")], "row 0 is 'monday', expected an ISO date"),
        (pa.table({"id": ["a"]}), "no column 'text'"),
        (pa.table({"id": ["a"], "text": [[TEXT]]}), "column 'text': holds list<.*>, expected text"),
        (pa.table({"id": pa.nulls(2), "text": [TEXT] * 2}), "row 0 is null; every article needs an id"),
        (pa.table({"id": ["a"], "text": pa.array([b"\xff"])}), "row 0 is not valid UTF-8; decode it first"),
        ("no/such/corpus", "no/such/corpus: no such file or folder"),
    ],
)
def test_what_is_no_article_is_refused(articles: object, message: str, index: Index) -> None:
    with pytest.raises(CorpusError, match=message) as error:
        index.add(articles)
    one_line(error)
    assert (len(index), list(index.events())) == (0, [])
    assert index.add([Article("a", TEXT)])[0].relation is None


@pytest.mark.parametrize("kind", ["articles", "stream"])
def test_a_wrong_row_is_named_as_the_source_counts(kind: str, index: Index) -> None:
    rows = [{"id": f"a{number}", "text": f"{TEXT} {number}."} for number in range(25)] + [{"id": "", "text": TEXT}]
    batches = (pa.RecordBatch.from_pylist([row]) for row in rows)
    schema = pa.schema([("id", pa.string()), ("text", pa.string())])
    source: Any = iter(rows) if kind == "articles" else pa.RecordBatchReader.from_batches(schema, batches)
    with pytest.raises(CorpusError, match="column 'id': row 25 is empty"):
        index.add(source, batch=10)
    assert len(index) == 20


def commits(index: Index, tmp_path: Path) -> int:
    assert index.verify() == []
    with Shelf.open(tmp_path / "news.index", write=False) as shelf, shelf.reading() as view:
        return view.head.commit


def test_small_row_groups_make_no_small_commits(index: Index, tmp_path: Path) -> None:
    news = pa.table({"id": [f"a{number}" for number in range(50)], "text": [TEXT] * 50})
    pq.write_table(news, tmp_path / "news.parquet", row_group_size=1)
    before = commits(index, tmp_path)
    index.add(tmp_path / "news.parquet", batch=20)
    assert (len(index), commits(index, tmp_path) - before) == (50, 3)
    index.add(pa.concat_tables(news.slice(row, 1) for row in range(50)).set_column(1, "text", [["x"] * 50]), batch=25)
    assert commits(index, tmp_path) - before == 5


def test_an_arrow_stream_is_not_held_whole(index: Index) -> None:
    drawn = []

    def batches() -> Iterator[pa.RecordBatch]:
        for number in range(1_000_000):
            drawn.append(number)
            yield pa.RecordBatch.from_pylist([{"id": f"a{number}", "text": f"{TEXT} {number}."}])

    schema = pa.schema([("id", pa.string()), ("text", pa.string())])
    verdicts = index.stream(pa.RecordBatchReader.from_batches(schema, batches()), batch=10)
    assert [next(verdicts).id for _ in range(15)][-1] == "a14"
    assert len(drawn) <= 21
    assert len(index) == 20
    with pytest.raises(CorpusError, match="no column 'text'"):
        index.add(pa.RecordBatchReader.from_batches(pa.schema([("id", pa.string())]), iter([])))


def test_nothing_is_added_of_nothing(index: Index) -> None:
    assert index.add([]) == []
    assert index.add(pa.table({"id": pa.array([], pa.string()), "text": pa.array([], pa.string())})) == []
    assert (len(index), index.remove([]), index.prune(NOON)) == (0, 0, 0)
    whole(index)


def test_texts_without_words_stand_alone(index: Index) -> None:
    said = index.add([Article("a", None), Article("b", ""), Article("c", "..."), Article("d", "One two."), *_twins()])
    assert [verdict.copy_of for verdict in said] == [None] * 5 + ["t1"]
    assert index.get("a").text == ""
    assert index.add([Article("a", "")])[0].status == "known"
    whole(index)


def _twins() -> list[Article]:
    return [Article("t1", TEXT), Article("t2", TEXT)]


def test_the_same_id_again_in_one_batch(index: Index) -> None:
    said = index.add(pa.table({"id": ["a", "a", "a", "b"], "text": [TEXT, TEXT, f"{TEXT} More of it.", TEXT]}))
    assert [verdict.status for verdict in said] == ["added", "known", "updated", "added"]
    assert index.get("a").history == (TEXT,)
    whole(index)


def test_a_known_article_is_told_what_it_was_told(index: Index) -> None:
    """Who hands an article over again, because the first answer was lost, gets the same matches."""
    first = {verdict.id: verdict for verdict in index.add(str(ROOT / "corpus"))}
    for verdict in index.add(str(ROOT / "corpus")):
        told = first[verdict.id]
        assert verdict.status == "known"
        assert (verdict.relation, verdict.copy_of, verdict.story_id) == (told.relation, told.copy_of, told.story_id)
        assert verdict.score == (None if told.score is None else pytest.approx(told.score))


def test_a_known_article_has_the_ledger_that_it_had(index: Index) -> None:
    first = {verdict.id: verdict for verdict in index.add(str(ROOT / "corpus"), batch=1)}
    again = index.add(str(ROOT / "corpus"))
    assert {verdict.status for verdict in again} == {"known"}
    assert index.check(Article("harbour-bridge-trim", index.get("harbour-bridge-trim").text)) in again
    other = [verdict.id for verdict in again if told(verdict) != told(first[verdict.id])]
    assert other == ["mine-rescue-brief"]  # which joined a story later


def test_without_ledgers_all_else_is_told(index: Index, tmp_path: Path) -> None:
    with Index.open(tmp_path / "other", Settings(workers=1)) as other:
        said = list(zip(index.add(str(ROOT / "corpus")), other.add(str(ROOT / "corpus"), ledgers=False), strict=True))
        assert other.add(str(ROOT / "corpus"), ledgers=False)[0].ledger is None
    for whole_, bare in said:
        assert bare == replace(whole_, ledger=None, origin_id=None, role=None)


def told(verdict: Verdict) -> tuple[object, ...]:
    """Return what is told of an article but for scores, which change as others arrive."""
    return verdict.relation, verdict.copy_of, verdict.story_id, verdict.origin_id, verdict.role, verdict.ledger


def test_ids_of_any_length_and_kind(index: Index) -> None:
    ids = ["x" * 10_000, "x" * 10_001, "é" * 10_000, "a\0b", "\u202e\x1b[2J", " ", "../../etc/passwd"]
    index.add([Article(id_, f"{TEXT} Of {number}.") for number, id_ in enumerate(ids)])
    for number, id_ in enumerate(ids):
        assert index.get(id_).text.endswith(f"Of {number}.")
        assert index.add([Article(id_, f"{TEXT} Of {number}.")])[0].status == "known"
    assert index.remove(ids[:2]) == 2
    with pytest.raises(KeyError):
        index.get(ids[0])
    whole(index)


def test_dates_out_of_order_months_late_and_in_the_future(index: Index) -> None:
    days = [0, -1, 1, -200, 3_000, 2, -5_000, -800_000, 3_000_000]
    for number, day in enumerate(days):
        when = min(max(NOON.toordinal() + day, 1), LAST.toordinal())
        published = datetime.fromordinal(when).replace(tzinfo=UTC)
        index.add([Article(f"a{number}", TEXT if number else f"{TEXT} The first.", published=published)])
    index.add([Article("none", TEXT)])
    assert {index.get(f"a{number}").witness_id is not None for number in range(2, len(days))} == {True}
    told = index.info()
    assert (told.oldest, told.newest) == (datetime(1, 1, 1, tzinfo=UTC), LAST)
    assert index.prune(NOON) == 5
    assert index.prune(LAST + timedelta(hours=1)) == 4
    assert [row["id"] for row in index.result().articles.to_pylist()] == ["none"]
    whole(index)


def test_a_date_years_ahead_does_not_move_the_present(index: Index) -> None:
    """Articles without a date are looked for where the others are, not where a wrong date is."""
    news = pq.read_table(ROOT / "corpus" / "news.parquet").sort_by("published").to_pylist()
    light = next(place for place, row in enumerate(news) if row["id"] == "harbour-bridge-light")
    index.learn(str(ROOT / "corpus"))
    index.add(news[:light])
    index.add([Article("wrong", TEXT, published=LAST)])
    assert index.check(news[light] | {"published": None}).story_id == "harbour-bridge-wire"
    assert index.info().newest == LAST
    assert index.remove(["wrong"]) == 1
    assert (index.info().oldest, index.info().newest) == (news[0]["published"], news[light - 1]["published"])


def test_the_oldest_and_the_newest_are_those_that_are_there(index: Index) -> None:
    index.add(Article(f"a{day}", f"{TEXT} Day {day}.", published=NOON + timedelta(days=day)) for day in range(-60, 60))
    assert index.prune(NOON - timedelta(days=10)) == 50
    assert (index.info().oldest, index.info().newest) == (NOON - timedelta(days=10), NOON + timedelta(days=59))
    index.remove([f"a{day}" for day in range(-10, 60)])
    assert (len(index), index.info().oldest, index.info().newest) == (0, None, None)
    index.add([Article("b", TEXT, published=NOON)])
    assert (index.info().oldest, index.info().newest) == (NOON, NOON)


def test_an_update_moves_the_oldest_and_the_newest(index: Index) -> None:
    index.add([Article("a", "Fire aboard the ferry to Ostrel.", published="2031-01-01")])
    index.add([Article("b", "The museum reopens its eastern wing.", published="2026-03-02")])
    index.add([Article("a", "Fire aboard the ferry, all are safe.", published="2026-03-04")])
    newest = index.info().newest
    assert newest is not None
    assert newest.year == 2026
    index.add([Article("b", "The museum reopens both of its wings.", published="2026-03-05")])
    oldest = index.info().oldest
    assert oldest is not None
    assert oldest.day == 4
    index.remove(["b"])
    newest = index.info().newest
    assert newest is not None
    assert newest.day == 4


def test_a_batch_is_cut_by_bytes_too() -> None:
    """Three texts of 30 MB are two batches, whether they come as rows or as one table."""
    rows = [{"id": name, "text": name * (30 << 20)} for name in "abc"]
    for articles in (rows, pa.Table.from_pylist(rows)):
        assert [table["id"].to_pylist() for table in tables(articles, 1000)] == [["a", "b"], ["c"]]


def test_times_that_python_has_no_calendar_for(index: Index) -> None:
    far = pa.array([1 << 62, -(1 << 62), None], pa.timestamp("us", tz="UTC"))
    index.add(pa.table({"id": ["a", "b", "c"], "text": [TEXT] * 3, "published": far}))
    found = [index.get(id_).published for id_ in "abc"]
    assert [when and when.year for when in found] == [9999, 1, None]
    whole(index)


@pytest.mark.proof
def test_ten_thousand_copies_of_one_article_in_a_minute(index: Index) -> None:
    times = (NOON + timedelta(milliseconds=6 * number) for number in range(10_000))
    said = index.add(Article(f"a{number}", TEXT, published=time) for number, time in enumerate(times))
    assert {verdict.copy_of for verdict in said} == {None, "a0"}
    assert index.info().stories == 1
    assert index.check(Article("x", TEXT, published=NOON)).copy_of == "a0"
    assert index.remove(["a0"]) == 1
    assert index.check(Article("x", TEXT, published=NOON)).copy_of == "a1"
    assert {entry.story_id for entry in index.story("a0")} == {"a0"}


@pytest.mark.proof
def test_an_article_of_fifty_megabytes(index: Index) -> None:
    part = " ".join(f"word{number}" for number in range(60_000))
    long = part * (50_000_000 // len(part) + 1)
    said = index.add([Article("long", long), Article("part", part)])
    assert said[1].copy_of == "long"
    assert index.get("long").text == long
    assert index.verify() == []


# What goes ------------------------------------------------------------------------------------------------------------


def test_a_reader_that_stays_while_the_writer_prunes(index: Index, tmp_path: Path) -> None:
    for month in (1, 2, 3):
        index.add(
            Article(f"{month}-{number}", f"{TEXT} {month} {number}.", published=datetime(2026, month, 3, tzinfo=UTC))
            for number in range(50)
        )
    events = index.events()
    assert next(events).cursor == 1  # and stays
    assert index.prune(datetime(2026, 3, 1, tzinfo=UTC)) == 100
    index.add([Article("new", TEXT, published=NOON)])
    assert [event.cursor for event in events] == list(range(2, 151))
    code = "import sys, dedup\nwith dedup.Index.open(sys.argv[1], readonly=True) as i: print(len(i), i.verify())"
    command = [sys.executable, "-c", code, str(tmp_path / "news.index")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout == "51 []\n"
    whole(index)


def test_an_old_version_goes_and_the_article_stays(index: Index) -> None:
    index.add([Article("a", TEXT, published="2026-01-05"), Article("b", f"{TEXT} B.", published="2026-01-06")])
    for day, more in (("2026-03-05", "More."), ("2026-03-06", "More and more.")):
        index.add([Article("a", f"{TEXT} {more}", published=day)])
    assert index.prune(datetime(2026, 2, 1, tzinfo=UTC)) == 1
    assert index.get("a").history == (f"{TEXT} More.",)
    whole(index)
    assert index.prune(datetime(2026, 4, 1, tzinfo=UTC)) == 1
    assert (len(index), index.info().stories) == (0, 0)
    whole(index)


def test_articles_near_a_removed_one_can_be_added(index: Index) -> None:
    index.add(str(ROOT / "corpus"))
    gone = [entry.id for entry in index.story("harbour-bridge-wire")][:3]
    texts = {id_: index.get(id_) for id_ in gone}
    index.remove(gone)
    assert {event.story_id for event in index.events(148)} == {"harbour-bridge-wire"}
    assert index.story("harbour-bridge-wire")
    said = index.add([Article(f"again-{id_}", one.text, published=one.published) for id_, one in texts.items()])
    assert {verdict.story_id for verdict in said} == {"harbour-bridge-wire"}
    whole(index)


def test_what_is_not_there_is_a_key_error(index: Index) -> None:
    for ask in (index.get, index.story):
        with pytest.raises(KeyError, match="nobody"):
            ask("nobody")
    assert index.remove(["nobody"]) == 0
    assert list(index.events(99)) == []


def test_a_closed_index_says_so(tmp_path: Path) -> None:
    index = Index.open(tmp_path / "i")
    index.close()
    asked: list[Any] = [
        lambda: index.add([Article("a", TEXT)]),
        lambda: index.check(Article("a", TEXT)),
        lambda: index.get("a"),
        lambda: index.story("a"),
        lambda: index.remove(["a"]),
        lambda: index.prune(NOON),
        lambda: list(index.events()),
        lambda: len(index),
        index.info,
        index.result,
        index.verify,
    ]
    for ask in asked:
        with pytest.raises(IndexStateError, match="closed; open it again"):
            ask()


def test_an_index_that_is_read_only_takes_nothing(tmp_path: Path) -> None:
    with Index.open(tmp_path / "i") as index:
        index.add([Article("a", TEXT)])
    with Index.open(tmp_path / "i", readonly=True) as index:
        asked: list[Any] = [
            lambda: index.add([Article("b", TEXT)]),
            lambda: index.remove(["a"]),
            lambda: index.prune(NOON),
            lambda: index.learn(str(ROOT / "corpus")),
        ]
        for ask in asked:
            with pytest.raises(IndexStateError, match="open for reading only"):
                ask()


def test_an_export_that_cannot_be_written(index: Index, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    with pytest.raises(OutputError, match="is a file; name a folder"):
        index.export(tmp_path / "out")
    assert (tmp_path / "out").read_text() == "mine"


def test_threads_add_and_ask_at_once(index: Index) -> None:
    failed: list[BaseException] = []

    def work(name: str) -> None:
        try:
            for number in range(5):
                index.add([Article(f"{name}{number}", f"{TEXT} {name} {number}.", published=NOON)])
                index.check(Article("x", TEXT))
                list(index.events())
        except BaseException as error:  # noqa: BLE001  (whatever it is, the test says it)
            failed.append(error)

    threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert len(index) == 20
    whole(index)
