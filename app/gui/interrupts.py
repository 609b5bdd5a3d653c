"""What Ctrl+C does while there is a window: the wish to end is noted, and the window closes in its own time. No Qt.

PyQt cannot bear an exception out of a signal handler at any moment (while its modules load, it crashes), so nothing is
raised here.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Self

INTERRUPTED = 130


def _signals() -> tuple[signal.Signals, ...]:
    asked = (signal.SIGINT, signal.SIGTERM)
    if sys.platform == "win32" or signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:  # as `nohup` wants it
        return asked
    return (*asked, signal.SIGHUP)


class Interrupts:
    """While entered, SIGINT, SIGTERM and a terminal that is closed (SIGHUP) are wishes to close the window.

    Attributes:
        asked: such a wish was there.
        close: what fulfils it, once there is a window.
    """

    def __init__(self) -> None:
        self.asked = False
        self.close: Callable[[], object] | None = None
        self._before: dict[signal.Signals, object] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._take) for number in _signals()}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]  # what signal.signal itself returned

    def _take(self, number: int, frame: FrameType | None) -> None:
        self.asked = True
        if self.close is not None:
            self.close()
