"""What the picture-quality gate and the light rule do: to false boxes, to sensitivity, and at the body's door.

    python -m benchmarks.picture_quality [--model fast] [--held-out] [--quick] [--json FILE]

Stills and thinned sequences have no seconds: on them each picture is judged alone, without the gate's hysteresis, which
suppresses more than a live picture would. Limits were chosen on `dev` and the training negatives; `--held-out` adds the
sets that are scored once per release. The phantom is played in time, with hysteresis, against its script of when the
scope is outside: a renderer's room, which says that the chain works and nothing about real ones.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from app.phantom import bundled
from app.phantom.route import Plan
from benchmarks.tables import machine, table
from detector.decode import decode_frames
from detector.frame import Frame
from detector.geometry import as_boxes, iou_matrix
from detector.manifest import find_model
from detector.picture.glance import Glance, glance
from detector.picture.light import Light, light_of
from detector.picture.quality import QualityGate, View, judge
from detector.runtime import OnnxDetector
from training.catalog import resolve
from training.evaluation.data import part_of
from training.samples import Sample, sample_image

HIT_IOU = 0.2
_QUICK_STEP = 6
_PHANTOM_S = 92.0
_BLURRED = ("seq13", "seq17")


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, print the tables, write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="fast")
    parser.add_argument("--provider", default="cpu")
    parser.add_argument("--held-out", action="store_true", help="also the sets that are scored once per release")
    parser.add_argument("--quick", action="store_true", help="every sixth picture only")
    parser.add_argument("--markdown", action="store_true")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args(argv)
    cv2.setNumThreads(1)
    before = machine()
    detector = OnnxDetector(find_model(args.model), args.provider, None, 1)
    step = _QUICK_STEP if args.quick else 1
    sets = [_measured(name, samples[::step], detector) for name, samples in _sets(args.held_out)]
    door = _at_the_door(step)
    print(table(_COLUMNS, [_row(figures) for figures in sets], args.markdown))
    print("\nphantom, played in time: " + ", ".join(f"{name} {value}" for name, value in door.items()))
    info = detector.info
    result = {
        "model": f"{info.model} {info.version} {info.variant}",
        "threshold": info.threshold,
        "hit_iou": HIT_IOU,
        "every": step,
        "machine": before,
        "sets": sets,
        "phantom": door,
    }
    if args.json:
        args.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def _sets(held_out: bool) -> Iterator[tuple[str, list[Sample]]]:
    catalog = resolve("public")
    dev = part_of(catalog, "public", "dev").samples
    train = part_of(catalog, "public", "train").samples
    yield "dev, positives", [s for s in dev if s.known and len(s.boxes)]
    negatives = [s for s in (*train, *dev) if s.source == "polypgen-negatives"]
    yield "training negatives, clear", [s for s in negatives if s.sequence not in _BLURRED]
    yield "training negatives, blurred", [s for s in negatives if s.sequence in _BLURRED]
    if held_out:
        yield "negatives 3, 8, 12, 16", list(part_of(catalog, "public", "negatives-test").samples)
        yield "CVC-ClinicDB", list(part_of(catalog, "public", "cvc-clinicdb").samples)


def _measured(name: str, samples: Sequence[Sample], detector: OnnxDetector) -> dict[str, Any]:
    """Counts over a set, with the gate and without."""
    views: Counter[View] = Counter()
    lights: Counter[Light] = Counter()
    total: Counter[str] = Counter()
    for index, sample in enumerate(samples):
        image = sample_image(sample)
        seen = glance(image)
        view, light = judge(seen), light_of(seen)
        views[view] += 1
        lights[light] += 1
        hits, false = _scored(detector, index, image, sample)
        total += Counter({"labels": len(sample.boxes), "hits": hits, "false": false})
        if view is View.GOOD:
            total += Counter({"hits gated": hits, "false gated": false})
            if light.white:
                total += Counter({"hits white": hits, "false white": false})
    return {
        "set": name,
        "images": len(samples),
        "views": {view.value: views[view] for view in View},
        "lights": {light.value: lights[light] for light in Light},
        **{key: total[key] for key in ("labels", "hits", "hits gated", "hits white")},
        **{key: total[key] for key in ("false", "false gated", "false white")},
    }


def _scored(detector: OnnxDetector, index: int, image: np.ndarray, sample: Sample) -> tuple[int, int]:
    """Labels hit and boxes that hit none, at the operating threshold."""
    frame = Frame(index, None, 0, np.ascontiguousarray(image, np.uint8))
    boxes = detector.detect(frame, detector.info.threshold).boxes
    overlap = iou_matrix(boxes, as_boxes(sample.boxes)) >= HIT_IOU
    return int(overlap.any(axis=0).sum()), int((~overlap.any(axis=1)).sum())


def _at_the_door(step: int) -> dict[str, int]:
    """The bundled film through the gate: what was kept of the room, and what was blanked of the inside."""
    plan = Plan.of(_PHANTOM_S)
    gate = QualityGate()
    counts = Counter({k: 0 for k in ("room frames", "room frames kept", "inside frames", "inside frames blanked")})
    counts |= Counter({"room frames with AI": 0, "inside frames poor view": 0})
    every = max(1, step // 3) * 2  # 12 judgements a second, six if quick
    for frame in decode_frames(bundled().video, every):
        seen: Glance = glance(frame.image)
        seconds = Fraction(frame.time_s).limit_denominator(1000)
        state = gate.update(seen, float(seconds))
        if plan.entry <= seconds < plan.exit:
            counts["inside frames"] += 1
            counts["inside frames blanked"] += not state.inside
            counts["inside frames poor view"] += state.poor
        else:
            counts["room frames"] += 1
            counts["room frames kept"] += state.inside
            counts["room frames with AI"] += not state.poor
    return {**dict.fromkeys(("room frames", "room frames kept"), 0), **counts}


_COLUMNS = ("set", "images", "suppressed", "blurred / dark / washed / outside", "found of labels",
            "with gate", "false boxes", "with gate", "not white", "both: found, false")  # fmt: skip


def _row(f: dict[str, Any]) -> list[str]:
    views, lights = f["views"], f["lights"]
    poor = f["images"] - views[View.GOOD.value]
    reasons = [str(views[v.value]) for v in (View.BLURRED, View.DARK, View.WASHED_OUT, View.OUTSIDE)]
    labelled = bool(f["labels"])
    return [
        f["set"],
        str(f["images"]),
        f"{poor} ({poor / max(1, f['images']):.1%})",
        " / ".join(reasons),
        f"{f['hits']} of {f['labels']}" if labelled else "-",
        str(f["hits gated"]) if labelled else "-",
        str(f["false"]),
        str(f["false gated"]),
        str(lights[Light.ENHANCED.value] + lights[Light.UNKNOWN.value]),
        f"{f['hits white']}, {f['false white']}",
    ]


if __name__ == "__main__":
    main()
