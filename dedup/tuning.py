"""Thresholds beside what people say of pairs near them: which pairs to ask about, the answers, what they tell.

Asked about are pairs within reach of a threshold, drawn at random from strata of score, as many from each where there
are as many; an answer counts for the pairs of its stratum. So precision and recall are estimated among the pairs that
the search finds in the band around the threshold, and say nothing of those outside it. Intervals are Wilson's (1927) at
95 %, with the effective number of answers (Kish 1965).
"""

from __future__ import annotations

import csv
import math
from dataclasses import asdict, dataclass, fields, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from dedup.errors import CorpusError
from dedup.pipeline import find
from dedup.workers import silent

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from dedup.result import Result
    from dedup.settings import Settings
    from dedup.workers import Progress

KINDS = ("near", "excerpt", "story")
YES, NO, UNSURE, OPEN = "y", "n", "?", ""
ANSWERS = (YES, NO, UNSURE, OPEN)
THRESHOLDS = {"near": "near", "excerpt": "excerpt", "story": "story_threshold"}  # kind: setting
_REACH = {"near": 0.2, "excerpt": 0.25, "story": 0.25}  # of a threshold, to either side
_DIGITS = 6  # of the ends of a band
_LOWEST = 0.01  # threshold that the settings take
_FINER = 4  # rows of the banding that looks below the threshold: pairs of 0.6 are candidates with 0.99
_FEWEST = 3  # answers of either kind that a suggestion needs
_STEP = 0.01  # between thresholds that are tried
_Z = 1.959963984540054  # of a normal distribution, 95 %


@dataclass(frozen=True)
class Pair:
    """Two articles, the threshold (KINDS) and score that brought them up, and the answer (ANSWERS).

    They stand for the ``there`` pairs of their stratum, those with a score from ``low`` to ``high``; 0 in a file that
    does not tell: each pair then stands for itself.
    """

    left: str
    right: str
    kind: str
    score: float
    answer: str = OPEN
    low: float = 0.0
    high: float = 1.0
    there: int = 0


# Which pairs ------------------------------------------------------------------------------------------------------


def plan(
    corpus: object,
    settings: Settings,
    pairs: int,
    *,
    columns: Mapping[str, str] | None = None,
    progress: Progress = silent,
) -> tuple[Pair, ...]:
    """Draw about so many ``pairs`` near the thresholds, by kind; the same ones for the same corpus and settings.

    The corpus is searched with lower thresholds and a finer banding: once for copies and once for stories, where
    rewrites are looked for. Raises CorpusError as :func:`dedup.find`.
    """
    bands = {kind: _band(settings, kind) for kind in KINDS}
    pools = _copies(find(corpus, _lowered(settings, bands), columns=columns, progress=progress), settings)
    if settings.stories:
        below = replace(settings, story_threshold=bands["story"][0])
        pools["story"] = _rewrites(find(corpus, below, columns=columns, progress=progress))
    strata = {kind: _strata(pool, kind, settings) for kind, pool in pools.items()}
    kinds = allot([sum(len(one.pairs) for one in found) for found in strata.values()], pairs)
    random = np.random.default_rng(settings.seed)
    return tuple(
        pair for found, share in zip(strata.values(), kinds, strict=True) for pair in _drawn(found, share, random)
    )


def _band(settings: Settings, kind: str) -> tuple[float, float]:
    threshold, reach = getattr(settings, THRESHOLDS[kind]), _REACH[kind]
    return max(_LOWEST, round(threshold - reach, _DIGITS)), min(1.0, round(threshold + reach, _DIGITS))


def _lowered(settings: Settings, bands: Mapping[str, tuple[float, float]]) -> Settings:
    rows = min(settings.rows, _FINER)
    return replace(
        settings,
        near=bands["near"][0],
        excerpt=bands["excerpt"][0],
        rows=rows,
        bands=settings.permutations // rows,
        stories=False,
    )


_Pool = list[tuple[str, str, float]]  # left, right, score


def _copies(result: Result, settings: Settings) -> dict[str, _Pool]:
    """Return pairs by resemblance; and by containment of the shorter, those that are no near copies as things stand."""
    table = result.matches.filter(pc.not_equal(result.matches["relation"].cast(pa.string()), "identical"))
    near = _pool(table, "resemblance")
    long = _long_enough(result, settings)
    others = table.filter(pc.less(table["resemblance"], settings.near))
    excerpt = [pair for pair in _pool(others, "containment_right_in_left") if pair[1] in long]
    return {"near": near, "excerpt": excerpt}


def _long_enough(result: Result, settings: Settings) -> set[str]:
    """Return the articles with words enough for the shingles that an excerpt has at least."""
    articles = result.articles
    own = np.rint(articles["words"].to_numpy() * (1 - articles["boilerplate"].to_numpy()))
    kept = own - settings.shingle + 1 >= settings.excerpt_shingles
    return set(articles["id"].filter(pa.array(kept)).to_pylist())


def _rewrites(result: Result) -> _Pool:
    return _pool(result.matches.filter(pc.is_valid(result.matches["story_score"])), "story_score")


def _pool(table: pa.Table, score: str) -> _Pool:
    columns = (table[name].to_pylist() for name in ("left", "right", score))
    return sorted(zip(*columns, strict=True))


class _Stratum(NamedTuple):
    low: float
    high: float
    pairs: list[Pair]


def _strata(pool: _Pool, kind: str, settings: Settings) -> list[_Stratum]:
    """Cut a band into strata, two on either side of the threshold, which belongs to the upper ones."""
    low, high = _band(settings, kind)
    threshold = getattr(settings, THRESHOLDS[kind])
    below, above = (round((threshold + end) / 2, _DIGITS) for end in (low, high))
    edges = [low, below, threshold, above, math.nextafter(high, 2)]
    found = []
    for bottom, top in pairwise(edges):
        inside = [Pair(left, right, kind, score) for left, right, score in pool if bottom <= score < top]
        limits = {"low": bottom, "high": min(top, high), "there": len(inside)}
        found.append(_Stratum(bottom, top, [replace(pair, **limits) for pair in inside]))
    return found


def _drawn(strata: Sequence[_Stratum], pairs: int, random: np.random.Generator) -> list[Pair]:
    """Draw so many pairs from strata, and mix them: their order says nothing of the score."""
    drawn: list[Pair] = []
    for stratum, share in zip(strata, allot([len(one.pairs) for one in strata], pairs), strict=True):
        drawn += [stratum.pairs[place] for place in random.permutation(len(stratum.pairs))[:share]]
    return [drawn[place] for place in random.permutation(len(drawn))]


def allot(there: Sequence[int], wanted: int) -> list[int]:
    """Divide what is wanted evenly among what is there; what one has not, the others give."""
    shares = [0] * len(there)
    while wanted > 0 and (able := [place for place, count in enumerate(there) if count > shares[place]]):
        for place in able[:wanted]:
            shares[place] += 1
        wanted -= len(able)
    return shares


# Answers in a file ------------------------------------------------------------------------------------------------

_NEEDED = ("left", "right", "kind", "score", "answer")
_NAMES = tuple(knob.name for knob in fields(Pair))


def write_labels(path: Path, pairs: Iterable[Pair]) -> None:
    """Write pairs and their answers, as Parquet where the name ends so and as CSV else; all or nothing."""
    work = path.with_name(f".{path.name}.new")
    rows = [asdict(pair) for pair in pairs]
    try:
        if path.suffix == ".parquet":
            pq.write_table(pa.Table.from_pylist(rows), work)
        else:
            with work.open("w", encoding="utf-8", newline="") as file:
                writer = csv.DictWriter(file, _NAMES)
                writer.writeheader()
                writer.writerows(rows)
        work.replace(path)
    finally:
        work.unlink(missing_ok=True)


def read_labels(path: Path) -> tuple[Pair, ...]:
    """Read pairs and their answers from CSV or Parquet; ``low``, ``high`` and ``there`` may be missing.

    Raises CorpusError where the file cannot be read, lacks a column, or holds a value that is none.
    """
    rows = _rows(path)
    if not rows:
        raise CorpusError(f"{path}: holds no pairs; delete it, or name another with --labels")
    return tuple(_checked(path, number, row) for number, row in enumerate(rows, 1))


def _rows(path: Path) -> list[dict[str, Any]]:
    try:
        with path.open("rb") as file:
            parquet = file.read(4) == b"PAR1"
        rows: list[dict[str, Any]]
        if parquet:
            table = pq.read_table(path)
            rows, names = table.to_pylist(), table.column_names
        else:
            with path.open(encoding="utf-8-sig", newline="") as text:
                reader = csv.DictReader(text)
                rows, names = list(reader), reader.fieldnames or []
    except (OSError, pa.ArrowException, UnicodeDecodeError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
        raise CorpusError(f"{path}: cannot be read as CSV or Parquet ({reason})") from error
    missing = [name for name in _NEEDED if name not in names]
    if missing:
        raise CorpusError(
            f"{path}: no column {missing[0]!r}; a labels file has {', '.join(_NEEDED)}. Name another with --labels"
        )
    return rows


def _checked(path: Path, number: int, row: Mapping[str, Any]) -> Pair:
    values = {name: row[name] for name in _NAMES if row.get(name) not in (None, "")}
    for name in ("left", "right", "kind", "score"):
        if name not in values:
            raise CorpusError(f"{path}: row {number}, column {name!r} is empty")
    values |= {name: _number(path, number, name, values[name]) for name in ("score", "low", "high") if name in values}
    if "there" in values:
        values["there"] = int(_number(path, number, "there", values["there"], most=math.inf))
    for name, known in (("kind", KINDS), ("answer", ANSWERS)):
        if values.get(name, OPEN) not in (*known, OPEN):
            expected = ", ".join(filter(None, known))
            raise CorpusError(f"{path}: row {number}, column {name!r} holds {values[name]!r}; expected {expected}")
    return Pair(**values)


def _number(path: Path, row: int, name: str, value: Any, most: float = 1.0) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not 0 <= number <= most or math.isinf(number):
        limits = "0 to 1" if most == 1 else "0 up"
        raise CorpusError(f"{path}: row {row}, column {name!r} holds {value!r}; expected a number from {limits}")
    return number


# What the answers tell --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Estimate:
    """A share, 0..1, and the ends of its 95 % interval."""

    share: float
    low: float
    high: float


@dataclass(frozen=True)
class Cut:
    """A threshold, and among the pairs of the band: precision, recall, and the share of them that are decided wrongly.

    An estimate is null where nobody answered for a pair that it is about.
    """

    threshold: float
    precision: Estimate | None
    recall: Estimate | None
    wrong: float


@dataclass(frozen=True)
class Tuned:
    """What the answers say of one threshold.

    ``low`` to ``high`` is the band of scores that was looked at, with ``there`` pairs; ``unjudged`` of them lie in
    strata without an answer, and no figure speaks for them. ``suggested`` is the threshold with the fewest wrong pairs,
    of equals the one closest to that in force; null where fewer than three answers are y or fewer than three are n.
    ``at_edge`` says that it lies at the end of the band: the best may lie beyond.
    """

    kind: str
    setting: str
    threshold: float
    low: float
    high: float
    there: int
    unjudged: int
    yes: int
    no: int
    unsure: int
    open: int
    cuts: tuple[Cut, ...]
    suggested: float | None
    at_edge: bool


def evaluate(pairs: Sequence[Pair], settings: Settings) -> tuple[Tuned, ...]:
    """Tell what the answers say of the thresholds of these settings, for each kind that there are pairs of."""
    return tuple(
        _tuned([pair for pair in pairs if pair.kind == kind], kind, settings)
        for kind in KINDS
        if any(pair.kind == kind for pair in pairs)
    )


class _Judged(NamedTuple):
    """The answered pairs of a kind: scores, whether the answer is yes, and how many pairs each stands for."""

    scores: np.ndarray[Any, np.dtype[np.float64]]
    yes: np.ndarray[Any, np.dtype[np.bool_]]
    weights: np.ndarray[Any, np.dtype[np.float64]]


def _tuned(pairs: Sequence[Pair], kind: str, settings: Settings) -> Tuned:
    threshold = float(getattr(settings, THRESHOLDS[kind]))
    low, high = min(pair.low for pair in pairs), max(pair.high for pair in pairs)
    judged = _judged(pairs)
    tries = [round(step * _STEP, 2) for step in range(math.ceil(low / _STEP), math.floor(high / _STEP) + 1)]
    tries = [place for place in tries if low < place <= high] or [threshold]
    suggested = _best([*tries, threshold], judged, threshold)
    shown = {threshold, *(place for place in (suggested,) if place is not None), *tries[4::5]}
    counts = {answer: sum(pair.answer == answer for pair in pairs) for answer in ANSWERS}
    there = {(pair.low, pair.high): pair.there for pair in pairs}
    spoken = {(pair.low, pair.high) for pair in pairs if pair.answer in (YES, NO)}
    return Tuned(
        kind,
        THRESHOLDS[kind],
        threshold,
        low,
        high,
        sum(there.values()) or len(pairs),
        sum(count for stratum, count in there.items() if stratum not in spoken),
        counts[YES],
        counts[NO],
        counts[UNSURE],
        counts[OPEN],
        tuple(cut(judged, place) for place in sorted(shown)) if len(judged.scores) else (),
        suggested,
        suggested in (tries[0], tries[-1]) and suggested != threshold,
    )


def _judged(pairs: Sequence[Pair]) -> _Judged:
    told = [pair for pair in pairs if pair.answer in (YES, NO)]
    answers: dict[tuple[float, float], int] = {}
    for pair in told:
        answers[pair.low, pair.high] = answers.get((pair.low, pair.high), 0) + 1
    weights = [pair.there / answers[pair.low, pair.high] if pair.there else 1.0 for pair in told]
    return _Judged(
        np.array([pair.score for pair in told], np.float64),
        np.array([pair.answer == YES for pair in told], np.bool_),
        np.array(weights, np.float64),
    )


def _best(tries: Sequence[float], judged: _Judged, threshold: float) -> float | None:
    if min(judged.yes.sum(), (~judged.yes).sum()) < _FEWEST:
        return None
    return min(tries, key=lambda place: (_wrong(judged, place), abs(place - threshold)))


def _wrong(judged: _Judged, threshold: float) -> float:
    """Return the share of the band's pairs that a threshold decides against the answers."""
    decided = judged.scores >= threshold
    return round(float(judged.weights[decided != judged.yes].sum() / judged.weights.sum()), 12)


def cut(judged: _Judged, threshold: float) -> Cut:
    """Estimate what a threshold does to the pairs of the band."""
    kept = judged.scores >= threshold
    return Cut(
        threshold,
        _estimate(judged.yes[kept], judged.weights[kept]),
        _estimate(kept[judged.yes], judged.weights[judged.yes]),
        _wrong(judged, threshold),
    )


def _estimate(holds: np.ndarray[Any, Any], weights: np.ndarray[Any, Any]) -> Estimate | None:
    """Estimate a share from weighted answers; fewer count as the weights differ more (Kish 1965)."""
    if not len(holds):
        return None
    share = float(weights[holds].sum() / weights.sum())
    return wilson(share, float(weights.sum() ** 2 / (weights**2).sum()))


def wilson(share: float, trials: float) -> Estimate:
    """Return the 95 % interval of a share of so many independent trials (Wilson 1927)."""
    middle = (share + _Z * _Z / (2 * trials)) / (1 + _Z * _Z / trials)
    reach = _Z / (1 + _Z * _Z / trials) * math.sqrt(share * (1 - share) / trials + _Z * _Z / (4 * trials * trials))
    return Estimate(share, max(0.0, min(share, middle - reach)), min(1.0, max(share, middle + reach)))
