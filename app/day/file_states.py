"""Whether a recording is complete, as its own mark tells it."""

from __future__ import annotations

from pathlib import Path

from app.recording.mark import COMPLETE, LOCK_NAME, MARK_NAME, RECOVERED, read_mark
from detector.errors import FormatError


def recording_state(folder: Path) -> str:
    """Why the recording in a folder must be kept as it is, in words; empty if it is complete, or there is none.

    Recordings of versions that wrote no mark count as complete.
    """
    if (folder / LOCK_NAME).exists():
        return "its recording is being written, or was not ended"
    try:
        mark = read_mark(folder)
    except FormatError as error:
        return error.what
    if mark is None:
        return f"its {MARK_NAME} cannot be read" if (folder / MARK_NAME).exists() else ""
    if mark.get("state") in (COMPLETE, RECOVERED):
        return ""
    return "its recording was not ended: open Polypwatch once, which recovers it"
