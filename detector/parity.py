"""How far the boxes of one file of a model are from those of another, box by box, and how far they may be.

Used when a model is released and when a graphics card is asked to run one for the first time.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from detector.detections import Detections, Detector, DetectorInfo
from detector.frame import Frame
from detector.geometry import Letterbox, Size, iou_matrix
from detector.manifest import Variant

_SAME_IOU = 0.5


class Candidates(Protocol):
    """A detector that says what it chooses from."""

    @property
    def info(self) -> DetectorInfo:
        """What runs."""
        ...

    def candidates(self, frame: Frame, min_score: float) -> Detections:
        """Boxes before suppression."""
        ...


@dataclass(frozen=True, slots=True)
class Limits:
    """What a file of one kind may differ by.

    Attributes:
        box_px: any edge of any box, in input pixels; None: not limited.
        score: any score; None: not limited.
        same_boxes: least share of the boxes shown by the reference that this file shows as well (IoU 0.5, at half the
            threshold): what is lost altogether.
    """

    box_px: float | None
    score: float | None
    same_boxes: float = 1.0


LIMITS = {
    "fp32": Limits(0.05, 1e-3),
    "fp16": Limits(2.0, 0.02),
    # Eight bits move edges and scores; what counts is that the same things are found and how much AP is lost.
    "int8": Limits(None, None, 0.97),
    # Half precision, and pictures that differ by the rounding between the steps of the resize: one grey level at most
    # up to 1080p, two at 4K. Measured on `fast` 0.2.0 over the phantom at five sizes: 0.15 px, 0.021 in score.
    "frame": Limits(2.0, 0.04),
}


def limits_of(variant: Variant) -> Limits:
    """What a variant may differ by from the model's FP32 file."""
    return LIMITS["frame" if variant.input.contract == "frame_u8_hwc" else variant.precision]


def limits_on_card(variant: Variant) -> Limits:
    """What a variant may differ by on a graphics card from the FP32 file on the CPU.

    The card multiplies FP32 in TF32 (10 bits), TensorRT in FP16: nothing there is nearer than a half-precision file.
    """
    found = limits_of(variant)
    return LIMITS["fp16"] if found is LIMITS["fp32"] else found


@dataclass(frozen=True, slots=True)
class Difference:
    """What a comparison found.

    Attributes:
        shown: boxes that the reference shows.
        same: how many of them the other shows as well.
        box_px: largest difference of an edge of those, in input pixels.
        score: largest difference of their scores.
    """

    shown: int
    same: int
    box_px: float
    score: float

    def broken(self, limits: Limits) -> list[str]:
        """A sentence for each limit that is not kept."""
        said = []
        if limits.box_px is not None and not self.box_px <= limits.box_px:
            said.append(f"a box differs by {self.box_px:.2g} px (allowed {limits.box_px})")
        if limits.score is not None and not self.score <= limits.score:
            said.append(f"a score differs by {self.score:.2g} (allowed {limits.score})")
        if self.same < limits.same_boxes * self.shown:
            said.append(
                f"only {self.same} of {self.shown} shown boxes are found (at least {limits.same_boxes:.0%} must be)"
            )
        return said


def difference(
    reference: Detector, other: Detector, frames: Iterable[Frame], target: Size, threshold: float
) -> Difference:
    """Compare what two detectors show.

    Args:
        reference: what is shown.
        other: what should show the same.
        frames: pictures.
        target: the network's input size: distances are given in its pixels.
        threshold: lowest score of a box that is shown; the other is asked down to half of it.
    """
    worst_px = worst_score = 0.0
    shown = same = 0
    for frame in frames:
        scale = Letterbox.fit(frame.size, target).content.width / frame.size.width
        a, b = reference.detect(frame, threshold), other.detect(frame, threshold / 2)
        shown += len(a.boxes)
        for px, score in _matched(a, b):
            same += 1
            worst_px, worst_score = max(worst_px, px * scale), max(worst_score, score)
    return Difference(shown, same, worst_px, worst_score)


def candidate_difference(
    reference: Candidates, other: Candidates, frames: Iterable[Frame], target: Size, threshold: float, limits: Limits
) -> Difference:
    """Compare what two detectors choose from, before suppression; arguments as of `difference`.

    Of two candidates with nearly the same score, rounding decides which one suppresses the other, and the box that is
    left may jump by pixels though both networks say the same. Here every candidate must have its like.
    """
    per_px, per_score = 1 / (limits.box_px or 1.0), 1 / (limits.score or 1.0)
    worst_px = worst_score = 0.0
    shown = same = 0
    for frame in frames:
        box = Letterbox.fit(frame.size, target)
        a, b = reference.candidates(frame, threshold), other.candidates(frame, threshold / 2)
        shown += len(a.boxes)
        if len(a.boxes) == 0 or len(b.boxes) == 0:
            continue
        px = np.abs(box.to_model(a.boxes)[:, None] - box.to_model(b.boxes)[None]).max(axis=2)
        apart = np.abs(a.scores[:, None] - b.scores[None])
        like = np.maximum(px * per_px, apart * per_score).argmin(axis=1)
        at = np.arange(len(like))
        found = iou_matrix(a.boxes, b.boxes)[at, like] >= _SAME_IOU
        same += int(found.sum())
        worst_px = max(worst_px, *px[at, like][found].tolist(), 0.0)
        worst_score = max(worst_score, *apart[at, like][found].tolist(), 0.0)
    return Difference(shown, same, worst_px, worst_score)


def _matched(a: Detections, b: Detections) -> list[tuple[float, float]]:
    """(largest edge difference, score difference) of each of a's boxes that b has too."""
    if len(a.boxes) == 0 or len(b.boxes) == 0:
        return []
    iou = iou_matrix(a.boxes, b.boxes)
    best = iou.argmax(axis=1)
    return [
        (float(np.abs(a.boxes[i] - b.boxes[j]).max()), abs(float(a.scores[i]) - float(b.scores[j])))
        for i, j in enumerate(best)
        if iou[i, j] >= _SAME_IOU
    ]
