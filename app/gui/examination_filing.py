"""What is made of an examination afterwards: the reports and the DICOM files, in a thread of their own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import app
from app.examination.desk import Desk
from app.examination.record import Examination
from app.examination.store import read_journal
from app.gui.errands import Errands
from app.gui.examination_pictures import kept_pictures
from app.gui.language import told, tr
from app.gui.notices import Notice, Weight
from app.gui.report_words import Language
from app.recording.mark import LOCK_NAME, is_unfinished
from detector.errors import OutputError, UsageError
from detector.file_lock import FileLock
from detector.procedure import is_recording

_RECORDING_ENDS_WITHIN_S = 60.0
_REPORT_WITHIN_S = 180.0
_WITH_GAPS = 9  # the command's exit status, see docs/formats.md


class Filing:
    """Writes reports and DICOM files; says meanwhile what is being written.

    Args:
        desk: with the examination.
        post: takes notices, from any thread.
        wake: called when ``doing`` has changed.
        language: of the reports.
    """

    def __init__(
        self,
        desk: Desk,
        post: Callable[[Notice], None],
        wake: Callable[[], None],
        language: Language,
    ) -> None:
        self._desk, self._wake, self._language = desk, wake, language
        self._errands = Errands(post)  # of its own: an export takes minutes, and no mark may wait for it
        self._doing = ""
        self._closing = False

    @property
    def doing(self) -> str:
        """What is being written, in words; empty while nothing is."""
        return self._doing

    def report(self) -> None:
        """Write the clinical page, the technical report and its JSON into ``report``."""
        folder = self._folder()
        self._tell(tr("The report is being written."))
        self._errands.run(lambda: self._done(self._report, folder))

    def dicom(self, no_text: bool) -> None:
        """Export pictures and recording into ``dicom``.

        Args:
            no_text: somebody looked, and no picture shows text that tells who the patient is.
        """
        folder = self._folder()
        self._tell(tr("The DICOM files are being written."))
        self._errands.run(lambda: self._done(lambda f: self._dicom(f, no_text), folder))

    def close(self) -> None:
        """Finish the reports; an export that still runs is broken off and leaves nothing behind."""
        self._closing = True
        self._errands.close()

    # -- in its thread --------------------------------------------------------------------------------------------

    def _done(self, write: Callable[[Path], Notice], folder: Path) -> Notice:
        try:
            return write(folder)
        finally:
            self._tell("")

    def _report(self, folder: Path) -> Notice:
        self._desk.flush()
        out = folder / "report"
        gaps = _run_report(folder, out, self._language)
        where = tr("{file} in {folder}").format(file=f"{folder.name}-clinical.pdf", folder=out)
        if gaps:
            return Notice(tr("The report is written; the record has gaps."), where, gaps[0], Weight.WARNING)
        return Notice(tr("The report is written."), where)

    def _dicom(self, folder: Path, no_text: bool) -> Notice:
        from app.dicom.export import export_dicom

        self._desk.flush()
        self._await_recording(folder)
        # Of the journal in the folder: on the desk the next patient's examination may have begun meanwhile.
        state = Examination.replay(read_journal(folder).events)
        paths = [folder / file for file in kept_pictures(state) if (folder / file).is_file()]
        if is_recording(folder):
            paths.append(folder)
        if not paths:
            raise UsageError(tr("Nothing was exported: the examination holds neither pictures nor a recording."))
        out = _free(folder / "dicom")
        made = export_dicom(
            paths, out, study_id=state.start.id, taken=state.start.started_utc, no_text=no_text, progress=self._progress
        )
        said = tr("{n} DICOM files are written.").format(n=len(made.files))
        return Notice(said, str(out), " ".join(f"{told(note)}." for note in made.notes))

    def _progress(self, what: str, done: int, total: int) -> None:
        if self._closing:
            raise UsageError(tr("The DICOM export was broken off: the window was closed."))
        if done % 25 == 0 or done == total:
            self._tell(tr("DICOM: {what}, {done} of {total}").format(what=told(what), done=done, total=total))

    def _await_recording(self, folder: Path) -> None:
        """The recording of an examination that has just ended is still being completed."""
        until = time.monotonic() + _RECORDING_ENDS_WITHIN_S
        while FileLock.is_held(folder / LOCK_NAME) or is_unfinished(folder):
            if self._closing or time.monotonic() > until:
                why = tr("Nothing was exported: the recording is not complete.")
                raise UsageError(why, tr("Stop the recording; the next start of the program repairs what is damaged."))
            time.sleep(0.1)

    def _folder(self) -> Path:
        found = self._desk.snapshot()
        if found is None:
            raise UsageError(tr("No examination runs."))
        return found.folder

    def _tell(self, words: str) -> None:
        self._doing = words
        self._wake()


def _run_report(folder: Path, out: Path, language: Language) -> tuple[str, ...]:
    """``polypwatch report`` in a process of its own: setting type would take the interpreter from the picture.

    Returns:
        What is missing in the record, in words.

    Raises:
        OutputError: the reports were not written.
    """
    command = [sys.executable, "-m", "app", "report", str(folder), "--out", str(out), "--language", language]
    here = str(Path(app.__file__).resolve().parent.parent)
    paths = os.pathsep.join([here, *filter(None, [os.environ.get("PYTHONPATH")])])
    try:
        done = subprocess.run(
            command, env=os.environ | {"PYTHONPATH": paths}, capture_output=True, text=True, timeout=_REPORT_WITHIN_S
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise OutputError(
            tr("The report was not written: {why}").format(why=error), tr("Try again, or use `polypwatch report`.")
        ) from error
    said = [line.strip().removeprefix("polypwatch: ") for line in done.stderr.splitlines() if line.strip()]
    if done.returncode not in (0, _WITH_GAPS):
        why = said[-2] if len(said) > 1 else f"status {done.returncode}"
        raise OutputError(tr("The report was not written: {why}").format(why=told(why)), said[-1] if said else "")
    return tuple(said) if done.returncode == _WITH_GAPS else ()


def _free(folder: Path) -> Path:
    """A folder that does not exist yet: an export replaces nothing."""
    number, found = 1, folder
    while found.exists():
        number += 1
        found = folder.with_name(f"{folder.name}-{number}")
    return found
