"""Tables that fit a terminal: where there is no room, less important columns go, and long cells are cut."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_GAP = 2


@dataclass(frozen=True)
class Column:
    """A column: its head, and a cell of printable text for every row.

    Columns with a higher ``rank`` go first where there is no room; those of rank 0 stay. Cells may be cut to ``least``
    characters, where that is given. The cells that are ``telling`` are in ``style``.
    """

    head: str
    cells: Sequence[str]
    rank: int = 0
    least: int = 0
    right: bool = False
    telling: frozenset[str] = frozenset()
    style: str = ""

    @property
    def natural(self) -> int:
        """Return how wide it wants to be."""
        return max(cell_len(self.head), *map(cell_len, self.cells), 0)

    @property
    def narrowest(self) -> int:
        """Return how narrow it may be."""
        return min(self.natural, max(self.least, cell_len(self.head))) if self.least else self.natural


def table(columns: Sequence[Column], width: int, indent: str, head: str) -> Iterator[Text]:
    """Lay out the head, in the style ``head``, and a line for every row."""
    chosen = _chosen(columns, width - len(indent))
    widths = _widths(chosen, width - len(indent))
    for row in range(-1, len(columns[0].cells)):
        line = Text(indent, head if row < 0 else "")
        for place, (column, wide) in enumerate(zip(chosen, widths, strict=True)):
            cell = Text(column.head if row < 0 else column.cells[row])
            if row >= 0 and cell.plain in column.telling:
                cell.stylize(column.style)
            cell.truncate(wide, overflow="ellipsis")
            room = " " * (wide - cell.cell_len)
            line.append(" " * _GAP if place else "")
            line.append(room if column.right else "").append_text(cell).append("" if column.right else room)
        line.rstrip()
        line.truncate(width, overflow="ellipsis")
        yield line


def _chosen(columns: Sequence[Column], width: int) -> list[Column]:
    chosen = list(columns)
    while sum(column.narrowest + _GAP for column in chosen) - _GAP > width:
        ranks = [column.rank for column in chosen]
        if max(ranks) == 0:
            break
        del chosen[ranks.index(max(ranks))]
    return chosen


def _widths(columns: Sequence[Column], width: int) -> list[int]:
    """Give every column what it needs, and then, by rank, what it wants."""
    widths = [column.narrowest for column in columns]
    room = width - sum(widths) - _GAP * (len(columns) - 1)
    for place in sorted(range(len(columns)), key=lambda place: columns[place].rank):
        more = max(0, min(room, columns[place].natural - widths[place]))
        widths[place] += more
        room -= more
    return widths
