"""The details sheet beside the picture: lesions one a row, bowel preparation, indication, conclusion.

All by touch or by keyboard, and saved with every choice: there is no button that could be forgotten.
"""

from __future__ import annotations

from collections.abc import Callable

from PyQt6.QtCore import QRect, Qt
from PyQt6.QtGui import QPainter, QPaintEvent
from PyQt6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QPushButton, QScrollArea, QVBoxLayout, QWidget

from app.examination.desk import Desk
from app.examination.state import DeskSnapshot
from app.gui import theme
from app.gui.examination_forms import ExaminationForm, Form, LesionForm
from app.gui.examination_pictures import Proposals, Thumbnails
from app.gui.examination_words import lesion_words
from app.gui.language import tr
from app.gui.layout import scaled, unit_of
from app.gui.report_words import Words
from app.gui.touch_choice import TOUCH_PX, Choice, TouchChoice, field_style
from detector.errors import PolypwatchError

_WHOLE = "examination"
_SHARE = 0.62
_LEAST_WIDTH = 640


class ExaminationSheet(QWidget):
    """The right-hand part of the room; the picture goes on beside it.

    Args:
        parent: of the widget.
        desk: what it describes.
        thumbnails: small pictures.
        proposals: best frames to choose from.
        words: the names of segments and methods.
        complain: told of what could not be noted.
    """

    def __init__(
        self,
        parent: QWidget,
        desk: Desk,
        thumbnails: Thumbnails,
        proposals: Proposals,
        words: Words,
        complain: Callable[[PolypwatchError], None],
    ) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setStyleSheet(field_style())
        self.proposals = proposals
        self._desk, self._words = desk, words
        self._shown = _WHOLE
        self._events = -1
        self.title = QLabel(self)
        self.closer = QPushButton(self)
        self.closer.setMinimumSize(2 * TOUCH_PX, TOUCH_PX)
        self.closer.clicked.connect(self.leave)
        self.rows = TouchChoice(tr("Lesions"), 1, self)
        self.rows.chosen.connect(self.show_part)
        self.whole = ExaminationForm(desk, complain, self)
        self.lesion = LesionForm(desk, thumbnails, proposals, words, complain, self)
        self._forms: tuple[Form, ...] = (self.whole, self.lesion)
        self._build()
        self.hide()

    @property
    def part(self) -> str:
        """What is described now: ``examination``, or the number of a lesion."""
        return self._shown

    def open(self) -> None:
        """Show it, at the newest lesion if there is one."""
        state = self._desk.snapshot()
        if state is None:
            return
        self.show()
        self.raise_()
        self._events = -1
        self.show_part(str(state.lesions[-1].id) if state.lesions else _WHOLE)
        self.rows.setFocus()

    def leave(self) -> bool:
        """Save what is being written and put it away; False if it was."""
        if self.isHidden():
            return False
        for form in self._forms:
            form.commit()
        self.hide()
        if (parent := self.parentWidget()) is not None:
            parent.setFocus()
        return True

    def show_part(self, part: str) -> None:
        """Describe this: ``examination``, or the number of a lesion."""
        for form in self._forms:
            form.commit()
        self._shown, self._events = part, -1
        self.whole.setVisible(part == _WHOLE)
        self.lesion.setVisible(part != _WHOLE)
        if part != _WHOLE:
            self.lesion.describe(int(part))
        self.refresh(self._desk.snapshot())

    def refresh(self, state: DeskSnapshot | None) -> None:
        """Show what is known now; quick while nothing is new."""
        if state is None:
            return
        self.lesion.show_pictures()
        if state.events == self._events:
            return
        self._events = state.events
        known = {str(lesion.id): lesion for lesion in state.lesions}
        if self._shown != _WHOLE and self._shown not in known:  # its mark was taken back
            self.show_part(_WHOLE)
            return
        self.title.setText(tr("Details of {id}").format(id=state.id))
        self.closer.setText(tr("Close  Esc"))
        rows = [Choice(_WHOLE, tr("Examination"))]
        rows += [Choice(n, f"{n}: {lesion_words(lesion, self._words)}") for n, lesion in known.items()]
        self.rows.offer(rows, {self._shown})
        self.whole.show_state(state)
        if self._shown in known:
            self.lesion.show_lesion(known[self._shown])

    def place(self, room: QRect, page_height: int) -> None:
        """Take the right-hand part of a room."""
        unit = unit_of(page_height)
        width = min(room.width(), max(_LEAST_WIDTH, round(room.width() * _SHARE)))
        self.setGeometry(room.right() + 1 - width, room.y(), width, room.height())
        self._list.setFixedWidth(round(width * 0.25))
        strong, plain = theme.font(scaled(28, unit, 18), strong=True), theme.font(scaled(20, unit, 14))
        self.title.setFont(strong)
        self.closer.setFont(plain)
        for form in self._forms:
            form.set_type(plain, scaled(68, unit, TOUCH_PX))
        self.rows.set_cell_height(scaled(84, unit, TOUCH_PX))

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint the ground."""
        painter = QPainter(self)
        try:
            painter.fillRect(self.rect(), theme.PANEL)
            painter.fillRect(0, 0, 2, self.height(), theme.TEXT_SOFT)
        finally:
            painter.end()

    def _build(self) -> None:
        head = QHBoxLayout()
        head.addWidget(self.title, 1)
        head.addWidget(self.closer)
        self._list = _scrolled(self.rows)
        forms = QWidget()
        stack = QVBoxLayout(forms)
        stack.setContentsMargins(0, 0, 6, 0)
        for form in self._forms:
            stack.addWidget(form)
        stack.addStretch(1)
        body = QHBoxLayout()
        body.addWidget(self._list)
        body.addWidget(_scrolled(forms), 1)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(12, 8, 8, 8)
        whole.addLayout(head)
        whole.addLayout(body, 1)


def _scrolled(what: QWidget) -> QScrollArea:
    area = QScrollArea()
    area.setWidget(_topped(what) if isinstance(what, TouchChoice) else what)
    area.setWidgetResizable(True)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    return area


def _topped(what: QWidget) -> QWidget:
    holder = QWidget()
    layout = QGridLayout(holder)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.addWidget(what, 0, 0)
    layout.setRowStretch(1, 1)
    return holder
