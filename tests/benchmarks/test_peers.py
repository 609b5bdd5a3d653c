import argparse
import json
import sys
import xml.etree.ElementTree as ElementTree
from contextlib import ExitStack

import cv2
import numpy as np
import pytest

from app.report import Percentiles
from benchmarks import peers
from benchmarks.peer_loops import OPENCV_ENGINES, OpenCvDnn, PlainLoop, opencv_reason, suppress
from benchmarks.phantom_frames import phantom_frames
from benchmarks.rounds import Figures
from detector.frame import Frame
from detector.geometry import Size, nms
from detector.manifest import Variant, find_model, load_manifest
from tests.tiny_models import red_patch_network, variant_fields, write_model

NORMALISED = {"colour": "rgb", "mean": [10.0, 20.0, 30.0], "std": [2.0, 4.0, 5.0]}


@pytest.fixture
def frame():
    image = np.zeros((270, 480, 3), np.uint8)
    cv2.rectangle(image, (120, 60), (239, 149), (0, 0, 255), -1)
    return Frame(0, None, 0, image)


def network(tmp_path, **contract):
    made = red_patch_network(**contract)
    (tmp_path / "model.onnx").write_bytes(made)
    return tmp_path / "model.onnx", Variant.model_validate_json(json.dumps(variant_fields(made, input=contract)))


def row(name, ratio, p50=10.0, p99=15.0):
    figures = Figures(name, Percentiles(p50, p50, p99), 9.0, 100.0, 20.0, ratio, ratio, ratio)
    return peers.Row(figures, 1.0, None)


@pytest.mark.parametrize("contract", [{}, NORMALISED], ids=["as it is", "normalised rgb"])
def test_the_plain_loop_finds_what_is_there_in_frame_pixels(tmp_path, frame, contract):
    boxes = PlainLoop(*network(tmp_path, **contract), threads=1)(frame)

    assert boxes == pytest.approx(np.array([[120, 60, 240, 150]], np.float32), abs=3)  # the input is a third as large


@pytest.mark.parametrize("engine", OPENCV_ENGINES.values(), ids=OPENCV_ENGINES)
@pytest.mark.parametrize("contract", [{}, NORMALISED], ids=["as it is", "normalised rgb"])
def test_opencv_and_the_plain_loop_get_the_same_of_the_released_network(frame, contract, engine):
    folder = find_model("fast")
    released = load_manifest(folder).variant_for("cpu")
    settings = {k: tuple(v) if isinstance(v, list) else v for k, v in contract.items()}
    # Every candidate counts, also of pixels that this network was not made for.
    variant = released.model_copy(update={"threshold": 0.0, "input": released.input.model_copy(update=settings)})
    before = cv2.getNumThreads()
    try:
        theirs = OpenCvDnn(folder / variant.file, variant, threads=1, engine=engine)(frame)
    finally:
        cv2.setNumThreads(before)
    plain = PlainLoop(folder / variant.file, variant, threads=1)(frame)

    assert len(plain) > 3
    assert peers.found_again(plain, theirs) >= 0.9 * len(plain)  # one resizes floats, the other bytes


def test_a_network_that_crashes_opencv_is_a_reason_not_a_crash(tmp_path):
    path, variant = network(tmp_path)

    reasons = [opencv_reason(path, variant, engine) for engine in OPENCV_ENGINES.values()]

    assert all("SIG" in why or "OpenCV" in why for why in reasons if why)
    path.write_bytes(b"no network")
    assert opencv_reason(path, variant, None) != ""


def test_suppression_in_numpy_keeps_what_the_detector_keeps():
    rng = np.random.default_rng(3)
    corner = rng.uniform(0, 80, (60, 2))
    boxes = np.hstack([corner, corner + rng.uniform(5, 40, (60, 2))]).astype(np.float32)
    scores = rng.uniform(0, 1, 60).astype(np.float32)

    assert suppress(boxes, scores, 0.5) == nms(boxes, scores, 0.5).tolist()
    assert suppress(boxes[:0], scores[:0], 0.5) == []


def test_a_whole_run_prints_and_writes_and_says_what_did_not_run(tmp_path, capsys):
    model = write_model(tmp_path / "tiny", red_patch_network())
    asked = ["--model", str(model), "--rounds", "2", "--calls", "2", "--frames", "2", "--threads", "2"]

    asked += ["--size", "320x180", "--markdown", "--plot", str(tmp_path / "out.svg")]
    peers.main([*asked, "--json", str(tmp_path / "out.json")])

    printed = capsys.readouterr().out
    assert printed.startswith("| contestant | GFLOPs |")
    assert "Not run: ultralytics: no --ultralytics-python was given" in printed
    report = json.loads((tmp_path / "out.json").read_text())
    assert (report["schema"], report["rounds"], report["size"]) == ("polypwatch.bench-peers/1", 2, [320, 180])
    assert report["rows"][0]["figures"]["ratio"] == 1
    names = [r["figures"]["name"] for r in report["rows"]]
    assert names[1:3] == [f"Polypwatch {model} tiny, 2 frames at once", "plain ONNX Runtime loop"]
    words = [e.text for e in ElementTree.parse(tmp_path / "out.svg").iter("{http://www.w3.org/2000/svg}text")]
    assert {"plain ONNX Runtime loop", "1.0x", "From a frame in memory to its boxes (320x180, 2 threads)"} <= set(words)


def test_an_environment_without_ultralytics_is_a_reason_not_a_crash(tmp_path):
    model = write_model(tmp_path / "tiny", red_patch_network())
    args = peers.parse(["--model", str(model), "--ultralytics-python", sys.executable, "--threads", "1"])
    frames = [Frame(0, None, 0, np.zeros((90, 160, 3), np.uint8))]

    with ExitStack() as stack:
        field = peers.assemble(args, frames, tmp_path, stack)

    assert "No module named 'ultralytics'" in field.skipped["ultralytics yolo11n at 160 px"]
    assert not any("ultralytics" in c.name for c in field.contestants)


def test_quick_only_sets_what_was_not_named():
    assert (peers.parse(["--quick"]).rounds, peers.parse(["--quick"]).calls) == (3, 8)
    assert (peers.parse(["--quick", "--rounds", "5"]).rounds, peers.parse([]).calls) == (5, 40)


@pytest.mark.parametrize("text", ["1920", "1920x", "x1080", "0x5", "-3x5", "axb"])
def test_a_size_that_is_none_is_refused(text):
    with pytest.raises(argparse.ArgumentTypeError, match="WIDTHxHEIGHT"):
        peers.parse_size(text)


def test_targets_are_judged_by_what_was_measured():
    ours = [row("Polypwatch fast fp32", 1), row("Polypwatch fast fp32, 2 frames at once", 0.5)]
    rows = [*ours, row("OpenCV dnn 5 auto", 2.9), row("ultralytics yolo11n", 2.0)]

    tail, opencv, theirs = peers.verdicts(rows)

    assert tail == "p99 over p50 of Polypwatch fast fp32: 1.50, target at most 2: met."
    assert opencv.endswith("(5.80 with several frames at once), target 3: missed.")
    assert theirs.endswith("target 2: met.")


def test_equal_work_is_a_size_that_a_network_takes():
    assert peers.side_of_equal_work(416, 2.75, 1.01) == 256
    assert peers.side_of_equal_work(64, 100.0, 0.01) == 32


@pytest.mark.parametrize(
    ("theirs", "expected"),
    [([], 0), ([[0, 0, 10, 10]], 1), ([[0, 0, 10, 7]], 0), ([[50, 50, 60, 60], [0, 0, 10, 9]], 1)],
)
def test_a_box_is_found_again_where_it_lies(theirs, expected):
    ours = np.array([[0, 0, 10, 10]], np.float32)

    assert peers.found_again(ours, np.array(theirs, np.float32).reshape(-1, 4)) == expected


def test_frames_are_different_pictures_of_the_size_asked_for():
    first, second = phantom_frames(2, Size(96, 54))

    assert (first.size, second.index) == (Size(96, 54), 1)
    assert not np.array_equal(first.image, second.image)
