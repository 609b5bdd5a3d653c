"""The picture area is what changes; where that cannot be said, it is refused."""

import numpy as np
import pytest

from detector.geometry import Size
from detector.picture.area import Area, AreaFinder, FoundArea, even_area
from tests.detector.picture.made_picture import LAYOUTS, screen, wall


def search(frames: list[np.ndarray], step_s: float = 0.25) -> tuple[FoundArea | None, int]:
    finder = AreaFinder(Size.of(frames[0]))
    for number, frame in enumerate(frames):
        found = finder.update(frame, number * step_s)
        if found is not None:
            return found, number + 1
    return None, len(frames)


@pytest.mark.parametrize("name", LAYOUTS)
def test_the_picture_is_found_on_a_processors_screen(name: str) -> None:
    found, _ = search([screen(name, step) for step in range(12)])
    assert found is not None
    assert found.area is not None, found.reason
    assert found.area.iou(LAYOUTS[name][1]) >= 0.95
    assert all(value % 2 == 0 for value in found.area)
    assert found.confidence > 0.7


def test_nothing_beyond_the_picture_comes_with_it() -> None:
    name = "4:3, borders"
    found, _ = search([screen(name, step) for step in range(12)])
    assert found is not None
    assert found.area is not None
    truth, area = LAYOUTS[name][1], found.area
    assert area.x >= truth.x - 2
    assert area.y >= truth.y - 2
    assert area.x + area.width <= truth.x + truth.width + 2
    assert area.y + area.height <= truth.y + truth.height + 2


def test_frames_close_together_count_once() -> None:
    frames = [screen("4:3, borders", step) for step in range(10)]
    finder = AreaFinder(Size.of(frames[0]))
    for number, frame in enumerate(frames):
        finder.update(frame, number * 0.04)
    assert finder.samples <= 2


def test_a_still_screen_is_refused_in_the_end() -> None:
    frame = screen("4:3, borders", 0)
    found, _ = search([frame] * 400)
    assert found is not None
    assert found.area is None
    assert "Set it by hand" in found.reason


def test_a_screen_on_which_everything_flickers_in_spots_is_refused() -> None:
    rng = np.random.default_rng(2)
    frames = []
    for _ in range(45):
        frame = np.full((240, 320, 3), 20, np.uint8)
        for _ in range(60):
            x, y = rng.integers(0, 310), rng.integers(0, 230)
            frame[y : y + 8, x : x + 8] = 200
        frames.append(frame)
    found, _ = search(frames)
    assert found is not None
    assert found.area is None


def test_too_little_movement_for_a_picture_is_refused() -> None:
    frames = []
    for step in range(45):
        frame = np.full((480, 640, 3), 20, np.uint8)
        frame[100:240, 100:280] = wall(step, (180, 140))
        frames.append(frame)
    found, _ = search(frames)
    assert found is not None
    assert found.area is None


def test_a_frame_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="search is in"):
        AreaFinder(Size(10, 10)).update(np.zeros((8, 10, 3), np.uint8), 0.0)


def test_even_areas_lie_inside_their_edges() -> None:
    assert even_area(1, 1, 9, 9, Size(20, 20)) == Area(2, 2, 6, 6)
    assert even_area(-3, 0, 99, 99, Size(21, 19)) == Area(0, 0, 20, 18)


def test_overlap_of_areas() -> None:
    assert Area(0, 0, 10, 10).iou(Area(0, 0, 10, 10)) == 1
    assert Area(0, 0, 10, 10).iou(Area(20, 20, 10, 10)) == 0
    assert Area(0, 0, 10, 10).iou(Area(5, 0, 10, 10)) == pytest.approx(1 / 3)
