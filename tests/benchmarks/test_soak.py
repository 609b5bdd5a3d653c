import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.live_room import recorded
from benchmarks.processes import Holdings, holdings
from benchmarks.soak import Sample, summary

WINDOW = {"lost": 0, "gaps": 0, "drift_ms": 0.4, "in_file_drift_ms": -0.5}


def samples(pss_mb, threads=None, minutes: float = 10) -> list[Sample]:
    """Every ten seconds; what is held is a function of the seconds."""
    times = range(0, round(minutes * 60), 10)
    return [Sample(t, Holdings(pss_mb(t), 0.0, threads(t) if threads else 20, 50, 2)) for t in times]


def test_what_grows_during_the_warm_up_only_is_no_leak():
    said = summary(samples(lambda t: 300.0 + min(t, 100)), WINDOW, 10)
    assert (said["passed"], said["growth_mb"]) == (True, 0.0)


def test_a_slow_leak_is_found_under_the_waves_of_a_garbage_collector():
    said = summary(samples(lambda t: 300.0 + 0.1 * t + 15 * (t % 60) / 60), WINDOW, 10)
    assert not said["passed"]
    assert said["growth_mb"] == pytest.approx(47, abs=5)


def test_threads_that_come_and_go_are_no_leak_and_threads_that_stay_are():
    assert summary(samples(lambda t: 300.0, lambda t: 21 if t % 50 == 0 else 20), WINDOW, 10)["passed"]
    assert not summary(samples(lambda t: 300.0, lambda t: 20 + t // 120), WINDOW, 10)["passed"]


@pytest.mark.parametrize("spoilt", [{"lost": 1}, {"gaps": 2}, {"drift_ms": -50.0}, {"in_file_drift_ms": 40.0}])
def test_a_picture_that_is_missing_or_a_time_that_drifts_fails_it(spoilt):
    assert not summary(samples(lambda t: 300.0), WINDOW | spoilt, 10)["passed"]


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_process_is_counted_with_its_children():
    alone = holdings(os.getpid())
    assert alone.pss_mb > 5
    assert alone.threads >= 1
    child = subprocess.Popen([sys.executable, "-c", "print(1, flush=True); input()"], stdin=-1, stdout=-1)
    assert child.stdout.readline() == b"1\n"
    assert holdings(os.getpid()).processes == alone.processes + 1
    child.communicate(b"\n")


def test_a_recording_tells_what_is_lost_and_how_far_its_times_drift(tmp_path: Path):
    row = '{"capture_index": %d, "record_index": %s, "segment": 1, "pts": %d, "time_base": "1/1000", "captured_ns": %d}'
    rows = [
        row % (0, "0", 0, 0),
        row % (1, "1", 33, 33_000_000),
        row % (2, "null", 66, 0),
        row % (4, "2", 140, 133_000_000),
    ]
    (tmp_path / "frames.jsonl").write_text('{"schema": "polypwatch.frames/1"}\n' + "\n".join(rows) + "\n")
    found = recorded(tmp_path)
    assert (found.frames, found.lost, found.gaps, found.drift_ms) == (3, 1, 1, 7.0)
    assert recorded(tmp_path / "none").frames == 0
