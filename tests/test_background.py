"""What is known of terms, and that the same articles teach the same."""

from __future__ import annotations

import importlib.util
import json
import math
import os
import resource
import sys
import time
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from support import ROOT

from dedup import background, cli, text
from dedup.background import DIMENSIONS, SCHEMA, VERSION, Background, build, plain, rarity, write
from dedup.corpus import open_corpus
from dedup.errors import CorpusError, MissingExtraError, OutputError, SettingsError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

METADATA = b"dedup.background"
learning = pytest.mark.skipif(
    importlib.util.find_spec("scipy") is None, reason="scipy is not installed: pip install scipy"
)


def terms(*words: str) -> NDArray[np.uint64]:
    return np.array([text.term_hash(word) for word in words], np.uint64)


def articles(texts: list[str], titles: list[str | None] | None = None) -> pa.Table:
    columns = {"id": [f"{number:04}" for number in range(len(texts))], "text": texts}
    return pa.table(columns | ({} if titles is None else {"title": pa.array(titles, pa.string())}))


FILLER = " ".join(f"filler{chr(97 + number // 26)}{chr(97 + number % 26)}" for number in range(40))


@pytest.fixture(scope="module")
def packaged() -> Background:
    return Background.load()


@pytest.fixture(scope="module")
def learned() -> pa.Table:
    """Learn from the sample corpus."""
    pytest.importorskip("scipy")
    return build(open_corpus(ROOT / "corpus"), ["sample"])


# The packaged table -------------------------------------------------------------------------------------------------


def test_the_packaged_table_is_what_it_says(packaged: Background) -> None:
    assert packaged.version == VERSION
    assert packaged.articles > 25_000
    assert packaged.sources == ("haystack", "reuters21578", "bbc2005")
    assert (np.diff(packaged.terms) > 0).all()
    assert packaged.counts.min() >= 3
    assert packaged.counts.max() <= packaged.articles
    assert packaged.vectors.shape == ((packaged.places >= 0).sum(), DIMENSIONS)
    np.testing.assert_allclose(np.linalg.norm(packaged.vectors, axis=1), 1, atol=1e-5)


def test_the_packaged_table_is_small() -> None:
    assert (ROOT / "dedup" / "data" / "background.parquet").stat().st_size <= 4_000_000


def test_the_packaged_table_loads_fast_and_once(packaged: Background) -> None:
    assert Background.load() is packaged
    began = time.process_time()
    background._load.__wrapped__(None, 0)  # noqa: SLF001  (past the cache)
    assert time.process_time() - began < 0.3


def test_common_words_are_common(packaged: Background) -> None:
    the, minister, ceasefire, unknown = packaged.df(terms("the", "minister", "ceasefire", "zzyzxq"))
    assert the > minister > ceasefire > unknown == 0
    assert the > 0.8 * packaged.articles


def test_spellings_of_one_stem_are_one_term(packaged: Background) -> None:
    assert len(set(packaged.df(terms("minister", "ministers", "minister's")))) == 1


@pytest.mark.parametrize(
    ("word", "near", "far"),
    [
        ("minister", "government", "goal"),
        ("shares", "stock", "police"),
        ("killed", "wounded", "dividend"),
        ("ceasefire", "lebanon", "software"),
        ("pilot", "aircraft", "senator"),
        ("tariffs", "retaliation", "striker"),
        ("court", "judge", "oil"),
    ],
)
def test_words_that_keep_company_are_near(packaged: Background, word: str, near: str, far: str) -> None:
    rows = packaged.rows(terms(word, near, far))
    assert (rows >= 0).all()
    one, other, third = packaged.vectors[rows]
    assert one @ other > one @ third + 0.1


def test_numbers_and_the_most_common_words_have_no_vector(packaged: Background) -> None:
    assert (packaged.rows(terms("2000", "40", "twenty", "the", "said", "zzyzxq")) == -1).all()
    assert (packaged.df(terms("2000", "40", "twenty")) > 100).all()


def test_the_words_spell_the_terms() -> None:
    table = pq.read_table(ROOT / "dedup" / "data" / "background.parquet")
    words = table["word"].to_pylist()
    spelled = [text.term_hash(word) for word in words]
    assert spelled == table["term"].to_pylist()  # else the terms changed: `python benchmarks/background.py DATA`
    assert {"minister", "government", "police"} <= set(words)


# Lookups ------------------------------------------------------------------------------------------------------------


@given(st.lists(st.integers(0, 2**64 - 1), max_size=20), st.data())
def test_lookups_equal_a_dictionary(others: list[int], data: st.DataObject) -> None:
    known = Background.load()
    some = data.draw(st.lists(st.integers(0, len(known.terms) - 1), max_size=20))
    asked = np.array([*others, *known.terms[some].tolist()], np.uint64)
    counts = dict(zip(known.terms.tolist(), known.counts.tolist(), strict=True))
    places = dict(zip(known.terms.tolist(), known.places.tolist(), strict=True))
    assert known.df(asked).tolist() == [counts.get(term, 0.0) for term in asked.tolist()]
    assert known.rows(asked).tolist() == [places.get(term, -1) for term in asked.tolist()]


# Rarity -------------------------------------------------------------------------------------------------------------


def test_rarity_of_five_articles_about_one_event() -> None:
    known = Background.load()
    words = terms("the", "minister", "ceasefire", "zzyzxq")
    everywhere = np.full(4, 5.0)
    the, minister, ceasefire, unknown = rarity(known.df(words), known.articles, everywhere, 5)
    assert 0 <= the < 0.2
    assert 1.5 < minister < ceasefire < unknown < math.log(506 / 5)


def test_rarity_follows_a_large_corpus() -> None:
    df = np.array([0.0, 10_000.0])
    rare_here, common_here = rarity(df, 30_000, np.array([90_000.0, 10.0]), 100_000)
    assert rare_here == pytest.approx(math.log(100_501 / (90_000 + 500 / 30_000)))
    assert common_here > 6


@given(st.integers(1, 10**6), st.floats(0, 1), st.integers(0, 10**6), st.floats(0, 1), st.floats(1, 10**4))
def test_rarity_is_never_negative_and_falls_with_frequency(
    known: int, share: float, here: int, share_here: float, weight: float
) -> None:
    df, corpus_df = np.array([share, 1.0]) * known, np.array([share_here, 1.0]) * here
    for values in (rarity(df, known, corpus_df, here, weight), plain(df, known, corpus_df, here)):
        assert (values >= 0).all()
        assert values[0] >= values[1] - 1e-12


def test_plain_counts_every_article_once() -> None:
    assert plain(np.array([9.0]), 1000, np.array([5.0]), 14)[0] == pytest.approx(math.log(1015 / 15))


# Learning -----------------------------------------------------------------------------------------------------------


def test_learning_from_the_sample_corpus(learned: pa.Table) -> None:
    metadata = json.loads(learned.schema.metadata[METADATA])
    assert (metadata["version"], metadata["dimensions"], metadata["sources"]) == (VERSION, DIMENSIONS, ["sample"])
    known = Background.of(learned)
    assert 100 < known.articles <= 148
    assert known.df(terms("the"))[0] == known.articles - _without_the(known)
    assert len(known.vectors) > 100
    assert learned.schema.equals(SCHEMA)


def _without_the(known: Background) -> int:
    """Count the sample's articles that have no English article: those in other scripts and languages."""
    texts = pq.read_table(ROOT / "corpus" / "news.parquet", columns=["title", "text"])
    both = [f"{title} {body}" for title, body in zip(*(column.to_pylist() for column in texts), strict=True)]
    words = [set(text.tokenise(text.views(pa.array([one]))).hashes.tolist()) for one in both]
    return known.articles - sum(text.token_hash("the") in found for found in words)


@learning
def test_title_and_text_count_once() -> None:
    texts = [f"{FILLER} harbour", f"{FILLER} harbours", FILLER, FILLER]
    known = Background.of(build(open_corpus(articles(texts, ["Harbour", None, "The Harbour", "Nothing"]))))
    assert known.df(terms("harbour", "fillerab", "nothing")).tolist() == [3, 4, 0]


@learning
def test_five_articles_teach_frequencies_and_no_vectors() -> None:
    table = build(open_corpus(articles([f"{FILLER} {number},000 boats" for number in (1, 1, 1, 2, 2)])))
    known = Background.of(table)
    assert (known.articles, known.vectors.shape) == (5, (0, DIMENSIONS))
    assert known.df(terms("boat", "1000", "2000", "000")).tolist() == [5, 3, 0, 0]
    assert {"boats", "1000", "filleraa"} <= set(table["word"].to_pylist())
    assert (known.rows(known.terms) == -1).all()


@learning
@pytest.mark.parametrize("texts", [[], ["", "..."], ["too short"] * 9, [FILLER] * 2])
def test_nothing_to_learn_is_said(texts: list[str]) -> None:
    with pytest.raises(CorpusError, match="nothing to learn: "):
        build(open_corpus(articles(texts)))


@learning
def test_the_same_articles_in_any_order_and_batches_give_the_same_bytes(
    learned: pa.Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(background._Tally, "_LEAST", 1)  # noqa: SLF001  (counts are merged at every batch)
    sample = pq.read_table(ROOT / "corpus" / "news.parquet")
    shuffled = sample.take(np.random.default_rng(7).permutation(sample.num_rows))
    pq.write_table(shuffled, tmp_path / "corpus.parquet", row_group_size=31)
    write(build(open_corpus(tmp_path / "corpus.parquet"), ["sample"]), tmp_path / "one.parquet")
    write(learned, tmp_path / "other.parquet")
    assert (tmp_path / "one.parquet").read_bytes() == (tmp_path / "other.parquet").read_bytes()


@learning
def test_a_sentence_printed_often_teaches_once() -> None:
    """Twelve words in one sentence of sixty articles were seen together once: that is chance."""
    words = "alder birch cedar dogwood elm fir ginkgo hazel ivy juniper kapok larch"
    others = [f"{FILLER.replace(' ', f'{number} ')}." for number in range(140)]
    texts = [f"{other} {words}." if number < 60 else other for number, other in enumerate(others)]
    known = Background.of(build(open_corpus(articles(texts))))
    assert known.df(terms("alder"))[0] == 60
    assert known.rows(terms("alder"))[0] == -1


@learning
def test_words_of_one_subject_get_near_vectors() -> None:
    random = np.random.default_rng(3)
    subjects = [["alder", "birch", "cedar", "elm", "fir", "hazel"], ["cod", "eel", "hake", "ling", "pike", "trout"]]
    texts = []
    for number in range(240):
        subject = subjects[number % 2] if number % 5 < 2 else ["quartz", "basalt", "gneiss", "marble"]
        sentences = [" ".join(random.permutation(subject)[:3]) + f" {random.integers(99)}." for _ in range(6)]
        texts.append(f"{FILLER}. " + " ".join(sentence.capitalize() for sentence in sentences))
    known = Background.of(build(open_corpus(articles(texts))))
    alder, elm, cod = known.vectors[known.rows(terms("alder", "elm", "cod"))]
    assert alder @ elm > alder @ cod + 0.3
    assert known.rows(terms("fillerab", "quartz")).tolist()[0] == -1  # in every article: says nothing


@learning
@pytest.mark.no_cover
def test_a_very_long_sentence_costs_little() -> None:
    """Twenty thousand words without a stop would be 200 million pairs."""
    words = " ".join(f"w{number}x" for number in range(20_000))
    began = time.process_time()
    known = Background.of(build(open_corpus(articles([words] * 8 + [f"{FILLER} {number}" for number in range(40)]))))
    assert time.process_time() - began < 20
    assert known.articles == 48


@learning
@pytest.mark.no_cover
def test_a_share_of_the_sentences_is_the_same_in_any_order(monkeypatch: pytest.MonkeyPatch) -> None:
    sample = pq.read_table(ROOT / "corpus" / "news.parquet")
    whole = build(open_corpus(sample))
    monkeypatch.setattr(background, "SENTENCES", 800)
    part = build(open_corpus(sample))
    assert part.equals(build(open_corpus(sample.take(list(range(sample.num_rows))[::-1]))))
    assert part["vector"].null_count > whole["vector"].null_count
    assert part["df"].equals(whole["df"])


@learning
def test_progress_is_told() -> None:
    told: list[tuple[str, int, int]] = []
    build(open_corpus(articles([FILLER] * 5)), progress=lambda *step: told.append(step))
    assert told == [("count", 0, 5), ("count", 5, 5), ("vectors", 0, 5), ("vectors", 5, 5)]


@learning
@pytest.mark.parametrize("field", ["title", "text"])
def test_invalid_text_is_named(field: str) -> None:
    broken = pa.Array.from_buffers(pa.string(), 3, pa.array(["good", "b\u00e4d", "good"]).buffers())
    bounds = np.array([0, 4, 6, 10], np.int32)  # cuts the second letter in half
    column = pa.StringArray.from_buffers(3, pa.py_buffer(bounds), broken.buffers()[2])
    columns = {"id": ["a", "b", "c"], "text": [FILLER] * 3} | {field: column}
    with pytest.raises(CorpusError, match=f"'{field}': row 1 is not valid UTF-8"):
        build(open_corpus(pa.table(columns)))


def test_learning_without_scipy_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy.sparse", None)
    with pytest.raises(MissingExtraError, match=r"scipy; install it with: pip install scipy"):
        build(open_corpus(articles([FILLER] * 5)))


# Files --------------------------------------------------------------------------------------------------------------


def test_a_written_table_reads_back(learned: pa.Table, tmp_path: Path) -> None:
    write(learned, tmp_path / "own.parquet")
    read, known = Background.load(tmp_path / "own.parquet"), Background.of(learned)
    for name in ("version", "articles", "sources"):
        assert getattr(read, name) == getattr(known, name)
    for name in ("terms", "counts", "places", "vectors"):
        np.testing.assert_array_equal(getattr(read, name), getattr(known, name))


def test_a_file_that_changes_is_read_again(learned: pa.Table, tmp_path: Path) -> None:
    path = tmp_path / "own.parquet"
    write(learned, path)
    assert len(Background.load(path).terms) == learned.num_rows
    write(learned.slice(0, 9), path)
    assert len(Background.load(path).terms) == 9


def another(table: pa.Table, **metadata: object) -> pa.Table:
    recorded = json.loads(table.schema.metadata[METADATA]) | metadata
    return table.replace_schema_metadata({METADATA: json.dumps(recorded)})


def packaged_rows() -> pa.Table:
    return pq.read_table(ROOT / "dedup" / "data" / "background.parquet").slice(0, 5)


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        (another(packaged_rows(), version=VERSION + 1), f"a background of version {VERSION + 1}, expected {VERSION}"),
        (packaged_rows().replace_schema_metadata(None), "not a background of dedup .its metadata is missing"),
        (
            packaged_rows().drop_columns(["vector"]),
            "not a background of dedup .other columns than term, word, df, vector",
        ),
        (packaged_rows().slice(0, 0), "not a background of dedup"),
    ],
    ids=["version", "metadata", "columns", "rows"],
)
def test_another_file_is_refused(table: pa.Table, reason: str, tmp_path: Path) -> None:
    pq.write_table(table, tmp_path / "other.parquet")
    with pytest.raises(SettingsError, match=f"other.parquet: {reason}.*dedup background build") as error:
        Background.load(tmp_path / "other.parquet")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("content", [b"", b"PAR1", b"garbage\n" * 99])
def test_garbage_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "garbage").write_bytes(content)
    with pytest.raises(SettingsError, match="garbage: not a background of dedup") as error:
        Background.load(tmp_path / "garbage")
    assert "\n" not in str(error.value)


def test_a_missing_file_or_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="none: background cannot be read"):
        Background.load(tmp_path / "none")
    with pytest.raises(SettingsError, match="not a background of dedup"):
        Background.load(tmp_path)


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(SettingsError, match=r"pipe: not a background of dedup \(not a regular file\)"):
        Background.load(tmp_path / "pipe")


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot be written"):
        write(packaged_rows(), tmp_path / "no" / "folder.parquet")


@learning
def test_a_full_disk_is_told_of_the_file_that_was_named(learned: pa.Table, tmp_path: Path) -> None:
    file = tmp_path / "own.parquet"
    file.write_bytes(b"of yesterday")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(learned), hard))
        done = CliRunner().invoke(cli.main, ["background", "build", str(ROOT / "corpus"), "-o", str(file), "--quiet"])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == f"dedup: error: {file}: cannot be written (File too large)\n"
    assert [(path, path.read_bytes()) for path in tmp_path.iterdir()] == [(file, b"of yesterday")]
