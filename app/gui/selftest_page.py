"""The self-test in place of the live picture: the phantom under a banner that cannot be missed, then the checks."""

from __future__ import annotations

from dataclasses import replace

from PyQt6.QtCore import QRect, QRectF, Qt, pyqtSignal
from PyQt6.QtGui import QFontMetrics, QPainter, QPaintEvent
from PyQt6.QtWidgets import QPushButton, QWidget

from app.gui import theme
from app.gui.bridge import PaintStamp
from app.gui.canvas import Canvas
from app.gui.icons import draw_shape
from app.gui.language import mark, told, tr
from app.gui.layout import scaled, unit_of
from app.gui.notices import Notice
from app.gui.sign_kinds import Shape, Status, Tone, View
from app.gui.signs import shown_markers, status_of
from app.gui.sound import ChimeRule, Player
from app.gui.text import draw_line, height_of, width_of
from app.selftest import Phase, SelfTest
from app.selftest_checks import Check, SelfTestResult
from app.snapshot import LiveSnapshot

BANNER = mark("SELF-TEST: phantom, not the patient")
# What the checks call themselves; their findings come from below and are told.
_OF_CHECKS = (mark("Picture"), mark("Box"), mark("Sound"), mark("Recording"))
_HOW_TO_LEAVE = mark("Esc leaves it")
_WRAPPED = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop | Qt.TextFlag.TextWordWrap)
_ROWS = 5


class SelfTestStage(QWidget):
    """Lies over the picture while there is a test to show; tells the test what was painted and sounded.

    Attributes:
        canvas: the phantom; a canvas of its own, so that no phantom picture passes for one of the examination.
        report: the checks.
    """

    left = pyqtSignal()

    def __init__(self, parent: QWidget, player: Player) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.canvas = Canvas(self)
        self.report = SelfTestReport(self)
        self.report.left.connect(self.left)
        self.canvas.painted.append(self._painted)
        self._player = player
        self._test: SelfTest | None = None
        self._chime = ChimeRule()
        self._last: LiveSnapshot | None = None
        self._view = View()
        self._strip = QRect()
        self.hide()

    def show_test(self, test: SelfTest | None, muted: bool, notice: Notice | None) -> Status | None:
        """Show this test as it is now, or nothing; returns the status line of its session while it runs."""
        if test is not self._test:
            self._begin(test)
        if test is None:
            return None
        snapshot = test.snapshot()
        self.canvas.setVisible(test.phase in (Phase.PREPARING, Phase.SHOWING))
        self.report.setVisible(self.canvas.isHidden())
        self.report.show_result(test.result)
        if snapshot is None or test.phase is not Phase.SHOWING:
            return None
        self._last, self._view = snapshot, View(True, muted, self._player.fault, notice)
        self.canvas.show_snapshot(snapshot, self._view)
        due = self._chime.due(snapshot, View())
        test.sounded(due, muted, self._player.fault)
        if due and not muted:
            self._player.play()
        # Its own recording is no recording of the examination, and must not look like one.
        return status_of(replace(snapshot, recording=None), self._view)

    def place(self, room: QRect, page_height: int) -> None:
        """Cover a room."""
        self.setGeometry(room)
        unit = unit_of(page_height)
        self._strip = QRect(0, 0, room.width(), min(room.height(), scaled(84, unit, 48)))
        below = QRect(0, self._strip.height(), room.width(), max(1, room.height() - self._strip.height()))
        self.canvas.setGeometry(below)
        self.report.place(below, unit)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint the banner; the rest is covered by phantom or report."""
        painter = QPainter(self)
        try:
            painter.fillRect(self.rect(), theme.BLACK)
            self._paint_banner(painter)
        finally:
            painter.end()

    def _begin(self, test: SelfTest | None) -> None:
        self._test, self._last, self._chime = test, None, ChimeRule()
        self.canvas.clear()
        self.setVisible(test is not None)
        self.raise_()

    def _painted(self, stamp: PaintStamp) -> None:
        shown = self._last
        if self._test is not None and shown is not None and shown.frame is not None:
            self._test.painted(shown, shown_markers(shown, self._view))

    def _paint_banner(self, painter: QPainter) -> None:
        strip = self._strip
        painter.fillRect(strip, theme.TONES[Tone.CAUTION])
        icon, pad = strip.height() * 0.6, strip.height() // 3
        draw_shape(painter, Shape.TRIANGLE, QRectF(pad, (strip.height() - icon) / 2, icon, icon), theme.INK)
        strong, plain = theme.font(strip.height() // 2, strong=True), theme.font(strip.height() // 3)
        left = 2 * pad + round(icon)
        how, title = tr(_HOW_TO_LEAVE), tr(BANNER)
        hint = width_of(how, plain)
        room = strip.adjusted(left, 0, -pad, 0)
        if width_of(title, strong) + hint + pad <= room.width():
            at = QRect(strip.right() - pad - hint, 0, hint + 1, strip.height())
            draw_line(painter, at, how, plain, theme.INK)
        draw_line(painter, room, title, strong, theme.INK)


class SelfTestReport(QWidget):
    """The checks, each with a shape, its name and words; stays until it is left."""

    left = pyqtSignal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.result: SelfTestResult | None = None
        self._unit = 1.0
        self.button = QPushButton(tr("Back to the picture"), self)
        self.button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.button.clicked.connect(self.left)
        self.hide()

    def show_result(self, result: SelfTestResult | None) -> None:
        """Take the result; None while the recording is still being read."""
        if result is not self.result:
            self.result = result
            self.update()

    def place(self, room: QRect, unit: float) -> None:
        """Cover a room."""
        self.setGeometry(room)
        self._unit = unit
        width, height = min(room.width(), scaled(520, unit, 260)), scaled(88, unit, 56)
        top = room.height() - height - scaled(24, unit, 12)
        self.button.setGeometry((room.width() - width) // 2, top, width, height)
        self.button.setFont(theme.font(scaled(32, unit, 18), strong=True))

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint the page."""
        painter = QPainter(self)
        try:
            painter.fillRect(self.rect(), theme.PANEL)
            self._paint(painter)
        finally:
            painter.end()

    def _paint(self, painter: QPainter) -> None:
        unit, result = self._unit, self.result
        margin, gap = scaled(56, unit, 24), scaled(24, unit, 10)
        title = theme.font(scaled(46, unit, 22), strong=True)
        words = _title(result) if result is not None else tr("Reading the recording back ...")
        top = QRect(margin, gap, self.width() - 2 * margin, height_of(title))
        draw_line(painter, top, words, title, theme.TEXT)
        if result is None:
            return
        first = top.bottom() + gap
        row = (self.button.y() - gap - first) // _ROWS
        for number, check in enumerate(result.checks):
            self._paint_check(painter, QRect(margin, first + number * row, top.width(), row), check)

    def _paint_check(self, painter: QPainter, area: QRect, check: Check) -> None:
        unit = self._unit
        shape, tone = (Shape.TICK, Tone.GOOD) if check.passed else (Shape.CROSS, Tone.FAULT)
        painter.fillRect(area.x(), area.y(), area.width(), 1, theme.LINE)
        side = min(scaled(64, unit, 34), area.height() * 2 // 3)
        icon = QRectF(area.x(), area.y() + (area.height() - side) / 2, side, side)
        draw_shape(painter, shape, icon, theme.TONES[tone])
        strong = theme.font(scaled(38, unit, 18), strong=True)
        names = scaled(250, unit, 130)
        left = area.x() + round(side * 1.4)
        name = _name(check)
        draw_line(painter, QRect(left, area.y(), names, area.height()), name, strong, theme.TEXT)
        verdict = tr("Passed.") if check.passed else tr("Not passed.")
        left += names
        room = QRect(left, area.y(), area.right() - left, area.height())
        _draw_fitting(painter, room, f"{verdict} {told(check.words)}", scaled(34, unit, 15))


def _name(check: Check) -> str:
    return tr(check.name[0].upper() + check.name[1:])


def _title(result: SelfTestResult) -> str:
    """The result in one line."""
    if result.passed:
        return tr("Self-test passed: all of the chain works")
    failed = ", ".join(_name(check) for check in result.checks if not check.passed)
    return tr("Self-test not passed: {checks}").format(checks=failed)


def _draw_fitting(painter: QPainter, room: QRect, text: str, size_px: int) -> None:
    """Wrapped words in the middle of the room's height, smaller where they would not fit."""
    for size in range(size_px, 10, -1):
        font = theme.font(size)
        height = QFontMetrics(font).boundingRect(QRect(0, 0, room.width(), 10_000), _WRAPPED, text).height()
        if height <= room.height():
            break
    painter.setFont(font)
    painter.setPen(theme.TEXT)
    painter.drawText(room.adjusted(0, max(0, (room.height() - height) // 2), 0, 0), _WRAPPED, text)
