"""Figures of procedures: from labels and answers to `detector.scoring`, and from every figure back to its frames.

Nothing is counted here: what is labelled and what was answered become `detector.scoring.Recording` (`app.qa.scored`),
the figures are `detector.scoring.measure_recordings`, which is also behind ``polypwatch score``, the reports and
``polypwatch-train evaluate``. This module says of which procedures and lesions, and adds where each figure comes from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from app.qa import verdicts
from app.qa.groups import Group, lesion_groups, procedure_groups
from app.qa.rates import DetectionRates, detection_rates
from app.qa.scored import Scored, names_of, renamed, score_ready
from app.qa.spots import Spot
from detector.alerts import AlertSettings
from detector.errors import UsageError
from detector.scoring import Draws, Figure, lesion_figure, realcolon_figure, shown_figure
from detector.scoring.clinical import Clinical, measure_recordings
from detector.scoring.events import DURATIONS_S
from detector.scoring.intervals import LOOSE_IOU
from detector.scoring.words import sequence_label

__all__ = ["FigureRow", "Figures", "Spot", "events_of", "measure", "score_ready"]

Source = Literal["shown", "raw", "realcolon-compat", "withdrawal", "group"]
"""Of what a figure is: markers on the screen (definition ``shown``), raw boxes, raw boxes by the definition of
REAL-Colon, markers of the withdrawal only, markers on a part of the lesions or procedures."""


@dataclass(frozen=True, slots=True)
class FigureRow:
    """One figure with its interval, and the frames that it comes from.

    Attributes:
        key: name of the figure, the same in every version; with `source` and `group` it is unique.
        source: see `Source`.
        group: which part of lesions or procedures, as ``size: 6 to 9 mm``; empty for all.
        words: what it is called.
        figure: value and interval; a value of None cannot be given.
        where: what made it: misses and false alarms first, the worst of them first.
        why_not: why the value cannot be given; empty if it is there.
    """

    key: str
    source: Source
    group: str
    words: str
    figure: Figure
    where: tuple[Spot, ...]
    why_not: str = ""

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready, without the spots."""
        return {
            "key": self.key,
            "source": self.source,
            "group": self.group,
            "words": self.words,
            **self.figure.as_dict(),
            "spots": len(self.where),
            "why_not": self.why_not,
        }


@dataclass(frozen=True, slots=True, eq=False)
class Figures:
    """What was measured on a set of procedures with one model.

    Attributes:
        procedures: that count, by name: somebody reviewed a frame of each.
        left_out: names of those of which nobody reviewed anything.
        model: what answered.
        threshold: the operating point.
        clinical: figures as `detector.scoring` gives them; None if nothing is reviewed.
        rows: the same and more, each with its frames.
        rates: polyp and adenoma detection.
        events: everything right and wrong, by procedure and position.
        notes: what must be said beside the figures.
    """

    procedures: tuple[Scored, ...]
    left_out: tuple[str, ...]
    model: str
    threshold: float
    clinical: Clinical | None
    rows: tuple[FigureRow, ...]
    rates: DetectionRates
    events: tuple[Spot, ...]
    notes: tuple[str, ...]

    def row(self, key: str, source: Source = "shown", group: str = "") -> FigureRow | None:
        """A figure by its name."""
        return next((r for r in self.rows if (r.key, r.source, r.group) == (key, source, group)), None)

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready; None stays None. ``sequences`` is that of ``evaluation.json``."""
        return {
            "model": self.model,
            "threshold": self.threshold,
            "procedures": [p.name for p in self.procedures],
            "not_reviewed": list(self.left_out),
            "sequences": self.clinical.as_dict() if self.clinical else None,
            "rates": self.rates.as_dict(),
            "figures": [row.as_dict() for row in self.rows],
            "notes": list(self.notes),
        }


def measure(procedures: Sequence[Scored], draws: int = 2000, seed: int = 1, *, curves: bool = True) -> Figures:
    """All figures of a set of procedures.

    Args:
        procedures: in any order; where two have one name all are called by their paths.
        draws: of the bootstrap over procedures.
        seed: of the bootstrap.
        curves: FROC, which runs tracking and alerts at nine further thresholds.

    Raises:
        UsageError: their thresholds differ.
        FormatError: two of them cannot be told apart.
    """
    ready = sorted(_told_apart(procedures), key=lambda p: p.name)
    counted = [p for p in ready if p.reviewed]
    thresholds = sorted({p.threshold for p in counted})
    if len(thresholds) > 1:
        raise UsageError(
            f"These procedures were answered at different thresholds ({', '.join(f'{t:g}' for t in thresholds)}).",
            "Give one with --threshold, or choose the results of one model.",
        )
    threshold = thresholds[0] if thresholds else 0.0
    left_out = tuple(p.name for p in ready if not p.reviewed)
    models = sorted({p.model for p in counted})
    notes = _notes(ready, left_out, models)
    model = ", ".join(models)
    if not counted:
        nothing: tuple[Spot, ...] = ()
        return Figures((), left_out, model, threshold, None, (), detection_rates(()), nothing, notes)
    how = Draws(draws, seed, _over(len(counted)))
    clinical = _clinical(counted, threshold, how, curves)
    found = {p.name: verdicts.of(p) for p in counted}
    rows = _main_rows(clinical, counted, found)
    rows += _per_procedure_rows(counted, found, threshold, how)
    rows += _withdrawal_rows(counted, found, how)
    for group in (*lesion_groups(counted), *procedure_groups(counted)):
        rows += _group_rows(group, found, how)
    events = tuple(spot for p in counted for spot in found[p.name].events)
    return Figures(
        tuple(counted), left_out, model, threshold, clinical, tuple(rows), detection_rates(counted), events, notes
    )


def events_of(scored: Scored) -> tuple[Spot, ...]:
    """What was right and wrong in one procedure, by position: for the timeline and the keys that go to the next one.

    False markers and markers that met a lesion, and stretches in which a lesion was there and no marker found it. Only
    what was reviewed counts.
    """
    return verdicts.of(scored).events


def _told_apart(procedures: Sequence[Scored]) -> list[Scored]:
    if len({p.name for p in procedures}) == len(procedures):
        return list(procedures)
    names = names_of([p.path for p in procedures])
    return [renamed(p, name) for p, name in zip(procedures, names, strict=True)]


def _over(count: int) -> str:
    return "1 procedure" if count == 1 else f"{count} procedures"


def _clinical(procedures: Sequence[Scored], threshold: float, how: Draws, curves: bool) -> Clinical:
    raw = [p.raw for p in procedures]
    shown = [p.shown for p in procedures if p.shown is not None]
    nominal = [p.name for p in procedures if p.raw.time == "nominal"]
    notes = [f"seconds are nominal: single pictures have no time ({', '.join(nominal)})"] if nominal else []
    marked = [p.marking for p in procedures if p.marking is not None]
    return measure_recordings(
        raw,
        threshold,
        how,
        notes,
        shown=shown,
        rerun=lambda t: [m.shown(AlertSettings(t)) for m in marked],
        curves=curves,
    )


def _notes(procedures: Sequence[Scored], left_out: Sequence[str], models: Sequence[str]) -> tuple[str, ...]:
    notes = [note for p in procedures for note in p.notes]
    if left_out:
        notes.append(f"nobody reviewed anything of {len(left_out)} procedures, which do not count: {_some(left_out)}")
    counted = [p for p in procedures if p.reviewed]
    if partly := sum(not p.whole for p in counted):
        notes.append(
            f"{partly} of {len(counted)} procedures were reviewed in part only: figures per procedure are of their "
            "reviewed time"
        )
    if len(models) > 1:
        notes.append(f"these are figures of different models together: {', '.join(models)}")
    return tuple(notes)


def _some(names: Sequence[str], most: int = 3) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


# -- rows -------------------------------------------------------------------------------------------------------------


def _main_rows(
    clinical: Clinical, procedures: Sequence[Scored], found: Mapping[str, verdicts.Verdicts]
) -> list[FigureRow]:
    rows = []
    for key, figure in clinical.shown.items():
        spots = tuple(s for p in procedures for s in found[p.name].behind(key))
        rows.append(_row(key, "shown", figure, spots))
    raw = {p.name: verdicts.of_raw(p) for p in procedures}
    for key, figure in clinical.raw.items():
        spots = tuple(s for p in procedures for s in raw[p.name].behind(key))
        rows.append(_row(key, "raw", figure, spots))
    return rows


def _per_procedure_rows(
    procedures: Sequence[Scored], found: Mapping[str, verdicts.Verdicts], threshold: float, how: Draws
) -> list[FigureRow]:
    """What `Clinical` has no interval for: events per procedure, and the other definition."""
    shown = [p.shown for p in procedures if p.shown is not None]
    timed = [p.raw for p in procedures if p.raw.time == "true"]
    if not timed:
        return []
    rows = []
    for d in DURATIONS_S:
        key = f"false_events_{d:g}s_per_procedure"
        spots = tuple(s for p in procedures for s in found[p.name].behind(key))
        rows.append(_row(key, "shown", how.figure(shown, shown_figure("per_procedure", d), "rate"), spots))
    for name in ("sensitivity", "per_procedure", "per_minute"):
        figure = how.figure(timed, realcolon_figure(name, threshold), "share" if name == "sensitivity" else "rate")
        spots = tuple(s for p in procedures if p.raw.time == "true" for s in verdicts.realcolon(p, name))
        rows.append(_row(name, "realcolon-compat", figure, spots))
    return rows


def _withdrawal_rows(
    procedures: Sequence[Scored], found: Mapping[str, verdicts.Verdicts], how: Draws
) -> list[FigureRow]:
    """False-positive events per minute of reviewed withdrawal; only where the caecum and the way out are marked."""
    marked = [p for p in procedures if p.shown is not None and p.facts.withdrawal is not None]
    parts = [verdicts.only(p.shown, p.facts.withdrawal) for p in marked if p.shown is not None]
    if not any(np.any([t for t in part.truth.reviewed]) for part in parts):  # type: ignore[attr-defined]
        return []
    over = Draws(how.draws, how.seed, f"{_over(len(parts))} with a marked withdrawal")
    rows = []
    for d in DURATIONS_S:
        key = f"false_events_{d:g}s_per_minute"
        spots = tuple(s for p in marked for s in found[p.name].behind(key) if _during(p, s))
        rows.append(_row(key, "withdrawal", over.figure(parts, shown_figure("per_minute", d), "rate"), spots))
    return rows


def _during(scored: Scored, spot: Spot) -> bool:
    inside = scored.facts.withdrawal
    return inside is not None and bool(inside[spot.first : spot.last + 1].any())


def _group_rows(group: Group, found: Mapping[str, verdicts.Verdicts], how: Draws) -> list[FigureRow]:
    """Sensitivity on a part of the lesions; of a part of the procedures false alarms, too."""
    over = Draws(how.draws, how.seed, _over(len(group.recordings)))
    rows = []
    for key in ("lesion_sensitivity", "frame_sensitivity", "median_seconds_to_first_hit"):
        kind: Literal["share", "other"] = "other" if key.startswith("median") else "share"
        figure = over.figure(group.recordings, lesion_figure(key, group.threshold, LOOSE_IOU), kind)
        spots = tuple(s for name in group.names for s in found[name].behind(key) if group.holds(name, s.lesion))
        rows.append(_row(key, "group", figure, spots, group.words))
    if group.of_procedures and all(r.time == "true" for r in group.recordings):
        for name in ("per_procedure", "per_minute"):
            key = f"false_events_0s_{name}"
            figure = over.figure(group.recordings, shown_figure(name, 0.0), "rate")
            spots = tuple(s for p in group.names for s in found[p].behind(key))
            rows.append(_row(key, "group", figure, spots, group.words))
    return rows


def _row(key: str, source: Source, figure: Figure, spots: tuple[Spot, ...], group: str = "") -> FigureRow:
    words = {
        "sensitivity": "lesion sensitivity, hit for 2 s within the first 3 s",
        "per_procedure": "false positives of 2 s per procedure",
        "per_minute": "false positives of 2 s per minute without lesion",
    }
    said = words[key] if source == "realcolon-compat" else sequence_label(key)
    return FigureRow(key, source, group, said, figure, spots, _why_not(key) if figure.value is None else "")


def _why_not(key: str) -> str:
    if "sensitivity" in key or "first_hit" in key:
        return "no lesion is marked in what was reviewed, or none was found"
    if "specificity" in key:
        return "no reviewed frame is without a lesion"
    return "no time is reviewed"
