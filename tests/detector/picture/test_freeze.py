"""The same picture again and again, and what only looks like it."""

import os
from pathlib import Path

import av
import numpy as np
import pytest

from detector.picture.freeze import FreezeWatch

RNG = np.random.default_rng(5)


def colon(shift: int = 0, size: tuple[int, int] = (360, 640)) -> np.ndarray:
    """A picture with structure, moved by so many pixels."""
    y, x = np.mgrid[: size[0], : size[1]].astype(np.float32)
    wave = 90 + 60 * np.sin((x + shift) / 30) * np.cos(y / 25)
    return np.stack([wave * 0.5, wave * 0.7, wave], axis=2).astype(np.uint8)


def noisy(image: np.ndarray, grey_levels: float) -> np.ndarray:
    return np.clip(image + RNG.normal(0, grey_levels, image.shape), 0, 255).astype(np.uint8)


def frozen_at(images, interval_s: float = 0.1) -> list[float | None]:
    watch = FreezeWatch()
    return [watch.update(image, 5 + n * interval_s) for n, image in enumerate(images)]


def test_the_same_picture_is_frozen_after_a_second_since_the_first_of_them():
    said = frozen_at([colon()] * 12)
    assert said[:10] == [None] * 10
    assert said[10:] == [5.0, 5.0]


@pytest.mark.parametrize("grey_levels", [1, 4, 8])
def test_the_noise_of_a_cable_changes_nothing(grey_levels):
    assert frozen_at([noisy(colon(), grey_levels) for _ in range(12)])[-1] == 5.0


def test_a_clock_that_runs_on_over_a_frozen_picture_changes_nothing():
    images = []
    for n in range(12):
        image = colon()
        image[10:40, 500:620] = 250 if n % 2 else 5
        images.append(image)
    assert frozen_at(images)[-1] == 5.0


def test_slow_motion_adds_up():
    assert frozen_at([colon(shift=n) for n in range(40)])[-1] is None


def test_it_ends_with_the_first_other_picture_and_may_begin_again():
    said = frozen_at([colon()] * 12 + [colon(20)] * 12)
    assert said[12] is None
    assert said[-1] == pytest.approx(6.2)


def test_another_size_is_another_picture():
    said = frozen_at([colon()] * 12 + [colon(size=(720, 1280))])
    assert said[-1] is None


@pytest.mark.parametrize("jump_s", [1.5, -3.0])
def test_after_a_gap_and_when_time_runs_backwards_it_begins_anew(jump_s):
    watch = FreezeWatch()
    for n in range(12):
        watch.update(colon(), n / 10)
    assert watch.update(colon(), 1.1 + jump_s) is None


def test_pictures_that_rarely_come_can_freeze_too():
    assert frozen_at([colon()] * 6, interval_s=0.2)[-1] == 5.0


CLIP = Path(os.environ.get("POLYPWATCH_DATA", "")) / "clips" / "polypgen_positive_17.mp4"


@pytest.mark.skipif(not CLIP.is_file(), reason="POLYPWATCH_DATA does not point to the data sets")
def test_the_one_real_freeze_at_hand_is_found_and_nothing_else_of_its_clip():
    watch = FreezeWatch()
    with av.open(str(CLIP)) as clip:
        looks = [(f.time, watch.update(f.to_ndarray(format="bgr24"), f.time)) for f in clip.decode(video=0)]
    frozen = [round(at, 1) for at, since in looks if since is not None]
    assert frozen == [6.0, 6.2, 6.4]
    assert {round(since, 1) for _, since in looks if since is not None} == {5.0}
