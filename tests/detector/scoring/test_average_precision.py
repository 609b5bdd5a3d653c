import json
import sys

import numpy as np
import pytest

from detector.errors import UsageError
from detector.geometry import Size
from detector.scoring import ap_figure, average_precision, bootstrap, unit_of
from tests.detector.scoring.cases import CLEAR, FAR, LESION, NOTHING, answer, still, truth

pytest.importorskip("faster_coco_eval", reason="faster-coco-eval is in the train extra")
NAMES = ("ap50", "ap75", "ap50_95", "ap_small", "ap_medium", "ap_large")


def test_without_images_or_lesions_there_is_none():
    assert average_precision([]) is None
    assert average_precision([still(CLEAR, answer((*FAR, 0.9)))]) is None
    assert average_precision([still(truth(LESION, reviewed=False), answer((*LESION, 0.9)))]) is None
    assert average_precision([still(truth(ignored=[LESION]), answer((*LESION, 0.9)))]) is None


def test_without_boxes_it_is_0():
    found = average_precision([still(truth(LESION), NOTHING)])
    assert (found.ap50, found.ap75, found.ap50_95, found.ap_small, found.ap_medium) == (0, 0, 0, 0, None)


def test_perfect_boxes_are_perfect():
    stills = [
        still(truth((10, 10, 60, 60), (100, 20, 300, 190)), answer((10, 10, 60, 60, 0.9), (100, 20, 300, 190, 0.8)))
    ]
    found = average_precision([*stills, still(CLEAR, NOTHING)])
    assert (found.lesions, found.ap50, found.ap50_95) == (2, pytest.approx(1), pytest.approx(1))
    assert (found.ap_small, found.ap_medium, found.ap_large) == (None, pytest.approx(1), pytest.approx(1))


def test_a_stronger_false_box_halves_it():
    found = average_precision([still(truth(LESION), answer((*FAR, 0.9), (*LESION, 0.8)))])
    assert found.ap50 == pytest.approx(0.5)


def test_an_iou_of_six_tenths_counts_for_three_of_ten_thresholds():
    found = average_precision([still(truth((0, 0, 100, 100)), answer((0, 0, 100, 61, 0.9)))])
    assert (found.ap50, found.ap75, found.ap50_95) == (pytest.approx(1), 0, pytest.approx(0.3))


def test_a_box_in_an_ignored_region_is_left_out():
    found = average_precision([still(truth(LESION, ignored=[FAR]), answer((*FAR, 0.9), (*LESION, 0.8)))])
    assert found.ap50 == pytest.approx(1)


def test_sizes_are_measured_on_an_image_of_640_px():
    box = (0, 0, 60, 60)
    for size, name in ((Size(640, 480), "ap_medium"), (Size(1920, 1080), "ap_small"), (Size(160, 320), "ap_large")):
        found = average_precision([still(truth(box), answer((*box, 0.9)), size=size)])
        assert [n for n in NAMES[3:] if getattr(found, n) is not None] == [name]


def test_the_best_hundred_boxes_of_an_image_count():
    crowd = [(200, 200, 210, 210, 0.9)] * 100
    assert average_precision([still(truth(LESION), answer(*crowd, (*LESION, 0.8)))]).ap50 == 0
    assert average_precision([still(truth(LESION), answer(*crowd[1:], (*LESION, 0.8)))]).ap50 == pytest.approx(0.01)


def test_the_missing_library_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "faster_coco_eval", None)
    with pytest.raises(UsageError, match=r"faster-coco-eval.*polypwatch\[train\]"):
        average_precision([still(truth(LESION), NOTHING)])


def test_it_becomes_json():
    found = average_precision([still(truth(LESION), answer((*LESION, 0.9)))])
    assert json.loads(json.dumps(found.as_dict()))["ap_large"] is None


def random_stills(count):
    rng = np.random.default_rng(7)

    def boxes(most, low=4.0, high=200.0):
        corner, side = rng.uniform(0, 300, (rng.integers(most), 2)), rng.uniform(low, high, (most, 2))
        return [tuple(np.append(c, c + s).tolist()) for c, s in zip(corner, side, strict=False)]

    stills = []
    for k in range(count):
        lesions, ignored = boxes(4), boxes(2)
        near = [tuple((np.array(b) + rng.normal(0, 6, 4)).tolist()) for b in lesions + ignored if rng.random() < 0.8]
        found = [(*box, rng.random()) for box in near + boxes(5)]
        size = (Size(640, 480), Size(1280, 720))[k % 2]
        stills.append(still(truth(*lesions, ignored=ignored, reviewed=k % 9 > 0), answer(*found), f"s{k % 6}", size))
    return stills


@pytest.mark.parametrize("name", NAMES)
def test_the_quick_figure_is_the_full_one(name):
    stills = random_stills(60)
    assert ap_figure(name)(stills) == pytest.approx(getattr(average_precision(stills), name), abs=1e-9)
    assert ap_figure(name)([]) is None
    assert ap_figure(name)([still(CLEAR, NOTHING)]) is None


@pytest.mark.parametrize("name", ["ap50", "ap50_95", "ap_small"])
def test_the_quick_figure_draws_what_the_full_one_does(name):
    stills = random_stills(24)
    quick = bootstrap(stills, unit_of, ap_figure(name), draws=10)
    full = bootstrap(stills, unit_of, lambda drawn: getattr(average_precision(drawn), name), draws=10)
    assert (quick.low, quick.high) == pytest.approx((full.low, full.high), abs=1e-9)
    assert (quick.draws, quick.units) == (full.draws, full.units)


def test_an_unknown_figure_is_refused():
    with pytest.raises(ValueError, match="ap90"):
        ap_figure("ap90")
