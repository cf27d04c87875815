"""Why two articles of a result are in one copy group, in one story, or apart: :func:`explain`.

What OUT says is taken from its tables. The evidence is computed again with the functions of the pipeline, over the
whole corpus where that is small, and else over the articles nearest in time: what an outlet repeats, how rare a term
is, and how a pair stands beside its neighbours' are of the corpus, not of two articles. Every change of settings that
is named was tried.
"""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dedup import lsh, overlap, pipeline, sketch
from dedup.alignment import FEATURES
from dedup.article import IDENTICAL, NEAR, RELATIONS, REWRITE
from dedup.candidates import BAND
from dedup.comparison import compare
from dedup.corpus import open_corpus
from dedup.errors import CorpusError, OutputError, SettingsError
from dedup.evaluation import relink
from dedup.lookup import find_articles, words_of
from dedup.minhash import estimate, standard_error
from dedup.reason import (
    APART,
    CHAIN,
    COPIES_ONLY,
    ELSEWHERE,
    LINK,
    LINKED,
    NO_TEXT,
    ONE_GROUP,
    ONE_STORY,
    PARTNERS,
    TERMS,
    WINDOW,
    Basis,
    Change,
    Copies,
    Explanation,
    Feature,
    Passage,
    Side,
    Step,
    Telling,
    Verdict,
)
from dedup.rehearsal import Rehearsal
from dedup.rewrites import SHARED
from dedup.settings import Settings
from dedup.text import read, token_hashes, views
from dedup.workers import Progress, silent

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from dedup.comparison import Aligned
    from dedup.corpus import Corpus
    from dedup.rehearsal import Copied, Retold
    from dedup.result import Result

AROUND = 10_000  # articles that are read again at most: about ten seconds of work
_PASSAGES = 3
_LIKE = 3  # ids that are suggested for one that is not there
_COMPARED_IDS = 20_000  # ids that are compared letter by letter for such a suggestion
_SENSIBLE = 0.3  # resemblance or containment below which no threshold is suggested: it would join mere quotes
_WIDE = 1 << 10  # what a cap is tried with
_HOUR = 3_600_000_000  # microseconds
_STEPS = 100  # thresholds are tried in hundredths
_ROUNDING = 1e-6  # of a figure in hundredths
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


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
        self._whole: _Again | None = None

    def explain(self, left: str, right: str) -> Explanation:
        """Explain one pair, as :func:`explain` does."""
        if left == right:
            raise OutputError(f"{left!r} is one article; name two")
        facts = _Facts(self._result, (_row(self._result, left), _row(self._result, right)))
        case = _case(facts, self._again(facts), self._corpus)
        copies = _copies(case)
        telling = None if facts.one("copy_id") else _telling(case)
        verdict = _verdict(case, copies, telling)
        chain = _chain(facts, verdict)
        return Explanation(
            verdict,
            *facts.sides(),
            copies,
            telling,
            chain,
            () if copies.identical else _passages(case),
            _changes(case, copies, telling, verdict, chain),
            case.basis,
        )

    def _again(self, facts: _Facts) -> _Again:
        if self._whole is not None:
            return self._whole
        rows = _around(facts, self._most)
        made = _read_again(facts, self._corpus, rows, self._progress)
        if len(rows) == len(self._result.articles):
            self._whole = made
        return made


# What OUT says ----------------------------------------------------------------------------------------------------


def _row(result: Result, name: str) -> int:
    ids = result.articles["id"]
    row = int(pc.index(ids, pa.scalar(name, pa.large_string())).as_py())
    if row < 0:
        like = _alike(ids, name)
        hint = f"; there is {' and '.join(map(repr, like))}" if like else ""
        raise OutputError(f"no article's id is {name!r}{hint}")
    return row


def _alike(ids: pa.ChunkedArray, name: str) -> list[str]:
    """Return ids that hold the name, or that differ from it by few letters."""
    held = ids.filter(pc.match_substring(ids, name, ignore_case=True)).slice(0, _LIKE).to_pylist() if name else []
    return held or get_close_matches(name, ids.slice(0, _COMPARED_IDS).to_pylist(), _LIKE)


@dataclass(frozen=True)
class _Facts:
    """A result and two of its rows."""

    result: Result
    rows: tuple[int, int]

    def value(self, column: str, row: int) -> Any:
        return self.result.articles[column][row].as_py()

    def pair(self, column: str) -> tuple[Any, Any]:
        return self.value(column, self.rows[0]), self.value(column, self.rows[1])

    def one(self, column: str) -> bool:
        """Say whether the two have the same value."""
        left, right = self.pair(column)
        return bool(left == right)

    def texts(self) -> tuple[str, str]:
        """Return the ids that stand for the texts of the two among the matches: the first article of each text."""
        first = [
            other if relation == RELATIONS[IDENTICAL] else own
            for own, other, relation in zip(*map(self.pair, ("id", "witness_id", "relation")), strict=True)
        ]
        return first[0], first[1]

    def sides(self) -> tuple[Side, Side]:
        return self._side(self.rows[0]), self._side(self.rows[1])

    def _side(self, row: int) -> Side:
        words, house = self.value("words", row), self.value("boilerplate", row)
        copies, members = (
            int(pc.sum(pc.equal(self.result.articles[name], self.result.articles[name][row])).as_py())
            for name in ("copy_id", "story_id")
        )
        return Side(
            self.value("id", row),
            self.value("title", row),
            self.value("source", row),
            _moment(self.time(row)),
            words,
            words - round(words * house),
            self.value("copy_id", row),
            self.value("story_id", row),
            copies,
            members,
        )

    def time(self, row: int) -> int | None:
        """Return when an article was published, in microseconds; its year may be one that Python does not have."""
        micros: int | None = self.result.articles["published"].slice(row, 1).cast(pa.int64())[0].as_py()
        return micros

    def match(self, left: str, right: str, *, rewrite: bool) -> Mapping[str, Any] | None:
        """Return the stored match of two articles, either way round."""
        matches = self.result.matches
        sides = [(left, right), (right, left)]
        between = [pc.and_(pc.equal(matches["left"], one), pc.equal(matches["right"], two)) for one, two in sides]
        found = matches.filter(pc.or_(*between)).to_pylist()
        kept = [row for row in found if (row["relation"] == RELATIONS[REWRITE]) == rewrite]
        return kept[0] if kept else None


def _moment(micros: int | None) -> datetime | None:
    try:
        return None if micros is None else _EPOCH + timedelta(microseconds=micros)
    except OverflowError:  # a year that Python's calendar does not have
        return None


def _chain(facts: _Facts, verdict: Verdict) -> tuple[Step, ...]:
    if verdict.rule == CHAIN:
        return _witnesses(facts)
    weak = verdict.rule == RELATIONS[REWRITE] and (verdict.value or 0.0) < (verdict.threshold or 0.0)
    return _strongest_path(facts) if verdict.rule == LINKED or weak else ()


def _witnesses(facts: _Facts) -> tuple[Step, ...]:
    """Return the witnesses from the left article up to the first that both have, and from there down to the right."""
    left, right = (_upwards(facts, row) for row in facts.rows)
    ends = facts.pair("id")
    ours, theirs = ([end, *(step.other_id for step in steps)] for end, steps in zip(ends, (left, right), strict=True))
    meeting = next(name for name in ours if name in theirs)
    return (*left[: ours.index(meeting)], *reversed(right[: theirs.index(meeting)]))


def _upwards(facts: _Facts, row: int) -> list[Step]:
    """Follow the witnesses of an article up to the longest text of its copy group."""
    steps: list[Step] = []
    ids = facts.result.articles["id"]
    while facts.value("relation", row) not in (None, RELATIONS[REWRITE]):
        own, other = facts.value("id", row), facts.value("witness_id", row)
        steps.append(Step(own, other, facts.value("relation", row), facts.value("score", row)))
        row = int(pc.index(ids, pa.scalar(other, pa.large_string())).as_py())
    return steps


def _strongest_path(facts: _Facts) -> tuple[Step, ...]:
    """Return the stored pairs that lead from one copy group to the other, the weakest of them as strong as can be."""
    articles, matches = facts.result.articles, facts.result.matches
    members = articles.filter(pc.equal(articles["story_id"], facts.value("story_id", facts.rows[0])))
    group = dict(zip(members["id"].to_pylist(), members["copy_id"].to_pylist(), strict=True))
    inside = pc.is_in(matches["left"], members["id"].combine_chunks())
    rewrites = matches.filter(pc.and_(inside, pc.is_valid(matches["story_score"])))
    links: dict[str, list[Step]] = {}
    for row in rewrites.select(["left", "right", "story_score"]).to_pylist():
        for one, two in ((row["left"], row["right"]), (row["right"], row["left"])):
            links.setdefault(group[one], []).append(Step(one, two, RELATIONS[REWRITE], row["story_score"]))
    start, goal = facts.pair("copy_id")
    waiting: list[tuple[float, str, tuple[Step, ...]]] = [(-1.0, start, ())]
    seen: set[str] = set()
    while waiting:
        weakest, here, steps = heapq.heappop(waiting)
        if here == goal:
            return steps
        if here in seen:
            continue
        seen.add(here)
        for step in links.get(here, ()):
            if group[step.other_id] not in seen:
                way = (*steps, step)
                heapq.heappush(waiting, (max(weakest, -step.score), group[step.other_id], way))
    return ()


# The evidence again -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Again:
    """Articles that were read again, ``rows`` of the result, and what the stages of ``find`` say of them."""

    rows: NDArray[np.int64]
    table: pa.Table
    rehearsal: Rehearsal
    copied: Copied
    retold: Retold


@dataclass(frozen=True)
class _Case:
    """Two articles, by their ``places`` among those that were read again."""

    facts: _Facts
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


def _case(facts: _Facts, again: _Again, corpus: Corpus) -> _Case:
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
    return _Case(facts, settings, again.table, (left, right), rehearsal, again.copied, again.retold, basis)


_ADVICE = "the corpus is not the one that the result was made from: name that (--corpus), or run `dedup find` again"


def _source(corpus: Corpus) -> str:
    return corpus.source or "the corpus"


def _settings(result: Result) -> Settings:
    try:
        return Settings.of(**result.settings)
    except SettingsError as error:
        made = f"the result was made by dedup {result.version} with settings that this version does not take"
        raise OutputError(f"{made} ({error}); make it again with `dedup find`") from error


def _around(facts: _Facts, most: int) -> NDArray[np.int64]:
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


def _read_again(facts: _Facts, corpus: Corpus, rows: NDArray[np.int64], progress: Progress) -> _Again:
    settings = _settings(facts.result)
    ids = facts.result.articles["id"].take(pa.array(rows)).to_pylist()
    try:
        find_articles(corpus, facts.pair("id"), ("id",))  # so that a message names these first
        table = find_articles(corpus, ids)
    except CorpusError as error:
        raise CorpusError(f"{error}; {_ADVICE}") from error
    rehearsal = Rehearsal.of(open_corpus(table), settings, progress)
    copied = rehearsal.copies(settings)
    return _Again(rows, table, rehearsal, copied, rehearsal.rewrites(copied, settings))


def _copies(case: _Case) -> Copies:
    made, sketches = case.rehearsal, case.rehearsal.surveyed.sketches
    rows = np.array(case.places)
    ranks = made.ranks()[rows]
    one, two = rows.tolist()
    short = bool((ranks < 0).any())
    # Of two texts the longer has the lower rank; those that are too short for one go by their words.
    order = sketches.tokens[rows] * -1 if short else ranks
    shorter = int(order[1] >= order[0])
    tokens = token_hashes(views(case.table["text"].take(pa.array(rows)).combine_chunks()))
    left_out = made.surveyed.boilerplate.mask(rows, tokens.places)
    signatures = sketch.signatures_kept(tokens, left_out, pipeline.recipe(case.settings))
    exact = _overlap(tokens.without(left_out), shorter, case.settings.shingle)
    contained, containing = float(exact.shorter_in_longer[0]), float(exact.longer_in_shorter[0])
    sizes = int(exact.longer[0]), int(exact.shorter[0])
    resemblance = float(exact.resemblance[0])
    rule = overlap.Rule(case.settings.near, case.settings.excerpt, case.settings.excerpt_shingles)
    matched = overlap.matches(ranks[[1 - shorter]], ranks[[shorter]], exact, rule)
    identical = not short and bool(ranks[0] == ranks[1])
    met = RELATIONS[IDENTICAL] if identical else RELATIONS[matched.relation[0]] if len(matched) and not short else None
    ours, theirs = (np.unique(sketches.sampled[sketches.places[row] : sketches.places[row + 1]]) for row in (one, two))
    keys = len(theirs if shorter else ours)
    needed = math.ceil(pipeline.keys_needed(np.array([keys], np.int32), case.settings)[0])
    pairs = case.copied.pairs
    hit = np.flatnonzero(sketches.keys[one] == sketches.keys[two]) if not short else np.empty(0, np.int64)
    compared = bool(((pairs.longer == ranks[1 - shorter]) & (pairs.shorter == ranks[shorter])).any())
    elsewhere = met is not None and compared and not case.facts.one("copy_id")
    return Copies(
        identical=identical,
        short=short,
        bands=tuple((hit + 1).tolist()),
        of_bands=case.settings.bands,
        chance=float(lsh.probability(np.array([resemblance]), case.settings.bands, case.settings.rows)[0]),
        estimate=0.0 if short else estimate(signatures[0], signatures[1]),
        error=standard_error(resemblance, case.settings.permutations),
        resemblance=resemblance,
        left_in_right=containing if shorter else contained,
        right_in_left=contained if shorter else containing,
        shared=int(exact.shared[0]),
        left_shingles=sizes[0] if shorter else sizes[1],
        right_shingles=sizes[1] if shorter else sizes[0],
        shorter=("left", "right")[shorter],
        keys_shared=len(np.intersect1d(ours, theirs)),
        keys_needed=min(max(needed, 1), BAND),
        compared=compared,
        relation=met,
        instead=case.facts.pair("witness_id")[shorter] if elsewhere else None,
        near=case.settings.near,
        excerpt=case.settings.excerpt,
        excerpt_shingles=case.settings.excerpt_shingles,
    )


def _overlap(own: Any, shorter: int, size: int) -> overlap.Overlap:
    """Compare two texts exactly; one without a word shares nothing."""
    if not np.diff(own.places).all():
        nothing = np.zeros(1, np.int64)
        return overlap.Overlap(nothing, nothing, nothing)
    return overlap.overlaps(own, np.array([1 - shorter]), np.array([shorter]), size)


# Stories ----------------------------------------------------------------------------------------------------------


class _Pair(NamedTuple):
    """The tellers that stand for two articles, as places among the tellers; ``pair`` is None where not aligned."""

    left: int
    right: int
    pair: int | None


def _stand_ins(case: _Case, retold: Retold) -> _Pair:
    """Choose who is aligned for the two: their own texts, or else the likeliest of their copy groups."""
    ours, theirs = (_tellers(case, retold, place) for place in case.places)
    ahead = np.isin(retold.left, ours) & np.isin(retold.right, theirs)
    behind = np.isin(retold.left, theirs) & np.isin(retold.right, ours)
    pairs = np.flatnonzero(ahead | behind)
    if not len(pairs):
        return _Pair(int(ours[0]), int(theirs[0]), None)
    best = int(pairs[np.argmax(retold.probability[pairs])])
    ends = int(retold.left[best]), int(retold.right[best])
    return _Pair(*(ends if ahead[best] else ends[::-1]), best)


def _tellers(case: _Case, retold: Retold, place: int) -> NDArray[np.intp]:
    """Return the tellers of an article: its own text, or its copy group's where that is not one of them."""
    rank = case.rehearsal.ranks()[place]
    own = place if rank < 0 else case.copied.members.texts[rank]
    found = np.flatnonzero(retold.rows == own)
    return found if len(found) else np.flatnonzero(retold.first[retold.rows] == retold.first[place])


def _telling(case: _Case) -> Telling:
    retold, settings = case.retold, case.settings
    left, right, pair = _stand_ins(case, retold)
    rows = int(retold.rows[left]), int(retold.rows[right])
    ids = case.table["id"][rows[0]].as_py(), case.table["id"][rows[1]].as_py()
    stored = case.facts.match(*ids, rewrite=True)
    label = retold.stories(settings.story_threshold)
    apart = not case.together(label)
    parts = [retold.groups_of(label == label[place]) for place in case.places]
    groups = [retold.group[[place]] for place in (left, right)]
    return Telling(
        left_id=ids[0],
        right_id=ids[1],
        terms=_shared_terms(case, rows),
        needed=SHARED,
        hours=_hours(case, rows),
        window=settings.window,
        probability=None if pair is None else float(retold.probability[pair]),
        stored=None if stored is None else float(stored["story_score"]),
        points=case.rehearsal.model.bias,
        features=() if pair is None else _features(case, retold.columns[pair]),
        between=retold.mean_link(*groups),
        parts=retold.mean_link(*parts) if apart else None,
        left_groups=len(parts[0]),
        right_groups=len(parts[1]),
        cut=settings.story_threshold,
        together_up_to=_height(case.facts, settings) if case.facts.one("story_id") else None,
    )


def _features(case: _Case, values: NDArray[np.float32]) -> tuple[Feature, ...]:
    model = case.rehearsal.model
    found = [(name, float(values[FEATURES.index(name)])) for name in model.names]
    return tuple(Feature(name, value, by * value) for (name, value), by in zip(found, model.coefficients, strict=True))


def _hours(case: _Case, rows: tuple[int, int]) -> float | None:
    published = case.rehearsal.surveyed.published.cast(pa.int64())
    left, right = published[rows[0]].as_py(), published[rows[1]].as_py()
    return None if left is None or right is None else abs(left - right) / _HOUR


def _shared_terms(case: _Case, rows: tuple[int, int]) -> tuple[str, ...]:
    """Return the salient terms of both, the weightiest first, as words of the first that has them."""
    outlines, vocabulary = case.rehearsal.surveyed.outlines, case.rehearsal.vocabulary
    assert outlines is not None  # noqa: S101  (a rehearsal makes them)
    places, values = outlines.salient
    left, right = (values[places[row] : places[row + 1]] for row in rows)
    shared = np.intersect1d(left, right)
    words = dict(_words(case.table.slice(rows[0], 1)))
    order = shared[np.argsort(-vocabulary.key[shared], kind="stable")]
    return tuple(words[term] for term in vocabulary.terms[order].tolist())


def _words(article: pa.Table) -> Iterator[tuple[int, str]]:
    """Yield the terms of a title and a text with the word that each is there; the first of a term comes last."""
    for name in ("text", "title"):
        column = pc.fill_null(article[name], "").combine_chunks()
        made, data = read(views(column)), column[0].as_py().encode()
        bounds = zip(made.terms.tolist(), made.tokens.starts.tolist(), made.tokens.ends.tolist(), strict=True)
        for term, start, end in reversed(list(bounds)):
            yield term, data[start:end].decode()


def _height(facts: _Facts, settings: Settings) -> float:
    """Return the highest threshold, in hundredths, at which two of one story are together."""

    def together(step: int) -> bool:
        story = relink(facts.result, step / _STEPS)
        return bool(story[facts.rows[0]] == story[facts.rows[1]])

    first = math.ceil(settings.story_threshold * _STEPS)
    return max(_last(first, _STEPS, together) / _STEPS, settings.story_threshold)


def _last(low: int, high: int, holds: Any) -> int:
    """Return the last step from ``low`` to ``high`` for which something holds that ends for good; low - 1 for none."""
    low -= 1
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if holds(middle) else (low, middle - 1)
    return low


# The verdict ------------------------------------------------------------------------------------------------------


def _verdict(case: _Case, copies: Copies, telling: Telling | None) -> Verdict:
    facts = case.facts
    if telling is None:
        return _of_group(facts, copies)
    if facts.one("story_id"):
        if telling.stored is not None:
            return Verdict(ONE_STORY, RELATIONS[REWRITE], telling.stored, telling.cut)
        return Verdict(ONE_STORY, LINKED, telling.together_up_to, telling.cut)
    return _apart(case, copies, telling)


def _of_group(facts: _Facts, copies: Copies) -> Verdict:
    left, right = facts.texts()
    if left == right:
        return Verdict(ONE_GROUP, RELATIONS[IDENTICAL], 1.0, None)
    match = facts.match(left, right, rewrite=False)
    if match is None:
        return Verdict(ONE_GROUP, CHAIN, None, None)
    if match["relation"] == RELATIONS[NEAR]:
        return Verdict(ONE_GROUP, match["relation"], match["resemblance"], copies.near)
    return Verdict(ONE_GROUP, match["relation"], match["containment_right_in_left"], copies.excerpt)


def _apart(case: _Case, copies: Copies, telling: Telling) -> Verdict:
    if copies.instead is not None:
        near = copies.relation == RELATIONS[NEAR]
        reached = (copies.resemblance, copies.near) if near else (copies.contained, copies.excerpt)
        return Verdict(APART, ELSEWHERE, *reached)
    if not case.settings.stories:
        return Verdict(APART, COPIES_ONLY, copies.resemblance, copies.near)
    if not (case.rehearsal.surveyed.sketches.tokens[list(case.places)] > 0).all():
        return Verdict(APART, NO_TEXT, 0, 1)
    if telling.probability is not None:
        return Verdict(APART, LINK, telling.parts, telling.cut)
    return _unaligned(case, telling)


def _unaligned(case: _Case, telling: Telling) -> Verdict:
    """Say why two were never aligned."""
    if telling.hours is not None and telling.hours > telling.window:
        return Verdict(APART, WINDOW, telling.hours, telling.window)
    if len(telling.terms) < telling.needed:
        return Verdict(APART, TERMS, len(telling.terms), telling.needed)
    return Verdict(APART, PARTNERS, None, case.settings.partners)


# The texts --------------------------------------------------------------------------------------------------------


def _passages(case: _Case) -> tuple[Passage, ...]:
    """Return the longest passages that the two have in common, those counted less that are not word for word."""
    texts = case.field("text")
    beside = compare(*texts, case.settings, titles=case.field("title"), sources=case.field("source"))
    house = [_house(case, side) for side in (0, 1)]
    found: list[Passage] = []
    for row in sorted(beside.aligned, key=_alikeness):
        places = ((row.left_start, row.left_end), (row.right_start, row.right_end))
        own = all(not held[start:end].any() for held, (start, end) in zip(house, places, strict=True))
        left, right = (text[start:end] for text, (start, end) in zip(texts, places, strict=True))
        if own and not any(left in one.left or one.left in left or right == one.right for one in found):
            found.append(Passage(left, right, row.kind, row.score, row.of))
    return tuple(found[:_PASSAGES])


def _alikeness(row: Aligned) -> float:
    """Order passages by how much of them the other side holds, the most first."""
    length = row.left_end - row.left_start if row.of == "left" else row.right_end - row.right_start
    return -row.score * length


def _house(case: _Case, side: int) -> NDArray[np.bool_]:
    """Say of every character of a text whether a word of boilerplate starts there."""
    text = case.field("text")[side]
    tokens = read(views(pa.array([text], pa.large_string()))).tokens
    marked = case.rehearsal.surveyed.boilerplate.mask(np.array([case.places[side]]), tokens.places)
    out = np.zeros(len(text) + 1, np.bool_)
    before = np.cumsum((np.frombuffer(text.encode() + b" ", np.uint8) & 0xC0) != 0x80) - 1  # noqa: PLR2004  (UTF-8)
    out[before[tokens.starts[marked]]] = True
    return out


# What would have to change ----------------------------------------------------------------------------------------


def _changes(
    case: _Case, copies: Copies, telling: Telling | None, verdict: Verdict, chain: tuple[Step, ...]
) -> tuple[Change, ...]:
    if not case.basis.agrees:
        return ()  # what is tried here would say nothing of the result
    if telling is None:
        return tuple(_to_part(case, copies, verdict, chain))
    found = _to_copy(case, copies)
    return (*found, *(_to_leave(case, telling) if verdict.outcome == ONE_STORY else _to_join(case, telling, verdict)))


def _to_leave(case: _Case, telling: Telling) -> Iterator[Change]:
    """Raise the story threshold as little as parts the two; the result's own pairs are linked again."""
    up = _above(telling.together_up_to or 1.0)
    if up <= 1:
        story, (left, right) = relink(case.facts.result, up), case.facts.rows
        outcome = ONE_STORY if story[left] == story[right] else APART
        yield Change({"story_threshold": up}, APART, outcome, int((story == story[left]).sum()))


def _below(value: float) -> float:
    """Round down to hundredths, in which thresholds are told."""
    return math.floor(value * _STEPS) / _STEPS


def _above(value: float) -> float:
    return (math.floor(value * _STEPS + _ROUNDING) + 1) / _STEPS


def _with(settings: Settings, changed: Mapping[str, float]) -> Settings:
    values: dict[str, Any] = dict(changed)
    return replace(settings, **values)


def _copied(case: _Case, changed: Mapping[str, float], wanted: str) -> Change:
    """Try settings of copies."""
    copied = case.rehearsal.copies(_with(case.settings, changed))
    first = copied.members.first_rows(len(case.table))
    group = ONE_GROUP if case.together(first) else APART
    return Change(changed, wanted, group, int((first == first[case.places[0]]).sum()))


def _to_part(case: _Case, copies: Copies, verdict: Verdict, chain: tuple[Step, ...]) -> Iterator[Change]:
    """Try to raise the threshold that the two, or the weakest match of their chain, reach; and then both."""
    raised = {"near": _above(copies.resemblance), "excerpt": _above(copies.contained)}
    rule = verdict.rule
    if rule == CHAIN:
        weakest = min((step for step in chain if step.relation in raised), key=lambda step: step.score)
        rule, raised[weakest.relation] = weakest.relation, _above(weakest.score)
    if raised.get(rule, math.inf) > 1:
        return
    tried = _copied(case, {rule: raised[rule]}, APART)
    yield tried
    if not tried.holds and all(value <= 1 for value in raised.values()):
        yield _copied(case, {name: max(value, getattr(case.settings, name)) for name, value in raised.items()}, APART)


def _to_copy(case: _Case, copies: Copies) -> Iterator[Change]:
    """Try to lower the thresholds of copies to what the two reach."""
    if copies.short:
        return
    if copies.relation is not None:
        if not copies.compared:
            yield _copied(case, {"cap": _WIDE, "compared": _WIDE}, ONE_GROUP)
        return
    if copies.resemblance >= _SENSIBLE:
        yield _copied(case, {"near": _below(copies.resemblance)}, ONE_GROUP)
    shingles = copies.left_shingles if copies.shorter == "left" else copies.right_shingles
    if copies.contained >= _SENSIBLE:
        lowered = {"excerpt": _below(copies.contained)} if copies.contained < copies.excerpt else {}
        fewer = {"excerpt_shingles": shingles} if shingles < copies.excerpt_shingles else {}
        yield _copied(case, {**lowered, **fewer}, ONE_GROUP)


def _retold(case: _Case, changed: Mapping[str, float], retold: Retold, wanted: str) -> Change:
    """Try settings of stories; ``retold`` are the pairs under these."""
    story = retold.stories(changed.get("story_threshold", case.settings.story_threshold))
    outcome = ONE_STORY if case.together(story) else APART
    return Change(changed, wanted, outcome, int((story == story[case.places[0]]).sum()))


def _to_join(case: _Case, telling: Telling, verdict: Verdict) -> Iterator[Change]:
    """Try a longer window or more partners where these keep the two apart, and a lower threshold."""
    if verdict.rule == NO_TEXT:
        return
    if not case.settings.stories:
        yield _retold(case, {"stories": True}, case.retold, ONE_STORY)
        return
    wider: dict[str, float] = {}
    if telling.hours is not None and telling.hours > telling.window:
        wider = {"window": float(math.ceil(telling.hours))}
    elif verdict.rule == PARTNERS:
        wider = {"partners": max(_WIDE, 2 * case.settings.partners)}
    if wider:
        retold = case.rehearsal.rewrites(case.copied, _with(case.settings, wider))
        tried = _retold(case, wider, retold, ONE_STORY)
        lowered = [] if tried.holds else list(_lowered(case, wider, retold))
        yield from lowered or [tried]
    yield from _lowered(case, {}, case.retold)


def _lowered(case: _Case, changed: Mapping[str, float], retold: Retold) -> Iterator[Change]:
    """Lower the threshold as little as joins the two, if anything does."""
    cut = math.ceil(case.settings.story_threshold * _STEPS) - 1
    step = _last(1, cut, lambda tried: case.together(retold.stories(tried / _STEPS)))
    if step > 0:
        yield _retold(case, {**changed, "story_threshold": step / _STEPS}, retold, ONE_STORY)
