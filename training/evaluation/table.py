"""An evaluation as plain text for the terminal."""

from __future__ import annotations

from collections.abc import Mapping

from training.evaluation.compare import Comparison
from training.evaluation.intervals import Figure
from training.evaluation.run import Evaluation
from training.evaluation.words import MISSING, interval, label, number

_PART_FIGURES = ("ap50", "ap50_95", "recall", "precision", "f1", "negatives_with_false_box")


def table(found: Evaluation) -> str:
    """All figures with their intervals, what they were drawn over, and what could not be given."""
    model, data, total = found.predictions.model, found.predictions.data, found.total
    lines = [
        f"{model.name} {model.version} ({model.variant}, {model.provider}) on {data.name}: {data.words}",
        *([f"({data.relation})"] if data.relation else []),
        f"{total.images} images, {total.lesions} lesion boxes, {total.negative_images} without a polyp; "
        f"threshold {model.threshold:g}; 95 % intervals over {total.over}",
        "",
        *_figures(total.figures, total.over),
    ]
    for title, sections in (
        ("by data set", found.by_source),
        ("by centre", found.by_centre),
        ("by size", found.by_size),
    ):
        if sections:
            names = [n for n in _PART_FIGURES if any(_given(s.figures.get(n)) for s in sections.values())]
            width = max(len(k) for k in sections) + 2
            lines += ["", f"{title:<{width}}{'images':>8}{'lesions':>9}" + "".join(f"{n[:14]:>16}" for n in names)]
            for name, section in sections.items():
                cells = "".join(f"{number(f.value) if (f := section.figures.get(n)) else MISSING:>16}" for n in names)
                lines.append(f"{name:<{width}}{section.images:>8}{section.lesions:>9}{cells}")
    return "\n".join(lines + _sequences(found))


def comparison_text(found: Comparison) -> str:
    """A comparison in two lines."""
    if found.gain is None:
        return f"{found.figure}: {found.verdict}: {found.reason}"
    return (
        f"{found.figure}: candidate {number(found.candidate)}, current {number(found.current)}, over {found.over}\n"
        f"{found.verdict}: {found.reason}"
    )


def _sequences(found: Evaluation) -> list[str]:
    clinical = found.sequences
    if clinical is None:
        return []
    lines = ["", f"{clinical.recordings} sequences (95 % intervals over {clinical.over})"]
    lines += [f"  note: {note}" for note in clinical.notes]
    for title, figures in (("raw boxes", clinical.raw), ("displayed markers (true time)", clinical.shown)):
        if figures:
            lines += [f"{title}:", *_figures(figures, clinical.over, sequences=True)]
    return lines


def _figures(figures: Mapping[str, Figure], over: str, sequences: bool = False) -> list[str]:
    rows = []
    for name, figure in figures.items():
        if _given(figure):
            beside = f"  ({figure.over})" if figure.over not in ("", over) else ""
            rows.append(f"  {label(name, sequences):<42}{number(figure.value):>8}  {interval(figure)}{beside}")
    missing = [label(name, sequences) for name, figure in figures.items() if not _given(figure)]
    return rows + ([f"  cannot be given here: {'; '.join(missing)}"] if missing else [])


def _given(figure: Figure | None) -> bool:
    return figure is not None and figure.value is not None
