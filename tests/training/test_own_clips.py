"""docs/own_clips.md, command by command, with made clips of a second and a budget of two steps: docs do not rot."""

import re
import shlex
import sys
from pathlib import Path

import pytest

from detector.manifest import load_manifest
from tests.training.feedback.made import write_procedure
from tests.training.release.foreign import yolov8
from training.catalog import read_catalog
from training.cli import main
from training.loop.run_folder import read_run

DOCS = Path(__file__).resolve().parents[2] / "docs" / "own_clips.md"
BLOCK = re.compile(r"^```bash run(?: exit=(\d))?\n(.*?)^```", re.MULTILINE | re.DOTALL)
SETTINGS = "augment=plain sizes=[32,64] batch=4 workers=0 threads=1 evaluations=1 tensorboard=false device=cpu"
SHORT = "--steps 2 " + " ".join(f"--set {pair}" for pair in SETTINGS.split())
SHORTER = {"--minutes 60": f"{SHORT} --start none", "--minutes 20": SHORT}
"""What the test does in place of an hour of training."""


def commands() -> list[tuple[str, int]]:
    """Every command of a block marked `run`, with its exit status."""
    found = []
    for status, text in BLOCK.findall(DOCS.read_text(encoding="utf-8")):
        for line in text.replace("\\\n", " ").splitlines():
            found.append((line, int(status or 0)))
    return found


@pytest.fixture(scope="module")
def ward(tmp_path_factory) -> Path:
    """What stands before the first command: seven reviewed clips, and somebody else's model."""
    folder = tmp_path_factory.mktemp("hospital")
    for n in range(1, 8):
        boxes = {i: (20 + 6 * n + i, 15 + 5 * n, 70 + 6 * n + i, 55 + 5 * n) for i in range(8, 26)}
        write_procedure(folder / ("ward" if n < 7 else "later") / f"op{n}.mp4", boxes, 30, seed=n)
    yolov8(folder / "theirs.onnx", [(32, 24, 20, 16)], [0.9])
    return folder


def test_every_command_of_the_page_is_ours_and_known():
    names = [shlex.split(line)[:2] for line, _ in commands()]
    assert len(names) > 15
    assert {program for program, _ in names} == {"polypwatch-train"}
    wanted = (
        "import sheet split leaks preview train export evaluate release mine fine-tune suspects export-fiftyone adopt"
    )
    assert set(wanted.split()) <= {name for _, name in names}


@pytest.mark.timeout(600)
@pytest.mark.filterwarnings("default")  # of torch's exporter
def test_the_page_runs_from_the_first_command_to_the_last(ward, monkeypatch, capsys):
    monkeypatch.chdir(ward)
    for line, status in commands():
        for long, short in SHORTER.items():
            line = line.replace(long, short)
        argv = shlex.split(line)
        monkeypatch.setattr(sys, "argv", argv)
        assert (line, main(argv[1:])) == (line, status), capsys.readouterr().err
        if status:
            assert "is refused" in capsys.readouterr().err
    _everything_is_there(ward)


def _everything_is_there(folder: Path) -> None:
    own, hard = read_catalog(folder / "own.jsonl"), read_catalog(folder / "hard.jsonl")
    assert own.splits == ["train", "dev", "test:own"]
    assert {s.facts["hard"] for s in hard.samples} <= {"miss", "false-alarm"}
    assert read_catalog(folder / "corrected.jsonl").sha256 == own.sha256
    second = read_run(folder / "runs" / "second")
    assert second.replay is not None
    assert "ward-hard" in second.catalog.sources
    assert {"ward", "ward-hard"} <= {x.name for x in load_manifest(folder / "candidate2").licences}
    registered = load_manifest(folder / "models" / "ward")
    assert registered.model_extra["release"]["forced"] == "a rehearsal on rendered clips"
    assert load_manifest(folder / "theirs").licences[0].licence == "AGPL-3.0"
    for name in ("sheet.jpg", "batch.jpg", "hard.jpg", "measured/report.html", "doubts/suspects.jsonl"):
        assert (folder / name).stat().st_size > 100
    assert (folder / "fiftyone" / "samples.json").is_file()
