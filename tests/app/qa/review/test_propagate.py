from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from app.qa.review import ReviewSession
from app.qa.review.log import read_log
from app.qa.review.propagate import carry
from detector.errors import UsageError
from tests.app.qa.review.made import procedure

Image = npt.NDArray[np.uint8]
START = (200.0, 150.0, 260.0, 210.0)


class Scene:
    """A textured patch that moves and grows over a textured wall; from `cut` on another wall without it."""

    def __init__(self, shift: tuple[float, float] = (2, 1), growth: float = 1.0, cut: int = 10**6) -> None:
        rng = np.random.default_rng(1)
        self._wall = cv2.GaussianBlur(rng.integers(60, 200, (480, 640, 3), np.uint8), (0, 0), 4)
        self._other = cv2.GaussianBlur(rng.integers(60, 200, (480, 640, 3), np.uint8), (0, 0), 9)
        self._patch = cv2.GaussianBlur(rng.integers(0, 255, (60, 60, 3), np.uint8), (0, 0), 1.5)
        self._shift, self._growth, self._cut = np.array(shift), growth, cut
        self.asked: list[int] = []

    def box(self, position: int) -> npt.NDArray[np.float64]:
        centre = np.array([230.0, 180.0]) + self._shift * position
        half = 30 * self._growth**position
        return np.array([*(centre - half), *(centre + half)])

    def picture(self, position: int) -> Image:
        self.asked.append(position)
        if position >= self._cut:
            return self._other
        picture = np.roll(self._wall, position, axis=1)
        x1, y1, x2, _ = self.box(position)
        scale = (x2 - x1) / 60
        matrix = np.array([[scale, 0, x1], [0, scale, y1]])
        cv2.warpAffine(self._patch, matrix, (640, 480), picture, cv2.INTER_LINEAR, borderMode=cv2.BORDER_TRANSPARENT)
        return picture

    def pictures(self, first: int, last: int) -> Iterator[tuple[int, Image]]:
        for position in range(first, last + 1):
            yield position, self.picture(position)


def overlap(a: npt.NDArray[np.float64], b: npt.NDArray[np.float64]) -> float:
    sides = np.clip(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0, None)
    both = float(np.prod(sides))
    return both / (float(np.prod(a[2:] - a[:2])) + float(np.prod(b[2:] - b[:2])) - both)


@pytest.mark.parametrize(("shift", "growth"), [((2, 1), 1.0), ((-3, 2), 1.01), ((0, 0), 0.99)])
@pytest.mark.parametrize("frames", [40, -20])
def test_a_box_follows_what_it_shows(shift: tuple[float, float], growth: float, frames: int) -> None:
    scene = Scene(shift, growth)
    begin = 0 if frames > 0 else 20
    found = carry(scene, begin, tuple(scene.box(begin).tolist()), frames, 500)
    assert found.reason == ""
    assert found.last == begin + frames
    assert len(found.positions) == abs(frames) + 1
    for position, box in zip(found.positions, found.boxes, strict=True):
        assert overlap(box, scene.box(position)) > 0.85


def test_it_needs_few_key_frames() -> None:
    scene = Scene()
    found = carry(scene, 0, START, 60, 500)
    assert 2 <= len(found.track().keys) <= 6


def test_it_ends_where_the_scene_is_cut() -> None:
    found = carry(Scene(cut=12), 0, START, 40, 500)
    assert found.last == 11
    assert found.reason == "the scene changes"


def test_it_ends_where_the_lesion_leaves_the_picture() -> None:
    scene = Scene((8, 0))
    found = carry(scene, 0, START, 80, 500)
    assert 40 <= found.last <= 52  # half of it is outside of the picture in frame 51
    assert found.reason
    assert found.boxes[:, 2].max() <= 640


def test_it_ends_where_there_is_nothing_to_follow() -> None:
    class Blank(Scene):
        def picture(self, position: int) -> Image:
            return np.full((480, 640, 3), 90, np.uint8)

    found = carry(Blank(), 0, START, 10, 500)
    assert found.last == 0
    assert found.reason


def test_it_ends_with_the_procedure_and_when_it_is_told_to() -> None:
    found = carry(Scene(), 0, START, 50, 20)
    assert (found.last, found.reason) == (19, "the procedure ends here")
    scene = Scene()
    stopped = carry(scene, 0, START, 50, 500, stop=lambda: len(scene.asked) > 10)
    assert stopped.reason == "it was stopped"
    assert 5 < stopped.last < 12


def test_it_ends_before_a_damaged_picture() -> None:
    class Damaged(Scene):
        def pictures(self, first: int, last: int) -> Iterator[tuple[int, Image]]:
            return ((p, i) for p, i in super().pictures(first, last) if p != 8)

    found = carry(Damaged(), 0, START, 30, 500)
    assert (found.last, found.reason) == (7, "a picture is damaged")


def test_all_boxes_of_a_propagation_are_one_edit(tmp_path: Path) -> None:
    session = ReviewSession.open(procedure(tmp_path), "Anna")
    lesion = session.draw(10, (220, 160, 280, 220))
    session.set_state(lesion, 10, 10, "marginal")
    before = session.document
    assert session.propagate(lesion, 10, 30, Scene()) == 40
    assert session.document.lesion(lesion).stretches == ((10, 40),)
    assert session.document.state_at(lesion, 33) == "marginal"
    session.undo()
    assert session.document == before
    session.redo()
    with pytest.raises(UsageError, match="no box in frame 5"):
        session.propagate(lesion, 5, 10, Scene())
    assert session.propagate(lesion, 40, 10, Scene(cut=41)) == 40
    assert session.carried is not None
    assert session.carried.reason == "the scene changes"
    assert [r.operation.kind for r in read_log(session.path).records] == ["draw", "state", "propagate", "undo", "redo"]
    session.close()
