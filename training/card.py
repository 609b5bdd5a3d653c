"""The model card, made from the manifest and from nothing else: the two cannot disagree. No torch."""

from __future__ import annotations

from typing import Any

from detector.manifest import Metrics, ModelManifest, Variant

CARD_NAME = "MODEL_CARD.md"

_SET_NOTES = {
    "kvasir-val": "Kvasir-SEG official validation list, 120 images; never trained on. Patients unknown: "
    "near-duplicate-checked, not patient-disjoint",
    "cvc-clinicdb": "CVC-ClinicDB, 612 frames of 29 sequences; external, never trained on",
    "polypgen-c6": "PolypGen centre C6, 88 frames; a held-out centre of a family that was trained on, not external",
    "negatives-test": "PolypGen negative sequences 3, 8, 12 and 16; held out; no polyps",
    "dev": "a tenth of the training sets, near-duplicates kept together, and two whole negative sequences; "
    "checkpoint and threshold were chosen on it, so its figures flatter",
}
_ROWS = (
    ("ap50", "AP50"),
    ("ap50_95", "AP50-95"),
    ("recall", "recall, IoU 0.5"),
    ("recall_iou20", "recall, IoU 0.2"),
    ("precision", "precision"),
    ("f1", "F1"),
    ("false_boxes_per_image", "false boxes per image"),
    ("negatives_with_false_box", "frames without a polyp that got a box"),
)


def render_card(manifest: ModelManifest) -> str:
    """The card as Markdown."""
    training: dict[str, Any] = (manifest.model_extra or {}).get("training", {})
    parts = [
        f"# {manifest.name} {manifest.version}",
        "",
        "Finds polyps in single white-light colonoscopy frames and marks each with a box. **Research use only. Not a "
        "medical device:** nothing here was validated for the care of a patient.",
        "",
        *_variants(manifest),
        *_made_from(manifest, training),
        *(line for v in manifest.variants for line in _metrics(v)),
        *_observed(manifest),
        *_limits(),
        "## Licence",
        "",
        "The weights are for non-commercial research only, because some of the sets above are: see `models/LICENSE`. "
        "The program's own licence (GPL-3.0-or-later) does not extend to them.",
        "",
    ]
    return "\n".join(parts)


def _variants(manifest: ModelManifest) -> list[str]:
    lines = ["## Files", ""]
    for v in manifest.variants:
        size = f"{v.input.width}x{v.input.height}"
        lines += [
            f"- `{v.file}` (`{v.name}`, {v.precision}; for {', '.join(v.providers)}), SHA-256 `{v.sha256}`",
            f"  - input `{v.input.name}`: float32 1x3x{v.input.height}x{v.input.width}, {v.input.colour.upper()}, "
            f"0 to 255, mean {v.input.mean}, std {v.input.std}; the frame is scaled into {size} top left by rule "
            f"`{v.input.resize}` and padded with {v.input.pad}",
            f"  - output: the best {v.output.top_k} boxes before suppression (`{v.output.boxes}` xyxy in input pixels, "
            f"`{v.output.scores}`, `{v.output.classes}`); the host suppresses overlaps above IoU {v.nms_iou}",
            f"  - operating threshold **{v.threshold}**: the score with the highest F1 (IoU 0.5) on `dev`, chosen "
            "before any test set was scored",
        ]
        if v.parity is not None:
            lines.append(
                f"  - against {v.parity.reference} on {v.parity.images} images: at most {v.parity.max_box_px} px and "
                f"{v.parity.max_score} in score"
            )
    return [*lines, ""]


def _made_from(manifest: ModelManifest, training: dict[str, Any]) -> list[str]:
    lines = ["## Made from", "", "| what | licence | reference |", "|---|---|---|"]
    lines += [f"| {x.name} | {x.licence} | {x.citation} |" for x in manifest.licences]
    lines += [
        "",
        f"Catalogue (names, split and boxes of all training images): SHA-256 `{manifest.catalog_sha256}`.",
        "",
    ]
    if training:
        lines += ["| training | |", "|---|---|", *(f"| {k} | {v} |" for k, v in training.items()), ""]
    return lines


def _metrics(variant: Variant) -> list[str]:
    if not variant.metrics:
        return []
    sets = variant.metrics
    lines = [
        f"## Figures of `{variant.name}`",
        "",
        f"Raw single-frame detections, no tracking. AP needs no threshold; the rest is at {variant.threshold}.",
        "",
        "| | " + " | ".join(m.dataset for m in sets) + " |",
        "|---|" + "---|" * len(sets),
        "| images | " + " | ".join(str(m.images) for m in sets) + " |",
    ]
    for key, label in _ROWS:
        if any(key in m.values for m in sets):
            lines.append(f"| {label} | " + " | ".join(_cell(m, key) for m in sets) + " |")
    lines += [""]
    for m in sets:
        note = _SET_NOTES.get(m.dataset, "")
        lines.append(f"- **{m.dataset}**: {note}. `{m.command}` ({m.machine})")
    return [*lines, ""]


def _cell(metrics: Metrics, key: str) -> str:
    return f"{metrics.values[key]:.3f}" if key in metrics.values else "–"


def _observed(manifest: ModelManifest) -> list[str]:
    """What somebody saw who looked at its results: kept in the manifest, for no command can measure it."""
    seen: list[str] = (manifest.model_extra or {}).get("observed", [])
    return ["## What it is bad at, looked at by eye", "", *(f"- {line}" for line in seen), ""] if seen else []


def _limits() -> list[str]:
    return [
        "## What it was not tried on",
        "",
        "- Narrow-band and other tinted light: a few training images have it, no test set measures it.",
        "- Continuous video of whole examinations: the sets are selected stills and thinned sequences, in which polyps "
        "are more frequent, larger and sharper than on the screen. False alarms per minute do not follow from them.",
        "- Flat and serrated lesions, poor bowel preparation and blood: they are among the images, but were not "
        "measured apart.",
        "- Boxes are around what the annotators' masks mark as one piece; several polyps that touch count as one.",
        "",
    ]
