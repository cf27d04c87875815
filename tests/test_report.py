"""What a report tells of a result, and how it looks: at every width, and whatever the titles hold."""

from __future__ import annotations

import io
import json
import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

import dedup
from dedup import evaluation
from dedup.article import ARTICLES, MATCHES, SPANS
from dedup.errors import OutputError
from dedup.report import credits as credits_
from dedup.report import house, progress, summary, terminal
from dedup.result import Result
from dedup.settings import Settings
from dedup.stories import FLOOR, link

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
    plain |= {"copy_id": name, "story_id": name, "relation": None, "witness_id": None, "score": None}
    return plain | {"words": 100, "boilerplate": 0.0, "copied": 0.0, "reworded": 0.0, "unique": 1.0} | fields


def group(name: str, size: int, **fields: Any) -> list[dict[str, Any]]:
    """Make a copy group: its first article is the longest and admits the others, each published an hour later."""
    admitted = {"relation": "near", "witness_id": f"{name}-0000", "score": 0.9}
    return [
        article(f"{name}-{number:04}")
        | {"copy_id": f"{name}-0000", "story_id": f"{name}-0000", "published": NOON + timedelta(hours=number)}
        | {"copied": 0.75, "unique": 0.25}
        | (admitted if number else {})
        | fields
        for number in range(size)
    ]


def story(name: str, sizes: list[int]) -> list[dict[str, Any]]:
    """Make a story of copy groups of these sizes, each published a day after the one before and admitted by it."""
    rows: list[dict[str, Any]] = []
    for number, size in enumerate(sizes):
        members = group(f"{name}-{number:03}", size)
        if number:
            members[0] |= {"relation": "rewrite", "witness_id": f"{name}-{number - 1:03}-0000", "score": 0.5}
        shift = timedelta(days=number)
        rows += [row | {"story_id": f"{name}-000-0000", "published": row["published"] + shift} for row in members]
    return rows


def rewrite(left: str, right: str, score: float) -> dict[str, Any]:
    return {"left": left, "right": right, "relation": "rewrite", "story_score": score}


def made(
    *articles: dict[str, Any],
    rewrites: list[dict[str, Any]] | None = None,
    stories: bool = True,
    counters: dict[str, int] | None = None,
) -> Result:
    table = pa.Table.from_pylist(list(articles), ARTICLES)
    matches = pa.Table.from_pylist(rewrites or [], MATCHES)
    return Result(table, matches, SPANS.empty_table(), Settings(stories=stories).recorded(), counters or {})


def members_of(told: summary.Story) -> list[summary.Member]:
    return [member for inside in told.groups for member in inside.members]


def printed(lines: Any, width: int, *, colour: bool = False) -> str:
    to = Console(
        file=io.StringIO(), width=width, force_terminal=colour, color_system="standard" if colour else None,
        highlight=False, markup=False, emoji=False,
    )  # fmt: skip
    terminal.show(lines, to)
    assert isinstance(to.file, io.StringIO)
    return to.file.getvalue()


def report(result: Result, width: int = 120, top: int = 10, members: int | None = 8, folder: str | None = None) -> str:
    told = summary.summarise(result, top, members)
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
    stories = Counter(row["story_id"] for row in rows)
    assert told.stories == sum(size > 1 for size in stories.values())
    assert told.story_articles == sum(size for size in stories.values() if size > 1)
    assert told.words == sum(row["words"] for row in rows)
    assert told.boilerplate_words == sum(round(row["words"] * row["boilerplate"]) for row in rows)
    assert told.boilerplate == pytest.approx(told.boilerplate_words / told.words)
    assert told.copied_words == sum(round(row["words"] * row["copied"]) for row in rows)
    assert told.copied == pytest.approx(told.copied_words / told.words)
    assert (told.first, told.last) == (min(row["published"] for row in rows), max(row["published"] for row in rows))


def test_stories_have_all_their_groups_and_members_and_the_largest_come_first(found: Result) -> None:
    rows = found.articles.to_pylist()
    stories = summary.summarise(found, 1000).stories
    assert [story.size for story in stories] == sorted((story.size for story in stories), reverse=True)
    for told in stories:
        members = [row for row in rows if row["story_id"] == told.story_id]
        assert {member.id for member in members_of(told)} == {row["id"] for row in members}
        assert told.size == len(members) > 1
        assert told.copied == pytest.approx(
            sum(row["copied"] * row["words"] for row in members) / sum(row["words"] for row in members)
        )
        assert told.copy_groups == len(told.groups) == len({row["copy_id"] for row in members})
        assert told.single_articles == sum(inside.size == 1 for inside in told.groups)
        for inside in told.groups:
            assert [member.published for member in inside.members] == sorted(
                row["published"] for row in members if row["copy_id"] == inside.copy_id
            )


def test_fewer_stories_groups_and_members_are_the_beginning_of_all(found: Result) -> None:
    everything, some = summary.summarise(found, 1000), summary.summarise(found, 3, 2)
    assert some.totals == everything.totals
    for few, full in zip(some.stories, everything.stories[:3], strict=True):
        assert (few.story_id, few.title, few.cohesion) == (full.story_id, full.title, full.cohesion)
        assert [one.members for one in few.groups] == [one.members[:2] for one in full.groups[:2]]
    assert summary.summarise(found, 0).stories == ()


def test_groups_of_a_story_are_listed_by_size_then_by_time() -> None:
    told = summary.summarise(made(*story("a", [1, 2, 1, 3])), 1).stories[0]
    assert [inside.copy_id for inside in told.groups] == ["a-003-0000", "a-001-0000", "a-000-0000", "a-002-0000"]
    assert (told.story_id, told.title) == ("a-000-0000", "Title of a-000-0000")


def test_the_title_is_the_first_one_that_is_there() -> None:
    rows = story("a", [1, 2, 1])
    rows[0]["title"], rows[1]["title"] = None, ""
    assert summary.summarise(made(*rows), 1, 1).stories[0].title == "Title of a-001-0001"


def test_cohesion_and_weakest_link() -> None:
    rows = story("a", [2, 1, 1])
    rows[2]["score"], rows[3]["score"] = 0.8, 0.3
    pairs = [
        rewrite("a-000-0000", "a-001-0000", 0.9),
        rewrite("a-000-0001", "a-001-0000", 0.7),
        rewrite("a-000-0000", "a-002-0000", 0.3),
        rewrite("a-000-0000", "a-000-0001", 0.99),  # of one copy group
    ]
    told = summary.summarise(made(*rows, *group("b", 2), rewrites=pairs), 2).stories
    assert told[0].cohesion == pytest.approx(((0.9 + 0.7) / 2 + 0.3 / 2 + 0) / 3)
    assert (told[0].weakest, told[1].cohesion, told[1].weakest) == (0.3, None, None)
    assert "cohesion 0.32 · weakest link 0.30 · a-000-0000" in report(made(*rows, rewrites=pairs), 200)


def test_cohesion_is_that_of_the_linkage(found: Result) -> None:
    told = {one.story_id: one.cohesion for one in summary.summarise(found, 1000).stories if one.copy_groups > 1}
    assert len(told) > 5
    articles = found.articles.combine_chunks()
    codes = articles["copy_id"].combine_chunks().dictionary_encode().indices.to_numpy().astype(np.int64)
    rows = evaluation.tellers(articles, codes)
    ids = articles["id"].take(pa.array(rows)).to_pylist()
    pairs = [row for row in found.matches.to_pylist() if row["relation"] == "rewrite"]
    left, right = (np.array([ids.index(row[side]) for row in pairs]) for side in ("left", "right"))
    score = np.array([row["story_score"] for row in pairs])
    linked = link(left, right, score, codes[rows], found.settings["story_threshold"])
    stories = articles["story_id"].take(pa.array(rows)).to_pylist()
    for story_id, cohesion in zip(stories, linked.cohesion.tolist(), strict=True):
        assert told.get(story_id) is None or told[story_id] == pytest.approx(cohesion, abs=FLOOR)


def test_a_result_without_stories_is_told_in_copy_groups() -> None:
    result = made(*group("a", 3), *group("b", 2), article("c"), stories=False)
    told = summary.summarise(result, 10)
    assert (told.totals.stories, told.totals.story_articles, told.there) == (None, None, 2)
    text = report(result)
    assert "stor" not in text
    assert "\nCopy groups\n" in text
    document = summary.summary_document(result, told)
    assert [told["copy_id"] for told in document["groups"]] == ["a-0000", "b-0000"]
    assert "stories" not in document


def test_summary_does_not_depend_on_the_order_of_the_articles() -> None:
    rows = [*group("a", 3), *group("b", 3), *group("c", 4), article("alone")]
    assert summary.summarise(made(*rows), 3) == summary.summarise(made(*reversed(rows)), 3)


def test_of_equally_large_groups_the_one_with_more_copied_words_comes_first() -> None:
    rows = [*group("a", 2, words=50), *group("b", 2, words=300)]
    assert [told.story_id for told in summary.summarise(made(*rows), 2).stories] == ["b-0000", "a-0000"]


def test_undated_and_undatable_articles_come_last() -> None:
    rows = group("a", 3)
    rows[0]["published"] = None
    result = made(*rows)
    column = pa.array([None, 1 << 60, 0], pa.int64()).cast(pa.timestamp("us", tz="UTC"))  # the year 38503
    articles = result.articles.set_column(3, ARTICLES.field("published"), column)
    told = summary.summarise(Result(articles, result.matches, result.spans, {}, {}), 1).stories[0].groups[0]
    assert [member.published for member in told.members] == [datetime(1970, 1, 1, tzinfo=UTC), None, None]
    assert [member.id for member in told.members] == ["a-0002", "a-0000", "a-0001"]


def test_empty_corpus_has_a_report() -> None:
    assert "0 articles" in report(made())
    assert "No copies and no rewrites were found." in report(made())
    assert "No copies were found." in report(made(stories=False))


def test_articles_in_several_chunks_are_one_corpus() -> None:
    rows = [*group("a", 3), article("b")]
    whole = made(*rows)
    parts = pa.concat_tables([made(row).articles for row in rows])
    assert summary.summarise(Result(parts, whole.matches, whole.spans, {}, {}), 5) == summary.summarise(whole, 5)


# One group


@pytest.mark.parametrize("name", ["a-0000", "a-0001", "a-00", "a"])
def test_a_group_is_found_by_any_member_and_by_how_its_id_begins(name: str) -> None:
    result = made(*group("a", 3), *group("b", 2), article("a-alone"))
    assert summary.detail(result, name).story.story_id == "a-0000"


@pytest.mark.parametrize("name", ["a-000-0000", "a-001-0000", "a-001-0001", "a-002", "a"])
def test_a_story_is_found_by_its_id_a_copy_id_and_any_member(name: str) -> None:
    told = summary.detail(made(*story("a", [2, 3, 1]), *group("b", 2)), name)
    assert [inside.size for inside in told.story.groups] == [3, 2, 1]
    text = printed(terminal.detail(told, 100), 100)
    assert "\nCopy group of 3 · 75 % copied · a-001-0000\n" in text
    assert "\nWithout copies\n" in text
    assert "tells the story of Nordwire (a-001-0000) in other words, probability 0.50\n" in text


def test_an_article_on_its_own_is_a_group_of_one() -> None:
    told = summary.detail(made(*group("a", 3), article("b")), "b")
    assert [member.id for member in members_of(told.story)] == ["b"]
    assert "on its own" in printed(terminal.detail(told, 100), 100)


def test_unknown_and_ambiguous_names_are_refused() -> None:
    result = made(*group("ab", 2), *group("ac", 2), *group("ad", 2), *group("ae", 2))
    with pytest.raises(OutputError, match="no article's id is 'x'"):
        summary.detail(result, "x")
    with pytest.raises(OutputError, match="'ab-0000', 'ac-0000', 'ad-0000' and 1 more; name one of these"):
        summary.detail(result, "a")


def test_shared_characters_are_those_of_the_spans(found: Result) -> None:
    told = summary.detail(found, "mine-rescue-wire")
    for member in members_of(told.story):
        spans = [row for row in found.spans.to_pylist() if row["id"] == member.id and row["kind"] == "copied"]
        if not spans:
            assert told.shared[member.id] == ()
            continue
        assert sum(shared.characters for shared in told.shared[member.id]) == sum(r["end"] - r["start"] for r in spans)
        assert sum(shared.passages for shared in told.shared[member.id]) == len(spans)
        assert max(shared.longest for shared in told.shared[member.id]) == max(r["end"] - r["start"] for r in spans)
        words = sum(shared.words for shared in told.shared[member.id])
        assert abs(words - member.copied * member.words) <= len(told.shared[member.id])


def test_the_first_of_a_story_needs_no_match() -> None:
    result = made(*[row | {"first_id": "a-000-0000"} for row in story("a", [1, 1])])
    assert "the first published of the story\n" in printed(terminal.detail(summary.detail(result, "a"), 100), 100)
    assert "    first     the first published article of the story, to which" in report(result)
    assert " start " not in report(result)
    assert "longest" not in report(result)
    grouped = made(*[row | {"first_id": "a-000-0000"} for row in story("a", [2, 1])])
    assert "    longest   the longest text of its copy group\n" in report(grouped)
    assert "    first     the" not in report(grouped)


@pytest.mark.parametrize("published", [None, NOON])
def test_where_nobody_is_known_to_be_first_nobody_is_called_so(published: datetime | None) -> None:
    result = made(*[row | {"published": published} for row in story("a", [1, 1])])
    assert "first unknown" in report(result)
    assert report(result).count(" first ") == 1
    assert report(result).count(" start ") == 2  # the member, and what the word means
    told = printed(terminal.detail(summary.detail(result, "a"), 100), 100)
    assert "the one that the others were joined to\n" in told


def test_the_original_shares_and_did_not_copy() -> None:
    first, second = group("a", 2, words=100, copied=0.6, reworded=0.1, unique=0.3)
    told = printed(terminal.detail(summary.detail(made(first | {"role": "original"}, second), "a"), 100), 100)
    assert "    100 words: 70 % shared, 30 % unique\n" in told
    assert "    100 words: 60 % copied, 10 % reworded, 30 % unique\n" in told


@pytest.mark.parametrize("width", WIDTHS)
def test_a_title_without_an_end_takes_a_few_lines(width: int) -> None:
    rows = [row | {"title": HOSTILE["long"]} for row in story("a", [1, 1])]
    told = printed(terminal.detail(summary.detail(made(*rows), "a"), width), width)
    lines = [line for line in told.splitlines() if "headline" in line]
    assert len(lines) <= 9
    assert sum(line.endswith("…") for line in lines) == 3
    assert max(map(cell_len, told.splitlines())) <= width


def test_a_title_of_some_lines_is_told_whole() -> None:
    title = "One two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
    lines = [line.plain for line in terminal.headline(title, 40, "  ")]
    assert len(lines) == 3
    assert " ".join(line.strip() for line in lines) == title


def test_shares_are_rounded_once() -> None:
    shares = [0, 1e-12, 0.0049, 0.005, 0.0051, 0.125, 0.1249, 0.135, 0.9949, 0.9951, 1 - 1e-12, 1]
    assert [terminal.percent(part) for part in shares] == [0, 0, -1, -1, 1, 12, 12, 14, 99, 101, 100, 100]
    assert [terminal.share(part) for part in (0.0049, 0.1249, 0.9951)] == ["<1 %", "12 %", ">99 %"]


def test_detail_names_witness_and_counterparts(found: Result) -> None:
    told = summary.detail(found, "mine-rescue-wire")
    text = printed(terminal.detail(told, 160), 160)
    for member in members_of(told.story):
        assert member.title is not None
        assert member.title in text
        assert member.relation is None or f"({member.witness_id})" in text
    assert "the longest of the group" in text
    assert "shared with Nordwire (mine-rescue-wire)" in text


def test_settings_are_readable_on_any_terminal() -> None:
    for width in (30, 60, 100):
        told = printed(terminal.knobs(summary.knobs(Settings(background="/a/long/path" * 9)), width), width)
        assert "…" not in told
        assert max(map(cell_len, told.splitlines())) <= width
        whole = " ".join(told.split())
        assert "near = 0.8 default 0.8, from 0.01 to 1.0 resemblance from which" in whole
        assert "seed = 1 default 1, from 0 to 4,294,967,295 seed of" in whole
        assert whole.replace(" ", "").count("/a/long/path") == 9


def test_documents_are_plain_json(found: Result) -> None:
    told = summary.summary_document(found, summary.summarise(found, 2))
    assert list(told) == ["version", "settings", "counters", "totals", "stories"]
    assert json.loads(json.dumps(told, default=datetime.isoformat))["totals"]["articles"] == len(found.articles)
    one = summary.detail_document(found, summary.detail(found, "mine-rescue-wire"))
    assert one["totals"] == told["totals"]
    members = [member for inside in one["stories"][0]["groups"] for member in inside["members"]]
    assert len(members) == one["stories"][0]["size"] >= 5
    assert all(set(member) >= {"id", "relation", "boilerplate", "shared"} for member in members)


# Who copied whom


def spread(kind: str = "nothing") -> Result:
    """Make a story of a wire, a credited and an uncredited copy, and one without a time; with text from strangers."""
    lead = {"first_id": "a-0000", "origin_id": "a-0000", "origin_confidence": 0.95, "origin_evidence": "credited"}
    rows = [row | lead | {"shared": 0.75, "borrowed": 0.75} for row in group("a", 4)]
    rows[0] |= {"borrowed": 0.0, "role": "original"}
    rows[1] |= {"source": "Gazette", "credit": "Nordwire", "role": "trimmed"}
    rows[2] |= {"source": "Post" + HOSTILE[kind], "title": HOSTILE[kind]}
    rows[3] |= {"source": None, "published": None, "borrowed": None, "credit": HOSTILE[kind]}
    spans = [
        {
            "id": row["id"],
            "start": 0,
            "end": 9,
            "kind": "copied",
            "other_id": "a-0000",
            "other_start": 0,
            "other_end": 9,
        }
        for row in rows[1:]
    ]
    result = made(*rows)
    return Result(result.articles, result.matches, pa.Table.from_pylist(spans, SPANS), result.settings, {})


def audited(result: Result, width: int = 120, top: int = 10, least: float = 0.5, outlet: str | None = None) -> str:
    return printed(credits_.page(credits_.credits_of(result, least, top, outlet), width, top), width)


def test_a_story_tells_who_was_first_and_how_it_spread() -> None:
    result = spread()
    text = printed(terminal.detail(summary.detail(result, "a"), 120), 120)
    about = (
        "first and origin Nordwire (0.95, credited) · 1 to 2 independent origins · copying: 1 credited, 1 uncredited"
    )
    assert f"\n{about}, 1 unknown\n" in text
    assert f"    {about}, 1 unknown\n" in report(result, 160)
    table = text.split("How it spread\n")[1].splitlines()
    assert re.split(r"  +", table[0].strip()) == [
        "Published (UTC)", "Outlet", "Role", "Borrowed", "Copying", "Credit", "Most of it from",
    ]  # fmt: skip
    assert re.split(r"  +", table[1].strip()) == ["2 Mar 2026 12:00", "Nordwire", "original", "0 %"]
    wanted = ["2 Mar 2026 13:00", "Gazette", "trimmed", "75 %", "credited", "Nordwire", "Nordwire"]
    assert re.split(r"  +", table[2].strip()) == wanted
    assert re.split(r"  +", table[3].strip())[3:] == ["75 %", "uncredited", "Nordwire"]
    assert re.split(r"  +", table[4].strip()) == ["undated", "a-0003", "unknown", "unknown", "unknown", "agencies"]


def test_the_story_document_has_origins_and_verdicts() -> None:
    told = summary.detail_document(spread(), summary.detail(spread(), "a"))["stories"][0]
    assert told["origins"]["origin_outlet"] == "Nordwire"
    assert (told["origins"]["independent"], told["origins"]["independent_at_most"]) == (1, 2)
    assert told["origins"]["verdicts"]["unknown"] == 1
    assert [member["verdict"] for member in told["groups"][0]["members"]] == [
        "own",
        "credited",
        "uncredited",
        "unknown",
    ]


def test_an_audit_counts_and_lists_by_verdict() -> None:
    text = audited(spread())
    assert text.startswith("4 articles in 1 story\n")
    for line in ("credited    1   25 %", "uncredited  1   25 %", "unknown     1   25 %", "own         1   25 %"):
        assert f"\n  {line}\n" in text
    outlets = text.split("By outlet\n")[1].splitlines()
    assert outlets[1].split() == ["Post", "1", "-", "1", *"------"]
    assert next(line for line in outlets if "Nordwire" in line).split() == ["Nordwire", *"1----1-21"]
    assert re.search(r"13:00 +Gazette +credited +75 % +75 % +Nordwire +Nordwire +a-0001\n", text)
    assert re.search(r"14:00 +Post +uncredited +75 % +75 % +Nordwire +a-0002\n", text)
    assert re.search(r"undated +a-0003 +unknown +≥ 0 % +≥ 0 % +agencies +a-0003\n", text)
    assert re.search(r"13:00 +Gazette +mostly own ", audited(spread(), least=0.8))


def test_an_audit_of_one_outlet() -> None:
    text = audited(spread(), outlet="Gazette")
    assert text.startswith("1 article of Gazette in 1 story\n")
    assert "uncredited  0    0 %" in text
    assert "a-0001" in text
    assert "a-0002" not in text
    with pytest.raises(OutputError, match=r"of the outlet 'Mail'; the outlets are: '.*', '.*', '.*'$"):
        audited(spread(), outlet="Mail")
    with pytest.raises(OutputError, match="none has an outlet"):
        audited(made(*group("a", 2, source=None)), outlet="Mail")


def test_an_audit_lists_the_stories_with_most_uncredited_words_first() -> None:
    one, two = spread().articles.to_pylist(), group("b", 6, story_id="b-0000")
    result = Result(made(*one, *two).articles, MATCHES.empty_table(), spread().spans, Settings().recorded(), {})
    told = credits_.credits_of(result, 0.5, 1)
    assert ([story.story_id for story in told.stories], told.there) == (["a-0000"], 2)
    assert "1 more story; --top 2 lists all" in audited(result, top=1)
    assert "3 more outlets; --top 4 lists all" in audited(result, top=1)
    assert credits_.credits_of(result, 0.5, 0).stories == ()


def test_an_audit_of_nothing_and_of_copies_only() -> None:
    assert audited(made(article("a"))) == "0 articles in 0 stories\n"
    result = made(*group("a", 2), stories=False)
    assert audited(result).startswith("2 articles in 1 copy group\n")
    assert list(credits_.document(result, credits_.credits_of(result, 0.5, 3)))[-1] == "groups"


def test_long_stories_are_cut_on_a_terminal_and_whole_in_json() -> None:
    result = made(*group("a", 50))
    assert "… and 30 more; --json lists all\n" in audited(result)
    assert len(credits_.credits_of(result, 0.5, 1).stories[0].articles) == 50


@pytest.mark.parametrize("width", [40, *WIDTHS])
@pytest.mark.parametrize("kind", HOSTILE)
def test_an_audit_of_text_from_strangers_fits_and_is_text(kind: str, width: int) -> None:
    result = spread(kind)
    for text in (audited(result, width), printed(terminal.detail(summary.detail(result, "a"), width), width)):
        for line in text.split("\n"):
            assert cell_len(line) <= width
            assert line.isprintable() or kind == "emoji"


@pytest.mark.parametrize("width", WIDTHS)
def test_an_audit_keeps_outlet_verdict_and_share_at_every_width(found: Result, width: int) -> None:
    lines = audited(found, width, 20).splitlines()
    assert all(cell_len(line) <= width for line in lines)
    for verdict in ("credited", "uncredited", "own outlet"):
        assert any(re.search(rf" {verdict} .*\d %", line) and "Mar " in line for line in lines)


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
    for stories, one, many in ((False, "copy group", "copy groups"), (True, "story", "stories")):
        result = made(*rows, stories=stories)
        assert f"The 2 largest of 3 {many}" in report(result, top=2)
        assert f"1 more {one}; --top 3 lists all" in report(result, top=2)
        assert f"3 more {many}" in report(result, top=0)
        assert f"more {one}" not in report(result, top=3)


def test_copy_groups_of_a_story_are_bracketed_and_single_articles_are_not() -> None:
    lines = report(made(*story("a", [3, 1, 2]))).splitlines()
    start = next(index for index, line in enumerate(lines) if line.startswith("  ┌"))
    assert [line[2] for line in lines[start : start + 6]] == ["┌", "│", "└", "┌", "└", " "]
    assert "6 articles · 1 outlet · 2 copy groups, 1 without copies · 75 % copied" in "".join(lines[:start])
    assert not any(sign in report(made(*group("b", 3))) for sign in "┌│└")


def test_large_stories_list_some_groups_and_say_how_many_more() -> None:
    result = made(*story("a", [12, *[1] * 20]))
    text = report(result, folder="out")
    assert "  └ … and 4 more: dedup show out a-000-0000\n" in text
    assert "    … and 13 articles more: dedup show out a-000-0000\n" in text
    assert text.count("rewrite 0.50") == 7
    assert "    … and 18 articles in copy groups more\n" in report(made(*story("a", [2] * 17)))


def test_boilerplate_has_a_column_where_there_is_some_and_room() -> None:
    rows = group("a", 2, boilerplate=0.1)
    assert "Boilerplate  Copied  Unique" in report(made(*rows), 80)
    assert "  10 %    75 %    25 %" in report(made(*rows), 80)
    assert "Boilerplate  Copied" not in report(made(*rows), 76)
    assert "Boilerplate  Copied" not in report(made(*group("a", 2)), 160)
    assert "10 % boilerplate, 75 % copied" in printed(terminal.detail(summary.detail(made(*rows), "a"), 80), 80)


def test_every_counter_has_words(found: Result) -> None:
    known = {name for name in found.counters if name != "candidates" and not name.startswith("no_")}
    assert known
    for name in known:
        one, many = (report(made(article("a"), counters={name: count})) for count in (1, 2345))
        assert "Please note" in one
        assert "  1 " in one
        assert "  2,345 " in many
        assert "Please note" not in report(made(article("a"), counters={name: 0}))


def test_what_no_article_has_is_told_with_what_is_lost() -> None:
    counters = {"no_title": 2, "no_source": 2, "no_published": 2}
    text = report(made(article("a"), article("b"), counters=counters))
    assert "  no article has a date: rewrites are judged more strictly" in text
    assert text.count("--column") == 3
    assert "Please note" not in report(made(article("a"), article("b"), counters=dict.fromkeys(counters, 1)))
    assert "Please note" not in report(made(counters=dict.fromkeys(counters, 0)))


def test_an_article_without_title_is_shown_by_its_id() -> None:
    rows = group("a", 2, title=None)
    for text in (report(made(*rows)), report(made(*rows), 80)):
        assert "\n 1  a-0000\n" in text
        assert "a-0001" in text


@pytest.mark.parametrize("width", WIDTHS)
def test_ids_are_whole_in_one_story(width: int) -> None:
    name = "an-article-with-a-long-id-that-is-copied"
    rows = group(name, 2, title="A title", source="An outlet with a name that is long")
    text = printed(terminal.detail(summary.detail(made(*rows), name), width), width)
    assert text.count(f"{name}-0001") == 1
    assert text.count(f"{name}-0000") == 3  # of the story, of the member, and of the witness
    assert "resemblance 0.90" in " ".join(text.split())


def test_one_day_one_and_no_article_are_told_as_such() -> None:
    assert report(made(article("a"))).startswith("1 article from 1 outlet, 2 Mar 2026\n")
    assert report(made()).startswith("0 articles\n")
    assert "\nThe largest of 2 stories\n" in report(made(*group("a", 2), *group("b", 2)), top=1)


def test_notes_tell_the_settings_that_were_in_force() -> None:
    result = made(article("a"), counters={"short": 2})
    assert "fewer than 5 words" in report(result)
    unknown = Result(result.articles, result.matches, result.spans, {}, result.counters)
    assert "fewer than the shingle words" in report(unknown)


@pytest.mark.parametrize(
    ("part", "text"),
    [
        (0, "0 %"),
        (-1e-16, "0 %"),
        (1e-16, "0 %"),
        (0.001, "<1 %"),
        (0.25, "25 %"),
        (0.994, "99 %"),
        (0.9999, ">99 %"),
        (1, "100 %"),
    ],
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
        ("rewrite", "tells the story of Nordwire (a-0000) in other words, probability 0.90\n"),
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
    lines = list(terminal.stories(told, 100, None))
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


def test_switches_and_names_are_told_as_they_are_set() -> None:
    text = printed(terminal.knobs(summary.knobs(Settings(stories=False, background="my words.parquet")), 100), 100)
    assert re.search(r"^stories = false \(changed\) +default true$", text, re.MULTILINE)
    assert re.search(r"^boilerplate = true +default true$", text, re.MULTILINE)
    assert re.search(r"^background = 'my words\.parquet' \(changed\)  default ''$", text, re.MULTILINE)


def test_lines_that_the_rules_count_are_not_told_as_no_words() -> None:
    outlets = (house.Outlet("Nordwire", 1, (house.Line("All rights reserved", 9, "sentence"),)),)
    for learned, told in ((0, "The rules already count all words of these lines."), (7, "1 line, 7 words")):
        text = printed(house.page(house.House(9, 900, {"copyright": 27}, learned, outlets), 80), 80)
        assert told in text
        assert "0 words" not in text.split("repeats")[1]


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
