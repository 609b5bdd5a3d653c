"""What the set-up has gathered so far: a source, how its picture is prepared, and where things go. No Qt."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from app.capture import parse_source
from app.devices.command import with_format
from app.picture.settings import AreaMode, PictureSettings, parse_settings
from app.settings.changes import put
from app.settings.codec import flat
from app.settings.model import Settings
from app.settings.rooms import in_room
from detector.frame import SourceKind


@dataclass(frozen=True, slots=True)
class Draft:
    """Everything that the set-up asks.

    Attributes:
        spec: the source as it is typed; None while none is chosen.
        format: what to ask a camera for, as ``UYVY@1920x1080@50``; None for all else.
        area: ``full`` or ``X,Y,W,H``; None until the user has confirmed one for this source.
        deinterlace: as in the settings.
        aspect: as in the settings.
        colours: as in the settings.
        folder: where recordings go; None: nothing is recorded.
        room: its name.
        language: as in the settings.
    """

    spec: str | None = None
    format: str | None = None
    area: str | None = None
    deinterlace: str = "auto"
    aspect: str | None = None
    colours: str | None = None
    folder: str | None = None
    room: str | None = None
    language: str = "system"

    @classmethod
    def of(cls, settings: Settings) -> Draft:
        """What is remembered already; a picture area that is looked for anew at each start was never confirmed."""
        held = in_room(settings)
        source, folder = held.source, held.recording.folder
        wanted = source.format or ""
        return cls(
            spec=source.spec,
            format=wanted.removeprefix("format=") if wanted.startswith("format=") else None,
            area=source.area if source.spec is not None and source.area != "auto" else None,
            deinterlace=source.deinterlace,
            aspect=source.aspect,
            colours=source.colours,
            folder=str(folder) if folder is not None else None,
            room=held.room.name,
            language=held.language,
        )

    def with_source(self, spec: str | None, wanted: str | None = None) -> Draft:
        """Another source or format: what was chosen for the picture of the one before does not hold for it."""
        if (spec, wanted) == (self.spec, self.format):
            return self
        if spec == self.spec and (self.format is None or _size(wanted) == _size(self.format)):
            return replace(self, format=wanted)  # whether an area fits is seen when the picture is there
        return replace(self, spec=spec, format=wanted, area=None, deinterlace="auto", aspect=None, colours=None)

    @property
    def typed(self) -> str | None:
        """The source as it would be typed, with the format in it."""
        if self.spec is None or self.format is None or "?" in self.spec:
            return self.spec
        return with_format(self.spec, self.format)

    def preview(self) -> PictureSettings:
        """How the whole picture is prepared while its area is chosen: in the pixels in which it arrives."""
        return replace(parse_settings(self.deinterlace, "full", None, self.colours), area=AreaMode.FULL)

    def kept_in(self, settings: Settings) -> Settings:
        """The settings with all of this in them, in the preset of the room where that has a say.

        Raises:
            FormatError: something in it is no valid setting.
        """
        named = put(settings, {"room.name": self.room}) if self.room != settings.room.name else settings
        before = flat(in_room(named))
        values = {key: value for key, value in self._values().items() if value != before[key]}
        values["source.area"] = self.area or "full"  # was confirmed, and is to be found in the file
        return put(named, values)

    def _values(self) -> dict[str, Any]:
        inline = self.spec is not None and "?" in self.spec  # names of devices on Windows
        wanted = f"format={self.format}" if self.format is not None else None
        return {
            "source.spec": f"{self.spec}?{wanted}" if inline and wanted is not None else _lasting(self.spec),
            "source.format": None if inline else wanted,
            "source.deinterlace": self.deinterlace,
            "source.aspect": self.aspect,
            "source.colours": self.colours,
            "recording.folder": str(Path(self.folder).expanduser().absolute()) if self.folder else None,
            "language": self.language,
        }


def _lasting(spec: str | None) -> str | None:
    """A file's path as it holds wherever the program is started from; all else as it is."""
    if spec is None or parse_source(spec).kind not in (SourceKind.FILE, SourceKind.IMAGES) or "://" in spec:
        return spec
    return str(Path(spec.strip()).expanduser().absolute())


def _size(wanted: str | None) -> str:
    parts = (wanted or "").split("@")
    return parts[1] if len(parts) > 1 else ""
