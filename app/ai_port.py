"""What the live session needs of the AI process: `detector.worker.AiProcess` has it, and the stand-ins of the tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, runtime_checkable

from detector.detections import Detections
from detector.frame import Frame
from detector.frame_pool import FramePool
from detector.worker import AiReport


class AiPort(Protocol):
    """What the session needs of the AI process."""

    def start(self) -> None:
        """Start it; returns at once."""
        ...

    def stop(self) -> None:
        """End it within two seconds, hanging or not."""
        ...

    def submit(self, frame: Frame) -> None:
        """Hand over the newest frame; never blocks."""
        ...

    def set_enabled(self, enabled: bool) -> None:
        """Switch the AI on or off."""
        ...

    def snapshot(self, now_ns: int) -> AiReport:
        """Its state at that instant."""
        ...


@runtime_checkable
class Pooled(Protocol):
    """An AI process that lends memory for pictures, so that they need not be copied for it."""

    pool: FramePool


AiFactory = Callable[[Callable[[Detections, int], None], Callable[[int, str], None], Callable[[], None]], AiPort]
