"""The page that confirms the picture area. Until somebody has, nothing goes on: all inside of it may be kept."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from PyQt6.QtWidgets import QGridLayout, QHBoxLayout, QWidget

from app.gui.language import tr
from app.gui.setup_area import Part, as_text, whole
from app.gui.setup_canvas import AreaCanvas
from app.gui.setup_draft import Draft
from app.gui.setup_page import SetupPage
from app.gui.setup_parts import Choice, button, column, label, scrolling
from app.gui.setup_preview import PreviewState
from app.picture.settings import parse_area, parse_settings
from detector.geometry import Size
from detector.picture.area import Area, FoundArea

_NUDGE_PX = 10


class AreaPage(SetupPage):
    """The area as it is proposed, for a person to correct and confirm."""

    wants_preview = True

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.heading = tr("Which part is the endoscope's picture?")
        self._found: FoundArea | None = None
        self._full: Size | None = None
        self.canvas = AreaCanvas()
        self.canvas.edited.connect(self._edited)
        self.says = label()
        self.take_found = button(tr("As found"), self._take_found)
        self.take_whole = button(tr("Whole picture"), self._take_whole)
        self.part = Choice(
            (
                (Part.WHOLE, tr("All of it")),
                (Part.LEFT, tr("Left edge")),
                (Part.RIGHT, tr("Right edge")),
                (Part.TOP, tr("Upper edge")),
                (Part.BOTTOM, tr("Lower edge")),
            ),
            columns=2,
        )
        self.part.show_value(Part.WHOLE)
        self.part.chosen.connect(self._choose_part)
        side = QWidget()
        arrows = QWidget()
        self.arrows = _arrow_buttons(arrows, self.canvas)
        side.setLayout(
            column(
                label(tr("Everything inside of the frame is shown, analysed and RECORDED."), "caution"),
                label(tr("Names and numbers of patients must lie outside of it."), "caution"),
                self.says,
                self.take_found,
                self.take_whole,
                label(tr("Move"), "heading"),
                label(tr("With a finger, the mouse, or the arrow keys (with Shift: faster)."), "soft"),
                self.part,
                arrows,
            )
        )
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.canvas, 3)
        row.addWidget(scrolling(side), 2)

    @property
    def go_on(self) -> str:
        """On the button that goes on."""
        return tr("This area is right")

    def enter(self, draft: Draft) -> None:
        """Begin with what was confirmed before, if it was."""
        super().enter(draft)
        self._full, self._found = None, None
        self.show_preview(PreviewState())

    def missing(self) -> str:
        """A picture, and an area in it."""
        if self._full is None:
            return tr("There is no picture yet.")
        return "" if self.canvas.area is not None else tr("Choose the area, or the whole picture.")

    def show_preview(self, state: PreviewState) -> None:
        """Show the picture; propose what was found in it, unless somebody has chosen already."""
        self.canvas.show_state(state, parse_settings("off", "full", self.draft.aspect, None).aspect)
        full = self.canvas.full
        if full != self._full and full is not None:
            self._full = full
            self.canvas.set_area(_confirmed(self.draft, full))
            self.changed.emit()
        if state.found is not self._found:
            self._found = state.found
            if self.canvas.area is None and self._proposal() is not None:
                self._take_found()
        self.take_found.setEnabled(self._proposal() is not None)
        self.says.setText(self._words())

    def _proposal(self) -> Area | None:
        found = self._found.area if self._found is not None else None
        return found if found is not None and self._full is not None and found.fits(self._full) else None

    def _words(self) -> str:
        area = self.canvas.area
        parts = []
        if self._found is None:
            parts.append(tr("The picture area is being looked for: move the endoscope a little."))
        elif self._found.area is None:
            parts.append(tr("It could not be found. Drag the frame's handles, or take the whole picture."))
        if area is not None:
            where = tr("{width} x {height} pixels from {x}, {y}")
            parts.append(where.format(width=area.width, height=area.height, x=area.x, y=area.y))
        return "\n".join(parts)

    def _take_found(self) -> None:
        self.canvas.set_area(self._proposal())
        self._edited()

    def _take_whole(self) -> None:
        if self._full is not None:
            self.canvas.set_area(whole(self._full))
            self._edited()

    def _choose_part(self, part: object) -> None:
        assert isinstance(part, Part)
        self.canvas.part = part
        self.canvas.update()

    def _edited(self) -> None:
        area = self.canvas.area
        if area is not None and self._full is not None:
            self.says.setText(self._words())
            self.decide(replace(self.draft, area=as_text(area, self._full)))


def _confirmed(draft: Draft, full: Size) -> Area | None:
    """The area that the draft has, if this picture has room for it."""
    if draft.area is None:
        return None
    area = parse_area(draft.area)
    if not isinstance(area, Area):
        return whole(full)
    return area if area.fits(full) else None


def _arrow_buttons(parent: QWidget, canvas: AreaCanvas) -> dict[str, QWidget]:
    """Four arrows, for those who have neither keys nor a mouse."""
    grid = QGridLayout(parent)
    grid.setContentsMargins(0, 0, 0, 0)
    made: dict[str, QWidget] = {}
    for sign, name, (row, col), (dx, dy) in (
        ("\N{UPWARDS ARROW}", tr("Up"), (0, 1), (0, -1)),
        ("\N{LEFTWARDS ARROW}", tr("Left"), (1, 0), (-1, 0)),
        ("\N{RIGHTWARDS ARROW}", tr("Right"), (1, 2), (1, 0)),
        ("\N{DOWNWARDS ARROW}", tr("Down"), (2, 1), (0, 1)),
    ):
        arrow = button(sign, partial(canvas.nudge, dx * _NUDGE_PX, dy * _NUDGE_PX))
        arrow.setAutoRepeat(True)
        arrow.setAccessibleName(name)
        grid.addWidget(arrow, row, col)
        made[sign] = arrow
    return made
