"""The live page: picture, status line, buttons, help, and what features lay over them."""

from __future__ import annotations

import sys
from collections.abc import Callable

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtGui import QMouseEvent, QResizeEvent
from PyQt6.QtWidgets import QWidget

from app.gui.ai_signs import SignClock
from app.gui.bridge import Bridge
from app.gui.button_states import states_of
from app.gui.doing import NOT_IN_SELF_TEST, Doing
from app.gui.errands import Errands, problem
from app.gui.feature_set import FeatureSet
from app.gui.keys import OF_FEATURES, Action, Key, available
from app.gui.notice_words import said
from app.gui.notices import Notice, NoticeBoard
from app.gui.options import WindowOptions
from app.gui.page_parts import PageParts
from app.gui.selftest_runs import SelfTestRuns
from app.gui.signs import View, status_of
from app.gui.sound import ChimeRule, Player
from app.gui.tellers import Tellers
from app.session_api import Session
from app.snapshot import LiveSnapshot, SourceStatus
from detector.errors import PolypwatchError

_OVER = frozenset({SourceStatus.ENDED, SourceStatus.FAILED})


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
        self._options = options
        self._chime = ChimeRule()
        self._sign_clock = SignClock()
        self._sign_since_ns: int | None = None
        self._tellers = Tellers()
        self._last: LiveSnapshot | None = None
        self._errands = Errands(self.post)
        self.bridge = Bridge(self)
        self._tests = SelfTestRuns(session, options.self_test, self.bridge.wake)
        self._features = FeatureSet()
        self._doing = Doing(self, options, player)
        self._parts = parts = PageParts(self, player)
        self.canvas, self.status_line, self.bar = parts.canvas, parts.status_line, parts.bar
        self.stage, self.help = parts.stage, parts.help
        self.stage.left.connect(self.leave_self_test)
        self.bar.pressed.connect(self.perform)
        self._does: dict[Action, Callable[[], None]] = {
            **self._doing.table,
            Action.SELF_TEST: self._toggle_self_test,
            Action.HELP: self._parts.toggle_help,
        }
        self._offered: frozenset[Action] = frozenset()
        self._features.make(self, options.features)
        self._does |= self._features.actions
        self._offer()
        self.bridge.refresh.connect(self.refresh)
        session.subscribe(self.bridge.wake)
        self.refresh()

    @property
    def view(self) -> View:
        """What the user chose to see and hear."""
        return View(
            muted=self._doing.muted,
            sound_fault=self._player.fault,
            notice=said(notice) if (notice := self._board.current()) is not None else None,
            cue=self._options.cue,
            confidence=self._options.confidence,
            edges=self._options.edges,
            flags=self._features.flags(),
            keys=self._options.keys,
            sign_since_ns=self._sign_since_ns,
        )

    # -- what features may ask (``features.Page``) ------------------------------------------------------------------

    @property
    def widget(self) -> QWidget:
        """The page itself."""
        return self

    @property
    def session(self) -> Session:
        """The session that is shown."""
        return self._session

    @property
    def errands(self) -> Errands:
        """Where to do what may wait for a disk."""
        return self._errands

    @property
    def keys(self) -> tuple[Key, ...]:
        """The table of actions with the keys in force."""
        return self._options.keys

    @property
    def last(self) -> LiveSnapshot | None:
        """The snapshot that is on the screen."""
        return self._last

    def post(self, notice: Notice) -> None:
        """Show a message; from any thread."""
        self._board.post(notice)

    def wake(self) -> None:
        """Have the page refreshed; from any thread."""
        self.bridge.wake()

    # -- what the window asks ---------------------------------------------------------------------------------------

    @property
    def help_shown(self) -> bool:
        """Whether the help page lies over the picture."""
        return not self.help.isHidden()

    @property
    def self_test_shown(self) -> bool:
        """Whether a self-test or its result takes the place of the live picture."""
        return self._tests.shown is not None

    def leave(self) -> bool:
        """Put away what lies over the picture; False if nothing does."""
        if self.help_shown:
            self._parts.toggle_help()
        elif self.self_test_shown:
            self.leave_self_test()
        elif not self._features.leave():
            return False
        self.refresh()
        return True

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
        if action in NOT_IN_SELF_TEST | OF_FEATURES and (refusal := self._tests.refuse()) is not None:
            self.post(refusal)
            return
        does = self._does.get(action)
        if does is None:
            self.asked.emit(action)
            return
        try:
            does()
        except PolypwatchError as error:
            self.post(problem(error))
        self.refresh()

    def set_full_screen(self, full_screen: bool) -> None:
        """Hide buttons and mouse pointer after a while, or always show them."""
        self._parts.hider.set_full_screen(full_screen)

    def close_page(self) -> None:
        """Stop listening and finish writing snapshots."""
        self.bridge.close()
        self._parts.hider.close()
        self._tests.close()
        self._features.close()
        self._errands.close()

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Lay out anew."""
        self._arrange()

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        """Bring the buttons back."""
        self._parts.hider.show_bar()

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        """Bring the buttons back: a touch screen knows no moving pointer."""
        self._parts.hider.show_bar()

    def mouseDoubleClickEvent(self, event: QMouseEvent | None) -> None:
        """Full screen on or off, on the picture."""
        if event is not None and self.canvas.geometry().contains(event.position().toPoint()):
            self.perform(Action.FULL_SCREEN)

    # -- showing --------------------------------------------------------------------------------------------------

    def _absent(self) -> frozenset[Action]:
        """What does nothing in this session."""
        absent = set(OF_FEATURES) - set(self._does)
        if not self._session.can_record:
            absent.add(Action.RECORD)
        if not self._session.can_pause:
            absent.add(Action.PAUSE)
        if not self._tests.offered:
            absent.add(Action.SELF_TEST)
        return frozenset(absent)

    def _offer(self) -> None:
        self._offered = self._absent()
        keys = available(self._offered, self._options.keys)
        self.bar.offer(keys)
        self.help.offer(keys)
        self._arrange()

    def _arrange(self) -> None:
        self._parts.arrange()
        self._features.place(self._parts.picture, self.height())

    def _refresh(self) -> None:
        if (told := self._tests.settle()) is not None:
            self.post(told)
        snapshot = self._session.snapshot()
        for notice in self._tellers.told(snapshot):
            self.post(notice)
        for error in self._features.refresh(snapshot):
            self.post(problem(error))
        self._sign_since_ns = self._sign_clock.since_ns(snapshot, View())
        view = self.view
        self._last = snapshot
        size = snapshot.frame.size if snapshot.frame else None
        below_px = self._features.below(self.height())
        if (size, below_px) != (self._parts.source_size, self._parts.below_px):
            self._parts.source_size, self._parts.below_px = size, below_px
            self._arrange()
        self.canvas.show_snapshot(snapshot, view)
        tested = self.stage.show_test(self._tests.shown, self._doing.muted, view.notice)
        self.status_line.show_status(tested or status_of(snapshot, view))
        if self._absent() != self._offered:
            self._offer()
        self._show_button_states(snapshot)
        if self._chime.due(snapshot, view):
            self._player.play()
        if snapshot.source.status in _OVER:
            self.over.emit()

    def _show_button_states(self, snapshot: LiveSnapshot) -> None:
        states = states_of(
            self._session,
            snapshot,
            sounding=not self._doing.muted and not self._player.fault,
            testing=self.self_test_shown,
            full_screen=self._parts.hider.full_screen,
        )
        states |= self._features.button_states()
        for action, button in self.bar.buttons.items():
            if action in states:
                button.show_state(states[action])

    def _toggle_self_test(self) -> None:
        self.help.hide()
        if self.self_test_shown:
            self._tests.leave()
        elif (refusal := self._tests.begin()) is not None:
            self.post(refusal)
