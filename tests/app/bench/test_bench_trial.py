"""A trial counts what an examination would show: late pictures, late boxes, a recording with holes."""

import json
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pytest

from app.bench.figures import Setting
from app.bench.measure import to_and_fro
from app.bench.trial import Meter, RecorderGauge, run_trial
from app.bench.verdict import faults_of
from app.handoff import Latest
from app.live import LiveSession
from app.overlay import FailedFrame
from app.snapshot import AiSnapshot, LiveSnapshot, SourceSnapshot, SourceStatus
from detector.detections import Detections, DetectorInfo
from detector.errors import OutputError
from detector.frame import Frame
from detector.geometry import Size
from detector.watchdog import AiState
from detector.worker import AiReport

INFO = DetectorInfo("tiny", "1", "fp32", "0" * 64, 0.5, ("polyp",), "cpu")
MS = 1_000_000
FIFTY = Setting(320, 240, 50, recording=False)


class Stamp(NamedTuple):
    frame_index: int
    captured_ns: int
    painted_ns: int
    result_captured_ns: int | None = None
    boxes: int = 0


class Ai:
    """An AI without a process: answers at once, or never."""

    def __init__(self, on_result: Callable[[Detections, int], None], answers: bool) -> None:
        self.on_result, self.answers, self.count = on_result, answers, 0

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def set_enabled(self, enabled: bool) -> None: ...

    def submit(self, frame: Frame) -> None:
        if self.answers:
            self.count += 1
            self.on_result(Detections.empty(frame.index, frame.time), frame.captured_ns)

    def snapshot(self, now_ns: int) -> AiReport:
        return AiReport(AiState.ON, "", INFO, self.count, 0, 0, 0, None, None, 1, True)


def show(session: LiveSession, painted: Callable[[Stamp], None]) -> bool:
    """A window that paints nothing."""
    wakes: Latest[bool] = Latest()
    session.subscribe(lambda: wakes.put(True) and None)
    session.start()
    while not session.ended:
        wakes.take(0.1)
        snapshot = session.snapshot()
        if (frame := snapshot.frame) is not None:
            painted(Stamp(frame.index, frame.captured_ns, snapshot.taken_ns, snapshot.ai.result_captured_ns))
    session.stop()
    return False


def pictures() -> list[np.ndarray]:
    rng = np.random.default_rng(3)
    return [np.repeat(np.repeat(rng.integers(0, 255, (12, 16, 3), np.uint8), 20, 0), 20, 1) for _ in range(4)]


def run(setting: Setting, answers: bool = True, show=show, **more):
    return run_trial("tiny", setting, pictures(), lambda on, *_: Ai(on, answers), show, 1.0, **more)


def test_a_live_session_with_recording_is_measured_whole(tmp_path):
    trial = run(Setting(320, 240, 25, recording=True), scratch=tmp_path)
    assert (trial.variant, trial.provider, trial.pictures) == ("fp32", "cpu", 25)
    assert 0 < trial.painted <= 25
    assert trial.answers_per_s == 25.0
    assert trial.box_ms.p50 is not None
    assert (trial.record_lost, trial.record_fault) == (0, "")
    assert list(tmp_path.iterdir()) == []


def test_an_ai_that_never_answers_is_not_held(tmp_path):
    trial = run(FIFTY, answers=False)
    assert "no answer of the AI reached the screen" in faults_of(trial)
    assert trial.answers_per_s == 0


def test_a_user_who_leaves_ends_the_trial_and_nothing_stays(tmp_path):
    def left(session: LiveSession, painted: object) -> bool:
        session.start()
        session.stop()
        return True

    with pytest.raises(KeyboardInterrupt):
        run(Setting(320, 240, 25, recording=True), show=left, scratch=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_no_place_for_a_recording_is_an_error(tmp_path):
    with pytest.raises(OutputError, match="passing folder"):
        run(Setting(320, 240, 25, recording=True), scratch=tmp_path / "missing")


def snapshot(**ai: object) -> LiveSnapshot:
    fields = {"state": AiState.ON, "info": INFO, **ai}
    return LiveSnapshot(None, SourceSnapshot(SourceStatus.ENDED, "x"), AiSnapshot(**fields), (), 0, None, "", 0)


def trial_of(meter: Meter, **ai: object):
    session = LiveSession.__new__(LiveSession)  # never asked: nothing is recorded
    return meter.trial("tiny", 1.0, snapshot(**ai), RecorderGauge(session, meter.first_measured))


def painted(meter: Meter, late_ms: Callable[[int], float | None], count: int = 125) -> Meter:
    """Paints every picture of 50 a second so much after it was due; None leaves it out."""
    for index in range(count):
        due = index * 20 * MS
        if (late := late_ms(index)) is not None:
            meter.painted(Stamp(index, due, due + round(late * MS)))
    return meter


def test_pictures_are_late_from_40_ms_on_and_if_they_were_never_painted():
    meter = painted(Meter(FIFTY, 125), lambda n: {100: 41.0, 101: None, 102: 40.0}.get(n, 5.0))
    trial = trial_of(meter)
    assert (trial.pictures, trial.painted, trial.late) == (50, 49, 2)
    assert trial.picture_ms.p50 == 5.0


def test_what_came_while_all_settled_does_not_count():
    trial = trial_of(painted(Meter(FIFTY, 125), lambda n: 500.0 if n < 75 else 5.0))
    assert trial.late == 0


def test_a_repaint_does_not_make_a_picture_later():
    meter = painted(Meter(FIFTY, 125), lambda n: 5.0)
    meter.painted(Stamp(124, 124 * 20 * MS, 9_000 * MS))
    assert trial_of(meter).late == 0


def test_a_capture_that_is_held_up_counts_against_the_picture():
    meter = Meter(FIFTY, 125)
    for index in range(125):
        held_up = 60 * MS if index >= 100 else 0
        captured = index * 20 * MS + held_up
        meter.painted(Stamp(index, captured, captured + 5 * MS))
    assert trial_of(meter).late == 25


def test_boxes_are_as_old_as_their_picture_at_their_first_paint():
    meter = Meter(FIFTY, 125)
    for index in range(125):
        due = index * 20 * MS
        result = (index - 2) * 20 * MS if index >= 2 else None
        meter.painted(Stamp(index, due, due + 5 * MS, result))
        meter.painted(Stamp(index, due, due + 15 * MS, result))  # a repaint with the same result
    assert trial_of(meter).box_ms.p50 == 45.0


def test_failures_of_the_ai_are_no_answers():
    meter = painted(Meter(FIFTY, 125), lambda n: 5.0)
    meter.analysed(FailedFrame(100, Size(320, 240), "", "broken"))
    trial = trial_of(meter, failed=1, restarts=2)
    assert (trial.answers_per_s, trial.failed, trial.restarts) == (0.0, 1, 2)


def test_an_ai_that_never_came_up_says_why():
    trial = trial_of(Meter(FIFTY, 125), state=AiState.FAILED, detail="no such provider", info=None)
    assert trial.ai_trouble == "no such provider"
    assert (trial.variant, trial.provider) == ("", "")


class Recorded:
    """A session of which only the recording is asked; its sidecar grows as the test says."""

    def __init__(self, folder) -> None:
        self.path = folder / "frames.jsonl"
        self.path.write_text(json.dumps({"schema": "polypwatch.frames/1"}) + "\n")
        self.folder, self.index, self.refuse = folder, 0, ""

    def start_recording(self) -> None:
        if self.refuse:
            raise OutputError(self.refuse)

    def snapshot(self) -> LiveSnapshot:
        frame = Frame(self.index, None, 0, np.zeros((2, 2, 3), np.uint8))
        source = SourceSnapshot(SourceStatus.PLAYING, "x")
        return LiveSnapshot(frame, source, AiSnapshot(AiState.ON), (), 0, str(self.folder), "", 0)

    def add(self, index: int, kept: bool = True, half: bool = False) -> None:
        line = json.dumps({"capture_index": index, "record_index": index if kept else None}) + "\n"
        with self.path.open("a") as file:
            file.write(line[: len(line) // 2] if half else line)


def gauge_of(recorded: Recorded) -> RecorderGauge:
    gauge = RecorderGauge(recorded, 0)  # type: ignore[arg-type]  # of a session it asks no more than this
    gauge.begin()
    return gauge


def test_the_gauge_sees_how_many_pictures_wait(tmp_path):
    recorded = Recorded(tmp_path)
    gauge = gauge_of(recorded)
    for index in range(30):
        recorded.add(index)
        recorded.index = index + (0 if index < 15 else index - 14)
        gauge.sample()
    assert gauge.waiting == 15
    assert gauge.growth > 2
    gauge.finish()


def test_the_gauge_counts_what_is_missing_from_the_first_recorded_picture_on(tmp_path):
    recorded = Recorded(tmp_path)
    gauge = gauge_of(recorded)
    for index in (3, 4, 6, 7):
        recorded.add(index)
    recorded.add(8, kept=False)
    gauge.sample()
    assert gauge.lost(10) == 3
    gauge.finish()


def test_a_line_that_is_only_half_written_waits_for_its_end(tmp_path):
    recorded = Recorded(tmp_path)
    gauge = gauge_of(recorded)
    recorded.add(0)
    recorded.add(1, half=True)
    gauge.sample()
    assert gauge.lost(2) == 1
    gauge.finish()


def test_a_recording_that_cannot_begin_is_a_fault_and_not_a_loss(tmp_path):
    recorded = Recorded(tmp_path)
    recorded.refuse = "The disk is full."
    gauge = gauge_of(recorded)
    assert gauge.fault == "The disk is full."
    assert gauge.lost(100) == 0


def test_to_and_fro_never_jumps():
    assert to_and_fro([0, 1, 2, 3]) == [0, 1, 2, 3, 2, 1]  # type: ignore[list-item]
    assert to_and_fro([0]) == [0]  # type: ignore[list-item]
