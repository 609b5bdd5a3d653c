"""Whatever the encoder or the disk does: whoever offers never waits, the fault is said, and what was written stays."""

import json
import os
import shutil
import threading
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.recording import Recorder, RecorderOptions, VideoFile, recover, unrecovered
from app.recording.encoders import EncoderError
from detector.errors import OutputError
from detector.frame import Frame, FrameTime
from detector.geometry import Size
from detector.procedure import open_procedure
from tests.app.recording.recordings import BASE, X264, frame, grey, indices, mark, recording, sidecar
from tests.full_disk import files_may_grow_to

NOISE = np.random.default_rng(1).integers(0, 256, (96, 160, 3), np.uint8)


def until(condition: Any) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.01)


def recovered(folder: Path) -> None:
    """Recover, after the recorder itself, which begins with it once its files are let go."""
    deadline = time.monotonic() + 20
    while True:
        try:
            recover(folder)
            return
        except OutputError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def test_what_is_refused_is_counted_shown_and_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.recording.writer._SPOOL_BYTES", 12 * grey().nbytes)
    told = threading.Semaphore(0)
    recorder = Recorder(tmp_path / "r", Fraction(30), told.release, X264)
    taken = [n for n in range(200) if recorder.offer(frame(n))]
    assert recorder.busy
    recorder.close()
    assert 12 <= len(taken) < 200
    assert (recorder.written, recorder.lost) == (len(taken), 200 - len(taken))
    assert recorder.snapshot().lost == (("spool full", 200 - len(taken)),)
    assert "cannot write the video as fast as it comes" in recorder.fault
    assert told.acquire(timeout=1)
    assert not told.acquire(blocking=False), "one fault is told once"
    rows = sidecar(tmp_path / "r")
    assert indices(tmp_path / "r" / "video-001.mkv") == taken
    assert [row["capture_index"] for row in rows if row["record_index"] is not None] == taken
    refused = [row for row in rows if row["record_index"] is None]
    assert {row["capture_index"] for row in refused} == set(range(200)) - set(taken)
    assert all(row["segment"] is None and row["lost"] == "spool full" for row in refused)
    assert mark(tmp_path / "r")["state"] == "complete", "its files are whole all the same"
    assert mark(tmp_path / "r")["sessions"][0]["lost"] == {"spool full": 200 - len(taken)}


def test_a_disk_that_becomes_full_is_a_fault_and_every_frame_is_accounted_for(tmp_path: Path) -> None:
    told = threading.Semaphore(0)
    with files_may_grow_to(60_000):
        recorder = Recorder(tmp_path / "r", Fraction(30), told.release, X264)
        for n in range(40):
            recorder.offer(Frame(n, FrameTime(n, BASE), 0, np.roll(NOISE, n, axis=1)))
        assert told.acquire(timeout=10)
        assert "File too large" in recorder.fault
        assert "Is the disk full or gone?" in recorder.fault
        assert recorder.offer(frame(40)) is False
        recorder.close()
    assert recorder.written < 40
    assert recorder.written + recorder.lost == 41
    assert {cause for cause, _ in recorder.snapshot().lost} == {"disk"}


def test_what_a_full_disk_has_taken_can_be_seen(tmp_path: Path) -> None:
    with files_may_grow_to(200_000):
        recorder = Recorder(tmp_path / "r", Fraction(30), options=X264)
        for n in range(60):
            recorder.offer(Frame(n, FrameTime(n, BASE), 0, np.roll(NOISE, n, axis=1)))
        recorder.close()
    recovered(tmp_path / "r")
    procedure = open_procedure(tmp_path / "r")
    kept = [f.capture_index for f in procedure.segments[0].frames]
    assert kept == list(range(len(kept)))
    assert len(kept) > 5
    assert sorted(f.capture_index for f in procedure.frames) == list(range(60))


def test_a_picture_that_cannot_be_recorded_is_a_fault(tmp_path: Path) -> None:
    with recording(tmp_path / "r") as recorder:
        recorder.offer(Frame(0, None, 0, np.zeros((1, 1, 3), np.uint8)))
    assert "1 x 1 pixels cannot be recorded" in recorder.fault
    assert recorder.snapshot().lost == (("encoder failed", 1),)


@pytest.mark.parametrize("what", ["file", "below-file", "not-empty"])
def test_a_folder_that_cannot_be_used_is_an_error(what: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "not-empty").mkdir()
    (tmp_path / "not-empty" / "video-001.mkv").write_text("an examination")
    folder = tmp_path / "file" / "r" if what == "below-file" else tmp_path / what
    with pytest.raises(OutputError, match=r"Cannot record into .*(File exists|Not a directory|not empty)"):
        Recorder(folder, None)
    assert (tmp_path / "not-empty" / "video-001.mkv").read_text() == "an examination"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_an_error(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(OutputError, match="Permission denied"):
        Recorder(tmp_path / "r", None)


def failing(times: int, monkeypatch: pytest.MonkeyPatch, first: int = 10) -> None:
    """The encoder refuses pictures from the ``first`` on, so many times."""
    put, calls = VideoFile.put, [0]

    def broken(self: VideoFile, *args: Any, **kwargs: Any) -> None:
        calls[0] += 1
        if first < calls[0] <= first + times:
            raise EncoderError("The encoder libx264 failed: out of sessions.")
        put(self, *args, **kwargs)

    monkeypatch.setattr(VideoFile, "put", broken)


def test_after_a_failure_of_the_encoder_the_recording_goes_on_in_another_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(1, monkeypatch)
    with recording(tmp_path / "r", options=X264) as recorder:
        for n in range(30):
            recorder.offer(frame(n))
    assert "libx264 failed: out of sessions" in recorder.fault
    assert recorder.snapshot().lost == (("encoder failed", 1),)
    until(lambda: mark(tmp_path / "r")["state"] != "recording")
    assert indices(tmp_path / "r" / "video-001.mkv") == list(range(10))
    assert indices(tmp_path / "r" / "video-002.mkv") == list(range(11, 30))
    assert [row["capture_index"] for row in sidecar(tmp_path / "r") if row.get("lost")] == [10]


def test_an_encoder_that_keeps_failing_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failing(100, monkeypatch)
    with recording(tmp_path / "r", options=X264) as recorder:
        for n in range(30):
            recorder.offer(frame(n))
        until(lambda: recorder.lost == 20)
        assert not recorder.offer(frame(30))
    assert recorder.snapshot().lost == (("encoder failed", 21),)
    assert indices(tmp_path / "r" / "video-001.mkv") == list(range(10))
    assert sorted(row["capture_index"] for row in sidecar(tmp_path / "r")) == list(range(31))


def test_an_encoder_that_hangs_holds_nobody_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.recording.writer._HANGS_S", 0.3)
    monkeypatch.setattr("app.recording.writer._SPOOL_BYTES", 12 * grey().nbytes)
    go_on, hangs, put = threading.Event(), threading.Event(), VideoFile.put

    def hang(self: VideoFile, *args: Any, **kwargs: Any) -> None:
        if args[1] >= 20 / 30:
            hangs.set()
            go_on.wait(30)
        put(self, *args, **kwargs)

    monkeypatch.setattr(VideoFile, "put", hang)
    told = threading.Semaphore(0)
    recorder = Recorder(tmp_path / "r", Fraction(30), told.release, X264)
    try:
        for n in range(20):
            assert recorder.offer(frame(n))
            until(lambda: not recorder.busy)
        for n in range(20, 60):
            recorder.offer(frame(n))
        assert hangs.wait(5)
        assert told.acquire(timeout=5)
        recorder.note_result({"capture_index": 5})
        until((tmp_path / "r" / "results.jsonl").exists)
        recorder.close(timeout_s=20)
        assert any(words in recorder.fault for words in ("does not answer", "as fast as it comes"))
        assert (recorder.written, recorder.lost) == (20, 40)
        assert {cause for cause, _ in recorder.snapshot().lost} == {"spool full", "closing"}
    finally:
        go_on.set()
    recorder._writer.join(10)
    assert unrecovered(tmp_path) == [tmp_path / "r"]
    recover(tmp_path / "r")
    assert sorted(row["capture_index"] for row in sidecar(tmp_path / "r") if not row.get("estimated")) == list(
        range(60)
    )
    kept = indices(tmp_path / "r" / "video-001.mkv")
    assert kept[:14] == list(range(14))


def test_before_the_disk_is_full_the_recording_ends_and_is_complete(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = [50_000_000_000]

    def usage(_: Path) -> Any:
        return shutil._ntuple_diskusage(100_000_000_000, 0, free[0])

    monkeypatch.setattr("app.recording.recorder.shutil.disk_usage", usage)
    monkeypatch.setattr("app.recording.recorder._SPACE_S", 0.0)
    recorder = Recorder(tmp_path / "r", Fraction(30), options=RecorderOptions("x264", min_free_bytes=10_000_000_000))
    for n in range(10):
        recorder.offer(frame(n))
    free[0] = 10_500_000_000
    until(lambda: "nearly full: 10.5 GB are free" in recorder.snapshot().warning)
    free[0] = 9_900_000_000
    until(lambda: "was ended and is complete up to here" in recorder.fault)
    until(lambda: mark(tmp_path / "r")["state"] == "complete")
    assert not recorder.offer(frame(10))
    recorder.close()
    assert recorder.snapshot().lost == (("disk", 1),)
    assert indices(tmp_path / "r" / "video-001.mkv") == list(range(10))
    with pytest.raises(OutputError, match=r"9\.9 GB are free"):
        Recorder(tmp_path / "s", None, options=RecorderOptions("x264", min_free_bytes=10_000_000_000))


def test_a_computer_that_is_too_slow_is_told_before(tmp_path: Path) -> None:
    with recording(tmp_path / "r", Fraction(1_000_000), options=X264) as recorder:
        recorder.offer(frame(0, Size(320, 240)))
        until(lambda: recorder.written == 1)
        assert "with libx264, and 1e+06 come" in recorder.snapshot().warning


def test_a_disk_that_does_not_answer_is_said_and_holds_nobody_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.recording.recorder._SLOW_DISK_S", -0.2)
    hangs, go_on, sync = threading.Event(), threading.Event(), os.fsync

    def slow(handle: int) -> None:
        hangs.set()
        go_on.wait(30)
        sync(handle)

    monkeypatch.setattr(os, "fsync", slow)
    recorder = Recorder(tmp_path / "r", Fraction(30), options=X264)
    try:
        for n in range(60):
            assert recorder.offer(frame(n))
            until(lambda: not recorder.busy)
        assert hangs.wait(5)
        until(lambda: recorder.written == 60)
        until(lambda: "The disk is slow" in recorder.snapshot().warning)
        recorder.close(timeout_s=0.1)
        assert "could not be finished in time" in recorder.fault
    finally:
        go_on.set()
    recorder.close()
    assert indices(tmp_path / "r" / "video-001.mkv") == list(range(60))
    assert json.loads((tmp_path / "r" / "recording.json").read_text())["state"] == "complete"


def test_a_result_that_cannot_be_written_is_said_and_the_recording_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with recording(tmp_path / "r", options=X264) as recorder:
        recorder.note_result({"capture_index": np.int64(3)})
        until(lambda: recorder.fault)
        recorder.note_result({"capture_index": 4})
        assert recorder.offer(frame(0))
    assert "a part of the recording is missing: internal error TypeError" in recorder.fault
    assert (tmp_path / "r" / "results.jsonl").read_text() == '{"capture_index": 4}\n'
    assert indices(tmp_path / "r" / "video-001.mkv") == [0]
    caplog.clear()


def test_a_disk_keeper_that_breaks_is_a_fault_and_the_video_is_written_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("nobody thought of this")

    monkeypatch.setattr(Recorder, "_look_after", broken)
    with recording(tmp_path / "r", options=X264) as recorder:
        for n in range(5):
            recorder.offer(frame(n))
        until(lambda: recorder.fault)
        until(recorder._writer.done.is_set)
    assert "disk keeper has ended" in caplog.text
    assert "not brought to the disk any more" in recorder.fault
    assert indices(tmp_path / "r" / "video-001.mkv") == list(range(5))


def test_a_writer_that_breaks_is_a_fault_and_the_recording_can_be_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("nobody thought of this")

    monkeypatch.setattr("app.recording.writer.Writer._take_in", broken)
    monkeypatch.setattr("app.recording.writer.Writer._go_on_after", broken)
    with recording(tmp_path / "r", options=X264) as recorder:
        recorder.offer(frame(0))
        until(lambda: recorder.fault)
        assert not recorder.offer(frame(1))
    assert "writer has ended" in caplog.text
    assert "internal error" in recorder.fault
    with recording(tmp_path / "r", options=X264, resume=True):
        pass
