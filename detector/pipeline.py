"""Many frames where nobody waits for one of them: decoded ahead, analysed side by side, given back in order.

For re-analysis, evaluation and mining; never for live video, where the newest frame counts and not every frame. Each
frame goes through the network alone (or in a batch, where the engine likes batches), so that the answers are those of
frame by frame: bit by bit on a CPU.

::

    decoding thread   items -> at most `ahead` of them waiting
    worker threads    one per detector of the team: frame -> detections     (ONNX Runtime and FFmpeg release the GIL)
    the caller        takes them in the order in which they came

A core is used best by one frame on one thread: cutting a frame of a small network up among the cores costs time.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from typing import Generic, NamedTuple, TypeVar, cast

from detector.detections import Detections, Detector
from detector.errors import PolypwatchError
from detector.frame import Frame, Interruption
from detector.runtime import OnnxDetector

T = TypeVar("T")
R = TypeVar("R")
K = TypeVar("K")

_END_WAIT_S = 2.0
# On Windows a wait without an end cannot be interrupted by Ctrl-C.
_LOOK_UP_S = 0.25


class Analysed(NamedTuple, Generic[K]):
    """What came of one item.

    Attributes:
        key: what the caller gave with it.
        item: the frame, or why there is none.
        outcome: its detections; or why it could not be analysed; None for an interruption.
    """

    key: K
    item: Frame | Interruption
    outcome: Detections | PolypwatchError | None

    @property
    def detections(self) -> Detections:
        """Of a frame that was analysed.

        Raises:
            PolypwatchError: it could not be.
        """
        if isinstance(self.outcome, Detections):
            return self.outcome
        raise self.outcome or PolypwatchError(f"No picture was there to analyse: {self.item}.")


def team(detector: Detector, workers: int) -> list[Detector]:
    """``detector`` and as many twins of it as ``workers`` threads need; alone where it can have none."""
    found: list[Detector] = [detector]
    while len(found) < workers and isinstance(detector, OnnxDetector) and (twin := detector.twin()) is not None:
        found.append(twin)
    return found


def analyse(
    items: Iterable[tuple[K, Frame | Interruption]], detectors: Sequence[Detector], min_score: float | None = None
) -> Generator[Analysed[K], None, None]:
    """Analyse all items, several at once, and give them back in their order. Close it if you leave before its end.

    Args:
        items: frames and interruptions, each with a key of the caller's. Iterated (and closed, if it is a generator) in
            a thread of its own, so it must not belong to the caller's.
        detectors: a `team`; one thread each.
        min_score: as for `Detector.detect`.

    Raises:
        Exception: what ``items`` raised, behind everything that came before it; what a detector raised that is no
            PolypwatchError, in place of its frame.
    """

    def work(detector: Detector) -> Callable[[list[tuple[K, Frame | Interruption]]], list[Analysed[K]]]:
        return lambda some: _answers(detector, some, min_score)

    batch = max(_batch(d) for d in detectors)
    return in_order(items, [work(d) for d in detectors], batch, _alike)


def in_order(
    items: Iterable[T],
    workers: Sequence[Callable[[list[T]], list[R]]],
    batch: int = 1,
    alike: Callable[[T, T], bool] = lambda first, other: True,
) -> Generator[R, None, None]:
    """Map items in threads, in order, with a bounded number of them in memory: at most ``2 * workers * batch + 2``.

    Args:
        items: iterated in a thread of its own.
        workers: one thread for each; gets up to ``batch`` consecutive items and answers for each of them.
        batch: how many at most.
        alike: whether another item may go into a batch that begins with the first.

    Raises:
        Exception: what ``items`` or a worker raised, at the place where it happened.
    """
    desk: _Desk[T, R] = _Desk(2 * len(workers) * batch + 2)
    threads = [threading.Thread(target=desk.feed, args=(items,), name="decode-ahead", daemon=True)]
    threads += [
        threading.Thread(target=desk.serve, args=(worker, batch, alike), name=f"analyse-{n}", daemon=True)
        for n, worker in enumerate(workers)
    ]
    for thread in threads:
        thread.start()
    try:
        yield from desk.results()
    finally:
        desk.stop()
        for thread in threads:  # a read may hang in the operating system: it must not keep the program
            thread.join(_END_WAIT_S)


class _Slot(Generic[T, R]):
    """An item on its way."""

    __slots__ = ("answer", "done", "item", "problem")

    def __init__(self, item: T) -> None:
        self.item = item
        self.answer: R | None = None
        self.problem: BaseException | None = None
        self.done = False


class _Desk(Generic[T, R]):
    """Where the threads meet: one lock, and a condition for each kind of waiting."""

    def __init__(self, ahead: int) -> None:
        self._ahead = ahead
        self._order: deque[_Slot[T, R]] = deque()
        self._waiting: deque[_Slot[T, R]] = deque()
        self._fed = self._stopped = False
        self._problem: BaseException | None = None
        lock = threading.Lock()
        self._room, self._work, self._ready = (threading.Condition(lock) for _ in range(3))

    def feed(self, items: Iterable[T]) -> None:
        """Put all items on the desk."""
        problem: BaseException | None = None
        try:
            iterator = iter(items)
            try:
                while self._has_room():
                    self._put(_Slot(next(iterator)))
            except StopIteration:
                pass
            finally:
                getattr(iterator, "close", lambda: None)()
        except BaseException as error:  # root of the thread: raised in the caller's, behind the items before it
            problem = error
        with self._work:
            self._fed, self._problem = True, problem
            self._work.notify_all()
            self._ready.notify()

    def serve(self, worker: Callable[[list[T]], list[R]], batch: int, alike: Callable[[T, T], bool]) -> None:
        """Let one worker answer until nothing is left."""
        while slots := self._taken(batch, alike):
            try:
                answers = worker([slot.item for slot in slots])
                for slot, answer in zip(slots, answers, strict=True):
                    slot.answer = answer
            except BaseException as error:  # root of the thread: raised in the caller's, in place of these items
                for slot in slots:
                    slot.problem = error
            with self._ready:
                for slot in slots:
                    slot.done = True
                self._ready.notify()

    def results(self) -> Iterator[R]:
        """The answers in order."""
        while (slot := self._next()) is not None:
            if slot.problem is not None:
                raise slot.problem
            yield cast(R, slot.answer)
        if self._problem is not None:
            raise self._problem

    def stop(self) -> None:
        """Let all threads end, after what they are at."""
        with self._room:
            self._stopped = True
            self._waiting.clear()
            for condition in (self._room, self._work, self._ready):
                condition.notify_all()

    def _has_room(self) -> bool:
        with self._room:
            while len(self._order) >= self._ahead and not self._stopped:
                self._room.wait()
            return not self._stopped

    def _put(self, slot: _Slot[T, R]) -> None:
        with self._work:
            self._order.append(slot)
            self._waiting.append(slot)
            self._work.notify()

    def _taken(self, batch: int, alike: Callable[[T, T], bool]) -> list[_Slot[T, R]]:
        """The next items for a worker: what is there now, as waiting for a full batch would leave it idle."""
        with self._work:
            while not self._waiting and not self._fed and not self._stopped:
                self._work.wait()
            slots: list[_Slot[T, R]] = []
            while self._waiting and len(slots) < batch:
                if slots and not alike(slots[0].item, self._waiting[0].item):
                    break
                slots.append(self._waiting.popleft())
            return slots

    def _next(self) -> _Slot[T, R] | None:
        with self._ready:
            while not (self._order and self._order[0].done):
                if self._fed and not self._order:
                    return None
                self._ready.wait(_LOOK_UP_S)
            slot = self._order.popleft()
            self._room.notify()
            return slot


def _batch(detector: Detector) -> int:
    return detector.batch if isinstance(detector, OnnxDetector) else 1


def _alike(first: tuple[K, Frame | Interruption], other: tuple[K, Frame | Interruption]) -> bool:
    """Whether two items can share a batch: frames of one size."""
    a, b = first[1], other[1]
    return isinstance(a, Frame) and isinstance(b, Frame) and a.size == b.size


def _answers(
    detector: Detector, some: list[tuple[K, Frame | Interruption]], min_score: float | None
) -> list[Analysed[K]]:
    """What one detector says of an interruption, a frame, or several frames of one size."""
    frames = [item for _, item in some if isinstance(item, Frame)]
    if len(frames) > 1 and isinstance(detector, OnnxDetector):
        try:
            found = detector.detect_many(frames, min_score)
            return [Analysed(key, item, one) for (key, item), one in zip(some, found, strict=True)]
        except PolypwatchError:
            pass  # which frame it was is found out one by one
    return [Analysed(key, item, _outcome(detector, item, min_score)) for key, item in some]


def _outcome(
    detector: Detector, item: Frame | Interruption, min_score: float | None
) -> Detections | PolypwatchError | None:
    if isinstance(item, Interruption):
        return None
    try:
        return detector.detect(item, min_score)
    except PolypwatchError as problem:
        return problem
