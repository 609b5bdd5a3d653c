import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from detector.manifest import load_manifest
from tests.training.evaluation.made import write_red_model, write_red_patches
from training.catalog import Catalog, SplitNote, read_catalog, resolve, write_catalog
from training.cli import main
from training.evaluation.store import read_predictions


@pytest.fixture
def made(tmp_path):
    """(model folder, data folder)."""
    return write_red_model(tmp_path / "model"), write_red_patches(tmp_path / "set")


def run(*argv) -> int:
    return main([str(a) for a in argv])


def fails(capsys, *argv) -> str:
    """The one line that a refused command prints."""
    assert run(*argv) not in (0, None)
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1, lines
    return lines[0]


def evaluate(model, data, *more) -> int:
    return run("evaluate", "--model", model, "--data", data, "--provider", "cpu", "--draws", 100, *more)


def test_evaluate_prints_figures_and_writes_them(made, tmp_path, capsys):
    pytest.importorskip("jinja2")
    assert evaluate(*made, "--out", tmp_path / "out") == 0
    said = capsys.readouterr().out
    assert "4 images, 3 lesion boxes, 1 without a polyp; threshold 0.5" in said
    found = json.loads((tmp_path / "out" / "evaluation.json").read_text())
    assert found["schema"] == "polypwatch.evaluation/1"
    assert found["software"].startswith("polypwatch ")
    assert found["model"]["sha256"] == load_manifest(made[0]).variants[0].sha256
    assert found["model"]["threshold"] == 0.5
    assert len(found["data"]["catalog_sha256"]) == 64
    assert "--out" not in found["command"]
    assert found["command"].startswith(f"polypwatch-train evaluate --model {made[0]}")
    recall = found["total"]["figures"]["recall"]
    # the dull patch is below the threshold
    assert recall["value"] == pytest.approx(2 / 3)
    assert recall["over"] == "4 images"
    assert found["total"]["figures"]["negatives_with_false_box"]["value"] == 0.0
    assert found["sequences"] is None
    assert (tmp_path / "out" / "report.html").stat().st_size > 5000
    rows = read_predictions(tmp_path / "out").rows
    assert [len(r.answer.boxes) for r in rows] == [1, 1, 1, 0]
    assert np.allclose(rows[0].answer.boxes, rows[0].truth.boxes, atol=1.0)


def test_another_threshold_is_taken_and_named(made, capsys):
    assert evaluate(*made, "--threshold", 0.2) == 0
    said = capsys.readouterr().out
    assert "threshold 0.2" in said
    assert "recall, IoU 0.5                              1.000" in said


def test_a_coco_file_is_data(made, tmp_path, capsys):
    rows = [{"id": k, "file_name": f"set/images/i{k}.png", "width": 150, "height": 120} for k in range(2)]
    marks = [{"id": 1, "image_id": 0, "category_id": 1, "bbox": [30, 20, 70, 60], "area": 4200, "iscrowd": 0}]
    coco = {"images": rows, "annotations": marks, "categories": [{"id": 1, "name": "polyp"}]}
    (tmp_path / "labels.json").write_text(json.dumps(coco))
    assert evaluate(made[0], tmp_path / "labels.json") == 0
    assert "on labels" in capsys.readouterr().out


def test_a_model_compared_with_itself_is_not_better(made, tmp_path, capsys):
    pytest.importorskip("jinja2")
    evaluate(*made, "--out", tmp_path / "a")
    capsys.readouterr()
    assert run("compare", tmp_path / "a", tmp_path / "a", "--figure", "recall", "--out", tmp_path / "c.json") == 0
    assert "too small to tell: only 3 units" in capsys.readouterr().out
    assert json.loads((tmp_path / "c.json").read_text())["gain"] == 0.0


def test_record_writes_the_figures_into_the_manifest(made, capsys):
    model, data = made
    assert evaluate(model, data, "--record") == 0
    [metrics] = [m for m in load_manifest(model).variants[0].metrics if m.dataset == "set"]
    assert (metrics.images, metrics.threshold) == (4, 0.5)
    assert metrics.values["recall"] == pytest.approx(0.6667)
    assert metrics.values["recall_low"] < 0.6667 < metrics.values["recall_high"]
    assert "--record" not in metrics.command


def test_a_split_means_nothing_for_a_model_of_another_catalog(made, tmp_path, capsys):
    catalog = resolve(str(made[1]))
    note = SplitNote("mine", "near-duplicate-checked", "because")
    samples = [replace(s, split="dev") for s in catalog.samples]
    write_catalog(Catalog.of(catalog.sources.values(), samples, note), tmp_path / "mine.jsonl")
    sha256 = read_catalog(tmp_path / "mine.jsonl").sha256
    assert evaluate(made[0], tmp_path / "mine.jsonl", "--split", "dev") == 0
    said = capsys.readouterr().out
    assert "dev: near-duplicate-checked" in said
    assert "nothing of whether it has seen these images" in said
    manifest = json.loads((made[0] / "manifest.json").read_text())
    (made[0] / "manifest.json").write_text(json.dumps(manifest | {"catalog_sha256": sha256}))
    assert evaluate(made[0], tmp_path / "mine.jsonl", "--split", "dev") == 0
    assert "trained on this very catalog" in capsys.readouterr().out


def test_what_makes_no_sense_is_refused_in_one_line(made, tmp_path, capsys):
    model, data = made
    common = ("evaluate", "--model", model, "--data", data)
    assert "without --threshold" in fails(capsys, *common, "--record", "--threshold", 0.4)
    assert "say the same" in fails(capsys, *common, "--split", "dev", "--set", "dev")
    assert "threshold" in fails(capsys, *common, "--threshold", 1.5)
    assert "frames per second" in fails(capsys, *common, "--nominal-fps", 0)
    assert "100 draws" in fails(capsys, *common, "--draws", 3)
    assert "no split 'dev'" in fails(capsys, *common, "--split", "dev")
    assert "There is no model" in fails(capsys, "evaluate", "--model", tmp_path / "none", "--data", data)
    assert "cannot be read" in fails(capsys, "compare", tmp_path / "a", tmp_path / "b")


def test_a_result_that_cannot_be_written_is_said_before_the_work(made, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("training.evaluation.commands.evaluate_model", lambda *_: pytest.fail("it ran"))
    (tmp_path / "file").write_text("")
    said = fails(capsys, "evaluate", "--model", made[0], "--data", made[1], "--out", tmp_path / "file" / "x")
    assert "cannot be made" in said


def test_another_commands_result_is_not_written_over(made, tmp_path, capsys):
    assert evaluate(*made, "--out", tmp_path / "out") == 0
    assert evaluate(*made, "--out", tmp_path / "out") == 0  # the same again is
    before = (tmp_path / "out" / "evaluation.json").read_bytes()
    capsys.readouterr()
    asked = ("evaluate", "--model", made[0], "--data", made[1], "--threshold", 0.3, "--out", tmp_path / "out")
    assert "holds the result of another command" in fails(capsys, *asked)
    assert (tmp_path / "out" / "evaluation.json").read_bytes() == before


def test_data_without_a_label_is_no_test_set(made, tmp_path, capsys):
    for mask in (made[1] / "masks").iterdir():
        mask.unlink()
    assert len(fails(capsys, "evaluate", "--model", made[0], "--data", made[1])) > 20


def test_weights_are_measured_in_torch(made, tmp_path, capsys):
    pytest.importorskip("torch")
    from training.network import build, save_weights

    save_weights(build("fast"), tmp_path / "best.safetensors")
    weights = ("evaluate", "--weights", tmp_path / "best.safetensors", "--data", made[1], "--draws", 100)
    assert run(*weights) == 0
    assert "(best.safetensors, torch) on set" in capsys.readouterr().out
    assert "--record" in fails(capsys, *weights, "--record")
    (tmp_path / "best.safetensors").write_bytes(b"nonsense")
    assert "safetensors" in fails(capsys, *weights)


WITHOUT_TORCH = """
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "torch":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Blocker())
from training.cli import main
sys.exit(main(sys.argv[1:]))
"""


def test_evaluating_a_model_needs_no_torch(made):
    words = ["evaluate", "--model", str(made[0]), "--data", str(made[1]), "--draws", "100"]
    call = [sys.executable, "-c", WITHOUT_TORCH, *words]
    done = subprocess.run(call, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    assert "AP50" in done.stdout
