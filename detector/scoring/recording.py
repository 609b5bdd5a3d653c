"""What is scored: frames in time order, what is known of each, and what was answered.

`Still` images have no time: they give average precision, per-frame and per-box figures. A `Recording` is a run of
frames of one examination (or a curated sequence): it also gives per-lesion figures, and, if its time is true, times and
false-positive events.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from detector.geometry import Boxes, Size, as_boxes

Scores = npt.NDArray[np.float32]
Answered = Literal["ok", "skipped", "failed"]


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """What is known of one frame.

    Attributes:
        reviewed: whether somebody looked for every lesion. Without it the frame enters no denominator.
        boxes: float32 (N, 4) xyxy in frame pixels, half-open, of lesions that a reader would box.
        lesions: per box its lesion's id, unique in the recording; empty for stills without ids (each box its own).
        ignored: float32 (M, 4): finding it is no merit, missing it no miss, and a box there is no false alarm.
    """

    reviewed: bool
    boxes: Boxes
    lesions: tuple[str, ...] = ()
    ignored: Boxes = field(default_factory=lambda: as_boxes([]))


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """What was answered for one frame: raw detections, or the markers that stood on the screen.

    Attributes:
        boxes: float32 (K, 4) xyxy in frame pixels.
        scores: float32 (K,), best first for raw detections.
        markers: per box the id of the displayed marker (a track); empty for raw detections.
        status: ``skipped``: not analysed (for displayed markers: `boxes` is what stood on the screen all the same);
            ``failed``: decoding or detection failed: a lesion in it is missed, but it is no clean frame either.
    """

    boxes: Boxes
    scores: Scores
    markers: tuple[int, ...] = ()
    status: Answered = "ok"


@dataclass(frozen=True, slots=True, eq=False)
class Still:
    """One image with its truth and its answer.

    Attributes:
        name: for lists of the worst.
        unit: what a bootstrap draws: patient, sequence, or the image itself.
        size: of the image in pixels.
    """

    name: str
    unit: str
    size: Size
    truth: Truth
    answer: Answer


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """The frames of one examination, in time order.

    Attributes:
        name: for tables.
        unit: what a bootstrap draws: patient or procedure.
        size: of every frame in pixels.
        times_s: (T,) float64, strictly increasing: when each frame began to stand on the screen.
        end_s: when the last frame ended; greater than the last time.
        truth: (T) per frame.
        answers: (T) per frame.
        time: ``true``; ``nominal``: a declared rate for consecutive frames (no times may be quoted without saying so);
            ``none``: thinned or curated frames, of which no durations, rates or event figures are ever given.
        breaks: frames at which tracking begins anew: another picture size, another run of the recorder.
    """

    name: str
    unit: str
    size: Size
    times_s: npt.NDArray[np.float64]
    end_s: float
    truth: Sequence[Truth]
    answers: Sequence[Answer]
    time: Literal["true", "nominal", "none"] = "true"
    breaks: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        count = len(self.times_s)
        if len(self.truth) != count or len(self.answers) != count:
            raise ValueError(f"{self.name}: {count} times, {len(self.truth)} truths, {len(self.answers)} answers")
        if count and (np.any(np.diff(self.times_s) <= 0) or self.end_s <= self.times_s[-1]):
            raise ValueError(f"{self.name}: times must increase strictly up to end_s")
