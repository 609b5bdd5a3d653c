"""What the replay page learns on the way: what others say, what was right and wrong, labels that were written.

All of it is worked out in the background; the page shows what is known so far. Nothing is gathered that a blinded
reader may not see.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from PyQt6.QtCore import QObject, QTimer, pyqtSignal
from PyQt6.QtWidgets import QWidget

from app.gui.examination_words import mark_words
from app.gui.language import told
from app.gui.qa.pages import Desk, Errand
from app.gui.qa.replay_events import Lists, judge, lists_of
from app.gui.qa.replay_heard import Heard, hear
from app.gui.qa.replay_jumps import gaps_of
from app.gui.qa.replay_rows import heard_rows
from app.gui.qa.timeline_rows import TimelineRow
from app.qa.opened import Opened, open_for_review
from app.qa.review import Document, ReviewSession
from app.qa.spots import Spot

_JUDGED_AFTER_MS = 1200  # a row of edits is judged once


class ReplayLearning(QObject):
    """See the module.

    Args:
        desk: does the work.
        session: what may be seen, and what the reader said.
        opened: the procedure.
        results: files for re-analysis A and B; empty: the newest.
        owner: the page; what is not done when it goes is not done.

    Attributes:
        heard_more: `heard`, `rows` and `lists` are new.
        judged: `spots` and `lists` are new.
        said: something to tell the reader in a line.
        opened: the procedure as it is known now.
        heard: what others say.
        rows: of it, for the timeline.
        spots: what was right and wrong.
        lists: where 'next' and 'before' lead.
        gathering: results are being read.
    """

    heard_more = pyqtSignal()
    judged = pyqtSignal()
    said = pyqtSignal(str)

    def __init__(
        self, desk: Desk, session: ReviewSession, opened: Opened, results: Sequence[Path], owner: QWidget
    ) -> None:
        super().__init__(owner)
        self._desk, self._session, self._owner = desk, session, owner
        self._results = tuple(results)
        self.opened = opened
        self.heard = Heard()
        self.rows: tuple[TimelineRow, ...] = ()
        self.spots: tuple[Spot, ...] = ()
        self.lists = Lists()
        self.gathering = False
        self._errands: list[Errand] = []
        self._judging = self._judge_again = False
        self._judge_later = QTimer(self)
        self._judge_later.setSingleShot(True)
        self._judge_later.setInterval(_JUDGED_AFTER_MS)
        self._judge_later.timeout.connect(self._judge)

    def gather(self) -> None:
        """Read everything that others say; again after a commit, and when the frames are counted."""
        visible = self._session.visible
        if not (visible.ai or visible.labels or visible.other_readers):
            self._heard(Heard())
            return
        opened, path, results = self.opened, self._session.path, self._results
        self.gathering = True
        self._errands.append(
            self._desk.run_in_background(
                lambda: hear(opened, path, results), self._heard, self._deaf, owner=self._owner
            )
        )

    def read_labels(self) -> None:
        """Labels were written: read them, and everything else."""
        path = self.opened.path
        self._errands.append(
            self._desk.run_in_background(lambda: open_for_review(path), self._published, owner=self._owner)
        )

    def follow(self, document: Document) -> None:
        """The review has changed: what is not reviewed at once, what is right and wrong in a moment."""
        unreviewed = tuple(first for first, _ in gaps_of(document.reviewed, len(self.opened.axis)))
        self.lists = replace(self.lists, unreviewed=unreviewed)
        self._judge_later.start()

    def words_at(self, position: int) -> str:
        """What is known of this very position: marks of the examination, and what was right or wrong there."""
        visible = self._session.visible
        words = [mark_words(m.what) for m in self.heard.marks if m.position == position] if visible.live_marks else []
        if visible.ai:
            words += [told(spot.words) for spot in self.spots if spot.focus == position]
        return ", ".join(dict.fromkeys(words))

    def close(self) -> None:
        """Nothing is wanted any more."""
        self._judge_later.stop()
        for errand in self._errands:
            errand.cancel()

    def _heard(self, heard: Heard) -> None:
        self.gathering = False
        self.heard = heard
        self.rows = heard_rows(heard, self.opened, self._session.visible)
        self._list()
        self._judge_later.start()
        self.heard_more.emit()

    def _deaf(self, error: Exception) -> None:
        self._heard(Heard(problems=(str(error),)))

    def _published(self, opened: Opened) -> None:
        if len(opened.axis) == len(self.opened.axis):
            self.opened = opened
        self.gather()

    def _list(self) -> None:
        visible = self._session.visible
        self.lists = lists_of(self.heard, self.spots, self._session.document, self.opened, visible)

    def _judge(self) -> None:
        """What was right and wrong, with one's own review as the truth where there is one."""
        opened, heard, document = self.opened, self.heard, self._session.document
        if not self._session.visible.ai or not opened.axis.whole or (heard.live is None and heard.a is None):
            return
        self._judge_again = self._judging
        if self._judging:
            return
        self._judging = True
        self._errands.append(
            self._desk.run_in_background(
                lambda: judge(opened, heard, document), self._judged, self._not_judged, owner=self._owner
            )
        )

    def _judged(self, spots: tuple[Spot, ...]) -> None:
        self.spots = spots
        self._list()
        self._one_judged()

    def _not_judged(self, error: Exception) -> None:
        self.said.emit(told(str(error)))
        self._one_judged()

    def _one_judged(self) -> None:
        """One at a time: what was edited meanwhile is judged next."""
        self._judging = False
        if self._judge_again:
            self._judge_later.start()
        self.judged.emit()
