"""Pairs near the thresholds, the answers to them, and what they tell: estimates, suggestions, and the dialogue."""

from __future__ import annotations

import csv
import json
import os
import pty
import re
import select
import subprocess
import sys
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from support import ROOT

from dedup import cli, tuning
from dedup.errors import CorpusError
from dedup.pipeline import find
from dedup.settings import Settings
from dedup.tuning import KINDS, Pair, allot, evaluate, read_labels, wilson, write_labels

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result
    from numpy.typing import NDArray

RUN = "from dedup.cli import main; main(prog_name='dedup')"
PLAIN = Settings()


# Which pairs ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def planned(sample: Path) -> tuple[Pair, ...]:
    return tuning.plan(str(sample), PLAIN, 40)


def test_a_plan_is_near_the_thresholds(planned: tuple[Pair, ...]) -> None:
    assert len(planned) == 40
    assert {kind: sum(pair.kind == kind for pair in planned) for kind in KINDS} == {
        "near": 14,
        "excerpt": 13,
        "story": 13,
    }
    for pair in planned:
        threshold = {"near": 0.8, "excerpt": 0.6, "story": 0.275}[pair.kind]
        assert pair.low <= pair.score <= pair.high
        assert abs(pair.score - threshold) <= 0.25
        assert pair.answer == ""
    assert len({(pair.left, pair.right, pair.kind) for pair in planned}) == 40


def test_the_strata_hold_all_pairs_of_their_scores(planned: tuple[Pair, ...], sample: Path) -> None:
    finer = Settings(near=0.6, excerpt=0.35, rows=4, bands=32, stories=False)
    copies = [row for row in find(sample, finer).matches.to_pylist() if row["relation"] != "identical"]
    stories = find(sample, Settings(story_threshold=0.025)).matches.to_pylist()
    scores = {
        "near": [row["resemblance"] for row in copies],
        "excerpt": [row["containment_right_in_left"] for row in copies if row["resemblance"] < 0.8],
        "story": [row["story_score"] for row in stories if row["story_score"] is not None],
    }
    for pair in planned:
        inside = [score for score in scores[pair.kind] if pair.low <= score < pair.high]
        assert pair.there == len(inside)


def test_a_plan_does_not_depend_on_the_order_of_the_corpus(planned: tuple[Pair, ...], sample: Path) -> None:
    table = pq.read_table(sample / "news.parquet")
    mixed = table.take(pa.array(np.random.default_rng(3).permutation(len(table))))
    assert tuning.plan(mixed, PLAIN, 40) == planned


def test_a_larger_plan_takes_all_that_there_is(sample: Path) -> None:
    plan = tuning.plan(str(sample), Settings(stories=False), 10_000)
    assert {pair.kind for pair in plan} == {"near", "excerpt"}
    for pair in plan:
        assert pair.there == sum((pair.kind, pair.low) == (other.kind, other.low) for other in plan)


@pytest.mark.parametrize(
    ("there", "wanted", "shares"),
    [
        ([10, 10, 10], 9, [3, 3, 3]),
        ([10, 10, 10], 10, [4, 3, 3]),
        ([1, 10, 0], 8, [1, 7, 0]),
        ([2, 2], 9, [2, 2]),
        ([], 9, []),
        ([5], 0, [0]),
    ],
)
def test_what_one_stratum_has_not_the_others_give(there: list[int], wanted: int, shares: list[int]) -> None:
    assert allot(there, wanted) == shares


# What the answers tell ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("yes", "trials", "low", "high"),
    [(0, 10, 0.0, 0.2775), (8, 10, 0.4902, 0.9433), (10, 10, 0.7225, 1.0), (50, 100, 0.4038, 0.5962)],
)
def test_wilson_intervals_are_those_of_the_tables(yes: int, trials: int, low: float, high: float) -> None:
    told = wilson(yes / trials, trials)
    assert (told.share, told.low, told.high) == pytest.approx((yes / trials, low, high), abs=1e-4)


def answered(scores: list[float], answers: str, kind: str = "near") -> list[Pair]:
    return [
        Pair(f"l{at}", f"r{at}", kind, score, answer.strip(), 0.6, 1.0, len(scores))
        for at, (score, answer) in enumerate(zip(scores, answers, strict=True))
    ]


def test_precision_and_recall_are_counted() -> None:
    (told,) = evaluate(answered([0.62, 0.7, 0.75, 0.85, 0.9, 0.95, 0.99], "nyn?yny"), PLAIN)
    assert (told.kind, told.setting, told.threshold) == ("near", "near", 0.8)
    assert (told.yes, told.no, told.unsure, told.open, told.there, told.unjudged) == (3, 3, 1, 0, 7, 0)
    force = next(cut for cut in told.cuts if cut.threshold == 0.8)
    for estimate in (force.precision, force.recall):
        assert estimate is not None
        assert asdict(estimate) == pytest.approx(asdict(wilson(2 / 3, 3)))
    assert force.wrong == pytest.approx(2 / 6)


def test_answers_count_for_the_pairs_of_their_stratum() -> None:
    """Of 90 pairs below, one of two is right; of 10 above, all of two: the effective answers are fewer than four."""
    below = [Pair(f"{at}", "r", "near", 0.7, answer, 0.6, 0.8, 90) for at, answer in enumerate("yn")]
    above = [Pair(f"{at}", "s", "near", 0.9, "y", 0.8, 1.0, 10) for at in range(2)]
    (told,) = evaluate([*below, *above, Pair("x", "y", "near", 0.65, "?", 0.6, 0.8, 90)], PLAIN)
    assert told.there == 100
    force = next(cut for cut in told.cuts if cut.threshold == 0.8)
    assert force.precision == wilson(1.0, 2)
    assert force.recall is not None
    assert force.recall.share == pytest.approx(10 / 55)
    assert force.recall.low == pytest.approx(wilson(10 / 55, 55**2 / (45**2 + 5**2 + 5**2)).low)
    assert force.wrong == pytest.approx(0.45)


def test_strata_without_an_answer_are_told() -> None:
    pairs = [Pair("a", "b", "near", 0.7, "?", 0.6, 0.8, 30), Pair("c", "d", "near", 0.9, "y", 0.8, 1.0, 5)]
    assert [(told.there, told.unjudged) for told in evaluate(pairs, PLAIN)] == [(35, 30)]
    (untouched,) = evaluate([replace(pair, answer="") for pair in pairs], PLAIN)
    assert (untouched.cuts, untouched.suggested, untouched.open) == ((), None, 2)


def sampled(random: np.random.Generator, scores: NDArray[np.float64], right: NDArray[np.bool_]) -> list[Pair]:
    """Draw ten pairs from each of four strata of unequal size."""
    pairs = []
    for low in (0.6, 0.7, 0.8, 0.9):
        inside = np.flatnonzero((scores >= low) & (scores < low + 0.1))
        pairs += [
            Pair(str(at), "r", "near", float(scores[at]), "y" if right[at] else "n", low, low + 0.1, len(inside))
            for at in random.choice(inside, 10, replace=False)
        ]
    return pairs


def test_estimates_are_right_on_average_and_the_intervals_hold() -> None:
    """4,000 pairs, most of them low; a pair is right with a probability that rises with its score."""
    random = np.random.default_rng(11)
    scores = 0.6 + 0.4 * random.beta(1, 3, 4000) * 0.999
    right = random.random(4000) < (scores - 0.5) * 2
    kept = scores >= 0.8
    wanted = {"precision": right[kept].mean(), "recall": kept[right].mean(), "wrong": (kept != right).mean()}
    found: dict[str, list[float]] = {name: [] for name in wanted}
    held = {"precision": 0, "recall": 0}
    for _ in range(300):
        (told,) = evaluate(sampled(random, scores, right), PLAIN)
        force = next(cut for cut in told.cuts if cut.threshold == 0.8)
        found["wrong"].append(force.wrong)
        for name in held:
            estimate = getattr(force, name)
            found[name].append(estimate.share)
            held[name] += estimate.low <= wanted[name] <= estimate.high
    for name, value in wanted.items():
        assert np.mean(found[name]) == pytest.approx(value, abs=0.02), name
    assert min(held.values()) >= 0.9 * 300


def test_the_suggestion_has_the_fewest_wrong_pairs() -> None:
    scores = [0.62, 0.65, 0.68, 0.71, 0.75, 0.85, 0.95]
    (told,) = evaluate(answered(scores, "nnnyyyy"), PLAIN)
    assert (told.suggested, told.at_edge) == (0.71, False)  # of 0.69 to 0.71 the nearest to 0.8
    assert next(cut for cut in told.cuts if cut.threshold == 0.71).wrong == 0
    (same,) = evaluate(answered(scores, "nnnnyyy"), Settings(near=0.73))
    assert (same.suggested, same.threshold) == (0.73, 0.73)


def test_a_suggestion_at_the_end_of_the_band_says_so() -> None:
    (told,) = evaluate(answered([0.61, 0.611, 0.612, 0.613, 0.7, 0.9, 0.91, 0.93], "yyyynnny"), PLAIN)
    assert (told.suggested, told.at_edge) == (0.61, True)


def test_one_kind_of_answer_suggests_nothing() -> None:
    for answers in ("yyyyyyn", "nnnnnny", "???????", "       "):
        (told,) = evaluate(answered([0.62, 0.65, 0.68, 0.71, 0.75, 0.85, 0.95], answers), PLAIN)
        assert told.suggested is None


# The labels file ------------------------------------------------------------------------------------------------------

names = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=8)
a_pair = st.builds(
    Pair,
    names,
    names,
    st.sampled_from(KINDS),
    st.floats(0, 1),
    st.sampled_from(tuning.ANSWERS),
    st.floats(0, 1),
    st.floats(0, 1),
    st.integers(0, 1 << 40),
)


@given(st.lists(a_pair, min_size=1, max_size=5), st.sampled_from(["tune.csv", "tune.parquet"]))
def test_labels_survive_their_file(tmp_path_factory: pytest.TempPathFactory, pairs: list[Pair], name: str) -> None:
    folder = tmp_path_factory.mktemp("labels")
    for _ in range(2):  # an earlier one is replaced
        write_labels(folder / name, pairs)
    assert read_labels(folder / name) == tuple(pairs)
    assert [entry.name for entry in folder.iterdir()] == [name]


def test_labels_of_others_need_five_columns(tmp_path: Path) -> None:
    (tmp_path / "tune.csv").write_text("answer,score,right,left,kind,by\ny,0.75,b,a,near,me\n,0.7,d,c,near,\n")
    pairs = read_labels(tmp_path / "tune.csv")
    assert pairs == (Pair("a", "b", "near", 0.75, "y"), Pair("c", "d", "near", 0.7))
    (told,) = evaluate(pairs, PLAIN)
    assert (told.there, told.yes, told.open) == (2, 1, 1)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read as CSV or Parquet (No such file or directory)"),
        (b"", "no column 'left'; a labels file has left, right, kind, score, answer. Name another with --labels"),
        (b"left,right,kind,score\n", "no column 'answer'"),
        (b"left,right,kind,score,answer\n", "holds no pairs; delete it"),
        (b"left,right,kind,score,answer\na,b,far,0.5,y\n", "row 1, column 'kind' holds 'far'; expected near, excerpt"),
        (b"left,right,kind,score,answer\na,b,near,0.5,yes\n", "row 1, column 'answer' holds 'yes'; expected y, n, ?"),
        (b"left,right,kind,score,answer\na,b,near,2,y\n", "row 1, column 'score' holds '2'; expected a number from 0"),
        (b"left,right,kind,score,answer\na,b,near,0.5,y\na,b,near,x,y\n", "row 2, column 'score' holds 'x'"),
        (b"left,right,kind,score,answer\na,,near,0.5,y\n", "row 1, column 'right' is empty"),
        (b"left,right,kind,score,answer,there\na,b,near,0.5,y,-1\n", "row 1, column 'there' holds '-1'"),
        (b"\xff\xfe", "cannot be read as CSV or Parquet ("),
        (b"PAR1 and no more", "cannot be read as CSV or Parquet ("),
    ],
)
def test_what_is_no_labels_file_is_refused(content: bytes | None, message: str, tmp_path: Path) -> None:
    file = tmp_path / "tune.csv"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(CorpusError) as caught:
        read_labels(file)
    assert str(caught.value).startswith(f"{file}: {message}")
    assert "\n" not in str(caught.value)


# The verb -------------------------------------------------------------------------------------------------------------


def run(*arguments: str | Path, answers: str = "") -> Result:
    return CliRunner().invoke(cli.main, ["tune", *map(str, arguments)], input=answers)


def written(file: Path) -> list[str]:
    with file.open(encoding="utf-8", newline="") as text:
        return [row["answer"] for row in csv.DictReader(text)]


@pytest.fixture
def labels(planned: tuple[Pair, ...], tmp_path: Path) -> Path:
    write_labels(tmp_path / "tune.csv", planned)
    return tmp_path / "tune.csv"


def test_answers_are_asked_saved_and_reported(sample: Path, tmp_path: Path, planned: tuple[Pair, ...]) -> None:
    file = tmp_path / "tune.csv"
    done = run(sample, "--labels", file, answers="y\nNo\n?\nquit\n")
    assert done.exit_code == 0, done.stderr
    assert written(file) == ["y", "n", "?", *[""] * 37]
    assert [replace(pair, answer="") for pair in read_labels(file)] == list(planned)
    assert re.search(r"^near +near = 0\.8$", done.stdout, re.MULTILINE)
    assert "answers: 1 y, 1 n, 1 ?, 11 not asked yet" in done.stdout
    assert "Pair 4 of 40   near" in done.stderr
    assert "Is this one article twice, apart from small edits?" in done.stderr
    assert done.stderr.endswith(f"Saved in {file}; 37 of 40 pairs are left: the same command goes on\n")


def test_a_question_does_not_tell_the_score(sample: Path, labels: Path) -> None:
    asked = run(sample, "--labels", labels, answers="y\n" * 3).stderr
    assert "= copied   ~ reworded" in asked
    assert not re.search(r"resemblance|containment|probability|Copied|\d %", asked)


def test_the_same_command_goes_on(sample: Path, labels: Path) -> None:
    assert run(sample, "--labels", labels, answers="y\nn\n").exit_code == 0
    done = run(sample, "--labels", labels, answers="?\n")
    assert "Pair 3 of 40" in done.stderr
    assert "Pair 1 of 40" not in done.stderr
    assert written(labels)[:4] == ["y", "n", "?", ""]


def test_back_asks_again(sample: Path, labels: Path) -> None:
    done = run(sample, "--labels", labels, answers="back\ny\nn\nb\nb\n?\ny\n")
    assert written(labels)[:4] == ["?", "n", "y", ""]
    assert re.findall(r"^Pair (\d+) of 40", done.stderr, re.MULTILINE) == ["1", "1", "2", "3", "2", "1", "3", "4"]


def test_all_answered_is_only_reported(sample: Path, labels: Path) -> None:
    done = run(sample, "--labels", labels, answers="".join("n\n" if at % 3 else "y\n" for at in range(40)))
    assert done.stderr.endswith(f"Saved in {labels}; all are answered\n")
    again = run(sample, "--labels", labels)
    assert (again.exit_code, again.stdout) == (0, done.stdout)
    assert again.stdout == run("--labels", labels, "--report").stdout
    assert max(map(len, again.stdout.splitlines())) <= 120


def test_json_is_one_object(labels: Path) -> None:
    write_labels(labels, [replace(pair, answer="yn"[at % 2]) for at, pair in enumerate(read_labels(labels))])
    done = run("--labels", labels, "--report", "--json", "--near", "0.75")
    told = json.loads(done.stdout)["thresholds"]
    assert [one["kind"] for one in told] == ["near", "excerpt", "story"]
    assert [one["setting"] for one in told] == ["near", "excerpt", "story_threshold"]
    assert told[0]["threshold"] == 0.75
    assert any(cut["threshold"] == 0.75 for cut in told[0]["cuts"])
    assert {"share", "low", "high"} == set(told[0]["cuts"][0]["precision"])
    asked = run("corpus/", "--labels", labels, "--json")
    assert json.loads(asked.stdout)["thresholds"][0]["threshold"] == 0.8


def test_parquet_labels(sample: Path, tmp_path: Path) -> None:
    file = tmp_path / "tune.parquet"
    assert run(sample, "--labels", file, "--pairs", "4", answers="y\nn\n").exit_code == 0
    assert pq.read_table(file)["answer"].to_pylist() == ["y", "n", "", ""]


def test_without_answers_nothing_is_begun(sample: Path, tmp_path: Path) -> None:
    done = run(sample, "--labels", tmp_path / "tune.csv")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "no answers: stdin is not a terminal, and it is empty." in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_answer_is_told_and_the_others_are_kept(sample: Path, labels: Path) -> None:
    done = run(sample, "--labels", labels, answers="y\nperhaps\nn\n")
    assert done.exit_code == 1
    expected = "stdin, line 2: 'perhaps' is none of y, n, ?, back, more or quit; the answers before it are saved"
    assert done.stderr.splitlines()[-1] == f"dedup: error: {expected}"
    assert written(labels)[:2] == ["y", ""]


def test_wrong_use_is_refused(sample: Path, labels: Path, tmp_path: Path) -> None:
    wrong: list[tuple[list[str | Path], int, str]] = [
        (["--labels", labels], 2, "Missing argument 'CORPUS'; only --report needs none."),
        ([sample, "--labels", labels, "--pairs", "30"], 2, f"{labels} is there, with 40 pairs: leave --pairs out"),
        ([sample, "--labels", sample / "tune.csv"], 1, "lies in the corpus"),
        ([sample, "--labels", sample / "labels.csv"], 1, "labels.csv: no column 'left'; a labels file has"),
        ([tmp_path / "no", "--labels", tmp_path / "new.csv"], 1, "no: no such file or folder"),
        (["--labels", tmp_path / "new.csv", "--report"], 1, "new.csv: cannot be read"),
        ([sample / "labels.csv", "--labels", labels], 1, "labels.csv"),
    ]
    for arguments, status, message in wrong:
        done = run(*arguments, answers="y\n")
        assert done.exit_code == status, arguments
        assert done.stdout == ""
        assert message in done.stderr
    assert written(labels) == [""] * 40


def test_another_corpus_is_refused(labels: Path, tmp_path: Path) -> None:
    pq.write_table(pa.table({"id": ["a"], "text": ["One storm."]}), tmp_path / "news.parquet")
    done = run(tmp_path / "news.parquet", "--labels", labels, answers="y\n")
    assert done.exit_code == 1
    assert "no article with the id '" in done.stderr
    done = run(tmp_path / "news.parquet", "--labels", tmp_path / "new.csv", answers="y\n")
    assert done.exit_code == 1
    assert done.stderr.endswith("no pair of articles is near a threshold: there is nothing to ask about\n")
    assert not (tmp_path / "new.csv").exists()


HOSTILE = "\x1b[2J\u202e[bold]x[/bold]\x07"


def test_hostile_text_does_nothing_to_the_terminal(tmp_path: Path) -> None:
    words = " ".join(f"word{at}" for at in range(120))
    other = " ".join([*(f"word{at}" for at in range(105)), *(f"else{at}" for at in range(15))])
    table = pa.table(
        {
            "id": [f"a{HOSTILE}", f"b{HOSTILE}"],
            "text": [f"{HOSTILE} {words}", f"{HOSTILE} {other}"],
            "title": [HOSTILE, "x" * 10_000],
            "source": [HOSTILE, None],
            "published": pa.array([None, 1 << 60], pa.timestamp("us", tz="UTC")),
        }
    )
    pq.write_table(table, tmp_path / "news.parquet")
    done = run(tmp_path / "news.parquet", "--labels", tmp_path / "tune.csv", answers="y\n")
    assert done.exit_code == 0, done.stderr
    assert "[bold]x" in done.stderr
    assert "\x1b" not in done.stderr + done.stdout
    assert "\u202e" not in done.stderr + done.stdout


@pytest.mark.parametrize("width", [60, 100, 140])
def test_keys_are_taken_from_a_terminal(width: int, sample: Path, labels: Path) -> None:
    """Yes; a key that means nothing; more; no; back; unsure; quit."""
    ours, theirs = pty.openpty()
    environment = os.environ | {"TERM": "xterm-256color", "COLUMNS": str(width), "LINES": "30", "NO_COLOR": "1"}
    command = [sys.executable, "-c", RUN, "tune", str(sample), "--labels", str(labels)]
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, cwd=ROOT, env=environment) as started:  # noqa: S603
        os.close(theirs)
        shown = b""
        for key, awaited in (
            (b"y", b"Pair 1 of 40"),
            (b"x", b"Pair 2 of 40"),
            (b"m", b"that key is none of"),
            (b"n", b"Pair 2 of 40"),
            (b"b", b"Pair 3 of 40"),
            (b"?", b"Pair 2 of 40"),
            (b"q", b"Pair 3 of 40"),
        ):
            shown += _until(ours, awaited, b"q quit" if awaited.startswith(b"Pair") else b"\n")
            os.write(ours, key)
        shown += b"".join(iter(lambda: _read(ours), b""))
        os.close(ours)
        assert started.wait(60) == 0
    assert written(labels)[:3] == ["y", "?", ""]
    assert b"more lines: m shows all" in shown
    lines = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown.decode()).splitlines()
    assert max(map(len, lines[: len(lines) // 2])) <= width


def _until(terminal: int, *awaited: bytes) -> bytes:
    """Read until all is there, and until the program waits for a key."""
    shown = b""
    while not all(one in shown for one in awaited) or select.select([terminal], [], [], 0.5)[0]:
        piece = _read(terminal)
        assert piece, shown
        shown += piece
    return shown


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 1 << 16)
    except OSError:  # the other end is closed
        return b""


def test_ctrl_c_keeps_the_answers(sample: Path, labels: Path) -> None:
    code = f"import os, signal, sys\nfrom dedup import tuning\nwrite = tuning.write_labels\n\
def interrupted(path, pairs):\n    write(path, pairs)\n    os.kill(os.getpid(), signal.SIGINT)\n\
tuning.write_labels = interrupted\n{RUN}"
    command = [sys.executable, "-c", code, "tune", str(sample), "--labels", str(labels)]
    done = subprocess.run(command, input="y\nn\n", capture_output=True, text=True, cwd=ROOT, check=False, timeout=120)  # noqa: S603
    assert done.returncode == 130
    assert done.stderr.endswith("dedup: stopped; nothing is left half-written\n")
    assert written(labels)[:2] == ["y", ""]
    assert [entry.name for entry in labels.parent.iterdir()] == ["tune.csv"]


def test_the_report_fits_any_width(labels: Path) -> None:
    from rich.cells import cell_len  # noqa: PLC0415

    from dedup.report import tuning as view  # noqa: PLC0415

    pairs = [replace(pair, answer="yn"[at % 2]) for at, pair in enumerate(read_labels(labels))]
    told: Any = evaluate(pairs, PLAIN)
    for width in (60, 80, 140):
        lines = [line.plain for line in view.report(told, width)]
        assert max(map(cell_len, lines)) <= width
        assert any("in force" in line for line in lines)
