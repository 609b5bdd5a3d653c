"""What the screen shows: late enough to be true, steady enough to be calm, and gone when it should be."""

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.alerts import AlertFilter, AlertSettings, AlertUpdate
from detector.detections import Detections
from detector.geometry import as_boxes
from detector.tracking import TrackingSettings

BOX = (100.0, 100.0, 200.0, 180.0)
ELSEWHERE = (600.0, 400.0, 720.0, 500.0)
GOLDENS = sorted((Path(__file__).parents[1] / "goldens").glob("*.json"))
RATES = [Fraction(25), Fraction(30), Fraction(30000, 1001), Fraction(60)]


def found(*rows: tuple[float, ...]) -> Detections:
    """Rows of box and score, in any order."""
    rows = tuple(sorted(rows, key=lambda row: -row[4]))
    scores = np.array([row[4] for row in rows], np.float32)
    return Detections(0, None, as_boxes([row[:4] for row in rows]), scores, np.zeros(len(rows), np.int64))


def play(scores: list[float | None], rate: Fraction, settings: AlertSettings | None = None) -> list[AlertUpdate]:
    """One box that is found with these scores, frame by frame; None is a frame in which it was not found."""
    alerts = AlertFilter(settings or AlertSettings(threshold=0.5))
    return [
        alerts.update(found((*BOX, score)) if score is not None else found(), float(n / rate))
        for n, score in enumerate(scores)
    ]


def shown(updates: list[AlertUpdate]) -> list[bool]:
    return [bool(u.markers) for u in updates]


class TestAppearing:
    @pytest.mark.parametrize("length", [0, 1, 2, 3, 4, 5, 6])
    def test_a_run_of_up_to_6_frames_at_30_per_second_never_shows(self, length: int) -> None:
        updates = play([0.99] * length + [None] * 30, Fraction(30))
        assert not any(shown(updates))

    @pytest.mark.parametrize(
        ("rate", "first"), [(Fraction(25), 5), (Fraction(30), 6), (Fraction(30000, 1001), 6), (Fraction(60), 12)]
    )
    @pytest.mark.parametrize("start", [Fraction(0), Fraction(1, 3), Fraction(10_000_019, 90_000)])
    def test_it_shows_with_the_first_frame_200_ms_after_it_was_first_found(
        self, rate: Fraction, first: int, start: Fraction
    ) -> None:
        alerts = AlertFilter(AlertSettings(threshold=0.5))
        updates = [alerts.update(found((*BOX, 0.9)), float(start + n / rate)) for n in range(first + 3)]
        assert shown(updates) == [False] * first + [True] * 3
        assert updates[-1].markers[0].shown_since_s == pytest.approx(float(start + first / rate))

    def test_times_in_whole_milliseconds_show_it_with_the_same_frame(self) -> None:
        """MKV stores 33, 67, 100: 200 ms later is 200 ms later, wherever it begins."""
        for begin in range(30):
            alerts = AlertFilter(AlertSettings(threshold=0.5))
            updates = [alerts.update(found((*BOX, 0.9)), round((begin + n) * 1000 / 30) / 1000) for n in range(8)]
            assert shown(updates) == [False] * 6 + [True] * 2

    @pytest.mark.parametrize(("hits", "shows"), [(2, False), (3, True)])
    def test_so_many_frames_must_have_reached_the_threshold(self, hits: int, shows: bool) -> None:
        """The others are above the keep score: enough to follow it, not enough to believe it."""
        updates = play([0.9] * hits + [0.4] * (10 - hits), Fraction(25))
        assert any(shown(updates)) is shows

    @pytest.mark.parametrize("rate", [Fraction(5), Fraction(3), Fraction(1)])
    def test_a_slow_ai_still_needs_so_many_frames_and_gets_there(self, rate: Fraction) -> None:
        """At 5 analysed frames a second 200 ms are two frames; at 3 a frame interval is longer than the longest gap."""
        assert shown(play([0.9] * 4, rate)) == [False, False, True, True]

    def test_never_while_it_is_not_seen(self) -> None:
        """Old enough only by the clock: the frame that makes it 200 ms must find it."""
        scores = [0.9, 0.9, 0.9, 0.9, 0.9, None, None, 0.9]
        assert shown(play(scores, Fraction(25))) == [False] * 7 + [True]

    def test_a_minimum_of_zero_seconds_leaves_the_hits(self) -> None:
        settings = AlertSettings(threshold=0.5, min_seen_s=0.0, min_hits=1)
        assert shown(play([0.4, 0.6], Fraction(25), settings)) == [False, True]

    @pytest.mark.parametrize("threshold", [0.1, 0.3, 0.6, 0.7])
    def test_a_score_at_the_threshold_counts_whatever_its_float(self, threshold: float) -> None:
        updates = play([threshold] * 8, Fraction(25), AlertSettings(threshold=threshold))
        assert shown(updates)[-1]


class TestStaying:
    def test_hysteresis_keeps_it_down_to_the_keep_ratio(self) -> None:
        updates = play([0.9] * 6 + [0.31] * 25, Fraction(25))
        assert all(shown(updates)[5:])
        assert updates[-1].markers[0].score == pytest.approx(0.31)

    def test_below_the_keep_ratio_it_goes_after_the_longest_gap(self) -> None:
        updates = play([0.9] * 6 + [0.29] * 25, Fraction(25))
        assert shown(updates)[6:] == [True] * 7 + [False] * 18  # 280 ms after it was last found; 320 is too long

    @pytest.mark.parametrize("rate", RATES)
    def test_no_flicker_over_gaps_up_to_the_limit(self, rate: Fraction) -> None:
        most = int(Fraction(3, 10) * rate)
        first = -(-rate // 5)
        scores = [0.9] * (int(first) + 1) + ([None] * (most - 1) + [0.9]) * 4
        updates = play(scores, rate)
        assert all(shown(updates)[int(first) :])
        assert {m.track_id for u in updates for m in u.markers} == {1}

    @pytest.mark.parametrize("rate", RATES)
    def test_gone_with_the_first_frame_after_the_limit(self, rate: Fraction) -> None:
        found_for = int(rate)
        updates = play([0.9] * found_for + [None] * int(rate), rate)
        last_seen_s = float((found_for - 1) / rate)
        for n, visible in enumerate(shown(updates)):
            if n >= found_for:
                assert visible is (float(n / rate) - last_seen_s <= 0.3 + 1e-6)

    def test_after_it_was_gone_it_is_another_track_and_has_to_wait_again(self) -> None:
        updates = play([0.9] * 8 + [None] * 10 + [0.9] * 8, Fraction(25))
        assert shown(updates)[18:] == [False] * 5 + [True] * 3
        assert updates[-1].markers[0].track_id == 2

    @pytest.mark.parametrize("pause_s", [0.25, 0.6, 1.0])
    def test_a_gap_in_the_analysis_is_no_evidence_of_absence(self, pause_s: float) -> None:
        """The AI was late or restarted: the marker is the same as before, and not a new cue."""
        alerts = AlertFilter(AlertSettings(threshold=0.5))
        for n in range(8):
            before = alerts.update(found((*BOX, 0.9)), n / 25)
        after = alerts.update(found((*BOX, 0.9)), 7 / 25 + pause_s)
        assert [(m.track_id, m.shown_since_s, m.is_new) for m in after.markers] == [(1, 0.2, False)]
        assert before.markers[0].shown_since_s == 0.2

    @given(st.lists(st.none() | st.sampled_from([0.2, 0.4, 0.9]), max_size=60), st.sampled_from(RATES))
    def test_every_marker_is_new_exactly_once(self, scores: list[float | None], rate: Fraction) -> None:
        updates = play(scores, rate)
        new: dict[int, float] = {}
        for number, update in enumerate(updates):
            for marker in update.markers:
                if marker.is_new:
                    assert marker.track_id not in new
                    new[marker.track_id] = float(number / rate)
                assert marker.shown_since_s == new[marker.track_id]

    @given(st.lists(st.booleans(), min_size=1, max_size=120), st.sampled_from(RATES))
    def test_a_marker_never_comes_back_after_a_blink(self, seen: list[bool], rate: Fraction) -> None:
        """No flicker, whatever is found: what reappears within the longest gap was never away."""
        visible = [{m.track_id for m in u.markers} for u in play([0.9 if s else None for s in seen], rate)]
        for track_id in set().union(*visible):
            frames = [n for n, ids in enumerate(visible) if track_id in ids]
            assert frames == list(range(frames[0], frames[-1] + 1))


class TestMinimumDisplay:
    """Shown with the sixth frame at 25 frames/s, last found with the seventh (0.24 s), track gone after 0.54 s."""

    @pytest.mark.parametrize(("min_display_s", "last"), [(0.0, 13), (0.3, 13), (0.6, 19), (0.8, 24), (5.0, 31)])
    def test_a_marker_stays_so_long_and_for_a_second_without_evidence_at_most(
        self, min_display_s: float, last: int
    ) -> None:
        updates = play([0.9] * 7 + [None] * 40, Fraction(25), AlertSettings(threshold=0.5, min_display_s=min_display_s))
        assert [n for n, on in enumerate(shown(updates)) if on] == list(range(5, last + 1))
        assert sum(m.is_new for u in updates for m in u.markers) == 1

    def test_it_goes_when_another_marker_overlaps_it(self) -> None:
        alerts = AlertFilter(AlertSettings(threshold=0.5, min_seen_s=0.0, min_hits=1, min_display_s=5.0))
        assert len(alerts.update(found((*BOX, 0.9)), 0.0).markers) == 1
        assert len(alerts.update(found(), 0.4).markers) == 1
        far = alerts.update(found((*ELSEWHERE, 0.9)), 0.44)
        assert [m.track_id for m in far.markers] == [2, 1]
        near = alerts.update(found((*ELSEWHERE, 0.9), (*BOX, 0.9)), 0.48)
        assert [m.track_id for m in near.markers] == [2, 3]

    def test_a_clock_that_begins_anew_takes_it_away(self) -> None:
        alerts = AlertFilter(AlertSettings(threshold=0.5, min_seen_s=0.0, min_hits=1, min_display_s=5.0))
        alerts.update(found((*BOX, 0.9)), 1.0)
        alerts.restart_clock()
        assert alerts.update(found(), 1.04).markers == ()


class TestOtherLimits:
    def test_what_is_shown_stays_and_what_is_not_must_reach_the_new_threshold(self) -> None:
        alerts = AlertFilter(AlertSettings(threshold=0.3))
        for n in range(8):
            alerts.update(found((*BOX, 0.5)), n / 25)
        alerts.update(found((*BOX, 0.5), (*ELSEWHERE, 0.6)), 8 / 25)
        alerts.retune(AlertSettings(threshold=0.7))
        seen = [alerts.update(found((*BOX, 0.5), (*ELSEWHERE, 0.6)), n / 25).markers for n in range(9, 30)]
        assert {m.track_id for markers in seen for m in markers} == {1}
        sure = [alerts.update(found((*BOX, 0.5), (*ELSEWHERE, 0.8)), n / 25).markers for n in range(30, 33)]
        assert [[m.track_id for m in markers] for markers in sure] == [[1], [1], [1, 2]]

    def test_the_same_limits_again_change_nothing(self) -> None:
        alerts = AlertFilter(AlertSettings(threshold=0.5))
        for n in range(5):
            alerts.update(found((*BOX, 0.9)), n / 25)
            alerts.retune(AlertSettings(threshold=0.5))
        assert alerts.update(found((*BOX, 0.9)), 5 / 25).markers

    def test_another_hold_time_holds_at_once(self) -> None:
        alerts = AlertFilter(AlertSettings(threshold=0.5))
        for n in range(6):
            alerts.update(found((*BOX, 0.9)), n / 25)
        alerts.retune(AlertSettings(threshold=0.5, tracking=TrackingSettings(max_gap_s=0.1)))
        assert [bool(alerts.update(found(), n / 25).markers) for n in range(6, 9)] == [True, True, False]


class TestTogether:
    def test_two_lesions_have_a_marker_each(self) -> None:
        alerts = AlertFilter(AlertSettings(threshold=0.5))
        for n in range(8):
            update = alerts.update(found((*BOX, 0.7), (*ELSEWHERE, 0.9)), n / 25)
        assert {m.track_id: m.box for m in update.markers} == {1: ELSEWHERE, 2: BOX}

    def test_the_ids_are_those_of_the_first_detections(self) -> None:
        """From the feed score up; weaker ones are never tracked."""
        alerts = AlertFilter(AlertSettings(threshold=0.5))
        update = alerts.update(found((*BOX, 0.9), (*ELSEWHERE, 0.4), (0, 0, 9, 9, 0.2)), 0.0)
        assert update.tracking.ids == (1, 2)

    def test_a_restarted_clock_takes_all_markers_away_and_ids_go_on(self) -> None:
        alerts = AlertFilter(AlertSettings(threshold=0.5))
        for n in range(8):
            alerts.update(found((*BOX, 0.9)), 50 + n / 25)
        alerts.restart_clock()
        updates = [alerts.update(found((*BOX, 0.9)), n / 25) for n in range(7)]
        assert shown(updates) == [False] * 5 + [True] * 2
        assert updates[-1].markers[0].track_id == 2

    def test_a_still_shows_at_once_what_reaches_the_threshold(self) -> None:
        alerts = AlertFilter(AlertSettings(threshold=0.5))
        update = alerts.still(found((*BOX, 0.5), (*ELSEWHERE, 0.49)))
        assert [(m.box, m.track_id, m.is_new) for m in update.markers] == [(BOX, 0, False)]
        assert update.tracking.ids == ()
        assert alerts.still(found()).markers == ()

    @pytest.mark.parametrize(
        "wrong",
        [
            {"threshold": 0.0},
            {"threshold": 1.1},
            {"threshold": float("nan")},
            {"threshold": 0.5, "keep_ratio": 0.0},
            {"threshold": 0.5, "keep_ratio": 1.5},
            {"threshold": 0.5, "min_seen_s": -0.1},
            {"threshold": 0.5, "min_hits": 0},
        ],
    )
    def test_impossible_settings_are_refused(self, wrong: dict[str, Any]) -> None:
        with pytest.raises(ValueError, match="must"):
            AlertSettings(**wrong)


@pytest.mark.parametrize("path", GOLDENS, ids=lambda path: path.stem)
def test_golden_sequence(path: Path) -> None:
    """Worked out by hand: each file says what happens and why its markers are right."""
    golden = json.loads(path.read_text(encoding="utf-8"))
    settings = dict(golden["settings"])
    settings["tracking"] = TrackingSettings(**settings.pop("tracking"))
    alerts = AlertFilter(AlertSettings(**settings))
    for row in golden["frames"]:
        update = alerts.update(found(*[tuple(r) for r in row["found"]]), row["ms"] / 1000)
        markers = [[m.track_id, *(round(v, 1) for v in m.box), *(["new"] if m.is_new else [])] for m in update.markers]
        assert markers == row["shown"], f"at {row['ms']} ms"


def test_there_are_golden_sequences() -> None:
    assert GOLDENS


def test_media_time_that_runs_backwards_begins_anew_with_new_ids() -> None:
    alerts = AlertFilter(AlertSettings(threshold=0.5))
    for n in range(10):
        before = alerts.update(found((*BOX, 0.9)), 5 + n / 25)
    assert before.markers
    after = alerts.update(found((*BOX, 0.9)), 1.0)
    assert not after.markers
    assert after.tracking.tracks[0].id > before.tracking.tracks[0].id
