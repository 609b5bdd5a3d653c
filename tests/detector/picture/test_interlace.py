"""Fields are found in the pictures themselves, and taken apart without a bounce."""

import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from detector.decode import decode_frames
from detector.picture.interlace import InterlaceDetector, Scan, bob, field_evidence
from tests.detector.picture.made_picture import interlaced, wall, woven

CLIPS = Path(os.environ.get("POLYPWATCH_DATA", "")) / "clips"


def verdict(frames: list[np.ndarray]) -> Scan:
    detector = InterlaceDetector()
    for frame in frames:
        detector.update(frame)
    return detector.scan


def test_woven_fields_are_found_and_their_order() -> None:
    assert verdict(interlaced(14, top_first=True)) is Scan.TOP_FIRST
    assert verdict(interlaced(14, top_first=False)) is Scan.BOTTOM_FIRST


def test_whole_frames_are_progressive() -> None:
    assert verdict([wall(n) for n in range(14)]) is Scan.PROGRESSIVE


def test_noise_and_fine_texture_are_no_fields() -> None:
    rng = np.random.default_rng(1)
    noisy = [np.clip(wall(n) + rng.normal(0, 20, (240, 320, 3)), 0, 255).astype(np.uint8) for n in range(14)]
    assert verdict(noisy) is Scan.PROGRESSIVE
    assert verdict([wall(n, soft=0.8) for n in range(14)]) is Scan.PROGRESSIVE


def test_sharp_static_text_over_a_moving_picture_is_no_field() -> None:
    frames = [wall(n) for n in range(14)]
    for frame in frames:
        frame[20:120:2, 10:200] = 255
    assert verdict(frames) is Scan.PROGRESSIVE


def test_nothing_is_said_of_a_still_picture() -> None:
    frame = woven(wall(0), wall(0.5), top_first=True)
    assert not field_evidence(frame, frame).tells
    assert verdict([frame] * 40) is Scan.UNKNOWN


def test_a_few_frames_of_the_other_kind_do_not_turn_the_verdict() -> None:
    detector = InterlaceDetector()
    for frame in [wall(n) for n in range(40)] + interlaced(3, top_first=True):
        detector.update(frame)
    assert detector.scan is Scan.PROGRESSIVE


def test_a_source_that_changes_for_good_is_followed() -> None:
    detector = InterlaceDetector()
    for frame in [wall(n) for n in range(12)] + interlaced(120, top_first=True):
        detector.update(frame)
    assert detector.scan is Scan.TOP_FIRST


def test_another_size_begins_anew() -> None:
    detector = InterlaceDetector()
    for frame in interlaced(14, top_first=True):
        detector.update(frame)
    assert detector.update(wall(0, (200, 100))) is Scan.UNKNOWN


def test_frames_of_two_sizes_are_not_compared() -> None:
    with pytest.raises(ValueError, match="one size"):
        field_evidence(wall(0), wall(0, (200, 100)))


def test_each_field_keeps_its_lines() -> None:
    image = np.random.default_rng(0).integers(0, 255, (9, 6, 3), np.uint8)
    assert (bob(image, top=True)[0::2] == image[0::2]).all()
    assert (bob(image, top=False)[1::2] == image[1::2]).all()


@pytest.mark.parametrize("height", [2, 3, 8, 9])
def test_a_still_slope_stays_where_it_is_in_both_fields(height: int) -> None:
    slope = np.repeat((np.arange(height, dtype=np.uint8) * 10)[:, None, None], 4, axis=1).repeat(3, axis=2)
    top, bottom = bob(slope, top=True), bob(slope, top=False)
    assert (top[1:-1] == slope[1:-1]).all()
    assert (bottom[1:-1] == slope[1:-1]).all()


def test_a_still_edge_does_not_bounce() -> None:
    image = cv2.GaussianBlur(wall(0), (0, 0), 2)
    top, bottom = (bob(image, top=top)[2:-2].astype(float) for top in (True, False))
    rows = np.arange(top.shape[0])[:, None, None]
    assert abs((top * rows).sum() / top.sum() - (bottom * rows).sum() / bottom.sum()) < 0.01


def test_the_fields_of_a_moving_picture_show_their_own_instants() -> None:
    early, late = wall(0), wall(0.5)
    frame = woven(early, late, top_first=True)
    first, second = bob(frame, top=True), bob(frame, top=False)
    assert np.abs(first.astype(int) - early).mean() < 0.5 * np.abs(first.astype(int) - late).mean()
    assert np.abs(second.astype(int) - late).mean() < 0.5 * np.abs(second.astype(int) - early).mean()


def test_a_picture_of_one_line_has_no_fields() -> None:
    with pytest.raises(ValueError, match="one line"):
        bob(np.zeros((1, 4, 3), np.uint8), top=True)


@pytest.mark.data
@pytest.mark.skipif(not CLIPS.is_dir(), reason="POLYPWATCH_DATA is not set")
@pytest.mark.parametrize(
    ("name", "scan"),
    [("continuous_25fps_interlaced", Scan.TOP_FIRST), ("polypgen_positive_16", Scan.PROGRESSIVE)],
)
def test_real_clips_are_told_apart_whatever_their_container_says(name: str, scan: Scan) -> None:
    frames = decode_frames(CLIPS / f"{name}.mp4", range(30), whole=False)
    assert verdict([frame.image for frame in frames]) is scan
