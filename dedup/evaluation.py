"""How good the stories of a result are beside labelled ones: pairs, B-cubed, adjusted Rand index, and what went wrong.

The measures are those of the field: precision, recall and F1 over pairs of labelled articles; the same over articles
(B-cubed; Bagga and Baldwin 1998); the adjusted Rand index (Hubert and Arabie 1985). All are counted from the table of
clusters by labels, so that no pair is ever listed. Articles without a label are left out. An article that the result
does not have counts as a cluster of its own.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from dedup.errors import CorpusError, OutputError
from dedup.rewrites import TELLERS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from dedup.result import Result

_NAMED = 3  # examples in a message
_PARTS = 64  # of a cluster or a label, the largest, whose wrong pairs are looked at


# What is true -----------------------------------------------------------------------------------------------------


class Truth(NamedTuple):
    """Labelled articles, in the order of the file: their ids and the names of their stories."""

    ids: pa.LargeStringArray
    labels: pa.LargeStringArray


def read_truth(path: Path, column: str) -> Truth:
    """Read ids and the labels in ``column`` from Parquet or CSV; rows without a label are left out.

    Raises CorpusError where the file cannot be read, lacks a column, labels an article twice or labels none.
    """
    table = _read(path, ("id", column), f"--truth-column names the column of labels, here {column!r}")
    table = table.filter(pc.and_(pc.is_valid(table["id"]), pc.is_valid(table[column])))
    if not len(table):
        raise CorpusError(f"{path}: column {column!r}: no article has a label")
    ids, labels = table["id"].combine_chunks(), table[column].combine_chunks()
    counts = pc.value_counts(ids)
    twice = counts.filter(pc.greater(counts.field("counts"), 1)).field("values").to_pylist()
    if twice:
        raise CorpusError(f"{path}: {_some(twice)} labelled more than once; every article needs one label")
    return Truth(ids, labels)


def read_pairs(path: Path) -> pa.Table:
    """Read the ids ``a`` and ``b`` of pairs of articles from Parquet or CSV. Raises CorpusError as `read_truth`."""
    return _read(path, ("a", "b"), "a pair is the ids of two articles, in the columns a and b")


def _read(path: Path, names: tuple[str, str], hint: str) -> pa.Table:
    try:
        table = _table(path)
    except (OSError, pa.ArrowException) as error:
        reason = getattr(error, "strerror", None) or (str(error) or type(error).__name__).splitlines()[0]
        raise CorpusError(f"{path}: cannot be read as Parquet or CSV ({reason})") from error
    for name in names:
        if name not in table.column_names:
            raise CorpusError(f"{path}: no column {name!r}; {hint}. The columns are: {', '.join(table.column_names)}")
    return pa.table({name: _text(table[name], path, name) for name in names})


def _table(path: Path) -> pa.Table:
    with path.open("rb") as file:
        if file.read(4) == b"PAR1":
            return pq.read_table(path)
    header = pa.csv.open_csv(path).schema.names
    as_text = pa.csv.ConvertOptions(
        column_types=dict.fromkeys(header, pa.large_string()), strings_can_be_null=True, null_values=[""]
    )
    return pa.csv.read_csv(path, convert_options=as_text)


def _text(column: pa.ChunkedArray, path: Path, name: str) -> pa.ChunkedArray:
    try:
        return column.cast(pa.large_string())
    except pa.ArrowException as error:
        raise CorpusError(f"{path}: column {name!r} holds {column.type}, expected text or numbers") from error


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{', '.join(map(repr, names[:_NAMED]))}{more}"


# The measures -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Scores:
    """Measures of clusters beside labels, all 0..1 but the index, which is 0 for chance and 1 for the truth."""

    articles: int
    pair_precision: float
    pair_recall: float
    pair_f1: float
    b3_precision: float
    b3_recall: float
    b3_f1: float
    ari: float
    most_stories_in_one_cluster: int
    predicted_pairs: int
    true_pairs: int


class _Cells(NamedTuple):
    """The table of clusters by labels, where it is not 0; ``of`` is the cell of every article."""

    cluster: NDArray[np.int64]
    label: NDArray[np.int64]
    size: NDArray[np.int64]
    of: NDArray[np.int64]


def _cells(cluster: NDArray[np.int64], label: NDArray[np.int64]) -> _Cells:
    width = int(label.max(initial=-1)) + 1
    keys, of, size = np.unique(cluster * width + label, return_inverse=True, return_counts=True)
    return _Cells(keys // max(1, width), keys % max(1, width), size, of)


def scores(cluster: NDArray[np.int64], label: NDArray[np.int64], unsure: NDArray[np.int64]) -> Scores:
    """Measure clusters beside labels (one code from 0 up an article); ``unsure`` (m, 2) are pairs that do not count.

    A pair stands in ``unsure`` once. It is left out of the pairs and the index, and does not change B-cubed.
    """
    cells = _cells(cluster, label)
    clusters, labels = np.bincount(cluster), np.bincount(label)
    left, right = unsure[:, 0], unsure[:, 1]
    joined, alike = cluster[left] == cluster[right], label[left] == label[right]
    right_pairs = _pairs(cells.size) - int((joined & alike).sum())
    predicted, true = _pairs(clusters) - int(joined.sum()), _pairs(labels) - int(alike.sum())
    count = len(cluster)
    squares = cells.size.astype(np.float64) ** 2
    precision = right_pairs / predicted if predicted else 1.0
    recall = right_pairs / true if true else 1.0
    b3_precision = float((squares / clusters[cells.cluster]).sum()) / max(1, count)
    b3_recall = float((squares / labels[cells.label]).sum()) / max(1, count)
    return Scores(
        articles=count,
        pair_precision=precision,
        pair_recall=recall,
        pair_f1=_f1(precision, recall),
        b3_precision=b3_precision,
        b3_recall=b3_recall,
        b3_f1=_f1(b3_precision, b3_recall),
        ari=_index(right_pairs, predicted, true, count),
        most_stories_in_one_cluster=int(np.bincount(cells.cluster).max(initial=0)),
        predicted_pairs=predicted,
        true_pairs=true,
    )


def _pairs(sizes: NDArray[np.int64]) -> int:
    return int((sizes * (sizes - 1) // 2).sum())


def _f1(precision: float, recall: float) -> float:
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def _index(right: int, predicted: int, true: int, articles: int) -> float:
    """Return the adjusted Rand index, 1 where chance could do no other."""
    by_chance = predicted * true / max(1, articles * (articles - 1) // 2)
    most = (predicted + true) / 2
    return (right - by_chance) / (most - by_chance) if most != by_chance else 1.0


# A result beside the truth ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Side:
    """One article of a wrong pair; ``title`` is null where it has none or the result does not have it."""

    id: str
    story: str
    title: str | None


@dataclass(frozen=True)
class Wrong:
    """Two parts that stand together and should not, or the other way round, shown by a pair of their articles.

    ``pairs`` counts the wrong pairs between the two. Of parts that stand together the pair shown is their best match,
    with its relation and score; where there is none, and of parts that stand apart, it is the first article of each.
    """

    pairs: int
    left: Side
    right: Side
    relation: str | None
    score: float | None


@dataclass(frozen=True)
class Cluster:
    """The cluster with the most stories: its story_id, its labelled articles, and the names of the true stories."""

    story_id: str
    articles: int
    stories: tuple[str, ...]


@dataclass(frozen=True)
class Evaluation:
    """A result beside the truth.

    ``missing`` labelled articles are not in the result; ``unlabelled`` ones of the result were left out; ``unsure``
    pairs did not count. ``stories`` are the true stories, ``single_labels`` of them of one article. ``clusters`` hold a
    labelled article: ``found_stories`` of two articles and more in the result, ``single_articles``, and the missing.
    ``joined`` and ``split`` are the worst errors, those of the most wrong pairs first.
    """

    scores: Scores
    stories: int
    single_labels: int
    clusters: int
    found_stories: int
    single_articles: int
    missing: int
    unlabelled: int
    unsure: int
    largest_false_cluster: Cluster | None
    joined: tuple[Wrong, ...]
    split: tuple[Wrong, ...]


@dataclass(frozen=True)
class Cut:
    """The measures at one story threshold; ``clusters``, ``found_stories`` and ``single_articles`` as above."""

    threshold: float
    clusters: int
    found_stories: int
    single_articles: int
    scores: Scores


class Labelled:
    """The labelled articles of a result."""

    def __init__(self, result: Result, truth: Truth, unsure: pa.Table | None = None) -> None:
        """Look up the articles. Raises CorpusError where the result has none of them."""
        self._result, self._truth = result, truth
        ids = _whole(result.articles["id"])
        found = pc.index_in(truth.ids, value_set=ids)
        if found.null_count == len(found):
            example = (
                f" such as {truth.ids[0].as_py()!r}, and those of the result {ids[0].as_py()!r}" if len(ids) else ""
            )
            raise CorpusError(f"none of the labelled articles is in the result; their ids are{example or ' others'}")
        self.missing = int(found.null_count)
        self._rows = found.fill_null(-1).to_numpy().astype(np.int64)
        names = truth.labels.dictionary_encode()
        self._label, self._names = names.indices.to_numpy().astype(np.int64), names.dictionary
        self._unsure = self._places(unsure)
        self._unsure_pairs = set(map(tuple, self._unsure.tolist()))
        self._story_ids = _whole(result.articles["story_id"])
        self._stories = _codes(self._story_ids)
        self._cluster = self._clusters(self._stories)

    def evaluate(self, worst: int) -> Evaluation:
        """Measure the stories of the result, and list the ``worst`` errors of either kind."""
        cells = _cells(self._cluster, self._label)
        clusters, found, single = self._counts(self._stories)
        return Evaluation(
            scores=scores(self._cluster, self._label, self._unsure),
            stories=len(self._names),
            single_labels=int((np.bincount(self._label) == 1).sum()),
            clusters=clusters,
            found_stories=found,
            single_articles=single,
            missing=self.missing,
            unlabelled=len(self._story_ids) - len(self._rows) + self.missing,
            unsure=len(self._unsure),
            largest_false_cluster=self._largest(cells),
            joined=self._wrong(cells, cells.cluster, worst, self._best_match),
            split=self._wrong(cells, cells.label, worst, self._first_pair),
        )

    def sweep(self) -> tuple[Cut, ...]:
        """Measure the stories that other thresholds would give, from that of the result upward."""
        return tuple(self._at(cut) for cut in thresholds(self._result))

    def _at(self, cut: float) -> Cut:
        stories = relink(self._result, cut)
        return Cut(cut, *self._counts(stories), scores(self._clusters(stories), self._label, self._unsure))

    def _counts(self, stories: NDArray[np.int64]) -> tuple[int, int, int]:
        """Count the clusters, and of these the stories of two articles and more, and the single articles."""
        held = np.unique(stories[self._rows[self._rows >= 0]])
        single = int((np.bincount(stories)[held] == 1).sum())
        return len(held) + self.missing, len(held) - single, single

    def _clusters(self, stories: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the cluster of every labelled article, of codes of the result's; a missing one has its own."""
        alone = len(stories) + np.arange(len(self._rows))
        return np.unique(np.where(self._rows < 0, alone, stories[self._rows]), return_inverse=True)[1]

    def _places(self, unsure: pa.Table | None) -> NDArray[np.int64]:
        """Return the places, among the labelled articles, of pairs of them; each pair once."""
        if unsure is None:
            return np.empty((0, 2), np.int64)
        sides = [pc.index_in(_whole(unsure[name]), value_set=self._truth.ids).fill_null(-1) for name in ("a", "b")]
        pairs = np.sort(np.stack([side.to_numpy().astype(np.int64) for side in sides], axis=1), axis=1)
        return np.unique(pairs[(pairs[:, 0] >= 0) & (pairs[:, 0] != pairs[:, 1])], axis=0)

    def _largest(self, cells: _Cells) -> Cluster | None:
        stories = np.bincount(cells.cluster)
        sizes = np.bincount(self._cluster)
        cluster = int(np.lexsort((-sizes, -stories))[0])
        if stories[cluster] == 1:
            return None
        labels = cells.label[cells.cluster == cluster]
        row = int(self._rows[np.flatnonzero(self._cluster == cluster)[0]])
        names = tuple(sorted(self._names.take(pa.array(labels)).to_pylist()))
        return Cluster(self._story_ids[row].as_py(), int(sizes[cluster]), names)

    # What went wrong

    def _wrong(self, cells: _Cells, whole: NDArray[np.int64], worst: int, choose: _Choose) -> tuple[Wrong, ...]:
        """Return the pairs of cells of one ``whole`` (a cluster or a label) with the most wrong pairs of articles."""
        found = heapq.nsmallest(worst, _parts(cells.size, whole, self._unsure_between(cells)))
        members = _Members(cells.of, self._first_to_last())
        chosen = [(-count, choose(members.of(one), members.of(two))) for count, one, two in found]
        return tuple(
            Wrong(count, self._side(pair.left), self._side(pair.right), pair.relation, pair.score)
            for count, pair in chosen
        )

    def _unsure_between(self, cells: _Cells) -> dict[tuple[int, int], int]:
        pairs, counts = np.unique(np.sort(cells.of[self._unsure], axis=1), axis=0, return_counts=True)
        return {(one, two): count for (one, two), count in zip(pairs.tolist(), counts.tolist(), strict=True)}

    def _first_to_last(self) -> NDArray[np.int64]:
        """Return the labelled articles by time of publication and id; undated and missing ones last."""
        published = self._result.articles["published"].combine_chunks().take(pa.array(self._rows, mask=self._rows < 0))
        order = [("published", "ascending"), ("id", "ascending")]
        table = pa.table({"published": published, "id": self._truth.ids})
        return np.asarray(pc.sort_indices(table, order).to_numpy(), np.int64)

    def _first_pair(self, one: NDArray[np.int64], two: NDArray[np.int64]) -> _Pair:
        """Return the first articles of two sets that are not an unsure pair."""
        pairs = itertools.product(one.tolist(), two.tolist())
        return next(_Pair(*pair) for pair in pairs if not self._is_unsure(*pair))

    def _best_match(self, one: NDArray[np.int64], two: NDArray[np.int64]) -> _Pair:
        """Return the strongest match between two sets of articles; their first articles where there is none."""
        members = np.concatenate([one, two])
        ids = self._truth.ids.take(pa.array(members))
        matches = self._result.matches
        sides = [pc.index_in(_whole(matches[side]), value_set=ids).fill_null(-1) for side in ("left", "right")]
        left, right = (side.to_numpy().astype(np.int64) for side in sides)
        across = (left >= 0) & (right >= 0) & ((left < len(one)) != (right < len(one)))
        found = [
            _Pair(int(members[left[row]]), int(members[right[row]]), *_match(matches, row))
            for row in np.flatnonzero(across).tolist()
        ]
        sure = [pair for pair in found if not self._is_unsure(pair.left, pair.right)]
        return max(sure, key=_Pair.strength) if sure else self._first_pair(one, two)

    def _is_unsure(self, left: int, right: int) -> bool:
        return (min(left, right), max(left, right)) in self._unsure_pairs

    def _side(self, place: int) -> Side:
        row = int(self._rows[place])
        title = self._result.articles["title"][row].as_py() if row >= 0 else None
        return Side(self._truth.ids[place].as_py(), self._truth.labels[place].as_py(), title)


class _Pair(NamedTuple):
    """Places of two labelled articles, and their match where there is one."""

    left: int
    right: int
    relation: str | None = None
    score: float | None = None

    def strength(self) -> tuple[bool, float]:
        """Order matches: copies are surer than rewrites."""
        return self.relation != "rewrite", self.score or 0.0


_Choose = Callable[["NDArray[np.int64]", "NDArray[np.int64]"], _Pair]


class _Members:
    """The articles of every cell, in a given order."""

    def __init__(self, of: NDArray[np.int64], order: NDArray[np.int64]) -> None:
        self._articles = order[np.argsort(of[order], kind="stable")]
        self._places = np.concatenate([np.zeros(1, np.int64), np.cumsum(np.bincount(of))])

    def of(self, cell: int) -> NDArray[np.int64]:
        return self._articles[self._places[cell] : self._places[cell + 1]]


def _parts(
    size: NDArray[np.int64], whole: NDArray[np.int64], unsure: dict[tuple[int, int], int]
) -> Iterator[tuple[int, int, int]]:
    """Yield (minus the wrong pairs, one, two) for the pairs of cells of one whole; of a large one its largest cells."""
    order = np.lexsort((np.arange(len(size)), -size, whole))
    bounds = np.append(np.flatnonzero(np.diff(whole[order], prepend=-1)), len(order))
    for first, last in itertools.pairwise(bounds.tolist()):
        for pair in itertools.combinations(order[first : min(last, first + _PARTS)].tolist(), 2):
            one, two = sorted(pair)
            count = int(size[one] * size[two]) - unsure.get((one, two), 0)
            if count:
                yield -count, one, two


def _match(matches: pa.Table, row: int) -> tuple[str, float]:
    """Return relation and score of a match: of an excerpt the larger containment."""
    told = matches.slice(row, 1).to_pylist()[0]
    if told["relation"] == "excerpt":
        return "excerpt", max(told["containment_left_in_right"], told["containment_right_in_left"])
    return told["relation"], told["story_score"] if told["relation"] == "rewrite" else told["resemblance"]


def _whole(column: pa.ChunkedArray) -> Any:
    return column.combine_chunks()


def _codes(column: pa.Array) -> NDArray[np.int64]:
    return np.asarray(column.dictionary_encode().indices.to_numpy(), np.int64)


# Stories at another threshold -------------------------------------------------------------------------------------


def thresholds(result: Result) -> list[float]:
    """Return the threshold of a result, and the multiples of 0.05 above it. Raises OutputError where it has none."""
    own = result.settings.get("story_threshold")
    if not result.settings.get("stories") or own is None:
        raise OutputError("the result has no stories to link again; make it without --no-stories")
    return [own, *(step / 20 for step in range(1, 20) if step / 20 > own)]


def relink(result: Result, cut: float) -> NDArray[np.int64]:
    """Return the story of every article, a code, if the threshold had been ``cut``.

    Exact for any cut from the result's own upward: average linkage joins the likeliest first, so that a higher cut only
    ends it earlier, and all that is joined lies within one story, whose scored pairs are all in ``matches``.
    """
    from dedup.stories import link  # noqa: PLC0415  (loads the kernels, which a plain evaluation does not need)

    articles = result.articles
    codes = _codes(_whole(articles["copy_id"]))
    rows = tellers(articles, codes)
    place = np.full(len(articles), -1, np.int64)
    place[rows] = np.arange(len(rows))
    rewrites = result.matches.filter(pc.is_valid(result.matches["story_score"]))
    ids = _whole(articles["id"])
    left, right = (
        place[pc.index_in(_whole(rewrites[side]), value_set=ids).to_numpy().astype(np.int64)]
        for side in ("left", "right")
    )
    linked = link(left, right, _whole(rewrites["story_score"]).to_numpy(), codes[rows], cut)
    story = np.empty(int(codes.max(initial=-1)) + 1, np.int64)
    story[codes[rows]] = linked.story
    return story[codes]


def tellers(articles: pa.Table, codes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the rows that were aligned, by time: of every copy group (``codes``) the first distinct texts."""
    distinct = pc.not_equal(articles["relation"].cast(pa.string()), "identical").fill_null(fill_value=True)
    rows = np.flatnonzero(_whole(distinct).to_numpy(zero_copy_only=False))
    picked = articles.select(["published", "id"]).take(pa.array(rows))
    order = pc.sort_indices(picked, [("published", "ascending"), ("id", "ascending")]).to_numpy()
    rows = rows[order]
    grouped = np.argsort(codes[rows], kind="stable")
    starts = np.flatnonzero(np.diff(codes[rows][grouped], prepend=-1))
    nth = np.arange(len(rows)) - np.repeat(starts, np.diff(np.append(starts, len(rows))))
    chosen: NDArray[np.int64] = rows[np.sort(grouped[nth < TELLERS])]
    return chosen
