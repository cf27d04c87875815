"""The made-up language of the generated news: words, separators, stock phrases, house lines, templates.

Everything here is built once, in plain Python, and handed to the kernels of `prose` as arrays. A text is a pair of
arrays of equal length: word ids and, for each word, the id of the separator that follows it. Every word is exactly
one token and every separator separates, so word ids stand for tokens one to one and overlaps can be counted on ids.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
Ids = npt.NDArray[np.int32]
Flags = npt.NDArray[np.bool_]

COMMON = 100_000
"""Words drawn by rank, function words first."""
NAMES = 24_000
"""Given names, surnames and places; each also has a possessive form."""
NUMBERS = 2_100
"""The numerals 0 to 2099."""
OUTLETS = 200
CITIES = 150
PLACES_A_CITY = 6
AGENCIES = 8
"""The first outlets are wire services: every wire story is first published by one of them."""

FIRST_NAME = COMMON
FIRST_NUMBER = COMMON + 2 * NAMES
"""Word ids: common words, names, possessives of the names in the same order, numbers, all other words."""

FUNCTION_WORDS = tuple(
    dict.fromkeys(
        """the of to and a in that is for on was with he it as his at by from be have are but not has they
this who an had were which their said or will would been one more about when up its out after if there she all her
we people no so what some can also than over two into last new other them first could just time only years most
like now him because during before between told under where while against many these year make made take being
still both through down then even since such may back how those off because you week three our government any state
did should day get much own me very well around already until among however yet each four part home next say says
don't it's didn't he's wasn't can't I'm we're isn't doesn't won't couldn't that's there's they're""".split()
    )
)
FUNCTION = len(FUNCTION_WORDS)

STOCK_PHRASES = """according to people familiar with the matter
did not immediately respond to a request for comment
at the end of the day
in a statement released on Monday
in a statement released late on Thursday
the spokesman told reporters at a news conference
the company said in a regulatory filing
for the first time in more than a decade
compared with the same period a year earlier
speaking on condition of anonymity because
who was not authorised to speak publicly
in the run up to the election
police said no arrests had been made
as a result of the investigation
members of the public are asked to contact
the figures show that the number of
a spokeswoman for the ministry declined to comment
the court heard on Wednesday that
one of the largest in the country
is expected to be announced later this week
on the other hand
in recent years the number of people
it was not immediately clear whether
the rest of the world
officials said on Tuesday
analysts polled had expected a rise of
shares in the company fell as much as
the mayor said in an interview
a court in the capital ruled on Friday
the prime minister said on Sunday
there were no immediate reports of casualties
he said in a telephone interview
more than half of those surveyed said
the world health organisation has said
the report was published on Tuesday by
in the first three months of the year""".splitlines()

OUTLET_KINDS = "Herald Post Times Gazette Courier Star Chronicle Tribune Echo Mail".split()

HEAD_LINES = (
    "Listen to this article.",
    "By {house} staff.",
    "Updated {number} minutes ago.",
    "Add {house} to your preferred sources.",
    "{house} may earn a commission from links on this page.",
)

FOOT_LINES = (
    "Sign up for the {house} morning newsletter and never miss a story.",
    "Follow {house} for breaking news, analysis and live updates.",
    "Read more on this and other stories at {house}.",
    "Copyright 2025 {house}. All rights reserved. This material may not be published, broadcast or redistributed.",
    "Do you have a story for us? Get in touch with the {house} newsroom and tell us what you know.",
    "The {house} app is free: download it today for alerts as they happen.",
    "Support independent journalism: become a {house} member from {number} a month.",
    "Reporting by the {house} newsroom - editing by {name} {name}.",
    "This story was published from an agency feed without changes to the text.",
    "Have your say: write to the editor of {house} with your name and the town you live in.",
    "Also read: what {house} readers ask about {name} and {name}.",
    "Comments are moderated by {house} and may be edited for length.",
    "Get the best of {house} delivered to your inbox every Friday.",
    "{house} is a member of the {name} press council and follows its code of practice.",
)

WEATHER = (
    "The weather service has issued its forecast for {city} and the surrounding region.",
    "{sky} in the morning over {city}, with {sky} spreading from the {way} by noon.",
    "Temperatures will reach a high of {degrees} degrees in {place} and {degrees} degrees in {place}.",
    "Overnight lows are expected to fall to around {degrees} degrees under {sky}.",
    "Winds from the {way} at {number} to {number} kilometres an hour, with gusts of up to {number} on higher ground.",
    "There is a {number} per cent chance of rain before the evening, rising to {number} per cent near {place}.",
    "Drivers are advised to allow extra time for their journeys between {place} and {place}.",
    "Sunrise today is at {degrees} minutes past six and sunset at {degrees} minutes past eight.",
    "Looking ahead, {day} will be mostly {feel} with {sky} and a light breeze from the {way}.",
    "The outlook for {day} is {feel}, while {day} should bring {sky} to most areas.",
    "The pollen count is {level} and the air quality index stands at {number}, which is considered {level}.",
    "Sea temperatures along the coast near {place} are about {degrees} degrees and waves will be {level}.",
    "The next update to this forecast will be published at {degrees} minutes past the hour.",
)

MARKETS = (
    "Shares on the {city} exchange closed {move} on {day} as investors weighed the latest data.",
    "The benchmark index {moved} {number}.{digit} points, or {digit}.{digit} per cent, to finish at {number},{number}.",
    "{name} was the biggest gainer of the session, adding {digit}.{digit} per cent to {number}.{digit}.",
    (
        "{name} led the decliners with a loss of {digit}.{digit} per cent, "
        "followed by {name} with {digit}.{digit} per cent."
    ),
    "Advancing issues outnumbered decliners by {number} to {number} on the main board.",
    "Total volume came to {number} million shares, compared with an average of {number} million over the last month.",
    (
        "Among commodities, crude oil for delivery next month {moved} {digit}.{digit} per cent "
        "to {number}.{digit} a barrel."
    ),
    "Gold futures {moved} {digit}.{digit} per cent to trade at {number},{number} an ounce.",
    (
        "In currency trading, the dollar index {moved} {digit}.{digit} per cent "
        "to {number}.{digit} against its main peers."
    ),
    "The volatility index, a measure of the price of options, was {move} at {digit}.{digit} by the close.",
    "Analysts said that sentiment remained {feel} ahead of the meeting of the central bank on {day}.",
    "Bond yields were {move}, with the ten year note at {digit}.{digit} per cent.",
    "The figures in this report were produced automatically and may be revised.",
)

CHOICES = {
    "sky": ("clear skies", "scattered clouds", "heavy showers", "patchy fog", "sunny spells", "light rain"),
    "way": ("north", "south", "east", "west", "northwest", "southeast"),
    "day": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    "feel": ("calm", "mixed", "cautious", "mild", "unsettled", "bright"),
    "level": ("low", "moderate", "high", "good"),
    "move": ("higher", "lower", "flat", "mixed"),
    "moved": ("rose", "fell", "gained", "lost", "added", "shed"),
}

SLOTS = ("city", "place", "name", "number", "degrees", "digit", *CHOICES)
"""Slot s of a template stands in its word ids as -1 - s; those from `FIRST_CHOICE` on pick from a list."""
CITY, PLACE, NAME, NUMBER, DEGREES, DIGIT, FIRST_CHOICE = range(7)

SPACE, COMMA, STOP, PARAGRAPH = range(4)
CLOSE, OPEN = 4, 8
"""Added to one of the four above: a closing quotation mark before the blank, an opening one after it."""
HYPHEN, NUMBER_COMMA, POINT, BRACKET, DATELINE = range(16, 21)

_QUOTED = [
    mark + close + blank + opening
    for opening in ("", "\N{LEFT DOUBLE QUOTATION MARK}")
    for close in ("", "\N{RIGHT DOUBLE QUOTATION MARK}")
    for mark, blank in (("", " "), (",", " "), (".", " "), (".", "\n\n"))
]
SEPARATORS = (*_QUOTED, "-", ",", ".", " (", ") \N{EM DASH} ", ": ", "? ", " \N{EM DASH} ", "; ")
_STRAIGHT = str.maketrans(
    {
        "\N{LEFT DOUBLE QUOTATION MARK}": '"',
        "\N{RIGHT DOUBLE QUOTATION MARK}": '"',
        "\N{RIGHT SINGLE QUOTATION MARK}": "'",
        "\N{EM DASH}": "-",
    }
)
_PIECE = re.compile(r"(\{\w+\}|[^\W_]+(?:'[^\W_]+)*)([^\w{]*)")


class Passages(NamedTuple):
    """Many short texts end to end: passage p is `[starts[p], starts[p + 1])` of both arrays."""

    words: Ids
    separators: Bytes
    starts: Ids


class Glyphs(NamedTuple):
    """UTF-8 bytes of many strings end to end: string s is `[starts[s], starts[s + 1])`."""

    data: Bytes
    starts: Ids


class Language(NamedTuple):
    """All that the kernels need to know, as arrays.

    `words` and `separators` hold two spellings each: straight and typographic quotation marks.
    """

    words: tuple[Glyphs, Glyphs]
    separators: tuple[Glyphs, Glyphs]
    ends_sentence: Flags
    phrases: Passages
    heads: Passages
    feet: Passages
    weather: Passages
    markets: Passages
    choices: Passages
    choice_starts: Ids


@dataclass
class Vocabulary:
    """Spelling of each word id; a word's id is its place of first use."""

    spellings: list[str] = field(default_factory=list)
    ids: dict[str, int] = field(default_factory=dict)
    reserved: set[str] = field(default_factory=set)
    """English words, which no made-up word may equal."""

    def add(self, spelling: str) -> int:
        """Give the id of a word, adding it when it is new. Case does not count."""
        known = self.ids.setdefault(spelling.lower(), len(self.spellings))
        if known == len(self.spellings):
            self.spellings.append(spelling)
        return known

    def __contains__(self, spelling: str) -> bool:
        return spelling.lower() in self.ids or spelling.lower() in self.reserved


ONSETS = "b c d f g h l m n p r s t v w b c d f g h l m n p r s t v w br cl cr dr fl gr pl pr sh sl sp st th tr".split()
NUCLEI = "a e i o u a e i o a e i o ai ea ee ie ou io".split()
CODAS = "n r s t l d m ng nt st rd ck".split()
ACCENTED = str.maketrans({"a": "á", "e": "é", "i": "í", "o": "ö", "u": "ü", "n": "ñ"})


def pseudo_word(rng: random.Random, syllables: int) -> str:
    """Make up a word that can be pronounced."""
    open_syllables = "".join(_pick(rng, ONSETS) + _pick(rng, NUCLEI) for _ in range(syllables))
    return open_syllables + (_pick(rng, CODAS) if rng.random() < 0.6 else "")


def _pick(rng: random.Random, options: list[str]) -> str:
    # Only random() is promised to give the same numbers in every Python version.
    return options[int(rng.random() * len(options))]


def _new_word(rng: random.Random, vocabulary: Vocabulary, syllables: int) -> str:
    word = pseudo_word(rng, syllables)
    while word in vocabulary or word + "'s" in vocabulary:
        syllables += rng.random() < 0.3
        word = pseudo_word(rng, syllables)
    return word


def _add_common_words(rng: random.Random, vocabulary: Vocabulary) -> None:
    for word in FUNCTION_WORDS:
        vocabulary.add(word)
    for rank in range(FUNCTION, COMMON):
        # Frequent words are short.
        syllables = 1 + (rank > 600) + int(rng.random() * (1 + (rank > 8_000)))
        vocabulary.add(_new_word(rng, vocabulary, syllables))


def _add_names(rng: random.Random, vocabulary: Vocabulary) -> None:
    for _ in range(NAMES):
        name = _new_word(rng, vocabulary, 1 + int(rng.random() * 2.4)).capitalize()
        if rng.random() < 0.004:
            name = name[0] + name[1:].translate(ACCENTED)
        vocabulary.add(name)
    for name in vocabulary.spellings[FIRST_NAME : FIRST_NAME + NAMES]:
        vocabulary.add(name + "'s")


def _passages(vocabulary: Vocabulary, texts: list[str], last_separator: int) -> Passages:
    words: list[int] = []
    separators: list[int] = []
    starts = [0]
    codes = {separator.translate(_STRAIGHT): code for code, separator in enumerate(SEPARATORS)}
    codes["."] = STOP
    for text in texts:
        for word, separator in _PIECE.findall(text):
            slot = word.startswith("{")
            words.append(-1 - SLOTS.index(word[1:-1]) if slot else vocabulary.add(word))
            separators.append(codes[separator] if separator else SPACE)
        # A point between two slots without a blank is a decimal point, at the end a full stop.
        _settle_points(words, separators, starts[-1])
        if len(words) > starts[-1]:
            separators[-1] = last_separator
        starts.append(len(words))
    return Passages(np.array(words, np.int32), np.array(separators, np.uint8), np.array(starts, np.int32))


def _settle_points(words: list[int], separators: list[int], start: int) -> None:
    digits = (-1 - DIGIT, -1 - NUMBER)
    for i in range(start, len(words) - 1):
        if words[i] in digits and words[i + 1] in digits and separators[i] == STOP:
            separators[i] = POINT


def _glyphs(spellings: list[str]) -> Glyphs:
    encoded = [spelling.encode() for spelling in spellings]
    starts = np.concatenate(([0], np.cumsum([len(piece) for piece in encoded])))
    return Glyphs(np.frombuffer(b"".join(encoded), np.uint8), starts.astype(np.int32))


def _both_spellings(spellings: list[str]) -> tuple[Glyphs, Glyphs]:
    typographic = [spelling.replace("'", "\N{RIGHT SINGLE QUOTATION MARK}") for spelling in spellings]
    return _glyphs([spelling.translate(_STRAIGHT) for spelling in spellings]), _glyphs(typographic)


def _outlet_names(rng: random.Random, vocabulary: Vocabulary) -> list[str]:
    names = [_new_name(rng, vocabulary) for _ in range(OUTLETS)]
    return [f"{name} {_pick(rng, OUTLET_KINDS)}" for name in names]


def _new_name(rng: random.Random, vocabulary: Vocabulary) -> str:
    name = _new_word(rng, vocabulary, 2).capitalize()
    vocabulary.add(name)
    return name


def _printed(
    rng: random.Random, vocabulary: Vocabulary, outlets: list[str], lines: tuple[str, ...], least: int
) -> list[str]:
    # One outlet in eight prints nothing of its own above or below the text, the others `least` lines or one more.
    counts = [int(least + rng.random() * 2) if o % 8 != 7 else 0 for o in range(OUTLETS)]
    return [_house_lines(rng, vocabulary, *house, lines) for house in zip(outlets, counts, strict=True)]


def _house_lines(rng: random.Random, vocabulary: Vocabulary, house: str, count: int, lines: tuple[str, ...]) -> str:
    chosen = sorted(range(len(lines)), key=lambda _: rng.random())[:count]
    return "\n\n".join(_fill_line(rng, vocabulary, house, lines[line]) for line in sorted(chosen))


def _fill_line(rng: random.Random, vocabulary: Vocabulary, house: str, line: str) -> str:
    line = line.replace("{house}", house).replace("{number}", str(1 + int(rng.random() * 60)))
    while "{name}" in line:
        line = line.replace("{name}", _new_name(rng, vocabulary), 1)
    return line


def _english() -> set[str]:
    """Collect the English words; one that is capitalised each time is a proper noun."""
    lines = [*STOCK_PHRASES, *HEAD_LINES, *FOOT_LINES, *WEATHER, *MARKETS]
    texts = [re.sub(r"\{\w+\}", "The", line) for line in lines]
    first = {word.lower() for text in texts for word in re.findall(r"(?:^|[.?] )([^\W_]+)", text)}
    inner = {word for text in texts for word in re.findall(r"(?<=[^.?] )[^\W_]+", text)}
    chosen = {word for options in CHOICES.values() for option in options for word in option.split()}
    return first | inner | chosen


def _choices(vocabulary: Vocabulary) -> tuple[Passages, Ids]:
    texts = [option for options in CHOICES.values() for option in options]
    ends = np.cumsum([len(options) for options in CHOICES.values()])
    return _passages(vocabulary, texts, SPACE), np.concatenate(([0], ends)).astype(np.int32)


def build() -> tuple[Language, list[str]]:
    """Build the language and the outlets' names, the same ones each time.

    The language does not depend on the generator's seed: corpora of different seeds are in one language.
    """
    rng = random.Random(20_250_418)  # noqa: S311 - not cryptography
    vocabulary = Vocabulary()
    vocabulary.reserved.update(_english())
    _add_common_words(rng, vocabulary)
    _add_names(rng, vocabulary)
    for number in range(NUMBERS):
        vocabulary.add(str(number))
    outlets = _outlet_names(rng, vocabulary)
    for word in sorted(_english()):
        vocabulary.add(word)
    heads = _printed(rng, vocabulary, outlets, HEAD_LINES, 0)
    feet = _printed(rng, vocabulary, outlets, FOOT_LINES, 1)
    choices, choice_starts = _choices(vocabulary)
    language = Language(
        phrases=_passages(vocabulary, STOCK_PHRASES, SPACE),
        heads=_passages(vocabulary, heads, PARAGRAPH),
        feet=_passages(vocabulary, feet, STOP),
        weather=_passages(vocabulary, list(WEATHER), STOP),
        markets=_passages(vocabulary, list(MARKETS), STOP),
        choices=choices,
        choice_starts=choice_starts,
        words=_both_spellings(vocabulary.spellings),
        separators=_both_spellings(list(SEPARATORS)),
        ends_sentence=np.array([("." in s and len(s) > 1) or s in (") \N{EM DASH} ", "? ") for s in SEPARATORS]),
    )
    return language, outlets
