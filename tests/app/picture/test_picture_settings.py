"""The words of the command line become settings, or a message."""

from fractions import Fraction

import pytest

from app.cli import _parser
from app.picture.colour import Encoding, Matrix
from app.picture.options import picture_settings
from app.picture.settings import AreaMode, Deinterlace, PictureSettings, parse_area, parse_settings, square_pixels
from detector.errors import UsageError
from detector.geometry import Size
from detector.picture.area import Area


def test_fields_are_looked_for_and_nothing_is_cut_unless_asked() -> None:
    assert picture_settings(_parser().parse_args(["live", "a.mp4"])) == PictureSettings()
    assert PictureSettings().deinterlace is Deinterlace.AUTO
    assert PictureSettings().area is AreaMode.FULL


def test_every_option_reaches_the_settings() -> None:
    words = [
        "demo",
        "--deinterlace",
        "bottom",
        "--area",
        "420,0,1080,1080",
        "--aspect",
        "4:3",
        "--colours",
        "601:709-full",
    ]
    settings = picture_settings(_parser().parse_args(words))
    assert settings.deinterlace is Deinterlace.BOTTOM
    assert settings.area == Area(420, 0, 1080, 1080)
    assert settings.aspect == Fraction(4, 3)
    assert settings.colour is not None
    assert settings.colour.decoded_as == Encoding(Matrix.BT601)
    assert settings.colour.really == Encoding(Matrix.BT709, full_range=True)


@pytest.mark.parametrize(
    "area", ["", "left", "1,2,3", "1,0,10,10", "0,0,0,10", "0,0,10,11", "-2,0,10,10", "0,0,10,10,"]
)
def test_areas_that_cannot_be_cut_are_refused(area: str) -> None:
    with pytest.raises(UsageError, match="area"):
        parse_area(area)


@pytest.mark.parametrize(
    "words",
    [("weave", "full", None, None), ("auto", "full", "wide", None), ("auto", "full", "100:1", None),
     ("auto", "full", None, "601"), ("auto", "full", None, "601:2020")],
)  # fmt: skip
def test_other_words_are_refused(words: tuple[str, str, str | None, str | None]) -> None:
    with pytest.raises(UsageError):
        parse_settings(*words)


@pytest.mark.parametrize(
    ("full", "aspect", "shown"),
    [((720, 576), (4, 3), (768, 576)), ((720, 576), (16, 9), (1024, 576)), ((720, 480), (4, 3), (720, 540)),
     ((720, 480), (16, 9), (854, 480)), ((1440, 1080), (16, 9), (1920, 1080)), ((1920, 1080), (16, 9), (1920, 1080))],
)  # fmt: skip
def test_the_side_that_is_too_short_grows(
    full: tuple[int, int], aspect: tuple[int, int], shown: tuple[int, int]
) -> None:
    assert square_pixels(Size(*full), Size(*full), Fraction(*aspect)) == Size(*shown)


def test_a_part_grows_by_the_shape_of_the_whole_pictures_pixels() -> None:
    assert square_pixels(Size(360, 300), Size(720, 576), Fraction(16, 9)) == Size(512, 300)
    assert square_pixels(Size(361, 301), Size(720, 576), None) == Size(361, 301)
