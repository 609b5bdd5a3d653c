"""What lies in the folder of the recordings, how old it is, and deleting what somebody confirmed.

Nothing is ever deleted by itself: the settings make a proposal. What does not look like ours, what is not ended, and
what holds a link or a foreign file is not deleted at all.
"""

from __future__ import annotations

import enum
import json
import os
import re
import shutil
import stat
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from app.day.file_states import recording_state
from app.examination.record import Examination
from app.examination.store import JOURNAL_NAME, read_journal
from detector.errors import FormatError, OutputError

SCHEMA = "polypwatch.deletions/1"
AUDIT_NAME = "deletions.jsonl"
_DAY_S = 86_400.0
_QUIET_S = 3600.0  # what was written to within the last hour is left alone, whatever it says of itself
_EXAMINATION = re.compile(r"EX-[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}")
_RECORDING = re.compile(r"\d{8}-\d{6}(-\d+)?")
_OURS = frozenset(
    {".jsonl", ".json", ".mkv", ".mp4", ".ts", ".png", ".jpg", ".pdf", ".dcm", ".part", ".new", ".lock", ".before"}
)


class Kind(enum.Enum):
    """What a folder holds."""

    EXAMINATION = "examination"
    RECORDING = "recording"


@dataclass(frozen=True, slots=True)
class Kept:
    """One examination or recording on the disk.

    Attributes:
        path: its folder.
        kind: of it.
        began: when, by its journal or its name.
        changed_s: when something in it was written last, in seconds since 1970.
        size: of all files, in bytes.
        keep: why it must not be deleted, in words; empty if it may be.
    """

    path: Path
    kind: Kind
    began: datetime
    changed_s: float
    size: int
    keep: str = ""

    def age_days(self, now_s: float) -> float:
        """Since it began or was written to, whichever is later."""
        return (now_s - max(self.began.timestamp(), self.changed_s)) / _DAY_S


@dataclass(frozen=True, slots=True)
class Proposal:
    """What is older than the limit.

    Attributes:
        old: may be deleted, oldest first.
        held: as old, and must not be deleted.
        days: the limit.
    """

    old: tuple[Kept, ...]
    held: tuple[Kept, ...]
    days: float

    @property
    def size(self) -> int:
        """What deleting would free, in bytes."""
        return sum(kept.size for kept in self.old)


def survey(folder: Path, now_s: float | None = None) -> tuple[Kept, ...]:
    """Every examination and recording in a folder, oldest first. Other files and folders in it are not looked at.

    Raises:
        FormatError: the folder cannot be read.
    """
    now_s = time.time() if now_s is None else now_s
    try:
        entries = [entry for entry in os.scandir(folder) if entry.is_dir(follow_symlinks=False)]
    except OSError as error:
        raise FormatError(f"Cannot read {folder}: {error.strerror}.", "Name the folder of the recordings.") from error
    found = [kept for entry in entries if (kept := _look(Path(entry.path), now_s)) is not None]
    return tuple(sorted(found, key=lambda kept: (kept.began, kept.path.name)))


def propose(kept: Sequence[Kept], days: float, now_s: float | None = None) -> Proposal:
    """What is older than ``days``; deletes nothing."""
    now_s = time.time() if now_s is None else now_s
    old = [k for k in kept if k.age_days(now_s) > days]
    return Proposal(tuple(k for k in old if not k.keep), tuple(k for k in old if k.keep), days)


def delete(folder: Path, chosen: Sequence[Kept], why: str) -> Iterator[Kept]:
    """Delete what was confirmed; gives each when it is gone. Every deletion is on the disk's audit before it begins.

    Args:
        folder: of the recordings; the audit is written there.
        chosen: of :func:`propose`.
        why: for the audit.

    Raises:
        OutputError: something changed since it was looked at, cannot be deleted, or the audit cannot be written.
    """
    for kept in chosen:
        now = _look(kept.path, time.time()) if not kept.path.is_symlink() else None
        if now is None or now.keep or now.changed_s != kept.changed_s:
            reason = now.keep if now is not None and now.keep else "it has changed since it was looked at"
            raise OutputError(f"{kept.path} was not deleted: {reason}.", "Look at the list again.")
        _note(folder, "deleting", kept, why)
        # A name of its own first: what an interruption leaves half deleted must not look like a whole examination.
        aside = kept.path.with_name(f".deleting-{kept.path.name}")
        try:
            os.rename(kept.path, aside)
            shutil.rmtree(aside)
        except OSError as error:
            raise OutputError(
                f"{kept.path} could not be deleted completely: {error.strerror}.", f"Look at {aside}."
            ) from error
        _note(folder, "deleted", kept, why)
        yield kept


def _look(path: Path, now_s: float) -> Kept | None:
    """None if it is none of ours."""
    if _EXAMINATION.fullmatch(path.name) and _is_file(path / JOURNAL_NAME):
        kind, (began, keep) = Kind.EXAMINATION, _examination(path)
    elif _RECORDING.fullmatch(path.name) and (_is_file(path / "frames.jsonl") or _is_file(path / "recording.json")):
        kind, began = Kind.RECORDING, _stamp(path.name)
        keep = recording_state(path)
    else:
        return None
    size, changed_s, foreign = _contents(path)
    if foreign:
        keep = f"holds what Polypwatch did not write: {foreign}"
    elif not keep and now_s - changed_s < _QUIET_S:
        keep = "was written to within the last hour"
    began = began or datetime.fromtimestamp(changed_s, UTC)
    return Kept(path, kind, began, changed_s, size, keep)


def _examination(path: Path) -> tuple[datetime | None, str]:
    """When it began, and why it must be kept."""
    try:
        journal = read_journal(path)
        examination = Examination.replay(journal.events)
    except FormatError as error:
        return None, f"its journal cannot be read ({error.what})"
    keep = "" if examination.ended else "was not ended"
    return examination.start.started_utc, keep or recording_state(path)


def _contents(path: Path) -> tuple[int, float, str]:
    """Bytes, newest change, and the first thing that is not ours; links are never followed."""
    size, changed_s, foreign = 0, path.lstat().st_mtime, ""
    for folder, folders, files in os.walk(path):
        for name in (*folders, *files):
            inside = Path(folder, name)
            found = inside.lstat()
            size += found.st_size if stat.S_ISREG(found.st_mode) else 0
            changed_s = max(changed_s, found.st_mtime)
            ours = stat.S_ISDIR(found.st_mode) or (stat.S_ISREG(found.st_mode) and inside.suffix in _OURS)
            if not ours and not foreign:
                foreign = str(inside.relative_to(path))
    return size, changed_s, foreign


def _note(folder: Path, what: str, kept: Kept, why: str) -> None:
    """One line for the audit, on the disk when this returns."""
    row = {
        "schema": SCHEMA,
        "utc": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "what": what,
        "folder": kept.path.name,
        "kind": kept.kind.value,
        "began": kept.began.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "bytes": kept.size,
        "why": why,
    }
    path = folder / AUDIT_NAME
    try:
        with path.open("a", encoding="utf-8", newline="\n") as file:
            file.write(json.dumps(row) + "\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise OutputError(f"Cannot write {path}: {error.strerror}.", "Nothing is deleted without a record.") from error


def _stamp(name: str) -> datetime | None:
    try:
        return datetime.strptime(name[:15], "%Y%m%d-%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None


def _is_file(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return False
