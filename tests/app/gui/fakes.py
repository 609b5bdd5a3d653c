"""A scripted session, a counting player, and small pictures for the window's tests."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
from PyQt6.QtCore import QRect

from app.gui.buttons import ButtonState
from app.gui.features import Page
from app.gui.keys import OF_FEATURES, Action
from app.gui.signs import Shape, Sign, Tone
from app.snapshot import AiSnapshot, LiveSnapshot, Quiet, SourceSnapshot, SourceStatus
from app.tally import AiTally
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
    quiet: Quiet | None = None,
    **ai_fields: object,
) -> LiveSnapshot:
    state = replace(AiSnapshot(ai, "", INFO, 90, 10, 0, 0, 62.0, False, 50.0), **ai_fields)  # type: ignore[arg-type]
    source = SourceSnapshot(status, info.label, "", info, index, 0, 25.0, 0)
    return LiveSnapshot(frame(index, image), source, state, markers, 0, None, "", time.perf_counter_ns(), quiet=quiet)


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
        self.hide_s = 60.0
        self.shadow = False
        self.light_override = False
        self.sensitivity = "normal"
        self.recorded_into: list[Path | None] = []

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

    def hide_boxes(self) -> None:
        until = self.now.taken_ns + round(self.hide_s * 1e9)
        self.show(replace(self.now, quiet=Quiet.HIDDEN, hidden_until_ns=until, markers=()))

    def show_boxes(self) -> None:
        self.show(replace(self.now, quiet=None, hidden_until_ns=None))

    def set_shadow(self, on: bool) -> None:
        self.shadow = on
        self.show(replace(self.now, quiet=Quiet.SHADOW if on else None))

    def set_light_override(self, on: bool) -> None:
        self.light_override = on

    def set_sensitivity(self, preset: str) -> None:
        self.sensitivity = preset
        self.show(replace(self.now, sensitivity=preset))

    def start_recording(self, folder: Path | None = None) -> None:
        if self.record_error:
            raise OutputError(self.record_error, "Choose another folder.")
        self.recorded_into.append(folder)
        self.show(replace(self.now, recording=str(folder or "/recordings/1")))

    def stop_recording(self) -> None:
        self.show(replace(self.now, recording=None))

    def statistics(self) -> AiTally:
        ai = self.now.ai
        return AiTally(0.0, {}, self.now.new_alerts, 0.0, ai.analysed, ai.skipped, ai.failed, ai.restarts, None, None)

    def start(self) -> None:
        self.calls.append("start")

    def stop(self) -> None:
        self.calls.append("stop")


class FakePlayer:
    def __init__(self, fault: str = "") -> None:
        self.fault = fault
        self.played = 0
        self.volume_percent = 100

    def set_volume(self, percent: int) -> None:
        self.volume_percent = min(100, max(0, percent))

    def play(self) -> None:
        self.played += 1


class FakeFeatures:
    """A feature with every action that belongs to features; remembers what it was asked for."""

    def __init__(self) -> None:
        self.done: list[Action] = []
        self.over_the_picture = False
        self.below_px = 0
        self.closed = False
        self.actions = {action: functools.partial(self.done.append, action) for action in OF_FEATURES}

    def __call__(self, page: Page) -> FakeFeatures:
        self.page = page
        return self

    def refresh(self, snapshot: LiveSnapshot) -> None:
        self.seen = snapshot

    def flags(self) -> tuple[Sign, ...]:
        return (Sign("A FEATURE", Shape.INFO, Tone.QUIET),)

    def button_states(self) -> dict[Action, ButtonState]:
        return {Action.REPLAY: ButtonState("Again")}

    def place(self, picture: QRect, page_height: int) -> None:
        self.picture = picture

    def below(self, page_height: int) -> int:
        return self.below_px

    def leave(self) -> bool:
        left, self.over_the_picture = self.over_the_picture, False
        return left

    def close(self) -> None:
        self.closed = True
