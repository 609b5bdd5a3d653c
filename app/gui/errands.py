"""Work that may wait for a disk, done beside the window's thread so that the picture never waits. No Qt."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from app.gui.notices import Notice, Weight
from detector.errors import PolypwatchError

_log = logging.getLogger(__name__)

VIDEO_GOES_ON = "The video goes on."


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
        self._pool.submit(self._run, errand)

    def close(self) -> None:
        """Wait until all are done."""
        self._pool.shutdown()

    def _run(self, errand: Callable[[], Notice | None]) -> None:
        try:
            notice = errand()
        except PolypwatchError as error:
            notice = problem(error)
        except Exception as error:  # the root of the thread: it must be seen, and the next errand must run
            _log.exception("an errand failed")
            what = f"Unexpected error: {type(error).__name__}: {error}."
            notice = Notice(what, VIDEO_GOES_ON, "The log has the details.", Weight.ERROR)
        if notice is not None:
            self._post(notice)


def problem(error: PolypwatchError) -> Notice:
    """The notice for an error that the user can understand."""
    return Notice(error.what, VIDEO_GOES_ON, error.hint, Weight.ERROR)
