"""What a report tells of a result, and how it looks: at every width, and whatever the titles hold."""

from __future__ import annotations

import io
import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

import dedup
from dedup.article import ARTICLES, MATCHES, SPANS
from dedup.errors import OutputError
from dedup.report import progress, summary, terminal
from dedup.result import Result
from dedup.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

WIDTHS = [60, 80, 100, 160]
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
HOSTILE = {
    "markup": "[red]Win[/red] [link=file:///etc/passwd]a prize[/link] [/]",
    "control": "Be\x07ll \x1b[2J\x1b]0;owned\x07 and\r\nback\tspace\x08 \x9b31m",
    "bidi": "\u202egnp.exe\u202c \u2066isolated\u2069 \u200fmark",
    "wide": "大桥被撞" * 60,
    "long": "A headline without an end " * 400,
    "marks": "e" + "\u0301" * 10_000,
    "emoji": "👨\u200d👩\u200d👧 and 🇩🇪 :smile: 50%{size}",
    "nothing": "",
    "spaces": " \u2028\n ",
}


def article(name: str, **fields: Any) -> dict[str, Any]:
    plain = {"id": name, "title": f"Title of {name}", "source": "Nordwire", "published": NOON, "url": None}
    plain |= {"copy_id": name, "relation": None, "witness_id": None, "score": None}
    return plain | {"words": 100, "copied": 0.0, "unique": 1.0} | fields


def group(name: str, size: int, **fields: Any) -> list[dict[str, Any]]:
    """Make a copy group: its first article is the longest and admits the others, each published an hour later."""
    admitted = {"relation": "near", "witness_id": f"{name}-0000", "score": 0.9}
    return [
        article(f"{name}-{number:04}")
        | {"copy_id": f"{name}-0000", "published": NOON + timedelta(hours=number), "copied": 0.75, "unique": 0.25}
        | (admitted if number else {})
        | fields
        for number in range(size)
    ]


def made(*articles: dict[str, Any], **counters: int) -> Result:
    table = pa.Table.from_pylist(list(articles), ARTICLES)
    return Result(table, MATCHES.empty_table(), SPANS.empty_table(), Settings().recorded(), counters)


def printed(lines: Any, width: int, *, colour: bool = False) -> str:
    to = Console(
        file=io.StringIO(), width=width, force_terminal=colour, color_system="standard" if colour else None,
        highlight=False, markup=False, emoji=False,
    )  # fmt: skip
    terminal.show(lines, to)
    assert isinstance(to.file, io.StringIO)
    return to.file.getvalue()


def report(
    result: Result, width: int = 120, groups: int = 10, members: int | None = 8, folder: str | None = None
) -> str:
    told = summary.summarise(result, groups, members)
    return printed(terminal.report(told, result.settings, result.counters, width, folder), width)


@pytest.fixture(scope="module")
def found(sample: Path) -> Result:
    return dedup.find(str(sample))


# What is told


def test_totals_are_those_of_the_articles(found: Result) -> None:
    rows = found.articles.to_pylist()
    sizes = Counter(row["copy_id"] for row in rows)
    told = summary.summarise(found, 10).totals
    assert told.articles == len(rows)
    assert told.outlets == len({row["source"] for row in rows})
    assert told.copy_groups == sum(size > 1 for size in sizes.values())
    assert told.grouped_articles == sum(size for size in sizes.values() if size > 1)
    assert told.distinct_texts == len(rows) - sum(row["relation"] == "identical" for row in rows)
    assert told.words == sum(row["words"] for row in rows)
    assert told.copied_words == sum(round(row["words"] * row["copied"]) for row in rows)
    assert told.copied == pytest.approx(told.copied_words / told.words)
    assert (told.first, told.last) == (min(row["published"] for row in rows), max(row["published"] for row in rows))


def test_groups_have_all_their_members_and_the_largest_come_first(found: Result) -> None:
    rows = found.articles.to_pylist()
    groups = summary.summarise(found, 1000).groups
    assert [group.size for group in groups] == sorted((group.size for group in groups), reverse=True)
    for told in groups:
        members = [row for row in rows if row["copy_id"] == told.copy_id]
        assert {member.id for member in told.members} == {row["id"] for row in members}
        assert told.size == len(members) > 1
        assert [member.published for member in told.members] == sorted(row["published"] for row in members)
        assert told.copied == pytest.approx(
            sum(row["copied"] * row["words"] for row in members) / sum(row["words"] for row in members)
        )


def test_fewer_groups_and_members_are_the_beginning_of_all(found: Result) -> None:
    everything, some = summary.summarise(found, 1000), summary.summarise(found, 3, 2)
    assert some.totals == everything.totals
    assert [group.copy_id for group in some.groups] == [group.copy_id for group in everything.groups[:3]]
    assert [group.members for group in some.groups] == [group.members[:2] for group in everything.groups[:3]]
    assert summary.summarise(found, 0).groups == ()


def test_summary_does_not_depend_on_the_order_of_the_articles() -> None:
    rows = [*group("a", 3), *group("b", 3), *group("c", 4), article("alone")]
    assert summary.summarise(made(*rows), 3) == summary.summarise(made(*reversed(rows)), 3)


def test_of_equally_large_groups_the_one_with_more_copied_words_comes_first() -> None:
    rows = [*group("a", 2, words=50), *group("b", 2, words=300)]
    assert [told.copy_id for told in summary.summarise(made(*rows), 2).groups] == ["b-0000", "a-0000"]


def test_undated_and_undatable_articles_come_last() -> None:
    rows = group("a", 3)
    rows[0]["published"] = None
    result = made(*rows)
    column = pa.array([None, 1 << 60, 0], pa.int64()).cast(pa.timestamp("us", tz="UTC"))  # the year 38503
    articles = result.articles.set_column(3, ARTICLES.field("published"), column)
    told = summary.summarise(Result(articles, result.matches, result.spans, {}, {}), 1).groups[0]
    assert [member.published for member in told.members] == [datetime(1970, 1, 1, tzinfo=UTC), None, None]
    assert [member.id for member in told.members] == ["a-0002", "a-0000", "a-0001"]


def test_empty_corpus_has_a_report() -> None:
    assert "0 articles" in report(made())
    assert "No copies were found." in report(made())


def test_articles_in_several_chunks_are_one_corpus() -> None:
    rows = [*group("a", 3), article("b")]
    whole = made(*rows)
    parts = pa.concat_tables([made(row).articles for row in rows])
    assert summary.summarise(Result(parts, whole.matches, whole.spans, {}, {}), 5) == summary.summarise(whole, 5)


# One group


@pytest.mark.parametrize("name", ["a-0000", "a-0001", "a-00", "a"])
def test_a_group_is_found_by_any_member_and_by_how_its_id_begins(name: str) -> None:
    result = made(*group("a", 3), *group("b", 2), article("a-alone"))
    assert summary.detail(result, name).group.copy_id == "a-0000"


def test_an_article_on_its_own_is_a_group_of_one() -> None:
    told = summary.detail(made(*group("a", 3), article("b")), "b")
    assert [member.id for member in told.group.members] == ["b"]
    assert "on its own" in printed(terminal.detail(told, 100), 100)


def test_unknown_and_ambiguous_names_are_refused() -> None:
    result = made(*group("ab", 2), *group("ac", 2), *group("ad", 2), *group("ae", 2))
    with pytest.raises(OutputError, match="no article's id is 'x'"):
        summary.detail(result, "x")
    with pytest.raises(OutputError, match="'ab-0000', 'ac-0000', 'ad-0000' and 1 more; name one of these"):
        summary.detail(result, "a")


def test_shared_characters_are_those_of_the_spans(found: Result) -> None:
    told = summary.detail(found, "mine-rescue-wire")
    for member in told.group.members:
        spans = [row for row in found.spans.to_pylist() if row["id"] == member.id and row["other_id"]]
        assert sum(shared.characters for shared in told.shared[member.id]) == sum(r["end"] - r["start"] for r in spans)
        assert sum(shared.passages for shared in told.shared[member.id]) == len(spans)
        assert max(shared.longest for shared in told.shared[member.id]) == max(r["end"] - r["start"] for r in spans)
        words = sum(shared.words for shared in told.shared[member.id])
        assert abs(words - member.copied * member.words) <= len(told.shared[member.id])


def test_detail_names_witness_and_counterparts(found: Result) -> None:
    told = summary.detail(found, "mine-rescue-wire")
    text = printed(terminal.detail(told, 160), 160)
    for member in told.group.members:
        assert member.title is not None
        assert member.title in text
        assert member.relation is None or f"({member.witness_id}), " in text
    assert "the longest of the group" in text
    assert "shared with Nordwire (mine-rescue-wire)" in text


def test_documents_are_plain_json(found: Result) -> None:
    told = summary.summary_document(found, summary.summarise(found, 2))
    assert list(told) == ["version", "settings", "counters", "totals", "groups"]
    assert json.loads(json.dumps(told, default=datetime.isoformat))["totals"]["articles"] == len(found.articles)
    one = summary.detail_document(found, summary.detail(found, "mine-rescue-wire"))
    assert one["totals"] == told["totals"]
    assert [set(member) >= {"id", "relation", "shared"} for member in one["groups"][0]["members"]] == [True] * 5


# How it looks


@pytest.mark.parametrize("width", WIDTHS)
def test_lines_fit_the_width(found: Result, width: int) -> None:
    for line in report(found, width, folder="/tmp/out").splitlines():  # noqa: S108
        assert cell_len(line) <= width
    for line in printed(terminal.detail(summary.detail(found, "mine-rescue-wire"), width), width).splitlines():
        assert cell_len(line) <= width


@pytest.mark.parametrize("width", WIDTHS)
def test_every_member_has_outlet_date_relation_shares_and_title(width: int) -> None:
    rows = group("a", 2)
    rows[1] |= {"title": "A second title", "source": "Velmark Today"}
    lines = report(made(*rows), width).splitlines()
    line = next(index for index, line in enumerate(lines) if "near 0.90" in line)
    for part in ("Velmark", "2 Mar ", "13:00", "75 %", "25 %"):
        assert part in lines[line]
    assert "A second title" in lines[line] + lines[line + 1]


@pytest.mark.parametrize("width", WIDTHS)
def test_columns_are_aligned(width: int) -> None:
    rows = [*group("a", 3), *group("b", 2, source="大桥日报")]
    rows[0]["source"] = "An outlet with a long name"
    rows[1]["source"] = None
    ends = {cell_len(line[: line.index("75 %")]) for line in report(made(*rows), width).splitlines() if "25 %" in line}
    assert len(ends) == 1


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("kind", HOSTILE)
def test_text_from_strangers_is_text(kind: str, width: int) -> None:
    rows = group("a", 2, title=HOSTILE[kind], source=HOSTILE[kind])
    rows = [row | {"id": f"{row['id']}{HOSTILE[kind]}"} for row in rows]
    result = made(*rows)
    told = summary.detail(result, "a-0000")
    for text in (report(result, width, members=1, folder="out"), printed(terminal.detail(told, width), width)):
        for line in text.split("\n"):
            assert cell_len(line) <= width
            assert line.isprintable() or kind == "emoji"
            assert len(line) <= 5 * width


def test_markup_is_shown_as_it_stands() -> None:
    assert HOSTILE["markup"] in report(made(*group("a", 2, title=HOSTILE["markup"])), 160)


def test_emoji_names_and_braces_are_shown_as_they_stand() -> None:
    assert ":smile: 50%{size}" in report(made(*group("a", 2, title=HOSTILE["emoji"])), 160)


@given(st.text())
def test_printable_text_moves_no_cursor(text: str) -> None:
    made_safe = terminal.printable(text)
    assert all(character.isprintable() or character in "\u200c\u200d" for character in made_safe)
    assert terminal.printable(made_safe) == made_safe


def test_large_groups_list_some_members_and_say_how_many_more() -> None:
    result = made(*group("a", 1000))
    text = report(result, folder="my out")
    assert text.count("near 0.90") == 7
    assert "… and 992 more: dedup show 'my out' a-0000" in text
    assert printed(terminal.detail(summary.detail(result, "a"), 100), 100).count("resemblance 0.90") == 999
    assert "… and 992 more\n" in report(result)


def test_groups_that_are_not_listed_are_counted() -> None:
    rows = [*group("a", 2), *group("b", 2), *group("c", 2)]
    assert "The 2 largest of 3 copy groups" in report(made(*rows), groups=2)
    assert "1 more copy group; --groups 3 lists all" in report(made(*rows), groups=2)
    assert "3 more copy groups" in report(made(*rows), groups=0)
    assert "more copy group" not in report(made(*rows), groups=3)


def test_every_counter_has_words(found: Result) -> None:
    known = set(found.counters) - {"candidates"}
    assert known
    for name in known:
        one, many = (report(made(article("a"), **{name: count})) for count in (1, 2345))
        assert "Please note" in one
        assert "  1 " in one
        assert "  2,345 " in many
        assert "Please note" not in report(made(article("a"), **{name: 0}))


def test_notes_tell_the_settings_that_were_in_force() -> None:
    result = made(article("a"), short=2)
    assert "fewer than 5 words" in report(result)
    unknown = Result(result.articles, result.matches, result.spans, {}, result.counters)
    assert "fewer than the shingle words" in report(unknown)


@pytest.mark.parametrize(
    ("part", "text"), [(0, "0 %"), (0.001, "<1 %"), (0.25, "25 %"), (0.994, "99 %"), (0.9999, ">99 %"), (1, "100 %")]
)
def test_only_nothing_is_0_percent_and_only_everything_100(part: float, text: str) -> None:
    assert terminal.share(part) == text


@pytest.mark.parametrize(
    ("last", "text"),
    [
        (NOON, "2 Mar 2026 12:00 UTC"),
        (NOON + timedelta(hours=1), "2 Mar 2026 12:00 to 13:00 UTC"),
        (NOON + timedelta(days=1), "2 Mar 2026 12:00 to 3 Mar 12:00 UTC"),
        (NOON + timedelta(days=400), "2 Mar 2026 12:00 to 6 Apr 2027 12:00 UTC"),
        (None, "undated"),
    ],
)
def test_periods_read_well(last: datetime | None, text: str) -> None:
    rows = group("a", 2, published=None if last is None else NOON)
    rows[1]["published"] = last
    assert f" · {text} · a-0000" in report(made(*rows))


@pytest.mark.parametrize(
    ("relation", "text"),
    [
        ("identical", "identical to Nordwire (a-0000)\n"),
        ("near", "near copy of Nordwire (a-0000), resemblance 0.90\n"),
        ("excerpt", "excerpt of Nordwire (a-0000), containment 0.90\n"),
        ("rewrite", "rewrite of Nordwire (a-0000), score 0.90\n"),
    ],
)
def test_relations_are_told_in_words(relation: str, text: str) -> None:
    rows = group("a", 2)
    rows[1]["relation"] = relation
    result = made(*rows)
    assert text in printed(terminal.detail(summary.detail(result, "a"), 100), 100)
    assert f"{relation} 0.90 " in report(result) or relation == "identical"


def test_a_witness_without_outlet_is_named_by_its_id() -> None:
    told = summary.detail(made(*group("a", 2, source=None)), "a")
    assert "near copy of a-0000, resemblance" in printed(terminal.detail(told, 100), 100)


def test_colour_is_for_terminals(found: Result, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    told = summary.summarise(found, 1)
    lines = list(terminal.groups(told, 100, None))
    assert "\x1b[36m" in printed(lines, 100, colour=True)
    assert "\x1b" not in printed(lines, 100)
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[36m" not in printed(lines, 100, colour=True)


def test_settings_that_differ_from_the_default_are_marked() -> None:
    lines = printed(terminal.knobs(summary.knobs(Settings(near=0.7)), 80), 80).splitlines()
    assert [line.split()[0] for line in lines if "(changed)" in line] == ["near"]
    assert any(
        line.startswith("near = 0.7 (changed) ") and line.endswith("default 0.8, from 0.01 to 1.0") for line in lines
    )
    assert all(len(line) <= 80 for line in lines)


def test_progress_shows_stage_count_and_time_left() -> None:
    console = Console(file=io.StringIO(), width=100, force_terminal=True, color_system=None)
    with progress.shown(console) as note:
        note("sketch", 0, 2000)
        note("sketch", 1000, 2000)
        note("something new", 5, 5)
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    assert "Reading articles" in text
    assert "1,000 of 2,000" in text
    assert "something new" in text
