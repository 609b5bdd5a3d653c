import sys

import pytest
import yaml

from tests.training.loop.conftest import sample
from tests.training.loop.test_trainer import rows
from training.catalog import Catalog, read_catalog, write_catalog
from training.cli import main
from training.loop.config import make_config
from training.loop.run_folder import read_run
from training.loop.train import load_first_weights
from training.network import build, load_network


def sets(settings) -> list[str]:
    return [f"--set={k}={v}" for k, v in settings.items() if k not in {"data", "budget", "start"}]


def fails(capsys, *argv) -> str:
    """The one line that a refused command prints."""
    assert main([str(a) for a in argv]) not in (0, None)
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1, lines
    return lines[0]


@pytest.mark.filterwarnings("default::DeprecationWarning")  # of TensorBoard's own packages
def test_a_miniature_run_from_the_command_line_to_a_finetuned_one(settings, catalog, tmp_path, capsys, monkeypatch):
    run = tmp_path / "run"
    common = ["--network", "fast", "--data", str(catalog), "--steps", "3"]
    monkeypatch.setattr(sys, "argv", ["polypwatch-train", "train", "--out", str(run)])
    assert (
        main(["train", *common, "--start", "none", "--out", str(run), *sets(settings), "--set=tensorboard=true"]) == 0
    )
    assert "Finished (budget) at step 3" in capsys.readouterr().out
    states, records = {"best.safetensors", "last.pt", "previous.pt"}, {"catalog.jsonl", "config.yaml", "run.json"}
    assert {p.name for p in run.iterdir()} == states | records | {"log.jsonl", "tensorboard"}
    assert [r["event"] for r in rows(run, "dev")] == ["dev"]
    assert {"total", "lr", "images_per_s", "waited", "box", "obj"} <= set(rows(run, "train")[0])
    assert any((run / "tensorboard").iterdir())

    found = read_run(run)
    assert found.catalog.sha256 == read_catalog(run / "catalog.jsonl").sha256
    assert (found.catalog.train, found.catalog.dev, found.catalog.sources) == (5, 3, ["made-up"])
    assert found.result.step == 3
    assert make_config(yaml.safe_load((run / "config.yaml").read_text())) == make_config(found.config)
    (session,) = found.sessions
    assert session.command == f"polypwatch-train train --out {run}"
    assert {"python", "polypwatch", "torch", "numpy", "opencv", "albumentations"} == set(session.versions)
    assert session.machine["device"] == "cpu"
    assert load_network(run / "best.safetensors").name == "fast"

    old = tmp_path / "old"
    old.mkdir()
    replayed = [sample(old, f"o{i}", "train", 90 + i) for i in range(3)]
    write_catalog(Catalog.of(read_catalog(catalog).sources.values(), replayed), tmp_path / "old.jsonl")
    tuned = tmp_path / "tuned"
    argv = ["train", *common, "--start", str(run), "--replay", str(tmp_path / "old.jsonl"), "--out", str(tuned)]
    assert main([*argv, *sets(settings), "--set=replay.share=0.5"]) == 0
    assert read_run(tuned).start.describe == "run/best.safetensors"
    assert read_run(tuned).replay.train == 3
    assert rows(tuned, "start")[0]["epoch_images"] == 10


def test_the_printed_configuration_is_one_that_trains(capsys):
    assert main(["config", "--network", "accurate"]) == 0
    assert make_config(yaml.safe_load(capsys.readouterr().out)).network == "accurate"


def test_an_unknown_key_is_one_line_with_the_nearest_one(tmp_path, capsys):
    (tmp_path / "c.yaml").write_text("learning_rat: 1\n")
    line = fails(capsys, "train", "--config", tmp_path / "c.yaml", "--out", tmp_path / "run")
    assert "c.yaml: there is no key 'learning_rat'" in line
    assert "'lr'" in line
    assert not (tmp_path / "run").exists()


def test_runs_are_neither_invented_nor_overwritten(tmp_path, capsys):
    run = tmp_path / "run"
    assert "nothing to resume" in fails(capsys, "train", "--out", run, "--resume")
    run.mkdir()
    (run / "last.pt").write_bytes(b"")
    assert "already holds a run" in fails(capsys, "train", "--out", run)
    assert "its own configuration" in fails(capsys, "train", "--out", run, "--resume", "--config", run / "c.yaml")
    assert "no run.json" in fails(capsys, "train", "--out", run, "--resume")


def test_missing_data_and_weights_are_one_line(catalog, tmp_path, capsys, monkeypatch):
    assert "none.jsonl" in fails(capsys, "train", "--data", tmp_path / "none.jsonl", "--out", tmp_path / "a")
    monkeypatch.setenv("POLYPWATCH_WEIGHTS", str(tmp_path / "nowhere"))
    assert "POLYPWATCH_WEIGHTS" in fails(capsys, "train", "--data", catalog, "--out", tmp_path / "b")
    (tmp_path / "empty").mkdir()
    line = fails(capsys, "train", "--data", catalog, "--start", tmp_path / "empty", "--out", tmp_path / "c")
    assert "best.safetensors" in line


def test_a_run_that_failed_before_its_first_checkpoint_can_be_started_anew(settings, catalog, tmp_path, capsys):
    argv = [
        "train",
        "--data",
        str(catalog),
        "--start",
        str(tmp_path / "no.safetensors"),
        "--out",
        str(tmp_path / "run"),
    ]
    assert "no starting weights" in fails(capsys, *argv)
    assert "no starting weights" in fails(capsys, *argv)


@pytest.mark.parametrize("text", ["{", '{"schema": "polypwatch.run/2"}', '{"schema": "polypwatch.run/1"}'])
def test_a_damaged_run_record_is_one_line(tmp_path, capsys, text):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "last.pt").write_bytes(b"")
    (tmp_path / "run" / "run.json").write_text(text)
    assert "run.json" in fails(capsys, "train", "--out", tmp_path / "run", "--resume")


def test_random_weights_are_said_to_be_random():
    network = build("fast")
    started = load_first_weights(network, "none")
    assert started.describe == "none"
    assert len(started.left) == len(network.state_dict())
