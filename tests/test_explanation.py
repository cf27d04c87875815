"""Explanations agree with the result, and what they say would change it does when it is done."""

from __future__ import annotations

import math
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support import RECIPE, column, thorough

import dedup
from dedup import sketch, text
from dedup.corpus import open_corpus
from dedup.errors import CorpusError, OutputError
from dedup.explanation import Explainer, explain
from dedup.explanation import reason as reasons
from dedup.lookup import corpus_of
from dedup.result import Result
from dedup.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from dedup.explanation.reason import Change, Explanation

SIGMAS = 4
TEXT = "the harbour bridge at Keldmouth was struck by a grain carrier before dawn and both lanes are shut"


@pytest.fixture(scope="module")
def result(sample: Path) -> Result:
    return dedup.find(str(sample))


@pytest.fixture(scope="module")
def explainer(result: Result) -> Explainer:
    return Explainer(result, corpus_of(result))


def groups(result: Result, column: str) -> dict[str, str]:
    return dict(zip(result.articles["id"].to_pylist(), result.articles[column].to_pylist(), strict=True))


def pairs_within(result: Result, column: str) -> Iterator[tuple[str, str]]:
    of = groups(result, column)
    for left, right in combinations(of, 2):
        if of[left] == of[right]:
            yield left, right


# The numbers are those of the result


def check_match(told: Explanation, match: dict[str, Any]) -> None:
    """Assert that an explanation of (left, right) says what matches.parquet says."""
    assert told.basis.exact
    if match["relation"] == "rewrite":
        assert told.telling is not None
        assert told.telling.stored == match["story_score"]
        assert told.telling.probability == match["story_score"]
        assert told.verdict.rule == "rewrite"
        assert told.verdict.value == match["story_score"]
        return
    copies = told.copies
    exact = (copies.resemblance, copies.left_in_right, copies.right_in_left)
    assert exact == tuple(match[name] for name in list(match)[3:6])
    assert abs(copies.estimate - copies.resemblance) <= SIGMAS * copies.error + 1e-12
    assert copies.relation == match["relation"]
    assert copies.compared != (match["relation"] == "identical")
    assert len(copies.bands) > 0 or copies.keys_shared >= copies.keys_needed
    if copies.instead is None:
        assert told.verdict.rule == match["relation"]
        assert told.verdict.value == (copies.contained if match["relation"] == "excerpt" else copies.resemblance)
    else:
        assert told.left.copy_id != told.right.copy_id


@pytest.mark.no_cover
def test_every_match_of_the_sample_is_explained_by_its_own_numbers(result: Result, explainer: Explainer) -> None:
    for match in result.matches.to_pylist():
        check_match(explainer.explain(match["left"], match["right"]), match)


def test_either_order_tells_the_same(explainer: Explainer) -> None:
    one = explainer.explain("ferry-fire-wire", "ferry-fire-light")
    two = explainer.explain("ferry-fire-light", "ferry-fire-wire")
    assert one.copies.left_in_right == two.copies.right_in_left
    assert one.verdict == two.verdict
    assert [change.settings for change in one.changes] == [change.settings for change in two.changes]


@pytest.mark.no_cover
def test_every_match_of_real_rewrites_is_explained_by_its_own_numbers(shared_data: Path) -> None:
    made = dedup.find(str(shared_data / "wire_dev.parquet"))
    explainer = Explainer(made, corpus_of(made))
    for match in made.matches.to_pylist()[::3]:
        check_match(explainer.explain(match["left"], match["right"]), match)


def test_copies_without_boilerplate_and_stories(sample: Path) -> None:
    made = dedup.find(str(sample), Settings(stories=False, boilerplate=False))
    explainer = Explainer(made, corpus_of(made))
    for match in made.matches.to_pylist()[::5]:
        check_match(explainer.explain(match["left"], match["right"]), match)


@pytest.mark.no_cover
def test_points_add_up_to_the_probability(result: Result, explainer: Explainer) -> None:
    seen = 0
    for match in result.matches.to_pylist():
        if match["relation"] == "rewrite":
            telling = explainer.explain(match["left"], match["right"]).telling
            assert telling is not None
            odds = telling.points + sum(feature.points for feature in telling.features)
            assert 1 / (1 + math.exp(-odds)) == pytest.approx(telling.probability, abs=1e-9)
            seen += 1
    assert seen > 20


def test_pairs_that_were_never_compared_are_explained(result: Result, explainer: Explainer) -> None:
    """Of copy groups and stories every pair has a verdict that fits, and the steps between are matches."""
    matched = {frozenset((row["left"], row["right"])): row["story_score"] or 0.0 for row in result.matches.to_pylist()}
    rules = set()
    for left, right in pairs_within(result, "story_id"):
        told = explainer.explain(left, right)
        rules.add(told.verdict.rule)
        assert told.verdict.outcome == ("copy group" if told.left.copy_id == told.right.copy_id else "story")
        for step in told.chain:
            assert frozenset((step.id, step.other_id)) in matched
        if told.verdict.rule == reasons.CHAIN:
            assert {left, right} < {name for step in told.chain for name in (step.id, step.other_id)}
        if told.telling is not None:
            assert told.telling.together_up_to is not None
            # The strongest path is single linkage, which joins no later than average linkage does.
            assert all(step.score >= told.telling.together_up_to - 1e-9 for step in told.chain)
    assert rules >= {"identical", "near", "excerpt", "rewrite"}


def test_a_chain_leads_from_one_to_the_other() -> None:
    base = [f"word{number}" for number in range(200)]
    texts = [" ".join(base), " ".join(base[:130]), " ".join(base[70:])]
    made, table = _made(texts, excerpt=0.6)
    told = explain(made, "1", "2", open_corpus(table))
    assert told.verdict.rule == reasons.CHAIN
    assert [(step.id, step.other_id, step.relation) for step in told.chain] == [
        ("1", "0", "excerpt"),
        ("2", "0", "excerpt"),
    ]
    assert told.copies.relation is None


def test_signatures_without_boilerplate_are_those_of_the_other_words() -> None:
    texts = [TEXT, f"{TEXT} {TEXT.upper()} and more"]
    tokens = text.token_hashes([text.views(column(texts))])
    nothing = np.zeros(len(tokens.hashes), np.bool_)
    assert (sketch.signatures_kept(tokens, nothing, RECIPE) == sketch.signatures(column(texts), RECIPE)).all()
    first = np.arange(len(nothing)) < 3
    rest = " ".join(TEXT.split()[3:])
    kept = sketch.signatures_kept(tokens, first, RECIPE)
    assert (kept[0] == sketch.signatures(column([rest]), RECIPE)[0]).all()


# What would have to change


def applied(corpus: object, settings: Settings, change: Change) -> Result:
    values: dict[str, Any] = settings.recorded() | dict(change.settings)
    return dedup.find(corpus, Settings.of(**values))


def check_changes(corpus: object, made: Result, told: Explanation) -> None:
    """Assert that every change named does with ``find`` what the explanation says."""
    for change in told.changes:
        again = applied(corpus, Settings.of(**made.settings), change)
        copy = told.telling is None or change.wanted == reasons.ONE_GROUP
        of = groups(again, "copy_id" if copy else "story_id")
        assert (of[told.left.id] == of[told.right.id]) == (change.outcome != reasons.APART)
        if change.outcome != reasons.APART:
            assert list(of.values()).count(of[told.left.id]) == change.size


@pytest.mark.parametrize(
    ("values", "pair", "changed"),
    [
        ({"near": 0.95, "excerpt": 1.0}, ("mine-rescue-local", "mine-rescue-wire"), {"near": 0.8}),
        ({"excerpt": 0.9}, ("mine-rescue-light", "mine-rescue-wire"), {"excerpt": 0.71}),
        ({"window": 2.0}, ("ferry-fire-wire", "ferry-fire-brief"), {"window"}),
        ({}, ("ferry-fire-wire", "ferry-fire-heavy"), {"story_threshold": 0.19}),
        ({"window": 2.0, "story_threshold": 0.9}, ("harbour-bridge-wire", "harbour-bridge-heavy"), {"window"}),
        ({"stories": False}, ("harbour-bridge-wire", "harbour-bridge-heavy"), {"stories": True}),
        ({"excerpt_shingles": 400}, ("mine-rescue-light", "mine-rescue-wire"), {"excerpt_shingles"}),
        ({"partners": 1}, ("school-phones-wire", "school-phones-heavy"), None),
    ],
)
def test_a_suggested_change_joins(sample: Path, values: Any, pair: tuple[str, str], changed: Any) -> None:
    made = dedup.find(str(sample), Settings.of(**values))
    told = explain(made, *pair, corpus_of(made))
    if changed is not None:
        assert told.verdict.outcome != reasons.ONE_GROUP
        joining = [change for change in told.changes if change.holds and change.wanted != reasons.APART]
        named = [change.settings if isinstance(changed, dict) else set(change.settings) & changed for change in joining]
        assert changed in named
    check_changes(str(sample), made, told)


def test_a_suggested_change_parts(sample: Path, result: Result, explainer: Explainer) -> None:
    for pair in (("ferry-fire-wire", "ferry-fire-light"), ("harbour-bridge-wire", "harbour-bridge-heavy")):
        told = explainer.explain(*pair)
        assert any(change.holds and change.outcome == reasons.APART for change in told.changes)
        check_changes(str(sample), result, told)


def test_a_gap_beyond_the_window_is_the_rule(sample: Path) -> None:
    made = dedup.find(str(sample), Settings(window=2.0))
    told = explain(made, "ferry-fire-wire", "ferry-fire-brief", corpus_of(made))
    assert (told.verdict.rule, told.verdict.threshold) == (reasons.WINDOW, 2.0)
    assert told.telling is not None
    assert told.telling.hours == told.verdict.value
    assert told.telling.probability is None


def test_unrelated_articles_share_too_few_terms(result: Result, explainer: Explainer) -> None:
    by_time = result.articles.sort_by("published")["id"].to_pylist()
    found = [explainer.explain(left, right) for left, right in zip(by_time, by_time[3:], strict=False)]
    few = [told for told in found if told.verdict.rule == reasons.TERMS]
    assert len(few) > 10
    for told in few:
        assert told.telling is not None
        assert told.verdict.value == len(told.telling.terms) < told.telling.needed == told.verdict.threshold
        assert told.telling.hours is not None
        assert told.telling.hours <= told.telling.window


def test_shared_terms_are_words_of_the_article(explainer: Explainer) -> None:
    told = explainer.explain("ferry-fire-wire", "ferry-fire-heavy")
    assert told.telling is not None
    assert {"Pellwick", "coastguard"} <= set(told.telling.terms)
    assert told.telling.parts is not None
    assert told.verdict.value == told.telling.parts < told.telling.cut


# Part of a corpus


def test_of_a_large_corpus_the_nearest_are_read(result: Result) -> None:
    corpus = corpus_of(result)
    whole = explain(result, "ferry-fire-wire", "ferry-fire-brief", corpus)
    part = explain(result, "ferry-fire-wire", "ferry-fire-brief", corpus, most=60)
    assert (part.basis.articles, part.basis.corpus, part.basis.exact) == (60, 148, False)
    assert part.verdict == whole.verdict
    assert part.telling is not None
    assert part.telling.probability == pytest.approx(whole.verdict.value, abs=0.15)
    assert [change.settings for change in part.changes] == [change.settings for change in whole.changes]


# Bad input


def _made(texts: Sequence[str | None], ids: list[str] | None = None, **values: Any) -> tuple[Result, pa.Table]:
    table = pa.table({"id": ids or [str(number) for number in range(len(texts))], "text": pa.array(texts, pa.string())})
    settings = thorough(**values) if values else Settings()
    return dedup.find(table, settings), table


def test_an_id_that_is_not_there_suggests_others(result: Result) -> None:
    for wrong, like in (("ferry-fire-wires", "ferry-fire-wire"), ("FERRY-FIRE", "ferry-fire-wire")):
        with pytest.raises(OutputError, match=f"no article's id is '{wrong}'; there is .*{like}"):
            explain(result, wrong, "ferry-fire-copy", corpus_of(result))
    with pytest.raises(OutputError, match=r"no article's id is 'ÿ'$"):
        explain(result, "ferry-fire-copy", "ÿ", corpus_of(result))


def test_one_article_is_no_pair(result: Result) -> None:
    with pytest.raises(OutputError, match="'ferry-fire-copy' is one article; name two"):
        explain(result, "ferry-fire-copy", "ferry-fire-copy", corpus_of(result))


def test_a_table_in_memory_needs_a_corpus() -> None:
    made, table = _made([TEXT] * 2)
    with pytest.raises(CorpusError, match="made from a table in memory"):
        corpus_of(made)
    assert explain(made, "0", "1", open_corpus(table)).verdict.rule == "identical"


def test_a_corpus_that_lost_an_article_is_refused(sample: Path, result: Result, tmp_path: Path) -> None:
    table = pq.read_table(sample / "news.parquet")
    for lost, message in (("ferry-fire-copy", "'ferry-fire-copy'"), ("rate-cut-wire", "'rate-cut-wire'")):
        rest = table.filter(pa.array([name != lost for name in table["id"].to_pylist()]))
        pq.write_table(rest, tmp_path / "news.parquet")
        with pytest.raises(CorpusError, match=f"no article with the id {message}; the corpus is not the one"):
            explain(result, "ferry-fire-wire", "ferry-fire-copy", corpus_of(result, str(tmp_path)))


def test_a_corpus_whose_texts_changed_is_refused(sample: Path, result: Result, tmp_path: Path) -> None:
    table = pq.read_table(sample / "news.parquet")
    ids = table["id"].to_pylist()

    def with_more(name: str) -> str:
        texts = [
            f"{text} And more" if one == name else text
            for one, text in zip(ids, table["text"].to_pylist(), strict=True)
        ]
        pq.write_table(
            table.set_column(table.column_names.index("text"), "text", pa.array(texts)), tmp_path / "n.parquet"
        )
        return str(tmp_path)

    pair = ("ferry-fire-wire", "ferry-fire-copy")
    with pytest.raises(CorpusError, match=r"'ferry-fire-copy' has 323 words, and had 321 when the result was made"):
        explain(result, *pair, corpus_of(result, with_more("ferry-fire-copy")))
    texts = [
        "Word." if one == "ferry-fire-copy" else text for one, text in zip(ids, table["text"].to_pylist(), strict=True)
    ]
    pq.write_table(table.set_column(table.column_names.index("text"), "text", pa.array(texts)), tmp_path / "n.parquet")
    with pytest.raises(CorpusError, match=r"'ferry-fire-copy' has 1 word, and had 321 when"):
        explain(result, *pair, corpus_of(result, str(tmp_path)))
    told = explain(result, *pair, corpus_of(result, with_more("rate-cut-wire")))
    assert (told.basis.changed, told.basis.exact) == (1, False)


def test_articles_that_came_later_change_nothing(sample: Path, result: Result, tmp_path: Path) -> None:
    table = pq.read_table(sample / "news.parquet")
    more = table.slice(0, 3).set_column(table.column_names.index("id"), "id", pa.array(["x", "y", "z"]))
    pq.write_table(pa.concat_tables([more, table]), tmp_path / "news.parquet")
    pair = ("ferry-fire-wire", "ferry-fire-heavy")
    assert explain(result, *pair, corpus_of(result, str(tmp_path))) == explain(result, *pair, corpus_of(result))


def test_any_id_will_do() -> None:
    ids = ["a#b/c", "-x", " ", "'\"\x1b[2J"]
    made, table = _made([TEXT] * 4, ids)
    for left, right in combinations(ids, 2):
        assert explain(made, left, right, open_corpus(table)).verdict.rule == "identical"


@pytest.mark.parametrize("empty", [None, "", "...", "\n \n"])
def test_articles_without_text(empty: str | None) -> None:
    made, table = _made([TEXT, empty, empty])
    for pair in (("0", "1"), ("1", "2")):
        told = explain(made, *pair, open_corpus(table))
        assert (told.verdict.outcome, told.verdict.rule) == (reasons.APART, reasons.NO_TEXT)
        assert told.copies.short
        assert (told.copies.bands, told.changes, told.passages) == ((), (), ())


def test_a_text_below_a_shingle_is_nobodys_copy() -> None:
    made, table = _made([TEXT, "the harbour bridge", "the harbour bridge"])
    for pair in (("0", "1"), ("1", "2")):
        told = explain(made, *pair, open_corpus(table))
        assert told.verdict.outcome == reasons.APART
        assert (told.copies.short, told.copies.relation, told.copies.identical) == (True, None, False)


def test_a_result_of_other_settings_is_refused(result: Result) -> None:
    other = Result(
        result.articles, result.matches, result.spans, {**result.settings, "colour": 3}, {}, result.corpus, "9.9"
    )
    with pytest.raises(OutputError, match=r"made by dedup 9\.9 with settings that this version does not take"):
        explain(other, "ferry-fire-wire", "ferry-fire-copy", corpus_of(result))


def test_years_beyond_the_calendar() -> None:
    table = pa.table(
        {
            "id": ["a", "b"],
            "text": [TEXT] * 2,
            "published": pa.array([1 << 61, 0], pa.timestamp("us", tz="UTC")),
        }
    )
    told = explain(dedup.find(table), "a", "b", open_corpus(table))
    assert told.left.published is None
    assert told.verdict.rule == "identical"
