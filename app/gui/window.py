"""The window around the live page, its shortcuts, and how it opens and closes."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable

from PyQt6 import sip
from PyQt6.QtCore import Qt, QTimer, pyqtSignal
from PyQt6.QtGui import QAction, QCloseEvent, QKeySequence
from PyQt6.QtWidgets import QMainWindow

from app import RESEARCH_USE, SOFTWARE
from app.gui import theme
from app.gui.application import application
from app.gui.bridge import PaintHook
from app.gui.crash import CrashHook, logged_qt_messages
from app.gui.interrupts import INTERRUPTED, Interrupts
from app.gui.keys import Action
from app.gui.language import tr
from app.gui.live_page import LivePage
from app.gui.notices import Notice, NoticeBoard
from app.gui.options import WindowOptions
from app.gui.sound import Player, SoundEffect
from app.session_api import Session

_log = logging.getLogger(__name__)

_QUIT_AGAIN_S = 3.0
_FULL_SCREEN_MS = 300


class LiveWindow(QMainWindow):
    """One session in a window; closing it stops the session.

    Args:
        session: not started yet; see :meth:`begin`.
        options: how to begin.
        board: where messages go; default: one of its own.
        player: the sound; default: the system's.
    """

    closed = pyqtSignal()

    def __init__(
        self,
        session: Session,
        options: WindowOptions,
        board: NoticeBoard | None = None,
        player: Player | None = None,
    ) -> None:
        super().__init__()
        self.setWindowTitle(f"{SOFTWARE} · {tr(RESEARCH_USE)}")
        self.setStyleSheet(theme.style_sheet())
        self.board = board or NoticeBoard()
        self._session = session
        self._options = options
        self._closed = False
        self._normal = self.geometry()
        self._insisted = False
        self._quit_asked_s: float | None = None
        sound = player or SoundEffect(theme.asset("sounds", "alert.wav"), self)
        self.page = LivePage(session, options, self.board, sound)
        self.board.wake = self.page.bridge.wake
        self.page.asked.connect(self._do)
        if options.quit_when_ended:
            self.page.over.connect(self.close, Qt.ConnectionType.QueuedConnection)  # type: ignore[call-arg]  # stubs
        self.setCentralWidget(self.page)
        self.setMinimumSize(480, 360)
        self.resize(options.size.width, options.size.height)
        self._make_shortcuts()

    @property
    def painted(self) -> list[PaintHook]:
        """Hooks that are called after every paint of a picture."""
        return self.page.canvas.painted

    def begin(self) -> None:
        """Open the window and start the session."""
        if self._options.full_screen:
            self._set_full_screen(True)
        else:
            self.show()
        self._session.start()

    def closeEvent(self, event: QCloseEvent | None) -> None:
        """Stop the session; its files are complete when this returns."""
        if not self._closed:
            self._closed = True
            self.hide()
            self.page.close_page()
            try:
                self._session.stop()
            except Exception:  # the window is gone: the log is all that is left
                _log.exception("the session did not end cleanly")
            self.closed.emit()
        super().closeEvent(event)

    def _make_shortcuts(self) -> None:
        for key in self._options.keys:
            action = QAction(tr(key.help), self)
            action.setShortcuts([QKeySequence(text) for text in key.keys])
            action.setAutoRepeat(False)
            action.triggered.connect(lambda _checked, wanted=key.action: self.page.perform(wanted))
            self.addAction(action)

    def _do(self, action: Action) -> None:
        if action is Action.FULL_SCREEN:
            self._set_full_screen(not self.isFullScreen())
        elif action is Action.LEAVE:
            self._leave()
        elif action is Action.QUIT:
            self._ask_to_quit()
        elif action is Action.QUIT_NOW:
            self.close()

    def _set_full_screen(self, full_screen: bool) -> None:
        if full_screen:
            self._normal = self.geometry()
            self.showFullScreen()
            QTimer.singleShot(_FULL_SCREEN_MS, self._insist_on_full_screen)
        else:
            self.showNormal()
            if self._insisted:
                self.setGeometry(self._normal)
        self.page.set_full_screen(full_screen)
        self.page.refresh()

    def _insist_on_full_screen(self) -> None:
        """Take the screen without a window manager's help: a screen beside an endoscope may have none."""
        screen = self.screen()
        self._insisted = self.isFullScreen() and screen is not None and self.geometry() != screen.geometry()
        if self._insisted and screen is not None:
            self.setGeometry(screen.geometry())

    def _leave(self) -> None:
        if not self.page.leave() and self.isFullScreen():
            self._set_full_screen(False)

    def _ask_to_quit(self) -> None:
        """One slip of a finger must not end an examination; Ctrl+Q and the window's own button quit at once."""
        now_s = time.monotonic()
        if self._quit_asked_s is not None and now_s - self._quit_asked_s <= _QUIT_AGAIN_S:
            self.close()
            return
        self._quit_asked_s = now_s
        self.board.post(Notice(tr("Press {key} again to quit.").format(key=self.page.view.key(Action.QUIT))))


def run_window(
    session: Session,
    options: WindowOptions,
    painted: Iterable[PaintHook] = (),
    interrupts: Interrupts | None = None,
) -> int:
    """Show the session until the window is closed; it is stopped in any case. Returns the exit status.

    ``run.run_window`` does the same and also bears Ctrl+C while Qt is being imported. Ask ``platform.display_problem``
    first; for a run without a display set ``QT_QPA_PLATFORM=offscreen`` before.

    Args:
        session: not started yet.
        options: how to begin; ``quit_when_ended`` for a run that nobody watches.
        painted: called after every paint of a picture, in the window's thread.
        interrupts: entered by the caller; default: entered for as long as the window is open.
    """
    if interrupts is None:
        with Interrupts() as own:
            return run_window(session, options, painted, own)
    with logged_qt_messages():
        _show(session, options, painted, interrupts)
    return INTERRUPTED if interrupts.asked else 0


def _show(session: Session, options: WindowOptions, painted: Iterable[PaintHook], interrupts: Interrupts) -> None:
    qt = application()
    qt.setApplicationName("polypwatch")
    # The window says when to quit. Qt's own wish to, posted when it closes, would end the next event loop instead.
    qt.setQuitOnLastWindowClosed(False)
    board = NoticeBoard()
    window = LiveWindow(session, options, board)
    window.painted.extend(painted)
    window.closed.connect(qt.quit)
    crash_hook = CrashHook(board, window.close)
    crash_hook.install()
    # Not from within the signal handler, which may run in the middle of anything.
    interrupts.close = lambda: QTimer.singleShot(0, window.close)
    try:
        if not interrupts.asked:
            window.begin()
            qt.exec()
    finally:
        window.close()
        crash_hook.remove()
        # Before the application: sound and timers need it to end cleanly.
        sip.delete(window)
