from pathlib import Path

import numpy as np
import pytest

from detector.geometry import Letterbox, Size, as_boxes
from training.evaluate import select
from training.figures import Matches, Prediction, coco_ap, figures, match, operating_threshold
from training.importers import Sample


def sample(boxes, name="s/1") -> Sample:
    return Sample(name, Path("x"), "kvasir-seg", "", Size(200, 100), as_boxes(boxes), ())


def prediction(*rows) -> Prediction:
    return Prediction(as_boxes([r[:4] for r in rows]), np.array([r[4] for r in rows], np.float32))


NOTHING = prediction()


def test_a_set_without_images_without_lesions_or_without_boxes():
    assert coco_ap([], []) is None
    assert coco_ap([sample([])], [NOTHING]) is None
    assert coco_ap([sample([[0, 0, 50, 50]])], [NOTHING]) == (0.0, 0.0)
    found = figures([sample([])], [NOTHING], 0.5)
    assert (found.recall, found.f1, found.negatives_with_false_box) == (None, None, 0.0)


def test_perfect_boxes_are_perfect():
    samples = [sample([[10, 10, 60, 60], [100, 20, 180, 90]]), sample([])]
    found = figures(samples, [prediction((10, 10, 60, 60, 0.9), (100, 20, 180, 90, 0.8)), NOTHING], 0.5)
    assert found.ap50 == pytest.approx(1.0)
    assert found.ap50_95 == pytest.approx(1.0)
    assert (found.recall, found.precision, found.f1, found.false_boxes_per_image) == (1.0, 1.0, 1.0, 0.0)


def test_a_lesion_is_hit_once():
    samples = [sample([[10, 10, 60, 60]])]
    found = figures(samples, [prediction((10, 10, 60, 60, 0.9), (11, 11, 61, 61, 0.8))], 0.5)
    assert found.recall == 1.0
    assert found.precision == 0.5


def test_the_threshold_decides_what_counts():
    samples = [sample([[10, 10, 60, 60]]), sample([])]
    predictions = [prediction((10, 10, 60, 60, 0.4)), prediction((0, 0, 20, 20, 0.6))]
    high, low = figures(samples, predictions, 0.5), figures(samples, predictions, 0.3)
    assert (high.recall, low.recall) == (0.0, 1.0)
    assert high.negatives_with_false_box == low.negatives_with_false_box == 1.0
    assert figures(samples, predictions, 0.7).negatives_with_false_box == 0.0


def test_a_loose_box_is_a_hit_at_iou_20_alone():
    found = figures([sample([[0, 0, 100, 50]])], [prediction((0, 0, 100, 16, 0.9))], 0.5)
    assert (found.recall, found.recall_iou20) == (0.0, 1.0)


def test_the_operating_threshold_is_the_highest_with_the_best_f1():
    scores = np.array([0.9, 0.8, 0.45, 0.3], np.float32)
    dev = Matches(scores, np.array([True, True, False, False]), 2, np.zeros(0, np.float32))
    assert operating_threshold(dev) == pytest.approx(0.8)


def test_match_takes_the_best_score_first():
    found = match([sample([[0, 0, 50, 50]])], [prediction((0, 0, 50, 50, 0.9), (0, 0, 50, 49, 0.7))])
    assert found.hit.tolist() == [True, False]


def test_selection_cuts_maps_back_and_suppresses():
    letterbox = Letterbox.fit(Size(200, 100), Size(100, 100))
    boxes = as_boxes([[10, 10, 40, 40], [11, 10, 41, 40], [10, 60, 40, 90], [0, 0, 20, 20]])
    found = select(boxes, np.array([0.8, 0.9, 0.7, 0.001], np.float32), letterbox)
    # the third lies in the padding, the fourth is too weak, the first is the second again
    assert found.boxes.tolist() == [[22, 20, 82, 80]]
    assert found.scores.tolist() == pytest.approx([0.9])
