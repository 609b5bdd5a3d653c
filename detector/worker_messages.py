"""What the parent and the AI process say to each other through their pipe: plain values, no detector, no picture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

# Where the source put its picture, or where the supervisor copied it to.
MemoryKind = Literal["pool", "ring"]


@dataclass(frozen=True, slots=True)
class WorkerOrder:
    """What a new AI process has to be.

    Attributes:
        generation: which process this is; repeated in everything that it says.
        detector: ``module:function`` that builds the detector, found by import, never pickled.
        options: keyword arguments for that function.
        niceness: 0 to 19 on POSIX; above 0 also lowers the priority on Windows; 20 is below all others.
        shape: of the pictures that come, as far as is known: the process warms up on one of them.
    """

    generation: int
    detector: str
    options: Mapping[str, Any]
    niceness: int
    shape: tuple[int, int, int] | None = None


@dataclass(frozen=True, slots=True)
class NewMemory:
    """To the worker: map this shared memory, in place of the one of the same kind."""

    kind: MemoryKind
    name: str


@dataclass(frozen=True, slots=True)
class FrameJob:
    """To the worker: analyse the picture at this offset. The other fields are those of ``Frame``."""

    kind: MemoryKind
    offset: int
    index: int
    shape: tuple[int, int, int]
    media_time: tuple[int, int, int] | None  # pts, time base numerator, denominator
    captured_ns: int
    name: str
    min_score: float | None


@dataclass(frozen=True, slots=True)
class WorkerReady:
    """From the worker: loaded and warmed up. ``info`` holds the fields of ``DetectorInfo``."""

    generation: int
    info: dict[str, Any]
    warm_up_p99_ns: int


@dataclass(frozen=True, slots=True)
class StartFailed:
    """From the worker, before it ends: the detector could not be loaded or did not survive its warm-up.

    Attributes:
        generation: of the worker.
        kind: name of the error's class.
        what: what happened.
        hint: what the user can do about it.
        permanent: True if another try would end the same way.
        trace: traceback for the log, if the error was not one that the program foresees.
    """

    generation: int
    kind: str
    what: str
    hint: str
    permanent: bool
    trace: str


@dataclass(frozen=True, slots=True)
class Preparing:
    """From the worker: the detector has to get ready for the size of this frame first, which may take many seconds."""

    generation: int
    index: int


@dataclass(frozen=True, slots=True)
class InfoChanged:
    """From the worker: what runs is not what it was, as for another size or with other memory it may be."""

    generation: int
    info: dict[str, Any]


@dataclass(frozen=True, slots=True)
class FrameResult:
    """From the worker: what it found in one frame. ``received_ns`` is when it had the picture."""

    generation: int
    index: int
    boxes: npt.NDArray[np.float32]
    scores: npt.NDArray[np.float32]
    classes: npt.NDArray[np.int64]
    stage_ns: dict[str, int]
    received_ns: int


@dataclass(frozen=True, slots=True)
class FrameFailed:
    """From the worker: the detector raised on this frame."""

    generation: int
    index: int
    message: str


ToWorker = NewMemory | FrameJob
FromWorker = WorkerReady | StartFailed | Preparing | InfoChanged | FrameResult | FrameFailed
