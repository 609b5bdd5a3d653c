import json

import numpy as np
import pytest

from detector.scoring import bootstrap, realcolon_figure, realcolon_figures, unit_of
from tests.detector.scoring.cases import CLEAR, FAR, LESION, NOTHING, answer, recording, truth

A = truth(LESION, ids=["a"])
HIT = (A, answer((*LESION, 0.9)))
MISS = (A, NOTHING)
QUIET = (CLEAR, NOTHING)
ALARM = (CLEAR, answer((*FAR, 0.9)))
UNSEEN = (truth(reviewed=False), answer((*FAR, 0.9)))


def lesions_hit(frames, **how) -> int:
    return realcolon_figures([recording(frames)], 0.5, **how).lesions_hit


def false_positives(frames, **how) -> int:
    return realcolon_figures([recording(frames)], 0.5, **how).false_positives


def test_without_recordings_nothing_can_be_given():
    found = realcolon_figures([], 0.5)
    assert (found.lesions, found.false_positives) == (0, 0)
    assert (found.sensitivity, found.per_procedure, found.per_minute) == (None, None, None)
    assert realcolon_figures([recording([]), recording([UNSEEN])], 0.5) == found


def test_a_recording_with_lesions_throughout_has_no_rate_of_false_positives():
    found = realcolon_figures([recording([MISS] * 5)], 0.5)
    assert (found.sensitivity, found.per_procedure, found.per_minute) == (0, 0, None)


def test_a_lesion_is_hit_when_boxes_persist_for_tau():
    assert lesions_hit([HIT] * 20) == 1
    assert lesions_hit([HIT] * 19) == 0
    assert lesions_hit([HIT] * 10 + [MISS] + [HIT] * 10) == 0


def test_boxes_must_persist_within_the_first_sigma():
    assert lesions_hit([MISS] * 10 + [HIT] * 20) == 1
    assert lesions_hit([MISS] * 11 + [HIT] * 40) == 0
    assert lesions_hit([MISS] * 11 + [HIT] * 40, sigma_s=3.1) == 1


def test_the_window_begins_with_the_first_frame_that_somebody_reviewed():
    unseen = (truth(LESION, ids=["a"], reviewed=False), NOTHING)
    assert lesions_hit([unseen] * 30 + [HIT] * 20) == 1


def test_a_run_ends_where_the_lesion_is_gone_or_nobody_looked():
    unseen = (truth(LESION, ids=["a"], reviewed=False), HIT[1])
    assert lesions_hit([HIT] * 10 + [ALARM] + [HIT] * 10) == 0
    assert lesions_hit([HIT] * 10 + [unseen] + [HIT] * 10) == 0


def test_the_overlap_must_exceed_two_tenths():
    exactly, more = (A, answer((0, 0, 10, 2, 0.9))), (A, answer((0, 0, 10, 2.1, 0.9)))
    assert (lesions_hit([exactly] * 20), lesions_hit([more] * 20)) == (0, 1)


def test_with_tau_0_one_hit_frame_is_enough_and_none_is_not():
    assert lesions_hit([MISS, HIT], tau_s=0) == 1
    assert lesions_hit([MISS, MISS], tau_s=0) == 0


def test_a_long_frame_is_cut_at_the_end_of_the_window():
    one = recording([MISS, HIT])
    one = type(one)(one.name, one.unit, one.size, np.array([0, 1.5]), 9.0, one.truth, one.answers)
    assert realcolon_figures([one], 0.5).lesions_hit == 0  # from 1.5 to 3 s
    assert realcolon_figures([one], 0.5, tau_s=1.5).lesions_hit == 1


def test_ten_seconds_of_a_false_box_are_five_false_positives():
    assert false_positives([ALARM] * 100) == 5
    assert false_positives([ALARM] * 99) == 4
    assert false_positives([ALARM] * 19) == 0


def test_where_the_box_is_does_not_matter_but_a_pause_does():
    elsewhere = (CLEAR, answer((*LESION, 0.9)))
    assert false_positives([ALARM, elsewhere] * 10) == 1
    assert false_positives([ALARM] * 19 + [QUIET] + [ALARM] * 19) == 0


def test_lesions_and_frames_that_nobody_reviewed_end_the_count():
    assert false_positives([ALARM] * 19 + [HIT] + [ALARM] * 19) == 0
    assert false_positives([ALARM] * 19 + [UNSEEN] + [ALARM] * 19) == 0


def test_frames_with_ignored_regions_are_frames_without_lesion():
    marginal = (truth(ignored=[FAR]), answer((*FAR, 0.9)))
    assert false_positives([ALARM] * 10 + [marginal] * 10) == 1


def test_with_tau_0_every_frame_counts():
    assert false_positives([ALARM, ALARM, QUIET, ALARM, HIT, UNSEEN], tau_s=0) == 3


def test_rates_are_over_reviewed_time_without_lesion():
    found = realcolon_figures([recording([ALARM] * 20 + [HIT] * 20 + [UNSEEN] * 20 + [QUIET] * 10)], 0.5)
    assert found.negative_s == pytest.approx(3.0)
    assert (found.false_positives, found.per_procedure) == (1, 1)
    assert found.per_minute == pytest.approx(20)
    assert found.sensitivity == 1


def test_weaker_boxes_do_not_count():
    assert realcolon_figures([recording([ALARM] * 20 + [HIT] * 20)], 0.91).lesions_hit == 0
    assert realcolon_figures([recording([ALARM] * 20)], 0.91).false_positives == 0


def test_time_must_be_known_and_nominal_time_is_said():
    with pytest.raises(ValueError, match="no time"):
        realcolon_figures([recording([HIT], time="none")], 0.5)
    assert realcolon_figures([recording([HIT], time="nominal")], 0.5).nominal is True


def test_figures_become_json():
    assert json.loads(json.dumps(realcolon_figures([], 0.5).as_dict()))["sensitivity"] is None


@pytest.mark.parametrize("name", ["sensitivity", "per_procedure", "per_minute"])
def test_the_quick_figure_draws_what_the_full_one_does(name):
    recordings = [recording([ALARM] * (15 * k) + [HIT] * (6 * k) + [QUIET], unit=f"p{k % 4}") for k in range(7)]
    quick = bootstrap(recordings, unit_of, realcolon_figure(name, 0.5), draws=40)
    slow = bootstrap(recordings, unit_of, lambda drawn: getattr(realcolon_figures(drawn, 0.5), name), draws=40)
    assert (quick.low, quick.high, quick.draws) == (pytest.approx(slow.low), pytest.approx(slow.high), slow.draws)
    with pytest.raises(ValueError, match="per_hour"):
        realcolon_figure("per_hour", 0.5)
