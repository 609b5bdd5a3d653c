import csv

import cv2
import numpy as np
import pytest

from detector.errors import UsageError
from training.cli import main
from training.data.preview import COLUMNS, TILE_PX, draw_sheet, tiles
from training.data.settings import AugmentSettings


def preview(catalog, out, *more) -> int:
    return main(["preview", "--data", str(catalog), "--out", str(out), *map(str, more)])


def rows(path) -> list[dict]:
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines, delimiter="\t"))


@pytest.mark.parametrize("augment", ["plain", "none"])
def test_a_sheet_and_what_each_tile_got_are_written(catalog, tmp_path, augment, capsys):
    out = tmp_path / "sheet.png"
    assert preview(catalog, out, "--augment", augment, "--count", 8) == 0
    assert cv2.imread(str(out)).shape == (2 * TILE_PX, COLUMNS * TILE_PX, 3)
    found = rows(tmp_path / "sheet.tsv")
    assert [row["tile"] for row in found] == [str(k) for k in range(8)]
    assert {name for row in found for name in row["images"].split()} <= {f"made/{i}" for i in range(5)}
    assert any(row["effects"] for row in found) == (augment == "plain")
    assert f"8 inputs from 5 images; what each one got: {tmp_path / 'sheet.tsv'}" in capsys.readouterr().out


def test_one_effect_is_shown_at_full_strength_on_every_tile(catalog, tmp_path):
    assert preview(catalog, tmp_path / "a.png", "--only", "interlace", "--count", 4) == 0
    assert [row["effects"] for row in rows(tmp_path / "a.tsv")] == ["interlace=7"] * 4


def test_an_effect_with_two_extremes_shows_both_in_turn(samples):
    table = AugmentSettings().exposure
    found = [tile.scene.applied for tile in tiles(samples, 4, 1, only="exposure")]
    assert found == [(("exposure", table.strong),), (("exposure", table.mild),)] * 2


def test_a_mosaic_names_its_four_images(samples):
    assert all(len(tile.names) == 4 for tile in tiles(samples, 3, 1, only="mosaic"))


def test_the_same_seed_draws_the_same_sheet(samples):
    one, two, other = (draw_sheet(tiles(samples, 3, seed, "plain")) for seed in (1, 1, 2))
    assert np.array_equal(one, two)
    assert not np.array_equal(one, other)


def test_boxes_are_drawn(samples):
    sheet = draw_sheet(tiles(samples[1:2], 1, 1, "off", size=160))
    assert (sheet == (0, 255, 0)).all(axis=2).sum() > 200


def test_splits_can_be_chosen(catalog, tmp_path, capsys):
    assert preview(catalog, tmp_path / "d.png", "--split", "dev", "--augment", "none", "--count", 2) == 0
    assert {row["images"] for row in rows(tmp_path / "d.tsv")} == {"made/5"}
    assert preview(catalog, tmp_path / "d.png", "--split", "test:far") != 0
    assert "no images in the split 'test:far'" in capsys.readouterr().err


def test_mistakes_are_one_line(catalog, tmp_path, capsys):
    for argv, message in (
        ([tmp_path / "a.png", "--only", "interlacing"], "nearest is 'interlace'"),
        ([tmp_path / "no" / "such" / "a.png", "--augment", "plain"], "cannot be written"),
    ):
        assert preview(catalog, *argv) != 0
        lines = capsys.readouterr().err.strip().splitlines()
        assert len(lines) == 1
        assert message in lines[0]
    with pytest.raises(UsageError, match="no image"):
        tiles([], 4, 1)


def test_the_table_of_effects_can_be_printed(capsys):
    assert main(["preview", "--effects"]) == 0
    out = capsys.readouterr().out
    assert all(f"| {name} |" in out for name in AugmentSettings.names())
