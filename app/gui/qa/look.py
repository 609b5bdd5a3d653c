"""How the QA room's stock widgets look: desk work with mouse and keys, 34 px targets, readable in a dark room.

Widgets themselves come from `app.gui.setup_parts` (``button``, ``label``, ``combo``); a page, or the window, sets this
style sheet once.
"""

from __future__ import annotations

from app.gui import theme
from app.gui.sign_kinds import Tone

TARGET_PX = 34
"""The least height of what is clicked."""

TEXT_PX, SOFT_PX, HEADING_PX, TITLE_PX = 14, 13, 15, 19


def style() -> str:
    """The style sheet.

    Object names: those of `setup_parts.label` (``title``, ``heading``, ``soft``, ``caution``, ``fault``), button
    ``main``, frames ``card`` and ``bar``, containers ``page`` and ``side``.
    """
    tones = {tone: colour.name() for tone, colour in theme.TONES.items()}
    text, faint, chosen = theme.TEXT.name(), theme.TEXT_SOFT.name(), theme.MARKER.name()
    line, raised, pressed = theme.LINE.name(), theme.PANEL_RAISED.name(), theme.PANEL_PRESSED.name()
    panel, ink, black = theme.PANEL.name(), theme.INK.name(), theme.BLACK.name()
    family = theme.font(TEXT_PX).family()
    inner = TARGET_PX - 4
    return f"""
* {{ font-family: "{family}"; font-size: {TEXT_PX}px; color: {text}; }}
QMainWindow, QDialog, QWidget#page {{ background: {black}; }}
QWidget#side, QFrame#bar, QWidget#scrolled, QScrollArea {{ background: {panel}; }}
QFrame#card {{ background: {panel}; border: 1px solid {line}; }}
QLabel {{ background: transparent; }}
QLabel#title {{ font-size: {TITLE_PX}px; font-weight: 600; }}
QLabel#heading {{ font-size: {HEADING_PX}px; font-weight: 600; }}
QLabel#soft {{ font-size: {SOFT_PX}px; color: {faint}; }}
QLabel#caution {{ color: {tones[Tone.CAUTION]}; font-weight: 600; }}
QLabel#fault {{ color: {tones[Tone.FAULT]}; font-weight: 600; }}
QPushButton, QLineEdit, QComboBox, QDoubleSpinBox, QSpinBox {{ background: {raised}; border: 1px solid {faint};
  border-radius: 4px; min-height: {inner}px; padding: 0 8px; selection-background-color: {chosen};
  selection-color: {ink}; }}
QLineEdit {{ placeholder-text-color: {faint}; }}
QPushButton:hover {{ background: {pressed}; }}
QPushButton:pressed {{ background: {line}; }}
QPushButton:checked {{ background: {text}; color: {ink}; border-color: {text}; }}
QPushButton:disabled, QLineEdit:disabled, QComboBox:disabled, QDoubleSpinBox:disabled {{ color: {faint};
  background: {panel}; border: 1px dashed {line}; }}
QPushButton#main {{ background: {chosen}; color: {ink}; border-color: {chosen}; font-weight: 600; }}
QPushButton#main:disabled {{ background: {raised}; color: {faint}; border-color: {line}; }}
QPushButton:focus, QLineEdit:focus, QComboBox:focus, QDoubleSpinBox:focus {{ border: 2px solid {chosen};
  min-height: {inner - 2}px; padding: 0 7px; }}
QComboBox::drop-down {{ width: {TARGET_PX}px; border: none; }}
QComboBox QAbstractItemView {{ background: {raised}; border: 1px solid {chosen}; outline: none;
  selection-background-color: {text}; selection-color: {ink}; }}
QComboBox QAbstractItemView::item {{ min-height: {inner}px; }}
QAbstractItemView {{ background: {panel}; alternate-background-color: {raised}; border: 1px solid {line};
  gridline-color: {line}; selection-background-color: {pressed}; selection-color: {text}; outline: none; }}
QHeaderView::section {{ background: {raised}; color: {text}; border: none; border-right: 1px solid {line};
  padding: 0 8px; min-height: {inner}px; }}
QScrollBar:vertical {{ background: {panel}; width: 16px; }}
QScrollBar:horizontal {{ background: {panel}; height: 16px; }}
QScrollBar::handle {{ background: {pressed}; border-radius: 4px; margin: 2px; }}
QScrollBar::handle:vertical {{ min-height: {TARGET_PX}px; }}
QScrollBar::handle:horizontal {{ min-width: {TARGET_PX}px; }}
QScrollBar::add-line, QScrollBar::sub-line {{ width: 0; height: 0; }}
QToolTip {{ background: {raised}; color: {text}; border: 1px solid {line}; }}
"""
