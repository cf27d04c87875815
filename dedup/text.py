"""Normalise → tokens, with places back into the original text.

A *token* is a maximal run of letters, marks and numbers (Unicode categories L, M, N) of the normalised text, with
inner apostrophes (``don't``). Letters of scripts that are written without spaces (Han, Hiragana, Katakana, Thai,
Lao, Khmer, Myanmar) are a token each. A mark extends the token before it and never starts one. Normalised means:
NFKC, case folding and NFKC again, typographic apostrophes become ``'``, soft hyphens and joiners vanish.

The hot path is numba on Arrow's buffers; :func:`normalise` and :func:`token_hash` say the same in plain Python.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa
import xxhash

from dedup.errors import CorpusError
from dedup.kernels import folding, reading, texts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

APOSTROPHES = "\u0060\u00b4\u02bc\u1ffd\u2018\u2019\uff07"
# Invisible inside words: soft hyphen, joiners, byte order mark, variation selectors.
_INVISIBLE = (0x00AD, 0x200C, 0x200D, 0x2060, 0xFEFF, *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))
_UNSEEN = frozenset(_INVISIBLE)
_TRANSLATION = {**dict.fromkeys(map(ord, APOSTROPHES), "'"), **dict.fromkeys(_INVISIBLE, "")}
# Letters of scripts written without spaces: each is a token of its own.
_SOLID_RANGES = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1000, 0x109F),  # Myanmar
    (0x1780, 0x17FF),  # Khmer
    (0x3005, 0x3007),  # ideographic iteration mark, closing mark, zero
    (0x3040, 0x30FF),  # Hiragana, Katakana
    (0x3100, 0x312F),  # Bopomofo
    (0x31F0, 0x31FF),  # Katakana extensions
    (0x3400, 0x4DBF),  # Han extension A
    (0x4E00, 0x9FFF),  # Han
    (0xA9E0, 0xA9FF),  # Myanmar extended B
    (0xAA60, 0xAA7F),  # Myanmar extended A
    (0xF900, 0xFAFF),  # Han compatibility
    (0x20000, 0x323AF),  # Han extensions B and later
)
_LONG_VOWEL = 0x30FC  # lengthens the Katakana before it, like a mark
_COMPLEX = 128
# Code points that normalise to themselves as a whole: no need to ask unicodedata for each.
_PLAIN_RANGES = (
    (0x3400, 0x4DC0),  # Han extension A
    (0x4E00, 0xA000),  # Han
    (0xAC00, 0xD7A4),  # Hangul syllables
    (0xD800, 0xF900),  # surrogates, private use
    (0x20000, 0x2F800),  # Han extensions B to F
    (0x30000, 0x323B0),  # Han extensions G and H
)
_LAST_ASSIGNED = 0x323B0
_TAGS = range(0xE0000, 0xE01F0)  # tags and variation selectors, the only assigned ones behind
_CODE_POINTS = 0x110000


def normalise(text: str) -> str:
    """Return the text in the form in which tokens are compared.

    >>> normalise("Don’t ﬁnd ＡＢＣ")
    "don't find abc"
    """
    folded = unicodedata.normalize("NFKC", text.translate(_TRANSLATION)).casefold()
    return unicodedata.normalize("NFKC", folded).translate(_TRANSLATION)


def token_hash(token: str) -> int:
    """Hash a normalised token: XXH64 of its UTF-8 bytes, padded with zero bytes to a multiple of eight."""
    data = token.encode()
    return xxhash.xxh64_intdigest(data + bytes(-len(data) % 8))


@dataclass(frozen=True)
class Tokens:
    """The tokens of a batch of texts, one after the other; their places where they were wanted.

    ``hashes`` (uint64), ``starts`` and ``ends`` (int32, bytes into the token's own text) have one value a token;
    ``places`` (int64, texts + 1) bounds the tokens of each text.
    """

    hashes: NDArray[np.uint64]
    starts: NDArray[np.int32]
    ends: NDArray[np.int32]
    places: NDArray[np.int64]

    def __len__(self) -> int:
        """Count them."""
        return len(self.places) - 1

    def without(self, left_out: NDArray[np.bool_]) -> Tokens:
        """Return the tokens that are not ``left_out``, one value a token."""
        if not left_out.any():
            return self
        kept = ~left_out
        before = np.concatenate([np.zeros(1, np.int64), np.cumsum(kept)])
        starts, ends = (column[kept] if len(column) else column for column in (self.starts, self.ends))
        return Tokens(self.hashes[kept], starts, ends, before[self.places])

    def of(self, index: int) -> slice:
        """Return the slice of the tokens of text ``index``."""
        return slice(int(self.places[index]), int(self.places[index + 1]))


class Texts(NamedTuple):
    """The bytes of a batch of texts: text ``i`` is ``data[starts[i]:ends[i]]``."""

    data: NDArray[np.uint8]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]


def views(column: pa.Array) -> Texts:
    """Look at the buffers of a string or large_string array, slices and nulls included, without a copy."""
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        column = column.cast(pa.large_string())
    width = np.int64 if pa.types.is_large_string(column.type) else np.int32
    _, places, data = column.buffers()
    if len(column) == 0 or places is None:
        return Texts(np.zeros(1, np.uint8), np.zeros(0, np.int64), np.zeros(0, np.int64))
    bounds = np.frombuffer(places, width)[column.offset : column.offset + len(column) + 1].astype(np.int64)
    starts, ends = bounds[:-1], bounds[1:].copy()
    if column.null_count:
        missing = column.is_null().to_numpy(zero_copy_only=False)
        ends[missing] = starts[missing]
    return Texts(np.frombuffer(data, np.uint8) if data and data.size else np.zeros(1, np.uint8), starts, ends)


def tokenise(batch: Texts) -> Tokens:
    """Return the tokens of every text with their places in the original UTF-8.

    Raises CorpusError where a text is not valid UTF-8.
    """
    try:
        return _tokenise([batch], strict=True)
    except ComplexError:
        plainer, clusters = _disentangled(batch)
        tokens = _tokenise([plainer], strict=False)
        _relocate(tokens, clusters)
        return tokens


def token_hashes(batches: Sequence[Texts]) -> Tokens:
    """Return the tokens of every text of the batches, numbered through, without their places: these cost as much."""
    try:
        return _tokenise(batches, strict=True, placed=False)
    except ComplexError:
        return _tokenise([simplify(batch) for batch in batches], strict=False, placed=False)


def _tokenise(batches: Sequence[Texts], *, strict: bool, placed: bool = True) -> Tokens:
    # Few texts come near it: a byte of text makes two tokens at most (U+3316, three bytes, unfolds into five).
    room = 2 * sum(int((batch.ends - batch.starts).sum()) for batch in batches) + 1
    hashes = np.empty(room, np.uint64)
    starts, ends = (np.empty(room if placed else 0, np.int32) for _ in range(2))
    places = np.zeros(sum(len(batch.starts) for batch in batches) + 1, np.int64)
    text = 0
    for batch in batches:
        behind = text + len(batch.starts)
        bounds, written = places[text : behind + 1], int(places[text])
        rooms = (column[written:] for column in (hashes, starts, ends))
        check(texts.tokenise(*batch, strict, fold_tables(), bounds, *rooms))
        bounds += written
        text = behind
    count = places[-1]  # what lies behind was never touched: it is no memory
    return Tokens(hashes[:count], starts[:count], ends[:count], places)


def to_characters(batch: Texts, numbers: NDArray[np.int32], places: NDArray[np.int32]) -> None:
    """Turn byte places, in place, into character (code point) places; ``numbers`` are the texts that they lie in."""
    texts.to_characters(batch.data, batch.starts, numbers, places)


# Terms, sentences, paragraphs -------------------------------------------------------------------------------------

NAME, NUMBER, FIGURE = reading.NAME, reading.NUMBER, reading.FIGURE
SENTENCE, PARAGRAPH = reading.SENTENCE, reading.PARAGRAPH
_ABBREVIATIONS = """mr mrs ms dr st sr jr prof gen col lt sgt capt cmdr maj adm gov sen rep rev hon pres supt insp det
messrs mme vs v no nos vol fig pp art sec inc ltd co corp plc bros assn dept est approx ave blvd rd ft mt jan feb mar
apr jun jul aug sep sept oct nov dec mon tue tues wed thu thur thurs fri sat sun ala ariz ark calif colo conn del fla
ga ill ind kan ky la md mass mich minn miss mo mont neb nev okla ore pa tenn tex va vt wash wis wyo ont que alta man
sask""".split()
# After an acronym with stops ("the U.S."), only these words start a sentence.
_STARTERS = """the a an he she it they we i in on at but and this that these those his her their its our there when
while after before as if for by with from some many most""".split()
_NUMBER_WORDS = {
    word: str(number)
    for number, word in enumerate(
        """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
        seventeen eighteen nineteen twenty""".split()
    )
    if number > 1  # "one" is mostly a pronoun
} | {"thirty": "30", "forty": "40", "fifty": "50", "sixty": "60", "seventy": "70", "eighty": "80", "ninety": "90"}
_NUMBER_WORDS["dozen"] = "12"
_CONTRACTED = re.compile(r"'(s|d|re|ll|ve)$")
_NUMBER = re.compile(r"(\d[\d.]*?)[a-z]{1,2}")
_LONGEST_STEMMED = 24  # bytes


@dataclass(frozen=True)
class Reading:
    """The tokens of a batch of texts with what the story decision and the ledger look at.

    ``terms`` (uint64, one a token) are the hashes of the tokens' stems, 0 for a token that is part of the number
    before it ("1,000" is one term). ``flags`` (uint8) say of a token: NAME, capitalised inside a sentence; NUMBER;
    FIGURE, a number of two digits and more that is no year; SENTENCE and PARAGRAPH, the first of one.
    """

    tokens: Tokens
    terms: NDArray[np.uint64]
    flags: NDArray[np.uint8]


def read(batch: Texts, *, terms: bool = True) -> Reading:
    """Return tokens, terms, names, numbers, sentences and paragraphs of every text.

    Without ``terms`` there are none, nor names and numbers, at a tenth of the cost. Raises CorpusError where a text is
    not valid UTF-8.
    """
    try:
        return _read(batch, strict=True, wanted=terms)
    except ComplexError:
        plainer, clusters = _disentangled(batch)
        made = _read(plainer, strict=False, wanted=terms)
        _relocate(made.tokens, clusters)
        return made


def _read(batch: Texts, *, strict: bool, wanted: bool) -> Reading:
    room = 2 * int((batch.ends - batch.starts).sum()) + 1
    hashes, starts, ends = np.empty(room, np.uint64), np.empty(room, np.int32), np.empty(room, np.int32)
    terms, flags = np.empty(room if wanted else 0, np.uint64), np.empty(room, np.uint8)
    places = np.zeros(len(batch.starts) + 1, np.int64)
    check(reading.read(*batch, strict, fold_tables(), _word_lists(), places, hashes, starts, ends, terms, flags))
    count = places[-1]
    tokens = Tokens(hashes[:count], starts[:count], ends[:count], places)
    return Reading(tokens, terms[:count], flags[:count])


@lru_cache(maxsize=1)
def _word_lists() -> tuple[NDArray[np.uint64], ...]:
    """Return the hashes of the word lists that the kernel knows."""
    numbers = sorted((token_hash(word), token_hash(digits), len(digits) > 1) for word, digits in _NUMBER_WORDS.items())
    return (
        np.array(sorted(map(token_hash, _ABBREVIATIONS)), np.uint64),
        np.array(sorted(map(token_hash, _STARTERS)), np.uint64),
        np.array([word for word, _, _ in numbers], np.uint64),
        np.array([digits for _, digits, _ in numbers], np.uint64),
        np.array([figure for _, _, figure in numbers], np.bool_),
    )


def stem(token: str) -> str:
    """Return the term that a normalised token stands for: a light English stem, a function of the token alone.

    >>> [stem(token) for token in ("countries", "labour", "organised", "stopped", "twenty", "40m", "minister's")]
    ['countri', 'labor', 'organiz', 'stop', '20', '40', 'minister']
    """
    if token in _NUMBER_WORDS:
        return _NUMBER_WORDS[token]
    if not token.isascii() or len(token) > _LONGEST_STEMMED:
        return token
    word = _CONTRACTED.sub("", token)
    if word[0].isdigit():
        number = _NUMBER.fullmatch(word)
        return number[1] if number else word
    word = word.replace("'", "")
    return _shortened(word) if len(word) > 3 else word


def _shortened(word: str) -> str:
    if word.endswith(("ies", "ied")):
        word = word[:-3] + "y" if len(word) > 4 else word[:-1]
    elif word.endswith("sses"):
        word = word[:-2]
    elif word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    if len(word) > 5 and word.endswith("ing"):
        word = word[:-3]
    elif len(word) > 4 and word.endswith("ed") and not word.endswith("eed"):
        word = word[:-2]
    elif len(word) > 6 and word.endswith("ly"):
        word = word[:-2]
    if len(word) > 4 and word[-1] == word[-2] != "s":
        word = word[:-1]
    if len(word) > 4 and word.endswith("e"):
        word = word[:-1]
    if len(word) > 4 and word.endswith("our"):
        word = word[:-3] + "or"
    if len(word) > 4 and word.endswith("is"):
        word = word[:-1] + "z"
    return word[:-1] + "i" if len(word) > 4 and word.endswith("y") else word


def term_hash(token: str) -> int:
    """Hash the stem of a normalised token."""
    return token_hash(stem(token))


class ComplexError(Exception):
    """A text whose code points interact: unicodedata must normalise it."""


def check(answer: tuple[int, int]) -> None:
    """Raise what a kernel's (index, status) means; index -1 is success."""
    index, status = answer
    if status == folding.COMPLEX:
        raise ComplexError
    if status == folding.INVALID:
        raise CorpusError(f"text {index} of the batch is not valid UTF-8", row=int(index))


def simplify(batch: Texts) -> Texts:
    """Normalise every text in Python; what the kernels refuse as complex they take in this form."""
    return views(pa.array([normalise(text) for text in _strings(batch)], pa.large_string()))


def _strings(batch: Texts) -> Iterator[str]:
    for index, (start, end) in enumerate(zip(batch.starts, batch.ends, strict=True)):
        try:
            yield batch.data[start:end].tobytes().decode()
        except UnicodeDecodeError as error:
            raise CorpusError(f"text {index} of the batch is not valid UTF-8", row=index) from error


# Normalisation in pieces, so that places survive it -------------------------------------------------------------


class _Clusters(NamedTuple):
    text: str
    starts: NDArray[np.int32]  # a place a UTF-8 byte of text: where its cluster starts in the original UTF-8
    ends: NDArray[np.int32]


def _clusters(text: str) -> _Clusters:
    """Normalise cluster by cluster: a base character with what may combine with it."""
    composes = _composing()
    pieces: list[str] = []
    bounds: list[tuple[int, int]] = []
    start = 0
    for end in range(1, len(text) + 1):
        joins = end < len(text) and (unicodedata.combining(text[end]) or text[end] in composes)
        if not joins and not (end < len(text) and ord(text[end]) in _UNSEEN):
            pieces.append(text[start:end])
            bounds.append((start, end))
            start = end
    widths = [len(piece.encode()) for piece in pieces]
    after = np.cumsum(widths, dtype=np.int64) if widths else np.zeros(0, np.int64)
    simple = [_simple(piece) for piece in pieces]
    sizes = [len(piece.encode()) for piece in simple]
    ends = np.repeat(after, sizes).astype(np.int32)
    return _Clusters("".join(simple), (ends - np.repeat(widths, sizes)).astype(np.int32), ends)


def _simple(piece: str) -> str:
    """Return a cluster as one code point, its capital kept, if the kernel can fold that; else its normal form."""
    composed = unicodedata.normalize("NFC", piece)
    if len(composed) == 1 and composed not in _composing() and normalise(composed) == normalise(piece):
        return composed
    return normalise(piece)


def _disentangled(batch: Texts) -> tuple[Texts, dict[int, _Clusters]]:
    """Return the batch with the texts whose code points interact replaced, and the clusters of these, by number."""
    strings = list(_strings(batch))
    clusters = {index: _clusters(text) for index, text in enumerate(strings) if _interacting().search(text)}
    for index, cluster in clusters.items():
        strings[index] = cluster.text
    return views(pa.array(strings, pa.large_string())), clusters


def _relocate(tokens: Tokens, clusters: dict[int, _Clusters]) -> None:
    """Turn places in replaced texts, in place, into places in the originals."""
    for index, cluster in clusters.items():
        part = tokens.of(index)
        tokens.ends[part] = cluster.ends[tokens.ends[part] - 1]
        tokens.starts[part] = cluster.starts[tokens.starts[part]]


@lru_cache(maxsize=1)
def _composing() -> frozenset[str]:
    """Characters that may compose with, or reorder around, what stands before them."""
    second = {chr(point) for point in (*range(0x1161, 0x1176), *range(0x11A8, 0x11C3))}  # Hangul vowels and finals
    for point in _points():
        first, _, last = unicodedata.decomposition(chr(point)).partition(" ")
        if last and not first.startswith("<"):
            pair = chr(int(first, 16)) + chr(int(last, 16))
            if unicodedata.normalize("NFC", pair) == chr(point):
                second.add(pair[1])
    return frozenset(second | {chr(point) for point in _points() if _starts_within(normalise(chr(point)), second)})


@lru_cache(maxsize=1)
def _interacting() -> re.Pattern[str]:
    """Match a character that combines with, composes with or reorders around its neighbours."""
    points = sorted({point for point in _points() if unicodedata.combining(chr(point))} | set(map(ord, _composing())))
    return re.compile("[" + "".join(f"\\U{point:08x}" for point in points) + "]")


def _starts_within(form: str, second: set[str]) -> bool:
    """Say whether a normal form starts with a character that may combine with the one before."""
    return form != "" and (form[0] in second or unicodedata.combining(form[0]) != 0)


def _points() -> Iterator[int]:
    start = 0
    for plain, end in _PLAIN_RANGES:
        yield from range(start, plain)
        start = end
    yield from range(start, _LAST_ASSIGNED)
    yield from _TAGS


class FoldTables(NamedTuple):
    """What the Unicode kernel knows of each code point.

    ``kinds`` (uint8): separator, word, solid, mark or apostrophe, plus 128 where only unicodedata can normalise.
    ``order`` (uint8): canonical combining class. The normal form of ``c`` is ``points[first[c]:first[c + 1]]``.
    """

    kinds: NDArray[np.uint8]
    order: NDArray[np.uint8]
    first: NDArray[np.int32]
    points: NDArray[np.uint32]


@lru_cache(maxsize=1)
def fold_tables() -> FoldTables:
    """Build the tables from this Python's unicodedata (about 0.1 s, once a process)."""
    solid = _solid()
    kinds = np.zeros(_CODE_POINTS, np.uint8)
    order = np.zeros(_CODE_POINTS, np.uint8)
    lengths = np.ones(_CODE_POINTS, np.int32)
    forms: dict[int, str] = {}
    composes = _composing()
    for point in _points():
        character = chr(point)
        kinds[point] = _kind(point, solid)
        order[point] = unicodedata.combining(character)
        form = normalise(character)
        if form != character:
            forms[point] = form
            lengths[point] = len(form)
        if character in composes:
            kinds[point] += _COMPLEX
    for start, end in _PLAIN_RANGES:
        kinds[start:end] = [_kind(point, solid) for point in range(start, end)]
    first = np.concatenate([np.zeros(1, np.int32), np.cumsum(lengths, dtype=np.int32)])
    points = np.empty(int(first[-1]), np.uint32)
    points[first[:-1][lengths == 1]] = np.flatnonzero(lengths == 1)
    for point, form in forms.items():
        points[first[point] : first[point + 1]] = [ord(character) for character in form]
    return FoldTables(kinds, order, first, points)


def _solid() -> bytes:
    """Say of every code point whether it lies in a script that is written without spaces: 140,000 are asked for."""
    made = bytearray(_CODE_POINTS)
    for first, last in _SOLID_RANGES:
        made[first : last + 1] = b"\1" * (last + 1 - first)
    return bytes(made)


def _kind(point: int, solid: bytes) -> int:
    category = unicodedata.category(chr(point))[0]
    if point == _LONG_VOWEL:
        return folding.LENGTHENER
    if category == "L":
        return folding.SOLID if solid[point] else folding.WORD
    if point == ord("'"):
        return folding.APOSTROPHE
    return {"M": folding.MARK, "N": folding.WORD}.get(category, folding.SEPARATOR)
