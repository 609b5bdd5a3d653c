"""Handing procedures out of the library: labels for other tools, copies for other hospitals, samples for training.

Each is asked for in a small form, runs beside the window's thread, says how far it is, and can be stopped.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from PyQt6.QtWidgets import QHBoxLayout, QWidget

from app.gui.bridge import Bridge
from app.gui.language import mark, told, tr
from app.gui.qa.library_forms import Form
from app.gui.qa.pages import Desk
from app.gui.qa.report_form import ask_for_report
from app.gui.setup_parts import button, label
from app.qa.deidentify import deidentify
from app.qa.exchange import FORMATS, export_labels
from app.qa.handover import Terms, hand_over
from app.qa.progress import Progress, Stop, Stopped
from detector.errors import PolypwatchError

Work = Callable[[Progress, Stop], str]
"""Does it, and returns what to say when it is done."""


class HandOut(QWidget):
    """One such work at a time: how far it is, and a button that stops it.

    Args:
        desk: of the window.
    """

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._told: tuple[str, int, int] = ("", 0, 0)
        self._stop = threading.Event()
        self.running = False
        self._bridge = Bridge(self)
        self._bridge.refresh.connect(self._say)
        self.words = label(kind="soft")
        self.words.setWordWrap(False)
        self.stop = button(tr("Stop"), self._stop.set)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.words)
        row.addWidget(self.stop)
        self.hide()

    @property
    def desk(self) -> Desk:
        """Of the window."""
        return self._desk

    def begin(self, what: str, work: Work) -> None:
        """Do it in the background.

        Args:
            what: in words, for the row.
            work: is given what to tell of its progress, and what to ask whether to stop.
        """
        if self.running:
            self._desk.notify(tr("Something is being written already."), tr("Wait until it is done, or stop it."))
            return
        self.running = True
        self._stop.clear()
        self._told = (what, 0, 0)

        def progress(_: str, done: int, total: int) -> None:
            self._told = (what, done, total)
            self._bridge.wake()

        self._say()
        self.show()
        self._desk.run_in_background(lambda: work(progress, self._stop.is_set), self._done, self._failed, owner=self)

    def close_work(self) -> None:
        """Stop; nothing half-done is left."""
        self._stop.set()
        self._bridge.close()

    def _say(self) -> None:
        what, done, total = self._told
        self.words.setText(f"{what}: {tr('{n} of {all}').format(n=done, all=total)}" if total else f"{what} …")

    def _done(self, words: str) -> None:
        self._over()
        self._desk.notify(words)

    def _failed(self, error: PolypwatchError) -> None:
        self._over()
        self._desk.notify(error.what, error.hint, trouble=not isinstance(error, Stopped))

    def _over(self) -> None:
        self.running = False
        self.hide()


def hand_outs() -> tuple[tuple[str, Callable[[HandOut, Sequence[Path]], object]], ...]:
    """Words on a button, and what it asks."""
    return (
        (mark("Report…"), ask_for_report),
        (mark("Export labels…"), ask_for_export),
        (mark("De-identified copy…"), ask_for_copy),
        (mark("Use for training…"), ask_for_training),
    )


def ask_for_export(work: HandOut, paths: Sequence[Path]) -> Form:
    """Which format, and where to?"""

    def go() -> None:
        name, out = str(form_of.currentData()), Path(place.text().strip())
        with_pictures = pictures.isChecked()

        def write(progress: Progress, stop: Stop) -> str:
            made = export_labels(paths, name, out, pictures=with_pictures, progress=progress, stop=stop)
            words = tr("Labels of {n} videos, {boxes} boxes: {folder}.")
            return _with_notes(words.format(n=made.videos, boxes=made.boxes, folder=made.folder), made.notes)

        work.begin(tr("Exporting labels"), write)

    title, words = tr("Export labels"), tr("The published labels of the chosen procedures, for another tool.")
    form = Form(work, title, words, tr("Export"), go)
    form_of = form.choice(tr("Format"), [(name, name) for name in FORMATS])
    place = form.place(tr("Empty folder"))
    pictures = form.check(tr("Write the frames themselves where the format is of single frames"))
    pictures.setChecked(True)
    form.open()
    return form


def ask_for_copy(work: HandOut, paths: Sequence[Path]) -> Form:
    """What is to be cropped away, and where to?"""

    def go() -> None:
        crop, out, keep = area.currentData(), Path(place.text().strip()), indication.isChecked()

        def write(progress: Progress, stop: Stop) -> str:
            notes: list[str] = []
            for path in paths:
                made = deidentify(path, out, crop=crop, keep_indication=keep, progress=progress, stop=stop)
                notes += made.notes
            return _with_notes(tr("{n} copies: {folder}.").format(n=len(paths), folder=out), tuple(notes))

        work.begin(tr("Copying without identity"), write)

    words = tr(
        "Names, dates, ids, free texts and metadata go. What stands in the picture itself nobody can check but you: "
        "look at the copy before you give it away."
    )
    form = Form(work, tr("De-identified copy"), words, tr("Copy"), go)
    area = form.choice(
        tr("Picture"),
        [
            (tr("As it was recorded (own recordings)"), None),
            (tr("Only what moves: the rest is cropped away"), "auto"),
            (tr("All of it: I have looked, nothing stands in it"), "full"),
        ],
    )
    place = form.place(tr("Folder"))
    indication = form.check(tr("Keep the indication: I have read it, and it says nothing of the patient"))
    form.open()
    return form


def ask_for_training(work: HandOut, paths: Sequence[Path]) -> Form:
    """Under which terms?"""

    def go() -> None:
        terms = Terms(
            name.text().strip(),
            licence.text().strip(),
            by.text().strip(),
            why.text().strip(),
            commercial.isChecked(),
            centre=centre.text().strip(),
        )
        out, of = Path(place.text().strip()), kind.currentData()

        def write(progress: Progress, stop: Stop) -> str:
            made = hand_over(paths, out, terms, kind=of, progress=progress, stop=stop)
            words = tr("{frames} frames of {n} procedures are handed over: {file}.")
            said = words.format(frames=made.frames, n=made.procedures, file=made.file)
            return _with_notes(said, made.notes)

        work.begin(tr("Handing over to training"), write)

    words = tr(
        "Writes a file for `polypwatch-train import`: which videos, which published labels, under which terms. Nothing "
        "is copied. Without consent nothing is handed over."
    )
    form = Form(work, tr("Use for training"), words, tr("Hand over"), go)
    kind = form.choice(
        tr("Frames"),
        [(tr("All reviewed frames"), "labels"), (tr("Only those in which a model was wrong"), "hard-examples")],
    )
    name = form.text(tr("Data set"), tr("Name of the data set that they become"), needed=True)
    licence = form.text(tr("Licence"), tr("What they may be used for; 'internal' is an answer"), needed=True)
    by = form.text(tr("Consent by"), tr("Who consents to training: a code, not a name"), needed=True)
    why = form.text(tr("Consent rests on"), tr("An ethics vote, a contract"))
    centre = form.text(tr("Hospital"))
    place = form.place(tr("New file"), new_file="handover.json")
    commercial = form.check(tr("The licence allows commercial use"))
    form.open()
    return form


def _with_notes(words: str, notes: Sequence[str]) -> str:
    """What was done, and what must be said of it."""
    said = (told(note).rstrip(".") for note in dict.fromkeys(notes))
    return " ".join((words, *(f"{note[:1].upper()}{note[1:]}." for note in said)))
