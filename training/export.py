"""From weights to a model folder: graph, numeric parity, operating threshold from dev, manifest.

The graph takes a float32 `image` [1, 3, 416, 416] (raw BGR 0..255, padded with 114) and returns the best 100 boxes
before suppression: `boxes` [1, 100, 4] xyxy in input pixels, `scores` [1, 100] sorted, `classes` [1, 100]. No NMS.
"""

from __future__ import annotations

import contextlib
import logging
import platform
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from detector.errors import ModelError, OutputError
from detector.manifest import (
    MANIFEST_NAME,
    SCHEMA,
    InputContract,
    Licence,
    Metrics,
    ModelManifest,
    OutputContract,
    Parity,
    Variant,
    dump_manifest,
    file_sha256,
    load_manifest,
)
from detector.preprocess import RESIZE_RULE
from detector.providers import open_session
from training.card import CARD_NAME, render_card
from training.contract import CLASSES, INPUT_SIZE, NMS_IOU, PAD, TOP_K
from training.evaluate import PreparedSet, open_model, predict_with_runtime
from training.figures import Figures, match, operating_threshold
from training.importers import SOURCES, Sample
from training.yolox import YoloxNano

OPSET = 18
FILE_NAME = "model.onnx"
MAX_BOX_PX, MAX_SCORE = 0.05, 1e-3
_PARITY_IMAGES = 32
_STARTING_WEIGHTS = Licence(
    name="YOLOX-nano COCO weights",
    licence="Apache-2.0",
    citation="Ge et al., YOLOX: Exceeding YOLO Series in 2021, arXiv:2107.08430; trained on COCO 2017",
)


class Deployed(nn.Module):
    """The network with its decoding, as it is exported."""

    def __init__(self, model: YoloxNano, top_k: int = TOP_K) -> None:
        super().__init__()
        self.model = model
        self.top_k = top_k

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(boxes [N, K, 4], scores [N, K] best first, classes [N, K] int64)."""
        raw = self.model(image)
        scores, best = raw.scores().flatten(1).topk(self.top_k, dim=1)
        points = torch.div(best, self.model.classes, rounding_mode="floor")
        boxes = raw.boxes().gather(1, points[..., None].expand(-1, -1, 4))
        return boxes, scores, best - points * self.model.classes


def export_onnx(model: YoloxNano, path: Path, size: int = INPUT_SIZE) -> None:
    """Write a network as one self-contained ONNX file of static shapes, without a trace of this machine."""
    example = torch.zeros(1, 3, size, size)
    with warnings.catch_warnings(), _quiet("torch.onnx"):
        warnings.simplefilter("ignore")  # the exporter warns about its own internals, and that there is no torchvision
        program = torch.onnx.export(
            Deployed(model).eval(),
            (example,),
            dynamo=True,
            opset_version=OPSET,
            input_names=["image"],
            output_names=["boxes", "scores", "classes"],
            verbose=False,
        )
    assert program is not None
    proto = program.model_proto
    _forget_origin(proto)
    onnx.checker.check_model(proto, full_check=True)
    path.write_bytes(proto.SerializeToString(deterministic=True))


@contextlib.contextmanager
def _quiet(name: str) -> Iterator[None]:
    logger = logging.getLogger(name)
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)


def _forget_origin(proto: Any) -> None:
    """Drop what the exporter notes about source files: it names folders of this machine and changes the hash."""
    graph = proto.graph
    for item in (proto, graph, *graph.node, *graph.input, *graph.output, *graph.value_info, *graph.initializer):
        if hasattr(item, "metadata_props"):
            del item.metadata_props[:]
        item.doc_string = ""
    del proto.functions[:]


def measure_parity(model: YoloxNano, path: Path, data: PreparedSet) -> Parity:
    """Compare the file in ONNX Runtime with the network in torch, on real images.

    Boxes are compared one by one in the order of the file's output, as long as the score is worth a box (0.01).

    Raises:
        ModelError: they differ by more than `MAX_BOX_PX` or `MAX_SCORE`.
    """
    session = open_session(path.read_bytes(), "cpu", None)
    deployed = Deployed(model).eval()
    worst_box = worst_score = 0.0
    for image in data.images:
        blob = np.ascontiguousarray(image.transpose(2, 0, 1)[None].astype(np.float32))
        boxes, scores, _ = session.run(["boxes", "scores", "classes"], {"image": blob})
        with torch.inference_mode():
            raw = deployed.model(torch.from_numpy(blob))
            all_boxes, all_scores = raw.boxes()[0].numpy(), raw.scores()[0, :, 0].numpy()
        worst_score = max(worst_score, float(np.abs(np.sort(all_scores)[::-1][: scores.shape[1]] - scores[0]).max()))
        for box, score in zip(boxes[0], scores[0], strict=True):
            if score >= 0.01:  # the nearest of torch's: equal scores may come in either order
                worst_box = max(worst_box, float(np.abs(all_boxes - box).max(axis=1).min()))
    if worst_box > MAX_BOX_PX or worst_score > MAX_SCORE:
        raise ModelError(f"The exported file differs from the network: {worst_box:.3g} px, score {worst_score:.3g}.")
    return Parity(
        reference=f"torch {torch.__version__.split('+')[0]} float32, CPU",
        images=len(data.images),
        max_box_px=float(f"{worst_box:.2g}"),
        max_score=float(f"{worst_score:.2g}"),
    )


@dataclass(frozen=True, slots=True)
class Provenance:
    """What a model was made from."""

    name: str
    version: str
    catalog_sha256: str
    sources: tuple[str, ...]
    training: dict[str, Any]
    """Free facts about the run, kept in the manifest for the card."""


def build_folder(model: YoloxNano, dev: Sequence[Sample], made: Provenance, folder: Path) -> ModelManifest:
    """Export into `folder`: the file, its parity, its threshold from dev, its manifest and its card.

    Everything is made and checked in a temporary folder first, so that a refusal leaves the old model in place.

    Raises:
        ModelError: the exported file differs from the network.
        OutputError: the folder cannot be written.
    """
    with tempfile.TemporaryDirectory() as scratch:
        draft = Path(scratch)
        export_onnx(model, draft / FILE_NAME)
        step = max(1, len(dev) // _PARITY_IMAGES)
        parity = measure_parity(model, draft / FILE_NAME, PreparedSet.read(dev[::step], INPUT_SIZE))
        manifest = _manifest(made, file_sha256(draft / FILE_NAME), parity, threshold=0.5)
        (draft / MANIFEST_NAME).write_text(dump_manifest(manifest), encoding="utf-8")
        predictions = predict_with_runtime(open_model(draft, "cpu"), dev)
        threshold = operating_threshold(match(dev, predictions))
        manifest = _manifest(made, file_sha256(draft / FILE_NAME), parity, threshold)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / FILE_NAME).write_bytes((draft / FILE_NAME).read_bytes())
            write_manifest(manifest, folder)
        except OSError as error:
            raise OutputError(f"{folder} cannot be written ({error}).") from error
    return manifest


def _manifest(made: Provenance, sha256: str, parity: Parity, threshold: float) -> ModelManifest:
    licences = [
        Licence(name=s.name, licence=s.licence, citation=s.citation) for s in map(SOURCES.__getitem__, made.sources)
    ]
    variant = Variant(
        name="fp32",
        file=FILE_NAME,
        sha256=sha256,
        precision="fp32",
        providers=["cpu", "cuda", "tensorrt"],
        input=InputContract(
            name="image",
            contract="blob_f32_nchw",
            width=INPUT_SIZE,
            height=INPUT_SIZE,
            colour="bgr",
            mean=(0.0, 0.0, 0.0),
            std=(1.0, 1.0, 1.0),
            resize=RESIZE_RULE,
            pad=PAD,
        ),
        output=OutputContract(boxes="boxes", scores="scores", classes="classes", top_k=TOP_K),
        nms_iou=NMS_IOU,
        threshold=threshold,
        parity=parity,
        metrics=[],
    )
    return ModelManifest.model_validate(
        {
            "schema": SCHEMA,
            "name": made.name,
            "version": made.version,
            "classes": list(CLASSES),
            "validated_light": ["white"],
            "catalog_sha256": made.catalog_sha256,
            "licences": [_STARTING_WEIGHTS, *licences],
            "variants": [variant],
            "training": made.training,
        }
    )


def write_manifest(manifest: ModelManifest, folder: Path) -> None:
    """Write the manifest and the card that is made from it."""
    (folder / MANIFEST_NAME).write_text(dump_manifest(manifest), encoding="utf-8")
    (folder / CARD_NAME).write_text(render_card(manifest), encoding="utf-8")


def record_metrics(folder: Path, variant: str, dataset: str, found: Figures, command: str, provider: str) -> None:
    """Write figures into a model's manifest and card; an older entry of the same set is replaced.

    Raises:
        ModelError: the manifest is not valid.
        OutputError: it cannot be written.
    """
    manifest = load_manifest(folder)
    entry = Metrics(
        dataset=dataset,
        images=found.images,
        threshold=found.threshold,
        values={k: v for k, v in found.as_dict().items() if k not in ("images", "threshold")},
        command=command,
        machine=f"{platform.system()} {platform.machine()}, ONNX Runtime, {provider}",
    )
    variants = []
    for v in manifest.variants:
        kept = [m for m in v.metrics if m.dataset != dataset]
        variants.append(v.model_copy(update={"metrics": [*kept, entry]}) if v.name == variant else v)
    try:
        write_manifest(manifest.model_copy(update={"variants": variants}), folder)
    except OSError as error:
        raise OutputError(f"{folder} cannot be written ({error}).") from error
