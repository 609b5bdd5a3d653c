"""Video files: whole, damaged, cut off, vanished, and files that are no video at all."""

from __future__ import annotations

import itertools
import os
import shutil
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from app.capture import FileSource
from app.capture.decode import Damage, PictureReader
from app.capture.troubles import video_error
from detector.errors import SourceError
from detector.frame import Frame, FrameTime, Interruption, SourceState
from tests.app.capture.conftest import FRAMES
from tests.clips import RATE, painted_frames, read_painted_index, to_yuv, write_clip, write_video

Item = Frame | Interruption


def read_all(source: FileSource, most: int = 400) -> list[Item]:
    """Everything up to the first state that is final, and that state."""
    items: list[Item] = []
    while len(items) < most:
        items.append(source.read())
        last = items[-1]
        if isinstance(last, Interruption) and last.state is not SourceState.UNDECODABLE:
            break
    return items


def opened(path: Path, *, loop: bool = False) -> FileSource:
    source = FileSource(path, loop=loop)
    source.open()
    return source


def overwritten(clip: Path, folder: Path, count: int) -> Path:
    """A copy of ``clip`` with a hole of ``count`` zeros in a large predicted picture after the middle.

    A hole is what a bad sector or a copy that was broken off leaves; random bytes may decode to a plausible picture.
    """
    with av.open(str(clip)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size and packet.pos]
    packet = max((p for p in packets[FRAMES // 2 + 2 : -5] if not p.is_keyframe), key=lambda p: p.size)
    assert packet.pos is not None
    data = bytearray(clip.read_bytes())
    start = packet.pos + 200
    data[start : start + count] = bytes(count)
    path = folder / clip.name
    path.write_bytes(data)
    return path


def cut(clip: Path, folder: Path, keep: float) -> Path:
    """A copy of the first part of ``clip``."""
    path = folder / clip.name
    path.write_bytes(clip.read_bytes()[: round(clip.stat().st_size * keep)])
    return path


# -- whole files ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("matrix", "full_range"), list(itertools.product(("bt709", "smpte170m"), (False, True))))
def test_colours_come_out_as_they_are_tagged(tmp_path: Path, matrix: str, full_range: bool) -> None:
    colours = [(40, 60, 220), (200, 80, 30), (60, 180, 70), (128, 128, 128), (110, 140, 230), (12, 12, 12)]
    golden = np.zeros((64, 64 * len(colours), 3), np.uint8)
    for place, colour in enumerate(colours):
        golden[:, 64 * place : 64 * (place + 1)] = colour
    clip = tmp_path / "golden.mp4"
    write_video(clip, [golden] * 3, matrix=matrix, full_range=full_range, options={"crf": "4", "threads": "1"})
    item = opened(clip).read()
    assert isinstance(item, Frame)
    for place, colour in enumerate(colours):
        assert np.abs(item.image[32, 64 * place + 32].astype(int) - colour).max() <= 3


def test_a_rotated_recording_is_turned_upright(tmp_path: Path) -> None:
    clip = tmp_path / "rotated.mp4"
    upright = painted_frames(3)
    with av.open(str(clip), "w") as container:
        stream = container.add_stream("libx264", rate=RATE, options={"crf": "10", "threads": "1"})
        # Stored lying on its side; the container says how to turn it for display.
        stream.height, stream.width, stream.pix_fmt = 320, 240, "yuv420p"
        stream.set_display_rotation(90)
        for number, image in enumerate(upright):
            frame = to_yuv(np.ascontiguousarray(np.rot90(image, -1)))
            frame.pts, frame.time_base = number, 1 / RATE
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    source = FileSource(clip)
    assert tuple(source.open().size) == (320, 240)
    assert [read_painted_index(item.image) for item in read_all(source) if isinstance(item, Frame)] == [0, 1, 2]


def test_uneven_times_are_kept_exactly(tmp_path: Path) -> None:
    pts = [0, 1001, 2002, 5005, 5006, 9000, 90_000]
    clip = tmp_path / "uneven.mp4"
    write_clip(clip, len(pts), pts=pts, time_base=Fraction(1, 30_000), mux_options={"video_track_timescale": "30000"})
    frames = [item for item in read_all(opened(clip)) if isinstance(item, Frame)]
    assert [item.time for item in frames] == [FrameTime(n, Fraction(1, 30_000)) for n in pts]


def test_missing_times_are_filled_in_and_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Timeless(PictureReader):
        def read(self):  # type: ignore[no-untyped-def]
            item = super().read()
            return item and type(item)(None, *(getattr(item, name) for name in item.__slots__[1:]))

    monkeypatch.setattr("app.capture.file.PictureReader", Timeless)
    source = opened(write_clip(tmp_path / "clip.mkv", 5))
    times = [item.time.seconds for item in read_all(source) if isinstance(item, Frame) and item.time]
    assert times == pytest.approx([0, 0.04, 0.08, 0.12, 0.16])
    assert source.estimated_times == 5


@pytest.mark.parametrize("kind", ["mp4", "mkv", "ts", "b-frames"])
def test_a_loop_counts_and_times_on(clips: dict[str, Path], kind: str) -> None:
    items = read_all(opened(clips[kind], loop=True), 2 * FRAMES + 10)
    frames = [item for item in items if isinstance(item, Frame)]
    assert [item.index for item in frames] == list(range(2 * FRAMES + 10))
    assert [read_painted_index(item.image) for item in frames[FRAMES:]] == [*range(FRAMES), *range(10)]
    steps = {
        round(float((b.time.pts - a.time.pts) * a.time.time_base), 3)
        for a, b in itertools.pairwise(frames)
        if a.time and b.time
    }
    assert steps == {0.04}


def test_sound_and_cover_pictures_do_not_disturb(tmp_path: Path) -> None:
    clip = tmp_path / "sound.mp4"
    with av.open(str(clip), "w") as container:
        sound = container.add_stream("aac", rate=8000)
        video = container.add_stream("libx264", rate=RATE, options={"threads": "1"})
        video.width, video.height, video.pix_fmt = 320, 240, "yuv420p"
        for number, image in enumerate(painted_frames(5)):
            frame = to_yuv(image)
            frame.pts, frame.time_base = number, 1 / RATE
            container.mux(video.encode(frame))
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 8000), np.float32), format="fltp", layout="mono")
        silence.sample_rate = 8000
        container.mux(sound.encode(silence))
        for stream in (video, sound):
            container.mux(stream.encode(None))
    items = read_all(opened(clip))
    assert [type(item) for item in items] == [Frame] * 5 + [Interruption]


# -- damage -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [40, 300, 2000])
@pytest.mark.parametrize("kind", ["mp4", "mkv", "ts", "b-frames"])
def test_damage_in_the_middle_is_told_frame_by_frame(
    clips: dict[str, Path], tmp_path: Path, kind: str, count: int, capfd: pytest.CaptureFixture[str]
) -> None:
    items = read_all(opened(overwritten(clips[kind], tmp_path, count)))
    end = items.pop()
    assert isinstance(end, Interruption)
    assert end.state is SourceState.END
    assert [item.index for item in items] == list(range(len(items)))
    times = [item.time.seconds for item in items if item.time is not None]
    assert times == pytest.approx([0.04 * n for n in range(FRAMES)], abs=1e-3)
    damaged = [item for item in items if isinstance(item, Interruption)]
    assert damaged
    assert len(damaged) < FRAMES / 2 + 4
    assert {item.state for item in damaged} == {SourceState.UNDECODABLE}
    assert all(item.detail for item in damaged)
    # What passes as a frame is one.
    original = painted_frames(FRAMES)
    for item in items:
        if isinstance(item, Frame):
            assert read_painted_index(item.image) == item.index
            error = (item.image.astype(float) - original[item.index]) ** 2
            assert 10 * np.log10(255**2 / error.mean()) > 30
        elif item.picture is not None:
            assert not item.picture.flags.writeable
    assert capfd.readouterr().err == ""


def test_what_is_predicted_from_a_damaged_picture_is_damaged_too(clips: dict[str, Path], tmp_path: Path) -> None:
    items = read_all(opened(overwritten(clips["mp4"], tmp_path, 300)))
    damaged = [item.index for item in items if isinstance(item, Interruption) and item.index is not None]
    # Key frames stand every ten frames: the damage lasts to the next, and not beyond.
    assert damaged == list(range(damaged[0], (damaged[0] // 10 + 1) * 10))
    assert all(item.picture is not None for item in items if isinstance(item, Interruption) and item.index)


def test_a_damaged_frame_does_not_end_a_loop(clips: dict[str, Path], tmp_path: Path) -> None:
    items = read_all(opened(overwritten(clips["mp4"], tmp_path, 300), loop=True), 2 * FRAMES)
    assert [item.index for item in items] == list(range(2 * FRAMES))
    bad = [item.index for item in items if isinstance(item, Interruption) and item.index is not None]
    assert [index - FRAMES for index in bad if index >= FRAMES] == [index for index in bad if index < FRAMES]


@pytest.mark.parametrize(
    ("kind", "words"),
    [("index first", "promises 40 frames, "), ("mkv", "promises 1.60 s, "), ("fragments", "the end of the file")],
)
def test_a_cut_file_says_that_it_ended_early(
    clips: dict[str, Path], tmp_path: Path, kind: str, words: str, capfd: pytest.CaptureFixture[str]
) -> None:
    clip = clips.get(kind)
    if clip is None:
        fragments = {"movflags": "frag_keyframe+empty_moov"}
        clip = write_clip(tmp_path / "whole.mp4", FRAMES, mux_options=fragments)
        (tmp_path / "cut").mkdir()
    items = read_all(opened(cut(clip, tmp_path / "cut" if kind == "fragments" else tmp_path, 0.6)))
    *frames, statement, end = items
    good = [item for item in frames if isinstance(item, Frame)]
    assert [read_painted_index(item.image) for item in good] == list(range(len(good)))
    assert 10 < len(good) < FRAMES
    assert isinstance(statement, Interruption)
    assert (statement.state, statement.index) == (SourceState.UNDECODABLE, len(frames))
    assert statement.detail.startswith("ended early: ")
    assert words in statement.detail
    assert isinstance(end, Interruption)
    assert end.state is SourceState.END
    assert capfd.readouterr().err == ""


def test_a_whole_file_claims_no_lack(clips: dict[str, Path]) -> None:
    for clip in clips.values():
        assert [type(item) for item in read_all(opened(clip))] == [Frame] * FRAMES + [Interruption]


def test_a_recording_that_begins_in_mid_picture_starts_at_its_first_whole_one(
    clips: dict[str, Path], tmp_path: Path
) -> None:
    data = clips["ts"].read_bytes()
    (tmp_path / "late.ts").write_bytes(data[len(data) // 4 // 188 * 188 :])
    items = read_all(opened(tmp_path / "late.ts"))
    *frames, end = items
    painted = [read_painted_index(item.image) for item in frames if isinstance(item, Frame)]
    assert len(painted) == len(frames)
    assert painted == list(range(painted[0], FRAMES))
    assert painted[0] % 10 == 0
    assert isinstance(end, Interruption)


def test_frames_left_out_by_the_recorder_are_no_damage(tmp_path: Path) -> None:
    pts = [*range(15), *range(30, 45)]
    items = read_all(opened(write_clip(tmp_path / "gap.mkv", len(pts), pts=pts, options={"g": "8", "threads": "1"})))
    assert [type(item) for item in items] == [Frame] * len(pts) + [Interruption]


# -- vanished files ---------------------------------------------------------------------------------------------------


def test_a_file_that_vanishes_is_gone_and_goes_on_where_it_was(clips: dict[str, Path], tmp_path: Path) -> None:
    path = tmp_path / "share.mp4"
    shutil.copy(clips["index first"], path)
    source = opened(path)
    before = [source.read() for _ in range(5)]
    os.truncate(path, 0)
    path.unlink()
    items = read_all(source)
    gone = items[-1]
    assert isinstance(gone, Interruption)
    assert gone.state is SourceState.GONE
    assert source.read() == gone
    with pytest.raises(SourceError, match="does not exist"):
        source.open()
    shutil.copy(clips["index first"], path)
    source.open()
    after = [item for item in read_all(source) if isinstance(item, Frame)]
    told = [item for item in (*before, *items) if item.index is not None]
    assert read_painted_index(after[0].image) == len(told)
    assert read_painted_index(after[-1].image) == FRAMES - 1
    assert after[0].time is not None
    assert after[0].time.seconds == pytest.approx(0.04 * read_painted_index(after[0].image))
    assert after[0].index == len(told)


def test_a_file_that_vanishes_between_loops_is_gone(clips: dict[str, Path], tmp_path: Path) -> None:
    path = tmp_path / "loop.mp4"
    shutil.copy(clips["mp4"], path)
    source = opened(path, loop=True)
    path.unlink()
    *frames, gone = read_all(source)
    assert len(frames) == FRAMES
    assert isinstance(gone, Interruption)
    assert gone.state is SourceState.GONE
    assert "does not exist" in gone.detail


def test_a_read_that_the_system_refuses_is_gone(clips: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    source = opened(clips["mp4"])
    source.read()

    def fail(reader: PictureReader) -> Damage:
        raise av.error.OSError(5, "Input/output error")

    monkeypatch.setattr(PictureReader, "read", fail)
    gone = source.read()
    assert isinstance(gone, Interruption)
    assert gone.state is SourceState.GONE
    assert "Input/output error" in gone.detail


# -- what is no video -------------------------------------------------------------------------------------------------


def test_what_is_no_video_is_refused_with_a_reason(
    clips: dict[str, Path], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "text.mp4").write_text("This is not a video.\n" * 50)
    (tmp_path / "notes.txt").write_text("Neither is this.\n" * 50)
    (tmp_path / "list.m3u8").write_text("#EXTM3U\n#EXTINF:10,\nfile:///etc/passwd\n")
    (tmp_path / "zero.mp4").touch()
    (tmp_path / "noise.mkv").write_bytes(np.random.default_rng(1).bytes(20_000))
    data = clips["mp4"].read_bytes()
    (tmp_path / "cut.mp4").write_bytes(data[: len(data) * 2 // 3])
    (tmp_path / "stub.mp4").write_bytes(data[:40])
    with av.open(str(tmp_path / "sound.mp4"), "w") as container:
        sound = container.add_stream("aac", rate=8000)
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 8000), np.float32), format="fltp", layout="mono")
        silence.sample_rate = 8000
        container.mux(sound.encode(silence))
        container.mux(sound.encode(None))
    expected = {
        "missing.mp4": "does not exist",
        "nowhere/missing.mp4": "does not exist",
        "text.mp4": "not a video that can be read",
        "notes.txt": "not a video that can be read",
        "list.m3u8": "not a video that can be read",
        "noise.mkv": "not a video that can be read",
        "zero.mp4": r"is empty \(0 bytes\)",
        "cut.mp4": r"not a complete video: its index \(moov\) is missing",
        "stub.mp4": r"not a complete video: its index \(moov\) is missing",
        "sound.mp4": "holds no video",
    }
    for name, words in expected.items():
        with pytest.raises(SourceError, match=words) as caught:
            FileSource(tmp_path / name).open()
        assert name.rpartition("/")[2] in caught.value.what
        assert caught.value.hint
    assert capfd.readouterr().err == ""


def test_a_folder_is_no_video(tmp_path: Path) -> None:
    with pytest.raises(SourceError):
        FileSource(tmp_path).open()


def test_a_file_without_one_whole_picture_is_refused(clips: dict[str, Path], tmp_path: Path) -> None:
    data = clips["mp4"].read_bytes()
    body, moov = data.index(b"mdat") + 4, data.index(b"moov") - 4
    (tmp_path / "blank.mp4").write_bytes(data[:body] + bytes(moov - body) + data[moov:])
    with pytest.raises(SourceError, match="no picture that can be decoded"):
        FileSource(tmp_path / "blank.mp4").open()


def test_a_file_that_may_not_be_read_is_refused_with_a_reason(clips: dict[str, Path], tmp_path: Path) -> None:
    error = video_error(av.error.PermissionError(13, "Permission denied"), tmp_path / "secret.mp4")
    assert "may not be read" in error.what
    assert error.hint
    if os.geteuid() == 0:
        return  # nothing is forbidden to root
    path = tmp_path / "secret.mp4"
    shutil.copy(clips["mp4"], path)
    path.chmod(0)
    with pytest.raises(SourceError, match="may not be read"):
        FileSource(path).open()


def test_a_name_that_looks_like_an_address_is_a_name(clips: dict[str, Path], tmp_path: Path) -> None:
    path = tmp_path / "concat:a b#1.mp4"
    shutil.copy(clips["mp4"], path)
    assert len(read_all(opened(path))) == FRAMES + 1
