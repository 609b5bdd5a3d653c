"""All layouts by name, and the guess which one a folder has."""

from __future__ import annotations

import importlib
from functools import cache
from pathlib import Path

from detector.errors import SourceError, UsageError
from training.importers.context import Layout

_MODULES = (
    "polypgen",
    "procedures",
    "cvat",
    "label_studio",
    "mot",
    "kvasir_json",
    "coco",
    "yolo",
    "voc",
    "box_files",
    "masks",
)
"""Each has a tuple `LAYOUTS`; the more particular first, so that the guess is right."""


@cache
def layouts() -> dict[str, Layout]:
    """Every layout, the more particular first."""
    modules = [importlib.import_module(f"training.importers.{name}") for name in _MODULES]
    return {layout.name: layout for module in modules for layout in module.LAYOUTS}


def find_layout(root: Path, name: str | None) -> Layout:
    """The layout called `name`, or the one that `root` looks like.

    Raises:
        SourceError: `root` does not exist.
        UsageError: there is no such layout, or none fits; the message lists them.
    """
    known = layouts()
    if name is not None and name not in known:
        raise UsageError(f"There is no layout '{name}'.", f"Known: {', '.join(known)}.")
    if not root.exists():
        raise SourceError(f"{root} does not exist.", "Name a folder or a label file.")
    if name is not None:
        return known[name]
    for layout in known.values():
        if layout.matches(root):
            return layout
    raise UsageError(f"{root} looks like none of the layouts that are known.", f"Say --layout: {', '.join(known)}.")
