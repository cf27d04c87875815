"""What a run for copy groups alone found and took."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.text import Text

from dedup.report.terminal import HEADING, QUIET, counted, cut, share

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dedup.grouping import Account

_STAGES = {
    "learn": "learn what outlets repeat",
    "sketch": "read the articles",
    "rank": "collapse identical texts",
    "pair": "find candidates",
    "fetch": "read the candidates again",
    "compare": "compare them",
    "write": "group and write",
}
_MB = 1_000_000


def document(told: Account, peak: int) -> dict[str, Any]:
    """Return one JSON object; ``peak`` is the largest resident set, in bytes."""
    named = ("articles", "texts", "groups", "grouped", "candidates", "capped_lists", "capped_articles")
    return {
        **{name: getattr(told, name) for name in named},
        "peak_bytes": peak,
        "disk_bytes": told.disk,
        "reused": [stage.name for stage in told.stages if stage.reused],
        "stages": [stage._asdict() for stage in told.stages],
    }


def page(told: Account, peak: int, width: int) -> Iterator[Text]:
    """Lay out the totals and the stages."""
    yield from (cut(line, width) for line in _totals(told, peak))
    yield Text()
    yield from (cut(line, width) for line in _stages(told))


def _totals(told: Account, peak: int) -> Iterator[Text]:
    yield Text(counted(told.articles, "article"), HEADING)
    rows = [
        ("distinct texts", told.texts, ""),
        ("copy groups", told.groups, ""),
        ("articles in copy groups", told.grouped, share(told.grouped / max(1, told.articles))),
        ("candidates compared", told.candidates, ""),
        ("lists capped", told.capped_lists, "buckets and postings that were paired as a star (setting cap)"),
        ("articles capped", told.capped_articles, "had more candidates than are compared (setting compared)"),
        ("peak memory, MB", round(peak / _MB), ""),
        ("disk, MB", round(told.disk / _MB), "the most that lay there at a time, in files that are gone"),
    ]
    for name, number, note in rows:
        yield Text.assemble(f"  {name:<25}{number:>13,}", (f"  {note}".rstrip(), QUIET))


def _stages(told: Account) -> Iterator[Text]:
    yield Text(f"  {'stage':<27}{'seconds':>10}{'CPU s':>10}{'cores':>7}", QUIET)
    for stage in told.stages:
        name = _STAGES[stage.name]
        if stage.reused:
            yield Text.assemble(f"  {name:<27}", ("    reused from the earlier run", QUIET))
        else:
            cores = stage.cpu / stage.wall if stage.wall else 0.0
            yield Text(f"  {name:<27}{stage.wall:>10.1f}{stage.cpu:>10.1f}{cores:>7.1f}")
    made = [stage for stage in told.stages if not stage.reused]
    wall, cpu = sum(stage.wall for stage in made), sum(stage.cpu for stage in made)
    yield Text(f"  {'in all':<27}{wall:>10.1f}{cpu:>10.1f}{cpu / wall if wall else 0.0:>7.1f}", HEADING)
