"""The texts of the reports as HTML for Qt's rich text: what stands in them, in which words; not where on the paper.

Everything that a person typed is escaped.
"""

from __future__ import annotations

import html
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from app.examination.events import BBPS_SEGMENTS, Event, Lesion, Note, PolypRemoved, encode
from app.examination.quality import Quality
from app.examination.record import Examination
from app.examination.report import Picture, Report, settings
from app.gui.report_words import METHODS, SEGMENTS, Words

_SOFT = "#51606b"
_RULE = "#c3ccd2"
_DASH = "–"
_NAME_PERCENT = {1: 27, 2: 19}  # of the width, for the name of a fact, by columns of facts


@dataclass(frozen=True, slots=True)
class Room:
    """How much of the long parts goes onto the clinical page.

    Attributes:
        letters: of each text; a short one loses its line breaks.
        remarks: letters of the remark on each lesion.
        lesions: rows of the table.
    """

    letters: int = 100_000
    remarks: int = 100_000
    lesions: int = 1000

    @property
    def is_tight(self) -> bool:
        """Whether line breaks are too much."""
        return self.letters <= 600


def clinical_html(report: Report, words: Words, room: Room, zone: tzinfo | None = None) -> str:
    """The text of the clinical page, without its head, pictures and foot.

    Args:
        report: what to say.
        words: in which language.
        room: what there is space for; what is left out is named.
        zone: of the times of day; None for that of this computer.
    """
    examination = report.examination
    parts = []
    if not examination.ended:
        parts.append(f"<p><b>{_safe(words('Preliminary: the examination was not ended'))}</b></p>")
    if report.gaps:
        said = words("The record has gaps ({count}): see the technical report.", count=len(report.gaps))
        parts.append(f"<p><b>{_safe(said)}</b></p>")
    parts.append(_pairs(_head(report, words, zone), columns=2))
    parts.append(_title(words("Quality indicators")) + _pairs(_quality(report, words), columns=2))
    parts.append(_title(words("Lesions")) + _lesions(examination, words, room))
    if examination.conclusion:
        parts.append(_title(words("Conclusion")) + _text(examination.conclusion, words, room))
    notes = [f"{clock(e.t_s)} {note.text}" for e, note in examination.of(Note)]
    if notes:
        parts.append(_title(words("Notes")) + _text("\n".join(notes), words, room))
    return "".join(parts)


def letters_in(report: Report, room: Room) -> int:
    """About how many letters the long parts of the clinical page have."""
    examination = report.examination
    notes = sum(len(note.text) for _, note in examination.of(Note))
    remarks = sum(60 + min(len(x.note), room.remarks) for x in examination.lesions[: room.lesions])
    return min(len(examination.conclusion), room.letters) + min(notes, room.letters) + remarks


def technical_html(report: Report, words: Words, zone: tzinfo | None = None) -> str:
    """The text of the technical report, which may run over many pages."""
    examination, journal = report.examination, report.journal
    facts = [
        *_head(report, words, zone),
        (words("Written by"), examination.start.software),
        (words("Report made"), _moment(report.made_utc, zone)),
        (words("Journal"), f"{journal.path.name}, SHA-256 {journal.sha256}"),
    ]
    parts = [_pairs(facts, columns=1)]
    if report.gaps:
        parts.append(_title(words("Gaps of the record")) + "".join(f"<p>{_safe(gap)}</p>" for gap in report.gaps))
    parts.append(_title(words("Quality indicators")) + _pairs(_quality(report, words), columns=1))
    parts.append(_title(words("Lesions")) + _lesions(examination, words, Room()))
    if examination.conclusion:
        parts.append(_title(words("Conclusion")) + _text(examination.conclusion, words, Room()))
    models = [
        f"{m.name} {m.version}, {m.variant} ({m.provider}), {words('threshold')} {m.threshold:.3f}"
        f"{', ' + words('recorded only, not shown') if m.role == 'shadow' else ''}; SHA-256 {m.sha256}"
        for m in examination.models
    ]
    nothing = words("Nothing was noted.")
    parts.append(_title(words("Models")) + "".join(f"<p>{_safe(m)}</p>" for m in models or [nothing]))
    ai = _ai(examination, words)
    parts.append(_title(words("AI statistics")) + (_pairs(ai, columns=1) if ai else f"<p>{_safe(nothing)}</p>"))
    set_to = [(name, json.dumps(value, ensure_ascii=False)) for name, value in sorted(settings(examination).items())]
    parts.append(_title(words("Settings")) + (_pairs(set_to, columns=1) if set_to else f"<p>{_safe(nothing)}</p>"))
    parts.append(_title(words("Events")) + _events(examination, words))
    if report.pictures:
        rows = [(p.file, caption(p, words), p.sha256 or words("The picture cannot be read.")) for p in report.pictures]
        parts.append(_title(words("Pictures")) + _table(("", "", "SHA-256"), rows))
    return "".join(parts)


def caption(picture: Picture, words: Words) -> str:
    """What stands under a picture."""
    when = "" if picture.t_s is None else clock(picture.t_s)
    match picture.shows:
        case "valve":
            return f"{words('Ileocaecal valve')}, {when}"
        case "orifice":
            return f"{words('Appendiceal orifice')}, {when}"
        case "lesion":
            return words("Lesion {number}", number=picture.lesion) + (f", {when}" if when else "")
        case _:
            return words("Snapshot {time}", time=when)


def clock(seconds: float) -> str:
    """A duration or a moment of the examination, as ``m:ss`` or ``h:mm:ss``; whole seconds, rounded down."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def _head(report: Report, words: Words, zone: tzinfo | None) -> list[tuple[str, str]]:
    start = report.examination.start
    unknown = words("not stated")
    return [
        (words("Examination"), start.id),
        (words("Begun"), _moment(start.started_utc, zone)),
        (words("Endoscopist"), report.examination.endoscopist or unknown),
        (words("Duration"), clock(report.duration_s)),
        (words("Indication"), report.examination.indication or unknown),
        (words("Room"), start.room or unknown),
    ]


def _quality(report: Report, words: Words) -> list[tuple[str, str]]:
    figures = report.quality
    insertion = figures.insertion_s
    photos = [
        words(name)
        for name, there in (
            ("Ileocaecal valve", figures.valve_photographed),
            ("Appendiceal orifice", figures.orifice_photographed),
        )
        if there
    ]
    return [
        (words("Caecum reached"), words("yes") if figures.caecum_reached else words("not marked")),
        (words("Withdrawal time"), _withdrawal(figures, words)),
        (words("Insertion time"), words("not stated") if insertion is None else clock(insertion)),
        (words("Bowel preparation (BBPS)"), _bbps(report.examination, figures, words)),
        (words("Photographs of the caecum"), ", ".join(photos) or words("none")),
        (words("Polyps found / removed"), f"{figures.polyps_found} / {figures.polyps_removed}"),
        (words("Polyp detection by software"), _assistance(report.examination, words)),
    ]


def _withdrawal(figures: Quality, words: Words) -> str:
    measured = figures.withdrawal
    if measured is None:
        return words("not stated")
    text = clock(measured.total_s)
    if figures.interventions:
        text += f" ({words('without interventions')}: {clock(measured.net_s)})"
    return text if measured.finished != "end" else f"{text} ({words('end of the withdrawal not marked')})"


def _bbps(examination: Examination, figures: Quality, words: Words) -> str:
    scores = examination.bbps
    if not scores:
        return words("not stated")
    parts = ", ".join(f"{words(segment)} {scores.get(segment, _DASH)}" for segment in BBPS_SEGMENTS)
    verdict = {True: "adequate", False: "not adequate", None: "incomplete"}[figures.bbps_adequate]
    total = _DASH if figures.bbps_total is None else figures.bbps_total
    return f"{total} ({parts}): {words(verdict)}"


def _assistance(examination: Examination, words: Words) -> str:
    shown = [m for m in examination.models if m.role == "shown"]
    if not examination.models:
        return words("not used")
    model = (shown or list(examination.models))[-1]
    text = f"{model.name} {model.version}"
    if not shown:
        return f"{text} ({words('recorded only, not shown')})"
    return f"{text}, {words('active for {time}', time=clock(examination.ai.active_s))}" if examination.ai else text


def _lesions(examination: Examination, words: Words, room: Room) -> str:
    lesions = examination.lesions
    if not lesions:
        return f"<p>{_safe(words('No lesion was marked.'))}</p>"
    removed = {mark.lesion for _, mark in examination.of(PolypRemoved)}
    rows = [_lesion_row(x, words, room, removed=x.id in removed) for x in lesions[: room.lesions]]
    names = ["Segment", "Size", "Paris", "Resection", *(["Remark"] if any(row[-1] for row in rows) else [])]
    percents = (4, 20, 11, 19, *((18,) if len(names) > 4 else ()))
    table = _table(("", *(words(name) for name in names)), [row[: len(names) + 1] for row in rows], percents)
    more = len(lesions) - len(rows)
    if not more:
        return table
    return table + f"<p><b>{_safe(words('{count} more lesions stand in the technical report.', count=more))}</b></p>"


def _lesion_row(lesion: Lesion, words: Words, room: Room, *, removed: bool) -> tuple[str, ...]:
    method = words(METHODS[lesion.method]) if lesion.method else words("removed") if removed else _DASH
    return (
        str(lesion.id),
        words(SEGMENTS[lesion.segment]) if lesion.segment else _DASH,
        _DASH if lesion.size_mm is None else f"{lesion.size_mm:g} mm",
        " ".join(part for part in (lesion.paris, lesion.lst) if part) or _DASH,
        method,
        lesion.note if len(lesion.note) <= room.remarks else f"{_cut(lesion.note, room.remarks)}…",
    )


def _ai(examination: Examination, words: Words) -> list[tuple[str, str]]:
    figures = examination.ai
    if figures is None:
        return []
    suppressed = ", ".join(f"{why} {clock(s)}" for why, s in sorted(figures.suppressed_s.items()) if s) or _DASH
    latencies = [_DASH if v is None else f"{v:.0f} ms" for v in (figures.latency_p50_ms, figures.latency_p95_ms)]
    return [
        (words("Active"), clock(figures.active_s)),
        (words("Suppressed"), suppressed),
        (words("Markers shown"), str(figures.markers_shown)),
        (words("Time with a marker on the screen"), clock(figures.marker_s)),
        (
            words("Frames analysed / skipped / failed"),
            f"{figures.analysed} / {figures.skipped} / {figures.failed}",
        ),
        (words("Restarts of the AI"), str(figures.restarts)),
        (words("Latency, median / 95 %"), " / ".join(latencies)),
        (words("threshold").capitalize(), _DASH if figures.threshold is None else f"{figures.threshold:.3f}"),
        (words("Sensitivity preset"), figures.preset or _DASH),
    ]


def _events(examination: Examination, words: Words) -> str:
    gone = examination.withdrawn
    rows = [
        (
            str(event.n),
            clock(event.t_s),
            _DASH if event.capture_index is None else str(event.capture_index),
            event.what.kind + (f" ({words('withdrawn')})" if event.n in gone else ""),
            _details(event),
        )
        for event in examination.events
    ]
    return _table(("", *(words(name) for name in ("Time", "Frame", "Event", "Details"))), rows, (5, 8, 11, 19))


def _details(event: Event) -> str:
    row = json.loads(encode(event))
    hidden = ("n", "t_s", "capture_index", "kind", "schema", "clock")
    facts = {k: v for k, v in row.items() if k not in hidden and v not in (None, "", [])}
    return ", ".join(
        f"{k}: {v if isinstance(v, str | int | float) else json.dumps(v, ensure_ascii=False)}" for k, v in facts.items()
    )


def _moment(when: datetime, zone: tzinfo | None) -> str:
    local = when.astimezone(zone)
    offset = local.strftime("%z")
    return f"{local:%Y-%m-%d %H:%M} (UTC{offset[:3]}:{offset[3:5]})"


def _safe(text: str) -> str:
    return html.escape(text)


def _title(text: str) -> str:
    return f'<h3 style="margin-top:9px; margin-bottom:3px">{_safe(text)}</h3>'


def _pairs(pairs: list[tuple[str, str]], columns: int) -> str:
    share = _NAME_PERCENT[columns]
    cells = [
        f'<td width="{share}%" style="color:{_SOFT}; padding-right:6px">{_safe(name)}</td>'
        f'<td width="{100 // columns - share}%" style="padding-right:10px">{_safe(value)}</td>'
        for name, value in pairs
    ]
    rows = ["".join(cells[i : i + columns]) for i in range(0, len(cells), columns)]
    return f'<table cellspacing="0" cellpadding="1" width="100%">{"".join(f"<tr>{row}</tr>" for row in rows)}</table>'


def _table(names: tuple[str, ...], rows: Sequence[tuple[str, ...]], percents: tuple[int, ...] = ()) -> str:
    widths = [f' width="{percent}%"' for percent in percents] + [""] * (len(names) - len(percents))
    rule = f'style="border-bottom:1px solid {_RULE}"'
    head = "".join(
        f'<td{width} {rule}><span style="color:{_SOFT}">{_safe(name)}</span></td>'
        for name, width in zip(names, widths, strict=True)
    )
    body = "".join("<tr>" + "".join(f"<td {rule}>{_safe(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return (
        '<table cellspacing="0" cellpadding="2" width="100%" style="border-collapse:collapse">'
        f"<thead><tr>{head}</tr></thead>{body}</table>"
    )


def _text(text: str, words: Words, room: Room) -> str:
    if room.is_tight:
        text = " ".join(text.split())
    if len(text) > room.letters:
        text = f"{_cut(text, room.letters)} … {words('(in full in the technical report)')}"
    return f"<p>{'<br>'.join(_safe(line) for line in text.splitlines())}</p>"


def _cut(text: str, letters: int) -> str:
    """The first words."""
    return text[:letters].rsplit(" ", 1)[0].rstrip()
