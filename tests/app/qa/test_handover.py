"""From QA into training: what is handed over is what the trainer gets, under the file's own licence and consent."""

import json
from pathlib import Path

import numpy as np
import pytest

from app.cli import main
from app.qa.handover import Terms, hand_over
from detector.annotation import load_annotation, save_annotation
from detector.errors import FormatError, OutputError, SourceError, UsageError
from detector.handover import load_handover, save_handover
from detector.results import Box, FrameRow, ModelRef, ResultsHeader, ResultsWriter
from tests.training.feedback.made import SIZE, write_procedure
from training.catalog import read_catalog
from training.cli import main as train
from training.feedback.fine_tune import joined_data

TERMS = Terms("ward-3", "internal", "dr-7", "ethics vote 12/26", centre="A", patients={"one": "P-1", "two": "P-2"})
HERE, THERE = (20.0, 20.0, 80.0, 60.0), (100.0, 70.0, 140.0, 110.0)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("POLYPWATCH_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def procedures(tmp_path) -> Path:
    """Two videos with labels: a lesion in frames 10 to 29; of the second only frames 5 to 24 were looked at."""
    folder = tmp_path / "procedures"
    boxes = {i: HERE for i in range(10, 30)}
    write_procedure(folder / "one.mp4", boxes)
    write_procedure(folder / "two.mp4", boxes, reviewed=[(5, 24)], seed=2)
    return folder


def answers(video: Path, found: dict[int, list[tuple[tuple[float, ...], float]]], count: int = 50) -> Path:
    """Results of a re-analysis beside a video."""
    model = ModelRef(name="fast", version="1", variant="cpu", sha256="c" * 64)
    from fractions import Fraction

    head = ResultsHeader(
        model=model, software="s", threshold=0.5, min_score=0.01, provider="cpu", time_base=Fraction(1, 25)
    )
    path = video.with_name(f"{video.stem}.analysis-fast-1-cpu.json")
    with ResultsWriter(path, head) as writer:
        for i in range(count):
            boxes = tuple(Box(box=b, score=s, class_="polyp", track=None) for b, s in found.get(i, ()))  # type: ignore[arg-type]
            writer.write(
                FrameRow(file=video.name, index=i, pts=i, time_s=i / 25, width=SIZE[0], height=SIZE[1], status="ok",
                         error=None, detections=boxes)
            )  # fmt: skip
    return path


def imported(file: Path, catalog: Path, *more: str):
    assert train(["import", str(file), "--catalog", str(catalog), *more]) == 0
    return read_catalog(catalog)


def frames(catalog, name: str) -> list[int]:
    return [int(s.name.rsplit("/")[-1]) for s in catalog.samples if s.sequence.endswith(name)]


def test_the_trainer_gets_the_reviewed_frames_with_patients_centre_and_licence(procedures, tmp_path):
    made = hand_over([procedures], tmp_path / "for-training.json", TERMS)
    assert (made.procedures, made.frames) == (2, 70)
    catalog = imported(made.file, tmp_path / "c.jsonl", "--option", "every_s=0")
    assert frames(catalog, "one") == list(range(50))
    assert frames(catalog, "two") == list(range(5, 25))
    source = catalog.sources["ward-3"]
    assert (source.licence, source.commercial, source.patients_known) == ("internal", False, True)
    assert {(s.patient, s.centre) for s in catalog.samples} == {("P-1", "A"), ("P-2", "A")}
    by_name = {s.name: s for s in catalog.samples}
    assert by_name["ward-3/one/000012"].boxes.tolist() == [list(HERE)]
    assert by_name["ward-3/one/000003"].negative
    assert {s.unit for s in catalog.samples} == {"ward-3/P-1", "ward-3/P-2"}


def test_the_file_names_procedures_below_it_relatively_so_that_both_can_be_moved(procedures, tmp_path):
    made = hand_over([procedures], tmp_path / "for-training.json", TERMS)
    assert [p.path for p in load_handover(made.file).procedures] == ["procedures/one.mp4", "procedures/two.mp4"]
    (tmp_path / "elsewhere").mkdir()
    procedures.rename(tmp_path / "elsewhere" / "procedures")
    moved = made.file.rename(tmp_path / "elsewhere" / "for-training.json")
    assert len(imported(moved, tmp_path / "c.jsonl", "--option", "every_s=0").samples) == 70


def test_misses_and_false_alarms_go_as_hard_examples_and_are_those_that_mine_takes(procedures, tmp_path):
    # Found from frame 20 on; a false alarm in frames 35 to 44, and one where nobody looked.
    found = {i: [(HERE, 0.9)] for i in range(20, 30)} | {i: [(THERE, 0.7)] for i in range(35, 45)}
    for name in ("one", "two"):
        answers(procedures / f"{name}.mp4", found)
    made = hand_over([procedures], tmp_path / "hard.json", TERMS, kind="hard-examples")
    catalog = imported(made.file, tmp_path / "c.jsonl")
    assert len(catalog.samples) == made.frames > 0
    told = {(s.sequence.split("/")[-1], s.facts["hard"]) for s in catalog.samples}
    assert told == {("one", "miss"), ("one", "false-alarm"), ("two", "miss")}
    mined: dict[str, tuple[str, str]] = {}
    for name in ("one", "two"):
        out = tmp_path / f"mined-{name}.jsonl"
        results = procedures / f"{name}.analysis-fast-1-cpu.json"
        command = ["mine", str(procedures / f"{name}.mp4"), "--results", str(results), "--out", str(out)]
        assert train([*command, "--name", "m", "--licence", "internal"]) == 0
        for s in read_catalog(out).samples:
            mined[s.name.removeprefix("m/")] = tuple(s.facts[k] for k in ("hard", "score", "event", "model"))  # type: ignore[assignment]
    ours = {
        s.name.removeprefix("ward-3/"): tuple(s.facts[k] for k in ("hard", "score", "event", "model"))
        for s in catalog.samples
    }
    assert ours == mined


def test_fine_tuning_takes_what_was_handed_over(procedures, tmp_path):
    answers(procedures / "one.mp4", {i: [(THERE, 0.7)] for i in range(35, 45)})
    made = hand_over([procedures / "one.mp4"], tmp_path / "hard.json", TERMS, kind="hard-examples")
    new = imported(made.file, tmp_path / "new.jsonl")
    hand_over([procedures / "two.mp4"], tmp_path / "old.json", Terms("old", "internal", "dr-7"))
    old = imported(tmp_path / "old.json", tmp_path / "old.jsonl", "--option", "every_s=0")
    from training.catalog.store import Catalog, with_split

    split = [with_split(s, "dev" if k % 5 == 0 else "train") for k, s in enumerate(old.samples)]
    data = joined_data(new, Catalog.of(old.sources.values(), split, None))
    assert len(data.split("train").samples) == made.frames
    assert np.mean([s.source == "old" for s in data.split("dev").samples]) == 1


def test_without_consent_nothing_is_written_and_nothing_is_imported(procedures, tmp_path, capsys):
    with pytest.raises(UsageError, match="Nobody has consented"):
        hand_over([procedures], tmp_path / "x.json", Terms("ward-3", "internal", " "))
    assert not (tmp_path / "x.json").exists()
    made = hand_over([procedures], tmp_path / "x.json", TERMS)
    told = load_handover(made.file)
    save_handover(made.file, told.model_copy(update={"consent": told.consent.model_copy(update={"given": False})}))
    assert train(["import", str(made.file), "--catalog", str(tmp_path / "c.jsonl")]) == 2
    assert "Nobody has consented" in capsys.readouterr().err
    assert not (tmp_path / "c.jsonl").exists()


def test_another_licence_than_the_files_own_is_refused(procedures, tmp_path, capsys):
    made = hand_over([procedures], tmp_path / "x.json", TERMS)
    assert train(["import", str(made.file), "--catalog", str(tmp_path / "c.jsonl"), "--licence", "CC BY 4.0"]) == 2
    assert "says its licence itself: internal" in capsys.readouterr().err


def test_labels_that_were_changed_since_are_not_trained_on(procedures, tmp_path, capsys):
    made = hand_over([procedures / "one.mp4"], tmp_path / "x.json", TERMS)
    file = procedures / "one.json"
    save_annotation(file, load_annotation(file).model_copy(update={"source": "changed"}))
    assert train(["import", str(made.file), "--catalog", str(tmp_path / "c.jsonl")]) == FormatError.exit_status
    assert "was changed since it was handed over" in capsys.readouterr().err


def test_what_is_not_labelled_or_not_analysed_is_said(procedures, tmp_path):
    with pytest.raises(SourceError, match="has no results"):
        hand_over([procedures / "one.mp4"], tmp_path / "x.json", TERMS, kind="hard-examples")
    (procedures / "two.json").unlink()
    made = hand_over([procedures], tmp_path / "x.json", TERMS)
    assert made.procedures == 1
    assert any("two.mp4 has no labels" in note for note in made.notes)
    with pytest.raises(OutputError, match="exists already"):
        hand_over([procedures], tmp_path / "x.json", TERMS)


def test_a_handover_of_an_unknown_schema_or_with_a_path_for_a_name_is_refused(procedures, tmp_path):
    made = hand_over([procedures], tmp_path / "x.json", TERMS)
    data = json.loads(made.file.read_text())
    (tmp_path / "y.json").write_text(json.dumps(data | {"schema": "polypwatch.handover/2"}))
    with pytest.raises(FormatError, match=r"polypwatch\.handover/2"):
        load_handover(tmp_path / "y.json")
    data["procedures"][0]["videos"][0]["labels"] = "../../etc/passwd"
    (tmp_path / "z.json").write_text(json.dumps(data))
    with pytest.raises(FormatError, match="not paths"):
        load_handover(tmp_path / "z.json")


def test_the_command_hands_over_and_says_how_to_import(procedures, tmp_path, capsys):
    out = tmp_path / "x.json"
    (tmp_path / "p.csv").write_text("procedure,patient\none,P-1\n")
    command = ["handover", str(procedures), "--out", str(out), "--name", "w", "--licence", "internal"]
    assert main([*command, "--consent-by", "dr-7", "--patients", str(tmp_path / "p.csv")]) == 0
    said = capsys.readouterr()
    assert "70 reviewed frames of 2 procedures" in said.out
    assert "of 1 procedures nobody said whose they are" in said.err
    assert [p.patient for p in load_handover(out).procedures] == ["P-1", ""]
