"""What one model has and the other has not: found lesions and false alarms, each a place to look at."""

from __future__ import annotations

from PyQt6.QtCore import pyqtSignal
from PyQt6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.gui.language import decimal, mark, told, tr
from app.gui.qa.findings import Difference, Findings
from app.gui.qa.spot_list import Place
from app.gui.qa.tables import Line, LineTable
from app.gui.setup_parts import Choice, label
from app.gui.sign_kinds import Tone

ALL, A_ONLY, B_ONLY, LESIONS, ALARMS = "all", "a", "b", "lesions", "alarms"
_FILTERS = (
    (ALL, mark("All")),
    (A_ONLY, mark("A only")),
    (B_ONLY, mark("B only")),
    (LESIONS, mark("Lesions")),
    (ALARMS, mark("False alarms")),
)


class DifferencesView(QWidget):
    """The list, with a filter above it.

    Attributes:
        opened: look at this place with both models.
    """

    opened = pyqtSignal(object)

    def __init__(self, place: Place, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._place = place
        self._findings: Findings | None = None
        self.filter = Choice([(key, tr(words)) for key, words in _FILTERS], self)
        self.filter.show_value(ALL)
        self.filter.chosen.connect(self._filtered)
        self.said = label(kind="soft")
        self.table: LineTable[Difference] = LineTable(self)
        self.table.setAccessibleName(tr("Events in which the models differ"))
        self.table.opened.connect(lambda difference: self.opened.emit(difference.spot))
        head = QHBoxLayout()
        head.addWidget(self.filter)
        head.addWidget(self.said, 1)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addLayout(head)
        whole.addWidget(self.table, 1)

    def show_findings(self, findings: Findings) -> None:
        """Show these."""
        self._findings = findings
        self._fill()

    def _filtered(self, key: object) -> None:
        self.filter.show_value(key)
        self._fill()

    def _fill(self) -> None:
        findings = self._findings
        if findings is None:
            return
        self.filter.setEnabled(len(findings.models) > 1)
        if len(findings.models) < 2:
            self.said.setText(tr("Choose a second model above: the events in which the two differ are listed here."))
            self.table.hide()
            return
        shown = [each for each in findings.differences if _passes(each, self.filter.value)]
        a = sum(each.seen == "A" for each in findings.differences)
        b = sum(each.seen == "B" for each in findings.differences)
        words = tr("{a} events of A only, {b} of B only. Enter shows both models side by side in Replay.")
        if not findings.differences:
            words = tr("The two models do not differ in any reviewed event.")
        self.said.setText(words.format(a=a, b=b))
        self.table.setVisible(bool(shown))
        columns = (tr("Only in"), tr("Procedure"), tr("Time"), tr("Lasted"), tr("What"))
        self.table.show_lines(columns, [self._line(each) for each in shown])

    def _line(self, difference: Difference) -> Line[Difference]:
        spot = difference.spot
        name, at = self._place(spot)
        lasted = decimal(f"{spot.seconds:.1f}") + " s"
        words = (
            difference.seen,
            name,
            at,
            lasted,
            tr("Only {model}: {what}").format(model=difference.seen, what=told(spot.words)),
        )
        return Line(words, difference, tone=Tone.BUSY if difference.seen == "A" else Tone.CAUTION)


def _passes(difference: Difference, wanted: object) -> bool:
    return {
        A_ONLY: difference.seen == "A",
        B_ONLY: difference.seen == "B",
        LESIONS: difference.spot.kind != "FP",
        ALARMS: difference.spot.kind == "FP",
    }.get(str(wanted), True)
