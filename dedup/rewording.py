"""Which sentence of another member a sentence retells: found by rare words, refused by new names and numbers.

A sentence is *reworded* when its score reaches the floor of its text: :data:`THRESHOLD` where rare words tie the text
to another member, up to :data:`STRICT` where they do not (:func:`floors`). The score is the share of its words,
weighted by rarity, that one other sentence holds (together with that one's two neighbours), less a cost for each name
and number that no member knows: who adds a fact tells his own. Words that the whole story uses weigh less. Nothing
here needs word vectors: on annotated rewrites they add nothing once new names and numbers cost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa

from dedup.kernels import rewording as kernels
from dedup.text import NAME, NUMBER, SENTENCE, Reading, Texts, read, token_hash, views

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from dedup.background import Background

THRESHOLD = 0.05  # score from which a sentence is reworded
SOURCES = 25  # texts of a story that are searched: the preferred one and the first others that say something new
SENTENCES = 4096  # of these texts' sentences, the most that are searched
FRESH = 0.1  # share of its shingles that no preferred text has, from which a text says something new
_LEAST_RARITY = 0.5  # words commoner than this carry no weight
_STORY = 0.8  # how far a word that the whole story uses is discounted
_SCANT = 4.0  # rarity that counts as not held in every sentence: a few common words are too little
_NEAR_TIE = 0.1  # sentences this close in containment: the preferred member's is named
_NEW_NAME = 0.025  # cost of a name that no member knows, by its rarity (an invented name: 0.24)
_NEW_NUMBER = 0.13  # cost of a number that no member knows
_OWN = 0.17  # cost of speaking of the own outlet ("told the Gazette", "told this newspaper")
_WEIGHTS = (_LEAST_RARITY, _STORY, _SCANT, _NEAR_TIE, _NEW_NAME, _NEW_NUMBER, _OWN)
_OUTLET_LETTERS, _OUTLET_RARITY = 4, 1.5  # of the words of an outlet's name that stand for it, at least

# Reports on one event share its words even where nobody retells anybody: see floors().
STRICT = 0.28  # the threshold for a text that nothing specific ties to another
_COMMON = 4.0  # rarity (one article in 55 has it) of a word that any report on the event may use
_LOOSE, _TIGHT = 8.0, 10.0  # ties from which THRESHOLD is asked for in part, and alone
_RUNS_TIE = 0.05  # this share of verbatim words
_NAMES_TIE = 4.0  # nor so many distinct shared names and numbers in 100 words
_SUBJECT = 0.1  # a name in more than this share of the other's sentences is its subject, and ties nothing


def _hashes(words: str) -> NDArray[np.uint64]:
    return np.array([token_hash(word) for word in words.split()], np.uint64)


_JOINS = _hashes("of the and for de del la du in on")  # inside names
_THIS, _US = _hashes("this us")
_OUTLETS = _hashes("newspaper paper website site reporter newsletter outlet publication")
_SELF = _hashes("newspaper website newsletter")  # "this newspaper", whatever stands before it
_TOLD = _hashes("told tells")
_VERBS = _hashes("spoke interview asked seen contacted approached obtained reviewed")
_TO = _hashes("to with by")


class Teller(NamedTuple):
    """What the search reads beside the texts: titles, the names of their outlets, and the background."""

    titles: Texts
    outlets: Sequence[str]
    background: Background


class Counterparts(NamedTuple):
    """Per sentence: the scores against all members, the earlier ones and the origin; the counterpart named.

    ``containment`` is the share of the sentence's weight that the counterpart (with its neighbours) holds; ``best``
    the counterpart's number, -1 for none. ``ties``, one value a text, say how closely its rare words tie it to the
    text that most of it comes from. ``capped`` counts stories with more to search than is searched.
    """

    scores: NDArray[np.float64]
    containment: NDArray[np.float64]
    best: NDArray[np.int64]
    ties: NDArray[np.float64]
    capped: int


class Sentences(NamedTuple):
    """The sentences of a batch: ``s`` is the tokens ``bounds[s]`` to ``bounds[s + 1]`` of text ``owner[s]``.

    ``places`` bounds the sentences of each text.
    """

    bounds: NDArray[np.int64]
    owner: NDArray[np.int64]
    places: NDArray[np.int64]

    def of_tokens(self) -> NDArray[np.int64]:
        """Return the sentence of each token."""
        return np.repeat(np.arange(len(self.owner)), np.diff(self.bounds))


def sentences(reading: Reading, kept: NDArray[np.bool_] | None = None) -> Sentences:
    """Cut a batch into sentences; where only some tokens are ``kept``, the bounds count these."""
    first = np.flatnonzero(reading.flags & SENTENCE)
    owner = np.searchsorted(reading.tokens.places, first, side="right") - 1
    bounds = np.append(first, len(reading.flags))
    if kept is not None:
        bounds = np.concatenate([np.zeros(1, np.int64), np.cumsum(kept)])[bounds]
    return Sentences(bounds.astype(np.int64), owner, np.searchsorted(owner, np.arange(len(reading.tokens.places))))


class Search(NamedTuple):
    """Where to look: the groups of texts, their order of preference, and which texts may be a source.

    ``copied`` is the text that each token is copied from, negative where it is from none.
    """

    groups: NDArray[np.int64]
    order: NDArray[np.int64]
    published: NDArray[np.int64]
    fresh: NDArray[np.float64]
    copied: NDArray[np.int32]


def counterparts(
    batch: Texts,
    reading: Reading,
    cut: Sentences,
    boilerplate: NDArray[np.bool_],
    wanted: NDArray[np.bool_],
    search: Search,
    teller: Teller,
) -> Counterparts:
    """Look for a counterpart of each wanted sentence."""
    titles = read(teller.titles)
    terms, numbers = np.unique(reading.terms, return_inverse=True)
    numbers = np.where(boilerplate | (reading.terms == 0), -1, numbers).astype(np.int32)
    source, capped = _sources(search)
    voice = np.zeros(len(cut.owner), np.bool_)
    voice[cut.of_tokens()[_own_voice(reading.tokens.hashes)]] = True
    found = Counterparts(
        np.full((len(cut.owner), 3), -1.0),
        np.zeros(len(cut.owner)),
        np.full(len(cut.owner), -1, np.int64),
        np.zeros(len(cut.places) - 1),
        0,
    )
    rarity = _rarity(terms, teller.background)
    known = reading.terms.copy()
    known[numbers < 0] = 0
    capped += kernels.counterparts(
        search.groups,
        search.order,
        source,
        search.published,
        cut.places,
        cut.bounds,
        numbers,
        reading.flags,
        rarity,
        wanted,
        voice,
        *_own_names(teller),
        _bundle(batch, reading, known),
        _bundle(teller.titles, titles, titles.terms),
        _JOINS,
        _WEIGHTS,
        SENTENCES,
        found.scores,
        found.containment,
        found.best,
    )
    named = np.where(found.best < 0, -1, cut.owner[found.best])
    kernels.ties(
        reading.tokens.places,
        numbers,
        rarity,
        search.copied,
        cut.of_tokens(),
        named,
        found.containment,
        _COMMON,
        found.ties,
    )
    return found._replace(capped=int(capped))


def floors(ties: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return for each text the score from which its sentences are reworded: the lower, the closer it is tied.

    Who retells an article carries its rare words and figures; reports that two outlets wrote on their own share the
    event's names and not much more.
    """
    loose = np.clip((_TIGHT - ties) / (_TIGHT - _LOOSE), 0.0, 1.0)
    return np.asarray(THRESHOLD + (STRICT - THRESHOLD) * loose, np.float64)


def _bundle(batch: Texts, reading: Reading, terms: NDArray[np.uint64]) -> tuple[NDArray[Any], ...]:
    tokens = reading.tokens
    return batch.data, batch.starts, tokens.places, tokens.starts, tokens.ends, tokens.hashes, terms


def _rarity(terms: NDArray[np.uint64], background: Background) -> NDArray[np.float64]:
    df = background.df(terms)
    return np.log((background.articles + 1) / (np.where(df > 0, df, 1.0) + 0.5))


def _sources(search: Search) -> tuple[NDArray[np.bool_], int]:
    """Choose the texts that are searched: the preferred one of each group, and the first that say something new."""
    groups = np.repeat(np.arange(len(search.groups) - 1), np.diff(search.groups))
    lead = np.zeros(len(groups), np.bool_)
    lead[search.groups[:-1][np.diff(search.groups) > 0]] = True
    new = lead | (search.fresh[search.order] >= FRESH)
    before: NDArray[np.int64] = np.cumsum(new) - new
    nth: NDArray[np.int64] = before - before[np.minimum(search.groups[:-1], len(before) - 1)][groups]
    source = np.zeros(len(groups), np.bool_)
    source[search.order[new & (nth < SOURCES)]] = True
    return source, len(np.unique(groups[new & (nth >= SOURCES)]))


def _own_names(teller: Teller) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
    """Return the terms by which each text may speak of its own outlet, and where those of each text start."""
    names = sorted(set(teller.outlets))
    reading = read(views(pa.array(names, pa.large_string())))
    long = reading.tokens.ends - reading.tokens.starts >= _OUTLET_LETTERS
    telling = long & (_rarity(reading.terms, teller.background) > _OUTLET_RARITY) & (reading.terms != 0)
    parts = {name: reading.terms[of][telling[of]] for i, name in enumerate(names) for of in [reading.tokens.of(i)]}
    chosen = [parts[name] for name in teller.outlets]
    places = np.concatenate([np.zeros(1, np.int64), np.cumsum([len(part) for part in chosen], dtype=np.int64)])
    return places, np.concatenate([np.empty(0, np.uint64), *chosen])


def _own_voice(hashes: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Return the tokens at which a text speaks of its own outlet: "told us", "seen by this newspaper"."""
    ends = np.concatenate([hashes[1:], np.zeros(1, np.uint64)])
    this = np.flatnonzero(hashes == _THIS)
    this = this[np.isin(ends[this], _OUTLETS)]
    itself = this[np.isin(ends[this], _SELF)]
    spoken = np.concatenate([this, np.flatnonzero(hashes == _US)])
    padded = np.concatenate([np.zeros(2, np.uint64), hashes])
    one, two = padded[spoken + 1], padded[spoken]
    told = np.isin(one, _TOLD) | (np.isin(one, _TO) & np.isin(two, _VERBS))
    return np.asarray(np.concatenate([itself, spoken[told]]), np.int64)


def bound(
    reading: Reading,
    boilerplate: NDArray[np.bool_],
    copied: NDArray[np.bool_],
    text: int,
    other: int,
) -> bool:
    """Say whether something specific ties two texts: verbatim runs, or many shared names and numbers."""
    mine, theirs = reading.tokens.of(text), reading.tokens.of(other)
    own = ~boilerplate[mine] & (reading.terms[mine] != 0)
    if copied[mine].sum() >= _RUNS_TIE * max(1, int((~boilerplate[mine]).sum())):
        return True
    cut = sentences(reading)
    in_sentence = cut.of_tokens()[theirs]
    pairs = np.unique(np.stack([reading.terms[theirs], in_sentence.astype(np.uint64)])[:, ~boilerplate[theirs]], axis=1)
    terms, counts = np.unique(pairs[0], return_counts=True)
    usual = max(1.0, _SUBJECT * len(np.unique(pairs[1])))
    telling = terms[counts <= usual]
    specific = own & ((reading.flags[mine] & (NAME | NUMBER)) > 0)
    shared = np.intersect1d(reading.terms[mine][specific], telling)
    return bool(100 * len(shared) >= _NAMES_TIE * max(1, int(own.sum())))
