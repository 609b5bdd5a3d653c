"""How a run ends before its time: wishes to stop, and failures turned into one message that says how to go on."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import cv2
import torch

from detector.errors import PolypwatchError


class RunStoppedError(PolypwatchError):
    """A run ended before its budget; the message says why, and from where it goes on."""


class StopRequests:
    """Ctrl-C and SIGTERM (a cluster's warning), held back while a step changes the weights.

    Args:
        agree: several processes train together: a wish to stop waits until all know of it.

    Attributes:
        wanted: somebody asked for a stop.
        torn: a second wish broke into a step: the state in memory must not be saved.
    """

    def __init__(self, agree: bool) -> None:
        self.wanted = False
        self.torn = False
        self._agree = agree
        self._holding = False

    @contextmanager
    def caught(self) -> Iterator[StopRequests]:
        """Take the signals over; only a process's main thread can."""
        if threading.current_thread() is not threading.main_thread():
            yield self
            return
        before = {number: signal.signal(number, self._on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield self
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Nothing is interrupted in here; a wish is granted on leaving."""
        self._holding = True
        try:
            yield
        finally:
            self._holding = False
        if self.wanted and not self._agree:
            raise KeyboardInterrupt

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        second, self.wanted = self.wanted, True
        if second:
            self.torn = self._holding
        if second or not (self._holding or self._agree):
            raise KeyboardInterrupt


def out_of_memory(error: BaseException) -> bool:
    """Whether an exception of torch, OpenCV or Python means that memory was short."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    if isinstance(error, cv2.error):
        return bool(error.code == cv2.Error.StsNoMem)
    return isinstance(error, RuntimeError) and "DefaultCPUAllocator" in str(error)


def other_process_gone(error: BaseException) -> bool:
    """Whether a collective operation failed because another process of the run ended."""
    if isinstance(error, torch.distributed.DistError):
        return True
    return isinstance(error, RuntimeError) and any(word in str(error) for word in ("gloo", "Gloo", "NCCL"))


def resume_hint(folder: Path, saved_step: int | None, advice: str = "") -> str:
    """How to go on, for the end of a message."""
    if saved_step is None:
        return f"{advice} No checkpoint had been written yet.".strip()
    more = f" {advice}" if advice else ""
    return (
        f"{folder / 'last.pt'} is of step {saved_step}: polypwatch-train train --out {folder} --resume goes on.{more}"
    )
