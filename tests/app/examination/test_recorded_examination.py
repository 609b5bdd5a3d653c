"""The desk beside the real session and the real recorder: what is on the disk when an examination is over."""

import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np

from app.examination import read_journal
from app.examination.desk import Desk, DeskSettings
from app.examination.events import Audit, Resumed
from app.live import LiveSession, LiveSettings
from detector.frame import Frame, FrameTime
from detector.procedure import open_procedure
from tests.app.test_live import ScriptedAi, ScriptedSource


def until(true: Callable[[], bool], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


class Run:
    """One run of the program: a session with a desk."""

    def __init__(self, folder: Path) -> None:
        self.source, self.next = ScriptedSource(), 0
        self.session = LiveSession(self.source, "scripted", ScriptedAi, LiveSettings(recordings=folder))
        self.desk = Desk(self.session, DeskSettings(folder), every_s=0.01)
        self.session.start()

    def show(self, count: int) -> None:
        for _ in range(count):
            image = np.full((48, 64, 3), self.next * 5 % 256, np.uint8)
            self.source.put(Frame(self.next, FrameTime(self.next, Fraction(1, 25)), time.perf_counter_ns(), image))
            self.next += 1
        until(lambda: self.session.snapshot().source.frames >= self.next)

    def recording(self) -> bool:
        return self.session.snapshot().recording is not None

    def stop(self) -> None:
        self.desk.close()
        self.source.end()
        self.session.stop()


def test_what_lies_between_scope_in_and_scope_out_is_recorded_beside_the_journal_over_a_restart_too(
    tmp_path: Path,
) -> None:
    run = Run(tmp_path)
    run.show(5)
    folder = run.desk.begin().folder
    run.desk.scope_in()
    until(run.recording)
    run.show(10)
    run.stop()  # as the supervisor sees it after a crash: begun, and not ended

    run = Run(tmp_path)
    run.desk.resume(folder)
    until(run.recording)
    run.show(8)
    run.desk.scope_out()
    until(lambda: not run.recording())
    run.show(3)
    run.desk.end()
    run.stop()

    frames = [frame for segment in open_procedure(folder).segments for frame in segment.frames]
    assert [frame.capture_index for frame in frames] == [*range(5, 15), *range(8)]
    events = read_journal(folder).events
    started = [e.n for e in events if e.what == Audit(what="recording_started", detail=folder.name)]
    resumed = next(e.n for e in events if isinstance(e.what, Resumed))
    assert len(started) == 2
    assert started[0] < resumed < started[1]
    assert events[-1].what.kind == "end"
