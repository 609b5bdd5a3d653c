"""Verifying logs of reviews, and saying plainly of which files nothing can be verified."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from app.examination.store import JOURNAL_NAME
from app.qa.review.log import Reading, read_log
from app.qa.review.places import is_log
from app.recording.mark import FRAMES_NAME, RESULTS_NAME
from detector.annotation import SCHEMA, load_annotation
from detector.errors import FormatError, UsageError

WHOLE: Final = "whole"
BROKEN: Final = "BROKEN"
UNCHAINED: Final = "not chained"
CHAINED: Final = (WHOLE, BROKEN)
_NUMBERED: Final = {
    JOURNAL_NAME: "the journal of an examination has numbers, so that a gap shows, but no hashes",
    FRAMES_NAME: "the frames of a recording are counted against its video, but have no hashes",
    RESULTS_NAME: "the results of a live session have no hashes",
}


@dataclass(frozen=True, slots=True)
class Audited:
    """What can be said of a file.

    Attributes:
        path: of the file.
        state: `WHOLE`, `BROKEN` or `UNCHAINED`.
        words: whose it is and how long, or where it is broken.
    """

    path: Path
    state: str
    words: str


def logs_below(path: Path) -> list[Path]:
    """Logs of reviews, and files of which somebody could think that they are chained, in a folder and below it.

    Raises:
        UsageError: there is no such file or folder.
    """
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise UsageError(f"{path} does not exist.", "Check the spelling.")
    return sorted(p for p in path.rglob("*.jsonl") if is_log(p) or p.name in _NUMBERED)


def audited(path: Path) -> Audited:
    """Verify one file."""
    if path.name in _NUMBERED:
        return Audited(path, UNCHAINED, f"{_NUMBERED[path.name]}; whether it was changed cannot be verified")
    try:
        reading = read_log(path)
    except FormatError as error:
        return Audited(path, BROKEN, str(error))
    if reading.head is None or reading.fault:
        return Audited(path, BROKEN, reading.fault or "it has no whole line")
    cut = _cut_off(reading)
    if cut:
        return Audited(path, BROKEN, cut)
    return Audited(path, WHOLE, _summary(reading))


def _summary(reading: Reading) -> str:
    assert reading.head is not None  # broken without
    records = reading.records
    until = f", until {records[-1].utc}" if records else ""
    blinded = ", blinded" if reading.head.blinded else ""
    torn = f"; {reading.torn} bytes of a line that was never acknowledged stand behind it" if reading.torn else ""
    return f"{reading.head.reviewer}{blinded}, {len(records)} operations{until}{torn}"


def _cut_off(reading: Reading) -> str:
    """Whether labels beside the log came from lines that it no longer has: the chain itself cannot know its end."""
    for path in sorted(reading.path.parent.glob("*.json")):
        trace = _trace(path)
        if trace is None or trace.get("log") != reading.path.name:
            continue
        number = trace.get("operations")
        lines = reading.line_sha256
        if not isinstance(number, int) or not 0 <= number < len(lines) or lines[number] != trace.get("sha256"):
            return f"{path.name} was made from operation {number}, which is not in it: its end was cut off or rewritten"
    return ""


def _trace(path: Path) -> dict[str, object] | None:
    try:
        with path.open("rb") as file:
            if SCHEMA.encode() not in file.read(4096):
                return None
        said = (load_annotation(path).model_extra or {}).get("review")
    except (OSError, FormatError):
        return None  # no labels that anybody could read
    return said if isinstance(said, dict) else None
