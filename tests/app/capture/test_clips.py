"""The clip generator itself: deterministic, readable after coding, and small."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.clips import colon, doubled, paint_index, painted_frames, read_painted_index

BACKGROUND = np.random.default_rng(3).integers(0, 256, (240, 320, 3), np.uint8)


@given(st.integers(0, 65535))
@settings(max_examples=50, deadline=None)
def test_a_painted_index_can_be_read_also_after_harsh_compression(index: int) -> None:
    painted = paint_index(BACKGROUND, index)
    assert read_painted_index(painted) == index
    _, coded = cv2.imencode(".jpg", painted, [cv2.IMWRITE_JPEG_QUALITY, 5])
    assert read_painted_index(np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), np.uint8)) == index


def test_a_picture_without_an_index_is_refused() -> None:
    with pytest.raises(ValueError, match="no readable index"):
        read_painted_index(colon(1.0))
    with pytest.raises(ValueError, match="16 bits"):
        paint_index(BACKGROUND, 65536)


def test_drawing_twice_gives_the_same_pixels() -> None:
    assert np.array_equal(colon(3.21, (160, 120)), colon(3.21, (160, 120)))
    assert [read_painted_index(image) for image in painted_frames(3, first=7)] == [7, 8, 9]


def test_the_colon_moves_and_is_red_with_a_dark_lumen() -> None:
    one, other = colon(1.0), colon(1.2)
    assert np.abs(one.astype(int) - other).mean() > 1
    blue, green, red = one.reshape(-1, 3).mean(axis=0)
    assert red > 1.3 * green > 1.3 * blue
    assert one[100:140, 140:180].mean() < one.mean()
    assert doubled(one).shape == (480, 640, 3)
