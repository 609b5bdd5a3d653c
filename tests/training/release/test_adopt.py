import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from detector.errors import ModelError, UsageError
from detector.frame import Frame
from detector.geometry import Size
from detector.manifest import load_manifest
from detector.runtime import OnnxDetector
from tests.training.release.foreign import HEIGHT, WIDTH, cells, detr, write, yolov8, yolox
from training import cli
from training.release.adopt import Foreign, adopt_model
from training.release.card import CARD_NAME

I64, F32 = TensorProto.INT64, TensorProto.FLOAT


def picture(colour=(0, 0, 255), size=(WIDTH, HEIGHT)):
    return Frame(0, None, 0, np.full((size[1], size[0], 3), colour, np.uint8))


def foreign(decoder, classes="polyp", **fields):
    return Foreign(decoder, "theirs", "1", "AGPL-3.0", "Somebody 2025", tuple(classes.split(",")), **fields)


def adopt(path, decoder, classes="polyp", **fields):
    folder = path.parent / "adopted"
    adopt_model(path, foreign(decoder, classes, **fields), folder)
    return OnnxDetector(folder, "cpu")


def found(detector, frame=None, min_score=0.1):
    d = detector.detect(frame or picture(), min_score)
    return [
        ([round(float(x), 2) for x in box], round(float(score), 3), int(label))
        for box, score, label in zip(d.boxes, d.scores, d.classes, strict=True)
    ]


def test_yolov8_gives_corners_in_input_pixels(tmp_path):
    detector = adopt(yolov8(tmp_path / "m.onnx", [(32, 48, 20, 30), (16, 20, 8, 10)], [0.9, 0.5]), "yolov8")
    assert found(detector) == [([22, 33, 42, 63], 0.9, 0), ([12, 15, 20, 25], 0.5, 0)]
    assert detector.info.threshold == 0.25


def test_yolo11_is_read_in_the_same_way(tmp_path):
    assert found(adopt(yolov8(tmp_path / "m.onnx", [(32, 48, 20, 30)], [0.9]), "yolo11")) == [
        ([22, 33, 42, 63], 0.9, 0)
    ]


def test_boxes_come_back_in_the_pixels_of_a_frame_of_any_size(tmp_path):
    """A frame of 128x96 is laid into 64x96 at half its size, top left: boxes come back doubled."""
    detector = adopt(yolov8(tmp_path / "m.onnx", [(32, 24, 20, 30)], [0.9]), "yolov8")
    assert found(detector, picture(size=(128, 96))) == [([44, 18, 84, 78], 0.9, 0)]


def test_one_point_may_be_of_two_classes_and_boxes_of_a_class_suppress_each_other(tmp_path):
    boxes = [(32, 48, 20, 30), (33, 48, 20, 30), (32, 48, 20, 30)]
    path = yolov8(tmp_path / "m.onnx", boxes, [(0.9, 0.4), (0.8, 0.02), (0.01, 0.7)], classes=2)
    detector = adopt(path, "yolov8", "polyp,tool")
    assert found(detector) == [([22, 33, 42, 63], 0.9, 0), ([22, 33, 42, 63], 0.7, 1)]


def test_classes_that_are_not_kept_vanish_and_the_kept_ones_are_numbered_anew(tmp_path):
    boxes = [(32, 48, 20, 30), (16, 20, 8, 10), (40, 80, 10, 10)]
    path = yolov8(tmp_path / "m.onnx", boxes, [(0.9, 0, 0), (0, 0.8, 0), (0, 0, 0.7)], classes=3)
    detector = adopt(path, "yolov8", "tool,adenoma,serrated", keep=("serrated", "adenoma"))
    assert detector.info.classes == ("serrated", "adenoma")
    assert found(detector) == [([12, 15, 20, 25], 0.8, 1), ([35, 75, 45, 85], 0.7, 0)]


@pytest.mark.parametrize(("decoder", "channel", "scale"), [("yolov8", 0, 1.0), ("yolox", 2, 255.0)])
def test_colours_arrive_in_the_family_s_order_and_range(tmp_path, decoder, channel, scale):
    """The network multiplies its score by the mean of red: RGB and 0 to 1 for YOLOv8, BGR and 0 to 255 for YOLOX."""
    if decoder == "yolov8":
        path = yolov8(tmp_path / "m.onnx", [(32, 48, 20, 30)], [0.9], channel=channel, scale=scale)
    else:
        path = yolox(tmp_path / "m.onnx", {3: (32, 48, 20, 30)}, {3: (0.9, 1.0)}, channel=channel, scale=scale)
    detector = adopt(path, decoder)
    assert found(detector) == [([22, 33, 42, 63], 0.9, 0)]
    assert found(detector, picture((0, 0, 128))) == [([22, 33, 42, 63], round(0.9 * 128 / 255, 3), 0)]
    assert found(detector, picture((255, 0, 0))) == []


@pytest.mark.parametrize("raw", [False, True])
def test_yolox_multiplies_objectness_and_class_and_decodes_a_raw_grid(tmp_path, raw):
    """Point 100 is in the middle level, the last one in the coarsest."""
    last = len(cells()) - 1
    boxes = {5: (32, 48, 20, 30), 100: (16, 20, 8, 10), last: (40, 80, 10, 10)}
    scores = {5: (0.9, 0.9), 100: (0.5, 0.8), last: (0.9, 0.05)}
    detector = adopt(yolox(tmp_path / "m.onnx", boxes, scores, raw=raw), "yolox", raw_grid=raw)
    assert found(detector) == [([22, 33, 42, 63], 0.81, 0), ([12, 15, 20, 25], 0.4, 0)]


@pytest.mark.parametrize(("raw", "hint"), [(True, "give --raw-grid"), (False, "leave out --raw-grid")])
def test_a_wrong_raw_grid_is_noticed(tmp_path, raw, hint):
    path = yolox(tmp_path / "m.onnx", {5: (32, 48, 20, 30)}, {5: (0.9, 0.9)}, raw=raw)
    with pytest.raises(ModelError, match=hint):
        adopt(path, "yolox", raw_grid=not raw)
    assert not (tmp_path / "adopted").exists()


def test_rt_detr_of_ultralytics_gives_shares_of_the_picture(tmp_path):
    path = detr(tmp_path / "m.onnx", [(0.5, 0.5, 0.25, 0.5), (0.25, 0.25, 0.125, 0.25)], [(0.9, 0), (0.1, 0.6)])
    detector = adopt(path, "rtdetr", "polyp,tool")
    assert detector.variant.output.top_k == 100
    assert found(detector, min_score=0.2) == [([24, 24, 40, 72], 0.9, 0), ([12, 12, 20, 36], 0.6, 1)]


@pytest.mark.parametrize("decoder", ["rtdetr", "dfine"])
def test_labels_boxes_and_scores_come_with_a_size_that_is_that_of_the_input(tmp_path, decoder):
    """The boxes are multiplied by the size that the network is told, width first: the input's own, not a square."""
    shares = np.zeros((1, 300, 4), np.float32)
    shares[0, 0], shares[0, 1], shares[0, 2] = (0.25, 0.5, 0.5, 0.75), (0, 0, 0.5, 0.25), (0.5, 0.5, 1, 1)
    scores = np.full((1, 300), 0.001, np.float32)
    scores[0, :3] = 0.5, 0.9, 0.8
    labels = np.zeros((1, 300), np.int64)
    labels[0, :3] = 0, 2, 1
    path = write(
        tmp_path / "m.onnx",
        {"labels": (labels, None), "shares": (shares, None), "scores": (scores, None)},
        inputs={"orig_target_sizes": (I64, ["N", 2])},
        shape=["N", 3, HEIGHT, WIDTH],
    )
    model = onnx.load(path)
    model.graph.node.extend(
        [
            helper.make_node("Cast", ["orig_target_sizes"], ["f"], to=F32),
            helper.make_node("Concat", ["f", "f"], ["ff"], axis=1),
            helper.make_node("Unsqueeze", ["ff", "axis"], ["fff"]),
            helper.make_node("Mul", ["shares", "fff"], ["boxes"]),
        ]
    )
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.array([1]), "axis"))
    model.graph.output[1].CopyFrom(helper.make_tensor_value_info("boxes", F32, ["N", 300, 4]))
    onnx.save(model, path)
    detector = adopt(path, decoder, "polyp,tool,stool", keep=("stool", "polyp"))
    assert found(detector) == [([0, 0, 32, 24], 0.9, 0), ([16, 48, 32, 72], 0.5, 1)]


def test_rt_detr_of_paddle_gives_rows_of_label_score_and_corners(tmp_path):
    rows = np.zeros((300, 6), np.float32)
    rows[0], rows[1] = (1, 0.9, 10, 20, 30, 40), (0, 0.4, 5, 6, 15, 26)
    path = write(
        tmp_path / "m.onnx",
        {"bbox": (rows, None), "count": (np.array([300], np.int32), None)},
        inputs={"im_shape": (F32, ["N", 2]), "scale_factor": (F32, ["N", 2])},
        image="image",
    )
    assert found(adopt(path, "rtdetr", "polyp,tool")) == [([10, 20, 30, 40], 0.9, 1), ([5, 6, 15, 26], 0.4, 0)]


def test_a_network_with_fewer_boxes_than_a_hundred_gives_as_many_as_it_has(tmp_path):
    detector = adopt(detr(tmp_path / "m.onnx", [(0.5, 0.5, 0.25, 0.5)], [(0.9,)], queries=20), "rtdetr")
    assert detector.variant.output.top_k == 20
    assert found(detector) == [([24, 24, 40, 72], 0.9, 0)]


def test_an_open_input_size_must_be_said(tmp_path):
    path = yolov8(tmp_path / "m.onnx", [(32, 48, 20, 30)], [0.9], shape=["batch", 3, "height", "width"])
    with pytest.raises(ModelError, match="--input-size"):
        adopt(path, "yolov8")
    assert found(adopt(path, "yolov8", size=Size(WIDTH, HEIGHT))) == [([22, 33, 42, 63], 0.9, 0)]


def test_half_precision_inside_is_hidden(tmp_path):
    path = yolov8(tmp_path / "m.onnx", [(32, 48, 20, 30)], [0.5], kind=TensorProto.FLOAT16)
    model = onnx.load(path)
    (constant,) = model.graph.initializer
    half = onnx.numpy_helper.to_array(constant).astype(np.float16)
    constant.CopyFrom(onnx.numpy_helper.from_array(half, constant.name))
    model.graph.output[0].type.tensor_type.elem_type = TensorProto.FLOAT16
    onnx.save(model, path)
    assert found(adopt(path, "yolov8")) == [([22, 33, 42, 63], 0.5, 0)]


def test_an_old_operator_set_is_brought_up(tmp_path):
    path = yolox(tmp_path / "m.onnx", {5: (32, 48, 20, 30)}, {5: (0.9, 0.9)}, opset=11)
    assert found(adopt(path, "yolox")) == [([22, 33, 42, 63], 0.81, 0)]


@pytest.mark.parametrize(
    ("make", "decoder", "classes", "message"),
    [
        ("yolov8", "yolox", "polyp", "no yolox network of 1 classes.*looks like --decoder yolov8 or yolo11 with 1"),
        ("yolox", "yolov8", "polyp", "no yolov8 network of 1 classes.*looks like --decoder yolox with 1"),
        ("yolov8", "dfine", "polyp", "expected outputs labels, boxes and scores"),
        ("detr", "yolov8", "polyp", "looks like --decoder rtdetr"),
        ("yolov8", "yolov8", "a,b,c", "of 3 classes.*expected .1, 7, N.*with 1 classes"),
        ("detr", "rtdetr", "a,b", "with 1 classes"),
        ("nms", "yolov8", "polyp", "nms=False"),
        ("logits", "yolov8", "polyp", "what should be scores goes from"),
        ("pixels", "rtdetr", "polyp", "pixels, not shares"),
        ("shares", "yolov8", "polyp", "shares of the picture, not pixels"),
    ],
)
def test_a_wrong_decoder_or_wrong_classes_are_an_error_that_says_what_may_fit(
    tmp_path, make, decoder, classes, message
):
    path = tmp_path / "m.onnx"
    if make == "yolov8":
        yolov8(path, [(32, 48, 20, 30)], [0.9])
    elif make == "yolox":
        yolox(path, {5: (32, 48, 20, 30)}, {5: (0.9, 0.9)})
    elif make == "detr":
        detr(path, [(0.5, 0.5, 0.25, 0.5)], [(0.9,)])
    elif make == "nms":
        write(path, {"output0": (np.zeros((1, 300, 6), np.float32), None)})
    elif make == "logits":
        yolov8(path, [(32, 48, 20, 30)], [3.5])
    elif make == "pixels":
        detr(path, [(32, 48, 20, 30)], [(0.9,)])
    else:
        table = np.full((1, 5, len(cells())), 0.4, np.float32)
        write(path, {"output0": (table, None)})
    with pytest.raises(ModelError, match=message):
        adopt(path, decoder, classes)
    assert not (tmp_path / "adopted").exists()


def test_labels_beyond_the_classes_are_an_error(tmp_path):
    outputs = {
        "labels": (np.full((1, 300), 5, np.int64), None),
        "boxes": (np.tile(np.array([1, 2, 30, 40], np.float32), (1, 300, 1)), None),
        "scores": (np.full((1, 300), 0.5, np.float32), None),
    }
    with pytest.raises(ModelError, match="labels 5 to 5, but --classes names 1"):
        adopt(write(tmp_path / "m.onnx", outputs), "dfine")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"metadata": {"task": "segment"}}, "for 'segment', not for detection"),
        ({"metadata": {"names": "{0: 'adenoma'}"}}, "its classes are adenoma"),
        ({"inputs": {"prompt": (F32, [1, 4])}}, "an input 'prompt'"),
        ({"shape": [4, 3, HEIGHT, WIDTH]}, "one picture"),
        ({"shape": [1, 1, HEIGHT, WIDTH]}, "three"),
        ({"kind": TensorProto.UINT8}, "UINT8, not float"),
    ],
)
def test_what_cannot_be_adopted_says_why(tmp_path, options, message):
    path = yolov8(tmp_path / "m.onnx", [(32, 48, 20, 30)], [0.9], **options)
    with pytest.raises(ModelError, match=message):
        adopt(path, "yolov8")


def test_a_file_that_is_no_onnx_is_one_line(tmp_path):
    (tmp_path / "m.onnx").write_bytes(b"PK\x03\x04 something else")
    with pytest.raises(ModelError, match="no ONNX file"):
        adopt(tmp_path / "m.onnx", "yolov8")
    with pytest.raises(ModelError, match="There is no file"):
        adopt(tmp_path / "none.onnx", "yolov8")


def test_a_licence_is_asked_for_and_stands_in_manifest_and_card(tmp_path):
    path = yolov8(tmp_path / "m.onnx", [(32, 48, 20, 30)], [0.9], metadata={"author": "/home/somebody/runs"})
    with pytest.raises(UsageError, match="licence must be named"):
        adopt_model(path, Foreign("yolov8", "theirs", "1", " ", "", ("polyp",)), tmp_path / "adopted")
    adopt(path, "yolov8")
    manifest = load_manifest(tmp_path / "adopted")
    assert manifest.licences[0].licence == "AGPL-3.0"
    assert manifest.model_extra["adopted"]["decoder"] == "yolov8"
    card = (tmp_path / "adopted" / CARD_NAME).read_text()
    assert "AGPL-3.0" in card
    assert "Somebody 2025" in card
    assert "pads on both sides" in card
    assert "chosen for no data" in card
    assert b"somebody/runs" not in (tmp_path / "adopted" / "model.onnx").read_bytes()


def test_classes_of_an_ultralytics_file_are_read_from_it(tmp_path, capsys):
    names = "{0: 'adenoma', 1: 'tool'}"
    path = yolov8(tmp_path / "m.onnx", [(32, 48, 20, 30)], [(0.9, 0.1)], classes=2, metadata={"names": names})
    given = ["adopt", str(path), "--decoder", "yolov8", "--name", "theirs", "--licence", "MIT", "--citation", "x"]
    assert cli.main([*given, "--keep-class", "adenoma", "--out", str(tmp_path / "out")]) == 0
    assert load_manifest(tmp_path / "out").classes == ["adenoma"]
    assert "nobody chose it for polyps" in capsys.readouterr().out


def test_adopting_without_a_licence_is_a_usage_error(tmp_path, capsys):
    with pytest.raises(SystemExit) as stopped:
        cli.main(["adopt", "m.onnx", "--decoder", "yolov8", "--name", "x", "--citation", "y", "--out", str(tmp_path)])
    assert stopped.value.code == 2
    assert "--licence" in capsys.readouterr().err


def test_the_letterbox_that_differs_is_named(tmp_path):
    adopt(detr(tmp_path / "m.onnx", [(0.5, 0.5, 0.25, 0.5)], [(0.9,)]), "rtdetr")
    assert "stretches the picture" in load_manifest(tmp_path / "adopted").model_extra["adopted"]["letterbox"]
