"""Small things to export: a snapshot as the window writes it, a recording as the recorder does, and plain videos."""

import json
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from app.recording import Recorder, VideoFile
from detector.frame import Frame, FrameTime
from detector.geometry import Size
from tests.clips import painted_frames

SIZE = (320, 240)


def write_snapshot_files(folder: Path, name: str = "polypwatch-1", **record: object) -> Path:
    """NAME.png with a mark on it, NAME.clean.png and NAME.json."""
    folder.mkdir(parents=True, exist_ok=True)
    clean = painted_frames(1, SIZE)[0]
    shown = cv2.rectangle(clean.copy(), (50, 100), (150, 200), (0, 255, 0), 3)
    cv2.imwrite(str(folder / f"{name}.clean.png"), clean)
    cv2.imwrite(str(folder / f"{name}.png"), shown)
    content = {
        "schema": "polypwatch.snapshot/1",
        "taken_utc": "2026-03-01T08:30:00.500000+00:00",
        "source": {"label": "camera 0", "status": "live"},
        "frame": {"index": 3, "file": None, "pts": 3, "time_base": "1/25", "width": SIZE[0], "height": SIZE[1]},
        **record,
    }
    (folder / f"{name}.json").write_text(json.dumps(content))
    return folder / f"{name}.json"


def write_clip(path: Path, times_s: list[float], size: tuple[int, int] = SIZE) -> list[np.ndarray]:
    """A video of painted pictures at given times, to the millisecond; returns the pictures."""
    pictures = painted_frames(len(times_s), size)
    video = VideoFile(path, Size(*size), Fraction(25))
    for image, time in zip(pictures, times_s, strict=True):
        video.write(image, time)
    video.close()
    return pictures


def write_recording(folder: Path, times_s: list[float]) -> None:
    """A recording; the clock of its sidecar is finer than its video's."""
    recorder = Recorder(folder, Fraction(25))
    base = Fraction(1, 1_000_000)
    for index, (image, time) in enumerate(zip(painted_frames(len(times_s), SIZE), times_s, strict=True)):
        recorder.offer(Frame(index, FrameTime(round(time / base), base), round(time * 1e9), image))
    recorder.close()
