"""Who was first, and where a story comes from. Nothing is guessed: without times and credits there is no origin.

Evidence, the first that there is:

========== ========================================================================= =========================
evidence   the origin                                                                confidence
========== ========================================================================= =========================
credited   is the outlet that other members credit (most credits, then most          0.95 x its share of the
           coverage, then earliest)                                                  credits that name a member
own credit names its own outlet in a dateline or a credit line (most coverage,       0.85; 0.6 where several do
           then earliest)
coverage   holds nearly as much of the others, word for word, as the best does;      0.7; 0.5 where a member that
           of these the earliest that credits no agency outside the story            holds less was earlier
earliest   is the earliest, where hardly anything is held word for word              0.4
========== ========================================================================= =========================

The last two go by time. They need a time that no rival shares, and are worth less by the share of the members that
have no time.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from dedup.kernels import runs
from dedup.kernels.runs import UNDATED
from dedup.text import normalise

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from dedup.credits import Credit
    from dedup.text import Tokens

CREDITED, OWN_CREDIT, COVERAGE, EARLIEST = "credited", "own credit", "coverage", "earliest"
EVIDENCE = (CREDITED, OWN_CREDIT, COVERAGE, EARLIEST)
_NEARLY = 0.9  # of the best coverage, that counts as much
_HARDLY = 0.02  # coverage, below which it says nothing
_AGENCIES = 32  # of a story, the most credited, whose outlets are looked for
_LEAST_NAME = 3  # letters; a shorter name is not looked for inside another
_CONFIDENCE = {CREDITED: 0.95, OWN_CREDIT: 0.85, COVERAGE: 0.7, EARLIEST: 0.4}
_SEVERAL, _OVERTAKEN = 0.6, 0.5
_FORMS = ("dateline", "tag", "line", "copyright")  # of a credit of the text, the surest first; others credit a picture


class Origin(NamedTuple):
    """The member that a story comes from, how sure that is (0..1) and by what evidence; and the first published.

    Members by number, -1 where it is not known.
    """

    member: int
    confidence: float
    evidence: str
    first: int


@dataclass(frozen=True)
class Members:
    """The members of one story: outlets ("" where unknown), times (UNDATED), credits, and coverage of the others.

    They stand by (time, id), undated last.
    """

    outlets: Sequence[str]
    published: NDArray[np.int64]
    credits: Sequence[Sequence[Credit]]
    coverage: NDArray[np.float64]

    def __len__(self) -> int:
        """Count them."""
        return len(self.outlets)


UNKNOWN = Origin(-1, 0.0, "", -1)


def coverage(tokens: Tokens, groups: NDArray[np.int64], size: int) -> NDArray[np.float64]:
    """Return for each text how much of the other texts of its group, on average, it has word for word (0..1)."""
    out = np.zeros(len(tokens))
    runs.coverage(tokens.hashes, tokens.places, groups, size, out)
    return out


def origin(members: Members) -> Origin:
    """Say which member a story comes from."""
    first = _earliest(members, range(len(members)))
    votes, own, foreign = _credits(members)
    if votes:
        best = _most(members, votes, votes)
        rivals = sum(
            {house(members.outlets[member]): votes[member] for member in sorted(votes, key=votes.__getitem__)}.values()
        )
        return Origin(best, _CONFIDENCE[CREDITED] * votes[best] / rivals, CREDITED, first)
    if own:
        several = len({house(members.outlets[member]) for member in own}) > 1
        best = _most(members, own, Counter())
        return Origin(best, _SEVERAL if several else _CONFIDENCE[OWN_CREDIT], OWN_CREDIT, first)
    dated = float((members.published != UNDATED).mean())
    top = float(members.coverage.max())
    if top < _HARDLY:
        return Origin(
            first, _CONFIDENCE[EARLIEST] * dated if first >= 0 else 0.0, EARLIEST if first >= 0 else "", first
        )
    holders = [member for member in range(len(members)) if members.coverage[member] >= _NEARLY * top]
    best = _earliest(members, [member for member in holders if member not in foreign] or holders)
    if best < 0:
        return UNKNOWN._replace(first=first)
    sure = _CONFIDENCE[COVERAGE] if members.published[best] == members.published[0] else _OVERTAKEN
    return Origin(best, sure * dated, COVERAGE, first)


def _earliest(members: Members, among: Sequence[int]) -> int:
    """Return the earliest of some members, -1 where two share its time or none has one."""
    dated = [member for member in among if members.published[member] != UNDATED]
    if not dated:
        return -1
    times = [int(members.published[member]) for member in dated]
    return dated[times.index(min(times))] if times.count(min(times)) == 1 else -1


def _most(members: Members, among: Mapping[int, float], votes: Mapping[int, float]) -> int:
    return max(among, key=lambda member: (votes.get(member, 0), members.coverage[member], -member))


def _credits(members: Members) -> tuple[Counter[int], dict[int, float], set[int]]:
    """Return the credits that name each member's outlet, members that credit their own outlet, and who credits others.

    Each credit of another outlet's article counts one; a picture's counts half.
    """
    given: Counter[tuple[str, str]] = Counter()
    own: dict[int, float] = {}
    foreign: set[int] = set()
    for member, credits_ in enumerate(members.credits):
        outlet = members.outlets[member]
        for credit in credits_:
            text = credit.form in _FORMS
            if credit.agency and holds(credit.agency, outlet):
                if credit.form in ("dateline", "line"):
                    own[member] = 1.0
                continue
            if text and (outlet or not credit.agency):
                foreign.add(member)
            if credit.agency:
                given[credit.agency, outlet] += 2 if text else 1
    votes: Counter[int] = Counter()
    told = Counter[str]()
    for (agency, _), count in given.items():
        told[agency] += count
    agencies = {agency for agency, _ in sorted(told.items(), key=lambda entry: (-entry[1], entry[0]))[:_AGENCIES]}
    for outlet in sorted({outlet for outlet in members.outlets if outlet}):
        named = sum(
            count
            for (agency, by), count in given.items()
            if agency in agencies and by != outlet and holds(agency, outlet)
        )
        if named:
            votes.update({member: named for member, name in enumerate(members.outlets) if name == outlet})
    return votes, own, foreign


@lru_cache(maxsize=1 << 14)
def holds(agency: str, outlet: str) -> bool:
    """Say whether a credit names an outlet: the same house, one within the other as whole words, or its initials."""
    one, two = _key(agency), _key(outlet)
    if not one or not two:
        return False
    if house(agency) == house(outlet):
        return True
    within = (len(one) > _LEAST_NAME and f" {one} " in f" {two} ") or (
        len(two) > _LEAST_NAME and f" {two} " in f" {one} "
    )
    return within or one.replace(" ", "") == _initials(outlet) or two == _initials(agency)


@lru_cache(maxsize=1 << 14)
def house(outlet: str) -> str:
    """Return whose an outlet is: its name without the words that every newsroom has, and a feed's without its section.

    >>> house("BBC News"), house("bbc-top"), house("news.bbc.co.uk"), house("Fox News"), house("fox-world")
    ('bbc', 'bbc', 'bbc', 'fox', 'fox')

    A name in words keeps the words of a section, and a feed keeps what is none: these are other outlets.

    >>> house("Reuters Health"), house("reuters-health"), house("fox-valley-times")
    ('reutershealth', 'reuters', 'foxvalleytimes')
    """
    slug = _SLUG.fullmatch(outlet)
    words = _label(outlet) if slug and "." in outlet else _key(outlet).split()
    left_out = _NEWSROOM | _SECTIONS if slug else _NEWSROOM
    while len(words) > 1 and words[-1] in left_out:
        words = words[:-1]
    return "".join(words) or outlet


def _label(host: str) -> list[str]:
    """Return the words of the part of a host that somebody registered."""
    labels = host.split(".")[:-1]
    while len(labels) > 1 and labels[-1] in _DOMAINS:
        labels = labels[:-1]
    word = labels[-1]
    ends = [end for end in _NEWSROOM if word.endswith(end) and len(word) > len(end)]
    return word.removesuffix(max(ends, key=len, default="")).rstrip("-").split("-")


_SLUG = re.compile(r"[a-z0-9]+(?:[-_.][a-z0-9]+)+")  # a feed's name or a host, and no name in words
_NEWSROOM = frozenset(("news", "online", "agency", "newswire"))
_DOMAINS = frozenset(("co", "com", "org", "net", "gov", "ac"))
_SECTION_WORDS = (
    "africa all americas asia breaking business culture economy en english entertainment eu europe feed feeds finance"
    " front headlines health home india international latest live local main markets national opinion politics rss"
    " science sport sports stories tech technology top uk us world"
)
_SECTIONS = frozenset(_SECTION_WORDS.split())


def _key(name: str) -> str:
    return " ".join(re.findall(r"[^\W_]+(?:'[^\W_]+)*", normalise(name))).removeprefix("the ")


def _initials(name: str) -> str:
    """Return the capitals that start its words; one alone stands for nothing."""
    found = "".join(word[0] for word in re.findall(r"[^\W\d_]+", name) if word[0].isupper()).lower()
    return found if len(found) > 1 else ""


def shown(credits_: Sequence[Credit], outlet: str) -> Credit | None:
    """Return the credit that says whose text an article is.

    Another outlet or agency by name goes before the own outlet, and that before none ("Reporting by staff"); then the
    surest form. Picture credits do not say so, nor does an outlet's own copyright line.
    """
    told = [
        credit
        for credit in credits_
        if credit.form in _FORMS and not (credit.form == "copyright" and holds(credit.agency, outlet))
    ]
    return min(told, key=lambda credit: _preference(credit, outlet), default=None)


def _preference(credit: Credit, outlet: str) -> tuple[bool, bool, int, int]:
    return not credit.agency, holds(credit.agency, outlet), _FORMS.index(credit.form), credit.start
