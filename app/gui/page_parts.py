"""The widgets of the live page, and where they lie."""

from __future__ import annotations

from PyQt6.QtCore import QRect
from PyQt6.QtWidgets import QWidget

from app.gui.bar_hider import BarHider
from app.gui.buttons import TouchBar
from app.gui.canvas import Canvas
from app.gui.help import HelpPage
from app.gui.layout import Area, PageLayout, arrange
from app.gui.selftest_page import SelfTestStage
from app.gui.sound import Player
from app.gui.status_line import StatusLine
from detector.geometry import Size


class PageParts:
    """Made once for a page.

    Attributes:
        canvas: the picture.
        status_line: below it.
        bar: the buttons.
        stage: the self-test, in place of the picture.
        help: the keys, over the picture.
        hider: hides bar and pointer in full screen.
        source_size: of the picture; None before the first.
        below_px: room that features have below the picture.
        picture: where the picture may lie and that room, in logical pixels, without what lies under the buttons.
    """

    def __init__(self, page: QWidget, player: Player) -> None:
        self._page = page
        self.canvas = Canvas(page)
        self.status_line = StatusLine(page)
        self.bar = TouchBar((), page)
        self.stage = SelfTestStage(page, player)
        self.help = HelpPage(page)
        self.hider = BarHider(page, self.bar)
        self.source_size: Size | None = None
        self.below_px = 0
        self.picture = QRect()
        for child in (page, self.status_line, self.bar):
            child.setMouseTracking(True)

    def arrange(self) -> None:
        """Lay them out for the page's size and the picture's."""
        page = self._page
        size = Size(max(1, page.width()), max(1, page.height()))
        layout = arrange(size, self.source_size, with_bar=True, below_px=self.below_px)
        self.picture = QRect(*_beside(layout)).adjusted(0, 0, 0, self.below_px)
        self.canvas.setGeometry(QRect(*layout.canvas))
        self.status_line.setGeometry(QRect(*layout.status))
        self.bar.setGeometry(QRect(*layout.bar))
        self.bar.arrange(layout.bar_vertical)
        self.stage.place(self.picture, page.height())
        self.help.place(self.picture, page.height())

    def toggle_help(self) -> None:
        """Show or hide the keys."""
        self.help.setVisible(self.help.isHidden())
        self.help.raise_()


def _beside(layout: PageLayout) -> Area:
    """The canvas without what of it lies under the buttons."""
    canvas = layout.canvas
    return canvas._replace(width=layout.bar.x) if layout.bar_vertical and canvas.meets(layout.bar) else canvas
