"""White light is told from enhanced colours and from dye, slowly, and nothing is said outside of the body."""

import numpy as np
import pytest

from detector.picture.glance import glance
from detector.picture.light import Light, LightWatch, light_of
from tests.detector.picture.made_picture import wall


def tinted(blue: float, green: float, red: float) -> np.ndarray:
    return np.clip(wall(0) * np.array([blue, green, red]), 0, 255).astype(np.uint8)


WHITE = wall(0)
GREENISH = tinted(0.8, 1.3, 0.8)
DYED = WHITE.copy()
DYED[:, :200] = tinted(2.2, 1.2, 0.5)[:, :200]


@pytest.mark.parametrize(
    ("image", "light"),
    [(WHITE, Light.WHITE), (GREENISH, Light.ENHANCED), (DYED, Light.DYED), (WHITE * 0, Light.UNKNOWN)],
    ids=["white", "greenish", "dyed", "black"],
)
def test_the_light_of_a_single_picture(image: np.ndarray, light: Light) -> None:
    assert light_of(glance(image)) is light


def test_dye_does_not_change_the_light() -> None:
    assert Light.DYED.white
    assert not Light.ENHANCED.white
    assert not Light.UNKNOWN.white


def watched(watch: LightWatch, image: np.ndarray, start_s: float, seconds: float, *, inside: bool = True) -> Light:
    for tick in range(round(seconds * 10)):
        watch.update(glance(image), start_s + tick / 10, inside=inside)
    return watch.light


def test_another_light_must_last() -> None:
    watch = LightWatch()
    assert watched(watch, WHITE, 0, 1) is Light.UNKNOWN
    assert watched(watch, WHITE, 1, 1) is Light.WHITE
    assert watched(watch, GREENISH, 2, 1) is Light.WHITE
    assert watched(watch, WHITE, 3, 1) is Light.WHITE
    assert watched(watch, GREENISH, 4, 2) is Light.ENHANCED


def test_out_of_the_body_the_verdict_stands() -> None:
    watch = LightWatch()
    watched(watch, WHITE, 0, 2)
    assert watched(watch, GREENISH, 2, 4, inside=False) is Light.WHITE
