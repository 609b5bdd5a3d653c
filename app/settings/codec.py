"""Settings as text: strict where a person may have mistyped, patient with what a newer minor version added.

A file holds only what was set. Keys are written with a dot where they are spoken of: ``ai.threads``.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from app.settings.keymap import action_names, held_keys, keys_given_up
from app.settings.model import MINOR, SCHEMA, SECTIONS, Settings
from detector.errors import FormatError, UsageError
from detector.schema import describe_validation_error, require_schema

Document = dict[str, Any]
"""What a settings file holds: JSON values by section and key, only those that were set."""

_HINT = "`polypwatch settings --describe` lists all of them."


def decode(text: str, where: str) -> Settings:
    """Read a settings file, and check it with each of its presets.

    Raises:
        FormatError: not JSON, another schema, an unknown key, a wrong value or a key of two actions; it says which.
    """
    return validated(parse_json(text, where), where)


def parse_json(text: str, where: str) -> Any:
    """Decode JSON in which no name stands twice.

    Raises:
        FormatError: it is none, or a name stands twice in one object.
    """
    try:
        return json.loads(text, object_pairs_hook=_object)
    except (ValueError, RecursionError) as error:  # also absurdly long numbers and deep nesting
        raise FormatError(f"{where} is not valid JSON: {error}.", "Was it cut short, or edited by hand?") from error


def validated(document: Any, where: str) -> Settings:
    """The settings of a document, its presets checked too.

    Raises:
        FormatError: as for :func:`decode`.
    """
    settings = model_of(document, where)
    for name, preset in settings.room.presets.items():
        with_preset(settings, name, f"the preset of room '{name}' in {where}", preset)
    return settings


def with_preset(settings: Settings, room: str, where: str, preset: Mapping[str, Any] | None = None) -> Settings:
    """The settings with a room's preset over them; as they are where the room has none.

    Raises:
        FormatError: the preset has something that is no setting.
    """
    over = settings.room.presets.get(room, {}) if preset is None else preset
    if "room" in over or "schema" in over:
        raise FormatError(f"In {where} 'room' and 'schema' have no place.", "A preset holds the other sections.")
    return model_of(merged(document_of(settings), over), where)


def require_keys_free(after: Settings, before: Settings) -> None:
    """Refuse a change, also of a preset, that takes a key away from another action.

    Raises:
        FormatError: both actions are named.
    """
    for name in (None, *after.room.presets):
        there = after if name is None else with_preset(after, name, f"the preset of room '{name}'")
        earlier = before if name is None else with_preset(before, name, f"the preset of room '{name}'")
        if taken := [words for words in keys_given_up(there.keys) if words not in keys_given_up(earlier.keys)]:
            where = f" of room '{name}'" if name else ""
            raise FormatError(f"The keys{where} cannot be so. {taken[0].partition(';')[0]}.", "Choose another one.")


def document_of(settings: Settings) -> Document:
    """What was set, as a document; a new copy."""
    document: Document = json.loads(settings.model_dump_json(by_alias=True, exclude_unset=True))
    return {"schema": settings.schema_} | document


def encode(settings: Settings) -> str:
    """The text of a settings file, with a newline at the end."""
    return json.dumps(document_of(settings), indent=2, ensure_ascii=False) + "\n"


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> Document:
    """``above`` laid over ``below``, object by object."""
    result = dict(below)
    for name, value in above.items():
        old = result.get(name)
        result[name] = merged(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return result


def known_keys() -> tuple[str, ...]:
    """Every setting, as ``section.key``; the keys of actions as ``keys.action``."""
    keys = [f"{name}.{field}" for name, section in SECTIONS.items() for field in section.model_fields]
    keys += [f"keys.{action}" for action in action_names()]
    return (*keys, "language")


def flat(settings: Settings) -> dict[str, Any]:
    """Every setting with its value as JSON has it, but for the presets."""
    document = json.loads(settings.model_dump_json(by_alias=True))
    values = {f"{name}.{field}": document[name][field] for name in SECTIONS for field in SECTIONS[name].model_fields}
    values |= {f"keys.{action}": list(names) for action, names in held_keys(settings.keys).items()}
    del values["room.presets"]
    return values | {"language": settings.language}


def is_set(document: Mapping[str, Any], key: str) -> bool:
    """Whether a document holds a setting."""
    section, _, name = key.partition(".")
    return section in document and (not name or name in document[section])


def require_known(key: str) -> None:
    """Refuse a key that there is not.

    Raises:
        UsageError: it names the nearest one.
    """
    if key not in known_keys() or key == "room.presets":
        raise UsageError(f"There is no setting '{key}'{_nearest(key)}.", _HINT)


def model_of(document: Any, where: str) -> Settings:
    """The settings of a document, without a look at its presets.

    Raises:
        FormatError: as for :func:`decode`.
    """
    require_schema(document, SCHEMA, where)
    minor = re.fullmatch(r".*?\.(\d{1,9})", document["schema"].partition("/")[2])
    newer = minor is not None and int(minor[1]) > MINOR
    if not newer and (unknown := next(_unknown_keys(document), "")):
        raise FormatError(f"{where} has a setting '{unknown}' that there is not{_nearest(unknown)}.", _HINT)
    try:
        return Settings.model_validate_json(json.dumps(document), context={"newer": newer})
    except ValidationError as error:
        raise FormatError(f"{where} cannot be used: {_problems(error)}.", _HINT) from error
    except (ValueError, RecursionError) as error:  # lone surrogates, deep nesting
        raise FormatError(f"{where} cannot be used: {error}.", _HINT) from error


def _problems(error: ValidationError) -> str:
    return describe_validation_error(error).replace("Value error, ", "").rstrip(".")


def _unknown_keys(document: Mapping[str, Any]) -> Iterator[str]:
    known = known_keys()
    for section, values in document.items():
        if section in SECTIONS and isinstance(values, dict):
            yield from (key for key in (f"{section}.{name}" for name in values) if key not in known)
        elif section not in SECTIONS and section not in ("schema", "keys", "language"):
            yield section  # the actions of `keys` are named with their own message


def _nearest(key: str) -> str:
    """``; the nearest is 'ai.threads'``, or nothing where none is near."""
    known = [k for k in known_keys() if k != "room.presets"]
    by_name: dict[str, str] = {}
    for other in known:
        by_name.setdefault(other.rpartition(".")[2], other)
    name = key.rpartition(".")[2]
    close = difflib.get_close_matches(key, [*known, *SECTIONS, "keys"], n=1, cutoff=0.75)
    if name in by_name:
        close = [by_name[name]]  # the right word in the wrong section
    elif not close:
        close = [by_name[n] for n in difflib.get_close_matches(name, by_name, n=1)]
    return f"; the nearest is '{close[0]}'" if close else ""


def _object(pairs: list[tuple[str, Any]]) -> Document:
    result = dict(pairs)
    if len(result) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"'{twice}' stands there twice")
    return result
