import json

import pytest

from detector.errors import FormatError, UsageError
from detector.manifest import load_manifest
from tests.training.release.made import RedFinder
from training import cli, network
from training.catalog import write_catalog
from training.release import runs
from training.release.runs import facts_of, facts_of_old


@pytest.fixture
def run_folder(catalog, tmp_path):
    """The folder of a finished run on the small catalog."""
    folder = tmp_path / "run"
    learnt = catalog.where(lambda s: s.split in ("train", "dev"))
    write_catalog(learnt, folder / "catalog.jsonl")
    record = {
        "schema": "polypwatch.run/1",
        "network": {"name": "red-finder", "input_size": 96, "parameters": 40},
        "start": {"given": "w.safetensors", "describe": "w.safetensors", "sha256": "1" * 64, "licences": []},
        "catalog": {
            "given": "mine.jsonl",
            "file": "catalog.jsonl",
            "sha256": learnt.sha256,
            "train": 10,
            "dev": 12,
            "sources": ["made-up"],
            "split": "near-duplicate-checked",
        },
        "seed": 7,
        "config": {},
        "sessions": [],
        "result": {"why": "done", "step": 50, "minutes": 1.5, "best": 1.2, "best_step": 40},
    }
    (folder / "run.json").write_text(json.dumps(record))
    return folder


@pytest.fixture
def old_folder(tmp_path):
    """The folder of a run from before `run.json`."""
    folder = tmp_path / "old"
    folder.mkdir()
    rows = [
        {"event": "catalog", "sha256": "2" * 64, "train": 10, "dev": 12, "sources": ["made-up"]},
        {"event": "start", "options": {"seed": 5, "batch": 16}},
        {"event": "dev", "step": 10, "minutes": 1.0, "ap50": 0.5, "ap50_95": 0.3},
        {"event": "dev", "step": 20, "minutes": 2.0, "ap50": 0.4, "ap50_95": 0.2},
    ]
    (folder / "log.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return folder


@pytest.fixture
def known_start(monkeypatch):
    start = network.Start("imagenet", "", (), ())
    monkeypatch.setattr(runs, "load_start", lambda net, given: start)
    monkeypatch.setattr(runs, "build", lambda name: None)


def test_a_run_says_what_it_was_made_of(run_folder, catalog):
    found = facts_of(run_folder, "red", "1.0.0")
    assert (len(found.train), len(found.dev)) == (10, 12)
    assert found.made.catalog_sha256 == catalog.where(lambda s: s.split in ("train", "dev")).sha256
    assert [(x.name, x.licence) for x in found.made.licences] == [
        ("starting weights w.safetensors", "unknown"),
        ("made-up", "CC0-1.0"),
    ]
    assert found.made.training["kept checkpoint"] == "step 40 (best on dev)"
    assert found.made.split == "near-duplicate-checked"


@pytest.mark.parametrize(
    ("changed", "said"), [(False, "abc"), (None, "abc"), (True, "abc, with changes that were not committed")]
)
def test_code_that_was_not_committed_is_said(run_folder, changed, said):
    record = json.loads((run_folder / "run.json").read_text())
    session = {"command": "train", "started_utc": "2026-01-01T00:00:00+00:00", "from_step": 0, "versions": {}}
    machine = {"system": "Linux", "cpus": 2, "device": "cpu", "processes": 1}
    record["sessions"] = [{**session, "commit": "abc", "changed_files": changed, "machine": machine}]
    (run_folder / "run.json").write_text(json.dumps(record))
    assert facts_of(run_folder, "m", "1").made.training["commit"] == said


def test_a_folder_that_is_no_run_is_refused(tmp_path, old_folder):
    with pytest.raises(FormatError, match="no run"):
        facts_of(tmp_path, "red", "1")
    with pytest.raises(UsageError, match="Name --data and --start"):
        facts_of(old_folder, "red", "1")


def test_an_old_run_is_believed_if_its_log_fits_the_data(old_folder, catalog, known_start):
    found = facts_of_old(old_folder, "red", "1", RedFinder(), catalog, "imagenet")
    assert found.made.training["kept checkpoint"] == "step 10 (best on dev)"
    assert found.made.training["steps"] == 20
    assert found.made.catalog_sha256 == catalog.where(lambda s: s.split in ("train", "dev")).sha256
    fewer = catalog.where(lambda s: s.name != "made-up/train-00")
    with pytest.raises(FormatError, match="trained on 10 images and chosen on 12, but the data has 9 and 12"):
        facts_of_old(old_folder, "red", "1", RedFinder(), fewer, "imagenet")


def test_an_old_log_without_a_measurement_is_refused(old_folder, catalog, known_start):
    (old_folder / "log.jsonl").write_text('{"event": "catalog"}')
    with pytest.raises(FormatError, match="not the log of a finished run"):
        facts_of_old(old_folder, "red", "1", RedFinder(), catalog, "imagenet")


def test_the_command_exports_a_run(run_folder, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(network, "load_network", lambda path: RedFinder())
    out = tmp_path / "candidate"
    given = ["export", "--run", str(run_folder), "--out", str(out), "--name", "red", "--version", "1.2.3"]
    monkeypatch.setattr("sys.argv", ["polypwatch-train", *given])
    assert cli.main([*given, "--target", "negatives=0.1"]) == 0
    manifest = load_manifest(out)
    command = "polypwatch-train export --run run --out candidate --name red --version 1.2.3"
    assert manifest.variants[0].metrics[0].command == command
    assert str(tmp_path) not in (out / "manifest.json").read_text()
    assert (manifest.name, manifest.version) == ("red", "1.2.3")
    assert manifest.model_extra["threshold_target"] == "negatives=0.1"
    said = capsys.readouterr().out
    assert "against torch" in said
    assert "is a candidate" in said


def test_the_command_wants_data_and_start_together(old_folder, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(network, "load_network", lambda path: RedFinder())
    given = ["export", "--run", str(old_folder), "--out", str(tmp_path / "c"), "--name", "red", "--version", "1"]
    assert cli.main([*given, "--data", "public"]) == 2
    assert "--data and --start go together" in capsys.readouterr().err
