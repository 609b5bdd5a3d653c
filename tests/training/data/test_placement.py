import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.geometry import Letterbox, Size
from detector.preprocess import letterbox_image
from tests.training.data.blobs import blob_box, blob_picture, plain_picture
from training.contract import PAD
from training.data.augment import Augmenter, Picture
from training.data.geometry import MIN_SCALE, letterbox_matrix, render, rounded, visible_box
from training.data.settings import AugmentSettings
from training.samples import corners

GEOMETRY = ("turn", "zoom", "stretch", "rotate", "shrink", "halve")


def augmented(settings, pictures, seed, size=192):
    return Augmenter(settings=settings)(pictures, np.random.default_rng(seed), size, late=False)


def assert_box_is_that_of_the_blob(scene, tolerance=1.5):
    """The returned box, if any, is that of the blob's pixels; without a box it must be ignored where it shows."""
    seen = blob_box(scene.image)
    if len(scene.boxes):
        assert np.abs(scene.boxes[0] - seen).max() <= tolerance, (scene.boxes, seen, scene.applied)
    elif seen is not None:
        assert len(scene.ignored) == 1
        region = scene.ignored[0]
        assert (region[:2] <= seen[:2] + tolerance).all()
        assert (region[2:] >= seen[2:] - tolerance).all()


@pytest.mark.parametrize("name", GEOMETRY)
@pytest.mark.parametrize("extreme", [False, True])
def test_each_placement_keeps_the_box_tight(name, extreme):
    boxes = 0
    for seed in range(25):
        scene = augmented(AugmentSettings.only(name, extreme), [blob_picture(seed)], seed)
        assert_box_is_that_of_the_blob(scene)
        boxes += len(scene.boxes)
    assert boxes >= 15


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([160, 192, 224]))
def test_all_placements_together_keep_the_box_tight(seed, size):
    table = AugmentSettings.off().changed(dict.fromkeys((*GEOMETRY, "surround"), 0.6))
    assert_box_is_that_of_the_blob(augmented(table, [blob_picture(seed % 997)], seed, size))


def test_a_mosaic_keeps_each_box_tight():
    table = AugmentSettings.off().changed({"mosaic": 1, "turn": 1, "zoom": 1, "rotate": 0.5})
    found = 0
    for seed in range(12):
        blob, rest = blob_picture(seed), [plain_picture() for _ in range(3)]
        scene = augmented(table, [blob, *rest], seed, 256)
        assert scene.image.shape == (256, 256, 3)
        assert_box_is_that_of_the_blob(scene)
        found += len(scene.boxes)
    assert found >= 6


def test_with_everything_off_a_picture_lies_as_the_runtime_lays_it():
    picture = blob_picture(4, (500, 380))
    for size in (416, 224):
        scene = augmented(AugmentSettings.off(), [picture], 1, size)
        box = Letterbox.fit(Size(500, 380), Size(size, size))
        expected = letterbox_image(picture.image, box, PAD)
        assert np.abs(scene.image.astype(int) - expected).mean() < 1.0
        true = np.concatenate((picture.outlines[0].min(axis=0), picture.outlines[0].max(axis=0)))
        assert np.allclose(scene.boxes, box.to_model(true[None]), atol=0.1)


def test_halving_equals_the_runtimes_own_step_pixel_for_pixel():
    picture = blob_picture(2, (320, 240))
    half = letterbox_image(picture.image, Letterbox.fit(Size(320, 240), Size(160, 120)), PAD)
    scene = augmented(AugmentSettings.only("halve"), [picture], 3, 192)
    where = [
        (y, x) for y in range(73) for x in range(33) if np.array_equal(scene.image[y : y + 120, x : x + 160], half)
    ]
    assert len(where) == 1


def test_shrinking_makes_polyps_smaller_than_three_percent_of_the_width():
    small = Picture(blob_picture(1, (400, 300)).image, corners(np.array([[100, 100, 150, 140]], np.float32)))
    widths = [
        np.ptp(augmented(AugmentSettings.only("shrink"), [small], seed, 416).boxes[0, ::2]) / 416 for seed in range(5)
    ]
    assert max(widths) < 0.03


def test_pictures_without_a_polyp_shrink_alike():
    table = AugmentSettings.off().changed({"shrink": 1})
    for picture in (blob_picture(0), plain_picture()):
        shares = []
        for seed in range(8):
            image = augmented(table, [picture], seed, 256).image
            shares.append(np.ptp(np.flatnonzero((image != PAD).any(axis=(0, 2)))) / 256)
        assert MIN_SCALE - 0.02 <= min(shares) <= max(shares) <= 0.5


def test_a_polyp_mostly_outside_gets_no_box():
    outline = np.array([[-90, 10], [10, 10], [10, 60], [-90, 60]], np.float32)
    assert visible_box(outline, 100, 100) is None
    assert visible_box(outline + np.array([60, 0], np.float32), 100, 100).tolist() == [0, 10, 70, 60]


def test_what_is_left_of_a_lost_polyp_is_ignored_not_background():
    outline = np.array([[-90, 10], [10, 10], [10, 60], [-90, 60]], np.float32)
    picture = Picture(np.zeros((100, 100, 3), np.uint8), (outline,))
    scene = augmented(AugmentSettings.off(), [picture], 1, 100)
    assert len(scene.boxes) == 0
    assert scene.ignored.tolist() == [[0, 10, 10, 60]]


def test_regions_to_ignore_are_placed_and_cut_like_the_picture():
    picture = Picture(np.zeros((100, 200, 3), np.uint8), (), corners(np.array([[50, 20, 220, 60]], np.float32)))
    assert augmented(AugmentSettings.off(), [picture], 1, 100).ignored.tolist() == [[25, 10, 100, 30]]


def test_a_box_without_a_mask_turns_as_an_ellipse():
    box = corners(np.array([[40, 60, 160, 120]], np.float32))[0]
    ellipse = rounded(box)
    assert np.allclose((*ellipse.min(axis=0), *ellipse.max(axis=0)), (40, 60, 160, 120), atol=1e-3)
    angle = np.pi / 4
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    wide = np.ptp(ellipse @ turn.T, axis=0)
    assert np.allclose(wide, 2 * np.hypot(60, 30) / np.sqrt(2), rtol=0.02)
    assert (wide < 0.8 * np.ptp(box @ turn.T, axis=0)).all()


def test_an_outline_that_is_no_box_stays_as_it_is():
    outline = np.array([[0, 0], [5, 1], [6, 6], [1, 5]], np.float32)
    assert rounded(outline) is outline


def test_evaluation_placement_is_top_left():
    found = render(plain_picture((200, 150), 255), letterbox_matrix(200, 150, 100), 100, 100, fill=114)
    assert (found.image[:75] == 255).all()
    assert (found.image[76:] == 114).all()


def test_the_surround_stays_as_the_runtime_pads_it():
    table = AugmentSettings.off().changed(
        {"rotate": 1, "zoom": 0.5, "exposure": 1, "noise": 1, "jpeg": 1, "sharpen": 1}
    )
    for seed in range(10):
        scene = augmented(table, [plain_picture(level=30)], seed)
        far = ~np.asarray(np.abs(scene.image.astype(int) - PAD).max(axis=2) > 0)
        assert far.mean() > 0.02
        plain = augmented(AugmentSettings.off().changed({"rotate": 1, "zoom": 0.5}), [plain_picture(level=30)], seed)
        # But for the pixels along the rim, which are half picture.
        assert (scene.image[(plain.image == PAD).all(axis=2)] == PAD).mean() > 0.97
