"""The report of an examination as data: what the clinical page and the technical report are made from. No Qt, no words.

The technical report is JSON (schema ``polypwatch.report/1``); ``app.gui.report_pdf`` makes the PDFs, in any language.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from app import RESEARCH_USE, SOFTWARE
from app.examination.events import (
    CaecumReached,
    End,
    Event,
    Photo,
    ScopeIn,
    ScopeOut,
    SettingsChanged,
    Snapshot,
    encode,
)
from app.examination.quality import Quality, quality
from app.examination.record import Examination
from app.examination.store import Journal, read_journal
from detector.errors import OutputError

SCHEMA = "polypwatch.report/1"


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture of the report.

    Attributes:
        file: below the folder of the examination.
        shows: what is to be seen.
        lesion: which one; None if it is none or nobody said.
        t_s: when it was taken, in seconds since the start; None for a picture that only a lesion names.
        data: the file's bytes (PNG or JPEG); None if it cannot be read.
    """

    file: str
    shows: Literal["valve", "orifice", "lesion", "snapshot"]
    lesion: int | None
    t_s: float | None
    data: bytes | None

    @property
    def sha256(self) -> str | None:
        """Of the file, as lower-case hex; None if it cannot be read."""
        return None if self.data is None else hashlib.sha256(self.data).hexdigest()


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that a report says.

    Attributes:
        examination: the state.
        quality: its indicators.
        pictures: valve and orifice first, then the lesions' best ones, then the other snapshots.
        journal: what it was read from.
        made_utc: when the report was made.
    """

    examination: Examination
    quality: Quality
    pictures: tuple[Picture, ...]
    journal: Journal
    made_utc: datetime

    @property
    def gaps(self) -> tuple[str, ...]:
        """What is missing or makes no sense in the record, in words: a report never hides it."""
        unreadable = tuple(f"The picture {p.file} cannot be read." for p in self.pictures if p.data is None)
        return (*self.journal.notes, *self.examination.problems, *unreadable)

    @property
    def duration_s(self) -> float:
        """From the start to the end, or to the last event of an examination that goes on."""
        end_s = self.examination.first_s(End)
        return self.examination.events[-1].t_s if end_s is None else end_s


def build_report(folder: Path, made_utc: datetime | None = None) -> Report:
    """Read an examination, also one that still runs, and all its pictures.

    Args:
        folder: of the examination.
        made_utc: what the report says of its own time; default now.

    Raises:
        FormatError: there is no journal, or it cannot be read.
    """
    journal = read_journal(folder)
    examination = Examination.replay(journal.events)
    pictures = _pictures(examination, journal.path.parent)
    return Report(examination, quality(examination), pictures, journal, made_utc or datetime.now(UTC))


def technical(report: Report) -> dict[str, Any]:
    """The technical report, ready for JSON."""
    examination, start = report.examination, report.examination.start
    return {
        "schema": SCHEMA,
        "notice": RESEARCH_USE,
        "software": SOFTWARE,
        "made_utc": report.made_utc.isoformat(),
        "examination": start.model_dump(mode="json", by_alias=True, exclude={"kind", "clock"})
        | {"indication": examination.indication, "endoscopist": examination.endoscopist},
        "times_s": {
            "scope_in": examination.first_s(ScopeIn),
            "caecum_reached": examination.first_s(CaecumReached),
            "scope_out": examination.last_s(ScopeOut),
            "end": examination.first_s(End),
        },
        "quality": asdict(report.quality),
        "bbps": examination.bbps,
        "lesions": [lesion.model_dump(mode="json") for lesion in examination.lesions],
        "conclusion": examination.conclusion,
        "models": [model.model_dump(mode="json", exclude={"kind"}) for model in examination.models],
        "ai": examination.ai.model_dump(mode="json", exclude={"kind"}) if examination.ai else None,
        "settings": settings(examination),
        "marks": [_mark(event, examination) for event in examination.events],
        "pictures": [
            {"file": p.file, "shows": p.shows, "lesion": p.lesion, "t_s": p.t_s, "sha256": p.sha256}
            for p in report.pictures
        ],
        "journal": {"file": report.journal.path.name, "sha256": report.journal.sha256},
        "gaps": list(report.gaps),
    }


def settings(examination: Examination) -> dict[str, Any]:
    """The settings at the end of the examination."""
    result: dict[str, Any] = {}
    for _, change in examination.of(SettingsChanged):
        result |= change.changed
    return result


def write_technical(report: Report, path: Path) -> None:
    """Write the technical report as JSON; the file appears whole or not at all.

    Raises:
        OutputError: it cannot be written.
    """
    text = json.dumps(technical(report), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    write_whole(path, text.encode("utf-8"))


def write_whole(path: Path, data: bytes) -> None:
    """Write a file under a passing name first, so that a full disk leaves no half report behind.

    Raises:
        OutputError: it cannot be written.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            part.write_bytes(data)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(
            f"The report {path} cannot be written: {error.strerror}.", "Choose another folder, or look at the disk."
        ) from error


def _mark(event: Event, examination: Examination) -> dict[str, Any]:
    row: dict[str, Any] = json.loads(encode(event))
    row.pop("clock", None)  # says when the computer was started, and nothing of the examination
    return row | {"withdrawn": event.n in examination.withdrawn}


def _pictures(examination: Examination, folder: Path) -> tuple[Picture, ...]:
    found: dict[str, Picture] = {}

    def add(file: str | None, shows: Literal["valve", "orifice", "lesion", "snapshot"], **more: Any) -> None:
        if file is not None and file not in found:
            found[file] = Picture(file, shows, more.get("lesion"), more.get("t_s"), _bytes(folder / file))

    for event, photo in examination.of(Photo):
        add(photo.file, photo.of, t_s=event.t_s)
    taken = {snapshot.file: event.t_s for event, snapshot in examination.of(Snapshot)}
    for lesion in examination.lesions:
        mine = [s.file for _, s in examination.of(Snapshot) if s.lesion == lesion.id]
        for file in lesion.pictures or mine:  # whoever chose pictures left out the others
            add(file, "lesion", lesion=lesion.id, t_s=taken.get(file))
    for event, snapshot in examination.of(Snapshot):
        add(snapshot.file, "snapshot", t_s=event.t_s)
    return tuple(found.values())


def _bytes(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None
