"""The one QApplication of this process: made on first use, and kept, because fonts and windows die with it."""

from __future__ import annotations

import sys

from PyQt6.QtWidgets import QApplication

_kept: list[QApplication] = []


def application() -> QApplication:
    """The running one, or a new one. Nothing can be painted without it, text least of all."""
    found = QApplication.instance()
    if found is None:
        found = QApplication(sys.argv[:1])
        _kept.append(found)
    assert isinstance(found, QApplication)
    return found
