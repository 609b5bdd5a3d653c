"""Sizes from headers, label files read safely, and the rules for boxes."""

import struct
import zlib

import cv2
import numpy as np
import pytest

from detector.errors import FormatError, SourceError
from detector.geometry import Size
from detector.labels.text import read_json, read_table, read_text, read_xml
from tests.training.importers.stills import SOURCE, picture, write
from training.importers.context import Context, Report
from training.importers.headers import image_size
from training.importers.intake import Intake, Mark, natural, orders

EXIF_ROTATED = (
    b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"  # orientation 6: a quarter turn
)


@pytest.mark.parametrize("suffix", ["png", "jpg", "bmp", "tif"])
@pytest.mark.parametrize("size", [(64, 48), (1, 3), (301, 17)])
def test_the_size_is_that_of_the_decoded_picture(tmp_path, suffix, size):
    assert image_size(picture(tmp_path / f"a.{suffix}", size)) == Size(*size)


def test_progressive_jpeg_has_a_size(tmp_path):
    path = tmp_path / "a.jpg"
    cv2.imwrite(str(path), np.zeros((20, 30, 3), np.uint8), [cv2.IMWRITE_JPEG_PROGRESSIVE, 1])
    assert image_size(path) == Size(30, 20)


def test_a_rotated_jpeg_has_the_size_that_training_sees(tmp_path):
    data = picture(tmp_path / "a.jpg").read_bytes()
    turned = tmp_path / "b.jpg"
    turned.write_bytes(data[:2] + b"\xff\xe1" + struct.pack(">H", len(EXIF_ROTATED) + 2) + EXIF_ROTATED + data[2:])
    assert image_size(turned) == Size(48, 64) == Size.of(cv2.imread(str(turned)))


def test_png_with_text_before_the_pixels_has_a_size(tmp_path):
    data = picture(tmp_path / "a.png").read_bytes()
    body = b"tEXtComment\0hello"
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    path = tmp_path / "b.png"
    path.write_bytes(data[:33] + chunk + data[33:])
    assert image_size(path) == Size(64, 48)


@pytest.mark.parametrize("suffix", ["png", "jpg", "bmp", "tif"])
def test_what_is_no_picture_or_cut_off_is_an_error(tmp_path, suffix):
    path = picture(tmp_path / f"a.{suffix}")
    data = path.read_bytes()
    for damaged in (b"", data[:1], data[:30], data[: len(data) // 2], b"no picture at all"):
        if suffix in ("bmp", "tif") and len(damaged) == len(data) // 2:
            continue  # OpenCV decodes what there is of these
        path.write_bytes(damaged)
        with pytest.raises(SourceError, match=path.name):
            image_size(path)
    with pytest.raises(SourceError, match="cannot be read"):
        image_size(tmp_path / "missing.png")


def test_xml_with_a_document_type_is_refused(tmp_path):
    bomb = '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "bb"><!ENTITY c "&b;&b;">]><annotation>&c;</annotation>'
    with pytest.raises(FormatError, match="document type"):
        read_xml(write(tmp_path / "a.xml", bomb))
    outside = '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>'
    with pytest.raises(FormatError, match="document type"):
        read_xml(write(tmp_path / "b.xml", outside))


@pytest.mark.parametrize(
    "text", ["", "<a>", "<a></b>", "<a/><b/>", "<a>&nbsp;</a>", '<?xml version="1.0" encoding="x"?><a/>']
)
def test_broken_xml_is_an_error_with_the_file(tmp_path, text):
    with pytest.raises(FormatError, match=r"a\.xml is not well-formed"):
        read_xml(write(tmp_path / "a.xml", text))


def test_json_that_is_none_or_far_too_deep_is_an_error(tmp_path):
    for text in ("", "{", "[" * 200_000):
        with pytest.raises(FormatError, match="is not JSON"):
            read_json(write(tmp_path / "a.json", text))


def test_text_may_have_a_byte_order_mark_but_must_be_utf8(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"\xef\xbb\xbfhello")
    assert read_text(path) == "hello"
    path.write_bytes(b"\xff\xfeh")
    with pytest.raises(FormatError, match="not UTF-8"):
        read_text(path)


def test_a_table_without_its_column_is_an_error(tmp_path):
    path = write(tmp_path / "t.csv", "file,centre\na.jpg, C1\nb.jpg\n")
    assert read_table(path, ("file", "centre")) == [{"file": "a.jpg", "centre": "C1"}, {"file": "b.jpg", "centre": ""}]
    with pytest.raises(FormatError, match="no column 'patient'"):
        read_table(path, ("patient",))
    with pytest.raises(SourceError, match="is missing"):
        read_table(tmp_path / "none.csv", ())


def test_frames_are_ordered_as_numbers():
    assert sorted(["img10", "img9", "img010b", "a"], key=natural) == ["a", "img9", "img10", "img010b"]
    assert orders(["s/10", "s/9", "t/1"]) == {"s/9": 0, "s/10": 1, "t/1": 0}


@pytest.fixture
def intake(tmp_path):
    picture(tmp_path / "a.png")
    return Intake.of(tmp_path, Context(SOURCE, Report(), tmp_path))


def take(intake, *boxes, **more):
    marks = [Mark(tuple(map(float, b))) for b in boxes]
    return intake.sample(intake.root / "a.png", "a", marks, label=intake.root / "a.txt", **more)


def test_a_box_of_the_whole_image_is_inside(intake):
    assert take(intake, (0, 0, 64, 48)).boxes.tolist() == [[0, 0, 64, 48]]
    assert intake.tally == {}


def test_a_box_that_reaches_two_pixels_past_the_border_is_cut_and_counted(intake):
    assert take(intake, (-2, 1, 10, 50), (1, 1, 9, 9)).boxes.tolist() == [[0, 1, 10, 48], [1, 1, 9, 9]]
    intake.close()
    assert intake.context.report.notes == ["1 boxes reached at most 2 px past the image's border and were cut there"]


@pytest.mark.parametrize(
    ("box", "kind"),
    [
        ((-2.5, 1, 10, 10), "box outside"),
        ((1, 1, 66.5, 10), "box outside"),
        ((64, 1, 66, 10), "box outside"),
        ((1, -2, 9, 0), "box outside"),
        ((5, 5, 5, 9), "empty box"),
        ((9, 5, 5, 9), "empty box"),
        ((float("nan"), 1, 2, 3), "not a number"),
        ((1, 1, float("inf"), 3), "not a number"),
    ],
)
def test_one_bad_box_makes_the_whole_label_bad(intake, box, kind):
    assert take(intake, (1, 1, 9, 9), box) is None
    (problem,) = intake.context.report.problems
    assert (problem.file, problem.kind) == ("a.txt", kind)
    assert problem.reason.startswith("Box 2: ")


def test_a_box_that_was_written_twice_is_kept_once(intake):
    assert len(take(intake, (1, 1, 9, 9), (1, 1, 9, 9)).boxes) == 1
    assert sum(intake.tally.values()) == 1


def test_a_label_for_another_size_is_bad(intake):
    assert take(intake, told=Size(48, 64)) is None
    assert intake.context.report.problems[0].reason == "It is for an image of 48x64, but a.png is 64x48."


def test_an_outline_that_does_not_span_its_box_is_replaced_by_the_corners(intake):
    triangle = np.array([[10, 10], [30, 10], [20, 30]], np.float32)
    for outline, points in ((triangle, 3), (triangle + 5, 4)):
        intake.tally.clear()
        name = f"n{points}"
        mark = Mark((10, 10, 30, 30), outline=outline)
        sample = intake.sample(intake.root / "a.png", name, [mark], label=intake.root / "a.txt")
        assert len(sample.outlines[0]) == points


def test_ignored_regions_are_no_polyps_and_no_negatives(intake):
    mark = Mark((1, 1, 9, 9), ignored=True)
    sample = intake.sample(intake.root / "a.png", "a", [mark], label=intake.root / "a.txt")
    assert sample.boxes.shape == (0, 4)
    assert sample.ignored.tolist() == [[1, 1, 9, 9]]
    assert not sample.negative
