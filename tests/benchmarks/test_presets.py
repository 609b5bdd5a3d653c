"""What may be said of a preset's false alarms, and which pictures count as kept."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
import pytest

from benchmarks.picture_quality import _kept
from benchmarks.played import Played, alerted, marked_share, nobody_looked, nothing_there
from benchmarks.presets import Limits, _fragment, _words, proposed
from detector.alerts import AlertSettings
from detector.detections import Detections
from detector.frame import Frame
from detector.geometry import Size
from detector.manifest import PresetRecord
from detector.picture.light import Light
from detector.picture.quality import PictureState, View
from detector.scoring import shown_events

FRAME = Frame(0, None, 0, np.zeros((48, 64, 3), np.uint8))


def found(present: bool) -> Detections:
    boxes = np.array([[10, 10, 30, 30]] if present else [], np.float32).reshape(-1, 4)
    return Detections(0, None, boxes, np.full(len(boxes), 0.9, np.float32), np.zeros(len(boxes), np.int64))


def played(present: list[bool], inside: list[bool], *, reviewed: bool = True) -> Played:
    """25 frames a second; a look at every second frame."""
    looks = [PictureState(View.GOOD if ok else View.OUTSIDE, 0.0, ok) for ok in inside]
    truth = nothing_there(FRAME) if reviewed else nobody_looked(FRAME)
    count = len(present)
    return Played(
        "made",
        True,
        Size(64, 48),
        tuple(n / 25 for n in range(count)),
        count / 25,
        tuple(found(p) for p in present),
        tuple(looks[n // 2] for n in range(count)),
        (Light.WHITE,) * count,
        (truth,) * count,
    )


def figures(minutes: float, events: int) -> dict[str, Any]:
    return {
        **asdict(Limits("high", 0.4)),
        "free": {"minutes": minutes, "events": events, "events_lasting": 0, "processors": 2},
    }


def test_a_rate_is_unknown_below_ten_minutes_of_real_video() -> None:
    assert _words(figures(0.0, 0)).startswith("high: unknown (no real video")
    assert "9.9 minutes" in _words(figures(9.9, 3))
    assert _fragment([figures(9.9, 3)])[0]["false_alarms"] is None
    assert _words(figures(20.0, 10)) == "high: 0.5 per minute on 20 minutes of video from 2 processors"


@pytest.mark.parametrize("minutes", [1.0, 30.0])
def test_what_is_proposed_is_what_a_manifest_takes(minutes: float) -> None:
    (record,) = [PresetRecord.model_validate(one) for one in _fragment([figures(minutes, 6)])]
    assert (record.name, record.threshold) == ("high", 0.4)
    assert (record.false_alarms is not None) == (minutes >= 10)


def test_the_proposed_thresholds_lie_on_either_side_of_the_models_own() -> None:
    high, normal, low = proposed(0.57)
    assert high.threshold < normal.threshold == 0.57 < low.threshold
    assert normal.settings == AlertSettings(0.57)


def test_a_marker_that_is_withheld_is_no_event() -> None:
    video = played([True] * 25, [True] * 13)
    settings = AlertSettings(0.5)
    assert shown_events([alerted(video, settings)]).events[0.0] == 1
    hidden = alerted(video, settings, lambda k: True)
    assert shown_events([hidden]).events[0.0] == 0
    assert marked_share(hidden) == 0
    assert marked_share(alerted(video, settings)) == pytest.approx(20 / 25)


def test_a_picture_is_kept_only_between_two_looks_that_were_sure() -> None:
    kept = _kept(played([False] * 10, [False, True, True, False, True]))
    #                   looks at:  0      2     4     6      8
    assert kept == [False, False, True, True, True, False, False, False, True, False]
