"""What a model alerts on in the phantom procedure, against its exact truth: every frame, at the operating point.

    python -m benchmarks.phantom_alerts [--model fast] [--video OUT.mp4]

The phantom is a renderer's idea of a colon: these figures say that the chain works, and nothing about patients.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from app.capture import file_source
from app.phantom import bundled
from detector.alerts import AlertFilter, AlertSettings, Marker
from detector.annotation import Mark, load_annotation
from detector.frame import Frame
from detector.geometry import as_boxes, iou_matrix
from detector.runtime import load_detector

HIT_IOU = 0.2


def main(argv: Sequence[str] | None = None) -> None:
    """Run the model over the film and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="fast")
    parser.add_argument("--provider", default="cpu")
    parser.add_argument("--video", type=Path, default=bundled().video, help="with its truth beside it (%(default)s)")
    args = parser.parse_args(argv)
    truth = load_annotation(args.video.with_suffix(".json"))
    detector = load_detector(args.model, args.provider)
    alerts = AlertFilter(AlertSettings(threshold=detector.info.threshold))
    touched: dict[int, bool] = {}  # alert -> whether it ever lay on a mark, clear or marginal
    covered: dict[int, int] = {lesion.id: 0 for lesion in truth.lesions}
    clear = dict(covered)
    seconds = 0.0
    source = file_source(args.video)
    source.open()
    while isinstance(frame := source.read(), Frame):
        assert frame.time is not None
        seconds = frame.time.seconds
        found = detector.detect(frame, alerts.settings.feed_score)
        markers, marks = alerts.update(found, seconds).markers, truth.marks(frame.index)
        on = _overlaps(markers, marks)
        for row, marker in enumerate(markers):
            touched[marker.track_id] = touched.get(marker.track_id, False) or bool(on[row].any())
        for column, mark in enumerate(marks):
            if mark.state == "clear":
                clear[mark.lesion] += 1
                covered[mark.lesion] += bool(on[:, column].any())
    source.close()
    _report(detector.info.model, detector.info.threshold, clear, covered, touched, seconds)


def _overlaps(markers: tuple[Marker, ...], marks: tuple[Mark, ...]) -> np.ndarray:
    """Whether each marker lies on each mark: IoU of 0.2 or more, or its centre inside."""
    boxes, lesions = as_boxes([m.box for m in markers]), as_boxes([m.box for m in marks])
    centres = (boxes[:, None, :2] + boxes[:, None, 2:]) / 2
    inside = ((centres >= lesions[None, :, :2]) & (centres < lesions[None, :, 2:])).all(axis=2)
    return np.asarray((iou_matrix(boxes, lesions) >= HIT_IOU) | inside)


def _report(
    model: str,
    threshold: float,
    clear: dict[int, int],
    covered: dict[int, int],
    touched: dict[int, bool],
    seconds: float,
) -> None:
    false = sum(not hit for hit in touched.values())
    print(f"{model} at threshold {threshold:.2f}, {seconds:.0f} s of film")
    print(f"lesions alerted: {sum(n > 0 for n in covered.values())} of {len(covered)}")
    print(f"false-alarm events ('shown', any duration): {false}, {false * 60 / seconds:.2f} a minute")
    print(f"clear lesion-frames under an alert: {sum(covered.values())} of {sum(clear.values())}")
    for lesion, frames in clear.items():
        print(f"  lesion {lesion}: {covered[lesion]} of {frames}")


if __name__ == "__main__":
    main()
