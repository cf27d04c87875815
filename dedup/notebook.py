"""Results as small pieces of HTML, as notebooks show them; every text in them is escaped.

No script, no style sheet, no colour of their own but that of the bars, which are readable on light and dark.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

# What words are, in colours that differ also in brightness; a bar names its parts, and never by colour alone.
_COLOURS = {"copied": "#b45309", "reworded": "#2563eb", "boilerplate": "#6b7280", "unique": "#059669"}
_STORIES, _PASSAGES = 5, 10  # that are listed, the largest
_FIGURES = ("resemblance", "containment_left_in_right", "containment_right_in_left")
_PLACES = ("left_start", "left_end", "right_start", "right_end")
_BOX = "display:inline-block;width:8em;overflow:hidden;white-space:nowrap"
_LONGEST = 200  # characters of a text in a cell


def result(articles: pa.Table, grain: str) -> str:
    """Return the HTML of a result, given its articles: how many stories (``grain``) there are, and the largest."""
    stories = _stories(articles)
    listed = stories.slice(0, _STORIES).to_pylist()
    rows = [
        (
            row["title"] or row["story_id"],
            row["id_count"],
            row["source_count_distinct"],
            "" if row["published_min"] is None else row["published_min"][:16],
            _bar({name: row[f"{name}_sum"] / max(1, row["words_sum"]) for name in _COLOURS}),
        )
        for row in listed
    ]
    heads = ("first title", "articles", "outlets", "first published (UTC)", "its words")
    more = f"<p>and {len(stories) - len(rows):,} more</p>" if len(stories) > len(rows) else ""
    line = f"{len(articles):,} articles; {len(stories):,} {grain} of two articles and more"
    return _heading(line) + (_table(heads, rows) + more if rows else "")


def _stories(articles: pa.Table) -> pa.Table:
    """Sum up the stories of two articles and more, the largest first, each with its first article's title."""
    table = articles.select(["id", "story_id", "source", "words"])
    table = table.append_column("published", articles["published"].cast(pa.string()))
    for name in _COLOURS:
        table = table.append_column(name, pc.multiply(articles[name], articles["words"]))
    sums = [("words", "sum"), *((name, "sum") for name in _COLOURS)]
    found = table.group_by("story_id").aggregate(
        [("id", "count"), ("source", "count_distinct"), ("published", "min"), *sums]
    )
    found = found.filter(pc.greater(found["id_count"], 1))
    titles = articles["title"].take(pc.index_in(found["story_id"], value_set=articles["id"]))
    order = [("id_count", "descending"), ("words_sum", "descending"), ("story_id", "ascending")]
    return found.append_column("title", titles).sort_by(order)


def comparison(told: Mapping[str, Any]) -> str:
    """Return the HTML of a comparison, given as a dictionary: what is shared, both ledgers, the longest passages."""
    figures = ", ".join(f"{name.replace('_', ' ')} {told[name]:.2f}" for name in _FIGURES)
    sides = [
        (side, told[side]["words"], _bar({name: told[side][name] for name in _COLOURS})) for side in ("left", "right")
    ]
    found = {tuple(one[name] for name in _PLACES): one["kind"] for one in told["aligned"]}
    passages = sorted(found, key=lambda places: (places[0] - places[1], places))
    rows = [
        (found[places], f"{places[0]} to {places[1]}", f"{places[2]} to {places[3]}") for places in passages[:_PASSAGES]
    ]
    heads = ("passage", "characters, left", "characters, right")
    more = f"<p>and {len(passages) - len(rows):,} shorter</p>" if len(passages) > len(rows) else ""
    listed = _table(heads, rows) + more if rows else ""
    return _heading(figures) + _table(("text", "words", "what they are"), sides) + listed


def _heading(text: str) -> str:
    """Return a line that says what follows."""
    return f"<p><strong>{escape(text)}</strong></p>"


def _table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table; a cell that is a :class:`_Markup` is taken as it is, all else is escaped and cut."""
    body = "".join(f"<tr>{''.join(f'<td>{_cell(cell)}</td>' for cell in row)}</tr>" for row in rows)
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in heads)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


class _Markup(str):
    """HTML that was made here."""

    __slots__ = ()


def _bar(shares: Mapping[str, float]) -> _Markup:
    """Return shares that sum to 1 as one bar, which says them in words too."""
    said = ", ".join(f"{share * 100:.0f} % {name}" for name, share in shares.items() if share)
    parts = "".join(
        f'<span style="display:inline-block;height:0.8em;width:{share * 100:.1f}%;background:{_COLOURS[name]}"></span>'
        for name, share in shares.items()
    )
    return _Markup(f'<span role="img" aria-label="{escape(said)}" style="{_BOX}">{parts}</span> {escape(said)}')


def _cell(value: object) -> str:
    if isinstance(value, _Markup):
        return value
    text = "" if value is None else f"{value:.3g}" if isinstance(value, float) else str(value)
    return escape(text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…")
