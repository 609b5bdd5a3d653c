import json

import pytest

from detector.scoring import box_agreement, frame_agreement
from tests.detector.scoring.cases import CLEAR, FAR, LESION, truth

UNSEEN = truth(LESION, reviewed=False)
SEEN = truth(LESION)
MARGINAL = truth(ignored=[LESION])


def test_of_nothing_nothing_can_be_given():
    assert (box_agreement([], []).frames, box_agreement([], []).f1) == (0, None)
    nothing = frame_agreement([], [])
    assert (nothing.frames, nothing.observed, nothing.kappa) == (0, None, None)


def test_frames_that_one_reader_did_not_review_do_not_count():
    assert box_agreement([UNSEEN, SEEN], [SEEN, UNSEEN]) == box_agreement([], [])
    assert frame_agreement([UNSEEN, SEEN], [SEEN, UNSEEN]) == frame_agreement([], [])


def test_readers_of_other_frames_are_refused():
    for agreement in (box_agreement, frame_agreement):
        with pytest.raises(ValueError, match="1 frames of one reader, 2 of the other"):
            agreement([SEEN], [SEEN, SEEN])


def test_box_f1_by_hand():
    first = [truth(LESION, FAR), SEEN, CLEAR, CLEAR]
    second = [truth((0, 0, 10, 5)), CLEAR, truth(FAR), CLEAR]
    found = box_agreement(first, second)
    assert (found.frames, found.boxes_a, found.boxes_b, found.pairs) == (4, 3, 2, 1)
    assert found.f1 == 2 / 5
    assert box_agreement(first, second, iou=0.51).f1 == 0


def test_as_many_boxes_as_possible_are_paired():
    # The middle box fits both of the other reader's; the upper one fits only the first.
    first, second = truth((0, 0, 10, 10), (0, 3, 10, 13)), truth((0, 2, 10, 12), (0, 6, 10, 16))
    assert box_agreement([first], [second]).pairs == 2


def test_a_box_in_what_the_other_reader_found_marginal_is_neutral():
    found = box_agreement([SEEN, SEEN], [MARGINAL, SEEN])
    assert (found.boxes_a, found.boxes_b, found.neutral, found.f1) == (1, 1, 1, 1)


def test_of_equally_many_pairs_those_leave_most_neutral_boxes():
    first = truth((0, 0, 10, 10), (0, 1, 10, 11))
    second = truth((0, 0, 10, 10), ignored=[(0, 6, 10, 16)])  # half of the lower box
    for pair in ((first, second), (second, first)):
        found = box_agreement([pair[0]], [pair[1]])
        assert (found.pairs, found.neutral, found.f1) == (1, 1, 1)


def test_kappa_by_hand():
    first = [SEEN] * 25 + [CLEAR] * 25
    second = [SEEN] * 20 + [CLEAR] * 5 + [SEEN] * 10 + [CLEAR] * 15
    found = frame_agreement(first, second)
    assert (found.both, found.only_a, found.only_b, found.neither) == (20, 5, 10, 15)
    assert found.observed == 0.7
    assert found.kappa == pytest.approx(0.4)  # (0.7 - 0.5) / (1 - 0.5)


def test_kappa_is_1_for_equal_readers_and_below_0_for_opposite_ones():
    assert frame_agreement([SEEN, CLEAR], [SEEN, CLEAR]).kappa == 1
    assert frame_agreement([SEEN, CLEAR], [CLEAR, SEEN]).kappa == -1


def test_readers_who_always_say_the_same_have_no_kappa():
    found = frame_agreement([CLEAR] * 3, [CLEAR] * 3)
    assert (found.observed, found.kappa) == (1, None)
    assert frame_agreement([SEEN] * 3, [CLEAR] * 3).kappa == 0


def test_frames_that_a_reader_left_undecided_are_counted_apart():
    found = frame_agreement([MARGINAL, SEEN, CLEAR], [SEEN, SEEN, CLEAR])
    assert (found.frames, found.undecided, found.kappa) == (2, 1, 1)


def test_agreement_becomes_json():
    assert json.loads(json.dumps(frame_agreement([], []).as_dict()))["kappa"] is None
    assert json.loads(json.dumps(box_agreement([], []).as_dict()))["f1"] is None
