"""What goes out in any format comes back the same, and what another tool changed comes back changed."""

import csv
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.qa.exchange.formats import FORMATS, guess_format
from app.qa.exchange.model import Item, Job
from tests.app.qa.exchange.rig import annotations, labels, mark, out_and_back, video

NAMES = list(FORMATS)
SLOW = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
HERE, THERE = (20.25, 20.5, 80.75, 60.125), (100.0, 10.0, 140.0, 50.0)


@pytest.mark.parametrize("form", NAMES)
@SLOW
@given(st.data())
def test_our_own_export_comes_back_without_any_loss(form, data):
    one, other = data.draw(annotations()), data.draw(annotations(digest="b" * 64))
    items = [Item("p1/video-001", Path("a.mp4"), one), Item("q", Path("b.mp4"), other)]
    found = out_and_back(form, items)
    for item in items:
        if item.key in found:  # a format may have nothing to say of a video without a box
            assert found[item.key][0] == item.annotation


@pytest.mark.parametrize("form", NAMES)
def test_without_the_side_file_boxes_and_what_the_format_can_say_are_there(form):
    marks = {i: [mark(HERE, 1), mark(THERE, 4, "marginal" if i < 5 else "clear")] for i in range(0, 10)}
    given_ = labels(marks)
    found, notes = out_and_back(form, [Item("q", Path("a.mp4"), given_)], side=False)["q"]
    boxes = {(f.index, tuple(round(v, 2) for v in m.box)) for f in found.frames for m in f.marks}
    kept = range(5, 10) if form == "yolo" else range(10)  # YOLO cannot say 'marginal': those frames stay out
    assert boxes == {(i, tuple(round(v, 2) for v in m.box)) for i in kept for m in marks[i]}
    assert found.reviewed == ()
    assert any("nobody says which frames were looked at" in note for note in notes)
    if form != "yolo":
        states = {(f.index, m.lesion): m.state for f in found.frames for m in f.marks}
        assert [states[i, 4] for i in (0, 4, 5, 9)] == ["marginal", "marginal", "clear", "clear"]
    assert len(found.lesions) == 2


@pytest.mark.parametrize("form", NAMES)
def test_a_format_knows_its_own_exports(form, tmp_path):
    item = Item("q", Path("a.mp4"), labels({3: [mark(HERE)]}))
    FORMATS[form].write([item], Job(tmp_path, pictures=False))
    assert guess_format(tmp_path).name == form


def test_a_box_that_was_moved_a_lesion_that_was_added_and_one_that_was_removed_come_back_so(tmp_path):
    given_ = labels({3: [mark(HERE, 1, visibility=0.5), mark(THERE, 2)], 4: [mark(HERE, 1)]})
    item = Item("q", Path("a.mp4"), given_)
    FORMATS["csv"].write([item], Job(tmp_path))
    path = tmp_path / "boxes.csv"
    rows = list(csv.DictReader(path.read_text().splitlines()))
    rows[0]["x1"] = "24"
    rows[1] = rows[1] | {"frame": "9", "lesion": ""}  # that of lesion 2 goes, and an unnamed one comes
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    from app.qa.exchange.joining import Rule, to_annotation

    (read,) = FORMATS["csv"].read(tmp_path, lambda _: None)
    found, notes = to_annotation(read, video(), Rule("import"), given_)
    assert found.marks(3) == (mark((24, *HERE[1:]), 1, visibility=0.5),)
    assert found.marks(4) == given_.marks(4)
    assert [m.lesion for m in found.marks(9)] == [3]
    assert found.reviewed == given_.reviewed
    assert any("joined" in note for note in notes)


def test_frames_that_were_not_exported_keep_their_labels(tmp_path):
    given_ = labels({3: [mark(HERE)], 20: [mark(THERE)]}, reviewed=[(0, 10)])
    assert out_and_back("yolo", [Item("q", Path("a.mp4"), given_)])["q"][0] == given_


def test_a_foreign_file_without_lesion_ids_gets_lesions_by_overlap():
    marks = {i: [mark((10 + i, 10, 40 + i, 40)), mark(THERE, 2)] for i in range(0, 20)}
    found, notes = out_and_back("yolo", [Item("q", Path("a.mp4"), labels(marks))], side=False)["q"]
    assert {m.lesion for f in found.frames for m in f.marks} == {1, 2}
    assert len({m.lesion for f in found.frames for m in f.marks if m.box[0] > 90}) == 1
    assert any("2 lesions" in note for note in notes)


def test_cvat_gets_few_key_frames_where_boxes_move_evenly(tmp_path):
    marks = {i: [mark((10 + i, 10, 40 + i, 40))] for i in range(30)}
    FORMATS["cvat"].write([Item("q", Path("a.mp4"), labels(marks))], Job(tmp_path))
    text = (tmp_path / "q" / "annotations.xml").read_text()
    assert text.count('keyframe="1"') == 3  # both ends, and where it is gone
    assert text.count('outside="1"') == 1


def test_cocos_marginal_boxes_are_crowds_and_attributes_stand_in_fields_of_its_own(tmp_path):
    marks = {3: [mark(HERE, 1, "marginal")]}
    FORMATS["coco"].write([Item("q", Path("a.mp4"), labels(marks))], Job(tmp_path, every=10, pictures=False))
    data = json.loads((tmp_path / "annotations" / "instances.json").read_text())
    (row,) = data["annotations"]
    assert (row["iscrowd"], row["track_id"], row["state"]) == (1, 1, "marginal")
    assert [i["frame_id"] for i in data["images"]] == [0, 3, 10, 20, 30]


def test_yolo_says_what_it_leaves_out(tmp_path):
    marks = {3: [mark(HERE, 1, "marginal")], 4: [mark(HERE)]}
    notes = FORMATS["yolo"].write([Item("q", Path("a.mp4"), labels(marks))], Job(tmp_path, every=40, pictures=False))
    assert [p.name for p in sorted((tmp_path / "labels" / "q").iterdir())] == ["000000.txt", "000004.txt"]
    assert notes == ["1 frames with a marginal lesion were left out: YOLO can only say 'polyp' or 'no polyp'"]


def test_cocos_own_reader_reads_what_we_write(tmp_path, capsys):
    from pycocotools.coco import COCO

    marks = {3: [mark(HERE, 1), mark(THERE, 2, "marginal")]}
    FORMATS["coco"].write([Item("q", Path("a.mp4"), labels(marks))], Job(tmp_path, every=10, pictures=False))
    coco = COCO(str(tmp_path / "annotations" / "instances.json"))
    assert len(coco.getImgIds()) == 5
    (polyp,) = coco.loadAnns(coco.getAnnIds(iscrowd=False))
    assert polyp["bbox"] == [20.25, 20.5, 60.5, 39.625]
    assert [a["track_id"] for a in coco.loadAnns(coco.getAnnIds(iscrowd=True))] == [2]
