"""Counterparts: found by rare words, refused by new facts, and as quick in a story of hundreds."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np
import pytest
from support import column, prose

from dedup import rewording
from dedup.background import Background
from dedup.kernels.runs import UNDATED
from dedup.ledger import Context, Ledgers, ledgers
from dedup.rewording import Teller
from dedup.text import read, views

if TYPE_CHECKING:
    from collections.abc import Sequence

WIRE = (
    "The ferry Northern Swallow caught fire off the harbour of Ellersund on Tuesday with forty passengers aboard. "
    "Rescuers lifted every passenger from the burning deck within two hours. "
    "The fire began in the engine room, the coastguard commander Ingrid Halvorsen said."
)
RETOLD = (
    "All passengers were lifted to safety by rescuers from the deck of the Northern Swallow as it burned. "
    "Commander Ingrid Halvorsen of the coastguard said flames had broken out in the engine room. "
    "Ticket prices for the summer season of the opera festival in Verona rise by a tenth."
)


def tell(
    texts: Sequence[str],
    published: Sequence[int] | None = None,
    titles: Sequence[str] | None = None,
    outlets: Sequence[str] | None = None,
    *,
    guarded: bool = False,
) -> Ledgers:
    batch = views(column(texts))
    reading = read(batch)
    count = len(texts)
    when = np.full(count, UNDATED) if published is None else np.array(published, np.int64)
    teller = Teller(views(column(titles or [""] * count)), outlets or [""] * count, Background.load())
    context = Context(reading, np.arange(count), when, teller, guarded)
    house = np.zeros(len(reading.flags), np.bool_)
    return ledgers(batch, reading.tokens, house, np.array([0, count]), 5, context)


def named(texts: Sequence[str], made: Ledgers, text: int) -> list[tuple[str, str]]:
    """Return the reworded spans of a text with the sentences that they retell."""
    rows = np.flatnonzero((made.spans.text == text) & made.retold)
    spans = [tuple(int(values[row]) for values in made.spans) for row in rows]
    return [(texts[text][start:end], texts[other][low:high]) for _, start, end, other, low, high in spans]


def test_each_sentence_is_named_its_counterpart() -> None:
    pairs = named([WIRE, RETOLD], tell([WIRE, RETOLD]), 1)
    assert [(here.split()[0], there.split()[0]) for here, there in pairs] == [("All", "Rescuers"), ("Commander", "The")]
    assert all(there.endswith(("hours", "said")) for _, there in pairs)


def test_what_nobody_told_is_unique() -> None:
    made = tell([WIRE, RETOLD])
    assert made.reworded[1] == sum(len(here.split()) for here, _ in named([WIRE, RETOLD], made, 1))
    assert made.reworded[1] < len(RETOLD.split())


@pytest.mark.parametrize(
    "new",
    ["It cost 7,431 crowns, 82 lorries, 19 cranes and 64 days, rescuers of every passenger on the deck reckon."],
)
def test_new_numbers_make_a_sentence_ones_own(new: str) -> None:
    assert tell([WIRE, new]).reworded.tolist()[1] == 0


def test_a_title_makes_a_name_known() -> None:
    new = "Rescuers lifted passengers from the burning deck, say Wexcombe, Harrowby, Quillfeather and Ostrander."
    scores = [
        tell([WIRE, new], titles=[title, ""]).reworded[1] for title in ("", "Wexcombe Harrowby Quillfeather Ostrander")
    ]
    assert scores[0] <= scores[1] > 0


def test_a_short_sentence_word_for_word_is_copied() -> None:
    made = tell([f"{WIRE} Nobody was hurt.", f"{RETOLD} Nobody was hurt."])
    assert made.copied.tolist() == [3, 3]


def test_earlier_members_only_count_as_borrowed() -> None:
    early, late = tell([WIRE, RETOLD], [1, 2]).borrowed
    assert early == 0 < late
    for times in ([1, 1], [2, UNDATED], [UNDATED, 1]):
        assert tell([WIRE, RETOLD], times).borrowed.tolist() == [0, 0]
    assert tell([WIRE, WIRE], [2, 1]).borrowed.tolist() == [len(WIRE.split()), 0]


def test_the_preferred_member_is_named_where_two_say_the_same() -> None:
    texts = [WIRE, WIRE.replace("Rescuers", "The rescuers"), RETOLD]
    made = tell(texts)
    assert {int(made.spans.other[row]) for row in np.flatnonzero((made.spans.text == 2) & made.retold)} == {0}


def test_the_guard_asks_for_more_where_nothing_ties_the_texts() -> None:
    one = "The council of the town will meet to talk about the water of the river and the price of the houses there."
    two = "People in the village talk of houses near the water, and a meeting about prices may follow in the autumn."
    assert tell([one, two], guarded=True).reworded.sum() <= tell([one, two]).reworded.sum()


EVENT = (
    "The minister said on Friday that the government wants the talks to go on in the summer. "
    "The two sides will meet again next week, and the minister hopes for a deal before the end of the year."
)
OWN = "A week of talks has changed little for the people who live here. They only hope that it is over soon."


def test_common_words_alone_do_not_make_a_sentence_reworded() -> None:
    assert tell([EVENT, OWN]).reworded.tolist() == [0, 0]


def test_less_is_asked_of_a_text_that_rare_words_tie_to_another() -> None:
    tied = [f"{text} The Quillfeather Ostrander report of Wexcombe and Harrowby is new." for text in (EVENT, OWN)]
    assert tell(tied).reworded[1] > 0
    ties = np.array([0.0, 8.0, 9.0, 10.0, 50.0])
    assert rewording.floors(ties).round(3).tolist() == [0.28, 0.28, 0.165, 0.05, 0.05]


def test_of_three_sentences_the_one_that_says_it_is_named() -> None:
    wire = (
        "The harbour of Ellersund was busy on Tuesday morning. "
        "Rescuers lifted every passenger from the burning deck of the Northern Swallow within two hours. "
        "The ferry Northern Swallow had left the harbour late. "
        "Ingrid Halvorsen of the coastguard blamed the engine room."
    )
    retold = "From the burning deck of the Northern Swallow, rescuers had every passenger lifted in two hours."
    assert [there.split()[0] for _, there in named([wire, retold], tell([wire, retold]), 1)] == ["Rescuers"]


def test_sources_are_capped_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(1)
    texts = [f"{' '.join(prose(random, 30))}. {RETOLD}" for _ in range(12)]
    assert tell(texts).capped == 0
    monkeypatch.setattr(rewording, "SOURCES", 5)
    assert tell(texts).capped == 1


def rewrites(count: int) -> list[str]:
    random = np.random.default_rng(3)
    words = prose(random, 400)
    return [
        ". ".join(" ".join(words[i] for i in random.integers(400, size=18)).capitalize() for _ in range(20)) + "."
        for _ in range(count)
    ]


def seconds(texts: list[str]) -> float:
    began = time.process_time()
    tell(texts)
    return time.process_time() - began


def test_two_hundred_rewrites_are_linear() -> None:
    seconds(rewrites(5))
    small, large = min(seconds(rewrites(50)) for _ in range(3)), min(seconds(rewrites(200)) for _ in range(3))
    assert large < 10 * max(small, 0.01)


def test_a_thousand_copies_are_linear() -> None:
    body = rewrites(1)[0]
    copies = [f"{body} Edited by desk {number}." for number in range(1000)]
    seconds(copies[:5])
    small, large = min(seconds(copies[:250]) for _ in range(3)), min(seconds(copies) for _ in range(3))
    assert large < 10 * max(small, 0.01)


@pytest.mark.parametrize("stop", [" ", ". "])
def test_two_hundred_thousand_words(stop: str) -> None:
    """One sentence of them, or as many sentences."""
    long = stop.join(f"storm{i % 977}" for i in range(200_000))
    tell([WIRE, RETOLD])
    assert seconds([long, WIRE, long[:1_000_000]]) < 20
