"""The pictures of an examination: kept in its own folder, and small ones of them to choose from."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from PyQt6.QtCore import QSize, Qt
from PyQt6.QtGui import QImage, QImageReader

from app.examination.events import Photo, Snapshot
from app.examination.record import Examination
from app.gui.errands import Errands
from app.gui.signs import View
from app.gui.snapshots import SavedSnapshot, write_snapshot
from app.snapshot import LiveSnapshot

FOLDER = "snapshots"
PROPOSED = "proposed"
_THUMBNAIL = QSize(240, 160)
_MOST = 12


def keep_picture(folder: Path, snapshot: LiveSnapshot) -> SavedSnapshot:
    """Write a picture below an examination's folder; may wait for the disk.

    Raises:
        OutputError: there is no picture, or it cannot be written.
    """
    return write_snapshot(folder / FOLDER, snapshot, View())


def keep_proposals(folder: Path, lesion: int, pictures: tuple[LiveSnapshot, ...]) -> None:
    """Write the best frames of a lesion where the details sheet finds them; none is in the journal until it is chosen.

    Raises:
        OutputError: they cannot be written.
    """
    for snapshot in pictures:
        write_snapshot(_proposed(folder, lesion), snapshot, View())


def pictures_of(state: Examination, lesion: int, proposed: Sequence[str]) -> tuple[list[str], list[str]]:
    """Files to choose from for a lesion, below the examination's folder, and which of them are chosen.

    Args:
        state: with all pictures and descriptions.
        lesion: its number.
        proposed: best frames that wait for it (:class:`Proposals`).
    """
    known = next((x for x in state.lesions if x.id == lesion), None)
    taken = [snapshot for _, snapshot in state.of(Snapshot)]
    chosen = list(known.pictures) if known and known.pictures else [s.file for s in taken if s.lesion == lesion]
    others = [s.file for s in reversed(taken)]
    return list(dict.fromkeys([*chosen, *proposed, *others]))[:_MOST], chosen


class Proposals:
    """Which best frames lie on the disk, looked up beside the window's thread.

    Args:
        errands: where they are looked up.
        wake: called when it is known.
    """

    def __init__(self, errands: Errands, wake: Callable[[], None]) -> None:
        self._errands, self._wake = errands, wake
        self._lock = threading.Lock()
        self._known: dict[tuple[Path, int], tuple[str, ...]] = {}

    def look(self, folder: Path, lesion: int) -> None:
        """Look anew."""
        self._errands.run(lambda: self._look(folder, lesion))

    def of(self, folder: Path, lesion: int) -> tuple[str, ...]:
        """What is known, below the examination's folder."""
        with self._lock:
            return self._known.get((folder, lesion), ())

    def _look(self, folder: Path, lesion: int) -> None:
        found = sorted(p.relative_to(folder).as_posix() for p in _proposed(folder, lesion).glob("*.clean.png"))
        with self._lock:
            self._known[folder, lesion] = tuple(found)
        self._wake()


def kept_pictures(state: Examination) -> list[str]:
    """Every picture that the journal names, below the examination's folder."""
    files = [photo.file for _, photo in state.of(Photo) if photo.file]
    files += [snapshot.file for _, snapshot in state.of(Snapshot)]
    files += [file for lesion in state.lesions for file in lesion.pictures]
    return list(dict.fromkeys(files))


class Thumbnails:
    """Small pictures, read beside the window's thread.

    Args:
        errands: where they are read.
        wake: called when one is there.
    """

    def __init__(self, errands: Errands, wake: Callable[[], None]) -> None:
        self._errands, self._wake = errands, wake
        self._lock = threading.Lock()
        self._read: dict[Path, QImage | None] = {}

    def of(self, path: Path) -> QImage | None:
        """The small picture; None while it is read, or if it cannot be."""
        with self._lock:
            if path in self._read:
                return self._read[path]
            self._read[path] = None
        self._errands.run(lambda: self._load(path))
        return None

    def _load(self, path: Path) -> None:
        image = QImageReader(str(path)).read()
        if not image.isNull():
            image = image.scaled(
                _THUMBNAIL, Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
            )
            with self._lock:
                self._read[path] = image
            self._wake()


def _proposed(folder: Path, lesion: int) -> Path:
    return folder / FOLDER / PROPOSED / f"lesion-{lesion:03d}"
