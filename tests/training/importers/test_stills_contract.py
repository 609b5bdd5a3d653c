"""What holds for every layout of stills alike."""

import random
import re
from contextlib import suppress

import pytest

from detector.errors import FormatError, PolypwatchError
from tests.training.importers.stills import SETS, read
from training.importers.registry import find_layout, layouts

LABELS = {".txt", ".xml", ".json", ".yaml", ".csv", ".png", ".tif"}
NOISE = (b"-", b"9" * 40, b"nan", b"1e999", b"null", b"[", b"<", b",", b"\xff", "²".encode())


@pytest.fixture(params=SETS)
def made(request, tmp_path):
    return request.param, SETS[request.param](tmp_path / "clinic")


def test_the_layout_is_guessed(made):
    layout, root = made
    assert find_layout(root, None).name == layout


def test_names_begin_with_the_folder_and_are_sorted(made):
    layout, root = made
    names = [s.name for s in read(layout, root)[0]]
    assert names
    assert all(n.startswith("clinic/") for n in names)
    assert names == sorted(names)


def test_a_prefix_replaces_the_folder_in_names(made):
    layout, root = made
    assert all(s.name.startswith("other/") for s in read(layout, root, prefix="other")[0])


def test_a_whole_set_has_no_problems_and_passes_strictly(made):
    layout, root = made
    assert read(layout, root)[1].problems == []
    assert read(layout, root, strict=True)[0]


def test_samples_say_where_they_are_from_and_how_large(made):
    layout, root = made
    for sample in read(layout, root)[0]:
        assert sample.source == "made"
        assert sample.image.is_file()
        assert sample.size == (64, 48)


def test_a_picture_that_is_cut_off_is_reported_or_refused(made):
    layout, root = made
    image = read(layout, root)[0][0].image
    image.write_bytes(image.read_bytes()[:200])
    samples, report = read(layout, root)
    assert image not in [s.image for s in samples]
    assert report.counts()["unreadable image"] == 1
    with pytest.raises(FormatError, match=re.escape(image.name)):
        read(layout, root, strict=True)


def test_two_pictures_of_one_name_are_not_confused(made):
    layout, root = made
    image = read(layout, root)[0][0].image
    if layout == "coco":
        pytest.skip("a COCO file names its images in full")
    image.with_suffix(".bmp").write_bytes(image.read_bytes())
    assert read(layout, root)[1].counts()["duplicate name"] == 1


def test_options_are_documented(made):
    layout, _ = made
    assert "prefix" in layouts()[layout].options
    assert all(text for text in layouts()[layout].options.values())


def test_damaged_labels_are_reported_never_a_traceback(made):
    layout, root = made
    labels = [p for p in sorted(root.rglob("*")) if p.is_file() and (p.suffix in LABELS or "mask" in p.name)]
    rng = random.Random(layout)
    for _ in range(30):
        label = rng.choice(labels)
        before = label.read_bytes()
        damaged = bytearray(before)
        for _ in range(rng.randint(1, 4)):
            at = rng.randrange(len(damaged) + 1)
            kind = rng.randrange(3)
            if kind == 0 and damaged:
                damaged[at % len(damaged)] = rng.randrange(256)
            elif kind == 1:
                del damaged[at : at + rng.randint(1, 9)]
            else:
                damaged[at:at] = rng.choice(NOISE)
        label.write_bytes(bytes(damaged))
        samples = []
        with suppress(PolypwatchError):
            find_layout(root, layout).matches(root)
            samples = read(layout, root)[0]
        for s in samples:
            assert (s.boxes >= 0).all()
            assert (s.boxes[:, 2:] <= s.size).all()
        label.write_bytes(before)


def test_an_empty_folder_is_a_clear_error(made, tmp_path):
    layout, _ = made
    empty = tmp_path / "empty"
    empty.mkdir()
    assert not layouts()[layout].matches(empty)
    with pytest.raises(PolypwatchError, match="empty"):
        read(layout, empty)
