import pytest

from detector.scoring import THRESHOLDS, FrocPoint, froc_lesions, froc_realcolon, froc_shown, froc_stills
from tests.detector.scoring.cases import CLEAR, FAR, LESION, NOTHING, answer, recording, shown, still, truth

A = truth(LESION, ids=["a"])


def test_thresholds_go_from_5_to_95_hundredths():
    assert (len(THRESHOLDS), THRESHOLDS[0], THRESHOLDS[5], THRESHOLDS[-1]) == (19, 0.05, 0.3, 0.95)


def test_of_nothing_there_are_points_without_figures():
    for points in (froc_stills([]), froc_lesions([]), froc_realcolon([]), froc_shown(lambda threshold: [])):
        assert [p.threshold for p in points] == list(THRESHOLDS)
        assert {(p.sensitivity, p.false_per_unit) for p in points} == {(None, None)}


def test_stills_by_hand():
    stills = [
        still(truth(LESION), answer((*LESION, 0.9), (*FAR, 0.6))),
        still(truth(LESION), answer((*LESION, 0.4))),
        still(CLEAR, answer((*FAR, 0.3))),
        still(truth(LESION, reviewed=False), answer((*FAR, 0.9))),
    ]
    assert froc_stills(stills, (0.2, 0.5, 0.7)) == [
        FrocPoint(0.2, 1.0, 2 / 3),
        FrocPoint(0.5, 0.5, 1 / 3),
        FrocPoint(0.7, 0.5, 0.0),
    ]


def test_lesions_by_hand():
    frames = [(A, answer((*LESION, 0.6), (*FAR, 0.9))), (CLEAR, answer((*FAR, 0.8), (*LESION, 0.3))), (CLEAR, NOTHING)]
    assert froc_lesions([recording(frames)], (0.2, 0.5, 0.7)) == [
        FrocPoint(0.2, 1.0, 1.0),
        FrocPoint(0.5, 1.0, 0.5),
        FrocPoint(0.7, 0.0, 0.5),
    ]


def test_realcolon_by_hand():
    frames = [(A, answer((*LESION, 0.6)))] * 20 + [(CLEAR, answer((*FAR, 0.8)))] * 40
    assert froc_realcolon([recording(frames)], (0.5, 0.7, 0.9)) == [
        FrocPoint(0.5, 1.0, 2.0),
        FrocPoint(0.7, 0.0, 2.0),
        FrocPoint(0.9, 0.0, 0.0),
    ]


def test_what_was_shown_is_run_again_at_each_threshold():
    def rerun(threshold):
        quiet = threshold > 0.5
        return [recording([(A, shown(m1=LESION)), (CLEAR, shown() if quiet else shown(m2=FAR)), (CLEAR, shown())])]

    assert froc_shown(rerun, (0.4, 0.6)) == [FrocPoint(0.4, 1.0, 1.0), FrocPoint(0.6, 1.0, 0.0)]
    assert froc_shown(rerun, (0.4,), duration_s=0.5) == [FrocPoint(0.4, 1.0, 0.0)]


def test_a_point_becomes_json():
    assert FrocPoint(0.5, None, 1.0).as_dict() == {"threshold": 0.5, "sensitivity": None, "false_per_unit": 1.0}


def test_without_time_there_is_no_realcolon_curve():
    with pytest.raises(ValueError, match="no time"):
        froc_realcolon([recording([(A, NOTHING)], time="none")])
