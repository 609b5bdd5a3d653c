"""Against the documented layout of FiftyOne's `LegacyFiftyOneDataset`; FiftyOne itself needs a database server."""

import json
import os

import numpy as np
import pytest

from detector.errors import UsageError
from detector.geometry import Size, as_boxes
from detector.scoring import Answer
from training.catalog import Catalog
from training.feedback.fiftyone import export_fiftyone
from training.samples import Sample, SourceInfo, corners

FIELDS = {"patient": "P1", "sequence": "op1", "order": 4, "time_s": 0.5}


def sample(name, boxes=(), **fields):
    found = as_boxes(list(boxes))
    return Sample(f"ward/{name}", f"images/{name}.png", "ward", Size(200, 100), found, corners(found), **fields)


@pytest.fixture
def catalog():
    samples = [
        sample(
            "a", [(20, 10, 60, 60)], lesions=("3",), split="train", patient="P1", sequence="op1", order=4, time_s=0.5
        ),
        sample("b", split="test:own", facts={"hard": "miss"}),
        sample("c", known=False),
        sample("d", ignored=as_boxes([(0, 0, 100, 50)])),
    ]
    return Catalog.of([SourceInfo("ward", "internal", False, "")], samples)


def exported(catalog, folder, *args):
    export_fiftyone(catalog, folder, *args)
    rows = json.loads((folder / "samples.json").read_text())["samples"]
    return json.loads((folder / "metadata.json").read_text()), {r["sample_name"]: r for r in rows}


def test_boxes_are_shares_of_the_image_and_splits_are_tags(catalog, tmp_path):
    metadata, rows = exported(catalog, tmp_path / "f")
    row = rows["ward/a"]
    assert row["ground_truth"]["_cls"] == "Detections"
    (box,) = row["ground_truth"]["detections"]
    assert (box["_cls"], box["label"], box["lesion"]) == ("Detection", "polyp", "3")
    assert box["bounding_box"] == pytest.approx([0.1, 0.1, 0.2, 0.5])
    assert row["tags"] == ["train"]
    assert rows["ward/b"]["tags"] == ["test:own"]
    assert row["metadata"] == {"_cls": "ImageMetadata", "width": 200, "height": 100}
    assert {k: row[k] for k in ("source", "patient", "sequence", "order", "time_s")} == {
        "source": "ward",
        "patient": "P1",
        "sequence": "op1",
        "order": 4,
        "time_s": 0.5,
    }
    assert metadata["media_type"] == "image"
    assert metadata["info"]["catalog_sha256"] == catalog.sha256


def test_images_are_referred_to_by_absolute_path(catalog, tmp_path):
    _, rows = exported(catalog, tmp_path / "f")
    assert all(os.path.isabs(r["filepath"]) for r in rows.values())
    assert sorted(p.name for p in (tmp_path / "f").iterdir()) == ["metadata.json", "samples.json"]


def test_no_polyp_and_unknown_are_different_facts(catalog, tmp_path):
    _, rows = exported(catalog, tmp_path / "f")
    assert rows["ward/b"]["ground_truth"]["detections"] == []
    assert "ground_truth" not in rows["ward/c"]
    (ignored,) = rows["ward/d"]["ground_truth"]["detections"]
    assert (ignored["tags"], ignored["iscrowd"]) == (["ignored"], 1)


def test_predictions_have_a_confidence_and_go_to_their_image(catalog, tmp_path):
    answers = {
        "ward/a": Answer(as_boxes([(0, 0, 20, 10)]), np.array([0.25], np.float32)),
        "ward/b": Answer(as_boxes([]), np.zeros(0, np.float32)),
    }
    _, rows = exported(catalog, tmp_path / "f", answers)
    (box,) = rows["ward/a"]["predictions"]["detections"]
    assert box["confidence"] == 0.25
    assert rows["ward/b"]["predictions"]["detections"] == []
    assert "predictions" not in rows["ward/c"]


def test_predictions_of_other_images_and_foreign_folders_are_refused(catalog, tmp_path):
    with pytest.raises(UsageError, match="None of the predictions"):
        export_fiftyone(catalog, tmp_path / "f", {"x": Answer(as_boxes([]), np.zeros(0, np.float32))})
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(UsageError, match="something else"):
        export_fiftyone(catalog, tmp_path)
