"""The tokeniser equals the oracle on everything that Arrow can hold."""
# ruff: noqa: RUF001  (look-alikes are the point)

from __future__ import annotations

import unicodedata

import numpy as np
import oracle
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support import Place, any_text, ascii_text, assigned, column, places_of, sentences, sketches, tokens_of

from dedup import text
from dedup.errors import CorpusError


def hashes(tokens: list[str]) -> list[int]:
    return [oracle.token_hash(token) for token in tokens]


def visible(places: list[Place], original: str) -> list[tuple[int, int, str]]:
    """Leave out what is invisible at the end of a token: it may count as the token's or not."""
    return [(p.hash, p.start, original[p.start : p.end].rstrip(oracle.INVISIBLE)) for p in places]


# Normalisation ------------------------------------------------------------------------------------------------------


@given(any_text)
def test_normalise_equals_the_oracle(original: str) -> None:
    assert text.normalise(original) == oracle.normalise(original)


@pytest.mark.parametrize(
    ("original", "normal"),
    [
        ("Don’t ﬁnd ＡＢＣ", "don't find abc"),
        ("STRASSE Straße", "strasse strasse"),
        ("´\u1ffd`ʼ‘’＇", "'" * 7),
        ("ŉ ｀", "'n '"),
        ("re\u00adport\u200d \ufefftop\u2060 a\ufe0f b\U000e0100", "report top a b"),
        ("e\u0301", "é"),
        ("e\u00ad\u0301", "é"),
        ("ΣΑΣ", "σασ"),
    ],
)
def test_normalise_examples(original: str, normal: str) -> None:
    assert text.normalise(original) == normal


@given(any_text)
def test_token_hash_equals_the_oracle(token: str) -> None:
    assert text.token_hash(token) == oracle.token_hash(token)


# Tokens -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("original", "tokens"),
    [
        ("", []),
        ("' \r\n\t.,-_\0", []),
        ("The U.S. won't pay 1,000.50!", ["the", "u", "s", "won't", "pay", "1", "000", "50"]),
        ("'tis the 'end' of dogs' lives", ["tis", "the", "end", "of", "dogs", "lives"]),
        ("a''b a'-b a'b'c", ["a", "b", "a", "b", "a'b'c"]),
        ("rock\u2019n\u2019roll it`s", ["rock'n'roll", "it's"]),
        ("Ἀ\u1ffdβ", ["ἀ'β"]),
        ("a\u0301 \u0301b '\u0301c d'\u0301e", ["á", "b", "c", "d", "e"]),
        ("\u20ddx 1\ufe0f\u20e3", ["x", "1\u20e3"]),
        ("東京都abc大阪", ["東", "京", "都", "abc", "大", "阪"]),
        ("スーパー ー aー", ["スー", "パー", "ー", "a", "ー"]),
        ("ｶﾞｰﾄﾞ", ["ガー", "ド"]),
        ("ที่นี่", ["ที่", "นี่"]),
        ("中'文 a'中", ["中", "文", "a", "中"]),
        ("1½ ㌖", ["11", "2", "キ", "ロ", "メー", "ト", "ル"]),
        ("👍🏽 ok 👨\u200d👩", ["ok"]),
        ("co\u00adop e\u200dmail", ["coop", "email"]),
        ("हिन्दी 각", ["हिन्दी", "각"]),
        ("line\r\nbreak\u2028next", ["line", "break", "next"]),
    ],
)
def test_tokens_examples(original: str, tokens: list[str]) -> None:
    assert oracle.words(original) == tokens
    assert tokens_of([original]) == [hashes(tokens)]


@given(ascii_text)
@pytest.mark.no_cover
def test_ascii_equals_the_oracle(original: str) -> None:
    assert places_of([original]) == [[Place(oracle.token_hash(t), s, e) for t, s, e in oracle.tokens(original)]]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.no_cover
def test_blocks_of_bytes_equal_the_oracle(seed: int) -> None:
    """The kernels look at 64 bytes at a time: apostrophes, tokens and other letters fall on every edge of these."""
    random = np.random.default_rng(seed)
    letters = list("abcXYZ019" * 6 + "''`  .-é’橋")
    originals = ["".join(random.choice(letters, size)) for size in random.integers(1, 400, 300)]
    found = places_of(originals)
    for original, places in zip(originals, found, strict=True):
        assert visible(places, original) == [
            (oracle.token_hash(t), s, original[s:e].rstrip(oracle.INVISIBLE)) for t, s, e in oracle.tokens(original)
        ]


@given(any_text)
def test_unicode_equals_the_oracle(original: str) -> None:
    assert tokens_of([original]) == [hashes(oracle.words(original))]


@given(any_text)
@example("½\u0e31 e\u0301")
def test_places_equal_the_oracle(original: str) -> None:
    found = places_of([original])[0]
    wanted = [Place(oracle.token_hash(t), s, e) for t, s, e in oracle.tokens(original)]
    assert visible(found, original) == visible(wanted, original)


@given(any_text)
def test_the_slice_of_a_token_normalises_to_it(original: str) -> None:
    for place in places_of([original])[0]:
        assert 0 <= place.start < place.end <= len(original)
        assert place.hash in hashes(oracle.words(original[place.start : place.end]))


@given(any_text)
def test_tokens_ascend(original: str) -> None:
    places = places_of([original])[0]
    assert places == sorted(places, key=lambda p: (p.start, p.end))


@pytest.mark.parametrize(
    "original", ["e\u00ad\u0301x", "か\u200d\u3099", "\u1100\u00ad\u1161", "e\u0301 \u00ad a\u00ad\u0308"]
)
def test_what_is_invisible_does_not_part_a_letter_from_its_mark(original: str) -> None:
    assert tokens_of([original]) == [hashes(oracle.words(original))]
    assert sketches([original]).fingerprints.tolist() == sketches([oracle.normalise(original)]).fingerprints.tolist()


@given(any_text)
def test_the_sketch_sees_the_same_tokens(original: str) -> None:
    found = sketches([original, oracle.normalise(original)])
    assert found.tokens[0] == len(oracle.words(original))
    assert found.fingerprints[0].tolist() == found.fingerprints[1].tolist()


@given(st.lists(any_text, max_size=6))
def test_a_text_does_not_depend_on_its_neighbours(originals: list[str]) -> None:
    """One text that only unicodedata can normalise changes nothing for the others of its batch."""
    alone = [places_of([original])[0] for original in originals]
    assert places_of([*originals, "e\u0301"])[:-1] == alone
    assert places_of(originals) == alone


@given(st.lists(st.one_of(sentences, any_text), min_size=1, max_size=4), st.integers(0, 40))
def test_eight_byte_steps_end_anywhere(parts: list[str], shift: int) -> None:
    """Runs of ASCII of any length, at any place, with other characters between."""
    original = "x" * shift + "é".join(parts) + "y" * shift
    assert tokens_of([original]) == [hashes(oracle.words(original))]


@pytest.mark.parametrize("length", [1, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 1000])
@pytest.mark.parametrize("letter", ["a", "é", "ж", "\U00010400"])
def test_tokens_of_any_length(letter: str, length: int) -> None:
    original = f"{letter * length} {letter * (length + 1)}"
    assert tokens_of([original]) == [hashes(oracle.words(original))]


@pytest.mark.parametrize("around", [("", ""), ("a", "b"), ("a'", "b"), ("か", "ー")])
@pytest.mark.no_cover
def test_every_assigned_character(around: tuple[str, str]) -> None:
    originals = [f"{around[0]}{character}{around[1]}" for character in assigned()]
    wrong = []
    for start in range(0, len(originals), 64):  # some batches go the fast way and some through unicodedata
        part = originals[start : start + 64]
        wanted = [hashes(oracle.words(original)) for original in part]
        wrong += [o for o, found, want in zip(part, tokens_of(part), wanted, strict=True) if found != want]
    assert [ascii(original) for original in wrong] == []


def test_an_unassigned_code_point_separates() -> None:
    unassigned = [
        chr(point) for point in (0x2A6E0, 0x2FA20, 0x2EF00, 0x323AF) if unicodedata.category(chr(point)) == "Cn"
    ]
    assert tokens_of(unassigned) == [[] for _ in unassigned]


# Arrow's forms ------------------------------------------------------------------------------------------------------

TEXTS = ["A storm hit.", None, "", "Küste — e\u0301te\u0301", "橋が壊れた", None, "don’t"]


def forms(texts: list[str | None]) -> dict[str, pa.Array]:
    plain = pa.array(texts, pa.string())
    padded = pa.array(["before", None, *texts, "after", None], pa.string())
    return {
        "string": plain,
        "large_string": plain.cast(pa.large_string()),
        "string_view": plain.cast(pa.string_view()),
        "dictionary": plain.dictionary_encode(),
        "sliced": padded.slice(2, len(texts)),
        "large sliced": padded.cast(pa.large_string()).slice(2, len(texts)),
        "sliced twice": padded.slice(1).slice(1, len(texts)),
        "view sliced": padded.cast(pa.string_view()).slice(2, len(texts)),
    }


@pytest.mark.parametrize("form", forms([]))
@pytest.mark.parametrize("texts", [TEXTS, ["a b", "c"], [None, None], ["", ""], [], ["one"]], ids=repr)
def test_every_string_type_gives_the_same(form: str, texts: list[str | None]) -> None:
    tokens = text.tokenise(text.views(forms(texts)[form]))
    assert len(tokens) == len(texts)
    found = [tokens.hashes[tokens.of(i)].tolist() for i in range(len(texts))]
    assert found == [hashes(oracle.words(original or "")) for original in texts]


def test_what_lies_under_a_null_is_not_read() -> None:
    plain = pa.array(["seen", "hidden", "seen"], pa.string())
    masked = pa.StringArray.from_buffers(3, plain.buffers()[1], plain.buffers()[2], pa.py_buffer(b"\x05"))
    assert masked.to_pylist() == ["seen", None, "seen"]
    tokens = text.tokenise(text.views(masked))
    assert np.diff(tokens.places).tolist() == [1, 0, 1]


# Bytes that are not UTF-8 -------------------------------------------------------------------------------------------

INVALID = [
    b"\xff",
    b"a\x80",
    b"\xc3",
    b"\xc0\x80",
    b"\xe2\x82",
    b"\xed\xa0\x80",
    b"\xf0\x80\x80\x80",
    b"\xf4\x90\x80\x80",
    b"\xe2\x28\xa1",
]


def unchecked(values: list[bytes]) -> pa.StringArray:
    """Return a string array that nobody validated, as Parquet files give it."""
    raw = pa.array(values, pa.binary())
    return pa.StringArray.from_buffers(len(values), raw.buffers()[1], raw.buffers()[2])


@pytest.mark.parametrize("invalid", INVALID)
@pytest.mark.parametrize("around", [b"%s", b"good %s", b"%s good", b"\xc3\xa9%s\xc3\xa9"])
def test_invalid_utf8_is_refused(invalid: bytes, around: bytes) -> None:
    with pytest.raises(CorpusError, match="not valid UTF-8") as caught:
        text.tokenise(text.views(unchecked([b"fine", around % invalid, b"fine"])))
    assert caught.value.row == 1


def test_a_truncated_character_does_not_borrow_from_the_next_text() -> None:
    with pytest.raises(CorpusError, match="not valid UTF-8"):
        text.tokenise(text.views(unchecked([b"\xc3", b"\xa9"])))


def test_invalid_utf8_behind_a_text_for_unicodedata_is_refused() -> None:
    with pytest.raises(CorpusError, match="not valid UTF-8") as caught:
        text.tokenise(text.views(unchecked(["e\u0301".encode(), b"bad \xff"])))
    assert caught.value.row == 1


def test_character_places_of_unordered_spans() -> None:
    batch = text.views(column(["aé橋😀b" * 5, "zz"]))
    numbers = np.array([0, 1, 0, 0], np.int32)
    places = np.array([14, 1, 3, 55], np.int32)
    text.to_characters(batch, numbers, places)
    assert places.tolist() == [7, 1, 2, 25]


def test_a_text_for_unicodedata_keeps_its_capitals_and_leaves_its_batch_alone() -> None:
    plain, tangled = "He met Ann. She left.", "He met E\u0301va. She left."
    alone = text.read(text.views(column([plain])))
    both = text.read(text.views(column([plain, tangled])))
    assert both.flags[both.tokens.of(0)].tolist() == alone.flags.tolist()
    assert both.flags[both.tokens.of(1)].tolist() == alone.flags.tolist()


def test_small_number_words_are_no_figures() -> None:
    made = text.read(text.views(column(["two of twenty, 3 of 40"])))
    assert [bool(flag & text.NUMBER) for flag in made.flags] == [True, False, True, True, False, True]
    assert [bool(flag & text.FIGURE) for flag in made.flags] == [False, False, True, False, False, True]
