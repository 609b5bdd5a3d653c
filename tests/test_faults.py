"""Everything that breaks in a room, broken on purpose: the video goes on, what was recorded stays, the screen is true.

Each test has the real session, the real window (offscreen) and the real recorder; the AI is a real process where it
matters. What only one part has to bear stands with that part's tests.
"""

import ast
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import av
import pytest

import app
import detector
from app.day.supervise import Supervisor
from app.gui.second_screen import SecondScreen, Standing, second_screen
from app.recording import VideoFile, recover, unrecovered
from app.snapshot import SourceStatus
from detector.errors import OutputError
from detector.geometry import Size
from tests.app.gui.offscreen_screens import DESK, WALL, screens_can_change, set_screens
from tests.faulty_room import RATE, SIZE, Grabber, Seen, sign_of, watch
from tests.full_disk import files_may_grow_to

ROOT = Path(__file__).parents[1]
posix_only = pytest.mark.skipif(sys.platform == "win32", reason="POSIX limits and signals")


def rows(folder: Path) -> list[dict]:
    """The lines of the pictures, without the head."""
    lines = (folder / "frames.jsonl").read_text(encoding="utf-8").splitlines()
    return [row for row in map(json.loads, lines) if "capture_index" in row]


def kept(folder: Path) -> list[dict]:
    """The lines of those that are in a video."""
    return [row for row in rows(folder) if row["record_index"] is not None]


def decoded(folder: Path) -> list[av.VideoFrame]:
    """Every picture of every segment."""
    found = []
    for path in sorted(folder.glob("video-*.mkv")):
        with av.open(str(path)) as video:
            found += list(video.decode(video=0))
    return found


def check_all_recorded(seen: Seen, folder: Path) -> None:
    """Every picture that came is in the video, once."""
    assert [row["capture_index"] for row in kept(folder)] == list(range(seen.last.source.frames))
    assert len(decoded(folder)) == seen.last.source.frames
    assert seen.last.recorder_fault == ""


def told(caplog) -> list[str]:
    """What the window said loudly."""
    return [r.getMessage() for r in caplog.records if r.levelname == "ERROR" and r.name == "app.gui.notices"]


# -- the source -------------------------------------------------------------------------------------------------------


def test_a_device_that_is_unplugged_is_missed_in_words_and_comes_back_by_itself(qtbot, tmp_path):
    grabber = Grabber(until=3 * RATE)

    def unplug() -> None:
        grabber.unplugged = True
        threading.Timer(1.0, setattr, (grabber, "unplugged", False)).start()

    grabber.at[RATE] = unplug
    seen = watch(qtbot, grabber, tmp_path, ai={})
    assert "NO DEVICE" in seen.signs
    gone = [s for s in seen.snapshots if s.source.status is SourceStatus.GONE]
    assert gone
    assert not any(s.markers for s in gone), "a box on a picture that is not the present one"
    assert any(s.markers for s in seen.snapshots[: seen.snapshots.index(gone[0])]), "there was no box to lose"
    after = seen.snapshots[seen.snapshots.index(gone[-1]) + 1 :]
    assert any(s.source.status is SourceStatus.PLAYING for s in after)
    assert any(s.markers for s in after), "boxes did not come back"
    assert seen.last.source.retries >= 1
    check_all_recorded(seen, tmp_path / "recording")


def test_a_frozen_picture_is_named_and_its_boxes_go(qtbot, tmp_path):
    grabber = Grabber(until=6 * RATE)
    grabber.at[RATE] = lambda: setattr(grabber, "frozen", True)
    grabber.at[4 * RATE] = lambda: setattr(grabber, "frozen", False)
    seen = watch(qtbot, grabber, tmp_path, ai={}, watch=True)
    assert any(words.startswith("PICTURE FROZEN") for words in seen.signs)
    frozen = [s for s in seen.snapshots if sign_of(s).startswith("PICTURE FROZEN")]
    assert not any(s.markers for s in frozen)
    after = seen.snapshots[seen.snapshots.index(frozen[-1]) + 1 :]
    assert any(s.source.status is SourceStatus.PLAYING for s in after), "it was frozen for ever"
    assert [row["capture_index"] for row in kept(tmp_path / "recording")] == list(range(seen.last.source.frames))


def test_a_rate_that_changes_changes_no_time_in_the_recording(qtbot, tmp_path):
    grabber = Grabber(until=4 * RATE)
    grabber.at[RATE] = lambda: setattr(grabber, "rate", 50)
    grabber.at[2 * RATE] = lambda: setattr(grabber, "rate", 20)
    seen = watch(qtbot, grabber, tmp_path)
    folder = tmp_path / "recording"
    check_all_recorded(seen, folder)
    lines, frames = kept(folder), decoded(folder)
    in_file = [round(float(frame.pts * frame.time_base) * 1000) for frame in frames]
    assert in_file == pytest.approx([row["pts"] - lines[0]["pts"] for row in lines], abs=1)


def test_a_size_that_changes_begins_a_new_segment_and_loses_nothing(qtbot, tmp_path):
    grabber = Grabber(until=3 * RATE)
    grabber.at[RATE] = lambda: setattr(grabber, "size", Size(320, 240))
    seen = watch(qtbot, grabber, tmp_path)
    folder = tmp_path / "recording"
    check_all_recorded(seen, folder)
    sizes = [(frame.width, frame.height) for frame in decoded(folder)]
    assert sizes == [tuple(SIZE)] * RATE + [(320, 240)] * (2 * RATE)
    assert {row["segment"] for row in kept(folder)} == {1, 2}
    assert seen.last.frame.size == (320, 240)


# -- the recording ----------------------------------------------------------------------------------------------------


@posix_only
def test_a_disk_that_is_full_is_said_and_what_was_recorded_can_be_read(qtbot, tmp_path, caplog):
    grabber = Grabber(until=4 * RATE)
    with files_may_grow_to(500_000):
        seen = watch(qtbot, grabber, tmp_path)
    assert seen.last.source.frames == 4 * RATE
    assert any(s.recorder_fault for s in seen.snapshots), "nobody was told"
    assert told(caplog), "no message"
    assert any("REC" in flag or "LOST" in flag for flag in seen.flags), seen.flags
    assert 0 < len(decoded(tmp_path / "recording")) < 4 * RATE


def test_a_folder_that_cannot_be_written_is_said_before_anything_is_recorded(qtbot, tmp_path):
    in_the_way = tmp_path / "recordings"
    in_the_way.write_text("a file where a folder should be")
    said: list[str] = []

    def record(window, session) -> None:
        with pytest.raises(OutputError) as caught:
            session.start_recording(in_the_way / "1")
        said.append(str(caught.value))

    seen = watch(qtbot, Grabber(until=RATE), tmp_path, record=False, during=record)
    assert str(in_the_way) in said[0]
    assert all(s.recording is None for s in seen.snapshots)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_said_before_anything_is_recorded(qtbot, tmp_path):
    (tmp_path / "locked").mkdir(mode=0o555)

    def record(window, session) -> None:
        with pytest.raises(OutputError):
            session.start_recording(tmp_path / "locked" / "1")

    seen = watch(qtbot, Grabber(until=RATE), tmp_path, record=False, during=record)
    assert all(s.recording is None for s in seen.snapshots)


def test_an_encoder_that_fails_is_said_and_the_picture_does_not_wait(qtbot, tmp_path, monkeypatch, caplog):
    grabber = Grabber(until=4 * RATE)
    write, broken = VideoFile.put, threading.Event()
    grabber.at[2 * RATE] = broken.set

    def failing(self, *args, **kwargs):
        if broken.is_set():
            raise OutputError("The encoder gave up.")
        return write(self, *args, **kwargs)

    monkeypatch.setattr(VideoFile, "put", failing)
    seen = watch(qtbot, grabber, tmp_path)
    assert any("gave up" in s.recorder_fault for s in seen.snapshots), {s.recorder_fault for s in seen.snapshots}
    assert told(caplog) == ["Recording: The encoder gave up. The video goes on."]
    assert 0 < len(decoded(tmp_path / "recording")) <= 2 * RATE + 1
    # What is missing is named, picture by picture.
    assert {row["capture_index"] for row in rows(tmp_path / "recording")} == set(range(4 * RATE))


@posix_only
def test_after_a_sigkill_at_most_a_second_is_missing_and_the_next_start_says_so(tmp_path):
    folder = tmp_path / "recording"
    window = subprocess.Popen(
        [sys.executable, "-m", "tests.recording_window", str(folder)],
        cwd=ROOT,
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert window.stdout.readline() == "recording\n"
    time.sleep(3.0)
    killed_ns = time.perf_counter_ns()  # one clock for all processes of this computer
    window.send_signal(signal.SIGKILL)
    window.wait(10)
    window.stdout.close()
    assert unrecovered(tmp_path) == [folder]
    report = recover(folder)
    lines = kept(folder)
    assert len(decoded(folder)) == report.frames == len(lines)
    assert killed_ns - lines[-1]["captured_ns"] <= 1_000_000_000
    assert [row["capture_index"] for row in lines] == list(range(len(lines)))
    assert len(lines) >= RATE
    assert folder.name in report.words
    assert unrecovered(tmp_path) == []


@posix_only
def test_a_window_that_is_killed_is_back_with_its_recording_gone_on_with(tmp_path):
    folder, said = tmp_path / "recording", []
    pids = tmp_path / "pids"
    supervisor = Supervisor(
        (sys.executable, "-m", "tests.recording_window", str(folder), str(pids)),
        environment={**os.environ, "QT_QPA_PLATFORM": "offscreen", "PYTHONPATH": str(ROOT)},
        spare=False,
        say=said.append,
    )

    def trouble() -> None:
        """Kill the first window when it has recorded for a while, end the second."""
        for segment, number in ((1, signal.SIGKILL), (2, signal.SIGTERM)):
            until(lambda segment=segment: segment_rows(folder, segment) > RATE)
            os.kill(int(pids.read_text().split()[-1]), number)

    thread = threading.Thread(target=trouble)
    thread.start()
    assert supervisor.run() == 130
    thread.join()
    assert said[0] == "polypwatch: the window was ended by SIGKILL and is started again."
    assert said[1].startswith("polypwatch: the picture is back after ")
    with av.open(str(folder / "video-002.mkv")) as second:
        assert sum(1 for _ in second.decode(video=0)) > RATE
    if folder in unrecovered(tmp_path):
        recover(folder)
    assert segment_rows(folder, 1) >= RATE - RATE // 2  # what was not on the disk yet is less than a second
    assert unrecovered(tmp_path) == []


def segment_rows(folder: Path, segment: int) -> int:
    """How many pictures of a segment are listed by now, also while it is written."""
    if not (folder / "frames.jsonl").exists():
        return 0
    return (folder / "frames.jsonl").read_text(encoding="utf-8").count(f'"segment": {segment},')


def until(there) -> None:
    end = time.monotonic() + 40
    while not there() and time.monotonic() < end:
        time.sleep(0.05)


# -- the computer -----------------------------------------------------------------------------------------------------


def test_a_clock_that_is_set_back_changes_nothing(qtbot, tmp_path, monkeypatch):
    grabber = Grabber(until=3 * RATE)
    now, jumped = time.time, threading.Event()
    grabber.at[RATE] = jumped.set
    monkeypatch.setattr(time, "time", lambda: now() - (86_400 if jumped.is_set() else 0))
    seen = watch(qtbot, grabber, tmp_path, ai={})
    check_all_recorded(seen, tmp_path / "recording")
    stamps = [row["captured_ns"] for row in kept(tmp_path / "recording")]
    assert stamps == sorted(stamps)
    assert any(s.markers for s in seen.snapshots[len(seen.snapshots) // 2 :])


def test_nothing_on_the_live_path_measures_with_the_wall_clock():
    """It may name a folder or stamp a journal; no limit, no age and no rate may come from it."""
    home = Path(app.__file__).parent
    files = [*home.glob("*.py"), *Path(detector.__file__).parent.rglob("*.py")]
    for part in ("capture", "picture", "recording", "gui"):
        files += (home / part).glob("*.py")
    trees = {file.name: ast.parse(file.read_text("utf-8")) for file in files}
    found = [f"{name}:{node.lineno}" for name, tree in trees.items() for node in ast.walk(tree) if _wall(node)]
    assert found == []


def _wall(node: ast.AST) -> bool:
    """``time.time``; ``gmtime`` and ``datetime.now`` give a date, which nobody subtracts by accident."""
    return (
        isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "time"
        and node.attr in ("time", "time_ns")
    )


@posix_only
def test_an_ai_that_is_killed_is_named_and_comes_back_while_picture_and_recording_go_on(qtbot, tmp_path):
    grabber = Grabber(until=8 * RATE)
    pid = tmp_path / "pid"
    grabber.at[2 * RATE] = lambda: os.kill(int(pid.read_text()), signal.SIGKILL)
    seen = watch(qtbot, grabber, tmp_path, ai={"pid_file": str(pid)})
    assert "AI RESTARTING" in seen.signs
    restarting = [s for s in seen.snapshots if sign_of(s) == "AI RESTARTING"]
    assert not any(s.markers for s in restarting)
    assert any(s.markers for s in seen.snapshots[seen.snapshots.index(restarting[-1]) :]), "boxes did not come back"
    assert seen.last.ai.restarts == 1
    check_all_recorded(seen, tmp_path / "recording")


def test_a_screen_that_is_taken_away_takes_nothing_else_with_it(qtbot, qapp, tmp_path):
    if why := screens_can_change():
        pytest.skip(why)
    grabber = Grabber(until=4 * RATE)
    made: list[SecondScreen] = []
    stood: list[Standing] = []

    def make(page):
        made.append(second_screen("wall")(page))
        return made[0]

    def pull(window, session) -> None:
        for screens, wanted in ((None, Standing.SHOWN), ((DESK,), Standing.GONE), ((DESK, WALL), Standing.SHOWN)):
            if screens:
                set_screens(*screens)
            qtbot.waitUntil(lambda wanted=wanted: made[0].standing is wanted, timeout=20_000)
            stood.append(made[0].standing)
            assert window.isVisible()

    set_screens(DESK, WALL)
    try:
        seen = watch(qtbot, grabber, tmp_path, features=(make,), during=pull)
    finally:
        set_screens(DESK)
    assert stood == [Standing.SHOWN, Standing.GONE, Standing.SHOWN]
    check_all_recorded(seen, tmp_path / "recording")
