"""What the set-up decides without a window: the picture area's moves, and what a draft becomes."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.gui.setup_area import HANDLES, LEAST_PX, Part, as_text, moved, whole
from app.gui.setup_draft import Draft
from app.picture.settings import parse_area
from app.settings.model import Settings
from app.settings.rooms import in_room, with_room
from detector.geometry import Size
from detector.picture.area import Area

FULL = Size(1281, 721)
PARTS = (*HANDLES, Part.WHOLE)


@given(
    st.integers(0, 500).map(lambda n: 2 * n),
    st.integers(0, 250).map(lambda n: 2 * n),
    st.sampled_from(PARTS),
    st.floats(-3000, 3000),
    st.floats(-3000, 3000),
)
def test_a_moved_area_is_even_lies_in_the_picture_and_is_large_enough(
    x: int, y: int, part: Part, dx: float, dy: float
) -> None:
    area = moved(Area(x, y, 1280 - x, 720 - y), part, dx, dy, FULL)
    assert area.fits(FULL)
    assert all(value % 2 == 0 for value in area)
    assert min(area.size) >= LEAST_PX


@given(st.sampled_from([part for part in PARTS if part is not Part.WHOLE]), st.floats(-3000, 3000))
def test_edges_that_are_not_held_stay_where_they_are(part: Part, by: float) -> None:
    before = Area(200, 100, 600, 400)
    after = moved(before, part, by, by, FULL)
    edges = {Part.LEFT: 0, Part.TOP: 1}
    assert all(after[at] == before[at] for edge, at in edges.items() if edge not in part)
    if Part.RIGHT not in part:
        assert after.x + after.width == 800
    if Part.BOTTOM not in part:
        assert after.y + after.height == 500


def test_the_whole_of_an_odd_picture_is_said_in_numbers_and_of_an_even_one_in_a_word() -> None:
    assert as_text(whole(Size(1280, 720)), Size(1280, 720)) == "full"
    assert as_text(whole(FULL), FULL) == "0,0,1280,720"
    assert parse_area(as_text(Area(200, 100, 600, 400), FULL)) == Area(200, 100, 600, 400)


def test_a_draft_becomes_settings_and_comes_back_from_them(tmp_path: Path) -> None:
    draft = Draft(
        "camera:/dev/video0",
        "UYVY@1920x1080@50",
        "420,0,1080,1080",
        aspect="16:9",
        colours="601:709",
        folder=str(tmp_path),
        room="Room 2",
        language="it",
    )
    settings = draft.kept_in(Settings())
    assert settings.source.format == "format=UYVY@1920x1080@50"
    assert Draft.of(settings) == draft
    assert draft.typed == "camera:/dev/video0?format=UYVY@1920x1080@50"


def test_only_what_differs_from_the_defaults_is_written_but_for_the_area_that_was_confirmed() -> None:
    settings = Draft("clip.mp4", area="full").kept_in(Settings())
    assert settings.source.model_fields_set == {"spec", "area"}
    assert settings.model_fields_set == {"schema_", "source"}


def test_in_a_room_with_settings_of_its_own_the_set_up_changes_those() -> None:
    before = with_room(Settings(), "B", {"source": {"spec": "old.mp4"}})
    after = Draft("new.mp4", area="full", room="B").kept_in(before)
    assert in_room(after).source.spec == str(Path("new.mp4").absolute())


def test_another_source_forgets_what_was_chosen_for_the_picture_of_the_one_before() -> None:
    draft = Draft("camera:0", "UYVY@1920x1080@50", "420,0,1080,1080", deinterlace="top", aspect="4:3", room="B")
    other = draft.with_source("camera:1", "UYVY@1920x1080@50")
    assert (other.area, other.deinterlace, other.aspect, other.room) == (None, "auto", None, "B")
    assert draft.with_source("camera:0", "UYVY@1920x1080@25").area == draft.area
    assert draft.with_source("camera:0", "UYVY@1280x720@50").area is None


@pytest.mark.parametrize("area", ["auto"])
def test_an_area_that_is_looked_for_at_each_start_was_never_confirmed(area: str) -> None:
    settings = Settings.model_validate({"source": {"spec": "clip.mp4", "area": area}})
    assert Draft.of(settings).area is None
    assert Draft.of(Settings()).area is None
