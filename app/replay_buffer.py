"""The last seconds in small, for the pedal replay: what was on the screen around the last alert, with its boxes.

A thread of its own keeps a ring of reduced JPEG pictures: 640 px wide, 15 a second at most, 8 s. At an alert the eight
seconds around it are set aside: 5 s before it, and 3 s after it as they come. The session's threads only ring a bell.
No Qt.

Memory: a picture takes some 25 KB, and 102 KB if it is pure noise (1080p reduced to 640 x 360), eight seconds of them 3
to 13 MB. Ring, set-aside seconds and those that are being played are three times that at most. Whatever the pictures
are, the ring ends at ``ReplaySettings.most_bytes`` (32 MB), and with it the other two: below 100 MB.
"""

from __future__ import annotations

import logging
import threading
from bisect import bisect_right
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from app.session_api import Session
from app.snapshot import LiveSnapshot, SourceStatus
from detector.alerts import Marker
from detector.frame import Frame
from detector.geometry import Letterbox, Size
from detector.watchdog import AiState

_LOG = logging.getLogger(__name__)

_S = 1_000_000_000
_JOIN_S = 2.0
_JPEG = (int(cv2.IMWRITE_JPEG_QUALITY), 85)
# What is then on the screen is no picture of the present.
_NO_PICTURE = frozenset({SourceStatus.LOST, SourceStatus.GONE, SourceStatus.FAILED, SourceStatus.ENDED})


@dataclass(frozen=True, slots=True)
class ReplaySettings:
    """What is kept.

    Attributes:
        before_s: how much before the alert.
        after_s: how much after it.
        rate: pictures a second at most.
        width_px: of a kept picture at most.
        most_bytes: of JPEG in the ring at most; what is older goes.
    """

    before_s: float = 5.0
    after_s: float = 3.0
    rate: int = 15
    width_px: int = 640
    most_bytes: int = 32_000_000

    @property
    def kept_ns(self) -> int:
        """How long the ring is."""
        return round((self.before_s + self.after_s) * _S)


@dataclass(frozen=True, slots=True)
class SmallPicture:
    """One picture of the ring.

    Attributes:
        captured_ns: of the frame (``perf_counter_ns``).
        size: of the frame, in whose pixels the markers are.
        markers: those that were on the screen with it.
        jpeg: the picture in small.
    """

    captured_ns: int
    size: Size
    markers: tuple[Marker, ...]
    jpeg: bytes

    def image(self) -> npt.NDArray[np.uint8]:
        """The picture: BGR uint8, contiguous."""
        return np.asarray(cv2.imdecode(np.frombuffer(self.jpeg, np.uint8), cv2.IMREAD_COLOR), np.uint8)


class Replay:
    """Some seconds to be played; grows as long as they have not all come. May be read from every thread.

    Attributes:
        start_ns: of its first picture, or of the time from which it would be there.
        end_ns: where it ends.
        alert_ns: of the alert; None for the last seconds without one.
    """

    def __init__(self, start_ns: int, end_ns: int, alert_ns: int | None, pictures: Iterable[SmallPicture]) -> None:
        self.end_ns = end_ns
        self.alert_ns = alert_ns
        self._pictures = tuple(p for p in pictures if start_ns <= p.captured_ns <= end_ns)
        self.start_ns = self._pictures[0].captured_ns if self._pictures else start_ns

    @property
    def pictures(self) -> tuple[SmallPicture, ...]:
        """Those that are there, oldest first."""
        return self._pictures

    @property
    def seconds(self) -> float:
        """How long it takes to play."""
        return (self.end_ns - self.start_ns) / _S

    def at(self, elapsed_s: float) -> SmallPicture | None:
        """What was on the screen so long after the start; None before its first picture has come."""
        pictures = self._pictures
        found = bisect_right(pictures, self.start_ns + round(elapsed_s * _S), key=lambda p: p.captured_ns)
        return pictures[found - 1] if found else None

    def add(self, picture: SmallPicture) -> None:
        """Take in the next one; only the thread that keeps the ring calls this."""
        if picture.captured_ns <= self.end_ns:
            self._pictures = (*self._pictures, picture)

    def correct_last(self, picture: SmallPicture) -> None:
        """The last picture has got other markers; only the thread that keeps the ring calls this."""
        if self._pictures and self._pictures[-1].captured_ns == picture.captured_ns:
            self._pictures = (*self._pictures[:-1], picture)


class ReplayBuffer:
    """Keeps the ring of a session.

    Args:
        session: what is watched; it is subscribed to for good.
        settings: what is kept.
    """

    def __init__(self, session: Session, settings: ReplaySettings | None = None) -> None:
        self.settings = settings or ReplaySettings()
        self._session = session
        self._ring: deque[SmallPicture] = deque()
        self._bytes = 0
        self._due_ns = 0
        self._alerts: int | None = None
        self._alert: Replay | None = None
        self._lock = threading.Lock()
        self._bell = threading.Event()
        self._closed = False
        self._fault = ""
        self._thread = threading.Thread(target=self._run, name="replay", daemon=True)
        self._thread.start()
        session.subscribe(self._bell.set)

    @property
    def fault(self) -> str:
        """Why nothing is kept any more; empty if all is well."""
        return self._fault

    @property
    def kept_bytes(self) -> int:
        """JPEG bytes in the ring."""
        with self._lock:
            return self._bytes

    def last_alert(self) -> Replay | None:
        """The seconds around the last alert that was on the screen; None before the first."""
        with self._lock:
            return self._alert

    def forget(self) -> None:
        """Keep nothing of what was until now: the next patient is in the room."""
        with self._lock:
            self._ring.clear()
            self._bytes, self._alert = 0, None

    def last_seconds(self) -> Replay | None:
        """The last seconds up to now; None without a picture."""
        with self._lock:
            if not self._ring:
                return None
            end_ns = self._ring[-1].captured_ns
            return Replay(end_ns - self.settings.kept_ns, end_ns, None, self._ring)

    def close(self) -> None:
        """End the thread; what was kept stays readable."""
        self._closed = True
        self._bell.set()
        self._thread.join(_JOIN_S)

    def _run(self) -> None:
        try:
            while not self._closed:
                self._bell.wait()
                self._bell.clear()
                if not self._closed:
                    self.take(self._session.snapshot())
        except Exception as error:  # the root of the thread: the picture goes on, and the fault is a sign
            _LOG.exception("the replay keeps no pictures any more")
            self._fault = f"{type(error).__name__}: {error}"

    # -- in the thread of the ring --------------------------------------------------------------------------------

    def take(self, snapshot: LiveSnapshot) -> None:
        """Keep what is on the screen now, if its turn has come. Called by the thread; by tests in its place."""
        frame, markers = snapshot.frame, on_screen(snapshot)
        if frame is not None and snapshot.source.status not in _NO_PICTURE:
            newest = self._ring[-1] if self._ring else None
            if newest is not None and newest.captured_ns == frame.captured_ns:
                self._correct(newest, markers)
            elif frame.captured_ns >= self._due_ns:
                self._keep(frame, markers)
        self._notice_alert(snapshot, markers)

    def _keep(self, frame: Frame, markers: tuple[Marker, ...]) -> None:
        interval_ns = _S // self.settings.rate
        # From where it was due: pictures that come a little late do not make the next one late, too.
        self._due_ns = max(self._due_ns + interval_ns, frame.captured_ns + interval_ns // 2)
        picture = SmallPicture(frame.captured_ns, frame.size, markers, reduced(frame.image, self.settings.width_px))
        with self._lock:
            self._ring.append(picture)
            self._bytes += len(picture.jpeg)
            oldest_ns = picture.captured_ns - self.settings.kept_ns
            while self._ring and (self._ring[0].captured_ns < oldest_ns or self._bytes > self.settings.most_bytes):
                self._bytes -= len(self._ring.popleft().jpeg)
            if self._alert is not None:
                self._alert.add(picture)

    def _correct(self, newest: SmallPicture, markers: tuple[Marker, ...]) -> None:
        if markers != newest.markers:
            picture = replace(newest, markers=markers)
            with self._lock:
                self._ring[-1] = picture
                if self._alert is not None:
                    self._alert.correct_last(picture)

    def _notice_alert(self, snapshot: LiveSnapshot, markers: tuple[Marker, ...]) -> None:
        """An alert that nobody was shown (hidden boxes, shadow mode) is none here either."""
        before, self._alerts = self._alerts, snapshot.new_alerts
        if markers and snapshot.new_alerts > (before or 0):
            at_ns, settings = snapshot.taken_ns, self.settings
            start_ns, end_ns = at_ns - round(settings.before_s * _S), at_ns + round(settings.after_s * _S)
            with self._lock:
                self._alert = Replay(start_ns, end_ns, at_ns, self._ring)


def on_screen(snapshot: LiveSnapshot) -> tuple[Marker, ...]:
    """The markers that the screen shows with this snapshot's picture."""
    shown = snapshot.quiet is None and snapshot.ai.state is AiState.ON and not snapshot.ai.expired
    return snapshot.markers if shown else ()


def reduced(image: npt.NDArray[np.uint8], width_px: int) -> bytes:
    """The picture as JPEG, at most so wide."""
    height, width = image.shape[:2]
    if width > width_px:
        size = Size(width_px, max(1, round(height * width_px / width)))
        # Exact halves first: a third of the time of an area average at this size, and no aliases that one would see.
        for _ in range(Letterbox.fit(Size(width, height), size).halvings):
            half = (image.shape[1] // 2, image.shape[0] // 2)
            even = image[: 2 * half[1], : 2 * half[0]]
            image = np.asarray(cv2.resize(even, half, interpolation=cv2.INTER_AREA), np.uint8)
        image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_LINEAR), np.uint8)
    done, jpeg = cv2.imencode(".jpg", image, _JPEG)
    if not done:
        raise RuntimeError("a picture could not be encoded")
    return jpeg.tobytes()
