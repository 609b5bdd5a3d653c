"""Colours, type and the bundled assets: dark, calm, readable from three metres and with colour-blind eyes."""

from __future__ import annotations

import functools
import logging
from pathlib import Path

from PyQt6.QtGui import QColor, QFont, QFontDatabase

import app
from app.gui.sign_kinds import Tone

_log = logging.getLogger(__name__)

# Beside the packages, both in a checkout and in an installed wheel.
_ASSETS = Path(app.__file__).resolve().parent.parent / "assets"

BLACK = QColor(0, 0, 0)
PANEL = QColor(13, 18, 22)
PANEL_RAISED = QColor(28, 37, 44)
PANEL_PRESSED = QColor(45, 60, 71)
LINE = QColor(52, 66, 76)
TEXT = QColor(236, 242, 246)
TEXT_SOFT = QColor(160, 177, 189)
INK = QColor(8, 12, 15)  # words on a bright ground
DIMMED = QColor(0, 0, 0, 165)  # laid over a picture that is not the present one

# Cyan is the opponent colour of mucosa and no colour of the bowel; the dark keyline carries it on bright ground, so
# that it reads by brightness alone as well.
MARKER = QColor(60, 238, 255)
KEYLINE = QColor(4, 14, 20)

# After Okabe and Ito, whose colours differ for every kind of colour vision.
TONES = {
    Tone.GOOD: QColor(46, 214, 160),
    Tone.QUIET: QColor(190, 203, 212),
    Tone.BUSY: QColor(110, 190, 255),
    Tone.CAUTION: QColor(255, 196, 64),
    Tone.FAULT: QColor(255, 128, 96),
}


def asset(*parts: str) -> Path:
    """Path of a bundled file."""
    return _ASSETS.joinpath(*parts)


def font(size_px: int, strong: bool = False) -> QFont:
    """The user interface's type in this size; an application must exist."""
    result = QFont(_family())
    result.setPixelSize(max(1, size_px))
    result.setWeight(QFont.Weight.DemiBold if strong else QFont.Weight.Normal)
    return result


@functools.cache
def _family() -> str:
    """Load the bundled type: a bare machine has no font at all, and every screenshot is to look the same."""
    family = ""
    for weight in ("Regular", "SemiBold"):
        path = asset("fonts", f"IBMPlexSans-{weight}.ttf")
        loaded = QFontDatabase.addApplicationFont(str(path)) if path.is_file() else -1
        if loaded < 0:
            _log.warning("The font %s cannot be loaded; another one is used.", path)
            continue
        family = QFontDatabase.applicationFontFamilies(loaded)[0]
    return family or "Sans Serif"


def style_sheet() -> str:
    """For the few stock widgets; everything else paints itself."""
    return (
        f"QMainWindow, QWidget#page {{ background: {BLACK.name()}; }}"
        f"QPushButton {{ background: {PANEL_RAISED.name()}; color: {TEXT.name()}; "
        f"border: 2px solid {TEXT_SOFT.name()}; }}"
        f"QPushButton:pressed {{ background: {PANEL_PRESSED.name()}; }}"
        f"QToolTip {{ background: {PANEL_RAISED.name()}; color: {TEXT.name()}; border: 1px solid {LINE.name()}; }}"
    )
