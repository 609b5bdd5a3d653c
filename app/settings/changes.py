"""Changing settings by words: ``ai.threads=2``. What results is checked as a whole before it is kept."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from pydantic import ValidationError

from app.settings.codec import Document, document_of, is_set, require_keys_free, require_known, validated
from app.settings.model import SECTIONS, Settings
from detector.errors import UsageError


def change(settings: Settings, words: Iterable[str]) -> Settings:
    """The settings with each ``key=value`` put in.

    A value is JSON (``2``, ``true``, ``null``, ``["F13", "A"]``) where the setting takes that, and text otherwise. What
    the preset of the present room holds is changed there: anywhere else the change would do nothing.

    Raises:
        UsageError: not ``key=value``, or no such setting.
        FormatError: a wrong value, or a key of two actions.
    """
    document = document_of(settings)
    for word in words:
        key, equals, text = word.partition("=")
        if not equals:
            raise UsageError(f"'{word}' sets nothing.", "Write it as ai.sensitivity=low.")
        key = key.strip()
        require_known(key)
        preset = _present_preset(document)
        _put(preset if is_set(preset, key) else document, key, text.strip())
    changed = validated(document, "The change")
    require_keys_free(changed, settings)
    return changed


def _present_preset(document: Document) -> Document:
    room = document.get("room", {})
    preset: Document = room.get("presets", {}).get(room.get("name"), {})
    return preset


def _put(document: Document, key: str, text: str) -> None:
    section, _, name = key.partition(".")
    if not name:
        document[section] = text
    else:
        document.setdefault(section, {})[name] = _value(section, name, text)


def _value(section: str, name: str, text: str) -> Any:
    """The text as JSON if the setting takes that: ``source.spec=0`` is a text, ``ai.threads=0`` a number."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    if section == "keys":
        return value if isinstance(value, list) else text  # 1 is a key
    try:
        SECTIONS[section].model_validate_json(json.dumps({name: text}))
    except ValidationError:
        return value
    return value if value is None or isinstance(value, str) else text
