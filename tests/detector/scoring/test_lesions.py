import json

import numpy as np
import pytest

from detector.scoring import bootstrap, lesion_figure, lesion_figures, unit_of
from tests.detector.scoring.cases import CLEAR, FAR, LESION, NOTHING, answer, recording, truth

SHARES = ("lesion_sensitivity", "lesion_frame_sensitivity", "frame_sensitivity", "frame_specificity")
A = truth(LESION, ids=["a"])
FOUND = answer((*LESION, 0.9))


def test_without_recordings_nothing_can_be_given():
    found = lesion_figures([], 0.5)
    assert (found.recordings, found.frames, found.lesions, found.per_lesion) == (0, 0, 0, ())
    assert [getattr(found, name) for name in SHARES] == [None] * 4
    assert found.median_seconds_to_first_hit is None


def test_empty_and_unreviewed_recordings_are_no_recordings():
    unseen = truth(LESION, ids=["a"], reviewed=False)
    assert lesion_figures([recording([]), recording([(unseen, FOUND)], time="nominal")], 0.5) == lesion_figures([], 0.5)


def test_a_negative_recording_has_a_specificity_only():
    found = lesion_figures([recording([(CLEAR, NOTHING), (CLEAR, FOUND), (CLEAR, NOTHING), (CLEAR, NOTHING)])], 0.5)
    assert (found.negative_frames, found.negative_frames_clean, found.frame_specificity) == (4, 3, 0.75)
    assert (found.lesion_sensitivity, found.frame_sensitivity, found.lesion_frame_sensitivity) == (None, None, None)


def test_figures_by_hand():
    both = truth(LESION, FAR, ids=["a", "b"])
    frames = [
        (truth(LESION, ids=["a"], reviewed=False), FOUND),  # nobody looked: neither a's first frame nor a hit
        (A, NOTHING),
        (A, answer((*LESION, 0.4), status="failed")),
        (both, FOUND),
        (both, answer(status="skipped")),
        (CLEAR, answer((*FAR, 0.5))),
        (truth(ignored=[FAR]), answer((*FAR, 0.9))),
        (CLEAR, NOTHING),
    ]
    found = lesion_figures([recording(frames)], 0.5)
    assert (found.frames, found.frames_failed, found.frames_skipped) == (7, 1, 1)
    assert (found.lesions, found.lesions_hit, found.lesion_sensitivity) == (2, 1, 0.5)
    assert (found.lesion_frames, found.lesion_frames_hit, found.lesion_frame_sensitivity) == (6, 1, 1 / 6)
    assert (found.positive_frames, found.positive_frames_hit, found.frame_sensitivity) == (4, 1, 0.25)
    assert (found.negative_frames, found.negative_frames_clean, found.frame_specificity) == (2, 1, 0.5)
    a, b = found.per_lesion
    assert (a.lesion, a.frames, a.frames_hit, a.first_frame, a.first_hit_frame) == ("a", 4, 1, 1, 3)
    assert a.seconds_to_first_hit == pytest.approx(0.2)
    assert (b.lesion, b.frames, b.first_frame, b.first_hit_frame, b.seconds_to_first_hit) == ("b", 2, 3, None, None)
    assert found.median_seconds_to_first_hit == a.seconds_to_first_hit


@pytest.mark.parametrize(
    ("box", "rules"),
    [
        ((0, 0, 10, 2), {0.2: 1, 0.5: 0, "any": 1}),  # IoU exactly 0.2
        ((0, 0, 10, 1.9), {0.2: 0, 0.5: 0, "any": 1}),
        ((10, 0, 20, 10), {0.2: 0, 0.5: 0, "any": 0}),  # edges touch
        ((0, 0, 10, 5), {0.2: 1, 0.5: 1, "any": 1}),
    ],
)
def test_hit_rules(box, rules):
    one = [recording([(A, answer((*box, 0.9)))])]
    assert {rule: lesion_figures(one, 0.5, rule).lesions_hit for rule in rules} == rules


def test_one_box_may_hit_several_lesions_and_several_boxes_one():
    beside = truth((0, 0, 10, 10), (0, 5, 10, 15), ids=["a", "b"])
    found = lesion_figures([recording([(beside, answer((0, 2, 10, 12, 0.9), (*LESION, 0.8)))])], 0.5)
    assert (found.lesions_hit, found.positive_frames_hit) == (2, 1)


def test_a_lesion_with_two_boxes_in_a_frame_is_hit_if_one_is():
    split = truth(LESION, FAR, ids=["a", "a"])
    found = lesion_figures([recording([(split, answer((*FAR, 0.9)))])], 0.5)
    assert (found.lesions, found.lesion_frames, found.lesion_frames_hit) == (1, 1, 1)


def test_lesions_of_two_recordings_are_two():
    found = lesion_figures([recording([(A, FOUND)]), recording([(A, NOTHING)])], 0.5)
    assert (found.recordings, found.lesions, found.lesions_hit) == (2, 2, 1)


def test_boxes_without_ids_are_lesions_of_their_own():
    found = lesion_figures([recording([(truth(LESION), FOUND), (truth(LESION), NOTHING)])], 0.5)
    assert (found.lesions, found.lesions_hit) == (2, 1)


def test_ids_that_do_not_fit_the_boxes_are_refused():
    with pytest.raises(ValueError, match="r, frame 1: 1 boxes, but 2 lesion ids"):
        lesion_figures([recording([(A, FOUND), (truth(LESION, ids=["a", "b"]), FOUND)])], 0.5)
    with pytest.raises(ValueError, match="0 boxes, but 1"):
        lesion_figures([recording([(truth(ids=["a"]), FOUND)])], 0.5)


def test_without_time_there_are_frames_but_no_seconds():
    found = lesion_figures([recording([(A, NOTHING), (A, FOUND)], time="none")], 0.5)
    assert found.per_lesion[0].first_hit_frame == 1
    assert (found.per_lesion[0].seconds_to_first_hit, found.median_seconds_to_first_hit) == (None, None)
    assert found.nominal is False
    assert lesion_figures([recording([(A, NOTHING), (A, FOUND)], time="nominal")], 0.5).nominal is True


def test_the_median_is_over_hit_lesions():
    late = [(A, NOTHING)] * 4 + [(A, FOUND)]
    three = [recording([(A, FOUND)]), recording(late), recording([(A, NOTHING)])]
    assert lesion_figures(three, 0.5).median_seconds_to_first_hit == pytest.approx(0.2)


def test_figures_become_json():
    written = json.loads(json.dumps(lesion_figures([recording([(A, NOTHING)])], 0.5, "any").as_dict()))
    assert written["per_lesion"][0]["first_hit_frame"] is None
    assert written["iou"] == "any"


@pytest.mark.parametrize("name", [*SHARES, "median_seconds_to_first_hit"])
def test_the_quick_figure_draws_what_the_full_one_does(name):
    rng = np.random.default_rng(5)
    recordings = []
    for k in range(9):
        frames = [((A, CLEAR)[int(rng.random() < 0.5)], (FOUND, NOTHING)[int(rng.random() < 0.7)]) for _ in range(12)]
        recordings.append(recording(frames, unit=f"p{k % 4}", time="none" if k == 3 else "true"))
    quick = bootstrap(recordings, unit_of, lesion_figure(name, 0.5), draws=40)
    full = bootstrap(recordings, unit_of, lambda drawn: getattr(lesion_figures(drawn, 0.5), name), draws=40)
    assert quick == full
    assert lesion_figure(name, 0.5)([]) is None
