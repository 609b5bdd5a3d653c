"""A snapshot as a VL Endoscopic Image: the clean picture, uncompressed RGB, and never the one with marks on it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import numpy.typing as npt
from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from app.dicom.identity import Identity
from app.dicom.modules import VL_ENDOSCOPIC, common, date_time, file_meta, picture, series_number
from detector.decode import VIDEO_SUFFIXES
from detector.errors import FormatError, SourceError
from detector.geometry import Size
from detector.schema import describe_validation_error, require_schema

if TYPE_CHECKING:
    from pydicom import Dataset

SNAPSHOT_SCHEMA = "polypwatch.snapshot/1"
_EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
_LOSSY_STILLS = frozenset({".jpg", ".jpeg", ".webp"})


class _Source(BaseModel):
    model_config = ConfigDict(extra="allow")
    label: str


class _Frame(BaseModel):
    model_config = ConfigDict(extra="allow")
    index: int
    file: str | None
    width: int
    height: int


class _Record(BaseModel):
    model_config = ConfigDict(extra="allow")
    taken_utc: AwareDatetime
    source: _Source
    frame: _Frame


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A snapshot that lies on the disk.

    Attributes:
        record: its JSON file.
        clean: the picture alone.
        taken: when.
        lossy: the picture came out of a compressed video, stream or still; None if that is not known (a camera may
            compress, or not).
        sha256: of the clean picture's file.
    """

    record: Path
    clean: Path
    taken: datetime
    lossy: bool | None
    sha256: str


def is_snapshot_record(path: Path) -> bool:
    """Whether a JSON file says that it is a snapshot's record (which we write first in the file)."""
    try:
        with path.open("rb") as file:
            return b'"polypwatch.snapshot/' in file.read(256)
    except OSError:
        return False


def record_of(path: Path) -> Path:
    """The record that belongs to one of the three files of a snapshot."""
    stem = path.name.removesuffix(".json").removesuffix(".png").removesuffix(".clean")
    return path.with_name(f"{stem}.json")


def open_snapshot(path: Path) -> Snapshot:
    """Read the record of a snapshot; ``path`` is any of its three files.

    Raises:
        SourceError: the record or the clean picture is missing or cannot be read.
        FormatError: the record is damaged or of another schema.
    """
    record = record_of(path)
    clean = record.with_name(f"{record.stem}.clean.png")
    for file in (record, clean):
        if not file.is_file():
            raise SourceError(
                f"{path} is no whole snapshot: {file.name} is missing.",
                "A snapshot is NAME.png, NAME.clean.png and NAME.json.",
            )
    try:
        data: Any = json.loads(record.read_text(encoding="utf-8"))
        require_schema(data, SNAPSHOT_SCHEMA, str(record))
        known = _Record.model_validate(data)
        sha256 = hashlib.sha256(clean.read_bytes()).hexdigest()
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}.", "Check the drive.") from error
    except ValidationError as error:
        raise FormatError(f"{record}: {describe_validation_error(error)}.") from error
    except ValueError as error:
        raise FormatError(f"{record} is no JSON file ({error}).") from error
    return Snapshot(record, clean, known.taken_utc, _lossy(known), sha256)


def still_instance(snapshot: Snapshot, identity: Identity, number: int) -> Dataset:
    """The instance of a snapshot, ready to be written.

    Args:
        snapshot: what.
        identity: whose.
        number: its place in the series, from 1.

    Raises:
        SourceError: the picture cannot be decoded.
    """
    image = _picture(snapshot.clean)
    series = identity.series_uid("snapshots")
    data = common(identity, VL_ENDOSCOPIC, series, identity.instance_uid(series, snapshot.sha256, str(snapshot.taken)))
    data.SeriesNumber, data.SeriesDescription, data.InstanceNumber = series_number(None), "Snapshots", number
    data.ContentDate, data.ContentTime = date_time(snapshot.taken)
    data.AcquisitionDateTime = "".join(date_time(snapshot.taken))
    data.ImageType = ["ORIGINAL", "PRIMARY"]
    # Type 2 in the VL Image Module: empty says that nobody knows.
    data.LossyImageCompression = {True: "01", False: "00", None: ""}[snapshot.lossy]
    picture(data, Size.of(image), "RGB")
    pixels = image.tobytes()
    data.add_new("PixelData", "OB", pixels + b"\0" * (len(pixels) % 2))
    data.file_meta = file_meta(VL_ENDOSCOPIC, str(data.SOPInstanceUID), _EXPLICIT_LITTLE)
    return data


def _picture(path: Path) -> npt.NDArray[np.uint8]:
    """RGB uint8 (H, W, 3)."""
    image = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR_RGB)
    if image is None:
        raise SourceError(f"{path} is no picture that can be read.", "Copy it again.")
    return np.asarray(image, dtype=np.uint8)


def _lossy(record: _Record) -> bool | None:
    """Whether the picture was compressed with loss before: true of whatever came out of a video or a stream."""
    if "://" in record.source.label or Path(record.source.label).suffix.lower() in VIDEO_SUFFIXES:
        return True
    return True if record.frame.file and Path(record.frame.file).suffix.lower() in _LOSSY_STILLS else None
