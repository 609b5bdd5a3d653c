"""Videos played once through detector and picture gate, so that alert limits can be tried on them without asking again.

What may be used for choosing limits: the bundled phantom (a renderer's colon, exact truth, real time) and the clips in
``$POLYPWATCH_DATA/clips``. Nobody labelled these, and no stretch of them is known to hold no polyp: of the continuous
one the first 110 frames are said to hold none, but it was looked at, and its polyp is in the picture from frame 25 on.
Nothing here is scored once per release.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from app.capture import FileSource
from app.phantom import bundled
from app.picture.source import Conditioned
from detector.alerts import AlertFilter, AlertSettings, Marker
from detector.annotation import load_annotation
from detector.detections import Detections
from detector.frame import Frame, Interruption, SourceState
from detector.geometry import Size, as_boxes
from detector.picture.glance import glance
from detector.picture.light import Light, LightWatch
from detector.picture.quality import PictureState, QualityGate, View
from detector.runtime import OnnxDetector
from detector.scoring import Answer, Recording, Truth

LOWEST_SCORE = 0.01
_GLANCE_EVERY_S = 0.1  # as often as the live session looks
CONTINUOUS = "continuous_25fps_interlaced.mp4"


@dataclass(frozen=True, slots=True, eq=False)
class Played:
    """One video: what the detector found in every frame, and what the gate said of it.

    Attributes:
        name: for tables.
        real: from a processor; else rendered.
        size: of the frames.
        times_s: of each frame.
        end_s: when the last frame ended.
        found: every box from a score of 0.01 up.
        views: the gate's state at each frame, looked at ten times a second.
        lights: the light at each frame, likewise.
        truth: what is known of each frame; nothing where nobody labelled.
    """

    name: str
    real: bool
    size: Size
    times_s: tuple[float, ...]
    end_s: float
    found: tuple[Detections, ...]
    views: tuple[PictureState, ...]
    lights: tuple[Light, ...]
    truth: tuple[Truth, ...]


def nothing_there(frame: Frame) -> Truth:
    """Somebody looked, and there is no lesion."""
    return Truth(True, as_boxes([]))


def nobody_looked(frame: Frame) -> Truth:
    """Nothing is known."""
    return Truth(False, as_boxes([]))


def play_phantom(detector: OnnxDetector, every: int) -> Played:
    """The bundled film; marginal marks are neither misses nor false alarms.

    Args:
        detector: asked for every box.
        every: 1 plays each frame; more for a first look.
    """
    files = bundled()
    annotation = load_annotation(files.annotation)

    def truth(frame: Frame) -> Truth:
        marks = annotation.marks(frame.index)
        clear = [m for m in marks if m.state == "clear"]
        return Truth(
            True,
            as_boxes([m.box for m in clear]),
            tuple(str(m.lesion) for m in clear),
            as_boxes([m.box for m in marks if m.state != "clear"]),
        )

    return _played("phantom", False, files.video, detector, every, truth)


def play_clips(detector: OnnxDetector, every: int) -> Iterator[Played]:
    """The real clips, with a polyp somewhere in each and without labels.

    Args:
        detector: asked for every box.
        every: as for the phantom, but for the clips of 5 frames/s, which have none to leave out.
    """
    root = Path(os.environ.get("POLYPWATCH_DATA", "")) / "clips"
    for path in sorted(root.glob("*.mp4")):
        yield _played(path.stem, True, path, detector, every if path.name == CONTINUOUS else 1, nobody_looked)


def play_free(video: Path, detector: OnnxDetector, every: int) -> Played:
    """A video of which somebody says that it holds no polyp."""
    return _played(video.stem, True, video, detector, every, nothing_there)


def alerted(played: Played, settings: AlertSettings, suppressed: Callable[[int], bool] | None = None) -> Recording:
    """What would have stood on the screen, every frame being analysed.

    Args:
        played: the video.
        settings: of the alerts.
        suppressed: whether markers are withheld at frame k; tracks go on meanwhile.
    """
    alerts = AlertFilter(settings)
    answers = []
    for index, (found, seconds) in enumerate(zip(played.found, played.times_s, strict=True)):
        markers: tuple[Marker, ...] = alerts.update(found, seconds).markers
        if suppressed is not None and suppressed(index):
            markers = ()
        boxes = as_boxes([m.box for m in markers])
        scores = np.array([m.score for m in markers], np.float32)
        answers.append(Answer(boxes, scores, tuple(m.track_id for m in markers)))
    return Recording(
        played.name, played.name, played.size, np.array(played.times_s), played.end_s, played.truth, answers
    )


def marked_share(recording: Recording) -> float:
    """Share of the time with a marker on the screen; says nothing of right or wrong."""
    shown_s = np.diff(np.append(recording.times_s, recording.end_s))
    lit = np.array([len(answer.markers) > 0 for answer in recording.answers])
    return float(shown_s[lit].sum() / shown_s.sum()) if len(shown_s) else 0.0


def _played(
    name: str, real: bool, video: Path, detector: OnnxDetector, every: int, truth_of: Callable[[Frame], Truth]
) -> Played:
    gate, lamp = QualityGate(), LightWatch()
    times, found, views, lights, truths = [], [], [], [], []
    looked_s = -np.inf
    view: PictureState | None = None
    light = Light.UNKNOWN
    size = Size(0, 0)
    for frame in _frames(video, every):
        assert frame.time is not None
        seconds = frame.time.seconds
        if view is None or seconds - looked_s >= _GLANCE_EVERY_S - 1e-6:
            seen = glance(frame.image)
            view, looked_s = gate.update(seen, seconds), seconds
            light = lamp.update(seen, seconds, inside=view.view is not View.OUTSIDE)
        times.append(seconds)
        found.append(detector.detect(frame, LOWEST_SCORE))
        views.append(view)
        lights.append(light)
        truths.append(truth_of(frame))
        size = frame.size
    interval = (times[-1] - times[0]) / max(1, len(times) - 1)
    return Played(
        name,
        real,
        size,
        tuple(times),
        times[-1] + interval,
        tuple(found),
        tuple(views),
        tuple(lights),
        tuple(truths),
    )


def _frames(video: Path, every: int) -> Iterator[Frame]:
    """As the live path gives them: fields apart where there are any; a damaged one is left out."""
    source = Conditioned(FileSource(video))
    source.open()
    try:
        while True:
            item = source.read()
            if isinstance(item, Interruption):
                if item.state is SourceState.UNDECODABLE:
                    continue
                return
            if item.index % every == 0:
                yield item
    finally:
        source.close()
