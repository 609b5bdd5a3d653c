"""One clip after the other, each answered with one key. Worklist and miss audit are the same thing with other answers.

An answer is on the disk before the next clip shows. A key counts only once the clip's first picture has been on the
screen, and a held key counts once: nobody answers what they have not seen.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from app.gui.language import decimal, told, tr
from app.gui.qa.answer_bar import AnswerBar, Rows
from app.gui.qa.clip_view import Box, ClipView, Marked, Whose
from app.gui.qa.keys import Act, key_text
from app.gui.qa.pages import Desk
from app.gui.qa.reel import Ready, Reel
from app.gui.qa.shortcuts import tip
from app.gui.qa.sitting import Given, Sitting
from app.gui.qa.worklist_words import clock, progress_words
from app.gui.setup_parts import button, label
from app.qa.review import Document, ReviewSession
from app.qa.worklist.answers import Answer, Verdict
from app.qa.worklist.clips import Clip
from detector.errors import PolypwatchError, UsageError

_AHEAD = 2
"""How many of the next clips are made ready."""


@dataclass(frozen=True, slots=True)
class _Saved:
    """An answer on the disk.

    Attributes:
        edits: how many edits it was: the answer, and a box before it.
        after: the document as it left it.
    """

    edits: int
    after: Document


class Judging(QWidget):
    """The clip, the question, the answers.

    Attributes:
        moved_on: an answer was given or taken back.
        finished: the last clip is answered.
    """

    moved_on = pyqtSignal()
    finished = pyqtSignal()

    def __init__(self, desk: Desk, choices: Rows, columns: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._choices = choices
        self.sitting = Sitting()
        self._saved: list[_Saved] = []
        self._seen_s: float | None = None
        self._saving = False
        self._boxes_on = True
        self._boxes: dict[int, tuple[Marked, ...]] = {}
        self.reel = Reel(desk, self)
        self.reel.changed.connect(self._refresh)
        self.reel.unplayable.connect(self._cannot_play)
        self.view = ClipView(self)
        self.view.held.connect(self.reel.hold)
        self.view.dropped.connect(self.reel.go_on)
        self.view.drawn.connect(self._drawn)
        self.question = label(kind="heading")
        self.why = label(kind="soft")
        self.where = label(kind="soft")
        self.where.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignTop)
        self.progress = label()
        self.progress.setWordWrap(False)
        self.last = label(kind="soft")
        self.bar = AnswerBar(choices, columns, self)
        self.bar.answered.connect(self.answer)
        self.back = self._tool(tr("Back"), Act.ANSWER_BACK, self.take_back)
        self.hold = self._tool(tr("Hold"), Act.CLIP_AGAIN, self.toggle_hold)
        self.boxes = self._tool(tr("Boxes"), Act.CLIP_BOXES, self.toggle_boxes)
        self.boxes.setCheckable(True)
        self.boxes.setChecked(True)
        self.replay = self._tool(tr("Open in Replay"), Act.CLIP_IN_REPLAY, self.open_in_replay)
        self._arrange()
        self._offer()

    def _tool(self, words: str, act: Act, then: Callable[[], object]) -> QPushButton:
        made = button(f"{words}  [{key_text(act)}]", then)
        made.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        made.setToolTip(tip(act))
        return made

    def _arrange(self) -> None:
        head = QHBoxLayout()
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(self.question)
        words.addWidget(self.why)
        head.addLayout(words, 1)
        head.addWidget(self.where)
        foot = QHBoxLayout()
        for tool in (self.back, self.hold, self.boxes, self.replay):
            foot.addWidget(tool)
        foot.addWidget(self.last, 1)
        foot.addWidget(self.progress)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(8)
        whole.addLayout(head)
        whole.addWidget(self.view, 1)
        whole.addWidget(self.bar)
        whole.addLayout(foot)

    # -- what the page asks -------------------------------------------------------------------------------------------

    def begin(self, clips: Sequence[Clip] = (), expected: int = 0) -> None:
        """Ask about these clips; `expected` procedures will be added."""
        self.sitting, self._saved = Sitting(clips, expected), []
        self.last.setText("")
        self._show_current()

    def add(self, procedure: Path, clips: Sequence[Clip]) -> None:
        """Ask about these, too, when it is their turn."""
        idle = self.sitting.current is None
        self.sitting.add(procedure, clips)
        if idle and clips:
            self._show_current()
        else:
            self.progress.setText(progress_words(self.sitting.progress()))
            self.reel.show_next(self.sitting.upcoming(_AHEAD))

    def pause(self) -> None:
        """Another page is in front."""
        self.reel.hold()

    def resume(self) -> None:
        """This page is in front."""
        if self.sitting.current is not None and not self.view.drawing:
            self.reel.go_on()
        self._say_hold()

    def close_judging(self) -> None:
        """Stop the players."""
        self.reel.close()

    # -- what a key does ----------------------------------------------------------------------------------------------

    def press(self, verdict: Verdict) -> None:
        """The key of an answer."""
        self.bar.press(verdict)

    def answer(self, verdict: Verdict, box: Box | None = None, position: int | None = None) -> None:
        """Answer the clip.

        Args:
            verdict: what is said.
            box: drawn around what was missed; None: only the time is marked.
            position: of the picture that it was drawn on.
        """
        clip, ready = self.sitting.current, self.reel.ready
        if clip is None or ready is None or self._saving or self._seen_s is None or verdict not in clip.verdicts:
            return
        if ready.lease.session.read_only:
            self._refuse(clip, ready.lease.session.read_only)
            return
        seconds = time.monotonic() - self._seen_s
        focus = clip.focus if position is None else min(max(position, clip.first), clip.last)
        given = Answer(
            clip.id, clip.kind, verdict, clip.first, clip.last, focus, box or clip.box, clip.plan, round(seconds, 2)
        )
        session = ready.lease.session
        self._set_saving(True)
        self._desk.run_in_background(
            lambda: _save(session, given, box, focus),
            lambda saved: self._answered(verdict, seconds, saved),
            self._not_saved,
            owner=self,
        )

    def take_back(self) -> None:
        """Take the last answer back and ask its clip again."""
        last = self.sitting.last
        if last is None or self._saving:
            return
        saved = self._saved[-1]
        self._set_saving(True)
        self._desk.run_in_background(
            lambda: _undo(self._desk, last, saved), lambda _: self._taken_back(), self._not_saved, owner=self
        )

    def toggle_hold(self) -> None:
        """Hold the clip, or let it go on."""
        if self.reel.playing:
            self.reel.hold()
        else:
            self.reel.go_on()
        self._say_hold()

    def toggle_boxes(self) -> None:
        """Show or hide the boxes."""
        clip = self.sitting.current
        if clip is None or clip.blind or not clip.boxes:
            return
        self._boxes_on = not self._boxes_on
        self.boxes.setChecked(self._boxes_on)
        self._refresh()

    def open_in_replay(self) -> None:
        """Look closer, at the very picture that is shown."""
        clip = self.sitting.current
        if clip is None or clip.kind == "audit":  # Replay would show what the audit must not
            return
        state = self.reel.state()
        self._desk.open(clip.procedure, clip.focus if self.reel.playing or state is None else state.position)

    # -- what comes back ----------------------------------------------------------------------------------------------

    def _answered(self, verdict: Verdict, seconds: float, saved: _Saved) -> None:
        self._set_saving(False)
        self._saved.append(saved)
        self.sitting.answer(verdict, seconds)
        words = next((tr(c.words) for c in self._choices if c.verdict == verdict), verdict)
        text = tr("Saved: {answer}. {key} takes it back.")
        if saved.edits > 1:
            text = tr("Saved: {answer}, with its box. {key} takes both back.")
        self.last.setText(text.format(answer=words, key=key_text(Act.ANSWER_BACK)))
        self._show_current()
        self.moved_on.emit()
        if self.sitting.current is None:
            self.finished.emit()

    def _taken_back(self) -> None:
        self._set_saving(False)
        self._saved.pop()
        self.sitting.take_back()
        self.last.setText(tr("The answer was taken back."))
        self._show_current()
        self.moved_on.emit()

    def _not_saved(self, error: PolypwatchError) -> None:
        """Nothing moves on: the clip stays until its answer is kept."""
        self._set_saving(False)
        self._desk.notify(told(error.what), told(error.hint), trouble=True)
        self.last.setText(tr("Not saved. The clip stays until its answer is."))
        self.reel.go_on()

    def _drawn(self, box: Box, position: int) -> None:
        clip = self.sitting.current
        if clip is not None and "missed" in clip.verdicts:
            self.answer("missed", box, position)
        else:
            self.reel.go_on()

    def _cannot_play(self, clip: Clip, error: PolypwatchError) -> None:
        self._refuse(clip, str(error))

    def _refuse(self, clip: Clip, why: str) -> None:
        """This procedure cannot be judged now: say so, and go on with the others."""
        left = self.sitting.leave_out(clip.procedure)
        what = tr("{name} is left out ({clips} clips): {why}").format(
            name=tr("a procedure") if self._desk.blinded else clip.procedure.name, clips=left, why=told(why)
        )
        self._desk.notify(what, trouble=True)
        self._show_current()
        self.moved_on.emit()
        if self.sitting.current is None:
            self.finished.emit()

    # -- the screen ---------------------------------------------------------------------------------------------------

    def _show_current(self) -> None:
        clip = self.sitting.current
        self._seen_s = None
        self._boxes = _marked(clip) if clip else {}
        self.view.say(tr("The clip is being opened.") if clip else tr("Looking for more clips."))
        self.reel.show(clip, self.sitting.upcoming(_AHEAD))
        self.question.setText(told(clip.question) if clip else "")
        self.why.setText("  ".join(told(why) for why in (clip.why, *clip.also)) if clip else "")
        self.where.setText("")
        self.progress.setText(progress_words(self.sitting.progress()))
        self._offer()
        self._say_hold()
        self._refresh()

    def _refresh(self) -> None:
        clip, ready = self.sitting.current, self.reel.ready
        state = self.reel.state()
        if clip is None or ready is None or state is None:
            return
        if state.fault:
            self.view.say(told(state.fault))
        elif state.picture is not None and clip.first <= state.position <= clip.last:
            shown = self._boxes.get(state.position, ()) if self._boxes_on and not clip.blind else ()
            self.view.show_picture(state.picture, state.position, shown)
            if self._seen_s is None:
                self._seen_s = time.monotonic()
                self._offer()
        self.where.setText(_where(ready, state.position, blind=self._desk.blinded or clip.kind == "audit"))

    def _offer(self) -> None:
        clip = self.sitting.current
        able = clip is not None and self._seen_s is not None and not self._saving
        self.bar.offer(frozenset(clip.verdicts) if clip is not None and able else frozenset())
        self.view.can_draw = able and clip is not None and clip.kind != "audit" and "missed" in clip.verdicts
        self.back.setEnabled(self.sitting.last is not None and not self._saving)
        self.replay.setEnabled(clip is not None and clip.kind != "audit")
        self.hold.setEnabled(clip is not None)
        self.boxes.setEnabled(clip is not None and bool(clip.boxes) and not clip.blind)

    def _set_saving(self, saving: bool) -> None:
        self._saving = saving
        self._offer()

    def _say_hold(self) -> None:
        words = tr("Hold") if self.reel.playing else tr("Go on")
        self.hold.setText(f"{words}  [{key_text(Act.CLIP_AGAIN)}]")


def _save(session: ReviewSession, answer: Answer, box: Box | None, position: int) -> _Saved:
    """Put the answer on the disk, with a box if one was drawn. Waits for the disk."""
    if box is not None:
        session.draw(position, box)
    session.answer(answer)
    return _Saved(1 if box is None else 2, session.document)


def _undo(desk: Desk, last: Given, saved: _Saved) -> None:
    """Take an answer back on the disk, unless something else was edited since. Waits for the disk.

    Raises:
        UsageError: something was.
        PolypwatchError: it could not be opened or written.
    """
    lease = desk.lease(last.clip.procedure)
    try:
        session = lease.session
        if session.document != saved.after:
            raise UsageError(
                f"{last.clip.procedure.name} was edited after this answer, so that it is no longer the last edit.",
                "Open it in Replay and undo there.",
            )
        for _ in range(saved.edits):
            session.undo()
    finally:
        lease.release()


def _marked(clip: Clip) -> dict[int, tuple[Marked, ...]]:
    """The clip's boxes by position; of two models the first is A."""
    names = list(dict.fromkeys(box.label for box in clip.boxes))
    whose = {name: (Whose.A, Whose.B)[min(k, 1)] if len(names) > 1 else Whose.ONE for k, name in enumerate(names)}
    found: dict[int, list[Marked]] = {}
    for box in clip.boxes:
        found.setdefault(box.position, []).append(Marked(box.box, whose[box.label], decimal(f"{box.score:.2f}")))
    return {position: tuple(boxes) for position, boxes in found.items()}


def _where(ready: Ready, position: int, *, blind: bool) -> str:
    """Which procedure, and when in it; who reads blinded is not told which."""
    axis = ready.lease.opened.axis
    at = clock(float(axis.times_s[min(position, len(axis) - 1)]))
    return at if blind else f"{ready.lease.opened.title}\n{at}"
