"""From what was read to what the figures page draws. Makes no widget; never in the window's thread.

All numbers come from `app.qa.figures` and `app.qa.whatif`, which are also behind the reports and ``polypwatch score``;
here they are only put into lines, curves and places.
"""

from __future__ import annotations

from collections.abc import Sequence

from app.gui.language import mark
from app.gui.qa.charts import Bar, BarGroup, Curve
from app.gui.qa.figure_words import unit_of, value_and_interval
from app.gui.qa.findings import Difference, FigureLine, Findings, Grouping, GroupLine, Seen
from app.gui.qa.material import Material, Tell
from app.qa.comparing import Compared, compare
from app.qa.comparing import Difference as Gain
from app.qa.figures import FigureRow, Figures
from detector.scoring import FrocPoint

_ON_SCREEN = "displayed markers"

_GROUPS = (
    ("size", mark("Size")),
    ("shape", mark("Shape")),
    ("histology", mark("Histology")),
    ("endoscopist", mark("Endoscopist")),
    ("place in the day's list", mark("Place in the day's list")),
)
_HEADINGS = (
    ("shown", mark("What stood on the screen (definition 'shown')")),
    ("withdrawal", mark("The same, during the withdrawal only")),
    ("raw", mark("Raw boxes at the threshold")),
    ("realcolon-compat", mark("Comparable with REAL-Colon (definition 'realcolon-compat')")),
)


def measure(material: Material, models: Sequence[str], tell: Tell) -> Findings:
    """Figures of one model, or of two compared. The curves take longest: without them all is told before.

    Raises:
        PolypwatchError: they cannot be measured together.
    """
    if not all(material.has_curves(model) for model in models):
        figures = [material.figures(model, tell, curves=False) for model in models]
        tell(_findings(models, figures, _compared(material, models, tell), curves=False))
    figures = [material.figures(model, tell) for model in models]
    return _findings(models, figures, _compared(material, models, tell))


def _compared(material: Material, models: Sequence[str], tell: Tell) -> Compared | None:
    """Two models against each other; None for one."""
    if len(models) < 2:
        return None
    a, b = models
    return material.kept(
        ("compared", a, b), lambda: compare(material.ready(a, tell), material.ready(b, tell), material.draws)
    )


def _findings(
    models: Sequence[str], found: Sequence[Figures], compared: Compared | None, *, curves: bool = True
) -> Findings:
    notes = tuple(dict.fromkeys(note for figures in found for note in figures.notes))
    notes += compared.notes if compared else ()
    return Findings(
        models=tuple(models),
        procedures=len(found[0].procedures),
        lines=tuple(_lines(found, compared)),
        notes=notes if any(figures.clinical for figures in found) else (*notes, _NOTHING_REVIEWED),
        curves=_curves(models, found) if curves else None,
        bars=_bars(found),
        bars_empty=mark("No lesion with a size was reviewed. Sizes are entered in Replay, lesion by lesion."),
        differences=_differences(compared) if compared else (),
        groupings=_groupings(found[0]),
    )


_NOTHING_REVIEWED = mark(
    "No figure can be given: nobody reviewed any of this. Mark ranges as reviewed in Replay, and publish the labels"
)


def _lines(found: Sequence[Figures], compared: Compared | None) -> list[FigureLine]:
    against = {each.key: each for each in compared.differences} if compared else {}
    lines: list[FigureLine] = []
    for source, heading in _HEADINGS:
        rows = [row for row in found[0].rows if row.source == source and not row.group]
        if rows:
            lines.append(FigureLine(source, heading, heading=True))
        lines += [_line(row, found, against.get(row.key) if source == "shown" else None) for row in rows]
    if found[0].rates.procedures:
        lines += _rate_lines(found[0])
    return lines


def _line(row: FigureRow, found: Sequence[Figures], against: Gain | None) -> FigureLine:
    rows = [figures.row(row.key, row.source, row.group) for figures in found]
    why = next((each.why_not for each in rows if each is not None and each.why_not), "")
    return FigureLine(
        key=row.key,
        words=row.words,
        why_not=why,
        unit=unit_of(row.key),
        figures=tuple(each.figure if each else None for each in rows),
        gain=against.gain if against else None,
        low=against.low if against else None,
        high=against.high if against else None,
        verdict=against.verdict if against else None,
        reason=against.reason if against else "",
        spots=tuple(each.where if each else () for each in rows),
    )


def _differences(compared: Compared) -> tuple[Difference, ...]:
    """What only one of the two has."""
    found = []
    for event in compared.events:
        if event.side == "both":
            continue
        seen: Seen = "A" if event.side == "a" else "B"
        found.append(Difference(seen, event.spot))
    return tuple(found)


def _rate_lines(figures: Figures) -> list[FigureLine]:
    """Polyp detection rate, and with histology the adenoma detection rate."""
    rates = figures.rates
    note = rates.note
    named = (
        ("polyps", mark("Polyp detection rate"), rates.polyps),
        ("adenomas", mark("Adenoma detection rate (ADR)"), rates.adenomas),
        ("serrated", mark("Serrated lesion detection rate"), rates.serrated),
    )
    heading = FigureLine("rates", mark("The examinations, whatever the model"), tip=note, heading=True)
    return [heading, *(FigureLine(key, words, tip=note, unit="share", figures=(f,)) for key, words, f in named)]


def _curves(models: Sequence[str], found: Sequence[Figures]) -> dict[str, tuple[Curve, ...]]:
    curves: dict[str, list[Curve]] = {}
    for model, figures in zip(models, found, strict=True):
        for name, points in (figures.clinical.froc if figures.clinical else {}).items():
            if joined := _joined_points(points):
                curves.setdefault(name, []).append(Curve(model, joined, _here(points, figures.threshold)))
    # What stood on the screen first: it is what people mean.
    return {name: tuple(curves[name]) for name in sorted(curves, key=lambda name: name != _ON_SCREEN)}


def _joined_points(points: Sequence[FrocPoint]) -> tuple[tuple[float, float], ...]:
    known = [(p.false_per_unit, p.sensitivity) for p in points]
    return tuple(sorted((x, y) for x, y in known if x is not None and y is not None))


def _here(points: Sequence[FrocPoint], threshold: float) -> tuple[float, float] | None:
    """The point of the sweep that is nearest to the operating point, if it is near at all."""
    nearest = min(points, key=lambda p: abs(p.threshold - threshold), default=None)
    if nearest is None or abs(nearest.threshold - threshold) > 0.05:
        return None
    if nearest.false_per_unit is None or nearest.sensitivity is None:
        return None
    return nearest.false_per_unit, nearest.sensitivity


def _bars(found: Sequence[Figures]) -> tuple[BarGroup, ...]:
    rows = [r for r in found[0].rows if r.key == "lesion_sensitivity" and r.group.startswith("size: ")]
    groups = []
    for row in rows:
        bars = []
        for figures in found:
            each = figures.row(row.key, row.source, row.group)
            if each is None or each.figure.value is None:
                bars.append(Bar(None, each.why_not if each else mark("not measured")))
                continue
            every = {(spot.path, spot.lesion) for spot in each.where if spot.lesion}
            found_ones = {(spot.path, spot.lesion) for spot in each.where if spot.kind == "TP"}
            words = f"{len(found_ones)} / {len(every)}" if every else ""
            bars.append(Bar(each.figure.value, words, each.figure.low, each.figure.high))
        groups.append(BarGroup(row.group.removeprefix("size: "), tuple(bars)))
    return tuple(groups)


def _groupings(figures: Figures) -> tuple[Grouping, ...]:
    """One table for each property that a group is named after, and a word for those of which nothing is known."""
    by_title: dict[str, dict[str, list[FigureRow]]] = {}
    for row in figures.rows:
        if row.group:
            title, _, name = row.group.partition(": ")
            by_title.setdefault(title, {}).setdefault(name, []).append(row)
    wanted = dict(_GROUPS) | {title: title for title in by_title if title not in dict(_GROUPS)}
    return tuple(_grouping(key, title, by_title.get(key, {})) for key, title in wanted.items())


_COLUMNS = (
    ("lesion_sensitivity", mark("Lesions found")),
    ("frame_sensitivity", mark("Frames with a lesion marked")),
    ("median_seconds_to_first_hit", mark("To first detection")),
    ("false_events_0s_per_procedure", mark("False alarms per procedure")),
    ("false_events_0s_per_minute", mark("a minute")),
)


def _grouping(key: str, title: str, groups: dict[str, list[FigureRow]]) -> Grouping:
    lines = []
    given = {row.key for rows in groups.values() for row in rows}
    columns = [column for column in _COLUMNS if column[0] in given]
    for name, rows in groups.items():
        by_key = {row.key: row for row in rows}
        words = tuple(value_and_interval(by_key[k].figure, unit_of(k)) if k in by_key else "" for k, _ in columns)
        spots = tuple(dict.fromkeys(spot for row in rows for spot in row.where))
        lines.append(GroupLine(name, words, spots))
    return Grouping(key, title, tuple(words for _, words in columns), tuple(lines))
