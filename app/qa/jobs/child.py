"""The analysing process, ``python -P -m app.qa.jobs.child``: what crashes in a model crashes here, and alone.

Commands come in lines on standard input, what it does goes out in lines on standard output
(`app.qa.jobs.messages`). It ends when standard input does: with the queue's process, however that ends.
"""

from __future__ import annotations

import contextlib
import faulthandler
import os
import queue
import signal
import sys
import threading
import time
from pathlib import Path
from typing import BinaryIO

from app.qa.jobs.locks import claim
from app.qa.jobs.messages import (
    DO,
    DONE,
    FAILED,
    LOADING,
    PAUSE,
    PAUSED,
    RUNNING,
    STOP,
    STOPPED,
    WAS_THERE,
    Order,
    Told,
    parse_command,
    told_line,
)
from app.qa.reanalysis import Stopped, analysis_path, is_analysed, look_at, reanalyse
from detector.errors import PolypwatchError
from detector.results import ModelRef
from detector.runtime import OnnxDetector, load_detector

_TELL_EVERY_S = 0.1
_NOT_UNDERSTOOD = 1  # exit status of what is no PolypwatchError


def main(argv: list[str]) -> int:
    """Do as told until standard input ends. The one argument is how nice the process is to others."""
    faulthandler.enable()
    _no_core_file()
    _give_way(int(argv[0]) if argv else 0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl+C in the terminal is for the command that started this
    # What a native library prints must not stand between the lines.
    told = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    child = Child(told)
    threading.Thread(target=child.listen, args=(sys.stdin.buffer,), name="commands", daemon=True).start()
    child.work()
    return 0


class Child:
    """Takes commands in one thread and analyses in another.

    Args:
        told: where what it does is told.
    """

    def __init__(self, told: BinaryIO) -> None:
        self._told = told
        self._orders: queue.SimpleQueue[Order | None] = queue.SimpleQueue()
        self._stop, self._go = threading.Event(), threading.Event()
        self._go.set()
        self._model = _Model()
        self._last = Told(0, LOADING)
        self._said_at = 0.0

    def listen(self, commands: BinaryIO) -> None:
        """Take commands until there are no more."""
        for data in commands:
            what, order = parse_command(data)
            if what == PAUSE:
                self._go.clear()
                continue
            if what == DO:  # comes only when the order before it is over
                self._stop.clear()
                self._orders.put(order)
            elif what == STOP:
                self._stop.set()
            self._go.set()
        self._stop.set()
        self._go.set()
        self._orders.put(None)

    def work(self) -> None:
        """Do what was ordered, one after the other."""
        while (order := self._orders.get()) is not None:
            self._say(self._done(order))

    def _done(self, order: Order) -> Told:
        self._progress(Told(order.job, LOADING))
        try:
            return self._analysed(order)
        except Stopped:
            return self._as(STOPPED)
        except PolypwatchError as error:
            return self._as(FAILED, str(error), error.exit_status)
        except Exception as error:  # root of the process's work: said in the list of jobs, never a silent end
            return self._as(FAILED, f"The analysis failed: {type(error).__name__}: {error}.", _NOT_UNDERSTOOD)

    def _analysed(self, order: Order) -> Told:
        path, folder = Path(order.path), Path(order.folder) if order.folder else None
        detector = self._model.of(order)
        out = analysis_path(path, ModelRef.of(detector.info), folder)
        inputs = look_at(path)
        if is_analysed(out, detector.info, inputs):
            return Told(order.job, DONE, out=str(out), words=WAS_THERE)

        def tell(done: int, of: int | None, missed: int) -> None:
            self._progress(Told(order.job, RUNNING, done, of, missed, str(out)))

        with claim(out):
            counts = reanalyse(
                path, detector, out, workers=order.threads, inputs=inputs, progress=tell, stop=self._stop.is_set
            )
        return Told(order.job, DONE, counts.frames, counts.frames, counts.not_analysed, str(out))

    def _progress(self, told: Told) -> None:
        """Say how far it is, now and then; wait here while it is paused."""
        now = time.monotonic()
        if told.state != self._last.state or now - self._said_at >= _TELL_EVERY_S:
            self._said_at = now
            self._say(told)
        self._last = told
        if not self._go.is_set():
            self._say(self._as(PAUSED))
            self._go.wait()
            self._say(told)

    def _as(self, state: str, words: str = "", exit_status: int = 0) -> Told:
        last = self._last
        return Told(last.job, state, last.frames, last.of, last.not_analysed, last.out, words, exit_status)

    def _say(self, told: Told) -> None:
        with contextlib.suppress(OSError):  # nobody listens any more: standard input ends, too
            self._told.write(told_line(told))


class _Model:
    """The model of the last order, which the next one usually asks for again."""

    def __init__(self) -> None:
        self._key: tuple[str, str, str | None] | None = None
        self._detector: OnnxDetector | None = None

    def of(self, order: Order) -> OnnxDetector:
        """The detector for an order.

        Raises:
            PolypwatchError: it cannot be opened.
        """
        key = (order.model, order.provider, order.variant)
        if self._detector is None or key != self._key:
            self._detector = None  # its memory first
            # Each frame has a core of its own: see detector.pipeline.
            self._detector = load_detector(order.model, order.provider, order.variant, threads=1)
            self._key = key
        return self._detector


def _give_way(niceness: int) -> None:
    with contextlib.suppress(AttributeError, OSError):  # Windows has a priority class instead, set by who starts this
        os.nice(niceness)


def _no_core_file() -> None:
    """A memory image would hold pictures of the patient."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
