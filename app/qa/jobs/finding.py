"""Which procedures lie below a folder, and where their results go when they are not to lie beside them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from app.capture.images import SUFFIXES as IMAGE_SUFFIXES
from app.qa.reanalysis import DICOM_SUFFIXES, analysis_path
from detector.decode import VIDEO_SUFFIXES
from detector.errors import SourceError, UsageError
from detector.procedure import is_recording
from detector.results import ModelRef

_SUFFIXES = VIDEO_SUFFIXES | DICOM_SUFFIXES


@dataclass(frozen=True, slots=True)
class Found:
    """A procedure, and where it lies below what was named.

    Attributes:
        path: the recording's folder, the video, the folder of images.
        folder: below which it was found: the folder that was named, or that of the file that was named.
    """

    path: Path
    folder: Path

    def out_folder(self, out: Path) -> Path:
        """The folder below ``out`` for its results: the same way down as here, the named folder's name included."""
        inside = self.path if self.path.is_dir() else self.path.parent
        return out / inside.resolve().relative_to(self.folder.resolve().parent)


def procedures_below(paths: Iterable[Path]) -> list[Found]:
    """Every recording and video that was named or lies below a folder that was, each once, sorted below each.

    A folder that holds images and nothing of all that is an image sequence, if it was named itself.

    Raises:
        SourceError: a path does not exist, or there is nothing below it.
    """
    found: dict[Path, Found] = {}
    for path in paths:
        if not path.exists():
            raise SourceError(f"{path} does not exist.", "Check the spelling.")
        here = list(_below(path))
        if not here:
            raise SourceError(f"{path} holds no recording, no video and no image.", "Name another folder or file.")
        for each in here:
            found.setdefault(each.path.resolve(), each)
    return list(found.values())


def check_apart(found: Iterable[Found], out: Path) -> None:
    """See to it that no two results go into one file.

    Raises:
        UsageError: two would; it names them.
    """
    probe = ModelRef(name="model", version="0", variant="v", sha256="")
    taken: dict[Path, Path] = {}
    for each in found:
        target = analysis_path(each.path, probe, each.out_folder(out))
        if target in taken:
            raise UsageError(
                f"The results of {taken[target]} and {each.path} would go into one file below {out}.",
                "Name a folder above both, or run twice.",
            )
        taken[target] = each.path


def _below(path: Path) -> Iterator[Found]:
    if path.is_file():
        yield Found(path, path.parent)
        return
    if is_recording(path):
        yield Found(path, path)
        return
    several = False
    for folder, folders, names in os.walk(path):
        folders[:] = sorted(n for n in folders if not n.startswith("."))
        here = Path(folder)
        if is_recording(here):
            folders.clear()
            several = True
            yield Found(here, path)
            continue
        for name in sorted(names):
            if Path(name).suffix.lower() in _SUFFIXES and not name.startswith("."):
                several = True
                yield Found(here / name, path)
    if not several and any(p.suffix.lower() in IMAGE_SUFFIXES for p in path.rglob("*")):
        yield Found(path, path)
