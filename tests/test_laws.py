"""find() with stories: what holds whatever the corpus, its form, its dates and its language."""
# ruff: noqa: E501  (sentences, one a line)

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import settings as example_settings
from hypothesis import strategies as st
from support import (
    any_text,
    check_laws,
    groups_of,
    prose,
    sentences,
    stories_of,
    tables_of,
)

from dedup import Result, SettingsError, find
from dedup.article import TIMESTAMP
from dedup.background import build, write
from dedup.corpus import open_corpus
from dedup.memory import Plan
from dedup.postings import Room
from dedup.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.no_cover

SETTINGS = Settings(workers=2)


@pytest.fixture(scope="module")
def news(sample: Path) -> pa.Table:
    return pq.read_table(sample / "news.parquet")


@pytest.fixture(scope="module")
def wanted(news: pa.Table) -> dict[str, Any]:
    return tables_of(find(news, SETTINGS))


def put(table: pa.Table, name: str, values: Any) -> pa.Table:
    return table.set_column(table.column_names.index(name), name, values)


def checked(table: pa.Table, settings: Settings = SETTINGS) -> Result:
    result = find(table, settings)
    check_laws(table, result)
    return result


# The form does not show -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
def test_input_order(news: pa.Table, wanted: dict[str, Any], seed: int) -> None:
    order = np.random.default_rng(seed).permutation(news.num_rows)
    assert tables_of(find(news.take(pa.array(order)), SETTINGS)) == wanted


@pytest.mark.parametrize(("group", "workers"), [(1, 1), (1, 3), (40, 2), (1000, 1)])
def test_row_groups_and_workers(
    news: pa.Table, wanted: dict[str, Any], group: int, workers: int, tmp_path: Path
) -> None:
    pq.write_table(news, tmp_path / "c.parquet", row_group_size=group)
    assert tables_of(find(tmp_path / "c.parquet", Settings(workers=workers))) == wanted


def test_small_blocks(news: pa.Table, wanted: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("dedup.pipeline", "dedup.tables"):
        monkeypatch.setattr(f"{module}._BLOCK_BYTES", 500)
    assert tables_of(find(news, SETTINGS)) == wanted


@pytest.mark.parametrize("on_disk", [False, True])
@pytest.mark.parametrize("dated", [False, True])
def test_little_room(
    news: pa.Table,
    on_disk: bool,  # noqa: FBT001  (a parameter of the test)
    dated: bool,  # noqa: FBT001
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whatever is done at a time, in memory or on disk; without dates every article is in the window of every one."""
    table = news if dated else news.drop_columns("published")
    whole = tables_of(find(table, SETTINGS))
    for name in ("_GATHERED", "_ASKED", "_WEIGHED", "_PAIRS", "_SCORED"):
        monkeypatch.setattr(f"dedup.rewrites.{name}", 7)
    monkeypatch.setattr("dedup.rewrites._PARTS", 1 << 20)
    monkeypatch.setattr("dedup.alignment.ROOM", 1)
    plan = Plan(on_disk=on_disk, room=Room(7, 7), held=0, told=7)
    monkeypatch.setattr("dedup.memory.plan_find", lambda *_, **__: plan)
    folder = tmp_path / "work"
    assert tables_of(find(table, SETTINGS, work=folder)) == whole
    assert not folder.exists()


def test_the_same_bytes(news: pa.Table, tmp_path: Path) -> None:
    for name, workers in (("one", 1), ("two", 3)):
        find(news, Settings(workers=workers)).write(tmp_path / name)
    for file in ("articles", "matches", "spans"):
        one, two = ((tmp_path / name / f"{file}.parquet").read_bytes() for name in ("one", "two"))
        assert one == two


def test_an_id_is_only_a_name(news: pa.Table) -> None:
    """Where dates decide, other ids, in the same order of names or not, change no group."""
    alike = put(news, "id", pa.array([f"x{i:03}" for i in range(news.num_rows)]))
    names = dict(zip(alike["id"].to_pylist(), news["id"].to_pylist(), strict=True))
    result = find(alike, SETTINGS)
    back = {frozenset(names[id_] for id_ in group) for group in stories_of(result)}
    assert back == stories_of(find(news, SETTINGS))


def test_a_pair_is_listed_once(wanted: dict[str, Any]) -> None:
    """A pair has one row of a relation, and copies of one group are not also rewrites."""
    pairs = [(frozenset((row["left"], row["right"])), row["relation"] == "rewrite") for row in wanted["matches"]]
    assert len(set(pairs)) == len(pairs)
    copy_id = {row["id"]: row["copy_id"] for row in wanted["articles"]}
    rewrites = [row for row in wanted["matches"] if row["relation"] == "rewrite"]
    assert [row for row in rewrites if copy_id[row["left"]] == copy_id[row["right"]]] == []


# Switches and knobs ---------------------------------------------------------------------------------------------------


def test_stories_change_no_copy(news: pa.Table) -> None:
    """Copies and their matches are the same with stories and without; what is copied can only grow."""
    told, copies = find(news, SETTINGS), find(news, Settings(workers=2, stories=False))
    same = ["id", "copy_id", "words", "boilerplate"]
    assert told.articles.select(same).equals(copies.articles.select(same))
    both = zip(told.articles["copied"].to_pylist(), copies.articles["copied"].to_pylist(), strict=True)
    assert all(more >= less for more, less in both)
    assert set(copies.articles["reworded"].to_pylist()) == {0.0}
    assert [row for row in told.matches.to_pylist() if row["relation"] != "rewrite"] == copies.matches.to_pylist()
    assert copies.articles["story_id"].equals(copies.articles["copy_id"])
    assert "rewrite" not in copies.articles["relation"].to_pylist()
    for row, copy in zip(told.articles.to_pylist(), copies.articles.to_pylist(), strict=True):
        if copy["relation"] is not None:
            assert [row[name] for name in ("relation", "witness_id", "score")] == [
                copy[name] for name in ("relation", "witness_id", "score")
            ]


def test_without_boilerplate_every_word_is_the_articles_own(news: pa.Table) -> None:
    result = checked(news, Settings(workers=2, boilerplate=False))
    assert set(result.articles["boilerplate"].to_pylist()) == {0.0}
    assert "boilerplate" not in result.spans["kind"].to_pylist()
    assert len(stories_of(result)) > 0


def rewrites_of(result: Result) -> list[dict[str, Any]]:
    return [row for row in result.matches.to_pylist() if row["relation"] == "rewrite"]


@pytest.mark.parametrize("hours", [0.5, 6.0, 48.0])
def test_no_rewrite_reaches_beyond_the_window(news: pa.Table, hours: float) -> None:
    result = checked(news, Settings(workers=2, window=hours))
    when = dict(zip(result.articles["id"].to_pylist(), result.articles["published"].to_pylist(), strict=True))
    found = rewrites_of(result)
    assert all(when[row["right"]] - when[row["left"]] <= timedelta(hours=hours) for row in found)
    assert len(found) > (0 if hours > 1 else -1)


@pytest.mark.proof
def test_the_threshold(news: pa.Table) -> None:
    """The higher, the smaller the stories: each lies in one of the lower threshold, and none is left at 1."""
    stories = [stories_of(checked(news, Settings(workers=2, story_threshold=at))) for at in (0.1, 0.275, 0.6, 1.0)]
    for wide, narrow in pairwise(stories):
        assert all(any(small <= large for large in wide) for small in narrow)
    assert len(set().union(*stories[-1])) < len(set().union(*stories[0]))
    assert stories[-1] == groups_of(find(news, SETTINGS))


def test_partners_are_capped_and_counted(news: pa.Table) -> None:
    one, many = (checked(news, Settings(workers=2, partners=partners)) for partners in (1, 1000))
    assert one.counters["capped_partners"] > 0 == many.counters["capped_partners"]
    assert groups_of(one) == groups_of(many)


def test_a_background_of_ones_own(news: pa.Table, tmp_path: Path) -> None:
    pytest.importorskip("scipy")
    write(build(open_corpus(news), ["sample"]), tmp_path / "words.parquet")
    result = checked(news, Settings(workers=2, background=str(tmp_path / "words.parquet")))
    assert result.settings["background"] == str(tmp_path / "words.parquet")
    with pytest.raises(SettingsError, match="background cannot be read"):
        find(news, Settings(background=str(tmp_path / "none.parquet")))


# Dates ----------------------------------------------------------------------------------------------------------------


def dated(table: pa.Table, values: list[datetime | None]) -> pa.Table:
    return put(table, "published", pa.array(values, TIMESTAMP))


def test_text_dates_are_dates(news: pa.Table, wanted: dict[str, Any]) -> None:
    written = [when.isoformat() for when in news["published"].to_pylist()]
    assert tables_of(find(put(news, "published", pa.array(written)), SETTINGS)) == wanted


def some_dates(values: list[datetime], kind: str) -> list[datetime | None]:
    every: dict[str, list[datetime | None]] = {
        "none": [None] * len(values),
        "some": [None if n % 3 == 0 else when for n, when in enumerate(values)],
        "one": [values[0], *[None] * (len(values) - 1)],
        "same": [values[0]] * len(values),
        "1970": [datetime(1970, 1, 1, tzinfo=UTC)] * len(values),
        "before 1970": [when.replace(year=1920) for when in values],
        "far apart": [datetime(1 + 1999 * (n % 6), 1, 1, tzinfo=UTC) for n in range(len(values))],
        "future": [when.replace(year=9999) for when in values],
    }
    return every[kind]


@pytest.mark.parametrize("kind", ["none", "some", "one", "same", "1970", "before 1970", "far apart", "future"])
def test_dates_of_any_kind(news: pa.Table, kind: str) -> None:
    """Copies do not depend on dates at all."""
    result = checked(dated(news, some_dates(news["published"].to_pylist(), kind)))
    assert groups_of(result) == groups_of(find(news, SETTINGS))
    if kind != "far apart":  # where every sixth may still be a rewrite
        assert len(stories_of(result)) > 0


@pytest.mark.parametrize("years", [-106, 0, 50, 7000])
def test_stories_depend_on_the_time_between_articles(news: pa.Table, years: int) -> None:
    shifted = [when + timedelta(days=365 * years) for when in news["published"].to_pylist()]
    assert stories_of(find(dated(news, shifted), SETTINGS)) == stories_of(find(news, SETTINGS))


# Odd corpora ----------------------------------------------------------------------------------------------------------


@given(st.lists(st.one_of(st.none(), sentences, any_text), max_size=8), st.randoms(use_true_random=False))
@example_settings(max_examples=40)
def test_any_text_may_come(originals: list[str | None], random: Any) -> None:
    days = [datetime(2026, 3, random.randint(1, 4), tzinfo=UTC) if random.random() < 0.7 else None for _ in originals]
    table = pa.table(
        {
            "id": pa.array([f"{number}" for number in range(len(originals))], pa.string()),
            "text": pa.array(originals, pa.string()),
            "title": pa.array([random.choice([None, "", *originals]) for _ in originals], pa.string()),
            "source": pa.array([random.choice([None, "", "Argus", "Post"]) for _ in originals], pa.string()),
            "published": pa.array(days, TIMESTAMP),
        }
    )
    settings = Settings(shingle=2, excerpt=0.5, excerpt_shingles=3, workers=1)
    one = checked(table, settings)
    assert tables_of(find(table.take(pa.array(range(len(table))[::-1], pa.int64())), settings)) == tables_of(one)


@pytest.mark.parametrize("drop", [["title"], ["source", "url"], ["published"], ["title", "source", "url", "published"]])
def test_columns_that_are_not_there(news: pa.Table, drop: list[str]) -> None:
    result = checked(news.drop(drop))
    assert len(stories_of(result)) > 5


@pytest.mark.parametrize("source", ["Argus", "", None])
def test_one_outlet_only(news: pa.Table, source: str | None) -> None:
    table = put(news, "source", pa.array([source] * news.num_rows, pa.string()))
    result = checked(put(table, "url", pa.nulls(news.num_rows, pa.string())))
    assert len(stories_of(result)) > 5


@pytest.mark.proof
@pytest.mark.parametrize("dates", [True, False])
def test_all_articles_identical(dates: bool) -> None:  # noqa: FBT001  (a parameter of the test)
    body = " ".join(prose(np.random.default_rng(5), 200)) + "."
    when = [datetime(2026, 3, 1 + n % 9, tzinfo=UTC) if dates else None for n in range(300)]
    table = pa.table(
        {
            "id": [f"{n:03}" for n in range(300)],
            "text": [body] * 300,
            "title": ["The same"] * 300,
            "source": [f"outlet {n % 7}" for n in range(300)],
            "published": pa.array(when, TIMESTAMP),
        }
    )
    result = checked(table)
    assert set(result.articles["copy_id"].to_pylist()) == set(result.articles["story_id"].to_pylist()) == {"000"}
    assert [row["relation"] for row in result.articles.to_pylist()] == [None] + ["identical"] * 299
    assert set(result.articles["copied"].to_pylist()) == {1.0}


@pytest.mark.parametrize("outlets", [1, 4, 60])
def test_every_article_one_template(outlets: int) -> None:
    random = np.random.default_rng(6)
    frame = prose(random, 80)
    texts = [" ".join([*prose(random, 5), *frame[:40], *prose(random, 5), *frame[40:]]) + "." for _ in range(60)]
    table = pa.table(
        {"id": [f"{n:02}" for n in range(60)], "text": texts, "source": [f"outlet {n % outlets}" for n in range(60)]}
    )
    result = checked(table)
    assert result.articles.num_rows == 60
    if outlets == 60:
        assert [len(group) for group in groups_of(result)] == [60]


@pytest.mark.proof
def test_a_page_of_twenty_thousand_words(news: pa.Table) -> None:
    random = np.random.default_rng(7)
    lines = [f"{' '.join(prose(random, int(random.integers(3, 40)))).capitalize()}." for _ in range(1000)]
    page = "\n".join(lines)
    one_line = " ".join(prose(random, 20_000))
    more = pa.table(
        {
            "id": ["page", "page again", "line", "part"],
            "text": [page, f"{page}\nAnd so on, and so on.", one_line, "\n".join(lines[300:400])],
            "title": ["A list"] * 4,
            "source": ["Argus", "Post", "Argus", None],
            "published": pa.array([datetime(2026, 3, 3, tzinfo=UTC)] * 4, news.schema.field("published").type),
        }
    )
    table = pa.concat_tables([news.select(more.column_names).cast(more.schema), more])
    result = checked(table)
    rows = {row["id"]: row for row in result.articles.to_pylist()}
    assert rows["line"]["words"] == 20_000
    assert rows["page"]["copy_id"] == rows["page again"]["copy_id"] == rows["part"]["copy_id"]
    assert rows["part"]["relation"] == "excerpt"


@pytest.mark.parametrize("nothing", ["", None, "..."])
def test_titles_only(news: pa.Table, nothing: str | None) -> None:
    table = put(news, "text", pa.array([nothing] * news.num_rows, pa.string()))
    result = checked(table)
    assert groups_of(result) == set()
    assert set(result.articles["words"].to_pylist()) == {0}
    assert set(result.articles["unique"].to_pylist()) == {1.0}
    assert result.counters["empty"] == news.num_rows


@pytest.mark.parametrize("count", [0, 1, 2])
def test_hardly_any_article(news: pa.Table, count: int) -> None:
    result = checked(news[:count])
    assert result.articles.num_rows == count
    assert stories_of(result) == set()


def test_five_articles_only(news: pa.Table) -> None:
    """Rarity comes from the background where the corpus is too small to tell."""
    ids = ["airline-merger-wire", "airline-merger-copy", "airline-merger-heavy", "pool-opening", "fish-prices-0302"]
    table = news.filter(pa.compute.is_in(news["id"], pa.array(ids)))
    result = checked(table)
    assert groups_of(result) == {frozenset(ids[:2])}
    assert stories_of(result) == {frozenset(ids[:3])}


# Languages ------------------------------------------------------------------------------------------------------------

LANGUAGES = {
    "Spanish": [
        "El puente de la bahía de Almora quedó cerrado el martes después de que un carguero golpeara uno de sus pilares.",
        "La capitana del puerto, Inés Quiroga, dijo que nadie resultó herido y que el barco perdió el timón en la niebla.",
        "Unas doce mil personas cruzan el puente cada día; los transbordadores llevarán pasajeros desde el miércoles.",
        "«No sabemos cuánto durará la reparación», añadió la señora Quiroga. ¿Quién pagará? El seguro, según la alcaldía.",
    ],
    "German": [
        "Die Kornbrücke über die Lauter bleibt nach dem Aufprall eines Frachters bis auf Weiteres für Züge gesperrt.",
        "Verletzt wurde niemand, teilte Bürgermeisterin Änne Größl am Dienstagabend nach einer Sitzung des Stadtrates mit.",
        "Nach Angaben des Hafenamtes fiel im Nebel die Ruderanlage aus; der Kapitän, 54, ließ noch den Anker werfen.",
        "„Wir prüfen jeden Pfeiler“, sagte Größl. Am 5. März soll ein Gutachten vorliegen, das 1,2 Millionen kostet.",
    ],
    "Chinese": [
        "星期二清晨,一艘货轮在大雾中撞上了青石湾大桥的桥墩,大桥随即关闭。",
        "港务局局长李岚说,事故没有造成人员伤亡,货轮的舵在进港时失灵。",
        "每天约有一万二千人经过这座桥。市政府从星期三起增开渡轮。",
        "“我们会检查每一个桥墩。”她说,修复工程可能需要三个星期!",
    ],
    "Arabic": [
        "أُغلق جسر خليج النوارس صباح الثلاثاء بعد أن اصطدمت سفينة شحن بإحدى دعائمه وسط ضباب كثيف.",
        "وقالت مديرة الميناء سلمى الحداد إن أحداً لم يُصب بأذى، وإن دفة السفينة تعطلت عند دخولها المرفأ.",
        "ويعبر الجسر نحو ١٢ ألف شخص كل يوم، وستنقل العبّارات الركاب ابتداءً من يوم الأربعاء.",
        "وأضافت: «سنفحص كل دعامة». هل يطول الإصلاح؟ ثلاثة أسابيع على الأقل، بحسب البلدية.",
    ],
}
OTHERS = {
    "Spanish": "La selección de remo ganó ayer dos medallas en el lago de Terán y volverá a competir el domingo próximo.",
    "German": "Im Stadtpark von Wenden blühen seit Montag die ersten Kirschbäume, zwei Wochen früher als im Jahr zuvor.",
    "Chinese": "云杉县图书馆本周重新开放,新馆有三万册图书和一个儿童阅览室,每天开到晚上九点。",
    "Arabic": "افتتحت مكتبة وادي الزيتون قاعة جديدة للأطفال تضم ثلاثة آلاف كتاب وتستقبل الزوار حتى المساء.",
}


def in_language(language: str) -> pa.Table:
    lines = LANGUAGES[language]
    texts = {
        "wire": "\n\n".join(lines),
        "copy": "\n\n".join(lines),
        "trim": " ".join(lines[:3]),
        "local": "\n".join([*lines, OTHERS[language][:20]]),
        "other": OTHERS[language],
    }
    return pa.table(
        {
            "id": list(texts),
            "text": list(texts.values()),
            "title": [line[:25] for line in [lines[0], lines[0], lines[1], lines[2], OTHERS[language]]],
            "source": [f"outlet {number}" for number in range(5)],
            "published": [datetime(2026, 3, 3, hour, tzinfo=UTC) for hour in range(5)],
        }
    )


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("boilerplate", [True, False])
def test_copies_in_any_language(language: str, boilerplate: bool) -> None:  # noqa: FBT001  (a parameter of the test)
    settings = Settings(workers=1, boilerplate=boilerplate, excerpt_shingles=20)
    result = checked(in_language(language), settings)
    assert groups_of(result) == {frozenset({"wire", "copy", "trim", "local"})}
    rows = {row["id"]: row for row in result.articles.to_pylist()}
    assert {rows[id_]["copy_id"] for id_ in ("wire", "copy", "trim", "local")} == {"wire"}
    assert rows["copy"]["relation"] == "identical"
    assert rows["trim"]["relation"] in ("excerpt", "near")
    assert rows["other"]["story_id"] == rows["other"]["copy_id"] == "other"
    assert rows["wire"]["copied"] == 1.0


def test_languages_side_by_side(news: pa.Table) -> None:
    tables = [
        put(
            in_language(language),
            "id",
            pa.array([f"{language} {id_}" for id_ in in_language(language)["id"].to_pylist()]),
        )
        for language in LANGUAGES
    ]
    english = news.select(tables[0].column_names).cast(tables[0].schema)
    result = checked(pa.concat_tables([*tables, english]), Settings(workers=2, excerpt_shingles=20))
    for language in LANGUAGES:
        copied = frozenset(f"{language} {id_}" for id_ in ("wire", "copy", "trim", "local"))
        assert copied in groups_of(result)
        assert all(story <= copied for story in stories_of(result) if story & copied)


# Shares ---------------------------------------------------------------------------------------------------------------


def test_no_share_is_negative() -> None:
    body = (  # 27 words and a line of three
        "The ferry left the harbour at noon on Tuesday with nine people aboard. It carried timber and two lorries, "
        "the owner of the line said that evening.\n\nComments are closed."
    )
    result = find(pa.table({"id": ["a", "b"], "text": [body] * 2}), SETTINGS)
    assert result.articles["boilerplate"].to_pylist() == [0.1] * 2
    assert result.articles["copied"].to_pylist() == [0.9] * 2
    for share in ("boilerplate", "copied", "unique"):
        assert pa.compute.min(result.articles[share]).as_py() >= 0
