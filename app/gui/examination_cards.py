"""What the examination asks and offers: what a crash left open, and what is made of an examination that has ended."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from app.examination.aftercare import OpenExamination, end_examination, open_examinations
from app.examination.desk import Desk
from app.examination.state import DeskSnapshot
from app.gui.errands import Errands
from app.gui.examination_card import ExaminationCard
from app.gui.examination_filing import Filing
from app.gui.examination_words import ended_words
from app.gui.features import Page
from app.gui.language import tr
from app.gui.notices import Notice


class ExaminationCards:
    """Puts one question after the other on the card.

    Args:
        page: where it lies.
        desk: the examinations.
        card: what asks.
        filing: what makes reports and DICOM files.
        errands: where the disk is waited for.
        open_details: shows the details sheet.
        go_on: goes on with the examination in a folder.
    """

    def __init__(
        self,
        page: Page,
        desk: Desk,
        card: ExaminationCard,
        filing: Filing,
        errands: Errands,
        open_details: Callable[[], None],
        go_on: Callable[[Path], None],
    ) -> None:
        self._page, self._desk, self._card, self._filing, self._errands = page, desk, card, filing, errands
        self._open_details, self._go_on = open_details, go_on
        self._ended: DeskSnapshot | None = None
        self._found: tuple[OpenExamination, ...] = ()
        self._at_once: Path | None = None

    def look_for_open(self, *, at_once: Path | None) -> None:
        """Look for examinations that were not ended.

        Args:
            at_once: folder of the one to go on with without asking; of no other, which may be another patient's.
        """
        folder = self._desk.settings.folder
        self._at_once = at_once
        if folder is None:
            return

        def errand() -> None:
            self._found = open_examinations(folder) if folder.is_dir() else ()
            self._page.wake()

        self._errands.run(errand)

    def refresh(self, *, idle: bool) -> None:
        """Ask what is to be asked, and say what is being written.

        Args:
            idle: no examination runs or is about to.
        """
        if idle and self._found:
            self._ask_about_open()
        if not self._card.isHidden() and self._ended is not None and self._card.title == _title(self._ended):
            state = self._desk.snapshot()
            self._card.say(self._filing.doing or ended_words(state or self._ended))

    def offer_end(self, state: DeskSnapshot) -> None:
        """Offer what is made of an examination."""
        self._ended = state
        self._card.ask(
            _title(state),
            self._filing.doing or ended_words(state),
            (
                (tr("Report"), self._report),
                (tr("DICOM"), self._ask_about_text),
                (tr("Details"), self._open_details),
                (tr("Close"), lambda: None),
            ),
        )

    def _report(self) -> None:
        self._filing.report()
        self._offer_again()

    def _ask_about_text(self) -> None:
        self._ended = None
        self._card.ask(
            tr("Does any picture show text that tells who the patient is?"),
            tr("Look at the pictures and at the recording. The answer is written into the DICOM files."),
            (
                (tr("No, I looked"), lambda: self._export(no_text=True)),
                (tr("Nobody looked"), lambda: self._export(no_text=False)),
                (tr("Yes: export nothing"), self._offer_again),
            ),
        )

    def _export(self, *, no_text: bool) -> None:
        self._filing.dicom(no_text)
        self._offer_again()

    def _offer_again(self) -> None:
        state = self._desk.snapshot()
        if state is not None:
            self.offer_end(state)

    def _ask_about_open(self) -> None:
        """The newest first; once it is ended, the one before it."""
        newest, rest = self._found[-1], self._found[:-1]
        at_once, self._at_once = self._at_once, None
        was_running = [found for found in self._found if found.folder == at_once]
        self._found, self._ended = (), None
        if was_running:
            self._go_on(was_running[0].folder)
            return
        started = newest.started_utc.astimezone()
        self._card.ask(
            tr("An examination was not ended: {id}").format(id=newest.id),
            tr("Started on {date} at {time}; {n} minutes were noted.").format(
                date=f"{started:%Y-%m-%d}", time=f"{started:%H:%M}", n=int(newest.last_s // 60)
            ),
            (
                (tr("Go on"), lambda: self._go_on(newest.folder)),
                (tr("End it"), lambda: self._end(newest, rest)),
                (tr("Later"), lambda: None),
            ),
        )

    def _end(self, found: OpenExamination, rest: tuple[OpenExamination, ...]) -> None:
        def errand() -> Notice:
            end_examination(found.folder)
            self._found = rest
            self._page.wake()
            return Notice(tr("Examination {id} has ended.").format(id=found.id), str(found.folder))

        self._errands.run(errand)


def _title(state: DeskSnapshot) -> str:
    return tr("Examination {id} has ended.").format(id=state.id)
