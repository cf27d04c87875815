"""How far the work is: a line a stage, with rate and time left, that goes when the work is done."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, ProgressColumn, SpinnerColumn, Task, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Display
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.progress import TaskID

    from dedup.workers import Progress

_STAGES = {
    "learn": "Learning boilerplate",
    "mark": "Marking boilerplate",
    "count": "Counting terms",
    "vectors": "Learning word vectors",
    "sketch": "Reading articles",
    "bands": "Pairing by bands",
    "lists": "Listing shingles",
    "pairs": "Finding candidates",
    "fetch": "Fetching candidates",
    "verify": "Comparing candidates",
    "partners": "Finding partners",
    "weigh": "Weighing terms",
    "align": "Aligning sentences",
    "ledger": "Accounting for words",
    "report": "Reading titles",
    "convert": "Converting",
    "keep": "Writing what is kept",
    "add": "Adding articles",
    "write": "Writing copy groups",
}
_WIDEST = max(map(len, _STAGES.values()))


class _Rate(ProgressColumn):
    """What is done of what there is, and how much of it in a second."""

    def render(self, task: Task) -> Text:
        """Return ``done of total, rate``."""
        speed = task.finished_speed or task.speed
        rate = f"{speed:,.0f}/s" if speed else ""
        return Text(f"{task.completed:>11,.0f} of {task.total or 0:,.0f}  {rate:>11}", style="progress.data.speed")


@contextmanager
def shown(console: Console | None = None) -> Iterator[Progress]:
    """Show progress on stderr, or on ``console``, and yield what has to be told of it."""
    with _display(console or Console(stderr=True)) as display:
        tasks: dict[str, TaskID] = {}

        def note(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = display.add_task(_STAGES.get(stage, stage).ljust(_WIDEST), total=total)
            display.update(tasks[stage], completed=done, total=total)

        yield note


def _display(console: Console) -> Display:
    columns = (
        SpinnerColumn(finished_text=" "),
        TextColumn("{task.description}"),
        BarColumn(),
        _Rate(),
        TimeRemainingColumn(),
    )
    return Display(*columns, console=console, transient=True, redirect_stdout=False)
