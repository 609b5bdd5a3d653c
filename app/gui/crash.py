"""What happens to an error that nobody expected: it is logged with its trace and shown; the window lives on.

Without this, PyQt ends the whole program on the first exception that leaves a slot.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType

from PyQt6.QtCore import QMessageLogContext, QtMsgType, qInstallMessageHandler

from app.gui.language import tr
from app.gui.notices import Notice, NoticeBoard, Weight
from detector.errors import PolypwatchError

_log = logging.getLogger(__name__)
_qt_log = logging.getLogger("qt")

# A slot that fails with every frame must not fill the disk.
_LOG_AGAIN_S = 10.0
_QT_LEVELS = {
    QtMsgType.QtDebugMsg: logging.DEBUG,
    QtMsgType.QtInfoMsg: logging.INFO,
    QtMsgType.QtWarningMsg: logging.WARNING,
    QtMsgType.QtCriticalMsg: logging.ERROR,
    QtMsgType.QtFatalMsg: logging.CRITICAL,
}


class CrashHook:
    """Takes the place of ``sys.excepthook`` and ``threading.excepthook`` while the window is open.

    Args:
        board: where the notice goes.
        interrupted: called on Ctrl+C in the terminal.
    """

    def __init__(self, board: NoticeBoard, interrupted: Callable[[], object]) -> None:
        self._board = board
        self._interrupted = interrupted
        self._logged_s: dict[str, float] = {}
        self._before = (sys.excepthook, threading.excepthook)

    def install(self) -> None:
        """Begin."""
        self._before = (sys.excepthook, threading.excepthook)
        sys.excepthook = self._take
        threading.excepthook = self._take_from_thread

    def remove(self) -> None:
        """End, and put back what was there before."""
        sys.excepthook, threading.excepthook = self._before

    def _take(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            self._interrupted()
            return
        where = _place(trace)
        now_s = time.monotonic()
        if now_s - self._logged_s.get(where, -_LOG_AGAIN_S) >= _LOG_AGAIN_S:
            self._logged_s[where] = now_s
            _log.critical("unexpected error in %s", where, exc_info=(kind, error, trace))
        if isinstance(error, PolypwatchError):
            notice = Notice(error.what, "", error.hint, Weight.ERROR)
        else:
            what = tr("Unexpected error in {place}: {error}.").format(place=where, error=kind.__name__)
            todo = tr("Watch the processor's own monitor; the log has the details.")
            notice = Notice(what, "", todo, Weight.ERROR)
        self._board.post(notice)

    def _take_from_thread(self, args: threading.ExceptHookArgs) -> None:
        if args.exc_value is not None:
            self._take(args.exc_type, args.exc_value, args.exc_traceback)


@contextmanager
def logged_qt_messages() -> Iterator[None]:
    """Send Qt's own messages to the log instead of the terminal."""
    before = qInstallMessageHandler(_take_qt_message)
    try:
        yield
    finally:
        qInstallMessageHandler(before)


def _take_qt_message(kind: QtMsgType, context: QMessageLogContext, text: str | None) -> None:
    _qt_log.log(_QT_LEVELS.get(kind, logging.WARNING), "%s", text or "")


def _place(trace: TracebackType | None) -> str:
    frames = traceback.extract_tb(trace)
    return f"{frames[-1].name} ({frames[-1].filename.rpartition('/')[2]}:{frames[-1].lineno})" if frames else "unknown"
