"""What can be done with the procedures that are chosen in the library: a row of buttons, each with its key.

Each action belongs to another room; this row only asks. `OFFERS` is the one place where a room adds its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from PyQt6.QtWidgets import QHBoxLayout, QPushButton, QWidget

from app.gui.language import mark, tr
from app.gui.qa.flow import Flow
from app.gui.qa.keys import Act
from app.gui.qa.library_hand_out import HandOut, hand_outs
from app.gui.qa.library_words import whole
from app.gui.qa.pages import Desk
from app.gui.qa.shortcuts import bind, tip
from app.gui.setup_parts import button, label
from app.qa.library import Entry

if TYPE_CHECKING:
    from app.gui.qa.library_page import LibraryPage


@dataclass(frozen=True, slots=True)
class Offer:
    """One button.

    Attributes:
        words: on it.
        act: its key.
        do: with the chosen procedures, at the desk.
        fits: whether it is offered for the one procedure that is chosen; None: it is always there, for any number.
    """

    words: str
    act: Act
    do: Callable[[Desk, list[Path]], object]
    fits: Callable[[Entry], bool] | None = None


OFFERS: Final = (
    Offer(mark("Analyse"), Act.ANALYSE_SELECTED, lambda desk, paths: desk.analyse(paths)),
    Offer(mark("Worklist"), Act.WORKLIST_SELECTED, lambda desk, paths: desk.show_worklist(paths)),
    Offer(mark("Figures"), Act.SCORE_SELECTED, lambda desk, paths: desk.show_figures(paths)),
    Offer(
        mark("Settle differences"),
        Act.SETTLE_SELECTED,
        lambda desk, paths: desk.settle(paths[0]),
        lambda entry: entry.can_be_settled,
    ),
)


class ActionBar(QWidget):
    """The row below the list.

    Args:
        desk: of the window.
        page: whose selection it is.
    """

    def __init__(self, desk: Desk, page: LibraryPage) -> None:
        super().__init__(page)
        self._desk = desk
        self._page = page
        self.words = label(kind="soft")
        self.words.setWordWrap(False)
        self.open = button(tr("Open"), page.open_selected, main=True)
        self.open.setToolTip(tip(Act.OPEN_SELECTED))
        self.buttons: dict[str, QPushButton] = {}
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        buttons = Flow(6)
        buttons.addWidget(self.open)
        self._fitting: list[tuple[Offer, QPushButton]] = []
        for offer in OFFERS:
            if offer.fits is None or not desk.blinded:  # that others have read it is hidden from a blinded reader
                buttons.addWidget(self._made(offer))
        self.work = HandOut(desk, self)
        for words, ask in () if desk.blinded else hand_outs():  # others' labels are hidden from a blinded reader
            each = button(tr(words), partial(page.with_selected, partial(ask, self.work)))
            self.buttons[words] = each
            buttons.addWidget(each)
        row.addLayout(buttons, 1)
        row.addWidget(self.work)
        row.addWidget(self.words)
        self.say(0)

    def say(self, chosen: int, entry: Entry | None = None) -> None:
        """So many are chosen; `entry` if it is one, and what is known of it is there."""
        for offer, made in self._fitting:
            assert offer.fits is not None
            made.setVisible(entry is not None and offer.fits(entry))
        self.open.setEnabled(chosen == 1)
        for each in self.buttons.values():
            each.setEnabled(chosen > 0)
        self.words.setText(tr("{n} chosen").format(n=whole(chosen)) if chosen else tr("Choose one or more procedures"))

    def _made(self, offer: Offer) -> QPushButton:
        def do() -> None:
            if not made.isHidden():
                self._page.with_selected(lambda paths: offer.do(self._desk, paths))

        made = button(tr(offer.words), do)
        if offer.fits is not None:
            self._fitting.append((offer, made))
        made.setToolTip(tip(offer.act))
        bind(self._page, {offer.act: do})
        self.buttons[offer.words] = made
        return made
