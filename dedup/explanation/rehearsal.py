"""The stages of :func:`dedup.find` once more, over some articles, under the settings of a result or changed ones."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from dedup import pipeline, stories, tables
from dedup.background import Background
from dedup.cluster import copy_groups
from dedup.rewrites import Means, evidence
from dedup.store import TextStore
from dedup.stories import Model
from dedup.survey import learn, rank, survey
from dedup.work import Work
from dedup.workers import Progress, Workers, silent

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dedup.candidates import Candidates
    from dedup.corpus import Corpus
    from dedup.overlap import Matches
    from dedup.settings import Settings
    from dedup.survey import Ranking, Survey
    from dedup.vocabulary import Vocabulary


class Copied(NamedTuple):
    """The candidates, the matches and the copy groups of texts by rank, and the members of these."""

    pairs: Candidates
    matches: Matches
    root: NDArray[np.int64]
    members: tables.Members


@dataclass(frozen=True)
class Retold:
    """The pairs of tellers with their features and probabilities.

    ``rows`` are the articles that were aligned, by time; ``group`` their copy groups; ``left`` and ``right`` are places
    in ``rows``. ``first`` is for every article the first of its copy group.
    """

    rows: NDArray[np.int64]
    first: NDArray[np.int64]
    group: NDArray[np.int64]
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    columns: NDArray[np.float32]
    probability: NDArray[np.float64]

    def stories(self, cut: float) -> NDArray[np.int64]:
        """Return for every article its story, a row, where parts join from ``cut`` on."""
        linked = stories.link(self.left, self.right, self.probability, self.group, cut)
        story = np.arange(len(self.first))
        story[self.first[self.rows]] = self.first[self.rows[linked.story]]
        return np.asarray(story[self.first], np.int64)

    def groups_of(self, chosen: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Return the copy groups of the tellers among some articles, one truth an article."""
        return np.unique(self.group[chosen[self.rows]])

    def mean_link(self, one: NDArray[np.int64], two: NDArray[np.int64]) -> float:
        """Return the mean probability between two lists of copy groups."""
        return stories.mean_link(self.left, self.right, self.probability, self.group, (one, two))


@dataclass(frozen=True)
class Rehearsal:
    """Articles surveyed again, rows in the order of ``articles``. Rewrites can be looked for whatever the settings."""

    articles: Corpus
    settings: Settings
    background: Background
    vocabulary: Vocabulary
    model: Model
    surveyed: Survey
    ranking: Ranking

    @staticmethod
    def of(articles: Corpus, settings: Settings, progress: Progress = silent) -> Rehearsal:
        """Learn and survey, as ``find`` does with these settings."""
        workers = Workers(settings.workers, progress)
        background = Background.load(Path(settings.background) if settings.background else None)
        learned = learn(articles, background, workers)
        telling = replace(settings, stories=True)
        surveyed = survey(articles, pipeline.recipe(settings), workers, learned, telling)
        ranking = rank(surveyed.sketches, settings.shingle)
        return Rehearsal(articles, settings, background, learned.vocabulary, Model.load(), surveyed, ranking)

    def copies(self, settings: Settings) -> Copied:
        """Find the copy groups; of the settings only near, excerpt, excerpt_shingles, cap and compared may differ."""
        workers = Workers(settings.workers)
        pairs, _ = pipeline.candidates(self.surveyed, self.ranking, settings)
        with TextStore(len(self.articles)) as store:
            pipeline.fetch(self.articles, pipeline.wanted(self.ranking, pairs), store, workers)
            matches = pipeline.verify(store, self.surveyed, self.ranking, pairs, settings, workers)
        groups = copy_groups(matches, len(self.ranking))
        return Copied(pairs, matches, groups.root, tables.members(self.surveyed, self.ranking, groups))

    def rewrites(self, copied: Copied, settings: Settings) -> Retold:
        """Align the articles that may retell each other; of the settings only window and partners may differ."""
        with Work(on_disk=False) as work:
            first, rows, chronicle = pipeline.tellers(self.surveyed, copied.members, work)
            many, workers = settings.partners, Workers(settings.workers)
            found = evidence(chronicle, Means(self.vocabulary, self.background, settings.window, many, workers, work))
        probability = stories.score(found.columns, self.model)
        return Retold(rows, first, chronicle.group, found.left, found.right, found.columns, probability)

    def ranks(self) -> NDArray[np.int64]:
        """Return the rank of every article's text, -1 for one too short to be anybody's copy."""
        ranks = np.full(len(self.articles), -1, np.int64)
        ranks[self.ranking.rows] = self.ranking.ranks
        return ranks
