"""All layouts by name, and the guess which one a folder has."""

from __future__ import annotations

import importlib
from functools import cache
from pathlib import Path

from detector.errors import SourceError, UsageError
from training.importers.context import Layout

_MODULES = (
    "handover",
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

_LOOKED_INTO = 20
"""Folders below one that fits nothing, to say which of them was probably meant."""


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
    if (found := _guess(root)) is not None:
        return found
    below = sorted(p for p in root.iterdir() if p.is_dir())[:_LOOKED_INTO] if root.is_dir() else []
    deeper = [(p, layout) for p in below if (layout := _guess(p)) is not None]
    hint = "".join(f" {p} looks like {layout.name}: import that." for p, layout in deeper[:1])
    raise UsageError(
        f"{root} looks like none of the layouts that are known.{hint}", f"Say --layout: {', '.join(known)}."
    )


def _guess(root: Path) -> Layout | None:
    return next((layout for layout in layouts().values() if layout.matches(root)), None)
