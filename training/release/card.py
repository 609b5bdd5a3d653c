"""The model card, made from the manifest and from nothing else: the two cannot disagree. No torch."""

from __future__ import annotations

from typing import Any

from detector.manifest import InputContract, Licence, Metrics, ModelManifest, Variant

CARD_NAME = "MODEL_CARD.md"

_SET_NOTES = {
    "kvasir-val": "Kvasir-SEG official validation list, 120 images; never trained on. Patients unknown: "
    "near-duplicate-checked, not patient-disjoint",
    "cvc-clinicdb": "CVC-ClinicDB, 612 frames of 29 sequences; external, never trained on",
    "polypgen-c6": "PolypGen centre C6, 88 frames; a held-out centre of a family that was trained on, not external",
    "negatives-test": "PolypGen negative sequences 3, 8, 12 and 16; held out; no polyps",
    "dev": "validation images: checkpoint and threshold were chosen on it, so its figures flatter",
}
_ROWS = (
    ("ap50", "AP50"),
    ("ap50_95", "AP50-95"),
    ("recall", "recall, IoU 0.5"),
    ("recall_iou20", "recall, IoU 0.2"),
    ("precision", "precision"),
    ("f1", "F1"),
    ("sequences_lesion_sensitivity", "lesions found in sequences, IoU 0.2"),
    ("frame_sensitivity", "frames with a lesion in which one was hit"),
    ("false_boxes_per_image", "false boxes per image"),
    ("negatives_with_false_box", "frames without a polyp that got a box"),
    ("ap50_loss", "AP50 lost against the FP32 file"),
    ("ap50_95_loss", "AP50-95 lost against the FP32 file"),
)
_PERMISSIVE = ("apache", "mit", "bsd", "cc by 4.0", "cc-by-4.0", "cc0")
_TARGETS = {
    "f1": "the score with the highest F1 (IoU 0.5)",
    "negatives": "the lowest score at which at most {0:.1%} of the frames without a lesion get a false box",
    "sensitivity": "the highest score at which at least {0:.1%} of the lesions are hit (IoU 0.2)",
}


def render_card(manifest: ModelManifest) -> str:
    """The card as Markdown."""
    extra: dict[str, Any] = manifest.model_extra or {}
    parts = [
        f"# {manifest.name} {manifest.version}",
        "",
        f"Finds {_listed(manifest.classes)} in single {_light(manifest)}colonoscopy frames and marks each with a box. "
        "**Research use only. Not a medical device:** nothing here was validated for the care of a patient.",
        "",
        *_release(extra.get("release")),
        *_adopted(extra.get("adopted")),
        *_variants(manifest, extra),
        *_made_from(manifest, extra),
        *(line for v in manifest.variants for line in _metrics(v)),
        *_observed(extra.get("observed", [])),
        *_limits(),
        *_licence(manifest, bool(extra.get("adopted"))),
    ]
    return "\n".join(parts)


def _light(manifest: ModelManifest) -> str:
    return "white-light " if manifest.validated_light == ["white"] else ""


def _listed(names: list[str]) -> str:
    return "polyps" if names == ["polyp"] else ", ".join(names)


def _release(release: dict[str, Any] | None) -> list[str]:
    """What the gates said when it was registered."""
    if not release:
        return []
    lines = ["## Release", ""]
    if release.get("forced"):
        lines += [f"**Registered although gates failed.** Reason given: {release['forced']}", ""]
    lines += [f"Registered {release['registered']} by {release['software']}: `{release['command']}`.", ""]
    lines += ["| gate | | found |", "|---|---|---|"]
    lines += [
        f"| {_cellsafe(g['name'])} | {'passed' if g['passed'] else '**failed**'} | {_cellsafe(g['words'])} |"
        for g in release["gates"]
    ]
    return [*lines, ""]


def _adopted(adopted: dict[str, Any] | None) -> list[str]:
    if not adopted:
        return []
    return [
        "## Adopted",
        "",
        f"A foreign model: {adopted['family']}, from a file with SHA-256 `{adopted['file_sha256']}`. Its weights were "
        f"not changed; a decoding was appended (`--decoder {adopted['decoder']}`). {adopted['letterbox']} What it was "
        f"trained on: {adopted['trained_on']}, so no test set can be called external to it.",
        "",
    ]


def _threshold(extra: dict[str, Any]) -> str:
    adopted = extra.get("adopted")
    if adopted and "threshold_target" not in extra:
        return str(adopted["threshold_note"])
    kind, _, share = str(extra.get("threshold_target", "f1")).partition("=")
    words = _TARGETS.get(kind, kind).format(float(share or 0))
    return f"{words} on `dev`, chosen before any test set was scored"


def _takes(contract: InputContract) -> str:
    if contract.contract == "frame_u8_hwc":
        return "uint8 n x h x w x 3, whole frames of any size, resized in the graph"
    return f"float32 1x3x{contract.height}x{contract.width}"


def _variants(manifest: ModelManifest, extra: dict[str, Any]) -> list[str]:
    lines = ["## Files", ""]
    for v in manifest.variants:
        size = f"{v.input.width}x{v.input.height}"
        lines += [
            f"- `{v.file}` (`{v.name}`, {v.precision}; for {', '.join(v.providers)}), SHA-256 `{v.sha256}`",
            f"  - input `{v.input.name}`: {_takes(v.input)}; {v.input.colour.upper()}, "
            f"0 to 255, mean {v.input.mean}, std {v.input.std}; the frame is scaled into {size} top left by rule "
            f"`{v.input.resize}` and padded with {v.input.pad}",
            f"  - output: the best {v.output.top_k} boxes before suppression (`{v.output.boxes}` xyxy in input pixels, "
            f"`{v.output.scores}`, `{v.output.classes}`); the host suppresses overlaps above IoU {v.nms_iou}",
            f"  - operating threshold **{v.threshold}**: {_threshold(extra)}",
            *_file_facts(v),
        ]
    return [*lines, ""]


def _file_facts(v: Variant) -> list[str]:
    lines, facts = [], v.model_extra or {}
    if v.parity is not None:
        said = v.parity.model_extra or {}
        boxes = ""
        if "same_boxes" in said:
            boxes = f", {said['same_boxes']} of its {said['boxes']} shown boxes found"
        lines.append(
            f"  - against {v.parity.reference} on {v.parity.images} images{boxes}: at most {v.parity.max_box_px} px "
            f"and {v.parity.max_score} in score"
        )
    if "onnx" in facts:
        lines.append(f"  - ONNX operator set {facts['onnx']['opset']}, IR version {facts['onnx']['ir_version']}")
    if "cpu_ms" in facts:
        lines.append(f"  - one run of the network alone on one CPU core where it was exported: {facts['cpu_ms']} ms")
    if "quantisation" in facts:
        lines.append(f"  - {facts['quantisation']}")
    return lines


def _made_from(manifest: ModelManifest, extra: dict[str, Any]) -> list[str]:
    lines = ["## Made from", "", "| what | licence | reference |", "|---|---|---|"]
    lines += [f"| {_cellsafe(x.name)} | {_cellsafe(x.licence)} | {_cellsafe(x.citation)} |" for x in manifest.licences]
    lines += [""]
    if not extra.get("adopted"):
        split = f" The split is {extra['split']}." if extra.get("split") else ""
        told = f"Catalogue (names, split and boxes of all training images): SHA-256 `{manifest.catalog_sha256}`.{split}"
        lines += [told, ""]
    training = extra.get("training", {})
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
        f"Raw single-frame detections, no tracking. AP needs no threshold; the rest is at {variant.threshold}. In "
        "brackets: 95 % interval by bootstrap over patients, else sequences, else images.",
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
        note = f": {_SET_NOTES[m.dataset]}" if m.dataset in _SET_NOTES else ""
        lines.append(f"- **{m.dataset}**{note}. `{m.command}` ({m.machine})")
    return [*lines, ""]


def _cell(metrics: Metrics, key: str) -> str:
    if key not in metrics.values:
        return "–"
    low, high = metrics.values.get(f"{key}_low"), metrics.values.get(f"{key}_high")
    interval = f" ({low:.3f} to {high:.3f})" if low is not None and high is not None else ""
    return f"{metrics.values[key]:.3f}{interval}"


def _cellsafe(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _observed(seen: list[str]) -> list[str]:
    """What somebody saw who looked at its results: kept in the manifest, for no command can measure it."""
    return ["## What it is bad at, looked at by eye", "", *(f"- {line}" for line in seen), ""] if seen else []


def _limits() -> list[str]:
    return [
        "## What it was not tried on",
        "",
        "- Narrow-band and other tinted light: a few training images may have it, no test set measures it.",
        "- Continuous video of whole examinations: the sets are selected stills and thinned sequences, in which polyps "
        "are more frequent, larger and sharper than on the screen. False alarms per minute do not follow from them.",
        "- Flat and serrated lesions, poor bowel preparation and blood: they may be among the images, but were not "
        "measured apart.",
        "- Boxes are around what the annotators marked as one piece; several polyps that touch count as one.",
        "",
    ]


def _licence(manifest: ModelManifest, adopted: bool) -> list[str]:
    """What may be done with the weights, as far as the licences in the table say it."""
    strict = [x for x in manifest.licences if not _permissive(x)]
    lines = ["## Licence", ""]
    if adopted:
        lines.append(f"The weights are another's: {manifest.licences[0].licence}. Nothing here extends that licence.")
    elif strict:
        names = ", ".join(x.name for x in strict)
        lines.append(
            f"The weights are for non-commercial research only, because of what they were made from ({names}): see "
            "`models/LICENSE`. The program's own licence (GPL-3.0-or-later) does not extend to them."
        )
    else:
        lines.append("Everything that they were made from allows commercial use with attribution, as the table says.")
    return [*lines, ""]


def _permissive(licence: Licence) -> bool:
    words = licence.licence.lower()
    return any(p in words for p in _PERMISSIVE) and "non-commercial" not in words and "nc" not in words.split("-")
