"""The places that a figure is made of: one line each, and Enter opens it in Replay."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PyQt6.QtCore import QModelIndex, Qt, pyqtSignal
from PyQt6.QtWidgets import QStyledItemDelegate, QStyleOptionViewItem, QVBoxLayout, QWidget

from app.gui.language import decimal, told, tr
from app.gui.qa.tables import Line, LineTable
from app.gui.setup_parts import label
from app.gui.sign_kinds import Tone
from app.qa.spots import Kind, Spot

Place = Callable[[Spot], tuple[str, str]]
"""Name of the procedure and time in it, as they are printed."""

_TONES: dict[Kind, Tone] = {"TP": Tone.GOOD, "FP": Tone.FAULT, "FN": Tone.CAUTION}
_NAME_PX = 190
MOST_LINES = 5000
"""More are of no use to anybody: the list says so."""


class _MiddleCut(QStyledItemDelegate):
    """Names of procedures often differ in their last letters only."""

    def initStyleOption(self, option: QStyleOptionViewItem | None, index: QModelIndex) -> None:
        super().initStyleOption(option, index)
        if option is not None:
            option.textElideMode = Qt.TextElideMode.ElideMiddle


class SpotList(QWidget):
    """A heading and the places below it.

    Attributes:
        opened: open this place in Replay.
    """

    opened = pyqtSignal(object)

    def __init__(self, place: Place, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._place = place
        self.heading = label(kind="heading")
        self.hint = label(kind="soft")
        self.table: LineTable[Spot] = LineTable(self)
        self.table.setAccessibleName(tr("Places in the procedures"))
        self.table.setItemDelegateForColumn(0, _MiddleCut(self.table))
        self.table.opened.connect(self.opened)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(4)
        for widget in (self.heading, self.hint):
            box.addWidget(widget)
        box.addWidget(self.table, 1)
        box.addStretch(0)
        self.show_spots("", (), tr("Choose a figure: the places that it is made of are listed here."))

    def show_spots(self, heading: str, spots: Sequence[Spot], empty: str = "") -> None:
        """List these places; without any, the words say why."""
        self.heading.setText(heading)
        self.heading.setVisible(bool(heading))
        hint = tr("Enter or a double click opens a place in Replay.") if spots else empty
        if len(spots) > MOST_LINES:
            hint = tr("The first {shown} of {all}.").format(shown=MOST_LINES, all=len(spots)) + "  " + hint
        self.hint.setText(hint)
        columns = (tr("Procedure"), tr("Time"), tr("Lasted"), tr("What"))
        self.table.show_lines(columns, [self._line(spot) for spot in spots[:MOST_LINES]])
        self.table.narrow(0, _NAME_PX)
        self.table.setVisible(bool(spots))

    @property
    def spots(self) -> tuple[Spot, ...]:
        """What is listed."""
        return tuple(line.about for line in self.table.model_.lines)

    def _line(self, spot: Spot) -> Line[Spot]:
        name, at = self._place(spot)
        lasted = decimal(f"{spot.seconds:.1f}") + " s"
        words = (name, at, lasted, told(spot.words))
        return Line(words, spot, tip=f"{words[3]}\n{spot.path}", tone=_TONES[spot.kind])
