"""The page of all settings, section by section, over a part of the picture. It shows and asks; it writes nothing."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from PyQt6.QtCore import QRect, pyqtSignal
from PyQt6.QtWidgets import QHBoxLayout, QScrollArea, QStackedWidget, QVBoxLayout, QWidget

from app.gui.language import told, tr
from app.gui.layout import scaled, unit_of
from app.gui.settings_controls import SettingRow
from app.gui.settings_fields import rows
from app.gui.settings_keys import KeyRow, KeyRows
from app.gui.settings_rooms import RoomCard
from app.gui.settings_texts import SECTIONS
from app.gui.setup_parts import Choice, Sheet, button, label, scrolling, style
from app.settings.codec import flat
from app.settings.effective import Effective

_WIDTH = 1150


class SettingsSheet(Sheet):
    """All settings.

    Args:
        parent: the live page.
        live: keys of settings that take effect at once.
        beside: by key, words for each choice.
        notes: what this start had to say; a settings file that was kept aside stays named.
    """

    wished = pyqtSignal(str, object)
    undone = pyqtSignal(str)
    left = pyqtSignal()
    restart = pyqtSignal()

    def __init__(
        self,
        parent: QWidget,
        live: Collection[str],
        beside: Mapping[str, Mapping[str, str]],
        notes: Collection[str] = (),
    ) -> None:
        super().__init__(parent)
        self._live, self._beside = live, beside
        self._rows = {row.key: row for row in rows()}
        self.shown: dict[str, SettingRow | KeyRow] = {}
        self.rooms = RoomCard()
        self._held: Effective | None = None
        self._said = tuple(notes)
        self._unit = 0.0
        self._build()
        self.hide()

    def show_held(self, held: Effective) -> None:
        """Show what holds."""
        self._held = held
        values = flat(held.settings)
        for key, row in self.shown.items():
            row.show_value(values[key], held.origins[key])
        self.rooms.show_settings(held.settings)
        self._said = tuple(dict.fromkeys((*self._said, *held.notes)))
        self.notes.setText("\n".join(told(note) for note in self._said))
        self.notes.setVisible(bool(self._said))

    def show_problem(self, key: str, words: str) -> None:
        """Say at its field what is wrong; what holds is shown again there."""
        if key in self.shown and self._held is not None:
            self.shown[key].show_value(flat(self._held.settings)[key], self._held.origins[key])
            self.shown[key].show_problem(words)
        else:
            self.rooms.show_problem(words)

    def offer_restart(self) -> None:
        """Something was set that takes effect at the next start."""
        self.again.show()

    def place(self, picture: QRect, page_height: int) -> None:
        """Lie at the left of the picture; on a small screen, over all of it."""
        unit = unit_of(page_height)
        wanted = scaled(_WIDTH, unit, 700)
        room = picture.width() if picture.width() - wanted < wanted // 4 else wanted
        self.setGeometry(picture.x(), picture.y(), room, picture.height())
        if unit != self._unit:
            self._unit = unit
            self.setStyleSheet(style(unit))

    def choose_section(self, section: str) -> None:
        """Bring a section to the front; it is made when it is first asked for."""
        self.sections.show_value(section)
        if section not in self._pages:
            self._pages[section] = self._made(section)
            self._stack.addWidget(self._pages[section])
        self._stack.setCurrentWidget(self._pages[section])
        if self._held is not None:
            self.show_held(self._held)

    def _build(self) -> None:
        self._pages: dict[str, QScrollArea] = {}
        self._stack = QStackedWidget()
        self.sections = Choice(tuple((key, tr(words)) for key, words in SECTIONS.items()), columns=1)
        self.sections.chosen.connect(lambda section: self.choose_section(str(section)))
        self.close_button = button(tr("Close"), self.left.emit)
        self.again = button(tr("Open the window anew with these settings"), self.restart.emit, main=True)
        self.again.hide()
        self.notes = label(kind="fault")
        self.notes.hide()
        top = QHBoxLayout()
        top.addWidget(label(tr("Settings"), "title"), 1)
        top.addWidget(self.close_button)
        side = QWidget()
        beside = QVBoxLayout(side)
        beside.setContentsMargins(0, 0, 0, 0)
        beside.addWidget(self.sections)
        beside.addStretch(1)
        middle = QHBoxLayout()
        middle.addWidget(scrolling(side))
        middle.addWidget(self._stack, 1)
        box = QVBoxLayout(self)
        box.setContentsMargins(16, 12, 16, 12)
        box.addLayout(top)
        box.addWidget(self.notes)
        box.addLayout(middle, 1)
        box.addWidget(self.again)

    def _made(self, section: str) -> QScrollArea:
        content = QWidget()
        box = QVBoxLayout(content)
        box.setContentsMargins(0, 0, 8, 0)
        if section == "keys":
            keys = KeyRows()
            keys.wished.connect(self.wished)
            keys.undone.connect(self.undone)
            self.shown |= keys.rows
            box.addWidget(keys)
        for key, row in self._rows.items():
            if row.section == section:
                made = SettingRow(row, live=key in self._live, beside=self._beside.get(key))
                made.wished.connect(self.wished)
                made.undone.connect(self.undone)
                self.shown[key] = made
                box.addWidget(made)
        if section == "room":
            box.addWidget(self.rooms)
        box.addStretch(1)
        return scrolling(content)
