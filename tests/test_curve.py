"""The S-curve and what it means: closed forms, simulation, and the plots that show them."""

from __future__ import annotations

import json
import math
import os
import re
import subprocess
import sys
from fractions import Fraction
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import numpy as np
import pyarrow as pa
import pytest
from click.testing import CliRunner
from rich.cells import cell_len
from support import ROOT, copies_only, prose

from dedup import cli
from dedup.candidates import SEEN
from dedup.curve import chance, curve, excerpt_chance, mean_chance, resemblance_at
from dedup.minhash import estimate, standard_error
from dedup.pipeline import find, signatures
from dedup.report import plot
from dedup.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result

BANDINGS = [(21, 6), (9, 13), (128, 1), (1, 128), (64, 64), (400, 2), (1, 4096)]


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cli.main, ["curve", *map(str, arguments)])


# Mathematics ----------------------------------------------------------------------------------------------------------


def exact_mean(low: Fraction, bands: int, rows: int) -> float:
    """Integrate 1 - (1 - s**rows)**bands from ``low`` to 1 by the binomial theorem, in exact numbers."""
    missed = sum(
        Fraction((-1) ** k * math.comb(bands, k)) * (1 - low ** (rows * k + 1)) / (rows * k + 1)
        for k in range(bands + 1)
    )
    return float(1 - missed / (1 - low))


@pytest.mark.parametrize(("bands", "rows"), BANDINGS)
@pytest.mark.parametrize("low", [Fraction(0), Fraction(1, 100), Fraction(4, 5)])
def test_the_mean_chance_is_the_integral(bands: int, rows: int, low: Fraction) -> None:
    assert mean_chance(float(low), 1.0, bands, rows) == pytest.approx(exact_mean(low, bands, rows), abs=1e-9)


def test_the_mean_chance_of_one_resemblance() -> None:
    assert mean_chance(1.0, 1.0, 21, 6) == 1.0
    assert mean_chance(0.7, 0.7, 21, 6) == chance(0.7, 21, 6)


@pytest.mark.parametrize(("bands", "rows"), BANDINGS)
@pytest.mark.parametrize("wanted", [0.01, 0.5, 0.99])
def test_the_curve_reads_both_ways(bands: int, rows: int, wanted: float) -> None:
    assert chance(resemblance_at(wanted, bands, rows), bands, rows) == pytest.approx(wanted, abs=1e-9)


def exact_excerpt(shingles: int, common: int, part: float, sample: int) -> float:
    """Add up every count of sampled shingles, shared and other, that makes a candidate."""
    share, found = Fraction(1, sample), 0.0
    for shared in range(1, common + 1):
        for others in range(shingles - common + 1):
            if shared >= min(200, math.ceil((shared + others) * part)):
                drawn = math.comb(common, shared) * math.comb(shingles - common, others)
                seen = shared + others
                found += float(drawn * share**seen * (1 - share) ** (shingles - seen))
    return found


@pytest.mark.parametrize(
    ("shingles", "containment", "excerpt", "sample"),
    [(40, 0.6, 0.6, 8), (40, 0.1, 0.6, 8), (80, 0.25, 0.9, 4), (25, 1.0, 1.0, 3), (1, 1.0, 0.6, 2), (60, 0.5, 0.5, 1)],
)
def test_the_chance_of_an_excerpt_is_the_sum(shingles: int, containment: float, excerpt: float, sample: int) -> None:
    wanted = exact_excerpt(shingles, round(shingles * containment), excerpt * SEEN, sample)
    assert excerpt_chance(shingles, containment, excerpt, sample) == pytest.approx(wanted, abs=1e-9)


def test_the_chance_of_long_excerpts() -> None:
    assert excerpt_chance(1 << 30, 0.6, 0.6, 8) == pytest.approx(1.0)
    assert excerpt_chance(1 << 30, 1e-8, 0.6, 8) == 0.0


# Simulation -----------------------------------------------------------------------------------------------------------

PAIRS = 400


def check_share(found: int, wanted: float) -> None:
    """Assert that the share of PAIRS is within four standard errors of the one that is wanted."""
    assert 0.05 < wanted < 0.95  # a chance near 0 or 1 would say little
    assert abs(found / PAIRS - wanted) <= 4 * math.sqrt(wanted * (1 - wanted) / PAIRS)


def corpus_of(pairs: list[tuple[list[str], list[str]]]) -> pa.Table:
    texts = [" ".join(words) for pair in pairs for words in pair]
    return pa.table({"id": [str(number) for number in range(len(texts))], "text": texts})


def matched(table: pa.Table, **values: Any) -> int:
    """Count the pairs that are found where every candidate is a match."""
    return len(find(table, copies_only(**values)).matches)


@pytest.mark.parametrize(("bands", "rows"), [(21, 6), (9, 13), (64, 2)])
def test_bands_find_what_the_curve_says(bands: int, rows: int) -> None:
    """Of pairs that the curve gives an even chance, those that are found are about half."""
    random = np.random.default_rng(bands)
    kept = round(204 * 2 * resemblance_at(0.5, bands, rows) / (1 + resemblance_at(0.5, bands, rows)))
    bodies = [prose(random, 204) for _ in range(PAIRS)]
    table = corpus_of([(body, [*body[:kept], *prose(random, 204 - kept)]) for body in bodies])
    resemblance = (kept - 4) / (400 - (kept - 4))
    found = matched(table, bands=bands, rows=rows, near=0.05, excerpt=1.0, sample=1 << 20)
    check_share(found, chance(resemblance, bands, rows))


@pytest.mark.parametrize(("shingles", "common", "sample"), [(40, 24, 16), (40, 36, 32), (80, 48, 32)])
def test_sampled_shingles_find_what_is_said_of_excerpts(shingles: int, common: int, sample: int) -> None:
    random = np.random.default_rng(sample)
    bodies = [prose(random, 600) for _ in range(PAIRS)]
    table = corpus_of([(body, [*body[: common + 4], *prose(random, shingles - common)]) for body in bodies])
    found = matched(table, bands=1, rows=128, near=1.0, excerpt=0.6, sample=sample)
    check_share(found, excerpt_chance(shingles, common / shingles, 0.6, sample))


@pytest.mark.parametrize("permutations", [32, 128])
def test_estimates_err_as_much_as_is_said(permutations: int) -> None:
    random = np.random.default_rng(permutations)
    bodies = [prose(random, 204) for _ in range(PAIRS)]
    texts = [" ".join(words) for body in bodies for words in (body, [*body[:137], *prose(random, 67)])]
    resemblance = 133 / (400 - 133)
    made = signatures(texts, Settings(permutations=permutations, bands=1, rows=1))
    errors = np.array([estimate(*made[at : at + 2]) - resemblance for at in range(0, len(made), 2)])
    wanted = standard_error(resemblance, permutations)
    assert abs(errors.mean()) <= 4 * wanted / math.sqrt(PAIRS)
    assert abs(errors.std() - wanted) <= 4 * wanted / math.sqrt(2 * PAIRS)


# The verb -------------------------------------------------------------------------------------------------------------


def test_json_has_the_numbers() -> None:
    told = json.loads(run("--json", "--near", "0.7", "--set", "rows=4", "--set", "bands=32").stdout)
    assert (told["bands"], told["rows"], told["near"]) == (32, 4, 0.7)
    assert told["at_near"] == chance(0.7, 32, 4)
    assert told["from_near"] == mean_chance(0.7, 1.0, 32, 4) > told["at_near"]
    assert told["below_near"] == mean_chance(0.0, 0.7, 32, 4)
    assert chance(told["halfway"], 32, 4) == pytest.approx(0.5)
    assert [point["resemblance"] for point in told["points"]] == [step / 20 for step in range(21)]
    assert all(point["standard_error"] == standard_error(point["resemblance"], 128) for point in told["points"])
    assert {one["permutations"]: one["standard_error"] for one in told["errors"]}[128] == told["standard_error"]
    assert {one["containment"] for one in told["excerpts"]} == {0.6, 0.7, 0.8, 0.9, 1.0}
    assert {one["shingles"] for one in told["excerpts"]} == {40, 80, 160, 320}


def test_another_number_of_permutations_is_listed() -> None:
    told = json.loads(run("--json", "--set", "permutations=200").stdout)
    assert [one["permutations"] for one in told["errors"]] == [32, 64, 128, 200, 256, 512, 1024]
    assert re.search(r"^ +200 +0\.028  in force$", run("--set", "permutations=200").stdout, re.MULTILINE)


def test_the_report_says_what_the_threshold_means() -> None:
    text = run().stdout
    assert text.startswith("21 bands of 6 rows, 128 permutations\n")
    told = curve(Settings())
    for number in (told.at_near, told.from_near, told.below_near):
        assert f"{number:.4f} of the pairs" in " ".join(text.split())
    assert re.search(rf"^ +0\.80 +{told.at_near:.4f} +0\.035$", text, re.MULTILINE)
    assert re.search(r"^ +40 +0\.9538 ", text, re.MULTILINE)


@pytest.mark.parametrize("width", [40, 60, 100, 140, 300])
@pytest.mark.parametrize("near", [0.01, 0.5, 1.0])
@pytest.mark.parametrize("fine", [True, False])
def test_the_plot_fits(width: int, near: float, fine: bool) -> None:  # noqa: FBT001  (a parameter of the test)
    lines = [line.plain for line in plot.curve(curve(Settings(near=near)), width, fine=fine)]
    assert max(map(cell_len, lines)) <= width
    assert f"near {near:g}" in "\n".join(lines[:18])
    assert fine or width < 60 or "\n".join(lines).isascii()


def test_the_plain_plot_rises_with_the_curve() -> None:
    """Every column of the inside has its star at the height of the curve."""
    lines = [line.plain for line in plot.curve(curve(Settings(near=1.0)), 87, fine=False)][3:14]
    assert [line[:6].strip() for line in lines[::2]] == ["1.0 |", "0.8 |", "0.6 |", "0.4 |", "0.2 |", "0.0 |"]
    for at in range(79):
        (top, *_) = [row for row, line in enumerate(lines) if line.ljust(90)[6 + at] == "*"]
        assert 10 - top == round(chance(at / 79, 21, 6) * 10)


def test_the_fine_plot_has_a_dot_everywhere_on_the_curve() -> None:
    lines = [line.plain for line in plot.curve(curve(Settings(near=1.0)), 87, fine=True)][3:14]
    for at in range(79):
        signs = [ord(line.ljust(90)[6 + at]) - 0x2800 for line in lines]
        for side, bits in enumerate(((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))):
            dots = [
                43 - 4 * row - down
                for row, sign in enumerate(signs)
                if sign > 0
                for down in range(4)
                if sign & bits[down]
            ]
            assert max(dots) == round(chance((2 * at + side) / 159, 21, 6) * 43)


def process(environment: dict[str, str], *options: str) -> str:
    command = [sys.executable, "-c", "from dedup.cli import main; main(prog_name='dedup')", "curve", *options]
    whole = os.environ | environment
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=whole, check=True, timeout=60).stdout  # noqa: S603


def test_ascii_is_drawn_where_nothing_else_can_be_printed_or_on_request() -> None:
    plain = process({"PYTHONIOENCODING": "ascii"})
    assert plain.isascii()
    assert "?" not in plain
    assert process({"PYTHONIOENCODING": "utf-8"}, "--ascii") == plain
    assert "\u280a" in process({"PYTHONIOENCODING": "utf-8"})


def test_svg_is_whole_and_labelled(tmp_path: Path) -> None:
    file = tmp_path / "curve.svg"
    done = run("--svg", file)
    assert done.exit_code == 0
    assert done.stderr == f"Written to {file}\n"
    assert [entry.name for entry in tmp_path.iterdir()] == ["curve.svg"]
    space = "{http://www.w3.org/2000/svg}"
    root = ET.fromstring(file.read_text(encoding="utf-8"))  # noqa: S314  (our own file)
    assert root.get("role") == "img"
    assert "0.9983" in str(root.findtext(f"{space}desc"))
    assert "prefers-color-scheme: dark" in str(root.findtext(f"{space}style"))
    texts = [text.text for text in root.iter(f"{space}text")]
    assert {"resemblance", "probability to become a candidate", "near 0.8: 0.9983 of the pairs there"} <= set(texts)
    path = root.find(f"{space}path")
    assert path is not None
    points = [tuple(map(float, place.split())) for place in str(path.get("d"))[1:].split(" L")]
    assert len(points) == 201
    assert (points[0], points[-1]) == ((64.0, 360.0), (616.0, 56.0))
    heights = [360 - y for _, y in points]
    assert heights == sorted(heights)
    assert heights[160] / 304 == pytest.approx(chance(0.8, 21, 6), abs=1e-3)


def test_svg_is_refused_where_it_cannot_be_written(tmp_path: Path) -> None:
    for file in (tmp_path, tmp_path / "no" / "curve.svg"):
        done = run("--svg", file)
        assert (done.exit_code, done.stdout) == (1, "")
        assert done.stderr.startswith(f"dedup: error: {file}: ")
        assert done.stderr.count("\n") == 1
