"""After a kill or a power cut: at most a second is missing, the rest can be seen, and nothing is made up."""

import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest

from app.recording import Recorder, RecorderOptions, recover, repair, unrecovered
from app.recording.lines import LinesFile, cut_torn_end
from app.recording.recover import stop_recovering
from detector.errors import OutputError
from detector.procedure import open_procedure
from tests.app.recording.recordings import ROOT, X264, frame, indices, mark, recording, sidecar


class Disk:
    """Knows what is really on the disk: what `os.fsync` was asked for and has done."""

    def __init__(self) -> None:
        self._sync = os.fsync
        self._lock = threading.Lock()
        self._sizes: dict[int, int] = {}
        self._names: dict[str, set[str]] = {}

    def fsync(self, handle: int) -> None:
        state = os.fstat(handle)
        path = os.readlink(f"/proc/self/fd/{handle}")
        names = set(os.listdir(path)) if os.path.isdir(path) else None
        self._sync(handle)
        with self._lock:
            if names is None:
                self._sizes[state.st_ino] = state.st_size
            else:
                self._names[path] = names

    def after_power_cut(self, folder: Path, to: Path) -> None:
        """A copy of the folder with what had reached the disk, and nothing more."""
        assert folder.name in self._names[str(folder.parent)]
        to.mkdir()
        with self._lock:
            for name in self._names[str(folder)]:
                if (folder / name).exists():
                    data = (folder / name).read_bytes()
                    (to / name).write_bytes(data[: self._sizes.get((folder / name).stat().st_ino, 0)])


@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc which file a descriptor is")
def test_the_power_fails_and_at_most_a_second_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = Disk()
    monkeypatch.setattr(os, "fsync", disk.fsync)
    offered: list[float] = []
    with recording(tmp_path / "r", options=RecorderOptions("x264", segment_s=1.0)) as recorder:
        start_s = time.monotonic()
        for n in range(80):
            recorder.offer(frame(n))
            recorder.note_result({"capture_index": n})
            offered.append(time.monotonic())
            time.sleep(max(0.0, start_s + n / 30 - time.monotonic()))
        cut_s = time.monotonic()
        disk.after_power_cut(tmp_path / "r", tmp_path / "cut")
    assert unrecovered(tmp_path) == [tmp_path / "cut"]
    report = recover(tmp_path / "cut")
    assert not report.trouble
    assert unrecovered(tmp_path) == []
    kept = [n for video in sorted((tmp_path / "cut").glob("video-*.mkv")) for n in indices(video)]
    assert kept == list(range(len(kept)))
    assert offered[len(kept)] >= cut_s - 1.0
    procedure = open_procedure(tmp_path / "cut")
    assert [f.capture_index for s in procedure.segments for f in s.frames] == kept
    assert (report.frames, procedure.notes) == (len(kept), ())
    results = [json.loads(line) for line in (tmp_path / "cut" / "results.jsonl").read_text().splitlines()]
    assert [row["capture_index"] for row in results] == list(range(len(results)))
    assert offered[len(results)] >= cut_s - 1.0


KILLED = """
import itertools, sys, time
from fractions import Fraction
from pathlib import Path
import numpy as np
from app.recording import Recorder, RecorderOptions
from detector.frame import Frame, FrameTime
from tests.clips import paint_index

recorder = Recorder(Path(sys.argv[1]), Fraction(30), options=RecorderOptions("x264"))
for n in itertools.count():
    image = paint_index(np.zeros((96, 160, 3), np.uint8), n)
    recorder.offer(Frame(n, FrameTime(n, Fraction(1, 30)), 0, image))
    while recorder.busy:
        time.sleep(0.001)
    print(n, flush=True)
    time.sleep(0.002)
"""


def killed(folder: Path) -> Path:
    """A recording whose program was killed: small, dark and still, the worst case for buffers."""
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(folder)],
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
    return folder


@pytest.fixture(scope="module")
def killed_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return killed(tmp_path_factory.mktemp("killed") / "r")


@pytest.fixture
def cut_off(killed_once: Path, tmp_path: Path) -> Path:
    shutil.copytree(killed_once, tmp_path / "r")
    return tmp_path / "r"


def length_s(video: Path) -> float | None:
    with av.open(str(video)) as container:
        return container.duration / 1e6 if container.duration else None


def test_a_killed_program_loses_less_than_half_a_second(cut_off: Path) -> None:
    assert length_s(cut_off / "video-001.mkv") is None
    assert unrecovered(cut_off.parent) == [cut_off]
    report = recover(cut_off)
    kept = indices(cut_off / "video-001.mkv")
    assert kept == list(range(len(kept)))
    assert len(kept) > 100 - 15
    assert length_s(cut_off / "video-001.mkv") == pytest.approx(len(kept) / 30, abs=0.1)
    rows = sidecar(cut_off)
    assert [row["capture_index"] for row in rows if row["segment"]] == kept
    gone = [row for row in rows if row["segment"] is None]
    assert all(row["lost"] == "interrupted" for row in gone)
    assert (report.frames, report.lost, report.repaired) == (len(kept), len(gone), ("video-001.mkv",))
    assert f"{len(kept)} pictures" in report.words
    assert "is repaired" in report.words
    assert mark(cut_off)["state"] == "recovered"
    assert mark(cut_off)["segments"][0]["frames"] == len(kept)
    assert open_procedure(cut_off).notes == ()


def test_recovering_again_changes_nothing(cut_off: Path) -> None:
    recover(cut_off)
    before = {p.name: p.read_bytes() for p in cut_off.iterdir()}
    again = recover(cut_off)
    assert again.repaired == ()
    assert before == {p.name: p.read_bytes() for p in cut_off.iterdir()}


def test_a_killed_recording_is_gone_on_with_and_made_whole_afterwards(cut_off: Path) -> None:
    before = indices(cut_off / "video-001.mkv")
    with recording(cut_off, resume=True, options=X264) as recorder:
        for n in range(10):
            recorder.offer(frame(n))
        assert unrecovered(cut_off.parent) == []
        with pytest.raises(OutputError, match="is being recorded into"):
            recover(cut_off)
    deadline = time.monotonic() + 10
    while mark(cut_off)["state"] != "recovered" and time.monotonic() < deadline:
        time.sleep(0.01)
    assert indices(cut_off / "video-001.mkv") == before
    assert indices(cut_off / "video-002.mkv") == list(range(10))
    procedure = open_procedure(cut_off)
    assert [len(s.frames) for s in procedure.segments] == [len(before), 10]
    assert {f.session for f in procedure.segments[1].frames} == {2}


def test_a_killed_recording_that_was_gone_on_with_can_be_opened_as_it_is(
    cut_off: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.recording.recorder.recover_later", lambda _: None)
    with recording(cut_off, resume=True, options=X264) as recorder:
        recorder.offer(frame(0))
    procedure = open_procedure(cut_off)
    assert [len(s.frames) for s in procedure.segments] == [len(indices(cut_off / "video-001.mkv")), 1]
    assert unrecovered(cut_off.parent) == [cut_off]


def test_the_old_video_stays_until_the_new_one_is_there(cut_off: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = (cut_off / "video-001.mkv").read_bytes()
    usage: Any = shutil._ntuple_diskusage(10**12, 10**12, 1000)
    with monkeypatch.context() as full:
        full.setattr("app.recording.repair.shutil.disk_usage", lambda _: usage)
        report = recover(cut_off)
    assert "is not repaired yet: the disk has no room for repairing video-001.mkv" in report.words
    assert (cut_off / "video-001.mkv").read_bytes() == before
    assert unrecovered(cut_off.parent) == [cut_off]
    assert recover(cut_off).repaired == ("video-001.mkv",)


def test_a_video_of_which_only_the_beginning_can_be_read_is_kept_beside_its_repaired_copy(
    cut_off: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packets = repair._packets
    monkeypatch.setattr(repair, "_packets", lambda *args: itertools.islice(packets(*args), 5))
    monkeypatch.setattr(repair, "_TORN_BYTES", 0)
    video = cut_off / "video-001.mkv"
    before = video.read_bytes()
    recover(cut_off)
    assert (cut_off / "video-001.damaged.mkv").read_bytes() == before
    assert len(indices(video)) == 5
    assert unrecovered(cut_off.parent) == []


def test_who_wants_to_record_does_not_wait_for_a_repair(cut_off: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, real = threading.Event(), av.open

    def slowly(*args: Any, **kwargs: Any) -> Any:
        begun.set()
        time.sleep(0.2)
        return real(*args, **kwargs)

    monkeypatch.setattr("app.recording.repair.av.open", slowly)
    reports = []
    thread = threading.Thread(target=lambda: reports.append(recover(cut_off)))
    thread.start()
    assert begun.wait(5)
    stop_recovering(cut_off)
    thread.join(10)
    assert reports[0].trouble == "it is being recorded into"
    assert unrecovered(cut_off.parent) == [cut_off]


@pytest.mark.parametrize("tail", [b"\0" * 5000, b'{"capture_index": 4', b"\xff\xfe"])
def test_what_a_power_cut_leaves_at_the_end_of_the_lines_is_cut_off(cut_off: Path, tail: bytes) -> None:
    with (cut_off / "frames.jsonl").open("ab") as file:
        file.write(tail)
    (cut_off / "results.jsonl").write_bytes(b'{"capture_index": 1}\n' + tail)
    recover(cut_off)
    assert len(sidecar(cut_off)) > 80
    assert (cut_off / "results.jsonl").read_bytes() == b'{"capture_index": 1}\n'


def test_a_video_that_nobody_can_read_is_put_aside_and_its_pictures_are_missing(cut_off: Path) -> None:
    (cut_off / "video-002.mkv").write_bytes(bytes(4000))
    report = recover(cut_off)
    assert report.put_aside == ("video-002.unreadable.mkv",)
    assert (cut_off / "video-002.unreadable.mkv").read_bytes() == bytes(4000)
    assert "could not be read and was put aside" in report.words
    assert len(open_procedure(cut_off).segments) == 1
    with recording(cut_off, resume=True, options=X264) as recorder:
        recorder.offer(frame(0))
    assert (cut_off / "video-003.mkv").exists(), "a number is never used twice"


def test_pictures_without_a_line_are_kept_and_their_lines_are_marked_as_estimates(cut_off: Path) -> None:
    """A disk takes files in any order: the video may be further than its lines."""
    lines = (cut_off / "frames.jsonl").read_text().splitlines(keepends=True)
    (cut_off / "frames.jsonl").write_text("".join(lines[:71]))
    recover(cut_off)
    kept = len(indices(cut_off / "video-001.mkv"))
    rows = sidecar(cut_off)
    assert len(rows) == kept > 80
    assert [row["capture_index"] for row in rows] == list(range(kept))
    assert [row.get("estimated", False) for row in rows] == [False] * 70 + [True] * (kept - 70)
    assert [f.time_s for f in open_procedure(cut_off).frames] == pytest.approx([n / 30 for n in range(kept)], abs=0.002)


def test_without_its_mark_a_recording_is_found_by_its_lock(cut_off: Path) -> None:
    (cut_off / "recording.json").write_bytes(b"")
    assert unrecovered(cut_off.parent) == [cut_off]
    assert recover(cut_off).frames > 80
    assert unrecovered(cut_off.parent) == []


def test_what_is_complete_or_no_recording_is_left_alone(tmp_path: Path) -> None:
    with recording(tmp_path / "r", options=X264) as recorder:
        recorder.offer(frame(0))
    (tmp_path / "holiday").mkdir()
    (tmp_path / "newer").mkdir()
    (tmp_path / "newer" / "recording.json").write_text('{"schema": "polypwatch.recording/2", "state": "recording"}')
    assert unrecovered(tmp_path) == []
    assert unrecovered(tmp_path / "none") == []


def test_a_recording_that_has_hardly_begun_is_recovered_too(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "r", Fraction(30), options=X264)
    shutil.copytree(tmp_path / "r", tmp_path / "s")
    recorder.close()
    report = recover(tmp_path / "s")
    assert (report.frames, report.lost, report.trouble) == (0, 0, "")
    assert unrecovered(tmp_path) == []


class TestLines:
    def test_rows_are_appended_to_what_is_there_without_its_torn_end(self, tmp_path: Path) -> None:
        path = tmp_path / "a.jsonl"
        path.write_bytes(b'{"n": 1}\n{"n": 2}\n{"n":')
        lines = LinesFile(path)
        lines.write([{"n": 3}, {"n": 4}])
        lines.close()
        lines.write([{"n": 5}])
        assert path.read_bytes() == b'{"n": 1}\n{"n": 2}\n{"n": 3}\n{"n": 4}\n'

    @pytest.mark.parametrize(
        ("content", "torn"),
        [(b"", 0), (b'{"n": 1}\n', 0), (b'{"n": 1}', 8), (b"\0\0\0", 3), (b'{"n": 1}\n\0\0\n', 3), (b"1\n\n", 1)],
    )
    def test_only_the_torn_end_is_cut_off(self, content: bytes, torn: int, tmp_path: Path) -> None:
        path = tmp_path / "a.jsonl"
        path.write_bytes(content)
        assert cut_torn_end(path) == torn
        assert path.read_bytes() == content[: len(content) - torn]
