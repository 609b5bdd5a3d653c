"""All formats by name, and the guess which one a folder or file has."""

from __future__ import annotations

from pathlib import Path

from app.qa.exchange.coco import COCO
from app.qa.exchange.cvat import CVAT
from app.qa.exchange.model import Format
from app.qa.exchange.mot import MOT
from app.qa.exchange.tables import CSV, PARQUET
from app.qa.exchange.voc import VOC
from app.qa.exchange.yolo import YOLO
from detector.errors import SourceError, UsageError

FORMATS: dict[str, Format] = {f.name: f for f in (COCO, YOLO, VOC, CVAT, MOT, CSV, PARQUET)}
_GUESSED = (CVAT, MOT, PARQUET, CSV, YOLO, COCO, VOC)
"""The more particular first, so that the guess is right."""


def find_format(name: str) -> Format:
    """A format by its name.

    Raises:
        UsageError: there is none of that name.
    """
    if name not in FORMATS:
        raise UsageError(f"There is no format '{name}'.", f"Known: {', '.join(FORMATS)}.")
    return FORMATS[name]


def guess_format(path: Path) -> Format:
    """The format that a folder or file looks like.

    Raises:
        SourceError: it does not exist.
        UsageError: it looks like none.
    """
    if not path.exists():
        raise SourceError(f"{path} does not exist.", "Check the spelling.")
    found = next((f for f in _GUESSED if f.matches(path)), None)
    if found is None:
        raise UsageError(f"{path} looks like no format that is known.", f"Say --format: {', '.join(FORMATS)}.")
    return found
