"""What an index knows of the language of its outlets: learned once from an archive, and kept in its folder.

It does not learn from what it is given later, so that a verdict does not depend on how articles were batched.
"""

from __future__ import annotations

import os
import zipfile
import zlib
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from dedup.boilerplate import Furniture, no_furniture, restored
from dedup.errors import IndexStateError
from dedup.vocabulary import Growing, Tally, Vocabulary, vocabulary

if TYPE_CHECKING:
    from pathlib import Path

    from dedup.background import Background
    from dedup.survey import Learned

_FURNITURE = ("keys", "outlets", "articles", "runs", "rows", "starts", "lengths")
_TERMS = ("terms", "content", "weight", "key", "row")


class Learning(NamedTuple):
    """What outlets repeat, and a vocabulary that grows with what is read."""

    furniture: Furniture
    vocabulary: Growing
    articles: int


def nothing(background: Background) -> Learning:
    """Know nothing of any outlet, and of the language what the background says."""
    none = vocabulary(Tally(), background, np.empty(0, np.uint64))
    return Learning(no_furniture(), Growing(none, 1, background), 0)


def write(learned: Learned, articles: int, file: Path) -> None:
    """Keep what was learned of so many articles; on the disk when this returns."""
    kept = {f"furniture_{name}": getattr(learned.furniture, name) for name in _FURNITURE}
    kept |= {f"terms_{name}": getattr(learned.vocabulary, name) for name in _TERMS}
    names = np.array(learned.furniture.names, dtype=np.str_)
    with file.open("wb") as out:
        np.savez(out, names=names, articles=np.array(articles), **kept)
        out.flush()
        os.fsync(out.fileno())


def read(file: Path, background: Background) -> Learning:
    """Read it back. Raises IndexStateError where the file is damaged."""
    try:
        with np.load(file, allow_pickle=False) as kept:
            furniture = restored(
                *(kept[f"furniture_{name}"] for name in _FURNITURE), names=tuple(kept["names"].tolist())
            )
            columns = [kept[f"terms_{name}"] for name in _TERMS]
            articles = int(kept["articles"])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        message = f"{file}: what the index has learned cannot be read ({error}); restore the file or learn again"
        raise IndexStateError(message) from error
    return Learning(furniture, Growing(Vocabulary.restored(*columns), articles, background), articles)
