"""``OnnxDetector``: a model folder on an execution provider, from a frame to boxes in frame pixels.

Pre-process, session, decode. A failure raises; it never looks like 'no polyps'.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from detector.detections import Detections, DetectorInfo
from detector.engine import Engine, Outputs
from detector.engine_host import HostEngine
from detector.errors import ModelError, PolypwatchError, ProviderError
from detector.frame import Frame
from detector.geometry import Letterbox, Size, area, nms
from detector.manifest import ModelManifest, Variant, find_model, load_manifest, verified_model_bytes
from detector.preprocess import RESIZE_RULE
from detector.providers import candidates, first_line, open_session

# The lowest score for which boxes are ever returned: enough for average precision, and it bounds the work of NMS.
MIN_SCORE = 0.01
_WARM_UP_RUNS = 8


class OnnxDetector:
    """A polyp detector on ONNX Runtime.

    Args:
        folder: the model folder.
        provider: ``auto``, ``cuda``, ``tensorrt`` or ``cpu``. A named one that does not come up is an error.
        variant: name of the variant; None takes the first one meant for the provider.
        threads: CPU threads; None leaves the choice to ONNX Runtime.

    Raises:
        ModelError: the folder, manifest, hash or network is not what it should be.
        ProviderError: the provider did not come up, or ONNX Runtime is broken.
    """

    def __init__(
        self, folder: Path, provider: str = "auto", variant: str | None = None, threads: int | None = None
    ) -> None:
        manifest = load_manifest(folder)
        self.variant, self._engine, used, reason = _open(folder, manifest, provider, variant, threads)
        self._info = DetectorInfo(
            model=manifest.name,
            version=manifest.version,
            variant=self.variant.name,
            sha256=self.variant.sha256,
            threshold=self.variant.threshold,
            classes=tuple(manifest.classes),
            provider=used,
            provider_reason=reason,
            validated_light=tuple(manifest.validated_light),
        )

    @property
    def info(self) -> DetectorInfo:
        """What runs."""
        return self._info

    def warm_up(self, size: Size, runs: int = _WARM_UP_RUNS) -> list[int]:
        """Run on grey frames of ``size``; returns the time of each run in nanoseconds, first (slowest) one left out."""
        image = np.full((size.height, size.width, 3), 127, np.uint8)
        times = []
        for _ in range(runs + 1):
            start = time.perf_counter_ns()
            self.detect(Frame(0, None, start, image))
            times.append(time.perf_counter_ns() - start)
        return times[1:]

    def detect(self, frame: Frame, min_score: float | None = None) -> Detections:
        """Boxes of one frame with a score of at least ``min_score`` (default: the operating threshold).

        Raises:
            ProviderError: the runtime failed, or the network gave numbers that are not numbers.
            ModelError: the network gave scores or classes that its manifest does not allow.
        """
        box = Letterbox.fit(frame.size, self.variant.input.size)
        return self._detections(frame, box, self._engine.run(frame.image, box), min_score)

    def detect_many(self, frames: Sequence[Frame], min_score: float | None = None) -> list[Detections]:
        """Boxes of several frames of one size, in order: those of `detect`, bit by bit on a CPU, faster on a GPU.

        Raises:
            ProviderError: as `detect`; for which frame is not known.
            ModelError: as `detect`.
        """
        if not frames:
            return []
        box = Letterbox.fit(frames[0].size, self.variant.input.size)
        outputs = self._engine.run_many([frame.image for frame in frames], box)
        return [self._detections(frame, box, out, min_score) for frame, out in zip(frames, outputs, strict=True)]

    def _detections(self, frame: Frame, box: Letterbox, out: Outputs, min_score: float | None) -> Detections:
        start = time.perf_counter_ns()
        if not (np.isfinite(out.boxes).all() and np.isfinite(out.scores).all()):
            raise ProviderError("The network gave results that are not numbers.", "Try another provider or model.")
        threshold = self.variant.threshold if min_score is None else max(min_score, MIN_SCORE)
        boxes, scores, classes = self._decode(box, out.boxes, out.scores, out.classes, threshold)
        stages = {
            "preprocess": out.preprocess_ns,
            "infer": out.infer_ns,
            "decode": time.perf_counter_ns() - start,
        }
        return Detections(frame.index, frame.time, boxes, scores, classes, stages)

    def _decode(
        self,
        box: Letterbox,
        boxes: npt.NDArray[np.float32],
        scores: npt.NDArray[np.float32],
        classes: npt.NDArray[np.int64],
        threshold: float,
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32], npt.NDArray[np.int64]]:
        """Cut by score, suppress overlaps within each class, and map back to frame pixels."""
        wanted = scores >= np.float32(threshold)
        boxes, scores, classes = box.to_frame(boxes[wanted]), scores[wanted], classes[wanted]
        self._check_values(scores, classes)
        real = area(boxes) >= 1.0  # a box in the padding is clipped to nothing
        boxes, scores, classes = boxes[real], scores[real], classes[real]
        kept = nms(boxes, scores, self.variant.nms_iou, classes)
        return boxes[kept], scores[kept], classes[kept]

    def _check_values(self, scores: npt.NDArray[np.float32], classes: npt.NDArray[np.int64]) -> None:
        """A network of another kind (logits for scores, another class list) must not pass for this one."""
        known = len(self._info.classes)
        if (scores > 1).any() or (classes < 0).any() or (classes >= known).any():
            raise ModelError(
                f"The network of {self._info.model} gave scores up to {scores.max():.3g} and classes {classes.min()} "
                f"to {classes.max()}; its manifest allows scores up to 1 and classes 0 to {known - 1}.",
                "Export the model again.",
            )


def load_detector(
    model: str, provider: str = "auto", variant: str | None = None, threads: int | None = None
) -> OnnxDetector:
    """Open a model by name or folder: what the AI process calls by its import string."""
    return OnnxDetector(find_model(model), provider, variant, threads)


def _open(
    folder: Path, manifest: ModelManifest, policy: str, variant_name: str | None, threads: int | None
) -> tuple[Variant, Engine, str, str]:
    """The variant, its engine, the provider that runs, and why.

    A named provider runs whatever variant was named; ``auto`` only combines what is meant for each other.
    """
    named = manifest.variant(variant_name) if variant_name else None
    refused: list[str] = []
    for provider in candidates(policy):
        meant = [v for v in ([named] if named else manifest.variants) if provider in v.providers]
        if policy == "auto" and not meant:
            refused.append(f"no variant of the model is meant for {provider}")
            continue
        variant = named or manifest.variant_for(provider)
        model = verified_model_bytes(folder, variant)
        _check_supported(variant, folder)
        try:
            engine = _engine(model, variant, provider, threads, folder / variant.file)
        except ProviderError as error:
            if policy != "auto" or provider == "cpu":
                raise
            refused.append(f"{error.what[:1].lower()}{error.what[1:]}".rstrip("."))
            continue
        reason = f"auto: {provider}" + (f", because {refused[0]}" if refused else "") if policy == "auto" else ""
        return variant, engine, provider, reason
    raise ModelError(f"Model {manifest.name} cannot run here: {'; '.join(refused)}.", "Choose another model.")


def _engine(model: bytes, variant: Variant, provider: str, threads: int | None, path: Path) -> Engine:
    try:
        session = open_session(model, provider, threads)
    except PolypwatchError:
        raise
    except Exception as error:  # ONNX Runtime's own exception classes share no base but Exception
        raise ModelError(
            f"{path} is not a network that ONNX Runtime can load: {first_line(error)}.", "Export it again."
        ) from error
    return HostEngine(session, variant, path)


def _check_supported(variant: Variant, folder: Path) -> None:
    """Refuse a contract that this version does not speak."""
    if variant.input.contract != "blob_f32_nchw" or variant.input.resize != RESIZE_RULE:
        raise ModelError(
            f"Variant {variant.name} of {folder} wants input '{variant.input.contract}' with resize rule "
            f"'{variant.input.resize}'; this version has 'blob_f32_nchw' with '{RESIZE_RULE}'.",
            "Use a newer version of Polypwatch.",
        )
