"""What users may rely on, and what importing costs them."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib import resources
from typing import TYPE_CHECKING

import pytest
from support import ROOT

import dedup
from dedup import article

if TYPE_CHECKING:
    import pyarrow as pa

NAMES = [
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


def test_the_public_names_are_pinned() -> None:
    assert sorted(dedup.__all__) == NAMES
    for name in NAMES:
        assert getattr(dedup, name) is not None


def test_another_name_is_missing() -> None:
    with pytest.raises(AttributeError, match="module 'dedup' has no attribute 'fnd'"):
        dedup.fnd  # noqa: B018


def test_the_version_is_a_version() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+(\.?(dev|a|b|rc)\d+)?", dedup.__version__)


def test_errors_are_a_tree() -> None:
    for name in ("CorpusError", "IndexStateError", "MissingExtraError", "OutputError", "SettingsError"):
        error = getattr(dedup, name)
        assert issubclass(error, dedup.DedupError)
        assert error.__bases__ == (dedup.DedupError,)


def test_typed() -> None:
    assert resources.files("dedup").joinpath("py.typed").is_file()


def imported(code: str, *modules: str) -> list[str]:
    """Run ``code`` in a new Python and return which of ``modules`` it has imported."""
    program = f"{code}\nimport sys; print([m for m in {modules!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603
    found: list[str] = eval(done.stdout)  # noqa: S307  (our own words)
    return found


HEAVY = ("numba", "pyarrow", "numpy", "rich", "datasketch", "pandas", "polars")


def test_importing_costs_nothing() -> None:
    assert imported("import dedup; dedup.__version__", *HEAVY) == []


def test_optional_packages_are_not_imported() -> None:
    assert imported("import dedup; dedup.find", "numba", "datasketch", "pandas", "polars", "duckdb") == ["numba"]


def test_a_missing_extra_says_how_to_install_it() -> None:
    program = (
        "import sys; sys.modules['datasketch'] = None\n"
        "import dedup, numpy\n"
        "try: dedup.to_datasketch(numpy.zeros(4, numpy.uint32))\n"
        "except dedup.MissingExtraError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603
    assert done.stdout == "datasketch is not installed; install it with: pip install datasketch\n"


# The schemas are a contract -------------------------------------------------------------------------------------------


def shape(schema: pa.Schema) -> dict[str, str]:
    return {field.name: f"{field.type}{'' if field.nullable else ' not null'}" for field in schema}


WORD = "dictionary<values=string, indices=int8, ordered=0>"


def test_the_schema_of_articles() -> None:
    assert shape(article.ARTICLES) == {
        "id": "large_string not null",
        "title": "large_string",
        "source": "large_string",
        "published": "timestamp[us, tz=UTC]",
        "url": "large_string",
        "copy_id": "large_string not null",
        "story_id": "large_string not null",
        "relation": WORD,
        "witness_id": "large_string",
        "score": "double",
        "words": "int32 not null",
        "boilerplate": "double not null",
        "copied": "double not null",
        "reworded": "double not null",
        "unique": "double not null",
        "shared": "double not null",
        "borrowed": "double",
        "role": WORD,
        "first_id": "large_string",
        "origin_id": "large_string",
        "origin_confidence": "double",
        "origin_evidence": WORD,
        "credit": "large_string",
        "credit_start": "int32",
        "credit_end": "int32",
    }


def test_the_schema_of_matches() -> None:
    assert shape(article.MATCHES) == {
        "left": "large_string not null",
        "right": "large_string not null",
        "relation": f"{WORD} not null",
        "resemblance": "double",
        "containment_left_in_right": "double",
        "containment_right_in_left": "double",
        "story_score": "double",
    }


def test_the_schema_of_spans() -> None:
    assert shape(article.SPANS) == {
        "id": "large_string not null",
        "start": "int32 not null",
        "end": "int32 not null",
        "kind": f"{WORD} not null",
        "other_id": "large_string",
        "other_start": "int32",
        "other_end": "int32",
        "score": "double",
    }
