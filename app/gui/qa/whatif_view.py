"""What if: four sliders, and at once the figures of all procedures, the alarms that come and those that go.

While a slider is dragged only its newest place is worked out, procedure by procedure; the page says how many are done.
"""

from __future__ import annotations

from collections.abc import Callable

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtWidgets import QGridLayout, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from app.gui.language import told, tr
from app.gui.qa.figure_words import gain_words, value_words
from app.gui.qa.findings import Change, Trial
from app.gui.qa.limits_panel import LimitsPanel
from app.gui.qa.saying import progress_bar, show_share
from app.gui.qa.tables import Line, LineTable
from app.gui.setup_parts import button, label
from app.qa.spots import Kind, Spot

_COUNTED: tuple[Kind, ...] = ("TP", "FP")


class WhatIfView(QWidget):
    """Sliders and their consequences.

    Attributes:
        wanted: these alert settings are to be tried.
        chosen: gained or lost events were chosen: heading and places.
        send: these settings are to become a preset of a room.
    """

    wanted = pyqtSignal(object)
    chosen = pyqtSignal(str, object)
    send = pyqtSignal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._tried: Trial | None = None
        self.limits = LimitsPanel(self)
        self.limits.wanted.connect(self.wanted)
        self.said = label(kind="soft")
        self.bar = progress_bar(self)
        self.changes: dict[tuple[bool, Kind], QPushButton] = {}
        self.table: LineTable[Change] = LineTable(self)
        self.table.setAccessibleName(tr("Figures as they are and as they would be"))
        self.refused = label(kind="soft")
        self.to_room = button(tr("Send to room ..."), self._send, main=True)
        self.to_room.setToolTip(tr("Make these settings a preset of a room, with the rate that was measured here."))
        self._arrange()
        self.say(tr("Choose procedures with results: the sliders then show what other settings would have done."))

    def _arrange(self) -> None:
        counts = QGridLayout()
        counts.setSpacing(6)
        for row, gained in enumerate((True, False)):
            for column, kind in enumerate(_COUNTED):
                made = button("", self._lister(gained, kind))
                made.setMinimumWidth(190)
                self.changes[gained, kind] = made
                counts.addWidget(made, row, column)
        left = QVBoxLayout()
        left.addWidget(self.limits)
        foot = QHBoxLayout()
        foot.addWidget(self.refused, 1)
        foot.addWidget(self.to_room)
        right = QVBoxLayout()
        right.addLayout(counts)
        right.addLayout(foot)
        right.addStretch(1)
        head = QHBoxLayout()
        head.setSpacing(18)
        head.addLayout(left, 3)
        head.addLayout(right, 2)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addLayout(head)
        whole.addWidget(self.bar)
        whole.addWidget(self.said)
        whole.addWidget(self.table, 1)

    @property
    def trial(self) -> Trial | None:
        """What was tried last."""
        return self._tried

    def say(self, words: str) -> None:
        """Nothing is there to try on."""
        self._tried = None
        self.said.setText(words)
        self.said.setAlignment(Qt.AlignmentFlag.AlignLeft)
        self.bar.hide()
        self.table.hide()
        self._show_changes()

    def show_tried(self, tried: Trial) -> None:
        """Show what these settings would have done, as far as it is worked out."""
        self._tried = tried
        whole = tried.whole
        words = tr("All {of} procedures.") if whole else tr("{done} of {of} procedures so far.")
        self.said.setText(words.format(done=tried.done, of=tried.of))
        if whole:
            self.bar.hide()
        else:
            show_share(self.bar, tried.done, tried.of)
        self.table.show()
        columns = (tr("Figure"), tr("As it is"), tr("As set here"), tr("Change"))
        self.table.show_lines(columns, [_line(change, whole=tried.whole) for change in tried.changes])
        self._show_changes()

    def _show_changes(self) -> None:
        tried = self._tried
        for (gained, kind), made in self.changes.items():
            count = sum(spot.kind == kind for spot in (tried.gained if gained else tried.lost)) if tried else 0
            made.setText(_count_words(gained, kind, count))
            made.setEnabled(count > 0)
        whole = tried is not None and tried.whole
        refused = tried.refused if tried else ""
        self.refused.setText(told(refused) if refused else (told(tried.rate) if tried else ""))
        self.to_room.setEnabled(whole and not refused)

    def _lister(self, gained: bool, kind: Kind) -> Callable[[], None]:
        return lambda: self._list(gained, kind)

    def _list(self, gained: bool, kind: Kind) -> None:
        if self._tried is None:
            return
        spots: tuple[Spot, ...] = self._tried.gained if gained else self._tried.lost
        found = tuple(spot for spot in spots if spot.kind == kind)
        self.chosen.emit(_count_words(gained, kind, len(found)), found)

    def _send(self) -> None:
        settings = self.limits.settings
        if settings is not None and self.to_room.isEnabled():
            self.send.emit(settings)


def _count_words(gained: bool, kind: Kind, count: int) -> str:
    words = {
        (True, "TP"): tr("{count} true alarms more"),
        (True, "FP"): tr("{count} false alarms more"),
        (False, "TP"): tr("{count} true alarms less"),
        (False, "FP"): tr("{count} false alarms less"),
    }[gained, kind]
    return words.format(count=count)


def _line(change: Change, *, whole: bool) -> Line[Change]:
    """One figure; its change is said only once both are of the same procedures."""
    gain = change.now - change.before if change.now is not None and change.before is not None and whole else None
    words = (told(change.words), value_words(change.before, change.unit), value_words(change.now, change.unit))
    return Line((*words, gain_words(gain, change.unit) if whole else ""), change)
