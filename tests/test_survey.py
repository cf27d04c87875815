"""What is learned of a corpus in the first pass, and marked in the second."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import oracle
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import COPIES, column, corpus, own_words, tables_of, thorough

from dedup import find, text
from dedup.background import Background
from dedup.boilerplate import mark
from dedup.corpus import open_corpus
from dedup.errors import CorpusError
from dedup.pipeline import recipe
from dedup.settings import Settings
from dedup.survey import Learned, Runs, Survey, _runs, learn, learn_furniture, survey
from dedup.work import Work
from dedup.workers import Workers

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

LINES = ("Sign up for the evening letter of the Harbour Gazette.", "Photographs by the staff of the Harbour Gazette.")


@pytest.fixture(scope="module")
def news(sample: Path) -> pa.Table:
    return pq.read_table(sample / "news.parquet")


def learned(table: pa.Table) -> Learned:
    return learn(open_corpus(table), Background.load(), Workers(2))


def surveyed(table: pa.Table, settings: Settings) -> Survey:
    wanted = settings.boilerplate or settings.stories
    return survey(open_corpus(table), recipe(settings), Workers(2), learned(table) if wanted else None, settings)


# Runs -----------------------------------------------------------------------------------------------------------------

masks = st.lists(st.lists(st.booleans(), max_size=12), max_size=8)


def places_of(lists: list[list[bool]]) -> NDArray[np.int64]:
    return np.cumsum([0, *map(len, lists)], dtype=np.int64)


def flat(lists: list[list[bool]]) -> NDArray[np.bool_]:
    return np.array([flag for flags in lists for flag in flags], np.bool_)


@given(masks)
def test_masks_come_back_from_their_runs(lists: list[list[bool]]) -> None:
    runs = _runs(flat(lists), places_of(lists))
    np.testing.assert_array_equal(runs.mask(np.arange(len(lists)), places_of(lists)), flat(lists))
    assert (runs.starts < runs.ends).all()
    assert len(runs.starts) == sum(
        flag and (place == 0 or not flags[place - 1]) for flags in lists for place, flag in enumerate(flags)
    )


@given(masks, st.data())
def test_masks_of_some_articles(lists: list[list[bool]], data: st.DataObject) -> None:
    chosen = data.draw(st.lists(st.integers(0, len(lists) - 1), max_size=6) if lists else st.just([]))
    part = [lists[number] for number in chosen]
    runs = _runs(flat(lists), places_of(lists))
    np.testing.assert_array_equal(runs.mask(np.array(chosen, np.int64), places_of(part)), flat(part))


def test_a_run_ends_with_its_text() -> None:
    runs = _runs(np.ones(5, np.bool_), np.array([0, 2, 2, 5]))
    assert runs.places.tolist() == [0, 1, 1, 2]
    assert (runs.starts.tolist(), runs.ends.tolist()) == ([0, 0], [2, 3])


def test_no_runs() -> None:
    runs = Runs(np.zeros(4, np.int64), np.empty(0, np.int32), np.empty(0, np.int32))
    assert runs.mask(np.array([2, 0]), np.array([0, 3, 5])).tolist() == [False] * 5


# Learning -------------------------------------------------------------------------------------------------------------


def test_terms_are_counted_once_an_article(news: pa.Table) -> None:
    """The weight of a term follows from the number of articles that have it in text or title."""
    made = learned(news).vocabulary
    held: Counter[int] = Counter()
    for body, title in zip(news["text"].to_pylist(), news["title"].to_pylist(), strict=True):
        terms = [text.read(text.views(column([part]))).terms for part in (body, title)]
        held.update(set(np.concatenate(terms).tolist()) - {0})
    assert made.terms.tolist() == sorted(held)
    known = Background.load()
    df = known.df(made.terms)
    counts = np.array([held[term] for term in made.terms.tolist()])
    wanted = np.log((500 + len(news) + 1) / (500 * df / known.articles + counts + 500 / known.articles))
    np.testing.assert_allclose(made.weight, np.maximum(wanted, 0), rtol=1e-5, atol=1e-6)


def test_short_words_and_numbers_are_no_keys() -> None:
    words = "zq zqx 1987654 98765.4 zqxv12 seventy zqxvab"
    made = learned(pa.table({"id": ["a"], "text": [words], "title": ["xk plumbago"]})).vocabulary
    keys = {
        word: bool(made.key[made.numbers(np.array([text.term_hash(word)], np.uint64))[0]] > 0)
        for word in ("zq", "zqx", "1987654", "98765.4", "zqxv12", "seventy", "zqxvab", "xk", "plumbago")
    }
    assert {word for word, key in keys.items() if key} == {"zqx", "zqxv12", "zqxvab", "plumbago"}


@pytest.mark.parametrize("group", [1, 13, 1000])
def test_row_groups_teach_the_same(news: pa.Table, group: int, tmp_path: Path) -> None:
    pq.write_table(news, tmp_path / "c.parquet", row_group_size=group)
    one, two = learned(news), learn(open_corpus(tmp_path / "c.parquet"), Background.load(), Workers(1))
    np.testing.assert_array_equal(one.vocabulary.terms, two.vocabulary.terms)
    np.testing.assert_array_equal(one.vocabulary.weight, two.vocabulary.weight)
    np.testing.assert_array_equal(one.vocabulary.key, two.vocabulary.key)
    np.testing.assert_array_equal(one.furniture.keys, two.furniture.keys)
    assert one.furniture.names == two.furniture.names


@pytest.mark.parametrize("room", [1, 1000, 10**6])
@pytest.mark.parametrize("on_disk", [False, True])
def test_furniture_alone_is_what_both_teach(news: pa.Table, room: int, tmp_path: Path, on_disk: bool) -> None:  # noqa: FBT001
    pq.write_table(news, tmp_path / "news.parquet", row_group_size=20)
    source, background, workers = open_corpus(tmp_path / "news.parquet"), Background.load(), Workers(3)
    both = learn(source, background, workers).furniture
    with Work(on_disk=on_disk) as work:
        alone = learn_furniture(source, background, workers, partial(work.scratch, filed=True), room)
        assert work.most_bytes > 0
    assert len(both) > 0
    for name in ("keys", "outlets", "articles", "runs", "rows", "starts", "lengths", "names", "capped"):
        assert np.array_equal(getattr(both, name), getattr(alone, name)), name


def test_an_empty_corpus_teaches_nothing() -> None:
    made = learned(pa.table({"id": pa.array([], pa.string()), "text": pa.array([], pa.string())}))
    assert len(made.furniture) == len(made.vocabulary.terms) == 0


@pytest.mark.parametrize("field", ["id", "text"])
@pytest.mark.parametrize("switches", [{}, {"boilerplate": False}, {"stories": False}, COPIES], ids=str)
def test_every_pass_names_the_row_that_is_wrong(field: str, switches: dict[str, bool]) -> None:
    raw = pa.array([b"fine", b"good", b"bad \xff"], pa.binary())
    broken = pa.StringArray.from_buffers(3, *raw.buffers()[1:])
    table = pa.table({"id": list("abc"), "text": ["one", "two", "three"]} | {field: broken})
    with pytest.raises(CorpusError, match=rf"column '{field}': row 2 is not valid UTF-8"):
        surveyed(table, Settings.of(**switches))


# The survey -----------------------------------------------------------------------------------------------------------


def test_boilerplate_is_what_is_marked(news: pa.Table) -> None:
    made, known = surveyed(news, Settings(workers=2)), learned(news)
    texts = text.views(column(news["text"].to_pylist()))
    reading = text.read(texts)
    marks = mark(texts, reading, news["source"].to_pylist(), known.furniture).mask
    assert marks.any()
    rows = np.arange(len(news))
    np.testing.assert_array_equal(made.boilerplate.mask(rows, reading.tokens.places), marks)
    np.testing.assert_array_equal(made.words, np.diff(reading.tokens.places))
    before = np.concatenate([[0], np.cumsum(~marks)])
    np.testing.assert_array_equal(made.sketches.tokens, np.diff(before[reading.tokens.places]))


def test_switches(news: pa.Table) -> None:
    every = {
        (boilerplate, stories): surveyed(news, Settings(workers=2, boilerplate=boilerplate, stories=stories))
        for boilerplate in (True, False)
        for stories in (True, False)
    }
    for (boilerplate, stories), made in every.items():
        assert (len(made.boilerplate.starts) > 0) == boilerplate
        assert (made.outlines is not None) == stories
        assert made.ids.to_pylist() == news["id"].to_pylist()
    # the fast path and the thorough one sketch the same
    quick, thoroughly = every[False, False].sketches, every[False, True].sketches
    np.testing.assert_array_equal(quick.tokens, thoroughly.tokens)
    np.testing.assert_array_equal(quick.fingerprints, thoroughly.fingerprints)
    np.testing.assert_array_equal(quick.keys, thoroughly.keys)
    np.testing.assert_array_equal(quick.sampled, thoroughly.sampled)


def test_outlets_are_numbered_by_name() -> None:
    table = pa.table({"id": list("abcd"), "text": ["x"] * 4, "source": ["Zebra Post", None, "Argus", "Zebra Post"]})
    assert surveyed(table, Settings()).outlet.tolist() == [1, -1, 0, 1]


# Boilerplate and copies -----------------------------------------------------------------------------------------------


def stripped(table: pa.Table, made: Survey) -> pa.Table:
    """Return the corpus without its boilerplate, each text as its tokens."""
    kept = []
    for row, original in enumerate(table["text"].to_pylist()):
        tokens = oracle.words(original or "")
        mask = made.boilerplate.mask(np.array([row]), np.array([0, len(tokens)]))
        kept.append(" ".join(token for token, left_out in zip(tokens, mask, strict=True) if not left_out))
    return table.set_column(table.column_names.index("text"), "text", pa.array(kept, pa.string()))


def with_house_lines(seed: int) -> pa.Table:
    """Return a corpus whose outlets sign every article."""
    table = corpus(seed)
    signed = [
        None if body is None else f"{body}\n\n{LINES[int(source[-1]) % 2].replace('Harbour', source.title())}"
        for body, source in zip(table["text"].to_pylist(), table["source"].to_pylist(), strict=True)
    ]
    return table.set_column(table.column_names.index("text"), "text", pa.array(signed, pa.string()))


@pytest.mark.parametrize("name", ["sample", 1, 2, 3])
def test_copies_are_those_of_the_texts_without_boilerplate(news: pa.Table, name: str | int) -> None:
    """Setting boilerplate aside gives the matches and groups of a corpus that never had it."""
    table = news if name == "sample" else with_house_lines(int(name))
    settings = thorough(boilerplate=True, cap=1 << 10)
    made = surveyed(table, settings)
    assert len(made.boilerplate.starts) > 5
    one, two = find(table, settings), find(stripped(table, made), thorough(cap=1 << 10))
    assert tables_of(one)["matches"] == tables_of(two)["matches"]
    for left, right in zip(one.articles.to_pylist(), two.articles.to_pylist(), strict=True):
        for column_ in ("id", "copy_id", "relation", "witness_id", "score"):
            assert left[column_] == right[column_]
        assert own_words(left) == right["words"]
        assert left["copied"] * left["words"] == pytest.approx(right["copied"] * right["words"])
        assert left["boilerplate"] * left["words"] == pytest.approx(left["words"] - right["words"])
