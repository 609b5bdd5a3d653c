"""YOLO text labels: `class cx cy w h` (or a polygon) in shares of the image, and the names in `data.yaml`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from detector.errors import FormatError, UsageError
from detector.geometry import Size
from detector.labels.mark import Mark, convex_hull
from detector.labels.text import number, read_text

Values = npt.NDArray[np.float64]


def read_yolo_settings(path: Path) -> dict[str, Any]:
    """A `data.yaml`.

    Raises:
        SourceError: it cannot be read.
        FormatError: it is no YAML mapping.
        UsageError: PyYAML is not installed.
    """
    try:
        import yaml
    except ImportError as error:
        raise UsageError(f"{path.name} needs PyYAML to be read.", "Install it: pip install PyYAML.") from error
    try:
        settings = yaml.safe_load(read_text(path))
    except yaml.YAMLError as error:
        raise FormatError(f"{path} is not YAML ({error}).") from error
    if not isinstance(settings, dict):
        raise FormatError(f"{path} is no YAML mapping.", "Is it a YOLO data file?")
    return settings


def yolo_names(settings: dict[str, Any], path: Path | None) -> dict[int, str] | None:
    """Names of the classes by index; None if the set gives none.

    Raises:
        FormatError: they are neither a list nor a mapping of index to name.
    """
    names = settings.get("names")
    if names is None:
        return None
    if not isinstance(names, list | dict) or names == {}:
        raise FormatError(f"{path}: 'names' is neither a list nor a mapping of index to name.")
    pairs = enumerate(names) if isinstance(names, list) else names.items()
    try:
        return {int(index): str(name) for index, name in pairs}
    except (TypeError, ValueError) as error:
        raise FormatError(f"{path}: 'names' has an index that is no number ({error}).") from error


def yolo_label_of(image: Path) -> Path:
    """Where an image's label is: the last folder `images` of its path becomes `labels`, the suffix `.txt`."""
    parts = list(image.with_suffix(".txt").parts)
    for i in range(len(parts) - 2, -1, -1):
        if parts[i] == "images":
            parts[i] = "labels"
            break
    return Path(*parts)


def read_yolo(path: Path, size: Size, names: dict[int, str] | None) -> list[Mark]:
    """The marks of one image, in the order of the lines.

    Args:
        path: the label file.
        size: of the image.
        names: of the classes; None takes the numbers for names.

    Raises:
        SourceError: it cannot be read.
        FormatError: a line is neither a box nor a polygon, or of a class that has no name.
    """
    marks = []
    for position, line in enumerate(read_text(path).splitlines(), start=1):
        fields = line.split()
        if not fields:
            continue
        where = f"{path}, line {position}"
        if not fields[0].isdecimal():
            raise FormatError(f"{where}: '{fields[0]}' is no class index.")
        index = int(fields[0])
        if names is not None and index not in names:
            raise FormatError(f"{where}: class {index} has no name in the data file.")
        kind = names[index] if names is not None else fields[0]
        values = np.array([number(v) for v in fields[1:]], np.float64)
        if len(values) != 4 and (len(values) < 6 or len(values) % 2):
            raise FormatError(f"{where} has {len(values)} numbers: neither a box (4) nor a polygon (pairs, 6 or more).")
        marks.append(_box(values, size, kind) if len(values) == 4 else _polygon(values, size, kind))
    return marks


def _box(values: Values, size: Size, kind: str) -> Mark:
    cx, cy, w, h = (float(v) for v in values)
    box = np.array([cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2]) * np.array([*size, *size])
    return Mark(_rounded(box), kind)


def _polygon(values: Values, size: Size, kind: str) -> Mark:
    points = values.reshape(-1, 2) * np.array(size)
    box = _rounded(np.concatenate((points.min(axis=0), points.max(axis=0))))
    return Mark(box, kind, outline=convex_hull(points))


def _rounded(box: Values) -> tuple[float, float, float, float]:
    """To thousandths of a pixel: six written digits of a share are no more exact than that."""
    x1, y1, x2, y2 = (round(float(v), 3) for v in box)
    return x1, y1, x2, y2
