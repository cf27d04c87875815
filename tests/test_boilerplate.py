"""Boilerplate: general rules by example, and what is learned from generated outlets."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import ROOT, any_text, column, prose

from dedup import rules, text
from dedup.boilerplate import (
    Example,
    Furniture,
    Marks,
    Observed,
    Observer,
    Rarity,
    apply_rules,
    learn,
    listing,
    mark,
    observe,
    outlet_of,
    recurs,
)
from dedup.screen import layout

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

# Every term is rare.
RARITY = Rarity.of(np.zeros(0, np.uint64), np.zeros(0, np.float32), 9.0)
STORY = (
    "The ferry left the harbour at noon on Tuesday with ninety people aboard.",
    "It carried timber and two lorries, the owner of the line said in the evening.",
    "Nobody was hurt when it touched the quay, and the crossing went on after an hour.",
    "A second boat will sail on Friday if the weather allows it, said the harbour master.",
)

# Rules ---------------------------------------------------------------------------------------------------------------


def marked(paragraphs: Sequence[str], outlet: str = "") -> list[str]:
    """Return the rule of each paragraph ("" where none), which must hold for all of it."""
    batch = text.views(column(["\n\n".join(paragraphs)]))
    reading = text.read(batch)
    codes = apply_rules(batch, reading, [outlet]).codes
    bounds = [*np.flatnonzero(reading.flags & text.PARAGRAPH).tolist(), len(codes)]
    found = [set(codes[start:end].tolist()) for start, end in pairwise(bounds)]
    assert all(len(kinds) == 1 for kinds in found), found
    return [rules.RULES[kinds.pop()] if kinds != {-1} else "" for kinds in found]


LINES = {
    "credit": [
        "With inputs from agencies",
        "Reporting by Ann Lee; editing by Bo Ray",
        "Gazette staff, with additional material from Northern Press",
        "This article was first published by the Northern Press.",
        "Source: Northern Press",
        "(NPA)",
        "Ann Lee and Bo Ray contributed to this report.",
    ],
    "copyright": [
        "© 2026 Harbour Gazette",
        "Copyright 2026 Harbour Gazette. All rights reserved.",
        "This material may not be published, broadcast or rewritten.",
    ],
    "signup": [
        "Sign up for our morning newsletter",
        "Subscribe now to get unlimited access",
        "Get the day's news in your inbox",
        "Download the Gazette app",
        "Already a subscriber? Log in",
        "This article is for subscribers only.",
        "Stay up to date with our newsletter",
    ],
    "support": [
        "The Gazette is funded by its readers.",
        "Please support our journalism",
        "Become a member today",
        "If you value what you read here, please consider a donation.",
    ],
    "follow": [
        "Follow us on Twitter",
        "Share this article",
        "Facebook | Twitter | WhatsApp",
        "Listen to the full episode",
    ],
    "comments": [
        "Leave a comment",
        "12 comments",
        "Comments are closed.",
        "Your email address will not be published.",
        "Tell us what you think",
    ],
    "contact": [
        "Write to the author at ann.lee@gazette.example",
        "Got a news tip? Write to the desk.",
        "Contact our newsroom at the usual number",
        "Spotted an error? See the form",
    ],
    "related": [
        "Read more: The ferry and the storm",
        "Related stories",
        "Click here for the timetable",
        "READ ALSO | The bridge",
    ],
    "disclaimer": [
        "This is not investment advice.",
        "The views expressed in this column are the author's.",
        "We may earn a commission from links.",
        "Privacy policy",
    ],
    "advert": ["Advertisement", "Story continues below", "Sponsored content"],
    "furniture": [
        "Last updated on 3 June 2026",
        "Tags: ferry, harbour",
        "4 min read",
        "Key points",
        "Home | News | Harbour",
    ],
    "about": [
        "The Gazette is part of the Northern Media Group.",
        "Ann Lee is a reporter covering the harbour",
    ],
    "caption": [
        "The ferry at its berth on Tuesday. Photo: Ann Lee",
        "The ferry at its berth on Tuesday (Ann Lee/Northern Press)",
        "The ferry at its berth on Tuesday. (NPA)",
        "The ferry at its berth on Tuesday. Getty Images",
        "File photo of the ferry",
        "Harbour master Ann Lee speaks to owners of the line after the crossing in Port Ellen, March 5, 2026.",
        "Passengers wait as Ann Lee arrives at the quay on Thursday, Mar. 5, 2026 in Port Ellen, Velmark.",
    ],
    "byline": ["By Ann Lee and Bo Ray", "Gazette Staff Reporter"],
}


@pytest.mark.parametrize(("rule", "line"), [(rule, line) for rule, lines in LINES.items() for line in lines])
def test_a_line_of_furniture_meets_its_rule(rule: str, line: str) -> None:
    assert marked([*STORY, line]) == ["", "", "", "", rule]


@pytest.mark.parametrize(
    "line",
    [
        "He followed the ferry on Tuesday and found it at the quay.",
        "The union welcomes the ruling, and its members will vote on Friday.",
        "She told the court that she had signed up for the army in 2011.",
        "The material may be published next year, the minister said.",
        "They share this harbour with two other lines, which is a source of trouble.",
        "The photographs were taken by a passenger whom nobody knew.",
        "Reserved by nature, he said little of the copyright that he held.",
        "Investors want advice, and the bank gives it for a fee.",
        "The reporter was told that the bridge would open again.",
        "According to the letter, write to mayor@town.example and wait, the man said.",
        "Trade with agencies abroad has grown by a third since the spring.",
        "By the time the boat came in, the shops had closed.",
        "“Read more,” she told her pupils, and most of them did.",
        "The harbour master speaks to the owners of the line on March 5, and they will listen.",
        "The harbour master said that she arrives at the quay of Port Ellen on March 5, 2026.",
        "The law on ferries holds for every line that was founded before March 5, 2026.",
        "The committee's members include Ann Lee (Labour) and two others who sit for the islands.",
    ],
)
def test_prose_meets_no_rule(line: str) -> None:
    assert marked([*STORY[:2], line, *STORY[2:]]) == [""] * 5


def test_a_heading_between_paragraphs_is_a_subhead() -> None:
    assert marked([*STORY[:2], "Weather permitting", *STORY[2:]]) == ["", "", "subhead", "", ""]
    assert marked(["Weather permitting", *STORY]) == [""] * 5
    assert marked([*STORY[:2], "- two lorries", *STORY[2:]]) == [""] * 5


def test_what_stands_before_the_dateline_is_a_caption() -> None:
    place = "PORT ELLEN (NPA) - " + STORY[0]
    assert marked(["The old ferry at its berth", place, *STORY[1:]]) == ["caption", "", "", "", ""]
    assert marked(["The old ferry at its berth", *STORY]) == [""] * 5


def test_an_outlet_that_speaks_of_itself_at_the_end_is_marked() -> None:
    line = "The Harbour Gazette has served the islands since 1890."
    assert marked([*STORY, line], "Harbour Gazette")[-1] == "about"
    assert marked([*STORY, line], "The Harbour Gazette")[-1] == "about"
    assert marked([*STORY, line], "Northern Press")[-1] == ""
    assert marked([*STORY, "The Gazette's harbour is closed."], "Harbour Gazette")[-1] == ""
    assert marked([line, *STORY, *STORY], "Harbour Gazette")[0] == ""


def test_capitals_that_run_into_the_text_are_cut_off() -> None:
    line = "CLICK HERE TO GET THE HARBOUR APP The ferry sailed again at dawn"
    batch = text.views(column(["\n\n".join([*STORY, line])]))
    reading = text.read(batch)
    codes = apply_rules(batch, reading, [""]).codes
    start = int(np.flatnonzero(reading.flags & text.PARAGRAPH)[-1])
    assert (codes[start:] >= 0).tolist() == [True] * 7 + [False] * 6


def test_a_sentence_inside_a_paragraph_is_marked_alone() -> None:
    long = f"{STORY[1]} {STORY[2]} Sign up for our morning newsletter. {STORY[3]}"
    batch = text.views(column(["\n\n".join([*STORY, long])]))
    codes = apply_rules(batch, text.read(batch), [""]).codes
    assert {rules.RULES[code] for code in codes[codes >= 0].tolist()} == {"signup"}
    assert (codes >= 0).sum() == 6


def test_every_pattern_says_what_its_matches_need() -> None:
    """Where an expression matches an example, the kernel must let it through."""
    lines = [line for group in LINES.values() for line in group]
    batch = text.views(column(lines))
    reading = text.read(batch)
    paragraphs = layout(batch, reading).paragraphs
    assert len(paragraphs) == len(lines)
    found, _ = rules.SCREEN.candidates(batch, reading, paragraphs, np.ones(len(lines), np.int8))
    passed = set(map(tuple, found.tolist()))
    for unit, line in enumerate(lines):
        for number, pattern in enumerate(rules.SCREEN.patterns):
            size = int(paragraphs.words[unit])
            if pattern.least <= size <= pattern.most and pattern.expression.search(line):
                assert (unit, number) in passed, (line, pattern.expression.pattern)


@given(st.lists(any_text, max_size=4), st.sampled_from(["", "BBC", "中文", "...", "The ", "\u2019s"]))
def test_any_text_may_come(paragraphs: list[str], outlet: str) -> None:
    body = "\n".join(paragraphs)
    batch = text.views(column([body, "", None]))
    reading = text.read(batch)
    outlets = [outlet, outlet, outlet]
    furniture = learn([observe(batch, reading, outlets, np.arange(3), RARITY)])
    marks = mark(batch, reading, outlets, furniture)
    assert len(marks.mask) == len(reading.flags)


@pytest.mark.parametrize(
    "line",
    [
        "La lluvia cayó sobre la ciudad durante toda la noche. Los vecinos salieron a la calle.",
        "Der Regen fiel die ganze Nacht auf die Stadt. Die Nachbarn gingen auf die Straße.",
        "大雨下了一整夜。居民们走上街头。",
        "هطل المطر على المدينة طوال الليل. خرج السكان إلى الشارع.",
    ],
)
def test_other_languages_are_own_text(line: str) -> None:
    assert marked([line] * 5, "Gaceta") == [""] * 5


# What an outlet repeats ----------------------------------------------------------------------------------------------

SIGN_OFF = "Harbour Gazette readers meet every Thursday upstairs over tea."
MENU = "weather tides timetable lottery obituaries gardening chess letters crossword archive"


def phrase(random: np.random.Generator, count: int) -> str:
    """Draw words of so wide a vocabulary that two texts hardly share one."""
    return " ".join(map("".join, zip(prose(random, count), prose(random, count), strict=True)))


def sentences(random: np.random.Generator, count: int) -> list[str]:
    return [phrase(random, 14).capitalize() + "." for _ in range(count)]


def article(seed: int, *extra: str) -> str:
    body = sentences(np.random.default_rng(seed), 6)
    return "\n\n".join([*body[:3], *extra, *body[3:]])


def learned(
    texts: Sequence[str],
    outlets: Sequence[str],
    size: int = 1000,
    order: Sequence[int] | None = None,
    room: int | None = None,
) -> Furniture:
    numbers = list(order if order is not None else range(len(texts)))
    batches = (
        observed([texts[i] for i in part], [outlets[i] for i in part], part)
        for part in (numbers[start : start + size] for start in range(0, len(numbers), size))
    )
    if room is None:
        return learn(batches)
    with Observer(room=room) as observer:
        for batch in batches:
            observer.add(batch)
        return observer.furniture()


def observed(texts: Sequence[str], outlets: Sequence[str], rows: Sequence[int]) -> Observed:
    batch = text.views(column(texts))
    return observe(batch, text.read(batch), outlets, np.array(rows, np.int64), RARITY)


def recurring(texts: Sequence[str], outlets: Sequence[str], furniture: Furniture) -> list[str]:
    """Return the marked tokens of each text as a string."""
    batch = text.views(column(texts))
    reading = text.read(batch)
    found = recurs(reading, outlets, furniture, layout(batch, reading))
    tokens = reading.tokens
    return [
        " ".join(
            text.normalise(one.encode()[tokens.starts[token] : tokens.ends[token]].decode())
            for token in range(tokens.places[number], tokens.places[number + 1])
            if found[token]
        )
        for number, one in enumerate(texts)
    ]


def words(line: str) -> str:
    return line.lower().rstrip(".")


def test_a_sentence_in_three_unrelated_articles_is_furniture() -> None:
    texts = [article(seed, SIGN_OFF) for seed in range(3)] + [article(seed) for seed in range(3, 6)]
    outlets = ["gazette"] * 6
    assert recurring(texts, outlets, learned(texts, outlets)) == [words(SIGN_OFF)] * 3 + [""] * 3


def test_twice_is_enough_only_at_the_edge() -> None:
    inside = [article(seed, SIGN_OFF) for seed in range(2)]
    edge = [f"{article(seed)}\n\n{SIGN_OFF}" for seed in range(2)]
    outlets = ["gazette"] * 2
    assert not len(learned(inside, outlets))
    assert recurring(edge, outlets, learned(edge, outlets)) == [words(SIGN_OFF)] * 2


def test_a_run_without_full_stops_is_furniture() -> None:
    texts = [article(seed, f"{phrase(np.random.default_rng(90 + seed), 9)} {MENU * 3}") for seed in range(4)]
    outlets = ["gazette"] * 4
    for found in recurring(texts, outlets, learned(texts, outlets)):
        assert len(found.split()) > 20


def test_each_outlet_has_its_own() -> None:
    texts = [article(seed, SIGN_OFF) for seed in range(6)]
    outlets = ["gazette", "gazette", "gazette", "herald", "herald", ""]
    furniture = learned(texts, outlets)
    assert furniture.names == ("gazette", "herald")
    assert set(furniture.outlets.tolist()) == {0}
    assert recurring(texts, outlets, furniture) == [words(SIGN_OFF)] * 3 + [""] * 3


def test_copies_within_an_outlet_do_not_become_boilerplate() -> None:
    body = sentences(np.random.default_rng(5), 12)
    copies = ["\n\n".join([*body[:cut], *sentences(np.random.default_rng(cut), 1)]) for cut in range(8, 13)]
    assert not len(learned(copies, ["gazette"] * 5))


def test_follow_ups_do_not_become_boilerplate() -> None:
    """Articles that share their background paragraphs share their rare terms in the rest, too."""
    background = sentences(np.random.default_rng(1), 2)
    names = prose(np.random.default_rng(2), 30)
    texts = [
        "\n\n".join(
            [" ".join(np.random.default_rng(seed).permutation(names)[:20]) + "." for _ in range(5)] + background
        )
        for seed in range(4)
    ]
    assert not len(learned(texts, ["gazette"] * 4))


def test_identical_articles_teach_nothing() -> None:
    texts = [article(1, SIGN_OFF)] * 20
    assert not len(learned(texts, ["gazette"] * 20))


def test_a_template_teaches_nothing() -> None:
    texts = [
        f"Shares of company {n} rose {n} percent to {n} crowns.\n\nThe index closed {n} points up." for n in range(20)
    ]
    assert not len(learned(texts, ["gazette"] * 20))


def test_a_common_phrase_of_a_big_outlet_is_chance() -> None:
    said = "He said so twice."
    texts = [article(seed, said) if seed < 4 else article(seed) for seed in range(600)]
    assert not len(learned(texts, ["gazette"] * 600))
    assert len(learned(texts[:100], ["gazette"] * 100)) == 1


@pytest.mark.parametrize("texts", [[], [""], ["..."], [article(1)]])
def test_little_teaches_nothing(texts: list[str]) -> None:
    furniture = learned(texts, ["gazette"] * len(texts))
    assert len(furniture) == furniture.capped == 0
    assert listing(furniture) == []
    assert recurring(texts, ["gazette"] * len(texts), furniture) == [""] * len(texts)


def test_nothing_is_learned_without_outlets() -> None:
    texts = [article(seed, SIGN_OFF) for seed in range(5)]
    assert not len(learned(texts, [""] * 5))


def test_related_articles_are_compared_up_to_a_limit() -> None:
    shared = prose(np.random.default_rng(7), 40)
    texts = [
        "\n\n".join([" ".join(np.random.default_rng(seed).permutation(shared)) + f" x{seed}.", SIGN_OFF, f"y{seed}"])
        for seed in range(60)
    ]
    texts += [article(seed) for seed in range(1000)]  # what is usual in the outlet would not count
    furniture = learned(texts, ["gazette"] * len(texts))
    assert len(furniture) == 0
    assert furniture.capped > 0


def listed(furniture: Furniture) -> list[object]:
    columns = (furniture.keys, furniture.outlets, furniture.articles, furniture.runs, furniture.rows, furniture.starts)
    return [*(column.tolist() for column in columns), furniture.lengths.tolist(), furniture.names, furniture.capped]


@given(st.permutations(range(12)), st.integers(1, 12), st.sampled_from([None, 1, 10, 500]))
def test_order_batch_size_and_room_change_nothing(order: list[int], size: int, room: int | None) -> None:
    texts = [article(seed, *([SIGN_OFF] if seed % 2 else []), *([MENU] if seed % 3 else [])) for seed in range(12)]
    outlets = ["gazette" if seed < 8 else "herald" for seed in range(12)]
    assert listed(learned(texts, outlets, size, order, room)) == listed(learned(texts, outlets))


@given(st.permutations(range(32)), st.integers(1, 32))
def test_of_equal_texts_the_same_one_speaks_in_any_order(order: list[int], size: int) -> None:
    """Texts of the same tokens have a sentence at their edge, or not, by their paragraphs."""
    lined = ["\n\n".join([SIGN_OFF, *sentences(np.random.default_rng(seed), 6)]) for seed in range(16)]
    texts = lined + [one.replace("\n\n", " ") for one in lined]
    outlets = [f"gazette {seed // 2}" for seed in range(16)] * 2
    wanted = learned(texts, outlets)
    assert 0 < len(wanted) < 8
    assert listed(learned(texts, outlets, size, order)) == listed(wanted)


def test_threads_tell_in_any_order() -> None:
    texts, outlets = [article(seed, SIGN_OFF) for seed in range(40)], ["gazette", "herald"] * 20
    with Observer() as observer, ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(observer.add, observed([texts[i]], [outlets[i]], [i])) for i in range(40)]:
            done.result()
        found = observer.furniture()
    assert listed(found) == listed(learned(texts, outlets))


def test_the_listing_shows_an_example() -> None:
    texts = [article(seed, SIGN_OFF, MENU) for seed in range(4)]
    shown = listing(learned(texts, ["gazette"] * 4))
    read = text.read(text.views(column(texts)))
    tokens = read.tokens
    assert {(one.outlet, one.articles, one.kind) for one in shown} == {("gazette", 4, "sentence")}
    found = {
        texts[one.row].encode()[tokens.starts[base + one.start] : tokens.ends[base + one.end - 1]].decode()
        for one in shown
        for base in [int(tokens.places[one.row])]
    }
    assert found == {SIGN_OFF.rstrip("."), MENU}


def test_runs_that_overlap_are_listed_once() -> None:
    texts = [article(seed, f"{phrase(np.random.default_rng(50 + seed), 5)} {MENU} {MENU}") for seed in range(4)]
    shown = [one for one in listing(learned(texts, ["gazette"] * 4)) if one.kind == "run"]
    assert shown
    for one, two in pairwise(sorted(shown, key=lambda example: (example.row, example.start))):
        assert one.row != two.row or one.end <= two.start
    assert all(isinstance(one, Example) and one.end - one.start >= 8 for one in shown)


def test_marks_say_which_rule_and_what_was_learned() -> None:
    texts = [f"{article(seed, SIGN_OFF)}\n\nAdvertisement" for seed in range(3)]
    outlets = ["gazette"] * 3
    batch = text.views(column(texts))
    reading = text.read(batch)
    marks = mark(batch, reading, outlets, learned(texts, outlets))
    assert isinstance(marks, Marks)
    assert {rules.RULES[code] for code in marks.codes[marks.mask].tolist()} == {"recurs", "advert"}
    assert np.array_equal(mark(batch, reading, outlets, None).codes, apply_rules(batch, reading, outlets).codes)


def test_the_work_files_close() -> None:
    with Observer() as observer:
        observer.add(observed([article(1)], ["gazette"], [0]))
    with pytest.raises(ValueError, match="closed"):
        observer.furniture()


FULL_DISK = """
import resource, sys
sys.path.insert(0, sys.argv[1])
import test_boilerplate as made
from dedup.errors import OutputError
observed = made.observed([made.article(seed) for seed in range(99)], ["gazette"] * 99, range(99))
with made.Observer() as observer:  # so that its kernel is compiled, and kept in a file
    observer.add(observed)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
try:
    with made.Observer() as observer:
        observer.add(observed)
except OutputError as error:
    print(error)
"""


def test_a_full_disk_is_told(tmp_path: Path) -> None:
    """A limit on the size of a file stands for the full disk: the same error comes from the same calls."""
    command = [sys.executable, "-c", FULL_DISK, str(ROOT / "tests")]
    environment = {"TMPDIR": str(tmp_path), "PATH": ""}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{tmp_path}: cannot take the work of this run")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("source", "url", "outlet"),
    [
        ("The Gazette", "https://www.herald.example/a", "The Gazette"),
        (None, "https://www.Herald.example:8080/a?b#c", "herald.example"),
        ("", "//user@herald.example", "herald.example"),
        (None, "herald", ""),
        (None, None, ""),
    ],
)
def test_the_outlet_is_the_source_or_else_the_host(source: str | None, url: str | None, outlet: str) -> None:
    assert outlet_of(source, url) == outlet
