from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from detector.errors import ModelError, UsageError
from detector.frame import Frame
from detector.geometry import Size
from detector.manifest import load_manifest
from detector.parity import difference, limits_of
from detector.runtime import OnnxDetector
from tests.training.miniature import scene
from tests.training.release.made import SIDE, RedFinder, export
from training.evaluation.predict import PreparedSet, predict
from training.evaluation.runtime import predict_with_runtime
from training.release import parity, variants
from training.release.card import CARD_NAME
from training.release.frame_graph import takes_frames
from training.release.graph import INPUT, OUTPUTS, decoding_nodes, first_nodes, sort_nodes
from training.release.half import to_half
from training.release.parity import network_inputs, parity_with_torch, spread
from training.release.precision import Int8Recipe, quantise_int8
from training.release.record import record_metrics
from training.release.variants import parse_kinds


def test_the_file_keeps_its_contract_and_holds_no_trace_of_this_machine(exported):
    proto = onnx.load(exported / "model.onnx")
    shapes = {
        v.name: (v.type.tensor_type.elem_type, [d.dim_value for d in v.type.tensor_type.shape.dim])
        for v in (*proto.graph.input, *proto.graph.output)
    }
    f32, i64 = TensorProto.FLOAT, TensorProto.INT64
    assert shapes == {
        "image": (f32, [1, 3, SIDE, SIDE]),
        "boxes": (f32, [1, 100, 4]),
        "scores": (f32, [1, 100]),
        "classes": (i64, [1, 100]),
    }
    assert not any(n.op_type == "NonMaxSuppression" for n in proto.graph.node)
    for name in ("model.onnx", "model-fp16.onnx", "model-int8.onnx"):
        content = (exported / name).read_bytes()
        assert b"site-packages" not in content
        assert str(Path(__file__).parents[3]).encode() not in content
        assert not onnx.load(exported / name).metadata_props


def test_operator_set_and_ir_version_are_recorded(exported):
    variant = load_manifest(exported).variants[0]
    proto = onnx.load(exported / "model.onnx")
    assert variant.model_extra["onnx"]["opset"] == 18
    assert variant.model_extra["onnx"]["ir_version"] == proto.ir_version
    assert f"operator set 18, IR version {proto.ir_version}" in (exported / CARD_NAME).read_text()


def test_runtime_and_torch_agree_on_whole_images(exported, catalog):
    dev = catalog.split("dev").samples
    ours = predict(RedFinder(), PreparedSet.read(dev, SIDE))
    theirs = predict_with_runtime(OnnxDetector(exported, "cpu", "fp32"), dev)
    for a, b in zip(ours, theirs, strict=True):
        assert len(a.boxes) == len(b.boxes)
        np.testing.assert_allclose(a.boxes[:1], b.boxes[:1], atol=0.1)
        np.testing.assert_allclose(a.scores, b.scores, atol=1e-4)


def test_a_file_of_another_network_is_refused(exported, catalog):
    other = RedFinder()
    with torch.no_grad():
        other.around.bias.add_(0.1)  # scores differ by a hundredth, boxes not at all
    inputs = network_inputs(catalog.split("dev").samples, Size(SIDE, SIDE))
    with pytest.raises(ModelError, match="differs from the network"):
        parity_with_torch(other, exported / "model.onnx", inputs)
    with torch.no_grad():
        other = RedFinder()
        other.sizes.bias[2] += 0.01  # widths differ by one in a hundred, scores not at all
    with pytest.raises(ModelError, match="differs from the network"):
        parity_with_torch(other, exported / "model.onnx", inputs)


def test_a_box_that_the_file_lacks_is_noticed(exported, catalog):
    """The file's own boxes are all right; one of the network's is not among them."""
    inputs = network_inputs(catalog.split("dev").samples[:2], Size(SIDE, SIDE))

    class Second(RedFinder):
        def forward(self, image):
            raw = super().forward(image)
            reg = torch.cat((raw.reg, raw.reg[:, :1] + 0.7), dim=1)
            obj = torch.cat((raw.obj, torch.full((1, 1), 3.0)), dim=1)
            return raw._replace(
                reg=reg,
                obj=obj,
                cls=torch.cat((raw.cls, torch.full((1, 1, 1), 3.0)), dim=1),
                cells=torch.cat((raw.cells, raw.cells[:1] + 3)),
                strides=torch.cat((raw.strides, raw.strides[:1])),
            )

    with pytest.raises(ModelError, match="differs from the network"):
        parity_with_torch(Second(), exported / "model.onnx", inputs)


def test_every_variant_has_its_own_file_threshold_figures_and_parity(exported):
    manifest = load_manifest(exported)
    assert [v.name for v in manifest.variants] == ["fp32", "fp16", "int8"]
    assert len({v.sha256 for v in manifest.variants}) == 3
    assert manifest.variant_for("cpu").name == "fp32"
    for v in manifest.variants:
        (dev,) = v.metrics
        assert dev.dataset == "dev"
        assert dev.threshold == v.threshold
        assert dev.values["ap50"] > 0.9
        assert ("ap50_loss" in dev.values) == (v.name != "fp32")
        assert v.parity.max_score < 0.05
    assert manifest.variants[1].providers == ["cuda", "tensorrt"]
    assert manifest.variants[2].parity.model_extra["boxes"] >= 8
    assert "uint8" in (exported / CARD_NAME).read_text()


def test_the_int8_file_that_was_kept_is_quantised_throughout_and_says_how(exported):
    proto = onnx.load(exported / "model-int8.onnx")
    makers = {out: n.op_type for n in proto.graph.node for out in n.output}
    assert {makers[n.input[0]] for n in proto.graph.node if n.op_type == "Conv"} == {"DequantizeLinear"}
    facts = load_manifest(exported).variant("int8").model_extra
    assert "over 10 training images, decoding in float32" in facts["quantisation"]
    assert facts["tried_before"] == []
    assert facts["cpu_ms"] > 0


def test_the_first_variant_named_serves_the_provider_and_two_exports_are_equal_byte_for_byte(
    catalog, exported, tmp_path
):
    manifest = export(catalog, tmp_path / "m", kinds=("int8", "fp32"), margin=0.05)
    assert manifest.variant_for("cpu").name == "int8"
    assert manifest.variant_for("cuda").name == "fp32"
    for name in ("model.onnx", "model-int8.onnx"):
        assert (tmp_path / "m" / name).read_bytes() == (exported / name).read_bytes()


def test_an_int8_file_that_loses_too_much_is_refused_and_nothing_is_left(catalog, tmp_path, monkeypatch):
    monkeypatch.setattr(variants, "INT8_TRIALS", variants.INT8_TRIALS[:1])
    with pytest.raises(ModelError, match=r"int8 variant is refused.*loses .* AP50 on dev \(allowed: -1\)"):
        export(catalog, tmp_path / "m", kinds=("fp32", "int8"), margin=-1.0)
    assert not (tmp_path / "m").exists()


def test_half_precision_is_in_the_body_and_not_in_the_decoding(exported):
    proto = onnx.shape_inference.infer_shapes(onnx.load(exported / "model-fp16.onnx"), strict_mode=True)
    kinds = {v.name: v.type.tensor_type.elem_type for v in proto.graph.value_info}
    convs = [n for n in proto.graph.node if n.op_type == "Conv"]
    assert convs
    assert {kinds[n.output[0]] for n in convs} == {TensorProto.FLOAT16}
    (top,) = (n for n in proto.graph.node if n.op_type == "TopK")
    assert kinds[top.input[0]] == TensorProto.FLOAT


def test_a_value_that_two_nodes_take_is_cast_once():
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 1, 2, 2])
    out = helper.make_tensor_value_info("out", TensorProto.FLOAT, [1, 1, 2, 2])
    body = helper.make_tensor_value_info("body", TensorProto.FLOAT, [1, 1, 2, 2])
    weight = numpy_helper.from_array(np.full((1, 1, 1, 1), 0.1, np.float32), "w")
    nodes = [
        helper.make_node("Conv", ["image", "w"], ["body"]),
        helper.make_node("Mul", ["body", "body"], ["square"]),
        helper.make_node("Add", ["square", "body"], ["out"]),
    ]
    graph = helper.make_graph(nodes, "g", [image], [out, body], [weight])
    half = to_half(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9))
    onnx.checker.check_model(half, full_check=True)
    assert [n.op_type for n in half.graph.node].count("Cast") == 2  # into the body, and out of it
    (found, also) = onnx.reference.ReferenceEvaluator(half).run(None, {"image": np.ones((1, 1, 2, 2), np.float32)})
    np.testing.assert_allclose(found, 0.11, rtol=1e-3)
    assert also.dtype == np.float32


def test_a_weight_too_large_for_half_precision_is_said():
    weight = numpy_helper.from_array(np.full((1, 1, 1, 1), 1e6, np.float32), "w")
    values = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, 1, 2, 2]) for n in ("image", "out")]
    graph = helper.make_graph(
        [helper.make_node("Conv", ["image", "w"], ["out"])], "g", values[:1], values[1:], [weight]
    )
    with pytest.raises(ValueError, match="FP16 cannot hold it"):
        to_half(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9))


def test_a_graph_with_a_circle_is_refused():
    nodes = [helper.make_node("Relu", ["b"], ["a"]), helper.make_node("Relu", ["a"], ["b"])]
    with pytest.raises(ValueError, match="circle"):
        sort_nodes(helper.make_model(helper.make_graph(nodes, "g", [], [])))


def test_the_decoding_begins_behind_the_last_convolutions(exported):
    proto = onnx.load(exported / "model.onnx")
    tail, last = decoding_nodes(proto)
    kinds = {n.name: n.op_type for n in proto.graph.node}
    assert {kinds[n] for n in last} == {"Conv"}
    assert len(last) == 2
    assert "TopK" in {kinds[n] for n in tail}
    assert "Conv" not in {kinds[n] for n in tail}
    assert "Relu" not in {kinds[n] for n in tail}
    first = first_nodes(proto, 1)
    assert [kinds[n] for n in first].count("Conv") == 1


def test_convolutions_that_are_left_out_stay_float(exported, catalog, tmp_path):
    blobs = network_inputs(catalog.split("train").samples[:4], Size(SIDE, SIDE))
    recipe = Int8Recipe("minmax", float_first=1, float_heads=False, images=4)
    quantise_int8(exported / "model.onnx", tmp_path / "q.onnx", blobs, recipe)
    proto = onnx.load(tmp_path / "q.onnx")
    makers = {out: n.op_type for n in proto.graph.node for out in n.output}
    taken_from = [makers.get(n.input[0], "input") for n in proto.graph.node if n.op_type == "Conv"]
    assert sorted(taken_from) == ["DequantizeLinear", "DequantizeLinear", "input"]
    assert "behind the first 1 convolutions" in recipe.words


def test_calibration_without_images_is_an_error(exported, tmp_path):
    with pytest.raises(ValueError, match="images"):
        quantise_int8(exported / "model.onnx", tmp_path / "q.onnx", [], Int8Recipe())


def test_an_export_is_never_written_over_something(catalog, tmp_path):
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "mine.txt").write_text("keep me")
    with pytest.raises(UsageError, match="not empty"):
        export(catalog, tmp_path / "m")
    assert [p.name for p in (tmp_path / "m").iterdir()] == ["mine.txt"]


@pytest.mark.parametrize("text", ["int8", "fp32,fp32", "fp32,bf16", ""])
def test_a_list_of_variants_that_cannot_be_made_is_refused(text):
    with pytest.raises(UsageError, match="cannot be made"):
        parse_kinds(text)


def test_the_order_of_variants_is_kept():
    assert parse_kinds("int8, fp32") == ["int8", "fp32"]


def test_spread_takes_the_whole_set_or_equal_steps():
    assert spread([1, 2, 3], 5) == [1, 2, 3]
    assert spread(list(range(10)), 5) == [0, 2, 4, 6, 8]


def test_figures_are_recorded_in_manifest_and_card(candidate):
    for ap50 in (0.5, 0.123):
        values = {"ap50": ap50, "ap50_low": 0.1, "ap50_high": 0.2}
        record_metrics(candidate, "int8", "clinic", values, 7, 0.4, "polypwatch-train evaluate ...", "cpu")
    entries = load_manifest(candidate).variant("int8").metrics
    assert [m.dataset for m in entries] == ["dev", "clinic"]
    assert entries[1].values["ap50"] == 0.123
    assert len(load_manifest(candidate).variant("fp32").metrics) == 1
    card = (candidate / CARD_NAME).read_text()
    assert "0.123 (0.100 to 0.200)" in card
    assert "near-duplicate-checked" in card
    assert "Nobody, Nowhere, 2026" in card
    OnnxDetector(candidate, "cpu").detect(Frame(0, None, 0, scene(1)[0]))  # it is still loadable


def test_a_figure_that_is_no_number_is_refused_and_the_manifest_stays(candidate):
    before = (candidate / "manifest.json").read_bytes()
    with pytest.raises((ModelError, ValueError)):
        record_metrics(candidate, "fp32", "clinic", {"ap50": float("nan")}, 7, 0.4, "x", "cpu")
    with pytest.raises(ModelError, match="no variant"):
        record_metrics(candidate, "fp8", "clinic", {"ap50": 0.5}, 7, 0.4, "x", "cpu")
    assert (candidate / "manifest.json").read_bytes() == before


def test_the_names_of_inputs_and_outputs_are_the_contract():
    assert (INPUT, OUTPUTS) == ("image", ("boxes", "scores", "classes"))


def test_a_box_or_score_that_is_no_number_is_infinitely_far():
    box, nan = np.ones((1, 4), np.float32), np.full((1, 4), np.nan, np.float32)
    score = np.ones(1, np.float32)
    assert parity._distance(box, score, box, score) == (0, 0)
    assert parity._distance(nan, score, box, score)[0] == np.inf
    assert parity._distance(box, score * np.nan, box, score)[1] == np.inf


def test_the_frame_file_takes_frames_of_any_size_and_number(with_frames):
    proto = onnx.load(with_frames / "model-frame.onnx")
    f16, u8 = TensorProto.FLOAT16, TensorProto.UINT8
    shapes = {
        v.name: (v.type.tensor_type.elem_type, [d.dim_param or d.dim_value for d in v.type.tensor_type.shape.dim])
        for v in (*proto.graph.input, *proto.graph.output)
    }
    assert shapes == {
        "frame": (u8, ["n", "h", "w", 3]),
        "rows": (f16, [SIDE, "h"]),
        "columns": (f16, ["w", SIDE]),
        "fill": (f16, [1, 1, SIDE, SIDE]),
        "boxes": (TensorProto.FLOAT, ["n", 100, 4]),
        "scores": (TensorProto.FLOAT, ["n", 100]),
        "classes": (TensorProto.INT64, ["n", 100]),
    }
    assert not any(n.op_type in ("NonMaxSuppression", "If", "Loop", "Shape") for n in proto.graph.node)
    manifest = load_manifest(with_frames)
    assert [manifest.variant_for(p).name for p in ("cpu", "cuda", "tensorrt")] == ["fp32", "frame", "frame"]
    variant = manifest.variant("frame")
    assert (variant.input.contract, variant.precision, variant.providers) == (
        "frame_u8_hwc",
        "fp16",
        ["cuda", "tensorrt"],
    )
    assert variant.parity.model_extra["same_boxes"] == variant.parity.model_extra["boxes"] > 0


@pytest.mark.parametrize("size", [Size(160, 120), Size(641, 363), Size(1920, 1080)])
def test_the_frame_file_shows_the_boxes_of_the_fp32_file(with_frames, size):
    reference, other = (OnnxDetector(with_frames, "cpu", name) for name in ("fp32", "frame"))
    image, _ = scene(3, box=(60, 40, 120, 80))
    frame = Frame(0, None, 0, cv2.resize(image, size))
    found = difference(reference, other, [frame], Size(SIDE, SIDE), 0.1)
    assert found.shown >= 1
    assert found.broken(limits_of(other.variant)) == []


def test_a_frame_file_that_lost_its_colours_is_refused(catalog, tmp_path, monkeypatch):
    def swapped(proto, contract):
        return takes_frames(proto, contract.model_copy(update={"colour": "rgb"}))

    monkeypatch.setattr(variants, "takes_frames", swapped)
    with pytest.raises(ModelError, match="frame variant is refused"):
        export(catalog, tmp_path / "m", kinds=("fp32", "frame"), margin=1.0)
    assert not (tmp_path / "m").exists()
