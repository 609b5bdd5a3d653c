"""The side file of an export, `polypwatch.json` (schema `polypwatch.exchange/1`): what the format itself cannot hold.

It holds each video's labels as they were. On the way back boxes and lesions come from the format's own files, as the
other tool left them; what those cannot say (who reviewed what, states, attributes, exact digits of boxes that nobody
moved) comes from here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from app import SOFTWARE
from app.qa.exchange.model import Item
from detector.annotation import Annotation, parse_annotation
from detector.errors import FormatError, OutputError
from detector.schema import require_schema

SCHEMA = "polypwatch.exchange/1"
NAME = "polypwatch.json"


def write_side(folder: Path, form: str, items: Sequence[Item], loses: str) -> None:
    """Write the side file.

    Raises:
        OutputError: the folder cannot be written.
    """
    videos = [{"key": i.key, "labels": i.annotation.model_dump(mode="json", by_alias=True)} for i in items]
    head = {"schema": SCHEMA, "software": SOFTWARE, "format": form, "holds": loses}
    text = json.dumps(head | {"videos": videos}, ensure_ascii=False) + "\n"
    try:
        (folder / NAME).write_text(text, encoding="utf-8")
    except OSError as error:
        raise OutputError(f"Cannot write {folder / NAME}: {error.strerror or error}.", "Is the disk full?") from error


def find_side(path: Path) -> Path | None:
    """The side file of an export, from its folder or from a file in it."""
    places = [path, *path.parents][:4] if path.is_dir() else list(path.parents)[:4]
    return next((p / NAME for p in places if (p / NAME).is_file()), None)


def read_side(path: Path) -> Mapping[str, Annotation]:
    """The labels of each video as they were exported, by key.

    Raises:
        FormatError: it is damaged or of another schema.
    """
    try:
        data: Any = json.loads(path.read_text(encoding="utf-8"))
        require_schema(data, SCHEMA, str(path))
        rows = [(str(v["key"]), json.dumps(v["labels"])) for v in data["videos"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise FormatError(
            f"{path} cannot be read ({error}).", "Restore it from the export, or remove it to import without it."
        ) from error
    return {key: parse_annotation(text, f"{path}, {key}") for key, text in rows}
