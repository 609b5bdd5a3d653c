"""Writing labels for another tool: the whole folder appears once it is complete, or nothing does."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from app.qa.exchange.formats import find_format
from app.qa.exchange.model import Job
from app.qa.exchange.side import write_side
from app.qa.exchange.targets import items_of, targets_of
from app.qa.progress import Progress, Stop, never, quiet
from detector.errors import OutputError, SourceError


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export wrote.

    Attributes:
        folder: where it is.
        videos: how many videos.
        boxes: how many boxes their labels have.
        notes: what was left out, and what the format cannot hold.
    """

    folder: Path
    videos: int
    boxes: int
    notes: tuple[str, ...]


def export_labels(
    paths: Sequence[Path],
    form: str,
    out: Path,
    *,
    every: int = 25,
    pictures: bool = True,
    png: bool = False,
    progress: Progress = quiet,
    stop: Stop = never,
) -> Exported:
    """Write the published labels of procedures in another tool's format.

    Args:
        paths: recordings, videos, or folders of them.
        form: name of the format, a key of `formats.FORMATS`.
        out: the folder; it must not be there yet, or be empty.
        every: in formats of single frames, every so many of the reviewed frames without a lesion are written.
        pictures: write the frames themselves in such formats.
        png: lossless pictures instead of JPEG.
        progress: told how far it is.
        stop: asked whether to end early.

    Raises:
        UsageError: there is no such format, or it needs a package that is missing.
        SourceError: a procedure cannot be opened, or none has labels.
        FormatError: labels are damaged or of another video.
        OutputError: the folder cannot be written, or holds something.
        Stopped: the user stopped it.
    """
    chosen = find_format(form)
    targets = targets_of(paths)
    items = items_of(targets)
    if not items:
        raise SourceError("None of these procedures has labels.", "Review one, and publish its labels first.")
    with grown(out) as folder:
        job = Job(folder, max(1, every), pictures, png, progress, stop)
        notes = chosen.write(items, job)
        write_side(folder, chosen.name, items, chosen.loses)
    unlabelled = len(targets) - len(items)
    if unlabelled:
        notes.append(f"{unlabelled} videos have no labels and were left out")
    unreviewed = sum(not i.annotation.is_reviewed(f.index) for i in items for f in i.annotation.frames)
    if chosen.pictures and unreviewed:
        notes.append(f"{unreviewed} marked frames that nobody reviewed as a whole were left out")
    notes.append(f"the format itself does not hold: {chosen.loses}; polypwatch.json beside it does")
    notes.append("names of folders and videos are in it; for another hospital export a de-identified copy")
    boxes = sum(len(f.marks) for i in items for f in i.annotation.frames)
    return Exported(out, len(items), boxes, tuple(notes))


@contextmanager
def grown(out: Path) -> Iterator[Path]:
    """A passing folder beside `out` that takes its name in the end; on an error nothing is left.

    Raises:
        OutputError: `out` holds something already, or cannot be written.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise OutputError(f"{out} holds something already; nothing is written over.", "Choose another folder.")
    trouble = _trouble(out)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    except OSError as error:
        raise trouble(error) from error
    try:
        yield folder
        folder.chmod(0o755)
        if out.is_dir():
            out.rmdir()
        folder.replace(out)
    except OSError as error:
        raise trouble(error) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _trouble(out: Path) -> Callable[[OSError], OutputError]:
    return lambda error: OutputError(
        f"{out} cannot be written: {error.strerror or error}.", "Is the disk full or gone?"
    )
