"""A tiny phantom for tests: a clip with painted indices, and an annotation of its one lesion.

It is a bright red patch, which the tiny networks of the tests find, where the steady detector always finds something.
"""

from __future__ import annotations

import hashlib
from fractions import Fraction
from pathlib import Path

import numpy as np

from detector.annotation import Annotation, Lesion, Mark, MarkedFrame, ReviewedRange, Video
from tests.clips import paint_index, write_video

RATE = Fraction(8)  # slow enough for a busy machine to paint every picture
FRAMES = 60
CLEAR_FROM = 25
LESION = (200.0, 150.0, 320.0, 260.0)


def write_phantom(folder: Path, lesion: tuple[float, float, float, float] = LESION) -> tuple[Path, Annotation]:
    """60 frames at 8 frames/s; the lesion is clear from frame 25 on.

    Args:
        folder: where the clip goes.
        lesion: where the annotation says that the lesion lies.
    """
    path = folder / "tiny.mp4"
    images = [np.full((360, 480, 3), 60 + n, np.uint8) for n in range(FRAMES)]
    for image in images[CLEAR_FROM:]:
        image[150:260, 200:320] = (20, 20, 250)
    write_video(path, [paint_index(image, n) for n, image in enumerate(images)], rate=RATE)
    marks = (Mark(lesion=1, state="clear", box=lesion, visibility=1.0),)
    return path, Annotation(
        software="tests",
        source="drawn",
        video=Video(
            name=path.name,
            sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
            frame_count=FRAMES,
            width=480,
            height=360,
            time_base=1 / RATE,
        ),
        lesions=(Lesion(id=1, paris="Is", size_mm=6.0, note=""),),
        reviewed=(ReviewedRange(first=0, last=FRAMES - 1, reviewer="tests"),),
        frames=tuple(MarkedFrame(index=n, pts=n, marks=marks) for n in range(CLEAR_FROM, FRAMES)),
    )
