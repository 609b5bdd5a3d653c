import json
import xml.etree.ElementTree as ElementTree

import pytest

from benchmarks import roofline
from benchmarks.ceilings import Ceilings, cpu_ceilings, cuda_ceilings
from benchmarks.profiles import by_kind
from benchmarks.roofline_plot import Axes, Point, roofline_svg
from tests.tiny_models import red_patch_network, write_model

CONV_IN = [{"float": [1, 8, 10, 10]}, {"float": [4, 8, 1, 1]}, {"float": [4]}]
CONV_OUT = [{"float": [1, 4, 10, 10]}]


def event(name, op, dur, index, inputs=CONV_IN, outputs=CONV_OUT):
    args = {"op_name": op, "node_index": index, "input_type_shape": inputs, "output_type_shape": outputs}
    return {"cat": "Node", "name": f"{name}_kernel_time", "dur": dur, "args": args}


def test_a_profile_is_summed_up_by_kind_without_the_first_run():
    runs = [
        [event("a", "Conv", dur, 1), event("b", "Conv", dur, 2), event("c", "TopK", 50, 3, CONV_OUT, CONV_OUT)]
        for dur in (9000, 100, 300)
    ]
    other = {"cat": "Session", "name": "model_run", "dur": 1, "args": {}}

    conv, topk = by_kind([other, *(e for run in runs for e in run)], runs=2)

    assert (conv.kind, conv.count, conv.macs) == ("Conv 1x1", 2, 2 * 100 * 4 * 8)
    assert conv.ms == pytest.approx(0.4)
    assert conv.gflops_s == pytest.approx(2 * 6400 / 1e9 / 0.4e-3)
    assert conv.moved_bytes == 2 * 4 * (800 + 32 + 4 + 400)
    assert (topk.kind, topk.macs, topk.gflops_s, topk.intensity) == ("TopK", 0, 0, 0)
    assert topk.gb_s == pytest.approx(2 * 1600 / 1e9 / 0.05e-3)


def test_the_ceilings_of_a_cpu_are_rates():
    found = cpu_ceilings("this", 1, 0.01)

    assert found.device == "this, 1 thread"
    assert set(found.gops) == {"fp32", "int8"}
    assert set(found.gb_s) == {"memory", "cache"}
    assert min(*found.gops.values(), *found.gb_s.values()) > 0


def test_a_gpu_that_is_not_there_has_no_ceilings():
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available():
        pytest.skip("there is one")

    with pytest.raises(RuntimeError, match="no CUDA device"):
        cuda_ceilings(0.1)


def test_a_point_under_the_slope_is_drawn_under_the_slope():
    axes = Axes((0, 2), (0, 3))

    assert axes.px(10) == pytest.approx((axes.px(1) + axes.px(100)) / 2)
    assert axes.py(1000) < axes.py(10) < axes.py(1)


def test_the_plot_is_sound_svg_with_every_point_that_has_operations():
    points = [Point("Conv 1x1 <a>", 12.0, 30.0), Point("Concat", 0.0, 0.0), Point("whole", 5.0, 60.0, whole=True)]

    page = roofline_svg("fast & more", {"fp32": 130.0, "int8": 1700.0}, {"memory": 10.0, "cache": 80.0}, points)

    words = [e.text for e in ElementTree.fromstring(page).iter("{http://www.w3.org/2000/svg}text")]
    assert {"fast & more", "Conv 1x1 <a>", "whole", "fp32: 130 GOP/s", "memory: 10 GB/s"} <= set(words)
    assert "Concat" not in words
    circles = list(ElementTree.fromstring(page).iter("{http://www.w3.org/2000/svg}circle"))
    assert all(0 < float(c.get("cx")) < 760 and 0 < float(c.get("cy")) < 470 for c in circles)


def test_a_whole_run_measures_prints_draws_and_writes(tmp_path, capsys, monkeypatch):
    roof = Ceilings("a machine, 1 thread", {"fp32": 100.0}, {"memory": 10.0})
    monkeypatch.setattr(roofline, "measure_ceilings", lambda *_: [roof])  # measured above, and slow
    model = write_model(tmp_path / "tiny", red_patch_network())

    asked = ["--quick", "--models", str(model), "--plots", str(tmp_path), "--json", str(tmp_path / "r.json")]
    roofline.main([*asked, "--markdown"])

    printed = capsys.readouterr().out
    assert "| a machine, 1 thread | 100 | 10 |" in printed
    assert "| tiny 1.0 tiny | 0.00 |" in printed
    report = json.loads((tmp_path / "r.json").read_text())
    network = report["networks"][0]
    assert report["schema"] == "polypwatch.bench-roofline/1"
    assert network["ms"] > 0
    assert network["moved_mb"] > 0
    assert network["kinds"]
    assert (tmp_path / "roofline_tiny_tiny.svg").read_text().startswith("<svg")


def test_a_model_that_is_not_there_is_said(tmp_path):
    with pytest.raises(SystemExit, match="no-such-model"):
        roofline.measure(str(tmp_path / "no-such-model"), "cpu", 1, 1)
