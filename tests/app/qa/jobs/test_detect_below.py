"""``polypwatch detect`` over folders: what it finds, where results go, what it says of what could not be done."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from app.cli import main
from app.qa.jobs.finding import check_apart, procedures_below
from detector.errors import SourceError, UsageError
from detector.procedure import open_procedure
from detector.results import is_whole, part_of, read_frames
from tests.app.qa.films import write_film, write_red_model, write_red_recording


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    return write_red_model(tmp_path_factory.mktemp("models") / "red")


@pytest.fixture
def ward(tmp_path, monkeypatch) -> Path:
    """A recording, a video in a folder of its own, and things that are neither."""
    monkeypatch.setenv("POLYPWATCH_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "ward"
    folder.mkdir()
    write_red_recording(folder / "monday", 20)
    (folder / "tuesday").mkdir()
    write_film(folder / "tuesday" / "b.mp4", 25)
    (folder / "notes.txt").write_text("nothing")
    (folder / ".hidden.mp4").write_bytes(b"")
    return folder


def detect(model: Path, *words: object) -> int:
    return main(["detect", *map(str, words), "--model", str(model), "--provider", "cpu", "--threads", "1", "--quiet"])


def test_every_recording_and_video_below_is_found_once_and_nothing_else(ward, tmp_path):
    found = procedures_below([ward, ward / "tuesday" / "b.mp4", ward / "monday"])
    assert [each.path for each in found] == [ward / "monday", ward / "tuesday" / "b.mp4"]
    with pytest.raises(SourceError, match="does not exist"):
        procedures_below([tmp_path / "none"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(SourceError, match="holds no recording"):
        procedures_below([tmp_path / "empty"])


def test_beside_leaves_results_where_the_qa_room_looks_and_a_second_run_changes_nothing(model, ward, capsys):
    assert detect(model, ward, "--beside", "--processes", 2) == 0
    (recorded,) = (ward / "monday").glob("analysis-*.json")
    (plain,) = (ward / "tuesday").glob("b.analysis-*.json")
    assert [len(list(read_frames(out))) for out in (recorded, plain)] == [20, 25]
    assert recorded in open_procedure(ward / "monday").results
    assert plain in open_procedure(ward / "tuesday" / "b.mp4").results
    before = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in (recorded, plain)}
    assert detect(model, ward, "--beside") == 0
    assert {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in (recorded, plain)} == before


def test_out_gets_the_same_folders_as_the_sources_and_what_could_not_be_analysed_is_named(
    model, ward, tmp_path, capsys
):
    (ward / "broken.mp4").write_bytes(b"no video at all")
    out = tmp_path / "results"
    assert detect(model, ward, "--out", out) == 9
    assert "broken.mp4 was not analysed" in capsys.readouterr().err
    found = sorted(path.relative_to(out).as_posix() for path in out.rglob("*.json"))
    assert [name.split("analysis-")[0] for name in found] == ["ward/monday/", "ward/tuesday/b."]
    assert not list(ward.rglob("*.part"))
    assert not list(ward.rglob("analysis-*"))
    assert detect(model, ward / "broken.mp4", "--beside") == 3


def test_words_that_do_not_go_together_are_refused(model, ward, tmp_path, capsys):
    with pytest.raises(SystemExit):
        detect(model, ward)
    with pytest.raises(SystemExit):
        detect(model, ward, "--beside", "--out", tmp_path)
    assert detect(model, ward, "--beside", "--min-score", "0.3") == 2
    assert detect(model, ward / "tuesday" / "b.mp4", "--json", tmp_path / "o.json", "--processes", 2) == 2


def test_two_sources_whose_results_would_fall_together_are_refused(tmp_path):
    for folder in ("one", "two"):
        (tmp_path / folder / "same").mkdir(parents=True)
        write_film(tmp_path / folder / "same" / "v.mp4", 2)
    with pytest.raises(UsageError, match="one file"):
        check_apart(procedures_below([tmp_path / "one" / "same", tmp_path / "two" / "same"]), tmp_path / "out")
    check_apart(procedures_below([tmp_path / "one", tmp_path / "two"]), tmp_path / "out")


def test_ctrl_c_leaves_valid_partial_work_that_the_same_command_goes_on_with(model, tmp_path, monkeypatch):
    monkeypatch.setenv("POLYPWATCH_CACHE", str(tmp_path / "cache"))
    film = write_film(tmp_path / "v.mp4", 1500)
    words = [
        sys.executable, "-m", "app", "detect", str(film), "--beside", "--model", str(model), "--provider", "cpu",
        "--threads", "1", "--quiet",
    ]  # fmt: skip
    # Where the tests run in the background of a shell, Ctrl+C is ignored by whatever they start.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
    signal.signal(signal.SIGINT, before)
    end = time.monotonic() + 60
    while not (parts := list(tmp_path.glob("*.part"))) and time.monotonic() < end and process.poll() is None:
        time.sleep(0.01)
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "goes on where this one stopped" in said
    assert len(parts) == 1
    assert not list(tmp_path.glob("v.analysis-*.json"))
    assert detect(model, film, "--beside") == 0
    (out,) = tmp_path.glob("v.analysis-*.json")
    assert is_whole(out)
    assert not part_of(out).exists()
    assert len(list(read_frames(out))) == 1500
