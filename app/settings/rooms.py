"""Presets per room: what differs from room to room, as a file that another computer can take in.

A room file holds no name and password of a stream: it travels.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from app.settings.codec import Document, document_of, parse_json, require_keys_free, validated, with_preset
from app.settings.files import write_whole
from app.settings.model import SCHEMA, Settings
from detector.errors import FormatError, UsageError
from detector.schema import require_schema

ROOM_SCHEMA = "polypwatch.room/1"
_LARGEST_BYTES = 1_000_000
_USER = re.compile(r"//[^/\s\"']*@")
_QUERY = re.compile(r"(://[^\s?\"']*)\?[^\s\"']*")
_SECRET_PROPERTY = re.compile(
    r"([\w-]*(?:user|pw|pass|secret|token|key)[\w-]*)\s*=\s*(?:\"[^\"]*\"|\S+)", re.IGNORECASE
)


def in_room(settings: Settings) -> Settings:
    """The settings with the preset of their room over them; as they are where it has none."""
    name = settings.room.name
    return settings if name is None else with_preset(settings, name, f"the preset of room '{name}'")


def export_room(settings: Settings, path: Path) -> bool:
    """Write what is set in the present room, its preset and all else, as a room file.

    Returns:
        whether the name and password of a stream were left out.

    Raises:
        UsageError: the room has no name.
        OutputError: it cannot be written.
    """
    name = settings.room.name
    if name is None:
        raise UsageError("The room has no name yet.", "Give it one: polypwatch settings --set room.name='Room 2'.")
    document = document_of(in_room(settings))
    content: Document = {key: value for key, value in document.items() if key not in ("schema", "room")}
    spec = content.get("source", {}).get("spec")
    public = without_password(spec)
    if public != spec:
        content["source"]["spec"] = public
    room = {"schema": ROOM_SCHEMA, "name": name, "settings_schema": settings.schema_, "settings": content}
    write_whole(path, json.dumps(room, indent=2, ensure_ascii=False) + "\n")
    return bool(public != spec)


def read_room(path: Path) -> tuple[str, Document]:
    """The name of a room file, and its settings.

    Raises:
        FormatError: it cannot be read, or is no room file.
    """
    try:
        with path.open("rb") as file:
            text = file.read(_LARGEST_BYTES).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise FormatError(f"Cannot read the room file {path}: {error}.", "`--export` writes one.") from error
    room = parse_json(text, str(path))
    require_schema(room, ROOM_SCHEMA, str(path))
    name, content = room.get("name"), room.get("settings")
    if not isinstance(name, str) or not isinstance(content, dict):
        raise FormatError(f"{path} must hold 'name' and 'settings'.", "`--export` writes one.")
    validated({"schema": room.get("settings_schema", SCHEMA), "room": {"presets": {name: content}}}, str(path))
    return name, content


def with_room(settings: Settings, name: str, preset: Document) -> Settings:
    """The settings with a preset for that room, in place of the one it had, and that room as the present one.

    Raises:
        FormatError: together they are not valid (a key of two actions).
    """
    document = document_of(settings)
    room: dict[str, Any] = document.get("room", {})
    presets = room.get("presets", {}) | {name: preset}
    changed = validated(document | {"room": room | {"name": name, "presets": presets}}, f"The room '{name}'")
    require_keys_free(changed, settings)
    return changed


def without_password(spec: Any) -> Any:
    """The address of a stream without name, password and query, all of which may be secret; else as it is.

    In a GStreamer pipeline addresses stand among other words, and names and passwords as properties of their own.
    """
    if not isinstance(spec, str):
        return spec
    if spec.startswith("gst:"):
        return _SECRET_PROPERTY.sub(r"\1=", _QUERY.sub(r"\1", _USER.sub("//", spec)))
    if "://" not in spec:
        return spec
    try:
        parts = urlsplit(spec)
    except ValueError:  # no address at all: nobody knows what of it is secret
        return f"{spec.partition('://')[0]}://"
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
