"""A look at a source before it is used: its newest whole picture, and what can be told from it. No Qt.

Nothing is kept and no AI runs. What goes wrong is said in words, and a live source is tried again by itself: plugging
the cable in is all that is needed.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace

from app.capture import parse_source
from app.gui.language import told, tr
from app.picture.prepared import prepared_source
from app.picture.settings import PictureSettings
from detector.errors import PolypwatchError
from detector.frame import Frame, FrameSource, Interruption, SourceInfo, SourceState
from detector.geometry import Size
from detector.picture.area import AreaFinder, FoundArea
from detector.picture.interlace import Scan

_log = logging.getLogger(__name__)

_AGAIN_S = 1.0
_JOIN_S = 12.0  # opening a stream may block for ten seconds
_RATE_OVER = 32


@dataclass(frozen=True, slots=True)
class PreviewState:
    """What is known at one instant.

    Attributes:
        frame: newest picture, whole and not stretched; None while there is none.
        info: of the open source; None before it was opened once.
        scan: how it is scanned, as its content tells.
        deinterlacing: each frame is shown as two pictures.
        rate: measured, in pictures per second; 0 while unknown.
        trouble: why there is no picture, in words; empty while there is one.
        todo: what to do about that.
        found: what the search for the picture area came to; None while it goes on.
    """

    frame: Frame | None = None
    info: SourceInfo | None = None
    scan: Scan = Scan.UNKNOWN
    deinterlacing: bool = False
    rate: float = 0.0
    trouble: str = ""
    todo: str = ""
    found: FoundArea | None = None


class Preview:
    """Reads a source in a thread of its own until it is closed; files begin anew at their end.

    Args:
        typed: the source, as a user would type it.
        settings: how its pictures are prepared.
        wake: called from the thread after every change.
        after: an earlier one that may still hold the device; this one waits for its end.
    """

    def __init__(
        self, typed: str, settings: PictureSettings, wake: Callable[[], None], after: Preview | None = None
    ) -> None:
        self._typed = typed
        self._settings = settings
        self._wake = wake
        self._after = after
        self._state = PreviewState()
        self._stop = threading.Event()
        self._source: FrameSource | None = None
        self._finder: AreaFinder | None = None
        self._times: deque[int] = deque(maxlen=_RATE_OVER)
        self._thread = threading.Thread(target=self._run, name="preview", daemon=True)

    @property
    def state(self) -> PreviewState:
        """What is known now; from any thread."""
        return self._state

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self) -> None:
        """End soon; returns at once. :meth:`join` waits for it."""
        self._stop.set()
        source = self._source
        if source is not None:
            source.close()

    def join(self) -> None:
        """Wait until the device is free again."""
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(_JOIN_S)

    def _run(self) -> None:
        if self._after is not None:
            self._after.join()
            self._after = None
        try:
            while not self._stop.is_set():
                self._watch()
                self._wake()
                self._stop.wait(_AGAIN_S)
        except Exception as error:  # root of the thread: the page must say it
            _log.exception("the preview failed")
            said = tr("Unexpected error: {kind}: {error}.").format(kind=type(error).__name__, error=error)
            self._fail(said, tr("The log has the details."))
            self._wake()

    def _watch(self) -> None:
        """Open and read until the source ends, fails or is closed."""
        try:
            source, conditioned = prepared_source(parse_source(self._typed), self._settings, loop=True)
            self._source = source
            info = source.open()
        except PolypwatchError as error:
            self._fail(told(error.what), told(error.hint))
            return
        try:
            self._state = replace(self._state, info=info, trouble="", todo="")
            while not self._stop.is_set():
                item = source.read()
                if isinstance(item, Frame):
                    conditions = conditioned.conditions
                    self._take(item, conditions.scan, conditions.deinterlacing)
                elif not self._bears(item):
                    return
                self._wake()
        finally:
            source.close()

    def _take(self, frame: Frame, scan: Scan, deinterlacing: bool) -> None:
        self._times.append(frame.captured_ns)
        over_ns = self._times[-1] - self._times[0]
        self._state = replace(
            self._state,
            frame=frame,
            scan=scan,
            deinterlacing=deinterlacing,
            rate=(len(self._times) - 1) * 1e9 / over_ns if over_ns > 0 else 0.0,
            trouble="",
            todo="",
            found=self._searched(frame),
        )

    def _searched(self, frame: Frame) -> FoundArea | None:
        size = Size.of(frame.image)
        if self._finder is None or self._finder.size != size:
            self._finder = AreaFinder(size)
            self._state = replace(self._state, found=None)
        if self._state.found is not None or frame.time is None:
            return self._state.found
        return self._finder.update(frame.image, frame.time.seconds)

    def _bears(self, item: Interruption) -> bool:
        """Whether reading goes on after this."""
        if item.state is SourceState.UNDECODABLE:
            return True
        if not self._stop.is_set() and item.state is not SourceState.END:
            self._fail(told(item.detail or item.state.value), tr("It is tried again every second."))
        return False

    def _fail(self, trouble: str, todo: str) -> None:
        self._times.clear()
        self._state = replace(self._state, frame=None, rate=0.0, trouble=trouble, todo=todo)
