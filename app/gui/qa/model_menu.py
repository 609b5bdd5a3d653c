"""Which model is to analyse? Asked where more than one is installed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PyQt6.QtCore import QPoint
from PyQt6.QtWidgets import QMenu, QWidget

from app.gui.language import tr
from detector.errors import ModelError
from detector.manifest import load_manifest, model_folders

if TYPE_CHECKING:
    from app.gui.qa.window import QaWindow


def ask_for_model(window: QaWindow, below: QWidget, then: Callable[[str], object]) -> None:
    """Ask, unless there is only one.

    Args:
        window: at whose desk.
        below: where the list of models opens.
        then: told the name or folder of the model.
    """

    def chosen(models: list[tuple[str, str]]) -> None:
        if not models:
            window.notify(
                tr("No model is installed."), tr("Reinstall Polypwatch: its models come with it."), trouble=True
            )
        elif len(models) == 1:
            then(models[0][0])
        else:
            menu = QMenu(window)
            for name, words in models:
                menu.addAction(words, lambda name=name: then(name))
            menu.aboutToHide.connect(menu.deleteLater)
            menu.popup(below.mapToGlobal(QPoint(0, below.height())))

    window.run_in_background(installed, chosen, owner=window)


def installed() -> list[tuple[str, str]]:
    """Name and words of every model that can be used; a damaged one is left out (`polypwatch models` says why)."""
    found = []
    for folder in model_folders():
        try:
            manifest = load_manifest(folder)
        except ModelError:
            continue
        found.append((manifest.name, f"{manifest.name} {manifest.version}"))
    return found
