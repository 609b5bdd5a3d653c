"""Somebody else's ONNX as a model folder of ours: it runs live, in QA and in `evaluate`, through the same runtime.

The network's weights are not touched: extra inputs become constants, and a decoding is appended that gives our outputs.
"""

from __future__ import annotations

import ast
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx

from detector.errors import ModelError, OutputError, UsageError
from detector.geometry import Size
from detector.manifest import (
    MANIFEST_NAME,
    SCHEMA,
    InputContract,
    Licence,
    ModelManifest,
    OutputContract,
    Variant,
    file_sha256,
    load_manifest,
)
from detector.preprocess import RESIZE_RULE
from detector.providers import first_line, open_session
from detector.runtime import OnnxDetector
from training.contract import TOP_K
from training.evaluation.figures import dev_figures
from training.evaluation.rows import stills
from training.evaluation.runtime import predict_with_runtime
from training.release.decoders import FAMILIES, Decoder, Family, Probe, decode
from training.release.graph import graph_facts
from training.release.operating import Target, choose_threshold
from training.release.record import write_manifest
from training.release.surgery import append_tail, fix_extra, fix_input, fix_shapes, prepare
from training.release.variants import dev_metrics
from training.samples import Sample

FILE_NAME = "model.onnx"
DEFAULT_THRESHOLD = 0.25
"""What Ultralytics and YOLOX draw boxes from by default; nobody chose it for polyps."""
_IMAGE_NAMES = ("images", "image", "input", "x", "pixel_values")


@dataclass(frozen=True, slots=True)
class Foreign:
    """What is said of a foreign model.

    Attributes:
        decoder: its family.
        name: of the model folder.
        version: of it.
        licence: of the weights; there is no default, since somebody must have read it.
        citation: where it comes from.
        classes: every class that it was trained with, in its order.
        keep: those that become ours; empty: all.
        raw_grid: YOLOX only: exported without decoding.
        size: of the input, where the file leaves it open; None: the file says it.
        nms_iou: overlap above which the weaker box is dropped; None: as the family does it.
        validated_light: in which light somebody validated it.
    """

    decoder: Decoder
    name: str
    version: str
    licence: str
    citation: str
    classes: tuple[str, ...]
    keep: tuple[str, ...] = ()
    raw_grid: bool = False
    size: Size | None = None
    nms_iou: float | None = None
    validated_light: tuple[str, ...] = ()


def adopt_model(source: Path, foreign: Foreign, folder: Path) -> ModelManifest:
    """Make a model folder of a foreign ONNX file.

    Args:
        source: the file; its weights may lie beside it (external data).
        foreign: what is said of it.
        folder: where the model folder goes; empty or not there.

    Returns:
        The manifest; its threshold is `DEFAULT_THRESHOLD`, chosen for nothing.

    Raises:
        UsageError: the folder holds something, or a class that is kept is not among the classes.
        ModelError: the file is no ONNX, or no network of the family; the message names what may fit.
        OutputError: the folder cannot be written.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder} is not empty.", "Choose another --out.")
    if not foreign.licence.strip():
        raise UsageError("A licence must be named.", "Read what the model came with; say 'unknown' if it is silent.")
    keep = _kept(foreign)
    family = FAMILIES[foreign.decoder]
    proto = _load(source)
    _check_told(proto, foreign)
    made, rows, size = _rebuild(prepare(proto), foreign, family, keep)
    with tempfile.TemporaryDirectory(prefix="polypwatch-adopt-") as scratch:
        draft = Path(scratch)
        (draft / FILE_NAME).write_bytes(made.SerializeToString(deterministic=True))
        manifest = _manifest(source, draft, foreign, family, rows, size)
        write_manifest(manifest, draft)
        OnnxDetector(draft, "cpu").warm_up(size, 1)  # the runtime's own checks, before anything is left behind
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for file in sorted(draft.iterdir(), key=lambda p: p.name == MANIFEST_NAME):
                shutil.copyfile(file, folder / file.name)
        except OSError as error:
            raise OutputError(f"{folder} cannot be written ({error}).", "Choose another --out.") from error
    return manifest


def choose_on(folder: Path, dev: Sequence[Sample], target: Target, command: str) -> float:
    """Give an adopted model an operating threshold from validation images; returns it.

    Raises:
        ModelError: no threshold meets the target.
        OutputError: the manifest cannot be written.
    """
    manifest = load_manifest(folder)
    (variant,) = manifest.variants
    detector = OnnxDetector(folder, "cpu")
    answers = predict_with_runtime(detector, dev)
    threshold = choose_threshold(stills(dev, answers), target)
    entry = dev_metrics(dev_figures(dev, answers, threshold), command, "cpu")
    chosen = variant.model_copy(update={"threshold": threshold, "metrics": [entry]})
    write_manifest(manifest.model_copy(update={"variants": [chosen], "threshold_target": target.text}), folder)
    return threshold


def told_classes(source: Path) -> tuple[str, ...]:
    """The class names that an Ultralytics export keeps in its metadata; empty if there are none."""
    return _told(_load(source)).get("names", ())


def _kept(foreign: Foreign) -> list[int]:
    if not foreign.classes or len(set(foreign.classes)) != len(foreign.classes):
        raise UsageError("--classes must name every class of the model once, in its order.")
    missing = [c for c in foreign.keep if c not in foreign.classes]
    if missing:
        raise UsageError(f"There is no class '{missing[0]}' to keep.", f"There are: {', '.join(foreign.classes)}.")
    return [foreign.classes.index(c) for c in foreign.keep or foreign.classes]


def _load(source: Path) -> Any:
    if not source.is_file():
        raise ModelError(f"There is no file {source}.")
    try:
        proto = onnx.load(source)
        onnx.checker.check_model(proto)
    except Exception as error:  # protobuf and onnx raise half a dozen types for a file that is none of theirs
        raise ModelError(f"{source} is no ONNX file that can be read ({first_line(error)}).") from error
    return proto


def _told(proto: Any) -> dict[str, Any]:
    """What an Ultralytics export says of itself; empty for others."""
    told: dict[str, Any] = {p.key: p.value for p in proto.metadata_props}
    try:
        names = ast.literal_eval(told["names"]) if "names" in told else None
    except (ValueError, SyntaxError):
        names = None
    told.pop("names", None)
    if isinstance(names, dict):
        told["names"] = tuple(str(names[k]) for k in sorted(names))
    return told


def _check_told(proto: Any, foreign: Foreign) -> None:
    """Compare what the file says of itself with what the user says.

    Raises:
        ModelError: it is for another task, has other classes, or holds its own suppression.
    """
    told = _told(proto)
    if told.get("task", "detect") != "detect":
        raise ModelError(f"The file is a network for '{told['task']}', not for detection.")
    names = told.get("names")
    if names is not None and names != foreign.classes:
        raise ModelError(
            f"The file says that its classes are {', '.join(names)}.",
            f"Give --classes {','.join(names)} (and --keep-class).",
        )
    if any(n.op_type == "NonMaxSuppression" for n in proto.graph.node):
        raise ModelError(
            "The file holds its own suppression of overlaps: how many boxes it gives is not fixed.",
            "Export it without (Ultralytics: nms=False).",
        )


def _rebuild(proto: Any, foreign: Foreign, family: Family, keep: Sequence[int]) -> tuple[Any, int, Size]:
    """The finished graph, how many rows it gives, and its input's size."""
    weights = {x.name for x in proto.graph.initializer}
    inputs = {v.name: v for v in proto.graph.input if v.name not in weights}
    image = _image_input(inputs)
    size = _input_size(inputs[image], foreign.size)
    fix_extra(proto, _size_inputs(set(inputs) - {image}, size))
    fix_input(proto, image, size)
    fix_shapes(proto)
    probe = Probe(size, _run(proto, image, family, size), len(foreign.classes), keep, TOP_K, foreign.raw_grid)
    tail, rows = decode(foreign.decoder, probe)
    for value in proto.graph.input:
        if value.name == image:
            value.name = "image"
    for node in proto.graph.node:
        node.input[:] = ["image" if x == image else x for x in node.input]
    return append_tail(proto, tail, rows), rows, size


def _image_input(inputs: dict[str, Any]) -> str:
    """The input with four dimensions."""
    images = [n for n, v in inputs.items() if len(v.type.tensor_type.shape.dim) == 4]
    if len(images) > 1:
        images = [n for n in images if n in _IMAGE_NAMES]
    if len(images) != 1:
        raise ModelError(f"Which input is the image? The file has: {', '.join(inputs) or 'none'}.")
    return images[0]


def _input_size(value: Any, said: Size | None) -> Size:
    """The input's size: fixed in the file, or said by the user where the file leaves it open."""
    batch, channels, height, width = (d.dim_value for d in value.type.tensor_type.shape.dim)
    if channels not in (0, 3) or batch > 1:
        raise ModelError(
            f"The image input '{value.name}' is [{batch}, {channels}, {height}, {width}]; it must be one picture "
            "of three channels, channels first.",
            "Export the model for a batch of 1 (or of any size).",
        )
    if height and width:
        if said is not None and said != Size(width, height):
            raise ModelError(f"The file's input is {width}x{height}; it cannot be made {said.width}x{said.height}.")
        return Size(width, height)
    if said is None:
        raise ModelError("The file leaves the size of its input open.", "Give --input-size, such as 640x640.")
    if (height or said.height) != said.height or (width or said.width) != said.width:
        raise ModelError(f"The file's input does not allow {said.width}x{said.height}.")
    return said


def _size_inputs(names: set[str], size: Size) -> dict[str, npt.NDArray[Any]]:
    """Constants for the inputs in which the DETRs are told the picture's size: here it is the input itself.

    Raises:
        ModelError: there is an input that is none of them.
    """
    known = {
        "orig_target_sizes": np.array([[size.width, size.height]]),
        "im_shape": np.array([[size.height, size.width]]),
        "scale_factor": np.ones((1, 2)),
    }
    unknown = names - set(known)
    if unknown:
        raise ModelError(
            f"The file wants an input '{sorted(unknown)[0]}' that is no picture and no size that is known.",
            f"Known are {', '.join(known)}.",
        )
    return {n: known[n] for n in sorted(names)}


def _run(proto: Any, image: str, family: Family, size: Size) -> dict[str, list[npt.NDArray[Any]]]:
    """The outputs on three pictures: grey, noise, and a bright disc."""
    rng = np.random.default_rng(1)
    shape = (size.height, size.width, 3)
    rows, columns = np.mgrid[: size.height, : size.width]
    disc = (rows - size.height / 3) ** 2 + (columns - size.width / 2) ** 2 < (min(size) / 6) ** 2
    pictures = [
        np.full(shape, 114.0),
        rng.integers(0, 256, shape).astype(float),
        np.broadcast_to(np.where(disc[..., None], 200.0, 60.0), shape),
    ]
    try:
        session = open_session(proto.SerializeToString(), "cpu", None)
        names = [o.name for o in session.get_outputs()]
        found: dict[str, list[npt.NDArray[Any]]] = {n: [] for n in names}
        for picture in pictures:
            blob = (picture.transpose(2, 0, 1)[None] / family.scale).astype(np.float32)
            for name, value in zip(names, session.run(names, {image: blob}), strict=True):
                found[name].append(value)
    except Exception as error:  # ONNX Runtime's own exception classes share no base but Exception
        raise ModelError(
            f"The file does not run: {first_line(error)}.", "Export it again, with a batch of 1."
        ) from error
    for name, values in found.items():
        if any(v.dtype.kind == "f" and not np.isfinite(v).all() for v in values):
            raise ModelError(f"The output '{name}' holds numbers that are none.")
    return {n: v for n, v in found.items() if v[0].ndim >= 2}  # PaddleDetection also gives how many rows there are


def _manifest(source: Path, draft: Path, foreign: Foreign, family: Family, rows: int, size: Size) -> ModelManifest:
    scale = (family.scale,) * 3
    variant = Variant(
        name="fp32",
        file=FILE_NAME,
        sha256=file_sha256(draft / FILE_NAME),
        precision="fp32",
        providers=["cpu", "cuda", "tensorrt"],
        input=InputContract(
            name="image",
            contract="blob_f32_nchw",
            width=size.width,
            height=size.height,
            colour="rgb" if family.rgb else "bgr",
            mean=(0.0, 0.0, 0.0),
            std=(scale[0], scale[1], scale[2]),
            resize=RESIZE_RULE,
            pad=family.pad,
        ),
        output=OutputContract(boxes="boxes", scores="scores", classes="classes", top_k=rows),
        nms_iou=family.nms_iou if foreign.nms_iou is None else foreign.nms_iou,
        threshold=DEFAULT_THRESHOLD,
        parity=None,
        metrics=[],
    ).model_copy(update={"onnx": graph_facts(draft / FILE_NAME)})
    return ModelManifest.model_validate(
        {
            "schema": SCHEMA,
            "name": foreign.name,
            "version": foreign.version,
            "classes": list(foreign.keep or foreign.classes),
            "validated_light": list(foreign.validated_light),
            "catalog_sha256": "unknown",
            "licences": [Licence(name=foreign.name, licence=foreign.licence, citation=foreign.citation)],
            "variants": [variant],
            "adopted": {
                "family": family.title,
                "decoder": foreign.decoder,
                "file_sha256": file_sha256(source),
                "letterbox": family.letterbox,
                "threshold_note": "The family's default, chosen for no data: give --data to choose one for polyps.",
                "trained_on": "not known here",
            },
        }
    )
