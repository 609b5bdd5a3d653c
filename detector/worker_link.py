"""One generation of the AI process as the parent sees it: its process, its pipe, its shared memory. No policy here.

Used by one thread. Nothing waits for the worker, except ``retire`` and, for an instant, ``epitaph``.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import pickle
import signal
import sys
import threading
from collections.abc import Iterator
from multiprocessing import resource_tracker, spawn
from typing import Any

from detector import worker_child
from detector.errors import WorkerError
from detector.frame import Frame
from detector.frame_ring import FrameRing
from detector.worker_messages import FrameJob, FromWorker, NewRing, WorkerOrder

# From the end of the pipe to the end of the process there is not more than this; otherwise the status stays unknown.
_EPITAPH_S = 0.05
# A killed process is gone within milliseconds, unless a driver holds it in the kernel; then it is left behind.
_KILLED_S = 0.5
_spawning = threading.Lock()


class WorkerLink:
    """Launches the process at once.

    Args:
        order: what the process has to be.

    Raises:
        WorkerError: the system refused to start a process.
    """

    def __init__(self, order: WorkerOrder) -> None:
        self.generation = order.generation
        self._ring: FrameRing | None = None
        self._ring_seen = True
        context = multiprocessing.get_context("spawn")
        self._pipe, far_end = context.Pipe(duplex=True)
        # Daemonic: forgotten by a parent that exits, it is terminated and not waited for.
        self._process = context.Process(
            target=worker_child.main, args=(far_end, order), name=f"polypwatch-ai-{order.generation}", daemon=True
        )
        try:
            with _spawned_lean(self._process.name):
                self._process.start()
        except OSError as error:
            self._pipe.close()
            raise WorkerError(f"The AI process could not be started: {error}.") from error
        finally:
            # Held by the worker alone, its end closes when it dies, however it dies.
            far_end.close()
        self.pid = self._process.pid

    @property
    def waitables(self) -> list[Any]:
        """For ``multiprocessing.connection.wait``: ready when there is a message, or the process has ended."""
        return [self._pipe, self._process.sentinel]

    def send(self, frame: Frame, min_score: float | None) -> None:
        """Copy the picture into shared memory and announce it. The worker must be idle.

        Raises:
            WorkerError: no shared memory for a picture of this size.
            OSError: the worker is gone.
        """
        if self._ring is None or frame.image.nbytes > self._ring.slot_bytes:
            larger = FrameRing(frame.image.nbytes)
            if self._ring is not None:
                self._ring.close()
            self._ring, self._ring_seen = larger, False
            self._pipe.send(NewRing(larger.name, larger.slot_bytes))
        time = frame.time
        job = FrameJob(
            slot=self._ring.write(frame.image),
            index=frame.index,
            shape=(frame.size.height, frame.size.width, 3),
            media_time=(time.pts, time.time_base.numerator, time.time_base.denominator) if time is not None else None,
            captured_ns=frame.captured_ns,
            name=frame.name,
            min_score=min_score,
        )
        self._pipe.send(job)

    def receive(self) -> tuple[list[FromWorker], bool]:
        """All messages that have arrived, and whether the worker can still send any."""
        messages: list[FromWorker] = []
        try:
            while self._pipe.poll():
                message: Any = self._pipe.recv()
                if message.generation == self.generation:
                    messages.append(message)
        except (EOFError, OSError, pickle.UnpicklingError):
            return messages, False
        if messages and self._ring is not None and not self._ring_seen:
            # It has answered, so it has the memory mapped.
            self._ring_seen = True
            self._ring.unlink()
        return messages, True

    def epitaph(self) -> str:
        """How the process ended, in words."""
        self._process.join(_EPITAPH_S)
        status = self._process.exitcode
        if status is None:
            return "the AI process hung up"
        if status >= 0:
            return f"the AI process ended with status {status}"
        try:
            return f"the AI process was killed by {signal.Signals(-status).name}"
        except ValueError:
            return f"the AI process was killed by signal {-status}"

    def kill(self) -> None:
        """End the process without asking it and give back all it used. Call ``buried`` until it says so."""
        self._process.kill()
        self._let_go()

    def buried(self) -> bool:
        """Whether the killed process is gone from the system."""
        if self._process.exitcode is None:
            return False
        self._process.close()
        return True

    def retire(self, grace_s: float) -> None:
        """Hang up, give the process a moment to end, else kill it; bounded, also when it hangs."""
        self._let_go()
        self._process.join(grace_s)
        if self._process.exitcode is None:
            self._process.kill()
            self._process.join(_KILLED_S)
        self.buried()

    def _let_go(self) -> None:
        self._pipe.close()
        if self._ring is not None:
            self._ring.close()
            self._ring = None


@contextlib.contextmanager
def _spawned_lean(process_name: str) -> Iterator[None]:
    """Spawn the process of this name without the parent's main module and with Ctrl-C blocked from its first moment.

    A spawned process runs the parent's main module again, so that functions defined there can be unpickled. Ours are
    not, and the main module of the application would bring the window and Qt into the worker.
    """
    with _spawning:
        preparation = spawn.get_preparation_data

        def lean(name: str) -> dict[str, Any]:
            data: dict[str, Any] = preparation(name)
            if name == process_name:
                data.pop("init_main_from_name", None)
                data.pop("init_main_from_path", None)
            return data

        spawn.get_preparation_data = lean
        try:
            with _without_interrupts():
                yield
        finally:
            spawn.get_preparation_data = preparation


@contextlib.contextmanager
def _without_interrupts() -> Iterator[None]:
    """Block SIGINT in this thread: a spawned process inherits that, and never shows a traceback for Ctrl-C."""
    if sys.platform == "win32":
        yield
        return
    # Launching the tracker unblocks the signal: it has to run before.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
