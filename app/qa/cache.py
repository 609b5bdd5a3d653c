"""What was found out of a file and can be found out again, kept between two runs: counts, hashes, thumbnails.

A file is known by its path, size and time of change. A folder that cannot be written costs time at the next start,
nothing else. Small pictures of procedures lie here, too: this is the only place outside of their folders that holds
anything of them (`forget` takes it away), and it grows to a bound only (`tidy`).
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import threading
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from detector.errors import OutputError, SourceError, UsageError
from detector.file_lock import FileLock
from detector.user_cache import cache_root

_CHUNK_BYTES = 1 << 22
_SMALL_BYTES = 48 << 20  # hashed in about a tenth of a second: nobody needs to wait for that
_UNREADABLE = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile)


MOST_BYTES = 4 << 30
"""Of everything that is kept, together."""


def tidy(root: Path | None = None, most_bytes: int = MOST_BYTES) -> None:
    """Let the oldest go where more is kept than that; takes a moment, so not in a window's thread."""
    files: list[tuple[float, int, str]] = []
    for path in ((root or cache_root()) / "qa").glob("*/*"):
        if path.suffix == ".lock":  # somebody may hold it
            continue
        with contextlib.suppress(OSError):  # another window may do the same
            stat = path.stat()
            files.append((stat.st_mtime, stat.st_size, str(path)))
    left = sum(size for _, size, _ in files)
    for _, size, name in sorted(files):
        if left <= most_bytes:
            return
        with contextlib.suppress(OSError):
            os.unlink(name)
        left -= size


def forget(root: Path | None = None) -> Path:
    """Take away everything that the QA room keeps of procedures outside of their folders: it can be found out again.

    Returns:
        The folder that is gone.

    Raises:
        UsageError: a QA window is open, which works with it.
        OutputError: it cannot be taken away.
    """
    folder = (root or cache_root()) / "qa"
    if not folder.is_dir():
        return folder
    if FileLock.is_held(folder / "jobs.json.lock"):
        raise UsageError("A window of the QA room is open and works with what is kept.", "Close it first.")
    try:
        shutil.rmtree(folder)
    except OSError as error:
        raise OutputError(f"{folder} cannot be taken away: {error.strerror or error}.", "Delete it by hand.") from error
    return folder


def _put(file: Path, write: Callable[[IO[bytes]], object]) -> None:
    """Write a file whole, or not at all; other windows may do the same at the same time."""
    beside = file.with_name(f"{file.name}.{os.getpid()}-{threading.get_ident():x}.new")
    with contextlib.suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            with beside.open("wb") as handle:
                write(handle)
            beside.replace(file)
        except OSError:
            beside.unlink(missing_ok=True)
            raise


class Kept:
    """The part of the cache that belongs to the QA room.

    Args:
        root: of the cache; None: this user's.
    """

    def __init__(self, root: Path | None = None) -> None:
        self.folder = (root or cache_root()) / "qa"
        self._arrays: dict[Path, dict[str, npt.NDArray[Any]]] = {}
        self._data: dict[Path, bytes] = {}

    def file(self, kind: str, of: Path, suffix: str, *more: object) -> Path:
        """Where something of a file is kept, or would be; changes with the file and with each of ``more``.

        Raises:
            SourceError: the file is not there.
        """
        try:
            stat = of.stat()
        except OSError as error:
            raise SourceError(f"{of} cannot be read: {error.strerror}.", "Check the drive.") from error
        # A copy over it may keep the time of change (`cp -p`, `rsync`), but not that of its entry.
        text = "|".join(map(str, (of.resolve(), stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, *more)))
        name = hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:32]
        return self.folder / kind / f"{name}{suffix}"

    def arrays(self, file: Path) -> dict[str, npt.NDArray[Any]] | None:
        """Arrays that were kept; None if there are none, or they are damaged."""
        if file in self._arrays:
            return self._arrays[file]
        try:
            # np.load leaves a file open that it finds damaged.
            with file.open("rb") as handle, np.load(handle, allow_pickle=False) as content:
                return {name: content[name] for name in content.files}
        except _UNREADABLE:
            return None

    def keep_arrays(self, file: Path, arrays: Mapping[str, npt.ArrayLike]) -> None:
        """Keep arrays; where the folder cannot be written, in memory alone."""
        self._arrays[file] = {name: np.asarray(array) for name, array in arrays.items()}
        _put(file, lambda handle: np.savez(handle, **arrays))  # type: ignore[arg-type]

    def data(self, file: Path) -> bytes | None:
        """Bytes that were kept; None if there are none."""
        if file in self._data:
            return self._data[file]
        try:
            return file.read_bytes()
        except OSError:
            return None

    def keep_data(self, file: Path, data: bytes) -> None:
        """Keep bytes; where the folder cannot be written they are lost."""
        _put(file, lambda handle: handle.write(data))

    def known_sha256(self, path: Path) -> str | None:
        """SHA-256 of a file if that is known, or soon found out; else None.

        Raises:
            SourceError: the file is not there.
        """
        known = self.data(self.file("sha256", path, ".txt"))
        if known is not None and len(known) == 64:
            return known.decode("ascii", "replace")
        return self.sha256(path) if path.stat().st_size <= _SMALL_BYTES else None

    def sha256(self, path: Path, stop: Callable[[], bool] = lambda: False) -> str | None:
        """SHA-256 of a file, lower-case hex, kept for next time; None if it was stopped.

        Raises:
            SourceError: it cannot be read.
        """
        file = self.file("sha256", path, ".txt")
        known = self.data(file)
        if known is not None and len(known) == 64:
            return known.decode("ascii", "replace")
        digest = hashlib.sha256()
        try:
            with path.open("rb") as handle:
                while chunk := handle.read(_CHUNK_BYTES):
                    if stop():
                        return None
                    digest.update(chunk)
        except OSError as error:
            raise SourceError(f"{path} cannot be read: {error.strerror}.", "Check the drive.") from error
        self._data[file] = digest.hexdigest().encode()
        self.keep_data(file, self._data[file])
        return digest.hexdigest()
