"""The quick run through tracking and alerts gives the markers of the plain loop over all frames."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.alerts import AlertFilter, AlertSettings
from detector.detections import Detections
from detector.geometry import Size, as_boxes
from detector.scoring import Answer, AnswerColumns, Recording, Truth
from detector.scoring.displayed import STANDS_S, Rerun, displayed
from detector.tracking import TrackingSettings

NOBODY = Truth(False, as_boxes([]))
PLACES = [(0, 0, 20, 20), (6, 4, 26, 24), (14, 2, 34, 22), (60, 60, 90, 80), (62, 55, 92, 78)]


def frame_by_frame(recording: Recording, limits: AlertSettings) -> list[list[tuple]]:
    """Every analysed frame in turn through one filter; what was not analysed shows what stood there."""
    alerts = AlertFilter(limits)
    shown, standing, since = [], [], -1
    for k, answer in enumerate(recording.answers):
        if k in recording.breaks:
            alerts.restart_clock()
            standing = []
        time_s = float(recording.times_s[k])
        if answer.status == "ok":
            classes = np.zeros(len(answer.scores), np.int64)
            update = alerts.update(Detections(k, None, answer.boxes, answer.scores, classes), time_s)
            standing = [(m.track_id, m.box, m.score) for m in update.markers]
            since = k
        elif since >= 0 and time_s - recording.times_s[since] > STANDS_S + 1e-6:
            standing = []
        shown.append(standing)
    return shown


def told(recording: Recording) -> list[list[tuple]]:
    return [
        [(m, tuple(float(v) for v in box), float(s)) for m, box, s in zip(a.markers, a.boxes, a.scores, strict=True)]
        for a in recording.answers
    ]


def renumbered(frames: list[list[tuple]]) -> list[list[tuple]]:
    """Tracks by their first appearance; boxes and scores as the arrays of a recording hold them."""
    ids: dict[int, int] = {}
    return [
        [
            (ids.setdefault(track, len(ids)), tuple(float(np.float32(v)) for v in box), float(np.float32(score)))
            for track, box, score in markers
        ]
        for markers in frames
    ]


def recording(frames: list[tuple[float, str, list[tuple[int, float]]]], breaks=()) -> Recording:
    """From (interval to the frame before, status, boxes as (place, score))."""
    times_s = np.cumsum([interval for interval, _, _ in frames])
    answers = []
    for _, status, boxes in frames:
        ranked = sorted(boxes, key=lambda b: -b[1]) if status == "ok" else []
        scores = np.array([s for _, s in ranked], np.float32)
        answers.append(Answer(as_boxes([PLACES[p] for p, _ in ranked]), scores, (), status))
    return Recording(
        "r", "r", Size(100, 100), times_s, float(times_s[-1]) + 0.04, [NOBODY] * len(frames), answers, "true", breaks
    )


SCORES = st.sampled_from([0.05, 0.2, 0.29, 0.31, 0.45, 0.5, 0.51, 0.8, 0.95])
BOXES = st.lists(st.tuples(st.integers(0, len(PLACES) - 1), SCORES), max_size=3)
INTERVALS = st.sampled_from([1 / 25, 1 / 25, 1 / 25, 1 / 30, 0.1, 0.25, 0.3, 0.31, 0.9, 1.0, 1.2])
STATUS = st.sampled_from(["ok"] * 8 + ["skipped", "failed"])
FRAMES = st.lists(st.tuples(INTERVALS, STATUS, st.one_of(st.just([]), BOXES, BOXES)), min_size=1, max_size=60)
LIMITS = st.builds(
    lambda threshold, keep, seen, hits, hold, least: AlertSettings(
        threshold, keep, seen, hits, TrackingSettings(max_gap_s=hold), least
    ),
    st.sampled_from([0.3, 0.5, 0.7]),
    st.sampled_from([0.6, 1.0]),
    st.sampled_from([0.0, 0.12, 0.2, 0.5]),
    st.integers(1, 3),
    st.sampled_from([0.1, 0.3, 0.5]),
    st.sampled_from([0.0, 0.0, 0.4, 1.5]),
)


@settings(max_examples=150, deadline=None)
@given(FRAMES, LIMITS, st.lists(st.integers(0, 59), max_size=2))
def test_skipping_what_cannot_matter_changes_no_marker(frames, limits, breaks):
    made = recording(frames, tuple(sorted({b for b in breaks if 0 < b < len(frames)})))
    assert renumbered(told(displayed(made, limits))) == renumbered(frame_by_frame(made, limits))


@settings(max_examples=40, deadline=None)
@given(FRAMES, st.lists(LIMITS, min_size=2, max_size=4))
def test_a_rerun_with_other_settings_is_that_of_a_fresh_one(frames, tried):
    made = recording(frames)
    rerun = Rerun(made)
    for limits in (*tried, *tried):
        again, fresh = rerun.shown(limits), displayed(made, limits)
        assert told(again) == told(fresh)


def test_columns_and_lists_are_run_alike():
    frames = [(0.04, "ok", [(0, 0.9)])] * 20 + [(0.04, "skipped", [])] * 4 + [(0.04, "ok", [])] * 10
    made = recording(frames)
    flat = replace(made, answers=AnswerColumns.of(made.answers))
    assert told(displayed(made, 0.5)) == told(displayed(flat, 0.5))


def test_a_marker_stands_over_frames_that_were_not_analysed_for_a_quarter_of_a_second():
    frames = [(0.04, "ok", [(0, 0.9)])] * 10 + [(0.04, "skipped", [])] * 12
    counts = [len(a.markers) for a in displayed(recording(frames), 0.5).answers]
    assert counts == [0] * 5 + [1] * 5 + [1] * 6 + [0] * 6


def test_a_recording_without_time_has_no_markers():
    made = replace(recording([(0.04, "ok", [])]), time="none")
    with pytest.raises(ValueError, match="need a time"):
        displayed(made, 0.5)
