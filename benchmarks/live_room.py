"""A live window as a room has it: the picture watched, recorded, with the examination, replay and second monitor.

The composition of ``app.live_room`` without what belongs to one computer: settings, supervisor, the desktop's wishes.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from app.examination.desk import Desk, DeskSettings
from app.gui.bridge import PaintStamp
from app.gui.examination_feature import examination_feature
from app.gui.features import MakeFeature
from app.gui.replay_inset import replay_inset
from app.gui.second_screen import second_screen
from app.live import LiveSession
from app.recording import VideoFile
from detector.errors import PolypwatchError
from detector.geometry import Size

# Of a recording that begins before its source is open nobody could say whether the machine keeps up.
_RECORD_FROM_FRAME = 5


def features(session: LiveSession, folder: Path) -> tuple[MakeFeature, ...]:
    """What the window has beside the picture."""
    desk = Desk(session, DeskSettings(folder / "examinations"))
    return (examination_feature(desk, folder / "snapshots"), replay_inset, second_screen())


class Recording:
    """Begins to record with the first paints, off the window's thread; a hook for ``run_window``.

    Attributes:
        fault: why it did not begin; empty if it did.
    """

    def __init__(self, session: LiveSession, folder: Path) -> None:
        self._session, self.folder = session, folder
        self._begun = False
        self.fault = ""

    def painted(self, stamp: PaintStamp) -> None:
        """Begin once."""
        if not self._begun and stamp.frame_index >= _RECORD_FROM_FRAME:
            self._begun = True
            threading.Thread(target=self._begin, name="begins to record").start()

    def _begin(self) -> None:
        try:
            self._session.start_recording(self.folder)
        except PolypwatchError as error:
            self.fault = str(error)


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a finished recording holds.

    Attributes:
        frames: pictures in its videos.
        lost: pictures that are listed and in none.
        gaps: capture indices between the first and the last that are not even listed.
        drift_ms: how much longer the media times last than the capture stamps, from the first to the last picture.
        span_s: from the first to the last capture stamp.
    """

    frames: int
    lost: int
    gaps: int
    drift_ms: float
    span_s: float


def recorded(folder: Path) -> Recorded:
    """Read a recording's lines, also if it has none."""
    path = folder / "frames.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    rows = [row for row in map(json.loads, lines) if "capture_index" in row]
    kept = [row for row in rows if row["record_index"] is not None]
    if len(kept) < 2:
        return Recorded(len(kept), len(rows) - len(kept), 0, 0.0, 0.0)
    first, last = kept[0], kept[-1]
    media_s = float((last["pts"] - first["pts"]) * Fraction(last["time_base"]))
    span_s = (last["captured_ns"] - first["captured_ns"]) / 1e9
    gaps = last["capture_index"] - first["capture_index"] + 1 - len({row["capture_index"] for row in rows})
    return Recorded(
        len(kept), len(rows) - len(kept), max(0, gaps), round((media_s - span_s) * 1000, 1), round(span_s, 1)
    )


def write_clip(path: Path, images: Iterable[np.ndarray], size: Size, rate: int) -> None:
    """A video file to play round and round."""
    video = VideoFile(path, size, Fraction(rate))
    for index, image in enumerate(images):
        video.write(image, index / rate)
    video.close()
