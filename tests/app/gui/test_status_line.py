"""The status line: letters that are read from three metres, and nothing urgent cut off where room is short."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PyQt6.QtCore import QCoreApplication
from PyQt6.QtGui import QColor, QFontMetrics, QImage, QPainter

from app.gui import theme
from app.gui.ai_signs import main_sign
from app.gui.card import card_room
from app.gui.language import Catalogue
from app.gui.layout import Area, PictureTransform, arrange, status_height_of, unit_of
from app.gui.notices import Notice
from app.gui.painting import as_bgr
from app.gui.signs import Shape, Sign, Status, Tone, View, status_of
from app.gui.status_fit import Widths, fitted
from app.gui.status_painting import LEAST_SIGN_PX, SIGN_PX, paint_status, sign_font
from app.snapshot import Quiet, RecorderSnapshot
from detector.geometry import Size
from tests.app.gui.fakes import snapshot
from tests.app.gui.test_ai_signs import every_state, hidden

PAGES = [Size(900, 600), Size(1280, 720), Size(1920, 1080), Size(3840, 2160)]


def painted(status: Status, page: Size) -> np.ndarray:
    unit = unit_of(page.height)
    image = QImage(page.width, status_height_of(unit), QImage.Format.Format_RGB32)
    painter = QPainter(image)
    paint_status(painter, Area(0, 0, image.width(), image.height()), status, unit)
    painter.end()
    return as_bgr(image)


def pixels_of(colour: QColor, image: np.ndarray) -> int:
    return int((image == [colour.blue(), colour.green(), colour.red()]).all(axis=2).sum())


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_the_ais_sign_is_read_from_three_metres(page: Size) -> None:
    unit, narrowest = unit_of(page.height), int(page.width * 0.3)
    usual = QFontMetrics(sign_font("AI READY", unit, narrowest)).capHeight()
    assert usual / page.height >= 0.026, "ten minutes of arc at 3 m on a screen 336 mm high"
    for shown in every_state().values():
        words = main_sign(shown, View()).text
        assert QFontMetrics(sign_font(words, unit, 0)).capHeight() / page.height >= 0.0215
    assert LEAST_SIGN_PX / 1080 * 0.698 >= 0.022
    assert SIGN_PX < 60


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_sign_fits_without_being_cut(page: Size) -> None:
    unit = unit_of(page.height)
    room = int(page.width * 0.56) - 3 * max(7, round(14 * unit)) - max(24, round(40 * unit))
    for shown in every_state().values():
        words = main_sign(shown, View()).text
        assert QFontMetrics(sign_font(words, unit, room)).horizontalAdvance(words) <= room, words


class Longer(Catalogue):
    """Every text is 30 % longer, as in Italian at worst."""

    def __init__(self) -> None:
        super().__init__({"": ""}, None)

    def translate(self, context: str, text: str, disambiguation: str | None = None, n: int = -1) -> str:
        return text + "m" * round(len(text) * 0.3) if text else text


@pytest.fixture
def longer() -> Iterator[None]:
    translator, qt = Longer(), QCoreApplication.instance()
    assert qt is not None
    qt.installTranslator(translator)
    yield
    qt.removeTranslator(translator)


@pytest.mark.usefixtures("longer")
@pytest.mark.parametrize("notice", [None, Notice("Something happened.", "The video goes on.", "Do this. " * 20)])
def test_faults_stay_on_the_screen_in_a_long_language_at_900_pixels(notice: Notice | None) -> None:
    recorder = RecorderSnapshot("/a", 754.0, hours_left=0.1, lost=(("the encoder was too slow", 4),))
    crowded = replace(snapshot(quiet=Quiet.LIGHT, failed=3), recording="/a", recorder=recorder, sensitivity="high")
    extra = tuple(Sign(f"A FEATURE {n}", Shape.INFO, Tone.QUIET) for n in range(4))
    image = painted(status_of(crowded, View(muted=True, flags=extra, notice=notice)), Size(900, 600))
    right = image[:, 900 * 56 // 100 :]
    assert pixels_of(theme.TONES[Tone.FAULT], right) > 1000, "REC and the disk"
    assert pixels_of(theme.TONES[Tone.CAUTION], right) > 300, "lost pictures"


tones = st.lists(st.sampled_from(list(Tone)), max_size=8)


@given(tones, st.integers(0, 2000), st.integers(0, 600), st.data())
def test_loud_flags_stay_as_long_as_their_shapes_have_room(
    found: list[Tone], room: int, notice: int, data: st.DataObject
) -> None:
    full = tuple(data.draw(st.integers(40, 300)) for _ in found)
    widths = Widths(source=200, source_icon=30, flags=full, flag_icon=40, figures=(90, 100), notice=notice)
    fit = fitted(room, widths, found)
    loud = [tone in (Tone.CAUTION, Tone.FAULT) for tone in found]
    assert all(words is not None for words, is_loud in zip(fit.flags, loud, strict=True) if is_loud)
    if any(words is None for words in fit.flags):
        assert not any(words for words, is_loud in zip(fit.flags, loud, strict=True) if not is_loud), (
            "no quiet flag keeps its words while another goes"
        )
    if fit.figures:
        assert all(fit.flags)
        assert fit.source == widths.source


def test_with_room_for_all_nothing_is_cut() -> None:
    widths = Widths(200, 30, (100, 120), 40, (90, 100))
    fit = fitted(2000, widths, (Tone.QUIET, Tone.FAULT))
    assert (fit.source, fit.flags, fit.figures) == (200, (True, True), 2)


@pytest.mark.parametrize("source", [Size(1920, 1080), Size(1280, 1024), Size(720, 576), Size(1000, 1000)], ids=str)
@pytest.mark.parametrize("page", PAGES, ids=str)
def test_a_card_keeps_out_of_the_circle_that_an_endoscope_shows(source: Size, page: Size) -> None:
    layout = arrange(page, source, with_bar=True)
    canvas = Size(layout.canvas.width, layout.canvas.height)
    picture = PictureTransform.fit(source, canvas).target
    room = card_room(picture, layout.unit, corner=True)
    assert room is not None
    radius = min(picture.width, picture.height) / 2
    centre = (picture.x + picture.width / 2, picture.y + picture.height / 2)
    nearest = (
        min(max(centre[0], room.x), room.right),
        min(max(centre[1], room.y), room.bottom),
    )
    assert (nearest[0] - centre[0]) ** 2 + (nearest[1] - centre[1]) ** 2 >= (radius - 2) ** 2
    beside = card_room(picture, layout.unit, corner=False)
    assert beside is None or not beside.meets(picture)


def test_the_line_repaints_when_the_countdown_goes_on() -> None:
    first, second = (status_of(hidden(s), View()) for s in (43, 42))
    assert first.urgent_part() != second.urgent_part()
