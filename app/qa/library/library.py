"""All procedures in the chosen folders: searched, filtered and sorted at once, however many there are."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from app.qa.library.database import Database
from app.qa.library.entries import KINDS, NO_FILTERS, Entry, Facets, Filters, ScanState, Sort
from app.qa.library.rows import below, entry_of, folded, key_of, order_by, where
from app.qa.library.scanner import Scanner
from detector.user_cache import cache_root

_MOST_IDS = 500  # values of one query: SQLite takes 999 at the least


def library_path() -> Path:
    """Where the index is; it can be deleted at any time."""
    return cache_root() / "qa" / "library.sqlite3"


class Library:
    """The index of the procedures below some folders. Methods may be called from any thread.

    Args:
        db: the file of the index; None: :func:`library_path`.
        roots: the folders; single videos may be among them.
        reviews: folder of review logs that do not lie beside the recordings; None if all do.
        wake: called without arguments, from any thread, when `scan_state` has changed.
    """

    def __init__(
        self,
        db: Path | None = None,
        roots: Sequence[Path] = (),
        *,
        reviews: Path | None = None,
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        self.wake = wake
        self._lock = threading.Lock()
        self._roots = tuple(dict.fromkeys(root.absolute() for root in roots))
        self._database = Database(db or library_path(), self._rebuilt)
        self._scanner = Scanner(self._database, reviews, lambda: self.wake())

    # -- what is in it ------------------------------------------------------------------------------------------------

    @property
    def roots(self) -> tuple[Path, ...]:
        """The folders, in the order of adding."""
        return self._roots

    def set_roots(self, roots: Sequence[Path]) -> None:
        """Look into these folders from now on, and search them."""
        with self._lock:
            self._roots = tuple(dict.fromkeys(root.absolute() for root in roots))
        self._scanner.changed()
        self.scan()

    def scan(self) -> None:
        """Look through the folders in the background; only what has changed is read again. Returns at once."""
        self._scanner.ask(self._roots)

    def refresh(self, path: Path) -> None:
        """Look at one procedure again, such as one that was just reviewed. Returns at once."""
        self._scanner.ask_for(path.absolute())

    @property
    def scan_state(self) -> ScanState:
        """Where the search through the folders stands."""
        return self._scanner.state

    @property
    def notes(self) -> tuple[str, ...]:
        """What must be said of the index itself: that it was damaged, or cannot be kept."""
        return tuple(self._database.notes)

    def changes(self) -> tuple[int, ...]:
        """Differs from what it was before if anything has changed, also by another window."""
        return self._database.changes()

    def close(self) -> None:
        """End the search and let the file go."""
        self._scanner.close()
        self._database.close()

    # -- asking -------------------------------------------------------------------------------------------------------

    def search(
        self,
        text: str = "",
        filters: Filters = NO_FILTERS,
        sort: Sort = Sort.DATE,
        descending: bool = True,
        limit: int = 200,
        offset: int = 0,
    ) -> list[Entry]:
        """The procedures that hold every word of a text and pass the filters.

        Args:
            text: parts of words of title, file, folder, date (2026-03-14), endoscopist, indication, model, reader;
                case and accents do not count.
            filters: what else must hold.
            sort: by what.
            descending: the largest first; unknown values are last either way.
            limit: how many at most.
            offset: how many to leave out before.
        """
        condition, values = self._where(text, filters)
        order = order_by(sort, descending)
        sql = f"SELECT * FROM entries WHERE {condition} ORDER BY {order} LIMIT ? OFFSET ?"
        return [entry_of(row) for row in self._database.read(sql, [*values, limit, offset])]

    def count(self, text: str = "", filters: Filters = NO_FILTERS) -> int:
        """How many those are."""
        condition, values = self._where(text, filters)
        return int(self._database.read(f"SELECT COUNT(*) AS n FROM entries WHERE {condition}", values)[0]["n"])

    def ids(
        self, text: str = "", filters: Filters = NO_FILTERS, sort: Sort = Sort.DATE, descending: bool = True
    ) -> list[int]:
        """The same as `search`, all of them by their ids: a list on the screen that stands still while more come."""
        condition, values = self._where(text, filters)
        sql = f"SELECT id FROM entries WHERE {condition} ORDER BY {order_by(sort, descending)}"
        return [row["id"] for row in self._database.read(sql, values)]

    def entries(self, ids: Sequence[int]) -> list[Entry]:
        """The entries of these ids, in this order; those that are gone meanwhile are left out."""
        found: dict[int, Entry] = {}
        for begin in range(0, len(ids), _MOST_IDS):
            part = ids[begin : begin + _MOST_IDS]
            sql = f"SELECT * FROM entries WHERE id IN ({', '.join('?' * len(part))})"
            found |= {row["id"]: entry_of(row) for row in self._database.read(sql, list(part))}
        return [found[number] for number in ids if number in found]

    def entry(self, path: Path) -> Entry | None:
        """The entry of a procedure; None if the index does not have it (yet)."""
        rows = self._database.read("SELECT * FROM entries WHERE path = ? AND listed", [key_of(path.absolute())])
        return entry_of(rows[0]) if rows else None

    def paths(self, text: str = "", filters: Filters = NO_FILTERS) -> list[Path]:
        """All procedures that match, the newest first."""
        return [entry.path for entry in self.search(text, filters, limit=-1)]

    def facets(self) -> Facets:
        """What there is to filter by."""
        scope, values = below(self._roots)
        read = self._database.read
        models = read(f"SELECT DISTINCT models FROM entries WHERE listed AND {scope}", values)
        codes = read(f"SELECT DISTINCT endoscopist FROM entries WHERE listed AND {scope}", values)
        kinds = {row["kind"] for row in read(f"SELECT DISTINCT kind FROM entries WHERE listed AND {scope}", values)}
        (numbers,) = read(
            f"SELECT COUNT(*) AS total, COALESCE(SUM(trouble <> ''), 0) AS troubled "
            f"FROM entries WHERE listed AND {scope}",
            values,
        )
        return Facets(
            total=numbers["total"],
            models=tuple(sorted({name for row in models for name in row["models"].split("\n") if name})),
            endoscopists=tuple(sorted(row["endoscopist"] for row in codes if row["endoscopist"])),
            kinds=tuple(kind for kind in KINDS if kind in kinds),
            troubled=numbers["troubled"],
        )

    # -- what others found out ----------------------------------------------------------------------------------------

    def note_figures(self, path: Path, *, sensitivity: float | None, false_per_min: float | None) -> None:
        """Show these in the list until the procedure's files change.

        Args:
            path: of the procedure.
            sensitivity: per lesion, 0 to 1; None where it has no lesion.
            false_per_min: false alarms per minute of reviewed time; None where none was reviewed.
        """

        def change(db: sqlite3.Connection) -> Any:
            sql = "UPDATE entries SET sensitivity = ?, false_per_min = ? WHERE path = ?"
            return db.execute(sql, [sensitivity, false_per_min, key_of(path.absolute())])

        self._database.write(change)
        self._scanner.changed()

    def _where(self, text: str, filters: Filters) -> tuple[str, list[Any]]:
        return where(self._roots, folded(text), filters, self._database.indexed_words)

    def _rebuilt(self) -> None:
        """The index was damaged: find everything again."""
        self._scanner.changed()
        self.scan()
