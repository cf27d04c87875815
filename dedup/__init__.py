"""Near-duplicate and syndication detection for news.

>>> import dedup
>>> result = dedup.find("corpus/", dedup.Settings())          # Parquet, or any Arrow table
>>> result.articles, result.matches, result.spans             # Arrow tables
>>> result.write("out/")                                      # three Parquet files
>>> dedup.Result.read("out/").counters
>>> dedup.compare(one_text, another).left.shared          # two texts beside each other
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dedup.api import (
        Article,
        Comparison,
        CorpusError,
        DedupError,
        Index,
        IndexStateError,
        Ledger,
        MissingExtraError,
        OutputError,
        Result,
        Settings,
        SettingsError,
        Verdict,
        compare,
        copies,
        find,
        from_datasketch,
        shingle_hashes,
        signatures,
        to_datasketch,
    )
from dedup.version import VERSION as __version__

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
    "__version__",
    "compare",
    "copies",
    "find",
    "from_datasketch",
    "shingle_hashes",
    "signatures",
    "to_datasketch",
]


def __dir__() -> list[str]:
    """List the public names."""
    return sorted(__all__)


def __getattr__(name: str) -> Any:
    """Load the library at the first use of a name: ``import dedup`` alone costs nothing."""
    if name not in __all__:
        message = f"module 'dedup' has no attribute {name!r}"
        raise AttributeError(message)
    from dedup import api  # noqa: PLC0415  (the point of this function)

    return getattr(api, name)
