import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
import pytest

from app import RESEARCH_USE, SOFTWARE
from app.gui.painting import as_bgr, render_to_image, unscaled_size
from app.gui.signs import View
from app.gui.snapshots import saved_notice, write_snapshot
from detector.errors import OutputError, UsageError
from detector.geometry import Size
from tests.app.gui.fakes import INFO, marker, snapshot

NOISE = np.random.default_rng(3).integers(0, 255, (240, 320, 3), dtype=np.uint8)
TAKEN = datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)


def test_three_files_tell_what_was_shown(tmp_path: Path) -> None:
    shown = snapshot(NOISE.copy(), markers=(marker(),))
    saved = write_snapshot(tmp_path / "new" / "folder", shown, View(), TAKEN)
    assert saved.shown.name == "polypwatch-20240506-070809-frame100.png"
    assert (cv2.imread(str(saved.clean)) == NOISE).all()
    expected = as_bgr(render_to_image(shown, unscaled_size(Size(320, 240))))
    assert (cv2.imread(str(saved.shown)) == expected).all()
    record = json.loads(saved.record.read_text())
    assert record["schema"] == "polypwatch.snapshot/1"
    assert record["software"] == SOFTWARE
    assert record["notice"] == RESEARCH_USE
    assert record["taken_utc"] == "2024-05-06T07:08:09+00:00"
    assert record["frame"] == {
        "index": 100,
        "file": None,
        "pts": 100,
        "time_base": "1/25",
        "time_s": 4.0,
        "width": 320,
        "height": 240,
    }
    assert record["model"] == {"name": "scripted", "version": "1.2.3", "variant": "fp32", "sha256": INFO.sha256}
    assert record["threshold"] == 0.4
    assert record["markers"] == [{"track": 1, "box": [80, 60, 160, 140], "score": 0.8, "class": "polyp", "shown": True}]


def test_hidden_boxes_are_recorded_as_hidden(tmp_path: Path) -> None:
    saved = write_snapshot(tmp_path, snapshot(markers=(marker(),)), View(boxes=False), TAKEN)
    record = json.loads(saved.record.read_text())
    assert not record["boxes_shown"]
    assert [m["shown"] for m in record["markers"]] == [False]


def test_no_snapshot_overwrites_another(tmp_path: Path) -> None:
    for _ in range(3):
        write_snapshot(tmp_path, snapshot(), View(), TAKEN)
    assert len(list(tmp_path.iterdir())) == 9


def test_without_a_picture_there_is_nothing_to_save(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="no picture"):
        write_snapshot(tmp_path, replace(snapshot(), frame=None), View(), TAKEN)


def test_a_full_disk_leaves_no_half_snapshot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Path.write_bytes

    def full(self: Path, data: bytes) -> int:
        if ".json" in self.name:
            raise OSError(28, "No space left on device")
        return real(self, data)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OutputError, match="No space left"):
        write_snapshot(tmp_path, snapshot(), View(), TAKEN)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(OutputError, match="not saved") as caught:
        write_snapshot(blocked / "folder", snapshot(), View(), TAKEN)
    assert str(blocked) in caught.value.what
    assert caught.value.hint


def test_a_read_only_folder_is_an_error_that_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path, data: bytes) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "write_bytes", refuse)
    with pytest.raises(OutputError, match="Permission denied") as caught:
        write_snapshot(tmp_path, snapshot(), View(), TAKEN)
    assert str(tmp_path) in caught.value.what


def test_saving_is_told_with_the_path(tmp_path: Path) -> None:
    notice = saved_notice(write_snapshot(tmp_path, snapshot(), View(), TAKEN))
    assert notice.what == "Snapshot saved."
    assert str(tmp_path) in notice.rest


def test_nothing_is_saved_while_nobody_knows_what_lies_around_the_picture(tmp_path: Path) -> None:
    unsettled = replace(snapshot(NOISE.copy()).source, objection="the picture area is being looked for")
    with pytest.raises(UsageError, match="No picture is saved: the picture area is being looked for"):
        write_snapshot(tmp_path, replace(snapshot(NOISE.copy()), source=unsettled), View(), TAKEN)
    assert list(tmp_path.iterdir()) == []
