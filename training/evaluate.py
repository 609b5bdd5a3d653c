"""Run a detector over a set: a torch network while it trains, or a shipped model folder through the product's runtime.

Both paths use the runtime's resize rule and its order of steps (cut by score, to image pixels, suppress overlaps).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from tqdm import tqdm

from detector.frame import Frame
from detector.geometry import Boxes, Letterbox, Size, area, nms
from detector.preprocess import letterbox_image
from detector.runtime import OnnxDetector
from training.contract import MIN_SCORE, NMS_IOU, PAD, TOP_K
from training.figures import Prediction, Scores
from training.importers import Sample, sample_image
from training.yolox import YoloxNano


@dataclass(frozen=True, slots=True, eq=False)
class PreparedSet:
    """A set read once: letterboxed uint8 images by the runtime's own rule, for repeated evaluation while training."""

    samples: Sequence[Sample]
    images: npt.NDArray[np.uint8]
    letterboxes: list[Letterbox]

    @classmethod
    def read(cls, samples: Sequence[Sample], size: int) -> PreparedSet:
        """Decode and letterbox all images of a set."""
        images = np.empty((len(samples), size, size, 3), np.uint8)
        letterboxes = []
        for i, sample in enumerate(samples):
            image = sample_image(sample)
            letterboxes.append(Letterbox.fit(Size.of(image), Size(size, size)))
            letterbox_image(image, letterboxes[-1], PAD, images[i])
        return cls(samples, images, letterboxes)


def select(boxes: Boxes, scores: Scores, letterbox: Letterbox) -> Prediction:
    """From all of a network's boxes in input pixels to a prediction in image pixels."""
    order = np.argsort(-scores, kind="stable")[:TOP_K]
    order = order[scores[order] >= MIN_SCORE]
    boxes, scores = letterbox.to_frame(boxes[order]), scores[order]
    real = area(boxes) >= 1.0  # a box in the padding is clipped to nothing
    boxes, scores = boxes[real], scores[real]
    kept = nms(boxes, scores, NMS_IOU)
    return Prediction(boxes[kept], scores[kept])


@torch.inference_mode()
def predict(model: YoloxNano, data: PreparedSet, batch: int = 16) -> list[Prediction]:
    """Run a network over a prepared set."""
    model.eval()
    device = next(model.parameters()).device
    found = []
    for start in range(0, len(data.samples), batch):
        images = torch.from_numpy(data.images[start : start + batch]).permute(0, 3, 1, 2).to(device).float()
        raw = model(images)
        boxes, scores = raw.boxes().cpu().numpy(), raw.scores()[..., 0].cpu().numpy()
        letterboxes = data.letterboxes[start : start + batch]
        found += [select(b, s, box) for b, s, box in zip(boxes, scores, letterboxes, strict=True)]
    return found


def predict_with_runtime(detector: OnnxDetector, samples: Sequence[Sample]) -> list[Prediction]:
    """Run a model through the product's own runtime, image by image as in use."""
    found = []
    for i, sample in enumerate(tqdm(samples, desc=detector.info.model, unit="image", disable=None)):
        detections = detector.detect(Frame(i, None, 0, sample_image(sample), sample.name), MIN_SCORE)
        found.append(Prediction(detections.boxes, detections.scores))
    return found


def parts(samples: Sequence[Sample]) -> dict[str, list[int]]:
    """Indices by source and centre, for figures that one large set would hide; empty if there is only one part."""
    groups: dict[str, list[int]] = {}
    for i, s in enumerate(samples):
        centre = f" {s.group}" if s.source == "polypgen" else ""
        groups.setdefault(f"{s.source}{centre}", []).append(i)
    return groups if len(groups) > 1 else {}


def open_model(folder: Path, provider: str, variant: str | None = None, threads: int | None = None) -> OnnxDetector:
    """A model folder in the product's runtime.

    Raises:
        ModelError: the folder, manifest, hash or network is not what it should be.
        ProviderError: the provider did not come up.
    """
    return OnnxDetector(folder, provider, variant, threads)
