"""What is read of a procedure for the index: beginnings of files, never a whole video or sidecar. Decodes no picture.

What cannot be read becomes `trouble`: a damaged procedure is listed with it, and never left out.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import ijson

from app.examination.events import (
    AiStatistics,
    Audit,
    Bbps,
    Conclusion,
    Details,
    Lesion,
    PolypFound,
    PolypRemoved,
    Undo,
    Unknown,
)
from app.examination.record import FACTS, Examination
from app.examination.store import JOURNAL_NAME, read_journal
from app.qa.library.media import image_facts, video_facts
from app.qa.library.walk import Found
from app.recording.mark import COMPLETE, LOCK_NAME, MARK_NAME, RECOVERED, RESULTS_NAME, read_mark
from app.results_log import SCHEMA as LIVE_SCHEMA
from detector.annotation import SCHEMA as ANNOTATION_SCHEMA
from detector.errors import FormatError, PolypwatchError
from detector.procedure import SIDECAR
from detector.results import SCHEMA as DETECT_SCHEMA
from detector.results import read_header

_log = logging.getLogger(__name__)

_SCHEMA_FIELD: Final = re.compile(rb'"schema"\s*:\s*"(polypwatch\.[a-z.-]+)/')
_HEAD_BYTES = 4096
_RESULTS_BYTES = 65_536  # heads stand first; one that follows a change of the model stands in the journal, too
_TAIL_BYTES = 200
# Neither marked by anybody, nor something that happened in the bowel.
_NO_MARKS = (*FACTS, Undo, Unknown, PolypFound, PolypRemoved, Lesion, Bbps, Conclusion, Details, Audit, AiStatistics)


@dataclass(slots=True)
class Facts:
    """What one procedure says of itself; see `entries.Entry` for the fields of the same name."""

    title: str
    taken_utc: datetime
    taken_known: bool = False
    length_s: float | None = None
    frames: int | None = None
    counted: bool = False
    width: int | None = None
    height: int | None = None
    models: list[str] = field(default_factory=list)
    polyps_found: int | None = None
    polyps_removed: int | None = None
    marks: int = 0
    endoscopist: str = ""
    indication: str = ""
    labelled: float | None = None
    troubles: list[str] = field(default_factory=list)
    listed: bool = True

    def add_model(self, name: str) -> None:
        """Note that a model answered."""
        if name.strip() and name not in self.models:
            self.models.append(name)


def read_facts(found: Found) -> Facts:
    """Look into a procedure. Raises nothing for what it finds."""
    facts = Facts(found.path.name, _utc(found.changed_s))
    try:
        _fill(facts, found)
    except (PolypwatchError, OSError) as error:
        facts.troubles.append(_words(error))
    except Exception as error:  # one strange file must not end the search through all folders
        _log.exception("%s could not be looked at", found.path)
        facts.troubles.append(f"{found.path.name} could not be looked at: {error!r}.")
    return facts


def _fill(facts: Facts, found: Found) -> None:
    if found.kind in ("recording", "examination"):
        _recording(facts, found)
    elif found.kind == "images":
        image_facts(facts, found)
    else:
        video_facts(facts, found)
    if found.kind == "examination":
        with _noted(facts):
            _journal(facts, found.path)
    for path in found.files:
        with _noted(facts):
            if path.suffix.lower() == ".json":
                _json_file(facts, path)
            elif path.name == RESULTS_NAME:
                _live_results(facts, path)


# -- recordings -------------------------------------------------------------------------------------------------------


def _recording(facts: Facts, found: Found) -> None:
    names = {path.name for path in found.files}
    with _noted(facts):
        mark = read_mark(found.path)
        if mark is not None:
            _mark(facts, found, mark)
        elif MARK_NAME in names:
            facts.troubles.append(f"{MARK_NAME} cannot be read.")
    if facts.frames is None and SIDECAR in names:
        with _noted(facts):
            facts.frames = _lines(found.path / SIDECAR)
    held = [path for path in found.files if path.name.startswith("video-") and path.suffix == ".mkv"]
    if SIDECAR not in names and held:
        facts.troubles.append(
            f"There is no {SIDECAR}: nobody knows when its frames were taken. The video file itself can be opened."
        )
    if not held and SIDECAR in names:
        facts.troubles.append("Its video files are not there. Restore them.")
    elif not held:
        facts.troubles.append("Nothing was recorded.")
    if any(path.stat().st_size == 0 for path in held):
        facts.troubles.append("A video file is empty.")
    if facts.width is None and held:
        with _noted(facts):
            video_facts(facts, found, held[0])


def _mark(facts: Facts, found: Found, mark: dict[str, Any]) -> None:
    sessions = [s for s in mark.get("sessions", ()) if isinstance(s, dict)]
    segments = [s for s in mark.get("segments", ()) if isinstance(s, dict)]
    began = _moment(sessions[0].get("started_utc")) if sessions else None
    if began is not None:
        facts.taken_utc, facts.taken_known = began, True
    state = mark.get("state")
    if (found.path / LOCK_NAME).exists() and state not in (COMPLETE, RECOVERED):
        facts.troubles.append("It is being recorded, or was not ended.")
    elif state not in (COMPLETE, RECOVERED):
        facts.troubles.append("Its recording was not ended: open Polypwatch once, which recovers it.")
    if not segments:
        return
    facts.width, facts.height = _whole(segments[0].get("width")), _whole(segments[0].get("height"))
    facts.frames = sum(_whole(s.get("frames")) or 0 for s in segments)
    facts.counted = state in (COMPLETE, RECOVERED)
    facts.length_s = float(sum(s.get("seconds") or 0.0 for s in segments))
    there = {path.name for path in found.files}
    missing = [str(s["file"]) for s in segments if isinstance(s.get("file"), str) and s["file"] not in there]
    if missing:
        facts.troubles.append(f"Missing: {', '.join(missing)}. Restore it.")
    for session in sessions:
        if session.get("fault"):
            facts.troubles.append(str(session["fault"]))


def _journal(facts: Facts, folder: Path) -> None:
    journal = read_journal(folder / JOURNAL_NAME)
    examination = Examination.replay(journal.events)
    facts.title = examination.start.id
    facts.taken_utc, facts.taken_known = examination.start.started_utc.astimezone(UTC), True
    facts.endoscopist = examination.endoscopist or ""
    facts.indication = examination.indication or ""
    facts.polyps_found = len(examination.of(PolypFound))
    facts.polyps_removed = len(examination.of(PolypRemoved))
    facts.marks = sum(1 for event in examination.effective if not isinstance(event.what, _NO_MARKS))
    for model in examination.models:
        facts.add_model(f"{model.name} {model.version}")
    facts.troubles += journal.notes
    if not examination.ended:
        facts.troubles.append("The examination was not ended.")


# -- results and labels -----------------------------------------------------------------------------------------------


def _live_results(facts: Facts, path: Path) -> None:
    with path.open("rb") as file:
        data = file.read(_RESULTS_BYTES)
    for line in data.split(b"\n")[:-1]:
        if b'"schema"' not in line:
            continue
        with contextlib.suppress(ValueError):
            head = json.loads(line)
            if isinstance(head, dict) and str(head.get("schema", "")).startswith(LIVE_SCHEMA.split("/")[0]):
                facts.add_model(f"{head.get('model', '')} {head.get('version', '')}")


def _json_file(facts: Facts, path: Path) -> None:
    with path.open("rb") as file:
        match = _SCHEMA_FIELD.search(file.read(_HEAD_BYTES))
    schema = match[1].decode() if match else ""
    if schema == DETECT_SCHEMA.split("/")[0]:
        model = read_header(path).model
        facts.add_model(f"{model.name} {model.version}")
        if _is_partial(path):
            facts.troubles.append(f"{path.name} holds a part of the results only: that analysis was interrupted.")
    elif schema == ANNOTATION_SCHEMA.split("/")[0]:
        share = _labelled(path)
        facts.labelled = share if facts.labelled is None else min(facts.labelled, share)


def _is_partial(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL_BYTES))
        return re.search(rb'"complete":\s*false\s*\}\s*\Z', file.read()) is not None


def _labelled(path: Path) -> float:
    """Share of the frames that published labels call reviewed; the list of frames behind that is not read."""
    frames, ranges = 0, []
    first: dict[str, Any] = {}
    try:
        with path.open("rb") as file:
            for prefix, event, value in ijson.parse(file, use_float=True):
                if prefix == "video.frame_count":
                    frames = int(value)
                elif prefix in ("reviewed.item.first", "reviewed.item.last"):
                    first[prefix.rpartition(".")[2]] = int(value)
                elif prefix == "reviewed.item" and event == "end_map":
                    ranges.append((first.get("first", 0), first.get("last", -1)))
                elif prefix == "" and event == "map_key" and value == "frames":
                    break
    except (ijson.JSONError, UnicodeDecodeError, ValueError, TypeError) as error:
        raise FormatError(f"{path.name} is damaged: {error}.", "Was it written whole?") from error
    return min(1.0, covered(ranges) / frames) if frames else 0.0


def covered(ranges: list[tuple[int, int]]) -> int:
    """How many frames lie in at least one of these ranges (first, last; both included)."""
    total, end = 0, -1
    for first, last in sorted(ranges):
        total += max(0, last - max(first, end + 1) + 1)
        end = max(end, last)
    return total


# -- small things -----------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _noted(facts: Facts) -> Iterator[None]:
    """What goes wrong inside is noted, and the rest is read all the same."""
    try:
        yield
    except (PolypwatchError, OSError) as error:
        facts.troubles.append(_words(error))


def _words(error: Exception) -> str:
    if isinstance(error, OSError):
        return f"{error.filename or 'A file'} cannot be read: {error.strerror or error}."
    return str(error)


def _lines(path: Path) -> int:
    """Frames that a sidecar lists: its lines but the first."""
    count = 0
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            count += chunk.count(b"\n")
    return max(0, count - 1)


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _moment(text: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _utc(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
