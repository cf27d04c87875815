"""Who was first and where a story comes from: by credits, then by time, and never by guessing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pytest

from dedup import find
from dedup.credits import Credit
from dedup.kernels.runs import UNDATED as NEVER
from dedup.origin import COVERAGE, CREDITED, EARLIEST, OWN_CREDIT, Members, coverage, holds, house, origin, shown
from dedup.origin import UNKNOWN as NOBODY
from dedup.text import tokenise, views

if TYPE_CHECKING:
    from collections.abc import Sequence


def members(
    outlets: Sequence[str],
    times: Sequence[int | None],
    covered: Sequence[float],
    credits_: Sequence[Sequence[Credit]] | None = None,
) -> Members:
    published = np.array([NEVER if time is None else time for time in times], np.int64)
    return Members(outlets, published, credits_ or [()] * len(outlets), np.array(covered))


def credit(agency: str, form: str = "line") -> Credit:
    return Credit(agency, 0, len(agency), form)


def test_the_outlet_that_others_credit() -> None:
    told = origin(members(["Argus", "Example Press"], [1, 2], [0.9, 0.9], [[credit("Example Press")], []]))
    assert told == (1, 0.95, CREDITED, 0)


def test_credits_of_two_agencies_share_the_confidence() -> None:
    given = [[], [], [credit("Argus")], [credit("Post")], [credit("Post")]]
    told = origin(members(["Argus", "Post", "a", "b", "c"], [1, 2, 3, 4, 5], [0.5] * 5, given))
    assert (told.member, told.evidence) == (1, CREDITED)
    assert told.confidence == pytest.approx(0.95 * 2 / 3)


def test_the_feeds_of_one_house_are_no_rivals() -> None:
    given = [[], [], [credit("BBC")], [credit("BBC")]]
    told = origin(members(["bbc-top", "bbc-world", "a", "b"], [1, 2, 3, 4], [0.5] * 4, given))
    assert told == (0, 0.95, CREDITED, 0)
    own = [[credit("BBC", "dateline")], [credit("BBC", "dateline")]]
    assert origin(members(["bbc-top", "bbc-world"], [1, 2], [0.5, 0.5], own)) == (0, 0.85, OWN_CREDIT, 0)


def test_credits_need_no_times() -> None:
    told = origin(members(["Post", "Example Press"], [None, None], [0, 0], [[credit("EP")], []]))
    assert (told.member, told.first) == (1, -1)


def test_a_dateline_of_its_own() -> None:
    told = origin(members(["Argus", "Post"], [1, 2], [0.5, 0.5], [[], [credit("Post", "dateline")]]))
    assert told == (1, 0.85, OWN_CREDIT, 0)


def test_the_earliest_of_those_that_hold_the_others() -> None:
    assert origin(members(["", "", ""], [1, 2, 3], [0.8, 0.85, 0.8])) == (0, 0.7, COVERAGE, 0)
    assert origin(members(["", "", ""], [1, 2, 3], [0.1, 0.85, 0.8])) == (1, 0.5, COVERAGE, 0)


def test_who_credits_an_agency_is_not_the_origin() -> None:
    told = origin(members(["Argus", "Post"], [1, 2], [0.8, 0.8], [[credit("Nobody Here")], []]))
    assert told.member == 1


def test_a_picture_credit_is_none() -> None:
    told = origin(members(["Argus", "Post"], [1, 2], [0.8, 0.8], [[credit("Nobody Here", "caption")], []]))
    assert told.member == 0


def test_the_earliest_where_nothing_is_held() -> None:
    assert origin(members(["", ""], [1, 2], [0, 0])) == (0, 0.4, EARLIEST, 0)
    assert origin(members(["", ""], [1, None], [0, 0])) == (0, 0.2, EARLIEST, 0)


@pytest.mark.parametrize("covered", [0.0, 0.8])
@pytest.mark.parametrize("times", [(None, None, None), (5, 5, 5), (5, 5, None)])
def test_nothing_is_guessed(times: tuple[int | None, ...], covered: float) -> None:
    assert origin(members([""] * 3, times, [covered] * 3)) == NOBODY


def test_equal_times_hide_the_origin_but_not_a_later_member() -> None:
    told = origin(members([""] * 3, [5, 6, 6], [0.1, 0.9, 0.9]))
    assert (told.member, told.first) == (-1, 0)


@pytest.mark.parametrize(
    ("agency", "outlet"),
    [
        ("Reuters", "reuters"),
        ("The Argus", "Argus"),
        ("EP", "Example Press"),
        ("Example Press Agency", "Example Press"),
    ],
)
def test_a_credit_names_an_outlet(agency: str, outlet: str) -> None:
    assert holds(agency, outlet)
    assert holds(outlet, agency)


@pytest.mark.parametrize(
    ("agency", "outlet"),
    [
        ("Fox News", "fox-world"),
        ("Fox News", "foxnews.com"),
        ("BBC", "bbc-top"),
        ("BBC", "BBC News"),
        ("BBC News", "bbc-world-africa"),
        ("BBC", "news.bbc.co.uk"),
        ("AP News", "apnews.com"),
        ("The Velmark Times", "velmark-times_politics"),
    ],
)
def test_a_credit_names_a_feed_of_an_outlet(agency: str, outlet: str) -> None:
    assert holds(agency, outlet)
    assert house(agency) == house(outlet)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Fox News", "fox-valley-times"),
        ("Fox News", "Fox Valley Times"),
        ("BBC", "bbcreal.example"),
        ("ABC News", "abc-family"),
        ("Daily News", "daily-mail"),
        ("Sky News", "Sky Sports"),
        ("Reuters", "Reuters Health"),
        ("CBS News", "cbc-news"),
        ("News", "world-news"),
        ("!", "?"),
    ],
)
def test_outlets_of_like_names_stay_apart(one: str, other: str) -> None:
    assert house(one) != house(other)


@pytest.mark.parametrize(("one", "other"), [("Fox News", "fox-valley-times"), ("ABC News", "abc-family"), ("!", "?")])
def test_a_credit_does_not_name_an_outlet_of_a_like_name(one: str, other: str) -> None:
    assert not holds(one, other)


@pytest.mark.parametrize(
    ("agency", "outlet"), [("AP", "Apple Daily"), ("", "Argus"), ("Post", ""), ("Argus", "Argonaut")]
)
def test_a_credit_names_another(agency: str, outlet: str) -> None:
    assert not holds(agency, outlet)
    assert not holds("Argus", "a")


def test_the_credit_shown() -> None:
    line, tag, photo = credit("", "line"), credit("Post", "tag"), credit("Argus", "caption")
    assert shown([photo, line, tag], "") == tag
    assert shown([photo, line], "") == line
    assert shown([photo], "") is None
    assert shown([credit("Post", "copyright")], "The Post") is None
    assert shown([credit("Post", "copyright")], "Argus") == credit("Post", "copyright")


def test_the_credit_of_another_goes_before_the_own_dateline() -> None:
    own, staff, other = credit("Argus", "dateline"), credit("", "line"), credit("Nordwire", "line")
    assert shown([own, staff, other], "Argus") == other
    assert shown([own, staff], "Argus") == own
    assert shown([staff], "Argus") == staff


def test_coverage_is_the_mean_share_of_the_others() -> None:
    texts = pa.array(["a b c d e f", "a b c d e f g h", "x y z u v w"], pa.large_string())
    covered = coverage(tokenise(views(texts)), np.array([0, 3]), 5)
    assert covered == pytest.approx([(2 / 4) / 2, (2 / 2) / 2, 0])


def test_coverage_is_linear_in_copies() -> None:
    texts = pa.array([" ".join(f"w{i}" for i in range(40))] * 3000, pa.large_string())
    assert coverage(tokenise(views(texts)), np.array([0, 3000]), 5) == pytest.approx(np.ones(3000))


def test_the_columns() -> None:
    body = " ".join(f"word{i}" for i in range(60))
    table = pa.table(
        {
            "id": ["copy", "wire", "other"],
            "text": [f"{body}\n\nWith inputs from Example Press.", body, "Something else altogether happened."],
            "source": ["Argus", "Example Press", "Post"],
            "published": ["2026-03-01T10:00:00Z", "2026-03-01T10:04:00Z", None],
        }
    )
    copy, wire, other = find(table).articles.to_pylist()
    assert (copy["first_id"], copy["origin_id"], copy["credit"], copy["role"]) == (
        "copy",
        "wire",
        "Example Press",
        "identical",
    )
    assert table["text"][0].as_py()[copy["credit_start"] : copy["credit_end"]] == "Example Press"
    assert (wire["role"], wire["borrowed"], copy["borrowed"]) == ("original", 1.0, 0.0)
    assert [other[name] for name in ("first_id", "origin_id", "origin_confidence", "role", "credit")] == [None] * 5
    assert other["borrowed"] == 0.0


@pytest.mark.parametrize(
    ("outlet", "told"), [("Argus", "own update"), ("argus-top", "own update"), ("Argus Health", "rewrite")]
)
def test_another_feed_of_its_house_updates_an_origin(outlet: str, told: str) -> None:
    said = [f"word{i}" for i in range(60)]
    table = pa.table(
        {
            "id": ["first", "later"],
            "text": [" ".join(said), " ".join([*said[:50], *(f"news{i}" for i in range(15))])],
            "source": ["Argus", outlet],
            "published": ["2026-03-01T10:00:00Z", "2026-03-01T14:00:00Z"],
        }
    )
    roles = find(table).articles["role"].to_pylist()
    assert roles == ["original", told]
