import json

import numpy as np
import pytest

from detector.scoring import (
    FALSE,
    HIT,
    NEUTRAL,
    best_f1_threshold,
    bootstrap,
    box_figure,
    box_figures,
    match_boxes,
    threshold_for_negatives,
    unit_of,
)
from tests.detector.scoring.cases import CLEAR, FAR, LESION, NOTHING, answer, still, truth

SHARES = (
    "recall",
    "precision",
    "f1",
    "frame_sensitivity",
    "frame_specificity",
    "false_boxes_per_negative_frame",
    "negatives_with_false_box",
)


def test_without_images_nothing_can_be_given():
    found = box_figures([], 0.5)
    assert found.frames == found.lesions == found.hits == found.false_boxes == 0
    assert [getattr(found, name) for name in SHARES] == [None] * len(SHARES)


def test_an_image_that_nobody_reviewed_enters_nothing():
    unseen = still(truth(LESION, reviewed=False), answer((*LESION, 0.9), (*FAR, 0.8)))
    assert box_figures([unseen], 0.5) == box_figures([], 0.5)


def test_a_negative_without_boxes_has_a_specificity_and_no_recall():
    found = box_figures([still(CLEAR, NOTHING)], 0.5)
    assert (found.frame_specificity, found.negatives_with_false_box, found.false_boxes_per_negative_frame) == (1, 0, 0)
    assert (found.recall, found.precision, found.f1, found.frame_sensitivity) == (None, None, None, None)


def test_without_lesions_there_is_no_precision_however_many_boxes():
    found = box_figures([still(CLEAR, answer((*FAR, 0.9)))], 0.5)
    assert (found.false_boxes, found.precision) == (1, None)


def test_a_missed_lesion_is_a_recall_of_0_and_no_precision():
    found = box_figures([still(truth(LESION), NOTHING)], 0.5)
    assert (found.recall, found.precision, found.f1, found.frame_sensitivity) == (0, None, 0, 0)


def test_figures_by_hand():
    stills = [
        still(truth(LESION, FAR), answer((*LESION, 0.9), (100, 100, 110, 110, 0.8))),  # 1 of 2, 1 false
        still(truth(LESION), answer((*FAR, 0.9), status="skipped")),  # 0 of 1, 1 false
        still(CLEAR, answer((*LESION, 0.9), (*FAR, 0.9), (*FAR, 0.4))),  # 2 false at 0.5
        still(CLEAR, NOTHING),
        still(truth(ignored=[FAR]), answer((*FAR, 0.9), status="failed")),  # neither positive nor negative
    ]
    found = box_figures(stills, 0.5)
    assert (found.frames, found.positive_frames, found.negative_frames) == (5, 2, 2)
    assert (found.frames_failed, found.frames_skipped) == (1, 1)
    assert (found.lesions, found.hits, found.false_boxes, found.neutral_boxes) == (3, 1, 4, 1)
    assert found.recall == 1 / 3
    assert found.precision == 1 / 5
    assert found.f1 == 2 / (3 + 1 + 4)
    assert (found.frame_sensitivity, found.frame_specificity, found.negatives_with_false_box) == (0.5, 0.5, 0.5)
    assert found.false_boxes_per_negative_frame == 1.0


def test_a_lesion_is_hit_once_and_by_the_best_score():
    matches = match_boxes([still(truth(LESION), answer((0, 0, 10, 9, 0.6), (*LESION, 0.7)))])
    assert matches.scores.tolist() == pytest.approx([0.7, 0.6])
    assert matches.verdicts.tolist() == [HIT, FALSE]
    assert matches.box.tolist() == [1, 0]
    assert matches.lesion.tolist() == [0, -1]


def test_of_equal_scores_the_first_in_the_answer_chooses_first():
    matches = match_boxes([still(truth(LESION), answer((0, 0, 10, 9, 0.7), (*LESION, 0.7)))])
    assert matches.verdicts.tolist() == [HIT, FALSE]
    assert matches.box.tolist() == [0, 1]


def test_a_box_takes_the_next_lesion_if_the_nearest_is_taken():
    near, other = (0, 0, 10, 10), (0, 0, 10, 8)
    matches = match_boxes([still(truth(near, other), answer((*near, 0.9), (*near, 0.8), (*near, 0.7)))])
    assert matches.lesion.tolist() == [0, 1, -1]


def test_a_box_takes_the_lesion_that_fits_best():
    matches = match_boxes([still(truth((0, 0, 10, 8), (0, 0, 10, 10)), answer((0, 0, 10, 10, 0.9)))])
    assert matches.lesion.tolist() == [1]


def test_an_iou_of_exactly_one_half_hits():
    assert box_figures([still(truth(LESION), answer((0, 0, 10, 5, 0.9)))], 0.5).hits == 1
    assert box_figures([still(truth(LESION), answer((0, 0, 10, 4.99, 0.9)))], 0.5).hits == 0
    assert box_figures([still(truth(LESION), answer((0, 0, 10, 2, 0.9)))], 0.5, iou=0.2).hits == 1


def test_a_score_counts_from_the_threshold_in_float32_on():
    at = np.float32(0.3)  # a little more than 0.3
    assert box_figures([still(truth(LESION), answer((*LESION, at)))], 0.3).hits == 1
    assert box_figures([still(truth(LESION), answer((*LESION, np.nextafter(at, np.float32(0)))))], 0.3).hits == 0


def test_a_box_that_lies_by_half_in_an_ignored_region_is_neutral():
    half, less, no_area = (0, 0, 10, 10), (0, 0, 10, 10.1), (2, 2, 2, 4)
    seen = truth(ignored=[(0, 0, 10, 5)])
    matches = match_boxes([still(seen, answer((*half, 0.9), (*less, 0.8), (*no_area, 0.7)))])
    assert matches.verdicts.tolist() == [NEUTRAL, FALSE, FALSE]


def test_two_ignored_regions_do_not_add_up():
    seen = truth(ignored=[(0, 0, 10, 4), (0, 4, 10, 8)])
    assert match_boxes([still(seen, answer((*LESION, 0.9)))]).verdicts.tolist() == [FALSE]


def test_a_lesion_in_an_ignored_region_is_still_a_hit():
    seen = truth(LESION, ignored=[LESION])
    assert match_boxes([still(seen, answer((*LESION, 0.9), (*LESION, 0.8)))]).verdicts.tolist() == [HIT, NEUTRAL]


def test_matches_refuse_answers_that_lost_their_scores():
    broken = still(CLEAR, type(NOTHING)(np.zeros((2, 4), np.float32), np.zeros(1, np.float32)))
    with pytest.raises(ValueError, match="scores"):
        match_boxes([broken])


@pytest.mark.parametrize("box", [(*LESION, np.nan), (0, 0, np.nan, 10, 0.9)])
def test_what_is_not_a_number_is_refused_since_it_would_look_like_no_box(box):
    with pytest.raises(ValueError, match="not a number"):
        match_boxes([still(truth(LESION), answer(box))])


def test_the_threshold_decides_what_counts():
    stills = [still(truth(LESION), answer((*LESION, 0.4))), still(CLEAR, answer((*FAR, 0.6)))]
    assert [box_figures(stills, t).recall for t in (0.3, 0.5)] == [1, 0]
    assert [box_figures(stills, t).negatives_with_false_box for t in (0.3, 0.5, 0.7)] == [1, 1, 0]


def test_the_best_threshold_is_the_highest_with_the_best_f1():
    stills = [
        still(truth(LESION), answer((*LESION, 0.9), (*FAR, 0.45))),
        still(truth(LESION), answer((*LESION, 0.8), (*FAR, 0.3))),
    ]
    assert best_f1_threshold(match_boxes(stills)) == 0.8
    assert best_f1_threshold(match_boxes([still(truth(LESION), NOTHING)])) == 0.95


def test_without_lesions_no_threshold_can_be_chosen_by_f1():
    with pytest.raises(ValueError, match="lesions"):
        best_f1_threshold(match_boxes([still(CLEAR, answer((*FAR, 0.9)))]))


def test_the_threshold_for_negatives_is_the_lowest_that_is_quiet_enough():
    stills = [still(CLEAR, answer((*FAR, score))) for score in (0.2, 0.4, 0.6, 0.8)]
    assert threshold_for_negatives(stills, 0.25) == 0.61
    assert threshold_for_negatives(stills, 0.0) == 0.81
    assert threshold_for_negatives(stills, 1.0) == 0.05


def test_no_threshold_can_be_given_without_negatives_or_if_none_is_quiet_enough():
    assert threshold_for_negatives([still(truth(LESION), NOTHING)], 0.1) is None
    assert threshold_for_negatives([still(truth(ignored=[LESION]), NOTHING)], 0.1) is None
    assert threshold_for_negatives([still(CLEAR, answer((*FAR, 0.99)))], 0.5) is None


def test_figures_become_json_with_null_for_what_does_not_exist():
    assert json.loads(json.dumps(box_figures([], 0.5).as_dict()))["recall"] is None


@pytest.mark.parametrize("name", SHARES)
def test_the_quick_figure_draws_what_the_full_one_does(name):
    rng = np.random.default_rng(3)
    stills = []
    for k in range(30):
        seen = truth(LESION) if k % 3 else CLEAR
        found = [(*box, rng.random()) for box in (LESION, FAR) if rng.random() < 0.6]
        stills.append(still(seen, answer(*found), unit=f"patient {k % 7}"))
    quick = bootstrap(stills, unit_of, box_figure(name, 0.4), draws=40)
    assert quick == bootstrap(stills, unit_of, lambda drawn: getattr(box_figures(drawn, 0.4), name), draws=40)
    assert box_figure(name, 0.4)(stills) == getattr(box_figures(stills, 0.4), name)


def test_an_unknown_figure_is_refused():
    with pytest.raises(ValueError, match="recal"):
        box_figure("recal", 0.5)
