"""Where an export grows: beside its destination, so that all files of it appear in the end, or none."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from detector.errors import OutputError

if TYPE_CHECKING:
    from pydicom import Dataset


class Staging:
    """A passing folder inside the destination.

    Args:
        out: the destination; made if it is not there.

    Raises:
        OutputError: it cannot be made or written.
    """

    def __init__(self, out: Path) -> None:
        self.out = out
        self._done: list[str] = []
        with self._trouble():
            out.mkdir(parents=True, exist_ok=True)
            self.folder = Path(tempfile.mkdtemp(prefix=".polypwatch-dicom-", dir=out))

    def __enter__(self) -> Staging:
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def require_free(self, names: list[str]) -> None:
        """Refuse before an hour of encoding what would be refused after it.

        Raises:
            OutputError: a file of one of these names is already there.
        """
        for name in names:
            if (self.out / name).exists():
                raise OutputError(
                    f"{self.out / name} exists already; nothing is written over.", "Choose another folder."
                )

    def write(self, name: str, data: Dataset) -> None:
        """Write an instance with its file meta information.

        Raises:
            OutputError: the disk is full or gone.
        """
        from pydicom import dcmwrite

        with self._trouble():
            dcmwrite(self.folder / name, data, enforce_file_format=True)
        self._done.append(name)

    def publish(self) -> list[Path]:
        """Move all instances to their places; returns them in order.

        Raises:
            OutputError: one of them exists already (nothing is moved then), or the disk is gone.
        """
        self.require_free(self._done)
        moved: list[Path] = []
        try:
            with self._trouble():
                for name in self._done:
                    _move_to_free_name(self.folder / name, self.out / name)
                    moved.append(self.out / name)
        except OutputError:
            for path in moved:
                path.unlink(missing_ok=True)
            raise
        return moved

    @contextlib.contextmanager
    def _trouble(self) -> Iterator[None]:
        try:
            yield
        except FileExistsError as error:
            raise OutputError(
                f"{error.filename2 or error.filename} exists already.", "Choose another folder."
            ) from error
        except OSError as error:
            raise OutputError(
                f"Cannot write into {self.out}: {error.strerror or error}.", "Is the disk full or write-protected?"
            ) from error


def _move_to_free_name(source: Path, target: Path) -> None:
    try:
        os.link(source, target)  # unlike a rename, refuses to replace a file that has just appeared
    except FileExistsError:
        raise
    except OSError:  # file systems without hard links (exFAT, some network drives)
        if target.exists():
            raise FileExistsError(17, "File exists", str(target)) from None
        source.rename(target)
