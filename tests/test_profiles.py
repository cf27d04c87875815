"""Outlines against a reading in plain Python; joined and selected they stay what they are."""

from __future__ import annotations

import math
from collections import Counter
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as example_settings
from hypothesis import strategies as st
from support import column

from dedup import profiles, text
from dedup.background import Background
from dedup.profiles import LEAD, SALIENT, SENTENCES, Listed, Lists, Outlined, Outlines, outline
from dedup.text import FIGURE, SENTENCE, Reading
from dedup.vocabulary import Tally, Vocabulary, vocabulary
from dedup.work import Column

SHORTEST, LONGEST = 5, 60

_RARE = [f"{first}{second}zyx" for first in "bdfgklmnprstvw" for second in ("ar", "el", "io", "um", "oth")]
_words = st.sampled_from(["the", "of", "said", "minister", "storm", "Harbour", "2026", "40", "1,200", "x", *_RARE])
_sentence = st.lists(_words, min_size=1, max_size=12).map(lambda words: " ".join(words).capitalize() + ".")
_long = st.lists(_words, min_size=55, max_size=140).map(lambda words: " ".join(words).capitalize() + ".")
_texts = st.one_of(
    st.lists(st.one_of(_sentence, _sentence, _long), max_size=8).map(" ".join),
    st.lists(_sentence, min_size=38, max_size=46).map(" ".join),  # about as many as are looked at
    st.just(None),
)
_titles = st.one_of(st.just(None), st.just(""), st.lists(_words, min_size=1, max_size=8).map(" ".join))


class Batch(NamedTuple):
    """Articles as they are outlined."""

    texts: Reading
    boilerplate: np.ndarray[tuple[int], np.dtype[np.bool_]]
    titles: Reading
    vocabulary: Vocabulary

    def outline(self) -> Outlines:
        """Outline them."""
        return outline(*self)


@st.composite
def batches(draw: st.DrawFn) -> Batch:
    articles = draw(st.lists(st.tuples(_texts, _titles), min_size=1, max_size=4))
    texts, titles = (text.read(text.views(column(values))) for values in zip(*articles, strict=True))
    boilerplate = np.zeros(len(texts.terms), np.bool_)
    for start, size in draw(st.lists(st.tuples(st.integers(0, 300), st.integers(1, 30)), max_size=4)):
        boilerplate[start : start + size] = True
    return Batch(texts, boilerplate, titles, _vocabulary(texts, titles))


def _vocabulary(texts: Reading, titles: Reading) -> Vocabulary:
    tally = Tally()
    known = np.unique(np.concatenate([texts.terms, titles.terms]))
    tally.add(known[known > 0][::2], 1)  # half of the terms: as if the others were not known
    tally.add(known[known > 0], 1)
    return vocabulary(tally, Background.load(), np.empty(0, np.uint64))


class Outline(NamedTuple):
    """What an outline says of one article, in plain Python."""

    titled: bool
    sentences: list[set[int]]
    counts: dict[int, int]
    lead: set[int]
    figures: set[int]
    salient: set[int]


def expected(batch: Batch, number: int) -> Outline:
    """Outline an article as the docstrings say."""
    made = batch.vocabulary
    numbers, flags = made.numbers(batch.texts.terms).tolist(), batch.texts.flags.tolist()
    own = batch.texts.tokens.of(number)
    title = [n for n in made.numbers(batch.titles.terms[batch.titles.tokens.of(number)]).tolist() if n >= 0]
    titled = batch.titles.tokens.places[number] < batch.titles.tokens.places[number + 1]
    starts = [place for place in range(own.start, own.stop) if flags[place] & SENTENCE]
    pieces: list[list[int]] = []
    for start, end in pairwise([*starts, own.stop]):
        kept = [place for place in range(start, end) if not batch.boilerplate[place]]
        if len(kept) >= SHORTEST and (len(kept) >= 0.4 * (end - start) or len(kept) >= 8):
            cut = [kept[at : at + LONGEST] for at in range(0, len(kept), LONGEST)]
            pieces += [piece for piece in cut if len(piece) >= SHORTEST]
    pieces = pieces[:SENTENCES]
    told = [[numbers[place] for place in piece if numbers[place] >= 0] for piece in pieces]
    spoken = ([title] if titled else []) + told
    content = [[n for n in sentence if made.content[n]] for sentence in spoken]
    counts = Counter(n for sentence in content for n in sentence)
    if titled:
        counts.update(content[0])
    every = Counter(n for sentence in told for n in sentence) + Counter(title) + Counter(title)
    keys = [n for n in every if made.key[n] > 0]
    keys.sort(key=lambda n: (-(1 + math.log(every[n])) * made.key[n], n))
    return Outline(
        titled,
        [set(sentence) for sentence in content],
        dict(counts),
        {n for sentence in content[: LEAD + titled] for n in sentence},
        {numbers[place] for piece in pieces for place in piece if numbers[place] >= 0 and flags[place] & FIGURE},
        set(keys[:SALIENT]),
    )


def values(lists: Lists, index: int) -> list[int]:
    return [int(value) for value in lists.values[lists.places[index] : lists.places[index + 1]]]


def found(made: Outlines, number: int) -> Outline:
    """Return what an outline says of one article."""
    terms = values(made.terms, number)
    own = slice(int(made.terms.places[number]), int(made.terms.places[number + 1]))
    spoken = range(int(made.sentences[number]), int(made.sentences[number + 1]))
    lists = [values(made.columns, sentence) for sentence in spoken]
    assert all(len(set(columns)) == len(columns) for columns in lists)
    for ascending in (terms, values(made.figures, number), values(made.salient, number)):
        assert ascending == sorted(set(ascending))
    return Outline(
        bool(made.titled[number]),
        [{terms[column] for column in columns} for columns in lists],
        dict(zip(terms, made.counts[own].tolist(), strict=True)),
        {term for term, lead in zip(terms, made.lead[own], strict=True) if lead},
        set(values(made.figures, number)),
        set(values(made.salient, number)),
    )


@given(batches())
@pytest.mark.no_cover
def test_outlines_are_what_the_docstrings_say(batch: Batch) -> None:
    made = batch.outline()
    assert len(made) == len(batch.texts.tokens)
    for number in range(len(made)):
        assert found(made, number) == expected(batch, number)


def test_the_limits_are_pinned() -> None:
    """The story model was fitted with them."""
    assert (SENTENCES, LEAD, SALIENT) == (40, 3, 48)
    assert (profiles._SHORTEST, profiles._LONGEST) == (SHORTEST, LONGEST)  # noqa: SLF001


@given(st.lists(batches(), min_size=1, max_size=3), st.booleans(), st.data())
@example_settings(max_examples=30)
def test_what_is_kept_comes_back(parts: list[Batch], filed: bool, data: st.DataObject) -> None:  # noqa: FBT001
    outlines = [part.outline() for part in parts]
    records = Column.nameless(np.int32) if filed else Column(np.int32)
    kept, terms = Outlined(records), Listed(Column(np.int32))
    for made in outlines:
        kept.append(made)
        terms.append(made.terms)
    every = [found(made, number) for made in outlines for number in range(len(made))]
    chosen = data.draw(st.lists(st.integers(0, len(every) - 1), max_size=6))
    assert told(kept.take(np.array(chosen, np.int64))) == [every[number] for number in chosen]
    first, end = sorted(data.draw(st.tuples(st.integers(0, len(every)), st.integers(0, len(every)))))
    assert told(kept.read(first, end)) == every[first:end]
    assert told(kept.read()) == every
    part = terms.read(first, end)
    assert [set(values(part, index)) for index in range(len(part))] == [set(one.counts) for one in every[first:end]]
    records.close()


def told(made: Outlines) -> list[Outline]:
    return [found(made, number) for number in range(len(made))]


def test_no_article() -> None:
    nothing = text.read(text.views(column([])))
    tally = Tally()
    made = outline(
        nothing, np.zeros(0, np.bool_), nothing, vocabulary(tally, Background.load(), np.empty(0, np.uint64))
    )
    assert len(made) == len(made.terms) == len(made.salient) == 0
    kept = Outlined(Column(np.int32))
    kept.append(made)
    assert len(kept) == len(kept.read()) == len(kept.take(np.empty(0, np.int64))) == 0
