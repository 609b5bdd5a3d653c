import contextlib
import json
import os
import signal
import sys
import threading
import time
from pathlib import Path

import pytest

from app.day.line import ask_to_raise
from app.day.statuses import CRASHED
from app.day.supervise import Limits, Supervisor, say
from app.gui.interrupts import Interrupts

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the stand-in ends itself by POSIX signals")
ROOT = Path(__file__).parents[3]
QUICK = Limits(hung_s=0.8, restart_s=5, closing_s=5, crashes=3, within_s=60, spare_after_s=0.1, poll_s=0.02)


class Room:
    """A supervisor over a scripted window."""

    def __init__(self, folder: Path, *steps: str, limits: Limits = QUICK, spare: bool = False) -> None:
        self.folder = folder
        self.said: list[str] = []
        self.last_words: list[str] = []
        command = (sys.executable, "-m", "tests.app.day.stand_in_window", str(folder), *steps)
        self.supervisor = Supervisor(
            command,
            limits,
            environment={**os.environ, "PYTHONPATH": str(ROOT)},
            spare=spare,
            say=self.said.append,
            last_words=self.last_words.append,
        )

    def run(self) -> int:
        return self.supervisor.run()

    @property
    def starts(self) -> list[dict]:
        return [json.loads(line) for line in (self.folder / "log").read_text().splitlines()]


@pytest.mark.parametrize("status", [0, 2, 7, 130])
def test_a_window_that_ends_as_it_means_to_ends_the_supervisor_with_its_status(tmp_path, status):
    room = Room(tmp_path, f"exit={status}")
    assert room.run() == status
    assert (len(room.starts), room.said) == (1, [])


def test_a_window_that_is_killed_comes_back_and_knows_what_the_one_before_said(tmp_path):
    room = Room(tmp_path, "crash", "beat=0.2")
    assert room.run() == 0
    first, second = room.starts
    assert first["why"] is None
    assert second["why"] == "was ended by SIGKILL"
    assert second["state"] == {"turn": 0, "picture": True}
    assert room.said[0] == "polypwatch: the window was ended by SIGKILL and is started again."
    assert room.said[1].startswith("polypwatch: the picture is back after ")


def test_a_window_that_hangs_is_killed_and_comes_back(tmp_path):
    room = Room(tmp_path, "hang", "exit=0")
    assert room.run() == 0
    assert room.starts[1]["why"] == "hung for 0.8 s"
    with pytest.raises(ProcessLookupError):
        os.kill(room.starts[0]["pid"], 0)


def test_a_window_that_completes_its_files_may_be_silent_for_longer(tmp_path):
    room = Room(tmp_path, "slow")
    assert room.run() == 0
    assert (tmp_path / "completed").exists()
    assert len(room.starts) == 1


def test_a_window_that_the_user_closed_does_not_come_back_however_it_ends(tmp_path):
    room = Room(tmp_path, "crash_closing=good", "exit=0")
    assert room.run() == 1
    assert len(room.starts) == 1
    assert room.said == [
        "polypwatch: the window was ended by SIGKILL while it closed. The next start repairs what it left."
    ]


def test_a_window_that_closes_to_be_opened_anew_comes_back_after_a_crash(tmp_path):
    room = Room(tmp_path, "crash_closing=anew", "exit=0")
    assert room.run() == 0
    assert len(room.starts) == 2


def test_after_the_third_crash_within_a_minute_it_is_given_up_in_words(tmp_path, capfd):
    room = Room(tmp_path, "raise")
    assert room.run() == CRASHED
    assert len(room.starts) == 3
    assert "3 crashes within 60 s. It is not started again. Watch the processor's own monitor." in room.said[-1]
    assert len(room.last_words) == 1
    assert capfd.readouterr().err.count("RuntimeError: nobody expected this") == 3  # the traces are not lost


def test_a_window_that_never_comes_up_is_given_up_however_slowly_it_fails(tmp_path):
    room = Room(tmp_path, "raise", limits=Limits(hung_s=5, within_s=0.001, poll_s=0.02))
    assert room.run() == CRASHED
    assert len(room.starts) == 3
    assert "3 times in a row it has not come up. It is not started again." in room.said[-1]


def test_crashes_far_apart_are_no_loop(tmp_path):
    room = Room(tmp_path, "crash", "crash", "crash", "exit=0", limits=Limits(hung_s=5, within_s=0.3, poll_s=0.02))
    assert room.run() == 0
    assert len(room.starts) == 4


def test_a_spare_takes_over_and_another_one_is_kept(tmp_path):
    room = Room(tmp_path, "crash=1.5", "beat=1.5", spare=True)
    assert room.run() == 0
    first, second = room.starts
    spares = [int(line) for line in (tmp_path / "spares").read_text().splitlines()]
    assert (first["spare"], second["spare"]) == (False, True)
    assert second["pid"] == spares[0]
    assert second["why"] == "was ended by SIGKILL"
    assert len(spares) == 2
    with pytest.raises(ProcessLookupError):
        os.kill(spares[1], 0)  # nothing is left behind


def test_the_wish_to_end_is_passed_on_and_both_end(tmp_path):
    room = Room(tmp_path, "beat=30", spare=True)

    def ask() -> None:
        wait_for(tmp_path / "spares")
        os.kill(os.getpid(), signal.SIGTERM)

    asking = threading.Thread(target=ask)
    asking.start()
    assert room.run() == 130
    asking.join()
    assert (len(room.starts), room.said) == (1, [])


def test_without_a_terminal_to_say_it_on_the_window_comes_back_all_the_same(tmp_path, monkeypatch):
    room = Room(tmp_path, "crash", "exit=0")
    with open("/dev/full", "w") as gone:
        monkeypatch.setattr(sys, "stderr", gone)
        room.supervisor._say = say
        assert room.run() == 0
        monkeypatch.undo()
        with contextlib.suppress(OSError):
            gone.close()
    assert len(room.starts) == 2


@pytest.mark.parametrize(("before", "asked"), [(signal.SIG_DFL, True), (signal.SIG_IGN, False)])
def test_a_terminal_that_is_closed_is_a_wish_to_close_the_window_unless_nohup_was_said(before, asked):
    was = signal.signal(signal.SIGHUP, before)
    try:
        with Interrupts() as interrupts:
            signal.raise_signal(signal.SIGHUP)
        assert interrupts.asked is asked
        assert signal.getsignal(signal.SIGHUP) is before
    finally:
        signal.signal(signal.SIGHUP, was)


def test_a_second_start_brings_the_window_to_the_front(tmp_path):
    room = Room(tmp_path, "beat=1.5")

    def ask() -> None:
        wait_for(tmp_path / "log")
        time.sleep(0.3)
        assert ask_to_raise(room.supervisor.address)

    asking = threading.Thread(target=ask)
    asking.start()
    assert room.run() == 0
    asking.join()
    assert (tmp_path / "raised").exists()
    assert not ask_to_raise(room.supervisor.address)


def test_the_supervisor_stays_small():
    """It must be there when everything else has crashed, and must not cost the window its memory."""
    import subprocess

    code = "import app.cli, app.day.command, sys; print(*sorted(m.split('.')[0] for m in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not {"numpy", "cv2", "av", "PyQt6", "pydantic", "onnxruntime"} & set(done.stdout.split())


def wait_for(path: Path) -> None:
    end = time.monotonic() + 20
    while not path.exists() and time.monotonic() < end:
        time.sleep(0.02)
