"""What is done and said once when a live window opens: a crash before, recordings to repair, old ones, the settings."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from app.day.resumption import Resumption
from app.gui.day_notices import crash_notice, retention_notice
from app.gui.errands import carried_out
from app.gui.features import MakeFeature, Page
from app.gui.notices import Notice, Weight
from app.gui.silent import Silent
from app.recording import recover, unrecovered
from app.recording.encoders import choose_encoder


@dataclass(frozen=True, slots=True)
class Start:
    """What the window must know of its start.

    Attributes:
        recordings: folder of recordings and examinations; None if there is none.
        retention_days: age from which recordings are proposed for deletion; None: never.
        notes: of the settings.
        was: the window that crashed, if this one takes its place.
        failed: what could not be brought back of it, in words.
    """

    recordings: Path | None
    retention_days: float | None = None
    notes: tuple[str, ...] = ()
    was: Resumption | None = None
    failed: tuple[str, ...] = ()


def start_notices(start: Start) -> MakeFeature:
    """For ``WindowOptions.features`` of a live window."""
    return lambda page: StartNotices(page, start)


class StartNotices(Silent):
    """Says what is known at once, and looks through the recordings in a thread that nobody waits for."""

    def __init__(self, page: Page, start: Start) -> None:
        self._page = page
        self._start = start
        if start.was is not None:
            page.post(crash_notice(start.was, list(start.failed)))
        for note in start.notes:
            page.post(Notice(note, weight=Weight.WARNING))
        self._closing = threading.Event()
        # Not the page's errands: a long repair must not hold up a snapshot, nor the end of the program.
        self._thread = threading.Thread(target=self._look, name="start", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Begin no further repair. The one under way may be cut short: the original is kept until it is done."""
        self._closing.set()

    def _look(self) -> None:
        choose_encoder("auto")  # the first look for a hardware encoder may take seconds: not when recording begins
        folder = self._start.recordings
        if folder is None or not folder.is_dir():
            return
        gone_on_with = self._start.was.recording if self._start.was is not None else None
        for path in unrecovered(folder):
            if self._closing.is_set():
                return
            if path != gone_on_with:
                carried_out(partial(_repaired, path), self._page.post)
        carried_out(lambda: retention_notice(folder, self._start.retention_days), self._page.post)


def _repaired(folder: Path) -> Notice:
    return Notice(recover(folder).words, weight=Weight.WARNING)
