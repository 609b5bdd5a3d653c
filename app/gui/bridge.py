"""From the session's threads to the window: one queued signal at a time, and a heartbeat for what comes in silence."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import NamedTuple

from PyQt6.QtCore import QObject, Qt, QTimer, pyqtSignal

HEARTBEAT_MS = 100


class PaintStamp(NamedTuple):
    """One paint of a picture.

    Attributes:
        frame_index: capture index of the picture.
        captured_ns: when it was captured (``perf_counter_ns``).
        painted_ns: when the paint was complete in the window's buffer.
        result_captured_ns: when the frame behind the newest AI result was captured; None without a result.
        boxes: how many markers were painted.
    """

    frame_index: int
    captured_ns: int
    painted_ns: int
    result_captured_ns: int | None
    boxes: int


PaintHook = Callable[[PaintStamp], None]


class Bridge(QObject):
    """Turns wakes from any thread into ``refresh`` in the window's thread.

    However many wakes come, at most one is on its way; one that comes while the window refreshes causes another, so
    that the last is never lost. The heartbeat refreshes even if nothing wakes: a stalled AI or an expired overlay
    sends no event of its own.
    """

    refresh = pyqtSignal()
    _woken = pyqtSignal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._lock = threading.Lock()
        self._pending = False
        self._closed = False
        # The stubs leave the connection type out.
        self._woken.connect(self._deliver, Qt.ConnectionType.QueuedConnection)  # type: ignore[call-arg]
        self._heartbeat = QTimer(self)
        self._heartbeat.setInterval(HEARTBEAT_MS)
        self._heartbeat.timeout.connect(self.refresh)
        self._heartbeat.start()

    def wake(self) -> None:
        """Ask for a refresh; from any thread, returns at once."""
        with self._lock:
            if self._pending or self._closed:
                return
            self._pending = True
            # Under the lock, so that close() cannot come between; a queued emission only posts an event.
            self._woken.emit()

    def close(self) -> None:
        """No refresh from now on; wakes are ignored."""
        with self._lock:
            self._closed = True
        self._heartbeat.stop()

    def _deliver(self) -> None:
        with self._lock:
            # Cleared before the snapshot is read: what changes from now on wakes again.
            self._pending = False
            if self._closed:
                return
        self.refresh.emit()
