"""The replay page: play, look for what was found, missed or false, correct it, and say what was reviewed.

The page holds a player (pictures, from a thread of its own), a scribe (edits, likewise) and what was heard of models
and labels (gathered in the background). Each wakes the page, which then reads the newest state and shows it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from PyQt6.QtCore import QPoint, Qt
from PyQt6.QtWidgets import QWidget

from app.gui.bridge import Bridge
from app.gui.language import told, tr
from app.gui.qa.keys import LESION_KEYS, Act
from app.gui.qa.pages import Desk
from app.gui.qa.replay_actions import actions_of
from app.gui.qa.replay_boxes import boxes_at, present
from app.gui.qa.replay_edits import ReplayEdits
from app.gui.qa.replay_events import Lists
from app.gui.qa.replay_going import ReplayGoing
from app.gui.qa.replay_heard import Heard
from app.gui.qa.replay_learning import ReplayLearning
from app.gui.qa.replay_parts import ReplayParts
from app.gui.qa.replay_rows import ReviewRows, event_rows
from app.gui.qa.replay_scribe import Saving, Scribe
from app.gui.qa.replay_words import (
    banner_lines,
    hint_words,
    picture_sign,
    range_words,
    reader_words,
    saved_words,
    share_words,
    whose,
)
from app.gui.qa.review_canvas import ReviewCanvas
from app.gui.qa.review_canvas_layers import LOOKS, Layer, name_of
from app.gui.qa.shortcuts import bind, bind_key
from app.qa.opened import Opened
from app.qa.playback.pictures import Pictures
from app.qa.playback.player import Player
from app.qa.playback.state import PlayState
from app.qa.review import Document, ReviewSession

_FIRST_ON = frozenset({Layer.LIVE, Layer.A, Layer.B, Layer.TRUTH, Layer.OWN, Layer.OTHERS})


class ReplayPage(QWidget):
    """See the module. Made anew for each procedure; the window's thread only.

    Args:
        opened: the procedure.
        session: this reader's review of it; whoever leased it gives it back after :meth:`close_page`.
        desk: the window.
        position: where to stand at first; None: at the beginning.
        results: one or two results files for re-analysis A and B; empty: the newest ones.
    """

    def __init__(
        self,
        opened: Opened,
        session: ReviewSession,
        desk: Desk,
        position: int | None = None,
        results: Sequence[Path] = (),
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.session, self._desk = session, desk
        self._of_player = opened
        self._results = tuple(results)
        self.learning = ReplayLearning(desk, session, opened, results, self)
        self.layers = _FIRST_ON
        self.hidden = False
        self._document: Document | None = None
        self._shown: tuple[object, ...] = ()
        self._review_rows = ReviewRows()
        self._pictures = Pictures(opened)
        self._outdated: list[Pictures] = []  # somebody may still be working with them
        self.bridge = Bridge(self)
        self.player = Player(opened, self.bridge.wake)
        self.scribe = Scribe(self)
        self.edits = ReplayEdits(session, self.scribe, self)
        self.going = ReplayGoing(self.player, self)
        self.parts = ReplayParts(self, self._pictures.near)
        self._stop_listening = session.listen(self.bridge.wake)
        self._connect()
        self._bind()
        if position is not None:
            self.player.seek(position)
        self.learning.gather()
        self._show_layers()
        self.refresh()

    # -- what the window asks (`pages.Page`) --------------------------------------------------------------------------

    def entered(self) -> None:
        """It came to the front: keys go to the picture."""
        self.parts.canvas.setFocus(Qt.FocusReason.OtherFocusReason)

    def left(self) -> None:
        """Another page is in front."""
        self._keep_nudges()
        self.player.pause()

    def close_page(self) -> None:
        """Write what waits, and stop the threads."""
        self._keep_nudges()
        self.learning.close()
        self._stop_listening()
        self.edits.stop()
        self.bridge.close()
        self.scribe.close()
        self.parts.hover.close_work()
        self.player.close()
        for pictures in (*self._outdated, self._pictures):
            pictures.close()

    # -- showing ------------------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Show what is new: picture, boxes, lesions, times."""
        state = self.player.state()
        if state.opened is not self._of_player:
            self._of_player = state.opened
            self._know_better(state.opened)
        if self.session.document is not self._document:
            self._show_document()
        self.going.played.follow(state)
        parts = self.parts
        parts.timeline.show_axis(state.axis)
        parts.timeline.show_position(state.wanted if state.wanted is not None else state.position)
        parts.transport.show_state(state, state.axis)
        parts.transport.show_saved(saved_words(self.scribe.state, self.session), self.scribe.state is Saving.FAILED)
        parts.banner.show_lines(banner_lines(state, self.session, self.heard.problems, self.opened))
        parts.lesions.set_editable(self.edits.editable)
        parts.lesions.show_document(self.edits.document, state.axis, self.edits.lesion, self.position)
        self._show_range(state)
        if not any(canvas.busy for canvas in parts.canvases):
            self._show_picture(state)
        parts.status.show_hint(
            hint_words(self.edits) or (tr("Results are being read ...") if self.learning.gathering else "")
        )

    @property
    def position(self) -> int:
        """Of the picture on the canvas: what boxes are drawn on."""
        return self._position

    _position = 0

    @property
    def pictures(self) -> Pictures:
        """For work beside the window's thread."""
        return self._pictures

    @property
    def opened(self) -> Opened:
        """The procedure as it is known now."""
        return self.learning.opened

    @property
    def heard(self) -> Heard:
        """What others say of it."""
        return self.learning.heard

    @property
    def lists(self) -> Lists:
        """Where 'next' and 'before' lead."""
        return self.learning.lists

    @property
    def can_be_settled(self) -> bool:
        """Whether two readers have committed, and this one may know of it."""
        return self.session.visible.other_readers and len(self.heard.committed) + self.session.committed > 1

    def settle(self) -> None:
        """Settle what two readers differ on, in the place of this page."""
        if self.can_be_settled:
            self._desk.settle(self.opened.path)
        else:
            self.say(tr("It takes two readers who have committed their reviews."))

    def committed(self, labels: bool) -> None:
        """The reader has committed: what was hidden is shown, and labels that were written are read."""
        if labels:
            self.learning.read_labels()
        else:
            self.learning.gather()
        self.refresh()

    def say(self, words: str) -> None:
        """Say what happened, in a line below the picture."""
        self.parts.status.show_said(words)

    def _show_picture(self, state: PlayState) -> None:
        words, tone = picture_sign(state)
        self._position = state.position
        two = not self.parts.second.isHidden()
        shown = self._shown
        self._shown = (state.number, self._document, self.layers, self.hidden, self.heard, two, self.edits.lesion)
        if shown and shown[0] != state.number:
            for canvas in self.parts.canvases:
                canvas.settle()
        for canvas in self.parts.canvases if two else (self.parts.canvas,):
            canvas.editable = self.edits.editable and state.exact and state.picture is not None
            canvas.show_picture(state.picture, words or tr("The first picture is being looked for."))
            canvas.show_sign(words, tone)
            canvas.choose(self.edits.lesion)
        if self._shown != shown:
            self._show_boxes(two)

    def _show_boxes(self, two: bool) -> None:
        exact = self.player.state().exact
        visible = self.session.visible
        layers = frozenset() if self.hidden or not exact else self.layers & present(self.heard, self.opened, visible)
        if not two:
            self._fill(self.parts.canvas, layers, "")
            return
        for canvas, mine, other in ((self.parts.canvas, Layer.A, Layer.B), (self.parts.second, Layer.B, Layer.A)):
            out = {other} if mine is Layer.A else {other, Layer.LIVE}
            self._fill(canvas, layers - out, f"{LOOKS[mine].letter}  {whose(self.heard).get(mine, name_of(mine))}")

    def _fill(self, canvas: ReviewCanvas, layers: frozenset[Layer], title: str) -> None:
        canvas.show_boxes(boxes_at(self._position, layers, self.heard, self.edits.document, self.opened))
        canvas.show_title(title)

    def _show_document(self) -> None:
        self._document = self.session.document
        self.edits.keep_choice()
        self._show_rows()
        self.learning.follow(self._document)
        self.parts.review.share.setText(share_words(self._document, self.opened.axis))

    def _show_rows(self) -> None:
        spots = self.learning.spots if self.session.visible.ai else ()
        own = self._review_rows.rows(self.session.document)
        self.parts.timeline.show_rows((*self.learning.rows, *event_rows(spots), *own))

    def _show_layers(self) -> None:
        there = present(self.heard, self.opened, self.session.visible)
        self.parts.layers.show_layers(there, frozenset() if self.hidden else self.layers, whose(self.heard))
        self._shown = ()

    def _show_range(self, state: PlayState) -> None:
        review, chosen = self.parts.review, self.going.reviewable()
        review.show_reader(*reader_words(self.session))
        review.show_range(range_words(state.axis, chosen) if chosen is not None and len(state.axis) else "")
        review.reviewed.setEnabled(self.edits.editable and chosen is not None)
        review.taken_back.setEnabled(self.edits.editable and self.going.range is not None)
        review.commit.setEnabled(self.edits.editable)
        review.settle.setVisible(self.can_be_settled)

    # -- what is learnt later -----------------------------------------------------------------------------------------

    def _hear_more(self) -> None:
        self._show_layers()
        self._show_rows()
        self.refresh()

    def _know_better(self, opened: Opened) -> None:
        """Frames were counted or labels compared: what stood on an estimate is gathered anew."""
        counted = opened.axis.whole and not self.opened.axis.whole
        self.learning.opened = opened
        self._outdated.append(self._pictures)
        self._pictures = Pictures(opened)
        self.parts.hover.use(self._pictures.near)
        if counted and self.session.read_only:
            # The review could not begin on an estimate; a new page has one that can.
            self._desk.open(opened.path, self.position, results=self._results)
            return
        session = self.session
        self.scribe.do(lambda: session.take_labels(opened))
        self.learning.gather()

    # -- wiring -------------------------------------------------------------------------------------------------------

    def _connect(self) -> None:
        parts, edits, going = self.parts, self.edits, self.going
        self.bridge.refresh.connect(self.refresh)
        parts.follow_each_other()
        for canvas in parts.canvases:
            canvas.drawn.connect(lambda box: edits.drawn(self.position, box))
            canvas.reshaped.connect(lambda lesion, box: edits.reshaped(self.position, lesion, box))
            canvas.chosen_changed.connect(edits.choose)
            canvas.refused.connect(self._refuse)
            canvas.taken.connect(self._stand_still)
        self.learning.heard_more.connect(self._hear_more)
        self.learning.judged.connect(self._show_rows)
        for said in (edits.said, going.said, self.learning.said):
            said.connect(self.say)
        edits.changed.connect(self.bridge.wake)
        edits.goes.connect(going.to)
        going.leaving.connect(self._keep_nudges)
        going.range_changed.connect(parts.timeline.show_range)
        self.scribe.written.connect(self._settle)
        self.scribe.refused.connect(self._not_kept)
        timeline = parts.timeline
        timeline.sought.connect(going.to)
        timeline.range_chosen.connect(going.choose_range)
        timeline.hovered.connect(self._hover)
        parts.layers.switched.connect(self.switch)
        parts.lesions.chosen.connect(edits.choose)
        parts.lesions.described.connect(edits.describe)
        parts.transport.place_wished.connect(self._go_to)
        parts.question.closed.connect(self.entered)

    def _bind(self) -> None:
        self.acts = actions_of(self)
        bind(self, self.acts)
        for wished in (self.parts.lesions.wished, self.parts.transport.wished):
            wished.connect(lambda act: self.acts[act]())
        review = self.parts.review
        for made, act in (
            (review.reviewed, Act.REVIEWED),
            (review.taken_back, Act.UNREVIEWED),
            (review.commit, Act.COMMIT),
            (review.settle, Act.SETTLE),
        ):
            made.clicked.connect(self.acts[act])
        for number, key in enumerate(LESION_KEYS, start=1):
            bind_key(self, key, partial(self.edits.choose, number))

    # -- answers to widgets -------------------------------------------------------------------------------------------

    def switch(self, layer: Layer, on: bool | None = None) -> None:
        """A layer on or off; None: the other way round."""
        self.hidden = False
        wanted = layer not in self.layers if on is None else on
        self.layers = self.layers | {layer} if wanted else self.layers - {layer}
        self._show_layers()
        self.refresh()

    def hide_boxes(self) -> None:
        """All boxes away, or back."""
        self.hidden = not self.hidden
        self._show_layers()
        self.refresh()

    def side_by_side(self) -> None:
        """Models A and B beside each other, or in one picture."""
        second = self.parts.second
        if second.isHidden() and (self.heard.a is None or self.heard.b is None or not self.session.visible.ai):
            self.say(tr("Two views need two re-analyses of this procedure."))
            return
        second.setVisible(second.isHidden())
        second.show_viewport(self.parts.canvas.viewport)
        self._shown = ()
        self.refresh()

    def _go_to(self, text: str) -> None:
        self.going.to_text(text)
        self.entered()

    def _hover(self, position: int | None, x: int) -> None:
        timeline = self.parts.timeline
        corner = timeline.mapTo(self, QPoint(x, 0))
        self.parts.hover.show_at(position, corner, timeline.axis)

    def _stand_still(self) -> None:
        if self.player.state().playing:
            self.player.pause()
            self.player.seek(self.position)

    def _keep_nudges(self) -> None:
        for canvas in self.parts.canvases:
            canvas.finish_nudge()

    def _settle(self) -> None:
        if not self.scribe.waiting:
            self._show_document()
            self._shown = ()
            for canvas in self.parts.canvases:
                canvas.settle()
        self.refresh()

    def _not_kept(self, words: str) -> None:
        self.edits.failed()
        for canvas in self.parts.canvases:
            canvas.settle()
        self.say(told(words))
        self._desk.notify(words, trouble=True)
        self.refresh()

    def _refuse(self) -> None:
        state = self.player.state()
        if self.session.read_only:
            self.say(told(self.session.read_only))
        elif not state.exact:
            self.say(tr("This is not yet the picture that was asked for: boxes can be drawn in a moment."))
