"""The evaluation as one HTML page that loads nothing: tables, curves, and the worst images as pictures.

The page shows images of patients: it stays where the data is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from detector.scoring import FrocPoint
from detector.svg import Axis, Dot, bar_chart, dot_chart, line_chart, nice_top
from training.evaluation.curves import Curves
from training.evaluation.intervals import Figure
from training.evaluation.measure import Section
from training.evaluation.rows import Row
from training.evaluation.run import SOFTWARE, Evaluation
from training.evaluation.store import write_text
from training.evaluation.words import interval, label, number
from training.evaluation.worst import Worst, picture, worst_false_alarms, worst_misses
from training.samples import Sample, sample_image

REPORT_NAME = "report.html"
_TEMPLATE = "report.html.j2"
_PART_FIGURES = ("ap50", "ap50_95", "recall", "recall_iou20", "precision", "negatives_with_false_box")


def write_report(found: Evaluation, samples: Sequence[Sample], path: Path, pictures: int = 12) -> None:
    """Write the page.

    Args:
        found: what was measured.
        samples: the same images in the same order, for their pictures.
        path: of the HTML file.
        pictures: how many misses and how many false alarms are shown; 0 shows none.

    Raises:
        OutputError: it cannot be written.
        SourceError: an image is no longer there.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    loader = FileSystemLoader(Path(__file__).parent / "templates")
    template = Environment(loader=loader, autoescape=True, undefined=StrictUndefined).get_template(_TEMPLATE)
    threshold = found.threshold
    misses = worst_misses(found.rows, threshold, pictures)
    alarms = worst_false_alarms(found.rows, threshold, pictures)
    clinical = found.sequences
    page = template.render(
        software=SOFTWARE,
        model=found.predictions.model,
        data=found.predictions.data,
        command=found.command,
        total=found.total,
        figures=_lines(found.total.figures),
        parts=[
            (title, _part_table(sections))
            for title, sections in (
                ("data set", found.by_source),
                ("centre", found.by_centre),
                ("size of the lesion", found.by_size),
            )
            if sections
        ],
        clinical=clinical,
        raw=_lines(clinical.raw, sequences=True) if clinical else [],
        shown=_lines(clinical.shown, sequences=True) if clinical else [],
        charts=_charts(found),
        misses=_pictures(misses, found.rows, samples, threshold),
        alarms=_pictures(alarms, found.rows, samples, threshold),
        has_pictures=bool(misses or alarms),
    )
    write_text(page, path)


def _lines(figures: Mapping[str, Figure], sequences: bool = False) -> list[tuple[str, str, str, str]]:
    return [(label(n, sequences), number(f.value), interval(f), f.over) for n, f in figures.items()]


def _part_table(sections: Mapping[str, Section]) -> dict[str, Any]:
    """Head and rows of a table by part; figures that no part has are left out."""
    names = [n for n in _PART_FIGURES if any(_value(s, n) is not None for s in sections.values())]
    rows = []
    for name, section in sections.items():
        figures = [section.figures.get(n, Figure(None)) for n in names]
        cells = [(number(f.value), interval(f)) for f in figures]
        rows.append({"name": name, "images": section.images, "lesions": section.lesions, "cells": cells})
    return {"heads": [label(n) for n in names], "rows": rows}


def _value(section: Section, name: str) -> float | None:
    return section.figures.get(name, Figure(None)).value


def _charts(found: Evaluation) -> list[tuple[str, str]]:
    """(title, SVG) of every chart that has something to show."""
    charts = [*_still_charts(found.curves, found.threshold)]
    for title, sections in (("data set", found.by_source), ("centre", found.by_centre), ("size", found.by_size)):
        charts.append((f"Recall by {title} (IoU 0.5, 95 % interval)", dot_chart(_dots(sections, "recall"), "recall")))
    for name, points in (found.sequences.froc if found.sequences else {}).items():
        charts.append((f"FROC of sequences: {name}", _froc(points, found.threshold, _FROC_UNITS[name])))
    return [(title, svg) for title, svg in charts if svg]


_FROC_UNITS = {
    "lesions, raw boxes": "boxes per negative frame",
    "realcolon-compat": "false positives per procedure",
    "displayed markers": "false-positive events per procedure",
}


def _still_charts(curves: Curves, threshold: float) -> list[tuple[str, str]]:
    points = curves.precision_recall
    at = next((p for p in reversed(points) if p[2] >= threshold), None)
    mark = (at[0], at[1]) if at else None
    said = f"threshold {threshold:g}"
    line = line_chart([(r, p) for r, p, _ in points], Axis("recall"), Axis("precision"), mark, said)
    histogram = ""
    if sum(curves.negatives):
        histogram = bar_chart(curves.negatives, Axis("highest score on the image"), "images", threshold, said)
    return [
        ("Precision over recall (IoU 0.5)", line),
        ("FROC of single images (IoU 0.5)", _froc(curves.froc, threshold, "false boxes per image")),
        ("Images without a polyp", histogram),
    ]


def _froc(points: Sequence[FrocPoint], threshold: float, unit: str) -> str:
    drawn = [(p.false_per_unit, p.sensitivity, p.threshold) for p in points]
    known = [(x, y, t) for x, y, t in drawn if x is not None and y is not None]
    if len(known) < 2:
        return ""
    known.sort(key=lambda p: -p[2])
    top = nice_top(max(x for x, _, _ in known))
    at = min(known, key=lambda p: abs(p[2] - threshold))
    return line_chart(
        [(x, y) for x, y, _ in known], Axis(unit, top), Axis("sensitivity"), (at[0], at[1]), f"threshold {at[2]:g}"
    )


def _dots(sections: Mapping[str, Section], name: str) -> list[Dot]:
    found = [(k, s.figures[name]) for k, s in sections.items()]
    return [Dot(k, f.value, f.low, f.high) for k, f in found if f.value is not None]


def _pictures(
    worst: Sequence[Worst], rows: Sequence[Row], samples: Sequence[Sample], threshold: float
) -> list[tuple[str, str, str]]:
    return [
        (rows[w.row].name, w.said, picture(rows[w.row], sample_image(samples[w.row]), threshold, w.weak)) for w in worst
    ]
