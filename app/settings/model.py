"""What can be set, section by section: the type, the limits, the default and one line of help of every setting.

The colour of the boxes is not among them: it was chosen for eyes of every kind, and one that adapts flickers.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, ValidationInfo

from app.settings.keymap import checked_keys, key_list
from detector.errors import UsageError

SCHEMA = "polypwatch.settings/1"
MINOR = 0
"""The newest minor version of the schema that this program knows every key of."""


def _plain(text: str) -> str:
    if not text.isprintable() or text != text.strip() or not text:
        raise ValueError("must be printable text without spaces around it, or null")
    return text


def _source(text: str) -> str:
    from app.capture import parse_source  # loads the decoders: only where a source was named

    return _understood(text, lambda: parse_source(text))


def _format(text: str) -> str:
    from app.capture import parse_source

    return _understood(text, lambda: parse_source(f"camera:0?{text}"))


def _area(text: str) -> str:
    from app.picture.settings import parse_area

    return _understood(text, lambda: parse_area(text))


def _aspect(text: str) -> str:
    from app.picture.settings import parse_settings

    return _understood(text, lambda: parse_settings("auto", "full", text, None))


def _colours(text: str) -> str:
    from app.picture.settings import parse_settings

    return _understood(text, lambda: parse_settings("auto", "full", None, text))


def _understood(text: str, parse: Callable[[], object]) -> str:
    """``text``, if the parser of the command line takes it: one rule for both."""
    try:
        parse()
    except UsageError as error:
        raise ValueError(str(error)) from None
    return text


def _folder(path: Path) -> Path:
    # A relative one would be another folder each time the program is started from elsewhere.
    if not path.is_absolute() and path.parts[:1] != ("~",):
        raise ValueError("must be an absolute path, or begin with ~")
    return path


def _keys(keys: dict[str, tuple[str, ...]], info: ValidationInfo) -> dict[str, tuple[str, ...]]:
    return checked_keys(keys, unknown_actions_too=bool((info.context or {}).get("newer")))


Text = Annotated[str, Field(max_length=200), AfterValidator(_plain)]
ModelName = Annotated[str, Field(max_length=4096), AfterValidator(_plain)]
Folder = Annotated[Path, AfterValidator(_folder)]
Keys = Annotated[tuple[str, ...], BeforeValidator(key_list)]
Milliseconds = Annotated[int, Field(ge=0, le=5000)]


class Section(BaseModel):
    """Frozen; keeps keys of a newer minor version. Which keys are unknown is the codec's business."""

    model_config = ConfigDict(frozen=True, extra="allow", strict=True, allow_inf_nan=False, populate_by_name=True)


class Room(Section):
    """Where the computer stands, and what other rooms it may stand in."""

    name: Text | None = Field(None, description="the room; its preset, if there is one, goes before all else here")
    presets: dict[Text, dict[str, JsonValue]] = Field(
        default_factory=dict, description="settings by room, as `--import` brings them"
    )


class Source(Section):
    """Where the pictures come from, and how they are prepared."""

    spec: Annotated[str, AfterValidator(_source)] | None = Field(
        None, description="camera:0, rtsp://..., a video or a folder; null: named at every start"
    )
    format: Annotated[str, AfterValidator(_format)] | None = Field(
        None, description="what to ask a camera for, as size=1920x1080&rate=60&fourcc=UYVY; null: what it offers"
    )
    area: Annotated[str, AfterValidator(_area)] = Field(
        "full", description="the part that is shown, analysed and recorded: full, auto or X,Y,W,H"
    )
    deinterlace: Literal["auto", "off", "top", "bottom"] = Field(
        "auto", description="a frame from each field: as the content says, never, or with that field first"
    )
    aspect: Annotated[str, AfterValidator(_aspect)] | None = Field(
        None, description="how wide the whole picture is to be shown, as 4:3; null: its pixels are square"
    )
    colours: Annotated[str, AfterValidator(_colours)] | None = Field(
        None, description="what the picture was decoded as and what it is, as 601:709; null: it is right"
    )


class Ai(Section):
    """What looks for polyps, and when it speaks."""

    model: ModelName = Field("fast", description="a model's name or folder")
    variant: Text | None = Field(None, description="one of the model's files; null: the one for the provider")
    provider: Literal["auto", "cuda", "tensorrt", "cpu"] = Field("auto", description="what runs the model")
    threads: Annotated[int, Field(ge=1, le=256)] | None = Field(
        None, description="CPU threads for the model; null: the cores that picture and recording leave"
    )
    sensitivity: Literal["high", "normal", "low"] = Field("normal", description="the preset of what makes a marker")
    threshold: Annotated[float, Field(ge=0.01, le=1)] | None = Field(
        None, description="expert: score from which a marker appears; null: as the model and the preset say"
    )
    keep_ratio: Annotated[float, Field(gt=0, le=1)] | None = Field(
        None, description="expert: a marker stays down to this part of the threshold; null: as the preset says"
    )
    min_seen_ms: Milliseconds = Field(200, description="how long a lesion must be followed before it is marked")
    min_display_ms: Milliseconds = Field(0, description="how long a marker stays at least")
    hold_ms: Milliseconds = Field(300, description="how long a marker stays without new evidence")
    shadow: bool = Field(False, description="the AI runs and is recorded, but shows nothing")
    candidate: ModelName | None = Field(None, description="a model that runs unseen beside the other, for QA")


class Screen(Section):
    """What is drawn, and where."""

    full_screen: bool = Field(False, description="begin in full screen")
    synchronised: bool = Field(False, description="each picture waits for its own boxes, 100 ms at most")
    cue: bool = Field(True, description="a new marker draws attention once")
    edge_indicator: bool = Field(False, description="a sign at the edge of the picture on the side of a marker")
    confidence: bool = Field(False, description="write the score beside a marker")
    second_monitor: Text | None = Field(None, description="name of the screen with the clean picture; null: none")
    second_monitor_boxes: bool = Field(False, description="boxes on the second monitor, too")
    light_override: bool = Field(False, description="boxes also in light that the model was not validated in")


class Sound(Section):
    """The sound of a new lesion."""

    volume_percent: Annotated[int, Field(ge=0, le=100)] = Field(100, description="how loud it is")
    muted: bool = Field(False, description="begin without sound")


class Recording(Section):
    """What is kept, where, and for how long."""

    folder: Folder | None = Field(None, description="where recordings go; null: nothing can be recorded")
    snapshots: Folder | None = Field(
        None, description="where snapshots go; null: polypwatch-out in the folder that it was started from"
    )
    from_scope_in: bool = Field(True, description="record from 'scope in' to 'scope out' without being asked")
    encoder: Literal["auto", "x264", "nvenc", "qsv", "amf", "videotoolbox", "copy"] = Field(
        "auto", description="a hardware encoder where there is one, that encoder, or the source's own stream"
    )
    confirmed_no_text: bool = Field(
        False, description="somebody looked: no picture of the source shows a name; lets 'copy' record all of it"
    )
    retention_days: Annotated[int, Field(ge=1, le=36_500)] | None = Field(
        None, description="recordings older than this are proposed for deletion; null: never"
    )
    min_free_gb: Annotated[float, Field(ge=1)] = Field(10.0, description="recording stops before less space is free")


class Procedure(Section):
    """The examination."""

    withdrawal_hint_min: Annotated[float, Field(gt=0, le=60)] | None = Field(
        8.0, description="minutes of withdrawal below which there is a quiet hint; null: no hint"
    )
    hide_s: Annotated[int, Field(ge=10, le=300)] = Field(60, description="boxes that were hidden come back after this")


class Settings(Section):
    """All settings. What was never set is not written, so that it follows the defaults of a newer version."""

    schema_: str = Field(SCHEMA, alias="schema")
    room: Room = Room()
    source: Source = Source()
    ai: Ai = Ai()
    screen: Screen = Screen()
    sound: Sound = Sound()
    recording: Recording = Recording()
    procedure: Procedure = Procedure()
    keys: Annotated[dict[str, Keys], AfterValidator(_keys)] = Field(
        default_factory=dict, description="keys by action, in Qt's spelling, as F13 or Ctrl+Shift+P"
    )
    language: Literal["system", "en", "it"] = Field("system", description="of the window and of reports")


SECTIONS: dict[str, type[Section]] = {
    name: field.annotation
    for name, field in Settings.model_fields.items()
    if isinstance(field.annotation, type) and issubclass(field.annotation, Section)
}
