"""What opening leaves for later: counting every picture and comparing labels with their videos, in the background."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from app.qa.cache import Kept
from app.qa.opened import Opened, open_with
from app.qa.playback.index import Progress, count_index
from app.qa.progress import Stop, Stopped, go_on
from detector.errors import PolypwatchError

_LOG = logging.getLogger(__name__)
_COUNTING = 0.7  # share of the progress, where there are labels to compare, too
_CLOSE_WAIT_S = 5.0


def settle(
    opened: Opened, cache: Path | None = None, progress: Progress = lambda _: None, stop: Stop = lambda: False
) -> Opened:
    """Count all pictures and compare labels with their videos; reads the files from end to end, once in their life.

    Args:
        opened: the procedure.
        cache: the folder in which indices and hashes are kept; None: this user's.
        progress: is told how much is done, 0 to 1.
        stop: whether to stop.

    Returns:
        The procedure as it is known then; ``opened`` itself if nothing was open.

    Raises:
        SourceError: a file cannot be read, or the sidecar is of another video.
        Stopped: as was asked for.
    """
    return settled_with(opened, Kept(cache), progress, stop)


def settled_with(opened: Opened, kept: Kept, progress: Progress, stop: Stop) -> Opened:
    """As :func:`settle`, with a cache that is in use."""
    if opened.checked:
        return opened
    media = opened.media
    share = _COUNTING if opened.procedure.unproven else 1.0
    for number, medium in enumerate(media):

        def told(done: float, number: int = number) -> None:
            progress(share * (number + done) / len(media))

        count_index(medium, kept, told, stop)
    if opened.procedure.unproven:
        for number, segment in enumerate(opened.procedure.segments):
            if kept.sha256(segment.video, stop) is None:
                go_on(stop, "Checking labels")
            progress(share + (1 - share) * (number + 1) / len(media))
    return open_with(opened.path, kept)


@dataclass(frozen=True, slots=True)
class CheckState:
    """How far the check is.

    Attributes:
        opened: the procedure as it is known now.
        done: 0 to 1.
        running: not at its end yet.
        fault: why it cannot be finished, such as a sidecar of another video; empty otherwise.
    """

    opened: Opened
    done: float = 0.0
    running: bool = True
    fault: str = ""


class Checking:
    """Settles a procedure in a thread of its own.

    Args:
        opened: the procedure.
        wake: is called without payload, from the thread, when there is something new.
        kept: where indices and hashes are kept; None: in this user's cache.
    """

    def __init__(self, opened: Opened, wake: Callable[[], None], kept: Kept | None = None) -> None:
        self._wake = wake
        self._kept = kept or Kept()
        self._stop = threading.Event()
        self._state = CheckState(opened, float(opened.checked), not opened.checked)
        self._thread = threading.Thread(target=self._run, name="qa-check", daemon=True)

    def start(self) -> None:
        """Begin, if there is anything to do."""
        if self._state.running:
            self._thread.start()

    def state(self) -> CheckState:
        """How far it is; any thread may ask."""
        return self._state

    def close(self) -> None:
        """Stop; what was counted so far is kept per file."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(_CLOSE_WAIT_S)

    def _run(self) -> None:
        opened = self._state.opened
        try:
            known = settled_with(opened, self._kept, self._told, self._stop.is_set)
            self._state = CheckState(known, 1.0, False)
        except Stopped:
            self._state = CheckState(opened, self._state.done, False)
        except PolypwatchError as error:
            self._state = CheckState(opened, self._state.done, False, str(error))
        except Exception as error:  # root of a thread
            _LOG.exception("checking %s", opened.path)
            self._state = CheckState(opened, self._state.done, False, f"{opened.title} could not be checked: {error}")
        self._wake()

    def _told(self, done: float) -> None:
        before = self._state
        self._state = CheckState(before.opened, done)
        if int(done * 50) != int(before.done * 50):
            self._wake()
