"""The slim strip of a running examination: phase, clocks, the last mark, and large buttons for what is likely next.

It lies over the lower edge of the picture, or in the black at its left where there is room.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PyQt6.QtCore import QRect, Qt, pyqtSignal
from PyQt6.QtGui import QColor, QFontMetrics, QPainter, QPaintEvent
from PyQt6.QtWidgets import QAbstractButton, QWidget

from app.examination.state import DeskSnapshot, Phase
from app.gui import theme
from app.gui.examination_words import button_words, clock, key_of, mark_words, phase_words
from app.gui.keys import Action, Key
from app.gui.language import tr
from app.gui.layout import MarkerPen, PictureTransform, arrange, scaled, unit_of
from app.gui.signs import Tone
from app.gui.text import draw_line, height_of, width_of
from app.gui.touch_choice import TOUCH_PX
from detector.geometry import Size

_LEAST_BLACK = 2 * TOUCH_PX + 96  # pixels of black beside the picture in which the strip can stand
_LOWER_PART = 0.52  # of the height, where it stands: the upper part is for what the AI says
_WRAPPED = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop | Qt.TextFlag.TextWordWrap)


@dataclass(frozen=True, slots=True)
class Said:
    """What the strip says for a while.

    Attributes:
        text: the words.
        tone: GOOD for a mark, CAUTION for a refusal, QUIET for a hint.
    """

    text: str
    tone: Tone = Tone.GOOD


def likely_next(state: DeskSnapshot) -> tuple[Action, ...]:
    """The buttons of a phase, the likeliest first; each is one touch or one key."""
    undo = (Action.UNDO_MARK,) if state.last else ()
    match state.phase:
        case Phase.BEFORE:
            return (Action.SCOPE_IN, Action.DETAILS, Action.EXAMINATION, *undo)
        case Phase.INSERTION:
            on_the_way = (Action.INTERVENTION, Action.WASH, Action.SCOPE_OUT)
            return (Action.CAECUM, Action.POLYP_FOUND, *_while_open(state, on_the_way), *undo)
        case Phase.WITHDRAWAL:
            proofs = ((Action.PHOTO_VALVE, "valve"), (Action.PHOTO_ORIFICE, "orifice"))
            missing = tuple(action for action, of in proofs if of not in state.photographed)
            on_the_way_back = (Action.INTERVENTION, Action.WASH, *missing, Action.SCOPE_OUT)
            return (Action.POLYP_FOUND, *_while_open(state, on_the_way_back), *undo)
        case Phase.OUT:
            return (Action.EXAMINATION, Action.DETAILS, Action.SCOPE_IN, *undo)
        case Phase.ENDED:
            return ()


def _while_open(state: DeskSnapshot, others: tuple[Action, ...]) -> tuple[Action, ...]:
    return (Action.INTERVENTION, Action.POLYP_REMOVED, Action.WASH) if state.intervention else others


class StripButton(QAbstractButton):
    """Words above their key."""

    def __init__(self, action: Action, parent: QWidget) -> None:
        super().__init__(parent)
        self.action = action
        self.words, self.key = "", ""
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # its key does the same
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)

    def say(self, words: str, key: str) -> None:
        """Take what it says now."""
        if (words, key) != (self.words, self.key):
            self.words, self.key = words, key
            self.setAccessibleName(f"{words} [{key}]")
            self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint."""
        painter = QPainter(self)
        try:
            painter.fillRect(self.rect(), theme.PANEL)
            ground = theme.PANEL_PRESSED if self.isDown() else theme.PANEL_RAISED
            painter.fillRect(self.rect().adjusted(2, 2, -2, -2), ground)
            size = max(13, round(self.height() * 0.25))
            while size > 11 and width_of(self.words, theme.font(size, strong=True)) > self.width() - 8:
                size -= 1
            small = theme.font(max(12, round(self.height() * 0.2)))
            upper = self.rect().adjusted(0, 4, 0, -self.height() * 2 // 5)
            painter.setPen(theme.TEXT)
            painter.setFont(theme.font(size, strong=True))
            painter.drawText(upper, Qt.AlignmentFlag.AlignCenter, self.words)
            painter.setPen(theme.MARKER)
            painter.setFont(small)
            lower = self.rect().adjusted(0, self.height() * 11 // 20, 0, -3)
            painter.drawText(lower, Qt.AlignmentFlag.AlignCenter, self.key)
        finally:
            painter.end()


class ExaminationStrip(QWidget):
    """Shows an examination; says which action is asked for."""

    pressed = pyqtSignal(Action)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self._buttons: dict[Action, StripButton] = {}
        self._state: DeskSnapshot | None = None
        self._said: Said | None = None
        self._shown: tuple[object, ...] = ()
        self._undo_key = ""
        self._room, self._page_height = QRect(), 720
        self._source: Size | None = None
        self._vertical = False
        self.hide()

    @property
    def buttons(self) -> dict[Action, StripButton]:
        """The buttons that are to be seen now."""
        return {action: button for action, button in self._buttons.items() if not button.isHidden()}

    @property
    def lines(self) -> tuple[str, str, str]:
        """What it says: phase with its clock, the examination, and the mark or message of the moment."""
        state = self._state
        if state is None:
            return "", "", ""
        told = self._said.text if self._said else self._last_words(state)
        return f"{phase_words(state.phase)} {self._main_clock(state)}", self._facts(state), told

    @property
    def said(self) -> Said | None:
        """The message of the moment; None while the last mark stands there."""
        return self._said

    def show_state(self, state: DeskSnapshot, said: Said | None, ending: bool, keys: Sequence[Key]) -> None:
        """Take the state; repaints what changed."""
        self._state, self._said = state, said
        self._undo_key = key_of(Action.UNDO_MARK, tuple(keys))
        wanted = likely_next(state)
        for action in wanted:
            if action not in self._buttons:
                self._buttons[action] = self._made(action)
            self._buttons[action].say(button_words(action, state, ending), key_of(action, tuple(keys)))
        if wanted != tuple(self.buttons) or self.isHidden():
            self._show_only(wanted)
            self.show()
            self._arrange()
        if (shown := (*self.lines, said)) != self._shown:
            self._shown = shown
            self.setAccessibleName(" · ".join(self.lines))
            self.update()

    def place(self, room: QRect, page_height: int, source: Size | None) -> None:
        """Lie in this room, around a picture of this size."""
        if (room, page_height, source) != (self._room, self._page_height, self._source):
            self._room, self._page_height, self._source = room, page_height, source
            self._arrange()

    def below(self, page_height: int) -> int:
        """The room that it needs below the picture, in logical pixels; 0 where it lies beside it."""
        return 0 if self._black_at_left() >= _LEAST_BLACK else scaled(68, unit_of(page_height), 58) + 6

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint the words; the buttons paint themselves."""
        painter = QPainter(self)
        try:
            painter.fillRect(self.rect(), theme.PANEL)
            if self._state is not None:
                self._paint(painter, self._state)
        finally:
            painter.end()

    # -- below ----------------------------------------------------------------------------------------------------

    def _made(self, action: Action) -> StripButton:
        button = StripButton(action, self)
        button.clicked.connect(lambda: self.pressed.emit(action))
        return button

    def _show_only(self, wanted: tuple[Action, ...]) -> None:
        known = self._buttons
        self._buttons = {a: known[a] for a in wanted} | {a: b for a, b in known.items() if a not in wanted}
        for action, button in self._buttons.items():
            button.setVisible(action in wanted)

    def _arrange(self) -> None:
        room, unit = self._room, unit_of(self._page_height)
        if room.isEmpty():
            return
        black = self._black_at_left()
        self._vertical = black >= _LEAST_BLACK
        shown = list(self.buttons.values())
        if self._vertical:
            self._stand(min(black - 8, scaled(320, unit, 204)), unit, shown)
            return
        touch = scaled(68, unit, 58)
        height = self.below(self._page_height)
        self.setGeometry(room.x(), room.bottom() + 1 - height, room.width(), height)
        each = min(scaled(118, unit, 62), (room.width() * 5 // 8) // max(1, len(shown)))
        left = room.width() - each * len(shown) - 4
        for n, button in enumerate(shown):
            button.setGeometry(left + n * each, 3, each, touch)

    def _stand(self, width: int, unit: float, shown: Sequence[QWidget]) -> None:
        """At the left-hand side, in the lower half: what the AI says stands above it."""
        room, touch = self._room, scaled(60, unit, 56)
        words = self._text_height(unit) + 12
        two_wide = words - (-len(shown) // 2) * touch <= room.height() * _LOWER_PART
        columns = 2 if two_wide else 3
        rows, each = -(-len(shown) // columns), (width - 8) // columns
        height = min(room.height(), words + rows * touch)
        self.setGeometry(room.x() + 4, room.bottom() - height - 3, width, height)
        top = height - rows * touch - 4
        for n, button in enumerate(shown):
            button.setGeometry(4 + n % columns * each, top + n // columns * touch, each, touch)

    def _black_at_left(self) -> int:
        page = self.parentWidget()
        if self._source is None or page is None:
            return 0
        # The page's own canvas: a narrow picture stands in the middle of it, and the room lacks what buttons cover.
        area = arrange(Size(max(1, page.width()), max(1, page.height())), self._source, with_bar=True).canvas
        canvas = Size(area.width, area.height)
        return PictureTransform.fit(self._source, canvas, MarkerPen.for_canvas(canvas).reach).target.x

    def _text_height(self, unit: float) -> int:
        plain = theme.font(scaled(20, unit, 14))
        return height_of(theme.font(scaled(44, unit, 24), strong=True)) + height_of(plain) * 7 + 14

    def _paint(self, painter: QPainter, state: DeskSnapshot) -> None:
        unit = unit_of(self._page_height)
        first, facts, told = self.lines
        pad = scaled(12, unit, 8)
        if self._vertical:
            self._paint_column(painter, state, pad, unit)
            return
        shown = list(self.buttons.values())
        room = (shown[0].x() if shown else self.width()) - 2 * pad
        strong, plain = theme.font(scaled(30, unit, 18), strong=True), theme.font(scaled(20, unit, 14))
        half = self.height() // 2
        draw_line(painter, QRect(pad, 2, room, half), first, strong, theme.TEXT)
        used = width_of(first, strong) + 2 * pad
        draw_line(painter, QRect(pad + used, 2, room - used, half), facts, plain, theme.TEXT_SOFT)
        draw_line(painter, QRect(pad, half, room, half - 4), told, plain, self._ink())

    def _paint_column(self, painter: QPainter, state: DeskSnapshot, pad: int, unit: float) -> None:
        plain, big = theme.font(scaled(20, unit, 14)), theme.font(scaled(44, unit, 24), strong=True)
        width, line = self.width() - 2 * pad, height_of(plain)
        y = 6
        draw_line(painter, QRect(pad, y, width, line), phase_words(state.phase), plain, theme.TEXT)
        y += line
        draw_line(painter, QRect(pad, y, width, height_of(big)), self._main_clock(state), big, theme.TEXT)
        y += height_of(big)
        painter.setFont(plain)
        facts = self._facts(state).replace(" · ", "\n", 1)
        for text, ink, lines in ((facts, theme.TEXT_SOFT, 3), (self.lines[2], self._ink(), 4)):
            painter.setPen(ink)
            needed = QFontMetrics(plain).boundingRect(QRect(0, 0, width, line * lines), _WRAPPED, text).height()
            painter.drawText(QRect(pad, y, width, line * lines), _WRAPPED, text)
            y += min(needed, line * lines)

    def _ink(self) -> QColor:
        return theme.TONES[self._said.tone] if self._said else theme.TEXT

    def _main_clock(self, state: DeskSnapshot) -> str:
        """The withdrawal's net time once it runs, before that the time since the start."""
        return clock(state.withdrawal.net_s if state.withdrawal else state.elapsed_s)

    def _facts(self, state: DeskSnapshot) -> str:
        lesions = len(state.lesions)
        parts = [state.id, clock(state.elapsed_s)]
        if lesions:
            parts.append(tr("1 lesion") if lesions == 1 else tr("{n} lesions").format(n=lesions))
        if state.intervention:
            parts.append(tr("intervention: clock waits") if state.withdrawal else tr("intervention"))
        return " · ".join(parts)

    def _last_words(self, state: DeskSnapshot) -> str:
        if state.last is None:
            return ""
        said = f"{mark_words(state.last.event.what)} {clock(state.last.event.t_s)}"
        return tr("{mark}   {key} takes it back").format(mark=said, key=self._undo_key)
