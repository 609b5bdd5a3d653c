"""The public sets: in miniature, and as they are where they are."""

from functools import cache

import cv2
import numpy as np
import pytest

from detector.errors import FormatError, SourceError, UsageError
from detector.geometry import Size
from tests.training.miniature import scene, write_pair
from training.importers.context import Report
from training.importers.mask_files import mask_to_boxes
from training.importers.public import PUBLIC, read_public
from training.samples import read_image, sample_image

IMAGES = {"kvasir-seg": 1000, "polypgen": 1537, "polypgen-negatives": 681, "bkai-neopolyp": 1000, "cvc-clinicdb": 612}
BOXES = {"kvasir-seg": 1063, "polypgen": 1619, "polypgen-negatives": 0, "bkai-neopolyp": 1166, "cvc-clinicdb": 646}
EMPTY = {"kvasir-seg": 0, "polypgen": 126, "polypgen-negatives": 681, "bkai-neopolyp": 0, "cvc-clinicdb": 0}


def test_all_sets_are_read(small_sets):
    read = {name: read_public(name, small_sets, Report(strict=True)) for name in PUBLIC}
    assert {name: len(samples) for name, samples in read.items()} == {
        "kvasir-seg": 24,
        "polypgen": 24,
        "polypgen-negatives": 18,
        "bkai-neopolyp": 20,
        "cvc-clinicdb": 6,
    }
    assert sum(s.negative for s in read["polypgen"]) == 3
    assert all(s.negative for s in read["polypgen-negatives"])
    assert {s.centre for s in read["polypgen"]} == {f"C{i}" for i in range(1, 7)}
    assert {s.sequence for s in read["cvc-clinicdb"]} == {"seq1", "seq2"}
    assert {s.official for s in read["kvasir-seg"]} == {"train", "val"}
    assert {c for s in read["bkai-neopolyp"] for c in s.classes} == {"neoplastic", "non-neoplastic"}


def test_names_are_what_the_committed_split_lists_are_written_in(small_sets):
    first = {name: read_public(name, small_sets, Report())[0].name for name in PUBLIC}
    assert first == {
        "kvasir-seg": "kvasir_seg/k00",
        "polypgen": "polypgen/p00",
        "polypgen-negatives": "polypgen_negseq/seq1/seq1_0",
        "bkai-neopolyp": "bkai_neopolyp/b00",
        "cvc-clinicdb": "cvc_clinicdb/000",
    }


def test_a_missing_mask_of_a_complete_set_is_damage(small_sets):
    (small_sets / "kvasir_seg" / "masks" / "k03.png").unlink()
    report = Report()
    assert len(read_public("kvasir-seg", small_sets, report)) == 23
    assert [(p.file, p.kind) for p in report.problems] == [("images/k03.jpg", "missing label")]
    with pytest.raises(FormatError, match=r"images/k03\.jpg"):
        read_public("kvasir-seg", small_sets, Report(strict=True))


def test_a_frame_without_a_centre_is_reported(small_sets):
    write_pair(small_sets / "polypgen", "stray", *scene(1))
    report = Report()
    read_public("polypgen", small_sets, report)
    assert report.counts() == {"no centre": 1}


def test_an_image_that_changed_its_size_after_the_import_is_refused(small_sets):
    sample = read_public("kvasir-seg", small_sets, Report())[0]
    cv2.imwrite(str(sample.image), np.zeros((50, 50, 3), np.uint8))
    with pytest.raises(FormatError, match="is 50x50, but its label 160x120"):
        sample_image(sample)


def test_sets_that_are_unknown_or_absent_are_clear_errors(tmp_path):
    with pytest.raises(UsageError, match="no public set 'sun'"):
        read_public("sun", tmp_path, Report())
    with pytest.raises(SourceError, match="POLYPWATCH_DATA"):
        read_public("kvasir-seg", tmp_path, Report())


@cache
def real_set(name, root):
    """Read once, strictly: nothing in the copies that we were given is bad."""
    return read_public(name, root, Report(strict=True))


@pytest.mark.data
@pytest.mark.parametrize("name", PUBLIC)
def test_the_real_sets_are_whole(real_data, name):
    samples = real_set(name, real_data)
    assert len(samples) == IMAGES[name]
    assert sum(len(s.boxes) for s in samples) == BOXES[name]
    assert sum(s.negative for s in samples) == EMPTY[name]
    assert len({s.name for s in samples}) == len(samples)
    for sample in samples[:: len(samples) // 20]:
        assert Size.of(sample_image(sample)) == sample.size
    if name == "cvc-clinicdb":
        assert len({s.sequence for s in samples}) == 29
    if name == "polypgen-negatives":
        assert len({s.sequence for s in samples}) == 17
        assert {s.sequence for s in samples if s.facts["useful"] == "0"} == {"seq13", "seq17"}
    if name == "kvasir-seg":
        assert [sum(s.official == o for s in samples) for o in ("train", "val")] == [880, 120]


@pytest.mark.data
def test_real_boxes_are_the_components_of_their_masks(real_data):
    samples = real_set("bkai-neopolyp", real_data)
    for sample in samples[::100]:
        mask = read_image(sample.image.parents[1] / "masks" / f"{sample.image.stem}.png")
        boxes, outlines = mask_to_boxes(mask)
        assert np.array_equal(sample.boxes, boxes)
        assert all(np.array_equal(a, b) for a, b in zip(sample.outlines, outlines, strict=True))
    assert {c for s in samples for c in s.classes} == {"neoplastic", "non-neoplastic", "mixed"}
