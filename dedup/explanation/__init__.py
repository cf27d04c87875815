"""Why two articles of a result are in one copy group, in one story, or apart: :func:`explain`.

What OUT says is taken from its tables. The evidence is computed again with the functions of the pipeline, over the
whole corpus where that is small, and else over the articles nearest in time: what an outlet repeats, how rare a term
is, and how a pair stands beside its neighbours' are of the corpus, not of two articles. Every change of settings that
is named was tried.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dedup.errors import OutputError
from dedup.explanation.case import Again, around, case_of, read_again
from dedup.explanation.changes import changes_of
from dedup.explanation.copying import copies_of
from dedup.explanation.facts import Facts, chain_of, row_of
from dedup.explanation.passages import passages_of
from dedup.explanation.reason import Explanation
from dedup.explanation.telling import telling_of
from dedup.explanation.verdict import verdict_of
from dedup.workers import Progress, silent

if TYPE_CHECKING:
    from dedup.corpus import Corpus
    from dedup.result import Result

AROUND = 10_000  # articles that are read again at most: about ten seconds of work


def explain(
    result: Result, left: str, right: str, corpus: Corpus, *, most: int = AROUND, progress: Progress = silent
) -> Explanation:
    """Explain why two articles of a result, by id, are in one copy group, in one story, or apart.

    ``corpus`` is that of the result (:func:`dedup.lookup.corpus_of`). Where it has more than ``most`` articles, the
    stories of the two and the articles nearest in time are read, and the figures are close to those of the result and
    not the same. Raises OutputError where an id is not in the result, both are one, or the result is of another
    version, and CorpusError where the corpus is not the one that the result was made from.
    """
    return Explainer(result, corpus, most=most, progress=progress).explain(left, right)


class Explainer:
    """Explains many pairs of a result; a corpus that is read whole is read once."""

    def __init__(self, result: Result, corpus: Corpus, *, most: int = AROUND, progress: Progress = silent) -> None:
        """Take what :func:`explain` takes."""
        self._result = result
        self._corpus = corpus
        self._most = max(2, most)
        self._progress = progress
        self._whole: Again | None = None

    def explain(self, left: str, right: str) -> Explanation:
        """Explain one pair, as :func:`explain` does."""
        if left == right:
            raise OutputError(f"{left!r} is one article; name two")
        facts = Facts(self._result, (row_of(self._result, left), row_of(self._result, right)))
        case = case_of(facts, self._again(facts), self._corpus)
        copies = copies_of(case)
        telling = None if facts.one("copy_id") else telling_of(case)
        verdict = verdict_of(case, copies, telling)
        chain = chain_of(facts, verdict)
        return Explanation(
            verdict,
            *facts.sides(),
            copies,
            telling,
            chain,
            () if copies.identical else passages_of(case),
            changes_of(case, copies, telling, verdict, chain),
            case.basis,
        )

    def _again(self, facts: Facts) -> Again:
        if self._whole is not None:
            return self._whole
        rows = around(facts, self._most)
        made = read_again(facts, self._corpus, rows, self._progress)
        if len(rows) == len(self._result.articles):
            self._whole = made
        return made
