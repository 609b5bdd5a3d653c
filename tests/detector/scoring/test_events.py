import json

import numpy as np
import pytest

from detector.scoring import Answer, bootstrap, shown_events, shown_figure, unit_of
from tests.detector.scoring.cases import CLEAR, FAR, LESION, answer, recording, shown, truth

EMPTY = shown()
FALSE = shown(m1=FAR)
UNSEEN = truth(reviewed=False)


def test_without_recordings_nothing_can_be_given():
    found = shown_events([])
    assert found.events == {0.0: 0, 0.2: 0, 0.5: 0, 1.0: 0, 2.0: 0}
    assert set(found.per_procedure.values()) == set(found.per_minute.values()) == {None}
    assert (found.recordings, found.reviewed_s, found.false_time_share) == (0, 0, None)


def test_unreviewed_time_enters_no_denominator_and_makes_no_event():
    assert shown_events([recording([]), recording([(UNSEEN, FALSE)] * 5)]) == shown_events([])


def test_a_quiet_recording_has_no_events():
    found = shown_events([recording([(CLEAR, EMPTY)] * 10)])
    assert (found.recordings, found.events[0.0], found.per_minute[0.0], found.false_time_share) == (1, 0, 0, 0)
    assert found.reviewed_s == pytest.approx(1.0)


def test_one_run_of_one_marker_is_one_event():
    frames = [(CLEAR, EMPTY), (CLEAR, FALSE), (CLEAR, FALSE), (CLEAR, EMPTY), (CLEAR, FALSE), (CLEAR, shown(m2=FAR))]
    found = shown_events([recording(frames)])
    assert found.marker_events == 3
    assert [(e.marker, e.first_frame, e.last_frame) for e in found.false_events] == [(1, 1, 2), (1, 4, 4), (2, 5, 5)]
    assert [e.duration_s for e in found.false_events] == pytest.approx([0.2, 0.1, 0.1])
    assert found.events == {0.0: 3, 0.2: 1, 0.5: 0, 1.0: 0, 2.0: 0}
    assert found.false_s == pytest.approx(0.4)
    assert found.false_time_share == pytest.approx(0.4 / 0.6)
    assert found.per_minute[0.0] == pytest.approx(3 / (0.6 / 60))


def test_six_frames_at_30_per_second_are_two_tenths_wherever_in_the_examination():
    for start in (0, 1, 100, 323_993):
        frames = [(CLEAR, FALSE)] * 6 + [(CLEAR, EMPTY)]
        one = recording(frames)
        times_s = (start + np.arange(7)) / 30
        one = type(one)(one.name, one.unit, one.size, times_s, (start + 7) / 30, one.truth, one.answers)
        assert shown_events([one]).events == {0.0: 1, 0.2: 1, 0.5: 0, 1.0: 0, 2.0: 0}


def test_the_last_frame_stands_until_the_end():
    one = recording([(CLEAR, EMPTY), (CLEAR, FALSE)])
    one = type(one)(one.name, one.unit, one.size, one.times_s, 3.1, one.truth, one.answers)
    found = shown_events([one])
    assert found.false_events[0].duration_s == pytest.approx(3.0)
    assert found.events[2.0] == 1


@pytest.mark.parametrize(
    ("box", "events"),
    [
        ((0, 0, 10, 2), 0),  # IoU exactly 0.2
        ((0, 0, 10, 1), 0),  # IoU 0.1, but its centre lies in the lesion
        ((-100, 9, 100, 10.9), 0),  # hardly any overlap, centre at 0, 9.95
        ((-100, 9, 100, 11), 1),  # centre at 0, 10: just outside, boxes are half-open
        ((9, 9, 30, 30), 1),
    ],
)
def test_what_meets_a_lesion_is_no_false_alarm(box, events):
    assert shown_events([recording([(truth(LESION, ids=["a"]), shown(m1=box))])]).events[0.0] == events


def test_one_moment_on_a_lesion_clears_the_whole_event_even_where_nobody_looked():
    lesion = truth(LESION, ids=["a"], reviewed=False)
    frames = [(CLEAR, FALSE), (lesion, shown(m1=LESION)), (CLEAR, FALSE)]
    found = shown_events([recording(frames)])
    assert (found.marker_events, found.events[0.0]) == (1, 0)


def test_an_ignored_region_excuses_by_the_centre_alone():
    marginal = truth(ignored=[LESION])
    assert shown_events([recording([(marginal, shown(m1=(0, 0, 8, 8)))])]).events[0.0] == 0
    assert shown_events([recording([(marginal, shown(m1=(0, 0, 20, 20)))])]).events[0.0] == 1  # IoU 0.25, centre 10, 10


def test_only_the_reviewed_part_of_an_event_counts():
    found = shown_events([recording([(CLEAR, FALSE), (UNSEEN, FALSE), (UNSEEN, FALSE), (CLEAR, FALSE)])])
    assert len(found.false_events) == 1
    assert found.false_events[0].duration_s == pytest.approx(0.2)
    assert (found.false_events[0].first_frame, found.false_events[0].last_frame) == (0, 3)
    assert found.reviewed_s == found.false_s == pytest.approx(0.2)


def test_time_under_two_false_markers_counts_once():
    both = shown(m1=FAR, m2=(100, 100, 110, 110))
    found = shown_events([recording([(CLEAR, both), (CLEAR, EMPTY)])])
    assert found.events[0.0] == 2
    assert found.false_s == pytest.approx(0.1)


def test_a_skipped_frame_shows_what_stood_on_the_screen():
    held = Answer(FALSE.boxes, FALSE.scores, FALSE.markers, "skipped")
    found = shown_events([recording([(CLEAR, FALSE), (CLEAR, held), (CLEAR, FALSE)])])
    assert (found.frames_skipped, len(found.false_events)) == (1, 1)
    assert found.false_events[0].duration_s == pytest.approx(0.3)


def test_events_per_procedure_are_over_the_procedures_that_somebody_reviewed():
    found = shown_events([recording([(CLEAR, FALSE)]), recording([(CLEAR, EMPTY)]), recording([(UNSEEN, FALSE)])])
    assert found.per_procedure[0.0] == 0.5


def test_time_must_be_known_and_nominal_time_is_said():
    with pytest.raises(ValueError, match="no time"):
        shown_events([recording([(CLEAR, FALSE)], time="none")])
    assert shown_events([recording([(CLEAR, FALSE)], time="nominal")]).nominal is True


def test_boxes_that_are_not_displayed_markers_are_refused():
    with pytest.raises(ValueError, match="r, frame 0: 1 boxes, but 0 marker ids"):
        shown_events([recording([(CLEAR, answer((*FAR, 0.9)))])])
    twice = Answer(np.concatenate([FALSE.boxes] * 2), np.ones(2, np.float32), (1, 1))
    with pytest.raises(ValueError, match="r, frame 0: marker 1 has two boxes"):
        shown_events([recording([(CLEAR, twice)])])


def test_other_durations_can_be_asked_for():
    found = shown_events([recording([(CLEAR, FALSE)] * 3)], (0.3, 0.4))
    assert found.events == {0.3: 1, 0.4: 0}
    assert json.loads(json.dumps(found.as_dict()))["events"] == {"0.3": 1, "0.4": 0}


@pytest.mark.parametrize("name", ["per_procedure", "per_minute", "false_time_share"])
def test_the_quick_figure_draws_what_the_full_one_does(name):
    rng = np.random.default_rng(2)
    frames = [((CLEAR, UNSEEN)[int(rng.random() < 0.2)], (FALSE, EMPTY)[int(rng.random() < 0.6)]) for _ in range(96)]
    recordings = [recording(frames[k * 12 : k * 12 + 12], unit=f"p{k % 5}") for k in range(8)]

    def full(drawn):
        found = getattr(shown_events(drawn), name)
        return found if name == "false_time_share" else found[0.2]

    quick = bootstrap(recordings, unit_of, shown_figure(name, 0.2), draws=40)
    slow = bootstrap(recordings, unit_of, full, draws=40)
    assert (quick.low, quick.high) == pytest.approx((slow.low, slow.high))
    assert shown_figure(name)([]) is None
