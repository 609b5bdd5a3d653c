"""A scripted detector that always finds the same lesion: for tests that look at what reaches the screen."""

from __future__ import annotations

from typing import Any

import numpy as np

from detector.detections import Detections
from detector.errors import ModelError
from detector.frame import Frame
from tests.detector.scripted import ScriptedDetector

STEADY = "tests.steady:make"


class SteadyDetector(ScriptedDetector):
    """Misbehaves as told, and finds one box at the same place in every frame that it analyses, or none if blind."""

    blind = False

    def detect(self, frame: Frame, min_score: float | None = None) -> Detections:
        super().detect(frame, min_score)
        if self.blind:
            return Detections.empty(frame.index, frame.time)
        box, score = np.array([[200, 150, 320, 260]], np.float32), np.array([0.9], np.float32)
        return Detections(frame.index, frame.time, box, score, np.zeros(1, np.int64))


def make(pid_file: str = "", blind: bool = False, refuse: str = "", **script: Any) -> SteadyDetector:
    """Build one; `pid_file` gets the process's id, `refuse` is why there can be none."""
    if refuse:
        raise ModelError(refuse)
    if pid_file:
        import os
        from pathlib import Path

        Path(pid_file).write_text(str(os.getpid()))
    detector = SteadyDetector(**script)
    detector.blind = blind
    return detector
