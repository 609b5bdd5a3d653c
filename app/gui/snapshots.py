"""Snapshots: the picture as shown, the clean picture, and a record. They are slow to write: see ``errands``.

The record (``polypwatch.snapshot/1``) names the model, its hash and threshold, the frame and the boxes in frame pixels.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from app import RESEARCH_USE, SOFTWARE
from app.gui.language import tr
from app.gui.notices import Notice
from app.gui.painting import as_bgr, render_to_image, unscaled_size
from app.gui.signs import View, shown_markers
from app.snapshot import LiveSnapshot
from detector.errors import OutputError, UsageError
from detector.frame import Frame

SCHEMA = "polypwatch.snapshot/1"


@dataclass(frozen=True, slots=True)
class SavedSnapshot:
    """The three files of a snapshot.

    Attributes:
        shown: the page as on the screen, with the picture's own pixels.
        clean: the picture alone, lossless.
        record: the JSON record.
    """

    shown: Path
    clean: Path
    record: Path


def write_snapshot(folder: Path, snapshot: LiveSnapshot, view: View, taken: datetime | None = None) -> SavedSnapshot:
    """Write a snapshot; either all its files appear or none.

    Args:
        folder: where to; made if it is not there.
        snapshot: what was on the screen.
        view: whether boxes were shown.
        taken: when, in UTC; default now.

    Raises:
        OutputError: there is no picture, or the folder cannot be written.
        UsageError: what lies around the picture would be saved, too.
    """
    if snapshot.frame is None:
        raise OutputError("There is no picture to save yet.")
    if snapshot.source.objection:
        raise UsageError(
            f"No picture is saved: {snapshot.source.objection}.", "Set the area by hand (--area X,Y,W,H or full)."
        )
    taken = taken or datetime.now(UTC)
    as_seen = View(view.boxes, cue=view.cue, confidence=view.confidence, edges=view.edges, keys=view.keys)
    shown = render_to_image(snapshot, unscaled_size(snapshot.frame.size), as_seen)
    record = snapshot_record(snapshot, snapshot.frame, view, taken)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        files = _free_names(folder, f"polypwatch-{taken:%Y%m%d-%H%M%S}-frame{snapshot.frame.index}")
        contents = {
            files.shown: _png(as_bgr(shown)),
            files.clean: _png(snapshot.frame.image),
            files.record: (json.dumps(record, indent=2, ensure_ascii=False) + "\n").encode(),
        }
        _write_all(contents)
    except OSError as error:
        raise OutputError(
            f"The snapshot was not saved: {folder}: {error.strerror or error}.", "Choose a folder that can be written."
        ) from error
    return files


def snapshot_record(snapshot: LiveSnapshot, frame: Frame, view: View, taken: datetime) -> dict[str, object]:
    """The record of a snapshot, ready for JSON."""
    info, time = snapshot.ai.info, frame.time
    shown = {marker.track_id for marker in shown_markers(snapshot, view)}
    return {
        "schema": SCHEMA,
        "notice": RESEARCH_USE,
        "software": SOFTWARE,
        "taken_utc": taken.isoformat(),
        "source": {"label": snapshot.source.label, "status": snapshot.source.status.value},
        "frame": {
            "index": frame.index,
            "file": frame.name or None,
            "pts": time.pts if time else None,
            "time_base": str(time.time_base) if time else None,
            "time_s": time.seconds if time else None,
            "width": frame.size.width,
            "height": frame.size.height,
        },
        "model": {"name": info.model, "version": info.version, "variant": info.variant, "sha256": info.sha256}
        if info
        else None,
        "threshold": info.threshold if info else None,
        "provider": info.provider if info else None,
        "ai": {
            "state": snapshot.ai.state.value,
            "detail": snapshot.ai.detail,
            "overlay_age_ms": snapshot.ai.overlay_age_ms,
            "overlay_expired": snapshot.ai.expired,
        },
        "boxes_shown": view.boxes and snapshot.quiet is None,
        "markers": [
            {
                "track": marker.track_id,
                "box": list(marker.box),
                "score": marker.score,
                "class": info.classes[marker.class_index] if info else marker.class_index,
                "shown": marker.track_id in shown,
            }
            for marker in snapshot.markers
        ],
    }


def saved_notice(saved: SavedSnapshot) -> Notice:
    """Tells where a snapshot is."""
    where = tr("{file} in {folder}").format(file=saved.shown.name, folder=saved.shown.parent)
    return Notice(tr("Snapshot saved."), where)


def _free_names(folder: Path, stem: str) -> SavedSnapshot:
    """Names that no earlier snapshot has."""
    names, number = stem, 1
    while any(folder.glob(f"{names}.*")):
        number += 1
        names = f"{stem}-{number}"
    return SavedSnapshot(folder / f"{names}.png", folder / f"{names}.clean.png", folder / f"{names}.json")


def _png(image: npt.NDArray[np.uint8]) -> bytes:
    done, data = cv2.imencode(".png", image, [cv2.IMWRITE_PNG_COMPRESSION, 2])
    if not done:
        raise OutputError("The snapshot was not saved: the picture cannot be written as PNG.")
    return data.tobytes()


def _write_all(contents: dict[Path, bytes]) -> None:
    """Write under passing names first, so that a full disk leaves no half snapshot behind."""
    parts = {path: path.with_name(f".{path.name}.part") for path in contents}
    try:
        for path, data in contents.items():
            parts[path].write_bytes(data)
        for path, part in parts.items():
            part.replace(path)
    finally:
        for part in parts.values():
            part.unlink(missing_ok=True)
