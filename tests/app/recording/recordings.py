"""Small recordings for the tests: frames that carry their index in the pixels, and what can be read back."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt

from app.recording import Recorder, RecorderOptions
from detector.frame import Frame, FrameTime
from detector.geometry import Size
from tests.clips import paint_index, read_painted_index

ROOT = Path(__file__).resolve().parents[3]
SMALL = Size(160, 96)
BASE = Fraction(1, 30)
X264 = RecorderOptions(encoder="x264")


def grey(size: Size = SMALL) -> npt.NDArray[np.uint8]:
    return np.full((size.height, size.width, 3), 90, np.uint8)


def frame(index: int, size: Size = SMALL, pts: int | None = None, captured_ns: int | None = None) -> Frame:
    time = FrameTime(index if pts is None else pts, BASE)
    return Frame(index, time, 1000 + index if captured_ns is None else captured_ns, paint_index(grey(size), index))


def decoded(path: Path) -> list[av.VideoFrame]:
    with av.open(str(path)) as container:
        return list(container.decode(video=0))


def indices(path: Path) -> list[int]:
    return [read_painted_index(f.to_ndarray(format="bgr24")) for f in decoded(path)]


def sidecar(folder: Path) -> list[dict[str, Any]]:
    first, *rows = [json.loads(line) for line in (folder / "frames.jsonl").read_text().splitlines()]
    assert first == {"schema": "polypwatch.frames/1"}
    return rows


def mark(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "recording.json").read_text())


@contextmanager
def recording(folder: Path, rate: Fraction | None = Fraction(30), **kwargs: Any) -> Iterator[Recorder]:
    recorder = Recorder(folder, rate, **kwargs)
    try:
        yield recorder
    finally:
        recorder.close()
