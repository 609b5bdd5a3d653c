import numpy as np
import pytest

from detector.errors import ModelError, UsageError
from detector.geometry import Size, as_boxes
from detector.scoring import Answer, Still, Truth
from training.release.operating import Target, choose_threshold

LESION = (10, 10, 50, 50)


def still(lesion: bool, *answers, known=True):
    """Answers are (box, score); the first lesion stands at `LESION`."""
    boxes = as_boxes([b for b, _ in answers])
    truth = Truth(known, as_boxes([LESION] if lesion else []))
    return Still("x", "x", Size(100, 100), truth, Answer(boxes, np.array([s for _, s in answers], np.float32)))


SET = [
    still(True, (LESION, 0.9)),
    still(True, (LESION, 0.7)),
    still(True, (LESION, 0.3)),
    still(True, (LESION, 0.2)),
    still(False, ((60, 60, 90, 90), 0.25)),
    still(False, ((60, 60, 90, 90), 0.15)),
    still(False),
    still(False),
]


def test_sensitivity_is_the_highest_score_that_reaches_it():
    """Three of four lesions score 0.3 or more, two 0.7 or more."""
    assert choose_threshold(SET, Target("sensitivity", 0.75)) == 0.3
    assert choose_threshold(SET, Target("sensitivity", 0.5)) == 0.7
    assert choose_threshold(SET, Target("sensitivity", 0.9)) == 0.2


def test_a_loose_box_is_enough_for_sensitivity():
    loose = [still(True, ((10, 10, 50, 20), 0.6))]  # a quarter of the lesion: IoU 0.25
    assert choose_threshold(loose, Target("sensitivity", 0.9)) == 0.6


def test_negatives_is_the_lowest_score_that_keeps_below():
    """At 0.26 no negative frame has a box, at 0.25 one of four has."""
    assert choose_threshold(SET, Target("negatives", 0.1)) == 0.26
    assert choose_threshold(SET, Target("negatives", 0.25)) == 0.16


def test_f1_balances_both():
    assert choose_threshold(SET, Target("f1")) == 0.2  # four hits and one false box: 8 of 9; at 0.3 it is 6 of 7


def test_images_of_which_nothing_is_known_do_not_count():
    assert (
        choose_threshold([*SET, still(False, ((60, 60, 90, 90), 0.99), known=False)], Target("negatives", 0.1)) == 0.26
    )


@pytest.mark.parametrize(
    ("stills", "target", "message"),
    [
        (SET[:4], Target("negatives", 0.1), "no frame without a lesion"),
        (SET[4:], Target("f1"), "no lesion"),
        (SET[4:], Target("sensitivity", 0.9), "no lesion"),
        ([still(True)], Target("sensitivity", 0.9), "No threshold from 0.05"),
        ([still(False, ((0, 0, 9, 9), 0.99))], Target("negatives", 0.1), "No threshold up to 0.95"),
        ([still(False, known=False)], Target("negatives", 0.1), "no frame without a lesion"),
    ],
)
def test_a_target_that_cannot_be_met_is_an_error(stills, target, message):
    with pytest.raises(ModelError, match=message):
        choose_threshold(stills, target)


def test_targets_are_read_as_they_are_written():
    assert Target.parse("f1") == Target("f1")
    assert Target.parse("negatives=0.05") == Target("negatives", 0.05)
    assert Target.parse("sensitivity=0.9").text == "sensitivity=0.9"
    assert "5.0%" in Target.parse("negatives=0.05").words


@pytest.mark.parametrize("text", ["", "f2", "f1=0.5", "negatives", "negatives=much", "negatives=0", "sensitivity=1.5"])
def test_a_target_that_is_none_is_a_usage_error(text):
    with pytest.raises(UsageError, match=r"Choose f1|between"):
        Target.parse(text)
