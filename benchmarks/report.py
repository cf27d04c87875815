"""Make the report from the record: `python benchmarks/report.py`. It measures nothing.

Of every benchmark and peer the last run counts. A row whose answer is worse than the definition asks for is named with
what was wrong, and not ranked; so is what could not be measured. Where a peer is better than the product, it is said.
"""

from __future__ import annotations

import csv
import itertools
import math
from collections import defaultdict
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

import click
from peers import ALL
from plots import Axis, Series, log_axis, plot
from record import OK, RECORD, Row, latest, load

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

OWN = "dedup"
QUALITY = RECORD.with_name("quality.csv")
REPORT = RECORD.with_name("report.md")
FEW = 5
"""Turns below which a median is said to rest on few."""


class Line(NamedTuple):
    """All turns of one peer in one benchmark."""

    rows: list[Row]
    own: dict[tuple[str, int], float]
    """CPU seconds of the product by run and turn."""

    @property
    def row(self) -> Row:
        """Any of its rows, for what they have in common."""
        return self.rows[0]

    @property
    def is_measured(self) -> bool:
        """Whether it has figures."""
        return all(row.status == OK for row in self.rows)

    @property
    def wrongs(self) -> list[str]:
        """List what is wrong with the answers, the worst of all turns."""
        asked = [
            ("recall", min, self.row.least_recall),
            ("precision", min, self.row.least_precision),
            ("error", max, self.row.most_error),
        ]
        found = []
        for name, worst, bound in asked:
            values = [getattr(row, name) for row in self.rows if getattr(row, name) is not None]
            if bound is not None and values and worst([*values, bound]) != bound:
                sign = "least" if worst is min else "most"
                found.append(f"{name} {worst(values):.3f}, at {sign} {bound:g} is asked for")
        return found

    def middle(self, name: str) -> float:
        """Take the median of a column."""
        return float(median(getattr(row, name) for row in self.rows))

    def spread(self, name: str) -> float:
        """Largest less smallest, as a share of the median."""
        values: list[float] = [getattr(row, name) for row in self.rows]
        return (max(values) - min(values)) / self.middle(name)

    @property
    def per_article(self) -> float:
        """CPU microseconds an article."""
        return 1e6 * self.middle("cpu_s") / self.row.articles

    @property
    def ratio(self) -> float | None:
        """Median, over the turns of one run, of its CPU time as a multiple of the product's in the same turn."""
        turns = [(row.cpu_s, self.own.get((row.run, row.turn))) for row in self.rows]
        ratios = [cpu / own for cpu, own in turns if cpu is not None and own]
        return median(ratios) if ratios else None


def lines_of(rows: Iterable[Row]) -> dict[str, list[Line]]:
    """Sort measurements into benchmarks and peers; those without a figure lose their turns before, too."""
    kept = latest(rows)
    by_peer: defaultdict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in kept:
        by_peer[row.benchmark, row.peer].append(row)
    found: defaultdict[str, list[Line]] = defaultdict(list)
    for (benchmark, _), turns in by_peer.items():
        own = {
            (row.run, row.turn): row.cpu_s
            for row in rows
            if row.benchmark == benchmark and row.peer == OWN and row.cpu_s is not None
        }
        found[benchmark].append(Line(turns, own))
    return dict(sorted(found.items(), key=lambda item: _order(item[1][0].row)))


def _order(row: Row) -> tuple[str, str, int]:
    return {"read": "0", "signatures": "1"}.get(row.work, "2"), row.corpus.rpartition("-")[0], row.articles


# Tables --------------------------------------------------------------------------------------------------------------


def section(lines: Sequence[Line]) -> str:
    """Tell one benchmark: the ranked rows, what is not ranked, what could not be measured, where the product loses."""
    row = lines[0].row
    measured = sorted((line for line in lines if line.is_measured), key=lambda line: line.per_article)
    ranked = [line for line in measured if not line.wrongs]
    parts = [f"## {row.title}", f"Corpus {row.corpus}, {row.articles:,} articles, SHA-256 {row.digest}….", ""]
    parts.append(_table(ranked, row.work))
    parts += _told("Not ranked, the answer is wrong:", [_wrong(line) for line in measured if line.wrongs])
    gone = [line for line in lines if not line.is_measured]
    parts += _told(
        "Not measured:", [f"{line.row.peer}: {line.rows[-1].status}, {line.rows[-1].reason}" for line in gone]
    )
    if any(line.row.peer == OWN for line in lines):
        parts += _told("Where a peer is better than dedup:", losses(ranked))
    return "\n".join(parts)


def _told(title: str, points: Sequence[str]) -> list[str]:
    return ["", title, "", *(f"- {point}" for point in points)] if points else []


def _wrong(line: Line) -> str:
    cost = f"{line.per_article:.1f} µs an article, {line.middle('peak_mb'):.0f} MB"
    return f"{line.row.peer} ({about(line.row.peer)}): {'; '.join(line.wrongs)}; it took {cost}"


def about(peer: str) -> str:
    """Say how a peer is set up."""
    return ALL[peer].about if peer in ALL else "nothing is done with the text"


def _table(ranked: Sequence[Line], work: str) -> str:
    quality = {"groups": ("recall", "precision"), "signatures": ("error",)}.get(work, ())
    heads = ["peer", "set-up", "turns", "CPU µs an article", "spread", "CPU / dedup", "wall s", "peak MB", *quality]
    table = [f"| {' | '.join(heads)} |", "|---|---|" + "---:|" * (len(heads) - 2)]
    for line in ranked:
        ratio = "" if line.ratio is None else f"{line.ratio:.1f}"
        cells = [line.row.peer, about(line.row.peer), str(len(line.rows)), f"{line.per_article:.1f}"]
        cells += [f"{line.spread('cpu_s'):.0%}", ratio, f"{line.middle('wall_s'):.2f}", f"{line.middle('peak_mb'):.0f}"]
        cells += [_share(getattr(line.row, name)) for name in quality]
        table.append(f"| {' | '.join(cells)} |")
    return "\n".join(table)


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def losses(ranked: Sequence[Line]) -> list[str]:
    """Say which ranked peers are better than the product, and in what."""
    own = next((line for line in ranked if line.row.peer == OWN), None)
    peers = [line for line in ranked if not line.row.peer.startswith(OWN)]
    if own is None:
        return ["dedup itself is not ranked"] if peers else []
    columns = [("cpu_s", "CPU time", "s"), ("wall_s", "wall time", "s"), ("peak_mb", "memory", "MB")]
    told = []
    for name, word, unit in columns:
        better = sorted((line.middle(name), line.row.peer) for line in peers if line.middle(name) < own.middle(name))
        names = ", ".join(f"{peer} {value:.3g} {unit}" for value, peer in better)
        told += [f"less {word} than dedup's {own.middle(name):.3g} {unit}: {names}"] if better else []
    for name in ("recall", "precision"):
        ours = getattr(own.row, name)
        better = [(getattr(line.row, name), line.row.peer) for line in peers if ours is not None]
        names = ", ".join(f"{peer} {value:.4f}" for value, peer in sorted(better, reverse=True) if value > ours)
        told += [f"more {name} than dedup's {ours:.4f}: {names}"] if names else []
    return told


def growth(lines: dict[str, list[Line]]) -> str:
    """Tell how CPU time grows from one size of generated corpus to the next."""
    points = sizes(lines, "cpu_s")
    table = ["| peer | from | to | exponent of CPU time |", "|---|---:|---:|---:|"]
    for peer, known in points.items():
        for (small, before), (large, after) in itertools.pairwise(known):
            exponent = math.log(after / before) / math.log(large / small)
            table.append(f"| {peer} | {small:,.0f} | {large:,.0f} | {exponent:.2f} |")
    return "\n".join(table)


def sizes(lines: dict[str, list[Line]], column: str) -> dict[str, list[tuple[float, float]]]:
    """Collect a column by peer and size, on generated corpora, smallest first."""
    found: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)
    for line in _on_generated(lines):
        found[line.row.peer].append((float(line.row.articles), line.middle(column)))
    return {peer: sorted(points) for peer, points in found.items()}


def _on_generated(lines: dict[str, list[Line]]) -> list[Line]:
    every = [line for group in lines.values() for line in group]
    return [line for line in every if line.row.work == "groups" and line.is_measured and "generated" in line.row.corpus]


# Plots ---------------------------------------------------------------------------------------------------------------


def plots(lines: dict[str, list[Line]]) -> dict[str, str]:
    """Draw the plots, by the names of their files."""
    drawn = _on_generated(lines)
    if not drawn:
        return {}
    wrong = {line.row.peer for line in drawn if line.wrongs}
    return {
        "cost-size.svg": _against_size("CPU time against size", "CPU seconds", lines, "cpu_s", wrong),
        "memory-size.svg": _against_size("Memory against size", "peak MB", lines, "peak_mb", wrong),
        "recall-cost.svg": _recall_cost(drawn, wrong),
    }


def _against_size(title: str, unit: str, lines: dict[str, list[Line]], column: str, wrong: set[str]) -> str:
    points = sizes(lines, column)
    series = _series(points, wrong)
    across = log_axis("articles", (x for known in points.values() for x, _ in known), _count)
    return plot(title, across, log_axis(unit, (y for known in points.values() for _, y in known), _count), series)


def _recall_cost(drawn: Sequence[Line], wrong: set[str]) -> str:
    usual = max({line.row.articles for line in drawn}, key=lambda size: sum(x.row.articles == size for x in drawn))
    shown = [line for line in drawn if line.row.articles == usual and line.row.recall is not None]
    points = {line.row.peer: [(line.per_article, line.row.recall or 0.0)] for line in shown}
    across = log_axis("CPU microseconds an article", (line.per_article for line in shown), _count)
    up = Axis("recall of planted pairs with resemblance 0.8 or more", 0.0, 1.0, lambda value: f"{value:.1f}")
    return plot(f"Recall against cost, {usual:,} articles", across, up, _series(points, wrong))


def _series(points: dict[str, list[tuple[float, float]]], wrong: set[str]) -> list[Series]:
    names = sorted(points, key=lambda name: (name != OWN, name))
    return [Series(name, points[name], name == OWN, name in wrong) for name in names]


def _count(value: float) -> str:
    for size, sign in ((1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g}{sign}"
    return f"{value:g}"


# Stories -------------------------------------------------------------------------------------------------------------


def stories(source: Path) -> str:
    """Tell the quality of stories beside baselines, from the record of `quality.py`."""
    with source.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    newest = max(row["run"] for row in rows)
    rows = [row for row in rows if row["run"] == newest]
    sets = list(dict.fromkeys(row["set"] for row in rows))
    table = [f"| method | {' | '.join(sets)} |", "|---|" + "---|" * len(sets)]
    for method in dict.fromkeys(row["method"] for row in rows):
        cells = {row["set"]: _scores(row) for row in rows if row["method"] == method}
        table.append(f"| {method} | {' | '.join(cells.get(name, '') for name in sets)} |")
    ahead = [
        f"{row['method']} on {row['set']}: {_scores(row)}"
        for row in rows
        if row["status"] == OK and row["method"] != OWN and _beats(row, rows)
    ]
    gone = {f"{row['method']}: {row['reason']}" for row in rows if row["status"] != OK}
    parts = [*table, *_told("Where a baseline is better than dedup:", ahead), *_told("Not measured:", sorted(gone))]
    return "\n".join([f"`{rows[0]['command']}`; {rows[0]['versions']}.", "", *parts])


def _scores(row: dict[str, str]) -> str:
    return f"{float(row['pair_f1']):.3f} / {float(row['b3_f1']):.3f}" if row["status"] == OK else "-"


def _beats(row: dict[str, str], rows: Sequence[dict[str, str]]) -> bool:
    own = next(one for one in rows if one["method"] == OWN and one["set"] == row["set"])
    return float(row["pair_f1"]) > float(own["pair_f1"]) or float(row["b3_f1"]) > float(own["b3_f1"])


# The page ------------------------------------------------------------------------------------------------------------

HEAD = """# What it costs, and how good the answers are

Made by `python benchmarks/report.py` from the raw measurements in [bench.csv](bench.csv) and
[quality.csv](quality.csv); do not edit. `make bench` measures again (minutes), `make bench-full` larger corpora too
(hours); `DATA=folder` names the folder of the labelled news, which is not in the repository.

How to read it. Every measurement ran in a process of its own, in an environment of its own, on the same Parquet file,
after a warm-up on 64 articles; imports are not counted (the record has them). CPU time is of all threads and child
processes. Figures are medians over turns; spread is the largest less the smallest, as a share of the median; "CPU /
dedup" is the median of the ratios within one turn. Recall is of planted, or exactly known, pairs with resemblance 0.8
or more. Precision is lenient: of two articles in one group, drawn for each grouped article, the share that stem from
one text, or share half of all their shingles or 0.6 of the shorter's. Error is the mean difference between the
resemblance that signatures tell and the exact one. A row below the bounds of its definition (benchmarks/definitions/)
is named and not ranked.

What this cannot show. The authors of dedup wrote it, chose the bands of the peers so that their recall is near its
own (their defaults stand beside), and fed those that take words through one Python tokeniser, which is most of what
rensa pays. The generated language has no meaning and no typing errors. dedup verifies every pair against the texts and
accounts for every word of an article with copies; no peer does.
"""


def page(rows: Sequence[Row], quality: Path) -> tuple[str, dict[str, str]]:
    """Write the report and its plots."""
    lines = lines_of(rows)
    parts = [HEAD, *_machines(lines), ""]
    parts += [f"{section(group)}\n" for group in lines.values()]
    drawn = plots(lines)
    parts += [f"![{name.removesuffix('.svg').replace('-', ' and ')}]({name})" for name in drawn]
    parts += [
        "",
        "Hollow: the answer is wrong. Dashed: at one of the sizes at least.",
        "",
        "## Growth",
        "",
        growth(lines),
    ]
    if quality.exists():
        parts += ["", "## Stories: pair F1 / B-cubed F1, beside baselines", "", stories(quality)]
    parts += ["", "## Versions", "", *_versions(lines)]
    return "\n".join(parts) + "\n", drawn


def _machines(lines: dict[str, list[Line]]) -> list[str]:
    rows = [row for group in lines.values() for line in group for row in line.rows]
    known = {(row.processor, row.cores, row.memory_gb) for row in rows}
    told = [f"{name}, {cores} cores, {memory:g} GB" for name, cores, memory in sorted(known)]
    loads = [row.load for row in rows]
    busy = f"load average {min(loads):.1f} to {max(loads):.1f}, median {median(loads):.1f}"
    commits = ", ".join(sorted({row.commit for row in rows if row.commit}))
    many = "" if max(loads) <= max(row.cores for row in rows) else " Others used the machine: trust CPU time, not wall."
    few = sorted({line.row.peer for group in lines.values() for line in group if len(line.rows) < FEW})
    return [
        f"Machine: {'; '.join(told)}; {busy}.{many} Commit {commits}.",
        f"Fewer than {FEW} turns somewhere (the tables say how many): {', '.join(few) or 'none'}.",
        f"Commands: {'; '.join(sorted({f'`{row.command}`' for row in rows}))}.",
    ]


def _versions(lines: dict[str, list[Line]]) -> list[str]:
    known = {line.row.peer: line.row.versions for group in lines.values() for line in group}
    return [f"- {peer}: {versions or 'not installed'}" for peer, versions in sorted(known.items())]


@click.command()
@click.option("--record", "source", type=click.Path(path_type=Path, exists=True), default=RECORD, help="Raw CSV.")
@click.option("--quality", type=click.Path(path_type=Path), default=QUALITY, help="Raw CSV of the stories.")
@click.option("-o", "--output", type=click.Path(path_type=Path), default=REPORT, help="Markdown to write.")
def main(source: Path, quality: Path, output: Path) -> None:
    """Write the report and its plots."""
    text, drawn = page(load(source), quality)
    output.write_text(text, encoding="utf-8")
    for name, svg in drawn.items():
        output.with_name(name).write_text(svg, encoding="utf-8")
    click.echo(str(output))


if __name__ == "__main__":
    main()
