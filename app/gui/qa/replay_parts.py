"""The widgets of the replay page and where they lie: pictures with timeline at the left, lesions at the right."""

from __future__ import annotations

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from app.gui.language import tr
from app.gui.qa.keys import Act, key_text
from app.gui.qa.lesion_panel import LesionPanel
from app.gui.qa.replay_strip import Banner, LayerRow, Question, StatusLine
from app.gui.qa.replay_transport import Transport
from app.gui.qa.review_canvas import ReviewCanvas
from app.gui.qa.shortcuts import tip
from app.gui.qa.timeline import Timeline
from app.gui.qa.timeline_hover import Hover, Near
from app.gui.setup_parts import button, label

_SIDE_PX = 304


class ReviewBox(QFrame):
    """What is reviewed so far, and the buttons that say more.

    Attributes:
        reviewed: marks the range, or what was just played.
        taken_back: takes that back.
        commit: stands by the review.
        settle: what two readers differ on; hidden unless two have committed.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("side")
        self.blinded = label(kind="caution")
        self.who = label(kind="soft")
        self.share = label()
        self.reviewed = _button(tr("Reviewed"), Act.REVIEWED)
        self.taken_back = _button(tr("Not reviewed"), Act.UNREVIEWED, named=False)
        self.commit = _button(tr("Commit ..."), Act.COMMIT, named=False)
        self.commit.setObjectName("main")
        self.settle = _button(tr("Settle differences"), Act.SETTLE)
        self.settle.hide()
        box = QVBoxLayout(self)
        box.setContentsMargins(8, 4, 8, 8)
        box.setSpacing(5)
        row = QHBoxLayout()
        row.setSpacing(4)
        row.addWidget(self.taken_back, 1)
        row.addWidget(self.commit, 1)
        for widget in (self.blinded, self.who, self.share, self.reviewed):
            box.addWidget(widget)
        box.addLayout(row)
        box.addWidget(self.settle)

    def show_reader(self, who: str, blinded: str) -> None:
        """Say who reviews, and what stays hidden; empty: nothing."""
        self.who.setText(who)
        self.blinded.setText(blinded)
        self.blinded.setVisible(bool(blinded))

    def show_range(self, words: str) -> None:
        """Name what would be marked; empty: nothing."""
        text = (
            f"{tr('Reviewed')}: {words}  [{key_text(Act.REVIEWED)}]"
            if words
            else f"{tr('Reviewed')}  [{key_text(Act.REVIEWED)}]"
        )
        if text != self.reviewed.text():
            self.reviewed.setText(text)


class ReplayParts:
    """Made once for a page.

    Args:
        page: whose layout they get.
        near: small pictures for hovering.

    Attributes:
        banner: what must be known.
        question: asked across the page.
        layers: switches.
        canvas: the picture; with two views that of model A.
        second: the picture of model B; hidden with one view.
        status: what happened last, and what the next click does, in a line.
        transport: buttons of playing.
        timeline: what happened when.
        hover: what lies below the mouse there.
        lesions: at the right.
        review: below them.
    """

    def __init__(self, page: QWidget, near: Near) -> None:
        page.setObjectName("page")
        page.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.banner, self.question, self.layers = Banner(), Question(), LayerRow()
        self.canvas, self.second = ReviewCanvas(), ReviewCanvas()
        self.second.hide()
        self.status = StatusLine()
        self.transport, self.timeline = Transport(), Timeline()
        self.lesions, self.review = LesionPanel(), ReviewBox()
        left = QVBoxLayout()
        left.setSpacing(0)
        for widget in (self.banner, self.question, self.layers):
            left.addWidget(widget)
        pictures = QHBoxLayout()
        pictures.setSpacing(2)
        pictures.addWidget(self.canvas, 1)
        pictures.addWidget(self.second, 1)
        left.addLayout(pictures, 1)
        for lower in (self.status, self.transport, self.timeline):
            left.addWidget(lower)
        side = QFrame()
        side.setObjectName("side")
        side.setFixedWidth(_SIDE_PX)
        beside = QVBoxLayout(side)
        beside.setContentsMargins(0, 0, 0, 0)
        beside.setSpacing(0)
        beside.addWidget(self.lesions, 1)
        beside.addWidget(self.review)
        whole = QHBoxLayout(page)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(2)
        whole.addLayout(left, 1)
        whole.addWidget(side)
        self.hover = Hover(page, near)

    @property
    def canvases(self) -> tuple[ReviewCanvas, ReviewCanvas]:
        """Both views."""
        return self.canvas, self.second

    def follow_each_other(self) -> None:
        """Both views look at the same part of the picture."""
        for one, other in ((self.canvas, self.second), (self.second, self.canvas)):
            one.viewed.connect(other.show_viewport)


def _button(words: str, act: Act, *, named: bool = True) -> QPushButton:
    """With its key on it, or where there is no room in its tool tip only."""
    made = button(f"{words}  [{key_text(act)}]" if named else words)
    made.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    made.setToolTip(tip(act))
    return made
