"""Cases counted by hand. Both the oracle and the product must give them: a wrong oracle is worse than none."""

import numpy as np
import pytest

from detector.geometry import Size, as_boxes
from detector.scoring.recording import Answer, Recording, Still, Truth
from tests.detector.scoring.sides import product, same, the_oracle

A = (0, 0, 10, 10)
FAR = (100, 100, 110, 110)
TWICE_A = (0, 0, 20, 10)  # IoU with A: 1/2
FIVE_A = (0, 0, 50, 10)  # IoU with A: 1/5; its centre lies outside
MORE_THAN_FIVE_A = (0, 0, 51, 10)
AROUND_A = (-45, -45, 55, 55)  # IoU with A: 1/100; its centre lies inside


@pytest.fixture(params=["oracle", "product"])
def of(request):
    return the_oracle() if request.param == "oracle" else product()


def holds(figures, **expected):
    assert not same(figures, expected)


def truth(*boxes, lesions=None, ignored=(), reviewed=True):
    names = tuple(lesions) if lesions is not None else tuple("abc"[: len(boxes)])
    return Truth(reviewed, as_boxes(boxes), names, as_boxes(ignored))


def unseen(*boxes, **more):
    return truth(*boxes, reviewed=False, **more)


def found(*boxes, scores=None, status="ok"):
    values = [0.9] * len(boxes) if scores is None else scores
    return Answer(as_boxes(boxes), np.array(values, np.float32), status=status)


def shown(status="ok", **boxes):
    """Markers m1, m2, ... with their boxes."""
    ids = tuple(int(name[1:]) for name in boxes)
    return Answer(as_boxes(list(boxes.values())), np.full(len(ids), 0.1, np.float32), ids, status)


def still(its_truth, answer):
    return Still("image", "patient", Size(640, 480), its_truth, answer)


def recording(truths, answers, seconds=1.0, start=0.0, time="true", name="one"):
    """Frames that each last `seconds`, or as long as the list says."""
    steps = [seconds] * len(truths) if isinstance(seconds, float) else seconds
    marks = np.cumsum([start, *steps])
    end = float(marks[-1]) if len(truths) else start + 1
    return Recording(name, name, Size(640, 480), marks[: len(truths)], end, truths, answers, time)


class TestBoxesOnStills:
    def test_of_nothing_there_is_nothing(self, of):
        nothing = of.box_figures([], 0.5)
        holds(nothing, frames=0, lesions=0, hits=0, false_boxes=0, neutral_boxes=0)
        holds(nothing, recall=None, precision=None, f1=None, frame_sensitivity=None, frame_specificity=None)
        holds(nothing, false_boxes_per_negative_frame=None, negatives_with_false_box=None)

    def test_what_nobody_reviewed_does_not_count(self, of):
        figures = of.box_figures([still(unseen(A), found(A)), still(unseen(), found(A))], 0.5)
        holds(figures, frames=0, lesions=0, hits=0, false_boxes=0, recall=None, precision=None, frame_specificity=None)

    def test_a_miss_is_recall_0_and_no_precision(self, of):
        holds(of.box_figures([still(truth(A), found())], 0.5), lesions=1, recall=0.0, precision=None, f1=0.0)
        holds(of.box_figures([still(truth(A), found())], 0.5), frame_sensitivity=0.0, frame_specificity=None)

    def test_a_clean_negative_is_specificity_1_and_nothing_else(self, of):
        clean = of.box_figures([still(truth(), found())], 0.5)
        holds(clean, negative_frames=1, frame_specificity=1.0, negatives_with_false_box=0.0, recall=None, f1=None)
        holds(clean, false_boxes_per_negative_frame=0.0, precision=None, frame_sensitivity=None)

    def test_two_false_boxes_on_one_of_two_negatives(self, of):
        figures = of.box_figures([still(truth(), found(A, FAR)), still(truth(), found())], 0.5)
        holds(figures, false_boxes=2, false_boxes_per_negative_frame=1.0)
        holds(figures, frame_specificity=0.5, negatives_with_false_box=0.5, f1=None)

    @pytest.mark.parametrize("score", [0.3, 0.7, 0.05, 0.95])
    def test_a_score_equal_to_the_threshold_counts_whatever_its_float32(self, of, score):
        holds(of.box_figures([still(truth(A), found(A, scores=[score]))], score), hits=1)

    def test_a_score_below_the_threshold_does_not(self, of):
        below = float(np.nextafter(np.float32(0.5), np.float32(0)))
        holds(of.box_figures([still(truth(A), found(A, scores=[below]))], 0.5), hits=0, false_boxes=0)

    def test_an_iou_of_exactly_a_half_hits_and_less_does_not(self, of):
        holds(of.box_figures([still(truth(A), found(TWICE_A))], 0.5), hits=1, false_boxes=0)
        holds(of.box_figures([still(truth(A), found((0, 0, 20.25, 10)))], 0.5), hits=0, false_boxes=1)

    def test_the_second_box_on_a_lesion_is_false(self, of):
        figures = of.box_figures([still(truth(A), found(A, A))], 0.5)
        holds(figures, hits=1, false_boxes=1, recall=1.0, precision=0.5, f1=2 / 3)

    def test_the_better_score_chooses_first_even_if_that_leaves_nothing_for_the_other(self, of):
        # The wide box has IoU 1/2 with both lesions' halves; the first in the list is taken.
        left, right, both = (0, 0, 10, 10), (10, 0, 20, 10), (0, 0, 20, 10)
        greedy = found(both, left, scores=[0.9, 0.8])
        holds(of.box_figures([still(truth(left, right), greedy)], 0.5), hits=1, false_boxes=1)
        holds(of.box_figures([still(truth(right, left), greedy)], 0.5), hits=2, false_boxes=0)

    def test_of_equal_scores_the_first_in_the_answer_chooses_first(self, of):
        left, right, both = (0, 0, 10, 10), (10, 0, 20, 10), (0, 0, 20, 10)
        holds(of.box_figures([still(truth(left, right), found(left, both))], 0.5), hits=2)
        holds(of.box_figures([still(truth(left, right), found(both, left))], 0.5), hits=1)

    def test_a_box_takes_the_lesion_that_it_fits_best_not_the_first(self, of):
        nearly, exactly = (0, 0, 12, 10), A
        holds(of.box_figures([still(truth(nearly, exactly), found(A, TWICE_A, scores=[0.9, 0.8]))], 0.5), hits=2)

    def test_half_a_box_in_an_ignored_region_is_neutral_less_is_false(self, of):
        half, less = (0, 0, 5, 10), (0, 0, 4.75, 10)
        holds(of.box_figures([still(truth(ignored=[half]), found(A))], 0.5), neutral_boxes=1, false_boxes=0)
        holds(of.box_figures([still(truth(ignored=[less]), found(A))], 0.5), neutral_boxes=0, false_boxes=1)

    def test_two_regions_do_not_add_up(self, of):
        parts = [(0, 0, 4, 10), (6, 0, 10, 10)]
        holds(of.box_figures([still(truth(ignored=parts), found(A))], 0.5), neutral_boxes=0, false_boxes=1)

    def test_a_hit_inside_an_ignored_region_is_a_hit_and_a_second_one_neutral(self, of):
        figures = of.box_figures([still(truth(A, ignored=[AROUND_A]), found(A, A))], 0.5)
        holds(figures, hits=1, neutral_boxes=1, false_boxes=0, precision=1.0)

    def test_a_frame_with_an_ignored_region_is_neither_positive_nor_negative(self, of):
        figures = of.box_figures([still(truth(ignored=[FAR]), found(A))], 0.5)
        holds(figures, frames=1, positive_frames=0, negative_frames=0, false_boxes=1, frame_specificity=None)

    def test_a_box_without_area_is_false_even_in_an_ignored_region(self, of):
        flat = (2, 2, 8, 2)
        holds(of.box_figures([still(truth(flat, ignored=[A]), found(flat))], 0.5), hits=0, false_boxes=1)

    def test_an_image_without_lesion_that_failed_in_silence_is_not_a_clean_one(self, of):
        images = [still(truth(), found(status=s)) for s in ("ok", "failed", "skipped")]
        alarm = still(truth(), found(A, scores=[0.9], status="failed"))  # what stood on the screen all the same
        figures = of.box_figures([*images, alarm], 0.5)
        holds(figures, frames=4, frames_failed=2, negative_frames=3, negative_frames_clean=2, frame_specificity=2 / 3)
        holds(of.box_figures([images[1]], 0.5), negative_frames=0, frame_specificity=None)

    def test_failed_and_skipped_images_are_misses_and_listed_apart(self, of):
        images = [still(truth(A), found(status=s)) for s in ("ok", "failed", "skipped", "failed")]
        figures = of.box_figures([*images, still(unseen(A), found(status="failed"))], 0.5)
        holds(figures, frames=4, frames_failed=2, frames_skipped=1, lesions=4, recall=0.0, frame_sensitivity=0.0)

    def test_a_set_of_negatives_has_no_precision(self, of):
        holds(of.box_figures([still(truth(), found(A))], 0.5), false_boxes=1, precision=None, recall=None, f1=None)

    def test_one_of_two_lesions_makes_the_frame_hit(self, of):
        figures = of.box_figures([still(truth(A, FAR), found(A))], 0.5)
        holds(figures, recall=0.5, frame_sensitivity=1.0, precision=1.0, f1=2 / 3)

    def test_of_equal_f1_the_highest_threshold_is_best(self, of):
        images = [still(truth(A), found(A, FAR, scores=[0.8, 0.3]))]
        assert of.best_f1_threshold(images) == pytest.approx(0.8)
        assert of.best_f1_threshold([still(truth(A), found())]) == pytest.approx(0.95)

    def test_without_lesions_no_threshold_is_best(self, of):
        for images in ([], [still(truth(), found(A))], [still(unseen(A), found(A))]):
            with pytest.raises(ValueError, match="lesion"):
                of.best_f1_threshold(images)

    def test_the_threshold_for_negatives_is_the_lowest_step_that_is_good_enough(self, of):
        images = [still(truth(), found(A, scores=[s])) for s in (0.2, 0.4, 0.605, 0.99)]
        images.append(still(truth(A), found(FAR, scores=[0.9])))
        assert of.threshold_for_negatives(images, 0.5) == pytest.approx(0.41)
        assert of.threshold_for_negatives(images, 0.25) == pytest.approx(0.61)
        assert of.threshold_for_negatives(images, 0.24) is None
        assert of.threshold_for_negatives(images, 1.0) == pytest.approx(0.05)
        assert of.threshold_for_negatives(images[-1:], 1.0) is None


class TestLesions:
    def test_of_nothing_there_is_nothing(self, of):
        for nothing in ([], [recording([], [])], [recording([unseen(A)], [found(A)])]):
            figures = of.lesion_figures(nothing, 0.5)
            holds(figures, recordings=0, frames=0, lesions=0, lesion_frames=0, positive_frames=0, negative_frames=0)
            holds(figures, lesion_sensitivity=None, lesion_frame_sensitivity=None, frame_sensitivity=None)
            holds(figures, frame_specificity=None, median_seconds_to_first_hit=None, per_lesion=[])

    def test_a_lesion_that_is_found_in_its_third_frame(self, of):
        frames = [truth(), truth(A), unseen(A), truth(A), truth()]
        one = recording(frames, [found(), found(), found(A), found(A), found(A)], seconds=0.5)
        figures = of.lesion_figures([one], 0.5)
        holds(figures, lesions=1, lesions_hit=1, lesion_frames=2, lesion_frames_hit=1, lesion_frame_sensitivity=0.5)
        holds(figures, negative_frames=2, negative_frames_clean=1, frame_specificity=0.5)
        holds(figures, median_seconds_to_first_hit=1.0)
        holds(figures["per_lesion"][0], first_frame=1, first_hit_frame=3, seconds_to_first_hit=1.0, frames_hit=1)

    @pytest.mark.parametrize(
        ("box", "rule", "hit"),
        [
            (FIVE_A, 0.2, 1),
            (MORE_THAN_FIVE_A, 0.2, 0),
            (MORE_THAN_FIVE_A, "any", 1),
            (TWICE_A, 0.5, 1),
            (FIVE_A, 0.5, 0),
            ((10, 0, 20, 10), "any", 0),  # touches
        ],
    )
    def test_the_hit_rule(self, of, box, rule, hit):
        one = recording([truth(A)], [found(box)])
        holds(of.lesion_figures([one], 0.5, rule), lesions_hit=hit, positive_frames_hit=hit, lesion_frames_hit=hit)

    def test_one_box_may_hit_two_lesions(self, of):
        left, right = (0, 0, 10, 10), (10, 0, 20, 10)
        one = recording([truth(left, right)], [found((0, 0, 20, 10))])
        holds(of.lesion_figures([one], 0.5, 0.5), lesions=2, lesions_hit=2, positive_frames=1, positive_frames_hit=1)

    def test_the_same_id_in_two_recordings_is_two_lesions(self, of):
        pair = [recording([truth(A)], [found(A)], name="one"), recording([truth(A)], [found()], name="two")]
        holds(of.lesion_figures(pair, 0.5), lesions=2, lesions_hit=1, lesion_sensitivity=0.5)

    def test_a_lesion_in_two_pieces_is_one_frame_of_one_lesion(self, of):
        one = recording([truth(A, FAR, lesions="aa")], [found(FAR)])
        holds(of.lesion_figures([one], 0.5), lesions=1, lesion_frames=1, lesion_frames_hit=1)

    def test_boxes_without_ids_are_lesions_of_their_own(self, of):
        one = recording([truth(A, FAR, lesions=()), truth(A, lesions=())], [found(A), found()])
        holds(of.lesion_figures([one], 0.5), lesions=3, lesions_hit=1, lesion_frames=3)

    def test_as_many_ids_as_boxes_or_none(self, of):
        one = recording([truth(A, FAR, lesions="a")], [found(A)])
        with pytest.raises(ValueError, match="ids"):
            of.lesion_figures([one], 0.5)
        with pytest.raises(ValueError, match="ids"):
            of.realcolon_figures([one], 0.5)

    def test_wrong_ids_are_refused_in_frames_that_nobody_reviewed_as_well(self, of):
        one = recording([truth(), unseen(A, lesions="ab")], [found(A), found(A)])
        with pytest.raises(ValueError, match="ids"):
            of.lesion_figures([one], 0.5)
        with pytest.raises(ValueError, match="ids"):
            of.realcolon_figures([one], 0.5)

    def test_without_time_there_are_hits_but_no_seconds(self, of):
        one = recording([truth(A), truth(A)], [found(), found(A)], time="none")
        figures = of.lesion_figures([one], 0.5)
        holds(figures, lesions_hit=1, median_seconds_to_first_hit=None, nominal=False)
        holds(figures["per_lesion"][0], first_hit_frame=1, seconds_to_first_hit=None)

    def test_nominal_time_is_said_if_its_recording_counts(self, of):
        nominal = recording([truth(A)], [found(A)], time="nominal")
        holds(of.lesion_figures([nominal], 0.5), nominal=True, median_seconds_to_first_hit=0.0)
        holds(of.lesion_figures([recording([unseen(A)], [found(A)], time="nominal")], 0.5), nominal=False)

    def test_the_median_of_two_lies_between_and_misses_do_not_enter(self, of):
        frames = [truth(A, FAR, (200, 200, 210, 210))] * 4
        one = recording(frames, [found(), found(A), found(), found(FAR)])
        holds(of.lesion_figures([one], 0.5), lesions=3, lesions_hit=2, median_seconds_to_first_hit=2.0)

    def test_a_negative_frame_with_an_ignored_region_is_no_negative_frame(self, of):
        one = recording([truth(ignored=[A]), truth()], [found(A), found()])
        holds(of.lesion_figures([one], 0.5), negative_frames=1, negative_frames_clean=1)


class TestShownEvents:
    def test_of_nothing_there_is_nothing(self, of):
        for nothing in ([], [recording([], [])], [recording([unseen()], [shown(m1=A)])]):
            figures = of.shown_events(nothing)
            holds(figures, recordings=0, reviewed_s=0.0, false_s=0.0, false_time_share=None)
            assert set(figures["events"].values()) == {0}
            assert set(figures["per_procedure"].values()) == {None}
            assert set(figures["per_minute"].values()) == {None}

    def test_no_marker_is_no_event_and_a_rate_of_0(self, of):
        figures = of.shown_events([recording([truth()] * 3, [shown()] * 3)])
        holds(figures, marker_events=0, reviewed_s=3.0, false_s=0.0, false_time_share=0.0)
        assert figures["per_procedure"][0] == 0
        assert figures["per_minute"][0] == 0

    def test_a_gap_of_one_frame_makes_two_events_and_so_does_another_id(self, of):
        events = [shown(m1=A), shown(), shown(m1=A), shown(m2=A), shown(m2=A)]
        figures = of.shown_events([recording([truth()] * 5, events)], [0, 1, 2, 2.5])
        assert figures["events"] == {0: 3, 1: 3, 2: 1, 2.5: 0}
        assert figures["per_minute"][1] == pytest.approx(3 * 60 / 5)
        holds(figures, false_s=4.0, false_time_share=0.8)

    def test_a_duration_just_reached_counts_in_spite_of_rounding(self, of):
        frames = 6  # 6 frames of 1/30 s sum up to 0.19999999999999998 or 0.2, as you add
        for start in (0.0, 0.1, 1e4):
            one = recording([truth()] * 9, [shown(m1=A)] * frames + [shown()] * 3, seconds=1 / 30, start=start)
            assert of.shown_events([one])["events"] == {0: 1, 0.2: 1, 0.5: 0, 1: 0, 2: 0}

    def test_one_frame_short_does_not(self, of):
        one = recording([truth()] * 9, [shown(m1=A)] * 5 + [shown()] * 4, seconds=1 / 30)
        assert of.shown_events([one])["events"][0.2] == 0

    def test_a_moment_on_a_lesion_makes_the_whole_run_true(self, of):
        frames = [truth(), truth(A), truth()]
        markers = [shown(m1=FAR), shown(m1=A), shown(m1=FAR)]
        holds(of.shown_events([recording(frames, markers)]), marker_events=1, false_events=[], false_s=0.0)

    def test_a_moment_that_nobody_reviewed_makes_it_true_as_well(self, of):
        markers = [shown(m1=FAR), shown(m1=A), shown(m1=FAR)]
        holds(of.shown_events([recording([truth(), unseen(A), truth()], markers)]), false_events=[], reviewed_s=2.0)

    def test_but_not_if_the_marker_was_away_meanwhile(self, of):
        frames = [truth(A), truth(A), truth(A)]
        markers = [shown(m1=A), shown(), shown(m1=FAR)]
        assert of.shown_events([recording(frames, markers)])["events"][0] == 1

    @pytest.mark.parametrize(
        ("box", "false"),
        [
            (FIVE_A, 0),
            (MORE_THAN_FIVE_A, 1),
            (AROUND_A, 0),
            ((-100, 0, 100, 1), 0),  # centre at (0, 0.5): on the left edge, which belongs to the lesion
            ((-90, 0, 110, 1), 1),  # centre at (10, 0.5): on the right edge, which does not
            ((0, -100, 1, 100), 0),  # upper edge
            ((0, -90, 1, 110), 1),  # lower edge
        ],
    )
    def test_what_counts_as_on_the_lesion(self, of, box, false):
        assert of.shown_events([recording([truth(A)], [shown(m1=box)])])["events"][0] == false

    def test_an_ignored_region_excuses_by_the_centre_alone(self, of):
        inside = recording([truth(ignored=[A])], [shown(m1=AROUND_A)])
        beside = recording([truth(ignored=[A])], [shown(m1=FIVE_A)])
        assert of.shown_events([inside])["events"][0] == 0
        assert of.shown_events([beside])["events"][0] == 1

    def test_only_reviewed_frames_make_a_duration_and_a_denominator(self, of):
        frames = [truth(), unseen(), unseen(), truth(), truth()]
        markers = [shown(m1=A), shown(m1=A), shown(m1=A), shown(m1=A), shown()]
        figures = of.shown_events([recording(frames, markers)])
        assert figures["events"] == {0: 1, 0.2: 1, 0.5: 1, 1: 1, 2: 1}
        holds(figures, reviewed_s=3.0, false_s=2.0)
        holds(figures["false_events"][0], marker=1, first_frame=0, last_frame=3, duration_s=2.0)

    def test_an_event_in_unreviewed_frames_only_is_none(self, of):
        figures = of.shown_events([recording([truth(), unseen()], [shown(), shown(m1=A)])])
        holds(figures, marker_events=0, false_events=[], reviewed_s=1.0)

    def test_frames_with_lesions_count_as_reviewed_time_and_can_have_false_events(self, of):
        figures = of.shown_events([recording([truth(A)] * 2, [shown(m1=FAR, m2=A)] * 2)])
        assert figures["events"][2] == 1
        holds(figures, marker_events=2, reviewed_s=2.0, false_s=2.0, false_time_share=1.0)

    def test_two_false_markers_at_once_are_two_events_in_the_same_time(self, of):
        figures = of.shown_events([recording([truth()] * 2, [shown(m1=FAR, m2=A), shown(m2=A)])])
        assert figures["events"] == {0: 2, 0.2: 2, 0.5: 2, 1: 2, 2: 1}
        holds(figures, false_s=2.0)

    def test_the_last_frame_lasts_to_the_end(self, of):
        figures = of.shown_events([recording([truth()] * 2, [shown(), shown(m1=A)], seconds=[0.1, 1.5])])
        assert figures["events"] == {0: 1, 0.2: 1, 0.5: 1, 1: 1, 2: 0}

    def test_a_skipped_frame_shows_what_stood_there(self, of):
        markers = [shown(m1=A), shown(status="skipped", m1=A), shown(status="failed", m1=A)]
        figures = of.shown_events([recording([truth()] * 3, markers)], [3])
        assert figures["events"] == {3: 1}
        holds(figures, frames=3, frames_skipped=1, frames_failed=1)

    def test_procedures_are_those_of_which_something_was_reviewed(self, of):
        pair = [recording([truth()], [shown(m1=A)]), recording([unseen()], [shown(m1=A)], name="two")]
        assert of.shown_events(pair)["per_procedure"][0] == 1
        pair[1] = recording([truth()], [shown()], name="two")
        assert of.shown_events(pair)["per_procedure"][0] == 0.5

    def test_without_time_there_are_no_events(self, of):
        for one in (recording([truth()], [shown()], time="none"), recording([unseen()], [shown()], time="none")):
            with pytest.raises(ValueError, match="time"):
                of.shown_events([one])

    def test_boxes_without_ids_or_two_of_one_id_are_refused(self, of):
        twice = Answer(as_boxes([A, FAR]), np.ones(2, np.float32), (1, 1))
        for answer in (found(A), twice):
            with pytest.raises(ValueError, match="marker"):
                of.shown_events([recording([truth()], [answer])])


class TestRealColon:
    def test_of_nothing_there_is_nothing(self, of):
        for nothing in ([], [recording([], [])], [recording([unseen(A)], [found(A)])]):
            figures = of.realcolon_figures(nothing, 0.5)
            holds(figures, lesions=0, sensitivity=None, false_positives=0, per_procedure=None, per_minute=None)

    def test_ten_seconds_are_five_false_positives(self, of):
        one = recording([truth()] * 250, [found(A)] * 250, seconds=0.04)
        figures = of.realcolon_figures([one], 0.5)
        holds(figures, false_positives=5, per_procedure=5.0, per_minute=30.0, sensitivity=None)

    def test_the_counter_starts_anew_from_0_and_keeps_no_rest(self, of):
        # 0.75 s frames: 2.25 s are the first that reach 2 s; a rest of 0.25 s is forgotten.
        one = recording([truth()] * 8, [found(A)] * 8, seconds=0.75)
        holds(of.realcolon_figures([one], 0.5), false_positives=2)
        one = recording([truth()] * 9, [found(A)] * 9, seconds=0.75)
        holds(of.realcolon_figures([one], 0.5), false_positives=3)

    @pytest.mark.parametrize("between", [(truth(), found()), (truth(FAR), found(A)), (unseen(), found(A))])
    def test_a_run_ends_without_a_box_with_a_lesion_and_where_nobody_looked(self, of, between):
        frames = [truth(), between[0], truth()]
        one = recording(frames, [found(A), between[1], found(A)])
        holds(of.realcolon_figures([one], 0.5), false_positives=0)

    def test_with_tau_0_every_frame_counts(self, of):
        one = recording([truth()] * 3 + [truth(A)], [found(A), found(A, FAR), found(), found(FAR)])
        holds(of.realcolon_figures([one], 0.5, tau_s=0), false_positives=2)

    def test_place_does_not_matter_nor_do_ignored_regions(self, of):
        one = recording([truth(ignored=[A])] * 2, [found(A), found(FAR)])
        holds(of.realcolon_figures([one], 0.5), false_positives=1, per_minute=30.0)

    def test_minutes_are_those_without_lesion(self, of):
        one = recording([truth()] * 2 + [truth(A)] * 3 + [unseen()], [found(FAR)] * 6)
        holds(of.realcolon_figures([one], 0.5), false_positives=1, negative_s=2.0, per_minute=30.0)

    def test_two_seconds_within_three_are_a_hit(self, of):
        late = [found()] + [found(A)] * 2 + [found()] * 3
        too_late = [found()] * 2 + [found(A)] * 4
        holds(of.realcolon_figures([recording([truth(A)] * 6, late)], 0.5), lesions=1, lesions_hit=1)
        holds(of.realcolon_figures([recording([truth(A)] * 6, too_late)], 0.5), lesions=1, lesions_hit=0)

    def test_a_frame_is_cut_at_the_end_of_the_window(self, of):
        steps = [1.5, 1.0, 1.0, 1.0]  # frames at 0, 1.5, 2.5: in the window stand 1 s and 0.5 s of the last two
        answers = [found(), found(A), found(A), found(A)]
        one = recording([truth(A)] * 4, answers, seconds=steps)
        holds(of.realcolon_figures([one], 0.5, tau_s=1.5), lesions_hit=1)
        holds(of.realcolon_figures([one], 0.5, tau_s=1.6), lesions_hit=0)

    def test_frames_that_add_up_to_tau_by_rounding_are_a_hit(self, of):
        one = recording([truth(A)] * 90, [found(A)] * 60 + [found()] * 30, seconds=1 / 30, start=0.1)
        holds(of.realcolon_figures([one], 0.5), lesions_hit=1)
        one = recording([truth(A)] * 90, [found(A)] * 59 + [found()] * 31, seconds=1 / 30, start=0.1)
        holds(of.realcolon_figures([one], 0.5), lesions_hit=0)

    @pytest.mark.parametrize("between", [(truth(), found(A)), (truth(A), found()), (unseen(A), found(A))])
    def test_a_lesions_run_ends_where_it_is_away_missed_or_not_reviewed(self, of, between):
        frames = [truth(A), between[0], truth(A)]
        one = recording(frames, [found(A), between[1], found(A)])
        holds(of.realcolon_figures([one], 0.5, tau_s=2), lesions_hit=0)
        holds(of.realcolon_figures([one], 0.5, tau_s=1), lesions_hit=1)

    def test_an_iou_of_exactly_a_fifth_is_no_hit_here(self, of):
        holds(of.realcolon_figures([recording([truth(A)] * 2, [found(FIVE_A)] * 2)], 0.5), lesions_hit=0)
        holds(of.realcolon_figures([recording([truth(A)] * 2, [found((0, 0, 49.75, 10))] * 2)], 0.5), lesions_hit=1)

    def test_the_window_opens_at_the_first_reviewed_frame(self, of):
        frames = [unseen(A)] * 3 + [truth(A)] * 2
        one = recording(frames, [found()] * 3 + [found(A)] * 2)
        holds(of.realcolon_figures([one], 0.5), lesions_hit=1)

    def test_the_window_does_not_open_anew_when_the_lesion_comes_back(self, of):
        frames = [truth(A)] + [truth()] * 3 + [truth(A)] * 3
        one = recording(frames, [found()] * 4 + [found(A)] * 3)
        holds(of.realcolon_figures([one], 0.5), lesions=1, lesions_hit=0)

    def test_with_tau_0_one_frame_is_needed_all_the_same(self, of):
        holds(of.realcolon_figures([recording([truth(A)], [found()])], 0.5, tau_s=0), lesions_hit=0)
        holds(of.realcolon_figures([recording([truth(A)], [found(A)])], 0.5, tau_s=0), lesions_hit=1)

    def test_without_time_there_are_no_figures(self, of):
        with pytest.raises(ValueError, match="time"):
            of.realcolon_figures([recording([truth()], [found()], time="none")], 0.5)
        with pytest.raises(ValueError, match="time"):
            of.froc_realcolon([recording([truth()], [found()], time="none")])


class TestFroc:
    def test_the_usual_thresholds_are_19_steps(self, of):
        assert [p["threshold"] for p in of.froc_stills([])] == pytest.approx([n / 20 for n in range(1, 20)])
        assert {p["sensitivity"] for p in of.froc_stills([])} == {None}

    def test_false_boxes_of_stills_are_over_all_reviewed_images(self, of):
        images = [still(truth(A), found(A, FAR, scores=[0.9, 0.4])), still(truth(), found()), still(unseen(), found(A))]
        assert of.froc_stills(images, [0.4, 0.5, 0.95]) == [
            {"threshold": 0.4, "sensitivity": 1.0, "false_per_unit": 0.5},
            {"threshold": 0.5, "sensitivity": 1.0, "false_per_unit": 0.0},
            {"threshold": 0.95, "sensitivity": 0.0, "false_per_unit": 0.0},
        ]

    def test_lesions_against_boxes_per_negative_frame(self, of):
        one = recording([truth(A), truth(), truth(), truth(ignored=[A])], [found(FIVE_A)] + [found(A, FAR)] * 3)
        assert of.froc_lesions([one], [0.5]) == [{"threshold": 0.5, "sensitivity": 1.0, "false_per_unit": 2.0}]

    def test_realcolon(self, of):
        one = recording([truth(A)] * 2 + [truth()] * 2, [found(A)] * 4)
        assert of.froc_realcolon([one], [0.5]) == [{"threshold": 0.5, "sensitivity": 1.0, "false_per_unit": 1.0}]

    def test_shown_runs_the_alerts_anew(self, of):
        def rerun(threshold):
            return [recording([truth(A), truth()], [shown(m1=A), shown(m2=FAR)] if threshold < 0.5 else [shown()] * 2)]

        assert of.froc_shown(rerun, [0.3, 0.6]) == [
            {"threshold": 0.3, "sensitivity": 1.0, "false_per_unit": 1.0},
            {"threshold": 0.6, "sensitivity": 0.0, "false_per_unit": 0.0},
        ]
        assert of.froc_shown(rerun, [0.3], duration_s=1.5)[0]["false_per_unit"] == 0


class TestIntervals:
    def test_fewer_than_two_units_have_no_interval(self, of):
        assert of.bootstrap([], str, len) is None
        assert of.bootstrap([1, 2], lambda _: "one", len) is None
        assert of.paired_bootstrap([1, 2], [1, 2], lambda _: "one", len) is None

    def test_a_figure_that_never_exists_has_none(self, of):
        assert of.bootstrap([1, 2], str, lambda _: None) is None

    def test_a_figure_that_is_always_the_same_has_no_width(self, of):
        holds(of.bootstrap([1, 2, 3], str, lambda _: 0.25, draws=50), low=0.25, high=0.25, draws=50, units=3)

    def test_of_two_units_with_0_and_1_the_interval_is_0_to_1(self, of):
        holds(of.bootstrap([0, 1], str, lambda v: sum(v) / len(v)), low=0.0, high=1.0, draws=2000, units=2)

    def test_only_draws_in_which_the_figure_exists_count(self, of):
        got = of.bootstrap([0, 1], str, lambda v: 1.0 if 1 in v else None, draws=400)
        assert 250 < got["draws"] < 350  # 3/4 of the draws have the second unit

    def test_the_same_on_both_sides_differ_by_nothing(self, of):
        same_figure = of.paired_bootstrap([1.0, 5.0], [1.0, 5.0], str, lambda v: sum(v) / len(v), draws=50)
        holds(same_figure, low=0.0, high=0.0, difference=0.0, mean_difference=0.0)

    def test_other_units_cannot_be_paired(self, of):
        for b in ([1, 3], [1, 2, 2], [1]):
            with pytest.raises(ValueError, match="unit"):
                of.paired_bootstrap([1, 2], b, str, len)

    @pytest.mark.parametrize(
        ("successes", "trials", "low", "high"),
        [
            # Where none succeed the upper end solves (1 - p)^n = 0.025.
            (0, 10, 0.0, 1 - 0.025 ** (1 / 10)),
            (10, 10, 0.025 ** (1 / 10), 1.0),
            (0, 1, 0.0, 0.975),
            (0, 0, 0.0, 1.0),
            (5, 10, 0.187086, 0.812914),  # a table value of Clopper and Pearson
        ],
    )
    def test_clopper_pearson(self, of, successes, trials, low, high):
        got = of.exact_interval(successes, trials)
        assert (got["low"], got["high"]) == pytest.approx((low, high), abs=1e-6)


class TestReaders:
    def test_of_nothing_there_is_nothing(self, of):
        for a, b in (([], []), ([unseen(A)], [truth(A)])):
            holds(of.box_agreement(a, b), frames=0, f1=None)
            holds(of.frame_agreement(a, b), frames=0, observed=None, kappa=None)

    def test_two_of_three_boxes_agree(self, of):
        a, b = [truth(A, FAR)], [truth(TWICE_A)]
        holds(of.box_agreement(a, b), pairs=1, boxes_a=2, boxes_b=1, f1=2 / 3)
        holds(of.box_agreement(b, a), pairs=1, boxes_a=1, boxes_b=2, f1=2 / 3)
        holds(of.box_agreement(a, b, 0.6), pairs=0, f1=0.0)

    def test_as_many_pairs_as_possible_not_the_greedy_ones(self, of):
        left, right, both = (0, 0, 10, 10), (10, 0, 20, 10), (0, 0, 20, 10)
        wide_right = (8, 0, 20, 10)
        holds(of.box_agreement([truth(both, left)], [truth(left, right)]), pairs=2, f1=1.0)
        holds(of.box_agreement([truth(both, wide_right)], [truth(right, left)]), pairs=2, f1=1.0)

    def test_what_the_other_left_open_is_left_out(self, of):
        holds(of.box_agreement([truth(A)], [truth(ignored=[A])]), neutral=1, boxes_a=0, boxes_b=0, f1=None)

    def test_of_as_many_pairs_those_that_leave_neutral_boxes_over(self, of):
        # Both boxes of the first fit the second's only one; half of the shifted one lies where the second looked away.
        shifted = (3, 0, 13, 10)
        for boxes in ((A, shifted), (shifted, A)):
            a, b = [truth(*boxes)], [truth(A, ignored=[(8, 0, 40, 10)])]
            holds(of.box_agreement(a, b), pairs=1, neutral=1, boxes_a=1, boxes_b=1, f1=1.0)
            holds(of.box_agreement(b, a), pairs=1, neutral=1, boxes_a=1, boxes_b=1, f1=1.0)

    def test_kappa_of_a_table_by_hand(self, of):
        # 4 both, 1 only a, 2 only b, 3 neither: o = .7, c = .5 * .6 + .5 * .4 = .5, kappa = .4
        a = [truth(A)] * 5 + [truth()] * 5 + [truth(ignored=[A])]
        b = [truth(A)] * 4 + [truth()] + [truth(A)] * 2 + [truth()] * 3 + [truth(A)]
        figures = of.frame_agreement(a, b)
        holds(figures, frames=10, undecided=1, both=4, only_a=1, only_b=2, neither=3, observed=0.7, kappa=0.4)

    def test_two_readers_who_always_say_the_same_one_thing_have_no_kappa(self, of):
        holds(of.frame_agreement([truth(A)] * 3, [truth(A)] * 3), observed=1.0, kappa=None)
