"""Files that another run of the program may write at the same time: whole or not at all, one writer at a time."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from detector.errors import OutputError

_LOCK_WITHIN_S = 5.0
_TRY_EVERY_S = 0.02
_REPLACE_WITHIN_S = 1.0
_UNFINISHED = ".part"


def write_whole(path: Path, text: str) -> None:
    """Replace a file by a new one that is on the disk when this returns; a reader sees the old one or the new one.

    The file is for its owner alone: the address of a stream may hold a password.

    Raises:
        OutputError: it cannot be written; the old one is as it was.
    """
    path = Path(os.path.realpath(path))  # a link stays one
    temporary = ""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", suffix=_UNFINISHED, dir=path.parent)
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        _replace(temporary, path)
    except OSError as error:
        if temporary:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
        raise cannot_write(path, error) from error
    _sync_folder(path.parent)


def move_aside(path: Path, word: str) -> Path:
    """Rename ``settings.json`` to ``settings.WORD-20260301T083000Z.json``, never over another file.

    Raises:
        OSError: it cannot be renamed; it is as it was.
    """
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    number = 1
    while True:
        more = f"-{number}" if number > 1 else ""
        aside = path.with_name(f"{path.stem}.{word}-{stamp}{more}{path.suffix}")
        try:
            os.close(os.open(aside, os.O_CREAT | os.O_EXCL, 0o600))  # the name is ours
            break
        except FileExistsError:
            number += 1
    try:
        os.replace(path, aside)
    except OSError:
        aside.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)
    return aside


@contextlib.contextmanager
def one_writer(path: Path) -> Iterator[None]:
    """Keep other runs of the program from changing ``path`` meanwhile. The system frees the lock when a run dies.

    Raises:
        OutputError: the folder cannot be written, or another run does not let go within 5 s.
    """
    lock = path.with_name(f"{path.name}.lock")
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise cannot_write(path, error) from error
    try:
        deadline = time.monotonic() + _LOCK_WITHIN_S
        while not _locked(handle):
            if time.monotonic() > deadline:
                raise OutputError(f"Another Polypwatch is changing {path}.", "Try again when it is done.")
            time.sleep(_TRY_EVERY_S)
        yield
    finally:
        os.close(handle)


def remove_unfinished(path: Path) -> None:
    """Remove what runs left that died while they wrote ``path``. Only for the one writer there is."""
    path = Path(os.path.realpath(path))
    for left in path.parent.glob(f".{path.name}.*{_UNFINISHED}"):
        with contextlib.suppress(OSError):
            left.unlink()


def cannot_write(path: Path, error: OSError) -> OutputError:
    """What to tell the user."""
    return OutputError(
        f"Cannot write {path}: {error.strerror}.", "Free some space, or name another folder in POLYPWATCH_CONFIG."
    )


def _replace(new: str, path: Path) -> None:
    """Windows refuses for as long as somebody has the old file open."""
    deadline = time.monotonic() + _REPLACE_WITHIN_S
    while True:
        try:
            os.replace(new, path)
            return
        except PermissionError:
            if os.name != "nt" or time.monotonic() > deadline:
                raise
            time.sleep(_TRY_EVERY_S)


def _locked(handle: int) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _sync_folder(folder: Path) -> None:
    """Put the file's name on the disk too, where folders can be synced (not on Windows)."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
