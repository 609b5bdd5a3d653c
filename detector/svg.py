"""Small charts as SVG markup, for pages that load nothing: lines, bars, and dots with intervals.

Behind the evaluation page of training and the reports of the QA room. Nothing is counted here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 420, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 14, 14, 46
_INK, _GRID, _LINE, _MARK, _OTHER = "#333", "#ddd", "#1f5fa8", "#b3261e", "#a34700"
_TICKS = 5


@dataclass(frozen=True, slots=True)
class Axis:
    """A linear axis from 0 to `top`."""

    label: str
    top: float = 1.0


def line_chart(
    points: Sequence[tuple[float, float]], x: Axis, y: Axis, mark: tuple[float, float] | None = None, said: str = ""
) -> str:
    """A curve; `mark` is one point of it with the words `said` (the operating point)."""
    if not points:
        return ""
    path = " ".join(f"{_px(a, x):.1f},{_py(b, y):.1f}" for a, b in points)
    body = [f'<polyline points="{path}" fill="none" stroke="{_LINE}" stroke-width="2"/>']
    if mark:
        cx, cy = _px(mark[0], x), _py(mark[1], y)
        left = cx > WIDTH / 2
        body.append(f'<circle cx="{cx:.1f}" cy="{cy:.1f}" r="5" fill="{_MARK}"/>')
        body.append(_text(cx + (-9 if left else 9), cy + 16, said, "end" if left else "start", _MARK))
    return _chart(body, x, y)


@dataclass(frozen=True, slots=True)
class Line:
    """One of several curves; `mark` is one point of it (the operating point)."""

    name: str
    points: tuple[tuple[float, float], ...]
    mark: tuple[float, float] | None = None


def lines_chart(lines: Sequence[Line], x: Axis, y: Axis) -> str:
    """Up to two curves with their names in the lower right corner; the second is dashed and of another colour."""
    drawn = [line for line in lines if line.points]
    if not drawn:
        return ""
    body = []
    for number, line in enumerate(drawn):
        path = " ".join(f"{_px(a, x):.1f},{_py(b, y):.1f}" for a, b in line.points)
        body.append(f'<polyline points="{path}" fill="none" {_stroke(number)}/>')
        if line.mark:
            cx, cy = _px(line.mark[0], x), _py(line.mark[1], y)
            body.append(f'<circle cx="{cx:.1f}" cy="{cy:.1f}" r="5" fill="{(_LINE, _OTHER)[number % 2]}"/>')
    if len(drawn) > 1:
        wide = 44 + 6.6 * max(len(line.name) for line in drawn)
        left, top = max(_LEFT + 4, WIDTH - _RIGHT - wide - 4), HEIGHT - _BOTTOM - 18 * len(drawn) - 6
        size = f'width="{WIDTH - _RIGHT - left - 4:.1f}" height="{18 * len(drawn) + 2}"'
        body.append(f'<rect x="{left:.1f}" y="{top:.1f}" {size} fill="#fff" fill-opacity="0.9"/>')
        for number, line in enumerate(drawn):
            at = top + 12 + 18 * number
            ends = f'x1="{left + 4:.1f}" x2="{left + 32:.1f}" y1="{at:.1f}" y2="{at:.1f}"'
            body.append(f"<line {ends} {_stroke(number)}/>")
            body.append(_text(left + 38, at + 4, line.name, "start"))
    return _chart(body, x, y)


def bar_chart(counts: Sequence[int], x: Axis, y_label: str, limit: float | None = None, said: str = "") -> str:
    """A histogram over equal bins of the x axis; `limit` is a vertical line with the words `said`."""
    top = max(5.0, nice_top(max(counts, default=0)))
    y = Axis(y_label, top if top % 5 == 0 else 10.0)  # images are counted: the grid lines stand at whole numbers
    step = x.top / max(1, len(counts))
    body = []
    for k, count in enumerate(counts):
        left, right, top = _px(k * step, x), _px((k + 1) * step, x), _py(count, y)
        size = f'width="{right - left - 1:.1f}" height="{_py(0, y) - top:.1f}"'
        body.append(f'<rect x="{left:.1f}" y="{top:.1f}" {size} fill="{_LINE}"/>')
    if limit is not None:
        at = _px(limit, x)
        body.append(
            f'<line x1="{at:.1f}" y1="{_TOP}" x2="{at:.1f}" y2="{_py(0, y):.1f}" stroke="{_MARK}" stroke-width="2"/>'
        )
        left_side = at > WIDTH / 2
        body.append(_text(at + (-6 if left_side else 6), _TOP + 12, said, "end" if left_side else "start", _MARK))
    return _chart(body, x, y)


@dataclass(frozen=True, slots=True)
class Dot:
    """One row of a dot chart: a value from 0 to 1, with its interval if there is one."""

    label: str
    value: float
    low: float | None
    high: float | None


def dot_chart(dots: Sequence[Dot], label: str) -> str:
    """One row per part, each a dot with its interval, on an axis from 0 to 1."""
    if not dots:
        return ""
    names, row = 150, 26
    height = _TOP + row * len(dots) + _BOTTOM
    x = Axis(label)

    def px(value: float) -> float:
        return names + value * (WIDTH - names - _RIGHT)

    bottom = _TOP + row * len(dots)
    body = []
    for k in range(_TICKS + 1):
        at = px(k / _TICKS)
        body.append(f'<line x1="{at:.1f}" y1="{_TOP}" x2="{at:.1f}" y2="{bottom}" stroke="{_GRID}"/>')
        body.append(_text(at, bottom + 16, f"{k / _TICKS:g}", "middle"))
    for k, dot in enumerate(dots):
        y = _TOP + row * (k + 0.5)
        body.append(_text(names - 10, y + 4, dot.label, "end"))
        if dot.low is not None and dot.high is not None:
            ends = f'x1="{px(dot.low):.1f}" x2="{px(dot.high):.1f}"'
            body.append(f'<line {ends} y1="{y:.1f}" y2="{y:.1f}" stroke="{_LINE}" stroke-width="2"/>')
        body.append(f'<circle cx="{px(dot.value):.1f}" cy="{y:.1f}" r="5" fill="{_LINE}"/>')
    body.append(_text((names + WIDTH - _RIGHT) / 2, bottom + 36, x.label, "middle"))
    return _svg(body, height)


def nice_top(most: float) -> float:
    """The end of an axis that holds `most` and puts its five grid lines at short numbers; 1 if there is nothing."""
    if most <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(most))
    return next(k * power for k in (1, 1.5, 2, 2.5, 3, 4, 5, 7.5, 10) if k * power >= most * (1 - 1e-9))


def _chart(body: list[str], x: Axis, y: Axis) -> str:
    bottom, right = HEIGHT - _BOTTOM, WIDTH - _RIGHT
    frame = []
    for k in range(_TICKS + 1):
        share = k / _TICKS
        at_x, at_y = _px(share * x.top, x), _py(share * y.top, y)
        frame.append(f'<line x1="{at_x:.1f}" y1="{_TOP}" x2="{at_x:.1f}" y2="{bottom}" stroke="{_GRID}"/>')
        frame.append(f'<line x1="{_LEFT}" y1="{at_y:.1f}" x2="{right}" y2="{at_y:.1f}" stroke="{_GRID}"/>')
        frame.append(_text(at_x, bottom + 16, f"{share * x.top:.3g}", "middle"))
        frame.append(_text(_LEFT - 7, at_y + 4, f"{share * y.top:.3g}", "end"))
    frame.append(_text((_LEFT + right) / 2, HEIGHT - 10, x.label, "middle"))
    middle = (_TOP + bottom) / 2
    turned = f'transform="rotate(-90 14 {middle:.1f})"'
    frame.append(_text(14, middle, y.label, "middle", extra=turned))
    return _svg(frame + body, HEIGHT)


def _stroke(number: int) -> str:
    dashed = ' stroke-dasharray="7 4"' if number % 2 else ""
    return f'stroke="{(_LINE, _OTHER)[number % 2]}" stroke-width="2"{dashed}'


def _svg(body: list[str], height: float) -> str:
    view = f'viewBox="0 0 {WIDTH} {height:g}" width="{WIDTH}" height="{height:g}"'
    style = 'font-family="sans-serif" font-size="12" role="img"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {view} {style}>{"".join(body)}</svg>'


def _text(x: float, y: float, words: str, anchor: str, colour: str = _INK, extra: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}" {extra}>{escape(words)}</text>'


def _px(value: float, axis: Axis) -> float:
    return _LEFT + min(1.0, value / axis.top) * (WIDTH - _LEFT - _RIGHT)


def _py(value: float, axis: Axis) -> float:
    return HEIGHT - _BOTTOM - min(1.0, value / axis.top) * (HEIGHT - _TOP - _BOTTOM)
