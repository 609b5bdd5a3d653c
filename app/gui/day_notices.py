"""What the window says at its start of the days and the windows before."""

from __future__ import annotations

from pathlib import Path

from app.day.recordings import gigabytes
from app.day.resumption import Resumption
from app.day.retention import propose, survey
from app.gui.language import decimal, tr
from app.gui.notices import Notice, Weight


def crash_notice(told: Resumption, failed: list[str]) -> Notice:
    """The window before has crashed; ``failed`` is what could not be brought back (``app.day.restore.restore``)."""
    works = tr("The recording goes on.") if told.recording is not None else ""
    if failed:
        return Notice(tr("The window crashed and was started again."), "", " ".join(failed), Weight.ERROR)
    return Notice(tr("The window crashed and was started again."), works, "", Weight.WARNING)


def retention_notice(folder: Path, days: float | None) -> Notice | None:
    """What the settings would have deleted by now; None if nothing. Reads the disk: not for the window's thread.

    Raises:
        FormatError: the folder cannot be read.
    """
    if days is None or not folder.is_dir():
        return None
    old = propose(survey(folder), days)
    if not old.old:
        return None
    if len(old.old) == 1:
        what = tr("One recording is older than {days} days ({size}).")
    else:
        what = tr("{n} recordings are older than {days} days ({size}).")
    said = what.format(n=len(old.old), days=decimal(f"{days:g}"), size=decimal(gigabytes(old.size)))
    return Notice(said, "", tr("To delete them: `polypwatch recordings --delete`, after the examination."))
