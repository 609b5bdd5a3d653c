"""The list of procedures for Qt: thousands of rows by their ids, of which only those are fetched that are looked at."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from PyQt6.QtCore import QAbstractTableModel, QModelIndex, QObject, Qt, pyqtSignal
from PyQt6.QtGui import QPixmap

from app.gui import theme
from app.gui.language import mark, told, tr
from app.gui.qa import library_words as words
from app.gui.sign_kinds import Tone
from app.qa.library import Entry, Sort

Role = Qt.ItemDataRole
CHUNK: Final = 100
"""Rows that are fetched together."""
PICTURE_PX: Final = (96, 54)
_NOWHERE = QModelIndex()
_RIGHT = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
_MOST_PIXMAPS: Final = 400


class Column(enum.IntEnum):
    """The columns, in their order."""

    PICTURE = 0
    TITLE = 1
    TAKEN = 2
    LENGTH = 3
    MODELS = 4
    MARKS = 5
    ENDOSCOPIST = 6
    REVIEW = 7
    SENSITIVITY = 8
    FALSE_ALARMS = 9
    TROUBLE = 10


HEADINGS: Final = {
    Column.PICTURE: "",
    Column.TITLE: mark("Procedure"),
    Column.TAKEN: mark("Taken (UTC)"),
    Column.LENGTH: mark("Length"),
    Column.MODELS: mark("Models"),
    Column.MARKS: mark("Polyps"),
    Column.ENDOSCOPIST: mark("Endoscopist"),
    Column.REVIEW: mark("Review"),
    Column.SENSITIVITY: mark("Sensitivity"),
    Column.FALSE_ALARMS: mark("False/min"),
    Column.TROUBLE: mark("Trouble"),
}
SORTS: Final = {
    Column.TITLE: Sort.TITLE,
    Column.TAKEN: Sort.DATE,
    Column.LENGTH: Sort.LENGTH,
    Column.MODELS: Sort.MODELS,
    Column.MARKS: Sort.MARKS,
    Column.ENDOSCOPIST: Sort.ENDOSCOPIST,
    Column.REVIEW: Sort.REVIEW,
    Column.SENSITIVITY: Sort.SENSITIVITY,
    Column.FALSE_ALARMS: Sort.FALSE_ALARMS,
    Column.TROUBLE: Sort.TROUBLE,
}
HIDDEN_WHEN_BLINDED: Final = (
    Column.TAKEN,
    Column.MODELS,
    Column.MARKS,
    Column.ENDOSCOPIST,
    Column.SENSITIVITY,
    Column.FALSE_ALARMS,
)
"""What could tell a blinded reader what to find, or whose procedure it is."""
_TIPS: Final = {
    Column.SENSITIVITY: mark("Per lesion, as the figures page worked it out; a dash: not yet."),
    Column.FALSE_ALARMS: mark("False alarms per minute of reviewed time; a dash: not worked out yet."),
    Column.LENGTH: mark("A tilde: what the file claims; it is counted when it is opened."),
}
_TEXTS: Final[Mapping[Column, Callable[[Entry], str]]] = {
    Column.TITLE: words.title_text,
    Column.TAKEN: words.taken_text,
    Column.LENGTH: words.length_text,
    Column.MODELS: words.models_text,
    Column.MARKS: words.marks_text,
    Column.ENDOSCOPIST: lambda entry: entry.endoscopist or "–",
    Column.REVIEW: words.review_text,
    Column.SENSITIVITY: words.sensitivity_text,
    Column.FALSE_ALARMS: words.false_text,
    Column.TROUBLE: lambda entry: told(entry.trouble),
}


class LibraryModel(QAbstractTableModel):
    """The rows.

    Args:
        picture: the thumbnail of a procedure as JPEG; empty if there is none; None if it is not there yet.
        blinded: name of a reader who must not see what could tell them what to find; empty if nobody is blinded.

    Attributes:
        wanted: ids whose entries are to be fetched and handed to :meth:`take`.
    """

    wanted = pyqtSignal(list)

    def __init__(
        self, picture: Callable[[Entry], bytes | None], blinded: str = "", parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._picture = picture
        self._blinded = blinded
        self._ids: list[int] = []
        self._cases: Mapping[int, int] = {}
        self._entries: dict[int, Entry] = {}
        self._asked: set[int] = set()
        self._pixmaps: dict[int, tuple[bytes, QPixmap]] = {}

    # -- what is shown ------------------------------------------------------------------------------------------------

    @property
    def ids(self) -> Sequence[int]:
        """All rows, in their order."""
        return self._ids

    def show(self, ids: list[int], entries: Iterable[Entry], cases: Mapping[int, int] | None = None) -> bool:
        """Show these rows.

        Args:
            ids: all, in their order.
            entries: those of them that are known already.
            cases: of a blinded reader, the number under which each procedure goes.

        Returns:
            Whether rows came, went or moved; else only what they say is fetched anew.
        """
        moved = ids != self._ids
        if moved:
            self.beginResetModel()
        self._ids = ids
        self._cases = cases or {}
        self._asked = set()
        # What was fetched before stays on the screen until it is fetched again, so that nothing flickers.
        kept = set(ids)
        self._entries = {number: entry for number, entry in self._entries.items() if number in kept}
        stale = set(self._entries)
        self._entries |= {entry.id: entry for entry in entries}
        if moved:
            self.endResetModel()
        else:
            self._all_changed()
        if left := sorted(stale - {entry.id for entry in entries}):
            self.wanted.emit(left)
        return moved

    def take(self, entries: Iterable[Entry]) -> None:
        """Entries that were asked for."""
        self._entries |= {entry.id: entry for entry in entries}
        self._all_changed()

    def pictures_changed(self) -> None:
        """Another thumbnail is there."""
        if self._ids:
            top = self.index(0, Column.PICTURE)
            self.dataChanged.emit(top, self.index(len(self._ids) - 1, Column.PICTURE), [Role.DecorationRole])

    def entry_at(self, row: int) -> Entry | None:
        """What a row shows; None while it is being fetched, which this asks for."""
        number = self._ids[row]
        entry = self._entries.get(number)
        if entry is None and number not in self._asked:
            begin = row - row % CHUNK
            missing = [n for n in self._ids[begin : begin + CHUNK] if n not in self._entries and n not in self._asked]
            self._asked.update(missing)
            self.wanted.emit(missing)
        return entry

    def row_of(self, number: int) -> int | None:
        """Where an id stands; None if it does not."""
        try:
            return self._ids.index(number)
        except ValueError:
            return None

    def veiled(self, entry: Entry) -> bool:
        """Whether this reader must not see what is known of it."""
        if not self._blinded:
            return False
        own = entry.reader(self._blinded)
        return own is None or not own.committed

    def title(self, entry: Entry) -> str:
        """How it is called here."""
        return tr("Case {n}").format(n=self._cases.get(entry.id, "?")) if self.veiled(entry) else entry.title

    # -- for Qt -------------------------------------------------------------------------------------------------------

    def rowCount(self, parent: QModelIndex = _NOWHERE) -> int:
        """How many procedures."""
        return 0 if parent.isValid() else len(self._ids)

    def columnCount(self, parent: QModelIndex = _NOWHERE) -> int:
        """How many columns."""
        return 0 if parent.isValid() else len(Column)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Role.DisplayRole) -> object:
        """The name of a column."""
        if orientation is not Qt.Orientation.Horizontal:
            return None
        column = Column(section)
        if role == Role.DisplayRole:
            return tr(HEADINGS[column])
        if role == Role.ToolTipRole:
            return tr(_TIPS.get(column, ""))
        return None

    def data(self, index: QModelIndex, role: int = Role.DisplayRole) -> object:
        """What a cell shows."""
        if role not in _ROLES:
            return None
        entry = self.entry_at(index.row())
        column = Column(index.column())
        if role == Role.TextAlignmentRole:
            return _RIGHT if column in (Column.SENSITIVITY, Column.FALSE_ALARMS) else None
        if entry is None:
            return "…" if role == Role.DisplayRole and column is Column.TITLE else None
        if role == Role.DisplayRole:
            return self._text(entry, column)
        if role == Role.DecorationRole:
            return self._pixmap(entry) if column is Column.PICTURE else None
        if role == Role.ToolTipRole:
            return self._tip(entry, column)
        if role == Role.ForegroundRole:
            return theme.TONES[Tone.CAUTION] if column is Column.TROUBLE else None
        return None

    def _text(self, entry: Entry, column: Column) -> str:
        if column is Column.PICTURE:
            return tr("no picture") if self._picture(entry) == b"" else ""
        if self.veiled(entry):
            if column in HIDDEN_WHEN_BLINDED:
                return tr("hidden")
            if column is Column.TITLE:
                return f"{self.title(entry)}\n{words.kind_text(entry)}"
            if column is Column.REVIEW:
                return self._own_review(entry)
            if column is Column.TROUBLE:
                return self._nameless(entry)
        return _TEXTS[column](entry)

    def _nameless(self, entry: Entry) -> str:
        """What is wrong, without saying whose it is."""
        text = told(entry.trouble)
        for name in (str(entry.path), entry.path.name, entry.title):
            text = text.replace(name, self.title(entry))
        return text

    def _own_review(self, entry: Entry) -> str:
        own = entry.reader(self._blinded)
        if own is None:
            return f"○ {tr('Not reviewed')}"
        share = "?" if own.reviewed is None else words.percent(own.reviewed)
        return f"◐ {tr('In review')}\n{share} %"

    def _tip(self, entry: Entry, column: Column) -> str:
        if self.veiled(entry):
            return tr("Blinded: shown once you have committed your review.")
        if column is Column.REVIEW:
            return words.review_tip(entry)
        if column is Column.MODELS:
            return "\n".join(entry.models)
        return words.title_tip(entry)

    def _pixmap(self, entry: Entry) -> QPixmap | None:
        data = self._picture(entry)
        if not data:
            return None
        known = self._pixmaps.get(entry.id)
        if known is not None and known[0] is data:
            return known[1]
        pixmap = QPixmap()
        if not pixmap.loadFromData(data):
            return None
        # As many pixels as there are: sharp on a screen of twice the density.
        pixmap.setDevicePixelRatio(max(pixmap.width() / PICTURE_PX[0], pixmap.height() / PICTURE_PX[1]))
        while len(self._pixmaps) >= _MOST_PIXMAPS:
            self._pixmaps.pop(next(iter(self._pixmaps)))
        self._pixmaps[entry.id] = (data, pixmap)
        return pixmap

    def _all_changed(self) -> None:
        if self._ids:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self._ids) - 1, len(Column) - 1))


_ROLES: Final = frozenset(
    {Role.DisplayRole, Role.DecorationRole, Role.ToolTipRole, Role.ForegroundRole, Role.TextAlignmentRole}
)
