"""What a detector says of one frame, and what every detector promises."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol, Self, runtime_checkable

import numpy as np
import numpy.typing as npt

from detector.frame import Frame, FrameTime
from detector.geometry import Boxes, Size


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """The boxes found in one frame, best score first; arrays are read-only.

    Attributes:
        frame_index: capture index of the frame.
        time: its media time, None for stills.
        boxes: float32 ``(N, 4)`` xyxy in frame pixels, half-open.
        scores: float32 ``(N,)`` in 0 to 1.
        classes: int64 ``(N,)`` index into the model's class names.
        stage_ns: how long each stage took (``preprocess``, ``infer``, ``decode``), in nanoseconds.
    """

    frame_index: int
    time: FrameTime | None
    boxes: Boxes
    scores: npt.NDArray[np.float32]
    classes: npt.NDArray[np.int64]
    stage_ns: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        count = len(self.boxes)
        if self.boxes.shape != (count, 4) or self.boxes.dtype != np.float32:
            raise ValueError(f"boxes must be float32 (N, 4), not {self.boxes.dtype} {self.boxes.shape}")
        if self.scores.shape != (count,) or self.classes.shape != (count,):
            raise ValueError("boxes, scores and classes must have the same length")
        if self.scores.dtype != np.float32 or self.classes.dtype != np.int64:
            raise ValueError(f"scores are float32 and classes int64, not {self.scores.dtype} and {self.classes.dtype}")
        if not (np.isfinite(self.boxes).all() and np.isfinite(self.scores).all()):
            raise ValueError("boxes and scores must be finite")
        if (self.boxes[:, 2:] < self.boxes[:, :2]).any():
            raise ValueError("boxes must be x1, y1, x2, y2 with x1 <= x2 and y1 <= y2")
        if (self.scores < 0).any() or (self.scores > 1).any():
            raise ValueError("scores must lie in 0 to 1")
        if (np.diff(self.scores) > 0).any():
            raise ValueError("scores must be sorted, best first")
        for array in (self.boxes, self.scores, self.classes):
            array.flags.writeable = False

    @classmethod
    def empty(cls, frame_index: int, time: FrameTime | None) -> Self:
        """An analysed frame in which nothing was found. Never use it for a frame that was *not* analysed."""
        none = np.zeros(0, np.float32)
        return cls(frame_index, time, np.zeros((0, 4), np.float32), none, np.zeros(0, np.int64))

    def __len__(self) -> int:
        return len(self.boxes)

    def above(self, min_score: float, at_most: int | None = None) -> Detections:
        """The detections with at least this score (and at most so many): the first ones, as scores are sorted."""
        count = self.count_above(min_score)
        if at_most is not None:
            count = min(count, at_most)
        return self if count == len(self) else self.best(count)

    def count_above(self, min_score: float) -> int:
        """How many detections have at least this score."""
        limit = np.float32(min_score)
        if not len(self.scores) or self.scores[-1] >= limit:  # they are sorted
            return len(self.scores)
        return int(np.count_nonzero(self.scores >= limit))

    def best(self, count: int) -> Detections:
        """The first ones. A part of what was checked is not checked again: hours are gone through frame by frame."""
        part = object.__new__(Detections)
        for name in ("frame_index", "time", "stage_ns"):
            object.__setattr__(part, name, getattr(self, name))
        for name in ("boxes", "scores", "classes"):
            object.__setattr__(part, name, getattr(self, name)[:count])
        return part


@dataclass(frozen=True, slots=True)
class DetectorInfo:
    """What runs: shown on the screen and written into every record.

    Attributes:
        model: the model's name.
        version: its version.
        variant: which file of it.
        sha256: the file's hash.
        threshold: the variant's operating threshold.
        classes: class names by index.
        provider: short name of the execution provider that really runs (``cpu``, ``cuda``, ``tensorrt``).
        provider_reason: why that one, when the user left the choice open.
        validated_light: in which light the model was validated (``white``, ``nbi``, ...).
    """

    model: str
    version: str
    variant: str
    sha256: str
    threshold: float
    classes: tuple[str, ...]
    provider: str
    provider_reason: str = ""
    validated_light: tuple[str, ...] = ()


class Detector(Protocol):
    """Finds polyps in single frames. Stateless between frames; used by one thread."""

    @property
    def info(self) -> DetectorInfo:
        """What runs."""
        ...

    def detect(self, frame: Frame, min_score: float | None = None) -> Detections:
        """Boxes with a score of at least ``min_score`` (default: the operating threshold).

        Raises:
            PolypwatchError: the runtime failed; a failure is never an empty result.
        """
        ...


@runtime_checkable
class Preparing(Protocol):
    """A detector that must get ready for every size of pictures, for seconds."""

    def is_ready_for(self, size: Size) -> bool:
        """Whether the next picture of this size is analysed without delay; else analysing it makes ready first."""
        ...


@runtime_checkable
class Pinning(Protocol):
    """A detector for which pictures can lie where a graphics card reads them by itself."""

    def pin(self, memory: npt.NDArray[np.uint8]) -> bool:
        """Let pictures in ``memory`` be read without a copy, until `unpin`; False if they cannot."""
        ...

    def unpin(self, memory: npt.NDArray[np.uint8]) -> None:
        """End that; must be called before the memory is unmapped."""
        ...
