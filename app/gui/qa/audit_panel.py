"""The miss audit: windows drawn by chance, without boxes; 'is there a polyp in this clip that nobody marked?'.

The running estimate stays hidden until every drawn window has an answer. Whoever looks at an interval on the way and
stops where it pleases shifts it, and a number on the screen tells the reader what to expect.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PyQt6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

from app.gui.language import told, tr
from app.gui.qa.answer_bar import Rows
from app.gui.qa.audit_work import Standing, draw_more, draw_plan, stand, standing
from app.gui.qa.judging import Judging
from app.gui.qa.newest import Newest, Work
from app.gui.qa.pages import Desk
from app.gui.qa.saying import Offer, Saying
from app.gui.setup_parts import label
from app.qa.worklist.planning import USUAL_PACE, USUAL_WINDOWS

_NUMBERS = (USUAL_WINDOWS, 200, 100)
_MORE = 100


class AuditPanel(QWidget):
    """Draw windows, answer them, read the result."""

    def __init__(self, desk: Desk, choices: Rows, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._paths: tuple[Path, ...] = ()
        self._standing: Standing | None = None
        self.judging = Judging(desk, choices, len(choices), self)
        self.judging.finished.connect(self._all_answered)
        self.saying = Saying(self)
        self.hidden = label(kind="soft")
        asked = QWidget(self)
        column = QVBoxLayout(asked)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.hidden)
        column.addWidget(self.judging, 1)
        self._asked = asked
        self.stack = QStackedWidget(self)
        self.stack.addWidget(self.saying)
        self.stack.addWidget(asked)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(self.stack)
        self._worker = Newest("audit", self)
        self._worker.told.connect(self._show_step)
        self._worker.done.connect(self._stands)
        self._worker.failed.connect(self._failed)

    @property
    def asking(self) -> bool:
        """Whether a window is on the screen."""
        return self.stack.currentWidget() is self._asked

    def begin(self, paths: Sequence[Path]) -> None:
        """An audit of these procedures: the one that was begun, or a new one."""
        self._paths = tuple(paths)
        if not paths:
            self.saying.say(tr("There is no procedure yet"), tr("Add a folder with recordings to the library."))
            self.stack.setCurrentWidget(self.saying)
            return
        desk = self._desk
        self._work(tr("Reading the audit"), lambda tell: standing(desk, paths, tell))

    def draw(self, total: int) -> None:
        """Draw so many windows and begin."""
        desk, paths = self._desk, self._paths
        self._work(tr("Drawing windows"), lambda tell: draw_plan(desk, paths, total, tell))

    def go_on(self, more: int) -> None:
        """Draw some more for the same audit."""
        before = self._standing
        if before is not None:
            desk, plan = self._desk, before.plan
            self._work(tr("Drawing windows"), lambda tell: draw_more(desk, plan, more, tell))

    def close_panel(self) -> None:
        """Stop players and worker."""
        self._worker.close()
        self.judging.close_judging()

    def _work(self, title: str, work: Work) -> None:
        self.stack.setCurrentWidget(self.saying)
        self.saying.say(title)
        self.saying.show_progress(0, 0)
        self._worker.ask(work)

    def _show_step(self, step: object) -> None:
        if isinstance(step, tuple):
            self.saying.show_progress(step[0], step[1])

    def _failed(self, why: str) -> None:
        again: Offer = (tr("Draw a new audit"), self._introduce)
        self.saying.say(tr("The audit cannot go on"), told(why), (again,))

    def _stands(self, found: object) -> None:
        if found is None:
            self._introduce()
            return
        assert isinstance(found, Standing)
        self._standing = found
        if found.troubles:
            self._desk.notify("  ".join(told(each) for each in found.troubles[:2]), trouble=True)
        if found.result is not None:
            self._say_result(found)
        elif not found.left:
            why = "  ".join(told(each) for each in found.troubles)
            self.saying.say(tr("Some windows cannot be asked"), why, ((tr("Draw a new audit"), self._introduce),))
        else:
            self._ask(found)

    def _introduce(self) -> None:
        words = tr(
            "All that models and people marked never shows what everybody missed. Windows of six seconds in which "
            "nothing was on the screen are drawn by chance from these {count} procedures, and you say whether a polyp "
            "is there. No box is shown. The result is the AI's sensitivity with its error; it is shown when all "
            "windows are answered, because looking on the way would bias it. You can stop at any time and go on later."
        ).format(count=len(self._paths))
        offers = [self._offer(count) for count in _NUMBERS]
        self.saying.say(tr("What did nobody mark?"), words, offers)
        self.stack.setCurrentWidget(self.saying)

    def _offer(self, count: int) -> Offer:
        words = tr("{count} windows, about {minutes} min")
        return words.format(count=count, minutes=round(count / USUAL_PACE)), lambda: self.draw(count)

    def _ask(self, found: Standing) -> None:
        self.hidden.setText(
            tr("The result is shown after the last of {all} windows; {done} were answered before.").format(
                all=found.drawn, done=found.answered
            )
        )
        self.judging.begin(found.left)
        self.stack.setCurrentWidget(self._asked)
        if not self.isVisible():
            self.judging.pause()

    def _all_answered(self) -> None:
        before = self._standing
        if before is not None:
            desk, plan = self._desk, before.plan
            self._work(tr("Working out the result"), lambda tell: stand(desk, plan, tell))

    def _say_result(self, found: Standing) -> None:
        result = found.result
        assert result is not None
        words = [told(result.words)]
        if result.missed is not None:
            words.append(
                tr(
                    "{found} of {answered} windows held a polyp that nobody had marked; {windows} windows were open."
                ).format(found=result.missed.found, answered=result.missed.answered, windows=result.missed.windows)
            )
        words += [told(note) for note in result.notes]
        offers: list[Offer] = [(tr("Draw a new audit"), self._introduce)]
        if result.missed is not None and result.missed.answered + result.missed.unsure < result.missed.windows:
            more = tr("{count} more windows, about {minutes} min")
            more = more.format(count=_MORE, minutes=round(_MORE / USUAL_PACE))
            offers.insert(0, (more, lambda: self.go_on(_MORE)))
        self.saying.say(tr("Miss audit: the result"), "\n\n".join(words), offers)
        self.stack.setCurrentWidget(self.saying)
