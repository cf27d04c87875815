"""Readings → profiles: of every article what the story decision looks at, and the keys that find its candidates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from dedup.kernels import profiling, ragged

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
    """Join the outlines of several batches. Column by column they are let go: ``parts`` is empty then."""
    told = {name: [getattr(part, name) for part in parts] for name in Outlines._fields}
    parts.clear()
    return Outlines(
        _places(told.pop("sentences")),
        np.concatenate(told.pop("titled")),
        _lists(told.pop("columns")),
        _lists(told.pop("terms")),
        np.concatenate(told.pop("counts")),
        np.concatenate(told.pop("lead")),
        _lists(told.pop("figures")),
        _lists(told.pop("salient")),
    )


def select(outlines: Outlines, articles: NDArray[np.int64]) -> Outlines:
    """Return the outlines of these articles, in this order."""
    sentences = _chosen_places(outlines.sentences, articles)
    spoken = np.empty(sentences[-1], np.int64)
    ragged.take(outlines.sentences, np.arange(outlines.sentences[-1]), articles, sentences, spoken)
    held = outlines.terms.places
    terms = _chosen(outlines.terms, articles)
    return Outlines(
        sentences,
        outlines.titled[articles],
        _chosen(outlines.columns, spoken),
        terms,
        _taken(held, outlines.counts, articles, terms.places),
        _taken(held, outlines.lead, articles, terms.places),
        _chosen(outlines.figures, articles),
        _chosen(outlines.salient, articles),
    )


def _chosen(lists: Lists, chosen: NDArray[np.int64]) -> Lists:
    places = _chosen_places(lists.places, chosen)
    return Lists(places, _taken(lists.places, lists.values, chosen, places))


def _chosen_places(places: NDArray[np.int64], chosen: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(places[chosen + 1] - places[chosen], dtype=np.int64)])


def _taken(
    places: NDArray[np.int64], values: NDArray[Any], chosen: NDArray[np.int64], taken: NDArray[np.int64]
) -> NDArray[Any]:
    out = np.empty(taken[-1], values.dtype)
    ragged.take(places, values, chosen, taken, out)
    return out


def _lists(parts: list[Lists]) -> Lists:
    return Lists(_places([part.places for part in parts]), np.concatenate([part.values for part in parts]))


def _places(parts: list[NDArray[np.int64]]) -> NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(np.concatenate([np.diff(part) for part in parts]))]).astype(np.int64)
