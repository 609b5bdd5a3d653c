"""Who may analyse: one process for each results file, and nobody beside a live examination."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from pathlib import Path

from detector.errors import OutputError
from detector.file_lock import FileLock
from detector.gpu_card import cache_folder


@contextlib.contextmanager
def claim(out: Path) -> Iterator[None]:
    """Be the only one that writes a results file; the lock lies in the cache, so that nothing is left beside the video.

    Raises:
        OutputError: another process writes it.
    """
    folder = cache_folder("qa") / "jobs"
    name = hashlib.sha256(str(out.resolve()).encode("utf-8", "surrogateescape")).hexdigest()[:32]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock.take(folder / f"{name}.lock")
    except OSError:  # a cache that cannot be written keeps nobody from working
        yield
        return
    if lock is None:
        raise OutputError(f"{out} is being written by another window or command.", "Wait until that is done.")
    try:
        yield
    finally:
        lock.release()
