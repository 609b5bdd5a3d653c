"""The examination on the live page: its keys, its strip, its cards and its details sheet.

Every mark is answered on the strip with the very next paint. What may wait for a disk is done beside the window's
thread; nothing here can hold the picture up.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Literal

from PyQt6.QtCore import QRect

from app.examination.desk import Desk
from app.examination.events import Event
from app.examination.state import DeskSnapshot, Phase
from app.gui.buttons import ButtonState
from app.gui.errands import VIDEO_GOES_ON, Errands
from app.gui.examination_card import ExaminationCard
from app.gui.examination_cards import ExaminationCards
from app.gui.examination_filing import Filing
from app.gui.examination_pictures import Proposals, Thumbnails, keep_picture, keep_proposals
from app.gui.examination_sheet import ExaminationSheet
from app.gui.examination_strip import ExaminationStrip, Said
from app.gui.examination_words import answer, hint_words, key_of, refusal, taken_back
from app.gui.features import Page
from app.gui.keys import Action
from app.gui.language import told, tr
from app.gui.layout import scaled, unit_of
from app.gui.notices import Notice, Weight
from app.gui.report_words import Language, Words
from app.gui.signs import Shape, Sign, Tone
from app.gui.snapshots import saved_notice, write_snapshot
from app.snapshot import LiveSnapshot
from detector.errors import PolypwatchError, UsageError
from detector.picture.quality import View

_LOG = logging.getLogger(__name__)
_AGAIN_S = 3.0
_SAID_S = 6.0
_CLOCK_EVERY_S = 0.25


class ExaminationFeature:
    """A ``features.Feature``.

    Args:
        page: where it is shown.
        desk: the examinations; closed with the feature.
        snapshot_dir: where pictures go while no examination runs.
        language: of the reports, and of the names of segments and methods.
        clock_s: monotonic seconds.
        go_on: folder of the examination to go on with without asking: it ran in a window that crashed, whose place
            this one takes.
    """

    def __init__(
        self,
        page: Page,
        desk: Desk,
        snapshot_dir: Path,
        language: Language = "en",
        clock_s: Callable[[], float] = time.monotonic,
        go_on: Path | None = None,
    ) -> None:
        self._page, self._desk, self._snapshot_dir, self._clock_s = page, desk, snapshot_dir, clock_s
        self._errands = Errands(page.post)  # of its own, so that it can be finished before the journal is
        self.filing = Filing(desk, page.post, page.wake, language)
        self.strip = ExaminationStrip(page.widget)
        self.strip.pressed.connect(page.perform)
        self.card = ExaminationCard(page.widget)
        small = Thumbnails(self._errands, page.wake), Proposals(self._errands, page.wake)
        self.sheet = ExaminationSheet(page.widget, desk, *small, Words(language), self._complain)
        self.cards = ExaminationCards(page, desk, self.card, self.filing, self._errands, self.sheet.open, self._go_on)
        self._room, self._page_height = QRect(), 720
        self._state: DeskSnapshot | None = None
        self._looked_s = 0.0
        self._said: tuple[Said, float] | None = None
        self._asked_s: float | None = None
        self._ended_s: float | None = None
        self._opening = False
        self._faults = ("", "")
        desk.keep_pictures = self._keep_proposals
        self._actions: dict[Action, Callable[[], None]] = self._table()
        self.cards.look_for_open(at_once=go_on)

    # -- what the page asks -----------------------------------------------------------------------------------------

    @property
    def actions(self) -> Mapping[Action, Callable[[], None]]:
        """What it does."""
        return self._actions

    def refresh(self, snapshot: LiveSnapshot) -> None:
        """Show the examination as it is now."""
        now_s = self._clock_s()
        if self._state is None or now_s - self._looked_s >= _CLOCK_EVERY_S:
            self._look(now_s)
        self.cards.refresh(idle=self._state is None and not self._opening)
        if self._state is None or self._state.phase is Phase.ENDED:
            self.strip.hide()
        else:
            self.strip.place(self._room, self._page_height, snapshot.frame.size if snapshot.frame else None)
            self.strip.show_state(self._state, self._message(now_s), self._ending(now_s), self._page.keys)
        self._place_card()

    def flags(self) -> tuple[Sign, ...]:
        """What must not be overlooked."""
        state, found = self._state, []
        if state is not None and state.fault:
            found.append(Sign(tr("JOURNAL NOT SAVED ({n})").format(n=state.unsaved), Shape.CROSS, Tone.FAULT))
        if state is not None and state.recording_fault and state.phase in (Phase.INSERTION, Phase.WITHDRAWAL):
            found.append(Sign(tr("NOT RECORDED"), Shape.CROSS, Tone.FAULT))
        if self.filing.doing:
            found.append(Sign(tr("WRITING FILES"), Shape.HOURGLASS, Tone.QUIET))
        return tuple(found)

    def button_states(self) -> Mapping[Action, ButtonState]:
        """What the buttons of the bar say."""
        running = self._running
        if self._opening:
            words = tr("Starting")
        elif running:
            words = tr("End? again") if self._ending(self._clock_s()) else tr("End exam")
        else:
            words = tr("Examination")
        return {
            Action.EXAMINATION: ButtonState(words, active=running),
            Action.DETAILS: ButtonState(tr("Details"), active=not self.sheet.isHidden(), faint=self._state is None),
        }

    def place(self, picture: QRect, page_height: int) -> None:
        """Take the room."""
        self._room, self._page_height = picture, page_height
        self.sheet.place(picture, page_height)
        last = self._page.last
        self.strip.place(picture, page_height, last.frame.size if last and last.frame else None)
        self._place_card()

    def below(self, page_height: int) -> int:
        """Where no black beside the picture has room for the strip, it lies below the picture and not over it."""
        return 0 if self.strip.isHidden() else self.strip.below(page_height)

    def leave(self) -> bool:
        """Put card or sheet away."""
        return self.card.leave() or self.sheet.leave()

    def close(self) -> None:
        """Finish what is being written; an examination that runs can be gone on with at the next start."""
        self.sheet.leave()
        self._errands.close()
        self.filing.close()
        try:
            self._desk.close()
        except PolypwatchError as error:  # the window closes all the same: the log is all that is left
            _LOG.error("%s", error)

    # -- doing ----------------------------------------------------------------------------------------------------

    def _table(self) -> dict[Action, Callable[[], None]]:
        desk = self._desk
        marks: dict[Action, Callable[[], Event]] = {
            Action.SCOPE_IN: desk.scope_in,
            Action.CAECUM: desk.caecum_reached,
            Action.POLYP_REMOVED: desk.polyp_removed,
            Action.INTERVENTION: desk.intervention,
            Action.WASH: desk.wash,
            Action.SCOPE_OUT: desk.scope_out,
            Action.BOOKMARK: desk.bookmark,
        }
        return {action: partial(self._mark, mark) for action, mark in marks.items()} | {
            Action.EXAMINATION: self._begin_or_end,
            Action.POLYP_FOUND: self._polyp_found,
            Action.PHOTO_VALVE: lambda: self._photo("valve"),
            Action.PHOTO_ORIFICE: lambda: self._photo("orifice"),
            Action.UNDO_MARK: self._undo,
            Action.NOTE: self._ask_for_note,
            Action.DETAILS: self._toggle_sheet,
            Action.SNAPSHOT: self._snapshot,
            Action.RECORD: self._toggle_recording,
        }

    @property
    def _running(self) -> bool:
        return self._state is not None and self._state.phase is not Phase.ENDED

    def _begin_or_end(self) -> None:
        now_s, state = self._clock_s(), self._desk.snapshot()
        if state is None or state.phase is Phase.ENDED:
            if self._ended_s is None or now_s - self._ended_s > _AGAIN_S:  # else the second press of who ended it
                self._begin()
        elif state.phase is Phase.OUT or self._ending(now_s):
            self._end()
        else:
            self._asked_s = now_s
            key = key_of(Action.EXAMINATION, self._page.keys)
            self._say(tr("Press {key} again to end the examination.").format(key=key), Tone.CAUTION)

    def _begin(self) -> None:
        if self._opening:
            return
        self.card.leave()
        self.sheet.leave()
        self._opening = True
        self._errands.run(lambda: self._open(self._desk.begin))

    def _open(self, how: Callable[[], DeskSnapshot]) -> None:
        """In the errands' thread."""
        try:
            how()
        finally:
            self._opening = False
            self._looked_s = 0.0
            self._page.wake()

    def _end(self) -> None:
        self._asked_s = None
        state = self._desk.end()
        self._ended_s = self._clock_s()
        self._look(self._clock_s())
        self.sheet.leave()
        self.cards.offer_end(state)

    def _mark(self, mark: Callable[[], Event]) -> None:
        event = self._try(mark)
        if event is not None:
            self._answer(event)

    def _try(self, mark: Callable[[], Event | None]) -> Event | None:
        """A refusal is said on the strip as well, at once."""
        try:
            return mark()
        except UsageError as error:
            self._say(refusal(error), Tone.CAUTION)
            if not self._running:
                key = key_of(Action.EXAMINATION, self._page.keys)
                todo = tr("Press {key} to start one.").format(key=key)
                self._page.post(Notice(refusal(error), "", todo, Weight.WARNING))
            else:
                _LOG.warning("%s", error)
            return None

    def _nothing_runs(self) -> None:
        raise UsageError("No examination runs.")

    def _polyp_found(self) -> None:
        event = self._try(self._desk.polyp_found)
        if event is None:
            return
        self._answer(event)
        last = self._page.last
        if last is not None and last.frame is not None and last.view.view is not View.OUTSIDE:
            self._keep(last, event)  # by itself, so not where it may be the room

    def _undo(self) -> None:
        event = self._try(self._desk.undo)
        if event is not None:
            self._look(self._clock_s())
            self._say(taken_back(event.what), Tone.BUSY)
        elif self._running:
            self._say(tr("There is no mark to take back."), Tone.CAUTION)

    def _snapshot(self) -> None:
        last = self._page.last
        if last is None:
            return
        if self._running:
            self._keep(last, None)
        else:
            folder, view = self._snapshot_dir, self._page.view
            self._errands.run(lambda: saved_notice(write_snapshot(folder, last, view)))

    def _keep(self, snapshot: LiveSnapshot, mark: Event | None) -> None:
        """A picture of the examination; the journal names it once it is on the disk."""
        state, at_ns = self._desk.snapshot(), time.perf_counter_ns()
        if state is None:
            return

        def errand() -> None:
            saved = keep_picture(state.folder, snapshot)
            assert snapshot.frame is not None
            event = self._desk.picture(saved.clean, saved.shown, snapshot.frame.index, at_ns, mark)
            if mark is None:
                self._answer(event)
            self._page.wake()

        self._errands.run(errand)

    def _photo(self, of: Literal["valve", "orifice"]) -> None:
        last, state = self._page.last, self._desk.snapshot()
        if state is None or state.phase is Phase.ENDED:
            self._try(self._nothing_runs)
            return
        if last is None or last.frame is None:
            self._say(tr("Not marked: there is no picture."), Tone.CAUTION)
            return
        at_ns, frame, folder = time.perf_counter_ns(), last.frame, state.folder
        self._say(tr("The photograph is being saved."), Tone.BUSY)

        def errand() -> None:
            saved = keep_picture(folder, last)
            self._answer(self._desk.photo(of, saved.clean, frame.index, at_ns))
            self._page.wake()

        self._errands.run(errand)

    def _keep_proposals(self, lesion: int, pictures: tuple[LiveSnapshot, ...]) -> None:
        """From the desk's thread."""
        state = self._desk.snapshot()
        # Nobody asked for these: what may be the room is not kept.
        pictures = tuple(p for p in pictures if p.view.view is not View.OUTSIDE)
        if state is not None and pictures:
            self._errands.run(lambda: keep_proposals(state.folder, lesion, pictures))
            self.sheet.proposals.look(state.folder, lesion)

    def _toggle_recording(self) -> None:
        session = self._page.session
        if not session.can_record:
            todo = tr("Start with a folder for recordings.")
            self._page.post(Notice(tr("This session cannot record."), tr(VIDEO_GOES_ON), todo))
        elif session.snapshot().recording is not None:
            self._errands.run(session.stop_recording)
        else:
            state = self._desk.snapshot() if self._running else None
            self._errands.run(partial(session.start_recording, state.folder if state else None))

    def _ask_for_note(self) -> None:
        if self._desk.snapshot() is None:
            self._try(self._nothing_runs)
            return
        self.card.write(tr("Note"), tr("Enter saves it, Esc leaves it."), lambda text: self._note(text))
        self._place_card()

    def _note(self, text: str) -> None:
        event = self._try(lambda: self._desk.note(text))
        if event is not None:
            self._answer(event)
        self._page.wake()

    def _toggle_sheet(self) -> None:
        if not self.sheet.leave():
            if self._desk.snapshot() is None:
                self._try(self._nothing_runs)
                return
            self.card.leave()
            self.sheet.open()

    def _go_on(self, folder: Path) -> None:
        if not self._opening:
            self._opening = True
            self._errands.run(lambda: self._open(lambda: self._desk.resume(folder)))

    # -- showing --------------------------------------------------------------------------------------------------

    def _look(self, now_s: float) -> None:
        self._state, self._looked_s = self._desk.snapshot(), now_s
        state = self._state
        if not self.sheet.isHidden():
            self.sheet.refresh(state)
        faults = (state.fault, state.recording_fault) if state else ("", "")
        if faults != self._faults:
            if faults[0] and not self._faults[0]:
                self._page.post(Notice(faults[0], tr(VIDEO_GOES_ON), "", Weight.ERROR))
            if faults[1] and faults[1] != self._faults[1]:
                said = tr("The examination is not recorded: {why}").format(why=told(faults[1]))
                self._page.post(Notice(said, tr("The marks are kept."), "", Weight.ERROR))
            self._faults = faults

    def _answer(self, event: Event) -> None:
        """From any thread."""
        state = self._desk.snapshot()
        if state is not None:
            self._state = state
            self._say(answer(event.what, event.t_s, state), Tone.GOOD)

    def _say(self, words: str, tone: Tone) -> None:
        self._said = Said(words, tone), self._clock_s()

    def _message(self, now_s: float) -> Said | None:
        if self._said is not None and now_s - self._said[1] < _SAID_S:
            return self._said[0]
        if self._state is not None and self._state.hint is not None:
            return Said(hint_words(self._state.hint), Tone.QUIET)
        return None

    def _ending(self, now_s: float) -> bool:
        return self._asked_s is not None and now_s - self._asked_s <= _AGAIN_S

    def _complain(self, error: PolypwatchError) -> None:
        self._page.post(Notice(error.what, tr(VIDEO_GOES_ON), error.hint, Weight.ERROR))

    def _place_card(self) -> None:
        below = scaled(34, unit_of(self._page_height), 26)  # 'research use only' stays to be read
        if not self.strip.isHidden() and self.strip.width() > self._room.width() // 2:
            below = max(below, self._room.bottom() - self.strip.y())
        self.card.place(self._room, self._page_height, below)


def examination_feature(
    desk: Desk, snapshot_dir: Path, language: Language = "en", *, go_on: Path | None = None
) -> Callable[[Page], ExaminationFeature]:
    """How the window makes the feature; see :class:`ExaminationFeature`."""
    return lambda page: ExaminationFeature(page, desk, snapshot_dir, language, go_on=go_on)
