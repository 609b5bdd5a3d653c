"""The widgets of the page on which differences are settled, and where they lie: as on the replay page."""

from __future__ import annotations

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.gui.qa.replay_strip import Banner, Question, StatusLine
from app.gui.qa.replay_transport import Transport
from app.gui.qa.review_canvas import ReviewCanvas
from app.gui.qa.settle_panel import SettlePanel
from app.gui.qa.timeline import Timeline


class SettleParts:
    """Made once for a page.

    Args:
        page: whose layout they get.

    Attributes:
        banner: what must be known.
        question: asked across the page.
        canvas: the picture.
        status: what happened last, and what the next key does, in a line.
        transport: buttons of playing.
        timeline: what both readers have drawn, and where they differ.
        panel: at the right: the differences and the answers.
    """

    def __init__(self, page: QWidget) -> None:
        page.setObjectName("page")
        page.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.banner, self.question, self.canvas = Banner(), Question(), ReviewCanvas()
        self.status, self.transport, self.timeline = StatusLine(), Transport(), Timeline()
        self.panel = SettlePanel()
        left = QVBoxLayout()
        left.setSpacing(0)
        for upper in (self.banner, self.question):
            left.addWidget(upper)
        left.addWidget(self.canvas, 1)
        for lower in (self.status, self.transport, self.timeline):
            left.addWidget(lower)
        whole = QHBoxLayout(page)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(2)
        whole.addLayout(left, 1)
        whole.addWidget(self.panel)
