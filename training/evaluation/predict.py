"""Run a torch network over a set: while it trains, and when weights are looked at before they are exported.

It uses the runtime's resize rule and its order of steps (cut by score, to image pixels, suppress overlaps), so that an
exported network gives the same boxes in `training.evaluation.runtime`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from detector.geometry import Boxes, Letterbox, Size, area, nms
from detector.preprocess import letterbox_image
from detector.scoring.recording import Answer, Scores
from training.contract import MIN_SCORE, NMS_IOU, PAD, TOP_K
from training.evaluation.runtime import decoded
from training.network import Network
from training.samples import Sample


@dataclass(frozen=True, slots=True, eq=False)
class PreparedSet:
    """A set read once: letterboxed uint8 images by the runtime's own rule, for repeated evaluation while training.

    Attributes:
        samples: what was read.
        images: uint8 (N, side, side, 3) BGR.
        letterboxes: how each image lies in its square.
    """

    samples: Sequence[Sample]
    images: npt.NDArray[np.uint8]
    letterboxes: list[Letterbox]

    @classmethod
    def read(cls, samples: Sequence[Sample], size: int) -> PreparedSet:
        """Decode and letterbox all images of a set into squares of `size` pixels.

        Raises:
            SourceError: an image is missing or cannot be decoded.
            FormatError: an image is not of its labelled size.
        """
        images = np.empty((len(samples), size, size, 3), np.uint8)
        letterboxes = []
        for i, image in enumerate(decoded(samples)):
            letterboxes.append(Letterbox.fit(Size.of(image), Size(size, size)))
            letterbox_image(image, letterboxes[-1], PAD, images[i])
        return cls(samples, images, letterboxes)


def select(boxes: Boxes, scores: Scores, letterbox: Letterbox) -> Answer:
    """From all of a network's boxes in input pixels to an answer in image pixels."""
    order = np.argsort(-scores, kind="stable")[:TOP_K]
    order = order[scores[order] >= MIN_SCORE]
    boxes, scores = letterbox.to_frame(boxes[order]), scores[order]
    real = area(boxes) >= 1.0  # a box in the padding is clipped to nothing
    boxes, scores = boxes[real], scores[real]
    kept = nms(boxes, scores, NMS_IOU)
    return Answer(boxes[kept], scores[kept])


@torch.inference_mode()
def predict(model: Network, data: PreparedSet, batch: int = 16) -> list[Answer]:
    """Run a network over a prepared set; it is left in evaluation mode."""
    model.eval()
    device = next(model.parameters()).device
    found = []
    for start in range(0, len(data.samples), batch):
        images = torch.from_numpy(data.images[start : start + batch]).permute(0, 3, 1, 2).to(device).float()
        raw = model(images)
        boxes, scores = raw.boxes().float().cpu().numpy(), raw.scores()[..., 0].float().cpu().numpy()
        letterboxes = data.letterboxes[start : start + batch]
        found += [select(b, s, box) for b, s, box in zip(boxes, scores, letterboxes, strict=True)]
    return found
