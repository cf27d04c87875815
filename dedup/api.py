"""The public names, in one place; ``import dedup`` fetches them from here when they are first used."""

from __future__ import annotations

from dedup.article import Article
from dedup.comparison import Comparison, Ledger, compare
from dedup.errors import CorpusError, DedupError, IndexStateError, MissingExtraError, OutputError, SettingsError
from dedup.grouping import copies
from dedup.index import Index, Verdict
from dedup.minhash import from_datasketch, to_datasketch
from dedup.pipeline import find, signatures
from dedup.result import Result
from dedup.settings import Settings
from dedup.shingles import shingle_hashes

__all__ = [
    "Article",
    "Comparison",
    "CorpusError",
    "DedupError",
    "Index",
    "IndexStateError",
    "Ledger",
    "MissingExtraError",
    "OutputError",
    "Result",
    "Settings",
    "SettingsError",
    "Verdict",
    "compare",
    "copies",
    "find",
    "from_datasketch",
    "shingle_hashes",
    "signatures",
    "to_datasketch",
]
