"""A scripted session, a counting player, and small pictures for the window's tests."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

import numpy as np

from app.snapshot import AiSnapshot, LiveSnapshot, SourceSnapshot, SourceStatus
from detector.alerts import Marker
from detector.detections import DetectorInfo
from detector.errors import OutputError
from detector.frame import Frame, FrameTime, SourceInfo, SourceKind
from detector.geometry import Size
from detector.watchdog import AiState

INFO = DetectorInfo("scripted", "1.2.3", "fp32", "ab" * 32, 0.4, ("polyp",), "cpu")
FILE = SourceInfo(SourceKind.FILE, "clip.mp4", False, Size(320, 240), Fraction(25))
CAMERA = SourceInfo(SourceKind.CAMERA, "camera 0", True, Size(320, 240), Fraction(30))


def picture(width: int = 320, height: int = 240, bgr: tuple[int, int, int] = (60, 90, 180)) -> np.ndarray:
    image = np.empty((height, width, 3), np.uint8)
    image[:] = bgr
    return image


def frame(index: int = 100, image: np.ndarray | None = None) -> Frame:
    pixels = picture() if image is None else image
    return Frame(index, FrameTime(index, Fraction(1, 25)), time.perf_counter_ns(), pixels)


def marker(
    box: tuple[float, float, float, float] = (80, 60, 160, 140), track_id: int = 1, since_s: float = 1.0
) -> Marker:
    return Marker(track_id, box, 0.8, 0, since_s, False)


def snapshot(
    image: np.ndarray | None = None,
    index: int = 100,
    status: SourceStatus = SourceStatus.PLAYING,
    ai: AiState = AiState.ON,
    markers: tuple[Marker, ...] = (),
    info: SourceInfo = FILE,
    **ai_fields: object,
) -> LiveSnapshot:
    state = replace(AiSnapshot(ai, "", INFO, 90, 10, 0, 0, 62.0, False, 50.0), **ai_fields)  # type: ignore[arg-type]
    source = SourceSnapshot(status, info.label, "", info, index, 0, 25.0, 0)
    return LiveSnapshot(frame(index, image), source, state, markers, 0, None, "", time.perf_counter_ns())


class FakeSession:
    """Shows what the test last said; remembers what the window asked for."""

    def __init__(self, first: LiveSnapshot | None = None) -> None:
        self.now = first or snapshot()
        self.wakes: list[Callable[[], None]] = []
        self.ai_enabled = True
        self.paused = False
        self.synchronised = False
        self.can_record = True
        self.record_error = ""
        self.calls: list[str] = []

    @property
    def can_pause(self) -> bool:
        return self.now.source.info is not None and not self.now.source.info.live

    def snapshot(self) -> LiveSnapshot:
        return self.now

    def subscribe(self, wake: Callable[[], None]) -> None:
        self.wakes.append(wake)

    def show(self, now: LiveSnapshot) -> None:
        self.now = now
        for wake in self.wakes:
            wake()

    def set_ai_enabled(self, enabled: bool) -> None:
        self.ai_enabled = enabled

    def set_paused(self, paused: bool) -> None:
        self.paused = paused

    def set_synchronised(self, on: bool) -> None:
        self.synchronised = on

    def start_recording(self) -> None:
        if self.record_error:
            raise OutputError(self.record_error, "Choose another folder.")
        self.show(replace(self.now, recording="/recordings/1"))

    def stop_recording(self) -> None:
        self.show(replace(self.now, recording=None))

    def start(self) -> None:
        self.calls.append("start")

    def stop(self) -> None:
        self.calls.append("stop")


class FakePlayer:
    def __init__(self, fault: str = "") -> None:
        self.fault = fault
        self.played = 0

    def play(self) -> None:
        self.played += 1
