"""Recordings: every frame in order, joined on its capture index, and a fault that cannot be missed."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt
import pytest

from app.recorder import Recorder, VideoFile
from detector.errors import OutputError
from detector.frame import Frame, FrameTime
from detector.geometry import Size
from tests.clips import paint_index, read_painted_index
from tests.full_disk import files_may_grow_to

ROOT = Path(__file__).resolve().parents[2]
SMALL = Size(160, 96)
BASE = Fraction(1, 30)


def grey(size: Size = SMALL) -> npt.NDArray[np.uint8]:
    return np.full((size.height, size.width, 3), 90, np.uint8)


def frame(index: int, size: Size = SMALL, pts: int | None = None) -> Frame:
    time = FrameTime(index if pts is None else pts, BASE)
    return Frame(index, time, 1000 + index, paint_index(grey(size), index))


def decoded(path: Path) -> list[av.VideoFrame]:
    with av.open(str(path)) as container:
        return list(container.decode(video=0))


def indices(path: Path) -> list[int]:
    return [read_painted_index(f.to_ndarray(format="bgr24")) for f in decoded(path)]


def sidecar(folder: Path) -> list[dict[str, Any]]:
    first, *rows = [json.loads(line) for line in (folder / "frames.jsonl").read_text().splitlines()]
    assert first == {"schema": "polypwatch.frames/1"}
    return rows


@contextmanager
def recording(folder: Path, rate: Fraction | None = Fraction(30)) -> Iterator[Recorder]:
    recorder = Recorder(folder, rate)
    try:
        yield recorder
    finally:
        recorder.close()


class TestVideoFile:
    def test_colours_come_back_and_are_named_in_the_file(self, tmp_path: Path) -> None:
        colours = [(40, 60, 220), (200, 40, 60), (30, 200, 90), (128, 128, 128), (250, 250, 250)]
        image = np.zeros((96, 160, 3), np.uint8)
        for n, colour in enumerate(colours):
            image[:, 32 * n : 32 * (n + 1)] = colour
        video = VideoFile(tmp_path / "v.mkv", SMALL, Fraction(30))
        for n in range(3):
            video.write(image, n / 30)
        video.close()
        back = decoded(tmp_path / "v.mkv")[-1]
        assert (back.colorspace, back.color_range) == (1, 1)  # BT.709, limited: as every player assumes for HD
        pixels = back.to_ndarray(format="bgr24")
        for n, colour in enumerate(colours):
            assert pixels[48, 32 * n + 16].astype(int) == pytest.approx(colour, abs=5)

    def test_a_key_frame_stands_every_half_second(self, tmp_path: Path) -> None:
        for rate in (Fraction(25), Fraction(30), Fraction(60), None):
            video = VideoFile(tmp_path / "v.mkv", SMALL, rate)
            for n in range(80):
                video.write(paint_index(grey(), n), n / (rate or 25))
            video.close()
            keys = [f.time for f in decoded(tmp_path / "v.mkv") if f.key_frame]
            assert len(keys) > 1
            assert max(np.diff(keys)) <= 0.501

    @pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
    def test_times_are_kept_to_the_millisecond_and_always_grow(self, suffix: str, tmp_path: Path) -> None:
        path = tmp_path / f"v{suffix}"
        times = [0.0, 0.0333, 0.0334, 0.0335, 0.1, 7.5]
        video = VideoFile(path, SMALL, Fraction(30))
        for n, seconds in enumerate(times):
            video.write(paint_index(grey(), n), seconds)
        video.close()
        assert [f.time for f in decoded(path)] == pytest.approx([0.0, 0.033, 0.034, 0.035, 0.1, 7.5])
        assert indices(path) == list(range(6))

    @pytest.mark.parametrize("size", [Size(161, 97), Size(2, 2), Size(3, 2)])
    def test_odd_rows_and_columns_are_left_out(self, size: Size, tmp_path: Path) -> None:
        video = VideoFile(tmp_path / "v.mkv", size, Fraction(30))
        video.write(grey(size), 0.0)
        video.close()
        (back,) = decoded(tmp_path / "v.mkv")
        assert (back.width, back.height) == (size.width // 2 * 2, size.height // 2 * 2)

    def test_pictures_may_lie_in_memory_as_they_like(self, tmp_path: Path) -> None:
        image = paint_index(grey(), 77)
        wide, four = np.zeros((200, 400, 3), np.uint8), np.zeros((96, 160, 4), np.uint8)
        crop, bgr, flipped = wide[50:146, 30:190], four[..., :3], image[::-1].copy()[::-1]
        video = VideoFile(tmp_path / "v.mkv", SMALL, Fraction(30))
        for n, view in enumerate((crop, bgr, flipped)):
            view[:] = image
            view.flags.writeable = False
            video.write(view, n / 30)
        video.close()
        assert indices(tmp_path / "v.mkv") == [77] * 3

    def test_a_picture_of_one_pixel_is_an_error(self, tmp_path: Path) -> None:
        with pytest.raises(OutputError, match="1 x 1 pixels cannot be recorded"):
            VideoFile(tmp_path / "v.mkv", Size(1, 1), None)

    def test_closing_twice_or_without_frames_is_no_trouble(self, tmp_path: Path) -> None:
        video = VideoFile(tmp_path / "v.mkv", SMALL, None)
        video.close()
        video.close()

    def test_a_rate_below_one_frame_in_two_seconds(self, tmp_path: Path) -> None:
        video = VideoFile(tmp_path / "v.mkv", SMALL, Fraction(1, 5))
        video.write(grey(), 0.0)
        video.close()
        assert len(decoded(tmp_path / "v.mkv")) == 1

    def test_a_place_that_cannot_be_written_is_an_error(self, tmp_path: Path) -> None:
        with pytest.raises(OutputError, match="Cannot write"):
            VideoFile(tmp_path / "none" / "v.mkv", SMALL, None)

    def test_a_full_disk_is_an_error(self, tmp_path: Path) -> None:
        (tmp_path / "v.mkv").symlink_to("/dev/full")

        def write() -> None:
            video = VideoFile(tmp_path / "v.mkv", SMALL, None)
            try:
                video.write(grey(), 0.0)
            finally:
                video.close()

        with pytest.raises(OutputError, match="No space left on device"):
            write()


class TestRecorder:
    def test_every_frame_is_there_in_order_and_joins_on_its_capture_index(self, tmp_path: Path) -> None:
        with recording(tmp_path / "r") as recorder:
            assert all(recorder.offer(frame(n, pts=3 * n)) for n in range(100, 190))
        assert (recorder.written, recorder.lost, recorder.fault) == (90, 0, "")
        painted = indices(tmp_path / "r" / "video-001.mkv")
        assert painted == list(range(100, 190))
        rows = sidecar(tmp_path / "r")
        assert [painted[row["record_index"]] for row in rows] == [row["capture_index"] for row in rows]
        assert rows[7] == {
            "capture_index": 107,
            "record_index": 7,
            "segment": 1,
            "pts": 321,
            "time_base": "1/30",
            "captured_ns": 1107,
        }

    def test_frames_without_media_time_are_timed_by_their_capture(self, tmp_path: Path) -> None:
        with recording(tmp_path / "r", None) as recorder:
            for n in range(3):
                recorder.offer(Frame(n, None, 5_000_000_000 + n * 40_000_000, grey()))
        assert [f.time for f in decoded(tmp_path / "r" / "video-001.mkv")] == pytest.approx([0.0, 0.04, 0.08])
        assert sidecar(tmp_path / "r")[1]["time_base"] is None

    def test_a_changed_size_begins_the_next_file(self, tmp_path: Path) -> None:
        sizes = [SMALL] * 4 + [Size(192, 128)] * 3 + [SMALL] * 2
        with recording(tmp_path / "r") as recorder:
            for n, size in enumerate(sizes):
                recorder.offer(frame(n, size))
        parts = [indices(tmp_path / "r" / f"video-00{n}.mkv") for n in (1, 2, 3)]
        assert parts == [[0, 1, 2, 3], [4, 5, 6], [7, 8]]
        for row in sidecar(tmp_path / "r"):
            assert parts[row["segment"] - 1][row["record_index"]] == row["capture_index"]
        assert decoded(tmp_path / "r" / "video-002.mkv")[0].time == 0

    def test_an_odd_pixel_more_or_less_is_the_same_size(self, tmp_path: Path) -> None:
        with recording(tmp_path / "r") as recorder:
            for n, size in enumerate([SMALL, Size(161, 97)]):
                recorder.offer(frame(n, size))
        assert indices(tmp_path / "r" / "video-001.mkv") == [0, 1]

    def test_nothing_offered_leaves_an_empty_sidecar(self, tmp_path: Path) -> None:
        with recording(tmp_path / "r") as recorder:
            assert not recorder.busy
        assert sidecar(tmp_path / "r") == []
        assert (recorder.fault, recorder.written) == ("", 0)

    def test_a_frame_after_the_end_is_no_fault(self, tmp_path: Path) -> None:
        """The capture thread may still hold the recorder when the user stops it."""
        with recording(tmp_path / "r") as recorder:
            recorder.offer(frame(0))
        assert recorder.offer(frame(1)) is False
        assert (recorder.fault, recorder.lost) == ("", 0)
        recorder.close()


class TestFaults:
    def test_what_is_refused_is_counted_shown_and_listed(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("app.recorder._SPOOL_BYTES", 12 * grey().nbytes)
        told = threading.Semaphore(0)
        recorder = Recorder(tmp_path / "r", Fraction(30), told.release)
        frames = [frame(n) for n in range(200)]
        taken = [f.index for f in frames if recorder.offer(f)]
        assert recorder.busy
        recorder.close()
        assert 12 <= len(taken) < 200
        assert (recorder.written, recorder.lost) == (len(taken), 200 - len(taken))
        assert "cannot write the video as fast as it comes" in recorder.fault
        assert told.acquire(timeout=1)
        assert not told.acquire(blocking=False), "one fault is told once"
        rows = sidecar(tmp_path / "r")
        assert indices(tmp_path / "r" / "video-001.mkv") == taken
        assert [row["capture_index"] for row in rows if row["record_index"] is not None] == taken
        refused = [row for row in rows if row["record_index"] is None]
        assert {row["capture_index"] for row in refused} == set(range(200)) - set(taken)
        assert all(row["segment"] is None and row["time_base"] == "1/30" for row in refused)

    def test_a_disk_that_becomes_full_is_a_fault_and_every_frame_is_accounted_for(self, tmp_path: Path) -> None:
        noise = np.random.default_rng(1).integers(0, 256, (96, 160, 3), np.uint8)
        told = threading.Semaphore(0)
        with files_may_grow_to(60_000):
            recorder = Recorder(tmp_path / "r", Fraction(30), told.release)
            for n in range(40):
                recorder.offer(Frame(n, FrameTime(n, BASE), 0, np.roll(noise, n, axis=1)))
            assert told.acquire(timeout=10)
            assert "File too large" in recorder.fault
            assert "Is the disk full or gone?" in recorder.fault
            assert recorder.offer(frame(40)) is False
            recorder.close()
        assert recorder.written < 40
        assert recorder.written + recorder.lost == 41
        assert sorted(row["capture_index"] for row in sidecar(tmp_path / "r")) == list(range(41))

    def test_a_picture_that_cannot_be_recorded_is_a_fault(self, tmp_path: Path) -> None:
        with recording(tmp_path / "r") as recorder:
            recorder.offer(Frame(0, None, 0, np.zeros((1, 1, 3), np.uint8)))
        assert "1 x 1 pixels cannot be recorded" in recorder.fault
        assert recorder.lost == 1

    @pytest.mark.parametrize("what", ["file", "below-file", "not-empty"])
    def test_a_folder_that_cannot_be_used_is_an_error(self, what: str, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        (tmp_path / "not-empty").mkdir()
        (tmp_path / "not-empty" / "video-001.mkv").write_text("an examination")
        folder = tmp_path / "file" / "r" if what == "below-file" else tmp_path / what
        with pytest.raises(OutputError, match=r"Cannot record into .*(File exists|Not a directory|not empty)"):
            Recorder(folder, None)
        assert (tmp_path / "not-empty" / "video-001.mkv").read_text() == "an examination"

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
    def test_a_read_only_folder_is_an_error(self, tmp_path: Path) -> None:
        tmp_path.chmod(0o500)
        with pytest.raises(OutputError, match="Permission denied"):
            Recorder(tmp_path / "r", None)

    def test_what_cannot_be_finished_in_time_is_a_fault(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        go_on = threading.Event()
        write = VideoFile.write

        def hang(self: VideoFile, image: npt.NDArray[np.uint8], seconds: float) -> None:
            go_on.wait(10)
            write(self, image, seconds)

        monkeypatch.setattr(VideoFile, "write", hang)
        recorder = Recorder(tmp_path / "r", None)
        recorder.offer(frame(0))
        recorder.close(timeout_s=0.05)
        assert "could not be finished in time" in recorder.fault
        go_on.set()
        recorder.close()
        assert recorder.written == 1

    def test_a_killed_program_loses_less_than_a_second(self, tmp_path: Path) -> None:
        """The worst case: a small, dark, still picture, of which half a minute fits into a disk buffer."""
        code = f"""
import itertools, time
from fractions import Fraction
from pathlib import Path
import numpy as np
from app.recorder import Recorder
from detector.frame import Frame, FrameTime
from tests.clips import paint_index

recorder = Recorder(Path({str(tmp_path / "r")!r}), Fraction(30))
for n in itertools.count():
    image = paint_index(np.zeros((96, 160, 3), np.uint8), n)
    recorder.offer(Frame(n, FrameTime(n, Fraction(1, 30)), 0, image))
    while recorder.busy:
        time.sleep(0.001)
    print(n, flush=True)
    time.sleep(0.002)
"""
        process = subprocess.Popen(
            [sys.executable, "-c", code],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        with process.stdout as lines:
            for line in lines:
                if int(line) >= 100:
                    break
            process.send_signal(signal.SIGKILL)
            process.wait(10)
        kept = indices(tmp_path / "r" / "video-001.mkv")
        assert kept == list(range(len(kept)))
        assert len(kept) > 100 - 30
        rows = sidecar(tmp_path / "r")
        assert [row["capture_index"] for row in rows[: len(kept)]] == kept
