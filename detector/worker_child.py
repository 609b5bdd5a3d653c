"""The AI process from the inside: load, warm up, then one frame after the other until the parent hangs up.

Runs in a spawned process of its own. No Qt, nothing of the window, and no lock or queue shared with the parent: all
that joins them is a pipe and memory that only the parent writes.
"""

from __future__ import annotations

import ctypes
import dataclasses
import faulthandler
import importlib
import multiprocessing
import os
import signal
import sys
import threading
import time
import traceback
from fractions import Fraction
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import cast

import numpy as np
import numpy.typing as npt

from detector.detections import Detector, Pinning
from detector.detections import Preparing as PreparingDetector
from detector.errors import ModelError, PolypwatchError, ProviderError, UsageError
from detector.frame import Frame, FrameTime
from detector.frame_ring import MemoryView
from detector.geometry import Size
from detector.worker_messages import (
    FrameFailed,
    FrameJob,
    FrameResult,
    FromWorker,
    InfoChanged,
    MemoryKind,
    NewMemory,
    Preparing,
    StartFailed,
    ToWorker,
    WorkerOrder,
    WorkerReady,
)

# These name something that is wrong on disk or in the installation: the next process would find it just the same.
_PERMANENT = (ModelError, ProviderError, UsageError)
# A typical picture, until one is known.
_WARM_UP_SHAPE = (1080, 1920, 3)
# Warm-up ends at whichever comes first, but never before the second run: the first allocates.
_WARM_UP_RUNS = 9
_WARM_UP_NS = 1_000_000_000
_PR_SET_PDEATHSIG = 1
_NICEST = 19
_IDLE_PRIORITY_CLASS = 0x40
_BELOW_NORMAL_PRIORITY_CLASS = 0x4000


def main(pipe: Connection, order: WorkerOrder) -> None:
    """Root of the AI process; never returns. ``pipe`` is the worker's end."""
    status = 0
    try:
        _settle(order.niceness)
        _work(pipe, order)
    except (EOFError, ConnectionError):
        pass  # the parent hung up: there is nobody left to tell
    except BaseException:
        traceback.print_exc()
        status = 1
    finally:
        # Libraries of drivers are known to hang or crash when they are taken down in order.
        os._exit(status)


def _work(pipe: Connection, order: WorkerOrder) -> None:
    try:
        detector = _load(order)
        p99_ns = _warm_up(detector, order.shape or _WARM_UP_SHAPE)
    except Exception as error:  # root of the process: whatever a detector raises is reported, not survived
        pipe.send(_start_failure(order.generation, error))
        return
    told = detector.info
    pipe.send(WorkerReady(order.generation, dataclasses.asdict(told), p99_ns))
    memories = _Memories(detector)
    by_size = detector if isinstance(detector, PreparingDetector) else None
    while True:
        message: ToWorker = pipe.recv()
        if isinstance(message, NewMemory):
            memories.map(message)
            continue
        height, width, _ = message.shape
        if by_size is not None and not by_size.is_ready_for(Size(width, height)):
            pipe.send(Preparing(order.generation, message.index))
        answer = _answer(detector, memories.views[message.kind], message, order.generation)
        if (now := detector.info) != told:
            told = now
            pipe.send(InfoChanged(order.generation, dataclasses.asdict(told)))  # the answer is read with it
        pipe.send(answer)


class _Memories:
    """What the parent has mapped for pictures; a graphics card reads those of the pool where they lie."""

    def __init__(self, detector: Detector) -> None:
        self.views: dict[MemoryKind, MemoryView] = {}
        self._detector = detector
        self._pinned: npt.NDArray[np.uint8] | None = None

    def map(self, message: NewMemory) -> None:
        """Map it in place of the one of the same kind."""
        detector = self._detector if message.kind == "pool" and isinstance(self._detector, Pinning) else None
        if detector is not None and self._pinned is not None:
            # Were it unmapped first, the card would read the old pages through whatever is mapped there next.
            detector.unpin(self._pinned)
            self._pinned = None
        if message.kind in self.views:
            self.views.pop(message.kind).close()
        view = self.views[message.kind] = MemoryView(message.name)
        if detector is not None and detector.pin(view.whole):
            self._pinned = view.whole


def _load(order: WorkerOrder) -> Detector:
    module, _, factory = order.detector.partition(":")
    return cast(Detector, getattr(importlib.import_module(module), factory)(**order.options))


def _warm_up(detector: Detector, shape: tuple[int, int, int]) -> int:
    """Time some runs on a grey picture; with so few, their 99th percentile is the longest (the first left out)."""
    image = np.full(shape, 127, np.uint8)
    begin = time.perf_counter_ns()
    times: list[int] = []
    while len(times) < 2 or (len(times) < _WARM_UP_RUNS and time.perf_counter_ns() - begin < _WARM_UP_NS):
        start = time.perf_counter_ns()
        detector.detect(Frame(-1, None, start, image))
        times.append(time.perf_counter_ns() - start)
    return max(times[1:])


def _start_failure(generation: int, error: Exception) -> StartFailed:
    kind = type(error).__name__
    if isinstance(error, PolypwatchError):
        return StartFailed(generation, kind, error.what, error.hint, isinstance(error, _PERMANENT), "")
    what = f"The detector did not start: {_told(error)}."
    return StartFailed(generation, kind, what, "", False, traceback.format_exc())


def _answer(detector: Detector, memory: MemoryView, job: FrameJob, generation: int) -> FromWorker:
    """Run the detector on one frame; whatever it raises makes the frame a failed one, never an empty one."""
    try:
        image = memory.picture(job.offset, job.shape)
        received_ns = time.perf_counter_ns()
        media_time = None
        if job.media_time is not None:
            pts, numerator, denominator = job.media_time
            media_time = FrameTime(pts, Fraction(numerator, denominator))
        found = detector.detect(Frame(job.index, media_time, job.captured_ns, image, job.name), job.min_score)
        if found.frame_index != job.index:
            raise ValueError(f"the detector answered for frame {found.frame_index}, asked for {job.index}")
        return FrameResult(
            generation,
            job.index,
            found.boxes,
            found.scores,
            found.classes,
            dict(found.stage_ns),
            received_ns,
        )
    except Exception as error:  # root of the process: the next frame may be fine, and the parent decides when not
        return FrameFailed(generation, job.index, _told(error))


def _told(error: Exception) -> str:
    return str(error) if isinstance(error, PolypwatchError) else f"{type(error).__name__}: {error}"


def _settle(niceness: int) -> None:
    """Behave as the lesser process: no Ctrl-C of its own, low priority, and no life without the parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        _die_with(parent)
    if niceness > 0:
        # Before any library starts threads: they inherit it.
        _yield_to_others(niceness)
    if sys.stderr is not None:
        faulthandler.enable()


def _die_with(parent: BaseProcess) -> None:
    if sys.platform == "linux":
        # Also ends a process that is stuck in native code with the interpreter's lock held. The kernel ties it to
        # the *thread* that launched us, which lives as long as the parent wants this process.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent.pid:
            os._exit(1)  # it died before the call above
    threading.Thread(target=_exit_after, args=(parent,), name="parent-watch", daemon=True).start()


def _exit_after(parent: BaseProcess) -> None:
    parent.join()
    os._exit(1)


def _yield_to_others(niceness: int) -> None:
    if sys.platform == "win32":
        kernel = ctypes.windll.kernel32
        lowest = _IDLE_PRIORITY_CLASS if niceness > _NICEST else _BELOW_NORMAL_PRIORITY_CLASS
        kernel.SetPriorityClass(kernel.GetCurrentProcess(), lowest)
        return
    os.nice(max(0, min(niceness, _NICEST) - os.nice(0)))
    if niceness > _NICEST and sys.platform == "linux":
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
