"""Readings → profiles: of every article what the story decision looks at, and the keys that find its candidates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from dedup.kernels import profiling

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dedup.text import Reading
    from dedup.vocabulary import Vocabulary
    from dedup.work import Column

SENTENCES = 40  # looked at, beside the title
LEAD = 3  # sentences of the lead, beside the title
_SHORTEST, _LONGEST = 5, 60  # tokens of a sentence; longer ones (menus, tables) are cut
SALIENT = 48  # candidate keys of an article


class Lists(NamedTuple):
    """Lists of values, one after the other: list ``i`` is ``values[places[i]:places[i + 1]]``."""

    places: NDArray[np.int64]
    values: NDArray[Any]

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


class Listed:
    """Lists of values in a column: written some after the others, read in any order.

    In memory are their places, 8 bytes a list. Any thread may read while none writes.
    """

    def __init__(self, values: Column) -> None:
        """Begin with none; the column is empty."""
        self._values = values
        self._places = [np.zeros(1, np.int64)]  # of what was appended at a time, to be joined where they are asked for

    def append(self, lists: Lists) -> None:
        """Add lists behind the last. Raises OutputError where the disk is full."""
        self._places.append(len(self._values) + lists.places[1:])
        self._values.append(lists.values)

    @property
    def places(self) -> NDArray[np.int64]:
        """Return where the lists start in the column, and the end of the last."""
        if len(self._places) > 1:
            self._places = [np.concatenate(self._places)]
        return self._places[0]

    def read(self, first: int, end: int) -> Lists:
        """Return the lists from ``first`` to before ``end``."""
        places = self.places[first : end + 1]
        return Lists(places - places[0], self._values.read(places[0], places[-1]))

    def gather(self, chosen: NDArray[np.int64]) -> tuple[NDArray[Any], NDArray[np.int64]]:
        """Return values among which the chosen lists are, and where each of them starts there."""
        return self._values.gather(self.places[chosen], self.places[chosen + 1])


class Outlined:
    """The outlines of many articles, each a record of numbers: written a batch after the other, read in any order."""

    def __init__(self, records: Column) -> None:
        """Begin with none; the column is of int32, and empty."""
        self._records = Listed(records)

    def __len__(self) -> int:
        """Count the articles."""
        return len(self._records.places) - 1

    def append(self, made: Outlines) -> None:
        """Add articles behind the last. Raises OutputError where the disk is full."""
        columns = made.columns.places[made.sentences]
        ends = made.sentences + columns + 2 * made.terms.places + made.figures.places + made.salient.places
        places = ends + profiling.HEAD * np.arange(len(ends))  # all of them start at 0
        records = np.empty(places[-1], np.int32)
        profiling.pack(_flat(made), places, records)
        self._records.append(Lists(places, records))

    def read(self, first: int = 0, end: int | None = None) -> Outlines:
        """Return the outlines of the articles from ``first`` to before ``end``."""
        return self.take(np.arange(first, len(self) if end is None else end))

    def take(self, articles: NDArray[np.int64]) -> Outlines:
        """Return the outlines of these articles, in this order; what lies together is read together."""
        records, starts = self._records.gather(articles)
        counts = (records[starts + place].sum(dtype=np.int64) for place in range(1, profiling.HEAD))
        sentences, columns, terms, figures, salient = counts
        made = Outlines(
            np.zeros(len(articles) + 1, np.int64),
            np.empty(len(articles), np.bool_),
            _room(sentences, columns),
            _room(len(articles), terms),
            np.empty(terms, np.int32),
            np.empty(terms, np.bool_),
            _room(len(articles), figures),
            _room(len(articles), salient),
        )
        profiling.unpack(records, starts, _flat(made))
        return made


def _flat(made: Outlines) -> tuple[NDArray[Any], ...]:
    """Return the arrays of outlines as the kernels take them."""
    lists = (*made.columns, *made.terms, made.counts, made.lead, *made.figures, *made.salient)
    return made.sentences, made.titled, *lists


def _room(lists: int, values: int) -> Lists:
    return Lists(np.zeros(lists + 1, np.int64), np.empty(values, np.int32))
