"""Processes that run the alert code for many procedures at once, so that figures follow a slider.

Each process holds its share of the procedures and keeps what it has run. It is asked over a pipe; a newer question ends
the older one after the procedure that is being run. It ends with the pipe, and so with whoever asked.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection, wait

from detector.alerts import AlertSettings
from detector.scoring import AnswerColumns, Recording
from detector.scoring.displayed import Rerun

_LEAVE_S = 0.5
_Reply = tuple[int, int, AnswerColumns | None]
"""Number of the question, number of the procedure (-1: this share is done), its markers."""


class PoolGone(Exception):  # nothing for the user: the work goes on in one process
    """A process of the pool has ended."""


class MarkingPool:
    """Starts at once; the first answers wait until its libraries are loaded, about a second.

    Args:
        raws: raw detections of every procedure, with true time.
        processes: how many.
    """

    def __init__(self, raws: Sequence[Recording], processes: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._question = 0
        self._pipes: list[Connection] = []
        self._children = []
        for start in range(min(processes, len(raws))):
            share = [(k, raws[k]) for k in range(start, len(raws), processes)]
            ours, theirs = context.Pipe()
            child = context.Process(target=_serve, args=(theirs, share), daemon=True)
            child.start()
            theirs.close()
            self._pipes.append(ours)
            self._children.append(child)

    def run(self, settings: AlertSettings) -> Iterator[tuple[int, AnswerColumns] | None]:
        """The markers of each procedure as they come, with its number; None a few times a second while none does.

        Raises:
            PoolGone: a process has ended.
        """
        self._question += 1
        try:
            for pipe in self._pipes:
                pipe.send((self._question, settings))
            waiting = set(self._pipes)
            while waiting:
                ready = wait(list(waiting), 0.1)
                if not ready:
                    yield None
                for pipe in [p for p in waiting if p in ready]:
                    question, number, markers = pipe.recv()
                    if question != self._question:
                        continue  # of an older question that nobody waits for
                    if markers is None:
                        waiting.discard(pipe)
                    else:
                        yield number, markers
        except (EOFError, OSError) as error:
            raise PoolGone from error

    def close(self) -> None:
        """End the processes. Safe to call twice."""
        for pipe in self._pipes:
            pipe.close()
        for child in self._children:
            child.join(_LEAVE_S)
            if child.is_alive():
                child.terminate()
        self._pipes, self._children = [], []


def _serve(pipe: Connection, share: Sequence[tuple[int, Recording]]) -> None:
    """In the other process: answer until the pipe is closed."""
    reruns = [(number, Rerun(raw)) for number, raw in share]
    with suppress(EOFError, OSError, KeyboardInterrupt):
        while True:
            question, settings = pipe.recv()
            for number, rerun in reruns:
                if pipe.poll():
                    break
                reply: _Reply = (question, number, rerun.markers(settings))
                pipe.send(reply)
            pipe.send((question, -1, None))
