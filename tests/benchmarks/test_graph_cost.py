import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from benchmarks.graph_cost import Tensor, graph_cost, node_cost, with_sizes


def weight(*shape: int) -> np.ndarray:
    return np.zeros(shape, np.float32)


def write(path, nodes, constants, shape, out_shape):
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, out_shape)],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), path)


def test_a_convolution_costs_its_weights_at_every_output_pixel(tmp_path):
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["a"], pads=[1, 1, 1, 1], strides=[2, 2]),
        helper.make_node("Relu", ["a"], ["y"]),
    ]
    write(tmp_path / "m.onnx", nodes, {"w": weight(4, 3, 3, 3)}, [1, 3, 8, 8], [1, 4, 4, 4])

    cost = graph_cost((tmp_path / "m.onnx").read_bytes())

    assert [n.kind for n in cost.nodes] == ["Conv 3x3", "Relu"]
    assert cost.nodes[0].macs == 4 * 4 * 4 * 27
    assert cost.gflops == pytest.approx(2 * 4 * 4 * 4 * 27 / 1e9)
    x, w, y = 3 * 64 * 4, 4 * 27 * 4, 64 * 4
    assert cost.nodes[0].moved_bytes == x + w + y
    assert cost.moved_bytes == x + w + y + 2 * y
    assert (cost.weight_bytes, cost.outside_bytes, cost.least_bytes) == (w, x + y, w + x + y)


def test_depthwise_and_pointwise_convolutions_are_told_apart(tmp_path):
    nodes = [
        helper.make_node("Conv", ["x", "d"], ["a"], group=8, pads=[2, 2, 2, 2]),
        helper.make_node("Conv", ["a", "p"], ["y"]),
    ]
    write(tmp_path / "m.onnx", nodes, {"d": weight(8, 1, 5, 5), "p": weight(2, 8, 1, 1)}, [1, 8, 6, 6], [1, 2, 6, 6])

    depthwise, pointwise = graph_cost((tmp_path / "m.onnx").read_bytes()).nodes

    assert (depthwise.kind, depthwise.macs) == ("Conv depthwise", 36 * 8 * 25)
    assert (pointwise.kind, pointwise.macs) == ("Conv 1x1", 36 * 2 * 8)


def test_an_unknown_size_is_refused(tmp_path):
    write(tmp_path / "m.onnx", [helper.make_node("Relu", ["x"], ["y"])], {}, ["n", 3], ["n", 3])

    with pytest.raises(ValueError, match="static shape"):
        graph_cost((tmp_path / "m.onnx").read_bytes())


@pytest.mark.parametrize(
    ("op", "left", "right", "out", "macs"),
    [
        ("MatMul", (5, 7), (7, 3), (5, 3), 5 * 7 * 3),
        ("MatMul", (2, 5, 7), (7, 3), (2, 5, 3), 2 * 5 * 7 * 3),
        ("Gemm", (7, 5), (7, 3), (5, 3), 5 * 7 * 3),  # left side transposed
        ("ConvTranspose", (1, 4, 6, 6), (4, 2, 2, 2), (1, 2, 12, 12), 36 * 4 * 2 * 4),
    ],
)
def test_products_cost_what_they_multiply(op, left, right, out, macs):
    cost = node_cost(op, [Tensor(left, 4), Tensor(right, 4)], [Tensor(out, 4)])

    assert cost.macs == macs


def test_a_quantised_convolution_has_its_weights_behind_scale_and_zero_point():
    one = Tensor((), 4)
    inputs = [Tensor((1, 3, 8, 8), 1), one, Tensor((), 1), Tensor((4, 3, 1, 1), 1), one, Tensor((), 1)]

    cost = node_cost("QLinearConv", inputs, [Tensor((1, 4, 8, 8), 1)])

    assert (cost.kind, cost.macs) == ("QLinearConv 1x1", 64 * 12)


def test_a_new_shape_moves_nothing():
    assert node_cost("Reshape", [Tensor((6, 4), 4)], [Tensor((24,), 4)]).moved_bytes == 0


def test_a_file_of_symbolic_sizes_is_counted_at_the_sizes_it_is_opened_with() -> None:
    shape = ["n", "h", 4]
    node = helper.make_node("MatMul", ["x", "w"], ["y"])
    graph = helper.make_graph(
        [node],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", "h", 2])],
        [numpy_helper.from_array(np.ones((4, 2), np.float32), "w")],
    )
    model = helper.make_model(graph).SerializeToString()
    with pytest.raises(ValueError, match="no static shape"):
        graph_cost(model)
    cost = graph_cost(with_sizes(model, {"n": 3, "h": 5}))
    assert cost.gflops == pytest.approx(2 * 3 * 5 * 4 * 2 / 1e9)
