"""A roofline as SVG: attained operations per second over operations per byte, both axes logarithmic."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 760, 470
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 20, 40, 56
_INK, _GRID, _ROOF, _KIND, _WHOLE = "#333", "#e2e2e2", "#777", "#1f5fa8", "#b3261e"
_LABEL_PX = 13


@dataclass(frozen=True, slots=True)
class Point:
    """Something that ran.

    Attributes:
        label: what it is.
        intensity: operations per byte.
        gflops_s: attained, in 1e9 per second.
        whole: the network itself, not a part of it.
    """

    label: str
    intensity: float
    gflops_s: float
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Axes:
    """Powers of ten at the ends."""

    x: tuple[int, int]
    y: tuple[int, int]

    def px(self, intensity: float) -> float:
        """Pixels from the left."""
        return _LEFT + (math.log10(intensity) - self.x[0]) / (self.x[1] - self.x[0]) * (WIDTH - _LEFT - _RIGHT)

    def py(self, gflops_s: float) -> float:
        """Pixels from the top."""
        share = (math.log10(gflops_s) - self.y[0]) / (self.y[1] - self.y[0])
        return HEIGHT - _BOTTOM - share * (HEIGHT - _TOP - _BOTTOM)


def roofline_svg(title: str, gops: Mapping[str, float], gb_s: Mapping[str, float], points: Sequence[Point]) -> str:
    """The chart.

    Args:
        title: over it.
        gops: flat roofs, 1e9 operations per second by name.
        gb_s: sloped roofs, 1e9 bytes per second by name; each ends at the highest flat one.
        points: below them; those without operations cannot be drawn and are left out.
    """
    shown = [p for p in points if p.intensity > 0 and p.gflops_s > 0]
    axes = _axes(gops, gb_s, shown)
    body = [_text(_LEFT, 24, title, "start", bold=True), *_grid(axes), *_roofs(axes, gops, gb_s)]
    taken: list[tuple[float, float]] = []
    for point in sorted(shown, key=lambda p: axes.py(p.gflops_s)):
        x, y = axes.px(point.intensity), axes.py(point.gflops_s)
        colour = _WHOLE if point.whole else _KIND
        body.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{6 if point.whole else 4.5}" fill="{colour}"/>')
        body.append(_beside(x, y, point.label, colour, taken))
    style = 'font-family="sans-serif" font-size="12" role="img"'
    view = f'viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}"'
    page = f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {view} {style}>{page}{"".join(body)}</svg>\n'


def _axes(gops: Mapping[str, float], gb_s: Mapping[str, float], points: Sequence[Point]) -> Axes:
    top = max(gops.values())
    knees = [top / slope for slope in gb_s.values()]
    xs = [p.intensity for p in points] + knees
    ys = [p.gflops_s for p in points] + [top]
    return Axes(
        (min(-1, math.floor(math.log10(min(xs)))), max(2, math.ceil(math.log10(max(xs))))),
        (min(0, math.floor(math.log10(min(ys)))), math.ceil(math.log10(top * 1.3))),
    )


def _grid(axes: Axes) -> list[str]:
    bottom, right, lines = HEIGHT - _BOTTOM, WIDTH - _RIGHT, []
    for power in range(axes.x[0], axes.x[1] + 1):
        x = axes.px(10.0**power)
        lines += [_line(x, _TOP, x, bottom, _GRID), _text(x, bottom + 18, f"{10.0**power:g}", "middle")]
    for power in range(axes.y[0], axes.y[1] + 1):
        y = axes.py(10.0**power)
        lines += [_line(_LEFT, y, right, y, _GRID), _text(_LEFT - 8, y + 4, f"{10.0**power:g}", "end")]
    lines.append(_text((_LEFT + right) / 2, HEIGHT - 14, "operations per byte", "middle"))
    middle = (_TOP + bottom) / 2
    turned = f'transform="rotate(-90 18 {middle:.1f})"'
    return [*lines, _text(18, middle, "attained 1e9 operations per second", "middle", extra=turned)]


def _roofs(axes: Axes, gops: Mapping[str, float], gb_s: Mapping[str, float]) -> list[str]:
    lines, right = [], WIDTH - _RIGHT
    widest, top = max(gb_s.values()), max(gops.values())
    above: list[float] = []
    for name, height in sorted(gops.items(), key=lambda item: -item[1]):
        y, start = axes.py(height), axes.px(max(10.0 ** axes.x[0], height / widest))
        lines.append(_line(start, y, right, y, _ROOF, 1.6))
        under = any(abs(y - other) < 2 * _LABEL_PX for other in above)
        above.append(y)
        lines.append(_text(right - 4, y + 15 if under else y - 6, f"{name}: {height:,.0f} GOP/s", "end", _ROOF))
    for name, slope in gb_s.items():
        low = max(10.0 ** axes.x[0], 10.0 ** axes.y[0] / slope)
        x1, y1, x2, y2 = axes.px(low), axes.py(low * slope), axes.px(top / slope), axes.py(top)
        lines.append(_line(x1, y1, x2, y2, _ROOF, 1.6, "6 4"))
        angle = math.degrees(math.atan2(y2 - y1, x2 - x1))
        at = 0.06
        x, y = x1 + (x2 - x1) * at, y1 + (y2 - y1) * at - 6
        turned = f'transform="rotate({angle:.1f} {x:.1f} {y:.1f})"'
        lines.append(_text(x, y, f"{name}: {slope:,.0f} GB/s", "start", _ROOF, turned))
    return lines


def _beside(x: float, y: float, label: str, colour: str, taken: list[tuple[float, float]]) -> str:
    """The label, lower where another one already stands."""
    left = x > WIDTH * 0.7
    at = y + 4
    while any(abs(at - other) < _LABEL_PX and abs(x - column) < 190 for column, other in taken):
        at += _LABEL_PX
    taken.append((x, at))
    return _text(x + (-10 if left else 10), at, label, "end" if left else "start", colour)


def _line(x1: float, y1: float, x2: float, y2: float, colour: str, width: float = 1, dash: str = "") -> str:
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    ends = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
    return f'<line {ends} stroke="{colour}" stroke-width="{width}"{dashed}/>'


def _text(x: float, y: float, words: str, anchor: str, colour: str = _INK, extra: str = "", bold: bool = False) -> str:
    weight = ' font-weight="bold"' if bold else ""
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}"{weight}'
    return f"<text {place} {extra}>{escape(words)}</text>"
