"""Two articles read again with those around them, and what the stages of `find` say of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dedup.corpus import open_corpus
from dedup.errors import CorpusError, OutputError, SettingsError
from dedup.explanation.reason import (
    Basis,
)
from dedup.explanation.rehearsal import Rehearsal
from dedup.lookup import find_articles, words_of
from dedup.settings import Settings

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dedup.corpus import Corpus
    from dedup.explanation.facts import Facts
    from dedup.explanation.rehearsal import Copied, Retold
    from dedup.result import Result
    from dedup.workers import Progress


@dataclass(frozen=True)
class Again:
    """Articles that were read again, ``rows`` of the result, and what the stages of ``find`` say of them."""

    rows: NDArray[np.int64]
    table: pa.Table
    rehearsal: Rehearsal
    copied: Copied
    retold: Retold


@dataclass(frozen=True)
class Case:
    """Two articles, by their ``places`` among those that were read again."""

    facts: Facts
    settings: Settings
    table: pa.Table
    places: tuple[int, int]
    rehearsal: Rehearsal
    copied: Copied
    retold: Retold
    basis: Basis

    def field(self, name: str) -> tuple[str, str]:
        """Return a text field of the two, empty where it is null."""
        left, right = (self.table[name][place].as_py() or "" for place in self.places)
        return left, right

    def together(self, label: NDArray[np.int64]) -> bool:
        """Say whether the two have the same label."""
        return bool(label[self.places[0]] == label[self.places[1]])


def case_of(facts: Facts, again: Again, corpus: Corpus) -> Case:
    """Set two articles among those that were read again. Raises CorpusError where their texts are others now."""
    settings, rehearsal = again.rehearsal.settings, again.rehearsal
    left, right = (int(place) for place in np.searchsorted(again.rows, facts.rows))
    known = facts.result.articles["words"].take(pa.array(again.rows)).to_numpy()
    changed = rehearsal.surveyed.words != known
    for place in (left, right):
        if changed[place]:
            counted = f"{words_of(rehearsal.surveyed.words[place])}, and had {known[place]:,} when the result was made"
            raise CorpusError(f"{_source(corpus)}: {again.table['id'][place].as_py()!r} has {counted}; {_ADVICE}")
    told = again.retold.stories(settings.story_threshold) if settings.stories else again.retold.first
    agrees = all(
        bool(label[left] == label[right]) == facts.one(name)
        for label, name in ((again.retold.first, "copy_id"), (told, "story_id"))
    )
    basis = Basis(len(again.rows), len(facts.result.articles), int(changed.sum()), agrees)
    return Case(facts, settings, again.table, (left, right), rehearsal, again.copied, again.retold, basis)


_ADVICE = "the corpus is not the one that the result was made from: name that (--corpus), or run `dedup find` again"


def _source(corpus: Corpus) -> str:
    return corpus.source or "the corpus"


def _settings(result: Result) -> Settings:
    try:
        return Settings.of(**result.settings)
    except SettingsError as error:
        made = f"the result was made by dedup {result.version} with settings that this version does not take"
        raise OutputError(f"{made} ({error}); make it again with `dedup find`") from error


def around(facts: Facts, most: int) -> NDArray[np.int64]:
    """Return the rows that are read again, ascending: all, or both stories and then the nearest in time."""
    articles = facts.result.articles
    if len(articles) <= most:
        return np.arange(len(articles))
    times = articles["published"].cast(pa.int64())
    known = times.is_valid().to_numpy()
    when = times.fill_null(0).to_numpy().astype(np.float64)
    distance = np.full(len(articles), np.inf)
    for row in facts.rows:
        if known[row]:
            distance[known] = np.minimum(distance[known], np.abs(when[known] - when[row]))
    stories = pa.array(facts.pair("story_id"), pa.large_string())
    distance[pc.is_in(articles["story_id"], stories).to_numpy()] = -1
    distance[list(facts.rows)] = -2
    return np.sort(np.argsort(distance, kind="stable")[:most])


def read_again(facts: Facts, corpus: Corpus, rows: NDArray[np.int64], progress: Progress) -> Again:
    """Read these rows of the result from the corpus and run the stages of `find` over them."""
    settings = _settings(facts.result)
    ids = facts.result.articles["id"].take(pa.array(rows)).to_pylist()
    try:
        find_articles(corpus, facts.pair("id"), ("id",))  # so that a message names these first
        table = find_articles(corpus, ids)
    except CorpusError as error:
        raise CorpusError(f"{error}; {_ADVICE}") from error
    rehearsal = Rehearsal.of(open_corpus(table), settings, progress)
    copied = rehearsal.copies(settings)
    return Again(rows, table, rehearsal, copied, rehearsal.rewrites(copied, settings))
