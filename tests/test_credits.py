"""Wire credits: their forms, their places, and what looks like one and is none."""

from __future__ import annotations

import pytest
from hypothesis import given
from support import any_text, column

from dedup import text
from dedup.credits import Credit, credits_in, find_credits

STORY = "The ferry left the harbour at noon on Tuesday with ninety people aboard, its owner said."


@pytest.mark.parametrize(
    ("line", "agency", "form"),
    [
        ("PORT ELLEN, June 3 (Reuters) - The ferry left at noon, its owner said.", "Reuters", "dateline"),
        (f"PORT ELLEN (NPA) - It {'slowly ' * 60}left", "NPA", "dateline"),
        ("The ferry at its berth before it left on Tuesday. (NPA)", "NPA", "caption"),
        ("(Northern Press Agency) — The ferry left at noon, its owner said.", "Northern Press Agency", "dateline"),
        ("The ferry left at noon. /TASS/. It carried ninety people.", "TASS", "dateline"),
        ("(AP)", "AP", "tag"),
        ("— Northern Press", "Northern Press", "tag"),
        ("© 2026 Northern Press. All rights reserved.", "Northern Press", "copyright"),
        ("Copyright 2026 by the Harbour Gazette", "Harbour Gazette", "copyright"),
        ("With inputs from PTI", "PTI", "line"),
        ("Reporting by Ann Lee for Northern Press; editing by Bo Ray", "Northern Press", "line"),
        ("Gazette staff, with additional material from Reuters", "Reuters", "line"),
        ("Gazette staff, with additional material from Crossings", "Crossings", "line"),
        ("This story was provided by Northern Newswire.", "Northern Newswire", "line"),
        ("By our own reporter and Nordwire", "Nordwire", "line"),
        ("With agency inputs", "", "line"),
        ("Staff and agencies", "", "line"),
        ("The ferry at its berth before it left on Tuesday. (NPA photo)", "NPA", "caption"),
    ],
)
def test_a_credit_is_found_in_its_form(line: str, agency: str, form: str) -> None:
    before = f"{STORY}\n\n{STORY}\n\n" if form in ("tag", "caption") else ""
    [credit] = credits_in(f"{before}{line}")
    assert (credit.agency, credit.form) == (agency, form)


@pytest.mark.parametrize(
    "line",
    [
        STORY,
        "He writes for the agency (and others) - so he said.",
        "The minister (R-Texas) - a former pilot - said no.",
        "She reported by telephone, the editor said, that the bridge was closed.",
        "The right to copy (see above) belongs to nobody.",
        "The story of the ferry is not new.",
        "By a reporter and by the owner the ferry was called slow.",
        "The treaty binds all its members (EU)",
        "",
    ],
)
def test_prose_is_no_credit(line: str) -> None:
    assert credits_in(f"{STORY} {STORY}\n\n{STORY}\n\n{line}\n\n{STORY}") == ()


def test_places_are_characters_of_the_original() -> None:
    original = "Ünïcode 👍🏽 comes first\r\n\r\nWith inputs from Reuters\r\n\r\n" + STORY
    [credit] = credits_in(original)
    assert credit == Credit("Reuters", original.index("Reuters"), original.index("Reuters") + 7, "line")
    assert original[credit.start : credit.end] == credit.agency


def test_a_line_without_a_name_is_the_span() -> None:
    [credit] = credits_in("With agency inputs")
    assert (credit.start, credit.end) == (0, len("With agency inputs"))


def test_a_batch_is_its_texts() -> None:
    signed = f"{STORY}\n\nWith inputs from PTI\n\n© 2026 Northern Press"
    texts = [STORY, "(AP) - " + STORY, "", signed, "港で橋が壊れた。"]
    batch = text.views(column(texts))
    found: list[list[Credit]] = [[] for _ in texts]
    for number, credit in find_credits(batch, text.read(batch)):
        found[number].append(credit)
    assert [tuple(of_text) for of_text in found] == [credits_in(one) for one in texts]


@given(any_text)
def test_any_text_may_come(anything: str) -> None:
    for credit in credits_in(f"{anything}\n(Reuters) - {anything}"):
        assert 0 <= credit.start <= credit.end <= 2 * len(anything) + 13
