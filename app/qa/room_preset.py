"""'Send to room': alert settings that were tried on reviewed procedures, as the preset of a room, with what they cost.

A room's preset is what `app.settings` holds for it (`polypwatch.room/1`); the measured rate travels in the same file.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from app import SOFTWARE
from app.qa.scored import Scored
from app.qa.whatif import Tried
from app.settings.codec import Document, document_of
from app.settings.files import write_whole
from app.settings.model import SCHEMA as SETTINGS_SCHEMA
from app.settings.model import Settings
from app.settings.rooms import ROOM_SCHEMA, read_room, with_room
from app.settings.store import Loaded, update_settings
from detector.alerts import AlertSettings
from detector.errors import UsageError
from detector.presets import NORMAL, FalseAlarmRate
from detector.tracking import TrackingSettings

LEAST_MINUTES = 10.0
"""Of reviewed video: three divided by the minutes is the 95 % limit of a rate of which no event was seen (Hanley and
Lippman-Hand, JAMA 1983;249:1743-5), so that fewer say nothing of a rate below one in three minutes."""


def rate_of(tried: Tried) -> FalseAlarmRate:
    """False alarms per minute of reviewed video, definition ``shown``.

    Raises:
        UsageError: too little is reviewed, or not all procedures are in the figures yet.
    """
    if not tried.whole:
        raise UsageError(f"Only {tried.done} of {tried.of} procedures are measured.", "Wait until all are.")
    if tried.reviewed_minutes < LEAST_MINUTES or tried.per_minute is None:
        raise UsageError(
            f"Only {tried.reviewed_minutes:.1f} minutes are reviewed, and a rate needs {LEAST_MINUTES:g}.",
            f"Review {math.ceil(LEAST_MINUTES - tried.reviewed_minutes)} minutes more.",
        )
    return FalseAlarmRate(tried.per_minute, tried.reviewed_minutes, 0)  # recordings do not name their processor


def preset_fragment(settings: AlertSettings, model: str = "") -> Document:
    """What a room's preset holds: expert limits of the AI, and the model that they were measured with.

    Args:
        settings: of the alerts.
        model: its name; empty: whichever runs there.

    Raises:
        UsageError: a limit that a room cannot set differs from the default.
    """
    standard = AlertSettings(settings.threshold)
    others = TrackingSettings(max_gap_s=settings.tracking.max_gap_s)
    if settings.min_hits != standard.min_hits or settings.tracking != others:
        raise UsageError(
            "These settings cannot be sent to a room.", "Change only threshold, keep ratio, minimum duration and hold."
        )
    if settings.threshold < 0.01:
        raise UsageError("A room's threshold is at least 0.01.", "Raise it.")
    limits: dict[str, Any] = {
        "sensitivity": NORMAL,
        "threshold": settings.threshold,
        "keep_ratio": settings.keep_ratio,
        "min_seen_ms": round(1000 * settings.min_seen_s),
        "min_display_ms": round(1000 * settings.min_display_s),
        "hold_ms": round(1000 * settings.tracking.max_gap_s),
    }
    return {"ai": limits | ({"model": model} if model else {})}


def model_of(procedures: Sequence[Scored]) -> str:
    """The name of the one model that answered on all of them; a threshold means nothing for another.

    Raises:
        UsageError: several did.
    """
    hashes = {p.sha256: p.model for p in procedures}
    if len(hashes) != 1:
        raise UsageError(
            f"These are answers of several models: {', '.join(sorted(hashes.values()))}.",
            "A threshold belongs to one model: choose the procedures of one.",
        )
    return next(iter(hashes.values())).split(" ")[0]


def write_room(path: Path, name: str, tried: Tried, procedures: Sequence[Scored]) -> None:
    """Write a room file that ``polypwatch settings --import`` takes.

    Args:
        path: of the file.
        name: of the room.
        tried: settings and their figures.
        procedures: that they were tried on.

    Raises:
        UsageError: too little is reviewed, several models answered, or a limit cannot be set in a room.
        OutputError: it cannot be written.
    """
    rate = rate_of(tried)
    content = preset_fragment(tried.settings, model_of(procedures))
    room = {
        "schema": ROOM_SCHEMA,
        "name": name,
        "settings_schema": SETTINGS_SCHEMA,
        "settings": content,
        "measured": measured(tried, rate, procedures),
    }
    write_whole(path, json.dumps(room, indent=2, ensure_ascii=False) + "\n")
    read_room(path)  # never a file that the room refuses


def send_to_room(name: str, tried: Tried, procedures: Sequence[Scored], settings_file: Path | None = None) -> Loaded:
    """Put the preset into this computer's settings, for a room of that name; another room stays the present one.

    Args:
        name: of the room; what its preset says of other things stays.
        tried: settings and their figures.
        procedures: that they were tried on.
        settings_file: None: this user's.

    Raises:
        UsageError: as `write_room`.
        OutputError: the settings cannot be written.
    """
    rate_of(tried)
    fragment = preset_fragment(tried.settings, model_of(procedures))

    def change(settings: Settings) -> Settings:
        document = document_of(settings)
        preset = dict(document.get("room", {}).get("presets", {}).get(name, {}))
        preset["ai"] = {**preset.get("ai", {}), **fragment["ai"]}
        present = settings.room.name
        changed = with_room(settings, name, preset)
        return changed.model_copy(update={"room": changed.room.model_copy(update={"name": present})})

    return update_settings(change, settings_file)


def measured(tried: Tried, rate: FalseAlarmRate, procedures: Sequence[Scored]) -> dict[str, Any]:
    """What stands beside the preset: the rate in words, and the figures behind it."""
    figures = asdict(tried)
    kept = (
        "lesions",
        "lesion_sensitivity",
        "frame_sensitivity",
        "median_seconds_to_first_hit",
        "false_alarms",
        "per_procedure",
        "per_minute",
        "lasting_per_minute",
        "reviewed_minutes",
    )
    return {
        "rate": str(rate),
        "definition": "shown",
        "model": procedures[0].model,
        "sha256": procedures[0].sha256,
        "procedures": tried.of,
        "software": SOFTWARE,
        "utc": datetime.now(UTC).isoformat(timespec="seconds"),
        **{name: figures[name] for name in kept},
    }
