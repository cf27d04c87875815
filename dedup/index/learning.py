"""What an index knows of the language of its outlets: learned once from an archive, and kept in its folder.

It does not learn from what it is given later, so that a verdict does not depend on how articles were batched.
"""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import xxhash

from dedup.boilerplate import Furniture, no_furniture, restored
from dedup.errors import IndexStateError, OutputError
from dedup.index.filing import durable
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


def write(learned: Learned, articles: int, folder: Path) -> str:
    """Keep what was learned of so many articles, on the disk when this returns; return the name of the file.

    It is named after its bytes.
    """
    kept = {f"furniture_{name}": getattr(learned.furniture, name) for name in _FURNITURE}
    kept |= {f"terms_{name}": getattr(learned.vocabulary, name) for name in _TERMS}
    packed = io.BytesIO()
    np.savez(packed, names=np.array(learned.furniture.names, dtype=np.str_), articles=np.array(articles), **kept)
    name = f"learned-{xxhash.xxh3_64_hexdigest(packed.getbuffer())}.npz"
    try:
        with (folder / f"{name}.part").open("wb") as out:
            out.write(packed.getbuffer())
            out.flush()
            os.fsync(out.fileno())
        (folder / f"{name}.part").rename(folder / name)
        durable(folder)
    except OSError as error:
        raise OutputError(f"{folder / name}: cannot be written ({error.strerror})") from error
    return name


def read(file: Path, background: Background) -> Learning:
    """Read it back. Raises IndexStateError where the file is damaged."""
    damage = damages(file)
    if damage:
        raise IndexStateError(damage[0])
    with np.load(file, allow_pickle=False) as kept:
        furniture = restored(*(kept[f"furniture_{name}"] for name in _FURNITURE), names=tuple(kept["names"].tolist()))
        columns = [kept[f"terms_{name}"] for name in _TERMS]
        articles = int(kept["articles"])
    return Learning(furniture, Growing(Vocabulary.restored(*columns), articles, background), articles)


def damages(file: Path) -> list[str]:
    """Return what is wrong with a file, in words."""
    try:
        digest = xxhash.xxh3_64_hexdigest(file.read_bytes())
    except OSError as error:
        return [f"{file}: what the index has learned cannot be read ({error.strerror}); restore a copy of it"]
    if file.name == f"learned-{digest}.npz":
        return []
    return [f"{file}: damaged (what the index has learned); restore a copy of it"]
