import cv2
import numpy as np
import pytest

from detector.errors import FormatError, SourceError
from tests.training.miniature import scene, write_pair
from training.importers import SOURCES, image_mask_folder, mask_to_boxes, read_source, sample_image


def test_an_empty_mask_gives_no_box():
    boxes, outlines = mask_to_boxes(np.zeros((100, 100), np.uint8))
    assert boxes.shape == (0, 4)
    assert outlines == ()


def test_boxes_are_half_open_and_outlines_fill_them():
    mask = np.zeros((100, 200), np.uint8)
    mask[10:30, 40:80] = 255
    mask[60:100, 150:200] = 255
    boxes, outlines = mask_to_boxes(mask)
    assert boxes.tolist() == [[40, 10, 80, 30], [150, 60, 200, 100]]
    for box, outline in zip(boxes, outlines, strict=True):
        assert np.array_equal(np.concatenate((outline.min(axis=0), outline.max(axis=0))), box)


def test_specks_and_grey_noise_are_no_polyps():
    mask = np.random.default_rng(0).integers(0, 100, (100, 200)).astype(np.uint8)
    mask[50, 50] = 255  # 1 px of 20,000 is below 0.02 %
    mask[5:8, 5:8] = 255
    mask[20:40, 60:90] = 200
    assert mask_to_boxes(mask)[0].tolist() == [[5, 5, 8, 8], [60, 20, 90, 40]]


def test_any_colour_is_polyp():
    mask = np.zeros((100, 100, 3), np.uint8)
    mask[10:20, 10:20, 2] = 255
    mask[50:70, 50:70, 1] = 255
    assert len(mask_to_boxes(mask)[0]) == 2


def test_a_missing_mask_is_unknown_and_refused(tmp_path):
    write_pair(tmp_path, "a", *scene(1))
    write_pair(tmp_path, "b", scene(2)[0], None)
    with pytest.raises(SourceError, match=r"b\.jpg .* has no mask"):
        list(image_mask_folder(tmp_path, SOURCES["kvasir-seg"]))


def test_an_empty_mask_file_is_a_negative(tmp_path):
    write_pair(tmp_path, "a", *scene(1, box=None))
    (sample,) = image_mask_folder(tmp_path, SOURCES["kvasir-seg"])
    assert sample.negative
    assert sample.name == "kvasir_seg/a"


def test_a_mask_of_another_size_is_refused(tmp_path):
    image, mask = scene(1)
    write_pair(tmp_path, "a", image, cv2.resize(mask, (50, 50)))
    (sample,) = image_mask_folder(tmp_path, SOURCES["kvasir-seg"])
    with pytest.raises(FormatError, match="160x120, but its mask 50x50"):
        sample_image(sample)


def test_a_damaged_mask_is_named(tmp_path):
    write_pair(tmp_path, "a", *scene(1))
    (tmp_path / "masks" / "a.png").write_bytes(b"no image")
    with pytest.raises(SourceError, match=r"a\.png cannot be read"):
        list(image_mask_folder(tmp_path, SOURCES["kvasir-seg"]))


def test_all_layouts_are_read(small_sets):
    read = {name: read_source(small_sets, name) for name in SOURCES}
    assert {name: len(samples) for name, samples in read.items()} == {
        "kvasir-seg": 24,
        "polypgen": 24,
        "polypgen-negatives": 18,
        "bkai-neopolyp": 20,
        "cvc-clinicdb": 6,
    }
    assert sum(s.negative for s in read["polypgen"]) == 3
    assert all(s.negative for s in read["polypgen-negatives"])
    assert {s.group for s in read["polypgen"]} == {f"C{i}" for i in range(1, 7)}
    assert {s.group for s in read["cvc-clinicdb"]} == {"seq1", "seq2"}


def test_a_frame_without_a_centre_is_refused(small_sets):
    write_pair(small_sets / "polypgen", "stray", *scene(1))
    with pytest.raises(FormatError, match=r"stray\.jpg .* no group"):
        read_source(small_sets, "polypgen")
