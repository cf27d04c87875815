"""Wire credits: which agency an article says that it comes from, and where it says so.

======== ========================================= =====================================
form     example                                   where
======== ========================================= =====================================
dateline ``PORT ELLEN (Reuters) - ...``            at the start of a paragraph
tag      ``(AP)``, ``— Example Press``             a line of its own, or the first lines
copyright ``© 2026 Example Press``                 anywhere
line     ``With inputs from agencies``             anywhere; the agency may be unnamed
caption  ``... on Friday. (Reuters)``              at the end of a short paragraph
======== ========================================= =====================================
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from dedup.screen import ANYWHERE, LINE, Layout, Screen, Units, layout, pattern
from dedup.text import Reading, Texts, read, to_characters, views

AGENCY = r"""(?:Reuters|Associated\sPress|The\sAP|AP|Agence\sFrance[-\s]Presse|AFP|Press\sTrust\sof\sIndia|PTI|ANI|
    IANS|UNI|Xinhua|TASS|Interfax|RIA\sNovosti|dpa|DPA|EFE|ANSA|Bloomberg(?:\sNews)?|UPI|Press\sAssociation|PA(?:\sMedia)?|
    AAP|Canadian\sPress|CP|Kyodo(?:\sNews)?|Jiji|Yonhap|Anadolu(?:\sAgency)?|AA|CNA|Bernama|Antara|ATS|APA|Belga|ANP|
    NTB|TT|Ritzau|Lusa|MTI|PAP|CTK|IRNA|SPA|WAM|MENA|Dow\sJones(?:\sNewswires)?|Getty(?:\sImages)?|
    Tribune\sNews\sService|States\sNewsroom|Religion\sNews\sService|RNS|Kaiser\sHealth\sNews|KHN)"""
# The first words of these names, which a text that holds one must hold.
AGENCIES = """reuters associated the ap agence afp press pti ani ians uni xinhua tass interfax ria dpa efe ansa
    bloomberg upi pa aap canadian cp kyodo jiji yonhap anadolu aa cna bernama antara ats apa belga anp ntb tt
    ritzau lusa mti pap ctk irna spa wam mena dow getty tribune states religion rns kaiser khn"""
_NAME = r"[A-Z][\w&.\u2019'-]*(?:\s[A-Z][\w&.\u2019'-]*){0,4}"
# Capitals in brackets that are no agency: places, bodies, offices, times.
_NOT = "US|USA|UK|EU|UN|UAE|NZ|USSR|GB|NATO|GDP|CEO|CFO|UTC|GMT|EST|EDT|PST|PDT|ET|PT|BST|CET|AM|PM"
_KIND = r"(?:Agency|Press|News|Newswire|Wire|Photos?|Images?|Handout|Media|TV)"
# What looks like an agency in brackets: a known one, an acronym, a name that says what it is.
TAG = rf"""(?!(?:{_NOT})\))(?:{AGENCY}|[A-Z]{{2,6}}(?:\s(?:file\s)?photo)?
    |(?=[^()]*\b{_KIND}\b)[A-Z][A-Za-z&.\u2019'/\ -]{{1,40}})"""
DATELINE = rf"""^(?:[A-Z][^\n()]{{1,60}}?[,\s]\s*)?
    \((?P<agency>{AGENCY}|(?![RDI]-){_NAME})\)\s*(?:--|[-\u2013—])\s*"""
# A line that says who provided the text. Each with the words that it opens with, holds, and holds also.
LINES = (
    (
        r"""with\s+(?:agency|agencies|wires?|news\s+agency|bureau|pti|afp|ap|reuters|ani|ians)\s+
            (?:inputs?|reports?|copy|material|services?)\b
        | with\s+(?:additional\s+|further\s+)?(?:inputs?|files?|reports?|reporting|material|information|contributions?)
            \s+(?:from|by)\s""",
        "with",
        """input inputs report reports copy material service services file files reporting information contribution
        contributions""",
        "",
    ),
    (
        r"""(?:additional\s+|further\s+)?(?:reporting|writing|editing|compiled|edited|written|reported|translated)
            (?:\s+and\s+(?:writing|editing|reporting))?\s*(?:by|:)\s(?!.*,\s(?:the|a|an|it|he|she|they)\s)""",
        "additional further reporting writing editing compiled edited written reported translated",
        "by :",
        "",
    ),
    (
        r"""(?:by\s+)?\S+(?:\s\S+){0,3}\s*(?:,|/|\+|and|with)\s+(?:news\s+)?
            (?:agencies|wires|wire\s+services|wire\s+reports)\s*[.)\]]*$
        | (?:news\s+)?(?:agencies|wire\s+reports|agency\s+reports|wire\s+services|staff\s+and\s+agencies)[.)\]]*$""",
        "",
        "agencies wires wire agency",
        "",
    ),
    (r"staff\s+reports?[.)\]]*$", "staff", "report reports", ""),
    (
        rf"by\s+(?:our|a|the)\s+(?:\w+\s+)?(?:staff|reporters?|correspondents?)\s+(?:and|with)\s+(?-i:{_NAME})\s*[.)\]]*$",
        "by",
        "staff reporter reporters correspondent correspondents",
        "and with",
    ),
    (
        r"""(?:\S+\s+){1,4}(?:staff|reporters?|writers?|correspondents?),?\s+with\s+(?:additional\s+|further\s+)?
            (?:inputs?|files?|reports?|reporting|material|information|contributions?)\s+(?:from|by)\s""",
        "",
        "staff reporter reporters writer writers correspondent correspondents",
        "with",
    ),
    (
        r"(?:sources?|via|origin|agency|text|wire)\s*:\s*\S.{0,60}$",
        "source sources via origin agency text wire",
        ":",
        "",
    ),
    (
        r"""(?:this\s+(?:story|article|report|piece|content|item|text)|the\s+(?:article|story))\s+
            (?:was|has\s+been|is|first|originally)\s+(?:\w+\s+){0,3}
            (?:published|provided|produced|distributed|supplied|syndicated|sourced|generated|republished|appeared|edited|
            written|reported|translated|compiled|auto-generated|contributed)\b""",
        "this the",
        """published provided produced distributed supplied syndicated sourced generated republished appeared edited
        written reported translated compiled auto contributed""",
        "story article report piece content item text",
    ),
    (
        r"(?:first|originally)\s+(?:published|appeared)\s+(?:by|in|on|at)\b",
        "first originally",
        "published appeared",
        "",
    ),
    (
        r"(?:contributors?|contributing|contribution)\s*(?::|to\s+this\s+(?:report|story))",
        "contributor contributors contributing contribution",
        ": report story",
        "",
    ),
    (
        r"[^.]{3,80}\scontributed\s+(?:to\s+this\s+(?:report|story|article)|reporting)",
        "",
        "contributed",
        "report story article reporting",
    ),
    (r"the\s+(?:associated\s+press|canadian\s+press)\s*[.)]*$", "the", "associated canadian", "press"),
)
_LINE_OPENS = r"^[\s(\[*—\u2013-]*"
_LONGEST_LINE = 40  # words
_ONLY_AGENCIES = 12  # words
CREDIT_LINES = (
    *(
        pattern("line", _LINE_OPENS + f"(?:{line})", opens=opens, holds=holds, also=also, most=_LONGEST_LINE)
        for line, opens, holds, also in LINES
    ),
    pattern(
        "line",
        _LINE_OPENS + rf"{AGENCY}(?:\s*[,/&]\s*{AGENCY})*\s*[.)\]]*$",
        opens=AGENCIES,
        most=_ONLY_AGENCIES,
    ),
)
_LEDE = 200  # words of a sentence that may start with a dateline
_SIGNED = 8  # words of a line that is nothing but a credit
SIGNED = rf"^[(\[—\u2013-]+\s*(?P<agency>{AGENCY}|{_NAME})\s*[)\]]?\.?$"
_COPYRIGHT = r"""^\W*(?:©|\(c\)|copyright)\W*(?:©|\(c\))?\s*(?:\d{4}\s+)?(?:by\s+)?(?:the\s+)?
    (?P<agency>[^.,\s]+(?:[^\S\n]+[^.,\s]+){0,5})(?=[.,\n]|\s*$)"""
_TAGGED = (
    rf"\((?P<agency>{AGENCY})\)(?=\s*(?:--|[-\u2013—])|\s*$)|(?<![A-Za-z])/(?P<slashed>{AGENCY})/(?=[.\s\u2013—-])"
)
_FIRST_LINES = 5  # sentences in which a tag says whose text it is; later ones sign a quote or a picture
_LAST_LINES = 2  # sentences in which any name in brackets signs the text
_NAMED = rf"""(?:by|from|with|/|:|\+)\s*(?:the\s+)?(?P<agency>{AGENCY}
    |[A-Z][A-Za-z&.\u2019'-]*(?:\s(?:of\s|and\s)?[A-Z][A-Za-z&.\u2019'-]*){{0,3}}?\s
      (?:News\s)?(?:Agency|Press|Newswire|Wire(?:\sService)?|News\sService|Media\sService|Press\sAgency)
    |[A-Z]{{2,6}}\b)"""
_NAMED_ANYWHERE = rf"(?P<agency>\b{AGENCY}\b|(?:[A-Z]\w+\s)+(?:Press|Agency|News|Newswire|Wire)\b)"
# What comes from somebody comes from an agency; who reported or edited is a person.
_PROVIDED = rf"""\b(?:inputs?|files?|reports?|material|information|contributions?|provided|published)\s+(?:from|by)\s+
    (?:the\s+)?(?P<agency>{_NAME})"""
_BESIDE = rf"\b(?:[Ss]taff|[Rr]eporters?|[Cc]orrespondents?)\s+(?:and|with)\s+(?P<agency>{_NAME})"
_AGENCY_IN_LINE = tuple(
    re.compile(expression, re.VERBOSE) for expression in (_NAMED, _NAMED_ANYWHERE, _PROVIDED, _BESIDE)
)
_PHOTO = re.compile(r"\s*(?:file )?photo$")
_FORMS = Screen(
    (
        pattern("dateline", DATELINE, flags=re.VERBOSE, holds=")-", most=_LEDE),
        pattern("tag", SIGNED, flags=re.VERBOSE, holds="[…", most=_SIGNED, line=True),
        pattern("copyright", _COPYRIGHT, holds="© copyright c", most=_LONGEST_LINE),
        *CREDIT_LINES,
        pattern("first", _TAGGED, flags=re.VERBOSE, holds=")- (…) /", also=AGENCIES, most=_LEDE),
        pattern(
            "caption",
            rf"(?:^|\s)\((?P<agency>{TAG})\)\s*$",
            flags=re.VERBOSE,
            holds="(…)",
            most=_LONGEST_LINE,
            line=True,
        ),
    )
)
_KNOWN = re.compile(rf"{TAG}\)", re.VERBOSE)


@dataclass(frozen=True)
class Credit:
    """An agency as the text names it, characters ``start`` to ``end``, and the form of the credit.

    ``agency`` is empty where a line credits agencies without a name; the span is the line's then.
    """

    agency: str
    start: int
    end: int
    form: str


def credits_in(text: str) -> tuple[Credit, ...]:
    """Return the credits of one text, in order."""
    batch = views(pa.array([text], pa.large_string()))
    return tuple(credit for _, credit in find_credits(batch, read(batch)))


def find_credits(batch: Texts, reading: Reading, made: Layout | None = None) -> list[tuple[int, Credit]]:
    """Return (number of the text, credit) for a batch, in order; a sentence has one at most."""
    made = made or layout(batch, reading)
    sentences = made.sentences
    sizes = np.diff(made.bounds)
    paragraph = np.repeat(np.arange(len(sizes)), sizes)
    closes = np.arange(len(sentences)) == made.bounds[paragraph + 1] - 1
    short = (sizes == 1) | (made.paragraphs.words <= _LONGEST_LINE)
    scopes = np.where(closes & short[paragraph], LINE, ANYWHERE).astype(np.int8)
    found, _ = _FORMS.candidates(batch, reading, sentences, scopes)
    units, numbers = found[:, 0], sentences.numbers[found[:, 0]]
    ends = made.bounds[made.paragraphs_of]
    places = map(
        _Place,
        (sizes[paragraph[units]] == 1).tolist(),
        (units == made.bounds[paragraph[units]]).tolist(),
        (units - ends[numbers] < _FIRST_LINES).tolist(),
        (ends[numbers + 1] - units <= _LAST_LINES).tolist(),
    )
    lines = sentences.strings(batch, units)
    met: dict[int, _Met] = {}
    for unit, form, line, place in zip(units.tolist(), found[:, 1].tolist(), lines, places, strict=True):
        if unit not in met and (credit := _credit(form, line, place)):
            met[unit] = credit
    return _placed(batch, sentences, met)


class _Place(NamedTuple):
    """Where a sentence stands: alone in its paragraph, or leading it; among the first, or the last, of the text."""

    alone: bool
    leads: bool
    early: bool
    late: bool


class _Met(NamedTuple):
    """A credit in a sentence, at bytes ``start`` to ``end`` of it."""

    agency: str
    start: int
    end: int
    form: str


@lru_cache(maxsize=1 << 14)  # copies carry the credits of what they copy
def _credit(number: int, text: str, place: _Place) -> _Met | None:
    """Return the credit of the form of this number in a sentence."""
    form = _FORMS.patterns[number]
    match = form.expression.search(text)
    if match is None:
        return None
    if form.name == "line":
        return _line(text)
    group = "slashed" if form.name == "first" and match["slashed"] else "agency"
    agency = match[group]
    stands = {
        "dateline": place.leads or place.early,
        "first": place.early,
        "tag": _KNOWN.fullmatch(agency + ")") is not None or (text[0] in "([" and place.late),
    }
    if not stands.get(form.name, True):
        return None
    names = {"first": "tag" if group == "agency" else "dateline", "tag": "tag" if place.alone else "caption"}
    return _met(text, _PHOTO.sub("", agency), match.span(group), names.get(form.name, form.name))


def _line(text: str) -> _Met:
    for expression in _AGENCY_IN_LINE:
        if match := expression.search(text):
            return _met(text, match["agency"], match.span("agency"), "line")
    return _met(text, "", (0, len(text)), "line")


def _met(text: str, agency: str, span: tuple[int, int], form: str) -> _Met:
    start, end = (len(text[:place].encode()) for place in span)
    return _Met(agency, start, end, form)


def _placed(batch: Texts, sentences: Units, met: dict[int, _Met]) -> list[tuple[int, Credit]]:
    """Return the credits of sentences with the numbers of their texts and their places in these, in characters."""
    units = np.array(list(met), np.int64)
    numbers = sentences.numbers[units]
    within = np.array([(credit.start, credit.end) for credit in met.values()], np.int32).reshape(-1, 2)
    places = (sentences.starts[units][:, None] + within).ravel()
    to_characters(batch, np.repeat(numbers, 2).astype(np.int32), places)
    spans = places.reshape(-1, 2).tolist()
    return [
        (number, Credit(credit.agency, start, end, credit.form))
        for number, credit, (start, end) in zip(numbers.tolist(), met.values(), spans, strict=True)
    ]
