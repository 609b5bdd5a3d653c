"""Work that may wait for a disk, done beside the window's thread so that the picture never waits. No Qt."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from app.gui.language import mark, tr
from app.gui.notices import Notice, Weight
from detector.errors import PolypwatchError

_log = logging.getLogger(__name__)

VIDEO_GOES_ON = mark("The video goes on.")


class Errands:
    """Runs errands in a thread of its own and says how each went.

    Args:
        post: takes the notices, from the errands' thread.
    """

    def __init__(self, post: Callable[[Notice], None]) -> None:
        self._post = post
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="errands")

    def run(self, errand: Callable[[], Notice | None]) -> None:
        """Have it done; returns at once. What it returns is shown; what it raises is shown as a problem."""
        self._pool.submit(carried_out, errand, self._post)

    def close(self) -> None:
        """Wait until all are done."""
        self._pool.shutdown()


def carried_out(errand: Callable[[], Notice | None], post: Callable[[Notice], None]) -> None:
    """Do an errand in this thread and say how it went."""
    try:
        notice = errand()
    except PolypwatchError as error:
        notice = problem(error)
    except Exception as error:  # the root of a thread: it must be seen, and the next errand must run
        _log.exception("an errand failed")
        what = tr("Unexpected error: {kind}: {error}.").format(kind=type(error).__name__, error=error)
        notice = Notice(what, tr(VIDEO_GOES_ON), tr("The log has the details."), Weight.ERROR)
    if notice is not None:
        post(notice)


def problem(error: PolypwatchError) -> Notice:
    """The notice for an error that the user can understand; English until it is shown (``notice_words.said``)."""
    return Notice(error.what, VIDEO_GOES_ON, error.hint, Weight.ERROR)
