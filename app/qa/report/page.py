"""What a report says, in its order. Every number was measured elsewhere and is only written here."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from app import RESEARCH_USE, SOFTWARE
from app.qa.comparing import Compared, Difference
from app.qa.figure_units import NO_FIGURES, NONE, gain, interval, unit_of, written
from app.qa.figures import FigureRow, Figures
from app.qa.report.blocks import Block, Charts, Gallery, Page, Shot, Table, Title, Words
from app.qa.report.charts import charts_of
from app.qa.report.definitions import DEFINITIONS, INTERVALS, RATES, key_of
from app.qa.report.gathering import Covered, Report
from app.qa.report.worst import Worst
from app.qa.scoring import Failure
from detector.alerts import AlertSettings
from detector.scoring.intervals import MIN_UNITS
from detector.scoring.words import sequence_label

_TITLES = {
    "shown": "What stood on the screen (displayed markers, definition 'shown')",
    "withdrawal": "The same, per minute of withdrawal without interventions",
    "raw": "Raw boxes at the threshold",
    "realcolon-compat": "Comparable with REAL-Colon (raw boxes, definition 'realcolon-compat')",
}
_OF_A_PROCEDURE = (
    ("lesion_sensitivity", "lesion sensitivity"),
    ("frame_sensitivity", "frame sensitivity"),
    ("median_seconds_to_first_hit", "time to first detection"),
    ("false_events_0s", "false alarms"),
    ("false_events_0s_per_minute", "false alarms per minute"),
    ("false_time_share", "time with a false marker"),
)
_JUDGED = (
    "Better: the whole interval of the gain lies above 0. Not worse: it lies above minus a small margin, which the "
    f"JSON names. With fewer than {MIN_UNITS} procedures that say anything nothing is claimed."
)
_SIDES = {"": "", "a": " of A only", "b": " of B only"}


def page_of(report: Report) -> Page:
    """The whole report."""
    models = _models(report)
    blocks: list[Block] = [*_head(report), *_notes(report)]
    if report.figures.clinical is None:
        blocks += [Title("Figures"), Words(NO_FIGURES, "note")]
    else:
        if report.compared is not None and report.against is not None:
            blocks += _comparison(report.compared, report.figures, report.against)
        for name, figures in models:
            blocks += _figures(figures, f"Figures of {name}" if len(models) > 1 else "Figures")
        if charts := charts_of(models):
            blocks += [Title("Curves"), Charts(charts)]
            if any(title.startswith("FROC") for title, _ in charts):
                blocks.append(Words("The dot of a curve is its point nearest to the operating point.", "soft"))
        blocks += [Title("Procedures"), _procedures(report.covered), *_worst(report)]
    blocks += [*_left_out(report), *_definitions(report)]
    made = f"{report.made_utc:%Y-%m-%d %H:%M} UTC"
    return Page(_title(report), f"Made {made} with {SOFTWARE}. {RESEARCH_USE}.", tuple(blocks))


# -- head -------------------------------------------------------------------------------------------------------------


def _title(report: Report) -> str:
    names = [*(p.name for p in report.figures.procedures), *report.figures.left_out]
    if report.kind == "procedure":
        return f"Quality report: {names[0]}" if names else "Quality report of one procedure"
    count = len(names) + len(report.failures)
    if report.compared is not None:
        return f"{report.compared.a} against {report.compared.b}: {report.compared.over}"
    return f"Quality report of {count} procedures"


def _models(report: Report) -> list[tuple[str, Figures]]:
    if report.against is None:
        return [(report.figures.model, report.figures)]
    return [(f"A: {report.figures.model}", report.figures), (f"B: {report.against.model}", report.against)]


def _head(report: Report) -> list[Block]:
    rows: list[tuple[str, str]] = []
    for letter, figures in (("A", report.figures), ("B", report.against)):
        if figures is None:
            continue
        of = f" {letter}" if report.against is not None else ""
        hashes = sorted({p.sha256 for p in figures.procedures})
        rows.append((f"Model{of}", figures.model or "none"))
        rows += [(f"Model file{of}, SHA-256", sha256) for sha256 in hashes]
        if figures.procedures:
            rows.append((f"Threshold{of}", f"{figures.threshold:g}"))
            rows.append((f"Markers{of}", _markers([p.settings for p in figures.procedures])))
    readers = {name for each in report.covered for name in each.readers}
    minutes = report.figures.row("reviewed_minutes")
    total_s = sum(each.seconds for each in report.covered)
    rows.append(("Procedures that count", f"{len(report.covered)}"))
    if minutes is not None:
        share = f"{written(minutes.figure.value, 'minutes')} of {total_s / 60:.1f} min"
        rows.append(("Reviewed", share))
    rows.append(("Readers", f"{len(readers)}{_blinded(report.covered)}"))
    if report.figures.clinical is not None:
        draws = f"{report.asked.draws} draws, seed {report.asked.seed}"
        rows.append(("Intervals", f"95 %, over {report.figures.clinical.over}; {draws}"))
    rows.append(("Software", SOFTWARE))
    blocks: list[Block] = [Table((), tuple(rows))]
    if any(each.jpeg for each in report.worst):
        blocks.append(
            Words(
                "This report shows pictures of patients. It stays where the recordings are, or as your rules say.",
                "note",
            )
        )
    return blocks


def _markers(settings: Sequence[AlertSettings | None]) -> str:
    """Where the markers come from."""
    kinds = dict.fromkeys(settings)
    said = []
    for each in kinds:
        if each is None:
            said.append("as they were recorded live")
        else:
            said.append(
                f"made from raw boxes: shown after {each.min_seen_s:g} s and {each.min_hits} hits, held for "
                f"{each.tracking.max_gap_s:g} s, kept from {each.keep_ratio:g} of the threshold"
            )
    return "; ".join(said)


def _blinded(covered: Sequence[Covered]) -> str:
    known = [each for each in covered if each.blinded is not None]
    blinded = sum(bool(each.blinded) for each in known)
    if not known:
        return ""
    if blinded in (0, len(known)):
        return ", blinded" if blinded else ", not blinded"
    return f", blinded on {blinded} of {len(known)} procedures"


def _notes(report: Report) -> list[Block]:
    figures = [report.figures, *([report.against] if report.against is not None else [])]
    said = [n for f in figures for n in (*(f.clinical.notes if f.clinical else ()), *f.notes)]
    said += report.compared.notes if report.compared is not None else ()
    paths = [p.path for f in figures for p in f.procedures]
    plain = dict.fromkeys(without_paths(note, paths) for note in said)
    return [Words(f"{note[:1].upper()}{note[1:]}.", "note") for note in plain]


def without_paths(text: str, paths: Sequence[Path]) -> str:
    """The same, with the last part of each path only: where a folder lies is nobody's business elsewhere."""
    for path in sorted(paths, key=lambda p: -len(str(p))):
        for form in (str(path), str(path.absolute()), str(path.resolve())):
            text = text.replace(form, path.name)
            text = text.replace(str(Path(form).parent) + "/", "").replace(str(Path(form).parent) + "\\", "")
    return text


# -- figures ----------------------------------------------------------------------------------------------------------


def _figures(figures: Figures, title: str) -> list[Block]:
    blocks: list[Block] = [Title(title)]
    for source, words in _TITLES.items():
        rows = [r for r in figures.rows if r.source == source]
        if rows:
            blocks += [Title(words, 3), _rows(rows)]
    groups = dict.fromkeys(r.group for r in figures.rows if r.group)
    if groups:
        rows = [r for group in groups for r in figures.rows if r.group == group]
        parts = tuple((r.group, *_cells(r)) for r in rows)
        heads = ("part", "", "value", "95 % interval", "over")
        blocks += [Title("By part of the lesions or procedures (displayed markers)", 3), Table(heads, parts, 2, True)]
    rates = figures.rates
    named = (
        ("polyp detection rate", rates.polyps),
        ("adenoma detection rate", rates.adenomas),
        ("serrated lesion detection rate", rates.serrated),
    )
    cells = tuple((n, written(f.value, "share"), interval(f, "share"), f.over) for n, f in named)
    blocks += [Title("Detection rates (all ages and indications)", 3)]
    blocks.append(Table(("", "value", "95 % interval", "over"), cells, 1, True))
    if rates.note:
        blocks.append(Words(f"{rates.note[:1].upper()}{rates.note[1:]}.", "soft"))
    return blocks


def _rows(rows: Sequence[FigureRow]) -> Table:
    return Table(("", "value", "95 % interval", "over"), tuple(_cells(r) for r in rows), 1, True)


def _cells(row: FigureRow) -> tuple[str, str, str, str]:
    unit = unit_of(row.key)
    return row.words, written(row.figure.value, unit), interval(row.figure, unit), row.why_not or row.figure.over


def _comparison(compared: Compared, a: Figures, b: Figures) -> list[Block]:
    heads = ("", "A", "B", "gain of A", "95 % interval", "A against B")
    rows = tuple(_difference(each) for each in compared.differences)
    count = {
        (side, kind): sum(e.side == side and e.spot.kind == kind for e in compared.events)
        for side in ("a", "b", "both")
        for kind in ("TP", "FP", "FN")
    }
    events = (
        ("lesions found by both", f"{count['both', 'TP']}"),
        ("lesions found by A only", f"{count['a', 'TP']}"),
        ("lesions found by B only", f"{count['b', 'TP']}"),
        ("lesions found by neither", f"{count['both', 'FN']}"),
        ("false alarms of both", f"{count['both', 'FP']}"),
        ("false alarms of A only", f"{count['a', 'FP']}"),
        ("false alarms of B only", f"{count['b', 'FP']}"),
    )
    return [
        Title("A against B"),
        Words(
            f"A is {a.model}, B is {b.model}. Both answered on the same {compared.over}; differences are paired by "
            "procedure. A positive gain is an improvement of A, also where less is better."
        ),
        Table(heads, rows, 1, True),
        Words(_JUDGED, "soft"),
        Title("Events", 3),
        Table(("", "count"), events),
    ]


def _difference(each: Difference) -> tuple[str, ...]:
    unit = unit_of(each.key)
    ends = "" if each.low is None or each.high is None else f"{gain(each.low, unit)} to {gain(each.high, unit)}"
    return (
        each.words,
        written(each.a, unit),
        written(each.b, unit),
        gain(each.gain, unit),
        ends,
        each.verdict,
    )


# -- procedures -------------------------------------------------------------------------------------------------------


def _procedures(covered: Sequence[Covered]) -> Table:
    heads = ("procedure", "reviewed", "readers", *(words for _, words in _OF_A_PROCEDURE), "not analysed")
    rows = []
    for each in covered:
        values = [_value(each.figures, key) for key, _ in _OF_A_PROCEDURE]
        rows.append(
            (each.name, _value(each.figures, "reviewed_minutes"), f"{len(each.readers)}", *values, _missing(each))
        )
    return Table(heads, tuple(rows))


def _value(figures: Figures, key: str) -> str:
    row = figures.row(key) or figures.row(key, "raw")
    return written(row.figure.value, unit_of(key)) if row is not None else NONE


def _missing(each: Covered) -> str:
    """Frames without an answer; a frame that failed never looks like one without a polyp."""
    if not each.not_analysed and not each.failed:
        return "0"
    return f"{each.not_analysed + each.failed} of {each.frames}"


def _worst(report: Report) -> list[Block]:
    blocks: list[Block] = []
    for what, title in (("miss", "Worst misses"), ("false alarm", "Worst false alarms")):
        for side, of in _SIDES.items():
            found = [each for each in report.worst if each.what == what and each.side == side]
            if found:
                blocks += [Title(f"{title}{of}"), Gallery(tuple(_shot(each) for each in found))]
    if blocks:
        colours = "Left the picture, right the same with boxes: green lesions, red markers, grey what does not count."
        blocks.insert(1, Words(colours, "soft"))
    elif report.asked.pictures:
        blocks.append(Words("There is neither a miss nor a false alarm to show."))
    return blocks


def _shot(each: Worst) -> Shot:
    minutes, seconds = divmod(each.time_s, 60)
    words = each.spot.words
    place = f"{each.procedure}, {int(minutes)}:{seconds:05.2f}, picture {each.spot.focus}"
    return Shot(each.jpeg, f"{words[:1].upper()}{words[1:]}", place)


def _left_out(report: Report) -> list[Block]:
    blocks: list[Block] = [Title("What does not count")]
    rows = [
        (c.name, f"{c.frames - c.reviewed_frames} of {c.frames}", f"{c.not_analysed}", f"{c.failed}")
        for c in report.covered
        if c.reviewed_frames < c.frames or c.not_analysed or c.failed
    ]
    if rows:
        heads = ("procedure", "frames that nobody reviewed", "not analysed", "could not be analysed")
        blocks.append(Table(heads, tuple(rows)))
    blocks += [Words(f"Nobody reviewed anything of {name}.") for name in report.figures.left_out]
    blocks += [Words(_failed(failure, report.name_of(failure.path))) for failure in report.failures]
    if len(blocks) == 1:
        blocks.append(Words("Every frame was reviewed and analysed."))
    return blocks


def _failed(failure: Failure, name: str) -> str:
    return f"Not scored: {name}: {without_paths(failure.why, [failure.path])}"


def _definitions(report: Report) -> list[Block]:
    keys = dict.fromkeys(key_of(r.key) for r in report.figures.rows)
    rows = [(sequence_label(k) if k != "false_events" else "false-positive events", DEFINITIONS[k]) for k in keys]
    names = {"sensitivity": "sensitivity", "per_procedure": "false positives", "per_minute": "per minute"}
    rows = [(names.get(n, n), words) for n, words in rows]
    return [
        Title("What the figures mean"),
        *([Table((), tuple(rows))] if rows else []),
        Words(f"{INTERVALS} {RATES} In full: docs/scoring.md.", "soft"),
    ]
