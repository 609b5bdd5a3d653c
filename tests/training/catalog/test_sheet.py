from dataclasses import replace

import cv2
import numpy as np
import pytest

from detector.errors import OutputError, UsageError
from detector.geometry import as_boxes
from training.catalog import sheet
from training.catalog.sheet import BOX, IGNORED, TILE_PX, contact_sheet, draw_tile, write_sheet


def has(tile, colour, where=(slice(None), slice(None))):
    return bool((tile[where] == np.array(colour)).all(axis=-1).any())


@pytest.fixture
def words(monkeypatch):
    """What is written on a tile."""
    found = []
    monkeypatch.setattr(sheet, "_write", lambda tile, text, at, colour: found.append(text))
    return found


def test_boxes_and_ignored_regions_have_different_colours(make):
    sample = replace(make("clinic/a"), ignored=as_boxes([[45, 30, 60, 45]]))
    tile = draw_tile(sample)  # 64x48 pixels are shown four times as large
    assert (tile[40:120, 40] == np.array(BOX)).all()
    assert (tile[120:180, 180] == np.array(IGNORED)).all()
    assert not has(draw_tile(make("clinic/b")), IGNORED)


def test_what_is_known_is_said_in_words(make, words):
    draw_tile(replace(make("clinic/a", split="dev"), lesions=("L7",), classes=("flat",)))
    draw_tile(make("clinic/b", polyp=False))
    draw_tile(make("clinic/c", known=False))
    assert words == ["L7 flat", "dev", "clinic/a", "no polyp", "clinic/b", "unknown", "clinic/c"]


def test_a_sheet_shows_as_many_as_there_are_and_the_same_for_a_seed(make):
    samples = [make(f"clinic/{i}") for i in range(10)]
    assert contact_sheet(samples).shape == (2 * TILE_PX, 8 * TILE_PX, 3)
    assert contact_sheet(samples, count=3).shape == (TILE_PX, 3 * TILE_PX, 3)
    assert np.array_equal(contact_sheet(samples, 3, seed=5), contact_sheet(samples, 3, seed=5))
    assert not np.array_equal(contact_sheet(samples, 3, seed=5), contact_sheet(samples, 3, seed=6))
    with pytest.raises(UsageError, match="no image"):
        contact_sheet([])


def test_a_sheet_is_written_or_the_reason_told(make, tmp_path):
    picture = contact_sheet([make("clinic/a")])
    write_sheet(picture, tmp_path / "a.png")
    assert np.array_equal(cv2.imread(str(tmp_path / "a.png")), picture)
    for bad in (tmp_path / "no" / "a.png", tmp_path / "a.nonsense"):
        with pytest.raises(OutputError, match="cannot be written"):
            write_sheet(picture, bad)
