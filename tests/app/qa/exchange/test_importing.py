"""From real videos and back beside them: what does not fit is refused as a whole, and training reads the same boxes."""

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from app.cli import main
from app.qa.exchange.exporting import export_labels
from app.qa.exchange.importing import import_into, publish_labels, read_labels
from app.qa.exchange.results import export_results
from app.qa.exchange.results_in import import_results
from app.qa.progress import Stopped
from detector.annotation import Annotation, load_annotation, save_annotation
from detector.errors import FormatError, OutputError, SourceError, UsageError
from detector.procedure import open_procedure
from detector.results import ModelRef, read_frames
from tests.app.qa.deidentify.test_deidentify import results_of
from tests.app.qa.exchange.rig import labels, mark
from tests.detector.test_procedure import record
from tests.training.importers.clips_rig import video as write_small_video
from training.importers.context import Context, Report
from training.importers.registry import layouts
from training.samples import SourceInfo

COUNT = 30
THERE = (100.0, 10.0, 140.0, 50.0)
MARKS = {i: [mark((20.25 + i, 20.5, 80.75 + i, 60.25), 1), *([mark(THERE, 2)] if i < 4 else [])] for i in range(8)}


def labelled(path: Path, marks=MARKS, reviewed=((0, COUNT - 1),), **extra) -> Annotation:
    """A small video with labels beside it."""
    from app.qa.exchange.targets import video_facts

    write_small_video(path, COUNT)
    found = labels(marks, reviewed=reviewed, of=video_facts(path)).model_copy(update=extra)
    save_annotation(path.with_name(f"{path.stem}.annotation.json"), found)
    return found


def labels_beside(video: Path) -> Path:
    return video.with_name(f"{video.stem}.annotation.json")


def rounded(boxes) -> list[list[float]]:
    return np.round(np.asarray(boxes, np.float64).reshape(-1, 4), 2).tolist()


def by_training(layout: str, root: Path, work: Path, **options: str):
    """Boxes (rounded) by frame, as a training importer reads them: lesions, and ignored regions."""
    context = Context(SourceInfo("x", "ours", True, ""), Report(True), work, options)
    samples = list(layouts()[layout].read(root, context))
    return {int(s.name.rsplit("/")[-1]): (rounded(s.boxes), rounded(s.ignored)) for s in samples}


@pytest.mark.parametrize(
    ("form", "layout", "options"),
    [
        ("coco", "coco", {}),
        ("yolo", "yolo", {}),
        ("voc", "voc", {}),
        ("cvat", "cvat-video", {"reviewed": "yes", "every_s": "0"}),
        ("mot", "mot", {"reviewed": "yes", "every_s": "0"}),
    ],
)
def test_the_trainer_reads_the_boxes_that_were_exported(form, layout, options, tmp_path):
    marks = MARKS | {10: [mark(THERE, 2, "marginal")]}
    labelled(tmp_path / "a.mp4", marks)
    export_labels([tmp_path / "a.mp4"], form, tmp_path / "out", every=1)
    root = tmp_path / "out" / "a" if form in ("cvat", "mot") else tmp_path / "out"
    if form in ("cvat", "mot"):
        options = options | {"video": str(tmp_path / "a.mp4")}
    found = by_training(layout, root, tmp_path / "work", **options)
    expected = {i: ([], []) for i in range(COUNT)}
    for index, given in marks.items():
        boxes = rounded([m.box for m in given])
        expected[index] = ([], boxes) if index == 10 else (boxes, [])
    if form == "yolo":
        del expected[10]  # it cannot say 'marginal'
    assert found == expected


@pytest.mark.parametrize("form", ["coco", "yolo", "voc", "cvat", "mot", "csv", "parquet"])
def test_labels_come_back_beside_their_video_and_the_old_ones_are_kept(form, tmp_path):
    before = labelled(tmp_path / "a.mp4")
    export_labels([tmp_path / "a.mp4"], form, tmp_path / "out", pictures=False)
    save_annotation(labels_beside(tmp_path / "a.mp4"), before.model_copy(update={"source": "changed since"}))
    (one,) = read_labels(tmp_path / "out", [tmp_path / "a.mp4"])
    ((file, aside),) = publish_labels([one])
    assert load_annotation(file) == before
    assert aside is not None
    assert load_annotation(aside).source == "changed since"
    assert open_procedure(tmp_path / "a.mp4").annotation == before


def test_each_segment_of_a_recording_gets_its_own_labels(tmp_path):
    folder = record(tmp_path / "r", 20, wide_from=12)
    from app.qa.exchange.targets import video_facts

    for number, box in ((1, (1, 2, 30, 40)), (2, (50, 2, 90, 40))):
        path = folder / f"video-00{number}.mkv"
        made = labels({3: [mark(box)]}, reviewed=[(0, 5)], of=video_facts(path))
        save_annotation(labels_beside(path), made)
    export_labels([folder], "cvat", tmp_path / "out")
    assert sorted(p.parent.name for p in (tmp_path / "out").rglob("annotations.xml")) == ["video-001", "video-002"]
    found = read_labels(tmp_path / "out", [folder])
    assert [(i.target.segment, i.annotation.marks(3)[0].box) for i in found] == [
        (1, (1, 2, 30, 40)),
        (2, (50, 2, 90, 40)),
    ]


def boxes_csv(folder: Path, *rows: str) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / "boxes.csv"
    path.write_text("frame,lesion,x1,y1,x2,y2\n" + "".join(f"{row}\n" for row in rows))
    return path


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("99,1,1,1,20,20", "frame 99 has a box, but the video has 30 frames"),
        ("3,1,100,1,300,20", "is not inside a picture of 160x96"),
        ("3,1,20,1,10,20", "has no area"),
        ("3,1,a,1,10,20", "is not four numbers"),
        ("x,1,1,1,10,20", "no whole number"),
    ],
)
def test_what_does_not_fit_the_video_is_refused_and_nothing_is_written(row, message, tmp_path):
    before = labelled(tmp_path / "a.mp4")
    path = boxes_csv(tmp_path / "in", "2,1,10,10,50,50", row)
    with pytest.raises(FormatError, match=message):
        read_labels(path, [tmp_path / "a.mp4"])
    assert load_annotation(labels_beside(tmp_path / "a.mp4")) == before


def test_a_box_just_over_the_border_is_cut_there_and_said(tmp_path):
    labelled(tmp_path / "a.mp4")
    (one,) = read_labels(boxes_csv(tmp_path / "in", "2,1,-1.5,10,50,97"), [tmp_path / "a.mp4"])
    assert one.annotation.marks(2)[0].box == (0, 10, 50, 96)
    assert any("cut there" in note for note in one.notes)


def test_labels_of_another_video_are_refused_by_hash_by_length_and_by_size(tmp_path):
    labelled(tmp_path / "a.mp4")
    export_labels([tmp_path / "a.mp4"], "coco", tmp_path / "out", pictures=False)
    write_small_video(tmp_path / "b.mp4", 20)
    with pytest.raises(FormatError, match="which is none of these videos"):
        read_labels(tmp_path / "out", [tmp_path / "b.mp4"])
    (tmp_path / "out" / "polypwatch.json").unlink()
    with pytest.raises(FormatError, match="it is for a video of 30 frames, but this one has 20"):
        read_labels(tmp_path / "out", [tmp_path / "b.mp4"])
    path = tmp_path / "out" / "annotations" / "instances.json"
    path.write_text(path.read_text().replace('"width": 160', '"width": 320'))
    with pytest.raises(FormatError, match="pictures of 320x96, but these are 160x96"):
        read_labels(tmp_path / "out", [tmp_path / "a.mp4"])


def test_a_foreign_file_says_nothing_of_what_was_reviewed_unless_the_user_vouches(tmp_path):
    write_small_video(tmp_path / "a.mp4", COUNT)
    path = boxes_csv(tmp_path / "in", "2,7,10,10,50,50")
    (one,) = read_labels(path, [tmp_path / "a.mp4"])
    assert one.annotation.reviewed == ()
    (one,) = read_labels(path, [tmp_path / "a.mp4"], reviewer="B", reviewed=True)
    assert [(r.first, r.last, r.reviewer) for r in one.annotation.reviewed] == [(0, COUNT - 1, "B")]
    assert [x.id for x in one.annotation.lesions] == [7]


def test_if_it_is_not_clear_which_video_is_meant_nothing_is_guessed(tmp_path):
    for name in ("a", "b"):
        write_small_video(tmp_path / f"{name}.mp4", COUNT)
    with pytest.raises(UsageError, match="not clear which video 'boxes' is"):
        read_labels(boxes_csv(tmp_path / "in", "2,7,10,10,50,50"), [tmp_path / "a.mp4", tmp_path / "b.mp4"])


def test_a_damaged_side_file_and_an_unknown_schema_are_said(tmp_path):
    labelled(tmp_path / "a.mp4")
    export_labels([tmp_path / "a.mp4"], "csv", tmp_path / "out")
    side = tmp_path / "out" / "polypwatch.json"
    side.write_text(side.read_text().replace("polypwatch.exchange/1", "polypwatch.exchange/2"))
    with pytest.raises(FormatError, match=r"polypwatch\.exchange/2"):
        read_labels(tmp_path / "out", [tmp_path / "a.mp4"])
    side.write_text("{")
    with pytest.raises(FormatError, match="cannot be read"):
        read_labels(tmp_path / "out", [tmp_path / "a.mp4"])


def test_an_export_goes_into_a_new_folder_as_a_whole_or_not_at_all(tmp_path):
    labelled(tmp_path / "a.mp4")
    with pytest.raises(Stopped):
        export_labels([tmp_path / "a.mp4"], "yolo", tmp_path / "out", stop=lambda: True)
    assert [p.name for p in tmp_path.iterdir() if p.is_dir()] == []
    export_labels([tmp_path / "a.mp4"], "yolo", tmp_path / "out")
    with pytest.raises(OutputError, match="holds something already"):
        export_labels([tmp_path / "a.mp4"], "csv", tmp_path / "out")
    shutil.rmtree(tmp_path / "out")
    labels_beside(tmp_path / "a.mp4").unlink()
    with pytest.raises(SourceError, match="None of these procedures has labels"):
        export_labels([tmp_path / "a.mp4"], "csv", tmp_path / "out")


def test_the_command_exports_and_imports(tmp_path, capsys):
    before = labelled(tmp_path / "a.mp4")
    video, out = str(tmp_path / "a.mp4"), str(tmp_path / "out")
    assert main(["labels", "export", video, "--format", "cvat", "--out", out]) == 0
    assert "12 boxes of 1 videos as cvat" in capsys.readouterr().out
    labels_beside(tmp_path / "a.mp4").unlink()
    assert main(["labels", "import", out, "--to", video, "--dry-run"]) == 0
    assert not labels_beside(tmp_path / "a.mp4").exists()
    assert main(["labels", "import", out, "--to", video]) == 0
    assert "12 boxes of 2 lesions from cvat, written" in capsys.readouterr().out
    assert load_annotation(labels_beside(tmp_path / "a.mp4")) == before
    assert main(["labels", "import", str(tmp_path / "nothing"), "--to", video]) == 3
    assert "does not exist" in capsys.readouterr().err


def test_an_import_becomes_one_edit_of_a_review_that_can_be_undone(tmp_path):
    from app.qa.checking import settle
    from app.qa.opened import open_for_review
    from app.qa.review import ReviewSession

    write_small_video(tmp_path / "a.mp4", COUNT)
    opened = settle(open_for_review(tmp_path / "a.mp4", tmp_path / "cache"), tmp_path / "cache")
    path = boxes_csv(tmp_path / "in", "2,7,10,10,50,50", "3,7,12,10,52,50")
    session = ReviewSession.open(opened, "reader B")
    try:
        notes = import_into(session, opened, path, reviewed=True)
        assert [len(session.document.marks_at(i)) for i in range(5)] == [0, 0, 1, 1, 0]
        assert session.document.is_reviewed(20)
        assert any("as you said" in note for note in notes)
        session.undo()
        assert session.document.marks_at(2) == ()
    finally:
        session.close()


def test_results_go_out_with_scores_and_with_what_failed(tmp_path):
    results_of(tmp_path / "r.json", "a.mp4", 10)
    for form in ("csv", "parquet", "coco", "mot"):
        made = export_results([tmp_path / "r.json"], form, tmp_path / form)
        assert made.boxes == 1
        assert any("1 frames were not analysed" in note for note in made.notes)
    assert "a.mp4,3,0.1,20.0,30.0,60.0,70.0,0.9,polyp,1" in (tmp_path / "csv" / "boxes.csv").read_text()
    assert "a.mp4,7,0.233" in (tmp_path / "csv" / "frames.csv").read_text()
    (row,) = json.loads((tmp_path / "coco" / "results.json").read_text())
    assert (row["bbox"], row["score"]) == ([20.0, 30.0, 40.0, 40.0], 0.9)
    with pytest.raises(UsageError, match="cannot hold scores"):
        export_results([tmp_path / "r.json"], "yolo", tmp_path / "y")


@pytest.mark.parametrize("form", ["csv", "parquet", "coco", "mot"])
def test_a_models_boxes_come_back_as_results_and_what_was_not_analysed_never_looks_empty(form, tmp_path):
    write_small_video(tmp_path / "a.mp4", COUNT)
    results_of(tmp_path / "r.json", "a.mp4", 10)
    export_results([tmp_path / "r.json"], form, tmp_path / form)
    model = ModelRef(name="theirs", version="3", variant="foreign", sha256="0" * 64)
    out, notes = import_results(tmp_path / form, tmp_path / "a.mp4", model, 0.4, form=form)
    rows = list(read_frames(out))
    assert out.name == "a.analysis-theirs-3-foreign.json"
    assert [(r.index, b.box, b.score) for r in rows for b in r.detections] == [(3, (20, 30, 60, 70), 0.9)]
    if form == "mot":  # which has no list of frames
        assert [r.index for r in rows] == [3]
        assert any("not analysed" in note for note in notes)
    else:
        assert [r.index for r in rows] == list(range(10))
        assert [r.status for r in rows].index("failed") == 7
    assert open_procedure(tmp_path / "a.mp4").results == (out,)
    with pytest.raises(OutputError, match="exists already"):
        import_results(tmp_path / form, tmp_path / "a.mp4", model, 0.4, form=form)


def test_a_models_boxes_of_another_video_are_refused(tmp_path, capsys):
    write_small_video(tmp_path / "a.mp4", COUNT)
    path = tmp_path / "boxes.csv"
    for row, message in (("99,1,1,9,9,.5", "has frame 99"), ("3,1,1,900,9,.5", "not inside"), ("3,1,1,9,9,7", "score")):
        path.write_text(f"frame,x1,y1,x2,y2,score\n{row}\n")
        command = [
            "labels",
            "import",
            str(path),
            "--to",
            str(tmp_path / "a.mp4"),
            "--results",
            "m",
            "--threshold",
            ".5",
        ]
        assert main(command) == FormatError.exit_status, message
    assert list(tmp_path.glob("*.json*")) == []


def test_a_foreign_yolo_set_with_names_of_its_own_and_polygons_is_read_and_its_assumptions_said(tmp_path):
    write_small_video(tmp_path / "a.mp4", COUNT)
    folder = tmp_path / "set" / "labels" / "a"
    folder.mkdir(parents=True)
    (tmp_path / "set" / "data.yaml").write_text("names: [adenoma, hyperplastic]\ntrain: images\n")
    (folder / "frame_0002.txt").write_text("0 0.5 0.5 0.25 0.5\n1 0.1 0.1 0.3 0.1 0.3 0.4\n")
    (folder / "frame_0003.txt").write_text("")
    (one,) = read_labels(tmp_path / "set", [tmp_path / "a.mp4"], reviewer="B", reviewed=True)
    assert [m.box for m in one.annotation.marks(2)] == [(60, 24, 100, 72), (16, 9.6, 48, 38.4)]
    assert [(r.first, r.last) for r in one.annotation.reviewed] == [(2, 3)]
    assert any("adenoma, hyperplastic" in note for note in one.notes)


def test_without_pyarrow_parquet_says_what_to_install_and_leaves_nothing(tmp_path, monkeypatch):
    labelled(tmp_path / "a.mp4")
    for name in ("pyarrow", "pyarrow.parquet"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(UsageError, match=r"pip install 'pyarrow>=17'"):
        export_labels([tmp_path / "a.mp4"], "parquet", tmp_path / "out")
    assert not (tmp_path / "out").exists()
