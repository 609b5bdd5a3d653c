"""Painting for ``polypwatch bench``: the live page of pictures in memory, timed, and what the screen is."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
from PyQt6.QtGui import QGuiApplication

from app.bench.figures import PaintTimes
from app.gui.application import application
from app.gui.painting import render_to_image
from app.report import Percentiles
from app.snapshot import AiSnapshot, LiveSnapshot, SourceSnapshot, SourceStatus
from detector.frame import Frame
from detector.geometry import Size
from detector.watchdog import AiState

_WARM_UP = 3


def time_paints(
    pictures: Sequence[npt.NDArray[np.uint8]], page: Size, seconds: float, check: Callable[[], None]
) -> PaintTimes:
    """Paint pages of these pictures for so long.

    Args:
        pictures: BGR uint8.
        page: its size in pixels.
        seconds: for how long.
        check: called before every paint; raises what ends the run.
    """
    application()
    times: list[int] = []
    end_s: float | None = None
    index = 0
    while end_s is None or time.monotonic() < end_s:
        check()
        snapshot = _snapshot(Frame(index, None, time.perf_counter_ns(), pictures[index % len(pictures)]))
        start_ns = time.perf_counter_ns()
        render_to_image(snapshot, page)
        index += 1
        if index > _WARM_UP:
            times.append(time.perf_counter_ns() - start_ns)
            end_s = end_s or time.monotonic() + seconds
    return PaintTimes(page.width, page.height, len(times), Percentiles.of_ns(times))


def screen_in_words(offscreen: Size) -> str:
    """What was painted on.

    Args:
        offscreen: the window's size where there is no screen.
    """
    application()
    platform, screen = QGuiApplication.platformName(), QGuiApplication.primaryScreen()
    if platform == "offscreen" or screen is None:
        words = f"none: painted offscreen, {offscreen.width}x{offscreen.height}"
    else:
        size, ratio = screen.size(), screen.devicePixelRatio()
        pixels = f"{round(size.width() * ratio)}x{round(size.height() * ratio)}"
        words = f"full screen, {pixels} at {screen.refreshRate():.0f} Hz ({platform})"
    return words


def _snapshot(frame: Frame) -> LiveSnapshot:
    return LiveSnapshot(
        frame=frame,
        source=SourceSnapshot(SourceStatus.PLAYING, "memory"),
        ai=AiSnapshot(AiState.ON),
        markers=(),
        new_alerts=0,
        recording=None,
        recorder_fault="",
        taken_ns=frame.captured_ns,
    )
