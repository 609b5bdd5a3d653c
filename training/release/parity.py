"""How far a file's boxes are from those that it should give: box by box, on real images.

A FP32 file is compared with the network in torch over *all* boxes that are worth one (score 0.01), both ways: what the
file gives must be the network's, and what the network gives must be in the file. A file of lower precision is compared
with the FP32 file over the boxes that are shown at its operating threshold.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from detector.errors import ModelError
from detector.frame import Frame
from detector.geometry import Letterbox, Size
from detector.manifest import Parity
from detector.parity import LIMITS, difference, limits_of
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
    reference: OnnxDetector, other: OnnxDetector, samples: Sequence[Sample]
) -> tuple[Parity, list[str]]:
    """Compare what two variants show, box by box, in frame pixels turned into input pixels.

    Args:
        reference: the FP32 variant; its operating threshold says what is shown.
        other: the variant of lower precision.
        samples: images.

    Returns:
        The parity, and a sentence for each limit that is broken.
    """
    frames = (Frame(i, None, 0, image) for i, image in enumerate(decoded(samples)))
    found = difference(reference, other, frames, reference.variant.input.size, reference.info.threshold)
    facts = {"boxes": found.shown, "same_boxes": found.same}
    parity = _parity(f"the {reference.info.variant} file", len(samples), found.box_px, found.score, facts)
    return parity, found.broken(limits_of(other.variant))


def _parity(reference: str, images: int, px: float, score: float, facts: dict[str, Any]) -> Parity:
    fields = {
        "reference": reference,
        "images": images,
        "max_box_px": float(f"{px:.2g}"),
        "max_score": float(f"{score:.2g}"),
    }
    return Parity.model_validate(fields | facts)
