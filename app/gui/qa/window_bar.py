"""The bar at the top of the QA window: pages, who reviews, what runs in the background, opening, help."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from PyQt6.QtGui import QFontMetrics
from PyQt6.QtWidgets import QButtonGroup, QFrame, QHBoxLayout, QPushButton

from app.gui import theme
from app.gui.language import mark, tr
from app.gui.qa import look
from app.gui.qa.keys import Act, key_text
from app.gui.qa.pages import Tab
from app.gui.qa.shortcuts import tip
from app.gui.setup_parts import button, label

TABS: Mapping[Tab, tuple[str, Act]] = {
    Tab.LIBRARY: (mark("Library"), Act.LIBRARY_TAB),
    Tab.WORKLIST: (mark("Worklist"), Act.WORKLIST_TAB),
    Tab.REPLAY: (mark("Replay"), Act.REPLAY_TAB),
    Tab.FIGURES: (mark("Compare and figures"), Act.FIGURES_TAB),
}

_ASIDE_PX = 20  # padding and border of both sides


class WindowBar(QFrame):
    """One row of buttons.

    Args:
        chosen: a tab was clicked.
        do: what the other buttons do, by action.
    """

    def __init__(self, chosen: Callable[[Tab], object], do: Mapping[Act, Callable[[], object]]) -> None:
        super().__init__()
        self.setObjectName("bar")
        self._group = QButtonGroup(self)
        self.tabs: dict[Tab, QPushButton] = {}
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 6, 12, 6)
        row.setSpacing(6)
        for tab, (words, act) in TABS.items():
            made = button(tr(words), partial(chosen, tab))
            made.setCheckable(True)
            made.setToolTip(tip(act))
            made.setAccessibleName(tr(words))
            made.setMinimumWidth(_strong_width(tr(words)))
            self._group.addButton(made)
            self.tabs[tab] = made
            row.addWidget(made)
        row.addStretch(1)
        self.blinded = label(tr("BLINDED"), "caution")
        self.blinded.setWordWrap(False)
        self.blinded.setToolTip(
            tr("AI, live marks, identity and other readers stay hidden until you have committed your review.")
        )
        self.jobs = self._made(Act.JOBS, tr("Analyses"), do)
        self.reviewer = self._made(Act.REVIEWER, "", do)
        self.open = self._made(Act.OPEN_FILE, tr("Open…"), do)
        self.help = self._made(Act.HELP, tr("Keys  {key}").format(key=key_text(Act.HELP)), do)
        for each in (self.blinded, self.jobs, self.reviewer, self.open, self.help):
            row.addWidget(each)

    def say(self, reviewer: str, *, blinded: bool, asks: bool) -> None:
        """Show who reviews; while that is asked for nothing else can be done."""
        self.reviewer.setText(tr("Reviewer: {name}").format(name=reviewer) if reviewer else tr("Reviewer"))
        self.blinded.setVisible(blinded)
        for each in (*self.tabs.values(), self.open, self.reviewer, self.jobs):
            each.setEnabled(not asks)

    def show_tab(self, tab: Tab | None) -> None:
        """Show which page is in front; None: none of them."""
        self._group.setExclusive(False)
        for each, made in self.tabs.items():
            made.setChecked(each is tab)
        self._group.setExclusive(True)

    def _made(self, act: Act, words: str, do: Mapping[Act, Callable[[], object]]) -> QPushButton:
        made = button(words, do[act])
        made.setToolTip(tip(act))
        return made


def _strong_width(words: str) -> int:
    """What a button needs while it is chosen: its words are bold then."""
    return QFontMetrics(theme.font(look.TEXT_PX, strong=True)).horizontalAdvance(words) + _ASIDE_PX
