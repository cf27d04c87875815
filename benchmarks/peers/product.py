"""The product, asked as its peers are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from peers.protocol import Base, UnavailableError

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa


class Dedup(Base):
    """The product: `find`, which accounts for every word of the articles that have copies or a story."""

    def __init__(self, **settings: Any) -> None:
        """Take settings; without, what peers do not do is off: boilerplate, stories."""
        import dedup  # noqa: PLC0415 - measured

        missing = [name for name in ("copies", "find", "signatures", "Settings") if not hasattr(dedup, name)]
        if missing:
            message = f"dedup has no {', '.join(missing)} yet"
            raise UnavailableError(message)
        self._library = dedup
        self._settings = dedup.Settings(**settings)

    def signatures(self, texts: pa.ChunkedArray) -> Any:
        """Make the signatures, a uint32 array."""
        return self._library.signatures(texts, self._settings)

    def clusters(self, corpus: Path) -> pa.Table:
        """Read, find, verify, account."""
        return self._library.find(corpus, self._settings).articles.select(["id", "copy_id"])


class Copies(Dedup):
    """The product: `copies`, the groups alone, exactly verified."""

    def clusters(self, corpus: Path) -> pa.Table:
        """Read, find, verify."""
        return self._library.copies(corpus, self._settings).select(["id", "copy_id"])


def copies() -> Copies:
    """Find copy groups only, as the peers do."""
    return Copies(stories=False, boilerplate=False)


def ledger() -> Dedup:
    """Find copies, and account for them."""
    return Dedup(stories=False, boilerplate=False)


def everything() -> Dedup:
    """Find copies and stories, with all that is on by default."""
    return Dedup()
