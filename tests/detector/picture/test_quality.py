"""A view in which nothing can be seen is said to be poor; what may be kept hangs on doubt the other way."""

import cv2
import numpy as np
import pytest

from detector.picture.glance import Glance, glance
from detector.picture.quality import GateTimes, QualityGate, View, judge, surely_inside
from tests.detector.picture.made_picture import screen, wall

GOOD = glance(wall(0))
ROOM = glance(np.full((240, 320, 3), (130, 125, 118), np.uint8))


@pytest.mark.parametrize(
    ("image", "view"),
    [
        (wall(0), View.GOOD),
        (cv2.resize(wall(0), (1280, 960)), View.GOOD),
        (screen("16:9, text at the left", 0), View.GOOD),
        (cv2.GaussianBlur(wall(0), (0, 0), 14), View.BLURRED),
        ((wall(0) * 0.25).astype(np.uint8), View.DARK),
        (np.zeros((240, 320, 3), np.uint8), View.DARK),
        (np.clip(wall(0).astype(int) + 150, 0, 255).astype(np.uint8), View.WASHED_OUT),
        (wall(0)[..., [1, 1, 1]], View.OUTSIDE),
        (wall(0)[..., ::-1].copy(), View.OUTSIDE),
    ],
    ids=["wall", "large", "with borders", "blurred", "dark", "black", "glare", "grey room", "blue"],
)
def test_each_kind_of_picture_is_called_what_it_is(image: np.ndarray, view: View) -> None:
    assert judge(glance(image)) is view


def test_a_screen_of_text_is_no_view_of_the_inside() -> None:
    text = np.full((480, 640, 3), 12, np.uint8)
    for line in range(12):
        cv2.putText(
            text, "PATIENT ENTRY 000 000", (20, 40 + 36 * line), cv2.FONT_HERSHEY_SIMPLEX, 1, (230, 230, 230), 2
        )
    assert judge(glance(text)) is not View.GOOD
    assert not surely_inside(glance(text))


def test_the_measures_hardly_depend_on_the_size_of_the_frame() -> None:
    small, large = glance(wall(0)), glance(cv2.resize(wall(0), (1920, 1440), interpolation=cv2.INTER_CUBIC))
    assert large.detail == pytest.approx(small.detail, rel=0.25)
    assert large.level == pytest.approx(small.level, abs=4)
    assert large.mucosa == pytest.approx(small.mucosa, abs=0.03)


def feed(gate: QualityGate, seen: Glance, start_s: float, seconds: float) -> list[tuple[float, View, bool]]:
    said = []
    for tick in range(round(seconds * 10)):
        state = gate.update(seen, start_s + tick / 10)
        said.append((tick / 10, state.view, state.inside))
    return said


def test_a_poor_view_must_last_before_it_counts() -> None:
    gate = QualityGate()
    feed(gate, GOOD, 0, 1)
    said = feed(gate, ROOM, 1, 1)
    assert [view for _, view, _ in said[:3]] == [View.GOOD] * 3
    assert said[3][1] is View.OUTSIDE


def test_a_glimpse_of_something_else_changes_nothing() -> None:
    gate = QualityGate()
    feed(gate, GOOD, 0, 1)
    feed(gate, ROOM, 1, 0.2)
    assert {view for _, view, _ in feed(gate, GOOD, 1.2, 1)} == {View.GOOD}


def test_the_good_view_comes_back_after_its_time() -> None:
    gate = QualityGate(GateTimes(good_s=0.5))
    feed(gate, ROOM, 0, 1)
    said = feed(gate, GOOD, 1, 1)
    assert said[4][1] is View.OUTSIDE
    assert said[5][1] is View.GOOD


def test_one_poor_view_may_turn_into_another_at_once() -> None:
    gate = QualityGate()
    feed(gate, ROOM, 0, 1)
    state = gate.update(glance(np.zeros((240, 320, 3), np.uint8)), 1.0)
    assert state.view is View.DARK
    assert state.since_s == 0.0


def test_the_inside_is_believed_late_and_doubted_at_once() -> None:
    gate = QualityGate()
    said = feed(gate, GOOD, 0, 1.5)
    assert not any(inside for time_s, _, inside in said if time_s < 1.0)
    assert said[-1][2]
    assert not gate.update(ROOM, 1.5).inside


def test_after_a_gap_nothing_is_known_to_be_inside() -> None:
    gate = QualityGate()
    feed(gate, GOOD, 0, 2)
    assert not gate.update(GOOD, 10.0).inside
    assert not gate.update(GOOD, 3.0).inside
