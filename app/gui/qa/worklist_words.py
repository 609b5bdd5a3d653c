"""What the worklist page says: progress, time, and what to do when there is nothing to do. Words only, no widgets."""

from __future__ import annotations

from app.gui.language import tr
from app.gui.qa.sitting import Progress


def clock(seconds: float) -> str:
    """A time in a procedure: ``12:07``, or ``1:02:07`` after the first hour."""
    whole = int(seconds)
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"


def progress_words(progress: Progress) -> str:
    """One line: ``12 of 25 clips, 3 of 40 procedures done, about 4 minutes left``."""
    parts = [tr("{done} of {all} clips").format(done=progress.done, all=progress.clips)]
    if progress.procedures:
        text = tr("{done} of {all} procedures done")
        parts.append(text.format(done=progress.procedures_done, all=progress.procedures))
    parts.append(time_left(progress))
    return "  \N{MIDDLE DOT}  ".join(parts)


def time_left(progress: Progress) -> str:
    """How long it will take at the pace so far."""
    if progress.done == progress.clips:
        return tr("nothing left")
    seconds = progress.seconds_left
    if seconds is None:
        return tr("time left: known after a few answers")
    if seconds < 50:
        return tr("less than a minute left")
    minutes = round(seconds / 60)
    if minutes <= 1:
        return tr("about a minute left")
    if minutes < 90:
        return tr("about {minutes} minutes left").format(minutes=minutes)
    return tr("about {hours} h {minutes} min left").format(hours=minutes // 60, minutes=minutes % 60)
