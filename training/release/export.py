"""From weights to a candidate: a model folder whose files are compared, measured on dev, and described.

A candidate is no release: `training.release.gates` decides about that.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from detector.errors import ModelError, OutputError, UsageError
from detector.geometry import Size
from detector.manifest import MANIFEST_NAME, SCHEMA, Licence, ModelManifest
from training.contract import CLASSES
from training.network import Network, save_weights
from training.release.graph import export_onnx
from training.release.operating import Target
from training.release.parity import IMAGES, network_inputs, parity_with_torch, spread
from training.release.record import write_manifest
from training.release.variants import FILES, Bench, Kind, Made, make_fp16, make_frame, make_int8, measured
from training.samples import Sample


@dataclass(frozen=True, slots=True)
class Provenance:
    """What a model was made from.

    Attributes:
        name: of the model.
        version: of the model.
        catalog_sha256: of the catalog that it was trained on.
        licences: every data set and starting weight that it was made from.
        training: facts about the run, kept in the manifest for the card.
        split: the catalog's split in words, such as ``near-duplicate-checked``.
    """

    name: str
    version: str
    catalog_sha256: str
    licences: tuple[Licence, ...]
    training: dict[str, Any] = field(default_factory=dict)
    split: str = ""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to make.

    Attributes:
        kinds: in the order of preference; FP32 is among them.
        target: what each file's threshold is chosen for.
        margin: largest loss of AP50 on dev that a file may have against FP32.
        calibration_images: training images for INT8 ranges.
        command: for the manifest.
    """

    kinds: Sequence[Kind] = ("fp32",)
    target: Target = Target("f1")  # noqa: RUF009 - frozen
    margin: float = 0.01
    calibration_images: int = 64
    command: str = "polypwatch-train export"


def build_folder(
    network: Network, dev: Sequence[Sample], train: Sequence[Sample], made: Provenance, wanted: Wanted, folder: Path
) -> ModelManifest:
    """Export into `folder`: every file, its parity, its threshold and figures on dev, the manifest and the card.

    Everything is made and checked in a temporary folder first, so that a refusal leaves nothing behind.

    Args:
        network: trained.
        dev: validation images.
        train: training images, for INT8 calibration only.
        made: what the network was made from.
        wanted: which files.
        folder: where the candidate goes; empty or not there.

    Raises:
        UsageError: `folder` holds something already, or dev is empty.
        ModelError: a file differs from the network, or loses more than it may.
        OutputError: the folder cannot be written.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder} is not empty.", "Choose another --out: a candidate is never written over a model.")
    if not dev:
        raise UsageError("The catalog has no dev images: no threshold can be chosen.", "Split it first.")
    network = network.cpu().float().eval()
    with tempfile.TemporaryDirectory(prefix="polypwatch-export-") as scratch:
        bench = Bench(
            Path(scratch), dev, train, wanted.target, wanted.margin, wanted.command, wanted.calibration_images
        )
        manifest = _fill(network, bench, made, wanted)
        write_manifest(manifest, bench.folder)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for file in sorted(bench.folder.iterdir()):
                if file.name != MANIFEST_NAME:
                    shutil.copyfile(file, folder / file.name)
            shutil.copyfile(bench.folder / MANIFEST_NAME, folder / MANIFEST_NAME)
        except OSError as error:
            raise OutputError(f"{folder} cannot be written ({error}).", "Choose another --out.") from error
    return manifest


def _fill(network: Network, bench: Bench, made: Provenance, wanted: Wanted) -> ModelManifest:
    size = network.input_size
    export_onnx(network, bench.folder / FILES["fp32"], size)
    save_weights(network, bench.folder / "weights.safetensors")  # fine-tuning goes on from them; an ONNX file cannot
    parity = parity_with_torch(
        network, bench.folder / FILES["fp32"], network_inputs(spread(bench.dev, IMAGES), Size(size, size))
    )
    base = _manifest(made, wanted)
    reference = measured(bench, base, "fp32", size, parity)
    found: dict[Kind, Made] = {"fp32": reference}
    if "fp16" in wanted.kinds:
        found["fp16"] = make_fp16(bench, base, reference)
    if "frame" in wanted.kinds:
        found["frame"] = make_frame(bench, base, reference, network)
    if "int8" in wanted.kinds:
        found["int8"] = make_int8(bench, base, reference)
    return base.model_copy(update={"variants": [found[kind].variant for kind in wanted.kinds]})


def _manifest(made: Provenance, wanted: Wanted) -> ModelManifest:
    """Without variants: they are put in once they are measured."""
    if not made.licences:
        raise ModelError("Nothing is known of the licences of what the model was made from.")
    # `model_construct`, since the strict model wants a variant: every use of it goes through `model_copy`.
    return ModelManifest.model_construct(
        schema_=SCHEMA,
        name=made.name,
        version=made.version,
        classes=list(CLASSES),
        validated_light=["white"],
        catalog_sha256=made.catalog_sha256,
        licences=list(made.licences),
        variants=[],
        training=made.training,
        split=made.split,
        threshold_target=wanted.target.text,
        exporter=f"torch {torch.__version__.split('+')[0]}",
    )
