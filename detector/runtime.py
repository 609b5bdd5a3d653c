"""``OnnxDetector``: a model folder on an execution provider, from a frame to boxes in frame pixels.

Pre-process, session, decode. A failure raises; it never looks like 'no polyps'.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from detector.cuda_memory import CudaMemory
from detector.detections import Detections, DetectorInfo
from detector.engine import Engine, Outputs
from detector.engine_device import USUAL, DeviceEngine
from detector.engine_host import HostEngine
from detector.errors import ModelError, PolypwatchError, ProviderError
from detector.frame import Frame
from detector.geometry import Letterbox, Size, area, nms
from detector.gpu_card import cache_folder, card, key
from detector.gpu_gate import bundled_frames, require_parity
from detector.manifest import ModelManifest, Variant, find_model, load_manifest, verified_model_bytes
from detector.memory import HostMemory, Memory
from detector.parity import limits_on_card
from detector.preprocess import RESIZE_RULE
from detector.providers import candidates, did_not_start
from detector.sessions import GPU_PROVIDERS, Sessions
from detector.tensorrt import EngineStore

# The lowest score for which boxes are ever returned: enough for average precision, and it bounds the work of NMS.
MIN_SCORE = 0.01
_WARM_UP_RUNS = 8
T = TypeVar("T")
# Frames at a time on a graphics card, where latency does not matter: 50 MB of 1080p, and kernels that fill the card.
_BATCH = 8


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
        _open(self, folder, load_manifest(folder), provider, variant, threads)

    def _settle(
        self, manifest: ModelManifest, variant: Variant, engine: Engine, sessions: Sessions, reason: str
    ) -> None:
        """Run that engine from now on."""
        self.variant, self._engine, self._sessions = variant, engine, sessions
        self._info = DetectorInfo(
            model=manifest.name,
            version=manifest.version,
            variant=variant.name,
            sha256=variant.sha256,
            threshold=variant.threshold,
            classes=tuple(manifest.classes),
            provider=sessions.provider,
            provider_reason=reason,
            validated_light=tuple(manifest.validated_light),
        )

    @property
    def info(self) -> DetectorInfo:
        """What runs. Provider and reason are those of the newest frame size: each has a session of its own."""
        notes = [self._sessions.note]
        if isinstance(self._engine, DeviceEngine):
            notes.append(self._engine.note)
        reason = "; ".join(x for x in (self._info.provider_reason, *notes) if x)
        return replace(self._info, provider=self._sessions.provider, provider_reason=reason)

    @property
    def engine(self) -> Engine:
        """What runs the network; for who wants to time its parts."""
        return self._engine

    def pin(self, memory: npt.NDArray[np.uint8]) -> bool:
        """Let frames in ``memory`` (shared with whoever fills it) go to a graphics card without a copy on the host.

        Returns:
            False where there is no such card or it cannot; frames are then copied once more, and nothing else changes.
        """
        return isinstance(self._engine, DeviceEngine) and self._engine.pin(memory)

    def unpin(self, memory: npt.NDArray[np.uint8]) -> None:
        """End `pin`; call it before the memory is unmapped."""
        if isinstance(self._engine, DeviceEngine):
            self._engine.unpin(memory)

    def is_ready_for(self, size: Size) -> bool:
        """Whether the next frame of this size is analysed at once: on a graphics card each size has its own session."""
        return not isinstance(self._engine, DeviceEngine) or self._engine.is_ready_for(size)

    @property
    def batch(self) -> int:
        """How many frames `detect_many` likes to get at once; 1 where a batch gains nothing."""
        return self._engine.batch

    def twin(self) -> OnnxDetector | None:
        """Another detector on the same session, for another thread; None where the engine allows but one."""
        engine = self._engine.twin()
        if engine is None:
            return None
        other = copy.copy(self)
        other._engine = engine
        return other

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

    def candidates(self, frame: Frame, min_score: float) -> Detections:
        """What `detect` chooses from: boxes before suppression, which overlap, best first.

        Raises:
            ProviderError: as `detect`.
            ModelError: as `detect`.
        """
        box = Letterbox.fit(frame.size, self.variant.input.size)
        return self._detections(frame, box, self._engine.run(frame.image, box), min_score, nms_iou=1.0)

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

    def _detections(
        self, frame: Frame, box: Letterbox, out: Outputs, min_score: float | None, nms_iou: float | None = None
    ) -> Detections:
        start = time.perf_counter_ns()
        if not (np.isfinite(out.boxes).all() and np.isfinite(out.scores).all()):
            raise ProviderError("The network gave results that are not numbers.", "Try another provider or model.")
        threshold = self.variant.threshold if min_score is None else max(min_score, MIN_SCORE)
        boxes, scores, classes = self._decode(box, out, threshold, self.variant.nms_iou if nms_iou is None else nms_iou)
        stages = {
            "preprocess": out.preprocess_ns,
            "infer": out.infer_ns,
            "decode": time.perf_counter_ns() - start,
        }
        return Detections(frame.index, frame.time, boxes, scores, classes, stages)

    def _decode(
        self, box: Letterbox, out: Outputs, threshold: float, nms_iou: float
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32], npt.NDArray[np.int64]]:
        """Cut by score, suppress overlaps within each class, and map back to frame pixels."""
        wanted = out.scores >= np.float32(threshold)
        boxes, scores, classes = box.to_frame(out.boxes[wanted]), out.scores[wanted], out.classes[wanted]
        self._check_values(scores, classes)
        real = area(boxes) >= 1.0  # a box in the padding is clipped to nothing
        boxes, scores, classes = boxes[real], scores[real], classes[real]
        kept = nms(boxes, scores, nms_iou, classes)
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
    detector: OnnxDetector,
    folder: Path,
    manifest: ModelManifest,
    policy: str,
    variant_name: str | None,
    threads: int | None,
) -> None:
    """Settle the detector on a variant, its engine and the provider that runs, and say why.

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
        reason = f"auto: {provider}" + (f", because {refused[0]}" if refused else "") if policy == "auto" else ""
        try:
            engines = _engines(folder, variant) if provider == "tensorrt" else None
            sessions = Sessions(model, folder / variant.file, provider, threads, engines)
            detector._settle(manifest, variant, _engine(variant, sessions, folder / variant.file), sessions, reason)
            if provider in GPU_PROVIDERS:
                _require_parity(detector, folder, manifest)
        except ProviderError as error:
            if policy != "auto" or provider == "cpu":
                raise
            refused.append(f"{error.what[:1].lower()}{error.what[1:]}".rstrip("."))
            continue
        return
    raise ModelError(f"Model {manifest.name} cannot run here: {'; '.join(refused)}.", "Choose another model.")


def _require_parity(detector: OnnxDetector, folder: Path, manifest: ModelManifest) -> None:
    """Hold a graphics card to the boxes of the CPU, once for this card, driver and file.

    Raises:
        ProviderError: they differ.
    """
    variant = detector.variant
    reference = next((v for v in manifest.variants if v.precision == "fp32" and "cpu" in v.providers), variant)
    name = key(card(), variant.sha256, reference.sha256, detector.info.provider)
    try:
        require_parity(
            detector,
            lambda: OnnxDetector(folder, "cpu", reference.name),
            limits_on_card(variant),
            variant.input.size,
            cache_folder("parity") / f"{name}.json",
            lambda: bundled_frames(USUAL),
        )
    except PolypwatchError:
        if isinstance(detector.engine, DeviceEngine):
            detector.engine.close()
        raise


def _engine(variant: Variant, sessions: Sessions, path: Path) -> Engine:
    if variant.input.contract == "blob_f32_nchw":
        return HostEngine(sessions.plain(), variant, path)
    on_card = sessions.provider in GPU_PROVIDERS
    memory: Memory = _started(sessions.provider, CudaMemory) if on_card else HostMemory()
    try:
        return DeviceEngine(
            lambda sizes: sessions.bound(sizes, memory.stream),
            variant,
            path,
            memory,
            batch=_BATCH if on_card else 1,
            static=on_card,
        )
    except PolypwatchError:
        memory.close()
        raise


def _engines(folder: Path, variant: Variant) -> EngineStore:
    """TensorRT's engines of a variant on this machine.

    Raises:
        ProviderError: there is no driver or card.
    """
    found = _started("tensorrt", card)

    def named(sizes: Mapping[str, int]) -> str:
        return key(found, variant.sha256, *(f"{name}={value}" for name, value in sorted(sizes.items())))

    return EngineStore(cache_folder("tensorrt"), named, folder / variant.file, variant.sha256)


def _started(provider: str, first: Callable[[], T]) -> T:
    """Take the first step of a provider on a card; if it fails, say so as of the provider."""
    try:
        return first()
    except ProviderError as error:
        raise ProviderError(did_not_start(provider, error.what.rstrip(".")), error.hint) from error


def _check_supported(variant: Variant, folder: Path) -> None:
    """Refuse a resize rule that this version does not have."""
    if variant.input.resize != RESIZE_RULE:
        raise ModelError(
            f"Variant {variant.name} of {folder} wants resize rule '{variant.input.resize}'; this version has "
            f"'{RESIZE_RULE}'.",
            "Use a newer version of Polypwatch.",
        )
