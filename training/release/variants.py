"""The files of one model: each made, compared with its reference, measured on dev, and given its own threshold."""

from __future__ import annotations

import platform
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import onnx

from detector.errors import ModelError, UsageError
from detector.geometry import Size
from detector.manifest import (
    MANIFEST_NAME,
    InputContract,
    Metrics,
    ModelManifest,
    OutputContract,
    Parity,
    Variant,
    dump_manifest,
    file_sha256,
)
from detector.preprocess import RESIZE_RULE
from detector.providers import open_session
from detector.resize_maps import BATCH
from detector.runtime import OnnxDetector
from training.contract import NMS_IOU, PAD, TOP_K
from training.evaluation.figures import DevFigures, dev_figures
from training.evaluation.rows import stills
from training.evaluation.runtime import predict_with_runtime
from training.network import Network
from training.release.frame_graph import FRAME, takes_frames
from training.release.graph import INPUT, OUTPUTS, export_onnx, graph_facts, write_graph
from training.release.half import to_half
from training.release.operating import Target, choose_threshold
from training.release.parity import IMAGES, network_inputs, parity_of_files, spread
from training.release.precision import Calibration, Int8Recipe, convert_fp16, quantise_int8
from training.samples import Sample

Kind = Literal["fp32", "fp16", "int8", "frame"]
"""What can be made; also the variant's name. `frame` is half precision behind a resize in the graph."""
Provider = Literal["cpu", "cuda", "tensorrt"]
CALIBRATIONS: tuple[Calibration, ...] = ("percentile", "minmax")
FILES: dict[Kind, str] = {
    "fp32": "model.onnx",
    "fp16": "model-fp16.onnx",
    "int8": "model-int8.onnx",
    "frame": "model-frame.onnx",
}
PROVIDERS: dict[Kind, list[Provider]] = {
    "fp32": ["cpu", "cuda", "tensorrt"],
    "fp16": ["cuda", "tensorrt"],  # on a CPU it is FP32 with casts around every node: only slower
    "frame": ["cuda", "tensorrt"],  # on a CPU, resizing in the graph takes ten times as long as OpenCV
    "int8": ["cpu"],  # uint8 activations: TensorRT wants symmetric int8, CUDA has no fused kernels for it
}
INT8_TRIALS = tuple(
    Int8Recipe(calibration, float_first=first, float_heads=heads)
    for first, heads in ((0, False), (6, False), (10, False), (24, True))
    for calibration in CALIBRATIONS
)
"""Tried in this order, fastest first; the first within the margin is kept. On `fast` 0.1.0 (SiLU, depthwise) only one
thing helped, the first convolutions in float32: AP50 .568 without it, .850 with 6, .856 with 10 (FP32: .858)."""


def parse_kinds(text: str) -> list[Kind]:
    """From ``--variants fp32,int8``; the order is that of preference in the manifest.

    Raises:
        UsageError: an unknown kind, one named twice, or no fp32, which the others are measured against.
    """
    names = [part.strip() for part in text.split(",") if part.strip()]
    unknown = [n for n in names if n not in FILES]
    if unknown or len(set(names)) != len(names) or "fp32" not in names:
        raise UsageError(
            f"--variants {text} cannot be made.",
            f"Name each of {', '.join(FILES)} once at most; fp32 must be there: the others are measured against it.",
        )
    return [kind for name in names for kind in FILES if kind == name]


@dataclass(frozen=True, slots=True)
class Bench:
    """What variants are measured with.

    Attributes:
        folder: draft of the model folder.
        dev: validation images.
        calibration: images that were trained on, for INT8 ranges.
        target: what thresholds are chosen for.
        margin: largest loss of AP50 on dev that a variant may have against FP32.
        command: for the manifest.
        calibration_images: how many of `calibration` are used.
    """

    folder: Path
    dev: Sequence[Sample]
    calibration: Sequence[Sample]
    target: Target
    margin: float = 0.01
    command: str = ""
    calibration_images: int = 64


@dataclass(frozen=True, slots=True)
class Made:
    """One variant with its figures on dev."""

    variant: Variant
    dev: DevFigures
    notes: list[str] = field(default_factory=list)


def measured(bench: Bench, base: ModelManifest, kind: Kind, size: int, parity: Parity | None) -> Made:
    """Give a file in the draft folder its threshold and its figures on dev.

    Args:
        bench: with what.
        base: the manifest so far; its variants are not used.
        kind: whose file lies in the folder.
        size: side of its input in pixels.
        parity: already measured, or None.

    Raises:
        ModelError: no threshold meets the target.
    """
    variant = _describe(bench.folder, kind, size, parity)
    answers = predict_with_runtime(open_draft(bench.folder, base, variant), bench.dev)
    threshold = choose_threshold(stills(bench.dev, answers), bench.target)
    found = dev_figures(bench.dev, answers, threshold)
    return Made(
        variant.model_copy(update={"threshold": threshold, "metrics": [dev_metrics(found, bench.command, "cpu")]}),
        found,
    )


def make_fp16(bench: Bench, base: ModelManifest, reference: Made) -> Made:
    """The FP16 file.

    Raises:
        ModelError: it differs from FP32 by more than the limits or loses more than the margin.
    """
    try:
        convert_fp16(bench.folder / FILES["fp32"], bench.folder / FILES["fp16"])
    except ValueError as error:
        raise ModelError(f"The network cannot be made fp16: {error}.", "Export without fp16.") from error
    made, broken = _against(bench, base, reference, "fp16")
    if broken:
        raise ModelError(f"The fp16 variant is refused: {'; '.join(broken)}.", "Export without fp16.")
    return made


def make_frame(bench: Bench, base: ModelManifest, reference: Made, network: Network) -> Made:
    """The file for graphics cards that takes whole frames: batch of any size, FP16, resize in the graph.

    Args:
        bench: with what.
        base: the manifest so far.
        reference: the FP32 file.
        network: is exported once more, as the FP32 file takes one image at a time.

    Raises:
        ModelError: it differs from FP32 by more than the limits or loses more than the margin.
    """
    path = bench.folder / FILES["frame"]
    export_onnx(network, path, network.input_size, BATCH)
    try:
        write_graph(takes_frames(to_half(onnx.load(path)), reference.variant.input), path)
    except ValueError as error:
        raise ModelError(f"The network cannot take frames: {error}.", "Export without frame.") from error
    made, broken = _against(bench, base, reference, "frame")
    if broken:
        raise ModelError(f"The frame variant is refused: {'; '.join(broken)}.", "Export without frame.")
    return made


def make_int8(bench: Bench, base: ModelManifest, reference: Made) -> Made:
    """The INT8 file, by the first of `INT8_TRIALS` that stays within the margin on dev.

    Raises:
        ModelError: none does; the message says what each lost.
    """
    if not bench.calibration:
        raise ModelError("There are no training images to calibrate INT8 with.", "Export without int8.")
    size = reference.variant.input.size
    images = network_inputs(spread(bench.calibration, bench.calibration_images), Size(size.width, size.height))
    said: list[str] = []
    for trial in INT8_TRIALS:
        recipe = replace(trial, images=len(images))
        quantise_int8(bench.folder / FILES["fp32"], bench.folder / FILES["int8"], images, recipe)
        made, broken = _against(bench, base, reference, "int8")
        if not broken:
            variant = made.variant.model_copy(update={"quantisation": recipe.words, "tried_before": said})
            return Made(variant, made.dev, said)
        said.append(f"{recipe.short}: {'; '.join(broken)}")
    raise ModelError(
        f"The int8 variant is refused. {' | '.join(said)}.", "Export without int8, or allow more with --margin."
    )


def open_draft(folder: Path, base: ModelManifest, variant: Variant) -> OnnxDetector:
    """The runtime on one variant of a draft folder."""
    manifest = base.model_copy(update={"variants": [variant]})
    (folder / MANIFEST_NAME).write_text(dump_manifest(manifest), encoding="utf-8")
    return OnnxDetector(folder, "cpu", variant.name)


def _against(bench: Bench, base: ModelManifest, reference: Made, kind: Kind) -> tuple[Made, list[str]]:
    """A variant's figures beside the reference's, and a sentence for each limit that it breaks."""
    variant = _describe(bench.folder, kind, reference.variant.input.width, None)
    both = base.model_copy(update={"variants": [reference.variant, variant]})
    (bench.folder / MANIFEST_NAME).write_text(dump_manifest(both), encoding="utf-8")
    detectors = [OnnxDetector(bench.folder, "cpu", name) for name in (reference.variant.name, variant.name)]
    parity, broken = parity_of_files(detectors[0], detectors[1], spread(bench.dev, IMAGES))
    made = measured(bench, base, kind, reference.variant.input.width, parity)
    entry = dev_metrics(made.dev, bench.command, "cpu", reference.dev)
    lost = entry.values.get("ap50_loss")
    if lost is not None and lost > bench.margin:
        broken.append(f"it loses {lost:.4f} AP50 on dev (allowed: {bench.margin:g})")
    return Made(made.variant.model_copy(update={"metrics": [entry]}), made.dev), broken


def _describe(folder: Path, kind: Kind, size: int, parity: Parity | None) -> Variant:
    """A file of ours as a variant; the threshold is not known yet."""
    path = folder / FILES[kind]
    facts: dict[str, Any] = {"onnx": graph_facts(path)}
    if kind != "frame":
        facts["cpu_ms"] = cpu_ms(path, size)
    return Variant(
        name=kind,
        file=FILES[kind],
        sha256=file_sha256(path),
        precision="fp16" if kind == "frame" else kind,
        providers=PROVIDERS[kind],
        input=InputContract(
            name=FRAME if kind == "frame" else INPUT,
            contract="frame_u8_hwc" if kind == "frame" else "blob_f32_nchw",
            width=size,
            height=size,
            colour="bgr",
            mean=(0.0, 0.0, 0.0),
            std=(1.0, 1.0, 1.0),
            resize=RESIZE_RULE,
            pad=PAD,
        ),
        output=OutputContract(boxes=OUTPUTS[0], scores=OUTPUTS[1], classes=OUTPUTS[2], top_k=TOP_K),
        nms_iou=NMS_IOU,
        threshold=0.5,
        parity=parity,
        metrics=[],
    ).model_copy(update=facts)


def cpu_ms(path: Path, size: int, runs: int = 15) -> float:
    """CPU time of one run of the network on one core in milliseconds, median; what other programs do hardly shows.

    It says whether a smaller file is a faster one here: INT8 is not for every network.
    """
    session = open_session(path.read_bytes(), "cpu", 1)
    blob = np.random.default_rng(1).integers(0, 256, (1, 3, size, size)).astype(np.float32)
    session.run(list(OUTPUTS), {INPUT: blob})
    times = []
    for _ in range(runs):
        start = time.process_time()
        session.run(list(OUTPUTS), {INPUT: blob})
        times.append((time.process_time() - start) * 1e3)
    return round(float(np.median(times)), 2)


def dev_metrics(found: DevFigures, command: str, provider: str, reference: DevFigures | None = None) -> Metrics:
    """Figures on dev as the manifest keeps them, with what was lost against the FP32 file."""
    values = {k: float(v) for k, v in found.as_dict().items() if k not in ("images", "threshold")}
    for name in ("ap50", "ap50_95") if reference else ():
        before, after = getattr(reference, name), getattr(found, name)
        if before is not None and after is not None:
            values[f"{name}_loss"] = round(before - after, 4)
    return Metrics(
        dataset="dev",
        images=found.images,
        threshold=found.threshold,
        values=values,
        command=command,
        machine=machine(provider),
    )


def machine(provider: str) -> str:
    """What figures were measured on, as the manifest says it."""
    return f"{platform.system()} {platform.machine()}, ONNX Runtime, {provider}"
