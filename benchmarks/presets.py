"""What each sensitivity preset costs in false alarms and gains in sensitivity, and what each alert limit does.

    python -m benchmarks.presets [--model fast] [--quick] [--free VIDEO ... --processors N] [--json FILE] [--markdown]

False alarms are events of the definition ``shown`` (docs/scoring.md), made by the product's own alert filter, and are
counted where time is real: on the bundled phantom, and on videos that somebody reviewed and found to hold no polyp
(``--free``). No such video came with the data. The dev share of the training negatives are stills of thinned sequences:
they have no seconds, so that no events can be counted on them; what is given is in how many a box would be shown.
Sensitivity is that of stills of dev (each label counts alone) and of the phantom's lesions. Nothing is chosen or
measured on the sets that are scored once per release.

A rate may stand beside a preset only if it was counted on at least ten minutes of real video: three divided by the
minutes is the 95 % limit of a rate of which no event was seen (Hanley and Lippman-Hand, JAMA 1983). Until then it is
called unknown, and the phantom's is none: it comes from no processor.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from benchmarks.played import LOWEST_SCORE, Played, alerted, marked_share, play_clips, play_free, play_phantom
from benchmarks.tables import busy, machine, table
from detector.alerts import AlertSettings
from detector.detections import Detections
from detector.frame import Frame
from detector.geometry import as_boxes, iou_matrix
from detector.manifest import find_model, load_manifest
from detector.presets import HOLD_S, KEEP_RATIO, MIN_SEEN_S, FalseAlarmRate, Preset, manifest_presets
from detector.runtime import OnnxDetector
from detector.scoring import lesion_figures, shown_events
from detector.tracking import TrackingSettings
from training.catalog import resolve
from training.evaluation.data import part_of
from training.samples import Sample, sample_image

HIT_IOU = 0.2
LEAST_MINUTES = 10.0
_QUICK_STEP = 5
_LASTING_S = 0.5


@dataclass(frozen=True, slots=True)
class Limits:
    """One set of alert limits.

    Attributes:
        name: for the table.
        threshold: score from which a marker appears.
        keep_ratio: of the score at which a marker stays to that at which it appears.
        min_seen_s: how long a track must have been followed before it shows.
        hold_s: how long a marker stays without evidence.
        min_display_s: how long a marker stays at least.
    """

    name: str
    threshold: float
    keep_ratio: float = KEEP_RATIO
    min_seen_s: float = MIN_SEEN_S
    hold_s: float = HOLD_S
    min_display_s: float = 0.0

    @classmethod
    def of(cls, preset: Preset) -> Limits:
        """Those of a preset."""
        return cls(preset.name, preset.threshold, preset.keep_ratio, preset.min_seen_s, preset.hold_s)

    @property
    def settings(self) -> AlertSettings:
        """For the alert filter."""
        tracking = TrackingSettings(max_gap_s=self.hold_s)
        return AlertSettings(
            self.threshold, self.keep_ratio, self.min_seen_s, tracking=tracking, min_display_s=self.min_display_s
        )


def proposed(operating: float) -> tuple[Limits, ...]:
    """What is proposed for a manifest, from the sweeps on the phantom and on dev.

    'high' shows sooner and holds longer, which costs no further event; 'low' gains nothing by waiting longer.
    """
    return (
        Limits("high", _odds(operating, 0.5), min_seen_s=0.12, hold_s=0.4),
        Limits("normal", operating),
        Limits("low", _odds(operating, 2.0)),
    )


def sweeps(operating: float) -> dict[str, tuple[Limits, ...]]:
    """One limit at a time, the others as in the preset 'normal'."""
    normal = Limits("normal", operating)

    def each(key: str, unit: str, values: Sequence[float]) -> tuple[Limits, ...]:
        tried: list[dict[str, Any]] = [{"name": f"{value:g}{unit}", key: value} for value in values]
        return tuple(replace(normal, **limits) for limits in tried)

    ratios = (0.5, 0.6, 0.7, 0.8, 0.9, 1.1, 1.25, 1.4)
    return {
        "threshold": each("threshold", "", [round(operating * ratio, 3) for ratio in ratios]),
        "seen for": each("min_seen_s", " s", (0.0, 0.12, 0.3, 0.4, 0.5, 1.0)),
        "hold": each("hold_s", " s", (0.1, 0.2, 0.4, 0.5, 1.0)),
        "keep ratio": each("keep_ratio", "", (0.4, 0.8, 1.0)),
        "least display": each("min_display_s", " s", (0.3, 0.5, 1.0)),
    }


def _odds(threshold: float, factor: float) -> float:
    odds = factor * threshold / (1 - threshold)
    return round(odds / (1 + odds), 2)


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, print the tables, write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="fast")
    parser.add_argument("--provider", default="cpu")
    parser.add_argument("--free", type=Path, nargs="+", default=[], help="videos that were reviewed: no polyp in them")
    parser.add_argument("--processors", type=int, default=0, help="from how many makes of processor these come")
    parser.add_argument("--quick", action="store_true", help="every fifth frame and still only: a first look")
    parser.add_argument("--markdown", action="store_true")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args(argv)
    cv2.setNumThreads(1)
    before = machine()
    folder = find_model(args.model)
    detector = OnnxDetector(folder, args.provider, None, 1)
    step = _QUICK_STEP if args.quick else 1
    material = Material(
        play_phantom(detector, step),
        tuple(play_free(video, detector, step) for video in args.free),
        tuple(play_clips(detector, step)),
        tuple(_stills(detector, step)),
        args.processors,
    )
    operating = detector.info.threshold
    running = [Limits.of(preset) for preset in manifest_presets(load_manifest(folder))(detector.info)]
    tables = {"as they are": running, "proposed": proposed(operating), **sweeps(operating)}
    measured = {name: [_measured(limits, material) for limits in tried] for name, tried in tables.items()}
    for name, figures in measured.items():
        print(f"{name}:\n{table(_COLUMNS, [_row(f) for f in figures], args.markdown)}\n")
    print("\n".join(_words(figures) for figures in measured["as they are"]))
    print("\n".join(busy(before)))
    info = detector.info
    if args.json:
        result = {
            "model": f"{info.model} {info.version} {info.variant}",
            "operating_threshold": operating,
            "hit_iou": HIT_IOU,
            "definition": "shown",
            "every": step,
            "machine": before,
            "least_minutes": LEAST_MINUTES,
            "measured": measured,
            "manifest": {"presets": _fragment(measured["proposed"])},
        }
        args.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


# -- measuring --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Answered:
    """A still with its labels and every box."""

    sample: Sample
    found: Detections


@dataclass(frozen=True, slots=True)
class Material:
    """What limits are tried on.

    Attributes:
        phantom: the bundled film.
        free: real video without a polyp.
        clips: real video with a polyp somewhere, unlabelled.
        stills: of dev.
        processors: from how many makes of processor ``free`` comes.
    """

    phantom: Played
    free: tuple[Played, ...]
    clips: tuple[Played, ...]
    stills: tuple[Answered, ...]
    processors: int


def _stills(detector: OnnxDetector, step: int) -> list[Answered]:
    samples = [s for s in part_of(resolve("public"), "public", "dev").samples if s.known][::step]
    return [Answered(s, _asked(detector, k, s)) for k, s in enumerate(samples)]


def _asked(detector: OnnxDetector, index: int, sample: Sample) -> Detections:
    image = np.ascontiguousarray(sample_image(sample), np.uint8)
    return detector.detect(Frame(index, None, 0, image), LOWEST_SCORE)


def _measured(limits: Limits, material: Material) -> dict[str, Any]:
    """Everything that is counted for one set of limits."""
    settings = limits.settings
    return {
        **asdict(limits),
        "phantom": _on_phantom(material.phantom, settings),
        "free": _on_free(material, settings),
        # Somewhere in each is a polyp, nobody said where: more is not better or worse in itself.
        "clips_marked_share": {clip.name: marked_share(alerted(clip, settings)) for clip in material.clips},
        "stills": _on_stills(material.stills, settings.threshold),
    }


def _on_phantom(phantom: Played, settings: AlertSettings) -> dict[str, Any]:
    recording = alerted(phantom, settings)
    events = shown_events([recording], (0.0, _LASTING_S))
    lesions = lesion_figures([recording], 0.0, HIT_IOU)
    return {
        "minutes": events.reviewed_s / 60,
        "events": events.events[0.0],
        "events_lasting": events.events[_LASTING_S],
        "per_minute": events.per_minute[0.0],
        "false_time_share": events.false_time_share,
        # One marker for each lesion would be steady; more are a flicker.
        "true_markers": events.marker_events - events.events[0.0],
        "lesions": lesions.lesions,
        "lesions_hit": lesions.lesions_hit,
        "lesion_frame_sensitivity": lesions.lesion_frame_sensitivity,
        "median_seconds_to_first_hit": lesions.median_seconds_to_first_hit,
    }


def _on_free(material: Material, settings: AlertSettings) -> dict[str, Any]:
    events = shown_events([alerted(video, settings) for video in material.free], (0.0, _LASTING_S))
    return {
        "minutes": events.reviewed_s / 60,
        "events": events.events[0.0],
        "events_lasting": events.events[_LASTING_S],
        "processors": material.processors,
    }


def _on_stills(stills: Sequence[Answered], threshold: float) -> dict[str, int]:
    counts = dict.fromkeys(("labels", "found", "positives", "false_boxes", "negatives", "negatives_with_box"), 0)
    for still in stills:
        boxes = still.found.above(threshold).boxes
        labels = as_boxes(still.sample.boxes)
        overlap = iou_matrix(boxes, labels) >= HIT_IOU
        if len(labels):
            counts["positives"] += 1
            counts["labels"] += len(labels)
            counts["found"] += int(overlap.any(axis=0).sum())
            counts["false_boxes"] += int((~overlap.any(axis=1)).sum())
        else:
            counts["negatives"] += 1
            counts["negatives_with_box"] += bool(len(boxes))
    return counts


# -- saying -----------------------------------------------------------------------------------------------------------

_COLUMNS = ("limits", "threshold", "phantom: false events", "a minute", ">= 0.5 s", "false time", "lesions",
            "their frames", "markers", "to first, s", "clips marked", "dev: found", "false boxes",
            "negatives with box")  # fmt: skip


def _row(f: dict[str, Any]) -> list[str]:
    phantom, stills = f["phantom"], f["stills"]
    shares = list(f["clips_marked_share"].values())
    first_s = phantom["median_seconds_to_first_hit"]
    return [
        f["name"],
        f"{f['threshold']:.3f}",
        str(phantom["events"]),
        f"{phantom['per_minute']:.1f}",
        str(phantom["events_lasting"]),
        f"{phantom['false_time_share']:.1%}",
        f"{phantom['lesions_hit']} of {phantom['lesions']}",
        f"{phantom['lesion_frame_sensitivity']:.3f}",
        str(phantom["true_markers"]),
        "-" if first_s is None else f"{first_s:.2f}",
        f"{np.mean(shares):.2f}" if shares else "-",
        f"{stills['found']} of {stills['labels']}",
        str(stills["false_boxes"]),
        f"{stills['negatives_with_box']} of {stills['negatives']}",
    ]


def _rate(figures: dict[str, Any]) -> FalseAlarmRate | None:
    """The false-alarm rate that may stand beside a preset; None if nobody knows."""
    free = figures["free"]
    if free["minutes"] < LEAST_MINUTES:
        return None
    return FalseAlarmRate(free["events"] / free["minutes"], free["minutes"], free["processors"])


def _words(figures: dict[str, Any]) -> str:
    rate, free = _rate(figures), figures["free"]
    if rate is not None:
        return f"{figures['name']}: {rate}"
    seen = f"{free['events']} on {free['minutes']:.1f} minutes" if free["minutes"] else "no real video without a polyp"
    return f"{figures['name']}: unknown ({seen}; {LEAST_MINUTES:g} minutes are asked for)"


def _fragment(presets: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """For a variant's optional field ``presets`` in the manifest."""
    kept = ("name", "threshold", "keep_ratio", "min_seen_s", "hold_s")
    written = []
    for figures in presets:
        rate = _rate(figures)
        told = {**asdict(rate), "command": "python -m benchmarks.presets"} if rate else None
        written.append({**{key: figures[key] for key in kept}, "false_alarms": told})
    return written


if __name__ == "__main__":
    main()
