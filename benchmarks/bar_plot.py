"""Contestants as horizontal bars: p50, and a line on to p99. SVG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from detector.svg import nice_top

WIDTH = 760
_NAMES, _RIGHT, _TOP, _ROW, _BOTTOM = 320, 64, 40, 30, 44
_INK, _GRID, _OURS, _THEIRS = "#333", "#e2e2e2", "#b3261e", "#1f5fa8"
_TICKS = 5


@dataclass(frozen=True, slots=True)
class Bar:
    """One contestant, in milliseconds; ``said`` stands behind its bar."""

    name: str
    p50: float
    p99: float
    said: str = ""


def bars_svg(title: str, bars: Sequence[Bar]) -> str:
    """The chart; the first bar has another colour. Empty without bars."""
    if not bars:
        return ""
    top, bottom = nice_top(max(b.p99 for b in bars)), _TOP + _ROW * len(bars)
    space = WIDTH - _NAMES - _RIGHT

    def px(ms: float) -> float:
        return _NAMES + ms / top * space

    body = [_text(14, 24, title, "start", ' font-weight="bold"')]
    for k in range(_TICKS + 1):
        x = px(top * k / _TICKS)
        body.append(f'<line x1="{x:.1f}" y1="{_TOP}" x2="{x:.1f}" y2="{bottom}" stroke="{_GRID}"/>')
        body.append(_text(x, bottom + 16, f"{top * k / _TICKS:g}", "middle"))
    for k, bar in enumerate(bars):
        y, colour = _TOP + _ROW * (k + 0.5), _THEIRS if k else _OURS
        width = px(bar.p50) - _NAMES
        body.append(_text(_NAMES - 10, y + 4, bar.name, "end"))
        body.append(f'<rect x="{_NAMES}" y="{y - 8:.1f}" width="{width:.1f}" height="16" fill="{colour}"/>')
        ends = f'x1="{px(bar.p50):.1f}" x2="{px(bar.p99):.1f}"'
        body.append(f'<line {ends} y1="{y:.1f}" y2="{y:.1f}" stroke="{colour}" stroke-width="2"/>')
        body.append(_text(px(bar.p99) + 8, y + 4, bar.said, "start"))
    body.append(_text(_NAMES + space / 2, bottom + 36, "ms from frame to boxes: p50, and the line to p99", "middle"))
    height = bottom + _BOTTOM
    style = 'font-family="sans-serif" font-size="12" role="img"'
    view = f'viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
    page = f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {view} {style}>{page}{"".join(body)}</svg>\n'


def _text(x: float, y: float, words: str, anchor: str, extra: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{_INK}"{extra}>{escape(words)}</text>'
