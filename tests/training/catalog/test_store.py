import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

from detector.errors import FormatError, OutputError, SourceError
from detector.geometry import as_boxes
from tests.training.catalog.conftest import OPEN
from training.catalog.store import Catalog, SplitNote, read_catalog, with_split, write_catalog


@pytest.fixture
def catalog(make):
    full = make("clinic/a", patient="p1", sequence="s1", centre="Köln", order=3, time_s=0.12, split="train")
    full = replace(
        full, lesions=("L1",), classes=("neoplastic",), ignored=as_boxes([[1, 2, 3, 4]]), facts={"light": "nbi"}
    )
    return Catalog.of([OPEN], [full, make("clinic/b", polyp=False, official="val"), make("clinic/c", known=False)])


def lines(path):
    return path.read_text(encoding="utf-8").splitlines()


def test_an_empty_catalog_can_be_written_and_read(tmp_path):
    write_catalog(Catalog.of([], []), tmp_path / "c.jsonl")
    assert read_catalog(tmp_path / "c.jsonl").samples == ()


def test_everything_that_is_known_of_a_sample_comes_back(catalog, tmp_path):
    note = SplitNote("own", "patient-disjoint", "because")
    write_catalog(replace(catalog, how_split=note), tmp_path / "c.jsonl")
    back = read_catalog(tmp_path / "c.jsonl")
    assert back.sources == {"clinic": OPEN}
    assert back.how_split == note
    assert back.sha256 == catalog.sha256
    for a, b in zip(catalog.samples, back.samples, strict=True):
        for key in ("name", "source", "size", "known", "lesions", "classes", "centre", "patient", "sequence", "order"):
            assert getattr(a, key) == getattr(b, key), key
        assert (a.time_s, a.official, a.split, dict(a.facts)) == (b.time_s, b.official, b.split, dict(b.facts))
        assert a.image.samefile(b.image)
        assert np.array_equal(a.boxes, b.boxes)
        assert np.array_equal(a.ignored, b.ignored)
        assert [o.tolist() for o in a.outlines] == [o.tolist() for o in b.outlines]


def test_no_polyp_and_unknown_stay_different_facts(catalog, tmp_path):
    write_catalog(catalog, tmp_path / "c.jsonl")
    _, empty, unknown = read_catalog(tmp_path / "c.jsonl").samples
    assert empty.negative
    assert not unknown.negative
    assert not unknown.known


def test_a_catalog_and_its_images_can_be_moved_together(catalog, tmp_path):
    (tmp_path / "here").mkdir()
    shutil.move(tmp_path / "images", tmp_path / "here" / "images")
    samples = [replace(s, image=tmp_path / "here" / "images" / s.image.name) for s in catalog.samples]
    write_catalog(Catalog.of([OPEN], samples), tmp_path / "here" / "c.jsonl")
    shutil.move(tmp_path / "here", tmp_path / "there")
    assert all(s.image.is_file() for s in read_catalog(tmp_path / "there" / "c.jsonl").samples)
    assert str(tmp_path) not in (tmp_path / "there" / "c.jsonl").read_text()


def test_the_hash_follows_content_labels_and_split_but_not_paths_or_order(catalog):
    a, b, c = catalog.samples
    assert Catalog.of([OPEN], [c, a, b]).sha256 == catalog.sha256
    assert Catalog.of([OPEN], [replace(a, image=b.image), b, c]).sha256 == catalog.sha256
    others = [
        replace(a, image_sha256="0" * 64),
        replace(a, boxes=a.boxes + 1),
        replace(a, ignored=as_boxes([])),
        with_split(a, "dev"),
        replace(a, name="clinic/0"),
    ]
    hashes = {Catalog.of([OPEN], [other, b, c]).sha256 for other in others}
    hashes.add(Catalog.of([OPEN], [a, replace(b, known=False), c]).sha256)
    assert len(hashes | {catalog.sha256}) == 7


def test_a_catalog_that_was_changed_by_hand_is_refused(catalog, tmp_path):
    path = tmp_path / "c.jsonl"
    write_catalog(catalog, path)
    path.write_text(path.read_text().replace('"split": "train"', '"split": "dev"'))
    with pytest.raises(FormatError, match="changed by hand"):
        read_catalog(path)


@pytest.mark.parametrize(
    ("line", "old", "new", "message"),
    [
        (0, "polypwatch.catalog/1", "polypwatch.catalog/2", "polypwatch.catalog/2"),
        (0, "polypwatch.catalog/1", "polypwatch.detect/1", "polypwatch.detect/1"),
        (0, '"licence"', '"license"', "first line.*licence"),
        (1, '"width": 64', '"width": 0', "line 2.*width"),
        (2, '"known"', '"seen"', "line 3.*known"),
        (1, "[10.0,", "[NaN,", "line 2.*box"),
        (3, '"boxes": []', '"boxes": [{"box": [1, 2, 3, 4]}]', "line 4.*nothing is known"),
        (1, "{", "", "line 2 is not JSON"),
        (2, "clinic/b", "clinic/a", "Two samples are called clinic/a"),
        (1, '"source": "clinic"', '"source": "other"', "'other'"),
    ],
)
def test_what_is_wrong_in_a_catalog_is_named(catalog, tmp_path, line, old, new, message):
    path = tmp_path / "c.jsonl"
    write_catalog(catalog, path)
    rows = lines(path)
    assert old in rows[line]
    rows[line] = rows[line].replace(old, new, 1)
    path.write_text("\n".join(rows), encoding="utf-8")
    with pytest.raises(FormatError, match=message):
        read_catalog(path)


def test_fields_of_a_newer_minor_version_are_read_past(catalog, tmp_path):
    path = tmp_path / "c.jsonl"
    write_catalog(catalog, path)
    rows = [json.loads(row) for row in lines(path)]
    rows[0]["schema"] = "polypwatch.catalog/1.4"
    rows[0]["sources"][0]["colour"] = "green"
    rows[1]["mood"] = "good"
    path.write_text("\n".join(json.dumps(row) for row in rows))
    assert read_catalog(path).sha256 == catalog.sha256


def test_a_missing_catalog_says_how_to_make_one(tmp_path):
    with pytest.raises(SourceError, match="polypwatch-train import"):
        read_catalog(tmp_path / "none.jsonl")


def test_what_cannot_be_written_leaves_nothing_half_behind(catalog, tmp_path):
    path = tmp_path / "c.jsonl"
    write_catalog(catalog, path)
    before = path.read_bytes()
    unwritable = Catalog.of([OPEN], [replace(catalog.samples[0], patient="\udcff")])
    with pytest.raises(OutputError, match="cannot be written"):
        write_catalog(unwritable, path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir() if p.is_file()] == ["c.jsonl"]


def test_images_must_have_been_hashed(catalog, tmp_path):
    unread = Catalog.of([OPEN], [replace(catalog.samples[0], image_sha256="")])
    with pytest.raises(ValueError, match="clinic/a"):
        write_catalog(unread, tmp_path / "c.jsonl")
