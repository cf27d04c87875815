"""text.read: sentences, paragraphs, names, numbers and terms, by example and against the stems in plain Python."""
# ruff: noqa: RUF001  (look-alikes are the point)

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import oracle
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support import any_text, column, sentences, token_bounds

from dedup import text
from dedup.errors import CorpusError
from dedup.text import FIGURE, NAME, NUMBER, PARAGRAPH, SENTENCE, Reading

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def read(originals: Sequence[str | None]) -> Reading:
    return text.read(text.views(column(originals)))


def words_of(original: str, reading: Reading) -> list[str]:
    data, tokens = original.encode(), reading.tokens
    return [data[start:end].decode() for start, end in zip(tokens.starts, tokens.ends, strict=True)]


def drawn(original: str) -> str:
    """Return the words of a text with a mark before each that starts a sentence (|) or a paragraph (¶)."""
    reading = read([original])
    marks = {0: "", SENTENCE: "| ", SENTENCE | PARAGRAPH: "¶ "}
    parts = [
        marks[int(flag) & (SENTENCE | PARAGRAPH)] + word
        for word, flag in zip(words_of(original, reading), reading.flags, strict=True)
    ]
    return " ".join(parts)


# Sentences and paragraphs ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("original", "wanted"),
    [
        ("", ""),
        ("One word. Another.", "¶ One word | Another"),
        ("Who? He! Them… We went... They stayed", "¶ Who | He | Them | We went | They stayed"),
        ("It rose. it fell. ok.", "¶ It rose it fell ok"),  # small letters start none
        ("He won. 20 came second.", "¶ He won | 20 came second"),
        # abbreviations and initials
        ("Mr. Smith met Dr. Jones in St. Louis. They left.", "¶ Mr Smith met Dr Jones in St Louis | They left"),
        ("On Jan. 5 Gov. Lee spoke.", "¶ On Jan 5 Gov Lee spoke"),
        ("John F. Kennedy won. J. R. R. Tolkien wrote.", "¶ John F Kennedy won | J R R Tolkien wrote"),
        ("He left at 5 p.m. on Tuesday.", "¶ He left at 5 p m on Tuesday"),
        ("He said no. She left.", "¶ He said no | She left"),  # "No. 5" is an abbreviation, "no." is none
        ("House No. 5 burnt.", "¶ House No 5 burnt"),
        ("In the U.S. Senate they met.", "¶ In the U S Senate they met"),
        ("They came to the U.S. The mayor won.", "¶ They came to the U S | The mayor won"),
        ("It costs 3.5 or 1,000.50. The rest is free.", "¶ It costs 3 5 or 1 000 50 | The rest is free"),
        # quotes
        ('He said "No." She left.', "¶ He said No | She left"),
        ("He said: “Yes.” “Why?” she asked.", "¶ He said Yes | Why she asked"),
        ("He said ‘stop’ twice. ‘Go,’ she said.", "¶ He said stop twice | Go she said"),
        ("It ended. «Enfin», he said.", "¶ It ended | Enfin he said"),
        ("“It ended.”Then he left.", "¶ It ended | Then he left"),
        ("The U.S.-China talks and U.S.–Russia deals.", "¶ The U S China talks and U S Russia deals"),
        ("It ended. — Example Press", "¶ It ended | Example Press"),
        ("See dedup.Settings for more.", "¶ See dedup Settings for more"),
        # lines
        ("Headline\nBy Ann Lee\nThe storm came.", "¶ Headline ¶ By Ann Lee ¶ The storm came"),
        ("One.\n\nTwo.\r\n\r\nthree", "¶ One ¶ Two ¶ three"),
        ("Home   News   Sport", "¶ Home | News | Sport"),
        ("First part\n   indented", "¶ First part ¶ indented"),
        (
            "A text that\nis hard-wrapped at\na narrow column\nends here. And\nit goes on.\n\nA new one\nthen comes.",
            "¶ A text that is hard wrapped at a narrow column ends here | And it goes on ¶ A new one then comes",
        ),
        # scripts
        ("港で火事。死者なし！本当？はい", "¶ 港 で 火 事 | 死 者 な し | 本 当 | は い"),
        ("Él llegó. Ángela salió.", "¶ Él llegó | Ángela salió"),
        ("Пожар. Два дома сгорели.", "¶ Пожар | Два дома сгорели"),
    ],
)
def test_sentences(original: str, wanted: str) -> None:
    assert drawn(original) == wanted


@given(st.lists(st.sampled_from(["A storm came.", "Who knows?", "“We do,” he said.", "It cost 5.5m."]), max_size=9))
def test_sentences_joined_by_spaces_come_apart_again(parts: list[str]) -> None:
    reading = read([" ".join(parts)])
    assert int((reading.flags & SENTENCE > 0).sum()) == len(parts)
    assert int((reading.flags & PARAGRAPH > 0).sum()) == min(1, len(parts))
    reading = read(["\n\n".join(parts)])
    assert int((reading.flags & PARAGRAPH > 0).sum()) == len(parts)


@given(any_text)
def test_the_first_word_starts_a_sentence_and_a_paragraph_too(original: str) -> None:
    flags = read([original]).flags
    assert len(flags) == 0 or flags[0] & SENTENCE
    paragraphs = flags & PARAGRAPH > 0
    assert ((flags & SENTENCE > 0) | ~paragraphs).all()
    assert not (flags[paragraphs] & NAME).any()


# Tokens ---------------------------------------------------------------------------------------------------------------


@given(st.lists(st.one_of(any_text, sentences), max_size=5))
def test_the_tokens_are_those_of_tokenise(originals: list[str]) -> None:
    reading, tokens = read(originals), text.tokenise(text.views(column(originals)))
    np.testing.assert_array_equal(reading.tokens.hashes, tokens.hashes)
    np.testing.assert_array_equal(reading.tokens.places, tokens.places)
    np.testing.assert_array_equal(reading.tokens.starts, tokens.starts)
    np.testing.assert_array_equal(reading.tokens.ends, tokens.ends)
    assert len(reading.terms) == len(reading.flags) == len(tokens.hashes)


@given(st.lists(st.one_of(any_text, sentences), max_size=5))
def test_a_reading_does_not_depend_on_its_neighbours(originals: list[str]) -> None:
    together = read([*originals, "e\u0301"])
    for number, original in enumerate(originals):
        own, alone = together.tokens.of(number), read([original])
        np.testing.assert_array_equal(together.terms[own], alone.terms)
        np.testing.assert_array_equal(together.flags[own], alone.flags)
        np.testing.assert_array_equal(together.tokens.ends[own], alone.tokens.ends)


def test_nothing_to_read() -> None:
    for originals in ([], [None], ["", None, "..."]):
        reading = read(originals)
        assert len(reading.tokens) == len(originals)
        assert len(reading.terms) == len(reading.flags) == 0


def test_invalid_utf8_is_refused() -> None:
    batch = text.views(column(["fine", "bad!"]))
    broken = batch._replace(data=np.where(batch.data == ord("!"), 0xFF, batch.data).astype(np.uint8))
    with pytest.raises(CorpusError, match="not valid UTF-8") as caught:
        text.read(broken)
    assert caught.value.row == 1


# Names and numbers ----------------------------------------------------------------------------------------------------


def flagged(original: str, flag: int) -> list[str]:
    reading = read([original])
    return [word for word, f in zip(words_of(original, reading), reading.flags, strict=True) if f & flag]


@pytest.mark.parametrize(
    ("original", "names"),
    [
        ("The mayor of New York met Ángela Ólafs. The mayor won.", ["New", "York", "Ángela", "Ólafs"]),
        ('He called it "The Storm" and “A Pity”.', ["Storm", "Pity"]),  # what opens a quote is no name
        ("small letters only", []),
        ("Москва и Киев", ["Киев"]),
        ("東京 Tokyo", ["Tokyo"]),
    ],
)
def test_names_are_capitals_inside_a_sentence(original: str, names: list[str]) -> None:
    assert flagged(original, NAME) == names


@pytest.mark.parametrize(
    ("original", "numbers", "figures"),
    [
        ("40 dead, 7 missing", ["40", "7"], ["40"]),
        ("in 1999 and 2026, not 1776 or 2150", ["1999", "2026", "1776", "2150"], ["1776", "2150"]),
        ("1,200.50 dollars", ["1"], ["1"]),  # one number, on its first token
        ("3.5m and 5th", ["3", "5th"], ["3"]),
        ("one two twenty ninety", ["two", "twenty", "ninety"], ["twenty", "ninety"]),
        ("covid19 b2b", [], []),
    ],
)
def test_numbers_and_figures(original: str, numbers: list[str], figures: list[str]) -> None:
    assert flagged(original, NUMBER) == numbers
    assert flagged(original, FIGURE) == figures


# Terms ----------------------------------------------------------------------------------------------------------------

STEMS = {
    "countries country": "countri",
    "tries tried try": "try",
    "ties tied tie": "tie",
    "losses loss": "loss",
    "ministers minister minister's ministers'": "minister",
    "labour labor labours": "labor",
    "organised organized organise": "organiz",
    "stopped stopping stops stop": "stop",
    "agree agrees": "agre",
    "agreed": "agreed",
    "quickly quick": "quick",
    "bus": "bus",
    "crisis": "crisiz",
    "they're they've they'll they'd they": "they",
    "40 40m 40bn 40th 40's": "40",
    "40mph": "40mph",
    "twenty 20": "20",
    "dozen 12": "12",
    "o'clock": "oclock",
    "été": "été",
    "x" * 25 + "s": "x" * 25 + "s",
}


@pytest.mark.parametrize(("spellings", "stem"), STEMS.items(), ids=lambda value: value[:12])
def test_stems(spellings: str, stem: str) -> None:
    assert {text.stem(token) for token in spellings.split() if token in oracle.words(token)} == {stem}
    assert set(read([spellings]).terms.tolist()) == {oracle.token_hash(stem)}


NUMBER_WITH_PARTS = re.compile(r"(?<![a-z0-9'])\d[a-z0-9]*(?:(?<=\d)[.,]\d[a-z0-9]*)+")


def expected_terms(original: str) -> list[int]:
    """Read an ASCII text in small letters: the hash of each token's stem, numbers as one term and zeros."""
    inside: dict[int, tuple[int, str]] = {}  # where a number of several tokens starts: its tokens and digits
    for match in NUMBER_WITH_PARTS.finditer(original):
        digits = re.sub(r"(?<=\d)[a-z]{1,2}$", "", match[0].replace(",", ""))
        inside[match.start()] = (len(re.split(r"[.,]", match[0])), digits)
    terms: list[int] = []
    zeros = 0
    for token in oracle.tokens(original):
        parts, digits = inside.get(token.start, (1, ""))
        if zeros:
            terms.append(0)
            zeros -= 1
        else:
            terms.append(oracle.token_hash(digits if parts > 1 else text.stem(token.text) or token.text))
            zeros = parts - 1
    return terms


@pytest.mark.parametrize(
    ("original", "terms"),
    [
        ("1,200.50", ["1200.50", "", ""]),
        ("3.5m", ["3.5", ""]),
        ("3.5m, 4bn", ["3.5", "", "4"]),
        ("10,000-strong", ["10000", "", "strong"]),
        ("1, 2", ["1", "2"]),
        ("1..2", ["1", "2"]),
        ("a1,2", ["a1", "2"]),
        ("v1.5", ["v1", "5"]),
        ("10.5.2026", ["10.5.2026", "", ""]),
    ],
)
def test_a_number_is_one_term(original: str, terms: list[str]) -> None:
    wanted = [oracle.token_hash(term) if term else 0 for term in terms]
    assert read([original]).terms.tolist() == wanted == expected_terms(original)


_VOWELLED = st.text("abdeglilnorstuy", min_size=1, max_size=9)
_ENDINGS = st.sampled_from(
    ["", *"s es ies ied ed eed ing ly our ours is ise ised y ss sses us e ee 's 'd 're 'll 've s' ss's".split()]  # noqa: SIM905
)
_NUMBERS = st.from_regex(r"[0-9]{1,6}([.,][0-9]{1,4}){0,3}(m|bn|th|mph|s|'s)?", fullmatch=True)
ascii_words = st.one_of(
    st.builds(str.__add__, _VOWELLED, _ENDINGS),
    st.text("abcdefghijklmnopqrstuvwxyz0123456789'", min_size=1, max_size=30),
    _NUMBERS,
)


@given(st.lists(ascii_words, max_size=12))
@example(["a's", "s's", "aa's", "''", "x" * 24, "x" * 25, "0" * 24])
def test_terms_are_those_of_the_stems(words: list[str]) -> None:
    original = " ".join(words)
    if any(len(number[0]) > 20 for number in NUMBER_WITH_PARTS.finditer(original)):
        return  # a number of more digits is cut
    assert read([original]).terms.tolist() == expected_terms(original)


@given(any_text)
def test_other_scripts_are_their_own_terms(original: str) -> None:
    reading = read([original])
    for token, term in zip(oracle.tokens(original), reading.terms.tolist(), strict=True):
        if not token.text.isascii():
            assert term == oracle.token_hash(token.text)


TYPOGRAPHY: list[Callable[[str], str]] = [str.upper, str.title, lambda word: word.replace("'", "’")]


@given(st.lists(_VOWELLED, min_size=1, max_size=6), st.sampled_from(TYPOGRAPHY))
def test_case_and_typography_change_no_term(words: list[str], dress: Callable[[str], str]) -> None:
    plain = " ".join(f"{word}'s" for word in words)
    assert read([dress(plain)]).terms.tolist() == read([plain]).terms.tolist()
    assert len(token_bounds(plain)) == len(words)
