"""How the window is run. This module comes before Qt: it decides what Ctrl+C does, then imports the rest.

PyQt cannot bear an exception out of a signal handler at any moment (while its modules load, it crashes), so nothing is
raised here: the wish to end is noted, and the window closes in its own time.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterable
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Self

from app.gui.options import WindowOptions
from app.session_api import Session

if TYPE_CHECKING:
    from app.gui.bridge import PaintHook

INTERRUPTED = 130
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupts:
    """While entered, SIGINT and SIGTERM are wishes to close the window.

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
            self._before = {number: signal.signal(number, self._take) for number in _SIGNALS}
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


def run_window(session: Session, options: WindowOptions, painted: Iterable[PaintHook] = ()) -> int:
    """Import Qt and show the session; see ``window.run_window``."""
    with Interrupts() as interrupts:
        from app.gui import window

        return window.run_window(session, options, painted, interrupts)
