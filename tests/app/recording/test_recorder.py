"""Recordings: every frame in order, joined on its capture index, in files of bearable length."""

import json
from pathlib import Path

import pytest

from app.recording import Recorder, RecorderOptions
from detector.errors import OutputError
from detector.frame import Frame
from detector.geometry import Size
from detector.procedure import open_procedure
from tests.app.recording.recordings import SMALL, X264, decoded, frame, grey, indices, mark, recording, sidecar


def test_every_frame_is_there_in_order_and_joins_on_its_capture_index(tmp_path: Path) -> None:
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


def test_frames_without_media_time_are_timed_by_their_capture(tmp_path: Path) -> None:
    with recording(tmp_path / "r", None) as recorder:
        for n in range(3):
            recorder.offer(Frame(n, None, 5_000_000_000 + n * 40_000_000, grey()))
    assert [f.time for f in decoded(tmp_path / "r" / "video-001.mkv")] == pytest.approx([0.0, 0.04, 0.08])
    assert sidecar(tmp_path / "r")[1]["time_base"] is None


def test_a_changed_size_begins_the_next_file(tmp_path: Path) -> None:
    sizes = [SMALL] * 4 + [Size(192, 128)] * 3 + [SMALL] * 2
    with recording(tmp_path / "r") as recorder:
        for n, size in enumerate(sizes):
            recorder.offer(frame(n, size))
    parts = [indices(tmp_path / "r" / f"video-00{n}.mkv") for n in (1, 2, 3)]
    assert parts == [[0, 1, 2, 3], [4, 5, 6], [7, 8]]
    for row in sidecar(tmp_path / "r"):
        assert parts[row["segment"] - 1][row["record_index"]] == row["capture_index"]
    assert decoded(tmp_path / "r" / "video-002.mkv")[0].time == 0


def test_an_odd_pixel_more_or_less_is_the_same_size(tmp_path: Path) -> None:
    with recording(tmp_path / "r") as recorder:
        for n, size in enumerate([SMALL, Size(161, 97)]):
            recorder.offer(frame(n, size))
    assert indices(tmp_path / "r" / "video-001.mkv") == [0, 1]


def test_nothing_offered_leaves_an_empty_sidecar(tmp_path: Path) -> None:
    with recording(tmp_path / "r") as recorder:
        assert not recorder.busy
    assert sidecar(tmp_path / "r") == []
    assert (recorder.fault, recorder.written) == ("", 0)


def test_a_frame_after_the_end_is_no_fault(tmp_path: Path) -> None:
    """The capture thread may still hold the recorder when the user stops it."""
    with recording(tmp_path / "r") as recorder:
        recorder.offer(frame(0))
    assert recorder.offer(frame(1)) is False
    assert (recorder.fault, recorder.lost) == ("", 0)
    recorder.close()


def test_a_new_file_begins_after_a_while(tmp_path: Path) -> None:
    with recording(tmp_path / "r", options=RecorderOptions("x264", segment_s=1.0)) as recorder:
        for n in range(70):
            recorder.offer(frame(n))
    parts = [indices(tmp_path / "r" / f"video-00{n}.mkv") for n in (1, 2, 3)]
    assert parts == [list(range(30)), list(range(30, 60)), list(range(60, 70))]
    assert [len(s.frames) for s in open_procedure(tmp_path / "r").segments] == [30, 30, 10]
    assert recorder.snapshot().seconds == pytest.approx(29 / 30 + 29 / 30 + 9 / 30, abs=0.01)


def test_media_time_that_goes_back_begins_a_new_file(tmp_path: Path) -> None:
    with recording(tmp_path / "r", options=X264) as recorder:
        for n in range(20):
            recorder.offer(frame(n, pts=1000 + n if n < 10 else n))
    assert indices(tmp_path / "r" / "video-002.mkv") == list(range(10, 20))
    assert [f.time for f in decoded(tmp_path / "r" / "video-002.mkv")][-1] == pytest.approx(0.3)


def test_the_mark_says_that_the_recording_is_complete(tmp_path: Path) -> None:
    with recording(tmp_path / "r", options=X264) as recorder:
        assert mark(tmp_path / "r")["state"] == "recording"
        for n in range(5):
            recorder.offer(frame(n))
    said = mark(tmp_path / "r")
    assert (said["schema"], said["state"]) == ("polypwatch.recording/1", "complete")
    assert said["segments"][0] | {"seconds": 0} == {
        "file": "video-001.mkv",
        "session": 1,
        "width": 160,
        "height": 96,
        "frames": 5,
        "blanked": 0,
        "seconds": 0,
        "complete": True,
    }
    assert said["sessions"][0]["encoder"] == "libx264"
    assert not (tmp_path / "r" / "recording.lock").exists()


def test_results_are_kept_in_order(tmp_path: Path) -> None:
    with recording(tmp_path / "r", options=X264) as recorder:
        for n in range(50):
            recorder.note_result({"capture_index": n, "text": "é"})
    lines = (tmp_path / "r" / "results.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == [{"capture_index": n, "text": "é"} for n in range(50)]


def test_a_recording_is_gone_on_with_beside_other_files(tmp_path: Path) -> None:
    folder = tmp_path / "EX-1"
    folder.mkdir()
    (folder / "examination.jsonl").write_text("{}\n")
    for session in range(2):
        with recording(folder, resume=True, options=X264) as recorder:
            for n in range(10):
                recorder.offer(frame(n, captured_ns=5_000_000_000 * session + n))
            recorder.note_result({"session": session})
    assert indices(folder / "video-002.mkv") == list(range(10))
    assert [row.get("session", 1) for row in sidecar(folder)] == [1] * 10 + [2] * 10
    assert recorder.snapshot().seconds == pytest.approx(18 / 30, abs=0.01)
    procedure = open_procedure(folder)
    assert [(f.session, f.capture_index) for f in procedure.frames] == [(s, n) for s in (1, 2) for n in range(10)]
    assert len((folder / "results.jsonl").read_text().splitlines()) == 2
    assert mark(folder)["state"] == "complete"


def test_nobody_else_records_into_the_same_folder(tmp_path: Path) -> None:
    with recording(tmp_path / "r", options=X264), pytest.raises(OutputError, match="another recording goes there"):
        Recorder(tmp_path / "r", None, resume=True)
    assert mark(tmp_path / "r")["state"] == "complete"


def test_the_snapshot_names_the_encoder_and_the_folder(tmp_path: Path) -> None:
    with recording(tmp_path / "r", options=X264) as recorder:
        recorder.offer(frame(0))
        now = recorder.snapshot()
    assert (now.folder, now.encoder, now.lost, now.blanking) == (str(tmp_path / "r"), "libx264", (), False)
