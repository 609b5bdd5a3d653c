"""``OnnxDetector``: a model folder on an execution provider, from a frame to boxes in frame pixels.

Pre-process, session, decode. A failure raises; it never looks like 'no polyps'.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from detector.detections import Detections, DetectorInfo
from detector.errors import ModelError, PolypwatchError, ProviderError
from detector.frame import Frame
from detector.geometry import Letterbox, Size, area, nms
from detector.manifest import ModelManifest, Variant, find_model, load_manifest, verified_model_bytes
from detector.preprocess import RESIZE_RULE, Blob
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
        self.variant, self._session, used, reason = _open(folder, manifest, provider, variant, threads)
        self._outputs = _check_contract(self._session, self.variant, folder / self.variant.file)
        contract = self.variant.input
        self._blob = Blob(contract.size, contract.pad, contract.mean, contract.std, rgb=contract.colour == "rgb")
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
        start = time.perf_counter_ns()
        box = Letterbox.fit(frame.size, self.variant.input.size)
        blob = self._blob.fill(frame.image, box)
        prepared = time.perf_counter_ns()
        boxes, scores, classes = self._run(blob)
        inferred = time.perf_counter_ns()
        threshold = self.variant.threshold if min_score is None else max(min_score, MIN_SCORE)
        boxes, scores, classes = self._decode(box, boxes, scores, classes, threshold)
        stages = {
            "preprocess": prepared - start,
            "infer": inferred - prepared,
            "decode": time.perf_counter_ns() - inferred,
        }
        return Detections(frame.index, frame.time, boxes, scores, classes, stages)

    def _run(self, blob: npt.NDArray[np.float32]) -> tuple[Any, Any, Any]:
        try:
            boxes, scores, classes = self._session.run(self._outputs, {self.variant.input.name: blob})
        except Exception as error:  # ONNX Runtime's own exception classes share no base but Exception
            raise ProviderError(
                f"ONNX Runtime failed on a frame: {first_line(error)}.", "Try another provider."
            ) from error
        if not (np.isfinite(boxes).all() and np.isfinite(scores).all()):
            raise ProviderError("The network gave results that are not numbers.", "Try another provider or model.")
        return boxes[0], scores[0], classes[0]

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
) -> tuple[Variant, Any, str, str]:
    """The variant, its session, the provider that runs, and why.

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
            session = _session(model, provider, threads, folder / variant.file)
        except ProviderError as error:
            if policy != "auto" or provider == "cpu":
                raise
            refused.append(f"{error.what[:1].lower()}{error.what[1:]}".rstrip("."))
            continue
        reason = f"auto: {provider}" + (f", because {refused[0]}" if refused else "") if policy == "auto" else ""
        return variant, session, provider, reason
    raise ModelError(f"Model {manifest.name} cannot run here: {'; '.join(refused)}.", "Choose another model.")


def _session(model: bytes, provider: str, threads: int | None, path: Path) -> Any:
    try:
        return open_session(model, provider, threads)
    except PolypwatchError:
        raise
    except Exception as error:  # ONNX Runtime's own exception classes share no base but Exception
        raise ModelError(
            f"{path} is not a network that ONNX Runtime can load: {first_line(error)}.", "Export it again."
        ) from error


def _check_supported(variant: Variant, folder: Path) -> None:
    """Refuse a contract that this version does not speak."""
    if variant.input.contract != "blob_f32_nchw" or variant.input.resize != RESIZE_RULE:
        raise ModelError(
            f"Variant {variant.name} of {folder} wants input '{variant.input.contract}' with resize rule "
            f"'{variant.input.resize}'; this version has 'blob_f32_nchw' with '{RESIZE_RULE}'.",
            "Use a newer version of Polypwatch.",
        )


def _check_contract(session: Any, variant: Variant, path: Path) -> list[str]:
    """Compare the network's inputs and outputs with the manifest; returns the output names to ask for."""
    contract, out = variant.input, variant.output
    _expect(
        path, "input", session.get_inputs(), {contract.name: ("tensor(float)", [1, 3, contract.height, contract.width])}
    )
    k = out.top_k
    outputs = {
        out.boxes: ("tensor(float)", [1, k, 4]),
        out.scores: ("tensor(float)", [1, k]),
        out.classes: ("tensor(int64)", [1, k]),
    }
    _expect(path, "output", session.get_outputs(), outputs)
    return list(outputs)


def _expect(path: Path, kind: str, found: Any, expected: dict[str, tuple[str, list[int]]]) -> None:
    actual = {node.name: (node.type, list(node.shape)) for node in found}
    if actual == expected:
        return
    wrong = [name for name in {**expected, **actual} if actual.get(name) != expected.get(name)]
    details = "; ".join(f"'{n}' is {_spell(actual.get(n))}, expected {_spell(expected.get(n))}" for n in wrong)
    raise ModelError(
        f"{path} is not the network that its manifest describes: {kind} {details}.",
        "It will not be used. Export the model again.",
    )


def _spell(value: tuple[str, list[int]] | None) -> str:
    return "absent" if value is None else f"{value[0]} {value[1]}"
