"""The figures of one model, or of two side by side: a table, the FROC curve and sensitivity by size."""

from __future__ import annotations

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtWidgets import QHBoxLayout, QSplitter, QVBoxLayout, QWidget

from app.gui.language import told, tr
from app.gui.qa.charts import BarChart, CurveChart
from app.gui.qa.figure_words import NONE, figure_words, gain_interval, gain_words, verdict_words
from app.gui.qa.findings import FigureLine, Findings
from app.gui.qa.tables import Line, LineTable
from app.gui.setup_parts import combo, label
from app.qa.spots import Spot

RAW_CURVE = "lesions, raw boxes"
"""The one curve of `detector.scoring` that counts boxes on frames."""


class FiguresView(QWidget):
    """Table above, charts below.

    Attributes:
        chosen: a figure was chosen: heading and places of what it is made of.
    """

    chosen = pyqtSignal(str, object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._findings: Findings | None = None
        self.table: LineTable[FigureLine] = LineTable(self)
        self.table.setAccessibleName(tr("Figures"))
        self.table.chosen.connect(self._choose)
        self.table.opened.connect(self._choose)
        self.definition = combo()
        self.definition.setAccessibleName(tr("Definition of the curve"))
        self.definition.currentIndexChanged.connect(lambda _: self._draw_curves())
        self.curve = CurveChart(tr("false alarms per procedure"), tr("lesions found"))
        self.bars = BarChart()
        self.bars.chosen.connect(self._choose_bar)
        self.bars_title = label(tr("Lesions found, by size"), "heading")
        self._arrange()

    def _arrange(self) -> None:
        left, right = QWidget(), QWidget()
        for holder, parts in ((left, (self.definition, self.curve)), (right, (self.bars_title, self.bars))):
            column = QVBoxLayout(holder)
            column.setContentsMargins(0, 6, 0, 0)
            for part in parts:
                column.addWidget(part)
        column.addStretch(1)
        charts = QWidget()
        across = QHBoxLayout(charts)
        across.setContentsMargins(0, 0, 0, 0)
        across.setSpacing(12)
        across.addWidget(left, 1)
        across.addWidget(right, 1)
        split = QSplitter(Qt.Orientation.Vertical, self)
        split.setChildrenCollapsible(False)
        split.addWidget(self.table)
        split.addWidget(charts)
        split.setSizes([600, 400])
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(split)

    def show_findings(self, findings: Findings) -> None:
        """Show these."""
        self._findings = findings
        self.table.show_lines(columns_of(findings.models), [line_of(f, len(findings.models)) for f in findings.lines])
        shown = self.definition.currentText()
        self.definition.blockSignals(True)
        self.definition.clear()
        self.definition.addItems([tr("FROC: {name}").format(name=told(name)) for name in findings.curves or ()])
        self.definition.setCurrentIndex(max(0, self.definition.findText(shown)))
        self.definition.blockSignals(False)
        self.definition.setVisible(bool(findings.curves))
        self._draw_curves()
        self.bars.show_groups(findings.bars, told(findings.bars_empty))

    def _draw_curves(self) -> None:
        if self._findings is None:
            return
        curves = list((self._findings.curves or {}).values())
        number = self.definition.currentIndex()
        why = tr("No curve: it needs reviewed lesions and raw candidates.")
        if self._findings.curves is None:
            why = tr("The curves are being worked out: tracking runs anew at every threshold.")
        shown = 0 <= number < len(curves)
        raw = shown and list(self._findings.curves or {})[number] == RAW_CURVE
        across = tr("false boxes per frame without a lesion") if raw else tr("false alarms per procedure")
        self.curve.show_curves(curves[number] if shown else (), why, across)

    def _choose(self, line: FigureLine) -> None:
        if line.heading:
            return
        spots: tuple[Spot, ...] = tuple(spot for of_model in line.spots for spot in of_model)
        self.chosen.emit(told(line.words), spots)

    def _choose_bar(self, number: int) -> None:
        if self._findings is None:
            return
        name = self._findings.bars[number].name
        for grouping in self._findings.groupings:
            for line in grouping.lines:
                if grouping.key == "size" and line.name == name:
                    self.chosen.emit(f"{tr(grouping.title)}: {told(name)}", line.spots)


def columns_of(models: tuple[str, ...]) -> tuple[str, ...]:
    """Names of the columns for one model or two."""
    if len(models) < 2:
        return tr("Figure"), tr("Value"), tr("95 % interval"), tr("Drawn over")
    of_a, of_b = (tr("95 % interval of {model}").format(model=letter) for letter in "AB")
    return tr("Figure"), "A", "B", tr("A better by"), tr("Verdict"), of_a, of_b


def line_of(figure: FigureLine, models: int) -> Line[FigureLine]:
    """A figure as a line of the table."""
    tip = tr("It cannot be given: {why}.").format(why=told(figure.why_not)) if figure.why_not else told(figure.tip)
    if figure.heading:
        return Line((told(figure.words),), figure, tip=tip, heading=True)
    cells = [figure_words(each, figure.unit) for each in figure.figures]
    cells += [(NONE, "")] * (models - len(cells))
    if models < 2:
        over = figure.figures[0].over if figure.figures and figure.figures[0] else ""
        return Line((told(figure.words), *cells[0], told(figure.why_not or over)), figure, tip=tip)
    words = [told(figure.words), cells[0][0], cells[1][0], "", "", cells[0][1], cells[1][1]]
    tone = None
    if figure.gain is None and figure.why_not:
        words[3] = told(figure.why_not)
    if figure.gain is not None:
        words[3] = gain_words(figure.gain, figure.unit)
        if figure.low is not None and figure.high is not None:
            words[3] += f"  ({gain_interval(figure.low, figure.high, figure.unit)})"
    if figure.verdict is not None:
        words[4], tone = verdict_words(figure.verdict)
    tip = "\n".join(part for part in (tip, told(figure.reason)) if part)
    return Line(tuple(words), figure, tip=tip, tone=tone, toned=4)
