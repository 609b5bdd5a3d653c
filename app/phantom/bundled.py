"""The phantom procedure that comes with the product, and the part of it that a self-test plays."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from detector.annotation import Annotation, load_annotation
from detector.errors import SourceError


@dataclass(frozen=True, slots=True)
class Bundled:
    """The bundled files.

    Attributes:
        video: H.264 in MP4.
        annotation: its truth, schema ``polypwatch.annotation/1``.
    """

    video: Path
    annotation: Path


def bundled() -> Bundled:
    """Where the bundled procedure lies: beside the packages, in a checkout and in an installed wheel alike.

    Raises:
        SourceError: it is not there.
    """
    folder = Path(__file__).resolve().parents[2] / "assets"
    found = Bundled(folder / "phantom.mp4", folder / "phantom.json")
    for path in (found.video, found.annotation):
        if not path.is_file():
            raise SourceError(
                f"The phantom procedure is not installed: {path} is missing.",
                "Reinstall Polypwatch, or render it: polypwatch phantom --seed 1 --seconds 92 OUT.",
            )
    return found


@dataclass(frozen=True, slots=True)
class Excerpt:
    """A part of a video.

    Attributes:
        first: its first frame.
        last: its last frame, included.
        start: media time of the first, in seconds.
        end: media time at which the frame after the last would come.
        lesions: ids that are clear in it.
    """

    first: int
    last: int
    start: Fraction
    end: Fraction
    lesions: tuple[int, ...]


def liveliest(annotation: Annotation, seconds: float = 10.0) -> Excerpt:
    """The part of ``seconds`` that a self-test should play: the one with the most frames in which a lesion is clear.

    Frames are taken to be evenly spaced, as those of a rendered film are.

    Raises:
        SourceError: no lesion is clear anywhere, so that nothing could be tested.
    """
    video = annotation.video
    clear = np.zeros(video.frame_count, np.int64)
    for frame in annotation.frames:
        clear[frame.index] = any(m.state == "clear" for m in frame.marks)
    timed = [f for f in annotation.frames if f.pts is not None and f.index > 0]
    if not clear.any() or not timed:
        raise SourceError(f"No lesion is clear anywhere in {video.name}.", "Choose another video for the self-test.")
    interval = Fraction(timed[-1].pts or 0, timed[-1].index) * video.time_base
    length = min(video.frame_count, max(1, round(Fraction(seconds) / interval)))
    counts = np.convolve(clear, np.ones(length, np.int64), "valid")
    first = int(np.argmax(counts))
    last = first + length - 1
    lesions = sorted(
        {m.lesion for f in annotation.frames if first <= f.index <= last for m in f.marks if m.state == "clear"}
    )
    return Excerpt(first, last, first * interval, (last + 1) * interval, tuple(lesions))


def load_bundled() -> tuple[Path, Annotation]:
    """The bundled film and its annotation, read."""
    files = bundled()
    return files.video, load_annotation(files.annotation)
