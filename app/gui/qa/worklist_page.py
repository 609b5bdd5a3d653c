"""The worklist: short clips, most instructive first, each answered with one key; and the audit of what nobody marked.

The page opens with a clip. Which clips there are is worked out beside the window's thread; what was answered is kept in
the review log of each procedure, so that a clip that was answered does not come again.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from pathlib import Path

from PyQt6.QtCore import Qt, QTimer
from PyQt6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from app.gui.language import told, tr
from app.gui.qa.answer_bar import AUDIT_CHOICES, CHOICES
from app.gui.qa.audit_panel import AuditPanel
from app.gui.qa.judging import Judging
from app.gui.qa.keys import Act
from app.gui.qa.newest import Newest, Tell
from app.gui.qa.pages import Desk, Tab
from app.gui.qa.saying import Offer, Saying, progress_bar, show_share
from app.gui.qa.shortcuts import bind
from app.gui.qa.supply import Step, Supply, in_order, look_through
from app.gui.setup_parts import Choice as OneOf
from app.gui.setup_parts import button, label
from app.qa.worklist.answers import Verdict

CLIPS, AUDIT = "clips", "audit"
_COLUMNS = 9
_AGAIN_MS = 1000
_MOST_NOTES = 3


class WorklistPage(QWidget):
    """Worklist and miss audit, of all procedures of the library or of those that were chosen."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("page")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._desk = desk
        self._paths: tuple[Path, ...] | None = None
        self._supply: Supply | None = None
        self._in_front = False
        self._shown = False
        self.judging = Judging(desk, CHOICES, _COLUMNS, self)
        self.judging.finished.connect(self._all_answered)
        self.judging.moved_on.connect(self._show_progress)
        self.audit = AuditPanel(desk, AUDIT_CHOICES, self)
        self.saying = Saying(self)
        self.mode = OneOf(((CLIPS, tr("Clips")), (AUDIT, tr("Miss audit"))), self)
        self.mode.chosen.connect(self.choose_mode)
        self.notes = label(kind="caution")
        self.notes.hide()
        self.scope = label(kind="soft")
        self.bar = progress_bar(self)
        self.again = button(tr("Look again"), self.look)
        self.again.setToolTip(tr("Work out the clips anew, from everything that was answered and analysed since."))
        self.stack = QStackedWidget(self)
        for each in (self.saying, self.judging, self.audit):
            self.stack.addWidget(each)
        self._worker = Newest("worklist", self)
        self._worker.told.connect(self._show_step)
        self._worker.done.connect(self._supplied)
        self._worker.failed.connect(self._no_supply)
        self._arrange()
        self._bind()
        self.mode.show_value(AUDIT if desk.blinded else CLIPS)

    def _arrange(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(12)
        head.addWidget(self.mode)
        head.addWidget(self.scope, 1)
        head.addWidget(self.again)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(14, 10, 14, 10)
        whole.setSpacing(8)
        whole.addLayout(head)
        whole.addWidget(self.bar)
        whole.addWidget(self.notes)
        whole.addWidget(self.stack, 1)

    def _bind(self) -> None:
        keys: dict[Act, Callable[[], object]] = {
            choice.act: functools.partial(self._press, choice.verdict) for choice in CHOICES
        }
        keys |= {
            Act.ANSWER_BACK: lambda: self._now.take_back(),
            Act.CLIP_AGAIN: lambda: self._now.toggle_hold(),
            Act.CLIP_BOXES: lambda: self._now.toggle_boxes(),
            Act.CLIP_IN_REPLAY: lambda: self._now.open_in_replay(),
            Act.OTHER_LIST: lambda: self.choose_mode(CLIPS if self.mode.value == AUDIT else AUDIT),
            Act.LOOK_AGAIN: self.look,
        }
        bind(self, keys)

    @property
    def _now(self) -> Judging:
        """What the keys mean."""
        return self.audit.judging if self.mode.value == AUDIT else self.judging

    def _press(self, verdict: Verdict) -> None:
        if self.stack.currentWidget() is not self.saying and (self.mode.value == CLIPS or self.audit.asking):
            self._now.press(verdict)

    # -- what the window asks -----------------------------------------------------------------------------------------

    def choose(self, paths: Sequence[Path]) -> None:
        """Ask about these procedures only; none: about all of the library."""
        self._paths = tuple(paths) or None
        self._supply = None
        if self._in_front:
            self.look()

    def entered(self) -> None:
        """It came to the front."""
        self._in_front = True
        if not self._worker.busy and (self._supply is None or self._nothing_was_found):
            self.look()
        elif self.stack.currentWidget() is not self.saying:
            self._now.resume()
        self.setFocus()

    def left(self) -> None:
        """Another page is in front."""
        self._in_front = False
        self.judging.pause()
        self.audit.judging.pause()

    def close_page(self) -> None:
        """Stop players and worker."""
        self._worker.close()
        self.judging.close_judging()
        self.audit.close_panel()

    @property
    def _nothing_was_found(self) -> bool:
        """Whether it is worth looking again: what was missing may be there now."""
        return self.judging.sitting.current is None and not self.judging.sitting.given

    # -- finding clips ------------------------------------------------------------------------------------------------

    def look(self) -> None:
        """Work out which clips there are."""
        self.stack.setCurrentWidget(self.saying)
        self.saying.say(tr("Looking for clips"), tr("What models and marks say of the procedures is being compared."))
        self.saying.show_progress(0, 0)
        self.notes.hide()
        self._supply, self._shown = None, False
        desk, chosen = self._desk, self._paths
        self._worker.ask(lambda tell: _look(desk, chosen, tell))

    def choose_mode(self, mode: object) -> None:
        """Worklist or miss audit."""
        self.mode.show_value(mode)
        self.judging.pause()
        self.audit.judging.pause()
        if self._supply is not None:
            self._show_supply(self._supply)

    def _show_step(self, step: object) -> None:
        if isinstance(step, int):
            self.judging.begin(expected=step)
            return
        assert isinstance(step, Step)
        self.judging.add(step.procedure, step.clips)
        if step.clips and not self._shown and self.mode.value == CLIPS:
            self._shown = True
            self._show_judging()
        self.scope.setText(
            tr("Looking through {done} of {of} procedures: {name}").format(
                done=step.done, of=step.of, name=self._name(step.procedure)
            )
        )
        if self.stack.currentWidget() is self.saying:
            self.saying.show_progress(step.done, step.of)
        self._show_progress()

    def _supplied(self, supply: object) -> None:
        assert isinstance(supply, Supply)
        self._supply = supply
        self.audit.begin(supply.paths)
        self._show_supply(supply)

    def _name(self, procedure: Path) -> str:
        return tr("a procedure") if self._desk.blinded else procedure.name

    def _show_judging(self) -> None:
        if self.stack.currentWidget() is self.judging:
            return  # somebody may hold the clip
        self.stack.setCurrentWidget(self.judging)
        if self._in_front:
            self.judging.resume()
        else:
            self.judging.pause()

    def _no_supply(self, why: str) -> None:
        self.saying.say(tr("The clips could not be worked out"), told(why), ((tr("Try again"), self.look),))

    def _show_supply(self, supply: Supply) -> None:
        self.scope.setText(_scope_words(supply, chosen=self._paths is not None))
        lines = [told(note) for note in supply.troubles]
        more = [tr("and {count} more").format(count=len(lines) - _MOST_NOTES)] if len(lines) > _MOST_NOTES else []
        self.notes.setText("\n".join([*lines[:_MOST_NOTES], *more]))
        self.notes.setToolTip("\n".join(lines))
        self.notes.setVisible(bool(supply.troubles))
        self._show_progress()
        if self.mode.value == AUDIT:
            self.stack.setCurrentWidget(self.audit)
            if self._in_front:
                self.audit.judging.resume()
        elif self._desk.blinded:
            self._say_blinded()
        elif self.judging.sitting.current is None:
            self._say_nothing_to_do(supply)
        else:
            self._show_judging()

    def _show_progress(self) -> None:
        progress = self.judging.sitting.progress()
        if self.mode.value == CLIPS and progress.clips:
            show_share(self.bar, progress.done, progress.clips)
        else:
            self.bar.hide()

    # -- nothing to do ------------------------------------------------------------------------------------------------

    def _say(self, title: str, words: str, offers: Sequence[Offer]) -> None:
        self.saying.say(title, words, offers)
        self.stack.setCurrentWidget(self.saying)

    def _all_answered(self) -> None:
        if self._supply is not None and self.mode.value == CLIPS:  # else more clips are on their way
            self._say_nothing_to_do(self._supply)

    def _say_blinded(self) -> None:
        self._say(
            tr("The worklist is not for blinded reading"),
            tr("Its clips show what the AI said. The miss audit shows nothing of it and can be done blinded."),
            ((tr("Go to the miss audit"), lambda: self.choose_mode(AUDIT)),),
        )

    def _say_nothing_to_do(self, supply: Supply) -> None:
        library: Offer = (tr("Go to the library"), lambda: self._desk.show_tab(Tab.LIBRARY))
        audit: Offer = (tr("Go to the miss audit"), lambda: self.choose_mode(AUDIT))
        if not supply.paths and self._desk.library.scan_state.running:
            words = tr(
                "The folders of the library are being looked through; clips come as soon as there is a procedure."
            )
            self._say(tr("Looking for procedures"), words, (library,))
            QTimer.singleShot(_AGAIN_MS, self._look_if_waiting)
            return
        if not supply.paths:
            words = tr("The worklist asks about the procedures of the library. Add a folder with recordings there.")
            self._say(tr("There is no procedure yet"), words, (library,))
            return
        if self.judging.sitting.given:
            self._say_done(supply, audit)
            return
        if supply.not_analysed and len(supply.not_analysed) == len(supply.paths):
            words = tr(
                "None of the {count} procedures has an answer of a model to ask about. Analyse them: this goes on in "
                "the background, and clips appear as soon as the first one is done."
            ).format(count=len(supply.paths))
            analyse: Offer = (tr("Analyse them"), lambda: self._desk.analyse(supply.not_analysed))
            self._say(tr("Nothing was analysed yet"), words, (analyse, library))
            return
        words = tr(
            "Every clip of these procedures is answered. What the AI never marked can only be found by the miss audit."
        )
        self._say(tr("Nothing is left to answer"), words, (audit, self._figures_offer(supply)))

    def _look_if_waiting(self) -> None:
        if self._in_front and not self._worker.busy and self._supply is not None and not self._supply.paths:
            self.look()

    def _say_done(self, supply: Supply, audit: Offer) -> None:
        given = self.judging.sitting.given
        right = sum(each.verdict == "right" for each in given)
        missed = sum(each.verdict == "missed" for each in given)
        false = sum(each.verdict in ("wall", "content", "instrument", "light", "scar") for each in given)
        words = tr(
            "{clips} clips: {right} right, {false} false, {missed} missed, {rest} unsure or without a polyp. "
            "Everything is saved. Next: the miss audit for what nobody marked, or the figures."
        ).format(clips=len(given), right=right, false=false, missed=missed, rest=len(given) - right - false - missed)
        more: Offer = (tr("Look for more clips"), self.look)
        self._say(tr("Done"), words, (audit, self._figures_offer(supply), more))

    def _figures_offer(self, supply: Supply) -> Offer:
        return tr("Go to the figures"), lambda: self._desk.show_figures(supply.paths)


def _scope_words(supply: Supply, *, chosen: bool) -> str:
    words = tr("{count} chosen procedures") if chosen else tr("all {count} procedures of the library")
    text = words.format(count=len(supply.paths))
    if supply.not_analysed:
        text += "  \N{MIDDLE DOT}  " + tr("{count} not analysed yet").format(count=len(supply.not_analysed))
    return text


def _look(desk: Desk, chosen: Sequence[Path] | None, tell: Tell) -> Supply:
    """Ask the library which procedures there are, and look through them."""
    paths = in_order(desk.library.paths() if chosen is None else chosen, desk.reviewer, blinded=desk.blinded)
    tell(len(paths))
    if desk.blinded:  # what the AI said stays unread, too
        return Supply(paths, (), ())
    return look_through(paths, desk.lease, tell)
