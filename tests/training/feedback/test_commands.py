import pytest

from tests.training.evaluation.made import write_red_model
from tests.training.feedback.made import write_procedure
from training.catalog import read_catalog
from training.cli import main

HERE = (20.0, 20.0, 80.0, 60.0)
COMMON = ("--name", "hard", "--licence", "internal")


@pytest.fixture
def clip(tmp_path):
    return write_procedure(tmp_path / "op1.mp4", {i: HERE for i in range(3, 9)}, 10)


def fails(capsys, *argv) -> str:
    """The one line that a refused command prints."""
    assert main([str(a) for a in argv]) not in (0, None)
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1, lines
    return lines[0]


def test_mining_with_the_bundled_model_adds_to_a_catalog(clip, tmp_path, capsys):
    out = tmp_path / "hard.jsonl"
    command = ["mine", str(clip), "--model", "fast", "--provider", "cpu", "--out", str(out), *COMMON]
    # Scores of 0.99 are reached by nothing here: every lesion frame is a miss.
    assert main([*command, "--min-score", "0.99", "--every-s", "0.1"]) == 0
    said = capsys.readouterr().out
    assert "miss of lesion 1, which was found in no frame" in said
    catalog = read_catalog(out)
    assert 1 <= len(catalog.samples) <= 3
    assert catalog.sources["hard"].licence == "internal"
    again = [*command, "--min-score", "0.99", "--per-event", "1"]
    assert main(again) == 0
    assert len(read_catalog(out).samples) == 1


def test_what_cannot_be_mined_is_one_line(clip, tmp_path, capsys):
    out = tmp_path / "hard.jsonl"
    common = ("--out", out, *COMMON)
    assert "does not exist" in fails(capsys, "mine", tmp_path / "no.mp4", "--model", "fast", *common)
    assert "no model 'best'" in fails(capsys, "mine", clip, "--model", "best", *common)
    assert "no.json" in fails(capsys, "mine", clip, "--results", tmp_path / "no.json", *common)
    assert "Two procedures are called op1" in fails(capsys, "mine", clip, clip, "--model", "fast", *common)
    assert not out.exists()


@pytest.mark.parametrize(
    "argv",
    [
        ["mine", "a.mp4", "--model", "fast", "--out", "c.jsonl", "--name", "n"],
        ["mine", "a.mp4", "--out", "c.jsonl", *COMMON],
        ["fine-tune", "--model", "m", "--new", "a", "--replay", "b", "--out", "r", "--share", "1"],
        ["suspects", "--data", "c.jsonl", "--out", "d"],
        ["export-fiftyone", "c.jsonl"],
    ],
)
def test_what_must_be_said_is_asked_for(argv, capsys):
    with pytest.raises(SystemExit) as stop:
        main(argv)
    assert stop.value.code == 2
    assert "Traceback" not in capsys.readouterr().err


def test_fine_tuning_from_an_onnx_folder_says_what_to_name(tmp_path, capsys):
    model = write_red_model(tmp_path / "model")
    argv = ("fine-tune", "--model", model, "--new", "a.jsonl", "--replay", "b.jsonl", "--out", tmp_path / "run")
    assert "Name the folder of the run" in fails(capsys, *argv)
    assert not (tmp_path / "run").exists()


def test_a_corrected_catalog_overwrites_nothing(clip, tmp_path, capsys):
    out = tmp_path / "hard.jsonl"
    assert main(["mine", str(clip), "--model", "fast", "--min-score", "0.99", "--out", str(out), *COMMON]) == 0
    capsys.readouterr()
    assert main(["suspects", "--model", "fast", "--data", str(out), "--out", str(tmp_path / "q")]) == 0
    capsys.readouterr()
    reviewed = tmp_path / "q" / "suspects.jsonl"
    assert "never overwrites" in fails(capsys, "suspects", "--apply", reviewed, "--data", out, "--out", out)
    new = tmp_path / "corrected.jsonl"
    assert main(["suspects", "--apply", str(reviewed), "--data", str(out), "--out", str(new)]) == 0
    assert read_catalog(new).sha256 == read_catalog(out).sha256
