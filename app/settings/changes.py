"""Changing settings by words: ``ai.threads=2``. What results is checked as a whole before it is kept."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
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
    values: dict[str, Any] = {}
    for word in words:
        key, equals, text = word.partition("=")
        if not equals:
            raise UsageError(f"'{word}' sets nothing.", "Write it as ai.sensitivity=low.")
        section, _, name = (key := key.strip()).partition(".")
        require_known(key)
        values[key] = _value(section, name, text.strip()) if name else text.strip()
    return put(settings, values)


def put(settings: Settings, values: Mapping[str, Any]) -> Settings:
    """The settings with these put in, where each has an effect (see :func:`change`), in the order in which they come.

    Args:
        settings: as they are.
        values: by key (``ai.threads``), as JSON has them.

    Raises:
        UsageError: no such setting.
        FormatError: a wrong value, or a key of two actions.
    """
    document = document_of(settings)
    for key, value in values.items():
        require_known(key)
        layer = _layer_of(document, key)
        section, _, name = key.partition(".")
        if name:
            layer.setdefault(section, {})[name] = value
        else:
            layer[section] = value
    return _checked(document, settings)


def unset(settings: Settings, keys: Iterable[str]) -> Settings:
    """The settings without these, so that the default holds, or below a room's preset what the file says.

    Raises:
        UsageError: no such setting.
        FormatError: a default key was given to another action meanwhile.
    """
    document = document_of(settings)
    for key in keys:
        require_known(key)
        layer = _layer_of(document, key)
        section, _, name = key.partition(".")
        if name:
            layer.get(section, {}).pop(name, None)
        else:
            layer.pop(section, None)
    return _checked(document, settings)


def _layer_of(document: Document, key: str) -> Document:
    preset = _present_preset(document)
    return preset if is_set(preset, key) else document


def _checked(document: Document, before: Settings) -> Settings:
    changed = validated(document, "The change")
    require_keys_free(changed, before)
    return changed


def _present_preset(document: Document) -> Document:
    room = document.get("room", {})
    preset: Document = room.get("presets", {}).get(room.get("name"), {})
    return preset


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
