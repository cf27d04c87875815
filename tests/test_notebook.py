"""The notebook in docs/ runs and shows what it stores; results show themselves as HTML that escapes all text."""

from __future__ import annotations

import re
import sys
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any

import pyarrow as pa
import pytest
from support import ROOT

import dedup

sys.path.insert(0, str(ROOT / "docs"))
LARGEST = 30_000  # bytes of the notebook with its outputs


class Elements(HTMLParser):
    """Collects the elements, their attributes and the text of HTML."""

    def __init__(self, html: str) -> None:
        """Read all of it."""
        super().__init__()
        self.names: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        self.names.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        """Note text."""
        self.text += f"{data} "


def html_of(value: Any) -> Elements:
    return Elements(value._repr_html_())


def test_the_notebook_runs_and_shows_what_it_stores() -> None:
    for name in ("nbclient", "nbformat", "ipykernel"):
        pytest.importorskip(name, reason=f"{name} is not installed: pip install '.[test]' brings it")
    import run_notebook  # noqa: PLC0415

    stored, fresh = run_notebook.read(), run_notebook.run(run_notebook.read())
    for before, after in zip(stored.cells, fresh.cells, strict=True):
        assert before == after, f"run `make docs`: another output of\n{before.source}"


def test_the_notebook_is_small_and_clean() -> None:
    text = (ROOT / "docs" / "quickstart.ipynb").read_text(encoding="utf-8")
    assert len(text.encode()) < LARGEST
    assert '"output_type": "error"' not in text
    assert '"name": "stderr"' not in text
    assert not re.search(r'[" (](/home|/root|/tmp|/work|/Users|[A-Z]:\\\\)', text)
    assert text.count('"text/html"') == 2


HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>&amp;\u202e"


def hostile_result() -> dedup.Result:
    text = "The ferry left the harbour at noon with ninety people on board and came back at dusk with all of them. " * 3
    table = pa.table(
        {
            "id": ["a", "b", "c"],
            "text": [text, text, f"{HOSTILE} and nothing else at all"],
            "title": [HOSTILE, HOSTILE, "x" * 10_000],
            "source": [HOSTILE, "b", None],
            "published": [datetime(2026, 3, 1, tzinfo=UTC), None, None],
        }
    )
    return dedup.find(table, dedup.Settings(workers=1))


def test_a_result_shows_its_largest_stories(sample: Any) -> None:
    shown = html_of(dedup.find(sample))
    assert re.match(r"148 articles; \d+ stories of two articles and more", shown.text)
    assert "Air Velmark to buy Corvanian rival" in shown.text
    assert shown.names.count("tr") == 1 + 5
    assert re.search(r"and \d+ more", shown.text)


def test_a_result_without_rewrites_shows_copy_groups(sample: Any) -> None:
    shown = html_of(dedup.find(sample, dedup.Settings(stories=False, boilerplate=False)))
    assert shown.text.startswith("148 articles; 14 copy groups of two articles and more")


def test_a_result_escapes_what_it_shows() -> None:
    shown = html_of(hostile_result())
    assert HOSTILE in shown.text
    assert {"script", "img"}.isdisjoint(shown.names)
    assert not [name for name, _ in shown.attributes if name.startswith("on")]


def test_a_result_without_articles_or_stories() -> None:
    none = pa.table({"id": pa.array([], pa.string()), "text": pa.array([], pa.string())})
    assert html_of(dedup.find(none)).text == "0 articles; 0 stories of two articles and more "
    one = pa.table({"id": ["a"], "text": ["One storm."]})
    assert html_of(dedup.find(one)).names == ["p", "strong"]


def test_a_comparison_shows_both_ledgers() -> None:
    left = "A ship hit the bridge of the harbour at dawn on Monday. Nobody on board was hurt, the port said."
    right = "Ferries run again. A ship hit the bridge of the harbour at dawn on Monday."
    comparison = dedup.compare(left, right)
    shown = html_of(comparison)
    assert f"resemblance {comparison.resemblance:.2f}" in shown.text
    assert f" {comparison.left.words} " in shown.text
    passage = next(one for one in comparison.aligned if one.kind == "copied")
    assert (
        f"copied {passage.left_start} to {passage.left_end} {passage.right_start} to {passage.right_end}" in shown.text
    )
    widths = [float(width) for width in re.findall(r"width:([\d.]+)%", comparison._repr_html_())]
    assert sum(widths[:4]) == pytest.approx(100, abs=0.3)


def test_a_comparison_of_nothing() -> None:
    assert "resemblance 0.00" in html_of(dedup.compare("", "")).text
