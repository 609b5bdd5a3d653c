"""Procedures for the tests of reviews: a file and an axis; nothing of these tests looks at pictures."""

from pathlib import Path

import numpy as np

from app.qa.axis import FrameAxis, plain_axis
from app.qa.opened import Opened
from detector.annotation import Annotation
from detector.geometry import Size
from detector.procedure import Procedure, Segment

SIZE = Size(640, 480)
RATE = 25.0


def procedure(
    folder: Path, frames: int = 500, *, size: Size = SIZE, name: str = "clip.mp4", whole: bool = True
) -> Opened:
    """A plain video of which nobody decodes anything."""
    video = folder / name
    if not video.exists():
        video.write_bytes(b"no pictures" * 10)
    axis = plain_axis(np.arange(frames) / RATE, frames / RATE, whole=whole)
    return opened(video, (Segment(1, video, (), None, None),), axis, (size,))


def two_videos(folder: Path, frames: int = 200, sizes: tuple[Size, Size] = (SIZE, SIZE)) -> Opened:
    """A recording of two files, `frames` pictures each."""
    videos = [folder / f"video-00{n}.mkv" for n in (1, 2)]
    for n, video in enumerate(videos):
        video.write_bytes(b"x" * (100 + n))
    count = np.arange(2 * frames, dtype=np.int64)
    segment = 1 + count // frames
    axis = FrameAxis(
        count / RATE,
        2 * frames / RATE,
        segment,
        count % frames,
        np.ones_like(count),
        count.copy(),
        np.zeros(len(count), np.bool_),
    )
    segments = tuple(Segment(n, video, (), None, None) for n, video in enumerate(videos, start=1))
    return opened(folder, segments, axis, sizes)


def opened(path: Path, segments: tuple[Segment, ...], axis: FrameAxis, sizes: tuple[Size, ...]) -> Opened:
    return Opened(
        path=path,
        procedure=Procedure(path, segments, (), (), ()),
        axis=axis,
        size=sizes[0],
        sizes=sizes,
        kind="recording" if path.is_dir() else "video",
        title=path.name,
        notes=(),
        media=(),
        indices=(None,) * len(segments),
        checked=True,
    )


def labelled(found: Opened, file: Path, annotation: Annotation) -> Opened:
    """The same with labels beside the first video."""
    first, *rest = found.procedure.segments
    segment = Segment(first.number, first.video, first.frames, annotation, file)
    return opened(found.path, (segment, *rest), found.axis, found.sizes)


def box(x: float = 100, y: float = 100, side: float = 40) -> tuple[float, float, float, float]:
    return (x, y, x + side, y + side)
