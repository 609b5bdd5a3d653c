"""The charts of a report: FROC, time to first detection, sensitivity by part; points are the figures' own."""

from __future__ import annotations

from collections.abc import Sequence

from app.qa.figures import Figures
from detector.svg import Axis, Dot, Line, dot_chart, lines_chart, nice_top

_FROC = {
    "displayed markers": "false-positive events per procedure",
    "realcolon-compat": "false positives per procedure",
    "lesions, raw boxes": "boxes per negative frame",
}
_PARTS = ("size", "shape", "histology")


def charts_of(models: Sequence[tuple[str, Figures]]) -> tuple[tuple[str, str], ...]:
    """Title and SVG of each chart that has something to show.

    Args:
        models: name and figures of one model, or of two.
    """
    found = [(f"FROC, {name}", _froc(models, name, unit)) for name, unit in _FROC.items()]
    found.append(("Lesions found within a time of their first frame", _times(models)))
    for name, figures in models:
        of = f": {name}" if len(models) > 1 else ""
        for kind in _PARTS:
            rows = [r for r in figures.rows if r.key == "lesion_sensitivity" and r.group.startswith(f"{kind}: ")]
            dots = [
                Dot(r.group.partition(": ")[2], r.figure.value, r.figure.low, r.figure.high)
                for r in rows
                if r.figure.value is not None
            ]
            found.append(
                (f"Lesion sensitivity by {kind}{of}", dot_chart(dots, "lesion sensitivity, displayed markers"))
            )
    return tuple((title, svg) for title, svg in found if svg)


def _froc(models: Sequence[tuple[str, Figures]], curve: str, unit: str) -> str:
    """Sensitivity over false alarms; the dot is the point of the curve nearest to the operating point."""
    lines = []
    for name, figures in models:
        points = figures.clinical.froc.get(curve, []) if figures.clinical is not None else []
        known = sorted(
            ((p.threshold, p.false_per_unit, p.sensitivity) for p in points),
            key=lambda p: -p[0],
        )
        drawn = tuple((x, y) for _, x, y in known if x is not None and y is not None)
        if len(drawn) < 2:
            continue
        near = min(known, key=lambda p: abs(p[0] - figures.threshold))
        mark = (near[1], near[2]) if near[1] is not None and near[2] is not None else None
        lines.append(Line(name, drawn, mark))
    if not lines:
        return ""
    top = nice_top(max(x for line in lines for x, _ in line.points))
    return lines_chart(lines, Axis(unit, top), Axis("lesion sensitivity"))


def _times(models: Sequence[tuple[str, Figures]]) -> str:
    """Share of lesions that had a marker on them so many seconds after their first frame."""
    lines, latest = [], 0.0
    for name, figures in models:
        row = figures.row("lesion_sensitivity")
        if row is None or not row.where:
            continue
        waits = sorted(s.seconds for s in row.where if s.kind == "TP")
        points = [(0.0, 0.0)]
        for number, wait_s in enumerate(waits, 1):
            points += [(wait_s, points[-1][1]), (wait_s, number / len(row.where))]
        latest = max([latest, *waits])
        lines.append((name, points))
    if not lines:
        return ""
    top = nice_top(max(latest, 1.0))
    ended = [Line(name, (*points, (top, points[-1][1]))) for name, points in lines]
    return lines_chart(ended, Axis("seconds from a lesion's first frame", top), Axis("share of lesions found"))
