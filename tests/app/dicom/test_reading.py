"""DICOM video of others: several fragments, no DICOM, no video, cut off."""

import struct
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.encaps import encapsulate

from app.dicom.export import export_dicom
from app.dicom.reading import FragmentFile, count_pictures, decode_dicom_video, open_dicom_video
from detector.errors import FormatError, SourceError
from tests.app.dicom.sources import write_clip, write_snapshot_files
from tests.clips import read_painted_index


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    write_clip(tmp_path / "v.mkv", [i / 25 for i in range(12)])
    return export_dicom([tmp_path / "v.mkv"], tmp_path / "out").files[0]


def test_a_stream_in_several_fragments_is_read_as_one(exported: Path, tmp_path: Path) -> None:
    whole = open_dicom_video(exported)
    with whole.open_stream() as file:
        stream = file.readall()
    data = dcmread(exported)
    data.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.4.102.1"
    data.PixelData = encapsulate([stream], fragments_per_frame=5, has_bot=False)
    data.save_as(tmp_path / "parts.dcm")
    parts = open_dicom_video(tmp_path / "parts.dcm")
    assert len(parts.fragments) == 5
    assert [read_painted_index(f.image) for f in decode_dicom_video(parts)] == list(range(12))
    assert count_pictures(parts) == whole.count == 12


def test_parts_are_joined_and_sought(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(bytes(range(100)))
    with FragmentFile(tmp_path / "f", ((10, 5), (40, 3), (90, 4))) as file:
        assert file.readall() == bytes([*range(10, 15), *range(40, 43), *range(90, 94)])
        assert file.seek(-5, 2) == 7
        assert file.read(2) == bytes([42])  # to the end of a part
        assert file.read(2) == bytes([90, 91])
        assert file.seek(6) == 6
        assert file.read(1) == bytes([41])
        file.seek(99)
        assert file.read(1) == b""


def test_what_is_no_dicom_is_said(tmp_path: Path) -> None:
    write_clip(tmp_path / "v.mkv", [0.0, 0.04])
    with pytest.raises(SourceError, match="no DICOM"):
        open_dicom_video(tmp_path / "v.mkv")


def test_a_still_is_no_video(tmp_path: Path) -> None:
    still = export_dicom([write_snapshot_files(tmp_path / "s")], tmp_path / "out").files[0]
    with pytest.raises(FormatError, match="no video"):
        open_dicom_video(still)


def test_a_file_that_was_cut_off_is_said(exported: Path) -> None:
    exported.write_bytes(exported.read_bytes()[:-5000])
    with pytest.raises(FormatError, match="cut off"):
        open_dicom_video(exported)


def test_a_stream_that_cannot_be_decoded_is_said(exported: Path) -> None:
    ((begin, length),) = open_dicom_video(exported).fragments
    content = bytearray(exported.read_bytes())
    assert struct.unpack("<I", content[begin - 4 : begin]) == (length,)
    content[begin : begin + length] = bytes(length)
    exported.write_bytes(content)
    with pytest.raises(SourceError, match="cannot be decoded"):
        list(decode_dicom_video(open_dicom_video(exported)))
