"""Looks through the folders in a thread of its own and brings the index up to date; only what has changed is read."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from app.qa.library.database import Database
from app.qa.library.entries import ScanState
from app.qa.library.facts import read_facts
from app.qa.library.reviews import ReviewLogs
from app.qa.library.rows import below, key_of, path_of, row_of, upsert
from app.qa.library.walk import Found, look_at, walk
from detector.errors import PolypwatchError

_log = logging.getLogger(__name__)

_BATCH = 100
_BATCH_S = 0.4  # what was found is on the screen within half a second
_WAKE_S = 0.25


class Scanner:
    """The thread behind `Library.scan`.

    Args:
        database: of the index.
        reviews: folder of review logs that do not lie beside the recordings; None if all do.
        wake: called without arguments, from this thread, when the state has changed.
    """

    def __init__(self, database: Database, reviews: Path | None, wake: Callable[[], None]) -> None:
        self._database = database
        self._logs = ReviewLogs(reviews)
        self._wake = wake
        self._condition = threading.Condition()
        self._wanted: tuple[Path, ...] | None = None
        self._single: list[Path] = []
        self._closed = False
        self._state = ScanState()
        self._woken_s = 0.0
        self._thread: threading.Thread | None = None

    @property
    def state(self) -> ScanState:
        """Where it stands."""
        return self._state

    def ask(self, roots: Sequence[Path]) -> None:
        """Look through these; a search that runs is left for it."""
        with self._condition:
            self._wanted = tuple(roots)
            self._begin()

    def ask_for(self, path: Path) -> None:
        """Look at one procedure again."""
        with self._condition:
            self._single.append(path)
            self._begin()

    def changed(self) -> None:
        """Somebody else changed the index."""
        with self._condition:
            self._state = replace(self._state, generation=self._state.generation + 1)
        self._wake()

    def close(self, wait_s: float = 10.0) -> None:
        """End; what was found so far is kept."""
        with self._condition:
            self._closed = True
            self._condition.notify()
        if self._thread is not None:
            self._thread.join(wait_s)

    def _begin(self) -> None:
        if self._closed:
            return
        self._state = replace(self._state, running=True)
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="qa-library", daemon=True)
            self._thread.start()
        self._condition.notify()

    def _run(self) -> None:
        while True:
            with self._condition:
                while self._wanted is None and not self._single and not self._closed:
                    self._say(running=False)
                    self._condition.wait()
                if self._closed:
                    return
                single, self._single = self._single, []
                roots, self._wanted = self._wanted, None
            try:
                for path in single:
                    self._look_again(path)
                if roots is not None:
                    self._scan(roots)
            except PolypwatchError as error:
                self._say(problems=(*self._state.problems, str(error)))
            except Exception as error:  # the root of this thread: the window must say that the list may be old
                _log.exception("the search through the folders failed")
                words = f"The search through the folders failed: {error!r}. The log has the details."
                self._say(problems=(*self._state.problems, words))

    def _scan(self, roots: tuple[Path, ...]) -> None:
        self._say(running=True, seen=0, read=0, problems=(), folder=None)
        self._logs.refresh()
        for root in roots:
            if self._interrupted():
                return
            known = self._known(root)
            unread: list[Path] = []

            def trouble(folder: Path, why: str, unread: list[Path] = unread) -> None:
                unread.append(folder)
                words = f"{folder} cannot be read ({why}): what was found there before is still listed."
                self._say(problems=(*self._state.problems, words))

            for batch in _batches(walk(root, self._interrupted, trouble)):
                self._take(batch, known)
            if not self._interrupted():
                self._remove([path_of(key) for key in known], unread)

    def _take(self, batch: Sequence[Found], known: dict[bytes, str]) -> None:
        """Read what is new or has changed; `known` keeps what was not met yet."""
        rows: list[dict[str, Any]] = []
        stored_s = time.monotonic()
        for found in batch:
            if self._closed:
                break
            seen = self._logs.fingerprint(found)
            if known.pop(key_of(found.path), None) != seen:
                rows.append(self._row(found, seen))
            if rows and time.monotonic() - stored_s >= _BATCH_S:
                self._store(rows)
                rows, stored_s = [], time.monotonic()
        self._store(rows)
        self._say(seen=self._state.seen + len(batch), folder=batch[-1].path)

    def _row(self, found: Found, seen: str) -> dict[str, Any]:
        facts = read_facts(found)
        row = row_of(found, facts, self._logs.readers(found, facts.frames))
        row["fingerprint"] = seen
        return row

    def _look_again(self, path: Path) -> None:
        found = look_at(path)
        if found is None:
            # A drive that was pulled out takes its folders with it; what was on it stays listed.
            self._remove([path] if path.parent.is_dir() else [], [])
        else:
            self._logs.refresh()
            self._store([self._row(found, self._logs.fingerprint(found))])

    def _known(self, root: Path) -> dict[bytes, str]:
        condition, values = below([root])
        rows = self._database.read(f"SELECT path, fingerprint FROM entries WHERE {condition}", values)
        return {bytes(row["path"]): row["fingerprint"] for row in rows}

    def _store(self, rows: Sequence[dict[str, Any]]) -> None:
        if not rows:
            return

        def change(db: Any) -> None:
            for row in rows:
                db.execute(upsert(row), row)

        self._database.write(change)
        self._say(read=self._state.read + len(rows), generation=self._state.generation + 1)

    def _remove(self, paths: Sequence[Path], unread: Sequence[Path]) -> None:
        """Take out what is gone; what lies where nobody could look stays."""
        gone = [path for path in paths if not any(path.is_relative_to(folder) for folder in unread)]
        if not gone:
            return
        self._database.write(
            lambda db: db.executemany("DELETE FROM entries WHERE path = ?", [(key_of(path),) for path in gone])
        )
        self._say(generation=self._state.generation + 1)

    def _interrupted(self) -> bool:
        return self._closed or self._wanted is not None

    def _say(self, **fields: Any) -> None:
        before, self._state = self._state, replace(self._state, **fields)
        now_s = time.monotonic()
        ended = before.running and not self._state.running
        if before != self._state and (ended or now_s - self._woken_s >= _WAKE_S):
            self._woken_s = now_s
            self._wake()


def _batches(found: Iterator[Found]) -> Iterator[list[Found]]:
    """So many, or those of a moment, together."""
    batch: list[Found] = []
    begun_s = time.monotonic()
    for one in found:
        batch.append(one)
        if len(batch) >= _BATCH or time.monotonic() - begun_s >= _BATCH_S:
            yield batch
            batch, begun_s = [], time.monotonic()
    if batch:
        yield batch
