"""``polypwatch settings``: arguments in, tables out."""

from __future__ import annotations

import argparse
import json
import sys
import types
import typing
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from app.gui.keys import KEYS
from app.settings.changes import change
from app.settings.effective import effective
from app.settings.model import SECTIONS, Settings
from app.settings.rooms import export_room, read_room, with_room
from app.settings.store import Loaded, load_settings, reset_settings, settings_path, update_settings

_VALUE_COLUMN = 24


def run_settings(args: argparse.Namespace) -> int:
    """Do what was asked; returns the exit status."""
    if args.path:
        print(settings_path())
    elif args.describe:
        print(describe())
    elif args.set:
        _say(update_settings(lambda settings: change(settings, args.set)))
        print(f"Kept in {settings_path()}.")
    elif args.export:
        _export(args.export)
    elif args.import_:
        name, preset = read_room(args.import_)
        _say(update_settings(lambda settings: with_room(settings, name, preset)))
        print(f"The room is {name} now; its settings are kept in {settings_path()}.")
    elif args.reset:
        aside = reset_settings()
        print(f"The defaults hold; the settings file was kept as {aside}." if aside else "The defaults hold.")
    else:
        _show()
    return 0


def describe() -> str:
    """A table of every setting: its name, its default and what it means."""
    rows = []
    for section, model in SECTIONS.items():
        for name, field in model.model_fields.items():
            key = f"{section}.{name}"
            default = field.get_default(call_default_factory=True)
            choices = _choices(field.annotation)
            words = f"{field.description}{f' ({choices})' if choices else ''}"
            rows.append((key, _text(default), words))
    rows += [(f"keys.{k.action.name.lower()}", _text(k.keys), f"key of: {k.help}") for k in KEYS]
    language = Settings.model_fields["language"]
    words = f"{language.description} ({_choices(language.annotation)})"
    rows.append(("language", _text(language.default), words))
    return _table([("setting", "default", "what it means"), *rows])


def _show() -> None:
    loaded = load_settings()
    held = effective(argparse.Namespace(), loaded)
    audit = held.audit()
    print(_table((key, _text(row["value"]), str(row["from"])) for key, row in audit.items()))
    rooms = ", ".join(loaded.settings.room.presets) or "none"
    print(f"\nPresets of rooms: {rooms}\nFile: {loaded.path}{'' if loaded.path.exists() else ' (not written yet)'}")
    _say_all(held.notes)


def _export(path: Path) -> None:
    loaded = load_settings()
    _say(loaded)
    if export_room(loaded.settings, path):
        print("Note: name and password of the stream were left out.", file=sys.stderr)
    print(path)


def _say(loaded: Loaded) -> None:
    _say_all(loaded.notes)


def _say_all(notes: Sequence[str]) -> None:
    for note in notes:
        print(f"polypwatch: {note}", file=sys.stderr)


def _choices(annotation: Any) -> str:
    """What a setting of fixed words can be; empty for all others."""
    if isinstance(annotation, types.UnionType):
        return next((c for c in map(_choices, typing.get_args(annotation)) if c), "")
    if typing.get_origin(annotation) is typing.Literal:
        return "|".join(map(str, typing.get_args(annotation)))
    return "true|false" if annotation is bool else ""


def _text(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return " ".join(map(str, value))
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _table(rows: Iterable[tuple[str, str, str]]) -> str:
    kept = list(rows)
    first = max(len(row[0]) for row in kept)
    second = min(_VALUE_COLUMN, max(len(row[1]) for row in kept))
    return "\n".join(f"{a:<{first}}  {b:<{second}}  {c}".rstrip() for a, b, c in kept)
