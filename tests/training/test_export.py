import dataclasses
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from detector.errors import ModelError
from detector.frame import Frame
from detector.geometry import Size
from detector.manifest import load_manifest
from detector.runtime import OnnxDetector
from tests.training.miniature import scene, write_sets
from training import export
from training.card import CARD_NAME
from training.catalog import read_pools
from training.evaluate import PreparedSet, predict, predict_with_runtime
from training.figures import figures
from training.yolox import YoloxNano


@pytest.fixture(scope="module")
def model():
    """Random weights, with batch-norm statistics that matter and scores that are not all equal."""
    torch.manual_seed(3)
    made = YoloxNano()
    made.train()
    with torch.no_grad():
        for _ in range(2):
            made(torch.rand(2, 3, 64, 64) * 255)
        for conv in made.head.obj_preds:
            conv.weight.mul_(8)
            conv.bias.fill_(-1.0)
        for conv in made.head.cls_preds:
            conv.bias.fill_(1.0)
    return made.eval()


@pytest.fixture(scope="module")
def dev(tmp_path_factory):
    return read_pools(write_sets(tmp_path_factory.mktemp("sets"))).trainable[:8]


@pytest.fixture(scope="module")
def folder(model, dev, tmp_path_factory):
    made = export.Provenance("tiny", "0.0.1", "0" * 64, ("kvasir-seg", "polypgen"), {"seed": 3})
    folder = tmp_path_factory.mktemp("model") / "tiny"
    export.build_folder(model, dev, made, folder)
    return folder


def test_the_file_keeps_its_contract_and_holds_no_trace_of_this_machine(folder):
    proto = onnx.load(folder / "model.onnx")
    shapes = {
        v.name: (v.type.tensor_type.elem_type, [d.dim_value for d in v.type.tensor_type.shape.dim])
        for v in (*proto.graph.input, *proto.graph.output)
    }
    f32, i64 = onnx.TensorProto.FLOAT, onnx.TensorProto.INT64
    assert shapes == {
        "image": (f32, [1, 3, 416, 416]),
        "boxes": (f32, [1, 100, 4]),
        "scores": (f32, [1, 100]),
        "classes": (i64, [1, 100]),
    }
    assert not any(n.op_type == "NonMaxSuppression" for n in proto.graph.node)
    assert not any(n.metadata_props or n.doc_string for n in proto.graph.node)
    content = (folder / "model.onnx").read_bytes()
    assert b"site-packages" not in content
    assert str(Path(__file__).parents[2]).encode() not in content


def test_runtime_and_torch_agree_on_whole_images(folder, model, dev):
    detector = OnnxDetector(folder, "cpu")
    ours, theirs = predict(model, PreparedSet.read(dev, 416)), predict_with_runtime(detector, dev)
    for a, b in zip(ours, theirs, strict=True):  # the best alone: equal scores of random weights may swap further down
        np.testing.assert_allclose(a.boxes[0], b.boxes[0], atol=0.1)
        np.testing.assert_allclose(a.scores[:5], b.scores[:5], atol=1e-4)


def test_scores_come_sorted(folder):
    detections = OnnxDetector(folder, "cpu").detect(Frame(0, None, 0, scene(1)[0]), 0.01)
    assert (np.diff(detections.scores) <= 0).all()


def test_an_export_that_differs_is_refused(folder, dev):
    other = YoloxNano().eval()
    with pytest.raises(ModelError, match="differs from the network"):
        export.measure_parity(other, folder / "model.onnx", PreparedSet.read(dev[:2], 416))


def test_figures_are_recorded_in_manifest_and_card(folder, dev):
    found = figures(dev, predict_with_runtime(OnnxDetector(folder, "cpu"), dev), 0.3)
    command = "polypwatch-train evaluate --model tiny --set dev"
    export.record_metrics(folder, "fp32", "dev", found, command, "cpu")
    export.record_metrics(folder, "fp32", "dev", dataclasses.replace(found, ap50=0.123), command, "cpu")
    (entry,) = load_manifest(folder).variants[0].metrics
    assert entry.values["ap50"] == 0.123
    card = (folder / CARD_NAME).read_text(encoding="utf-8")
    assert "0.123" in card
    assert command in card
    assert "Kvasir-SEG" in card
    OnnxDetector(folder, "cpu").warm_up(Size(64, 64), 1)  # recording leaves the folder loadable
