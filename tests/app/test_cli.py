"""The command line with bad input: one clear message, an exit status, no traceback, nothing lost."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.cli import main
from detector.runtime import OnnxDetector
from tests.app.test_detect import picture, write_video
from tests.tiny_models import other_network, red_patch_network, write_model

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def model(tmp_path) -> Path:
    return write_model(tmp_path / "model", red_patch_network(), threshold=0.5)


@pytest.fixture
def video(tmp_path) -> Path:
    return write_video(tmp_path / "video.mp4", [picture(40 + n) for n in range(50)])


def refused(capfd, *words: object) -> tuple[int, str]:
    """The exit status and the one message of a command that must fail."""
    status = main([str(w) for w in words])
    out, err = capfd.readouterr()
    assert status != 0
    assert "Traceback" not in err + out
    message = [line for line in err.splitlines() if line.startswith("polypwatch: ")]
    assert len(message) == 1, err
    return status, err


def detect(model: Path, path: Path, out: Path, *more: str) -> list[object]:
    return ["detect", path, "--json", out, "--model", model, "--provider", "cpu", "--quiet", *more]


def make_text(folder: Path) -> Path:
    path = folder / "text.mp4"
    path.write_text("this is not a video\n" * 50)
    return path


def make_truncated(folder: Path) -> Path:
    """An MP4 whose index stood at the end."""
    whole = write_video(folder / "whole.mp4", [picture(40 + n) for n in range(50)])
    path = folder / "truncated.mp4"
    path.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    return path


def make_empty(folder: Path) -> Path:
    path = folder / "empty.mp4"
    path.touch()
    return path


def make_folder(folder: Path) -> Path:
    path = folder / "no images"
    path.mkdir()
    (path / "notes.txt").write_text("nothing here")
    return path


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (make_text, "text.mp4"),
        (make_truncated, "truncated.mp4"),
        (make_empty, "empty.mp4"),
        (lambda folder: folder / "missing.mp4", "missing.mp4"),
        (make_folder, "no images"),
    ],
    ids=["text file", "truncated", "0 bytes", "missing", "no images"],
)
@pytest.mark.parametrize("command", ["detect", "demo"])
def test_a_source_that_cannot_be_read(capfd, model, tmp_path, make, says, command):
    path = make(tmp_path)
    out = tmp_path / "out.json"
    words = detect(model, path, out) if command == "detect" else demo(model, path, tmp_path / "out")
    status, message = refused(capfd, *words)
    assert status == 3
    assert says in message
    assert not out.exists()
    assert not Path(f"{out}.part").exists()


def demo(model: Path, source: object, out: Path) -> list[object]:
    return ["demo", "--offscreen", "--source", source, "--model", model, "--provider", "cpu", "--out", out]


def test_a_model_with_one_byte_changed(capfd, model, video, tmp_path):
    network = model / "model.onnx"
    data = bytearray(network.read_bytes())
    data[len(data) // 2] ^= 1
    network.write_bytes(data)
    status, message = refused(capfd, *detect(model, video, tmp_path / "o.json"))
    assert status == 4
    assert "changed or damaged" in message


def test_a_manifest_without_a_field(capfd, model, video, tmp_path):
    manifest = json.loads((model / "manifest.json").read_text())
    del manifest["variants"][0]["threshold"]
    (model / "manifest.json").write_text(json.dumps(manifest))
    status, message = refused(capfd, *detect(model, video, tmp_path / "o.json"))
    assert status == 4
    assert "variants.0.threshold" in message
    assert "is missing" in message


def test_an_onnx_of_another_network(capfd, video, tmp_path):
    model = write_model(tmp_path / "other", other_network())
    status, message = refused(capfd, *detect(model, video, tmp_path / "o.json"))
    assert status == 4
    assert "not the network that its manifest describes" in message


def test_a_damaged_model_in_the_demo_is_said_too(capfd, model, video, tmp_path):
    (model / "model.onnx").write_bytes(b"nonsense")
    status, message = refused(capfd, *demo(model, video, tmp_path / "out"))
    assert status != 0
    assert "changed or damaged" in message


def test_a_model_that_does_not_exist(capfd, video, tmp_path):
    status, message = refused(capfd, *detect(tmp_path / "nowhere", video, tmp_path / "o.json"))
    assert status == 4
    assert "nowhere" in message


def test_a_camera_that_does_not_exist(capfd, model, tmp_path):
    status, message = refused(capfd, *demo(model, "camera:97", tmp_path / "out"))
    assert status == 3
    assert "97" in message


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="needs root to bind a folder read-only")
def test_a_read_only_output_folder(capfd, model, video):
    out = Path("/proc/polypwatch")  # nobody can write there, not even root
    status, message = refused(capfd, *detect(model, video, out / "o.json"))
    assert status == 7
    assert "Cannot write /proc/polypwatch/o.json" in message
    status, message = refused(capfd, *demo(model, video, out))
    assert status == 7
    assert "/proc/polypwatch" in message


def test_a_provider_that_is_not_there_is_an_error_when_it_was_asked_for(capfd, video, tmp_path):
    model = write_model(tmp_path / "both", red_patch_network(), threshold=0.5, providers=["cpu", "cuda"])
    if OnnxDetector(model, "auto").info.provider == "cuda":
        pytest.skip("this machine has CUDA")
    words = detect(model, video, tmp_path / "o.json")
    words[words.index("cpu")] = "cuda"
    status, message = refused(capfd, *words)
    assert status == 5
    assert "cuda" in message


def run(*words: object, env: dict[str, str | None] | None = None) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own, with `env` on top of this one's (None removes a variable)."""
    full = {**os.environ, **(env or {})}
    command = [sys.executable, "-m", "app", *map(str, words)]
    clean = {k: v for k, v in full.items() if v is not None}
    return subprocess.run(command, cwd=ROOT, env=clean, capture_output=True, text=True, timeout=100, check=False)


@pytest.mark.parametrize("display", [None, ":97"])
def test_without_a_display_the_window_is_refused_with_a_message(model, video, display):
    env = {"DISPLAY": display, "WAYLAND_DISPLAY": None, "QT_QPA_PLATFORM": None}
    done = run("live", video, "--model", model, env=env)
    assert done.returncode == 2
    assert "No window can be opened" in done.stderr
    assert "Traceback" not in done.stderr


def test_without_a_display_the_demo_runs_offscreen_and_leaves_everything(model, video, tmp_path):
    env = {"DISPLAY": None, "WAYLAND_DISPLAY": None, "QT_QPA_PLATFORM": None}
    words = [w for w in demo(model, video, tmp_path / "out") if w != "--offscreen"]
    done = run(*words, env=env)
    assert done.returncode == 0, done.stderr
    assert "Running offscreen" in done.stderr
    (folder,) = (tmp_path / "out").iterdir()
    assert {p.name for p in folder.iterdir()} == {
        "screenshot.png", "preview.mp4", "results.json", "summary.json", "summary.txt"
    }  # fmt: skip
    assert str(folder) in done.stdout
    summary = json.loads((folder / "summary.json").read_text())
    assert summary["frames"] == 50
    assert summary["analysed"] + summary["skipped"] + summary["failed"] == 50
    assert summary["alerts"] == 1
    assert summary["latency_ms"]["p50"] > 0
    assert "not a medical device" in (folder / "summary.txt").read_text()
    results = json.loads((folder / "results.json").read_text())
    assert len(results["frames"]) == summary["analysed"]


def test_a_broken_onnxruntime_is_one_message(model, video, tmp_path):
    package = tmp_path / "broken" / "onnxruntime"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise ImportError('libonnxruntime.so.1: wrong ELF class')\n")
    done = run(*detect(model, video, tmp_path / "o.json"), env={"PYTHONPATH": str(package.parent)})
    assert done.returncode == 5
    assert "wrong ELF class" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_second_onnxruntime_is_one_message(model, video, tmp_path):
    second = tmp_path / "site" / "onnxruntime_directml-1.0.dist-info"
    second.mkdir(parents=True)
    (second / "METADATA").write_text("Metadata-Version: 2.1\nName: onnxruntime-directml\nVersion: 1.0\n")
    done = run(*detect(model, video, tmp_path / "o.json"), env={"PYTHONPATH": str(second.parent)})
    assert done.returncode == 5
    assert "More than one ONNX Runtime" in done.stderr
    assert "Traceback" not in done.stderr


def test_help_and_version_answer_without_loading_anything_heavy(capfd):
    code = "import sys; sys.argv=['polypwatch','--version']\nfrom app.cli import main\n"
    code += "try: main()\nexcept SystemExit: pass\nprint(sorted({'PyQt6','cv2','onnxruntime','av'} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=60, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("words", [["detect"], ["nonsense"], ["detect", "x", "--json", "y", "--min-score", "2"], []])
def test_wrong_usage_names_what_is_wrong(capfd, words):
    with pytest.raises(SystemExit, match="2"):
        main(words)
    assert "usage: polypwatch" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["detect", "a.mp4", "--json", "r.json", "--min-score", "low"], "'low' is no number"),
        (["detect", "a.mp4", "--json", "r.json", "--threads", "1.5"], "a whole number of at least 1"),
        (["bench", "--seconds", "inf"], "not infinite"),
        (["dicom", "a.mp4", "--out", "d", "--taken", "yesterday"], "'yesterday' is no time such as 2026-03-01T"),
        (["dicom", "a.mp4", "--out", "d", "--taken", "2026-03-01"], "needs a time zone"),
    ],
)
def test_a_value_that_is_not_understood_is_said_in_words(words, said, capsys):
    with pytest.raises(SystemExit) as ended:
        main(words)
    err = capsys.readouterr().err
    assert ended.value.code == 2
    assert said in err
    assert "invalid _" not in err  # argparse would name the function


def test_a_time_code_without_a_screen_is_refused(capfd):
    status, err = refused(capfd, "bench", "--loopback", "udp://127.0.0.1:5000", "--offscreen")
    assert status == 2
    assert "--offscreen" in err
