"""Every text on every ground that it is painted on: at least 4.5 to 1, after WCAG 2.1 (relative luminance)."""

import pytest
from PyQt6.QtGui import QColor

from app import RESEARCH_USE
from app.gui import banners, theme
from app.gui.signs import Tone
from app.gui.status_painting import colours_of

WHITE = QColor(255, 255, 255)
LEAST = 4.5


def over(colour: QColor, ground: QColor) -> QColor:
    """The colour with its transparency on a ground."""
    a = colour.alphaF()
    mixed = (round(c * a + g * (1 - a)) for c, g in zip(colour.getRgb()[:3], ground.getRgb()[:3], strict=True))
    return QColor(*mixed)


def luminance(colour: QColor) -> float:
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour.getRgbF()[:3]]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: QColor, other: QColor) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


PAIRS = {
    "buttons": (theme.TEXT, theme.PANEL),
    "buttons under the pointer": (theme.TEXT, theme.PANEL_RAISED),
    "buttons pressed": (theme.TEXT, theme.PANEL_PRESSED),
    "switches that are off": (theme.TEXT_SOFT, theme.PANEL),
    "switches that are off, under the pointer": (theme.TEXT_SOFT, theme.PANEL_RAISED),
    "switches that are off, pressed": (theme.TEXT_SOFT, theme.PANEL_PRESSED),
    "keys on the help page": (theme.MARKER, theme.PANEL),
    "notices": (theme.TEXT, theme.PANEL_RAISED),
    "words on black": (theme.TEXT, theme.BLACK),
    "self-test banner": (theme.INK, theme.TONES[Tone.CAUTION]),
    "banners on the brightest picture": (theme.TEXT, over(banners.GROUND, WHITE)),
    "details of banners on the brightest picture": (theme.TEXT_SOFT, over(banners.GROUND, WHITE)),
    "research-use line on the brightest picture": (theme.TEXT, over(banners.STRIP, WHITE)),
    "scores on their keyline": (theme.MARKER, theme.KEYLINE),
} | {f"sign {tone.name}": colours_of(tone)[1::-1] for tone in Tone}


@pytest.mark.parametrize("name", PAIRS)
def test_every_text_reads_on_its_ground(name: str) -> None:
    ink, ground = PAIRS[name]
    assert contrast(ink, ground) >= LEAST


@pytest.mark.parametrize("tone", Tone)
def test_every_shape_is_told_from_its_ground(tone: Tone) -> None:
    ground, _, shape = colours_of(tone)
    assert contrast(shape, ground) >= LEAST
    assert contrast(theme.TONES[tone], theme.PANEL) >= LEAST


def test_the_research_use_line_is_the_one_of_every_file() -> None:
    assert banners.RESEARCH_WORDS == RESEARCH_USE


def test_the_measure_knows_black_and_white() -> None:
    assert contrast(WHITE, QColor(0, 0, 0)) == pytest.approx(21)
    assert contrast(WHITE, WHITE) == pytest.approx(1)
