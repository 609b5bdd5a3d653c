"""A copied stream: the source's own packets, each picture with its line, and nothing that may not be kept."""

import threading
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from app.capture import FileSource, MemorySource, Paced
from app.capture.tap import PacketTap, StreamPacket, tap_of
from app.picture.settings import Deinterlace, PictureSettings
from app.picture.source import Conditioned
from app.picture.words import PictureReport
from app.recording import Recorder, RecorderOptions
from app.recording.copying import CopySource
from detector.errors import UsageError
from detector.frame import Frame, FrameSource
from detector.picture.area import Area
from detector.procedure import open_procedure
from tests.app.recording.recordings import grey, indices, mark, sidecar
from tests.clips import paint_index, read_painted_index, write_video

COPY = RecorderOptions("copy", segment_s=1.0)


def video(path: Path, count: int = 60, **options: str) -> FileSource:
    write_video(path, (paint_index(grey(), n) for n in range(count)), options={"g": "10", **options})
    return FileSource(path)


def record(source: FrameSource, folder: Path, options: RecorderOptions = COPY) -> tuple[Recorder, dict[int, int]]:
    """Reads the whole source; returns the recorder and what each frame showed."""
    source.open()
    recorder = Recorder(folder, Fraction(25), options=options, copied=CopySource(tap_of(source)))
    shown = {}
    while isinstance(frame := source.read(), Frame):
        recorder.offer(frame)
        shown[frame.index] = read_painted_index(frame.image)
    recorder.close()
    source.close()
    return recorder, shown


@pytest.mark.parametrize("options", [{}, {"preset": "medium", "bf": "2"}])
def test_every_picture_is_copied_bit_by_bit_and_found_again(options: dict[str, str], tmp_path: Path) -> None:
    source = video(tmp_path / "a.mp4", **options)
    recorder, shown = record(source, tmp_path / "r")
    assert (recorder.fault, recorder.lost, recorder.encoder) == ("", 0, "copy")
    procedure = open_procedure(tmp_path / "r")
    assert len(procedure.segments) > 1
    for segment in procedure.segments:
        pictures = indices(segment.video)
        for row, picture in zip(segment.frames, pictures, strict=True):
            assert row.capture_index == -1 or shown[row.capture_index] == picture
    read = [f.capture_index for f in procedure.frames]
    assert read == sorted(read)
    assert read[0] <= 20, "the recording begins at the first key frame after its start"
    assert len(read) >= 20, "only what the session never read has no index"
    assert mark(tmp_path / "r")["state"] == "complete"


def test_the_packets_come_through_what_lies_around_a_source(tmp_path: Path) -> None:
    source = video(tmp_path / "a.mp4", 3)
    assert tap_of(Paced(Conditioned(source))) is source.tap
    assert tap_of(Paced(Conditioned(MemorySource([np.zeros((96, 160, 3), np.uint8)])))) is None


def test_what_is_done_to_the_picture_is_said_of_the_copy(tmp_path: Path) -> None:
    source = Conditioned(video(tmp_path / "a.mp4", 3), PictureSettings(Deinterlace.OFF, Area(10, 10, 64, 64)))
    source.open()
    source.read()
    source.close()
    copied = PictureReport(source).copy_source()
    assert (copied.tap, copied.halved) == (source.tap, False)
    assert copied.changes == ("the stream shows more than the picture area",)


def packets(path: Path) -> Iterator[StreamPacket]:
    """The packets of a file, as a source gives them."""
    got: list[StreamPacket] = []

    class Taker:
        def take_packet(self, packet: StreamPacket) -> None:
            got.append(packet)

        def learn(self, *_: object) -> None: ...

    source = FileSource(path)
    source.tap.give_to(Taker())
    source.open()
    while isinstance(source.read(), Frame):
        pass
    source.close()
    return iter(got)


def test_after_a_gap_the_recording_goes_on_at_the_next_key_frame(tmp_path: Path) -> None:
    video(tmp_path / "a.mp4", 40)
    tap = PacketTap()
    told = threading.Event()
    recorder = Recorder(tmp_path / "r", Fraction(25), told.set, RecorderOptions("copy"), copied=CopySource(tap))
    for n, packet in enumerate(packets(tmp_path / "a.mp4")):
        if n == 15:
            recorder._segments.broken = True  # type: ignore[union-attr]  # as after a packet that found no room
        recorder.take_packet(packet)
        while recorder._writer.waiting:
            told.wait(0.001)
    recorder.close()
    assert indices(tmp_path / "r" / "video-001.mkv") == list(range(15))
    assert indices(tmp_path / "r" / "video-002.mkv") == list(range(20, 40))
    assert recorder.snapshot().lost == (("stream damaged", 5),)
    assert told.is_set()
    assert all(row["capture_index"] == -1 for row in sidecar(tmp_path / "r"))
    assert open_procedure(tmp_path / "r").frames == ()


@pytest.mark.parametrize(
    ("copied", "inside", "why"),
    [
        (None, False, "there is no stream to copy"),
        (CopySource(None), False, "there is no stream to copy"),
        (CopySource(PacketTap(), ("the picture is cropped",)), False, "not copied: the picture is cropped"),
        (CopySource(PacketTap()), True, "outside the body cannot be blanked"),
        (CopySource(PacketTap(), halved=True), False, "fields are shown as pictures of their own"),
    ],
)
def test_what_may_not_be_copied_is_refused(copied: CopySource | None, inside: bool, why: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=why):
        Recorder(tmp_path / "r", None, options=COPY, copied=copied, inside=(lambda _: True) if inside else None)
    assert not (tmp_path / "r").exists()


def test_who_has_looked_may_copy_all_the_same(tmp_path: Path) -> None:
    options = RecorderOptions("copy", confirmed_no_text=True)
    copied = CopySource(PacketTap(), ("the picture is cropped",))
    recorder = Recorder(tmp_path / "r", None, options=options, copied=copied, inside=lambda _: False)
    recorder.close()
    assert mark(tmp_path / "r")["sessions"][0]["encoder"] == "copy"
