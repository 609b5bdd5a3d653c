"""The time code survives what lies between a screen and a program, and never says a wrong number."""

import io
from fractions import Fraction

import av
import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.bench.timecode import COUNTS, Code, Reader, Reading, draw_code, words_on_screen
from detector.geometry import Size

HD = Size(1920, 1080)
CODES = [Code(0, 0), Code(255, COUNTS - 1), Code(77, 12345), Code(170, 0x5555)]


def read(image) -> Code | None:
    return Reader().read(np.ascontiguousarray(image, np.uint8)).code


def coloured(code: Code, size: Size = HD):
    return cv2.cvtColor(draw_code(code, size), cv2.COLOR_GRAY2BGR)


@given(st.integers(0, 255), st.integers(0, COUNTS - 1))
def test_every_code_comes_back(key, number):
    assert read(draw_code(Code(key, number), Size(320, 180))) == Code(key, number)


@pytest.mark.parametrize(
    "size", [(256, 144), (640, 480), (720, 576), (1024, 768), (1280, 1024), (1920, 1200), (3440, 1440), (1080, 1920)]
)
@pytest.mark.parametrize("code", CODES)
def test_on_screens_of_every_shape(size, code):
    assert read(draw_code(code, Size(*size))) == code


def scaled(image, width, height):
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)


def noisy(image, sigma):
    return np.clip(image + np.random.default_rng(1).normal(0, sigma, image.shape), 0, 255)


def filmed(image):
    """As a camera sees a monitor that stands askew before a dark wall."""
    height, width = image.shape[:2]
    corners = np.float32([[0, 0], [width, 0], [width, height], [0, height]])
    seen = np.float32([[230, 160], [1650, 60], [1720, 1000], [180, 880]])
    turned = cv2.warpPerspective(
        image, cv2.getPerspectiveTransform(corners, seen), (width, height), borderValue=(40, 30, 35)
    )
    return noisy(cv2.GaussianBlur(turned, (0, 0), 2.5), 6)


def inset(image):
    """As a processor shows a second input: in a window of its own."""
    picture = np.full_like(image, 90)
    picture[200:740, 300:1260] = cv2.resize(image, (960, 540), interpolation=cv2.INTER_AREA)
    return picture


def jpeg(image, quality):
    return cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_COLOR)


@pytest.mark.parametrize(
    "change",
    [
        lambda image: scaled(image, 720, 576),
        lambda image: scaled(image, 480, 270),
        lambda image: scaled(image, 320, 240),
        lambda image: noisy(image, 40),
        lambda image: cv2.GaussianBlur(image, (0, 0), 9),
        lambda image: image * 0.35 + 60,  # limited range taken for full, and a dull screen
        lambda image: 255 * (image / 255) ** 2.2 * 0.8,
        lambda image: jpeg(image, 10),
        lambda image: image[25:-25, 40:-40],  # overscan
        lambda image: np.rot90(image, 2),
        lambda image: image * np.array([0.6, 1.0, 0.75]),  # a colour cast
        lambda image: image * np.linspace(0.5, 1, image.shape[1])[None, :, None],  # lit from one side
        inset,
        filmed,
    ],
    ids=["pal", "small", "tiny", "noise", "blur", "washed out", "gamma", "jpeg", "overscan", "upside down", "cast",
         "uneven", "inset", "filmed"],
)  # fmt: skip
@pytest.mark.parametrize("code", CODES[1:3])
def test_it_survives_what_a_room_does_to_it(change, code):
    assert read(change(coloured(code))) == code


def test_it_survives_a_video_codec_at_a_miserable_rate():
    numbers, target = list(range(500, 512)), io.BytesIO()
    with av.open(target, "w", format="mpegts") as out:
        stream = out.add_stream("libx264", rate=25, options={"preset": "ultrafast", "crf": "42", "g": "50"})
        stream.width, stream.height, stream.pix_fmt = 640, 360, "yuv420p"
        for place, number in enumerate(numbers):
            frame = av.VideoFrame.from_ndarray(coloured(Code(9, number), Size(640, 360)), format="bgr24")
            frame.pts, frame.time_base = place, Fraction(1, 25)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    target.seek(0)
    reader = Reader()
    with av.open(target) as container:
        found = [reader.read(f.to_ndarray(format="bgr24")).code for f in container.decode(video=0)]
    assert found == [Code(9, number) for number in numbers]


def test_a_blend_of_two_codes_is_seen_and_not_read():
    first, second = (coloured(Code(9, n)).astype(np.float32) for n in (500, 501))
    found = Reader().read(((first + second) / 2).astype(np.uint8))
    assert found == Reading(True, None)


def test_a_torn_picture_is_one_of_its_codes_or_none():
    first, second = (coloured(Code(9, n)) for n in (4095, 4096))
    for row in range(0, 1080, 54):
        assert read(np.concatenate([first[:row], second[row:]])) in (None, Code(9, 4095), Code(9, 4096))


@given(st.integers(0, 2**32 - 1), st.integers(1, 12))
def test_damaged_cells_never_give_a_wrong_number(seed, patches):
    rng, image = np.random.default_rng(seed), draw_code(Code(33, 777), Size(640, 360))
    for _ in range(patches):
        x, y = int(rng.integers(130, 480)), int(rng.integers(20, 260))
        image[y : y + int(rng.integers(8, 60)), x : x + int(rng.integers(8, 80))] = rng.integers(0, 256)
    assert read(image) in (None, Code(33, 777))


def test_a_mirrored_picture_is_not_read():
    assert read(coloured(Code(9, 500))[:, ::-1]) is None


@pytest.mark.parametrize("size", [(1920, 1080), (64, 48), (1, 1)])
def test_pictures_without_a_pattern_are_empty(size):
    rng = np.random.default_rng(2)
    for image in (np.zeros((size[1], size[0], 3), np.uint8), rng.integers(0, 256, (size[1], size[0], 3), np.uint8)):
        assert Reader().read(image) == Reading(False)


def test_a_reader_follows_a_pattern_that_moves_and_a_picture_that_changes_its_size():
    reader = Reader()
    for step in range(6):
        image = np.full((540, 960), 100, np.uint8)
        image[20 * step : 20 * step + 288, 30 * step : 30 * step + 512] = draw_code(Code(1, step), Size(512, 288))
        assert reader.read(image).code == Code(1, step)
    assert reader.read(draw_code(Code(1, 99), HD)).code == Code(1, 99)
    assert not reader.read(np.zeros((1080, 1920), np.uint8)).seen


def test_words_have_room_that_is_left_white():
    for size in (HD, Size(1280, 1024)):
        left, top, right, bottom = words_on_screen(size)
        assert right - left > size.width // 2
        assert (draw_code(Code(85, 1), size)[top:bottom, left:right] == 255).all()


@pytest.mark.parametrize("code", [Code(-1, 0), Code(256, 0), Code(0, -1), Code(0, COUNTS)])
def test_what_is_no_code_is_refused(code):
    with pytest.raises(ValueError, match="no time code"):
        draw_code(code, HD)


def test_a_picture_that_is_too_small_is_refused():
    with pytest.raises(ValueError, match="at least 256 x 144"):
        draw_code(Code(0, 0), Size(255, 144))
