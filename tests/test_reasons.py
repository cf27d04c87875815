"""How an explanation looks: the verdict first, at every width, whatever the articles hold; and its command."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from rich.cells import cell_len
from rich.console import Console

import dedup
from dedup import cli
from dedup.corpus import open_corpus
from dedup.explanation import AROUND, Explainer, explain
from dedup.explanation.reason import Verdict
from dedup.lookup import corpus_of
from dedup.report import reasons, terminal
from dedup.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result as Done

    from dedup.explanation.reason import Explanation

WIDTHS = [40, 60, 100, 140]
PAIRS = [
    ("harbour-bridge-wire", "harbour-bridge-copy"),
    ("harbour-bridge-wire", "harbour-bridge-trim"),
    ("mine-rescue-local", "mine-rescue-wire"),
    ("harbour-bridge-wire", "harbour-bridge-heavy"),
    ("harbour-bridge-light", "harbour-bridge-trim"),
    ("ferry-fire-wire", "ferry-fire-heavy"),
    ("harbour-bridge-wire", "harbour-strike-light"),
    ("harbour-bridge-wire", "rate-cut-wire"),
]
TOLD = "they tell it in other words, with a probability of"
VERDICTS = [
    "One copy group: they have the same words",
    "One copy group: B is an excerpt of A, with a containment of 1.00 (from 0.6 on)",
    "One copy group: near copies, with a resemblance of 0.81 (from 0.8 on)",
    f"One story: {TOLD} 0.81; parts join from 0.275 on, and these stay together up to 0.78",
    f"One story: {TOLD} 1.00; parts join from 0.275 on, and these stay together up to 0.99",
    "Apart: the mean probability between their stories is 0.19, and parts join from 0.275 on",
    "Apart: the mean probability between their stories is 0.00, and parts join from 0.275 on",
    "Apart: 174 hours lie between them, and rewrites are looked for within 48 hours",
]


@pytest.fixture(scope="module")
def explained(sample: Path) -> list[Explanation]:
    result = dedup.find(str(sample))
    explainer = Explainer(result, corpus_of(result))
    return [explainer.explain(*pair) for pair in PAIRS]


@pytest.fixture(scope="module")
def out(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("result") / "out"
    dedup.find(str(sample)).write(folder)
    return folder


def printed(told: Explanation, width: int) -> str:
    to = Console(file=io.StringIO(), width=width, highlight=False, markup=False, emoji=False)
    terminal.show(reasons.reasons(told, width), to)
    assert isinstance(to.file, io.StringIO)
    return to.file.getvalue()


def run(*arguments: str | Path) -> Done:
    return CliRunner().invoke(cli.main, ["explain", *map(str, arguments)])


def test_the_verdict_is_one_sentence(explained: list[Explanation]) -> None:
    assert [reasons.verdict(told) for told in explained] == VERDICTS


@pytest.mark.parametrize("width", WIDTHS)
def test_every_line_fits_and_the_verdict_comes_first(explained: list[Explanation], width: int) -> None:
    for told in explained:
        text = printed(told, width)
        assert max(map(cell_len, text.splitlines())) <= width
        assert " ".join(text.split()).startswith(reasons.verdict(told))


@pytest.mark.parametrize(
    ("value", "threshold", "printed_"),
    [
        (0.1797, 0.18, ("0.1797", "0.18")),
        (0.27496, 0.275, ("0.27", "0.275")),
        (0.2749996, 0.275, ("0.27", "0.275")),
        (0.2950001, 0.3, ("0.295", "0.3")),
        (0.2999999999, 0.3, ("0.2999999999", "0.3")),
        (0.7, 0.71234567, ("0.70", "0.71234567")),
    ],
)
def test_figures_near_a_threshold_are_told_apart(
    value: float, threshold: float, printed_: tuple[str, str], explained: list[Explanation]
) -> None:
    apart = explained[5]
    assert apart.telling is not None
    assert (apart.verdict.rule, apart.verdict.outcome) == ("link", "apart")
    told = replace(
        apart,
        verdict=replace(apart.verdict, value=value, threshold=threshold),
        telling=replace(apart.telling, parts=value, cut=threshold, probability=value, stored=None),
        copies=replace(apart.copies, resemblance=value, near=threshold),
    )
    shown, cut = printed_
    text = " ".join(printed(told, 140).split())
    assert f"is {shown}, and parts join from {cut} on" in text
    assert f"between the two stories {shown} (" in text
    assert f"; they join from {cut}" in text
    assert f"probability of one story {shown}, computed" in text


def test_a_figure_that_is_the_threshold_is_told_as_that(explained: list[Explanation]) -> None:
    near = replace(explained[3], verdict=Verdict("copy group", "near", 0.825, 0.825))
    assert reasons.verdict(near).endswith("with a resemblance of 0.825 (from 0.825 on)")
    over = replace(explained[3], verdict=Verdict("copy group", "near", 0.82500004, 0.825))
    assert reasons.verdict(over).endswith("with a resemblance of 0.83 (from 0.825 on)")


def test_hours_near_the_window_are_told_apart(explained: list[Explanation]) -> None:
    late = replace(explained[7], verdict=Verdict("apart", "window", 48.0003, 48.0))
    assert reasons.verdict(late).startswith(
        "Apart: 48.0003 hours lie between them, and rewrites are looked for within 48"
    )


def test_what_was_tried_is_told(explained: list[Explanation]) -> None:
    assert "  --story-threshold 0.19: they would be in one story, of 7 articles\n" in printed(explained[5], 120)
    assert "  --story-threshold 0.79: they would be apart\n" in printed(explained[3], 120)
    assert "  --window 174: not enough to join them\n" in printed(explained[7], 120)
    assert "  No lower threshold joins them.\n" in printed(explained[6], 120)
    assert "  Nothing: articles with the same words are always" in printed(explained[0], 120)


def test_what_is_alike_stands_beside_each_other(explained: list[Explanation]) -> None:
    text = " ".join(printed(explained[3], 140).split())
    for passage in explained[3].passages:
        assert passage.left in text
        assert passage.right in text


def test_an_article_that_matches_and_joined_another_is_told() -> None:
    a, b, c, d = ([f"{letter}{number}" for number in range(200)] for letter in "abcd")
    texts = [" ".join(words) for words in ([*a[:120], *c], [*b[:120], *d[:150]], [*a[:100], *b[:110]])]
    table = pa.table({"id": ["one", "other", "both"], "text": texts})
    told = explain(dedup.find(table, Settings(excerpt=0.45)), "one", "both", open_corpus(table))
    assert (told.verdict.rule, told.copies.relation, told.copies.instead) == ("elsewhere", "excerpt", "other")
    contained = "with a containment of 0.47 (from 0.45 on)"
    assert reasons.verdict(told) == f"Apart: they match, {contained}, but B joined other, its best match"


HOSTILE = "[red]x[/red] \x1b[2J\u202egnp\u202c\x07 \u2066" + "word " * 400


def test_hostile_texts_reach_no_terminal() -> None:
    body = [f"{HOSTILE} {' '.join(f'w{number}' for number in range(n))}" for n in (80, 90)]
    table = pa.table(
        {"id": ["a\x1b[2J", "b\u202e"], "text": body, "title": [HOSTILE] * 2, "source": ["\x9b31m Post"] * 2}
    )
    result = dedup.find(table)
    text = printed(explain(result, "a\x1b[2J", "b\u202e", open_corpus(table)), 80)
    assert not set("\x1b\x07\x9b\u202e\u2066") & set(text)
    assert "[red]x[/red]" in text


def test_texts_without_words(tmp_path: Path) -> None:
    table = pa.table({"id": ["a", "b", "c"], "text": ["one storm in the harbour at noon", None, "..."]})
    result = dedup.find(table)
    assert reasons.verdict(explain(result, "a", "b", open_corpus(table))) == "Apart: B has no words of its own"
    told = explain(result, "b", "c", open_corpus(table))
    assert reasons.verdict(told) == "Apart: A and B have no words of their own"
    assert "  one has fewer own words than a shingle" in printed(told, 80)
    assert list(tmp_path.iterdir()) == []


def test_part_of_a_corpus_is_said(sample: Path) -> None:
    result = dedup.find(str(sample))
    told = explain(result, *PAIRS[5], corpus_of(result), most=50)
    text = " ".join(printed(told, 100).split())
    assert "Computed again from the 50 articles nearest in time, of 148" in text
    assert "close to its own, not the same" in text


def test_without_stories_it_is_said(sample: Path) -> None:
    result = dedup.find(str(sample), Settings(stories=False))
    told = explain(result, *PAIRS[3], corpus_of(result))
    assert reasons.verdict(told).endswith("reach no threshold, and rewrites were not looked for (--no-stories)")
    assert "  without --no-stories: they would be in one story, of 7 articles\n" in printed(told, 120)


# The command


def test_the_command_prints_the_explanation(out: Path, explained: list[Explanation]) -> None:
    done = run(out, *PAIRS[3])
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout == printed(explained[3], terminal.PIPED_WIDTH)


def test_json_is_one_object(out: Path, explained: list[Explanation]) -> None:
    done = run(out, *PAIRS[5], "--json")
    told: dict[str, Any] = json.loads(done.stdout)
    assert done.stdout.isascii()
    keys = ["verdict", "left", "right", "copies", "telling", "chain", "passages", "changes", "basis"]
    assert list(told) == keys
    assert told["verdict"]["text"] == VERDICTS[5]
    assert told["basis"] == {"articles": 148, "corpus": 148, "changed": 0, "agrees": True, "exact": True}
    assert told["changes"][0]["settings"] == {"story_threshold": 0.19}
    assert told["changes"][0]["holds"] is True
    assert len(told["telling"]["features"]) == len(explained[5].telling.features if explained[5].telling else ())


def test_a_corpus_that_moved_is_named(sample: Path, tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    table = pq.read_table(sample / "news.parquet").rename_columns(
        ["body" if name == "text" else name for name in pq.read_schema(sample / "news.parquet").names]
    )
    pq.write_table(table, tmp_path / "old" / "news.parquet")
    dedup.find(str(tmp_path / "old"), columns={"text": "body"}).write(tmp_path / "out")
    assert run(tmp_path / "out", *PAIRS[1]).exit_code == 0
    (tmp_path / "old").rename(tmp_path / "new")
    done = run(tmp_path / "out", *PAIRS[1])
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.endswith("no such file or folder; say where the corpus of the result is now (--corpus)\n")
    assert run(tmp_path / "out", *PAIRS[1], "--corpus", tmp_path / "new").exit_code == 0


@pytest.mark.parametrize(
    ("pair", "status", "message"),
    [
        (("ferry-fire-wire", "ferry-fire-wire"), 2, "A and B are both 'ferry-fire-wire': name two articles"),
        (("ferry-fire-wire", "ferry-fire-wore"), 1, "no article's id is 'ferry-fire-wore'; there is 'ferry-fire-wire'"),
        (("ferry-fire-wire", "\x1b[2J"), 1, "no article's id is '\\x1b[2J'"),
        (("ferry-fire-wire",), 2, "Missing argument 'B'"),
    ],
)
def test_wrong_pairs_are_refused(out: Path, pair: tuple[str, ...], status: int, message: str) -> None:
    done = run(out, *pair)
    assert (done.exit_code, done.stdout) == (status, "")
    assert message in done.stderr
    assert "\x1b" not in done.stderr


def test_the_default_is_that_of_the_library() -> None:
    option = next(one for one in cli.main.commands["explain"].params if one.name == "articles")
    assert option.default == AROUND
