"""The measures of stories: equal to counting every pair, right on cases by hand, and errors found where they are."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

import dedup
from dedup import evaluation
from dedup.article import ARTICLES, MATCHES, SPANS
from dedup.errors import CorpusError, OutputError
from dedup.evaluation import Labelled, Truth, read_pairs, read_truth, relink, scores
from dedup.report import measures, summary
from dedup.result import Result
from dedup.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

Pairs = list[tuple[int, int]]
codes = st.integers(0, 5)


def measured(cluster: list[int], label: list[int], unsure: Pairs | None = None) -> evaluation.Scores:
    pairs = np.array(unsure or [], np.int64).reshape(-1, 2)
    return scores(np.array(cluster, np.int64), np.array(label, np.int64), pairs)


def counted(cluster: list[int], label: list[int], unsure: Pairs) -> dict[str, float]:
    """Count every pair and every article, one by one."""
    articles = range(len(cluster))
    pairs = [pair for pair in itertools.combinations(articles, 2) if pair not in unsure]
    found = [pair for pair in pairs if cluster[pair[0]] == cluster[pair[1]]]
    true = [pair for pair in pairs if label[pair[0]] == label[pair[1]]]
    both = len(set(found) & set(true))
    precision, recall = both / len(found) if found else 1.0, both / len(true) if true else 1.0
    same = [[{j for j in articles if of[j] == of[i]} for i in articles] for of in (cluster, label)]
    b3 = [
        sum(len(one & two) / len((one, two)[side]) for one, two in zip(*same, strict=True)) / len(cluster)
        for side in (0, 1)
    ]
    return {
        "pair_precision": precision,
        "pair_recall": recall,
        "pair_f1": 2 * precision * recall / (precision + recall) if precision + recall else 0.0,
        "b3_precision": b3[0],
        "b3_recall": b3[1],
        "b3_f1": 2 * b3[0] * b3[1] / (b3[0] + b3[1]),
        "most_stories_in_one_cluster": max(len({label[j] for j in one}) for one in same[0]),
        "predicted_pairs": len(found),
        "true_pairs": len(true),
    }


# The measures


@given(st.lists(st.tuples(codes, codes), min_size=1, max_size=12), st.randoms(use_true_random=False))
def test_measures_equal_counting_every_pair(rows: list[tuple[int, int]], random: Any) -> None:
    cluster, label = [row[0] for row in rows], [row[1] for row in rows]
    pairs = list(itertools.combinations(range(len(rows)), 2))
    unsure = sorted(random.sample(pairs, len(pairs) // 4))
    told = measured(cluster, label, unsure)
    for name, value in counted(cluster, label, unsure).items():
        assert getattr(told, name) == pytest.approx(value), name


@given(st.lists(st.tuples(codes, codes), min_size=2, max_size=12))
def test_the_index_is_that_of_the_contingency_table(rows: list[tuple[int, int]]) -> None:
    """Hubert and Arabie's formula, from the four counts of pairs."""
    cluster, label = [row[0] for row in rows], [row[1] for row in rows]
    told = counted(cluster, label, [])
    pairs = len(rows) * (len(rows) - 1) / 2
    both = told["pair_precision"] * told["predicted_pairs"]
    chance = told["predicted_pairs"] * told["true_pairs"] / pairs
    most = (told["predicted_pairs"] + told["true_pairs"]) / 2
    expected = (both - chance) / (most - chance) if most != chance else 1.0
    assert measured(cluster, label).ari == pytest.approx(expected)


def test_measures_by_hand() -> None:
    """One cluster of a pair and a stranger, the fourth article apart from its story."""
    told = measured([0, 0, 0, 1], [0, 0, 1, 1])
    assert (told.pair_precision, told.pair_recall) == (1 / 3, 1 / 2)
    assert told.pair_f1 == pytest.approx(0.4)
    assert told.b3_precision == pytest.approx((2 / 3 + 2 / 3 + 1 / 3 + 1) / 4)
    assert told.b3_recall == pytest.approx((1 + 1 + 1 / 2 + 1 / 2) / 4)
    assert told.ari == 0
    assert (told.most_stories_in_one_cluster, told.predicted_pairs, told.true_pairs) == (2, 3, 2)


@pytest.mark.parametrize("cluster", [[0, 0, 1, 1, 2], [2, 2, 0, 0, 1]])
def test_the_truth_has_1_throughout(cluster: list[int]) -> None:
    told = measured(cluster, [0, 0, 1, 1, 2])
    assert (told.pair_f1, told.b3_f1, told.ari, told.most_stories_in_one_cluster) == (1, 1, 1, 1)


def test_unsure_pairs_count_neither_way() -> None:
    joined, apart = measured([0, 0, 1], [0, 1, 1], [(0, 1)]), measured([0, 0, 1], [0, 1, 1], [(1, 2)])
    assert (joined.pair_precision, joined.predicted_pairs, joined.true_pairs) == (1, 0, 1)
    assert (apart.pair_recall, apart.predicted_pairs, apart.true_pairs) == (1, 1, 0)
    assert joined.b3_f1 == apart.b3_f1 == measured([0, 0, 1], [0, 1, 1]).b3_f1


def test_a_large_table_is_no_list_of_pairs() -> None:
    told = measured([0] * 200_000, [0] * 100_000 + [1] * 100_000)
    assert told.predicted_pairs == 200_000 * 199_999 // 2
    assert told.pair_precision == pytest.approx(0.5, abs=1e-5)
    assert (told.pair_recall, told.ari) == (1, 0)


# A result beside the truth


def made(stories: dict[str, str], rewrites: list[tuple[str, str, float]] | None = None) -> Result:
    plain = {"relation": None, "words": 1, "boilerplate": 0.0, "copied": 0.0, "unique": 1.0}
    rows = [plain | {"id": i, "title": f"Title {i}", "copy_id": i, "story_id": story} for i, story in stories.items()]
    pairs = [dict(zip(("left", "right", "story_score"), pair, strict=True)) for pair in rewrites or []]
    return Result(
        pa.Table.from_pylist(rows, ARTICLES),
        pa.Table.from_pylist([pair | {"relation": "rewrite"} for pair in pairs], MATCHES),
        SPANS.empty_table(),
        Settings().recorded(),
        {},
    )


def truth(labels: dict[str, str]) -> Truth:
    return Truth(pa.array(labels, pa.large_string()), pa.array(labels.values(), pa.large_string()))


def unsure(*pairs: tuple[str, str]) -> pa.Table:
    return pa.table({side: pa.array([pair[at] for pair in pairs], pa.large_string()) for at, side in enumerate("ab")})


def test_missing_articles_are_alone_and_unlabelled_ones_left_out() -> None:
    result = made({"a": "a", "b": "a", "c": "a", "d": "d"})
    told = Labelled(result, truth({"a": "x", "b": "x", "gone": "x"})).evaluate(5)
    assert (told.missing, told.unlabelled, told.stories, told.clusters) == (1, 2, 1, 2)
    assert (told.single_labels, told.found_stories, told.single_articles) == (0, 1, 0)
    assert (told.scores.articles, told.scores.true_pairs, told.scores.predicted_pairs) == (3, 3, 1)
    assert [error.pairs for error in told.split] == [2]
    assert {told.split[0].left.id, told.split[0].right.id} == {"a", "gone"}
    assert told.split[0].right.title is None


def test_none_of_the_articles_is_an_error() -> None:
    with pytest.raises(CorpusError, match="their ids are such as '1', and those of the result 'a'"):
        Labelled(made({"a": "a"}), truth({"1": "x"}))
    with pytest.raises(CorpusError, match="their ids are others"):
        Labelled(made({}), truth({"1": "x"}))


def test_the_worst_errors_are_those_of_the_most_pairs() -> None:
    found = {**{f"a{i}": "s" for i in range(3)}, **{f"b{i}": "s" for i in range(2)}, "c0": "s", "c1": "t", "d0": "u"}
    labels = {name: name[0] for name in found} | {"d0": "c"}
    rewrites = [("a1", "b1", 0.4), ("a2", "b0", 0.7), ("b0", "c0", 0.9)]
    told = Labelled(made(found, rewrites), truth(labels)).evaluate(2)
    assert [(error.pairs, error.left.id, error.right.id, error.score) for error in told.joined] == [
        (6, "a2", "b0", 0.7),
        (3, "a0", "c0", None),
    ]
    assert told.joined[0].left == evaluation.Side("a2", "a", "Title a2")
    assert [error.pairs for error in told.split] == [1, 1]
    assert told.largest_false_cluster == evaluation.Cluster("s", 6, ("a", "b", "c"))
    assert Labelled(made(found), truth(labels)).evaluate(0).joined == ()


def test_a_perfect_result_has_no_errors() -> None:
    told = Labelled(made({"a": "a", "b": "a", "c": "c"}), truth({"a": "x", "b": "x", "c": "y"})).evaluate(5)
    assert (told.joined, told.split, told.largest_false_cluster) == ((), (), None)


def test_unsure_pairs_are_no_errors() -> None:
    result = made({"a": "a", "b": "a", "c": "a"}, [("a", "c", 0.9)])
    labels = truth({"a": "x", "b": "x", "c": "y"})
    pairs = unsure(("c", "a"), ("a", "c"), ("a", "a"), ("a", "else"))
    told = Labelled(result, labels, pairs).evaluate(5)
    assert told.unsure == 1
    assert [(error.pairs, error.left.id, error.right.id) for error in told.joined] == [(1, "b", "c")]
    assert Labelled(result, labels, unsure(("c", "a"), ("b", "c"))).evaluate(5).joined == ()


def test_copies_are_the_surest_matches() -> None:
    result = made({"a": "a", "b": "a", "c": "a"})
    rows = [
        {"left": "a", "right": "c", "relation": "rewrite", "story_score": 1.0},
        {"left": "b", "right": "c", "relation": "excerpt", "resemblance": 0.2, "containment_left_in_right": 0.3}
        | {"containment_right_in_left": 0.7},
    ]
    copies = Result(result.articles, pa.Table.from_pylist(rows, MATCHES), result.spans, result.settings, {})
    error = Labelled(copies, truth({"a": "x", "b": "x", "c": "y"})).evaluate(1).joined[0]
    assert (error.left.id, error.right.id, error.relation, error.score) == ("b", "c", "excerpt", 0.7)


# Files


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_truth_is_read_from_csv_and_parquet(kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"truth.{kind}"
    if kind == "csv":
        path.write_text('id,kind,event\n007,x,"1, 2"\n8,y,\n,z,3\nNA,z,null\n')
    else:
        table = {"id": ["007", "8", None, "NA"], "event": ["1, 2", None, "3", "null"]}
        pq.write_table(pa.table(table), path)
    told = read_truth(path, "event")
    assert dict(zip(told.ids.to_pylist(), told.labels.to_pylist(), strict=True)) == {"007": "1, 2", "NA": "null"}


def test_numbers_and_categories_are_ids_and_labels(tmp_path: Path) -> None:
    pq.write_table(pa.table({"id": [1, 2], "story": pa.array(["x", "x"]).dictionary_encode()}), tmp_path / "t.parquet")
    told = read_truth(tmp_path / "t.parquet", "story")
    assert (told.ids.to_pylist(), told.labels.to_pylist()) == (["1", "2"], ["x", "x"])


def test_a_column_of_lists_is_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": [["x"]], "b": ["y"]}), tmp_path / "pairs.parquet")
    with pytest.raises(CorpusError, match="column 'a' holds list"):
        read_pairs(tmp_path / "pairs.parquet")


def test_a_damaged_parquet_file_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "t.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(CorpusError, match=r"^[^\n]*t\.parquet: cannot be read as Parquet or CSV \([^\n]*\)$"):
        read_truth(tmp_path / "t.parquet", "story")


# Other thresholds


@pytest.fixture(scope="module")
def loose(sample: Path) -> Result:
    return dedup.find(str(sample), Settings(story_threshold=0.05))


def partition(values: list[Any]) -> set[frozenset[int]]:
    groups: dict[Any, set[int]] = {}
    for place, value in enumerate(values):
        groups.setdefault(value, set()).add(place)
    return {frozenset(group) for group in groups.values()}


@pytest.mark.parametrize("cut", [0.05, 0.275, 0.6, 0.95])
def test_linking_again_gives_what_find_gives(loose: Result, sample: Path, cut: float) -> None:
    found = dedup.find(str(sample), Settings(story_threshold=cut)).articles["story_id"].to_pylist()
    assert partition(relink(loose, cut).tolist()) == partition(found)


def test_the_sweep_goes_upward_from_the_result(loose: Result, sample: Path) -> None:
    labelled = Labelled(loose, read_truth(sample / "labels.csv", "story"))
    cuts = labelled.sweep()
    assert [cut.threshold for cut in cuts] == [step / 20 for step in range(1, 20)]
    assert cuts[0].scores == labelled.evaluate(0).scores
    assert [cut.clusters for cut in cuts] == sorted(cut.clusters for cut in cuts)
    assert all(cut.clusters == cut.found_stories + cut.single_articles for cut in cuts)
    recall = [cut.scores.pair_recall for cut in cuts]
    assert recall == sorted(recall, reverse=True)


def test_a_sweep_needs_stories(loose: Result) -> None:
    copies = Result(loose.articles, loose.matches, loose.spans, Settings(stories=False).recorded(), {})
    with pytest.raises(OutputError, match="make it without --no-stories"):
        evaluation.thresholds(copies)


# On a terminal


def test_the_page_fits_every_width_and_shows_both_ids() -> None:
    found = {"a": "a", "b\x1b[2J": "a", "c": "c"}
    result = made(found, [("a", "b\x1b[2J", 0.7)])
    told = Labelled(result, truth({"a": "大桥被撞" * 20, "b\x1b[2J": "y", "gone": "y"})).evaluate(5)
    cut = evaluation.Cut(0.275, 2, 1, 1, told.scores)
    for width in (40, 80, 120):
        lines = [line.plain for line in (*measures.measures(told, width), *measures.sweep([cut], width))]
        assert all(cell_len(line) <= width and line.isprintable() for line in lines)
        assert any(line.startswith("  rewrite 0.70  ") for line in lines)
        assert any(line.startswith("      1 pair    ") for line in lines)
    assert "  1 article without a label left out" in lines
    assert "  1 labelled article is not in the result: each counts as a story of its own" in lines
    assert any(line.endswith("  y · gone") for line in lines)


def test_found_stories_are_those_that_find_counts(loose: Result, sample: Path) -> None:
    told = Labelled(loose, read_truth(sample / "labels.csv", "story")).evaluate(0)
    assert told.found_stories == summary.summarise(loose, 0).totals.stories
    assert told.clusters == told.found_stories + told.single_articles
    lines = [line.plain for line in measures.measures(told, 120)]
    assert f"found: {told.found_stories} stories and {told.single_articles} single articles" in lines[0]


@pytest.mark.parametrize("width", [60, 80, 100])
def test_ids_and_scores_are_whole_at_every_width(width: int) -> None:
    one, two = "a-very-long-id-of-an-article-0001", "another-very-long-id-of-it-0002"
    told = Labelled(made({one: one, two: one}, [(one, two, 0.7)]), truth({one: "x" * 15, two: "y"})).evaluate(5)
    text = "\n".join(line.plain for line in measures.measures(told, width))
    assert one in text
    assert two in text
    assert "rewrite 0.70" in text


@pytest.mark.parametrize(("width", "heads"), [(60, 4), (80, 6), (100, 8)])
def test_a_narrow_sweep_drops_whole_columns(width: int, heads: int, loose: Result, sample: Path) -> None:
    cuts = Labelled(loose, read_truth(sample / "labels.csv", "story")).sweep()
    lines = [line.plain for line in measures.sweep(cuts, width)]
    assert "pair F1" in lines[2]
    assert all(
        len(line.split("  result")[0].split("  best")[0].split()) == heads + 1 for line in lines[3 : 3 + len(cuts)]
    )
    assert not any("…" in line for line in lines)
