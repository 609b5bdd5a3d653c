"""A picture that was decoded by the wrong matrix or range comes out as if it had been decoded by the right one."""

import av
import numpy as np
import pytest
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter

from app.picture.colour import ColourFix, Encoding, Matrix
from tests.clips import to_yuv
from tests.detector.picture.made_picture import wall

SPACES = {Matrix.BT601: (Colorspace.ITU601, "smpte170m"), Matrix.BT709: (Colorspace.ITU709, "bt709")}


def decoded(yuv: av.VideoFrame, encoding: Encoding) -> np.ndarray:
    """What FFmpeg makes of the same numbers when it is told that they are `encoding`."""
    shown = VideoReformatter().reformat(
        yuv,
        format="bgr24",
        src_colorspace=SPACES[encoding.matrix][0],
        src_color_range=ColorRange.JPEG if encoding.full_range else ColorRange.MPEG,
        dst_color_range=ColorRange.JPEG,
    )
    return shown.to_ndarray()


@pytest.mark.parametrize("matrix", Matrix)
@pytest.mark.parametrize("full_range", [False, True])
def test_a_wrong_guess_is_undone(matrix: Matrix, full_range: bool) -> None:
    really = Encoding(matrix, full_range)
    guessed = Encoding(Matrix.BT601, full_range=False)
    # Neither black nor saturated: what a wrong range clips is gone.
    image = np.clip(wall(0).astype(int) // 2 + 60, 0, 255).astype(np.uint8)
    yuv = to_yuv(image, SPACES[matrix][1], full_range)
    wrong, right = decoded(yuv, guessed), decoded(yuv, really)
    mended = ColourFix(guessed, really).apply(wrong)
    assert np.abs(mended.astype(int) - right).mean() < 1.0
    if really != guessed:
        assert np.abs(wrong.astype(int) - right).mean() > 1.5


def test_grey_stays_grey_whatever_the_matrix() -> None:
    grey = np.full((4, 4, 3), 100, np.uint8)
    fix = ColourFix(Encoding(Matrix.BT601), Encoding(Matrix.BT709))
    assert (fix.apply(grey) == grey).all()


def test_a_right_guess_costs_nothing() -> None:
    image = wall(0)
    assert ColourFix(Encoding(), Encoding()).apply(image) is image
