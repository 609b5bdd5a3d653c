"""What was found out of a file and can be found out again, kept between two runs: counts, hashes, thumbnails.

A file is known by its path, size and time of change. A folder that cannot be written costs time at the next start,
nothing else.
"""

from __future__ import annotations

import contextlib
import hashlib
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from app.recording.mark import replace_file
from detector.errors import SourceError
from detector.user_cache import cache_root

_CHUNK_BYTES = 1 << 22
_SMALL_BYTES = 48 << 20  # hashed in about a tenth of a second: nobody needs to wait for that
_UNREADABLE = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile)


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
        text = "|".join(map(str, (of.resolve(), stat.st_size, stat.st_mtime_ns, *more)))
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
        beside = file.with_name(f"{file.stem}.{id(arrays):x}.new.npz")
        with contextlib.suppress(OSError):
            file.parent.mkdir(parents=True, exist_ok=True)
            try:
                with beside.open("wb") as handle:
                    np.savez(handle, **arrays)  # type: ignore[arg-type]
                beside.replace(file)
            except OSError:
                beside.unlink(missing_ok=True)
                raise

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
        with contextlib.suppress(OSError):
            file.parent.mkdir(parents=True, exist_ok=True)
            replace_file(file, [data], sync=False)

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
