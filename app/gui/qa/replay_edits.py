"""What the reader does to boxes, lesions and ranges: from a key or the mouse to the review session, through the scribe.

Nothing here waits for the disk. Which lesion is chosen, and what the next drawn box will be, is kept here.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
from PyQt6.QtCore import QObject, pyqtSignal

from app.gui.language import told, tr
from app.gui.qa.lesion_words import STATES
from app.gui.qa.replay_jumps import Range
from app.gui.qa.replay_scribe import Scribe
from app.gui.qa.review_canvas_grip import Box
from app.gui.qa.review_canvas_layers import CanvasBox, Layer
from app.gui.qa.review_canvas_view import Image
from app.qa.review import Document, ReviewSession, State
from app.qa.review.propagate import PictureSource
from detector.geometry import as_boxes, iou_matrix

_SAME_IOU = 0.2  # a box drawn over the chosen lesion's own takes its place; beside it, it is another lesion
_COVERED_IOU = 0.5
_TAKEN = (Layer.LIVE, Layer.A, Layer.B, Layer.TRUTH, Layer.OTHERS)


class ReplayEdits(QObject):
    """See the module.

    Attributes:
        changed: which lesion is chosen, or what the next box will be.
        said: something to tell the reader in a line.
        goes: to this position, such as the last box that was carried.
        lesion: the chosen one; None: none.
        new: the next drawn box is a new lesion.
        merging: the next lesion that is named is merged with the chosen one.
        carrying: frames done and in all while a box is carried on; None else.
    """

    changed = pyqtSignal()
    said = pyqtSignal(str)
    goes = pyqtSignal(int)

    def __init__(self, session: ReviewSession, scribe: Scribe, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.lesion: int | None = None
        self.new = False
        self.merging = False
        self._scribe = scribe
        self._counting: _Counting | None = None
        self._stop = threading.Event()

    @property
    def document(self) -> Document:
        """What was said so far."""
        return self.session.document

    @property
    def editable(self) -> bool:
        """Whether anything can be changed."""
        return not self.session.read_only

    @property
    def carrying(self) -> tuple[int, int] | None:
        """See the class."""
        return (self._counting.done, self._counting.frames) if self._counting is not None else None

    # -- choosing -------------------------------------------------------------------------------------------------

    def choose(self, lesion: int | None) -> None:
        """This lesion from now on; while merging, the one to merge with."""
        if self.merging and lesion is not None:
            self._merge_with(lesion)
            return
        if lesion is not None and not self.document.has(lesion):
            self.said.emit(tr("There is no lesion {n}.").format(n=lesion))
            return
        self.lesion, self.new, self.merging = lesion, False, False
        self.changed.emit()

    def choose_beside(self, by: int) -> None:
        """The lesion above or below in the list."""
        numbers = [lesion.id for lesion in self.document.lesions]
        if numbers:
            at = numbers.index(self.lesion) + by if self.lesion in numbers else 0
            self.choose(numbers[min(max(at, 0), len(numbers) - 1)])

    def begin_new(self) -> None:
        """The next drawn box is a new lesion."""
        if self._may():
            self.lesion, self.new, self.merging = None, True, False
            self.changed.emit()

    def leave(self) -> bool:
        """Let go of what is going on; returns whether there was something."""
        if self._counting is not None:
            self._stop.set()
            return True
        busy = self.merging or self.new or self.lesion is not None
        if busy:
            self.lesion, self.new, self.merging = None, False, False
            self.changed.emit()
        return busy

    def keep_choice(self) -> None:
        """A lesion that is gone (undone, merged) is not chosen any more."""
        if self.lesion is not None and not self.document.has(self.lesion):
            self.lesion = None
            self.changed.emit()

    # -- boxes ----------------------------------------------------------------------------------------------------

    def drawn(self, position: int, box: Box) -> None:
        """A box was drawn: of the chosen lesion, or of a new one."""
        lesion = None if self.new else self._meant(position, box)
        self._do(lambda: self.session.draw(position, box, lesion), self._drew)

    def reshaped(self, position: int, lesion: int, box: Box) -> None:
        """A box was moved or stretched."""
        self._do(lambda: self.session.move(position, lesion, box))

    def take_over(self, position: int, boxes: Iterable[CanvasBox]) -> None:
        """The strongest box of somebody else that none of one's own covers becomes one's own."""
        boxes = tuple(boxes)
        own = as_boxes([each.box for each in boxes if each.layer is Layer.OWN])
        others = sorted((b for b in boxes if b.layer in _TAKEN), key=lambda b: _TAKEN.index(b.layer))
        free = (b for b in others if not len(own) or iou_matrix(as_boxes([b.box]), own).max() < _COVERED_IOU)
        if (box := next(free, None)) is None:
            self.said.emit(tr("There is no box here to take over."))
            return
        self.drawn(position, tuple(float(round(v)) for v in box.box))  # type: ignore[arg-type]

    def erase(self, position: int) -> None:
        """The chosen lesion's box of this frame goes."""
        if (lesion := self._here(position)) is not None:
            self._do(lambda: self.session.erase(position, lesion))

    def erase_lesion(self) -> None:
        """The chosen lesion goes altogether; undo brings it back."""
        if (lesion := self._chosen()) is not None:
            words = tr("Lesion {n} is erased. Ctrl+Z brings it back.").format(n=lesion)
            self._do(lambda: self.session.erase_lesion(lesion), lambda _: self.said.emit(words))

    def set_state(self, state: State, position: int, chosen: Range | None) -> None:
        """How the chosen lesion is to be seen: in the range, else from here to where its state changes next."""
        if (lesion := self._chosen()) is None:
            return
        first, last = chosen or (position, self._until(lesion, position))
        if last < first:
            self.said.emit(tr("Lesion {n} has no box from here on.").format(n=lesion))
            return
        words = tr("Lesion {n}: {state}").format(n=lesion, state=tr(STATES[state]))
        self._do(lambda: self.session.set_state(lesion, first, last, state), lambda _: self.said.emit(words))

    def propagate(self, position: int, last: int, pictures: PictureSource) -> None:
        """Carry the chosen box on to a position by tracking; Escape stops it, and what was reached stays."""
        if self._counting is not None or (lesion := self._here(position)) is None:
            return
        if last <= position:
            self.said.emit(tr("This is the last frame: there is nothing to carry the box to."))
            return
        counting = _Counting(pictures, last - position)
        self._stop.clear()

        def carry() -> tuple[int, str]:
            reached = self.session.propagate(lesion, position, last - position, counting, self._stop.is_set)
            return reached, self.session.carried.reason if self.session.carried is not None else ""

        self._counting = counting if self._do(carry, lambda found: self._carried(lesion, position, *found)) else None
        self.changed.emit()

    # -- lesions --------------------------------------------------------------------------------------------------

    def describe(self, lesion: int, what: dict[str, Any]) -> None:
        """What is known of a lesion."""
        self._do(lambda: self.session.describe(lesion, **what))

    def begin_merge(self) -> None:
        """The next lesion that is named is the same as the chosen one."""
        if self._may() and self._chosen() is not None:
            self.merging = True
            self.changed.emit()

    def split(self, position: int) -> None:
        """From here on the chosen lesion is another."""
        if (lesion := self._chosen()) is not None:
            self._do(lambda: self.session.split(lesion, position), self._drew)

    # -- ranges, undo, commit -------------------------------------------------------------------------------------

    def review(self, chosen: Range, *, reviewed: bool) -> None:
        """Somebody looked at all of the range, or takes that back."""
        then = self.session.review if reviewed else self.session.unreview
        self._do(lambda: then(*chosen))

    def undo(self) -> None:
        """Take the last edit back."""
        if self.session.can_undo or self._scribe.waiting:
            self._do(self._undone, lambda answer: self.said.emit(tr("The answer was taken back.")) if answer else None)
        elif self._may():
            self.said.emit(tr("There is nothing to undo."))

    def _undone(self) -> bool:
        """Take the last edit back; whether it was an answer to a clip, which nothing on this page shows."""
        before = self.session.document.answers
        self.session.undo()
        return self.session.document.answers != before

    def redo(self) -> None:
        """Bring back what was undone."""
        if self.session.can_redo or self._scribe.waiting:
            self._do(self.session.redo)
        elif self._may():
            self.said.emit(tr("There is nothing to redo."))

    def stop(self) -> None:
        """Stop what runs long."""
        self._stop.set()

    def failed(self) -> None:
        """The scribe refused an edit."""
        self._counting = None

    # -- below ----------------------------------------------------------------------------------------------------

    def _merge_with(self, other: int) -> None:
        first = self.lesion
        self.merging = False
        self.changed.emit()
        if first is None or other == first or not self.document.has(other):
            self.said.emit(tr("Nothing was merged: name another lesion."))
            return
        kept, gone = sorted((first, other))
        self._do(lambda: self.session.merge(kept, gone), lambda _: self._drew(kept))

    def _drew(self, lesion: int) -> None:
        self.lesion, self.new, self.merging = lesion, False, False
        self.changed.emit()

    def _carried(self, lesion: int, position: int, reached: int, reason: str) -> None:
        self._counting = None
        if reached == position:
            words = tr("Lesion {n} could not be carried on: {why}").format(n=lesion, why=told(reason))
        elif reason:
            frames = abs(reached - position)
            words = tr("Lesion {n} was carried {frames} frames, then: {why}").format(
                n=lesion, frames=frames, why=told(reason)
            )
        else:
            words = tr("Lesion {n} was carried {frames} frames. Look whether it fits.").format(
                n=lesion, frames=abs(reached - position)
            )
        self.said.emit(words)
        self.goes.emit(reached)
        self.changed.emit()

    def _meant(self, position: int, box: Box) -> int | None:
        """The lesion that a drawn box is of; None: a new one."""
        if self.lesion is None or not self.document.has(self.lesion):
            return None
        here = next((mark.box for mark in self.document.marks_at(position) if mark.lesion == self.lesion), None)
        if here is None or iou_matrix(as_boxes([box]), as_boxes([here]))[0, 0] >= np.float32(_SAME_IOU):
            return self.lesion
        return None

    def _until(self, lesion: int, position: int) -> int:
        """Where the state that a lesion has at a position ends."""
        ends = [last for first, last, _ in self.document.state_runs(lesion) if first <= position <= last]
        return ends[0] if ends else -1

    def _chosen(self) -> int | None:
        if self.lesion is None or not self.document.has(self.lesion):
            self.said.emit(tr("Choose a lesion first: click its box, or press its number."))
            return None
        return self.lesion

    def _here(self, position: int) -> int | None:
        lesion = self._chosen()
        if lesion is not None and all(mark.lesion != lesion for mark in self.document.marks_at(position)):
            self.said.emit(tr("Lesion {n} has no box in this frame.").format(n=lesion))
            return None
        return lesion

    def _may(self) -> bool:
        if self.session.read_only:
            self.said.emit(told(self.session.read_only))
            return False
        return True

    def _do(self, edit: Callable[[], Any], then: Callable[[Any], object] | None = None) -> bool:
        if not self._may():
            return False
        self._scribe.do(edit, then)
        return True


class _Counting:
    """Pictures that are counted on their way, for the progress."""

    def __init__(self, pictures: PictureSource, frames: int) -> None:
        self._pictures = pictures
        self.frames = max(1, abs(frames))
        self.done = 0

    def picture(self, position: int) -> Image:
        self.done = min(self.done + 1, self.frames)
        return self._pictures.picture(position)

    def pictures(self, first: int, last: int) -> Iterator[tuple[int, Image]]:
        for each in self._pictures.pictures(first, last):
            self.done = min(self.done + 1, self.frames)
            yield each
