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
import time
from collections import deque
from collections.abc import Iterator
from multiprocessing import resource_tracker, spawn
from typing import Any

from detector import worker_child
from detector.errors import WorkerError
from detector.frame import Frame
from detector.frame_pool import Block, FramePool
from detector.frame_ring import SLOTS, FrameRing
from detector.worker_messages import FrameJob, FromWorker, MemoryKind, NewMemory, WorkerOrder

# From the end of the pipe to the end of the process there is not more than this; otherwise the status stays unknown.
_EPITAPH_S = 0.05
# A killed process is gone within milliseconds, unless a driver holds it in the kernel; then it is left behind.
_KILLED_S = 0.5
_spawning = threading.Lock()


class WorkerLink:
    """Launches the process at once.

    Args:
        order: what the process has to be.
        pool: where the source puts its pictures, if it does.

    Raises:
        WorkerError: the system refused to start a process.
    """

    def __init__(self, order: WorkerOrder, pool: FramePool) -> None:
        self.generation = order.generation
        self._pool = pool
        self._ring: FrameRing | None = None
        self._block: Block | None = None
        self._unseen: list[FrameRing | Block] = []
        # The one in the worker and two before it: a detector may still upload from a picture it returned for.
        self._held: deque[Frame] = deque(maxlen=SLOTS)
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

    def send(self, frame: Frame, min_score: float | None) -> int:
        """Announce a picture in the pool, or copy it into shared memory and announce that. The worker must be idle.

        Returns:
            How long the copy took, in nanoseconds; 0 if none was needed.

        Raises:
            WorkerError: no shared memory for a picture of this size.
            OSError: the worker is gone.
        """
        kind: MemoryKind = "pool"
        copy_ns = 0
        spot = self._pool.find(frame.image)
        if spot is not None and self.can_map(spot.block):
            offset = spot.offset
            if spot.block is not self._block:
                self._block = spot.block
                self._announce(kind, spot.block)
        else:
            kind, start_ns = "ring", time.perf_counter_ns()
            offset = self._roomy_ring(frame.image.nbytes).write(frame.image)
            copy_ns = time.perf_counter_ns() - start_ns
        when = frame.time
        job = FrameJob(
            kind=kind,
            offset=offset,
            index=frame.index,
            shape=(frame.size.height, frame.size.width, 3),
            media_time=(when.pts, when.time_base.numerator, when.time_base.denominator) if when is not None else None,
            captured_ns=frame.captured_ns,
            name=frame.name,
            min_score=min_score,
        )
        self._held.append(frame)
        self._pipe.send(job)
        return copy_ns

    def can_map(self, block: Block) -> bool:
        """Whether this worker has the block of the pool mapped, or can: it loses its name to the first that does."""
        return block is self._block or block.named

    @property
    def settled(self) -> bool:
        """Whether the worker has mapped all memory that it was told of: until then none may lose its name."""
        return not self._unseen

    def _roomy_ring(self, picture_bytes: int) -> FrameRing:
        if self._ring is None or picture_bytes > self._ring.slot_bytes:
            larger = FrameRing(picture_bytes)
            if self._ring is not None:
                self._ring.close()
            self._ring = larger
            self._announce("ring", larger)
        return self._ring

    def _announce(self, kind: MemoryKind, memory: FrameRing | Block) -> None:
        self._unseen.append(memory)
        self._pipe.send(NewMemory(kind, memory.name))

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
        if messages:
            # It has answered, so it has the memory mapped.
            while self._unseen:
                self._unseen.pop().unlink()
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
        self._held.clear()
        self._block = None
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
