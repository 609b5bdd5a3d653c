"""Which box is the same lesion as before: by the second, whatever the frame rate."""

from collections.abc import Iterable
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.detections import Detections
from detector.geometry import as_boxes
from detector.tracking import Tracker, TrackingSettings

Corners = tuple[float, float, float, float]
STILL = (100.0, 100.0, 200.0, 180.0)
RATES = [Fraction(25), Fraction(30), Fraction(30000, 1001), Fraction(60)]


def found(*boxes: Corners, score: float = 0.9, classes: Iterable[int] | None = None) -> Detections:
    count = len(boxes)
    kinds = np.array(list(classes) if classes is not None else [0] * count, np.int64)
    return Detections(0, None, as_boxes(boxes), np.full(count, score, np.float32), kinds)


def moved(box: Corners, x: float, y: float = 0.0) -> Corners:
    return box[0] + x, box[1] + y, box[2] + x, box[3] + y


def times(rate: Fraction, seconds: float, start: Fraction = Fraction(0)) -> list[float]:
    return [float(start + n / rate) for n in range(int(seconds * rate) + 1)]


def only(ids: tuple[int, ...]) -> int:
    assert len(ids) == 1
    return ids[0]


class TestTables:
    """Frames at 25/s, a row each: boxes found, ids given, ids alive afterwards."""

    @pytest.mark.parametrize(
        "frames",
        [
            [],
            [([], (), ())],
            [([STILL], (1,), (1,))],
            [([STILL], (1,), (1,)), ([STILL], (1,), (1,))],
            [([STILL], (1,), (1,)), ([], (), (1,)), ([STILL], (1,), (1,))],
            # Far away: another lesion.
            [([STILL], (1,), (1,)), ([moved(STILL, 400)], (2,), (1, 2))],
            # Two at once, in either order.
            [
                ([STILL, moved(STILL, 400)], (1, 2), (1, 2)),
                ([moved(STILL, 405), STILL], (2, 1), (1, 2)),
            ],
            # One box too many begins a track of its own.
            [([STILL], (1,), (1,)), ([STILL, moved(STILL, 60)], (1, 2), (1, 2))],
            # Two tracks, one box: the closer one goes on.
            [([STILL, moved(STILL, 90)], (1, 2), (1, 2)), ([moved(STILL, 80)], (2,), (1, 2))],
            # A grown box is the same lesion; so is a much smaller one in its middle.
            [([STILL], (1,), (1,)), ([(80, 85, 220, 195)], (1,), (1,)), ([(140, 130, 160, 150)], (1,), (1,))],
            # No overlap, but half a diagonal away in the next frame: the endoscope moved.
            [([(0, 0, 100, 100)], (1,), (1,)), ([(50, 45, 150, 145)], (1,), (1,))],
            [([(0, 0, 100, 20)], (1,), (1,)), ([(20, 22, 120, 42)], (1,), (1,))],
        ],
    )
    def test_ids(self, frames: list[tuple[list[Corners], tuple[int, ...], tuple[int, ...]]]) -> None:
        tracker = Tracker()
        for number, (boxes, ids, alive) in enumerate(frames):
            update = tracker.update(found(*boxes), number / 25)
            assert update.ids == ids
            assert tuple(t.id for t in update.tracks) == alive

    def test_another_class_is_another_track(self) -> None:
        tracker = Tracker()
        assert tracker.update(found(STILL, classes=[0]), 0.0).ids == (1,)
        assert tracker.update(found(STILL, classes=[1]), 0.04).ids == (2,)

    def test_a_track_knows_its_times_hits_and_latest_score(self) -> None:
        tracker = Tracker()
        tracker.update(found(STILL, score=0.9), 1.0)
        tracker.update(found(), 1.04)
        (track,) = tracker.update(found(STILL, score=0.6), 1.08).tracks
        assert (track.first_seen_s, track.last_seen_s, track.hits) == (1.0, 1.08, 2)
        assert track.score == pytest.approx(0.6)
        assert track.box == STILL


class TestAssignment:
    def test_a_near_pair_never_breaks_an_overlapping_one_up(self) -> None:
        """A stands still, B has just left, something new appears on A's other side: A stays A."""
        a, b = (100.0, 100.0, 200.0, 200.0), (150.0, 149.0, 250.0, 249.0)
        tracker = Tracker()
        assert tracker.update(found(a, b), 0.0).ids == (1, 2)
        update = tracker.update(found(a, moved(a, -66, -20)), 0.04)
        assert update.ids[0] == 1

    def test_a_weak_overlap_never_breaks_a_strong_one_up(self) -> None:
        a = (100.0, 100.0, 200.0, 200.0)
        tracker = Tracker()
        assert tracker.update(found(a, moved(a, 55)), 0.0).ids == (1, 2)
        assert tracker.update(found(a, moved(a, -55)), 0.04).ids[0] == 1

    @pytest.mark.parametrize("rate", RATES)
    def test_crossing_lesions_keep_their_ids(self, rate: Fraction) -> None:
        tracker = Tracker()
        left, right = (0.0, 100.0, 100.0, 200.0), (600.0, 160.0, 700.0, 260.0)
        for t in times(rate, 2.0):
            update = tracker.update(found(moved(left, 300 * t), moved(right, -300 * t)), t)
            assert update.ids == (1, 2)

    @pytest.mark.parametrize("rate", RATES)
    def test_fast_motion_keeps_its_id(self, rate: Fraction) -> None:
        """Twelve times its own width in a second: further than the smoothed box can follow."""
        tracker = Tracker()
        lesion = (0.0, 0.0, 200.0, 160.0)
        ids = {only(tracker.update(found(moved(lesion, 2400 * t)), t).ids) for t in times(rate, 0.6)}
        assert ids == {1}

    @pytest.mark.parametrize("rate", RATES)
    def test_a_jump_across_the_picture_is_another_lesion(self, rate: Fraction) -> None:
        tracker = Tracker()
        tracker.update(found(STILL), 0.0)
        assert tracker.update(found(moved(STILL, 800)), float(1 / rate)).ids == (2,)


class TestGaps:
    @pytest.mark.parametrize("start", [Fraction(0), Fraction(1, 3), Fraction(10_000_019, 90_000)])
    @pytest.mark.parametrize("rate", RATES)
    def test_are_survived_up_to_the_limit_and_not_beyond(self, rate: Fraction, start: Fraction) -> None:
        limit = Fraction(3, 10)
        most = int(limit * rate)  # intervals that fit into the limit, the exact ones included
        for intervals, same in ((most, True), (most + 1, False)):
            tracker = Tracker()
            tracker.update(found(STILL), float(start))
            for n in range(1, intervals):
                tracker.update(found(), float(start + n / rate))
            again = tracker.update(found(STILL), float(start + intervals / rate))
            assert (again.ids == (1,)) is same

    @pytest.mark.parametrize(("pause_s", "ids"), [(0.29, (1,)), (0.5, (1,)), (1.0, (1,)), (1.01, (2,))])
    def test_in_the_analysis_are_no_absence_for_a_second(self, pause_s: float, ids: tuple[int, ...]) -> None:
        tracker = Tracker()
        tracker.update(found(STILL), 0.0)
        assert tracker.update(found(STILL), pause_s).ids == ids

    def test_in_the_analysis_after_a_miss_are_a_gap_like_any_other(self) -> None:
        tracker = Tracker()
        tracker.update(found(STILL), 0.0)
        tracker.update(found(), 0.04)
        assert tracker.update(found(STILL), 0.5).ids == (2,)

    def test_in_the_analysis_end_a_track_that_is_not_found_after_them(self) -> None:
        tracker = Tracker()
        tracker.update(found(STILL), 0.0)
        assert tracker.update(found(), 0.5).tracks == ()

    def test_end_a_track_also_when_nothing_is_found(self) -> None:
        tracker = Tracker()
        tracker.update(found(STILL), 0.0)
        assert len(tracker.update(found(), 0.3).tracks) == 1
        assert tracker.update(found(), 0.31).tracks == ()

    def test_make_nearness_alone_too_weak_a_reason(self) -> None:
        aside = moved(STILL, 50, 38)
        for gap_s, ids in ((0.15, (1,)), (0.2, (2,))):
            tracker = Tracker()
            tracker.update(found(STILL), 0.0)
            assert tracker.update(found(aside), gap_s).ids == ids


class TestFrameRates:
    @pytest.mark.parametrize("rate", RATES)
    def test_the_shown_box_follows_at_the_same_pace(self, rate: Fraction) -> None:
        """After a step to the side, the time constant says how far it has come after so many seconds."""
        tracker = Tracker(TrackingSettings(smoothing_s=0.05))
        tracker.update(found(STILL), 0.0)
        for t in times(rate, 0.2)[1:]:
            (track,) = tracker.update(found(moved(STILL, 50)), t).tracks
        assert track.box[0] == pytest.approx(STILL[0] + 50 * (1 - np.exp(-t / 0.05)), abs=1e-3)
        assert track.found_box == moved(STILL, 50)

    def test_no_smoothing_shows_the_box_as_found(self) -> None:
        tracker = Tracker(TrackingSettings(smoothing_s=0.0))
        tracker.update(found(STILL), 0.0)
        assert tracker.update(found(moved(STILL, 9)), 0.04).tracks[0].box == moved(STILL, 9)

    @given(st.sampled_from(RATES), st.lists(st.booleans(), min_size=120, max_size=120))
    def test_skipped_frames_change_nothing(self, rate: Fraction, wanted: list[bool]) -> None:
        """A lesion that drifts, with gaps of at most 130 ms between analysed frames, is one track."""
        tracker, last_s = Tracker(), 0.0
        ids = set()
        for t, analysed in zip(times(rate, 1.9), wanted, strict=False):
            due = t + float(1 / rate) - last_s > 0.13
            if analysed or due or not ids:
                ids.add(only(tracker.update(found(moved(STILL, 200 * t, 60 * t)), t).ids))
                last_s = t
        assert ids == {1}


class TestTime:
    def test_must_not_run_backwards(self) -> None:
        tracker = Tracker()
        tracker.update(found(), 1.0)
        with pytest.raises(ValueError, match=r"forwards only: 0\.960 s after 1\.000 s"):
            tracker.update(found(), 0.96)

    def test_may_stand_still(self) -> None:
        tracker = Tracker()
        tracker.update(found(STILL), 1.0)
        assert tracker.update(found(STILL), 1.0).ids == (1,)

    def test_may_start_anew_and_ids_go_on(self) -> None:
        tracker = Tracker()
        tracker.update(found(STILL), 100.0)
        tracker.restart_clock()
        update = tracker.update(found(STILL), 0.0)
        assert update.ids == (2,)
        assert [t.id for t in update.tracks] == [2]

    @given(st.lists(st.tuples(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=4), st.booleans())))
    def test_ids_are_never_reused(self, frames: list[tuple[list[tuple[int, int]], bool]]) -> None:
        tracker, t = Tracker(), 0.0
        gone: set[int] = set()
        alive: set[int] = set()
        for places, restart in frames:
            if restart:
                tracker.restart_clock()
                gone |= alive
                alive, t = set(), 0.0
            update = tracker.update(found(*[(40.0 * x, 40.0 * y, 40.0 * x + 50, 40.0 * y + 50) for x, y in places]), t)
            now = {track.id for track in update.tracks}
            assert len(set(update.ids)) == len(places)
            assert set(update.ids) <= now
            assert not now & gone
            gone |= alive - now
            alive, t = now, t + 0.2
