"""The benchmarks: one protocol for all peers, wrong answers refused, a report from the record alone."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from support import ROOT

sys.path.insert(0, str(ROOT / "benchmarks"))
import bench
import environments
import generate
import peers
import record
import report
import truth
from peers.protocol import tokens

if TYPE_CHECKING:
    from pathlib import Path

ARTICLES = 400


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("generated") / "news.parquet"
    generate.generate(generate.plan_of(ARTICLES, 5), path, path.with_suffix(".truth.parquet"))
    return path


@pytest.fixture(scope="module")
def known(corpus: Path) -> truth.Truth:
    return truth.planted(corpus.with_suffix(".truth.parquet"))


def measurement(peer: str = "dedup", turn: int = 1, **changes: Any) -> record.Row:
    row = record.Row(
        run="2026-01-01T00:00:00+00:00",
        command="python benchmarks/bench.py bench.toml",
        processor="A processor",
        cores=2,
        memory_gb=8.0,
        load=0.5,
        commit="abc",
        benchmark="copies-10k",
        title="Parquet to copy groups",
        corpus="generated-10k",
        digest="00ff",
        articles=10_000,
        work="groups",
        peer=peer,
        versions=f"python 3.11; {peer} 1.0",
        turn=turn,
        status=record.OK,
        reason="",
        cpu_s=1.0,
        wall_s=0.5,
        process_cpu_s=2.0,
        peak_mb=300.0,
        pairs=1000,
        recall=0.99,
        precision=0.99,
        least_recall=0.95,
        least_precision=0.95,
    )
    return replace(row, **changes)


def told(*rows: record.Row) -> str:
    return report.page(rows, ROOT / "no such file")[0]


# The generator -----------------------------------------------------------------------------------------------------


def test_a_seed_gives_one_corpus(corpus: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.parquet"
    generate.generate(generate.plan_of(ARTICLES, 5), again, tmp_path / "again.truth.parquet")
    assert again.read_bytes() == corpus.read_bytes()
    other = tmp_path / "other.parquet"
    generate.generate(generate.plan_of(ARTICLES, 6), other, tmp_path / "other.truth.parquet")
    assert other.read_bytes() != corpus.read_bytes()


def test_batches_do_not_change_a_corpus(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generate, "ROWS_A_GROUP", 64)
    path = tmp_path / "batches.parquet"
    generate.generate(generate.plan_of(ARTICLES, 5), path, tmp_path / "batches.truth.parquet")
    assert pq.read_table(path).equals(pq.read_table(corpus))
    assert pq.read_metadata(path).num_row_groups > 1


def test_the_planted_overlap_is_that_of_the_texts(corpus: Path, known: truth.Truth) -> None:
    table = pq.read_table(corpus)
    words = dict(zip(table["id"].to_pylist(), map(tokens, table["text"].to_pylist()), strict=True))
    for pair in known.pairs.slice(0, 60).to_pylist():
        left, right = (
            {tuple(words[pair[s]][i : i + 5]) for i in range(len(words[pair[s]]) - 4)} for s in ("left", "right")
        )
        assert len(left & right) / len(left | right) == pytest.approx(pair["resemblance"], abs=0.02)


# Peers -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", peers.ALL)
def test_a_peer_has_an_adapter_and_pins(name: str) -> None:
    entry = peers.ALL[name]
    made = getattr(import_module(f"peers.{entry.module}"), entry.maker)
    assert callable(made)
    if entry.environment:
        pins = (environments.PINS / f"{entry.environment}.txt").read_text().splitlines()
        assert all(re.fullmatch(r"[\w.-]+==[\w.]+", pin) for pin in pins)
        assert any(pin.startswith(f"{entry.packages[0]}==") for pin in pins)


def test_the_product_keeps_the_protocol(corpus: Path, known: truth.Truth, tmp_path: Path) -> None:
    subject = peers.peer("dedup")
    subject.prepare(tmp_path)
    found = subject.clusters(corpus)
    assert found.column_names == ["id", "copy_id"]
    assert len(found) == ARTICLES
    quality = truth.judge_groups(found, known, corpus)
    assert quality.recall is not None
    assert quality.recall >= 0.98
    texts = pq.read_table(corpus)["text"]
    assert len(subject.matrix(subject.signatures(texts))) == ARTICLES


def test_a_missing_environment_is_said(tmp_path: Path) -> None:
    assert "environments.py rensa" in (environments.why_missing("rensa", tmp_path) or "")
    (tmp_path / "rensa.failed").write_text("cannot be installed: no wheel for this machine\n")
    assert environments.why_missing("rensa", tmp_path) == "cannot be installed: no wheel for this machine"


def test_what_pip_says_is_one_line() -> None:
    output = "WARNING: noise\nERROR: No matching distribution found for x==9\nERROR: more\n"
    assert environments.failure(output) == "cannot be installed: No matching distribution found for x==9"


# Answers -----------------------------------------------------------------------------------------------------------


def grouped(corpus: Path, copy_ids: list[int]) -> pa.Table:
    return pa.table({"id": pq.read_table(corpus)["id"], "copy_id": copy_ids})


def test_the_planted_groups_are_right(corpus: Path, known: truth.Truth) -> None:
    ids = pq.read_table(corpus)["id"].to_pylist()
    stories = [known.story.get(id_, -1 - row) for row, id_ in enumerate(ids)]
    quality = truth.judge_groups(grouped(corpus, stories), known, corpus)
    assert (quality.recall, quality.precision) == (1.0, 1.0)


def test_one_group_of_all_is_not_precise(corpus: Path, known: truth.Truth) -> None:
    quality = truth.judge_groups(grouped(corpus, [7] * ARTICLES), known, corpus)
    assert quality.recall == 1.0
    assert quality.precision is not None
    assert quality.precision < 0.5


def test_no_groups_find_nothing(corpus: Path, known: truth.Truth) -> None:
    quality = truth.judge_groups(grouped(corpus, list(range(ARTICLES))), known, corpus)
    assert (quality.recall, quality.precision) == (0.0, None)
    nulls = pa.table({"id": pq.read_table(corpus)["id"], "copy_id": pa.nulls(ARTICLES, pa.string())})
    assert truth.judge_groups(nulls, known, corpus).recall == 0.0


def test_flags_are_judged_as_flags(corpus: Path, known: truth.Truth) -> None:
    ids = pq.read_table(corpus)["id"]
    every = truth.judge_groups(pa.table({"id": ids, "flagged": [True] * ARTICLES}), known, corpus)
    none = truth.judge_groups(pa.table({"id": ids, "flagged": [False] * ARTICLES}), known, corpus)
    assert every.recall == 1.0
    assert every.precision is not None
    assert every.precision < 0.9
    assert (none.recall, none.precision) == (0.0, None)


def test_signatures_are_judged_by_their_estimates(corpus: Path, known: truth.Truth) -> None:
    subject = peers.peer("dedup")
    made = subject.matrix(subject.signatures(pq.read_table(corpus)["text"]))
    good = truth.judge_signatures(pa.table({"signature": [list(map(int, row)) for row in made]}), known, corpus)
    bad = truth.judge_signatures(pa.table({"signature": [[row] * 128 for row in range(ARTICLES)]}), known, corpus)
    assert good.error is not None
    assert bad.error is not None
    assert good.error < 0.05
    assert bad.error > 0.3


# Measuring ---------------------------------------------------------------------------------------------------------


def test_definitions_name_what_exists() -> None:
    for name in ("bench", "bench-full"):
        told = bench.read_definitions(ROOT / "benchmarks" / "definitions" / f"{name}.toml")
        assert len({benchmark.name for benchmark in told.benchmarks}) == len(told.benchmarks)
        for benchmark in told.benchmarks:
            assert bench.MEASURE in benchmark.peers or benchmark.work == "read"
            assert benchmark.work != "groups" or (benchmark.recall and benchmark.precision)


def test_a_definition_with_an_unknown_peer_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "wrong.toml"
    path.write_text(
        '[corpora.one]\narticles = 9\nseed = 1\n[[benchmark]]\nname = "b"\ntitle = "t"\ncorpus = "one"\n'
        'work = "groups"\nrepeat = 1\npeers = ["dedup", "nobody"]\n'
    )
    done = CliRunner().invoke(bench.main, [str(path)])
    assert done.exit_code == 1
    assert "unknown nobody" in done.output


def test_a_process_that_takes_too_long_is_stopped() -> None:
    outcome = bench.run([sys.executable, "-c", "import time; time.sleep(60)"], 0.5)
    assert (outcome.status, outcome.reason) == (record.STOPPED, "stopped after 0.5 s")


def test_a_process_that_fails_says_why() -> None:
    outcome = bench.run([sys.executable, "-c", "raise SystemExit('no more room')"], 30)
    assert outcome.status == record.FAILED
    assert outcome.reason == "ended with status 1: no more room"


def test_the_memory_and_time_of_children_count() -> None:
    child = "held = bytearray(300_000_000); held[::4096] = bytes(len(held[::4096])); sum(range(20_000_000))"
    script = (
        f"import subprocess, sys, json, time; sys.path.insert(0, {str(ROOT / 'benchmarks')!r})\n"
        "from measure import timed\n"
        f"cost = timed(lambda: (subprocess.run([sys.executable, '-c', {child!r}]), time.sleep(0.5)))[1]\n"
        "print(json.dumps(cost._asdict()))"
    )
    outcome = bench.run([sys.executable, "-c", script], 60)
    assert outcome.cost is not None
    assert outcome.cost["peak"] > 300
    assert outcome.cost["cpu"] > 0.1


def test_a_run_measures_judges_and_records(corpus: Path, known: truth.Truth, tmp_path: Path) -> None:
    benchmark = bench.Benchmark("b", "t", "c", "groups", ("dedup", "gaoya"), 1, recall=0.95, precision=0.95)
    told = bench.Corpus("c", corpus, known, ARTICLES, bench.digest_of(corpus))
    target = tmp_path / "bench.csv"
    rows = list(bench.Run(tmp_path, target).measure(benchmark, told))
    assert rows == record.load(target)
    assert [row.peer for row in rows] == ["dedup", "gaoya"]
    own = rows[0]
    assert own.status == record.OK
    assert own.recall is not None
    assert own.recall >= 0.95
    assert own.cpu_s is not None
    assert own.peak_mb is not None
    assert rows[1].status in {record.OK, record.UNAVAILABLE}  # installed or not, it has its row
    assert rows[1].status == record.OK or "environments.py gaoya" in rows[1].reason
    assert str(tmp_path) not in target.read_text()
    assert str(ROOT) not in target.read_text()


def test_measure_ends_with_its_own_status_for_what_it_lacks(corpus: Path, tmp_path: Path) -> None:
    script = ROOT / "benchmarks" / "measure.py"
    command = [sys.executable, *map(str, (script, "gaoya", "signatures", corpus, corpus, tmp_path / "answer"))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own script
    assert done.returncode == 3
    assert done.stdout == ""


# The record and the report -----------------------------------------------------------------------------------------


def test_only_the_last_run_of_a_peer_counts() -> None:
    old, new = measurement(cpu_s=9.0), measurement(run="2026-02-01T00:00:00+00:00", cpu_s=1.0)
    other = measurement("rensa", cpu_s=5.0)
    assert record.latest([old, new, other]) == [new, other]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"recall": 0.90}, "recall 0.900, at least 0.95 is asked for"),
        ({"precision": 0.5}, "precision 0.500, at least 0.95 is asked for"),
        ({"error": 0.2, "most_error": 0.06}, "error 0.200, at most 0.06 is asked for"),
    ],
)
def test_a_wrong_answer_is_named_and_not_ranked(changes: dict[str, Any], words: str) -> None:
    rows = [measurement(), measurement("rensa", cpu_s=0.1, **changes)]
    page = told(*rows)
    assert f"rensa (full-set R-MinHash, 16 bands of 8): {words}" in page
    assert "| rensa |" not in page.split("## Growth")[0]
    assert "less CPU time" not in page
    assert "| dedup |" in page


def test_one_wrong_turn_is_enough() -> None:
    page = told(measurement(), measurement("rensa"), measurement("rensa", turn=2, recall=0.2))
    assert "recall 0.200" in page
    assert "| rensa |" not in page.split("## Growth")[0]


def test_a_product_that_is_wrong_is_not_ranked_either() -> None:
    page = told(measurement(recall=0.1), measurement("rensa"))
    assert "dedup (copy groups alone, exactly verified): recall 0.100" in page
    assert "dedup itself is not ranked" in page


def test_what_could_not_be_measured_is_said() -> None:
    gone = measurement("gaoya", status=record.UNAVAILABLE, reason="no wheel", cpu_s=None, wall_s=None, peak_mb=None)
    page = told(measurement(), gone)
    assert "Not measured:" in page
    assert "- gaoya: unavailable, no wheel" in page


def test_a_peer_that_wins_is_named() -> None:
    page = told(measurement(), measurement("gaoya", cpu_s=0.5, wall_s=2.0, peak_mb=100.0, recall=0.999))
    assert "less CPU time than dedup's 1 s: gaoya 0.5 s" in page
    assert "less memory than dedup's 300 MB: gaoya 100 MB" in page
    assert "more recall than dedup's 0.9900: gaoya 0.9990" in page
    assert "less wall time" not in page


def test_ratios_are_taken_turn_by_turn() -> None:
    # The second turn was twice as slow for both: medians of times alone would say 3.
    rows = [measurement(turn=turn, cpu_s=slow) for turn, slow in ((1, 1.0), (2, 2.0), (3, 2.0))]
    rows += [measurement("rensa", turn=turn, cpu_s=3.0 * slow) for turn, slow in ((1, 1.0), (2, 2.0))]
    line = next(line for line in report.lines_of(rows)["copies-10k"] if line.row.peer == "rensa")
    assert line.ratio == 3.0


def test_the_page_comes_from_a_record_file(tmp_path: Path) -> None:
    source, output = tmp_path / "bench.csv", tmp_path / "report.md"
    for peer, cost in (("dedup", 1.0), ("rensa", 3.0)):
        for size in (1, 10):
            for turn in range(1, 6):
                row = measurement(peer, turn, cpu_s=cost * size, articles=10_000 * size)
                record.append(replace(row, benchmark=f"copies-{10 * size}k", corpus=f"generated-{10 * size}k"), source)
    done = CliRunner().invoke(
        report.main, ["--record", str(source), "--quality", str(source.parent / "none"), "-o", str(output)]
    )
    assert done.exit_code == 0, done.output
    page = output.read_text()
    assert "| rensa | 10,000 | 100,000 | 1.00 |" in page
    assert "Fewer than 5 turns somewhere (the tables say how many): none." in page
    for name in re.findall(r"\]\((\S+\.svg)\)", page):
        drawn = ET.fromstring((tmp_path / name).read_text())  # noqa: S314 - our own
        names = {text.text for text in drawn.iter("{http://www.w3.org/2000/svg}text")}
        assert {"dedup", "rensa"} <= names
    again = tmp_path / "again.md"
    CliRunner().invoke(
        report.main, ["--record", str(source), "--quality", str(source.parent / "none"), "-o", str(again)]
    )
    assert again.read_text() == page


def test_the_committed_report_is_made_from_the_committed_record() -> None:
    if not record.RECORD.exists():
        pytest.skip("nothing is recorded yet")
    page, drawn = report.page(record.load(), report.QUALITY)
    assert report.REPORT.read_text(encoding="utf-8") == page, "run `python benchmarks/report.py`"
    for name, svg in drawn.items():
        assert report.REPORT.with_name(name).read_text(encoding="utf-8") == svg


def test_the_record_tells_nothing_of_the_place() -> None:
    for file in sorted((ROOT / "benchmarks" / "record").glob("*.csv")):
        text = file.read_text(encoding="utf-8")
        assert not re.search(r"/(home|root|work|tmp|Users)/", text), file.name
