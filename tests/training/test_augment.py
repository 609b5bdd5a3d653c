import numpy as np
import pytest

from training.augment import Augmenter, Geometry, Picture, letterbox_matrix, mosaic, render, visible_box
from training.importers import mask_to_boxes


def drawn(seed: int, size=(200, 150)) -> Picture:
    """A black picture with one white rectangle."""
    rng = np.random.default_rng(seed)
    w, h = size
    image = np.zeros((h, w, 3), np.uint8)
    x, y = rng.integers(0, w - 60), rng.integers(0, h - 50)
    image[y : y + rng.integers(20, 50), x : x + rng.integers(20, 60)] = 255
    return Picture(image, mask_to_boxes(image)[1])


def white_extent(image) -> np.ndarray:
    rows, cols = np.nonzero(image[..., 0] > 127)
    return np.array([cols.min(), rows.min(), cols.max() + 1, rows.max() + 1])


@pytest.mark.parametrize("geometry", [Geometry(), Geometry.late(), Geometry.part()])
def test_the_box_is_tight_around_what_is_drawn(geometry):
    checked = 0
    for seed in range(60):
        picture, rng = drawn(seed), np.random.default_rng(seed)
        matrix = geometry.matrix(rng, picture.image.shape[:2], 128, 128)
        found = render(picture, matrix, 128, 128, fill=0)
        if len(found.boxes) == 0:
            continue
        checked += 1
        assert np.abs(found.boxes[0] - white_extent(found.image)).max() <= 1.5
    assert checked > 40


def test_a_mosaic_moves_each_box_with_its_picture():
    for seed in range(20):
        pictures = [drawn(4 * seed + k) for k in range(4)]
        found = mosaic(pictures, np.random.default_rng(seed), 160, fill=0)
        assert found.image.shape == (160, 160, 3)
        for x1, y1, x2, y2 in found.boxes.round().astype(int):
            assert (found.image[y1:y2, x1:x2, 0] > 127).mean() > 0.35
        assert (found.boxes >= 0).all()
        assert (found.boxes <= 160).all()


def test_evaluation_placement_is_top_left():
    matrix = letterbox_matrix(200, 150, 100)
    found = render(Picture(np.full((150, 200, 3), 255, np.uint8), ()), matrix, 100, 100, fill=114)
    assert (found.image[:75] == 255).all()
    assert (found.image[76:] == 114).all()


def test_a_polyp_mostly_outside_gets_no_box():
    outline = np.array([[-90, 10], [10, 10], [10, 60], [-90, 60]], np.float32)
    assert visible_box(outline, 100, 100) is None
    assert visible_box(outline + np.array([60, 0], np.float32), 100, 100).tolist() == [0, 10, 70, 60]


@pytest.mark.parametrize("kind", ["full", "plain"])
@pytest.mark.parametrize("late", [True, False])
def test_light_changes_no_box_and_repeats_by_seed(kind, late):
    if kind == "full":
        pytest.importorskip("albumentations")
    augment, picture = Augmenter(kind), drawn(3)
    first, again = (augment([picture], np.random.default_rng(5), 96, late) for _ in range(2))
    other = augment([picture], np.random.default_rng(6), 96, late)
    assert np.array_equal(first.image, again.image)
    assert np.array_equal(first.boxes, again.boxes)
    assert not np.array_equal(first.image, other.image)
    assert first.image.shape == (96, 96, 3)
    assert first.image.dtype == np.uint8
