"""Masks, colour masks, folders without polyps, and PolypGen's own tree."""

import cv2
import numpy as np
import pytest

from detector.errors import FormatError, SourceError, UsageError
from tests.training.importers.stills import by_name, colour_set, mask, masks_set, picture, polypgen_set, read, write
from training.importers.mask_files import mask_to_boxes
from training.importers.masks import find_pair
from training.importers.registry import find_layout

RED, GREEN = (0, 0, 255), (0, 255, 0)


def test_an_empty_mask_gives_no_box():
    boxes, outlines = mask_to_boxes(np.zeros((100, 100), np.uint8))
    assert boxes.shape == (0, 4)
    assert outlines == ()


def test_boxes_are_half_open_and_outlines_fill_them():
    values = np.zeros((100, 200), np.uint8)
    values[10:30, 40:80] = 255
    values[60:100, 150:200] = 255
    boxes, outlines = mask_to_boxes(values)
    assert boxes.tolist() == [[40, 10, 80, 30], [150, 60, 200, 100]]
    for box, outline in zip(boxes, outlines, strict=True):
        assert np.array_equal(np.concatenate((outline.min(axis=0), outline.max(axis=0))), box)


def test_specks_and_grey_noise_are_no_polyps():
    values = np.random.default_rng(0).integers(0, 100, (100, 200)).astype(np.uint8)
    values[50, 50] = 255  # 1 px of 20,000 is below 0.02 %
    values[5:8, 5:8] = 255
    values[20:40, 60:90] = 200
    assert mask_to_boxes(values)[0].tolist() == [[5, 5, 8, 8], [60, 20, 90, 40]]


def test_any_colour_is_polyp():
    values = np.zeros((100, 100, 3), np.uint8)
    values[10:20, 10:20, 2] = 255
    values[50:70, 50:70, 1] = 255
    assert len(mask_to_boxes(values)[0]) == 2


def test_the_clinicdb_layout_gives_boxes_and_negatives(tmp_path):
    found = by_name(read("masks", masks_set(tmp_path / "set"))[0])
    assert found["a"].boxes.tolist() == [[10, 12, 30, 20]]
    assert found["b"].negative


@pytest.mark.parametrize(
    ("images", "masks", "spelling"),
    [
        ("images", "masks", "{}.jpg"),
        ("Original", "GroundTruth", "{}.png"),
        ("ETIS-LaribPolypDB", "Ground Truth", "p{}.tif"),
        ("bbdd", "gtpolyp", "{}.bmp"),
        ("Frame", "GT", "{}.png"),
        ("images", "masks", "{}_mask.png"),
    ],
)
def test_folders_and_mask_names_of_public_sets_are_known(tmp_path, images, masks, spelling):
    picture(tmp_path / images / "17.png")
    mask(tmp_path / masks / spelling.format(17), (8, 8, 24, 24))
    assert find_layout(tmp_path, None).name == "masks"
    samples, report = read("masks", tmp_path)
    assert [s.boxes.tolist() for s in samples] == [[[8, 8, 24, 24]]]
    assert report.problems == []


def test_colondb_has_pictures_and_masks_in_one_folder(tmp_path):
    for i in (1, 2):
        picture(tmp_path / f"{i}.bmp", seed=i)
        mask(tmp_path / f"p{i}.bmp", (8, 8, 24, 24))
        mask(tmp_path / f"c{i}.bmp")
        mask(tmp_path / f"s{i}.bmp")
    samples, report = read("masks", tmp_path)
    assert sorted(by_name(samples)) == ["1", "2"]
    assert report.problems == []


def test_a_folder_in_a_folder_of_the_same_name_is_unwrapped(tmp_path):
    picture(tmp_path / "train" / "train" / "a.jpeg")
    mask(tmp_path / "train_gt" / "train_gt" / "a.png", (4, 4, 20, 20), value=GREEN)
    assert find_pair(tmp_path) == (tmp_path / "train" / "train", tmp_path / "train_gt" / "train_gt")
    (sample,) = read("colour-masks", tmp_path)[0]
    assert sample.classes == ("non-neoplastic",)


def test_other_folder_names_are_asked_for(tmp_path):
    picture(tmp_path / "x" / "a.jpg")
    picture(tmp_path / "z" / "a.jpg")
    mask(tmp_path / "y" / "a.png", (4, 4, 20, 20))
    with pytest.raises(SourceError, match="--option images="):
        read("masks", tmp_path)
    assert len(read("masks", tmp_path, images="x", masks="y")[0]) == 1


def test_a_missing_mask_is_unknown_and_counted(tmp_path):
    masks_set(tmp_path)
    (tmp_path / "Ground Truth" / "a.tif").unlink()
    samples, report = read("masks", tmp_path)
    found = by_name(samples)
    assert not found["a"].known
    assert not found["a"].negative
    assert found["b"].negative
    assert report.notes == ["1 images have no label: nothing is known of them (an empty label would mean no polyp)"]


def test_a_missing_mask_is_a_bad_record_or_a_negative_if_that_is_asked_for(tmp_path):
    masks_set(tmp_path)
    (tmp_path / "Ground Truth" / "a.tif").unlink()
    samples, report = read("masks", tmp_path, unlabelled="bad")
    assert list(by_name(samples)) == ["b"]
    assert report.counts() == {"missing label": 1}
    samples, report = read("masks", tmp_path, unlabelled="no-polyp")
    assert all(s.negative for s in samples)
    assert report.notes == ["1 images have no label and were taken as 'no polyp', as was asked for"]
    with pytest.raises(UsageError, match="unlabelled=perhaps"):
        read("masks", tmp_path, unlabelled="perhaps")


def test_a_mask_of_another_size_without_image_or_damaged_is_reported(tmp_path):
    masks_set(tmp_path)
    mask(tmp_path / "Ground Truth" / "a.tif", (1, 1, 9, 9), size=(32, 24))
    mask(tmp_path / "Ground Truth" / "stray.tif")
    (tmp_path / "Ground Truth" / "b.tif").write_bytes(b"no image")
    samples, report = read("masks", tmp_path)
    assert samples == []
    assert [(p.file, p.kind) for p in report.problems] == [
        ("Ground Truth/a.tif", "other size"),
        ("Ground Truth/b.tif", "unreadable mask"),
        ("Ground Truth/stray.tif", "missing image"),
    ]
    assert report.problems[0].reason == "It is for an image of 32x24, but Original/a.tif is 64x48."
    with pytest.raises(FormatError, match=r"Ground Truth/a\.tif"):
        read("masks", tmp_path, strict=True)


def test_two_masks_of_one_image_are_reported(tmp_path):
    masks_set(tmp_path)
    mask(tmp_path / "Ground Truth" / "a_mask.png", (1, 1, 9, 9))
    samples, report = read("masks", tmp_path)
    assert list(by_name(samples)) == ["b"]
    assert [(p.file, p.kind) for p in report.problems] == [("Original/a.tif", "two masks")]


def test_a_mask_of_zeros_and_ones_is_never_read_as_no_polyp(tmp_path):
    picture(tmp_path / "images" / "a.png")
    mask(tmp_path / "masks" / "a.png", (8, 8, 24, 24), value=1)
    samples, report = read("masks", tmp_path)
    assert samples == []
    assert report.problems[0].kind == "doubtful mask"
    assert "highest value is 1" in report.problems[0].reason
    (sample,) = read("masks", tmp_path, level="0")[0]
    assert sample.boxes.tolist() == [[8, 8, 24, 24]]
    with pytest.raises(UsageError, match="level=white"):
        read("masks", tmp_path, level="white")


def test_transparency_is_no_polyp_and_sixteen_bits_are_read(tmp_path):
    for stem in ("a", "b"):
        picture(tmp_path / "images" / f"{stem}.png", seed=ord(stem))
    values = np.zeros((48, 64, 4), np.uint8)
    values[..., 3] = 255
    values[8:24, 8:24, :3] = 255
    (tmp_path / "masks").mkdir()
    cv2.imwrite(str(tmp_path / "masks" / "a.png"), values)
    cv2.imwrite(str(tmp_path / "masks" / "b.png"), values[..., 0].astype(np.uint16) * 257)
    assert [s.boxes.tolist() for s in read("masks", tmp_path)[0]] == [[[8, 8, 24, 24]]] * 2


def test_tables_and_lists_give_centre_sequence_order_split_and_facts(tmp_path):
    masks_set(tmp_path)
    write(tmp_path / "centres.csv", "file,centre\na.tif,C1\nb.tif,C2\n")
    write(tmp_path / "sequences.csv", "file,sequence\nb.tif,4\na.tif,4\n")
    write(tmp_path / "official_train.txt", "a\n")
    write(tmp_path / "official_val.txt", "b\n")
    write(tmp_path / "sessile_ids.txt", "a\n")
    found = by_name(read("masks", tmp_path, strict=True)[0])
    a, b = found["a"], found["b"]
    assert (a.centre, a.sequence, a.order, a.official, a.facts) == ("C1", "seq4", 0, "train", {"sessile": "yes"})
    assert (b.centre, b.sequence, b.order, b.official, b.facts) == ("C2", "seq4", 1, "val", {})


def test_the_order_in_a_sequence_is_the_tables_column(tmp_path):
    masks_set(tmp_path)
    write(tmp_path / "sequences.csv", "file,sequence,order\na.tif,x,30\nb.tif,x,20\n")
    found = by_name(read("masks", tmp_path)[0])
    assert (found["a"].sequence, found["a"].order, found["b"].order) == ("x", 30, 20)


def test_an_image_without_centre_and_names_without_image_are_reported(tmp_path):
    masks_set(tmp_path)
    write(tmp_path / "centres.csv", "file,centre\na.tif,C1\nghost.tif,C2\n")
    write(tmp_path / "official_train.txt", "a\nphantom\n")
    samples, report = read("masks", tmp_path)
    assert list(by_name(samples)) == ["a"]
    assert [(p.file, p.kind) for p in report.problems] == [
        ("centres.csv", "no centre"),
        ("centres.csv", "missing image"),
        ("official_train.txt", "missing image"),
    ]


def test_contradictory_tables_and_lists_are_errors(tmp_path):
    masks_set(tmp_path)
    write(tmp_path / "official_train.txt", "a\n")
    write(tmp_path / "official_val.txt", "a\n")
    with pytest.raises(FormatError, match=r"a is in official_train\.txt, too"):
        read("masks", tmp_path)
    (tmp_path / "official_val.txt").unlink()
    write(tmp_path / "centres.csv", "file,centre\na.tif,C1\na.tif,C2\n")
    with pytest.raises(FormatError, match="two rows for a"):
        read("masks", tmp_path)


def test_folders_are_sequences_if_that_is_asked_for(tmp_path):
    for i in (2, 10):
        picture(tmp_path / "Frame" / "case1" / f"f{i}.jpg", seed=i)
        mask(tmp_path / "GT" / "case1" / f"f{i}.png", (8, 8, 24, 24))
    found = by_name(read("masks", tmp_path, sequence="folder")[0])
    assert {n: (s.sequence, s.order) for n, s in found.items()} == {"case1/f2": ("case1", 0), "case1/f10": ("case1", 1)}
    assert {s.sequence for s in read("masks", tmp_path)[0]} == {""}


def colours(root, *regions, noise=False):
    picture(root / "images" / "a.jpg")
    values = np.zeros((48, 64, 3), np.uint8)
    for (x1, y1, x2, y2), colour in regions:
        values[y1:y2, x1:x2] = colour
    (root / "masks").mkdir(exist_ok=True)
    path = root / "masks" / ("a.jpg" if noise else "a.png")
    assert cv2.imwrite(str(path), values, [cv2.IMWRITE_JPEG_QUALITY, 75] if noise else [])
    return root


def test_red_is_neoplastic_and_green_is_not(tmp_path):
    (sample,) = read("colour-masks", colours(tmp_path, ((4, 4, 20, 20), RED), ((40, 24, 56, 40), GREEN)))[0]
    assert sample.boxes.tolist() == [[4, 4, 20, 20], [40, 24, 56, 40]]
    assert sample.classes == ("neoplastic", "non-neoplastic")


def test_colours_may_be_impure_as_jpeg_makes_them(tmp_path):
    (sample,) = read("colour-masks", colours(tmp_path, ((8, 8, 24, 24), RED), ((40, 24, 56, 40), GREEN), noise=True))[0]
    assert sample.classes == ("neoplastic", "non-neoplastic")
    assert np.abs(sample.boxes - [[8, 8, 24, 24], [40, 24, 56, 40]]).max() <= 2


def test_touching_colours_are_one_box_of_a_mixed_class(tmp_path):
    root = colours(tmp_path, ((4, 4, 20, 20), RED), ((20, 4, 36, 20), GREEN))
    (sample,) = read("colour-masks", root)[0]
    assert sample.boxes.tolist() == [[4, 4, 36, 20]]
    assert sample.classes == ("mixed",)


def test_a_seam_of_the_other_colour_changes_no_class(tmp_path):
    root = colours(tmp_path, ((4, 4, 44, 24), RED), ((44, 4, 46, 24), GREEN))
    (sample,) = read("colour-masks", root)[0]
    assert (sample.boxes.tolist(), sample.classes) == ([[4, 4, 46, 24]], ("neoplastic",))


def test_touching_colours_can_be_parted(tmp_path):
    root = colours(tmp_path, ((4, 4, 20, 20), RED), ((20, 4, 36, 20), GREEN))
    (sample,) = read("colour-masks", root, touching="part")[0]
    assert sample.boxes.tolist() == [[4, 4, 20, 20], [20, 4, 36, 20]]
    assert sample.classes == ("neoplastic", "non-neoplastic")


@pytest.mark.parametrize("touching", ["join", "part"])
@pytest.mark.parametrize("colour", [(255, 0, 0), (255, 255, 255), (0, 255, 255)])
def test_another_colour_is_reported(tmp_path, colour, touching):
    samples, report = read("colour-masks", colours(tmp_path, ((4, 4, 20, 20), colour)), touching=touching)
    assert samples == []
    assert [p.kind for p in report.problems] == ["doubtful mask"]


def test_classes_can_be_chosen(tmp_path):
    root = colours(tmp_path, ((4, 4, 20, 20), RED), ((40, 24, 56, 40), GREEN))
    samples, report = read("colour-masks", root, classes="neoplastic")
    assert samples[0].classes == ("neoplastic",)
    assert report.notes == ["1 boxes of class 'non-neoplastic' were left out: not among --option classes"]


def test_a_grey_mask_is_no_colour_mask(tmp_path):
    colour_set(tmp_path)
    mask(tmp_path / "masks" / "a.png", (4, 4, 20, 20), value=(255, 255, 255))
    assert find_layout(tmp_path, None).name == "masks"
    mask(tmp_path / "masks" / "a.png", (4, 4, 20, 20))
    assert read("colour-masks", tmp_path)[1].counts() == {"doubtful mask": 1}


def negatives(root):
    for sequence, count in (("seq1", 11), ("seq2", 1)):
        for i in range(1, count + 1):
            picture(root / "images" / sequence / f"{sequence}_img{i}.jpg", seed=i)
    return root


def test_negatives_are_never_guessed_but_asked_for(tmp_path):
    with pytest.raises(UsageError, match="looks like none"):
        find_layout(negatives(tmp_path), None)
    samples, _ = read("negatives", tmp_path)
    assert len(samples) == 12
    assert all(s.negative for s in samples)


def test_negatives_without_a_table_are_in_the_order_of_their_numbers(tmp_path):
    found = by_name(read("negatives", negatives(tmp_path / "neg"))[0])
    assert (found["seq1/seq1_img2"].sequence, found["seq1/seq1_img2"].order) == ("seq1", 1)
    assert found["seq1/seq1_img10"].order == 9
    assert read("negatives", tmp_path / "neg")[0][0].name == "neg/seq1/seq1_img1"


def test_the_table_of_negatives_rules(tmp_path):
    negatives(tmp_path)
    rows = ["seq2/seq2_img1.jpg,s2,0", *(f"seq1/seq1_img{i}.jpg,s1,1" for i in (3, 1)), "seq9/ghost.jpg,s9,1"]
    write(tmp_path / "frames.csv", "file,sequence,useful\n" + "\n".join(rows))
    samples, report = read("negatives", tmp_path)
    found = by_name(samples)
    assert {n: (s.sequence, s.order, s.facts["useful"]) for n, s in found.items()} == {
        "seq1/seq1_img1": ("s1", 1, "1"),
        "seq1/seq1_img3": ("s1", 0, "1"),
        "seq2/seq2_img1": ("s2", 0, "0"),
    }
    assert report.counts() == {"not in the table": 9, "missing image": 1}


def test_polypgen_keeps_centre_sequence_and_order(tmp_path):
    found = by_name(read("polypgen", polypgen_set(tmp_path / "set"))[0])
    single, positive, negative = found["C1/a"], found["seq1/p_2"], found["seq1_neg/n_1"]
    assert (single.centre, single.sequence) == ("C1", "")
    assert np.abs(single.boxes - [[10, 12, 30, 20]]).max() <= 1  # a JPEG mask
    assert (positive.sequence, positive.order, positive.negative) == ("seq1", 0, False)
    assert (negative.sequence, negative.order, negative.negative) == ("seq1_neg", 0, True)


def test_polypgens_oddities_are_read(tmp_path):
    base = polypgen_set(tmp_path / "PolypGen2021_MultiCenterData_v3")
    picture(base / "data_C3" / "images_C3" / "C3_00489_.jpg", seed=5)
    mask(base / "data_C3" / "masks_C3" / "C3_00489_mask.jpg", (8, 8, 24, 24))
    picture(base / "data_C6" / "images_C6" / "b.jpg", seed=6)
    picture(base / "data_C6" / "images_C6" / "c.jpg", seed=7)
    (base / "data_C6" / "masks_C6").mkdir()
    write(base / "data_C6" / "bbox_C6" / "b_mask.txt", "polyp 10 12 30 20\n")
    write(base / "sequenceData" / "positive" / "seq1" / "masks_seq1" / "p_2.txt", "polyp 1 1 2 2\n")
    picture(base / "imagesAll_positive" / "a.jpg")
    assert find_layout(tmp_path, None).name == "polypgen"
    samples, report = read("polypgen", tmp_path)
    found = by_name(samples)
    assert len(found["C3/C3_00489_"].boxes) == 1
    assert found["C6/b"].boxes.tolist() == [[10, 12, 30, 20]]
    assert not found["C6/c"].known
    assert report.problems == []
    assert len(report.notes) == 3


def test_a_broken_box_line_and_a_stray_mask_of_polypgen_are_reported(tmp_path):
    polypgen_set(tmp_path)
    picture(tmp_path / "data_C1" / "images_C1" / "b.jpg", seed=6)
    write(tmp_path / "data_C1" / "bbox_C1" / "b.txt", "polyp 10 12 30\n")
    mask(tmp_path / "data_C1" / "masks_C1" / "stray_mask.jpg")
    _, report = read("polypgen", tmp_path)
    assert [(p.file, p.kind) for p in report.problems] == [
        ("data_C1/bbox_C1/b.txt", "broken line"),
        ("data_C1/masks_C1/stray_mask.jpg", "missing image"),
    ]
