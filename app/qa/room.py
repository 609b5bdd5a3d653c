"""What one QA window has open: library, background analyses, review sessions, what is remembered. No Qt."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from app.qa.jobs import JobQueue
from app.qa.library import Library
from app.qa.preferences import Preferences, load_preferences, preferences_path, update_preferences
from app.qa.sessions import Sessions
from detector.errors import OutputError, PolypwatchError
from detector.user_cache import cache_root

_log = logging.getLogger(__name__)
_ENDS_WITHIN_S = 20.0


class Room:
    """Made before the window, closed after it. Methods but `close` return at once; they may wait for a small file.

    Args:
        reviewer: who reviews; empty: as remembered.
        blinded: how reviews are begun.
        reviews: folder for review logs; None: beside the recordings.
        folders: added to the library, and remembered.
        wake: called without arguments, from any thread, when something has changed.
        preferences: the file of what is remembered; None: this user's.

    Attributes:
        notes: what must be said at the start, in words.
        library: the index.
        jobs: the background analyses.
    """

    def __init__(
        self,
        *,
        reviewer: str = "",
        blinded: bool = False,
        reviews: Path | None = None,
        folders: Sequence[Path] = (),
        wake: Callable[[], None] = lambda: None,
        preferences: Path | None = None,
    ) -> None:
        self.wake = wake
        self.blinded = blinded
        self.reviews = reviews.absolute() if reviews is not None else None
        self._file = preferences or preferences_path()
        self._kept, note = load_preferences(self._file)
        self.notes: list[str] = [note] if note else []
        self._reviewer = " ".join((reviewer or self._kept.reviewer).split())
        self._sessions: Sessions | None = None
        self._guard = threading.Lock()
        self._measured: list[Path] = []
        self._measuring: threading.Thread | None = None
        self._closed = False
        self.library = Library(roots=self._kept.folders, reviews=self.reviews, wake=self._woken)
        self.jobs = JobQueue(self._woken, store=cache_root() / "qa" / "jobs.json")
        if new := [folder for folder in folders if folder.absolute() not in self._kept.folders]:
            self.add_folders(new)

    @property
    def reviewer(self) -> str:
        """Who reviews; empty if nobody said yet."""
        return self._reviewer

    @property
    def sessions(self) -> Sessions:
        """The review sessions of this reviewer."""
        if self._sessions is None:
            self._sessions = Sessions(self._reviewer, blinded=self.blinded, folder=self.reviews)
        return self._sessions

    @property
    def recent(self) -> tuple[Path, ...]:
        """What was opened, newest first."""
        return self._kept.recent

    def set_reviewer(self, name: str) -> None:
        """Somebody else sits down; reviews that are still open are closed."""
        before, self._sessions = self._sessions, None
        if before is not None:
            before.close()
        self._reviewer = name
        self._remember(lambda kept: Preferences(name, kept.folders, kept.recent))

    def add_folders(self, paths: Sequence[Path]) -> None:
        """Take folders into the library."""
        self._remember(lambda kept: kept.with_folders(tuple(paths)))
        self.library.set_roots(self._kept.folders)

    def remove_folder(self, path: Path) -> None:
        """Take a folder out of the library; nothing in it is touched."""
        self._remember(lambda kept: kept.without_folder(path))
        self.library.set_roots(self._kept.folders)

    def note_opened(self, path: Path) -> None:
        """Remember what was opened."""
        self._remember(lambda kept: kept.with_recent(path))

    def note_figures(self, paths: Sequence[Path]) -> None:
        """Work out the figures in the list of these procedures, one after the other, in the background."""
        with self._guard:
            self._measured = list(paths)
            if self._measuring is None and paths:
                self._measuring = threading.Thread(target=self._measure, name="qa-list-figures", daemon=True)
                self._measuring.start()

    def close(self) -> None:
        """End all threads and processes; everything is saved already."""
        with self._guard:
            self._closed, self._measured = True, []
            thread = self._measuring
        if thread is not None:
            thread.join(_ENDS_WITHIN_S)
        self.jobs.close()
        self.library.close()
        if self._sessions is not None:
            self._sessions.close()

    def _measure(self) -> None:
        from app.qa.library.measuring import list_figures  # scipy: not before somebody asks for figures

        while True:
            with self._guard:
                if not self._measured:
                    self._measuring = None
                    return
                path = self._measured.pop(0)
            try:
                sensitivity, false_per_min = list_figures(path, lambda: self._closed)
                if not self._closed:
                    self.library.note_figures(path, sensitivity=sensitivity, false_per_min=false_per_min)
            except PolypwatchError as error:  # the figures page says why; the list keeps its dash
                _log.info("no figures of %s: %s", path, error)
            except Exception:  # the root of this thread: the others must get theirs
                _log.exception("no figures of %s", path)

    def _remember(self, change: Callable[[Preferences], Preferences]) -> None:
        """Also where it cannot be written: then it holds for this window."""
        self._kept = change(self._kept)
        with contextlib.suppress(OutputError):
            update_preferences(change, self._file)

    def _woken(self) -> None:
        self.wake()
