"""The file of the index: SQLite in the cache folder. It can be deleted at any time: the folders are the truth.

One connection and one lock for all threads: reading takes milliseconds, and what is slow (looking into folders) is done
before the lock is taken. A file that is damaged or of another version is replaced by an empty one; where none can be
written the index lives in memory, and says so. Several windows share one file (write-ahead log).
"""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from detector.errors import OutputError

_log = logging.getLogger(__name__)
T = TypeVar("T")

VERSION = 2
_BUSY_S = 10.0
_BESIDE = ("", "-wal", "-shm")

_TABLES = """
CREATE TABLE entries (
  id INTEGER PRIMARY KEY AUTOINCREMENT,  -- never reused: lists on the screen hold on to it
  path BLOB NOT NULL UNIQUE,             -- as the file system has it: not every name is text
  fingerprint TEXT NOT NULL,
  listed INTEGER NOT NULL,               -- 0: looked at, and no procedure
  kind TEXT NOT NULL, title TEXT NOT NULL, title_key TEXT NOT NULL,
  taken REAL NOT NULL, taken_known INTEGER NOT NULL,
  length_s REAL, frames INTEGER, counted INTEGER NOT NULL,
  width INTEGER, height INTEGER, size_bytes INTEGER NOT NULL,
  models TEXT NOT NULL,                  -- one a line, with a line feed before and behind
  found INTEGER, removed INTEGER, marks INTEGER NOT NULL,
  endoscopist TEXT NOT NULL, indication TEXT NOT NULL,
  review TEXT NOT NULL, reviewed REAL NOT NULL, readers TEXT NOT NULL,
  labelled REAL, sensitivity REAL, false_per_min REAL,
  trouble TEXT NOT NULL,
  words TEXT NOT NULL                    -- what the search looks at, folded
);
CREATE INDEX entries_taken ON entries (taken);
"""
# Substrings of three letters or more are found by their trigrams; where SQLite is older, every row is looked at.
_WORDS = """
CREATE VIRTUAL TABLE found_words USING fts5(words, content='entries', content_rowid='id', tokenize='trigram');
CREATE TRIGGER entries_new AFTER INSERT ON entries BEGIN
  INSERT INTO found_words(rowid, words) VALUES (new.id, new.words);
END;
CREATE TRIGGER entries_gone AFTER DELETE ON entries BEGIN
  INSERT INTO found_words(found_words, rowid, words) VALUES ('delete', old.id, old.words);
END;
CREATE TRIGGER entries_changed AFTER UPDATE OF words ON entries BEGIN
  INSERT INTO found_words(found_words, rowid, words) VALUES ('delete', old.id, old.words);
  INSERT INTO found_words(rowid, words) VALUES (new.id, new.words);
END;
"""


class Database:
    """The index's tables. Methods may be called from any thread.

    Args:
        path: of the file; its folder is made.
        rebuilt: called, from the thread that found the damage, when an empty index took the place of a damaged one.

    Attributes:
        notes: what must be said to the user, in words.
        indexed_words: whether substrings are looked up in an index; else every row is looked at.
        kept: whether there is a file; False: the index is gone with the program.
    """

    def __init__(self, path: Path, rebuilt: Callable[[], None] = lambda: None) -> None:
        self.notes: list[str] = []
        self.indexed_words = False
        self.kept = True
        self._path = path
        self._rebuilt = rebuilt
        self._lock = threading.RLock()
        self._closed = False
        self._db = self._open()

    def read(self, sql: str, values: Sequence[Any] | dict[str, Any] = ()) -> list[sqlite3.Row]:
        """The rows of a query."""
        return self._safely(lambda db: db.execute(sql, values).fetchall())

    def write(self, change: Callable[[sqlite3.Connection], T]) -> T:
        """Change something, whole or not at all; other windows wait meanwhile."""

        def transaction(db: sqlite3.Connection) -> T:
            db.execute("BEGIN IMMEDIATE")
            try:
                result = change(db)
            except BaseException:
                if db.in_transaction:
                    db.execute("ROLLBACK")
                raise
            db.execute("COMMIT")
            return result

        return self._safely(transaction)

    def changes(self) -> tuple[int, int]:
        """Differs from what it was before if this or another window has changed anything."""

        def seen(db: sqlite3.Connection) -> tuple[int, int]:
            (version,) = db.execute("PRAGMA data_version").fetchone()
            return int(version), db.total_changes

        return self._safely(seen)

    def close(self) -> None:
        """Let the file go."""
        with self._lock, contextlib.suppress(sqlite3.Error):
            self._closed = True
            self._db.close()

    def _safely(self, work: Callable[[sqlite3.Connection], T]) -> T:
        with self._lock:
            if self._closed:  # for SQLite that is an error like damage, and damage is cured by an empty file
                raise OutputError("The library's index is closed.")
            try:
                return work(self._db)
            except sqlite3.DatabaseError as error:
                if _is_busy(error):
                    raise OutputError(
                        f"Another program holds the library's index {self._path}.", "Close it, or try again."
                    ) from error
                if not (_is_damage(error) or _is_unwritable(error)):
                    raise
                self._replace(error)
                result = work(self._db)
        self._rebuilt()
        return result

    def _replace(self, error: sqlite3.DatabaseError) -> None:
        """Go on with an empty index; on the disk if that can be, else in memory."""
        _log.warning("the index %s is replaced: %s", self._path, error)
        with contextlib.suppress(sqlite3.Error):
            self._db.close()
        if _is_damage(error):
            self.notes.append(
                f"The library's index was damaged ({error}) and is made anew from the folders. Nothing else was lost."
            )
            self._remove()
            self._db = self._open()
        else:
            self._db = self._in_memory(str(error))

    def _open(self) -> sqlite3.Connection:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            return self._prepared(str(self._path))
        except OSError as error:
            return self._in_memory(error.strerror or str(error))
        except sqlite3.DatabaseError as error:
            if _is_busy(error):
                return self._in_memory("another program holds it")
            if not _is_damage(error):
                return self._in_memory(str(error))
            self.notes.append(
                f"The library's index was damaged ({error}) and is made anew from the folders. Nothing else was lost."
            )
        try:
            self._remove()
            return self._prepared(str(self._path))
        except (OSError, sqlite3.Error) as error:
            return self._in_memory(str(error))

    def _in_memory(self, why: str) -> sqlite3.Connection:
        self.kept = False
        self.notes.append(
            f"The library's index cannot be kept in {self._path.parent} ({why}): it is made anew at every start. "
            "Name another folder in POLYPWATCH_CACHE."
        )
        return self._prepared(":memory:")

    def _prepared(self, name: str) -> sqlite3.Connection:
        db = sqlite3.connect(name, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
        try:
            db.row_factory = sqlite3.Row
            db.execute("PRAGMA journal_mode=WAL")
            db.execute("PRAGMA synchronous=NORMAL")  # a power cut may cost the newest rows, which the next scan finds
            (sound,) = db.execute("PRAGMA quick_check(1)").fetchone()
            if sound != "ok":
                raise sqlite3.DatabaseError(f"malformed: {sound}")
            self._make_tables(db)
        except BaseException:
            db.close()
            raise
        return db

    def _make_tables(self, db: sqlite3.Connection) -> None:
        """Where they are not of this version; also beside another window that does the same."""
        db.execute("BEGIN IMMEDIATE")
        try:
            (version,) = db.execute("PRAGMA user_version").fetchone()
            if version != VERSION:
                for name in ("found_words", "entries"):
                    db.execute(f"DROP TABLE IF EXISTS {name}")
                for statement in _statements(_TABLES):
                    db.execute(statement)
                with contextlib.suppress(sqlite3.OperationalError):  # no FTS5, or no trigrams
                    for statement in _statements(_WORDS):
                        db.execute(statement)
                db.execute(f"PRAGMA user_version={VERSION}")
            found = db.execute("SELECT 1 FROM sqlite_master WHERE name='found_words'").fetchone()
            self.indexed_words = found is not None
        except BaseException:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise
        db.execute("COMMIT")

    def _remove(self) -> None:
        for ending in _BESIDE:
            self._path.with_name(self._path.name + ending).unlink(missing_ok=True)


def _statements(script: str) -> list[str]:
    """Single statements: `executescript` would end the transaction."""
    found, part = [], ""
    for line in script.splitlines(keepends=True):
        part += line
        if sqlite3.complete_statement(part):
            found.append(part)
            part = ""
    return found


def _is_busy(error: sqlite3.DatabaseError) -> bool:
    return getattr(error, "sqlite_errorname", "").startswith(("SQLITE_BUSY", "SQLITE_LOCKED"))


def _is_damage(error: sqlite3.DatabaseError) -> bool:
    """What an empty file would cure; a disk that is full or may not be written is no damage."""
    name = getattr(error, "sqlite_errorname", "")
    if name == "SQLITE_ERROR":
        return "no such table" in str(error) or "no such column" in str(error)
    return name in ("", "SQLITE_NOTADB") or name.startswith("SQLITE_CORRUPT")


def _is_unwritable(error: sqlite3.DatabaseError) -> bool:
    name = getattr(error, "sqlite_errorname", "")
    return name.startswith(("SQLITE_READONLY", "SQLITE_FULL", "SQLITE_IOERR", "SQLITE_CANTOPEN"))
