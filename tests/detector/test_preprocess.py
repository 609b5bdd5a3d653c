"""Pixels into the model: exact averages, the right colours, and every pixel where the geometry says it is."""

import tracemalloc

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.geometry import Letterbox, Size, as_boxes
from detector.preprocess import Blob, letterbox_image

Image = npt.NDArray[np.uint8]
PAD = 114


def noise(size: Size, seed: int = 1) -> Image:
    return np.random.default_rng(seed).integers(0, 256, (size.height, size.width, 3), np.uint8)


def means_of_four(image: Image) -> Image:
    """The 2x2 mean, halves rounded up, by definition."""
    height, width = image.shape[0] // 2 * 2, image.shape[1] // 2 * 2
    blocks = image[:height, :width].astype(int).reshape(height // 2, 2, width // 2, 2, 3)
    return ((blocks.sum(axis=(1, 3)) + 2) // 4).astype(np.uint8)


def bilinear(image: Image, size: Size) -> npt.NDArray[np.float64]:
    """Bilinear interpolation by its definition: pixel centres lie at half numbers."""

    def weights(old: int, new: int) -> npt.NDArray[np.float64]:
        centres = np.clip((np.arange(new) + 0.5) * old / new - 0.5, 0, old - 1)
        low = np.minimum(centres.astype(int), max(old - 2, 0))
        matrix = np.zeros((new, old))
        matrix[np.arange(new), low] = 1 - (centres - low)
        matrix[np.arange(new), np.minimum(low + 1, old - 1)] += centres - low
        return matrix

    rows, columns = weights(image.shape[0], size.height), weights(image.shape[1], size.width)
    return np.einsum("yh,hwc,xw->yxc", rows, image.astype(float), columns)


class TestLetterboxImage:
    def test_same_size_is_copied(self) -> None:
        image = noise(Size(64, 48))
        assert (letterbox_image(image, Letterbox.fit(Size(64, 48), Size(64, 48)), PAD) == image).all()

    @pytest.mark.parametrize("size", [Size(128, 96), Size(129, 97)])
    def test_half_size_is_the_exact_mean_of_four(self, size: Size) -> None:
        image = noise(size)
        box = Letterbox.fit(size, Size(64, 48))
        assert box.halvings == 1
        assert (letterbox_image(image, box, PAD) == means_of_four(image)).all()

    def test_a_quarter_is_the_mean_of_means(self) -> None:
        image = noise(Size(256, 192))
        made = letterbox_image(image, Letterbox.fit(Size(256, 192), Size(64, 48)), PAD)
        assert (made == means_of_four(means_of_four(image))).all()

    @pytest.mark.parametrize("size", [Size(192, 108), Size(50, 40), Size(101, 73), Size(73, 301), Size(1, 1)])
    def test_the_rest_is_bilinear(self, size: Size) -> None:
        image = noise(size)
        box = Letterbox.fit(size, Size(64, 48))
        made = letterbox_image(image, box, PAD)[: box.content.height, : box.content.width]
        for _ in range(box.halvings):
            image = means_of_four(image)
        assert np.abs(made - bilinear(image, box.content)).max() <= 1

    def test_the_padding_is_written_every_time(self) -> None:
        out = np.full((48, 64, 3), 7, np.uint8)
        wide, tall = Size(64, 16), Size(16, 48)
        letterbox_image(noise(wide), Letterbox.fit(wide, Size(64, 48)), PAD, out)
        assert (out[16:] == PAD).all()
        made = letterbox_image(noise(tall), Letterbox.fit(tall, Size(64, 48)), PAD, out)
        assert made is out
        assert (out[:, 16:] == PAD).all()

    def test_the_frame_is_left_alone(self) -> None:
        image = noise(Size(640, 480))
        image.flags.writeable = False
        before = image.copy()
        letterbox_image(image, Letterbox.fit(Size(640, 480), Size(64, 48)), PAD)
        assert (image == before).all()

    def test_an_image_of_another_size_is_refused(self) -> None:
        with pytest.raises(ValueError, match="letterbox is for"):
            letterbox_image(noise(Size(10, 9)), Letterbox.fit(Size(9, 10), Size(64, 48)), PAD)

    @pytest.mark.parametrize("size", [Size(1, 1), Size(3, 2000), Size(2000, 3), Size(2, 1)])
    def test_sizes_that_no_camera_has(self, size: Size) -> None:
        made = letterbox_image(
            np.full((size.height, size.width, 3), 200, np.uint8), Letterbox.fit(size, Size(64, 48)), 0
        )
        content = Letterbox.fit(size, Size(64, 48)).content
        assert (made[: content.height, : content.width] == 200).all()
        assert made.sum() == 200 * 3 * content.width * content.height

    @settings(max_examples=25)
    @given(st.sampled_from([Size(1920, 1080), Size(1921, 1079), Size(719, 1279), Size(333, 777)]), st.data())
    def test_a_rectangle_lands_where_the_geometry_says(self, size: Size, data: st.DataObject) -> None:
        """Its edges are found to a fraction of a pixel from how grey the pixels on them are."""
        x1, y1 = data.draw(st.integers(0, size.width - 100)), data.draw(st.integers(0, size.height - 100))
        x2, y2 = data.draw(st.integers(x1 + 40, size.width)), data.draw(st.integers(y1 + 40, size.height))
        image = np.zeros((size.height, size.width, 3), np.uint8)
        image[y1:y2, x1:x2] = 255
        box = Letterbox.fit(size, Size(640, 640))
        expected = box.to_model(as_boxes([[x1, y1, x2, y2]]))[0]
        white = letterbox_image(image, box, 0)[..., 0] / 255
        column, row = int(expected[::2].mean()), int(expected[1::2].mean())
        left, right = edges(white[row], column)
        top, bottom = edges(white[:, column], row)
        assert [left, top, right, bottom] == pytest.approx(expected, abs=0.6)


def edges(line: npt.NDArray[np.float64], inside: int) -> tuple[float, float]:
    """Where the white around ``inside`` begins and ends, to a fraction of a pixel."""
    return inside - line[:inside].sum(), inside + line[inside:].sum()


class TestBlob:
    """A picture of four colours, so that no mixed up channel can hide. The values are BGR."""

    COLOURS = ((200, 40, 10), (30, 180, 20), (15, 25, 220), (90, 130, 170))

    def picture(self) -> Image:
        image = np.zeros((48, 64, 3), np.uint8)
        for n, colour in enumerate(self.COLOURS):
            image[:, 16 * n : 16 * (n + 1)] = colour
        return image

    @pytest.mark.parametrize("rgb", [False, True])
    @pytest.mark.parametrize(
        ("mean", "std"), [((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)), ((123.7, 116.3, 103.5), (58.4, 57.1, 57.4))]
    )
    def test_channels_come_in_the_models_order(self, rgb: bool, mean: tuple, std: tuple) -> None:
        size = Size(64, 48)
        blob = Blob(size, PAD, mean, std, rgb=rgb)
        made = blob.fill(self.picture(), Letterbox.fit(size, size))
        assert made.shape == (1, 3, 48, 64)
        assert made.dtype == np.float32
        for n, (blue, green, red) in enumerate(self.COLOURS):
            ordered = (red, green, blue) if rgb else (blue, green, red)
            expected = [(value - m) / s for value, m, s in zip(ordered, mean, std, strict=True)]
            assert made[0, :, 24, 16 * n + 8] == pytest.approx(expected, abs=1e-4)

    def test_padding_is_normalised_like_pixels(self) -> None:
        blob = Blob(Size(64, 48), PAD, (100.0, 100.0, 100.0), (2.0, 2.0, 2.0))
        made = blob.fill(noise(Size(64, 16)), Letterbox.fit(Size(64, 16), Size(64, 48)))
        assert (made[0, :, 16:] == (PAD - 100) / 2).all()

    @pytest.mark.parametrize("rgb", [False, True])
    @pytest.mark.parametrize(
        ("mean", "std"), [((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)), ((103.53, 116.28, 123.675), (57.375, 57.12, 58.395))]
    )
    def test_is_the_letterboxed_picture_normalised_bit_by_bit_whatever_came_before(
        self, rgb: bool, mean: tuple, std: tuple
    ) -> None:
        target = Size(64, 48)
        blob = Blob(target, PAD, mean, std, rgb=rgb)
        scale = (1.0 / np.array(std, np.float32)).reshape(3, 1, 1)
        shift = (-np.array(mean, np.float32) / np.array(std, np.float32)).reshape(3, 1, 1)
        for n, size in enumerate(
            [(640, 480), (641, 483), (300, 20), (20, 300), (64, 48), (1, 1), (1, 90), (200, 1)] * 2
        ):
            image = noise(Size(*size), n)
            box = Letterbox.fit(Size(*size), target)
            laid = letterbox_image(image, box, PAD)[:, :, :: -1 if rgb else 1]
            expected = laid.transpose(2, 0, 1).astype(np.float32) * scale + shift
            assert blob.fill(image, box)[0].tobytes() == expected.tobytes(), size

    @pytest.mark.parametrize("std", [(1.0, 1.0, 1.0), (57.0, 58.0, 59.0)])
    def test_a_second_frame_of_a_size_takes_no_memory(self, std: tuple) -> None:
        size = Size(640, 480)
        blob, box = Blob(Size(160, 128), PAD, std=std), Letterbox.fit(size, Size(160, 128))
        first = blob.fill(noise(size), box)
        image = noise(size, 2)
        tracemalloc.start()
        try:
            again = blob.fill(image, box)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert again is first
        assert peak < 160 * 120  # one channel of the small picture: every picture on the way is larger

    def test_a_second_frame_leaves_nothing_of_the_first(self) -> None:
        size = Size(64, 48)
        blob = Blob(size, PAD, (10.0, 20.0, 30.0), (2.0, 3.0, 4.0), rgb=True)
        for seed in (1, 2):
            last = blob.fill(noise(Size(99, 77), seed), Letterbox.fit(Size(99, 77), size))
        fresh = Blob(size, PAD, (10.0, 20.0, 30.0), (2.0, 3.0, 4.0), rgb=True)
        assert (last == fresh.fill(noise(Size(99, 77), 2), Letterbox.fit(Size(99, 77), size))).all()
