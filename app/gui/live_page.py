"""The live page: picture, status line, buttons, help; what the keys do to the session."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime

from PyQt6.QtCore import QRect, Qt, QTimer, pyqtSignal
from PyQt6.QtGui import QMouseEvent, QResizeEvent
from PyQt6.QtWidgets import QWidget

from app.gui.bridge import Bridge
from app.gui.buttons import ButtonState, TouchBar
from app.gui.canvas import Canvas
from app.gui.errands import VIDEO_GOES_ON, Errands, problem
from app.gui.help import HelpPage
from app.gui.keys import Action, available
from app.gui.layout import Area, PageLayout, arrange
from app.gui.notices import Notice, NoticeBoard, Weight
from app.gui.options import WindowOptions
from app.gui.selftest_page import SelfTestStage
from app.gui.selftest_runs import SelfTestRuns
from app.gui.signs import View, status_of
from app.gui.snapshots import saved_notice, write_snapshot
from app.gui.sound import ChimeRule, Player
from app.gui.status_line import StatusLine
from app.session_api import Session
from app.snapshot import LiveSnapshot, SourceStatus
from detector.errors import PolypwatchError
from detector.geometry import Size

_BAR_HIDES_AFTER_MS = 3000
_OVER = frozenset({SourceStatus.ENDED, SourceStatus.FAILED})
# What means the examination does nothing while its picture is not to be seen.
_NOT_IN_SELF_TEST = frozenset(
    {Action.TOGGLE_AI, Action.TOGGLE_BOXES, Action.SNAPSHOT, Action.RECORD, Action.PAUSE, Action.SYNCHRONISE}
)


class LivePage(QWidget):
    """Shows a session and passes on what the user asks for.

    Args:
        session: what is shown; the page subscribes to it but neither starts nor stops it.
        options: how to begin.
        board: where messages go.
        player: the sound.
    """

    asked = pyqtSignal(Action)  # what only the window can do
    over = pyqtSignal()  # nothing more will come from the source; said again with every refresh

    def __init__(self, session: Session, options: WindowOptions, board: NoticeBoard, player: Player) -> None:
        super().__init__()
        self.setObjectName("page")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._session = session
        self._board = board
        self._player = player
        self._boxes, self._muted = options.boxes, options.muted
        self._full_screen = False
        self._chime = ChimeRule()
        self._recorder_fault = ""
        self._sync_detail = ""
        self._picture_words: tuple[str, ...] = ()
        self._last: LiveSnapshot | None = None
        self._snapshot_dir = options.snapshot_dir
        self._errands = Errands(self._post)
        self._does = self._table()
        self.bridge = Bridge(self)
        self._tests = SelfTestRuns(session, options.self_test, self.bridge.wake)
        self._build()
        self.bridge.refresh.connect(self.refresh)
        session.subscribe(self.bridge.wake)
        self.refresh()

    @property
    def view(self) -> View:
        """What the user chose to see and hear."""
        return View(self._boxes, self._muted, self._player.fault, self._board.current())

    @property
    def help_shown(self) -> bool:
        """Whether the help page lies over the picture."""
        return not self.help.isHidden()

    @property
    def self_test_shown(self) -> bool:
        """Whether a self-test or its result takes the place of the live picture."""
        return self._tests.shown is not None

    def leave_self_test(self) -> None:
        """Bring the live picture back; a test that still runs is cancelled."""
        self._tests.leave()
        self.refresh()

    def refresh(self) -> None:
        """Show the session as it is now."""
        try:
            self._refresh()
        except Exception:  # the root of a call from C++; a picture that stands still must not look like a calm one
            self._tests.leave()
            self.stage.hide()
            self.canvas.show_failure()
            sys.excepthook(*sys.exc_info())

    def perform(self, action: Action) -> None:
        """Do what a key or button asks for."""
        if action in _NOT_IN_SELF_TEST and (refusal := self._tests.refuse()) is not None:
            self._post(refusal)
            return
        does = self._does.get(action)
        if does is None:
            self.asked.emit(action)
            return
        try:
            does()
        except PolypwatchError as error:
            self._post(problem(error))
        self.refresh()

    def set_full_screen(self, full_screen: bool) -> None:
        """Hide buttons and mouse pointer after a while, or always show them."""
        self._full_screen = full_screen
        self._show_bar()

    def close_page(self) -> None:
        """Stop listening and finish writing snapshots."""
        self.bridge.close()
        self._bar_timer.stop()
        self._tests.close()
        self._errands.close()

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Lay out anew."""
        self._arrange()

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        """Bring the buttons back."""
        self._show_bar()

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        """Bring the buttons back: a touch screen knows no moving pointer."""
        self._show_bar()

    def mouseDoubleClickEvent(self, event: QMouseEvent | None) -> None:
        """Full screen on or off, on the picture."""
        if event is not None and self.canvas.geometry().contains(event.position().toPoint()):
            self.perform(Action.FULL_SCREEN)

    # -- building -------------------------------------------------------------------------------------------------

    def _build(self) -> None:
        self.canvas = Canvas(self)
        self.status_line = StatusLine(self)
        self.bar = TouchBar((), self)
        self.stage = SelfTestStage(self, self._player)
        self.stage.left.connect(self.leave_self_test)
        self.help = HelpPage(self)
        self.bar.pressed.connect(self.perform)
        for child in (self, self.status_line, self.bar):
            child.setMouseTracking(True)
        self._bar_timer = QTimer(self)
        self._bar_timer.setSingleShot(True)
        self._bar_timer.setInterval(_BAR_HIDES_AFTER_MS)
        self._bar_timer.timeout.connect(self._hide_bar)
        self._source_size: Size | None = None
        self._offered = (False, False)
        self._offer(self._offered)

    def _table(self) -> dict[Action, Callable[[], None]]:
        return {
            Action.TOGGLE_AI: lambda: self._session.set_ai_enabled(not self._session.ai_enabled),
            Action.TOGGLE_BOXES: self._toggle_boxes,
            Action.TOGGLE_SOUND: self._toggle_sound,
            Action.SNAPSHOT: self._take_snapshot,
            Action.RECORD: self._toggle_recording,
            Action.PAUSE: self._toggle_pause,
            Action.SYNCHRONISE: lambda: self._session.set_synchronised(not self._session.synchronised),
            Action.SELF_TEST: self._toggle_self_test,
            Action.HELP: self._toggle_help,
        }

    def _offer(self, offered: tuple[bool, bool]) -> None:
        can_record, can_pause = self._offered = offered
        keys = available(can_record, can_pause, self._tests.offered)
        self.bar.offer(keys)
        self.help.offer(keys)
        self._arrange()

    def _layout(self) -> PageLayout:
        return arrange(Size(max(1, self.width()), max(1, self.height())), self._source_size, with_bar=True)

    def _arrange(self) -> None:
        layout = self._layout()
        self.canvas.setGeometry(_rect(layout.canvas))
        self.status_line.setGeometry(_rect(layout.status))
        self.bar.setGeometry(_rect(layout.bar))
        self.bar.arrange(layout.bar_vertical)
        self.stage.place(_rect(_beside(layout)), self.height())
        self.help.place(self.canvas.geometry(), self.height())

    # -- showing --------------------------------------------------------------------------------------------------

    def _refresh(self) -> None:
        if (told := self._tests.settle()) is not None:
            self._post(told)
        snapshot = self._session.snapshot()
        self._tell_recorder_fault(snapshot)
        self._tell_end_of_synchrony(snapshot)
        self._tell_picture(snapshot)
        view = self.view
        self._last = snapshot
        size = snapshot.frame.size if snapshot.frame else None
        if size != self._source_size:
            self._source_size = size
            self._arrange()
        self.canvas.show_snapshot(snapshot, view)
        tested = self.stage.show_test(self._tests.shown, self._muted, view.notice)
        self.status_line.show_status(tested or status_of(snapshot, view))
        if (offered := (self._session.can_record, self._session.can_pause)) != self._offered:
            self._offer(offered)
        self._show_button_states(snapshot)
        if self._chime.due(snapshot, view):
            self._player.play()
        if snapshot.source.status in _OVER:
            self.over.emit()

    def _show_button_states(self, snapshot: LiveSnapshot) -> None:
        recording = snapshot.recording is not None
        states = {
            Action.TOGGLE_AI: _on_off("AI", self._session.ai_enabled),
            Action.TOGGLE_BOXES: _on_off("Boxes", self._boxes),
            Action.TOGGLE_SOUND: _on_off("Sound", not self._muted and not self._player.fault),
            Action.RECORD: ButtonState("Stop" if recording else "Record", recording),
            Action.PAUSE: ButtonState("Play" if self._session.paused else "Pause", self._session.paused),
            Action.SELF_TEST: ButtonState("Leave test" if self.self_test_shown else "Self-test", self.self_test_shown),
            Action.FULL_SCREEN: ButtonState("Window" if self._full_screen else "Full screen", self._full_screen),
        }
        for action, button in self.bar.buttons.items():
            if action in states:
                button.show_state(states[action])

    def _tell_recorder_fault(self, snapshot: LiveSnapshot) -> None:
        fault = snapshot.recorder_fault
        if fault and fault != self._recorder_fault:
            self._post(Notice(f"Recording: {fault}", VIDEO_GOES_ON, "", Weight.ERROR))
        self._recorder_fault = fault

    def _tell_end_of_synchrony(self, snapshot: LiveSnapshot) -> None:
        detail = snapshot.sync.detail
        if detail and detail != self._sync_detail:
            words = f"{detail[:1].upper()}{detail[1:]}"
            self._post(Notice(words, "The picture is shown as it comes again.", "Press Y to try once more."))
        self._sync_detail = detail

    def _tell_picture(self, snapshot: LiveSnapshot) -> None:
        words = snapshot.source.picture
        for sentence in words:
            if sentence not in self._picture_words:
                self._post(Notice(sentence))
        self._picture_words = words

    def _show_bar(self) -> None:
        self.bar.show()
        self.unsetCursor()
        if self._full_screen:
            self._bar_timer.start()
        else:
            self._bar_timer.stop()

    def _hide_bar(self) -> None:
        if self.bar.underMouse():
            self._bar_timer.start()
        elif self._full_screen:
            self.bar.hide()
            self.setCursor(Qt.CursorShape.BlankCursor)

    # -- doing ----------------------------------------------------------------------------------------------------

    def _post(self, notice: Notice) -> None:
        self._board.post(notice)

    def _toggle_boxes(self) -> None:
        self._boxes = not self._boxes

    def _toggle_sound(self) -> None:
        self._muted = not self._muted
        if self._player.fault:
            self._post(Notice(f"Alerts are silent: {self._player.fault}.", "Markers are shown as always."))

    def _take_snapshot(self) -> None:
        folder, snapshot, view, taken = self._snapshot_dir, self._last, self.view, datetime.now(UTC)
        if snapshot is not None:
            self._errands.run(lambda: saved_notice(write_snapshot(folder, snapshot, view, taken)))

    def _toggle_recording(self) -> None:
        if not self._session.can_record:
            self._post(Notice("This session cannot record.", VIDEO_GOES_ON, "Start with a folder for recordings."))
        elif self._session.snapshot().recording is None:
            self._errands.run(self._session.start_recording)
        else:
            self._errands.run(self._session.stop_recording)

    def _toggle_pause(self) -> None:
        if self._session.can_pause:
            self._session.set_paused(not self._session.paused)
        else:
            self._post(Notice("A live picture cannot be held."))

    def _toggle_self_test(self) -> None:
        self.help.hide()
        if self.self_test_shown:
            self._tests.leave()
        elif (refusal := self._tests.begin()) is not None:
            self._post(refusal)

    def _toggle_help(self) -> None:
        self.help.setVisible(self.help.isHidden())
        self.help.raise_()


def _beside(layout: PageLayout) -> Area:
    """The canvas without what of it lies under the buttons."""
    canvas = layout.canvas
    return canvas._replace(width=layout.bar.x) if layout.bar_vertical and canvas.meets(layout.bar) else canvas


def _rect(area: Area) -> QRect:
    return QRect(*area)


def _on_off(name: str, on: bool) -> ButtonState:
    return ButtonState(f"{name} {'on' if on else 'off'}", active=on, faint=not on)
