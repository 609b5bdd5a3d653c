"""The recording of an examination: from 'scope in' to 'scope out', into the examination's own folder."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path

from app.examination.case import Case
from app.examination.events import Audit
from app.session_api import Session
from detector.errors import PolypwatchError, UsageError

_LOG = logging.getLogger(__name__)
_RETRY_S = 10.0  # of a recording that could not be begun


class ScopeRecording:
    """Begins and ends it; for the desk's thread, which may wait for a recorder.

    Args:
        session: what is recorded.
        lock: guards what a case knows; never held while a recorder is waited for.
        wanted: whether recordings are begun without being asked.
        now_ns: the monotonic clock.
    """

    def __init__(self, session: Session, lock: threading.RLock, wanted: bool, now_ns: Callable[[], int]) -> None:
        self._session, self._lock, self._wanted, self._now_ns = session, lock, wanted, now_ns

    def reconcile(self, case: Case) -> None:
        """Record while the endoscope is in; what the user begins or ends by hand in between stays as it is.

        With the examination its recording ends, however it was begun: what comes next is another patient.
        """
        with self._lock:
            wanted = self._wanted and case.keeper.examination.scope_is_in
            again = wanted and case.recording_fault and self._now_ns() - case.recording_tried_ns >= _RETRY_S * 1e9
            over = case.keeper.examination.ended and not case.recording_over
            if wanted == case.recording_wanted and not again and not over:
                return
            case.recording_over |= over
            case.recording_wanted, case.recording_tried_ns = wanted, self._now_ns()
        try:
            self._start(case) if wanted else self._stop(case)
        except Exception as error:  # whatever a recorder does: the marks go on
            words = error.what if isinstance(error, PolypwatchError) else f"{type(error).__name__}: {error}"
            self._failed(case, words)
        else:
            with self._lock:
                case.recording_fault = ""

    def _failed(self, case: Case, words: str) -> None:
        with self._lock:
            new, case.recording_fault = words != case.recording_fault, words
            if new:
                _LOG.warning("The examination is not recorded: %s", words)
                case.record_if_it_can(Audit(what="recording_failed", detail=words))

    def _start(self, case: Case) -> None:
        if not self._session.can_record:
            raise UsageError("This session cannot record.", "Start with a folder for recordings.")
        folder = case.keeper.folder
        running = self._session.snapshot().recording
        if running is not None and Path(running) != folder:
            self._session.stop_recording()
            with self._lock:
                case.record_if_it_can(Audit(what="recording_moved", detail=Path(running).name))
        if running is None or Path(running) != folder:
            self._session.start_recording(folder)

    def _stop(self, case: Case) -> None:
        running = self._session.snapshot().recording
        if running is not None and Path(running) == case.keeper.folder:
            self._session.stop_recording()
