"""The resize as two matrix products gives what the host gives, up to rounding between its steps."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.geometry import Letterbox, Size
from detector.preprocess import letterbox_image
from detector.resize_maps import axis_weights, resize_maps

TARGET = Size(160, 96)
sides = st.integers(1, 300)


def as_the_graph(image: np.ndarray, box: Letterbox, pad: int) -> np.ndarray:
    """float32 products rounded to float16, as tensor cores accumulate."""
    maps = resize_maps(box, pad)
    lines = image.astype(np.float32).reshape(image.shape[0], -1)
    fewer = (maps.rows.astype(np.float32) @ lines).astype(np.float16).reshape(-1, image.shape[1], 3)
    planes = np.ascontiguousarray(fewer.transpose(2, 0, 1), np.float32)
    small = (planes @ maps.columns.astype(np.float32)).astype(np.float16).transpose(1, 2, 0)
    return np.round(small + maps.fill[0, 0, :, :, None])


@pytest.mark.parametrize(
    ("size", "levels"),
    [
        (Size(1280, 720), 2),
        (Size(641, 403), 1),
        (Size(320, 192), 1),
        (Size(200, 200), 1),
        (Size(160, 96), 0),
        (Size(90, 61), 1),
        (Size(61, 900), 1),
    ],
)
def test_noise_differs_from_the_host_by_so_many_grey_levels_at_most(size: Size, levels: int) -> None:
    image = np.random.default_rng(7).integers(0, 256, (size.height, size.width, 3), np.uint8)
    box = Letterbox.fit(size, TARGET)
    apart = np.abs(as_the_graph(image, box, 114) - letterbox_image(image, box, 114))
    assert apart.max() <= levels
    assert apart.mean() < 0.5


@given(width=sides, height=sides)
def test_of_any_size_an_even_picture_stays_even_and_the_padding_is_the_pad(width: int, height: int) -> None:
    box = Letterbox.fit(Size(width, height), Size(64, 48))
    found = as_the_graph(np.full((height, width, 3), 200, np.uint8), box, 114)
    expected = np.full((48, 64, 3), 114)
    expected[: box.content.height, : box.content.width] = 200
    assert (found == expected).all()


@given(source=sides, halvings=st.integers(0, 3), content=st.integers(1, 64))
def test_weights_are_exact_shares_of_one(source: int, halvings: int, content: int) -> None:
    if source >> halvings == 0:
        return
    weights = axis_weights(source, halvings, content).astype(np.float64)
    assert weights.shape == (content, source)
    assert (weights >= 0).all()
    assert (weights.sum(axis=1) == 1).all()
