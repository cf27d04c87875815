"""Plots as SVG, without a library: points and lines on two axes, each series named where it ends."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

WIDTH, HEIGHT = 760, 440
LEFT, RIGHT, TOP, BOTTOM = 70, 190, 46, 52
_LINE = 14  # pixels from one name to the next
_OWN, _OTHERS = "#b3261e", ("#31507a", "#5b7f3b", "#7a5195", "#8a6d1f", "#2f7f86", "#5f5f5f")
_HEAD = (
    f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
    'font-family="sans-serif" font-size="12" role="img">'
)


class Axis(NamedTuple):
    """One direction of a plot."""

    title: str
    least: float
    most: float
    spelled: Callable[[float], str]
    is_log: bool = False

    def place(self, value: float) -> float:
        """Put a value between 0 and 1."""
        scale = math.log10 if self.is_log else float
        low, high = scale(self.least), scale(self.most)
        return (scale(value) - low) / (high - low)

    def ticks(self) -> list[float]:
        """Choose round values: powers of ten, or six steps."""
        if self.is_log:
            exponents = range(math.ceil(math.log10(self.least) - 1e-9), math.floor(math.log10(self.most) + 1e-9) + 1)
            return [10.0**exponent for exponent in exponents]
        return [self.least + (self.most - self.least) * step / 5 for step in range(6)]


class Series(NamedTuple):
    """Points with one name, in the order in which they are joined."""

    name: str
    points: list[tuple[float, float]]
    is_own: bool
    """The product's."""
    is_hollow: bool
    """A wrong answer: drawn, and not filled."""


def log_axis(title: str, values: Iterable[float], spelled: Callable[[float], str]) -> Axis:
    """Make a logarithmic axis whose ends are powers of ten."""
    known = list(values)
    low, high = math.floor(math.log10(min(known))), math.ceil(math.log10(max(known)))
    return Axis(title, 10.0**low, 10.0 ** max(high, low + 1), spelled, is_log=True)


def plot(title: str, across: Axis, up: Axis, series: Sequence[Series]) -> str:
    """Draw a plot."""
    parts = [_HEAD, f"<title>{escape(title)}</title>", f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>']
    parts.append(f'<text x="{LEFT}" y="24" font-size="15" font-weight="bold">{escape(title)}</text>')
    parts += [*_grid(across, up), *_drawn(across, up, series), "</svg>"]
    return "\n".join(parts) + "\n"


def _x(across: Axis, value: float) -> float:
    return LEFT + across.place(value) * (WIDTH - LEFT - RIGHT)


def _y(up: Axis, value: float) -> float:
    return HEIGHT - BOTTOM - up.place(value) * (HEIGHT - TOP - BOTTOM)


def _grid(across: Axis, up: Axis) -> Iterable[str]:
    for value in across.ticks():
        x = _x(across, value)
        yield f'<line x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{HEIGHT - BOTTOM}" stroke="#e4e4e4"/>'
        label = escape(across.spelled(value))
        yield f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle" fill="#444">{label}</text>'
    for value in up.ticks():
        y = _y(up, value)
        yield f'<line x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}" stroke="#e4e4e4"/>'
        yield f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end" fill="#444">{escape(up.spelled(value))}</text>'
    middle = (LEFT + WIDTH - RIGHT) / 2
    yield f'<text x="{middle}" y="{HEIGHT - 12}" text-anchor="middle" fill="#222">{escape(across.title)}</text>'
    yield f'<text x="{LEFT}" y="{TOP - 6}" fill="#222">{escape(up.title)}</text>'


def _drawn(across: Axis, up: Axis, series: Sequence[Series]) -> Iterable[str]:
    others = iter(_OTHERS * (len(series) // len(_OTHERS) + 1))
    colours = [_OWN if one.is_own else next(others) for one in series]
    ends = [(_x(across, one.points[-1][0]), _y(up, one.points[-1][1])) for one in series]
    for one, colour in zip(series, colours, strict=True):
        yield from _line(across, up, one, colour)
    for one, colour, end, y in zip(series, colours, ends, _apart([y for _, y in ends]), strict=True):
        x = WIDTH - RIGHT + 14
        weight = ' font-weight="bold"' if one.is_own else ""
        leader = f'<line x1="{end[0] + 5:.1f}" y1="{end[1]:.1f}" x2="{x - 3}" y2="{y:.1f}"'
        yield f'{leader} stroke="{colour}" stroke-width="0.5"/>'
        yield f'<text x="{x}" y="{y + 4:.1f}" fill="{colour}"{weight}>{escape(one.name)}</text>'


def _line(across: Axis, up: Axis, one: Series, colour: str) -> Iterable[str]:
    places = [(_x(across, x), _y(up, y)) for x, y in one.points]
    dashes = ' stroke-dasharray="4 3"' if one.is_hollow else ""
    if len(places) > 1:
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        width = 2.5 if one.is_own else 1.5
        yield f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="{width}"{dashes}/>'
    for x, y in places:
        fill = "#ffffff" if one.is_hollow else colour
        yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{fill}" stroke="{colour}" stroke-width="1.5"/>'


def _apart(heights: Sequence[float]) -> list[float]:
    """Move names up or down until none covers another."""
    order = sorted(range(len(heights)), key=heights.__getitem__)
    placed = dict.fromkeys(order, 0.0)
    last = float(TOP - _LINE)
    for name in order:
        last = placed[name] = max(heights[name], last + _LINE)
    floor = float(HEIGHT - BOTTOM + _LINE)
    for name in reversed(order):
        floor = placed[name] = min(placed[name], floor - _LINE)
    return [placed[name] for name in range(len(heights))]
