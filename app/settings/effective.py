"""What holds for a session, and where each value comes from: default, file, room's preset or command line.

The command line goes before the room, the room before the file, the file before the defaults.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.settings.codec import document_of, flat, is_set, merged, model_of
from app.settings.keymap import keys_given_up
from app.settings.model import Settings, Source
from app.settings.rooms import in_room, without_password
from app.settings.store import Loaded
from detector.errors import FormatError, UsageError

OPTIONS = {
    "source": "source.spec",
    "deinterlace": "source.deinterlace",
    "area": "source.area",
    "aspect": "source.aspect",
    "colours": "source.colours",
    "model": "ai.model",
    "variant": "ai.variant",
    "provider": "ai.provider",
    "threads": "ai.threads",
    "synchronised": "screen.synchronised",
    "record": "recording.folder",
    "snapshots": "recording.snapshots",
}
"""Which setting an option of the command line stands for."""


_NOT_RECORDED = (
    "Nothing can be recorded: the picture area that was set before is lost, and the whole picture may show a name. "
    "Set it again (`polypwatch settings --set source.area=...`) or give --area."
)


@dataclass(frozen=True, slots=True)
class Effective:
    """What holds.

    Attributes:
        settings: all of them, with room and command line put in.
        origins: by setting, ``default``, ``file``, ``room`` or ``command line``.
        notes: what must be said to the user.
        may_record: False while the picture area that keeps the patient's name out is lost.
    """

    settings: Settings
    origins: dict[str, str]
    notes: tuple[str, ...] = ()
    may_record: bool = True

    def audit(self) -> dict[str, dict[str, Any]]:
        """Every setting with its value and origin, for the audit log; no password of a stream is in it."""
        values = flat(self.settings)
        values["source.spec"] = without_password(values["source.spec"])
        return {key: {"value": value, "from": self.origins[key]} for key, value in values.items()}

    def arguments(self, args: argparse.Namespace) -> argparse.Namespace:
        """The command line as if everything had been given there; ``source`` is None where nobody named one."""
        values = flat(self.settings)
        result = argparse.Namespace(**vars(args))
        for option, key in OPTIONS.items():
            value = values[key]
            if option in ("record", "snapshots"):
                value = Path(value).expanduser() if value is not None else getattr(args, option, None)
            setattr(result, option, value)
        if not self.may_record:
            result.record = None
        if self.origins["source.spec"] != "command line":
            result.source = _asked_for(self.settings.source)
        return result


def effective(args: argparse.Namespace, loaded: Loaded) -> Effective:
    """Put the command line over the settings.

    Args:
        args: of a command; ``given`` in it names the options that the user wrote (``options.note_given``).
        loaded: the settings file.

    Raises:
        UsageError: an option has a value that cannot be set.
    """
    chosen: dict[str, Any] = {}
    for option in getattr(args, "given", frozenset()):
        if option in OPTIONS:
            value = getattr(args, option)
            section, _, name = OPTIONS[option].partition(".")
            chosen.setdefault(section, {})[name] = str(value.absolute()) if isinstance(value, Path) else value
    file = document_of(loaded.settings)
    room = loaded.settings.room
    preset = room.presets.get(room.name, {}) if room.name is not None else {}
    below = in_room(loaded.settings)
    settings = _with_command_line(below, chosen) if chosen else below
    layers = (("command line", chosen), ("room", preset), ("file", file))
    origins = {k: next((word for word, layer in layers if is_set(layer, k)), "default") for k in flat(settings)}
    may_record = not loaded.lost or origins["source.area"] == "command line"
    held_back = () if may_record or settings.recording.folder is None else (_NOT_RECORDED,)
    notes = (*loaded.notes, *held_back, *keys_given_up(settings.keys))
    return Effective(settings, origins, notes, may_record)


def _with_command_line(settings: Settings, chosen: dict[str, Any]) -> Settings:
    try:
        return model_of(merged(document_of(settings), chosen), "The command line")
    except FormatError as error:
        raise UsageError(error.what, "`polypwatch live --help` says what can be written.") from error


def _asked_for(source: Source) -> str | None:
    """A camera's spec with what to ask it for, unless it says so itself."""
    spec, wanted = source.spec, source.format
    from app.capture import parse_source
    from detector.frame import SourceKind

    if spec is None or wanted is None or "?" in spec or parse_source(spec).kind is not SourceKind.CAMERA:
        return spec
    return f"{spec}?{wanted}"
