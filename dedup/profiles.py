"""Readings → profiles: of every article what the story decision looks at, and the keys that find its candidates."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from dedup.kernels import profiling

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dedup.text import Reading
    from dedup.vocabulary import Vocabulary

SENTENCES = 40  # looked at, beside the title
LEAD = 3  # sentences of the lead, beside the title
_SHORTEST, _LONGEST = 5, 60  # tokens of a sentence; longer ones (menus, tables) are cut
SALIENT = 48  # candidate keys of an article


class Lists(NamedTuple):
    """Lists of values, one after the other: list ``i`` is ``values[places[i]:places[i + 1]]``."""

    places: NDArray[np.int64]
    values: NDArray[np.int32]

    def __len__(self) -> int:
        """Count the lists."""
        return len(self.places) - 1


class Outlines(NamedTuple):
    """Of every article: sentences as columns of its own content terms; these terms; figures; salient terms.

    ``sentences`` (int64, articles + 1) bounds each article's sentences, the title first where ``titled``; ``columns``
    are lists a sentence. ``terms`` are lists an article, ascending; ``counts`` (the title counted twice) and ``lead``
    stand beside their values. ``figures`` and ``salient`` are lists an article, ascending.
    """

    sentences: NDArray[np.int64]
    titled: NDArray[np.bool_]
    columns: Lists
    terms: Lists
    counts: NDArray[np.int32]
    lead: NDArray[np.bool_]
    figures: Lists
    salient: Lists

    def __len__(self) -> int:
        """Count the articles."""
        return len(self.titled)


def outline(texts: Reading, boilerplate: NDArray[np.bool_], titles: Reading, vocabulary: Vocabulary) -> Outlines:
    """Outline the articles of a batch; ``boilerplate`` says of every token of the texts whether it is."""
    articles, tokens = len(texts.tokens), len(texts.terms)
    room = tokens + len(titles.terms)
    sentences, term_places = np.zeros(articles + 1, np.int64), np.zeros(room + articles + 1, np.int64)
    titled = np.zeros(articles, np.bool_)
    places = [np.zeros(articles + 1, np.int64) for _ in range(3)]
    columns, terms, counts, figures = (np.empty(room, np.int32) for _ in range(4))
    lead, salient = np.zeros(room, np.bool_), np.empty(min(room * 2, articles * SALIENT) + 1, np.int32)
    profiling.profile(
        (vocabulary.numbers(texts.terms), texts.flags, boilerplate, texts.tokens.places),
        (vocabulary.numbers(titles.terms), titles.tokens.places),
        (vocabulary.content, vocabulary.key),
        (SENTENCES, LEAD, _SHORTEST, _LONGEST, SALIENT),
        (sentences, term_places, columns, titled),
        (places[0], terms, counts, lead),
        (places[1], figures),
        (places[2], salient),
    )
    used = [int(place[-1]) for place in places]
    spoken = term_places[: sentences[-1] + 1].copy()
    return Outlines(
        sentences,
        titled,
        Lists(spoken, columns[: spoken[-1]].copy()),
        Lists(places[0], terms[: used[0]].copy()),
        counts[: used[0]].copy(),
        lead[: used[0]].copy(),
        Lists(places[1], figures[: used[1]].copy()),
        Lists(places[2], salient[: used[2]].copy()),
    )


def join(parts: list[Outlines]) -> Outlines:
    """Join the outlines of several batches."""
    return Outlines(
        _places([part.sentences for part in parts]),
        np.concatenate([part.titled for part in parts]),
        _lists([part.columns for part in parts]),
        _lists([part.terms for part in parts]),
        np.concatenate([part.counts for part in parts]),
        np.concatenate([part.lead for part in parts]),
        _lists([part.figures for part in parts]),
        _lists([part.salient for part in parts]),
    )


def select(outlines: Outlines, articles: NDArray[np.int64]) -> Outlines:
    """Return the outlines of these articles, in this order."""
    sentences, spoken = _runs(outlines.sentences, articles)
    terms, held = _runs(outlines.terms.places, articles)
    figures, numbers = _runs(outlines.figures.places, articles)
    salient, keys = _runs(outlines.salient.places, articles)
    columns, said = _runs(outlines.columns.places, spoken)
    return Outlines(
        sentences,
        outlines.titled[articles],
        Lists(columns, outlines.columns.values[said]),
        Lists(terms, outlines.terms.values[held]),
        outlines.counts[held],
        outlines.lead[held],
        Lists(figures, outlines.figures.values[numbers]),
        Lists(salient, outlines.salient.values[keys]),
    )


def _lists(parts: list[Lists]) -> Lists:
    return Lists(_places([part.places for part in parts]), np.concatenate([part.values for part in parts]))


def _places(parts: list[NDArray[np.int64]]) -> NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(np.concatenate([np.diff(part) for part in parts]))]).astype(np.int64)


def _runs(places: NDArray[np.int64], chosen: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the places of the chosen lists, one after the other, and the numbers of their values."""
    sizes = places[chosen + 1] - places[chosen]
    starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    within = np.arange(starts[-1]) - np.repeat(starts[:-1], sizes)
    return starts, within + np.repeat(places[chosen], sizes)
