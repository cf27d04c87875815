"""The S-curve on a terminal and as SVG, with the numbers that go with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from rich.text import Text

from dedup import curve as curves
from dedup.report.columns import Column, table
from dedup.report.terminal import HEADING, QUIET, TELLING, counted, cut, wrapped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from dedup.curve import Curve

_ROWS = 11  # lines of a plot, a tenth apart
_MARGIN = 6  # columns of its scale
_WIDEST, _NARROWEST = 90, 20  # columns of its inside
_NAME = 11  # columns of what a line is about
_TICKS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
_BRAILLE = 0x2800
_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))  # of a braille cell, by row and column


class _Signs(NamedTuple):
    """What a plot is drawn with: dots in a cell across and down, the threshold, and the corner and lines of axes."""

    across: int
    down: int
    threshold: str
    side: str
    corner: str
    floor: str


_FINE = _Signs(2, 4, "┊", "│", "└", "─")
_PLAIN = _Signs(1, 1, ":", "|", "+", "-")


def can_draw(encoding: str) -> bool:
    """Say whether an encoding has the characters of the fine plot."""
    try:
        f"{chr(_BRAILLE)}{_FINE.threshold}{_FINE.side}{_FINE.corner}{_FINE.floor}".encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def curve(told: Curve, width: int, *, fine: bool) -> Iterator[Text]:
    """Lay out the plot, what it means in words, and the tables; ``fine`` draws with braille, else with ASCII."""
    about = f"{counted(told.bands, 'band')} of {counted(told.rows, 'row')}, {counted(told.permutations, 'permutation')}"
    yield Text(about, HEADING)
    yield from wrapped("the probability that two articles become a candidate, by their resemblance", width, "", QUIET)
    yield Text()
    yield from _plot(told, width, _FINE if fine else _PLAIN)
    yield Text()
    for name, meaning in _meanings(told):
        yield from _told(name, meaning, width)
    yield Text()
    yield from _points(told, width)
    yield Text()
    yield from _errors(told, width)
    yield Text()
    yield from _excerpts(told, width)


# The plot ---------------------------------------------------------------------------------------------------------


def _plot(told: Curve, width: int, signs: _Signs) -> Iterator[Text]:
    columns = max(_NARROWEST, min(_WIDEST, width - _MARGIN - 1))
    cells = _cells(told, columns, signs)
    at = round(told.near * (columns - 1))
    for row, line in enumerate(cells):
        scale = "" if row % 2 else f"{1 - row / (_ROWS - 1):.1f}"
        text = Text().append(f"{scale:>{_MARGIN - 2}} {signs.side}", QUIET)
        text.append(line[:at], TELLING)
        text.append(*((signs.threshold, HEADING) if line[at] == " " else (line[at], TELLING)))
        yield cut(text.append(line[at + 1 :].rstrip(), TELLING), width)
    yield cut(Text(f"{'':{_MARGIN - 1}}{signs.corner}{signs.floor * columns}", QUIET), width)
    yield cut(Text(" " * _MARGIN + _ticks(columns), QUIET), width)
    mark = f"near {told.near:g}"
    yield cut(Text(" " * max(0, _MARGIN + min(at - len(mark) // 2, columns - len(mark))) + mark, HEADING), width)


def _cells(told: Curve, columns: int, signs: _Signs) -> list[str]:
    """Return the lines of a plot from the top: dots along the curve, and between two of unequal height."""
    across, high = columns * signs.across, _ROWS * signs.down
    heights = [
        round(curves.chance(place / (across - 1), told.bands, told.rows) * (high - 1)) for place in range(across)
    ]
    dots = {
        (place, height)
        for place, top in enumerate(heights)
        for height in range(min(heights[max(0, place - 1)] + 1, top), top + 1)
    }
    draw = _braille if signs.across > 1 else _star
    return ["".join(draw(dots, column, _ROWS - 1 - row) for column in range(columns)) for row in range(_ROWS)]


def _braille(dots: set[tuple[int, int]], column: int, row: int) -> str:
    sign = sum(
        bit
        for down, bits in enumerate(_DOTS)
        for across, bit in enumerate(bits)
        if (column * 2 + across, row * 4 + 3 - down) in dots
    )
    return chr(_BRAILLE + sign) if sign else " "


def _star(dots: set[tuple[int, int]], column: int, row: int) -> str:
    return "*" if (column, row) in dots else " "


def _ticks(columns: int) -> str:
    """Return the scale of resemblance below the plot."""
    line = [" "] * (columns + 1)
    for tick in _TICKS:
        start = max(0, min(round(tick * (columns - 1)) - 1, columns - 2))
        line[start : start + 3] = f"{tick:.1f}"
    return "".join(line)


# The numbers ------------------------------------------------------------------------------------------------------


def _meanings(told: Curve) -> Iterator[tuple[str, str]]:
    near = f"{told.near:g}"
    at = f"{told.at_near:.4f} of the pairs with resemblance {near}, the threshold, become candidates; candidates are"
    yield "at near", f"{at} compared exactly, so that a lower chance costs recall and never precision"
    above = f"{told.from_near:.4f} of the pairs with resemblance {near} to 1, were each as frequent as the other: the"
    yield "from near", f"{above} recall to expect of the bands; sampled shingles, below, find some of the rest"
    below = f"{told.below_near:.4f} of the pairs below, in the same way: those that are no excerpts are compared in"
    yield "below near", f"{below} vain, which costs time"
    yield "halfway", f"{told.halfway:.3f} is the resemblance of which half the pairs become candidates"


def _told(name: str, meaning: str, width: int) -> Iterator[Text]:
    first, *others = wrapped(f"{name:<{_NAME}}{meaning}", width, "  ")
    yield Text.assemble((first.plain[: _NAME + 2], HEADING), first.plain[_NAME + 2 :])
    yield from others


def _points(told: Curve, width: int) -> Iterator[Text]:
    columns = [
        _numbers("resemblance", (f"{one.resemblance:.2f}" for one in told.points)),
        _numbers("candidate", (f"{one.probability:.4f}" for one in told.points)),
        _numbers("standard error", (f"{one.standard_error:.3f}" for one in told.points)),
    ]
    yield from table(columns, width, "  ", QUIET)
    about = "standard error: of the resemblance that two signatures tell, as `dedup.signatures` makes them"
    yield from wrapped(about, width, "  ", QUIET)


def _errors(told: Curve, width: int) -> Iterator[Text]:
    yield from wrapped(f"The error of an estimate of {told.near:g}, by permutations", width, "", HEADING)
    marks = ["in force" if one.permutations == told.permutations else "" for one in told.errors]
    columns = [
        _numbers("permutations", (f"{one.permutations:,}" for one in told.errors)),
        _numbers("standard error", (f"{one.standard_error:.3f}" for one in told.errors)),
        Column("", marks, rank=1),
    ]
    yield from table(columns, width, "  ", QUIET)


def _excerpts(told: Curve, width: int) -> Iterator[Text]:
    heading = f"Excerpts: the probability to become a candidate, one shingle in {told.sample:,} being sampled"
    yield from wrapped(heading, width, "", HEADING)
    lengths = sorted({one.shingles for one in told.excerpts})
    columns = [_numbers("shingles", (f"{length:,}" for length in lengths))]
    for share in sorted({one.containment for one in told.excerpts}):
        column = [one.probability for one in told.excerpts if one.containment == share]
        columns.append(_numbers(f"{share:g}", (f"{chance:.4f}" for chance in column)))
    yield from table(columns, width, "  ", QUIET)
    about = "by its distinct shingles and the share of them that stands in the longer text; by sampled shingles alone"
    yield from wrapped(about, width, "  ", QUIET)


def _numbers(head: str, cells: Iterable[str]) -> Column:
    return Column(head, tuple(cells), right=True)


# SVG --------------------------------------------------------------------------------------------------------------

_WIDTH, _HEIGHT = 640, 420
_LEFT, _TOP, _RIGHT, _BOTTOM = 64, 56, 616, 360  # of the plot's inside
_SAMPLES = 200
_STYLE = """
  .paper { fill: #ffffff } .ink { fill: #1d2733 } .quiet { fill: #5a6675 }
  .grid { stroke: #d5dbe2; stroke-width: 1 } .axis { stroke: #5a6675; stroke-width: 1 }
  .curve { fill: none; stroke: #0b63b5; stroke-width: 2.5; stroke-linejoin: round }
  .threshold { stroke: #a8480a; stroke-width: 1.5; stroke-dasharray: 5 4 } .mark { fill: #a8480a }
  text { font: 13px system-ui, sans-serif } .heading { font-size: 16px; font-weight: 600 }
  @media (prefers-color-scheme: dark) {
    .paper { fill: #14181d } .ink { fill: #e8edf2 } .quiet { fill: #9fabb8 }
    .grid { stroke: #2c343d } .axis { stroke: #9fabb8 }
    .curve { stroke: #6cb6ff } .threshold { stroke: #ffab70 } .mark { fill: #ffab70 }
  }
"""


def svg(told: Curve) -> str:
    """Return the plot as an SVG document that stands alone, for light and dark pages."""
    heading = f"{told.bands:,} bands × {told.rows:,} rows"  # noqa: RUF001  (a product, typeset)
    said = (
        f"The probability that two articles become a candidate, by their resemblance: 0.5 at {told.halfway:.3f}, and"
        f" {told.at_near:.4f} at the threshold near, {told.near:g}."
    )
    size = f'viewBox="0 0 {_WIDTH} {_HEIGHT}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-labelledby="title said">',
        f'<title id="title">The S-curve of {heading}</title>',
        f'<desc id="said">{said}</desc>',
        f"<style>{_STYLE}</style>",
        f'<rect class="paper" width="{_WIDTH}" height="{_HEIGHT}"/>',
        _text(_LEFT, _TOP - 28, f"{heading}, {counted(told.permutations, 'permutation')}", "ink heading"),
        _text(_LEFT, _TOP - 9, "probability to become a candidate", "quiet"),
        *_grid(),
        *_threshold(told),
        f'<path class="curve" d="{_path(lambda share: curves.chance(share, told.bands, told.rows))}"/>',
        _text((_LEFT + _RIGHT) / 2, _BOTTOM + 44, "resemblance", "quiet", "middle"),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _grid() -> Iterator[str]:
    for tick in _TICKS:
        x, y = _x(tick), _y(tick)
        kind = "grid" if tick else "axis"
        yield f'<line class="{kind}" x1="{x:.1f}" y1="{_TOP}" x2="{x:.1f}" y2="{_BOTTOM}"/>'
        yield f'<line class="{kind}" x1="{_LEFT}" y1="{y:.1f}" x2="{_RIGHT}" y2="{y:.1f}"/>'
        yield _text(x, _BOTTOM + 20, f"{tick:.1f}", "quiet", "middle")
        yield _text(_LEFT - 8, y + 4, f"{tick:.1f}", "quiet", "end")


def _threshold(told: Curve) -> Iterator[str]:
    """Draw the threshold; its label stands above the plot, where no curve can cross it."""
    x = _x(told.near)
    yield f'<line class="threshold" x1="{x:.1f}" y1="{_TOP}" x2="{x:.1f}" y2="{_BOTTOM}"/>'
    yield _text(_RIGHT, _TOP - 9, f"near {told.near:g}: {told.at_near:.4f} of the pairs there", "mark", "end")


def _path(height: Callable[[float], float]) -> str:
    places = (step / _SAMPLES for step in range(_SAMPLES + 1))
    return "M" + " L".join(f"{_x(share):.1f} {_y(height(share)):.1f}" for share in places)


def _text(x: float, y: float, words: str, kind: str, anchor: str = "start") -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{words}</text>'


def _x(share: float) -> float:
    return _LEFT + share * (_RIGHT - _LEFT)


def _y(share: float) -> float:
    return _BOTTOM - share * (_BOTTOM - _TOP)
