import argparse
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from app.cli import main
from app.day.command import environment, run_live
from app.day.instance import AlreadyRunning, Instance

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def own_runtime(tmp_path, monkeypatch):
    monkeypatch.setenv("POLYPWATCH_RUNTIME", str(tmp_path / "run"))
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")


def live(source: str = "a.mp4", supervisor: bool | None = None) -> argparse.Namespace:
    return argparse.Namespace(source=source, supervisor=supervisor)


def test_a_window_that_nobody_sees_runs_here_and_is_the_only_one_meanwhile():
    def window(args: argparse.Namespace) -> int:
        with pytest.raises(AlreadyRunning):
            run_live(live("b.mp4"), [], lambda _: 0)
        return 5

    assert run_live(live(), [], window) == 5
    assert run_live(live(), [], lambda _: 0) == 0


@pytest.mark.parametrize(
    "source",
    [
        "rtsp://user:secret@cart/1",
        "rtsp://user:p@secret@cart/1",
        "rtsp://user:p/secret@cart/1",
        "http://cart/1?token=secret",
        "gst:rtspsrc user-pw=secret location=rtsp://user:secret@cart/1 ! decodebin",
    ],
)
def test_a_password_in_the_source_is_not_written_down(tmp_path, source):
    def window(args: argparse.Namespace) -> int:
        assert "secret" not in (tmp_path / "run" / "live.json").read_text()
        return 0

    assert run_live(live(source), [], window) == 0


def test_the_command_says_who_has_the_window(capsys):
    instance = Instance.take("camera:0")
    try:
        assert main(["live", "clip.mp4"]) == 13
    finally:
        instance.release()
    said = capsys.readouterr().err
    assert f"Polypwatch is open already (process {os.getpid()}, since 20" in said
    assert "showing camera:0" in said


def test_a_supervised_window_passes_its_status_on(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "app", "live", str(tmp_path / "none.mp4"), "--model", "nosuch", "--supervisor"],
        cwd=ROOT,
        env=environment() | {"POLYPWATCH_CONFIG": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 4, done.stderr
    assert "nosuch" in done.stderr


def test_ctrl_c_ends_supervisor_and_window(tmp_path):
    from app.phantom import bundled

    process = subprocess.Popen(
        [sys.executable, "-m", "app", "live", str(bundled().video), "--loop", "--supervisor"],
        cwd=ROOT,
        env=environment() | {"POLYPWATCH_CONFIG": str(tmp_path)},
        stderr=subprocess.PIPE,
        text=True,
    )
    time.sleep(4.0)
    process.send_signal(signal.SIGINT)
    assert process.wait(40) == 130
    assert "Traceback" not in process.stderr.read()
    process.stderr.close()
    Instance.take("next").release()  # nobody holds the lock any more
