"""The figures by lesion size, type, histology, position in the day's list, endoscopist: one table at a time."""

from __future__ import annotations

from PyQt6.QtCore import pyqtSignal
from PyQt6.QtWidgets import QVBoxLayout, QWidget

from app.gui.language import told, tr
from app.gui.qa.findings import Findings, Grouping, GroupLine
from app.gui.qa.tables import Line, LineTable
from app.gui.setup_parts import Choice, label


class GroupsView(QWidget):
    """A choice of properties and the table by the chosen one.

    Attributes:
        chosen: a group was chosen: heading and places of what it is made of.
    """

    chosen = pyqtSignal(str, object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._groupings: tuple[Grouping, ...] = ()
        self._shown: Grouping | None = None
        self.by = Choice((), self)
        self.said = label(kind="soft")
        self.table: LineTable[GroupLine] = LineTable(self)
        self.table.setAccessibleName(tr("Figures by group"))
        self.table.chosen.connect(self._choose)
        self.table.opened.connect(self._choose)
        self._box = QVBoxLayout(self)
        self._box.setContentsMargins(0, 0, 0, 0)
        self._box.addWidget(self.by)
        self._box.addWidget(self.said)
        self._box.addWidget(self.table, 1)
        self._box.addStretch(0)

    def show_findings(self, findings: Findings) -> None:
        """Show these."""
        keys = [each.key for each in findings.groupings]
        if keys != [each.key for each in self._groupings]:
            self._make_choice(findings.groupings)
        self._groupings = findings.groupings
        before = self._shown.key if self._shown else ""
        if keys:
            self.show_by(before if before in keys else keys[0])

    def show_by(self, key: object) -> None:
        """Group by this property."""
        self.by.show_value(key)
        grouping = next(each for each in self._groupings if each.key == key)
        self._shown = grouping
        nothing = tr("Nothing is known of this in what was reviewed: {property}.")
        self.said.setText(nothing.format(property=tr(grouping.title)))
        self.said.setVisible(not grouping.lines)
        self.table.setVisible(bool(grouping.lines))
        lines = [Line((told(each.name) or tr("not said"), *each.words), each) for each in grouping.lines]
        self.table.show_lines((tr(grouping.title), *map(tr, grouping.columns)), lines)

    def _make_choice(self, groupings: tuple[Grouping, ...]) -> None:
        self._box.removeWidget(self.by)
        self.by.deleteLater()
        self.by = Choice([(each.key, tr(each.title)) for each in groupings], self, columns=6)
        self.by.chosen.connect(self.show_by)
        self._box.insertWidget(0, self.by)

    def _choose(self, line: GroupLine) -> None:
        if self._shown is not None:
            self.chosen.emit(f"{tr(self._shown.title)}: {line.name or tr('not said')}", line.spots)
