"""How far a file's boxes are from those that it should give: box by box, on real images.

A FP32 file is compared with the network in torch over *all* boxes that are worth one (score 0.01), both ways: what the
file gives must be the network's, and what the network gives must be in the file. A file of lower precision is compared
with the FP32 file over the boxes that are shown at its operating threshold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from detector.detections import Detections
from detector.errors import ModelError
from detector.frame import Frame
from detector.geometry import Letterbox, Size, iou_matrix
from detector.manifest import Parity
from detector.preprocess import letterbox_image
from detector.providers import open_session
from detector.runtime import OnnxDetector
from training.contract import MIN_SCORE, PAD
from training.evaluation.runtime import decoded
from training.network import Network
from training.release.graph import INPUT, OUTPUTS
from training.samples import Sample

F32 = npt.NDArray[np.float32]
IMAGES = 32
"""Images of dev that are compared, spread over the set."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a file of one precision may differ by.

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
    "fp16": Limits(2.0, 0.02, 1.0),
    # Eight bits move edges and scores; what counts is that the same things are found and how much AP is lost.
    "int8": Limits(None, None, 0.97),
}


def network_inputs(samples: Sequence[Sample], size: Size) -> list[F32]:
    """Images as the runtime feeds them to a network that takes raw BGR: float32 (1, 3, H, W), 0 to 255.

    Raises:
        SourceError: an image is missing or cannot be decoded.
        FormatError: an image is not of its labelled size.
    """
    found = []
    for image in decoded(samples):
        laid = letterbox_image(image, Letterbox.fit(Size.of(image), size), PAD)
        found.append(np.ascontiguousarray(laid.transpose(2, 0, 1)[None].astype(np.float32)))
    return found


def spread(samples: Sequence[Sample], count: int) -> list[Sample]:
    """`count` samples (or all) at equal distances through the set: the same ones every time."""
    if len(samples) <= count:
        return list(samples)
    return [samples[i * len(samples) // count] for i in range(count)]


def parity_with_torch(network: Network, path: Path, inputs: Sequence[F32]) -> Parity:
    """Compare a FP32 file with the network.

    Args:
        network: float32, on the CPU.
        path: the exported file.
        inputs: from `network_inputs`; they should show lesions, or there is little to compare.

    Raises:
        ModelError: they differ by more than the limits.
    """
    session = open_session(path.read_bytes(), "cpu", None)
    network.eval()
    worst_px = worst_score = 0.0
    compared = 0
    for blob in inputs:
        boxes, scores, _ = (out[0] for out in session.run(list(OUTPUTS), {INPUT: blob}))
        with torch.inference_mode():
            raw = network(torch.from_numpy(blob))
        all_boxes, every = raw.boxes()[0].numpy(), raw.scores()[0].numpy().max(axis=1)
        mine = scores >= MIN_SCORE
        px, score = _distance(boxes[mine], scores[mine], all_boxes, every)
        order = np.argsort(-every, kind="stable")[: len(scores)]
        # The last of the file's rows may be exchanged for one of equal score: only what scores clearly more must be in.
        order = order[every[order] >= max(MIN_SCORE, float(scores[-1])) + 1e-3]
        back_px, back_score = _distance(all_boxes[order], every[order], boxes, scores)
        worst_px, worst_score = max(worst_px, px, back_px), max(worst_score, score, back_score)
        compared += int(mine.sum())
    limits = LIMITS["fp32"]
    assert limits.box_px is not None
    assert limits.score is not None
    if not (worst_px <= limits.box_px and worst_score <= limits.score):
        raise ModelError(
            f"The exported file differs from the network: {worst_px:.3g} px and {worst_score:.3g} in score over "
            f"{compared} boxes (allowed: {limits.box_px} px, {limits.score})."
        )
    return _parity(
        f"torch {torch.__version__.split('+')[0]} float32, CPU", len(inputs), worst_px, worst_score, {"boxes": compared}
    )


def _distance(boxes: F32, scores: F32, other_boxes: F32, other_scores: F32) -> tuple[float, float]:
    """Largest differences of each box from its nearest other box, and of their scores; infinite if there is none."""
    if len(boxes) == 0:
        return 0.0, 0.0
    if len(other_boxes) == 0:
        return float("inf"), float("inf")
    # NaN is as far away as can be: max() would pass over it.
    px = np.nan_to_num(np.abs(boxes[:, None] - other_boxes[None]), nan=np.inf).max(axis=2)
    nearest = px.min(axis=1)
    # Several anchor points may give the same box: of those in reach, the one whose score fits.
    apart = np.nan_to_num(np.abs(scores[:, None] - other_scores[None]), nan=np.inf)
    score = np.where(px <= nearest[:, None] + 1e-3, apart, np.inf)
    return float(nearest.max()), float(score.min(axis=1).max())


def parity_of_files(
    reference: OnnxDetector, other: OnnxDetector, samples: Sequence[Sample], precision: str
) -> tuple[Parity, list[str]]:
    """Compare what two variants show, box by box, in frame pixels turned into input pixels.

    Args:
        reference: the FP32 variant; its operating threshold says what is shown.
        other: the variant of lower precision.
        samples: images.
        precision: of the other, for the limits.

    Returns:
        The parity, and a sentence for each limit that is broken.
    """
    threshold = reference.info.threshold
    worst_px = worst_score = 0.0
    shown = same = 0
    for i, image in enumerate(decoded(samples)):
        frame = Frame(i, None, 0, image)
        scale = Letterbox.fit(frame.size, reference.variant.input.size).content.width / frame.size.width
        a, b = reference.detect(frame, threshold), other.detect(frame, threshold / 2)
        shown += len(a.boxes)
        for px, score in _matched(a, b):
            same += 1
            worst_px, worst_score = max(worst_px, px * scale), max(worst_score, score)
    limits, broken = LIMITS[precision], []
    share = same / shown if shown else 1.0
    if limits.box_px is not None and worst_px > limits.box_px:
        broken.append(f"a box differs by {worst_px:.2g} px (allowed {limits.box_px})")
    if limits.score is not None and worst_score > limits.score:
        broken.append(f"a score differs by {worst_score:.2g} (allowed {limits.score})")
    if share < limits.same_boxes:
        broken.append(f"only {same} of {shown} shown boxes are found (at least {limits.same_boxes:.0%} must be)")
    facts = {"boxes": shown, "same_boxes": same}
    return _parity(f"the {reference.info.variant} file", len(samples), worst_px, worst_score, facts), broken


def _matched(a: Detections, b: Detections) -> list[tuple[float, float]]:
    """(largest edge difference, score difference) of each of a's boxes that b has too (IoU 0.5)."""
    if len(a.boxes) == 0 or len(b.boxes) == 0:
        return []
    iou = iou_matrix(a.boxes, b.boxes)
    best = iou.argmax(axis=1)
    return [
        (float(np.abs(a.boxes[i] - b.boxes[j]).max()), abs(float(a.scores[i]) - float(b.scores[j])))
        for i, j in enumerate(best)
        if iou[i, j] >= 0.5
    ]


def _parity(reference: str, images: int, px: float, score: float, facts: dict[str, Any]) -> Parity:
    fields = {
        "reference": reference,
        "images": images,
        "max_box_px": float(f"{px:.2g}"),
        "max_score": float(f"{score:.2g}"),
    }
    return Parity.model_validate(fields | facts)
