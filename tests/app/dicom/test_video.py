"""Video: what was encapsulated is decoded again and compared with the source, picture by picture."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from pydicom import Dataset, dcmread

from app.dicom.export import export_dicom
from app.dicom.reading import DicomVideo, decode_dicom_video, open_dicom_video
from detector.decode import decode_frames
from detector.errors import OutputError, SourceError
from tests.app.dicom.conformance import complaints, needs_validator
from tests.app.dicom.sources import write_clip, write_recording
from tests.clips import painted_frames, read_painted_index

EVEN = [i / 25 for i in range(40)]
UNEVEN = [i / 25 + (i % 3) * 0.0123 for i in range(40)]


def header(path: Path) -> Dataset:
    return dcmread(path, stop_before_pixels=True)


def write_mjpeg(path: Path, pictures: Sequence[np.ndarray]) -> None:
    """Motion JPEG, which holds odd sizes."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", rate=25)
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = "yuvj444p"
        for image in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24").reformat(format="yuvj444p")))
        container.mux(stream.encode(None))


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    return float(10 * np.log10(255**2 / np.mean((a.astype(float) - b) ** 2)))


def check_pictures(source: Path, files: Sequence[Path]) -> None:
    """Every picture once, in order, and close to the source's (the clips are all texture: real video is closer)."""
    back = [frame for path in files for frame in decode_dicom_video(open_dicom_video(path))]
    first = list(decode_frames(source))
    assert [read_painted_index(f.image) for f in back] == list(range(len(first)))
    assert min(psnr(a.image, b.image) for a, b in zip(first, back, strict=True)) > 35


def stream_of(video: DicomVideo) -> bytes:
    with video.open_stream() as file:
        return file.readall()


@needs_validator
@pytest.mark.parametrize("times", [EVEN, UNEVEN, EVEN[:1]])
def test_the_validator_finds_nothing_to_say(times: list[float], tmp_path: Path) -> None:
    write_clip(tmp_path / "v.mkv", times)
    for number, options in enumerate(({}, {"study_id": "E-7", "patient_id": "P-1", "no_text": True})):
        made = export_dicom([tmp_path / "v.mkv"], tmp_path / str(number), **options)
        assert complaints(made.files[0]) == []


def test_an_even_rate_is_said_and_kept(tmp_path: Path) -> None:
    write_clip(tmp_path / "v.mkv", EVEN)
    (path,) = export_dicom([tmp_path / "v.mkv"], tmp_path / "out").files
    data = header(path)
    assert (int(data.NumberOfFrames), float(data.FrameTime), int(data.CineRate)) == (40, 40.0, 25)
    assert data.FrameIncrementPointer == 0x00181063
    check_pictures(tmp_path / "v.mkv", [path])
    assert [f.time_s for f in decode_dicom_video(open_dicom_video(path))] == pytest.approx(EVEN, abs=1e-9)


def test_uneven_times_are_kept_in_the_stream_and_in_the_vector(tmp_path: Path) -> None:
    write_clip(tmp_path / "v.mkv", UNEVEN)
    (path,) = export_dicom([tmp_path / "v.mkv"], tmp_path / "out").files
    video = open_dicom_video(path)
    source = [f.time_s for f in decode_frames(tmp_path / "v.mkv")]
    assert header(path).FrameIncrementPointer == 0x00181065
    assert [f.time_s for f in decode_dicom_video(video)] == pytest.approx(source, abs=1 / 90_000)
    assert video.times_ms == pytest.approx([1000 * t for t in source], abs=0.02)
    check_pictures(tmp_path / "v.mkv", [path])


def test_the_times_of_a_recording_are_its_sidecars(tmp_path: Path) -> None:
    fine = [i / 25 + (i % 4) * 0.0104567 for i in range(30)]
    write_recording(tmp_path / "20260301-083000", fine)
    (path,) = export_dicom([tmp_path / "20260301-083000"], tmp_path / "out").files
    assert [f.time_s for f in decode_dicom_video(open_dicom_video(path))] == pytest.approx(fine, abs=2e-5)
    assert (header(path).ContentDate, header(path).ContentTime) == ("20260301", "083000.000000")


def test_the_stream_is_what_the_transfer_syntax_says(tmp_path: Path) -> None:
    write_clip(tmp_path / "v.mkv", EVEN)
    (path,) = export_dicom([tmp_path / "v.mkv"], tmp_path / "out").files
    video = open_dicom_video(path)
    assert video.syntax == "1.2.840.10008.1.2.4.102"
    assert len(video.fragments) == 1
    assert video.fragments[0][1] % 2 == 0
    assert stream_of(video)[4:8] == b"ftyp"
    with video.open_stream() as file, av.open(file, "r") as container:
        (stream,) = container.streams  # one, and so no sound
        codec = stream.codec_context
        assert (codec.name, codec.profile, codec.pix_fmt) == ("h264", "High", "yuv420p")
        assert codec.extradata[1] == 100  # profile_idc
        assert codec.extradata[3] == 41  # level_idc
        assert stream.sample_aspect_ratio in {None, 1}
        packets = [p for p in container.demux(stream) if p.size]
        assert [p.pts for p in packets] == [p.dts for p in packets]
        assert [p.is_keyframe for p in packets][::25] == [True, True]


def test_both_generations_of_loss_are_named(tmp_path: Path) -> None:
    write_clip(tmp_path / "v.mkv", EVEN)
    data = header(export_dicom([tmp_path / "v.mkv"], tmp_path / "out").files[0])
    assert data.LossyImageCompression == "01"
    assert list(data.LossyImageCompressionMethod) == ["ISO_14496_10", "ISO_14496_10"]
    assert all(float(ratio) > 1 for ratio in data.LossyImageCompressionRatio)
    assert list(data.ImageType) == ["DERIVED", "PRIMARY"]


def test_a_stream_beyond_the_fragment_limit_becomes_several_instances(tmp_path: Path) -> None:
    write_clip(tmp_path / "v.mkv", [i / 25 for i in range(120)], (160, 96))
    whole = export_dicom([tmp_path / "v.mkv"], tmp_path / "whole").files
    limit = 100_000
    assert open_dicom_video(whole[0]).fragments[0][1] > limit
    files = export_dicom([tmp_path / "v.mkv"], tmp_path / "out", fragment_limit=limit).files
    data = [header(p) for p in files]
    assert len(files) > 1
    assert all(open_dicom_video(p).fragments[0][1] <= limit for p in files)
    assert len({d.SeriesInstanceUID for d in data}) == 1
    assert len({d.SOPInstanceUID for d in data}) == len(files)
    assert [int(d.InstanceNumber) for d in data] == list(range(1, len(files) + 1))
    assert sum(int(d.NumberOfFrames) for d in data) == 120
    assert float(data[1].FrameDelay) == 40 * int(data[0].NumberOfFrames)
    check_pictures(tmp_path / "v.mkv", files)


def test_a_limit_that_holds_no_picture_is_an_error_and_leaves_nothing(tmp_path: Path) -> None:
    write_clip(tmp_path / "v.mkv", EVEN)
    with pytest.raises(OutputError, match="fragment"):
        export_dicom([tmp_path / "v.mkv"], tmp_path / "out", fragment_limit=3_000)
    assert list((tmp_path / "out").iterdir()) == []


def test_odd_sizes_lose_a_row_and_say_so(tmp_path: Path) -> None:
    odd = [cv2.copyMakeBorder(p, 0, 1, 0, 1, cv2.BORDER_REPLICATE) for p in painted_frames(6, (320, 240))]
    write_mjpeg(tmp_path / "v.avi", odd)
    made = export_dicom([tmp_path / "v.avi"], tmp_path / "out")
    data = header(made.files[0])
    assert (data.Columns, data.Rows) == (320, 240)
    assert any("even sizes" in note for note in made.notes)
    assert list(data.LossyImageCompressionMethod) == ["ISO_10918_1", "ISO_14496_10"]


def test_pixels_become_square(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "v.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 180, 144, "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(16, 15)
        for image in painted_frames(8, (180, 144)):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        container.mux(stream.encode(None))
    made = export_dicom([tmp_path / "v.mp4"], tmp_path / "out")
    data = header(made.files[0])
    assert (data.Columns, data.Rows) == (192, 144)
    assert "PixelAspectRatio" not in data
    assert any("not square" in note for note in made.notes)


def test_a_damaged_video_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    write_clip(tmp_path / "v.mkv", EVEN)
    content = bytearray((tmp_path / "v.mkv").read_bytes())
    middle = len(content) // 2
    content[middle : middle + 400] = bytes(400)
    (tmp_path / "v.mkv").write_bytes(content)
    with pytest.raises(SourceError):
        export_dicom([tmp_path / "v.mkv"], tmp_path / "out")
    assert not (tmp_path / "out").exists()
