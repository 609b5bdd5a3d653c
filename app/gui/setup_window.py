"""The set-up: five pages from the cables to the first picture. Nothing is written before the last one is done."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PyQt6 import sip
from PyQt6.QtCore import Qt, QTimer, pyqtSignal
from PyQt6.QtGui import QCloseEvent, QKeyEvent, QResizeEvent
from PyQt6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout

from app import SOFTWARE
from app.day.line import own_line
from app.devices.device import Device
from app.devices.listing import list_devices
from app.gui.application import application
from app.gui.bridge import Bridge
from app.gui.crash import CrashHook, logged_qt_messages
from app.gui.interrupts import Interrupts
from app.gui.language import choose_language, told, tr, use_language
from app.gui.layout import unit_of
from app.gui.notice_words import error_words, said
from app.gui.notices import NoticeBoard
from app.gui.pulse import Heart
from app.gui.setup_area_page import AreaPage
from app.gui.setup_draft import Draft
from app.gui.setup_page import SetupPage
from app.gui.setup_pages import LookPage, PlacePage, WiringPage
from app.gui.setup_parts import Sheet, button, label, style
from app.gui.setup_preview import Preview
from app.gui.setup_sources import ListDevices, SourcePage
from app.settings.model import Settings
from app.settings.store import Loaded, load_settings, update_settings
from detector.errors import PolypwatchError


class SetupWindow(Sheet):
    """The window of the set-up.

    Args:
        loaded: what is remembered; its notes (a settings file that could not be used) are shown.
        devices: lists what is plugged in.

    Attributes:
        result: the settings that were written; None while nothing was, and if the set-up was left.
    """

    closing = pyqtSignal()  # a device that hangs may hold it up for seconds from now on
    closed = pyqtSignal()

    def __init__(self, loaded: Loaded, devices: ListDevices = list_devices) -> None:
        super().__init__()
        self.setWindowTitle(tr("{software}: set-up").format(software=SOFTWARE))
        self.result: Settings | None = None
        self.draft = Draft.of(loaded.settings)
        self._path = loaded.path
        self.board = NoticeBoard()
        self._preview: Preview | None = None
        self._ended: Preview | None = None
        self._playing: tuple[object, ...] | None = None
        self._done = False
        self._unit = 0.0
        self._bridge = Bridge(self)
        self._bridge.refresh.connect(self._refresh)
        self.board.wake = self._bridge.wake
        self.source = SourcePage(lambda: self._listed(devices))
        self.look, self.area, self.place = LookPage(), AreaPage(), PlacePage()
        self.pages: tuple[SetupPage, ...] = (WiringPage(), self.source, self.look, self.area, self.place)
        self._build(loaded.notes)
        self.setMinimumSize(480, 360)
        self.resize(1280, 720)
        self._go(0)

    @property
    def page(self) -> SetupPage:
        """The page in front."""
        return self.pages[self._stack.currentIndex()]

    def go_on(self) -> None:
        """To the next page; from the last one, write everything and close."""
        page = self.page
        if page.missing():
            return
        self.draft = page.draft
        at = self._stack.currentIndex()
        if at + 1 < len(self.pages):
            self._go(at + 1)
        else:
            self._finish()

    def go_back(self) -> None:
        """To the page before, with all that was chosen; from the first one, leave."""
        self.draft = self.page.draft
        at = self._stack.currentIndex()
        if at == 0:
            self.close()
        else:
            self._go(at - 1)

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Escape goes back; Return goes on where no button has the focus."""
        if event is None:
            return
        if event.key() == Qt.Key.Key_Escape:
            self.go_back()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.go_on()
        else:
            super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Scale type and buttons with the window."""
        unit = unit_of(self.height())
        if unit != self._unit:
            self._unit = unit
            self.setStyleSheet(style(unit))

    def closeEvent(self, event: QCloseEvent | None) -> None:
        """Let go of the source; the device is free when this returns."""
        if not self._done:
            self._done = True
            self.hide()
            self.closing.emit()
            self.page.leave()
            self._end_preview()
            if self._ended is not None:
                self._ended.join()
            self._bridge.close()
            self.closed.emit()
        super().closeEvent(event)

    # -- building -------------------------------------------------------------------------------------------------

    def _build(self, notes: tuple[str, ...]) -> None:
        self._stack = QStackedWidget()
        for page in self.pages:
            self._stack.addWidget(page)
            page.changed.connect(self._show_state)
        self.title, self.step = label(kind="title"), label(kind="soft")
        self.step.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.note = label("\n".join(told(note) for note in notes), "fault")
        if not notes:
            self.note.hide()
        self.hint = label(kind="caution")
        self.back = button(tr("Back"), self.go_back)
        self.next = button(tr("Next"), self.go_on, main=True)
        top = QHBoxLayout()
        top.addWidget(self.title, 1)
        top.addWidget(self.step)
        foot = QHBoxLayout()
        foot.setSpacing(16)
        foot.addWidget(self.back)
        foot.addWidget(self.hint, 1)
        foot.addWidget(self.next)
        box = QVBoxLayout(self)
        box.setContentsMargins(24, 16, 24, 16)
        box.setSpacing(12)
        box.addLayout(top)
        box.addWidget(self.note)
        box.addWidget(self._stack, 1)
        box.addLayout(foot)

    def _go(self, at: int) -> None:
        self.page.leave()
        page = self.pages[at]
        if not page.wants_preview:
            self._play(page)  # before it looks for devices
        page.enter(self.draft)
        self._stack.setCurrentIndex(at)
        self.title.setText(page.heading)
        self.step.setText(tr("{n} of {count}").format(n=at + 1, count=len(self.pages)))
        self.back.setText(tr("Back") if at else tr("Leave"))
        self.next.setText(page.go_on)
        self._show_state()
        self.next.setFocus()

    def _show_state(self) -> None:
        """What is missing, and the source that the page wants to see running."""
        page = self.page
        self.draft = page.draft
        missing = page.missing()
        self.hint.setText(missing)
        self.next.setEnabled(not missing)
        self._play(page)

    # -- the source -----------------------------------------------------------------------------------------------

    def _play(self, page: SetupPage) -> None:
        typed = self.draft.typed if page.wants_preview else None
        wanted = (typed, self.draft.preview()) if typed is not None else None
        if wanted == self._playing:
            return
        self._playing = wanted
        self._end_preview()
        if wanted is not None and typed is not None:
            self._preview = Preview(typed, self.draft.preview(), self._bridge.wake, self._ended)
            self._preview.start()

    def _listed(self, devices: ListDevices) -> list[Device]:
        """What is plugged in, once the preview has let go: some systems cannot list a device that runs."""
        ended = self._ended
        if ended is not None:
            ended.join()
        return devices()

    def _end_preview(self) -> None:
        if self._preview is not None:
            self._preview.close()
            self._ended, self._preview = self._preview, None

    def _refresh(self) -> None:
        if self._done:
            return
        if self._preview is not None:
            self.page.show_preview(self._preview.state)
        if (unexpected := self.board.current()) is not None:
            self.hint.setText(f"{(notice := said(unexpected)).what} {notice.rest}")

    # -- the end --------------------------------------------------------------------------------------------------

    def _finish(self) -> None:
        draft = self.draft
        try:
            self.result = update_settings(draft.kept_in, self._path).settings
        except PolypwatchError as error:
            self.place.problem.setText(error_words(error))
            return
        self.close()


def show_setup(
    interrupts: Interrupts, path: Path | None = None, devices: ListDevices = list_devices
) -> Settings | None:
    """Run the set-up until it is closed; the settings that it wrote, or None."""
    with logged_qt_messages():
        qt = application()
        qt.setApplicationName("polypwatch")
        qt.setQuitOnLastWindowClosed(False)
        loaded = load_settings(path)
        use_language(choose_language(loaded.settings.language))
        window = SetupWindow(loaded, devices)
        if (line := own_line()) is not None:
            heart = Heart(line, window)  # the supervisor would take the silence between two windows for a crash
            window.closing.connect(lambda: heart.close(for_good=False))
        return _shown(window, interrupts, qt.exec, qt.quit)


def _shown(
    window: SetupWindow, interrupts: Interrupts, run: Callable[[], int], end: Callable[[], None]
) -> Settings | None:
    window.closed.connect(end)
    hook = CrashHook(window.board, window.close)
    hook.install()
    interrupts.close = lambda: QTimer.singleShot(0, window.close)
    try:
        if not interrupts.asked:
            window.show()
            run()
    finally:
        window.close()
        hook.remove()
        interrupts.close = None
        result = window.result
        sip.delete(window)
    return None if interrupts.asked else result
