"""One live window for each user: a lock that ends with its holders, however they end, and a note of who holds it.

Two windows would fight over the capture device, the sound and the pedal. The lock is the operating system's (``flock``,
or a locked byte on Windows): what a crash leaves behind is a file that locks nobody out.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
import sys
import tempfile
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import platformdirs

from app.day.statuses import ALREADY_RUNNING
from detector.errors import OutputError, PolypwatchError
from detector.file_lock import FileLock

_LOCK = "live.lock"
_NOTE = "live.json"


@dataclass(frozen=True, slots=True)
class Holder:
    """Who has the lock.

    Attributes:
        pid: of the process that took it.
        since_utc: when, in ISO 8601.
        source: what it shows, as it was named; without a stream's password.
        address: where it listens (``app.day.line``); empty if it does not.
    """

    pid: int
    since_utc: str
    source: str = ""
    address: str = ""


def held(folder: Path | None = None) -> bool:
    """Whether a live window is open, without getting into the way of one that is about to open.

    Only where a note lies beside the lock is the lock tried: trying it takes it for a moment where it is free.
    """
    folder = folder or runtime_folder()
    return (folder / _NOTE).exists() and FileLock.is_held(folder / _LOCK)


class AlreadyRunning(PolypwatchError):
    """Another window of this user is open; ``holder`` says whose, None where its note cannot be read."""

    exit_status = ALREADY_RUNNING

    def __init__(self, holder: Holder | None) -> None:
        who = f" (process {holder.pid}, since {holder.since_utc}{_showing(holder)})" if holder else ""
        super().__init__(f"Polypwatch is open already{who}.", "Use that window, or close it first.")
        self.holder = holder


class Instance:
    """The lock while it is held; made by :meth:`take`."""

    def __init__(self, lock: FileLock, folder: Path, holder: Holder) -> None:
        self._lock = lock
        self._folder = folder
        self.holder = holder

    @classmethod
    def take(cls, source: str = "", folder: Path | None = None) -> Instance:
        """Be the one.

        Args:
            source: what will be shown, for whoever comes second.
            folder: of the lock; default: :func:`runtime_folder`.

        Raises:
            AlreadyRunning: somebody else is.
            OutputError: the folder cannot be used.
        """
        folder = folder or runtime_folder()
        try:
            lock = FileLock.take(folder / _LOCK)
        except OSError as error:
            raise _unusable(folder, error.strerror or str(error)) from error
        if lock is None:
            raise AlreadyRunning(_read(folder / _NOTE))
        holder = Holder(os.getpid(), datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), source)
        _write(folder / _NOTE, holder)
        return cls(lock, folder, holder)

    def fileno(self) -> int:
        """What a child process inherits to hold the lock, too: a window whose supervisor was killed remains the one."""
        return self._lock.fileno()

    def listen_at(self, address: str) -> None:
        """Note where this process listens."""
        self.holder = replace(self.holder, address=address)
        _write(self._folder / _NOTE, self.holder)

    def release(self) -> None:
        """Let the next one begin. The lock's file stays: removing it would let two hold locks of the same name."""
        with contextlib.suppress(OSError):
            (self._folder / _NOTE).unlink()
        self._lock.release()


def runtime_folder() -> Path:
    """This user's folder for locks, which nobody else may write; made if need be. ``POLYPWATCH_RUNTIME`` names another.

    Raises:
        OutputError: it cannot be made, or others may write it.
    """
    named = os.environ.get("POLYPWATCH_RUNTIME")
    folder = Path(named or platformdirs.user_runtime_dir("polypwatch", appauthor=False))
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.lstat()
    except OSError as error:
        raise _unusable(folder, error.strerror or str(error)) from error
    if sys.platform != "win32":
        ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid()
        if not ours or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise _unusable(folder, "it is not this user's alone")
    return folder


def _showing(holder: Holder) -> str:
    return f", showing {holder.source}" if holder.source else ""


def _unusable(folder: Path, why: str) -> OutputError:
    return OutputError(f"Cannot use {folder} for the lock of the window: {why}.", "Name another in POLYPWATCH_RUNTIME.")


def _read(path: Path) -> Holder | None:
    try:
        row = json.loads(path.read_text(encoding="utf-8"))
        return Holder(int(row["pid"]), str(row["since_utc"]), str(row["source"]), str(row["address"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _write(path: Path, holder: Holder) -> None:
    """Whole or not at all; without it the lock holds as well, and the second start knows less."""
    with contextlib.suppress(OSError):
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".live.")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(asdict(holder), file)
        os.replace(temporary, path)
