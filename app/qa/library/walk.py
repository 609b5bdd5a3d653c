"""Finding procedures below a folder, and seeing cheaply whether one has changed. Reads names, sizes and times only."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from app.capture.images import SUFFIXES as IMAGE_SUFFIXES
from app.examination.store import JOURNAL_NAME
from app.qa.library.entries import Kind
from app.recording.mark import MARK_NAME
from detector.decode import VIDEO_SUFFIXES
from detector.procedure import SIDECAR

LEAST_IMAGES = 10
"""A folder with so many images, and no video, is an image sequence; fewer are snapshots or figures of something."""

_SEGMENT = re.compile(r"video-\d{3,}\.mkv")
_OF_LABELS = (".json", ".jsonl")
_DICOM = ".dcm"


@dataclass(frozen=True, slots=True)
class Found:
    """One procedure, not looked into yet.

    Attributes:
        path: its folder or file.
        kind: what it looks like; a `dicom` may turn out to be a still picture, and no procedure.
        files: that belong to it: in the folder, or beside the file with a name that begins likewise.
        fingerprint: changes when one of the files does.
        size_bytes: of the videos or images.
        changed_s: when the video, or the newest image, was written last; seconds since 1970.
    """

    path: Path
    kind: Kind
    files: tuple[Path, ...]
    fingerprint: str
    size_bytes: int
    changed_s: float


def walk(root: Path, stop: Callable[[], bool], trouble: Callable[[Path, str], None]) -> Iterator[Found]:
    """Every procedure in a folder and below it. Folders that begin with a dot, and links to folders, are passed over.

    Args:
        root: a folder; a video is one procedure.
        stop: asked now and then; True ends the walk.
        trouble: told of every folder that cannot be read.
    """
    if root.is_file():
        found = look_at(root)
        if found is not None:
            yield found
        return
    waiting = [root]
    while waiting and not stop():
        folder = waiting.pop()
        try:
            with os.scandir(folder) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except OSError as error:
            trouble(folder, error.strerror or str(error))
            continue
        files = [entry for entry in entries if _is_file(entry)]
        whole = _whole_folder(folder, files)
        if whole is not None:
            yield whole
            continue
        yield from _single(folder, files)
        # The newest names first: what was recorded last is wanted first.
        waiting += [Path(e.path) for e in entries if not e.name.startswith(".") and e.is_dir(follow_symlinks=False)]


def look_at(path: Path) -> Found | None:
    """The procedure at a path as it is now; None if there is none."""
    folder = path if path.is_dir() else path.parent
    try:
        with os.scandir(folder) as listing:
            files = [entry for entry in listing if _is_file(entry)]
    except OSError:
        return None
    files.sort(key=lambda entry: entry.name)
    if path == folder:
        return _whole_folder(folder, files)
    return next((found for found in _single(folder, files) if found.path == path), None)


def _whole_folder(folder: Path, files: Sequence[os.DirEntry[str]]) -> Found | None:
    """The folder as one procedure: a recording, an examination, an image sequence."""
    names = {entry.name for entry in files}
    segments = [entry for entry in files if _SEGMENT.fullmatch(entry.name)]
    if JOURNAL_NAME in names:
        return _found(folder, "examination", files, segments)
    if segments or SIDECAR in names or MARK_NAME in names:
        return _found(folder, "recording", files, segments)
    if any(_suffix(entry.name) in VIDEO_SUFFIXES for entry in files):
        return None
    images = [entry for entry in files if _suffix(entry.name) in IMAGE_SUFFIXES]
    if len(images) < LEAST_IMAGES:
        return None
    others = [entry for entry in files if _suffix(entry.name) in _OF_LABELS]
    return _found(folder, "images", [*others, *images], images)


def _single(folder: Path, files: Sequence[os.DirEntry[str]]) -> Iterator[Found]:
    """Videos that lie in a folder of many."""
    labels = [entry for entry in files if _suffix(entry.name) in _OF_LABELS]
    for entry in files:
        suffix = _suffix(entry.name)
        if suffix in VIDEO_SUFFIXES or suffix == _DICOM:
            stem = Path(entry.name).stem
            beside = [e for e in labels if e.name.startswith(f"{stem}.")]
            kind: Kind = "dicom" if suffix == _DICOM else "video"
            yield _found(folder / entry.name, kind, [entry, *beside], [entry])


def _found(path: Path, kind: Kind, files: Sequence[os.DirEntry[str]], pictures: Sequence[os.DirEntry[str]]) -> Found:
    digest = hashlib.sha256()
    size, changed_s = 0, 0.0
    of_pictures = {entry.name for entry in pictures}
    for entry in files:
        try:
            known = entry.stat()
        except OSError:  # gone meanwhile, or a link to nowhere: the next scan sees another fingerprint
            continue
        digest.update(f"{entry.name}\0{known.st_size}\0{known.st_mtime_ns}\n".encode("utf-8", "surrogateescape"))
        if entry.name in of_pictures:
            size += known.st_size
            changed_s = max(changed_s, known.st_mtime)
    if not of_pictures:
        changed_s = max((_mtime(entry) for entry in files), default=0.0)
    paths = tuple(Path(entry.path) for entry in files)
    return Found(path, kind, paths, digest.hexdigest(), size, changed_s)


def _mtime(entry: os.DirEntry[str]) -> float:
    try:
        return entry.stat().st_mtime
    except OSError:
        return 0.0


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file()
    except OSError:
        return False


def _suffix(name: str) -> str:
    return os.path.splitext(name)[1].lower()
