"""Which frames go into a format of single frames, and the pictures of them."""

from __future__ import annotations

from pathlib import Path

import cv2

from app.qa.exchange.model import Item, Job
from app.qa.progress import go_on
from detector.annotation import Annotation
from detector.decode import decode_frames
from detector.errors import OutputError, SourceError

_QUALITY = [cv2.IMWRITE_JPEG_QUALITY, 95]


def frames_of(annotation: Annotation, every: int) -> list[int]:
    """Frames of which something is known and that are worth a picture, ascending.

    All reviewed frames with a mark, and of those without every so many. A marked frame that nobody reviewed is left
    out: in such a format it would say that there is nothing else in it.
    """
    marked = {f.index for f in annotation.frames if annotation.is_reviewed(f.index)}
    empty: set[int] = set()
    for reviewed in annotation.reviewed:
        empty.update(range(reviewed.first, reviewed.last + 1, every))
    return sorted(marked | {i for i in empty if not annotation.marks(i)})


def frame_name(index: int) -> str:
    """How a frame is called: its index, from 0, with six digits."""
    return f"{index:06d}"


def suffix(job: Job) -> str:
    """Of the pictures."""
    return ".png" if job.png else ".jpg"


def write_pictures(item: Item, frames: list[int], folder: Path, job: Job) -> None:
    """Write frames of a video into a folder.

    Raises:
        SourceError: the video cannot be read, or does not have those frames.
        OutputError: the folder cannot be written.
        Stopped: the user stopped it.
    """
    make_folder(folder)
    if not job.pictures or not frames:
        return
    done = 0
    for frame in decode_frames(item.video, frozenset(frames), whole=False):
        go_on(job.stop, "The export")
        ok, data = cv2.imencode(suffix(job), frame.image, [] if job.png else _QUALITY)
        if not ok:
            raise OutputError(f"Frame {frame.index} of {item.video} cannot be compressed as {suffix(job)}.")
        write_bytes(folder / f"{frame_name(frame.index)}{suffix(job)}", data.tobytes())
        done += 1
        job.progress(item.key, done, len(frames))
    if done != len(frames):
        raise SourceError(f"{item.video} has {done} of the {len(frames)} frames that are labelled.", "Was it cut?")


def make_folder(folder: Path) -> None:
    """Make a folder.

    Raises:
        OutputError: it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder} cannot be made: {error.strerror or error}.", "Choose another place.") from error


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file.

    Raises:
        OutputError: the disk is full or gone.
    """
    try:
        path.write_bytes(data)
    except OSError as error:
        raise OutputError(f"Cannot write {path}: {error.strerror or error}.", "Is the disk full or gone?") from error


def write_text(path: Path, text: str) -> None:
    """Write a file in UTF-8.

    Raises:
        OutputError: the disk is full or gone.
    """
    write_bytes(path, text.encode("utf-8"))
