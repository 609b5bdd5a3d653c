import json

import numpy as np
import pytest

from detector.errors import FormatError, SourceError, UsageError
from tests.training.catalog.conftest import OPEN
from tests.training.miniature import scene, write_pair
from training.catalog.importing import import_paths, merge, problems_path, write_problems
from training.catalog.opening import import_public, public_catalog, resolve
from training.catalog.store import image_sha256, with_split, write_catalog
from training.samples import SourceInfo


@pytest.fixture
def folder(tmp_path):
    """Three images with masks, one of which is of another size."""
    for i in range(3):
        write_pair(tmp_path / "set", f"i{i}", *scene(i))
    image, _ = scene(9)
    write_pair(tmp_path / "set", "i9", image, np.zeros((7, 7), np.uint8))
    return tmp_path / "set"


def bring(folder, source=OPEN, **more):
    return import_paths([folder], source, folder.parent / "work", **more)


def test_images_come_with_their_hash_and_bad_records_are_told(folder):
    new = bring(folder)
    assert [s.name for s in new.samples] == ["set/i0", "set/i1", "set/i2"]
    assert all(s.image_sha256 == image_sha256(s.image) for s in new.samples)
    assert new.report.counts().total() == 1
    with pytest.raises(FormatError, match="i9"):
        bring(folder, strict=True)


def test_an_unknown_option_is_refused_with_those_that_there_are(folder):
    with pytest.raises(UsageError, match=r"no option 'levle'.*level"):
        bring(folder, layout="masks", options={"levle": "3"})


def test_patients_that_are_claimed_must_be_named(folder):
    with pytest.raises(UsageError, match="3 of 3 images of x name no patient"):
        bring(folder, SourceInfo("x", "l", False, "", patients_known=True))


def test_the_centre_can_be_told(folder):
    assert {s.centre for s in bring(folder, centre="Ulm").samples} == {"Ulm"}


def test_importing_again_replaces_the_source_and_keeps_splits(folder):
    first = merge(None, [bring(folder)])
    split = type(first).of(first.sources.values(), [with_split(s, "dev") for s in first.samples])
    write_pair(folder, "i4", *scene(4))
    again = merge(split, [bring(folder)])
    assert {s.name: s.split for s in again.samples} == {
        "set/i0": "dev",
        "set/i1": "dev",
        "set/i2": "dev",
        "set/i4": "",
    }


def test_two_sources_cannot_have_one_name_for_an_image(folder):
    with pytest.raises(FormatError, match="Two samples are called set/i0"):
        merge(merge(None, [bring(folder)]), [bring(folder, SourceInfo("other", "l", False, ""))])


def test_the_list_of_skipped_records_follows_the_imports(folder, tmp_path):
    catalog = tmp_path / "c.jsonl"
    bad, other = bring(folder), bring(folder, SourceInfo("other", "l", False, ""), options={"prefix": "o"})
    path = write_problems(catalog, [bad])
    write_problems(catalog, [other])
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert [(r["source"], r["kind"]) for r in rows] == [("clinic", "other size"), ("other", "other size")]
    (folder / "images" / "i9.jpg").unlink()
    (folder / "masks" / "i9.png").unlink()
    write_problems(catalog, [bring(folder)])
    assert [json.loads(line)["source"] for line in path.read_text().splitlines()] == ["other"]
    assert write_problems(catalog, [bring(folder, SourceInfo("other", "l", False, ""))]) is None
    assert not problems_path(catalog).exists()


def test_what_can_be_named_as_data(folder, tmp_path, monkeypatch):
    with pytest.raises(SourceError, match="There is no"):
        resolve(tmp_path / "none")
    with pytest.raises(FormatError, match="i9"):
        resolve(folder)
    (folder / "images" / "i9.jpg").unlink()
    (folder / "masks" / "i9.png").unlink()
    plain = resolve(str(folder))
    assert [s.name for s in plain.samples] == ["set/i0", "set/i1", "set/i2"]
    assert plain.splits == []
    assert plain.sources["set"].licence == "unknown"
    write_catalog(plain, tmp_path / "c.jsonl")
    assert resolve(tmp_path / "c.jsonl").sha256 == plain.sha256
    monkeypatch.setenv("POLYPWATCH_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(SourceError, match="POLYPWATCH_DATA"):
        resolve("public")


def test_a_coco_file_can_be_named_as_data(tmp_path):
    write_pair(tmp_path, "a", scene(1)[0], None)
    label = {
        "images": [{"id": 1, "file_name": "a.jpg", "width": 160, "height": 120}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [10, 20, 30, 40]}],
        "categories": [{"id": 1, "name": "polyp"}],
    }
    (tmp_path / "labels.json").write_text(json.dumps(label))
    (sample,) = resolve(tmp_path / "labels.json").samples
    assert sample.boxes.tolist() == [[10, 20, 40, 60]]


def test_a_missing_public_set_is_one_clear_error(tmp_path, small_sets):
    with pytest.raises(SourceError, match="POLYPWATCH_DATA"):
        import_public("kvasir-seg", tmp_path / "nowhere")
    with pytest.raises(UsageError, match="no public set 'kvasir'"):
        import_public("kvasir", small_sets)


def test_the_committed_lists_do_not_fit_other_data(small_sets):
    with pytest.raises(FormatError, match="which the data does not have"):
        public_catalog(small_sets)
