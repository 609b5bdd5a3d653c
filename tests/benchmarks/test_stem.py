import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper, numpy_helper

from benchmarks.stem import fold_stem
from tests.tiny_models import fixed_network


def sliced_network(order=((0, 0), (1, 0), (0, 1), (1, 1)), side=20):
    rng = np.random.default_rng(4)
    nodes, parts = [], []
    constants = {"end": np.array([2**62]), "two": np.array([2]), "rows": np.array([2]), "columns": np.array([3])}
    constants |= {"0": np.array([0]), "1": np.array([1])}
    for k, (row, column) in enumerate(order):
        nodes.append(helper.make_node("Slice", ["x", str(row), "end", "rows", "two"], [f"r{k}"]))
        nodes.append(helper.make_node("Slice", [f"r{k}", str(column), "end", "columns", "two"], [f"p{k}"]))
        parts.append(f"p{k}")
    nodes.append(helper.make_node("Concat", parts, ["joined"], axis=1))
    nodes.append(helper.make_node("Conv", ["joined", "w", "b"], ["y"], kernel_shape=[3, 3], pads=[1, 1, 1, 1]))
    constants |= {"w": rng.normal(size=(5, 12, 3, 3)).astype("f4"), "b": rng.normal(size=5).astype("f4")}
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, side, side])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 5, side // 2, side // 2])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    return model.SerializeToString()


def test_a_folded_first_layer_gives_the_same_numbers():
    model = sliced_network()
    folded = fold_stem(model)
    x = np.random.default_rng(5).normal(size=(1, 3, 20, 20)).astype("f4")

    before, after = (
        ort.InferenceSession(m, providers=["CPUExecutionProvider"]).run(None, {"x": x})[0] for m in (model, folded)
    )

    assert after == pytest.approx(before, abs=1e-4)
    assert [n.op_type for n in onnx.load_from_string(folded).graph.node] == ["Conv"]


@pytest.mark.parametrize(
    "model",
    [sliced_network(order=((0, 0), (0, 1), (1, 0), (1, 1))), fixed_network([], [])],
    ids=["slices in another order", "no slices"],
)
def test_another_first_layer_is_left_alone(model):
    with pytest.raises(ValueError, match="does not begin"):
        fold_stem(model)
