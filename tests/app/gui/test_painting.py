from dataclasses import replace

import numpy as np
import pytest
from PyQt6.QtGui import QColor

from app.gui import theme
from app.gui.layout import arrange
from app.gui.painting import as_bgr, marks_of, render_to_image, transform_for, unscaled_size
from app.gui.signs import View
from app.snapshot import LiveSnapshot, SourceStatus
from detector.geometry import Size
from detector.watchdog import AiState
from tests.app.gui.fakes import marker, picture, snapshot

PAGE = Size(960, 600)
SOURCE = Size(320, 240)
# Blue, green, red and a mixture, one to each quarter of the picture.
QUARTERS = {(0.25, 0.25): (255, 0, 0), (0.75, 0.25): (0, 255, 0), (0.25, 0.6): (0, 0, 255), (0.75, 0.6): (30, 120, 210)}


def golden(width: int = 320, height: int = 240) -> np.ndarray:
    image = np.zeros((height, width, 3), np.uint8)
    for (x, y), bgr in QUARTERS.items():
        rows = slice(0, height // 2) if y < 0.5 else slice(height // 2, height)
        columns = slice(0, width // 2) if x < 0.5 else slice(width // 2, width)
        image[rows, columns] = bgr
    return image


def rendered(shown: LiveSnapshot, view: View | None = None, size: Size = PAGE) -> np.ndarray:
    return as_bgr(render_to_image(shown, size, view))


def canvas_of(size: Size = PAGE, source: Size = SOURCE) -> Size:
    area = arrange(size, source, with_bar=False).canvas
    return Size(area.width, area.height)


@pytest.mark.parametrize("size", [PAGE, Size(1920, 1080), Size(300, 200)], ids=str)
def test_colours_stay_what_they_are(size: Size) -> None:
    shown = snapshot(golden())
    transform = transform_for(shown, canvas_of(size))
    assert transform is not None
    image = render_to_image(shown, size)
    for (x, y), (blue, green, red) in QUARTERS.items():
        column, row = transform.to_canvas(x * 320, y * 240)
        assert image.pixelColor(int(column), int(row)) == QColor(red, green, blue)


def test_a_picture_survives_the_way_through_an_image() -> None:
    noise = np.random.default_rng(1).integers(0, 255, (37, 53, 3), dtype=np.uint8)
    shown = snapshot(noise)
    size = unscaled_size(Size(53, 37))
    transform = transform_for(shown, canvas_of(size, Size(53, 37)))
    assert transform is not None
    assert transform.scale == (1.0, 1.0)
    target = transform.target
    whole = rendered(shown, size=size)[target.y : target.bottom, target.x : target.right]
    assert (whole == noise).all(axis=2).mean() > 0.5, "all but the research-use line"
    assert (whole[:18] == noise[:18]).all()


@pytest.mark.parametrize("source", [Size(1920, 1080), Size(1350, 1080), Size(640, 480), Size(53, 37)], ids=str)
def test_the_unscaled_size_leaves_every_pixel_alone(source: Size) -> None:
    shown = snapshot(picture(*source))
    transform = transform_for(shown, canvas_of(unscaled_size(source), source))
    assert transform is not None
    assert transform.scale == (1.0, 1.0)


@pytest.mark.parametrize("cue", [False, True])
def test_markers_alter_nothing_but_their_own_strokes(cue: bool) -> None:
    since_s = 3.9 if cue else 1.0
    boxes = ((80.0, 60.0, 160.0, 140.0), (200.5, 90.2, 230.1, 100.9), (0.0, 0.0, 320.0, 240.0))
    markers = tuple(marker(box, number, since_s) for number, box in enumerate(boxes))
    noise = np.random.default_rng(2).integers(0, 255, (240, 320, 3), dtype=np.uint8)
    shown = snapshot(noise, markers=markers)
    transform = transform_for(shown, canvas_of())
    assert transform is not None
    strokes = np.zeros((PAGE.height, PAGE.width), bool)
    inside = np.zeros_like(strokes)
    for mark in marks_of(shown, View(), transform, canvas_of()):
        for part in mark.keyline:
            assert part.x >= 0
            assert part.y >= 0
            strokes[part.y : part.bottom, part.x : part.right] = True
    box = transform.box_to_canvas(boxes[0])
    inside[int(np.floor(box[1])) : int(np.ceil(box[3])), int(np.floor(box[0])) : int(np.ceil(box[2]))] = True
    changed = (rendered(shown) != rendered(replace(shown, markers=()))).any(axis=2)
    changed[canvas_of().height :] = False  # the status line says that a marker is shown
    assert changed.any()
    assert not (changed & ~strokes).any()
    assert not (changed & inside).any()


def test_marks_are_visible_around_a_box_that_fills_the_picture() -> None:
    shown = snapshot(picture(bgr=(0, 0, 0)), markers=(marker((0, 0, 320, 240)),))
    colour = [theme.MARKER.blue(), theme.MARKER.green(), theme.MARKER.red()]
    assert (rendered(shown) == colour).all(axis=2).sum() > 400


def test_expired_or_hidden_boxes_leave_no_trace() -> None:
    shown = snapshot(markers=(marker(),), expired=True)
    area = arrange(PAGE, Size(320, 240), with_bar=False).canvas
    bare = rendered(replace(shown, markers=()))[: area.height]
    assert (rendered(shown)[: area.height] == bare).all()
    fresh = snapshot(markers=(marker(),))
    assert (rendered(fresh, View(boxes=False))[: area.height] == bare).all()


@pytest.mark.parametrize("status", [SourceStatus.LOST, SourceStatus.GONE, SourceStatus.ENDED, SourceStatus.FAILED])
def test_an_old_picture_is_dimmed_and_covered(status: SourceStatus) -> None:
    bright = snapshot(picture(bgr=(200, 200, 200)))
    old = snapshot(picture(bgr=(200, 200, 200)), status=status)
    assert rendered(old).mean() < 0.6 * rendered(bright).mean()


@pytest.mark.parametrize("state", [AiState.FAILED, AiState.STALLED, AiState.RESTARTING, AiState.STARTING])
def test_the_ai_banner_leaves_the_middle_of_the_picture_free(state: AiState) -> None:
    plain, broken = rendered(snapshot()), rendered(snapshot(ai=state))
    changed = (plain != broken).any(axis=2)
    canvas = canvas_of()
    assert changed[: canvas.height // 4].any()
    assert not changed[canvas.height // 4 : canvas.height].any()


def test_every_state_of_ai_and_source_looks_different() -> None:
    shown = [snapshot(ai=state) for state in AiState]
    shown += [snapshot(status=status) for status in SourceStatus if status is not SourceStatus.PLAYING]
    images = [rendered(one).tobytes() for one in shown]
    assert len(set(images)) == len(images)


def test_research_use_is_on_every_picture() -> None:
    for shown in (snapshot(), replace(snapshot(), frame=None), snapshot(status=SourceStatus.LOST)):
        image = rendered(shown)
        canvas = canvas_of()
        transform = transform_for(shown, canvas)
        left = transform.target.x if transform else 0
        bottom = transform.target.bottom if transform else canvas.height
        corner = image[bottom - 14 : bottom, left : left + 250]
        assert (corner > 200).all(axis=2).sum() > 200


@pytest.mark.parametrize("size", [Size(1, 1), Size(40, 30), Size(200, 900), Size(3840, 2160)], ids=str)
def test_any_window_size_can_be_painted(size: Size) -> None:
    for shown in (
        snapshot(markers=(marker(),)),
        snapshot(ai=AiState.FAILED, detail="x" * 300),
        snapshot(status=SourceStatus.LOST),
    ):
        assert render_to_image(shown, size).width() == size.width
