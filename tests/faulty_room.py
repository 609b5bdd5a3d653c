"""A room in which things break: a capture device that does what it is told, the real session, window and recorder."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from pathlib import Path

import cv2
import numpy as np

from app.capture import file_source
from app.gui.ai_signs import main_sign
from app.gui.bridge import PaintStamp
from app.gui.flags import flag_signs
from app.gui.options import WindowOptions
from app.gui.signs import View
from app.gui.window import LiveWindow
from app.live import LiveSession, LiveSettings
from app.phantom import bundled
from app.snapshot import LiveSnapshot
from detector.errors import SourceError
from detector.frame import Frame, FrameTime, Interruption, SourceInfo, SourceKind, SourceState
from detector.geometry import Size
from detector.worker import AiProcess, AiSettings
from tests.app.gui.fakes import FakePlayer
from tests.steady import STEADY

SIZE = Size(640, 360)
RATE = 30
_MILLISECOND = Fraction(1, 1000)
_INSIDE_BODY = 250  # the phantom begins outside


@cache
def pictures(size: Size = SIZE) -> tuple[np.ndarray, ...]:
    """Two seconds of the phantom: they move, and show the inside of a body."""
    source = file_source(bundled().video)
    source.open()
    for _ in range(_INSIDE_BODY):
        source.read()
    made = []
    while len(made) < 50:
        item = source.read()
        assert isinstance(item, Frame)
        made.append(cv2.resize(item.image, size, interpolation=cv2.INTER_AREA))
    source.close()
    return tuple(made)


class Grabber:
    """A capture device in real time.

    Args:
        until: how many pictures it gives; then it ends, as no device does, so that the test does.

    Attributes:
        rate, size, frozen, unplugged: what it does from the next picture on.
        at: by picture, what is called before it is given.
    """

    def __init__(self, until: int) -> None:
        self.rate, self.size, self.frozen, self.unplugged = RATE, SIZE, False, False
        self.at: dict[int, Callable[[], None]] = {}
        self._until = until
        self._index = 0
        self._held = 0
        self._due_s = 0.0
        self._pts_ms = 0.0
        self._closed = threading.Event()

    def open(self) -> SourceInfo:
        if self.unplugged:
            raise SourceError("There is no such device.", "Plug it in.")
        self._closed.clear()
        self._due_s = time.perf_counter()
        return SourceInfo(SourceKind.CAMERA, "grabber", True, self.size, Fraction(self.rate), None, _MILLISECOND)

    def read(self) -> Frame | Interruption:
        if self._index in self.at:
            self.at.pop(self._index)()
        if self.unplugged:
            return Interruption(SourceState.GONE, "unplugged")
        if self._index >= self._until or self._closed.wait(max(0.0, self._due_s - time.perf_counter())):
            return Interruption(SourceState.END)
        self._due_s = max(self._due_s + 1 / self.rate, time.perf_counter() - 0.2)
        self._pts_ms += 1000 / self.rate
        index, self._index = self._index, self._index + 1
        self._held = self._held if self.frozen else index
        images = pictures(self.size)
        time_ = FrameTime(round(self._pts_ms), _MILLISECOND)
        return Frame(index, time_, time.perf_counter_ns(), images[self._held % len(images)].copy())

    def close(self) -> None:
        self._closed.set()


@dataclass
class Seen:
    """What was on the screen, paint by paint."""

    stamps: list[PaintStamp] = field(default_factory=list)
    snapshots: list[LiveSnapshot] = field(default_factory=list)
    last: LiveSnapshot | None = None

    @property
    def painted(self) -> list[int]:
        """Indices of the pictures; repaints of the same one left out."""
        return [index for index, _ in itertools.groupby(s.frame_index for s in self.stamps)]

    @property
    def signs(self) -> list[str]:
        """The words of the large sign, in the order in which they came."""
        return [words for words, _ in itertools.groupby(sign_of(s) for s in self.snapshots)]

    @property
    def flags(self) -> set[str]:
        """Every smaller sign that was there."""
        return {flag.text for s in self.snapshots for flag in flag_signs(s, View())}


def sign_of(snapshot: LiveSnapshot) -> str:
    """The words of the large sign."""
    return main_sign(snapshot, View()).text


def watch(qtbot, grabber: Grabber, folder: Path, *, ai: dict | None = None, record: bool = True, **options) -> Seen:
    """Show the grabber until it ends, recording; checks what holds in every fault: the picture goes on.

    Args:
        ai: options of the steady detector; None switches the AI off.
        options: of ``LiveSettings``, and ``during`` (called with window and session once it runs).
    """
    during = options.pop("during", None)
    features = options.pop("features", ())
    settings = LiveSettings(recordings=folder, retry_opening=True, wait_for_ai_s=30 if ai is not None else 0, **options)
    session = LiveSession(
        grabber, "grabber", lambda *calls: AiProcess(STEADY, ai or {}, AiSettings(), *calls), settings
    )
    if ai is None:
        session.set_ai_enabled(False)
    window = LiveWindow(session, WindowOptions(folder, size=Size(900, 600), features=features), player=FakePlayer())
    qtbot.addWidget(window)
    seen = Seen()

    def painted(stamp: PaintStamp) -> None:
        seen.stamps.append(stamp)

    def refreshed() -> None:
        seen.snapshots.append(session.snapshot())

    window.painted.append(painted)
    window.page.bridge.refresh.connect(refreshed)
    if record:
        session.start_recording(folder / "recording")
    window.begin()
    try:
        if during is not None:
            during(window, session)
        qtbot.waitUntil(lambda: session.ended, timeout=40_000)
        seen.last = session.snapshot()
        refreshed()
    finally:
        window.close()
    seen.last = session.snapshot()
    indices = seen.painted
    assert all(b > a for a, b in itertools.pairwise(indices)), "a picture came twice or went back"
    # Half of them at the least, however busy the machine is; that none is left out is for benchmarks to show.
    assert len(indices) >= 0.5 * seen.last.source.frames, "the picture did not go on"
    return seen
