"""A session without a window, for the desk: says what the test last said, and remembers what it was asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from app.snapshot import AiSnapshot, LiveSnapshot, RecorderSnapshot, SourceSnapshot, SourceStatus
from app.tally import AiTally
from detector.alerts import Marker
from detector.detections import DetectorInfo
from detector.errors import OutputError
from detector.frame import Frame, FrameTime
from detector.watchdog import AiState

INFO = DetectorInfo("scripted", "1.2.3", "fp32", "ab" * 32, 0.4, ("polyp",), "cpu")


def image(sharp: bool = True) -> np.ndarray:
    rows, columns = np.indices((48, 64))
    grey = ((rows // 2 + columns // 2) % 2 * 200 if sharp else rows).astype(np.uint8)
    return np.repeat(grey[:, :, None], 3, axis=2)


def picture(index: int = 100, sharp: bool = True) -> Frame:
    return Frame(index, FrameTime(index, Fraction(1, 25)), index * 40_000_000, image(sharp))


def at_work(index: int = 100, taken_ns: int = 0) -> LiveSnapshot:
    source = SourceSnapshot(SourceStatus.PLAYING, "camera 0", frames=index)
    return LiveSnapshot(picture(index), source, AiSnapshot(AiState.ON, "", INFO), (), 0, None, "", taken_ns)


def marker() -> Marker:
    return Marker(1, (8.0, 8.0, 40.0, 40.0), 0.8, 0, 1.0, False)


NOTHING = AiTally(0.0, {}, 0, 0.0, 0, 0, 0, 0, None, None)


class ScriptedSession:
    """Only what a desk asks for does something."""

    def __init__(self) -> None:
        self.now = at_work()
        self.figures = NOTHING
        self.ai_enabled = True
        self.shadow = self.light_override = self.synchronised = self.paused = self.can_pause = False
        self.can_record = True
        self.record_error = ""
        self.sensitivity = "normal"
        self.hide_s = 60.0
        self.recorded: list[Path | None] = []

    def snapshot(self) -> LiveSnapshot:
        return self.now

    def statistics(self) -> AiTally:
        return self.figures

    def say(self, **fields: object) -> None:
        self.now = replace(self.now, **fields)  # type: ignore[arg-type]

    def start_recording(self, folder: Path | None = None) -> None:
        if self.record_error:
            raise OutputError(self.record_error, "Look at the disk.")
        self.recorded.append(folder)
        where = str(folder or "/elsewhere/20260101-000000")
        self.say(recording=where, recorder=RecorderSnapshot(where))

    def stop_recording(self) -> None:
        self.say(recording=None, recorder=None)

    def subscribe(self, wake: Callable[[], None]) -> None: ...
    def set_ai_enabled(self, enabled: bool, /) -> None: ...
    def set_synchronised(self, on: bool, /) -> None: ...
    def hide_boxes(self) -> None: ...
    def show_boxes(self) -> None: ...
    def set_shadow(self, on: bool, /) -> None: ...
    def set_light_override(self, on: bool, /) -> None: ...
    def set_sensitivity(self, preset: str, /) -> None: ...
    def set_paused(self, paused: bool, /) -> None: ...
    def start(self) -> None: ...
    def stop(self) -> None: ...
