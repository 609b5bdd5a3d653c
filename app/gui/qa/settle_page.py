"""The page on which a third settles what two readers differ on: one key each, and the next one comes by itself.

Nobody's name is shown before all is settled, and no model's boxes: what counts is the picture. Every decision is an
operation in the log of whoever decides, on the disk before the next one is shown.
"""

from __future__ import annotations

import threading
from functools import partial
from typing import Any

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtWidgets import QWidget

from app.gui.bridge import Bridge
from app.gui.language import told, tr
from app.gui.qa.pages import Desk
from app.gui.qa.replay_going import ReplayGoing
from app.gui.qa.replay_rows import reader_row
from app.gui.qa.replay_scribe import Saving, Scribe
from app.gui.qa.replay_words import banner_lines, picture_sign, saved_words
from app.gui.qa.review_canvas_grip import Box
from app.gui.qa.review_canvas_layers import CanvasBox, Layer
from app.gui.qa.settle_actions import actions_of
from app.gui.qa.settle_boxes import OWN, boxes_at
from app.gui.qa.settle_order import Order
from app.gui.qa.settle_parts import SettleParts
from app.gui.qa.settle_publish import ask_publish
from app.gui.qa.settle_rows import differences_row
from app.gui.qa.settle_words import (
    agreement_words,
    answer_words,
    kind_words,
    nothing_words,
    place_words,
    question_words,
)
from app.gui.qa.shortcuts import bind
from app.qa.opened import Opened
from app.qa.playback.player import Player
from app.qa.playback.state import PlayState
from app.qa.review import ReviewSession
from app.qa.review.adjudication import Take
from app.qa.review.agreement import Disagreement
from app.qa.review.document import Document
from app.qa.review.settling import Settling
from detector.errors import UsageError

_AROUND_S = 1.0  # is played before and after what is in question
_SEEN_S = 15.0  # of the timeline, likewise


class SettlePage(QWidget):
    """See the module. Made anew for each procedure; the window's thread only.

    Args:
        opened: the procedure.
        settling: what is settled; its session is closed with the page.
        desk: the window.

    Attributes:
        left_for_good: whoever decides goes away; everything is kept.
        current: the difference that is looked at; None: there is none.
        drawn: one's own boxes of it so far, by position.
    """

    left_for_good = pyqtSignal()

    def __init__(self, opened: Opened, settling: Settling, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.opened, self.settling, self.desk = opened, settling, desk
        self.adjudication = settling.adjudication
        self.session = self.adjudication.session
        self.order = Order(settling, opened.axis)
        self.current: Disagreement | None = None
        self.drawn: dict[int, Box] = {}
        self.hidden = False
        self._decided = list(self.session.document.decisions)
        self._document: Document | None = None
        self._position = 0
        self.bridge = Bridge(self)
        self.player = Player(opened, self.bridge.wake)
        self.scribe = Scribe(self)
        self.going = ReplayGoing(self.player, self)
        self.parts = SettleParts(self)
        self._stop_listening = self.session.listen(self.bridge.wake)
        self._connect()
        self.choose(self.order.next_open(None))
        self.refresh()

    # -- what is asked of a page --------------------------------------------------------------------------------------

    def entered(self) -> None:
        """It came to the front: keys go to the picture."""
        self.parts.canvas.setFocus(Qt.FocusReason.OtherFocusReason)

    def left(self) -> None:
        """Another page is in front."""
        self.parts.canvas.finish_nudge()
        self.player.pause()

    def close_page(self, *, wait: bool = False) -> None:
        """Stop the threads. What waits is written, and then the log is closed; `wait` for that."""
        self._stop_listening()
        self.bridge.close()
        written = self.scribe.close()
        self.player.close()
        if wait or written:
            _end(self.scribe, self.session)
        else:  # labels of an hour are still being written
            threading.Thread(target=_end, args=(self.scribe, self.session), name="qa-scribe-ends", daemon=True).start()

    # -- deciding -----------------------------------------------------------------------------------------------------

    def choose(self, wanted: Disagreement | None) -> None:
        """Look at this one."""
        if wanted is not self.current:
            self.drawn = {}
            self.parts.panel.clear_value()
        self.current = wanted
        if wanted is not None:
            self.player.pause()
            self.going.choose_range((wanted.first, wanted.last))
            self.player.loop(*self.order.around(wanted, _AROUND_S))
            first, last = self.order.around(wanted, _SEEN_S)
            self.parts.timeline.fit((first, last))
            self.going.to(self.order.look_at(wanted))
        self._show_document()
        self.refresh()

    def choose_beside(self, by: int) -> None:
        """The one before or after in the list."""
        self.choose(self.order.beside(self.current, by))

    def take(self, take: Take) -> None:
        """Decide the one that is looked at."""
        chosen = self.current
        if self.session.read_only:
            self.say(told(self.session.read_only))
        elif chosen is None:
            self.say(tr("There is nothing left to decide."))
        elif chosen.name in self.adjudication.moot:
            self.say(tr("This needs no decision: there is no such lesion any more."))
        elif (before := self.order.asked_first(chosen)) is not None:
            self.say(tr("Decide first whether there is this lesion at all."))
            self.choose(before)
        elif not self.scribe.waiting:  # else a second press would decide what nobody has seen yet
            with_own = self._own(chosen) if take == "own" else {}
            if with_own is not None:
                adjudication = self.adjudication
                self.scribe.do(lambda: adjudication.decide(chosen, take, **with_own), lambda _: self._taken(chosen))

    def take_own(self) -> None:
        """Take the boxes that were drawn, or the value that was chosen, if there is any."""
        if self.drawn or (self.current is not None and self.current.attribute and self.parts.panel.value is not None):
            self.take("own")
        elif self.current is not None and self.current.attribute:
            self.parts.panel.ask_value()
        else:
            self.say(tr("Draw your own box in the picture, in as many frames as it takes; then press 4 or Enter."))

    def back(self) -> None:
        """Take the boxes that were drawn away, else the last decision back."""
        if self.drawn:
            self.drawn = {}
            self.refresh()
        elif self.session.read_only:
            self.say(told(self.session.read_only))
        elif not self._decided:
            self.say(tr("There is no decision to take back."))
        elif not self.scribe.waiting:
            self.scribe.do(self.session.undo, lambda _: self._undone())

    def publish(self) -> None:
        """Stand by it, if all is settled."""
        left = len(self.adjudication.open_disagreements)
        if self.session.read_only:
            self.say(told(self.session.read_only))
        elif left:
            self.say(tr("{n} differences are still open: publish when all are settled.").format(n=left))
            self.choose(self.order.next_open(self.current))
        else:
            ask_publish(self)

    def published(self) -> None:
        """It was committed: now the names may be known."""
        self._document = None
        self.desk.library.refresh(self.opened.path)
        self.refresh()

    def say(self, words: str) -> None:
        """Say what happened, in a line below the picture."""
        self.parts.status.show_said(words)

    # -- showing ------------------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Show what is new."""
        state = self.player.state()
        if self.session.document is not self._document:
            self._show_document()
        self.parts.timeline.show_axis(state.axis)
        self.parts.timeline.show_position(state.wanted if state.wanted is not None else state.position)
        self.parts.transport.show_state(state, state.axis)
        self.parts.transport.show_saved(
            saved_words(self.scribe.state, self.session), self.scribe.state is Saving.FAILED
        )
        self.parts.banner.show_lines(banner_lines(state, self.session, self._problems(), self.opened))
        self.parts.panel.set_editable(
            not self.session.read_only,
            back=bool(self._decided or self.drawn),
            publish=not self.adjudication.open_disagreements,
        )
        if not self.parts.canvas.busy:
            self._show_picture(state)
        self.parts.status.show_hint(self._hint())

    def hide_boxes(self) -> None:
        """All boxes away, or back."""
        self.hidden = not self.hidden
        self.refresh()

    @property
    def position(self) -> int:
        """Of the picture on the canvas: what boxes are drawn on."""
        return self._position

    def _show_picture(self, state: PlayState) -> None:
        words, tone = picture_sign(state)
        if state.position != self._position:
            self.parts.canvas.settle()
        self._position = state.position
        here = self.current is not None and self.current.first <= state.position <= self.current.last
        boxed = here and self.current is not None and not self.current.attribute
        self.parts.canvas.editable = bool(
            boxed and state.exact and state.picture is not None and not self.session.read_only
        )
        self.parts.canvas.show_picture(state.picture, words or tr("The first picture is being looked for."))
        self.parts.canvas.show_sign(words, tone)
        self.parts.canvas.show_boxes(self._boxes() if state.exact and not self.hidden else ())
        self.parts.canvas.choose(OWN if self.drawn else None)

    def _boxes(self) -> tuple[CanvasBox, ...]:
        try:
            return boxes_at(self._position, self.settling, self.current, self.drawn)
        except UsageError as error:
            self.drawn = {}
            self.say(told(str(error)))
            return boxes_at(self._position, self.settling, self.current, {})

    def _show_document(self) -> None:
        self._document = self.session.document
        order, panel, open_ones = self.order, self.parts.panel, self.adjudication.open_disagreements
        panel.show_progress(len(order.all) - len(open_ones), len(order.all))
        panel.show_list(order.lines(), order.place(self.current))
        panel.show_figures(agreement_words(self.settling.agreement), self._who())
        self._show_question()
        a = reader_row("A", Layer.A, self.settling.a)
        b = reader_row("B", Layer.B, self.settling.b)
        self.parts.timeline.show_rows((a, b, differences_row(order.all, {d.name for d in open_ones})))

    def _show_question(self) -> None:
        chosen, panel = self.current, self.parts.panel
        if chosen is None:
            panel.show_question("", nothing_words(self.adjudication.comparison), "", {}, "")
            return
        words = question_words(chosen, self.settling.a, self.settling.b)
        place = place_words(chosen, self.opened.axis)
        panel.show_question(kind_words(chosen), words, place, answer_words(chosen), chosen.attribute)

    def _who(self) -> str:
        if not self.session.committed:
            return tr("Who A and B are is said when all is settled and committed.")
        return tr("A was {a}, B was {b}.").format(a=self.settling.names[0], b=self.settling.names[1])

    def _problems(self) -> tuple[str, ...]:
        if not self.adjudication.stale:
            return ()
        return (tr("A reader has changed their review since this was begun: decisions stand on what was said then."),)

    def _hint(self) -> str:
        if self.drawn:
            return tr("Frames drawn: {n}. 4 or Enter takes your boxes, Backspace drops them.").format(n=len(self.drawn))
        if self.current is not None and self.current.name in self.session.document.decisions:
            return tr("Settled. Another answer takes its place.")
        return ""

    # -- below --------------------------------------------------------------------------------------------------------

    def _own(self, chosen: Disagreement) -> dict[str, Any] | None:
        if chosen.attribute:
            return {"attributes": {chosen.attribute: self.parts.panel.value}}
        return {"boxes": dict(self.drawn)}

    def _draw(self, box: Box) -> None:
        self.drawn = {**self.drawn, self._position: box}
        self.parts.canvas.settle()
        self.refresh()

    def _taken(self, chosen: Disagreement) -> None:
        self._decided.append(chosen.name)
        self.drawn = {}
        following = self.order.next_open(chosen)
        if following is None:
            self.say(tr("All differences are settled. Ctrl+Enter publishes."))
        self.choose(following or chosen)
        self.entered()

    def _undone(self) -> None:
        name = self._decided.pop()
        self.say(tr("The last decision is taken back."))
        self.choose(self.order.named(name) or self.current)

    def _refused(self, words: str) -> None:
        self.say(told(words))
        self.desk.notify(words, trouble=True)
        self.refresh()

    def _not_here(self) -> None:
        if self.session.read_only:
            self.say(told(self.session.read_only))
        elif self.current is not None and not self.current.attribute:
            self.say(tr("Boxes can be drawn in the frames that are in question: the chosen range of the timeline."))

    # -- wiring -------------------------------------------------------------------------------------------------------

    def _connect(self) -> None:
        self.acts = actions_of(self)
        bind(self, self.acts)
        self.bridge.refresh.connect(self.refresh)
        self.parts.canvas.drawn.connect(self._draw)
        self.parts.canvas.reshaped.connect(lambda _lesion, box: self._draw(box))
        self.parts.canvas.refused.connect(self._not_here)
        self.parts.canvas.taken.connect(self._stand_still)
        self.going.leaving.connect(self.parts.canvas.finish_nudge)
        self.going.said.connect(self.say)
        self.going.range_changed.connect(self.parts.timeline.show_range)
        self.parts.timeline.sought.connect(self.going.to)
        self.scribe.written.connect(self.refresh)
        self.scribe.refused.connect(self._refused)
        self.parts.transport.place_wished.connect(self._go_to)
        self.parts.question.closed.connect(self.entered)
        self.parts.panel.chosen.connect(lambda number: self.choose(self.order.all[number]))
        for wished in (self.parts.panel.wished, self.parts.transport.wished):
            wished.connect(lambda act: self.acts.get(act, partial(self.say, ""))())

    def _go_to(self, text: str) -> None:
        self.going.to_text(text)
        self.entered()

    def _stand_still(self) -> None:
        if self.player.state().playing:
            self.player.pause()
            self.player.seek(self._position)


def _end(scribe: Scribe, session: ReviewSession) -> None:
    scribe.wait()
    session.close()
