"""What the AI did, added up by time between events."""

import pytest

from app.snapshot import SourceStatus
from app.tally import Tally
from detector.watchdog import AiState
from detector.worker import AiReport
from tests.app.test_live import INFO, MS, Room

S = 1000 * MS
REPORT = AiReport(AiState.ON, "", INFO, 90, 10, 2, 1, None, None, 1, True)


def test_time_belongs_to_what_held_since_the_event_before():
    tally = Tally()
    tally.note(5 * S, None, False)  # what was before is not known
    tally.note(7 * S, None, True)
    tally.note(8 * S, "hidden", False)
    tally.note(11 * S, "hidden", False)
    tally.note(12 * S, None, False)
    total = tally.total(REPORT, 3)
    assert (total.active_s, total.marker_s, total.suppressed_s) == (3.0, 1.0, {"hidden": 4.0})
    assert (total.markers_shown, total.analysed, total.skipped, total.failed, total.restarts) == (3, 90, 10, 2, 1)


def test_latencies_are_known_to_a_millisecond_in_a_fixed_memory():
    tally = Tally()
    assert tally.total(REPORT, 0).latency_p50_ms is None
    for ms in range(1, 101):
        tally.answered(ms * MS)
    tally.answered(3600 * S)
    total = tally.total(REPORT, 0)
    assert total.latency_p50_ms == pytest.approx(50.5, abs=1)
    assert total.latency_p95_ms == pytest.approx(96, abs=1)
    assert len(tally._latencies) == 2000


def test_a_clock_that_steps_back_takes_nothing_away():
    tally = Tally()
    tally.note(5 * S, None, True)
    tally.note(4 * S, None, True)
    tally.note(6 * S, None, True)
    assert tally.total(REPORT, 0).active_s == 2.0


def test_a_session_counts_what_its_screen_showed():
    r = Room(hide_s=10.0)
    r.session.start()
    try:
        r.found(26)  # the first shows no box yet: 5 x 40 ms until the marker appears
        before = r.session.statistics()
        assert before.active_s == pytest.approx(1.0, abs=0.05)
        assert before.marker_s == pytest.approx(0.8, abs=0.05)
        assert before.markers_shown == 1
        assert before.latency_p50_ms is not None
        r.session.hide_boxes()
        r.found(25)
        r.session.show_boxes()
        r.session.set_ai_enabled(False)
        r.clock.now_ns += 2 * S
        r.session.set_ai_enabled(True)
        r.found(1)
        after = r.session.statistics()
        assert after.suppressed_s["hidden"] == pytest.approx(1.0, abs=0.05)
        assert after.suppressed_s["off"] == pytest.approx(2.0, abs=0.05)
        assert after.marker_s == pytest.approx(before.marker_s, abs=0.1)
        r.session.set_paused(True)
        assert r.session.snapshot().source.status is SourceStatus.PAUSED
        r.clock.now_ns += 60 * S
        assert r.session.statistics().suppressed_s["paused"] == pytest.approx(60.0, abs=0.05)
    finally:
        r.source.end()
        r.session.stop()
