from dataclasses import replace

import cv2
import pytest

from detector.errors import SourceError, UsageError
from tests.training.catalog.conftest import OPEN
from training.catalog.leaks import find_leaks, images_of
from training.catalog.store import Catalog, image_sha256, write_catalog


def catalog_of(*samples):
    return Catalog.of([OPEN], samples)


def kinds(catalog, external=None):
    return [(x.kind, x.first, x.first_split, x.second, x.second_split) for x in find_leaks(catalog, external)]


def test_an_empty_or_unsplit_catalog_cannot_be_checked_alone(make):
    with pytest.raises(UsageError, match="not split"):
        find_leaks(catalog_of())
    with pytest.raises(UsageError, match="not split"):
        find_leaks(catalog_of(make("clinic/a")))


def test_a_clean_split_has_no_leak(make):
    clean = catalog_of(
        make("clinic/a", split="train"), make("clinic/b", split="dev"), make("clinic/c", split="test:own")
    )
    assert find_leaks(clean) == []


def test_one_patient_in_two_splits_is_a_leak_once(make):
    samples = [make(f"clinic/{i}", patient="p1", split="train" if i < 3 else "test:own") for i in range(6)]
    assert kinds(catalog_of(*samples)) == [("patient", "clinic/0", "train", "clinic/3", "test:own")]


def test_one_sequence_in_two_splits_is_a_leak(make):
    a, b = make("clinic/a", sequence="s", split="dev"), make("clinic/b", sequence="s", split="test:own")
    assert kinds(catalog_of(a, b)) == [("sequence", "clinic/a", "dev", "clinic/b", "test:own")]
    assert kinds(catalog_of(a, replace(b, centre="elsewhere"))) == []


def test_the_same_file_twice_is_one_leak(make):
    a = make("clinic/a", split="train")
    assert kinds(catalog_of(a, make("clinic/b", look="clinic/a", split="dev"))) == [
        ("same file", "clinic/a", "train", "clinic/b", "dev")
    ]


def near(sample, path, **fields):
    """The same picture, smaller quality and darker, as another file."""
    image = cv2.convertScaleAbs(cv2.imread(str(sample.image)), alpha=0.8, beta=5)
    cv2.imwrite(str(path), image)
    return replace(sample, image=path, image_sha256=image_sha256(path), **fields)


def test_a_planted_near_duplicate_is_listed_with_its_correlation_and_refused(make, tmp_path):
    a = make("clinic/a", split="train")
    leaks = find_leaks(catalog_of(a, near(a, tmp_path / "b.png", name="clinic/b", split="test:own")))
    assert [(x.kind, x.second) for x in leaks] == [("near-duplicate", "clinic/b")]
    assert float(leaks[0].detail) >= 0.96


@pytest.mark.parametrize(
    ("fields", "leaks"),
    [({"sequence": "s1"}, 0), ({"patient": "p1"}, 0), ({}, 1)],
    ids=["frames of two videos", "two patients", "stills of nobody"],
)
def test_bare_mucosa_is_compared_only_where_nobody_knows_whose_it_is(make, tmp_path, fields, leaks):
    a = make("clinic/a", polyp=False, split="train", **fields)
    others = {k: f"{v} other" for k, v in fields.items()}
    b = near(a, tmp_path / "b.png", name="clinic/b", split="test:own", **others)
    assert len(find_leaks(catalog_of(a, b))) == leaks


def test_a_frame_of_bare_mucosa_is_compared_with_stills(make, tmp_path):
    a = make("clinic/a", split="train")
    b = near(a, tmp_path / "b.png", name="clinic/b", split="test:own", boxes=a.boxes[:0], outlines=(), sequence="s")
    assert b.negative
    assert [x.kind for x in find_leaks(catalog_of(a, b))] == ["near-duplicate"]


def test_what_was_left_out_leaks_nothing(make):
    a = make("clinic/a", split="left-out", patient="p")
    assert find_leaks(catalog_of(a, make("clinic/b", look="clinic/a", split="test:own", patient="p"))) == []


def test_external_images_may_be_in_a_test_but_in_nothing_learned_from(make, tmp_path):
    learned, tested = make("clinic/a", split="train"), make("clinic/b", split="test:own")
    folder = tmp_path / "ext"
    (folder / "images").mkdir(parents=True)
    (folder / "masks").mkdir()
    near(tested, folder / "images" / "t.png")
    catalog = catalog_of(learned, tested)
    assert kinds(catalog, {"ext": images_of(folder)}) == []
    near(learned, folder / "images" / "l.png")
    near(learned, folder / "masks" / "l.png")
    assert kinds(catalog, {"ext": images_of(folder)}) == [("near-duplicate", "clinic/a", "train", "ext/l", "ext")]


def test_an_unsplit_catalog_is_all_training_against_external_sets(make, tmp_path):
    a = make("clinic/a")
    other = catalog_of(make("clinic/o", look="clinic/a"))
    write_catalog(other, tmp_path / "other.jsonl")
    found = kinds(catalog_of(a), {"other": images_of(tmp_path / "other.jsonl")})
    assert found == [("same file", "clinic/a", "train", "clinic/o", "other")]


def test_a_patient_of_the_same_source_in_an_external_catalog_is_a_leak(make):
    ours = catalog_of(make("clinic/a", split="train", patient="p1"), make("clinic/b", split="train", patient="p2"))
    theirs = [make("clinic/x", patient="p1"), make("closed/y", source="closed", patient="p2")]
    assert kinds(ours, {"other": theirs}) == [("patient", "clinic/a", "train", "clinic/x", "other")]


def test_a_folder_without_images_is_no_external_set(tmp_path):
    with pytest.raises(SourceError, match="has no images"):
        images_of(tmp_path)
