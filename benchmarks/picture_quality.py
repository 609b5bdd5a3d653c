"""What the picture-quality gate and the light rule do: to false boxes, to sensitivity, and at the body's door.

    python -m benchmarks.picture_quality [--model fast] [--held-out] [--quick] [--json FILE]

Stills and thinned sequences have no seconds: on them each picture is judged alone, without the gate's hysteresis, which
suppresses more than a live picture would. Limits were chosen on `dev` and the training negatives; `--held-out` adds the
sets that are scored once per release. Where time exists, gate, light and alert filter run as in the live session: on
the phantom against its truth, and on the real clips, of which nobody knows where their polyps are, so that only the
time under a marker can be given.

Blanking: what would be recorded of the room, and what would be blanked of the inside, frame by frame and by the rule of
the recorder (kept only between two looks that were surely inside). On the phantom by its script of when the scope is
outside: a renderer's room, which says that the chain works and nothing about real ones. Of the stills nobody labelled
which were taken outside. Those that would be blanked were looked at: two are specimens on a bench, the others dyed or
lifted tissue and enhanced colours inside. Among those that would be kept nobody looked for others.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from app.phantom.route import Plan
from benchmarks.played import Played, alerted, marked_share, play_clips, play_phantom
from benchmarks.tables import machine, table
from detector.alerts import AlertSettings
from detector.frame import Frame
from detector.geometry import as_boxes, iou_matrix
from detector.manifest import find_model
from detector.picture.glance import glance
from detector.picture.light import Light, light_of
from detector.picture.quality import View, judge, surely_inside
from detector.runtime import OnnxDetector
from detector.scoring import lesion_figures, shown_events
from training.catalog import resolve
from training.evaluation.data import part_of
from training.samples import Sample, sample_image

HIT_IOU = 0.2
_QUICK_STEP = 6
_PHANTOM_S = 92.0
_BLURRED = ("seq13", "seq17")
# Found by looking at every still of dev and train that would be blanked.
_OUTSIDE = ("polypgen/EndoCV2021_001043", "polypgen/EndoCV2021_001044")


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
    phantom = play_phantom(detector, step)
    settings = AlertSettings(detector.info.threshold)
    timed = [_on_phantom(rule, phantom, settings) for rule in RULES]
    clips = [_on_clip(clip, settings) for clip in play_clips(detector, step)]
    door = _at_the_door(phantom)
    print(table(_COLUMNS, [_row(figures) for figures in sets], args.markdown))
    print("\nphantom, in time:\n" + table(_TIMED_COLUMNS, [_timed_row(f) for f in timed], args.markdown))
    print("\nclips, in time, unlabelled:\n" + table(_CLIP_COLUMNS, [_clip_row(f) for f in clips], args.markdown))
    print("\nblanking on the phantom: " + ", ".join(f"{name} {value}" for name, value in door.items()))
    stills = _blanked_stills(step)
    print("blanking of stills of dev and train: " + ", ".join(f"{k} {v}" for k, v in stills.items() if k != "names"))
    info = detector.info
    result = {
        "model": f"{info.model} {info.version} {info.variant}",
        "threshold": info.threshold,
        "hit_iou": HIT_IOU,
        "every": step,
        "machine": before,
        "sets": sets,
        "phantom_in_time": timed,
        "clips_in_time": clips,
        "blanking_on_phantom": door,
        "blanking_of_stills": stills,
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


# -- in time ----------------------------------------------------------------------------------------------------------

#: What withholds markers at a frame, in the order in which the live session asks.
RULES: dict[str, Callable[[Played, int], bool]] = {
    "without": lambda played, k: False,
    "out of the body": lambda played, k: played.views[k].view is View.OUTSIDE,
    "any poor view": lambda played, k: played.views[k].poor,
    "poor view or light": lambda played, k: played.views[k].poor or played.lights[k] is Light.ENHANCED,
}


def _on_phantom(rule: str, phantom: Played, settings: AlertSettings) -> dict[str, Any]:
    """False-alarm events and lesions, with markers withheld by a rule."""
    withheld = RULES[rule]
    recording = alerted(phantom, settings, lambda k: withheld(phantom, k))
    events, lesions = shown_events([recording], (0.0,)), lesion_figures([recording], 0.0, HIT_IOU)
    return {
        "rule": rule,
        "withheld_share": _share(phantom, lambda k: withheld(phantom, k)),
        "minutes": events.reviewed_s / 60,
        "events": events.events[0.0],
        "per_minute": events.per_minute[0.0],
        "lesions_hit": lesions.lesions_hit,
        "lesions": lesions.lesions,
        "lesion_frames_hit": lesions.lesion_frames_hit,
        "lesion_frames": lesions.lesion_frames,
        "median_seconds_to_first_hit": lesions.median_seconds_to_first_hit,
    }


def _on_clip(clip: Played, settings: AlertSettings) -> dict[str, Any]:
    poor, strict = RULES["any poor view"], RULES["poor view or light"]
    return {
        "clip": clip.name,
        "seconds": clip.end_s - clip.times_s[0],
        "poor_share": _share(clip, lambda k: poor(clip, k)),
        "not_white_share": _share(clip, lambda k: clip.lights[k] is Light.ENHANCED),
        "blanked_share": _blanked_share(clip),
        "marked_share": marked_share(alerted(clip, settings)),
        "marked_share_gated": marked_share(alerted(clip, settings, lambda k: strict(clip, k))),
    }


def _share(played: Played, at: Callable[[int], bool]) -> float:
    return float(np.mean([at(k) for k in range(len(played.times_s))]))


def _kept(played: Played) -> list[bool]:
    """Which frames would be recorded: looked at and surely inside, or between two such."""
    views = played.views
    # The state is one object from one look to the next.
    looks = [k for k in range(len(views)) if k == 0 or views[k] is not views[k - 1]]
    kept: list[bool] = []
    for begin, end in zip(looks, [*looks[1:], len(views)], strict=True):
        sure = views[begin].inside and end < len(views) and views[end].inside
        kept += [views[begin].inside, *[sure] * (end - begin - 1)]
    return kept


def _blanked_share(played: Played) -> float:
    """Share of the frames that would be blanked, from the first that would not be to the last look."""
    kept = _kept(played)
    if True not in kept:
        return 1.0
    last = next(k for k in range(len(kept) - 1, -1, -1) if k == 0 or played.views[k] is not played.views[k - 1])
    return 1 - float(np.mean(kept[kept.index(True) : last + 1]))


def _at_the_door(phantom: Played) -> dict[str, int]:
    """The bundled film: what was kept of the room, and what was blanked of the inside."""
    plan = Plan.of(_PHANTOM_S)
    names = ("room frames", "room frames kept", "room frames with AI", "inside frames", "inside frames blanked",
             "inside frames poor view")  # fmt: skip
    counts = dict.fromkeys(names, 0)
    for seconds, view, kept in zip(phantom.times_s, phantom.views, _kept(phantom), strict=True):
        if plan.entry <= seconds < plan.exit:
            counts["inside frames"] += 1
            counts["inside frames blanked"] += not kept
            counts["inside frames poor view"] += view.poor
        else:
            counts["room frames"] += 1
            counts["room frames kept"] += kept
            counts["room frames with AI"] += not view.poor
    return counts


def _blanked_stills(step: int) -> dict[str, Any]:
    """Of every still of dev and train, each judged alone: those that would be blanked."""
    catalog = resolve("public")
    samples = [s for part in ("dev", "train") for s in part_of(catalog, "public", part).samples][::step]
    names = [s.name for s in samples if not surely_inside(glance(sample_image(s)))]
    outside = [s.name for s in samples if s.name in _OUTSIDE]
    return {
        "stills": len(samples),
        "inside, blanked": sum(name not in _OUTSIDE for name in names),
        "known outside": len(outside),
        "known outside, kept": sum(name not in names for name in outside),
        "names": names,
    }


# -- tables -----------------------------------------------------------------------------------------------------------

_TIMED_COLUMNS = (
    "markers withheld",
    "of the time",
    "false events",
    "a minute",
    "lesions",
    "their frames",
    "to first, s",
)
_CLIP_COLUMNS = ("clip", "s", "poor view", "not white", "blanked once begun", "time under a marker", "with both rules")
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


def _timed_row(f: dict[str, Any]) -> list[str]:
    first_s = f["median_seconds_to_first_hit"]
    return [
        f["rule"],
        f"{f['withheld_share']:.1%}",
        str(f["events"]),
        f"{f['per_minute']:.1f}",
        f"{f['lesions_hit']} of {f['lesions']}",
        f"{f['lesion_frames_hit']} of {f['lesion_frames']}",
        "-" if first_s is None else f"{first_s:.2f}",
    ]


def _clip_row(f: dict[str, Any]) -> list[str]:
    shares = ("poor_share", "not_white_share", "blanked_share", "marked_share", "marked_share_gated")
    return [f["clip"], f"{f['seconds']:.1f}", *(f"{f[key]:.1%}" for key in shares)]


if __name__ == "__main__":
    main()
