"""The canonical labelled image: every importer yields it, and everything else in `training/` takes it. No torch.

*No polyp* and *unknown* are different facts: `known` with no boxes is a negative; without `known` nothing is said of
the image, and it is never trained on or scored.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from detector.errors import FormatError, SourceError
from detector.geometry import Boxes, Size, as_boxes

Outline = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """A data set: what its licence allows and how to cite it.

    Attributes:
        name: short, unique in a catalog, such as ``kvasir-seg``.
        licence: as its owner words it, or an SPDX identifier.
        commercial: whether the licence allows commercial use. Unknown is False.
        citation: the reference to be given, empty if there is none.
        patients_known: whether samples say which patient they show. Where they do not, a split can only be
            near-duplicate-checked, never patient-disjoint.
    """

    name: str
    licence: str
    commercial: bool
    citation: str
    patients_known: bool = False


def corners(boxes: Boxes) -> tuple[Outline, ...]:
    """The four corners of each box as its outline, for labels that have no mask."""
    return tuple(np.array([[a, b], [c, b], [c, d], [a, d]], np.float32) for a, b, c, d in boxes.tolist())


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """One image and what is known of it.

    Attributes:
        name: `source folder/stem`, unique in a catalog and the same on every machine; split lists are written in these.
        image: the image file, absolute.
        source: name of its `SourceInfo`.
        size: width and height in pixels, as labelled.
        boxes: float32 (N, 4) xyxy in image pixels, half-open.
        outlines: per box a float32 (K, 2) convex outline (the hull of its mask, else its corners), so that rotated
            images get tight boxes.
        known: whether somebody looked. Without it `boxes` is empty and means nothing.
        lesions: per box the lesion's id, unique within `sequence` (or patient); empty where the set has none.
        classes: per box the set's own class name (``neoplastic``, ...); empty where it has none.
        ignored: float32 (M, 4) regions where a box is neither right nor wrong (marginal marks, crowds).
        centre: hospital, if the set says so.
        patient: patient, if the set says so.
        sequence: video or run of consecutive frames, if it is part of one.
        order: position in `sequence`, from 0, not necessarily without gaps.
        time_s: media time in seconds within `sequence`, if it has a true one.
        official: the data set's own split for it: ``train``, ``val`` or ``test``.
        split: what a catalog's split made of it: ``train``, ``dev``, ``test:NAME``, ``left-out``; empty: not split yet.
        image_sha256: of the image file's bytes; empty until a catalog has read it.
        facts: anything else that the set says, in its own words (``light``, ``size_mm``, ``hard``, ...).
    """

    name: str
    image: Path
    source: str
    size: Size
    boxes: Boxes
    outlines: tuple[Outline, ...]
    known: bool = True
    lesions: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    ignored: Boxes = field(default_factory=lambda: as_boxes([]))
    centre: str = ""
    patient: str = ""
    sequence: str = ""
    order: int | None = None
    time_s: float | None = None
    official: str = ""
    split: str = ""
    image_sha256: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if len(self.outlines) != len(self.boxes):
            raise ValueError(f"{self.name}: {len(self.boxes)} boxes, but {len(self.outlines)} outlines")
        if self.lesions and len(self.lesions) != len(self.boxes):
            raise ValueError(f"{self.name}: {len(self.boxes)} boxes, but {len(self.lesions)} lesion ids")
        if self.classes and len(self.classes) != len(self.boxes):
            raise ValueError(f"{self.name}: {len(self.boxes)} boxes, but {len(self.classes)} classes")
        if not self.known and len(self.boxes):
            raise ValueError(f"{self.name}: boxes of which nothing is known")

    @property
    def negative(self) -> bool:
        """Whether the image was looked at and shows no polyp."""
        return self.known and len(self.boxes) == 0 and len(self.ignored) == 0

    @property
    def unit(self) -> str:
        """What must stay on one side of a split, and what a bootstrap draws: patient, else sequence, else the image."""
        return f"{self.source}/{self.patient or self.sequence or self.name}"


def read_image(path: Path, flags: int = cv2.IMREAD_COLOR) -> npt.NDArray[np.generic]:
    """Decode an image file: BGR uint8, or as `flags` (those of `cv2.imread`) ask for.

    Raises:
        SourceError: the file is missing or cannot be decoded.
    """
    return decode_image(read_bytes(path), path, flags)


def read_bytes(path: Path) -> bytes:
    """A whole file.

    Raises:
        SourceError: it is missing or cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        reason = error.strerror or error
        raise SourceError(
            f"{path} cannot be read ({reason}).", "Restore the file or leave its data set out."
        ) from error


def decode_image(data: bytes, path: Path, flags: int = cv2.IMREAD_COLOR) -> npt.NDArray[np.generic]:
    """Decode the bytes of an image file; from bytes, since `cv2.imread` cannot open every file name on Windows.

    Args:
        data: the file's content.
        path: its name, for messages.
        flags: as in `cv2.imread`.

    Raises:
        SourceError: it is no image, or larger than OpenCV takes.
    """
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), flags) if data else None
    except cv2.error as error:
        raise SourceError(f"{path} cannot be read as an image ({error.err}).") from error
    if image is None:
        raise SourceError(f"{path} cannot be read as an image.", "Restore the file or leave its data set out.")
    return image


def sample_image(sample: Sample) -> npt.NDArray[np.uint8]:
    """Decode a sample's image.

    Raises:
        SourceError: the file is missing or cannot be decoded.
        FormatError: it is not of the size that was labelled, or another file than the one that was imported: the
            boxes would be wrong.
    """
    data = read_bytes(sample.image)
    image = np.asarray(decode_image(data, sample.image), np.uint8)
    if Size.of(image) != sample.size:
        found, told = Size.of(image), sample.size
        raise FormatError(f"{sample.name} is {found.width}x{found.height}, but its label {told.width}x{told.height}.")
    if sample.image_sha256 and hashlib.sha256(data).hexdigest() != sample.image_sha256:  # 0.1 ms where decoding takes 3
        raise FormatError(
            f"{sample.image} has changed since it was imported.", "Restore it, or import its source again."
        )
    return image
