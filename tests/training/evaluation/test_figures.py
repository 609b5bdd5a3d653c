import pytest

from tests.training.evaluation.made import HERE, NOTHING, THERE, answer, sample
from training.evaluation.figures import dev_figures


def test_a_set_without_images_without_lesions_or_without_boxes():
    empty = dev_figures([], [], 0.5)
    assert (empty.images, empty.ap50, empty.recall, empty.false_boxes_per_image) == (0, None, None, None)
    found = dev_figures([sample()], [NOTHING], 0.5)
    assert (found.ap50, found.recall, found.f1, found.negatives_with_false_box) == (None, None, None, 0.0)
    missed = dev_figures([sample("s/1", [HERE])], [NOTHING], 0.5)
    assert (missed.ap50, missed.ap50_95, missed.recall, missed.precision) == (0.0, 0.0, 0.0, None)


def test_perfect_boxes_are_perfect():
    samples = [sample("s/1", [HERE, THERE]), sample("s/2")]
    found = dev_figures(samples, [answer((*HERE, 0.9), (*THERE, 0.8)), NOTHING], 0.5)
    assert found.ap50 == pytest.approx(1.0)
    assert found.ap50_95 == pytest.approx(1.0)
    assert (found.recall, found.precision, found.f1, found.false_boxes_per_image) == (1.0, 1.0, 1.0, 0.0)


def test_the_threshold_decides_what_counts():
    samples = [sample("s/1", [HERE]), sample("s/2")]
    answers = [answer((*HERE, 0.4)), answer((0, 0, 20, 20, 0.6))]
    high, low = dev_figures(samples, answers, 0.5), dev_figures(samples, answers, 0.3)
    assert (high.recall, low.recall) == (0.0, 1.0)
    assert high.negatives_with_false_box == low.negatives_with_false_box == 1.0
    assert dev_figures(samples, answers, 0.7).negatives_with_false_box == 0.0


def test_a_loose_box_is_a_hit_at_iou_20_alone():
    found = dev_figures([sample("s/1", [[0, 0, 100, 50]])], [answer((0, 0, 100, 16, 0.9))], 0.5)
    assert (found.recall, found.recall_iou20) == (0.0, 1.0)


def test_an_image_of_which_nothing_is_known_counts_nowhere():
    found = dev_figures([sample("s/1", known=False), sample("s/2", [HERE])], [answer((*HERE, 0.9))] * 2, 0.5)
    assert (found.images, found.negative_images, found.recall, found.precision) == (1, 0, 1.0, 1.0)


def test_figures_for_a_log_leave_out_what_cannot_be_given():
    assert dev_figures([sample()], [NOTHING], 0.5).as_dict() == {
        "images": 1,
        "lesions": 0,
        "negative_images": 1,
        "threshold": 0.5,
        "false_boxes_per_image": 0.0,
        "negatives_with_false_box": 0.0,
    }
