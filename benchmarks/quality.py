"""Measure stories beside baselines: `python benchmarks/quality.py DATA`; ten minutes of CPU time.

Appends to record/quality.csv. The product is measured as a user would: `dedup find`, then `dedup eval`. Its model was
fitted on these sets, so that what it reaches with the set left out of the fit stands beside it. The baselines get what
the product does not: of the clusters by tf-idf and by a neural sentence encoder the threshold is the best for each set,
found with its labels (an oracle). Most of the time goes into the encoder, which runs in an environment of its own
(`environments.py minilm`).
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click
import encoder
import machine
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import record
from environments import python_of, why_missing
from peers.protocol import PERMUTATIONS, cluster, encoded_shingles
from stories import labelled, measured

from dedup.evaluation import Scores, scores

if TYPE_CHECKING:
    from collections.abc import Iterator

    from encoder import Vectors
    from numpy.typing import NDArray
    from stories import Figures

RECORD = record.RECORD.with_name("quality.csv")
SETS = ("wire_dev", "wire_dev2", "news2025_dev", "allsides_dev", "ecbplus")
"""Of allsides_dev the articles marked strict."""
THRESHOLDS = (0.5, 0.8)
WINDOW = 72.0
"""Hours from which two articles of the windowed baseline are never one story."""
STEPS = 200
PACKAGES = ("dedup", "datasketch", "scikit-learn", "scipy", "numpy")
ENCODER = "MiniLM sentence encoder"
FIELDS = ("run", "command", "commit", "versions", "set", "articles", "method", "status", "reason", "tuned")
MEASURES = ("pair_precision", "pair_recall", "pair_f1", "b3_precision", "b3_recall", "b3_f1", "ari")


class Labelled(NamedTuple):
    """A labelled set: its articles, their stories as numbers, and the pairs that do not count."""

    name: str
    path: Path
    articles: pa.Table
    story: NDArray[np.int64]
    unsure: NDArray[np.int64]
    unsure_path: Path | None

    def scores(self, found: NDArray[np.int64]) -> Scores:
        """Measure clusters, one number an article."""
        return scores(np.unique(found, return_inverse=True)[1], self.story, self.unsure)


class Answer(NamedTuple):
    """What a method reaches; ``tuned`` says what it was told of the labels."""

    measures: dict[str, float] | None
    tuned: str = ""
    reason: str = ""


def read_set(data: Path, name: str, folder: Path) -> Labelled:
    """Read a labelled set, and write what counts of it to a file that the command line can read."""
    sample = labelled(data, name)
    table = pq.read_table(data / f"{name}.parquet")
    ids = pa.array([row["id"] for row in sample.rows], pa.large_string())
    table = table.filter(pc.is_in(table["id"].cast(pa.large_string()), ids))
    path = folder / f"{name}.parquet"
    pq.write_table(table, path)
    place = {id_: row for row, id_ in enumerate(table["id"].to_pylist())}
    pairs = [(place[a], place[b]) for a, b in sorted(sample.unsure) if a in place and b in place]
    story = np.unique(np.array(table["story"].to_pylist(), str), return_inverse=True)[1]
    unsure_path = data / f"{name}_unsure.parquet"
    unsure = np.array(pairs, np.int64).reshape(-1, 2)
    return Labelled(name, path, table, story, unsure, unsure_path if unsure_path.exists() else None)


# Methods -------------------------------------------------------------------------------------------------------------


def product(told: Labelled, folder: Path) -> Answer:
    """Run `dedup find` and `dedup eval`."""
    out = folder / "out"
    _dedup("find", str(told.path), "-o", str(out), "--quiet", "--json", "--top", "0")
    unsure = ["--unsure", str(told.unsure_path)] if told.unsure_path else []
    evaluation = json.loads(_dedup("eval", str(out), str(told.path), "--json", *unsure))
    return Answer(evaluation["scores"], "model fitted on all sets")


def _dedup(*arguments: str) -> str:
    command = [str(Path(sys.executable).with_name("dedup")), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def datasketch(told: Labelled, threshold: float) -> Answer:
    """Group by MinHash of 5-word shingles, with datasketch's own bands for a threshold."""
    from datasketch import MinHash, MinHashLSH  # noqa: PLC0415 - the extra bench has it

    texts = told.articles["text"].to_pylist()
    lsh = MinHashLSH(threshold=threshold, num_perm=PERMUTATIONS)
    sketches = MinHash.generator(map(encoded_shingles, texts), num_perm=PERMUTATIONS)
    return Answer(measures(told.scores(np.array(cluster(lsh, sketches, len(texts))))))


def clustered(told: Labelled, distance: NDArray[np.float64], window: float | None) -> Answer:
    """Cluster by average linkage, at the threshold that is best for this set."""
    from scipy.cluster.hierarchy import (  # type: ignore[import-untyped]  # noqa: PLC0415 - the extra bench has it
        fcluster,
        linkage,
    )
    from scipy.spatial.distance import squareform  # type: ignore[import-untyped]  # noqa: PLC0415

    if window is not None:
        distance = np.where(apart(told.articles["published"]) > window, 1.0, distance)
    tree = linkage(squareform(distance, checks=False), "average")
    cuts = np.linspace(0.0, 1.0, STEPS + 1)[1:-1]
    reached = [(told.scores(fcluster(tree, cut, "distance").astype(np.int64)), cut) for cut in cuts]
    best, cut = max(reached, key=lambda one: (one[0].pair_f1, one[0].b3_f1))
    return Answer(measures(best), f"threshold {1 - cut:.3f}, the best for this set (oracle)")


def by_words(told: Labelled) -> NDArray[np.float64]:
    """Return one less the cosine of all pairs, title and text together, log tf by idf of words and word pairs."""
    from sklearn.feature_extraction.text import TfidfVectorizer  # noqa: PLC0415 - the extra bench has it

    titles, texts = told.articles["title"].to_pylist(), told.articles["text"].to_pylist()
    whole = [f"{title or ''}\n{text}" for title, text in zip(titles, texts, strict=True)]
    vectors = TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2), stop_words="english").fit_transform(whole)
    return less((vectors @ vectors.T).toarray())


def less(cosine: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return one less the cosine."""
    distance: NDArray[np.float64] = np.clip(1.0 - cosine, 0.0, 1.0)
    np.fill_diagonal(distance, 0.0)
    return distance


def apart(published: pa.ChunkedArray) -> NDArray[np.float64]:
    """Return the hours between all pairs; 0 where a date is missing."""
    hours = published.cast(pa.timestamp("us", "UTC")).cast(pa.int64()).to_numpy(zero_copy_only=False) / 3.6e9
    between: NDArray[np.float64] = np.nan_to_num(np.abs(hours[:, None] - hours[None, :]))
    return between


def measures(found: Scores) -> dict[str, float]:
    """Take the measures that are recorded."""
    return {name: getattr(found, name) for name in MEASURES}


# The record ----------------------------------------------------------------------------------------------------------


class Encoded(NamedTuple):
    """What the sentence encoder says, by set."""

    vectors: dict[str, Vectors]
    rescored: dict[str, Scores]


def encode(figures: Figures) -> Encoded | str:
    """Ask the encoder once for all sets, or say why it is not there."""
    missing = why_missing(encoder.ENVIRONMENT)
    if missing:
        return missing
    with tempfile.TemporaryDirectory() as folder:
        vectors = encoder.vectors_of(figures.corpora, Path(folder))
    return Encoded(vectors, encoder.rescored(figures.corpora, vectors))


def answers(told: Labelled, left_out: Scores, encoded: Encoded | str, folder: Path) -> Iterator[tuple[str, Answer]]:
    """Ask every method for its stories of one set."""
    yield "dedup", product(told, folder)
    yield "dedup, model fitted without the set", Answer(measures(left_out), "left out of the fit")
    for threshold in THRESHOLDS:
        yield f"datasketch at {threshold:g}", datasketch(told, threshold)
    yield from both_ways("tf-idf", told, by_words(told))
    if isinstance(encoded, str):
        yield ENCODER, Answer(None, "", encoded)
        return
    rescored = Answer(measures(encoded.rescored[told.name]), "left out of the fit")
    yield "dedup with a MiniLM feature, model fitted without the set", rescored
    vectors = encoded.vectors[told.name]
    mean = encoder.means(vectors)
    yield from both_ways("MiniLM mean sentence", told, less(mean @ mean.T))
    yield from both_ways("MiniLM sentence alignment", told, less(encoder.counterparts(vectors)))


def both_ways(name: str, told: Labelled, distance: NDArray[np.float64]) -> Iterator[tuple[str, Answer]]:
    """Cluster whatever the dates, and within the window."""
    yield f"{name} + average linkage, oracle-tuned", clustered(told, distance, None)
    yield f"{name} + average linkage within {WINDOW:.0f} hours, oracle-tuned", clustered(told, distance, WINDOW)


def row_of(about: dict[str, str], told: Labelled, method: str, answer: Answer) -> dict[str, Any]:
    """Put together what is recorded of one method on one set."""
    status = record.OK if answer.measures else record.UNAVAILABLE
    known = {name: round(answer.measures[name], 4) for name in MEASURES} if answer.measures else {}
    told_of = {"set": told.name, "articles": len(told.articles), "method": method, "tuned": answer.tuned}
    return {**about, **told_of, "status": status, "reason": answer.reason, **known}


def versions(*, encoder_there: bool) -> str:
    """List what the figures hang on."""
    own = machine.versions(Path(sys.executable), PACKAGES)
    if not encoder_there:
        return own
    return f"{own}; encoder: {machine.versions(python_of(encoder.ENVIRONMENT), encoder.PACKAGES)}"


@click.command()
@click.argument("data", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--record", "target", type=click.Path(path_type=Path), default=RECORD, help="CSV to append to.")
def main(data: Path, target: Path) -> None:
    """Measure the stories of the labelled sets in the folder DATA, the product's and the baselines'."""
    figures = measured(data)
    encoded = encode(figures)
    about = {
        "run": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": "python benchmarks/quality.py DATA",
        "commit": machine.commit(),
        "versions": versions(encoder_there=isinstance(encoded, Encoded)),
    }
    rows: list[dict[str, Any]] = []
    for name in SETS:
        with tempfile.TemporaryDirectory() as folder:
            told = read_set(data, name, Path(folder))
            _, left_out, _ = figures.rows[name]
            if left_out is None:
                message = f"{name} is not among the sets that the model is fitted on"
                raise click.ClickException(message)
            for method, answer in answers(told, left_out, encoded, Path(folder)):
                rows.append(row_of(about, told, method, answer))
                reached = answer.measures or {"pair_f1": float("nan"), "b3_f1": float("nan")}
                click.echo(
                    f"{name} {method}: {reached['pair_f1']:.3f} / {reached['b3_f1']:.3f} {answer.reason}", err=True
                )
    record.add(rows, [*FIELDS, *MEASURES], target)


if __name__ == "__main__":
    main()
