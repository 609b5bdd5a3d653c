"""Snapshots: the clean pixels, whole, and honest about what is known."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from pydicom import dcmread

from app.dicom.export import export_dicom
from app.dicom.still import open_snapshot
from detector.errors import FormatError, SourceError
from tests.app.dicom.conformance import complaints, needs_validator
from tests.app.dicom.sources import write_snapshot_files


def test_the_clean_picture_comes_back_pixel_by_pixel_and_without_marks(tmp_path: Path) -> None:
    record = write_snapshot_files(tmp_path / "s")
    made = export_dicom([record], tmp_path / "out")
    data = dcmread(made.files[0])
    clean = cv2.imread(str(tmp_path / "s" / "polypwatch-1.clean.png"))
    assert np.array_equal(data.pixel_array, clean[:, :, ::-1])
    assert data.PhotometricInterpretation == "RGB"
    assert (data.StudyDate, data.ContentTime) == ("20260301", "083000.500000")


@needs_validator
def test_the_validator_finds_nothing_to_say(tmp_path: Path) -> None:
    record = write_snapshot_files(tmp_path / "s")
    for number, options in enumerate(({}, {"no_text": True}, {"study_id": "Esame 7", "patient_id": "Età-β"})):
        made = export_dicom([record], tmp_path / str(number), **options)
        assert complaints(made.files[0]) == []


@pytest.mark.parametrize(
    ("label", "file", "lossy"),
    [
        ("camera 0", None, ""),
        ("visit.mp4", None, "01"),
        ("rtsp://room/1", None, "01"),
        ("stills", "a.JPG", "01"),
        ("stills", "a.png", ""),
    ],
)
def test_loss_is_said_where_it_is_known_and_left_open_where_not(
    label: str, file: str | None, lossy: str, tmp_path: Path
) -> None:
    record = write_snapshot_files(
        tmp_path / "s", source={"label": label}, frame={"index": 0, "file": file, "width": 320, "height": 240}
    )
    data = dcmread(export_dicom([record], tmp_path / "out").files[0])
    assert (data.LossyImageCompression or "") == lossy


def test_any_of_the_three_files_names_the_snapshot_and_all_three_are_one(tmp_path: Path) -> None:
    record = write_snapshot_files(tmp_path / "s")
    every = sorted((tmp_path / "s").iterdir())
    assert len(every) == 3
    assert {open_snapshot(p).record for p in every} == {record}
    assert len(export_dicom(every, tmp_path / "out").files) == 1


def test_a_snapshot_without_its_clean_picture_is_refused(tmp_path: Path) -> None:
    record = write_snapshot_files(tmp_path / "s")
    (tmp_path / "s" / "polypwatch-1.clean.png").unlink()
    with pytest.raises(SourceError, match=r"polypwatch-1\.clean\.png is missing"):
        open_snapshot(record)


def test_a_record_that_lacks_its_time_is_named_with_the_field(tmp_path: Path) -> None:
    record = write_snapshot_files(tmp_path / "s")
    content = json.loads(record.read_text())
    del content["taken_utc"]
    record.write_text(json.dumps(content))
    with pytest.raises(FormatError, match="taken_utc"):
        open_snapshot(record)


def test_a_damaged_picture_leaves_nothing_behind(tmp_path: Path) -> None:
    record = write_snapshot_files(tmp_path / "s")
    (tmp_path / "s" / "polypwatch-1.clean.png").write_bytes(b"no picture")
    with pytest.raises(SourceError, match="no picture"):
        export_dicom([record], tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []
