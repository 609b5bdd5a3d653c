"""Media time never runs backwards, and is exact where the container is."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.capture.timeline import Timeline
from detector.frame import FrameTime

MS = Fraction(1, 1000)
STAMPS = st.lists(st.one_of(st.none(), st.integers(-10_000, 10_000)), max_size=30)


def begun(rate: Fraction | None = Fraction(25)) -> Timeline:
    timeline = Timeline()
    timeline.begin(MS, rate)
    return timeline


def test_stamps_of_the_first_run_are_kept_as_they_are() -> None:
    timeline = begun()
    assert [timeline.place(pts) for pts in (1400, 1440, 1480)] == [
        FrameTime(1400, MS),
        FrameTime(1440, MS),
        FrameTime(1480, MS),
    ]
    assert (timeline.estimated, timeline.jumps) == (0, 0)


def test_a_missing_stamp_is_placed_one_interval_on_and_counted() -> None:
    timeline = begun()
    assert [timeline.place(pts).pts for pts in (None, None, 80, None)] == [0, 40, 80, 120]
    assert timeline.estimated == 3


def test_a_stamp_that_jumps_back_joins_one_interval_on() -> None:
    timeline = begun()
    assert [timeline.place(pts).pts for pts in (1000, 1040, 0, 40)] == [1000, 1040, 1080, 1120]
    assert timeline.jumps == 1


def test_the_next_loop_follows_after_one_interval() -> None:
    timeline = begun()
    timeline.place(1400)
    timeline.place(1440)
    timeline.begin(MS, Fraction(25))
    assert [timeline.place(pts).pts for pts in (1400, 1440)] == [1480, 1520]


def test_a_reopened_live_source_shows_the_gap() -> None:
    timeline = begun()
    timeline.place(500)
    timeline.begin(MS, Fraction(25), gap_s=7.25)
    assert [timeline.place(pts).pts for pts in (90, 130)] == [7750, 7790]


def test_a_resumed_file_keeps_its_own_times() -> None:
    timeline = begun()
    timeline.place(500)
    timeline.resume(MS, Fraction(25))
    assert timeline.place(540).pts == 540


def test_another_time_base_is_converted() -> None:
    timeline = begun()
    timeline.place(0)
    timeline.begin(Fraction(1, 90_000), Fraction(25))
    assert [timeline.place(pts) for pts in (0, 3600)] == [FrameTime(40, MS), FrameTime(80, MS)]


def test_placing_before_the_first_run_is_a_mistake() -> None:
    with pytest.raises(RuntimeError):
        Timeline().place(0)


@given(st.lists(STAMPS, min_size=1, max_size=4), st.sampled_from([None, Fraction(25), Fraction(30000, 1001)]))
def test_time_never_runs_backwards(runs: list[list[int | None]], rate: Fraction | None) -> None:
    timeline = Timeline()
    times = []
    for stamps in runs:
        timeline.begin(MS, rate)
        times += [timeline.place(pts).pts for pts in stamps]
    assert times == sorted(times)
