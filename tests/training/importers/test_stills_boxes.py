"""Label files of boxes: Kvasir's JSON, COCO, YOLO, Pascal VOC, REAL-Colon, SUN and LDPolypVideo."""

import json

import pytest

from detector.errors import FormatError, SourceError, UsageError
from tests.training.importers.stills import (
    by_name,
    coco_set,
    kvasir_json_set,
    ld_set,
    mask,
    picture,
    read,
    real_colon_set,
    sun_set,
    thing,
    voc,
    voc_set,
    write,
    yolo_set,
)
from training.importers.registry import find_layout


def problems(report):
    return [(p.file, p.kind) for p in report.problems]


def test_kvasir_json_gives_its_boxes(tmp_path):
    (sample,) = read("kvasir-json", kvasir_json_set(tmp_path))[0]
    assert sample.boxes.tolist() == [[3, 4, 33, 24]]
    assert sample.classes == ("polyp",)
    assert find_layout(tmp_path / "kavsir_bboxes.json", None).name == "kvasir-json"


def test_masks_are_read_rather_than_kvasirs_boxes(tmp_path):
    kvasir_json_set(tmp_path)
    mask(tmp_path / "masks" / "a.jpg", (3, 4, 33, 24))
    assert find_layout(tmp_path, None).name == "masks"


def test_bad_records_of_kvasir_json_are_reported(tmp_path):
    kvasir_json_set(tmp_path)
    for stem in "bcde":
        picture(tmp_path / "images" / f"{stem}.jpg", seed=ord(stem))
    box = {"label": "polyp", "xmin": 3, "ymin": 4, "xmax": 33, "ymax": 24}
    write(
        tmp_path / "kavsir_bboxes.json",
        json.dumps(
            {
                "a": {"height": 48, "width": 64, "bbox": []},
                "b": {"height": 480, "width": 640, "bbox": [box]},
                "c": {"height": 48, "width": 64},
                "d": {"height": 48, "width": 64, "bbox": [box | {"xmax": "wide"}]},
                "ghost": {"height": 48, "width": 64, "bbox": [box]},
            }
        ),
    )
    samples, report = read("kvasir-json", tmp_path)
    found = by_name(samples)
    assert found["a"].negative
    assert not found["e"].known
    assert sorted(found) == ["a", "e"]
    assert [p.kind for p in report.problems] == ["other size", "broken record", "not a number", "missing image"]
    assert report.problems[0].reason.startswith("b: ")


def coco(root, images, annotations, name="labels.json", **more):
    data = {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "polyp"}]} | more
    return write(root / name, json.dumps(data))


def entry(number, name, **more):
    return {"id": number, "file_name": name, "width": 64, "height": 48} | more


def test_coco_boxes_negatives_classes_and_official_split(tmp_path):
    found = by_name(read("coco", coco_set(tmp_path))[0])
    a, b = found["a"], found["b"]
    assert a.boxes.tolist() == [[10, 12, 30, 20]]
    assert (a.classes, a.official, a.facts) == (("polyp",), "train", {"supercategory": "lesion"})
    assert b.negative


def test_a_listed_image_is_a_negative_and_one_that_is_not_listed_is_left_out(tmp_path):
    picture(tmp_path / "images" / "a.jpg")
    picture(tmp_path / "images" / "other.jpg", seed=1)
    path = coco(tmp_path, [entry(1, "a.jpg")], [])
    samples, report = read("coco", path)
    assert [s.negative for s in samples] == [True]
    assert report.notes == ["1 image files in images are not listed: nothing is known of them, they are left out"]


def test_splits_in_one_folder_of_images_are_read_together(tmp_path):
    for stem in "abc":
        picture(tmp_path / "images" / f"{stem}.jpg", seed=ord(stem))
    for name, stem in (("train", "a"), ("val", "b"), ("test", "c")):
        coco(tmp_path / "annotations", [entry(1, f"{stem}.jpg")], [], name=f"instances_{name}.json")
    samples, report = read("coco", tmp_path)
    assert [s.official for s in samples] == ["train", "val", "test"]
    assert report.notes == []


def test_crowds_are_ignored_and_polygons_give_outlines(tmp_path):
    picture(tmp_path / "a.jpg")
    diamond = [10, 20, 20, 10, 30, 20, 20, 30]
    rows = [
        {"id": 1, "image_id": 1, "category_id": 1, "bbox": [10, 10, 20, 20], "segmentation": [diamond]},
        {
            "id": 2,
            "image_id": 1,
            "category_id": 1,
            "bbox": [40, 5, 9, 9],
            "iscrowd": 1,
            "segmentation": {"counts": [1]},
        },
        {"id": 3, "image_id": 1, "category_id": 1, "bbox": [40, 30, 9, 9], "segmentation": {"counts": "xyz"}},
    ]
    (sample,) = read("coco", coco(tmp_path, [entry(1, "a.jpg")], rows))[0]
    assert sample.boxes.tolist() == [[10, 10, 30, 30], [40, 30, 49, 39]]
    assert sorted(map(tuple, sample.outlines[0].tolist())) == [(10, 20), (20, 10), (20, 30), (30, 20)]
    assert len(sample.outlines[1]) == 4
    assert sample.ignored.tolist() == [[40, 5, 49, 14]]


def test_extensions_for_video_are_kept(tmp_path):
    for i in (0, 5):
        picture(tmp_path / "v" / f"{i}.jpg", seed=i)
    images = [entry(i + 1, f"v/{i}.jpg", video_id=3, frame_id=i, patient_id="P7") for i in (0, 5)]
    rows = [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 1, 8, 8], "instance_id": 12}]
    found = by_name(read("coco", coco(tmp_path, images, rows, videos=[{"id": 3, "name": "exam-3"}]))[0])
    assert (found["v/0"].sequence, found["v/0"].order, found["v/0"].lesions) == ("exam-3", 0, ("12",))
    assert (found["v/5"].sequence, found["v/5"].order, found["v/5"].patient) == ("exam-3", 5, "P7")


def test_classes_of_coco_are_said_and_can_be_chosen(tmp_path):
    picture(tmp_path / "a.jpg")
    kinds = [{"id": 1, "name": "adenoma", "supercategory": "polyp"}, {"id": 2, "name": "snare"}]
    rows = [{"id": i, "image_id": 1, "category_id": i, "bbox": [i, 1, 8, 8]} for i in (1, 2)]
    path = coco(tmp_path, [entry(1, "a.jpg")], rows, categories=kinds)
    samples, report = read("coco", path)
    assert samples[0].classes == ("adenoma", "snare")
    assert report.notes == ["boxes of 2 classes were all taken as polyps: adenoma (1), snare (1); see --option classes"]
    samples, report = read("coco", path, classes="Polyp")
    assert samples[0].classes == ("adenoma",)
    assert report.notes == ["1 boxes of class 'snare' were left out: not among --option classes"]


def test_bad_records_of_coco_are_reported(tmp_path):
    for stem in "abc":
        picture(tmp_path / f"{stem}.jpg", seed=ord(stem))
    images = [
        entry(1, "a.jpg"),
        entry(2, "b.jpg", width=640),
        entry(3, "ghost.jpg"),
        entry(4, "c.jpg"),
        entry(4, "d.jpg"),
        {"id": 5},
    ]
    rows = [
        {"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 1, 8]},
        {"id": 2, "image_id": 99, "category_id": 1, "bbox": [1, 1, 8, 8]},
        {"id": 3, "image_id": 4, "category_id": 9, "bbox": [1, 1, 8, 8]},
    ]
    samples, report = read("coco", coco(tmp_path, images, rows))
    assert samples == []
    assert report.counts() == {"missing image": 2, "broken record": 3, "not a number": 1, "other size": 1}
    with pytest.raises(FormatError, match=r"labels\.json: Annotation 2 is for image 99"):
        read("coco", tmp_path / "labels.json", strict=True)


def test_a_json_that_is_not_coco_is_an_error(tmp_path):
    with pytest.raises(FormatError, match="no list 'images'"):
        read("coco", write(tmp_path / "a.json", "[1]"))
    assert find_layout(coco_set(tmp_path / "s") / "annotations" / "instances_train2017.json", None).name == "coco"


def test_yolo_boxes_are_shares_of_the_image(tmp_path):
    samples, report = read("yolo", yolo_set(tmp_path))
    found = by_name(samples)
    assert found["train/a"].boxes.tolist() == [[24, 12, 40, 36]]
    assert (found["train/a"].classes, found["train/a"].official) == (("polyp",), "train")
    assert found["train/b"].negative
    assert (found["val/c"].known, found["val/c"].official) == (False, "val")
    assert len(report.notes) == 1


def test_yolos_own_rule_for_images_without_label_is_asked_for(tmp_path):
    found = by_name(read("yolo", yolo_set(tmp_path), unlabelled="no-polyp")[0])
    assert found["val/c"].negative


def test_yolo_polygons_give_tight_boxes_and_outlines(tmp_path):
    yolo_set(tmp_path)
    write(tmp_path / "labels" / "train" / "a.txt", "0 0.25 0.25 0.5 0.25 0.375 0.75\n")
    sample = by_name(read("yolo", tmp_path)[0])["train/a"]
    assert sample.boxes.tolist() == [[16, 12, 32, 36]]
    assert len(sample.outlines[0]) == 3


@pytest.mark.parametrize("names", ["[polyp]", "{0: polyp}", "\n  - polyp"])
def test_yolo_names_may_be_a_list_or_a_mapping(tmp_path, names):
    yolo_set(tmp_path)
    write(tmp_path / "data.yaml", f"train: images/train\nval: images/val\nnames: {names}\n")
    assert by_name(read("yolo", tmp_path)[0])["train/a"].classes == ("polyp",)


def test_yolo_lists_of_images_and_roboflows_paths_are_followed(tmp_path):
    yolo_set(tmp_path)
    write(tmp_path / "lists" / "train.txt", "./../images/train/a.jpg\n")
    write(tmp_path / "data.yaml", "train: lists/train.txt\nval: ../images/val\nnames: [polyp]\n")
    assert sorted(by_name(read("yolo", tmp_path)[0])) == ["train/a", "val/c"]


def test_an_image_in_two_yolo_splits_counts_to_the_first(tmp_path):
    yolo_set(tmp_path)
    write(tmp_path / "data.yaml", "train: images/train\nval: images/val\ntest: images/val\nnames: [polyp]\n")
    samples, report = read("yolo", tmp_path)
    assert by_name(samples)["val/c"].official == "val"
    assert any("two of train, val and test" in note for note in report.notes)


def test_yolo_without_a_data_file_reads_images_and_labels(tmp_path):
    yolo_set(tmp_path)
    (tmp_path / "data.yaml").unlink()
    assert find_layout(tmp_path, None).name == "yolo"
    sample = by_name(read("yolo", tmp_path)[0])["train/a"]
    assert (sample.classes, sample.official) == (("0",), "")


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("polyp 0.5 0.5 0.1 0.1", "broken line"),
        ("² 0.5 0.5 0.1 0.1", "broken line"),
        ("3 0.5 0.5 0.1 0.1", "broken line"),
        ("0 0.5 0.5 0.1", "broken line"),
        ("0 0.5 0.5 0.1 0.1 0.9", "broken line"),
        ("0 0.5 0.5 nan 0.1", "not a number"),
        ("0 0.5 0.5 0.1 0", "empty box"),
        ("0 24 12 40 36", "box outside"),
    ],
)
def test_bad_lines_of_yolo_are_reported(tmp_path, line, kind):
    yolo_set(tmp_path)
    write(tmp_path / "labels" / "train" / "a.txt", f"0 0.5 0.5 0.25 0.5\n{line}\n")
    samples, report = read("yolo", tmp_path)
    assert problems(report) == [("labels/train/a.txt", kind)]
    assert sorted(by_name(samples)) == ["train/b", "val/c"]


def test_stray_labels_missing_folders_and_odd_yaml_are_said(tmp_path):
    yolo_set(tmp_path)
    write(tmp_path / "labels" / "train" / "ghost.txt", "")
    assert problems(read("yolo", tmp_path)[1]) == [("labels/train/ghost.txt", "missing image")]
    write(tmp_path / "data.yaml", "train: nowhere\nnames: [polyp]\n")
    with pytest.raises(SourceError, match="names nowhere, which is not there"):
        read("yolo", tmp_path)
    write(tmp_path / "data.yaml", "train: images/train\nnames: polyp\n")
    with pytest.raises(FormatError, match="neither a list nor a mapping"):
        read("yolo", tmp_path)
    write(tmp_path / "data.yaml", "train: !!python/object/apply:os.system ['true']\nnames: [polyp]\n")
    with pytest.raises(FormatError, match="is not YAML"):
        read("yolo", tmp_path)


def test_voc_counts_from_one_and_includes_the_last_pixel(tmp_path):
    (sample,) = read("voc", voc_set(tmp_path))[0]
    assert sample.boxes.tolist() == [[10, 12, 30, 20]]
    write(tmp_path / "Annotations" / "a.xml", voc(thing(1, 1, 64, 48)))
    samples, report = read("voc", tmp_path)
    assert samples[0].boxes.tolist() == [[0, 0, 64, 48]]
    assert report.notes == []


def test_zero_based_voc_is_taken_as_written_and_suspected_where_it_is_not_said(tmp_path):
    voc_set(tmp_path)
    write(tmp_path / "Annotations" / "a.xml", voc(thing(0, 12, 30, 20)))
    (sample,), report = read("voc", tmp_path, zero_based="yes")
    assert sample.boxes.tolist() == [[0, 12, 30, 20]]
    assert report.notes == []
    assert any("zero_based=yes" in note for note in read("voc", tmp_path)[1].notes)
    with pytest.raises(UsageError, match="zero_based=maybe"):
        read("voc", tmp_path, zero_based="maybe")


def test_difficult_objects_of_voc_are_ignored_regions(tmp_path):
    voc_set(tmp_path)
    write(tmp_path / "Annotations" / "a.xml", voc(thing(11, 13, 30, 20, extra="<difficult>1</difficult>")))
    (sample,) = read("voc", tmp_path)[0]
    assert sample.ignored.tolist() == [[10, 12, 30, 20]]
    assert not sample.negative


def test_voc_images_without_file_are_unknown_and_image_sets_are_official(tmp_path):
    voc_set(tmp_path)
    for stem in "bc":
        picture(tmp_path / "JPEGImages" / f"{stem}.jpg", seed=ord(stem))
    write(tmp_path / "Annotations" / "b.xml", voc())
    write(tmp_path / "ImageSets" / "Main" / "train.txt", "a\nb  -1\n")
    write(tmp_path / "ImageSets" / "Main" / "val.txt", "c\n")
    found = by_name(read("voc", tmp_path)[0])
    assert {n: (s.known, s.negative, s.official) for n, s in found.items()} == {
        "a": (True, False, "train"),
        "b": (True, True, "train"),
        "c": (False, False, "val"),
    }


def test_parts_of_a_voc_set_with_a_folder_for_each_video_are_read(tmp_path):
    for part, video in (("train2019", "1"), ("test2019", "1")):
        picture(tmp_path / part / "Image" / video / "1.jpg", seed=len(part))
        write(tmp_path / part / "Annotation" / video / "1.xml", voc(thing(11, 13, 30, 20, "adenomatous")))
    found = by_name(read("voc", tmp_path, sequence="folder")[0])
    assert {n: (s.official, s.sequence) for n, s in found.items()} == {
        "test2019/1/1": ("test", "test2019/1"),
        "train2019/1/1": ("train", "train2019/1"),
    }


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("<annotation>", "broken xml"),
        ("<annotations/>", "broken xml"),
        ("<!DOCTYPE annotation [<!ENTITY a 'b'>]><annotation/>", "broken xml"),
        (voc("<object><name>polyp</name></object>"), "broken xml"),
        (voc(thing("x", 1, 9, 9)), "not a number"),
        (voc(thing(1, 1, 100, 9)), "box outside"),
        (voc(thing(9, 9, 1, 1)), "empty box"),
        (voc(size=(640, 480)), "other size"),
    ],
)
def test_bad_voc_files_are_reported(tmp_path, text, kind):
    voc_set(tmp_path)
    write(tmp_path / "Annotations" / "a.xml", text)
    samples, report = read("voc", tmp_path)
    assert samples == []
    assert problems(report) == [("Annotations/a.xml", kind)]


def test_a_voc_file_without_image_is_reported(tmp_path):
    voc_set(tmp_path)
    write(tmp_path / "Annotations" / "ghost.xml", voc())
    assert problems(read("voc", tmp_path)[1]) == [("Annotations/ghost.xml", "missing image")]


def test_real_colon_keeps_centre_patient_order_time_and_lesion(tmp_path):
    found = by_name(read("real-colon", real_colon_set(tmp_path))[0])
    frame = found["002-001/002-001_10"]
    assert frame.boxes.tolist() == [[10, 12, 30, 20]]
    assert (frame.centre, frame.patient, frame.sequence) == ("002", "002-001", "002-001")
    assert (frame.order, frame.time_s, frame.lesions) == (10, 0.4, ("002-001_1",))
    assert frame.facts["histology"] == "002-001_1: AD"
    assert frame.facts["size_mm"] == "002-001_1: 4"
    assert frame.facts["endoscope_brand"] == "Fuji"


def test_a_real_colon_frame_without_object_has_no_removed_lesion_and_says_so(tmp_path):
    found = by_name(read("real-colon", real_colon_set(tmp_path))[0])
    frame = found["002-001/002-001_9"]
    assert frame.negative
    assert frame.facts["no_polyp_means"] == "no removed lesion"
    assert "histology" not in frame.facts


def test_real_colon_frames_without_label_are_unknown_and_its_tables_may_be_missing(tmp_path):
    real_colon_set(tmp_path)
    (tmp_path / "002-001_annotations" / "002-001_9.xml").unlink()
    write(tmp_path / "002-001_annotations" / "002-001_11.xml", voc())
    for name in ("video_info.csv", "lesion_info.csv"):
        (tmp_path / name).unlink()
    samples, report = read("real-colon", tmp_path)
    found = by_name(samples)
    assert not found["002-001/002-001_9"].known
    assert found["002-001/002-001_10"].time_s is None
    assert problems(report) == [("002-001_annotations/002-001_11.xml", "missing image")]
    assert len(report.notes) == 3


def test_real_colon_can_be_thinned_without_losing_a_lesion(tmp_path):
    real_colon_set(tmp_path)
    samples, report = read("real-colon", tmp_path, every="5")
    assert [s.order for s in samples] == [10]
    assert report.notes == ["1 frames without a removed lesion were left out (--option every=5)"]
    with pytest.raises(UsageError, match="every=0"):
        read("real-colon", tmp_path, every="0")


def test_in_the_sun_database_class_one_means_no_polyp(tmp_path):
    found = by_name(read("sun", sun_set(tmp_path))[0])
    base = "sundatabase_positive_part1/case3/f_image"
    polyp, none, unlabelled = (found[f"{base}{i}"] for i in (1, 2, 10))
    assert polyp.boxes.tolist() == [[10, 12, 30, 20]]
    assert (polyp.sequence, polyp.order, polyp.lesions) == ("case3", 0, ("case3",))
    assert (none.negative, none.order) == (True, 1)
    assert (unlabelled.known, unlabelled.order) == (False, 2)


def test_a_negative_case_of_sun_is_another_sequence_than_the_positive_of_its_name(tmp_path):
    sample = by_name(read("sun", sun_set(tmp_path))[0])["sundatabase_negative_part1/case3/n_image1"]
    assert sample.negative
    assert sample.sequence == "negative-case3"


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("f_image10.jpg 10,12,30,20", "broken line"),
        ("f_image10.jpg 10,12,30,20,2", "broken line"),
        ("f_image10.jpg", "broken line"),
        ("f_image1.jpg 0,0,1,1,1", "broken line"),
        ("f_image10.jpg 10,12,wide,20,0", "not a number"),
        ("ghost.jpg 10,12,30,20,0", "missing image"),
    ],
)
def test_bad_lines_of_sun_are_reported(tmp_path, line, kind):
    sun_set(tmp_path)
    path = tmp_path / "sundatabase_positive_part1" / "annotation_txt" / "case3.txt"
    write(path, path.read_text() + line + "\n")
    assert problems(read("sun", tmp_path)[1]) == [("sundatabase_positive_part1/annotation_txt/case3.txt", kind)]


def test_several_boxes_of_one_sun_frame_are_kept(tmp_path):
    sun_set(tmp_path)
    path = tmp_path / "sundatabase_positive_part1" / "annotation_txt" / "case3.txt"
    write(path, "f_image1.jpg 10, 12, 30, 20, 0\nf_image1.jpg 40,12,50,20,0 1,1,5,5,0\n")
    sample = by_name(read("sun", tmp_path)[0])["sundatabase_positive_part1/case3/f_image1"]
    assert sample.boxes.tolist() == [[10, 12, 30, 20], [40, 12, 50, 20], [1, 1, 5, 5]]


def test_ldpolypvideo_gives_boxes_negatives_sequence_and_split(tmp_path):
    found = by_name(read("ldpolypvideo", ld_set(tmp_path))[0])
    first, second = found["TrainValid/7/0001"], found["TrainValid/7/0002"]
    assert first.boxes.tolist() == [[10, 12, 30, 20], [1, 2, 9, 9]]
    assert (first.sequence, first.order, first.official) == ("TrainValid/7", 0, "train")
    assert (second.negative, second.order) == (True, 1)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("", "broken line"),
        ("2\n1 2 9 9\n", "broken line"),
        ("1\n1 2 9\n", "broken line"),
        ("1 2 9 9\n", "broken line"),
        ("1\n1 2 nine 9\n", "not a number"),
    ],
)
def test_bad_files_of_ldpolypvideo_are_reported(tmp_path, text, kind):
    ld_set(tmp_path)
    write(tmp_path / "TrainValid" / "Annotations" / "7" / "0002.txt", text)
    samples, report = read("ldpolypvideo", tmp_path)
    assert problems(report) == [("TrainValid/Annotations/7/0002.txt", kind)]
    assert sorted(by_name(samples)) == ["TrainValid/7/0001"]


def test_missing_labels_and_frames_of_ldpolypvideo_are_told_apart(tmp_path):
    ld_set(tmp_path)
    (tmp_path / "TrainValid" / "Annotations" / "7" / "0002.txt").rename(
        tmp_path / "TrainValid" / "Annotations" / "7" / "0003.txt"
    )
    samples, report = read("ldpolypvideo", tmp_path)
    assert not by_name(samples)["TrainValid/7/0002"].known
    assert problems(report) == [("TrainValid/Annotations/7/0003.txt", "missing image")]
