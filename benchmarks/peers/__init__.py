"""What is measured: the product and its peers behind one protocol, each in an environment of its own.

A peer is given the same Arrow column or the same Parquet file as the product and does with it what its documentation
shows. Peers that want shingles made in Python share one tokeniser.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple

from peers.protocol import THRESHOLD, Peer, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["ALL", "PEERS", "THRESHOLD", "Entry", "Peer", "UnavailableError", "peer"]


class Entry(NamedTuple):
    """Where a peer is found."""

    module: str
    maker: str
    """Function or class of the module that sets the peer up."""
    environment: str
    """Virtual environment that it runs in; that of the product where empty."""
    packages: tuple[str, ...]
    """Distributions whose versions are recorded; the first is the peer's own."""
    about: str
    """How it is set up, for the report."""


_SKETCH = ("datasketch", "numpy", "xxhash", "pyarrow")
ALL: dict[str, Entry] = {
    "dedup": Entry(
        "product", "copies", "", ("dedup", "numba", "numpy", "pyarrow"), "copy groups alone, exactly verified"
    ),
    "dedup-ledger": Entry(
        "product", "ledger", "", ("dedup", "numba", "numpy", "pyarrow"), "the same with the ledger of every copy"
    ),
    "dedup-all": Entry(
        "product", "everything", "", ("dedup", "numba", "numpy", "pyarrow"), "boilerplate, copies, stories, ledgers"
    ),
    "datasketch": Entry(
        "datasketch", "Datasketch", "datasketch", _SKETCH, "its defaults: SHA-1, affine32, 9 bands of 13 for 0.8"
    ),
    "datasketch-xxhash": Entry("datasketch", "xxhash", "datasketch", _SKETCH, "the same with xxh32"),
    "datasketch-affine64": Entry("datasketch", "affine64", "datasketch", _SKETCH, "the same with 64-bit hashes"),
    "datasketch-21x6": Entry("datasketch", "recall", "datasketch", _SKETCH, "SHA-1, 21 bands of 6"),
    "datasketch-xxhash-21x6": Entry("datasketch", "xxhash_recall", "datasketch", _SKETCH, "xxh32, 21 bands of 6"),
    "rensa": Entry("rensa", "Rensa", "rensa", ("rensa", "pyarrow"), "full-set R-MinHash, 16 bands of 8"),
    "rensa-rho": Entry("rensa", "Rho", "rensa", ("rensa", "pyarrow"), "rho sketch, 8 bands of 16, flags and no groups"),
    "gaoya": Entry("gaoya", "Gaoya", "gaoya", ("gaoya", "pyarrow"), "21 bands of 6, estimate at least 0.8"),
    "gaoya-0.5": Entry("gaoya", "lenient", "gaoya", ("gaoya", "pyarrow"), "21 bands of 6, estimate at least 0.5"),
    "text-dedup": Entry(
        "textdedup",
        "TextDedup",
        "text-dedup",
        ("text-dedup", "datasets", "numpy", "pyarrow"),
        "its MinHash command at 0.8, two processes: 9 bands of 13",
    ),
    "text-dedup-21x6": Entry(
        "textdedup",
        "recall",
        "text-dedup",
        ("text-dedup", "datasets", "numpy", "pyarrow"),
        "the same with xxh3 and 21 bands of 6",
    ),
    "datatrove": Entry(
        "datatrove",
        "Datatrove",
        "datatrove",
        ("datatrove", "spacy", "numpy", "pyarrow"),
        "14 buckets of 8, spaCy's English tokenizer without a model, its default",
    ),
    "datatrove-whitespace": Entry(
        "datatrove",
        "whitespace",
        "datatrove",
        ("datatrove", "spacy", "numpy", "pyarrow"),
        "14 buckets of 8, words split at blanks",
    ),
    "spark-ml": Entry("spark", "SparkML", "pyspark", ("pyspark", "numpy", "pyarrow"), "MinHashLSH, 3 tables, local[2]"),
}

PEERS = ("dedup", "dedup-ledger", "dedup-all", "datasketch", "datasketch-xxhash", "datasketch-21x6", "rensa")
"""Those that the extra `bench` installs beside the product; `cost.py` measures them."""


def peer(name: str) -> Peer:
    """Set up a peer. Raises UnavailableError when it cannot be imported."""
    entry = ALL[name]
    maker: Callable[[], Peer] = getattr(import_module(f"peers.{entry.module}"), entry.maker)
    try:
        return maker()
    except ImportError as error:
        message = f"{error}; `python benchmarks/environments.py` installs it"
        raise UnavailableError(message) from error
