"""Procedures with labels, made in a temporary folder of what is real and what is exactly known.

`spliced_procedure` puts three kinds of film behind each other, all scaled and padded to one size at 25 frames a second:
negative sequences (no polyp; of a part of them nobody says so), a stretch of the phantom (exact truth), and the
continuous clip, which was annotated by hand in the review page (`tests/data/continuous_clip.annotation.json`).
"""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import chain
from pathlib import Path

import cv2
import numpy as np
import pytest

from app.phantom.bundled import load_bundled
from detector.annotation import (
    Annotation,
    Lesion,
    Mark,
    MarkedFrame,
    ReviewedRange,
    Video,
    load_annotation,
    save_annotation,
)
from detector.decode import decode_frames
from detector.procedure import file_sha256
from tests.clips import write_video
from training.importers.context import Report
from training.importers.public import read_public

Box = tuple[float, float, float, float]
Size = tuple[int, int]  # width, height

CLIP = Path(__file__).parent / "data" / "continuous_clip.annotation.json"
RATE = 25
WHOLE = (560, 480)  # of the continuous clip, whose pixels stay as they are
HALF = (640, 360)  # of the phantom
GOOD = {"preset": "ultrafast", "crf": "10", "g": "25", "threads": "1"}
NO_POLYP = (("seq3", 0, 23), ("seq16", 0, 27))
UNSEEN = range(26, 46)  # of these frames: longer than a marker is held
STRETCHES = ((330, 410), (630, 680))  # of the phantom: two lesions; a fold that some models take for one
SHORT = (300, 369)


@dataclass(frozen=True)
class Labelled:
    """A picture and what is known of it; a lesion is named by its part and its number there."""

    image: np.ndarray
    marks: tuple[Mark, ...] = ()
    reviewed: bool = True


def real_data() -> Path:
    """The folder of real images; skips where it is absent."""
    root = Path(os.environ.get("POLYPWATCH_DATA", ""))
    if not os.environ.get("POLYPWATCH_DATA") or not (root / "clips").is_dir():
        pytest.skip("the real images are not at POLYPWATCH_DATA")
    return root


def fitted(picture: Labelled, size: Size) -> Labelled:
    """Scaled to fit, with black borders where the shape is another; boxes move with the pixels."""
    height, width = picture.image.shape[:2]
    scale = min(size[0] / width, size[1] / height)
    inner = round(width * scale), round(height * scale)
    left, top = (size[0] - inner[0]) // 2, (size[1] - inner[1]) // 2
    image = picture.image
    if inner != (width, height):
        image = cv2.resize(image, inner, interpolation=cv2.INTER_AREA)
    edges = top, size[1] - inner[1] - top, left, size[0] - inner[0] - left
    across, down = inner[0] / width, inner[1] / height

    def moved(box: Box) -> Box:
        x1, y1, x2, y2 = box
        return x1 * across + left, y1 * down + top, x2 * across + left, y2 * down + top

    marks = tuple(m.model_copy(update={"box": moved(m.box)}) for m in picture.marks)
    return Labelled(cv2.copyMakeBorder(image, *edges, cv2.BORDER_CONSTANT), marks, picture.reviewed)


def film(video: Path, truth: Annotation, first: int, last: int, base: int = 0) -> Iterator[Labelled]:
    """Frames of a labelled video; `base` is added to the numbers of its lesions."""
    for frame in decode_frames(video, range(first, last + 1), whole=False):
        marks = tuple(m.model_copy(update={"lesion": m.lesion + base}) for m in truth.marks(frame.index))
        yield Labelled(frame.image, marks, truth.is_reviewed(frame.index))


def phantom(first: int, last: int, base: int = 0) -> Iterator[Labelled]:
    """A stretch of the bundled procedure with its exact truth."""
    return film(*load_bundled(), first, last, base)


def continuous_clip(data: Path, base: int = 0) -> Iterator[Labelled]:
    """The clip that was annotated by hand."""
    truth = load_annotation(CLIP)
    video = data / "clips" / "continuous_25fps_interlaced.mp4"
    assert file_sha256(video) == truth.video.sha256, f"{CLIP} was made for another clip"
    return film(video, truth, 0, truth.video.frame_count - 1, base)


def negatives(data: Path) -> Iterator[Labelled]:
    """Frames of sequences without a polyp; of a part of them nobody says so."""
    files: list[Path] = []
    for name, first, count in NO_POLYP:
        found = sorted((data / "polypgen_negseq" / "images" / name).glob("*.jpg"), key=_number)
        files += found[first : first + count]
    for k, file in enumerate(files):
        yield Labelled(cv2.imread(str(file)), reviewed=k not in UNSEEN)


def write_procedure(
    video: Path, pictures: Iterable[Labelled], size: Size, known: Mapping[int, Lesion] | None = None
) -> Annotation:
    """The video and its labels beside it; returns the labels.

    Args:
        video: MP4 that is written.
        pictures: of any size.
        size: of the video; its height is a multiple of 4.
        known: lesions by number; of others nothing more is known.
    """
    kept: list[Labelled] = []

    def images() -> Iterator[np.ndarray]:
        for picture in pictures:
            fits = fitted(picture, size)
            kept.append(replace(fits, image=fits.image[:0]))  # the labels are all that is needed later
            yield fits.image

    video.parent.mkdir(parents=True, exist_ok=True)
    write_video(video, images(), rate=Fraction(RATE), options=GOOD)
    numbers = sorted({m.lesion for p in kept for m in p.marks})
    made = Annotation(
        software="tests",
        source="spliced for a test",
        video=Video(
            name=video.name, sha256=file_sha256(video), frame_count=len(kept), width=size[0], height=size[1],
            time_base=Fraction(1, RATE),
        ),
        lesions=tuple((known or {}).get(n) or Lesion(id=n, paris=None, size_mm=None, note="") for n in numbers),
        reviewed=tuple(_ranges([p.reviewed for p in kept])),
        frames=tuple(MarkedFrame(index=k, pts=None, marks=p.marks) for k, p in enumerate(kept) if p.marks),
    )  # fmt: skip
    save_annotation(video.with_suffix(".annotation.json"), made)
    return made


def spliced_procedure(folder: Path) -> Path:
    """No polyp, the phantom, the clip: 301 frames in one video with its labels; skips without the real images."""
    data = real_data()
    video = folder / "spliced.mp4"

    def parts() -> Iterator[Labelled]:
        yield from negatives(data)
        yield from phantom(*SHORT, base=100)
        yield from continuous_clip(data, base=200)

    write_procedure(video, parts(), WHOLE)
    return video


def phantom_procedure(folder: Path) -> Path:
    """Two stretches of the phantom at half its size, with what is known of their lesions."""
    video = folder / "phantom.mp4"
    known = {lesion.id: lesion for lesion in load_bundled()[1].lesions}
    write_procedure(video, chain.from_iterable(phantom(*each) for each in STRETCHES), HALF, known)
    return video


def clinicdb_procedures(folder: Path) -> list[Path]:
    """The 29 sequences of CVC-ClinicDB as videos, each with one lesion: the box around all masks of a frame."""
    data = real_data()
    found: dict[str, list] = {}
    for sample in read_public("cvc-clinicdb", data, Report(strict=True)):
        found.setdefault(sample.sequence, []).append(sample)
    videos = []
    for name, samples in found.items():
        video = folder / f"{name.rpartition('/')[2]}.mp4"
        pictures = (_masked(s) for s in sorted(samples, key=lambda s: s.order or 0))
        size = samples[0].size
        write_procedure(video, pictures, (size.width, size.height))
        videos.append(video)
    return videos


def _masked(sample) -> Labelled:
    low, high = sample.boxes[:, :2].min(axis=0), sample.boxes[:, 2:].max(axis=0)
    mark = Mark(lesion=1, state="clear", box=(*low.tolist(), *high.tolist()), visibility=None)
    return Labelled(cv2.imread(str(sample.image)), (mark,))


def _number(file: Path) -> int:
    return int("".join(c for c in file.stem.rpartition("_")[2] if c.isdigit()))


def _ranges(flags: Sequence[bool]) -> Iterator[ReviewedRange]:
    begin = None
    for k, flag in enumerate([*flags, False]):
        if flag and begin is None:
            begin = k
        elif not flag and begin is not None:
            yield ReviewedRange(first=begin, last=k - 1, reviewer="tests")
            begin = None
