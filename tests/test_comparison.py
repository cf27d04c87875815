"""Two texts beside each other: the laws of both ledgers, whatever the texts, and what is hard about some."""
# ruff: noqa: RUF001  (look-alikes are the point)

from __future__ import annotations

import itertools
import random
import time
from dataclasses import FrozenInstanceError
from importlib import resources
from typing import TYPE_CHECKING

import oracle
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import any_text, sentences, token_bounds

from dedup.background import Background
from dedup.comparison import Comparison, Ledger, compare
from dedup.errors import CorpusError
from dedup.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

WIRE = (
    "The ferry Northern Swallow caught fire off the harbour of Ellersund on Tuesday with forty passengers aboard. "
    "Rescuers lifted every passenger from the burning deck within two hours.\n\n"
    "“The fire began in the engine room,” the coastguard commander Ingrid Halvorsen said."
)
RETOLD = (
    "All passengers were lifted to safety by rescuers from the deck of the Northern Swallow as it burned. "
    "Commander Ingrid Halvorsen of the coastguard said flames had broken out in the engine room."
)
DRESSES = (
    "👍🏽 {} 👩‍🚀",
    "E\u0301cole. {} caf\u0065\u0301.",
    "Heading\r\n\r\n{}\r\n\r\nEnd\r\n",
    "ﬁrst ½ ㎏ ＡＢＣ {} Ⅷ ㌖",
    "港で橋が壊れた。{}朝の港。",
    "so\u00adft \ufeff{}",
)
dressed = st.builds(str.format, st.sampled_from(DRESSES), st.one_of(any_text, sentences))
texts = st.one_of(any_text, sentences, dressed)


def check(text: str, told: Ledger) -> None:
    bounds = token_bounds(text).tolist()
    assert told.words == len(bounds)
    assert sum((told.boilerplate, told.copied, told.reworded, told.unique)) == pytest.approx(1, abs=1e-9)
    assert told.shared == told.copied + told.reworded
    for places in ([(span.start, span.end) for span in told.spans], told.sentences):
        assert all(0 <= start < end <= len(text) for start, end in places)
        assert all(one[1] <= two[0] for one, two in itertools.pairwise(places))
        assert all(any(low <= start and end <= high for low, high in places) for start, end in bounds)
    if bounds:
        gaps = zip(
            [0, *(end for _, end in told.sentences)], [*(start for start, _ in told.sentences), None], strict=True
        )
        assert not "".join(text[end:start] for end, start in gaps).strip()
    counted = dict.fromkeys(("boilerplate", "copied", "reworded", "unique"), 0)
    for span in told.spans:
        counted[span.kind] += sum(span.start <= start and end <= span.end for start, end in bounds)
        assert (span.score is None) == (span.other_start is None) == (span.kind in ("boilerplate", "unique"))
    for kind, count in counted.items():
        assert getattr(told, kind) * told.words == pytest.approx(count if bounds else 0)


def checked(left: str, right: str, settings: Settings | None = None) -> Comparison:
    told = compare(left, right, settings)
    for text, other, side in ((left, right, told.left), (right, left, told.right)):
        check(text, side)
        for span in side.spans:
            if span.other_start is not None and span.other_end is not None:
                assert 0 <= span.other_start < span.other_end <= len(other)
            if span.kind == "copied":
                there = other[span.other_start : span.other_end]
                assert oracle.words(text[span.start : span.end]) == oracle.words(there)
    assert 0 <= told.resemblance <= min(told.containment_left_in_right, told.containment_right_in_left) <= 1
    return told


@given(texts, texts)
def test_every_word_is_in_one_span_and_one_sentence(left: str, right: str) -> None:
    checked(left, right)


@given(texts)
def test_a_text_is_copied_from_itself(text: str) -> None:
    told = checked(text, text, Settings(boilerplate=False))
    whole = 1.0 if token_bounds(text).size else 0.0
    assert told.left == told.right
    assert told.left.copied == told.resemblance == told.containment_left_in_right == whole


@given(texts, texts)
def test_resemblance_is_symmetric(left: str, right: str) -> None:
    one, two = compare(left, right), compare(right, left)
    assert one.resemblance == two.resemblance
    assert one.containment_left_in_right == two.containment_right_in_left
    assert one.containment_right_in_left == two.containment_left_in_right
    assert (one.left.copied, one.left.boilerplate) == (two.right.copied, two.right.boilerplate)
    assert (one.right.copied, one.right.boilerplate) == (two.left.copied, two.left.boilerplate)


@pytest.mark.parametrize("dress", DRESSES)
def test_places_are_characters_of_the_original(dress: str) -> None:
    told = checked(dress.format(WIRE), dress.format(RETOLD))
    assert told.right.reworded > 0.3
    same = checked(dress.format(WIRE), WIRE)
    assert same.right.copied > 0.9
    quote = next(span for span in same.right.spans if WIRE[span.start : span.end].startswith("The ferry"))
    assert dress.format(WIRE)[quote.other_start : quote.other_end].startswith("The ferry Northern")


def test_sentences_keep_the_marks_around_them() -> None:
    text = " “We left.” “They stayed,” he said.\r\n\r\n- item one\n- item two\n「港で橋が壊れた。」「朝の港。」 end… "
    assert [text[start:end] for start, end in compare(text, "x").left.sentences] == [
        "“We left.”",
        "“They stayed,” he said.",
        "- item one",
        "- item two",
        "「港で橋が壊れた。」",
        "「朝の港。」",
        "end…",
    ]
    assert compare("…", " ").left.sentences == ()


def test_quotes_and_dashes_in_any_encoding_are_the_same_words() -> None:
    forms = (
        "“It’s over — all of it,” the mayor said. ‘Never again’ – so she vowed.",
        "\"It's over - all of it,\" the mayor said. 'Never again' -- so she vowed.",
        "«It`s over ― all of it», the mayor said. „Never again“ ‒ so she vowed.",
        "It´s over\u00a0\u2212 all of it, the mayor said. Never again \u2012 so she vowed.",
    )
    for left, right in itertools.permutations(forms, 2):
        told = checked(left, right)
        assert told.left.copied == told.right.copied == told.resemblance == 1


LIST = "\n".join(f"- {place}: {count}" for place, count in (("Ellersund", 4), ("Ostermund", 12), ("Lowen Reach", 31)))
TABLE = "Place\tVotes\nEllersund\t4,102\nOstermund\t1,266\nLowen Reach\t3,190"
CAPITALS = "FERRY FIRE OFF ELLERSUND FORTY TAKEN OFF BY RESCUERS\nNO ONE HURT COASTGUARD SAYS"
UNBROKEN = " ".join(WIRE.translate(dict.fromkeys(map(ord, ".,“”"), " ")).split())


@pytest.mark.parametrize("text", [LIST, TABLE, CAPITALS, UNBROKEN], ids=["list", "table", "capitals", "no punctuation"])
def test_texts_without_sentences(text: str) -> None:
    assert checked(text, text).left.copied == 1
    checked(text, WIRE)
    half = text[: len(text) // 2].rsplit(maxsplit=1)[0]
    told = checked(text, f"Before it. {half}")
    assert told.left.copied == pytest.approx(len(oracle.words(half)) / told.left.words)


def test_capitals_and_lower_case_are_the_same_words() -> None:
    assert checked(WIRE, WIRE.upper()).left.copied == 1


@pytest.mark.parametrize("stops", [True, False], ids=["sentences", "one sentence"])
def test_a_paragraph_of_200000_words_takes_seconds(stops: bool) -> None:  # noqa: FBT001  (a parameter of pytest)
    rng = random.Random(4)  # noqa: S311
    words = [*oracle.words(WIRE), *oracle.words(RETOLD), *(f"{word}." * stops or word for word in ("sea", "ship"))]
    left, right = (" ".join(rng.choices(words, k=200_000)) for _ in range(2))
    compare(WIRE, RETOLD)  # the kernels are loaded
    started = time.process_time()
    told = compare(left, right)
    assert time.process_time() - started < 30  # 0.7 and 1.3 s on one core of 2026
    assert (told.left.words, told.right.words) == (200_000, 200_000)
    assert compare(left, left).left.copied == 1


@pytest.mark.parametrize("text", ["word " * 200_000, "word. " * 200_000, "x" * 1_000_000])
def test_one_word_over_and_over(text: str) -> None:
    assert compare(text, text).left.copied == 1


def test_a_text_that_is_all_boilerplate() -> None:
    told = checked("© 2026 Example Press. All rights reserved.", WIRE)
    assert (told.left.boilerplate, told.left.unique, told.resemblance) == (1, 0, 0)
    both = checked("© 2026 Example Press. All rights reserved.", "© 2026 Example Press. All rights reserved.")
    assert (both.left.boilerplate, both.left.shared, both.resemblance, both.aligned) == (1, 0, 0, ())
    kept = checked(
        "© 2026 Example Press. All rights reserved.",
        "© 2026 Example Press. All rights reserved.",
        Settings(boilerplate=False),
    )
    assert kept.left.copied == 1


def test_empty_texts() -> None:
    for left, right in (("", ""), ("", WIRE), ("...", "--")):
        told = checked(left, right)
        assert (told.left.words, told.left.unique, told.left.spans, told.aligned) == (0, 1, (), ())


def test_half_a_surrogate_pair_is_refused() -> None:
    with pytest.raises(CorpusError, match=r"half a surrogate pair \(U\+D83D, character 4\)"):
        compare("one \ud83d two", WIRE)


def test_everything_is_frozen() -> None:
    told = compare(WIRE, RETOLD)
    for thing in (told, told.left, told.left.spans[0], told.aligned[0]):
        with pytest.raises(FrozenInstanceError):
            thing.score = 0.5  # type: ignore[union-attr, misc]
    assert hash(told) == hash(compare(WIRE, RETOLD))


def test_the_background_is_read_once_for_many_pairs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    own = tmp_path / "background.parquet"
    own.write_bytes(resources.files("dedup").joinpath("data", "background.parquet").read_bytes())
    settings = Settings(background=str(own))
    read: list[int] = []
    made = Background.of

    def counting(table: pa.Table) -> Background:
        read.append(len(table))
        return made(table)

    monkeypatch.setattr(Background, "of", counting)
    for _ in range(5):
        assert compare(WIRE, RETOLD, settings) == compare(WIRE, RETOLD)
    assert len(read) <= 2  # this file, and the packaged one where no test has read it yet
