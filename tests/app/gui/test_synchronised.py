"""The synchronised mode with the real window, a real AI process and pictures at their own pace."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from pytestqt.qtbot import QtBot

from app.capture import MemorySource, Paced
from app.gui.bridge import PaintStamp
from app.gui.options import WindowOptions
from app.gui.window import LiveWindow
from app.live import LiveSession, LiveSettings
from app.overlay import AnalysedFrame, FailedFrame
from app.snapshot import LiveSnapshot
from app.synchrony import SyncState
from detector.geometry import Size
from detector.worker import AiProcess, AiSettings
from tests.app.gui.fakes import FakePlayer
from tests.steady import STEADY

RATE = 10
BUDGET_MS = 100
SLACK_MS = 250  # of a very busy two-core machine
MS = 1_000_000


@dataclass
class Run:
    painted: list[tuple[PaintStamp, LiveSnapshot]] = field(default_factory=list)
    results: dict[int, AnalysedFrame] = field(default_factory=dict)
    flags: set[str] = field(default_factory=set)
    last: LiveSnapshot | None = None

    def analysed(self, item: AnalysedFrame | FailedFrame) -> None:
        if isinstance(item, AnalysedFrame):
            self.results[item.detections.frame_index] = item

    @property
    def first_paints(self) -> list[PaintStamp]:
        stamps = [stamp for stamp, _ in self.painted]
        return [s for n, s in enumerate(stamps) if n == 0 or s.frame_index != stamps[n - 1].frame_index]


def live_run(qtbot: QtBot, folder: Path, seconds: float, **script: Any) -> Run:
    run = Run()
    images = [np.full((360, 480, 3), 20 + 6 * n, np.uint8) for n in range(RATE)]
    session = LiveSession(
        Paced(MemorySource(images, Fraction(RATE), count=round(RATE * seconds))),
        "memory",
        lambda *calls: AiProcess(STEADY, script, AiSettings(niceness=0), *calls),
        LiveSettings(wait_for_ai_s=30, synchronised=True),
        run.analysed,
    )
    window = LiveWindow(session, WindowOptions(folder, size=Size(900, 600)), player=FakePlayer())
    qtbot.addWidget(window)

    def painted(stamp: PaintStamp) -> None:
        snapshot = window.page.canvas._snapshot
        assert snapshot is not None
        run.painted.append((stamp, snapshot))
        status = window.page.status_line.status
        run.flags |= {flag.text for flag in status.flags} if status else set()

    window.painted.append(painted)
    window.begin()
    try:
        qtbot.waitUntil(lambda: session.ended, timeout=int(seconds * 1000) + 40_000)
        run.last = session.snapshot()
    finally:
        window.close()
    return run


def test_every_picture_that_is_painted_with_boxes_has_its_own(qtbot: QtBot, tmp_path: Path) -> None:
    run = live_run(qtbot, tmp_path, 5, work_s=0.005)
    indices = [stamp.frame_index for stamp in run.first_paints]
    assert all(b > a for a, b in itertools.pairwise(indices))
    marked = [snapshot for _, snapshot in run.painted if snapshot.markers and snapshot.sync.state is SyncState.ON]
    assert len({s.frame.index for s in marked if s.frame}) >= 8
    for snapshot in marked:
        assert snapshot.frame is not None
        assert snapshot.markers == run.results[snapshot.frame.index].update.markers
    assert any(text.startswith("SYNCHRONISED +") and text.endswith(" MS") for text in run.flags)


def test_a_hanging_ai_lets_the_video_go_on_within_the_deadline(qtbot: QtBot, tmp_path: Path) -> None:
    run = live_run(qtbot, tmp_path, 4, trick="hang", at=15)
    indices = [stamp.frame_index for stamp in run.first_paints]
    assert all(b > a for a, b in itertools.pairwise(indices))
    after = [stamp for stamp in run.first_paints if stamp.frame_index >= 15]
    assert len(after) >= 0.8 * (4 * RATE - 15)
    delays_ms = [(stamp.painted_ns - stamp.captured_ns) / MS for stamp in after]
    assert max(delays_ms) <= BUDGET_MS + SLACK_MS
    assert run.last is not None
    assert run.last.sync.state in (SyncState.ENDED, SyncState.WAITING)
    assert run.flags & {"SYNC ENDED: AI TOO SLOW", "SYNC WAITS FOR AI"}
    for _, snapshot in run.painted:
        assert snapshot.frame is not None
        assert not snapshot.markers or snapshot.frame.index in run.results
