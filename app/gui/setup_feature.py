"""The set-up from the live page (key F2): asks once, then the window closes and the set-up takes its place.

The source of a running session is never changed: a grabber serves one program at a time, and the picture area of one
source must not hold for another. So the live picture ends first, and the page says so before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from PyQt6.QtCore import QObject, QRect
from PyQt6.QtWidgets import QHBoxLayout, QVBoxLayout

from app.gui.buttons import ButtonState
from app.gui.features import MakeFeature, Page
from app.gui.keys import Action
from app.gui.language import tr
from app.gui.layout import scaled, unit_of
from app.gui.restart import After, Restart
from app.gui.settings_page import reopen
from app.gui.setup_parts import Sheet, button, label, style
from app.gui.signs import Sign
from app.snapshot import LiveSnapshot


def setup_feature(restart: Restart) -> MakeFeature:
    """The set-up as ``WindowOptions.features`` takes it."""
    return lambda page: SetupFeature(page, restart)


class SetupFeature(QObject):
    """A question over the picture."""

    def __init__(self, page: Page, restart: Restart) -> None:
        super().__init__(page.widget)
        self._page = page
        self._restart = restart
        self._actions = {Action.SETUP: self._toggle}
        self.sheet = Sheet(page.widget)
        self.begin = button(tr("Open the set-up"), self._begin, main=True)
        self.stay = button(tr("Back to the picture"), self.leave)
        row = QHBoxLayout()
        row.addWidget(self.stay)
        row.addStretch(1)
        row.addWidget(self.begin)
        box = QVBoxLayout(self.sheet)
        box.setContentsMargins(24, 16, 24, 16)
        box.addWidget(label(tr("Choose another source or picture area?"), "title"))
        box.addWidget(
            label(tr("The live picture and the AI end meanwhile. Look at the processor's own monitor."), "caution")
        )
        box.addStretch(1)
        box.addLayout(row)
        self.sheet.hide()

    @property
    def actions(self) -> Mapping[Action, Callable[[], None]]:
        """Opens and closes the question."""
        return self._actions

    def refresh(self, snapshot: LiveSnapshot) -> None:
        """Nothing of it is shown here."""

    def flags(self) -> tuple[Sign, ...]:
        """None."""
        return ()

    def button_states(self) -> Mapping[Action, ButtonState]:
        """It has no button."""
        return {}

    def place(self, picture: QRect, page_height: int) -> None:
        """In the middle of the picture."""
        unit = unit_of(page_height)
        self.sheet.setStyleSheet(style(unit))
        width = min(picture.width(), scaled(1000, unit, 560))
        height = min(picture.height(), scaled(380, unit, 260))
        self.sheet.setGeometry(
            picture.x() + (picture.width() - width) // 2, picture.y() + (picture.height() - height) // 2, width, height
        )

    def below(self, page_height: int) -> int:
        """Nothing."""
        return 0

    def leave(self) -> bool:
        """Put the question away."""
        shown = not self.sheet.isHidden()
        if shown:
            self.sheet.hide()
            self._page.widget.setFocus()
        return shown

    def close(self) -> None:
        """Put the question away."""
        self.sheet.hide()

    def _toggle(self) -> None:
        if not self.leave():
            self.sheet.show()
            self.sheet.raise_()
            self.stay.setFocus()

    def _begin(self) -> None:
        if not reopen(self._page, self._restart, After.SETUP):
            self.leave()
