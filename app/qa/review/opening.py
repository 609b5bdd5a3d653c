"""Finding or beginning a log: is it of this procedure and this reader, and may it be written?"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from app import SOFTWARE
from app.qa.review.log import Head, Reading, read_log
from app.qa.review.places import Holding, holder_of, log_path, now_utc, require_same, slug_of, videos_of
from app.recording.mark import LOCK_NAME, is_unfinished
from detector.errors import FormatError
from detector.file_lock import FileLock

if TYPE_CHECKING:
    from app.qa.opened import Opened


@dataclass(frozen=True, slots=True)
class Found:
    """A log, with the right to write it if there is nobody else.

    Attributes:
        path: of the log.
        head: as it stands there, or as it will.
        reading: what it holds; None if there is none yet.
        holding: the right to write; None without.
        read_only: why it cannot be written, in a sentence; empty if it can.
        notes: what must be said of it.
    """

    path: Path
    head: Head
    reading: Reading | None
    holding: Holding | None
    read_only: str
    notes: tuple[str, ...]


def find_log(opened: Opened, reviewer: str, blinded: bool, folder: Path | None) -> Found:
    """A reader's log of a procedure, there or not.

    Raises:
        FormatError: it is of another procedure or reader, or of a version that this one does not read.
        UsageError: the name has no letter or digit.
    """
    path = log_path(opened, reviewer, folder)
    if not opened.axis.whole:
        reason = f"The frames of {opened.title} are still being counted: it can be reviewed when that is done."
        return Found(path, _new_head(opened, reviewer, blinded), None, None, reason, ())
    if reason := _unsettled(opened):
        return Found(path, _new_head(opened, reviewer, blinded), None, None, reason, ())
    holding, reason = _held(path, reviewer, make=folder is not None)
    try:
        reading = read_log(path) if path.exists() else None
        head, notes = _head_of(opened, reviewer, blinded, path, reading)
    except BaseException:
        if holding is not None:
            holding.release()
        raise
    if reading is not None and reading.fault:
        reason = (
            f"The log {path.name} is broken: {reading.fault}. What stands before is shown, and nothing can be changed. "
            "Restore the file from a copy, or move it away to begin anew."
        )
    return Found(path, head, reading, holding, reason, notes)


def _unsettled(opened: Opened) -> str:
    """Why the videos will still change: what is said now would be refused as the review of another video then."""
    if not opened.path.is_dir():
        return ""
    if FileLock.is_held(opened.path / LOCK_NAME):
        return f"{opened.title} is still being recorded or repaired: it can be reviewed when that is done."
    if is_unfinished(opened.path):
        return (
            f"The recording {opened.title} was not ended: open Polypwatch once, which recovers it. Then it can be "
            "reviewed; until then its video files can be opened one by one."
        )
    return ""


def _new_head(opened: Opened, reviewer: str, blinded: bool) -> Head:
    return Head.model_validate(
        {
            "software": SOFTWARE,
            "utc": now_utc(),
            "reviewer": reviewer,
            "blinded": blinded,
            "videos": [video.model_dump() for video in videos_of(opened)],
        }
    )


def _head_of(
    opened: Opened, reviewer: str, blinded: bool, path: Path, reading: Reading | None
) -> tuple[Head, tuple[str, ...]]:
    """The head of a log that exists, or of a new one; and what must be said of it."""
    if reading is None or reading.head is None:
        if reading is not None and reading.fault:
            raise FormatError(f"{path} is no review that can be read: {reading.fault}.", "Restore it, or move it away.")
        return _new_head(opened, reviewer, blinded), ()
    head, notes = reading.head, []
    require_same(head.videos, videos_of(opened), path)
    if slug_of(head.reviewer) != slug_of(reviewer):
        raise FormatError(f"{path} is the review of {head.reviewer}, not of {reviewer}.", "Give the file its old name.")
    if reading.torn:
        notes.append(f"{reading.torn} bytes of an edit that a crash cut short were left out of {path.name}")
    if blinded and not head.blinded:
        notes.append("this review was begun with everything in sight, and cannot be blinded afterwards")
    return head, tuple(notes)


def _held(path: Path, reviewer: str, *, make: bool) -> tuple[Holding | None, str]:
    """The right to write a log, or why there is none; a folder for reviews is made with the first."""
    try:
        if make:
            path.parent.mkdir(parents=True, exist_ok=True)
        holding = Holding.take(path, reviewer)
    except OSError as error:
        return None, (
            f"The folder {path.parent} cannot be written ({error.strerror}), so that no edit could be kept. "
            "Choose a folder for reviews."
        )
    return holding, "" if holding is not None else f"{holder_of(path)} Here it can be looked at, but not changed."
