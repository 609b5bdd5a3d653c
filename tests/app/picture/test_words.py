import re

import pytest

from app.picture.source import AreaState, PictureConditions
from app.picture.words import objection_to, words_of
from detector.geometry import Size
from detector.picture.area import Area
from detector.picture.interlace import Scan

FULL = Size(1920, 1080)


def test_a_plain_picture_needs_no_words() -> None:
    plain = PictureConditions(Scan.PROGRESSIVE, area=Area(0, 0, 1920, 1080), full=FULL)
    assert words_of(plain) == ()
    assert objection_to(plain) == ""


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (AreaState.SEARCHING, "is being looked for; the whole picture is shown"),
        (AreaState.NOT_FOUND, r"could not be found \(nothing moved\); the whole picture is shown"),
    ],
)
def test_while_the_area_is_not_known_it_is_said_and_nothing_may_be_recorded(state: AreaState, words: str) -> None:
    conditions = PictureConditions(area_state=state, full=FULL, reason="nothing moved")
    assert re.search(words, " ".join(words_of(conditions)))
    assert "may name a patient" in objection_to(conditions)


def test_a_found_area_is_named_for_confirmation_and_may_be_recorded() -> None:
    found = PictureConditions(area_state=AreaState.FOUND, area=Area(480, 20, 1350, 1040), full=FULL)
    assert "1350 x 1040 pixels from 480, 20" in words_of(found)[0]
    assert objection_to(found) == ""


def test_deinterlacing_is_said_with_the_order_of_the_fields_where_it_is_known() -> None:
    assert "(top field first)" in words_of(PictureConditions(Scan.TOP_FIRST, deinterlacing=True))[0]
    assert "interlaced: each" in words_of(PictureConditions(Scan.UNKNOWN, deinterlacing=True))[0]
