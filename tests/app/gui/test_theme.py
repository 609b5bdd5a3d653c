import pytest
from PyQt6.QtGui import QFontInfo, QFontMetrics, QRawFont

from app.gui import theme
from app.gui.keys import KEYS
from app.gui.signs import Tone, ai_sign, source_sign
from app.snapshot import SourceStatus
from detector.watchdog import AiState
from tests.app.gui.fakes import snapshot


@pytest.mark.parametrize("strong", [False, True])
def test_the_bundled_type_is_used_and_has_every_character_of_the_signs(strong: bool) -> None:
    font = theme.font(22, strong)
    assert QFontInfo(font).family() == "IBM Plex Sans"
    words = "".join(key.help + key.label for key in KEYS)
    words += "".join(ai_sign(snapshot(ai=state).ai).text for state in AiState)
    words += "".join(source_sign(snapshot(status=status).source).text for status in SourceStatus)
    raw = QRawFont.fromFont(font)
    assert [c for c in words + "…×äéßŁЖ" if not raw.supportsCharacter(ord(c))] == []


def test_figures_do_not_move_while_they_change() -> None:
    metrics = QFontMetrics(theme.font(22))
    assert len({metrics.horizontalAdvance(str(digit)) for digit in range(10)}) == 1


def test_every_tone_reads_on_its_ground() -> None:
    def luminance(colour: tuple[int, int, int]) -> float:
        linear = [(v / 255 / 12.92) if v / 255 <= 0.04045 else ((v / 255 + 0.055) / 1.055) ** 2.4 for v in colour]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    for tone in Tone:
        colour = theme.TONES[tone]
        contrast = (luminance(colour.getRgb()[:3]) + 0.05) / (luminance(theme.PANEL.getRgb()[:3]) + 0.05)
        assert contrast > 7, tone
