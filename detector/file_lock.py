"""A lock on a file that ends with its process, however that ends."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

if sys.platform == "win32":
    import msvcrt

    def _lock(handle: int) -> None:
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _lock(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


class FileLock:
    """Held from :meth:`take` until :meth:`release` or the end of the process."""

    def __init__(self, handle: int) -> None:
        self._handle = handle

    @classmethod
    def take(cls, path: Path) -> FileLock | None:
        """The lock; None if somebody else has it.

        Raises:
            OSError: the file cannot be made.
        """
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            _lock(handle)
        except OSError:
            os.close(handle)
            return None
        return cls(handle)

    @classmethod
    def is_held(cls, path: Path) -> bool:
        """Whether somebody has the lock."""
        if not path.exists():
            return False
        with contextlib.suppress(OSError):
            lock = cls.take(path)
            if lock is None:
                return True
            lock.release()
        return False

    def fileno(self) -> int:
        """The file's descriptor: a child process that inherits it holds the lock, too (not on Windows)."""
        return self._handle

    def release(self) -> None:
        """Let others have it."""
        os.close(self._handle)
