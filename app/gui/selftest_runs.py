"""When a self-test may run, and what it does to the examination's session: its AI rests, all else goes on. No Qt."""

from __future__ import annotations

from collections.abc import Callable

from app.gui.language import mark, tr
from app.gui.notice_words import said
from app.gui.notices import Notice, Weight
from app.selftest import Phase, SelfTest
from app.session_api import Session

_CLOSE_S = 8.0
_RECORDING = Notice(
    mark("No self-test during a recording."), mark("The recording goes on."), mark("End it first."), Weight.WARNING
)
_ENDED_BY_RECORDING = Notice(mark("A recording has begun: the self-test was ended."), mark("The recording goes on."))
_STILL_ENDING = Notice(mark("The last self-test is still being put away."), "", mark("Try again in a moment."))
_OFF_LIMITS = Notice(mark("First leave the self-test: press Esc."))


class SelfTestRuns:
    """At most one self-test at a time.

    Args:
        session: the examination's. Its AI is switched off while a test has a model of its own, and afterwards is as
            it was.
        make: makes a test; None if none is offered.
        wake: has the window refreshed; called from any thread.
    """

    def __init__(self, session: Session, make: Callable[[], SelfTest] | None, wake: Callable[[], None]) -> None:
        self._session = session
        self._make = make
        self._wake = wake
        self._running: SelfTest | None = None
        self._shown: SelfTest | None = None
        self._ai_wanted = False

    @property
    def offered(self) -> bool:
        """Whether there is a self-test at all."""
        return self._make is not None

    @property
    def shown(self) -> SelfTest | None:
        """The test, or its result, that takes the place of the live picture."""
        return self._shown

    def begin(self) -> Notice | None:
        """Start a test; what speaks against it, if anything."""
        if self._make is None:
            return Notice(tr("This window has no self-test."))
        if self._session.snapshot().recording is not None:
            return said(_RECORDING)
        if self._running is not None:
            return said(_STILL_ENDING)
        test = self._make()
        self._ai_wanted = self._session.ai_enabled
        if self._ai_wanted:
            self._session.set_ai_enabled(False)
        self._running = self._shown = test
        test.start(self._wake)
        return None

    def leave(self) -> None:
        """The live picture comes back now; a test that is not over is cancelled."""
        if self._shown is not None:
            self._shown.cancel()
        self._shown = None

    def refuse(self) -> Notice | None:
        """Why buttons that mean the examination do nothing now; None if they may."""
        return said(_OFF_LIMITS) if self._shown is not None else None

    def settle(self) -> Notice | None:
        """Give the AI back once the test's own is gone; to be called with every refresh."""
        if self._running is None:
            return None
        if self._running.phase is Phase.OVER:
            self._running = None
            if self._ai_wanted:
                self._session.set_ai_enabled(True)
        elif self._shown is not None and self._session.snapshot().recording is not None:
            self.leave()
            return said(_ENDED_BY_RECORDING)
        return None

    def close(self) -> None:
        """End a running test and wait for it."""
        self.leave()
        if self._running is not None:
            self._running.join(_CLOSE_S)
