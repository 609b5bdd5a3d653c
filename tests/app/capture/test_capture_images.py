"""Folders of images: what counts as one, in which order, and what becomes of the damaged."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from app.capture import ImageFolderSource
from app.capture.images import load_image, natural_key
from detector.errors import SourceError
from detector.frame import Frame, Interruption, SourceState
from detector.geometry import Size
from tests.app.capture.conftest import write_image
from tests.clips import painted_frames, read_painted_index

COLOUR = np.full((24, 32, 3), (40, 120, 200), np.uint8)


def read_all(source: ImageFolderSource, most: int = 50) -> list[Frame | Interruption]:
    """Everything up to the first state that is final."""
    items: list[Frame | Interruption] = []
    while len(items) < most:
        item = source.read()
        if isinstance(item, Interruption) and item.state is not SourceState.UNDECODABLE:
            return items
        items.append(item)
    return items


def test_names_are_paths_below_the_folder_in_natural_order(still_folder: Path) -> None:
    source = ImageFolderSource(still_folder)
    source.open()
    frames = read_all(source)
    assert [item.name for item in frames] == [f"{n}.png" for n in range(1, 11)] + ["more/11.png", "more/12.png"]
    assert [read_painted_index(item.image) for item in frames if isinstance(item, Frame)] == list(range(12))


def test_numbers_sort_as_numbers_and_case_does_not_matter() -> None:
    names = ["b.png", "a10.png", "A9.png", "a9b.png", "a1.png", "a01.png", "10.png", "9.png"]
    assert sorted(names, key=natural_key) == [
        "9.png",
        "10.png",
        "a01.png",
        "a1.png",
        "A9.png",
        "a9b.png",
        "a10.png",
        "b.png",
    ]


def test_other_files_and_hidden_ones_are_left_out(tmp_path: Path) -> None:
    write_image(tmp_path / "a.jpg", COLOUR)
    write_image(tmp_path / "b.JPEG", COLOUR)
    (tmp_path / "notes.txt").write_text("no image")
    (tmp_path / "._a.jpg").write_bytes(b"what a Mac leaves behind")
    source = ImageFolderSource(tmp_path)
    assert source.open().frame_count == 2


@pytest.mark.parametrize("suffix", ["jpg", "png", "bmp", "tif", "webp"])
def test_every_kind_of_image_can_be_read(tmp_path: Path, suffix: str) -> None:
    write_image(tmp_path / f"a.{suffix}", COLOUR)
    image = load_image(tmp_path / f"a.{suffix}")
    assert not isinstance(image, str)
    assert np.abs(image.astype(int) - COLOUR).max() <= 3


@pytest.mark.parametrize(
    ("pixels", "expected"),
    [
        (np.full((8, 8), 130, np.uint8), (130, 130, 130)),
        (np.full((8, 8), 130 * 257, np.uint16), (130, 130, 130)),
        (np.full((8, 8, 3), (10 * 257, 20 * 257, 30 * 257), np.uint16), (10, 20, 30)),
        (np.full((8, 8, 4), (10, 20, 30, 0), np.uint8), (10, 20, 30)),
    ],
    ids=["grey", "grey 16 bit", "colour 16 bit", "transparent"],
)
def test_every_depth_becomes_bgr(tmp_path: Path, pixels: object, expected: tuple[int, int, int]) -> None:
    write_image(tmp_path / "a.png", pixels)
    image = load_image(tmp_path / "a.png")
    assert not isinstance(image, str)
    assert image.dtype == np.uint8
    assert image.shape == (8, 8, 3)
    assert tuple(image[4, 4]) == expected


def test_the_exif_orientation_is_applied(tmp_path: Path) -> None:
    write_image(tmp_path / "plain.jpg", COLOUR)
    plain = (tmp_path / "plain.jpg").read_bytes()
    # Orientation 6: to be turned a quarter to the right.
    tiff = b"MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00\x06\x00\x00\x00\x00\x00\x00"
    exif = b"Exif\x00\x00" + tiff
    turned = plain[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif + plain[2:]
    (tmp_path / "turned.jpg").write_bytes(turned)
    image = load_image(tmp_path / "turned.jpg")
    assert not isinstance(image, str)
    assert image.shape == (32, 24, 3)


@pytest.mark.parametrize("suffix", ["jpg", "png", "bmp", "tif", "webp"])
def test_a_damaged_image_says_so_under_its_name(tmp_path: Path, suffix: str, capfd: pytest.CaptureFixture[str]) -> None:
    for name in ("a", "b", "c"):
        write_image(tmp_path / f"{name}.{suffix}", painted_frames(1)[0])
    whole = (tmp_path / f"b.{suffix}").read_bytes()
    (tmp_path / f"b.{suffix}").write_bytes(whole[: len(whole) // 2])
    source = ImageFolderSource(tmp_path)
    source.open()
    first, damaged, last = read_all(source)
    assert isinstance(first, Frame)
    assert isinstance(last, Frame)
    assert isinstance(damaged, Interruption)
    assert (damaged.state, damaged.index, damaged.name) == (SourceState.UNDECODABLE, 1, f"b.{suffix}")
    assert damaged.detail
    assert last.index == 2
    assert capfd.readouterr().err == ""


def test_a_flipped_byte_in_a_png_is_noticed(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    write_image(tmp_path / "a.png", painted_frames(1)[0])
    data = bytearray((tmp_path / "a.png").read_bytes())
    data[len(data) // 2] ^= 1
    (tmp_path / "a.png").write_bytes(data)
    assert load_image(tmp_path / "a.png") == "damaged or cut off PNG"
    assert capfd.readouterr().err == ""


def test_an_empty_image_among_others_says_so(tmp_path: Path) -> None:
    write_image(tmp_path / "a.png", COLOUR)
    (tmp_path / "b.png").touch()
    source = ImageFolderSource(tmp_path)
    source.open()
    _, empty = read_all(source)
    assert isinstance(empty, Interruption)
    assert "0 bytes" in empty.detail


def test_the_first_image_may_be_damaged(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"no png")
    write_image(tmp_path / "b.png", COLOUR)
    source = ImageFolderSource(tmp_path)
    assert source.open().size == Size(32, 24)
    assert [type(item) for item in read_all(source)] == [Interruption, Frame]


def test_an_image_that_vanished_is_undecodable_and_a_folder_that_did_is_gone(tmp_path: Path) -> None:
    folder = tmp_path / "stills"
    folder.mkdir()
    for name in "abc":
        write_image(folder / f"{name}.png", COLOUR)
    source = ImageFolderSource(folder)
    source.open()
    (folder / "a.png").unlink()
    item = source.read()
    assert isinstance(item, Interruption)
    assert (item.state, item.name) == (SourceState.UNDECODABLE, "a.png")
    assert isinstance(source.read(), Frame)
    shutil.rmtree(folder)
    for _ in range(2):
        item = source.read()
        assert isinstance(item, Interruption)
        assert item.state is SourceState.GONE


def test_a_loop_counts_on(still_folder: Path) -> None:
    source = ImageFolderSource(still_folder, loop=True)
    source.open()
    items = read_all(source, 30)
    assert [item.index for item in items] == list(range(30))
    assert items[12].name == items[0].name


def test_a_loop_over_images_that_all_broke_ends(tmp_path: Path) -> None:
    write_image(tmp_path / "a.png", COLOUR)
    source = ImageFolderSource(tmp_path, loop=True)
    source.open()
    (tmp_path / "a.png").write_bytes(b"broken")
    assert len(read_all(source)) == 1


def test_bad_paths_are_refused_with_a_reason(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.png").write_text("no image")
    (tmp_path / "nothing.png").touch()
    expected = {
        "missing": "does not exist",
        "missing/deeper": "does not exist",
        "empty": "holds no images",
        "text.png": "does not hold an image that can be decoded",
        "nothing.png": "is empty",
    }
    for name, words in expected.items():
        with pytest.raises(SourceError, match=words) as caught:
            ImageFolderSource(tmp_path / name).open()
        assert caught.value.hint
