"""Compiled kernels that write, edit and spell the generated articles.

Every article is a function of the seed, the corpus size and its own number alone, so batches of any size, in any
order, give the same corpus in constant memory. A copy writes its base anew and edits it. Texts are pairs of arrays
(word ids, separators) as in `language`; a random state is an array of one uint64 that `draw` advances.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar
from typing import cast as typed

import numpy as np
import numpy.typing as npt
from language import (
    AGENCIES,
    BRACKET,
    CITIES,
    CITY,
    CLOSE,
    COMMA,
    COMMON,
    DATELINE,
    DEGREES,
    FIRST_CHOICE,
    FIRST_NAME,
    FIRST_NUMBER,
    FUNCTION,
    HYPHEN,
    NAME,
    NAMES,
    NUMBER,
    NUMBER_COMMA,
    OPEN,
    OUTLETS,
    PARAGRAPH,
    PLACE,
    PLACES_A_CITY,
    POINT,
    SPACE,
    STOP,
    Bytes,
    Flags,
    Glyphs,
    Ids,
    Language,
    Passages,
)
from numba import njit

Function = TypeVar("Function", bound=Callable[..., Any])
State = npt.NDArray[np.uint64]
Longs = npt.NDArray[np.int64]
Text = tuple[Ids, Bytes]
Hashes = npt.NDArray[np.uint64]

KINDS = ("single", "wire", "copy", "trim", "local", "light", "rewrite", "mass", "template")
SINGLE, WIRE, COPY, TRIM, LOCAL, LIGHT, REWRITE, MASS, TEMPLATE = range(len(KINDS))

STORY_SIZES = np.array([2, 2, 3, 3, 4, 6, 10, 20], dtype=np.int64)
"""Wire stories come in blocks of these sizes: 8 stories, 50 articles."""
BLOCK = int(STORY_SIZES.sum())

SHORTEST, LONGEST = 45, 2000
"""Words of a text before house lines and edits."""
MEDIAN_WORDS, SPREAD = 325.0, 0.62
"""Lengths are log-normal."""
MASS_WORDS = 600
DAYS = 30
DAY_US, SECOND_US = 86_400_000_000, 1_000_000
NEW_TITLE = 0.4
NEW_PARAGRAPH = 0.45
DROPPED_WORDS, ADDED_WORDS = 0.06, 0.08
DROPPED_LINES, FRESH_SENTENCES = 0.08, 0.08
USUAL = 0.92
"""How often a report says what the city's reports always say."""
LONGEST_GLYPH = 48
"""Bytes of the longest word and separator together, rounded up."""
FULL_STOP = ord(".")
GOLDEN_SECTION = 0.6180339887498949
CAST_NAMES, CAST_TOPICS = 10, 18

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


class Plan(NamedTuple):
    """How the numbers of a corpus are shared out: mass cluster, templates, wire stories, single articles."""

    seed: int
    articles: int
    mass_end: int
    template_end: int
    wire_end: int
    typographic: float
    """Share of the outlets that print typographic quotation marks and apostrophes."""
    first_day: int
    """Start of the corpus, microseconds since 1970-01-01 UTC."""


class Rows(NamedTuple):
    """One batch of articles without their bytes; text and title of row r are `[starts[r], starts[r + 1])`."""

    text_starts: Ids
    title_starts: Ids
    number: Longs
    story: npt.NDArray[np.int64]
    """Number of the article that it was derived from; its own number where there is none."""
    kind: npt.NDArray[np.int8]
    outlet: npt.NDArray[np.int16]
    published: npt.NDArray[np.int64]
    """Microseconds since 1970-01-01 UTC."""
    resemblance: npt.NDArray[np.float32]
    in_base: npt.NDArray[np.float32]
    of_base: npt.NDArray[np.float32]
    """Overlap of the 5-word shingles with those of the base; not a number where there is none."""


def kernel(function: Function) -> Function:
    """Compile a function on its first call; the machine code is kept in `__pycache__`."""
    return typed("Function", njit(cache=True, nogil=True)(function))


# Random numbers: splitmix64 (Steele, Lea and Flood 2014).


@kernel
def scramble(value: np.uint64) -> np.uint64:
    """Mix the bits of a uint64."""
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))


@kernel
def state_of(seed: int, purpose: int, number: int) -> State:
    """Start a random state of its own for one purpose and number."""
    state = np.empty(1, np.uint64)
    state[0] = scramble(scramble(np.uint64(seed) * _GOLDEN + np.uint64(purpose)) + np.uint64(number) * _GOLDEN)
    return state


@kernel
def draw(state: State) -> np.uint64:
    """Draw 64 random bits."""
    state[0] += _GOLDEN
    return scramble(state[0])


@kernel
def uniform(state: State) -> float:
    """Draw from [0, 1)."""
    return np.float64(draw(state) >> np.uint64(11)) * (1.0 / 9007199254740992.0)


@kernel
def below(state: State, limit: int) -> int:
    """Draw an integer from 0 up to, not including, `limit`."""
    return int(uniform(state) * limit)


@kernel
def zipf(state: State, ranks: int) -> int:
    """Draw a rank from 0 up to `ranks` with probability about 1 / (rank + 2)  (Mandelbrot 1953)."""
    offset = 1.5
    return min(int(offset * np.exp(uniform(state) * np.log((ranks + offset) / offset)) - offset), ranks - 1)


@kernel
def normal(state: State) -> float:
    """Draw from the standard normal distribution, near enough: twelve uniform draws."""
    total = -6.0
    for _ in range(12):
        total += uniform(state)
    return total


# Writing.


@kernel
def cast_of(state: State) -> Ids:
    """Choose who and what a story is about: word ids of names, then of its rare words."""
    cast = np.empty(CAST_NAMES + CAST_TOPICS, np.int32)
    for i in range(CAST_NAMES):
        cast[i] = FIRST_NAME + below(state, NAMES)
    for i in range(CAST_NAMES, len(cast)):
        cast[i] = 800 + zipf(state, COMMON - 800) + below(state, 4_000)
        cast[i] = min(cast[i], COMMON - 1)
    return cast


@kernel
def put(words: Ids, separators: Bytes, n: int, word: int, separator: int) -> int:
    """Append one word; return the new length."""
    words[n] = word
    separators[n] = separator
    return n + 1


@kernel
def put_number(state: State, words: Ids, separators: Bytes, n: int) -> int:
    """Append a numeral such as 7, 2019, 12,500 or 3.4."""
    form = uniform(state)
    if form < 0.5:
        return put(words, separators, n, FIRST_NUMBER + 1 + zipf(state, 400), SPACE)
    if form < 0.65:
        return put(words, separators, n, FIRST_NUMBER + 1990 + below(state, 37), SPACE)
    if form < 0.8:
        n = put(words, separators, n, FIRST_NUMBER + 1 + below(state, 99), NUMBER_COMMA)
        return put(words, separators, n, FIRST_NUMBER + 100 + below(state, 900), SPACE)
    n = put(words, separators, n, FIRST_NUMBER + below(state, 30), POINT)
    return put(words, separators, n, FIRST_NUMBER + below(state, 10), SPACE)


@kernel
def put_name(state: State, cast: Ids, words: Ids, separators: Bytes, n: int) -> int:
    """Append a name of the cast, in full, short or possessive."""
    who = zipf(state, CAST_NAMES)
    form = uniform(state)
    if form < 0.35:
        given = int(scramble(np.uint64(cast[who])) % np.uint64(NAMES))
        n = put(words, separators, n, FIRST_NAME + given, SPACE)
    return put(words, separators, n, cast[who] + (NAMES if form > 0.9 else 0), SPACE)


@kernel
def put_phrase(state: State, phrases: Passages, words: Ids, separators: Bytes, n: int) -> int:
    """Append a stock phrase of the trade."""
    which = zipf(state, len(phrases.starts) - 1)
    for i in range(phrases.starts[which], phrases.starts[which + 1]):
        n = put(words, separators, n, phrases.words[i], phrases.separators[i])
    return n


@kernel
def put_words(state: State, cast: Ids, words: Ids, separators: Bytes, n: int, count: int) -> int:
    """Append about `count` running words, without an end."""
    stop = n + count
    while n < stop:
        what = uniform(state)
        if what < 0.085:
            n = put_name(state, cast, words, separators, n)
        elif what < 0.1:
            n = put_number(state, words, separators, n)
        elif what < 0.17:
            n = put(words, separators, n, cast[CAST_NAMES + zipf(state, CAST_TOPICS)], SPACE)
        else:
            n = put(words, separators, n, zipf(state, COMMON), SPACE)
        shape = uniform(state)
        if shape < 0.05:
            separators[n - 1] = COMMA
        elif shape < 0.055:
            separators[n - 1] = HYPHEN
    return n


@kernel
def put_sentence(state: State, phrases: Passages, cast: Ids, words: Ids, separators: Bytes, n: int) -> int:
    """Append a sentence of 8 to 40 words; one in five is a quotation."""
    start = n
    if uniform(state) < 0.05:
        n = put_phrase(state, phrases, words, separators, n)
    n = put_words(state, cast, words, separators, n, 7 + below(state, 13) + below(state, 13))
    if uniform(state) < 0.06:
        n = put_phrase(state, phrases, words, separators, n)
    end = PARAGRAPH if uniform(state) < NEW_PARAGRAPH else STOP
    if start > 0 and uniform(state) < 0.2:
        separators[start - 1] += OPEN
        end += CLOSE
    separators[n - 1] = end
    return n


@kernel
def compose(state: State, phrases: Passages, cast: Ids, length: int) -> Text:
    """Write a text of at least `length` words, a sentence more at most."""
    words = np.empty(length + 80, np.int32)
    separators = np.empty(length + 80, np.uint8)
    n = 0
    while n < length:
        n = put_sentence(state, phrases, cast, words, separators, n)
    separators[n - 1] = PARAGRAPH
    return words[:n], separators[:n]


@kernel
def length_of(state: State) -> int:
    """Draw the length of an article in words."""
    return min(max(int(np.exp(np.log(MEDIAN_WORDS) + SPREAD * normal(state))), SHORTEST), LONGEST)


@kernel
def wire_text(seed: int, story: int, phrases: Passages, length: int, outlet: int) -> tuple[Ids, Bytes, Ids]:
    """Write the text of a wire story, with its dateline: town (agency)."""
    state = state_of(seed, 2, story)
    cast = cast_of(state)
    words, separators = compose(state, phrases, cast, length or length_of(state))
    line = np.array([cast[CAST_NAMES - 1], FIRST_NAME + outlet], np.int32)
    marks = np.array([BRACKET, DATELINE], np.uint8)
    return np.concatenate((line, words)), np.concatenate((marks, separators)), cast


@kernel
def title_of(state: State, cast: Ids) -> Text:
    """Write a headline of 6 to 13 words."""
    words = np.empty(60, np.int32)
    separators = np.empty(60, np.uint8)
    n = put_name(state, cast, words, separators, 0)
    n = put_words(state, cast, words, separators, n, 2 + below(state, 4))
    n = put(words, separators, n, cast[CAST_NAMES + below(state, CAST_TOPICS)], SPACE)
    n = put_words(state, cast, words, separators, n, 2 + below(state, 4))
    return words[:n], separators[:n]


# Editing.


@kernel
def sentence_starts(separators: Bytes, ends_sentence: Flags) -> Longs:
    """List where each sentence starts, and the length of the text at the end."""
    starts = np.zeros(len(separators) + 1, np.int64)
    n = 1
    for i in range(len(separators)):
        if ends_sentence[separators[i]] or i == len(separators) - 1:
            starts[n] = i + 1
            n += 1
    return starts[:n]


@kernel
def trimmed(state: State, words: Ids, separators: Bytes, ends_sentence: Flags) -> Text:
    """Keep the first quarter to nine tenths of the sentences."""
    starts = sentence_starts(separators, ends_sentence)
    keep = min(max(3, int(len(starts) * (0.25 + 0.65 * uniform(state)))), len(starts) - 1)
    return words[: starts[keep]], separators[: starts[keep]]


@kernel
def with_local_paragraphs(
    state: State, words: Ids, separators: Bytes, phrases: Passages, ends_sentence: Flags, cast: Ids
) -> Text:
    """Insert one to four fresh paragraphs at one place."""
    starts = sentence_starts(separators, ends_sentence)
    place = starts[1 + below(state, len(starts) - 1)]
    new_words, new_separators = compose(state, phrases, cast, 30 * (1 + below(state, 4)))
    return (
        np.concatenate((words[:place], new_words, words[place:])),
        np.concatenate((separators[:place], new_separators, separators[place:])),
    )


@kernel
def edited(state: State, words: Ids, separators: Bytes, resemblance: float) -> Text:
    """Replace, drop and add single words so that about `resemblance` of the 5-word shingles is left.

    With a share r of the words touched, q = (1 - r)^5 of the shingles survive: resemblance q / (2 - q).
    """
    rate = max(1.0 - (2.0 * resemblance / (1.0 + resemblance)) ** 0.2, 1e-6)
    new_words = np.empty(2 * len(words), np.int32)
    new_separators = np.empty(2 * len(words), np.uint8)
    n = 0
    for i in range(len(words)):
        how = uniform(state) / rate
        if how < 0.2 and separators[i] == SPACE:
            continue
        word = zipf(state, COMMON) if how < 0.8 else words[i]
        n = put(new_words, new_separators, n, word, separators[i])
        if 0.8 <= how < 1.0 and separators[i] == SPACE:
            n = put(new_words, new_separators, n, zipf(state, COMMON), SPACE)
    return new_words[:n], new_separators[:n]


@kernel
def synonym(state: State, word: int) -> int:
    """Give another word of the same group of eight, most of the time; names and numerals stay."""
    if word >= COMMON:
        return word
    if word < FUNCTION:
        return zipf(state, FUNCTION) if uniform(state) < 0.4 else word
    return word ^ (1 + below(state, 7)) if uniform(state) < 0.7 else word


@kernel
def last_comma(separators: Bytes, start: int, end: int) -> int:
    """Find where the last clause of a sentence starts, or the sentence's start."""
    for i in range(end - 4, start + 2, -1):
        if separators[i] == COMMA:
            return i + 1
    return start


@kernel
def put_reworded(
    state: State, words: Ids, separators: Bytes, start: int, end: int, new_words: Ids, new_separators: Bytes, n: int
) -> int:
    """Append a sentence in other words, its last clause first."""
    turn = last_comma(separators, start, end)
    for i in range(end - start):
        source = turn + i if turn + i < end else start + turn + i - end
        if uniform(state) < DROPPED_WORDS:
            continue
        word, separator = synonym(state, words[source]), separators[source]
        if source == end - 1:
            separator = COMMA
        elif separator < HYPHEN or separator > POINT:
            separator = SPACE
        if uniform(state) < ADDED_WORDS:
            n = put(new_words, new_separators, n, word, SPACE)
            word = zipf(state, FUNCTION)
        n = put(new_words, new_separators, n, word, separator)
    if n > 0:
        new_separators[n - 1] = PARAGRAPH if uniform(state) < NEW_PARAGRAPH else STOP
    return n


@kernel
def rewritten(state: State, words: Ids, separators: Bytes, ends_sentence: Flags) -> Text:
    """Retell all but the dateline, sentence by sentence, one in six dropped and neighbours swapped."""
    starts = sentence_starts(separators, ends_sentence)[1:]
    new_words = np.empty(2 * len(words) + 8, np.int32)
    new_separators = np.empty(2 * len(words) + 8, np.uint8)
    order = np.arange(len(starts) - 1)
    for i in range(len(order) - 1):
        if uniform(state) < 0.3:
            order[i], order[i + 1] = order[i + 1], order[i]
    n = 0
    for s in order:
        if n == 0 or uniform(state) > 0.17:
            n = put_reworded(state, words, separators, starts[s], starts[s + 1], new_words, new_separators, n)
    return new_words[:n], new_separators[:n]


@kernel
def put_slot(
    state: State,
    slot: int,
    city: int,
    choices: Passages,
    choice_starts: Ids,
    words: Ids,
    separators: Bytes,
    n: int,
    separator: int,
) -> int:
    """Fill one slot of a template: a city has the same places in each of its reports."""
    if slot >= FIRST_CHOICE:
        low, high = choice_starts[slot - FIRST_CHOICE], choice_starts[slot - FIRST_CHOICE + 1]
        option = low + below(state, high - low)
        for i in range(choices.starts[option], choices.starts[option + 1]):
            n = put(words, separators, n, choices.words[i], SPACE)
        separators[n - 1] = separator
        return n
    if slot == CITY:
        word = FIRST_NAME + city * PLACES_A_CITY
    elif slot == PLACE:
        word = FIRST_NAME + city * PLACES_A_CITY + 1 + below(state, PLACES_A_CITY - 1)
    elif slot == NAME:
        word = FIRST_NAME + below(state, NAMES)
    elif slot == NUMBER:
        word = FIRST_NUMBER + 10 + below(state, 990)
    elif slot == DEGREES:
        word = FIRST_NUMBER + 1 + below(state, 30)
    else:
        word = FIRST_NUMBER + below(state, 10)
    return put(words, separators, n, word, separator)


@kernel
def template_text(state: State, language: Language, cast: Ids) -> Text:
    """Fill in a weather or market report: most lines of the template, and a few sentences of its own."""
    template = language.weather if uniform(state) < 0.5 else language.markets
    city = below(state, CITIES)
    words = np.empty(2_000, np.int32)
    separators = np.empty(2_000, np.uint8)
    n = 0
    for line in range(len(template.starts) - 1):
        if n > 0 and uniform(state) < DROPPED_LINES:
            continue
        for i in range(template.starts[line], template.starts[line + 1]):
            word, separator = template.words[i], template.separators[i]
            if word < 0:
                filler = state_of(city, 5, i) if uniform(state) < USUAL else state
                n = put_slot(
                    filler, -1 - word, city, language.choices, language.choice_starts, words, separators, n, separator
                )
            else:
                n = put(words, separators, n, word, separator)
        if uniform(state) < NEW_PARAGRAPH:
            separators[n - 1] = PARAGRAPH
        if uniform(state) < FRESH_SENTENCES:
            n = put_sentence(state, language.phrases, cast, words, separators, n)
    return words[:n], separators[:n]


@kernel
def in_house(words: Ids, separators: Bytes, outlet: int, heads: Passages, feet: Passages) -> Text:
    """Put the outlet's own lines above and below a text, word for word the same in all its articles."""
    above = slice(heads.starts[outlet], heads.starts[outlet + 1])
    below_ = slice(feet.starts[outlet], feet.starts[outlet + 1])
    whole_words = np.concatenate((heads.words[above], words, feet.words[below_]))
    whole_separators = np.concatenate((heads.separators[above], separators, feet.separators[below_]))
    whole_separators[len(heads.words[above]) + len(words) - 1] = PARAGRAPH
    return whole_words, whole_separators


# Counting overlaps.


@kernel
def shingles(words: Ids) -> Hashes:
    """Hash each run of 5 words, sorted, each once. A shorter text is one shingle."""
    size = min(5, len(words))
    hashes = np.zeros(len(words) - size + 1, np.uint64)
    for i in range(len(hashes)):
        for word in words[i : i + size]:
            hashes[i] = scramble(hashes[i] * _GOLDEN + np.uint64(word))
    hashes.sort()
    n = 1
    for i in range(1, len(hashes)):
        if hashes[i] != hashes[n - 1]:
            hashes[n] = hashes[i]
            n += 1
    return hashes[:n]


@kernel
def common(left: Hashes, right: Hashes) -> int:
    """Count the values that two sorted arrays share."""
    i, j, count = 0, 0, 0
    while i < len(left) and j < len(right):
        count += left[i] == right[j]
        smaller, greater = left[i] <= right[j], left[i] >= right[j]
        i += smaller
        j += greater
    return count


# Spelling.


@kernel
def copy_glyph(glyphs: Glyphs, which: int, out: Bytes, n: int) -> int:
    """Append the bytes of one string; return the new length."""
    for i in range(glyphs.starts[which], glyphs.starts[which + 1]):
        out[n] = glyphs.data[i]
        n += 1
    return n


@kernel
def spell(
    words: Ids, separators: Bytes, glyphs: Glyphs, marks: Glyphs, ends_sentence: Flags, out: Bytes, n: int
) -> int:
    """Append the text's UTF-8, sentences with a capital; the last separator is left out."""
    capital = True
    for i in range(len(words)):
        start = n
        n = copy_glyph(glyphs, words[i], out, n)
        if capital and 97 <= out[start] <= 122:
            out[start] -= 32
        if i < len(words) - 1:
            n = copy_glyph(marks, separators[i], out, n)
            capital = ends_sentence[separators[i]]
    return n


@kernel
def room(out: Bytes, needed: int) -> Bytes:
    """Give an array with at least `needed` bytes that starts as `out` does."""
    if needed <= len(out):
        return out
    wider = np.empty(2 * needed, np.uint8)
    wider[: len(out)] = out
    return wider


# The corpus.


@kernel
def shuffled(position: int, articles: int, seed: int) -> int:
    """Give the number of the article at a position of the file.

    A Feistel network of four rounds is a permutation of the next even power of two; walking its cycle until the
    result is small enough makes it one of `range(articles)` (Black and Rogaway 2002).
    """
    half = np.uint64(1)
    while (1 << (2 * half)) < articles:
        half += np.uint64(1)
    mask = (np.uint64(1) << half) - np.uint64(1)
    value = np.uint64(position)
    while True:
        left, right = value >> half, value & mask
        for turn in range(4):
            key = scramble(np.uint64(seed) * _GOLDEN + np.uint64(turn))
            left, right = right, left ^ (scramble(right + key) & mask)
        value = (left << half) | right
        if value < np.uint64(articles):
            return np.int64(value)  # type: ignore[return-value]  # int() would keep it unsigned


@kernel
def place_of(number: int, plan: Plan) -> tuple[int, int, int]:
    """Say which story an article belongs to, its place in it (0 is the base) and its kind."""
    if number < plan.mass_end:
        return 0, number, MASS
    if number < plan.template_end or number >= plan.wire_end:
        return number, 0, TEMPLATE if number < plan.template_end else SINGLE
    member = (number - plan.template_end) % BLOCK
    for size in STORY_SIZES:
        if member < size:
            break
        member -= size
    return number - member, member, WIRE


@kernel
def kind_of_copy(state: State) -> int:
    """Choose how a wire story is used."""
    what = uniform(state)
    if what < 0.25:
        return COPY
    if what < 0.4:
        return TRIM
    if what < 0.55:
        return LOCAL
    return LIGHT if what < 0.8 else REWRITE


@kernel
def derived(state: State, kind: int, words: Ids, separators: Bytes, cast: Ids, language: Language) -> Text:
    """Make the text of a copy from that of its base."""
    if kind == TRIM:
        return trimmed(state, words, separators, language.ends_sentence)
    if kind == LOCAL:
        return with_local_paragraphs(state, words, separators, language.phrases, language.ends_sentence, cast)
    if kind == LIGHT:
        return edited(state, words, separators, 0.65 + 0.35 * uniform(state))
    if kind == REWRITE:
        return rewritten(state, words, separators, language.ends_sentence)
    if kind == MASS:
        return edited(state, words, separators, 0.9 + 0.1 * uniform(state))
    return words, separators


@kernel
def outlet_of(state: State) -> int:
    """Choose an outlet; a few print much."""
    return zipf(state, OUTLETS)


@kernel
def original(number: int, kind: int, plan: Plan, language: Language) -> tuple[Ids, Bytes, Ids, Text, int, int]:
    """Write an article that has no base: text, title, outlet, time of publication."""
    state = state_of(plan.seed, 3, number)
    outlet = below(state, AGENCIES) if kind in (WIRE, MASS) else outlet_of(state)
    published = int(uniform(state) * (DAYS - 2) * DAY_US)
    if kind in (WIRE, MASS):
        words, separators, cast = wire_text(plan.seed, number, language.phrases, MASS_WORDS * (kind == MASS), outlet)
    else:
        cast = cast_of(state)
        if kind == TEMPLATE:
            words, separators = template_text(state, language, cast)
        else:
            words, separators = compose(state, language.phrases, cast, length_of(state))
    return words, separators, cast, title_of(state, cast), outlet, published


@kernel
def lag_of(state: State) -> int:
    """Draw how long after its base a copy appears, microseconds: half within two hours, 40 hours at most."""
    return int(min(2.0 * 2.0 ** (4.4 * (uniform(state) + uniform(state) - 1.0)), 40.0) * DAY_US / 24)


@kernel
def article(rows: Rows, row: int, number: int, plan: Plan, language: Language) -> tuple[Ids, Bytes, Text]:
    """Write one article and note its origin in `rows`; return its text and title."""
    story, member, kind = place_of(number, plan)
    words, separators, cast, title, outlet, published = original(story, kind, plan, language)
    if member > 0:
        state = state_of(plan.seed, 4, number)
        kind = kind if kind == MASS else kind_of_copy(state)
        theirs = shingles(in_house(words, separators, outlet, language.heads, language.feet)[0])
        words, separators = derived(state, kind, words, separators, cast, language)
        outlet = AGENCIES + zipf(state, OUTLETS - AGENCIES)
        published += lag_of(state)
        if uniform(state) < NEW_TITLE:
            title = title_of(state, cast)
    words, separators = in_house(words, separators, outlet, language.heads, language.feet)
    if member > 0:
        score(rows, row, shingles(words), theirs)
    rows.number[row], rows.story[row], rows.kind[row], rows.outlet[row] = number, story, kind, outlet
    rows.published[row] = plan.first_day + published // SECOND_US * SECOND_US
    return words, separators, title


@kernel
def score(rows: Rows, row: int, own: Hashes, theirs: Hashes) -> None:
    """Note the exact overlap of an article's shingles with those of its base."""
    both = common(own, theirs)
    rows.resemblance[row] = both / (len(own) + len(theirs) - both)
    rows.in_base[row] = both / len(own)
    rows.of_base[row] = both / len(theirs)


@kernel
def write(rows: Rows, start: int, plan: Plan, language: Language) -> tuple[Bytes, Bytes]:
    """Write the articles at positions `start` and on of the file, one a row; return the bytes of texts and titles."""
    texts, titles = np.empty(len(rows.number) * 3_000, np.uint8), np.empty(len(rows.number) * 120, np.uint8)
    for row in range(len(rows.number)):
        number = shuffled(start + row, plan.articles, plan.seed)
        words, separators, title = article(rows, row, number, plan, language)
        # Outlets differ by a golden section, so that any run of ranks holds its share of typographic ones.
        style = int((rows.outlet[row] * GOLDEN_SECTION) % 1.0 < plan.typographic)
        glyphs, marks = language.words[style], language.separators[style]
        n, m = rows.text_starts[row], rows.title_starts[row]
        texts, titles = room(texts, n + LONGEST_GLYPH * len(words)), room(titles, m + LONGEST_GLYPH * len(title[0]))
        n = spell(words, separators, glyphs, marks, language.ends_sentence, texts, n)
        texts[n] = FULL_STOP
        rows.text_starts[row + 1] = n + 1
        rows.title_starts[row + 1] = spell(title[0], title[1], glyphs, marks, language.ends_sentence, titles, m)
    return texts[: rows.text_starts[-1]], titles[: rows.title_starts[-1]]


def empty_rows(count: int) -> Rows:
    """Make room for a batch of `count` articles."""
    return Rows(
        text_starts=np.zeros(count + 1, np.int32),
        title_starts=np.zeros(count + 1, np.int32),
        number=np.empty(count, np.int64),
        story=np.empty(count, np.int64),
        kind=np.empty(count, np.int8),
        outlet=np.empty(count, np.int16),
        published=np.empty(count, np.int64),
        resemblance=np.full(count, np.nan, np.float32),
        in_base=np.full(count, np.nan, np.float32),
        of_base=np.full(count, np.nan, np.float32),
    )
