"""The model folder: ``manifest.json`` (schema ``polypwatch.model/1``), its variants, and where models are found.

One model, several files: each variant names its file, hash, input and output contract and its own operating threshold.
The codec is strict: a missing field is an error that names it, an unknown major schema is refused, unknown fields of a
newer minor version are kept. The format is documented in ``docs/formats.md``.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path, PureWindowsPath
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
    model_validator,
)

from detector.errors import FormatError, ModelError
from detector.geometry import Size
from detector.schema import describe_validation_error, require_schema

SCHEMA = "polypwatch.model/1"
MANIFEST_NAME = "manifest.json"

Unit = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]


def _plain_file_name(name: str) -> str:
    """Model files lie beside the manifest: a path could lead out of the folder, on this system or on another."""
    if not name.isprintable() or PureWindowsPath(name).name != name or name in ("", ".", ".."):
        raise ValueError("must be a plain file name beside the manifest")
    return name


class _Record(BaseModel):
    """Frozen; keeps fields that this version does not know, so that rewriting loses nothing."""

    model_config = ConfigDict(frozen=True, extra="allow", strict=True, allow_inf_nan=False)


class InputContract(_Record):
    """What the network takes.

    ``blob_f32_nchw``: float32 ``(1, 3, height, width)`` made by :mod:`detector.preprocess`.
    ``frame_u8_hwc``: uint8 frames ``(n, h, w, 3)`` in BGR of any size; resize, colour order and normalisation run in
    the graph. Beside ``name`` it takes what :mod:`detector.resize_maps` makes.
    """

    name: str
    contract: Literal["blob_f32_nchw", "frame_u8_hwc"]
    width: int = Field(gt=0)
    height: int = Field(gt=0)
    colour: Literal["bgr", "rgb"]
    mean: tuple[float, float, float]
    std: tuple[Positive, Positive, Positive]
    resize: str
    pad: int = Field(ge=0, le=255)

    @property
    def size(self) -> Size:
        """The network's input size in pixels."""
        return Size(self.width, self.height)


class OutputContract(_Record):
    """The names of the three outputs: ``(1, top_k, 4)`` xyxy in input pixels, ``(1, top_k)`` scores and classes."""

    boxes: str
    scores: str
    classes: str
    top_k: int = Field(gt=0)


class Metrics(_Record):
    """Figures of one model variant on one set, with the command that measured them.

    Attributes:
        dataset: name of the set and of its split.
        images: how many images were scored.
        threshold: score threshold of the figures that need one; None for AP.
        values: figure by name (``ap50``, ``ap50_95``, ``frames_with_false_box``, ...).
        command: what to run to get the same.
        machine: what it ran on.
    """

    dataset: str
    images: int
    threshold: float | None
    values: dict[str, float]
    command: str
    machine: str


class Parity(_Record):
    """How far this file's outputs are from the trained network's on the same images.

    Attributes:
        reference: what it was compared with.
        images: on how many images.
        max_box_px: largest box difference in input pixels.
        max_score: largest score difference.
    """

    reference: str
    images: int
    max_box_px: float
    max_score: float


class Licence(_Record):
    """A data set or starting weights that the model was made from."""

    name: str
    licence: str
    citation: str


class FalseAlarms(_Record):
    """How often a marker appeared where no polyp was.

    Attributes:
        per_minute: markers per minute of video.
        minutes: of how much video.
        processors: from how many makes of endoscopy processor; 0 if that is not known.
        command: what to run to get the same.
    """

    per_minute: float = Field(ge=0)
    minutes: Positive
    processors: int = Field(ge=0)
    command: str = ""


class PresetRecord(_Record):
    """One step of sensitivity of a variant; see :mod:`detector.presets`, where its limits are explained."""

    name: Literal["high", "normal", "low"]
    threshold: Annotated[float, Field(gt=0, le=1)]
    keep_ratio: Annotated[float, Field(gt=0, le=1)] = 0.6
    min_seen_s: float = Field(0.2, ge=0)
    hold_s: float = Field(0.3, ge=0)
    false_alarms: FalseAlarms | None = None


class Variant(_Record):
    """One file of a model."""

    name: str
    file: Annotated[str, AfterValidator(_plain_file_name)]
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    precision: Literal["fp32", "fp16", "int8"]
    providers: list[Literal["cpu", "cuda", "tensorrt"]]
    input: InputContract
    output: OutputContract
    nms_iou: Unit
    threshold: Annotated[float, Field(gt=0, le=1)]
    parity: Parity | None
    metrics: list[Metrics]
    presets: list[PresetRecord] = Field(default_factory=list)

    @model_validator(mode="after")
    def _presets_differ(self) -> Variant:
        names = [p.name for p in self.presets]
        if len(set(names)) != len(names):
            raise ValueError(f"two presets have the same name: {names}")
        return self

    @model_serializer(mode="wrap")
    def _written(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without ``presets`` where there are none, so that rewriting an older manifest adds nothing."""
        data: dict[str, Any] = write(self)
        return data if self.presets else {k: v for k, v in data.items() if k != "presets"}


class ModelManifest(_Record):
    """Everything that is known of a model."""

    schema_: str = Field(alias="schema")
    name: str
    version: str
    classes: list[str] = Field(min_length=1)
    validated_light: list[str]
    catalog_sha256: str
    licences: list[Licence] = Field(min_length=1)
    variants: list[Variant] = Field(min_length=1)

    @model_validator(mode="after")
    def _variant_names_differ(self) -> ModelManifest:
        names = [v.name for v in self.variants]
        if len(set(names)) != len(names):
            raise ValueError(f"two variants have the same name: {names}")
        return self

    def variant(self, name: str) -> Variant:
        """The variant of that name.

        Raises:
            ModelError: there is none.
        """
        for variant in self.variants:
            if variant.name == name:
                return variant
        names = ", ".join(v.name for v in self.variants)
        raise ModelError(f"Model {self.name} has no variant '{name}'.", f"It has: {names}.")

    def variant_for(self, provider: str) -> Variant:
        """The first variant that is meant for ``provider``: manifests list the preferred one first.

        On a graphics card, files that take whole frames come before all others: they are made for nothing else.

        Raises:
            ModelError: none is.
        """
        meant = [v for v in self.variants if provider in v.providers]
        if provider in ("cuda", "tensorrt"):
            meant.sort(key=lambda v: v.input.contract != "frame_u8_hwc")  # stable
        if meant:
            return meant[0]
        raise ModelError(
            f"Model {self.name} has no variant for provider '{provider}'.",
            "Choose another provider or another model (`polypwatch models` lists them).",
        )


def parse_manifest(text: str, where: str) -> ModelManifest:
    """Decode a manifest.

    Args:
        text: the JSON.
        where: file name for messages.

    Raises:
        ModelError: not JSON, another schema, a missing or wrong field; the message names it.
    """
    try:
        data: Any = json.loads(text)
        require_schema(data, SCHEMA, where)
        return ModelManifest.model_validate_json(text)
    except FormatError as error:
        raise ModelError(error.what, error.hint) from error
    except ValidationError as error:
        raise ModelError(
            f"{where} is not a valid model manifest: {describe_validation_error(error)}.",
            "Restore it or export the model again.",
        ) from error
    except (ValueError, RecursionError) as error:  # also absurdly long numbers and deep nesting
        raise ModelError(f"{where} is not valid JSON: {error}.", "Restore it or export the model again.") from error


def load_manifest(folder: Path) -> ModelManifest:
    """Read the manifest of a model folder.

    Raises:
        ModelError: there is no such folder or manifest, or it is not valid.
    """
    path = folder / MANIFEST_NAME
    if not os.path.isdir(folder):  # unlike Path.is_dir, False for whatever the system says of the name
        raise ModelError(f"There is no model folder {folder}.", "`polypwatch models` lists the installed models.")
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(f"Cannot read the model manifest {path}: {error}.", "Is it a model folder?") from error
    return parse_manifest(text, str(path))


def dump_manifest(manifest: ModelManifest) -> str:
    """The manifest as JSON text, with a newline at the end."""
    return manifest.model_dump_json(by_alias=True, indent=2) + "\n"


def file_sha256(path: Path) -> str:
    """The hash of a file, as lower-case hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def verified_model_bytes(folder: Path, variant: Variant) -> bytes:
    """The variant's file, read once and checked: what was hashed is what will be loaded.

    Raises:
        ModelError: it is missing or its hash is not the manifest's.
    """
    path = folder / variant.file
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ModelError(f"Cannot read the model file {path}: {error}.", "Install the model again.") from error
    found = hashlib.sha256(data).hexdigest()
    if found != variant.sha256:
        raise ModelError(
            f"The model file {path} was changed or damaged: its SHA-256 is {found[:12]}..., "
            f"its manifest says {variant.sha256[:12]}....",
            "It will not be used. Install the model again.",
        )
    return data


def models_root() -> Path:
    """The folder of the bundled models: beside the packages, in a checkout and in an installed wheel alike."""
    return Path(__file__).resolve().parent.parent / "models"


def model_folders(root: Path | None = None) -> list[Path]:
    """The model folders below ``root`` (default: the bundled ones), sorted by name."""
    root = root or models_root()
    return sorted(p.parent for p in root.glob(f"*/{MANIFEST_NAME}"))


def find_model(name_or_folder: str) -> Path:
    """The folder of a model given by its name or by a path.

    Raises:
        ModelError: neither fits.
    """
    path = Path(os.path.expanduser(name_or_folder))
    if os.path.isfile(path / MANIFEST_NAME):
        return path
    if path.name == name_or_folder and os.path.isfile(models_root() / name_or_folder / MANIFEST_NAME):
        return models_root() / name_or_folder
    if name_or_folder and os.path.isdir(path):
        raise ModelError(f"The folder {path} has no {MANIFEST_NAME}.", "Is it a model folder?")
    names = ", ".join(p.name for p in model_folders()) or "none"
    raise ModelError(f"There is no model '{name_or_folder}'.", f"Installed: {names}; or give a model folder's path.")
