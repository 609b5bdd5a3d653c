"""The command from its arguments to its exit status, on a tiny model; and what it leaves behind, which is nothing."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from app.bench import command
from app.cli import main
from tests.tiny_models import red_patch_network, write_model

ROOT = Path(__file__).resolve().parents[3]
STATUS = {"holds": 0, "too_slow": 11, "disturbed": 12}


@pytest.fixture
def model(tmp_path) -> Path:
    return write_model(tmp_path / "model", red_patch_network(), threshold=0.5)


def words(model: Path, *more: object) -> list[str]:
    return ["bench", "--quick", "--offscreen", "--model", str(model), "--provider", "cpu", *map(str, more)]


def test_a_quick_run_measures_tries_and_judges(model, tmp_path, monkeypatch, capfd, caplog):
    """Asks for ``caplog`` as a slow machine's recorder logs that it cannot follow: that is a result here."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    monkeypatch.setattr(command, "_LEAST_TRIAL_S", 0.5)
    monkeypatch.setattr(command, "others_share", lambda: 0.0)
    out = tmp_path / "bench.json"
    status = main(words(model, "--seconds", 3, "--json", out))
    data = json.loads(out.read_text())
    assert STATUS[data["verdict"]["outcome"]] == status
    assert [(c["width"], c["height"], c["provider"]) for c in data["calls"]] == [(1920, 1080, "cpu")]
    assert {t["job"] for t in data["throughputs"]} == {"decode", "encode"}
    assert data["paint"]["paints"] > 0
    assert data["trials"][0]["setting"] == {"width": 1920, "height": 1080, "rate": 25, "recording": True}
    assert data["trials"][0]["pictures"] > 0
    assert "offscreen" in data["machine"]["screen"]
    printed = capfd.readouterr().out
    assert all(sentence in printed for sentence in data["verdict"]["sentences"])
    assert list(scratch.iterdir()) == []


def test_a_machine_that_is_busy_is_told_before_a_minute_is_spent(model, monkeypatch, capfd):
    monkeypatch.setattr(command, "others_share", lambda: 0.6)

    def no_pictures(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "bundled_pictures", no_pictures)
    assert main(words(model)) == 130
    assert "Other programs use 60% of the processor" in capfd.readouterr().err


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGINT to send to another process")
def test_ctrl_c_ends_it_at_once_and_leaves_nothing(model, tmp_path):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    run = subprocess.Popen(
        [sys.executable, "-m", "app", *words(model, "--seconds", 3)],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(scratch)},
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert run.stderr is not None
    said = ""
    while "trying" not in said:
        line = run.stderr.readline()
        assert line, said
        said += line
    run.send_signal(signal.SIGINT)
    out, rest = run.communicate(timeout=60)
    assert run.returncode == 130
    assert "interrupted" in rest
    assert "Traceback" not in rest
    assert out == ""
    # ONNX Runtime leaves a file of its own when it is imported.
    assert [path.name for path in scratch.iterdir() if path.name != ".ses"] == []


def test_a_model_that_does_not_exist_is_one_message(capfd, tmp_path):
    assert main(["bench", "--offscreen", "--model", str(tmp_path / "nowhere")]) == 4
    assert "nowhere" in capfd.readouterr().err


def test_a_json_that_cannot_be_written_is_said_before_anything_is_measured(model, tmp_path, capfd):
    out = tmp_path / "missing" / "bench.json"
    assert main(words(model, "--json", out)) == 7
    message = capfd.readouterr().err
    assert f"Cannot write {out}" in message
    assert "reading the pictures" not in message


def test_a_json_from_before_survives_a_run_that_was_broken_off(model, tmp_path, monkeypatch, capfd):
    def broken_off(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "others_share", broken_off)
    before, new = tmp_path / "before.json", tmp_path / "new.json"
    before.write_text("{}")
    assert main(words(model, "--json", before)) == 130
    assert main(words(model, "--json", new)) == 130
    assert before.read_text() == "{}"
    assert not new.exists()


def test_the_reference_stands_first(monkeypatch):
    models = command._models(["fast"])
    assert models == ["fast"]
    monkeypatch.setattr(command, "load_manifest", lambda folder: None)
    monkeypatch.setattr(command, "find_model", Path)
    assert command._models(["accurate", "fast", "accurate"]) == ["fast", "accurate"]
